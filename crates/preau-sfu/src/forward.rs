//! Renumbering: what a forwarded packet is called on its way to one receiver.
//!
//! A receiver must see one unbroken stream, although behind it the publisher may switch between
//! simulcast layers, pause, send padding that is not worth forwarding, or send layers this receiver does
//! not get. So sequence numbers, timestamps and VP8's picture ids are moved by offsets that are kept for
//! each receiver.
//!
//! Invariant: within one stream no outgoing sequence number is used twice, the first is below 65,536
//! (a receiver begins with rollover counter 0, RFC 3711 section 3.3.1), and a change of source
//! continues with the very next number. It knows nothing of networks, rooms or grants.

use std::collections::VecDeque;
use std::time::Instant;

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Extended sequence number.
    pub sequence: u64,
    /// RTP timestamp, in ticks of the codec's clock.
    pub timestamp: u32,
    /// VP8 picture id (RFC 7741 section 4.2), 7 or 15 bits, and
    pub picture: u16,
    /// VP8 TL0PICIDX. Both 0 where the codec has none.
    pub base_layer: u8,
}

/// Packets left out that are kept in mind, so that late packets still get the right number. A packet
/// that comes later than this many of them is dropped. With two of three layers left out of a video in
/// HD, this is about a second.
const REMEMBERED_GAPS: usize = 512;

/// Renumbers one outgoing stream.
#[derive(Debug)]
pub struct Rebase {
    clock_rate: u32,
    source: Option<Source>,
    last: Option<Sent>,
}

/// Offsets for the source that is being forwarded.
#[derive(Debug)]
struct Source {
    /// Packets before this one are not forwarded: the receiver could not use them.
    first: u64,
    /// The most advanced packet that was given a number. Padding beyond it can still be taken out.
    highest: u64,
    sequence: i64,
    timestamp: u32,
    picture: u16,
    base_layer: u8,
    /// Packets left out, ascending, each of which moves everything after it down by one.
    gaps: VecDeque<Gap>,
    /// How many of the gaps are pictures.
    pictures: u16,
}

/// A packet left out.
#[derive(Debug, Clone, Copy)]
struct Gap {
    sequence: u64,
    /// A whole picture is left out, and this is its first packet.
    picture: bool,
}

/// The most advanced packet sent so far.
#[derive(Debug, Clone, Copy)]
struct Sent {
    position: Position,
    at: Instant,
}

impl Rebase {
    /// A stream that has sent nothing. `clock_rate` is the codec's, in Hz.
    pub fn new(clock_rate: u32) -> Rebase {
        Rebase { clock_rate, source: None, last: None }
    }

    /// Continues the stream from another source, of which `first` is the first packet to forward.
    /// For video that must be the start of a key frame.
    pub fn start(&mut self, first: Position, now: Instant) {
        let next = match self.last {
            None => Position { sequence: 1, ..first },
            Some(Sent { position, at }) => {
                let elapsed = now.saturating_duration_since(at).as_micros() * u128::from(self.clock_rate);
                // The low 32 bits are what a wrapping clock shows. At least 10 ms, so that the new
                // picture never carries the timestamp of the old one.
                let ticks = (elapsed / 1_000_000).max(u128::from(self.clock_rate / 100)) as u32;
                Position {
                    sequence: position.sequence + 1,
                    timestamp: position.timestamp.wrapping_add(ticks),
                    picture: position.picture.wrapping_add(1),
                    base_layer: position.base_layer.wrapping_add(1),
                }
            }
        };
        self.source = Some(Source {
            first: first.sequence,
            highest: first.sequence,
            sequence: next.sequence.wrapping_sub(first.sequence) as i64,
            timestamp: next.timestamp.wrapping_sub(first.timestamp),
            picture: next.picture.wrapping_sub(first.picture),
            base_layer: next.base_layer.wrapping_sub(first.base_layer),
            gaps: VecDeque::new(),
            pictures: 0,
        });
    }

