//! The workshop's tasks: house rules, the test run, licences, benchmarks, fuzzing, the binary to publish.
//!
//! `make` calls them; so may you: `cargo xtask --help`. It is not part of the product and never runs in a
//! school. Invariant: a task that fails says which step, where, and what to do, and exits with 1.

mod bench;
mod cluster;
mod dist;
mod fuzz;
mod licences;
mod steps;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

/// The workshop's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks the house's conventions (see docs/ and xtask/src/tidy)
    Tidy,
    /// Checks licence and source of every dependency, Rust and JavaScript
    Licences {
        /// Prints every dependency with its licence
        #[arg(long)]
        list: bool,
    },
    /// Runs everything, fast checks first, and stops at the first failure
    Test {
        /// Runs only this step
        #[arg(long, conflicts_with = "until")]
        only: Option<String>,
        /// Runs the steps up to this one
        #[arg(long)]
        until: Option<String>,
        /// Seconds for each fuzz target
        #[arg(long, default_value_t = 5)]
        fuzz_seconds: u32,
    },
    /// Runs all benchmarks and writes target/bench/report.json
    Bench {
        /// Only benchmarks whose name contains this; the report is then not checked for completeness
        filter: Option<String>,
        /// Runs nothing and reports what is already in target/bench
        #[arg(long)]
        collect: bool,
    },
    /// Photographs every main page for each role into target/screenshots
    Screenshots,
    /// Fuzzes every target of fuzz/
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Only targets whose name contains this
        filter: Option<String>,
    },
    /// Builds the binary to publish into target/dist, with its SHA-256
    Dist,
}

fn main() -> ExitCode {
    let root = root();
    let result = match Arguments::parse().task {
        Task::Tidy => tidy(&root),
        Task::Licences { list } => licences::check(&root, list),
        Task::Test { only, until, fuzz_seconds } => {
            steps::run(&root, only.as_deref(), until.as_deref(), fuzz_seconds)
        }
        Task::Bench { filter, collect } => bench::run(&root, filter.as_deref(), collect),
        Task::Screenshots => steps::screenshots(&root),
        Task::Fuzz { seconds, filter } => fuzz::run(&root, seconds, filter.as_deref()),
        Task::Dist => dist::run(&root),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's root folder. Cargo says at run time where it is; a binary started by hand, or in a
/// folder that has moved since, falls back to where it was compiled.
fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

fn tidy(root: &Path) -> Result<()> {
    let tree = tree::Tree::read(root)?;
    let findings = tidy::check(&tree);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings against the house's conventions, listed above", findings.len());
    }
    println!("{} files, tidy", tree.files.len());
    Ok(())
}
