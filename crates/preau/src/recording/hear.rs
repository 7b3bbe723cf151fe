//! What the recorder's thread tells is written down; what a restart finds is put in order.

use super::egress::{self, Told};
use super::model::{Ending, RecordingId, Track};
use super::policy::lesson_of;
use super::tape::{Fact, folder_of, folders, rescue};
use super::{RecordingState, Studio, store};
use crate::access::SystemPermit;
use crate::ids::{LessonId, Millis};
use crate::lesson::{Tap, room_of};
use crate::store::StoreError;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often it is tried to have the folder for oneself: while one process takes over from another, both run.
const TURN: Duration = Duration::from_secs(3);
/// How often it is looked whether the class is together again.
const TOGETHER: Duration = Duration::from_secs(1);
/// How often it is asked whether the recorder of a LiveKit server has finished what the last process left, a second apart.
const SALVAGE_ROUNDS: u32 = 30;
/// The file that is locked.
const LOCK: &str = "lock";

impl RecordingState {
    /// Puts in order what the last process left, then listens for ever.
    pub(super) async fn listen(self) {
        let takes_over = self.clone();
        tokio::spawn(async move {
            while !takes_over.studio.is_alone() {
                tokio::time::sleep(TURN).await;
            }
            takes_over.put_in_order().await;
        });
        loop {
            let fact = self.studio.0.facts.lock().await.recv().await;
            let Some(fact) = fact else { return };
            if let Fact::KeyFrame { lesson, track } = &fact {
                // It may be gone by now, and is then not needed.
                let _ = self.rooms.tap_key_frame(*lesson, track).await;
            }
            if let Fact::Over { recording, lesson } = fact {
                tokio::spawn(self.clone().await_the_class(recording, lesson));
            }
            if let Fact::Trouble { recording, lesson } = fact {
                self.studio.trouble(recording, lesson).await;
                self.tell_rooms(lesson).await;
                continue;
            }
            if let Fact::Left { lesson, .. } = fact {
                self.studio.note(fact).await;
                self.tell_rooms(lesson).await;
                continue;
            }
            let Fact::Ended { recording, lesson, ending } = fact else {
                self.studio.note(fact).await;
                continue;
            };
            // Written down first: whoever hears that the room is no longer recorded asks why.
            self.studio.end(recording, lesson, ending).await;
            if ending != Ending::Teacher
                && self.studio.tapes().is_some()
                && let Err(error) = self.rooms.tap(lesson, None).await
            {
                tracing::warn!(%lesson, %error, "a room could not be told that it is no longer recorded");
            }
            self.studio.forget(recording, lesson);
            if ending != Ending::Teacher {
                self.tell_rooms(lesson).await;
            }
        }
    }

    /// Nobody is with the class any more: all sit in groups, or have gone. Goes on recording when the class is together
    /// again, and ends the recording when it will not be.
    async fn await_the_class(self, recording: RecordingId, lesson: LessonId) {
        while !self.settled(recording, lesson).await {
            tokio::time::sleep(TOGETHER).await;
        }
    }

    /// Whether nothing more is to be awaited for a recording whose room was over.
    pub(super) async fn settled(&self, recording: RecordingId, lesson: LessonId) -> bool {
        let running = self.studio.running().get(&lesson).copied();
        let Some(running) = running.filter(|running| running.id == recording && !running.over) else {
            return true;
        };
        let (now, Some(tapes)) = (self.platform.now(), self.studio.tapes()) else { return true };
        let found =
            self.platform.store().read::<_, StoreError, _>(move |conn| Ok(lesson_of(conn, lesson)?)).await;
        let open = match found {
            Ok(found) => found.is_some_and(|lesson| lesson.is_open(now)),
            Err(_) => return false,
        };
        let Ok(rooms) = self.rooms.of_lesson(lesson).await else { return false };
        if !open || rooms.is_empty() {
            return tapes.end(lesson, Ending::Lesson);
        }
        rooms.contains(&room_of(lesson))
            && matches!(self.rooms.tap(lesson, Some(Tap { voices: running.voices })).await, Ok(true))
    }

    /// Writes down that a recording is over of which no file was begun.
    pub(super) async fn close(&self, recording: RecordingId, ending: Ending) {
        self.studio.close(recording, ending, self.platform.now()).await;
    }

