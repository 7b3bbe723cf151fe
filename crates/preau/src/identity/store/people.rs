//! People as lists of accounts show them: classes, pupils of a class, their guardians, a search.

use crate::access::{Profile, Scope};
use crate::ids::{GroupId, PersonId, SchoolId};
use crate::school::GroupName;
use crate::store::Conn;
use crate::store::schema::{account, affiliation, class_group, enrolment, guardianship, person};
use diesel::prelude::*;

/// Most people a search shows.
const MOST_FOUND: i64 = 40;

/// A person of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::identity) struct PersonLine {
    pub(in crate::identity) id: PersonId,
    pub(in crate::identity) name: String,
    pub(in crate::identity) login: String,
    /// Whether a password was ever chosen.
    pub(in crate::identity) activated: bool,
    pub(in crate::identity) blocked: bool,
}

type Row = (PersonId, String, String, String, String, bool);

fn line((id, given, family, login, phc, blocked): Row) -> PersonLine {
    let name = format!("{given} {family}").trim().to_owned();
    PersonLine { id, name, login, activated: !phc.is_empty(), blocked }
}

/// The classes and groups of `scope`, classes first, by name.
pub(in crate::identity) fn classes(conn: &mut Conn, scope: &Scope) -> QueryResult<Vec<GroupName>> {
    let mut query = class_group::table
        .order((class_group::kind.asc(), class_group::label.asc()))
        .select((class_group::id, class_group::label))
        .into_boxed();
    query = match scope {
        Scope::Groups(groups) => {
            query.filter(class_group::id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()))
        }
        Scope::School(school) => query.filter(class_group::school_id.eq(*school)),
        Scope::Schools(schools) => query.filter(class_group::school_id.eq_any(schools.clone())),
        Scope::Nothing | Scope::Persons(_) => return Ok(Vec::new()),
    };
    let rows: Vec<(GroupId, String)> = query.load(conn)?;
    Ok(rows.into_iter().map(|(id, label)| GroupName { id, label }).collect())
}

/// The pupils of a class or group with their accounts, by family name.
pub(in crate::identity) fn pupils_of_class(conn: &mut Conn, group: GroupId) -> QueryResult<Vec<PersonLine>> {
    let rows: Vec<Row> = enrolment::table
        .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
        .inner_join(account::table.on(account::person_id.eq(enrolment::person_id)))
        .filter(enrolment::group_id.eq(group))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc()))
        .select((
            enrolment::person_id,
            person::given_name,
            person::family_name,
            account::login,
            account::password_hash,
            account::blocked,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(line).collect())
}

/// The legal guardians of the pupils of a class, each once, by family name, with the pupil's name.
pub(in crate::identity) fn guardians_of_class(
    conn: &mut Conn,
    group: GroupId,
) -> QueryResult<Vec<(PersonLine, String)>> {
    let ties: Vec<(PersonId, String)> = enrolment::table
        .inner_join(guardianship::table.on(guardianship::pupil_id.eq(enrolment::person_id)))
        .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
        .filter(enrolment::group_id.eq(group))
        .filter(guardianship::legal.eq(true))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), guardianship::guardian_id.asc()))
        .select((guardianship::guardian_id, person::given_name))
        .load(conn)?;
    let guardians: Vec<i64> = ties.iter().map(|(guardian, _)| guardian.get()).collect();
    let rows: Vec<Row> = account::table
        .inner_join(person::table.on(person::id.eq(account::person_id)))
        .filter(person::id.eq_any(guardians))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc()))
        .select((
            account::person_id,
            person::given_name,
            person::family_name,
            account::login,
            account::password_hash,
            account::blocked,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(line)
        .map(|guardian| {
            let children: Vec<&str> =
                ties.iter().filter(|(id, _)| *id == guardian.id).map(|(_, child)| child.as_str()).collect();
            let children = children.join(", ");
            (guardian, children)
        })
        .collect())
}

/// People of a school, and guardians of its pupils, in whose login all of `words` occur. The words hold
/// letters, digits, hyphens and dots only, so that none is a wildcard.
pub(in crate::identity) fn search(
    conn: &mut Conn,
    school: SchoolId,
    words: &[String],
) -> QueryResult<Vec<PersonLine>> {
    let pupils = || {
        affiliation::table
            .filter(affiliation::school_id.eq(school))
            .filter(affiliation::profile.eq(Profile::Pupil.word()))
            .select(affiliation::person_id)
    };
    let members = affiliation::table.filter(affiliation::school_id.eq(school)).select(affiliation::person_id);
    let guardians =
        guardianship::table.filter(guardianship::pupil_id.eq_any(pupils())).select(guardianship::guardian_id);
    let mut query = account::table
        .inner_join(person::table.on(person::id.eq(account::person_id)))
        .filter(person::removed_at.is_null())
        .filter(account::person_id.eq_any(members).or(account::person_id.eq_any(guardians)))
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc()))
        .limit(MOST_FOUND)
        .select((
            account::person_id,
            person::given_name,
            person::family_name,
            account::login,
            account::password_hash,
            account::blocked,
        ))
        .into_boxed();
    for word in words {
        query = query.filter(account::login.like(format!("%{word}%")));
    }
    let rows: Vec<Row> = query.load(conn)?;
    Ok(rows.into_iter().map(line).collect())
}
