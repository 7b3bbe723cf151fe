//! The same room on other shards: telling them what happens here, and taking in what happens there.
//!
//! Everything told is an upsert, so that telling it again (after a hello) does no harm.

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;
use str0m::media::Rid;

use super::Room;
use crate::engine::Shard;
use crate::event::Departure;
use crate::grants::Source;
use crate::ids::{PartyKey, TrackKey, TrackSid};
use crate::participant::Audience;
use crate::relay::{Guest, RelayKind, RelayPacket, ShardId};
use crate::room::media::Incoming;
use crate::sdp::Kind;
use crate::track::{PublishedTrack, Wanted};
use crate::transport::Channel;

impl Room {
    /// Links the room with another shard. False when it is linked with too many.
    pub(crate) fn link(&mut self, to: ShardId, shard: &mut Shard) -> bool {
        if self.annex.shards.len() >= shard.limits.relays && !self.annex.shards.contains_key(&to) {
            return false;
        }
        self.annex.shards.entry(to).or_default();
        shard.relay(to, &self.name, RelayKind::Hello);
        self.tell_all_to(to, shard);
        true
    }

    /// Ends the link with another shard; `tell` says whether that shard should hear of it.
    pub(crate) fn unlink(&mut self, from: ShardId, tell: bool, shard: &mut Shard) {
        if self.annex.shards.remove(&from).is_none() {
            return;
        }
        if tell {
            shard.relay(from, &self.name, RelayKind::Goodbye);
        }
        let guests = self.annex.guests.iter().filter(|(_, guest)| guest.shard == from);
        let guests: Vec<PartyKey> = guests.map(|(key, _)| *key).collect();
        for key in guests {
            self.guest_leaves(key, None, shard);
        }
    }

    fn tell_all_to(&self, to: ShardId, shard: &mut Shard) {
        let keys: Vec<PartyKey> = self.participants.keys().copied().collect();
        for key in keys {
            if let Some(kind) = self.presence_of(key) {
                shard.relay(to, &self.name, kind);
            }
            for kind in self.tracks_of(key) {
                shard.relay(to, &self.name, kind);
            }
        }
        // What we want of its tracks: it may have forgotten.
        for (track_key, track) in &self.tracks {
            let publisher = self.annex.guests.get(&track.publisher).filter(|guest| guest.shard == to);
            if let (Some(_), Some(rank)) = (publisher, track.wanted.told()) {
                self.relay_wanted(*track_key, rank, shard);
            }
        }
    }

    fn presence_of(&self, key: PartyKey) -> Option<RelayKind> {
        let me = self.participants.get(&key).filter(|me| !me.grants.hidden)?;
        Some(RelayKind::Guest {
            info: Box::new(me.info.clone()),
            leads: me.leads,
            audience: me.sending.audience.clone(),
        })
    }

    fn tracks_of(&self, key: PartyKey) -> Vec<RelayKind> {
        let Some(me) = self.participants.get(&key).filter(|me| !me.grants.hidden) else { return Vec::new() };
        let tracks = me.sending.tracks.iter().filter_map(|track| self.tracks.get(track));
        let live = tracks.filter(|track| track.live);
        live.map(|track| RelayKind::Track {
            publisher: me.sid.as_str().to_owned(),
            info: Box::new(track.info.clone()),
            kind: track.kind,
            source: track.source,
        })
        .collect()
    }

    fn relay_to_all(&self, kind: &RelayKind, shard: &mut Shard) {
        for to in self.annex.shards.keys() {
            shard.relay(*to, &self.name, kind.clone());
        }
    }

    /// Tells the other shards about a participant's present state.
    pub(super) fn relay_presence(&self, key: PartyKey, shard: &mut Shard) {
        if self.annex.shards.is_empty() {
            return;
        }
        if let Some(kind) = self.presence_of(key) {
            self.relay_to_all(&kind, shard);
        }
    }

    pub(super) fn relay_absence(&self, info: &lk::ParticipantInfo, shard: &mut Shard) {
        if !self.annex.shards.is_empty() {
            self.relay_to_all(&RelayKind::Gone { info: Box::new(info.clone()) }, shard);
        }
    }

    pub(super) fn relay_tracks(&self, key: PartyKey, shard: &mut Shard) {
        if self.annex.shards.is_empty() {
            return;
        }
        for kind in self.tracks_of(key) {
            self.relay_to_all(&kind, shard);
        }
    }

    pub(super) fn relay_track_gone(&mut self, track_key: TrackKey, sid: &TrackSid, shard: &mut Shard) {
        for wanted in self.annex.shards.values_mut() {
            wanted.remove(&track_key);
        }
        if !self.annex.shards.is_empty() {
            self.relay_to_all(&RelayKind::TrackGone { sid: sid.as_str().to_owned() }, shard);
        }
    }

    /// Tells a guest's shard what we want of its track.
    pub(super) fn relay_wanted(&self, track_key: TrackKey, rank: Option<u8>, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        if let Some(guest) = self.annex.guests.get(&track.publisher) {
            let sid = track.sid.as_str().to_owned();
            shard.relay(guest.shard, &self.name, RelayKind::Wanted { sid, rank });
        }
    }

