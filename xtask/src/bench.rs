//! `cargo xtask bench`: runs every benchmark, collects what each left, prints and writes one report.
//!
//! A benchmark is a `[[bench]]` target without cargo's harness; it leaves its results with
//! `preau_testkit::bench::Measurement::leave`. Invariant: a report is complete or the task fails, naming
//! what is missing; a result is never carried over from an earlier run.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use preau_testkit::bench::Measurement;
use serde::Deserialize;

use crate::cluster;
use crate::steps::run_in;

/// What every full report holds.
const REQUIRED: [&str; 29] = [
    "today_page",
    "sign_in",
    "journal_append",
    "writes_grouped",
    "import_100k_seconds",
    "import_100k_peak_mb",
    "weight_waiting_kb",
    "weight_sign_in_to_today_kb",
    "requests_sign_in_to_today",
    "weight_live_script_kb",
    "gate_decision",
    "gate_now",
    "gate_proxy",
    "tls_handshake",
    "idle_connection_bytes",
    "overload_goodput",
    "overload_p99_ms",
    "overload_recovery_s",
    "live_cpu_per_packet_us",
    "live_cpu_per_packet_class_us",
    "live_cpu_per_packet_seminar_us",
    "live_forward_p99_ms",
    "live_forward_seminar_p99_ms",
    "live_memory_per_participant_kb",
    "live_joins_per_second",
    "live_30x30_loss",
    "live_30x30_packets_per_core",
    "live_first_frame_p50_ms",
    "live_first_frame_p95_ms",
];

const REPORT: &str = "report.json";
/// What is measured through a browser: scripts of `web/package.json`, what `cargo xtask bench` calls them, and the
/// variable that names the folder for their results.
const SCRIPTS: [(&str, &str); 2] = [("weights", "WEIGHTS"), ("first-frame", "FIRST_FRAME")];
/// The benchmark for which a LiveKit server is built.
const LIVE: &str = "live";

/// Runs the benchmarks whose name contains `filter` (all without one), or only collects.
pub(crate) fn run(root: &Path, filter: Option<&str>, collect_only: bool) -> Result<()> {
    let folder = root.join("target/bench");
    if !collect_only {
        fs::create_dir_all(&folder)?;
        let targets = targets(root)?;
        let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
        let chosen: Vec<_> = targets.iter().filter(|(_, name)| wanted(name)).collect();
        let scripts: Vec<_> = SCRIPTS.into_iter().filter(|(script, _)| wanted(script)).collect();
        if chosen.is_empty() && scripts.is_empty() {
            let all = SCRIPTS.map(|(script, _)| script).join(", ");
            bail!("no benchmark matches; there are: {}, {all}", names(&targets));
        }
        for (file, _) in results(&folder)? {
            fs::remove_file(file)?;
        }
        for (package, name) in chosen {
            if name == LIVE && cluster::server(root)?.is_none() {
                println!("   without a LiveKit server to measure against: there is no Go that can build one");
            }
            run_in(root, "cargo", &["bench", "--locked", "--package", package, "--bench", name], &[])?;
        }
        for (script, variable) in scripts {
            in_browser(root, &folder, script, variable)?;
        }
    }
    let mut all: Vec<Measurement> = results(&folder)?.into_iter().flat_map(|(_, results)| results).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let report = folder.join(REPORT);
    fs::write(&report, serde_json::to_vec_pretty(&all)?).context("writing the report")?;
    print!("{}", table(&all));
    println!("written to target/bench/{REPORT}");
    if filter.is_none() {
        complete(&all)?;
    }
    Ok(())
}

/// Measures what browsers see: the server as it is published, a real Chromium, a script of `web/`.
fn in_browser(root: &Path, folder: &Path, script: &str, variable: &str) -> Result<()> {
    // `--benches` makes cargo choose the same features as for the benchmarks: nothing is compiled twice.
    let server = ["build", "--profile", "bench", "--locked", "--package", "preau", "--bins", "--benches"];
    run_in(root, "cargo", &server, &[])?;
    let binary = root.join("target/release/preau");
    let environment = [("PREAU_BIN", binary.as_os_str()), (variable, folder.as_os_str())];
    run_in(&root.join("web"), "npm", &["run", "--silent", script], &environment)
}

