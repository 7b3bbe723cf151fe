//! The only SQL on stored files.

use super::Staged;
use crate::store::schema::stored_file;
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// What a file hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerKind {
    /// An entry of the lesson log.
    Homework,
    /// A pupil's hand-in.
    Submission,
    /// A lesson: a document shown in its live room.
    Lesson,
}

impl OwnerKind {
    const fn word(self) -> &'static str {
        match self {
            OwnerKind::Homework => "homework",
            OwnerKind::Submission => "submission",
            OwnerKind::Lesson => "lesson",
        }
    }
}

/// A file as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// Names it in addresses.
    pub token: String,
    /// Its safe name.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
}

/// A file with where its bytes lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The identifier of what it hangs on.
    pub owner: i64,
    /// Its safe name.
    pub file_name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: i64,
    /// Where its bytes lie.
    pub object_key: String,
}

/// Hangs staged files on something.
///
/// # Errors
/// The engine's.
pub fn attach(tx: &mut Tx<'_>, kind: OwnerKind, owner: i64, files: &[Staged]) -> QueryResult<()> {
    let now = tx.now();
    for file in files {
        diesel::insert_into(stored_file::table)
            .values((
                stored_file::id.eq(crate::ids::next_id()),
                stored_file::token.eq(&file.token),
                stored_file::owner_kind.eq(kind.word()),
                stored_file::owner_id.eq(owner),
                stored_file::file_name.eq(&file.file_name),
                stored_file::media_type.eq(file.media_type),
                stored_file::size_bytes.eq(file.size),
                stored_file::sha256.eq(&file.sha256),
                stored_file::object_key.eq(&file.object_key),
                stored_file::created_at.eq(now),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// The files of several owners of one kind, in the order they were attached.
///
/// # Errors
/// The engine's.
pub fn files_of(conn: &mut Conn, kind: OwnerKind, owners: &[i64]) -> QueryResult<Vec<(i64, FileLine)>> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, String, String, i64)> = stored_file::table
        .filter(stored_file::owner_kind.eq(kind.word()))
        .filter(stored_file::owner_id.eq_any(owners.to_vec()))
        .order(stored_file::id)
        .select((stored_file::owner_id, stored_file::token, stored_file::file_name, stored_file::size_bytes))
        .load(conn)?;
    Ok(rows.into_iter().map(|(owner, token, name, size)| (owner, FileLine { token, name, size })).collect())
}

/// The file with this token, if it hangs on this kind of thing.
///
/// # Errors
/// The engine's.
pub fn file_by_token(conn: &mut Conn, kind: OwnerKind, token: &str) -> QueryResult<Option<StoredFile>> {
    let row: Option<(i64, String, String, i64, String)> = stored_file::table
        .filter(stored_file::token.eq(token))
        .filter(stored_file::owner_kind.eq(kind.word()))
        .select((
            stored_file::owner_id,
            stored_file::file_name,
            stored_file::media_type,
            stored_file::size_bytes,
            stored_file::object_key,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(owner, file_name, media_type, size, object_key)| StoredFile {
        owner,
        file_name,
        media_type,
        size,
        object_key,
    }))
}

/// Takes one file off; returns where its bytes lie, for [`super::FileStore::discard`] after the commit.
///
/// # Errors
/// The engine's.
pub fn detach(tx: &mut Tx<'_>, kind: OwnerKind, owner: i64, token: &str) -> QueryResult<Vec<String>> {
    let keys: Vec<String> = stored_file::table
        .filter(stored_file::token.eq(token))
        .filter(stored_file::owner_kind.eq(kind.word()))
        .filter(stored_file::owner_id.eq(owner))
        .select(stored_file::object_key)
        .load(tx.conn())?;
    if !keys.is_empty() {
        diesel::delete(stored_file::table.filter(stored_file::token.eq(token))).execute(tx.conn())?;
    }
    Ok(keys)
}

/// Takes all files off several owners; returns where their bytes lie.
///
/// # Errors
/// The engine's.
pub fn detach_all(tx: &mut Tx<'_>, kind: OwnerKind, owners: &[i64]) -> QueryResult<Vec<String>> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let of_owners = stored_file::table
        .filter(stored_file::owner_kind.eq(kind.word()))
        .filter(stored_file::owner_id.eq_any(owners.to_vec()));
    let keys = of_owners.clone().select(stored_file::object_key).load(tx.conn())?;
    let ids: Vec<i64> = of_owners.select(stored_file::id).load(tx.conn())?;
    diesel::delete(stored_file::table.filter(stored_file::id.eq_any(ids))).execute(tx.conn())?;
    Ok(keys)
}
