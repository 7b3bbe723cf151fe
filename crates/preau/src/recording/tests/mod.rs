//! Recordings over HTTP, as the people of the test school; and what a crash and time do to them (`files`), what the class was
//! shown (`board`), lessons on a LiveKit server (`remote`).

mod board;
mod files;
mod remote;

use super::model::{Recording, RecordingId, Setting, Shows, Track, TrackName, What};
use super::policy::{DeleteRecording, Record, SetRecording, WatchRecording};
use super::{store, tape};
use crate::ids::{LessonId, PersonId};
use crate::lesson::{LiveLesson, Recorder as _, Tapped};
use crate::testing::{Client, Matrix, People, Reply, TestSchool};
use bytes::Bytes;
use http::StatusCode;
use preau_sfu::TappedTrack;
use preau_sfu::codec::Codec;
use preau_sfu::grants::Source;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let lesson = LiveLesson {
        id: people.lesson,
        school: people.school,
        starts_at: 0,
        ends_at: 1,
        cancelled: false,
        label: "Français".into(),
        subject: Some(people.french),
        groups: vec![people.class_4a],
        teachers: vec![people.teacher],
        removed: vec![],
        opened: true,
    };
    let setting = Setting { school: people.school, what: What::Off, keep_days: 30 };
    matrix.row::<Setting, SetRecording>("of the school", &setting);
    let study_hall = LiveLesson { teachers: vec![], ..lesson.clone() };
    for (what, lesson) in [("of French in 4A", lesson), ("of study hall in 4A", study_hall)] {
        matrix.row::<LiveLesson, Record>(what, &lesson);
        let recording = Recording {
            id: RecordingId::from_raw(1),
            lesson,
            started_at: 0,
            ended_at: Some(1),
            ending: None,
            voices: false,
        };
        matrix.row::<Recording, WatchRecording>(what, &recording);
        matrix.row::<Recording, DeleteRecording>(what, &recording);
    }
    matrix.list::<Recording, WatchRecording>();
}

/// A recording of the French lesson that is over, with one small file; its number.
pub(crate) fn one_for_tests(school: &TestSchool) -> String {
    let id = RecordingId::fresh();
    let (lesson, at, by, now) =
        (school.people.lesson, school.people.school, school.people.teacher, school.clock.now());
    let name = TrackName { number: 1, shows: Shows::Microphone, person: by, begins: 0 };
    school.add(move |tx| {
        store::begin(tx, id, (lesson, at), by, false, now)?;
        store::add_track(tx, id, &Track { name, length: 1_000, size: 9, lost: 0 })?;
        store::end(tx, id, super::Ending::Teacher, now + 1_000)?;
        store::ready(tx, id)
    });
    let folder = folder_of(school, id);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name.to_string()), b"123456789").expect("written");
    id.to_string()
}

fn folder_of(school: &TestSchool, id: RecordingId) -> PathBuf {
    tape::folder_of(&school.app.platform.config().recording.folder, id)
}

/// What the head chooses.
async fn choose(school: &TestSchool, what: &str) {
    let mut head = school.signed_in(school.people.head);
    let number = school.people.school.to_string();
    let fields = [("school", number.as_str()), ("what", what), ("days", "30")];
    assert_eq!(head.post("/recordings/setting", &fields).await.status, StatusCode::SEE_OTHER);
}

/// The French lesson, open, with a room in the media server.
async fn lesson(school: &TestSchool) -> Client {
    let mut teacher = school.signed_in(school.people.teacher);
    let opening = format!("/lessons/{}/live/opening", school.people.lesson);
    assert_eq!(teacher.post_json(&opening, &json!({})).await.status, StatusCode::NO_CONTENT);
    school.app.live.rooms().make(school.people.lesson).await;
    teacher
}

async fn act(client: &mut Client, lesson: LessonId, what: &str) -> Reply {
    client.post_json(&format!("/lessons/{lesson}/recording/{what}"), &json!({})).await
}

async fn standing(client: &mut Client, lesson: LessonId) -> Value {
    client.get(&format!("/lessons/{lesson}/recording.json")).await.json()
}

/// The only recording there is.
fn only(school: &TestSchool) -> RecordingId {
    let scope = crate::access::Scope::School(school.people.school);
    let lines = school.ask(|conn| store::list(conn, &scope, None));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].id
}

