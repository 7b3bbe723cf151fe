//! One peer connection: what a room asks of it, and what it reports.
//!
//! The connection itself lies in a [`Pipe`], which drains it after every touch; nothing here can feed it
//! twice. It decides nothing about people: which offer is taken and which packet is sent is the room's.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::bwe::{Bitrate, BweKind};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsCert;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::rtcp::Rtcp;
use str0m::rtp::{RawPacket, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, Input, Rtc, RtcError};

use crate::buffers::Buffers;
use crate::codec::{Codec, Coding};
use crate::config::Codecs;
use crate::dtls::{Agreed, cryptography, overheard};
use crate::event::{Output, StreamId};
use crate::framing;
use crate::ids::{PartyKey, RoomKey};
use crate::lane::{Lanes, Names, Packet, Stream, Way};
use crate::pipe::{Hands, Outlet, Pipe, Sources};
use crate::sdp::{self, Flow, Kind};
use crate::srtp::Sealer;
use crate::stats::{Counters, FIRST_WIDTH, Link};

/// How often str0m reports loss and round trips.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes waiting in one data channel before further packets to it are dropped: a receiver that slow
/// is gone for all practical purposes, and must not take the shard's memory with it.
const CHANNEL_BACKLOG: usize = 2 * 1024 * 1024;

/// Streams whose section is remembered; more than anybody publishes honestly.
const KNOWN_STREAMS: usize = 256;

/// Which of a participant's peer connections. On `/rtc/v1` there is one for both directions; on `/rtc`
/// (the older protocol) what a participant receives travels on a second one, for which we make the offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Leg {
    /// The client offers. It publishes here, and on `/rtc/v1` receives here too.
    Up,
    /// We offer. The client only receives here.
    Down,
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Route {
    pub(crate) room: RoomKey,
    pub(crate) party: PartyKey,
    pub(crate) leg: Leg,
}

/// The data channels of the protocol that are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Reliable,
    Lossy,
}

impl Channel {
    const RELIABLE: &str = "_reliable";
    const LOSSY: &str = "_lossy";
}

/// What came out of a peer connection.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are media packets")]
pub(crate) enum Happening {
    Media {
        packet: RtpPacket,
        mid: Mid,
        rid: Option<Rid>,
    },
    KeyframeWanted {
        mid: Mid,
    },
    Data {
        channel: Channel,
        bytes: Vec<u8>,
    },
    Connected,
    /// Reliable packets can be sent from now on.
    ReliableOpen,
    /// No consent from the other side any more; it may come back (a resume, a new address).
    Interrupted,
    Restored,
    /// The other side closed the connection, or it broke beyond repair.
    Closed,
    Report(Link),
    /// What the link to the client carries, in bits a second.
    Estimate(u64),
}

/// What the peer connections of one room reported and was not dealt with yet.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) waiting: VecDeque<(PartyKey, Leg, Happening)>,
    /// Bytes of datagrams sent for this room; only rises.
    pub(crate) bytes_out: u64,
}

/// Where things go while a connection is drained.
pub(crate) struct Sink<'a> {
    pub(crate) now: Instant,
    pub(crate) party: PartyKey,
    pub(crate) leg: Leg,
    pub(crate) outputs: &'a mut VecDeque<Output>,
    pub(crate) buffers: &'a mut Buffers,
    pub(crate) inbox: &'a mut Inbox,
    pub(crate) counters: &'a mut Counters,
    pub(crate) streams: &'a HashMap<SocketAddr, StreamId>,
}

