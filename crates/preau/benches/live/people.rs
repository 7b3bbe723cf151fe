//! People with peer connections: what they send and receive, on one thread and one socket.
//!
//! They speak WebRTC through str0m and know nothing of servers: whoever signals for them (`livekit`, `janus`) gives
//! and takes descriptions. Sound is a packet of Opus' size every 20 ms; a picture is five packets of 1,100 bytes 25
//! times a second, which begin like VP8's, twice as many for a key frame. Every packet says when it left.

use super::network::{Network, dropped};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Bytes of a packet's payload, as a browser fills them.
const PICTURE_PACKET: usize = 1_100;
const SOUND_PACKET: usize = 100;
const SOUND_EVERY: Duration = Duration::from_millis(20);
const PICTURE_EVERY: Duration = Duration::from_millis(40);
const PACKETS_A_PICTURE: usize = 5;
/// str0m asks for time to pass right after most writes; it never needs more rounds than this.
const ROUNDS: usize = 16;
/// The longest nap: how late a frame of the signalling may be looked at.
const NAP: Duration = Duration::from_millis(2);

/// A peer connection.
struct Leg {
    rtc: Rtc,
    address: SocketAddr,
    due: Instant,
    /// When it is woken; never later than `due`.
    alarm: Instant,
    connected: bool,
    /// Whether an answer was given or taken.
    described: bool,
    tracks: Vec<Outgoing>,
    /// What came, stream by stream.
    incoming: HashMap<Ssrc, Incoming>,
    pending: Option<SdpPendingOffer>,
}

/// What somebody sends in one section.
struct Outgoing {
    mid: Mid,
    kind: MediaKind,
    sequence: u64,
    pictures: u64,
    next: Instant,
    key_wanted: bool,
}

/// A stream that somebody receives.
#[derive(Default)]
struct Incoming {
    first: u64,
    highest: u64,
    count: u64,
    pictures: bool,
}

/// What is being counted. Packets are those of media, both ways.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) bytes: u64,
    /// Milliseconds from one client's encoder to another's decoder.
    pub(crate) delays: Vec<f32>,
    /// Packets whose delay was not noted, because enough were.
    skipped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Leg(usize),
    Track(usize, usize),
}

/// All of them.
pub(crate) struct People {
    pub(crate) network: Network,
    legs: Vec<Leg>,
    alarms: BinaryHeap<Reverse<(Instant, Due)>>,
    pub(crate) tally: Tally,
    begun: Instant,
    /// Whether tracks send, and packets are counted.
    pub(crate) sending: bool,
}

impl People {
    pub(crate) fn new(network: Network) -> People {
        People {
            network,
            legs: Vec::new(),
            alarms: BinaryHeap::new(),
            tally: Tally::default(),
            begun: Instant::now(),
            sending: false,
        }
    }

    /// A new peer connection; its number.
    pub(crate) fn add(&mut self) -> usize {
        let now = Instant::now();
        let number = self.legs.len();
        let address = self.network.address(number);
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_crypto_provider(preau_sfu::cryptography())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        if let Ok(candidate) = Candidate::host(address, Protocol::Udp) {
            rtc.add_local_candidate(candidate);
        }
        self.legs.push(Leg {
            rtc,
            address,
            due: now,
            alarm: now + Duration::from_secs(3_600),
            connected: false,
            described: false,
            tracks: Vec::new(),
            incoming: HashMap::new(),
            pending: None,
        });
        number
    }

    /// How many of these connections can carry media.
    pub(crate) fn connected(&self) -> usize {
        self.legs.iter().filter(|leg| leg.connected).count()
    }

    /// The first connections that cannot: which they are, and whether they were described to both sides.
    pub(crate) fn missing(&self) -> Vec<(usize, bool)> {
        let missing = self.legs.iter().enumerate().filter(|(_, leg)| !leg.connected);
        missing.map(|(number, leg)| (number, leg.described)).take(8).collect()
    }

