//! The only SQL on recordings, their files and what schools allow.

use super::drawings::Kept;
use super::model::{
    DAY, Ending, Hand, LONGEST_LIST, Recording, RecordingId, RecordingLine, Setting, Shows, Track, TrackName,
    What,
};
use super::policy::lesson_of;
use crate::access::Scope;
use crate::classroom::Drawing;
use crate::ids::{LessonId, Millis, PersonId, SchoolId};
use crate::school;
use crate::store::schema::{
    lesson, lesson_group, lesson_teacher, recording, recording_drawing, recording_hand, recording_setting,
    recording_track,
};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

const RUNNING: &str = "running";
const READY: &str = "ready";
/// Recordings looked at in one round of deleting, the oldest.
const EXPIRED_AT_ONCE: i64 = 5_000;

/// What a school allows.
///
/// # Errors
/// The engine's.
pub(super) fn setting(conn: &mut Conn, school: SchoolId) -> QueryResult<Setting> {
    let row: Option<(String, i64)> = recording_setting::table
        .find(school.get())
        .select((recording_setting::what, recording_setting::keep_days))
        .first(conn)
        .optional()?;
    Ok(row.map_or(Setting::usual(school), |(what, keep_days)| Setting {
        school,
        // A word that this version does not know allows nothing.
        what: What::from_word(&what).unwrap_or_default(),
        keep_days,
    }))
}

/// The same, if there is such a school.
pub(super) fn setting_of_known(conn: &mut Conn, school: SchoolId) -> QueryResult<Option<Setting>> {
    match school::school_line(conn, school)? {
        Some(_) => setting(conn, school).map(Some),
        None => Ok(None),
    }
}

