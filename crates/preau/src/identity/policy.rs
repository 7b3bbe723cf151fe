//! Who may do what with accounts. Pure; the line "accounts, reset" of the rights table is its source.
//!
//! Everybody manages their own. A legal guardian may give their child a new code, a teacher the pupils of
//! their classes. A CPE may do so for the pupils and guardians of the school, the head and the local admin
//! for everybody in it. Nobody reaches upwards: whoever has a staff role in a second school, or belongs to
//! the authority, cannot be taken over from here. Nobody can act as somebody else.

use super::store;
use crate::access::{Actor, Affiliation, Allows, Facts, Lists, Profile, Resource, Scope};
use crate::action;
use crate::ids::{PersonId, SchoolId};
use crate::school::{self, Group};
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Changing one's own password and display, closing one's sessions.
    ManageOwn = "account.manage_own"
);
action!(
    /// Giving a new activation code to somebody, and blocking the old password if need be.
    ResetPassword = "account.reset"
);
action!(
    /// Seeing which pupils of a class have an account that works.
    ListAccounts = "account.list"
);
action!(
    /// Printing activation sheets for the pupils of a class.
    PrintSheets = "account.print_sheets"
);
action!(
    /// Printing activation sheets for the guardians of a class.
    PrintGuardianSheets = "account.print_guardian_sheets"
);
action!(
    /// Looking people of a school up by name.
    FindPeople = "account.find_people"
);

/// Who cares for the accounts of a whole school.
pub(super) const WHOLE_SCHOOL: &[Profile] = &[Profile::Counsellor, Profile::Head, Profile::LocalAdmin];
/// Who cares for the accounts of its staff too.
const STAFF_TOO: &[Profile] = &[Profile::Head, Profile::LocalAdmin];

/// Somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose, with the ties that rules ask about.
    pub facts: Facts,
    /// What they type to sign in.
    pub login: String,
    /// Whether a password was ever chosen.
    pub activated: bool,
    /// Whether it opens only after a new activation.
    pub blocked: bool,
}

impl Account {
    /// Ties as a member of some staff.
    fn staff(&self) -> impl Iterator<Item = &Affiliation> {
        let ties = self.facts.affiliations.iter();
        ties.filter(|tie| !matches!(tie.profile, Profile::Pupil | Profile::Guardian))
    }

    /// Schools this person has to do with: their own and their children's.
    fn schools(&self) -> impl Iterator<Item = SchoolId> {
        let own = self.facts.affiliations.iter().map(|tie| tie.school);
        own.chain(self.facts.children.iter().map(|child| child.school))
    }

    fn is_pupil(&self) -> bool {
        self.facts.affiliations.iter().any(|tie| tie.profile == Profile::Pupil)
    }
}

impl Resource for Account {
    type Id = PersonId;
    const KIND: &'static str = "account";

    fn find(conn: &mut Conn, id: PersonId) -> QueryResult<Option<Self>> {
        let Some((login, activated, blocked)) = store::account_line(conn, id)? else { return Ok(None) };
        let facts = school::facts_of(conn, id)?;
        Ok(facts.map(|facts| Account { facts, login, activated, blocked }))
    }

    fn number(&self) -> i64 {
        self.facts.person.get()
    }
}

impl Allows<ManageOwn> for Account {
    fn allows(actor: &Actor, account: &Self) -> bool {
        actor.is(account.facts.person)
    }
}

impl Allows<ResetPassword> for Account {
    fn allows(actor: &Actor, account: &Self) -> bool {
        if actor.is(account.facts.person) {
            // One's own password is changed with the old one at hand, not by a code.
            return false;
        }
        let is_staff = account.staff().next().is_some();
        let own_pupil = account.is_pupil()
            && !is_staff
            && account.facts.enrolled.iter().any(|group| actor.teaches(*group) || actor.tutors(*group));
        let in_school = |profiles| account.schools().any(|school| actor.is_in(school, profiles));
        let under_me =
            |tie: &Affiliation| tie.profile != Profile::Authority && actor.is_in(tie.school, STAFF_TOO);
        actor.guards(account.facts.person)
            || own_pupil
            || (!is_staff && in_school(WHOLE_SCHOOL))
            || (in_school(STAFF_TOO) && account.staff().all(under_me))
    }
}

impl Allows<ListAccounts> for Group {
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.teaches(group.id) || actor.is_in(group.school, WHOLE_SCHOOL)
    }
}

impl Lists<ListAccounts> for Group {
    fn scope(actor: &Actor) -> Scope {
        if let Some(school) = actor.school_as(WHOLE_SCHOOL) {
            return Scope::School(school);
        }
        match actor.facts() {
            Some(facts) if actor.has(Profile::Teacher) => Scope::Groups(facts.taught.clone()),
            _ => Scope::Nothing,
        }
    }
}