    /// Streams that arrive somewhere, and how many packets of them are missing.
    pub(crate) fn losses(&self) -> (usize, u64, u64) {
        let streams = self.legs.iter().flat_map(|leg| leg.incoming.values());
        streams.fold((0, 0, 0), |(streams, expected, lost), one| {
            let span = one.highest - one.first + 1;
            (streams + 1, expected + span, lost + span.saturating_sub(one.count))
        })
    }

    /// Streams that arrive somewhere: of sound, of pictures.
    pub(crate) fn streams(&self) -> (usize, usize) {
        let streams = self.legs.iter().flat_map(|leg| leg.incoming.values());
        streams.fold((0, 0), |(sound, pictures), one| match one.pictures {
            true => (sound, pictures + 1),
            false => (sound + 1, pictures),
        })
    }

    /// Forgets what was counted.
    pub(crate) fn count_anew(&mut self) {
        self.tally = Tally::default();
        self.legs.iter_mut().for_each(|leg| leg.incoming.clear());
    }

    /// Datagrams that this side was too slow for.
    pub(crate) fn missed(&self) -> u64 {
        let own = self.network.port();
        dropped(|port| port == own)
    }

    /// An offer of tracks to send and, with `channels`, the data channels of LiveKit.
    pub(crate) fn offer(
        &mut self,
        leg: usize,
        tracks: &[(MediaKind, String)],
        channels: bool,
    ) -> Option<String> {
        let now = Instant::now();
        let leg = &mut self.legs[leg];
        let mut api = leg.rtc.sdp_api();
        for (kind, name) in tracks {
            let (stream, track) = (Some("own".to_owned()), Some(name.clone()));
            let mid = api.add_media(*kind, Direction::SendOnly, stream, track, None);
            let (next, key_wanted) = (now, true);
            leg.tracks.push(Outgoing { mid, kind: *kind, sequence: 1_000, pictures: 0, next, key_wanted });
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
        let (offer, pending) = api.apply()?;
        leg.pending = Some(pending);
        Some(offer.to_sdp_string())
    }

    /// Takes the answer to the last offer.
    pub(crate) fn answered(&mut self, number: usize, sdp: &str) -> anyhow::Result<()> {
        let now = Instant::now();
        let leg = &mut self.legs[number];
        let Some(pending) = leg.pending.take() else { anyhow::bail!("an answer without an offer") };
        leg.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(sdp)?)?;
        leg.described = true;
        for (index, track) in leg.tracks.iter_mut().enumerate() {
            if let Some(stream) = leg.rtc.direct_api().stream_tx_by_mid(track.mid, None) {
                stream.set_unpaced(true);
            }
            // People do not speak in step.
            let phase = Duration::from_micros((number as u64 * 7_919 + index as u64 * 3_571) % 40_000);
            track.next = now + phase;
            self.alarms.push(Reverse((track.next, Due::Track(number, index))));
        }
        self.settle(number, now);
        Ok(())
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, number: usize, sdp: &str) -> anyhow::Result<String> {
        let offer = SdpOffer::from_sdp_string(sdp)?;
        let answer = self.legs[number].rtc.sdp_api().accept_offer(offer)?.to_sdp_string();
        self.legs[number].described = true;
        self.settle(number, Instant::now());
        Ok(answer)
    }

    /// An address of the server, said later.
    pub(crate) fn candidate(&mut self, number: usize, line: &str) {
        // Those over TCP are for others.
        if let Ok(candidate) = Candidate::from_sdp_string(line)
            && candidate.proto() == Protocol::Udp
        {
            self.legs[number].rtc.add_remote_candidate(candidate);
            self.settle(number, Instant::now());
        }
    }

