//! What goes wrong underneath: a COMMIT that fails, a full disk, a database that somebody else holds,
//! a connection that is cut. An answer is then an error, and the next write works.

use crate::engine::{Engine, PERMIT, keep, on_both_engines, wait};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use futures_util::future::join_all;
use preau::store::{StoreError, Tx};
use std::time::{Duration, Instant};

/// Does something that only the COMMIT will refuse.
fn poison(tx: &mut Tx<'_>, postgres: bool, number: i64) -> Result<(), StoreError> {
    let sql = if postgres {
        format!("INSERT INTO late (sequence) VALUES (-{number})")
    } else {
        format!("PRAGMA defer_foreign_keys = ON; INSERT INTO known_device VALUES (-{number}, 'x', 0)")
    };
    Ok(tx.conn().batch_execute(&sql)?)
}

on_both_engines! {
    fn a_commit_that_fails_acknowledges_nobody(engine: &Engine) {
        let postgres = engine.is_postgres();
        if postgres {
            engine.outside(
                "CREATE TABLE late (sequence BIGINT REFERENCES journal (sequence) DEFERRABLE INITIALLY DEFERRED)",
            );
        }
        engine.write(1).expect("a write");
        let entries = engine.sound_journal();
        let answers = wait(join_all((2..6).map(|number| {
            engine.store.write::<_, StoreError, _>(&PERMIT, move |tx| {
                keep(tx, number)?;
                poison(tx, postgres, number)
            })
        })));
        for answer in &answers {
            assert!(matches!(answer, Err(StoreError::NotCommitted(_))), "{answer:?}");
        }
        assert!((2..6).all(|number| !engine.holds(number)));
        assert_eq!(engine.sound_journal(), entries);
        engine.write(7).expect("the next write");
        assert_eq!(engine.sound_journal(), entries + 1);
    }

    fn a_database_held_by_somebody_else_is_busy_and_nothing_hangs(engine: &Engine) {
        engine.write(1).expect("a write");
        let (held, is_held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (url, postgres) = (engine.url.clone(), engine.is_postgres());
        let holder = std::thread::spawn(move || {
            let sql = "UPDATE journal_head SET sequence = sequence";
            if postgres {
                let mut other = <diesel::PgConnection as diesel::Connection>::establish(&url).expect("a connection");
                other.batch_execute(&format!("BEGIN; {sql}")).expect("a lock");
                held.send(()).expect("the test waits");
                released.recv().ok();
            } else {
                let path = url.strip_prefix("sqlite:").expect("SQLite");
                let mut other = <diesel::SqliteConnection as diesel::Connection>::establish(path).expect("a connection");
                other.batch_execute(&format!("BEGIN IMMEDIATE; {sql}")).expect("a lock");
                held.send(()).expect("the test waits");
                released.recv().ok();
            }
        });
        is_held.recv().expect("the lock is held");
        let begun = Instant::now();
        let answer = engine.write(2);
        assert!(matches!(answer, Err(StoreError::Busy)), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(9), "waited {:?}", begun.elapsed());
        drop(release);
        holder.join().expect("no panic");
        engine.write(3).expect("the next write");
        assert!(!engine.holds(2) && engine.holds(3));
        engine.sound_journal();
    }
}

#[test]
fn a_full_disk_is_an_error_for_those_it_concerns_and_passes() {
    let engine = Engine::sqlite();
    engine.write(1).expect("a write");
    let limit = |pages: &'static str| {
        engine.store.write_blocking::<_, StoreError, _>(&PERMIT, move |tx| {
            tx.conn().batch_execute(pages).map_err(StoreError::from)
        })
    };
    // The disk ends where the file ends now (SQLite takes its present size for a smaller limit). It is a
    // setting of the writer's connection, and goes when a lost batch makes it open another.
    limit("PRAGMA max_page_count = 1").expect("a limit");
    let answers = wait(join_all((2..40).map(|number| {
        engine.store.write::<_, StoreError, _>(&PERMIT, move |tx| {
            if number == 20 {
                tx.keep("large", &vec![7; 4 << 20])?;
            }
            keep(tx, number)
        })
    })));
    assert!(answers[18].is_err(), "four megabytes on a full disk");
    for (number, answer) in (2..40).zip(&answers) {
        assert_eq!(answer.is_ok(), engine.holds(number), "write {number}: {answer:?}");
    }
    engine.sound_journal();
    limit("PRAGMA max_page_count = 4294967294").expect("room again");
    engine.write(50).expect("the next write");
    engine.sound_journal();
}

const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name LIKE 'preau-%'";

#[test]
fn connections_cut_while_idle_are_not_even_noticed() {
    let engine = Engine::postgres();
    engine.write(1).expect("a write");
    engine.outside(CUT);
    engine.write(2).expect("a write on a new connection");
    engine.outside(CUT);
    assert!(engine.holds(1) && engine.holds(2));
    engine.sound_journal();
}

#[test]
fn a_connection_cut_within_a_write_loses_that_batch_and_no_other() {
    let engine = Engine::postgres();
    engine.write(1).expect("a write");
    let url = engine.url.clone();
    let cut = engine.store.write_blocking::<_, StoreError, _>(&PERMIT, move |tx| {
        keep(tx, 2)?;
        let mut other = <diesel::PgConnection as diesel::Connection>::establish(&url).expect("a connection");
        diesel::sql_query(CUT).execute(&mut other)?;
        Ok(())
    });
    assert!(cut.is_err(), "the transaction is gone");
    engine.write(3).expect("the next write");
    assert!(!engine.holds(2) && engine.holds(1) && engine.holds(3));
    assert_eq!(engine.sound_journal(), 2);
}
