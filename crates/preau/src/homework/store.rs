//! The only SQL on homework, ticks and hand-ins. Row types stay here.

use super::model::{Draft, Homework, HomeworkId, Submission, SubmissionId, WorkLine};
use crate::access::Scope;
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::schema::{class_group, homework, homework_done, subject, submission};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use jiff::civil::Date;
use std::collections::HashSet;

/// Longest list a page shows.
const LONGEST_LIST: i64 = 200;

#[derive(Queryable, Selectable)]
#[diesel(table_name = homework)]
struct Row {
    id: HomeworkId,
    school_id: SchoolId,
    group_id: GroupId,
    author_id: PersonId,
    subject_id: SubjectId,
    given_on: String,
    due_date: Option<String>,
    lesson_log: String,
    work: String,
    hand_in: bool,
}

impl Row {
    fn into_model(self) -> Homework {
        Homework {
            id: self.id,
            school: self.school_id,
            group: self.group_id,
            author: self.author_id,
            subject: (self.subject_id.get() != 0).then_some(self.subject_id),
            given_on: day(&self.given_on),
            due: self.due_date.as_deref().map(day),
            lesson_log: self.lesson_log,
            work: self.work,
            hand_in: self.hand_in,
        }
    }
}

/// Days are written by this module, so they can be read; a damaged one shows as the year 0.
fn day(text: &str) -> Date {
    text.parse().unwrap_or(Date::ZERO)
}

/// One entry.
pub(super) fn find(conn: &mut Conn, id: HomeworkId) -> QueryResult<Option<Homework>> {
    let row: Option<Row> = homework::table.find(id.get()).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Row::into_model))
}

/// Writes a new entry and returns its identifier.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    school: SchoolId,
    group: GroupId,
    author: PersonId,
    given_on: Date,
    draft: &Draft,
) -> QueryResult<HomeworkId> {
    let (id, now) = (HomeworkId::fresh(), tx.now());
    diesel::insert_into(homework::table)
        .values((
            homework::id.eq(id),
            homework::school_id.eq(school),
            homework::group_id.eq(group),
            homework::author_id.eq(author),
            homework::subject_id.eq(draft.subject.map_or(0, SubjectId::get)),
            homework::given_on.eq(given_on.to_string()),
            homework::due_date.eq(draft.due.map(|due| due.to_string())),
            homework::lesson_log.eq(&draft.lesson_log),
            homework::work.eq(&draft.work),
            homework::hand_in.eq(draft.hand_in),
            homework::created_at.eq(now),
            homework::changed_at.eq(now),
        ))
        .execute(tx.conn())?;
    tx.note("homework", id.get());
    Ok(id)
}

/// Writes an entry of the demonstration school, given on a day of its choosing.
///
/// # Errors
/// The engine's.
pub fn insert_for_demo(tx: &mut Tx<'_>, homework: &Homework) -> QueryResult<HomeworkId> {
    let draft = Draft {
        subject: homework.subject,
        due: homework.due,
        lesson_log: homework.lesson_log.clone(),
        work: homework.work.clone(),
        hand_in: homework.hand_in,
    };
    insert(tx, homework.school, homework.group, homework.author, homework.given_on, &draft)
}

