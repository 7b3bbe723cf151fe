//! The one writer: takes whatever waits, commits it together, then answers.
//!
//! Each write runs in a savepoint, so that one that fails takes nothing of its neighbours with it.
//! No answer leaves before COMMIT returned: an acknowledged write is on disk.

use super::connection::Target;
use super::journal::{self, Head};
use super::tx::Authority;
use super::{Conn, StoreError, Tx};
use crate::ids::now_ms;
use diesel::RunQueryDsl as _;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// Writes that may wait; beyond that a writer is told to come back. At 30,000 writes a second this is
/// a quarter of a second of queue.
const QUEUE: usize = 8_192;
/// Writes in one commit at the most, so that no answer waits for an endless batch.
const BATCH: usize = 1_024;

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
    /// Runs inside a savepoint; `Err` rolls back to it. An `Err(Some)` concerns the whole batch.
    fn run(&mut self, conn: &mut Conn, head: &mut Head) -> Result<(), diesel::result::Error>;
    /// Tells the caller, after COMMIT (`None`) or after the batch was lost.
    fn answer(self: Box<Self>, lost: Option<String>);
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
    fn run(&mut self, conn: &mut Conn, head: &mut Head) -> Result<(), diesel::result::Error> {
        let Some(work) = self.work.take() else { return Ok(()) };
        statement(conn, "SAVEPOINT one_write")?;
        let now = now_ms();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let mut tx = Tx::new(conn, &self.authority, now);
            let value = work(&mut tx)?;
            Ok::<_, E>((value, tx.finish()))
        }));
        let written = match ran {
            Ok(Ok((value, (notes, afterwards)))) => {
                let mut advanced = *head;
                journal::append(conn, &mut advanced, now, &self.authority.actor, &notes)
                    .map(|()| {
                        *head = advanced;
                        self.afterwards = afterwards;
                        value
                    })
                    .map_err(E::from)
            }
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err(StoreError::NotCommitted("this write failed unexpectedly".into()).into()),
        };
        if written.is_err() {
            statement(conn, "ROLLBACK TO SAVEPOINT one_write")?;
        }
        statement(conn, "RELEASE SAVEPOINT one_write")?;
        self.outcome = Some(written);
        Ok(())
    }

    fn answer(self: Box<Self>, lost: Option<String>) {
        let answer = match (self.outcome, lost) {
            // What was refused stays refused, whatever became of the batch.
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok(value)), None) => {
                for hook in self.afterwards {
                    hook();
                }
                Ok(value)
            }
            (_, lost) => {
                Err(StoreError::NotCommitted(lost.unwrap_or_else(|| "it was not run".into())).into())
            }
        };
        // The caller may have given up waiting; the write stands all the same.
        let _ = self.reply.send(answer);
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
            while batch.len() < BATCH {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(_) => break,
                }
            }
            let lost = match self.commit(&mut batch) {
                Ok(()) => None,
                Err(reason) => {
                    tracing::error!(%reason, writes = batch.len(), "a batch of writes was lost");
                    // The connection's state is unknown; the next batch gets a new one.
                    self.conn = None;
                    Some(reason)
                }
            };
            for job in batch {
                job.answer(lost.clone());
            }
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), String> {
        if self.conn.is_none() {
            self.conn = Some(self.target.open_writer().map_err(|error| error.to_string())?);
        }
        let Some(conn) = self.conn.as_mut() else { return Err("no connection".into()) };
        within_transaction(conn, batch).map_err(|error| error.to_string())
    }
}

fn within_transaction(conn: &mut Conn, batch: &mut [Box<dyn Job>]) -> diesel::QueryResult<()> {
    let begin = match conn {
        // Takes the write lock at once: a read that is upgraded later could be refused.
        Conn::Sqlite(_) => "BEGIN IMMEDIATE",
        Conn::Postgres(_) => "BEGIN",
    };
    statement(conn, begin)?;
    let before = journal::lock_head(conn)?;
    let mut head = before;
    for job in batch {
        job.run(conn, &mut head)?;
    }
    if head != before {
        journal::save_head(conn, head)?;
    }
    statement(conn, "COMMIT")
}

fn statement(conn: &mut Conn, sql: &str) -> diesel::QueryResult<()> {
    match conn {
        Conn::Sqlite(conn) => diesel::sql_query(sql).execute(conn).map(|_| ()),
        Conn::Postgres(conn) => diesel::sql_query(sql).execute(conn).map(|_| ()),
    }
}
