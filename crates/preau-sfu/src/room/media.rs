//! Forwarding: every media packet passes here. It is the hot path, and stays short.

use str0m::media::{Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Vp8Descriptor};

use super::Room;
use crate::engine::{Due, Shard};
use crate::forward::{self, Position, Vp8};
use crate::ids::{PartyKey, TrackKey};
use crate::sdp::Kind;
use crate::subscribe::Delivery;

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
        let Some(me) = self.participants.get_mut(&from) else { return };
        let carried = me.sending.carried(mid);
        let Some((track_key, track)) =
            carried.and_then(|key| self.tracks.get_mut(&key).map(|track| (key, track)))
        else {
            shard.counters.media_refused += 1;
            return;
        };
        if track.info.muted || !me.grants.publishes(track.source) || !track.arrived(rid, shard.now) {
            shard.counters.media_refused += 1;
            return;
        }
        shard.counters.media_in += 1;
        if let (Kind::Audio, Some(level)) = (track.kind, packet.header.ext_vals.audio_level) {
            me.voice.hear(level);
        }
        let wanted = self.fan_out(track_key, packet, rid, shard);
        if let Some(rid) = wanted {
            self.request_keyframe(track_key, Some(rid), shard);
        }
    }

    /// Sends a packet to everybody who should get it. Returns a layer whose key frame somebody waits
    /// for.
    fn fan_out(
        &mut self,
        track_key: TrackKey,
        packet: &RtpPacket,
        rid: Option<Rid>,
        shard: &mut Shard,
    ) -> Option<Option<Rid>> {
        let now = shard.now;
        let track = self.tracks.get(&track_key)?;
        let is_padding = packet.payload.is_empty();
        let vp8 = match track.kind {
            Kind::Video if !is_padding => Some(forward::inspect_vp8(&packet.payload)?),
            Kind::Video | Kind::Audio => None,
        };
        let incoming = Position {
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            picture: vp8.and_then(|vp8| vp8.picture).map_or(0, |(id, _)| id),
            base_layer: vp8.and_then(|vp8| vp8.base_layer).unwrap_or(0),
        };
        let extensions = carried_extensions(&packet.header.ext_vals);
        let mut wanted = None;
        for subscriber in &track.subscribers {
            let Some(other) = self.participants.get_mut(subscriber) else { continue };
            if !other.transport.is_connected() {
                continue;
            }
            let Some(subscription) = other.reception.subscriptions.get_mut(&track_key) else { continue };
            let Some((mid, payload_type)) = subscription.slot else { continue };
            let delivery = match &vp8 {
                _ if is_padding => match subscription.padding(incoming.sequence, rid) {
                    Some(sequence) => Delivery::Send(Position { sequence, ..incoming }),
                    None => Delivery::Drop,
                },
                None => subscription.audio(incoming, now),
                Some(vp8) => {
                    let target = track.choose(subscription.detail, now).unwrap_or(rid);
                    subscription.video(incoming, vp8, rid, target, now)
                }
            };
            let position = match delivery {
                Delivery::Send(position) => position,
                Delivery::Drop => continue,
                Delivery::WantsKeyframe(rid) => {
                    wanted = Some(rid);
                    continue;
                }
            };
            let sequence = position.sequence.into();
            let payload = packet.payload.clone();
            let mut write =
                RtpWrite::new(payload_type, sequence, position.timestamp, packet.timestamp, payload)
                    .marker(packet.header.marker)
                    .nackable(track.kind == Kind::Video)
                    .ext_vals(extensions.clone());
            if let Some(patch) = vp8.and_then(|vp8| patch(&packet.payload, &vp8, incoming, position)) {
                write = write.vp8_patch(patch);
            }
            let mut sink = shard.sink(*subscriber, &mut self.happenings);
            if other.transport.send_media(mid, write, &mut sink) {
                shard.counters.media_out += 1;
            }
            shard.timers.set(Due::Party(self.key, *subscriber), other.transport.deadline());
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
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        let (publisher, Some(mid), Kind::Video) = (track.publisher, track.mid, track.kind) else { return };
        for rid in track.keyframes_due(layer, shard.now) {
            self.touch(publisher, shard, |transport, sink| transport.request_keyframe(mid, rid, sink));
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

/// The header extensions that mean the same to the receiver. All others (mid, rid, transport-wide
/// numbers, send times) belong to the hop they came from.
fn carried_extensions(from: &ExtensionValues) -> ExtensionValues {
    ExtensionValues {
        audio_level: from.audio_level,
        voice_activity: from.voice_activity,
        video_orientation: from.video_orientation,
        ..Default::default()
    }
}

/// The change of a VP8 descriptor, if there is one to make.
fn patch(payload: &[u8], vp8: &Vp8, from: Position, to: Position) -> Option<str0m::rtp::Vp8Patch> {
    if from.picture == to.picture && from.base_layer == to.base_layer {
        return None;
    }
    vp8.picture?;
    let mut builder = Vp8Descriptor::parse(payload).ok()?.patch().picture_id(to.picture);
    if vp8.base_layer.is_some() {
        builder = builder.tl0_pic_idx(to.base_layer);
    }
    builder.build().ok()
}
