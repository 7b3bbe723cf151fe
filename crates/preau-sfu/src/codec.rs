//! The codecs that are carried, and what forwarding must read in their packets: where a key frame
//! begins, which layer a packet belongs to, where a layer's picture ends.
//!
//! Nothing is decoded. Every reader takes any bytes and answers without panicking; packets it cannot
//! read are not forwarded.

use str0m::format::PayloadParams;
use str0m::media::Pt;

use crate::sdp::Kind;

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Opus (RFC 7587), with RFC 2198 redundancy where both sides speak it.
    Opus,
    /// VP8 (RFC 7741): simulcast, temporal layers.
    Vp8,
    /// H.264 (RFC 6184): simulcast.
    H264,
    /// VP9 (RFC 9628): spatial and temporal layers in one stream, or simulcast.
    Vp9,
    /// AV1: one stream as it is. Its layers are described in a header extension that is not carried.
    Av1,
}

impl Codec {
    /// Every codec there is.
    pub const ALL: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

    /// The name in session descriptions and protocol messages.
    pub fn mime(self) -> &'static str {
        match self {
            Codec::Opus => "audio/opus",
            Codec::Vp8 => "video/VP8",
            Codec::H264 => "video/H264",
            Codec::Vp9 => "video/VP9",
            Codec::Av1 => "video/AV1",
        }
    }

    /// The short name clients use for themselves, such as `vp8`.
    pub fn short(self) -> &'static str {
        match self {
            Codec::Opus => "opus",
            Codec::Vp8 => "vp8",
            Codec::H264 => "h264",
            Codec::Vp9 => "vp9",
            Codec::Av1 => "av1",
        }
    }

    /// The codec of a short or long name, in any case.
    pub fn from_name(name: &str) -> Option<Codec> {
        let short = name.rsplit('/').next().unwrap_or(name);
        Codec::ALL.into_iter().find(|codec| codec.short().eq_ignore_ascii_case(short))
    }

    /// Audio or video.
    pub fn kind(self) -> Kind {
        match self {
            Codec::Opus => Kind::Audio,
            Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => Kind::Video,
        }
    }

    /// Ticks a second of its timestamps.
    pub fn clock_rate(self) -> u32 {
        match self.kind() {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }

    fn from_str0m(codec: str0m::format::Codec) -> Option<Codec> {
        match codec {
            str0m::format::Codec::Opus => Some(Codec::Opus),
            str0m::format::Codec::Vp8 => Some(Codec::Vp8),
            str0m::format::Codec::H264 => Some(Codec::H264),
            str0m::format::Codec::Vp9 => Some(Codec::Vp9),
            str0m::format::Codec::Av1 => Some(Codec::Av1),
            _ => None,
        }
    }
}

/// How the packets of a stream are written: codec, its parameters, and whether RFC 2198 wraps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) codec: Codec,
    pub(crate) redundant: bool,
    pub(crate) params: PayloadParams,
}

impl Coding {
    /// What a payload type means on a connection with these parameters.
    pub(crate) fn of(pt: Pt, params: &[PayloadParams]) -> Option<Coding> {
        let found = params.iter().find(|params| params.pt() == pt || params.red() == Some(pt))?;
        Some(Coding {
            codec: Codec::from_str0m(found.spec().codec)?,
            redundant: found.red() == Some(pt),
            params: *found,
        })
    }
}

/// What forwarding needs to know of a video packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// The packet begins a key frame: somebody who has seen nothing can begin with it.
    pub keyframe: bool,
    /// The packet begins a picture.
    pub begins: bool,
    /// The packet ends its layer's part of a picture. Only VP9 tells; else the marker bit does.
    pub ends_layer: bool,
    /// Picture id and whether it has 15 bits (else 7). Read, and rewritten, for VP8 only.
    pub picture: Option<(u16, bool)>,
    /// VP8's TL0PICIDX.
    pub base_layer: Option<u8>,
    /// Spatial layer; 0 where there are none.
    pub spatial: u8,
    /// Temporal layer; 0 where there are none.
    pub temporal: u8,
    /// From this picture on, this temporal layer can be joined.
    pub joins_temporal: bool,
}

/// Reads what a video packet says of itself. None when it is truncated, or the codec is no video codec.
pub fn inspect(codec: Codec, payload: &[u8]) -> Option<Shape> {
    match codec {
        Codec::Opus => None,
        Codec::Vp8 => vp8(payload),
        Codec::H264 => h264(payload),
        Codec::Vp9 => vp9(payload),
        Codec::Av1 => av1(payload),
    }
}

