//! Simulated clients and a simulated network around an engine. Time is invented, loss is drawn from
//! a seeded generator, nothing sleeps: a minute of a lesson takes milliseconds.
//!
//! A client here is str0m in RTP mode with full ICE and DTLS, and behaves on the signalling side as
//! livekit-client does on `/rtc/v1`: it reserves receive sections, is the only one to offer, and
//! offers again when the server asks for it.

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
use preau_sfu::grants::Grants;
use preau_sfu::token::Claims;
use preau_sfu::{Admission, ConnectionId, Engine, EngineConfig, Event, EventKind, Limits, Output};
use prost::Message as _;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Input, Rtc};

pub const SERVER: &str = "10.0.0.1:7882";
pub const UNIX_MS: u64 = 1_800_000_000_000;
pub const ROOM: &str = "lecon";

/// One way through the simulated network.
const LATENCY: Duration = Duration::from_millis(5);

pub struct World {
    pub engine: Engine,
    pub now: Instant,
    pub clients: BTreeMap<&'static str, Client>,
    pub events: Vec<Event>,
    /// Share of datagrams lost, either way, in percent.
    pub loss: u64,
    flying: BTreeMap<(Instant, u64), Flying>,
    count: u64,
    random: u64,
    by_connection: HashMap<ConnectionId, &'static str>,
}

struct Flying {
    source: SocketAddr,
    destination: SocketAddr,
    contents: Vec<u8>,
}

pub struct Client {
    pub name: &'static str,
    pub rtc: Rtc,
    pub address: SocketAddr,
    /// What the network makes of the address; differs after a NAT changed its mind.
    pub seen_as: SocketAddr,
    pub connection: Option<ConnectionId>,
    pub frames: Vec<Response>,
    pub closed: bool,
    pub sid: String,
    pub media: Vec<(Mid, RtpPacket)>,
    pub keyframe_requests: Vec<(Mid, Option<Rid>)>,
    pub data: Vec<(String, lk::DataPacket)>,
    pub connected: bool,
    /// Track by section, as the last answer said.
    pub track_of: HashMap<String, String>,
    pub channels: HashMap<String, ChannelId>,
    pub answers: Vec<String>,
    due: Instant,
    pending: Option<(u32, SdpPendingOffer)>,
    want_offer: bool,
    offers: u32,
    receive: Vec<Mid>,
    sequences: HashMap<(Mid, Option<Rid>), u64>,
}

