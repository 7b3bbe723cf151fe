//! Weekly slots, rotations of weeks and holidays, as the school entered them.

use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::schema::{holiday, slot, week_rotation, week_rotation_monday};
use crate::store::{Conn, Tx};
use crate::timetable::LessonState;
use crate::timetable::import::{Wanted, WantedSubject};
use diesel::prelude::*;
use jiff::civil::{Date, Time, Weekday};
use preau_formats::timetable::slots::WeeklySlot;
use preau_formats::timetable::weeks::{Monday, Rotation};
use preau_formats::timetable::{Holiday, SchoolZone};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A slot about to be entered; days and minutes have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::timetable) struct NewSlot {
    pub(in crate::timetable) weekday: Weekday,
    /// Minutes since midnight, local time.
    pub(in crate::timetable) starts_minute: i32,
    pub(in crate::timetable) ends_minute: i32,
    /// 0: every week.
    pub(in crate::timetable) rotation: i64,
    pub(in crate::timetable) first: Date,
    pub(in crate::timetable) last: Date,
    pub(in crate::timetable) group: GroupId,
    pub(in crate::timetable) teacher: PersonId,
    pub(in crate::timetable) subject: Option<SubjectId>,
    pub(in crate::timetable) room: String,
}

/// A slot with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::timetable) struct Slot {
    pub(in crate::timetable) id: i64,
    pub(in crate::timetable) slot: NewSlot,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = slot)]
struct Row {
    id: i64,
    weekday: i32,
    starts_minute: i32,
    ends_minute: i32,
    rotation_id: i64,
    first_date: String,
    last_date: String,
    group_id: GroupId,
    teacher_id: PersonId,
    subject_id: SubjectId,
    room: String,
}

impl Row {
    /// Rows are written by this module; a damaged one is passed over.
    fn into_slot(self) -> Option<Slot> {
        Some(Slot {
            id: self.id,
            slot: NewSlot {
                weekday: Weekday::from_monday_one_offset(i8::try_from(self.weekday).ok()?).ok()?,
                starts_minute: self.starts_minute,
                ends_minute: self.ends_minute,
                rotation: self.rotation_id,
                first: self.first_date.parse().ok()?,
                last: self.last_date.parse().ok()?,
                group: self.group_id,
                teacher: self.teacher_id,
                subject: (self.subject_id.get() != 0).then_some(self.subject_id),
                room: self.room,
            },
        })
    }
}

/// The slots of a school, by weekday and hour.
pub(in crate::timetable) fn slots(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<Slot>> {
    let rows: Vec<Row> = slot::table
        .filter(slot::school_id.eq(school))
        .order((slot::weekday.asc(), slot::starts_minute.asc(), slot::id.asc()))
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().filter_map(Row::into_slot).collect())
}

/// Enters a slot.
pub(in crate::timetable) fn insert_slot(
    tx: &mut Tx<'_>,
    school: SchoolId,
    new: &NewSlot,
) -> QueryResult<i64> {
    let id = crate::ids::next_id();
    diesel::insert_into(slot::table)
        .values((
            slot::id.eq(id),
            slot::school_id.eq(school),
            slot::weekday.eq(i32::from(new.weekday.to_monday_one_offset())),
            slot::starts_minute.eq(new.starts_minute),
            slot::ends_minute.eq(new.ends_minute),
            slot::rotation_id.eq(new.rotation),
            slot::first_date.eq(new.first.to_string()),
            slot::last_date.eq(new.last.to_string()),
            slot::group_id.eq(new.group),
            slot::teacher_id.eq(new.teacher),
            slot::subject_id.eq(new.subject.unwrap_or(SubjectId::from_raw(0))),
            slot::room.eq(&new.room),
        ))
        .execute(tx.conn())?;
    tx.note("slot", id);
    Ok(id)
}

/// Takes a slot of this school out; its lessons follow when the slots are laid out again.
pub(in crate::timetable) fn delete_slot(tx: &mut Tx<'_>, school: SchoolId, id: i64) -> QueryResult<usize> {
    tx.note("slot", id);
    diesel::delete(slot::table.filter(slot::id.eq(id)).filter(slot::school_id.eq(school))).execute(tx.conn())
}

/// The holidays of a school, in order.
pub(in crate::timetable) fn holidays(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<Holiday>> {
    let rows: Vec<(String, String, String)> = holiday::table
        .filter(holiday::school_id.eq(school))
        .order((holiday::first_date.asc(), holiday::id.asc()))
        .select((holiday::label, holiday::first_date, holiday::last_date))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(label, first, last)| {
            Some(Holiday { label, first: first.parse().ok()?, last: last.parse().ok()? })
        })
        .collect())
}

