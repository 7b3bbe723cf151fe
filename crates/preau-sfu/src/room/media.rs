//! Forwarding: every media packet passes here. It is the hot path, and stays short.

use std::sync::Arc;
use std::time::Instant;

use livekit_protocol as lk;
use str0m::media::{Mid, Rid};
use str0m::rtp::RtpPacket;

use super::Room;
use crate::codec::{self, Codec, Coding, Shape};
use crate::engine::Shard;
use crate::forward::Position;
use crate::ids::{PartyKey, TrackKey};
use crate::lane::{Marks, Packet};
use crate::participant::Participant;
use crate::sdp::Kind;
use crate::subscribe::{Delivery, Payload};
use crate::transport::{Leg, Posted, Route};

/// A media packet of a track, from a participant here or from another shard.
pub(super) struct Incoming<'a> {
    pub(super) rid: Option<Rid>,
    pub(super) coding: Coding,
    pub(super) payload_type: u8,
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) marks: Marks,
    pub(super) payload: &'a Arc<[u8]>,
    pub(super) arrived: Instant,
}

impl Room {
    /// A media packet arrived. It goes to the subscribers of the track its section carries; packets
    /// of a section without an announced and allowed track go nowhere.
    pub(super) fn media(
        &mut self,
        from: PartyKey,
        packet: &RtpPacket,
        mid: Mid,
        rid: Option<Rid>,
        shard: &mut Shard,
    ) {
        let taken = self.publish(from, packet, mid, rid, shard);
        shard.counters.media_refused += u64::from(taken.is_none());
    }

    fn publish(
        &mut self,
        from: PartyKey,
        packet: &RtpPacket,
        mid: Mid,
        rid: Option<Rid>,
        shard: &mut Shard,
    ) -> Option<()> {
        let me = self.participants.get_mut(&from)?;
        let track_key = me.sending.carried(mid)?;
        let track = self.tracks.get_mut(&track_key)?;
        if track.info.muted || !me.grants.publishes(track.source) {
            return None;
        }
        let payload_type = packet.header.payload_type;
        let coding = track.coding(payload_type, || me.legs.up.transport.coding(payload_type))?;
        if let (Kind::Audio, Some(level)) = (track.kind, packet.header.ext_vals.audio_level) {
            me.voice.hear(level);
        }
        let incoming = Incoming {
            rid,
            coding,
            payload_type: *payload_type,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            marks: Marks::of(&packet.header.ext_vals),
            payload: &packet.payload,
            arrived: packet.timestamp,
        };
        self.carry(track_key, &incoming, shard)
    }

    /// Carries a packet to everybody who should get it, here and on other shards. None when it is not
    /// carried at all.
    pub(super) fn carry(
        &mut self,
        track_key: TrackKey,
        packet: &Incoming<'_>,
        shard: &mut Shard,
    ) -> Option<()> {
        let track = self.tracks.get_mut(&track_key)?;
        let is_padding = packet.payload.is_empty();
        let shape = match track.kind {
            Kind::Video if !is_padding => codec::inspect(packet.coding.codec, packet.payload)?,
            Kind::Video | Kind::Audio => Shape::default(),
        };
        if !is_padding && !track.arrived(packet.rid, &shape, packet.payload.len(), shard.now) {
            return None;
        }
        shard.counters.media_in += 1;
        if !self.annex.shards.is_empty() && track.mid.is_some() {
            let rank = track.rank_of(packet.rid, shape.spatial);
            self.relay_media(track_key, packet, rank, shard);
        }
        let wanted = self.tap_packet(track_key, packet, &shape, shard);
        if self.fan_out(track_key, packet, &shape, shard) || wanted {
            self.request_keyframe(track_key, Some(packet.rid), shard);
        }
        Some(())
    }

