//! `cargo xtask test`: every check there is, fast ones first, stopping at the first that fails.
//!
//! Each step is one thing with one name, so that a failure can be run again alone:
//! `cargo xtask test --only clippy`. Invariant: no step is skipped silently, and what one could not try is said at the end.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::cluster::Ahead;
use crate::{cluster, fuzz, licences};

type Action = Box<dyn Fn(&Path) -> Result<()>>;

struct Step {
    name: &'static str,
    what: &'static str,
    action: Action,
}

/// All steps, in the order of `make test`. What the LiveKit server's step needs may be under way already.
fn steps(fuzz_seconds: u32, ahead: &Rc<Ahead>) -> Vec<Step> {
    let step = |name, what, action| Step { name, what, action };
    let (before_journeys, before_cluster) = (Rc::clone(ahead), Rc::clone(ahead));
    vec![
        step("tidy", "the house's conventions", Box::new(crate::tidy)),
        step(
            "licences",
            "licence and source of every dependency",
            Box::new(|root| licences::check(root, false)),
        ),
        step("format", "rustfmt", cargo(&["fmt", "--all", "--check"])),
        step("web", "the scripts of the live classroom", Box::new(web)),
        step("web-check", "TypeScript's types", Box::new(|root| npm(root, &["run", "--silent", "check"]))),
        step(
            "clippy",
            "lints of all targets, warnings are errors",
            cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
        ),
        step("tests", "Rust tests, on SQLite and PostgreSQL", cargo(&["test", "--workspace", "--locked"])),
        step(
            "journeys",
            "browser journeys against the real server",
            Box::new(move |root| {
                before_journeys.wait();
                with_server(root, "journeys", &[])
            }),
        ),
        step(
            CLUSTER,
            "the live lesson on a real LiveKit server",
            Box::new(move |root| cluster::test(root, &before_cluster)),
        ),
        step("fuzz", "every parser, briefly", Box::new(move |root| fuzz::run(root, fuzz_seconds, None))),
    ]
}

/// The step that builds a LiveKit server with Go, and says what it could not try.
const CLUSTER: &str = "cluster";

/// Runs the steps: all of them, `only` one, or those up to and including `until`.
pub(crate) fn run(root: &Path, only: Option<&str>, until: Option<&str>, fuzz_seconds: u32) -> Result<()> {
    let ahead = Rc::new(Ahead::default());
    let chosen = choose(steps(fuzz_seconds, &ahead), only, until)?;
    let count = chosen.len();
    let with_cluster = chosen.iter().any(|step| step.name == CLUSTER);
    if with_cluster && count > 1 {
        ahead.begin(root);
    }
    let begun = Instant::now();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (index, step) in chosen.iter().enumerate() {
        println!("\n── {}/{count} {}: {}", index + 1, step.name, step.what);
        let since = Instant::now();
        (step.action)(root).with_context(|| {
            format!(
                "step \"{0}\" failed ({1}/{count}); again with: cargo xtask test --only {0}",
                step.name,
                index + 1
            )
        })?;
        times.push((step.name, since.elapsed()));
    }
    println!("\n── all {count} steps passed in {:.0} s", begun.elapsed().as_secs_f64());
    for (name, time) in times {
        println!("   {name:<10} {:>7.1} s", time.as_secs_f64());
    }
    // Said again where it is not lost among the journeys' words.
    for what in with_cluster.then(cluster::not_tried).into_iter().flatten() {
        println!("   {what}");
    }
    Ok(())
}

fn choose(all: Vec<Step>, only: Option<&str>, until: Option<&str>) -> Result<Vec<Step>> {
    let Some(wanted) = only.or(until) else {
        return Ok(all);
    };
    let names: Vec<&str> = all.iter().map(|step| step.name).collect();
    let Some(at) = names.iter().position(|name| *name == wanted) else {
        bail!("there is no step \"{wanted}\"; there are: {}", names.join(", "));
    };
    let from = if only.is_some() { at } else { 0 };
    Ok(all.into_iter().skip(from).take(at + 1 - from).collect())
}

