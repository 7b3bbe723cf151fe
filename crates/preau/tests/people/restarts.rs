//! Scenario 7: the gate is killed at the peak and started again, and later twice put in its own place without
//! a gap.

use crate::morning::{Morning, Size, runtime, start_gate};
use crate::report::Report;
use crate::service::Service;
use preau_people::house::Fault;
use preau_people::{Event, Jar, Knock, Leave, Person, Plan, Tally};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// People a second: fewer than would make the gate ask strangers for a toll.
const RATE: f64 = 10.0;
const STAY: f64 = 30.0;
/// Waiting pages near the front ask every five seconds, and sooner or later by a third: who is called at the
/// same moment comes in within so many seconds of each other.
const SPREAD: u32 = 15;

pub fn restarts(size: Size) -> Result<Report, Fault> {
    let (seats, coming, after) = size.of((60, 16, 12), (20, 5, 6));
    let mut report = Report::default();
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let (_service, upstream) = runtime.block_on(Service::open(1_000, 5))?;
    let listen = SocketAddr::from(([127, 0, 0, 1], preau_testkit::port::free_tcp()?));
    let quota = seats.to_string();
    let settings = [("GATE__SESSIONS", quota.as_str()), ("GATE__FIND", "false")];
    let mut morning = Morning::gate(folder.path(), upstream, listen, &settings, 7)?;
    runtime.block_on(async {
        come(&mut morning, coming).await;
        // At the peak, as by a power cut; for a second nobody answers.
        let killed = morning.tally.now();
        let dead = morning.server;
        dead.kill()?;
        tokio::time::sleep(Duration::from_millis(700)).await;
        morning.server = start_gate(folder.path(), upstream, listen, &settings)?;
        let back = morning.tally.now();
        morning.look_on(after).await;
        for _ in 0..2 {
            let replaced = morning.tally.now();
            morning.server.replace().await?;
            morning.look_on(after / 2).await;
            let span = morning.tally.span(replaced, morning.tally.now());
            let lost =
                span.count(|event| matches!(event, Event::Nothing(_) | Event::Refused(_) | Event::Busy));
            report.must(lost == 0, format!("{lost} unanswered while it was replaced"));
        }
        let all = morning.tally.all();
        let waited = all.count(|event| matches!(event, Event::Waits(_)));
        let lost = all.count(|event| *event == Event::Replaced);
        report.must(lost == 0 && waited > 0, format!("{lost} of {waited} tickets not believed"));
        let put_out = all.count(|event| *event == Event::PutOut);
        report.must(put_out == 0, format!("{put_out} put out"));
        let (late, of) = out_of_order(&morning.tally);
        report.must(
            late * 100 <= of,
            format!("{late} of {of} came in more than {SPREAD} s out of order (<= 1 %)"),
        );
        // What the gate counts, and what the people themselves say.
        let most = all.inside(0).into_iter().max().unwrap_or(0).max(i64::from(morning.most_taken()));
        let over = most as f64 / f64::from(seats) * 100.0;
        report.must(over <= 105.0, format!("admission {over:.1} % at most (<= 105)"));
        let down = morning.tally.span(killed, back + 3.0);
        report.also(format!(
            "down for {:.1} s, {} unanswered then",
            back - killed,
            down.count(|event| matches!(event, Event::Nothing(_)))
        ));
        let since = morning.tally.span(back + 3.0, morning.tally.now());
        let entered = since.count(|event| matches!(event, Event::In { .. }));
        report.must(entered > 0, format!("{entered} came in after the kill"));
        morning.crowd.disperse().await;
        Ok::<_, Fault>(())
    })?;
    Ok(report)
}

async fn come(morning: &mut Morning, seconds: u32) {
    let (tally, address) = (morning.tally.clone(), morning.server.address);
    let who = |knock: Knock<'_>| {
        let stay = Duration::from_secs_f64(knock.dice.pause(STAY).max(3.0));
        let plan = Plan {
            pages: 100_000,
            think: 2.0,
            paths: &["/cours"],
            stay: Some(stay),
            leave: Leave::By("/leave"),
            ..Plan::default()
        };
        // Each from a network of their own: places go by the second of arrival.
        let [.., high, low] = knock.number.to_be_bytes();
        let from = IpAddr::from([127, 1 + high, low, 1]);
        let browser = preau_people::Browser::new(address, Some(from), Jar::new());
        Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
    };
    morning.come(f64::from(seconds), |_| RATE, who).await;
}

/// How many of those who waited came in after somebody who had come much later, and how many waited.
fn out_of_order(tally: &Tally) -> (usize, usize) {
    let slot = |rank: &str| u32::from_str_radix(rank.get(..8).unwrap_or_default(), 16).ok();
    let mut entered = BTreeMap::new();
    for (number, record) in tally.all().records.iter().enumerate() {
        if let Event::In { rank: Some(rank), .. } = &record.event
            && let Some(slot) = slot(rank)
        {
            entered.insert((record.at, number), slot);
        }
    }
    let (mut highest, mut late) = (0, 0);
    for slot in entered.values() {
        late += usize::from(slot + SPREAD < highest);
        highest = highest.max(*slot);
    }
    (late, entered.len())
}
