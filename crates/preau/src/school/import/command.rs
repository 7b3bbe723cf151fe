//! `preau import PATH…`: the operator's way in. A preview unless `--apply` is given. It works on the
//! database of the configuration, while a server is running on it too.
//!
//! Exit codes: 0 done, 1 refused input or a failure, 2 a guard wants a word first (mass removal, date).

use super::apply::{Applicant, Followers};
use super::plan::Options;
use super::{ImportError, Reading, report};
use crate::access::SystemPermit;
use crate::config::Config;
use crate::ids::now_ms;
use crate::store::Store;
use jiff::tz::TimeZone;
use preau_formats::Input;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// What stands on the command line.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// Files, folders or archives: AAF (.tgz, .xml), OneRoster (.zip), CSV
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Apply what the preview shows
    #[arg(long)]
    pub apply: bool,
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Apply even when more than 5 % of the people would be removed
    #[arg(long)]
    pub allow_removals: bool,
    /// Take files older than those applied before, or dated in the future
    #[arg(long)]
    pub allow_date: bool,
    /// National number (UAI) of the school that the files are about, when they do not say it
    #[arg(long, value_name = "UAI")]
    pub school: Option<String>,
}

/// Runs the command.
pub fn run(args: &ImportArgs, config: &Config, followers: &Followers) -> ExitCode {
    match attempt(args, config, followers) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            if args.json {
                print(&report::failure(&error).to_string());
            }
            let _ = writeln!(std::io::stderr(), "preau import: {error}");
            match error {
                ImportError::Guard { .. } | ImportError::Older { .. } | ImportError::Future { .. } => {
                    ExitCode::from(2)
                }
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Whoever reads may have gone away (`| head`); there is nobody left to tell.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

fn attempt(args: &ImportArgs, config: &Config, followers: &Followers) -> Result<String, ImportError> {
    let started_at = now_ms();
    let store = Store::open(&config.store.url)?;
    // Beside nothing else: names of pupils lie in it until it is removed at the end.
    let folder = tempfile::Builder::new()
        .prefix("preau-import-")
        .tempdir()
        .map_err(|error| ImportError::Scratch(error.to_string()))?;
    let zone = TimeZone::get(&config.place.time_zone).unwrap_or(TimeZone::UTC);
    let today = crate::edge::instant(started_at).to_zoned(zone).date();
    let inputs = args.paths.iter().map(Input::from).collect();
    let reading = Reading::take(inputs, folder.path(), today)?;
    let options = Options {
        school: args.school.as_ref().map(|uai| uai.trim().to_uppercase()),
        only: None,
        today,
        allow_date: args.allow_date,
    };
    let plan = reading.compare(&store, &options)?;
    if args.apply {
        let applicant = Applicant { person: 0, started_at, allow_removals: args.allow_removals };
        reading.apply(&store, &SystemPermit::ImportFromCommandLine, plan.clone(), followers, applicant)?;
    }
    Ok(if args.json {
        report::document(&reading.staged, &plan, args.apply).to_string()
    } else {
        report::lines(&reading.staged, &plan, args.apply)
    })
}