/// Changes an entry.
pub(super) fn update(tx: &mut Tx<'_>, id: HomeworkId, draft: &Draft) -> QueryResult<()> {
    let now = tx.now();
    diesel::update(homework::table.find(id.get()))
        .set((
            homework::subject_id.eq(draft.subject.map_or(0, SubjectId::get)),
            homework::due_date.eq(draft.due.map(|due| due.to_string())),
            homework::lesson_log.eq(&draft.lesson_log),
            homework::work.eq(&draft.work),
            homework::hand_in.eq(draft.hand_in),
            homework::changed_at.eq(now),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Removes an entry with its ticks and hand-ins.
pub(super) fn delete(tx: &mut Tx<'_>, id: HomeworkId) -> QueryResult<()> {
    diesel::delete(homework::table.find(id.get())).execute(tx.conn()).map(|_| ())
}

/// Which part of the lesson log a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Work due on this day or later, soonest first.
    DueFrom(Date),
    /// Everything given from this day on, latest first.
    GivenSince(Date),
}

/// The entries inside `scope`; `narrow` leaves one class or group, `ticks_of` says whose ticks to show.
pub(super) fn list(
    conn: &mut Conn,
    scope: &Scope,
    narrow: Option<GroupId>,
    part: Part,
    ticks_of: Option<PersonId>,
) -> QueryResult<Vec<WorkLine>> {
    let mut query = homework::table
        .inner_join(class_group::table.on(class_group::id.eq(homework::group_id)))
        .left_join(subject::table.on(subject::id.eq(homework::subject_id)))
        .left_join(
            homework_done::table.on(homework_done::homework_id
                .eq(homework::id)
                .and(homework_done::pupil_id.eq(ticks_of.map_or(0, PersonId::get)))),
        )
        .select((
            Row::as_select(),
            class_group::label,
            subject::label.nullable(),
            subject::hue.nullable(),
            homework_done::done_at.nullable(),
        ))
        .into_boxed();
    query = match scope {
        Scope::Groups(groups) => query.filter(homework::group_id.eq_any(groups.clone())),
        Scope::School(school) => query.filter(homework::school_id.eq(*school)),
        Scope::Nothing | Scope::Persons(_) | Scope::Schools(_) => return Ok(Vec::new()),
    };
    if let Some(group) = narrow {
        query = query.filter(homework::group_id.eq(group));
    }
    query = match part {
        Part::DueFrom(from) => query
            .filter(homework::due_date.ge(from.to_string()))
            .order((homework::due_date.asc(), homework::id.asc())),
        Part::GivenSince(since) => query
            .filter(homework::given_on.ge(since.to_string()))
            .order((homework::given_on.desc(), homework::id.desc())),
    };
    let rows: Vec<(Row, String, Option<String>, Option<i32>, Option<i64>)> =
        query.limit(LONGEST_LIST).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(row, group_label, subject, hue, done)| line(row, group_label, subject, hue, done))
        .collect())
}

fn line(
    row: Row,
    group_label: String,
    subject: Option<String>,
    hue: Option<i32>,
    done: Option<i64>,
) -> WorkLine {
    let homework = row.into_model();
    WorkLine {
        id: homework.id,
        group: homework.group,
        group_label,
        subject: subject.unwrap_or_default(),
        hue: hue.unwrap_or(0),
        given_on: homework.given_on,
        due: homework.due,
        lesson_log: homework.lesson_log,
        work: homework.work,
        hand_in: homework.hand_in,
        done: done.is_some(),
    }
}

/// The newest entries for some classes and groups, as far as `scope` holds them.
pub(super) fn newest(
    conn: &mut Conn,
    scope: &Scope,
    groups: &[GroupId],
    most: i64,
) -> QueryResult<Vec<HomeworkId>> {
    let query = homework::table
        .filter(homework::group_id.eq_any(groups.to_vec()))
        .order((homework::given_on.desc(), homework::id.desc()))
        .limit(most)
        .select(homework::id)
        .into_boxed();
    match scope {
        Scope::Groups(groups) => query.filter(homework::group_id.eq_any(groups.clone())).load(conn),
        Scope::School(school) => query.filter(homework::school_id.eq(*school)).load(conn),
        Scope::Nothing | Scope::Persons(_) | Scope::Schools(_) => Ok(Vec::new()),
    }
}

