//! OneRoster users: who is a pupil, who works at the school, who answers for whom.

use super::{Reader, Row};
use crate::error::Error;
use crate::model::{
    Contact, Field, Function, Guardian, Guardianship, Kind, Legal, Link, PersonName, Pupil, Record,
    SourceKey, Staff, StaffProfile, System,
};
use crate::outlet::{Outlet, Statement};
use crate::report::SkipReason;
use crate::values::fold;
use std::hash::BuildHasher;
use std::io::Read;

/// The roles of one user, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles(u16);

const PUPIL: u16 = 1;
const TEACHER: u16 = 1 << 1;
const HEAD: u16 = 1 << 2;
const STUDENT_LIFE: u16 = 1 << 3;
const OTHER_STAFF: u16 = 1 << 4;
const PARENT: u16 = 1 << 5;
const GUARDIAN: u16 = 1 << 6;
const RELATIVE: u16 = 1 << 7;

const ANY_STAFF: u16 = TEACHER | HEAD | STUDENT_LIFE | OTHER_STAFF;
const ANY_GUARDIAN: u16 = PARENT | GUARDIAN | RELATIVE;

impl Roles {
    /// Reads a role of either version. `None` if it is none of the vocabulary.
    fn parse(role: &str) -> Option<Self> {
        Some(Self(match fold(role).as_str() {
            "student" | "learner" => PUPIL,
            "teacher" | "instructor" => TEACHER,
            "principal" => HEAD,
            "counselor" | "counsellor" | "proctor" => STUDENT_LIFE,
            "administrator"
            | "siteadministrator"
            | "districtadministrator"
            | "systemadministrator"
            | "aide" => OTHER_STAFF,
            "parent" => PARENT,
            "guardian" => GUARDIAN,
            "relative" => RELATIVE,
            _ => return None,
        }))
    }

    pub(super) fn is_pupil(self) -> bool {
        self.any(PUPIL)
    }

    pub(super) fn is_staff(self) -> bool {
        self.any(ANY_STAFF)
    }

    fn any(self, mask: u16) -> bool {
        self.0 & mask != 0
    }
}

impl Reader {
    /// Remembers a role of a user. A role that is none is not remembered: the user will be reported.
    pub(super) fn note_role(&mut self, user: Option<String>, role: Option<String>) {
        let (Some(user), Some(role)) = (user, role) else { return };
        let hash = self.hasher.hash_one(user);
        if let Some(roles) = Roles::parse(&role) {
            self.roles.entry(hash).or_default().0 |= roles.0;
        }
    }

