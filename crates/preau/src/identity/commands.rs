//! What an operator can do for an account from the command line, when nobody of the school can.
//!
//! These run beside a server or without one: they open no port and need no session, only the database.

use super::code::ActivationCode;
use super::login::typed_login;
use super::store;
use crate::access::{Profile, SystemPermit};
use crate::config::Config;
use crate::edge::Secrets;
use crate::ids::Millis;
use crate::school::{self, NewPerson};
use crate::store::{Store, StoreError};
use thiserror::Error;

/// A new activation code, to be handed to the person.
#[derive(Clone)]
pub struct IssuedCode {
    /// The account's login.
    pub login: String,
    /// First name and name.
    pub name: String,
    /// `XXXX-XXXX-XXXX`. It is shown this once and stored nowhere.
    pub code: String,
    /// Until when it can be used, in milliseconds since the Unix epoch.
    pub expires_at: Millis,
}

/// Why a command did nothing.
#[derive(Debug, Error)]
pub enum CommandError {
    /// There is no such account, or its person has left.
    #[error("no account has the login {0:?}; logins look like prenom.nom, without accents")]
    NoSuchLogin(String),
    /// Nothing that could be a school's number.
    #[error("{0:?} is not a UAI: seven digits and a letter, as in 0350000A")]
    NoUai(String),
    /// The school is not there, and nobody said what it is called.
    #[error("there is no school {0}; add --school-name to create it")]
    NoSuchSchool(String),
    /// The operating system gave no randomness.
    #[error("no randomness for a code: {0}")]
    NoRandomness(String),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for CommandError {
    fn from(error: diesel::result::Error) -> Self {
        CommandError::Store(error.into())
    }
}

/// `preau admin code LOGIN`: a new activation code. The old password stays valid until it is used.
///
/// # Errors
/// [`CommandError`].
pub fn code(store: &Store, config: &Config, login: &str, now: Millis) -> Result<IssuedCode, CommandError> {
    issue(store, config, login, now, false)
}

/// `preau admin reset LOGIN`: a new activation code; the old password and all sessions are dead at once.
/// A running server notices within ten seconds.
///
/// # Errors
/// [`CommandError`].
pub fn reset(store: &Store, config: &Config, login: &str, now: Millis) -> Result<IssuedCode, CommandError> {
    issue(store, config, login, now, true)
}

/// Who is to administer a school, and of which school.
#[derive(Debug, Clone)]
pub struct Appointment {
    /// The school's UAI: seven digits and a letter.
    pub uai: String,
    /// What the school is called, when it is not there yet.
    pub school_name: Option<String>,
    /// Somebody who is there, or is to be added.
    pub who: Appointed,
}

/// The person appointed.
#[derive(Debug, Clone)]
pub enum Appointed {
    /// Somebody with an account.
    Login(String),
    /// Somebody new.
    Named {
        /// First name.
        given: String,
        /// Family name.
        family: String,
    },
}

/// `preau admin appoint`: makes somebody the local administrator of a school, who can then import its
/// people in the browser. This is how a school begins: it may be missing, and so may the person. Who
/// is appointed also gets an activation code; an old password stays valid until it is used. A second
/// time it only gives a new code.
///
/// # Errors
/// [`CommandError`].
pub fn appoint(
    db: &Store,
    config: &Config,
    wish: &Appointment,
    now: Millis,
) -> Result<IssuedCode, CommandError> {
    let uai = wish.uai.trim().to_ascii_uppercase();
    let digits = uai.bytes().take_while(u8::is_ascii_digit).count();
    if uai.len() != 8 || digits != 7 || !uai.as_bytes()[7].is_ascii_uppercase() {
        return Err(CommandError::NoUai(wish.uai.clone()));
    }
    let (wish, shown) = (wish.clone(), uai.clone());
    let login = db.write_blocking::<_, CommandError, _>(&SystemPermit::Operator, move |tx| {
        let place = match (school::school_by_uai(tx.conn(), &uai)?, &wish.school_name) {
            (Some(school), _) => school,
            (None, Some(name)) => {
                let school = school::add_school(tx, &uai, name.trim(), "college")?;
                tx.note("school", school.get());
                school
            }
            (None, None) => return Err(CommandError::NoSuchSchool(shown)),
        };
        let person = match &wish.who {
            Appointed::Login(typed) => {
                let unknown = || CommandError::NoSuchLogin(typed.clone());
                let login = typed_login(typed).ok_or_else(unknown)?;
                store::person_of_login(tx.conn(), &login)?.ok_or_else(unknown)?
            }
            Appointed::Named { given, family } => {
                let new = NewPerson { given: given.trim(), family: family.trim(), ..NewPerson::default() };
                let person = school::add_person(tx, &new, place, Profile::LocalAdmin)?;
                super::ensure_accounts(tx)?;
                person
            }
        };
        school::tie(tx, person, place, Profile::LocalAdmin)?;
        tx.note("person", person.get());
        store::login_of_person(tx.conn(), person)?.ok_or_else(|| CommandError::NoSuchLogin(String::new()))
    })?;
    issue(db, config, &login, now, false)
}

fn issue(
    db: &Store,
    config: &Config,
    typed: &str,
    now: Millis,
    block: bool,
) -> Result<IssuedCode, CommandError> {
    let unknown = || CommandError::NoSuchLogin(typed.to_owned());
    let login = typed_login(typed).ok_or_else(unknown)?;
    let fresh = ActivationCode::fresh().map_err(|error| CommandError::NoRandomness(error.to_string()))?;
    let hash = fresh.hash(&activation_key(&Secrets::open(db)?));
    let expires_at = now + Millis::from(config.identity.activation_days) * super::DAY;
    let wanted = login.clone();
    let name = db.write_blocking::<_, CommandError, _>(&SystemPermit::Operator, move |tx| {
        let Some(person) = store::person_of_login(tx.conn(), &wanted)? else { return Ok(None) };
        tx.note("account", person.get());
        store::replace_code(tx, person, &hash, now, expires_at)?;
        if block {
            store::set_blocked(tx, person)?;
            store::close_all(tx, person)?;
        }
        Ok(Some(school::person_name(tx.conn(), person)?))
    })?;
    let name = name.ok_or_else(unknown)?;
    Ok(IssuedCode { login, name, code: fresh.shown(), expires_at })
}

/// The key under which codes are stored and visits are sealed.
pub(super) fn activation_key(secrets: &Secrets) -> [u8; 32] {
    secrets.key("activation")
}
