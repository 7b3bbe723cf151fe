//! One room: who is in it and what they are told about each other.
//!
//! `room.rs` holds presence (resuming, leaving, the regular tick). The rest of a room's work is sliced by
//! subject: `admission` (coming in), `telling` (who hears of whom, voices, links), `signals` (what clients ask), `negotiation` (offers), `subscription`
//! (who receives what), `media` (forwarding), `video` (layers, bandwidth, what is given up), `data` (data
//! channels), `moderation` (what the server asks), `relay` (the same room on other shards), `tap` (what a
//! recorder gets).
//!
//! Invariants: an identity is in a room at most once; a participant learns of a track (participant
//! update) before the description that carries it; a track in `tracks` belongs to a participant who may
//! publish it, or to a guest from another shard, where that was checked.

mod admission;
mod data;
mod media;
mod moderation;
mod negotiation;
mod relay;
mod signals;
mod subscription;
mod tap;
mod telling;
mod video;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use crate::codec::Codec;
use crate::config::{Codecs, Limits, Links};
use crate::control::Reply;
use crate::engine::{Connections, Shard};
use crate::event::{Departure, EventKind};
use crate::grants::Grants;
use crate::ids::{ConnectionId, Identity, ParticipantSid, PartyKey, RoomKey, RoomName, TrackKey};
use crate::ladder::Ladder;
use crate::meter::Meter;
use crate::participant::{Endpoints, Legs, Limb, Participant, Presence, Sending};
use crate::relay::Annex;
use crate::signal;
use crate::snapshot::{Present, Published, Snapshot};
use crate::speakers::VoiceMeter;
use crate::stats::{Holdings, Link, LinkWidth};
use crate::subscribe::Reception;
use crate::timers::Due;
use crate::token::Claims;
use crate::track::PublishedTrack;
use crate::transport::{Happening, Inbox, Leg, Route, Sink, Transport};

/// How often a room looks at voices and at who is overdue.
const TICK: Duration = Duration::from_millis(300);

/// How often people are told how good everybody's link is.
const QUALITY_INTERVAL: Duration = Duration::from_secs(5);

/// Seconds between a client's pings, and without answer until it gives up.
const PING_INTERVAL_S: i32 = 5;
const PING_TIMEOUT_S: i32 = 15;

/// The server version we present. Clients switch features by it: this is the one whose protocol is
/// implemented here.
const SERVER_VERSION: &str = "1.11.0";
const PROTOCOL_VERSION: i32 = 16;

/// The attribute of a token, and its value, that says who leads the lesson. What a client changes about
/// itself later does not count.
const LEAD: (&str, &str) = ("role", "teacher");

/// A client that resumes on `/rtc` says where it stood; so long it is awaited.
const SYNC_PATIENCE: Duration = Duration::from_secs(3);

/// A moderator's decisions are remembered for this many people a room; the oldest go first.
const DECISIONS: usize = 1_000;

/// A room.
pub(crate) struct Room {
    pub(crate) key: RoomKey,
    pub(crate) name: RoomName,
    settings: Settings,
    participants: BTreeMap<PartyKey, Participant>,
    by_identity: HashMap<Identity, PartyKey>,
    tracks: BTreeMap<TrackKey, PublishedTrack>,
    decisions: VecDeque<(Identity, Decision)>,
    /// What peer connections reported and was not dealt with yet. Empty between calls.
    inbox: Inbox,
    /// Number of the last event told.
    events: u64,
    ladder: Ladder,
    egress: Meter,
    annex: Annex,
    /// What a recorder gets, while there is one.
    tapping: Option<tap::Tapping>,
    /// Others were told of fewer or more people than there are.
    headcount_told: usize,
    /// Since when nobody is here.
    empty_since: Option<Instant>,
    ever_joined: bool,
    next_quality: Instant,
}

/// What a room was created with.
struct Settings {
    sid: String,
    metadata: String,
    created_ms: i64,
    max_participants: usize,
    empty_timeout: Duration,
    departure_timeout: Duration,
    codecs: Vec<lk::Codec>,
}

/// What a moderator decided about somebody, and when (seconds since 1970).
struct Decision {
    at: u64,
    verdict: Verdict,
}

enum Verdict {
    Removed,
    Granted(Grants),
}

