//! What the gate shows to everybody: `/now` for the pages of those who wait, `/status` for people who
//! wonder, `/status.json` for monitors. All from memory, in front of every queue.

use super::answer::{POLICY, minutes};
use super::{Door, TICKET, leaving};
use crate::edge::views::{OutPage, StatusPage, WaitArc, estimate};
use crate::edge::{Audience, Body, Caller, Cost, Platform, Refusal, Routes, caller, instant};
use crate::ui::{ClockFace, Dates, Form, Texts};
use askama::Template as _;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use preau_gate::{Lane, RangeMinutes};
use std::time::Duration;

/// Seconds without a round of the scheduler after which the queue is said to stand still.
const STANDSTILL: Duration = Duration::from_secs(10);

/// `/now`, `/status`, `/status.json`, the draws, where a class code is typed, and what a closed page says.
pub fn gate_pages(platform: Platform) -> Routes<()> {
    Routes::new()
        .get("/now", Audience::Anyone, Cost::Static, now)
        .get("/status", Audience::Anyone, Cost::Static, status)
        .get("/status.json", Audience::Anyone, Cost::Static, status_json)
        .get("/draws.json", Audience::Anyone, Cost::Static, draws)
        .get("/draws/{slot}", Audience::Anyone, Cost::Static, draw)
        .get("/class-code", Audience::Anyone, Cost::Static, class_code)
        .post("/seat/departure", Audience::Anyone, Cost::Static, Body::Machine(0), leaving::departs)
        .post("/seat/return", Audience::Anyone, Cost::Static, Body::Machine(0), leaving::returns)
        .with_state(platform)
}

/// The queue in at most 200 bytes, the same for everybody, so that caches on the way may answer. A
/// ticket that comes along is a sign of life.
async fn now(State(platform): State<Platform>, headers: HeaderMap) -> Response {
    let door = platform.door();
    heard(door, door.0.jar.get(&headers, TICKET));
    now_answer(&door.0.gate.now_json())
}

async fn draws(State(platform): State<Platform>) -> Response {
    super::draws::all(platform.door())
}

async fn draw(State(platform): State<Platform>, Path(slot): Path<String>) -> Response {
    super::draws::one(platform.door(), &slot)
}

async fn class_code(State(platform): State<Platform>, headers: HeaderMap, uri: http::Uri) -> Response {
    super::code::taken(platform.door(), &headers, uri.path_and_query().map_or("", |path| path.as_str()))
}

/// Somebody with this ticket is still there.
pub(super) fn heard(door: &Door, ticket: Option<&str>) {
    if let Some(ticket) = ticket {
        let at = door.now();
        if let Some(ticket) = door.0.gate.heartbeat(ticket, at) {
            door.tell_if_known(ticket.lane, ticket.device, ticket.issued, at);
        }
    }
}

/// The state of the queue as an answer.
pub(super) fn now_answer(body: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=1")];
    (headers, body.to_owned()).into_response()
}

/// The gate as a stranger may know it.
struct Sight {
    inside: u32,
    seats: u32,
    waiting: u32,
    /// For somebody unknown who comes now; none when there is no wait.
    range: Option<RangeMinutes>,
    moving: bool,
}

impl Sight {
    fn of(door: &Door) -> Sight {
        let status = door.status();
        Sight {
            inside: status.taken,
            seats: status.seats,
            waiting: status.lanes.iter().map(|lane| lane.waiting).sum(),
            range: door.0.gate.forecast(Lane::Unknown).map(|(_, range)| range),
            moving: door.now().since(status.at) < STANDSTILL,
        }
    }
}

async fn status(State(platform): State<Platform>, caller: Caller) -> Result<Response, Refusal> {
    let door = platform.door();
    let sight = Sight::of(door);
    let t = Texts::of(caller.display().lang, Form::Neutral);
    let dates = Dates::new(t, door.0.zone.clone());
    let now = platform.instant();
    let face = ClockFace::bare(dates.local(now).time());
    let range = sight.range.map(minutes);
    let view = StatusPage {
        t,
        place_name: t.get("platform-name"),
        face,
        arc: range.and_then(|(low, high)| WaitArc::of(&face, low, high)),
        moving: sight.moving,
        inside: sight.inside.into(),
        seats: sight.seats.into(),
        waiting: sight.waiting.into(),
        estimate: &range.map(|(low, high)| estimate(t, low, high)).unwrap_or_default(),
        since: &dates.moment(platform.today(), instant(super::millis(door.0.opened))),
        seen_at: &dates.hour_at(now),
    };
    let html = view.render()?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CACHE_CONTROL, http::HeaderValue::from_static("private, no-cache")),
    ];
    Ok((headers, Html(html)).into_response())
}

/// Figures for monitors: 200 while the queue moves, 503 when it stands still.
async fn status_json(State(platform): State<Platform>) -> Response {
    status_answer(platform.door())
}

pub(super) fn status_answer(door: &Door) -> Response {
    let sight = Sight::of(door);
    let range = sight.range.map(|range| serde_json::json!({ "low": range.low, "high": range.high }));
    let body = serde_json::json!({
        "up": true,
        "moving": sight.moving,
        "inside": sight.inside,
        "seats": sight.seats,
        "waiting": sight.waiting,
        "wait_minutes": range,
        "since": door.0.opened.unix_millis() / 1000,
        "at": door.now().unix_millis() / 1000,
    });
    let code = if sight.moving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (code, headers, body.to_string()).into_response()
}

/// Whoever answers behind the gate does not answer: the page tries again by itself, the seat is kept.
pub(super) fn out_of_order(platform: &Platform, headers: &HeaderMap) -> Response {
    /// Seconds until the page tries again.
    const AGAIN: u32 = 15;
    let door = platform.door();
    let t = Texts::of(caller::display_before_sign_in(door.0.jar, headers).lang, Form::Neutral);
    let dates = Dates::new(t, door.0.zone.clone());
    let face = ClockFace::bare(dates.local(platform.instant()).time());
    let place_name = t.get("platform-name");
    let html = OutPage { t, place_name, face, arc: None, interval: AGAIN }.render().unwrap_or_default();
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CACHE_CONTROL, http::HeaderValue::from_static("no-store")),
        (header::RETRY_AFTER, http::HeaderValue::from(AGAIN)),
    ];
    (headers, Html(html)).into_response()
}
