//! The lesson's chat: written over HTTP, where each message has a permit, and passed on to the room.
//!
//! A message is kept before anybody sees it. Clients believe only packets without a sender, and nobody's
//! grants allow to send data, so whoever changes their client can still not write in another's name.

use super::acts::{Document, read as document, while_open};
use super::model::{LONGEST_MESSAGE, LiveLesson, Message, Role, room_of};
use super::policy::{JoinLive, WriteLive, role_of};
use super::{LessonState, pages, store};
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
        while_open(&state, permit.resource())?;
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
    while_open(&state, permit.resource())?;
    let text = document(words)?.text.replace('\0', "").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::Malformed("text is empty".into()));
    }
    if text.chars().count() > LONGEST_MESSAGE {
        return Err(Refusal::Rule("live-message-too-long"));
    }
    let (facts, now) = (caller.actor().facts().ok_or(Refusal::SignInFirst)?, state.platform.now());
    if let Err(seconds) = state.stages.may_write(id, facts.person, now) {
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
    if let Err(error) = state.rooms.send_data(&room_of(id), TOPIC, packet).await {
        tracing::warn!(lesson = %id, %error, "a chat message was kept but not passed on");
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
