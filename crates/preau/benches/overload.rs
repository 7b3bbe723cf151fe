//! `overload_goodput`, `overload_p99_ms`, `overload_recovery_s`: twice as many people as the workspace can
//! serve, for a minute, at the door of the real server.
//!
//! The mix: everybody comes on a device known from an earlier sign-in, asks for the front page, reads nine
//! pages with two seconds to think between them (on average), and closes the tab. One in ten has no session
//! any more, signs in (argon2id, about 29 ms of a core) and signs out at the end. So a visit is about ten
//! pages and a tenth of a password.
//!
//! *Saturation* is looked for first, without pressure from the gate (all may come in at once): the rate of
//! arrivals grows slowly until pages are late, and the most pages a second over ten seconds in which at least 99
//! in 100 pages were there within a second of being due is what the server can do. A page counts from the moment it was due:
//! refusals, retries and this program's own delays are part of its time. Then, on a server that has just
//! started: half a minute at three quarters of saturation, a minute at twice saturation, and a quarter of a
//! minute in which nobody comes any more. *Goodput* is the pages of that minute that were there within a
//! second, as a share of saturation; *p99* is over all pages of that minute; *recovery* is from the last
//! arrival to the end of the last second in which more than one page in a hundred took longer than a second.
//! The peer is the same server with capacity not looked for and a quota that nobody reaches.
//!
//! The server has the first core to itself as far as this program is concerned, the people the second. How
//! much of the first core others took is printed: figures taken on a busy machine say less.

#[path = "../tests/people/devices.rs"]
mod devices;

use preau_people::house::{Fault, Server, stay_on};
use preau_people::{Browser, Crowd, Event, House, Jar, Knock, Leave, Person, Plan, Tally};
use preau_testkit::bench::Measurement;
use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

const RUNS: usize = 3;
/// A page is worth something within this, in seconds.
const WORTH: f64 = 1.0;
/// Pages after the first.
const PAGES: u32 = 9;
const THINK: f64 = 2.0;
/// Share of people who sign in.
const SIGN_IN: f64 = 0.1;
const SERVER_CORE: usize = 0;
const PEOPLE_CORE: usize = 1;
/// Seconds of the ramp, of warming up, of overload, and of looking on afterwards.
const RAMP: f64 = 120.0;
const WARM: f64 = 90.0;
const OVERLOAD: f64 = 60.0;
const AFTER: f64 = 15.0;
/// Devices, used once each on one server; whoever comes after them finds the school empty.
const DEVICES: usize = 30_000;

const GATE: [(&str, &str); 3] =
    [("GATE__SESSIONS", "100000"), ("GATE__FIND", "true"), ("GATE__LESSONS", "false")];
const NO_GATE: [(&str, &str); 3] =
    [("GATE__SESSIONS", "1000000"), ("GATE__FIND", "false"), ("GATE__LESSONS", "false")];

/// What is the same for all phases.
struct Town {
    house: House,
    jars: Vec<Jar>,
}

/// A server with its people.
struct Morning<'t> {
    town: &'t Town,
    server: Server,
    tally: Tally,
    crowd: Crowd,
    next: Cell<usize>,
}

impl<'t> Morning<'t> {
    fn begin(town: &'t Town, settings: &[(&str, &str)], seed: u64) -> Result<Morning<'t>, Fault> {
        town.house.forget_queue();
        let server = town.house.serve(settings, Some(SERVER_CORE))?;
        Ok(Morning { town, server, tally: Tally::default(), crowd: Crowd::new(seed), next: Cell::new(0) })
    }

    /// People come for so many seconds.
    async fn come(&mut self, seconds: f64, rate: impl Fn(f64) -> f64) {
        let (town, tally, next, address) = (self.town, &self.tally, &self.next, self.server.address);
        let accounts = town.house.pupils();
        let who = |knock: Knock<'_>| {
            let number = next.replace(next.get() + 1);
            let mut jar = town.jars.get(number)?.clone();
            let mut plan = Plan { pages: PAGES, think: THINK, ..Plan::default() };
            if knock.dice.yes(SIGN_IN) {
                jar.remove("preau_session");
                plan.account = Some(accounts[number % accounts.len()].clone());
                plan.leave = Leave::SignsOut;
            }
            // Many addresses: no address runs out of ports.
            let [_, b, c, d] = (number as u32).to_be_bytes();
            let from = IpAddr::from([127, 1 + b, c, d.max(1)]);
            let browser = Browser::new(address, Some(from), jar);
            Some(Person::new(knock.number, browser, plan, knock.dice.another(), tally.clone()))
        };
        self.crowd.come(seconds, rate, who).await;
    }
}

