//! The files that teachers gave out with homework, for other parts of the platform: a lesson may show one.

use super::model::{Homework, HomeworkId};
use super::policy::ReadHomework;
use super::store;
use crate::access::Actor;
use crate::files::{self, FileLine, OwnerKind, StoredFile};
use crate::ids::GroupId;
use crate::store::Conn;
use diesel::QueryResult;

/// Entries that are looked through for files: a term of one class.
const ENTRIES: i64 = 60;

/// The files given out to some classes and groups lately, the newest entry's first, as far as `actor` may
/// read them.
///
/// # Errors
/// The engine's.
pub fn given_out(conn: &mut Conn, actor: &Actor, groups: &[GroupId]) -> QueryResult<Vec<FileLine>> {
    let scope = actor.scope::<Homework, ReadHomework>();
    let entries = store::newest(conn, &scope, groups, ENTRIES)?;
    let owners: Vec<i64> = entries.iter().map(|id| id.get()).collect();
    let mut found = files::files_of(conn, OwnerKind::Homework, &owners)?;
    found.sort_by_key(|(owner, _)| owners.iter().position(|one| one == owner));
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

/// The file with this token, if it was given out with homework, and for which class or group. Whoever sends it
/// has a permit of their own for that: this asks nobody.
///
/// # Errors
/// The engine's.
pub fn given_out_by_token(conn: &mut Conn, token: &str) -> QueryResult<Option<(StoredFile, GroupId)>> {
    let Some(file) = files::file_by_token(conn, OwnerKind::Homework, token)? else { return Ok(None) };
    let homework = store::find(conn, HomeworkId::from_raw(file.owner))?;
    Ok(homework.map(|homework| (file, homework.group)))
}
