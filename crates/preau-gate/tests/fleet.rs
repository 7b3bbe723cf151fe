//! Several nodes: leases, the store's memory, clocks; and, whatever is lost, delayed, repeated or
//! forgotten, never more people than seats.

use std::time::Duration;

use preau_gate::{Ask, Capacity, Grant, LANES, Ledger, Load, Member, Moment, NodeId, Rank};
use proptest::prelude::*;

const NOWHERE: [Rank; LANES] = [Rank::from_bits(0); LANES];

fn at(millis: u64) -> Moment {
    Moment::from_unix_millis(1_795_000_000_000 + millis)
}

fn load(seated: u32, waiting: u32) -> Load {
    Load { seated, waiting, admitted: 0 }
}

/// Every node asks and is answered; what they may give out afterwards.
fn round<const N: usize>(
    ledger: &mut Ledger,
    nodes: &mut [Member; N],
    loads: [(u32, u32); N],
    millis: u64,
) -> [u32; N] {
    for (node, (seated, waiting)) in nodes.iter_mut().zip(loads) {
        node.read(load(seated, waiting), at(millis));
        let ask = node.ask(NOWHERE, at(millis)).expect("a second has passed");
        let grant = ledger.renew(&ask, at(millis + 5)).expect("in order");
        node.granted(&grant, at(millis + 10));
    }
    std::array::from_fn(|n| nodes[n].read(load(loads[n].0, loads[n].1), at(millis + 20)).seats)
}

fn rounds<const N: usize>(
    ledger: &mut Ledger,
    nodes: &mut [Member; N],
    loads: [(u32, u32); N],
    seconds: std::ops::Range<u64>,
) -> [u32; N] {
    seconds.map(|second| round(ledger, nodes, loads, second * 1_000)).last().expect("a round")
}

#[test]
fn seats_go_where_people_wait_and_come_back() {
    let mut ledger = Ledger::new(100);
    let mut nodes = [1, 2].map(|n| Member::new(NodeId(n)));
    assert_eq!(rounds(&mut ledger, &mut nodes, [(0, 0), (0, 0)], 0..10), [0, 0], "the store learns first");
    assert_eq!(rounds(&mut ledger, &mut nodes, [(0, 0), (0, 0)], 10..16), [50, 50]);
    let seats = rounds(&mut ledger, &mut nodes, [(50, 500), (10, 0)], 16..22);
    assert!(seats[0] >= 90 && seats[1] >= 10 && seats[0] + seats[1] <= 101, "{seats:?}");
    // The first is full; people at the second wait for what the first gives back.
    let seats = rounds(&mut ledger, &mut nodes, [(60, 0), (10, 500)], 22..28);
    assert!(seats[1] >= 35, "{seats:?}");
}

#[test]
fn no_seat_is_lost_in_the_division() {
    let lease_of = |seats: u32, loads: [(u32, u32); 3]| {
        let mut ledger = Ledger::new(seats);
        let mut nodes = [7, 3, 5].map(|n| Member::new(NodeId(n)));
        rounds(&mut ledger, &mut nodes, loads, 0..40)
    };
    assert_eq!(lease_of(11, [(0, 0); 3]), [3, 4, 4], "the lowest numbers have one more");
    assert_eq!(lease_of(120, [(0, 0), (1, 0), (0, 0)]), [39, 41, 40]);
    // Not enough: by what they want, and nothing for who wants nothing.
    assert_eq!(lease_of(10, [(0, 7), (0, 7), (0, 0)]), [5, 5, 0]);
    for seats in 0..40 {
        for loads in [[(0, 0), (0, 3), (0, 1)], [(0, 9), (0, 17), (0, 5)], [(0, 40), (0, 1), (0, 1)]] {
            let leases = lease_of(seats, loads);
            assert_eq!(leases.iter().sum::<u32>(), seats, "{leases:?} for {loads:?}");
        }
    }
}

#[test]
fn a_store_without_memory_gives_nothing_away_before_it_has_learnt() {
    let mut ledger = Ledger::new(90);
    let mut nodes = [1, 2, 3].map(|n| Member::new(NodeId(n)));
    let full = [(30, 500); 3];
    assert_eq!(rounds(&mut ledger, &mut nodes, full, 0..20), [30; 3]);
    // Everything is forgotten. The first that asks may not have what the others hold.
    let mut ledger = Ledger::new(90);
    assert_eq!(rounds(&mut ledger, &mut nodes, full, 20..40), [30; 3]);
    // An older memory comes back, in which the third held nothing: the first ask shows it.
    let mut old = Ledger::new(90);
    let mut newcomers = [1, 2].map(|n| Member::new(NodeId(n)));
    rounds(&mut old, &mut newcomers, [(0, 90), (0, 0)], 0..20);
    assert_eq!(round(&mut old, &mut nodes, full, 40_000), [30; 3]);
    assert_eq!(rounds(&mut old, &mut nodes, full, 41..60), [30; 3]);
}

#[test]
fn late_and_repeated_asks_are_ignored() {
    let mut ledger = Ledger::new(100);
    let node = Member::new(NodeId(1));
    let first = node.ask(NOWHERE, at(0)).unwrap();
    let second = node.ask(NOWHERE, at(2_000)).unwrap();
    assert!(ledger.renew(&second, at(2_000)).is_some());
    assert_eq!(ledger.renew(&first, at(2_001)), None);
    assert_eq!(ledger.renew(&second, at(2_002)), None);
}

