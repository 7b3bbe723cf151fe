//! LiveKit's RoomService on the wire (Twirp 7: POST, protobuf or JSON), both ways: requests as we send
//! them to a LiveKit server, and as we answer them for the embedded engine.
//!
//! Only the subset that Préau uses itself. One table says for each method which message goes and which
//! comes back, and which grant it needs; nothing here decides about people.

use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::protocol as lk;
use preau_sfu::token::ServiceClaims;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The path under which the methods lie.
pub(super) const SERVICE: &str = "/twirp/livekit.RoomService/";

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// The format that a content type names.
    pub(super) fn of(content_type: &str) -> Option<Format> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/protobuf" => Some(Format::Protobuf),
            "application/json" => Some(Format::Json),
            _ => None,
        }
    }

    /// Its content type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Protobuf => "application/protobuf",
            Format::Json => "application/json",
        }
    }

    fn read<M: Message + Default + DeserializeOwned>(self, bytes: &[u8]) -> Result<M, String> {
        match self {
            Format::Protobuf => M::decode(bytes).map_err(|error| error.to_string()),
            Format::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        }
    }

    fn write<M: Message + Serialize>(self, message: &M) -> Vec<u8> {
        match self {
            Format::Protobuf => message.encode_to_vec(),
            // Messages are structs of plain values: they always serialise.
            Format::Json => serde_json::to_vec(message).unwrap_or_default(),
        }
    }
}

/// A method of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    ListRooms,
    DeleteRoom,
    ListParticipants,
    GetParticipant,
    RemoveParticipant,
    MutePublishedTrack,
    UpdateParticipant,
    UpdateSubscriptions,
    SendData,
    UpdateRoomMetadata,
}

impl Method {
    pub(super) const ALL: [Method; 10] = [
        Method::ListRooms,
        Method::DeleteRoom,
        Method::ListParticipants,
        Method::GetParticipant,
        Method::RemoveParticipant,
        Method::MutePublishedTrack,
        Method::UpdateParticipant,
        Method::UpdateSubscriptions,
        Method::SendData,
        Method::UpdateRoomMetadata,
    ];

    /// Its name in the path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::ListRooms => "ListRooms",
            Method::DeleteRoom => "DeleteRoom",
            Method::ListParticipants => "ListParticipants",
            Method::GetParticipant => "GetParticipant",
            Method::RemoveParticipant => "RemoveParticipant",
            Method::MutePublishedTrack => "MutePublishedTrack",
            Method::UpdateParticipant => "UpdateParticipant",
            Method::UpdateSubscriptions => "UpdateSubscriptions",
            Method::SendData => "SendData",
            Method::UpdateRoomMetadata => "UpdateRoomMetadata",
        }
    }

    /// The method of that name.
    pub(super) fn from_name(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn command(self, format: Format, bytes: &[u8]) -> Result<Command, String> {
        Ok(match self {
            Method::ListRooms => Command::ListRooms(format.read(bytes)?),
            Method::DeleteRoom => Command::DeleteRoom(format.read(bytes)?),
            Method::ListParticipants => Command::ListParticipants(format.read(bytes)?),
            Method::GetParticipant => Command::GetParticipant(format.read(bytes)?),
            Method::RemoveParticipant => Command::RemoveParticipant(format.read(bytes)?),
            Method::MutePublishedTrack => Command::MutePublishedTrack(format.read(bytes)?),
            Method::UpdateParticipant => Command::UpdateParticipant(format.read(bytes)?),
            Method::UpdateSubscriptions => Command::UpdateSubscriptions(format.read(bytes)?),
            Method::SendData => Command::SendData(format.read(bytes)?),
            Method::UpdateRoomMetadata => Command::UpdateRoomMetadata(format.read(bytes)?),
        })
    }

    /// Writes the answer to a request that was carried out.
    pub(super) fn answer(self, format: Format, reply: Reply) -> Vec<u8> {
        match (self, reply) {
            (Method::ListRooms, Reply::Rooms(rooms)) => format.write(&lk::ListRoomsResponse { rooms }),
            (Method::ListParticipants, Reply::Participants(participants)) => {
                format.write(&lk::ListParticipantsResponse { participants })
            }
            (Method::GetParticipant | Method::UpdateParticipant, Reply::Participant(one)) => {
                format.write(&*one)
            }
            (Method::MutePublishedTrack, Reply::Track(track)) => {
                format.write(&lk::MuteRoomTrackResponse { track: Some(*track) })
            }
            (Method::UpdateRoomMetadata, Reply::Room(room)) => format.write(&*room),
            // The other answers are messages without fields, which all look the same.
            _ => format.write(&lk::DeleteRoomResponse::default()),
        }
    }

    /// Reads the answer to a request.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn reply(self, format: Format, bytes: &[u8]) -> Result<Reply, String> {
        Ok(match self {
            Method::ListRooms => Reply::Rooms(format.read::<lk::ListRoomsResponse>(bytes)?.rooms),
            Method::ListParticipants => {
                Reply::Participants(format.read::<lk::ListParticipantsResponse>(bytes)?.participants)
            }
            Method::GetParticipant | Method::UpdateParticipant => {
                Reply::Participant(Box::new(format.read(bytes)?))
            }
            Method::MutePublishedTrack => match format.read::<lk::MuteRoomTrackResponse>(bytes)?.track {
                Some(track) => Reply::Track(Box::new(track)),
                None => Reply::Done,
            },
            Method::UpdateRoomMetadata => Reply::Room(Box::new(format.read(bytes)?)),
            Method::DeleteRoom
            | Method::RemoveParticipant
            | Method::UpdateSubscriptions
            | Method::SendData => Reply::Done,
        })
    }
}

