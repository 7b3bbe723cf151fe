//! One participant's peer connection, and the only door to it.
//!
//! str0m's contract is that every mutation is followed by a complete drain before the next one. In
//! RTP mode breaking it costs packets without a word: a second datagram overwrites the one that is
//! still pending, and most of a video stream disappears. So the `Rtc` is private to this file, and
//! every function that touches it goes through [`Transport::touch`], which returns only after the
//! drain. Outside of this file there is no way to feed twice without draining.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, IceConnectionState, Input, Rtc, RtcError};

use crate::event::Output;
use crate::ids::PartyKey;
use crate::sdp::Kind;
use crate::stats::{Counters, Link};

/// How often str0m reports loss and round trips.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Bytes waiting in one data channel before further packets to it are dropped: a receiver that slow
/// is gone for all practical purposes, and must not take the shard's memory with it.
const CHANNEL_BACKLOG: usize = 2 * 1024 * 1024;

/// str0m asks for time to pass right after most writes. It has never needed more rounds than this.
const MAX_ROUNDS: usize = 16;

/// The data channels of the protocol that are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Reliable,
    Lossy,
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
    /// No consent from the other side any more; it may come back (a resume, a new address).
    Interrupted,
    Restored,
    /// The other side closed the connection, or it broke beyond repair.
    Closed,
    Report(Link),
}

/// Where things go while a connection is drained.
pub(crate) struct Sink<'a> {
    pub(crate) now: Instant,
    /// Whose connection it is.
    pub(crate) party: PartyKey,
    pub(crate) outputs: &'a mut VecDeque<Output>,
    pub(crate) happenings: &'a mut VecDeque<(PartyKey, Happening)>,
    pub(crate) counters: &'a mut Counters,
}

impl Sink<'_> {
    fn happened(&mut self, happening: Happening) {
        self.happenings.push_back((self.party, happening));
    }
}

/// What all peer connections of a shard share.
pub(crate) struct Factory {
    pub(crate) certificate: DtlsCert,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) data_bytes: usize,
}

/// A peer connection.
pub(crate) struct Transport {
    rtc: Rtc,
    deadline: Instant,
    reliable: Option<ChannelId>,
    lossy: Option<ChannelId>,
    connected: bool,
    interrupted: bool,
}

impl Factory {
    pub(crate) fn build(&self, now: Instant) -> Transport {
        let message = u32::try_from(self.data_bytes).unwrap_or(u32::MAX);
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            // We are the one with the fixed address: clients check, we answer.
            .set_ice_lite(true)
            // One certificate a shard. Generating one for each join would be felt at eight o'clock.
            .set_dtls_cert(self.certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_stats_interval(Some(REPORT_INTERVAL))
            .set_sctp_max_message_size(message)
            .set_sctp_max_buffered_amount(CHANNEL_BACKLOG)
            .build(now);
        for address in &self.addresses {
            // The addresses were checked when the engine was built.
            if let Ok(candidate) = Candidate::host(*address, Protocol::Udp) {
                rtc.add_local_candidate(candidate);
            }
        }
        Transport { rtc, deadline: now, reliable: None, lossy: None, connected: false, interrupted: false }
    }
}

impl Transport {
    /// When [`Transport::wake`] wants to be called.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether media and data can flow.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// The name under which the client's connectivity checks arrive (RFC 8445 section 7.2.2).
    pub(crate) fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Whether a datagram is for this connection: checks its integrity if it is a STUN request.
    pub(crate) fn accepts(&self, datagram: Receive<'_>, now: Instant) -> bool {
        self.rtc.accepts(&Input::Receive(now, datagram))
    }

    /// Takes in a datagram.
    pub(crate) fn receive(&mut self, datagram: Receive<'_>, sink: &mut Sink<'_>) {
        let now = sink.now;
        let taken = self.touch(sink, |rtc| rtc.handle_input(Input::Receive(now, datagram)));
        if let Err(error) = taken {
            // One bad datagram, or somebody else's, does not end a connection.
            tracing::debug!(%error, "datagram dropped");
        }
    }

    /// Lets time pass.
    pub(crate) fn wake(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        if let Err(error) = self.touch(sink, |rtc| rtc.handle_input(Input::Timeout(now))) {
            tracing::debug!(%error, "timeout not taken");
        }
    }

    /// Answers an offer.
    pub(crate) fn answer(&mut self, offer: &str, sink: &mut Sink<'_>) -> Result<String, RtcError> {
        let offer = SdpOffer::from_sdp_string(offer)
            .map_err(|error| RtcError::RemoteSdp(format!("not a session description: {error}")))?;
        self.touch(sink, |rtc| rtc.sdp_api().accept_offer(offer)).map(|answer| answer.to_sdp_string())
    }

    /// The payload type the other side chose for our codec of this kind.
    pub(crate) fn payload_type(&self, kind: Kind) -> Option<Pt> {
        let codec = match kind {
            Kind::Audio => Codec::Opus,
            Kind::Video => Codec::Vp8,
        };
        self.rtc.codec_config().iter().find(|params| params.spec().codec == codec).map(|params| params.pt())
    }

