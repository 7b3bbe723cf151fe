//! Recordings of live lessons: begun by a teacher where the school's head allows it, announced to everybody in the
//! room, watched by the class, deleted after some weeks.
//!
//! `model` what a school allows and what a recording holds · `policy` who may do what · `store` the only SQL ·
//! `tape` the thread that writes files · `egress` the same with a LiveKit server's recorder · `hands` raised hands ·
//! `drawings` the board · `acts` begin and end · `hear` what the thread tells, and
//! what a restart finds · `tidy` what is too old goes · `pages`, `contents`, `stream` the pages, what a player needs, the files ·
//! `views` what templates show.
//!
//! Invariants: nothing is recorded unless the school allows it at that moment, and everybody in the room is told
//! as long as it is; pupils' cameras and screens never leave the media engine; whatever is watched passed a permit.

mod acts;
mod contents;
mod drawings;
mod egress;
mod hands;
mod hear;
mod model;
mod pages;
mod policy;
mod store;
mod stream;
mod tape;
#[cfg(test)]
mod tests;
mod tidy;
pub mod views;

pub use model::{Ending, Recording, RecordingId, RecordingLine, Setting, What};
pub use policy::{DeleteRecording, Record, SetRecording, WatchRecording};
#[cfg(test)]
pub(crate) use tests::{matrix, one_for_tests};

use crate::access::{Actor, Profile};
use crate::config::LiveEngine;
use crate::edge::{Audience, Body, Cost, NavEntry, Platform, Routes};
use crate::files::FileStore;
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::{Egress, HOLDERS, PARTICIPANTS, Recorder, Rooms, Tapped};
use crate::store::Conn;
use diesel::QueryResult;
use egress::{Desk, Ground, Note, Shelf, Told};
use preau_sfu::protocol as lk;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tape::{Bounds, Fact, Tapes};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

const HEADS: Audience = Audience::Profiles(&[Profile::Head]);
/// The menu leads there those who answer for recordings; everybody else comes from a lesson.
const IN_THE_MENU: &[Profile] = &[Profile::Head];

/// A recording that runs in this process.
#[derive(Debug, Clone, Copy)]
struct Running {
    id: RecordingId,
    school: crate::ids::SchoolId,
    voices: bool,
    /// It has ended and that is written down; the room is being told.
    over: bool,
    /// Something of it is missing, and is tried again.
    trouble: bool,
}

/// What records.
#[derive(Clone)]
enum Machine {
    /// This process, from the embedded engine.
    Tapes(Tapes),
    /// The recorder of a LiveKit server.
    Egress(Desk),
}

impl Machine {
    /// Ends the recording of a lesson, if there is one; `false` when there is too much to do.
    fn end(&self, lesson: LessonId, ending: Ending) -> bool {
        match self {
            Machine::Tapes(tapes) => tapes.end(lesson, ending),
            Machine::Egress(desk) => desk.say(Note::End(lesson, ending)),
        }
    }

    /// Ends all of them; `done` comes back as the fact after their last.
    fn end_all(&self, ending: Ending, done: oneshot::Sender<()>) -> bool {
        match self {
            Machine::Tapes(tapes) => tapes.end_all(ending, done),
            Machine::Egress(desk) => desk.say(Note::EndAll(ending, done)),
        }
    }
}

/// What the recorder's task is started with, once.
type Unstarted = (Receiver<Note>, UnboundedSender<Fact>);

/// What the recorder shares with whoever starts and ends recordings. Cheap to clone.
#[derive(Clone)]
pub struct Studio(Arc<Inner>);

struct Inner {
    platform: Platform,
    bounds: Bounds,
    /// None where lessons are on a LiveKit server that has no recorder.
    machine: Option<Machine>,
    /// Where that recorder writes.
    shelf: Option<Shelf>,
    unstarted: Mutex<Option<Unstarted>>,
    running: Mutex<HashMap<LessonId, Running>>,
    hands: Mutex<HashMap<RecordingId, hands::Hands>>,
    facts: tokio::sync::Mutex<UnboundedReceiver<Fact>>,
    /// The folder is this process' own for as long as this is locked.
    lock: Mutex<Option<File>>,
}

