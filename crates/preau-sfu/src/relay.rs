//! A room on several shards: what they tell each other.
//!
//! A lecture that is too large for one thread is spread: each participant is on one shard, and every shard
//! hands what its own participants publish to the others, once for each shard and not for each listener.
//! To the people on another shard its participants are guests: seen and heard like everybody else. The
//! owner carries the messages ([`Output::Relay`](crate::Output::Relay)), in order; they stay within one
//! machine and are not trusted less than the shard itself. What a shard got from another it never passes
//! on, so every pair of shards of a room must be linked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use livekit_protocol as lk;
use str0m::media::Rid;

use crate::codec::Coding;
use crate::grants::Source;
use crate::ids::{PartyKey, RoomName, TrackKey};
use crate::lane::Marks;
use crate::participant::Audience;
use crate::sdp::Kind;
use crate::transport::Channel;

/// A shard of this machine, as its owner numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u32);

/// Something one shard tells another about a room both of them have.
#[derive(Debug, Clone)]
pub struct RelayMessage {
    pub(crate) room: RoomName,
    pub(crate) kind: RelayKind,
}

impl RelayMessage {
    /// The room it is about.
    pub fn room(&self) -> &RoomName {
        &self.room
    }
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly all of them are media packets")]
pub(crate) enum RelayKind {
    /// Who the sender is linked with from now on should tell everything it has.
    Hello,
    /// The link ends: the sender's guests leave.
    Goodbye,
    /// Somebody of the sender's participants, new or changed.
    Guest { info: Box<lk::ParticipantInfo>, leads: bool, audience: Audience },
    /// Somebody left. `info` says so as other clients should be told.
    Gone { info: Box<lk::ParticipantInfo> },
    /// A track of a guest, new or changed.
    Track { publisher: String, info: Box<lk::TrackInfo>, kind: Kind, source: Source },
    /// A track ended.
    TrackGone { sid: String },
    /// Up to which layer the sender's participants want a track; None: nobody does.
    Wanted { sid: String, rank: Option<u8> },
    /// Somebody cannot go on without a key frame.
    Keyframe { sid: String, rid: Option<Option<Rid>> },
    /// A media packet.
    Media { sid: String, packet: RelayPacket },
    /// A data packet that is already signed, for the sender's counterpart to deliver.
    Data { channel: Channel, packet: Box<lk::DataPacket>, sids: Vec<String> },
    /// Who speaks.
    Voices(Vec<lk::SpeakerInfo>),
    /// How good links are.
    Qualities(Vec<lk::ConnectionQualityInfo>),
}

/// A media packet on its way to another shard. The payload is shared, not copied.
#[derive(Debug, Clone)]
pub(crate) struct RelayPacket {
    pub(crate) rid: Option<Rid>,
    pub(crate) coding: Coding,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) marks: Marks,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) arrived: Instant,
}

/// Somebody who is on another shard.
pub(crate) struct Guest {
    pub(crate) shard: ShardId,
    pub(crate) info: lk::ParticipantInfo,
    pub(crate) leads: bool,
    pub(crate) audience: Audience,
    pub(crate) tracks: Vec<TrackKey>,
}

/// The other shards of a room, and who is there.
#[derive(Default)]
pub(crate) struct Annex {
    /// For each shard, up to which layer it wants which of our tracks.
    pub(crate) shards: BTreeMap<ShardId, BTreeMap<TrackKey, u8>>,
    pub(crate) guests: BTreeMap<PartyKey, Guest>,
}

impl Annex {
    /// The guest of this sid on this shard.
    pub(crate) fn find(&self, shard: ShardId, sid: &str) -> Option<PartyKey> {
        let mut guests = self.guests.iter();
        guests.find(|(_, guest)| guest.shard == shard && guest.info.sid == sid).map(|(key, _)| *key)
    }
}
