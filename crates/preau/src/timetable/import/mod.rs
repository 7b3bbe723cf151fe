//! Lessons from a file: read, matched with the school's own people and classes, compared with what is there,
//! shown, and then applied all at once or not at all.
//!
//! `matching` finds who and what is meant, `plan` compares (both pure), `report` says what would change,
//! `staged` keeps a file between its preview and the decision, `command` is the command line.
//!
//! Invariant: applying the same file twice changes nothing the second time, and a lesson that somebody
//! changed by hand, or on which a roll, a live class or work hangs, is never removed.

mod command;
mod matching;
pub(super) mod pages;
mod plan;
mod report;
mod staged;
#[cfg(test)]
mod tests;

pub use command::command;
use matching::hue_of;
pub(super) use plan::{Existing, Plan, Wanted, WantedSubject, compare};
pub use report::{ImportReport, Remark};
pub(super) use staged::Staged;

use super::store;
use crate::ids::SchoolId;
use crate::school;
use crate::store::{Conn, Tx};
use crate::ui::Texts;
use diesel::QueryResult;
use matching::Directory;
use preau_formats::timetable::{
    LessonRecord, ReadOptions, SchoolZone, SourceFormat, Timetable, TimetableError, read_edt, read_ics, sniff,
};
use std::collections::HashSet;

/// Reads a timetable file of either kind.
///
/// # Errors
/// Why it cannot be used as a whole; the error has a French and an English sentence.
pub fn read_file(bytes: &[u8], name: &str, zone: &str) -> Result<Timetable, TimetableError> {
    let mut options = ReadOptions::named(name);
    options.zone = SchoolZone::named(zone).unwrap_or_default();
    match sniff(bytes) {
        Some(SourceFormat::Edt) => read_edt(bytes, &options),
        // Neither: the calendar's reader says what the file looks like instead.
        Some(SourceFormat::Ics) | None => read_ics(bytes, &options),
    }
}

/// A file compared with the school: what applying it would do.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) report: ImportReport,
    new_subjects: Vec<(String, String)>,
    holidays: Vec<preau_formats::timetable::Holiday>,
    source: &'static str,
}

/// The name of a source in `lesson.source`.
fn source_of(format: SourceFormat) -> &'static str {
    match format {
        SourceFormat::Ics => "ics",
        SourceFormat::Edt => "edt",
    }
}

/// Compares a file with what the school has. Nothing is written.
///
/// # Errors
/// The engine's.
pub(super) fn prepare(
    conn: &mut Conn,
    school: SchoolId,
    timetable: &Timetable,
    texts: &Texts,
) -> QueryResult<Prepared> {
    let mut directory = Directory::new(
        school::groups_of_school(conn, school)?,
        school::teachers_of(conn, school)?,
        school::subjects_of(conn, school)?,
    );
    let source = source_of(timetable.format);
    let mut report = ImportReport::new(timetable);
    let mut wanted = Vec::with_capacity(timetable.lessons.len());
    for record in &timetable.lessons {
        match directory.wanted(record) {
            Ok(lesson) => wanted.push(lesson),
            Err(reason) => report.skip(record, reason.text(texts)),
        }
    }
    report.doubts(directory.doubts().map(|(doubt, lessons)| doubt.text(texts, lessons)));
    report.notices(timetable, texts);
    let existing = store::existing(conn, school, source)?;
    let range = range_of(timetable);
    // A calendar of one class or one teacher says nothing about the others: only lessons of people and
    // classes it speaks of can be missing from it. EDT's export is the whole school.
    let groups: HashSet<_> = wanted.iter().flat_map(|lesson| lesson.groups.iter().copied()).collect();
    let teachers: HashSet<_> = wanted.iter().flat_map(|lesson| lesson.teachers.iter().copied()).collect();
    // Lessons left out because a name is unknown are still in the file: they must not vanish here.
    let named: HashSet<&str> = timetable.lessons.iter().map(|record| record.source_key.as_str()).collect();
    let removable = |lesson: &Existing| {
        range.is_some_and(|(from, to)| (from..to).contains(&lesson.starts_at))
            && !named.contains(lesson.key.as_str())
            && (timetable.format == SourceFormat::Edt
                || (lesson.groups.iter().all(|group| groups.contains(group))
                    && lesson.teachers.iter().all(|teacher| teachers.contains(teacher))))
    };
    let plan = compare(wanted, &existing, removable);
    let known = store::holidays(conn, school)?;
    let holidays: Vec<_> = timetable
        .holidays
        .iter()
        .filter(|new| !known.iter().any(|old| (old.first, old.last) == (new.first, new.last)))
        .cloned()
        .collect();
    let new_subjects = directory.into_new_subjects();
    report.count(&plan, new_subjects.len(), holidays.len());
    Ok(Prepared { plan, report, new_subjects, holidays, source })
}

/// From the first to the last day that the file covers, in milliseconds.
fn range_of(timetable: &Timetable) -> Option<(i64, i64)> {
    let starts = || timetable.lessons.iter().map(|record: &LessonRecord| record.starts_at.as_millisecond());
    let (mut from, mut to) = (starts().min()?, starts().max()? + 1);
    let utc = |day: jiff::civil::Date| {
        day.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_millisecond()).ok()
    };
    const DAY_MS: i64 = 24 * 3_600_000;
    // What the header says may be wider than its lessons: an empty week was emptied. Lessons lie in
    // daytime, so that UTC's days are near enough for a school's.
    if let Some(first) = timetable.header.first_day.and_then(utc) {
        from = from.min(first);
    }
    if let Some(last) = timetable.header.last_day.and_then(utc) {
        to = to.max(last + DAY_MS);
    }
    Some((from, to))
}

/// Applies what was prepared, in the caller's transaction.
///
/// # Errors
/// The engine's; nothing is applied then.
pub(super) fn apply(tx: &mut Tx<'_>, school: SchoolId, prepared: &Prepared) -> QueryResult<()> {
    let mut subjects = Vec::with_capacity(prepared.new_subjects.len());
    for (code, label) in &prepared.new_subjects {
        subjects.push(school::add_subject(tx, school, code, label, hue_of(label))?);
    }
    for holiday in &prepared.holidays {
        store::insert_holiday(tx, school, &holiday.label, holiday.first, holiday.last)?;
    }
    store::apply(tx, school, prepared.source, &prepared.plan, &subjects)?;
    tx.note("timetable", school.get());
    Ok(())
}
