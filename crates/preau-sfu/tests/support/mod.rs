//! Simulated clients and a simulated network around an engine (or two). Time is invented, loss is drawn
//! from a seeded generator, nothing sleeps: a minute of a lesson takes milliseconds.
//!
//! A client here is str0m in RTP mode with full ICE and DTLS. On the signalling side it behaves as
//! livekit-client does: on `/rtc/v1` it reserves receive sections, is the only one to offer, and offers
//! again when the server asks for it; on `/rtc` it opens a second connection that answers the server's
//! offers.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "a module of several test programs")]
#![allow(clippy::unwrap_used, reason = "a test harness: what fails here fails the test")]

mod client;
mod network;
mod publishing;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::framing::{self, Deframer};
use preau_sfu::grants::Grants;
use preau_sfu::token::Claims;
use preau_sfu::{
    Admission, ConnectionId, Connections, Engine, EngineConfig, Event, EventKind, Limits, Output,
    RelayMessage, ShardId, StreamId, Tapped,
};
use prost::Message as _;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionMap, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Input, Rtc};

pub const SERVER: &str = "10.0.0.1:7882";
/// The second shard, where there is one.
pub const ANNEX: &str = "10.0.0.2:7882";
/// Where the engine takes TCP connections, when a test lets it.
pub const STREAMS: &str = "10.0.0.1:443";
pub const UNIX_MS: u64 = 1_800_000_000_000;
pub const ROOM: &str = "lecon";

/// One way through the simulated network.
const LATENCY: Duration = Duration::from_millis(5);

/// What a narrow link keeps before it drops.
const QUEUE: Duration = Duration::from_millis(400);

pub struct World {
    pub engine: Engine,
    pub annex: Option<Engine>,
    pub now: Instant,
    pub clients: BTreeMap<&'static str, Client>,
    pub events: Vec<Event>,
    /// What a recorder got.
    pub tapped: Vec<Tapped>,
    /// Share of datagrams lost, either way, in percent.
    pub loss: u64,
    /// The header extensions that whoever joins next knows. None: all that the library knows.
    pub extensions: Option<ExtensionMap>,
    /// Datagrams take up to this much longer, each as it pleases: they overtake one another.
    pub jitter: Duration,
    /// No UDP gets through.
    pub udp_blocked: bool,
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    random: u64,
    by_connection: HashMap<(usize, ConnectionId), &'static str>,
    hosts: u16,
    relayed: Vec<(usize, Box<RelayMessage>)>,
    /// How often an engine asked to be woken.
    pub ticks: u64,
    /// How often a client did.
    pub wakes: u64,
}

struct Flying {
    source: SocketAddr,
    destination: SocketAddr,
    contents: Vec<u8>,
    tcp: bool,
}

/// A peer connection of a client.
pub struct Peer {
    pub rtc: Rtc,
    pub address: SocketAddr,
    /// What the network makes of the address; differs after a NAT changed its mind.
    pub seen_as: SocketAddr,
    due: Instant,
    /// Its TCP connection, and the pieces in which bytes come out of it.
    stream: Option<(StreamId, Deframer)>,
}

pub struct Client {
    pub name: &'static str,
    /// Which engine it is on.
    pub shard: usize,
    pub up: Peer,
    /// Where it receives, on `/rtc`.
    pub down: Option<Peer>,
    pub connection: Option<ConnectionId>,
    pub frames: Vec<Response>,
    pub closed: bool,
    pub sid: String,
    pub media: Vec<(Mid, RtpPacket)>,
    pub keyframe_requests: Vec<(Mid, Option<Rid>)>,
    pub data: Vec<(String, lk::DataPacket)>,
    pub connected: bool,
    /// Track by section, as the last description said.
    pub track_of: HashMap<String, String>,
    /// The channels it opened, which it sends on.
    pub channels: HashMap<String, ChannelId>,
    /// The channels it receives on.
    pub inward: HashMap<String, ChannelId>,
    pub answers: Vec<String>,
    /// Bits a second its way from the server carries; None: any number.
    pub downlink: Option<u64>,
    /// Does not answer the server's offers.
    pub mute_answers: bool,
    pub last_answer: Option<lk::SessionDescription>,
    busy_until: Instant,
    pending: Option<(u32, SdpPendingOffer)>,
    want_offer: bool,
    offers: u32,
    receive: Vec<Mid>,
    sequences: HashMap<(Mid, Option<Rid>), u64>,
    pictures: HashMap<(Mid, Option<Rid>), u64>,
    /// Layers its encoder does not send, as it was told.
    pub switched_off: Vec<&'static str>,
    codecs: Vec<Codec>,
}

