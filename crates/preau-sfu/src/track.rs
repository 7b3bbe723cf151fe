//! A track that somebody publishes: what was announced, which layers arrive, who receives it.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use str0m::media::{Mid, Pt, Rid};

use crate::codec::{Codec, Coding, Shape};
use crate::config::Codecs;
use crate::grants::Source;
use crate::ids::{PartyKey, TrackSid};
use crate::sdp::Kind;

/// A layer that was silent for this long counts as switched off by its sender.
const LAYER_ALIVE: Duration = Duration::from_millis(1500);

/// At most one key frame request a layer in this time: thirty viewers ask at once, the encoder
/// should answer once.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(400);

/// Layers of one track that are looked at; browsers send up to three.
const MAX_LAYERS: usize = 4;

/// What a layer costs before it was measured, in bits a second, by rank; what browsers use for a camera.
const USUAL_COST: [u64; 3] = [150_000, 500_000, 1_700_000];

/// How long nobody must want a layer before its publisher is told to stop sending it. Stopping and
/// starting costs a key frame, and people click around.
const UNWANTED: Duration = Duration::from_secs(5);

/// Share of a new measurement in the smoothed rate of a layer.
const SMOOTHING: f64 = 0.4;

/// How sharp a receiver wants a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// One of the protocol's qualities: 0 low, 1 medium, 2 high.
    Quality(u8),
    /// The size in pixels at which it is shown.
    Size { width: u32, height: u32 },
}

/// A layer: of simulcast (a stream of its own) or of one stream (a spatial layer, on top of those below).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerId {
    pub(crate) rid: Option<Rid>,
    pub(crate) spatial: u8,
}

/// A published track.
pub(crate) struct PublishedTrack {
    /// Who publishes it: a participant here, or a guest from another shard.
    pub(crate) publisher: PartyKey,
    pub(crate) sid: TrackSid,
    /// The client's own id, which stands in its offer.
    pub(crate) cid: String,
    /// What the client's offer calls it; empty before one names it.
    pub(crate) called: String,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    /// Whether the publisher leads the lesson.
    pub(crate) leads: bool,
    pub(crate) info: lk::TrackInfo,
    /// The section of the offer that carries it; before that, it is only announced.
    pub(crate) mid: Option<Mid>,
    /// Whether the room was told.
    pub(crate) live: bool,
    pub(crate) subscribers: BTreeSet<PartyKey>,
    /// Whether the publisher was told that somebody receives it.
    pub(crate) noticed: bool,
    pub(crate) wanted: Wanted,
    coding: Option<(Pt, Coding)>,
    /// Counts changes of the coding; receivers look their payload type up again.
    coding_version: u32,
    layers: Vec<Layer>,
    measured_at: Option<Instant>,
}

/// Which layers anybody wants, and what the publisher was told of it.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The highest rank told; None: nothing is wanted. Before anything was told, all are sent.
    told: Option<Option<u8>>,
    lower_since: Option<Instant>,
}

impl Wanted {
    /// Of a guest's track nothing is sent here until it is asked for.
    pub(crate) fn nothing() -> Wanted {
        Wanted { told: Some(None), lower_since: None }
    }

    /// Takes the highest rank wanted now. Some when the publisher should be told: more at once, less
    /// after a while.
    pub(crate) fn update(&mut self, now_wanted: Option<u8>, now: Instant) -> Option<Option<u8>> {
        let before = self.told.unwrap_or(Some(2));
        if now_wanted == before {
            self.lower_since = None;
            return None;
        }
        if now_wanted < before {
            let since = *self.lower_since.get_or_insert(now);
            if now.saturating_duration_since(since) < UNWANTED {
                return None;
            }
        }
        self.lower_since = None;
        self.told = Some(now_wanted);
        Some(now_wanted)
    }

    /// The publisher came back and may have forgotten: what to tell again.
    pub(crate) fn told(&self) -> Option<Option<u8>> {
        self.told
    }
}

struct Layer {
    id: LayerId,
    rank: u8,
    last_packet: Instant,
    keyframe_requested: Option<Instant>,
    /// Bytes since the last measurement, and bits a second before it.
    bytes: u64,
    rate: Option<f64>,
}

