//! Services behind their valves: each class of request at each of them is watched, and bounded by what the
//! service is found to bear. Nothing has to be installed there: time and status suffice.
//!
//! It forwards nothing itself. Invariant: a request takes one place at its service, and gives it back when
//! the head of the response is there, or when its sender leaves.

use crate::edge::admission::Place;
use crate::edge::{Clock, Valves};
use http::{Request, Response};
use preau_front::{Asked, Backend, Body, Pass, Refused};
use std::sync::Arc;
use std::time::Duration;

/// The first requests of somebody who has come in: what an admission costs.
const ENTERING: Duration = Duration::from_secs(30);

/// A backend behind valves.
pub(super) struct Bounded<B> {
    backend: B,
    /// For each site, in the order of `Cost`: reading, then doing.
    valves: Vec<Arc<Valves>>,
    clock: Clock,
}

impl<B: Backend> Bounded<B> {
    pub(super) fn new(backend: B, valves: Vec<Arc<Valves>>, clock: Clock) -> Bounded<B> {
        Bounded { backend, valves, clock }
    }
}

impl<B: Backend> Backend for Bounded<B> {
    fn site(&self, host: &str) -> Option<usize> {
        self.backend.site(host)
    }

    fn most_body(&self, site: usize) -> u64 {
        self.backend.most_body(site)
    }

    async fn call(
        &self,
        request: Request<Body>,
        pass: &Pass,
        asked: Asked,
    ) -> Result<Response<Body>, Refused> {
        let Some(valves) = self.valves.get(asked.site) else {
            return self.backend.call(request, pass, asked).await;
        };
        // Reading has the class 1 of `Cost`, doing has 2.
        let valve = usize::from(pass.class).saturating_sub(1);
        let now = self.clock.now();
        let entering = pass.seat.as_ref().and_then(|seat| seat.get::<Place>()).is_some_and(|place| {
            let seated = i64::try_from(place.session.seated.unix_millis()).unwrap_or(i64::MAX);
            now.saturating_sub(seated) < i64::try_from(ENTERING.as_millis()).unwrap_or(i64::MAX)
        });
        let under = valves.enter(valve, entering).await?;
        match self.backend.call(request, pass, asked).await {
            Ok(response) => {
                under.answered(response.status().as_u16());
                Ok(response)
            }
            Err(refused) => {
                // What the client did wrong says nothing about the service.
                if matches!(refused, Refused::Unreachable | Refused::Broken | Refused::Overdue) {
                    under.failed();
                }
                Err(refused)
            }
        }
    }
}
