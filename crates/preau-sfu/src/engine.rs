//! The shard: many rooms on one port and one thread.
//!
//! It finds out which participant a datagram, a frame or a timer belongs to, and lets the room act.
//! Finding never walks over all participants: addresses, ICE names and connections are maps, timers
//! are a heap. After every call, take all outputs with [`Engine::poll`] and come back no later than
//! [`Engine::deadline`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};

use crate::clock::Clock;
use crate::config::{EngineConfig, EngineError, Limits};
use crate::control::{Command, ControlError, Reply};
use crate::event::{Event, EventKind, Output};
use crate::ids::{ConnectionId, Mint, PartyKey, RoomKey, RoomName};
use crate::participant::Endpoints;
use crate::room::Room;
use crate::signal;
use crate::stats::Counters;
use crate::token::Claims;
use crate::transport::{Factory, Happening, Sink};

/// Addresses remembered for one participant: several network paths, and NATs that change their mind.
const ADDRESSES: usize = 8;

/// A signalling connection that wants in: the token is already verified.
#[derive(Debug)]
pub struct Admission {
    /// What the token says.
    pub claims: Claims,
    /// What the client says.
    pub join: lk::JoinRequest,
}

/// The live room engine of one shard.
pub struct Engine {
    rooms: HashMap<RoomKey, Room>,
    by_name: BTreeMap<RoomName, RoomKey>,
    shard: Shard,
}

/// What all rooms of a shard share.
pub(crate) struct Shard {
    pub(crate) now: Instant,
    pub(crate) limits: Limits,
    pub(crate) mint: Mint,
    pub(crate) factory: Factory,
    pub(crate) routes: Routes,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    outputs: VecDeque<Output>,
    clock: Clock,
}

/// Who a datagram or frame belongs to.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) by_address: HashMap<SocketAddr, (RoomKey, PartyKey)>,
    pub(crate) by_ufrag: HashMap<String, (RoomKey, PartyKey)>,
    pub(crate) connections: HashMap<ConnectionId, (RoomKey, PartyKey)>,
}

/// What waits for a moment to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Due {
    Room(RoomKey),
    Party(RoomKey, PartyKey),
}

/// Alarms. Each has at most one valid entry; moving one later costs nothing, because it is looked at
/// again when the earlier entry comes up.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Due)>>,
    set: HashMap<Due, Instant>,
}

impl Timers {
    pub(crate) fn set(&mut self, due: Due, at: Instant) {
        if self.set.get(&due).is_none_or(|earlier| at < *earlier) {
            self.set.insert(due, at);
            self.heap.push(Reverse((at, due)));
        }
    }

    fn pop(&mut self, now: Instant) -> Option<Due> {
        while let Some(Reverse((at, due))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.set.get(&due) == Some(&at) {
                self.set.remove(&due);
                return Some(due);
            }
        }
        None
    }

    fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

impl Routes {
    pub(crate) fn forget(&mut self, endpoints: &Endpoints) {
        self.by_ufrag.remove(&endpoints.ufrag);
        for address in &endpoints.addresses {
            self.by_address.remove(address);
        }
    }
}

impl Shard {
    pub(crate) fn unix_ms(&self) -> i64 {
        self.clock.unix_ms(self.now)
    }

    pub(crate) fn event(&mut self, room: &RoomName, kind: EventKind) {
        let event = Event { room: room.clone(), unix_ms: self.unix_ms(), kind };
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn frame(&mut self, connection: ConnectionId, message: Response) {
        self.raw_frame(connection, signal::encode_response(message));
    }

    pub(crate) fn raw_frame(&mut self, connection: ConnectionId, bytes: Bytes) {
        self.outputs.push_back(Output::Frame { connection, bytes });
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.routes.connections.remove(&connection);
        self.outputs.push_back(Output::Close { connection });
    }

    /// Turns a connection away.
    pub(crate) fn refuse(&mut self, connection: ConnectionId, reason: lk::DisconnectReason) {
        let leave = lk::LeaveRequest {
            reason: reason as i32,
            action: lk::leave_request::Action::Disconnect as i32,
            ..Default::default()
        };
        self.frame(connection, Response::Leave(leave));
        self.close(connection);
    }

    pub(crate) fn sink<'a>(
        &'a mut self,
        party: PartyKey,
        happenings: &'a mut VecDeque<(PartyKey, Happening)>,
    ) -> Sink<'a> {
        Sink { now: self.now, party, outputs: &mut self.outputs, happenings, counters: &mut self.counters }
    }

