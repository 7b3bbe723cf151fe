//! One track from its packets to frames on the recording's time line.
//!
//! A sender's RTP time says exactly how far apart two frames are, and nothing about when a recording began; the
//! moment of arrival says the second, and trembles. So the first frame is put where it arrived, and RTP time carries
//! on from there, for as long as the two agree. Sound must have no holes: players decode it without looking at
//! times, and what was not sent (silence, a lost packet) would make everything after it come too early.

use crate::assemble::{Assembler, Frame, Packet};
use crate::vp8::Size;
use crate::writer::Media;
use std::time::Duration;

/// RTP time and arrival may be this far apart before the time line is set anew: a sender that paused without
/// counting on, or two clocks after an hour.
const APART: i64 = 400_000;
/// A hole in sound smaller than this is rounding, in microseconds.
const HOLE: i64 = 10_000;
/// The longest hole that is filled with silence, in microseconds. Beyond it the sound is cut short instead.
const LONGEST_HOLE: i64 = 4 * 3_600 * 1_000_000;
/// 20 ms of silence in Opus: full band, mono.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const SILENCE_TIME: i64 = 20_000;

/// One RTP packet as it comes from the network: like [`Packet`], but its time wraps.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The number in order, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP time, 32 bits.
    pub time: u32,
    /// The last packet of its picture.
    pub marker: bool,
    /// What it carries.
    pub payload: &'a [u8],
    /// When it came, since the recording began.
    pub at: Duration,
}

/// Makes frames of the packets of one track. [`Frame::at`] counts from the beginning of the recording.
pub struct Tape {
    media: Media,
    assembler: Assembler,
    /// The last RTP time, extended beyond 32 bits.
    time: Option<u64>,
    line: Line,
}

/// Where frames lie, in microseconds.
#[derive(Default)]
pub(crate) struct Line {
    /// What is added to a frame's RTP time.
    shift: Option<i64>,
    /// Where the last frame began, and for sound where it ends.
    last: i64,
}

impl Tape {
    /// For a track of sound.
    #[must_use]
    pub fn sound() -> Tape {
        Tape::of(Media::Opus { channels: 2 })
    }

    /// For a track of pictures.
    #[must_use]
    pub fn pictures() -> Tape {
        Tape::of(Media::Vp8(Size { width: 0, height: 0 }))
    }

    fn of(media: Media) -> Tape {
        Tape { media, assembler: Assembler::new(media), time: None, line: Line::default() }
    }

    /// Whether nothing can be recorded before a key frame comes.
    #[must_use]
    pub fn wants_key_frame(&self) -> bool {
        self.assembler.wants_key_frame()
    }

    /// Packets that never came.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.assembler.lost()
    }

    /// Takes a packet in; hands each frame that is whole to `each`, in order and with times that never go back.
    pub fn take(&mut self, packet: Arrival<'_>, mut each: impl FnMut(Frame)) {
        let time = match self.time {
            // Far from zero, so that a packet from before the first has a time, too.
            None => (1 << 40) | u64::from(packet.time),
            Some(last) => {
                // The nearest time with these low bits.
                let ahead = packet.time.wrapping_sub(last as u32) as i32;
                last.saturating_add_signed(ahead.into())
            }
        };
        self.time = Some(time);
        let whole =
            Packet { sequence: packet.sequence, time, marker: packet.marker, payload: packet.payload };
        let (line, sound) = (&mut self.line, !self.media.is_video());
        self.assembler.take(whole, |frame| line.place(frame, micros(packet.at), sound, &mut each));
    }

    /// Nothing more comes.
    pub fn end(&mut self, mut each: impl FnMut(Frame)) {
        let (line, sound) = (&mut self.line, !self.media.is_video());
        let Some(shift) = line.shift else {
            // Nothing was whole until now: what is held back came just now.
            self.assembler.end(|frame| line.place(frame, 0, sound, &mut each));
            return;
        };
        self.assembler.end(|frame| {
            let at = micros(frame.at) + shift;
            line.place(frame, at, sound, &mut each);
        });
    }
}

