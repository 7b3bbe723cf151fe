//! What an EDT export defines, and how its lessons become dated ones.
//!
//! A lesson of EDT stands on a day of the week and on places of the school's grid; each teacher,
//! class and room of it has its own weeks. In week *n* the lesson takes place for those whose mask
//! holds *n*. A week in which only a room is booked is no lesson.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::{Date, Time};

use crate::timetable::ReadOptions;
use crate::timetable::problem::{NoticeKind, Notices, TimetableError};
use crate::timetable::record::{
    GroupKind, GroupName, LessonKey, LessonRecord, LessonState, SubjectName, TeacherName,
};
use crate::timetable::text::tidy;
use crate::timetable::weeks::{SchoolWeeks, WeekMask};

/// Most teachers, groups and rooms of one lesson.
pub(super) const MAX_PARTS: usize = 200;

/// Start and end of a place of the grid; either may be left out by the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) starts: Option<Time>,
    pub(super) ends: Option<Time>,
}

/// Most classes that a group is said to come from.
const MAX_CLASSES: usize = 64;

/// A group and where its pupils come from.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupDefinition {
    pub(super) label: String,
    pub(super) classes: Vec<String>,
    pub(super) parts: Vec<String>,
}

/// A part of a class.
#[derive(Clone, Debug)]
pub(super) struct PartDefinition {
    pub(super) label: String,
    pub(super) class: Option<String>,
}

/// Everything a lesson may refer to, by identifier.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) places: HashMap<u32, Place>,
    /// Length of a place in minutes.
    pub(super) place_minutes: Option<u32>,
    pub(super) subjects: HashMap<String, SubjectName>,
    pub(super) rooms: HashMap<String, String>,
    pub(super) teachers: HashMap<String, Arc<TeacherName>>,
    pub(super) classes: HashMap<String, String>,
    pub(super) parts: HashMap<String, PartDefinition>,
    pub(super) groups: HashMap<String, GroupDefinition>,
}

/// What takes part in a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PartKind {
    Teacher,
    Staff,
    Class,
    Part,
    Group,
    Room,
}

/// A lesson as the export writes it.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) line: u32,
    pub(super) number: Option<String>,
    pub(super) day: u8,
    pub(super) first_place: u32,
    pub(super) places: u32,
    pub(super) weeks: Option<WeekMask>,
    pub(super) cancelled: WeekMask,
    pub(super) subject: Option<String>,
    pub(super) parts: Vec<(PartKind, String, Option<WeekMask>)>,
}

/// A participant after its reference was looked up.
enum Participant {
    Teacher(Arc<TeacherName>),
    Staff,
    Group(Arc<GroupName>),
    Room(String),
}

/// The bounds of the school year.
#[derive(Clone, Copy, Debug)]
pub(super) struct Year {
    pub(super) weeks: SchoolWeeks,
    pub(super) first: Option<Date>,
    pub(super) last: Option<Date>,
}

impl Year {
    fn date(self, week: u8, day: u8) -> Option<Date> {
        self.weeks
            .date(week, day)
            .filter(|date| self.first.is_none_or(|first| first <= *date))
            .filter(|date| self.last.is_none_or(|last| *date <= last))
    }
}

/// Turns lessons of the export into dated ones.
pub(super) struct Expansion<'a> {
    pub(super) definitions: &'a Definitions,
    pub(super) year: Year,
    pub(super) options: &'a ReadOptions,
    pub(super) lessons: Vec<LessonRecord>,
    /// Sets of pupils already looked up, so that each exists once however often it is named.
    pub(super) known: HashMap<(PartKind, String), Arc<GroupName>>,
}

