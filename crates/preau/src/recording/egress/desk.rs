//! The task that asks the recorder for files, hears what becomes of them, and takes them over.
//!
//! It alone knows what runs; others send it notes. What is written and what should be are compared when the server says
//! that something is published, and every ten seconds, whatever was said. Requests that take long run beside it, and
//! come back as notes. Invariants: its queue is bounded, and what finds no place in it is found out by looking; a
//! recording that ended is closed within [`PATIENCE`], whether or not the recorder answers.

use super::super::model::{Ending, RecordingId, Track, TrackName};
use super::super::tape::{Bounds, Fact};
use super::plan::wanted;
use super::reel::{Orders, Reel, Told};
use super::shelf::Shelf;
use crate::edge::Platform;
use crate::ids::{LessonId, Millis};
use crate::lesson::{Egress, Rooms, room_of};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

/// Notes that may wait. A class that arrives tells a few dozen at once; what is left out is made up for by looking.
const NOTES: usize = 1_024;
/// How often lengths and disks are looked at, and what is waited for is asked about.
const LOOK: Duration = Duration::from_secs(1);
/// How often what is written is compared with what should be, in milliseconds.
const COMPARE: Millis = 10_000;
/// How long the recorder may take to finish its files after the end of a recording, in milliseconds. It copies them to
/// their place then, an hour of video in a few seconds. What comes later is found at the next start.
const PATIENCE: Millis = 60_000;
/// The same when this process ends.
const PATIENCE_AT_THE_END: Millis = 8_000;
/// A lesson without a room is over after so long, in milliseconds: a server that starts over has none either, for a moment.
const EMPTY: Millis = 5_000;
/// A process that left the room tells within so many milliseconds what became of its file; one that does not was killed.
const GIVEN_UP: Millis = 15_000;

/// What to record.
#[derive(Debug)]
pub(in crate::recording) struct Begin {
    pub(in crate::recording) recording: RecordingId,
    pub(in crate::recording) lesson: LessonId,
    pub(in crate::recording) voices: bool,
    /// Milliseconds since the Unix epoch.
    pub(in crate::recording) began: Millis,
}

/// Whether it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recording) enum Begun {
    /// What there is to be written is being written, or there is nothing yet.
    Yes,
    /// The recorder writes nothing.
    Refused,
}

/// What the task is told.
pub(in crate::recording) enum Note {
    Begin(Begin, oneshot::Sender<Begun>),
    End(LessonId, Ending),
    EndAll(Ending, oneshot::Sender<()>),
    /// Something changed in the class's room.
    Stirs(LessonId),
    Told(Box<Told>),
    /// The process that wrote the file of that number left the room.
    Gone(String),
    /// The recorder's answer to a request: its number for the file, or why not.
    Answered(RecordingId, u32, Result<String, String>),
    /// A file was taken over, if there was one.
    Taken(RecordingId, u32, Option<Track>),
}

/// The way to it; cheap to clone.
#[derive(Clone)]
pub(in crate::recording) struct Desk(Sender<Note>);

/// What the task stands on.
pub(in crate::recording) struct Ground {
    pub(in crate::recording) platform: Platform,
    pub(in crate::recording) rooms: Rooms,
    pub(in crate::recording) egress: Egress,
    pub(in crate::recording) shelf: Shelf,
    pub(in crate::recording) bounds: Bounds,
    pub(in crate::recording) facts: UnboundedSender<Fact>,
}

impl Desk {
    /// The way to a task, and what it is to be started with.
    pub(in crate::recording) fn new() -> (Desk, Receiver<Note>) {
        let (notes, queue) = channel(NOTES);
        (Desk(notes), queue)
    }

    /// Says something; `false` when too much waits.
    pub(in crate::recording) fn say(&self, note: Note) -> bool {
        self.0.try_send(note).is_ok()
    }

    /// Begins a recording; returns when the recorder has answered.
    pub(in crate::recording) async fn begin(&self, begin: Begin) -> Begun {
        let (reply, begun) = oneshot::channel();
        match self.say(Note::Begin(begin, reply)) {
            true => begun.await.unwrap_or(Begun::Refused),
            false => Begun::Refused,
        }
    }