impl Room {
    pub(crate) fn new(key: RoomKey, name: RoomName, shard: &mut Shard) -> Room {
        let limits = &shard.limits;
        let settings = Settings {
            sid: shard.mint.sid("RM_"),
            metadata: String::new(),
            created_ms: shard.unix_ms(),
            max_participants: limits.participants,
            empty_timeout: limits.empty_timeout,
            departure_timeout: limits.departure_timeout,
            codecs: codecs(&limits.codecs),
        };
        let mut room = Room {
            key,
            name,
            settings,
            participants: BTreeMap::new(),
            by_identity: HashMap::new(),
            tracks: BTreeMap::new(),
            decisions: VecDeque::new(),
            inbox: Inbox::default(),
            events: 0,
            ladder: Ladder::new(),
            egress: Meter::new(shard.now),
            annex: Annex::default(),
            tapping: None,
            headcount_told: 0,
            empty_since: Some(shard.now),
            ever_joined: false,
            next_quality: shard.now + QUALITY_INTERVAL,
        };
        room.event(EventKind::RoomStarted, shard);
        shard.timers.set(Due::Room(key), shard.now + TICK);
        room
    }

    /// Whether nobody came, or came back, for long enough.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let patience =
            if self.ever_joined { self.settings.departure_timeout } else { self.settings.empty_timeout };
        self.empty_since.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }

    /// A broken signalling connection comes back within the window, and the stay goes on.
    fn resume(
        &mut self,
        connection: ConnectionId,
        claims: &Claims,
        join: lk::JoinRequest,
        shard: &mut Shard,
    ) {
        let known = self.by_identity.get(&claims.identity).copied();
        let stay = known.and_then(|key| self.participants.get_mut(&key));
        let Some(me) = stay.filter(|me| me.sid.as_str() == join.participant_sid) else {
            // Nothing to resume: the client starts over.
            let leave = lk::LeaveRequest {
                reason: lk::DisconnectReason::StateMismatch as i32,
                action: lk::leave_request::Action::Reconnect as i32,
                can_reconnect: true,
                ..Default::default()
            };
            shard.frame(connection, Response::Leave(leave));
            shard.close(connection);
            return;
        };
        let key = me.key;
        if let Some(earlier) = me.presence.connection.replace(connection) {
            shard.close(earlier);
        }
        me.presence.lost_at = None;
        me.presence.heard_at = shard.now;
        let missed = std::mem::take(&mut me.presence.missed);
        let (identity, sid) = (me.identity.clone(), me.sid.clone());
        // An offer that was asked for on the old connection may have been lost with it.
        me.reception.offer_requested = false;
        let last_message_seq = me.last_data;
        shard.routes.connections.insert(connection, (self.key, key));
        self.event(EventKind::ParticipantResumed { identity, sid }, shard);

        let reconnect = lk::ReconnectResponse {
            server_info: Some(server_info()),
            ice_servers: shard.relays_for_clients.clone(),
            last_message_seq,
            ..Default::default()
        };
        self.tell(key, Response::Reconnect(reconnect), shard);
        let mut participants = missed;
        participants.extend(self.visible_to(key).cloned());
        participants.extend(self.participants.get(&key).map(|me| me.info.clone()));
        self.tell(key, Response::Update(lk::ParticipantUpdate { participants }), shard);
        self.remind(key, shard);
        if let Some(state) = join.sync_state {
            self.sync(key, state, shard);
        }
        if let Some(offer) = join.publisher_offer {
            self.offer(key, offer, shard);
        }
        self.come_back(key, shard);
        self.settle(shard);
    }

    /// The signalling connection broke; media may go on, and it may come back.
    pub(crate) fn hang_up(&mut self, key: PartyKey, connection: ConnectionId, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        if me.presence.connection == Some(connection) {
            me.presence.connection = None;
            me.presence.lost_at = Some(shard.now);
            let identity = me.identity.clone();
            self.event(EventKind::ParticipantLost { identity }, shard);
        }
    }

    /// Ends a stay.
    pub(crate) fn depart(&mut self, key: PartyKey, reason: Departure, shard: &mut Shard) {
        let published = self.participants.get(&key).map(|me| me.sending.tracks.clone()).unwrap_or_default();
        let Some(mut me) = self.participants.remove(&key) else { return };
        self.by_identity.remove(&me.identity);
        self.inbox.waiting.retain(|(party, ..)| *party != key);

        if let Some(connection) = me.presence.connection {
            let action = match reason {
                Departure::Negotiation => lk::leave_request::Action::Reconnect,
                _ => lk::leave_request::Action::Disconnect,
            };
            if reason != Departure::Left {
                let leave = lk::LeaveRequest {
                    reason: reason.on_the_wire() as i32,
                    action: action as i32,
                    can_reconnect: reason == Departure::Negotiation,
                    ..Default::default()
                };
                shard.frame(connection, Response::Leave(leave));
            }
            shard.close(connection);
        }
        for leg in [Leg::Up, Leg::Down] {
            if let Some(limb) = me.legs.get_mut(leg) {
                let mut ignored = Inbox::default();
                limb.transport.close(&mut shard.sink(key, leg, &mut ignored));
                shard.routes.forget(&limb.endpoints);
                shard.timers.forget(&Due::Leg(Route { room: self.key, party: key, leg }));
            }
        }

        for track in me.reception.subscriptions.keys() {
            if let Some(track) = self.tracks.get_mut(track) {
                track.subscribers.remove(&key);
            }
        }
        // Others learn first that somebody is gone, then lose the tracks.
        if !me.grants.hidden {
            me.info.state = lk::participant_info::State::Disconnected as i32;
            me.info.disconnect_reason = reason.on_the_wire() as i32;
            me.info.tracks.clear();
            me.info.version += 1;
            self.tell_others_of_absence(&me.info, shard);
            self.relay_absence(&me.info, shard);
        }
        for track in published {
            self.drop_track(track, &me.identity, shard);
        }
        self.event(EventKind::ParticipantLeft { identity: me.identity, sid: me.sid, reason }, shard);
        if self.participants.is_empty() && self.annex.guests.is_empty() {
            self.empty_since = Some(shard.now);
            self.event(EventKind::RoomEmpty, shard);
        }
    }

    fn tell_others_of_absence(&mut self, info: &lk::ParticipantInfo, shard: &mut Shard) {
        let update = lk::ParticipantUpdate { participants: vec![info.clone()] };
        let frame = signal::encode_response(Response::Update(update));
        let bound = shard.limits.participants;
        for other in self.participants.values_mut().filter(|other| other.sid.as_str() != info.sid) {
            match other.presence.connection {
                Some(connection) => shard.raw_frame(connection, frame.clone()),
                None if other.presence.missed.len() < bound => other.presence.missed.push(info.clone()),
                None => {}
            }
        }
    }

    /// Ends the room.
    pub(crate) fn end(&mut self, shard: &mut Shard) {
        let everybody: Vec<PartyKey> = self.participants.keys().copied().collect();
        for key in everybody {
            self.depart(key, Departure::RoomDeleted, shard);
        }
        let linked: Vec<_> = self.annex.shards.keys().copied().collect();
        for peer in linked {
            self.unlink(peer, true, shard);
        }
        shard.timers.forget(&Due::Room(self.key));
        self.event(EventKind::RoomFinished, shard);
    }

    /// The regular look around.
    pub(crate) fn tick(&mut self, shard: &mut Shard) {
        let now = shard.now;
        let (mut overdue, mut lost, mut silent_since_resume) = (Vec::new(), Vec::new(), Vec::new());
        for (key, me) in &mut self.participants {
            let silent = now.saturating_duration_since(me.presence.heard_at) > shard.limits.silence;
            if let Some(connection) = me.presence.connection.filter(|_| silent) {
                // The network swallowed it: to us it is the same as a broken connection.
                shard.close(connection);
                me.presence.connection = None;
                me.presence.lost_at = Some(now);
                lost.push(me.identity.clone());
            }
            if me
                .presence
                .awaits_sync
                .is_some_and(|since| now.saturating_duration_since(since) > SYNC_PATIENCE)
            {
                silent_since_resume.push(*key);
            }
            let waited = me.presence.lost_at.map(|since| now.saturating_duration_since(since));
            if waited.is_some_and(|waited| waited > shard.limits.resume_window) {
                overdue.push(*key);
            }
        }
        for identity in lost {
            self.event(EventKind::ParticipantLost { identity }, shard);
        }
        for key in silent_since_resume {
            self.offer_again(key, None, shard);
        }
        for key in overdue {
            self.depart(key, Departure::ConnectionLost, shard);
        }
        self.tell_speakers(shard);
        self.tell_headcount(shard);
        self.look_at_video(shard);
        if now >= self.next_quality {
            self.next_quality = now + QUALITY_INTERVAL;
            self.tell_quality(shard);
        }
        self.settle(shard);
        shard.timers.set(Due::Room(self.key), now + TICK);
    }

    /// The room as a snapshot; later events carry it on.
    pub(crate) fn snapshot(&self) -> Reply {
        let present = |me: &Participant| {
            let tracks = me.sending.tracks.iter().filter_map(|key| self.tracks.get(key));
            let tracks = tracks.filter(|track| track.live).map(|track| {
                let (name, muted) = (track.info.name.clone(), track.info.muted);
                (track.sid.clone(), Published { source: track.source, name, muted })
            });
            Present {
                sid: me.sid.clone(),
                profile: me.profile(),
                here: me.presence.connection.is_some(),
                connected: me.info.state == lk::participant_info::State::Active as i32,
                tracks: tracks.collect(),
            }
        };
        let participants = self.participants.values().map(|me| (me.identity.clone(), present(me)));
        Reply::Snapshot(Box::new(Snapshot {
            room: self.name.clone(),
            number: self.events,
            metadata: self.settings.metadata.clone(),
            step: self.ladder.step(),
            participants: participants.collect(),
            finished: false,
        }))
    }

    /// Adds what this room holds.
    pub(crate) fn count(&self, holdings: &mut Holdings) {
        holdings.participants += self.headcount();
        holdings.tracks += self.tracks.len();
        holdings.waiting += self.inbox.waiting.len();
        holdings.tapped += self.tapping.as_ref().map_or(0, tap::Tapping::held);
        let subscriptions = self.participants.values().map(|me| me.reception.subscriptions.len());
        holdings.subscriptions += subscriptions.sum::<usize>();
    }

    fn tell(&self, key: PartyKey, message: Response, shard: &mut Shard) {
        let connection = self.participants.get(&key).and_then(|me| me.presence.connection);
        if let Some(connection) = connection {
            shard.frame(connection, message);
        }
    }

    fn tell_all(&self, frame: Bytes, shard: &mut Shard) {
        for connection in self.participants.values().filter_map(|me| me.presence.connection) {
            shard.raw_frame(connection, frame.clone());
        }
    }

    /// Touches somebody's peer connection; what it reports is queued.
    pub(crate) fn touch<T>(
        &mut self,
        party: PartyKey,
        leg: Leg,
        shard: &mut Shard,
        act: impl FnOnce(&mut Transport, &mut Sink<'_>) -> T,
    ) -> Option<T> {
        let limb = self.participants.get_mut(&party)?.legs.get_mut(leg)?;
        let result = act(&mut limb.transport, &mut shard.sink(party, leg, &mut self.inbox));
        let route = Route { room: self.key, party, leg };
        shard.timers.set(Due::Leg(route), limb.transport.deadline());
        Some(result)
    }

    /// Touches the connection on which somebody receives.
    fn touch_receiver<T>(
        &mut self,
        party: PartyKey,
        shard: &mut Shard,
        act: impl FnOnce(&mut Transport, &mut Sink<'_>) -> T,
    ) -> Option<T> {
        let leg = self.participants.get(&party)?.legs.receiving();
        self.touch(party, leg, shard, act)
    }

    /// Deals with everything the peer connections reported, until nothing is left.
    pub(crate) fn settle(&mut self, shard: &mut Shard) {
        while let Some((key, leg, happening)) = self.inbox.waiting.pop_front() {
            self.happened(key, leg, happening, shard);
        }
    }

    fn happened(&mut self, key: PartyKey, leg: Leg, happening: Happening, shard: &mut Shard) {
        let receiving = self.participants.get(&key).is_some_and(|me| me.legs.receiving() == leg);
        match happening {
            Happening::Media { packet, mid, rid } => self.media(key, &packet, mid, rid, shard),
            Happening::KeyframeWanted { mid } => self.keyframe_wanted(key, mid, shard),
            Happening::Data { channel, bytes } => self.data(key, channel, &bytes, shard),
            Happening::Connected if receiving => self.connected(key, shard),
            Happening::Connected => {}
            Happening::ReliableOpen => {
                if receiving {
                    self.tell_present_step(key, shard);
                }
            }
            Happening::Interrupted | Happening::Closed => {
                if let Some(me) = self.participants.get_mut(&key).filter(|_| receiving) {
                    me.link.up = false;
                }
            }
            Happening::Restored => {
                if let Some(me) = self.participants.get_mut(&key).filter(|_| receiving) {
                    me.link.up = true;
                }
                self.refresh_video(key, shard);
            }
            Happening::Report(link) => {
                if let Some(me) = self.participants.get_mut(&key) {
                    if receiving {
                        // Nobody reports on a link on which nothing is sent: then it may be tried again.
                        let loss = link.sent_loss.unwrap_or(0.0);
                        me.reported.report(loss, link.round_trip, me.given, me.wanted, shard.now);
                    }
                    // Of two connections the worse one is what people notice.
                    let other = if receiving { 0.0 } else { me.link.loss };
                    me.link.loss = link.loss.max(other);
                    if receiving {
                        (me.link.round_trip, me.link.up) = (link.round_trip, link.up);
                    }
                }
            }
            Happening::Estimate(bits) => {
                // Without probes an estimate (a browser's REMB, which it sends for want of anything better) never says
                // more than half as much again as what is sent: who once has the small picture would keep it.
                if receiving && shard.limits.links == Links::Probed {
                    self.estimated(key, bits, shard);
                }
            }
        }
    }

    fn connected(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        me.link.up = true;
        me.info.state = lk::participant_info::State::Active as i32;
        let event = EventKind::ParticipantConnected { identity: me.identity.clone(), sid: me.sid.clone() };
        self.event(event, shard);
        self.announce(key, true, shard);
        self.divide(key, shard);
        self.refresh_video(key, shard);
    }

    pub(crate) fn limb_mut(&mut self, party: PartyKey, leg: Leg) -> Option<&mut Limb> {
        self.participants.get_mut(&party)?.legs.get_mut(leg)
    }

    /// The room as others see it.
    pub(crate) fn describe(&self) -> lk::Room {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let here = self.participants.values().filter(|me| !me.grants.hidden);
        let guests = &self.annex.guests;
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        lk::Room {
            sid: self.settings.sid.clone(),
            name: self.name.as_str().to_owned(),
            empty_timeout: seconds(self.settings.empty_timeout),
            departure_timeout: seconds(self.settings.departure_timeout),
            max_participants: count(self.settings.max_participants),
            creation_time: self.settings.created_ms / 1000,
            creation_time_ms: self.settings.created_ms,
            enabled_codecs: self.settings.codecs.clone(),
            metadata: self.settings.metadata.clone(),
            active_recording: self.tapping.is_some(),
            num_participants: count(here.clone().count() + guests.len()),
            num_publishers: count(
                here.filter(|me| me.info.is_publisher).count()
                    + guests.values().filter(|guest| guest.info.is_publisher).count(),
            ),
            ..Default::default()
        }
    }

    /// Applies what a creation request says, within the shard's bounds; 0 keeps what is.
    pub(crate) fn configure(&mut self, request: &lk::CreateRoomRequest, shard: &mut Shard) {
        let limits: &Limits = &shard.limits;
        if request.max_participants > 0 {
            let wanted = usize::try_from(request.max_participants).unwrap_or(usize::MAX);
            self.settings.max_participants = wanted.min(limits.participants);
        }
        if request.empty_timeout > 0 {
            self.settings.empty_timeout = Duration::from_secs(request.empty_timeout.into());
        }
        if request.departure_timeout > 0 {
            self.settings.departure_timeout = Duration::from_secs(request.departure_timeout.into());
        }
        if !request.metadata.is_empty() {
            self.settings.metadata = request.metadata.clone();
            self.event(EventKind::RoomChanged { metadata: request.metadata.clone() }, shard);
        }
    }
}

fn speaker_info(sid: &ParticipantSid, voice: crate::speakers::Voice) -> lk::SpeakerInfo {
    lk::SpeakerInfo { sid: sid.as_str().to_owned(), level: voice.level, active: voice.active }
}

fn server_info() -> lk::ServerInfo {
    lk::ServerInfo { version: SERVER_VERSION.to_owned(), protocol: PROTOCOL_VERSION, ..Default::default() }
}

/// What clients may publish, the preferred first.
fn codecs(carried: &Codecs) -> Vec<lk::Codec> {
    let codec = |mime: &str| lk::Codec { mime: mime.to_owned(), fmtp_line: String::new() };
    let mut codecs = vec![codec(Codec::Opus.mime())];
    if carried.redundant_audio {
        codecs.push(codec("audio/red"));
    }
    codecs.extend(carried.video.iter().map(|video| codec(video.mime())));
    codecs
}