impl World {
    pub fn new() -> World {
        World::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> World {
        let now = Instant::now();
        let engine = Engine::new(EngineConfig {
            media_addresses: vec![SERVER.parse().unwrap()],
            start: now,
            start_unix_ms: UNIX_MS,
            seed: [7; 32],
            limits,
        })
        .unwrap();
        World {
            engine,
            now,
            clients: BTreeMap::new(),
            events: Vec::new(),
            loss: 0,
            flying: BTreeMap::new(),
            count: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            by_connection: HashMap::new(),
        }
    }

    /// Claims of a token minted now.
    pub fn claims(&self, name: &str, grants: Grants) -> Claims {
        let elapsed = 0;
        Claims {
            identity: name.into(),
            name: name.to_uppercase(),
            room: ROOM.into(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            grants,
            issued_at: UNIX_MS / 1000 + elapsed,
        }
    }

    /// A client joins with a first offer of three audio and three video receive sections.
    pub fn join(&mut self, name: &'static str, grants: Grants) {
        let claims = self.claims(name, grants);
        self.join_with(name, claims);
    }

    pub fn join_with(&mut self, name: &'static str, claims: Claims) {
        let host = u8::try_from(self.by_connection.len() + 2).unwrap();
        let address = SocketAddr::from(([10, 0, 0, host], 40_000));
        let mut client = Client::new(name, address, self.now);
        let offer = client.offer(3, 3, true).unwrap();
        let join = lk::JoinRequest { publisher_offer: Some(offer), ..Default::default() };
        let connection = self.engine.connect(Admission { claims, join }, self.now);
        client.connection = Some(connection);
        self.by_connection.insert(connection, name);
        self.clients.insert(name, client);
        self.carry();
    }

    /// The signalling connection breaks and comes back at once, with the stay's sid.
    pub fn resume(&mut self, name: &'static str, claims: Claims) {
        let client = self.clients.get_mut(name).unwrap();
        let join =
            lk::JoinRequest { reconnect: true, participant_sid: client.sid.clone(), ..Default::default() };
        client.frames.clear();
        client.closed = false;
        let connection = self.engine.connect(Admission { claims, join }, self.now);
        self.clients.get_mut(name).unwrap().connection = Some(connection);
        self.by_connection.insert(connection, name);
        self.carry();
    }

    pub fn break_signalling(&mut self, name: &'static str) {
        let connection = self.clients.get_mut(name).unwrap().connection.take().unwrap();
        self.engine.disconnect(connection, self.now);
        self.carry();
    }

    pub fn signal(&mut self, name: &str, request: Request) {
        let connection = self.clients[name].connection.unwrap();
        let bytes = lk::SignalRequest { message: Some(request) }.encode_to_vec();
        self.engine.frame(connection, &bytes, self.now);
        self.carry();
    }

    pub fn control(&mut self, command: Command) -> Result<Reply, ControlError> {
        let reply = self.engine.control(command, self.now);
        self.carry();
        reply
    }

    /// Announces a track and offers it. Returns its section; the track's sid follows in a frame.
    pub fn publish(&mut self, name: &'static str, source: lk::TrackSource, rids: &[&str]) -> Mid {
        let audio = matches!(source, lk::TrackSource::Microphone | lk::TrackSource::ScreenShareAudio);
        let cid = format!("cid-{name}-{}", source.as_str_name().to_lowercase());
        let request = lk::AddTrackRequest {
            cid: cid.clone(),
            r#type: if audio { lk::TrackType::Audio } else { lk::TrackType::Video } as i32,
            source: source as i32,
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
        let mut api = client.rtc.sdp_api();
        let mid = api.add_media(
            kind,
            Direction::SendOnly,
            Some("stream".to_owned()),
            Some(cid.to_owned()),
            simulcast,
        );
        let (offer, pending) = api.apply().unwrap();
        client.offers += 1;
        client.pending = Some((client.offers, pending));
        let offer = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: client.offers,
            ..Default::default()
        };
        self.signal(name, Request::Offer(offer));
        mid
    }

    /// Sends one audio packet of the given loudness.
    pub fn say(&mut self, name: &str, mid: Mid, dbov: i8) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let sequence = client.next_sequence(mid, None);
        let pt = client.payload_type(true);
        let ext =
            ExtensionValues { audio_level: Some(dbov), voice_activity: Some(true), ..Default::default() };
        let payload = format!("audio {sequence}").into_bytes();
        let time = (sequence as u32).wrapping_mul(960);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).ext_vals(ext);
        let mut api = client.rtc.direct_api();
        api.stream_tx_by_mid(mid, None).expect("an audio section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    /// Sends one VP8 frame of one packet.
    pub fn film(&mut self, name: &str, mid: Mid, rid: Option<&str>, keyframe: bool) {
        let now = self.now;
        let client = self.clients.get_mut(name).unwrap();
        let rid = rid.map(Rid::from);
        let sequence = client.next_sequence(mid, rid);
        let pt = client.payload_type(false);
        // X and S; I and L; 15 bits of picture id; TL0PICIDX; then the frame header.
        let mut payload =
            vec![0x90, 0xc0, 0x80 | (sequence >> 8) as u8 & 0x7f, sequence as u8, sequence as u8];
        payload.push(u8::from(!keyframe));
        payload.extend_from_slice(rid.as_deref().unwrap_or("-").as_bytes());
        payload.resize(900, 0);
        let time = (sequence as u32).wrapping_mul(3000);
        let write = RtpWrite::new(pt, sequence.into(), time, now, payload).marker(true).nackable(true);
        let mut api = client.rtc.direct_api();
        api.stream_tx_by_mid(mid, rid).expect("a video section that sends").write_rtp(write);
        self.settle_client(client_name(name, &self.clients));
    }

    pub fn send_data(&mut self, name: &str, channel: &str, packet: &lk::DataPacket) {
        let client = self.clients.get_mut(name).unwrap();
        let id = client.channels[channel];
        let sent = client.rtc.channel(id).unwrap().write(true, &packet.encode_to_vec()).unwrap();
        assert!(sent, "the client's channel is full");
        self.settle_client(client_name(name, &self.clients));
    }

    /// Lets time pass and packets fly.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let flying = self.flying.keys().next().map(|(at, _)| *at);
            let due = self.clients.values().map(|client| client.due).min();
            let next = [flying, due, self.engine.deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.deliver();
            let names: Vec<_> = self.clients.values().filter(|c| c.due <= self.now).map(|c| c.name).collect();
            for name in names {
                let client = self.clients.get_mut(name).unwrap();
                client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
                self.settle_client(name);
            }
            if self.engine.deadline().is_some_and(|at| at <= self.now) {
                self.engine.tick(self.now);
                self.carry();
            }
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
            world.clients.values().all(|client| client.connected && client.channels.len() == 2)
        });
        self.run(Duration::from_millis(100));
    }

