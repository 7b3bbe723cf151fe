//! Networks: fair queuing by network, inside the unknown lane and nowhere else.
//!
//! Who asks for many tickets from one network gets later and later places for them; who asks for
//! one is not affected by a neighbour network that asks for a thousand. That is start-time fair
//! queuing with a network as a flow: each of its tickets moves its next place on by a second, once
//! ten have been given away freely (a family, a small class). Nobody is refused: the last place
//! still is one, and when nobody else waits it is served at once. Known devices and lessons are
//! never asked where they come from: a school of 1,500 is one address.
//!
//! The counts are kept in a sketch of 4 x 4096 numbers (count-min, Cormode and Muthukrishnan 2005),
//! updated without a lock: a network may be taken for a busier one, with a chance of one in
//! thousands, and costs no memory of its own.
//!
//! Invariant: the places of one network are at least a second apart beyond the first ten.

use crate::atoms::{AtomicU64, Ordering};
use crate::estimate::mix;

/// Where somebody comes from, as one number: the caller's hash of the address's first 24 bits
/// (IPv4) or 48 bits (IPv6), keyed so that addresses cannot be guessed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(pub u64);

const ROWS: usize = 4;
const CELLS: usize = 4_096;
/// One ticket a second and network, in milliseconds.
const STEP: u64 = 1_000;
/// Tickets that a network gets before its places move on.
const FREE: u64 = 10;
/// Nobody is put back further than this.
const FARTHEST: u64 = 3_600_000;

/// The sketch.
#[derive(Debug)]
pub(crate) struct Networks {
    cells: Box<[AtomicU64]>,
}

impl Networks {
    pub(crate) fn new() -> Self {
        Self::with(CELLS)
    }

    fn with(cells: usize) -> Self {
        Self { cells: (0..ROWS * cells).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The moment (milliseconds) at which a new ticket of `network` has its place: now, or later when
    /// this network has been given many.
    pub(crate) fn place(&self, network: Network, now: u64) -> u64 {
        let cells = self.cells.len() / ROWS;
        let mut place = u64::MAX;
        for row in 0..ROWS {
            let at = mix(network.0 ^ (row as u64) << 56) as usize % cells;
            let mut next = 0;
            // Each ticket must move the cell on by itself, or two at once would share a place.
            let _ = self.cells[row * cells + at].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| {
                // A clock set back must not leave places an hour ahead for a day.
                let seen = if seen > now + 2 * FARTHEST { 0 } else { seen };
                next = (seen.max(now.saturating_sub(FREE * STEP)) + STEP).min(now + FARTHEST);
                Some(next)
            });
            place = place.min(next);
        }
        place.max(now)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    #[test]
    fn ten_are_free_then_a_second_each_and_others_are_not_affected() {
        let networks = Networks::new();
        let places: Vec<u64> = (0..100).map(|_| networks.place(Network(7), NOW) - NOW).collect();
        assert!(places[..10].iter().all(|place| *place == 0));
        assert_eq!(places[10], 1_000);
        assert_eq!(places[99], 90_000);
        let others = (0..1_000).filter(|n| networks.place(Network(1_000 + n), NOW) > NOW).count();
        assert_eq!(others, 0);
        // Time heals: after two minutes ten are free again.
        assert_eq!(networks.place(Network(7), NOW + 120_000), NOW + 120_000);
    }

    #[test]
    fn a_flood_from_a_few_networks_leaves_thousands_of_others_alone() {
        let networks = Networks::new();
        for n in 0..200_000_u64 {
            networks.place(Network(n % 50), NOW + n / 100);
        }
        let hit =
            (0..10_000).filter(|n| networks.place(Network(1_000_000 + n), NOW + 2_000) > NOW + 2_000).count();
        assert!(hit < 100, "{hit} of 10,000 honest networks put back");
        assert!(networks.place(Network(3), NOW + 2_000) > NOW + 1_000_000);
        assert!(networks.place(Network(3), NOW + 2_000) <= NOW + 2_000 + FARTHEST);
    }
}

/// Every interleaving of two tickets of one network: `RUSTFLAGS="--cfg loom" cargo test --lib loom`.
#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn loom_two_tickets_at_once_never_share_a_place() {
        loom::model(|| {
            let now = 1_795_000_000_000;
            let networks = Arc::new(Networks::with(1));
            for _ in 0..FREE {
                networks.place(Network(7), now);
            }
            let other = networks.clone();
            let first = thread::spawn(move || other.place(Network(7), now));
            let second = networks.place(Network(7), now);
            let first = first.join().unwrap();
            // The least over the rows may fall together only if each ticket was first in one of them:
            // then both places are the first, and the next one is past both.
            assert!(first.min(second) == now + STEP && first.max(second) <= now + 2 * STEP);
            assert_eq!(networks.place(Network(7), now), now + 3 * STEP);
        });
    }
}
