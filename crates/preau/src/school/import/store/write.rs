//! What applying an import writes. Every set of relations is replaced as a whole: two statements for some
//! hundred people, on either engine.

use super::super::plan::{GroupWrite, NewSubject, SchoolWrite};
use super::super::state::{Bond, Fields, Tie};
use crate::access::Profile;
use crate::ids::{GroupId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{
    affiliation, class_group, enrolment, guardianship, import_run, person, person_identifier, school,
    subject, teaching,
};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One statement for many rows. The engines' connections are told apart here, because Diesel writes such a
/// statement for either of them and not for both at once.
macro_rules! insert_all {
    ($tx:ident, $table:ident, $rows:expr) => {
        match $tx.conn() {
            Conn::Postgres(conn) => diesel::insert_into($table::table).values($rows).execute(conn),
            Conn::Sqlite(conn) => diesel::insert_into($table::table).values($rows).execute(conn),
        }
    };
}

// Rows for batches: with structs nothing is left to defaults, which SQLite has no word for.

#[derive(Insertable)]
#[diesel(table_name = person, treat_none_as_default_value = false)]
struct PersonRow<'a> {
    id: PersonId,
    family_name: &'a str,
    given_name: &'a str,
    title: &'a str,
    birth_date: Option<&'a str>,
    email: Option<&'a str>,
    mobile: Option<&'a str>,
    phone: Option<&'a str>,
    address: Option<&'a str>,
}

#[derive(Insertable)]
#[diesel(table_name = person_identifier)]
struct IdentifierRow<'a> {
    system: &'a str,
    value: &'a str,
    person_id: PersonId,
}

#[derive(Insertable)]
#[diesel(table_name = affiliation)]
struct TieRow<'a> {
    person_id: PersonId,
    school_id: SchoolId,
    profile: &'a str,
    function_label: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = enrolment)]
struct EnrolmentRow {
    person_id: PersonId,
    group_id: GroupId,
}

#[derive(Insertable)]
#[diesel(table_name = teaching)]
struct TeachingRow {
    person_id: PersonId,
    group_id: GroupId,
    subject_id: SubjectId,
    form_tutor: bool,
}

#[derive(Insertable)]
#[diesel(table_name = guardianship)]
struct BondRow<'a> {
    pupil_id: PersonId,
    guardian_id: PersonId,
    link: &'a str,
    legal: bool,
    financial: bool,
    contact: bool,
    payment: bool,
}

pub(in crate::school::import) fn write_school(tx: &mut Tx<'_>, one: &SchoolWrite) -> QueryResult<()> {
    let values = (
        school::uai.eq(&one.uai),
        school::name.eq(&one.name),
        school::kind.eq(&one.kind),
        school::academy.eq(&one.academy),
        school::source_key.eq(&one.source_key),
    );
    if one.new {
        diesel::insert_into(school::table).values((school::id.eq(one.id), values)).execute(tx.conn())?;
    } else {
        diesel::update(school::table.find(one.id.get())).set(values).execute(tx.conn())?;
    }
    Ok(())
}

pub(in crate::school::import) fn write_group(tx: &mut Tx<'_>, one: &GroupWrite) -> QueryResult<()> {
    let values = (
        class_group::school_id.eq(one.school),
        class_group::kind.eq(one.kind()),
        class_group::code.eq(&one.code),
        class_group::label.eq(&one.label),
        class_group::grade_level.eq(&one.level),
        class_group::source_key.eq(&one.source_key),
        class_group::removed_at.eq(None::<Millis>),
    );
    if one.new {
        diesel::insert_into(class_group::table)
            .values((class_group::id.eq(one.id), values))
            .execute(tx.conn())?;
    } else {
        diesel::update(class_group::table.find(one.id.get())).set(values).execute(tx.conn())?;
    }
    Ok(())
}

/// Classes and groups that are no longer named: nobody belongs to them any more.
pub(in crate::school::import) fn remove_groups(tx: &mut Tx<'_>, groups: &[GroupId]) -> QueryResult<()> {
    let now = tx.now();
    let numbers: Vec<i64> = groups.iter().map(|group| group.get()).collect();
    diesel::update(class_group::table.filter(class_group::id.eq_any(numbers)))
        .set(class_group::removed_at.eq(now))
        .execute(tx.conn())?;
    diesel::delete(enrolment::table.filter(enrolment::group_id.eq_any(groups.to_vec())))
        .execute(tx.conn())?;
    diesel::delete(teaching::table.filter(teaching::group_id.eq_any(groups.to_vec())))
        .execute(tx.conn())
        .map(|_| ())
}

pub(in crate::school::import) fn write_subjects(tx: &mut Tx<'_>, all: &[NewSubject]) -> QueryResult<()> {
    for one in all {
        if one.new {
            diesel::insert_into(subject::table)
                .values((
                    subject::id.eq(one.id),
                    subject::school_id.eq(one.school),
                    subject::code.eq(&one.code),
                    subject::label.eq(&one.label),
                    subject::hue.eq(one.hue),
                ))
                .execute(tx.conn())?;
        } else {
            diesel::update(subject::table.find(one.id.get()))
                .set(subject::label.eq(&one.label))
                .execute(tx.conn())?;
        }
    }
    Ok(())
}