/// Which of this work each of the pupils ticked. The caller has established whose pupils these are.
///
/// # Errors
/// The engine's.
pub fn ticks(
    conn: &mut Conn,
    pupils: &[PersonId],
    work: &[HomeworkId],
) -> QueryResult<HashSet<(PersonId, HomeworkId)>> {
    if work.is_empty() || pupils.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(PersonId, HomeworkId)> = homework_done::table
        .filter(homework_done::pupil_id.eq_any(pupils.iter().map(|pupil| pupil.get()).collect::<Vec<_>>()))
        .filter(homework_done::homework_id.eq_any(work.iter().map(|work| work.get()).collect::<Vec<_>>()))
        .select((homework_done::pupil_id, homework_done::homework_id))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Work due for these classes and groups from `from` on, soonest first, with `pupil`'s ticks. For pages
/// that show a pupil's day; the caller has established whose groups these are.
///
/// # Errors
/// The engine's.
pub fn work_due(
    conn: &mut Conn,
    groups: &[GroupId],
    pupil: PersonId,
    from: Date,
) -> QueryResult<Vec<WorkLine>> {
    list(conn, &Scope::Groups(groups.to_vec()), None, Part::DueFrom(from), Some(pupil))
}

/// Whether `pupil` ticked it.
pub(super) fn is_done(conn: &mut Conn, id: HomeworkId, pupil: PersonId) -> QueryResult<bool> {
    let found: Option<i64> = homework_done::table
        .find((id.get(), pupil.get()))
        .select(homework_done::done_at)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Ticks or unticks; doing it twice changes nothing.
pub(super) fn set_done(tx: &mut Tx<'_>, id: HomeworkId, pupil: PersonId, done: bool) -> QueryResult<()> {
    let before = is_done(tx.conn(), id, pupil)?;
    if done && !before {
        let now = tx.now();
        diesel::insert_into(homework_done::table)
            .values((
                homework_done::homework_id.eq(id),
                homework_done::pupil_id.eq(pupil),
                homework_done::done_at.eq(now),
            ))
            .execute(tx.conn())?;
    } else if before && !done {
        diesel::delete(homework_done::table.find((id.get(), pupil.get()))).execute(tx.conn())?;
    }
    Ok(())
}

/// How many pupils ticked it.
pub(super) fn done_count(conn: &mut Conn, id: HomeworkId) -> QueryResult<i64> {
    homework_done::table.filter(homework_done::homework_id.eq(id)).count().get_result(conn)
}

#[derive(Queryable)]
struct SubmissionRow {
    id: SubmissionId,
    homework: HomeworkId,
    group: GroupId,
    pupil: PersonId,
    body: String,
    handed_in_at: i64,
}

impl SubmissionRow {
    fn into_model(self) -> Submission {
        let SubmissionRow { id, homework, group, pupil, body, handed_in_at } = self;
        Submission { id, homework, group, pupil, body, handed_in_at }
    }
}

/// One hand-in.
pub(super) fn find_submission(conn: &mut Conn, id: SubmissionId) -> QueryResult<Option<Submission>> {
    let row: Option<SubmissionRow> = submission::table
        .inner_join(homework::table.on(homework::id.eq(submission::homework_id)))
        .filter(submission::id.eq(id))
        .select((
            submission::id,
            submission::homework_id,
            homework::group_id,
            submission::pupil_id,
            submission::body,
            submission::handed_in_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(SubmissionRow::into_model))
}

/// The hand-ins for a piece of work, all of them or those of the given pupils.
pub(super) fn submissions(
    conn: &mut Conn,
    homework_id: HomeworkId,
    of: Option<&[PersonId]>,
) -> QueryResult<Vec<Submission>> {
    let mut query = submission::table
        .inner_join(homework::table.on(homework::id.eq(submission::homework_id)))
        .filter(submission::homework_id.eq(homework_id))
        .order(submission::handed_in_at.asc())
        .select((
            submission::id,
            submission::homework_id,
            homework::group_id,
            submission::pupil_id,
            submission::body,
            submission::handed_in_at,
        ))
        .into_boxed();
    if let Some(pupils) = of {
        query = query.filter(submission::pupil_id.eq_any(pupils.to_vec()));
    }
    let rows: Vec<SubmissionRow> = query.load(conn)?;
    Ok(rows.into_iter().map(SubmissionRow::into_model).collect())
}

/// Hands in, or changes what was handed in; returns its identifier.
pub(super) fn save_submission(
    tx: &mut Tx<'_>,
    homework_id: HomeworkId,
    pupil: PersonId,
    body: &str,
) -> QueryResult<SubmissionId> {
    let now = tx.now();
    let found: Option<SubmissionId> = submission::table
        .filter(submission::homework_id.eq(homework_id))
        .filter(submission::pupil_id.eq(pupil))
        .select(submission::id)
        .first(tx.conn())
        .optional()?;
    let id = match found {
        Some(id) => {
            diesel::update(submission::table.find(id.get()))
                .set((submission::body.eq(body), submission::handed_in_at.eq(now)))
                .execute(tx.conn())?;
            id
        }
        None => {
            let id = SubmissionId::fresh();
            diesel::insert_into(submission::table)
                .values((
                    submission::id.eq(id),
                    submission::homework_id.eq(homework_id),
                    submission::pupil_id.eq(pupil),
                    submission::body.eq(body),
                    submission::handed_in_at.eq(now),
                ))
                .execute(tx.conn())?;
            id
        }
    };
    tx.note("submission", id.get());
    Ok(id)
}
