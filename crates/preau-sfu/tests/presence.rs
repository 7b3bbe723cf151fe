//! Coming, going and coming back: resumption, replacement, removal, rooms that begin and end.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::Microphone;
use lk::data_packet::Value;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::grants::{Grants, Sources};
use preau_sfu::{Departure, EventKind, Limits};
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

fn who(identity: &str) -> lk::RoomParticipantIdentity {
    lk::RoomParticipantIdentity { room: ROOM.to_owned(), identity: identity.to_owned(), ..Default::default() }
}

#[test]
fn a_broken_connection_resumes_and_media_never_stopped() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join("malo", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let claims = world.claims("ines", Grants::default());
    world.break_signalling("ines");
    world.run(2 * SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 1, "media go on without signalling");
    // Meanwhile somebody leaves.
    world.signal("malo", Request::Leave(lk::LeaveRequest::default()));
    world.run(SECOND);

    world.resume("ines", claims);
    let frames = &world.client("ines").frames;
    assert!(matches!(frames[0], Response::Reconnect(_)), "{:?}", frames[0]);
    let gone = world.client("ines").knows("malo").unwrap();
    assert_eq!(gone.state, lk::participant_info::State::Disconnected as i32);
    assert!(world.client("ines").knows("prof").is_some());

    // The client restarts ICE, as livekit-client does, from another network.
    let offer = world.client_mut("ines").restart_ice();
    world.signal("ines", Request::Offer(offer));
    world.run(2 * SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 2);
    assert!(
        !world
            .kinds()
            .iter()
            .any(|k| matches!(k, EventKind::ParticipantLeft { identity, .. } if identity.as_str() == "ines"))
    );
    assert!(world.kinds().iter().any(|k| matches!(k, EventKind::ParticipantResumed { .. })));
}

#[test]
fn who_does_not_come_back_is_gone() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    world.break_signalling("ines");
    world.run(14 * SECOND);
    assert_eq!(world.client("prof").knows("ines").unwrap().state, 2, "still there for the others");
    world.signal("prof", Request::Ping(1));
    world.run(2 * SECOND);
    let gone = world.client("prof").knows("ines").unwrap();
    assert_eq!(gone.state, lk::participant_info::State::Disconnected as i32);
    let claims = world.claims("ines", Grants::default());
    world.resume("ines", claims);
    let leave = world.client("ines").last_leave().unwrap();
    assert_eq!(leave.action, lk::leave_request::Action::Reconnect as i32, "start over");
    assert!(world.client("ines").closed);
}

#[test]
fn somebody_else_s_stay_cannot_be_resumed() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let stolen = world.client("prof").sid.clone();
    world.client_mut("ines").sid = stolen;
    let claims = world.claims("ines", Grants::default());
    world.resume("ines", claims);
    assert!(world.client("ines").last_leave().is_some());
    assert!(world.client("prof").last_leave().is_none());
}

#[test]
fn silence_counts_as_a_broken_connection() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.all_connected();
    for _ in 0..10 {
        world.signal("prof", Request::Ping(1));
        world.run(5 * SECOND);
    }
    assert!(!world.client("prof").closed, "pings keep it open");
    world.run(31 * SECOND);
    assert!(world.client("prof").closed);
}

#[test]
fn the_same_identity_again_replaces_the_earlier_one() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let claims = world.claims("ines", Grants::default());
    world.join_with("ines, at home", claims);
    world.all_connected();
    let leave = world.client("ines").last_leave().unwrap();
    assert_eq!(leave.reason, lk::DisconnectReason::DuplicateIdentity as i32);
    assert!(world.client("ines").closed);
    let sid = world.client("ines, at home").sid.clone();
    assert_eq!(world.client("prof").knows("ines").unwrap().sid, sid);
    let Ok(Reply::Participants(list)) =
        world.control(Command::ListParticipants(lk::ListParticipantsRequest { room: ROOM.to_owned() }))
    else {
        panic!("the room lists its participants")
    };
    assert_eq!(list.len(), 2);
}

#[test]
fn a_removed_pupil_stays_out_until_given_a_new_token() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let old = world.claims("ines", Grants::default());
    world.run(3 * SECOND);
    assert_eq!(world.control(Command::RemoveParticipant(who("ines"))), Ok(Reply::Done));
    let leave = world.client("ines").last_leave().unwrap();
    assert_eq!(leave.reason, lk::DisconnectReason::ParticipantRemoved as i32);
    assert_eq!(leave.action, lk::leave_request::Action::Disconnect as i32);
    let left = world.kinds().into_iter().rev().find_map(|kind| match kind {
        EventKind::ParticipantLeft { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(left, Some(Departure::Removed));

    world.join_with("ines again", old.clone());
    assert!(world.client("ines again").closed);
    assert!(world.client("ines again").last_leave().is_some());
    let new = preau_sfu::token::Claims { issued_at: old.issued_at + 60, ..old };
    world.join_with("ines with a new token", new);
    assert!(!world.client("ines with a new token").closed);
    assert_eq!(
        world.control(Command::RemoveParticipant(who("personne"))),
        Err(ControlError::NoParticipant("personne".to_owned()))
    );
}

#[test]
fn a_decision_outlives_a_reload_with_the_old_token() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    world.control(permit("ines", permission(false, true, true))).unwrap();
    let old = world.claims("ines", Grants::default());
    world.join_with("ines reloads", old);
    let known = world.client("prof").knows("ines").unwrap();
    assert!(!known.permission.unwrap().can_publish);
}

#[test]
fn the_room_hears_who_speaks() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    for _ in 0..50 {
        world.say("prof", mic, -15);
        world.run(Duration::from_millis(20));
    }
    let prof = world.client("prof").sid.clone();
    let states = |world: &World| -> Vec<bool> {
        let speakers = |frame: &Response| match frame {
            Response::SpeakersChanged(changed) => changed.speakers.clone(),
            _ => vec![],
        };
        let frames = world.client("ines").frames.iter();
        frames.flat_map(speakers).filter(|s| s.sid == prof).map(|s| s.active).collect()
    };
    assert_eq!(states(&world).first(), Some(&true));
    world.run(SECOND);
    assert_eq!(states(&world).last(), Some(&false));
}

