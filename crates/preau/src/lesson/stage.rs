//! What holds for as long as a lesson runs and is not worth a row: who may speak, whose hand is up.
//!
//! It lives in memory. After a restart every microphone is closed and every hand is down: the safe side.
//! Invariant: the answer for a person is the same for a token, for a socket and for a command.

use super::model::Allowed;
use crate::ids::{LessonId, Millis, PersonId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lessons kept in memory; beyond it, those that are over are forgotten first.
const LESSONS: usize = 1_000;

/// All lessons that run. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Stages(Arc<Mutex<HashMap<LessonId, Stage>>>);

#[derive(Default)]
struct Stage {
    /// When the room is over and this may be forgotten.
    over_at: Millis,
    everybody: Allowed,
    single: HashMap<PersonId, Allowed>,
    hands: HashMap<PersonId, Millis>,
}

impl Stages {
    fn lock(&self) -> MutexGuard<'_, HashMap<LessonId, Stage>> {
        // Every change below is complete in itself, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a lesson that runs until `over_at`.
    pub(super) fn begin(&self, lesson: LessonId, over_at: Millis, now: Millis) {
        let mut stages = self.lock();
        if stages.len() >= LESSONS {
            stages.retain(|_, stage| stage.over_at > now);
        }
        stages.entry(lesson).or_default().over_at = over_at;
    }

    /// Forgets a lesson.
    pub(super) fn end(&self, lesson: LessonId) {
        self.lock().remove(&lesson);
    }

    /// What a pupil may send.
    pub(super) fn allowed(&self, lesson: LessonId, pupil: PersonId) -> Allowed {
        let stages = self.lock();
        let Some(stage) = stages.get(&lesson) else { return Allowed::default() };
        stage.single.get(&pupil).copied().unwrap_or(stage.everybody)
    }

    /// Says what one pupil may send.
    pub(super) fn allow(&self, lesson: LessonId, pupil: PersonId, allowed: Allowed) {
        self.lock().entry(lesson).or_default().single.insert(pupil, allowed);
    }

    /// Says what every pupil may send, those who come later included.
    pub(super) fn allow_everybody(&self, lesson: LessonId, allowed: Allowed) {
        let mut stages = self.lock();
        let stage = stages.entry(lesson).or_default();
        stage.everybody = allowed;
        stage.single.clear();
    }

    /// When the hand went up, in milliseconds since the Unix epoch.
    pub(super) fn hand(&self, lesson: LessonId, person: PersonId) -> Option<Millis> {
        self.lock().get(&lesson)?.hands.get(&person).copied()
    }

    /// Raises or lowers a hand; returns since when it is up. One that is up stays where it is in the row.
    pub(super) fn set_hand(
        &self,
        lesson: LessonId,
        person: PersonId,
        raised: bool,
        now: Millis,
    ) -> Option<Millis> {
        let mut stages = self.lock();
        let hands = &mut stages.entry(lesson).or_default().hands;
        if raised {
            Some(*hands.entry(person).or_insert(now))
        } else {
            hands.remove(&person);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: LessonId = LessonId::from_raw(1);
    const TOM: PersonId = PersonId::from_raw(2);
    const INES: PersonId = PersonId::from_raw(3);

    #[test]
    fn a_word_for_all_replaces_the_words_for_some() {
        let stages = Stages::default();
        assert_eq!(stages.allowed(LESSON, TOM), Allowed::default());
        stages.allow(LESSON, TOM, Allowed::ALL);
        assert_eq!(stages.allowed(LESSON, INES), Allowed::default());
        stages.allow_everybody(LESSON, Allowed { microphone: true, ..Allowed::default() });
        assert!(!stages.allowed(LESSON, TOM).camera && stages.allowed(LESSON, INES).microphone);
        stages.end(LESSON);
        assert_eq!(stages.allowed(LESSON, INES), Allowed::default());
    }

    #[test]
    fn a_hand_keeps_its_place_in_the_row() {
        let stages = Stages::default();
        assert_eq!(stages.set_hand(LESSON, TOM, true, 1_000), Some(1_000));
        assert_eq!(stages.set_hand(LESSON, TOM, true, 9_000), Some(1_000));
        assert_eq!(stages.set_hand(LESSON, TOM, false, 9_500), None);
        assert_eq!(stages.hand(LESSON, TOM), None);
    }

    #[test]
    fn lessons_that_are_over_make_room() {
        let stages = Stages::default();
        for number in 0..LESSONS as i64 {
            stages.begin(LessonId::from_raw(number + 10), 100, 0);
        }
        stages.begin(LESSON, 300, 200);
        assert_eq!(stages.lock().len(), 1);
    }
}
