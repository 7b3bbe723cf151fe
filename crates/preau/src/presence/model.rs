//! Sightings and how they add up. Pure.

use crate::ids::Millis;

/// Two sightings this close belong to one stay, in milliseconds: a live room says every half minute who
/// is inside, and one such word may be lost.
pub const LONGEST_GAP_MS: Millis = 90_000;

/// Where somebody was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// In the live room.
    Live,
    /// In the gate, with a place kept.
    Waiting,
}

impl Kind {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Waiting => "waiting",
        }
    }

    /// The kind for a word of the database.
    pub fn from_word(word: &str) -> Option<Kind> {
        [Kind::Live, Kind::Waiting].into_iter().find(|kind| kind.word() == word)
    }
}

/// From when to when somebody was seen, and for how long in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// First time, in milliseconds since the Unix epoch.
    pub first: Millis,
    /// Last time.
    pub last: Millis,
    /// Milliseconds in between without the gaps longer than [`LONGEST_GAP_MS`].
    pub stayed: Millis,
}

impl Seen {
    /// Seen once.
    pub const fn at(now: Millis) -> Seen {
        Seen { first: now, last: now, stayed: 0 }
    }

    /// Seen all the time from one instant to another; they may come in either order.
    pub const fn throughout(from: Millis, to: Millis) -> Seen {
        let (first, last) = if from <= to { (from, to) } else { (to, from) };
        Seen { first, last, stayed: last - first }
    }

    /// Both together, in whatever order they were noted. A sighting merged a second time changes
    /// nothing, so that a batch whose fate is unknown may be written again.
    #[must_use]
    pub fn merge(self, other: Seen) -> Seen {
        let (early, late) = if self.first <= other.first { (self, other) } else { (other, self) };
        let (first, last) = (early.first, early.last.max(late.last));
        let gap = late.first - early.last;
        let stayed = if gap >= 0 {
            early.stayed + late.stayed + if gap <= LONGEST_GAP_MS { gap } else { 0 }
        } else {
            // What both cover counts once.
            let overlap = early.last.min(late.last) - late.first;
            (early.stayed + late.stayed - overlap).max(early.stayed).max(late.stayed)
        };
        Seen { first, last, stayed: stayed.min(last - first) }
    }
}

/// Everything that was seen of one person at one lesson. At least one of the two is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sighting {
    /// In the live room.
    pub live: Option<Seen>,
    /// In the gate.
    pub waiting: Option<Seen>,
}

impl Sighting {
    /// The first time anywhere: a place in the queue proves presence as much as one in the room.
    pub fn first(&self) -> Option<Millis> {
        [self.live, self.waiting].into_iter().flatten().map(|seen| seen.first).min()
    }

    /// The last time anywhere.
    pub fn last(&self) -> Option<Millis> {
        [self.live, self.waiting].into_iter().flatten().map(|seen| seen.last).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(times: &[Millis]) -> Option<Seen> {
        times.iter().map(|at| Seen::at(*at)).reduce(Seen::merge)
    }

    #[test]
    fn a_stay_leaves_out_the_gap() {
        let seen = all(&[0, 30_000, 60_000, 600_000, 630_000]).expect("something");
        assert_eq!(seen, Seen { first: 0, last: 630_000, stayed: 90_000 });
    }

    proptest! {
        #[test]
        fn batches_change_nothing(steps in prop::collection::vec(1..200_000_i64, 1..40), cut in 0..40_usize) {
            let times: Vec<Millis> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let cut = cut.min(times.len() - 1).max(1).min(times.len());
            let whole = all(&times);
            let parts = [all(&times[..cut]), all(&times[cut..])].into_iter().flatten().reduce(Seen::merge);
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn twice_is_once_and_order_does_not_move_the_ends(times in prop::collection::vec(0..4_000_000_i64, 1..40)) {
            let seen = all(&times).expect("something");
            prop_assert_eq!(seen.merge(seen), seen);
            prop_assert_eq!(Some(seen.first), times.iter().copied().min());
            prop_assert_eq!(Some(seen.last), times.iter().copied().max());
            prop_assert!((0..=seen.last - seen.first).contains(&seen.stayed));
        }
    }
}
