//! A lecture on two shards: everybody sees and hears everybody, and nothing crosses twice.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::data_packet::Value;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::control::Command;
use preau_sfu::grants::Grants;
use preau_sfu::{Limits, ShardId};
use support::{ROOM, World};

const SECOND: Duration = Duration::from_secs(1);

fn lecture() -> World {
    let mut world = World::spread();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join_annex("malo", Grants::default());
    world.join_annex("yann", Grants::default());
    world.all_connected();
    world
}

#[test]
fn everybody_sees_and_hears_everybody() {
    let mut world = lecture();
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    let back = world.publish("malo", Microphone, &[]);
    world.run(SECOND);
    for frame in 0..50 {
        world.say("prof", mic, -20);
        world.say("malo", back, -20);
        world.film("prof", camera, None, frame == 0);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    let answer = world.track_sid("malo", Microphone);
    for name in ["ines", "malo", "yann"] {
        assert_eq!(world.client(name).received(&voice).len(), 50, "{name} hears prof");
        assert_eq!(world.client(name).received(&picture).len(), 50, "{name} sees prof");
        assert_eq!(world.client(name).knows("prof").unwrap().tracks.len(), 2);
    }
    for name in ["prof", "ines", "yann"] {
        assert_eq!(world.client(name).received(&answer).len(), 50, "{name} hears malo");
    }
    // Once for each shard, not for each listener.
    assert_eq!(world.engine.counters().media_relayed, 100);
    assert_eq!(world.annex.as_ref().unwrap().counters().media_relayed, 50);
    let Response::Join(join) = &world.client("yann").frames[0] else { panic!("a join") };
    let mut others: Vec<&str> = join.other_participants.iter().map(|info| info.identity.as_str()).collect();
    others.sort_unstable();
    assert_eq!(others, ["ines", "malo", "prof"]);
    // Who speaks is known on both sides.
    let sid = world.client("prof").sid.clone();
    let speaks = |frame: &Response| match frame {
        Response::SpeakersChanged(changed) => changed.speakers.iter().any(|s| s.sid == sid && s.active),
        _ => false,
    };
    assert!(world.client("yann").frames.iter().any(speaks));
}

#[test]
fn what_nobody_there_wants_does_not_cross() {
    let mut world = lecture();
    let camera = world.publish("prof", Camera, &["q", "f"]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Camera);
    let film = |world: &mut World, frames: usize| {
        for _ in 0..frames {
            let asked = std::mem::take(&mut world.client_mut("prof").keyframe_requests);
            for rid in ["q", "f"] {
                let key = asked.iter().any(|(_, layer)| layer.as_deref() == Some(rid));
                world.film("prof", camera, Some(rid), key);
            }
            world.run(Duration::from_millis(33));
        }
    };
    film(&mut world, 60);
    let layer = |world: &World, name: &str| -> Option<char> {
        world.client(name).received(&sid).last().map(|packet| char::from(packet.payload[6]))
    };
    assert_eq!(layer(&world, "malo"), Some('f'));
    let setting = |edit: &dyn Fn(&mut lk::UpdateTrackSettings)| {
        let mut setting = lk::UpdateTrackSettings {
            track_sids: vec![sid.clone()],
            quality: lk::VideoQuality::High as i32,
            ..Default::default()
        };
        edit(&mut setting);
        Request::TrackSetting(setting)
    };
    // Both listeners over there want little: after a while only the low layer crosses.
    for name in ["malo", "yann"] {
        world.signal(name, setting(&|s| s.quality = lk::VideoQuality::Low as i32));
    }
    film(&mut world, 200);
    let before = world.engine.counters().media_relayed;
    film(&mut world, 30);
    assert_eq!(world.engine.counters().media_relayed - before, 30);
    assert_eq!(layer(&world, "yann"), Some('q'));
    assert_eq!(layer(&world, "ines"), Some('f'), "here everything is as before");
    // Nobody looks: nothing crosses. Somebody looks again: at once.
    for name in ["malo", "yann"] {
        world.signal(name, setting(&|s| s.disabled = true));
    }
    film(&mut world, 200);
    let before = world.engine.counters().media_relayed;
    film(&mut world, 30);
    assert_eq!(world.engine.counters().media_relayed, before);
    world.signal("yann", setting(&|_| ()));
    film(&mut world, 60);
    assert_eq!(layer(&world, "yann"), Some('f'));
}

#[test]
fn words_changes_and_departures_cross() {
    let mut world = lecture();
    let note = |text: &str, to: &[&str]| lk::DataPacket {
        destination_identities: to.iter().map(|name| (*name).to_owned()).collect(),
        value: Some(Value::User(lk::UserPacket { payload: text.as_bytes().to_vec(), ..Default::default() })),
        ..Default::default()
    };
    world.send_data("yann", "_reliable", &note("à tous", &[]));
    world.send_data("yann", "_reliable", &note("au prof", &["prof"]));
    world.run(SECOND);
    assert_eq!(world.client("prof").data.len(), 2);
    assert_eq!(world.client("ines").data.len(), 1);
    assert_eq!(world.client("malo").data.len(), 1);
    assert_eq!(world.client("prof").data[0].1.participant_identity, "yann");

    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let mute = Command::MutePublishedTrack(lk::MuteRoomTrackRequest {
        room: ROOM.to_owned(),
        identity: "prof".to_owned(),
        track_sid: sid.clone(),
        muted: true,
    });
    world.control(mute).unwrap();
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert!(world.client("yann").knows("prof").unwrap().tracks[0].muted);
    assert!(world.client("yann").media.is_empty());

    // Permissions hold on the other shard, too.
    world.signal("prof", Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: false }));
    let only_malo = lk::SubscriptionPermission {
        all_participants: false,
        track_permissions: vec![lk::TrackPermission {
            participant_identity: "malo".to_owned(),
            all_tracks: true,
            ..Default::default()
        }],
    };
    world.signal("prof", Request::SubscriptionPermission(only_malo));
    world.run(SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("malo").received(&sid).len(), 1);
    assert!(world.client("yann").media.is_empty());

    world.signal("prof", Request::Leave(lk::LeaveRequest::default()));
    world.run(SECOND);
    let gone = world.client("malo").knows("prof").unwrap();
    assert_eq!(gone.state, lk::participant_info::State::Disconnected as i32);
    assert_eq!(gone.disconnect_reason, lk::DisconnectReason::ClientInitiated as i32);
    assert!(world.client("malo").track_of.is_empty());
}

