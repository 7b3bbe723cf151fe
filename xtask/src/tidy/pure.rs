//! The engines take time, network and files from outside: given `now` and an input, they answer.
//!
//! That is why 8:00 can be tested at noon, in milliseconds. The rule reads paths such as
//! `std::net::TcpStream` and `Instant::now`; their tests, benches and examples are free.

use super::Finding;
use super::rust_paths::paths;
use crate::tree::Tree;

const RULE: &str = "pure";

/// Crates and what they must not name, as beginnings of paths.
const PURE: [(&str, &[&str]); 2] =
    [("crates/preau-gate/src/", &NO_WORLD), ("crates/preau-sfu/src/", &NO_WORLD)];

const NO_WORLD: [&str; 12] = [
    "std::fs",
    "std::process",
    "std::thread::sleep",
    "thread::sleep",
    "std::time::SystemTime::now",
    "SystemTime::now",
    "Instant::now",
    "std::time::Instant::now",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "tokio",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_ending("rs").filter(|file| !file.is_test()) {
        let Some((_, forbidden)) = PURE.iter().find(|(folder, _)| file.path.starts_with(folder)) else {
            continue;
        };
        for path in paths(&file.text, &[]).iter().filter(|path| !path.own) {
            let named = path.parts.join("::");
            let hit = forbidden.iter().any(|start| {
                named.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            if hit {
                findings.push(Finding::new(&file.path, path.line, RULE, format!(
                    "`{named}` reaches for the outside world: let the caller pass in the time or the bytes."
                )));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_sockets_stay_outside_the_engines() {
        let tree = Tree::of(&[
            (
                "crates/preau-gate/src/queue.rs",
                "use std::time::{Duration, Instant};\nfn f() { Instant::now(); }",
            ),
            ("crates/preau-sfu/src/room.rs", "use std::net::{SocketAddr, UdpSocket};"),
            ("crates/preau-sfu/src/track.rs", "use tokio::sync::mpsc;"),
            ("crates/preau-sfu/tests/rooms.rs", "use std::net::UdpSocket;"),
            ("crates/preau/src/app.rs", "use tokio::net::TcpListener;"),
        ]);
        let all: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 3, "{all:#?}");
        assert!(all[0].starts_with("crates/preau-gate/src/queue.rs:2: [pure] `Instant::now`"), "{all:#?}");
    }
}
