//! What requests, handshakes and idle connections cost at the front, beside nginx and HAProxy.
//!
//! `gate_decision` (a ticket is checked by the real gate and answered), `gate_now`, `gate_proxy` and
//! `tls_handshake` in requests a second of processor time of the server's process, whoever waits for it;
//! `idle_connection_bytes` in memory of that process for each connection on which somebody waits.
//!
//! Every server runs as a process of its own with one thread. Rounds are interleaved, so that a noisy
//! machine is noisy for all. Load: wrk with 64 connections that are kept, and for handshakes a client here.
//! Needs `nginx`, `haproxy` and `wrk`.

#[path = "front/load.rs"]
mod load;
#[path = "front/peers.rs"]
mod peers;
#[path = "front/server.rs"]
mod server;

use load::{handshakes, idle_plain, idle_tls, wrk};
use peers::{Peers, Served};
use preau_testkit::Usage;
use preau_testkit::bench::Measurement;
use std::collections::BTreeMap;
use std::error::Error;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const IDLE: usize = 10_000;
const IDLE_TLS: usize = 2_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Results of one contestant in one discipline, a number a round.
type Table = BTreeMap<(&'static str, &'static str), Vec<f64>>;

/// What `load` costs the server: units a second of its processor time.
fn per_core(served: &Served, load: impl FnOnce() -> Outcome<u64>) -> Outcome<f64> {
    let before = Usage::of(served.pid())?;
    let done = load()?;
    let cpu = Usage::of(served.pid())?.cpu_since(&before);
    Ok(done as f64 / cpu.as_secs_f64())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "server") {
        return server::run(&arguments[1..]);
    }
    let peers = Peers::start()?;
    let ours = peers.ours()?;
    let ticket = ours.ticket.clone();
    let cookie = format!("Cookie: ticket={ticket}");
    let mut table = Table::new();
    for round in 0..=ROUNDS {
        let mut note = |discipline, who, value: f64| {
            // The first round warms everything up.
            if round > 0 {
                table.entry((discipline, who)).or_default().push(value);
            }
        };
        let mut plain = |discipline, who, served: &Served, path: &str, header: &str| -> Outcome<()> {
            let rate = per_core(served, || wrk(served.address, path, header))?;
            note(discipline, who, rate);
            Ok(())
        };
        plain("static", "nginx_static", &peers.nginx, "/static", &cookie)?;
        plain("decision", "ours", &ours.plain, "/page", &cookie)?;
        plain("static", "nginx_return", &peers.nginx, "/return", &cookie)?;
        plain("static", "nginx_static_cached", &peers.nginx, "/cached", &cookie)?;
        plain("now", "ours", &ours.plain, "/now", &cookie)?;
        plain("static", "haproxy", &peers.haproxy, "/return", &cookie)?;
        plain("proxy", "ours", &ours.proxy, "/through", &cookie)?;
        plain("proxy", "nginx_proxy", &peers.nginx, "/through", &cookie)?;
        plain("proxy", "haproxy", &peers.haproxy, "/through", &cookie)?;
        for (who, served, address) in [
            ("ours", &ours.plain, ours.https),
            ("nginx", &peers.nginx, peers.nginx_https),
            ("haproxy", &peers.haproxy, peers.haproxy_https),
        ] {
            let rate = per_core(served, || handshakes(address, peers.root()))?;
            if round > 0 {
                table.entry(("handshake", who)).or_default().push(rate);
            }
        }
        eprintln!("round {round} of {ROUNDS}");
    }
    let median = |discipline, who| -> Outcome<f64> {
        let runs = table.get(&(discipline, who)).ok_or("a round is missing")?;
        Ok(Measurement::of(who, "", runs).value)
    };
    let result =
        |name: &str, discipline: &'static str, unit: &str, rivals: &[(&'static str, &'static str)]| {
            let runs = table.get(&(discipline, "ours")).ok_or("a round is missing")?;
            let mut measurement = Measurement::of(name, unit, runs);
            for (group, who) in rivals {
                measurement = measurement.peer(who, median(group, who)?);
            }
            measurement.leave()?;
            println!("{}: {:.0} {unit}, spread {:.0} %", name, measurement.value, measurement.spread * 100.0);
            for peer in &measurement.peers {
                println!("    {} {:.0}: x{:.2}", peer.name, peer.value, peer.ratio);
            }
            Outcome::Ok(())
        };
    // A static file as Debian configures it, and with descriptors kept open; an answer from memory.
    let from_memory = [
        ("static", "nginx_static"),
        ("static", "nginx_static_cached"),
        ("static", "nginx_return"),
        ("static", "haproxy"),
    ];
    result("gate_decision", "decision", "req/CPU-s", &from_memory)?;
    result("gate_now", "now", "req/CPU-s", &from_memory)?;
    result("gate_proxy", "proxy", "req/CPU-s", &[("proxy", "nginx_proxy"), ("proxy", "haproxy")])?;
    result(
        "tls_handshake",
        "handshake",
        "handshakes/CPU-s",
        &[("handshake", "nginx"), ("handshake", "haproxy")],
    )?;
    drop(ours);

    // Memory, on servers that have seen nothing else.
    let fresh = peers.ours()?;
    let plain = idle_plain(&fresh.plain, fresh.plain.address, IDLE)?;
    let nginx = idle_plain(&peers.nginx, peers.nginx.address, IDLE)?;
    let fresh = peers.ours()?;
    let tls = idle_tls(&fresh.plain, fresh.https, peers.root(), IDLE_TLS)?;
    let nginx_tls = idle_tls(&peers.nginx, peers.nginx_https, peers.root(), IDLE_TLS)?;
    for (name, ours, nginx) in
        [("idle_connection_bytes", plain, nginx), ("idle_tls_connection_bytes", tls, nginx_tls)]
    {
        Measurement::of(name, "bytes", &[ours]).peer("nginx", nginx).leave()?;
        println!("{name}: {ours:.0} (nginx {nginx:.0})");
    }
    Ok(())
}
