//! A room that is recorded: who is handed out, in which layer, and that everybody is told.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone, ScreenShare};
use lk::VideoQuality::{High, Low, Medium};
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::control::{Command, ControlError};
use preau_sfu::grants::{Grants, Source};
use preau_sfu::{Holdings, Tap};
use str0m::media::Mid;
use support::{ROOM, World};

const SECOND: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(33);
const THREE: &[(lk::VideoQuality, u32, u32)] = &[(Low, 320, 180), (Medium, 640, 360), (High, 960, 540)];
const SIZES: [(&str, usize); 3] = [("q", 600), ("h", 2_000), ("f", 4_600)];

fn tap(world: &mut World, wish: Option<Tap>) {
    world.control(Command::Tap { room: ROOM.to_owned(), wish }).expect("a room");
}

/// Everybody speaks and films for a while; the teacher's encoder answers requests for key frames.
fn teach(world: &mut World, camera: Mid, voices: &[(&'static str, Mid)], time: Duration) {
    for _ in 0..time.as_millis() / FRAME.as_millis() {
        let asked = std::mem::take(&mut world.client_mut("prof").keyframe_requests);
        for (rid, size) in SIZES {
            let key = asked.iter().any(|(mid, layer)| *mid == camera && layer.as_deref() == Some(rid));
            world.film_frame("prof", camera, Some(rid), key, size);
        }
        for (name, mid) in voices {
            world.say(name, *mid, -20);
        }
        world.run(FRAME);
    }
}

fn of<'w>(world: &'w World, who: &str, source: Source) -> Vec<&'w preau_sfu::Tapped> {
    let mine = |one: &&preau_sfu::Tapped| one.track.identity.as_str() == who && one.track.source == source;
    world.tapped.iter().filter(mine).collect()
}

/// A lesson of a teacher with camera and microphone, and a pupil who speaks.
fn lesson() -> (World, Mid, [(&'static str, Mid); 2]) {
    let mut world = World::new();
    world.join_leading("prof");
    world.join("ines", Grants::default());
    world.all_connected();
    let camera = world.publish_layers("prof", Camera, &["q", "h", "f"], THREE);
    let teacher = world.publish("prof", Microphone, &[]);
    let pupil = world.publish("ines", Microphone, &[]);
    world.run(SECOND / 10);
    (world, camera, [("prof", teacher), ("ines", pupil)])
}

/// What the publisher was last told is wanted: low, medium, high.
fn wanted(world: &World) -> Option<[bool; 3]> {
    world.client("prof").frames.iter().rev().find_map(|frame| match frame {
        Response::SubscribedQualityUpdate(update) => {
            let enabled = update.subscribed_codecs[0].qualities.iter().map(|quality| quality.enabled);
            enabled.collect::<Vec<bool>>().try_into().ok()
        }
        _ => None,
    })
}

/// What somebody was last told: whether the room is recorded.
fn told(world: &World, name: &str) -> Option<bool> {
    world.client(name).frames.iter().rev().find_map(|frame| match frame {
        Response::RoomUpdate(update) => update.room.as_ref().map(|room| room.active_recording),
        Response::Join(join) => join.room.as_ref().map(|room| room.active_recording),
        _ => None,
    })
}

#[test]
fn only_whoever_leads_is_recorded_until_voices_are_wished_for() {
    let (mut world, camera, voices) = lesson();
    teach(&mut world, camera, &voices, SECOND);
    assert!(world.tapped.is_empty(), "nothing leaves the engine unasked");

    tap(&mut world, Some(Tap { voices: false }));
    let screen = world.publish("ines", ScreenShare, &[]);
    teach(&mut world, camera, &voices, SECOND);
    world.film("ines", screen, None, true);
    teach(&mut world, camera, &voices, SECOND);
    assert!(of(&world, "prof", Source::Camera).len() > 100);
    assert!(of(&world, "prof", Source::Microphone).len() > 40);
    assert!(world.tapped.iter().all(|one| one.track.identity.as_str() == "prof"), "and nobody else");

    tap(&mut world, Some(Tap { voices: true }));
    teach(&mut world, camera, &voices, SECOND);
    world.film("ines", screen, None, true);
    world.run(SECOND);
    assert!(of(&world, "ines", Source::Microphone).len() > 20);
    assert!(of(&world, "ines", Source::ScreenShare).is_empty(), "a pupil's voice, not their screen");

    tap(&mut world, None);
    world.tapped.clear();
    teach(&mut world, camera, &voices, SECOND);
    assert!(world.tapped.is_empty());
}

#[test]
fn it_begins_with_a_key_frame_and_goes_on_without_a_gap_in_the_best_layer() {
    let (mut world, camera, voices) = lesson();
    let sid = world.track_sid("prof", Camera);
    let small = lk::UpdateTrackSettings {
        track_sids: vec![sid.clone()],
        width: 160,
        height: 90,
        ..Default::default()
    };
    world.signal("ines", Request::TrackSetting(small));
    teach(&mut world, camera, &voices, SECOND * 8);
    assert_eq!(wanted(&world), Some([true, false, false]), "nobody looks at the large layers");
    tap(&mut world, Some(Tap { voices: false }));
    teach(&mut world, camera, &voices, SECOND * 4);
    assert_eq!(wanted(&world), Some([true, true, true]), "the recorder wants the best there is");

    let video = of(&world, "prof", Source::Camera);
    assert_eq!(video[0].payload[5] & 1, 0, "a key frame");
    let layer = |one: &&preau_sfu::Tapped| char::from(one.payload[6]);
    assert_eq!(video.last().map(layer), Some('f'));
    let mut numbers: Vec<u64> = video.iter().map(|one| one.sequence).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "one unbroken stream");
    assert!(video.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 90_000));

    // The teacher's line gets narrow: only the smallest layer comes, and the recording goes on with it.
    for _ in 0..90 {
        let asked = std::mem::take(&mut world.client_mut("prof").keyframe_requests);
        let key = asked.iter().any(|(_, layer)| layer.as_deref() == Some("q"));
        world.film_frame("prof", camera, Some("q"), key, 600);
        world.run(FRAME);
    }
    let video = of(&world, "prof", Source::Camera);
    assert_eq!(video.last().map(layer), Some('q'));
    let switch = video.windows(2).find(|pair| layer(&pair[0]) == 'f' && layer(&pair[1]) == 'q').unwrap();
    assert_eq!(switch[1].payload[5] & 1, 0, "with a key frame again");
    assert_eq!(switch[1].sequence, switch[0].sequence + 1);
}