    /// The outgoing position of a packet of the current source. None when there is no source, or the
    /// packet is older than what may still be sent.
    pub fn map(&mut self, packet: Position, now: Instant) -> Option<Position> {
        let source = self.source.as_mut()?;
        let sequence = source.number(packet.sequence)?;
        source.highest = source.highest.max(packet.sequence);
        let position = Position {
            sequence,
            timestamp: packet.timestamp.wrapping_add(source.timestamp),
            picture: packet
                .picture
                .wrapping_add(source.picture)
                .wrapping_sub(source.pictures_before(packet.sequence)),
            base_layer: packet.base_layer.wrapping_add(source.base_layer),
        };
        if self.last.is_none_or(|last| last.position.sequence < sequence) {
            self.last = Some(Sent { position, at: now });
        }
        Some(position)
    }

    /// Leaves a packet out: padding, or a layer this receiver does not get. Usually its number is
    /// simply taken out of the row, and with `picture` set (it is the first packet of a whole picture that
    /// is left out) so is the picture's. If later packets are already on their way that is too late: then
    /// the hole has a number, which is returned, and an empty packet should fill it.
    pub fn skip(&mut self, sequence: u64, picture: bool) -> Option<u64> {
        let source = self.source.as_mut()?;
        if sequence < source.first || source.is_gap(sequence) {
            return None;
        }
        if sequence < source.highest {
            return source.number(sequence);
        }
        let at = source.gaps.partition_point(|gap| gap.sequence < sequence);
        source.gaps.insert(at, Gap { sequence, picture });
        source.pictures += u16::from(picture);
        if source.gaps.len() > REMEMBERED_GAPS
            && let Some(oldest) = source.gaps.pop_front()
        {
            source.sequence -= 1;
            source.picture = source.picture.wrapping_sub(u16::from(oldest.picture));
            source.pictures -= u16::from(oldest.picture);
            source.first = oldest.sequence + 1;
        }
        None
    }

    /// The last number that was given. None before the first packet.
    pub fn last_number(&self) -> Option<u64> {
        self.last.map(|last| last.position.sequence)
    }
}

impl Source {
    fn before(&self, sequence: u64) -> usize {
        // Almost always the newest packet is asked for.
        match self.gaps.back() {
            Some(last) if last.sequence >= sequence => {
                self.gaps.partition_point(|gap| gap.sequence < sequence)
            }
            _ => self.gaps.len(),
        }
    }

    fn is_gap(&self, sequence: u64) -> bool {
        self.gaps.get(self.before(sequence)).is_some_and(|gap| gap.sequence == sequence)
    }

    /// Pictures left out before this packet.
    fn pictures_before(&self, sequence: u64) -> u16 {
        let before = self.before(sequence);
        // At most REMEMBERED_GAPS, so it fits.
        self.pictures - self.gaps.iter().skip(before).map(|gap| u16::from(gap.picture)).sum::<u16>()
    }

