//! One recording with a recorder that begins late, fails, and is killed; and its files. The bodies in `tests/egress` are what a
//! LiveKit server told of its recorder (1.9.1), with other paths.

use super::super::model::{Ending, RecordingId, Shows, TrackName};
use super::plan::Wanted;
use super::reel::{Orders, Reel, Told};
use super::shelf::{Shelf, salvage, stem};
use crate::ids::{LessonId, PersonId};
use preau_sfu::protocol as lk;
use preau_webm::{Frame, Media, Size, Writer};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

const ID: RecordingId = RecordingId::from_raw(7);

fn told(body: &str) -> Told {
    let event: lk::WebhookEvent = serde_json::from_str(body).expect("an event");
    Told::of(&event.egress_info.expect("about a file"))
}

fn reel() -> Reel {
    Reel::new((ID, LessonId::from_raw(5)), true, (1_000, 10_000_000))
}

fn wanted(tracks: &[&str]) -> Vec<Wanted> {
    let one = |track: &&str| Wanted {
        track: (*track).to_owned(),
        person: PersonId::from_raw(12),
        shows: if track.starts_with("TR_V") { Shows::Camera } else { Shows::Microphone },
    };
    tracks.iter().map(one).collect()
}

fn begun(orders: &Orders) -> Vec<(u32, &str)> {
    orders.begin.iter().map(|(name, track)| (name.number, track.as_str())).collect()
}

/// What would be told of the file of that number.
fn about(number: u32, began: Option<i64>, over: bool) -> Told {
    let name = TrackName { number, shows: Shows::Camera, person: PersonId::from_raw(12), begins: 0 };
    Told { id: format!("EG_{number}"), stem: stem(name), folder: "7".into(), began, over, failure: None }
}

#[test]
fn what_a_server_tells_is_understood() {
    let active = told(include_str!("../tests/egress/active.json"));
    assert_eq!((active.folder.as_str(), active.stem.as_str()), ("7", "0002-camera-12"));
    assert!(active.began == Some(1_795_394_468_224) && !active.over && active.failure.is_none());
    let complete = told(include_str!("../tests/egress/complete.json"));
    assert!(complete.over && complete.failure.is_none() && complete.began == active.began);
    let failed = told(include_str!("../tests/egress/failed.json"));
    assert!(failed.over && failed.began.is_none() && failed.stem == "0002-camera-12");
    assert_eq!(failed.failure.as_deref(), Some("internal error"));
    // Whose machine had too much to do is called complete.
    assert!(told(include_str!("../tests/egress/killed.json")).failure.is_none());
    let nothing = Told::of(&lk::EgressInfo::default());
    assert!(!nothing.over && nothing.stem.is_empty() && nothing.folder.is_empty());
}

#[test]
fn each_track_is_asked_for_once_and_what_is_gone_is_stopped() {
    let mut reel = reel();
    let orders = reel.compare(&wanted(&["TR_A", "TR_V"]), 2_000);
    assert_eq!(begun(&orders), [(1, "TR_A"), (2, "TR_V")]);
    assert_eq!(reel.compare(&wanted(&["TR_A", "TR_V"]), 2_100), Orders::default());
    assert!(!reel.accepted(1, "EG_1".into()) && !reel.accepted(2, "EG_2".into()));
    let orders = reel.compare(&wanted(&["TR_A"]), 3_000);
    assert_eq!((orders.stop, orders.begin.len()), (vec!["EG_2".to_owned()], 0));
    assert_eq!(reel.told(&about(2, Some(2_500), true), 3_500), Some(2));
    assert_eq!(reel.told(&about(2, Some(2_500), true), 3_600), None, "told twice, taken over once");
    assert_eq!(reel.place(2, 3_500).map(|(name, _)| name.begins), Some(1_500));
    reel.done(2);
    // It was asked for: nothing failed.
    assert_eq!(reel.compare(&wanted(&["TR_A"]), 4_000), Orders::default());
}

#[test]
fn what_comes_after_the_end_is_stopped_at_once_and_nothing_later_is_taken() {
    let mut reel = reel();
    reel.compare(&wanted(&["TR_V"]), 2_000);
    reel.ended = Some((Ending::Setting, 9_000));
    assert!(reel.stop_all().is_empty(), "its number is not known yet");
    assert!(reel.accepted(1, "EG_1".into()), "so it is stopped as soon as it is");
    assert!(!reel.is_done());
    assert_eq!(reel.told(&about(1, Some(4_000), true), 12_000), Some(1));
    let (name, most) = reel.place(1, 12_000).expect("a place");
    assert_eq!((name.begins, most), (3_000, Duration::from_millis(5_000)));
    reel.done(1);
    assert!(reel.is_done());
}

