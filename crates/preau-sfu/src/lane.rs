//! Lanes: media packets that are sent past str0m, which costs a quarter of sending them through it.
//!
//! A packet that goes through str0m makes the whole connection have its say: ICE, DTLS, SCTP, timers, statistics. For
//! a packet that is only renamed, sealed and sent none of that has anything to say. So every lane (one section's outgoing
//! stream) sends one packet a second through str0m, from which it learns what it must know (its stream's name, header
//! extensions, the address that ICE chose), and from which str0m goes on making sender reports and reading what
//! receivers report. All others are written here. Whatever may have changed makes a lane forget what it knew, and the
//! next packet goes through str0m again.
//!
//! Invariants: no number of a stream is sealed twice (the caller numbers the media, a lane its repairs; str0m is
//! told that it may not repair); packets leave in the order in which they were asked for; what is kept for repairs is bounded. It knows no
//! grants, rooms or sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};
use str0m::net::Protocol;
use str0m::rtp::rtcp::{Nack, NackEntry};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, VideoOrientation};

use crate::codec;
use crate::srtp::{LONGEST_TAG, Sealer};

/// A lane sends a packet through str0m this often: sender reports and addresses are at most this old.
const ROUND: Duration = Duration::from_secs(1);

/// Packets are kept for repairs this long, and so many of them at most: three seconds of a camera in HD.
const KEPT_FOR: Duration = Duration::from_secs(3);
const KEPT: usize = 1_024;

/// Bytes of repairs that every byte of media allows, at most so many at once: on a link that loses more, repairs
/// would take the room of what they repair.
const REPAIRS: f32 = 0.18;
const REPAIRS_AT_ONCE: f32 = 65_536.0;

/// The longest identifier of a one-byte header extension (RFC 8285 section 4.2).
const SHORT_ID: u8 = 14;

/// How a connection is reached, as ICE chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) protocol: Protocol,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// The names a receiver has for a packet's codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) payload: Pt,
    /// Repairs travel under this one (RFC 4588). None: the packet is not repaired.
    pub(crate) repair: Option<Pt>,
}

/// A media packet on its way to one receiver.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) names: Names,
    /// With the rollovers before it.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) marks: Marks,
    pub(crate) payload: Arc<[u8]>,
    /// Picture id and TL0PICIDX under which the receiver gets a VP8 packet, when they differ.
    pub(crate) picture: Option<(u16, Option<u8>)>,
    /// When it came from its publisher.
    pub(crate) arrived: Instant,
}

/// The header extensions that mean the same to the receiver, as they are written. All others (mid, rid,
/// transport-wide numbers, send times) belong to the hop they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Loudness and whether it is a voice (RFC 6464).
    level: Option<u8>,
    /// How the picture is turned (3GPP TS 26.114, section 7.4.5).
    orientation: Option<u8>,
}

impl Marks {
    pub(crate) fn of(from: &ExtensionValues) -> Marks {
        let level = from.audio_level.map(|level| {
            let voice = if from.voice_activity == Some(true) { 0x80 } else { 0 };
            voice | (level.unsigned_abs() & 0x7f)
        });
        Marks { level, orientation: from.video_orientation.map(|turned| turned as u8) }
    }

    /// As str0m knows them.
    pub(crate) fn values(self) -> ExtensionValues {
        ExtensionValues {
            // Seven bits.
            audio_level: self.level.map(|level| -((level & 0x7f) as i8)),
            voice_activity: self.level.map(|level| level & 0x80 != 0),
            video_orientation: self.orientation.map(VideoOrientation::from),
            ..Default::default()
        }
    }
}

/// Header extensions as the receiver knows them (RFC 8285): those it does not know are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Extensions {
    /// All in the two-byte form, as an identifier of the receiver's has no one-byte form; str0m does the same.
    wide: bool,
    /// The one that names the section, written out: it stands in every packet. Empty where the receiver tells streams
    /// by their number alone.
    mid: Vec<u8>,
    level: Option<u8>,
    orientation: Option<u8>,
}

