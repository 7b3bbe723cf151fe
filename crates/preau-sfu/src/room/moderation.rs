//! What the server asks of a room: moderation and messages. The caller is trusted.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use super::{Room, Verdict};
use crate::control::{ControlError, Reply};
use crate::engine::Shard;
use crate::event::{Departure, EventKind};
use crate::ids::{PartyKey, TrackKey};
use crate::signal;
use crate::transport::Channel;

impl Room {
    fn find(&self, identity: &str) -> Result<PartyKey, ControlError> {
        let missing = || ControlError::NoParticipant(identity.to_owned());
        self.by_identity.get(identity).copied().ok_or_else(missing)
    }

    fn info(&self, key: PartyKey) -> Result<Reply, ControlError> {
        let me = self.participants.get(&key);
        me.map(|me| Reply::Participant(Box::new(me.info.clone())))
            .ok_or_else(|| ControlError::NoParticipant(String::new()))
    }

    pub(crate) fn list_participants(&self) -> Reply {
        Reply::Participants(self.participants.values().map(|me| me.info.clone()).collect())
    }

    pub(crate) fn get_participant(&self, identity: &str) -> Result<Reply, ControlError> {
        self.info(self.find(identity)?)
    }

    /// Removes somebody; tokens minted before now no longer help them back in.
    pub(crate) fn remove_participant(
        &mut self,
        identity: &str,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        let key = self.find(identity)?;
        self.decide(&identity.into(), Verdict::Removed, shard);
        self.depart(key, Departure::Removed, shard);
        Ok(Reply::Done)
    }

    pub(crate) fn mute_track(
        &mut self,
        request: &lk::MuteRoomTrackRequest,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        let key = self.find(&request.identity)?;
        let track = self
            .tracks
            .values_mut()
            .find(|track| track.publisher == key && track.sid.as_str() == request.track_sid)
            .ok_or_else(|| ControlError::NoTrack(request.track_sid.clone()))?;
        let changed = track.info.muted != request.muted;
        track.info.muted = request.muted;
        let info = track.info.clone();
        if changed {
            self.muted(key, &request.track_sid, request.muted, shard);
            let mute = lk::MuteTrackRequest { sid: request.track_sid.clone(), muted: request.muted };
            self.tell(key, Response::Mute(mute), shard);
            self.announce(key, true, shard);
        }
        Ok(Reply::Track(Box::new(info)))
    }

    pub(crate) fn update_participant(
        &mut self,
        request: &lk::UpdateParticipantRequest,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        let key = self.find(&request.identity)?;
        if let Some(me) = self.participants.get_mut(&key) {
            me.describe(&request.name, &request.metadata, &request.attributes, &shard.limits)
                .map_err(ControlError::TooLarge)?;
        }
        match &request.permission {
            Some(permission) => self.regrant(key, permission, shard),
            None => {
                self.profile_changed(key, shard);
                self.announce(key, true, shard);
            }
        }
        self.info(key)
    }

    /// Changes grants. What they no longer allow ends now; what they newly allow begins now.
    fn regrant(&mut self, key: PartyKey, permission: &lk::ParticipantPermission, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let now = me.grants.with_permission(permission);
        let before = std::mem::replace(&mut me.grants, now.clone());
        me.info.permission = Some(now.to_permission());
        let identity = me.identity.clone();
        let published = me.sending.tracks.clone();
        let received: Vec<TrackKey> = me.reception.subscriptions.keys().copied().collect();
        self.decide(&identity, Verdict::Granted(now.clone()), shard);

        if now.hidden && !before.hidden {
            self.vanish(key, shard);
        }
        self.profile_changed(key, shard);
        // The client learns of its new permission before its tracks are taken away.
        self.announce(key, true, shard);
        if before.hidden && !now.hidden {
            self.relay_tracks(key, shard);
        }
        for track_key in published {
            if self.tracks.get(&track_key).is_some_and(|track| !now.publishes(track.source)) {
                self.unpublish(track_key, shard);
            }
        }
        if !now.can_subscribe {
            for track in received {
                self.unsubscribe(key, track, shard);
            }
        } else if !before.can_subscribe {
            self.subscribe_to_all(key, shard);
        }
        self.renegotiate(key, shard);
    }

    /// To the others, somebody who becomes hidden leaves.
    fn vanish(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        let mut info = me.info.clone();
        info.state = lk::participant_info::State::Disconnected as i32;
        info.tracks.clear();
        info.version += 1;
        self.tell_others_of_absence(&info, shard);
        self.relay_absence(&info, shard);
    }

    pub(crate) fn update_subscriptions(
        &mut self,
        request: &lk::UpdateSubscriptionsRequest,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        let key = self.find(&request.identity)?;
        let update = lk::UpdateSubscription {
            track_sids: request.track_sids.clone(),
            subscribe: request.subscribe,
            participant_tracks: request.participant_tracks.clone(),
        };
        self.update_subscription(key, &update, shard);
        Ok(Reply::Done)
    }

    pub(crate) fn send_data(
        &mut self,
        request: lk::SendDataRequest,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        if request.data.len() > shard.limits.data_bytes {
            return Err(ControlError::TooLarge("the data are too long"));
        }
        let channel = match lk::data_packet::Kind::try_from(request.kind) {
            Ok(lk::data_packet::Kind::Lossy) => Channel::Lossy,
            Ok(lk::data_packet::Kind::Reliable) => Channel::Reliable,
            Err(_) => return Err(ControlError::Invalid("the kind is neither reliable nor lossy")),
        };
        let user = lk::UserPacket {
            payload: request.data,
            topic: request.topic,
            nonce: request.nonce,
            ..Default::default()
        };
        let packet = lk::DataPacket {
            destination_identities: request.destination_identities,
            value: Some(lk::data_packet::Value::User(user)),
            ..Default::default()
        };
        self.deliver(None, channel, packet, &request.destination_sids, shard);
        Ok(Reply::Done)
    }

    pub(crate) fn update_metadata(
        &mut self,
        metadata: String,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        if metadata.len() > shard.limits.metadata_bytes {
            return Err(ControlError::TooLarge("the metadata are too long"));
        }
        self.settings.metadata.clone_from(&metadata);
        self.event(EventKind::RoomChanged { metadata }, shard);
        let update = lk::RoomUpdate { room: Some(self.describe()) };
        self.tell_all(signal::encode_response(Response::RoomUpdate(update)), shard);
        Ok(Reply::Room(Box::new(self.describe())))
    }

    pub(crate) fn refresh_token(
        &mut self,
        identity: &str,
        token: String,
        shard: &mut Shard,
    ) -> Result<Reply, ControlError> {
        let key = self.find(identity)?;
        self.tell(key, Response::RefreshToken(token), shard);
        Ok(Reply::Done)
    }
}
