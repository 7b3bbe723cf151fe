//! The only SQL on class lists.

use super::model::{ClassLine, TeacherOfClass};
use crate::access::Scope;
use crate::ids::{GroupId, PersonId};
use crate::store::Conn;
use crate::store::schema::{class_group, enrolment, person, subject, teaching};
use diesel::dsl::count_star;
use diesel::prelude::*;
use std::collections::HashMap;

/// Longest list of classes a page shows: a large lycée has about 400 classes and groups.
const LONGEST_LIST: i64 = 1_000;

/// The classes and groups inside `scope`: classes first, by name, each with its number of pupils.
pub(super) fn list(conn: &mut Conn, scope: &Scope) -> QueryResult<Vec<ClassLine>> {
    let mut query = class_group::table
        .order((class_group::kind.asc(), class_group::label.asc(), class_group::id.asc()))
        .select((class_group::id, class_group::kind, class_group::label))
        .limit(LONGEST_LIST)
        .into_boxed();
    query = match scope {
        Scope::Groups(groups) => {
            query.filter(class_group::id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()))
        }
        Scope::School(school) => query.filter(class_group::school_id.eq(*school)),
        Scope::Schools(schools) => query.filter(class_group::school_id.eq_any(schools.clone())),
        Scope::Nothing | Scope::Persons(_) => return Ok(Vec::new()),
    };
    let rows: Vec<(GroupId, String, String)> = query.load(conn)?;
    let ids: Vec<GroupId> = rows.iter().map(|row| row.0).collect();
    let counts: Vec<(GroupId, i64)> = enrolment::table
        .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
        .filter(enrolment::group_id.eq_any(ids))
        .filter(person::removed_at.is_null())
        .group_by(enrolment::group_id)
        .select((enrolment::group_id, count_star()))
        .load(conn)?;
    let counts: HashMap<GroupId, i64> = counts.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|(id, kind, label)| ClassLine {
            id,
            is_class: kind == "class",
            label,
            pupils: counts.get(&id).map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX)),
        })
        .collect())
}

/// Who teaches a class or group, the form tutor first, then by family name.
pub(super) fn teachers(conn: &mut Conn, group: GroupId) -> QueryResult<Vec<TeacherOfClass>> {
    let rows: Vec<(PersonId, Option<String>, bool)> = teaching::table
        .inner_join(person::table.on(person::id.eq(teaching::person_id)))
        .left_join(subject::table.on(subject::id.eq(teaching::subject_id)))
        .filter(teaching::group_id.eq(group))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc(), subject::label.asc()))
        .select((teaching::person_id, subject::label.nullable(), teaching::form_tutor))
        .load(conn)?;
    let mut teachers: Vec<TeacherOfClass> = Vec::new();
    for (id, subject, tutor) in rows {
        match teachers.last_mut() {
            Some(last) if last.id == id => {
                last.subjects.extend(subject);
                last.tutor |= tutor;
            }
            _ => teachers.push(TeacherOfClass { id, subjects: subject.into_iter().collect(), tutor }),
        }
    }
    teachers.sort_by_key(|teacher| !teacher.tutor);
    Ok(teachers)
}
