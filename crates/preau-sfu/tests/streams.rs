//! ICE over TCP: a network that lets no UDP through, and connections that are none of ours.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::signal_response::Message as Response;
use preau_sfu::grants::Grants;
use preau_sfu::{EngineError, Limits};
use support::{STREAMS, World};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_lesson_without_udp() {
    let mut world = World::new();
    world.engine.announce_streams(vec![STREAMS.parse().unwrap()]).unwrap();
    world.udp_blocked = true;
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    let Some(answer) = world.client("prof").answers.first() else { panic!("an answer") };
    assert!(answer.contains("tcptype passive"), "{answer}");
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    for frame in 0..50 {
        world.say("prof", mic, -20);
        world.film("prof", camera, None, frame == 0);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    assert_eq!(world.client("ines").received(&voice).len(), 50);
    assert_eq!(world.client("ines").received(&picture).len(), 50);
    // One for prof, two for ines.
    assert_eq!(world.engine.holdings().streams, 3);
}

#[test]
fn without_an_announcement_there_is_no_candidate() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    assert!(!world.client("prof").answers[0].contains("tcptype"));
    let wildcard = "0.0.0.0:443".parse().unwrap();
    assert!(matches!(world.engine.announce_streams(vec![wildcard]), Err(EngineError::Unreachable(_))));
}

#[test]
fn strangers_are_closed_and_bounded() {
    let mut world = World::with_limits(Limits { streams: 3, ..Limits::default() });
    world.engine.announce_streams(vec![STREAMS.parse().unwrap()]).unwrap();
    let from = |port: u16| std::net::SocketAddr::from(([203, 0, 113, 9], port));
    let now = world.now;
    let http = world.engine.stream_opened(from(1), now).unwrap();
    world.engine.stream_bytes(http, b"GET / HTTP/1.1\r\n\r\n", now);
    assert_eq!(world.engine.holdings().streams, 0, "a length of 18,245 bytes is no datagram");
    let silent = world.engine.stream_opened(from(2), now).unwrap();
    let babbling = world.engine.stream_opened(from(3), now).unwrap();
    world.engine.stream_bytes(babbling, &[0, 4, 1, 2, 3, 4], now);
    let third = world.engine.stream_opened(from(4), now).unwrap();
    assert!(world.engine.stream_opened(from(5), now).is_none(), "no more than the bound");
    world.engine.stream_closed(third, now);
    assert_eq!(world.engine.holdings().streams, 2);
    let mut closed = Vec::new();
    world.engine.tick(now + 11 * SECOND);
    while let Some(output) = world.engine.poll() {
        if let preau_sfu::Output::StreamClose { stream } = output {
            closed.push(stream);
        }
    }
    closed.sort();
    assert_eq!(closed, [http, silent, babbling]);
    assert_eq!(world.engine.holdings().streams, 0);
    // What comes late on a closed connection does no harm.
    world.engine.stream_bytes(silent, &[0, 1, 2], now);
    world.engine.stream_closed(silent, now);
}

#[test]
fn a_connection_that_breaks_is_opened_again() {
    let mut world = World::new();
    world.engine.announce_streams(vec![STREAMS.parse().unwrap()]).unwrap();
    world.udp_blocked = true;
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    world.cut_stream("ines");
    world.say("prof", mic, -20);
    world.run(SECOND);
    // The client's next connectivity check opens a new one, from another port.
    world.run(20 * SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert!(!world.client("ines").received(&sid).is_empty());
    let leave = |frame: &Response| matches!(frame, Response::Leave(_));
    assert!(!world.client("ines").frames.iter().any(leave));
}
