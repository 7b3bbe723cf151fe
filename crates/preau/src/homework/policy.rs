//! Who may do what with homework. Pure; the table in `docs/access.md` is its source.

use super::model::{Homework, HomeworkId, Submission, SubmissionId};
use super::store;
use crate::access::{Actor, Allows, Lists, Profile, Resource, Scope};
use crate::action;
use crate::ids::GroupId;
use crate::school::Group;
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Reading the lesson log and the work to do.
    ReadHomework = "homework.read"
);
action!(
    /// Writing for a class or group.
    Publish = "homework.publish"
);
action!(
    /// Changing or removing what one wrote.
    Revise = "homework.revise"
);
action!(
    /// Ticking work as done.
    TickDone = "homework.tick"
);
action!(
    /// Handing work in, or taking a file back.
    HandIn = "homework.hand_in"
);
action!(
    /// Reading what a pupil handed in.
    ReadSubmission = "homework.read_submission"
);

/// The staff who read every lesson log of their school.
const WHOLE_SCHOOL: &[Profile] = &[Profile::Supervisor, Profile::Counsellor, Profile::Head];

impl Resource for Homework {
    type Id = HomeworkId;
    const KIND: &'static str = "homework";

    fn find(conn: &mut Conn, id: HomeworkId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

impl Resource for Submission {
    type Id = SubmissionId;
    const KIND: &'static str = "submission";

    fn find(conn: &mut Conn, id: SubmissionId) -> QueryResult<Option<Self>> {
        store::find_submission(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

impl Allows<ReadHomework> for Homework {
    fn allows(actor: &Actor, homework: &Self) -> bool {
        actor.is_enrolled(homework.group)
            || actor.guards_in(homework.group)
            || actor.teaches(homework.group)
            || actor.is(homework.author)
            || actor.is_in(homework.school, WHOLE_SCHOOL)
    }
}

impl Allows<Publish> for Group {
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.teaches(group.id)
    }
}

impl Allows<Revise> for Homework {
    fn allows(actor: &Actor, homework: &Self) -> bool {
        actor.is(homework.author)
    }
}

impl Allows<TickDone> for Homework {
    fn allows(actor: &Actor, homework: &Self) -> bool {
        actor.is_enrolled(homework.group) && !homework.work.is_empty()
    }
}

impl Allows<HandIn> for Homework {
    fn allows(actor: &Actor, homework: &Self) -> bool {
        actor.is_enrolled(homework.group) && homework.hand_in
    }
}

impl Allows<HandIn> for Submission {
    fn allows(actor: &Actor, submission: &Self) -> bool {
        actor.is(submission.pupil) && actor.is_enrolled(submission.group)
    }
}

impl Allows<ReadSubmission> for Submission {
    fn allows(actor: &Actor, submission: &Self) -> bool {
        (actor.is(submission.pupil) && actor.is_enrolled(submission.group))
            || actor.guards(submission.pupil)
            || actor.teaches(submission.group)
    }
}

impl Lists<ReadHomework> for Homework {
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
