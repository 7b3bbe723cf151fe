//! Who may do what with the live room of a lesson. Pure; the table in `docs/access.md` is its source.

use super::model::{LiveLesson, Role};
use super::store;
use crate::access::{Actor, Allows, Profile, Resource};
use crate::action;
use crate::ids::LessonId;
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Opening the room, or ending it for everybody.
    OpenLive = "live.open"
);
action!(
    /// Giving the floor, muting, sending somebody out.
    ModerateLive = "live.moderate"
);
action!(
    /// Entering the room, raising a hand.
    JoinLive = "live.join"
);
action!(
    /// Writing to everybody in the room.
    WriteLive = "live.write"
);

/// Whoever can hold a lesson when the timetable names them; a guardian or pupil never.
const STAFF: &[Profile] = &[
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
];
/// They hold study hall.
const STUDY_HALL: &[Profile] = &[Profile::Supervisor, Profile::Counsellor, Profile::Head];
/// They may look into every lesson of their school, visibly, and open or end it.
const VISITORS: &[Profile] = &[Profile::Counsellor, Profile::Head];

impl Resource for LiveLesson {
    type Id = LessonId;
    const KIND: &'static str = "live_room";

    fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

/// The part `actor` takes in `lesson`; none for everybody else, parents above all.
pub fn role_of(actor: &Actor, lesson: &LiveLesson) -> Option<Role> {
    let person = actor.id()?;
    if lesson.teachers.contains(&person) && actor.is_in(lesson.school, STAFF) {
        return Some(Role::Teacher);
    }
    if lesson.removed.contains(&person) {
        return None;
    }
    if lesson.is_study_hall() && actor.is_in(lesson.school, STUDY_HALL) {
        return Some(Role::Teacher);
    }
    if actor.is_in(lesson.school, VISITORS) {
        return Some(Role::Visitor);
    }
    lesson.groups.iter().any(|group| actor.is_enrolled(*group)).then_some(Role::Pupil)
}

impl Allows<OpenLive> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson) == Some(Role::Teacher) || actor.is_in(lesson.school, VISITORS)
    }
}

impl Allows<ModerateLive> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson) == Some(Role::Teacher)
    }
}

impl Allows<JoinLive> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson).is_some()
    }
}

impl Allows<WriteLive> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson).is_some()
    }
}
