//! Who may do what with recordings. Pure; the table in `docs/access.md` is its source.
//!
//! A recording is for those whose lesson it was: its class, its teachers; and for the head, who answers for it.
//! Families, other staff and whoever left the class do not see it.

use super::model::{Recording, RecordingId, Setting};
use super::store;
use crate::access::{Actor, Allows, Lists, Profile, Resource, Scope};
use crate::action;
use crate::ids::{LessonId, SchoolId};
use crate::lesson::{LiveLesson, Role, role_of};
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Choosing what may be recorded in the school, and for how long it is kept.
    SetRecording = "recording.set"
);
action!(
    /// Beginning and ending the recording of a lesson.
    Record = "recording.record"
);
action!(
    /// Watching a recording.
    WatchRecording = "recording.watch"
);
action!(
    /// Deleting one.
    DeleteRecording = "recording.delete"
);

const HEAD: &[Profile] = &[Profile::Head];
/// Whoever can hold a lesson when the timetable names them.
const STAFF: &[Profile] = &[
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
];

impl Resource for Setting {
    type Id = SchoolId;
    const KIND: &'static str = "recording_setting";

    fn find(conn: &mut Conn, id: SchoolId) -> QueryResult<Option<Self>> {
        store::setting_of_known(conn, id)
    }

    fn number(&self) -> i64 {
        self.school.get()
    }
}

impl Resource for Recording {
    type Id = RecordingId;
    const KIND: &'static str = "recording";

    fn find(conn: &mut Conn, id: RecordingId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

fn held_by(actor: &Actor, lesson: &LiveLesson) -> bool {
    actor.id().is_some_and(|who| lesson.teachers.contains(&who)) && actor.is_in(lesson.school, STAFF)
}

impl Allows<SetRecording> for Setting {
    fn allows(actor: &Actor, setting: &Self) -> bool {
        actor.is_in(setting.school, HEAD)
    }
}

impl Allows<Record> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson) == Some(Role::Teacher)
    }
}

impl Allows<WatchRecording> for Recording {
    fn allows(actor: &Actor, recording: &Self) -> bool {
        let lesson = &recording.lesson;
        actor.is_in(lesson.school, HEAD)
            || held_by(actor, lesson)
            || lesson.groups.iter().any(|group| actor.is_enrolled(*group))
    }
}

impl Allows<DeleteRecording> for Recording {
    fn allows(actor: &Actor, recording: &Self) -> bool {
        actor.is_in(recording.lesson.school, HEAD) || held_by(actor, &recording.lesson)
    }
}

impl Lists<WatchRecording> for Recording {
    fn scope(actor: &Actor) -> Scope {
        if let Some(school) = actor.school_as(HEAD) {
            return Scope::School(school);
        }
        let Some(facts) = actor.facts() else { return Scope::Nothing };
        if actor.has(Profile::Pupil) && !facts.enrolled.is_empty() {
            return Scope::Groups(facts.enrolled.clone());
        }
        match STAFF.iter().any(|profile| actor.has(*profile)) {
            true => Scope::Persons(vec![facts.person]),
            false => Scope::Nothing,
        }
    }
}

/// The lesson of a recording, as its rules need it.
pub(super) fn lesson_of(conn: &mut Conn, id: LessonId) -> QueryResult<Option<LiveLesson>> {
    <LiveLesson as Resource>::find(conn, id)
}
