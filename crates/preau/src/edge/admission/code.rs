//! The class code: twelve letters that a teacher reads out, with which a pupil on an unknown device is
//! spared the toll while strangers besiege the unknown lane.
//!
//! The form is an ordinary one (a screen reader, a keyboard and no script suffice): its answer sets the code as a
//! cookie and goes back to the queue, where the gate checks it with the ticket. A wrong code is no error page: the
//! person simply goes on waiting and may type again. Without a script the waiting page refreshes itself, so the form
//! has a page of its own, which stands still while somebody types.

use super::answer::POLICY;
use super::{CODE, Door};
use crate::edge::views::CodePage;
use crate::edge::{Kept, caller, instant};
use crate::ui::{ClockFace, Dates, Form, Texts};
use askama::Template as _;
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Where the form goes.
pub(super) const ADDRESS: &str = "/class-code";
/// The code is for now: it is good for a day at the most.
const KEPT: u64 = 3600;
/// Letters of a code; what people type between them is left out.
const LETTERS: usize = 12;

/// Takes the code out of the query of `target` and sends the browser back to the queue; where none is in it,
/// the page that asks for one.
pub(super) fn taken(door: &Door, headers: &HeaderMap, target: &str) -> Response {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let field = |wanted: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    let back = field("back").unwrap_or_default();
    let back = super::answer::own_path(&back);
    let Some(typed) = field("code") else { return asked(door, headers, back) };
    let letters = typed.to_ascii_uppercase();
    let code: String = letters.chars().filter(char::is_ascii_alphanumeric).take(LETTERS).collect();
    let location = HeaderValue::from_str(back);
    let location = location.unwrap_or(HeaderValue::from_static("/"));
    let cookie = door.0.jar.set(CODE, &code, Kept::Seconds(KEPT));
    let fields =
        [(header::LOCATION, location), (header::SET_COOKIE, cookie), (header::CACHE_CONTROL, NO_STORE)];
    (StatusCode::SEE_OTHER, fields).into_response()
}

/// The page on which a code is typed, on the way to `here`.
fn asked(door: &Door, headers: &HeaderMap, here: &str) -> Response {
    let t = Texts::of(caller::display_before_sign_in(door.0.jar, headers).lang, Form::Neutral);
    let face = ClockFace::bare(Dates::new(t, door.0.zone.clone()).local(instant(door.0.clock.now())).time());
    let page = CodePage { t, place_name: t.get("platform-name"), face, arc: None, here };
    let html = page.render().unwrap_or_default();
    let fields = [(header::CONTENT_SECURITY_POLICY, POLICY.clone()), (header::CACHE_CONTROL, NO_STORE)];
    (fields, Html(html)).into_response()
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
