//! The door, the lobby, reactions, private words and the timer: what people ask for, read and let happen.

use super::ClassroomState;
use super::model::{LONGEST_WORD, What, timer};
use super::policy::{LeadRoom, PartakeInRoom};
use crate::access::{Action, Permit};
use crate::edge::{Caller, Refusal, json};
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::{self, Document, LiveLesson, Pace, Role, read_document};
use crate::presence;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Done; the room is told apart from this.
pub(super) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The number with which a page finds what it did among what it is told.
#[derive(Serialize)]
struct Written {
    number: i64,
}

/// Done, as the event of that number.
pub(super) fn done_as(number: i64) -> Result<Response, Refusal> {
    json(&Written { number })
}

/// What a lock is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    locked: bool,
}

pub(super) async fn lock(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Lock>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let what = match read_document(document)?.locked {
        true => What::Locked { inside: state.inside(id).await? },
        false => What::Unlocked,
    };
    state.happen(&permit, what).await?;
    Ok(done())
}

impl ClassroomState {
    /// The pupils who are in, or have been: they come back through a locked door.
    async fn inside(&self, id: LessonId) -> Result<BTreeSet<PersonId>, Refusal> {
        let seen = self
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| Ok(presence::sightings(conn, &[id])?))
            .await?;
        let been = seen.into_iter().filter(|(_, seen)| seen.live.is_some()).map(|((_, person), _)| person);
        // Whoever came within the last seconds is not written down yet.
        let there = self.present(id).await?;
        let there = there.into_iter().filter(|one| one.role == Role::Pupil).map(|one| one.person);
        Ok(been.chain(there).collect())
    }

    /// A pupil in the room: whoever stands before the door takes no part.
    pub(super) async fn partake(
        &self,
        caller: &Caller,
        id: LessonId,
    ) -> Result<(Permit<LiveLesson, PartakeInRoom>, PersonId), Refusal> {
        let permit = self.permit(caller, id).await?;
        let person = caller.person()?;
        if !self.classrooms.room(id).await?.state.admits(person) {
            return Err(Refusal::Rule("room-locked"));
        }
        Ok((permit, person))
    }

    /// The pupil of that identity, if they are of the lesson.
    pub(super) async fn pupil<A: Action>(
        &self,
        permit: &Permit<LiveLesson, A>,
        identity: &str,
    ) -> Result<PersonId, Refusal> {
        let (lesson, pupil) = (permit.resource().clone(), identity.parse().map_err(|_| Refusal::NotFound)?);
        let attends = self
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| Ok(lesson::attends(conn, &lesson, pupil)?))
            .await?;
        if attends { Ok(pupil) } else { Err(Refusal::NotFound) }
    }
}

pub(super) async fn knock(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, PartakeInRoom> = state.permit(&caller, id).await?;
    let facts = caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    state.happen(&permit, What::Knocked { person: facts.person, name: facts.name.clone() }).await?;
    Ok(done())
}

/// Who is let in: one, or without a name everybody in the lobby.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Admission {
    person: Option<String>,
}

pub(super) async fn admit(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Admission>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let people = match read_document(document)?.person {
        Some(identity) => BTreeSet::from([state.pupil(&permit, &identity).await?]),
        None => state.classrooms.room(id).await?.state.lobby.keys().copied().collect(),
    };
    state.happen(&permit, What::Admitted { people }).await?;
    Ok(done())
}

/// The few signs that a class can give. They are shown for some seconds and kept nowhere.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sign {
    Yes,
    No,
    Clap,
    Laugh,
    Lost,
    Slower,
    Heart,
}

/// A sign.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reaction {
    sign: Sign,
}

/// The topic of reactions, as the page knows it.
const REACTIONS: &str = "preau.reaction";
/// Three reactions at once, then one every two seconds.
const REACTION_PACE: Pace = Pace { burst: 3, pause: 2_000 };
/// Five private words at once, then one every two seconds, like the chat.
const WORD_PACE: Pace = Pace { burst: 5, pause: 2_000 };

pub(super) async fn react(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Reaction>,
) -> Result<Response, Refusal> {
    let (_, person) = state.partake(&caller, id).await?;
    let sign = read_document(document)?.sign;
    if let Err(seconds) = state.paces.take(("reaction", id), person, REACTION_PACE, state.platform.now()) {
        return Ok(too_fast(seconds));
    }
    let packet = serde_json::json!({ "from": person.to_string(), "sign": sign }).to_string().into_bytes();
    state.rooms.tell_lesson(id, REACTIONS, &packet).await?;
    Ok(done())
}

/// A word to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    text: String,
}

/// The text of a private word, cleaned.
fn text_of(document: Document<Words>) -> Result<String, Refusal> {
    let text = read_document(document)?.text.replace('\0', "").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::Malformed("text is empty".into()));
    }
    if text.chars().count() > LONGEST_WORD {
        return Err(Refusal::Rule("room-word-too-long"));
    }
    Ok(text)
}

pub(super) async fn say(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Words>,
) -> Result<Response, Refusal> {
    let (permit, person) = state.partake(&caller, id).await?;
    let text = text_of(document)?;
    if let Err(seconds) = state.paces.take(("word", id), person, WORD_PACE, state.platform.now()) {
        return Ok(too_fast(seconds));
    }
    let name = caller.actor().facts().ok_or(Refusal::SignInFirst)?.name.clone();
    state.happen(&permit, What::Said { pupil: person, from: person, name, text }).await?;
    Ok(done())
}

pub(super) async fn reply(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    document: Document<Words>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let pupil = state.pupil(&permit, &identity).await?;
    let text = text_of(document)?;
    let facts = caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    let (from, name) = (facts.person, facts.name.clone());
    state.happen(&permit, What::Said { pupil, from, name, text }).await?;
    Ok(done())
}

/// Whether pupils may do something: write to the teacher alone, or in the notes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    pub(super) open: bool,
}

pub(super) async fn switch_words(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Switch>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::WordsSwitched { open: read_document(document)?.open }).await?;
    Ok(done())
}

/// Whether pupils' pages are the simple ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Simplicity {
    simple: bool,
}

pub(super) async fn simplify(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Simplicity>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::ViewSimplified { simple: read_document(document)?.simple }).await?;
    Ok(done())
}

/// How long the timer runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Length {
    seconds: u32,
}

pub(super) async fn start_timer(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Length>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let length = Millis::from(read_document(document)?.seconds) * 1_000;
    if !(timer::SHORTEST..=timer::LONGEST).contains(&length) {
        return Err(Refusal::Rule("room-bad-timer"));
    }
    state.happen(&permit, What::TimerStarted { length }).await?;
    Ok(done())
}

/// Whether the timer stands still.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    paused: bool,
}

pub(super) async fn pause_timer(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Pause>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let what = if read_document(document)?.paused { What::TimerPaused } else { What::TimerResumed };
    state.happen(&permit, what).await?;
    Ok(done())
}

pub(super) async fn end_timer(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::TimerEnded).await?;
    Ok(done())
}

/// 429 (RFC 6585 section 4).
pub(super) fn too_fast(seconds: u32) -> Response {
    let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