/// The method of a request, its message, and the grants it needs. None for what the service does not have.
pub(super) fn request(command: &Command, format: Format) -> Option<(Method, Vec<u8>)> {
    Some(match command {
        Command::ListRooms(message) => (Method::ListRooms, format.write(message)),
        Command::DeleteRoom(message) => (Method::DeleteRoom, format.write(message)),
        Command::ListParticipants(message) => (Method::ListParticipants, format.write(message)),
        Command::GetParticipant(message) => (Method::GetParticipant, format.write(message)),
        Command::RemoveParticipant(message) => (Method::RemoveParticipant, format.write(message)),
        Command::MutePublishedTrack(message) => (Method::MutePublishedTrack, format.write(message)),
        Command::UpdateParticipant(message) => (Method::UpdateParticipant, format.write(message)),
        Command::UpdateSubscriptions(message) => (Method::UpdateSubscriptions, format.write(message)),
        Command::SendData(message) => (Method::SendData, format.write(message)),
        Command::UpdateRoomMetadata(message) => (Method::UpdateRoomMetadata, format.write(message)),
        _ => return None,
    })
}

/// What a token must say for a request, as LiveKit's server asks it.
pub(super) fn needed(command: &Command) -> ServiceClaims {
    let admin = |room: &str| ServiceClaims { room: room.to_owned(), room_admin: true, ..Default::default() };
    match command {
        Command::ListRooms(_) => ServiceClaims { room_list: true, ..Default::default() },
        Command::CreateRoom(_) | Command::DeleteRoom(_) => {
            ServiceClaims { room_create: true, ..Default::default() }
        }
        Command::ListParticipants(message) => admin(&message.room),
        Command::GetParticipant(message) | Command::RemoveParticipant(message) => admin(&message.room),
        Command::MutePublishedTrack(message) => admin(&message.room),
        Command::UpdateParticipant(message) => admin(&message.room),
        Command::UpdateSubscriptions(message) => admin(&message.room),
        Command::SendData(message) => admin(&message.room),
        Command::UpdateRoomMetadata(message) => admin(&message.room),
        Command::Snapshot { room } => admin(room),
        Command::RefreshToken { to, .. } => admin(&to.room),
        // A request that the engine has learnt since: nobody may, until it is named above.
        _ => ServiceClaims { room_admin: true, room_list: true, room_create: true, ..Default::default() },
    }
}

/// Whether `held` says everything that `needed` asks for.
pub(super) fn suffices(held: &ServiceClaims, needed: &ServiceClaims) -> bool {
    let admin = held.room_admin && held.room == needed.room && !held.room.is_empty();
    (admin || !needed.room_admin)
        && (held.room_list || !needed.room_list)
        && (held.room_create || !needed.room_create)
}

/// An error as Twirp writes it: always JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    #[serde(default)]
    pub(super) msg: String,
}

impl Failure {
    pub(super) fn new(code: &str, msg: impl Into<String>) -> Failure {
        Failure { code: code.to_owned(), msg: msg.into() }
    }

