//! Accounts: found by login for sign-in, made for people who have none, changed by their owners.

use crate::edge::Display;
use crate::ids::{Millis, PersonId};
use crate::store::schema::{account, known_device, person};
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// What a sign-in is checked against.
#[derive(Debug, Default)]
pub(in crate::identity) struct Credentials {
    /// Whose account, when there is one of this login whose person is still here.
    pub(in crate::identity) person: Option<PersonId>,
    /// Its password, as a PHC string; empty before the activation, when blocked and when there is no account.
    pub(in crate::identity) phc: String,
    /// Whether the account signed in from this device before.
    pub(in crate::identity) known: bool,
}

/// Looks a login up, with the same two queries whether or not it exists.
pub(in crate::identity) fn credentials(
    conn: &mut Conn,
    login: &str,
    device: &str,
) -> QueryResult<Credentials> {
    let row: Option<(PersonId, String, bool)> = account::table
        .inner_join(person::table.on(person::id.eq(account::person_id)))
        .filter(account::login.eq(login))
        .filter(person::removed_at.is_null())
        .select((account::person_id, account::password_hash, account::blocked))
        .first(conn)
        .optional()?;
    let (person, phc, blocked) = match row {
        Some((person, phc, blocked)) => (Some(person), phc, blocked),
        None => (None, String::new(), true),
    };
    let known: i64 = known_device::table
        .filter(known_device::person_id.eq(person.unwrap_or(PersonId::from_raw(0))))
        .filter(known_device::device_id.eq(device))
        .count()
        .get_result(conn)?;
    Ok(Credentials { person, phc: if blocked { String::new() } else { phc }, known: known > 0 })
}

/// Whether the account still has this password and is open: asked once more inside the write that opens
/// a session, because checking took its time.
pub(in crate::identity) fn still_has(conn: &mut Conn, who: PersonId, phc: &str) -> QueryResult<bool> {
    let found: i64 = account::table
        .filter(account::person_id.eq(who))
        .filter(account::password_hash.eq(phc))
        .filter(account::blocked.eq(false))
        .count()
        .get_result(conn)?;
    Ok(found > 0)
}

/// Login, whether a password was ever chosen, and whether the account is blocked.
pub(in crate::identity) fn account_line(
    conn: &mut Conn,
    who: PersonId,
) -> QueryResult<Option<(String, bool, bool)>> {
    let row: Option<(String, String, bool)> = account::table
        .find(who.get())
        .select((account::login, account::password_hash, account::blocked))
        .first(conn)
        .optional()?;
    Ok(row.map(|(login, phc, blocked)| (login, !phc.is_empty(), blocked)))
}

/// The person of a login, unless they have left.
pub(in crate::identity) fn person_of_login(conn: &mut Conn, login: &str) -> QueryResult<Option<PersonId>> {
    account::table
        .inner_join(person::table.on(person::id.eq(account::person_id)))
        .filter(account::login.eq(login))
        .filter(person::removed_at.is_null())
        .select(account::person_id)
        .first(conn)
        .optional()
}

/// The login of a person's account.
pub(in crate::identity) fn login_of_person(conn: &mut Conn, who: PersonId) -> QueryResult<Option<String>> {
    account::table.find(who.get()).select(account::login).first(conn).optional()
}

/// Gives the account this password (a PHC string) and opens it.
pub(in crate::identity) fn set_password(tx: &mut Tx<'_>, who: PersonId, phc: &str) -> QueryResult<usize> {
    diesel::update(account::table.filter(account::person_id.eq(who)))
        .set((account::password_hash.eq(phc), account::blocked.eq(false)))
        .execute(tx.conn())
}

/// Blocks the account until its next activation.
pub(in crate::identity) fn set_blocked(tx: &mut Tx<'_>, who: PersonId) -> QueryResult<usize> {
    diesel::update(account::table.filter(account::person_id.eq(who)))
        .set(account::blocked.eq(true))
        .execute(tx.conn())
}

/// Keeps the display choices.
pub(in crate::identity) fn set_display(
    tx: &mut Tx<'_>,
    who: PersonId,
    display: Display,
) -> QueryResult<usize> {
    diesel::update(account::table.filter(account::person_id.eq(who)))
        .set((
            account::language.eq(display.lang.code()),
            account::theme.eq(display.theme.code()),
            account::spacing.eq(display.spacing.code()),
        ))
        .execute(tx.conn())
}

/// People who are here and have no account, by identifier (which grows with time), `after` one and at most
/// `most` of them: identifier, given name, family name.
pub(in crate::identity) fn people_without_account(
    conn: &mut Conn,
    after: PersonId,
    most: i64,
) -> QueryResult<Vec<(PersonId, String, String)>> {
    person::table
        .left_join(account::table.on(account::person_id.eq(person::id)))
        .filter(account::person_id.is_null())
        .filter(person::removed_at.is_null())
        .filter(person::id.gt(after.get()))
        .order(person::id)
        .limit(most)
        .select((person::id, person::given_name, person::family_name))
        .load(conn)
}

/// Those of `logins` that are taken.
pub(in crate::identity) fn logins_among(conn: &mut Conn, logins: Vec<String>) -> QueryResult<Vec<String>> {
    account::table.filter(account::login.eq_any(logins)).select(account::login).load(conn)
}

/// An account about to be made, without password.
pub(in crate::identity) struct NewAccount {
    pub(in crate::identity) person: PersonId,
    pub(in crate::identity) login: String,
    pub(in crate::identity) created_at: Millis,
}

/// Makes these accounts.
pub(in crate::identity) fn insert_accounts(tx: &mut Tx<'_>, new: &[NewAccount]) -> QueryResult<usize> {
    let rows: Vec<_> = new
        .iter()
        .map(|new| {
            (
                account::person_id.eq(new.person),
                account::login.eq(&new.login),
                account::created_at.eq(new.created_at),
            )
        })
        .collect();
    // Diesel writes many rows at once for each engine, but not for the pair of them.
    match tx.conn() {
        Conn::Sqlite(conn) => diesel::insert_into(account::table).values(&rows).execute(conn),
        Conn::Postgres(conn) => diesel::insert_into(account::table).values(&rows).execute(conn),
    }
}

/// Gives every account without password this one (a PHC string).
pub(in crate::identity) fn open_accounts(tx: &mut Tx<'_>, phc: &str) -> QueryResult<usize> {
    diesel::update(account::table.filter(account::password_hash.eq("")))
        .set(account::password_hash.eq(phc))
        .execute(tx.conn())
}
