//! The fleet: several nodes with one secret share the seats of one house.
//!
//! Tickets, draws, plans and sessions need no coordination: every node signs and reads them alike.
//! What is shared is the number of seats. Each node holds a lease on some of them, gives them out by
//! itself, and talks to the common store once a second and never for a request. [`Ledger`] is what
//! the store does at such a call (in Redis or Valkey a script of a dozen lines, which the tests of
//! this type pin down); [`Member`] is the node's side. Both are state machines without input or
//! output: the caller carries asks and grants, may lose, delay or repeat them.
//!
//! A node that cannot reach the store goes on with the lease it has: people who leave are replaced,
//! which is the last rate everybody agreed on. The store keeps a silent node's lease for ten minutes,
//! because its people are most likely still in. A store that has lost its memory learns the leases
//! again from the next asks.
//!
//! Invariants: a node's lease grows only by a grant, and what it gives up it has stopped using before
//! it says so; while the store remembers, leases add up to no more than the seats, but for people who
//! are in already. A node cut off for longer than ten minutes may be counted twice, by its lease.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::capacity::{Capacity, Cause, Load, Reading};
use crate::draw::Rank;
use crate::lanes::LANES;
use crate::time::Moment;

/// A node's number, drawn at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// Nodes that a ledger knows at most; a further one gets no seats.
pub const NODES: usize = 64;

/// A silent node keeps its lease for this long.
const SILENT: Duration = Duration::from_secs(600);
/// Without a grant for this long, a node considers itself cut off.
const SEVERED: Duration = Duration::from_secs(5);
/// A node asks this often.
const ASKING: Duration = Duration::from_secs(1);
/// Samples of the store's clock that are compared.
const CLOCKS: usize = 16;
/// Clocks nearer than this are taken for equal.
const IN_STEP: i64 = 500;

/// What a node tells the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Who asks.
    pub node: NodeId,
    /// Counts up; the store ignores what comes late.
    pub number: u64,
    /// Seats it may give out, as it knows.
    pub holds: u32,
    /// Seats taken or set aside.
    pub seated: u32,
    /// Seats it could use: those taken, and people who wait.
    pub wanted: u32,
    /// Its watermarks.
    pub watermarks: [Rank; LANES],
    /// It is about to stop: its lease falls back as its people leave.
    pub leaving: bool,
}

/// What the store answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grant {
    /// The ask that this answers.
    pub number: u64,
    /// Seats the node may give out.
    pub lease: u32,
    /// Seats it should go down to when it can.
    pub target: u32,
    /// The store's clock.
    pub at: Moment,
    /// The furthest watermarks of all nodes.
    pub watermarks: [Rank; LANES],
    /// Nodes alive.
    pub nodes: u16,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    number: u64,
    seats: u32,
    wanted: u32,
    heard: Moment,
}

/// What the common store remembers, and what it does when a node asks.
#[derive(Clone, Debug)]
pub struct Ledger {
    seats: u32,
    leases: BTreeMap<NodeId, Lease>,
    watermarks: [Rank; LANES],
}

impl Ledger {
    /// An empty store for a house of `seats`.
    pub fn new(seats: u32) -> Self {
        Self { seats, leases: BTreeMap::new(), watermarks: [Rank::default(); LANES] }
    }

    /// The operator changes the number of seats. It takes effect as nodes ask.
    pub fn set_seats(&mut self, seats: u32) {
        self.seats = seats;
    }

    /// Seats leased in all.
    pub fn leased(&self) -> u32 {
        self.leases.values().map(|lease| lease.seats).sum()
    }

    /// Answers an ask; `None` when it comes late, or from one node too many.
    pub fn renew(&mut self, ask: &Ask, now: Moment) -> Option<Grant> {
        self.leases.retain(|_, lease| now.since(lease.heard) < SILENT);
        let known = self.leases.get(&ask.node);
        if known.is_some_and(|lease| ask.number <= lease.number)
            || (known.is_none() && self.leases.len() >= NODES)
        {
            return None;
        }
        for (known, told) in self.watermarks.iter_mut().zip(ask.watermarks) {
            *known = (*known).max(told);
        }
        let others = self.leases.iter().filter(|(node, _)| **node != ask.node);
        let (leased, wanted, nodes) =
            others.fold((0_u32, 0_u64, 1_u32), |(leased, wanted, nodes), (_, lease)| {
                (leased.saturating_add(lease.seats), wanted + u64::from(lease.wanted), nodes + 1)
            });
        let fair = if ask.leaving { 0 } else { fair_share(self.seats, ask.wanted, wanted, nodes) };
        let room = self.seats.saturating_sub(leased);
        // Who is in is in, whatever the seats.
        let holds = ask.holds.max(ask.seated);
        let lease = if fair > holds { fair.min(room.max(holds)) } else { holds };
        let wanted = if ask.leaving { 0 } else { ask.wanted };
        self.leases.insert(ask.node, Lease { number: ask.number, seats: lease, wanted, heard: now });
        if ask.leaving && ask.seated == 0 {
            self.leases.remove(&ask.node);
        }
        Some(Grant {
            number: ask.number,
            lease,
            target: fair.min(room),
            at: now,
            watermarks: self.watermarks,
            nodes: u16::try_from(self.leases.len()).unwrap_or(u16::MAX),
        })
    }
}

