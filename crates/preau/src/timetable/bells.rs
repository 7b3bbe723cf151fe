//! What the gate must know of the timetable: the lessons of the next half hour and those that run, with
//! whom they concern.
//!
//! Told once a minute, from a thread that may wait for the database; between two tellings the gate knows
//! what it was told. It names groups and teachers by number and nobody by name. Invariant: a lesson that does
//! not take place is not told.

use super::model::Lesson;
use super::store;
use crate::edge::Platform;
use crate::edge::admission::{DueKey, NearLesson};
use crate::ids::{GroupId, Millis};
use crate::school;
use crate::store::{Conn, StoreError};
use preau_gate::{LessonId, Moment};
use std::collections::HashMap;
use std::time::Duration;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
const MINUTE: Millis = 60_000;
/// The longest lesson that still runs: an examination of four hours and a half.
const LONGEST: Millis = 270 * MINUTE;
/// Access opens a quarter of an hour before the bell, and who comes a quarter before that must know it.
const AHEAD: Millis = 40 * MINUTE;

/// Tells the gate which lessons are near, for ever.
pub async fn keep_gate_informed(platform: Platform) {
    loop {
        match near(&platform).await {
            Ok(lessons) => platform.door().announce(&lessons),
            Err(error) => tracing::warn!(%error, "the gate was not told the lessons that are near"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What the gate is told now.
pub(super) async fn near(platform: &Platform) -> Result<Vec<NearLesson>, StoreError> {
    let now = platform.now();
    platform.store().read::<_, StoreError, _>(move |conn| Ok(read(conn, now)?)).await
}

fn read(conn: &mut Conn, now: Millis) -> diesel::QueryResult<Vec<NearLesson>> {
    let lessons = store::lessons_everywhere(conn, now - LONGEST, now + AHEAD)?;
    let lessons: Vec<Lesson> =
        lessons.into_iter().filter(|lesson| lesson.takes_place() && lesson.ends_at > now).collect();
    let mut groups: Vec<GroupId> = lessons.iter().flat_map(|lesson| lesson.groups.iter().copied()).collect();
    groups.sort_unstable();
    groups.dedup();
    let sizes = school::group_sizes(conn, &groups)?;
    Ok(lessons.iter().map(|lesson| told(lesson, &sizes)).collect())
}

fn told(lesson: &Lesson, sizes: &HashMap<GroupId, u32>) -> NearLesson {
    let pupils: u32 = lesson.groups.iter().filter_map(|group| sizes.get(group)).sum();
    let teachers: Vec<DueKey> = lesson.acting_teachers().map(|person| DueKey::person(person.get())).collect();
    let moment = |at: Millis| Moment::from_unix_millis(u64::try_from(at).unwrap_or(0));
    NearLesson {
        lesson: preau_gate::Lesson {
            id: LessonId(lesson.id.get().unsigned_abs()),
            school: lesson.school.get().unsigned_abs(),
            begins: moment(lesson.starts_at),
            ends: moment(lesson.ends_at),
            people: pupils.saturating_add(u32::try_from(teachers.len()).unwrap_or(0)),
            exam: lesson.exam,
        },
        keys: lesson.groups.iter().map(|group| DueKey::group(group.get())).chain(teachers).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LessonId, PersonId, SchoolId};
    use crate::timetable::{LessonState, LessonTeacher};

    #[test]
    fn a_lesson_is_told_with_its_people_and_the_one_who_gives_it() {
        let (class, group) = (GroupId::from_raw(7), GroupId::from_raw(8));
        let teacher = |person, substitute| LessonTeacher { person: PersonId::from_raw(person), substitute };
        let lesson = Lesson {
            id: LessonId::from_raw(3),
            school: SchoolId::from_raw(1),
            starts_at: 1_000_000,
            ends_at: 4_000_000,
            subject: None,
            label: "Français".into(),
            room: String::new(),
            state: LessonState::Normal,
            replaced_by: None,
            note: String::new(),
            exam: true,
            groups: vec![class, group],
            teachers: vec![teacher(21, true), teacher(20, false)],
        };
        let near = told(&lesson, &HashMap::from([(class, 27), (group, 3)]));
        assert_eq!((near.lesson.people, near.lesson.begins.unix_seconds()), (31, 1_000));
        assert!(near.lesson.exam, "the gate hears that it is an exam");
        assert_eq!(near.keys, [DueKey::group(7), DueKey::group(8), DueKey::person(21)]);
    }
}