/// Hands over what the media server would: so many seconds of the teacher's voice and camera, from `from` on.
fn teach(school: &TestSchool, began: Instant, from: u64, seconds: u64) {
    let studio = school.app.recordings.studio();
    let track = |source, sid: &str| {
        Arc::new(TappedTrack {
            room: crate::lesson::room_of(school.people.lesson).into(),
            sid: sid.into(),
            identity: school.people.teacher.to_string().into(),
            source,
        })
    };
    let (voice, camera) = (track(Source::Microphone, "TR_a"), track(Source::Camera, "TR_v"));
    for number in from * 50..(from + seconds) * 50 {
        let at = began + Duration::from_millis(number * 20);
        let (sequence, timestamp) = (number + 1, (number * 960) as u32);
        let speech = Bytes::from_static(&[0x48, 1, 2, 3]);
        studio.packet(
            Tapped {
                track: voice.clone(),
                codec: Codec::Opus,
                sequence,
                timestamp,
                marker: false,
                payload: speech,
            },
            at,
        );
        if number % 2 == 0 {
            // A key frame every second; 320 by 180.
            let key = u8::from(number % 50 != 0);
            let picture =
                Bytes::copy_from_slice(&[0x10, key, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0, number as u8]);
            let (sequence, timestamp) = (number / 2 + 1, (number * 1_800) as u32);
            studio.packet(
                Tapped {
                    track: camera.clone(),
                    codec: Codec::Vp8,
                    sequence,
                    timestamp,
                    marker: true,
                    payload: picture,
                },
                at,
            );
        }
    }
}

#[tokio::test]
async fn nothing_is_recorded_unless_the_head_allows_it() {
    let school = TestSchool::open();
    let people = school.people;
    let mut teacher = lesson(&school).await;
    let stands = standing(&mut teacher, people.lesson).await;
    assert_eq!(stands, json!({ "on": false, "voices": false, "may": false, "not": "off" }));
    let refused = act(&mut teacher, people.lesson, "beginning").await;
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (StatusCode::CONFLICT, json!("recording-off"))
    );
    let number = people.school.to_string();
    let fields = [("school", number.as_str()), ("what", "voices"), ("days", "30")];
    for (persona, person) in people.personas() {
        let status = school.signed_in(person).post("/recordings/setting", &fields).await.status;
        let expected = if person == people.head { StatusCode::SEE_OTHER } else { StatusCode::NOT_FOUND };
        assert_eq!(status, expected, "{persona}");
    }
    let mut head = school.signed_in(people.head);
    for days in ["0", "366", "", "many", "-1"] {
        let fields = [("school", number.as_str()), ("what", "off"), ("days", days)];
        let page = head.post("/recordings/setting", &fields).await;
        assert!(page.words().contains("entre 1 et 365"), "{days:?}");
    }
    let stands = standing(&mut teacher, people.lesson).await;
    assert_eq!(
        stands,
        json!({ "on": false, "voices": true, "may": true }),
        "the wrong numbers changed nothing"
    );
    let mut pupil = school.signed_in(people.pupil);
    assert_eq!(act(&mut pupil, people.lesson, "beginning").await.status, StatusCode::NOT_FOUND);
    let stands = standing(&mut pupil, people.lesson).await;
    assert_eq!(stands, json!({ "on": false, "voices": true, "may": false }));
}

