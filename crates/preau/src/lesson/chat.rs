//! The lesson's chat: written over HTTP, where each message has a permit, and passed on to the room.
//!
//! A message is kept before anybody sees it. Clients believe only packets without a sender, and nobody's
//! grants allow to send data, so whoever changes their client can still not write in another's name.

use super::acts::{Document, read_document as document, while_inside, while_open};
use super::model::{LONGEST_MESSAGE, LiveLesson, Message, Role};
use super::policy::{JoinLive, ModerateLive, WriteLive, role_of};
use super::{LessonState, Pace, pages, store};
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::LessonId;
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// The topic of the packets, as the page knows it.
const TOPIC: &str = "preau.chat";
/// Five messages at once, then one every two seconds.
const PACE: Pace = Pace { burst: 5, pause: 2_000 };

#[derive(Serialize)]
struct Messages {
    messages: Vec<Message>,
}

/// The chat so far. Its teachers read it at any time; everybody else while the lesson is open.
pub(super) async fn read(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, JoinLive> = pages::permit(&state, &caller, id).await?;
    if role_of(caller.actor(), permit.resource()) != Some(Role::Teacher) {
        while_inside(&state, &caller, permit.resource()).await?;
    }
    let messages =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(store::messages(conn, id)?)).await?;
    json(&Messages { messages })
}

/// Something to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    text: String,
}

pub(super) async fn write(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
    words: Document<Words>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, WriteLive> = pages::permit(&state, &caller, id).await?;
    while_inside(&state, &caller, permit.resource()).await?;
    let text = document(words)?.text.replace('\0', "").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::Malformed("text is empty".into()));
    }
    if text.chars().count() > LONGEST_MESSAGE {
        return Err(Refusal::Rule("live-message-too-long"));
    }
    let (facts, now) = (caller.actor().facts().ok_or(Refusal::SignInFirst)?, state.platform.now());
    if let Err(seconds) = state.paces.take(("message", id), facts.person, PACE, now) {
        return Ok(too_fast(seconds));
    }
    let (from, kept) = (facts.person, text.clone());
    let number = state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| Ok(store::insert_message(tx, id, from, &kept, now)?))
        .await?;
    let message = Message {
        id: number.to_string(),
        from: from.to_string(),
        name: facts.name.clone(),
        text,
        at: crate::edge::instant(now).to_string(),
    };
    let packet = serde_json::to_vec(&message).map_err(|error| Refusal::Internal(error.to_string()))?;
    // The message is kept: who misses the packet reads it with the next connection.
    if let Err(error) = state.rooms.tell_lesson(id, TOPIC, &packet).await {
        tracing::warn!(lesson = %id, %error, "a chat message was kept but not passed on");
    }
    Ok(pages::done(&headers, id))
}

/// Takes a message out, for everybody and for good.
pub(super) async fn remove(
    State(state): State<LessonState>,
    caller: Caller,
    Path((id, message)): Path<(LessonId, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, ModerateLive> = pages::permit(&state, &caller, id).await?;
    while_open(&state, permit.resource())?;
    let (by, now) = (caller.person()?, state.platform.now());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            if !store::remove_message(tx, id, message, by, now)? {
                return Err(Refusal::NotFound);
            }
            tx.note_as("live.remove_message", "live_message", message);
            Ok(())
        })
        .await?;
    let packet = serde_json::json!({ "removed": message.to_string() }).to_string().into_bytes();
    // Pages that miss the packet read the chat anew with the next connection.
    if let Err(error) = state.rooms.tell_lesson(id, TOPIC, &packet).await {
        tracing::warn!(lesson = %id, %error, "a chat message was taken out but the room not told");
    }
    Ok(pages::done(&headers, id))
}

/// 429 (RFC 6585 section 4).
fn too_fast(seconds: u32) -> Response {
    let body = serde_json::json!({ "error": "too-fast" }).to_string();
    let mut response =
        (StatusCode::TOO_MANY_REQUESTS, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
