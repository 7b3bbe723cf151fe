//! Any interleaving of writes that succeed, fail, panic and misbehave leaves data and journal in step.

use crate::engine::{Engine, PERMIT, keep, panic_quietly, refused_statement, wait};
use diesel::Connection as _;
use futures_util::future::join_all;
use preau::store::{StoreError, Tx};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::sync::atomic::{AtomicI64, Ordering};

/// What a write does.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Writes, and notes so many objects beside its own.
    Good(u8),
    /// Writes, then changes its mind.
    Refuses,
    /// Writes, then runs a statement that the engine refuses.
    Fails,
    /// As `Fails`, and says nothing of it.
    Hides,
    /// Writes, then panics.
    Panics,
    /// Panics in a transaction of its own.
    PanicsWithin,
    /// Writes in a transaction of its own.
    GoodWithin,
    /// Writes; what follows the commit panics.
    PanicsAfter,
    /// The caller gives up before the answer.
    Abandoned,
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        4 => (0_u8..4).prop_map(Manner::Good),
        1 => Just(Manner::Refuses),
        1 => Just(Manner::Fails),
        1 => Just(Manner::Hides),
        1 => Just(Manner::Panics),
        1 => Just(Manner::PanicsWithin),
        1 => Just(Manner::GoodWithin),
        1 => Just(Manner::PanicsAfter),
        1 => Just(Manner::Abandoned),
    ]
}

fn act(tx: &mut Tx<'_>, number: i64, manner: Manner) -> Result<(), StoreError> {
    keep(tx, number)?;
    match manner {
        Manner::Good(more) => (0..more).for_each(|_| tx.note("beside", number)),
        Manner::Refuses => return Err(StoreError::Busy),
        Manner::Fails => drop(refused_statement(tx)?),
        Manner::Hides => drop(refused_statement(tx)),
        Manner::Panics => panic_quietly(),
        Manner::PanicsWithin => tx.conn().transaction::<(), StoreError, _>(|_| panic_quietly())?,
        Manner::GoodWithin => tx.conn().transaction::<_, StoreError, _>(|_| Ok(()))?,
        Manner::PanicsAfter => tx.after_commit(|| panic_quietly()),
        Manner::Abandoned => {}
    }
    Ok(())
}

/// How many entries the write leaves when it succeeds; `None` where it must not.
fn entries(manner: Manner, postgres: bool) -> Option<i64> {
    match manner {
        Manner::Good(more) => Some(1 + i64::from(more)),
        Manner::GoodWithin | Manner::PanicsAfter | Manner::Abandoned => Some(1),
        Manner::Hides => (!postgres).then_some(1),
        Manner::Refuses | Manner::Fails | Manner::Panics | Manner::PanicsWithin => None,
    }
}

fn hold(engine: &Engine, cases: u32) {
    let next = AtomicI64::new(1);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let writers = prop::collection::vec(prop::collection::vec(manner(), 1..12), 1..8);
    runner
        .run(&writers, |writers| {
            let before = engine.sound_journal();
            let numbered: Vec<Vec<(i64, Manner)>> = writers
                .into_iter()
                .map(|writes| {
                    writes.into_iter().map(|manner| (next.fetch_add(1, Ordering::Relaxed), manner)).collect()
                })
                .collect();
            let all: Vec<(i64, Manner)> = numbered.iter().flatten().copied().collect();
            // Each writer sends one write after the other; all writers at once.
            let answers = wait(join_all(numbered.into_iter().map(|writes| {
                let store = engine.store.clone();
                tokio_task(async move {
                    let mut answers = Vec::new();
                    for (number, manner) in writes {
                        let write =
                            store.write::<_, StoreError, _>(&PERMIT, move |tx| act(tx, number, manner));
                        if matches!(manner, Manner::Abandoned) {
                            use futures_util::FutureExt as _;
                            // Polled once, hence queued, then dropped.
                            let answer = write.now_or_never().is_none_or(|answer| answer.is_ok());
                            answers.push((number, answer));
                        } else {
                            answers.push((number, write.await.is_ok()));
                        }
                    }
                    answers
                })
            })));
            // Behind all others, so that abandoned ones have run.
            let last = next.fetch_add(1, Ordering::Relaxed);
            engine.write(last).expect("the last write");
            let acknowledged: std::collections::BTreeMap<i64, bool> = answers.into_iter().flatten().collect();
            let mut expected = before + 1;
            for (number, manner) in all {
                let left = entries(manner, engine.is_postgres());
                expected += left.unwrap_or(0);
                prop_assert_eq!(engine.holds(number), left.is_some(), "{:?} {}", manner, number);
                prop_assert_eq!(acknowledged[&number], left.is_some(), "{:?} {}", manner, number);
            }
            prop_assert_eq!(engine.sound_journal(), expected);
            Ok(())
        })
        .expect("data and journal in step");
}

/// A task of its own, so that writers really run at the same time.
async fn tokio_task<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(work).await.expect("no panic")
}

#[test]
fn sqlite() {
    hold(&Engine::sqlite(), 40);
}

#[test]
fn postgres() {
    hold(&Engine::postgres(), 20);
}
