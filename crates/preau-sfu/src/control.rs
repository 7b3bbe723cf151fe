//! The requests of a server to a room, one to one with LiveKit's RoomService.
//!
//! They carry the official messages, so that the same call can go to the embedded engine or to a
//! LiveKit cluster. Whoever sends them is trusted: this is not reachable by clients.

use livekit_protocol as lk;

use crate::snapshot::Snapshot;
use crate::tap::Tap;

/// A request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command {
    /// Creates a room before anybody joins, or changes the settings of an existing one.
    CreateRoom(Box<lk::CreateRoomRequest>),
    /// Lists the rooms, or those of the given names.
    ListRooms(lk::ListRoomsRequest),
    /// Removes everybody and ends the room.
    DeleteRoom(lk::DeleteRoomRequest),
    /// Lists who is in a room.
    ListParticipants(lk::ListParticipantsRequest),
    /// One participant.
    GetParticipant(lk::RoomParticipantIdentity),
    /// Removes a participant. Tokens minted up to now no longer admit them to this room.
    RemoveParticipant(lk::RoomParticipantIdentity),
    /// Mutes or unmutes a track. Muting takes effect here, whatever the client does.
    MutePublishedTrack(lk::MuteRoomTrackRequest),
    /// Changes permission, name, metadata or attributes. What a permission no longer allows stops at
    /// once. It outweighs older tokens as long as the room lives.
    UpdateParticipant(lk::UpdateParticipantRequest),
    /// Subscribes a participant to tracks, or ends subscriptions.
    UpdateSubscriptions(lk::UpdateSubscriptionsRequest),
    /// Sends a data packet to some (`destination_identities`, `destination_sids`) or to all.
    SendData(lk::SendDataRequest),
    /// Changes the room's metadata.
    UpdateRoomMetadata(lk::UpdateRoomMetadataRequest),
    /// Hands out what is published in a room, for a recording ([`Output::Tapped`](crate::Output::Tapped)); none
    /// ends that. Everybody in the room is told that it is recorded, by LiveKit's `active_recording`.
    Tap {
        /// The room.
        room: String,
        /// What of it.
        wish: Option<Tap>,
    },
    /// The recorder can go on with a track only from a key frame. Throttled like the wish of a viewer.
    TapKeyframe {
        /// The room.
        room: String,
        /// The track.
        track: String,
    },
    /// The room as a snapshot, to be carried on by its events.
    Snapshot {
        /// The room.
        room: String,
    },
    /// Hands a participant a fresh token for later reconnects. (Servers of a cluster do that
    /// themselves; the engine holds no key.)
    RefreshToken {
        /// Room and participant.
        to: lk::RoomParticipantIdentity,
        /// The token.
        token: String,
    },
}

impl Command {
    /// The room it is about; none when it is about all of them.
    pub fn room(&self) -> Option<&str> {
        Some(match self {
            Command::CreateRoom(request) => &request.name,
            Command::ListRooms(_) => return None,
            Command::DeleteRoom(request) => &request.room,
            Command::ListParticipants(request) => &request.room,
            Command::GetParticipant(to) | Command::RemoveParticipant(to) => &to.room,
            Command::MutePublishedTrack(request) => &request.room,
            Command::UpdateParticipant(request) => &request.room,
            Command::UpdateSubscriptions(request) => &request.room,
            Command::SendData(request) => &request.room,
            Command::UpdateRoomMetadata(request) => &request.room,
            Command::Snapshot { room } | Command::Tap { room, .. } | Command::TapKeyframe { room, .. } => {
                room
            }
            Command::RefreshToken { to, .. } => &to.room,
        })
    }
}

/// What a request yields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// A room.
    Room(Box<lk::Room>),
    /// Rooms, by name.
    Rooms(Vec<lk::Room>),
    /// A participant.
    Participant(Box<lk::ParticipantInfo>),
    /// Participants, in the order of joining.
    Participants(Vec<lk::ParticipantInfo>),
    /// A track.
    Track(Box<lk::TrackInfo>),
    /// A room as a snapshot.
    Snapshot(Box<Snapshot>),
    /// Done.
    Done,
}

/// Why a request fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such room on this shard.
    #[error("there is no room {0:?}")]
    NoRoom(String),
    /// Nobody of that identity in the room.
    #[error("there is no participant {0:?} in this room")]
    NoParticipant(String),
    /// The participant publishes no such track.
    #[error("the participant publishes no track {0:?}")]
    NoTrack(String),
    /// Something exceeds its bound.
    #[error("{0}")]
    TooLarge(&'static str),
    /// The shard has as many rooms as it may have.
    #[error("this shard already has {0} rooms")]
    TooManyRooms(usize),
    /// The room is on as many shards as it may be.
    #[error("this room is already on {0} other shards")]
    TooManyShards(usize),
    /// The request lacks something.
    #[error("{0}")]
    Invalid(&'static str),
}