impl Sink<'_> {
    fn happened(&mut self, happening: Happening) {
        self.inbox.waiting.push_back((self.party, self.leg, happening));
    }

    fn send(&mut self, way: Way, contents: Vec<u8>) {
        let length = contents.len();
        let output = match way.protocol {
            Protocol::Tcp => {
                // The TCP connection may have ended since; then ICE will notice.
                let Some(stream) = self.streams.get(&way.destination) else { return };
                let Some(bytes) = framing::frame(&contents) else { return };
                Output::StreamBytes { stream: *stream, bytes }
            }
            _ => Output::Datagram { source: way.source, destination: way.destination, contents },
        };
        self.counters.datagrams_out += 1;
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.counters.bytes_out += bytes;
        self.inbox.bytes_out += bytes;
        self.outputs.push_back(output);
    }
}

/// What all peer connections of a shard share.
pub(crate) struct Factory {
    pub(crate) certificate: DtlsCert,
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where TCP connections are accepted.
    pub(crate) stream_addresses: Vec<SocketAddr>,
    pub(crate) data_bytes: usize,
    pub(crate) codecs: Codecs,
    /// Congestion control probes the links (see `Links`).
    pub(crate) probes: bool,
}

/// A peer connection.
pub(crate) struct Transport {
    pipe: Pipe,
    /// Receivers report on every packet: only congestion control has a use for that. On a connection for both directions
    /// they do all the same: a browser that hears in one section that we do without has no such reports for what it
    /// sends either, and its pictures never grow.
    every_packet: bool,
    state: State,
    pending: Option<Pending>,
    offers: u32,
}

/// An offer of ours that waits for its answer.
struct Pending {
    number: u32,
    offer: SdpPendingOffer,
}

/// What is remembered of what the connection reported.
#[derive(Default)]
struct State {
    reliable: Option<ChannelId>,
    lossy: Option<ChannelId>,
    connected: bool,
    interrupted: bool,
    sections: HashMap<Ssrc, (Mid, Option<Rid>)>,
    /// Worst share of a stream of ours that its receiver reported as lost, since the last report.
    sent_loss: Option<f32>,
    /// Shortest round trip of theirs since then.
    round_trip: Option<Duration>,
    /// Where the handshake leaves its keys, if packets are to be sent past str0m.
    agreed: Option<Agreed>,
    lanes: Option<Lanes>,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The section does not send.
    Nowhere,
    /// It left.
    Left,
    /// It leaves with [`Transport::settle`]. `first`: nothing else waits on this connection.
    Waits { first: bool },
}

/// What an offer of ours changes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Sections that begin to send, or fall silent.
    pub(crate) directions: Vec<(Mid, bool)>,
    /// New sections, which send.
    pub(crate) sections: Vec<Kind>,
    /// Open the data channels.
    pub(crate) channels: bool,
    /// New ICE credentials: the client comes back from somewhere else.
    pub(crate) restart: bool,
}

/// An offer of ours.
pub(crate) struct Offer {
    pub(crate) number: u32,
    pub(crate) sdp: String,
    /// The mids of the new sections, in the order of the plan.
    pub(crate) sections: Vec<Mid>,
}

