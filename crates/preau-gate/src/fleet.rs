//! The fleet: several nodes with one secret share the seats of one house.
//!
//! Tickets, draws, plans and sessions need no coordination: every node signs and reads them alike.
//! What is shared is the number of seats. Each node holds a lease on some of them, gives them out by
//! itself, and talks to the common store once a second and never for a request. [`Ledger`] is what
//! the store does at such a call (in Redis or Valkey a script, which is held to this type by tests);
//! [`Member`](crate::Member) is the node's side. Both are state machines without input or
//! output: the caller carries asks and grants, may lose, delay or repeat them.
//!
//! A node that cannot reach the store goes on with the lease it has: people who leave are replaced,
//! which is the last rate everybody agreed on. The store keeps a silent node's lease for ten minutes,
//! because its people are most likely still in. A store that has lost its memory, or gone back to an
//! older one, sees so by the first ask that knows more than it does; it then lets nobody's lease grow for
//! ten seconds, while it learns them again from the asks.
//!
//! Invariants: a node's lease grows only by a grant, and what it gives up it has stopped using before
//! it says so; leases add up to no more than the seats, but for people who are in already. A node cut off
//! for longer than ten minutes, or while the store learns its leases again, may be counted twice, by its
//! lease.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::draw::Rank;
use crate::lanes::LANES;
use crate::time::Moment;

/// A node's number, drawn at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// Nodes that a ledger knows at most; a further one gets no seats.
pub const NODES: usize = 64;

/// Seats of a house at most, and what a node may ask for: products of two such numbers are exact in the
/// arithmetic of every store (53 bits).
pub const SEATS: u32 = 1 << 26;

/// A silent node keeps its lease for this long.
const SILENT: Duration = Duration::from_secs(600);
/// A store that has just begun, or lost its memory, lets no lease grow for this long. Nodes ask every
/// second, and reach a store that is back within a few.
const LEARNING: Duration = Duration::from_secs(10);
/// A node that has not asked for this long may be declared dead by its successor.
const DEAD: Duration = Duration::from_secs(5);

/// What a node tells the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Who asks.
    pub node: NodeId,
    /// Counts up; the store ignores what comes late.
    pub number: u64,
    /// Its last ask that was granted, 0 for none. A store that knows of an earlier one only has lost some
    /// of its memory.
    pub granted: u64,
    /// Seats it may give out, as it knows; at most [`SEATS`], as the two that follow.
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
    /// When it last began to learn the leases.
    learning: Moment,
}

impl Ledger {
    /// An empty store for a house of `seats`, at most [`SEATS`].
    pub fn new(seats: u32) -> Self {
        let seats = seats.min(SEATS);
        let watermarks = [Rank::default(); LANES];
        Self { seats, leases: BTreeMap::new(), watermarks, learning: Moment::default() }
    }

    /// The operator changes the number of seats. It takes effect as nodes ask.
    pub fn set_seats(&mut self, seats: u32) {
        self.seats = seats.min(SEATS);
    }

    /// Whether it remembers a lease of this node.
    pub fn knows(&self, node: NodeId) -> bool {
        self.leases.contains_key(&node)
    }

    /// The successor of a node says that it is dead: its people are counted by the successor, which has
    /// its memory. A node heard of in the last five seconds is not dead, whatever is said.
    pub fn bury(&mut self, former: NodeId, now: Moment) {
        self.leases.retain(|node, lease| *node != former || now.since(lease.heard) < DEAD);
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
        let forgotten = ask.granted > known.map_or(0, |lease| lease.number);
        // A clock set back must not keep the store learning for an hour.
        if forgotten || self.leases.is_empty() || self.learning > now {
            self.learning = now;
        }
        for (known, told) in self.watermarks.iter_mut().zip(ask.watermarks) {
            *known = (*known).max(told);
        }
        let others = self.leases.iter().filter(|(node, _)| **node != ask.node);
        let leased = others.clone().fold(0_u32, |leased, (_, lease)| leased.saturating_add(lease.seats));
        let others = others.map(|(node, lease)| (*node, lease.wanted));
        let fair = if ask.leaving { 0 } else { fair_share(self.seats, (ask.node, ask.wanted), others) };
        let room = self.seats.saturating_sub(leased);
        // Who is in is in, whatever the seats.
        let holds = ask.holds.max(ask.seated);
        let learnt = now.since(self.learning) >= LEARNING;
        let lease = if fair > holds && learnt { fair.min(room.max(holds)) } else { holds };
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

/// What a node should have of `seats` when it and the others want so many. The shares of all add up to
/// `seats`: what does not divide goes one by one to the nodes with the lowest numbers.
fn fair_share(
    seats: u32,
    (node, own): (NodeId, u32),
    others: impl Iterator<Item = (NodeId, u32)> + Clone,
) -> u32 {
    let seats = u64::from(seats);
    let nodes = others.clone().count() as u64 + 1;
    let all = u64::from(own) + others.clone().map(|(_, wanted)| u64::from(wanted)).sum::<u64>();
    let enough = all <= seats;
    let share = |wanted: u32| {
        let wanted = u64::from(wanted);
        // Enough for everyone: what is left over is spread, so that nobody has to ask before a rush.
        if enough { wanted + (seats - all) / nodes } else { seats * wanted / all }
    };
    let shared = share(own) + others.clone().map(|(_, wanted)| share(wanted)).sum::<u64>();
    let takes = |wanted: u32| enough || wanted > 0;
    let before = others.filter(|(other, wanted)| *other < node && takes(*wanted)).count() as u64;
    let one_more = takes(own) && before < seats - shared;
    // Never more than the seats, which are 32 bits.
    (share(own) + u64::from(one_more)) as u32
}
