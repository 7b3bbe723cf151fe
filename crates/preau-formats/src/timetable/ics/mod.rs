//! iCalendar files (RFC 5545): Pronote's export first of all, and whatever other tools write.
//!
//! Pronote's habits: no recurrence, every lesson of the year is written out; times in UTC; an
//! identifier that changes at each export; HTML references inside escaped text; days off as events
//! of a whole day; a cancelled lesson and its replacement at the same hour. Its calendars also carry
//! meetings, work placements and an agenda, which are not lessons and are skipped with a notice.
//!
//! Invariant: a file that does not close what it opened is refused, because applying a part of a
//! timetable would cancel the rest of it.

mod event;
mod fields;
mod line;
mod recurrence;
mod value;

use std::collections::HashSet;
use std::io::BufRead;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use self::event::{MAX_DATES, RawEvent, stable_uid};
use self::fields::{Category, EventTexts, LessonFields, MAX_PARTS, fold, is_day_off, read_lesson};
use self::line::{ContentLine, ContentLines, Property};
use self::recurrence::Recurrence;
use self::value::{Stamp, is_plausible, read_duration, read_stamp, read_stamp_text, unescape};
use super::ReadOptions;
use super::problem::{Found, NoticeKind, Notices, TimetableError, WrongFormat};
use super::record::{Header, Holiday, LessonKey, LessonRecord, LessonState, SourceFormat, Timetable};
use super::settle::settle;
use super::text::{IDENT_BYTES, describe_start, label, quote};

/// Deepest nesting of components; real calendars have three levels.
const MAX_DEPTH: usize = 16;

/// Longest lesson, in hours. Longer events are outings, placements or mistakes.
const MAX_LESSON_HOURS: i64 = 14;

/// Longest stretch of days off, in days.
const MAX_HOLIDAY_DAYS: i64 = 200;

/// Reads a calendar.
///
/// # Errors
/// [`TimetableError`] when the file is no calendar, stops early, nests wrongly, cannot be read, or
/// holds more lessons than [`super::Limits::lessons`]. Everything else becomes a notice.
pub fn read_ics<R: BufRead>(mut input: R, options: &ReadOptions) -> Result<Timetable, TimetableError> {
    let start: Vec<u8> = input.fill_buf()?.iter().take(512).copied().collect();
    let not_a_calendar = || {
        TimetableError::WrongFormat(WrongFormat {
            expected: SourceFormat::Ics,
            found: describe_start(&start),
        })
    };
    if matches!(describe_start(&start), Found::Utf16 | Found::Zip | Found::WebPage) {
        return Err(not_a_calendar());
    }
    let mut lines = ContentLines::new(input, options.limits.line_bytes);
    let mut reader = Reader::new(options);
    let mut begun = false;
    while let Some(line) = lines.next()? {
        let (number, text) = match line {
            ContentLine::TooLong { .. } if !begun => return Err(not_a_calendar()),
            ContentLine::TooLong { number } => {
                reader.too_long(number);
                continue;
            }
            ContentLine::Text { number, text, recoded } => {
                if recoded {
                    reader.tell_recoded(number);
                }
                (number, text)
            }
        };
        let property = Property::parse(number, &text);
        if !begun {
            let is_begin =
                |p: &Property| p.name == "BEGIN" && p.value.trim().eq_ignore_ascii_case("VCALENDAR");
            if !property.as_ref().is_some_and(is_begin) {
                return Err(not_a_calendar());
            }
            begun = true;
        }
        match property {
            Some(property) => {
                if let Err(error) = reader.take(property) {
                    // A name that is cut short looks wrong; at the very end it means a cut file.
                    let cut = matches!(error, TimetableError::Malformed { .. }) && lines.next()?.is_none();
                    return Err(if cut { TimetableError::Truncated { line: number } } else { error });
                }
            }
            None => reader.notices.skipped(number, NoticeKind::UnreadableLine(quote(&text))),
        }
    }
    if !begun {
        return Err(not_a_calendar());
    }
    reader.finish(lines.line())
}

/// Where a lesson of the file came from, which decides between two of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Written out.
    Written,
    /// Computed from a recurrence; a written exception takes its place.
    Computed,
}

struct Reader<'a> {
    options: &'a ReadOptions,
    notices: Notices,
    header: Header,
    lessons: Vec<(LessonRecord, Origin)>,
    holidays: Vec<Holiday>,
    exceptions: HashSet<LessonKey>,
    /// Names of the components that are open.
    open: Vec<String>,
    event: Option<RawEvent>,
    pronote: bool,
    told_recoded: bool,
    told_zones: HashSet<String>,
}

