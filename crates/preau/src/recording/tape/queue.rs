//! The one bounded queue between the media thread and the recorder's thread, and that thread.

use super::super::model::{Ending, RecordingId};
use super::reel::Reel;
use super::{Bounds, Fact};
use crate::ids::LessonId;
use crate::lesson::Tapped;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// Packets that may wait: eight lessons send about 5,000 a second, so this is more than a second of a disk that
/// stands still, and at most 12 MB.
const PACKETS: usize = 8_192;
/// Places beyond those that only orders take.
const ORDERS: usize = 1_024;
/// How often the length of recordings and the disk are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What to record.
#[derive(Debug)]
pub(in crate::recording) struct Begin {
    pub(in crate::recording) recording: RecordingId,
    pub(in crate::recording) lesson: LessonId,
    /// The media server's name of the room.
    pub(in crate::recording) room: String,
    /// When it began.
    pub(in crate::recording) began: Instant,
}

enum Note {
    Begin(Begin),
    Packet(Box<Tapped>, Instant),
    Paused(LessonId, String),
    Over(LessonId),
    End(LessonId, Ending),
    EndAll(Ending, oneshot::Sender<()>),
}

/// The handle on the recorder; cheap to clone. Its thread ends with the last clone, and finishes all files.
#[derive(Clone)]
pub(in crate::recording) struct Tapes {
    notes: SyncSender<Note>,
    /// Packets that wait.
    waiting: Arc<AtomicUsize>,
}

impl Tapes {
    /// Starts the thread; it tells what comes of recording through `facts`.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub(in crate::recording) fn start(
        bounds: Bounds,
        facts: UnboundedSender<Fact>,
    ) -> std::io::Result<Tapes> {
        let (notes, queue) = sync_channel(PACKETS + ORDERS);
        let waiting = Arc::new(AtomicUsize::new(0));
        let desk = Desk { bounds, facts, reels: HashMap::new(), waiting: waiting.clone() };
        std::thread::Builder::new().name("preau-recorder".into()).spawn(move || desk.work(&queue))?;
        Ok(Tapes { notes, waiting })
    }

    /// Begins a recording. `false` when the recorder has too much to do, or is no more.
    pub(in crate::recording) fn begin(&self, begin: Begin) -> bool {
        self.order(Note::Begin(begin))
    }

    /// Ends the recording of a lesson, if there is one.
    pub(in crate::recording) fn end(&self, lesson: LessonId, ending: Ending) -> bool {
        self.order(Note::End(lesson, ending))
    }

    /// Ends all of them; `done` comes back as the fact after their last.
    pub(in crate::recording) fn end_all(&self, ending: Ending, done: oneshot::Sender<()>) -> bool {
        self.order(Note::EndAll(ending, done))
    }

    fn order(&self, order: Note) -> bool {
        self.notes.try_send(order).is_ok()
    }

    /// A packet of a track, and when it came; left out when too many wait.
    pub(in crate::recording) fn packet(&self, packet: Tapped, at: Instant) {
        // Orders keep their places. A packet that is left out leaves a hole in the numbers, which its track sees.
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        if before >= PACKETS || self.notes.try_send(Note::Packet(Box::new(packet), at)).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Nothing comes of a track for the time being.
    pub(in crate::recording) fn paused(&self, lesson: LessonId, track: &str) {
        self.order(Note::Paused(lesson, track.to_owned()));
    }

    /// The room of the class is over: nothing comes until there is one again, or the recording is ended.
    pub(in crate::recording) fn over(&self, lesson: LessonId) {
        self.order(Note::Over(lesson));
    }
}

/// The thread's own.
struct Desk {
    bounds: Bounds,
    facts: UnboundedSender<Fact>,
    /// What runs, by the name of its room.
    reels: HashMap<String, Reel>,
    waiting: Arc<AtomicUsize>,
}

