//! The shard: many rooms on one port and one thread.
//!
//! It finds out which participant a datagram, a frame or a timer belongs to, and lets the room act.
//! Finding never walks over all participants: addresses, ICE names and connections are maps, timers
//! are a heap. After every call, take all outputs with [`Engine::poll`] and come back no later than
//! [`Engine::deadline`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive};

use crate::buffers::Buffers;
use crate::clock::Clock;
use crate::config::{EngineConfig, EngineError, Limits, Links};
use crate::control::{Command, ControlError, Reply};
use crate::dtls::cryptography;
use crate::event::{Event, EventKind, Output, StreamId};
use crate::framing::Deframer;
use crate::ids::{ConnectionId, Mint, PartyKey, RoomKey, RoomName};
use crate::ladder::Step;
use crate::meter::Meter;
use crate::participant::Endpoints;
use crate::relay::{RelayKind, RelayMessage, ShardId};
use crate::room::Room;
use crate::signal;
use crate::stats::{Counters, Holdings};
use crate::timers::{Due, Timers};
use crate::token::Claims;
use crate::transport::{Factory, Inbox, Leg, Route, Sink, is_stun};

/// Addresses remembered for one participant: several network paths, and NATs that change their mind.
const ADDRESSES: usize = 8;

/// How many peer connections a client opens, which depends on the path it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connections {
    /// `/rtc/v1`: one, for both directions. The client makes every offer.
    #[default]
    One,
    /// `/rtc`, the older protocol: one to publish on, for which the client makes the offers, and one to
    /// receive on, for which we make them.
    Two,
}

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
    pub(crate) shard: Shard,
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
    /// What is sent in all, and the share of a core its thread is busy.
    pub(crate) egress: Meter,
    pub(crate) processor: f32,
    /// What the owner wants given up at least.
    pub(crate) house: Step,
    outputs: VecDeque<Output>,
    buffers: Buffers,
    /// Connections with packets that wait to leave.
    owing: Vec<Route>,
    streams: HashMap<StreamId, Stream>,
    /// TCP connections by the client's address.
    stream_of: HashMap<SocketAddr, StreamId>,
    clock: Clock,
    /// TURN servers that clients are told of.
    pub(crate) relays_for_clients: Vec<lk::IceServer>,
}

/// What carries datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Carrier {
    Udp,
    Tcp,
}

/// A TCP connection.
struct Stream {
    remote: SocketAddr,
    deframer: Deframer,
    /// Somebody of ours proved that it is theirs.
    known: bool,
}

