//! What the store knows now: schools, classes, subjects, people with their relations.

use super::super::state::{Bond, Fields, PersonState, Tie};
use crate::ids::{GroupId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::Conn;
use crate::store::schema::{
    affiliation, class_group, enrolment, guardianship, import_run, person, person_identifier, school,
    subject, teaching,
};
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Values in one list of a statement; SQLite takes 32,766, and plans stay good with fewer.
const LIST: usize = 500;

/// A school as the store has it.
#[derive(Debug, Clone, Queryable)]
pub(in crate::school::import) struct SchoolRow {
    pub(in crate::school::import) id: SchoolId,
    pub(in crate::school::import) uai: String,
    pub(in crate::school::import) name: String,
    pub(in crate::school::import) kind: String,
    pub(in crate::school::import) academy: String,
    pub(in crate::school::import) source_key: String,
}

/// All schools: at most as many as the country has.
pub(in crate::school::import) fn schools(conn: &mut Conn) -> QueryResult<Vec<SchoolRow>> {
    school::table
        .order(school::uai.asc())
        .select((school::id, school::uai, school::name, school::kind, school::academy, school::source_key))
        .load(conn)
}

/// A class or group as the store has it.
#[derive(Debug, Clone, Queryable)]
pub(in crate::school::import) struct GroupRow {
    pub(in crate::school::import) id: GroupId,
    pub(in crate::school::import) school: SchoolId,
    pub(in crate::school::import) kind: String,
    pub(in crate::school::import) code: String,
    pub(in crate::school::import) label: String,
    pub(in crate::school::import) level: String,
    pub(in crate::school::import) source_key: String,
    pub(in crate::school::import) removed_at: Option<Millis>,
}

/// The classes and groups of schools, and those that files know under `keys`.
pub(in crate::school::import) fn groups(
    conn: &mut Conn,
    schools: &[SchoolId],
    keys: &[String],
) -> QueryResult<Vec<GroupRow>> {
    let columns = (
        class_group::id,
        class_group::school_id,
        class_group::kind,
        class_group::code,
        class_group::label,
        class_group::grade_level,
        class_group::source_key,
        class_group::removed_at,
    );
    let mut found: BTreeMap<GroupId, GroupRow> = BTreeMap::new();
    for schools in schools.chunks(LIST) {
        let of = class_group::table.filter(class_group::school_id.eq_any(schools.to_vec()));
        let rows: Vec<GroupRow> = of.select(columns).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    for keys in keys.chunks(LIST) {
        let of = class_group::table.filter(class_group::source_key.eq_any(keys.to_vec()));
        let rows: Vec<GroupRow> = of.select(columns).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found.into_values().collect())
}

/// Identifier and label of subjects, by school and code.
pub(in crate::school::import) fn subjects(
    conn: &mut Conn,
    schools: &[SchoolId],
) -> QueryResult<HashMap<(SchoolId, String), (SubjectId, String)>> {
    let mut found = HashMap::new();
    for schools in schools.chunks(LIST) {
        let rows: Vec<(SubjectId, SchoolId, String, String)> = subject::table
            .filter(subject::school_id.eq_any(schools.to_vec()))
            .select((subject::id, subject::school_id, subject::code, subject::label))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(id, school, code, label)| ((school, code), (id, label))));
    }
    Ok(found)
}