impl Factory {
    pub(crate) fn build(&self, leg: Leg, receives: bool, now: Instant) -> Transport {
        let message = u32::try_from(self.data_bytes).unwrap_or(u32::MAX);
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            // We are the one with the fixed address: clients check, we answer.
            .set_ice_lite(true)
            .set_crypto_provider(cryptography())
            // One certificate a shard. Generating one for each join would be felt at eight o'clock.
            .set_dtls_cert(self.certificate.clone())
            .clear_codecs()
            .enable_opus(true, self.codecs.redundant_audio)
            .enable_vp8(self.codecs.carries(Codec::Vp8))
            .enable_h264(self.codecs.carries(Codec::H264))
            .enable_vp9(self.codecs.carries(Codec::Vp9))
            .enable_av1(self.codecs.carries(Codec::Av1))
            .set_stats_interval(Some(REPORT_INTERVAL))
            .set_sctp_max_message_size(message)
            .set_sctp_max_buffered_amount(CHANNEL_BACKLOG);
        if self.probes && (leg == Leg::Down || receives) {
            config = config.enable_bwe(Some(Bitrate::bps(FIRST_WIDTH)));
        }
        // Probing counts every packet and paces them, which only str0m can. For what it does not say otherwise, raw
        // packets are asked for: which ones a receiver misses.
        let direct = !self.probes && (leg == Leg::Down || receives);
        let (mut rtc, agreed) = overheard(|| config.enable_raw_packets(direct).build(now));
        // The addresses were checked when the engine was built.
        for address in &self.addresses {
            if let Ok(candidate) = Candidate::host(*address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in &self.stream_addresses {
            let candidate = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build();
            if let Ok(candidate) = candidate {
                rtc.add_local_candidate(candidate);
            }
        }
        Transport {
            pipe: Pipe::new(rtc, now),
            every_packet: self.probes,
            state: State { agreed: direct.then_some(agreed), ..State::default() },
            pending: None,
            offers: 0,
        }
    }
}

impl Transport {
    /// When [`Transport::wake`] wants to be called.
    pub(crate) fn deadline(&self) -> Instant {
        self.pipe.deadline()
    }

    /// Whether media and data can flow.
    pub(crate) fn is_connected(&self) -> bool {
        self.state.connected
    }

    /// The name under which the client's connectivity checks arrive (RFC 8445 section 7.2.2).
    pub(crate) fn ufrag(&mut self) -> String {
        self.pipe.local_ufrag()
    }

    /// Whether a datagram is for this connection: checks its integrity if it is a STUN request.
    pub(crate) fn accepts(&self, datagram: Receive<'_>, now: Instant) -> bool {
        self.pipe.view().accepts(&Input::Receive(now, datagram))
    }

    /// Takes in a datagram.
    pub(crate) fn receive(&mut self, datagram: Receive<'_>, sink: &mut Sink<'_>) {
        let now = sink.now;
        if let Some(lanes) = &mut self.state.lanes {
            lanes.came(datagram.source);
        }
        if let Err(error) = self.pipe.feed(datagram, now, &mut Port { state: &mut self.state, sink }) {
            // One bad datagram, or somebody else's, does not end a connection.
            tracing::debug!(%error, "datagram dropped");
        }
    }

    /// Lets time pass.
    pub(crate) fn wake(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        self.pipe.wake(now, &mut Port { state: &mut self.state, sink });
    }

    fn change<T>(&mut self, sink: &mut Sink<'_>, change: impl FnOnce(&mut Hands<'_>) -> T) -> T {
        let now = sink.now;
        self.pipe.change(now, &mut Port { state: &mut self.state, sink }, change)
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, offer: &str, sink: &mut Sink<'_>) -> Result<String, RtcError> {
        let offer = SdpOffer::from_sdp_string(offer)
            .map_err(|error| RtcError::RemoteSdp(format!("not a session description: {error}")))?;
        self.state.doubt();
        let answer = self.change(sink, |hands| hands.sdp().accept_offer(offer))?;
        Ok(answer.to_sdp_string())
    }

    /// Whether an offer of ours waits for its answer; until then there can be no other.
    pub(crate) fn is_negotiating(&self) -> bool {
        self.pending.is_some()
    }

    /// An offer that would still be answered is taken back: its answer was lost with the signalling.
    pub(crate) fn forget_offer(&mut self) {
        self.pending = None;
    }

    /// Makes an offer. None when nothing in the plan needs one.
    pub(crate) fn offer(&mut self, plan: Plan, sink: &mut Sink<'_>) -> Option<Offer> {
        let mut sections = Vec::new();
        let made = self.change(sink, |hands| {
            let mut sdp = hands.sdp();
            for (mid, sends) in plan.directions {
                sdp.set_direction(mid, if sends { Direction::SendOnly } else { Direction::Inactive });
            }
            for kind in plan.sections {
                let kind = match kind {
                    Kind::Audio => MediaKind::Audio,
                    Kind::Video => MediaKind::Video,
                };
                // The names are written into the text later, as they change with every track.
                sections.push(sdp.add_media(kind, Direction::SendOnly, None, None, None));
            }
            if plan.channels {
                let reliable = ChannelConfig { label: Channel::RELIABLE.to_owned(), ..Default::default() };
                let lossy = ChannelConfig {
                    label: Channel::LOSSY.to_owned(),
                    ordered: false,
                    reliability: Reliability::MaxRetransmits { retransmits: 0 },
                    ..Default::default()
                };
                sdp.add_channel_with_config(reliable);
                sdp.add_channel_with_config(lossy);
            }
            if plan.restart {
                sdp.ice_restart(true);
            }
            sdp.apply()
        });
        let (offer, pending) = made?;
        self.offers += 1;
        self.pending = Some(Pending { number: self.offers, offer: pending });
        let mut sdp = offer.to_sdp_string();
        if !self.every_packet {
            sdp = sdp::without_packet_numbers(&sdp, Flow::Send);
        }
        Some(Offer { number: self.offers, sdp, sections })
    }

    /// Takes the answer to our offer. `Ok(false)` when it answers another offer than the one that waits.
    pub(crate) fn answered(
        &mut self,
        number: u32,
        answer: &str,
        sink: &mut Sink<'_>,
    ) -> Result<bool, RtcError> {
        // Clients of old protocol versions do not number; 0 means whichever there is.
        let waits = self.pending.take_if(|pending| number == 0 || pending.number == number);
        let Some(pending) = waits else { return Ok(false) };
        let answer = SdpAnswer::from_sdp_string(answer)
            .map_err(|error| RtcError::RemoteSdp(format!("not a session description: {error}")))?;
        self.state.doubt();
        self.change(sink, |hands| hands.sdp().accept_answer(pending.offer, answer))?;
        Ok(true)
    }

    /// What a payload type of the other side means.
    pub(crate) fn coding(&self, pt: Pt) -> Option<Coding> {
        Coding::of(pt, self.pipe.view().codec_config().params())
    }

    /// How a stream of this coding is called towards the other side in a section, and within RFC 2198 if that is
    /// understood, which is not repaired. None when the other side does not know the codec.
    pub(crate) fn names(&self, mid: Mid, coding: &Coding) -> Option<(Names, Option<Names>)> {
        let rtc = self.pipe.view();
        let found = rtc.codec_config().match_params(coding.params)?;
        let understood = rtc.media(mid).is_some_and(|media| media.remote_pts().contains(&found.pt()));
        let plain = Names { payload: found.pt(), repair: found.resend() };
        let redundant = found.red().map(|payload| Names { payload, repair: None });
        understood.then_some((plain, redundant))
    }

    /// Sends a media packet in a section: at once, or, when something must be learnt from it (see `lane`), through
    /// str0m. What follows one that waits waits with it, as order matters.
    pub(crate) fn post_media(&mut self, mid: Mid, packet: &Packet, sink: &mut Sink<'_>) -> Posted {
        let now = sink.now;
        if let Some(lanes) = self.state.lanes.as_mut().filter(|_| !self.pipe.owes())
            && let Some((way, datagram)) = lanes.send(mid, packet, now, || sink.buffers.take())
        {
            sink.send(way, datagram);
            return Posted::Left;
        }
        let repaired = self.state.lanes.is_none() && packet.names.repair.is_some();
        let write = RtpWrite::new(
            packet.names.payload,
            packet.sequence.into(),
            packet.timestamp,
            packet.arrived,
            packet.renamed(),
        );
        let write = write.marker(packet.marker).nackable(repaired).ext_vals(packet.marks.values());
        let mut stream = None;
        let first = self.pipe.post(|hands| {
            if let Some(outgoing) = hands.direct().stream_tx_by_mid(mid, None) {
                outgoing.write_rtp(write);
                stream = Some((*outgoing.ssrc(), outgoing.rtx().map(|repair| *repair)));
            }
        });
        if let (Some(lanes), Some((ssrc, repair)), Some(media)) =
            (&mut self.state.lanes, stream, self.pipe.view().media(mid))
        {
            let stream = Stream { mid, ssrc, repair, extensions: media.remote_extmap() };
            lanes.through(&stream, packet, now);
        }
        if stream.is_some() { Posted::Waits { first } } else { Posted::Nowhere }
    }

    /// Sends what was queued.
    pub(crate) fn settle(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        self.pipe.settle(now, &mut Port { state: &mut self.state, sink });
    }

    /// Prepares a section for a track: its packets leave as they come. Pacing would cost a timer a packet
    /// and a receiver; what a link cannot carry is decided by layers instead.
    pub(crate) fn open_section(&mut self, mid: Mid, sink: &mut Sink<'_>) {
        self.change(sink, |hands| {
            if let Some(stream) = hands.direct().stream_tx_by_mid(mid, None) {
                stream.set_unpaced(true);
            }
        });
    }

    /// Gives a section that will carry another track a fresh SSRC: to a receiver it is another stream.
    pub(crate) fn renew_section(&mut self, mid: Mid, kind: Kind, sink: &mut Sink<'_>) {
        self.state.doubt();
        self.change(sink, |hands| {
            let mut api = hands.direct();
            let media = api.new_ssrc();
            let repair = (kind == Kind::Video).then(|| api.new_ssrc());
            api.reset_stream_tx(mid, None, media, repair);
        });
    }

    /// Asks the other side for a key frame of one layer.
    pub(crate) fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>, sink: &mut Sink<'_>) {
        self.change(sink, |hands| {
            if let Some(stream) = hands.direct().stream_rx_by_mid(mid, rid) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        });
    }

