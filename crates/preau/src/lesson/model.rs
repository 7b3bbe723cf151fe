//! The live lesson as it is: when its room may be open, who takes which part, and what may be said.
//! Pure.

use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use serde::{Deserialize, Serialize};

/// How the live room of a lesson stands; a lesson that was never opened has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Opened and not ended.
    Open,
    /// Over.
    Ended,
}

/// How long before the lesson its room may be opened, in milliseconds.
pub(super) const OPENS_BEFORE: Millis = 15 * 60_000;
/// How long after the lesson its room is closed for everybody, in milliseconds.
pub(super) const CLOSES_AFTER: Millis = 10 * 60_000;
/// Longest chat message, in characters; the page holds the same bound.
pub(super) const LONGEST_MESSAGE: usize = 1_000;
/// Longest reason for sending somebody out, in characters; the page holds the same bound.
pub(super) const LONGEST_REASON: usize = 200;

/// A lesson with everything the rules of its room need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLesson {
    /// The lesson.
    pub id: LessonId,
    /// The school.
    pub school: SchoolId,
    /// Planned beginning, in milliseconds since the Unix epoch.
    pub starts_at: Millis,
    /// Planned end, in milliseconds since the Unix epoch.
    pub ends_at: Millis,
    /// It does not take place, or another lesson replaces it.
    pub cancelled: bool,
    /// What the timetable calls it.
    pub label: String,
    /// The subject, if one is named.
    pub subject: Option<SubjectId>,
    /// Classes and groups.
    pub groups: Vec<GroupId>,
    /// Teachers, substitutes included. Nobody: study hall.
    pub teachers: Vec<PersonId>,
    /// Those who were sent out of this lesson.
    pub removed: Vec<PersonId>,
    /// Whether somebody opened the room and nobody ended it since.
    pub opened: bool,
}

impl LiveLesson {
    /// Study hall (permanence): a lesson that no teacher holds.
    pub fn is_study_hall(&self) -> bool {
        self.teachers.is_empty()
    }

    /// Whether the room may be open at `now`.
    pub fn is_within_hours(&self, now: Millis) -> bool {
        !self.cancelled && (self.starts_at - OPENS_BEFORE..self.closes_at()).contains(&now)
    }

    /// When the room is over, in milliseconds since the Unix epoch.
    pub fn closes_at(&self) -> Millis {
        self.ends_at + CLOSES_AFTER
    }

    /// Whether the room is open at `now`.
    pub fn is_open(&self, now: Millis) -> bool {
        self.opened && self.is_within_hours(now)
    }

    /// Seconds after which a page that found the room closed asks again.
    pub(super) fn ask_again_in(&self, now: Millis) -> u32 {
        if self.is_within_hours(now) { 5 } else { 30 }
    }
}

/// The part somebody takes in a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Holds it: speaks, moderates.
    Teacher,
    /// Attends it: listens, speaks when allowed.
    Pupil,
    /// CPE or head on a visit that everybody sees: listens.
    Visitor,
}

impl Role {
    /// The word in pages and in the room's attributes.
    pub fn word(self) -> &'static str {
        match self {
            Role::Teacher => "teacher",
            Role::Pupil => "pupil",
            Role::Visitor => "visitor",
        }
    }

    /// The role of that word.
    pub fn from_word(word: &str) -> Option<Role> {
        [Role::Teacher, Role::Pupil, Role::Visitor].into_iter().find(|role| role.word() == word)
    }
}

/// What somebody may send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Their voice.
    pub microphone: bool,
    /// Their picture.
    pub camera: bool,
    /// Their screen.
    #[serde(default)]
    pub screen: bool,
}

impl Allowed {
    /// Everything.
    pub const ALL: Allowed = Allowed { microphone: true, camera: true, screen: true };
}

/// A chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    /// Its identifier, as text: JavaScript's numbers are too short for it.
    pub(super) id: String,
    /// The author's identity in the room.
    pub(super) from: String,
    /// The author's name.
    pub(super) name: String,
    /// What was written.
    pub(super) text: String,
    /// When, RFC 3339.
    pub(super) at: String,
}

