//! Scenarios 1, 4 and 5: a rush, a queue full of ghosts, and a school behind one address.
//!
//! A seat changes hands within some seconds (the next one's page asks every five), so that seats stand empty
//! for a part of each stay. Stays are minutes here, as they are in a school, and the scenario looks at a
//! part of them only.

use crate::morning::{Morning, Size, runtime, town, used};
use crate::report::Report;
use preau_people::house::Fault;
use preau_people::{Event, Jar, Knock, Leave, Person, Plan};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;

/// Mean stay, in seconds.
const STAY: f64 = 120.0;
const MANY_PAGES: u32 = 100_000;

fn stays(knock: &mut Knock<'_>, mean: f64, think: f64) -> Plan {
    let stay = Duration::from_secs_f64(knock.dice.pause(mean).max(3.0));
    Plan { pages: MANY_PAGES, think, stay: Some(stay), leave: Leave::SignsOut, ..Plan::default() }
}

/// Scenario 1: eight o'clock, ten times as many as there are seats, all of the school.
pub fn eight_o_clock(size: Size) -> Result<Report, Fault> {
    let (seats, seconds, watched) = size.of((150, 10.0, 35), (30, 5.0, 10));
    let people = 10 * seats;
    let town = town(size)?;
    let mut report = Report::default();
    let mut morning = Morning::school(town, seats, 1)?;
    runtime()?.block_on(async {
        let (tally, address) = (morning.tally.clone(), morning.server.address);
        let who = |mut knock: Knock<'_>| {
            let jar = town.jars.get(knock.number as usize)?.clone();
            let plan = stays(&mut knock, STAY, 4.0);
            let browser = preau_people::Browser::new(address, None, jar);
            Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
        };
        morning.come(seconds, |_| f64::from(people) / seconds, who).await;
        morning.look_on(watched).await;
        let (from, to) = (seconds as usize + 1, seconds as usize + watched as usize);
        let all = morning.tally.all();
        let share = used(&morning.tally, seats, from, to) * 100.0;
        let came = all.count(|event| *event == Event::Came);
        report.must(share >= 93.0, format!("{came} people, {share:.1} % of {seats} seats used (>= 93)"));
        let put_out = all.count(|event| *event == Event::PutOut);
        report.must(put_out == 0, format!("{put_out} put out"));
        let over = f64::from(morning.most_taken()) / f64::from(seats) * 100.0 - 100.0;
        report.must(over <= 5.0, format!("admission error {over:.1} % (<= 5)"));
        let blocked = all.count(|event| matches!(event, Event::Refused(_) | Event::Nothing(_)));
        report.must(blocked == 0, format!("{blocked} refused or unanswered"));
        report.also(format!(
            "{} pages, {} times busy",
            all.times(|_| true).len(),
            all.count(|e| *e == Event::Busy)
        ));
        morning.crowd.disperse().await;
        Ok::<_, Fault>(())
    })?;
    morning.server.end()?;
    Ok(report)
}

/// Scenario 4: a third of those who are told to wait go away, and in one third of the queue nine in ten never
/// were people.
pub fn ghosts(size: Size) -> Result<Report, Fault> {
    let (seats, people, seconds, watched) = size.of((300_u32, 1_500_u32, 15.0, 35), (60, 400, 5.0, 14));
    let town = town(size)?;
    let mut report = Report::default();
    let mut morning = Morning::school(town, seats, 4)?;
    runtime()?.block_on(async {
        let (tally, address) = (morning.tally.clone(), morning.server.address);
        let who = |mut knock: Knock<'_>| {
            let jar = town.jars.get(knock.number as usize)?.clone();
            let burst = (people / 4..people * 6 / 10).contains(&knock.number);
            let ghost = knock.dice.yes(if burst { 0.93 } else { 0.3 });
            let mut plan = stays(&mut knock, STAY, 6.0);
            if ghost && knock.number >= seats {
                plan.leave = Leave::RatherThanWait;
            }
            let browser = preau_people::Browser::new(address, None, jar);
            Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
        };
        morning.come(seconds, |_| f64::from(people) / seconds, who).await;
        morning.look_on(watched).await;
        let (from, to) = (seconds as usize + 1, seconds as usize + watched as usize);
        let share = used(&morning.tally, seats, from, to) * 100.0;
        let all = morning.tally.all();
        let gone = all.count(|event| *event == Event::GaveUp);
        report.must(share >= 95.0, format!("{gone} went away, {share:.1} % of {seats} seats used (>= 95)"));
        let over = f64::from(morning.most_taken()) / f64::from(seats) * 100.0 - 100.0;
        report.must(over <= 8.0, format!("overshoot {over:.1} % (<= 8)"));
        let pause = longest_pause(&morning, from as f64, to as f64);
        let bound = size.of(8.0, 12.0);
        report.must(pause <= bound, format!("longest pause between admissions {pause:.1} s (<= {bound})"));
        let put_out = all.count(|event| *event == Event::PutOut);
        report.must(put_out == 0, format!("{put_out} put out"));
        morning.crowd.disperse().await;
        Ok::<_, Fault>(())
    })?;
    morning.server.end()?;
    Ok(report)
}