    fn advance(&mut self, now: Instant) {
        // Time never goes back, even if the caller's threads disagree by a moment.
        self.now = self.now.max(now);
    }
}

impl Engine {
    /// A shard without rooms.
    ///
    /// # Errors
    /// [`EngineError`] when the addresses cannot serve, or no certificate can be made.
    pub fn new(config: EngineConfig) -> Result<Engine, EngineError> {
        if config.media_addresses.is_empty() {
            return Err(EngineError::NoMediaAddress);
        }
        for (index, address) in config.media_addresses.iter().enumerate() {
            if address.ip().is_unspecified() || address.port() == 0 {
                return Err(EngineError::Unreachable(*address));
            }
            let earlier = config.media_addresses[..index].iter();
            if let Some(twin) = earlier.into_iter().find(|other| other.is_ipv4() == address.is_ipv4()) {
                return Err(EngineError::Ambiguous(*twin, *address));
            }
        }
        let provider = str0m::crypto::from_feature_flags();
        let certificate = provider.dtls_provider.generate_certificate().ok_or(EngineError::Certificate)?;
        let factory =
            Factory { certificate, addresses: config.media_addresses, data_bytes: config.limits.data_bytes };
        let shard = Shard {
            now: config.start,
            limits: config.limits,
            mint: Mint::new(config.seed),
            factory,
            routes: Routes::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            clock: Clock::new(config.start, config.start_unix_ms),
        };
        Ok(Engine { rooms: HashMap::new(), by_name: BTreeMap::new(), shard })
    }

    /// A client connects. The returned connection may already be closed again by the outputs, when
    /// it was turned away; the frames before that tell the client why.
    pub fn connect(&mut self, admission: Admission, now: Instant) -> ConnectionId {
        self.shard.advance(now);
        let connection = ConnectionId(self.shard.mint.number());
        let Admission { claims, join } = admission;
        match self.room_for_joining(&claims.room) {
            Some(room) => room.0.join(connection, claims, join, room.1),
            None => self.shard.refuse(connection, lk::DisconnectReason::JoinFailure),
        }
        connection
    }