/// Somebody who was sent out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Removed {
    /// Their identity in the room.
    pub(super) identity: String,
    /// Their name.
    pub(super) name: String,
    /// Why, in the teacher's words; may be empty.
    pub(super) reason: String,
    /// When, RFC 3339.
    pub(super) at: String,
}

/// Groups that a class may be divided into.
pub const MOST_GROUPS: u8 = 12;

/// The name of the whole class's room in the media server.
pub fn room_of(lesson: LessonId) -> String {
    group_room(lesson, 0)
}

/// The name of a group's room there; group 0 is the whole class.
pub(super) fn group_room(lesson: LessonId, group: u8) -> String {
    match group {
        0 => format!("lesson-{lesson}"),
        group => format!("lesson-{lesson}-{group}"),
    }
}

/// Every room that a lesson may have.
pub(super) fn rooms_of(lesson: LessonId) -> Vec<String> {
    (0..=MOST_GROUPS).map(|group| group_room(lesson, group)).collect()
}

/// The lesson and the group of a room.
pub(super) fn place_of(room: &str) -> Option<(LessonId, u8)> {
    let rest = room.strip_prefix("lesson-")?;
    let (lesson, group) = match rest.split_once('-') {
        None => (rest, 0),
        Some((lesson, group)) => {
            (lesson, group.parse().ok().filter(|group| (1..=MOST_GROUPS).contains(group))?)
        }
    };
    let lesson = lesson.parse().ok()?;
    // A group has one name only, so that nobody sits in a room that nobody looks after.
    (group_room(lesson, group) == room).then_some((lesson, group))
}

/// The lesson of a room.
pub(super) fn lesson_of(room: &str) -> Option<LessonId> {
    place_of(room).map(|(lesson, _)| lesson)
}

/// The person behind an identity in a room.
pub(super) fn person_of(identity: &str) -> Option<PersonId> {
    identity.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000;
    const MINUTE: Millis = 60_000;

    fn lesson() -> LiveLesson {
        LiveLesson {
            id: LessonId::from_raw(7),
            school: SchoolId::from_raw(1),
            starts_at: 8 * HOUR,
            ends_at: 8 * HOUR + 55 * MINUTE,
            cancelled: false,
            label: "Français".into(),
            subject: None,
            groups: vec![GroupId::from_raw(2)],
            teachers: vec![PersonId::from_raw(3)],
            removed: vec![],
            opened: true,
        }
    }

    #[test]
    fn the_room_lives_from_a_quarter_before_to_ten_minutes_after() {
        let lesson = lesson();
        for (at, open) in [
            (8 * HOUR - 15 * MINUTE - 1, false),
            (8 * HOUR - 15 * MINUTE, true),
            (9 * HOUR + 5 * MINUTE - 1, true),
            (9 * HOUR + 5 * MINUTE, false),
        ] {
            assert_eq!(lesson.is_open(at), open, "{at}");
        }
        assert!(!LiveLesson { opened: false, ..lesson.clone() }.is_open(8 * HOUR));
        assert!(!LiveLesson { cancelled: true, ..lesson }.is_open(8 * HOUR));
    }

    #[test]
    fn rooms_and_lessons_name_each_other() {
        let lesson = LessonId::from_raw(42);
        assert_eq!(lesson_of(&room_of(lesson)), Some(lesson));
        for name in rooms_of(lesson) {
            assert_eq!(lesson_of(&name), Some(lesson), "{name}");
        }
        assert_eq!(place_of(&group_room(lesson, 3)), Some((lesson, 3)));
        for bad in [
            "42",
            "lesson-",
            "lesson--1",
            "lesson-1x",
            "Lesson-1",
            "lesson-1-0",
            "lesson-1-13",
            "lesson-1-02",
        ] {
            assert_eq!(lesson_of(bad), None, "{bad}");
        }
    }
}