/// Seconds of work of all processes on a core, and of idleness, since the machine started.
fn core_times(core: usize) -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(&format!("cpu{core} "))).unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|text| text.parse().ok()).collect();
    let of = |at: usize| ticks.get(at).copied().unwrap_or(0.0) / 100.0;
    (ticks.iter().take(8).sum::<f64>() / 100.0 - of(3) - of(4), of(3) + of(4))
}

/// What saturation is found to be.
#[derive(Debug, Clone, Copy)]
struct Saturation {
    /// Pages a second.
    pages: f64,
    /// People a second.
    people: f64,
    p99_ms: f64,
}

async fn saturation(town: &Town, seed: u64, expected: f64) -> Result<Saturation, Fault> {
    let mut morning = Morning::begin(town, &NO_GATE, seed)?;
    // A page costs less when many are asked for: what few of them cost says only where to begin.
    let mut late = 0;
    for second in 0..RAMP as u32 {
        morning.come(1.0, |_| expected * (0.6 + 2.4 * f64::from(second) / RAMP)).await;
        let now = morning.tally.now();
        let bad = morning.tally.span(now - 1.0, now).page_ms(0.99) > 2.0 * WORTH * 1e3;
        late = if bad { late + 1 } else { 0 };
        if late == 5 {
            break;
        }
    }
    if late < 5 {
        return Err("the server was never saturated: the figures would be of half a load".into());
    }
    let end = morning.tally.now();
    let mut best = Saturation { pages: 0.0, people: 0.0, p99_ms: 0.0 };
    for from in (5..(end as u32).saturating_sub(10)).map(f64::from) {
        let span = morning.tally.span(from, from + 10.0);
        let (pages, p99_ms) = (span.goodput(WORTH), span.page_ms(0.99));
        if p99_ms <= WORTH * 1e3 && pages > best.pages {
            best = Saturation { pages, people: pages / f64::from(PAGES + 1), p99_ms };
        }
    }
    println!(
        "  saturation: {:.0} pages/s ({:.1} people/s), p99 {:.0} ms; in the ramp {}",
        best.pages,
        best.people,
        best.p99_ms,
        morning.tally.all().troubles()
    );
    morning.crowd.disperse().await;
    morning.server.end()?;
    if best.pages == 0.0 { Err("the server was saturated from the start".into()) } else { Ok(best) }
}

/// People a second that one core would bear, by what few of them cost.
async fn expected(town: &Town) -> Result<f64, Fault> {
    let mut morning = Morning::begin(town, &NO_GATE, 1)?;
    morning.come(10.0, |_| 8.0).await;
    let before = (morning.server.usage()?, morning.tally.now());
    morning.come(20.0, |_| 8.0).await;
    let cpu = morning.server.usage()?.cpu_since(&before.0).as_secs_f64();
    let pages = morning.tally.span(before.1, morning.tally.now()).times(|_| true).len() as f64;
    morning.crowd.disperse().await;
    morning.server.end()?;
    println!("  a page costs {:.2} CPU ms, sign-ins included", cpu / pages * 1e3);
    Ok(pages / cpu / f64::from(PAGES + 1))
}

/// What became of twice saturation.
#[derive(Debug)]
struct Overload {
    goodput: f64,
    p99_ms: f64,
    recovery: f64,
}

