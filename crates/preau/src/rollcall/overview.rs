//! How the rolls stand, for the pages of student life, heads and teachers. It reads and decides nothing:
//! the caller has established whose school and lessons these are.

use super::model::{self, Answer, Entry};
use super::store;
use crate::ids::{LessonId, Millis, PersonId, SchoolId};
use crate::presence::{self, Sighting};
use crate::school;
use crate::store::Conn;
use diesel::QueryResult;
use std::collections::{HashMap, HashSet};

/// How far a roll call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Progress {
    /// Nobody has begun it.
    #[default]
    ToDo,
    /// Begun and not closed.
    InProgress,
    /// Closed.
    Done,
}

/// How the roll of one lesson stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollState {
    /// How far it is.
    pub progress: Progress,
    /// Pupils on the list.
    pub expected: u32,
    /// Of these, pupils there: by the register where it says so, else seen in the lesson or in the gate.
    pub present: u32,
}

/// A pupil whom nobody has seen in a lesson that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPupil {
    /// Who.
    pub pupil: PersonId,
    /// First name and name.
    pub name: String,
    /// The pupil's class: "4A"; empty when there is none.
    pub class: String,
    /// The lesson missed.
    pub lesson: LessonId,
    /// What the timetable calls it.
    pub lesson_label: String,
    /// Its teachers: "Mme Houblon".
    pub teachers: Vec<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub since: Millis,
    /// Whether a closed register says so; otherwise the roll has not been called yet.
    pub confirmed: bool,
}

/// The school at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchoolRoll {
    /// Pupils who have a lesson now.
    pub expected: u32,
    /// Of these, pupils there.
    pub seen: u32,
    /// Lessons running now.
    pub registers: u32,
    /// Of these, lessons whose register is closed.
    pub registers_done: u32,
    /// Pupils not there, by class and family name.
    pub missing: Vec<MissingPupil>,
}

/// Everything known of some lessons.
struct Rolls {
    begun: HashMap<LessonId, bool>,
    entries: HashMap<(LessonId, PersonId), Entry>,
    seen: HashMap<(LessonId, PersonId), Sighting>,
    expected: Vec<(LessonId, PersonId)>,
}

impl Rolls {
    fn load(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<Rolls> {
        Ok(Rolls {
            begun: store::begun(conn, lessons)?,
            entries: store::entries_of(conn, lessons)?,
            seen: presence::sightings(conn, lessons)?,
            expected: store::expected(conn, lessons)?,
        })
    }

    fn progress(&self, lesson: LessonId) -> Progress {
        match self.begun.get(&lesson) {
            None => Progress::ToDo,
            Some(false) => Progress::InProgress,
            Some(true) => Progress::Done,
        }
    }

    /// A closed register is believed; before that, whoever came counts.
    fn is_there(&self, lesson: LessonId, pupil: PersonId) -> bool {
        let (entry, seen) = (self.entries.get(&(lesson, pupil)), self.seen.get(&(lesson, pupil)));
        match (entry, self.progress(lesson)) {
            (Some(entry), Progress::Done) => entry.answer != Answer::Absent,
            // Late or in time makes no difference here, so neither does the beginning.
            _ => model::standing(entry.copied(), 0, seen) != Answer::Absent,
        }
    }
}

/// How the rolls of these lessons stand. A lesson without pupils or register is there too.
///
/// # Errors
/// The engine's.
pub fn state_of(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<HashMap<LessonId, RollState>> {
    let rolls = Rolls::load(conn, lessons)?;
    let mut states: HashMap<LessonId, RollState> = lessons
        .iter()
        .map(|lesson| (*lesson, RollState { progress: rolls.progress(*lesson), ..RollState::default() }))
        .collect();
    for (lesson, pupil) in &rolls.expected {
        if let Some(state) = states.get_mut(lesson) {
            state.expected += 1;
            state.present += u32::from(rolls.is_there(*lesson, *pupil));
        }
    }
    Ok(states)
}

/// Who is missing at `now` in the lessons of a school. A pupil with two lessons at once (a class and a
/// group of it) counts once, and is there when seen in either.
///
/// # Errors
/// The engine's.
pub fn missing_now(conn: &mut Conn, school: SchoolId, now: Millis) -> QueryResult<SchoolRoll> {
    let running = store::running(conn, school, now)?;
    let lessons: Vec<LessonId> = running.iter().map(|lesson| lesson.lesson).collect();
    let rolls = Rolls::load(conn, &lessons)?;
    let mut there: HashSet<PersonId> = HashSet::new();
    let mut first_missed: HashMap<PersonId, usize> = HashMap::new();
    let place: HashMap<LessonId, usize> =
        lessons.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    for (lesson, pupil) in &rolls.expected {
        if rolls.is_there(*lesson, *pupil) {
            there.insert(*pupil);
        } else if let Some(place) = place.get(lesson) {
            first_missed.entry(*pupil).and_modify(|known| *known = (*known).min(*place)).or_insert(*place);
        }
    }
    first_missed.retain(|pupil, _| !there.contains(pupil));
    let ids: Vec<PersonId> = first_missed.keys().copied().collect();
    let names = store::pupils(conn, &ids)?;
    let teachers = store::teachers(conn, &lessons)?;
    let called = school::formal_names(conn, &teachers.values().flatten().copied().collect::<Vec<_>>())?;
    let named = |lesson: LessonId| -> Vec<String> {
        teachers
            .get(&lesson)
            .into_iter()
            .flatten()
            .filter_map(|teacher| called.get(teacher).cloned())
            .collect()
    };
    let mut missing: Vec<((String, String, String), MissingPupil)> = first_missed
        .into_iter()
        .filter_map(|(pupil, place)| {
            let (who, lesson) = (names.get(&pupil)?.clone(), &running[place]);
            let line = MissingPupil {
                pupil,
                name: format!("{} {}", who.given, who.family).trim().to_owned(),
                class: who.class.clone(),
                lesson: lesson.lesson,
                lesson_label: lesson.label.clone(),
                teachers: named(lesson.lesson),
                since: lesson.starts_at,
                confirmed: rolls.progress(lesson.lesson) == Progress::Done,
            };
            Some(((who.class, who.family, who.given), line))
        })
        .collect();
    missing.sort_by(|a, b| (&a.0, a.1.pupil).cmp(&(&b.0, b.1.pupil)));
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(SchoolRoll {
        expected: count(there.len() + missing.len()),
        seen: count(there.len()),
        registers: count(lessons.len()),
        registers_done: count(
            lessons.iter().filter(|lesson| rolls.progress(**lesson) == Progress::Done).count(),
        ),
        missing: missing.into_iter().map(|(_, line)| line).collect(),
    })
}
