//! A codec whose layers nobody here can tell apart, and codecs that are not carried.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::Camera;
use lk::signal_response::Message as Response;
use preau_sfu::codec::Codec as Carried;
use preau_sfu::{Codecs, Limits};
use str0m::format::Codec;
use support::World;

const SECOND: Duration = Duration::from_secs(1);

/// Films for a second; the encoder answers requests with key frames. How many there were.
fn film_av1(world: &mut World, mid: str0m::media::Mid) -> usize {
    let mut keys = 0;
    for _ in 0..25 {
        let asked = !std::mem::take(&mut world.client_mut("prof").keyframe_requests).is_empty();
        world.film_av1("prof", mid, asked);
        keys += usize::from(asked);
        world.run(SECOND / 25);
    }
    keys
}

#[test]
fn av1_passes_as_one_stream_from_a_key_frame_on() {
    let codecs = Codecs { video: vec![Carried::Vp8, Carried::Av1], ..Codecs::default() };
    let mut world = World::with_limits(Limits { codecs, ..Limits::default() });
    world.join_knowing("prof", &[Codec::Av1]);
    world.join_knowing("ines", &[Codec::Av1, Codec::Vp8]);
    world.all_connected();
    let mid = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Camera);
    assert_eq!(film_av1(&mut world, mid), 1, "one receiver, one key frame");
    // Somebody who comes later begins with a key frame as well.
    world.join_knowing("malo", &[Codec::Av1, Codec::Vp8]);
    world.join_knowing("old", &[Codec::Vp8]);
    world.all_connected();
    assert_eq!(film_av1(&mut world, mid), 1);
    for name in ["ines", "malo"] {
        let seen = world.client(name).received(&sid);
        assert!(seen.len() >= 24, "{name}: {}", seen.len());
        assert_eq!(seen[0].payload[0], 0x18, "{name} begins with a new sequence");
        assert!(seen.windows(2).all(|pair| *pair[1].seq_no == *pair[0].seq_no + 1), "{name}");
    }
    assert!(world.client("old").media.is_empty(), "who does not know the codec gets nothing of it");
}

#[test]
fn who_would_send_what_is_not_carried_is_told_what_is() {
    let mut world = World::new();
    world.join_knowing("prof", &[Codec::Av1, Codec::Vp8]);
    world.join_knowing("ines", &[Codec::Av1, Codec::Vp8]);
    world.all_connected();
    let enabled = world.client("prof").frames.iter().find_map(|frame| match frame {
        Response::Join(join) => {
            Some(join.enabled_publish_codecs.iter().map(|codec| codec.mime.clone()).collect::<Vec<_>>())
        }
        _ => None,
    });
    let enabled = enabled.expect("a welcome");
    assert!(
        enabled.contains(&"video/VP8".to_owned()) && !enabled.contains(&"video/AV1".to_owned()),
        "{enabled:?}"
    );
    // It announces AV1 all the same. The answer leaves it VP8, and that arrives.
    let mid = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Camera);
    let answer = world.client("prof").answers.last().expect("an answer");
    assert!(answer.contains(" VP8/90000") && !answer.contains(" AV1/90000"), "{answer}");
    world.film("prof", mid, None, true);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 1);
}

#[test]
fn the_answer_begins_with_the_codec_that_was_announced() {
    for (codec, name) in [(Codec::H264, "H264"), (Codec::Vp9, "VP9"), (Codec::Vp8, "VP8")] {
        let mut world = World::new();
        // The first one is announced; all are offered, as browsers do.
        let mut codecs = vec![codec];
        codecs.extend([Codec::Vp8, Codec::H264, Codec::Vp9].into_iter().filter(|one| *one != codec));
        world.join_knowing("prof", &codecs);
        world.all_connected();
        world.publish("prof", Camera, &[]);
        world.run(SECOND);
        let answer = world.client("prof").answers.last().expect("an answer");
        let section = answer.split("m=video").find(|part| part.contains("a=recvonly")).expect("a section");
        let payload = section.lines().next().and_then(|line| line.split(' ').nth(3)).expect("a payload type");
        assert!(section.contains(&format!("a=rtpmap:{payload} {name}/90000")), "{name}: {section}");
    }
}
