//! What a measurement is, and where it is left for `cargo xtask bench` to collect.
//!
//! A benchmark is a program of its own (`[[bench]] harness = false`): it measures in whatever way suits
//! what it measures, and leaves one file a result in `target/bench/`. It is not a harness: nothing here
//! runs or times code. Invariant: a value never travels without its unit, its runs and its spread.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured: `today_page`.
    pub name: String,
    /// The median of all runs.
    pub value: f64,
    /// The unit of the value: `pages/CPU-s`, `ms`, `MB`.
    pub unit: String,
    /// How many times it was measured.
    pub runs: u32,
    /// The distance between best and worst run, divided by the median; 0 when there was one run.
    pub spread: f64,
    /// The same thing elsewhere.
    #[serde(default)]
    pub peers: Vec<Peer>,
}

/// What somebody else needs for the same thing, in the same unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Who, with version and circumstances.
    pub name: String,
    /// Their value.
    pub value: f64,
    /// Our value divided by theirs.
    pub ratio: f64,
}

impl Measurement {
    /// The median of `runs`. Without any run the value is not a number, which `cargo xtask bench` refuses.
    #[must_use]
    pub fn of(name: &str, unit: &str, runs: &[f64]) -> Measurement {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let value = match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        let width = sorted.last().zip(sorted.first()).map_or(0.0, |(last, first)| last - first);
        let spread = if value == 0.0 { 0.0 } else { (width / value).abs() };
        let runs = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        Measurement { name: name.to_owned(), value, unit: unit.to_owned(), runs, spread, peers: Vec::new() }
    }

    /// Adds what somebody else needs for the same thing.
    #[must_use]
    pub fn peer(mut self, name: &str, value: f64) -> Measurement {
        self.peers.push(Peer { name: name.to_owned(), value, ratio: self.value / value });
        self
    }

    /// Leaves the result in [`folder`], replacing an older one of the same name.
    ///
    /// # Errors
    /// When the folder cannot be made or the file cannot be written.
    pub fn leave(&self) -> io::Result<PathBuf> {
        self.leave_in(&folder())
    }

    fn leave_in(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let file = folder.join(format!("{}.json", self.name));
        std::fs::write(&file, serde_json::to_vec_pretty(&[self]).map_err(io::Error::other)?)?;
        Ok(file)
    }
}

/// Where results are left: `target/bench` of this project.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_spread_and_ratio() {
        let odd = Measurement::of("a", "ms", &[30.0, 10.0, 20.0]).peer("elsewhere 1.0", 80.0);
        assert_eq!((odd.value, odd.spread, odd.runs, odd.peers[0].ratio), (20.0, 1.0, 3, 0.25));
        let even = Measurement::of("a", "ms", &[1.0, 3.0]);
        assert_eq!((even.value, even.spread), (2.0, 1.0));
        assert_eq!(Measurement::of("a", "ms", &[5.0]).spread, 0.0);
        assert!(Measurement::of("a", "ms", &[]).value.is_nan());
    }

    #[test]
    fn what_is_left_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        // Numbers that a decimal text holds exactly.
        let result = Measurement::of("sign_in", "CPU-ms", &[24.0, 40.0]).peer("b", 64.0);
        let file = result.leave_in(folder.path()).unwrap();
        let read: Vec<Measurement> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(read, [result]);
    }
}