impl<'a> Reader<'a> {
    fn new(options: &'a ReadOptions) -> Self {
        Self {
            options,
            notices: Notices::new(options.file.clone(), options.limits.notices),
            header: Header::default(),
            lessons: Vec::new(),
            holidays: Vec::new(),
            exceptions: HashSet::new(),
            open: Vec::new(),
            event: None,
            pronote: false,
            told_recoded: false,
            told_zones: HashSet::new(),
        }
    }

    fn tell_recoded(&mut self, line: u32) {
        if !self.told_recoded {
            self.told_recoded = true;
            self.notices.kept(line, NoticeKind::NotUtf8);
        }
    }

    fn too_long(&mut self, line: u32) {
        self.notices.skipped(line, NoticeKind::LineTooLong(self.options.limits.line_bytes));
        if let Some(event) = &mut self.event {
            event.damaged = true;
        }
    }

    fn take(&mut self, property: Property) -> Result<(), TimetableError> {
        match property.name.as_str() {
            "BEGIN" => self.begin(&property),
            "END" => self.end(&property),
            _ => {
                match &mut self.event {
                    // An alarm inside an event has a DESCRIPTION too: only the event's own count.
                    Some(event) if self.open.last().is_some_and(|name| name == "VEVENT") => {
                        event.take(property)
                    }
                    Some(_) => {}
                    None => self.take_header(&property),
                }
                Ok(())
            }
        }
    }

    fn begin(&mut self, property: &Property) -> Result<(), TimetableError> {
        let name = property.value.trim().to_ascii_uppercase();
        let nested_event = name == "VEVENT" && self.event.is_some();
        if self.open.len() >= MAX_DEPTH || nested_event {
            let detail = format!("BEGIN:{}", quote(&name));
            return Err(TimetableError::Malformed { line: property.line, detail });
        }
        if name == "VEVENT" {
            self.event = Some(RawEvent::beginning(property.line));
        }
        self.open.push(name);
        Ok(())
    }

    fn end(&mut self, property: &Property) -> Result<(), TimetableError> {
        let name = property.value.trim().to_ascii_uppercase();
        if self.open.pop().as_deref() != Some(name.as_str()) {
            let detail = format!("END:{}", quote(&name));
            return Err(TimetableError::Malformed { line: property.line, detail });
        }
        if name == "VEVENT"
            && let Some(event) = self.event.take()
            && !event.damaged
        {
            self.close(&event)?;
        }
        Ok(())
    }

    fn take_header(&mut self, property: &Property) {
        if self.open.len() != 1 {
            return;
        }
        let text = || Some(label(&unescape(&property.value))).filter(|text| !text.is_empty());
        let day = || {
            let read = read_stamp("X-CALSTART", property, &self.options.zone).ok()?;
            Some(read.stamp.local().date())
        };
        match property.name.as_str() {
            "PRODID" => {
                self.header.producer = text();
                let folded = fold(&property.value);
                self.pronote |= folded.contains("pronote") || folded.contains("index-education");
            }
            "X-WR-CALNAME" | "NAME" => self.header.name = text(),
            "X-WR-CALDESC" => self.header.description = text(),
            "X-CALSTART" => self.header.first_day = day(),
            "X-CALEND" => self.header.last_day = day(),
            _ => {}
        }
    }

    /// Makes lessons or days off of a finished event.
    fn close(&mut self, event: &RawEvent) -> Result<(), TimetableError> {
        let Some(start) = self.stamp("DTSTART", &event.start, event.line) else { return Ok(()) };
        let category = Category::read(RawEvent::text(&event.categories));
        let summary = label(&unescape(RawEvent::text(&event.summary)));
        let whole_day = matches!(start, Stamp::Day(_));
        if category == Category::Holiday || (whole_day && is_day_off(&fold(&summary))) {
            self.close_holiday(event, &start, summary);
            return Ok(());
        }
        let state_label = match category {
            Category::Lesson(state_label) if !whole_day => state_label,
            // A calendar that is not Pronote's has its own categories, or none.
            Category::Absent | Category::Other(_) if !whole_day && !self.pronote => None,
            Category::Other(what) => return self.not_a_lesson(event.line, &what),
            _ => return self.not_a_lesson(event.line, &summary),
        };
        let texts = EventTexts {
            summary: RawEvent::text(&event.summary),
            description: RawEvent::text(&event.description),
            location: RawEvent::text(&event.location),
        };
        let mut lesson = read_lesson(texts, state_label);
        if RawEvent::text(&event.status).trim().eq_ignore_ascii_case("CANCELLED") {
            lesson.state = LessonState::Cancelled;
        }
        if lesson.cut {
            self.notices.kept(event.line, NoticeKind::TooManyParts(MAX_PARTS));
        }
        self.close_lesson(event, &start, &lesson)
    }

    fn not_a_lesson(&mut self, line: u32, what: &str) -> Result<(), TimetableError> {
        self.notices.skipped(line, NoticeKind::NotALesson(quote(what)));
        Ok(())
    }

