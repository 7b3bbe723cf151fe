//! Lessons as they are: types and the rules that pages and permits are made of. Pure.

use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::school::GroupName;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What happens to a lesson, compared with the ordinary timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LessonState {
    /// Takes place as planned.
    Normal,
    /// Does not take place.
    Cancelled,
    /// Takes place at another hour, in another room or with another teacher.
    Modified,
    /// Takes place only this once.
    Exceptional,
}

impl LessonState {
    /// The word for it in the database.
    pub const fn word(self) -> &'static str {
        match self {
            LessonState::Normal => "normal",
            LessonState::Cancelled => "cancelled",
            LessonState::Modified => "modified",
            LessonState::Exceptional => "exceptional",
        }
    }

    /// The state for a word of the database; an unknown word is an ordinary lesson.
    pub fn from_word(word: &str) -> LessonState {
        match word {
            "cancelled" => LessonState::Cancelled,
            "modified" => LessonState::Modified,
            "exceptional" => LessonState::Exceptional,
            _ => LessonState::Normal,
        }
    }
}

/// Somebody who holds a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LessonTeacher {
    /// Who.
    pub person: PersonId,
    /// Named by the head for this one lesson, in the place of the others.
    pub substitute: bool,
}

/// One dated lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// Its identifier.
    pub id: LessonId,
    /// The school.
    pub school: SchoolId,
    /// First instant, in milliseconds since the Unix epoch.
    pub starts_at: Millis,
    /// First instant after it; always later than `starts_at`.
    pub ends_at: Millis,
    /// The subject, if one is known.
    pub subject: Option<SubjectId>,
    /// What it is called when no subject is known.
    pub label: String,
    /// Room or rooms, as one label; empty when none is known.
    pub room: String,
    /// What happens to it.
    pub state: LessonState,
    /// The lesson that takes the place of this cancelled one.
    pub replaced_by: Option<LessonId>,
    /// A word of the school or of the teacher on it ("salle changée"); mostly empty.
    pub note: String,
    /// The head has declared it an exam: the gate lets those it concerns in first. An ordinary test in class is not
    /// one.
    pub exam: bool,
    /// Classes and groups, by identifier.
    pub groups: Vec<GroupId>,
    /// Who holds it; substitutes first.
    pub teachers: Vec<LessonTeacher>,
}

impl Lesson {
    /// Whether pages show it: everything but a cancelled lesson that was replaced.
    pub fn is_shown(&self) -> bool {
        self.replaced_by.is_none()
    }

    /// Whether it takes place.
    pub fn takes_place(&self) -> bool {
        self.state != LessonState::Cancelled && self.is_shown()
    }

    /// Whether it runs at `now`.
    pub fn runs_at(&self, now: Millis) -> bool {
        self.takes_place() && (self.starts_at..self.ends_at).contains(&now)
    }

    /// Whether it is still to take place, or taking place, at `now`: only then does it matter to the gate.
    pub fn is_ahead(&self, now: Millis) -> bool {
        self.takes_place() && self.ends_at > now
    }

    /// Whether `person` holds it: as its teacher, or as the substitute the head named.
    pub fn is_held_by(&self, person: PersonId) -> bool {
        self.teachers.iter().any(|teacher| teacher.person == person)
    }

    /// Who is in front of the class: the substitutes when there are any, else its teachers.
    pub fn acting_teachers(&self) -> impl Iterator<Item = PersonId> {
        let substituted = self.teachers.iter().any(|teacher| teacher.substitute);
        self.teachers
            .iter()
            .filter(move |teacher| teacher.substitute || !substituted)
            .map(|teacher| teacher.person)
    }
}

/// The lesson that a card shows at `now`: the one that runs, else the next to come. Cancelled ones are passed
/// over. When two run at once (an exceptional lesson over an ordinary one) the later begun counts.
pub fn current_or_next<'l>(lessons: impl IntoIterator<Item = &'l Lesson>, now: Millis) -> Option<&'l Lesson> {
    let (mut current, mut next): (Option<&Lesson>, Option<&Lesson>) = (None, None);
    for lesson in lessons.into_iter().filter(|lesson| lesson.takes_place() && lesson.ends_at > now) {
        if lesson.starts_at <= now {
            if current.is_none_or(|other| other.starts_at <= lesson.starts_at) {
                current = Some(lesson);
            }
        } else if next.is_none_or(|other| lesson.starts_at < other.starts_at) {
            next = Some(lesson);
        }
    }
    current.or(next)
}

