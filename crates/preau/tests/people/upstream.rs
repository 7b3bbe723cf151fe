//! Scenario 6: the service behind the gate becomes three times slower, then loses half of its workers, then is
//! well again, while nearly twice as many come as it can serve.
//!
//! Each change is given a minute, and the ten seconds after it are looked at: no shorter form would be the
//! same scenario. The gate takes 23 seconds to learn that a service has become slow for good (twenty of doubt
//! and three of trying), its pace grows by a fifth in ten seconds at most, and a visit lasts for half a minute.

use crate::morning::{Morning, Size, runtime};
use crate::report::Report;
use crate::service::Service;
use preau_people::house::Fault;
use preau_people::{Jar, Knock, Person, Plan};

/// Answers of the service, in milliseconds, and its workers.
const MILLIS: u32 = 200;
const WORKERS: u32 = 20;
/// Pages of a visit after the first, and time to think.
const PAGES: u32 = 24;
const THINK: f64 = 1.0;
/// People a second, nearly twice what it can serve, and far fewer than make the gate ask strangers for a toll.
const RATE: f64 = 7.5;

pub fn slow_upstream(size: Size) -> Result<Report, Fault> {
    let mut report = Report::default();
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let (service, upstream) = runtime.block_on(Service::open(WORKERS, MILLIS))?;
    let nowhere = "127.0.0.1:0".parse()?;
    let settings = [("GATE__SESSIONS", "100000"), ("GATE__FIND", "true")];
    let mut morning = Morning::gate(folder.path(), upstream, nowhere, &settings, 6)?;
    let phases: &[(&str, u32, u32)] = size.of(
        &[
            ("at first", WORKERS, MILLIS),
            ("three times slower", WORKERS, 3 * MILLIS),
            ("half as many workers", WORKERS / 2, MILLIS),
            ("well again", WORKERS, MILLIS),
        ],
        &[("at first", WORKERS, MILLIS)],
    );
    runtime.block_on(async {
        for (name, workers, millis) in phases {
            service.set(*workers, *millis);
            come(&mut morning, size.of(60, 12)).await;
            let (before, begun) = (service.done(), morning.tally.now());
            come(&mut morning, 10).await;
            let pages = (service.done() - before) as f64 / (morning.tally.now() - begun);
            let share = pages / service.can() * 100.0;
            let figure = format!("{name}: {share:.0} % of what it can do (>= 90)");
            // The short form has not the time to find anything: it shows that the service is used and whole.
            report.must(share >= size.of(90.0, 50.0), figure);
        }
        let blamed = morning.sights.iter().rev().find_map(|sight| sight.cause_valve.clone());
        let figure = format!("blamed {}", blamed.as_deref().unwrap_or("nobody"));
        report.must(size == Size::Short || blamed.is_some_and(|valve| valve.contains("reading")), figure);
        let all = morning.tally.all();
        report.also(format!("p99 of pages {:.0} ms, {}", all.page_ms(0.99), all.troubles()));
        morning.crowd.disperse().await;
        Ok::<_, Fault>(())
    })?;
    morning.server.end()?;
    Ok(report)
}

async fn come(morning: &mut Morning, seconds: u32) {
    let (tally, address) = (morning.tally.clone(), morning.server.address);
    let who = |knock: Knock<'_>| {
        let plan = Plan { pages: PAGES, think: THINK, paths: &["/cours", "/devoirs"], ..Plan::default() };
        let browser = preau_people::Browser::new(address, None, Jar::new());
        Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
    };
    morning.come(f64::from(seconds), |_| RATE, who).await;
}
