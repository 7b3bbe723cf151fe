//! What clients ask for, after the grants said yes.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::request_response::{Reason, Request as Echo};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;

use super::Room;
use crate::engine::Shard;
use crate::event::Departure;
use crate::grants::{self, Source};
use crate::ids::{PartyKey, TrackKey};
use crate::sdp::Kind;
use crate::subscribe::Subscription;
use crate::track::{Detail, PublishedTrack};

impl Room {
    /// One request of a client. The grants are asked before anything else is looked at.
    pub(crate) fn request(&mut self, key: PartyKey, request: Request, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        me.presence.heard_at = shard.now;
        if let Err(refusal) = grants::allows(&me.grants, &request) {
            shard.counters.requests_refused += 1;
            tracing::debug!(room = %self.name, who = %me.identity, %refusal, "request refused");
            self.answer_request(key, request, Reason::NotAllowed, &refusal.to_string(), shard);
            return;
        }
        match request {
            Request::Offer(offer) => self.offer(key, offer, shard),
            Request::AddTrack(request) => self.add_track(key, request, shard),
            Request::Mute(mute) => self.mute_own(key, &mute, shard),
            Request::Subscription(update) => self.update_subscription(key, &update, shard),
            Request::TrackSetting(setting) => self.track_setting(key, &setting, shard),
            Request::UpdateMetadata(update) => self.update_own_metadata(key, update, shard),
            Request::Leave(_) => self.depart(key, Departure::Left, shard),
            Request::Ping(sent) => self.tell(key, Response::Pong(sent), shard),
            Request::PingReq(ping) => {
                let pong = lk::Pong { last_ping_timestamp: ping.timestamp, timestamp: shard.unix_ms() };
                self.tell(key, Response::PongResp(pong), shard);
            }
            Request::UpdateAudioTrack(update) => {
                if let Some(track) = self.own_track(key, &update.track_sid) {
                    track.info.audio_features = update.features;
                    self.announce(key, false, shard);
                }
            }
            Request::UpdateVideoTrack(update) => {
                if let Some(track) = self.own_track(key, &update.track_sid) {
                    (track.info.width, track.info.height) = (update.width, update.height);
                    self.announce(key, false, shard);
                }
            }
            // We never offer, so there is nothing to answer; and with ICE-lite the client's checks
            // arrive by themselves, its candidates are not needed.
            Request::Answer(_) | Request::Trickle(_) => {}
            // The state was kept here, there is nothing to restore; and layers follow what arrives.
            Request::SyncState(_) | Request::UpdateLayers(_) => {}
            Request::Simulate(_)
            | Request::SubscriptionPermission(_)
            | Request::PublishDataTrackRequest(_)
            | Request::UnpublishDataTrackRequest(_)
            | Request::UpdateDataSubscription(_)
            | Request::StoreDataBlobRequest(_)
            | Request::GetDataBlobRequest(_) => {
                let message = "this server does not offer that";
                self.answer_request(key, request, Reason::UnsupportedType, message, shard);
            }
        }
    }

    /// Tells a client what became of its request.
    fn answer_request(
        &self,
        key: PartyKey,
        request: Request,
        reason: Reason,
        message: &str,
        shard: &mut Shard,
    ) {
        let (request_id, echo) = match request {
            Request::AddTrack(request) => (0, Some(Echo::AddTrack(request))),
            Request::Mute(request) => (0, Some(Echo::Mute(request))),
            Request::Trickle(request) => (0, Some(Echo::Trickle(request))),
            Request::UpdateMetadata(request) => (request.request_id, Some(Echo::UpdateMetadata(request))),
            Request::UpdateAudioTrack(request) => (0, Some(Echo::UpdateAudioTrack(request))),
            Request::UpdateVideoTrack(request) => (0, Some(Echo::UpdateVideoTrack(request))),
            _ => (0, None),
        };
        let response = lk::RequestResponse {
            request_id,
            reason: reason as i32,
            message: message.to_owned(),
            request: echo,
        };
        self.tell(key, Response::RequestResponse(response), shard);
    }

    fn own_track(&mut self, key: PartyKey, sid: &str) -> Option<&mut PublishedTrack> {
        self.tracks.values_mut().find(|track| track.publisher == key && track.sid.as_str() == sid)
    }

    /// A client announces a track. It becomes visible to others once an offer carries it.
    fn add_track(&mut self, key: PartyKey, request: lk::AddTrackRequest, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let known = me.sending.tracks.iter().filter_map(|track| self.tracks.get(track));
        if let Some(track) = known.into_iter().find(|track| track.cid == request.cid) {
            // The same announcement again (a client that reconnected): the same answer.
            let info = track.info.clone();
            let published = lk::TrackPublishedResponse { cid: request.cid, track: Some(info) };
            self.tell(key, Response::TrackPublished(published), shard);
            return;
        }
        let limits = &shard.limits;
        let too_long = request.name.len() > limits.name_bytes
            || request.stream.len() > limits.name_bytes
            || request.cid.len() > limits.name_bytes;
        let problem = if me.sending.tracks.len() >= limits.tracks {
            Some((Reason::LimitExceeded, "too many tracks"))
        } else if too_long || request.cid.is_empty() {
            Some((Reason::InvalidName, "track id, name or stream is missing or too long"))
        } else if request.layers.len() > 4 || request.audio_features.len() > 16 {
            Some((Reason::LimitExceeded, "too many layers or features"))
        } else {
            None
        };
        if let Some((reason, message)) = problem {
            self.answer_request(key, Request::AddTrack(request), reason, message, shard);
            return;
        }
        let kind = match lk::TrackType::try_from(request.r#type) {
            Ok(lk::TrackType::Audio) => Kind::Audio,
            _ => Kind::Video,
        };
        let source = Source::from_wire(request.source);
        let track = PublishedTrack::new(key, shard.mint.sid("TR_"), &request, kind, source);
        let info = track.info.clone();
        let track_key = TrackKey(shard.mint.number());
        me.sending.tracks.push(track_key);
        self.tracks.insert(track_key, track);
        let published = lk::TrackPublishedResponse { cid: request.cid, track: Some(info) };
        self.tell(key, Response::TrackPublished(published), shard);
    }

