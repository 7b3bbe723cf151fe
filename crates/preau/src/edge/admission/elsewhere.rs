//! The gate in front of other services: the same decisions, cookies and pages for a request of which only
//! the head is at hand, and which somebody else will answer.
//!
//! It knows neither sockets nor the services; whoever does asks [`said`] about each request. Invariant: what
//! passes holds a seat, exactly as in front of this application's own pages.

use super::layer::{Outcome, ask, dress};
use super::{SESSION, answer, pages};
use crate::edge::{Kept, Platform};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode};
use preau_gate::{Session, Verdict};

/// The addresses that are the gate's own, whatever the service behind it has there.
pub const FRONT_ADDRESSES: [&str; 2] = ["/now", "/status.json"];
/// Pages of the gate are some kilobytes.
const LARGEST: usize = 256 * 1024;

/// What becomes of a request.
#[derive(Debug)]
pub enum Said {
    /// It passes; the cookies go to the browser with whatever is answered.
    Pass {
        /// The seat it holds.
        seat: Session,
        /// `Set-Cookie` values.
        cookies: Vec<HeaderValue>,
    },
    /// It is answered here.
    Answer {
        /// Status code.
        status: StatusCode,
        /// All fields.
        headers: HeaderMap,
        /// The body.
        body: Bytes,
    },
}

/// Decides on a request. It waits for nothing.
pub fn said(platform: &Platform, head: &http::Request<()>) -> Said {
    let [now, status] = FRONT_ADDRESSES;
    let path = head.uri().path();
    if path == now {
        return whole(pages::now(State(platform.clone()), head.headers().clone()).now_or_never());
    }
    if path == status {
        return whole(pages::status_json(State(platform.clone())).now_or_never());
    }
    let door = platform.door();
    let Outcome { verdict, cookies } = ask(platform, head.headers());
    match verdict {
        Verdict::Admit(admission) => Said::Pass {
            seat: admission.session,
            cookies: cookies.into_iter().map(|(_, cookie)| cookie).collect(),
        },
        Verdict::Wait(wait) => {
            let mut response = answer::to(door, head, &wait);
            dress(door, &mut response, cookies);
            whole(Some(response))
        }
    }
}

/// The service says that a session is over: the seat is free at the next turn. Gives the cookies that make the
/// browser forget it.
pub fn released(platform: &Platform, seat: &Session) -> Vec<HeaderValue> {
    let door = platform.door();
    door.0.gate.release(seat, door.now());
    vec![door.0.jar.set(SESSION, "", Kept::Forget)]
}

/// Everything the gate answers is in memory: nothing is pending, and nothing is a stream.
fn whole(response: Option<Response>) -> Said {
    let missing = || (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), Bytes::new());
    let (status, headers, body) = response.map_or_else(missing, |response| {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, LARGEST).now_or_never().and_then(Result::ok);
        (parts.status, parts.headers, body.unwrap_or_default())
    });
    Said::Answer { status, headers, body }
}
