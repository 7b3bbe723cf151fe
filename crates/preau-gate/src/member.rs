//! A node's membership of the fleet: what it tells the store, and what it may give out by what it is told.
//!
//! It is the capacity of the node's gate, and sets the node's clock right by the store's. It carries
//! nothing itself: asks and grants (`fleet.rs`) are handed out and in, and so are notices and watermarks,
//! by methods of [`Gate`] that stand here because only other nodes need them.
//!
//! Invariant: the node gives out no more seats than it was granted and has not given up since.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::capacity::{Capacity, Cause, Load, Reading};
use crate::draw::Rank;
use crate::fleet::{Ask, Grant, NodeId, SEATS};
use crate::gate::Gate;
use crate::lanes::LANES;
use crate::seat::Notice;
use crate::time::Moment;

/// Without a grant for this long, a node considers itself cut off.
const SEVERED: Duration = Duration::from_secs(5);
/// A node asks this often.
const ASKING: Duration = Duration::from_secs(1);
/// Samples of the store's clock that are compared.
const CLOCKS: usize = 16;
/// Clocks nearer than this are taken for equal.
const IN_STEP: i64 = 500;

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
    /// The number of the ask granted last.
    granted_number: u64,
    nodes: u16,
    leaving: bool,
    /// Samples of the store's clock: (time there and back in ms, store ahead by ms).
    clocks: Vec<(u64, i64)>,
    sample: usize,
}

impl State {
    /// Compares the clocks. Samples that cannot both be right show that one of the clocks has been set:
    /// the older ones say nothing any more.
    fn compare(&mut self, there_and_back: u64, ahead: i64) {
        let off = |other: &(u64, i64)| {
            ahead.abs_diff(other.1) > (there_and_back + other.0) / 2 + IN_STEP.unsigned_abs()
        };
        if self.clocks.iter().any(off) {
            self.clocks.clear();
            self.sample = 0;
        }
        let at = self.sample % CLOCKS;
        self.sample += 1;
        match self.clocks.get_mut(at) {
            Some(sample) => *sample = (there_and_back, ahead),
            None => self.clocks.push((there_and_back, ahead)),
        }
    }
}

/// How a node stands with the store, for an operator to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Seats the node may give out.
    pub lease: u32,
    /// Seats taken or set aside, as of the gate's last tick.
    pub seated: u32,
    /// Nodes alive at the last grant, this one included.
    pub nodes: u16,
    /// When the last grant came, by the node's own clock.
    pub granted: Option<Moment>,
    /// By how many milliseconds the store's clock is ahead of the node's; `None` before the first grant.
    pub ahead: Option<i64>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// What is to be added to the node's clock, in milliseconds. Requests read it.
    correction: AtomicI64,
}

/// A node's membership. It is the capacity of its gate; all clones are one membership.
#[derive(Clone, Debug)]
pub struct Member(Arc<Shared>);

impl Member {
    /// A node that has not asked yet. It gives out nothing before its first grant.
    pub fn new(node: NodeId) -> Self {
        let state = State {
            node,
            number: 0,
            lease: 0,
            seated: 0,
            wanted: 0,
            watermarks: [Rank::default(); LANES],
            asked: None,
            sent: Moment::default(),
            granted: None,
            granted_number: 0,
            nodes: 0,
            leaving: false,
            clocks: Vec::new(),
            sample: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), correction: AtomicI64::new(0) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's number.
    pub fn node(&self) -> NodeId {
        self.state().node
    }

    /// How the node stands with the store.
    pub fn membership(&self) -> Membership {
        let state = self.state();
        Membership {
            lease: state.lease,
            seated: state.seated,
            nodes: state.nodes,
            granted: state.granted,
            ahead: state.clocks.iter().min().map(|sample| sample.1),
        }
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
            granted: state.granted_number,
            holds: state.lease.min(SEATS),
            seated: state.seated.min(SEATS),
            wanted: state.wanted.min(SEATS),
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
        state.granted_number = grant.number;
        state.nodes = grant.nodes;
        // The store has noted `lease`; giving up begins here and is told with the next ask.
        state.lease = grant.lease.min(grant.target.max(state.seated));
        let there_and_back = now.since(state.sent).as_millis() as u64;
        let ahead = grant.at.unix_millis() as i64 + (there_and_back / 2) as i64 - now.unix_millis() as i64;
        state.compare(there_and_back, ahead);
        let best = state.clocks.iter().min().map_or(0, |sample| sample.1);
        let correction = if best.abs() <= IN_STEP { 0 } else { best };
        self.0.correction.store(correction, Ordering::Relaxed);
        for (known, told) in state.watermarks.iter_mut().zip(grant.watermarks) {
            *known = (*known).max(told);
        }
        Some(state.watermarks)
    }

    /// The node's clock set right by the store's: the sample that took the least time decides. The
    /// gate of a node whose clock runs ahead would otherwise give its visitors later places. Every moment
    /// that the gate and its scheduler are told goes through here; it takes no lock.
    pub fn clock(&self, own: Moment) -> Moment {
        let correction = self.0.correction.load(Ordering::Relaxed);
        Moment::from_unix_millis(own.unix_millis().saturating_add_signed(correction))
    }

    /// Whether the store has not answered for five seconds.
    pub fn severed(&self, now: Moment) -> bool {
        self.state().granted.is_none_or(|granted| now.since(granted) > SEVERED)
    }
}

/// What a gate and those of the other nodes tell one another. Whoever carries it holds a clone of the gate
/// and needs neither its scheduler nor its second hand.
impl Gate {
    /// What other nodes are to hear of who is seated here. Each is given out once.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.shared.book().take_notices()
    }

    /// What other nodes say of who is seated there. Repeated and late notices do no harm.
    pub fn hear(&self, notices: &[Notice], now: Moment) {
        let mut book = self.shared.book();
        notices.iter().for_each(|notice| book.hear(notice, now));
    }

    /// The watermarks as of the last tick, for the other nodes.
    pub fn watermarks(&self) -> [Rank; LANES] {
        self.status().lanes.map(|lane| lane.watermark)
    }

    /// A place called on another node is called here too, from the next tick on. Places still to come
    /// are not touched.
    pub fn adopt(&self, watermarks: &[Rank; LANES]) {
        for (known, told) in self.shared.elsewhere.iter().zip(watermarks) {
            known.fetch_max(told.bits(), Ordering::Relaxed);
        }
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
