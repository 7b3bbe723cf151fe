//! Who may read a class list. Pure; the table in `docs/access.md` is its source.

use crate::access::{Actor, Allows, Lists, Profile, Scope};
use crate::action;
use crate::ids::{GroupId, SchoolId};
use crate::school::Group;

action!(
    /// Reading who is in a class or group.
    ReadClassList = "classes.read"
);

/// The staff who read every class list of their school.
const WHOLE_SCHOOL: &[Profile] =
    &[Profile::Supervisor, Profile::Counsellor, Profile::Head, Profile::LocalAdmin];
/// The staff who reset any pupil of their school; teachers reset pupils of their classes.
const RESETTING: &[Profile] = &[Profile::Counsellor, Profile::Head, Profile::LocalAdmin];

impl Allows<ReadClassList> for Group {
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.is_enrolled(group.id)
            || actor.teaches(group.id)
            || actor.tutors(group.id)
            || actor.is_in(group.school, WHOLE_SCHOOL)
    }
}

impl Lists<ReadClassList> for Group {
    fn scope(actor: &Actor) -> Scope {
        let Some(facts) = actor.facts() else { return Scope::Nothing };
        let ties = facts.affiliations.iter().filter(|tie| WHOLE_SCHOOL.contains(&tie.profile));
        let mut schools: Vec<SchoolId> = ties.map(|tie| tie.school).collect();
        schools.sort_unstable();
        schools.dedup();
        if !schools.is_empty() {
            return Scope::Schools(schools);
        }
        let mut groups: Vec<GroupId> = Vec::new();
        if actor.has(Profile::Pupil) {
            groups.extend(&facts.enrolled);
        }
        if actor.has(Profile::Teacher) {
            groups.extend(facts.taught.iter().chain(&facts.tutored));
        }
        groups.sort_unstable();
        groups.dedup();
        if groups.is_empty() { Scope::Nothing } else { Scope::Groups(groups) }
    }
}

/// Whether the list offers to give its pupils a new password. Only a courtesy of the page: the page behind
/// the button asks for a permit of its own.
pub(super) fn offers_reset(actor: &Actor, group: &Group) -> bool {
    actor.teaches(group.id) || actor.tutors(group.id) || actor.is_in(group.school, RESETTING)
}
