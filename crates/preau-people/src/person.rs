//! A person: comes when the schedule says, signs in if they have to, waits as the page tells them, reads some
//! pages with time to think in between, and leaves.
//!
//! Invariant: a page is due at a moment that depends on this person only; its time counts from there,
//! refusals and retries included. Time in the queue is no page's time.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::browser::{Browser, Jar, Reply, Seen, Waiting};
use crate::chance::Dice;
use crate::house::Account;
use crate::tally::{Event, Kind, Tally};
use crate::toll;

/// Lanes in the order of `/now`.
const LANES: [&str; 4] = ["teacher", "lesson", "known", "unknown"];
/// The waiting page is fetched anew after this long, for a new estimate.
const STALE: Duration = Duration::from_secs(120);
/// After so many clicks without an answer somebody goes away.
const TRIES: u32 = 4;
/// Where a pupil's clicks lead.
const PAGES: [&str; 5] = ["/timetable", "/homework", "/today", "/notices", "/today"];

/// How somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// By the button.
    SignsOut,
    /// By closing the tab.
    Closes,
    /// Without ever having waited: whoever is told to wait goes away at once.
    RatherThanWait,
}

/// What somebody does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The account with which they sign in; without one they are signed in already, or a stranger who looks.
    pub account: Option<Account>,
    /// The first page they ask for.
    pub first: &'static str,
    /// Pages after the first.
    pub pages: u32,
    /// Mean time to think between pages, in seconds.
    pub think: f64,
    /// How they leave.
    pub leave: Leave,
    /// How long they are willing to wait in the queue.
    pub patience: Option<Duration>,
    /// Whether the waiting page's script runs; without it the page refreshes itself.
    pub script: bool,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            account: None,
            first: "/",
            pages: 4,
            think: 3.0,
            leave: Leave::Closes,
            patience: None,
            script: true,
        }
    }
}

/// A person.
#[derive(Debug)]
pub struct Person {
    /// Their number in the tally.
    pub number: u32,
    /// Their browser.
    pub browser: Browser,
    /// What they do.
    pub plan: Plan,
    /// Their chance.
    pub dice: Dice,
    /// Where it is written down.
    pub tally: Tally,
    inside: bool,
    rank: Option<String>,
    came: Instant,
}

/// Somebody goes away before they have done what they came for.
struct Away;

impl Person {
    /// Somebody who has not come yet.
    #[must_use]
    pub fn new(number: u32, browser: Browser, plan: Plan, dice: Dice, tally: Tally) -> Person {
        Person { number, browser, plan, dice, tally, inside: false, rank: None, came: Instant::now() }
    }

    /// The whole visit, due at `due`. Gives the cookies they go home with.
    pub async fn visit(mut self, due: Instant) -> Jar {
        self.came = due;
        self.tally.note(self.number, Event::Came);
        if self.through(due).await.is_ok() {
            self.tally.note(self.number, Event::Left);
        }
        self.browser.jar
    }

    async fn through(&mut self, due: Instant) -> Result<(), Away> {
        let mut page = self.click(self.plan.first, due, Kind::First).await?;
        if let Some(account) = self.plan.account.clone() {
            page = self.sign_in(page, &account).await?;
        }
        for number in 0..self.plan.pages as usize {
            let due = self.thought().await;
            let path = PAGES[(self.number as usize + number) % PAGES.len()];
            page = self.click(path, due, Kind::Reading).await?;
        }
        if self.plan.leave == Leave::SignsOut {
            let due = self.thought().await;
            let csrf = page.csrf().unwrap_or_default();
            self.send("/sign-out", &[("csrf", &csrf)], due, Kind::Reading).await?;
        }
        self.browser.close();
        Ok(())
    }

    /// Thinks; gives the moment at which the next page is due.
    async fn thought(&mut self) -> Instant {
        let due = Instant::now() + Duration::from_secs_f64(self.dice.pause(self.plan.think));
        sleep_until(due).await;
        due
    }

    /// Types name and password, which takes a while, and sends them; again when a waiting page came between.
    async fn sign_in(&mut self, mut page: Reply, account: &Account) -> Result<Reply, Away> {
        for _ in 0..TRIES {
            let Some(csrf) = page.csrf() else { break };
            let due = self.thought().await;
            let fields = [
                ("csrf", csrf.as_str()),
                ("login", &account.login),
                ("password", &account.password),
                ("remember", "on"),
            ];
            page = self.send("/sign-in", &fields, due, Kind::SignIn).await?;
            if page.status.is_success() && !page.text().contains("action=\"/sign-in\"") {
                return Ok(page);
            }
        }
        self.tally.note(self.number, Event::Refused(page.status.as_u16()));
        Err(Away)
    }

