//! Where the database is and how a connection to it is set up.

use super::StoreError;
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};
use std::path::PathBuf;

/// A connection to either engine. Queries are written once, against this type; the few places where
/// the dialects differ match on it inside a slice's `store.rs`.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// The bundled SQLite.
    Sqlite(SqliteConnection),
}

/// The database named by a URL.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

/// Settings of every SQLite connection. `foreign_keys` is off by default for historical reasons, and
/// so is `recursive_triggers`, without which INSERT OR REPLACE slips past the journal's triggers;
/// 5 s of patience covers a second process (an import on the command line) holding the write lock.
const SQLITE_COMMON: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; \
     PRAGMA recursive_triggers = ON; \
     PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824;";
/// The writer syncs at every commit: what was acknowledged survives a power cut.
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;";
/// Readers cannot write, whatever is asked of them.
const SQLITE_READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -16384;";

/// The writer of PostgreSQL. A database that was told not to wait for its disk is told otherwise here,
/// and a stronger promise (a replica's) is left alone. 5 s of patience for the other node's batch, as on
/// SQLite; a node that froze inside its transaction loses it after a minute.
const POSTGRES_WRITER: [&str; 4] = [
    "SET application_name = 'preau-writer'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    "SET lock_timeout = '5s'",
    "SET idle_in_transaction_session_timeout = '60s'",
];
/// Readers of PostgreSQL cannot write either.
const POSTGRES_READER: [&str; 2] =
    ["SET application_name = 'preau-reader'", "SET default_transaction_read_only = on"];

impl Target {
    pub(super) fn parse(url: &str) -> Result<Target, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Target::Postgres(patient(url)));
        }
        match url.strip_prefix("sqlite:") {
            // Every connection would get an empty database of its own.
            Some(path) if path.contains(":memory:") || path.starts_with("file:") => Err(StoreError::Open {
                url: url.to_owned(),
                reason: "the database must be a file: expected sqlite:PATH".into(),
            }),
            Some(path) if !path.is_empty() => Ok(Target::Sqlite(PathBuf::from(path))),
            _ => Err(StoreError::Open {
                url: without_password(url),
                reason: "expected sqlite:PATH or postgres://USER@HOST/NAME".into(),
            }),
        }
    }

    fn failed(&self, reason: impl ToString) -> StoreError {
        let url = match self {
            Target::Sqlite(path) => format!("sqlite:{}", path.display()),
            Target::Postgres(url) => without_password(url),
        };
        StoreError::Open { url, reason: reason.to_string() }
    }

    /// Refuses a file that is not there. PostgreSQL says so by itself when asked for a connection.
    pub(super) fn must_exist(&self) -> Result<(), StoreError> {
        match self {
            Target::Sqlite(path) if !path.is_file() => Err(self.failed("there is no such file")),
            _ => Ok(()),
        }
    }

    /// Takes this process's turn at opening, until what is returned is dropped. SQLite does not wait for others
    /// while a database becomes one with a write-ahead log: of four processes that created one at once, some
    /// were told that it is locked, or that the disk fails. PostgreSQL has its own order.
    pub(super) fn turn(&self) -> Result<Option<std::fs::File>, StoreError> {
        let Target::Sqlite(path) = self else { return Ok(None) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| std::path::Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| self.failed(error))?;
        // A folder is a file that is always there. Some network drives lock none: then as before.
        let Ok(file) = std::fs::File::open(folder) else { return Ok(None) };
        Ok(file.lock().is_ok().then_some(file))
    }

    pub(super) fn open_writer(&self) -> Result<Conn, StoreError> {
        match self {
            Target::Sqlite(path) => self.open_sqlite(path, SQLITE_WRITER),
            Target::Postgres(url) => self.open_postgres(url, &POSTGRES_WRITER),
        }
    }

    pub(super) fn open_reader(&self) -> Result<Conn, StoreError> {
        match self {
            Target::Sqlite(path) => self.open_sqlite(path, SQLITE_READER),
            Target::Postgres(url) => self.open_postgres(url, &POSTGRES_READER),
        }
    }

    fn open_postgres(&self, url: &str, settings: &[&str]) -> Result<Conn, StoreError> {
        let mut conn = PgConnection::establish(url).map_err(|error| self.failed(error))?;
        for setting in settings {
            run(&mut conn, setting).map_err(|error| self.failed(error))?;
        }
        Ok(Conn::Postgres(conn))
    }

    fn open_sqlite(&self, path: &std::path::Path, settings: &str) -> Result<Conn, StoreError> {
        use diesel::connection::SimpleConnection as _;
        let path = path.to_str().ok_or_else(|| self.failed("the path is not valid UTF-8"))?;
        let mut conn = SqliteConnection::establish(path).map_err(|error| self.failed(error))?;
        conn.batch_execute(SQLITE_COMMON)
            .and_then(|()| conn.batch_execute(settings))
            .map_err(|error| self.failed(error))?;
        Ok(Conn::Sqlite(conn))
    }
}

fn run(conn: &mut PgConnection, statement: &str) -> diesel::QueryResult<()> {
    diesel::sql_query(statement).execute(conn).map(|_| ())
}

/// Gives up on a server that does not answer, where the URL does not say how long to wait: libpq would
/// wait for ever, and every write with it.
fn patient(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    format!("{url}{}connect_timeout=5", if url.contains('?') { '&' } else { '?' })
}

/// `postgres://user:secret@host/db` -> `postgres://user:…@host/db`, for messages and logs.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((who, place)) => {
            let user = who.split(':').next().unwrap_or_default();
            if who.contains(':') { format!("{scheme}://{user}:…@{place}") } else { url.to_owned() }
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_reach_a_message() {
        assert_eq!(without_password("postgres://a:b:c@h/d"), "postgres://a:…@h/d");
        assert_eq!(without_password("postgres://a@h/d"), "postgres://a@h/d");
        assert_eq!(without_password("sqlite:x.db"), "sqlite:x.db");
    }

    #[test]
    fn a_server_that_is_silent_is_waited_for_only_so_long() {
        assert_eq!(patient("postgres://h/d"), "postgres://h/d?connect_timeout=5");
        assert_eq!(patient("postgres:///d?host=%2Ftmp"), "postgres:///d?host=%2Ftmp&connect_timeout=5");
        assert_eq!(patient("postgres://h/d?connect_timeout=60"), "postgres://h/d?connect_timeout=60");
    }

    #[test]
    fn a_database_in_memory_is_refused() {
        let error = Target::parse("sqlite::memory:").expect_err("refused").to_string();
        assert!(error.contains("must be a file"), "{error}");
    }

    #[test]
    fn an_unknown_scheme_says_what_is_expected() {
        let error = Target::parse("mysql://x").expect_err("refused").to_string();
        assert!(error.contains("sqlite:PATH"), "{error}");
    }
}
