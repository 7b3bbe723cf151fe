//! The password pool: a few threads of their own on which every password is hashed, and a queue of bounded
//! length in front of them.
//!
//! Hashing costs tens of milliseconds of a whole core on purpose. Done on the threads that serve pages, a
//! rush of sign-ins would stop every page already open; here it can take at most all cores but one, and
//! whoever finds the queue full is told so at once. Browsers from which an account has signed in before
//! come first: at 7:55 they are pupils of the school, and a flood from strangers waits behind them.
//!
//! Invariant: every question that is accepted costs one hash, whatever the answer and whether or not the
//! account exists.

use super::hashing::{HashFault, Hasher};
use crate::edge::Refusal;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::oneshot;

/// Newcomers may fill so many quarters of the queue; the rest is kept for known devices.
const NEWCOMER_QUARTERS: usize = 3;
/// While both wait, every so many-th turn is a newcomer's, so that none waits for ever.
const NEWCOMER_TURN: u64 = 4;
/// Passwords that one thread is trusted to check in a second, for the estimate of a wait.
const A_SECOND: usize = 20;

/// Who asks for a password to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A browser from which this account has signed in before.
    Known,
    /// Everybody else.
    Newcomer,
}

/// Why the pool gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PoolFault {
    /// Too many wait; come back in so many seconds.
    #[error("the password queue is full")]
    Full {
        /// Seconds until the present queue should be worked off.
        retry_after: u32,
    },
    /// A thread died or the server is stopping.
    #[error("the password pool stopped")]
    Stopped,
    /// Hashing itself failed.
    #[error(transparent)]
    Hash(#[from] HashFault),
}

impl From<PoolFault> for Refusal {
    fn from(fault: PoolFault) -> Self {
        match fault {
            PoolFault::Full { retry_after } => Refusal::Busy { retry_after },
            fault => Refusal::Internal(fault.to_string()),
        }
    }
}

enum Work {
    Verify { password: String, phc: String, reply: oneshot::Sender<bool> },
    Hash { password: String, reply: oneshot::Sender<Result<String, HashFault>> },
}

impl Work {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool {
        match self {
            Work::Verify { reply, .. } => reply.is_closed(),
            Work::Hash { reply, .. } => reply.is_closed(),
        }
    }

    fn run(self, hasher: &mut Hasher) {
        // A failed send means that the browser hung up meanwhile.
        match self {
            Work::Verify { password, phc, reply } => {
                let _ = reply.send(hasher.verify(&password, &phc));
            }
            Work::Hash { password, reply } => {
                let _ = reply.send(hasher.hash(&password));
            }
        }
    }
}

#[derive(Default)]
struct Queues {
    known: VecDeque<Work>,
    newcomers: VecDeque<Work>,
    turns: u64,
    closed: bool,
}

impl Queues {
    fn waiting(&self) -> usize {
        self.known.len() + self.newcomers.len()
    }

    fn next(&mut self) -> Option<Work> {
        self.turns += 1;
        if self.turns.is_multiple_of(NEWCOMER_TURN) {
            self.newcomers.pop_front().or_else(|| self.known.pop_front())
        } else {
            self.known.pop_front().or_else(|| self.newcomers.pop_front())
        }
    }
}

struct Desk {
    queues: Mutex<Queues>,
    wake: Condvar,
    limit: usize,
    threads: usize,
    done: AtomicU64,
}

impl Desk {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        // Nothing under this lock can be left half done, so a thread that died harmed nothing.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut hasher = Hasher::default();
        loop {
            let mut queues = self.queues();
            let work = loop {
                if queues.closed {
                    return;
                }
                if let Some(work) = queues.next() {
                    break work;
                }
                queues = self.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
            };
            drop(queues);
            if !work.abandoned() {
                // Counted before the answer leaves: who was answered finds it counted.
                self.done.fetch_add(1, Ordering::Relaxed);
                work.run(&mut hasher);
            }
        }
    }
}

/// A handle to the pool; cheap to clone. The threads end with the last handle.
#[derive(Clone)]
pub(super) struct PasswordPool(Arc<Handle>);

struct Handle {
    desk: Arc<Desk>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.desk.queues().closed = true;
        self.desk.wake.notify_all();
    }
}