    async fn click(&mut self, path: &str, due: Instant, kind: Kind) -> Result<Reply, Away> {
        self.reach(path, None, due, kind).await
    }

    async fn send(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        due: Instant,
        kind: Kind,
    ) -> Result<Reply, Away> {
        self.reach(path, Some(fields), due, kind).await
    }

    /// Asks until there is a page. After a waiting page it is due anew, when the place has come.
    async fn reach(
        &mut self,
        path: &str,
        mut fields: Option<&[(&str, &str)]>,
        mut due: Instant,
        kind: Kind,
    ) -> Result<Reply, Away> {
        let mut path = path.to_owned();
        let mut tries = 0;
        loop {
            let seen = match fields {
                Some(fields) => self.browser.submit(&path, fields).await,
                None => self.browser.visit(&path).await,
            };
            match seen {
                Seen::Page(page) => {
                    self.arrived(kind, due);
                    return Ok(page);
                }
                Seen::Waits(place) => {
                    if self.inside {
                        self.tally.note(self.number, Event::PutOut);
                        self.inside = false;
                    }
                    if let Some(back) = &place.back {
                        // The form was not saved: the person goes on where the page leads.
                        (path, fields) = (back.clone(), None);
                    }
                    self.wait(&place).await?;
                    due = Instant::now();
                }
                Seen::Busy(seconds) => {
                    self.tally.note(self.number, Event::Busy);
                    let hesitates = self.dice.between(1.0, 1.3);
                    sleep(Duration::from_secs_f64(f64::from(seconds) * hesitates)).await;
                }
                Seen::Refused(reply) => {
                    self.tally.note(self.number, Event::Refused(reply.status.as_u16()));
                    return Err(Away);
                }
                Seen::Nothing(fault) => {
                    self.tally.note(self.number, Event::Nothing(fault.to_string()));
                    tries += 1;
                    if tries >= TRIES {
                        return Err(Away);
                    }
                    sleep(Duration::from_secs_f64(self.dice.between(1.0, 3.0))).await;
                }
            }
        }
    }

    fn arrived(&mut self, kind: Kind, due: Instant) {
        if !self.inside {
            self.inside = true;
            let waited = self.came.elapsed();
            self.tally.note(self.number, Event::In { waited, rank: self.rank.take() });
        }
        self.tally.note(self.number, Event::Page { kind, took: due.elapsed() });
    }

    /// Waits before the waiting page until it would load itself again.
    async fn wait(&mut self, place: &Waiting) -> Result<(), Away> {
        match &self.rank {
            None => self.tally.note(self.number, Event::Waits(place.lane.clone())),
            Some(rank) if *rank != place.rank => self.tally.note(self.number, Event::Replaced),
            Some(_) => {}
        }
        self.rank = Some(place.rank.clone());
        if self.plan.leave == Leave::RatherThanWait {
            self.tally.note(self.number, Event::GaveUp);
            return Err(Away);
        }
        let loaded = Instant::now();
        if self.plan.script && self.pay(place).await {
            return Ok(());
        }
        let mut message = None;
        loop {
            let spread = if self.plan.script { self.dice.between(0.7, 1.3) } else { 1.0 };
            sleep(Duration::from_secs_f64(f64::from(place.interval) * spread)).await;
            if self.plan.patience.is_some_and(|patience| self.came.elapsed() > patience) {
                self.tally.note(self.number, Event::GaveUp);
                return Err(Away);
            }
            if !self.plan.script || loaded.elapsed() > STALE {
                return Ok(());
            }
            // Without an answer the place is in the ticket, and waits as long as we do.
            let Ok(reply) = self.browser.fetch("/now").await else { continue };
            let Ok(now) = serde_json::from_str::<serde_json::Value>(&reply.text()) else { continue };
            let lane = LANES.iter().position(|lane| *lane == place.lane).unwrap_or(LANES.len());
            let mark = now["w"][lane].as_str();
            let told = now["m"].as_u64();
            let news = *message.get_or_insert(told) != told;
            if news || place.rank.is_empty() || mark.is_some_and(|mark| place.rank.as_str() <= mark) {
                return Ok(());
            }
        }
    }

    /// Computes what a stranger is asked for, as the page's worker does; whether there was anything to do.
    async fn pay(&mut self, place: &Waiting) -> bool {
        let Some((challenge, cookie)) = place.challenge.clone() else { return false };
        let Ok(Some(proof)) = tokio::task::spawn_blocking(move || toll::answer(&challenge)).await else {
            return false;
        };
        self.browser.jar.insert(cookie, proof);
        true
    }
}
