//! What a decision costs: nanoseconds per verdict, for each kind of request, on one thread and two.
//!
//! `cargo bench -p preau-gate`. The queue holds 200,000 waiters; medians of several rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use preau_gate::{Arrival, DeviceId, Gate, Moment, Quota, Rules, Scheduler, Secret, Standing, Verdict};

const ROUNDS: usize = 7;
const DECISIONS: u32 = 50_000;

fn device(n: u64) -> DeviceId {
    let mut bytes = [0; 12];
    // Spread like random numbers: multiplication by an odd constant permutes the 64-bit numbers.
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[11] = n as u8;
    DeviceId::new(bytes)
}

fn measure(name: &str, threads: usize, decide: impl Fn(u64) + Sync) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let decide = &decide;
                    scope.spawn(move || {
                        for n in 0..u64::from(DECISIONS) {
                            decide((thread as u64) << 40 | n);
                        }
                    });
                }
            });
            start.elapsed().as_nanos() as f64 / f64::from(DECISIONS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let spread = (rounds[ROUNDS - 1] - rounds[0]) / rounds[ROUNDS / 2] * 100.0;
    println!(
        "{name:<42} {threads} thread(s)  {:>8.0} ns/decision  spread {spread:>3.0} %",
        rounds[ROUNDS / 2]
    );
}

fn waiting(gate: &Gate, n: u64, now: Moment) -> String {
    match gate.decide(&Arrival::default(), || device(n), now) {
        Verdict::Wait(wait) => wait.ticket.map(|text| text.to_string()).unwrap_or_default(),
        Verdict::Admit(_) => panic!("the gate should be full"),
    }
}

fn main() {
    let mut now = Moment::from_unix_seconds(1_795_000_000);
    let secret = Secret::new([7; 32]);
    let (gate, mut scheduler) =
        Scheduler::open(Rules::default(), secret, Box::new(Quota(1)), None, now).expect("rules hold");

    let Verdict::Admit(admission) = gate.decide(&Arrival::default(), || device(0), now) else {
        panic!("the first one walks in");
    };
    let session = admission.renewed.expect("a new session").to_string();
    // Shown once, the session is no longer provisional; signed in, its device is known.
    let read = gate.read_session(&session, now).expect("a session");
    let (session, _) = gate.recognise(&read, Standing::Known, now).expect("a seat");
    let session = session.to_string();

    let mut tickets = Vec::new();
    for second in 0..200_u64 {
        for n in 0..1_000 {
            let ticket = waiting(&gate, 1 + second * 1_000 + n, now);
            if n % 10 == 0 {
                tickets.push(ticket);
            }
        }
        now = now + Duration::from_secs(1);
        scheduler.tick(now);
    }
    let seated = now - Duration::from_secs(150);
    let fresh = || device(u64::MAX);
    let start = Instant::now();
    scheduler.tick(now);
    println!("one tick with 200,000 waiters: {:?}", start.elapsed());

    let mut forged = tickets[5].clone();
    forged.replace_range(40..44, "AAAA");
    for threads in [1, 2] {
        let wait = |n: u64| {
            let ticket = Some(tickets[n as usize % tickets.len()].as_str());
            black_box(gate.decide(&Arrival { ticket, ..Arrival::default() }, fresh, now));
        };
        measure("ticket whose turn has not come", threads, wait);
        measure("session, believed on its signature", threads, |_| {
            let arrival = Arrival { session: Some(&session), ..Arrival::default() };
            black_box(gate.decide(&arrival, fresh, seated));
        });
        measure("session, to be signed anew", threads, |_| {
            let arrival = Arrival { session: Some(&session), ..Arrival::default() };
            black_box(gate.decide(&arrival, fresh, now));
        });
        measure("newcomer, gets a ticket", threads, |n| {
            black_box(gate.decide(&Arrival::default(), || device(1_000_000 + n), now));
        });
        measure("forged ticket, as sign of life", threads, |_| {
            black_box(gate.heartbeat(&forged, now));
        });
        measure("now_json", threads, |_| {
            black_box(gate.now_json());
        });
    }
}
