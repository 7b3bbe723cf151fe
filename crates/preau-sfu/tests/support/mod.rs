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
    RelayMessage, ShardId, StreamId,
};
use prost::Message as _;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
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
    /// Share of datagrams lost, either way, in percent.
    pub loss: u64,
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
            loss: 0,
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

    fn shard(&mut self, shard: usize) -> &mut Engine {
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
        let up = Peer::new(address(), codecs, self.udp_blocked, self.now);
        let down = (connections == Connections::Two)
            .then(|| Peer::new(address(), codecs, self.udp_blocked, self.now));
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

    /// Announces a track and offers it. Returns its section; the track's sid follows in a frame.
    pub fn publish(&mut self, name: &'static str, source: lk::TrackSource, rids: &[&str]) -> Mid {
        self.publish_layers(name, source, rids, &[])
    }

    /// … with announced layers.
    pub fn publish_layers(
        &mut self,
        name: &'static str,
        source: lk::TrackSource,
        rids: &[&str],
        layers: &[(lk::VideoQuality, u32, u32)],
    ) -> Mid {
        let audio = matches!(source, lk::TrackSource::Microphone | lk::TrackSource::ScreenShareAudio);
        let cid = format!("cid-{name}-{}", source.as_str_name().to_lowercase());
        let layer = |(quality, width, height): &(lk::VideoQuality, u32, u32)| lk::VideoLayer {
            quality: *quality as i32,
            width: *width,
            height: *height,
            ..Default::default()
        };
        let codec = self.clients[name].codecs.first().map_or("", |codec| match codec {
            Codec::Vp9 => "vp9",
            Codec::H264 => "h264",
            _ => "vp8",
        });
        let request = lk::AddTrackRequest {
            cid: cid.clone(),
            r#type: if audio { lk::TrackType::Audio } else { lk::TrackType::Video } as i32,
            source: source as i32,
            layers: layers.iter().map(layer).collect(),
            simulcast_codecs: vec![lk::SimulcastCodec {
                codec: if audio { String::new() } else { codec.to_owned() },
                cid: cid.clone(),
                ..Default::default()
            }],
            ..Default::default()
        };
        self.signal(name, Request::AddTrack(request));
        self.offer_track(name, &cid, audio, rids)
    }

    /// Offers a track without announcing it.
    pub fn offer_track(&mut self, name: &'static str, cid: &str, audio: bool, rids: &[&str]) -> Mid {
        let client = self.clients.get_mut(name).unwrap();
        let simulcast = (!rids.is_empty()).then(|| Simulcast {
            send: rids.iter().map(|rid| SimulcastLayer::new(rid)).collect(),
            recv: vec![],
        });
        let kind = if audio { MediaKind::Audio } else { MediaKind::Video };
        let mut api = client.up.rtc.sdp_api();
        let mid = api.add_media(
            kind,
            Direction::SendOnly,
            Some("stream".to_owned()),
            Some(cid.to_owned()),
            simulcast,
        );
        let (offer, pending) = api.apply().unwrap();
        let offer = client.pend(&offer, pending);
        self.signal(name, Request::Offer(offer));
        mid
    }

    /// Sends one audio packet of the given loudness.
    pub fn say(&mut self, name: &str, mid: Mid, dbov: i8) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let pt = client.payload_type(Codec::Opus);
        let payload = format!("audio {sequence}").into_bytes();
        self.write_audio(name, mid, pt, sequence, dbov, payload);
    }

    /// Sends one audio packet with the one before it as redundancy (RFC 2198).
    pub fn say_twice(&mut self, name: &str, mid: Mid) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let params = *client.up.rtc.codec_config().iter().find(|p| p.spec().codec == Codec::Opus).unwrap();
        let before = format!("audio {}", sequence - 1).into_bytes();
        let mut payload = vec![0x80 | *params.pt(), 0x0f, 0x00, before.len() as u8, *params.pt()];
        payload.extend(before);
        payload.extend(format!("audio {sequence}").into_bytes());
        let red = params.red().expect("redundancy was negotiated");
        self.write_audio(name, mid, red, sequence, -20, payload);
    }

    fn write_audio(
        &mut self,
        name: &str,
        mid: Mid,
        pt: str0m::media::Pt,
        sequence: u64,
        dbov: i8,
        payload: Vec<u8>,
    ) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let ext =
            ExtensionValues { audio_level: Some(dbov), voice_activity: Some(true), ..Default::default() };
        let time = (sequence as u32).wrapping_mul(960);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).ext_vals(ext);
        let mut api = client.up.rtc.direct_api();
        api.stream_tx_by_mid(mid, None).expect("an audio section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    /// Sends one VP8 frame of one packet.
    pub fn film(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool) {
        self.film_sized(name, mid, rid, keyframe, 900, None);
    }

    /// Sends one VP8 frame of one packet of this size, in a temporal layer if given.
    pub fn film_sized(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        keyframe: bool,
        size: usize,
        temporal: Option<u8>,
    ) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, rid.map(Rid::from));
        // X and S; I and L (and T); 15 bits of picture id; TL0PICIDX; TID with sync; the frame header.
        let extension = if temporal.is_some() { 0xe0 } else { 0xc0 };
        let mut payload =
            vec![0x90, extension, 0x80 | (sequence >> 8) as u8 & 0x7f, sequence as u8, sequence as u8];
        payload.extend(temporal.map(|temporal| temporal << 6 | 0x20));
        payload.push(u8::from(!keyframe));
        payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
        payload.resize(size, 0);
        self.write_video(name, mid, rid, Codec::Vp8, sequence, true, payload);
    }

    /// Sends one VP8 frame of any size, in packets of up to 1,100 bytes.
    pub fn film_frame(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool, size: usize) {
        let packets = size.div_ceil(1_100).max(1);
        let client = self.clients.get_mut(name).unwrap();
        let picture = client.pictures.entry((mid, rid.map(Rid::from))).or_insert(200);
        *picture += 1;
        let picture = *picture;
        for index in 0..packets {
            let client = self.clients.get_mut(name).unwrap();
            let sequence = client.next_sequence(mid, rid.map(Rid::from));
            let start = if index == 0 { 0x90 } else { 0x80 };
            let mut payload =
                vec![start, 0xc0, 0x80 | (picture >> 8) as u8 & 0x7f, picture as u8, picture as u8];
            payload.push(u8::from(!keyframe));
            payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
            payload.resize((size / packets).max(7), 0);
            let last = index + 1 == packets;
            self.write_video_at(name, mid, rid, Codec::Vp8, (sequence, picture as u32 * 3000), last, payload);
        }
    }

    /// Sends one VP9 picture of these spatial layers, one packet each.
    pub fn film_spatial(&mut self, name: &str, mid: Mid, keyframe: bool, layers: u8, size: usize) {
        let client = self.clients.get_mut(name).unwrap();
        let picture = *client.sequences.get(&(mid, None)).unwrap_or(&0);
        for spatial in 0..layers {
            let client = self.clients.get_mut(name).unwrap();
            let sequence = client.next_sequence(mid, None);
            // I, L, B, E; P where it is predicted from an earlier picture.
            let flags = 0xac | if keyframe { 0 } else { 0x40 };
            let mut payload = vec![flags, 0x80 | (picture >> 8) as u8 & 0x7f, picture as u8];
            payload.push(spatial << 1 | u8::from(spatial > 0));
            payload.extend([picture as u8, 0xee]);
            payload.resize(size, spatial);
            self.write_video(name, mid, None, Codec::Vp9, sequence, spatial + 1 == layers, payload);
        }
    }

    /// Sends one H.264 picture of one packet.
    pub fn film_h264(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool) {
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, rid.map(Rid::from));
        let mut payload = if keyframe { vec![0x78, 0, 2, 0x67, 1, 0, 2, 0x65] } else { vec![0x41] };
        payload.extend_from_slice(rid.unwrap_or("-").as_bytes());
        payload.resize(500, 0);
        self.write_video(name, mid, rid, Codec::H264, sequence, true, payload);
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's fields")]
    fn write_video(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        codec: Codec,
        sequence: u64,
        marker: bool,
        payload: Vec<u8>,
    ) {
        let time = (sequence as u32).wrapping_mul(3000);
        self.write_video_at(name, mid, rid, codec, (sequence, time), marker, payload);
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's fields")]
    fn write_video_at(
        &mut self,
        name: &str,
        mid: Mid,
        rid: Option<&str>,
        codec: Codec,
        (sequence, time): (u64, u32),
        marker: bool,
        payload: Vec<u8>,
    ) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let pt = client.payload_type(codec);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).marker(marker).nackable(true);
        let mut api = client.up.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, rid.map(Rid::from));
        stream.expect("a video section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    pub fn send_data(&mut self, name: &str, channel: &str, packet: &lk::DataPacket) {
        self.send_bytes(name, channel, &packet.encode_to_vec());
    }

    pub fn send_bytes(&mut self, name: &str, channel: &str, bytes: &[u8]) {
        let client = self.clients.get_mut(name).unwrap();
        let id = client.channels[channel];
        let sent = client.up.rtc.channel(id).unwrap().write(true, bytes).unwrap();
        assert!(sent, "the client's channel is full");
        self.settle_client(client_name(name, &self.clients));
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
        for _ in 0..1000 {
            if done(self) {
                return;
            }
            self.run(Duration::from_millis(10));
        }
        panic!("did not happen within ten seconds: {what}");
    }

    /// All joined clients have media connections.
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

    /// Hands the engines' outputs to whom they concern.
    pub fn carry(&mut self) {
        loop {
            let mut quiet = true;
            for shard in 0..2 {
                if shard == 1 && self.annex.is_none() {
                    continue;
                }
                while let Some(output) = self.shard(shard).poll() {
                    quiet = false;
                    self.carry_one(shard, output);
                }
            }
            for (from, message) in std::mem::take(&mut self.relayed) {
                quiet = false;
                let now = self.now;
                self.shard(1 - from).relayed(ShardId(from as u32), *message, now);
            }
            if quiet {
                return;
            }
        }
    }

    fn carry_one(&mut self, shard: usize, output: Output) {
        match output {
            Output::Datagram { source, destination, contents } => {
                self.fly(source, destination, contents, false);
            }
            Output::StreamBytes { stream, bytes } => {
                let owns = |peer: &&Peer| peer.stream.as_ref().is_some_and(|(id, _)| *id == stream);
                let to = self.clients.values().flat_map(Client::all).find(owns).map(|peer| peer.seen_as);
                if let Some(to) = to {
                    self.fly(STREAMS.parse().unwrap(), to, bytes, true);
                }
            }
            Output::StreamClose { stream } => {
                for client in self.clients.values_mut() {
                    for peer in client.peers() {
                        peer.stream.take_if(|(id, _)| *id == stream);
                    }
                }
            }
            Output::Relay { message, .. } => self.relayed.push((shard, message)),
            Output::Frame { connection, bytes } => {
                let response = lk::SignalResponse::decode(bytes).unwrap().message.unwrap();
                let name = self.by_connection.get(&(shard, connection)).copied();
                match name {
                    Some(name) => {
                        // Whoever came under the same name since does not hear it.
                        let client = self.clients.get(name);
                        if client.is_some_and(|client| client.connection == Some(connection)) {
                            self.hear(name, response);
                        }
                    }
                    None => unreachable!("frames for {connection} before it was known: {response:?}"),
                }
            }
            Output::Close { connection } => {
                if let Some(name) = self.by_connection.get(&(shard, connection))
                    && let Some(client) = self.clients.get_mut(name)
                    && client.connection == Some(connection)
                {
                    client.closed = true;
                }
            }
            Output::Event(event) => self.events.push(event),
        }
    }

    fn hear(&mut self, name: &'static str, response: Response) {
        let client = self.clients.get_mut(name).unwrap();
        let mut reply = None;
        match &response {
            Response::Join(join) => client.sid = join.participant.as_ref().unwrap().sid.clone(),
            Response::Answer(answer) => {
                client.answers.push(answer.sdp.clone());
                if client.down.is_none() {
                    client.track_of = answer.mid_to_track_id.clone();
                }
                let (id, pending) = client.pending.take().expect("an answer to an offer");
                assert_eq!(id, answer.id, "an answer carries its offer's number");
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                client.up.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                if std::mem::take(&mut client.want_offer) {
                    reply = client.offer(0, 0, false).map(Request::Offer);
                }
            }
            Response::Offer(offer) if !client.mute_answers => {
                reply = Some(Request::Answer(client.take(offer)));
            }
            Response::MediaSectionsRequirement(need) => {
                assert!(client.down.is_none(), "asked for sections on the wrong path");
                let (audios, videos) = (need.num_audios as usize, need.num_videos as usize);
                if client.pending.is_some() {
                    client.want_offer = true;
                } else {
                    reply = client.offer(audios, videos, false).map(Request::Offer);
                }
            }
            _ => {}
        }
        client.frames.push(response);
        self.settle_client(name);
        if let Some(reply) = reply
            && self.clients[name].connection.is_some()
        {
            self.signal(name, reply);
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let datagram = entry.remove();
            let now = self.now;
            if datagram.tcp && datagram.destination == STREAMS.parse().unwrap() {
                self.into_stream(datagram.source, &datagram.contents);
                continue;
            }
            let to = [SERVER, ANNEX]
                .iter()
                .position(|server| datagram.destination == server.parse::<SocketAddr>().unwrap());
            if let Some(shard) = to {
                self.shard(shard).datagram(datagram.source, &datagram.contents, now);
                self.carry();
                continue;
            }
            let found = self.clients.values_mut().find(|client| client.is_at(datagram.destination));
            let Some(client) = found else { continue };
            let name = client.name;
            let peer = client.peers().find(|peer| peer.seen_as == datagram.destination).unwrap();
            let destination = peer.address;
            let mut whole = vec![datagram.contents];
            if datagram.tcp {
                let bytes = whole.pop().unwrap();
                let Some((_, deframer)) = &mut peer.stream else { continue };
                deframer.push(&bytes, |datagram| whole.push(datagram.to_vec())).unwrap();
            }
            for contents in whole {
                let receive = Receive {
                    proto: if datagram.tcp { Protocol::Tcp } else { Protocol::Udp },
                    source: datagram.source,
                    destination,
                    contents: contents.as_slice().try_into().unwrap(),
                };
                let client = self.clients.get_mut(name).unwrap();
                let peer = client.peers().find(|peer| peer.seen_as == datagram.destination).unwrap();
                peer.rtc.handle_input(Input::Receive(now, receive)).unwrap();
                self.settle_client(name);
            }
        }
    }

    /// Bytes a client writes to its TCP connection, which is opened when it first does.
    fn into_stream(&mut self, source: SocketAddr, bytes: &[u8]) {
        let now = self.now;
        let peers = self.clients.values_mut().flat_map(Client::peers);
        let Some(peer) = { peers }.find(|peer| peer.seen_as == source) else { return };
        if peer.stream.is_none() {
            let Some(id) = self.engine.stream_opened(source, now) else { return };
            peer.stream = Some((id, Deframer::default()));
        }
        let Some((id, _)) = peer.stream else { return };
        // In odd pieces, as TCP may.
        for piece in bytes.chunks(509) {
            self.engine.stream_bytes(id, piece, now);
            self.carry();
        }
    }

    /// A client's TCP connections break; the next ones come from another port.
    pub fn cut_stream(&mut self, name: &'static str) {
        let now = self.now;
        for peer in self.clients.get_mut(name).unwrap().peers() {
            if let Some((id, _)) = peer.stream.take() {
                self.engine.stream_closed(id, now);
            }
            peer.seen_as.set_port(peer.seen_as.port() + 1);
        }
        self.carry();
    }

    fn random(&mut self) -> u64 {
        // xorshift64: the same in every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn fly(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>, tcp: bool) {
        self.count += 1;
        let mut at = self.now + LATENCY;
        if !tcp {
            if self.udp_blocked || self.random() % 100 < self.loss {
                return;
            }
            if self.jitter > Duration::ZERO {
                let extra = self.random() % u64::try_from(self.jitter.as_micros()).unwrap();
                at += Duration::from_micros(extra);
            }
            let narrow = self
                .clients
                .values_mut()
                .find(|client| client.downlink.is_some() && client.is_at(destination));
            if let Some(client) = narrow {
                let begins = client.busy_until.max(self.now);
                if begins - self.now > QUEUE {
                    return;
                }
                let bits = (contents.len() as u64 + 28) * 8;
                let ends = begins + Duration::from_secs_f64(bits as f64 / client.downlink.unwrap() as f64);
                client.busy_until = ends;
                at = ends + LATENCY;
            }
        }
        self.flying.insert((at, self.count), Flying { source, destination, contents, tcp });
    }

    fn settle_client(&mut self, name: &'static str) {
        let client = self.clients.get_mut(name).unwrap();
        let mut sent = Vec::new();
        let now = self.now;
        for index in 0..2 {
            let Some(peer) = client.peers().nth(index) else { continue };
            let mut events = Vec::new();
            for _ in 0..64 {
                loop {
                    match peer.rtc.poll_output().unwrap() {
                        str0m::Output::Timeout(at) => {
                            peer.due = at;
                            break;
                        }
                        str0m::Output::Transmit(datagram) => {
                            let tcp = datagram.proto == Protocol::Tcp;
                            let contents: Vec<u8> = datagram.contents.into();
                            let contents = if tcp { framing::frame(&contents).unwrap() } else { contents };
                            sent.push((peer.seen_as, datagram.destination, contents, tcp));
                        }
                        str0m::Output::Event(event) => {
                            // The section is asked for now: streams come and go.
                            let mid = match &event {
                                str0m::Event::RtpPacket(packet) => {
                                    let ssrc = packet.header.ssrc;
                                    peer.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid())
                                }
                                _ => None,
                            };
                            events.push((mid, event));
                        }
                    }
                }
                if peer.due > now {
                    break;
                }
                peer.rtc.handle_input(Input::Timeout(now)).unwrap();
            }
            peer.due = peer.due.max(now + Duration::from_millis(1));
            let receives = index == 1 || client.down.is_none();
            for (mid, event) in events {
                client.note(event, mid, index == 0, receives);
            }
        }
        for (source, destination, contents, tcp) in sent {
            self.fly(source, destination, contents, tcp);
        }
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

