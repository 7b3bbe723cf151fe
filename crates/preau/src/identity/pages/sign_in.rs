//! Coming in and going out.

use super::super::proof::{Unproven, prove};
use super::super::throttle::Wait;
use super::super::views::{SignInPage, SignedOutPage};
use super::super::{IdentityState, ManageOwn, policy::Account, store};
use super::{open_session, own_path, refused, wait_in_words, without_session};
use crate::access::{Permit, SystemPermit};
use crate::edge::{Caller, FormFields, Refusal, html, see_other};
use crate::ids::PersonId;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

/// Longest login that is shown again after a slip, in characters.
const SHOWN_AGAIN: usize = 80;

#[derive(Debug, Default, Deserialize)]
pub(in crate::identity) struct FormQuery {
    /// Where to go afterwards.
    next: Option<String>,
}

pub(in crate::identity) async fn form(
    State(_): State<IdentityState>,
    caller: Caller,
    Query(query): Query<FormQuery>,
) -> Result<Response, Refusal> {
    let next = query.next.as_deref().and_then(own_path).unwrap_or_default();
    if caller.session().is_some() {
        return Ok(see_other(if next.is_empty() { "/" } else { next }));
    }
    blank(&caller, next)
}

/// The form with nothing typed yet.
pub(in crate::identity) fn blank(caller: &Caller, next: &str) -> Result<Response, Refusal> {
    let shell = caller.shell("sign-in-title");
    html(&SignInPage { page: &shell, login: "", error: "", next, providers: &[], remember: false })
}

pub(in crate::identity) async fn enter(
    State(state): State<IdentityState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let next = own_path(fields.text("next")).unwrap_or_default();
    let personal = fields.ticked("remember");
    let wait = match prove(&state, caller.device(), fields.text("login"), fields.raw("password")).await {
        Ok(proof) => {
            let response = see_other(if next.is_empty() { "/" } else { next });
            match open_session(&state, &caller, proof, personal, response).await? {
                Some(response) => return Ok(response),
                None => None,
            }
        }
        Err(Unproven::Wrong) => None,
        Err(Unproven::Wait(wait)) => Some(wait),
        Err(Unproven::Refused(refusal)) => return Err(refusal),
    };
    again(&caller, fields.text("login"), next, personal, wait)
}

/// The form once more, with what was typed except the password.
fn again(
    caller: &Caller,
    typed: &str,
    next: &str,
    remember: bool,
    wait: Option<Wait>,
) -> Result<Response, Refusal> {
    let shell = caller.shell("sign-in-title");
    let error = match wait {
        Some(wait) => wait_in_words(caller.texts(), wait),
        None => caller.texts().get("sign-in-refused").to_owned(),
    };
    let login: String = typed.chars().take(SHOWN_AGAIN).collect();
    let page = SignInPage { page: &shell, login: &login, error: &error, next, providers: &[], remember };
    Ok(refused(html(&page)?, wait))
}

pub(in crate::identity) async fn leave(
    State(state): State<IdentityState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let person = caller.person()?;
    let hash = caller.session().ok_or(Refusal::SignInFirst)?.mark.hash;
    let sessions = state.sessions.clone();
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&SystemPermit::SignIn, move |tx| {
            store::close_session(tx, &hash)?;
            tx.note_as("session.close", "person", person.get());
            tx.after_commit(move || sessions.forget(&hash));
            Ok(())
        })
        .await?;
    Ok(without_session(&state, &caller, see_other("/signed-out")))
}

pub(in crate::identity) async fn leave_everywhere(
    State(state): State<IdentityState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let permit = own_account(&state, &caller).await?;
    let person: PersonId = permit.resource().facts.person;
    let sessions = state.sessions.clone();
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            store::close_all(tx, person)?;
            tx.after_commit(move || sessions.forget_person(person));
            Ok(())
        })
        .await?;
    Ok(without_session(&state, &caller, see_other("/signed-out?everywhere=1")))
}

#[derive(Debug, Default, Deserialize)]
pub(in crate::identity) struct GoodbyeQuery {
    /// Whether all devices were signed out, and not only this one.
    #[serde(default)]
    everywhere: u8,
}

/// What is shown after leaving. It comes from memory and needs no seat: were it the sign-in page, whoever
/// leaves a full house would at once hold the seat again that the next person waits for.
pub(in crate::identity) async fn goodbye(
    State(_): State<IdentityState>,
    caller: Caller,
    Query(query): Query<GoodbyeQuery>,
) -> Result<Response, Refusal> {
    let shell = caller.shell("signed-out-title");
    let key = if query.everywhere == 0 { "signed-out-here" } else { "signed-out-everywhere" };
    html(&SignedOutPage { page: &shell, what: caller.texts().get(key) })
}

/// The permit to manage the account of the person who asks.
pub(super) async fn own_account(
    state: &IdentityState,
    caller: &Caller,
) -> Result<Permit<Account, ManageOwn>, Refusal> {
    let (actor, person) = (caller.actor().clone(), caller.person()?);
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, person)?)).await
}
