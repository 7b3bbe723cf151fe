//! A snapshot with all later events applied equals a fresh snapshot, whatever happens in the room.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::signal_request::Message as Request;
use preau_sfu::control::{Command, Reply};
use preau_sfu::grants::Grants;
use preau_sfu::{Budget, Event, EventKind, Gap, Limits, Snapshot};
use proptest::prelude::*;
use support::{ROOM, World};

const NAMES: [&str; 4] = ["prof", "ines", "malo", "yann"];

/// Something that happens in a room.
#[derive(Debug, Clone)]
enum Act {
    Join(usize),
    JoinTwo(usize),
    Leave(usize),
    Break(usize),
    Resume(usize),
    Publish(usize, bool),
    Unpublish(usize),
    Mute(usize, bool),
    Rename(usize, u8),
    Permit(usize, bool, bool),
    Remove(usize),
    Metadata(u8),
    Busy(bool),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..NAMES.len();
    prop_oneof![
        3 => who.clone().prop_map(Act::Join),
        1 => who.clone().prop_map(Act::JoinTwo),
        1 => who.clone().prop_map(Act::Leave),
        1 => who.clone().prop_map(Act::Break),
        1 => who.clone().prop_map(Act::Resume),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, audio)| Act::Publish(who, audio)),
        1 => who.clone().prop_map(Act::Unpublish),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, muted)| Act::Mute(who, muted)),
        1 => (who.clone(), 0u8..5).prop_map(|(who, name)| Act::Rename(who, name)),
        2 => (who.clone(), any::<bool>(), any::<bool>()).prop_map(|(who, p, h)| Act::Permit(who, p, h)),
        1 => who.prop_map(Act::Remove),
        1 => (0u8..5).prop_map(Act::Metadata),
        1 => any::<bool>().prop_map(Act::Busy),
        3 => (1u64..4_000).prop_map(Act::Wait),
    ]
}

/// The acts on a world, as far as they make sense there.
struct Play {
    world: World,
    tracks: HashMap<(usize, bool), str0m::media::Mid>,
    issued: u64,
}

impl Play {
    fn new() -> Play {
        let limits = Limits { budget: Budget { cpu: 0.5, ..Budget::default() }, ..Limits::default() };
        Play { world: World::with_limits(limits), tracks: HashMap::new(), issued: 0 }
    }

    fn is_here(&self, who: usize) -> bool {
        let client = self.world.clients.get(NAMES[who]);
        client.is_some_and(|client| client.connection.is_some() && !client.closed)
    }

