//! Language, colours and spacing: kept with the account, or in a cookie before sign-in.

use super::super::{IdentityState, store};
use super::own_path;
use super::sign_in::own_account;
use crate::edge::{Caller, CookieJar, Display, FormFields, Kept, Refusal, see_other};
use crate::ui::{Lang, Spacing, Theme};
use axum::extract::State;
use axum::response::Response;
use http::header;

/// How long the cookie is kept, in seconds: a year.
const KEPT: u64 = 365 * 24 * 3600;

pub(in crate::identity) async fn choose(
    State(state): State<IdentityState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let display = chosen(caller.display(), &fields);
    let mut response = see_other(own_path(fields.text("back")).unwrap_or("/"));
    if let Some(session) = caller.session() {
        let permit = own_account(&state, &caller).await?;
        let person = permit.resource().facts.person;
        let sessions = state.sessions.clone();
        state
            .platform
            .store()
            .write::<_, Refusal, _>(&permit, move |tx| {
                store::set_display(tx, person, display)?;
                tx.after_commit(move || sessions.forget_person(person));
                Ok(())
            })
            .await?;
        if !session.mark.personal {
            // The next person at a shared computer starts afresh.
            return Ok(response);
        }
    }
    let value = format!("{}.{}.{}", display.lang.code(), display.theme.code(), display.spacing.code());
    let cookie = CookieJar::of(&state.platform).set("display", &value, Kept::Seconds(KEPT));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// What was there, with what the pressed button changes; words that mean nothing change nothing.
fn chosen(mut display: Display, fields: &FormFields) -> Display {
    if let Some(lang) = Lang::from_code(fields.text("lang")) {
        display.lang = lang;
    }
    if !fields.text("theme").is_empty() {
        display.theme = Theme::from_code(fields.text("theme"));
    }
    if !fields.text("spacing").is_empty() {
        display.spacing = Spacing::from_code(fields.text("spacing"));
    }
    display
}
