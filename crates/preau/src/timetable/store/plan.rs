//! Lessons of one source, as they are, and what applying a plan writes.

use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{homework, lesson, lesson_group, lesson_teacher, live_room, register};
use crate::store::{Conn, Tx};
use crate::timetable::LessonState;
use crate::timetable::import::{Existing, Plan, Wanted, WantedSubject};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// Rows of one insert: SQLite binds at most 32,766 values in a statement.
pub(super) const ROWS: usize = 1_000;

/// Inserts many rows at once. The two dialects write such a statement differently, so that each engine is
/// asked on its own connection. Rows must not treat `None` as a default: Diesel would insert them one by
/// one on SQLite, in a transaction of its own, while the writer holds one already.
macro_rules! insert_all {
    ($tx:expr, $table:ident, $rows:expr) => {
        match $tx.conn() {
            Conn::Sqlite(conn) => diesel::insert_into($table::table).values($rows).execute(conn),
            Conn::Postgres(conn) => diesel::insert_into($table::table).values($rows).execute(conn),
        }
    };
}
pub(super) use insert_all;

#[derive(Queryable, Selectable)]
#[diesel(table_name = lesson)]
struct Row {
    id: LessonId,
    source_key: String,
    starts_at: Millis,
    ends_at: Millis,
    subject_id: SubjectId,
    label: String,
    room: String,
    state: String,
    replaced_by: LessonId,
    note: String,
    by_hand: bool,
    exam: bool,
}

#[derive(Insertable)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(table_name = lesson)]
struct NewLesson<'w> {
    id: LessonId,
    school_id: SchoolId,
    starts_at: Millis,
    ends_at: Millis,
    subject_id: SubjectId,
    label: &'w str,
    room: &'w str,
    state: &'w str,
    replaced_by: LessonId,
    note: &'w str,
    source: &'w str,
    source_key: &'w str,
}

#[derive(Insertable)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(table_name = lesson_group)]
struct NewGroup {
    lesson_id: LessonId,
    group_id: GroupId,
    starts_at: Millis,
}

#[derive(Insertable)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(table_name = lesson_teacher)]
struct NewTeacher {
    lesson_id: LessonId,
    person_id: PersonId,
    starts_at: Millis,
}

