//! Scenario 8: one ticket on five hundred devices, ten thousand replays, forged tickets as fast as they can be
//! sent.

use crate::morning::{Morning, Size, runtime};
use crate::report::Report;
use crate::service::Service;
use preau_people::house::Fault;
use preau_people::tally::quantile;
use preau_people::{Browser, Jar, Seen};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const TICKET: &str = "preau_ticket";
/// Connections over which requests are sent.
const HANDS: usize = 8;
/// Within this the gate takes two claims with one ticket for two tabs of one browser; and a little more.
const SAME_CLAIM: Duration = Duration::from_secs(12);

pub fn copies_and_forgeries(size: Size) -> Result<Report, Fault> {
    let (devices, replays, rounds, each) = size.of((500, 10_000, 7, 6_000), (50, 500, 3, 400));
    let mut report = Report::default();
    let folder = tempfile::tempdir()?;
    let runtime = runtime()?;
    let (service, upstream) = runtime.block_on(Service::open(1_000, 0))?;
    let settings = [("GATE__SESSIONS", "1"), ("GATE__FIND", "false")];
    let mut morning = Morning::gate(folder.path(), upstream, "127.0.0.1:0".parse()?, &settings, 8)?;
    runtime.block_on(async {
        let mut holder = morning.browser(Jar::new());
        let seated = matches!(holder.visit("/cours").await, Seen::Page(_));
        let mut waiter = morning.browser(Jar::new());
        let waits = matches!(waiter.visit("/cours").await, Seen::Waits(_));
        report.must(seated && waits, "one sits, one waits".to_owned());
        let ticket = waiter.jar.get(TICKET).cloned().ok_or("no ticket")?;

        // Forgeries while the house is full: nobody's turn has come, and nobody's comes by them.
        let before = service.done();
        let forgeries = cost(&mut morning, &ticket, rounds, each, &mut report).await?;
        report.must(
            service.done() == before,
            format!("{} of {forgeries} forgeries let in", service.done() - before),
        );

        // The one who sits leaves; the place is called, and everyone who has a copy comes.
        let _ = holder.visit("/leave").await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let shared = Jar::from([(TICKET.to_owned(), ticket)]);
        let mut copies: Vec<Browser> = (0..devices).map(|_| morning.browser(shared.clone())).collect();
        let at_once;
        (copies, at_once) = visit_all(copies).await;
        morning.look_on(2).await;
        let taken = morning.most_taken();
        report.must(taken == 1, format!("{devices} devices with one ticket: {taken} seat"));
        report.also(format!("{at_once} of them shown a page on it while it was new"));
        // Who comes in the same seconds may be one browser with two tabs; who comes later ousts the others.
        tokio::time::sleep(SAME_CLAIM).await;
        copies.extend(visit_all(vec![morning.browser(shared.clone())]).await.0);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (_, sitting) = visit_all(copies).await;
        report.must(sitting == 1, format!("after the next one came with it, {sitting} session counts"));

        let before = service.done();
        let replayed = send(&morning, shared, "/cours", replays).await;
        morning.look_on(2).await;
        let taken = morning.most_taken();
        report.must(
            replayed == replays && taken <= 1,
            format!("{replays} replays: {taken} seat taken at most, {} pages", service.done() - before),
        );
        Ok::<_, Fault>(())
    })?;
    morning.server.end()?;
    Ok(report)
}

/// Each once, some at a time; how many were shown a page.
async fn visit_all(browsers: Vec<Browser>) -> (Vec<Browser>, usize) {
    let mut visiting = JoinSet::new();
    let (mut back, mut pages) = (Vec::new(), 0);
    let mut take = |done: Option<Result<(Browser, bool), tokio::task::JoinError>>| {
        if let Some(Ok((browser, page))) = done {
            back.push(browser);
            pages += usize::from(page);
        }
    };
    for mut browser in browsers {
        visiting.spawn(async move {
            let page = matches!(browser.visit("/cours").await, Seen::Page(_));
            browser.close();
            (browser, page)
        });
        if visiting.len() >= 50 {
            take(visiting.join_next().await);
        }
    }
    while !visiting.is_empty() {
        take(visiting.join_next().await);
    }
    (back, pages)
}

/// So many requests with these cookies and no memory for new ones, over a few kept connections; how many were
/// answered.
async fn send(morning: &Morning, jar: Jar, path: &'static str, count: usize) -> usize {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS {
        let (mut browser, jar) = (morning.browser(jar.clone()), jar.clone());
        let share = count / HANDS + usize::from(hand < count % HANDS);
        hands.spawn(async move {
            let mut answered = 0;
            for _ in 0..share {
                browser.jar.clone_from(&jar);
                answered += usize::from(browser.fetch(path).await.is_ok());
            }
            answered
        });
    }
    let mut answered = 0;
    while let Some(done) = hands.join_next().await {
        answered += done.unwrap_or(0);
    }
    answered
}

/// What a forgery costs the gate, against the same question with a genuine ticket, in turns: processor time of
/// its process. Gives the number of forgeries sent.
async fn cost(
    morning: &mut Morning,
    ticket: &str,
    rounds: usize,
    each: usize,
    report: &mut Report,
) -> Result<usize, Fault> {
    let forged: Vec<String> = (0..64).map(|number| forgery(ticket, number)).collect();
    let mut times: HashMap<(bool, &str), Vec<f64>> = HashMap::new();
    let (mut sent, mut clock) = (0, Duration::ZERO);
    for round in 0..rounds {
        for path in ["/cours", "/now"] {
            for genuine in [true, false] {
                let text = if genuine { ticket } else { &forged[round % forged.len()] };
                let jar = Jar::from([(TICKET.to_owned(), text.to_owned())]);
                let (before, begun) = (morning.server.usage()?, Instant::now());
                let answered = send(morning, jar, path, each).await;
                let cpu = morning.server.usage()?.cpu_since(&before).as_secs_f64();
                if answered != each {
                    return Err(format!("{answered} of {each} requests answered").into());
                }
                times.entry((genuine, path)).or_default().push(cpu / each as f64);
                if !genuine {
                    sent += each;
                    clock += begun.elapsed();
                }
            }
        }
    }
    for (path, name) in [("/cours", "page"), ("/now", "poll")] {
        let mut median = |genuine| quantile(times.entry((genuine, path)).or_default(), 0.5);
        let (poll, forgery) = (median(true), median(false));
        // The kernel counts in steps of 10 ms: a tenth is what that leaves uncertain.
        let figure =
            format!("a forgery costs {:.2} of a {name} with a ticket (<= 1.1)", forgery / poll.max(1e-9));
        // Too few for a figure in the short form.
        report.must(each < 1_000 || forgery <= poll * 1.1, figure);
    }
    report.also(format!("{:.1} k forgeries/s", sent as f64 / clock.as_secs_f64().max(1e-9) / 1e3));
    Ok(sent)
}

/// The ticket with one letter of its code changed.
fn forgery(ticket: &str, number: usize) -> String {
    let mut text = ticket.as_bytes().to_vec();
    let at = 44 + number % 20;
    if let Some(letter) = text.get_mut(at) {
        *letter = if *letter == b'A' { b'B' } else { b'A' };
    }
    String::from_utf8_lossy(&text).into_owned()
}