impl Line {
    /// Hands a frame that came at `arrived` to `each`, in its place, with the silence before it.
    pub(crate) fn place(
        &mut self,
        mut frame: Frame,
        arrived: i64,
        sound: bool,
        each: &mut impl FnMut(Frame),
    ) {
        let time = micros(frame.at);
        let shift = self.shift.get_or_insert(arrived - time);
        if (arrived - (time + *shift)).abs() > APART {
            *shift = arrived - time;
        }
        let mut at = (time + *shift).max(0);
        if sound {
            if self.last > 0 && (at - self.last) < LONGEST_HOLE {
                while at - self.last >= SILENCE_TIME - HOLE {
                    each(Frame { at: duration(self.last), key: true, bytes: SILENCE.to_vec() });
                    self.last += SILENCE_TIME;
                }
            }
            // What follows something begins where that ended.
            if self.last > 0 {
                at = at.max(self.last);
            }
            self.last = at + length(&frame.bytes);
        } else {
            at = at.max(self.last);
            self.last = at;
        }
        frame.at = duration(at);
        each(frame);
    }
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// How long an Opus packet sounds, in microseconds (RFC 6716, section 3.1).
pub(crate) fn length(packet: &[u8]) -> i64 {
    let Some(&toc) = packet.first() else { return 0 };
    let frame = match toc >> 3 {
        config @ 0..=11 => [10_000, 20_000, 40_000, 60_000][usize::from(config % 4)],
        config @ 12..=15 => [10_000, 20_000][usize::from(config % 2)],
        config => [2_500, 5_000, 10_000, 20_000][usize::from(config % 4)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => i64::from(packet.get(1).map_or(0, |byte| byte & 0x3f)),
    };
    // No packet sounds longer than 120 ms.
    (frame * count).min(120_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of speech, mono, wide band.
    const SPEECH: [u8; 4] = [0x48, 1, 2, 3];

    fn heard(packets: &[(u64, u32, u64)]) -> Vec<(u128, bool)> {
        let (mut tape, mut frames) = (Tape::sound(), Vec::new());
        for (sequence, time, at) in packets {
            let at = Duration::from_millis(*at);
            let packet = Arrival { sequence: *sequence, time: *time, marker: false, payload: &SPEECH, at };
            tape.take(packet, |frame| frames.push(frame));
        }
        tape.end(|frame| frames.push(frame));
        frames.iter().map(|frame| (frame.at.as_millis(), frame.bytes == SPEECH)).collect()
    }

    #[test]
    fn sound_begins_where_it_arrived_and_goes_on_by_its_own_time() {
        // It trembles on the way by up to 70 ms; and its time wraps.
        let packets: Vec<_> = (0..100_u64)
            .map(|n| (n + 7, (u32::MAX - 40_000).wrapping_add(n as u32 * 960), 5_000 + n * 20 + n * 37 % 70))
            .collect();
        let frames = heard(&packets);
        assert_eq!(frames.len(), 100);
        assert!(frames.iter().enumerate().all(|(n, frame)| *frame == (5_000 + n as u128 * 20, true)));
    }

    #[test]
    fn what_was_not_sent_is_silence() {
        // A second of speech, two seconds in which a packet comes every 400 ms (silence), speech again.
        let speech =
            |from: u64, number: u64| move |n: u64| (number + n, ((from + n * 20) * 48) as u32, from + n * 20);
        let quiet = |n: u64| (50 + n, ((1_000 + n * 400) * 48) as u32, 1_000 + n * 400);
        let mut packets: Vec<_> = (0..50).map(speech(0, 0)).collect();
        packets.extend((0..5).map(quiet));
        packets.extend((0..50).map(speech(3_000, 55)));
        let frames = heard(&packets);
        assert_eq!(frames.len(), 4_000 / 20);
        assert!(frames.iter().enumerate().all(|(n, frame)| frame.0 == n as u128 * 20), "no hole");
        assert_eq!(frames.iter().filter(|frame| frame.1).count(), 105);
    }

    #[test]
    fn a_sender_that_stops_its_clock_is_put_where_it_arrives() {
        // Ten seconds pass in which its RTP time does not count on.
        let packets: Vec<_> = (0..100_u64)
            .map(|n| (n, n as u32 * 960, if n < 50 { n * 20 } else { n * 20 + 10_000 }))
            .collect();
        let frames = heard(&packets);
        let speech: Vec<u128> = frames.iter().filter(|frame| frame.1).map(|frame| frame.0).collect();
        assert_eq!((speech[49], speech[50], speech[99]), (980, 11_000, 11_980));
        assert_eq!(frames.len(), 12_000 / 20, "and silence before it");
    }

    #[test]
    fn pictures_keep_their_distances_and_never_go_back() {
        let payload = |key: bool| [0x10, u8::from(!key), 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0];
        let (mut tape, mut times) = (Tape::pictures(), Vec::new());
        for n in 0..60_u64 {
            // In the middle the way takes half a second longer for a moment.
            let late = if (20..23).contains(&n) { 500 } else { 0 };
            let at = Duration::from_millis(2_000 + n * 40 + late);
            let payload = payload(n == 0);
            let packet = Arrival { sequence: n, time: n as u32 * 3_600, marker: true, payload: &payload, at };
            tape.take(packet, |frame| times.push(frame.at.as_millis()));
        }
        assert_eq!(times.len(), 60);
        assert_eq!((times[0], times[19], times[59]), (2_000, 2_760, 4_360));
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn packets_say_how_long_they_sound() {
        for (packet, millis) in [
            (&[0x48][..], 20),
            (&[0x58], 60),
            (&[0xf8, 0xff, 0xfe], 20),
            (&[0xe1], 5),
            (&[0x4b, 0x03], 60),
            (&[0x4b], 0),
            (&[0x4b, 0x3f], 120),
            (&[], 0),
        ] {
            assert_eq!(length(packet), millis * 1_000, "{packet:?}");
        }
    }
}
