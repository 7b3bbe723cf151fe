//! A throw-away PostgreSQL: one cluster a test process, one database a test.
//!
//! It runs Debian's server (or whatever `initdb` is in `PATH`) in a temporary folder, on a Unix socket
//! only, and goes away with the process that started it. It is not a pool and holds no connection: it
//! hands out addresses. As root it runs under an unprivileged account, since PostgreSQL refuses root.
//!
//! A missing PostgreSQL is an error that says what to install, never a test silently skipped.

use std::io::{self, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::guardian::Guardian;

/// How long a cluster may take to accept connections. One to three seconds on an idle machine;
/// many times that on one that is compiling with all its cores.
const START_LIMIT_SECONDS: &str = "180";

/// How long processes of a killed server may take to notice. Their first one is gone, and they look for
/// it at every wait.
const LAST_ONES_LEAVE: Duration = Duration::from_secs(20);

/// Folders of temporary files must be short: a Unix socket's path holds 107 bytes.
const SOCKET_PATH_LIMIT: usize = 107;

/// The cluster role that tests connect as.
const ROLE: &str = "preau";

/// Why there is no database to test with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// PostgreSQL's programs are not on this machine.
    #[error(
        "PostgreSQL is needed for this test and was not found: no `{0}` in PATH nor under \
         /usr/lib/postgresql/*/bin. On Debian: apt-get install postgresql-15"
    )]
    Missing(&'static str),
    /// We are root and no account can run the server instead.
    #[error("PostgreSQL refuses to run as root and /etc/passwd has neither `postgres` nor `nobody`")]
    NoAccount,
    /// One of PostgreSQL's programs failed.
    #[error("`{program}` failed: {said}")]
    Program {
        /// Which program, with its arguments.
        program: String,
        /// What it wrote to its standard error, or the server's log.
        said: String,
    },
    /// Preparing a template failed.
    #[error("the template database could not be prepared: {0}")]
    Template(String),
    /// The system refused.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system answered.
        source: io::Error,
    },
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::System { doing, source }
}

/// Whether a COMMIT waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fsync` off: for tests that look at answers. Five to ten times faster.
    Off,
    /// As in production: for tests that cut the power.
    On,
}

/// A running cluster. The shared one lives as long as the process; others end when dropped.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
    next: AtomicU32,
    /// CREATE DATABASE … TEMPLATE fails while another session copies the same template.
    copying: Mutex<()>,
    _guardian: Guardian,
}

impl Postgres {
    /// The one cluster of this process, started at the first call, with [`Durability::Off`].
    ///
    /// # Errors
    /// See [`Error`]; a failure is remembered and repeated, so that a hundred tests do not each wait.
    pub fn shared() -> Result<&'static Postgres, &'static Error> {
        static SHARED: OnceLock<Result<Postgres, Error>> = OnceLock::new();
        SHARED.get_or_init(|| Postgres::start(Durability::Off)).as_ref()
    }

