//! The scenarios that the gate is held to, as simulations that come out the same on every machine.
//!
//! `make scenarios` prints a line for each: `scenario N NAME pass|fail FIGURES`. They run as a test of
//! this crate too. A figure with a bound that does not hold fails the scenario; what a scenario asks
//! of triage and evidence is not judged here, and a line says so.

#![allow(clippy::unwrap_used, reason = "a scenario that stops here has found what it looks for")]
#![allow(unreachable_pub, reason = "one program of several files")]

mod ghosts;
mod nodes;
mod people;
mod pressure;
mod rush;
mod upstreams;

use people::Report;

type Scenario = (u32, &'static str, fn() -> Report);

const SCENARIOS: [Scenario; 9] = [
    (1, "eight-o-clock", rush::eight_o_clock),
    (2, "flood", pressure::flood),
    (3, "sixth-of-april", upstreams::sixth_of_april),
    (4, "ghosts", ghosts::ghosts),
    (5, "one-address", pressure::one_address),
    (6, "slow-database", upstreams::slow_database),
    (7, "nodes", nodes::nodes),
    (8, "copies-and-forgeries", pressure::copies_and_forgeries),
    (9, "farm", pressure::farm),
];

/// What belongs to another part of the platform altogether.
const LEFT_OUT: (u32, &str, &str) =
    (10, "sealed-record", "the evidence log and its verifier are not part of the gate");

fn main() {
    let only: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let mut failed = 0;
    for (number, name, run) in SCENARIOS {
        if !only.is_empty() && !only.contains(&number) {
            continue;
        }
        let report = run();
        let verdict = if report.broken.is_empty() { "pass" } else { "fail" };
        println!("scenario {number} {name} {verdict} {}", report.figures.join("; "));
        for broken in &report.broken {
            println!("  does not hold: {broken}");
        }
        if let Some(left_out) = report.left_out {
            println!("  not covered here: {left_out}");
        }
        failed += u32::from(!report.broken.is_empty());
    }
    let (number, name, why) = LEFT_OUT;
    if only.is_empty() || only.contains(&number) {
        println!("scenario {number} {name} not covered here: {why}");
    }
    if failed > 0 {
        println!("{failed} of {} scenarios failed", SCENARIOS.len());
        std::process::exit(1);
    }
}
