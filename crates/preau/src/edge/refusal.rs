//! Refusals: who is at fault, in plain words, and what to do. They become pages on the way out.

use super::{Caller, Platform};
use crate::access::Denied;
use crate::store::StoreError;
use crate::ui::Shell;
use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

/// Why a request is not answered as asked.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// It does not exist, or it is not for this person; nobody learns which.
    NotFound,
    /// Nobody is signed in.
    SignInFirst,
    /// The form's token is missing, old or somebody else's.
    Forged,
    /// The body is larger than the route takes.
    TooLarge {
        /// Largest body, in bytes.
        limit: usize,
    },
    /// The body broke off.
    Interrupted,
    /// The request cannot be read: what was expected, in words for a developer.
    Malformed(String),
    /// The person asked for something that the situation forbids; a text key under `refusal-`.
    Rule(&'static str),
    /// Too much is going on; come back in so many seconds.
    Busy {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// Our fault. Logged once, at the edge, under an operation number.
    Internal(String),
}

impl Refusal {
    /// The HTTP status (RFC 9110).
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::SignInFirst => StatusCode::UNAUTHORIZED,
            Refusal::Forged => StatusCode::FORBIDDEN,
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Interrupted | Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::Rule(_) => StatusCode::CONFLICT,
            Refusal::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Text keys start with this word.
    fn key(&self) -> &'static str {
        match self {
            Refusal::NotFound => "not-found",
            Refusal::SignInFirst => "sign-in-first",
            Refusal::Forged => "forged",
            Refusal::TooLarge { .. } => "too-large",
            Refusal::Interrupted => "interrupted",
            Refusal::Malformed(_) => "malformed",
            Refusal::Rule(key) => key,
            Refusal::Busy { .. } => "busy",
            Refusal::Internal(_) => "internal",
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused => Refusal::NotFound,
            Denied::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Refusal::Busy { retry_after: 3 },
            error => Refusal::Internal(error.to_string()),
        }
    }
}

impl From<diesel::result::Error> for Refusal {
    fn from(error: diesel::result::Error) -> Self {
        Refusal::Internal(format!("database: {error}"))
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Refusal::Internal(format!("template: {error}"))
    }
}

impl IntoResponse for Refusal {
    /// A bare response; [`refusal_pages`] puts the page into it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "edge/refusal.html")]
struct RefusalPage {
    page: Shell,
    what: String,
    meaning: String,
    operation: Option<String>,
    refresh: Option<u32>,
}

/// The middleware that turns refusals into pages, or into JSON for programs. It runs inside the session
/// layer, so that the page speaks the caller's language.
pub async fn refusal_pages(State(platform): State<Platform>, request: Request, next: Next) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let wants_json = wants_json(&uri, request.headers());
    let response = next.run(request).await;
    let refusal = match response.extensions().get::<Refusal>() {
        Some(refusal) => refusal.clone(),
        // A path that no slice mounted, and a method that its slice does not take.
        None if bare(&response) => Refusal::NotFound,
        None => return response,
    };
    let operation = operation_number(&refusal, &method, uri.path());
    if matches!(refusal, Refusal::SignInFirst) && method == Method::GET && !wants_json {
        return to_sign_in(uri.path_and_query().map_or("/", |path| path.as_str()));
    }
    let Some(caller) = caller else { return response };
    let body = if wants_json {
        let text = serde_json::json!({ "error": refusal.key(), "operation": operation }).to_string();
        (refusal.status(), [(header::CONTENT_TYPE, "application/json")], text).into_response()
    } else {
        page(&platform, &caller, &refusal, operation)
    };
    let mut response = body;
    if let Refusal::Busy { retry_after } = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    }
    response
}

/// Whether a program asks and not a person: by the path, or by what it accepts.
pub(super) fn wants_json(uri: &http::Uri, headers: &http::HeaderMap) -> bool {
    uri.path().ends_with(".json")
        || headers.get(header::ACCEPT).is_some_and(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.contains("application/json") && !value.contains("text/html"))
        })
}

fn bare(response: &Response) -> bool {
    matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
        && response.headers().get(header::CONTENT_TYPE).is_none()
}

fn page(_: &Platform, caller: &Caller, refusal: &Refusal, operation: Option<String>) -> Response {
    let texts = caller.texts();
    let key = refusal.key();
    let what = texts.get(&format!("refusal-{key}")).to_owned();
    let meaning = match refusal {
        Refusal::TooLarge { limit } => {
            texts.with("refusal-too-large-meaning", "mebibytes", (limit / (1024 * 1024)).max(1) as i64)
        }
        _ => texts.get(&format!("refusal-{key}-meaning")).to_owned(),
    };
    let refresh = match refusal {
        Refusal::Busy { retry_after } => Some(*retry_after),
        _ => None,
    };
    let view = RefusalPage { page: caller.shell_titled(what.clone()), what, meaning, operation, refresh };
    match view.render() {
        Ok(html) => (refusal.status(), axum::response::Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of a refusal could not be written");
            refusal.status().into_response()
        }
    }
}

/// Logs what is our fault, once, under a number that the page shows.
fn operation_number(refusal: &Refusal, method: &Method, path: &str) -> Option<String> {
    match refusal {
        Refusal::Internal(reason) => {
            let number = format!("{:08x}", crate::ids::next_id() as u64 >> 8 & 0xffff_ffff);
            tracing::error!(operation = %number, %method, path, %reason, "request failed");
            Some(number)
        }
        Refusal::Malformed(reason) => {
            tracing::info!(%method, path, %reason, "malformed request");
            None
        }
        _ => None,
    }
}

fn to_sign_in(from: &str) -> Response {
    let next: String = form_urlencoded(from);
    let location = if from == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={next}") };
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/sign-in"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn form_urlencoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