    fn enter(&mut self, who: usize, two: bool) {
        let mut claims = self.world.claims(NAMES[who], Grants::default());
        // Newer than whatever was decided before.
        self.issued += 1_000;
        claims.issued_at += self.issued;
        self.tracks.retain(|(owner, _), _| *owner != who);
        self.world.forget(NAMES[who]);
        let connections = if two { preau_sfu::Connections::Two } else { preau_sfu::Connections::One };
        self.world.enter(NAMES[who], claims, connections, 0, &[str0m::format::Codec::Vp8]);
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Join(who) => self.enter(*who, false),
            Act::JoinTwo(who) => self.enter(*who, true),
            Act::Leave(who) if self.is_here(*who) => {
                self.world.signal(NAMES[*who], Request::Leave(lk::LeaveRequest::default()));
            }
            Act::Break(who) if self.is_here(*who) => self.world.break_signalling(NAMES[*who]),
            Act::Resume(who) if self.world.clients.contains_key(NAMES[*who]) && !self.is_here(*who) => {
                let claims = self.world.claims(NAMES[*who], Grants::default());
                self.world.resume(NAMES[*who], claims);
            }
            Act::Publish(who, audio)
                if self.is_here(*who)
                    && self.world.client(NAMES[*who]).connected
                    && !self.tracks.contains_key(&(*who, *audio)) =>
            {
                let source = if *audio { Microphone } else { Camera };
                let mid = self.world.publish(NAMES[*who], source, &[]);
                self.tracks.insert((*who, *audio), mid);
            }
            Act::Unpublish(who) if self.is_here(*who) => {
                if let Some(mid) = self.tracks.get(&(*who, true)).copied() {
                    let offer = self.world.client_mut(NAMES[*who]).stop_sending(mid);
                    self.world.signal(NAMES[*who], Request::Offer(offer));
                }
            }
            Act::Mute(who, muted) if self.is_here(*who) => {
                let known = self.world.client(NAMES[*who]).knows(NAMES[*who]);
                if let Some(track) = known.and_then(|info| info.tracks.first().cloned()) {
                    let mute = lk::MuteTrackRequest { sid: track.sid, muted: *muted };
                    self.world.signal(NAMES[*who], Request::Mute(mute));
                }
            }
            Act::Rename(who, name) => {
                let request = lk::UpdateParticipantRequest {
                    room: ROOM.to_owned(),
                    identity: NAMES[*who].to_owned(),
                    name: format!("nom {name}"),
                    attributes: HashMap::from([("main".to_owned(), name.to_string())]),
                    ..Default::default()
                };
                let _ = self.world.control(Command::UpdateParticipant(request));
            }
            Act::Permit(who, publish, hidden) => {
                let request = lk::UpdateParticipantRequest {
                    room: ROOM.to_owned(),
                    identity: NAMES[*who].to_owned(),
                    permission: Some(lk::ParticipantPermission {
                        can_publish: *publish,
                        can_subscribe: true,
                        hidden: *hidden,
                        ..Default::default()
                    }),
                    ..Default::default()
                };
                let _ = self.world.control(Command::UpdateParticipant(request));
            }
            Act::Remove(who) => {
                let request = lk::RoomParticipantIdentity {
                    room: ROOM.to_owned(),
                    identity: NAMES[*who].to_owned(),
                    ..Default::default()
                };
                let _ = self.world.control(Command::RemoveParticipant(request));
            }
            Act::Metadata(metadata) => {
                let request =
                    lk::UpdateRoomMetadataRequest { room: ROOM.to_owned(), metadata: metadata.to_string() };
                let _ = self.world.control(Command::UpdateRoomMetadata(request));
            }
            Act::Busy(busy) => self.world.engine.report_processor(if *busy { 0.9 } else { 0.1 }),
            Act::Wait(time) => self.world.run(Duration::from_millis(*time)),
            Act::Leave(_)
            | Act::Break(_)
            | Act::Resume(_)
            | Act::Publish(..)
            | Act::Unpublish(_)
            | Act::Mute(..) => {}
        }
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        match self.world.control(Command::Snapshot { room: ROOM.to_owned() }) {
            Ok(Reply::Snapshot(snapshot)) => Some(*snapshot),
            _ => None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_snapshot_and_its_events_equal_a_fresh_snapshot(acts in prop::collection::vec(act(), 1..40)) {
        let mut play = Play::new();
        // One that knows everything from the beginning, and one that is refreshed now and then.
        let mut from_nothing = Snapshot::empty(ROOM.into());
        let mut from_between: Option<Snapshot> = None;
        let mut seen = 0;
        for (index, act) in acts.iter().enumerate() {
            play.act(act);
            let fresh = play.snapshot();
            for event in &play.world.events[seen..] {
                prop_assert_eq!(from_nothing.apply(event), Ok(()));
                if let Some(between) = &mut from_between {
                    prop_assert_eq!(between.apply(event), Ok(()));
                }
            }
            seen = play.world.events.len();
            match fresh {
                Some(fresh) => {
                    prop_assert_eq!(&from_nothing, &fresh, "after {:?}", act);
                    if let Some(between) = &from_between {
                        prop_assert_eq!(between, &fresh, "after {:?}", act);
                    }
                    if index % 7 == 3 {
                        from_between = Some(fresh);
                    }
                }
                None => prop_assert!(from_nothing.finished || from_nothing.number == 0),
            }
        }
    }
}

#[test]
fn events_are_numbered_without_gaps_and_a_second_room_begins_anew() {
    let mut play = Play::new();
    play.act(&Act::Join(0));
    play.act(&Act::Wait(1_000));
    play.act(&Act::Publish(0, true));
    play.act(&Act::Leave(0));
    play.act(&Act::Wait(25_000));
    play.act(&Act::Join(1));
    let events: &[Event] = &play.world.events;
    let finished = events.iter().position(|event| event.kind == EventKind::RoomFinished).unwrap();
    for half in [&events[..=finished], &events[finished + 1..]] {
        let numbers: Vec<u64> = half.iter().map(|event| event.number).collect();
        assert_eq!(numbers, (1..=half.len() as u64).collect::<Vec<_>>());
        assert_eq!(half[0].kind, EventKind::RoomStarted);
    }
    // Whoever lost one notices.
    let mut snapshot = Snapshot::empty(ROOM.into());
    assert_eq!(snapshot.apply(&events[0]), Ok(()));
    assert_eq!(snapshot.apply(&events[2]), Err(Gap { wanted: 2, got: 3 }));
}
