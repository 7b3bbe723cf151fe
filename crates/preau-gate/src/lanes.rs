//! Lanes: who is guaranteed what share of the seats, and who may borrow the rest.
//!
//! A guarantee is a right to the next free seats, not a seat kept empty: what a lane does not ask
//! for is lent to the others, and since nobody who is in is ever put out, a loan comes back only
//! when its seats do. Beyond the guarantees seats are dealt by start-time fair queuing with the
//! shares as weights, so that a lane too small for a whole guaranteed seat is served all the same.
//!
//! Invariant: `deal` hands out no more than is free and no more than is asked for, and leaves
//! nothing over while someone uncapped still asks.

use serde::{Deserialize, Serialize};

use crate::rules::per_mille;

/// Number of lanes.
pub const LANES: usize = 4;

/// A lane of the queue. The order is the order of precedence where all else is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Lane {
    /// Devices on which a teacher has signed in: a lesson without its teacher is none.
    Teacher = 0,
    /// Devices whose lesson is about to begin, as the timetable says.
    Lesson = 1,
    /// Devices on which somebody of the school has signed in before.
    Known = 2,
    /// Everyone else.
    Unknown = 3,
}

impl Lane {
    /// All lanes, in order of precedence.
    pub const ALL: [Self; LANES] = [Self::Teacher, Self::Lesson, Self::Known, Self::Unknown];

    /// The lane with this number, as it stands in tickets.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Teacher),
            1 => Some(Self::Lesson),
            2 => Some(Self::Known),
            3 => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Its name in pages and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Lesson => "lesson",
            Self::Known => "known",
            Self::Unknown => "unknown",
        }
    }

    /// Position in per-lane tables.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The guaranteed share of each lane, in thousandths, one thousand in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares([u16; LANES]);

/// Shares that do not add up, or leave a lane with nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharesError {
    /// The sum is not the whole.
    #[error("the lanes' shares add up to {0} thousandths instead of 1000: correct one of them")]
    Sum(u32),
    /// A lane without a share would never be served.
    #[error("lane {0:?} has no share and would never be served: give it at least 1 thousandth")]
    Nothing(Lane),
}

impl Shares {
    /// Shares in thousandths, in the order of `Lane::ALL`.
    ///
    /// # Errors
    /// When they do not add up to 1000, or when one is zero.
    pub fn new(permille: [u16; LANES]) -> Result<Self, SharesError> {
        let sum = permille.iter().map(|share| u32::from(*share)).sum();
        if sum != 1_000 {
            return Err(SharesError::Sum(sum));
        }
        match Lane::ALL.into_iter().find(|lane| permille[lane.index()] == 0) {
            Some(lane) => Err(SharesError::Nothing(lane)),
            None => Ok(Self(permille)),
        }
    }

    /// The share of a lane, in thousandths.
    pub const fn permille(&self, lane: Lane) -> u16 {
        self.0[lane.index()]
    }

    /// Seats of `quota` guaranteed to each lane, rounded down: together never more than the quota.
    pub fn guarantees(&self, quota: u32) -> [u32; LANES] {
        self.0.map(|share| per_mille(quota, share))
    }
}

impl Default for Shares {
    /// Teachers 10 %, lessons 60 %, known devices 20 %, unknown ones 10 %.
    fn default() -> Self {
        Self([100, 600, 200, 100])
    }
}

/// What a lane holds, asks for, and may at most hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Seats taken or set aside.
    pub(crate) held: u32,
    /// People who would take a seat now.
    pub(crate) wanted: u32,
    /// A hard cap, for a lane under attack.
    pub(crate) cap: Option<u32>,
}

/// Deals free seats to lanes, remembering whose turn it is beyond the guarantees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dealer {
    /// Virtual time at which each lane's next borrowed seat starts.
    starts: [u64; LANES],
    clock: u64,
}

/// Virtual time that a seat takes at a share of one thousandth.
const STEP: u64 = 1_000_000;

impl Dealer {
    /// Hands out at most `free` seats of a `quota`.
    pub(crate) fn deal(
        &mut self,
        shares: &Shares,
        quota: u32,
        free: u32,
        claims: &[Claim; LANES],
    ) -> [u32; LANES] {
        let wanted = claims.map(|claim| match claim.cap {
            Some(cap) => claim.wanted.min(cap.saturating_sub(claim.held)),
            None => claim.wanted,
        });
        let guarantees = shares.guarantees(quota);
        let mut left = free;
        let mut dealt = [0_u32; LANES];

        let owed: [u32; LANES] =
            std::array::from_fn(|i| wanted[i].min(guarantees[i].saturating_sub(claims[i].held)));
        let total: u64 = owed.iter().map(|seats| u64::from(*seats)).sum();
        if total <= u64::from(free) {
            dealt = owed;
            left -= owed.iter().sum::<u32>();
        } else {
            // Less is free than is owed (lent seats have not come back): in proportion, and what
            // rounding leaves by the fair order below, among those who are owed.
            for i in 0..LANES {
                dealt[i] = (u64::from(owed[i]) * u64::from(free) / total) as u32;
                left -= dealt[i];
            }
            self.borrow(shares, &mut left, &owed, &mut dealt);
        }
        self.borrow(shares, &mut left, &wanted, &mut dealt);
        dealt
    }

