//! A throw-away Redis or Valkey: a server of its own for a test, on a free port of the loopback address, with
//! its data in a temporary folder.
//!
//! It can be killed and started again on the same port, with or without its memory. It is not a client:
//! tests speak to it as the code under test does; [`Redis::cli`] is for a look from outside.
//!
//! A missing server is an error that says what to install, never a test silently skipped. Tests that must hold
//! on both run against [`Kind::installed`].

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::port;
use crate::program::{self, Program, Running};

/// A free port may be taken by somebody else before the server has it.
const TRIES: u32 = 5;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `redis-server`
    Redis,
    /// `valkey-server`
    Valkey,
}

/// Why there is no server to test with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither is on this machine.
    #[error(
        "Redis or Valkey is needed for this test and neither `redis-server` nor `valkey-server` is in PATH. \
         On Debian: apt-get install redis-server (or valkey-server)"
    )]
    Missing,
    /// It did not start.
    #[error(transparent)]
    Program(#[from] program::Error),
    /// Its client said no.
    #[error("`{command}` failed: {said}")]
    Client {
        /// What was asked.
        command: String,
        /// What it answered.
        said: String,
    },
    /// The system refused.
    #[error("a folder, port or program for Redis: {0}")]
    System(#[from] io::Error),
}

impl Kind {
    /// Those that are on this machine, Redis first.
    ///
    /// # Errors
    /// When neither is.
    pub fn installed() -> Result<Vec<Kind>, Error> {
        let kinds: Vec<Kind> =
            [Kind::Redis, Kind::Valkey].into_iter().filter(|kind| kind.server().is_some()).collect();
        if kinds.is_empty() { Err(Error::Missing) } else { Ok(kinds) }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Redis => ("redis-server", "redis-cli"),
            Kind::Valkey => ("valkey-server", "valkey-cli"),
        }
    }

    fn server(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(self.names().0)).find(|file| file.is_file())
    }
}

/// A running server. It ends with this value, or with this process.
#[derive(Debug)]
pub struct Redis {
    kind: Kind,
    program: Program,
    port: u16,
    running: Mutex<Option<Running>>,
    /// Options of its client, such as a password.
    client: Vec<OsString>,
    folder: TempDir,
}

impl Redis {
    /// Starts the first kind there is, without a memory that outlives it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start() -> Result<Redis, Error> {
        let kind = Kind::installed()?.into_iter().next().ok_or(Error::Missing)?;
        Redis::start_with(kind, |_| Vec::new(), &[])
    }

    /// Starts one of this kind. `options` gives more of the server's settings (`--requirepass`, `secret`)
    /// for the port that was chosen, and may say `--port 0` for one that speaks only TLS there; `client` are
    /// options of its client.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start_with(
        kind: Kind,
        options: impl Fn(u16) -> Vec<String>,
        client: &[&str],
    ) -> Result<Redis, Error> {
        let server = kind.server().ok_or(Error::Missing)?;
        let folder = tempfile::Builder::new().prefix("preau-redis-").tempdir()?;
        let mut tries = 0;
        loop {
            let port = port::free_tcp()?;
            let text = port.to_string();
            // No snapshots by itself: a test that wants a memory says SAVE.
            let program = Program::new(&server, "Ready to accept connections")
                .args(["--bind", "127.0.0.1", "--port", &text, "--save", "", "--appendonly", "no", "--dir"])
                .args([folder.path()])
                .args(options(port));
            match program.start() {
                Ok(running) => {
                    let running = Mutex::new(Some(running));
                    let client = client.iter().map(OsString::from).collect();
                    return Ok(Redis { kind, program, port, running, client, folder });
                }
                Err(program::Error::Ended { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address without a password: `redis://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut would. What it had not saved is lost.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn kill(&self) -> Result<(), Error> {
        if let Some(running) = self.running().take() {
            running.kill()?;
        }
        Ok(())
    }

    /// Starts it again on the same port, with what it had saved.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&self) -> Result<(), Error> {
        let running = self.program.start()?;
        *self.running() = Some(running);
        Ok(())
    }

    /// Removes what it has saved; it starts again without memory.
    ///
    /// # Errors
    /// The system's.
    pub fn forget(&self) -> Result<(), Error> {
        match std::fs::remove_file(self.folder.path().join("dump.rdb")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Runs one command through its own client and returns what that prints.
    ///
    /// # Errors
    /// When the command fails.
    pub fn cli(&self, command: &[&str]) -> Result<String, Error> {
        let mut cli = Command::new(self.kind.names().1);
        cli.args(["-e", "-p", &self.port.to_string()]).args(&self.client).args(command);
        let output = cli.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        if output.status.success() {
            return Ok(said);
        }
        let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        Err(Error::Client { command: command.join(" "), said: format!("{said}{why}") })
    }
}
