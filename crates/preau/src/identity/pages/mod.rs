//! Handlers: they translate. Parse, prove, ask for the permit, write, show.

pub(super) mod account;
pub(super) mod activation;
pub(super) mod display;
pub(super) mod people;
pub(super) mod sign_in;

use super::IdentityState;
use super::proof::Proof;
use super::session::FreshToken;
use super::store::{self, NewSession};
use super::throttle::Wait;
use crate::access::{Profile, SystemPermit};
use crate::edge::{Caller, CookieJar, Kept, Refusal, Standing};
use crate::school;
use crate::ui::Texts;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// Opens a session for a proven person in this browser and puts its cookie into `response`. Whatever
/// session the browser had before is closed: no token from before a sign-in is worth anything after it.
/// The person is gone or changed their password meanwhile: nothing, and the proof is void.
async fn open_session(
    state: &IdentityState,
    caller: &Caller,
    proof: Proof,
    personal: bool,
    response: Response,
) -> Result<Option<Response>, Refusal> {
    let fresh = FreshToken::new()?;
    let now = state.platform.now();
    let kept_days = u64::from(state.platform.config().identity.session_days);
    let lifetime = if personal { kept_days as i64 * super::DAY } else { super::SHARED_SESSION };
    let new = NewSession {
        hash: fresh.hash,
        person: proof.person,
        device: caller.device().text(),
        now,
        expires_at: now + lifetime,
        personal,
    };
    let before = caller.session().map(|session| session.mark.hash);
    let sessions = state.sessions.clone();
    let opened = state
        .platform
        .store()
        .write::<_, Refusal, _>(&SystemPermit::SignIn, move |tx| {
            if !store::still_has(tx.conn(), proof.person, &proof.phc)? {
                return Ok(None);
            }
            if let Some(hash) = before {
                store::close_session(tx, &hash)?;
                tx.after_commit(move || sessions.forget(&hash));
            }
            store::remember_device(tx, new.person, &new.device, now)?;
            store::insert_session(tx, &new)?;
            let facts = school::facts_of(tx.conn(), new.person)?;
            let teaches = facts
                .is_some_and(|facts| facts.affiliations.iter().any(|tie| tie.profile == Profile::Teacher));
            Ok(Some(if teaches { Standing::Teacher } else { Standing::Known }))
        })
        .await?;
    let Some(standing) = opened else { return Ok(None) };
    let kept = if personal { Kept::Seconds(kept_days * 24 * 3600) } else { Kept::BrowserSession };
    let mut response = response;
    let cookie = CookieJar::of(&state.platform).set("session", &fresh.token, kept);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    state.platform.door().recognise(caller, standing, &mut response);
    Ok(Some(response))
}

/// Takes the session's cookie back, and gives the seat back to the gate. Whatever our scripts keep in this
/// browser, the copy of the day above all, goes as well (Clear-Site-Data, W3C): the next person may be another.
fn without_session(state: &IdentityState, caller: &Caller, mut response: Response) -> Response {
    state.platform.door().release(caller);
    let cookie = CookieJar::of(&state.platform).set("session", "", Kept::Forget);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    let cleared = HeaderValue::from_static("\"storage\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), cleared);
    response
}

/// How long to wait, in words.
fn wait_in_words(texts: &Texts, wait: Wait) -> String {
    if wait.seconds < 60 {
        texts.with("sign-in-wait-seconds", "count", wait.seconds)
    } else {
        texts.with("sign-in-wait-minutes", "count", wait.seconds.div_ceil(60))
    }
}

/// Marks a page as the answer to a refused attempt.
fn refused(mut response: Response, wait: Option<Wait>) -> Response {
    match wait {
        Some(wait) => {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds));
        }
        None => *response.status_mut() = StatusCode::FORBIDDEN,
    }
    response
}

/// A page with a secret on it: no cache keeps it, not even the browser's own.
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A path of this site, or nothing: what `next` and `back` may hold. Browsers read `//host`, `/\host` and
/// paths with line breaks in them as other sites (WHATWG URL, section 4.4).
fn own_path(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if path.len() > 2_000 || !plain || !path.starts_with('/') || path.starts_with("//") {
        return None;
    }
    let here = url::Url::parse("http://preau.invalid/").ok()?;
    let there = here.join(path).ok()?;
    (there.origin() == here.origin() && there.username().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for good in ["/", "/homework?past=1", "/lessons/12#top", "/a//b"] {
            assert_eq!(own_path(good), Some(good));
        }
        for bad in [
            "",
            "homework",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /",
            "/é",
            "http:/homework",
            &format!("/{}", "a".repeat(3_000)),
        ] {
            assert_eq!(own_path(bad), None, "{bad:?}");
        }
    }
}
