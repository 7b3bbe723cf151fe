//! The alarms of a shard: one heap for all of its rooms, connections and streams, so that nothing is ever scanned.
//!
//! It does not wake anybody itself; the engine asks what is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use crate::event::StreamId;
use crate::ids::RoomKey;
use crate::transport::Route;

/// Spent alarms that may lie around beside as many as there are valid ones.
const SPENT_ALARMS: usize = 64;

/// What waits for a moment to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Due {
    Room(RoomKey),
    Leg(Route),
    Stream(StreamId),
}

/// Alarms. Each has at most one valid entry; moving one later costs nothing, because it is looked at
/// again when the earlier entry comes up.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Due)>>,
    set: HashMap<Due, Instant>,
}

impl Timers {
    /// Wakes whoever waits no later than at that moment.
    pub(crate) fn set(&mut self, due: Due, at: Instant) {
        if self.set.get(&due).is_none_or(|earlier| at < *earlier) {
            self.set.insert(due, at);
            self.heap.push(Reverse((at, due)));
            // Entries of alarms that were forgotten or moved, and whose time may be far away, would
            // gather without end.
            if self.heap.len() > 2 * self.set.len() + SPENT_ALARMS {
                self.heap = self.set.iter().map(|(due, at)| Reverse((*at, *due))).collect();
            }
        }
    }

    /// The alarm that is due, if there is one.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        while let Some(Reverse((at, due))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.set.get(&due) == Some(&at) {
                self.set.remove(&due);
                return Some(due);
            }
        }
        None
    }

    /// Forgets an alarm. Its entry in the heap is passed over when it comes up.
    pub(crate) fn forget(&mut self, due: &Due) {
        self.set.remove(due);
        if self.set.is_empty() {
            self.heap.clear();
        }
    }

    /// When to look again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Entries held, spent ones included.
    pub(crate) fn held(&self) -> usize {
        self.heap.len().max(self.set.len())
    }
}
