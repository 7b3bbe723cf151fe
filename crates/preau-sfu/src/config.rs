//! What the owner of an engine decides: addresses, anchors, and the bounds of everything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::ladder::Budget;

/// How one engine (one shard) is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Addresses under which clients reach the shard's UDP socket, at most one per address family.
    /// They are announced as ICE host candidates, so they must be reachable ones: not `0.0.0.0`.
    pub media_addresses: Vec<SocketAddr>,
    /// The moment the engine starts, and …
    pub start: Instant,
    /// … the calendar time of that moment, in milliseconds since 1970-01-01 UTC.
    pub start_unix_ms: u64,
    /// Secret from the operating system's random source; identifiers derive from it.
    pub seed: [u8; 32],
    /// Bounds.
    pub limits: Limits,
}

/// The bounds of everything a client can make grow. The defaults suit a class.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Rooms on one shard.
    pub rooms: usize,
    /// Participants in one room: the largest lecture hall; beyond it, broadcasting is another trade.
    pub participants: usize,
    /// Tracks one participant publishes: camera, microphone, screen with sound, and spares.
    pub tracks: usize,
    /// Bytes of one signalling frame. An offer grows by about 3 kB for each track it receives.
    pub frame_bytes: usize,
    /// Bytes of one data packet (chat, hands, board), protocol wrapping included.
    pub data_bytes: usize,
    /// Bytes of a participant's or room's metadata.
    pub metadata_bytes: usize,
    /// Attributes a participant carries, and …
    pub attributes: usize,
    /// … bytes of all their names and values together.
    pub attribute_bytes: usize,
    /// Bytes of a name given by a client (track name, own name).
    pub name_bytes: usize,
    /// Media sections in one offer.
    pub sections: usize,
    /// How long a participant whose signalling connection broke keeps their place.
    pub resume_window: Duration,
    /// Silence on the signalling connection after which it counts as broken. Clients ping every 5 s.
    pub silence: Duration,
    /// How long a room that was created but never joined lives.
    pub empty_timeout: Duration,
    /// How long a room lives after the last participant left.
    pub departure_timeout: Duration,
    /// What one room, and the shard with all its rooms, may send and cost.
    pub budget: Budget,
    /// The codecs that are carried.
    pub codecs: Codecs,
    /// How each receiver's link is judged, so that the layers sent fit it.
    pub links: Links,
    /// TCP connections of ICE at one time.
    pub streams: usize,
    /// How long a TCP connection may stay without belonging to anybody.
    pub stream_patience: Duration,
    /// Entries of a publisher's list of who may receive what.
    pub permissions: usize,
    /// Other shards a room may be spread over.
    pub relays: usize,
}

/// How a receiver's link is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Links {
    /// Not at all: only wishes and budgets decide.
    Trusted,
    /// By what receivers report of losses and round trips, once a second: more is tried, and taken back
    /// when it does not get through. Costs nothing while nothing is wrong.
    #[default]
    Reported,
    /// Besides, by str0m's congestion control, which sees delays grow and probes before it raises. It pads
    /// every stream below 50 kbit/s with about 200 small packets a second and receiver: for slides and
    /// voices more than the media themselves.
    Probed,
}

/// Which codecs are carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codecs {
    /// Opus with RFC 2198 redundancy: twice the bits of speech, which then survives a lost packet.
    pub redundant_audio: bool,
    /// Video codecs publishers may use, the preferred first.
    pub video: Vec<Codec>,
}

impl Codecs {
    /// Whether tracks of this codec are carried.
    pub fn carries(&self, codec: Codec) -> bool {
        codec == Codec::Opus || self.video.contains(&codec)
    }
}

impl Default for Codecs {
    fn default() -> Codecs {
        Codecs { redundant_audio: true, video: vec![Codec::Vp8, Codec::H264, Codec::Vp9] }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            rooms: 1_000,
            participants: 300,
            tracks: 8,
            frame_bytes: 512 * 1024,
            data_bytes: 64 * 1024,
            metadata_bytes: 4 * 1024,
            attributes: 32,
            attribute_bytes: 8 * 1024,
            name_bytes: 256,
            sections: 256,
            resume_window: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            budget: Budget::default(),
            codecs: Codecs::default(),
            links: Links::default(),
            streams: 2_000,
            stream_patience: Duration::from_secs(10),
            permissions: 300,
            relays: 16,
        }
    }
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No media address was given.
    #[error("no media address: give the address under which clients reach the UDP port")]
    NoMediaAddress,
    /// A media address cannot be announced to clients.
    #[error("media address {0} cannot be announced: give a specific address, not a wildcard")]
    Unreachable(SocketAddr),
    /// Two media addresses of the same family.
    #[error("two media addresses of the same family ({0} and {1}): give at most one per family")]
    Ambiguous(SocketAddr, SocketAddr),
    /// The DTLS certificate could not be generated.
    #[error("the cryptography library could not generate a DTLS certificate")]
    Certificate,
}
