//! Timetables: what EDT, Pronote and other calendars export, and the slots a school enters by hand.
//!
//! Readers ([`read_ics`], [`read_edt`]) turn a file into a [`Timetable`] of dated [`LessonRecord`]s;
//! [`slots`] does the same for weekly slots. Nothing here knows people, classes or the database, and
//! nothing reads a clock.
//!
//! Invariants: memory is bounded whatever the file says (see [`Limits`]); a file that stops early is
//! refused, never half applied; every remark names file and line.

mod edt;
mod ics;
mod problem;
mod record;
mod settle;
pub mod slots;
mod text;
pub mod weeks;
mod zone;

use std::sync::Arc;

pub use edt::read_edt;
pub use ics::read_ics;
pub use problem::{Effect, Found, Notice, NoticeKind, TimetableError, WrongFormat};
pub use record::{
    GroupKind, GroupName, Header, Holiday, LessonKey, LessonRecord, LessonState, SourceFormat, SubjectName,
    TeacherName, Timetable,
};
pub use zone::{Instant, SchoolZone, UnknownZone};

/// Bounds that keep a hostile or mistaken file harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line of a calendar once unfolded, in bytes; longer ones are skipped with a notice.
    pub line_bytes: usize,
    /// Longest XML tag or text, in bytes; a longer one refuses the file.
    pub element_bytes: usize,
    /// Most lessons of one file; more refuse the file. A large lycée has about 40,000 a year.
    pub lessons: usize,
    /// Most notices kept; further ones are only counted.
    pub notices: usize,
    /// Longest stretch, in days, that a recurrence is followed: two school years.
    pub days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 64 * 1024,
            element_bytes: 256 * 1024,
            lessons: 200_000,
            notices: 1_000,
            days: 2 * 366,
        }
    }
}

/// How to read a file.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Name of the file, repeated in records and notices.
    pub file: Arc<str>,
    /// Zone for hours that name none.
    pub zone: SchoolZone,
    /// Bounds.
    pub limits: Limits,
}

impl ReadOptions {
    /// Options for a file of a school in metropolitan France, with the usual bounds.
    pub fn named(file: &str) -> Self {
        Self { file: Arc::from(file), zone: SchoolZone::paris(), limits: Limits::default() }
    }
}

/// Recognises a timetable by its first bytes (a few hundred are enough), `None` when it is neither.
pub fn sniff(start: &[u8]) -> Option<SourceFormat> {
    match text::describe_start(start) {
        Found::Calendar => Some(SourceFormat::Ics),
        Found::Xml(root) if edt::is_root(&root) => Some(SourceFormat::Edt),
        _ => None,
    }
}
