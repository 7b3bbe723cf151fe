//! Classes and groups as other slices see them.

use super::facts::display_name;
use crate::access::Resource;
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::Conn;
use crate::store::schema::{class_group, enrolment, person, subject, teaching};
use diesel::prelude::*;
use std::collections::HashMap;

/// A class or group, as the object of permits ("write homework for this class").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its identifier.
    pub id: GroupId,
    /// The school it belongs to.
    pub school: SchoolId,
    /// Its name: "4A".
    pub label: String,
}

impl Resource for Group {
    type Id = GroupId;
    const KIND: &'static str = "class_group";

    fn find(conn: &mut Conn, id: GroupId) -> QueryResult<Option<Self>> {
        let row: Option<(GroupId, SchoolId, String)> = class_group::table
            .find(id.get())
            .select((class_group::id, class_group::school_id, class_group::label))
            .first(conn)
            .optional()?;
        Ok(row.map(|(id, school, label)| Group { id, school, label }))
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

/// A class or group with its name, for lists and choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName {
    /// Its identifier.
    pub id: GroupId,
    /// Its name.
    pub label: String,
}

/// The names of `groups`, in the order of their names.
///
/// # Errors
/// The engine's.
pub fn group_names(conn: &mut Conn, groups: &[GroupId]) -> QueryResult<Vec<GroupName>> {
    let rows: Vec<(GroupId, String)> = class_group::table
        .filter(class_group::id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()))
        .order(class_group::label)
        .select((class_group::id, class_group::label))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, label)| GroupName { id, label }).collect())
}

/// The names and hues (0 to 11) of a school's subjects.
///
/// # Errors
/// The engine's.
pub fn subject_names(conn: &mut Conn, school: SchoolId) -> QueryResult<HashMap<SubjectId, (String, i32)>> {
    let rows: Vec<(SubjectId, String, i32)> = subject::table
        .filter(subject::school_id.eq(school))
        .select((subject::id, subject::label, subject::hue))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, label, hue)| (id, (label, hue))).collect())
}

/// A pupil of a class list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pupil {
    /// Who.
    pub id: PersonId,
    /// First name and name.
    pub name: String,
    /// First name.
    pub given: String,
    /// Family name.
    pub family: String,
}

/// How many pupils each of these classes and groups has; those without any are left out.
///
/// # Errors
/// The engine's.
pub fn group_sizes(conn: &mut Conn, groups: &[GroupId]) -> QueryResult<HashMap<GroupId, u32>> {
    /// Groups looked up at once: an engine takes so many values in one query.
    const AT_ONCE: usize = 2_000;
    let mut sizes = HashMap::with_capacity(groups.len());
    for groups in groups.chunks(AT_ONCE) {
        let rows: Vec<(GroupId, i64)> = enrolment::table
            .filter(enrolment::group_id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()))
            .group_by(enrolment::group_id)
            .select((enrolment::group_id, diesel::dsl::count_star()))
            .load(conn)?;
        sizes.extend(
            rows.into_iter().map(|(group, pupils)| (group, u32::try_from(pupils).unwrap_or(u32::MAX))),
        );
    }
    Ok(sizes)
}

/// The groups (no classes) that these pupils are in, by label, each with those of them who are.
///
/// # Errors
/// The engine's.
pub fn groups_of_pupils(
    conn: &mut Conn,
    pupils: &[PersonId],
) -> QueryResult<Vec<(GroupId, String, Vec<PersonId>)>> {
    let rows: Vec<(GroupId, String, PersonId)> = enrolment::table
        .inner_join(class_group::table.on(class_group::id.eq(enrolment::group_id)))
        .filter(enrolment::person_id.eq_any(pupils.iter().map(|pupil| pupil.get()).collect::<Vec<_>>()))
        .filter(class_group::kind.eq("group"))
        .filter(class_group::removed_at.is_null())
        .order((class_group::label.asc(), class_group::id.asc(), enrolment::person_id.asc()))
        .select((class_group::id, class_group::label, enrolment::person_id))
        .load(conn)?;
    let mut groups: Vec<(GroupId, String, Vec<PersonId>)> = Vec::new();
    for (id, label, pupil) in rows {
        match groups.last_mut() {
            Some((known, _, members)) if *known == id => members.push(pupil),
            _ => groups.push((id, label, vec![pupil])),
        }
    }
    Ok(groups)
}

/// The pupils of a class or group, by family name, as class lists are read.
///
/// # Errors
/// The engine's.
pub fn pupils_of(conn: &mut Conn, group: GroupId) -> QueryResult<Vec<Pupil>> {
    pupils_of_groups(conn, &[group])
}

/// The pupils of several classes and groups together, by family name. A pupil of two of them stands
/// there once.
///
/// # Errors
/// The engine's.
pub fn pupils_of_groups(conn: &mut Conn, groups: &[GroupId]) -> QueryResult<Vec<Pupil>> {
    let rows: Vec<(String, String, PersonId)> = enrolment::table
        .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
        .filter(enrolment::group_id.eq_any(groups.to_vec()))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), enrolment::person_id.asc()))
        .select((person::family_name, person::given_name, enrolment::person_id))
        .distinct()
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(family, given, id)| Pupil { id, name: display_name(&given, &family), given, family })
        .collect())
}

/// The subjects this person teaches, with their names; all subjects of the school when the source named none.
///
/// # Errors
/// The engine's.
pub fn subjects_taught(
    conn: &mut Conn,
    teacher: PersonId,
    school: SchoolId,
) -> QueryResult<Vec<(SubjectId, String)>> {
    let own: Vec<SubjectId> = teaching::table
        .filter(teaching::person_id.eq(teacher))
        .filter(teaching::subject_id.ne(SubjectId::from_raw(0)))
        .select(teaching::subject_id)
        .distinct()
        .load(conn)?;
    let mut query = subject::table
        .filter(subject::school_id.eq(school))
        .order(subject::label)
        .select((subject::id, subject::label))
        .into_boxed();
    if !own.is_empty() {
        query = query.filter(subject::id.eq_any(own.into_iter().map(SubjectId::get).collect::<Vec<_>>()));
    }
    query.load(conn)
}

/// First name and name of one person; empty when there is no such person.
///
/// # Errors
/// The engine's.
pub fn person_name(conn: &mut Conn, id: PersonId) -> QueryResult<String> {
    let row: Option<(String, String)> = person::table
        .find(id.get())
        .select((person::given_name, person::family_name))
        .first(conn)
        .optional()?;
    Ok(row.map(|(given, family)| display_name(&given, &family)).unwrap_or_default())
}
