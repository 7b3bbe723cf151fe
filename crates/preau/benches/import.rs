//! How long an import of 100,000 pupils takes and how much memory it needs: the real command, in a process
//! of its own, on an empty SQLite database, applied once; then once more, when nothing changes.
//!
//! The export is invented (a `.tgz` as the state packs it: 218 schools, pupils, staff, guardians). The
//! peak is that of the resident set as the kernel counts it, pages of the mapped database included.

use preau_formats::synthetic::Population;
use preau_testkit::Usage;
use preau_testkit::bench::Measurement;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PUPILS: u32 = 100_000;
const RUNS: usize = 2;

/// Seconds and megabytes (10^6 bytes).
struct Cost {
    seconds: f64,
    peak: f64,
}

fn import(archive: &Path, data: &Path) -> Result<Cost, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_preau"))
        .arg("import")
        .arg(archive)
        .args(["--apply", "--json", "--allow-date", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Ok(usage) = Usage::of(child.id()) {
            peak = peak.max(usage.peak_memory);
        }
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if !status.success() {
        return Err(format!("the import ended with {status}").into());
    }
    Ok(Cost { seconds: begun.elapsed().as_secs_f64(), peak: peak as f64 / 1e6 })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("ENTESSAI_Complet_20261101.tgz");
    let counts = Population::new(PUPILS).write_tgz(&archive)?;
    println!("{counts:?}");
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let data = folder.path().join(format!("data-{run}"));
        first.push(import(&archive, &data)?);
        again.push(import(&archive, &data)?);
    }
    let seconds: Vec<f64> = first.iter().map(|cost| cost.seconds).collect();
    let peaks: Vec<f64> = first.iter().chain(&again).map(|cost| cost.peak).collect();
    let repeated: Vec<f64> = again.iter().map(|cost| cost.seconds).collect();
    for result in [
        Measurement::of("import_100k_seconds", "s", &seconds),
        Measurement::of("import_100k_peak_mb", "MB", &peaks),
        Measurement::of("import_100k_again_seconds", "s", &repeated),
    ] {
        println!("{}: {:.1} {} ({} runs)", result.name, result.value, result.unit, result.runs);
        result.leave()?;
    }
    Ok(())
}
