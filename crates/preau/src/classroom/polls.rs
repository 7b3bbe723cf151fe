//! Questions to the class.

use super::ClassroomState;
use super::acts::done;
use super::model::What;
use super::model::poll::Question;
use super::policy::LeadRoom;
use crate::access::Permit;
use crate::edge::{Caller, Refusal};
use crate::ids::LessonId;
use crate::lesson::{Document, LiveLesson, read_document};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeSet;

pub(super) async fn open(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Question>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let question = read_document(document)?.tidy().map_err(Refusal::Rule)?;
    state.happen(&permit, What::PollOpened(question)).await?;
    Ok(done())
}

/// The places of the chosen answers, from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    choices: BTreeSet<u8>,
}

pub(super) async fn answer(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, poll)): Path<(LessonId, i64)>,
    document: Document<Answer>,
) -> Result<Response, Refusal> {
    let (permit, person) = state.partake(&caller, id).await?;
    let choices = read_document(document)?.choices;
    state.happen(&permit, What::PollAnswered { poll, person, choices }).await?;
    Ok(done())
}

pub(super) async fn close(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, poll)): Path<(LessonId, i64)>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::PollClosed { poll }).await?;
    Ok(done())
}

/// Whether the class sees how it answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Results {
    shown: bool,
}

pub(super) async fn show(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, poll)): Path<(LessonId, i64)>,
    document: Document<Results>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let shown = read_document(document)?.shown;
    state.happen(&permit, What::PollShown { poll, shown }).await?;
    Ok(done())
}