/// Enters a holiday, both days included.
pub(in crate::timetable) fn insert_holiday(
    tx: &mut Tx<'_>,
    school: SchoolId,
    label: &str,
    first: Date,
    last: Date,
) -> QueryResult<()> {
    diesel::insert_into(holiday::table)
        .values((
            holiday::id.eq(crate::ids::next_id()),
            holiday::school_id.eq(school),
            holiday::label.eq(label),
            holiday::first_date.eq(first.to_string()),
            holiday::last_date.eq(last.to_string()),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Takes out the holidays that begin on this day.
pub(in crate::timetable) fn delete_holiday(
    tx: &mut Tx<'_>,
    school: SchoolId,
    first: Date,
) -> QueryResult<()> {
    diesel::delete(
        holiday::table
            .filter(holiday::school_id.eq(school))
            .filter(holiday::first_date.eq(first.to_string())),
    )
    .execute(tx.conn())
    .map(|_| ())
}

/// The rotations of a school: identifier and letter, by letter.
pub(in crate::timetable) fn rotations(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<(i64, String)>> {
    week_rotation::table
        .filter(week_rotation::school_id.eq(school))
        .order(week_rotation::label)
        .select((week_rotation::id, week_rotation::label))
        .load(conn)
}

/// The Mondays of each rotation of a school.
pub(in crate::timetable) fn mondays(
    conn: &mut Conn,
    school: SchoolId,
) -> QueryResult<BTreeMap<i64, BTreeSet<Monday>>> {
    let rows: Vec<(i64, String)> = week_rotation_monday::table
        .inner_join(week_rotation::table.on(week_rotation::id.eq(week_rotation_monday::rotation_id)))
        .filter(week_rotation::school_id.eq(school))
        .select((week_rotation_monday::rotation_id, week_rotation_monday::monday))
        .load(conn)?;
    let mut sets: BTreeMap<i64, BTreeSet<Monday>> = BTreeMap::new();
    for (rotation, monday) in rows {
        let Ok(day) = monday.parse::<Date>() else { continue };
        if let Ok(monday) = Monday::try_from(day) {
            sets.entry(rotation).or_default().insert(monday);
        }
    }
    Ok(sets)
}

#[derive(Insertable)]
#[diesel(treat_none_as_default_value = false)]
#[diesel(table_name = week_rotation_monday)]
struct MondayRow {
    rotation_id: i64,
    monday: String,
}

/// Sets the Mondays of a rotation, which is made when its letter is new.
pub(in crate::timetable) fn save_rotation(
    tx: &mut Tx<'_>,
    school: SchoolId,
    letter: &str,
    mondays: &BTreeSet<Monday>,
) -> QueryResult<()> {
    let found: Option<i64> = week_rotation::table
        .filter(week_rotation::school_id.eq(school))
        .filter(week_rotation::label.eq(letter))
        .select(week_rotation::id)
        .first(tx.conn())
        .optional()?;
    let id = match found {
        Some(id) => id,
        None => {
            let id = crate::ids::next_id();
            diesel::insert_into(week_rotation::table)
                .values((
                    week_rotation::id.eq(id),
                    week_rotation::school_id.eq(school),
                    week_rotation::label.eq(letter),
                ))
                .execute(tx.conn())?;
            id
        }
    };
    diesel::delete(week_rotation_monday::table.filter(week_rotation_monday::rotation_id.eq(id)))
        .execute(tx.conn())?;
    let rows: Vec<MondayRow> = mondays
        .iter()
        .map(|monday| MondayRow { rotation_id: id, monday: monday.date().to_string() })
        .collect();
    super::plan::insert_all!(tx, week_rotation_monday, &rows).map(|_| ())
}

/// The dated lessons that a school's slots amount to.
pub(in crate::timetable) fn slots_as_lessons(
    conn: &mut Conn,
    school: SchoolId,
    zone: &SchoolZone,
) -> QueryResult<Vec<Wanted>> {
    let holidays = holidays(conn, school)?;
    let mondays = mondays(conn, school)?;
    let subjects: HashMap<SubjectId, (String, i32)> = crate::school::subject_names(conn, school)?;
    let mut wanted = Vec::new();
    for Slot { id, slot } in slots(conn, school)? {
        let rotation = match slot.rotation {
            0 => Rotation::EveryWeek,
            rotation => Rotation::Only(mondays.get(&rotation).cloned().unwrap_or_default()),
        };
        let (Some(starts), Some(ends)) = (time_of(slot.starts_minute), time_of(slot.ends_minute)) else {
            continue;
        };
        // What was entered was checked; a slot that cannot be laid out has no lessons.
        let Ok(weekly) = WeeklySlot::new(slot.weekday, starts, ends, rotation) else { continue };
        let Ok(occurrences) = weekly.occurrences(slot.first, slot.last, &holidays, zone) else { continue };
        let label = slot.subject.and_then(|subject| subjects.get(&subject)).map(|(label, _)| label.clone());
        wanted.extend(occurrences.into_iter().map(|occurrence| Wanted {
            key: format!("{id}/{}", occurrence.date),
            starts_at: occurrence.starts_at.as_millisecond(),
            ends_at: occurrence.ends_at.as_millisecond(),
            subject: slot.subject.map_or(WantedSubject::None, WantedSubject::Known),
            label: label.clone().unwrap_or_default(),
            room: slot.room.clone(),
            state: LessonState::Normal,
            replaced_by: None,
            note: String::new(),
            groups: vec![slot.group],
            teachers: vec![slot.teacher],
        }));
    }
    Ok(wanted)
}

/// Minutes since midnight as a time of the day.
pub(in crate::timetable) fn time_of(minute: i32) -> Option<Time> {
    Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()
}