    /// Sends a data packet. False when the channel is not open or is full.
    pub(crate) fn send_data(&mut self, channel: Channel, bytes: &[u8], sink: &mut Sink<'_>) -> bool {
        let id = match channel {
            Channel::Reliable => self.state.reliable,
            Channel::Lossy => self.state.lossy,
        };
        let Some(id) = id else { return false };
        self.change(sink, |hands| match hands.channel(id) {
            Some(mut open) => open.write(true, bytes).unwrap_or(false),
            None => false,
        })
    }

    /// Says what the receiver would like to get, in bits a second: `next` to reach its next layer, `all`
    /// for everything it wants. The link is probed towards that.
    pub(crate) fn aim(&mut self, next: u64, all: u64, sink: &mut Sink<'_>) {
        self.change(sink, |hands| hands.bandwidth().set_bitrate(Bitrate::bps(next), Bitrate::bps(all)));
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, sink: &mut Sink<'_>) {
        self.change(sink, |hands| hands.close());
    }
}

/// A connection's mouth: sorts what it says into the sink.
struct Port<'a, 'b> {
    state: &'a mut State,
    sink: &'a mut Sink<'b>,
}

impl Outlet for Port<'_, '_> {
    fn transmit(&mut self, datagram: Transmit) {
        let way =
            Way { protocol: datagram.proto, source: datagram.source, destination: datagram.destination };
        // Checks of ICE go everywhere, all else where it chose.
        if let Some(lanes) = self.state.lanes.as_mut().filter(|_| !is_stun(&datagram.contents)) {
            lanes.went(way);
        }
        self.sink.send(way, datagram.contents.into());
    }

