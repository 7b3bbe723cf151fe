//! The real server in front of which people stand: the demonstration school in a temporary folder, the binary
//! as it is published, on a core of its own where there are several.
//!
//! Invariant: what is started here ends with the value that stands for it, successors of a graceful restart
//! included.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, header};
use preau_testkit::{Program, Running, Usage, port};
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Deserialize;

use crate::wire::Wire;

/// Why there is no server.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Filling the demonstration school in a build for tests takes a while on a busy machine.
const FILLED_WITHIN: Duration = Duration::from_secs(180);
/// How long a server may take to end.
const ENDED_WITHIN: Duration = Duration::from_secs(40);

/// An account of the demonstration.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// `pupil`, `teacher`…
    pub role: String,
    /// What is typed as a name.
    pub login: String,
    /// The password.
    pub password: String,
}

/// A school on disk, and the binary that serves it.
#[derive(Debug)]
pub struct House {
    folder: tempfile::TempDir,
    binary: PathBuf,
    configured: bool,
    /// Everybody who has an account.
    pub accounts: Vec<Account>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    running: Running,
    /// Where people come in.
    pub address: SocketAddr,
    console: SocketAddr,
    folder: PathBuf,
    successor: Successor,
}

/// The process that has taken the first one's place: nobody's but ours, so it is ended here.
#[derive(Debug, Default)]
struct Successor(Option<u32>);

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            let _ = signal_to(process, Signal::KILL);
        }
    }
}

/// One house as its console shows it, as far as it is looked at here.
#[derive(Debug, Clone, Deserialize)]
pub struct Sight {
    /// People who may be in, why, and how many a second.
    pub seats: u32,
    /// Why that many.
    pub cause: String,
    /// The valve of which the cause speaks.
    pub cause_valve: Option<String>,
    /// New people a second at most.
    pub pace: Option<f64>,
    /// Seats taken.
    pub taken: u32,
    /// Seats set aside for lessons.
    pub set_aside: u32,
    /// The lanes.
    pub lanes: Vec<LaneSight>,
    /// The valves.
    pub valves: Vec<ValveSight>,
    /// What is given up.
    pub given_up: Vec<String>,
}

/// A lane of it.
#[derive(Debug, Clone, Deserialize)]
pub struct LaneSight {
    /// Its name.
    pub lane: String,
    /// Who is in through it.
    pub seated: u32,
    /// Live people who wait.
    pub waiting: u32,
    /// Its watermark.
    pub watermark: String,
}

/// A valve of it.
#[derive(Debug, Clone, Deserialize)]
pub struct ValveSight {
    /// Its name.
    pub valve: String,
    /// Requests at once at most.
    pub limit: u32,
    /// Why that many.
    pub cause: String,
    /// Under way.
    pub inflight: u32,
    /// In line.
    pub waiting: u32,
    /// Served in the last second.
    pub served: u32,
    /// Refused in the last second.
    pub refused: u32,
    /// Response time when nothing stands in line, and lately.
    pub base_ms: f64,
    /// Lately.
    pub median_ms: f64,
    /// Asked for more than it can do.
    pub saturated: bool,
}

impl House {
    /// Fills the demonstration school with `binary`, and ends it again.
    ///
    /// # Errors
    /// What the binary said.
    pub fn demo(binary: impl Into<PathBuf>) -> Result<House, Fault> {
        let (folder, binary) = (tempfile::tempdir()?, binary.into());
        let list = folder.path().join("accounts.json");
        let data = folder.path().join("data");
        let running = Program::new(&binary, "Password of every account")
            .args(["demo", "--listen", "127.0.0.1:0"])
            .args(["--data".as_ref(), data.as_os_str(), "--accounts".as_ref(), list.as_os_str()])
            .ready_within(FILLED_WITHIN)
            .start()?;
        let accounts = serde_json::from_slice(&std::fs::read(&list)?)?;
        running.terminate(ENDED_WITHIN)?;
        Ok(House { folder, binary, configured: false, accounts })
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Serves with this configuration file from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&mut self, text: &str) -> Result<(), Fault> {
        self.configured = true;
        Ok(std::fs::write(self.folder.path().join("preau.toml"), text)?)
    }

    /// The queue begins empty at the next start.
    pub fn forget_queue(&self) {
        // Not there is forgotten.
        let _ = std::fs::remove_file(self.data().join("gate.json"));
    }

    /// Accounts of pupils.
    #[must_use]
    pub fn pupils(&self) -> Vec<Account> {
        self.accounts.iter().filter(|account| account.role == "pupil").cloned().collect()
    }

    /// Serves the school with these settings (`GATE__SESSIONS`, …), on core `core` if it is given.
    ///
    /// # Errors
    /// What the binary said.
    pub fn serve(&self, settings: &[(&str, &str)], core: Option<usize>) -> Result<Server, Fault> {
        let data = self.data();
        let program = Program::new(&self.binary, "Préau listens on")
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .args([&data])
            .env("PREAU_LIVE__LISTEN", "127.0.0.1:0");
        let file = self.folder.path().join("preau.toml");
        let program =
            if self.configured { program.args(["--config".as_ref(), file.as_os_str()]) } else { program };
        Server::start(program, &data, settings, core)
    }

    /// Stands as a gate in front of the service at `upstream`, with these settings. `listen` is its address;
    /// port 0 takes a free one. `folder` names its data, which outlives a restart.
    ///
    /// # Errors
    /// What the binary said.
    pub fn gate(
        binary: &Path,
        upstream: SocketAddr,
        listen: SocketAddr,
        folder: &Path,
        settings: &[(&str, &str)],
        core: Option<usize>,
    ) -> Result<Server, Fault> {
        let program = Program::new(binary, "Préau's gate listens on")
            .args(["gate", "--upstream", &format!("http://{upstream}"), "--listen", &listen.to_string()])
            .args(["--threads", "1", "--data"])
            .args([folder]);
        Server::start(program, folder, settings, core)
    }
}