impl World {
    pub fn new() -> World {
        World::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> World {
        let now = Instant::now();
        World {
            engine: engine(SERVER, 7, limits, now),
            annex: None,
            now,
            clients: BTreeMap::new(),
            events: Vec::new(),
            tapped: Vec::new(),
            loss: 0,
            extensions: None,
            jitter: Duration::ZERO,
            udp_blocked: false,
            flying: BTreeMap::new(),
            count: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            by_connection: HashMap::new(),
            hosts: 10,
            relayed: Vec::new(),
            ticks: 0,
            wakes: 0,
        }
    }

    /// Two shards that share the room.
    pub fn spread() -> World {
        let mut world = World::new();
        world.annex = Some(engine(ANNEX, 8, Limits::default(), world.now));
        let room = ROOM.into();
        world.engine.link(&room, ShardId(1), world.now).unwrap();
        world.annex.as_mut().unwrap().link(&room, ShardId(0), world.now).unwrap();
        world.carry();
        world
    }

    pub(super) fn shard(&mut self, shard: usize) -> &mut Engine {
        if shard == 0 { &mut self.engine } else { self.annex.as_mut().unwrap() }
    }

    /// Claims of a token minted now.
    pub fn claims(&self, name: &str, grants: Grants) -> Claims {
        Claims {
            identity: name.into(),
            name: name.to_uppercase(),
            room: ROOM.into(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            grants,
            issued_at: UNIX_MS / 1000,
        }
    }

    /// A client joins with a first offer of three audio and three video receive sections.
    pub fn join(&mut self, name: &'static str, grants: Grants) {
        let claims = self.claims(name, grants);
        self.join_with(name, claims);
    }

    /// … who leads the lesson.
    pub fn join_leading(&mut self, name: &'static str) {
        let mut claims = self.claims(name, Grants::default());
        claims.attributes.insert("role".to_owned(), "teacher".to_owned());
        self.join_with(name, claims);
    }

    /// … on the other shard.
    pub fn join_annex(&mut self, name: &'static str, grants: Grants) {
        let claims = self.claims(name, grants);
        self.enter(name, claims, Connections::One, 1, &[Codec::Vp8]);
    }

    /// … with the older protocol and two connections.
    pub fn join_two(&mut self, name: &'static str, grants: Grants) {
        let claims = self.claims(name, grants);
        self.enter(name, claims, Connections::Two, 0, &[Codec::Vp8]);
    }

    /// … who does not know RFC 2198.
    pub fn join_plain(&mut self, name: &'static str) {
        let claims = self.claims(name, Grants::default());
        self.enter(name, claims, Connections::One, 0, &[Codec::Vp8, Codec::PCMU]);
    }

    /// Asks for a key frame of every video somebody receives.
    pub fn ask_keyframe(&mut self, name: &'static str) {
        let client = self.clients.get_mut(name).unwrap();
        let mids: Vec<Mid> = client.media.iter().map(|(mid, _)| *mid).collect();
        for mid in mids {
            let mut api = client.up.rtc.direct_api();
            if let Some(stream) = api.stream_rx_by_mid(mid, None) {
                stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
            }
        }
        self.settle_client(name);
    }

    /// … who knows these video codecs.
    pub fn join_knowing(&mut self, name: &'static str, codecs: &[Codec]) {
        let claims = self.claims(name, Grants::default());
        self.enter(name, claims, Connections::One, 0, codecs);
    }

    pub fn join_with(&mut self, name: &'static str, claims: Claims) {
        self.enter(name, claims, Connections::One, 0, &[Codec::Vp8]);
    }

    pub fn enter(
        &mut self,
        name: &'static str,
        claims: Claims,
        connections: Connections,
        shard: usize,
        codecs: &[Codec],
    ) {
        let mut address = || {
            self.hosts += 1;
            let [high, low] = self.hosts.to_be_bytes();
            SocketAddr::from(([10, 1, high, low], 40_000))
        };
        let up = Peer::new(address(), codecs, self.extensions.clone(), self.udp_blocked, self.now);
        let down = (connections == Connections::Two)
            .then(|| Peer::new(address(), codecs, self.extensions.clone(), self.udp_blocked, self.now));
        let mut client = Client::new(name, shard, up, down, codecs, self.now);
        let one = connections == Connections::One;
        let publisher_offer = one.then(|| client.offer(3, 3, true).unwrap());
        let join = lk::JoinRequest { publisher_offer, ..Default::default() };
        let now = self.now;
        let connection = self.shard(shard).connect_with(Admission { claims, join }, connections, now);
        client.connection = Some(connection);
        self.by_connection.insert((shard, connection), name);
        self.clients.insert(name, client);
        self.carry();
        if !one && !self.client(name).closed {
            // As `fast_publish` asks for.
            let offer = self.client_mut(name).offer(0, 0, true).unwrap();
            self.signal(name, Request::Offer(offer));
        }
    }

    /// The signalling connection breaks and comes back at once, with the stay's sid.
    pub fn resume(&mut self, name: &'static str, claims: Claims) {
        let client = self.clients.get_mut(name).unwrap();
        let join =
            lk::JoinRequest { reconnect: true, participant_sid: client.sid.clone(), ..Default::default() };
        client.frames.clear();
        client.closed = false;
        let shard = client.shard;
        let now = self.now;
        let connection = self.shard(shard).connect(Admission { claims, join }, now);
        self.clients.get_mut(name).unwrap().connection = Some(connection);
        self.by_connection.insert((shard, connection), name);
        self.carry();
    }

    pub fn break_signalling(&mut self, name: &'static str) {
        let client = self.clients.get_mut(name).unwrap();
        let (connection, shard, now) = (client.connection.take().unwrap(), client.shard, self.now);
        self.shard(shard).disconnect(connection, now);
        self.carry();
    }

    pub fn signal(&mut self, name: &str, request: Request) {
        let client = &self.clients[name];
        let (connection, shard, now) = (client.connection.unwrap(), client.shard, self.now);
        let bytes = lk::SignalRequest { message: Some(request) }.encode_to_vec();
        self.shard(shard).frame(connection, &bytes, now);
        self.carry();
    }

    /// Applies an offer of the server and sends the answer.
    pub fn answer_now(&mut self, name: &'static str, offer: &lk::SessionDescription) {
        let answer = self.clients.get_mut(name).unwrap().take(offer);
        self.settle_client(name);
        self.signal(name, Request::Answer(answer));
    }

    /// Applies an offer of the server; the answer is lost.
    pub fn take_offer(&mut self, name: &'static str, offer: &lk::SessionDescription) {
        self.clients.get_mut(name).unwrap().take(offer);
        self.settle_client(name);
    }

    pub fn control(&mut self, command: Command) -> Result<Reply, ControlError> {
        let reply = self.engine.control(command, self.now);
        self.carry();
        reply
    }

    /// Lets time pass and packets fly.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let flying = self.flying.keys().next().map(|(at, _)| *at);
            let due = self.clients.values().map(Client::due).min();
            let annex = self.annex.as_ref().and_then(Engine::deadline);
            let next = [flying, due, self.engine.deadline(), annex].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.deliver();
            let late = |client: &&Client| client.due() <= self.now;
            let names: Vec<_> = self.clients.values().filter(late).map(|c| c.name).collect();
            for name in names {
                self.wakes += 1;
                let now = self.now;
                for peer in self.clients.get_mut(name).unwrap().peers() {
                    peer.rtc.handle_input(Input::Timeout(now)).unwrap();
                }
                self.settle_client(name);
            }
            let now = self.now;
            for engine in [Some(&mut self.engine), self.annex.as_mut()].into_iter().flatten() {
                if engine.deadline().is_some_and(|at| at <= now) {
                    self.ticks += 1;
                    engine.tick(now);
                }
            }
            self.carry();
        }
        self.now = end;
    }

