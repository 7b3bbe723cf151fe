//! Beginning and ending a recording, and how it stands.

use super::egress::{self, Begun};
use super::model::{Ending, RecordingId, What};
use super::policy::Record;
use super::tape::Begin;
use super::{Machine, RecordingState, Running, Tapes, drawings, store};
use crate::access::{Allows, Permit};
use crate::edge::{Caller, Refusal, json};
use crate::ids::LessonId;
use crate::lesson::{JoinLive, LiveLesson, Tap, room_of};
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long a LiveKit server's recorder may take to answer: it starts a process, and is asked again when it fails.
const ANSWER: Duration = Duration::from_secs(30);
/// The topic, as the page knows it.
const TOPIC: &str = "preau.recording";

/// How the recording of a lesson stands.
#[derive(Serialize)]
struct Standing {
    /// It is recorded now.
    on: bool,
    /// With pupils' voices: of the one that runs, else of one that would begin now.
    voices: bool,
    /// Whether the caller may begin and end it.
    may: bool,
    /// Why it cannot be begun, though the caller holds the lesson: `off` or `engine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Option<&'static str>,
    /// It begins late: what is said in the first seconds may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
    /// Something of the one that runs is missing, and is tried again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trouble: bool,
    /// Why the last one ended, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
}

pub(super) async fn standing(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    // Before the store: of what is over, it then knows why.
    let running = state.studio.running().get(&id).copied().filter(|running| !running.over);
    let actor = caller.actor().clone();
    let (lesson, setting, last) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<LiveLesson, JoinLive> = actor.permit(conn, id)?;
            let lesson = permit.into_resource();
            let setting = store::setting(conn, lesson.school)?;
            Ok((lesson, setting, store::last_ending(conn, id)?))
        })
        .await?;
    let holds = <LiveLesson as Allows<Record>>::allows(caller.actor(), &lesson);
    let not = match (&state.studio.0.machine, setting.what) {
        (None, _) => Some("engine"),
        (Some(_), What::Off) => Some("off"),
        _ => None,
    };
    json(&Standing {
        on: running.is_some(),
        voices: running.map_or(setting.what == What::Voices, |running| running.voices),
        may: holds && (not.is_none() || running.is_some()),
        not: not.filter(|_| holds && running.is_none()),
        late: state.studio.desk().is_some(),
        trouble: running.is_some_and(|running| running.trouble),
        ended: last.filter(|_| running.is_none()).map(Ending::word),
    })
}

/// A permit to record a lesson that is open.
async fn permit(
    state: &RecordingState,
    caller: &Caller,
    id: LessonId,
) -> Result<Permit<LiveLesson, Record>, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<LiveLesson, Record> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    if permit.resource().is_open(state.platform.now()) {
        Ok(permit)
    } else {
        Err(Refusal::Rule("live-closed"))
    }
}

