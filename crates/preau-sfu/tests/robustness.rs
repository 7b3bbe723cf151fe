//! What the engine outlives: bad networks, bad clients, and a thousand people who come and go.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::signal_request::Message as Request;
use preau_sfu::grants::{Grants, Source, Sources};
use preau_sfu::{Holdings, Limits};
use proptest::prelude::*;
use str0m::format::Codec;
use str0m::media::Mid;
use support::World;

const SECOND: Duration = Duration::from_secs(1);

/// What is held when nobody is here and everybody was told everything. Alarms that were spent may lie in
/// the heap until their time has come.
fn nothing(holdings: Holdings) -> bool {
    Holdings { rooms: 0, timers: 0, ..holdings } == Holdings::default()
}

#[test]
fn a_thousand_who_come_and_go_leave_nothing_behind() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let before = world.engine.holdings();
    let mut left = 0;
    let mut heard = 0;
    for round in 0..50 {
        // A class of twenty comes: on both protocols, some speak, some are thrown out of the network.
        let names: [&'static str; 20] = NAMES;
        for (index, name) in names.iter().enumerate() {
            if index % 3 == 0 {
                world.join_two(name, Grants::default());
            } else {
                world.join(name, Grants::default());
            }
        }
        // Media only in a few rounds; joining alone must not leave anything either.
        if round % 10 == 0 {
            world.all_connected();
            world.publish(names[0], Camera, &[]);
            world.publish(names[1], Microphone, &[]);
            world.run(SECOND / 2);
            world.say("prof", mic, -20);
            world.run(SECOND / 2);
            heard += names.iter().filter(|name| !world.client(name).media.is_empty()).count();
        }
        for (index, name) in names.iter().enumerate() {
            if index % 4 == 3 && round % 10 == 0 {
                world.break_signalling(name);
            } else {
                world.signal(name, Request::Leave(lk::LeaveRequest::default()));
            }
            left += 1;
        }
        if round % 10 == 0 {
            // The resume window passes.
            world.run(8 * SECOND);
            world.signal("prof", Request::Ping(1));
            world.run(8 * SECOND);
        }
        world.signal("prof", Request::Ping(1));
        for name in names {
            world.forget(name);
        }
        world.run(SECOND / 10);
    }
    assert_eq!((left, heard), (1_000, 100));
    // Connections that closed still ask to be woken once; then all is as it was.
    for _ in 0..4 {
        world.run(5 * SECOND);
        world.signal("prof", Request::Ping(1));
    }
    let after = world.engine.holdings();
    assert_eq!(Holdings { timers: 0, ..after }, Holdings { timers: 0, ..before });
    // Spent alarms are thrown out when they are many.
    assert!(after.timers <= 100, "{} alarms, {} before", after.timers, before.timers);

    world.signal("prof", Request::Leave(lk::LeaveRequest::default()));
    world.forget("prof");
    world.run(60 * SECOND);
    let end = world.engine.holdings();
    assert!(nothing(end) && end.rooms == 0, "{end:?}");
    assert_eq!(world.engine.deadline(), None, "an idle engine sleeps");
}

const NAMES: [&str; 20] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];

#[test]
fn a_bad_network_delays_and_loses_but_the_lesson_goes_on() {
    let mut world = World::new();
    world.loss = 10;
    world.jitter = Duration::from_millis(60);
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    // The association of the data channels begins after that, and has timers of seconds (RFC 9260, section 16).
    world.all_heard();
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(2 * SECOND);
    for frame in 0..500 {
        let key = frame == 0 || !std::mem::take(&mut world.client_mut("prof").keyframe_requests).is_empty();
        world.say("prof", mic, -20);
        world.film("prof", camera, None, key);
        world.run(Duration::from_millis(20));
    }
    world.loss = 0;
    world.jitter = Duration::ZERO;
    world.all_connected();
    for _ in 0..50 {
        // An encoder that is asked for a key frame sends one, also here.
        let key = !std::mem::take(&mut world.client_mut("prof").keyframe_requests).is_empty();
        world.film("prof", camera, None, key);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    // Twice a tenth is lost of the voice, and nobody repairs it: that is what redundancy is for.
    let heard = world.client("ines").received(&voice).len();
    assert!((350..480).contains(&heard), "{heard} of 500 words");
    // Pictures are repaired on both ways.
    let seen = world.client("ines").received(&picture);
    assert!(seen.len() > 480, "{} of 550 pictures", seen.len());
    let mut numbers: Vec<u64> = seen.iter().map(|packet| *packet.seq_no).collect();
    numbers.sort_unstable();
    let count = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "nothing comes twice");
    assert!(!world.client("ines").closed);
}