/// From the beginning to the playback; on both engines.
async fn the_whole_way(school: TestSchool) {
    let people = school.people;
    choose(&school, "teacher").await;
    let mut teacher = lesson(&school).await;
    let mut pupil = school.signed_in(people.pupil);
    let hand = format!("/lessons/{}/live/hand", people.lesson);
    assert_eq!(act(&mut teacher, people.lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    let began = Instant::now();
    let again = act(&mut teacher, people.lesson, "beginning").await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "two clicks are one recording");
    assert_eq!(standing(&mut pupil, people.lesson).await["on"], true);
    let id = only(&school);
    let running = teacher.get(&format!("/recordings/{id}")).await;
    assert!(running.words().contains("encore en train d’être enregistré"));
    let message = json!({ "text": "Bonjour" });
    let chat = format!("/lessons/{}/live/messages", people.lesson);
    assert_eq!(pupil.post_json(&chat, &message).await.status, StatusCode::NO_CONTENT);
    for raised in [true, true, false] {
        assert_eq!(pupil.post_json(&hand, &json!({ "raised": raised })).await.status, StatusCode::NO_CONTENT);
    }
    teach(&school, began, 0, 6);
    // The microphone is closed for four seconds; the camera goes on.
    school.app.recordings.studio().paused(people.lesson, "TR_a");
    teach(&school, began, 10, 2);
    assert_eq!(act(&mut teacher, people.lesson, "ending").await.status, StatusCode::NO_CONTENT);
    school.app.recordings.studio().finish().await;
    assert_eq!(standing(&mut pupil, people.lesson).await["on"], false);
    assert_eq!(standing(&mut pupil, people.lesson).await["ended"], "teacher");

    let contents = pupil.get(&format!("/recordings/{id}/contents.json")).await.json();
    let mut files: Vec<(&str, u64, u64)> = Vec::new();
    for track in contents["tracks"].as_array().expect("tracks") {
        let number = |key: &str| track[key].as_u64().expect("a number");
        files.push((
            track["shows"].as_str().expect("a word"),
            number("begins") / 1_000,
            number("length") / 1_000,
        ));
        assert_eq!((&track["leads"], &track["name"]), (&json!(true), &json!("Soizic Houblon")));
    }
    files.sort_unstable();
    assert_eq!(files, [("camera", 0, 11), ("microphone", 0, 5), ("microphone", 10, 1)]);
    assert_eq!(contents["chat"][0]["text"], "Bonjour");
    let hands = contents["hands"].as_array().expect("hands");
    let hands: Vec<_> = hands.iter().map(|hand| (hand["name"].clone(), hand["up"].clone())).collect();
    assert_eq!(hands, [(json!("Maëlys Verdoyant"), json!(true)), (json!("Maëlys Verdoyant"), json!(false))]);
    assert_eq!(contents["room"]["polls"], json!({}));

    let inside = [people.pupil, people.classmate, people.teacher, people.head];
    let pages = [
        format!("/recordings/{id}"),
        format!("/recordings/{id}/contents.json"),
        format!("/recordings/{id}/tracks/1"),
    ];
    for (persona, person) in people.personas() {
        let mut client = school.signed_in(person);
        for page in &pages {
            let expected = if inside.contains(&person) { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(client.get(page).await.status, expected, "{page} as {persona}");
        }
    }
    let page = pupil.get(&format!("/lessons/{}", people.lesson)).await;
    assert!(page.text().contains(&format!("/recordings/{id}")), "the lesson's page names it");
    assert!(!pupil.get(&format!("/recordings/{id}")).await.text().contains("removal"));
    assert_eq!(pupil.post(&format!("/recordings/{id}/removal"), &[]).await.status, StatusCode::NOT_FOUND);
    let folder = folder_of(&school, id);
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 3);
    assert_eq!(teacher.post(&format!("/recordings/{id}/removal"), &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(pupil.get(&format!("/recordings/{id}")).await.status, StatusCode::NOT_FOUND);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_lesson_is_recorded_watched_by_its_class_and_deleted() {
    the_whole_way(TestSchool::open()).await;
}

#[tokio::test]
async fn a_lesson_is_recorded_on_postgres() {
    the_whole_way(TestSchool::open_on_postgres()).await;
}

fn header<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.headers[name].to_str().expect("text")
}

#[tokio::test]
async fn players_get_the_part_they_ask_for() {
    let school = TestSchool::open();
    let path = format!("/recordings/{}/tracks/1", one_for_tests(&school));
    let mut pupil = school.signed_in(school.people.pupil);
    let whole = pupil.get(&path).await;
    assert_eq!((whole.status, &whole.body[..]), (StatusCode::OK, &b"123456789"[..]));
    assert_eq!((header(&whole, "accept-ranges"), header(&whole, "content-type")), ("bytes", "audio/webm"));
    let part = pupil.get_with(&path, &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &b"345"[..]));
    assert_eq!((header(&part, "content-range"), header(&part, "content-length")), ("bytes 2-4/9", "3"));
    let beyond = pupil.get_with(&path, &[("range", "bytes=9-")]).await;
    assert_eq!((beyond.status, beyond.body.len()), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
    assert_eq!(header(&beyond, "content-range"), "bytes */9");
    // A part of another file than the one that is known already is not sent: all of this one is.
    let other = pupil.get_with(&path, &[("range", "bytes=2-4"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 9));
}

#[tokio::test]
async fn it_is_refused_without_people_without_room_and_beyond_the_number() {
    let school = TestSchool::configured(|config| config.recording.least_free_mib = 1_000_000_000);
    choose(&school, "teacher").await;
    let mut teacher = lesson(&school).await;
    let error = |reply: Reply| (reply.status, reply.json()["error"].as_str().unwrap_or_default().to_owned());
    let refused = |why: &str| (StatusCode::CONFLICT, why.to_owned());
    let begin = act(&mut teacher, school.people.lesson, "beginning").await;
    assert_eq!(error(begin), refused("recording-no-space"));

    let school = TestSchool::configured(|config| config.recording.parallel = 1);
    choose(&school, "teacher").await;
    let people = school.people;
    let mut other = school.signed_in(people.other_teacher);
    assert_eq!(error(act(&mut other, people.other_lesson, "beginning").await), refused("live-closed"));
    let opening = format!("/lessons/{}/live/opening", people.other_lesson);
    assert_eq!(other.post_json(&opening, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(error(act(&mut other, people.other_lesson, "beginning").await), refused("recording-nobody"));
    let mut teacher = lesson(&school).await;
    assert_eq!(act(&mut teacher, people.lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    school.app.live.rooms().make(people.other_lesson).await;
    assert_eq!(error(act(&mut other, people.other_lesson, "beginning").await), refused("recording-too-many"));
    let id = only(&school);
    assert_eq!(
        error(teacher.post_json(&format!("/recordings/{id}/removal"), &json!({})).await),
        refused("recording-still-runs")
    );
}

#[tokio::test]
async fn what_is_no_longer_allowed_ends_at_once() {
    let school = TestSchool::open();
    choose(&school, "voices").await;
    let mut teacher = lesson(&school).await;
    let lesson = school.people.lesson;
    assert_eq!(act(&mut teacher, lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    assert_eq!(standing(&mut teacher, lesson).await["voices"], true);
    choose(&school, "teacher").await;
    school.app.recordings.studio().finish().await;
    let stands = standing(&mut teacher, lesson).await;
    assert_eq!(
        (&stands["on"], &stands["ended"], &stands["may"]),
        (&json!(false), &json!("setting"), &json!(true))
    );
}

#[tokio::test]
async fn a_recording_outlasts_the_empty_room_of_a_class_that_sits_in_groups() {
    let school = TestSchool::open();
    choose(&school, "teacher").await;
    let mut teacher = lesson(&school).await;
    let lesson = school.people.lesson;
    let (state, rooms) = (school.app.recordings.clone(), school.app.live.rooms().clone());
    assert_eq!(act(&mut teacher, lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    let (id, began) = (only(&school), Instant::now());
    teach(&school, began, 0, 2);
    let here = crate::lesson::room_of(lesson);
    rooms.make_named(&format!("{here}-1")).await;
    rooms.delete_room(&here).await.expect("deleted");
    assert!(!state.settled(id, lesson).await, "the class may come back");
    assert_eq!(standing(&mut teacher, lesson).await["on"], true);
    rooms.make(lesson).await;
    assert!(state.settled(id, lesson).await, "it is together again");
    let room = rooms.list_rooms(vec![here.clone()]).await.expect("rooms");
    assert!(room[0].active_recording, "and told that it is recorded");
    teach(&school, began, 60, 2);
    // Everybody goes.
    for room in rooms.of_lesson(lesson).await.expect("rooms") {
        rooms.delete_room(&room).await.expect("deleted");
    }
    assert!(state.settled(id, lesson).await);
    state.studio().finish().await;
    let stands = standing(&mut teacher, lesson).await;
    assert_eq!((&stands["on"], &stands["ended"]), (&json!(false), &json!("lesson")));
    let tracks = school.ask(|conn| store::tracks(conn, id));
    let begins: Vec<u64> = tracks.iter().map(|track| track.name.begins / 1_000).collect();
    assert_eq!(begins, [0, 0, 60, 60], "a file before the groups and one after them");
}

fn person(school: &TestSchool) -> PersonId {
    school.people.teacher
}
