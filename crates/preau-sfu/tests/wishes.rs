//! What clients may ask of each other's tracks, and how they are answered.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::data_packet::Value;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::control::{Command, Reply};
use preau_sfu::grants::Grants;
use support::{ROOM, World};

const SECOND: Duration = Duration::from_secs(1);

fn permission(entries: &[(&str, Option<&str>)]) -> Request {
    let entry = |(identity, track): &(&str, Option<&str>)| lk::TrackPermission {
        participant_identity: (*identity).to_owned(),
        all_tracks: track.is_none(),
        track_sids: track.iter().map(|sid| (*sid).to_owned()).collect(),
        ..Default::default()
    };
    Request::SubscriptionPermission(lk::SubscriptionPermission {
        all_participants: false,
        track_permissions: entries.iter().map(entry).collect(),
    })
}

fn everybody() -> Request {
    Request::SubscriptionPermission(lk::SubscriptionPermission {
        all_participants: true,
        track_permissions: vec![],
    })
}

/// What somebody was told about permissions: track and whether it is allowed.
fn told(world: &World, name: &str) -> Vec<(String, bool)> {
    let frames = world.client(name).frames.iter();
    frames
        .filter_map(|frame| match frame {
            Response::SubscriptionPermissionUpdate(update) => {
                Some((update.track_sid.clone(), update.allowed))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_publisher_chooses_who_receives() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join_two("malo", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    let send = |world: &mut World| {
        world.say("prof", mic, -20);
        world.film("prof", camera, None, true);
        world.run(SECOND);
        let count = |name: &str, sid: &str| world.client(name).received(sid).len();
        [count("ines", &voice), count("ines", &picture), count("malo", &voice), count("malo", &picture)]
    };
    assert_eq!(send(&mut world), [1, 1, 1, 1]);
    // Ines may have the voice only, malo all.
    world.signal("prof", permission(&[("ines", Some(&voice)), ("malo", None)]));
    world.run(SECOND);
    assert_eq!(told(&world, "ines"), [(picture.clone(), false)]);
    assert!(told(&world, "malo").is_empty());
    assert_eq!(send(&mut world)[0], 2);
    assert_eq!(world.client("ines").track_of.len(), 1, "the section is described as silent");
    assert_eq!(world.client("ines").media.len(), 3);
    // Nobody.
    world.signal("prof", permission(&[]));
    world.run(SECOND);
    let before = (world.client("ines").media.len(), world.client("malo").media.len());
    send(&mut world);
    assert_eq!((world.client("ines").media.len(), world.client("malo").media.len()), before);
    // Asking again does not help.
    let again =
        lk::UpdateSubscription { track_sids: vec![voice.clone()], subscribe: true, ..Default::default() };
    world.signal("malo", Request::Subscription(again));
    send(&mut world);
    assert_eq!(world.client("malo").media.len(), before.1);
    // Somebody who comes now is told at once, and gets nothing.
    world.join("tard", Grants::default());
    world.all_connected();
    send(&mut world);
    assert!(world.client("tard").media.is_empty());
    assert_eq!(told(&world, "tard").len(), 2);
    // And everybody again.
    world.signal("prof", everybody());
    world.run(SECOND);
    assert_eq!(told(&world, "ines").last().map(|(_, allowed)| *allowed), Some(true));
    let before = (world.client("ines").media.len(), world.client("malo").media.len());
    send(&mut world);
    assert_eq!(
        (world.client("ines").media.len(), world.client("malo").media.len()),
        (before.0 + 2, before.1 + 2)
    );
    assert_eq!(world.client("tard").media.len(), 2);
}

#[test]
fn a_track_that_is_not_there_is_said_to_be_missing() {
    let mut world = World::new();
    world.join("ines", Grants::default());
    let wish = lk::UpdateSubscription {
        track_sids: vec!["TR_nowhere".to_owned()],
        subscribe: true,
        ..Default::default()
    };
    world.signal("ines", Request::Subscription(wish));
    let error = world.client("ines").frames.iter().find_map(|frame| match frame {
        Response::SubscriptionResponse(response) => Some((response.track_sid.clone(), response.err)),
        _ => None,
    });
    assert_eq!(error, Some(("TR_nowhere".to_owned(), lk::SubscriptionError::SeTrackNotfound as i32)));
}

#[test]
fn a_resumed_client_s_wishes_stand() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    let claims = world.claims("ines", Grants::default());
    world.break_signalling("ines");
    world.resume("ines", claims);
    // While it was away, the client decided against the voice, and hid the picture.
    let unsubscribed =
        lk::UpdateSubscription { track_sids: vec![voice.clone()], subscribe: false, ..Default::default() };
    world.signal(
        "ines",
        Request::SyncState(lk::SyncState {
            subscription: Some(unsubscribed),
            track_sids_disabled: vec![picture.clone()],
            ..Default::default()
        }),
    );
    world.run(SECOND);
    world.say("prof", mic, -20);
    world.film("prof", camera, None, true);
    world.run(SECOND);
    assert!(world.client("ines").media.is_empty());
    // The picture comes back when it is shown again.
    let shown = lk::UpdateTrackSettings {
        track_sids: vec![picture.clone()],
        quality: lk::VideoQuality::High as i32,
        ..Default::default()
    };
    world.signal("ines", Request::TrackSetting(shown));
    world.film("prof", camera, None, true);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&picture).len(), 1);
}

#[test]
fn repeated_data_are_delivered_once() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.all_connected();
    let packet = |sequence| lk::DataPacket {
        sequence,
        value: Some(Value::User(lk::UserPacket { payload: vec![sequence as u8], ..Default::default() })),
        ..Default::default()
    };
    for sequence in [1, 2, 3] {
        world.send_data("ines", "_reliable", &packet(sequence));
    }
    world.run(SECOND);
    let claims = world.claims("ines", Grants::default());
    world.break_signalling("ines");
    world.resume("ines", claims);
    let Response::Reconnect(reconnect) = &world.client("ines").frames[0] else { panic!("a reconnect") };
    assert_eq!(reconnect.last_message_seq, 3);
    // A client that is not sure repeats.
    for sequence in [2, 3, 4] {
        world.send_data("ines", "_reliable", &packet(sequence));
    }
    // Lossy packets have no numbers.
    world.send_data("ines", "_lossy", &packet(0));
    world.send_data("ines", "_lossy", &packet(0));
    world.run(SECOND);
    let sequences: Vec<u32> = world.client("prof").data.iter().map(|(_, packet)| packet.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 0, 0]);
}

