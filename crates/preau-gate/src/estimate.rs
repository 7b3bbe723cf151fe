//! The estimate: how many are before you, and how long it takes, as an honest range.
//!
//! The number of people comes from the scheduler's last look at the queue and counts only those
//! believed to be still there. The time comes from how fast the lane has moved lately: the faster
//! and the slower of two windows bound the range, widened by the spread that chance alone gives
//! to the n-th admission (a gamma distribution; 1.28 standard deviations leave one in ten on
//! either side). What cannot be known is left open rather than guessed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::draw::Rank;
use crate::rules::Rules;
use crate::time::Moment;

/// A range of whole minutes, rounded outwards to numbers one would say aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeMinutes {
    /// At least this long; zero means it may be at once.
    pub low: u16,
    /// At most this long; `None` when it may well be more than four hours.
    pub high: Option<u16>,
}

/// Minutes one would say aloud.
const STEPS: [u16; 22] =
    [0, 1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240];

/// Standard deviations either way: an interval that holds eight times in ten.
const SPREAD: f64 = 1.28;

/// How fast a lane moves, in people per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub(crate) slower: f64,
    pub(crate) faster: f64,
}

impl Pace {
    /// The middle, for planning when to ask again.
    pub(crate) fn middle(self) -> f64 {
        f64::midpoint(self.slower, self.faster)
    }

    /// The wait of somebody with `before` live people in front.
    pub(crate) fn range(self, before: f64) -> RangeMinutes {
        let nth = before.max(0.0) + 1.0;
        let spread = SPREAD * nth.sqrt();
        let low = (nth - spread).max(0.0) / self.faster.max(1e-9) / 60.0;
        let high = (nth + spread) / self.slower.max(1e-9) / 60.0;
        RangeMinutes {
            low: STEPS.iter().rev().find(|step| f64::from(**step) <= low).copied().unwrap_or(0),
            high: STEPS.iter().skip(1).find(|step| f64::from(**step) >= high).copied(),
        }
    }

    /// Seconds until it is likely the turn of somebody with `before` live people in front.
    pub(crate) fn expected_seconds(self, before: f64) -> f64 {
        (before.max(0.0) + 1.0) / self.middle().max(1e-9)
    }
}

/// Seconds of one count of admissions.
const BUCKET: u32 = 10;
/// Buckets kept: ten minutes.
const BUCKETS: usize = 60;
/// Buckets of the short window: two minutes.
const SHORT: usize = 12;
/// A session that nobody has measured yet is taken to last half an hour.
const ASSUMED_SESSION: f64 = 1_800.0;
/// The assumption weighs as much as this many seconds of observation.
const ASSUMED_WEIGHT: f64 = 60.0;

/// Counts admissions of one lane and says how fast it moves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pacer {
    buckets: VecDeque<u32>,
    current: u32,
}

impl Pacer {
    pub(crate) fn admitted(&mut self, people: u32, now: Moment) {
        let bucket = now.unix_seconds() / BUCKET;
        if self.buckets.is_empty() {
            self.current = bucket;
            self.buckets.push_back(0);
        }
        let passed = bucket.saturating_sub(self.current).min(BUCKETS as u32);
        for _ in 0..passed {
            self.buckets.push_back(0);
        }
        self.current = self.current.max(bucket);
        while self.buckets.len() > BUCKETS {
            self.buckets.pop_front();
        }
        if let Some(last) = self.buckets.back_mut() {
            *last = last.saturating_add(people);
        }
    }

    /// People a second in the last `window` buckets, with what is expected weighing as much as so many seconds.
    fn rate(&self, window: usize, expected: f64, weight: f64) -> f64 {
        let taken = self.buckets.len().min(window);
        let seen: u32 = self.buckets.iter().rev().take(taken).sum();
        let span = taken as f64 * f64::from(BUCKET);
        (f64::from(seen) + expected * weight) / (span + weight)
    }

