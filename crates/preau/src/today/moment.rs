//! The rules of the minute: what may be done with a lesson now, and when a page will say something else.
//! Pure: the clock comes from outside.

use crate::ids::Millis;
use crate::lesson::Room;
use crate::timetable::Lesson;

const MINUTE: Millis = 60_000;
/// Pupils may enter from so long before the lesson.
pub(super) const PUPILS_BEFORE_MS: Millis = 10 * MINUTE;
/// Teachers may open from so long before the lesson.
pub(super) const TEACHERS_BEFORE_MS: Millis = 15 * MINUTE;

/// What stands at the door of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtTheDoor {
    /// Too early: it opens at that instant.
    OpensAt(Millis),
    /// It is time, but the teacher has not opened.
    NotOpenedYet,
    /// Come in.
    Enter,
    /// The live class has ended.
    Ended,
}

/// What a pupil finds at the door at `now`.
pub(super) fn pupil_at_the_door(lesson: &Lesson, room: Option<Room>, now: Millis) -> AtTheDoor {
    let opens_at = lesson.starts_at - PUPILS_BEFORE_MS;
    match room {
        Some(Room::Ended) => AtTheDoor::Ended,
        _ if now >= lesson.ends_at => AtTheDoor::Ended,
        _ if now < opens_at => AtTheDoor::OpensAt(opens_at),
        Some(Room::Open) => AtTheDoor::Enter,
        None => AtTheDoor::NotOpenedYet,
    }
}

/// What the teacher finds at the door at `now`. [`AtTheDoor::NotOpenedYet`] means: open it.
pub(super) fn teacher_at_the_door(lesson: &Lesson, room: Option<Room>, now: Millis) -> AtTheDoor {
    let opens_at = lesson.starts_at - TEACHERS_BEFORE_MS;
    match room {
        Some(Room::Open) => AtTheDoor::Enter,
        // A class ended by mistake may be opened again as long as the lesson lasts.
        _ if now >= lesson.ends_at => AtTheDoor::Ended,
        _ if now < opens_at => AtTheDoor::OpensAt(opens_at),
        _ => AtTheDoor::NotOpenedYet,
    }
}

/// Whether everybody who has one of these lessons is on the way to it or has just gone in: ten minutes before
/// until five after it begins.
pub(super) fn near_a_bell<'l>(lessons: impl IntoIterator<Item = &'l Lesson>, now: Millis) -> bool {
    lessons
        .into_iter()
        .filter(|lesson| lesson.takes_place())
        .any(|lesson| (lesson.starts_at - 10 * MINUTE..lesson.starts_at + 5 * MINUTE).contains(&now))
}

/// The next instant after `now` at which a page about these lessons says something else of itself: a door
/// that opens, a bell; and the next full minute when a bell is less than an hour away, since the page
/// counts the minutes to it.
pub(super) fn next_change<'l>(lessons: impl IntoIterator<Item = &'l Lesson>, now: Millis) -> Option<Millis> {
    let bell = lessons
        .into_iter()
        .filter(|lesson| lesson.takes_place())
        .flat_map(|lesson| {
            [
                lesson.starts_at - TEACHERS_BEFORE_MS,
                lesson.starts_at - PUPILS_BEFORE_MS,
                lesson.starts_at,
                lesson.ends_at,
            ]
        })
        .filter(|at| *at > now)
        .min()?;
    let minute = (now.div_euclid(MINUTE) + 1) * MINUTE;
    Some(if bell - now <= 60 * MINUTE { bell.min(minute) } else { bell })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LessonId, SchoolId};
    use crate::timetable::LessonState;
    use proptest::prelude::*;

    fn lesson(starts: Millis, ends: Millis) -> Lesson {
        Lesson {
            id: LessonId::from_raw(1),
            school: SchoolId::from_raw(1),
            starts_at: starts,
            ends_at: ends,
            subject: None,
            label: String::new(),
            room: String::new(),
            state: LessonState::Normal,
            replaced_by: None,
            note: String::new(),
            exam: false,
            groups: Vec::new(),
            teachers: Vec::new(),
        }
    }

    #[test]
    fn the_door_over_a_lesson() {
        let lesson = lesson(100 * MINUTE, 155 * MINUTE);
        let pupil = |minute: i64, room| pupil_at_the_door(&lesson, room, minute * MINUTE);
        assert_eq!(pupil(89, Some(Room::Open)), AtTheDoor::OpensAt(90 * MINUTE));
        assert_eq!(pupil(90, None), AtTheDoor::NotOpenedYet);
        assert_eq!(pupil(90, Some(Room::Open)), AtTheDoor::Enter);
        assert_eq!(pupil(154, Some(Room::Open)), AtTheDoor::Enter);
        assert_eq!(pupil(155, Some(Room::Open)), AtTheDoor::Ended);
        assert_eq!(pupil(120, Some(Room::Ended)), AtTheDoor::Ended);
        let teacher = |minute: i64, room| teacher_at_the_door(&lesson, room, minute * MINUTE);
        assert_eq!(teacher(84, None), AtTheDoor::OpensAt(85 * MINUTE));
        assert_eq!(teacher(85, None), AtTheDoor::NotOpenedYet);
        assert_eq!(teacher(120, Some(Room::Ended)), AtTheDoor::NotOpenedYet);
        assert_eq!(teacher(156, Some(Room::Open)), AtTheDoor::Enter);
    }

    #[test]
    fn a_bell_is_near_until_everybody_is_in() {
        let near = |minute: i64| near_a_bell([&lesson(100 * MINUTE, 155 * MINUTE)], minute * MINUTE);
        assert!(!near(89) && near(90) && near(100) && near(104) && !near(105) && !near(155));
        let off = Lesson { state: LessonState::Cancelled, ..lesson(100 * MINUTE, 155 * MINUTE) };
        assert!(!near_a_bell([&off], 100 * MINUTE));
    }

    proptest! {
        /// Between now and the announced change, no door changes: a page that waits for it misses nothing.
        #[test]
        fn nothing_changes_before_the_announced_change(
            starts in proptest::collection::vec((0_i64..600, 1_i64..120), 0..8),
            now in 0_i64..40_000_000,
            step in 0_i64..1_000,
        ) {
            let lessons: Vec<Lesson> =
                starts.iter().map(|(start, length)| lesson(start * MINUTE, (start + length) * MINUTE)).collect();
            let next = next_change(&lessons, now);
            if let Some(next) = next {
                prop_assert!(next > now);
            }
            let until = next.unwrap_or(now + 100_000_000) - 1;
            let between = now + (until - now) * step / 1_000;
            for lesson in &lessons {
                for room in [None, Some(Room::Open), Some(Room::Ended)] {
                    prop_assert_eq!(pupil_at_the_door(lesson, room, now), pupil_at_the_door(lesson, room, between));
                    prop_assert_eq!(teacher_at_the_door(lesson, room, now), teacher_at_the_door(lesson, room, between));
                }
                prop_assert_eq!(lesson.runs_at(now), lesson.runs_at(between));
            }
        }
    }
}
