//! Who people are: accounts, sign-in, sessions, activation codes, known devices.
//!
//! `login` and `password` the rules on what people type · `hashing` and `pool` argon2id on threads of its
//! own · `throttle` against guessing · `code` activation codes · `session` the sessions seen lately ·
//! `proof` a password checked from start to end · `policy` who may help whom · `store` the only SQL ·
//! `pages` handlers · `commands` what an operator can do. Others may use [`SessionCache`] (the edge finds
//! callers through it), [`ensure_accounts`] after people were imported, and the commands.
//!
//! A new activation code does not touch the old password: whoever remembers it after all walks in, and
//! the paper in the school bag opens nothing before it is used. Staff who believe a password stolen tick
//! "block now": the old password and every session are then dead at once. Using a code always ends all
//! sessions.
//!
//! Invariants: a known and an unknown login cost the same and read the same; tokens, codes and passwords
//! are stored hashed; every sign-in makes a new token.

mod accounts;
mod code;
pub mod commands;
mod hashing;
mod login;
mod pages;
mod password;
mod policy;
mod pool;
mod proof;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
pub mod views;

#[cfg(test)]
pub(crate) use tests::matrix;

pub use accounts::{
    close_sessions_of, ensure_accounts, hash_for_demo, open_accounts_for_demo, set_password_for_demo,
};
pub use hashing::HashFault;
pub use policy::{
    Account, FindPeople, ListAccounts, ManageOwn, PrintGuardianSheets, PrintSheets, ResetPassword,
};
pub use session::SessionCache;

use crate::access::Profile;
use crate::edge::{Audience, Body, Caller, Cost, NavEntry, Platform, Refusal, Routes};
use crate::ids::Millis;
use axum::response::Response;
use pool::PasswordPool;
use std::sync::Arc;
use throttle::Throttle;

/// How long a session on a shared device lasts at the most, in milliseconds; the browser usually forgets
/// it earlier, when it is closed.
const SHARED_SESSION: Millis = 12 * 3600 * 1000;
/// A day, in milliseconds.
const DAY: Millis = 24 * 3600 * 1000;

/// Who has accounts of others to care for.
const CARERS: &[Profile] = &[Profile::Teacher, Profile::Counsellor, Profile::Head, Profile::LocalAdmin];

/// What the handlers need; cheap to clone.
#[derive(Clone)]
pub struct IdentityState {
    platform: Platform,
    sessions: SessionCache,
    pool: PasswordPool,
    throttle: Arc<Throttle>,
    /// What is verified when there is no account.
    decoy: Arc<str>,
}

impl IdentityState {
    /// Starts the password pool.
    ///
    /// # Errors
    /// The operating system's, when it grants no thread or no randomness.
    pub fn new(platform: Platform, sessions: SessionCache) -> anyhow::Result<IdentityState> {
        let config = &platform.config().identity;
        let pool = PasswordPool::start(config.hashing_threads, config.hashing_queue)?;
        let decoy = hashing::decoy()?.into();
        Ok(IdentityState { platform, sessions, pool, throttle: Arc::default(), decoy })
    }

    /// Password checks that wait at this moment, for the state of the service.
    pub fn sign_ins_waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// Passwords hashed since the start, for the state of the service.
    pub fn passwords_checked(&self) -> u64 {
        self.pool.done()
    }

    fn activation_key(&self) -> [u8; 32] {
        commands::activation_key(self.platform.secrets())
    }

    fn code_lifetime(&self) -> Millis {
        Millis::from(self.platform.config().identity.activation_days) * DAY
    }
}

/// The sign-in page for whoever comes to the front door without a session: no detour by a redirect, which
/// at eight o'clock would be one more request for everybody.
///
/// # Errors
/// [`Refusal::Internal`] when the page cannot be written.
pub fn front_door(caller: &Caller) -> Result<Response, Refusal> {
    pages::sign_in::blank(caller, "")
}

/// The pages of this slice.
pub fn routes(state: IdentityState) -> Routes {
    use pages::{account, activation, display, people, sign_in};
    let (anyone, signed_in, carers) = (Audience::Anyone, Audience::SignedIn, Audience::Profiles(CARERS));
    Routes::new()
        .nav(NavEntry { order: 80, href: "/people", key: "nav-people", profiles: CARERS })
        .get("/sign-in", anyone, Cost::Page, sign_in::form)
        .post("/sign-in", anyone, Cost::Password, Body::Form, sign_in::enter)
        .get("/signed-out", anyone, Cost::Static, sign_in::goodbye)
        .post("/sign-out", signed_in, Cost::Write, Body::Form, sign_in::leave)
        .post("/sign-out-everywhere", signed_in, Cost::Write, Body::Form, sign_in::leave_everywhere)
        .post("/display", anyone, Cost::Write, Body::Form, display::choose)
        .get("/activation", anyone, Cost::Page, activation::form)
        .post("/activation", anyone, Cost::Password, Body::Form, activation::go_on)
        .get("/account", signed_in, Cost::Page, account::show)
        .post("/account/password", signed_in, Cost::Password, Body::Form, account::change_password)
        .get("/people", carers, Cost::Page, people::list)
        .get("/people/classes/{id}", carers, Cost::Page, people::class)
        .post("/people/classes/{id}/sheets", carers, Cost::Write, Body::Form, people::sheets)
        .get("/people/{id}", signed_in, Cost::Page, people::show)
        .post("/people/{id}/code", signed_in, Cost::Write, Body::Form, people::new_code)
        .with_state(state)
}