/// The people that `system` calls `values`.
pub(in crate::school::import) fn people_called(
    conn: &mut Conn,
    system: &str,
    values: &[&str],
) -> QueryResult<HashMap<String, PersonId>> {
    let mut found = HashMap::new();
    for values in values.chunks(LIST) {
        let rows: Vec<(String, PersonId)> = person_identifier::table
            .filter(person_identifier::system.eq(system))
            .filter(person_identifier::value.eq_any(values.to_vec()))
            .select((person_identifier::value, person_identifier::person_id))
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// The naming systems that begin with `prefix`.
pub(in crate::school::import) fn systems(conn: &mut Conn, prefix: &str) -> QueryResult<Vec<String>> {
    person_identifier::table
        .filter(person_identifier::system.ge(prefix))
        .filter(person_identifier::system.lt(format!("{prefix}~")))
        .select(person_identifier::system)
        .distinct()
        .order(person_identifier::system.asc())
        .load(conn)
}

/// People as they are now, with their relations, and where the classes and groups named there are.
pub(in crate::school::import) struct Current {
    pub(in crate::school::import) people: HashMap<PersonId, PersonState>,
    /// School, and whether it is a class.
    pub(in crate::school::import) groups: HashMap<GroupId, (SchoolId, bool)>,
}

/// Loads at most some hundred people at a time.
pub(in crate::school::import) fn current(conn: &mut Conn, ids: &[PersonId]) -> QueryResult<Current> {
    let mut found = Current { people: HashMap::new(), groups: HashMap::new() };
    for ids in ids.chunks(LIST) {
        load(conn, ids.to_vec(), &mut found)?;
    }
    Ok(found)
}

type PersonRow = (
    PersonId,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<Millis>,
);

fn load(conn: &mut Conn, ids: Vec<PersonId>, found: &mut Current) -> QueryResult<()> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let rows: Vec<PersonRow> = person::table
        .filter(person::id.eq_any(numbers))
        .select((
            person::id,
            person::family_name,
            person::given_name,
            person::title,
            person::birth_date,
            person::email,
            person::mobile,
            person::phone,
            person::address,
            person::removed_at,
        ))
        .load(conn)?;
    for (id, family, given, title, birth_date, email, mobile, phone, address, removed_at) in rows {
        let fields = Fields { family, given, title, birth_date, email, mobile, phone, address };
        let state = PersonState { fields, removed: removed_at.is_some(), ..PersonState::default() };
        found.people.insert(id, state);
    }
    let ties: Vec<(PersonId, SchoolId, String, String)> =
        affiliation::table.filter(affiliation::person_id.eq_any(ids.clone())).load(conn)?;
    for (id, school, profile, label) in ties {
        if let Some(state) = found.people.get_mut(&id) {
            state.ties.insert((school, profile.clone()), Tie { school, profile, label });
        }
    }
    let enrolments: Vec<(PersonId, GroupId, SchoolId, String)> = enrolment::table
        .inner_join(class_group::table.on(class_group::id.eq(enrolment::group_id)))
        .filter(enrolment::person_id.eq_any(ids.clone()))
        .select((enrolment::person_id, enrolment::group_id, class_group::school_id, class_group::kind))
        .load(conn)?;
    for (id, group, school, kind) in enrolments {
        found.groups.insert(group, (school, kind == "class"));
        if let Some(state) = found.people.get_mut(&id) {
            state.enrolled.insert(group);
        }
    }
    let teachings: Vec<(PersonId, GroupId, SubjectId, bool, SchoolId, String)> = teaching::table
        .inner_join(class_group::table.on(class_group::id.eq(teaching::group_id)))
        .filter(teaching::person_id.eq_any(ids.clone()))
        .select((
            teaching::person_id,
            teaching::group_id,
            teaching::subject_id,
            teaching::form_tutor,
            class_group::school_id,
            class_group::kind,
        ))
        .load(conn)?;
    for (id, group, subject, tutor, school, kind) in teachings {
        found.groups.insert(group, (school, kind == "class"));
        if let Some(state) = found.people.get_mut(&id) {
            state.teaches.insert((group, subject), tutor);
        }
    }
    let bonds: Vec<(PersonId, PersonId, String, bool, bool, bool, bool)> =
        guardianship::table.filter(guardianship::pupil_id.eq_any(ids)).load(conn)?;
    for (pupil, guardian, link, legal, financial, contact, payment) in bonds {
        if let Some(state) = found.people.get_mut(&pupil) {
            state.bonds.insert(guardian, Bond { link, legal, financial, contact, payment });
        }
    }
    Ok(())
}

/// People with a tie of one of `profiles` to `school`, bearing a name of one of `systems`, in order. All of
/// them at once: a school's people are some thousands of numbers, and asked for in pages, SQLite walks
/// through the people of every school for each page.
pub(in crate::school::import) fn people_of(
    conn: &mut Conn,
    school: SchoolId,
    profiles: &[&'static str],
    systems: &[String],
) -> QueryResult<Vec<PersonId>> {
    let tied: Vec<PersonId> = affiliation::table
        .filter(affiliation::school_id.eq(school))
        .filter(affiliation::profile.eq_any(profiles.to_vec()))
        .select(affiliation::person_id)
        .load(conn)?;
    let mut people = Vec::with_capacity(tied.len());
    for some in tied.chunks(LIST) {
        // The system is looked at here and not there: SQLite would go through all names of the system.
        let names: Vec<(PersonId, String)> = person_identifier::table
            .filter(person_identifier::person_id.eq_any(some.to_vec()))
            .select((person_identifier::person_id, person_identifier::system))
            .load(conn)?;
        people.extend(
            names.into_iter().filter(|(_, system)| systems.contains(system)).map(|(person, _)| person),
        );
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// How many people have a tie to one of `schools`.
pub(in crate::school::import) fn population(conn: &mut Conn, schools: &[SchoolId]) -> QueryResult<i64> {
    let mut total = 0;
    for schools in schools.chunks(LIST) {
        total += affiliation::table
            .filter(affiliation::school_id.eq_any(schools.to_vec()))
            .select(diesel::dsl::count(affiliation::person_id).aggregate_distinct())
            .first::<i64>(conn)?;
    }
    Ok(total)
}

/// An import that was applied: identifier, date of its files, report.
pub(in crate::school::import) struct AppliedRun {
    pub(in crate::school::import) id: i64,
    pub(in crate::school::import) file_date: Option<String>,
    pub(in crate::school::import) source: String,
    pub(in crate::school::import) format: String,
}

/// The latest imports that were applied, newest first.
pub(in crate::school::import) fn applied_runs(conn: &mut Conn, limit: i64) -> QueryResult<Vec<AppliedRun>> {
    let rows: Vec<(i64, Option<String>, String, String)> = import_run::table
        .filter(import_run::applied_at.is_not_null())
        .order(import_run::id.desc())
        .limit(limit)
        .select((import_run::id, import_run::file_date, import_run::source, import_run::format))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, file_date, source, format)| AppliedRun { id, file_date, source, format })
        .collect())
}