#[test]
fn a_cut_of_some_seconds_is_survived_and_a_long_one_is_noticed() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    world.loss = 100;
    world.run(6 * SECOND);
    world.loss = 0;
    world.run(4 * SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 1);
    // The media are gone for long, the signalling stands: the others see a lost connection.
    world.loss = 100;
    for _ in 0..10 {
        world.run(5 * SECOND);
        for name in ["prof", "ines"] {
            world.signal(name, Request::Ping(1));
        }
    }
    let lost = world.client("prof").frames.iter().any(|frame| match frame {
        lk::signal_response::Message::ConnectionQuality(update) => {
            update.updates.iter().any(|info| info.quality == lk::ConnectionQuality::Lost as i32)
        }
        _ => false,
    });
    assert!(lost, "a lost connection is shown");
    assert!(!world.client("ines").closed, "the stay goes on");
}

#[test]
fn two_who_exchange_addresses_keep_their_own_media() {
    let mut world = World::new();
    for name in ["prof", "ines", "malo"] {
        world.join(name, Grants::default());
    }
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    // Their router gives each the other's port.
    let (ines, malo) = (world.client("ines").up.seen_as, world.client("malo").up.seen_as);
    world.client_mut("ines").up.seen_as = malo;
    world.client_mut("malo").up.seen_as = ines;
    world.run(20 * SECOND);
    let before = (world.client("ines").received(&sid).len(), world.client("malo").received(&sid).len());
    world.say("prof", mic, -20);
    world.run(SECOND);
    let after = (world.client("ines").received(&sid).len(), world.client("malo").received(&sid).len());
    assert_eq!(after, (before.0 + 1, before.1 + 1));
}

#[test]
fn a_modified_client_cannot_publish_by_any_way() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants { can_publish: false, can_publish_data: false, ..Grants::default() });
    world.join_two("malo", Grants { can_publish: false, ..Grants::default() });
    world.all_connected();
    let ines = world.publish("ines", Camera, &[]);
    let malo = world.publish("malo", Microphone, &[]);
    world.run(SECOND);
    for _ in 0..20 {
        world.film("ines", ines, None, true);
        world.say("malo", malo, -5);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    assert!(world.client("prof").media.is_empty());
    assert_eq!(world.engine.counters().media_out, 0);
    assert_eq!(world.engine.counters().media_refused, 40);
    let speaks = |frame: &lk::signal_response::Message| {
        matches!(frame, lk::signal_response::Message::SpeakersChanged(_))
    };
    assert!(!world.client("prof").frames.iter().any(speaks), "nor shout");
}

