//! The log on a real store: batches, restarts of the writer, people and lessons that are gone.

use super::{Kind, Seen, Sighting, sightings};
use crate::edge::{DeviceId, Waiting as _};
use crate::ids::{LessonId, PersonId};
use crate::store::schema::{known_device, lesson, person};
use crate::testing::{AT_7_55, MINUTE, TestSchool};
use diesel::prelude::*;

fn sighting(school: &TestSchool, lesson: LessonId, who: PersonId) -> Option<Sighting> {
    school.ask(|conn| sightings(conn, &[lesson])).get(&(lesson, who)).copied()
}

async fn a_stay_in_several_batches(school: &TestSchool) {
    let (people, log) = (school.people, &school.app.presence);
    for half_minute in 0..20 {
        log.note(people.lesson, people.pupil, Kind::Live, AT_7_55 + half_minute * 30_000);
        if half_minute % 7 == 0 {
            log.flush().await.expect("written");
        }
    }
    log.note_waiting(people.classmate, AT_7_55);
    log.note_waiting(people.classmate, AT_7_55 + MINUTE);
    log.flush().await.expect("written");
    log.flush().await.expect("nothing to write");
    let end = AT_7_55 + 19 * 30_000;
    let live = Some(Seen { first: AT_7_55, last: end, stayed: end - AT_7_55 });
    assert_eq!(sighting(school, people.lesson, people.pupil), Some(Sighting { live, waiting: None }));
    let waiting = Some(Seen { first: AT_7_55, last: AT_7_55 + MINUTE, stayed: MINUTE });
    assert_eq!(sighting(school, people.lesson, people.classmate), Some(Sighting { live: None, waiting }));
    assert_eq!(sighting(school, people.other_lesson, people.pupil), None);
}

#[tokio::test]
async fn a_stay_in_several_batches_on_sqlite() {
    a_stay_in_several_batches(&TestSchool::open()).await;
}

#[tokio::test]
async fn a_stay_in_several_batches_on_postgresql() {
    a_stay_in_several_batches(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn waiting_counts_for_a_lesson_that_runs_or_begins_within_half_an_hour() {
    let school = TestSchool::open();
    let (people, log) = (school.people, &school.app.presence);
    // The lesson runs from five minutes after to an hour after.
    for (who, minutes) in [(people.pupil, -26), (people.classmate, 61), (people.other_pupil, 59)] {
        log.note_waiting(who, AT_7_55 + minutes * MINUTE);
    }
    // Nobody waits for a lesson of somebody else's, and teachers' places prove nothing about pupils.
    log.note_waiting(people.teacher, AT_7_55);
    log.flush().await.expect("written");
    assert_eq!(sighting(&school, people.lesson, people.pupil), None);
    assert_eq!(sighting(&school, people.lesson, people.classmate), None);
    assert!(sighting(&school, people.other_lesson, people.other_pupil).is_some());
    let all = school.ask(|conn| sightings(conn, &[people.lesson, people.other_lesson]));
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn what_is_gone_does_not_hold_up_the_others() {
    let school = TestSchool::open();
    let (people, log) = (school.people, &school.app.presence);
    let (lost, gone) = (LessonId::from_raw(7), people.classmate);
    school.add(move |tx| {
        diesel::delete(person::table.find(gone.get())).execute(tx.conn())?;
        diesel::update(lesson::table).set(lesson::note.eq("")).execute(tx.conn())
    });
    log.note(lost, people.pupil, Kind::Live, AT_7_55);
    log.note(people.lesson, gone, Kind::Live, AT_7_55);
    log.note(people.lesson, people.pupil, Kind::Live, AT_7_55);
    log.flush().await.expect("written");
    assert!(sighting(&school, people.lesson, people.pupil).is_some());
    assert_eq!(school.ask(|conn| sightings(conn, &[lost, people.lesson])).len(), 1);
}

#[tokio::test]
async fn a_flush_that_is_given_up_loses_nothing() {
    let school = TestSchool::open();
    let (people, log) = (school.people, school.app.presence.clone());
    log.note(people.lesson, people.pupil, Kind::Live, AT_7_55);
    {
        let mut flush = std::pin::pin!(log.flush());
        // One look, then whoever asked goes away in the middle of the write.
        let _ = futures_util::poll!(flush.as_mut());
    }
    log.flush().await.expect("written");
    let seen = sighting(&school, people.lesson, people.pupil).expect("seen");
    assert_eq!(seen.live, Some(Seen::at(AT_7_55)));
}

#[tokio::test]
async fn stopping_writes_the_rest() {
    let school = TestSchool::open();
    let (people, log) = (school.people, school.app.presence.clone());
    log.note(people.lesson, people.pupil, Kind::Waiting, AT_7_55);
    log.keep_writing(std::future::ready(())).await;
    assert!(sighting(&school, people.lesson, people.pupil).is_some());
}

/// Somebody who waits in the gate counts from the hour of their ticket: at once where one person alone
/// has signed in on the device, otherwise as soon as it is known who they are.
async fn a_place_in_the_queue_is_presence(school: &TestSchool) {
    let (people, log) = (school.people, &school.app.presence);
    let (own, shared, strange) = (DeviceId::fresh(), DeviceId::fresh(), DeviceId::fresh());
    let holders = [(own, people.pupil), (shared, people.pupil), (shared, people.classmate)];
    school.add(move |tx| {
        for (device, who) in holders {
            diesel::insert_into(known_device::table)
                .values((
                    known_device::person_id.eq(who),
                    known_device::device_id.eq(device.text()),
                    known_device::last_used_at.eq(0),
                ))
                .execute(tx.conn())?;
        }
        Ok(())
    });
    for device in [own, shared, strange] {
        log.on_device(device, AT_7_55, AT_7_55 + 2 * MINUTE);
    }
    log.flush().await.expect("written");
    let waited = |from, to| Some(Seen { first: from, last: to, stayed: to - from });
    let of = |who| sighting(school, people.lesson, who).and_then(|sighting| sighting.waiting);
    assert_eq!(of(people.pupil), waited(AT_7_55, AT_7_55 + 2 * MINUTE));
    assert_eq!(of(people.classmate), None, "it could be either of two");
    log.by_person(people.classmate, AT_7_55 + MINUTE, AT_7_55 + 9 * MINUTE);
    log.flush().await.expect("written");
    assert_eq!(of(people.classmate), waited(AT_7_55 + MINUTE, AT_7_55 + 9 * MINUTE));
}

#[tokio::test]
async fn a_place_in_the_queue_is_presence_on_sqlite() {
    a_place_in_the_queue_is_presence(&TestSchool::open()).await;
}

#[tokio::test]
async fn a_place_in_the_queue_is_presence_on_postgresql() {
    a_place_in_the_queue_is_presence(&TestSchool::open_on_postgres()).await;
}
