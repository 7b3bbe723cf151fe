//! A track that somebody publishes: what was announced, which layers arrive, who receives it.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use str0m::media::{Mid, Rid};

use crate::grants::Source;
use crate::ids::{PartyKey, TrackSid};
use crate::sdp::Kind;

/// A layer that was silent for this long counts as switched off by its sender.
const LAYER_ALIVE: Duration = Duration::from_millis(1500);

/// At most one key frame request a layer in this time: thirty viewers ask at once, the encoder
/// should answer once.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(400);

/// Simulcast layers of one track that are looked at; browsers send up to three.
const MAX_LAYERS: usize = 4;

/// How sharp a receiver wants a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// One of the protocol's qualities: 0 low, 1 medium, 2 high.
    Quality(u8),
    /// The size in pixels at which it is shown.
    Size { width: u32, height: u32 },
}

/// A published track.
pub(crate) struct PublishedTrack {
    pub(crate) publisher: PartyKey,
    pub(crate) sid: TrackSid,
    /// The client's own id, which stands in its offer.
    pub(crate) cid: String,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    pub(crate) info: lk::TrackInfo,
    /// The section of the offer that carries it; before that, it is only announced.
    pub(crate) mid: Option<Mid>,
    /// Whether the room was told.
    pub(crate) live: bool,
    pub(crate) subscribers: BTreeSet<PartyKey>,
    layers: Vec<Layer>,
}

struct Layer {
    rid: Option<Rid>,
    rank: u8,
    last_packet: Instant,
    keyframe_requested: Option<Instant>,
}

impl PublishedTrack {
    /// A track that was announced and allowed; `sid` is freshly minted.
    pub(crate) fn new(
        publisher: PartyKey,
        sid: String,
        request: &lk::AddTrackRequest,
        kind: Kind,
        source: Source,
    ) -> PublishedTrack {
        let mime = match kind {
            Kind::Audio => "audio/opus",
            Kind::Video => "video/VP8",
        };
        // Clients put tracks of one stream in lip sync; a screen's sound belongs to the screen.
        let stream = match source {
            _ if !request.stream.is_empty() => request.stream.clone(),
            Source::ScreenShare | Source::ScreenShareAudio => "screen_share".to_owned(),
            Source::Unknown | Source::Camera | Source::Microphone => "camera".to_owned(),
        };
        let info = lk::TrackInfo {
            sid: sid.clone(),
            r#type: request.r#type,
            name: request.name.clone(),
            muted: request.muted,
            width: request.width,
            height: request.height,
            simulcast: request.layers.len() > 1,
            disable_dtx: request.disable_dtx,
            source: source.on_the_wire(),
            layers: request.layers.clone(),
            mime_type: mime.to_owned(),
            codecs: vec![lk::SimulcastCodecInfo {
                mime_type: mime.to_owned(),
                cid: request.cid.clone(),
                layers: request.layers.clone(),
                ..Default::default()
            }],
            stereo: request.stereo,
            disable_red: true,
            encryption: request.encryption,
            stream,
            audio_features: request.audio_features.clone(),
            ..Default::default()
        };
        PublishedTrack {
            publisher,
            sid: sid.into(),
            cid: request.cid.clone(),
            kind,
            source,
            info,
            mid: None,
            live: false,
            subscribers: BTreeSet::new(),
            layers: Vec::new(),
        }
    }

    /// Notes a packet of a layer. False when there are more layers than anybody sends honestly.
    pub(crate) fn arrived(&mut self, rid: Option<Rid>, now: Instant) -> bool {
        if let Some(layer) = self.layers.iter_mut().find(|layer| layer.rid == rid) {
            layer.last_packet = now;
            return true;
        }
        if self.layers.len() >= MAX_LAYERS {
            return false;
        }
        self.layers.push(Layer { rid, rank: rank(rid), last_packet: now, keyframe_requested: None });
        self.layers.sort_by_key(|layer| layer.rank);
        true
    }

    /// The layer for a receiver who wants this much detail: the best that does not exceed it, or the
    /// lowest there is. None while nothing arrives.
    pub(crate) fn choose(&self, detail: Detail, now: Instant) -> Option<Option<Rid>> {
        let limit = match detail {
            Detail::Quality(quality) => quality,
            Detail::Size { width, height } => self.quality_for(width, height),
        };
        let mut alive =
            self.layers.iter().filter(|layer| now.saturating_duration_since(layer.last_packet) < LAYER_ALIVE);
        let lowest = alive.clone().next()?;
        Some(alive.rfind(|layer| layer.rank <= limit).unwrap_or(lowest).rid)
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

    /// The layers whose key frame should be requested now: the one given, or all. Throttled.
    pub(crate) fn keyframes_due(&mut self, only: Option<Option<Rid>>, now: Instant) -> Vec<Option<Rid>> {
        let mut due = Vec::new();
        for layer in &mut self.layers {
            let recently = layer
                .keyframe_requested
                .is_some_and(|at| now.saturating_duration_since(at) < KEYFRAME_INTERVAL);
            if recently || only.is_some_and(|rid| rid != layer.rid) {
                continue;
            }
            layer.keyframe_requested = Some(now);
            due.push(layer.rid);
        }
        due
    }
}

/// LiveKit's clients call their layers q (quarter), h (half) and f (full); a track without layers is
/// taken as full.
fn rank(rid: Option<Rid>) -> u8 {
    match rid.as_deref() {
        Some("q") => 0,
        Some("h") => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(now: Instant, rids: &[&str]) -> PublishedTrack {
        let layer = |quality, width, height| lk::VideoLayer { quality, width, height, ..Default::default() };
        let request = lk::AddTrackRequest {
            layers: vec![layer(0, 320, 180), layer(1, 640, 360), layer(2, 1280, 720)],
            ..Default::default()
        };
        let mut track =
            PublishedTrack::new(PartyKey(1), "TR_1".to_owned(), &request, Kind::Video, Source::Camera);
        for rid in rids {
            assert!(track.arrived(Some((*rid).into()), now));
        }
        track
    }

    fn chosen(track: &PublishedTrack, detail: Detail, now: Instant) -> Option<String> {
        track.choose(detail, now).map(|rid| rid.map_or(String::new(), |rid| rid.to_string()))
    }

    #[test]
    fn layers_follow_the_wish_and_what_arrives() {
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
        three.arrived(Some("q".into()), later);
        assert_eq!(chosen(&three, quality(2), later).as_deref(), Some("q"));
        assert_eq!(chosen(&three, quality(2), later + LAYER_ALIVE), None);

        let plain = track(now, &[]);
        assert_eq!(chosen(&plain, quality(2), now), None);
        let only_half = track(now, &["h"]);
        assert_eq!(chosen(&only_half, quality(0), now).as_deref(), Some("h"), "better than nothing");
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
        assert!(!track.arrived(Some("e".into()), now));
    }
}
