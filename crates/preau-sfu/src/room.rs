//! One room: who is in it and what they are told about each other.
//!
//! `room.rs` holds presence (joining, resuming, leaving, announcing, the regular tick). The rest of a
//! room's work is sliced by subject: `signals` (what clients ask), `negotiation` (offers), `media`
//! (forwarding), `data` (data channels), `moderation` (what the server asks).
//!
//! Invariants: an identity is in a room at most once; a participant learns of a track (participant
//! update) before the answer that carries it; a track in `tracks` belongs to a participant who may
//! publish it.

mod data;
mod media;
mod moderation;
mod negotiation;
mod signals;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use crate::config::Limits;
use crate::engine::{Due, Shard};
use crate::event::{Departure, EventKind};
use crate::grants::Grants;
use crate::ids::{ConnectionId, Identity, ParticipantSid, PartyKey, RoomKey, RoomName, TrackKey};
use crate::participant::{Endpoints, Participant, Presence, Sending};
use crate::signal;
use crate::speakers::VoiceMeter;
use crate::stats::Link;
use crate::subscribe::Reception;
use crate::token::Claims;
use crate::track::PublishedTrack;
use crate::transport::{Happening, Sink, Transport};

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
    happenings: VecDeque<(PartyKey, Happening)>,
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
        };
        let room = Room {
            key,
            name,
            settings,
            participants: BTreeMap::new(),
            by_identity: HashMap::new(),
            tracks: BTreeMap::new(),
            decisions: VecDeque::new(),
            happenings: VecDeque::new(),
            empty_since: Some(shard.now),
            ever_joined: false,
            next_quality: shard.now + QUALITY_INTERVAL,
        };
        shard.event(&room.name, EventKind::RoomStarted);
        shard.timers.set(Due::Room(key), shard.now + TICK);
        room
    }

    /// Whether nobody came, or came back, for long enough.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let patience =
            if self.ever_joined { self.settings.departure_timeout } else { self.settings.empty_timeout };
        self.empty_since.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }

    /// Somebody's signalling connection arrives with a verified token.
    pub(crate) fn join(
        &mut self,
        connection: ConnectionId,
        claims: Claims,
        join: lk::JoinRequest,
        shard: &mut Shard,
    ) {
        if join.reconnect {
            self.resume(connection, &claims, join, shard);
            return;
        }
        let Some(grants) = self.standing_grants(&claims) else {
            shard.refuse(connection, lk::DisconnectReason::ParticipantRemoved);
            return;
        };
        if let Some(earlier) = self.by_identity.get(&claims.identity).copied() {
            self.depart(earlier, Departure::Duplicate, shard);
        }
        if self.participants.len() >= self.settings.max_participants {
            shard.refuse(connection, lk::DisconnectReason::JoinFailure);
            return;
        }
        let key = self.admit(connection, claims, grants, &join, shard);
        self.welcome(key, shard);
        self.announce(key, false, shard);
        for request in join.add_track_requests {
            self.request(key, lk::signal_request::Message::AddTrack(request), shard);
        }
        // Wanted before the first answer, so that a latecomer needs no second round trip.
        self.subscribe_to_all(key);
        match join.publisher_offer {
            Some(offer) => self.offer(key, offer, shard),
            None => self.ask_for_offer(key, shard),
        }
        self.settle(shard);
    }

    /// The grants that apply to a token here: a moderator's later decision outweighs it. None when
    /// they were removed.
    fn standing_grants(&self, claims: &Claims) -> Option<Grants> {
        let decision = self.decisions.iter().rev().find(|(identity, _)| *identity == claims.identity);
        match decision {
            Some((_, decision)) if claims.issued_at <= decision.at => match &decision.verdict {
                Verdict::Removed => None,
                Verdict::Granted(grants) => Some(grants.clone()),
            },
            Some(_) | None => Some(claims.grants.clone()),
        }
    }

    fn decide(&mut self, identity: &Identity, verdict: Verdict, shard: &Shard) {
        self.decisions.retain(|(decided, _)| decided != identity);
        if self.decisions.len() >= DECISIONS {
            self.decisions.pop_front();
        }
        let at = u64::try_from(shard.unix_ms() / 1000).unwrap_or(0);
        self.decisions.push_back((identity.clone(), Decision { at, verdict }));
    }

    fn admit(
        &mut self,
        connection: ConnectionId,
        claims: Claims,
        grants: Grants,
        join: &lk::JoinRequest,
        shard: &mut Shard,
    ) -> PartyKey {
        let key = PartyKey(shard.mint.number());
        let sid = ParticipantSid::from(shard.mint.sid("PA_"));
        let joined_at_ms = shard.unix_ms();
        let info = lk::ParticipantInfo {
            sid: sid.as_str().to_owned(),
            identity: claims.identity.as_str().to_owned(),
            name: claims.name,
            metadata: claims.metadata,
            attributes: claims.attributes.into_iter().collect(),
            state: lk::participant_info::State::Joined as i32,
            joined_at: joined_at_ms / 1000,
            joined_at_ms,
            version: 1,
            permission: Some(grants.to_permission()),
            client_protocol: join.client_info.as_ref().map_or(0, |client| client.client_protocol),
            ..Default::default()
        };
        let mut transport = shard.factory.build(shard.now);
        let ufrag = transport.ufrag();
        shard.routes.by_ufrag.insert(ufrag.clone(), (self.key, key));
        shard.routes.connections.insert(connection, (self.key, key));
        let wants_all = join.connection_settings.as_ref().is_none_or(|settings| settings.auto_subscribe);
        let mut participant = Participant {
            key,
            sid: sid.clone(),
            identity: claims.identity.clone(),
            grants,
            info,
            presence: Presence {
                connection: Some(connection),
                lost_at: None,
                heard_at: shard.now,
                missed: Vec::new(),
            },
            transport,
            endpoints: Endpoints { ufrag, addresses: Vec::new() },
            sending: Sending::default(),
            reception: Reception::default(),
            auto_subscribe: wants_all,
            voice: VoiceMeter::default(),
            link: Link::default(),
        };
        if participant.grants.can_update_own_metadata {
            // A client may bring these along. Beyond the bounds they are left out, not fatal.
            let _ = participant.describe("", &join.metadata, &join.participant_attributes, &shard.limits);
        }
        self.participants.insert(key, participant);
        self.by_identity.insert(claims.identity.clone(), key);
        self.empty_since = None;
        self.ever_joined = true;
        shard.event(&self.name, EventKind::ParticipantJoined { identity: claims.identity, sid });
        key
    }

    /// The first frame of a connection.
    fn welcome(&self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        let others = self.visible_to(key).map(|other| other.info.clone()).collect();
        let join = lk::JoinResponse {
            room: Some(self.describe()),
            participant: Some(me.info.clone()),
            other_participants: others,
            server_version: SERVER_VERSION.to_owned(),
            server_info: Some(server_info()),
            subscriber_primary: false,
            ping_timeout: PING_TIMEOUT_S,
            ping_interval: PING_INTERVAL_S,
            fast_publish: me.grants.can_publish,
            enabled_publish_codecs: codecs(),
            ..Default::default()
        };
        self.tell(key, Response::Join(join), shard);
        // Somebody may be in the middle of a sentence.
        let speakers = self
            .visible_to(key)
            .filter(|other| other.voice.told().active)
            .map(|other| speaker_info(&other.sid, other.voice.told()))
            .collect::<Vec<_>>();
        if me.grants.can_subscribe && !speakers.is_empty() {
            self.tell(key, Response::SpeakersChanged(lk::SpeakersChanged { speakers }), shard);
        }
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
        shard.routes.connections.insert(connection, (self.key, key));
        shard.event(&self.name, EventKind::ParticipantResumed { identity, sid });

        let reconnect = lk::ReconnectResponse { server_info: Some(server_info()), ..Default::default() };
        self.tell(key, Response::Reconnect(reconnect), shard);
        let mut participants = missed;
        participants.extend(self.visible_to(key).map(|other| other.info.clone()));
        participants.extend(self.participants.get(&key).map(|me| me.info.clone()));
        self.tell(key, Response::Update(lk::ParticipantUpdate { participants }), shard);
        match join.publisher_offer {
            Some(offer) => self.offer(key, offer, shard),
            None => self.ask_for_offer(key, shard),
        }
        self.settle(shard);
    }

    /// The signalling connection broke; media may go on, and it may come back.
    pub(crate) fn hang_up(&mut self, key: PartyKey, connection: ConnectionId, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        if me.presence.connection == Some(connection) {
            me.presence.connection = None;
            me.presence.lost_at = Some(shard.now);
        }
    }

    /// Ends a stay.
    pub(crate) fn depart(&mut self, key: PartyKey, reason: Departure, shard: &mut Shard) {
        let published = self.participants.get(&key).map(|me| me.sending.tracks.clone()).unwrap_or_default();
        let Some(mut me) = self.participants.remove(&key) else { return };
        self.by_identity.remove(&me.identity);
        self.happenings.retain(|(party, _)| *party != key);

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
        let mut ignored = VecDeque::new();
        me.transport.close(&mut shard.sink(key, &mut ignored));
        shard.routes.forget(&me.endpoints);

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
        }
        for track in published {
            self.drop_track(track, &me.identity, shard);
        }
        shard.event(&self.name, EventKind::ParticipantLeft { identity: me.identity, sid: me.sid, reason });
        if self.participants.is_empty() {
            self.empty_since = Some(shard.now);
            shard.event(&self.name, EventKind::RoomEmpty);
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
        shard.event(&self.name, EventKind::RoomFinished);
    }

    /// The regular look around.
    pub(crate) fn tick(&mut self, shard: &mut Shard) {
        let now = shard.now;
        let mut overdue = Vec::new();
        for (key, me) in &mut self.participants {
            let silent = now.saturating_duration_since(me.presence.heard_at) > shard.limits.silence;
            if let Some(connection) = me.presence.connection.filter(|_| silent) {
                // The network swallowed it: to us it is the same as a broken connection.
                shard.close(connection);
                me.presence.connection = None;
                me.presence.lost_at = Some(now);
            }
            let waited = me.presence.lost_at.map(|since| now.saturating_duration_since(since));
            if waited.is_some_and(|waited| waited > shard.limits.resume_window) {
                overdue.push(*key);
            }
        }
        for key in overdue {
            self.depart(key, Departure::ConnectionLost, shard);
        }
        self.tell_speakers(shard);
        if now >= self.next_quality {
            self.next_quality = now + QUALITY_INTERVAL;
            self.tell_quality(shard);
        }
        self.settle(shard);
        shard.timers.set(Due::Room(self.key), now + TICK);
    }

    fn tell_speakers(&mut self, shard: &mut Shard) {
        let speakers: Vec<lk::SpeakerInfo> = self
            .participants
            .values_mut()
            .filter_map(|me| me.voice.close_interval().map(|voice| speaker_info(&me.sid, voice)))
            .collect();
        if speakers.is_empty() {
            return;
        }
        let frame = signal::encode_response(Response::SpeakersChanged(lk::SpeakersChanged { speakers }));
        for me in self.participants.values().filter(|me| me.grants.can_subscribe) {
            if let Some(connection) = me.presence.connection {
                shard.raw_frame(connection, frame.clone());
            }
        }
    }

    fn tell_quality(&self, shard: &mut Shard) {
        let updates: Vec<_> = self
            .participants
            .values()
            .filter(|me| !me.grants.hidden)
            .map(|me| lk::ConnectionQualityInfo {
                participant_sid: me.sid.as_str().to_owned(),
                quality: me.link.quality() as i32,
                score: me.link.score(),
            })
            .collect();
        if !updates.is_empty() {
            let update = lk::ConnectionQualityUpdate { updates };
            self.tell_all(signal::encode_response(Response::ConnectionQuality(update)), shard);
        }
    }

    /// Tells the room about a participant's present state; hidden ones are known to themselves only.
    fn announce(&mut self, key: PartyKey, to_self: bool, shard: &mut Shard) {
        let Room { participants, tracks, .. } = self;
        let Some(me) = participants.get_mut(&key) else { return };
        me.info.version += 1;
        me.info.tracks = me
            .sending
            .tracks
            .iter()
            .filter_map(|track| tracks.get(track))
            .filter(|track| track.live)
            .map(|track| track.info.clone())
            .collect();
        me.info.is_publisher = !me.info.tracks.is_empty();
        let hidden = me.grants.hidden;
        let update = lk::ParticipantUpdate { participants: vec![me.info.clone()] };
        let frame = signal::encode_response(Response::Update(update));
        for other in self.participants.values() {
            let told = if other.key == key { to_self } else { !hidden };
            if let Some(connection) = other.presence.connection.filter(|_| told) {
                shard.raw_frame(connection, frame.clone());
            }
        }
    }

    fn visible_to(&self, key: PartyKey) -> impl Iterator<Item = &Participant> {
        self.participants.values().filter(move |other| other.key != key && !other.grants.hidden)
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
        key: PartyKey,
        shard: &mut Shard,
        act: impl FnOnce(&mut Transport, &mut Sink<'_>) -> T,
    ) -> Option<T> {
        let me = self.participants.get_mut(&key)?;
        let result = act(&mut me.transport, &mut shard.sink(key, &mut self.happenings));
        shard.timers.set(Due::Party(self.key, key), me.transport.deadline());
        Some(result)
    }

    /// Deals with everything the peer connections reported, until nothing is left.
    pub(crate) fn settle(&mut self, shard: &mut Shard) {
        while let Some((key, happening)) = self.happenings.pop_front() {
            self.happened(key, happening, shard);
        }
    }

    fn happened(&mut self, key: PartyKey, happening: Happening, shard: &mut Shard) {
        match happening {
            Happening::Media { packet, mid, rid } => self.media(key, &packet, mid, rid, shard),
            Happening::KeyframeWanted { mid } => self.keyframe_wanted(key, mid, shard),
            Happening::Data { channel, bytes } => self.data(key, channel, &bytes, shard),
            Happening::Connected => self.connected(key, shard),
            Happening::Interrupted | Happening::Closed => {
                if let Some(me) = self.participants.get_mut(&key) {
                    me.link.up = false;
                }
            }
            Happening::Restored => {
                if let Some(me) = self.participants.get_mut(&key) {
                    me.link.up = true;
                }
                self.refresh_video(key, shard);
            }
            Happening::Report(link) => {
                if let Some(me) = self.participants.get_mut(&key) {
                    me.link = link;
                }
            }
        }
    }

    fn connected(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        me.link.up = true;
        me.info.state = lk::participant_info::State::Active as i32;
        let event = EventKind::ParticipantConnected { identity: me.identity.clone(), sid: me.sid.clone() };
        shard.event(&self.name, event);
        self.announce(key, true, shard);
        self.refresh_video(key, shard);
    }

    pub(crate) fn participant(&self, key: PartyKey) -> Option<&Participant> {
        self.participants.get(&key)
    }

    pub(crate) fn participant_mut(&mut self, key: PartyKey) -> Option<&mut Participant> {
        self.participants.get_mut(&key)
    }

    /// The room as others see it.
    pub(crate) fn describe(&self) -> lk::Room {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        lk::Room {
            sid: self.settings.sid.clone(),
            name: self.name.as_str().to_owned(),
            empty_timeout: seconds(self.settings.empty_timeout),
            departure_timeout: seconds(self.settings.departure_timeout),
            max_participants: count(self.settings.max_participants),
            creation_time: self.settings.created_ms / 1000,
            creation_time_ms: self.settings.created_ms,
            enabled_codecs: codecs(),
            metadata: self.settings.metadata.clone(),
            num_participants: count(self.participants.values().filter(|me| !me.grants.hidden).count()),
            num_publishers: count(self.participants.values().filter(|me| me.info.is_publisher).count()),
            ..Default::default()
        }
    }

    /// Applies what a creation request says, within the shard's bounds; 0 keeps what is.
    pub(crate) fn configure(&mut self, request: &lk::CreateRoomRequest, limits: &Limits) {
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
        }
    }
}

fn speaker_info(sid: &ParticipantSid, voice: crate::speakers::Voice) -> lk::SpeakerInfo {
    lk::SpeakerInfo { sid: sid.as_str().to_owned(), level: voice.level, active: voice.active }
}

fn server_info() -> lk::ServerInfo {
    lk::ServerInfo { version: SERVER_VERSION.to_owned(), protocol: PROTOCOL_VERSION, ..Default::default() }
}

fn codecs() -> Vec<lk::Codec> {
    let codec = |mime: &str| lk::Codec { mime: mime.to_owned(), fmtp_line: String::new() };
    vec![codec("audio/opus"), codec("video/VP8")]
}
