//! Offers and answers, and what follows from them: tracks that begin or end, slots that fill.

use std::collections::BTreeMap;

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;
use str0m::media::Mid;

use super::Room;
use crate::engine::Shard;
use crate::event::{Departure, EventKind};
use crate::ids::{Identity, PartyKey, TrackKey};
use crate::sdp::{self, Flow, Label, Section};
use crate::subscribe::SlotState;

impl Room {
    /// Answers a client's offer.
    pub(super) fn offer(&mut self, key: PartyKey, offer: lk::SessionDescription, shard: &mut Shard) {
        let too_many = sdp::count_sections(&offer.sdp) > shard.limits.sections;
        let answer = if too_many {
            None
        } else {
            match self.touch(key, shard, |transport, sink| transport.answer(&offer.sdp, sink)) {
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
        self.note_ufrag(key, shard);

        let sections = sdp::sections(&offer.sdp);
        let (begun, ended) = self.match_tracks(key, &sections);
        let seated = match self.participants.get_mut(&key) {
            Some(me) => {
                me.reception.offer_requested = false;
                for section in &sections {
                    if matches!(section.flow, Flow::Receive | Flow::SendReceive) {
                        me.reception.reserve(section.mid.into(), section.kind);
                    }
                }
                let transport = &me.transport;
                me.reception.assign(|kind| transport.payload_type(kind))
            }
            None => return,
        };
        let labels = self.labels(key);
        let answer = lk::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: sdp::name_tracks(&answer, &labels),
            id: offer.id,
            mid_to_track_id: labels.into_iter().map(|(mid, label)| (mid, label.track)).collect(),
        };
        self.tell(key, Response::Answer(answer), shard);
        if let Some(me) = self.participants.get_mut(&key) {
            me.reception.retired();
        }
        self.ask_for_offer(key, shard);
        for track in seated {
            self.request_keyframe(track, None, shard);
        }

        for track in ended {
            self.unpublish(track, shard);
        }
        self.go_live(key, &begun, shard);
    }

    /// Brings announced tracks and the offer's sections together. Returns the tracks that now have a
    /// section, and those whose section no longer sends.
    fn match_tracks(&mut self, key: PartyKey, sections: &[Section<'_>]) -> (Vec<TrackKey>, Vec<TrackKey>) {
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        let Some(me) = self.participants.get_mut(&key) else { return (begun, ended) };
        for section in sections {
            let mid = Mid::from(section.mid);
            let sends = matches!(section.flow, Flow::Send | Flow::SendReceive);
            let carried = me.sending.carried(mid);
            if let Some(track) = carried {
                let same = self.tracks.get(&track).is_some_and(|t| Some(t.cid.as_str()) == section.track);
                // A section keeps its track id when only the camera behind it changes.
                if !sends || (section.track.is_some() && !same) {
                    ended.push(track);
                    me.sending.sections.retain(|(section, _)| *section != mid);
                } else {
                    continue;
                }
            }
            let Some(cid) = section.track.filter(|_| sends) else { continue };
            let announced = me.sending.tracks.iter().copied().find(|track| {
                self.tracks.get(track).is_some_and(|track| {
                    track.mid.is_none() && track.cid == cid && track.kind == section.kind
                })
            });
            if let Some(track_key) = announced
                && let Some(track) = self.tracks.get_mut(&track_key)
            {
                track.mid = Some(mid);
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
            if let Some(track) = self.tracks.get_mut(track_key) {
                track.live = true;
                shard.event(
                    &self.name,
                    EventKind::TrackPublished {
                        identity: identity.clone(),
                        track: track.sid.clone(),
                        source: track.source,
                    },
                );
            }
        }
        // The update first: an answer must not carry a track nobody was told of.
        self.announce(key, true, shard);
        let others: Vec<PartyKey> = self
            .participants
            .values()
            .filter(|other| other.key != key && other.auto_subscribe)
            .map(|other| other.key)
            .collect();
        for other in others {
            for track in begun {
                self.subscribe(other, *track);
            }
            self.ask_for_offer(other, shard);
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
            self.ask_for_offer(subscriber, shard);
        }
        self.tracks.remove(&track_key);
        if was_published {
            shard.event(&self.name, EventKind::TrackUnpublished { identity: identity.clone(), track: sid });
        }
    }

    /// The names of the tracks that travel to a participant, by section.
    fn labels(&self, key: PartyKey) -> BTreeMap<String, Label> {
        let Some(me) = self.participants.get(&key) else { return BTreeMap::new() };
        let label = |track_key: TrackKey| {
            let track = self.tracks.get(&track_key)?;
            let publisher = self.participants.get(&track.publisher)?;
            Some(Label {
                stream: format!("{}|{}", publisher.sid, track.info.stream),
                track: track.sid.as_str().to_owned(),
            })
        };
        me.reception
            .slots
            .iter()
            .filter_map(|slot| match slot.state {
                SlotState::Carries(track) => Some((slot.mid.to_string(), label(track)?)),
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

    /// An ICE restart changes the name under which connectivity checks arrive.
    fn note_ufrag(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let ufrag = me.transport.ufrag();
        if ufrag != me.endpoints.ufrag {
            shard.routes.by_ufrag.remove(&me.endpoints.ufrag);
            shard.routes.by_ufrag.insert(ufrag.clone(), (self.key, key));
            me.endpoints.ufrag = ufrag;
        }
    }
}
