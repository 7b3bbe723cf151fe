//! What the engine hands back: packets and frames to send, and facts about rooms.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::grants::{Grants, Source};
use crate::ids::{ConnectionId, Identity, ParticipantSid, RoomName, TrackSid};
use crate::ladder::{Cause, Step};
use crate::relay::{RelayMessage, ShardId};
use crate::tap::Tapped;

/// One thing for the owner of the engine to do, in order.
#[derive(Debug)]
pub enum Output {
    /// Send this datagram from the shard's UDP socket.
    Datagram {
        /// Which of the media addresses it leaves from.
        source: SocketAddr,
        /// Where it goes.
        destination: SocketAddr,
        /// The datagram.
        contents: Vec<u8>,
    },
    /// Write these bytes to a TCP connection. They are framed already. What cannot be written within a
    /// second or so is worth nothing any more: then close the connection and tell the engine.
    StreamBytes {
        /// The connection.
        stream: StreamId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a TCP connection; the engine has already forgotten it.
    StreamClose {
        /// The connection.
        stream: StreamId,
    },
    /// Hand this to another shard of the same machine.
    Relay {
        /// Which shard.
        to: ShardId,
        /// What.
        message: Box<RelayMessage>,
    },
    /// Send this binary frame on a signalling connection.
    Frame {
        /// The connection.
        connection: ConnectionId,
        /// An encoded `SignalResponse`.
        bytes: Bytes,
    },
    /// Close a signalling connection; the engine has already forgotten it.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Something happened in a room that the application may want to know.
    Event(Event),
    /// A packet for the recorder of a room. Never wait for the recorder: what it cannot take is left out.
    Tapped(Box<Tapped>),
}

/// One TCP connection that carries ICE. Never reused within an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(crate) u64);

/// A fact about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The room.
    pub room: RoomName,
    /// Its place in the row: 1 for the room's beginning, without gaps. A
    /// [`Snapshot`](crate::Snapshot) says which event was the last it contains.
    pub number: u64,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub unix_ms: i64,
    /// What.
    pub kind: EventKind,
}

/// What happened in a room. Media and data never appear here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The room came into being.
    RoomStarted,
    /// The last participant left; the room lives on for a while.
    RoomEmpty,
    /// The room is gone.
    RoomFinished,
    /// The room's metadata changed.
    RoomChanged {
        /// The metadata.
        metadata: String,
    },
    /// Pictures were given up for want of bandwidth or time, or came back.
    StepChanged {
        /// Where the room stands now.
        step: Step,
        /// Why.
        cause: Cause,
    },
    /// Somebody's signalling connection was admitted.
    ParticipantJoined {
        /// Who.
        identity: Identity,
        /// This stay.
        sid: ParticipantSid,
        /// How they are described.
        profile: Box<Profile>,
    },
    /// Name, metadata, attributes or grants changed.
    ParticipantChanged {
        /// Who.
        identity: Identity,
        /// How they are described now.
        profile: Box<Profile>,
    },
    /// Somebody's signalling connection broke; it may come back.
    ParticipantLost {
        /// Who.
        identity: Identity,
    },
    /// Somebody's media connection stands: they can see and hear.
    ParticipantConnected {
        /// Who.
        identity: Identity,
        /// This stay.
        sid: ParticipantSid,
    },
    /// Somebody's signalling connection broke and came back within the window.
    ParticipantResumed {
        /// Who.
        identity: Identity,
        /// This stay.
        sid: ParticipantSid,
    },
    /// Somebody is gone.
    ParticipantLeft {
        /// Who.
        identity: Identity,
        /// This stay.
        sid: ParticipantSid,
        /// Why.
        reason: Departure,
    },
    /// Somebody's track is being received.
    TrackPublished {
        /// Who.
        identity: Identity,
        /// Which track.
        track: TrackSid,
        /// What it shows.
        source: Source,
        /// Its name.
        name: String,
        /// Whether it is muted.
        muted: bool,
    },
    /// A track was muted or unmuted, by its publisher or by a moderator.
    TrackMuted {
        /// Who.
        identity: Identity,
        /// Which track.
        track: TrackSid,
        /// Whether it is muted now.
        muted: bool,
    },
    /// A track is gone.
    TrackUnpublished {
        /// Who.
        identity: Identity,
        /// Which track.
        track: TrackSid,
    },
}

/// How a participant is described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name others see.
    pub name: String,
    /// Application data.
    pub metadata: String,
    /// Application key-values.
    pub attributes: BTreeMap<String, String>,
    /// What they may do.
    pub grants: Grants,
}

/// Why a participant left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// They left by themselves.
    Left,
    /// The same identity joined from elsewhere.
    Duplicate,
    /// A moderator removed them.
    Removed,
    /// The room was deleted.
    RoomDeleted,
    /// The signalling connection stayed broken for longer than the window.
    ConnectionLost,
    /// Offer and answer could not be brought together; the client is told to join anew.
    Negotiation,
}

impl Departure {
    /// The reason as other clients see it.
    pub(crate) fn on_the_wire(self) -> livekit_protocol::DisconnectReason {
        use livekit_protocol::DisconnectReason as Wire;
        match self {
            Departure::Left => Wire::ClientInitiated,
            Departure::Duplicate => Wire::DuplicateIdentity,
            Departure::Removed => Wire::ParticipantRemoved,
            Departure::RoomDeleted => Wire::RoomDeleted,
            Departure::ConnectionLost => Wire::ConnectionTimeout,
            Departure::Negotiation => Wire::MediaFailure,
        }
    }
}
