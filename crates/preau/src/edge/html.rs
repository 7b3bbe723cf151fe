//! Small answers: a rendered page, JSON, "see other".

use super::{CookieJar, Kept, Platform, Refusal};
use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A rendered page. Pages are about people: no cache but the person's own browser keeps them.
///
/// # Errors
/// [`Refusal::Internal`] when the template cannot be rendered.
pub fn html(page: &impl Template) -> Result<Response, Refusal> {
    Ok(html_text(page.render()?))
}

/// The same for a page that is rendered already.
pub fn html_text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "private, no-cache")], body)
        .into_response()
}

/// A JSON document for the person's own scripts and clients.
///
/// # Errors
/// [`Refusal::Internal`] when the value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_string(value).map_err(|error| Refusal::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "private, no-store")], body)
        .into_response())
}

/// After something was done: look there (303, RFC 9110 section 15.4.4).
pub fn see_other(location: &str) -> Response {
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Like [`see_other`], with a notice for the next page: `done.KEY`, `info.KEY` or `problem.KEY`, where
/// `flash-KEY` is a text.
pub fn see_other_with(platform: &Platform, location: &str, notice: &'static str) -> Response {
    let mut response = see_other(location);
    let cookie = CookieJar::of(platform).set("flash", notice, Kept::Seconds(60));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}
