//! Writing in the notes of the class.

use super::ClassroomState;
use super::acts::{Switch, done, done_as};
use super::model::What;
use super::model::notes::{Edit, resolve};
use super::policy::{LeadRoom, WriteNotes};
use crate::access::Permit;
use crate::edge::{Caller, Refusal};
use crate::ids::LessonId;
use crate::lesson::{Document, LiveLesson, Role, read_document, role_of};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

/// What is wanted of the notes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edits {
    edits: Vec<Edit>,
}

pub(super) async fn write(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Edits>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, WriteNotes> = state.permit(&caller, id).await?;
    let pupil = role_of(caller.actor(), permit.resource()) != Some(Role::Teacher);
    let (person, edits) = (caller.person()?, read_document(document)?.edits);
    let number = state
        .happen_as(&permit, |room| {
            if pupil && !(room.notes_open && room.admits(person)) {
                return Err("room-notes-closed");
            }
            Ok(What::NotesWritten { lines: resolve(&room.notes, edits)? })
        })
        .await?;
    done_as(number)
}

pub(super) async fn switch(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Switch>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::NotesSwitched { open: read_document(document)?.open }).await?;
    Ok(done())
}