    /// Runs the task for ever.
    pub(in crate::recording) async fn run(self, ground: Ground, mut queue: Receiver<Note>) {
        let mut work = Work { desk: self, ground, reels: Vec::new(), done: Vec::new() };
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                note = queue.recv() => match note {
                    Some(note) => work.take(note).await,
                    None => return,
                },
                _ = tick.tick(), if !work.reels.is_empty() => work.look().await,
            }
            work.close();
        }
    }
}

/// A recording, and who waits to hear whether it began.
struct Open {
    reel: Reel,
    asked: Option<oneshot::Sender<Begun>>,
    compared: Millis,
    /// Since when no room of the lesson is there.
    empty: Option<Millis>,
    /// When processes of the recorder left the room, by its numbers. Nobody is told of them otherwise: they are hidden.
    left: HashMap<String, Millis>,
}

/// The task's own.
struct Work {
    desk: Desk,
    ground: Ground,
    reels: Vec<Open>,
    /// Who waits until everything is closed.
    done: Vec<oneshot::Sender<()>>,
}

impl Work {
    fn now(&self) -> Millis {
        self.ground.platform.now()
    }

    fn at(&self, recording: RecordingId) -> Option<usize> {
        self.reels.iter().position(|open| open.reel.id == recording)
    }

    fn running(&self, lesson: LessonId) -> Option<usize> {
        self.reels.iter().position(|open| open.reel.lesson == lesson && open.reel.ended.is_none())
    }

    async fn take(&mut self, note: Note) {
        match note {
            Note::Begin(begin, reply) => self.begin(begin, reply).await,
            Note::End(lesson, ending) => {
                if let Some(at) = self.running(lesson) {
                    self.end(at, ending);
                }
            }
            Note::EndAll(ending, done) => {
                for at in 0..self.reels.len() {
                    self.end(at, ending);
                }
                self.done.push(done);
            }
            Note::Stirs(lesson) => {
                if let Some(at) = self.running(lesson) {
                    self.look_after(at).await;
                }
            }
            Note::Told(told) => self.told(&told).await,
            Note::Gone(id) => {
                let now = self.now();
                for open in self.reels.iter_mut().filter(|open| open.reel.writes(&id)) {
                    open.left.insert(id.clone(), now);
                }
            }
            Note::Answered(recording, number, answer) => self.answered(recording, number, answer).await,
            Note::Taken(recording, number, track) => {
                if let Some(at) = self.at(recording) {
                    self.reels[at].reel.done(number);
                }
                if let Some(track) = track {
                    self.tell(Fact::Track { recording, track });
                }
            }
        }
    }

    async fn begin(&mut self, begin: Begin, reply: oneshot::Sender<Begun>) {
        let longest = Millis::try_from(self.ground.bounds.longest.as_millis()).unwrap_or(Millis::MAX);
        if let Err(error) = self.ground.shelf.make(begin.recording) {
            tracing::error!(recording = %begin.recording, %error, "a recording could not begin");
            let _ = reply.send(Begun::Refused);
            let (recording, lesson) = (begin.recording, begin.lesson);
            self.tell(Fact::Ended { recording, lesson, ending: Ending::Failure });
            return;
        }
        let (ids, span) =
            ((begin.recording, begin.lesson), (begin.began, begin.began.saturating_add(longest)));
        let reel = Reel::new(ids, begin.voices, span);
        self.reels.push(Open { reel, asked: Some(reply), compared: 0, empty: None, left: HashMap::new() });
        self.compare(self.reels.len() - 1).await;
    }

    /// Looks who is in the room, begins what is missing, and ends what is too much.
    async fn compare(&mut self, at: usize) {
        let now = self.now();
        let (lesson, voices) = (self.reels[at].reel.lesson, self.reels[at].reel.voices);
        self.reels[at].compared = now;
        let present = match self.ground.rooms.list_participants(&room_of(lesson)).await {
            Ok(present) => present,
            Err(error) => {
                tracing::warn!(%lesson, %error, "it could not be asked what there is to record");
                return;
            }
        };
        let orders = self.reels[at].reel.compare(&wanted(&present, voices), now);
        self.follow(at, orders);
    }

