//! The only SQL on boards.

use crate::ids::{LessonId, Millis, PersonId};
use crate::store::schema::{board_sheet, board_update, lesson};
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// Rows that stay behind when updates are put together: another process that is as far behind collides with
/// them, and does not write where nobody reads any more.
const STAY: i64 = 64;

/// A board as it was at some number.
pub(super) struct Base {
    pub(super) sheet: i64,
    pub(super) number: i64,
    pub(super) body: Vec<u8>,
}

/// What the store has beyond the update of that number: the whole board where that is newer, and the updates
/// after it.
pub(super) fn after(
    conn: &mut Conn,
    lesson: LessonId,
    number: i64,
) -> QueryResult<(Option<Base>, Vec<(i64, Vec<u8>)>)> {
    let base = board_sheet::table
        .filter(board_sheet::lesson_id.eq(lesson))
        .filter(board_sheet::number.gt(number))
        .select((board_sheet::sheet, board_sheet::number, board_sheet::body))
        .first::<(i64, i64, Vec<u8>)>(conn)
        .optional()?
        .map(|(sheet, number, body)| Base { sheet, number, body });
    let from = base.as_ref().map_or(number, |base| base.number);
    let updates = board_update::table
        .filter(board_update::lesson_id.eq(lesson))
        .filter(board_update::number.gt(from))
        .order(board_update::number.asc())
        .select((board_update::number, board_update::body))
        .load(conn)?;
    Ok((base, updates))
}

/// The number of the last update that the store has.
pub(super) fn last(conn: &mut Conn, lesson: LessonId) -> QueryResult<i64> {
    let base: Option<i64> =
        board_sheet::table.find(lesson).select(board_sheet::number).first(conn).optional()?;
    let update: Option<i64> = board_update::table
        .filter(board_update::lesson_id.eq(lesson))
        .select(diesel::dsl::max(board_update::number))
        .first(conn)?;
    Ok(base.unwrap_or(0).max(update.unwrap_or(0)))
}

/// Keeps an update. Two processes that choose one number collide on the key, and the later one fails.
pub(super) fn append(
    tx: &mut Tx<'_>,
    lesson: LessonId,
    number: i64,
    (person, at): (PersonId, Millis),
    body: &[u8],
) -> QueryResult<()> {
    diesel::insert_into(board_update::table)
        .values((
            board_update::lesson_id.eq(lesson),
            board_update::number.eq(number),
            board_update::at_ms.eq(at),
            board_update::person_id.eq(person),
            board_update::body.eq(body),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Keeps the whole board in place of the updates up to its number.
pub(super) fn put_together(tx: &mut Tx<'_>, lesson: LessonId, base: &Base) -> QueryResult<()> {
    let row = (
        board_sheet::sheet.eq(base.sheet),
        board_sheet::number.eq(base.number),
        board_sheet::body.eq(&base.body),
    );
    let there = diesel::update(board_sheet::table.find(lesson)).set(row).execute(tx.conn())?;
    if there == 0 {
        diesel::insert_into(board_sheet::table)
            .values((board_sheet::lesson_id.eq(lesson), row))
            .execute(tx.conn())?;
    }
    diesel::delete(
        board_update::table
            .filter(board_update::lesson_id.eq(lesson))
            .filter(board_update::number.le(base.number - STAY)),
    )
    .execute(tx.conn())
    .map(|_| ())
}

/// Lessons that were over before then and of which a board is kept, at most so many.
pub(in crate::classroom) fn with_board_before(
    conn: &mut Conn,
    before: Millis,
    most: i64,
) -> QueryResult<Vec<LessonId>> {
    let sheets = board_sheet::table
        .inner_join(lesson::table.on(lesson::id.eq(board_sheet::lesson_id)))
        .filter(lesson::ends_at.lt(before))
        .select(board_sheet::lesson_id)
        .limit(most)
        .load(conn)?;
    let updates: Vec<LessonId> = board_update::table
        .inner_join(lesson::table.on(lesson::id.eq(board_update::lesson_id)))
        .filter(lesson::ends_at.lt(before))
        .select(board_update::lesson_id)
        .distinct()
        .limit(most)
        .load(conn)?;
    Ok([sheets, updates].concat())
}

/// Takes out the board of a lesson.
pub(in crate::classroom) fn forget(tx: &mut Tx<'_>, lesson: LessonId) -> QueryResult<()> {
    diesel::delete(board_sheet::table.find(lesson)).execute(tx.conn())?;
    diesel::delete(board_update::table.filter(board_update::lesson_id.eq(lesson)))
        .execute(tx.conn())
        .map(|_| ())
}

/// How many updates are kept one by one.
#[cfg(test)]
pub(in crate::classroom) fn rows(conn: &mut Conn, lesson: LessonId) -> QueryResult<i64> {
    board_update::table.filter(board_update::lesson_id.eq(lesson)).count().get_result(conn)
}
