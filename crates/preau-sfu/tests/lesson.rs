//! Lessons with simulated clients on a simulated network: what happens between people.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::data_packet::Value;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::EventKind;
use preau_sfu::control::{Command, Reply};
use preau_sfu::grants::{Grants, Source};
use support::{ROOM, World};

const SECOND: Duration = Duration::from_secs(1);

fn chat(text: &str, to: &[&str]) -> lk::DataPacket {
    lk::DataPacket {
        // A forged name, which must not survive.
        participant_identity: "prof".to_owned(),
        sequence: 7,
        destination_identities: to.iter().map(|name| (*name).to_owned()).collect(),
        value: Some(Value::User(lk::UserPacket { payload: text.as_bytes().to_vec(), ..Default::default() })),
        ..Default::default()
    }
}

fn permission(publish: bool, subscribe: bool, data: bool) -> lk::ParticipantPermission {
    lk::ParticipantPermission {
        can_publish: publish,
        can_subscribe: subscribe,
        can_publish_data: data,
        ..Default::default()
    }
}

fn permit(identity: &str, permission: lk::ParticipantPermission) -> Command {
    Command::UpdateParticipant(lk::UpdateParticipantRequest {
        room: ROOM.to_owned(),
        identity: identity.to_owned(),
        permission: Some(permission),
        ..Default::default()
    })
}

/// The texts of the data packets somebody received.
fn texts(world: &World, name: &str) -> Vec<String> {
    let text = |packet: &lk::DataPacket| match &packet.value {
        Some(Value::User(user)) => Some(String::from_utf8_lossy(&user.payload).into_owned()),
        _ => None,
    };
    world.client(name).data.iter().filter_map(|(_, packet)| text(packet)).collect()
}

#[test]
fn a_teacher_is_seen_and_heard() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    let mic = world.publish("prof", Microphone, &[]);
    world.all_connected();
    world.join("ines", Grants::default());
    world.join("malo", Grants::default());
    world.all_connected();
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    for frame in 0..50 {
        world.say("prof", mic, -20);
        world.film("prof", camera, None, frame == 0);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    for pupil in ["ines", "malo"] {
        let client = world.client(pupil);
        assert_eq!(client.received(&voice).len(), 50, "{pupil} hears everything");
        let film = client.received(&picture);
        assert_eq!(film.len(), 50, "{pupil} sees everything");
        assert_eq!(*film[0].seq_no, 1, "a stream begins below the first rollover");
        assert_eq!(client.knows("prof").unwrap().tracks.len(), 2);
        assert_eq!(client.knows("prof").unwrap().name, "PROF");
    }
    // Nobody hears themselves, and counters agree.
    assert!(world.client("prof").media.is_empty());
    assert_eq!(world.engine.counters().media_out, 200);
    assert_eq!(world.engine.counters().media_refused, 0);
}

#[test]
fn the_update_comes_before_the_answer_that_carries_the_track() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let frames = &world.client("ines").frames;
    let told = frames.iter().position(|frame| match frame {
        Response::Update(update) => update.participants.iter().any(|p| p.tracks.iter().any(|t| t.sid == sid)),
        _ => false,
    });
    let carried = frames.iter().position(|frame| match frame {
        Response::Answer(answer) => answer.mid_to_track_id.values().any(|track| *track == sid),
        _ => false,
    });
    assert!(told.unwrap() < carried.unwrap());
    assert!(matches!(frames[0], Response::Join(_)), "the first frame is the join response");
}

#[test]
fn a_burst_in_one_turn_loses_nothing() {
    // str0m keeps one pending packet: feeding a second datagram before draining loses the first
    // without a word. Here fifty datagrams arrive at the very same moment.
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    for frame in 0..50 {
        world.film("prof", camera, None, frame == 0);
    }
    world.run(SECOND);
    let sid = world.track_sid("prof", Camera);
    assert_eq!(world.client("ines").received(&sid).len(), 50);
}