    /// Finishes what the last process could not: its files first, then what stands in the database of them.
    /// Returns how many recordings were left open.
    pub(super) async fn put_in_order(&self) -> usize {
        let folder = self.studio.0.bounds.folder.clone();
        let found =
            self.platform.store().read::<_, StoreError, _>(move |conn| Ok(store::running(conn)?)).await;
        let Ok(left) =
            found.inspect_err(|error| tracing::error!(%error, "recordings cannot be looked after"))
        else {
            return 0;
        };
        // Asked afterwards: what has begun meanwhile is not in the list.
        let mine: HashSet<RecordingId> = self.studio.running().values().map(|running| running.id).collect();
        let longest = Millis::try_from(self.studio.0.bounds.longest.as_millis()).unwrap_or(Millis::MAX);
        let mut open = 0;
        for (recording, lesson, began) in left.into_iter().filter(|(recording, ..)| !mine.contains(recording))
        {
            self.salvage(recording, lesson, began).await;
            let place = folder_of(&folder, recording);
            let rescued = tokio::task::spawn_blocking(move || rescue(&place)).await;
            match rescued {
                Ok(Ok(rescued)) => {
                    tracing::info!(%recording, tracks = rescued.tracks.len(), mended = rescued.mended, "a recording was left open");
                    let end = rescued.tracks.iter().map(|track| track.name.begins + track.length).max();
                    let end = end.and_then(|end| Millis::try_from(end).ok()).unwrap_or(0);
                    for track in rescued.tracks {
                        self.studio.note(Fact::Track { recording, track }).await;
                    }
                    self.studio.close(recording, Ending::Restart, began + end).await;
                }
                // Another machine's, or nothing was written: it is closed when it cannot run any more.
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                    if began + longest > self.platform.now() {
                        continue;
                    }
                    self.studio.close(recording, Ending::Restart, began).await;
                }
                Ok(Err(error)) => {
                    tracing::error!(%recording, %error, "a recording's files cannot be looked at");
                    continue;
                }
                Err(error) => {
                    tracing::error!(%recording, %error, "a recording's files cannot be looked at");
                    continue;
                }
            }
            open += 1;
        }
        open
    }

    /// Ends what a LiveKit server's recorder still writes for a recording that nobody looks after, and takes over what it
    /// has written.
    async fn salvage(&self, recording: RecordingId, lesson: LessonId, began: Millis) {
        let (Some(egress), Some(shelf)) = (&self.egress, &self.studio.0.shelf) else { return };
        // Another machine's.
        if !folder_of(&shelf.ours, recording).exists() {
            return;
        }
        let mut told: Vec<Told> = Vec::new();
        for round in 0..SALVAGE_ROUNDS {
            match egress.list(&room_of(lesson)).await {
                Ok(all) => told = all.iter().map(Told::of).collect(),
                Err(error) => {
                    tracing::warn!(%recording, %error, "the recorder could not be asked what it writes")
                }
            }
            told.retain(|told| told.folder == recording.to_string());
            let open: Vec<String> =
                told.iter().filter(|told| !told.over).map(|told| told.id.clone()).collect();
            if open.is_empty() {
                break;
            }
            for id in open.iter().filter(|_| round == 0) {
                if let Err(error) = egress.stop(id).await {
                    tracing::warn!(%recording, %error, "the recorder could not be asked to stop");
                }
            }
            tokio::time::sleep(TOGETHER).await;
        }
        let times: HashMap<String, u64> = told
            .into_iter()
            .filter_map(|told| Some((told.stem, u64::try_from(told.began? - began).unwrap_or(0))))
            .collect();
        let shelf = shelf.clone();
        let found = tokio::task::spawn_blocking(move || {
            egress::salvage(&shelf, recording, began, |stem| times.get(stem).copied())
        });
        match found.await {
            Ok(Ok(count)) => tracing::info!(%recording, count, "files of the recorder were taken over"),
            Ok(Err(error)) => {
                tracing::error!(%recording, %error, "the recorder's files could not be taken over")
            }
            Err(error) => tracing::error!(%recording, %error, "the recorder's files could not be taken over"),
        }
    }

    /// Folders in which something lies of recordings that are no more.
    pub(super) async fn strays(&self) -> Vec<RecordingId> {
        let mut places = vec![self.studio.0.bounds.folder.clone()];
        places.extend(self.studio.0.shelf.as_ref().map(|shelf| shelf.theirs.clone()));
        let look = move || places.iter().map(|place| folders(place)).collect::<std::io::Result<Vec<_>>>();
        let Ok(Ok(found)) = tokio::task::spawn_blocking(look).await else { return Vec::new() };
        let found: Vec<RecordingId> = found.concat();
        let mine: HashSet<RecordingId> = self.studio.running().values().map(|running| running.id).collect();
        let asked = found.clone();
        let known =
            self.platform.store().read::<_, StoreError, _>(move |conn| Ok(store::known(conn, &asked)?)).await;
        let Ok(known) = known else { return Vec::new() };
        found.into_iter().filter(|id| !known.contains(id) && !mine.contains(id)).collect()
    }
}