    /// One turn: what is due, what has arrived. Waits a moment when there is nothing.
    pub(crate) fn turn(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, due))) = self.alarms.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.alarms.pop();
            match due {
                Due::Leg(number) => self.wake(number, at, now),
                Due::Track(number, index) => self.film(number, index, now),
            }
        }
        let mut quiet = true;
        let mut arrived: Vec<(usize, SocketAddr, Vec<u8>)> = Vec::new();
        for _ in 0..16 {
            let more = self.network.receive(|one| arrived.push((one.number, one.from, one.bytes.to_vec())));
            for (number, from, bytes) in arrived.drain(..) {
                quiet = false;
                self.hear(number, from, &bytes);
            }
            if !more {
                break;
            }
        }
        if quiet {
            let next = self.alarms.peek().map_or(NAP, |Reverse((at, _))| at.saturating_duration_since(now));
            let nap = rustix::time::Timespec {
                tv_sec: 0,
                tv_nsec: i64::try_from(next.min(NAP).as_nanos()).unwrap_or(0),
            };
            let socket = self.network.socket().as_fd();
            let mut wait = [rustix::event::PollFd::from_borrowed_fd(socket, rustix::event::PollFlags::IN)];
            let _ = rustix::event::poll(&mut wait, Some(&nap));
        }
    }

    fn wake(&mut self, number: usize, at: Instant, now: Instant) {
        let leg = &mut self.legs[number];
        if leg.alarm != at {
            return;
        }
        leg.alarm = now + Duration::from_secs(3_600);
        if leg.due <= now && leg.rtc.handle_input(Input::Timeout(now)).is_err() {
            leg.connected = false;
            return;
        }
        self.settle(number, now);
    }

    fn hear(&mut self, number: usize, from: SocketAddr, bytes: &[u8]) {
        let now = Instant::now();
        let Some(leg) = self.legs.get_mut(number) else { return };
        let Ok(receive) = Receive::new(Protocol::Udp, from, leg.address, bytes) else { return };
        if is_media(bytes) && self.sending {
            self.tally.received += 1;
            self.tally.bytes += bytes.len() as u64;
        }
        let _ = leg.rtc.handle_input(Input::Receive(now, receive));
        self.settle(number, now);
    }

    /// Sends what is due of a track.
    fn film(&mut self, number: usize, index: usize, now: Instant) {
        let leg = &mut self.legs[number];
        let track = &mut leg.tracks[index];
        let every = if track.kind == MediaKind::Audio { SOUND_EVERY } else { PICTURE_EVERY };
        track.next = (track.next + every).max(now.checked_sub(every).unwrap_or(now));
        self.alarms.push(Reverse((track.next, Due::Track(number, index))));
        if !self.sending || !leg.connected {
            return;
        }
        let (kind, mid) = (track.kind, track.mid);
        let key = kind == MediaKind::Video && std::mem::take(&mut track.key_wanted);
        track.pictures += 1;
        let picture = track.pictures;
        let packets = match kind {
            MediaKind::Audio => 1,
            MediaKind::Video if key => 2 * PACKETS_A_PICTURE,
            MediaKind::Video => PACKETS_A_PICTURE,
        };
        for packet in 0..packets {
            let leg = &mut self.legs[number];
            let track = &mut leg.tracks[index];
            track.sequence += 1;
            let sequence = track.sequence;
            let codec = leg.rtc.codec_config();
            let wanted = |audio: bool| codec.iter().find(|one| one.spec().codec.is_audio() == audio);
            let Some(pt) = wanted(kind == MediaKind::Audio).map(|one| one.pt()) else { return };
            let stamp = now.duration_since(self.begun).as_micros() as u64;
            let write = if kind == MediaKind::Audio {
                let mut payload = vec![0x78; SOUND_PACKET];
                payload[SOUND_PACKET - 8..].copy_from_slice(&stamp.to_be_bytes());
                // Loud enough to be heard, and not always the same.
                let level = Some(-20 - (sequence % 13) as i8);
                let spoken =
                    ExtensionValues { audio_level: level, voice_activity: Some(true), ..Default::default() };
                RtpWrite::new(pt, sequence.into(), (picture as u32).wrapping_mul(960), now, payload)
                    .ext_vals(spoken)
            } else {
                let start = if packet == 0 { 0x90 } else { 0x80 };
                // As libwebrtc splits a picture: alike, but for a byte more in the last ones where it does not divide.
                let longer = packet + (picture as usize % packets) >= packets;
                let length = PICTURE_PACKET + usize::from(longer);
                let mut payload = vec![0x11; length];
                // RFC 7741 section 4.2: picture, level zero and layer, for an index of level zero comes with a layer.
                let head = [
                    start,
                    0xe0,
                    0x80 | (picture >> 8) as u8 & 0x7f,
                    picture as u8,
                    picture as u8,
                    0,
                    u8::from(!key),
                ];
                payload[..7].copy_from_slice(&head);
                if key && packet == 0 {
                    // The start code and 1,280 by 720 (RFC 6386 section 9.1).
                    payload[7..16].copy_from_slice(&[0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
                }
                payload[length - 8..].copy_from_slice(&stamp.to_be_bytes());
                RtpWrite::new(pt, sequence.into(), (picture as u32).wrapping_mul(3_600), now, payload)
                    .marker(packet + 1 == packets)
                    .nackable(true)
            };
            if let Some(stream) = leg.rtc.direct_api().stream_tx_by_mid(mid, None) {
                stream.write_rtp(write);
            }
            self.settle(number, now);
        }
    }

    /// Takes out everything that a connection has to say.
    fn settle(&mut self, number: usize, now: Instant) {
        let mut rounds = 0;
        loop {
            let leg = &mut self.legs[number];
            match leg.rtc.poll_output() {
                Ok(Output::Transmit(one)) => {
                    if self.sending && is_media(&one.contents) {
                        self.tally.sent += 1;
                        self.tally.bytes += one.contents.len() as u64;
                    }
                    self.network.send(leg.address, one.destination, &one.contents);
                }
                Ok(Output::Event(event)) => self.note(number, event, now),
                Ok(Output::Timeout(at)) => {
                    leg.due = at;
                    rounds += 1;
                    if at > now || rounds > ROUNDS {
                        break;
                    }
                    if leg.rtc.handle_input(Input::Timeout(now)).is_err() {
                        break;
                    }
                }
                Err(_) => {
                    leg.connected = false;
                    leg.due = now + Duration::from_secs(3_600);
                    break;
                }
            }
        }
        let leg = &mut self.legs[number];
        // Never in the past: that would be a busy loop.
        leg.due = leg.due.max(now + Duration::from_millis(1));
        if leg.due < leg.alarm {
            leg.alarm = leg.due;
            self.alarms.push(Reverse((leg.due, Due::Leg(number))));
        }
    }

    fn note(&mut self, number: usize, event: Event, now: Instant) {
        let leg = &mut self.legs[number];
        match event {
            Event::Connected => leg.connected = true,
            Event::RtpPacket(packet) => self.took(number, &packet, now),
            Event::KeyframeRequest(request) => {
                for track in leg.tracks.iter_mut().filter(|track| track.mid == request.mid) {
                    track.key_wanted = true;
                }
            }
            _ => {}
        }
    }

    fn took(&mut self, number: usize, packet: &RtpPacket, now: Instant) {
        if !self.sending || packet.payload.len() < SOUND_PACKET {
            return;
        }
        let sequence = *packet.seq_no;
        let stream = self.legs[number].incoming.entry(packet.header.ssrc).or_default();
        if stream.count == 0 {
            (stream.first, stream.highest) = (sequence, sequence);
            stream.pictures = packet.payload.len() > 2 * SOUND_PACKET;
        }
        if sequence >= stream.first {
            stream.highest = stream.highest.max(sequence);
            stream.count += 1;
        }
        // Enough for a percentile, whatever the load.
        self.tally.skipped += 1;
        if self.tally.skipped.is_multiple_of(7)
            && let Some(stamp) = packet.payload.last_chunk::<8>()
        {
            let left = self.begun + Duration::from_micros(u64::from_be_bytes(*stamp));
            self.tally.delays.push(now.saturating_duration_since(left).as_secs_f32() * 1_000.0);
        }
    }
}

/// RTP, and not RTCP (RFC 5761 section 4) nor STUN nor DTLS (RFC 7983).
fn is_media(bytes: &[u8]) -> bool {
    bytes.len() > 12 && (128..192).contains(&bytes[0]) && !(64..96).contains(&(bytes[1] & 0x7f))
}
