//! The recorder's ear: one more receiver, without a connection.
//!
//! Each track that is recorded has a [`Subscription`] of its own, so that layers are chosen, switched and
//! renumbered exactly as for a viewer who wants the best picture that the room still sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use super::Room;
use super::media::Incoming;
use crate::codec::{self, Shape};
use crate::control::{ControlError, Reply};
use crate::engine::Shard;
use crate::event::Output;
use crate::forward::Position;
use crate::ids::TrackKey;
use crate::sdp::Kind;
use crate::signal;
use crate::subscribe::{Delivery, Subscription};
use crate::tap::{Tap, Tapped, TappedTrack};
use crate::track::PublishedTrack;

/// A room's tap while it runs.
pub(super) struct Tapping {
    wish: Tap,
    tracks: BTreeMap<TrackKey, TapTrack>,
}

struct TapTrack {
    about: Arc<TappedTrack>,
    subscription: Subscription,
}

impl Tapping {
    fn takes(&self, track: &PublishedTrack) -> bool {
        self.wish.takes(track.source, track.leads)
    }

    /// A track is gone.
    pub(super) fn forget(&mut self, track: TrackKey) {
        self.tracks.remove(&track);
    }

    /// Tracks of which something is remembered.
    pub(super) fn held(&self) -> usize {
        self.tracks.len()
    }
}

impl Room {
    /// Begins to hand out what is published, changes what of it, or ends that. Everybody in the room is told
    /// that it is recorded, as by LiveKit's own servers (`active_recording`).
    pub(crate) fn tap(&mut self, wish: Option<Tap>, shard: &mut Shard) -> Reply {
        let before = self.tapping.as_ref().map(|tapping| tapping.wish);
        if wish == before {
            return Reply::Done;
        }
        self.tapping = wish.map(|wish| Tapping { wish, tracks: BTreeMap::new() });
        if wish.is_some() != before.is_some() {
            let update = lk::RoomUpdate { room: Some(self.describe()) };
            self.tell_all(signal::encode_response(Response::RoomUpdate(update)), shard);
        }
        let tracks: Vec<TrackKey> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.reconsider(track, shard);
        }
        Reply::Done
    }

    /// A recorder lost something and can go on only with a key frame. Throttled like the wish of a viewer.
    pub(crate) fn tap_keyframe(&mut self, sid: &str, shard: &mut Shard) -> Result<Reply, ControlError> {
        let found = self.tracks.iter().find(|(_, track)| track.sid.as_str() == sid).map(|(key, _)| *key);
        let key = found.ok_or_else(|| ControlError::NoTrack(sid.to_owned()))?;
        let tapped = self.tapping.as_ref().and_then(|tapping| tapping.tracks.get(&key));
        let layer = tapped.and_then(|tapped| tapped.subscription.layer());
        self.request_keyframe(key, layer, shard);
        Ok(Reply::Done)
    }

    /// The rank that the recorder wants of a track; None: nothing.
    pub(super) fn tap_rank(&self, track: &PublishedTrack, cap: Option<u8>) -> Option<u8> {
        self.tapping.as_ref().filter(|tapping| tapping.takes(track))?;
        match track.kind {
            Kind::Audio => Some(2),
            Kind::Video => cap,
        }
    }

    /// Hands a packet to the recorder. Whether it waits for a key frame of this stream.
    pub(super) fn tap_packet(
        &mut self,
        track_key: TrackKey,
        packet: &Incoming<'_>,
        shape: &Shape,
        shard: &mut Shard,
    ) -> bool {
        let Some(track) = self.tracks.get(&track_key) else { return false };
        let cap = self.ladder.step().cap(track.source, track.leads).rank;
        let Some(tapping) = self.tapping.as_mut().filter(|tapping| tapping.takes(track)) else {
            return false;
        };
        let identity = || {
            let here = self.participants.get(&track.publisher).map(|one| one.identity.clone());
            here.or_else(|| {
                self.annex.guests.get(&track.publisher).map(|one| one.info.identity.as_str().into())
            })
        };
        let entry = match tapping.tracks.entry(track_key) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let Some(identity) = identity() else { return false };
                let (room, sid, source) = (self.name.clone(), track.sid.clone(), track.source);
                entry.insert(TapTrack {
                    about: Arc::new(TappedTrack { room, sid, identity, source }),
                    subscription: Subscription::new(track.kind, true),
                })
            }
        };
        let (subscription, now) = (&mut entry.subscription, shard.now);
        let incoming = Position {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            picture: shape.picture.map_or(0, |(id, _)| id),
            base_layer: shape.base_layer.unwrap_or(0),
        };
        if packet.payload.is_empty() {
            // A number that can no longer be taken out of the row is filled as for everybody else.
            let Some(sequence) = subscription.padding(incoming.sequence, packet.rid) else { return false };
            return tapped(entry, packet, Position { sequence, ..incoming }, false, Bytes::new(), shard);
        }
        let delivery = match track.kind {
            Kind::Audio => subscription.audio(incoming, now),
            Kind::Video => match cap.and_then(|rank| track.choose(rank, now)) {
                Some(target) => subscription.video(incoming, shape, packet.rid, target, now),
                None => {
                    subscription.interrupt();
                    Delivery::Drop
                }
            },
        };
        match delivery {
            Delivery::Send { position, last_of_picture, wants_keyframe } => {
                let payload = match packet.coding.redundant {
                    true => codec::primary_block(packet.payload).map(Bytes::copy_from_slice),
                    false => Some(Bytes::from_owner(Arc::clone(packet.payload))),
                };
                let Some(payload) = payload else { return wants_keyframe };
                let marker = packet.marker || last_of_picture;
                tapped(entry, packet, position, marker, payload, shard) || wants_keyframe
            }
            Delivery::Fill(sequence) => {
                tapped(entry, packet, Position { sequence, ..incoming }, false, Bytes::new(), shard)
            }
            Delivery::Drop => false,
            Delivery::WantsKeyframe => true,
        }
    }
}

/// Hands it out; nobody needs a key frame for that.
fn tapped(
    to: &TapTrack,
    packet: &Incoming<'_>,
    position: Position,
    marker: bool,
    payload: Bytes,
    shard: &mut Shard,
) -> bool {
    let (track, codec) = (to.about.clone(), packet.coding.codec);
    let (sequence, timestamp) = (position.sequence, position.timestamp);
    let tapped = Tapped { track, codec, sequence, timestamp, marker, payload };
    shard.counters.tapped += 1;
    shard.output(Output::Tapped(Box::new(tapped)));
    false
}