    /// Asks a guest's shard for a key frame.
    pub(super) fn relay_keyframe(&self, track_key: TrackKey, rid: Option<Option<Rid>>, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        if let Some(guest) = self.annex.guests.get(&track.publisher) {
            let sid = track.sid.as_str().to_owned();
            shard.relay(guest.shard, &self.name, RelayKind::Keyframe { sid, rid });
        }
    }

    pub(super) fn relay_data(
        &self,
        channel: Channel,
        packet: &lk::DataPacket,
        sids: &[String],
        shard: &mut Shard,
    ) {
        if !self.annex.shards.is_empty() {
            let kind = RelayKind::Data { channel, packet: Box::new(packet.clone()), sids: sids.to_vec() };
            self.relay_to_all(&kind, shard);
        }
    }

    pub(super) fn relay_voices(&self, speakers: Vec<lk::SpeakerInfo>, shard: &mut Shard) {
        if !self.annex.shards.is_empty() && !speakers.is_empty() {
            self.relay_to_all(&RelayKind::Voices(speakers), shard);
        }
    }

    pub(super) fn relay_qualities(&self, updates: &[lk::ConnectionQualityInfo], shard: &mut Shard) {
        if !self.annex.shards.is_empty() && !updates.is_empty() {
            self.relay_to_all(&RelayKind::Qualities(updates.to_vec()), shard);
        }
    }

    /// Hands a packet to every shard that wants its layer.
    pub(super) fn relay_media(
        &self,
        track_key: TrackKey,
        packet: &Incoming<'_>,
        rank: u8,
        shard: &mut Shard,
    ) {
        for (to, wanted) in &self.annex.shards {
            if wanted.get(&track_key).is_none_or(|most| rank > *most) {
                continue;
            }
            let Some(track) = self.tracks.get(&track_key) else { return };
            let packet = RelayPacket {
                rid: packet.rid,
                coding: packet.coding,
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                marker: packet.marker,
                marks: packet.marks,
                payload: packet.payload.clone(),
                arrived: packet.arrived,
            };
            shard.counters.media_relayed += 1;
            shard.relay(*to, &self.name, RelayKind::Media { sid: track.sid.as_str().to_owned(), packet });
        }
    }

    /// Takes in what another shard tells.
    pub(crate) fn relayed(&mut self, from: ShardId, kind: RelayKind, shard: &mut Shard) {
        if !self.annex.shards.contains_key(&from) {
            return;
        }
        match kind {
            RelayKind::Hello => self.tell_all_to(from, shard),
            RelayKind::Goodbye => self.unlink(from, false, shard),
            RelayKind::Guest { info, leads, audience } => self.guest(from, *info, leads, audience, shard),
            RelayKind::Gone { info } => {
                if let Some(key) = self.annex.find(from, &info.sid) {
                    self.guest_leaves(key, Some(*info), shard);
                }
            }
            RelayKind::Track { publisher, info, kind, source } => {
                if let Some(key) = self.annex.find(from, &publisher) {
                    self.guest_track(key, *info, kind, source, shard);
                }
            }
            RelayKind::TrackGone { sid } => {
                if let Some(track) = self.guest_track_key(from, &sid) {
                    self.drop_guest_track(track, shard);
                }
            }
            RelayKind::Wanted { sid, rank } => self.wanted_elsewhere(from, &sid, rank, shard),
            RelayKind::Keyframe { sid, rid } => {
                if let Some(track) = self.track_key(&sid) {
                    self.request_keyframe(track, rid, shard);
                }
            }
            RelayKind::Media { sid, packet } => self.guest_media(from, &sid, &packet, shard),
            RelayKind::Data { channel, packet, sids } => {
                self.deliver_here(None, channel, *packet, &sids, shard);
            }
            RelayKind::Voices(speakers) => self.tell_voices(speakers, shard),
            RelayKind::Qualities(updates) => self.tell_qualities(updates, shard),
        }
    }

    fn guest(
        &mut self,
        from: ShardId,
        info: lk::ParticipantInfo,
        leads: bool,
        audience: Audience,
        shard: &mut Shard,
    ) {
        // The same identity on two shards: the one who came last stays.
        let here = self.by_identity.get(info.identity.as_str()).copied();
        if let Some(key) = here
            && let Some(me) = self.participants.get(&key)
        {
            if me.info.joined_at_ms > info.joined_at_ms {
                return;
            }
            self.depart(key, Departure::Duplicate, shard);
        }
        let key = match self.annex.find(from, &info.sid) {
            Some(key) => key,
            None if self.headcount() >= self.settings.max_participants => return,
            None => {
                let key = PartyKey(shard.mint.number());
                let guest = Guest { shard: from, info: info.clone(), leads, audience, tracks: Vec::new() };
                self.annex.guests.insert(key, guest);
                self.empty_since = None;
                self.ever_joined = true;
                self.tell_of(key, &info, false, false, shard);
                return;
            }
        };
        let Some(guest) = self.annex.guests.get_mut(&key) else { return };
        let (new_audience, changed) = (guest.audience != audience, guest.info.version != info.version);
        (guest.leads, guest.audience) = (leads, audience);
        guest.info.clone_from(&info);
        let tracks = guest.tracks.clone();
        for track_key in &tracks {
            if let Some(track) = self.tracks.get_mut(track_key)
                && let Some(now) = info.tracks.iter().find(|now| now.sid == track.sid.as_str())
            {
                let turned = track.info.muted != now.muted;
                track.info = now.clone();
                if turned {
                    self.interrupt_subscribers(*track_key);
                }
            }
        }
        if changed {
            self.tell_of(key, &info, false, false, shard);
        }
        if new_audience {
            self.apply_audience(&tracks, shard);
        }
    }

