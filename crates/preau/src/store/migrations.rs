//! The schema's history, embedded; forward only.

use super::{Conn, StoreError};
use diesel::RunQueryDsl as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Nodes of one PostgreSQL bring its schema up to date one after the other, under this advisory lock
/// (an arbitrary number, only used here).
const TURNSTILE: i64 = 0x50_72_E9_61_75;
/// On SQLite two processes that open a new file at once may both try; the one that comes second finds
/// nothing left to do when it looks again.
const LOOKS: u32 = 3;

/// Applies what is missing.
pub(super) fn run(conn: &mut Conn) -> Result<(), StoreError> {
    let mut ran = apply(conn);
    for _ in 1..LOOKS {
        if ran.is_ok() {
            break;
        }
        ran = apply(conn);
    }
    match ran {
        Ok(0) => Ok(()),
        Ok(count) => {
            tracing::info!(count, "database schema brought up to date");
            Ok(())
        }
        Err(reason) => Err(StoreError::Migration(reason)),
    }
}

fn apply(conn: &mut Conn) -> Result<usize, String> {
    match conn {
        Conn::Sqlite(conn) => {
            conn.run_pending_migrations(SQLITE).map(|done| done.len()).map_err(|error| error.to_string())
        }
        Conn::Postgres(conn) => {
            let turn = |sql: &str| diesel::sql_query(format!("SELECT {sql}({TURNSTILE})"));
            turn("pg_advisory_lock").execute(conn).map_err(|error| error.to_string())?;
            let ran = conn.run_pending_migrations(POSTGRES).map(|done| done.len());
            turn("pg_advisory_unlock").execute(conn).map_err(|error| error.to_string())?;
            ran.map_err(|error| error.to_string())
        }
    }
}
