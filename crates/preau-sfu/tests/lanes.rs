//! Packets that are sent past str0m: most of them are, and who receives them sees no difference.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use preau_sfu::grants::Grants;
use preau_sfu::{Limits, Links};
use support::World;

const SECOND: Duration = Duration::from_secs(1);
/// A twentieth of a second: a packet of sound and a picture each.
const STEP: Duration = Duration::from_millis(20);

/// Ten seconds of a lesson on both protocols.
fn lesson(world: &mut World) {
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join_two("ali", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    for picture in 0..500 {
        world.say("prof", mic, -20);
        world.film("prof", camera, None, picture == 0);
        world.run(STEP);
    }
    world.run(SECOND);
}

#[test]
fn nearly_all_packets_leave_past_the_library_and_arrive_whole() {
    let mut world = World::new();
    lesson(&mut world);
    let counted = world.engine.counters();
    assert!(counted.media_out >= 2_000, "{counted:?}");
    let through = counted.media_out - counted.media_past;
    // One a second for two tracks of two receivers, what was sent with it, and the beginning.
    assert!((20..100).contains(&through), "{through} of {}", counted.media_out);
    for source in [Microphone, Camera] {
        let sid = world.track_sid("prof", source);
        for name in ["ines", "ali"] {
            let received = world.client(name).received(&sid);
            assert_eq!(received.len(), 500, "{name}");
            let first = received.first().map(|packet| (*packet.seq_no, packet.header.timestamp));
            let (number, time) = first.expect("a packet");
            let ticks =
                if source == Microphone { 960 } else { received[1].header.timestamp.wrapping_sub(time) };
            for (at, packet) in (0..).zip(&received) {
                assert_eq!(*packet.seq_no, number + u64::from(at), "{name}: in order, without a gap");
                assert_eq!(packet.header.timestamp, time.wrapping_add(at * ticks));
                let level = packet.header.ext_vals.audio_level;
                assert_eq!(level, (source == Microphone).then_some(-20), "{name}: what was said of it");
            }
        }
    }
}

#[test]
fn a_link_that_is_probed_is_the_librarys() {
    let mut world = World::with_limits(Limits { links: Links::Probed, ..Limits::default() });
    lesson(&mut world);
    let counted = world.engine.counters();
    assert!(counted.media_out > 1_000, "{counted:?}");
    assert_eq!(counted.media_past, 0);
}

#[test]
fn media_follow_a_receiver_to_another_address() {
    let mut world = World::new();
    lesson(&mut world);
    let (mic, sid) = (world.publish("ali", Microphone, &[]), world.track_sid("prof", Microphone));
    world.run(SECOND);
    let spoken = world.track_sid("ali", Microphone);
    world.client_mut("ines").rebind("10.9.9.9:4000");
    // str0m leaves the old path once nothing was heard on it for fifteen seconds.
    world.run(16 * SECOND);
    let before = world.client("ines").received(&spoken).len();
    let past = world.engine.counters().media_past;
    for _ in 0..50 {
        world.say("ali", mic, -20);
        world.run(STEP);
    }
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&spoken).len() - before, 50);
    assert!(world.engine.counters().media_past - past >= 90, "of both who listen");
    assert_eq!(world.client("ines").received(&sid).len(), 500);
}
