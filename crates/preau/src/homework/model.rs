//! Homework as it is: types and the rules on what may be written. Pure.

use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::typed_id;
use jiff::civil::Date;

typed_id!(
    /// One entry of the lesson log, with or without work to do.
    HomeworkId
);
typed_id!(
    /// What one pupil handed in for one piece of work.
    SubmissionId
);

/// Longest text, in characters: two dense pages.
pub(super) const LONGEST_TEXT: usize = 8_000;
/// How far ahead work may be due, in days: a school year.
pub(super) const FARTHEST_DUE_DAYS: i32 = 366;

/// An entry of the lesson log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homework {
    /// Its identifier.
    pub id: HomeworkId,
    /// The school.
    pub school: SchoolId,
    /// The class or group it is for.
    pub group: GroupId,
    /// The teacher who wrote it.
    pub author: PersonId,
    /// The subject, if one is named.
    pub subject: Option<SubjectId>,
    /// The day it was given.
    pub given_on: Date,
    /// The day the work is due; absent when there is none to do.
    pub due: Option<Date>,
    /// What was done in class.
    pub lesson_log: String,
    /// What is to be done.
    pub work: String,
    /// Whether pupils hand something in here.
    pub hand_in: bool,
}

/// What a teacher writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// The subject, if one is named.
    pub(super) subject: Option<SubjectId>,
    /// The day the work is due.
    pub(super) due: Option<Date>,
    /// What was done in class.
    pub(super) lesson_log: String,
    /// What is to be done.
    pub(super) work: String,
    /// Whether pupils hand something in here.
    pub(super) hand_in: bool,
}

/// Why a draft cannot be published. Each names a text `homework-fault-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Neither text says anything.
    Empty,
    /// A text is too long.
    TooLong,
    /// There is work but no day.
    NoDueDate,
    /// The day is past, or more than a year ahead.
    DueOutOfRange,
    /// The day cannot be read.
    DueUnreadable,
}

impl Fault {
    /// The text that tells the teacher.
    pub(super) fn key(self) -> &'static str {
        match self {
            Fault::Empty => "homework-fault-empty",
            Fault::TooLong => "homework-fault-too-long",
            Fault::NoDueDate => "homework-fault-no-due-date",
            Fault::DueOutOfRange => "homework-fault-due-out-of-range",
            Fault::DueUnreadable => "homework-fault-due-unreadable",
        }
    }
}

impl Draft {
    /// Reads what was typed. `due` is what a date field sends: `YYYY-MM-DD` or nothing. A day that was
    /// already `kept` may stay although it is past.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub(super) fn read(
        subject: Option<SubjectId>,
        due: &str,
        lesson_log: &str,
        work: &str,
        hand_in: bool,
        today: Date,
        kept: Option<Date>,
    ) -> Result<Draft, Fault> {
        if lesson_log.is_empty() && work.is_empty() {
            return Err(Fault::Empty);
        }
        if lesson_log.chars().count().max(work.chars().count()) > LONGEST_TEXT {
            return Err(Fault::TooLong);
        }
        let due = match due {
            "" => None,
            text => Some(text.parse::<Date>().map_err(|_| Fault::DueUnreadable)?),
        };
        if work.is_empty() {
            // Without work there is nothing that could be due or handed in.
            return Ok(Draft {
                subject,
                due: None,
                lesson_log: lesson_log.into(),
                work: String::new(),
                hand_in: false,
            });
        }
        let Some(day) = due else { return Err(Fault::NoDueDate) };
        let ahead = (day - today).get_days();
        if due != kept && !(0..=FARTHEST_DUE_DAYS).contains(&ahead) {
            return Err(Fault::DueOutOfRange);
        }
        Ok(Draft { subject, due, lesson_log: lesson_log.into(), work: work.into(), hand_in })
    }
}

/// What a pupil handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its identifier.
    pub id: SubmissionId,
    /// For which piece of work.
    pub homework: HomeworkId,
    /// The class or group the work was given to.
    pub group: GroupId,
    /// By whom.
    pub pupil: PersonId,
    /// The text; it may be empty when there are files.
    pub body: String,
    /// When, in milliseconds since the Unix epoch.
    pub handed_in_at: i64,
}

/// A line of a list of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkLine {
    /// Which.
    pub id: HomeworkId,
    /// Class or group.
    pub group: GroupId,
    /// Its name.
    pub group_label: String,
    /// The subject's name, or nothing.
    pub subject: String,
    /// The subject's hue, 0 to 11.
    pub hue: i32,
    /// The day it was given.
    pub given_on: Date,
    /// The day it is due, if any.
    pub due: Option<Date>,
    /// What was done in class.
    pub lesson_log: String,
    /// What is to be done.
    pub work: String,
    /// Whether something is to be handed in.
    pub hand_in: bool,
    /// Whether the pupil it was listed for ticked it.
    pub done: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 23);

    fn draft(due: &str, log: &str, work: &str) -> Result<Draft, Fault> {
        Draft::read(None, due, log, work, true, TODAY, None)
    }

    #[test]
    fn work_needs_a_day_within_a_year() {
        assert_eq!(draft("", "", "Exercice 3"), Err(Fault::NoDueDate));
        assert_eq!(draft("2026-11-22", "", "Exercice 3"), Err(Fault::DueOutOfRange));
        assert_eq!(draft("2028-01-01", "", "Exercice 3"), Err(Fault::DueOutOfRange));
        assert_eq!(draft("23/11/2026", "", "Exercice 3"), Err(Fault::DueUnreadable));
        assert!(draft("2026-11-23", "", "Exercice 3").is_ok());
    }

    #[test]
    fn a_day_that_was_kept_may_be_past() {
        let kept = Some(date(2026, 11, 2));
        assert!(Draft::read(None, "2026-11-02", "", "Exercice 3", false, TODAY, kept).is_ok());
        assert_eq!(
            Draft::read(None, "2026-11-03", "", "Exercice 3", false, TODAY, kept),
            Err(Fault::DueOutOfRange)
        );
    }

    #[test]
    fn a_lesson_log_alone_has_nothing_due() {
        let draft = draft("2026-11-30", "Lecture du chapitre 2", "").expect("accepted");
        assert_eq!((draft.due, draft.hand_in), (None, false));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(draft("", "", ""), Err(Fault::Empty));
        assert_eq!(draft("", &"é".repeat(LONGEST_TEXT + 1), ""), Err(Fault::TooLong));
        assert!(draft("", &"é".repeat(LONGEST_TEXT), "").is_ok());
    }
}