    fn follow(&mut self, at: usize, orders: Orders) {
        let (recording, lesson) = (self.reels[at].reel.id, self.reels[at].reel.lesson);
        if orders.begin.is_empty() && !orders.hopeless && self.reels[at].reel.takes.is_empty() {
            // There is nothing to be recorded yet.
            self.reply(at, Begun::Yes);
        }
        for (name, track) in orders.begin {
            self.ask(recording, lesson, name, track);
        }
        for id in orders.stop {
            self.stop(lesson, id);
        }
        if orders.trouble {
            self.tell(Fact::Trouble { recording, lesson });
        }
        if orders.hopeless {
            self.reply(at, Begun::Refused);
            self.end(at, Ending::Failure);
        }
    }

    fn reply(&mut self, at: usize, begun: Begun) {
        if let Some(asked) = self.reels[at].asked.take() {
            let _ = asked.send(begun);
        }
    }

    /// Asks the recorder for a file; its answer comes as a note.
    fn ask(&self, recording: RecordingId, lesson: LessonId, name: TrackName, track: String) {
        let (egress, desk) = (self.ground.egress.clone(), self.desk.clone());
        let path = self.ground.shelf.path(recording, name);
        tokio::spawn(async move {
            let answer = egress.start_track(&room_of(lesson), &track, path).await;
            let answer = answer.map(|info| info.egress_id).map_err(|error| error.to_string());
            // A note of ours waits for its place.
            let _ = desk.0.send(Note::Answered(recording, name.number, answer)).await;
        });
    }

    /// Asks the recorder to end a file. If it does not hear, its process is taken out of the room, which it cannot miss.
    fn stop(&self, lesson: LessonId, id: String) {
        let (egress, rooms) = (self.ground.egress.clone(), self.ground.rooms.clone());
        tokio::spawn(async move {
            let Err(error) = egress.stop(&id).await else { return };
            tracing::warn!(%lesson, egress = id, %error, "the recorder does not stop; it is taken out of the room");
            if let Err(error) = rooms.remove_participant(&room_of(lesson), &id).await {
                tracing::error!(%lesson, egress = id, %error, "the recorder could not be taken out of the room");
            }
        });
    }

    async fn answered(&mut self, recording: RecordingId, number: u32, answer: Result<String, String>) {
        let Some(at) = self.at(recording) else {
            // The recording was closed meanwhile.
            if let Ok(id) = answer {
                let _ = self.ground.egress.stop(&id).await;
            }
            return;
        };
        match answer {
            Ok(id) => {
                let (lesson, stops) =
                    (self.reels[at].reel.lesson, self.reels[at].reel.accepted(number, id.clone()));
                if stops {
                    self.stop(lesson, id);
                }
                self.reply(at, Begun::Yes);
            }
            Err(error) => {
                tracing::warn!(%recording, number, error, "the recorder did not begin a file");
                self.reels[at].reel.refused(number);
                // Whoever waits is answered soon. Later on a recorder that is started anew gets its time.
                if self.reels[at].asked.is_some() && self.reels[at].reel.ended.is_none() {
                    self.compare(at).await;
                }
            }
        }
    }

    async fn told(&mut self, told: &Told) {
        let now = self.now();
        let found = (0..self.reels.len()).find_map(|at| Some((at, self.reels[at].reel.told(told, now)?)));
        let Some((at, number)) = found else { return };
        self.take_over(at, number);
        if let Some(reason) = &told.failure {
            tracing::error!(recording = %self.reels[at].reel.id, egress = told.id, reason, "the recorder failed");
        }
        if self.reels[at].reel.ended.is_none() {
            self.compare(at).await;
        }
    }

    /// Takes over what the recorder has written of a file; what comes of it is told as a note.
    fn take_over(&self, at: usize, number: u32) {
        let reel = &self.reels[at].reel;
        let Some((name, most)) = reel.place(number, self.now()) else { return };
        let (recording, shelf, desk) = (reel.id, self.ground.shelf.clone(), self.desk.clone());
        tokio::spawn(async move {
            let taken = tokio::task::spawn_blocking(move || shelf.take(recording, name, most)).await;
            let track = match taken {
                Ok(Ok(track)) => track,
                Ok(Err(error)) => {
                    tracing::error!(%recording, %name, %error, "a file of the recorder could not be taken over");
                    None
                }
                Err(error) => {
                    tracing::error!(%recording, %name, %error, "a file of the recorder could not be taken over");
                    None
                }
            };
            let _ = desk.0.send(Note::Taken(recording, number, track)).await;
        });
    }