impl Studio {
    /// Starts the recorder's thread, where lessons can be recorded.
    ///
    /// # Errors
    /// A folder that cannot be made, worded for an operator; the system's.
    pub fn open(platform: &Platform) -> anyhow::Result<Studio> {
        use anyhow::Context as _;
        let config = &platform.config().recording;
        let bounds = Bounds {
            folder: config.folder.clone(),
            longest: Duration::from_secs(60 * u64::from(config.longest_minutes)),
            least_free: u64::from(config.least_free_mib) << 20,
        };
        let (tell, facts) = unbounded_channel();
        let make = |key: &str, folder: &Path| {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{key}: cannot make the folder {folder:?}"))
        };
        let (machine, shelf, unstarted) = match (platform.config().live.engine, &config.egress_folder) {
            (LiveEngine::Embedded, _) => {
                make("recording.folder", &bounds.folder)?;
                (Some(Machine::Tapes(Tapes::start(bounds.clone(), tell)?)), None, None)
            }
            (LiveEngine::Livekit, Some(theirs)) => {
                make("recording.folder", &bounds.folder)?;
                make("recording.egress_folder", theirs)?;
                let seen = config.egress_sees.clone().unwrap_or_else(|| theirs.display().to_string());
                let (theirs, ours) = (theirs.clone(), bounds.folder.clone());
                let (desk, queue) = Desk::new();
                (Some(Machine::Egress(desk)), Some(Shelf { theirs, seen, ours }), Some((queue, tell)))
            }
            (LiveEngine::Livekit, None) => (None, None, None),
        };
        Ok(Studio(Arc::new(Inner {
            platform: platform.clone(),
            bounds,
            machine,
            shelf,
            unstarted: Mutex::new(unstarted),
            running: Mutex::default(),
            hands: Mutex::default(),
            facts: tokio::sync::Mutex::new(facts),
            lock: Mutex::default(),
        })))
    }

    fn running(&self) -> MutexGuard<'_, HashMap<LessonId, Running>> {
        // Every change is one insertion or removal, so a panic elsewhere leaves nothing half done.
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that writes, for those who hand packets over; none where a LiveKit server's recorder does it.
    fn tapes(&self) -> Option<&Tapes> {
        match &self.0.machine {
            Some(Machine::Tapes(tapes)) => Some(tapes),
            _ => None,
        }
    }

    /// The task beside a LiveKit server's recorder, for who tells it something.
    fn desk(&self) -> Option<&Desk> {
        match &self.0.machine {
            Some(Machine::Egress(desk)) => Some(desk),
            _ => None,
        }
    }

    /// Ends what runs and returns when all files are finished and written down.
    pub async fn finish(&self) {
        let (done, all) = oneshot::channel();
        let Some(machine) = &self.0.machine else { return };
        if machine.end_all(Ending::Restart, done) {
            self.hear_until(all).await;
        }
    }
}

impl Recorder for Studio {
    fn packet(&self, packet: Tapped, at: Instant) {
        if let Some(tapes) = self.tapes() {
            tapes.packet(packet, at);
        }
    }

    fn paused(&self, lesson: LessonId, track: &str) {
        // Most lessons are not recorded.
        if let Some(tapes) = self.tapes().filter(|_| self.running().contains_key(&lesson)) {
            tapes.paused(lesson, track);
        }
    }

    fn hand(&self, lesson: LessonId, person: PersonId, up: bool, at: Millis) {
        self.note_hand(lesson, person, up, at);
    }

    fn over(&self, lesson: LessonId) {
        if let Some(tapes) = self.tapes().filter(|_| self.running().contains_key(&lesson)) {
            tapes.over(lesson);
        }
    }

    fn failed(&self, lesson: LessonId) {
        if let Some(tapes) = self.tapes().filter(|_| self.running().contains_key(&lesson)) {
            tapes.end(lesson, Ending::Failure);
        }
    }