pub(super) async fn begin(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller, id).await?;
    let school = permit.resource().school;
    let Some(machine) = state.studio.0.machine.clone() else {
        return Err(Refusal::Rule("recording-engine"));
    };
    let setting =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(store::setting(conn, school)?)).await?;
    if setting.what == What::Off {
        return Err(Refusal::Rule("recording-off"));
    }
    let (voices, recording) = (setting.what == What::Voices, RecordingId::fresh());
    if !state.rooms.of_lesson(id).await?.contains(&room_of(id)) {
        return Err(Refusal::Rule("recording-nobody"));
    }
    if !state.studio.0.bounds.has_room() {
        return Err(Refusal::Rule("recording-no-space"));
    }
    {
        let most = state.platform.config().recording.parallel as usize;
        let mut running = state.studio.running();
        match running.get(&id) {
            // In a moment.
            Some(Running { over: true, .. }) => return Err(Refusal::Busy { retry_after: 1 }),
            // Two teachers, or two clicks.
            Some(_) => return Ok(StatusCode::NO_CONTENT.into_response()),
            None => {}
        }
        if running.len() >= most {
            return Err(Refusal::Rule("recording-too-many"));
        }
        running.insert(id, Running { id: recording, school, voices, over: false, trouble: false });
    }
    let begun = state.record(&permit, &caller, &machine, recording, voices).await;
    if begun.is_err() {
        state.studio.running().remove(&id);
        state.studio.last_hands(recording);
    }
    begun?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl RecordingState {
    /// Writes it down, opens its files, and lets the room be heard, in this order: nothing leaves the engine before
    /// it stands in the journal.
    async fn record(
        &self,
        permit: &Permit<LiveLesson, Record>,
        caller: &Caller,
        machine: &Machine,
        recording: RecordingId,
        voices: bool,
    ) -> Result<(), Refusal> {
        let (lesson, school, by) = (permit.resource().id, permit.resource().school, caller.person()?);
        let now = self.platform.now();
        self.platform
            .store()
            .write::<_, StoreError, _>(permit, move |tx| {
                store::begin(tx, recording, (lesson, school), by, voices, now)?;
                drawings::begin(tx, recording, lesson, now)?;
                tx.note_as("recording.begin", "recording", recording.get());
                Ok(())
            })
            .await?;
        match machine {
            Machine::Tapes(tapes) => self.tape(tapes, lesson, recording, voices).await,
            Machine::Egress(desk) => {
                let begin = egress::Begin { recording, lesson, voices, began: now };
                let begun = tokio::time::timeout(ANSWER, desk.begin(begin)).await;
                if matches!(begun, Ok(Begun::Yes)) {
                    self.note_raised(lesson).await;
                    self.tell_rooms(lesson).await;
                    return Ok(());
                }
                // It may still be tried, or too much waits there for it to have been heard.
                desk.say(egress::Note::End(lesson, Ending::Failure));
                self.close(recording, Ending::Failure).await;
                Err(Refusal::Rule("recording-egress"))
            }
        }
    }

    /// Opens files on this machine, and lets the room be heard.
    async fn tape(
        &self,
        tapes: &Tapes,
        lesson: LessonId,
        recording: RecordingId,
        voices: bool,
    ) -> Result<(), Refusal> {
        let room = room_of(lesson);
        if !tapes.begin(Begin { recording, lesson, room, began: Instant::now() }) {
            self.close(recording, Ending::Failure).await;
            return Err(Refusal::Busy { retry_after: 2 });
        }
        match self.rooms.tap(lesson, Some(Tap { voices })).await {
            Ok(true) => {
                self.note_raised(lesson).await;
                self.tell_rooms(lesson).await;
                Ok(())
            }
            // Everybody has left in this moment.
            Ok(false) => {
                tapes.end(lesson, Ending::Lesson);
                Err(Refusal::Rule("recording-nobody"))
            }
            Err(error) => {
                tapes.end(lesson, Ending::Failure);
                Err(error.into())
            }
        }
    }

    /// Notes the hands that are up as it begins. Without them a recording is whole; a room that cannot be asked now
    /// is no reason to refuse one.
    async fn note_raised(&self, lesson: LessonId) {
        let present = self.rooms.list_participants(&room_of(lesson)).await.unwrap_or_default();
        for one in present {
            let raised = one.attributes.get("hand").is_some_and(|since| !since.is_empty());
            if let Some(person) = one.identity.parse().ok().filter(|_| raised) {
                self.studio.note_hand(lesson, person, true, self.platform.now());
            }
        }
    }

    /// Tells those whom the media server does not tell that the recording of the class began or ended: the groups, whose
    /// rooms are not recorded; and with a LiveKit server the class, too, because a recording may run there while nothing
    /// is sent that could be recorded. Who hears of it asks how it stands; who does not finds out when they come back.
    pub(super) async fn tell_rooms(&self, lesson: LessonId) {
        let class = self.studio.desk().is_some();
        let rooms = self.rooms.of_lesson(lesson).await.unwrap_or_default();
        for room in rooms.into_iter().filter(|room| class || *room != room_of(lesson)) {
            if let Err(error) = self.rooms.send_data(&room, TOPIC, b"{}".to_vec()).await {
                tracing::warn!(%lesson, %error, "a room could not be told of a recording");
            }
        }
    }

    /// Ends the recording of a lesson; its files are finished a moment later.
    pub(super) async fn stop(&self, lesson: LessonId, ending: Ending) -> Result<(), Refusal> {
        // The room first: from here on nothing more is recorded.
        if self.studio.tapes().is_some() {
            self.rooms.tap(lesson, None).await?;
        }
        match &self.studio.0.machine {
            Some(machine) if !machine.end(lesson, ending) => Err(Refusal::Busy { retry_after: 2 }),
            _ => Ok(()),
        }
    }
}

pub(super) async fn end(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller, id).await?;
    let running = state.studio.running().get(&id).copied();
    if let Some(Running { id: recording, over: false, .. }) = running {
        let now = state.platform.now();
        state.stop(id, Ending::Teacher).await?;
        state
            .platform
            .store()
            .write::<_, StoreError, _>(&permit, move |tx| {
                store::end(tx, recording, Ending::Teacher, now)?;
                tx.note_as("recording.end", "recording", recording.get());
                Ok(())
            })
            .await?;
        // Another one may begin at once; the files of this one are closed in their turn.
        state.studio.running().remove(&id);
        state.tell_rooms(id).await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
