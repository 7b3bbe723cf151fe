//! The store: one set of queries on SQLite (embedded) or PostgreSQL, chosen by URL.
//!
//! Reading: [`Store::read`] runs a short closure on a connection that the engine itself keeps from
//! writing. On SQLite it runs in place, on this thread's own connection, inside one snapshot; on
//! PostgreSQL on a blocking thread with a pooled connection.
//!
//! Writing: [`Store::write`] is the only way. It demands a permit (lock 3 of `docs/access.md`), runs on
//! the one writer thread together with whatever else is waiting (group commit), and answers only after
//! COMMIT. Every write leaves at least one entry in the journal, in the same transaction.
//!
//! Not here: any SQL of a slice. Each slice's `store.rs` holds the only SQL on its tables.

mod connection;
mod journal;
mod keepsake;
mod migrations;
mod reader;
pub mod schema;
mod tx;
mod writer;

pub use connection::Conn;
pub use journal::{JournalLine, journal_end, journal_head, journal_lines};
pub use keepsake::{keepsake, secret_or_fresh};
pub use tx::{Authorised, Authority, Tx};

use std::sync::Arc;
use thiserror::Error;

/// Why the store could not do what was asked. None of these is the person's fault.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The engine refused a statement or the connection broke.
    #[error("database: {0}")]
    Query(#[from] diesel::result::Error),
    /// No connection could be opened.
    #[error("cannot open the database {url}: {reason}")]
    Open {
        /// The URL without its password.
        url: String,
        /// What the engine said.
        reason: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database schema up to date: {0}")]
    Migration(String),
    /// More writes are waiting than the queue holds, or another process kept the database to itself.
    /// Nothing was done; the caller may try again.
    #[error("too many writes are waiting")]
    Busy,
    /// The writer is gone, or it lost the transaction this write was part of.
    #[error("the write was not committed: {0}")]
    NotCommitted(String),
}

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    reader: reader::Reader,
    /// Absent where the store was opened to be inspected only.
    writer: Option<writer::Writer>,
}

impl Store {
    /// Opens the database named by `url` (`sqlite:PATH`, `postgres://…`), creates what is missing and
    /// brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] or [`StoreError::Migration`], both worded for an operator.
    pub fn open(url: &str) -> Result<Store, StoreError> {
        let target = connection::Target::parse(url)?;
        let turn = target.turn()?;
        let mut conn = target.open_writer()?;
        migrations::run(&mut conn)?;
        let reader = reader::Reader::new(target.clone())?;
        drop(turn);
        let writer = writer::Writer::start(target, conn)?;
        Ok(Store { inner: Arc::new(Inner { reader, writer: Some(writer) }) })
    }

    /// Opens a database that is there already, for reading only: nothing is created, nothing brought up
    /// to date, every write is refused. For the verifier and for reports beside a running server.
    ///
    /// # Errors
    /// [`StoreError::Open`], also when there is no such database.
    pub fn open_to_read(url: &str) -> Result<Store, StoreError> {
        let target = connection::Target::parse(url)?;
        target.must_exist()?;
        let reader = reader::Reader::new(target)?;
        Ok(Store { inner: Arc::new(Inner { reader, writer: None }) })
    }

    fn writer(&self) -> Result<&writer::Writer, StoreError> {
        let refused = || StoreError::NotCommitted("the database was opened for reading only".into());
        self.inner.writer.as_ref().ok_or_else(refused)
    }

    /// Reads. `query` must be short: on SQLite it runs on the calling thread.
    ///
    /// # Errors
    /// Whatever `query` returns, or the store's own error turned into it.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
    {
        self.inner.reader.run(query).await
    }

    /// Reads from a thread that may block (command line, benches, reports).
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E>(&self, query: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + From<diesel::result::Error>,
    {
        self.inner.reader.run_here(query)
    }

    /// Writes with the authority of `permit`; returns after the commit.
    ///
    /// # Errors
    /// Whatever `work` returns (its changes are then rolled back, those of its neighbours in the same
    /// batch are not), [`StoreError::Busy`] when the queue is full, [`StoreError::NotCommitted`].
    pub async fn write<T, E, F>(&self, permit: &impl Authorised, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
    {
        let answer = self.writer()?.submit(permit.authority(), work)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::NotCommitted("the writer stopped".into()).into()))
    }

    /// Writes from a thread that may block (command line, benches).
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E, F>(&self, permit: &impl Authorised, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
    {
        let answer = self.writer()?.submit(permit.authority(), work)?;
        // On a thread of its own, because this may be called while a runtime is being set up, where
        // waiting in place is forbidden.
        std::thread::scope(|scope| scope.spawn(|| answer.blocking_recv().ok()).join())
            .ok()
            .flatten()
            .unwrap_or_else(|| Err(StoreError::NotCommitted("the writer stopped".into()).into()))
    }
}
