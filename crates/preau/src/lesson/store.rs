//! The only SQL on live rooms, their messages and removals.

use super::model::{CLOSES_AFTER, LiveLesson, Message, Removed, Room};
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{
    lesson, lesson_group, lesson_teacher, live_message, live_removal, live_room, person,
};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// Messages shown to somebody who comes in, the latest ones.
const LATEST: i64 = 500;
/// Messages shown beside a recording.
const MOST_SAID: i64 = 5_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = lesson)]
struct Row {
    id: LessonId,
    school_id: SchoolId,
    starts_at: Millis,
    ends_at: Millis,
    subject_id: SubjectId,
    label: String,
    state: String,
    replaced_by: LessonId,
}

/// A lesson with what the rules of its room need.
pub(super) fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<LiveLesson>> {
    let row: Option<Row> = lesson::table.find(id.get()).select(Row::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let groups: Vec<GroupId> = lesson_group::table
        .filter(lesson_group::lesson_id.eq(id))
        .select(lesson_group::group_id)
        .load(conn)?;
    let teachers: Vec<PersonId> = lesson_teacher::table
        .filter(lesson_teacher::lesson_id.eq(id))
        .select(lesson_teacher::person_id)
        .load(conn)?;
    let removed: Vec<PersonId> = live_removal::table
        .filter(live_removal::lesson_id.eq(id))
        .select(live_removal::person_id)
        .load(conn)?;
    let ended: Option<Option<Millis>> =
        live_room::table.find(id.get()).select(live_room::ended_at).first(conn).optional()?;
    Ok(Some(LiveLesson {
        id: row.id,
        school: row.school_id,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        cancelled: row.state == "cancelled" || row.replaced_by.get() != 0,
        label: row.label,
        subject: (row.subject_id.get() != 0).then_some(row.subject_id),
        groups,
        teachers,
        removed,
        opened: ended == Some(None),
    }))
}

/// Which of `lessons` have an open room at `now` (milliseconds since the Unix epoch).
///
/// # Errors
/// The engine's.
pub fn opened(conn: &mut Conn, lessons: &[LessonId], now: Millis) -> QueryResult<HashSet<LessonId>> {
    let wanted: Vec<i64> = lessons.iter().map(|lesson| lesson.get()).collect();
    let rows: Vec<LessonId> = live_room::table
        .inner_join(lesson::table.on(lesson::id.eq(live_room::lesson_id)))
        .filter(live_room::lesson_id.eq_any(wanted))
        .filter(live_room::ended_at.is_null())
        .filter(lesson::ends_at.gt(now - CLOSES_AFTER))
        .select(live_room::lesson_id)
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Opens the room, or opens it again.
pub(super) fn open(tx: &mut Tx<'_>, id: LessonId, by: PersonId, now: Millis) -> QueryResult<()> {
    let again = diesel::update(live_room::table.find(id.get()))
        .set((live_room::ended_at.eq(None::<Millis>), live_room::opened_by.eq(by)))
        .execute(tx.conn())?;
    if again == 0 {
        diesel::insert_into(live_room::table)
            .values((live_room::lesson_id.eq(id), live_room::opened_at.eq(now), live_room::opened_by.eq(by)))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Ends the room. One that is not open stays as it is.
pub(super) fn end(tx: &mut Tx<'_>, id: LessonId, now: Millis) -> QueryResult<()> {
    diesel::update(live_room::table.filter(live_room::lesson_id.eq(id)).filter(live_room::ended_at.is_null()))
        .set(live_room::ended_at.eq(Some(now)))
        .execute(tx.conn())
        .map(|_| ())
}

/// Writes down that somebody was sent out, and why. A second time only the reason may change.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    id: LessonId,
    who: PersonId,
    by: PersonId,
    reason: &str,
    now: Millis,
) -> QueryResult<()> {
    let known = diesel::update(live_removal::table.find((id.get(), who.get())))
        .set((
            live_removal::removed_at.eq(now),
            live_removal::removed_by.eq(by),
            live_removal::reason.eq(reason),
        ))
        .execute(tx.conn())?;
    if known == 0 {
        diesel::insert_into(live_removal::table)
            .values((
                live_removal::lesson_id.eq(id),
                live_removal::person_id.eq(who),
                live_removal::removed_at.eq(now),
                live_removal::removed_by.eq(by),
                live_removal::reason.eq(reason),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Those who were sent out of a lesson, the first one first.
pub(super) fn removals(conn: &mut Conn, id: LessonId) -> QueryResult<Vec<Removed>> {
    let rows: Vec<(PersonId, Millis, String, String, String)> = live_removal::table
        .inner_join(person::table.on(person::id.eq(live_removal::person_id)))
        .filter(live_removal::lesson_id.eq(id))
        .order((live_removal::removed_at.asc(), live_removal::person_id.asc()))
        .select((
            live_removal::person_id,
            live_removal::removed_at,
            live_removal::reason,
            person::given_name,
            person::family_name,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(who, at, reason, given, family)| Removed {
            identity: who.to_string(),
            name: format!("{given} {family}").trim().to_owned(),
            reason,
            at: crate::edge::instant(at).to_string(),
        })
        .collect())
}

/// Takes a message out of the chat; `false` when there is none of that number to be seen.
pub(super) fn remove_message(
    tx: &mut Tx<'_>,
    lesson: LessonId,
    message: i64,
    by: PersonId,
    now: Millis,
) -> QueryResult<bool> {
    diesel::update(
        live_message::table
            .filter(live_message::id.eq(message))
            .filter(live_message::lesson_id.eq(lesson))
            .filter(live_message::removed_at.is_null()),
    )
    .set((live_message::removed_at.eq(Some(now)), live_message::removed_by.eq(Some(by.get()))))
    .execute(tx.conn())
    .map(|changed| changed > 0)
}

/// Keeps a message and returns its identifier.
pub(super) fn insert_message(
    tx: &mut Tx<'_>,
    lesson: LessonId,
    from: PersonId,
    text: &str,
    now: Millis,
) -> QueryResult<i64> {
    let id = crate::ids::next_id();
    diesel::insert_into(live_message::table)
        .values((
            live_message::id.eq(id),
            live_message::lesson_id.eq(lesson),
            live_message::person_id.eq(from),
            live_message::sent_at.eq(now),
            live_message::body.eq(text),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// The latest messages of a lesson, oldest first.
pub(super) fn messages(conn: &mut Conn, id: LessonId) -> QueryResult<Vec<Message>> {
    let rows: Vec<(i64, PersonId, Millis, String, String, String)> = live_message::table
        .inner_join(person::table.on(person::id.eq(live_message::person_id)))
        .filter(live_message::lesson_id.eq(id))
        .filter(live_message::removed_at.is_null())
        .order((live_message::sent_at.desc(), live_message::id.desc()))
        .limit(LATEST)
        .select((
            live_message::id,
            live_message::person_id,
            live_message::sent_at,
            live_message::body,
            person::given_name,
            person::family_name,
        ))
        .load(conn)?;
    let mut messages: Vec<Message> = rows
        .into_iter()
        .map(|(id, from, at, text, given, family)| Message {
            id: id.to_string(),
            from: from.to_string(),
            name: format!("{given} {family}").trim().to_owned(),
            text,
            at: crate::edge::instant(at).to_string(),
        })
        .collect();
    messages.reverse();
    Ok(messages)
}

/// A message of a lesson's chat as a recording shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When, in milliseconds since the Unix epoch.
    pub at: Millis,
    /// Who.
    pub name: String,
    /// What.
    pub text: String,
}

/// The messages of a lesson from `from` to `to` that nobody took out, oldest first.
///
/// # Errors
/// The engine's.
pub fn said_between(conn: &mut Conn, id: LessonId, (from, to): (Millis, Millis)) -> QueryResult<Vec<Said>> {
    let rows: Vec<(Millis, String, String, String)> = live_message::table
        .inner_join(person::table.on(person::id.eq(live_message::person_id)))
        .filter(live_message::lesson_id.eq(id))
        .filter(live_message::removed_at.is_null())
        .filter(live_message::sent_at.ge(from))
        .filter(live_message::sent_at.lt(to))
        .order((live_message::sent_at.asc(), live_message::id.asc()))
        .limit(MOST_SAID)
        .select((live_message::sent_at, live_message::body, person::given_name, person::family_name))
        .load(conn)?;
    let said = |(at, text, given, family): (Millis, String, String, String)| Said {
        at,
        name: format!("{given} {family}").trim().to_owned(),
        text,
    };
    Ok(rows.into_iter().map(said).collect())
}

/// Lessons that were over before then and of which messages or reasons of removals are kept, at most so many of
/// each.
///
/// # Errors
/// The engine's.
pub fn with_words_before(conn: &mut Conn, before: Millis, most: i64) -> QueryResult<Vec<LessonId>> {
    let messages: Vec<LessonId> = live_message::table
        .inner_join(lesson::table.on(lesson::id.eq(live_message::lesson_id)))
        .filter(lesson::ends_at.lt(before))
        .select(live_message::lesson_id)
        .distinct()
        .limit(most)
        .load(conn)?;
    let removals: Vec<LessonId> = live_removal::table
        .inner_join(lesson::table.on(lesson::id.eq(live_removal::lesson_id)))
        .filter(lesson::ends_at.lt(before))
        .select(live_removal::lesson_id)
        .distinct()
        .limit(most)
        .load(conn)?;
    Ok([messages, removals].concat())
}

/// Takes out the messages of a lesson and the reasons of removals.
///
/// # Errors
/// The engine's.
pub fn forget_words(tx: &mut Tx<'_>, id: LessonId) -> QueryResult<()> {
    diesel::delete(live_message::table.filter(live_message::lesson_id.eq(id))).execute(tx.conn())?;
    diesel::delete(live_removal::table.filter(live_removal::lesson_id.eq(id))).execute(tx.conn()).map(|_| ())
}

/// The live rooms of a school's lessons that begin within `[from, to)`, milliseconds since the Unix epoch.
///
/// # Errors
/// The engine's.
pub fn rooms_between(
    conn: &mut Conn,
    school: SchoolId,
    (from, to): (Millis, Millis),
) -> QueryResult<HashMap<LessonId, Room>> {
    let rows: Vec<(LessonId, Option<Millis>)> = live_room::table
        .inner_join(lesson::table.on(lesson::id.eq(live_room::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .filter(lesson::starts_at.ge(from))
        .filter(lesson::starts_at.lt(to))
        .select((live_room::lesson_id, live_room::ended_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(lesson, ended)| (lesson, if ended.is_some() { Room::Ended } else { Room::Open }))
        .collect())
}
