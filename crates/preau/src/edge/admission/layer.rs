//! The decision on every request, before the session and without a database.
//!
//! What a route declared about its cost says whether the gate is asked: bytes from memory (static
//! files, `/now`, `/status`) and requests that carry a proof of their own (live signalling, machines)
//! pass; everything else needs a seat. Somebody inside costs one signature and no cookie; somebody new
//! gets a session or a ticket.

use super::{DAY, Door, MARK, SESSION, TICKET, answer};
use crate::edge::{Body, Cost, DeviceId, Kept, Platform, RouteInfo};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use preau_gate::{Arrival, Session, Verdict};
use std::collections::HashMap;
use std::sync::Arc;

/// Where the gate stands and what it lets pass unasked; made once from the table of routes.
#[derive(Clone)]
pub struct Entrance {
    platform: Platform,
    passes: Arc<HashMap<(bool, &'static str), Passage>>,
}

/// Why a route is not behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// It is answered from memory, the same for everybody.
    Memory,
    /// It carries a proof that was given to somebody inside.
    Proof,
}

/// On requests that nobody's session is looked up for.
#[derive(Debug, Clone, Copy)]
pub(in crate::edge) struct Unasked;

impl Entrance {
    /// The entrance to these routes.
    pub fn new(platform: Platform, table: &[RouteInfo]) -> Entrance {
        let passes = table.iter().filter_map(|route| {
            let passage = match (route.cost, route.body) {
                (Cost::Static, _) => Passage::Memory,
                (Cost::Live, _) | (_, Body::Machine(_)) => Passage::Proof,
                (Cost::Page | Cost::Write | Cost::Password, _) => return None,
            };
            Some(((route.method == Method::GET, route.path), passage))
        });
        Entrance { passes: Arc::new(passes.collect()), platform }
    }

    fn passage(&self, request: &Request) -> Option<Passage> {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let path = request.extensions().get::<MatchedPath>()?;
        self.passes.get(&(reads, path.as_str())).copied()
    }
}

/// The gate's cookies as a request shows them, unchecked, found in one pass.
#[derive(Debug, Default)]
struct Shown<'h> {
    session: Option<&'h str>,
    ticket: Option<&'h str>,
    mark: Option<&'h str>,
    device: Option<&'h str>,
}

impl<'h> Shown<'h> {
    fn on(door: &Door, headers: &'h HeaderMap) -> Shown<'h> {
        let mut shown = Shown::default();
        for (name, value) in door.0.jar.all(headers) {
            let place = match name {
                SESSION => &mut shown.session,
                TICKET => &mut shown.ticket,
                MARK => &mut shown.mark,
                "device" => &mut shown.device,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        shown
    }
}

/// What became of a request at the gate, with the cookies to send.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) cookies: Vec<(&'static str, HeaderValue)>,
}

/// The middleware. It stands outside the session layer and inside the security headers.
pub async fn admission(State(entrance): State<Entrance>, mut request: Request, next: Next) -> Response {
    let platform = &entrance.platform;
    let door = platform.door();
    match entrance.passage(&request) {
        Some(Passage::Memory) => {
            request.extensions_mut().insert(Unasked);
            return next.run(request).await;
        }
        Some(Passage::Proof) => {
            // Their seat is kept by the lesson; whoever shows one may have it kept longer.
            let shown = Shown::on(door, request.headers()).session;
            let seat = shown.and_then(|text| door.0.gate.read_session(text, door.now()).ok());
            if let Some(seat) = seat {
                request.extensions_mut().insert(seat);
            }
            return next.run(request).await;
        }
        None => {}
    }
    let Outcome { verdict, cookies } = ask(platform, request.headers());
    match verdict {
        Verdict::Admit(admission) => {
            request.extensions_mut().insert::<Session>(admission.session);
            let mut response = next.run(request).await;
            dress(door, &mut response, cookies);
            response
        }
        Verdict::Wait(wait) => {
            let mut response = answer::to(door, &request, &wait);
            dress(door, &mut response, cookies);
            response
        }
    }
}

pub(super) fn ask(platform: &Platform, headers: &HeaderMap) -> Outcome {
    let door = platform.door();
    let now = door.now();
    let gate = &door.0.gate;
    let jar = door.0.jar;
    let shown = Shown::on(door, headers);
    let fresh = || {
        // A genuine session here means a copy of one that was taken over elsewhere: keeping its number
        // would let the two oust each other for ever.
        let copy = shown.session.is_some_and(|text| gate.read_session(text, now).is_ok());
        let own = shown.device.filter(|_| !copy).and_then(|value| platform.device(value));
        preau_gate::DeviceId::new(own.unwrap_or_else(DeviceId::fresh).bytes())
    };
    let arrival =
        Arrival { session: shown.session, ticket: shown.ticket, mark: shown.mark, lesson_ends: None };
    let verdict = gate.decide(&arrival, fresh, now);
    let mut cookies = Vec::new();
    let device = match &verdict {
        Verdict::Admit(admission) => {
            if let Some(session) = &admission.renewed {
                cookies.push((SESSION, jar.set(SESSION, session.as_str(), Kept::Seconds(DAY))));
                if shown.ticket.is_some() {
                    cookies.push((TICKET, jar.set(TICKET, "", Kept::Forget)));
                }
            }
            admission.session.device
        }
        Verdict::Wait(wait) => {
            if let Some(ticket) = &wait.ticket {
                cookies.push((TICKET, jar.set(TICKET, ticket.as_str(), Kept::Seconds(DAY))));
                if shown.session.is_some() {
                    cookies.push((SESSION, jar.set(SESSION, "", Kept::Forget)));
                }
            }
            door.tell_if_known(wait.lane, wait.device, wait.arrived, now);
            wait.device
        }
    };
    let device = DeviceId::of_gate(device);
    if !shown.device.is_some_and(|value| device.is_named_by(value)) {
        let sealed = device.sealed(platform.device_key());
        let kept = Kept::Seconds(crate::edge::device::KEPT_SECONDS);
        cookies.push(("device", jar.set("device", &sealed, kept)));
    }
    Outcome { verdict, cookies }
}

/// Adds the cookies, save those that the handler has set itself (a sign-in gives a newer session), and
/// none to what every visitor shares.
pub(super) fn dress(door: &Door, response: &mut Response, cookies: Vec<(&'static str, HeaderValue)>) {
    let cache = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    if cookies.is_empty() || cache.is_some_and(|value| value.starts_with("public")) {
        return;
    }
    for (name, cookie) in cookies {
        if !door.0.jar.sets(response.headers(), name) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}