    /// Sends a media packet in a section. False when the section does not send.
    pub(crate) fn send_media(&mut self, mid: Mid, packet: RtpWrite, sink: &mut Sink<'_>) -> bool {
        self.touch(sink, |rtc| match rtc.direct_api().stream_tx_by_mid(mid, None) {
            Some(stream) => {
                stream.write_rtp(packet);
                true
            }
            None => false,
        })
    }

    /// Gives a section that will carry another track a fresh SSRC: to a receiver it is another stream.
    pub(crate) fn renew_section(&mut self, mid: Mid, kind: Kind, sink: &mut Sink<'_>) {
        self.touch(sink, |rtc| {
            let mut api = rtc.direct_api();
            let media = api.new_ssrc();
            let repair = (kind == Kind::Video).then(|| api.new_ssrc());
            api.reset_stream_tx(mid, None, media, repair);
        });
    }

    /// Asks the other side for a key frame of one layer.
    pub(crate) fn request_keyframe(&mut self, mid: Mid, rid: Option<Rid>, sink: &mut Sink<'_>) {
        self.touch(sink, |rtc| {
            if let Some(stream) = rtc.direct_api().stream_rx_by_mid(mid, rid) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        });
    }

    /// Sends a data packet. False when the channel is not open or is full.
    pub(crate) fn send_data(&mut self, channel: Channel, bytes: &[u8], sink: &mut Sink<'_>) -> bool {
        let id = match channel {
            Channel::Reliable => self.reliable,
            Channel::Lossy => self.lossy,
        };
        let Some(id) = id else { return false };
        self.touch(sink, |rtc| match rtc.channel(id) {
            Some(mut open) => open.write(true, bytes).unwrap_or(false),
            None => false,
        })
    }

    /// Says goodbye (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(&mut self, sink: &mut Sink<'_>) {
        // It is being thrown away; a failure to say goodbye changes nothing.
        let _ = self.touch(sink, |rtc| rtc.close());
    }

    /// Mutates the connection and drains it, letting the present moment pass until it rests.
    fn touch<T>(&mut self, sink: &mut Sink<'_>, mutate: impl FnOnce(&mut Rtc) -> T) -> T {
        let result = mutate(&mut self.rtc);
        for _ in 0..MAX_ROUNDS {
            if self.drain(sink).is_err() {
                sink.happened(Happening::Closed);
                // Broken: nothing will come of it, so do not ask to be woken soon.
                self.deadline = sink.now + Duration::from_secs(3600);
                return result;
            }
            if self.deadline > sink.now {
                return result;
            }
            // A failure shows in the next drain.
            if self.rtc.handle_input(Input::Timeout(sink.now)).is_err() {
                break;
            }
        }
        if self.drain(sink).is_err() {
            sink.happened(Happening::Closed);
        }
        // Never ask to be woken in the past: that would be a busy loop.
        self.deadline = self.deadline.max(sink.now + Duration::from_millis(1));
        result
    }

    fn drain(&mut self, sink: &mut Sink<'_>) -> Result<(), RtcError> {
        loop {
            match self.rtc.poll_output()? {
                str0m::Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
                str0m::Output::Transmit(datagram) => {
                    sink.counters.datagrams_out += 1;
                    sink.outputs.push_back(Output::Datagram {
                        source: datagram.source,
                        destination: datagram.destination,
                        contents: datagram.contents.into(),
                    });
                }
                str0m::Output::Event(event) => {
                    if let Some(happening) = self.translate(event) {
                        sink.happened(happening);
                    }
                }
            }
        }
    }

    fn translate(&mut self, event: str0m::Event) -> Option<Happening> {
        match event {
            str0m::Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let mut api = self.rtc.direct_api();
                let stream = api.stream_rx(&ssrc)?;
                Some(Happening::Media { mid: stream.mid(), rid: stream.rid(), packet })
            }
            str0m::Event::KeyframeRequest(request) => Some(Happening::KeyframeWanted { mid: request.mid }),
            str0m::Event::ChannelOpen(id, label) => {
                match label.as_str() {
                    "_reliable" => self.reliable = Some(id),
                    "_lossy" => self.lossy = Some(id),
                    _ => {}
                }
                None
            }
            str0m::Event::ChannelClose(id) => {
                self.reliable = self.reliable.filter(|open| *open != id);
                self.lossy = self.lossy.filter(|open| *open != id);
                None
            }
            str0m::Event::ChannelData(data) => {
                let channel = if Some(data.id) == self.reliable {
                    Channel::Reliable
                } else if Some(data.id) == self.lossy {
                    Channel::Lossy
                } else {
                    return None;
                };
                Some(Happening::Data { channel, bytes: data.data })
            }
            str0m::Event::Connected => {
                self.connected = true;
                Some(Happening::Connected)
            }
            str0m::Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.interrupted = true;
                Some(Happening::Interrupted)
            }
            str0m::Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) if self.interrupted => {
                self.interrupted = false;
                Some(Happening::Restored)
            }
            str0m::Event::Closed => {
                self.connected = false;
                Some(Happening::Closed)
            }
            str0m::Event::PeerStats(stats) => {
                let loss = [stats.egress_loss_fraction, stats.ingress_loss_fraction];
                Some(Happening::Report(Link {
                    loss: loss.into_iter().flatten().fold(0.0, f32::max),
                    round_trip: stats.rtt,
                    up: !self.interrupted,
                }))
            }
            _ => None,
        }
    }
}
