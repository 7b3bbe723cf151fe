//! Sessions and known devices.

use crate::ids::{Millis, PersonId};
use crate::store::schema::{account, known_device, session};
use crate::store::{Conn, Tx};
use crate::ui::{Lang, Spacing, Theme};
use diesel::prelude::*;

/// A session that is valid now, with the display choices of its person.
pub(in crate::identity) struct SessionRow {
    pub(in crate::identity) person: PersonId,
    pub(in crate::identity) expires_at: Millis,
    pub(in crate::identity) personal: bool,
    pub(in crate::identity) lang: Lang,
    pub(in crate::identity) theme: Theme,
    pub(in crate::identity) spacing: Spacing,
}

/// The session with this hash, unless it expired or its account is blocked.
pub(in crate::identity) fn live_session(
    conn: &mut Conn,
    hash: &[u8; 32],
    now: Millis,
) -> QueryResult<Option<SessionRow>> {
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
pub(in crate::identity) struct NewSession {
    pub(in crate::identity) hash: [u8; 32],
    pub(in crate::identity) person: PersonId,
    pub(in crate::identity) device: String,
    pub(in crate::identity) now: Millis,
    pub(in crate::identity) expires_at: Millis,
    pub(in crate::identity) personal: bool,
}

/// Most sessions of one person; the oldest gives way.
const MOST_SESSIONS: i64 = 50;
/// Most devices that are remembered of one person.
const MOST_DEVICES: i64 = 20;

/// Opens a session, and clears away those of the person that are over.
pub(in crate::identity) fn insert_session(tx: &mut Tx<'_>, new: &NewSession) -> QueryResult<()> {
    tx.note_as("session.open", "person", new.person.get());
    diesel::delete(
        session::table.filter(session::person_id.eq(new.person)).filter(session::expires_at.le(new.now)),
    )
    .execute(tx.conn())?;
    let surplus: Vec<Vec<u8>> = session::table
        .filter(session::person_id.eq(new.person))
        .order(session::created_at.desc())
        .offset(MOST_SESSIONS - 1)
        .limit(MOST_SESSIONS)
        .select(session::token_hash)
        .load(tx.conn())?;
    if !surplus.is_empty() {
        diesel::delete(session::table.filter(session::token_hash.eq_any(surplus))).execute(tx.conn())?;
    }
    diesel::insert_into(session::table)
        .values((
            session::token_hash.eq(new.hash.to_vec()),
            session::person_id.eq(new.person),
            session::device_id.eq(&new.device),
            session::created_at.eq(new.now),
            session::expires_at.eq(new.expires_at),
            session::personal_device.eq(new.personal),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Notes that the person signed in from this device.
pub(in crate::identity) fn remember_device(
    tx: &mut Tx<'_>,
    who: PersonId,
    device: &str,
    now: Millis,
) -> QueryResult<()> {
    let own = known_device::table.filter(known_device::person_id.eq(who));
    let seen = diesel::update(own.filter(known_device::device_id.eq(device)))
        .set(known_device::last_used_at.eq(now))
        .execute(tx.conn())?;
    if seen > 0 {
        return Ok(());
    }
    let surplus: Vec<String> = own
        .order(known_device::last_used_at.desc())
        .offset(MOST_DEVICES - 1)
        .limit(MOST_DEVICES)
        .select(known_device::device_id)
        .load(tx.conn())?;
    if !surplus.is_empty() {
        diesel::delete(own.filter(known_device::device_id.eq_any(surplus))).execute(tx.conn())?;
    }
    diesel::insert_into(known_device::table)
        .values((
            known_device::person_id.eq(who),
            known_device::device_id.eq(device),
            known_device::last_used_at.eq(now),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Closes one session; whether there was one.
pub(in crate::identity) fn close_session(tx: &mut Tx<'_>, hash: &[u8; 32]) -> QueryResult<bool> {
    let closed =
        diesel::delete(session::table.filter(session::token_hash.eq(hash.to_vec()))).execute(tx.conn())?;
    Ok(closed > 0)
}

/// Closes every session of a person and forgets the devices; returns how many sessions there were.
pub(in crate::identity) fn close_all(tx: &mut Tx<'_>, who: PersonId) -> QueryResult<usize> {
    tx.note_as("session.close_all", "person", who.get());
    diesel::delete(known_device::table.filter(known_device::person_id.eq(who))).execute(tx.conn())?;
    diesel::delete(session::table.filter(session::person_id.eq(who))).execute(tx.conn())
}

/// A session as its owner sees it.
pub(in crate::identity) struct SessionLine {
    pub(in crate::identity) hash: Vec<u8>,
    pub(in crate::identity) created_at: Millis,
    pub(in crate::identity) personal: bool,
}

/// The person's sessions, the youngest first.
pub(in crate::identity) fn sessions_of(
    conn: &mut Conn,
    who: PersonId,
    now: Millis,
) -> QueryResult<Vec<SessionLine>> {
    let rows: Vec<(Vec<u8>, Millis, bool)> = session::table
        .filter(session::person_id.eq(who))
        .filter(session::expires_at.gt(now))
        .order(session::created_at.desc())
        .limit(MOST_SESSIONS)
        .select((session::token_hash, session::created_at, session::personal_device))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(hash, created_at, personal)| SessionLine { hash, created_at, personal })
        .collect())
}