impl PublishedTrack {
    /// A track that was announced and allowed; `sid` is freshly minted.
    pub(crate) fn new(
        publisher: PartyKey,
        sid: String,
        request: &lk::AddTrackRequest,
        kind: Kind,
        source: Source,
        codecs: &Codecs,
    ) -> PublishedTrack {
        let named = request.simulcast_codecs.first().and_then(|codec| Codec::from_name(&codec.codec));
        let codec = match kind {
            Kind::Audio => Codec::Opus,
            Kind::Video => named
                .filter(|codec| codec.kind() == Kind::Video && codecs.carries(*codec))
                .or(codecs.video.first().copied())
                .unwrap_or(Codec::Vp8),
        };
        let redundant = kind == Kind::Audio && codecs.redundant_audio && !request.disable_red;
        // Clients put tracks of one stream in lip sync; a screen's sound belongs to the screen.
        let stream = match source {
            _ if !request.stream.is_empty() => request.stream.clone(),
            Source::ScreenShare | Source::ScreenShareAudio => "screen_share".to_owned(),
            Source::Unknown | Source::Camera | Source::Microphone => "camera".to_owned(),
        };
        let layers = match request.simulcast_codecs.first() {
            Some(codec) if request.layers.is_empty() => codec.layers.clone(),
            _ => request.layers.clone(),
        };
        let info = lk::TrackInfo {
            sid: sid.clone(),
            r#type: request.r#type,
            name: request.name.clone(),
            muted: request.muted,
            width: request.width,
            height: request.height,
            simulcast: layers.len() > 1,
            disable_dtx: request.disable_dtx,
            source: source.on_the_wire(),
            layers: layers.clone(),
            mime_type: if redundant { "audio/red" } else { codec.mime() }.to_owned(),
            codecs: vec![lk::SimulcastCodecInfo {
                mime_type: codec.mime().to_owned(),
                cid: request.cid.clone(),
                layers,
                ..Default::default()
            }],
            stereo: request.stereo,
            disable_red: !redundant,
            encryption: request.encryption,
            stream,
            audio_features: request.audio_features.clone(),
            ..Default::default()
        };
        PublishedTrack::described(publisher, request.cid.clone(), kind, source, info)
    }

    /// A track as it is described.
    pub(crate) fn described(
        publisher: PartyKey,
        cid: String,
        kind: Kind,
        source: Source,
        info: lk::TrackInfo,
    ) -> PublishedTrack {
        PublishedTrack {
            publisher,
            sid: info.sid.as_str().into(),
            cid,
            called: String::new(),
            kind,
            source,
            leads: false,
            info,
            mid: None,
            live: false,
            subscribers: BTreeSet::new(),
            noticed: false,
            wanted: Wanted::default(),
            coding: None,
            coding_version: 0,
            layers: Vec::new(),
            measured_at: None,
        }
    }

    /// What its packets of this payload type are; `look_up` is asked when the payload type is new.
    pub(crate) fn coding(&mut self, pt: Pt, look_up: impl FnOnce() -> Option<Coding>) -> Option<Coding> {
        match self.coding {
            Some((known, coding)) if known == pt => Some(coding),
            _ => {
                let coding = look_up().filter(|coding| coding.codec.kind() == self.kind)?;
                self.set_coding(pt, coding);
                Some(coding)
            }
        }
    }

    fn set_coding(&mut self, pt: Pt, coding: Coding) {
        // Comfort noise and RFC 2198 alternate with plain Opus: the receivers' names for the codec stay.
        if self.coding.is_none_or(|(_, before)| before.params != coding.params) {
            self.coding_version += 1;
        }
        self.coding = Some((pt, coding));
    }

    /// How its packets are written, as of the last one, and how often that changed.
    pub(crate) fn current_coding(&self) -> Option<(Coding, u32)> {
        self.coding.map(|(_, coding)| (coding, self.coding_version))
    }