/// What a node that wants `own` seats should have of `seats` when the others want `others`.
fn fair_share(seats: u32, own: u32, others: u64, nodes: u32) -> u32 {
    let all = u64::from(own) + others;
    if all <= u64::from(seats) {
        // Enough for everyone: what is left over is spread, so that nobody has to ask before a rush.
        return own + (u64::from(seats) - all) as u32 / nodes;
    }
    (u64::from(seats) * u64::from(own) / all) as u32
}

/// A node's side.
#[derive(Debug)]
struct State {
    node: NodeId,
    number: u64,
    lease: u32,
    seated: u32,
    wanted: u32,
    watermarks: [Rank; LANES],
    asked: Option<Moment>,
    /// When the ask under way was sent.
    sent: Moment,
    granted: Option<Moment>,
    leaving: bool,
    /// Samples of the store's clock: (time there and back in ms, store ahead by ms).
    clocks: Vec<(u64, i64)>,
    sample: usize,
}

/// A node's membership. It is the capacity of its gate; all clones are one membership.
#[derive(Clone, Debug)]
pub struct Member(Arc<Mutex<State>>);

impl Member {
    /// A node that has not asked yet. It gives out nothing before its first grant.
    pub fn new(node: NodeId) -> Self {
        Self(Arc::new(Mutex::new(State {
            node,
            number: 0,
            lease: 0,
            seated: 0,
            wanted: 0,
            watermarks: [Rank::default(); LANES],
            asked: None,
            sent: Moment::default(),
            granted: None,
            leaving: false,
            clocks: Vec::new(),
            sample: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node is about to stop.
    pub fn leave(&self) {
        self.state().leaving = true;
    }

    /// What to send to the store, if it is time: about once a second, answered or not. `watermarks`
    /// are the scheduler's.
    pub fn ask(&self, watermarks: [Rank; LANES], now: Moment) -> Option<Ask> {
        let mut state = self.state();
        if state.asked.is_some_and(|asked| now.since(asked) < ASKING && now >= asked) {
            return None;
        }
        state.asked = Some(now);
        state.sent = now;
        state.number += 1;
        for (known, own) in state.watermarks.iter_mut().zip(watermarks) {
            *known = (*known).max(own);
        }
        Some(Ask {
            node: state.node,
            number: state.number,
            holds: state.lease,
            seated: state.seated,
            wanted: state.wanted,
            watermarks: state.watermarks,
            leaving: state.leaving,
        })
    }

    /// What the store has answered. Answers to earlier asks than the last are ignored. Returns the
    /// watermarks for the scheduler to adopt.
    pub fn granted(&self, grant: &Grant, now: Moment) -> Option<[Rank; LANES]> {
        let mut state = self.state();
        if grant.number != state.number {
            return None;
        }
        state.granted = Some(now);
        // The store has noted `lease`; giving up begins here and is told with the next ask.
        state.lease = grant.lease.min(grant.target.max(state.seated));
        let there_and_back = now.since(state.sent).as_millis() as u64;
        let ahead = grant.at.unix_millis() as i64 + (there_and_back / 2) as i64 - now.unix_millis() as i64;
        let at = state.sample % CLOCKS;
        state.sample += 1;
        match state.clocks.get_mut(at) {
            Some(sample) => *sample = (there_and_back, ahead),
            None => state.clocks.push((there_and_back, ahead)),
        }
        for (known, told) in state.watermarks.iter_mut().zip(grant.watermarks) {
            *known = (*known).max(told);
        }
        Some(state.watermarks)
    }

    /// The node's clock set right by the store's: the sample that took the least time decides. The
    /// gate of a node whose clock runs ahead would otherwise give its visitors later places.
    pub fn clock(&self, own: Moment) -> Moment {
        let ahead = self.state().clocks.iter().min().map_or(0, |sample| sample.1);
        if ahead.abs() <= IN_STEP {
            return own;
        }
        Moment::from_unix_millis(own.unix_millis().saturating_add_signed(ahead))
    }

    /// Whether the store has not answered for five seconds.
    pub fn severed(&self, now: Moment) -> bool {
        self.state().granted.is_none_or(|granted| now.since(granted) > SEVERED)
    }
}

impl Capacity for Member {
    fn read(&mut self, load: Load, now: Moment) -> Reading {
        let severed = self.severed(now);
        let mut state = self.state();
        state.seated = load.seated;
        state.wanted = load.seated.saturating_add(load.waiting);
        let seats = if state.leaving { 0 } else { state.lease };
        Reading { seats, pace: None, cause: if severed { Cause::Severed } else { Cause::Leased } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_unix_millis(1_795_000_000_000 + millis)
    }

    fn load(seated: u32, waiting: u32) -> Load {
        Load { seated, waiting, admitted: 0 }
    }

    #[test]
    fn seats_go_where_people_wait_and_come_back() {
        let mut ledger = Ledger::new(100);
        let mut nodes = [Member::new(NodeId(1)), Member::new(NodeId(2))];
        let mut round = |nodes: &mut [Member; 2], loads: [(u32, u32); 2], millis: u64| {
            for (node, (seated, waiting)) in nodes.iter_mut().zip(loads) {
                node.read(load(seated, waiting), at(millis));
                let ask = node.ask([Rank::default(); LANES], at(millis)).unwrap();
                node.granted(&ledger.renew(&ask, at(millis + 5)).unwrap(), at(millis + 10));
            }
            [0, 1].map(|n| nodes[n].read(load(loads[n].0, loads[n].1), at(millis + 20)).seats)
        };
        for second in 0..4 {
            round(&mut nodes, [(0, 0), (0, 0)], second * 1_000);
        }
        assert_eq!(round(&mut nodes, [(0, 0), (0, 0)], 5_000), [50, 50]);
        for second in 6..10 {
            round(&mut nodes, [(50, 500), (10, 0)], second * 1_000);
        }
        let seats = round(&mut nodes, [(50, 500), (10, 0)], 11_000);
        assert!(seats[0] >= 90 && seats[1] >= 10 && seats[0] + seats[1] <= 101, "{seats:?}");
        // The first is full; people at the second wait for what the first gives back.
        for second in 12..16 {
            round(&mut nodes, [(60, 0), (10, 500)], second * 1_000);
        }
        let seats = round(&mut nodes, [(60, 0), (10, 500)], 17_000);
        assert!(seats[1] >= 35, "{seats:?}");
    }

    #[test]
    fn a_lost_memory_is_learnt_again_and_a_late_ask_is_ignored() {
        let mut node = Member::new(NodeId(1));
        let mut ledger = Ledger::new(100);
        let ask = node.ask([Rank::default(); LANES], at(0)).unwrap();
        node.granted(&ledger.renew(&ask, at(0)).unwrap(), at(1));
        assert_eq!(node.read(load(70, 0), at(2)).seats, 100);
        let second = node.ask([Rank::default(); LANES], at(2_000)).unwrap();
        let mut ledger = Ledger::new(100);
        assert!(ledger.renew(&second, at(2_000)).unwrap().lease >= 70);
        assert_eq!(ledger.renew(&ask, at(2_001)), None);
        assert_eq!(ledger.renew(&second, at(2_002)), None);
    }

    #[test]
    fn a_clock_ahead_is_set_right_by_the_quickest_answer() {
        let node = Member::new(NodeId(1));
        let mut ledger = Ledger::new(10);
        for (second, delay) in [(0, 400), (1, 10), (2, 900)] {
            let own = at(second * 1_000 + 30_000);
            let ask = node.ask([Rank::default(); LANES], own).unwrap();
            let grant = ledger.renew(&ask, at(second * 1_000 + delay)).unwrap();
            node.granted(&grant, own + Duration::from_millis(delay + 5));
        }
        let error = node.clock(at(40_000)).unix_millis() as i64 - at(10_000).unix_millis() as i64;
        assert!(error.abs() <= 10, "{error} ms");
    }

    proptest! {
        /// Whatever is lost, delayed or repeated: seats given out stay within the house.
        #[test]
        fn leases_never_add_up_to_more_than_the_house(
            steps in prop::collection::vec((0_usize..4, 0_u8..8, 0_u32..60), 1..300), seats in 1_u32..200,
        ) {
            let mut ledger = Ledger::new(seats);
            let mut nodes: Vec<Member> = (0..4).map(|n| Member::new(NodeId(n))).collect();
            let mut taken = [0_u32; 4];
            let mut waiting = [0_u32; 4];
            let (mut asks, mut grants): (Vec<(usize, Ask)>, Vec<(usize, Grant)>) = (vec![], vec![]);
            let mut now = at(0);
            for (n, step, amount) in steps {
                now = now + Duration::from_millis(300);
                match step {
                    0 | 1 => asks.extend(nodes[n].ask([Rank::default(); LANES], now).map(|ask| (n, ask))),
                    2 => { asks.pop(); }
                    3 if !asks.is_empty() => {
                        // Repeated and out of order.
                        let (from, ask) = asks[amount as usize % asks.len()];
                        grants.extend(ledger.renew(&ask, now).map(|grant| (from, grant)));
                    }
                    4 if !grants.is_empty() => {
                        let (to, grant) = grants[amount as usize % grants.len()];
                        nodes[to].granted(&grant, now);
                    }
                    5 => waiting[n] = amount,
                    6 => taken[n] -= amount.min(taken[n]),
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
}
