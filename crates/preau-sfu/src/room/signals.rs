//! What clients ask for, after the grants said yes.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::request_response::{Reason, Request as Echo};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;

use super::Room;
use crate::engine::Shard;
use crate::event::{Departure, EventKind};
use crate::grants::{self, Source};
use crate::ids::{PartyKey, TrackKey};
use crate::sdp::Kind;
use crate::track::PublishedTrack;

/// Layers a track may be announced with; browsers announce up to three.
const MAX_LAYERS: usize = 4;

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
            Request::Answer(answer) => self.answer(key, &answer, shard),
            Request::SubscriptionPermission(wish) => self.set_audience(key, &wish, shard),
            Request::SyncState(state) => self.sync(key, state, shard),
            Request::UpdateLayers(update) => {
                if update.layers.len() <= MAX_LAYERS
                    && let Some(track) = self.own_track(key, &update.track_sid)
                {
                    track.info.layers = update.layers;
                    self.announce(key, false, shard);
                }
            }
            // With ICE-lite the client's checks arrive by themselves; its candidates are not needed.
            Request::Trickle(_) => {}
            Request::Simulate(_)
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
        } else if request.layers.len() > MAX_LAYERS
            || request.audio_features.len() > 16
            || request.simulcast_codecs.iter().any(|codec| codec.layers.len() > MAX_LAYERS)
        {
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
        let sid = shard.mint.sid("TR_");
        let mut track = PublishedTrack::new(key, sid, &request, kind, source, &shard.limits.codecs);
        track.leads = me.leads;
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
            self.muted(key, &mute.sid, mute.muted, shard);
            self.announce(key, false, shard);
        }
    }

    /// Somebody's track was muted or unmuted, by whomever.
    pub(super) fn muted(&mut self, key: PartyKey, sid: &str, muted: bool, shard: &mut Shard) {
        let Some(track_key) = self.track_key(sid) else { return };
        self.interrupt_subscribers(track_key);
        let Some(me) = self.participants.get(&key) else { return };
        if self.tracks.get(&track_key).is_some_and(|track| track.live) {
            let identity = me.identity.clone();
            self.event(EventKind::TrackMuted { identity, track: sid.into(), muted }, shard);
        }
    }

    /// After a pause, every receiver's stream continues as from another source.
    pub(super) fn interrupt_subscribers(&mut self, track_key: TrackKey) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        for subscriber in &track.subscribers {
            let subscription = self
                .participants
                .get_mut(subscriber)
                .and_then(|other| other.reception.subscriptions.get_mut(&track_key));
            if let Some(subscription) = subscription {
                subscription.interrupt();
            }
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
                self.profile_changed(key, shard);
                self.announce(key, true, shard);
                (Reason::Ok, "")
            }
            Err(problem) => (Reason::LimitExceeded, problem),
        };
        self.answer_request(key, Request::UpdateMetadata(update), reason, message, shard);
    }
}
