//! Files between their preview and the decision: in memory, one a person, bounded in number, size and time.
//!
//! What is lost at a restart is only the preview: the file is dropped again. Nothing of it was applied.

use crate::ids::{Millis, PersonId, SchoolId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Longest wait for the decision.
const KEPT_MS: Millis = 30 * 60_000;
/// Most files kept at a time; the oldest gives way.
const MOST: usize = 16;

/// A file that was shown.
#[derive(Clone)]
pub(in crate::timetable) struct StagedFile {
    /// For which school.
    pub(in crate::timetable) school: SchoolId,
    /// The name it came under.
    pub(in crate::timetable) name: String,
    /// Its bytes.
    pub(in crate::timetable) bytes: bytes::Bytes,
    at: Millis,
}

/// The files that wait. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::timetable) struct Staged(Arc<Mutex<HashMap<PersonId, StagedFile>>>);

impl Staged {
    /// Keeps a file for this person, instead of an earlier one.
    pub(in crate::timetable) fn keep(
        &self,
        person: PersonId,
        school: SchoolId,
        name: String,
        bytes: bytes::Bytes,
        now: Millis,
    ) {
        let Ok(mut files) = self.0.lock() else { return };
        files.retain(|_, file| now - file.at < KEPT_MS);
        if files.len() >= MOST
            && let Some(oldest) = files.iter().min_by_key(|(_, file)| file.at).map(|(person, _)| *person)
        {
            files.remove(&oldest);
        }
        files.insert(person, StagedFile { school, name, bytes, at: now });
    }

    /// The file that waits for this person's decision.
    pub(in crate::timetable) fn find(&self, person: PersonId, now: Millis) -> Option<StagedFile> {
        self.0.lock().ok()?.get(&person).filter(|file| now - file.at < KEPT_MS).cloned()
    }

    /// Forgets it.
    pub(in crate::timetable) fn forget(&self, person: PersonId) {
        if let Ok(mut files) = self.0.lock() {
            files.remove(&person);
        }
    }
}
