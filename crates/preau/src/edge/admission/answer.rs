//! What somebody is told who must wait.
//!
//! A browser that asks for a page gets the waiting page with status 200: it is what this person is to
//! see, it works, and filters and load balancers on the way replace or punish anything in the 500s.
//! Everything that would take the answer for something else (forms, scripts, programs) gets 503 with
//! `Retry-After` (RFC 9110 section 15.6.4), and a form is told that nothing was saved. Monitors ask
//! `/status.json`, which says the truth in a status code.

use super::Door;
use crate::edge::refusal::wants_json;
use crate::edge::views::{KEPT_STYLE, WAITING_STYLE, WaitArc, WaitingPage, estimate};
use crate::edge::{caller, instant};
use crate::ui::{ClockFace, Dates, Form, Texts, assets};
use askama::Template as _;
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use preau_gate::{RangeMinutes, Wait};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// Above this many seconds the connection is closed: whoever comes back that late needs it no more. Up to it
/// the front keeps it while there is room ([`preau_front::Limits::rest`]); a page asks up to 30 % later than told.
const CONNECTION_KEPT: u32 = 60;
/// What a range without an upper end is shown as: more than any clock face shows.
const OPEN_END: u32 = 241;

/// The policy of the gate's own pages. Style and script are constant and named by their hashes, so
/// that the page needs no nonce and could be rendered beforehand.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src {} {}; script-src {}; img-src data:; connect-src 'self'; \
         worker-src blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(WAITING_STYLE),
        hash(KEPT_STYLE),
        hash(assets::inline("waiting.js")),
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

