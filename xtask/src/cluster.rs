//! A LiveKit server built from its published source, and the journeys of a live lesson held on it.
//!
//! Which version and every module it is built from stand in `xtask/livekit/go.mod` and `go.sum`. From 1.13.6 on its own
//! `go.mod` replaces modules, which whoever builds it from outside has to repeat. Where there is no Go that can build it, the step says so and that nothing
//! was tried: it is never passed in silence. The same holds for its recorder (Egress), which is not built here. A Go that
//! is there and cannot build it is a failure: somebody wanted this tried.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::steps;

/// Oldest Go that builds the server: what its `go.mod` asks for.
const OLDEST_GO: (u32, u32) = (1, 25);

/// The server's program among its modules.
const PACKAGE: &str = "github.com/livekit/livekit-server/cmd/server";

/// Where the journeys look for the recorder's program. Nobody builds it here.
const EGRESS: &str = "PREAU_EGRESS";

/// Builds the server and runs the journeys on it.
pub(crate) fn test(root: &Path, ahead: &Ahead) -> Result<()> {
    ahead.wait();
    if let Some(server) = server(root)? {
        steps::with_server(root, "cluster", &[("PREAU_LIVEKIT", server.as_os_str())])?;
    }
    for what in not_tried() {
        println!("   {what}");
    }
    Ok(())
}

/// What this step cannot try on this machine, in sentences.
pub(crate) fn not_tried() -> Vec<String> {
    if !go_is_new_enough() {
        let (major, minor) = OLDEST_GO;
        return vec![format!(
            "NOT TRIED: a live lesson on a LiveKit server. It needs Go {major}.{minor} or newer to build one."
        )];
    }
    match std::env::var_os(EGRESS) {
        Some(_) => Vec::new(),
        None => vec![format!(
            "NOT TRIED: recording on a LiveKit server. {EGRESS} names no Egress (docs/cluster.md)."
        )],
    }
}

/// The server, built if it is not up to date; none where there is no Go that can build it.
pub(crate) fn server(root: &Path) -> Result<Option<PathBuf>> {
    if !go_is_new_enough() {
        return Ok(None);
    }
    build(root).map(Some)
}

fn build(root: &Path) -> Result<PathBuf> {
    let server = place(root);
    let path = server.to_str().context("the path of this folder is no text")?;
    steps::run_in(&folder(root), "go", &arguments(path), &[]).context(
        "the LiveKit server could not be built. Go fetches its modules from its proxy once (`go env GOPROXY`) and \
         keeps them; where that cannot be reached, take Go out of the PATH and the step says that nothing was tried",
    )?;
    Ok(server)
}

fn place(root: &Path) -> PathBuf {
    root.join("target/livekit-server")
}

fn folder(root: &Path) -> PathBuf {
    root.join("xtask/livekit")
}

fn arguments(path: &str) -> [&str; 6] {
    ["build", "-mod=readonly", "-trimpath", "-o", path, PACKAGE]
}

/// The server's build beside the steps before this one, with whatever time of the processors Rust leaves: it takes three
/// minutes of one, and there are as many while a large crate is compiled alone. Its words are thrown away: where it
/// failed, the step builds again and shows them. It ends when this is dropped, as when a step before has failed.
#[derive(Default)]
pub(crate) struct Ahead(RefCell<Option<Child>>);

impl Ahead {
    /// Begins, where there is a Go that can.
    pub(crate) fn begin(&self, root: &Path) {
        if !go_is_new_enough() {
            return;
        }
        let server = place(root);
        let Some(path) = server.to_str() else { return };
        // A machine without `nice` builds when it is the step's turn.
        let child = Command::new("nice")
            .args(["-n", "19", "go"])
            .args(arguments(path))
            .current_dir(folder(root))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Ok(child) = child {
            println!("   meanwhile a LiveKit server is built, for the step \"cluster\"");
            *self.0.borrow_mut() = Some(child);
        }
    }

    /// Returns when it is built or could not be: what is sensitive to time does not share the processors with it.
    pub(crate) fn wait(&self) {
        if let Some(mut child) = self.0.borrow_mut().take() {
            // Whatever came of it, the step finds out.
            let _ = child.wait();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(child) = self.0.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn go_is_new_enough() -> bool {
    go_version().is_some_and(|found| found >= OLDEST_GO)
}

/// The version of the Go that is installed; none when there is none.
fn go_version() -> Option<(u32, u32)> {
    let output = Command::new("go").arg("version").output().ok()?;
    read_version(&String::from_utf8(output.stdout).ok()?)
}

/// Reads `go version go1.26.8 linux/amd64`.
fn read_version(line: &str) -> Option<(u32, u32)> {
    let version = line.split(' ').find_map(|word| word.strip_prefix("go1."))?;
    let minor = version.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some((1, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_prints_them() {
        assert_eq!(read_version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(read_version("go version go1.19rc2 linux/amd64"), Some((1, 19)));
        assert_eq!(read_version("bash: go: command not found"), None);
        assert!(read_version("go version go1.24.0 x").unwrap() < OLDEST_GO);
    }

    #[test]
    fn what_is_under_way_is_waited_for_or_ended() {
        let under_way = |program: &str, arguments: &[&str]| {
            Ahead(RefCell::new(Some(Command::new(program).args(arguments).spawn().unwrap())))
        };
        let short = under_way("true", &[]);
        short.wait();
        short.wait();
        assert!(short.0.borrow().is_none());
        // This one never ends by itself.
        drop(under_way("tail", &["-f", "/dev/null"]));
    }
}
