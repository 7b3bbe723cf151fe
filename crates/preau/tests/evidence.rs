//! `preau evidence verify` against somebody who has the database in hand: every way of changing what was
//! written down is found, and the first broken entry named.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use preau::access::SystemPermit;
use preau::evidence::{Finding, walk};
use preau::store::{Store, StoreError};
use preau_evidence::{Entry, Fault, Head};

/// Nine entries.
fn journal() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("preau.db").display());
    let store = Store::open(&url).expect("a store");
    for number in 1..=9 {
        store
            .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
                tx.note("homework", number);
                Ok(())
            })
            .expect("a write");
    }
    (folder, url)
}

/// Somebody with the file in hand, who knows to drop the triggers first.
fn intruder(url: &str, sql: &str) {
    let path = url.strip_prefix("sqlite:").expect("SQLite");
    let mut conn = SqliteConnection::establish(path).expect("a connection");
    conn.batch_execute("DROP TRIGGER IF EXISTS journal_no_update; DROP TRIGGER IF EXISTS journal_no_delete")
        .expect("no triggers any more");
    conn.batch_execute(sql).expect("tampered");
}

fn found(url: &str, noted: Option<&str>) -> Finding {
    walk(&Store::open_to_read(url).expect("a store"), noted).expect("a walk")
}

fn after(sql: &str) -> Finding {
    let (_folder, url) = journal();
    assert!(matches!(found(&url, None), Finding::Sound(head) if head.sequence == 9));
    intruder(&url, sql);
    found(&url, None)
}

/// The number of the entry that a finding names, with the reason.
fn named(finding: &Finding) -> (Fault, Option<i64>) {
    match finding {
        Finding::Broken(fault, entry) => (fault.clone(), entry.as_ref().map(|entry| entry.sequence)),
        other => panic!("not broken: {other:?}"),
    }
}

#[test]
fn every_field_of_an_entry_is_guarded() {
    for change in [
        "at_ms = at_ms + 1",
        "actor = 'person:1'",
        "action = 'nothing'",
        "object_kind = 'mark'",
        "object_id = object_id + 1",
        "hash = x'00'",
        "hash = zeroblob(32)",
    ] {
        let finding = after(&format!("UPDATE journal SET {change} WHERE sequence = 4"));
        assert_eq!(named(&finding), (Fault::Altered { sequence: 4 }, Some(4)), "{change}");
    }
}

#[test]
fn a_deleted_entry_is_named_by_the_one_that_follows() {
    let finding = after("DELETE FROM journal WHERE sequence = 4");
    assert_eq!(named(&finding), (Fault::Sequence { expected: 4, found: 5 }, Some(5)));
    let finding = after("DELETE FROM journal WHERE sequence = 1");
    assert_eq!(named(&finding), (Fault::Sequence { expected: 1, found: 2 }, Some(2)));
}

#[test]
fn closing_the_gap_of_a_deleted_entry_does_not_help() {
    let finding = after(
        "DELETE FROM journal WHERE sequence = 4;
         UPDATE journal SET sequence = -sequence WHERE sequence > 4;
         UPDATE journal SET sequence = -sequence - 1 WHERE sequence < 0;
         UPDATE journal_head SET sequence = 8",
    );
    assert_eq!(named(&finding), (Fault::Altered { sequence: 4 }, Some(4)));
}

#[test]
fn two_entries_that_changed_places_are_found() {
    let finding = after(
        "UPDATE journal SET sequence = -1 WHERE sequence = 3;
         UPDATE journal SET sequence = 3 WHERE sequence = 6;
         UPDATE journal SET sequence = 6 WHERE sequence = -1",
    );
    assert_eq!(named(&finding), (Fault::Altered { sequence: 3 }, Some(3)));
}

#[test]
fn a_cut_off_end_is_found() {
    let finding = after("DELETE FROM journal WHERE sequence > 6");
    assert_eq!(named(&finding), (Fault::End { expected: 9, found: 6 }, None));
    let finding = after("DELETE FROM journal");
    assert_eq!(named(&finding), (Fault::End { expected: 9, found: 0 }, None));
}

