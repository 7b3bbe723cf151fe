//! Who may do what with lessons and with a school's timetable. Pure; the table in `docs/access.md` is its
//! source.

use super::model::Lesson;
use super::store;
use crate::access::{Actor, Allows, Lists, Profile, Resource, Scope};
use crate::action;
use crate::ids::{GroupId, LessonId, SchoolId};
use crate::school;
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Seeing a lesson: when, where, who, what.
    ReadLesson = "timetable.read"
);
action!(
    /// Writing a word on one's own lesson.
    AnnotateLesson = "timetable.annotate"
);
action!(
    /// Cancelling, moving, naming a substitute.
    ChangeLesson = "timetable.change"
);
action!(
    /// Declaring a lesson an exam, whose pupils the gate lets in first. The head's alone: the seats are those
    /// of everybody else.
    DeclareExam = "exam.declare"
);
action!(
    /// Saying that it is none after all.
    WithdrawExam = "exam.withdraw"
);
action!(
    /// Entering slots, rotations and holidays.
    ManageTimetable = "timetable.manage"
);
action!(
    /// Reading lessons from a file.
    ImportTimetable = "timetable.import"
);

/// The staff who see every lesson of their school.
pub(super) const WHOLE_SCHOOL: &[Profile] = &[Profile::Supervisor, Profile::Counsellor, Profile::Head];

/// The timetable of a school as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolTimetable {
    /// The school.
    pub school: SchoolId,
}

impl Resource for Lesson {
    type Id = LessonId;
    const KIND: &'static str = "lesson";

    fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

impl Resource for SchoolTimetable {
    type Id = SchoolId;
    const KIND: &'static str = "timetable";

    fn find(conn: &mut Conn, id: SchoolId) -> QueryResult<Option<Self>> {
        Ok(school::school_line(conn, id)?.map(|line| SchoolTimetable { school: line.id }))
    }

    fn number(&self) -> i64 {
        self.school.get()
    }
}

impl Allows<ReadLesson> for Lesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        lesson
            .groups
            .iter()
            .any(|group| actor.is_enrolled(*group) || actor.guards_in(*group) || actor.teaches(*group))
            || holds(actor, lesson)
            || actor.is_in(lesson.school, WHOLE_SCHOOL)
    }
}

impl Allows<AnnotateLesson> for Lesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        holds(actor, lesson)
    }
}

impl Allows<ChangeLesson> for Lesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        actor.is_in(lesson.school, &[Profile::Head])
    }
}

impl Allows<DeclareExam> for Lesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        actor.is_in(lesson.school, &[Profile::Head])
    }
}

impl Allows<WithdrawExam> for Lesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        <Lesson as Allows<DeclareExam>>::allows(actor, lesson)
    }
}

impl Allows<ManageTimetable> for SchoolTimetable {
    fn allows(actor: &Actor, timetable: &Self) -> bool {
        actor.is_in(timetable.school, &[Profile::Head])
    }
}

impl Allows<ImportTimetable> for SchoolTimetable {
    fn allows(actor: &Actor, timetable: &Self) -> bool {
        actor.is_in(timetable.school, &[Profile::Head, Profile::LocalAdmin])
    }
}

/// A teacher's own lesson, the one he or she was named for included.
fn holds(actor: &Actor, lesson: &Lesson) -> bool {
    actor.is_in(lesson.school, &[Profile::Teacher, Profile::Librarian])
        && actor.id().is_some_and(|person| lesson.is_held_by(person))
}

impl Lists<ReadLesson> for Lesson {
    fn scope(actor: &Actor) -> Scope {
        if let Some(school) = actor.school_as(WHOLE_SCHOOL) {
            return Scope::School(school);
        }
        let Some(facts) = actor.facts() else { return Scope::Nothing };
        let mut groups: Vec<GroupId> = Vec::new();
        if actor.has(Profile::Pupil) {
            groups.extend(&facts.enrolled);
        }
        if actor.has(Profile::Teacher) {
            groups.extend(&facts.taught);
        }
        groups.extend(actor.wards().flat_map(|child| &child.groups));
        groups.sort_unstable();
        groups.dedup();
        if groups.is_empty() { Scope::Nothing } else { Scope::Groups(groups) }
    }
}

impl Allows<ReadLesson> for school::Group {
    /// The week of a class or group.
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.is_enrolled(group.id)
            || actor.guards_in(group.id)
            || actor.teaches(group.id)
            || actor.is_in(group.school, WHOLE_SCHOOL)
    }
}