    /// Runs until `done`, at most ten simulated seconds.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&World) -> bool) {
        let end = self.now + Duration::from_secs(10);
        while self.now < end {
            if done(self) {
                return;
            }
            self.run(Duration::from_millis(10));
        }
        panic!("did not happen within ten seconds: {what}");
    }

    /// Voices and pictures can pass; data channels may still be on their way.
    pub fn all_heard(&mut self) {
        self.until("everybody is heard", |world| {
            world
                .clients
                .values()
                .all(|client| client.closed || client.connection.is_none() || client.connected)
        });
    }

    /// All joined clients have media connections, and data channels both ways.
    pub fn all_connected(&mut self) {
        self.until("everybody connects", |world| {
            world.clients.values().all(|client| {
                let closed = client.closed || client.connection.is_none();
                closed || (client.connected && client.channels.len() == 2 && client.inward.len() == 2)
            })
        });
        self.run(Duration::from_millis(100));
    }

    pub fn client(&self, name: &str) -> &Client {
        &self.clients[name]
    }

    pub fn client_mut(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap()
    }

    /// A client that is gone for good, with everything it had.
    pub fn forget(&mut self, name: &str) {
        self.clients.remove(name);
    }

    /// The sid of a published track, as its publisher was told.
    pub fn track_sid(&self, name: &str, source: lk::TrackSource) -> String {
        self.clients[name]
            .frames
            .iter()
            .rev()
            .find_map(|frame| match frame {
                Response::TrackPublished(published) => {
                    published.track.clone().filter(|track| track.source == source as i32).map(|t| t.sid)
                }
                _ => None,
            })
            .expect("the track was published")
    }

    pub fn kinds(&self) -> Vec<&EventKind> {
        self.events.iter().map(|event| &event.kind).collect()
    }
}

fn engine(address: &str, seed: u8, limits: Limits, now: Instant) -> Engine {
    Engine::new(EngineConfig {
        media_addresses: vec![address.parse().unwrap()],
        start: now,
        start_unix_ms: UNIX_MS,
        seed: [seed; 32],
        limits,
    })
    .unwrap()
}

fn client_name(name: &str, clients: &BTreeMap<&'static str, Client>) -> &'static str {
    clients[name].name
}