impl Server {
    fn start(
        program: Program,
        folder: &Path,
        settings: &[(&str, &str)],
        core: Option<usize>,
    ) -> Result<Server, Fault> {
        let console = SocketAddr::from(([127, 0, 0, 1], port::free_tcp()?));
        let mut program = program.env("PREAU_SERVER__CONSOLE", console.to_string());
        for (name, value) in settings {
            program = program.env(format!("PREAU_{name}"), value);
        }
        let running = on_core(core, || program.ready_within(FILLED_WITHIN).start())??;
        let line = running.ready_line();
        let at = line.split("listens on ").nth(1).unwrap_or_default().trim_start_matches("http://");
        let end = at.find(|c: char| c.is_whitespace()).unwrap_or(at.len());
        let address = at[..end].parse().map_err(|_| format!("no address in {line:?}"))?;
        Ok(Server { running, address, console, folder: folder.to_owned(), successor: Successor::default() })
    }

    /// What it and its successor have used so far.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage, Fault> {
        Ok(Usage::of(self.pid())?)
    }

    /// The process that serves now.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.successor.0.unwrap_or(self.running.pid())
    }

    /// What it has said lately.
    #[must_use]
    pub fn output(&self) -> String {
        self.running.output()
    }

    /// What its console shows.
    ///
    /// # Errors
    /// No console, or one that shows something else.
    pub async fn sight(&self) -> Result<Sight, Fault> {
        let token = std::fs::read_to_string(self.folder.join("console.token"))?;
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("operator:{}", token.trim()));
        let request = Request::get("/status.json")
            .header(header::HOST, self.console.to_string())
            .header(header::AUTHORIZATION, format!("Basic {secret}"))
            .body(Bytes::new())?;
        let answer = Wire::new(self.console, None).send(request).await?;
        let sights: Vec<Sight> = serde_json::from_slice(answer.body())?;
        sights.into_iter().next().ok_or_else(|| "the console shows no house".into())
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn kill(self) -> Result<(), Fault> {
        self.running.kill()?;
        Ok(())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it does not end.
    pub fn end(self) -> Result<(), Fault> {
        self.running.terminate(ENDED_WITHIN)?;
        Ok(())
    }

    /// Asks it to put the program on disk in its place (SIGUSR2), and waits until the new process serves.
    ///
    /// # Errors
    /// When no successor serves within half a minute.
    pub async fn replace(&mut self) -> Result<(), Fault> {
        let before = said_successors(&self.output()).len();
        self.signal(Signal::USR2)?;
        for _ in 0..300 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // The successor inherits what its predecessor writes to.
            if let Some(process) = said_successors(&self.output()).get(before) {
                self.successor.0 = Some(*process);
                return Ok(());
            }
        }
        Err(format!("no successor:\n{}", self.output()).into())
    }

    fn signal(&self, signal: Signal) -> Result<(), Fault> {
        signal_to(self.pid(), signal)
    }
}

fn signal_to(process: u32, signal: Signal) -> Result<(), Fault> {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    Ok(rustix::process::kill_process(process.ok_or("no process")?, signal)?)
}

/// Process numbers of successors, as predecessors have told.
fn said_successors(output: &str) -> Vec<u32> {
    let told = output.lines().filter(|line| line.contains("a successor serves"));
    let number = |line: &str| {
        let plain: String = strip_colours(line);
        plain.split("process=").nth(1)?.split_whitespace().next()?.parse().ok()
    };
    told.filter_map(number).collect()
}

/// Without the terminal's colours (ECMA-48), which logs may carry.
fn strip_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// The cores that this process was given, whatever its threads have kept to since.
fn given() -> Result<CpuSet, Fault> {
    static GIVEN: std::sync::OnceLock<CpuSet> = std::sync::OnceLock::new();
    let now = sched_getaffinity(None)?;
    Ok(*GIVEN.get_or_init(|| now))
}

/// Runs something on one core; what it starts stays there. Where there is only one, it is the one.
///
/// # Errors
/// The system's.
pub fn on_core<T>(core: Option<usize>, run: impl FnOnce() -> T) -> Result<T, Fault> {
    let all = given()?;
    let Some(core) = core.filter(|core| all.is_set(*core) && all.count() > 1) else { return Ok(run()) };
    let before = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one)?;
    let done = run();
    sched_setaffinity(None, &before)?;
    Ok(done)
}

/// Keeps this thread, and those it starts, to one core, if there are several.
///
/// # Errors
/// The system's.
pub fn stay_on(core: usize) -> Result<(), Fault> {
    let all = given()?;
    if all.is_set(core) && all.count() > 1 {
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_has_its_own_core_although_this_thread_keeps_to_another() {
        let all = given().unwrap();
        let Some(other) = (1..256).find(|core| all.is_set(*core)) else { return };
        std::thread::spawn(move || {
            stay_on(other).unwrap();
            let first = (0..256).find(|core| all.is_set(*core)).unwrap();
            let seen = on_core(Some(first), || sched_getaffinity(None).unwrap()).unwrap();
            assert!(seen.is_set(first) && seen.count() == 1);
            let after = sched_getaffinity(None).unwrap();
            assert!(after.is_set(other) && after.count() == 1);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn successors_are_found_in_what_was_said() {
        let said = "INFO preau: a successor serves process=41\nx\n\u{1b}[32m INFO\u{1b}[0m a successor serves \u{1b}[3mprocess\u{1b}[0m\u{1b}[2m=\u{1b}[0m42";
        assert_eq!(said_successors(said), [41, 42]);
    }
}