impl Desk {
    fn work(mut self, queue: &Receiver<Note>) {
        let mut look = Instant::now() + LOOK;
        loop {
            // Who records nothing is not woken.
            let note = match self.reels.is_empty() {
                true => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => queue.recv_timeout(look.saturating_duration_since(Instant::now())),
            };
            match note {
                Ok(note) => self.take(note),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end_all(Ending::Restart),
            }
            let now = Instant::now();
            if now >= look {
                look = now + LOOK;
                self.look(now);
            }
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Begin(begin) => {
                let longest = self.bounds.longest;
                match Reel::begin(&begin, &self.bounds.folder, longest) {
                    Ok(reel) => {
                        self.reels.insert(begin.room, reel);
                    }
                    Err(error) => {
                        tracing::error!(recording = %begin.recording, %error, "a recording could not begin");
                        let (recording, lesson) = (begin.recording, begin.lesson);
                        self.tell(Fact::Ended { recording, lesson, ending: Ending::Failure });
                    }
                }
            }
            Note::Packet(packet, at) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                let Some(reel) = self.reels.get_mut(packet.track.room.as_str()) else { return };
                let facts = &self.facts;
                if let Err(error) = reel.packet(&packet, at, |fact| drop(facts.send(fact))) {
                    tracing::error!(recording = %reel.id, %error, "a recording could not be written on");
                    self.end(packet.track.room.as_str().to_owned(), Ending::Failure);
                }
            }
            Note::Paused(lesson, track) => {
                let facts = &self.facts;
                if let Some(reel) = self.reels.values_mut().find(|reel| reel.lesson == lesson) {
                    reel.pause(&track, |fact| drop(facts.send(fact)));
                }
            }
            Note::Over(lesson) => {
                let facts = &self.facts;
                if let Some(reel) = self.reels.values_mut().find(|reel| reel.lesson == lesson) {
                    reel.pause_all(|fact| drop(facts.send(fact)));
                    let recording = reel.id;
                    self.tell(Fact::Over { recording, lesson });
                }
            }
            Note::End(lesson, ending) => {
                let room =
                    self.reels.iter().find(|(_, reel)| reel.lesson == lesson).map(|(room, _)| room.clone());
                if let Some(room) = room {
                    self.end(room, ending);
                }
            }
            Note::EndAll(ending, done) => {
                self.end_all(ending);
                self.tell(Fact::Done(done));
            }
        }
    }

    fn look(&mut self, now: Instant) {
        if !self.reels.is_empty() && !self.bounds.has_room() {
            tracing::error!(folder = %self.bounds.folder.display(), "too little room on the disk: recordings end");
            return self.end_all(Ending::Space);
        }
        let over = self.reels.iter().filter(|(_, reel)| reel.until <= now).map(|(room, _)| room.clone());
        for room in over.collect::<Vec<_>>() {
            self.end(room, Ending::Length);
        }
    }

    fn end_all(&mut self, ending: Ending) {
        for room in self.reels.keys().cloned().collect::<Vec<_>>() {
            self.end(room, ending);
        }
    }

    fn end(&mut self, room: String, ending: Ending) {
        let Some(mut reel) = self.reels.remove(&room) else { return };
        let facts = &self.facts;
        reel.pause_all(|fact| drop(facts.send(fact)));
        self.tell(Fact::Ended { recording: reel.id, lesson: reel.lesson, ending });
    }

    fn tell(&self, fact: Fact) {
        // Nobody listens any more when the application ends; the files are found again at the next start.
        let _ = self.facts.send(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    /// A thread's own things without the thread: two lessons are recorded, the second ten minutes later.
    fn desk(folder: &std::path::Path, least_free: u64) -> (Desk, UnboundedReceiver<Fact>, Instant) {
        let bounds = Bounds { folder: folder.into(), longest: Duration::from_secs(3_600), least_free };
        let (facts, told) = unbounded_channel();
        let mut desk = Desk { bounds, facts, reels: HashMap::new(), waiting: Arc::default() };
        let began = Instant::now();
        for (number, room) in [(1, "lesson-1"), (2, "lesson-2")] {
            desk.take(Note::Begin(Begin {
                recording: RecordingId::from_raw(number),
                lesson: LessonId::from_raw(number),
                room: room.to_owned(),
                began: began + Duration::from_secs(600 * (number as u64 - 1)),
            }));
        }
        (desk, told, began)
    }

    fn endings(told: &mut UnboundedReceiver<Fact>) -> Vec<(i64, Ending)> {
        let mut endings = Vec::new();
        while let Ok(fact) = told.try_recv() {
            let Fact::Ended { lesson, ending, .. } = fact else { panic!("{fact:?}") };
            endings.push((lesson.get(), ending));
        }
        endings.sort_unstable_by_key(|(lesson, _)| *lesson);
        endings
    }

    #[test]
    fn each_recording_ends_when_it_has_lasted_as_long_as_it_may() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut desk, mut told, began) = desk(folder.path(), 0);
        desk.look(began + Duration::from_secs(3_599));
        assert!(endings(&mut told).is_empty());
        desk.look(began + Duration::from_secs(3_600));
        assert_eq!(endings(&mut told), [(1, Ending::Length)]);
        desk.look(began + Duration::from_secs(4_200));
        assert_eq!(endings(&mut told), [(2, Ending::Length)]);
        desk.look(began + Duration::from_secs(9_000));
        assert!(endings(&mut told).is_empty(), "each ends once");
    }

    #[test]
    fn all_recordings_end_when_too_little_of_the_disk_is_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut desk, mut told, began) = desk(folder.path(), 0);
        desk.look(began);
        assert!(endings(&mut told).is_empty());
        desk.bounds.least_free = u64::MAX;
        desk.look(began);
        assert_eq!(endings(&mut told), [(1, Ending::Space), (2, Ending::Space)]);
        // A disk that cannot be asked is as good as full.
        let (mut desk, mut told, began) = super::tests::desk(folder.path(), 0);
        desk.bounds.folder = folder.path().join("gone");
        desk.look(began);
        assert_eq!(endings(&mut told), [(1, Ending::Space), (2, Ending::Space)]);
    }
}