    pub fn client(&self, name: &str) -> &Client {
        &self.clients[name]
    }

    pub fn client_mut(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap()
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

    /// Hands an engine's outputs to whom they concern.
    pub fn carry(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Datagram { source, destination, contents } => {
                    self.fly(source, destination, contents);
                }
                Output::Frame { connection, bytes } => {
                    let response = lk::SignalResponse::decode(bytes).unwrap().message.unwrap();
                    if let Some(name) = self.by_connection.get(&connection).copied() {
                        self.hear(name, response);
                    } else {
                        // The first frames come before the test knows the connection.
                        self.by_connection.insert(connection, "?");
                        unreachable!("frames for {connection} before it was known: {response:?}");
                    }
                }
                Output::Close { connection } => {
                    if let Some(name) = self.by_connection.get(&connection) {
                        let client = self.clients.get_mut(name).unwrap();
                        if client.connection == Some(connection) {
                            client.closed = true;
                        }
                    }
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn hear(&mut self, name: &'static str, response: Response) {
        let client = self.clients.get_mut(name).unwrap();
        let mut reply = None;
        match &response {
            Response::Join(join) => client.sid = join.participant.as_ref().unwrap().sid.clone(),
            Response::Answer(answer) => {
                client.answers.push(answer.sdp.clone());
                client.track_of = answer.mid_to_track_id.clone();
                let (id, pending) = client.pending.take().expect("an answer to an offer");
                assert_eq!(id, answer.id, "an answer carries its offer's number");
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                client.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                if std::mem::take(&mut client.want_offer) {
                    reply = client.offer(0, 0, false);
                }
            }
            Response::MediaSectionsRequirement(need) => {
                let (audios, videos) = (need.num_audios as usize, need.num_videos as usize);
                if client.pending.is_some() {
                    client.want_offer = true;
                } else {
                    reply = client.offer(audios, videos, false);
                }
            }
            _ => {}
        }
        client.frames.push(response);
        self.settle_client(name);
        if let Some(offer) = reply {
            self.signal(name, Request::Offer(offer));
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let datagram = entry.remove();
            if datagram.destination == SERVER.parse().unwrap() {
                self.engine.datagram(datagram.source, &datagram.contents, self.now);
                self.carry();
                continue;
            }
            let to = self.clients.values_mut().find(|client| client.seen_as == datagram.destination);
            let Some(client) = to else { continue };
            let contents = datagram.contents.as_slice().try_into().unwrap();
            let receive = Receive {
                proto: Protocol::Udp,
                source: datagram.source,
                destination: client.address,
                contents,
            };
            client.rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
            let name = client.name;
            self.settle_client(name);
        }
    }

    fn fly(&mut self, source: SocketAddr, destination: SocketAddr, contents: Vec<u8>) {
        // xorshift64: the same losses in every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        if self.random % 100 < self.loss {
            return;
        }
        self.count += 1;
        self.flying.insert((self.now + LATENCY, self.count), Flying { source, destination, contents });
    }

    fn settle_client(&mut self, name: &'static str) {
        let client = self.clients.get_mut(name).unwrap();
        let mut sent = Vec::new();
        for _ in 0..64 {
            loop {
                match client.rtc.poll_output().unwrap() {
                    str0m::Output::Timeout(at) => {
                        client.due = at;
                        break;
                    }
                    str0m::Output::Transmit(datagram) => {
                        sent.push((client.seen_as, datagram.destination, datagram.contents.into()));
                    }
                    str0m::Output::Event(event) => client.note(event),
                }
            }
            if client.due > self.now {
                break;
            }
            client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
        }
        client.due = client.due.max(self.now + Duration::from_millis(1));
        for (source, destination, contents) in sent {
            self.fly(source, destination, contents);
        }
    }
}

fn client_name(name: &str, clients: &BTreeMap<&'static str, Client>) -> &'static str {
    clients[name].name
}

impl Client {
    fn new(name: &'static str, address: SocketAddr, now: Instant) -> Client {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        Client {
            name,
            rtc,
            address,
            seen_as: address,
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
            answers: Vec::new(),
            due: now,
            pending: None,
            want_offer: false,
            offers: 0,
            receive: Vec::new(),
            sequences: HashMap::new(),
        }
    }

    /// An offer that reserves more receive sections and reopens those that were answered inactive.
    fn offer(&mut self, audios: usize, videos: usize, channels: bool) -> Option<lk::SessionDescription> {
        let mut api = self.rtc.sdp_api();
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
        self.offers += 1;
        self.pending = Some((self.offers, pending));
        Some(lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        })
    }

    /// An offer with new ICE credentials.
    pub fn restart_ice(&mut self) -> lk::SessionDescription {
        let mut api = self.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        self.offers += 1;
        self.pending = Some((self.offers, pending));
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        }
    }

