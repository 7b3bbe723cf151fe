//! Writes that share a commit: what one of them does must not reach the others, and no answer leaves
//! before the commit.

use crate::engine::{Engine, PERMIT, keep, on_both_engines, panic_quietly, refused_statement, wait};
use diesel::Connection as _;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, join};
use preau::store::{Store, StoreError, Tx};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

type Answer = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

fn submit(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> Answer {
    let store = store.clone();
    Box::pin(async move { store.write(&PERMIT, work).await })
}

/// Holds the writer until everything behind this write is queued, so that all of it is one batch.
fn together(store: &Store, writes: Vec<Answer>) -> Vec<Result<(), StoreError>> {
    wait(async {
        let (all_queued, go) = channel::<()>();
        let mut first = submit(store, move |tx| {
            // The queue is filled from the other side; nobody waits long.
            go.recv_timeout(Duration::from_secs(20)).ok();
            keep(tx, 0)
        });
        // The first poll puts a write into the queue.
        assert!((&mut first).now_or_never().is_none());
        let mut writes = join_all(writes);
        assert!((&mut writes).now_or_never().is_none());
        all_queued.send(()).expect("the first write waits");
        let (first, answers) = join!(first, writes);
        first.expect("the first write");
        answers
    })
}

on_both_engines! {
    fn a_failing_write_takes_nothing_of_its_neighbours_with_it(engine: &Engine) {
        let entries = engine.sound_journal();
        let store = &engine.store;
        let answers = together(store, vec![
            submit(store, |tx| keep(tx, 1)),
            submit(store, |tx| {
                keep(tx, 2)?;
                Err(StoreError::Busy)
            }),
            submit(store, |tx| keep(tx, 3)),
            submit(store, |tx| {
                keep(tx, 4)?;
                refused_statement(tx)?;
                Ok(())
            }),
            submit(store, |tx| keep(tx, 5)),
            submit(store, |tx| {
                keep(tx, 6)?;
                panic_quietly()
            }),
            submit(store, |tx| keep(tx, 7)),
        ]);
        for (number, answer) in (1..).zip(&answers) {
            assert_eq!(answer.is_ok(), engine.holds(number), "write {number}: {answer:?}");
        }
        assert!(matches!(answers[1], Err(StoreError::Busy)), "{:?}", answers[1]);
        assert!(matches!(answers[3], Err(StoreError::Query(_))), "{:?}", answers[3]);
        assert!(matches!(answers[5], Err(StoreError::NotCommitted(_))), "{:?}", answers[5]);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
        // Four of them and the one that held the writer; nothing of the three that failed.
        assert_eq!(engine.sound_journal(), entries + 5);
    }

    fn a_write_that_hides_the_error_of_a_statement_harms_only_itself(engine: &Engine) {
        let store = &engine.store;
        let answers = together(store, vec![
            submit(store, |tx| keep(tx, 1)),
            submit(store, |tx| {
                keep(tx, 2)?;
                let _ = refused_statement(tx);
                Ok(())
            }),
            submit(store, |tx| keep(tx, 3)),
        ]);
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
        // PostgreSQL refuses everything after a failed statement, SQLite goes on: either way the answer
        // says what became of the write.
        assert_eq!(answers[1].is_ok(), !engine.is_postgres(), "{answers:?}");
        assert_eq!(answers[1].is_ok(), engine.holds(2));
        engine.sound_journal();
    }

    fn a_transaction_inside_a_write_is_a_savepoint(engine: &Engine) {
        let store = &engine.store;
        let answers = together(store, vec![
            submit(store, |tx| {
                keep(tx, 1)?;
                tx.conn().transaction::<(), StoreError, _>(|_| Ok(()))?;
                // Had the inner one committed, this failure would come too late for number 1.
                Err(StoreError::Busy)
            }),
            submit(store, |tx| {
                tx.conn().transaction::<(), StoreError, _>(|_| panic_quietly())
            }),
            submit(store, |tx| {
                let inner = tx.conn().transaction::<(), StoreError, _>(|_| Err(StoreError::Busy));
                assert!(inner.is_err());
                keep(tx, 3)
            }),
        ]);
        assert!(answers[0].is_err() && answers[1].is_err() && answers[2].is_ok(), "{answers:?}");
        assert!(!engine.holds(1) && engine.holds(3));
        engine.sound_journal();
    }

    fn no_answer_leaves_and_nobody_sees_anything_before_the_commit(engine: &Engine) {
        let store = &engine.store;
        let answered = Arc::new(AtomicBool::new(false));
        let (seen_early, looked) = channel();
        let early = answered.clone();
        let first = submit(store, |tx| keep(tx, 1)).inspect(move |_| answered.store(true, Ordering::SeqCst));
        let readers = store.clone();
        let answers = together(store, vec![
            Box::pin(first),
            submit(store, move |tx| {
                // Write 1 has run in this very batch. Give its answer time to arrive where it must not.
                std::thread::sleep(Duration::from_millis(30));
                let seen = readers.read_blocking::<_, StoreError>(|conn| {
                    Ok(preau::store::keepsake(conn, "write-1")?)
                })?;
                seen_early.send((early.load(Ordering::SeqCst), seen.is_some())).ok();
                keep(tx, 2)
            }),
        ]);
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(looked.recv(), Ok((false, false)), "answered, or seen, before the commit");
        assert!(engine.holds(1) && engine.holds(2));
    }

    fn what_follows_a_commit_runs_only_after_one_and_may_fail(engine: &Engine) {
        let store = &engine.store;
        let ran = Arc::new(AtomicU32::new(0));
        let (good, bad) = (ran.clone(), ran.clone());
        let answers = together(store, vec![
            submit(store, move |tx| {
                tx.after_commit(|| panic_quietly());
                tx.after_commit(move || _ = good.fetch_add(1, Ordering::SeqCst));
                keep(tx, 1)
            }),
            submit(store, move |tx| {
                tx.after_commit(move || _ = bad.fetch_add(100, Ordering::SeqCst));
                Err(StoreError::Busy)
            }),
        ]);
        assert!(answers[0].is_ok() && answers[1].is_err(), "{answers:?}");
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        // The writer lives on.
        engine.write(2).expect("a write");
    }

    fn a_full_queue_says_so_and_loses_nothing(engine: &Engine) {
        let store = engine.store.clone();
        let answers = wait(async {
            let (all_queued, go) = channel::<()>();
            let mut first = submit(&store, move |tx| {
                go.recv_timeout(Duration::from_secs(20)).ok();
                keep(tx, 0)
            });
            assert!((&mut first).now_or_never().is_none());
            let mut writes = join_all((1..=9_000).map(|number| submit(&store, move |tx| keep(tx, number))));
            assert!((&mut writes).now_or_never().is_none());
            all_queued.send(()).expect("the first write waits");
            join!(first, writes).1
        });
        let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy))).count();
        let kept = answers.iter().filter(|answer| answer.is_ok()).count();
        // The queue holds 8,192, and the writer may have taken the first one out by then or not.
        assert_eq!(busy + kept, 9_000);
        assert!((800..=808).contains(&busy) || busy == 809, "{busy} refused");
        assert_eq!(engine.sound_journal(), kept as i64 + 1);
        engine.write(9_001).expect("a write after the rush");
    }

    fn a_batch_of_slow_writes_does_not_grow_without_end(engine: &Engine) {
        // Forty writes of 5 ms are four batches of 50 ms, not one of 200: the first is answered while
        // the last has not run.
        let store = &engine.store;
        let ran = Arc::new(AtomicU32::new(0));
        let at_first_answer = Arc::new(AtomicU32::new(u32::MAX));
        let writes = (1..=40)
            .map(|number| {
                let (ran, seen, so_far) = (ran.clone(), at_first_answer.clone(), ran.clone());
                let write = submit(store, move |tx| {
                    std::thread::sleep(Duration::from_millis(5));
                    ran.fetch_add(1, Ordering::SeqCst);
                    keep(tx, number)
                });
                Box::pin(write.inspect(move |_| {
                    seen.fetch_min(so_far.load(Ordering::SeqCst), Ordering::SeqCst);
                })) as Answer
            })
            .collect();
        let answers = together(store, writes);
        assert!(answers.iter().all(Result::is_ok));
        assert!(at_first_answer.load(Ordering::SeqCst) < 40, "one batch held every answer back");
    }
}