async fn overload(
    town: &Town,
    name: &str,
    settings: &[(&str, &str)],
    saturation: Saturation,
    seed: u64,
) -> Result<Overload, Fault> {
    let mut morning = Morning::begin(town, settings, seed)?;
    morning.come(WARM, |_| 0.75 * saturation.people).await;
    let (from, work, cpu) = (morning.tally.now(), core_times(SERVER_CORE), morning.server.usage()?);
    let verbose = std::env::var_os("PREAU_OVERLOAD_VERBOSE").is_some();
    for second in 0..OVERLOAD as u32 {
        morning.come(1.0, |_| 2.0 * saturation.people).await;
        if verbose {
            let now = morning.tally.now();
            let span = morning.tally.span(now - 1.0, now);
            let sight = morning.server.sight().await?;
            let valves: Vec<String> = sight
                .valves
                .iter()
                .map(|valve| {
                    format!(
                        "{} {}/{} line {} served {} refused {} base {} median {}{}",
                        valve.valve,
                        valve.inflight,
                        valve.limit,
                        valve.waiting,
                        valve.served,
                        valve.refused,
                        valve.base_ms,
                        valve.median_ms,
                        if valve.saturated { " SAT" } else { "" }
                    )
                })
                .collect();
            println!(
                "    {second:>2} s: {:.0} pages/s good, p99 {:.0} ms, in {}, {}; seats {} taken {} pace {:?} {} {:?}; waiting {}; {}",
                span.goodput(WORTH),
                span.page_ms(0.99),
                span.count(|event| matches!(event, Event::In { .. })),
                span.troubles(),
                sight.seats,
                sight.taken,
                sight.pace,
                sight.cause,
                sight.cause_valve,
                sight.lanes.iter().map(|lane| lane.waiting).sum::<u32>(),
                valves.join("; ")
            );
        }
    }
    let to = morning.tally.now();
    let after = (core_times(SERVER_CORE), morning.server.usage()?);
    let late = morning.crowd.latest();
    morning.crowd.go(Duration::from_secs_f64(AFTER)).await;
    let span = morning.tally.span(from, to);
    let slow = |second: &f64| morning.tally.span(*second, second + 1.0).page_ms(0.99) > WORTH * 1e3;
    let mut seconds = (0..AFTER as u32).map(|second| to + f64::from(second));
    let recovery = seconds.rfind(slow).map_or(0.0, |second| second + 1.0 - to);
    let busy = after.0.0 - work.0;
    let ours = after.1.cpu_since(&cpu).as_secs_f64();
    let share = span.goodput(WORTH) / saturation.pages;
    println!(
        "  {name}: {:.1} % of saturation ({:.0} pages/s), p99 {:.0} ms, recovery {recovery:.0} s; {}; {} came in, {} waited; others took {:.0} % of the core, {:.0} % idle; latest arrival {:.0} ms late",
        share * 100.0,
        span.goodput(WORTH),
        span.page_ms(0.99),
        span.troubles(),
        span.count(|event| matches!(event, Event::In { .. })),
        span.count(|event| matches!(event, Event::Waits(_))),
        (busy - ours).max(0.0) / (to - from) * 100.0,
        (after.0.1 - work.1) / (to - from) * 100.0,
        late.as_secs_f64() * 1e3
    );
    let overload = Overload { goodput: share, p99_ms: span.page_ms(0.99), recovery };
    morning.crowd.disperse().await;
    morning.server.end()?;
    Ok(overload)
}

async fn measure(town: &Town) -> Result<(), Fault> {
    let runs = std::env::var("PREAU_OVERLOAD_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS);
    let expected = expected(town).await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for run in 0..runs as u64 {
        println!("run {} of {runs}", run + 1);
        let saturation = saturation(town, 10 + run, expected).await?;
        with.push(overload(town, "with the gate", &GATE, saturation, 20 + run).await?);
        without.push(overload(town, "without", &NO_GATE, saturation, 30 + run).await?);
    }
    type Figure = fn(&Overload) -> f64;
    let figures: [(&str, &str, Figure); 3] = [
        ("overload_goodput", "of saturation", |run| run.goodput),
        ("overload_p99_ms", "ms", |run| run.p99_ms),
        ("overload_recovery_s", "s", |run| run.recovery),
    ];
    for (name, unit, figure) in figures {
        let of = |runs: &[Overload]| runs.iter().map(figure).collect::<Vec<_>>();
        let peer = Measurement::of("no_gate", unit, &of(&without)).value;
        let result = Measurement::of(name, unit, &of(&with)).peer("no_gate", peer);
        println!(
            "{name}: {:.3} {unit}, spread {:.0} %; without a gate {peer:.3}",
            result.value,
            result.spread * 100.0
        );
        result.leave()?;
    }
    Ok(())
}

fn main() -> Result<(), Fault> {
    let house = House::demo(env!("CARGO_BIN_EXE_preau"))?;
    let jars = devices::known(&house, DEVICES)?;
    let town = Town { house, jars };
    stay_on(PEOPLE_CORE)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&town))
}
