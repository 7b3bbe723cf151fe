//! Lessons that never stop: an ordinary school week, and around the present hour a day of lessons back
//! to back, whatever the hour, so that a visitor at night finds a lesson in progress too.

use super::fill::{UAI, monday_of};
use super::plan::{SUBJECTS, preference};
use super::store;
use crate::access::SystemPermit;
use crate::ids::{GroupId, Millis, PersonId, SubjectId};
use crate::school;
use crate::store::{Store, StoreError};
use jiff::{ToSpan as _, Zoned};
use std::collections::HashSet;

/// Hours at which the lessons of an ordinary day begin; each lasts an hour.
const ORDINARY: [i8; 7] = [8, 9, 10, 11, 13, 14, 15];
/// Weeks before and after the present one that have lessons.
const WEEKS: std::ops::RangeInclusive<i32> = -1..=1;
/// Hours of lessons kept ahead of the present one, back to back.
const AHEAD: i64 = 6;
/// Hours of lessons behind the present one, so that the day has a past.
const BEHIND: i64 = 1;
/// How often a running demonstration looks whether lessons run out.
const EVERY: std::time::Duration = std::time::Duration::from_secs(600);

/// A lesson to be.
pub(super) struct Planned {
    pub(super) group: GroupId,
    pub(super) teacher: PersonId,
    pub(super) subject: SubjectId,
    pub(super) label: &'static str,
    pub(super) room: String,
    pub(super) starts_at: Millis,
    pub(super) ends_at: Millis,
}

/// Puts lessons into this week and its neighbours and around `now`; what is there already stays.
///
/// # Errors
/// The store's.
pub(super) fn put_lessons(store: &Store, now: &Zoned) -> anyhow::Result<()> {
    let mut hours: Vec<Zoned> = Vec::new();
    let this_hour =
        now.round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc))?;
    for hour in -BEHIND..=AHEAD {
        hours.push(this_hour.checked_add(hour.hours())?);
    }
    let today = now.date();
    for week in WEEKS {
        for day in 0..5 {
            let date = monday_of(now) + (week * 7 + day).days();
            if date == today {
                continue;
            }
            for hour in ORDINARY {
                hours.push(date.at(hour, 0, 0, 0).to_zoned(now.time_zone().clone())?);
            }
        }
    }
    let instants: Vec<(usize, usize, Millis)> = hours
        .iter()
        .map(|start| {
            let day = usize::from(start.date().weekday().to_monday_zero_offset().unsigned_abs());
            (day, usize::from(start.hour().unsigned_abs()), start.timestamp().as_millisecond())
        })
        .collect();
    store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
        let Some(school) = school::school_by_uai(tx.conn(), UAI)? else { return Ok(()) };
        let classes = store::classes(tx.conn(), school)?;
        for (day, hour, starts_at) in instants {
            for lesson in lessons_of_hour(&classes, day, hour, starts_at) {
                store::insert_lesson(tx, school, &lesson)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// What every class has in one hour, with no teacher in two places.
fn lessons_of_hour(
    classes: &[(GroupId, String, Vec<(SubjectId, PersonId)>)],
    day: usize,
    hour: usize,
    starts_at: Millis,
) -> Vec<Planned> {
    let mut busy: HashSet<PersonId> = HashSet::new();
    let mut lessons = Vec::new();
    for (at, (group, _, taught)) in classes.iter().enumerate() {
        let free = preference(at, day, hour)
            .filter_map(|subject| taught.get(subject).map(|found| (subject, *found)))
            .find(|(_, (_, teacher))| !busy.contains(teacher));
        let Some((order, (subject, teacher))) = free else { continue };
        busy.insert(teacher);
        lessons.push(Planned {
            group: *group,
            teacher,
            subject,
            label: SUBJECTS[order].label,
            room: format!("B{:02}", at + 1),
            starts_at,
            ends_at: starts_at + 3_600_000,
        });
    }
    lessons
}

/// Keeps lessons going for as long as the demonstration runs.
pub async fn keep_going(store: Store, zone: jiff::tz::TimeZone) {
    loop {
        tokio::time::sleep(EVERY).await;
        let (store, zone) = (store.clone(), zone.clone());
        let put =
            tokio::task::spawn_blocking(move || put_lessons(&store, &jiff::Timestamp::now().to_zoned(zone)));
        if let Ok(Err(error)) = put.await {
            tracing::warn!(%error, "the demonstration's lessons could not be extended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_teacher_is_in_two_places_and_no_class_without_a_lesson() {
        let mut teachers: Vec<Vec<PersonId>> = Vec::new();
        let mut next = 1;
        for subject in &SUBJECTS {
            teachers.push(
                (0..subject.teachers)
                    .map(|_| {
                        next += 1;
                        PersonId::from_raw(next)
                    })
                    .collect(),
            );
        }
        let classes: Vec<_> = (0..19)
            .map(|at| {
                let taught = teachers
                    .iter()
                    .enumerate()
                    .map(|(subject, those)| {
                        (SubjectId::from_raw(subject as i64 + 1), those[at % those.len()])
                    })
                    .collect();
                (GroupId::from_raw(at as i64 + 1), format!("{at}"), taught)
            })
            .collect();
        for day in 0..7 {
            for hour in 0..24 {
                let lessons = lessons_of_hour(&classes, day, hour, 0);
                let teachers: HashSet<_> = lessons.iter().map(|lesson| lesson.teacher).collect();
                assert_eq!((lessons.len(), teachers.len()), (19, 19), "day {day}, hour {hour}");
            }
        }
    }
}
