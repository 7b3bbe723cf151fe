//! What people in a room are told of each other: presence, voices, links, numbers.

use super::*;

impl Room {
    pub(super) fn tell_speakers(&mut self, shard: &mut Shard) {
        let speakers: Vec<lk::SpeakerInfo> = self
            .participants
            .values_mut()
            .filter_map(|me| me.voice.close_interval().map(|voice| speaker_info(&me.sid, voice)))
            .collect();
        self.tell_voices(speakers.clone(), shard);
        self.relay_voices(speakers, shard);
    }

    /// Tells everybody here who speaks.
    pub(super) fn tell_voices(&self, speakers: Vec<lk::SpeakerInfo>, shard: &mut Shard) {
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

    pub(super) fn tell_quality(&self, shard: &mut Shard) {
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
        self.relay_qualities(&updates, shard);
        self.tell_qualities(updates, shard);
    }

    pub(super) fn tell_qualities(&self, updates: Vec<lk::ConnectionQualityInfo>, shard: &mut Shard) {
        if !updates.is_empty() {
            let update = lk::ConnectionQualityUpdate { updates };
            self.tell_all(signal::encode_response(Response::ConnectionQuality(update)), shard);
        }
    }

    /// Tells the room about a participant's present state; hidden ones are known to themselves only.
    pub(super) fn announce(&mut self, key: PartyKey, to_self: bool, shard: &mut Shard) {
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
        let info = me.info.clone();
        self.tell_of(key, &info, to_self, hidden, shard);
        self.relay_presence(key, shard);
    }

    /// Tells people about a participant or a guest.
    pub(super) fn tell_of(
        &self,
        key: PartyKey,
        info: &lk::ParticipantInfo,
        to_self: bool,
        hidden: bool,
        shard: &mut Shard,
    ) {
        let update = lk::ParticipantUpdate { participants: vec![info.clone()] };
        let frame = signal::encode_response(Response::Update(update));
        for other in self.participants.values() {
            let told = if other.key == key { to_self } else { !hidden };
            if let Some(connection) = other.presence.connection.filter(|_| told) {
                shard.raw_frame(connection, frame.clone());
            }
        }
    }

    /// Everybody whom a participant knows of, guests from other shards included.
    pub(super) fn visible_to(&self, key: PartyKey) -> impl Iterator<Item = &lk::ParticipantInfo> {
        let here = self.participants.values().filter(move |other| other.key != key && !other.grants.hidden);
        here.map(|other| &other.info).chain(self.annex.guests.values().map(|guest| &guest.info))
    }

    /// How many people are in the room, wherever.
    pub(super) fn headcount(&self) -> usize {
        self.participants.len() + self.annex.guests.len()
    }

    /// Tells everybody how many are here, when that changed.
    pub(super) fn tell_headcount(&mut self, shard: &mut Shard) {
        let seen = self.participants.values().filter(|me| !me.grants.hidden).count();
        let count = seen + self.annex.guests.len();
        if count != self.headcount_told {
            self.headcount_told = count;
            let room = self.describe();
            let update = lk::RoomUpdate { room: Some(room) };
            self.tell_all(signal::encode_response(Response::RoomUpdate(update)), shard);
        }
    }

    pub(super) fn event(&mut self, kind: EventKind, shard: &mut Shard) {
        shard.event(&self.name, &mut self.events, kind);
    }

    /// Tells the application how somebody is described now.
    pub(super) fn profile_changed(&mut self, key: PartyKey, shard: &mut Shard) {
        if let Some(me) = self.participants.get(&key) {
            let event = EventKind::ParticipantChanged {
                identity: me.identity.clone(),
                profile: Box::new(me.profile()),
            };
            self.event(event, shard);
        }
    }
}
