//! The only SQL on the events of rooms.

use super::model::{MOST_EVENTS, RESERVE, What};
use crate::ids::{LessonId, Millis};
use crate::store::schema::{lesson, room_event};
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// An event as it was kept. One that this version does not understand has no `what`.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) number: i64,
    pub(super) at: Millis,
    pub(super) what: Option<What>,
}

/// The events of a lesson after the one of that number, in their order.
pub(super) fn after(conn: &mut Conn, lesson: LessonId, number: i64) -> QueryResult<Vec<Kept>> {
    let rows: Vec<(i64, Millis, String)> = room_event::table
        .filter(room_event::lesson_id.eq(lesson))
        .filter(room_event::number.gt(number))
        .order(room_event::number.asc())
        .limit(MOST_EVENTS + RESERVE)
        .select((room_event::number, room_event::at_ms, room_event::body))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(number, at, body)| {
            let what = serde_json::from_str(&body);
            if let Err(error) = &what {
                // A newer version wrote it, before this one was put back: the rest of the lesson holds.
                tracing::warn!(%lesson, number, %error, "an event of a room is not understood");
            }
            Kept { number, at, what: what.ok() }
        })
        .collect())
}

/// Keeps an event. Two processes that choose one number collide on the key, and the later one fails.
pub(super) fn append(
    tx: &mut Tx<'_>,
    lesson: LessonId,
    number: i64,
    at: Millis,
    body: &str,
) -> QueryResult<()> {
    diesel::insert_into(room_event::table)
        .values((
            room_event::lesson_id.eq(lesson),
            room_event::number.eq(number),
            room_event::at_ms.eq(at),
            room_event::body.eq(body),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Lessons that were over before then and of which events are kept, at most so many.
pub(super) fn with_events_before(conn: &mut Conn, before: Millis, most: i64) -> QueryResult<Vec<LessonId>> {
    room_event::table
        .inner_join(lesson::table.on(lesson::id.eq(room_event::lesson_id)))
        .filter(lesson::ends_at.lt(before))
        .select(room_event::lesson_id)
        .distinct()
        .limit(most)
        .load(conn)
}

/// Takes out the events of a lesson.
pub(super) fn forget(tx: &mut Tx<'_>, lesson: LessonId) -> QueryResult<()> {
    diesel::delete(room_event::table.filter(room_event::lesson_id.eq(lesson))).execute(tx.conn()).map(|_| ())
}