    /// An offer in which a section no longer sends.
    pub fn stop_sending(&mut self, mid: Mid) -> lk::SessionDescription {
        let mut api = self.rtc.sdp_api();
        api.set_direction(mid, Direction::Inactive);
        let (offer, pending) = api.apply().unwrap();
        self.offers += 1;
        self.pending = Some((self.offers, pending));
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        }
    }

    fn note(&mut self, event: str0m::Event) {
        match event {
            str0m::Event::Connected => self.connected = true,
            str0m::Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid());
                if let Some(mid) = mid {
                    self.media.push((mid, packet));
                }
            }
            str0m::Event::KeyframeRequest(request) => {
                self.keyframe_requests.push((request.mid, request.rid));
            }
            str0m::Event::ChannelOpen(id, label) => {
                self.channels.insert(label, id);
            }
            str0m::Event::ChannelData(data) => {
                let label = self.channels.iter().find(|(_, id)| **id == data.id).map(|(l, _)| l.clone());
                let packet = lk::DataPacket::decode(data.data.as_slice()).unwrap();
                self.data.push((label.unwrap_or_default(), packet));
            }
            _ => {}
        }
    }

    fn payload_type(&self, audio: bool) -> str0m::media::Pt {
        let codec = if audio { str0m::format::Codec::Opus } else { str0m::format::Codec::Vp8 };
        self.rtc.codec_config().iter().find(|p| p.spec().codec == codec).unwrap().pt()
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
