//! Readers: thread-local connections on SQLite, a pool on PostgreSQL.

use super::connection::Target;
use super::{Conn, StoreError};
use diesel::Connection as _;
use diesel::r2d2::{ManageConnection, Pool};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Pooled PostgreSQL readers a process; PostgreSQL allows about 100 connections in all by default.
const POOL_SIZE: u32 = 8;
/// How long a read waits for a pooled connection before it is refused.
const POOL_PATIENCE: Duration = Duration::from_secs(5);

static NEXT_STORE: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// This thread's SQLite readers, by store (tests open many).
    static READERS: RefCell<HashMap<u64, Conn>> = RefCell::new(HashMap::new());
}

pub(super) enum Reader {
    Sqlite { store: u64, target: Target },
    Postgres { pool: Pool<PgReaders> },
}

impl Reader {
    pub(super) fn new(target: Target) -> Result<Reader, StoreError> {
        match target {
            Target::Sqlite(_) => {
                Ok(Reader::Sqlite { store: NEXT_STORE.fetch_add(1, Ordering::Relaxed), target })
            }
            Target::Postgres(_) => {
                let pool = Pool::builder()
                    .max_size(POOL_SIZE)
                    .min_idle(Some(1))
                    .connection_timeout(POOL_PATIENCE)
                    .build(PgReaders { target })
                    .map_err(|error| StoreError::Open {
                        url: "postgres".into(),
                        reason: error.to_string(),
                    })?;
                Ok(Reader::Postgres { pool })
            }
        }
    }

    pub(super) async fn run<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
    {
        match self {
            Reader::Sqlite { .. } => self.run_here(query),
            Reader::Postgres { pool } => {
                let pool = pool.clone();
                tokio::task::spawn_blocking(move || on_pool(&pool, query))
                    .await
                    .unwrap_or_else(|error| Err(StoreError::NotCommitted(error.to_string()).into()))
            }
        }
    }

    pub(super) fn run_here<T, E>(&self, query: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + From<diesel::result::Error>,
    {
        match self {
            Reader::Sqlite { store, target } => {
                // Taken out while it is in use: a read inside a read opens another one, and a read that
                // panics leaves none behind that still sits in its old snapshot.
                let kept = READERS.with_borrow_mut(|readers| readers.remove(store));
                let mut conn = match kept {
                    Some(conn) => conn,
                    None => target.open_reader()?,
                };
                // One snapshot for the whole closure, and one read lock instead of one a statement.
                let answer = conn.transaction(query);
                READERS.with_borrow_mut(|readers| readers.insert(*store, conn));
                answer
            }
            Reader::Postgres { pool } => on_pool(pool, query),
        }
    }
}

fn on_pool<T, E>(pool: &Pool<PgReaders>, query: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<StoreError>,
{
    let mut conn = pool.get().map_err(|_| StoreError::Busy)?;
    query(&mut conn)
}

/// Makes pooled readers.
pub(super) struct PgReaders {
    target: Target,
}

impl ManageConnection for PgReaders {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Conn, Self::Error> {
        self.target.open_reader().map_err(|error| {
            diesel::r2d2::Error::ConnectionError(diesel::ConnectionError::BadConnection(error.to_string()))
        })
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Self::Error> {
        use diesel::RunQueryDsl as _;
        diesel::sql_query("SELECT 1").execute(conn).map(|_| ()).map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        match conn {
            Conn::Postgres(inner) => {
                std::thread::panicking() || diesel::r2d2::R2D2Connection::is_broken(inner)
            }
            Conn::Sqlite(_) => std::thread::panicking(),
        }
    }
}
