//! The gate at the front: the same decisions, cookies and pages as in [`super::layer`], for a request of
//! which only the head is at hand. Who waits is answered here, from memory, before anything of the
//! application has seen the request.
//!
//! It knows neither sockets nor what answers in the end. Invariant: what passes holds a seat, exactly as in
//! front of this application's own pages, or needs none.

use super::layer::{Entrance, Outcome, Shown, ask, dress};
use super::{Door, SESSION, answer, pages};
use crate::edge::{Cost, Kept, Platform, dressed};
use axum::response::Response;
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, header};
use preau_front::{Answer, Decision, Head, Pass, Refused, Rendered, Seat};
use preau_gate::{Network, Session, Verdict};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Pages of the gate are some kilobytes.
const LARGEST: usize = 256 * 1024;
/// Fields that the front writes itself.
const OWN: [HeaderName; 3] = [header::CONNECTION, header::CONTENT_LENGTH, header::DATE];

/// Where somebody sits: travels with a request that has passed.
#[derive(Debug, Clone)]
pub struct Place {
    /// The site, where the front has several.
    pub site: usize,
    /// The seat.
    pub session: Session,
    /// What the browser is to keep, for whoever writes the response.
    pub(super) cookies: Vec<(&'static str, HeaderValue)>,
}

/// Decides on a request to the site `head.site`, whose queue is `platform`'s. It waits for nothing.
///
/// # Errors
/// The answer, for somebody who waits and for what the gate itself answers.
pub fn place(platform: &Platform, head: &Head<'_>) -> Result<Place, Decision> {
    let door = platform.door();
    if let Some(answer) = own_page(platform, head) {
        return Err(answer);
    }
    let network = Some(network_of(head.client.address));
    let Outcome { verdict, cookies } = ask(platform, &Shown::on_head(door.0.jar, head), network);
    match verdict {
        Verdict::Admit(admission) => Ok(Place { site: head.site, session: admission.session, cookies }),
        Verdict::Wait(wait) => Err(Decision::Answer(request_of(head).map_or_else(
            || Refused::Malformed.plain(),
            |request| {
                let mut response = answer::to(door, &request, &wait);
                dress(door, &mut response, cookies);
                whole(platform, response)
            },
        ))),
    }
}

/// What the gate answers everybody, whoever waits: its state.
fn own_page(platform: &Platform, head: &Head<'_>) -> Option<Decision> {
    let from_memory = |response| Some(Decision::Answer(whole(platform, response)));
    match (head.method, head.path()) {
        ("GET" | "HEAD", "/now") => {
            let ticket = Shown::on_head(platform.door().0.jar, head).ticket;
            Some(Decision::Shared(queue(platform, ticket)))
        }
        ("GET" | "HEAD", "/status.json") => from_memory(pages::status_answer(platform.door())),
        ("GET" | "HEAD", super::code::ADDRESS) => {
            from_memory(super::code::taken(platform.door(), &head.to_map(), head.target))
        }
        ("GET" | "HEAD", super::draws::ADDRESS) => from_memory(super::draws::all(platform.door())),
        ("GET" | "HEAD", path) => {
            let slot = path.strip_prefix("/draws/")?;
            from_memory(super::draws::one(platform.door(), slot))
        }
        _ => None,
    }
}

/// The queue in few bytes, rendered once for all who ask until it changes.
fn queue(platform: &Platform, ticket: Option<&str>) -> Rendered {
    let door = platform.door();
    pages::heard(door, ticket);
    let text = door.0.gate.now_json();
    if let Some(known) = &*door.0.queue.load()
        && Arc::ptr_eq(&known.0, &text)
    {
        return known.1.clone();
    }
    let rendered = Rendered::new(whole(platform, pages::now_answer(&text)));
    door.0.queue.store(Some(Arc::new((text, rendered.clone()))));
    rendered
}

impl Place {
    /// Takes the `Set-Cookie` fields out.
    pub fn take_cookies(&mut self) -> Vec<HeaderValue> {
        std::mem::take(&mut self.cookies).into_iter().map(|(_, cookie)| cookie).collect()
    }
}

/// The service says that a session is over: the seat is free at the next turn. Gives the cookies that make the
/// browser forget it.
pub fn released(platform: &Platform, seat: &Session) -> Vec<HeaderValue> {
    let door = platform.door();
    door.0.gate.release(seat, door.now());
    vec![door.0.jar.set(SESSION, "", Kept::Forget)]
}

/// Where somebody comes from, as far as fairness between networks needs it: the first three numbers of an
/// IPv4 address, the site part (48 bits) of an IPv6 one. It is kept for minutes, in memory, as a number.
pub(super) fn network_of(address: IpAddr) -> Network {
    Network(match address.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address) >> 8),
        IpAddr::V6(address) => (u128::from(address) >> 80) as u64 | 1 << 63,
    })
}

