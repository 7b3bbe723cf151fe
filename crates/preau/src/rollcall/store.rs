//! The only SQL on registers and their entries.

use super::model::{Answer, Entry, Register, Settled};
use crate::ids::{LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{
    class_group, enrolment, lesson, lesson_group, lesson_teacher, person, register, register_entry,
};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::HashMap;

/// Identifiers in one statement: well below what either engine takes.
const AT_ONCE: usize = 5_000;

#[derive(Queryable)]
struct Row {
    school: SchoolId,
    subject: SubjectId,
    label: String,
    starts_at: Millis,
    ends_at: Millis,
    state: String,
    closed_at: Option<Millis>,
    closed_by: Option<PersonId>,
}

/// The register of a lesson, begun or not.
pub(super) fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<Register>> {
    let row: Option<Row> = lesson::table
        .left_join(register::table.on(register::lesson_id.eq(lesson::id)))
        .filter(lesson::id.eq(id))
        .select((
            lesson::school_id,
            lesson::subject_id,
            lesson::label,
            lesson::starts_at,
            lesson::ends_at,
            lesson::state,
            register::closed_at.nullable(),
            register::closed_by.nullable(),
        ))
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let teachers = lesson_teacher::table
        .filter(lesson_teacher::lesson_id.eq(id))
        .order((lesson_teacher::substitute.desc(), lesson_teacher::person_id))
        .select(lesson_teacher::person_id)
        .load(conn)?;
    let groups = lesson_group::table
        .filter(lesson_group::lesson_id.eq(id))
        .order(lesson_group::group_id)
        .select(lesson_group::group_id)
        .load(conn)?;
    Ok(Some(Register {
        lesson: id,
        school: row.school,
        teachers,
        groups,
        subject: (row.subject.get() != 0).then_some(row.subject),
        label: row.label,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        cancelled: row.state == "cancelled",
        closed: row.closed_at.zip(row.closed_by),
    }))
}

/// What stands for each pupil of a lesson.
pub(super) fn entries(conn: &mut Conn, id: LessonId) -> QueryResult<HashMap<PersonId, Entry>> {
    let rows: Vec<(PersonId, String, i32, Millis, PersonId, bool)> = register_entry::table
        .filter(register_entry::lesson_id.eq(id))
        .select((
            register_entry::pupil_id,
            register_entry::state,
            register_entry::late_minutes,
            register_entry::noted_at,
            register_entry::noted_by,
            register_entry::corrected,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(pupil, state, minutes, noted_at, noted_by, corrected)| {
            let answer = Answer::from_word(&state, u16::try_from(minutes).unwrap_or(0))?;
            Some((pupil, Entry { answer, noted_at, noted_by, corrected }))
        })
        .collect())
}

/// Begins the register unless it is begun.
pub(super) fn begin(tx: &mut Tx<'_>, id: LessonId, by: PersonId, now: Millis) -> QueryResult<()> {
    let begun: Option<LessonId> =
        register::table.find(id.get()).select(register::lesson_id).first(tx.conn()).optional()?;
    if begun.is_none() {
        diesel::insert_into(register::table)
            .values((register::lesson_id.eq(id), register::opened_at.eq(now), register::opened_by.eq(by)))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Writes what was settled. Lines that stand as they are keep who wrote them and when.
pub(super) fn write(
    tx: &mut Tx<'_>,
    id: LessonId,
    known: &HashMap<PersonId, Entry>,
    settled: &[(PersonId, Settled)],
    by: PersonId,
    now: Millis,
    corrected: bool,
) -> QueryResult<()> {
    let mut fresh = Vec::new();
    for (pupil, settled) in settled {
        let answer = settled.answer;
        match known.get(pupil) {
            Some(entry) if entry.answer == answer => {}
            Some(_) => {
                diesel::update(register_entry::table.find((id.get(), pupil.get())))
                    .set((
                        register_entry::state.eq(answer.word()),
                        register_entry::late_minutes.eq(i32::from(answer.minutes())),
                        register_entry::noted_at.eq(now),
                        register_entry::noted_by.eq(by),
                        register_entry::corrected.eq(corrected),
                    ))
                    .execute(tx.conn())?;
            }
            None => fresh.push((
                register_entry::lesson_id.eq(id),
                register_entry::pupil_id.eq(*pupil),
                register_entry::state.eq(answer.word()),
                register_entry::late_minutes.eq(i32::from(answer.minutes())),
                register_entry::noted_at.eq(now),
                register_entry::noted_by.eq(by),
                register_entry::corrected.eq(corrected),
            )),
        }
    }
    if !fresh.is_empty() {
        let insert = diesel::insert_into(register_entry::table).values(fresh);
        // Many rows in one statement are written differently for each engine.
        match tx.conn() {
            Conn::Sqlite(conn) => insert.execute(conn)?,
            Conn::Postgres(conn) => insert.execute(conn)?,
        };
    }
    Ok(())
}

/// Closes the register.
pub(super) fn close(tx: &mut Tx<'_>, id: LessonId, by: PersonId, now: Millis) -> QueryResult<()> {
    diesel::update(register::table.find(id.get()))
        .set((register::closed_at.eq(Some(now)), register::closed_by.eq(Some(by))))
        .execute(tx.conn())
        .map(|_| ())
}

/// Opens it again; what was chosen stays.
pub(super) fn reopen(tx: &mut Tx<'_>, id: LessonId) -> QueryResult<()> {
    diesel::update(register::table.find(id.get()))
        .set((register::closed_at.eq(None::<Millis>), register::closed_by.eq(None::<PersonId>)))
        .execute(tx.conn())
        .map(|_| ())
}

/// A lesson that takes place now.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) lesson: LessonId,
    pub(super) label: String,
    pub(super) starts_at: Millis,
}

/// The lessons of a school that take place at `now`, in the order of their beginning.
pub(super) fn running(conn: &mut Conn, school: SchoolId, now: Millis) -> QueryResult<Vec<Running>> {
    let rows: Vec<(LessonId, String, Millis)> = lesson::table
        .filter(lesson::school_id.eq(school))
        .filter(lesson::starts_at.le(now))
        // Bounds the search in the index: no lesson is longer than a day.
        .filter(lesson::starts_at.gt(now - 24 * 60 * 60 * 1000))
        .filter(lesson::ends_at.gt(now))
        .filter(lesson::state.ne("cancelled"))
        .order((lesson::starts_at, lesson::label, lesson::id))
        .select((lesson::id, lesson::label, lesson::starts_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(lesson, label, starts_at)| Running { lesson, label, starts_at }).collect())
}

/// Who is on the list of each lesson, each pupil once a lesson.
pub(super) fn expected(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<Vec<(LessonId, PersonId)>> {
    let mut all = Vec::new();
    for some in lessons.chunks(AT_ONCE) {
        let rows: Vec<(LessonId, PersonId)> = lesson_group::table
            .inner_join(enrolment::table.on(enrolment::group_id.eq(lesson_group::group_id)))
            .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
            .filter(lesson_group::lesson_id.eq_any(some.to_vec()))
            .filter(person::removed_at.is_null())
            .select((lesson_group::lesson_id, enrolment::person_id))
            .distinct()
            .load(conn)?;
        all.extend(rows);
    }
    Ok(all)
}

/// Which of these lessons' registers are begun, and whether they are closed.
pub(super) fn begun(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<HashMap<LessonId, bool>> {
    let mut all = HashMap::new();
    for some in lessons.chunks(AT_ONCE) {
        let rows: Vec<(LessonId, Option<Millis>)> = register::table
            .filter(register::lesson_id.eq_any(some.to_vec()))
            .select((register::lesson_id, register::closed_at))
            .load(conn)?;
        all.extend(rows.into_iter().map(|(lesson, closed)| (lesson, closed.is_some())));
    }
    Ok(all)
}

/// The entries of several lessons.
pub(super) fn entries_of(
    conn: &mut Conn,
    lessons: &[LessonId],
) -> QueryResult<HashMap<(LessonId, PersonId), Entry>> {
    let mut all = HashMap::new();
    for some in lessons.chunks(AT_ONCE) {
        let rows: Vec<(LessonId, PersonId, String, i32, Millis, PersonId, bool)> = register_entry::table
            .filter(register_entry::lesson_id.eq_any(some.to_vec()))
            .select((
                register_entry::lesson_id,
                register_entry::pupil_id,
                register_entry::state,
                register_entry::late_minutes,
                register_entry::noted_at,
                register_entry::noted_by,
                register_entry::corrected,
            ))
            .load(conn)?;
        all.extend(rows.into_iter().filter_map(
            |(lesson, pupil, state, minutes, noted_at, noted_by, corrected)| {
                let answer = Answer::from_word(&state, u16::try_from(minutes).unwrap_or(0))?;
                Some(((lesson, pupil), Entry { answer, noted_at, noted_by, corrected }))
            },
        ));
    }
    Ok(all)
}

/// Name and class of a pupil, for a list.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) given: String,
    pub(super) family: String,
    pub(super) class: String,
}

/// Names and classes of these pupils. A pupil without a class has none.
pub(super) fn pupils(conn: &mut Conn, ids: &[PersonId]) -> QueryResult<HashMap<PersonId, Who>> {
    let mut all: HashMap<PersonId, Who> = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        let names: Vec<(PersonId, String, String)> = person::table
            .filter(person::id.eq_any(some.iter().map(|id| id.get()).collect::<Vec<_>>()))
            .select((person::id, person::given_name, person::family_name))
            .load(conn)?;
        all.extend(
            names.into_iter().map(|(id, given, family)| (id, Who { given, family, class: String::new() })),
        );
        let classes: Vec<(PersonId, String)> = enrolment::table
            .inner_join(class_group::table.on(class_group::id.eq(enrolment::group_id)))
            .filter(enrolment::person_id.eq_any(some.to_vec()))
            .filter(class_group::kind.eq("class"))
            .order(class_group::label)
            .select((enrolment::person_id, class_group::label))
            .load(conn)?;
        for (id, class) in classes {
            if let Some(who) = all.get_mut(&id).filter(|who| who.class.is_empty()) {
                who.class = class;
            }
        }
    }
    Ok(all)
}

/// The teachers of these lessons, substitutes first.
pub(super) fn teachers(
    conn: &mut Conn,
    lessons: &[LessonId],
) -> QueryResult<HashMap<LessonId, Vec<PersonId>>> {
    let mut all: HashMap<LessonId, Vec<PersonId>> = HashMap::new();
    for some in lessons.chunks(AT_ONCE) {
        let rows: Vec<(LessonId, PersonId)> = lesson_teacher::table
            .filter(lesson_teacher::lesson_id.eq_any(some.to_vec()))
            .order((lesson_teacher::substitute.desc(), lesson_teacher::person_id))
            .select((lesson_teacher::lesson_id, lesson_teacher::person_id))
            .load(conn)?;
        for (lesson, teacher) in rows {
            all.entry(lesson).or_default().push(teacher);
        }
    }
    Ok(all)
}
