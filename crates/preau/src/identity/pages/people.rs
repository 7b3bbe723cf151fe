//! Other people's accounts: finding them, giving a new code, printing sheets for a class.

use super::super::code::ActivationCode;
use super::super::login;
use super::super::store::PersonLine;
use super::super::views::{ClassPage, PeoplePage, PersonPage, Sheet, SheetsPage};
use super::super::{
    Account, FindPeople, IdentityState, ListAccounts, PrintGuardianSheets, PrintSheets, ResetPassword, store,
};
use super::unkept;
use crate::access::{Action, Allows, Permit, Scope};
use crate::edge::{Caller, FormFields, Refusal, html};
use crate::ids::{GroupId, PersonId};
use crate::school::{Group, group_names};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
pub(in crate::identity) struct ListQuery {
    /// Whom to look for.
    q: Option<String>,
}

pub(in crate::identity) async fn list(
    State(state): State<IdentityState>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let actor = caller.actor();
    let (classes, people) = (actor.scope::<Group, ListAccounts>(), actor.scope::<Account, FindPeople>());
    let may_search = people != Scope::Nothing;
    let asked: String = query.q.unwrap_or_default().chars().take(100).collect();
    let words = login::searched(&asked);
    let (classes, found) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let classes = store::classes(conn, &classes)?;
            let found = match people {
                Scope::School(school) if !words.is_empty() => Some(store::search(conn, school, &words)?),
                _ => None,
            };
            Ok((classes, found))
        })
        .await?;
    let shell = caller.shell("people-title");
    html(&PeoplePage { page: &shell, classes, may_search, asked: &asked, found })
}

async fn permit<A: Action + 'static>(
    state: &IdentityState,
    caller: &Caller,
    id: GroupId,
) -> Result<Permit<Group, A>, Refusal>
where
    Group: Allows<A>,
{
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

pub(in crate::identity) async fn class(
    State(state): State<IdentityState>,
    caller: Caller,
    Path(id): Path<GroupId>,
) -> Result<Response, Refusal> {
    let group = permit::<ListAccounts>(&state, &caller, id).await?.into_resource();
    let pupils = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(store::pupils_of_class(conn, id)?))
        .await?;
    let shell = caller.shell_titled(group.label.clone());
    html(&ClassPage {
        page: &shell,
        may_print: <Group as Allows<PrintSheets>>::allows(caller.actor(), &group),
        may_print_guardians: <Group as Allows<PrintGuardianSheets>>::allows(caller.actor(), &group),
        group,
        pupils,
    })
}

pub(in crate::identity) async fn show(
    State(state): State<IdentityState>,
    caller: Caller,
    Path(id): Path<PersonId>,
) -> Result<Response, Refusal> {
    let account = permit_to_reset(&state, &caller, id).await?.into_resource();
    let shell = caller.shell_titled(account.facts.name.clone());
    html(&PersonPage::new(&shell, account))
}

async fn permit_to_reset(
    state: &IdentityState,
    caller: &Caller,
    id: PersonId,
) -> Result<Permit<Account, ResetPassword>, Refusal> {
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

fn fresh_code() -> Result<ActivationCode, Refusal> {
    ActivationCode::fresh().map_err(|error| Refusal::Internal(format!("no randomness: {error}")))
}

pub(in crate::identity) async fn new_code(
    State(state): State<IdentityState>,
    caller: Caller,
    Path(id): Path<PersonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit_to_reset(&state, &caller, id).await?;
    let code = fresh_code()?;
    let hash = code.hash(&state.activation_key());
    let (now, block) = (state.platform.now(), fields.ticked("block"));
    let expires_at = now + state.code_lifetime();
    let sessions = state.sessions.clone();
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            tx.note("account", id.get());
            store::replace_code(tx, id, &hash, now, expires_at)?;
            if block {
                store::set_blocked(tx, id)?;
                store::close_all(tx, id)?;
                tx.after_commit(move || sessions.forget_person(id));
            }
            Ok(())
        })
        .await?;
    let account = permit.into_resource();
    let groups = account.facts.enrolled.clone();
    let classes =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(group_names(conn, &groups)?)).await?;
    let detail = classes.into_iter().map(|class| class.label).collect::<Vec<_>>().join(", ");
    let sheet = Sheet { name: account.facts.name, detail, login: account.login, code: code.shown() };
    sheets_page(&state, &caller, "sheets-one-title", vec![sheet], expires_at)
}

fn sheets_page(
    state: &IdentityState,
    caller: &Caller,
    title: &'static str,
    sheets: Vec<Sheet>,
    expires_at: i64,
) -> Result<Response, Refusal> {
    let shell = caller.shell(title);
    Ok(unkept(html(&SheetsPage::new(&shell, &state.platform, sheets, expires_at))?))
}

/// Sheets for a class: new codes for whoever never chose a password, or for all of them when asked.
pub(in crate::identity) async fn sheets(
    State(state): State<IdentityState>,
    caller: Caller,
    Path(id): Path<GroupId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let all = fields.ticked("all");
    if fields.text("who") == "guardians" {
        let permit = permit::<PrintGuardianSheets>(&state, &caller, id).await?;
        let lines = state
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| Ok(store::guardians_of_class(conn, id)?))
            .await?;
        issue_sheets(&state, &caller, &permit, lines, all).await
    } else {
        let permit = permit::<PrintSheets>(&state, &caller, id).await?;
        let label = permit.resource().label.clone();
        let lines = state
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| Ok(store::pupils_of_class(conn, id)?))
            .await?;
        let lines = lines.into_iter().map(|pupil| (pupil, label.clone())).collect();
        issue_sheets(&state, &caller, &permit, lines, all).await
    }
}

async fn issue_sheets<A: Action>(
    state: &IdentityState,
    caller: &Caller,
    permit: &Permit<Group, A>,
    lines: Vec<(PersonLine, String)>,
    all: bool,
) -> Result<Response, Refusal> {
    let (now, key) = (state.platform.now(), state.activation_key());
    let expires_at = now + state.code_lifetime();
    let (mut sheets, mut hashes) = (Vec::new(), Vec::new());
    for (person, detail) in lines {
        // Somebody with staff rights who is also a guardian here is not reset by way of a class list:
        // the rule for single accounts decides about each of them.
        if (all || !person.activated) && may_reset(state, caller, person.id).await? {
            let code = fresh_code()?;
            hashes.push((person.id, code.hash(&key)));
            sheets.push(Sheet { name: person.name, detail, login: person.login, code: code.shown() });
        }
    }
    if !hashes.is_empty() {
        state
            .platform
            .store()
            .write::<_, Refusal, _>(permit, move |tx| {
                for (person, hash) in &hashes {
                    tx.note("account", person.get());
                    store::replace_code(tx, *person, hash, now, expires_at)?;
                }
                Ok(())
            })
            .await?;
    }
    sheets_page(state, caller, "sheets-title", sheets, expires_at)
}

async fn may_reset(state: &IdentityState, caller: &Caller, id: PersonId) -> Result<bool, Refusal> {
    match permit_to_reset(state, caller, id).await {
        Ok(_) => Ok(true),
        Err(Refusal::NotFound) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}