    /// A binary frame arrives on a signalling connection.
    pub fn frame(&mut self, connection: ConnectionId, frame: &[u8], now: Instant) {
        self.shard.advance(now);
        let Some((room, party)) = self.shard.routes.connections.get(&connection).copied() else { return };
        match signal::decode_request(frame, self.shard.limits.frame_bytes) {
            Ok(request) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    room.request(party, request, &mut self.shard);
                    room.settle(&mut self.shard);
                }
            }
            Err(error) => {
                self.shard.counters.frames_broken += 1;
                tracing::debug!(%connection, %error, "frame ignored");
            }
        }
    }

    /// A signalling connection broke or was closed by the client.
    pub fn disconnect(&mut self, connection: ConnectionId, now: Instant) {
        self.shard.advance(now);
        if let Some((room, party)) = self.shard.routes.connections.remove(&connection)
            && let Some(room) = self.rooms.get_mut(&room)
        {
            room.hang_up(party, connection, &mut self.shard);
        }
    }

    /// A datagram arrives on the shard's socket.
    pub fn datagram(&mut self, source: SocketAddr, bytes: &[u8], now: Instant) {
        self.shard.advance(now);
        self.shard.counters.datagrams_in += 1;
        let family = |address: &&SocketAddr| address.is_ipv4() == source.is_ipv4();
        let Some(destination) = self.shard.factory.addresses.iter().find(family).copied() else { return };
        let parse = || Receive::new(Protocol::Udp, source, destination, bytes);
        let Some(route) = self.route(source, bytes) else {
            self.shard.counters.strangers += 1;
            return;
        };
        let (Some(room), Ok(probe), Ok(datagram)) = (self.rooms.get_mut(&route.0), parse(), parse()) else {
            self.shard.counters.strangers += 1;
            return;
        };
        let now = self.shard.now;
        let Some(me) = room.participant_mut(route.1) else { return };
        if !me.transport.accepts(probe, now) {
            self.shard.counters.strangers += 1;
            return;
        }
        if !me.endpoints.addresses.contains(&source) {
            // It passed the integrity check of ICE, so from now on this address is theirs.
            if me.endpoints.addresses.len() >= ADDRESSES {
                let oldest = me.endpoints.addresses.remove(0);
                self.shard.routes.by_address.remove(&oldest);
            }
            me.endpoints.addresses.push(source);
            if let Some((other_room, other)) = self.shard.routes.by_address.insert(source, route)
                && let Some(other) = self.rooms.get_mut(&other_room).and_then(|r| r.participant_mut(other))
            {
                other.endpoints.addresses.retain(|address| *address != source);
            }
        }
        if let Some(room) = self.rooms.get_mut(&route.0) {
            room.touch(route.1, &mut self.shard, |transport, sink| transport.receive(datagram, sink));
            room.settle(&mut self.shard);
        }
    }

    /// Lets time pass: call when [`Engine::deadline`] has come. Earlier or later is harmless.
    pub fn tick(&mut self, now: Instant) {
        self.shard.advance(now);
        let now = self.shard.now;
        while let Some(due) = self.shard.timers.pop(now) {
            match due {
                Due::Party(room, party) => {
                    let Some(room) = self.rooms.get_mut(&room) else { continue };
                    let Some(me) = room.participant(party) else { continue };
                    if me.transport.deadline() > now {
                        self.shard.timers.set(due, me.transport.deadline());
                        continue;
                    }
                    room.touch(party, &mut self.shard, |transport, sink| transport.wake(sink));
                    room.settle(&mut self.shard);
                }
                Due::Room(key) => {
                    let Some(room) = self.rooms.get_mut(&key) else { continue };
                    if room.is_over(now) {
                        self.finish(key);
                    } else {
                        room.tick(&mut self.shard);
                    }
                }
            }
        }
    }

    /// Carries out a request of the server.
    ///
    /// # Errors
    /// [`ControlError`] saying what does not exist or exceeds its bound; then nothing has changed.
    pub fn control(&mut self, command: Command, now: Instant) -> Result<Reply, ControlError> {
        self.shard.advance(now);
        match command {
            Command::CreateRoom(request) => self.create_room(&request),
            Command::ListRooms(request) => {
                let wanted = |name: &RoomName| {
                    request.names.is_empty() || request.names.iter().any(|wanted| wanted == name.as_str())
                };
                let keys = self.by_name.iter().filter(|(name, _)| wanted(name)).map(|(_, key)| key);
                Ok(Reply::Rooms(keys.filter_map(|key| self.rooms.get(key)).map(Room::describe).collect()))
            }
            Command::DeleteRoom(request) => {
                let key = self.find(&request.room)?;
                self.finish(key);
                Ok(Reply::Done)
            }
            Command::ListParticipants(request) => {
                self.in_room(&request.room, |room, _| Ok(room.list_participants()))
            }
            Command::GetParticipant(request) => {
                self.in_room(&request.room, |room, _| room.get_participant(&request.identity))
            }
            Command::RemoveParticipant(request) => {
                self.in_room(&request.room, |room, shard| room.remove_participant(&request.identity, shard))
            }
            Command::MutePublishedTrack(request) => {
                self.in_room(&request.room, |room, shard| room.mute_track(&request, shard))
            }
            Command::UpdateParticipant(request) => {
                self.in_room(&request.room, |room, shard| room.update_participant(&request, shard))
            }
            Command::UpdateSubscriptions(request) => {
                self.in_room(&request.room, |room, shard| room.update_subscriptions(&request, shard))
            }
            Command::SendData(request) => {
                let name = request.room.clone();
                self.in_room(&name, |room, shard| room.send_data(request, shard))
            }
            Command::UpdateRoomMetadata(request) => {
                self.in_room(&request.room, |room, shard| room.update_metadata(request.metadata, shard))
            }
            Command::RefreshToken { to, token } => {
                self.in_room(&to.room, |room, shard| room.refresh_token(&to.identity, token, shard))
            }
        }
    }

    /// The next thing to do; None when everything is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.shard.outputs.pop_front()
    }

    /// When [`Engine::tick`] wants to be called; None when nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.shard.timers.next()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.shard.counters
    }

    fn route(&self, source: SocketAddr, bytes: &[u8]) -> Option<(RoomKey, PartyKey)> {
        // Connectivity checks say whom they are for, which matters when an address changes hands.
        if is_stun(bytes)
            && let Ok(message) = StunMessage::parse(bytes)
            && let Some((local, _)) = message.split_username()
        {
            return self.shard.routes.by_ufrag.get(local).copied();
        }
        self.shard.routes.by_address.get(&source).copied()
    }

    fn room_for_joining(&mut self, name: &RoomName) -> Option<(&mut Room, &mut Shard)> {
        let key = match self.by_name.get(name) {
            Some(key) => *key,
            None => self.open_room(name)?,
        };
        Some((self.rooms.get_mut(&key)?, &mut self.shard))
    }

    fn open_room(&mut self, name: &RoomName) -> Option<RoomKey> {
        if self.rooms.len() >= self.shard.limits.rooms {
            return None;
        }
        let key = RoomKey(self.shard.mint.number());
        let room = Room::new(key, name.clone(), &mut self.shard);
        self.rooms.insert(key, room);
        self.by_name.insert(name.clone(), key);
        Some(key)
    }

    fn create_room(&mut self, request: &lk::CreateRoomRequest) -> Result<Reply, ControlError> {
        if request.name.is_empty() || request.name.len() > self.shard.limits.name_bytes {
            return Err(ControlError::Invalid("the room's name is empty or too long"));
        }
        if request.metadata.len() > self.shard.limits.metadata_bytes {
            return Err(ControlError::TooLarge("the metadata are too long"));
        }
        let name = RoomName::from(request.name.as_str());
        let limits = self.shard.limits.clone();
        let (room, _) = self.room_for_joining(&name).ok_or(ControlError::TooManyRooms(limits.rooms))?;
        room.configure(request, &limits);
        Ok(Reply::Room(Box::new(room.describe())))
    }

    fn find(&self, name: &str) -> Result<RoomKey, ControlError> {
        self.by_name.get(name).copied().ok_or_else(|| ControlError::NoRoom(name.to_owned()))
    }

    fn in_room<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Room, &mut Shard) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        let key = self.find(name)?;
        let room = self.rooms.get_mut(&key).ok_or_else(|| ControlError::NoRoom(name.to_owned()))?;
        let result = act(room, &mut self.shard);
        room.settle(&mut self.shard);
        result
    }

    fn finish(&mut self, key: RoomKey) {
        if let Some(mut room) = self.rooms.remove(&key) {
            room.end(&mut self.shard);
            self.by_name.remove(&room.name);
        }
    }
}

/// STUN begins with two zero bits, and is told from DTLS by its first byte (RFC 7983).
fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first < 4)
}
