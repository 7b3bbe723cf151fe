//! Two nodes of one house over a real Redis: they share its seats, know each other's tickets, and go on when
//! the store is gone.

use super::super::{Order, order};
use crate::config::Config;
use crate::edge::{Clock, Platform};
use crate::store::Store;
use preau_gate::{Arrival, DeviceId, Verdict};
use preau_nodes::NodesConfig;
use preau_testkit::Redis;
use std::path::Path;
use std::time::{Duration, Instant};

const SEATS: u32 = 10;

fn node(folder: &Path, secret: &Path, url: &str) -> Platform {
    let mut config = Config::in_folder(folder.to_owned());
    config.gate.sessions = SEATS;
    config.gate.floor = 1;
    config.gate.secret_file = Some(secret.to_owned());
    config.gate.nodes = Some(NodesConfig { url: url.to_owned(), leave_seconds: 1, ..NodesConfig::default() });
    std::fs::create_dir_all(folder).expect("a folder");
    let store = Store::open(&config.store.url).expect("a store");
    Platform::new(config, store, Clock::System).expect("a platform")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(90), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Somebody who comes again and again until they are in.
struct Visitor {
    number: u8,
    ticket: Option<String>,
    inside: bool,
}

impl Visitor {
    fn asks(&mut self, platform: &Platform) {
        let door = platform.door();
        let arrival = Arrival { ticket: self.ticket.as_deref(), ..Arrival::default() };
        match door.0.gate.decide(&arrival, || DeviceId::new([self.number; 12]), door.now()) {
            Verdict::Admit(_) => self.inside = true,
            Verdict::Wait(wait) => {
                self.ticket = wait.ticket.map(|text| text.as_str().to_owned()).or(self.ticket.take());
            }
        }
    }
}

#[test]
fn two_nodes_share_the_seats_of_one_house() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").expect("written");
    let redis = Redis::start().expect("a store");
    let url = redis.url();
    let nodes = ["a", "b"].map(|name| node(&folder.path().join(name), &secret, &url));
    for node in &nodes {
        node.door().start().expect("started");
    }
    until("both know of each other", || {
        nodes
            .iter()
            .all(|node| node.door().nodes().is_some_and(|report| report.nodes == 2 && report.lease > 0))
    });
    let leased = |node: &Platform| node.door().nodes().map_or(0, |report| report.lease);
    until("the seats are shared out", || nodes.iter().map(leased).sum::<u32>() == SEATS);

    let mut visitors: Vec<Visitor> =
        (1..=40).map(|number| Visitor { number, ticket: None, inside: false }).collect();
    let inside = |visitors: &[Visitor]| visitors.iter().filter(|visitor| visitor.inside).count();
    // Each keeps to a node, as a balancer would have it; a seat may be lent beyond the last one to a teacher
    // or somebody who returns, and nobody here is either.
    until("the house is full", || {
        for visitor in visitors.iter_mut().filter(|visitor| !visitor.inside) {
            visitor.asks(&nodes[usize::from(visitor.number % 2)]);
        }
        inside(&visitors) >= SEATS as usize
    });
    for _ in 0..20 {
        for visitor in visitors.iter_mut().filter(|visitor| !visitor.inside) {
            visitor.asks(&nodes[usize::from(visitor.number % 2)]);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(inside(&visitors), SEATS as usize);
    // A ticket of one node is one on the other.
    let ticket =
        visitors.iter().find(|visitor| !visitor.inside).and_then(|visitor| visitor.ticket.as_deref());
    let ticket = ticket.expect("somebody waits");
    let now = nodes[0].door().now();
    assert!(nodes.iter().all(|node| node.door().0.gate.read_ticket(ticket, now).is_ok()));

    // The operator's ceiling is the house's, on every node.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(order(&nodes[0], Order::Ceiling(Some(30)))).expect("taken");
    until("the other node has heard", || nodes[1].door().nodes().is_some_and(|report| report.seats == 30));

    // Without the store each goes on with what it has, and says so.
    drop(redis);
    until("both have noticed", || {
        nodes.iter().all(|node| node.door().nodes().is_some_and(|report| report.severed_since.is_some()))
    });
    assert!(nodes.iter().all(|node| leased(node) > 0));
    assert!(nodes.iter().map(leased).sum::<u32>() <= 30);
}