fn names(targets: &[(String, String)]) -> String {
    targets.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Every benchmark of the workspace: package and target.
fn targets(root: &Path) -> Result<Vec<(String, String)>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut targets = Vec::new();
    for package in metadata.packages {
        for target in
            package.targets.into_iter().filter(|target| target.kind.iter().any(|kind| kind == "bench"))
        {
            targets.push((package.name.clone(), target.name));
        }
    }
    Ok(targets)
}

/// What benchmarks have left, file by file.
fn results(folder: &Path) -> Result<Vec<(std::path::PathBuf, Vec<Measurement>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no results in {}", folder.display()))? {
        let path = entry?.path();
        let is_result = path.extension().is_some_and(|ending| ending == "json");
        if !is_result || path.file_name().is_some_and(|name| name == REPORT) {
            continue;
        }
        let text = fs::read(&path)?;
        let results = serde_json::from_slice(&text).with_context(|| {
            format!("{} is not a list of {{name, value, unit, runs, spread, peers}}", path.display())
        })?;
        found.push((path, results));
    }
    Ok(found)
}

/// Fails when something is missing, twice, or no number.
fn complete(all: &[Measurement]) -> Result<()> {
    let count = |name: &str| all.iter().filter(|result| result.name == name).count();
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| count(name) == 0).collect();
    if !missing.is_empty() {
        bail!("the report is incomplete, nothing was measured for: {}", missing.join(", "));
    }
    if let Some(twice) = all.iter().find(|result| count(&result.name) > 1) {
        bail!("{} is there twice: two benchmarks use one name", twice.name);
    }
    if let Some(bad) = all.iter().find(|result| !result.value.is_finite() || result.runs == 0) {
        bail!("{} is no measurement: {} {} in {} runs", bad.name, bad.value, bad.unit, bad.runs);
    }
    Ok(())
}

fn table(all: &[Measurement]) -> String {
    let mut text =
        format!("{:<32} {:>14} {:<14} {:>5} {:>8}  peers\n", "name", "value", "unit", "runs", "spread");
    for result in all {
        let peers: Vec<String> = result
            .peers
            .iter()
            .map(|peer| format!("{}: {} (x{:.2})", peer.name, number(peer.value), peer.ratio))
            .collect();
        text += &format!(
            "{:<32} {:>14} {:<14} {:>5} {:>7.1}%  {}\n",
            result.name,
            number(result.value),
            result.unit,
            result.runs,
            result.spread * 100.0,
            peers.join(", ")
        );
    }
    text
}

/// Four significant digits are more than any of this is worth.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        big if big >= 1000.0 => 0,
        big if big >= 100.0 => 1,
        big if big >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Vec<Measurement> {
        REQUIRED.iter().map(|name| Measurement::of(name, "ms", &[1.0, 2.0, 3.0])).collect()
    }

    #[test]
    fn a_report_is_complete_or_says_what_is_missing() {
        assert!(complete(&full()).is_ok());
        let error = complete(&full()[1..]).unwrap_err().to_string();
        assert!(error.ends_with("nothing was measured for: today_page"), "{error}");
        let mut twice = full();
        twice.push(Measurement::of("sign_in", "ms", &[1.0]));
        assert!(complete(&twice).unwrap_err().to_string().starts_with("sign_in is there twice"));
        let mut empty = full();
        empty[2] = Measurement::of("journal_append", "us", &[]);
        assert!(complete(&empty).unwrap_err().to_string().starts_with("journal_append is no measurement"));
    }

    #[test]
    fn results_are_collected_and_bad_files_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        write("a.json", &serde_json::to_vec(&full()).unwrap());
        write(REPORT, b"old");
        write("notes.txt", b"x");
        assert_eq!(results(folder.path()).unwrap().len(), 1);
        write("b.json", b"{}");
        let error = format!("{:#}", results(folder.path()).unwrap_err());
        assert!(error.contains("b.json is not a list of"), "{error}");
    }

    #[test]
    fn the_table_is_readable() {
        let result = Measurement::of("sign_in", "CPU-ms", &[32.0, 32.4, 33.0]).peer("Moodle 4.5", 455.0);
        let text = table(&[result]);
        let line = text.lines().nth(1).unwrap();
        assert!(line.starts_with("sign_in ") && line.contains("32.40 CPU-ms"), "{line}");
        assert!(line.ends_with("3.1%  Moodle 4.5: 455.0 (x0.07)"), "{line}");
    }
}