    /// The pace by which it is planned when to ask again, given the seats that would come round to this lane if
    /// sessions last as assumed. Where nobody has come in lately it hopes for more than has been seen, so that
    /// seats which come free find somebody at the door.
    pub(crate) fn pace(&self, seats: f64) -> Pace {
        let assumed = (seats / ASSUMED_SESSION).max(1e-6);
        let rate = |window| self.rate(window, assumed, ASSUMED_WEIGHT);
        let (short, long) = (rate(SHORT), rate(BUCKETS));
        Pace { slower: short.min(long), faster: short.max(long) }
    }

    /// The pace that people are told. What two minutes show of a lane that gets a seat now and then is chance for a
    /// good part, so they weigh as much as what ten minutes say of them; the assumption, which is far off in a house
    /// full of lessons, tells on those ten alone.
    pub(crate) fn told(&self, seats: f64) -> Pace {
        let long = self.rate(BUCKETS, (seats / ASSUMED_SESSION).max(1e-6), ASSUMED_WEIGHT);
        let short = self.rate(SHORT, long, SHORT as f64 * f64::from(BUCKET));
        Pace { slower: short.min(long), faster: short.max(long) }
    }
}

/// A stretch of the queue in which people stand evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Places after this one …
    pub(crate) after: Rank,
    /// … up to and with this one.
    pub(crate) to: Rank,
    /// Live people before the stretch.
    pub(crate) before: f64,
    /// Live people in it.
    pub(crate) live: f64,
}

/// Stretches a published queue has at most; neighbours are joined beyond that.
const STRETCHES: usize = 512;

/// A lane's queue as the scheduler last saw it, for looking up how many stand before a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Depth {
    /// Called or standing by, not seated yet: they come before everyone in the stretches.
    pub(crate) front: f64,
    stretches: Vec<Stretch>,
}

impl Depth {
    /// From stretches in order, each with its number of live people.
    pub(crate) fn new(front: f64, slots: &[(Rank, Rank, f64)]) -> Self {
        let joined = slots.len().div_ceil(STRETCHES).max(1);
        let mut before = front;
        let stretches = slots
            .chunks(joined)
            .filter_map(|chunk| {
                let (first, last) = (chunk.first()?, chunk.last()?);
                let live = chunk.iter().map(|slot| slot.2).sum();
                let stretch = Stretch { after: first.0, to: last.1, before, live };
                before += live;
                Some(stretch)
            })
            .collect();
        Self { front, stretches }
    }

    /// Live people before `rank`, its own holder not counted.
    pub(crate) fn before(&self, rank: Rank) -> f64 {
        let next = self.stretches.partition_point(|stretch| stretch.to < rank);
        match self.stretches.get(next) {
            Some(stretch) if rank > stretch.after => {
                let span = (stretch.to.bits() - stretch.after.bits()).max(1) as f64;
                let within = (rank.bits() - stretch.after.bits()) as f64 / span;
                stretch.before + (stretch.live - 1.0).max(0.0) * within
            }
            Some(stretch) => stretch.before,
            None => self.total(),
        }
    }

    /// Live people in all.
    pub(crate) fn total(&self) -> f64 {
        self.stretches.last().map_or(self.front, |stretch| stretch.before + stretch.live)
    }
}

/// People that a polling interval grows by one second for. Near the front everyone asks often, and
/// the sum over a queue of N grows only as ln N: a million waiters add a hundred requests a second.
const PEOPLE_PER_SECOND: f64 = 10.0;

