//! The page was closed: what `seat.js` in every page says about its own seat, and that it was not meant.
//!
//! A hint, never an order: the gate waits half a minute and leaves lessons alone (`preau_gate::Gate::leaving`). It
//! concerns the seat whose cookie comes along and no other. Other sites cannot say it: their requests carry no such
//! cookie (SameSite), and a browser that says where a request comes from is believed. It asks no database.

use super::{DAY, Door, SESSION};
use crate::edge::routes::from_elsewhere;
use crate::edge::{Kept, Platform};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use preau_gate::Session;

/// The seat that a request speaks of.
fn seat(door: &Door, headers: &HeaderMap) -> Option<Session> {
    let text = door.0.jar.get(headers, SESSION).filter(|_| !from_elsewhere(headers))?;
    door.0.gate.read_session(text, door.now()).ok()
}

/// A page was closed.
pub(super) async fn departs(State(platform): State<Platform>, headers: HeaderMap) -> StatusCode {
    let door = platform.door();
    if let Some(session) = seat(door, &headers) {
        door.0.gate.leaving(&session, door.now());
    }
    StatusCode::NO_CONTENT
}

/// Its holder is there after all. Whose seat is gone meanwhile hears nothing: the next page settles it.
pub(super) async fn returns(State(platform): State<Platform>, headers: HeaderMap) -> Response {
    let door = platform.door();
    let stays = seat(door, &headers).and_then(|session| door.0.gate.stays(&session, door.now()));
    let Some(session) = stays else { return StatusCode::NO_CONTENT.into_response() };
    let cookie = door.0.jar.set(SESSION, session.as_str(), Kept::Seconds(DAY));
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}
