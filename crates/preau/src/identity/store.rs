//! The only SQL on accounts, sessions, activation codes and known devices.

use crate::ids::{Millis, PersonId};
use crate::store::schema::{account, session};
use crate::store::{Conn, Tx};
use crate::ui::{Lang, Spacing, Theme};
use diesel::prelude::*;

/// A session that is valid now, with the display choices of its person.
pub(super) struct SessionRow {
    pub(super) person: PersonId,
    pub(super) expires_at: Millis,
    pub(super) personal: bool,
    pub(super) lang: Lang,
    pub(super) theme: Theme,
    pub(super) spacing: Spacing,
}

/// The session with this hash, unless it expired or its account is blocked.
pub(super) fn live_session(conn: &mut Conn, hash: &[u8; 32], now: Millis) -> QueryResult<Option<SessionRow>> {
    let row: Option<(PersonId, Millis, bool, String, String, String)> = session::table
        .inner_join(account::table.on(account::person_id.eq(session::person_id)))
        .filter(session::token_hash.eq(hash.to_vec()))
        .filter(session::expires_at.gt(now))
        .filter(account::blocked.eq(false))
        .select((
            session::person_id,
            session::expires_at,
            session::personal_device,
            account::language,
            account::theme,
            account::spacing,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(person, expires_at, personal, lang, theme, spacing)| SessionRow {
        person,
        expires_at,
        personal,
        lang: Lang::from_code(&lang).unwrap_or_default(),
        theme: Theme::from_code(&theme),
        spacing: Spacing::from_code(&spacing),
    }))
}

/// A session about to be opened.
pub(super) struct NewSession {
    pub(super) hash: [u8; 32],
    pub(super) person: PersonId,
    pub(super) device: String,
    pub(super) expires_at: Millis,
    pub(super) personal: bool,
}

/// Opens a session.
pub(super) fn insert_session(tx: &mut Tx<'_>, new: &NewSession) -> QueryResult<()> {
    let now = tx.now();
    tx.note_as("session.open", "person", new.person.get());
    diesel::insert_into(session::table)
        .values((
            session::token_hash.eq(new.hash.to_vec()),
            session::person_id.eq(new.person),
            session::device_id.eq(&new.device),
            session::created_at.eq(now),
            session::expires_at.eq(new.expires_at),
            session::personal_device.eq(new.personal),
        ))
        .execute(tx.conn())
        .map(|_| ())
}
