//! What an import would do, or did: counts for programs, sentences for people.

use super::Plan;
use crate::ui::{Lang, Texts};
use preau_formats::timetable::{LessonRecord, Timetable};
use serde::Serialize;

/// Remarks kept of each kind; the rest is counted.
const REMARKS: usize = 200;

/// One remark on one line of the file.
#[derive(Debug, Clone, Serialize)]
pub struct Remark {
    /// Line, from 1; 0 when it concerns several.
    pub line: u32,
    /// What it is about.
    pub text: String,
}

/// Counts and remarks.
#[derive(Debug, Clone, Serialize)]
pub struct ImportReport {
    /// "iCalendar (.ics)" or "EDT (.xml)".
    pub format: String,
    /// The file's own title, if it has one.
    pub title: String,
    /// The school's UAI in the file, if it says so.
    pub school: Option<String>,
    /// Whether it was applied.
    pub applied: bool,
    /// Lessons in the file.
    pub lessons: usize,
    /// Lessons that are new.
    pub added: usize,
    /// Lessons that change.
    pub changed: usize,
    /// Lessons that go.
    pub removed: usize,
    /// Lessons that went but on which something hangs: they stay, cancelled.
    pub cancelled: usize,
    /// Lessons that are as they were.
    pub same: usize,
    /// Lessons that differ but were changed by hand, and stay so.
    pub by_hand: usize,
    /// Subjects that are new.
    pub subjects_added: usize,
    /// Holidays that are new.
    pub holidays_added: usize,
    /// Lessons left out.
    pub skipped: usize,
    /// Which and why; the first 200.
    pub skipped_lines: Vec<Remark>,
    /// Doubts; the first 200.
    pub warnings: Vec<Remark>,
    /// Further doubts that were not kept.
    pub warnings_left_out: u32,
}

impl ImportReport {
    pub(super) fn new(timetable: &Timetable) -> ImportReport {
        ImportReport {
            format: timetable.format.to_string(),
            title: timetable.header.name.clone().unwrap_or_default(),
            school: timetable.header.school.clone(),
            applied: false,
            lessons: timetable.lessons.len(),
            added: 0,
            changed: 0,
            removed: 0,
            cancelled: 0,
            same: 0,
            by_hand: 0,
            subjects_added: 0,
            holidays_added: 0,
            skipped: 0,
            skipped_lines: Vec::new(),
            warnings: Vec::new(),
            warnings_left_out: timetable.notices_left_out,
        }
    }

    pub(super) fn skip(&mut self, record: &LessonRecord, text: String) {
        self.skipped += 1;
        if self.skipped_lines.len() < REMARKS {
            self.skipped_lines.push(Remark { line: record.line, text });
        }
    }

    pub(super) fn doubts(&mut self, texts: impl Iterator<Item = String>) {
        for text in texts {
            self.warn(Remark { line: 0, text });
        }
    }

    pub(super) fn notices(&mut self, timetable: &Timetable, texts: &Texts) {
        for notice in &timetable.notices {
            let text = match texts.lang() {
                Lang::Fr => notice.fr(),
                Lang::En => notice.en(),
            };
            self.warn(Remark { line: notice.line, text });
        }
    }

    fn warn(&mut self, remark: Remark) {
        if self.warnings.len() < REMARKS {
            self.warnings.push(remark);
        } else {
            self.warnings_left_out += 1;
        }
    }

    pub(super) fn count(&mut self, plan: &Plan, subjects: usize, holidays: usize) {
        self.added = plan.add.len();
        self.changed = plan.change.len();
        self.removed = plan.remove.len();
        self.cancelled = plan.cancel.len();
        self.same = plan.same;
        self.by_hand = plan.by_hand;
        self.subjects_added = subjects;
        self.holidays_added = holidays;
    }

    /// Whether applying would change nothing.
    pub fn nothing_new(&self) -> bool {
        self.added + self.changed + self.removed + self.cancelled + self.holidays_added == 0
    }
}
