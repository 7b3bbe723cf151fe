//! The journal: one entry a write at least, append-only, and one chain however many write.

use crate::engine::{Engine, PERMIT, keep, on_both_engines};
use diesel::connection::SimpleConnection as _;
use preau::store::{Store, StoreError, journal_lines};
use std::process::Command;

on_both_engines! {
    fn every_write_leaves_an_entry_that_says_who_did_what(engine: &Engine) {
        // Without a note: the permit's own resource. With notes: one entry each.
        engine.store.write_blocking::<_, StoreError, _>(&PERMIT, |_| Ok(())).expect("a write");
        engine
            .store
            .write_blocking::<_, StoreError, _>(&PERMIT, |tx| {
                tx.note("person", 7);
                tx.note_as("account.create", "account", 7);
                Ok(())
            })
            .expect("a write");
        let said: Vec<_> = engine
            .store
            .read_blocking::<_, StoreError>(|conn| Ok(journal_lines(conn, 0, 100)?))
            .expect("a read")
            .into_iter()
            .map(|line| {
                assert!(line.entry.at_ms > 1_700_000_000_000);
                let entry = line.entry;
                (entry.sequence, entry.actor, entry.action, entry.object_kind, entry.object_id)
            })
            .collect();
        let entry = |sequence, action: &str, kind: &str, id| {
            (sequence, "system:fill_demo".to_owned(), action.to_owned(), kind.to_owned(), id)
        };
        assert_eq!(
            said,
            [
                entry(1, "fill_demo", "system", 0),
                entry(2, "fill_demo", "person", 7),
                entry(3, "account.create", "account", 7),
            ]
        );
        assert_eq!(engine.sound_journal(), 3);
    }

    fn one_write_may_have_thousands_of_entries(engine: &Engine) {
        engine
            .store
            .write_blocking::<_, StoreError, _>(&PERMIT, |tx| {
                (0..2_500).for_each(|number| tx.note("person", number));
                Ok(())
            })
            .expect("a write");
        assert_eq!(engine.sound_journal(), 2_500);
    }

    fn the_journal_cannot_be_changed_even_by_the_writer(engine: &Engine) {
        engine.write(1).expect("a write");
        let mut statements = vec!["UPDATE journal SET actor = 'x'", "DELETE FROM journal"];
        if engine.is_postgres() {
            statements.push("TRUNCATE journal");
        } else {
            statements.push("INSERT OR REPLACE INTO journal SELECT sequence, 0, 'x', action, object_kind, object_id, hash FROM journal");
        }
        for sql in statements {
            let refused = engine
                .store
                .write_blocking::<_, StoreError, _>(&PERMIT, move |tx| Ok(tx.conn().batch_execute(sql)?));
            let error = refused.expect_err(sql).to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
        assert_eq!(engine.sound_journal(), 1);
    }

    fn processes_that_share_a_database_keep_one_chain(engine: &Engine) {
        let entries = engine.sound_journal();
        let mut others: Vec<_> = (1..=2_i64).map(|number| another_process(&engine.url, number * 1_000)).collect();
        for number in 1..=EACH {
            engine.write(number).expect("a write beside the others");
        }
        for other in &mut others {
            assert!(other.wait().expect("the other process").success());
        }
        assert_eq!(engine.sound_journal(), entries + 3 * EACH);
        assert!((1..=EACH).all(|number| engine.holds(number) && engine.holds(1_000 + number) && engine.holds(2_000 + number)));
    }
}

/// Writes of each process.
const EACH: i64 = 100;

/// This test program once more, to be a second process on the same database.
fn another_process(url: &str, from: i64) -> std::process::Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "chain::the_other_process", "--nocapture"])
        .env("PREAU_CONTRACT_URL", url)
        .env("PREAU_CONTRACT_FROM", from.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("another process")
}

#[test]
fn the_other_process() {
    // Only as the second process of another test; in an ordinary run there is nothing to do.
    let Ok(url) = std::env::var("PREAU_CONTRACT_URL") else { return };
    let from: i64 = std::env::var("PREAU_CONTRACT_FROM").expect("a number").parse().expect("a number");
    let store = Store::open(&url).expect("a store");
    for number in from + 1..=from + EACH {
        store.write_blocking(&PERMIT, move |tx| keep(tx, number)).expect("a write beside the others");
    }
}

#[test]
fn processes_that_create_a_database_at_once_agree() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        created_by_four(&format!("sqlite:{}", folder.path().join("new.db").display()));
    }
    let database = preau_testkit::Postgres::shared().expect("PostgreSQL").database().expect("a database");
    created_by_four(database.url());
}

fn created_by_four(url: &str) {
    let others: Vec<_> = (0..4_i64).map(|number| another_process(url, number * 1_000)).collect();
    for mut other in others {
        assert!(other.wait().expect("the other process").success());
    }
    let store = Store::open_to_read(url).expect("a store");
    let found = preau::evidence::walk(&store, None).expect("a walk");
    assert!(matches!(found, preau::evidence::Finding::Sound(head) if head.sequence == 4 * EACH), "{found:?}");
}
