//! The first visit, in four screens: code, "is this you?", password, done.

use super::super::code::{ActivationCode, Visit};
use super::super::password::{self, PasswordFault, SHORTEST};
use super::super::pool::Lane;
use super::super::throttle::{Counter, Wait};
use super::super::views::{ActivationPage, ActivationStep};
use super::super::{IdentityState, policy::Account, session::role_key, store};
use super::{refused, unkept, wait_in_words};
use crate::access::{Resource as _, SystemPermit};
use crate::edge::{Caller, FormFields, Refusal, html};
use crate::school;
use axum::extract::State;
use axum::response::Response;

pub(in crate::identity) async fn form(
    State(_): State<IdentityState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    screen(&caller, ActivationStep::Code { code: "" }, "")
}

fn screen(caller: &Caller, step: ActivationStep<'_>, error: &str) -> Result<Response, Refusal> {
    let shell = caller.shell("activation-title");
    Ok(unkept(html(&ActivationPage { page: &shell, step, error })?))
}

/// What each screen sends tells which one it was: no state means the code, a state with an answer to "is
/// this you?" the second, a state with a password the third.
pub(in crate::identity) async fn go_on(
    State(state): State<IdentityState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let sealed = fields.text("state");
    if sealed.is_empty() {
        return show_person(&state, &caller, fields.text("code")).await;
    }
    let visit = Visit::unseal(sealed, &state.activation_key(), caller.device(), state.platform.now());
    let Some(visit) = visit else { return expired(&caller) };
    let Some(account) = find(&state, visit).await? else { return expired(&caller) };
    if fields.ticked("confirm") {
        let step = ActivationStep::Password { state: sealed, login: &account.login, shortest: SHORTEST };
        return screen(&caller, step, "");
    }
    choose_password(&state, &caller, visit, &account, &fields).await
}

/// Back to the first screen: the half hour is over, or the code was used meanwhile.
fn expired(caller: &Caller) -> Result<Response, Refusal> {
    let error = caller.texts().get("activation-code-unknown");
    Ok(refused(screen(caller, ActivationStep::Code { code: "" }, error)?, None))
}

async fn show_person(state: &IdentityState, caller: &Caller, typed: &str) -> Result<Response, Refusal> {
    let now = state.platform.now();
    let counters = [Counter::Code(caller.device().bytes())];
    if let Err(wait) = state.throttle.attempt(&counters, now) {
        return wrong_code(caller, typed, Some(wait));
    }
    let Some(code) = ActivationCode::read(typed) else { return wrong_code(caller, typed, None) };
    let hash = code.hash(&state.activation_key());
    let found = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(store::find_code(conn, &hash, now)?))
        .await?;
    let Some(person) = found else { return wrong_code(caller, typed, None) };
    let visit = Visit { person, code_hash: hash };
    let Some(account) = find(state, visit).await? else { return wrong_code(caller, typed, None) };
    state.throttle.succeeded(&counters);
    let sealed = visit.seal(&state.activation_key(), caller.device(), now);
    let role = role(state, caller, &account).await?;
    screen(caller, ActivationStep::Person { state: &sealed, name: &account.facts.name, role: &role }, "")
}

fn wrong_code(caller: &Caller, typed: &str, wait: Option<Wait>) -> Result<Response, Refusal> {
    let texts = caller.texts();
    let error = match wait {
        Some(wait) => wait_in_words(texts, wait),
        None => texts.get("activation-code-unknown").to_owned(),
    };
    let typed: String = typed.chars().take(40).collect();
    Ok(refused(screen(caller, ActivationStep::Code { code: &typed }, &error)?, wait))
}

/// "Élève, 4A": what makes a person recognise themselves.
async fn role(state: &IdentityState, caller: &Caller, account: &Account) -> Result<String, Refusal> {
    let role = caller.texts().get(role_key(&account.facts));
    let groups = account.facts.enrolled.clone();
    let mut parts = vec![role.to_owned()];
    let names = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(school::group_names(conn, &groups)?))
        .await?;
    parts.extend(names.into_iter().map(|group| group.label));
    Ok(parts.join(", "))
}

/// The account behind a code that still opens it. Nobody is signed in: the code in hand is the proof.
async fn find(state: &IdentityState, visit: Visit) -> Result<Option<Account>, Refusal> {
    let now = state.platform.now();
    state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            if store::find_code(conn, &visit.code_hash, now)? != Some(visit.person) {
                return Ok(None);
            }
            Ok(Account::find(conn, visit.person)?)
        })
        .await
}

async fn choose_password(
    state: &IdentityState,
    caller: &Caller,
    visit: Visit,
    account: &Account,
    fields: &FormFields,
) -> Result<Response, Refusal> {
    let (typed, again) = (fields.raw("password"), fields.raw("again"));
    if let Err(fault) = password::accept(typed, again, &account.login) {
        return not_accepted(caller, fields.text("state"), account, fault);
    }
    let phc = state.pool.hash(Lane::Newcomer, typed.to_owned()).await?;
    let (now, display) = (state.platform.now(), caller.display());
    let sessions = state.sessions.clone();
    let person = visit.person;
    let used = state
        .platform
        .store()
        .write::<_, Refusal, _>(&SystemPermit::SignIn, move |tx| {
            if !store::use_code(tx, person, &visit.code_hash, now)? {
                return Ok(false);
            }
            tx.note_as("account.activate", "person", person.get());
            store::set_password(tx, person, &phc)?;
            store::set_display(tx, person, display)?;
            store::close_all(tx, person)?;
            tx.after_commit(move || sessions.forget_person(person));
            Ok(true)
        })
        .await?;
    if !used {
        return expired(caller);
    }
    screen(caller, ActivationStep::Done { login: &account.login }, "")
}

fn not_accepted(
    caller: &Caller,
    sealed: &str,
    account: &Account,
    fault: PasswordFault,
) -> Result<Response, Refusal> {
    let step = ActivationStep::Password { state: sealed, login: &account.login, shortest: SHORTEST };
    let page = screen(caller, step, caller.texts().get(fault.key()))?;
    Ok(refused(page, None))
}
