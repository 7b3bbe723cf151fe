//! The directory of a school as timetables need it: formal names, classes, teachers, subjects.

use super::facts::display_name;
use super::groups::GroupName;
use crate::access::Profile;
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::Conn;
use crate::store::schema::{affiliation, class_group, person, school, subject};
use diesel::prelude::*;
use std::collections::HashMap;

/// How adults of a school are named in front of pupils: "Mme Houblon"; first name and name when the source
/// gave no title.
fn formal(title: &str, given: &str, family: &str) -> String {
    if title.is_empty() { display_name(given, family) } else { format!("{title} {family}") }
}

/// The formal names of these people.
///
/// # Errors
/// The engine's.
pub fn formal_names(conn: &mut Conn, people: &[PersonId]) -> QueryResult<HashMap<PersonId, String>> {
    if people.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(PersonId, String, String, String)> = person::table
        .filter(person::id.eq_any(people.iter().map(|who| who.get()).collect::<Vec<_>>()))
        .select((person::id, person::title, person::given_name, person::family_name))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, title, given, family)| (id, formal(&title, &given, &family))).collect())
}

/// A teacher of a school, with what files may call him or her.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeacherLine {
    /// Who.
    pub id: PersonId,
    /// First name, as the school spells it.
    pub given: String,
    /// Family name.
    pub family: String,
    /// "Mme Houblon".
    pub formal: String,
}

/// The teachers of a school, by family name.
///
/// # Errors
/// The engine's.
pub fn teachers_of(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<TeacherLine>> {
    let rows: Vec<(PersonId, String, String, String)> = affiliation::table
        .inner_join(person::table.on(person::id.eq(affiliation::person_id)))
        .filter(affiliation::school_id.eq(school))
        .filter(affiliation::profile.eq_any(vec![Profile::Teacher.word(), Profile::Librarian.word()]))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc()))
        .select((person::id, person::title, person::given_name, person::family_name))
        .load(conn)?;
    let mut lines: Vec<TeacherLine> = rows
        .into_iter()
        .map(|(id, title, given, family)| TeacherLine {
            id,
            formal: formal(&title, &given, &family),
            given,
            family,
        })
        .collect();
    lines.dedup_by_key(|line| line.id);
    Ok(lines)
}

/// A class or group with all its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLine {
    /// Its identifier.
    pub id: GroupId,
    /// Whether it is a class (division), as against a group.
    pub is_class: bool,
    /// The code of the source: "4A".
    pub code: String,
    /// The name people read.
    pub label: String,
}

impl From<GroupLine> for GroupName {
    fn from(line: GroupLine) -> GroupName {
        GroupName { id: line.id, label: line.label }
    }
}

/// The classes and groups of a school: classes first, by name.
///
/// # Errors
/// The engine's.
pub fn groups_of_school(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<GroupLine>> {
    let rows: Vec<(GroupId, String, String, String)> = class_group::table
        .filter(class_group::school_id.eq(school))
        .filter(class_group::removed_at.is_null())
        .order((class_group::kind.asc(), class_group::label.asc(), class_group::id.asc()))
        .select((class_group::id, class_group::kind, class_group::code, class_group::label))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, kind, code, label)| GroupLine { id, is_class: kind == "class", code, label })
        .collect())
}

/// A subject with all its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectLine {
    /// Its identifier.
    pub id: SubjectId,
    /// The code of the nomenclature, or one of the school's own.
    pub code: String,
    /// The name people read.
    pub label: String,
}

/// The subjects of a school, by name.
///
/// # Errors
/// The engine's.
pub fn subjects_of(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<SubjectLine>> {
    let rows: Vec<(SubjectId, String, String)> = subject::table
        .filter(subject::school_id.eq(school))
        .order((subject::label.asc(), subject::id.asc()))
        .select((subject::id, subject::code, subject::label))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, code, label)| SubjectLine { id, code, label }).collect())
}

/// The school with this UAI (7 digits and a letter, in any case).
///
/// # Errors
/// The engine's.
pub fn school_by_uai(conn: &mut Conn, uai: &str) -> QueryResult<Option<SchoolId>> {
    school::table.filter(school::uai.eq(uai.to_ascii_uppercase())).select(school::id).first(conn).optional()
}