/// The front of this application itself.
pub struct Entry(Entrance);

impl Entry {
    /// The front of the application that `entrance` was made for.
    pub fn new(entrance: Entrance) -> Entry {
        Entry(entrance)
    }

    fn platform(&self) -> &Platform {
        self.0.platform()
    }
}

impl preau_front::Door for Entry {
    fn decide(&self, head: &Head<'_>) -> Decision {
        let (cost, passage) = self.0.of_head(head.method, head.path());
        let class = cost as u8;
        if passage.is_some() {
            return match own_page(self.platform(), head) {
                Some(answer) => answer,
                None => Decision::Pass(Pass { class, ..Pass::default() }),
            };
        }
        match place(self.platform(), head) {
            // Its cookies go to the browser with the page, unless the page sets newer ones.
            Ok(place) => Decision::Pass(Pass { class, seat: Some(Seat::new(place)), ..Pass::default() }),
            Err(answer) => answer,
        }
    }

    fn late(&self, by: Duration) {
        self.platform().door().late(by);
    }

    fn crowded(&self) -> bool {
        crowded(self.platform().door())
    }

    fn refuse(&self, refused: Refused, head: Option<&Head<'_>>) -> Answer {
        refusal(self.platform(), refused, head)
    }
}

/// Whether people wait.
pub fn crowded(door: &Door) -> bool {
    door.status().lanes.iter().any(|lane| lane.waiting > 0)
}

/// What a person sees, and a program reads, of a request that the front refuses.
pub fn refusal(platform: &Platform, refused: Refused, head: Option<&Head<'_>>) -> Answer {
    let Some(head) = head.filter(|head| refused.status().is_server_error() && wants_page(head)) else {
        return refused.plain();
    };
    let page = pages::out_of_order(platform, &head.to_map());
    let mut answer = whole(platform, page);
    answer.status = refused.status();
    answer.close = refused.closes();
    answer
}

fn wants_page(head: &Head<'_>) -> bool {
    head.field("accept").is_some_and(|accept| accept.windows(9).any(|part| part == b"text/html"))
}

fn request_of(head: &Head<'_>) -> Option<http::Request<()>> {
    let request = http::Request::builder().method(head.method).uri(head.target).version(head.version);
    let mut request = request.body(()).ok()?;
    *request.headers_mut() = head.to_map();
    Some(request)
}

/// A response whose body is in memory, as the front sends it.
fn whole(platform: &Platform, response: Response) -> Answer {
    let (mut parts, body) = response.into_parts();
    dressed(platform, None, &mut parts.headers);
    // Everything the gate answers is in memory: nothing is pending, and nothing is a stream.
    let body = axum::body::to_bytes(body, LARGEST).now_or_never().and_then(Result::ok);
    let mut answer = Answer::new(parts.status, body.unwrap_or_default());
    answer.close = parts.headers.get(header::CONNECTION).is_some_and(|value| value == "close");
    for (name, value) in &parts.headers {
        if !OWN.contains(name) {
            answer = answer.with(name.clone(), value.clone());
        }
    }
    answer
}

/// The class of request as the valves count: reading and doing cost a service differently.
pub fn class_of(method: &str) -> u8 {
    let cost = if matches!(method, "GET" | "HEAD") { Cost::Page } else { Cost::Write };
    cost as u8
}
