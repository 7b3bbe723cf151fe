//! What a recorder gets of a room: the packets of published tracks, as one receiver would get them.
//!
//! The engine knows no file and no disk. Whoever owns it takes [`Output::Tapped`](crate::Output::Tapped) and
//! does with it what takes no time on the media thread. Invariant: tracks that the [`Tap`] does not name never
//! leave the engine.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::Codec;
use crate::grants::Source;
use crate::ids::{Identity, RoomName, TrackSid};

/// What of a room is handed out: everything that whoever leads the lesson publishes, and if so wished the
/// voices of the others. Their cameras and screens never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// The microphones of those who do not lead, too.
    pub voices: bool,
}

impl Tap {
    /// Whether a track of this source is handed out; `leads` says whether its publisher leads the lesson.
    pub fn takes(self, source: Source, leads: bool) -> bool {
        leads || (self.voices && source == Source::Microphone)
    }
}

/// Whose track it is, and what it shows.
#[derive(Debug, PartialEq, Eq)]
pub struct TappedTrack {
    /// The room.
    pub room: RoomName,
    /// The track.
    pub sid: TrackSid,
    /// Its publisher.
    pub identity: Identity,
    /// What it shows.
    pub source: Source,
}

/// A packet of a track that is recorded. Numbers and times go on without a break when the layer changes, as for
/// a receiver; packets may come out of order.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// Its track; the same allocation for as long as the tap and the track last.
    pub track: Arc<TappedTrack>,
    /// How the payload is written; redundancy of RFC 2198 has been taken off.
    pub codec: Codec,
    /// Its number, extended: it never wraps.
    pub sequence: u64,
    /// RTP time in ticks of [`Codec::clock_rate`]; wraps.
    pub timestamp: u32,
    /// The packet is the last of its picture.
    pub marker: bool,
    /// The payload, with the codec's descriptor in front.
    pub payload: Bytes,
}