pub(super) fn hash(text: &str) -> String {
    if text.is_empty() {
        return "'none'".to_owned();
    }
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!("'sha256-{digest}'")
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asker {
    /// A browser, for a page.
    Page,
    /// A browser that has sent a form from `back`.
    Form { back: String },
    /// A script or another program.
    Program,
}

impl Asker {
    fn of<B>(request: &http::Request<B>) -> Asker {
        let headers = request.headers();
        // Fetch Metadata (W3C): a page on its own, not what a script of a page asks for. A page that a service
        // worker asks for in the browser's stead has lost its destination and kept its mode.
        let navigates = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        let document = headers
            .get("sec-fetch-dest")
            .is_none_or(|dest| dest == "document" || (dest == "empty" && navigates));
        if !document || wants_json(request.uri(), headers) || !caller::accepts_html(headers) {
            Asker::Program
        } else if matches!(*request.method(), Method::GET | Method::HEAD) {
            Asker::Page
        } else {
            Asker::Form { back: back(headers) }
        }
    }
}

/// The path of the page that the form stood on, from the referrer that our own policy makes browsers
/// send. Only a path is taken, so that it leads nowhere else, and only of harmless characters.
fn back(headers: &HeaderMap) -> String {
    let referrer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = referrer.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    own_path(path.unwrap_or("/")).to_owned()
}

/// A path of ours, or `/` for anything that could lead elsewhere or mean something in a page.
pub(super) fn own_path(path: &str) -> &str {
    let harmless = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~?&=%+".contains(&byte));
    if harmless { path } else { "/" }
}

/// The answer to `request`, whose sender must wait.
pub(super) fn to<B>(door: &Door, request: &http::Request<B>, wait: &Wait) -> Response {
    let seconds = u32::try_from(wait.interval.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    let asker = Asker::of(request);
    let mut response = match &asker {
        Asker::Program => for_program(wait, seconds),
        Asker::Page => page(door, request.headers(), wait, seconds, None, request.uri().path()),
        Asker::Form { back } => page(door, request.headers(), wait, seconds, Some(back), back),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if asker != Asker::Page {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    if seconds > CONNECTION_KEPT && request.version() <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn for_program(wait: &Wait, seconds: u32) -> Response {
    let RangeMinutes { low, high } = wait.range_minutes;
    let body = serde_json::json!({
        "error": "waiting",
        "saved": false,
        "people_before": wait.people_before,
        "wait_minutes": { "low": low, "high": high },
        "retry_after": seconds,
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn page(
    door: &Door,
    headers: &HeaderMap,
    wait: &Wait,
    seconds: u32,
    unsaved: Option<&str>,
    here: &str,
) -> Response {
    let t = Texts::of(caller::display_before_sign_in(door.0.jar, headers).lang, Form::Neutral);
    let dates = Dates::new(t, door.0.zone.clone());
    let now = instant(door.0.clock.now());
    let face = ClockFace::bare(dates.local(now).time());
    let (low, high) = minutes(wait.range_minutes);
    let since = dates.hour_at(instant(super::millis(wait.arrived)));
    let opens = wait.opens_at.map(|at| dates.hour_at(instant(super::millis(at))));
    let orders = door.0.orders.load();
    // Where nobody is let in, the time that it took until now says nothing about how long it will take.
    let paused = orders.closed_lanes().any(|lane| lane == wait.lane);
    let said = if paused { t.get("waiting-paused").to_owned() } else { estimate(t, low, high) };
    let view = WaitingPage {
        t,
        place_name: t.get("platform-name"),
        face,
        arc: WaitArc::of(&face, low, high).filter(|_| !paused),
        estimate: &said,
        at_least: if paused || high == OPEN_END { OPEN_END } else { low },
        people_before: wait.people_before.into(),
        noted_since: door.0.waiting.get().map(|_| since.as_str()),
        lesson: None,
        opens: opens.as_deref().filter(|_| !wait.drawn_at_bell),
        drawn_at: opens.as_deref().filter(|_| wait.drawn_at_bell),
        message: orders.message.as_deref(),
        challenge: wait.challenge.as_ref().map(|challenge| challenge.text.as_str()),
        proof_cookie: &door.0.jar.name(super::PROOF),
        here: own_path(here),
        seen_at: &dates.hour_at(now),
        interval: seconds,
        lane: wait.lane.name(),
        rank: &wait.rank_text(),
        unsaved: unsaved.is_some(),
        back: unsaved.unwrap_or_default(),
    };
    match view.render() {
        Ok(html) => ([(header::CONTENT_SECURITY_POLICY, POLICY.clone())], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the waiting page could not be written");
            for_program(wait, seconds)
        }
    }
}

/// The range for eyes: both ends as numbers.
pub(super) fn minutes(range: RangeMinutes) -> (u32, u32) {
    (range.low.into(), range.high.map_or(OPEN_END, u32::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::extract::Request;

    fn asker(method: Method, path: &str, headers: &[(&str, &str)]) -> Asker {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Asker::of(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn who_asks_is_read_from_what_browsers_say() {
        let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        assert_eq!(asker(Method::GET, "/", &[html, ("sec-fetch-dest", "document")]), Asker::Page);
        assert_eq!(asker(Method::GET, "/", &[]), Asker::Page);
        assert_eq!(asker(Method::HEAD, "/", &[("accept", "*/*")]), Asker::Page);
        assert_eq!(asker(Method::GET, "/x", &[html, ("sec-fetch-dest", "empty")]), Asker::Program);
        let by_worker = [html, ("sec-fetch-dest", "empty"), ("sec-fetch-mode", "navigate")];
        assert_eq!(asker(Method::GET, "/x", &by_worker), Asker::Page);
        assert_eq!(asker(Method::GET, "/x.json", &[html]), Asker::Program);
        assert_eq!(asker(Method::GET, "/x", &[("accept", "text/event-stream")]), Asker::Program);
        assert_eq!(asker(Method::POST, "/x", &[("accept", "application/json")]), Asker::Program);
        let form = asker(Method::POST, "/x", &[html, ("referer", "https://ent.example/homework/5?a=b")]);
        assert_eq!(form, Asker::Form { back: "/homework/5?a=b".to_owned() });
    }

    #[test]
    fn a_referrer_leads_to_our_own_pages_only() {
        for bad in [
            "",
            "/x",
            "https://a",
            "https://a//evil.example",
            "https://a/\"><script>",
            "https://a/;url=b",
            "x",
        ] {
            let form = asker(Method::POST, "/x", &[("referer", bad)]);
            assert_eq!(form, Asker::Form { back: "/".to_owned() }, "{bad}");
        }
    }
}