    fn close_holiday(&mut self, event: &RawEvent, start: &Stamp, label: String) {
        let first = self.day_of(start);
        let last = match &event.end {
            None => Some(first),
            Some(_) => {
                let Some(end) = self.stamp("DTEND", &event.end, event.line) else { return };
                // The end is exclusive; some writers repeat the only day.
                match end {
                    Stamp::Day(end) if end == first => Some(first),
                    Stamp::Day(end) => end.yesterday().ok(),
                    timed => timed
                        .instant(&self.options.zone)
                        .and_then(|end| end.at.checked_sub(1.second()).ok())
                        .map(|before| self.options.zone.date(before)),
                }
            }
        };
        match last {
            Some(last) if last >= first => {
                let days = last.duration_since(first).as_hours() / 24 + 1;
                if days > MAX_HOLIDAY_DAYS {
                    self.notices.skipped(event.line, NoticeKind::TooLong(days * 24));
                } else if self.holidays.len() < self.options.limits.lessons {
                    self.holidays.push(Holiday { first, last, label });
                }
            }
            _ => self.notices.skipped(event.line, NoticeKind::EndNotAfterStart),
        }
    }

    fn day_of(&self, stamp: &Stamp) -> Date {
        match stamp {
            Stamp::Day(date) => *date,
            timed => timed
                .instant(&self.options.zone)
                .map_or(timed.local().date(), |at| self.options.zone.date(at.at)),
        }
    }

    fn close_lesson(
        &mut self,
        event: &RawEvent,
        start: &Stamp,
        lesson: &LessonFields,
    ) -> Result<(), TimetableError> {
        let Some(first) = start.instant(&self.options.zone) else { return Ok(()) };
        if first.skipped {
            self.notices.kept(event.line, NoticeKind::SkippedByClock(start.local().to_string()));
        }
        let Some(seconds) = self.length(event, first.at) else { return Ok(()) };
        let Some(base) = self.base_key(event, first.at, lesson) else { return Ok(()) };

        if event.recurrence_id.is_some() {
            let Some(moved) = self.stamp("RECURRENCE-ID", &event.recurrence_id, event.line) else {
                return Ok(());
            };
            let Some(original) = moved.instant(&self.options.zone) else { return Ok(()) };
            let key = base.at(original.at);
            self.exceptions.insert(key.clone());
            return self.push(event, key, first.at, seconds, lesson, Origin::Written);
        }
        if event.rule.is_none() && event.added.is_empty() {
            return self.push(event, base, first.at, seconds, lesson, Origin::Written);
        }
        for at in self.recurring_starts(event, start) {
            self.push(event, base.at(at), at, seconds, lesson, Origin::Computed)?;
        }
        Ok(())
    }

    /// Length of the lesson in seconds; a notice and `None` when it cannot be.
    fn length(&mut self, event: &RawEvent, start: Timestamp) -> Option<i64> {
        let seconds = if event.end.is_some() {
            let end = self.stamp("DTEND", &event.end, event.line)?.instant(&self.options.zone)?;
            end.at.as_second() - start.as_second()
        } else {
            read_duration(RawEvent::text(&event.duration)).unwrap_or(0)
        };
        if seconds <= 0 {
            self.notices.skipped(event.line, NoticeKind::EndNotAfterStart);
            None
        } else if seconds > MAX_LESSON_HOURS * 3_600 {
            self.notices.skipped(event.line, NoticeKind::TooLong(seconds / 3_600));
            None
        } else {
            Some(seconds)
        }
    }

    fn base_key(&mut self, event: &RawEvent, start: Timestamp, lesson: &LessonFields) -> Option<LessonKey> {
        let uid = stable_uid(RawEvent::text(&event.uid));
        if uid.len() > IDENT_BYTES {
            self.notices.skipped(event.line, NoticeKind::IdentifierTooLong);
            return None;
        }
        if !uid.is_empty() {
            return Some(LessonKey::new(uid));
        }
        // Without an identifier, what and for whom is the next best thing.
        let whom = lesson.groups.first().map_or("", |group| group.label.as_str());
        Some(LessonKey::new(format!("{}/{whom}", lesson.subject.label)).at(start))
    }

