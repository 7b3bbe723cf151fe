//! Accounts for people who have none yet, after an import or for the demonstration school.

use super::hashing::{HashFault, Hasher};
use super::login::login_of;
use super::store::{self, NewAccount};
use crate::ids::PersonId;
use crate::store::Tx;
use diesel::QueryResult;
use std::collections::{HashMap, HashSet};

/// People taken at a time: bounds memory and the size of a statement.
const BATCH: i64 = 1_000;
/// Numbers asked for at a time when a login is taken.
const NUMBERS: u32 = 20;

/// Makes an account for everybody who is here and has none: login `prenom.nom`, numbered `.2`, `.3` …
/// when taken, no password. Returns how many were made. Its memory does not grow with the school.
///
/// # Errors
/// The engine's.
pub fn ensure_accounts(tx: &mut Tx<'_>) -> QueryResult<usize> {
    let (mut made, mut after) = (0, PersonId::from_raw(0));
    loop {
        let people = store::people_without_account(tx.conn(), after, BATCH)?;
        let Some((last, _, _)) = people.last() else { return Ok(made) };
        after = *last;
        let accounts = with_free_logins(tx, people)?;
        made += store::insert_accounts(tx, &accounts)?;
    }
}

/// People have left: their sessions end and their devices are forgotten, so that nothing of either wakes
/// up should they come back.
///
/// # Errors
/// The engine's.
pub fn close_sessions_of(tx: &mut Tx<'_>, people: &[PersonId]) -> QueryResult<()> {
    for person in people {
        store::close_all(tx, *person)?;
    }
    Ok(())
}

fn with_free_logins(
    tx: &mut Tx<'_>,
    people: Vec<(PersonId, String, String)>,
) -> QueryResult<Vec<NewAccount>> {
    let wanted: Vec<(PersonId, String)> =
        people.into_iter().map(|(person, given, family)| (person, login_of(&given, &family))).collect();
    let bases: HashSet<&String> = wanted.iter().map(|(_, base)| base).collect();
    let bases = bases.into_iter().cloned().collect();
    let mut taken: HashSet<String> = store::logins_among(tx.conn(), bases)?.into_iter().collect();
    let mut next: HashMap<String, u32> = HashMap::new();
    let (mut accounts, created_at) = (Vec::with_capacity(wanted.len()), tx.now());
    for (person, base) in wanted {
        let login = if taken.contains(&base) { numbered(tx, &base, &mut next, &mut taken)? } else { base };
        taken.insert(login.clone());
        accounts.push(NewAccount { person, login, created_at });
    }
    Ok(accounts)
}

/// The first free `base.N`; `next` remembers how far the database was asked.
fn numbered(
    tx: &mut Tx<'_>,
    base: &str,
    next: &mut HashMap<String, u32>,
    taken: &mut HashSet<String>,
) -> QueryResult<String> {
    let mut number = next.get(base).copied().unwrap_or(2);
    loop {
        if (number - 2).is_multiple_of(NUMBERS) {
            let candidates = (number..number + NUMBERS).map(|number| format!("{base}.{number}")).collect();
            taken.extend(store::logins_among(tx.conn(), candidates)?);
        }
        let login = format!("{base}.{number}");
        number += 1;
        if !taken.contains(&login) {
            next.insert(base.to_owned(), number);
            return Ok(login);
        }
    }
}

/// Hashes a password on the calling thread, for the demonstration school and for tests. It takes tens of
/// milliseconds: hash once what many accounts are to have.
///
/// # Errors
/// [`HashFault`].
pub fn hash_for_demo(password: &str) -> Result<String, HashFault> {
    Hasher::default().hash(password)
}

/// Gives an account of the demonstration school its password, as made by [`hash_for_demo`].
///
/// # Errors
/// The engine's.
pub fn set_password_for_demo(tx: &mut Tx<'_>, person: PersonId, phc: &str) -> QueryResult<()> {
    store::set_password(tx, person, phc).map(|_| ())
}

/// Gives every account that has no password this one, as made by [`hash_for_demo`]; returns how many. It
/// opens a whole school with one password: for the demonstration only.
///
/// # Errors
/// The engine's.
pub fn open_accounts_for_demo(tx: &mut Tx<'_>, phc: &str) -> QueryResult<usize> {
    store::open_accounts(tx, phc)
}