    /// Notes a packet. False when there are more layers than anybody sends honestly.
    pub(crate) fn arrived(&mut self, rid: Option<Rid>, shape: &Shape, bytes: usize, now: Instant) -> bool {
        let id = LayerId { rid, spatial: shape.spatial };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if let Some(layer) = self.layers.iter_mut().find(|layer| layer.id == id) {
            layer.last_packet = now;
            layer.bytes += bytes;
            return true;
        }
        if self.layers.len() >= MAX_LAYERS {
            return false;
        }
        let rank = self.rank(id);
        self.layers.push(Layer { id, rank, last_packet: now, keyframe_requested: None, bytes, rate: None });
        self.layers.sort_by_key(|layer| (layer.rank, layer.id.spatial));
        if id.spatial > 0 {
            // One layer may have been taken for the whole until now.
            for index in 0..self.layers.len() {
                self.layers[index].rank = self.rank(self.layers[index].id);
            }
            self.layers.sort_by_key(|layer| (layer.rank, layer.id.spatial));
        }
        true
    }

    /// LiveKit's clients call their layers q (quarter), h (half) and f (full); a track without layers is
    /// taken as full. Of spatial layers the topmost announced is full.
    fn rank(&self, id: LayerId) -> u8 {
        let seen = self.layers.iter().map(|layer| layer.id.spatial + 1).max().unwrap_or(1);
        match id.rid.as_deref() {
            Some("q") => 0,
            Some("h") => 1,
            None if seen > 1 || id.spatial > 0 => {
                let announced = u8::try_from(self.info.layers.len()).unwrap_or(3);
                let count = announced.max(seen).max(id.spatial + 1).min(3);
                (3 - count + id.spatial).min(2)
            }
            _ => 2,
        }
    }

    /// The rank of the layer a packet belongs to.
    pub(crate) fn rank_of(&self, rid: Option<Rid>, spatial: u8) -> u8 {
        let id = LayerId { rid, spatial };
        self.layers.iter().find(|layer| layer.id == id).map_or(0, |layer| layer.rank)
    }

    /// Measures the rates of all layers; call regularly.
    pub(crate) fn measure(&mut self, now: Instant) {
        let since = self.measured_at.replace(now);
        let Some(seconds) = since.map(|since| now.saturating_duration_since(since).as_secs_f64()) else {
            return;
        };
        if seconds <= 0.0 {
            return;
        }
        for layer in &mut self.layers {
            let bits = layer.bytes as f64 * 8.0 / seconds;
            layer.bytes = 0;
            let alive = now.saturating_duration_since(layer.last_packet) < LAYER_ALIVE;
            layer.rate = alive.then(|| layer.rate.map_or(bits, |rate| rate + (bits - rate) * SMOOTHING));
        }
    }

    fn alive(&self, now: Instant) -> impl DoubleEndedIterator<Item = &Layer> + Clone {
        self.layers.iter().filter(move |layer| now.saturating_duration_since(layer.last_packet) < LAYER_ALIVE)
    }

    /// The best layer that does not exceed a rank, or the lowest there is. None while nothing arrives.
    pub(crate) fn choose(&self, rank: u8, now: Instant) -> Option<LayerId> {
        let mut alive = self.alive(now);
        let lowest = alive.clone().next()?;
        Some(alive.rfind(|layer| layer.rank <= rank).unwrap_or(lowest).id)
    }

    /// The layers that arrive up to a rank, with their cost in bits a second, all below included. If all
    /// are above, the lowest.
    pub(crate) fn costs(&self, rank: u8, now: Instant) -> Vec<(u8, u64)> {
        let mut costs: Vec<(u8, u64)> = Vec::new();
        let mut below = 0;
        for layer in self.alive(now) {
            let usual = USUAL_COST[usize::from(layer.rank.min(2))];
            let announced = self.announced(layer.rank).map(|known| u64::from(known.bitrate));
            let estimate = announced.filter(|bits| *bits > 0).unwrap_or(usual);
            let own = layer.rate.map_or(estimate, |rate| rate as u64).max(1);
            below = if layer.id.spatial > 0 { below + own } else { own };
            if layer.rank <= rank || costs.is_empty() {
                // Ranks ascend and so must costs: a low layer that costs more than a high one is odd.
                let least = costs.last().map_or(0, |(_, cost)| *cost);
                costs.push((layer.rank, below.max(least)));
            }
        }
        costs
    }

    fn announced(&self, rank: u8) -> Option<&lk::VideoLayer> {
        self.info.layers.iter().find(|layer| layer.quality == i32::from(rank))
    }