#[test]
fn lost_video_is_repaired() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    world.film("prof", camera, None, true);
    world.run(SECOND / 10);
    world.loss = 5;
    for _ in 0..200 {
        world.film("prof", camera, None, false);
        world.run(Duration::from_millis(20));
    }
    world.loss = 0;
    // A few more, so that the last holes are noticed.
    for _ in 0..20 {
        world.film("prof", camera, None, false);
        world.run(Duration::from_millis(50));
    }
    let sid = world.track_sid("prof", Camera);
    let received = world.client("ines").received(&sid);
    let mut numbers: Vec<u64> = received.iter().map(|packet| *packet.seq_no).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), received.len(), "nothing comes twice");
    assert_eq!(numbers.len(), 221, "every hole was filled");
}

#[test]
fn the_layer_follows_the_wish_and_switches_on_key_frames() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let camera = world.publish("prof", Camera, &["q", "f"]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Camera);
    let frames = |world: &mut World, count: usize| {
        for _ in 0..count {
            // The encoder answers a request with a key frame of that layer.
            let asked = std::mem::take(&mut world.client_mut("prof").keyframe_requests);
            for rid in ["q", "f"] {
                let key = asked.iter().any(|(_, layer)| layer.as_deref() == Some(rid));
                world.film("prof", camera, Some(rid), key);
            }
            world.run(Duration::from_millis(40));
        }
    };
    let seen = |world: &World| -> Vec<u8> {
        world.client("ines").received(&sid).iter().map(|packet| packet.payload[6]).collect()
    };
    frames(&mut world, 50);
    assert_eq!(seen(&world).last(), Some(&b'f'), "the best layer by default");

    let setting = |quality| {
        let track_sids = vec![sid.clone()];
        Request::TrackSetting(lk::UpdateTrackSettings { track_sids, quality, ..Default::default() })
    };
    world.signal("ines", setting(lk::VideoQuality::Low as i32));
    frames(&mut world, 50);
    assert_eq!(seen(&world).last(), Some(&b'q'), "the low layer when asked for");

    let client = world.client("ines");
    let received = client.received(&sid);
    let mut previous = None;
    for packet in &received {
        let layer = packet.payload[6];
        if previous.is_some_and(|earlier| earlier != layer) {
            assert_eq!(packet.payload[5] & 1, 0, "a switch happens on a key frame");
        }
        previous = Some(layer);
    }
    let numbers: Vec<u64> = received.iter().map(|packet| *packet.seq_no).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "one unbroken stream: {numbers:?}");
    let pictures: Vec<u16> = received
        .iter()
        .map(|packet| u16::from(packet.payload[2] & 0x7f) << 8 | u16::from(packet.payload[3]))
        .collect();
    assert!(pictures.windows(2).all(|pair| pair[1] == pair[0] + 1), "picture ids go on: {pictures:?}");

    // Switched off, nothing comes; switched on, it begins with a key frame.
    let count = received.len();
    world.signal("ines", setting(lk::VideoQuality::Off as i32));
    frames(&mut world, 20);
    assert!(seen(&world).len() <= count + 1);
    world.signal("ines", setting(lk::VideoQuality::High as i32));
    frames(&mut world, 40);
    assert!(seen(&world).len() > count + 20);
}

#[test]
fn muting_is_done_here_whatever_the_client_does() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("ines", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("ines", Microphone);
    world.say("ines", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("prof").received(&sid).len(), 1);

    let mute = |muted| {
        Command::MutePublishedTrack(lk::MuteRoomTrackRequest {
            room: ROOM.to_owned(),
            identity: "ines".to_owned(),
            track_sid: sid.clone(),
            muted,
        })
    };
    let Ok(Reply::Track(track)) = world.control(mute(true)) else { panic!("the track is muted") };
    assert!(track.muted);
    let told = |frame: &Response| matches!(frame, Response::Mute(m) if m.sid == sid && m.muted);
    assert!(world.client("ines").frames.iter().any(told));
    assert!(world.client("prof").knows("ines").unwrap().tracks[0].muted);
    // A modified client goes on talking.
    for _ in 0..10 {
        world.say("ines", mic, -20);
    }
    world.run(SECOND);
    assert_eq!(world.client("prof").received(&sid).len(), 1);

    // The owner may unmute, and the stream continues without a gap.
    world.signal("ines", Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: false }));
    world.say("ines", mic, -20);
    world.run(SECOND);
    let received = world.client("prof").received(&sid);
    assert_eq!(received.iter().map(|packet| *packet.seq_no).collect::<Vec<_>>(), vec![1, 2]);
    assert!(!world.client("prof").knows("ines").unwrap().tracks[0].muted);
}

