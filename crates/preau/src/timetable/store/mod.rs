//! The only SQL on lessons. Row types stay here.

mod plan;
mod slots;

pub(super) use plan::{apply, existing};
pub(super) use slots::{
    NewSlot, Slot, delete_holiday, delete_slot, holidays, insert_holiday, insert_slot, mondays, rotations,
    save_rotation, slots, slots_as_lessons, time_of,
};

use super::model::{Lesson, LessonState, LessonTeacher, NamedLesson, SubjectName, day_bounds};
use crate::access::Scope;
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::school;
use crate::store::schema::{lesson, lesson_group, lesson_teacher};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::HashMap;

#[derive(Queryable, Selectable)]
#[diesel(table_name = lesson)]
struct Row {
    id: LessonId,
    school_id: SchoolId,
    starts_at: Millis,
    ends_at: Millis,
    subject_id: SubjectId,
    label: String,
    room: String,
    state: String,
    replaced_by: LessonId,
    note: String,
    exam: bool,
}

impl Row {
    fn into_model(self) -> Lesson {
        Lesson {
            id: self.id,
            school: self.school_id,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            subject: (self.subject_id.get() != 0).then_some(self.subject_id),
            label: self.label,
            room: self.room,
            state: LessonState::from_word(&self.state),
            replaced_by: (self.replaced_by.get() != 0).then_some(self.replaced_by),
            note: self.note,
            exam: self.exam,
            groups: Vec::new(),
            teachers: Vec::new(),
        }
    }
}

/// One lesson with its groups and teachers.
pub(super) fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<Lesson>> {
    let row: Option<Row> = lesson::table.find(id.get()).select(Row::as_select()).first(conn).optional()?;
    match row {
        Some(row) => Ok(peopled(conn, vec![row.into_model()])?.pop()),
        None => Ok(None),
    }
}

/// The lessons of a scope that begin within `[from, to)` (milliseconds since the Unix epoch), by start.
/// [`Scope::Groups`] are those of the classes and groups, [`Scope::Persons`] those that these teachers hold.
///
/// # Errors
/// The engine's.
pub fn lessons_between(conn: &mut Conn, scope: &Scope, from: Millis, to: Millis) -> QueryResult<Vec<Lesson>> {
    let rows: Vec<Row> = match scope {
        Scope::Nothing => Vec::new(),
        Scope::School(school) => lesson::table
            .filter(lesson::school_id.eq(*school))
            .filter(lesson::starts_at.ge(from))
            .filter(lesson::starts_at.lt(to))
            .order((lesson::starts_at.asc(), lesson::id.asc()))
            .select(Row::as_select())
            .load(conn)?,
        Scope::Schools(schools) => lesson::table
            .filter(lesson::school_id.eq_any(schools.clone()))
            .filter(lesson::starts_at.ge(from))
            .filter(lesson::starts_at.lt(to))
            .order((lesson::starts_at.asc(), lesson::id.asc()))
            .select(Row::as_select())
            .load(conn)?,
        Scope::Groups(groups) => {
            let ids: Vec<i64> = lesson_group::table
                .filter(
                    lesson_group::group_id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()),
                )
                .filter(lesson_group::starts_at.ge(from))
                .filter(lesson_group::starts_at.lt(to))
                .select(lesson_group::lesson_id)
                .distinct()
                .load(conn)?;
            by_ids(conn, ids)?
        }
        Scope::Persons(persons) => {
            let ids: Vec<i64> = lesson_teacher::table
                .filter(
                    lesson_teacher::person_id.eq_any(persons.iter().map(|who| who.get()).collect::<Vec<_>>()),
                )
                .filter(lesson_teacher::starts_at.ge(from))
                .filter(lesson_teacher::starts_at.lt(to))
                .select(lesson_teacher::lesson_id)
                .distinct()
                .load(conn)?;
            by_ids(conn, ids)?
        }
    };
    peopled(conn, rows.into_iter().map(Row::into_model).collect())
}

