//! A room with two people and any frames, datagrams and bytes of TCP streams from them and from strangers:
//! nobody gets anything they were not granted, and the engine never asks to be woken in the past.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_sfu::grants::Grants;
use preau_sfu::protocol::JoinRequest;
use preau_sfu::token::Claims;
use preau_sfu::{Admission, Connections, Engine, EngineConfig, Limits, Output};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

fuzz_target!(|bytes: &[u8]| {
    let mut now = Instant::now();
    let Ok(media) = "192.0.2.1:7882".parse() else { return };
    let config = EngineConfig {
        media_addresses: vec![media],
        start: now,
        start_unix_ms: 1_800_000_000_000,
        seed: [7; 32],
        limits: Limits { frame_bytes: 4_096, ..Limits::default() },
    };
    let Ok(mut engine) = Engine::new(config) else { return };
    let _ = engine.announce_streams(vec![media]);
    let join = |engine: &mut Engine, name: &str, connections, grants| {
        let claims = Claims {
            identity: name.into(),
            name: name.to_owned(),
            room: "lecon".into(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            grants,
            issued_at: 1_800_000_000,
        };
        engine.connect_with(Admission { claims, join: JoinRequest::default() }, connections, now)
    };
    let teacher = join(&mut engine, "prof", Connections::Two, Grants::default());
    let mute = Grants { can_publish: false, can_publish_data: false, ..Grants::default() };
    let pupil = join(&mut engine, "ines", Connections::One, mute);
    let stream = engine.stream_opened(media, now);
    // Each piece begins with a byte that says what it is, and one that says how long.
    let mut rest = bytes;
    while let [what, length, tail @ ..] = rest {
        let (piece, after) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = after;
        match what % 6 {
            0 => engine.frame(teacher, piece, now),
            1 => engine.frame(pupil, piece, now),
            2 => engine.datagram(media, piece, now),
            3 => {
                if let Some(stream) = stream {
                    engine.stream_bytes(stream, piece, now);
                }
            }
            4 => now += Duration::from_millis(u64::from(*length) * 50),
            _ => engine.disconnect(pupil, now),
        }
        if engine.deadline().is_some_and(|at| at <= now) {
            engine.tick(now);
            assert!(engine.deadline().is_none_or(|at| at > now), "a busy loop");
        }
        while let Some(output) = engine.poll() {
            if let Output::Frame { bytes, .. } = output {
                assert!(bytes.len() < 1_000_000);
            }
        }
    }
    assert_eq!(engine.counters().media_out, 0);
});
