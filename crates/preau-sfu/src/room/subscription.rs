//! Who receives what: wishes of receivers, permissions of publishers.
//!
//! A subscription exists as long as it is wished, allowed or not; media flow only while the publisher
//! allows it, the receiver does not pause it, and its link and the room's step leave something.

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use super::Room;
use crate::engine::Shard;
use crate::ids::{PartyKey, TrackKey};
use crate::participant::Audience;
use crate::subscribe::Subscription;
use crate::track::Detail;

impl Room {
    pub(super) fn track_key(&self, sid: &str) -> Option<TrackKey> {
        self.tracks.iter().find(|(_, track)| track.sid.as_str() == sid).map(|(key, _)| *key)
    }

    pub(super) fn update_subscription(
        &mut self,
        key: PartyKey,
        update: &lk::UpdateSubscription,
        shard: &mut Shard,
    ) {
        let named = update.participant_tracks.iter().flat_map(|tracks| &tracks.track_sids);
        for sid in update.track_sids.iter().chain(named).take(shard.limits.sections) {
            match self.track_key(sid) {
                Some(track) if update.subscribe => self.subscribe(key, track, shard),
                Some(track) => self.unsubscribe(key, track, shard),
                None if update.subscribe => {
                    self.subscription_failed(key, sid, lk::SubscriptionError::SeTrackNotfound, shard);
                }
                None => {}
            }
        }
        self.renegotiate(key, shard);
    }

    /// Tells a receiver that nothing will come of a subscription.
    pub(super) fn subscription_failed(
        &self,
        key: PartyKey,
        sid: &str,
        error: lk::SubscriptionError,
        shard: &mut Shard,
    ) {
        let response = lk::SubscriptionResponse { track_sid: sid.to_owned(), err: error as i32 };
        self.tell(key, Response::SubscriptionResponse(response), shard);
    }

    /// Whether a publisher, here or on another shard, lets somebody receive a track.
    fn admits(&self, publisher: PartyKey, receiver: PartyKey, track: &str) -> bool {
        let Some(me) = self.participants.get(&receiver) else { return false };
        let audience = match self.participants.get(&publisher) {
            Some(publisher) => &publisher.sending.audience,
            None => match self.annex.guests.get(&publisher) {
                Some(guest) => &guest.audience,
                None => return false,
            },
        };
        audience.admits(me.identity.as_str(), me.sid.as_str(), track)
    }

