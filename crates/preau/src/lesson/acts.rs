//! What teacher and pupils do during the lesson: hands, the floor, muting, sending out.
//!
//! Each act is written down first (in memory, or in the store where it must outlive the process) and then
//! told to the room, so that somebody who connects in between finds it already true.

use super::model::{Allowed, LONGEST_REASON, LiveLesson, Removed, Role, person_of};
use super::policy::{JoinLive, ModerateLive, OpenLive, role_of};
use super::{LessonState, Place, RoomsError, pages, store, ticket};
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::{LessonId, PersonId};
use crate::school;
use crate::store::{Conn, StoreError};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use diesel::QueryResult;
use http::HeaderMap;
use preau_sfu::protocol as lk;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A JSON document, or why it cannot be read.
pub type Document<T> = Result<Json<T>, JsonRejection>;

/// What a document says.
///
/// # Errors
/// [`Refusal::Malformed`], in words for a developer.
pub fn read_document<T>(document: Document<T>) -> Result<T, Refusal> {
    document.map(|Json(value)| value).map_err(|error| Refusal::Malformed(error.body_text()))
}

impl From<RoomsError> for Refusal {
    fn from(error: RoomsError) -> Self {
        match error {
            RoomsError::Media(_) => Refusal::Busy { retry_after: 2 },
            RoomsError::Cluster(_) => {
                tracing::error!(%error, "a live room could not be reached");
                Refusal::Busy { retry_after: 5 }
            }
            RoomsError::Refused(error) => Refusal::Internal(format!("live room: {error}")),
        }
    }
}

/// The lesson must be open for anything to be done in it.
pub(super) fn while_open(state: &LessonState, lesson: &LiveLesson) -> Result<(), Refusal> {
    if lesson.is_open(state.platform.now()) { Ok(()) } else { Err(Refusal::Rule("live-closed")) }
}

/// … and whoever takes part in it must be in the room: a teacher may have locked the door. Returns the number of the
/// caller's group; 0 is the whole class.
pub(super) async fn while_inside(
    state: &LessonState,
    caller: &Caller,
    lesson: &LiveLesson,
) -> Result<u8, Refusal> {
    while_open(state, lesson)?;
    let role = role_of(caller.actor(), lesson).ok_or(Refusal::NotFound)?;
    match state.doorkeeper.place(lesson, caller.person()?, role, 0).await? {
        Place::Room(group) => Ok(group),
        Place::Lobby => Err(Refusal::Rule("live-locked")),
    }
}

/// A permit to moderate a lesson that is open.
async fn moderate(
    state: &LessonState,
    caller: &Caller,
    id: LessonId,
) -> Result<Permit<LiveLesson, ModerateLive>, Refusal> {
    let permit = pages::permit(state, caller, id).await?;
    while_open(state, permit.resource())?;
    Ok(permit)
}

/// Whether somebody is a pupil of the lesson's classes and groups.
///
/// # Errors
/// The engine's.
pub fn attends(conn: &mut Conn, lesson: &LiveLesson, person: PersonId) -> QueryResult<bool> {
    for group in &lesson.groups {
        if school::pupils_of(conn, *group)?.iter().any(|one| one.id == person) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A permit to moderate, and a pupil of that lesson: nobody else is moderated.
async fn moderate_pupil(
    state: &LessonState,
    caller: &Caller,
    id: LessonId,
    identity: &str,
) -> Result<(Permit<LiveLesson, ModerateLive>, PersonId), Refusal> {
    let permit = moderate(state, caller, id).await?;
    let pupil = person_of(identity).ok_or(Refusal::NotFound)?;
    let lesson = permit.resource().clone();
    let known =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(attends(conn, &lesson, pupil)?)).await?;
    if known { Ok((permit, pupil)) } else { Err(Refusal::NotFound) }
}

/// A hand, up or down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hand {
    raised: bool,
}

pub(super) async fn raise_hand(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
    document: Document<Hand>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, JoinLive> = pages::permit(&state, &caller, id).await?;
    let group = while_inside(&state, &caller, permit.resource()).await?;
    if role_of(caller.actor(), permit.resource()) != Some(Role::Pupil) {
        return Err(Refusal::Rule("live-hand-of-pupils"));
    }
    let (person, raised) = (caller.person()?, read_document(document)?.raised);
    // What happens in a group is not recorded.
    if raised && group == 0 {
        state.recorder.hand(id, person, true, state.platform.now());
    }
    set_hand(&state, id, person, raised).await?;
    Ok(pages::done(&headers, id))
}

pub(super) async fn lower_hand(
    State(state): State<LessonState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (_, pupil) = moderate_pupil(&state, &caller, id, &identity).await?;
    set_hand(&state, id, pupil, false).await?;
    Ok(pages::done(&headers, id))
}

async fn set_hand(state: &LessonState, id: LessonId, person: PersonId, raised: bool) -> Result<(), Refusal> {
    let now = state.platform.now();
    let since = state.stages.set_hand(id, person, raised, now);
    if !raised {
        state.recorder.hand(id, person, false, now);
    }
    update(
        state,
        id,
        &lk::UpdateParticipantRequest {
            identity: person.to_string(),
            attributes: HashMap::from([("hand".to_owned(), ticket::hand_text(since))]),
            ..Default::default()
        },
    )
    .await?;
    state.tell_hands(id).await
}