#[test]
fn the_room_says_how_many_are_here_and_what_it_is_called() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join("cache", Grants { hidden: true, ..Grants::default() });
    world.all_connected();
    world.run(SECOND);
    let rooms = |world: &World| -> Vec<(u32, String)> {
        let frames = world.client("prof").frames.iter();
        frames
            .filter_map(|frame| match frame {
                Response::RoomUpdate(update) => update.room.clone(),
                _ => None,
            })
            .map(|room| (room.num_participants, room.metadata))
            .collect()
    };
    assert_eq!(rooms(&world).last(), Some(&(2, String::new())));
    let update =
        lk::UpdateRoomMetadataRequest { room: ROOM.to_owned(), metadata: "4e B, lettres".to_owned() };
    assert!(matches!(world.control(Command::UpdateRoomMetadata(update)), Ok(Reply::Room(_))));
    assert_eq!(rooms(&world).last(), Some(&(2, "4e B, lettres".to_owned())));
    let count = rooms(&world).len();
    world.run(SECOND * 3);
    assert_eq!(rooms(&world).len(), count, "no news, no message");
    world.signal("ines", Request::Leave(lk::LeaveRequest::default()));
    world.run(SECOND);
    assert_eq!(rooms(&world).last().map(|(count, _)| *count), Some(1));
}

#[test]
fn a_new_token_is_handed_on() {
    let mut world = World::new();
    world.join("ines", Grants::default());
    let to = lk::RoomParticipantIdentity {
        room: ROOM.to_owned(),
        identity: "ines".to_owned(),
        ..Default::default()
    };
    assert_eq!(world.control(Command::RefreshToken { to, token: "abc.def.ghi".to_owned() }), Ok(Reply::Done));
    let refreshed =
        |frame: &Response| matches!(frame, Response::RefreshToken(token) if token == "abc.def.ghi");
    assert!(world.client("ines").frames.iter().any(refreshed));
}

#[test]
fn what_is_not_offered_is_answered() {
    let mut world = World::new();
    world.join("ines", Grants::default());
    let requests = [
        Request::PublishDataTrackRequest(lk::PublishDataTrackRequest::default()),
        Request::StoreDataBlobRequest(lk::StoreDataBlobRequest::default()),
        Request::UpdateDataSubscription(lk::UpdateDataSubscription::default()),
    ];
    for request in requests {
        let before = world.client("ines").frames.len();
        world.signal("ines", request);
        let Some(Response::RequestResponse(response)) = world.client("ines").frames.get(before) else {
            panic!("an answer")
        };
        assert_eq!(response.reason, lk::request_response::Reason::UnsupportedType as i32);
    }
}
