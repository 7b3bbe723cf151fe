//! From packets to frames: order, gaps and times.
//!
//! It keeps a handful of packets back so that one that comes late (it was sent again) finds its place. A video frame
//! of which a packet is missing is left out, and so is all that builds on it, up to the next key frame; of speech only
//! what is missing is missing. Invariant: bounded by [`HELD`] packets and [`FRAME`] bytes.

use crate::vp8;
use crate::writer::Media;
use std::collections::BTreeMap;
use std::time::Duration;

/// Packets kept back at most. At 40 packets a second and layer of a small picture that is more than a second, at 500
/// of a sharp screen an eighth: longer than a lost packet takes to be sent again.
const HELD: usize = 64;
/// The largest frame: a key frame of a 4K screen is a few megabytes.
const FRAME: usize = 8 * 1024 * 1024;

/// One RTP packet of the track, without its header.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The number in order, extended beyond 16 bits, so that it never wraps.
    pub sequence: u64,
    /// RTP time, extended beyond 32 bits.
    pub time: u64,
    /// The last packet of its frame (video).
    pub marker: bool,
    /// What it carries.
    pub payload: &'a [u8],
}

/// One frame: a picture, or 20 ms of speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Since the first packet of the track.
    pub at: Duration,
    /// Whether one can begin to play here.
    pub key: bool,
    /// As the decoder wants it.
    pub bytes: Vec<u8>,
}

struct Held {
    time: u64,
    marker: bool,
    payload: Vec<u8>,
}

/// Puts packets in order and makes frames of them.
pub struct Assembler {
    media: Media,
    held: BTreeMap<u64, Held>,
    /// The next number to take.
    next: Option<u64>,
    /// The time at which the track begins.
    begin: Option<u64>,
    /// The picture being put together, and its time.
    picture: Option<(u64, Vec<u8>)>,
    /// Nothing is whole before the next key frame.
    broken: bool,
    /// Frames that were left out.
    lost: u64,
}

impl Assembler {
    /// An assembler that has seen nothing yet.
    #[must_use]
    pub fn new(media: Media) -> Assembler {
        // Of a picture one can begin only with a key frame.
        let broken = media.is_video();
        Assembler { media, held: BTreeMap::new(), next: None, begin: None, picture: None, broken, lost: 0 }
    }

    /// Whether the sender should be asked for a key frame: nothing can be recorded before it comes.
    #[must_use]
    pub fn wants_key_frame(&self) -> bool {
        self.broken
    }

    /// Packets that never came, so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes a packet in; hands each frame that is whole to `each`, in order.
    pub fn take(&mut self, packet: Packet<'_>, mut each: impl FnMut(Frame)) {
        if self.next.is_some_and(|next| packet.sequence < next) || packet.payload.len() > FRAME {
            // Its place has been passed.
            return;
        }
        let held = Held { time: packet.time, marker: packet.marker, payload: packet.payload.to_vec() };
        self.held.insert(packet.sequence, held);
        self.next.get_or_insert(packet.sequence);
        self.work_off(HELD, &mut each);
    }

    /// Nothing more comes.
    pub fn end(&mut self, mut each: impl FnMut(Frame)) {
        self.work_off(0, &mut each);
    }

    /// Takes what is next for as long as it is there, or more than `most` packets are kept back.
    fn work_off(&mut self, most: usize, each: &mut impl FnMut(Frame)) {
        while let Some(first) = self.held.first_entry() {
            let sequence = *first.key();
            let next = self.next.unwrap_or(sequence);
            if sequence != next {
                if self.held.len() <= most {
                    return;
                }
                self.lost = self.lost.saturating_add(sequence - next);
                self.gap();
                self.next = Some(sequence);
                continue;
            }
            let held = first.remove();
            self.next = Some(sequence.saturating_add(1));
            self.packet(held, each);
        }
    }

    fn gap(&mut self) {
        if self.media.is_video() {
            self.picture = None;
            self.broken = true;
        }
    }

    fn packet(&mut self, held: Held, each: &mut impl FnMut(Frame)) {
        if !self.media.is_video() {
            // Nothing is said in a packet without content (padding), and silence has a packet now and then.
            if !held.payload.is_empty() {
                let at = self.at(held.time);
                each(Frame { at, key: true, bytes: held.payload });
            }
            return;
        }
        let Some(part) = vp8::part(&held.payload) else { return };
        if part.begins {
            // The end of the one before may have been lost with its marker.
            self.picture = Some((held.time, Vec::new()));
        }
        let Some((time, picture)) = &mut self.picture else { return };
        if *time != held.time || picture.len() + part.bytes.len() > FRAME {
            self.gap();
            return;
        }
        picture.extend_from_slice(part.bytes);
        if !held.marker {
            return;
        }
        let Some((time, bytes)) = self.picture.take() else { return };
        let key = vp8::key_frame(&bytes).is_some();
        self.broken &= !key;
        if !self.broken {
            let at = self.at(time);
            each(Frame { at, key, bytes });
        }
    }