impl Expansion<'_> {
    /// Adds the occurrences of one lesson.
    ///
    /// # Errors
    /// [`TimetableError::TooManyLessons`].
    pub(super) fn add(&mut self, course: &Course, notices: &mut Notices) -> Result<(), TimetableError> {
        let Some((starts, ends)) = self.times(course, notices) else { return Ok(()) };
        let subject = self.subject(course, notices);
        let common = course.weeks.unwrap_or_else(|| {
            course.parts.iter().filter_map(|part| part.2).fold(WeekMask::EMPTY, WeekMask::union)
        });
        let mut participants = Vec::with_capacity(course.parts.len());
        let mut occupied = WeekMask::EMPTY;
        let mut anybody = false;
        for (kind, ident, mask) in &course.parts {
            let mask = mask.unwrap_or(common);
            if *kind != PartKind::Room {
                anybody = true;
                occupied = occupied.union(mask);
            }
            participants
                .extend(self.participant(*kind, ident, course.line, notices).map(|found| (found, mask)));
        }
        if !anybody {
            notices.skipped(course.line, NoticeKind::NobodyThere);
            return Ok(());
        }
        let weeks = occupied.union(course.cancelled);
        if weeks.is_empty() {
            notices.skipped(course.line, NoticeKind::NoWeek);
            return Ok(());
        }
        let key = self.key(course, &subject);
        let mut outside = 0;
        for week in weeks.weeks() {
            let Some(date) = self.year.date(week, course.day) else {
                outside += 1;
                continue;
            };
            // A cancelled week that was also taken out of every mask concerns all participants.
            let everybody = !occupied.contains(week);
            let there =
                participants.iter().filter(|(_, mask)| everybody || mask.contains(week)).map(|(who, _)| who);
            let mut record = LessonRecord {
                source_key: LessonKey::new(format!("{key}-s{week:02}")),
                subject: subject.clone(),
                ..self.blank(course, date, (starts, ends), notices)?
            };
            if course.cancelled.contains(week) {
                record.state = LessonState::Cancelled;
            }
            let mut rooms = Vec::new();
            for who in there {
                match who {
                    Participant::Teacher(teacher) => record.teachers.push(Arc::clone(teacher)),
                    Participant::Staff => {}
                    Participant::Group(group) => record.groups.push(Arc::clone(group)),
                    Participant::Room(room) => rooms.push(room.as_str()),
                }
            }
            record.room = Some(tidy(&rooms.join(", "))).filter(|room| !room.is_empty());
            if record.ends_at > record.starts_at {
                self.lessons.push(record);
            }
        }
        if outside > 0 {
            notices.kept(course.line, NoticeKind::WeeksOutsideYear(outside));
        }
        Ok(())
    }

    /// A lesson at this date with nothing else known.
    fn blank(
        &self,
        course: &Course,
        date: Date,
        (starts, ends): (Time, Time),
        notices: &mut Notices,
    ) -> Result<LessonRecord, TimetableError> {
        let limit = self.options.limits.lessons;
        if self.lessons.len() >= limit {
            return Err(TimetableError::TooManyLessons { limit });
        }
        let zone = &self.options.zone;
        let bounds = (zone.instant(date.to_datetime(starts)), zone.instant(date.to_datetime(ends)));
        let (Some(from), Some(to)) = bounds else {
            let detail = format!("{date}");
            return Err(TimetableError::Malformed { line: course.line, detail });
        };
        if from.skipped {
            notices.kept(course.line, NoticeKind::SkippedByClock(date.to_datetime(starts).to_string()));
        }
        Ok(LessonRecord {
            source_key: LessonKey::new(""),
            starts_at: from.at,
            ends_at: to.at,
            subject: SubjectName::default(),
            teachers: Vec::new(),
            groups: Vec::new(),
            room: None,
            state: LessonState::Normal,
            state_label: None,
            replaces: None,
            replaced_by: None,
            file: self.options.file.clone(),
            line: course.line,
        })
    }

    /// Start and end of a lesson by the grid.
    fn times(&self, course: &Course, notices: &mut Notices) -> Option<(Time, Time)> {
        let last = course.first_place + course.places - 1;
        let minutes = self.definitions.place_minutes;
        let mut place = |number: u32| {
            let found = self.definitions.places.get(&number).copied();
            if found.is_none() {
                notices.skipped(course.line, NoticeKind::UnknownReference("place", number.to_string()));
            }
            found
        };
        let (first, last) = (place(course.first_place)?, place(last)?);
        let add = |time: Time, minutes: u32| {
            let end = time.checked_add(jiff::Span::new().try_minutes(minutes).ok()?).ok()?;
            Some(end)
        };
        let starts = first.starts;
        // Where the grid gives no end, the length of a place does.
        let ends = last
            .ends
            .or_else(|| add(last.starts?, minutes?))
            .or_else(|| add(starts?, minutes?.checked_mul(course.places)?));
        match (starts, ends) {
            (Some(starts), Some(ends)) if starts < ends => Some((starts, ends)),
            (Some(_), Some(_)) => {
                notices.skipped(course.line, NoticeKind::EndNotAfterStart);
                None
            }
            _ => {
                notices.skipped(course.line, NoticeKind::NoStart);
                None
            }
        }
    }

    fn subject(&self, course: &Course, notices: &mut Notices) -> SubjectName {
        let Some(ident) = &course.subject else { return SubjectName::default() };
        self.definitions.subjects.get(ident).cloned().unwrap_or_else(|| {
            notices.kept(course.line, NoticeKind::UnknownReference("subject", ident.clone()));
            SubjectName::default()
        })
    }

    fn participant(
        &mut self,
        kind: PartKind,
        ident: &str,
        line: u32,
        notices: &mut Notices,
    ) -> Option<Participant> {
        let (found, what) = match kind {
            // Support staff make a lesson a lesson, but are not its teachers.
            PartKind::Staff => (Some(Participant::Staff), "staff member"),
            PartKind::Teacher => {
                (self.definitions.teachers.get(ident).cloned().map(Participant::Teacher), "teacher")
            }
            PartKind::Room => (self.definitions.rooms.get(ident).cloned().map(Participant::Room), "room"),
            PartKind::Class => (self.pupils(kind, ident).map(Participant::Group), "class"),
            PartKind::Part => (self.pupils(kind, ident).map(Participant::Group), "part of class"),
            PartKind::Group => (self.pupils(kind, ident).map(Participant::Group), "group"),
        };
        if found.is_none() {
            notices.kept(line, NoticeKind::UnknownReference(what, ident.to_owned()));
        }
        found
    }

    /// A set of pupils by its identifier.
    fn pupils(&mut self, kind: PartKind, ident: &str) -> Option<Arc<GroupName>> {
        let key = (kind, ident.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Some(Arc::clone(known));
        }
        let defined = self.definitions;
        let (kind, label, classes) = match kind {
            PartKind::Class => (GroupKind::Class, defined.classes.get(ident)?.clone(), Vec::new()),
            PartKind::Part => {
                let part = defined.parts.get(ident)?;
                (GroupKind::Part, part.label.clone(), self.class_of(part))
            }
            PartKind::Group => {
                let group = defined.groups.get(ident)?;
                (GroupKind::Group, group.label.clone(), self.classes_of(group))
            }
            PartKind::Teacher | PartKind::Staff | PartKind::Room => return None,
        };
        let found = Arc::new(GroupName { kind, label, classes });
        self.known.insert(key, Arc::clone(&found));
        Some(found)
    }

    fn class_of(&self, part: &PartDefinition) -> Vec<String> {
        part.class.iter().filter_map(|class| self.definitions.classes.get(class)).cloned().collect()
    }

    fn classes_of(&self, group: &GroupDefinition) -> Vec<String> {
        let direct = group.classes.iter().filter_map(|class| self.definitions.classes.get(class)).cloned();
        let by_parts = group
            .parts
            .iter()
            .filter_map(|part| self.definitions.parts.get(part))
            .flat_map(|part| self.class_of(part));
        let mut classes = Vec::new();
        for class in direct.chain(by_parts) {
            if classes.len() < MAX_CLASSES && !classes.contains(&class) {
                classes.push(class);
            }
        }
        classes
    }

    /// The number of the lesson; without one, its place in the week.
    fn key(&self, course: &Course, subject: &SubjectName) -> String {
        match &course.number {
            Some(number) => format!("edt-{number}"),
            None => format!("edt-j{}p{}-{}", course.day, course.first_place, subject.label),
        }
    }
}
