//! Services behind their valves: each class of request at each of them is watched, and bounded by what the
//! service is found to bear. Nothing has to be installed there: time and status suffice.
//!
//! It forwards nothing itself; the front asks it about each request. Invariant: a request takes one place at
//! its service, and gives it back when the head of the response is there, or when its sender leaves.

use crate::edge::admission::Place;
use crate::edge::{Clock, Offered, Under, Valves};
use preau_front::{Entry, Gauge, Outcome, Refused, Seat, Turn};
use std::sync::Arc;
use std::time::Duration;

/// The first requests of somebody who has come in: what an admission costs.
const ENTERING: Duration = Duration::from_secs(30);

/// The valves of all services.
pub(super) struct Bounded {
    /// For each site, in the order of `Cost`: reading, then doing.
    valves: Vec<Arc<Valves>>,
    clock: Clock,
}

impl Bounded {
    pub(super) fn new(valves: Vec<Arc<Valves>>, clock: Clock) -> Bounded {
        Bounded { valves, clock }
    }
}

impl Gauge for Bounded {
    fn enter(&self, site: usize, class: u8, seat: Option<&Seat>) -> Entry {
        let Some(valves) = self.valves.get(site) else { return Entry::Go(None) };
        // Reading has the class 1 of `Cost`, doing has 2.
        let valve = usize::from(class).saturating_sub(1);
        let entering = seat.and_then(|seat| seat.get::<Place>()).is_some_and(|place| {
            let seated = i64::try_from(place.session.seated.unix_millis()).unwrap_or(i64::MAX);
            self.clock.now().saturating_sub(seated) < i64::try_from(ENTERING.as_millis()).unwrap_or(i64::MAX)
        });
        match valves.offer(valve, entering) {
            Offered::Go(under) => Entry::Go(Some(Box::new(under))),
            Offered::Later(later) => {
                Entry::Later(Box::pin(
                    async move { later.await.map(|under| Box::new(under) as Box<dyn Turn>) },
                ))
            }
            Offered::Full => Entry::Full,
        }
    }
}

impl Turn for Under {
    fn over(self: Box<Self>, outcome: Outcome, _: Duration) {
        match outcome {
            Outcome::Status(status) => self.answered(status),
            // What the client did wrong says nothing about the service.
            Outcome::Failed(Refused::Unreachable | Refused::Broken | Refused::Overdue) => self.failed(),
            Outcome::Failed(_) | Outcome::Left => {}
        }
    }
}