/// When somebody should ask again: a sixth of the expected wait, sooner near the front, between
/// the bounds of the rules, shifted by jitter. `spin` is any well-mixed number.
pub(crate) fn interval(rules: &Rules, before: f64, seconds: f64, spin: u64) -> Duration {
    let (least, most) = (rules.poll.0.as_secs_f64(), rules.poll.1.as_secs_f64());
    let near = least + before.max(0.0) / PEOPLE_PER_SECOND;
    let base = if seconds < 6.0 * least {
        // Nearly there: as often as at least, and so that one time falls on when their turn is likely to come.
        (seconds / (seconds / least).round().max(1.0)).clamp(1.0, most)
    } else {
        (seconds / 6.0).min(near).clamp(least, most)
    };
    let jitter = f64::from(rules.jitter_percent) / 100.0;
    // 53 random bits as a number from -1 to 1.
    let turn = (spin >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    Duration::from_secs_f64((base * (1.0 + jitter * turn)).clamp(1.0, most * (1.0 + jitter)))
}

/// Mixes a number until its bits look random (the finalizer of SplitMix64, Steele et al. 2014).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_said_in_round_minutes_and_hold_the_middle() {
        let pace = Pace { slower: 0.5, faster: 1.0 };
        assert_eq!(pace.range(0.0), RangeMinutes { low: 0, high: Some(1) });
        // 600 people at 30 to 60 a minute: ten to twenty minutes, and chance on top.
        assert_eq!(pace.range(600.0), RangeMinutes { low: 7, high: Some(25) });
        assert_eq!(Pace { slower: 1e-4, faster: 1e-3 }.range(500.0), RangeMinutes { low: 240, high: None });
    }

    #[test]
    fn the_interval_stays_in_bounds_and_shortens_towards_the_front() {
        let rules = Rules::default();
        for n in 0..2_000_u64 {
            let spin = mix(n);
            let far = interval(&rules, 1e6, 1e6, spin).as_secs_f64();
            assert!((210.0..=390.0).contains(&far), "{far}");
            let next = interval(&rules, 0.0, 7_200.0, spin).as_secs_f64();
            assert!((3.5..=6.5).contains(&next), "{next}");
        }
    }

    #[test]
    fn the_pace_follows_what_happens() {
        let mut pacer = Pacer::default();
        assert!((pacer.pace(1_800.0).middle() - 1.0).abs() < 1e-9);
        for second in 0..600 {
            pacer.admitted(5, Moment::from_unix_seconds(1_000_000 + second));
        }
        let pace = pacer.pace(1_800.0);
        assert!((3.0..=5.0).contains(&pace.slower) && pace.faster <= 5.0, "{pace:?}");
        // Ten minutes of silence: the assumption is all that is left, and it weighs little.
        pacer.admitted(0, Moment::from_unix_seconds(1_001_300));
        assert!(pacer.pace(1_800.0).faster < 0.5);
    }

    #[test]
    fn people_are_told_what_has_been_seen() {
        // A seat every twenty seconds, where half an hour's sessions would give twenty of them.
        let mut pacer = Pacer::default();
        assert!((pacer.told(1_800.0).middle() - 1.0).abs() < 1e-9, "at first there is the assumption alone");
        for second in 0..1_200 {
            pacer.admitted(u32::from(second % 20 == 0), Moment::from_unix_seconds(1_000_000 + second));
        }
        let (told, planned) = (pacer.told(1_800.0), pacer.pace(1_800.0));
        assert!(told.slower > 0.05 && told.faster < 0.15, "{told:?}");
        assert!(planned.faster > 2.0 * told.faster, "{planned:?}");
    }

    #[test]
    fn depth_counts_those_before_and_not_oneself() {
        let rank = Rank::new;
        let slots = [
            (rank(10, 0), rank(10, u32::MAX), 1.0),
            (rank(11, 0), rank(11, u32::MAX), 101.0),
            (rank(20, 0), rank(20, u32::MAX), 1.0),
        ];
        let depth = Depth::new(2.0, &slots);
        assert_eq!(depth.before(rank(9, 5)), 2.0);
        assert_eq!(depth.before(rank(10, 1 << 31)), 2.0);
        assert!((depth.before(rank(11, 1 << 31)) - 53.0).abs() < 0.01);
        assert_eq!(depth.before(rank(20, 7)).round(), 104.0);
        assert_eq!(depth.before(rank(30, 0)), 105.0);
    }
}