/// Photographs the pages, with the server built for tests.
pub(crate) fn screenshots(root: &Path) -> Result<()> {
    let folder = root.join("target/screenshots");
    with_server(root, "screenshots", &[("SCREENSHOTS", folder.as_os_str())])?;
    println!("screenshots are in target/screenshots");
    Ok(())
}

/// The gate's scenarios as simulations; with `real` also before the binary as it is published, in full.
pub(crate) fn scenarios(root: &Path, real: bool, only: &[u32]) -> Result<()> {
    let numbers: Vec<String> = only.iter().map(u32::to_string).collect();
    let run = |before: &[&str], after: &[&str]| {
        let own = numbers.iter().map(String::as_str);
        let all: Vec<&str> = before.iter().chain(after).copied().chain(own).collect();
        run_in(root, "cargo", &all, &[])
    };
    run(&["test", "--quiet", "--locked", "--package", "preau-gate", "--test", "scenarios", "--"], &[])?;
    if real {
        // The profile of the benchmarks, so that nothing is compiled twice.
        let before = ["test", "--quiet", "--locked", "--profile", "bench", "--package", "preau"];
        run(&before, &["--test", "people", "--", "full"])?;
    }
    Ok(())
}

/// Runs a script of web/package.json against the server as the tests have built it. `--tests` makes cargo
/// choose the same features as for the tests, so that nothing is compiled a second time.
pub(crate) fn with_server(root: &Path, script: &str, environment: &[(&str, &std::ffi::OsStr)]) -> Result<()> {
    run_in(root, "cargo", &["build", "--workspace", "--bins", "--tests", "--locked"], &[])?;
    let binary = root.join("target/debug/preau");
    let mut all = vec![("PREAU_BIN", binary.as_os_str())];
    all.extend_from_slice(environment);
    run_in(&root.join("web"), "npm", &["run", "--silent", script], &all)
}

fn web(root: &Path) -> Result<()> {
    run_in(root, "make", &["--no-print-directory", "web"], &[])
}

fn npm(root: &Path, arguments: &[&str]) -> Result<()> {
    run_in(&root.join("web"), "npm", arguments, &[])
}

fn cargo(arguments: &'static [&'static str]) -> Action {
    Box::new(move |root| run_in(root, "cargo", arguments, &[]))
}

/// Runs a program to its end and shows its output; another exit code than 0 is an error.
pub(crate) fn run_in(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &std::ffi::OsStr)],
) -> Result<()> {
    let shown = format!("{program} {}", arguments.join(" "));
    println!("   $ {shown}");
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .status()
        .with_context(|| format!("`{shown}` could not be started in {}", folder.display()))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Step> {
        steps(1, &Rc::new(Ahead::default()))
    }

    fn names(only: Option<&str>, until: Option<&str>) -> Vec<&'static str> {
        choose(all(), only, until).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn one_some_or_all() {
        assert_eq!(names(Some("clippy"), None), ["clippy"]);
        assert_eq!(names(None, Some("format")), ["tidy", "licences", "format"]);
        assert_eq!(names(None, None).len(), all().len());
        assert!(names(None, None).contains(&CLUSTER));
        assert_eq!(names(Some(CLUSTER), None), [CLUSTER]);
        let error = choose(all(), Some("lint"), None).err().unwrap();
        assert!(
            error.to_string().contains("there is no step \"lint\"; there are: tidy, licences"),
            "{error}"
        );
    }

    #[test]
    fn a_failing_program_is_an_error_with_its_name() {
        let error = run_in(Path::new("."), "sh", &["-c", "exit 3"], &[]).unwrap_err();
        assert!(error.to_string().contains("`sh -c exit 3` ended with exit status: 3"), "{error}");
        let error = run_in(Path::new("."), "no-such-program", &[], &[]).unwrap_err();
        assert!(error.to_string().contains("could not be started"), "{error}");
    }
}
