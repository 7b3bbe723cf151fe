//! The class code: twelve letters that a teacher reads out, with which a pupil on an unknown device is
//! spared the toll while strangers besiege the unknown lane.
//!
//! The form on the waiting page is an ordinary one (a screen reader, a keyboard and no script suffice): its
//! answer sets the code as a cookie and goes back to the queue, where the gate checks it with the ticket. A
//! wrong code is no error page: the person simply goes on waiting and may type again.

use super::{CODE, Door};
use crate::edge::Kept;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};

/// Where the form goes.
pub(super) const ADDRESS: &str = "/class-code";
/// The code is for now: it is good for a day at the most.
const KEPT: u64 = 3600;
/// Letters of a code; what people type between them is left out.
const LETTERS: usize = 12;

/// Takes the code out of the query of `target` and sends the browser back to the queue.
pub(super) fn taken(door: &Door, target: &str) -> Response {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let field = |wanted: &str| {
        let found = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let letters = field("code").to_ascii_uppercase();
    let code: String = letters.chars().filter(char::is_ascii_alphanumeric).take(LETTERS).collect();
    let back = field("back");
    let location = HeaderValue::from_str(super::answer::own_path(&back));
    let location = location.unwrap_or(HeaderValue::from_static("/"));
    let cookie = door.0.jar.set(CODE, &code, Kept::Seconds(KEPT));
    let fields =
        [(header::LOCATION, location), (header::SET_COOKIE, cookie), (header::CACHE_CONTROL, NO_STORE)];
    (StatusCode::SEE_OTHER, fields).into_response()
}

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