pub(in crate::school::import) fn insert_people(
    tx: &mut Tx<'_>,
    people: &[(PersonId, Fields)],
    names: &[(String, String, PersonId)],
) -> QueryResult<()> {
    let rows: Vec<_> = people
        .iter()
        .map(|(id, fields)| PersonRow {
            id: *id,
            family_name: &fields.family,
            given_name: &fields.given,
            title: &fields.title,
            birth_date: fields.birth_date.as_deref(),
            email: fields.email.as_deref(),
            mobile: fields.mobile.as_deref(),
            phone: fields.phone.as_deref(),
            address: fields.address.as_deref(),
        })
        .collect();
    insert_all!(tx, person, &rows)?;
    let rows: Vec<_> =
        names.iter().map(|(system, value, id)| IdentifierRow { system, value, person_id: *id }).collect();
    insert_all!(tx, person_identifier, &rows).map(|_| ())
}

pub(in crate::school::import) fn update_person(
    tx: &mut Tx<'_>,
    id: PersonId,
    fields: &Fields,
) -> QueryResult<()> {
    diesel::update(person::table.find(id.get()))
        .set((
            person::family_name.eq(&fields.family),
            person::given_name.eq(&fields.given),
            person::title.eq(&fields.title),
            person::birth_date.eq(&fields.birth_date),
            person::email.eq(&fields.email),
            person::mobile.eq(&fields.mobile),
            person::phone.eq(&fields.phone),
            person::address.eq(&fields.address),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Marks people as gone (nobody answers to them and they answer for nobody) or as back.
pub(in crate::school::import) fn mark_removed(
    tx: &mut Tx<'_>,
    people: &[PersonId],
    removed: bool,
) -> QueryResult<()> {
    let at = removed.then_some(tx.now());
    let numbers: Vec<i64> = people.iter().map(|id| id.get()).collect();
    diesel::update(person::table.filter(person::id.eq_any(numbers)))
        .set(person::removed_at.eq(at))
        .execute(tx.conn())?;
    if removed {
        diesel::delete(guardianship::table.filter(guardianship::guardian_id.eq_any(people.to_vec())))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// The ties of these people are now these; those of guardians are left to [`renew_guardian_ties`].
pub(in crate::school::import) fn replace_ties(
    tx: &mut Tx<'_>,
    people: &[(PersonId, Vec<Tie>)],
    fresh: bool,
) -> QueryResult<()> {
    if !fresh {
        let ids: Vec<PersonId> = people.iter().map(|(id, _)| *id).collect();
        diesel::delete(affiliation::table.filter(affiliation::person_id.eq_any(ids))).execute(tx.conn())?;
    }
    let rows: Vec<_> = people
        .iter()
        .flat_map(|(id, ties)| {
            ties.iter().map(|tie| TieRow {
                person_id: *id,
                school_id: tie.school,
                profile: &tie.profile,
                function_label: &tie.label,
            })
        })
        .collect();
    if !rows.is_empty() {
        insert_all!(tx, affiliation, &rows)?;
    }
    Ok(())
}

pub(in crate::school::import) fn replace_enrolments(
    tx: &mut Tx<'_>,
    people: &[(PersonId, Vec<GroupId>)],
    fresh: bool,
) -> QueryResult<()> {
    if !fresh {
        let ids: Vec<PersonId> = people.iter().map(|(id, _)| *id).collect();
        diesel::delete(enrolment::table.filter(enrolment::person_id.eq_any(ids))).execute(tx.conn())?;
    }
    let rows: Vec<_> = people
        .iter()
        .flat_map(|(id, groups)| groups.iter().map(|group| EnrolmentRow { person_id: *id, group_id: *group }))
        .collect();
    if !rows.is_empty() {
        insert_all!(tx, enrolment, &rows)?;
    }
    Ok(())
}

pub(in crate::school::import) fn replace_teachings(
    tx: &mut Tx<'_>,
    people: &[(PersonId, Vec<(GroupId, SubjectId, bool)>)],
    fresh: bool,
) -> QueryResult<()> {
    if !fresh {
        let ids: Vec<PersonId> = people.iter().map(|(id, _)| *id).collect();
        diesel::delete(teaching::table.filter(teaching::person_id.eq_any(ids))).execute(tx.conn())?;
    }
    let rows: Vec<_> = people
        .iter()
        .flat_map(|(id, teachings)| {
            teachings.iter().map(|(group, subject, tutor)| TeachingRow {
                person_id: *id,
                group_id: *group,
                subject_id: *subject,
                form_tutor: *tutor,
            })
        })
        .collect();
    if !rows.is_empty() {
        insert_all!(tx, teaching, &rows)?;
    }
    Ok(())
}

pub(in crate::school::import) fn replace_bonds(
    tx: &mut Tx<'_>,
    pupils: &[(PersonId, Vec<(PersonId, Bond)>)],
    fresh: bool,
) -> QueryResult<()> {
    if !fresh {
        let ids: Vec<PersonId> = pupils.iter().map(|(id, _)| *id).collect();
        diesel::delete(guardianship::table.filter(guardianship::pupil_id.eq_any(ids))).execute(tx.conn())?;
    }
    let rows: Vec<_> = pupils
        .iter()
        .flat_map(|(id, bonds)| {
            bonds.iter().map(|(guardian, bond)| BondRow {
                pupil_id: *id,
                guardian_id: *guardian,
                link: &bond.link,
                legal: bond.legal,
                financial: bond.financial,
                contact: bond.contact,
                payment: bond.payment,
            })
        })
        .collect();
    if !rows.is_empty() {
        insert_all!(tx, guardianship, &rows)?;
    }
    Ok(())
}

/// Ties these guardians to the schools of the pupils they answer for, and to no other.
pub(in crate::school::import) fn renew_guardian_ties(
    tx: &mut Tx<'_>,
    guardians: &[PersonId],
) -> QueryResult<()> {
    let word = Profile::Guardian.word();
    let due = schools_by_guardian(tx.conn(), guardians)?;
    let now: Vec<(PersonId, SchoolId)> = affiliation::table
        .filter(affiliation::person_id.eq_any(guardians.to_vec()))
        .filter(affiliation::profile.eq(word))
        .select((affiliation::person_id, affiliation::school_id))
        .load(tx.conn())?;
    let mut have: BTreeMap<PersonId, BTreeSet<SchoolId>> = BTreeMap::new();
    for (guardian, school) in now {
        have.entry(guardian).or_default().insert(school);
    }
    let empty = BTreeSet::new();
    let differ: Vec<PersonId> = guardians
        .iter()
        .copied()
        .filter(|guardian| due.get(guardian).unwrap_or(&empty) != have.get(guardian).unwrap_or(&empty))
        .collect();
    let stale: Vec<PersonId> =
        differ.iter().copied().filter(|guardian| have.contains_key(guardian)).collect();
    if !stale.is_empty() {
        diesel::delete(
            affiliation::table
                .filter(affiliation::person_id.eq_any(stale))
                .filter(affiliation::profile.eq(word)),
        )
        .execute(tx.conn())?;
    }
    let rows: Vec<_> = differ
        .iter()
        .flat_map(|guardian| due.get(guardian).into_iter().flatten().map(move |school| (*guardian, *school)))
        .map(|(guardian, school)| TieRow {
            person_id: guardian,
            school_id: school,
            profile: word,
            function_label: "",
        })
        .collect();
    if !rows.is_empty() {
        insert_all!(tx, affiliation, &rows)?;
    }
    Ok(())
}

fn schools_by_guardian(
    conn: &mut Conn,
    guardians: &[PersonId],
) -> QueryResult<BTreeMap<PersonId, BTreeSet<SchoolId>>> {
    let rows: Vec<(PersonId, SchoolId)> = guardianship::table
        .inner_join(affiliation::table.on(affiliation::person_id.eq(guardianship::pupil_id)))
        .filter(guardianship::guardian_id.eq_any(guardians.to_vec()))
        .filter(guardianship::pupil_id.ne(guardianship::guardian_id))
        .filter(affiliation::profile.eq(Profile::Pupil.word()))
        .select((guardianship::guardian_id, affiliation::school_id))
        .distinct()
        .load(conn)?;
    let mut due: BTreeMap<PersonId, BTreeSet<SchoolId>> = BTreeMap::new();
    for (guardian, school) in rows {
        due.entry(guardian).or_default().insert(school);
    }
    Ok(due)
}

/// The line an applied import leaves.
pub(in crate::school::import) struct RunLine<'a> {
    pub(in crate::school::import) started_at: Millis,
    pub(in crate::school::import) started_by: i64,
    pub(in crate::school::import) format: &'a str,
    pub(in crate::school::import) complete: bool,
    pub(in crate::school::import) file_date: Option<String>,
    pub(in crate::school::import) source: &'a str,
    pub(in crate::school::import) report: &'a str,
}

pub(in crate::school::import) fn insert_run(tx: &mut Tx<'_>, line: &RunLine<'_>) -> QueryResult<i64> {
    let (id, now) = (crate::ids::next_id(), tx.now());
    diesel::insert_into(import_run::table)
        .values((
            import_run::id.eq(id),
            import_run::started_at.eq(line.started_at),
            import_run::applied_at.eq(now),
            import_run::started_by.eq(line.started_by),
            import_run::format.eq(line.format),
            import_run::complete.eq(line.complete),
            import_run::file_date.eq(&line.file_date),
            import_run::source.eq(line.source),
            import_run::report.eq(line.report),
        ))
        .execute(tx.conn())?;
    Ok(id)
}