impl Extensions {
    fn of(mid: Mid, map: &ExtensionMap) -> Extensions {
        let wide = map.iter().any(|(id, _)| id > SHORT_ID);
        let mut written = Vec::new();
        if let Some(id) = map.id_of(Extension::RtpMid) {
            put(&mut written, wide, id, mid.as_bytes());
        }
        let level = map.id_of(Extension::AudioLevel);
        Extensions { wide, mid: written, level, orientation: map.id_of(Extension::VideoOrientation) }
    }
}

/// Writes an extension (RFC 8285 sections 4.2 and 4.3), whose value has one byte at least and sixteen at most, which is what
/// a section's name can have.
fn put(out: &mut Vec<u8>, wide: bool, id: u8, value: &[u8]) {
    let length = value.len() as u8;
    if wide {
        out.extend_from_slice(&[id, length]);
    } else {
        out.push(id << 4 | length.saturating_sub(1));
    }
    out.extend_from_slice(value);
}

/// The lanes of a connection.
pub(crate) struct Lanes {
    sealer: Sealer,
    way: Option<Way>,
    /// Which section has the lane in the same place: a packet looks for its lane among dozens, and these lie together.
    mids: Vec<Mid>,
    lanes: Vec<Lane>,
}

/// One section's outgoing stream.
struct Lane {
    ssrc: u32,
    /// The stream of its repairs.
    repair: Option<u32>,
    extensions: Extensions,
    /// When a packet last went through str0m. None: what is known may not hold any more.
    through: Option<Instant>,
    /// Repairs sent so far.
    repairs: u64,
    /// Bytes of repairs that may be sent.
    allowed: f32,
    /// What was sent, ascending by number.
    kept: VecDeque<Kept>,
}

struct Kept {
    packet: Packet,
    at: Instant,
}

/// Where a section's packets come from, as str0m knows it.
pub(crate) struct Stream<'a> {
    pub(crate) mid: Mid,
    pub(crate) ssrc: u32,
    pub(crate) repair: Option<u32>,
    pub(crate) extensions: &'a ExtensionMap,
}

impl Lanes {
    pub(crate) fn new(sealer: Sealer) -> Lanes {
        Lanes { sealer, way: None, mids: Vec::new(), lanes: Vec::new() }
    }

    /// str0m sent something there.
    pub(crate) fn went(&mut self, way: Way) {
        self.way = Some(way);
    }

    /// Something came from there: if that is not where things are sent, ICE may be choosing anew.
    pub(crate) fn came(&mut self, from: SocketAddr) {
        self.way = self.way.filter(|way| way.destination == from);
    }

    /// Descriptions or streams change: nothing that is known is believed until it was seen again.
    pub(crate) fn doubt(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.through = None);
    }

    /// Lets go of what is too old to be repaired, also where nothing is sent any more.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.lanes.iter_mut().for_each(|lane| lane.tidy(now));
    }

    /// A packet goes through str0m, out of this stream: learns from it, and keeps the packet for repairs.
    pub(crate) fn through(&mut self, stream: &Stream<'_>, packet: &Packet, now: Instant) {
        let at = self.mids.iter().position(|mid| *mid == stream.mid).unwrap_or_else(|| {
            self.mids.push(stream.mid);
            self.lanes.push(Lane::new(stream));
            self.lanes.len() - 1
        });
        let lane = &mut self.lanes[at];
        if lane.ssrc != stream.ssrc {
            *lane = Lane::new(stream);
        }
        lane.extensions = Extensions::of(stream.mid, stream.extensions);
        lane.through = Some(now);
        lane.keep(packet, now);
    }

    /// Writes a packet into an empty buffer and seals it. None when it must go through str0m.
    pub(crate) fn send(
        &mut self,
        mid: Mid,
        packet: &Packet,
        now: Instant,
        buffer: impl FnOnce() -> Vec<u8>,
    ) -> Option<(Way, Vec<u8>)> {
        let way = self.way?;
        let at = self.mids.iter().position(|known| *known == mid)?;
        let lane = self.lanes.get_mut(at)?;
        lane.through.filter(|through| now.saturating_duration_since(*through) < ROUND)?;
        let datagram = lane.write(packet, buffer(), &self.sealer)?;
        lane.keep(packet, now);
        Some((way, datagram))
    }

    /// Repairs what a receiver misses.
    pub(crate) fn missed(&mut self, nack: &Nack, mut send: impl FnMut(Way, Vec<u8>)) {
        let Some(way) = self.way else { return };
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.ssrc == *nack.ssrc) else { return };
        for sequence in nack.reports.iter().flat_map(missing) {
            if let Some(datagram) = lane.repair(sequence, &self.sealer) {
                send(way, datagram);
            }
        }
    }
}