#[test]
fn without_the_grant_nothing_is_published() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants { can_publish: false, ..Grants::default() });
    world.all_connected();
    // A modified client does not ask, or ignores the answer, and sends.
    let mic = world.publish("ines", Microphone, &[]);
    world.run(SECOND);
    let refusal = world.client("ines").last_refusal().unwrap();
    assert_eq!(refusal.reason, lk::request_response::Reason::NotAllowed as i32);
    for _ in 0..10 {
        world.say("ines", mic, -10);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    assert!(world.client("prof").media.is_empty());
    assert!(world.client("prof").knows("ines").unwrap().tracks.is_empty());
    assert_eq!(world.engine.counters().media_out, 0);
    assert_eq!(world.engine.counters().media_refused, 10);
}

#[test]
fn an_unannounced_section_goes_nowhere() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.offer_track("ines", "never announced", true, &[]);
    world.run(SECOND);
    world.say("ines", mic, -10);
    world.run(SECOND);
    assert!(world.client("prof").media.is_empty());
    assert_eq!(world.engine.counters().media_refused, 1);
}

/// Firefox calls a track in its offers otherwise than its `id`, by which clients announce it.
#[test]
fn a_section_that_names_its_track_otherwise_carries_the_one_announced_first() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    for (cid, source) in [("{a}", Camera), ("{b}", Microphone), ("{c}", lk::TrackSource::ScreenShare)] {
        let audio = source == Microphone;
        let request = lk::AddTrackRequest {
            cid: cid.to_owned(),
            r#type: if audio { lk::TrackType::Audio } else { lk::TrackType::Video } as i32,
            source: source as i32,
            ..Default::default()
        };
        world.signal("prof", Request::AddTrack(request));
    }
    // Named as it was announced: that one, although another came before it.
    let screen = world.offer_track("prof", "{c}", false, &[]);
    world.run(SECOND);
    let camera = world.offer_track("prof", "{of the browser}", false, &[]);
    world.run(SECOND);
    // The earlier sections are in every later offer, under the names they had.
    let voice = world.offer_track("prof", "{also of the browser}", true, &[]);
    world.run(SECOND);
    let unannounced = world.offer_track("prof", "{one too many}", false, &[]);
    world.run(SECOND);
    for _ in 0..10 {
        world.say("prof", voice, -20);
        world.film("prof", camera, None, true);
        world.film("prof", screen, None, true);
        world.film("prof", unannounced, None, true);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let sections: Vec<String> =
        world.client("ines").knows("prof").unwrap().tracks.into_iter().map(|t| t.mid).collect();
    assert_eq!(sections.len(), 3);
    for (source, mid) in [(Camera, camera), (Microphone, voice), (lk::TrackSource::ScreenShare, screen)] {
        let sid = world.track_sid("prof", source);
        assert_eq!(world.client("ines").received(&sid).len(), 10, "{source:?}");
        assert!(sections.contains(&mid.to_string()), "{source:?}");
    }
    assert_eq!(world.engine.counters().media_refused, 10, "what was not announced");
}