impl PasswordPool {
    /// Starts the threads: `threads` of them, or one less than there are cores when it is 0; `limit`
    /// questions may wait (at least 1).
    ///
    /// # Errors
    /// The operating system's, when it grants no thread.
    pub(super) fn start(threads: u32, limit: u32) -> std::io::Result<PasswordPool> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = if threads == 0 { cores.saturating_sub(1).max(1) } else { threads as usize };
        let desk = Arc::new(Desk {
            queues: Mutex::default(),
            wake: Condvar::new(),
            limit: (limit as usize).max(1),
            threads,
            done: AtomicU64::new(0),
        });
        let pool = PasswordPool(Arc::new(Handle { desk: desk.clone() }));
        for _ in 0..threads {
            let desk = desk.clone();
            std::thread::Builder::new().name("preau-password".into()).spawn(move || desk.serve())?;
        }
        Ok(pool)
    }

    /// Whether `password` is the one behind `phc`.
    ///
    /// # Errors
    /// [`PoolFault::Full`] at once when too many wait; [`PoolFault::Stopped`].
    pub(super) async fn verify(&self, lane: Lane, password: String, phc: String) -> Result<bool, PoolFault> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(lane, Work::Verify { password, phc, reply })?;
        answer.await.map_err(|_| PoolFault::Stopped)
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// As [`PasswordPool::verify`], and [`PoolFault::Hash`].
    pub(super) async fn hash(&self, lane: Lane, password: String) -> Result<String, PoolFault> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(lane, Work::Hash { password, reply })?;
        Ok(answer.await.map_err(|_| PoolFault::Stopped)??)
    }

    /// How many questions wait; for the state of the service.
    pub(super) fn waiting(&self) -> usize {
        self.0.desk.queues().waiting()
    }

    /// How many passwords were hashed since the start, with those in progress.
    pub(super) fn done(&self) -> u64 {
        self.0.desk.done.load(Ordering::Relaxed)
    }

    fn enqueue(&self, lane: Lane, work: Work) -> Result<(), PoolFault> {
        let desk = &self.0.desk;
        let mut queues = desk.queues();
        let full = match lane {
            Lane::Known => queues.waiting() >= desk.limit,
            Lane::Newcomer => {
                let share = (desk.limit * NEWCOMER_QUARTERS / 4).max(1);
                queues.waiting() >= desk.limit || queues.newcomers.len() >= share
            }
        };
        if full {
            let seconds = queues.waiting() / (desk.threads * A_SECOND) + 2;
            return Err(PoolFault::Full { retry_after: u32::try_from(seconds).unwrap_or(60).min(60) });
        }
        match lane {
            Lane::Known => queues.known.push_back(work),
            Lane::Newcomer => queues.newcomers.push_back(work),
        }
        drop(queues);
        desk.wake.notify_one();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> (Work, oneshot::Receiver<bool>) {
        let (reply, answer) = oneshot::channel();
        (Work::Verify { password: String::new(), phc: String::new(), reply }, answer)
    }

    /// A pool whose threads never come: what is asked stays in the queue.
    fn without_threads(limit: usize) -> PasswordPool {
        let desk = Desk {
            queues: Mutex::default(),
            wake: Condvar::new(),
            limit,
            threads: 1,
            done: AtomicU64::new(0),
        };
        PasswordPool(Arc::new(Handle { desk: Arc::new(desk) }))
    }

    #[test]
    fn known_devices_go_first_and_newcomers_are_never_forgotten() {
        let mut queues = Queues::default();
        let mut answers = Vec::new();
        for _ in 0..4 {
            for queue in [&mut queues.known, &mut queues.newcomers] {
                let (work, answer) = question();
                queue.push_back(work);
                answers.push(answer);
            }
        }
        let mut left = Vec::new();
        while queues.next().is_some() {
            left.push((queues.known.len(), queues.newcomers.len()));
        }
        assert_eq!(left, [(3, 4), (2, 4), (1, 4), (1, 3), (0, 3), (0, 2), (0, 1), (0, 0)]);
    }

    #[test]
    fn a_full_queue_says_so_and_keeps_room_for_known_devices() {
        let pool = without_threads(8);
        let mut answers = Vec::new();
        let mut ask = |lane| {
            let (work, answer) = question();
            answers.push(answer);
            pool.enqueue(lane, work)
        };
        for _ in 0..6 {
            ask(Lane::Newcomer).expect("room");
        }
        assert!(matches!(ask(Lane::Newcomer), Err(PoolFault::Full { retry_after: 2.. })));
        ask(Lane::Known).expect("room");
        ask(Lane::Known).expect("room");
        assert!(matches!(ask(Lane::Known), Err(PoolFault::Full { .. })));
        assert_eq!(pool.waiting(), 8);
    }

    #[tokio::test]
    async fn answers_come_back_and_are_counted() {
        let pool = PasswordPool::start(1, 4).expect("a pool");
        let phc = pool.hash(Lane::Known, "le préau est ouvert".into()).await.expect("hashed");
        assert_eq!(pool.verify(Lane::Newcomer, "le préau est ouvert".into(), phc.clone()).await, Ok(true));
        assert_eq!(pool.verify(Lane::Known, "le préau est fermé".into(), phc).await, Ok(false));
        assert_eq!((pool.done(), pool.waiting()), (3, 0));
    }

    #[test]
    fn the_threads_end_with_the_last_handle() {
        let pool = PasswordPool::start(2, 4).expect("a pool");
        let desk = pool.0.desk.clone();
        let other = pool.clone();
        drop(pool);
        assert!(!desk.queues().closed);
        drop(other);
        assert!(desk.queues().closed);
    }
}