/// First instant of a day and of the day after, where the school is. A day of the change of clocks has 23
/// or 25 hours.
pub fn day_bounds(day: Date, zone: &TimeZone) -> (Millis, Millis) {
    let start = |date: Date| {
        zone.to_ambiguous_zoned(date.to_datetime(jiff::civil::Time::midnight()))
            .compatible()
            .map_or(0, |at| at.timestamp().as_millisecond())
    };
    (start(day), start(day.saturating_add(1.day())))
}

/// A subject as timetables show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectName {
    /// "Histoire-géographie".
    pub name: String,
    /// Its place on the scale of subject colours, 0 to 11.
    pub hue: u8,
}

/// A lesson with the names that people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLesson {
    /// The lesson.
    pub lesson: Lesson,
    /// What is taught, or what the lesson is called.
    pub subject: SubjectName,
    /// Classes and groups, by name.
    pub groups: Vec<GroupName>,
    /// Who is in front of the class ("Mme Houblon"), in the order of [`Lesson::acting_teachers`].
    pub teachers: Vec<String>,
    /// Who usually holds it, when somebody else does today.
    pub instead_of: Vec<String>,
}

impl NamedLesson {
    /// "4A, 4B".
    pub fn class(&self) -> String {
        let labels: Vec<&str> = self.groups.iter().map(|group| group.label.as_str()).collect();
        labels.join(", ")
    }

    /// "Mme Houblon, M. Roitelet".
    pub fn teacher(&self) -> String {
        self.teachers.join(", ")
    }
}

/// A lesson for the tests of rules: only its times and its state matter.
#[cfg(test)]
pub(super) fn lesson_at(starts_at: Millis, ends_at: Millis, state: LessonState) -> Lesson {
    Lesson {
        id: LessonId::fresh(),
        school: SchoolId::from_raw(1),
        starts_at,
        ends_at,
        subject: None,
        label: String::new(),
        room: String::new(),
        state,
        replaced_by: None,
        note: String::new(),
        exam: false,
        groups: Vec::new(),
        teachers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn a_day_of_the_change_of_clocks_has_23_or_25_hours() {
        let zone = TimeZone::get("Europe/Paris").expect("a zone");
        let hours = |day| {
            let (from, to) = day_bounds(day, &zone);
            (to - from) / 3_600_000
        };
        assert_eq!(hours(date(2026, 11, 23)), 24);
        assert_eq!(hours(date(2026, 10, 25)), 25);
        assert_eq!(hours(date(2027, 3, 28)), 23);
    }

    #[test]
    fn a_substitute_stands_in_front_of_the_class() {
        let mut lesson = lesson_at(0, 1, LessonState::Normal);
        let (usual, other) = (PersonId::from_raw(1), PersonId::from_raw(2));
        lesson.teachers = vec![LessonTeacher { person: usual, substitute: false }];
        assert_eq!(lesson.acting_teachers().collect::<Vec<_>>(), [usual]);
        lesson.teachers.insert(0, LessonTeacher { person: other, substitute: true });
        assert_eq!(lesson.acting_teachers().collect::<Vec<_>>(), [other]);
        assert!(lesson.is_held_by(usual) && lesson.is_held_by(other));
    }

    fn lessons() -> impl Strategy<Value = Vec<Lesson>> {
        let state = prop_oneof![
            Just(LessonState::Normal),
            Just(LessonState::Cancelled),
            Just(LessonState::Modified),
            Just(LessonState::Exceptional)
        ];
        proptest::collection::vec(
            (0_i64..500, 1_i64..120, state)
                .prop_map(|(start, length, state)| lesson_at(start, start + length, state)),
            0..12,
        )
    }

    proptest! {
        #[test]
        fn the_card_never_shows_what_is_over_or_cancelled_and_forgets_nothing(lessons in lessons(), now in 0_i64..700) {
            let found = current_or_next(&lessons, now);
            let ahead: Vec<_> = lessons.iter().filter(|lesson| lesson.takes_place() && lesson.ends_at > now).collect();
            prop_assert_eq!(found.is_some(), !ahead.is_empty());
            if let Some(found) = found {
                prop_assert!(found.takes_place() && found.ends_at > now);
                let running = ahead.iter().any(|lesson| lesson.runs_at(now));
                prop_assert_eq!(found.runs_at(now), running);
                if !running {
                    prop_assert!(ahead.iter().all(|lesson| found.starts_at <= lesson.starts_at));
                }
            }
        }
    }
}