impl Peer {
    fn new(address: SocketAddr, codecs: &[Codec], tcp_only: bool, now: Instant) -> Peer {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            // PCMU stands for somebody old, who has no redundancy either.
            .enable_opus(true, !codecs.contains(&Codec::PCMU))
            .enable_vp8(codecs.contains(&Codec::Vp8))
            .enable_h264(codecs.contains(&Codec::H264))
            .enable_vp9(codecs.contains(&Codec::Vp9))
            .build(now);
        if tcp_only {
            let tcp = Candidate::builder().tcp().host(address).tcptype(TcpType::Active).build().unwrap();
            rtc.add_local_candidate(tcp);
        } else {
            rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        }
        Peer { rtc, address, seen_as: address, due: now, stream: None }
    }
}

impl Client {
    fn new(
        name: &'static str,
        shard: usize,
        up: Peer,
        down: Option<Peer>,
        codecs: &[Codec],
        now: Instant,
    ) -> Client {
        Client {
            name,
            shard,
            up,
            down,
            connection: None,
            frames: Vec::new(),
            closed: false,
            sid: String::new(),
            media: Vec::new(),
            keyframe_requests: Vec::new(),
            data: Vec::new(),
            connected: false,
            track_of: HashMap::new(),
            channels: HashMap::new(),
            inward: HashMap::new(),
            answers: Vec::new(),
            downlink: None,
            mute_answers: false,
            last_answer: None,
            busy_until: now,
            pending: None,
            want_offer: false,
            offers: 0,
            receive: Vec::new(),
            sequences: HashMap::new(),
            pictures: HashMap::new(),
            switched_off: Vec::new(),
            codecs: codecs.to_vec(),
        }
    }

