//! The application behind its own valves: each class of page is watched, and bounded by what it is found to
//! bear.
//!
//! It stands where refusals become pages, so that somebody who is inside and comes at a bad moment reads a
//! sentence and not a bare status. Static files and the live lesson have no valve: they cost nothing, or must
//! never wait. Invariant: a request takes one place, and gives it back when its answer begins.

use super::{Bounds, Cost, Platform, Refusal, RouteInfo, Valves};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::Method;
use preau_gate::Session;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The first pages of somebody who has come in: what an admission costs.
const ENTERING: Duration = Duration::from_secs(30);
/// When to come back after a refusal.
const AGAIN: u32 = 2;

/// The classes that have a valve, in the order of their numbers.
const CLASSES: [(Cost, &str); 3] =
    [(Cost::Page, "pages"), (Cost::Write, "writes"), (Cost::Password, "sign-in")];

/// The valves of the application, all within the usual bounds.
pub fn valves_of() -> Arc<Valves> {
    Valves::new(CLASSES.map(|(_, name)| (name.to_owned(), Bounds::default())))
}

/// What the middleware goes by; made once from the table of routes.
#[derive(Clone)]
pub struct Measured {
    platform: Platform,
    valves: Arc<Valves>,
    classes: Arc<HashMap<(bool, &'static str), usize>>,
}

impl Measured {
    /// Measures these routes with `valves`, which came from [`valves_of`].
    pub fn new(platform: Platform, valves: Arc<Valves>, table: &[RouteInfo]) -> Measured {
        let class = |route: &RouteInfo| {
            let class = CLASSES.iter().position(|(cost, _)| *cost == route.cost)?;
            Some(((route.method == Method::GET, route.path), class))
        };
        Measured { platform, valves, classes: Arc::new(table.iter().filter_map(class).collect()) }
    }

    fn class(&self, request: &Request) -> Option<usize> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let path = request.extensions().get::<MatchedPath>()?;
        self.classes.get(&(reads, path.as_str())).copied()
    }
}

/// The middleware.
pub async fn bounded(State(measured): State<Measured>, request: Request, next: Next) -> Response {
    let Some(class) = measured.class(&request) else { return next.run(request).await };
    let now = measured.platform.now();
    let entering = request.extensions().get::<Session>().is_some_and(|seat| {
        let seated = i64::try_from(seat.seated.unix_millis()).unwrap_or(i64::MAX);
        now.saturating_sub(seated) < i64::try_from(ENTERING.as_millis()).unwrap_or(i64::MAX)
    });
    match measured.valves.enter(class, entering).await {
        Ok(under) => {
            let response = next.run(request).await;
            under.answered(response.status().as_u16());
            response
        }
        Err(_) => Refusal::Busy { retry_after: AGAIN }.into_response(),
    }
}
