//! What lies on the disk: read by a demuxer that shares no code with the writer, found again after a crash, deleted
//! when its time is over.

use super::*;
use crate::testing::MINUTE;
use matroska_demuxer::{Frame, MatroskaFile};
use preau_webm::{Media, Size, Writer};
use std::fs::File;

/// Milliseconds of every block of a file.
fn blocks(school: &TestSchool, id: RecordingId, track: &Track) -> Vec<u64> {
    let file = File::open(folder_of(school, id).join(track.name.to_string())).expect("a file");
    let mut file = MatroskaFile::open(file).expect("a WebM file");
    let (mut block, mut times) = (Frame::default(), Vec::new());
    while file.next_frame(&mut block).expect("a block") {
        times.push(block.timestamp);
    }
    times
}

/// A recording of six seconds that nobody ended.
async fn left_open(school: &TestSchool) -> RecordingId {
    choose(school, "teacher").await;
    let mut teacher = lesson(school).await;
    assert_eq!(act(&mut teacher, school.people.lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    teach(school, Instant::now(), 0, 6);
    only(school)
}

#[tokio::test]
async fn files_hold_what_was_said_and_shown() {
    let school = TestSchool::open();
    let id = left_open(&school).await;
    school.app.recordings.studio().finish().await;
    let tracks = school.ask(|conn| store::tracks(conn, id));
    assert_eq!(tracks.len(), 2);
    for track in tracks {
        let times = blocks(&school, id, &track);
        let (count, apart) = if track.name.shows.is_picture() { (150, 40) } else { (300, 20) };
        assert_eq!(times.len(), count, "{}", track.name);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == apart), "{}", track.name);
        assert_eq!((track.lost, track.length), (0, *times.last().expect("blocks")), "{}", track.name);
    }
    let recording = school.ask(|conn| store::find(conn, id)).expect("a recording");
    assert_eq!(recording.ending, Some(super::super::Ending::Restart), "the service was stopped");
}

#[tokio::test]
async fn what_a_crash_leaves_is_found_finished_and_closed_at_the_next_start() {
    let school = TestSchool::open();
    let id = left_open(&school).await;
    // The thread finishes its files when the process lets go of it, and nobody is left to write that down.
    let school = school.restarted();
    let folder = folder_of(&school, id);
    let finished = || {
        let names =
            std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".webm")).count()
    };
    while finished() < 2 {
        std::thread::yield_now();
    }
    // … and one whose writer was cut off, as when the power fails.
    let cut = TrackName { number: 3, shows: Shows::Screen, person: person(&school), begins: 2_500 };
    let file = File::create(folder.join(format!("{cut}.part"))).expect("a file");
    let mut writer = Writer::begin(file, Media::Vp8(Size { width: 64, height: 48 })).expect("begun");
    for number in 0..200_u64 {
        let at = Duration::from_millis(number * 40);
        writer.write(&preau_webm::Frame { at, key: number % 25 == 0, bytes: vec![7; 50] }).expect("written");
    }
    drop(writer);
    std::fs::write(folder.join("0004-camera-1-0.webm.part"), b"").expect("written");

    assert!(school.ask(|conn| store::tracks(conn, id)).is_empty());
    assert_eq!(school.app.recordings.put_in_order().await, 1);
    let tracks = school.ask(|conn| store::tracks(conn, id));
    let found: Vec<(u32, u64)> = tracks.iter().map(|track| (track.name.number, track.name.begins)).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    let screen = tracks.iter().find(|track| track.name == cut).expect("the one that was cut off");
    assert_eq!(blocks(&school, id, screen).last(), Some(&screen.length));
    assert!(screen.length >= 6_900 && !folder.join("0004-camera-1-0.webm.part").exists());
    let recording = school.ask(|conn| store::find(conn, id)).expect("a recording");
    assert_eq!(recording.ending, Some(super::super::Ending::Restart));
    assert_eq!(recording.ended_at, Some(recording.started_at + 2_500 + screen.length as i64));
    assert_eq!(school.app.recordings.put_in_order().await, 0, "once is enough");
    let mut pupil = school.signed_in(school.people.pupil);
    let page = pupil.get(&format!("/recordings/{id}")).await;
    assert!(page.words().contains("s’est arrêté avec le serveur"));
}

#[tokio::test]
async fn what_is_too_old_goes_and_what_belongs_to_nothing_goes_too() {
    let school = TestSchool::open();
    choose(&school, "teacher").await;
    let id = RecordingId::from_raw(one_for_tests(&school).parse().expect("a number"));
    let stray = folder_of(&school, RecordingId::from_raw(77));
    std::fs::create_dir_all(&stray).expect("a folder");
    let ours = school.app.platform.config().recording.folder.join("readme");
    std::fs::write(&ours, "not a recording").expect("written");
    school.minutes_later(29 * 24 * 60);
    assert_eq!(school.app.recordings.tidy().await.expect("tidied"), 0);
    assert!(folder_of(&school, id).exists() && !stray.exists() && ours.exists());
    school.clock.set(crate::testing::AT_7_55 + 30 * 24 * 60 * MINUTE);
    assert_eq!(school.app.recordings.tidy().await.expect("tidied"), 1);
    assert!(school.ask(|conn| store::find(conn, id)).is_none() && !folder_of(&school, id).exists());
    let lines = school.ask(|conn| crate::store::journal_lines(conn, 0, 10_000));
    let last = lines.iter().rev().find(|line| line.entry.action == "recording.expire").expect("a line");
    assert_eq!((last.entry.actor.as_str(), last.entry.object_id), ("system:recorder", id.get()));
}