/// Writes down what a school allows from now on.
pub(super) fn set(tx: &mut Tx<'_>, setting: Setting, by: PersonId) -> QueryResult<()> {
    let now = tx.now();
    let changed = diesel::update(recording_setting::table.find(setting.school.get()))
        .set((
            recording_setting::what.eq(setting.what.word()),
            recording_setting::keep_days.eq(setting.keep_days),
            recording_setting::changed_at.eq(now),
            recording_setting::changed_by.eq(by),
        ))
        .execute(tx.conn())?;
    if changed == 0 {
        diesel::insert_into(recording_setting::table)
            .values((
                recording_setting::school_id.eq(setting.school),
                recording_setting::what.eq(setting.what.word()),
                recording_setting::keep_days.eq(setting.keep_days),
                recording_setting::changed_at.eq(now),
                recording_setting::changed_by.eq(by),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recording)]
struct Row {
    id: RecordingId,
    lesson_id: LessonId,
    started_at: Millis,
    ended_at: Option<Millis>,
    ending: String,
    voices: bool,
}

/// One recording.
pub(super) fn find(conn: &mut Conn, id: RecordingId) -> QueryResult<Option<Recording>> {
    let row: Option<Row> = recording::table.find(id.get()).select(Row::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let Some(lesson) = lesson_of(conn, row.lesson_id)? else { return Ok(None) };
    Ok(Some(Recording {
        id: row.id,
        lesson,
        started_at: row.started_at,
        ended_at: row.ended_at,
        ending: Ending::from_word(&row.ending),
        voices: row.voices,
    }))
}

/// Begins one.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    id: RecordingId,
    (lesson, school): (LessonId, SchoolId),
    by: PersonId,
    voices: bool,
    now: Millis,
) -> QueryResult<()> {
    diesel::insert_into(recording::table)
        .values((
            recording::id.eq(id),
            recording::lesson_id.eq(lesson),
            recording::school_id.eq(school),
            recording::started_by.eq(by),
            recording::started_at.eq(now),
            recording::state.eq(RUNNING),
            recording::voices.eq(voices),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Why and when it ended. The first to say so is believed.
pub(super) fn end(tx: &mut Tx<'_>, id: RecordingId, ending: Ending, at: Millis) -> QueryResult<()> {
    diesel::update(recording::table.find(id.get()).filter(recording::ended_at.is_null()))
        .set((recording::ended_at.eq(Some(at)), recording::ending.eq(ending.word())))
        .execute(tx.conn())
        .map(|_| ())
}

/// All of its files are there.
pub(super) fn ready(tx: &mut Tx<'_>, id: RecordingId) -> QueryResult<()> {
    diesel::update(recording::table.find(id.get()))
        .set(recording::state.eq(READY))
        .execute(tx.conn())
        .map(|_| ())
}

/// Notes a file; one that is known, or whose recording is gone, is left as it is.
pub(super) fn add_track(tx: &mut Tx<'_>, id: RecordingId, track: &Track) -> QueryResult<()> {
    let there: i64 = recording::table.filter(recording::id.eq(id)).count().get_result(tx.conn())?;
    let number = i64::from(track.name.number);
    let known: i64 = recording_track::table
        .filter(recording_track::recording_id.eq(id))
        .filter(recording_track::number.eq(number))
        .count()
        .get_result(tx.conn())?;
    if there == 0 || known > 0 {
        return Ok(());
    }
    diesel::insert_into(recording_track::table)
        .values((
            recording_track::recording_id.eq(id),
            recording_track::number.eq(number),
            recording_track::person_id.eq(track.name.person),
            recording_track::source.eq(track.name.shows.word()),
            recording_track::begins_ms.eq(whole(track.name.begins)),
            recording_track::length_ms.eq(whole(track.length)),
            recording_track::size_bytes.eq(whole(track.size)),
            recording_track::lost.eq(whole(track.lost)),
        ))
        .execute(tx.conn())?;
    diesel::update(recording::table.find(id.get()))
        .set(recording::size_bytes.eq(recording::size_bytes + whole(track.size)))
        .execute(tx.conn())
        .map(|_| ())
}

/// Notes hands that went up and down; nothing when the recording is gone.
pub(super) fn add_hands(tx: &mut Tx<'_>, id: RecordingId, hands: &[Hand]) -> QueryResult<()> {
    let there: i64 = recording::table.filter(recording::id.eq(id)).count().get_result(tx.conn())?;
    for hand in hands.iter().filter(|_| there > 0) {
        diesel::insert_into(recording_hand::table)
            .values((
                recording_hand::recording_id.eq(id),
                recording_hand::number.eq(hand.number),
                recording_hand::at_ms.eq(hand.at),
                recording_hand::person_id.eq(hand.person),
                recording_hand::up.eq(hand.up),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Hands that went up and down, as they followed one another.
pub(super) fn hands(conn: &mut Conn, id: RecordingId) -> QueryResult<Vec<Hand>> {
    let rows: Vec<(i64, Millis, PersonId, bool)> = recording_hand::table
        .filter(recording_hand::recording_id.eq(id))
        .order(recording_hand::number.asc())
        .select((
            recording_hand::number,
            recording_hand::at_ms,
            recording_hand::person_id,
            recording_hand::up,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(|(number, at, person, up)| Hand { number, at, person, up }).collect())
}

/// The recording of a lesson that runs, whichever process holds it.
pub(super) fn running_of(conn: &mut Conn, lesson: LessonId) -> QueryResult<Option<RecordingId>> {
    recording::table
        .filter(recording::lesson_id.eq(lesson))
        .filter(recording::ended_at.is_null())
        .order(recording::started_at.desc())
        .select(recording::id)
        .first(conn)
        .optional()
}

/// Whether there is a recording of a lesson.
pub(super) fn is_recorded(conn: &mut Conn, lesson: LessonId) -> QueryResult<bool> {
    let rows = recording::table.filter(recording::lesson_id.eq(lesson));
    diesel::select(diesel::dsl::exists(rows)).get_result(conn)
}

type DrawingRow = (i64, Millis, Millis, bool, i64, String);

fn kept((number, since, at, clean, before, body): DrawingRow) -> Kept {
    let things = serde_json::from_str(&body).ok();
    Kept { number, since, at, before, drawing: things.map(|things| Drawing { clean, things }) }
}

macro_rules! drawing_columns {
    () => {
        (
            recording_drawing::number,
            recording_drawing::since_ms,
            recording_drawing::at_ms,
            recording_drawing::clean,
            recording_drawing::before_bytes,
            recording_drawing::body,
        )
    };
}

/// What was drawn last.
pub(super) fn last_drawing(conn: &mut Conn, id: RecordingId) -> QueryResult<Option<Kept>> {
    let row: Option<DrawingRow> = recording_drawing::table
        .filter(recording_drawing::recording_id.eq(id))
        .order(recording_drawing::number.desc())
        .select(drawing_columns!())
        .first(conn)
        .optional()?;
    Ok(row.map(kept))
}

/// What was drawn, as it followed one another.
pub(super) fn drawings(conn: &mut Conn, id: RecordingId) -> QueryResult<Vec<Kept>> {
    let rows: Vec<DrawingRow> = recording_drawing::table
        .filter(recording_drawing::recording_id.eq(id))
        .order(recording_drawing::number.asc())
        .select(drawing_columns!())
        .load(conn)?;
    Ok(rows.into_iter().map(kept).collect())
}

/// Whether anything was drawn.
pub(super) fn has_drawings(conn: &mut Conn, id: RecordingId) -> QueryResult<bool> {
    let rows = recording_drawing::table.filter(recording_drawing::recording_id.eq(id));
    diesel::select(diesel::dsl::exists(rows)).get_result(conn)
}

/// The things as they stand in the table; nothing where nothing more is kept.
fn body_of(row: &Kept) -> QueryResult<String> {
    let body = row.drawing.as_ref().map(|drawing| serde_json::to_string(&drawing.things));
    let body =
        body.transpose().map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    Ok(body.unwrap_or_default())
}

pub(super) fn add_drawing(tx: &mut Tx<'_>, id: RecordingId, row: &Kept) -> QueryResult<()> {
    diesel::insert_into(recording_drawing::table)
        .values((
            recording_drawing::recording_id.eq(id),
            recording_drawing::number.eq(row.number),
            recording_drawing::since_ms.eq(row.since),
            recording_drawing::at_ms.eq(row.at),
            recording_drawing::clean.eq(row.drawing.as_ref().is_some_and(|drawing| drawing.clean)),
            recording_drawing::before_bytes.eq(row.before),
            recording_drawing::body.eq(body_of(row)?),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

pub(super) fn change_drawing(tx: &mut Tx<'_>, id: RecordingId, row: &Kept) -> QueryResult<()> {
    let there = recording_drawing::table
        .filter(recording_drawing::recording_id.eq(id))
        .filter(recording_drawing::number.eq(row.number));
    diesel::update(there)
        .set((recording_drawing::at_ms.eq(row.at), recording_drawing::body.eq(body_of(row)?)))
        .execute(tx.conn())
        .map(|_| ())
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Its files, as they follow one another.
pub(super) fn tracks(conn: &mut Conn, id: RecordingId) -> QueryResult<Vec<Track>> {
    type Line = (i64, PersonId, String, i64, i64, i64, i64);
    let rows: Vec<Line> = recording_track::table
        .filter(recording_track::recording_id.eq(id))
        .order((recording_track::begins_ms.asc(), recording_track::number.asc()))
        .select((
            recording_track::number,
            recording_track::person_id,
            recording_track::source,
            recording_track::begins_ms,
            recording_track::length_ms,
            recording_track::size_bytes,
            recording_track::lost,
        ))
        .load(conn)?;
    let track = |(number, person, source, begins, length, size, lost): Line| {
        let natural = |number: i64| u64::try_from(number).unwrap_or(0);
        let name = TrackName {
            number: u32::try_from(number).ok()?,
            shows: Shows::from_word(&source)?,
            person,
            begins: natural(begins),
        };
        Some(Track { name, length: natural(length), size: natural(size), lost: natural(lost) })
    };
    Ok(rows.into_iter().filter_map(track).collect())
}

/// The recordings of a scope, or of one lesson in it, the latest first.
pub(super) fn list(
    conn: &mut Conn,
    scope: &Scope,
    of_lesson: Option<LessonId>,
) -> QueryResult<Vec<RecordingLine>> {
    let mut query = recording::table
        .inner_join(lesson::table.on(lesson::id.eq(recording::lesson_id)))
        .order((recording::started_at.desc(), recording::id.desc()))
        .select((
            recording::id,
            lesson::label,
            recording::started_at,
            recording::ended_at,
            recording::size_bytes,
            recording::school_id,
        ))
        .into_boxed();
    query = match scope {
        Scope::School(school) => query.filter(recording::school_id.eq(*school)),
        Scope::Groups(groups) => {
            let theirs = lesson_group::table
                .filter(lesson_group::group_id.eq_any(groups.clone()))
                .select(lesson_group::lesson_id);
            query.filter(recording::lesson_id.eq_any(theirs))
        }
        Scope::Persons(people) => {
            let theirs = lesson_teacher::table
                .filter(lesson_teacher::person_id.eq_any(people.clone()))
                .select(lesson_teacher::lesson_id);
            query.filter(recording::lesson_id.eq_any(theirs))
        }
        Scope::Nothing | Scope::Schools(_) => return Ok(Vec::new()),
    };
    if let Some(id) = of_lesson {
        query = query.filter(recording::lesson_id.eq(id));
    }
    type Line = (RecordingId, String, Millis, Option<Millis>, i64, SchoolId);
    let rows: Vec<Line> = query.limit(LONGEST_LIST).load(conn)?;
    let mut kept: HashMap<SchoolId, i64> = HashMap::new();
    let mut lines = Vec::with_capacity(rows.len());
    for (id, label, started_at, ended_at, size, school) in rows {
        let days = match kept.get(&school) {
            Some(days) => *days,
            None => *kept.entry(school).or_insert(setting(conn, school)?.keep_days),
        };
        let kept_until = started_at + days * DAY;
        lines.push(RecordingLine { id, label, started_at, ended_at, size, kept_until });
    }
    Ok(lines)
}

/// The recordings that run, or were left running, with their lessons and the time they began.
pub(super) fn running(conn: &mut Conn) -> QueryResult<Vec<(RecordingId, LessonId, Millis)>> {
    recording::table
        .filter(recording::state.eq(RUNNING))
        .select((recording::id, recording::lesson_id, recording::started_at))
        .load(conn)
}

/// Which of these recordings there are.
pub(super) fn known(conn: &mut Conn, ids: &[RecordingId]) -> QueryResult<HashSet<RecordingId>> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let known: Vec<RecordingId> =
        recording::table.filter(recording::id.eq_any(numbers)).select(recording::id).load(conn)?;
    Ok(known.into_iter().collect())
}

/// Recordings that their schools keep no longer; those that run are left alone.
pub(super) fn expired(conn: &mut Conn, now: Millis) -> QueryResult<Vec<RecordingId>> {
    let rows: Vec<(RecordingId, SchoolId, Millis)> = recording::table
        .filter(recording::state.eq(READY))
        .filter(recording::started_at.lt(now - DAY))
        .order(recording::started_at.asc())
        .limit(EXPIRED_AT_ONCE)
        .select((recording::id, recording::school_id, recording::started_at))
        .load(conn)?;
    let mut expired = Vec::new();
    for (id, school, started_at) in rows {
        if started_at + setting(conn, school)?.keep_days * DAY <= now {
            expired.push(id);
        }
    }
    Ok(expired)
}

/// Takes a recording and the list of its files out; their bytes go after the commit.
pub(super) fn remove(tx: &mut Tx<'_>, id: RecordingId) -> QueryResult<()> {
    diesel::delete(recording_hand::table.filter(recording_hand::recording_id.eq(id))).execute(tx.conn())?;
    diesel::delete(recording_drawing::table.filter(recording_drawing::recording_id.eq(id)))
        .execute(tx.conn())?;
    diesel::delete(recording_track::table.filter(recording_track::recording_id.eq(id))).execute(tx.conn())?;
    diesel::delete(recording::table.find(id.get())).execute(tx.conn()).map(|_| ())
}

/// Why the last recording of a lesson ended.
pub(super) fn last_ending(conn: &mut Conn, lesson: LessonId) -> QueryResult<Option<Ending>> {
    let last: Option<String> = recording::table
        .filter(recording::lesson_id.eq(lesson))
        .filter(recording::ended_at.is_not_null())
        .order((recording::started_at.desc(), recording::id.desc()))
        .select(recording::ending)
        .first(conn)
        .optional()?;
    Ok(last.and_then(|word| Ending::from_word(&word)))
}