#[test]
fn the_same_person_on_both_shards_stays_on_the_later_one() {
    let mut world = lecture();
    world.run(SECOND);
    let claims = world.claims("ines", Grants::default());
    world.enter("ines, at home", claims, preau_sfu::Connections::One, 1, &[str0m::format::Codec::Vp8]);
    world.run(SECOND);
    let leave = world.client("ines").last_leave().unwrap();
    assert_eq!(leave.reason, lk::DisconnectReason::DuplicateIdentity as i32);
    let sid = world.client("ines, at home").sid.clone();
    assert_eq!(world.client("prof").knows("ines").unwrap().sid, sid);
}

#[test]
fn a_shard_that_is_gone_takes_only_its_people() {
    let mut world = lecture();
    let back = world.publish("malo", Microphone, &[]);
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let voice = world.track_sid("prof", Microphone);
    world.say("malo", back, -20);
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), 1);
    let now = world.now;
    world.engine.unlink(&ROOM.into(), ShardId(1), now);
    world.carry();
    for name in ["malo", "yann"] {
        let known = world.client("prof").knows(name).unwrap();
        assert_eq!(known.state, lk::participant_info::State::Disconnected as i32);
    }
    world.say("malo", back, -20);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), 1);
    assert_eq!(world.client("ines").received(&voice).len(), 1);
    assert_eq!(world.engine.holdings().participants, 2);
    // It comes back, and tells everything again.
    world.engine.link(&ROOM.into(), ShardId(1), now).unwrap();
    world.annex.as_mut().unwrap().link(&ROOM.into(), ShardId(0), now).unwrap();
    world.carry();
    world.run(SECOND);
    world.say("malo", back, -20);
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), 2);
}

#[test]
fn links_are_bounded_and_strangers_ignored() {
    let mut world = World::with_limits(Limits { relays: 2, ..Limits::default() });
    let room = ROOM.into();
    let now = world.now;
    for shard in [1, 2, 1] {
        assert!(world.engine.link(&room, ShardId(shard), now).is_ok());
    }
    assert!(world.engine.link(&room, ShardId(3), now).is_err());
}
