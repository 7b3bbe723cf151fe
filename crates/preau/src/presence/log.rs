//! Collects sightings in memory and writes them in batches, so that a full live room costs one write
//! every few seconds and the caller never waits for the database.

use super::model::{Kind, Seen};
use super::store;
use crate::access::SystemPermit;
use crate::edge::{DeviceId, Platform, Waiting};
use crate::ids::{LessonId, Millis, PersonId};
use crate::store::StoreError;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often what was seen is written.
pub const FLUSH_EVERY: Duration = Duration::from_secs(5);
/// Most sightings held in memory, one for each person, lesson and kind: about 16 MB, a region's morning.
pub const MOST_PENDING: usize = 200_000;

/// Where the live room and the gate note whom they see. Cheap to clone.
#[derive(Clone)]
pub struct PresenceLog(Arc<Inner>);

struct Inner {
    platform: Platform,
    pending: Mutex<Pending>,
    /// Held while a batch is written: whoever flushes next waits for it.
    writing: tokio::sync::Mutex<()>,
}

/// Noted and not yet written.
#[derive(Default)]
struct Pending {
    /// At a lesson.
    seen: HashMap<(LessonId, PersonId, Kind), Seen>,
    /// In the gate: the store finds out who that is, and for which lesson.
    waiting: HashMap<DeviceId, Seen>,
    /// Refused because memory was full, since the last flush.
    refused: u64,
}

impl Pending {
    fn is_full(&self) -> bool {
        self.seen.len() + self.waiting.len() >= MOST_PENDING
    }
}

fn add<K: Hash + Eq>(map: &mut HashMap<K, Seen>, key: K, seen: Seen) {
    map.entry(key).and_modify(|before| *before = before.merge(seen)).or_insert(seen);
}

impl PresenceLog {
    /// An empty log over the platform's store.
    pub fn new(platform: Platform) -> PresenceLog {
        PresenceLog(Arc::new(Inner {
            platform,
            pending: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }))
    }

    /// Notes that `person` is seen at `lesson` now: on joining, on leaving, and about every half minute
    /// in between (two notes more than [`super::LONGEST_GAP_MS`] apart count as two stays). Never waits.
    pub fn note(&self, lesson: LessonId, person: PersonId, kind: Kind, now: Millis) {
        let mut pending = self.pending();
        let key = (lesson, person, kind);
        if pending.is_full() && !pending.seen.contains_key(&key) {
            pending.refused += 1;
        } else {
            add(&mut pending.seen, key, Seen::at(now));
        }
    }

    /// Notes that somebody has waited in the gate on `device` from `since` until `now`. Who that is and for
    /// which lesson is found when it is written: the person whose account the device is known for (nobody
    /// when that is not clear), and every lesson of theirs that runs then or begins within half an hour.
    pub fn note_waiting(&self, device: DeviceId, since: Millis, now: Millis) {
        let mut pending = self.pending();
        if pending.is_full() && !pending.waiting.contains_key(&device) {
            pending.refused += 1;
        } else {
            add(&mut pending.waiting, device, Seen::throughout(since, now));
        }
    }

    /// Writes what was noted so far; returns after the commit. What cannot be written stays for the next
    /// time.
    ///
    /// # Errors
    /// The store's.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let _turn = self.0.writing.lock().await;
        let mut batch = Batch { log: self, taken: Pending::default() };
        std::mem::swap(&mut batch.taken, &mut *self.pending());
        if batch.taken.refused > 0 {
            tracing::error!(
                refused = batch.taken.refused,
                "presence: memory was full, sightings were refused"
            );
            batch.taken.refused = 0;
        }
        if batch.taken.seen.is_empty() && batch.taken.waiting.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = batch.taken.seen.iter().map(|(key, seen)| (*key, *seen)).collect();
        let waiting: Vec<_> = batch.taken.waiting.iter().map(|(device, seen)| (device.text(), *seen)).collect();
        let written = self
            .0
            .platform
            .store()
            .write::<_, StoreError, _>(&SystemPermit::NotePresence, move |tx| {
                Ok(store::save(tx, &seen, &waiting)?)
            })
            .await;
        if written.is_ok() {
            batch.taken = Pending::default();
        }
        written
    }

    /// Writes what was noted of this lesson before somebody reads it; quick when there is nothing. A
    /// failure is logged: what is on disk can still be read.
    pub async fn flush_for(&self, lesson: LessonId) {
        let nothing = {
            let pending = self.pending();
            pending.waiting.is_empty() && !pending.seen.keys().any(|(of, ..)| *of == lesson)
        };
        if nothing {
            return;
        }
        if let Err(error) = self.flush().await {
            tracing::warn!(%error, "presence could not be written yet");
        }
    }

    /// Writes every [`FLUSH_EVERY`] until `stop` is done, and once more then.
    pub async fn keep_writing(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let stopped = tokio::select! {
                () = &mut stop => true,
                () = tokio::time::sleep(FLUSH_EVERY) => false,
            };
            if let Err(error) = self.flush().await {
                tracing::error!(%error, stopped, "presence could not be written");
            }
            if stopped {
                return;
            }
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // No code can panic while it holds the lock half way: the maps are whole either way.
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate tells whom it keeps waiting: a place in its queue is presence.
impl Waiting for PresenceLog {
    fn seen(&self, device: DeviceId, since: Millis, now: Millis) {
        self.note_waiting(device, since, now);
    }
}

/// What is being written. When that fails, or whoever asked stops waiting, it goes back: writing it a
/// second time changes nothing.
struct Batch<'l> {
    log: &'l PresenceLog,
    taken: Pending,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.taken.seen.is_empty() && self.taken.waiting.is_empty() {
            return;
        }
        let mut pending = self.log.pending();
        for (key, seen) in self.taken.seen.drain() {
            add(&mut pending.seen, key, seen);
        }
        for (device, seen) in self.taken.waiting.drain() {
            add(&mut pending.waiting, device, seen);
        }
    }
}