#[test]
fn packets_of_streams_that_were_never_described_go_nowhere() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants { can_publish: false, ..Grants::default() });
    world.join("malo", Grants { sources: Sources::only([Source::Microphone]), ..Grants::default() });
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    let voice = world.publish("malo", Microphone, &[]);
    world.run(SECOND);
    let heard = world.track_sid("prof", Microphone);
    let before = world.engine.counters();
    // She may send nothing, and sends in the sections in which she receives, and in those of nobody.
    let receiving: Vec<Mid> =
        world.client("ines").track_of.keys().map(|mid| Mid::from(mid.as_str())).collect();
    assert_eq!(receiving.len(), 2, "the voices of the other two");
    for (index, mid) in receiving.iter().enumerate() {
        world.smuggle("ines", *mid, 4_000 + index as u32, Codec::Opus, b"smuggled");
    }
    let undescribed = world.offer_track("ines", "cid-nobody-announced", false, &[]);
    world.run(SECOND);
    for _ in 0..10 {
        world.film("ines", undescribed, None, true);
        // He may speak, and sends pictures where his voice goes.
        world.film("malo", voice, None, true);
        world.run(Duration::from_millis(20));
    }
    world.smuggle("malo", voice, 5_000, Codec::Vp8, &[0x10, 0, 0, 0x9d, 1, 0x2a]);
    world.run(SECOND);
    let after = world.engine.counters();
    assert!(after.datagrams_in - before.datagrams_in >= 20, "they did arrive");
    assert_eq!(after.media_out, before.media_out);
    for name in ["prof", "ines", "malo"] {
        assert!(world.client(name).media.is_empty(), "{name} received what nobody may send");
    }
    // Who may speak is still heard.
    world.say("prof", mic, -20);
    world.say("malo", voice, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&heard).len(), 1);
    assert_eq!(world.client("prof").media.len(), 1);
}

#[test]
fn a_silent_lesson_hardly_wakes_the_machine() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    for _ in 0..10 {
        world.say("prof", mic, -20);
        world.run(Duration::from_millis(20));
    }
    world.run(5 * SECOND);
    let before = (world.ticks, world.engine.counters());
    world.run(10 * SECOND);
    let ticks = world.ticks - before.0;
    let sent = world.engine.counters().datagrams_out - before.1.datagrams_out;
    let bytes = world.engine.counters().bytes_out - before.1.bytes_out;
    // Looking around three times a second, connectivity checks, reports.
    assert!(ticks < 100, "{ticks} wakes in ten seconds of silence");
    assert!(sent < 100 && bytes < 20_000, "{sent} datagrams of {bytes} bytes in ten seconds of silence");
}

/// Bytes that look like something now and then.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![
        vec![],
        vec![0x80, 0x60],
        vec![0x80, 0xc8],
        vec![0x90, 0x6f],
        vec![22, 0xfe, 0xfd],
        vec![23, 0xfe, 0xfd],
        vec![0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42],
        vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42],
    ]);
    (head, prop::collection::vec(any::<u8>(), 0..120)).prop_map(|(mut head, tail)| {
        head.extend(tail);
        head
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn noise_from_outside_and_inside_is_survived(
        packets in prop::collection::vec(packet(), 1..60),
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..30),
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
    ) {
        let mut world = World::with_limits(Limits { rooms: 2, ..Limits::default() });
        world.join("prof", Grants::default());
        world.join("ines", Grants::default());
        world.all_connected();
        let mic = world.publish("prof", Microphone, &[]);
        world.run(SECOND);
        let sid = world.track_sid("prof", Microphone);
        let known = world.client("ines").up.seen_as;
        let now = world.now;
        let stream = world.engine.stream_opened("203.0.113.7:9".parse().unwrap(), now).unwrap();
        for packet in &packets {
            world.engine.datagram("203.0.113.7:7".parse().unwrap(), packet, now);
            // Somebody who can forge the sender's address.
            world.engine.datagram(known, packet, now);
            world.engine.stream_bytes(stream, packet, now);
        }
        let connection = world.client("prof").connection.unwrap();
        for frame in &frames {
            world.engine.frame(connection, frame, now);
        }
        world.carry();
        for bytes in &data {
            world.send_bytes("ines", "_reliable", bytes);
        }
        world.run(SECOND);
        // A lucky frame may have been a farewell or a wish not to speak; then that is what happened.
        let before = world.client("ines").received(&sid).len();
        let stands = !world.client("prof").closed && !world.client("ines").closed;
        if stands && world.client("ines").knows("prof").is_some_and(|info| info.tracks.iter().any(|t| !t.muted)) {
            world.say("prof", mic, -20);
            world.run(SECOND);
            prop_assert_eq!(world.client("ines").received(&sid).len(), before + 1);
        }
    }
}