    fn guest_leaves(&mut self, key: PartyKey, info: Option<lk::ParticipantInfo>, shard: &mut Shard) {
        let Some(guest) = self.annex.guests.remove(&key) else { return };
        let info = info.unwrap_or_else(|| lk::ParticipantInfo {
            state: lk::participant_info::State::Disconnected as i32,
            tracks: Vec::new(),
            version: guest.info.version + 1,
            ..guest.info
        });
        self.tell_others_of_absence(&info, shard);
        for track in guest.tracks {
            self.drop_guest_track(track, shard);
        }
        if self.headcount() == 0 {
            self.empty_since = Some(shard.now);
        }
    }

    fn guest_track(
        &mut self,
        publisher: PartyKey,
        info: lk::TrackInfo,
        kind: Kind,
        source: Source,
        shard: &mut Shard,
    ) {
        let limit = shard.limits.tracks;
        let Some(guest) = self.annex.guests.get_mut(&publisher) else { return };
        let known = guest
            .tracks
            .iter()
            .any(|key| self.tracks.get(key).is_some_and(|track| track.sid.as_str() == info.sid));
        if known || guest.tracks.len() >= limit {
            return;
        }
        let key = TrackKey(shard.mint.number());
        let mut track = PublishedTrack::described(publisher, String::new(), kind, source, info);
        track.live = true;
        track.leads = guest.leads;
        // Nothing is carried until somebody here wants it.
        track.wanted = Wanted::nothing();
        guest.tracks.push(key);
        self.tracks.insert(key, track);
        self.offer_to_subscribers(publisher, &[key], shard);
    }

    fn guest_track_key(&self, from: ShardId, sid: &str) -> Option<TrackKey> {
        let mut tracks = self.tracks.iter();
        let found = tracks.find(|(_, track)| {
            track.sid.as_str() == sid
                && self.annex.guests.get(&track.publisher).is_some_and(|guest| guest.shard == from)
        });
        found.map(|(key, _)| *key)
    }

    fn drop_guest_track(&mut self, track_key: TrackKey, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let publisher = track.publisher;
        let subscribers: Vec<PartyKey> = track.subscribers.iter().copied().collect();
        for subscriber in subscribers {
            self.unsubscribe(subscriber, track_key, shard);
            self.renegotiate(subscriber, shard);
        }
        self.tracks.remove(&track_key);
        if let Some(tapping) = &mut self.tapping {
            tapping.forget(track_key);
        }
        if let Some(guest) = self.annex.guests.get_mut(&publisher) {
            guest.tracks.retain(|key| *key != track_key);
        }
    }

    fn wanted_elsewhere(&mut self, from: ShardId, sid: &str, rank: Option<u8>, shard: &mut Shard) {
        let Some(track_key) = self.track_key(sid) else { return };
        if !self.tracks.get(&track_key).is_some_and(|track| self.participants.contains_key(&track.publisher))
        {
            return;
        }
        let Some(wanted) = self.annex.shards.get_mut(&from) else { return };
        let more = match rank {
            Some(rank) => wanted.insert(track_key, rank).is_none_or(|before| before < rank),
            None => {
                wanted.remove(&track_key);
                false
            }
        };
        self.reconsider(track_key, shard);
        if more {
            self.request_keyframe(track_key, None, shard);
            if let Some(track) = self.tracks.get_mut(&track_key)
                && !std::mem::replace(&mut track.noticed, true)
            {
                let subscribed = lk::TrackSubscribed { track_sid: sid.to_owned() };
                let publisher = track.publisher;
                self.tell(publisher, Response::TrackSubscribed(subscribed), shard);
            }
        }
    }

    fn guest_media(&mut self, from: ShardId, sid: &str, packet: &RelayPacket, shard: &mut Shard) {
        let Some(track_key) = self.guest_track_key(from, sid) else { return };
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        let payload_type = packet.payload_type.into();
        if track.info.muted || track.coding(payload_type, || Some(packet.coding)).is_none() {
            return;
        }
        let incoming = Incoming {
            rid: packet.rid,
            coding: packet.coding,
            payload_type: packet.payload_type,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            marks: packet.marks,
            payload: &packet.payload,
            arrived: packet.arrived,
        };
        self.carry(track_key, &incoming, shard);
    }
}