fn longest_pause(morning: &Morning, from: f64, to: f64) -> f64 {
    let span = morning.tally.span(from, to);
    let entered = span.records.iter().filter(|record| matches!(record.event, Event::In { .. }));
    let mut last = from;
    let mut longest = 0.0_f64;
    for at in entered.map(|record| record.at.as_secs_f64()).chain([to]) {
        longest = longest.max(at - last);
        last = at;
    }
    longest
}

/// Scenario 5: a school of pupils behind one address, three of whom attack it from there.
pub fn one_address(size: Size) -> Result<Report, Fault> {
    let (pupils, seats, seconds, watched) = size.of((1_500_u32, 1_000_u32, 20.0, 34), (90, 60, 5.0, 25));
    let town = town(size)?;
    let school = IpAddr::from(Ipv4Addr::new(203, 0, 113, 7));
    let mut report = Report::default();
    let mut morning = Morning::school(town, seats, 5)?;
    runtime()?.block_on(async {
        let (tally, address) = (morning.tally.clone(), morning.server.address);
        let mut attack = JoinSet::new();
        for _ in 0..3 {
            attack.spawn(async move {
                tokio::time::sleep(Duration::from_secs_f64(seconds * 0.75)).await;
                hammer(address, school).await
            });
        }
        let who = |mut knock: Knock<'_>| {
            if knock.number >= pupils {
                return None;
            }
            let jar = town.jars.get(knock.number as usize)?.clone();
            // The binary for tests needs ten times as long for a page: the short form asks for few.
            let plan = stays(&mut knock, size.of(12.0, 6.0), size.of(3.0, 5.0));
            let browser = preau_people::Browser::new(address, None, jar).forwarded_for(school);
            Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
        };
        // A little more than enough, so that chance leaves nobody at home.
        morning.come(seconds, |_| f64::from(pupils) * 1.2 / seconds, who).await;
        morning.look_on(watched).await;
        attack.shutdown().await;
        let all = morning.tally.all();
        let came = all.count(|event| *event == Event::Came);
        let served = all.count(|event| matches!(event, Event::In { .. }));
        report.must(served == came, format!("{served} of {came} honest ones served"));
        let blocked = all.count(|event| matches!(event, Event::Refused(_) | Event::Busy | Event::Nothing(_)));
        report.must(blocked == 0, format!("{blocked} times blocked"));
        let lane = |sight: &preau_people::Sight| {
            let unknown = sight.lanes.iter().find(|lane| lane.lane == "unknown");
            unknown.map_or(0, |lane| lane.seated)
        };
        let most = morning.sights.iter().map(lane).max().unwrap_or(0);
        // A tenth of the house is their lane's, a fifth of that for those who do not pay the toll.
        let share = seats / 10 + seats / 50;
        report.must(most <= share, format!("the three hold {most} seats at most (<= {share})"));
        morning.crowd.disperse().await;
        Ok::<_, Fault>(())
    })?;
    morning.server.end()?;
    Ok(report)
}

/// A script let loose: a hundred requests a second without a cookie, and with every ticket it has been given.
async fn hammer(address: SocketAddr, school: IpAddr) {
    let mut browsers: Vec<preau_people::Browser> = Vec::new();
    let mut next = 0;
    loop {
        let mut fresh = preau_people::Browser::new(address, None, Jar::new()).forwarded_for(school);
        let _ = fresh.visit("/").await;
        fresh.close();
        if browsers.len() < 200 {
            browsers.push(fresh);
        } else if let Some(browser) = browsers.get_mut(next % 200) {
            let _ = browser.visit("/").await;
            browser.close();
            next += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