/// RFC 7741 section 4.2.
fn vp8(payload: &[u8]) -> Option<Shape> {
    let first = *payload.first()?;
    let mut at = 1;
    let mut shape = Shape { joins_temporal: true, ..Shape::default() };
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            let byte = *payload.get(at)?;
            if byte & 0x80 != 0 {
                let low = *payload.get(at + 1)?;
                shape.picture = Some((u16::from(byte & 0x7f) << 8 | u16::from(low), true));
                at += 2;
            } else {
                shape.picture = Some((u16::from(byte), false));
                at += 1;
            }
        }
        if extension & 0x40 != 0 {
            shape.base_layer = Some(*payload.get(at)?);
            at += 1;
        }
        if extension & 0x30 != 0 {
            let byte = *payload.get(at)?;
            if extension & 0x20 != 0 {
                shape.temporal = byte >> 6;
                // Layer sync: depends on the base layer only.
                shape.joins_temporal = shape.temporal == 0 || byte & 0x20 != 0;
            }
            at += 1;
        }
    }
    // Start of partition 0, and the frame header's inverse key frame bit.
    shape.begins = first & 0x10 != 0 && first & 0x07 == 0;
    let inverse_key = *payload.get(at)? & 1;
    shape.keyframe = shape.begins && inverse_key == 0;
    Some(shape)
}

/// Gives a VP8 packet another picture id, and another TL0PICIDX if it has one (RFC 7741 section 4.2). A packet without
/// them, or one that ends before them, stays as it is.
pub(crate) fn rename_vp8(payload: &mut [u8], picture: u16, base_layer: Option<u8>) {
    let [first, extension, rest @ ..] = payload else { return };
    if *first & 0x80 == 0 || *extension & 0x80 == 0 {
        return;
    }
    let layer = match rest {
        [high, low, after @ ..] if *high & 0x80 != 0 => {
            let [upper, lower] = picture.to_be_bytes();
            (*high, *low) = (0x80 | upper, lower);
            after.first_mut()
        }
        [short, after @ ..] if *short & 0x80 == 0 => {
            *short = (picture & 0x7f) as u8;
            after.first_mut()
        }
        _ => return,
    };
    if let (Some(layer), Some(base_layer), true) = (layer, base_layer, *extension & 0x40 != 0) {
        *layer = base_layer;
    }
}

/// RFC 6184. A receiver can begin where a sequence parameter set stands; encoders for WebRTC send one
/// before every key frame.
fn h264(payload: &[u8]) -> Option<Shape> {
    const SEQUENCE_PARAMETERS: u8 = 7;
    let unit = |byte: u8| byte & 0x1f;
    let first = *payload.first()?;
    let (begins, keyframe) = match unit(first) {
        // STAP-A: several units, each after its length.
        24 => {
            let mut at = 1;
            let mut found = false;
            while let (Some(high), Some(low)) = (payload.get(at), payload.get(at + 1)) {
                let length = usize::from(*high) << 8 | usize::from(*low);
                let header = payload.get(at + 2).filter(|_| length > 0 && at + 2 + length <= payload.len());
                let Some(header) = header else { break };
                found |= unit(*header) == SEQUENCE_PARAMETERS;
                at += 2 + length;
            }
            (true, found)
        }
        // FU-A: a piece; the first one says of what.
        28 => {
            let header = *payload.get(1)?;
            let starts = header & 0x80 != 0;
            (starts, starts && unit(header) == SEQUENCE_PARAMETERS)
        }
        unit => (true, unit == SEQUENCE_PARAMETERS),
    };
    Some(Shape { keyframe, begins, joins_temporal: true, ..Shape::default() })
}

