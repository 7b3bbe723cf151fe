//! Recordings of lessons on a LiveKit server, as far as they can be seen without one: what the button says, and what becomes
//! of a recording whose recorder was cut off; on both engines. With both services: the journey `recording-egress`.

use super::*;
use crate::config::{Config, LiveEngine};
use crate::recording::Ending;
use crate::recording::egress::pictures;
use crate::recording::tape::Fact;
use crate::store::journal_lines;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A LiveKit server, on which nobody answers.
fn on_livekit(config: &mut Config) {
    config.live.engine = LiveEngine::Livekit;
    config.live.url = Some("ws://127.0.0.1:9".into());
    config.live.key = Some("key".into());
    config.live.secret = Some("a secret of thirty-two characters".into());
}

/// … with a recorder that writes into `folder`.
fn with_a_recorder(folder: &Path) -> impl FnOnce(&mut Config) + use<> {
    let place = folder.join("egress");
    move |config| {
        on_livekit(config);
        config.recording.egress_folder = Some(place);
    }
}

#[tokio::test]
async fn on_a_livekit_server_the_button_says_that_it_cannot() {
    let school = TestSchool::configured(on_livekit);
    choose(&school, "teacher").await;
    let people = school.people;
    school.set_room(people.lesson, people.teacher, false);
    let mut teacher = school.signed_in(people.teacher);
    let stands = standing(&mut teacher, people.lesson).await;
    assert_eq!(stands, json!({ "on": false, "voices": false, "may": false, "not": "engine" }));
    let refused = act(&mut teacher, people.lesson, "beginning").await;
    assert_eq!(refused.json()["error"], "recording-engine");
}

async fn the_button_says_what_fails(school: TestSchool, folder: &Path) {
    choose(&school, "teacher").await;
    let people = school.people;
    school.set_room(people.lesson, people.teacher, false);
    let mut teacher = school.signed_in(people.teacher);
    let stands = standing(&mut teacher, people.lesson).await;
    assert_eq!(stands, json!({ "on": false, "voices": false, "may": true, "late": true }));
    let refused = act(&mut teacher, people.lesson, "beginning").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(standing(&mut teacher, people.lesson).await["on"], false, "nothing is left half begun");
    // Folders of recordings that are no more go on both sides.
    let stray = folder.join("egress/77");
    std::fs::create_dir_all(&stray).expect("a folder");
    assert_eq!(school.app.recordings.tidy().await.expect("tidied"), 0);
    assert!(!stray.exists());
}

#[tokio::test]
async fn with_its_recorder_the_button_is_there_and_says_what_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    the_button_says_what_fails(TestSchool::configured(with_a_recorder(folder.path())), folder.path()).await;
}

#[tokio::test]
async fn with_its_recorder_the_button_says_what_fails_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let school = TestSchool::configured_on_postgres(with_a_recorder(folder.path()));
    the_button_says_what_fails(school, folder.path()).await;
}

/// What the recorder has been told to write, and what this process has of it, when both are cut off; a minute later.
async fn what_was_cut_off(school: TestSchool, folder: &Path) {
    let (people, id) = (school.people, RecordingId::fresh());
    let (lesson, at, by, began) = (people.lesson, people.school, people.teacher, school.clock.now());
    school.add(move |tx| store::begin(tx, id, (lesson, at), by, true, began));
    let studio = school.app.recordings.studio().clone();
    studio.note(Fact::Trouble { recording: id, lesson }).await;
    let (ours, theirs) = (folder_of(&school, id), folder.join(format!("egress/{id}")));
    for place in [&ours, &theirs] {
        std::fs::create_dir_all(place).expect("a folder");
    }
    // One file was taken over while it ran; of the other two the recorder has told nothing yet.
    let name = |number, shows, begins| TrackName { number, shows, person: by, begins };
    let taken = name(1, Shows::Camera, 250);
    pictures(&ours.join(taken.to_string()));
    let size = ours.join(taken.to_string()).metadata().expect("a file").len();
    studio
        .note(Fact::Track { recording: id, track: Track { name: taken, length: 3_960, size, lost: 2 } })
        .await;
    for (file, ended) in
        [(format!("0002-camera-{by}.webm"), 60_000), (format!("0003-screen-{by}.webm"), 90_000)]
    {
        let path = theirs.join(file);
        pictures(&path);
        let ended = u64::try_from(began + ended).expect("after 1970");
        let file = std::fs::File::options().append(true).open(path).expect("a file");
        file.set_modified(UNIX_EPOCH + Duration::from_millis(ended)).expect("a time");
    }
    // The teacher ended it, and the recorder did not finish in time.
    studio.note(Fact::Left { recording: id, lesson, ending: Ending::Teacher }).await;
    let mut pupil = school.signed_in(people.pupil);
    assert_eq!(pupil.get(&format!("/recordings/{id}")).await.status, StatusCode::OK);

    drop(studio);
    let school = school.restarted();
    assert_eq!(school.app.recordings.put_in_order().await, 1);
    let tracks = school.ask(|conn| store::tracks(conn, id));
    let found: Vec<(u32, u64, u64, u64)> =
        tracks.iter().map(|track| (track.name.number, track.name.begins, track.length, track.lost)).collect();
    // A file of which nothing was told lies where its last change and its length put it.
    assert_eq!(found, [(1, 250, 3_960, 2), (2, 56_040, 3_960, 0), (3, 86_040, 3_960, 0)]);
    assert!(!theirs.exists(), "the recorder's side is cleared");
    let recording = school.ask(|conn| store::find(conn, id)).expect("a recording");
    assert_eq!(
        (recording.ending, recording.ended_at),
        (Some(Ending::Teacher), Some(began)),
        "the first to say so"
    );
    let lines = school.ask(|conn| journal_lines(conn, 0, 10_000));
    let of_it = lines.iter().filter(|line| line.entry.object_id == id.get());
    let acts: Vec<&str> = of_it.map(|line| line.entry.action.as_str()).collect();
    let (before, after) = (["fail", "track", "end"], ["track", "track", "track", "close"]);
    let expected: Vec<String> = before.iter().chain(&after).map(|act| format!("recording.{act}")).collect();
    assert_eq!(acts, expected);
    assert_eq!(school.app.recordings.put_in_order().await, 0, "once is enough");

    let mut pupil = school.signed_in(people.pupil);
    let contents = pupil.get(&format!("/recordings/{id}/contents.json")).await.json();
    assert_eq!(contents["tracks"].as_array().expect("tracks").len(), 3);
    let file = pupil.get(&format!("/recordings/{id}/tracks/3")).await;
    assert_eq!((file.status, header(&file, "content-type")), (StatusCode::OK, "video/webm"));
}

#[tokio::test]
async fn what_a_recorder_left_is_taken_over_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    what_was_cut_off(TestSchool::configured(with_a_recorder(folder.path())), folder.path()).await;
}

#[tokio::test]
async fn what_a_recorder_left_is_taken_over_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let school = TestSchool::configured_on_postgres(with_a_recorder(folder.path()));
    what_was_cut_off(school, folder.path()).await;
}
