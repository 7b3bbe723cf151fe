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
use preau_gate::{Rung, Session};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The first pages of somebody who has come in: what an admission costs.
const ENTERING: Duration = Duration::from_secs(30);
/// When to come back after a refusal.
const AGAIN: u32 = 2;

/// The classes that have a valve, in the order of their numbers.
const CLASSES: [(Cost, &str); 4] =
    [(Cost::Page, "pages"), (Cost::Write, "writes"), (Cost::Bulk, "downloads"), (Cost::Password, "sign-in")];
/// The place of downloads among them.
const BULK: usize = 2;
/// When a download may be asked for again that was given up.
const LATER: u32 = 60;

/// The valves of the application.
pub fn valves_of() -> Arc<Valves> {
    let bounds = |cost| match cost {
        // Passwords have a line of their own, which serves known devices first: the valve leaves them two
        // seconds' worth of it before it speaks of saturation.
        Cost::Password => Bounds { floor: 64, ceiling: 256 },
        _ => Bounds::default(),
    };
    Valves::new(CLASSES.map(|(cost, name)| (name.to_owned(), bounds(cost))))
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
    if class == BULK && !measured.platform.door().shedding().permits(Rung::Downloads) {
        return Refusal::Busy { retry_after: LATER }.into_response();
    }
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