    fn event(&mut self, sources: &mut Sources<'_>, event: Event) {
        if let Event::RawPacket(packet) = event {
            if let (RawPacket::RtcpRx(Rtcp::Nack(nack)), Some(lanes)) = (*packet, &mut self.state.lanes) {
                lanes.missed(&nack, |way, datagram| self.sink.send(way, datagram));
            }
        } else if let Some(happening) = self.state.translate(sources, event) {
            self.sink.happened(happening);
        }
    }

    fn broken(&mut self, error: RtcError) {
        tracing::debug!(%error, "a peer connection broke");
        self.state.lanes = None;
        self.sink.happened(Happening::Closed);
    }
}

impl State {
    /// Descriptions or streams change: streams may mean other sections from now on.
    fn doubt(&mut self) {
        self.sections.clear();
        if let Some(lanes) = &mut self.lanes {
            lanes.doubt();
        }
    }

    fn section(&mut self, sources: &mut Sources<'_>, ssrc: Ssrc) -> Option<(Mid, Option<Rid>)> {
        if let Some(section) = self.sections.get(&ssrc) {
            return Some(*section);
        }
        let section = sources.of(ssrc)?;
        if self.sections.len() < KNOWN_STREAMS {
            self.sections.insert(ssrc, section);
        }
        Some(section)
    }

