//! The journal's rows: appended by the writer inside the transaction they speak of, read by the verifier.

use super::Conn;
use super::schema::{journal, journal_head as head_table};
use super::tx::Note;
use crate::ids::Millis;
use diesel::prelude::*;
use preau_evidence::Entry;
pub(super) use preau_evidence::Head;

/// An entry with the hash that stands beside it.
#[derive(Debug, Clone)]
pub struct JournalLine {
    /// What the line says.
    pub entry: Entry,
    /// The hash written beside it, as found.
    pub hash: Vec<u8>,
}

/// Reads the head and, on PostgreSQL, locks it: nodes that share a database take turns, and the chain
/// stays one chain.
pub(super) fn lock_head(conn: &mut Conn) -> QueryResult<Head> {
    let columns = (head_table::sequence, head_table::hash);
    let (sequence, hash): (i64, Vec<u8>) = match conn {
        Conn::Postgres(conn) => head_table::table.find(1).select(columns).for_update().first(conn)?,
        Conn::Sqlite(conn) => head_table::table.find(1).select(columns).first(conn)?,
    };
    head(sequence, &hash)
}

fn head(sequence: i64, hash: &[u8]) -> QueryResult<Head> {
    let hash = hash.try_into().map_err(|_| {
        diesel::result::Error::DeserializationError("the journal's head is not 32 bytes long".into())
    })?;
    Ok(Head { sequence, hash })
}

/// Notes the head beside the journal.
pub(super) fn save_head(conn: &mut Conn, head: Head) -> QueryResult<()> {
    diesel::update(head_table::table.find(1))
        .set((head_table::sequence.eq(head.sequence), head_table::hash.eq(head.hash.to_vec())))
        .execute(conn)
        .map(|_| ())
}

/// What one write has to say to the journal.
pub(super) struct Draft {
    pub(super) at_ms: Millis,
    pub(super) actor: String,
    pub(super) notes: Vec<Note>,
}

/// Rows in one statement: at seven values each, well below PostgreSQL's 65,535.
const ROWS: usize = 1_000;

/// Appends one entry a note and advances `head`.
pub(super) fn append(conn: &mut Conn, head: &mut Head, drafts: Vec<Draft>) -> QueryResult<()> {
    let mut rows = Vec::new();
    for Draft { at_ms, actor, notes } in drafts {
        for note in notes {
            let mut entry = Entry {
                sequence: 0,
                at_ms,
                actor: actor.clone(),
                action: note.action.to_owned(),
                object_kind: note.object_kind.to_owned(),
                object_id: note.object_id,
            };
            *head = head.append(&mut entry);
            rows.push((
                journal::sequence.eq(entry.sequence),
                journal::at_ms.eq(entry.at_ms),
                journal::actor.eq(entry.actor),
                journal::action.eq(entry.action),
                journal::object_kind.eq(entry.object_kind),
                journal::object_id.eq(entry.object_id),
                journal::hash.eq(head.hash.to_vec()),
            ));
        }
    }
    match conn {
        // In the same process a statement kept prepared is cheaper than a long one parsed each time;
        // over a socket it is the round trips that count.
        Conn::Sqlite(conn) => {
            for row in rows {
                diesel::insert_into(journal::table).values(row).execute(conn)?;
            }
        }
        Conn::Postgres(conn) => {
            let mut rows = rows.into_iter().peekable();
            while rows.peek().is_some() {
                let some: Vec<_> = rows.by_ref().take(ROWS).collect();
                diesel::insert_into(journal::table).values(some).execute(conn)?;
            }
        }
    }
    Ok(())
}

/// The head that was noted beside the journal; `None` where that note is missing or is no hash.
///
/// # Errors
/// The engine's.
pub fn journal_head(conn: &mut Conn) -> QueryResult<Option<Head>> {
    let noted: Option<(i64, Vec<u8>)> =
        head_table::table.find(1).select((head_table::sequence, head_table::hash)).first(conn).optional()?;
    Ok(noted.and_then(|(sequence, hash)| head(sequence, &hash).ok()))
}

/// The greatest sequence number in the journal; 0 when it is empty.
///
/// # Errors
/// The engine's.
pub fn journal_end(conn: &mut Conn) -> QueryResult<i64> {
    let end: Option<i64> = journal::table.select(diesel::dsl::max(journal::sequence)).first(conn)?;
    Ok(end.unwrap_or(0))
}

/// At most `limit` lines after the sequence number `after`, in order.
///
/// # Errors
/// The engine's.
pub fn journal_lines(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<JournalLine>> {
    let rows: Vec<(i64, i64, String, String, String, i64, Vec<u8>)> = journal::table
        .filter(journal::sequence.gt(after))
        .order(journal::sequence.asc())
        .limit(limit)
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(sequence, at_ms, actor, action, object_kind, object_id, hash)| JournalLine {
            entry: Entry { sequence, at_ms, actor, action, object_kind, object_id },
            hash,
        })
        .collect())
}
