//! The one writer: takes whatever waits, commits it together, then answers.
//!
//! Each write runs in a savepoint, so that one that fails takes nothing of its neighbours with it; the
//! journal's entries of a batch are written together at its end, inside the same transaction.
//! It never tries a write twice: what it may repeat, after a connection that died while idle, is only
//! the beginning of a transaction in which nothing has run yet.
//!
//! Invariant: no answer leaves before COMMIT returned. An acknowledged write is on disk.

use super::connection::Target;
use super::journal::{self, Draft, Head};
use super::tx::Authority;
use super::{Conn, StoreError, Tx};
use crate::ids::now_ms;
use diesel::connection::{
    AnsiTransactionManager, Connection, TransactionManager as _, TransactionManagerStatus,
};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Writes that may wait; beyond that a writer is told to come back. At 30,000 writes a second this is
/// a quarter of a second of queue.
const QUEUE: usize = 8_192;
/// Writes in one commit at the most, and how long after its beginning a commit still takes writes
/// on: whichever comes first, so that no answer waits for an endless batch.
const BATCH: usize = 1_024;
const BATCH_OPEN: Duration = Duration::from_millis(50);

/// Transactions and savepoints go through Diesel's own account of them, so that a slice which opens a
/// transaction inside its write gets a savepoint, never a COMMIT of everybody's work.
type Transactions = <Conn as Connection>::TransactionManager;

pub(super) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the writer's thread on `conn`.
    pub(super) fn start(target: Target, conn: Conn) -> Result<Writer, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("preau-writer".into())
            .spawn(move || Loop { target, conn: Some(conn) }.run(&jobs))
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        Ok(Writer { queue })
    }

    pub(super) fn submit<T, E, F>(
        &self,
        authority: Authority,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T, E>>, StoreError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + From<diesel::result::Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = TypedJob { authority, work: Some(work), outcome: None, afterwards: Vec::new(), reply };
        match self.queue.try_send(Box::new(job)) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::NotCommitted("the writer stopped".into())),
        }
    }
}

/// A write whose types are hidden from the loop.
trait Job: Send {
    /// Runs inside a savepoint, to which a failed write is rolled back; gives what the journal is to say.
    /// `Err` concerns the whole batch.
    fn run(&mut self, conn: &mut Conn) -> Result<Option<Draft>, diesel::result::Error>;
    /// Tells the caller, after COMMIT (`None`) or after the batch was lost.
    fn answer(self: Box<Self>, lost: Option<&Lost>);
}

struct TypedJob<F, T, E> {
    authority: Authority,
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    afterwards: Vec<Box<dyn FnOnce() + Send>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for TypedJob<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + From<diesel::result::Error> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> Result<Option<Draft>, diesel::result::Error> {
        let Some(work) = self.work.take() else { return Ok(None) };
        Transactions::begin_transaction(conn)?;
        let now = now_ms();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut tx = Tx::new(conn, &self.authority, now);
            let value = work(&mut tx)?;
            Ok::<_, E>((value, tx.finish()))
        }));
        // A write that swallowed the error of a statement is refused here by PostgreSQL, alone.
        let written = match ran {
            Ok(Ok(done)) => release(conn).map(|()| done).map_err(E::from),
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err(StoreError::NotCommitted("this write failed unexpectedly".into()).into()),
        };
        match written {
            Ok((value, (notes, afterwards))) => {
                self.afterwards = afterwards;
                self.outcome = Some(Ok(value));
                Ok(Some(Draft { at_ms: now, actor: self.authority.actor.clone(), notes }))
            }
            Err(refused) => {
                self.outcome = Some(Err(refused));
                roll_back(conn)?;
                Ok(None)
            }
        }
    }

    fn answer(self: Box<Self>, lost: Option<&Lost>) {
        let answer = match (self.outcome, lost) {
            // What was refused stays refused, whatever became of the batch.
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(value)), None) => {
                for hook in self.afterwards {
                    // The write stands; a hook that fails must not take the writer with it.
                    if std::panic::catch_unwind(AssertUnwindSafe(hook)).is_err() {
                        tracing::error!(action = self.authority.action, "what follows a commit failed");
                    }
                }
                Ok(value)
            }
            (_, Some(lost)) => Err(lost.error().into()),
            (None, None) => Err(StoreError::NotCommitted("it was not run".into()).into()),
        };
        // The caller may have given up waiting; the write stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// Keeps what was done since the savepoint of this write.