    fn stirs(&self, lesson: LessonId) {
        // What finds no place is found out by looking.
        if let Some(desk) = self.desk().filter(|_| self.running().contains_key(&lesson)) {
            desk.say(Note::Stirs(lesson));
        }
    }

    fn gone(&self, identity: &str) {
        if let Some(desk) = self.desk().filter(|_| !self.running().is_empty()) {
            desk.say(Note::Gone(identity.to_owned()));
        }
    }

    fn told(&self, info: lk::EgressInfo) {
        if let Some(desk) = self.desk() {
            desk.say(Note::Told(Box::new(Told::of(&info))));
        }
    }
}

/// What the handlers need.
#[derive(Clone)]
pub struct RecordingState {
    platform: Platform,
    studio: Studio,
    rooms: Rooms,
    /// The recorder beside a LiveKit server.
    egress: Option<Egress>,
    /// Where documents lie.
    files: FileStore,
}

impl RecordingState {
    /// Over the rooms of the live lessons, and the recorder beside them.
    pub fn new(
        platform: Platform,
        studio: Studio,
        rooms: Rooms,
        egress: Option<Egress>,
        files: FileStore,
    ) -> RecordingState {
        RecordingState { platform, studio, rooms, egress, files }
    }

    /// What records.
    pub fn studio(&self) -> &Studio {
        &self.studio
    }

    /// Starts what goes on beside the requests; call it once, where a runtime runs.
    pub fn keep_going(&self) {
        if self.studio.0.machine.is_some() {
            tokio::spawn(self.clone().listen());
        }
        let unstarted = self.studio.0.unstarted.lock().unwrap_or_else(PoisonError::into_inner).take();
        let inner = &self.studio.0;
        if let (Some((queue, facts)), Some(desk), Some(egress), Some(shelf)) =
            (unstarted, self.studio.desk().cloned(), self.egress.clone(), inner.shelf.clone())
        {
            let (platform, rooms, bounds) = (self.platform.clone(), self.rooms.clone(), inner.bounds.clone());
            tokio::spawn(desk.run(Ground { platform, rooms, egress, shelf, bounds, facts }, queue));
        }
        tokio::spawn(self.clone().tidy_now_and_then());
    }
}

/// The recordings of a lesson that this actor may watch, the latest first.
///
/// # Errors
/// The engine's.
pub fn of_lesson(conn: &mut Conn, actor: &Actor, lesson: LessonId) -> QueryResult<Vec<RecordingLine>> {
    store::list(conn, &actor.scope::<Recording, WatchRecording>(), Some(lesson))
}

/// The pages of this slice.
pub fn routes(state: RecordingState) -> Routes {
    Routes::new()
        .nav(NavEntry { order: 60, href: "/recordings", key: "nav-recordings", profiles: IN_THE_MENU })
        .get("/recordings", PARTICIPANTS, Cost::Page, pages::list)
        .post("/recordings/setting", HEADS, Cost::Write, Body::Form, pages::set)
        .get("/recordings/{id}", PARTICIPANTS, Cost::Page, pages::show)
        .get("/recordings/{id}/contents.json", PARTICIPANTS, Cost::Page, contents::read)
        .get("/recordings/{id}/board.json", PARTICIPANTS, Cost::Bulk, contents::board)
        .get("/recordings/{id}/documents/{token}", PARTICIPANTS, Cost::Bulk, contents::document)
        .get("/recordings/{id}/tracks/{number}", PARTICIPANTS, Cost::Bulk, stream::send)
        .post("/recordings/{id}/removal", HOLDERS, Cost::Write, Body::Form, pages::remove)
        .get("/lessons/{id}/recording.json", PARTICIPANTS, Cost::Live, acts::standing)
        .post("/lessons/{id}/recording/beginning", HOLDERS, Cost::Live, Body::Form, acts::begin)
        .post("/lessons/{id}/recording/ending", HOLDERS, Cost::Live, Body::Form, acts::end)
        .with_state(state)
}
