//! Connections with packets that wait to leave: what goes the same way leaves together.
//!
//! A connection that is asked to send costs much the same for one packet and for five. What arrives together leaves
//! together anyway; a busy shard besides waits a moment for more. It knows no packets, only who owes some.

use std::time::{Duration, Instant};

use crate::transport::Route;

/// Share of a core below which a shard has time to send every packet by itself.
const IDLE: f32 = 0.1;

/// Who has packets that wait, and until when.
pub(crate) struct Owing {
    routes: Vec<Route>,
    leaving: Instant,
}

impl Owing {
    pub(crate) fn new(now: Instant) -> Owing {
        Owing { routes: Vec::new(), leaving: now }
    }

    /// Somebody has packets; the first sets how long all wait.
    pub(crate) fn push(&mut self, route: Route, now: Instant, wait: Duration) {
        if self.routes.is_empty() {
            self.leaving = now + wait;
        }
        self.routes.push(route);
    }

    /// When they leave; None when nothing waits.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.routes.is_empty()).then_some(self.leaving)
    }

    /// All of them, once their time has come; None before, and when nothing waits.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Vec<Route>> {
        self.deadline().filter(|leaving| *leaving <= now)?;
        Some(std::mem::take(&mut self.routes))
    }

    /// Gives back the room of what was taken, unless others wait already.
    pub(crate) fn reuse(&mut self, mut spent: Vec<Route>) {
        if self.routes.is_empty() {
            spent.clear();
            self.routes = spent;
        }
    }
}

/// How long packets wait on a thread that is busy for this share of a core, of `longest` at most.
pub(crate) fn patience(longest: Duration, processor: f32) -> Duration {
    if processor < IDLE { Duration::ZERO } else { longest.mul_f32(processor.min(1.0)) }
}