/// Who a datagram or frame belongs to.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) by_address: HashMap<(Carrier, SocketAddr), Route>,
    pub(crate) by_ufrag: HashMap<String, Route>,
    pub(crate) connections: HashMap<ConnectionId, (RoomKey, PartyKey)>,
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

    /// Tells the application something about a room; `number` is the room's, and counts.
    pub(crate) fn event(&mut self, room: &RoomName, number: &mut u64, kind: EventKind) {
        *number += 1;
        let event = Event { room: room.clone(), number: *number, unix_ms: self.unix_ms(), kind };
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn relay(&mut self, to: ShardId, room: &RoomName, kind: RelayKind) {
        let message = Box::new(RelayMessage { room: room.clone(), kind });
        self.outputs.push_back(Output::Relay { to, message });
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

    pub(crate) fn sink<'a>(&'a mut self, party: PartyKey, leg: Leg, inbox: &'a mut Inbox) -> Sink<'a> {
        Sink {
            now: self.now,
            party,
            leg,
            outputs: &mut self.outputs,
            buffers: &mut self.buffers,
            inbox,
            counters: &mut self.counters,
            streams: &self.stream_of,
        }
    }

    /// Notes that a connection has packets that wait to leave.
    pub(crate) fn owe(&mut self, route: Route) {
        self.owing.push(route);
    }

    fn drop_stream(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.streams.remove(&id)?;
        if self.stream_of.get(&stream.remote) == Some(&id) {
            self.stream_of.remove(&stream.remote);
        }
        self.timers.forget(&Due::Stream(id));
        Some(stream)
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
        check_addresses(&config.media_addresses)?;
        let certificate =
            cryptography().dtls_provider.generate_certificate().ok_or(EngineError::Certificate)?;
        let factory = Factory {
            certificate,
            addresses: config.media_addresses,
            stream_addresses: Vec::new(),
            data_bytes: config.limits.data_bytes,
            codecs: config.limits.codecs.clone(),
            probes: config.limits.links == Links::Probed,
        };
        let shard = Shard {
            now: config.start,
            limits: config.limits,
            mint: Mint::new(config.seed),
            factory,
            routes: Routes::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            egress: Meter::new(config.start),
            processor: 0.0,
            house: Step::Full,
            outputs: VecDeque::new(),
            buffers: Buffers::default(),
            owing: Vec::new(),
            streams: HashMap::new(),
            stream_of: HashMap::new(),
            clock: Clock::new(config.start, config.start_unix_ms),
            relays_for_clients: Vec::new(),
        };
        Ok(Engine { rooms: HashMap::new(), by_name: BTreeMap::new(), shard })
    }

    /// A client connects on `/rtc/v1`. The returned connection may already be closed again by the
    /// outputs, when it was turned away; the frames before that tell the client why.
    pub fn connect(&mut self, admission: Admission, now: Instant) -> ConnectionId {
        self.connect_with(admission, Connections::One, now)
    }

    /// A client connects, on `/rtc/v1` or on `/rtc`; else like [`Engine::connect`].
    pub fn connect_with(
        &mut self,
        admission: Admission,
        connections: Connections,
        now: Instant,
    ) -> ConnectionId {
        self.shard.advance(now);
        let connection = ConnectionId(self.shard.mint.number());
        let Admission { claims, join } = admission;
        match self.room_for_joining(&claims.room) {
            Some(room) => room.0.join(connection, claims, join, connections, room.1),
            None => self.shard.refuse(connection, lk::DisconnectReason::JoinFailure),
        }
        connection
    }

    /// Says where the owner accepts TCP connections for clients whose network lets no UDP through, at most
    /// one address per family. Announced to everybody who joins from now on; an empty list announces none.
    ///
    /// # Errors
    /// [`EngineError`] when an address cannot be announced; then nothing has changed.
    pub fn announce_streams(&mut self, addresses: Vec<SocketAddr>) -> Result<(), EngineError> {
        check_addresses(&addresses)?;
        self.shard.factory.stream_addresses = addresses;
        Ok(())
    }

    /// Says which relays (TURN servers) clients may come through when their network lets neither UDP nor other ports
    /// through. Told to everybody who joins or comes back from now on, so credentials may change with each.
    pub fn announce_relays(&mut self, relays: Vec<lk::IceServer>) {
        self.shard.relays_for_clients = relays;
    }

    /// A TCP connection was accepted. None when there are too many: close it.
    pub fn stream_opened(&mut self, remote: SocketAddr, now: Instant) -> Option<StreamId> {
        self.shard.advance(now);
        if self.shard.streams.len() >= self.shard.limits.streams {
            return None;
        }
        let id = StreamId(self.shard.mint.number());
        let stream = Stream { remote, deframer: Deframer::default(), known: false };
        self.shard.streams.insert(id, stream);
        self.shard.stream_of.insert(remote, id);
        let patience = self.shard.now + self.shard.limits.stream_patience;
        self.shard.timers.set(Due::Stream(id), patience);
        Some(id)
    }

    /// Bytes arrive on a TCP connection, in pieces of any size.
    pub fn stream_bytes(&mut self, id: StreamId, bytes: &[u8], now: Instant) {
        self.shard.advance(now);
        let Some(mut stream) = self.shard.streams.remove(&id) else { return };
        let (remote, mut mine) = (stream.remote, stream.known);
        let whole = stream.deframer.push(bytes, |datagram| {
            mine |= self.packet(Carrier::Tcp, remote, datagram);
        });
        stream.known = mine;
        self.shard.streams.insert(id, stream);
        if let Err(error) = whole {
            tracing::debug!(%remote, %error, "not ICE: connection closed");
            self.close_stream(id);
        }
    }

    /// A TCP connection was closed or broke.
    pub fn stream_closed(&mut self, id: StreamId, now: Instant) {
        self.shard.advance(now);
        if let Some(stream) = self.shard.drop_stream(id) {
            self.forget_address((Carrier::Tcp, stream.remote));
        }
    }

    fn close_stream(&mut self, id: StreamId) {
        if let Some(stream) = self.shard.drop_stream(id) {
            self.forget_address((Carrier::Tcp, stream.remote));
            self.shard.outputs.push_back(Output::StreamClose { stream: id });
        }
    }

    fn forget_address(&mut self, address: (Carrier, SocketAddr)) {
        let Some(route) = self.shard.routes.by_address.remove(&address) else { return };
        let limb = self.rooms.get_mut(&route.room).and_then(|room| room.limb_mut(route.party, route.leg));
        if let Some(limb) = limb {
            limb.endpoints.addresses.retain(|known| *known != address);
        }
    }

    /// Spreads a room over another shard; call on both. What happened on either side so far is told to
    /// the other.
    ///
    /// # Errors
    /// [`ControlError`] when there are too many rooms, or the room is already on too many shards.
    pub fn link(&mut self, room: &RoomName, to: ShardId, now: Instant) -> Result<(), ControlError> {
        self.shard.advance(now);
        let (limit, relays) = (self.shard.limits.rooms, self.shard.limits.relays);
        let (room, shard) = self.room_for_joining(room).ok_or(ControlError::TooManyRooms(limit))?;
        if !room.link(to, shard) {
            return Err(ControlError::TooManyShards(relays));
        }
        room.settle(shard);
        Ok(())
    }

    /// Ends the link of a room with another shard, on this side: because the room is over there, or
    /// because that shard failed. Its participants leave as far as this shard is concerned.
    pub fn unlink(&mut self, room: &RoomName, from: ShardId, now: Instant) {
        self.shard.advance(now);
        if let Some(room) = self.by_name.get(room).and_then(|key| self.rooms.get_mut(key)) {
            room.unlink(from, true, &mut self.shard);
            room.settle(&mut self.shard);
        }
    }

    /// A message of another shard arrives.
    pub fn relayed(&mut self, from: ShardId, message: RelayMessage, now: Instant) {
        self.shard.advance(now);
        if let Some(room) = self.by_name.get(&message.room).and_then(|key| self.rooms.get_mut(key)) {
            room.relayed(from, message.kind, &mut self.shard);
            room.settle(&mut self.shard);
        }
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
        self.packet(Carrier::Udp, source, bytes);
    }

    /// Takes in a packet. Whether it was somebody's.
    fn packet(&mut self, carrier: Carrier, source: SocketAddr, bytes: &[u8]) -> bool {
        self.shard.counters.datagrams_in += 1;
        let taken = self.take(carrier, source, bytes).is_some();
        self.shard.counters.strangers += u64::from(!taken);
        taken
    }

    fn take(&mut self, carrier: Carrier, source: SocketAddr, bytes: &[u8]) -> Option<()> {
        let (protocol, addresses) = match carrier {
            Carrier::Udp => (Protocol::Udp, &self.shard.factory.addresses),
            Carrier::Tcp => (Protocol::Tcp, &self.shard.factory.stream_addresses),
        };
        let destination = *addresses.iter().find(|address| address.is_ipv4() == source.is_ipv4())?;
        let parse = || Receive::new(protocol, source, destination, bytes).ok();
        let route = self.route((carrier, source), bytes)?;
        let (probe, datagram) = (parse()?, parse()?);
        let now = self.shard.now;
        let limb = self.rooms.get_mut(&route.room)?.limb_mut(route.party, route.leg)?;
        if !limb.transport.accepts(probe, now) {
            return None;
        }
        let address = (carrier, source);
        if !limb.endpoints.addresses.contains(&address) {
            // It passed the integrity check of ICE, so from now on this address is theirs.
            if limb.endpoints.addresses.len() >= ADDRESSES {
                let oldest = limb.endpoints.addresses.remove(0);
                self.shard.routes.by_address.remove(&oldest);
            }
            limb.endpoints.addresses.push(address);
            if let Some(before) = self.shard.routes.by_address.insert(address, route)
                && before != route
                && let Some(room) = self.rooms.get_mut(&before.room)
                && let Some(limb) = room.limb_mut(before.party, before.leg)
            {
                limb.endpoints.addresses.retain(|known| *known != address);
            }
        }
        let room = self.rooms.get_mut(&route.room)?;
        room.touch(route.party, route.leg, &mut self.shard, |transport, sink| {
            transport.receive(datagram, sink);
        });
        room.settle(&mut self.shard);
        Some(())
    }

    /// Lets time pass: call when [`Engine::deadline`] has come. Earlier or later is harmless.
    pub fn tick(&mut self, now: Instant) {
        self.shard.advance(now);
        let now = self.shard.now;
        while let Some(due) = self.shard.timers.pop(now) {
            match due {
                Due::Leg(route) => {
                    let Some(room) = self.rooms.get_mut(&route.room) else { continue };
                    let Some(limb) = room.limb_mut(route.party, route.leg) else { continue };
                    let deadline = limb.transport.deadline();
                    if deadline > now {
                        self.shard.timers.set(due, deadline);
                        continue;
                    }
                    room.touch(route.party, route.leg, &mut self.shard, |transport, sink| {
                        transport.wake(sink)
                    });
                    room.settle(&mut self.shard);
                }
                Due::Stream(id) => {
                    if self.shard.streams.get(&id).is_some_and(|stream| !stream.known) {
                        self.close_stream(id);
                    }
                }
                Due::Room(key) => {
                    self.shard.egress.roll(now, self.shard.counters.bytes_out);
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
            Command::Tap { room, wish } => self.in_room(&room, |room, shard| Ok(room.tap(wish, shard))),
            Command::TapKeyframe { room, track } => {
                self.in_room(&room, |room, shard| room.tap_keyframe(&track, shard))
            }
            Command::Snapshot { room } => self.in_room(&room, |room, _| Ok(room.snapshot())),
            Command::RefreshToken { to, token } => {
                self.in_room(&to.room, |room, shard| room.refresh_token(&to.identity, token, shard))
            }
        }
    }

    /// The next thing to do; None when everything is done. Give it all datagrams that have arrived together before
    /// asking: what they make leave through str0m on one connection then costs little more than a single packet.
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            if let Some(next) = self.shard.outputs.pop_front() {
                return Some(next);
            }
            if self.shard.owing.is_empty() {
                return None;
            }
            self.settle();
        }
    }

    /// Takes back the contents of an [`Output::Datagram`] that was sent: the next is written into its memory. Whoever
    /// keeps them loses nothing but time.
    pub fn recycle(&mut self, contents: Vec<u8>) {
        self.shard.buffers.give(contents);
    }

    /// Lets the packets leave that wait on connections.
    fn settle(&mut self) {
        for route in std::mem::take(&mut self.shard.owing) {
            let Some(room) = self.rooms.get_mut(&route.room) else { continue };
            room.touch(route.party, route.leg, &mut self.shard, |transport, sink| transport.settle(sink));
            room.settle(&mut self.shard);
        }
    }

    /// When [`Engine::tick`] wants to be called; None when nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.shard.timers.next()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.shard.counters
    }

    /// What the engine holds at this moment. All zero when nobody is here: a joined and departed
    /// participant leaves nothing behind.
    pub fn holdings(&self) -> Holdings {
        let shard = &self.shard;
        let mut holdings = Holdings {
            rooms: self.rooms.len(),
            addresses: shard.routes.by_address.len(),
            ice_names: shard.routes.by_ufrag.len(),
            connections: shard.routes.connections.len(),
            timers: shard.timers.held(),
            outputs: shard.outputs.len(),
            streams: shard.streams.len().max(shard.stream_of.len()),
            ..Holdings::default()
        };
        for room in self.rooms.values() {
            room.count(&mut holdings);
        }
        holdings
    }

    fn route(&self, source: (Carrier, SocketAddr), bytes: &[u8]) -> Option<Route> {
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
        let limit = self.shard.limits.rooms;
        let (room, shard) = self.room_for_joining(&name).ok_or(ControlError::TooManyRooms(limit))?;
        room.configure(request, shard);
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

/// Addresses can be announced: specific ones, at most one per family.
fn check_addresses(addresses: &[SocketAddr]) -> Result<(), EngineError> {
    for (index, address) in addresses.iter().enumerate() {
        if address.ip().is_unspecified() || address.port() == 0 {
            return Err(EngineError::Unreachable(*address));
        }
        let earlier = addresses[..index].iter();
        if let Some(twin) = earlier.into_iter().find(|other| other.is_ipv4() == address.is_ipv4()) {
            return Err(EngineError::Ambiguous(*twin, *address));
        }
    }
    Ok(())
}
