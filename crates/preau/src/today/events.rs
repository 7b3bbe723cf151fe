//! The stream that tells open pages "look again" (server-sent events, WHATWG HTML section 9.2).
//!
//! It carries no content: who hears it asks for the fragment, which decides what that person sees. Streams
//! are bounded; beyond the bound a browser is told not to come back (204) and keeps asking at intervals.

use super::TodayState;
use crate::edge::{Caller, Change, Refusal, Topic};
use crate::ids::SchoolId;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// Streams open at a time; each holds a connection and a few kilobytes.
const MOST: usize = 4_000;
/// A comment so often keeps proxies from closing a quiet stream.
const ALIVE: Duration = Duration::from_secs(25);

/// How many streams are open.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners(Arc<AtomicUsize>);

/// A place among the listeners, given back when the stream ends.
struct Place(Arc<AtomicUsize>);

impl Listeners {
    fn enter(&self) -> Option<Place> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.0.clone());
        (before < MOST).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) async fn stream(State(state): State<TodayState>, caller: Caller) -> Result<Response, Refusal> {
    let facts = caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    let mut schools: Vec<SchoolId> = facts.affiliations.iter().map(|tie| tie.school).collect();
    schools.extend(caller.actor().wards().map(|child| child.school));
    let Some(place) = state.listeners.enter() else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let listener = state.platform.changes().listen();
    let events =
        futures_util::stream::unfold((listener, schools, place), |(mut listener, schools, place)| async {
            loop {
                match listener.recv().await {
                    Ok(change) if concerns(&schools, change) => break,
                    Ok(_) => {}
                    // Too slow to hear every change: one look shows them all.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return None,
                }
            }
            Some((Ok::<_, Infallible>(Event::default().data("changed")), (listener, schools, place)))
        });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

fn concerns(schools: &[SchoolId], change: Change) -> bool {
    schools.contains(&change.school)
        && matches!(
            change.topic,
            Topic::Timetable | Topic::Live | Topic::Register | Topic::Work | Topic::Notices
        )
}
