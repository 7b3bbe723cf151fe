//! A LiveKit server built from its published source, and the journeys of a live lesson held on it.
//!
//! Which version and every module it is built from stand in `xtask/livekit/go.mod` and `go.sum`. From 1.13.6 on its own
//! `go.mod` replaces modules, which whoever builds it from outside has to repeat. Where there is no Go that can build it, the step says so and that nothing
//! was tried: it is never passed in silence. The same holds for its recorder (Egress), which is not built here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::steps;

/// Oldest Go that builds the server: what its `go.mod` asks for.
const OLDEST_GO: (u32, u32) = (1, 25);

/// Where the journeys look for the recorder's program. Nobody builds it here.
const EGRESS: &str = "PREAU_EGRESS";

/// Builds the server and runs the journeys on it.
pub(crate) fn test(root: &Path) -> Result<()> {
    let Some(server) = server(root)? else {
        let (major, minor) = OLDEST_GO;
        println!(
            "   NOT TRIED: a live lesson on a LiveKit server. It needs Go {major}.{minor} or newer to build one."
        );
        return Ok(());
    };
    steps::with_server(root, "cluster", &[("PREAU_LIVEKIT", server.as_os_str())])?;
    if std::env::var_os(EGRESS).is_none() {
        println!("   NOT TRIED: recording on a LiveKit server. {EGRESS} names no Egress (docs/cluster.md).");
    }
    Ok(())
}

/// The server, built if it is not up to date; none where there is no Go that can build it.
pub(crate) fn server(root: &Path) -> Result<Option<PathBuf>> {
    if go_version().is_none_or(|found| found < OLDEST_GO) {
        return Ok(None);
    }
    build(root).map(Some)
}

fn build(root: &Path) -> Result<PathBuf> {
    let server = root.join("target/livekit-server");
    let path = server.to_str().context("the path of this folder is no text")?;
    let package = "github.com/livekit/livekit-server/cmd/server";
    let arguments = ["build", "-mod=readonly", "-trimpath", "-o", path, package];
    steps::run_in(&root.join("xtask/livekit"), "go", &arguments, &[])?;
    Ok(server)
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
}