    /// Notes that a participant wants a track. The media follow when a description has room for them.
    pub(super) fn subscribe(&mut self, key: PartyKey, track_key: TrackKey, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key).filter(|t| t.live && t.publisher != key) else {
            return;
        };
        let (publisher, sid, kind) = (track.publisher, track.sid.clone(), track.kind);
        let admitted = self.admits(publisher, key, sid.as_str());
        let Some(me) = self.participants.get_mut(&key).filter(|me| me.grants.can_subscribe) else { return };
        if me.reception.subscriptions.contains_key(&track_key) {
            return;
        }
        me.reception.subscriptions.insert(track_key, Subscription::new(kind, admitted));
        if let Some(track) = self.tracks.get_mut(&track_key) {
            track.subscribers.insert(key);
        }
        if !admitted {
            self.tell_permission(key, track_key, false, shard);
        }
        self.reconsider(track_key, shard);
    }

    pub(super) fn subscribe_to_all(&mut self, key: PartyKey, shard: &mut Shard) {
        if self.participants.get(&key).is_some_and(|me| me.auto_subscribe) {
            let live: Vec<_> = self.tracks.iter().filter(|(_, t)| t.live).map(|(key, _)| *key).collect();
            for track in live {
                self.subscribe(key, track, shard);
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
            self.touch_receiver(key, shard, |transport, sink| transport.renew_section(mid, kind, sink));
        }
    }

    /// How large, how sharp, how fast a receiver wants tracks, or whether at all.
    pub(super) fn track_setting(
        &mut self,
        key: PartyKey,
        setting: &lk::UpdateTrackSettings,
        shard: &mut Shard,
    ) {
        let off = setting.disabled || setting.quality == lk::VideoQuality::Off as i32;
        for sid in setting.track_sids.iter().take(shard.limits.sections) {
            let Some(track_key) = self.track_key(sid) else { continue };
            let Some(me) = self.participants.get_mut(&key) else { return };
            let Some(subscription) = me.reception.subscriptions.get_mut(&track_key) else { continue };
            if subscription.paused && !off {
                subscription.interrupt();
            }
            subscription.paused = off;
            subscription.fps = setting.fps;
            subscription.detail = if setting.width > 0 {
                Detail::Size { width: setting.width, height: setting.height }
            } else {
                Detail::Quality(u8::try_from(setting.quality.clamp(0, 2)).unwrap_or(2))
            };
            self.reconsider(track_key, shard);
        }
        self.divide(key, shard);
    }

    /// A publisher says who may receive its tracks. What it no longer allows ends now.
    pub(super) fn set_audience(
        &mut self,
        key: PartyKey,
        wish: &lk::SubscriptionPermission,
        shard: &mut Shard,
    ) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        me.sending.audience = Audience::of(wish, shard.limits.permissions);
        let tracks = me.sending.tracks.clone();
        self.relay_presence(key, shard);
        self.apply_audience(&tracks, shard);
    }

    /// Brings subscriptions in line with what publishers allow.
    pub(super) fn apply_audience(&mut self, tracks: &[TrackKey], shard: &mut Shard) {
        for track_key in tracks {
            let Some(track) = self.tracks.get(track_key) else { continue };
            let (publisher, sid) = (track.publisher, track.sid.clone());
            let receivers: Vec<PartyKey> = track.subscribers.iter().copied().collect();
            for receiver in receivers {
                let admitted = self.admits(publisher, receiver, sid.as_str());
                let Some(me) = self.participants.get_mut(&receiver) else { continue };
                let Some(subscription) = me.reception.subscriptions.get_mut(track_key) else { continue };
                if std::mem::replace(&mut subscription.allowed, admitted) == admitted {
                    continue;
                }
                let silent = if admitted { None } else { me.reception.release(*track_key) };
                if let Some((mid, kind)) = silent {
                    self.touch_receiver(receiver, shard, |transport, sink| {
                        transport.renew_section(mid, kind, sink);
                    });
                }
                self.tell_permission(receiver, *track_key, admitted, shard);
                self.renegotiate(receiver, shard);
            }
            self.reconsider(*track_key, shard);
        }
    }

    fn tell_permission(&self, key: PartyKey, track_key: TrackKey, allowed: bool, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let update = lk::SubscriptionPermissionUpdate {
            participant_sid: self.sid_of(track.publisher).unwrap_or_default().to_owned(),
            track_sid: track.sid.as_str().to_owned(),
            allowed,
        };
        self.tell(key, Response::SubscriptionPermissionUpdate(update), shard);
    }

    /// A client that resumes says what it had. Its wishes are applied; which of our offers it knows
    /// settles what was under way.
    pub(super) fn sync(&mut self, key: PartyKey, state: lk::SyncState, shard: &mut Shard) {
        if let Some(update) = &state.subscription {
            // With auto-subscription the list names what was unsubscribed, without it what was
            // subscribed; `subscribe` says which.
            self.update_subscription(key, update, shard);
        }
        let off = lk::UpdateTrackSettings {
            track_sids: state.track_sids_disabled,
            disabled: true,
            quality: lk::VideoQuality::High as i32,
            ..Default::default()
        };
        if !off.track_sids.is_empty() {
            self.track_setting(key, &off, shard);
        }
        self.offer_again(key, state.answer.as_ref().map(|answer| answer.sdp.as_str()), shard);
    }
}
