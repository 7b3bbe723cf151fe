//! Scenarios of the gate in front of the real server, over loopback: whole people, real cookies, real kills.
//!
//! `make scenarios REAL=1` runs them in full with the binary as it is published, a line each: `scenario N NAME
//! pass|fail FIGURES`; `cargo test -p preau --test people` runs a short form with the binary for tests. The
//! figures are shares, orders and counts, none of them a speed; where processor time counts, it is the server's
//! own, of one kind of request against another. They still take minutes of real time: `make test` leaves them.
//!
//! Bounded: half a minute to two minutes stand for a morning. What that changes is said where it does.

#![allow(unreachable_pub, reason = "one program of several files")]

mod copies;
mod devices;
mod morning;
mod report;
mod restarts;
mod rush;
mod service;
mod upstream;

use morning::Size;
use preau_people::house::{Fault, stay_on};
use report::Report;

type Scenario = (u32, &'static str, fn(Size) -> Result<Report, Fault>);

const SCENARIOS: [Scenario; 6] = [
    (1, "eight-o-clock", rush::eight_o_clock),
    (4, "ghosts", rush::ghosts),
    (5, "one-address", rush::one_address),
    (6, "slow-upstream", upstream::slow_upstream),
    (7, "restarts", restarts::restarts),
    (8, "copies-and-forgeries", copies::copies_and_forgeries),
];

/// The core of the people; the server has the other.
const PEOPLE_CORE: usize = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let size = if arguments.iter().any(|argument| argument == "full") { Size::Full } else { Size::Short };
    let only: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let _ = stay_on(PEOPLE_CORE);
    let mut failed = 0;
    for (number, name, run) in SCENARIOS {
        if !only.is_empty() && !only.contains(&number) {
            continue;
        }
        let report = run(size).unwrap_or_else(|fault| Report::fault(&*fault));
        let verdict = if report.broken.is_empty() { "pass" } else { "fail" };
        println!("scenario {number} {name} {verdict} {}", report.figures.join("; "));
        for broken in &report.broken {
            println!("  does not hold: {broken}");
        }
        failed += u32::from(!report.broken.is_empty());
    }
    if failed > 0 {
        println!("{failed} scenarios failed against the real server");
        std::process::exit(1);
    }
}