/// The numbers that an entry names (RFC 4585 section 6.2.1).
fn missing(entry: &NackEntry) -> impl Iterator<Item = u16> + use<> {
    let NackEntry { pid, blp } = *entry;
    let others = (0..16).filter(move |bit| blp >> bit & 1 == 1).map(move |bit| pid.wrapping_add(bit + 1));
    std::iter::once(pid).chain(others)
}

impl Lane {
    /// A stream that has repaired nothing: streams are numbered from the beginning only once, as each has a name of
    /// its own.
    fn new(stream: &Stream<'_>) -> Lane {
        Lane {
            ssrc: stream.ssrc,
            repair: stream.repair,
            extensions: Extensions::of(stream.mid, stream.extensions),
            through: None,
            repairs: 0,
            allowed: REPAIRS_AT_ONCE,
            kept: VecDeque::new(),
        }
    }

    fn keep(&mut self, packet: &Packet, now: Instant) {
        if packet.names.repair.is_none() || self.repair.is_none() {
            return;
        }
        self.allowed = (self.allowed + packet.payload.len() as f32 * REPAIRS).min(REPAIRS_AT_ONCE);
        // Nearly always the last.
        let at = self.kept.iter().rposition(|kept| kept.packet.sequence <= packet.sequence);
        self.kept.insert(at.map_or(0, |at| at + 1), Kept { packet: packet.clone(), at: now });
        self.tidy(now);
    }

    fn tidy(&mut self, now: Instant) {
        while self.kept.len() > KEPT
            || self.kept.front().is_some_and(|kept| now.saturating_duration_since(kept.at) > KEPT_FOR)
        {
            self.kept.pop_front();
        }
    }

    fn write(&self, packet: &Packet, mut datagram: Vec<u8>, sealer: &Sealer) -> Option<Vec<u8>> {
        let name = packet.names.payload;
        let header = packet.begin(&mut datagram, name, packet.sequence as u16, self.ssrc, &self.extensions);
        packet.write_payload(&mut datagram);
        sealer.seal(&mut datagram, header, self.ssrc, packet.sequence).then_some(datagram)
    }

    /// Repeats a packet in the stream of repairs (RFC 4588 section 4). None when it is not there any more, or too much
    /// was repeated already.
    fn repair(&mut self, sequence: u16, sealer: &Sealer) -> Option<Vec<u8>> {
        let newest = self.kept.back()?.packet.sequence;
        let back = (newest as u16).wrapping_sub(sequence);
        let sequence = newest.checked_sub(u64::from(back))?;
        let at = self.kept.binary_search_by_key(&sequence, |kept| kept.packet.sequence).ok()?;
        let packet = &self.kept[at].packet;
        let (ssrc, name) = (self.repair?, packet.names.repair?);
        let cost = packet.payload.len() as f32;
        if cost > self.allowed {
            return None;
        }
        // Never again, whether it can be sealed or not. A receiver begins with rollover counter 0.
        self.repairs += 1;
        self.allowed -= cost;
        let mut datagram = Vec::new();
        let header = packet.begin(&mut datagram, name, self.repairs as u16, ssrc, &self.extensions);
        datagram.extend_from_slice(&(sequence as u16).to_be_bytes());
        packet.write_payload(&mut datagram);
        sealer.seal(&mut datagram, header, ssrc, self.repairs).then_some(datagram)
    }
}

