//! The neutral records that every timetable reader produces.
//!
//! A record is one lesson on one date, never a rule: whoever reads it needs no knowledge of masks,
//! recurrences or time zones. Names and labels are kept as the file spells them; matching them with
//! the school's own people, classes and rooms is the application's work.
//!
//! Invariant: in a finished [`Timetable`] the keys are unique, lessons are sorted by start, and every
//! lesson ends after it starts.

use std::fmt;
use std::sync::Arc;

use jiff::{Timestamp, civil::Date};

use super::problem::Notice;

/// Identifies a lesson across successive exports of the same timetable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LessonKey(String);

impl LessonKey {
    /// Wraps a key that a reader composed.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// This key, told apart from others of the same name by the lesson's start.
    pub(crate) fn at(&self, start: Timestamp) -> Self {
        Self(format!("{}@{}", self.0, start.strftime("%Y%m%dT%H%MZ")))
    }

    /// The key as text, to be stored beside the lesson.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LessonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens to a lesson, compared with the ordinary timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LessonState {
    /// Takes place as planned.
    Normal,
    /// Does not take place (cancelled, teacher or class absent).
    Cancelled,
    /// Takes place with another hour, room or teacher than usual.
    Modified,
    /// Takes place only this once.
    Exceptional,
}

/// A teacher as the file names them; most exports give no more than a family name and an initial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TeacherName {
    /// Family name, in the file's spelling.
    pub family: String,
    /// First name, when the file gives it in full.
    pub given: Option<String>,
    /// Initials of the first name without dots ("S", "J-M"), when the file gives no more than that.
    pub initial: Option<String>,
}

/// What kind of set of pupils a label names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// A whole class (division).
    Class,
    /// A teaching group, perhaps across classes.
    Group,
    /// A named part of one class.
    Part,
}

/// A set of pupils that a lesson addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupName {
    /// Kind of set.
    pub kind: GroupKind,
    /// Label, without the brackets some exports put around it.
    pub label: String,
    /// Labels of the classes the pupils come from, as far as the file says; empty for a class.
    pub classes: Vec<String>,
}

/// A subject as the file names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubjectName {
    /// Label for people.
    pub label: String,
    /// Code of the national nomenclature or of the school, when given.
    pub code: Option<String>,
}

/// One lesson on one date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonRecord {
    /// Key that stays the same over successive exports, unique in its [`Timetable`].
    pub source_key: LessonKey,
    /// First instant of the lesson.
    pub starts_at: Timestamp,
    /// First instant after the lesson; always later than `starts_at`.
    pub ends_at: Timestamp,
    /// Subject; its label may be empty when the file names none.
    pub subject: SubjectName,
    /// Teachers, in the file's order. Shared between occurrences: one long list in a file of many
    /// weeks must not cost its length times the weeks.
    pub teachers: Vec<Arc<TeacherName>>,
    /// Sets of pupils, in the file's order; empty when the file names none.
    pub groups: Vec<Arc<GroupName>>,
    /// Room or rooms, as one label.
    pub room: Option<String>,
    /// State of the lesson.
    pub state: LessonState,
    /// The source's own word for the state ("Changement de salle"), when it has one.
    pub state_label: Option<String>,
    /// The cancelled lesson that this one stands in for.
    pub replaces: Option<LessonKey>,
    /// The lesson that takes the place of this cancelled one; such a lesson is not to be shown.
    pub replaced_by: Option<LessonKey>,
    /// Name of the file, as given by the caller.
    pub file: Arc<str>,
    /// Line where the lesson's description begins, from 1.
    pub line: u32,
}

impl LessonRecord {
    /// Whether a page should show it: everything but a cancelled lesson that was replaced.
    pub fn is_shown(&self) -> bool {
        self.replaced_by.is_none()
    }
}

/// Days without lessons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// First day off.
    pub first: Date,
    /// Last day off, included; never before `first`.
    pub last: Date,
    /// Label ("Vacances de la Toussaint").
    pub label: String,
}

impl Holiday {
    /// Whether the date is off.
    pub fn contains(&self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }
}

/// The format a timetable came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// iCalendar (RFC 5545).
    Ics,
    /// EDT's XML export.
    Edt,
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SourceFormat::Ics => "iCalendar (.ics)",
            SourceFormat::Edt => "EDT (.xml)",
        })
    }
}

/// What a file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Software that wrote the file.
    pub producer: Option<String>,
    /// Title of the calendar.
    pub name: Option<String>,
    /// Longer description of the calendar.
    pub description: Option<String>,
    /// School code (UAI), when the file carries one.
    pub school: Option<String>,
    /// First day covered.
    pub first_day: Option<Date>,
    /// Last day covered.
    pub last_day: Option<Date>,
}

/// Everything one file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// Format of the file.
    pub format: SourceFormat,
    /// What the file says about itself.
    pub header: Header,
    /// Lessons by start.
    pub lessons: Vec<LessonRecord>,
    /// Days off, in the file's order.
    pub holidays: Vec<Holiday>,
    /// What was skipped or guessed, in the file's order, at most [`super::Limits::notices`].
    pub notices: Vec<Notice>,
    /// How many further notices were not kept.
    pub notices_left_out: u32,
}
