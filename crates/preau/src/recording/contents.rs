//! What a player needs to know of a recording: its files on the time line, and what the class saw and wrote.

use super::model::{Recording, RecordingId, Track};
use super::policy::WatchRecording;
use super::{RecordingState, drawings, store};
use crate::access::Permit;
use crate::classroom;
use crate::edge::{Caller, Refusal, json};
use crate::ids::{Millis, PersonId};
use crate::lesson;
use crate::school;
use crate::store::Conn;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// The document. All times are milliseconds since the recording began.
#[derive(Serialize)]
struct Contents {
    length: u64,
    tracks: Vec<File>,
    chat: Vec<Message>,
    /// Hands that went up and down in the class's room.
    hands: Vec<Raising>,
    /// What the class saw of questions, notes and the timer: as it stood at the beginning, and merge patches.
    room: Value,
    changes: Vec<Change>,
    /// Whether the board was before the class, and something was on it: what, is asked for by itself.
    board: bool,
}

#[derive(Serialize)]
struct File {
    url: String,
    shows: &'static str,
    /// Whose; the same person has one lane for each thing they showed.
    person: String,
    name: String,
    /// Whether they hold the lesson.
    leads: bool,
    begins: u64,
    length: u64,
}

#[derive(Serialize)]
struct Message {
    at: u64,
    name: String,
    text: String,
}

#[derive(Serialize)]
struct Raising {
    at: u64,
    name: String,
    up: bool,
}

#[derive(Serialize)]
struct Change {
    at: u64,
    patch: Value,
}

/// How long a recording is: until its last file ends.
pub(super) fn length_of(tracks: &[Track]) -> u64 {
    tracks.iter().map(|track| track.name.begins + track.length).max().unwrap_or(0)
}

pub(super) async fn read(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let contents = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Recording, WatchRecording> = actor.permit(conn, id)?;
            contents(conn, permit.resource())
        })
        .await?;
    json(&contents)
}

/// The board over the recording.
pub(super) async fn board(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let (history, rows, span) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Recording, WatchRecording> = actor.permit(conn, id)?;
            let recording = permit.resource();
            let span = span_of(recording, &store::tracks(conn, id)?);
            let history = classroom::history(conn, recording.lesson.id, span)?;
            Ok((history, store::drawings(conn, id)?, span))
        })
        .await?;
    json(&drawings::seen(&history, rows, span))
}

/// A document that was before the class while it was recorded.
pub(super) async fn document(
    State(state): State<RecordingState>,
    caller: Caller,
    Path((id, token)): Path<(RecordingId, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let file = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Recording, WatchRecording> = actor.permit(conn, id)?;
            let recording = permit.resource();
            let span = span_of(recording, &store::tracks(conn, id)?);
            if !classroom::history(conn, recording.lesson.id, span)?.shows(&token) {
                return Err(Refusal::NotFound);
            }
            classroom::document_of(conn, &recording.lesson, &token)?.ok_or(Refusal::NotFound)
        })
        .await?;
    state.files.send(&file, &headers).await
}

/// From when to when it is, in milliseconds since the Unix epoch.
fn span_of(recording: &Recording, tracks: &[Track]) -> (Millis, Millis) {
    let from = recording.started_at;
    (from, from + Millis::try_from(length_of(tracks)).unwrap_or(0))
}

fn contents(conn: &mut Conn, recording: &Recording) -> Result<Contents, Refusal> {
    let tracks = store::tracks(conn, recording.id)?;
    let length = length_of(&tracks);
    let span = span_of(recording, &tracks);
    let from = recording.started_at;
    let since = |at: Millis| u64::try_from(at - from).unwrap_or(0);
    let mut names: HashMap<PersonId, String> = HashMap::new();
    let hands = store::hands(conn, recording.id)?;
    let people = tracks.iter().map(|track| track.name.person).chain(hands.iter().map(|hand| hand.person));
    for person in people {
        if let std::collections::hash_map::Entry::Vacant(entry) = names.entry(person) {
            entry.insert(school::person_name(conn, person)?);
        }
    }
    let history = classroom::history(conn, recording.lesson.id, span)?;
    let chat = lesson::said_between(conn, recording.lesson.id, span)?;
    let name = |person: PersonId| names.get(&person).cloned().unwrap_or_default();
    let file = |track: &Track| File {
        url: format!("/recordings/{}/tracks/{}", recording.id, track.name.number),
        shows: track.name.shows.word(),
        person: track.name.person.to_string(),
        name: name(track.name.person),
        leads: recording.lesson.teachers.contains(&track.name.person),
        begins: track.name.begins,
        length: track.length,
    };
    Ok(Contents {
        length,
        tracks: tracks.iter().map(file).collect(),
        chat: chat
            .into_iter()
            .map(|said| Message { at: since(said.at), name: said.name, text: said.text })
            .collect(),
        hands: hands
            .into_iter()
            .map(|hand| Raising { at: since(hand.at), name: name(hand.person), up: hand.up })
            .collect(),
        board: history.has_board() && store::has_drawings(conn, recording.id)?,
        room: history.view,
        changes: history.changes.into_iter().map(|(at, patch)| Change { at: since(at), patch }).collect(),
    })
}