    fn number(&self, sequence: u64) -> Option<u64> {
        if sequence < self.first || self.is_gap(sequence) {
            return None;
        }
        let moved = sequence.wrapping_add_signed(self.sequence);
        moved.checked_sub(u64::try_from(self.before(sequence)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::time::Duration;

    fn at(sequence: u64) -> Position {
        Position {
            sequence,
            timestamp: (sequence as u32).wrapping_mul(3000),
            picture: sequence as u16,
            base_layer: 0,
        }
    }

    #[test]
    fn a_stream_begins_below_the_first_rollover() {
        let now = Instant::now();
        let mut rebase = Rebase::new(90_000);
        assert_eq!(rebase.map(at(900_000), now), None);
        rebase.start(at(900_000), now);
        assert_eq!(rebase.map(at(900_000), now).unwrap().sequence, 1);
        assert_eq!(rebase.map(at(900_002), now).unwrap().sequence, 3);
        assert_eq!(rebase.map(at(900_001), now).unwrap().sequence, 2);
        assert_eq!(rebase.map(at(899_999), now), None, "before the key frame");
    }

    #[test]
    fn a_switch_continues_with_the_next_number_and_later_time() {
        let now = Instant::now();
        let mut rebase = Rebase::new(90_000);
        rebase.start(at(500), now);
        let before = rebase.map(at(503), now).unwrap();
        let later = now + Duration::from_millis(100);
        rebase.start(at(70_000), later);
        let after = rebase.map(at(70_000), later).unwrap();
        assert_eq!(after.sequence, before.sequence + 1);
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(9_000));
        assert_eq!(after.picture, before.picture + 1);
    }

    #[test]
    fn late_padding_is_filled_not_closed() {
        let now = Instant::now();
        let mut rebase = Rebase::new(90_000);
        rebase.start(at(10), now);
        assert_eq!(rebase.map(at(10), now).unwrap().sequence, 1);
        assert_eq!(rebase.map(at(12), now).unwrap().sequence, 3);
        assert_eq!(rebase.skip(11, false), Some(2));
        assert_eq!(rebase.map(at(13), now).unwrap().sequence, 4);
        assert_eq!(rebase.skip(14, false), None);
        assert_eq!(rebase.map(at(15), now).unwrap().sequence, 5);
    }

    #[test]
    fn pictures_left_out_leave_no_gap_in_the_picture_ids() {
        let now = Instant::now();
        let mut rebase = Rebase::new(90_000);
        rebase.start(at(100), now);
        assert_eq!(rebase.map(at(100), now).unwrap().picture, 100);
        // Every second picture is left out; each has one packet.
        let mut pictures = Vec::new();
        for sequence in 101..2_000 {
            if sequence % 2 == 1 {
                assert_eq!(rebase.skip(sequence, true), None);
            } else {
                let sent = rebase.map(at(sequence), now).unwrap();
                pictures.push((sent.sequence, sent.picture));
            }
        }
        assert!(pictures.windows(2).all(|pair| pair[1] == (pair[0].0 + 1, pair[0].1 + 1)));
        assert_eq!(pictures[0], (2, 101));
    }

    /// What a publisher's packet can be, after the network shuffled it.
    #[derive(Debug, Clone)]
    enum Arrival {
        Media(u64),
        Padding(u64),
        Switch(u64),
    }

    fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
        // A walk forwards with loss, with some neighbours swapped and some packets repeated.
        let step = (1u64..3, 0u8..10, any::<bool>());
        (0u64..200_000, prop::collection::vec(step, 1..400)).prop_map(|(start, steps)| {
            let mut sequence = start;
            let mut out = vec![Arrival::Switch(start)];
            for (gap, what, swap) in steps {
                sequence += gap;
                match what {
                    0 => {
                        sequence += 70_000;
                        out.push(Arrival::Switch(sequence));
                    }
                    1..=3 => out.push(Arrival::Padding(sequence)),
                    _ => out.push(Arrival::Media(sequence)),
                }
                let last = out.len() - 1;
                if swap && last > 1 && !matches!(out[last - 1], Arrival::Switch(_)) && what != 0 {
                    out.swap(last, last - 1);
                }
            }
            out
        })
    }

    proptest! {
        #[test]
        fn no_number_is_used_twice_and_order_is_kept(arrivals in arrivals()) {
            let now = Instant::now();
            let mut rebase = Rebase::new(90_000);
            let mut used = HashSet::new();
            let mut this_source: Vec<(u64, u64)> = Vec::new();
            let mut first = true;
            for arrival in arrivals {
                let sent = match arrival {
                    Arrival::Switch(sequence) => {
                        let highest = used.iter().max().copied().unwrap_or(0);
                        rebase.start(at(sequence), now);
                        this_source.clear();
                        let out = rebase.map(at(sequence), now).map(|p| p.sequence);
                        // Filling a hole never exceeds what was sent, so the next number is free.
                        prop_assert_eq!(out, Some(highest + 1));
                        out.map(|out| (sequence, out))
                    }
                    Arrival::Media(sequence) => {
                        rebase.map(at(sequence), now).map(|p| (sequence, p.sequence))
                    }
                    Arrival::Padding(sequence) => rebase.skip(sequence, false).map(|out| (sequence, out)),
                };
                let Some((incoming, outgoing)) = sent else { continue };
                if first {
                    prop_assert!(outgoing < 65_536);
                    first = false;
                }
                prop_assert!(used.insert(outgoing), "{} used twice", outgoing);
                for (earlier_in, earlier_out) in &this_source {
                    prop_assert_eq!(*earlier_in < incoming, *earlier_out < outgoing);
                }
                this_source.push((incoming, outgoing));
            }
        }
    }
}