/// Changes somebody in whichever room of the lesson they are.
async fn update(
    state: &LessonState,
    id: LessonId,
    change: &lk::UpdateParticipantRequest,
) -> Result<(), Refusal> {
    for room in state.rooms.of_lesson(id).await? {
        if state.rooms.update_participant(lk::UpdateParticipantRequest { room, ..change.clone() }).await? {
            break;
        }
    }
    Ok(())
}

pub(super) async fn permit_one(
    State(state): State<LessonState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    headers: HeaderMap,
    document: Document<Allowed>,
) -> Result<Response, Refusal> {
    let (_, pupil) = moderate_pupil(&state, &caller, id, &identity).await?;
    let allowed = read_document(document)?;
    state.stages.allow(id, pupil, allowed);
    tell_permission(&state, id, &identity, allowed).await?;
    Ok(pages::done(&headers, id))
}

pub(super) async fn permit_everybody(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
    document: Document<Allowed>,
) -> Result<Response, Refusal> {
    moderate(&state, &caller, id).await?;
    let allowed = read_document(document)?;
    state.stages.allow_everybody(id, allowed);
    for (_, pupil) in pupils_present(&state, id).await? {
        tell_permission(&state, id, &pupil.identity, allowed).await?;
    }
    Ok(pages::done(&headers, id))
}

async fn tell_permission(
    state: &LessonState,
    id: LessonId,
    identity: &str,
    allowed: Allowed,
) -> Result<(), Refusal> {
    update(
        state,
        id,
        &lk::UpdateParticipantRequest {
            identity: identity.to_owned(),
            permission: Some(ticket::permission(Role::Pupil, allowed)),
            ..Default::default()
        },
    )
    .await
}

/// The pupils in the lesson's rooms now, each with the room.
async fn pupils_present(
    state: &LessonState,
    id: LessonId,
) -> Result<Vec<(String, lk::ParticipantInfo)>, Refusal> {
    let mut present = Vec::new();
    for room in state.rooms.of_lesson(id).await? {
        let there = state.rooms.list_participants(&room).await?.into_iter();
        let pupils =
            there.filter(|one| one.attributes.get("role").map(String::as_str) == Some(Role::Pupil.word()));
        present.extend(pupils.map(|one| (room.clone(), one)));
    }
    Ok(present)
}

pub(super) async fn mute_one(
    State(state): State<LessonState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    moderate_pupil(&state, &caller, id, &identity).await?;
    for (room, pupil) in pupils_present(&state, id).await?.iter().filter(|(_, one)| one.identity == identity)
    {
        mute(&state, room, pupil).await?;
    }
    Ok(pages::done(&headers, id))
}

pub(super) async fn mute_everybody(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    moderate(&state, &caller, id).await?;
    for (room, pupil) in &pupils_present(&state, id).await? {
        mute(&state, room, pupil).await?;
    }
    Ok(pages::done(&headers, id))
}

/// Mutes a pupil's microphones.
async fn mute(state: &LessonState, room: &str, pupil: &lk::ParticipantInfo) -> Result<(), Refusal> {
    let voices =
        pupil.tracks.iter().filter(|track| track.r#type == lk::TrackType::Audio as i32 && !track.muted);
    for track in voices {
        state
            .rooms
            .mute_published_track(lk::MuteRoomTrackRequest {
                room: room.to_owned(),
                identity: pupil.identity.clone(),
                track_sid: track.sid.clone(),
                muted: true,
            })
            .await?;
    }
    Ok(())
}

/// Why somebody is sent out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    #[serde(default)]
    reason: String,
}

pub(super) async fn remove(
    State(state): State<LessonState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    headers: HeaderMap,
    document: Document<Removal>,
) -> Result<Response, Refusal> {
    let (permit, pupil) = moderate_pupil(&state, &caller, id, &identity).await?;
    let reason = read_document(document)?.reason.replace('\0', "").trim().to_owned();
    if reason.chars().count() > LONGEST_REASON {
        return Err(Refusal::Rule("live-reason-too-long"));
    }
    let (by, now) = (caller.person()?, state.platform.now());
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            store::remove(tx, id, pupil, by, &reason, now)?;
            tx.note_as("live.remove", "person", pupil.get());
            Ok(())
        })
        .await?;
    state.stages.set_hand(id, pupil, false, now);
    state.recorder.hand(id, pupil, false, now);
    for room in state.rooms.of_lesson(id).await? {
        state.rooms.remove_participant(&room, &identity).await?;
    }
    Ok(pages::done(&headers, id))
}

#[derive(Serialize)]
struct Removals {
    removals: Vec<Removed>,
}

/// Those who were sent out and why, for its teachers and for head and CPE, also when the lesson is over.
pub(super) async fn removals(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let _: Permit<LiveLesson, OpenLive> = pages::permit(&state, &caller, id).await?;
    let removals =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(store::removals(conn, id)?)).await?;
    json(&Removals { removals })
}