#[test]
fn hidden_people_are_not_seen() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.all_connected();
    world.join("inspecteur", Grants { hidden: true, ..Grants::default() });
    world.all_connected();
    assert!(world.client("prof").knows("inspecteur").is_none());
    assert!(world.client("inspecteur").knows("prof").is_some());
    world.send_data("inspecteur", "_reliable", &chat("psst", &[]));
    world.run(SECOND);
    assert_eq!(world.client("prof").data[0].1.participant_identity, "");
}

#[test]
fn a_new_address_is_found_by_its_connectivity_checks() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    // The pupil's router forgets the mapping: same pupil, other port. str0m leaves the old path once
    // nothing was heard on it for fifteen seconds; signalling and stay are not touched.
    world.client_mut("ines").rebind("10.0.0.99:51234");
    world.run(16 * SECOND);
    let before = world.client("ines").received(&sid).len();
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), before + 1);
}

#[test]
fn rooms_begin_and_end() {
    let mut world = World::new();
    let create = Command::CreateRoom(Box::new(lk::CreateRoomRequest {
        name: ROOM.to_owned(),
        max_participants: 2,
        departure_timeout: 5,
        metadata: "4e B".to_owned(),
        ..Default::default()
    }));
    let Ok(Reply::Room(room)) = world.control(create) else { panic!("the room is created") };
    assert_eq!((room.max_participants, room.metadata.as_str()), (2, "4e B"));
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join("de trop", Grants::default());
    assert_eq!(
        world.client("de trop").last_leave().unwrap().reason,
        lk::DisconnectReason::JoinFailure as i32
    );
    world.signal("prof", Request::Leave(lk::LeaveRequest::default()));
    world.signal("ines", Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(world.kinds().last(), Some(&&EventKind::RoomEmpty));
    world.run(6 * SECOND);
    assert_eq!(world.kinds().last(), Some(&&EventKind::RoomFinished));
    let list = Command::ListRooms(lk::ListRoomsRequest::default());
    assert_eq!(world.control(list), Ok(Reply::Rooms(vec![])));

    world.join("prof", Grants::default());
    let delete = Command::DeleteRoom(lk::DeleteRoomRequest { room: ROOM.to_owned() });
    assert_eq!(world.control(delete.clone()), Ok(Reply::Done));
    assert_eq!(world.client("prof").last_leave().unwrap().reason, lk::DisconnectReason::RoomDeleted as i32);
    assert_eq!(world.control(delete), Err(ControlError::NoRoom(ROOM.to_owned())));
}

#[test]
fn nonsense_is_survived_and_bounded() {
    let mut world = World::with_limits(Limits { tracks: 2, ..Limits::default() });
    world.join("prof", Grants { sources: Sources::ANY, ..Grants::default() });
    world.join("ines", Grants::default());
    world.all_connected();
    let connection = world.client("prof").connection.unwrap();
    let now = world.now;
    world.engine.frame(connection, &[0xff; 64], now);
    world.engine.frame(connection, &vec![0; 600 * 1024], now);
    assert_eq!(world.engine.counters().frames_broken, 2);
    for bytes in [&[][..], &[0; 3], &[0x80; 40], &[20; 100], &[1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]] {
        world.engine.datagram("10.9.9.9:9".parse().unwrap(), bytes, now);
    }
    assert_eq!(world.engine.counters().strangers, 5);
    for index in 0..5 {
        let request = lk::AddTrackRequest {
            cid: format!("c{index}"),
            source: lk::TrackSource::Camera as i32,
            r#type: lk::TrackType::Video as i32,
            ..Default::default()
        };
        world.signal("prof", Request::AddTrack(request));
    }
    assert_eq!(
        world.client("prof").last_refusal().unwrap().reason,
        lk::request_response::Reason::LimitExceeded as i32
    );
    let published = |frame: &&Response| matches!(frame, Response::TrackPublished(_));
    assert_eq!(world.client("prof").frames.iter().filter(published).count(), 2);

    // An offer that is none ends the stay, with the advice to start over; the room goes on.
    let offer = lk::SessionDescription { sdp: "v=0\r\nnonsense".to_owned(), ..Default::default() };
    world.signal("prof", Request::Offer(offer));
    let leave = world.client("prof").last_leave().unwrap();
    assert_eq!(leave.action, lk::leave_request::Action::Reconnect as i32);
    world.run(SECOND);
    assert!(!world.client("ines").closed);
}
