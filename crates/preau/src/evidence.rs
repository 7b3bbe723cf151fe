//! `preau evidence verify`: the walk along the stored journal.
//!
//! It only reads, and opens nothing that is not there yet: a mistyped folder is an error, not a sound
//! journal of no entries. What an intruder who rewrites journal and head together leaves behind shows
//! only against a head that was noted elsewhere (`--head`).

use crate::store::{JournalLine, Store, StoreError, journal_end, journal_head, journal_lines};
use preau_evidence::{Entry, Fault, Head, Verifier};
use std::process::ExitCode;

/// Lines read at once: about a megabyte.
const PAGE: i64 = 4_096;

/// What a walk along the journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Every entry follows from the one before, up to the head noted beside the journal.
    Sound(Head),
    /// The first place that does not hold, with the entry that stands there, if one does.
    Broken(Fault, Option<Entry>),
    /// The head noted beside the journal is missing or is no hash.
    Headless,
    /// The journal holds in itself, but no entry has the hash that was noted elsewhere.
    Replaced(Head),
}

/// Walks the whole journal in constant memory. `expected` is a head's hash (hexadecimal) that was
/// noted elsewhere: it must be the hash of some entry, else the end was replaced. The server may be
/// running: what it appends meanwhile is for the next walk.
///
/// # Errors
/// The store's. A journal that does not hold is a [`Finding`], no error.
pub fn walk(store: &Store, expected: Option<&str>) -> Result<Finding, StoreError> {
    let mut verifier = Verifier::default();
    // From the very beginning, so that an entry smuggled in before the first is seen too.
    let mut last = i64::MIN;
    let mut seen = expected.is_none();
    // The end before the head: in between, the head can only move away from it.
    let end = store.read_blocking::<_, StoreError>(|conn| Ok(journal_end(conn)?))?;
    let Some(noted) = store.read_blocking::<_, StoreError>(|conn| Ok(journal_head(conn)?))? else {
        return Ok(Finding::Headless);
    };
    while last < noted.sequence {
        let lines = store.read_blocking::<_, StoreError>(|conn| Ok(journal_lines(conn, last, PAGE)?))?;
        let Some(furthest) = lines.last() else { break };
        last = furthest.entry.sequence;
        let up_to_the_head = |line: &JournalLine| line.entry.sequence <= noted.sequence;
        for JournalLine { entry, hash } in lines.into_iter().filter(up_to_the_head) {
            if let Err(fault) = verifier.next(&entry, &hash) {
                return Ok(Finding::Broken(fault, Some(entry)));
            }
            seen |= expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&hexadecimal(&hash)));
        }
    }
    match verifier.finish(Some(noted)) {
        Err(fault) => Ok(Finding::Broken(fault, None)),
        Ok(head) if end > head.sequence => {
            let fault = Fault::End { expected: head.sequence, found: end };
            Ok(Finding::Broken(fault, None))
        }
        Ok(head) if seen => Ok(Finding::Sound(head)),
        Ok(head) => Ok(Finding::Replaced(head)),
    }
}

fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Walks as [`walk`] does and prints what it found, the first broken entry by its number.
///
/// # Errors
/// The store's. A journal that does not hold is no error but exit code 1.
pub fn verify(store: &Store, expected: Option<&str>) -> anyhow::Result<ExitCode> {
    let finding = walk(store, expected)?;
    match &finding {
        Finding::Sound(head) => println!("OK: {} entries, head {}", head.sequence, head.hex()),
        Finding::Broken(fault, entry) => {
            println!("BROKEN: {fault}");
            if let Some(entry) = entry {
                println!(
                    "  actor {}, action {}, {} {}",
                    entry.actor, entry.action, entry.object_kind, entry.object_id
                );
            }
        }
        Finding::Headless => println!("BROKEN: the head noted beside the journal is missing or damaged"),
        Finding::Replaced(head) => println!(
            "BROKEN: no entry has the hash that was noted; the journal up to entry {} is another one",
            head.sequence
        ),
    }
    Ok(match finding {
        Finding::Sound(_) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
