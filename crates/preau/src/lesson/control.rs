//! What the application asks of live rooms, one to one with LiveKit's RoomService.
//!
//! Today the rooms are those of the embedded engine. The calls and their messages are LiveKit's own, so
//! that a school system that outgrows one machine can put a LiveKit cluster behind this same face.
//! Whoever calls is trusted: permits were asked for before.

use super::media::{Media, MediaError};
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::protocol as lk;

/// The rooms.
#[derive(Clone)]
pub struct Rooms {
    media: Media,
}

/// What a call yields.
pub type RoomsResult<T> = Result<T, MediaError>;

impl Rooms {
    /// The rooms of the embedded media server.
    pub fn embedded(media: Media) -> Rooms {
        Rooms { media }
    }

    /// The rooms of these names, or all of them.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn list_rooms(&self, names: Vec<String>) -> RoomsResult<Vec<lk::Room>> {
        match self.media.control(Command::ListRooms(lk::ListRoomsRequest { names })).await? {
            Reply::Rooms(rooms) => Ok(rooms),
            other => Err(unexpected(&other)),
        }
    }

    /// Who is in a room; nobody when there is no such room.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn list_participants(&self, room: &str) -> RoomsResult<Vec<lk::ParticipantInfo>> {
        let request = lk::ListParticipantsRequest { room: room.to_owned() };
        match self.media.control(Command::ListParticipants(request)).await {
            Ok(Reply::Participants(present)) => Ok(present),
            Ok(other) => Err(unexpected(&other)),
            Err(MediaError::Refused(ControlError::NoRoom(_))) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Changes attributes or permission of a participant; `false` when they are not there.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn update_participant(&self, request: lk::UpdateParticipantRequest) -> RoomsResult<bool> {
        there(self.media.control(Command::UpdateParticipant(request)).await)
    }

    /// Mutes or unmutes a track; `false` when it is not there.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn mute_published_track(&self, request: lk::MuteRoomTrackRequest) -> RoomsResult<bool> {
        there(self.media.control(Command::MutePublishedTrack(request)).await)
    }

    /// Removes a participant; `false` when they are not there.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn remove_participant(&self, room: &str, identity: &str) -> RoomsResult<bool> {
        let request = lk::RoomParticipantIdentity {
            room: room.to_owned(),
            identity: identity.to_owned(),
            ..Default::default()
        };
        there(self.media.control(Command::RemoveParticipant(request)).await)
    }

    /// Sends a packet without a sender to everybody; `false` when there is no such room.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn send_data(&self, room: &str, topic: &str, data: Vec<u8>) -> RoomsResult<bool> {
        let request = lk::SendDataRequest {
            room: room.to_owned(),
            data,
            topic: Some(topic.to_owned()),
            ..Default::default()
        };
        there(self.media.control(Command::SendData(request)).await)
    }

    /// Ends a room for everybody; `false` when there is none.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn delete_room(&self, room: &str) -> RoomsResult<bool> {
        let request = lk::DeleteRoomRequest { room: room.to_owned() };
        there(self.media.control(Command::DeleteRoom(request)).await)
    }
}

/// People come and go while a request is under way: an absent one is an answer, not a failure.
fn there(reply: Result<Reply, MediaError>) -> RoomsResult<bool> {
    match reply {
        Ok(_) => Ok(true),
        Err(MediaError::Refused(
            ControlError::NoRoom(_) | ControlError::NoParticipant(_) | ControlError::NoTrack(_),
        )) => Ok(false),
        Err(error) => Err(error),
    }
}

fn unexpected(reply: &Reply) -> MediaError {
    tracing::error!(?reply, "the room engine answered something else");
    MediaError::Refused(ControlError::Invalid("the engine's answer does not fit the question"))
}