#[test]
fn a_revoked_grant_takes_the_track_away_at_once() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("ines", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("ines", Microphone);
    world.say("ines", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("prof").received(&sid).len(), 1);
    let before = world.client("prof").media.len();

    world.control(permit("ines", permission(false, true, true))).unwrap();
    for _ in 0..10 {
        world.say("ines", mic, -20);
    }
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), before);
    let unpublished = |frame: &Response| matches!(frame, Response::TrackUnpublished(t) if t.track_sid == sid);
    assert!(world.client("ines").frames.iter().any(unpublished));
    let told = world.client("ines").knows("ines").unwrap();
    assert!(!told.permission.unwrap().can_publish);
    assert!(world.client("prof").knows("ines").unwrap().tracks.is_empty());

    // Only the camera comes back: the microphone is still refused, and a camera called microphone too.
    let camera_only = lk::ParticipantPermission {
        can_publish_sources: vec![Source::Camera.on_the_wire()],
        ..permission(true, true, true)
    };
    world.control(permit("ines", camera_only)).unwrap();
    let announce = |source: lk::TrackSource, kind: lk::TrackType| {
        Request::AddTrack(lk::AddTrackRequest {
            cid: "another".to_owned(),
            source: source as i32,
            r#type: kind as i32,
            ..Default::default()
        })
    };
    let refused = |world: &World| {
        world.client("ines").frames.iter().filter(|f| matches!(f, Response::RequestResponse(_))).count()
    };
    world.signal("ines", announce(Microphone, lk::TrackType::Audio));
    assert_eq!(refused(&world), 1);
    world.signal("ines", announce(Camera, lk::TrackType::Audio));
    assert_eq!(refused(&world), 2);
    world.signal("ines", announce(Camera, lk::TrackType::Video));
    assert_eq!(refused(&world), 2);
}

#[test]
fn losing_the_right_to_subscribe_stops_everything_and_it_comes_back() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").media.len(), 1);
    world.control(permit("ines", permission(true, false, true))).unwrap();
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").media.len(), 1);
    let again = Request::Subscription(lk::UpdateSubscription {
        track_sids: vec![sid.clone()],
        subscribe: true,
        ..Default::default()
    });
    world.signal("ines", again);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").media.len(), 1, "asking does not help");

    world.control(permit("ines", permission(true, true, true))).unwrap();
    world.run(SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").media.len(), 2);
}

#[test]
fn subscriptions_end_and_begin_in_reused_sections() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let subscription = |subscribe| {
        let track_sids = vec![sid.clone()];
        Request::Subscription(lk::UpdateSubscription { track_sids, subscribe, ..Default::default() })
    };
    for round in 1..=4 {
        world.say("prof", mic, -20);
        world.run(SECOND);
        assert_eq!(world.client("ines").media.len(), round, "round {round}");
        world.signal("ines", subscription(false));
        world.run(SECOND);
        assert!(world.client("ines").track_of.is_empty(), "the section was answered without a track");
        world.say("prof", mic, -20);
        world.run(SECOND);
        assert_eq!(world.client("ines").media.len(), round, "round {round}, unsubscribed");
        world.signal("ines", subscription(true));
        world.run(SECOND);
    }
    // The first packets of each round were in streams of their own.
    let ssrcs: std::collections::HashSet<_> =
        world.client("ines").media.iter().map(|(_, packet)| packet.header.ssrc).collect();
    assert_eq!(ssrcs.len(), 4);
}

#[test]
fn more_tracks_than_sections_makes_the_server_ask_for_more() {
    let mut world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    world.join("prof", Grants::default());
    for name in names {
        world.join(name, Grants::default());
    }
    world.all_connected();
    let mics: Vec<_> = names.iter().map(|name| (*name, world.publish(name, Microphone, &[]))).collect();
    world.run(2 * SECOND);
    for (name, mic) in &mics {
        world.say(name, *mic, -20);
    }
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), 5);
    assert_eq!(world.client("prof").track_of.len(), 5);
    let asked = world
        .client("prof")
        .frames
        .iter()
        .any(|frame| matches!(frame, Response::MediaSectionsRequirement(need) if need.num_audios > 0));
    assert!(asked);
}

#[test]
fn unpublishing_tells_everybody() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    assert_eq!(world.client("ines").knows("prof").unwrap().tracks.len(), 1);
    let offer = world.client_mut("prof").stop_sending(mic);
    world.signal("prof", Request::Offer(offer));
    world.run(SECOND);
    assert!(world.client("ines").knows("prof").unwrap().tracks.is_empty());
    assert!(world.client("ines").track_of.is_empty());
    assert!(world.kinds().iter().any(|kind| matches!(kind, EventKind::TrackUnpublished { .. })));
}

