//! What a LiveKit server tells us: `POST /livekit/webhook`, so that presence is noted and lessons are recorded as with
//! the embedded engine.
//!
//! The token in `Authorization` vouches for exactly this body with the key we share. A body that is told
//! twice changes nothing; one that never arrives is made up for by the next round (`rounds`).

use super::LessonState;
use super::model::{person_of, place_of};
use crate::ids::Millis;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use preau_sfu::protocol as lk;

/// Longest body, in bytes: one participant with tracks and attributes.
pub(super) const LONGEST: usize = 256 * 1024;
/// A LiveKit server tries again for minutes; what is older than this, in milliseconds, says nothing of now.
const LATEST: Millis = 10 * 60_000;

pub(super) async fn hear(
    State(state): State<LessonState>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Ok(body) = body else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = said.strip_prefix("Bearer ").unwrap_or(said);
    if let Err(error) = state.tickets.read_body(token, &body, state.platform.now()) {
        tracing::warn!(%error, "a webhook was refused: live.key and live.secret must be those of the LiveKit server");
        return (StatusCode::UNAUTHORIZED, error.to_string()).into_response();
    }
    let event: lk::WebhookEvent = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match take(&state, &event).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            // It is told again.
            tracing::warn!(%error, event = event.event, "a webhook could not be followed yet");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn take(state: &LessonState, event: &lk::WebhookEvent) -> Result<(), super::rounds::RoundError> {
    if let Some(info) = &event.egress_info {
        state.recorder.told(info.clone());
        return Ok(());
    }
    let room = event.room.as_ref().map_or("", |room| room.name.as_str());
    let Some((lesson, group)) = place_of(room) else { return Ok(()) };
    // What happens in a group is not recorded.
    if group == 0 && matches!(event.event.as_str(), "track_published" | "room_finished") {
        state.recorder.stirs(lesson);
    }
    let Some(one) = &event.participant else { return Ok(()) };
    let now = state.platform.now();
    let told = event.created_at.saturating_mul(1_000);
    let at = if (now - LATEST..=now).contains(&told) { told } else { now };
    match event.event.as_str() {
        "participant_joined" => state.came((lesson, group), one, at).await?,
        "participant_left" | "participant_connection_aborted" => {
            if let Some(person) = person_of(&one.identity).filter(|_| one.attributes.contains_key("role")) {
                state.attendance.left(lesson, person, at);
            } else {
                state.recorder.gone(&one.identity);
            }
        }
        _ => {}
    }
    Ok(())
}
