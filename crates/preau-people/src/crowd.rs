//! A crowd: people come by a schedule, whatever becomes of those before them.
//!
//! Invariant: the moment at which somebody is due depends on the schedule and the dice alone. A schedule
//! that this program cannot keep shows in the pages' times, and in [`Crowd::latest`].

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::browser::Jar;
use crate::chance::Dice;
use crate::person::Person;

/// Somebody at the door: who they are is decided when they come.
#[derive(Debug)]
pub struct Knock<'d> {
    /// Their number, from 0.
    pub number: u32,
    /// Seconds since the schedule began.
    pub at: f64,
    /// Chance, for who they are.
    pub dice: &'d mut Dice,
}

/// Those who have come and not yet gone.
#[derive(Debug)]
pub struct Crowd {
    people: JoinSet<Jar>,
    dice: Dice,
    come: u32,
    latest: Duration,
}

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn new(seed: u64) -> Crowd {
        Crowd { people: JoinSet::new(), dice: Dice::new(seed), come: 0, latest: Duration::ZERO }
    }

    /// People in it now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How late the latest person was let go: time that this program itself had not.
    #[must_use]
    pub fn latest(&self) -> Duration {
        self.latest
    }

    /// Lets people come for `seconds`, at `rate` people a second, by chance (a Poisson process). `who` makes
    /// a person, or none when there is nobody left.
    pub async fn come(
        &mut self,
        seconds: f64,
        rate: impl Fn(f64) -> f64,
        mut who: impl FnMut(Knock<'_>) -> Option<Person>,
    ) {
        let begun = Instant::now();
        let mut at = 0.0;
        loop {
            let pace = rate(at);
            if pace <= 0.0 {
                at += 0.1;
            } else {
                at += self.dice.pause(1.0 / pace);
            }
            if at >= seconds {
                break;
            }
            if pace <= 0.0 {
                continue;
            }
            let due = begun + Duration::from_secs_f64(at);
            // One timer for all who are due in this millisecond.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            self.latest = self.latest.max(due.elapsed());
            let knock = Knock { number: self.come, at, dice: &mut self.dice };
            let Some(person) = who(knock) else { break };
            self.come += 1;
            self.people.spawn(person.visit(due));
            while self.people.try_join_next().is_some() {}
        }
        sleep_until(begun + Duration::from_secs_f64(seconds)).await;
    }

    /// Waits until all have gone, or for so long; gives the cookies of those who have gone since.
    pub async fn go(&mut self, limit: Duration) -> Vec<Jar> {
        let until = Instant::now() + limit;
        let mut jars = Vec::new();
        while let Ok(Some(gone)) = tokio::time::timeout_at(until, self.people.join_next()).await {
            jars.extend(gone.ok());
        }
        jars
    }

    /// Sends home whoever is still there, in the middle of what they do.
    pub async fn disperse(&mut self) {
        self.people.shutdown().await;
    }
}