/// The lessons of one source of a school.
pub(in crate::timetable) fn existing(
    conn: &mut Conn,
    school: SchoolId,
    source: &str,
) -> QueryResult<Vec<Existing>> {
    let rows: Vec<Row> = lesson::table
        .filter(lesson::school_id.eq(school))
        .filter(lesson::source.eq(source))
        .order(lesson::id.asc())
        .select(Row::as_select())
        .load(conn)?;
    let mut groups: HashMap<LessonId, Vec<GroupId>> = HashMap::new();
    let pairs: Vec<(LessonId, GroupId)> = lesson_group::table
        .inner_join(lesson::table.on(lesson::id.eq(lesson_group::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .filter(lesson::source.eq(source))
        .order(lesson_group::group_id)
        .select((lesson_group::lesson_id, lesson_group::group_id))
        .load(conn)?;
    for (lesson, group) in pairs {
        groups.entry(lesson).or_default().push(group);
    }
    let mut teachers: HashMap<LessonId, Vec<PersonId>> = HashMap::new();
    let pairs: Vec<(LessonId, PersonId)> = lesson_teacher::table
        .inner_join(lesson::table.on(lesson::id.eq(lesson_teacher::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .filter(lesson::source.eq(source))
        .filter(lesson_teacher::substitute.eq(false))
        .order(lesson_teacher::person_id)
        .select((lesson_teacher::lesson_id, lesson_teacher::person_id))
        .load(conn)?;
    for (lesson, person) in pairs {
        teachers.entry(lesson).or_default().push(person);
    }
    let hanging = hanging(conn, school)?;
    Ok(rows
        .into_iter()
        .map(|row| Existing {
            groups: groups.remove(&row.id).unwrap_or_default(),
            teachers: teachers.remove(&row.id).unwrap_or_default(),
            hangs: row.exam || hanging.contains(&row.id),
            id: row.id,
            key: row.source_key,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            subject: (row.subject_id.get() != 0).then_some(row.subject_id),
            label: row.label,
            room: row.room,
            state: LessonState::from_word(&row.state),
            replaced_by: (row.replaced_by.get() != 0).then_some(row.replaced_by),
            note: row.note,
            by_hand: row.by_hand,
        })
        .collect())
}

/// The lessons of a school on which a live room, a roll call or work hangs.
fn hanging(conn: &mut Conn, school: SchoolId) -> QueryResult<HashSet<LessonId>> {
    let mut found: Vec<LessonId> = live_room::table
        .inner_join(lesson::table.on(lesson::id.eq(live_room::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .select(live_room::lesson_id)
        .load(conn)?;
    let rolls: Vec<LessonId> = register::table
        .inner_join(lesson::table.on(lesson::id.eq(register::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .select(register::lesson_id)
        .load(conn)?;
    let work: Vec<LessonId> = homework::table
        .filter(homework::school_id.eq(school))
        .filter(homework::lesson_id.ne(LessonId::from_raw(0)))
        .select(homework::lesson_id)
        .distinct()
        .load(conn)?;
    found.extend(rolls);
    found.extend(work);
    Ok(found.into_iter().collect())
}

/// Writes what the plan says. `subjects` are the new ones, by their place.
pub(in crate::timetable) fn apply(
    tx: &mut Tx<'_>,
    school: SchoolId,
    source: &str,
    plan: &Plan,
    subjects: &[SubjectId],
) -> QueryResult<()> {
    let mut ids = plan.ids.clone();
    let fresh: Vec<(LessonId, &Wanted)> = plan.add.iter().map(|lesson| (LessonId::fresh(), lesson)).collect();
    ids.extend(fresh.iter().map(|(id, lesson)| (lesson.key.clone(), *id)));
    let subject_of = |wanted: &Wanted| match wanted.subject {
        WantedSubject::None => 0,
        WantedSubject::Known(subject) => subject.get(),
        WantedSubject::New(place) => subjects.get(place).map_or(0, |subject| subject.get()),
    };
    let replacement =
        |wanted: &Wanted| wanted.replaced_by.as_ref().and_then(|key| ids.get(key)).map_or(0, |id| id.get());

    for gone in plan.remove.chunks(ROWS) {
        let gone: Vec<i64> = gone.iter().map(|id| id.get()).collect();
        diesel::delete(lesson::table.filter(lesson::id.eq_any(gone))).execute(tx.conn())?;
    }
    for id in &plan.cancel {
        diesel::update(lesson::table.find(id.get()))
            .set(lesson::state.eq(LessonState::Cancelled.word()))
            .execute(tx.conn())?;
    }
    for (id, wanted) in &plan.change {
        diesel::update(lesson::table.find(id.get()))
            .set((
                lesson::starts_at.eq(wanted.starts_at),
                lesson::ends_at.eq(wanted.ends_at),
                lesson::subject_id.eq(SubjectId::from_raw(subject_of(wanted))),
                lesson::label.eq(&wanted.label),
                lesson::room.eq(&wanted.room),
                lesson::state.eq(wanted.state.word()),
                lesson::replaced_by.eq(LessonId::from_raw(replacement(wanted))),
                lesson::note.eq(&wanted.note),
            ))
            .execute(tx.conn())?;
        diesel::delete(lesson_group::table.filter(lesson_group::lesson_id.eq(*id))).execute(tx.conn())?;
        // A substitute whom the head named stays; one who became the teacher is no longer a substitute.
        diesel::delete(
            lesson_teacher::table.filter(lesson_teacher::lesson_id.eq(*id)).filter(
                lesson_teacher::substitute.eq(false).or(lesson_teacher::person_id
                    .eq_any(wanted.teachers.iter().map(|who| who.get()).collect::<Vec<_>>())),
            ),
        )
        .execute(tx.conn())?;
        diesel::update(lesson_teacher::table.filter(lesson_teacher::lesson_id.eq(*id)))
            .set(lesson_teacher::starts_at.eq(wanted.starts_at))
            .execute(tx.conn())?;
    }
    for some in fresh.chunks(ROWS) {
        let rows: Vec<NewLesson<'_>> = some
            .iter()
            .map(|(id, wanted)| NewLesson {
                id: *id,
                school_id: school,
                starts_at: wanted.starts_at,
                ends_at: wanted.ends_at,
                subject_id: SubjectId::from_raw(subject_of(wanted)),
                label: &wanted.label,
                room: &wanted.room,
                state: wanted.state.word(),
                replaced_by: LessonId::from_raw(replacement(wanted)),
                note: &wanted.note,
                source,
                source_key: &wanted.key,
            })
            .collect();
        insert_all!(tx, lesson, &rows)?;
    }
    let changed = plan.change.iter().map(|(id, wanted)| (*id, wanted));
    let touched: Vec<(LessonId, &Wanted)> = fresh.iter().copied().chain(changed).collect();
    let groups: Vec<NewGroup> = touched
        .iter()
        .flat_map(|(id, wanted)| {
            wanted.groups.iter().map(|group| NewGroup {
                lesson_id: *id,
                group_id: *group,
                starts_at: wanted.starts_at,
            })
        })
        .collect();
    for rows in groups.chunks(ROWS) {
        insert_all!(tx, lesson_group, rows)?;
    }
    let teachers: Vec<NewTeacher> = touched
        .iter()
        .flat_map(|(id, wanted)| {
            wanted.teachers.iter().map(|person| NewTeacher {
                lesson_id: *id,
                person_id: *person,
                starts_at: wanted.starts_at,
            })
        })
        .collect();
    for rows in teachers.chunks(ROWS) {
        insert_all!(tx, lesson_teacher, rows)?;
    }
    Ok(())
}
