//! `cargo xtask fuzz`: coverage-guided fuzzing of every parser, with the stable compiler.
//!
//! The targets are ordinary cargo-fuzz targets in `fuzz/`, and `cargo fuzz` works on them too. Here they are
//! built by hand with LLVM's coverage counters and without a sanitizer, so that neither cargo-fuzz nor a
//! nightly compiler is needed: Rust's own checks find what matters to us (panics, overflows, endless loops,
//! memory without bound). Inputs worth keeping are committed under `fuzz/seeds/<target>/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::steps::run_in;

/// What cargo-fuzz passes for coverage without a sanitizer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=yes -Coverflow-checks=yes \
    -Ccodegen-units=1";

/// One input may take this long (s) and this much memory (MB): parsers are promised bounds.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=1024", "-malloc_limit_mb=512"];

/// Fuzzes each target whose name contains `filter` (all without one) for `seconds`.
pub(crate) fn run(root: &Path, seconds: u32, filter: Option<&str>) -> Result<()> {
    let folder = root.join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).context("reading fuzz/Cargo.toml")?;
    let all = targets(&manifest)?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| filter.is_none_or(|filter| name.contains(filter))).collect();
    if chosen.is_empty() {
        bail!("no fuzz target matches; there are: {}", all.join(", "));
    }
    // An explicit target keeps the flags away from build scripts and procedural macros.
    let host = host()?;
    let build = ["build", "--release", "--locked", "--bins", "--target", &host, "--target-dir", "target"];
    run_in(&folder, "cargo", &build, &[("RUSTFLAGS", FLAGS.as_ref())])?;
    let time = format!("-max_total_time={seconds}");
    for name in chosen {
        let (corpus, seeds) = (format!("corpus/{name}"), format!("seeds/{name}"));
        let artifacts = format!("-artifact_prefix=artifacts/{name}-");
        fs::create_dir_all(folder.join(&corpus))?;
        fs::create_dir_all(folder.join("artifacts"))?;
        let program = folder.join("target").join(&host).join("release").join(name);
        let mut arguments = vec![&*corpus];
        if folder.join(&seeds).is_dir() {
            arguments.push(&seeds);
        }
        arguments.extend([&*time, &*artifacts, "-print_final_stats=0", "-verbosity=0"]);
        arguments.extend(LIMITS);
        run_in(&folder, &program.to_string_lossy(), &arguments, &[]).with_context(|| {
            format!("fuzzing {name}: the input is in fuzz/artifacts; add it to fuzz/{seeds} with the repair")
        })?;
    }
    Ok(())
}

/// The `[[bin]]` names of the manifest.
fn targets(manifest: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(default)]
        bin: Vec<Bin>,
    }
    #[derive(Deserialize)]
    struct Bin {
        name: String,
    }
    let manifest: Manifest = toml::from_str(manifest).context("in fuzz/Cargo.toml")?;
    Ok(manifest.bin.into_iter().map(|bin| bin.name).collect())
}

/// The compiler's own platform, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("starting rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not tell its host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_bins_of_the_manifest() {
        let manifest = "[package]\nname = \"f\"\n[[bin]]\nname = \"csv\"\n[[bin]]\nname = \"ics\"\n";
        assert_eq!(targets(manifest).unwrap(), ["csv", "ics"]);
        assert!(targets("[[bin]\n").is_err());
    }
}
