//! The decision on every request, before the session and without a database.
//!
//! What a route declared about its cost says whether the gate is asked: bytes from memory (static
//! files, `/now`, `/status`) and requests that carry a proof of their own (live signalling, machines)
//! pass; everything else needs a seat. Somebody inside costs one signature and no cookie; somebody new
//! gets a session or a ticket.

use super::{CODE, DAY, DUE, Door, MARK, PROOF, Place, SESSION, TICKET, answer};
use crate::edge::{Body, CookieJar, Cost, DeviceId, Kept, Platform, RouteInfo};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use preau_front::{Head, Seat};
use preau_gate::{Arrival, Claims, Network, Session, Verdict};
use std::collections::HashMap;
use std::sync::Arc;

/// Where the gate stands and what it lets pass unasked; made once from the table of routes.
#[derive(Clone)]
pub struct Entrance {
    platform: Platform,
    rules: Arc<HashMap<(bool, &'static str), Rule>>,
    paths: Arc<matchit::Router<&'static str>>,
}

/// What the gate knows of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    cost: Cost,
    passage: Option<Passage>,
}

/// Why a route is not behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
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
        let mut paths = matchit::Router::new();
        let rules = table.iter().map(|route| {
            // Two methods on one path are one entry.
            let _ = paths.insert(route.path, route.path);
            let passage = match (route.cost, route.body) {
                (Cost::Static, _) => Some(Passage::Memory),
                (Cost::Live, _) | (_, Body::Machine(_)) => Some(Passage::Proof),
                (Cost::Page | Cost::Write | Cost::Bulk | Cost::Password, _) => None,
            };
            ((route.method == Method::GET, route.path), Rule { cost: route.cost, passage })
        });
        Entrance { rules: Arc::new(rules.collect()), paths: Arc::new(paths), platform }
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    fn rule(&self, method: &str, pattern: &str) -> Option<Rule> {
        self.rules.get(&(matches!(method, "GET" | "HEAD"), pattern)).copied()
    }

    fn passage(&self, request: &Request) -> Option<Passage> {
        let path = request.extensions().get::<MatchedPath>()?;
        self.rule(request.method().as_str(), path.as_str())?.passage
    }

    /// What a request with this head costs, and whether it passes unasked. What nobody answers costs a page.
    pub(super) fn of_head(&self, method: &str, path: &str) -> (Cost, Option<Passage>) {
        let pattern = self.paths.at(path).ok().map(|found| *found.value);
        let rule = pattern.and_then(|pattern| self.rule(method, pattern));
        rule.map_or((Cost::Page, None), |rule| (rule.cost, rule.passage))
    }
}

/// The gate's cookies as a request shows them, unchecked, found in one pass.
#[derive(Debug, Default)]
pub(super) struct Shown<'h> {
    pub(super) session: Option<&'h str>,
    pub(super) ticket: Option<&'h str>,
    mark: Option<&'h str>,
    device: Option<&'h str>,
    due: Option<&'h str>,
    proof: Option<&'h str>,
    code: Option<&'h str>,
}

impl<'h> Shown<'h> {
    fn on(jar: CookieJar, headers: &'h HeaderMap) -> Shown<'h> {
        let mut shown = Shown::default();
        jar.all(headers).for_each(|(name, value)| shown.take(name, value));
        shown
    }

    pub(super) fn on_head(jar: CookieJar, head: &Head<'h>) -> Shown<'h> {
        let mut shown = Shown::default();
        head.each_field("cookie", |line| {
            let line = std::str::from_utf8(line).unwrap_or_default();
            jar.in_line(line).for_each(|(name, value)| shown.take(name, value));
        });
        shown
    }

    fn take(&mut self, name: &str, value: &'h str) {
        let place = match name {
            SESSION => &mut self.session,
            TICKET => &mut self.ticket,
            MARK => &mut self.mark,
            DUE => &mut self.due,
            PROOF => &mut self.proof,
            CODE => &mut self.code,
            "device" => &mut self.device,
            _ => return,
        };
        place.get_or_insert(value);
    }
}

/// What became of a request at the gate, with the cookies to send.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) cookies: Vec<(&'static str, HeaderValue)>,
}

/// The middleware. It stands outside the session layer and inside the security headers. Where the front has
/// asked the gate already, before it read the request, only what it said is taken over.
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
            let shown = Shown::on(door.0.jar, request.headers()).session;
            let seat = shown.and_then(|text| door.0.gate.read_session(text, door.now()).ok());
            if let Some(seat) = seat {
                request.extensions_mut().insert(seat);
            }
            return next.run(request).await;
        }
        None => {}
    }
    let told = request.extensions().get::<Seat>().and_then(|seat| seat.get::<Place>());
    let (session, cookies) = match told {
        Some(Place { session, cookies, .. }) => (*session, cookies.clone()),
        None => {
            let Outcome { verdict, cookies } = ask(platform, &Shown::on(door.0.jar, request.headers()), None);
            match verdict {
                Verdict::Admit(admission) => (admission.session, cookies),
                Verdict::Wait(wait) => {
                    let mut response = answer::to(door, &request, &wait);
                    dress(door, &mut response, cookies);
                    return response;
                }
            }
        }
    };
    request.extensions_mut().insert::<Session>(session);
    let mut response = next.run(request).await;
    dress(door, &mut response, cookies);
    response
}

/// Asks the gate. `network` is where the request comes from, as far as that can be believed.
pub(super) fn ask(platform: &Platform, shown: &Shown<'_>, network: Option<Network>) -> Outcome {
    let door = platform.door();
    let now = door.now();
    let gate = &door.0.gate;
    let jar = door.0.jar;
    let fresh = || {
        // A genuine session here means a copy of one that was taken over elsewhere: keeping its number
        // would let the two oust each other for ever.
        let copy = shown.session.is_some_and(|text| gate.read_session(text, now).is_ok());
        let own = shown.device.filter(|_| !copy).and_then(|value| platform.device(value));
        preau_gate::DeviceId::new(own.unwrap_or_else(DeviceId::fresh).bytes())
    };
    let arrival =
        Arrival { session: shown.session, ticket: shown.ticket, mark: shown.mark, lesson_ends: None };
    let lesson = door.due_lesson(platform, shown.device, shown.due, now);
    let claims = Claims { lesson, network, proof: shown.proof, class_code: shown.code };
    let verdict = gate.judge(&arrival, &claims, fresh, now);
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
        Verdict::Wait(wait) if wait.forged => {
            cookies.push((TICKET, jar.set(TICKET, "", Kept::Forget)));
            return Outcome { verdict, cookies };
        }
        Verdict::Wait(wait) => {
            if let Some(ticket) = &wait.ticket {
                if wait.drawn_at_bell {
                    door.note_draw(wait.rank.slot(), wait.device);
                }
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
