//! Offers and answers, and what follows from them: tracks that begin or end, slots that fill.
//!
//! On `/rtc/v1` the client makes every offer; we may only ask for one. On `/rtc` it offers what it
//! publishes, and we offer what it receives: one offer at a time, the next one when the answer is there.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use std::collections::BTreeMap;

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;
use str0m::media::Mid;

use super::Room;
use crate::codec::Codec;
use crate::engine::Shard;
use crate::event::{Departure, EventKind};
use crate::ids::{Identity, PartyKey, TrackKey};
use crate::sdp::{self, AudioHint, Flow, Kind, Label, Section};
use crate::subscribe::{Proposal, SlotState};
use crate::transport::{Leg, Plan, Route, Sink, Transport};

impl Room {
    /// Answers a client's offer.
    pub(super) fn offer(&mut self, key: PartyKey, offer: lk::SessionDescription, shard: &mut Shard) {
        let too_many = sdp::count_sections(&offer.sdp) > shard.limits.sections;
        let answer = if too_many {
            None
        } else {
            match self.touch(key, Leg::Up, shard, |transport, sink| transport.answer(&offer.sdp, sink)) {
                Some(Ok(answer)) => Some(answer),
                Some(Err(error)) => {
                    tracing::warn!(room = %self.name, %error, "offer refused");
                    None
                }
                None => return,
            }
        };
        let Some(answer) = answer else {
            self.depart(key, Departure::Negotiation, shard);
            return;
        };
        self.note_ufrag(key, Leg::Up, shard);

        let sections = sdp::sections(&offer.sdp);
        let (begun, ended) = self.match_tracks(key, &sections);
        let seated = match self.participants.get_mut(&key) {
            Some(me) if me.legs.down.is_none() => {
                me.reception.offer_requested = false;
                for section in &sections {
                    if matches!(section.flow, Flow::Receive | Flow::SendReceive) {
                        me.reception.reserve(section.mid.into(), section.kind);
                    }
                }
                me.reception.assign()
            }
            Some(_) => Vec::new(),
            None => return,
        };
        let labels = self.labels(key);
        let answer = sdp::dress_audio(&sdp::name_tracks(&answer, &labels), &self.audio_hints(key));
        let answer = sdp::prefer_codecs(&answer, &self.video_codecs(key));
        let answer = lk::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer,
            id: offer.id,
            mid_to_track_id: labels.into_iter().map(|(mid, label)| (mid, label.track)).collect(),
        };
        self.tell(key, Response::Answer(answer), shard);
        if let Some(me) = self.participants.get_mut(&key).filter(|me| me.legs.down.is_none()) {
            me.reception.retired();
        }
        self.open_sections(key, &seated, shard);
        self.renegotiate(key, shard);