    /// What runs ends, or is looked after; what has ended is waited for, not for ever.
    async fn look(&mut self) {
        let now = self.now();
        let bounds = &self.ground.bounds;
        let theirs = Bounds { folder: self.ground.shelf.theirs.clone(), ..bounds.clone() };
        let full = !bounds.has_room() || !theirs.has_room();
        for at in 0..self.reels.len() {
            if self.reels[at].reel.ended.is_some() {
                self.ask_how_it_stands(at).await;
                continue;
            }
            if full {
                tracing::error!("too little room on a disk of recordings: they end");
                self.end(at, Ending::Space);
            } else if self.reels[at].reel.until <= now {
                self.end(at, Ending::Length);
            } else if self.reels[at].empty.is_some() || self.reels[at].compared + COMPARE <= now {
                self.look_after(at).await;
            }
        }
    }

    /// Finds out whatever was not told.
    async fn look_after(&mut self, at: usize) {
        let lesson = self.reels[at].reel.lesson;
        // Nobody is in any room of the lesson: it is over, unless the server is starting over and all come back.
        let Ok(rooms) = self.ground.rooms.of_lesson(lesson).await else {
            self.reels[at].compared = self.now();
            return;
        };
        let now = self.now();
        if rooms.is_empty() {
            let since = *self.reels[at].empty.get_or_insert(now);
            if now - since >= EMPTY {
                self.end(at, Ending::Lesson);
            }
            return;
        }
        self.reels[at].empty = None;
        self.ask_how_it_stands(at).await;
        self.compare(at).await;
        let (open, before) = (&mut self.reels[at], self.ground.platform.now() - GIVEN_UP);
        let lost = open.reel.missing(&open.left, before);
        for id in &lost {
            tracing::error!(recording = %self.reels[at].reel.id, egress = id, "the recorder's process is gone");
            if let Some(number) = self.reels[at].reel.lost(id) {
                self.take_over(at, number);
            }
        }
        if !lost.is_empty() {
            self.compare(at).await;
        }
    }

    async fn ask_how_it_stands(&mut self, at: usize) {
        let lesson = self.reels[at].reel.lesson;
        match self.ground.egress.list(&room_of(lesson)).await {
            Ok(all) => {
                for info in &all {
                    self.told(&Told::of(info)).await;
                }
            }
            Err(error) => tracing::debug!(%lesson, %error, "the recorder could not be asked how it stands"),
        }
    }

    /// Nothing more is recorded; what is being written is ended.
    fn end(&mut self, at: usize, ending: Ending) {
        let now = self.now();
        let reel = &mut self.reels[at].reel;
        if reel.ended.is_some() {
            return;
        }
        reel.ended = Some((ending, now));
        let (lesson, stop) = (reel.lesson, reel.stop_all());
        for id in stop {
            self.stop(lesson, id);
        }
    }

    /// Closes what is done, and what was waited for long enough.
    fn close(&mut self) {
        let now = self.now();
        for at in (0..self.reels.len()).rev() {
            let reel = &self.reels[at].reel;
            let Some((ending, ended)) = reel.ended else { continue };
            let (recording, lesson, done) = (reel.id, reel.lesson, reel.is_done());
            let patience = if ending == Ending::Restart { PATIENCE_AT_THE_END } else { PATIENCE };
            if done {
                self.ground.shelf.clear(recording);
                self.tell(Fact::Ended { recording, lesson, ending });
            } else if now - ended > patience {
                tracing::error!(%recording, "the recorder has not finished its files; they are looked for at the next start");
                self.tell(Fact::Left { recording, lesson, ending });
            } else {
                continue;
            }
            self.reply(at, Begun::Refused);
            self.reels.remove(at);
        }
        if self.reels.is_empty() {
            for done in self.done.drain(..).collect::<Vec<_>>() {
                self.tell(Fact::Done(done));
            }
        }
    }

    fn tell(&self, fact: Fact) {
        // Nobody listens any more when the application ends; the files are found again at the next start.
        let _ = self.ground.facts.send(fact);
    }
}