/// The lessons of all schools that begin within `[from, to)`, for the gate; see [`lessons_between`].
pub(super) fn lessons_everywhere(conn: &mut Conn, from: Millis, to: Millis) -> QueryResult<Vec<Lesson>> {
    /// Lessons looked up at once: an engine takes so many values in one query.
    const AT_ONCE: usize = 2_000;
    let rows: Vec<Row> = lesson::table
        .filter(lesson::starts_at.ge(from))
        .filter(lesson::starts_at.lt(to))
        .order((lesson::starts_at.asc(), lesson::id.asc()))
        .select(Row::as_select())
        .load(conn)?;
    let mut bare: Vec<Lesson> = rows.into_iter().map(Row::into_model).collect();
    let mut lessons = Vec::with_capacity(bare.len());
    while !bare.is_empty() {
        let rest = bare.split_off(bare.len().min(AT_ONCE));
        lessons.extend(peopled(conn, std::mem::replace(&mut bare, rest))?);
    }
    Ok(lessons)
}

fn by_ids(conn: &mut Conn, ids: Vec<i64>) -> QueryResult<Vec<Row>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    lesson::table
        .filter(lesson::id.eq_any(ids))
        .order((lesson::starts_at.asc(), lesson::id.asc()))
        .select(Row::as_select())
        .load(conn)
}

/// The lessons of a scope on one day where the school is, by start; see [`lessons_between`].
///
/// # Errors
/// The engine's.
pub fn lessons_of_day(
    conn: &mut Conn,
    scope: &Scope,
    day: Date,
    zone: &TimeZone,
) -> QueryResult<Vec<Lesson>> {
    let (from, to) = day_bounds(day, zone);
    lessons_between(conn, scope, from, to)
}

/// Adds groups and teachers.
fn peopled(conn: &mut Conn, mut lessons: Vec<Lesson>) -> QueryResult<Vec<Lesson>> {
    if lessons.is_empty() {
        return Ok(lessons);
    }
    let ids: Vec<i64> = lessons.iter().map(|lesson| lesson.id.get()).collect();
    let places: HashMap<LessonId, usize> =
        lessons.iter().enumerate().map(|(place, lesson)| (lesson.id, place)).collect();
    let groups: Vec<(LessonId, GroupId)> = lesson_group::table
        .filter(lesson_group::lesson_id.eq_any(ids.clone()))
        .order(lesson_group::group_id)
        .select((lesson_group::lesson_id, lesson_group::group_id))
        .load(conn)?;
    for (lesson, group) in groups {
        if let Some(place) = places.get(&lesson) {
            lessons[*place].groups.push(group);
        }
    }
    let teachers: Vec<(LessonId, PersonId, bool)> = lesson_teacher::table
        .filter(lesson_teacher::lesson_id.eq_any(ids))
        .order((lesson_teacher::substitute.desc(), lesson_teacher::person_id.asc()))
        .select((lesson_teacher::lesson_id, lesson_teacher::person_id, lesson_teacher::substitute))
        .load(conn)?;
    for (lesson, person, substitute) in teachers {
        if let Some(place) = places.get(&lesson) {
            lessons[*place].teachers.push(LessonTeacher { person, substitute });
        }
    }
    Ok(lessons)
}