    /// The status that goes with the code (Twirp 7, "Errors").
    pub(super) fn status(&self) -> u16 {
        match self.code.as_str() {
            "malformed" | "invalid_argument" => 400,
            "unauthenticated" => 401,
            "permission_denied" => 403,
            "bad_route" | "not_found" => 404,
            "resource_exhausted" => 429,
            "unavailable" => 503,
            _ => 500,
        }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Failure {
        let code = match error {
            ControlError::NoRoom(_) | ControlError::NoParticipant(_) | ControlError::NoTrack(_) => {
                "not_found"
            }
            ControlError::TooLarge(_) | ControlError::Invalid(_) => "invalid_argument",
            ControlError::TooManyRooms(_) | ControlError::TooManyShards(_) => "resource_exhausted",
        };
        Failure::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(method: Method) -> Command {
        let (room, identity) = ("lesson-7".to_owned(), "12".to_owned());
        match method {
            Method::ListRooms => Command::ListRooms(lk::ListRoomsRequest { names: vec![room] }),
            Method::DeleteRoom => Command::DeleteRoom(lk::DeleteRoomRequest { room }),
            Method::ListParticipants => Command::ListParticipants(lk::ListParticipantsRequest { room }),
            Method::GetParticipant => {
                Command::GetParticipant(lk::RoomParticipantIdentity { room, identity, ..Default::default() })
            }
            Method::RemoveParticipant => Command::RemoveParticipant(lk::RoomParticipantIdentity {
                room,
                identity,
                ..Default::default()
            }),
            Method::MutePublishedTrack => Command::MutePublishedTrack(lk::MuteRoomTrackRequest {
                room,
                identity,
                track_sid: "TR_x".into(),
                muted: true,
            }),
            Method::UpdateParticipant => Command::UpdateParticipant(lk::UpdateParticipantRequest {
                room,
                identity,
                permission: Some(lk::ParticipantPermission { can_subscribe: true, ..Default::default() }),
                ..Default::default()
            }),
            Method::UpdateSubscriptions => Command::UpdateSubscriptions(lk::UpdateSubscriptionsRequest {
                room,
                identity,
                ..Default::default()
            }),
            Method::SendData => Command::SendData(lk::SendDataRequest {
                room,
                data: vec![0, 159, 146, 150],
                topic: Some("preau.chat".into()),
                ..Default::default()
            }),
            Method::UpdateRoomMetadata => {
                Command::UpdateRoomMetadata(lk::UpdateRoomMetadataRequest { room, metadata: "{}".into() })
            }
        }
    }

    #[test]
    fn every_request_comes_through_in_both_formats() {
        for method in Method::ALL {
            let command = example(method);
            for format in [Format::Protobuf, Format::Json] {
                let (named, bytes) = request(&command, format).expect("of the service");
                assert_eq!(named, method);
                let read = method.command(format, &bytes).expect("readable");
                assert_eq!(format!("{read:?}"), format!("{command:?}"));
            }
            assert_eq!(Method::from_name(method.name()), Some(method));
        }
        assert_eq!(Method::from_name("CreateRoom"), None);
    }

    #[test]
    fn names_are_read_as_all_sdks_write_them() {
        for json in [
            r#"{"room":"r","identity":"12","trackSid":"TR_x","muted":true}"#,
            r#"{"room":"r","identity":"12","track_sid":"TR_x","muted":true,"added_later":1}"#,
        ] {
            let command = Method::MutePublishedTrack.command(Format::Json, json.as_bytes());
            let Ok(Command::MutePublishedTrack(mute)) = command else { panic!("{command:?}") };
            assert_eq!((mute.track_sid.as_str(), mute.muted), ("TR_x", true));
        }
        assert!(Method::SendData.command(Format::Json, b"{\"room\":7}").is_err());
        assert!(Method::SendData.command(Format::Protobuf, &[0xff; 5]).is_err());
    }

    #[test]
    fn grants_are_asked_for_as_livekit_does() {
        let admin = ServiceClaims { room: "lesson-7".into(), room_admin: true, ..Default::default() };
        let lister = ServiceClaims { room_list: true, ..Default::default() };
        let creator = ServiceClaims { room_create: true, ..Default::default() };
        for method in Method::ALL {
            let needed = needed(&example(method));
            let who = [("admin", &admin), ("lister", &lister), ("creator", &creator)];
            let may: Vec<&str> =
                who.into_iter().filter(|(_, held)| suffices(held, &needed)).map(|(name, _)| name).collect();
            let expected = match method {
                Method::ListRooms => "lister",
                Method::DeleteRoom => "creator",
                _ => "admin",
            };
            assert_eq!(may, [expected], "{method:?}");
            let elsewhere = ServiceClaims { room: "lesson-8".into(), ..admin.clone() };
            assert!(!suffices(&elsewhere, &needed) && !suffices(&ServiceClaims::default(), &needed));
        }
    }
}