    fn translate(&mut self, sources: &mut Sources<'_>, event: Event) -> Option<Happening> {
        match event {
            Event::RtpPacket(packet) => {
                let (mid, rid) = self.section(sources, packet.header.ssrc)?;
                Some(Happening::Media { mid, rid, packet })
            }
            Event::KeyframeRequest(request) => Some(Happening::KeyframeWanted { mid: request.mid }),
            Event::ChannelOpen(id, label) => {
                match label.as_str() {
                    Channel::RELIABLE => {
                        self.reliable = Some(id);
                        return Some(Happening::ReliableOpen);
                    }
                    Channel::LOSSY => self.lossy = Some(id),
                    _ => {}
                }
                None
            }
            Event::ChannelClose(id) => {
                self.reliable = self.reliable.filter(|open| *open != id);
                self.lossy = self.lossy.filter(|open| *open != id);
                None
            }
            Event::ChannelData(data) => {
                let channel = if Some(data.id) == self.reliable {
                    Channel::Reliable
                } else if Some(data.id) == self.lossy {
                    Channel::Lossy
                } else {
                    return None;
                };
                Some(Happening::Data { channel, bytes: data.data })
            }
            Event::Connected => {
                self.connected = true;
                let agreement = self.agreed.take().and_then(|agreed| agreed.take());
                self.lanes = agreement.and_then(|agreement| Sealer::new(&agreement)).map(Lanes::new);
                Some(Happening::Connected)
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.interrupted = true;
                Some(Happening::Interrupted)
            }
            Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) if self.interrupted => {
                self.interrupted = false;
                Some(Happening::Restored)
            }
            Event::Closed => {
                self.connected = false;
                Some(Happening::Closed)
            }
            // Receiver reports tell of losses that feedback for congestion control misses.
            Event::MediaEgressStats(stats) => {
                self.sent_loss = [self.sent_loss, stats.loss].into_iter().flatten().reduce(f32::max);
                self.round_trip = [self.round_trip, stats.rtt].into_iter().flatten().min();
                None
            }
            Event::PeerStats(stats) => {
                if let Some(lanes) = &mut self.lanes {
                    lanes.tidy(stats.timestamp);
                }
                let (sent_loss, round_trip) = (self.sent_loss.take(), self.round_trip.take());
                // Of what goes past str0m, its own count of losses knows one packet in a second.
                let counted = stats.egress_loss_fraction.filter(|_| self.lanes.is_none());
                let loss = [sent_loss, counted, stats.ingress_loss_fraction];
                Some(Happening::Report(Link {
                    loss: loss.into_iter().flatten().fold(0.0, f32::max),
                    sent_loss,
                    round_trip: stats.rtt.or(round_trip),
                    up: !self.interrupted,
                }))
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                Some(Happening::Estimate(estimate.as_u64()))
            }
            Event::EgressBitrateEstimate(BweKind::Remb { estimate, .. }) => {
                Some(Happening::Estimate(estimate.as_u64()))
            }
            _ => None,
        }
    }
}

/// STUN begins with two zero bits, and is told from DTLS by its first byte (RFC 7983).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first < 4)
}
