//! Seats kept for lessons: how many of each lesson are in, and how many seats wait for the others.
//!
//! It only counts; when seats are set aside and returned is the scheduler's decision (`plan.rs`
//! says in which order), and `seats.rs` is where they are given.
//! Invariant: `kept` is the sum over all lessons, and what is saved up for the next one.

use std::collections::HashMap;

use crate::plan::LessonId;

/// Lessons counted at most, those of the plan and a few strays.
const LESSONS: usize = 524_288;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    seated: u32,
    kept: u32,
    /// Tickets given out and not yet seated.
    waiting: u32,
    teacher_live: bool,
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct KeptSeats {
    lessons: HashMap<LessonId, Count>,
    kept: u32,
    /// Saved up for the lesson that comes next.
    pub(crate) saved: u32,
}

impl KeptSeats {
    /// Seats set aside in all.
    pub(crate) const fn kept(&self) -> u32 {
        self.kept + self.saved
    }

    pub(crate) fn kept_for(&self, lesson: LessonId) -> u32 {
        self.lessons.get(&lesson).map_or(0, |count| count.kept)
    }

    pub(crate) fn seated(&self, lesson: LessonId) -> u32 {
        self.lessons.get(&lesson).map_or(0, |count| count.seated)
    }

    pub(crate) fn waiting(&self, lesson: LessonId) -> u32 {
        self.lessons.get(&lesson).map_or(0, |count| count.waiting)
    }

    fn count(&mut self, lesson: LessonId) -> Option<&mut Count> {
        if self.lessons.len() >= LESSONS && !self.lessons.contains_key(&lesson) {
            return None;
        }
        Some(self.lessons.entry(lesson).or_default())
    }

    /// Sets `seats` aside for a lesson, no more and no less.
    pub(crate) fn keep(&mut self, lesson: LessonId, seats: u32) {
        if let Some(count) = self.count(lesson) {
            let before = std::mem::replace(&mut count.kept, seats);
            self.kept = self.kept - before + seats;
        }
    }

    pub(crate) fn teacher_live(&mut self, lesson: LessonId) {
        if let Some(count) = self.count(lesson) {
            count.teacher_live = true;
        }
    }

    pub(crate) fn has_teacher(&self, lesson: LessonId) -> bool {
        self.lessons.get(&lesson).is_some_and(|count| count.teacher_live)
    }

    /// Somebody waits for a lesson.
    pub(crate) fn waits(&mut self, lesson: LessonId) {
        if let Some(count) = self.count(lesson) {
            count.waiting = count.waiting.saturating_add(1);
        }
    }

    /// Somebody of a lesson has taken a seat: one of those set aside, if there is one.
    pub(crate) fn seat(&mut self, lesson: Option<LessonId>) {
        let Some(count) = lesson.and_then(|lesson| self.count(lesson)) else { return };
        count.seated += 1;
        count.waiting = count.waiting.saturating_sub(1);
        if count.kept > 0 {
            count.kept -= 1;
            self.kept -= 1;
        }
    }

    /// Somebody of a lesson has left.
    pub(crate) fn leave(&mut self, lesson: Option<LessonId>) {
        if let Some(count) = lesson.and_then(|lesson| self.lessons.get_mut(&lesson)) {
            count.seated = count.seated.saturating_sub(1);
        }
    }

    /// Forgets lessons that are over.
    pub(crate) fn retain(&mut self, is_planned: impl Fn(LessonId) -> bool) {
        let kept = &mut self.kept;
        self.lessons.retain(|lesson, count| {
            let stays = count.seated > 0 || is_planned(*lesson);
            if !stays {
                *kept -= count.kept;
            }
            stays
        });
    }

    pub(crate) fn clear(&mut self) {
        self.lessons.clear();
        (self.kept, self.saved) = (0, 0);
    }
}
