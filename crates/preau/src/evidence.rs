//! `preau evidence verify`: the walk along the stored journal.

use crate::store::{Store, StoreError, journal_head, journal_lines};
use preau_evidence::Verifier;
use std::process::ExitCode;

/// Lines read at once: about a megabyte.
const PAGE: i64 = 4_096;

/// Walks the whole journal in constant memory and prints what it found. `expected` is a head's hash
/// (hexadecimal) that was noted elsewhere: it must be the hash of some entry, else the end was replaced.
///
/// # Errors
/// The store's. A journal that does not hold is no error but exit code 1.
pub fn verify(store: &Store, expected: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut verifier = Verifier::default();
    let mut last = 0;
    let mut seen = expected.is_none();
    // The head first: what a running server appends meanwhile is for the next walk.
    let noted = store.read_blocking::<_, StoreError>(|conn| Ok(journal_head(conn)?))?;
    while last < noted.sequence {
        let limit = PAGE.min(noted.sequence - last);
        let lines = store.read_blocking::<_, StoreError>(|conn| Ok(journal_lines(conn, last, limit)?))?;
        let Some(end) = lines.last() else { break };
        last = end.entry.sequence;
        for line in &lines {
            if let Err(fault) = verifier.next(&line.entry, &line.hash) {
                println!("BROKEN: {fault}");
                println!("  actor {}, action {}, {} {}", line.entry.actor, line.entry.action, line.entry.object_kind, line.entry.object_id);
                return Ok(ExitCode::FAILURE);
            }
            let hex: String = line.hash.iter().map(|byte| format!("{byte:02x}")).collect();
            seen |= expected.is_some_and(|expected| expected.eq_ignore_ascii_case(&hex));
        }
    }
    match verifier.finish(Some(noted)) {
        Err(fault) => {
            println!("BROKEN: {fault}");
            Ok(ExitCode::FAILURE)
        }
        Ok(head) if !seen => {
            println!("BROKEN: no entry has the hash that was noted; the journal up to entry {} is another one", head.sequence);
            Ok(ExitCode::FAILURE)
        }
        Ok(head) => {
            println!("OK: {} entries, head {}", head.sequence, head.hex());
            Ok(ExitCode::SUCCESS)
        }
    }
}
