//! The room as a document: a snapshot, or what has happened since.

use super::ClassroomState;
use super::book::Told;
use super::model::view::Viewer;
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::{LessonId, Millis};
use crate::lesson::{JoinLive, LiveLesson, Role, role_of};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a page has already.
#[derive(Deserialize)]
pub(super) struct Since {
    after: Option<i64>,
}

/// The answer: `view`, or `events` when they are few enough to be told one by one.
#[derive(Serialize)]
struct Document {
    /// Of the last event.
    number: i64,
    /// The server's clock, in milliseconds since the Unix epoch.
    now: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Told>>,
}

/// The room as the caller may see it. Its teachers read it at any time; everybody else while it is open.
pub(super) async fn room(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    Query(since): Query<Since>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<LiveLesson, JoinLive> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let role = role_of(caller.actor(), permit.resource()).ok_or(Refusal::NotFound)?;
    let now = state.platform.now();
    if role != Role::Teacher && !permit.resource().is_open(now) {
        return Err(Refusal::Rule("live-closed"));
    }
    let viewer = Viewer { role, person: caller.person()? };
    let live = state.classrooms.room(id).await?;
    let number = live.state.number;
    let document = match since.after.and_then(|after| live.told_since(after, viewer)) {
        Some(events) => Document { number, now, view: None, events: Some(events) },
        None => Document { number, now, view: Some(live.state.view(viewer)), events: None },
    };
    json(&document)
}
