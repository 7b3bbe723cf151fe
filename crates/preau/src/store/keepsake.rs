//! Small values that outlive a restart and belong to nobody: signing keys, the gate's snapshot.

use super::schema::keepsake;
use super::{Conn, Store, StoreError, Tx};
use crate::access::SystemPermit;
use diesel::prelude::*;

/// The value kept under `name`, if any.
///
/// # Errors
/// The engine's.
pub fn keepsake(conn: &mut Conn, name: &str) -> QueryResult<Option<Vec<u8>>> {
    keepsake::table.find(name).select(keepsake::value).first(conn).optional()
}

impl Tx<'_> {
    /// Keeps `value` under `name`, in place of what was there.
    ///
    /// # Errors
    /// The engine's.
    pub fn keep(&mut self, name: &str, value: &[u8]) -> QueryResult<()> {
        let changed =
            diesel::update(keepsake::table.find(name)).set(keepsake::value.eq(value)).execute(self.conn())?;
        if changed == 0 {
            diesel::insert_into(keepsake::table)
                .values((keepsake::name.eq(name), keepsake::value.eq(value)))
                .execute(self.conn())?;
        }
        Ok(())
    }
}

/// Thirty-two secret bytes kept under `name`; made from the system's randomness the first time.
///
/// # Errors
/// The store's, or no randomness.
pub fn secret_or_fresh(store: &Store, name: &'static str) -> Result<[u8; 32], StoreError> {
    store.write_blocking(&SystemPermit::KeepSecret, move |tx| {
        if let Some(found) = keepsake(tx.conn(), name)? {
            return <[u8; 32]>::try_from(found.as_slice())
                .map_err(|_| StoreError::NotCommitted(format!("the secret {name:?} is damaged")));
        }
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| StoreError::NotCommitted(format!("no randomness: {error}")))?;
        tx.keep(name, &secret)?;
        Ok(secret)
    })
}