    pub(super) fn user<R: Read>(
        &mut self,
        row: &Row<'_, R>,
        id: String,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let place = row.place();
        let hash = self.hasher.hash_one(&id);
        let key = SourceKey::new(System::OneRosterUser, id);
        let Some(roles) = self.roles.get(&hash).copied() else {
            let value = row.get("role").unwrap_or_default();
            return outlet.skip(place, SkipReason::UnknownRole { value });
        };
        if row.is_gone() {
            for (mask, kind) in
                [(PUPIL, Kind::Pupil), (ANY_STAFF, Kind::Staff), (ANY_GUARDIAN, Kind::Guardian)]
            {
                if roles.any(mask) {
                    outlet.delete(place.clone(), kind, key.clone())?;
                }
            }
            return Ok(());
        }
        let mut given = Vec::new();
        let mut text = |field: Field, name: &str| {
            let value = row.get(name);
            if value.is_some() {
                given.push(field);
            }
            value
        };
        let Some(family) = text(Field::FamilyName, "familyName") else {
            return outlet.skip(place, SkipReason::NoFamilyName { expected: "familyName".to_owned() });
        };
        let name = PersonName {
            family,
            given: text(Field::GivenName, "givenName").unwrap_or_default(),
            birth_family: None,
            other_given: text(Field::OtherGivenNames, "middleName").into_iter().collect(),
            title: None,
        };
        let contact = Contact {
            email: text(Field::Email, "email"),
            home_phone: text(Field::HomePhone, "phone"),
            mobile: text(Field::Mobile, "sms"),
            ..Contact::default()
        };
        let username = text(Field::Username, "username");
        let school = row
            .get("primaryOrgSourcedId")
            .or_else(|| row.list("orgSourcedIds").into_iter().next())
            .map(|id| SourceKey::new(System::OneRosterOrg, id));
        if school.is_some() {
            given.push(Field::School);
        }
        let birth_date = self.births.get(&hash).copied();
        if birth_date.is_some() {
            given.push(Field::BirthDate);
        }
        let how = |more: Option<Field>| {
            let given = given.iter().copied().chain(more).collect();
            Statement { given, ..Statement::default() }
        };
        if roles.any(ANY_STAFF) {
            let functions = functions(roles, school.as_ref());
            let staff = Staff {
                name: name.clone(),
                birth_date,
                school: school.clone(),
                functions,
                teaches: Some(roles.any(TEACHER)),
                contact: contact.clone(),
                username: username.clone(),
            };
            outlet.entry(place.clone(), Record::Staff(key.clone(), staff), how(Some(Field::Functions)))?;
        }
        if roles.any(ANY_GUARDIAN) {
            let guardian =
                Guardian { name: name.clone(), contact: contact.clone(), username: username.clone() };
            outlet.entry(place.clone(), Record::Guardian(key.clone(), guardian), how(None))?;
        }
        if roles.any(PUPIL) {
            let level = row.list("grades").into_iter().next();
            let more = level.is_some().then_some(Field::GradeLevel);
            let pupil =
                Pupil { name, birth_date, school, grade_level: level, contact, username, ..Pupil::default() };
            outlet.entry(place, Record::Pupil(key.clone(), pupil), how(more))?;
        }
        self.agents(row, &key, hash, roles, outlet)
    }

    /// Joins pupils and guardians. Both sides may name the other; the pair is stated once.
    fn agents<R: Read>(
        &mut self,
        row: &Row<'_, R>,
        key: &SourceKey,
        hash: u64,
        roles: Roles,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        for agent in row.list("agentSourcedIds") {
            let agent_hash = self.hasher.hash_one(&agent);
            let agent_roles = self.roles.get(&agent_hash).copied().unwrap_or_default();
            let (pupil, guardian, guardian_roles) = if roles.any(PUPIL) && agent_roles.any(ANY_GUARDIAN) {
                ((hash, key.value.clone()), (agent_hash, agent), agent_roles)
            } else if roles.any(ANY_GUARDIAN) && agent_roles.any(PUPIL) {
                ((agent_hash, agent), (hash, key.value.clone()), roles)
            } else {
                let attribute = "agentSourcedIds".to_owned();
                outlet.skip(row.place(), SkipReason::UnknownReference { attribute, value: agent })?;
                continue;
            };
            if !self.pairs.insert((pupil.0, guardian.0)) {
                continue;
            }
            // A relative is family without rights; the vocabulary has no finer word.
            let (link, legal) = if guardian_roles.any(PARENT) {
                (Link::Parent, Legal::Guardian)
            } else if guardian_roles.any(GUARDIAN) {
                (Link::Other, Legal::Guardian)
            } else {
                (Link::Family, Legal::None)
            };
            let guardianship = Guardianship {
                pupil: SourceKey::new(System::OneRosterUser, pupil.1),
                guardian: SourceKey::new(System::OneRosterUser, guardian.1),
                link,
                legal,
                financial: None,
                contact: None,
                payment: None,
            };
            outlet.relation(row.place(), Record::Guardianship(guardianship))?;
        }
        Ok(())
    }
}

fn functions(roles: Roles, school: Option<&SourceKey>) -> Vec<Function> {
    let known = [
        (HEAD, "principal", StaffProfile::Head),
        (TEACHER, "teacher", StaffProfile::Teacher),
        (STUDENT_LIFE, "counselor", StaffProfile::StudentLife),
        (OTHER_STAFF, "administrator", StaffProfile::Staff),
    ];
    known
        .into_iter()
        .filter(|(mask, _, _)| roles.any(*mask))
        .map(|(_, code, profile)| Function {
            school: school.cloned(),
            code: code.to_owned(),
            label: None,
            discipline_code: None,
            discipline: None,
            profile,
        })
        .collect()
}
