//! Rounds of `kill -9`: is every write that was acknowledged still there afterwards?
//!
//! Writers send numbered writes as fast as they can; at a random moment the server is killed while they
//! are at it; it starts again on the same data, and every acknowledged number must be found. A write
//! that was sent and not acknowledged may or may not be there: both are right. What it is not: a proof
//! against a power cut, because the kernel keeps what a killed process had written; see the settings of
//! the store for `fsync`.
//!
//! Moments are drawn from a seed that is printed on failure, so that a failure can be tried again.
//!
//! ```no_run
//! use preau_testkit::kills::{self, Rounds};
//! use preau_testkit::{Program, Running};
//! # fn post(_: &Running, _: u64) -> bool { true }
//! # fn all_numbers(_: &Running) -> std::io::Result<std::collections::BTreeSet<u64>> { Ok([1].into()) }
//!
//! let server = Program::new("target/debug/preau", "http://").args(["serve", "--data", "folder"]);
//! // `post` writes homework number n and is true only for an answer that says it was kept.
//! let report = kills::run(&server, Rounds::fifty(20), post, all_numbers)?;
//! // Rounds that hit no write under way prove nothing.
//! assert!(report.hits >= 25, "{report:?}");
//! # Ok::<(), kills::Error>(())
//! ```

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::program::{self, Program, Running};

/// The number of a write: unique over all rounds.
pub type Number = u64;

/// How the rounds go.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// How many times the server is killed.
    pub kills: u32,
    /// How many writers send at the same time.
    pub writers: u32,
    /// The kill comes between the first of these and the second after the server is ready.
    pub between: (Duration, Duration),
    /// Where the random moments start from.
    pub seed: u64,
}

impl Rounds {
    /// Fifty kills, four writers, each kill 5 to 150 ms after readiness.
    #[must_use]
    pub fn fifty(seed: u64) -> Rounds {
        let between = (Duration::from_millis(5), Duration::from_millis(150));
        Rounds { kills: 50, writers: 4, between, seed }
    }
}

/// What the rounds found when all was well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Writes that the server acknowledged, over all rounds. All were found again.
    pub acknowledged: u64,
    /// Writes cut off by a kill, without an acknowledgement.
    pub cut_off: u64,
    /// Rounds in which the kill came while a write was under way. Rounds that hit nothing prove nothing.
    pub hits: u32,
}

/// Why the rounds failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The worst: the server said yes, and forgot.
    #[error("after kill {round} of seed {seed}, {} acknowledged writes are gone, first {first}", .lost.len())]
    Lost {
        /// The round, from 1.
        round: u32,
        /// The seed to try again with.
        seed: u64,
        /// The smallest lost number.
        first: Number,
        /// All lost numbers.
        lost: BTreeSet<Number>,
    },
    /// The server did not start, or not again.
    #[error("kill {round} of seed {seed}: {source}")]
    Server {
        /// The round, from 1.
        round: u32,
        /// The seed to try again with.
        seed: u64,
        /// What is wrong.
        source: program::Error,
    },
    /// The writes could not be read back.
    #[error("after kill {round} of seed {seed} the writes could not be read back: {said}")]
    ReadBack {
        /// The round, from 1.
        round: u32,
        /// The seed to try again with.
        seed: u64,
        /// What is wrong.
        said: String,
    },
    /// Nothing was acknowledged in all rounds, so nothing was tested.
    #[error("not one write was acknowledged in {kills} rounds: nothing was tested")]
    NothingWritten {
        /// How many rounds there were.
        kills: u32,
    },
}

/// Kills the server `rounds.kills` times under writes.
///
/// `write` sends one numbered write and returns whether it was **acknowledged**; a broken connection is
/// `false`. `read_back` gives every number that a freshly started server holds. Both get the running
/// server for its address.
///
/// # Errors
/// See [`Error`]; [`Error::Lost`] is the failure this exists to find.
pub fn run<W, R, E>(program: &Program, rounds: Rounds, write: W, read_back: R) -> Result<Report, Error>
where
    W: Fn(&Running, Number) -> bool + Sync,
    R: Fn(&Running) -> Result<BTreeSet<Number>, E>,
    E: std::fmt::Display,
{
    let seed = rounds.seed;
    let mut moments = Moments(seed);
    let next = AtomicU64::new(1);
    let acknowledged = Mutex::new(BTreeSet::new());
    let mut report = Report { acknowledged: 0, cut_off: 0, hits: 0 };
    for round in 1..=rounds.kills {
        let server = |source| Error::Server { round, seed, source };
        let running = program.start().map_err(server)?;
        let over = AtomicBool::new(false);
        let cut_off = AtomicU64::new(0);
        let pause = moments.between(rounds.between);
        thread::scope(|scope| {
            for _ in 0..rounds.writers {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if write(&running, number) {
                            acknowledged.lock().unwrap_or_else(|held| held.into_inner()).insert(number);
                        } else {
                            // The first refusal is the kill, or so near to it that going on is pointless.
                            cut_off.fetch_add(1, Ordering::Relaxed);
                            break;
                        }
                    }
                });
            }
            thread::sleep(pause);
            let killed = running.kill_in_place();
            over.store(true, Ordering::Relaxed);
            killed
        })
        .map_err(server)?;
        running.kill().map_err(server)?;
        let cut_off = cut_off.into_inner();
        report.cut_off += cut_off;
        report.hits += u32::from(cut_off > 0);

        let running = program.start().map_err(server)?;
        let held =
            read_back(&running).map_err(|said| Error::ReadBack { round, seed, said: said.to_string() })?;
        let acknowledged = acknowledged.lock().unwrap_or_else(|held| held.into_inner());
        let lost: BTreeSet<Number> = acknowledged.difference(&held).copied().collect();
        if let Some(&first) = lost.first() {
            return Err(Error::Lost { round, seed, first, lost });
        }
        report.acknowledged = acknowledged.len() as u64;
        // The next round starts from a killed server too, so that recovery itself is interrupted.
        running.kill().map_err(server)?;
    }
    if report.acknowledged == 0 {
        return Err(Error::NothingWritten { kills: rounds.kills });
    }
    Ok(report)
}

/// Random moments: `SplitMix64`, which needs no crate and repeats for ever the same from one seed.
#[derive(Debug)]
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn between(&mut self, (from, to): (Duration, Duration)) -> Duration {
        let width = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(u64::MAX).max(1);
        from + Duration::from_micros(self.next() % width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_repeat_from_one_seed_and_stay_within_bounds() {
        let bounds = (Duration::from_millis(5), Duration::from_millis(9));
        let draw = |seed| {
            let mut moments = Moments(seed);
            (0..200).map(|_| moments.between(bounds)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|moment| *moment >= bounds.0 && *moment < bounds.1));
    }
}