impl Studio {
    /// Whether no other process uses the folder; once it is so, it stays so.
    pub(super) fn is_alone(&self) -> bool {
        let mut lock = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return true;
        }
        let path = self.0.bounds.folder.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(path);
        *lock = file.ok().filter(|file| file.try_lock().is_ok());
        lock.is_some()
    }

    /// Returns when everything up to `done` is written down, by whoever listens, or by this where nobody does.
    pub(super) async fn hear_until(&self, mut done: oneshot::Receiver<()>) {
        let Ok(mut facts) = self.0.facts.try_lock() else {
            let _ = done.await;
            return;
        };
        while done.try_recv().is_err() {
            let Some(fact) = facts.recv().await else { return };
            self.note(fact).await;
        }
    }

    /// Writes something down.
    pub(super) async fn note(&self, fact: Fact) {
        match fact {
            Fact::KeyFrame { .. } | Fact::Over { .. } => {}
            Fact::Trouble { recording, lesson } => self.trouble(recording, lesson).await,
            Fact::Left { recording, lesson, ending } => {
                self.leave(recording, ending).await;
                self.forget(recording, lesson);
            }
            Fact::Done(done) => {
                let _ = done.send(());
            }
            Fact::Track { recording, track } => self.keep(recording, track).await,
            Fact::Ended { recording, lesson, ending } => {
                self.end(recording, lesson, ending).await;
                self.forget(recording, lesson);
            }
        }
    }

    /// Writes down that a recording is over. Until it is forgotten no other one of its lesson begins.
    async fn end(&self, recording: RecordingId, lesson: LessonId, ending: Ending) {
        self.close(recording, ending, self.0.platform.now()).await;
        if let Some(running) = self.running().get_mut(&lesson).filter(|running| running.id == recording) {
            running.over = true;
        }
    }

    /// Something of a recording is missing: that stands in the journal, and its teacher is told.
    async fn trouble(&self, recording: RecordingId, lesson: LessonId) {
        if let Some(running) = self.running().get_mut(&lesson).filter(|running| running.id == recording) {
            running.trouble = true;
        }
        let noted = self
            .0
            .platform
            .store()
            .write::<_, StoreError, _>(&SystemPermit::Recorder, move |tx| {
                tx.note_as("recording.fail", "recording", recording.get());
                Ok(())
            })
            .await;
        if let Err(error) = noted {
            tracing::error!(%recording, %error, "that something of a recording is missing could not be noted");
        }
    }

    /// A recording has ended of which files are still to come: it stays open, and is put in order at the next start.
    async fn leave(&self, recording: RecordingId, ending: Ending) {
        let (hands, at) = (self.last_hands(recording), self.0.platform.now());
        let left = self
            .0
            .platform
            .store()
            .write::<_, StoreError, _>(&SystemPermit::Recorder, move |tx| {
                store::add_hands(tx, recording, &hands)?;
                store::end(tx, recording, ending, at)?;
                tx.note_as("recording.end", "recording", recording.get());
                Ok(())
            })
            .await;
        if let Err(error) = left {
            tracing::error!(%recording, %error, "a recording's end could not be noted");
        }
    }

    fn forget(&self, recording: RecordingId, lesson: LessonId) {
        let mut running = self.running();
        self.last_hands(recording);
        if running.get(&lesson).is_some_and(|running| running.id == recording) {
            running.remove(&lesson);
        }
    }

    async fn keep(&self, recording: RecordingId, track: Track) {
        if track.lost > 0 {
            tracing::info!(%recording, track = %track.name, lost = track.lost, "packets are missing in a recording");
        }
        let hands = self.hands_to_write(recording);
        let kept = self
            .0
            .platform
            .store()
            .write::<_, StoreError, _>(&SystemPermit::Recorder, move |tx| {
                store::add_track(tx, recording, &track)?;
                store::add_hands(tx, recording, &hands)?;
                tx.note_as("recording.track", "recording", recording.get());
                Ok(())
            })
            .await;
        if let Err(error) = kept {
            // The file is there; the next start finds it, because its recording stays open.
            tracing::error!(%recording, track = %track.name, %error, "a file of a recording could not be noted");
        }
    }

    pub(super) async fn close(&self, recording: RecordingId, ending: Ending, at: Millis) {
        let hands = self.last_hands(recording);
        let closed = self
            .0
            .platform
            .store()
            .write::<_, StoreError, _>(&SystemPermit::Recorder, move |tx| {
                store::add_hands(tx, recording, &hands)?;
                store::end(tx, recording, ending, at)?;
                store::ready(tx, recording)?;
                tx.note_as("recording.close", "recording", recording.get());
                Ok(())
            })
            .await;
        if let Err(error) = closed {
            tracing::error!(%recording, %error, "a recording's end could not be noted");
        }
    }
}
