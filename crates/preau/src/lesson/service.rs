//! RoomService for the embedded engine: `POST /twirp/livekit.RoomService/{method}`, so that tools made for
//! LiveKit (its CLI, its server libraries) see and moderate lessons here as on a LiveKit server.
//!
//! The token is the proof, and needs the grants that LiveKit asks for; nobody's way into a lesson holds
//! one of them. Tokens are made with `[live] key` and `secret`; where those are not set, nobody outside
//! holds the key, and the door stays shut.

use super::LessonState;
use super::control::RoomsError;
use super::media::MediaError;
use super::twirp::{self, Failure, Format, Method};
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

/// Longest request, in bytes: a data packet in JSON, where it takes a third more room.
pub(super) const LONGEST: usize = 128 * 1024;

/// Carries out a request of a tool.
pub(super) async fn serve(
    State(state): State<LessonState>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    match answer(&state, &method, &headers, body.ok()).await {
        Ok((format, bytes)) => ([(header::CONTENT_TYPE, format.content_type())], bytes).into_response(),
        Err(failure) => {
            let status = StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, axum::Json(failure)).into_response()
        }
    }
}

async fn answer(
    state: &LessonState,
    method: &str,
    headers: &HeaderMap,
    body: Option<Bytes>,
) -> Result<(Format, Vec<u8>), Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The token first: a stranger learns nothing else.
    let token = text(header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    let held = state
        .tickets
        .read_service(token, state.platform.now())
        .map_err(|error| Failure::new("unauthenticated", error.to_string()))?;
    #[cfg(any(test, debug_assertions))]
    if method == FAIL {
        return fail(state, &held).map(|()| (Format::Json, b"{}".to_vec()));
    }
    let format = Format::of(text(header::CONTENT_TYPE))
        .ok_or_else(|| Failure::new("bad_route", "unexpected Content-Type"))?;
    let method = Method::from_name(method)
        .ok_or_else(|| Failure::new("bad_route", format!("no method {method:?} here")))?;
    let body = body.ok_or_else(|| Failure::new("malformed", "the body is too long or did not arrive"))?;
    let command = method.command(format, &body).map_err(|error| Failure::new("malformed", error))?;
    if !twirp::suffices(&held, &twirp::needed(&command)) {
        return Err(Failure::new("permission_denied", "the token lacks the grant for this"));
    }
    let reply = state.rooms.carry_out(command).await.map_err(|error| match error {
        RoomsError::Refused(error) => Failure::from(error),
        RoomsError::Media(error @ (MediaError::Busy | MediaError::StartingOver)) => {
            Failure::new("unavailable", error.to_string())
        }
        RoomsError::Cluster(error) => Failure::new("unavailable", error),
    })?;
    Ok((format, method.answer(format, reply)))
}

/// For journeys: lets the media thread fail that the token's room is on. No build that is published has it.
#[cfg(any(test, debug_assertions))]
const FAIL: &str = "FailShard";

#[cfg(any(test, debug_assertions))]
fn fail(state: &LessonState, held: &preau_sfu::token::ServiceClaims) -> Result<(), Failure> {
    let room = held.room.as_str().into();
    let failed = held.room_admin && state.media.as_ref().is_some_and(|media| media.fail(&room));
    if failed { Ok(()) } else { Err(Failure::new("not_found", "no such room for this token")) }
}
