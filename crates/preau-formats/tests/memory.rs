//! Memory stays bounded: twenty times the pupils must not take twenty times the memory.
//!
//! `PREAU_MEMORY_PUPILS` sets another number of pupils.

#![allow(clippy::unwrap_used)]

mod support;

use preau_formats::model::Kind;
use preau_formats::synthetic::Population;
use preau_formats::{Import, Limits};
use std::convert::Infallible;

/// Peak resident memory of this process so far, in kB (Linux only).
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn read(path: &std::path::Path) -> u64 {
    let import = Import::open([path], Limits::default()).unwrap();
    let summary = import.read(|_| Ok::<(), Infallible>(())).unwrap();
    summary.count(Kind::Pupil)
}

#[test]
fn twenty_times_the_pupils_take_the_same_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (small, large) = (dir.path().join("small.tgz"), dir.path().join("large.tgz"));
    // Writing first: its peak must not hide the reading's.
    let largest: u32 =
        std::env::var("PREAU_MEMORY_PUPILS").ok().and_then(|n| n.parse().ok()).unwrap_or(40_000);
    Population::new(2_000).write_tgz(&small).unwrap();
    Population::new(largest).write_tgz(&large).unwrap();
    // The peak is only ever raised, so that writing has to stay out of the comparison: it is bounded
    // by one file of 5,000 requests, about 20 MB.
    let before = peak_kb();
    assert_eq!(read(&small), 2_000);
    let started = std::time::Instant::now();
    assert_eq!(read(&large), u64::from(largest));
    let after = peak_kb();
    println!("{largest} pupils: {:?}, peak {before} -> {after} kB", started.elapsed());
    assert!(after < before + 8 * 1024, "peak grew from {before} to {after} kB");
    assert!(after < 120 * 1024, "peak of {after} kB");
}
