//! What the application asks of live rooms, one to one with LiveKit's RoomService.
//!
//! Behind this one face stand the rooms of the embedded engine ([`super::Media`]) or those of a LiveKit
//! server ([`super::cluster`]); the calls and their messages are LiveKit's own, so that nothing above
//! differs. Whoever calls is trusted: permits were asked for before.

use super::media::{Media, MediaError};
use super::model::{Role, person_of, place_of, room_of, rooms_of};
use crate::ids::{LessonId, PersonId};
use futures_util::future::BoxFuture;
use preau_sfu::Tap;
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::protocol as lk;
use std::sync::Arc;
use thiserror::Error;

/// Whatever carries out requests to rooms.
pub(super) trait RoomService: Send + Sync {
    /// Carries out one; the reply is of the kind that the request asks for.
    fn carry_out(&self, command: Command) -> BoxFuture<'_, RoomsResult<Reply>>;
}

/// Why a request to a room came to nothing.
#[derive(Debug, Error)]
pub enum RoomsError {
    /// The rooms refuse it: there is no such room, participant or track, or it exceeds a bound.
    #[error(transparent)]
    Refused(#[from] ControlError),
    /// The embedded media server cannot take it now.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The LiveKit server cannot be reached, or fails.
    #[error("the LiveKit server {0}")]
    Cluster(String),
}

/// What a call yields.
pub type RoomsResult<T> = Result<T, RoomsError>;

impl RoomService for Media {
    fn carry_out(&self, command: Command) -> BoxFuture<'_, RoomsResult<Reply>> {
        Box::pin(async move { Ok(self.control(command).await??) })
    }
}

/// The rooms; cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<dyn RoomService>);

impl Rooms {
    /// The rooms of the embedded media server.
    pub fn embedded(media: Media) -> Rooms {
        Rooms::of(media)
    }

    /// The rooms of whatever carries out requests.
    pub(super) fn of(service: impl RoomService + 'static) -> Rooms {
        Rooms(Arc::new(service))
    }

    /// Carries out a request as it is.
    pub(super) async fn carry_out(&self, command: Command) -> RoomsResult<Reply> {
        self.0.carry_out(command).await
    }