    /// Starts a cluster of its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn start(durability: Durability) -> Result<Postgres, Error> {
        let programs = programs()?;
        let account = account()?;
        let folder = folder(account.as_ref())?;
        match Postgres::launch(&programs, &folder, account.as_ref(), durability) {
            Ok(guardian) => Ok(Postgres {
                programs,
                folder,
                account,
                next: AtomicU32::new(1),
                copying: Mutex::new(()),
                _guardian: guardian,
            }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    fn launch(
        programs: &Path,
        folder: &Path,
        account: Option<&Account>,
        durability: Durability,
    ) -> Result<Guardian, Error> {
        // First of all somebody who cleans up: from here on we may die at any moment.
        let mut life = Command::new("sh");
        life.args(["-c", END, "guardian"]).arg(folder).arg(programs.join("pg_ctl"));
        let guardian =
            Guardian::start(unprivileged(&mut life, account)).map_err(system("starting a shell"))?;

        let data = folder.join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["--no-sync", "--no-instructions", "--auth=trust", "--encoding=UTF8"]);
        // The C locale everywhere: a test must sort alike on every machine.
        initdb.args(["--locale=C.UTF-8", "--username", ROLE, "--pgdata"]).arg(&data);
        run(unprivileged(&mut initdb, account).current_dir(folder))?;

        let unsafe_but_fast = match durability {
            Durability::Off => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
            Durability::On => "",
        };
        let folder_text = folder.display();
        let settings = format!("{SETTINGS}unix_socket_directories = '{folder_text}'\n{unsafe_but_fast}");
        std::fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .and_then(|mut file| file.write_all(settings.as_bytes()))
            .map_err(system("writing PostgreSQL's settings"))?;

        begin(programs, folder, account)?;
        Ok(guardian)
    }

    /// Ends the server as a crash would: `SIGKILL` to its first process. The others notice within
    /// moments and end without writing anything more. [`Postgres::start_again`] recovers.
    ///
    /// # Errors
    /// When it is not running, or the system refuses.
    pub fn kill(&self) -> Result<(), Error> {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid"))
            .map_err(system("reading PostgreSQL's process number"))?;
        let pid = file.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| {
            system("reading PostgreSQL's process number")(io::Error::other("its file holds none"))
        })?;
        kill_process(pid, Signal::KILL).map_err(|refusal| system("killing PostgreSQL")(refusal.into()))
    }

    /// Starts the server again after [`Postgres::kill`], on the same data and socket, and waits until it
    /// has recovered.
    ///
    /// # Errors
    /// When it does not start within the limit.
    pub fn start_again(&self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            match begin(&self.programs, &self.folder, self.account.as_ref()) {
                // While processes of the killed server are still ending, the new one refuses to start.
                Err(_) if begun.elapsed() < LAST_ONES_LEAVE => std::thread::sleep(Duration::from_millis(100)),
                outcome => return outcome,
            }
        }
    }

    /// A fresh, empty database.
    ///
    /// # Errors
    /// When `createdb` fails.
    pub fn database(&self) -> Result<Database<'_>, Error> {
        self.create("template0")
    }

    /// Prepares a database once (migrations, fixtures) that tests then copy in a few milliseconds
    /// with [`Postgres::database_from`]. `prepare` gets its address and must have closed every
    /// connection when it returns.
    ///
    /// # Errors
    /// When `createdb` or `prepare` fails.
    pub fn template<E: std::fmt::Display>(
        &self,
        prepare: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<Template, Error> {
        let database = self.database()?;
        prepare(&database.url).map_err(|error| Error::Template(error.to_string()))?;
        Ok(Template { name: database.keep() })
    }

    /// A copy of a template of this cluster.
    ///
    /// # Errors
    /// When `createdb` fails, for instance because a connection to the template is still open.
    pub fn database_from(&self, template: &Template) -> Result<Database<'_>, Error> {
        self.create(&template.name)
    }

    fn create(&self, template: &str) -> Result<Database<'_>, Error> {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let _alone = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
        run(self.client("createdb").args(["--template", template, &name]))?;
        let folder = self.folder.display().to_string().replace('/', "%2F");
        let url = format!("postgres:///{name}?host={folder}&user={ROLE}");
        Ok(Database { cluster: self, name, url })
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["--username", ROLE, "--host"]).arg(&self.folder);
        command
    }
}

/// A prepared database; see [`Postgres::template`].
#[derive(Debug, Clone)]
pub struct Template {
    name: String,
}

/// A database of one test, dropped with it, open connections or not.
#[derive(Debug)]
pub struct Database<'a> {
    cluster: &'a Postgres,
    name: String,
    url: String,
}

