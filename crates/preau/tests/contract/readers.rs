//! Readers: they cannot write, they see whole states, and none is left behind in an old one.

use crate::engine::{Engine, on_both_engines, panic_quietly, wait};
use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;
use preau::store::{Conn, Store, StoreError, keepsake};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

fn lines(store: &Store, sql: &'static str) -> Vec<String> {
    store
        .read_blocking::<_, StoreError>(|conn| Ok(diesel::sql_query(sql).load::<Line>(conn)?))
        .expect("a read")
        .into_iter()
        .map(|line| line.text)
        .collect()
}

fn count(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(keepsake(conn, "write-1")?.is_some())
}

on_both_engines! {
    fn a_reader_cannot_write(engine: &Engine) {
        for sql in ["DELETE FROM keepsake", "INSERT INTO keepsake (name, value) VALUES ('x', 'y')", "CREATE TABLE t (x INTEGER)"] {
            let written = engine
                .store
                .read_blocking::<_, StoreError>(|conn| Ok(diesel::sql_query(sql).execute(conn)?));
            assert!(matches!(written, Err(StoreError::Query(_))), "{sql}: {written:?}");
            let written = wait(
                engine.store.read::<_, StoreError, _>(move |conn| Ok(diesel::sql_query(sql).execute(conn)?)),
            );
            assert!(matches!(written, Err(StoreError::Query(_))), "{sql}: {written:?}");
        }
        engine.write(1).expect("the writer still can");
    }

    fn a_read_that_fails_or_panics_leaves_no_reader_behind_in_an_old_state(engine: &Engine) {
        let failed = engine.store.read_blocking::<(), StoreError>(|conn| {
            assert!(!count(conn)?);
            Err(StoreError::Busy)
        });
        assert!(matches!(failed, Err(StoreError::Busy)), "{failed:?}");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            engine.store.read_blocking::<(), StoreError>(|conn| {
                assert!(!count(conn)?);
                panic_quietly()
            })
        }));
        assert!(panicked.is_err());
        engine.write(1).expect("a write");
        // The same thread, and on PostgreSQL more reads than the pool has connections.
        for _ in 0..20 {
            assert!(engine.holds(1));
        }
    }

    fn a_read_inside_a_read_is_served(engine: &Engine) {
        engine.write(1).expect("a write");
        let store = &engine.store;
        let both = store.read_blocking::<_, StoreError>(|conn| Ok((count(conn)?, store.read_blocking(count)?)));
        assert!(matches!(both, Ok((true, true))), "{both:?}");
    }

    fn readers_go_on_while_a_write_is_under_way(engine: &Engine) {
        let (inside, wait_inside) = std::sync::mpsc::channel();
        let (finish, wait_finish) = std::sync::mpsc::channel::<()>();
        let writing = engine.store.clone();
        let writer = std::thread::spawn(move || {
            writing.write_blocking::<_, StoreError, _>(&crate::engine::PERMIT, move |tx| {
                crate::engine::keep(tx, 1)?;
                inside.send(()).ok();
                wait_finish.recv_timeout(std::time::Duration::from_secs(20)).ok();
                Ok(())
            })
        });
        wait_inside.recv().expect("the write has begun");
        assert!(!engine.holds(1), "an open write is seen by nobody");
        finish.send(()).expect("the write waits");
        writer.join().expect("no panic").expect("written");
        assert!(engine.holds(1));
    }
}

#[test]
fn sqlite_is_set_up_as_the_promise_needs_it() {
    let engine = Engine::sqlite();
    // Without this, two readers wait for one another at every allocation (`.cargo/config.toml`).
    let options = lines(&engine.store, "SELECT compile_options AS text FROM pragma_compile_options");
    assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    assert_eq!(lines(&engine.store, "SELECT journal_mode AS text FROM pragma_journal_mode"), ["wal"]);
    let synchronous = engine
        .store
        .write_blocking::<_, StoreError, _>(&crate::engine::PERMIT, |tx| {
            let sql = "SELECT CAST(synchronous AS TEXT) || CAST(foreign_keys AS TEXT) AS text \
                       FROM pragma_synchronous, pragma_foreign_keys";
            Ok(diesel::sql_query(sql).load::<Line>(tx.conn())?)
        })
        .expect("a write");
    // 2 is FULL: every commit waits for the disk.
    assert_eq!(synchronous[0].text, "21");
}

#[test]
fn a_store_opened_to_read_creates_nothing_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("not-there.db").display());
    let error = Store::open_to_read(&url).map(|_| ()).expect_err("refused").to_string();
    assert!(error.contains("not-there.db") && error.contains("no such file"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);

    let engine = Engine::sqlite();
    let reading = Store::open_to_read(&engine.url).expect("a store");
    let refused = reading.write_blocking(&crate::engine::PERMIT, |tx| crate::engine::keep(tx, 1));
    assert!(matches!(refused, Err(StoreError::NotCommitted(_))), "{refused:?}");
}