#[test]
fn a_recorder_that_lost_something_asks_for_a_key_frame_and_is_throttled() {
    let (mut world, camera, voices) = lesson();
    tap(&mut world, Some(Tap { voices: false }));
    teach(&mut world, camera, &voices, SECOND * 2);
    world.client_mut("prof").keyframe_requests.clear();
    let track = world.track_sid("prof", Camera);
    for _ in 0..20 {
        world.control(Command::TapKeyframe { room: ROOM.to_owned(), track: track.clone() }).unwrap();
    }
    world.run(SECOND / 10);
    let asked: Vec<_> =
        world.client("prof").keyframe_requests.iter().map(|(_, layer)| layer.as_deref()).collect();
    assert_eq!(asked, [Some("f")], "once, and of the layer that is recorded");
    let unknown = Command::TapKeyframe { room: ROOM.to_owned(), track: "TR_x".to_owned() };
    assert_eq!(world.control(unknown), Err(ControlError::NoTrack("TR_x".to_owned())));
}

#[test]
fn everybody_is_told_also_who_comes_later_and_nothing_is_left_behind() {
    let (mut world, camera, voices) = lesson();
    assert_eq!((told(&world, "prof"), told(&world, "ines")), (Some(false), Some(false)));
    tap(&mut world, Some(Tap { voices: true }));
    world.run(SECOND / 10);
    assert_eq!((told(&world, "prof"), told(&world, "ines")), (Some(true), Some(true)));
    world.join("malo", Grants::default());
    world.run(SECOND);
    assert_eq!(told(&world, "malo"), Some(true));
    teach(&mut world, camera, &voices, SECOND);
    assert_eq!(world.engine.holdings().tapped, 3);
    tap(&mut world, None);
    world.run(SECOND / 10);
    assert_eq!(told(&world, "malo"), Some(false));

    tap(&mut world, Some(Tap { voices: true }));
    teach(&mut world, camera, &voices, SECOND);
    world.control(Command::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.to_owned() })).unwrap();
    world.run(SECOND);
    assert_eq!(world.engine.holdings().tapped, 0);
    assert_eq!(Holdings { timers: 0, ..world.engine.holdings() }, Holdings::default());
}
