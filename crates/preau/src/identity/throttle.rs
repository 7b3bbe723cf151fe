//! Slowing down those who guess: per account, per device, and per pair of both; never by address.
//!
//! An address is a whole school behind one router, so counting by address would lock out a class for one
//! pupil's slips. Counting by account alone would let anybody lock anybody out, so a browser from which
//! the account signed in before has a count of its own, which strangers cannot touch.
//!
//! A few slips are free; each further one doubles the wait, up to a quarter of an hour, and counts leak
//! away with time. Attempts are counted before they are checked, so that many at once gain nothing. Names
//! that do not exist are counted like those that do. It lies in memory, bounded; a restart forgives.

use crate::ids::Millis;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest wait, in milliseconds: a quarter of an hour.
const LONGEST_WAIT: Millis = 15 * 60 * 1000;
/// Counts kept at the most: about 60 bytes each.
const CAPACITY: usize = 100_000;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counter {
    /// One account, from all browsers that are strange to it.
    Account(String),
    /// One account from one browser that is known to it.
    Pair(String, [u8; 12]),
    /// One browser, over all accounts that are strange to it.
    Device([u8; 12]),
    /// Activation codes typed in one browser.
    Code([u8; 12]),
}

/// How many attempts are free, and how fast a count leaks away.
struct Rule {
    free: u32,
    leak: Millis,
}

impl Counter {
    fn rule(&self) -> Rule {
        match self {
            Counter::Account(_) | Counter::Pair(..) => Rule { free: 5, leak: LONGEST_WAIT },
            // A computer of the school library serves a whole class.
            Counter::Device(_) => Rule { free: 20, leak: 60_000 },
            Counter::Code(_) => Rule { free: 10, leak: 60_000 },
        }
    }

    fn key(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        match self {
            Counter::Account(login) => hash.update([b"account:", login.as_bytes()].concat()),
            Counter::Pair(login, device) => hash.update([b"pair:", &device[..], login.as_bytes()].concat()),
            Counter::Device(device) => hash.update([b"device:", &device[..]].concat()),
            Counter::Code(device) => hash.update([b"code:", &device[..]].concat()),
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        key
    }
}

#[derive(Debug, Clone, Copy)]
struct Count {
    level: u32,
    /// Since when the level stands, less what leaked.
    since: Millis,
    leak: Millis,
    until: Millis,
}

impl Count {
    fn leak_to(&mut self, now: Millis) {
        let leaked = (now - self.since).max(0) / self.leak;
        self.since += leaked * self.leak;
        self.level = self.level.saturating_sub(u32::try_from(leaked).unwrap_or(u32::MAX));
        if self.level == 0 {
            self.since = now;
        }
    }
}

/// Wait before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// Seconds, at least 1.
    pub(super) seconds: u32,
}

/// What an attempt that may go on has caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Whether it was the one after which an account has to wait for the first time.
    pub(super) trips: bool,
}

/// The counts.
pub(super) struct Throttle {
    counts: Mutex<HashMap<[u8; 16], Count>>,
    capacity: usize,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle { counts: Mutex::default(), capacity: CAPACITY }
    }
}