    /// The rooms of these names, or all of them.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn list_rooms(&self, names: Vec<String>) -> RoomsResult<Vec<lk::Room>> {
        match self.carry_out(Command::ListRooms(lk::ListRoomsRequest { names })).await? {
            Reply::Rooms(rooms) => Ok(rooms),
            other => Err(unexpected(&other)),
        }
    }

    /// The names of the rooms that a lesson has now: of the whole class, and of its groups.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn of_lesson(&self, lesson: LessonId) -> RoomsResult<Vec<String>> {
        let rooms = self.list_rooms(rooms_of(lesson)).await?;
        Ok(rooms.into_iter().map(|room| room.name).collect())
    }

    /// Sends a packet without a sender to everybody in the lesson, whichever room they are in.
    ///
    /// # Errors
    /// [`RoomsError`], the first one; the other rooms are told all the same.
    pub async fn tell_lesson(&self, lesson: LessonId, topic: &str, data: &[u8]) -> RoomsResult<()> {
        let mut sent = Ok(());
        for room in self.of_lesson(lesson).await? {
            sent = sent.and(self.send_data(&room, topic, data.to_vec()).await.map(|_| ()));
        }
        sent
    }

    /// Removes from each of the lesson's rooms whoever does not belong into that group's; 0 is the whole class.
    ///
    /// # Errors
    /// [`RoomsError`], the first one; the others are removed all the same.
    pub async fn sort_out(
        &self,
        lesson: LessonId,
        belongs: impl Fn(PersonId, Role, u8) -> bool + Send,
    ) -> RoomsResult<()> {
        let mut done = Ok(());
        for room in self.of_lesson(lesson).await? {
            let Some((_, group)) = place_of(&room) else { continue };
            for one in self.list_participants(&room).await? {
                let role = one.attributes.get("role").and_then(|word| Role::from_word(word));
                // Recorders and tools of the operator belong to nobody's group.
                let (Some(person), Some(role)) = (person_of(&one.identity), role) else { continue };
                if !belongs(person, role, group) {
                    done = done.and(self.remove_participant(&room, &one.identity).await.map(|_| ()));
                }
            }
        }
        done
    }

    /// Who is in a room; nobody when there is no such room.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn list_participants(&self, room: &str) -> RoomsResult<Vec<lk::ParticipantInfo>> {
        let request = lk::ListParticipantsRequest { room: room.to_owned() };
        match self.carry_out(Command::ListParticipants(request)).await {
            Ok(Reply::Participants(present)) => Ok(present),
            Ok(other) => Err(unexpected(&other)),
            Err(RoomsError::Refused(ControlError::NoRoom(_))) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Changes attributes or permission of a participant; `false` when they are not there.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn update_participant(&self, request: lk::UpdateParticipantRequest) -> RoomsResult<bool> {
        there(self.carry_out(Command::UpdateParticipant(request)).await)
    }

    /// Mutes or unmutes a track; `false` when it is not there.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn mute_published_track(&self, request: lk::MuteRoomTrackRequest) -> RoomsResult<bool> {
        there(self.carry_out(Command::MutePublishedTrack(request)).await)
    }

    /// Removes a participant; `false` when they are not there.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn remove_participant(&self, room: &str, identity: &str) -> RoomsResult<bool> {
        let request = lk::RoomParticipantIdentity {
            room: room.to_owned(),
            identity: identity.to_owned(),
            ..Default::default()
        };
        there(self.carry_out(Command::RemoveParticipant(request)).await)
    }

    /// Sends a packet without a sender to everybody; `false` when there is no such room.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn send_data(&self, room: &str, topic: &str, data: Vec<u8>) -> RoomsResult<bool> {
        self.send_data_to(room, topic, data, Vec::new()).await
    }

    /// Sends a packet without a sender to those identities, to everybody when there are none; `false` when there
    /// is no such room.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn send_data_to(
        &self,
        room: &str,
        topic: &str,
        data: Vec<u8>,
        to: Vec<String>,
    ) -> RoomsResult<bool> {
        let request = lk::SendDataRequest {
            room: room.to_owned(),
            data,
            topic: Some(topic.to_owned()),
            destination_identities: to,
            ..Default::default()
        };
        there(self.carry_out(Command::SendData(request)).await)
    }

    /// Begins to hand the media of the class's room to the recorder, or ends that; `false` when there is no such
    /// room. Only the embedded engine can.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn tap(&self, lesson: LessonId, wish: Option<Tap>) -> RoomsResult<bool> {
        there(self.carry_out(Command::Tap { room: room_of(lesson), wish }).await)
    }

    /// Makes the room of a class without anybody in it.
    #[cfg(test)]
    pub(crate) async fn make(&self, lesson: LessonId) {
        self.make_named(&room_of(lesson)).await;
    }

    /// Makes a room without anybody in it.
    #[cfg(test)]
    pub(crate) async fn make_named(&self, room: &str) {
        let request = lk::CreateRoomRequest { name: room.to_owned(), ..Default::default() };
        self.carry_out(Command::CreateRoom(Box::new(request))).await.expect("a room");
    }

    /// Asks for a key frame of a track that is recorded; `false` when it is not there.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn tap_key_frame(&self, lesson: LessonId, track: &str) -> RoomsResult<bool> {
        there(self.carry_out(Command::TapKeyframe { room: room_of(lesson), track: track.to_owned() }).await)
    }

    /// Ends a room for everybody; `false` when there is none.
    ///
    /// # Errors
    /// [`RoomsError`].
    pub async fn delete_room(&self, room: &str) -> RoomsResult<bool> {
        let request = lk::DeleteRoomRequest { room: room.to_owned() };
        there(self.carry_out(Command::DeleteRoom(request)).await)
    }
}

/// People come and go while a request is under way: an absent one is an answer, not a failure.
fn there(reply: RoomsResult<Reply>) -> RoomsResult<bool> {
    match reply {
        Ok(_) => Ok(true),
        Err(RoomsError::Refused(
            ControlError::NoRoom(_) | ControlError::NoParticipant(_) | ControlError::NoTrack(_),
        )) => Ok(false),
        Err(error) => Err(error),
    }
}

fn unexpected(reply: &Reply) -> RoomsError {
    tracing::error!(?reply, "the rooms answered something else");
    RoomsError::Refused(ControlError::Invalid("the answer does not fit the question"))
}