    fn mute_own(&mut self, key: PartyKey, mute: &lk::MuteTrackRequest, shard: &mut Shard) {
        if let Some(track) = self.own_track(key, &mute.sid)
            && track.info.muted != mute.muted
        {
            track.info.muted = mute.muted;
            self.interrupt_subscribers(key, &mute.sid);
            self.announce(key, false, shard);
        }
    }

    /// After a pause, every receiver's stream continues as from another source.
    pub(super) fn interrupt_subscribers(&mut self, key: PartyKey, sid: &str) {
        let found = self.tracks.iter().find(|(_, t)| t.publisher == key && t.sid.as_str() == sid);
        let Some((track_key, track)) = found else { return };
        for subscriber in &track.subscribers {
            let subscription = self
                .participants
                .get_mut(subscriber)
                .and_then(|other| other.reception.subscriptions.get_mut(track_key));
            if let Some(subscription) = subscription {
                subscription.interrupt();
            }
        }
    }

    pub(super) fn update_subscription(
        &mut self,
        key: PartyKey,
        update: &lk::UpdateSubscription,
        shard: &mut Shard,
    ) {
        let named = update.participant_tracks.iter().flat_map(|tracks| &tracks.track_sids);
        for sid in update.track_sids.iter().chain(named).take(shard.limits.sections) {
            let found = self.tracks.iter().find(|(_, track)| track.sid.as_str() == sid.as_str());
            let Some((track, _)) = found else { continue };
            let track = *track;
            if update.subscribe {
                self.subscribe(key, track);
            } else {
                self.unsubscribe(key, track, shard);
            }
        }
        self.ask_for_offer(key, shard);
    }

    /// Notes that a participant wants a track. The media follow when an offer has room for them.
    pub(super) fn subscribe(&mut self, key: PartyKey, track_key: TrackKey) {
        let Some(track) = self.tracks.get_mut(&track_key).filter(|t| t.live && t.publisher != key) else {
            return;
        };
        let Some(me) = self.participants.get_mut(&key).filter(|me| me.grants.can_subscribe) else { return };
        me.reception.subscriptions.entry(track_key).or_insert_with(|| Subscription::new(track.kind));
        track.subscribers.insert(key);
    }

    pub(super) fn subscribe_to_all(&mut self, key: PartyKey) {
        if self.participants.get(&key).is_some_and(|me| me.auto_subscribe) {
            let live: Vec<_> = self.tracks.iter().filter(|(_, t)| t.live).map(|(key, _)| *key).collect();
            for track in live {
                self.subscribe(key, track);
            }
        }
    }

    /// Stops forwarding a track to a participant, at once.
    pub(super) fn unsubscribe(&mut self, key: PartyKey, track_key: TrackKey, shard: &mut Shard) {
        if let Some(track) = self.tracks.get_mut(&track_key) {
            track.subscribers.remove(&key);
        }
        let silent = self.participants.get_mut(&key).and_then(|me| me.reception.end(track_key));
        if let Some((mid, kind)) = silent {
            self.touch(key, shard, |transport, sink| transport.renew_section(mid, kind, sink));
        }
    }

    fn track_setting(&mut self, key: PartyKey, setting: &lk::UpdateTrackSettings, shard: &mut Shard) {
        let off = setting.quality == lk::VideoQuality::Off as i32;
        for sid in setting.track_sids.iter().take(shard.limits.sections) {
            let found = self.tracks.iter().find(|(_, track)| track.sid.as_str() == sid.as_str());
            let Some((track_key, _)) = found else { continue };
            let Some(me) = self.participants.get_mut(&key) else { return };
            let Some(subscription) = me.reception.subscriptions.get_mut(track_key) else { continue };
            let paused = setting.disabled || off;
            if subscription.paused && !paused {
                subscription.interrupt();
            }
            subscription.paused = paused;
            subscription.detail = if setting.width > 0 {
                Detail::Size { width: setting.width, height: setting.height }
            } else {
                Detail::Quality(u8::try_from(setting.quality.clamp(0, 2)).unwrap_or(2))
            };
        }
    }

    fn update_own_metadata(
        &mut self,
        key: PartyKey,
        update: lk::UpdateParticipantMetadata,
        shard: &mut Shard,
    ) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let outcome = me.describe(&update.name, &update.metadata, &update.attributes, &shard.limits);
        let (reason, message) = match outcome {
            Ok(()) => {
                self.announce(key, true, shard);
                (Reason::Ok, "")
            }
            Err(problem) => (Reason::LimitExceeded, problem),
        };
        self.answer_request(key, Request::UpdateMetadata(update), reason, message, shard);
    }
}
