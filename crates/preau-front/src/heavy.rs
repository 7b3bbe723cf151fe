//! The other path: connections whose requests go on to a backend, served by hyper.
//!
//! The same decisions as on the light path, from the same door. It forwards nothing itself. Invariant:
//! a connection over which a request with chunks has come carries no further request, so that no two
//! parsers need to agree where its body ended (RFC 9112 section 6.1).

use crate::body::Bounded;
use crate::door::{Asked, Backend, Decision, Door, Released};
use crate::head::{self, Fields, Head, host_of};
use crate::server::{Open, Shared};
use crate::wire::{Guarded, Wire};
use crate::{Body, Client, Limits, Peer, Refused};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// What the exchanges of one connection tell their connection.
#[derive(Debug, Default)]
struct Course {
    /// Exchanges begun and ended, in one number that changes with each.
    steps: AtomicU64,
    /// Exchanges open at the moment.
    open: AtomicU64,
    /// An answer said that the connection ends with it.
    close: Notify,
}

/// Counts an exchange as open.
struct Step(Arc<Course>);

impl Step {
    fn of(course: &Arc<Course>) -> Step {
        course.steps.fetch_add(1, Ordering::Relaxed);
        course.open.fetch_add(1, Ordering::Relaxed);
        Step(Arc::clone(course))
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve<D: Door, B: Backend>(
    wire: Wire,
    ahead: Bytes,
    http2: bool,
    first: Option<Decision>,
    open: Open<D, B>,
    peer: Peer,
) {
    let course = Arc::new(Course::default());
    let shared = open.shared();
    let service = {
        let (shared, course, first) = (Arc::clone(&shared), Arc::clone(&course), Mutex::new(first));
        service_fn(move |request: Request<Incoming>| {
            let step = Step::of(&course);
            let decided = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let shared = Arc::clone(&shared);
            async move {
                let response = exchange(&shared, peer, decided, request, &step.0).await;
                Ok::<_, Infallible>(response)
            }
        })
    };
    let limits = &shared.limits;
    // The connection is open as long as its socket is, upgraded ones included.
    let io = TokioIo::new(Guarded::new(wire, ahead, Arc::clone(limits), Box::new(open)));
    if http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(64 * 1024)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024);
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut asked = shared.stop.subscribe();
        let mut steps = 0;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    log(ended);
                    return;
                }
                _ = asked.changed() => break,
                () = course.close.notified() => break,
                () = tokio::time::sleep(limits.idle) => {
                    // hyper leaves an idle connection of HTTP/2 open for ever.
                    let now = course.steps.load(Ordering::Relaxed);
                    if now == steps && course.open.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                    steps = now;
                }
            }
        }
        // Says goodbye (GOAWAY) and lets open requests finish; whoever does not go is cut off.
        connection.as_mut().graceful_shutdown();
        let patience = limits.drain.max(limits.stall);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    log(ended);
                    return;
                }
                () = tokio::time::sleep(patience) => {
                    if course.open.load(Ordering::Relaxed) == 0 {
                        return;
                    }
                }
            }
        }
    }
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // One timer for the wait between requests and for a head that comes in pieces.
        .header_read_timeout(limits.idle.max(limits.head))
        .max_headers(limits.fields.min(head::MOST_FIELDS))
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(8 * 1024));
    // A stop closes nothing here: an idle connection may have a request on its way. The next answer says
    // that it is the last, and without one the connection ends by itself.
    log(builder.serve_connection(io, service).with_upgrades().await);
}

fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// What a refusal page may want to know of a request that is already gone.
#[derive(Debug, Default)]
struct Heard(Vec<(HeaderName, HeaderValue)>);

impl Heard {
    const KEPT: [HeaderName; 3] =
        [header::ACCEPT, header::ACCEPT_LANGUAGE, HeaderName::from_static("sec-fetch-dest")];

    fn of(fields: &HeaderMap) -> Heard {
        let kept = |name: HeaderName| fields.get(&name).map(|value| (name, value.clone()));
        Heard(Heard::KEPT.into_iter().filter_map(kept).collect())
    }
}

async fn exchange<D: Door, B: Backend>(
    shared: &Shared<D, B>,
    peer: Peer,
    decided: Option<Decision>,
    request: Request<Incoming>,
    course: &Course,
) -> Response<Body> {
    let version = request.version();
    let refuse = |refused: Refused, head: Option<&Head<'_>>| {
        let answer = shared.door.refuse(refused, head);
        if answer.close {
            course.close.notify_one();
        }
        answer.into_response(version)
    };
    let authority = match head::judge(&request) {
        Ok(authority) => authority.unwrap_or_default(),
        Err(refused) => return refuse(refused, None),
    };
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let fields = Fields::Map(request.headers());
    let client = Client::of(&peer, &shared.trusted, fields);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let host = host_of(authority);
    let method = request.method().as_str();
    let mut head = Head { method, target, host, site: 0, peer: &peer, client, version, fields };
    let Some(site) = shared.backend.site(host) else {
        return refuse(Refused::Host, Some(&head));
    };
    head.site = site;
    let from_memory = |mut answer: crate::Answer| {
        // A body that nobody reads: hyper reads a little of it away, or closes.
        answer.close |= chunked || shared.is_stopping();
        if answer.close {
            course.close.notify_one();
        }
        answer.into_response(version)
    };
    let mut response = match decided.unwrap_or_else(|| shared.door.decide(&head)) {
        Decision::Answer(answer) => return from_memory(answer),
        Decision::Shared(rendered) => return from_memory(rendered.answer().clone()),
        Decision::Pass(pass) => {
            let heard = Heard::of(request.headers());
            let (method, target, host) = (request.method().clone(), request.uri().clone(), host.to_owned());
            let most = shared.backend.most_body(site);
            if request.body().size_hint().lower() > most {
                return refuse(Refused::BodyTooLarge, Some(&head));
            }
            let request = request.map(|body| match body.is_end_stream() {
                true => Body::empty(),
                false => Body::stream(Bounded::new(body, most, Limits::clone(&shared.limits))),
            });
            match shared.backend.call(request, &pass, Asked { peer, site }).await {
                Ok(mut response) => {
                    let released = response.extensions_mut().remove::<Released>().is_some();
                    let seat = pass.seat.as_ref().filter(|_| released);
                    let forget = seat.map(|seat| shared.door.release(seat)).unwrap_or_default();
                    for cookie in pass.cookies.into_iter().chain(forget) {
                        response.headers_mut().append(header::SET_COOKIE, cookie);
                    }
                    response
                }
                Err(refused) => {
                    let map: HeaderMap = heard.0.into_iter().collect();
                    let head = Head {
                        method: method.as_str(),
                        target: target.path_and_query().map_or("/", |target| target.as_str()),
                        host: &host,
                        site,
                        peer: &peer,
                        client,
                        version,
                        fields: Fields::Map(&map),
                    };
                    refuse(refused, Some(&head))
                }
            }
        }
    };
    let last = chunked || shared.is_stopping();
    if last && version < Version::HTTP_2 && response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