fn release(conn: &mut Conn) -> diesel::QueryResult<()> {
    // A transaction of its own that the write left open would take this RELEASE for its own.
    while depth(conn)? > 2 {
        Transactions::commit_transaction(conn)?;
    }
    Transactions::commit_transaction(conn)
}

/// Undoes what was done since the savepoint of this write, transactions that a panic left open included.
fn roll_back(conn: &mut Conn) -> diesel::QueryResult<()> {
    while depth(conn)? > 1 {
        Transactions::rollback_transaction(conn)?;
    }
    Ok(())
}

fn depth(conn: &mut Conn) -> diesel::QueryResult<u32> {
    match Transactions::transaction_manager_status_mut(conn) {
        TransactionManagerStatus::Valid(open) => {
            Ok(open.transaction_depth().map_or(0, std::num::NonZeroU32::get))
        }
        TransactionManagerStatus::InError => Err(diesel::result::Error::BrokenTransactionManager),
    }
}

/// Why a whole batch came to nothing.
#[derive(Debug)]
enum Lost {
    /// Somebody else (a second process, another node) holds the database; nothing has run.
    Held,
    /// It did not reach the end of its COMMIT.
    Failed(String),
}

impl Lost {
    fn error(&self) -> StoreError {
        match self {
            Lost::Held => StoreError::Busy,
            Lost::Failed(reason) => StoreError::NotCommitted(reason.clone()),
        }
    }
}

impl From<diesel::result::Error> for Lost {
    fn from(error: diesel::result::Error) -> Self {
        Lost::Failed(error.to_string())
    }
}

struct Loop {
    target: Target,
    conn: Option<Conn>,
}

impl Loop {
    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            let mut batch = vec![first];
            let lost = self.commit(&mut batch, jobs).err();
            if let Some(lost) = &lost {
                tracing::error!(reason = ?lost, writes = batch.len(), "a batch of writes was lost");
            }
            for job in batch {
                job.answer(lost.as_ref());
            }
        }
    }

    /// Runs what waits and commits it. After a failure the connection's state is unknown: it is closed,
    /// which rolls back, and the next batch opens a new one.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>, jobs: &Receiver<Box<dyn Job>>) -> Result<(), Lost> {
        let (mut conn, head) = self.begin()?;
        within_transaction(&mut conn, head, batch, jobs)?;
        self.conn = Some(conn);
        Ok(())
    }

    fn begin(&mut self) -> Result<(Conn, Head), Lost> {
        if let Some(mut conn) = self.conn.take() {
            match begin(&mut conn) {
                Ok(head) => return Ok((conn, head)),
                Err(Lost::Held) => return Err(Lost::Held),
                Err(Lost::Failed(reason)) => {
                    tracing::warn!(%reason, "the writer's connection was lost; opening another");
                }
            }
        }
        let mut conn = self.target.open_writer().map_err(|error| Lost::Failed(error.to_string()))?;
        let head = begin(&mut conn)?;
        Ok((conn, head))
    }
}

/// Begins a transaction that nobody else can write beside.
fn begin(conn: &mut Conn) -> Result<Head, Lost> {
    match conn {
        // Takes the write lock at once: a read that is upgraded later could be refused.
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
            .map_err(|error| match error.to_string() {
                held if held.contains("locked") => Lost::Held,
                reason => Lost::Failed(reason),
            })?,
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn)?,
    }
    journal::lock_head(conn).map_err(|error| match conn {
        // The connection has just answered to BEGIN: what failed is the wait for the other node's lock.
        Conn::Postgres(_) => Lost::Held,
        Conn::Sqlite(_) => error.into(),
    })
}

fn within_transaction(
    conn: &mut Conn,
    mut head: Head,
    batch: &mut Vec<Box<dyn Job>>,
    jobs: &Receiver<Box<dyn Job>>,
) -> diesel::QueryResult<()> {
    let begun = Instant::now();
    let mut drafts = Vec::new();
    while let Some(job) = batch.last_mut() {
        drafts.extend(job.run(conn)?);
        if batch.len() >= BATCH || begun.elapsed() >= BATCH_OPEN {
            break;
        }
        match jobs.try_recv() {
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    if !drafts.is_empty() {
        journal::append(conn, &mut head, drafts)?;
        journal::save_head(conn, head)?;
    }
    Transactions::commit_transaction(conn)
}