impl Throttle {
    /// Counts an attempt, unless one of the counters says to wait.
    ///
    /// # Errors
    /// [`Wait`], with the longest of the waits.
    pub(super) fn attempt(&self, counters: &[Counter], now: Millis) -> Result<Attempt, Wait> {
        let mut counts = self.counts();
        let until =
            counters.iter().filter_map(|counter| counts.get(&counter.key())).map(|count| count.until).max();
        if let Some(until) = until.filter(|until| *until > now) {
            let seconds = (until - now + 999) / 1000;
            return Err(Wait { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) });
        }
        let mut trips = false;
        for counter in counters {
            if counts.len() >= self.capacity {
                make_room(&mut counts, now, self.capacity);
            }
            let Rule { free, leak } = counter.rule();
            let count = counts.entry(counter.key()).or_insert(Count { level: 0, since: now, leak, until: 0 });
            count.leak_to(now);
            count.level = count.level.saturating_add(1);
            if let Some(over) = count.level.checked_sub(free + 1) {
                count.until = now + (1000_i64 << over.min(20)).min(LONGEST_WAIT);
                trips |= over == 0 && matches!(counter, Counter::Account(_) | Counter::Pair(..));
            }
        }
        Ok(Attempt { trips })
    }

    /// The attempt was right: the account's slips are forgiven. A device keeps its other slips, so that
    /// nobody guesses at many accounts and wipes the slate with an account of their own.
    pub(super) fn succeeded(&self, counters: &[Counter]) {
        let mut counts = self.counts();
        for counter in counters {
            match counter {
                Counter::Account(_) | Counter::Pair(..) => {
                    counts.remove(&counter.key());
                }
                Counter::Device(_) | Counter::Code(_) => take_back(&mut counts, counter),
            }
        }
    }

    /// The attempt was never checked (the pool was full): it does not count.
    pub(super) fn unchecked(&self, counters: &[Counter]) {
        let mut counts = self.counts();
        for counter in counters {
            take_back(&mut counts, counter);
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<[u8; 16], Count>> {
        // Counts are valid at every moment, so a thread that died under the lock harmed nothing.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_back(counts: &mut HashMap<[u8; 16], Count>, counter: &Counter) {
    if let Some(count) = counts.get_mut(&counter.key()) {
        count.level = count.level.saturating_sub(1);
        count.until = 0;
    }
}

/// Drops what has leaked away; if that is too little, the older half of the rest.
fn make_room(counts: &mut HashMap<[u8; 16], Count>, now: Millis, capacity: usize) {
    counts.retain(|_, count| {
        count.leak_to(now);
        count.level > 0
    });
    if counts.len() * 10 < capacity * 9 {
        return;
    }
    let mut ages: Vec<Millis> = counts.values().map(|count| count.since).collect();
    let half = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(half);
    let median = *median;
    let mut spare = half + 1;
    counts.retain(|_, count| {
        let goes = count.since <= median && spare > 0;
        spare -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_416_900_000;

    fn account() -> [Counter; 1] {
        [Counter::Account("tom.aubepine".into())]
    }

    #[test]
    fn a_few_slips_are_free_then_the_wait_doubles() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.attempt(&account(), NOW), Ok(Attempt { trips: false }));
        }
        assert_eq!(throttle.attempt(&account(), NOW), Ok(Attempt { trips: true }));
        assert_eq!(throttle.attempt(&account(), NOW), Err(Wait { seconds: 1 }));
        let (mut now, mut waits) = (NOW, Vec::new());
        for _ in 0..40 {
            let wait = throttle.attempt(&account(), now).expect_err("a wait");
            waits.push(wait.seconds);
            now += i64::from(wait.seconds) * 1000;
            assert!(throttle.attempt(&account(), now).is_ok());
        }
        assert_eq!(waits[..9], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert!(waits[9..].iter().all(|wait| (256..=900).contains(wait)), "{waits:?}");
        // Patience of machines: forty guesses took them more than six hours.
        assert!(now - NOW > 6 * 3600 * 1000);
    }

    #[test]
    fn success_forgives_the_account_but_not_the_device() {
        let throttle = Throttle::default();
        let device = [7; 12];
        let both = [Counter::Account("a".into()), Counter::Device(device)];
        for other in 0..20 {
            let strange = [Counter::Account(format!("x{other}")), Counter::Device(device)];
            assert!(throttle.attempt(&strange, NOW).is_ok());
        }
        assert!(throttle.attempt(&both, NOW).is_ok());
        throttle.succeeded(&both);
        assert!(throttle.attempt(&both, NOW).is_ok());
        assert_eq!(throttle.attempt(&both, NOW), Err(Wait { seconds: 1 }));
        assert!(throttle.attempt(&both, NOW + 60_000).is_ok());
    }

    #[test]
    fn a_known_browser_is_not_locked_out_by_strangers() {
        let throttle = Throttle::default();
        while throttle.attempt(&account(), NOW).is_ok() {}
        assert!(throttle.attempt(&[Counter::Pair("tom.aubepine".into(), [1; 12])], NOW).is_ok());
    }

    #[test]
    fn what_was_never_checked_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert!(throttle.attempt(&account(), NOW).is_ok());
            throttle.unchecked(&account());
        }
    }

    #[test]
    fn counts_leak_away_and_memory_is_bounded() {
        let throttle = Throttle { capacity: 100, ..Throttle::default() };
        for name in 0..1_000_i64 {
            assert!(throttle.attempt(&[Counter::Account(name.to_string())], NOW + name).is_ok());
            assert!(throttle.counts().len() <= 100);
        }
        assert!(throttle.counts().contains_key(&Counter::Account("999".into()).key()), "the youngest stay");
        for _ in 0..6 {
            assert!(throttle.attempt(&account(), NOW).is_ok());
        }
        assert_eq!(throttle.attempt(&account(), NOW + 7 * LONGEST_WAIT), Ok(Attempt { trips: false }));
    }
}
