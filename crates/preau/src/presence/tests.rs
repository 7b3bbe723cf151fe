//! The log on a real store: batches, restarts of the writer, people and lessons that are gone.

use super::{Kind, Seen, Sighting, sightings};
use crate::edge::DeviceId;
use crate::ids::{LessonId, Millis, PersonId};
use crate::store::schema::{known_device, lesson, person, session};
use crate::testing::{AT_7_55, MINUTE, TestSchool};
use diesel::prelude::*;

fn sighting(school: &TestSchool, lesson: LessonId, who: PersonId) -> Option<Sighting> {
    school.ask(|conn| sightings(conn, &[lesson])).get(&(lesson, who)).copied()
}

/// A device that is known for these people's accounts.
fn device_of(school: &TestSchool, people: &[PersonId]) -> DeviceId {
    let (device, people) = (DeviceId::fresh(), people.to_vec());
    school.add(move |tx| {
        for who in people {
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
    device
}

/// Opens a session of somebody on a device.
fn sign_in_on(school: &TestSchool, device: DeviceId, who: PersonId, at: Millis) {
    school.add(move |tx| {
        diesel::insert_into(session::table)
            .values((
                session::token_hash.eq(format!("{}{who}{at}", device.text()).into_bytes()),
                session::person_id.eq(who),
                session::device_id.eq(device.text()),
                session::created_at.eq(at),
                session::expires_at.eq(at + 30 * 24 * 3_600_000),
                session::personal_device.eq(true),
            ))
            .execute(tx.conn())
    });
}

async fn a_stay_in_several_batches(school: &TestSchool) {
    let (people, log) = (school.people, &school.app.presence);
    for half_minute in 0..20 {
        log.note(people.lesson, people.pupil, Kind::Live, AT_7_55 + half_minute * 30_000);
        if half_minute % 7 == 0 {
            log.flush().await.expect("written");
        }
    }
    let device = device_of(school, &[people.classmate]);
    log.note_waiting(device, AT_7_55, AT_7_55);
    log.note_waiting(device, AT_7_55, AT_7_55 + MINUTE);
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
        let at = AT_7_55 + minutes * MINUTE;
        log.note_waiting(device_of(&school, &[who]), at, at);
    }
    // Nobody waits for a lesson of somebody else's, and teachers' places prove nothing about pupils.
    log.note_waiting(device_of(&school, &[people.teacher]), AT_7_55, AT_7_55);
    log.note_waiting(DeviceId::fresh(), AT_7_55, AT_7_55);
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

#[tokio::test]
async fn a_device_of_several_people_speaks_only_for_whoever_signs_in_on_it() {
    let school = TestSchool::open();
    let (people, log) = (school.people, &school.app.presence);
    let (siblings, now) = ([people.pupil, people.other_pupil], AT_7_55 + 5 * MINUTE);
    let device = device_of(&school, &siblings);
    log.note_waiting(device, AT_7_55, now);
    log.flush().await.expect("written");
    let lessons = [people.lesson, people.other_lesson];
    assert!(school.ask(|conn| sightings(conn, &lessons)).is_empty(), "it is not clear who waits");
    // Yesterday's sessions of both say nothing either; the one opened after the wait does.
    for who in siblings {
        sign_in_on(&school, device, who, AT_7_55 - 20 * 3_600_000);
    }
    log.note_waiting(device, AT_7_55, now);
    log.flush().await.expect("written");
    assert!(school.ask(|conn| sightings(conn, &lessons)).is_empty());
    sign_in_on(&school, device, people.pupil, now);
    log.note_waiting(device, AT_7_55, now);
    log.flush().await.expect("written");
    let waiting = Some(Seen { first: AT_7_55, last: now, stayed: 5 * MINUTE });
    assert_eq!(sighting(&school, people.lesson, people.pupil), Some(Sighting { live: None, waiting }));
    assert_eq!(sighting(&school, people.other_lesson, people.other_pupil), None);
}