#[test]
fn data_reach_whom_they_name_in_the_sender_s_own_name() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join("malo", Grants::default());
    world.join("muet", Grants { can_publish_data: false, ..Grants::default() });
    world.all_connected();
    world.send_data("ines", "_reliable", &chat("à tous", &[]));
    world.send_data("ines", "_lossy", &chat("au prof", &["prof"]));
    world.send_data("muet", "_reliable", &chat("rien", &[]));
    world.run(SECOND);
    assert_eq!(texts(&world, "malo"), ["à tous"]);
    let mut at_prof = texts(&world, "prof");
    at_prof.sort();
    assert_eq!(at_prof, ["au prof", "à tous"]);
    assert!(texts(&world, "ines").is_empty());
    for (_, packet) in &world.client("prof").data {
        assert_eq!(packet.participant_identity, "ines");
        assert_eq!(packet.participant_sid, world.client("ines").sid);
        assert_eq!(packet.sequence, 7);
    }
    assert_eq!(world.client("malo").data[0].0, "_reliable");

    // What only a server may send, captions in another's name, and nonsense are dropped.
    let speaker =
        lk::DataPacket { value: Some(Value::Metrics(lk::MetricsBatch::default())), ..Default::default() };
    let captions = lk::DataPacket {
        value: Some(Value::Transcription(lk::Transcription {
            transcribed_participant_identity: "prof".to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    };
    world.send_data("ines", "_reliable", &speaker);
    world.send_data("ines", "_reliable", &captions);
    world.send_data("ines", "_reliable", &lk::DataPacket { sequence: 8, ..Default::default() });
    world.run(SECOND);
    assert_eq!(texts(&world, "malo").len(), 1);
    assert_eq!(world.client("malo").data.len(), 1);
    assert_eq!(world.engine.counters().data_refused, 4);

    // The server speaks in nobody's name.
    let send = Command::SendData(lk::SendDataRequest {
        room: ROOM.to_owned(),
        data: b"la cloche".to_vec(),
        topic: Some("avis".to_owned()),
        destination_identities: vec!["malo".to_owned()],
        ..Default::default()
    });
    assert_eq!(world.control(send), Ok(Reply::Done));
    world.run(SECOND);
    let (_, packet) = world.client("malo").data.last().unwrap();
    assert_eq!(packet.participant_identity, "");
    let Some(Value::User(user)) = &packet.value else { panic!("a user packet") };
    assert_eq!(user.topic.as_deref(), Some("avis"));
    assert_eq!(texts(&world, "prof").len(), 2);
}

#[test]
fn names_cannot_be_changed_without_the_grant() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join("libre", Grants { can_update_own_metadata: true, ..Grants::default() });
    world.all_connected();
    let update = |name: &str| {
        Request::UpdateMetadata(lk::UpdateParticipantMetadata {
            name: name.to_owned(),
            attributes: HashMap::from([("main".to_owned(), "levée".to_owned())]),
            request_id: 12,
            ..Default::default()
        })
    };
    world.signal("ines", update("Le Proviseur"));
    let refusal = world.client("ines").last_refusal().unwrap();
    assert_eq!(refusal.reason, lk::request_response::Reason::NotAllowed as i32);
    assert_eq!(refusal.request_id, 12);
    assert_eq!(world.client("prof").knows("ines").unwrap().name, "INES");

    world.signal("libre", update("Libre"));
    let done = world.client("libre").last_refusal().unwrap();
    assert_eq!(done.reason, lk::request_response::Reason::Ok as i32);
    let known = world.client("prof").knows("libre").unwrap();
    assert_eq!((known.name.as_str(), known.attributes["main"].as_str()), ("Libre", "levée"));
    world.signal("libre", update(&"x".repeat(5000)));
    let refusal = world.client("libre").last_refusal().unwrap();
    assert_eq!(refusal.reason, lk::request_response::Reason::LimitExceeded as i32);
}
