//! What the console answers: a page, its figures as JSON, metrics, and orders.
//!
//! One function instead of mounted routes: nothing here has an audience, a session or a queue. Invariant:
//! everything but metrics and static files needs the token; an order from a browser needs the page's own
//! key as well, for browsers send a password along with whatever another site makes them send.

use super::Console;
use super::page;
use super::sight::Sight;
use crate::edge::admission::{self, Order, OrderError};
use crate::edge::apart;
use crate::ui::{self, Lang};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An order as programs send it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// For which house; the only one when there is one.
    pub(super) house: Option<String>,
    #[serde(flatten)]
    pub(super) order: Order,
}

/// Orders are a few words and a message.
const LARGEST: usize = 16 * 1024;
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn router(console: Arc<Console>) -> Router {
    apart(answer, console)
}

async fn answer(State(console): State<Arc<Console>>, request: Request) -> Response {
    let mut response = dispatch(&console, request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn dispatch(console: &Console, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET {
        if path == "/metrics" {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            return (kind, super::metrics::text(&sights(console))).into_response();
        }
        if let Some(file) = ui::served(&path) {
            let kind = [(header::CONTENT_TYPE, file.kind), (header::CACHE_CONTROL, ui::assets::CACHE)];
            return (kind, file.bytes("").0).into_response();
        }
    }
    if !console.token.is_shown(request.headers()) {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"preau\", charset=\"UTF-8\"")];
        return (StatusCode::UNAUTHORIZED, ask, "The password is in console.token in the data folder.\n")
            .into_response();
    }
    let lang = language(request.headers());
    let still = request.uri().query() == Some("orders");
    match (request.method().as_str(), path.as_str()) {
        ("GET", "/") => page::page(lang, &sights(console), &key(console), still, None),
        ("GET", "/status.json") => axum::Json(sights(console)).into_response(),
        ("POST", "/order") => ordered(console, lang, request).await,
        _ => (StatusCode::NOT_FOUND, "not here\n").into_response(),
    }
}

fn sights(console: &Console) -> Vec<Sight> {
    console.houses.iter().map(|(name, platform)| Sight::of(name, platform)).collect()
}

/// What only our own page knows.
fn key(console: &Console) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(format!("console-page:{}", console.token.authorization()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn language(headers: &HeaderMap) -> Lang {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = asked.split([',', ';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
    Lang::from_code(&first).unwrap_or_default()
}

/// Why an order was not taken.
enum Wrong {
    /// Not an order at all.
    Words(&'static str),
    Order(OrderError),
}

async fn ordered(console: &Console, lang: Lang, request: Request) -> Response {
    let program = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let elsewhere = request.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin");
    let Ok(body) = axum::body::to_bytes(request.into_body(), LARGEST).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "too long\n").into_response();
    };
    let sent = if program { from_program(&body) } else { from_page(&body, &key(console)) };
    let done = match sent {
        _ if elsewhere => Err(Wrong::Words("this order did not come from the console's page")),
        Ok(sent) => carry_out(console, sent).await,
        Err(wrong) => Err(Wrong::Words(wrong)),
    };
    match (done, program) {
        (Ok(()), true) => axum::Json(sights(console)).into_response(),
        // A page that is loaded again must not repeat the order.
        (Ok(()), false) => (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response(),
        (Err(wrong), program) => {
            let text = match wrong {
                Wrong::Words(text) => text.to_owned(),
                Wrong::Order(error) => error.to_string(),
            };
            if program {
                (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response()
            } else {
                let mut response = page::page(lang, &sights(console), &key(console), true, Some(&text));
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
        }
    }
}

async fn carry_out(console: &Console, Sent { house, order }: Sent) -> Result<(), Wrong> {
    let named = |name: &String| console.houses.iter().find(|(house, _)| house == name);
    let found = match (&house, console.houses.as_slice()) {
        (Some(name), _) => named(name),
        (None, [only]) => Some(only),
        (None, _) => return Err(Wrong::Words("there are several houses: say which (--house)")),
    };
    let (_, platform) = found.ok_or(Wrong::Words("there is no such house"))?;
    admission::order(platform, order).await.map(drop).map_err(Wrong::Order)
}

fn from_program(body: &[u8]) -> Result<Sent, &'static str> {
    serde_json::from_slice(body).map_err(|_| "no order: expected {\"order\": …, \"value\": …}")
}

/// A form of the page: `house`, `order`, `value`, `key`.
fn from_page(body: &[u8], key: &str) -> Result<Sent, &'static str> {
    let (mut house, mut order, mut value, mut shown) = (None, String::new(), String::new(), String::new());
    for (name, text) in url::form_urlencoded::parse(body) {
        match name.as_ref() {
            "house" => house = Some(text.into_owned()),
            "order" => order = text.into_owned(),
            "value" => value = text.into_owned(),
            "key" => shown = text.into_owned(),
            _ => {}
        }
    }
    if shown != key {
        return Err("this order did not come from the console's page: load it again");
    }
    Ok(Sent { house, order: worded(&order, value.trim())? })
}

/// An order in words, as the page and the command line give it.
pub(super) fn worded(order: &str, value: &str) -> Result<Order, &'static str> {
    let none = value.is_empty() || value == "none";
    let seats = || match value.parse() {
        _ if none => Ok(None),
        Ok(seats) => Ok(Some(seats)),
        Err(_) => Err("a number of people is expected, or none"),
    };
    let switch = || match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off is expected"),
    };
    Ok(match order {
        "ceiling" => Order::Ceiling(seats()?),
        "floor" => Order::Floor(seats()?),
        "close" => Order::Close(value.to_owned()),
        "open" => Order::Open(value.to_owned()),
        "guard" => Order::Guard(switch()?),
        "message" => Order::Message((!none).then(|| value.to_owned())),
        "stop" => Order::Stop(switch()?),
        "end-sessions" => Order::EndSessions,
        _ => return Err("orders are ceiling, floor, close, open, guard, message, stop, end-sessions"),
    })
}