impl Packet {
    /// Writes the packet's header (RFC 3550 section 5.1, RFC 8285), and makes room for the rest. How long it is.
    fn begin(&self, out: &mut Vec<u8>, name: Pt, sequence: u16, ssrc: u32, extensions: &Extensions) -> usize {
        /// Without extensions.
        const FIXED: usize = 12;
        /// What begins them, the two that may follow, what fills the last word, and the number a repair begins with.
        const MORE: usize = 4 + 2 * 3 + 3 + 2;
        let room = FIXED + extensions.mid.len() + MORE + self.payload.len() + LONGEST_TAG;
        out.reserve(room);
        // Version 2, with extensions.
        out.push(0x90);
        out.push(u8::from(self.marker) << 7 | (*name & 0x7f));
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&ssrc.to_be_bytes());
        let form: u16 = if extensions.wide { 0x1000 } else { 0xbede };
        out.extend_from_slice(&[(form >> 8) as u8, form as u8, 0, 0]);
        out.extend_from_slice(&extensions.mid);
        let known = [(extensions.level, self.marks.level), (extensions.orientation, self.marks.orientation)];
        for (id, value) in known.into_iter().filter_map(|(id, value)| id.zip(value)) {
            put(out, extensions.wide, id, &[value]);
        }
        if out.len() == FIXED + 4 {
            // None at all, and the header says so.
            out.truncate(FIXED);
            out[0] = 0x80;
        } else {
            out.resize(out.len().next_multiple_of(4), 0);
            // At most 24 bytes.
            out[FIXED + 3] = ((out.len() - FIXED - 4) / 4) as u8;
        }
        out.len()
    }

    fn write_payload(&self, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.payload);
        if let Some((picture, base_layer)) = self.picture {
            codec::rename_vp8(&mut out[from..], picture, base_layer);
        }
    }

    /// The payload as the receiver gets it.
    pub(crate) fn renamed(&self) -> Arc<[u8]> {
        if self.picture.is_none() {
            return self.payload.clone();
        }
        let mut payload = Vec::with_capacity(self.payload.len());
        self.write_payload(&mut payload);
        payload.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::Agreement;
    use str0m::crypto::dtls::SrtpProfile;

    const START: u64 = 65_000;

    fn way() -> Way {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Way { protocol: Protocol::Udp, source: address(1), destination: address(2) }
    }

    fn packet(sequence: u64, now: Instant) -> Packet {
        Packet {
            names: Names { payload: 96.into(), repair: Some(97.into()) },
            sequence,
            timestamp: 7,
            marker: true,
            marks: Marks { level: Some(0x80 | 30), orientation: Some(1) },
            payload: Arc::from(vec![sequence as u8; 1_000]),
            picture: None,
            arrived: now,
        }
    }

    fn map() -> ExtensionMap {
        let mut map = ExtensionMap::empty();
        map.set(3, Extension::RtpMid);
        map.set(4, Extension::AudioLevel);
        map.set(13, Extension::VideoOrientation);
        map
    }

    /// Lanes whose first packet went through str0m.
    fn lanes(map: &ExtensionMap, now: Instant) -> Lanes {
        let material: Vec<u8> = (0..56).collect();
        let agreement = Agreement::ours(&material, SrtpProfile::AEAD_AES_128_GCM, true).expect("keys");
        let mut lanes = Lanes::new(Sealer::new(&agreement).expect("a sealer"));
        lanes.went(way());
        lanes.through(&stream(map, 11), &packet(START, now), now);
        lanes
    }

    fn stream(map: &ExtensionMap, ssrc: u32) -> Stream<'_> {
        Stream { mid: "v0".into(), ssrc, repair: Some(ssrc + 1), extensions: map }
    }

    fn nack(ssrc: u32, pid: u16, blp: u16) -> Nack {
        // The library makes such lists only of what it read: whose report, of which stream, and what is missing.
        let bytes =
            [[0; 4], ssrc.to_be_bytes(), (u32::from(pid) << 16 | u32::from(blp)).to_be_bytes()].concat();
        Nack::try_from(&bytes[..]).expect("a report")
    }

    fn repaired(lanes: &mut Lanes, nack: &Nack) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        lanes.missed(nack, |to, datagram| {
            assert_eq!(to, way());
            sent.push(datagram);
        });
        sent
    }

    fn number(datagram: &[u8]) -> u16 {
        u16::from_be_bytes([datagram[2], datagram[3]])
    }

    #[test]
    fn a_packet_is_written_as_the_standards_say() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        let (to, datagram) =
            lanes.send("v0".into(), &packet(START + 600, now), now, Vec::new).expect("a datagram");
        assert_eq!(to, way());
        let header = [0x90, 0x80 | 96, 0x00, 0x40, 0, 0, 0, 7, 0, 0, 0, 11, 0xbe, 0xde, 0, 2];
        // Section, loudness, orientation, and a byte that fills the word.
        let extensions = [0x31, b'v', b'0', 0x40, 0x80 | 30, 0xd0, 1, 0];
        assert_eq!(datagram[..16], header);
        assert_eq!(datagram[16..24], extensions);
        assert_eq!(datagram.len(), 24 + 1_000 + 16);
        assert!(datagram[24..].iter().any(|byte| *byte != START as u8), "it is sealed");
    }

    #[test]
    fn once_a_second_and_after_every_change_a_packet_goes_through() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        let mid = Mid::from("v0");
        let next = packet(START + 1, now);
        assert!(lanes.send(mid, &next, now + ROUND / 2, Vec::new).is_some());
        assert!(lanes.send(mid, &next, now + ROUND, Vec::new).is_none(), "its second is over");
        assert!(lanes.send("v1".into(), &next, now, Vec::new).is_none(), "another section");
        lanes.came(way().destination);
        assert!(lanes.send(mid, &next, now, Vec::new).is_some());
        lanes.came(way().source);
        assert!(lanes.send(mid, &next, now, Vec::new).is_none(), "somewhere else");
        lanes.went(way());
        assert!(lanes.send(mid, &next, now, Vec::new).is_some());
        lanes.doubt();
        assert!(lanes.send(mid, &next, now, Vec::new).is_none(), "in doubt");
    }

    #[test]
    fn extensions_are_written_as_the_receiver_knows_them() {
        let now = Instant::now();
        let only = |id, extension| {
            let mut map = ExtensionMap::empty();
            map.set(id, extension);
            map
        };
        let mut long = map();
        long.set(15, Extension::AbsoluteSendTime);
        // Ten bytes, and two that fill the third word.
        let wide = [0x10, 0, 0, 3, 3, 2, b'v', b'0', 4, 1, 0x80 | 30, 13, 1, 1, 0, 0];
        let turned = [0xbe, 0xde, 0, 1, 0x10, 1, 0, 0];
        for (map, first, extensions) in [
            (ExtensionMap::empty(), 0x80, &[][..]),
            (only(2, Extension::AbsoluteSendTime), 0x80, &[][..]),
            (only(1, Extension::VideoOrientation), 0x90, &turned[..]),
            (long, 0x90, &wide[..]),
        ] {
            let mut lanes = lanes(&map, now);
            let (_, sent) =
                lanes.send("v0".into(), &packet(START + 1, now), now, Vec::new).expect("a datagram");
            assert_eq!((sent[0], &sent[12..12 + extensions.len()]), (first, extensions));
            assert_eq!(sent.len(), 12 + extensions.len() + 1_000 + 16);
            // And what it misses is repeated.
            let again = repaired(&mut lanes, &nack(11, (START + 1) as u16, 0));
            assert_eq!(again.iter().map(Vec::len).collect::<Vec<_>>(), [sent.len() + 2]);
            assert_eq!((again[0][0], &again[0][12..12 + extensions.len()]), (first, extensions));
        }
    }

    #[test]
    fn what_is_missed_is_repeated_under_numbers_of_its_own() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        for sequence in START + 1..START + 1_000 {
            // The 300th overtakes its neighbour.
            let late = if sequence == START + 300 { START + 301 } else { sequence };
            let late = if sequence == START + 301 { START + 300 } else { late };
            assert!(lanes.send("v0".into(), &packet(late, now), now, Vec::new).is_some());
        }
        // 65,300 and 65,301; then 2^16 and the one after.
        let first = repaired(&mut lanes, &nack(11, 65_300, 1));
        let second = repaired(&mut lanes, &nack(11, 0, 1));
        let all: Vec<&[u8]> = first.iter().chain(&second).map(Vec::as_slice).collect();
        assert_eq!(all.iter().map(|datagram| number(datagram)).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for datagram in &all {
            assert_eq!((datagram[1], &datagram[8..12]), (0x80 | 97, &12_u32.to_be_bytes()[..]));
            assert_eq!(datagram.len(), 24 + 2 + 1_000 + 16, "the number it had is in it");
        }
        assert!(repaired(&mut lanes, &nack(11, 464, 0)).is_empty(), "not sent yet");
        assert!(repaired(&mut lanes, &nack(12, 0, 0)).is_empty(), "repairs are not repaired");
        assert!(repaired(&mut lanes, &nack(99, 0, 0)).is_empty(), "nobody's");
    }

    #[test]
    fn repairs_are_a_share_of_what_is_sent() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        for sequence in START + 1..START + 500 {
            lanes.send("v0".into(), &packet(sequence, now), now, Vec::new);
        }
        let mut asked = 0;
        let mut sent = 0;
        for _ in 0..20 {
            asked += 17;
            sent += repaired(&mut lanes, &nack(11, START as u16 + 5, 0xffff)).len();
        }
        assert!(sent == 65, "{sent} of {asked}: no more than may be sent at once");
        for sequence in START + 500..START + 600 {
            lanes.send("v0".into(), &packet(sequence, now), now, Vec::new);
        }
        assert_eq!(repaired(&mut lanes, &nack(11, START as u16 + 505, 0xffff)).len(), 17);
        assert_eq!(
            repaired(&mut lanes, &nack(11, START as u16 + 505, 0xffff)).len(),
            1,
            "eighteen of a hundred"
        );
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_time() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        for sequence in START + 1..START + 2_000 {
            lanes.send("v0".into(), &packet(sequence, now), now, Vec::new);
        }
        assert_eq!(lanes.lanes[0].kept.len(), KEPT);
        let later = now + KEPT_FOR + Duration::from_millis(1);
        lanes.through(&stream(&map, 11), &packet(START + 2_000, later), later);
        assert_eq!(lanes.lanes[0].kept.len(), 1);
        // Speech is not repaired, and not kept.
        let spoken =
            Packet { names: Names { payload: 111.into(), repair: None }, ..packet(START + 2_001, later) };
        assert!(lanes.send("v0".into(), &spoken, later, Vec::new).is_some());
        assert_eq!(lanes.lanes[0].kept.len(), 1);
        // Nor is what was sent before a silence.
        lanes.tidy(later + KEPT_FOR);
        assert_eq!(lanes.lanes[0].kept.len(), 1);
        lanes.tidy(later + KEPT_FOR + Duration::from_millis(1));
        assert_eq!(lanes.lanes[0].kept.len(), 0);
    }

    #[test]
    fn another_stream_in_the_section_begins_anew_and_the_same_one_never() {
        let now = Instant::now();
        let map = map();
        let mut lanes = lanes(&map, now);
        assert_eq!(number(&repaired(&mut lanes, &nack(11, START as u16, 0))[0]), 1);
        lanes.doubt();
        lanes.through(&stream(&map, 11), &packet(START + 1, now), now);
        let numbers: Vec<u16> = repaired(&mut lanes, &nack(11, START as u16, 1))
            .iter()
            .map(|datagram| number(datagram))
            .collect();
        assert_eq!(numbers, [2, 3], "no number is used twice");
        lanes.through(&stream(&map, 21), &packet(1, now), now);
        assert!(repaired(&mut lanes, &nack(11, START as u16, 0)).is_empty(), "the stream is gone");
        assert_eq!(number(&repaired(&mut lanes, &nack(21, 1, 0))[0]), 1);
    }

    #[test]
    fn a_receivers_names_for_a_picture_are_in_the_packet() {
        let now = Instant::now();
        let mut vp8 = packet(START, now);
        // X; I and L; a picture id of 15 bits; TL0PICIDX.
        vp8.payload = Arc::from([0x90, 0xc0, 0x81, 0x02, 9, 0xaa]);
        vp8.picture = Some((0x7f03, Some(5)));
        assert_eq!(*vp8.renamed(), [0x90, 0xc0, 0xff, 0x03, 5, 0xaa]);
        // The short form, without a layer.
        vp8.payload = Arc::from([0x90, 0x80, 0x01, 0xaa]);
        vp8.picture = Some((0x7f, None));
        assert_eq!(*vp8.renamed(), [0x90, 0x80, 0x7f, 0xaa]);
        for torn in [&[0x90][..], &[0x90, 0xc0], &[0x90, 0xc0, 0x81], &[0x10, 0xff, 1], &[]] {
            vp8.payload = Arc::from(torn);
            assert_eq!(*vp8.renamed(), *torn, "left as it is");
        }
    }
}
