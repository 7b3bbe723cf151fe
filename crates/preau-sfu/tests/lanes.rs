//! Packets that are sent past str0m: most of them are, and who receives them sees no difference.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use preau_sfu::grants::Grants;
use preau_sfu::{Limits, Links};
use str0m::rtp::Extension;
use str0m::rtp::ExtensionMap;
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

/// Somebody's own numbers for the header extensions: none for their sections, or such as have no short form.
#[test]
fn whoever_knows_other_header_extensions_is_sent_to_and_repaired_all_the_same() {
    let mut long = ExtensionMap::empty();
    long.set(15, Extension::RtpMid);
    long.set(16, Extension::AudioLevel);
    for known in [ExtensionMap::empty(), long] {
        let mut world = World::new();
        world.join("prof", Grants::default());
        world.extensions = Some(known.clone());
        world.join("ines", Grants::default());
        world.join_two("ali", Grants::default());
        world.all_connected();
        let mic = world.publish("prof", Microphone, &[]);
        let camera = world.publish("prof", Camera, &[]);
        world.run(SECOND);
        world.loss = 5;
        for picture in 0..500 {
            world.say("prof", mic, -20);
            world.film("prof", camera, None, picture == 0);
            world.run(STEP);
        }
        world.loss = 0;
        // The last of them are missed only once another came.
        for _ in 0..50 {
            world.film("prof", camera, None, false);
            world.run(STEP);
        }
        world.run(SECOND);
        let counted = world.engine.counters();
        assert!(counted.media_past * 10 > counted.media_out * 9, "{counted:?}");
        let (voice, pictures) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
        for name in ["ines", "ali"] {
            let client = world.client(name);
            let heard = client.received(&voice);
            assert!((400..500).contains(&heard.len()), "{name} heard {} with {known:?}", heard.len());
            // Numbers of our own offers hold where we make the offer.
            let level = known.id_of(Extension::AudioLevel).map(|_| -20);
            assert!(heard.iter().all(|packet| packet.header.ext_vals.audio_level == level), "{name}");
            let mut seen: Vec<u64> = client.received(&pictures).iter().map(|packet| *packet.seq_no).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 550, "{name} saw what was filmed, with {known:?}");
        }
    }
}
