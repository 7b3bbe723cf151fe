//! Hands that go up and down while a lesson is recorded.
//!
//! They are noted in memory and written down with the next file that is finished, at the latest with the end of the
//! recording. Invariant: only what changes is noted, and of one recording never more than [`MOST_HANDS`] changes.

use super::Studio;
use super::model::{Hand, RecordingId};
use crate::ids::{LessonId, Millis, PersonId};
use std::collections::{HashMap, HashSet};
use std::sync::{MutexGuard, PoisonError};

/// Changes of one recording, at most: a class of thirty, each with a hand up and down thirty times.
const MOST_HANDS: i64 = 2_000;

/// The hands of one recording that runs.
#[derive(Debug, Default)]
pub(super) struct Hands {
    up: HashSet<PersonId>,
    noted: i64,
    /// Not written down yet.
    waiting: Vec<Hand>,
}

impl Hands {
    fn note(&mut self, at: Millis, person: PersonId, up: bool) {
        let changes = if up { self.up.insert(person) } else { self.up.remove(&person) };
        if changes && self.noted < MOST_HANDS {
            self.noted += 1;
            self.waiting.push(Hand { number: self.noted, at, person, up });
        }
    }
}

impl Studio {
    fn hands(&self) -> MutexGuard<'_, HashMap<RecordingId, Hands>> {
        // Every change is one insertion or removal, so a panic elsewhere leaves nothing half done.
        self.0.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hand went up or down in the class's room.
    pub(super) fn note_hand(&self, lesson: LessonId, person: PersonId, up: bool, at: Millis) {
        // Held until it is noted: nothing is noted of a recording that was forgotten.
        let running = self.running();
        if let Some(running) = running.get(&lesson).filter(|running| !running.over) {
            self.hands().entry(running.id).or_default().note(at, person, up);
        }
    }

    /// What is to be written down of a recording now.
    pub(super) fn hands_to_write(&self, recording: RecordingId) -> Vec<Hand> {
        self.hands().get_mut(&recording).map(|hands| std::mem::take(&mut hands.waiting)).unwrap_or_default()
    }

    /// The same, of a recording that is over.
    pub(super) fn last_hands(&self, recording: RecordingId) -> Vec<Hand> {
        self.hands().remove(&recording).map(|hands| hands.waiting).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_noted_and_not_without_end() {
        let (tom, ines) = (PersonId::from_raw(1), PersonId::from_raw(2));
        let mut hands = Hands::default();
        for (person, up) in [(tom, true), (tom, true), (ines, false), (tom, false), (tom, false)] {
            hands.note(5, person, up);
        }
        let noted: Vec<_> = hands.waiting.iter().map(|hand| (hand.number, hand.person, hand.up)).collect();
        assert_eq!(noted, [(1, tom, true), (2, tom, false)]);
        for round in 0..2 * MOST_HANDS {
            hands.note(round, ines, round % 2 == 0);
        }
        assert_eq!(hands.waiting.len() as i64, MOST_HANDS);
    }
}