    /// The highest rank that serves a receiver who wants this much detail.
    pub(crate) fn rank_for(&self, detail: Detail) -> u8 {
        match detail {
            Detail::Quality(quality) => quality,
            Detail::Size { width, height } => self.quality_for(width, height),
        }
    }

    /// The lowest announced quality that fills the given size.
    fn quality_for(&self, width: u32, height: u32) -> u8 {
        let mut layers: Vec<_> = self.info.layers.iter().filter(|layer| layer.width > 0).collect();
        layers.sort_by_key(|layer| layer.width);
        layers
            .iter()
            .find(|layer| layer.width >= width && layer.height >= height)
            .and_then(|layer| u8::try_from(layer.quality).ok())
            .unwrap_or(2)
            .min(2)
    }

    /// The streams whose key frame should be requested now: the one given, or all. Throttled.
    pub(crate) fn keyframes_due(&mut self, only: Option<Option<Rid>>, now: Instant) -> Vec<Option<Rid>> {
        let mut due = Vec::new();
        for layer in &mut self.layers {
            // Spatial layers share their stream's key frames.
            let shared = layer.id.spatial > 0 && due.contains(&layer.id.rid);
            let recently = layer
                .keyframe_requested
                .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_INTERVAL);
            if recently || shared || only.is_some_and(|rid| rid != layer.id.rid) {
                continue;
            }
            layer.keyframe_requested = Some(now);
            due.push(layer.id.rid);
        }
        due.dedup();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layered() -> lk::AddTrackRequest {
        let layer = |quality, width, height| lk::VideoLayer { quality, width, height, ..Default::default() };
        lk::AddTrackRequest {
            layers: vec![layer(0, 320, 180), layer(1, 640, 360), layer(2, 1280, 720)],
            ..Default::default()
        }
    }

    fn published(request: &lk::AddTrackRequest, kind: Kind) -> PublishedTrack {
        let codecs = Codecs::default();
        PublishedTrack::new(PartyKey(1), "TR_1".to_owned(), request, kind, Source::Camera, &codecs)
    }

    fn track(now: Instant, rids: &[&str]) -> PublishedTrack {
        let mut track = published(&layered(), Kind::Video);
        for rid in rids {
            assert!(track.arrived(Some((*rid).into()), &Shape::default(), 100, now));
        }
        track
    }

    fn chosen(track: &PublishedTrack, detail: Detail, now: Instant) -> Option<String> {
        let layer = track.choose(track.rank_for(detail), now)?;
        layer.rid.map(|rid| rid.to_string())
    }

    #[test]
    fn the_best_layer_that_is_not_too_good() {
        let now = Instant::now();
        let mut three = track(now, &["f", "q", "h"]);
        let quality = Detail::Quality;
        let size = |width, height| Detail::Size { width, height };
        assert_eq!(chosen(&three, quality(0), now).as_deref(), Some("q"));
        assert_eq!(chosen(&three, quality(1), now).as_deref(), Some("h"));
        assert_eq!(chosen(&three, quality(2), now).as_deref(), Some("f"));
        assert_eq!(chosen(&three, size(300, 160), now).as_deref(), Some("q"));
        assert_eq!(chosen(&three, size(321, 100), now).as_deref(), Some("h"));
        assert_eq!(chosen(&three, size(4000, 4000), now).as_deref(), Some("f"));

        // The sender's uplink got narrow: full and half fall silent.
        let later = now + Duration::from_secs(2);
        three.arrived(Some("q".into()), &Shape::default(), 100, later);
        assert_eq!(chosen(&three, quality(2), later).as_deref(), Some("q"));
        assert_eq!(chosen(&three, quality(2), later + LAYER_ALIVE), None);

        let plain = track(now, &[]);
        assert_eq!(chosen(&plain, quality(2), now), None);
        let only_half = track(now, &["h"]);
        assert_eq!(chosen(&only_half, quality(0), now).as_deref(), Some("h"), "better than nothing");
    }