    /// Sends a packet to everybody here who should get it. Whether somebody waits for a key frame of its
    /// stream.
    fn fan_out(
        &mut self,
        track_key: TrackKey,
        packet: &Incoming<'_>,
        shape: &Shape,
        shard: &mut Shard,
    ) -> bool {
        let now = shard.now;
        let Some(track) = self.tracks.get(&track_key) else { return false };
        let Some((_, version)) = track.current_coding() else { return false };
        let is_padding = packet.payload.is_empty();
        let incoming = Position {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            picture: shape.picture.map_or(0, |(id, _)| id),
            base_layer: shape.base_layer.unwrap_or(0),
        };
        let mut plain = None;
        let mut wanted = false;
        let mut unknown = Vec::new();
        for subscriber in &track.subscribers {
            let Some(Participant { legs, reception, .. }) = self.participants.get_mut(subscriber) else {
                continue;
            };
            let leg = legs.receiving();
            let transport = &mut legs.receiver().transport;
            if !transport.is_connected() {
                continue;
            }
            let Some(subscription) = reception.subscriptions.get_mut(&track_key) else { continue };
            let Some(mid) = subscription.slot.filter(|_| subscription.open) else { continue };
            let delivery = match track.kind {
                _ if is_padding => match subscription.padding(incoming.sequence, packet.rid) {
                    Some(sequence) => Delivery::Fill(sequence),
                    None => Delivery::Drop,
                },
                Kind::Audio => subscription.audio(incoming, now),
                Kind::Video => {
                    let target = subscription.share.and_then(|rank| track.choose(rank, now));
                    match target {
                        Some(target) => subscription.video(incoming, shape, packet.rid, target, now),
                        None => Delivery::Drop,
                    }
                }
            };
            let (position, ends, fills) = match delivery {
                Delivery::Send { position, last_of_picture, wants_keyframe } => {
                    wanted |= wants_keyframe;
                    (position, last_of_picture, false)
                }
                Delivery::Fill(sequence) => (Position { sequence, ..incoming }, false, true),
                Delivery::Drop => continue,
                Delivery::WantsKeyframe => {
                    wanted = true;
                    continue;
                }
            };
            let known = subscription.payload.filter(|payload| payload.version == version);
            let called = known.or_else(|| {
                let (plain, redundant) = transport.names(mid, &packet.coding)?;
                Some(Payload { version, plain, redundant })
            });
            let Some(called) = called else {
                if !std::mem::replace(&mut subscription.told_unknown, true) {
                    unknown.push(*subscriber);
                }
                continue;
            };
            subscription.payload = Some(called);
            let (names, payload) = match called.redundant {
                _ if fills => (called.plain, Arc::from([])),
                Some(redundant) if packet.coding.redundant => (redundant, packet.payload.clone()),
                None if packet.coding.redundant => {
                    // For those who do not speak RFC 2198 the newest block is taken out, once.
                    let primary =
                        plain.get_or_insert_with(|| codec::primary_block(packet.payload).map(Arc::from));
                    let Some(primary) = primary.clone() else { continue };
                    (called.plain, primary)
                }
                Some(_) | None => (called.plain, packet.payload.clone()),
            };
            let renames = packet.coding.codec == Codec::Vp8 && !fills;
            let outgoing = Packet {
                names,
                sequence: position.sequence,
                timestamp: position.timestamp,
                marker: (packet.marker || ends) && !fills,
                marks: packet.marks,
                payload,
                picture: renames.then(|| new_picture(shape, incoming, position)).flatten(),
                arrived: packet.arrived,
            };
            let mut sink = shard.sink(*subscriber, leg, &mut self.inbox);
            let posted = transport.post_media(mid, &outgoing, &mut sink);
            shard.counters.media_out += u64::from(posted != Posted::Nowhere);
            shard.counters.media_past += u64::from(posted == Posted::Left);
            if posted == (Posted::Waits { first: true }) {
                shard.owe(Route { room: self.key, party: *subscriber, leg });
            }
        }
        let sid = track.sid.clone();
        for subscriber in unknown {
            let error = lk::SubscriptionError::SeCodecUnsupported;
            self.subscription_failed(subscriber, sid.as_str(), error, shard);
        }
        wanted
    }

    /// A receiver lost too much and asks for a key frame of what travels in a section.
    pub(super) fn keyframe_wanted(&mut self, key: PartyKey, mid: Mid, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        let Some(track) = me.reception.carried(mid) else { return };
        let layer = me.reception.subscriptions.get(&track).and_then(|s| s.layer());
        self.request_keyframe(track, layer, shard);
    }

    /// Asks a track's publisher for a key frame of one layer, or of all. Throttled by the track.
    pub(super) fn request_keyframe(
        &mut self,
        track_key: TrackKey,
        layer: Option<Option<Rid>>,
        shard: &mut Shard,
    ) {
        let Some(track) = self.tracks.get_mut(&track_key).filter(|track| track.kind == Kind::Video) else {
            return;
        };
        let (publisher, mid) = (track.publisher, track.mid);
        let due = track.keyframes_due(layer, shard.now);
        let Some(mid) = mid else {
            // A guest's: their shard asks. Before anything arrived, no layer is known to be due.
            if !due.is_empty() {
                self.relay_keyframe(track_key, layer, shard);
            }
            return;
        };
        for rid in due {
            self.touch(publisher, Leg::Up, shard, |transport, sink| {
                transport.request_keyframe(mid, rid, sink)
            });
        }
    }

    /// Asks for key frames of every video somebody receives: their connection just came up.
    pub(super) fn refresh_video(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get(&key) else { return };
        let tracks: Vec<TrackKey> = me
            .reception
            .subscriptions
            .iter()
            .filter(|(_, s)| s.slot.is_some())
            .map(|(key, _)| *key)
            .collect();
        for track in tracks {
            self.request_keyframe(track, None, shard);
        }
    }
}

/// What a VP8 picture is called on its way to a receiver, if that differs.
fn new_picture(shape: &Shape, from: Position, to: Position) -> Option<(u16, Option<u8>)> {
    shape.picture?;
    let differs = from.picture != to.picture || from.base_layer != to.base_layer;
    differs.then_some((to.picture, shape.base_layer.map(|_| to.base_layer)))
}