#[test]
fn a_successor_has_the_seats_of_the_dead_but_not_of_the_living() {
    let mut ledger = Ledger::new(100);
    let mut nodes = [1, 2].map(|n| Member::new(NodeId(n)));
    rounds(&mut ledger, &mut nodes, [(50, 50), (50, 50)], 0..20);
    assert_eq!(ledger.leased(), 100);
    ledger.bury(NodeId(1), at(20_000));
    assert_eq!(ledger.leased(), 100, "it was heard of a second ago");
    ledger.bury(NodeId(1), at(25_000));
    assert_eq!(ledger.leased(), 50);
}

#[test]
fn a_node_leaves_when_its_people_have_left() {
    let mut ledger = Ledger::new(100);
    let mut nodes = [1, 2].map(|n| Member::new(NodeId(n)));
    rounds(&mut ledger, &mut nodes, [(50, 50), (50, 50)], 0..20);
    nodes[0].leave();
    assert_eq!(rounds(&mut ledger, &mut nodes, [(40, 50), (50, 50)], 20..23), [0, 60]);
    assert_eq!(rounds(&mut ledger, &mut nodes, [(0, 50), (60, 50)], 23..25), [0, 100]);
    assert_eq!(nodes[1].membership().nodes, 1);
}

#[test]
fn a_clock_ahead_is_set_right_by_the_quickest_answer() {
    let node = Member::new(NodeId(1));
    let mut ledger = Ledger::new(10);
    for (second, delay) in [(0, 400), (1, 10), (2, 900)] {
        let own = at(second * 1_000 + 30_000);
        let ask = node.ask(NOWHERE, own).unwrap();
        let grant = ledger.renew(&ask, at(second * 1_000 + delay)).unwrap();
        node.granted(&grant, own + Duration::from_millis(delay + 5));
    }
    let error = node.clock(at(40_000)).unix_millis() as i64 - at(10_000).unix_millis() as i64;
    assert!(error.abs() <= 10, "{error} ms");
    // The clock is set right: what was measured before says nothing any more.
    let own = at(4_000);
    let ask = node.ask(NOWHERE, own).unwrap();
    node.granted(
        &ledger.renew(&ask, own + Duration::from_millis(100)).unwrap(),
        own + Duration::from_millis(250),
    );
    assert_eq!(node.clock(at(5_000)), at(5_000));
    assert_eq!(node.membership().ahead, Some(-25));
}

proptest! {
    /// Whatever is lost, delayed or repeated: seats given out stay within the house. So they do when the
    /// store forgets everything, if each node's next asks reach it while it learns.
    #[test]
    fn leases_never_add_up_to_more_than_the_house(
        steps in prop::collection::vec((0_usize..4, 0_u8..40, 0_u32..60), 1..400), seats in 1_u32..200,
    ) {
        let mut ledger = Ledger::new(seats);
        let mut nodes: Vec<Member> = (0..4).map(|n| Member::new(NodeId(n))).collect();
        let mut taken = [0_u32; 4];
        let mut waiting = [0_u32; 4];
        let (mut asks, mut grants): (Vec<(usize, Ask)>, Vec<(usize, Grant)>) = (vec![], vec![]);
        let mut now = at(0);
        // The store learns from here.
        for step in 0..12 {
            for node in &nodes {
                let ask = node.ask(NOWHERE, at(step * 1_000)).unwrap();
                node.granted(&ledger.renew(&ask, at(step * 1_000)).unwrap(), at(step * 1_000));
            }
            now = at(step * 1_000 + 700);
        }
        for (n, step, amount) in steps {
            now = now + Duration::from_millis(300);
            match step {
                0..=9 => asks.extend(nodes[n].ask(NOWHERE, now).map(|ask| (n, ask))),
                10..=13 => { asks.pop(); }
                14..=19 if !asks.is_empty() => {
                    // Repeated and out of order.
                    let (from, ask) = asks[amount as usize % asks.len()];
                    grants.extend(ledger.renew(&ask, now).map(|grant| (from, grant)));
                }
                20..=25 if !grants.is_empty() => {
                    let (to, grant) = grants[amount as usize % grants.len()];
                    nodes[to].granted(&grant, now);
                }
                26..=31 => waiting[n] = amount,
                32..=37 => taken[n] -= amount.min(taken[n]),
                38 => {
                    ledger = Ledger::new(seats);
                    asks.clear();
                    now = now + Duration::from_secs(1);
                    for (n, node) in nodes.iter().enumerate() {
                        let ask = node.ask(NOWHERE, now).unwrap();
                        grants.extend(ledger.renew(&ask, now).map(|grant| (n, grant)));
                    }
                }
                _ => {}
            }
            for (at, node) in nodes.iter_mut().enumerate() {
                let limit = node.read(load(taken[at], waiting[at]), now).seats;
                let enter = limit.saturating_sub(taken[at]).min(waiting[at]);
                taken[at] += enter;
                waiting[at] -= enter;
                node.read(load(taken[at], waiting[at]), now);
            }
            prop_assert!(taken.iter().sum::<u32>() <= seats, "{taken:?} of {seats}");
            prop_assert!(ledger.leased() <= seats);
        }
    }
}