impl Database<'_> {
    /// Its address, as libpq understands it: `postgres:///test_1?host=%2Ftmp%2F…&user=preau`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs SQL through `psql` and returns what it prints, unaligned and without headings.
    /// For a look from outside, past the code under test.
    ///
    /// # Errors
    /// When `psql` fails.
    pub fn psql(&self, sql: &str) -> Result<String, Error> {
        let mut psql = self.cluster.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        run(psql.args(["--dbname", &self.name, "--command", sql])).map(|said| said.trim_end().to_owned())
    }

    fn keep(self) -> String {
        let name = self.name.clone();
        std::mem::forget(self);
        name
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // The cluster is thrown away whole; dropping early only keeps the temporary folder small.
        let _ = run(self.cluster.client("dropdb").args(["--force", "--if-exists", &self.name]));
    }
}

/// What every throw-away cluster is told, after Debian's defaults.
const SETTINGS: &str = "\
listen_addresses = ''
max_connections = 200
shared_buffers = 32MB
log_min_messages = warning
timezone = 'UTC'
";

/// How a cluster ends: the guardian waits for us to go, stops the server at once and removes its folder
/// (`$1`) with `pg_ctl` (`$2`). The server is a process group of its own, so nothing else reaches it.
const END: &str = r#"read -r word
"$2" stop --mode=immediate --silent --pgdata "$1/data" 2>/dev/null
cd / && rm -rf "$1""#;

/// An account that PostgreSQL accepts to run under.
#[derive(Debug)]
struct Account {
    user: u32,
    group: u32,
}

/// `None` when we are unprivileged already.
fn account() -> Result<Option<Account>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = std::fs::read_to_string("/etc/passwd").map_err(system("reading /etc/passwd"))?;
    let find = |name: &str| passwd.lines().find_map(|line| parse_account(line, name));
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(Error::NoAccount)
}

/// One line of passwd(5): `name:password:uid:gid:…`.
fn parse_account(line: &str, name: &str) -> Option<Account> {
    let mut fields = line.split(':');
    if fields.next() != Some(name) {
        return None;
    }
    let user = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Account { user, group })
}

fn unprivileged<'c>(command: &'c mut Command, account: Option<&Account>) -> &'c mut Command {
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

/// A private folder for data, log and socket.
fn folder(account: Option<&Account>) -> Result<PathBuf, Error> {
    let wished = std::env::temp_dir();
    // A long TMPDIR, or one that the other account may not enter, cannot hold the socket.
    let fits = wished.as_os_str().len() + "/preau-pg-xxxxxx/.s.PGSQL.5432".len() < SOCKET_PATH_LIMIT;
    let base = if fits && account.is_none() { wished.as_path() } else { Path::new("/tmp") };
    let folder = tempfile::Builder::new()
        .prefix("preau-pg-")
        .tempdir_in(base)
        .map_err(system("making a temporary folder for PostgreSQL"))?
        .keep();
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&folder, private).map_err(system("closing the temporary folder to others"))?;
    if let Some(account) = account {
        chown(&folder, Some(account.user), Some(account.group))
            .map_err(system("giving the temporary folder to PostgreSQL's account"))?;
    }
    Ok(folder)
}

/// The folder of PostgreSQL's programs: Debian's newest version, or the one in `PATH`.
fn programs() -> Result<PathBuf, Error> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = debian
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("createdb").is_file())
        .collect();
    versions.sort();
    if let Some((_, bin)) = versions.pop() {
        return Ok(bin);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .ok_or(Error::Missing("initdb"))
}

/// Starts the server on the data of `folder` and waits until it accepts connections.
fn begin(programs: &Path, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
    let log = folder.join("log");
    let mut start = Command::new(programs.join("pg_ctl"));
    start.args(["start", "--wait", "--silent", "--timeout", START_LIMIT_SECONDS]);
    start.arg("--pgdata").arg(folder.join("data")).arg("--log").arg(&log);
    run(unprivileged(&mut start, account).current_dir(folder)).map(drop).map_err(|error| match error {
        Error::Program { program, said } => {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            Error::Program { program, said: format!("{said}\n{log}") }
        }
        other => other,
    })
}

/// Runs to the end; an exit code other than 0 is an error with what the program said.
fn run(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(system("running a program of PostgreSQL"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Program { program: format!("{command:?}"), said })
}