    fn peers(&mut self) -> impl Iterator<Item = &mut Peer> {
        std::iter::once(&mut self.up).chain(self.down.as_mut())
    }

    fn all(&self) -> impl Iterator<Item = &Peer> {
        std::iter::once(&self.up).chain(self.down.as_ref())
    }

    fn is_at(&self, address: SocketAddr) -> bool {
        self.all().any(|peer| peer.seen_as == address)
    }

    fn due(&self) -> Instant {
        self.down.as_ref().map_or(self.up.due, |down| down.due.min(self.up.due))
    }

    /// The network forgets where the client is: same client, other port.
    pub fn rebind(&mut self, up: &str) {
        self.up.seen_as = up.parse().unwrap();
    }

    fn pend(&mut self, offer: &SdpOffer, pending: SdpPendingOffer) -> lk::SessionDescription {
        self.offers += 1;
        self.pending = Some((self.offers, pending));
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        }
    }

    /// Answers an offer of the server.
    fn take(&mut self, offer: &lk::SessionDescription) -> lk::SessionDescription {
        self.track_of = offer.mid_to_track_id.clone();
        let down = self.down.as_mut().expect("offers come on the second connection");
        let sdp = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
        let answer = down.rtc.sdp_api().accept_offer(sdp).unwrap();
        let answer = lk::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer.to_sdp_string(),
            id: offer.id,
            ..Default::default()
        };
        self.last_answer = Some(answer.clone());
        answer
    }

    /// An offer that reserves more receive sections and reopens those that were answered inactive.
    fn offer(&mut self, audios: usize, videos: usize, channels: bool) -> Option<lk::SessionDescription> {
        let mut api = self.up.rtc.sdp_api();
        for mid in &self.receive {
            api.set_direction(*mid, Direction::RecvOnly);
        }
        for kind in
            std::iter::repeat_n(MediaKind::Audio, audios).chain(std::iter::repeat_n(MediaKind::Video, videos))
        {
            self.receive.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
        }
        if channels {
            api.add_channel_with_config(ChannelConfig {
                label: "_reliable".to_owned(),
                ..Default::default()
            });
            api.add_channel_with_config(ChannelConfig {
                label: "_lossy".to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..Default::default()
            });
        }
        if !api.has_changes() {
            // str0m offers only changes, a browser offers whenever it is asked to.
            self.receive.push(api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None));
        }
        let (offer, pending) = api.apply()?;
        Some(self.pend(&offer, pending))
    }

    /// An offer with new ICE credentials.
    pub fn restart_ice(&mut self) -> lk::SessionDescription {
        let mut api = self.up.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.pend(&offer, pending)
    }

    /// An offer in which a section no longer sends.
    pub fn stop_sending(&mut self, mid: Mid) -> lk::SessionDescription {
        let mut api = self.up.rtc.sdp_api();
        api.set_direction(mid, Direction::Inactive);
        let (offer, pending) = api.apply().unwrap();
        self.pend(&offer, pending)
    }

    fn note(&mut self, event: str0m::Event, mid: Option<Mid>, sends: bool, receives: bool) {
        match event {
            str0m::Event::Connected if receives => self.connected = true,
            str0m::Event::RtpPacket(packet) => {
                let Some(mid) = mid else { return };
                // Repeated on the repair stream as padding for a probe: when a section changed its
                // streams, str0m as a receiver may take it for a packet of the earlier one. Browsers
                // know better, from the description.
                let repeated = self.media.iter().rev().take(400).any(|(section, known)| {
                    *section == mid
                        && known.header.ssrc != packet.header.ssrc
                        && known.seq_no == packet.seq_no
                        && known.payload == packet.payload
                });
                if !repeated {
                    self.media.push((mid, packet));
                }
            }
            str0m::Event::KeyframeRequest(request) => {
                self.keyframe_requests.push((request.mid, request.rid));
            }
            str0m::Event::ChannelOpen(id, label) => {
                if sends {
                    self.channels.insert(label.clone(), id);
                }
                if receives {
                    self.inward.insert(label, id);
                }
            }
            str0m::Event::ChannelData(data) => {
                let label = self.inward.iter().find(|(_, id)| **id == data.id).map(|(l, _)| l.clone());
                let packet = lk::DataPacket::decode(data.data.as_slice()).unwrap();
                self.data.push((label.unwrap_or_default(), packet));
            }
            _ => {}
        }
    }

    fn payload_type(&self, codec: Codec) -> str0m::media::Pt {
        self.up.rtc.codec_config().iter().find(|p| p.spec().codec == codec).unwrap().pt()
    }

    fn next_sequence(&mut self, mid: Mid, rid: Option<Rid>) -> u64 {
        let sequence = self.sequences.entry((mid, rid)).or_insert(1_000);
        *sequence += 1;
        *sequence
    }

    /// Media received of a track.
    pub fn received(&self, track: &str) -> Vec<&RtpPacket> {
        let mid = self.track_of.iter().find(|(_, sid)| *sid == track).map(|(mid, _)| Mid::from(mid.as_str()));
        self.media.iter().filter(|(section, _)| Some(*section) == mid).map(|(_, packet)| packet).collect()
    }

    /// The latest that this client was told about a participant.
    pub fn knows(&self, identity: &str) -> Option<lk::ParticipantInfo> {
        self.frames.iter().rev().find_map(|frame| {
            let list = match frame {
                Response::Update(update) => update.participants.clone(),
                Response::Join(join) => join.other_participants.clone(),
                _ => return None,
            };
            list.into_iter().find(|info| info.identity == identity)
        })
    }

    pub fn last_leave(&self) -> Option<lk::LeaveRequest> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Response::Leave(leave) => Some(leave.clone()),
            _ => None,
        })
    }

    pub fn last_refusal(&self) -> Option<lk::RequestResponse> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Response::RequestResponse(response) => Some(response.clone()),
            _ => None,
        })
    }
}