        for track in ended {
            self.unpublish(track, shard);
        }
        self.go_live(key, &begun, shard);
    }

    /// Brings the client's descriptions up to date with what it should receive.
    pub(super) fn renegotiate(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        if me.legs.down.is_some() {
            self.offer_down(key, false, shard);
        } else {
            self.ask_for_offer(key, shard);
        }
    }

    /// Offers what a participant on `/rtc` should receive, unless an offer still waits for its answer.
    fn offer_down(&mut self, key: PartyKey, restart: bool, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let waits = me.legs.down.as_ref().is_none_or(|down| down.transport.is_negotiating());
        if waits || me.presence.connection.is_none() || me.presence.awaits_sync.is_some() {
            return;
        }
        let first = !me.reception.begun;
        if !(first || restart || me.reception.is_unsettled()) {
            return;
        }
        let mut plan = Plan { channels: first, restart, ..Plan::default() };
        let retiring = me.reception.retiring();
        plan.directions.extend(retiring.iter().map(|mid| (*mid, false)));
        let seated = me.reception.assign();
        let subscriptions = &me.reception.subscriptions;
        let reused = seated.iter().filter_map(|track| subscriptions.get(track)?.slot);
        plan.directions.extend(reused.map(|mid| (mid, true)));
        let room_left = shard.limits.sections.saturating_sub(me.reception.slots.len());
        plan.sections = me.reception.missing().into_iter().take(room_left).collect();
        let kinds = plan.sections.clone();

        let made = self.touch(key, Leg::Down, shard, |transport, sink| transport.offer(plan, sink));
        let Some(offer) = made.flatten() else { return };
        let Some(me) = self.participants.get_mut(&key) else { return };
        for (mid, kind) in offer.sections.iter().zip(kinds) {
            me.reception.reserve(*mid, kind);
        }
        me.reception.assign();
        me.reception.proposed = Proposal { new: offer.sections, retiring };
        me.reception.begun = true;
        let labels = self.labels(key);
        let offer = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp::name_tracks(&offer.sdp, &labels),
            id: offer.number,
            mid_to_track_id: labels.into_iter().map(|(mid, label)| (mid, label.track)).collect(),
        };
        self.tell(key, Response::Offer(offer), shard);
    }

    /// Takes a client's answer to our offer.
    pub(super) fn answer(&mut self, key: PartyKey, answer: &lk::SessionDescription, shard: &mut Shard) {
        let taken = if sdp::count_sections(&answer.sdp) > shard.limits.sections {
            None
        } else {
            let act = |transport: &mut Transport, sink: &mut Sink<'_>| {
                transport.answered(answer.id, &answer.sdp, sink)
            };
            match self.touch(key, Leg::Down, shard, act) {
                Some(Ok(taken)) => Some(taken),
                Some(Err(error)) => {
                    tracing::warn!(room = %self.name, %error, "answer refused");
                    None
                }
                // On `/rtc/v1` we never offer, so there is nothing to answer.
                None => return,
            }
        };
        match taken {
            Some(true) => {
                self.note_ufrag(key, Leg::Down, shard);
                let Some(me) = self.participants.get_mut(&key) else { return };
                let opened = me.reception.accepted();
                self.open_sections(key, &opened, shard);
                self.renegotiate(key, shard);
            }
            // A late answer to an offer that was taken back.
            Some(false) => {}
            None => self.depart(key, Departure::Negotiation, shard),
        }
    }

    /// A resumed client on `/rtc` gets an offer with new ICE credentials. If an offer was under way when
    /// the signalling broke, the client first says whether it saw it.
    pub(super) fn come_back(&mut self, key: PartyKey, shard: &mut Shard) {
        let now = shard.now;
        let Some(me) = self.participants.get_mut(&key) else { return };
        match &me.legs.down {
            Some(down) if down.transport.is_negotiating() => me.presence.awaits_sync = Some(now),
            Some(_) => self.offer_down(key, true, shard),
            None => self.ask_for_offer(key, shard),
        }
    }

    /// The offer that was under way when the signalling broke is settled, one way or the other: `answer`
    /// is the client's last one, if it is known.
    pub(super) fn offer_again(&mut self, key: PartyKey, answer: Option<&str>, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        if me.presence.awaits_sync.take().is_none() {
            return;
        }
        // It knows our offer when its answer has a section for each that we proposed.
        let seen = answer.filter(|answer| {
            let mids: Vec<&str> = sdp::mids(answer).collect();
            me.reception.proposed.new.iter().all(|mid| mids.contains(&&**mid))
        });
        let act = |transport: &mut Transport, sink: &mut Sink<'_>| match seen {
            Some(answer) => transport.answered(0, answer, sink).unwrap_or(false),
            None => false,
        };
        if self.touch(key, Leg::Down, shard, act) == Some(true) {
            let opened = self.participants.get_mut(&key).map(|me| me.reception.accepted());
            self.open_sections(key, &opened.unwrap_or_default(), shard);
        } else if let Some(me) = self.participants.get_mut(&key) {
            me.reception.take_back();
            if let Some(down) = &mut me.legs.down {
                down.transport.forget_offer();
            }
        }
        self.offer_down(key, true, shard);
    }

    /// Sections now carry these tracks: packets may flow, beginning with a key frame.
    fn open_sections(&mut self, key: PartyKey, tracks: &[TrackKey], shard: &mut Shard) {
        for track_key in tracks {
            let Some(me) = self.participants.get_mut(&key) else { return };
            let Some(subscription) = me.reception.subscriptions.get_mut(track_key) else { continue };
            let Some(mid) = subscription.slot else { continue };
            subscription.open = true;
            let connected = self.touch_receiver(key, shard, |transport, sink| {
                transport.open_section(mid, sink);
                transport.is_connected()
            });
            // For who is still on their way in it would come too early, and the next one not for a while; see `connected`.
            if connected == Some(true) {
                self.request_keyframe(*track_key, None, shard);
            }
            self.notice(*track_key, shard);
        }
        if !tracks.is_empty() {
            self.divide(key, shard);
        }
    }

    /// Tells a publisher, once, that somebody receives its track.
    fn notice(&mut self, track_key: TrackKey, shard: &mut Shard) {
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        if !std::mem::replace(&mut track.noticed, true) {
            let subscribed = lk::TrackSubscribed { track_sid: track.sid.as_str().to_owned() };
            let publisher = track.publisher;
            self.tell(publisher, Response::TrackSubscribed(subscribed), shard);
        }
    }

    /// What a publisher's answer asks of its microphones.
    fn audio_hints(&self, key: PartyKey) -> BTreeMap<String, AudioHint> {
        let Some(me) = self.participants.get(&key) else { return BTreeMap::new() };
        let hint = |(mid, track): &(Mid, TrackKey)| {
            let info = &self.tracks.get(track).filter(|track| track.kind == Kind::Audio)?.info;
            let stereo =
                info.stereo || info.audio_features.contains(&(lk::AudioTrackFeature::TfStereo as i32));
            let silent =
                info.disable_dtx || info.audio_features.contains(&(lk::AudioTrackFeature::TfNoDtx as i32));
            Some((mid.to_string(), AudioHint { redundant: !info.disable_red, pauses: !silent, stereo }))
        };
        me.sending.sections.iter().filter_map(hint).collect()
    }

    /// Which codec a publisher announced for its pictures, by section.
    fn video_codecs(&self, key: PartyKey) -> BTreeMap<String, Codec> {
        let Some(me) = self.participants.get(&key) else { return BTreeMap::new() };
        let codec = |(mid, track): &(Mid, TrackKey)| {
            let track = self.tracks.get(track).filter(|track| track.kind == Kind::Video)?;
            Some((mid.to_string(), Codec::from_name(&track.info.mime_type)?))
        };
        me.sending.sections.iter().filter_map(codec).collect()
    }

    /// Brings announced tracks and the offer's sections together. Returns the tracks that now have a
    /// section, and those whose section no longer sends.
    ///
    /// Most browsers name a section's track as it was announced. Firefox gives it a name of its own; then it is the
    /// one of that kind that was announced first and that no section names.
    fn match_tracks(&mut self, key: PartyKey, sections: &[Section<'_>]) -> (Vec<TrackKey>, Vec<TrackKey>) {
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        let Some(me) = self.participants.get_mut(&key) else { return (begun, ended) };
        let named = |cid: &str| sections.iter().any(|section| section.track == Some(cid));
        for section in sections {
            let mid = Mid::from(section.mid);
            let sends = matches!(section.flow, Flow::Send | Flow::SendReceive);
            let carried = me.sending.carried(mid);
            if let Some(track) = carried {
                let same = self.tracks.get(&track).is_some_and(|t| Some(t.called.as_str()) == section.track);
                // A section keeps its track id when only the camera behind it changes.
                if !sends || (section.track.is_some() && !same) {
                    ended.push(track);
                    me.sending.sections.retain(|(section, _)| *section != mid);
                } else {
                    continue;
                }
            }
            let Some(cid) = section.track.filter(|_| sends) else { continue };
            let free = |track: &&TrackKey, wanted: &dyn Fn(&str) -> bool| {
                self.tracks.get(*track).is_some_and(|track| {
                    track.mid.is_none() && wanted(&track.cid) && track.kind == section.kind
                })
            };
            let tracks = &me.sending.tracks;
            let announced = tracks
                .iter()
                .find(|track| free(track, &|announced| announced == cid))
                .or_else(|| tracks.iter().find(|track| free(track, &|announced| !named(announced))))
                .copied();
            if let Some(track_key) = announced
                && let Some(track) = self.tracks.get_mut(&track_key)
            {
                track.mid = Some(mid);
                cid.clone_into(&mut track.called);
                track.info.mid = section.mid.to_owned();
                me.sending.sections.push((mid, track_key));
                begun.push(track_key);
            }
        }
        (begun, ended)
    }

    /// Tells the room about tracks that began, and subscribes those who want everything.
    fn go_live(&mut self, key: PartyKey, begun: &[TrackKey], shard: &mut Shard) {
        if begun.is_empty() {
            return;
        }
        let Some(identity) = self.participants.get(&key).map(|me| me.identity.clone()) else { return };
        for track_key in begun {
            let Some(track) = self.tracks.get_mut(track_key) else { continue };
            track.live = true;
            let event = EventKind::TrackPublished {
                identity: identity.clone(),
                track: track.sid.clone(),
                source: track.source,
                name: track.info.name.clone(),
                muted: track.info.muted,
            };
            self.event(event, shard);
        }
        // The update first: a description must not carry a track nobody was told of.
        self.announce(key, true, shard);
        self.relay_tracks(key, shard);
        self.offer_to_subscribers(key, begun, shard);
    }

    /// Subscribes everybody who wants everything to tracks that began.
    pub(super) fn offer_to_subscribers(
        &mut self,
        publisher: PartyKey,
        begun: &[TrackKey],
        shard: &mut Shard,
    ) {
        let others: Vec<PartyKey> = self
            .participants
            .values()
            .filter(|other| other.key != publisher && other.auto_subscribe)
            .map(|other| other.key)
            .collect();
        for other in others {
            for track in begun {
                self.subscribe(other, *track, shard);
            }
            self.renegotiate(other, shard);
        }
    }

    /// A track ends: nobody receives it any more, everybody is told.
    pub(super) fn unpublish(&mut self, track_key: TrackKey, shard: &mut Shard) {
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        let (publisher, sid, was_live) = (track.publisher, track.sid.clone(), track.live);
        track.live = false;
        let Some(me) = self.participants.get_mut(&publisher) else { return };
        me.sending.forget(track_key);
        let identity = me.identity.clone();
        let unpublished = lk::TrackUnpublishedResponse { track_sid: sid.as_str().to_owned() };
        self.tell(publisher, Response::TrackUnpublished(unpublished), shard);
        if was_live {
            self.announce(publisher, true, shard);
        }
        self.drop_track(track_key, &identity, shard);
    }

    /// Forgets a track and frees the slots it occupied.
    pub(super) fn drop_track(&mut self, track_key: TrackKey, identity: &Identity, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let subscribers: Vec<PartyKey> = track.subscribers.iter().copied().collect();
        let sid = track.sid.clone();
        let was_published = track.mid.is_some();
        for subscriber in subscribers {
            self.unsubscribe(subscriber, track_key, shard);
            self.renegotiate(subscriber, shard);
        }
        self.tracks.remove(&track_key);
        if let Some(tapping) = &mut self.tapping {
            tapping.forget(track_key);
        }
        if was_published {
            self.relay_track_gone(track_key, &sid, shard);
            self.event(EventKind::TrackUnpublished { identity: identity.clone(), track: sid }, shard);
        }
    }

    /// The names of the tracks that travel to a participant, by section.
    ///
    /// Where we offer, a browser takes a track's id from the first description of its section and keeps it, whoever
    /// travels there later. Clients believe the stream's name more, so from the second track on it is the track's.
    /// What is lost is lip sync, which goes by streams.
    fn labels(&self, key: PartyKey) -> BTreeMap<String, Label> {
        let Some(me) = self.participants.get(&key) else { return BTreeMap::new() };
        let label = |track_key: TrackKey, renamed: bool| {
            let track = self.tracks.get(&track_key)?;
            let publisher = self.sid_of(track.publisher)?;
            let sid = track.sid.as_str();
            let stream = if renamed { sid } else { &track.info.stream };
            Some(Label { stream: format!("{publisher}|{stream}"), track: sid.to_owned() })
        };
        me.reception
            .slots
            .iter()
            .filter_map(|slot| match slot.state {
                SlotState::Carries(track) => {
                    Some((slot.mid.to_string(), label(track, slot.used && me.legs.down.is_some())?))
                }
                SlotState::Free | SlotState::Retiring => None,
            })
            .collect()
    }

    /// Only the client may offer. If something waits for an offer, asks for one, once.
    pub(super) fn ask_for_offer(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        if me.reception.offer_requested || me.presence.connection.is_none() {
            return;
        }
        let Some((num_audios, num_videos)) = me.reception.shortage() else { return };
        me.reception.offer_requested = true;
        let requirement = lk::MediaSectionsRequirement { num_audios, num_videos };
        self.tell(key, Response::MediaSectionsRequirement(requirement), shard);
    }

    /// The sid of a participant or guest.
    pub(super) fn sid_of(&self, key: PartyKey) -> Option<&str> {
        let here = self.participants.get(&key).map(|me| me.sid.as_str());
        here.or_else(|| self.annex.guests.get(&key).map(|guest| guest.info.sid.as_str()))
    }

    /// An ICE restart changes the name under which connectivity checks arrive.
    fn note_ufrag(&mut self, party: PartyKey, leg: Leg, shard: &mut Shard) {
        let room = self.key;
        let Some(limb) = self.limb_mut(party, leg) else { return };
        let ufrag = limb.transport.ufrag();
        if ufrag != limb.endpoints.ufrag {
            shard.routes.by_ufrag.remove(&limb.endpoints.ufrag);
            shard.routes.by_ufrag.insert(ufrag.clone(), Route { room, party, leg });
            limb.endpoints.ufrag = ufrag;
        }
    }
}