    #[test]
    fn spatial_layers_are_ranked_from_the_top_and_cost_what_is_below_them_too() {
        let now = Instant::now();
        let mut track = published(&layered(), Kind::Video);
        let spatial = |spatial| Shape { spatial, ..Shape::default() };
        assert!(track.arrived(None, &spatial(0), 1_000, now));
        assert_eq!(track.choose(2, now), Some(LayerId { rid: None, spatial: 0 }));
        for layer in [1, 2] {
            assert!(track.arrived(None, &spatial(layer), 1_000, now));
        }
        for rank in 0..3 {
            assert_eq!(track.choose(rank, now), Some(LayerId { rid: None, spatial: rank }));
        }
        track.measure(now);
        let mut later = now;
        for _ in 0..20 {
            later += Duration::from_secs(1);
            for (layer, bytes) in [(0, 10_000), (1, 30_000), (2, 100_000)] {
                track.arrived(None, &spatial(layer), bytes, later);
            }
            track.measure(later);
        }
        let costs = track.costs(2, later);
        assert_eq!(costs.iter().map(|(rank, _)| *rank).collect::<Vec<_>>(), [0, 1, 2]);
        let near = |cost: u64, wanted: u64| cost.abs_diff(wanted) < wanted / 20;
        assert!(
            near(costs[0].1, 80_000) && near(costs[1].1, 320_000) && near(costs[2].1, 1_120_000),
            "{costs:?}"
        );
        assert_eq!(track.costs(0, later).len(), 1);
    }

    #[test]
    fn two_spatial_layers_are_middle_and_full() {
        let now = Instant::now();
        let mut request = layered();
        request.layers.remove(0);
        let mut track = published(&request, Kind::Video);
        for spatial in [0, 1] {
            track.arrived(None, &Shape { spatial, ..Shape::default() }, 1, now);
        }
        assert_eq!(track.choose(1, now).map(|layer| layer.spatial), Some(0));
        assert_eq!(track.choose(2, now).map(|layer| layer.spatial), Some(1));
    }

    #[test]
    fn thirty_viewers_ask_once() {
        let now = Instant::now();
        let mut track = track(now, &["q", "f"]);
        assert_eq!(track.keyframes_due(Some(Some("f".into())), now).len(), 1);
        assert!((0..29).all(|_| track.keyframes_due(Some(Some("f".into())), now).is_empty()));
        assert_eq!(track.keyframes_due(None, now).len(), 1, "the other layer was not asked yet");
        assert_eq!(track.keyframes_due(None, now + KEYFRAME_INTERVAL).len(), 2);
    }

    #[test]
    fn layers_are_bounded() {
        let now = Instant::now();
        let mut track = track(now, &["a", "b", "c", "d"]);
        assert!(!track.arrived(Some("e".into()), &Shape::default(), 1, now));
    }

    #[test]
    fn the_codec_is_the_announced_one_if_it_is_carried() {
        let codec = |name: &str| {
            let simulcast = lk::SimulcastCodec { codec: name.to_owned(), ..Default::default() };
            let request = lk::AddTrackRequest { simulcast_codecs: vec![simulcast], ..Default::default() };
            published(&request, Kind::Video).info.mime_type
        };
        assert_eq!(codec("vp9"), "video/VP9");
        assert_eq!(codec("h264"), "video/H264");
        assert_eq!(codec("av1"), "video/VP8", "not carried unless set so");
        assert_eq!(codec("opus"), "video/VP8");
        let voice = |disable_red| lk::AddTrackRequest { disable_red, ..Default::default() };
        assert_eq!(published(&voice(false), Kind::Audio).info.mime_type, "audio/red");
        assert_eq!(published(&voice(true), Kind::Audio).info.mime_type, "audio/opus");
    }

    #[test]
    fn more_is_told_at_once_and_less_after_a_while() {
        let mut now = Instant::now();
        let mut wanted = Wanted::default();
        assert_eq!(wanted.update(Some(2), now), None, "all layers are sent to begin with");
        assert_eq!(wanted.update(Some(0), now), None);
        now += UNWANTED / 2;
        assert_eq!(wanted.update(Some(2), now), None, "somebody looked away and back");
        now += UNWANTED;
        assert_eq!(wanted.update(Some(0), now), None);
        now += UNWANTED;
        assert_eq!(wanted.update(Some(0), now), Some(Some(0)));
        assert_eq!(wanted.update(Some(1), now), Some(Some(1)));
        assert_eq!(wanted.update(None, now), None);
        now += UNWANTED;
        assert_eq!(wanted.update(None, now), Some(None));
        assert_eq!(wanted.told(), Some(None));
    }
}