/// The lessons with the names that people read.
///
/// # Errors
/// The engine's.
pub fn named(conn: &mut Conn, lessons: Vec<Lesson>) -> QueryResult<Vec<NamedLesson>> {
    let mut schools: Vec<SchoolId> = lessons.iter().map(|lesson| lesson.school).collect();
    schools.sort_unstable();
    schools.dedup();
    let mut subjects = HashMap::new();
    for school in schools {
        subjects.extend(school::subject_names(conn, school)?);
    }
    let mut groups: Vec<GroupId> = lessons.iter().flat_map(|lesson| lesson.groups.iter().copied()).collect();
    groups.sort_unstable();
    groups.dedup();
    let groups = school::group_names(conn, &groups)?;
    let mut people: Vec<PersonId> =
        lessons.iter().flat_map(|lesson| lesson.teachers.iter().map(|teacher| teacher.person)).collect();
    people.sort_unstable();
    people.dedup();
    let people = school::formal_names(conn, &people)?;
    let name = |person: PersonId| people.get(&person).cloned();
    Ok(lessons
        .into_iter()
        .map(|lesson| {
            let subject = lesson.subject.and_then(|subject| subjects.get(&subject));
            let acting: Vec<PersonId> = lesson.acting_teachers().collect();
            NamedLesson {
                subject: SubjectName {
                    name: subject.map_or_else(|| lesson.label.clone(), |(name, _)| name.clone()),
                    hue: subject.map_or(0, |(_, hue)| hue.rem_euclid(12) as u8),
                },
                groups: groups.iter().filter(|group| lesson.groups.contains(&group.id)).cloned().collect(),
                teachers: acting.iter().filter_map(|person| name(*person)).collect(),
                instead_of: lesson
                    .teachers
                    .iter()
                    .filter(|teacher| !acting.contains(&teacher.person))
                    .filter_map(|teacher| name(teacher.person))
                    .collect(),
                lesson,
            }
        })
        .collect())
}

/// Cancels, or lets take place again; the word is the head's.
pub(super) fn set_cancelled(tx: &mut Tx<'_>, id: LessonId, cancelled: bool, note: &str) -> QueryResult<()> {
    let state = if cancelled { LessonState::Cancelled } else { LessonState::Normal };
    diesel::update(lesson::table.find(id.get()))
        .set((lesson::state.eq(state.word()), lesson::note.eq(note), lesson::by_hand.eq(true)))
        .execute(tx.conn())
        .map(|_| ())
}

/// Moves a lesson to another time and room.
pub(super) fn move_lesson(
    tx: &mut Tx<'_>,
    id: LessonId,
    (starts_at, ends_at): (Millis, Millis),
    room: &str,
    note: &str,
) -> QueryResult<()> {
    diesel::update(lesson::table.find(id.get()))
        .set((
            lesson::starts_at.eq(starts_at),
            lesson::ends_at.eq(ends_at),
            lesson::room.eq(room),
            lesson::note.eq(note),
            lesson::state.eq(LessonState::Modified.word()),
            lesson::by_hand.eq(true),
        ))
        .execute(tx.conn())?;
    // Groups and teachers carry the start, so that a day is found by one index.
    diesel::update(lesson_group::table.filter(lesson_group::lesson_id.eq(id)))
        .set(lesson_group::starts_at.eq(starts_at))
        .execute(tx.conn())?;
    diesel::update(lesson_teacher::table.filter(lesson_teacher::lesson_id.eq(id)))
        .set(lesson_teacher::starts_at.eq(starts_at))
        .execute(tx.conn())
        .map(|_| ())
}

/// Names the one who stands in for this lesson's teachers, or nobody.
pub(super) fn set_substitute(tx: &mut Tx<'_>, of: &Lesson, substitute: Option<PersonId>) -> QueryResult<()> {
    diesel::delete(
        lesson_teacher::table
            .filter(lesson_teacher::lesson_id.eq(of.id))
            .filter(lesson_teacher::substitute.eq(true)),
    )
    .execute(tx.conn())?;
    if let Some(person) = substitute {
        diesel::insert_into(lesson_teacher::table)
            .values((
                lesson_teacher::lesson_id.eq(of.id),
                lesson_teacher::person_id.eq(person),
                lesson_teacher::starts_at.eq(of.starts_at),
                lesson_teacher::substitute.eq(true),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Declares a lesson an exam, or takes that back. What its source says of it goes on counting.
pub(super) fn set_exam(tx: &mut Tx<'_>, id: LessonId, exam: bool) -> QueryResult<()> {
    diesel::update(lesson::table.find(id.get())).set(lesson::exam.eq(exam)).execute(tx.conn()).map(|_| ())
}

/// Writes the teacher's word on a lesson.
pub(super) fn set_note(tx: &mut Tx<'_>, id: LessonId, note: &str) -> QueryResult<()> {
    diesel::update(lesson::table.find(id.get())).set(lesson::note.eq(note)).execute(tx.conn()).map(|_| ())
}