    /// A sender's clock that is set back (it never should be) stands still.
    fn at(&mut self, time: u64) -> Duration {
        let since = time.saturating_sub(*self.begin.get_or_insert(time));
        let rate = u64::from(self.media.clock());
        Duration::from_secs(since / rate) + Duration::from_nanos((since % rate) * 1_000_000_000 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;
    use proptest::prelude::*;

    const VIDEO: Media = Media::Vp8(Size { width: 320, height: 180 });

    /// Frames of three packets each, a key frame every ten: (sequence, time, marker, payload).
    fn pictures(count: u64) -> Vec<(u64, u64, bool, Vec<u8>)> {
        let head = |key: bool| vec![if key { 0x10 } else { 0x11 }, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0];
        (0..count)
            .flat_map(|frame| {
                (0..3).map(move |part| {
                    let mut payload = vec![if part == 0 { 0x10 } else { 0x00 }];
                    if part == 0 {
                        payload.extend(head(frame % 10 == 0));
                    }
                    payload.extend([frame as u8, part as u8]);
                    (1_000 + 3 * frame + part, 90_000 + 3_000 * frame, part == 2, payload)
                })
            })
            .collect()
    }

    fn run(media: Media, packets: &[(u64, u64, bool, Vec<u8>)]) -> (Vec<Frame>, Assembler) {
        let (mut frames, mut assembler) = (Vec::new(), Assembler::new(media));
        for (sequence, time, marker, payload) in packets {
            let packet = Packet { sequence: *sequence, time: *time, marker: *marker, payload };
            assembler.take(packet, |frame| frames.push(frame));
        }
        assembler.end(|frame| frames.push(frame));
        (frames, assembler)
    }

    #[test]
    fn frames_are_whole_in_order_and_in_time() {
        let (frames, assembler) = run(VIDEO, &pictures(20));
        assert_eq!(frames.len(), 20);
        assert!(!assembler.wants_key_frame() && assembler.lost() == 0);
        for (number, frame) in frames.iter().enumerate() {
            assert_eq!(frame.key, number % 10 == 0);
            assert_eq!(frame.at.as_millis(), number as u128 * 100 / 3);
            assert_eq!(&frame.bytes[10..], [number as u8, 0, number as u8, 1, number as u8, 2]);
        }
    }

    #[test]
    fn what_builds_on_a_missing_packet_is_left_out() {
        let mut packets = pictures(30);
        packets.retain(|packet| packet.0 != 1_000 + 3 * 4 + 1);
        let (frames, assembler) = run(VIDEO, &packets);
        let kept: Vec<u128> = frames.iter().map(|frame| (frame.at.as_millis() * 3).div_ceil(100)).collect();
        assert_eq!(kept, (0..4).chain(10..30).collect::<Vec<_>>());
        assert_eq!(assembler.lost(), 1);
    }

    #[test]
    fn a_recording_that_begins_in_the_middle_waits_for_a_key_frame() {
        let (frames, _) = run(VIDEO, &pictures(12)[5..]);
        assert_eq!(frames.len(), 2);
        assert!(frames[0].key && frames[0].at == Duration::ZERO);
        let (none, assembler) = run(VIDEO, &pictures(9)[4..]);
        assert!(none.is_empty() && assembler.wants_key_frame());
    }

    #[test]
    fn of_speech_only_what_is_missing_is_missing() {
        let packets: Vec<_> =
            (0..200_u64).filter(|n| n % 50 != 7).map(|n| (n, n * 960, false, vec![n as u8])).collect();
        let (frames, assembler) = run(Media::Opus { channels: 1 }, &packets);
        assert_eq!((frames.len(), assembler.lost()), (196, 4));
        assert!(frames.iter().all(|frame| frame.at == Duration::from_millis(20) * u32::from(frame.bytes[0])));
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(swaps in prop::collection::vec((0_usize..90, 1_usize..20), 0..60)) {
            let packets = pictures(30);
            let mut shuffled = packets.clone();
            // The first one stays: where a track begins is what came first.
            for (at, by) in swaps {
                let (at, to) = (1 + at % 89, 1 + (at + by) % 89);
                if at.abs_diff(to) < 20 {
                    shuffled.swap(at, to);
                }
            }
            let late = |packets: &[(u64, u64, bool, Vec<u8>)]| {
                packets.iter().enumerate().all(|(at, packet)| (packet.0 - 1_000).abs_diff(at as u64) < HELD as u64 / 2)
            };
            prop_assume!(late(&shuffled));
            prop_assert_eq!(run(VIDEO, &packets).0, run(VIDEO, &shuffled).0);
        }

        #[test]
        fn anything_may_come(packets in prop::collection::vec((any::<u64>(), any::<u64>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..200)) {
            let (frames, assembler) = run(VIDEO, &packets);
            prop_assert!(frames.len() <= packets.len() && assembler.held.is_empty());
        }
    }
}
