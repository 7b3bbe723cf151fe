//! A server under test as a child process: start, wait for its readiness line, kill, start again.
//!
//! It is not a supervisor and never restarts anything by itself. It listens to both outputs all the
//! time, so that a talkative server never blocks on a full pipe, and keeps the last lines for the error
//! message. Invariant: the child ends with the [`Running`] that owns it, or with this process.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::guardian::Guardian;

/// How many lines of a child's output are kept for a failure's message.
const KEPT_LINES: usize = 200;

/// Why a program is not running as wished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program could not be started at all.
    #[error("{path} could not be started: {source}")]
    Start {
        /// The program.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// It ended before it said that it was ready.
    #[error("{path} ended ({status}) before it was ready. It said:\n{said}")]
    Ended {
        /// The program.
        path: PathBuf,
        /// Its exit code or signal.
        status: ExitStatus,
        /// Its last lines.
        said: String,
    },
    /// It did not say that it was ready.
    #[error("{path} did not say \"{wanted}\" within {limit:?}. It said:\n{said}")]
    NotReady {
        /// The program.
        path: PathBuf,
        /// The text waited for.
        wanted: String,
        /// How long was waited.
        limit: Duration,
        /// Its last lines.
        said: String,
    },
    /// It did not end after a polite request.
    #[error("the program was asked to end (SIGTERM) and was still there after {limit:?}. It said:\n{said}")]
    Stubborn {
        /// How long was waited.
        limit: Duration,
        /// Its last lines.
        said: String,
    },
    /// The system refused to signal or to wait for the child.
    #[error("the program's end could not be observed: {0}")]
    Wait(#[from] io::Error),
}

/// How to start a server. Kept, so that the same server can be started again after a kill.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    ready: String,
    limit: Duration,
}

impl Program {
    /// A program that prints a line containing `ready`, on either output, once it can be used.
    /// It has 30 seconds for that.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, ready: impl Into<String>) -> Program {
        Program {
            path: path.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            ready: ready.into(),
            limit: Duration::from_secs(30),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Program {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment, which is otherwise inherited.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Program {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Changes how long the program may take to become ready.
    #[must_use]
    pub fn ready_within(mut self, limit: Duration) -> Program {
        self.limit = limit;
        self
    }

    /// Starts it and waits until it is ready. May be called again after the last one has ended.
    ///
    /// # Errors
    /// When it does not start, ends at once or stays silent; with what it said.
    pub fn start(&self) -> Result<Running, Error> {
        let start = |source| Error::Start { path: self.path.clone(), source };
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let said = Said::default();
        let (ready, is_ready) = mpsc::channel();
        for output in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
            said.listen(output, self.ready.clone(), ready.clone());
        }
        drop(ready);
        let guardian = match Guardian::over_process(child.id()) {
            Ok(guardian) => guardian,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(start(error));
            }
        };
        // From here on `Running` owns the child and ends it on every way out.
        let mut running = Running { child, guardian: Some(guardian), said, ready_line: String::new() };
        match is_ready.recv_timeout(self.limit) {
            Ok(line) => {
                running.ready_line = line;
                Ok(running)
            }
            // Both outputs closed: it has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => {
                let status = running.wait_at_most(self.limit)?;
                let (path, said) = (self.path.clone(), running.output());
                match status {
                    Some(status) => Err(Error::Ended { path, status, said }),
                    None => Err(self.not_ready(said)),
                }
            }
            Err(RecvTimeoutError::Timeout) => Err(self.not_ready(running.output())),
        }
    }

    fn not_ready(&self, said: String) -> Error {
        Error::NotReady { path: self.path.clone(), wanted: self.ready.clone(), limit: self.limit, said }
    }
}

fn boxed(output: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(output)
}

/// A started program. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    guardian: Option<Guardian>,
    said: Said,
    ready_line: String,
}

impl Running {
    /// The whole line that said it was ready; it usually tells the address.
    #[must_use]
    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    /// The first `http://…` address of the readiness line, without a trailing slash.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        let from = self.ready_line.find("http://").or_else(|| self.ready_line.find("https://"))?;
        let rest = &self.ready_line[from..];
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>,)".contains(c)).unwrap_or(rest.len());
        Some(rest[..end].trim_end_matches('/'))
    }

    /// The process number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines it wrote, both outputs together.
    #[must_use]
    pub fn output(&self) -> String {
        self.said.text()
    }

    /// Ends it as a power cut would (`SIGKILL`) and waits until it is gone.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn kill(mut self) -> Result<ExitStatus, Error> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// As [`Running::kill`], for somebody who only borrows it: sends `SIGKILL` and does not wait.
    ///
    /// # Errors
    /// When the system refuses; a program that has ended already is fine.
    pub fn kill_in_place(&self) -> Result<(), Error> {
        self.signal(Signal::KILL)
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(refusal) => Err(Error::Wait(refusal.into())),
        }
    }

    /// Asks it to end (`SIGTERM`) and waits; used to test the orderly end.
    ///
    /// # Errors
    /// [`Error::Stubborn`] when it is still there after `limit`; it is killed then.
    pub fn terminate(mut self, limit: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::TERM)?;
        match self.wait_at_most(limit)? {
            Some(status) => Ok(status),
            None => Err(Error::Stubborn { limit, said: self.output() }),
        }
    }

    /// Has it ended by itself?
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        Ok(self.child.try_wait()?)
    }

    fn wait_at_most(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Error> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if begun.elapsed() > limit {
                return Ok(None);
            }
            // The standard library has no wait with a limit; ten milliseconds are lost at most.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(guardian) = self.guardian.take() {
            guardian.dismiss();
        }
    }
}

/// What a program has said lately.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<VecDeque<String>>>);

impl Said {
    /// Reads one output to its end on a thread of its own; announces the first line with `wanted`.
    fn listen(&self, output: Box<dyn Read + Send>, wanted: String, ready: Sender<String>) {
        let said = self.clone();
        std::thread::spawn(move || {
            let mut ready = Some(ready);
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                said.keep(text.clone());
                if text.contains(&wanted)
                    && let Some(ready) = ready.take()
                {
                    // Nobody listens any more when the limit has passed.
                    let _ = ready.send(text);
                }
                line.clear();
            }
        });
    }

    fn keep(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