impl Allows<PrintSheets> for Group {
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.tutors(group.id) || actor.is_in(group.school, WHOLE_SCHOOL)
    }
}

impl Allows<PrintGuardianSheets> for Group {
    fn allows(actor: &Actor, group: &Self) -> bool {
        actor.is_in(group.school, WHOLE_SCHOOL)
    }
}

impl Lists<FindPeople> for Account {
    fn scope(actor: &Actor) -> Scope {
        actor.school_as(WHOLE_SCHOOL).map_or(Scope::Nothing, Scope::School)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Child;
    use crate::ids::GroupId;
    use std::sync::Arc;

    const HERE: SchoolId = SchoolId::from_raw(1);
    const AWAY: SchoolId = SchoolId::from_raw(2);
    const CLASS: GroupId = GroupId::from_raw(10);
    const PUPIL: PersonId = PersonId::from_raw(100);

    fn facts(person: i64, ties: &[(SchoolId, Profile)]) -> Facts {
        let affiliations =
            ties.iter().map(|(school, profile)| Affiliation { school: *school, profile: *profile });
        Facts {
            person: PersonId::from_raw(person),
            name: String::new(),
            affiliations: affiliations.collect(),
            enrolled: Vec::new(),
            taught: Vec::new(),
            tutored: Vec::new(),
            children: Vec::new(),
        }
    }

    fn account(facts: Facts) -> Account {
        Account { facts, login: String::new(), activated: true, blocked: false }
    }

    fn pupil() -> Account {
        account(Facts { enrolled: vec![CLASS], ..facts(100, &[(HERE, Profile::Pupil)]) })
    }

    fn guardian(legal: bool) -> Facts {
        let child = Child { pupil: PUPIL, name: String::new(), school: HERE, groups: vec![CLASS], legal };
        Facts { children: vec![child], ..facts(200, &[]) }
    }

    fn may(actor: Facts, account: &Account) -> bool {
        <Account as Allows<ResetPassword>>::allows(&Actor::person(Arc::new(actor)), account)
    }

    #[test]
    fn a_pupil_is_helped_by_teachers_guardians_and_the_school() {
        let teacher = |taught| Facts { taught, ..facts(300, &[(HERE, Profile::Teacher)]) };
        assert!(may(teacher(vec![CLASS]), &pupil()));
        assert!(!may(teacher(vec![GroupId::from_raw(11)]), &pupil()));
        assert!(may(guardian(true), &pupil()));
        assert!(!may(guardian(false), &pupil()));
        for (profile, allowed) in [
            (Profile::Pupil, false),
            (Profile::Librarian, false),
            (Profile::Supervisor, false),
            (Profile::Counsellor, true),
            (Profile::Head, true),
            (Profile::Staff, false),
            (Profile::LocalAdmin, true),
            (Profile::Authority, false),
        ] {
            assert_eq!(may(facts(300, &[(HERE, profile)]), &pupil()), allowed, "{profile:?}");
            assert!(!may(facts(300, &[(AWAY, profile)]), &pupil()), "{profile:?} of another school");
        }
        assert!(!may(pupil().facts, &pupil()), "one's own is changed otherwise");
    }

    #[test]
    fn guardians_are_helped_by_the_school_of_their_child() {
        let parent = account(guardian(true));
        assert!(may(facts(300, &[(HERE, Profile::Counsellor)]), &parent));
        assert!(!may(facts(300, &[(AWAY, Profile::Head)]), &parent));
        let teacher = Facts { taught: vec![CLASS], ..facts(300, &[(HERE, Profile::Teacher)]) };
        assert!(!may(teacher, &parent));
    }

    #[test]
    fn nobody_reaches_upwards() {
        let (head, cpe) = (facts(300, &[(HERE, Profile::Head)]), facts(301, &[(HERE, Profile::Counsellor)]));
        let teacher = account(facts(400, &[(HERE, Profile::Teacher)]));
        assert!(may(head.clone(), &teacher));
        assert!(!may(cpe.clone(), &teacher));
        let elsewhere = account(facts(400, &[(HERE, Profile::Teacher), (AWAY, Profile::Head)]));
        assert!(!may(head.clone(), &elsewhere));
        let authority = account(facts(400, &[(HERE, Profile::Teacher), (HERE, Profile::Authority)]));
        assert!(!may(head, &authority));
        let teaching_parent = account(Facts { person: PersonId::from_raw(400), ..guardian(true) });
        assert!(may(cpe.clone(), &teaching_parent));
        let ties = facts(400, &[(HERE, Profile::Teacher)]).affiliations;
        let teaching_parent = account(Facts { affiliations: ties, ..guardian(true) });
        assert!(!may(cpe, &teaching_parent));
    }
}