/// RFC 9628 section 4.2.
fn vp9(payload: &[u8]) -> Option<Shape> {
    let first = *payload.first()?;
    let has = |bit: u8| first & bit != 0;
    let (predicted, layers, flexible, begins, ends) = (has(0x40), has(0x20), has(0x10), has(0x08), has(0x04));
    let mut at = 1;
    let mut shape = Shape { ends_layer: ends, joins_temporal: true, ..Shape::default() };
    if has(0x80) {
        // The picture id is not rewritten: gaps in it mean nothing to receivers.
        at += if *payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if layers {
        let byte = *payload.get(at)?;
        shape.temporal = byte >> 5;
        shape.joins_temporal = shape.temporal == 0 || byte & 0x10 != 0;
        shape.spatial = (byte >> 1) & 0x07;
        at += if flexible { 1 } else { 2 };
    }
    // Something of the picture itself must follow.
    payload.get(at)?;
    shape.begins = begins && shape.spatial == 0;
    shape.keyframe = shape.begins && !predicted;
    Some(shape)
}

/// AV1's RTP payload format, section 4.4: the aggregation header.
fn av1(payload: &[u8]) -> Option<Shape> {
    let header = *payload.first()?;
    let continues = header & 0x80 != 0;
    let new_sequence = header & 0x08 != 0;
    Some(Shape {
        keyframe: new_sequence && !continues,
        begins: !continues,
        joins_temporal: true,
        ..Shape::default()
    })
}

/// The newest block of an RFC 2198 packet, as a receiver gets it who does not speak RFC 2198. None when
/// the packet is truncated.
pub fn primary_block(payload: &[u8]) -> Option<&[u8]> {
    let (mut at, mut redundant) = (0, 0);
    loop {
        let header = *payload.get(at)?;
        if header & 0x80 == 0 {
            break;
        }
        let (high, low) = (*payload.get(at + 2)?, *payload.get(at + 3)?);
        redundant += usize::from(high & 0x03) << 8 | usize::from(low);
        at += 4;
    }
    payload.get(at + 1 + redundant..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn vp8_descriptors() {
        assert_eq!(vp8(&[]), None);
        assert_eq!(vp8(&[0x90, 0x80]), None);
        let key = vp8(&[0x10, 0x00]).unwrap();
        assert!(key.keyframe && key.begins && key.picture.is_none());
        let wide = vp8(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x40, 0x01]).unwrap();
        assert_eq!((wide.picture, wide.base_layer, wide.keyframe), (Some((0x102, true)), Some(7), false));
        assert_eq!((wide.temporal, wide.joins_temporal), (1, false));
        let synced = vp8(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0xa0, 0x01]).unwrap();
        assert_eq!((synced.temporal, synced.joins_temporal), (2, true));
        let short = vp8(&[0x80, 0x80, 0x42, 0x00]).unwrap();
        assert_eq!((short.picture, short.keyframe), (Some((0x42, false)), false), "not a frame's beginning");
    }

    #[test]
    fn h264_begins_with_its_parameters() {
        assert_eq!(h264(&[]), None);
        assert!(h264(&[0x67, 1, 2]).unwrap().keyframe, "a sequence parameter set alone");
        assert!(!h264(&[0x65, 1, 2]).unwrap().keyframe, "a picture without parameters");
        let aggregate = [0x78, 0, 2, 0x67, 9, 0, 1, 0x68, 0, 1, 0x65];
        assert!(h264(&aggregate).unwrap().keyframe);
        assert!(!h264(&[0x78, 0, 9, 0x67]).unwrap().keyframe, "a length beyond the end");
        assert!(!h264(&[0x78, 0, 0, 0x67]).unwrap().keyframe, "an empty unit");
        assert!(h264(&[0x7c, 0x87]).unwrap().keyframe);
        assert!(!h264(&[0x7c, 0x07]).unwrap().begins, "the middle of a fragmented unit");
    }

    #[test]
    fn vp9_layers() {
        assert_eq!(vp9(&[0xa8, 0x80]), None);
        // Picture id of 15 bits, layers, not flexible, begins; spatial 0, temporal 0: a key frame.
        let key = vp9(&[0xa8, 0x80, 0x05, 0x00, 0x01, 0xff]).unwrap();
        assert!(key.keyframe && key.begins && key.spatial == 0);
        // Spatial 1 of the same picture: no beginning of a picture.
        let upper = vp9(&[0xac, 0x80, 0x05, 0x03, 0x01, 0xff]).unwrap();
        assert!(!upper.keyframe && !upper.begins && upper.ends_layer);
        assert_eq!(upper.spatial, 1);
        // Predicted, flexible, temporal 2 with the switching point bit.
        let temporal = vp9(&[0xf8, 0x05, 0x50, 0x02, 0xff]).unwrap();
        assert_eq!((temporal.keyframe, temporal.temporal, temporal.joins_temporal), (false, 2, true));
    }

    #[test]
    fn av1_begins_with_a_new_sequence() {
        assert!(av1(&[0x18, 0x0a]).unwrap().keyframe);
        assert!(!av1(&[0x10, 0x0a]).unwrap().keyframe);
        assert!(!av1(&[0x98]).unwrap().begins);
    }

    #[test]
    fn redundancy_is_taken_off() {
        // One redundant block of 2 bytes, then the primary.
        let packet = [0x80 | 111, 0x0f, 0x00, 0x02, 111, 1, 2, 7, 8, 9];
        assert_eq!(primary_block(&packet), Some(&[7, 8, 9][..]));
        assert_eq!(primary_block(&[111, 4, 5]), Some(&[4, 5][..]));
        assert_eq!(primary_block(&[0x80 | 111, 0, 3, 255, 111, 1]), None);
        assert_eq!(primary_block(&[]), None);
    }

    #[test]
    fn names() {
        assert_eq!(Codec::from_name("video/vp8"), Some(Codec::Vp8));
        assert_eq!(Codec::from_name("H264"), Some(Codec::H264));
        assert_eq!(Codec::from_name(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            for codec in Codec::ALL {
                let _ = inspect(codec, &bytes);
            }
            let _ = primary_block(&bytes);
        }
    }
}
