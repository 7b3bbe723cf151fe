//! The schema's history, embedded; forward only.

use super::{Conn, StoreError};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Applies what is missing.
pub(super) fn run(conn: &mut Conn) -> Result<(), StoreError> {
    let ran = match conn {
        Conn::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(|done| done.len()),
        Conn::Postgres(conn) => conn.run_pending_migrations(POSTGRES).map(|done| done.len()),
    };
    match ran {
        Ok(0) => Ok(()),
        Ok(count) => {
            tracing::info!(count, "database schema brought up to date");
            Ok(())
        }
        Err(error) => Err(StoreError::Migration(error.to_string())),
    }
}