    /// Starts of a recurring lesson, exceptions taken out and added dates put in.
    fn recurring_starts(&mut self, event: &RawEvent, start: &Stamp) -> Vec<Timestamp> {
        let zone = &self.options.zone;
        let mut locals = vec![start.local()];
        if let Some(rule) = &event.rule {
            match Recurrence::parse(&rule.value, zone) {
                None => {
                    let kind = NoticeKind::UnreadableRecurrence(quote(&rule.value));
                    self.notices.kept(rule.line, kind);
                }
                Some(recurrence) => {
                    let found = recurrence.occurrences(start, zone, self.options.limits.days);
                    if found.cut {
                        self.notices.kept(rule.line, NoticeKind::RecurrenceCut(self.options.limits.days));
                    }
                    locals = found.starts;
                }
            }
        }
        let mut starts: Vec<Timestamp> = locals
            .into_iter()
            .filter_map(|local| start.moved_to(local).instant(zone))
            .map(|instant| instant.at)
            .collect();
        starts.extend(self.dates("RDATE", &event.added).iter().filter_map(|stamp| self.at(stamp)));
        let without = self.dates("EXDATE", &event.without);
        let moments: HashSet<Timestamp> = without.iter().filter_map(|stamp| self.at(stamp)).collect();
        let days: HashSet<Date> = without
            .iter()
            .filter_map(|stamp| if let Stamp::Day(day) = stamp { Some(*day) } else { None })
            .collect();
        starts.retain(|at| !moments.contains(at) && !days.contains(&self.options.zone.date(*at)));
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    fn at(&self, stamp: &Stamp) -> Option<Timestamp> {
        match stamp {
            Stamp::Day(_) => None,
            timed => timed.instant(&self.options.zone).map(|instant| instant.at),
        }
    }

    /// The stamps of `EXDATE` or `RDATE` lines, unreadable ones told.
    fn dates(&mut self, field: &'static str, lines: &[Property]) -> Vec<Stamp> {
        let mut found = Vec::new();
        for property in lines {
            for value in property.value.split(',') {
                if found.len() >= MAX_DATES {
                    self.notices.kept(property.line, NoticeKind::TooManyParts(MAX_DATES));
                    return found;
                }
                match read_stamp_text(field, value, property.param("TZID"), &self.options.zone) {
                    Ok(read) => found.push(read.stamp),
                    Err(kind) => self.notices.kept(property.line, kind),
                }
            }
        }
        found
    }

    fn stamp(&mut self, field: &'static str, property: &Option<Property>, line: u32) -> Option<Stamp> {
        let Some(property) = property else {
            self.notices.skipped(line, NoticeKind::NoStart);
            return None;
        };
        match read_stamp(field, property, &self.options.zone) {
            Ok(read) => {
                // The set of names told is bounded by the notices that could be kept.
                if let Some(name) = read.unknown_zone
                    && self.told_zones.len() < self.options.limits.notices
                    && self.told_zones.insert(name.clone())
                {
                    self.notices.kept(property.line, NoticeKind::UnknownZone(name));
                }
                Some(read.stamp)
            }
            Err(kind) => {
                self.notices.skipped(property.line, kind);
                None
            }
        }
    }

    fn push(
        &mut self,
        event: &RawEvent,
        source_key: LessonKey,
        starts_at: Timestamp,
        seconds: i64,
        lesson: &LessonFields,
        origin: Origin,
    ) -> Result<(), TimetableError> {
        let Ok(ends_at) = starts_at.checked_add(seconds.seconds()) else { return Ok(()) };
        if !is_plausible(starts_at) || !is_plausible(ends_at) {
            self.notices.skipped(event.line, NoticeKind::AbsurdDate(starts_at.to_string()));
            return Ok(());
        }
        if self.lessons.len() >= self.options.limits.lessons {
            return Err(TimetableError::TooManyLessons { limit: self.options.limits.lessons });
        }
        let zone = &self.options.zone;
        let last_moment = ends_at.checked_sub(1.second()).unwrap_or(ends_at);
        if zone.date(starts_at) != zone.date(last_moment) {
            self.notices.kept(event.line, NoticeKind::CrossesMidnight);
        }
        let record = LessonRecord {
            source_key,
            starts_at,
            ends_at,
            subject: lesson.subject.clone(),
            teachers: lesson.teachers.clone(),
            groups: lesson.groups.clone(),
            room: lesson.room.clone(),
            state: lesson.state,
            state_label: lesson.state_label.clone(),
            replaces: None,
            replaced_by: None,
            file: self.options.file.clone(),
            line: event.line,
        };
        self.lessons.push((record, origin));
        Ok(())
    }

    fn finish(mut self, line: u32) -> Result<Timetable, TimetableError> {
        if !self.open.is_empty() {
            return Err(TimetableError::Truncated { line });
        }
        let exceptions = &self.exceptions;
        let mut lessons: Vec<_> = self
            .lessons
            .into_iter()
            .filter(|(lesson, origin)| *origin == Origin::Written || !exceptions.contains(&lesson.source_key))
            .map(|(lesson, _)| lesson)
            .collect();
        settle(&mut lessons, &mut self.notices);
        let (notices, notices_left_out) = self.notices.finish();
        Ok(Timetable {
            format: SourceFormat::Ics,
            header: self.header,
            lessons,
            holidays: self.holidays,
            notices,
            notices_left_out,
        })
    }
}
