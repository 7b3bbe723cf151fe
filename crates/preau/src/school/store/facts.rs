//! The facts of one person, loaded with a handful of indexed queries when a session is first seen.

use crate::access::{Affiliation, Child, Facts, Profile};
use crate::ids::{GroupId, PersonId, SchoolId};
use crate::store::Conn;
use crate::store::schema::{affiliation, enrolment, guardianship, person, school, teaching};
use diesel::prelude::*;

/// Everything access rules need to know of `who`; nothing when the person is gone.
///
/// # Errors
/// The engine's.
pub fn facts_of(conn: &mut Conn, who: PersonId) -> QueryResult<Option<Facts>> {
    let name: Option<(String, String)> = person::table
        .find(who.get())
        .filter(person::removed_at.is_null())
        .select((person::given_name, person::family_name))
        .first(conn)
        .optional()?;
    let Some((given, family)) = name else { return Ok(None) };
    let ties: Vec<(SchoolId, String)> = affiliation::table
        .filter(affiliation::person_id.eq(who))
        .order((affiliation::school_id, affiliation::profile))
        .select((affiliation::school_id, affiliation::profile))
        .load(conn)?;
    let affiliations = ties
        .into_iter()
        .filter_map(|(school, word)| Some(Affiliation { school, profile: Profile::from_word(&word)? }))
        .collect();
    let enrolled = enrolment::table
        .filter(enrolment::person_id.eq(who))
        .order(enrolment::group_id)
        .select(enrolment::group_id)
        .load(conn)?;
    let teaching: Vec<(GroupId, bool)> = teaching::table
        .filter(teaching::person_id.eq(who))
        .order(teaching::group_id)
        .select((teaching::group_id, teaching::form_tutor))
        .load(conn)?;
    let mut taught: Vec<GroupId> = teaching.iter().map(|(group, _)| *group).collect();
    taught.dedup();
    let tutored = teaching.iter().filter(|(_, tutor)| *tutor).map(|(group, _)| *group).collect();
    let children = children_of(conn, who)?;
    let name = display_name(&given, &family);
    Ok(Some(Facts { person: who, name, affiliations, enrolled, taught, tutored, children }))
}

fn children_of(conn: &mut Conn, guardian: PersonId) -> QueryResult<Vec<Child>> {
    let ties: Vec<(PersonId, bool, String, String, SchoolId)> = guardianship::table
        .inner_join(person::table.on(person::id.eq(guardianship::pupil_id)))
        .inner_join(affiliation::table.on(affiliation::person_id.eq(guardianship::pupil_id)))
        .filter(guardianship::guardian_id.eq(guardian))
        // A pupil of age answers for themselves; that makes nobody their own child.
        .filter(guardianship::pupil_id.ne(guardian))
        .filter(person::removed_at.is_null())
        .filter(affiliation::profile.eq(Profile::Pupil.word()))
        .order((person::birth_date.asc(), person::given_name.asc()))
        .select((
            guardianship::pupil_id,
            guardianship::legal,
            person::given_name,
            person::family_name,
            affiliation::school_id,
        ))
        .load(conn)?;
    ties.into_iter()
        .map(|(pupil, legal, given, family, school)| {
            let groups = enrolment::table
                .filter(enrolment::person_id.eq(pupil))
                .order(enrolment::group_id)
                .select(enrolment::group_id)
                .load(conn)?;
            Ok(Child { pupil, name: display_name(&given, &family), school, groups, legal })
        })
        .collect()
}

/// First name and name, as people say it.
pub(in crate::school) fn display_name(given: &str, family: &str) -> String {
    format!("{given} {family}").trim().to_owned()
}

/// How a school is shown in the head of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolLine {
    /// The school.
    pub id: SchoolId,
    /// Its name.
    pub name: String,
}

/// Whether it is a school for small children, as its import says: école maternelle, élémentaire or primaire.
///
/// # Errors
/// The engine's.
pub fn is_primary(conn: &mut Conn, id: SchoolId) -> QueryResult<bool> {
    let kind: Option<String> = school::table.find(id.get()).select(school::kind).first(conn).optional()?;
    Ok(kind.as_deref() == Some("primary"))
}

/// The school's line.
///
/// # Errors
/// The engine's.
pub fn school_line(conn: &mut Conn, id: SchoolId) -> QueryResult<Option<SchoolLine>> {
    let name: Option<String> = school::table.find(id.get()).select(school::name).first(conn).optional()?;
    Ok(name.map(|name| SchoolLine { id, name }))
}