#[test]
fn what_fails_is_tried_four_times_and_told_of_once() {
    let mut reel = reel();
    let one = wanted(&["TR_V"]);
    reel.compare(&one, 2_000);
    for number in 1..4 {
        reel.refused(number);
        let orders = reel.compare(&one, 3_000);
        assert_eq!((orders.begin.len(), orders.trouble), (1, number == 1), "{number}");
    }
    reel.refused(4);
    let orders = reel.compare(&one, 4_000);
    assert!(orders.hopeless && orders.begin.is_empty() && !orders.trouble);
    // A file that ended by itself, as if it were complete, while its track is there.
    let mut reel = self::reel();
    reel.compare(&one, 2_000);
    assert_eq!(
        reel.told(&about(1, Some(2_500), true), 90_000),
        Some(1),
        "told of before the request was answered"
    );
    let orders = reel.compare(&one, 90_000);
    assert!(orders.trouble && begun(&orders) == [(2, "TR_V")]);
    // A process that left the room, and of which nothing is told.
    reel.accepted(2, "EG_2".into());
    let left = [("EG_2".to_owned(), 100_000)].into();
    assert!(reel.writes("EG_2") && reel.missing(&left, 100_000).is_empty());
    assert_eq!(reel.missing(&left, 100_001), ["EG_2"]);
    assert_eq!((reel.lost("EG_2"), reel.lost("EG_2")), (Some(2), None));
}

#[test]
fn a_clock_that_differs_is_believed_as_far_as_it_fits() {
    for (began, heard, begins) in [(500, 9_000, 1_000), (60_000, 9_000, 8_000), (4_000, 9_000, 3_000)] {
        let mut reel = reel();
        reel.compare(&wanted(&["TR_V"]), 2_000);
        reel.told(&about(1, Some(began), false), heard);
        assert_eq!(reel.place(1, heard).map(|(name, _)| name.begins), Some(begins), "{began}");
    }
}

fn shelf(folder: &Path) -> Shelf {
    let shelf = Shelf { theirs: folder.join("theirs"), seen: "/out/".into(), ours: folder.join("ours") };
    std::fs::create_dir_all(&shelf.theirs).expect("a folder");
    shelf
}

/// Four seconds of pictures, as the recorder would have left them.
pub(in crate::recording) fn pictures(path: &Path) {
    let media = Media::Vp8(Size { width: 64, height: 48 });
    let mut writer = Writer::begin(File::create(path).expect("a file"), media).expect("begun");
    for number in 0..100_u64 {
        let key = u8::from(number % 25 != 0);
        let bytes = vec![key, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0];
        writer
            .write(&Frame { at: Duration::from_millis(number * 40), key: key == 0, bytes })
            .expect("written");
    }
    writer.finish().expect("finished");
}

#[test]
fn a_file_of_the_recorder_becomes_one_of_the_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = shelf(folder.path());
    let name = TrackName { number: 3, shows: Shows::Camera, person: PersonId::from_raw(12), begins: 0 };
    shelf.make(ID).expect("made");
    assert_eq!(shelf.path(ID, name), "/out/7/0003-camera-12");
    let raw = shelf.theirs.join("7/0003-camera-12.webm");
    pictures(&raw);
    let name = TrackName { begins: 1_500, ..name };
    let track = shelf.take(ID, name, Duration::from_secs(2)).expect("taken").expect("something");
    let ours = shelf.ours.join("7/0003-camera-12-1500.webm");
    assert_eq!((track.name, track.length, track.lost), (name, 2_000, 0));
    assert_eq!(ours.metadata().expect("a file").len(), track.size);
    assert!(!raw.exists());
    assert_eq!(shelf.take(ID, name, Duration::MAX).expect("looked"), None, "nothing is there any more");
    // What cannot be read stays where it is, and nothing is left half done on our side.
    std::fs::write(&raw, "an MP4 file, say").expect("written");
    assert!(shelf.take(ID, TrackName { begins: 9, ..name }, Duration::MAX).is_err());
    assert!(raw.exists() && std::fs::read_dir(shelf.ours.join("7")).expect("a folder").count() == 1);
    shelf.clear(ID);
    assert!(raw.exists(), "a folder that is not empty stays");
}

#[test]
fn what_nobody_looked_after_is_taken_over_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = shelf(folder.path());
    shelf.make(ID).expect("made");
    let theirs = shelf.theirs.join("7");
    pictures(&theirs.join("0001-camera-12.webm"));
    pictures(&theirs.join("0002-screen-12.webm"));
    std::fs::write(theirs.join("readme.txt"), "somebody else's").expect("written");
    // The process ended while it took this one over.
    std::fs::write(shelf.ours.join("7/0001-camera-12-900.webm.part"), "half").expect("written");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let recorded = i64::try_from(now.as_millis()).expect("in time") - 60_000;
    let times = |stem: &str| (stem == "0001-camera-12").then_some(1_200);
    assert_eq!(salvage(&shelf, ID, recorded, times).expect("salvaged"), 2);
    let mut found: Vec<TrackName> = std::fs::read_dir(shelf.ours.join("7"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().parse().expect("a name of ours"))
        .collect();
    found.sort_by_key(|name| name.number);
    assert_eq!((found.len(), found[0].begins), (2, 1_200));
    // Written at the end of a minute, four seconds long.
    assert!((53_000..60_000).contains(&found[1].begins), "{}", found[1]);
    assert_eq!(std::fs::read_dir(&theirs).expect("a folder").count(), 1, "what is not ours stays");
}
