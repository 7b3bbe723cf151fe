//! One's own account: sessions, password, and the children one may help.

use super::super::password::{self, PasswordFault, SHORTEST};
use super::super::pool::Lane;
use super::super::proof::{Proof, Unproven, prove};
use super::super::views::AccountPage;
use super::super::{IdentityState, store};
use super::sign_in::own_account;
use super::{open_session, refused, wait_in_words};
use crate::edge::{Caller, FormFields, Refusal, html, see_other_with};
use axum::extract::State;
use axum::response::Response;

pub(in crate::identity) async fn show(
    State(state): State<IdentityState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    page(&state, &caller, "", "").await
}

async fn page(
    state: &IdentityState,
    caller: &Caller,
    old_error: &str,
    new_error: &str,
) -> Result<Response, Refusal> {
    let account = own_account(state, caller).await?.into_resource();
    let (person, now) = (account.facts.person, state.platform.now());
    let sessions = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(store::sessions_of(conn, person, now)?))
        .await?;
    let mark = caller.session().ok_or(Refusal::SignInFirst)?.mark;
    let shell = caller.shell("account-title");
    html(&AccountPage::new(
        &shell,
        &state.platform,
        account,
        sessions,
        mark,
        [old_error, new_error],
        SHORTEST,
    ))
}

pub(in crate::identity) async fn change_password(
    State(state): State<IdentityState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = own_account(&state, &caller).await?;
    let (person, login) = (permit.resource().facts.person, permit.resource().login.clone());
    let texts = caller.texts();
    let typed = fields.raw("password");
    if let Err(fault) = password::accept(typed, fields.raw("again"), &login) {
        return not_accepted(&state, &caller, fault).await;
    }
    match prove(&state, caller.device(), &login, fields.raw("current")).await {
        Ok(_) => {}
        Err(Unproven::Wrong) => {
            return Ok(refused(page(&state, &caller, texts.get("account-wrong-password"), "").await?, None));
        }
        Err(Unproven::Wait(wait)) => {
            return Ok(refused(page(&state, &caller, &wait_in_words(texts, wait), "").await?, Some(wait)));
        }
        Err(Unproven::Refused(refusal)) => return Err(refusal),
    }
    let phc = state.pool.hash(Lane::Known, typed.to_owned()).await?;
    let (stored, sessions) = (phc.clone(), state.sessions.clone());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            tx.note_as("account.change_password", "person", person.get());
            store::set_password(tx, person, &stored)?;
            store::close_all(tx, person)?;
            tx.after_commit(move || sessions.forget_person(person));
            Ok(())
        })
        .await?;
    // Every session is gone, this one too; this browser gets a new one.
    let personal = caller.session().is_some_and(|session| session.mark.personal);
    let response = see_other_with(&state.platform, "/account", "done.password-changed");
    let proof = Proof { person, phc };
    open_session(&state, &caller, proof, personal, response).await?.ok_or(Refusal::SignInFirst)
}

async fn not_accepted(
    state: &IdentityState,
    caller: &Caller,
    fault: PasswordFault,
) -> Result<Response, Refusal> {
    Ok(refused(page(state, caller, "", caller.texts().get(fault.key())).await?, None))
}
