//! What the engine hands back: packets and frames to send, and facts about rooms.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::grants::Source;
use crate::ids::{ConnectionId, Identity, ParticipantSid, RoomName, TrackSid};

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
}

/// A fact about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The room.
    pub room: RoomName,
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
    /// Somebody's signalling connection was admitted.
    ParticipantJoined {
        /// Who.
        identity: Identity,
        /// This stay.
        sid: ParticipantSid,
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
    },
    /// A track is gone.
    TrackUnpublished {
        /// Who.
        identity: Identity,
        /// Which track.
        track: TrackSid,
    },
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