#[test]
fn an_entry_added_past_the_head_is_found() {
    let finding = after(
        "INSERT INTO journal SELECT 10, at_ms, actor, action, object_kind, object_id, hash FROM journal WHERE sequence = 9",
    );
    assert_eq!(named(&finding), (Fault::End { expected: 9, found: 10 }, None));
    let finding = after(
        "INSERT INTO journal SELECT 0, at_ms, actor, action, object_kind, object_id, hash FROM journal WHERE sequence = 9;
         UPDATE journal SET sequence = -5 WHERE sequence = 0",
    );
    assert!(matches!(finding, Finding::Broken(..)), "an entry before the first: {finding:?}");
}

#[test]
fn a_replaced_or_missing_head_is_found() {
    assert_eq!(
        named(&after("UPDATE journal_head SET hash = zeroblob(32)")),
        (Fault::End { expected: 9, found: 9 }, None)
    );
    assert_eq!(named(&after("UPDATE journal_head SET sequence = 8")).1, None);
    assert_eq!(
        named(&after("UPDATE journal_head SET sequence = 12")),
        (Fault::End { expected: 12, found: 9 }, None)
    );
    assert_eq!(after("UPDATE journal_head SET hash = x'0102'"), Finding::Headless);
    assert_eq!(after("DELETE FROM journal_head"), Finding::Headless);
}

#[test]
fn a_journal_rewritten_as_a_whole_holds_only_until_it_meets_a_head_noted_elsewhere() {
    let (_folder, url) = journal();
    let Finding::Sound(noted) = found(&url, None) else { panic!("sound at first") };
    assert_eq!(found(&url, Some(&noted.hex())), Finding::Sound(noted));

    // A patient intruder: changes entry 4, then computes every hash and the head anew.
    let store = Store::open_to_read(&url).expect("a store");
    let lines = store
        .read_blocking::<_, StoreError>(|conn| Ok(preau::store::journal_lines(conn, 0, 100)?))
        .expect("the journal");
    let mut head = Head::EMPTY;
    let mut sql = String::new();
    for line in lines {
        let mut entry: Entry = line.entry;
        if entry.sequence == 4 {
            entry.actor = "person:1".into();
        }
        head = head.append(&mut entry);
        sql += &format!(
            "UPDATE journal SET actor = '{}', hash = x'{}' WHERE sequence = {};",
            entry.actor,
            head.hex(),
            entry.sequence
        );
    }
    sql += &format!("UPDATE journal_head SET hash = x'{}'", head.hex());
    intruder(&url, &sql);
    assert_eq!(found(&url, None), Finding::Sound(head), "in itself it holds");
    assert_eq!(found(&url, Some(&noted.hex())), Finding::Replaced(head));
}

#[test]
fn a_noted_head_stays_good_while_the_journal_grows() {
    let (_folder, url) = journal();
    let Finding::Sound(noted) = found(&url, None) else { panic!("sound at first") };
    let store = Store::open(&url).expect("a store");
    store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |_| Ok(())).expect("a write");
    assert!(
        matches!(found(&url, Some(&noted.hex().to_uppercase())), Finding::Sound(head) if head.sequence == 10)
    );
    // Cut back to before it was noted, with a head to fit.
    let lines = store
        .read_blocking::<_, StoreError>(|conn| Ok(preau::store::journal_lines(conn, 4, 1)?))
        .expect("a read");
    let hash: String = lines[0].hash.iter().map(|byte| format!("{byte:02x}")).collect();
    intruder(
        &url,
        &format!(
            "DELETE FROM journal WHERE sequence > 5; UPDATE journal_head SET sequence = 5, hash = x'{hash}'"
        ),
    );
    assert!(matches!(found(&url, None), Finding::Sound(head) if head.sequence == 5));
    assert!(matches!(found(&url, Some(&noted.hex())), Finding::Replaced(head) if head.sequence == 5));
}