    /// Start-time fair queuing, seat by seat, up to `limit` for each lane.
    fn borrow(&mut self, shares: &Shares, left: &mut u32, limit: &[u32; LANES], dealt: &mut [u32; LANES]) {
        // A large remainder is dealt in bulk by weight first; seat by seat is for the fine print.
        while *left > 256 {
            let asking: u32 =
                (0..LANES).filter(|i| dealt[*i] < limit[*i]).map(|i| u32::from(shares.0[i])).sum();
            if asking == 0 {
                return;
            }
            let round = *left;
            for i in 0..LANES {
                let fair = u64::from(round) * u64::from(shares.0[i]) / u64::from(asking);
                let seats = (fair as u32).min(limit[i].saturating_sub(dealt[i])).min(*left);
                dealt[i] += seats;
                *left -= seats;
            }
            if round == *left {
                break;
            }
        }
        while *left > 0 {
            let next = (0..LANES)
                .filter(|i| dealt[*i] < limit[*i])
                // A lane that was away does not save up turns.
                .min_by_key(|i| self.starts[*i].max(self.clock));
            let Some(i) = next else { return };
            self.clock = self.starts[i].max(self.clock);
            self.starts[i] = self.clock + STEP / u64::from(shares.0[i].max(1));
            dealt[i] += 1;
            *left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims(held: [u32; 4], wanted: [u32; 4]) -> [Claim; 4] {
        std::array::from_fn(|i| Claim { held: held[i], wanted: wanted[i], cap: None })
    }

    #[test]
    fn idle_shares_are_lent_and_owed_seats_come_first() {
        let shares = Shares::default();
        let mut dealer = Dealer::default();
        assert_eq!(dealer.deal(&shares, 100, 100, &claims([0; 4], [0, 0, 0, 500])), [0, 0, 0, 100]);
        // Unknown visitors hold everything; ten seats come back; teachers and known are owed them.
        let dealt = dealer.deal(&shares, 100, 10, &claims([0, 0, 0, 90], [5, 0, 5, 500]));
        assert_eq!(dealt, [5, 0, 5, 0]);
    }

    #[test]
    fn a_lane_below_one_guaranteed_seat_is_served_in_its_turn() {
        let shares = Shares::default();
        let mut dealer = Dealer::default();
        let mut served = [0_u32; 4];
        for _ in 0..1_000 {
            let dealt = dealer.deal(&shares, 1, 1, &claims([0; 4], [9, 9, 9, 9]));
            (0..4).for_each(|i| served[i] += dealt[i]);
        }
        for lane in Lane::ALL {
            let due = u32::from(shares.permille(lane));
            assert!(served[lane.index()].abs_diff(due) <= 2, "{lane:?}: {served:?}");
        }
    }

    #[test]
    fn bad_shares_are_refused_with_the_reason() {
        assert_eq!(Shares::new([100, 600, 200, 101]), Err(SharesError::Sum(1001)));
        assert_eq!(Shares::new([400, 600, 0, 0]), Err(SharesError::Nothing(Lane::Known)));
    }

    proptest! {
        #[test]
        fn no_more_than_free_no_more_than_asked_nothing_left_over(
            weights in prop::array::uniform3(1_u16..300),
            quota in 0_u32..20_000, free in 0_u32..20_000,
            held in prop::array::uniform4(0_u32..8_000), wanted in prop::array::uniform4(0_u32..8_000),
            cap in prop::option::of(0_u32..4_000), rounds in 1_usize..4,
        ) {
            let rest = 1_000 - weights.iter().sum::<u16>();
            let shares = Shares::new([weights[0], rest, weights[1], weights[2]]).unwrap();
            prop_assert!(shares.guarantees(quota).iter().sum::<u32>() <= quota);
            let mut claims = claims(held, wanted);
            claims[3].cap = cap;
            let mut dealer = Dealer::default();
            for _ in 0..rounds {
                let dealt = dealer.deal(&shares, quota, free, &claims);
                let can: [u32; 4] = std::array::from_fn(|i| {
                    claims[i].cap.map_or(wanted[i], |cap| wanted[i].min(cap.saturating_sub(held[i])))
                });
                let given: u32 = dealt.iter().sum();
                prop_assert_eq!(given, free.min(can.iter().sum()));
                for i in 0..4 {
                    prop_assert!(dealt[i] <= can[i]);
                }
                // A guarantee is kept whenever enough is free to keep all of them.
                let owed: [u32; 4] =
                    std::array::from_fn(|i| can[i].min(shares.guarantees(quota)[i].saturating_sub(held[i])));
                if owed.iter().sum::<u32>() <= free {
                    for i in 0..4 {
                        prop_assert!(dealt[i] >= owed[i]);
                    }
                }
            }
        }
    }
}
