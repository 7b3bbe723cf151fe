//! Activation codes: stored as their HMAC, one open code a person.

use crate::ids::{Millis, PersonId};
use crate::store::schema::{activation_code, person};
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// The person whose code this is, unless it was used, is too old, or the person has left.
pub(in crate::identity) fn find_code(
    conn: &mut Conn,
    hash: &[u8; 32],
    now: Millis,
) -> QueryResult<Option<PersonId>> {
    activation_code::table
        .inner_join(person::table.on(person::id.eq(activation_code::person_id)))
        .filter(activation_code::code_hash.eq(hash.to_vec()))
        .filter(activation_code::used_at.is_null())
        .filter(activation_code::expires_at.gt(now))
        .filter(person::removed_at.is_null())
        .select(activation_code::person_id)
        .first(conn)
        .optional()
}

/// Replaces the person's unused codes by this one.
pub(in crate::identity) fn replace_code(
    tx: &mut Tx<'_>,
    who: PersonId,
    hash: &[u8; 32],
    now: Millis,
    expires_at: Millis,
) -> QueryResult<()> {
    diesel::delete(
        activation_code::table
            .filter(activation_code::person_id.eq(who))
            .filter(activation_code::used_at.is_null()),
    )
    .execute(tx.conn())?;
    diesel::insert_into(activation_code::table)
        .values((
            activation_code::code_hash.eq(hash.to_vec()),
            activation_code::person_id.eq(who),
            activation_code::created_at.eq(now),
            activation_code::expires_at.eq(expires_at),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Uses the code up; whether it was there to be used.
pub(in crate::identity) fn use_code(
    tx: &mut Tx<'_>,
    who: PersonId,
    hash: &[u8; 32],
    now: Millis,
) -> QueryResult<bool> {
    let used = diesel::update(
        activation_code::table
            .filter(activation_code::code_hash.eq(hash.to_vec()))
            .filter(activation_code::person_id.eq(who))
            .filter(activation_code::used_at.is_null())
            .filter(activation_code::expires_at.gt(now)),
    )
    .set(activation_code::used_at.eq(now))
    .execute(tx.conn())?;
    Ok(used == 1)
}
