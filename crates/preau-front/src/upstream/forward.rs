//! One request, forwarded.
//!
//! Headers are cleaned on both ways, bodies stream. Invariant: a request is sent again only when nothing of
//! it was sent (any method), or when a kept connection broke before the answer and the method is safe and
//! has no body (RFC 9110 sections 9.2.1 and 9.2.2); only from a kept connection to a fresh one.

use super::link::Link;
use super::sample::{Course, Outcome};
use super::{SESSION_FIELD, Site, tunnel};
use crate::body::{CutOff, Patience};
use crate::fields::{mark_websocket, strip, strip_cookies, strip_underscores};
use crate::peer::introduce;
use crate::{Asked, Body, BoxError, Limits, Refused, Released};
use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, request};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pub(super) async fn forward(
    site: &Arc<Site>,
    mut request: Request<Body>,
    asked: Asked,
    mut course: Course,
) -> Result<Response<Body>, Refused> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (mut parts, incoming) = request.into_parts();
    let websocket = prepare(site, &mut parts, asked) && parts.method == Method::GET;
    let upload = Arc::new(Upload::default());
    let body = if incoming.is_end_stream() {
        upload.end();
        incoming
    } else {
        Body::stream(Watched { body: incoming, upload: Arc::clone(&upload) })
    };
    if websocket {
        mark_websocket(&mut parts.headers);
    }
    let sent = send(site, Request::from_parts(parts, body), &upload).await;
    let (mut response, link) = match sent {
        Ok(sent) => sent,
        Err(refused) => {
            course.tell(Outcome::Failed(refused));
            return Err(refused);
        }
    };
    course.tell(Outcome::Status(response.status().as_u16()));
    let ended = response
        .headers_mut()
        .remove(SESSION_FIELD)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"ended"));
    let switched = strip(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if !(websocket && switched) {
            return Err(Refused::Broken);
        }
        mark_websocket(response.headers_mut());
        let far = hyper::upgrade::on(&mut response);
        tokio::spawn(tunnel::run(upgrade, far, site.upstream.tunnel_idle, course));
        return Ok(response.map(|_| Body::empty()));
    }
    *response.version_mut() = Version::HTTP_11;
    let stall = Limits { stall: site.upstream.stall, rate: 0, ..Limits::default() };
    let mut download = Download {
        lease: Lease { site: Arc::clone(site), link: Some(link), upload, _course: course },
        body: None,
        limits: stall,
        patience: Patience::default(),
    };
    let (head, incoming) = response.into_parts();
    let mut response = if incoming.is_end_stream() {
        download.lease.keep();
        // A response to HEAD, or 304, counts a body that it does not carry.
        Response::from_parts(head, Body::empty())
    } else {
        download.body = Some(incoming);
        Response::from_parts(head, Body::stream(download))
    };
    if ended {
        response.extensions_mut().insert(Released);
    }
    Ok(response)
}

/// Makes the client's head one of ours. Says whether it wants to become a WebSocket.
pub(crate) fn prepare(site: &Site, parts: &mut request::Parts, asked: Asked) -> bool {
    let upstream = &site.upstream;
    let fields = &mut parts.headers;
    let authority = match (parts.uri.authority(), fields.get(header::HOST)) {
        (Some(named), _) => named.as_str().to_owned(),
        (None, Some(host)) => host.to_str().unwrap_or_default().to_owned(),
        (None, None) => String::new(),
    };
    let websocket = strip(fields) && parts.version == Version::HTTP_11;
    strip_underscores(fields);
    if !upstream.hidden_cookies.is_empty() || fields.get_all(header::COOKIE).iter().nth(1).is_some() {
        strip_cookies(fields, &upstream.hidden_cookies);
    }
    // Whoever waits for it has been told by hyper when the body was first asked for.
    fields.remove(header::EXPECT);
    fields.remove(SESSION_FIELD);
    introduce(&asked.peer, &authority, fields);
    let told =
        if upstream.tells_host && !authority.is_empty() { &*authority } else { upstream.authority.as_str() };
    match HeaderValue::from_str(told) {
        Ok(host) => fields.insert(header::HOST, host),
        Err(_) => fields.remove(header::HOST),
    };
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    let target = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    parts.uri = Uri::from(target);
    websocket
}

/// HTTP/2 wants the whole address in the request, and no field for the host.
fn for_http2(site: &Site, request: &mut Request<Body>) {
    let scheme = if site.upstream.secure { Scheme::HTTPS } else { Scheme::HTTP };
    let host = request.headers_mut().remove(header::HOST);
    let mut whole = std::mem::take(request.uri_mut()).into_parts();
    whole.scheme = Some(scheme);
    whole.authority = host
        .and_then(|host| host.to_str().ok()?.parse().ok())
        .or_else(|| Some(site.upstream.authority.clone()));
    *request.uri_mut() = Uri::from_parts(whole).unwrap_or_default();
    *request.version_mut() = Version::HTTP_2;
}

/// The other way, when a second try goes over HTTP/1.1.
fn for_http1(request: &mut Request<Body>) {
    if let Some(named) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(named.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
        let target = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(target);
    }
    *request.version_mut() = Version::HTTP_11;
}

async fn send(
    site: &Site,
    mut request: Request<Body>,
    upload: &Upload,
) -> Result<(Response<Incoming>, Link), Refused> {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.body().is_end_stream();
    let mut kept = site.links.take().await;
    loop {
        let (mut link, reused) = match kept.take() {
            Some(link) => (link, true),
            None => (connect(site, || site.links.make()).await?, false),
        };
        if link.is_http2() {
            for_http2(site, &mut request)
        } else {
            for_http1(&mut request)
        }
        let again = (reused && harmless).then(|| copy(&request));
        let answer = match in_time(site.upstream.head, upload, link.send(request)).await {
            Some(answer) => answer,
            None => return Err(Refused::Overdue),
        };
        let mut error = match answer {
            Ok(response) => return Ok((response, link)),
            Err(error) => error,
        };
        if let Some(cut) = CutOff::among(error.error()) {
            return Err(cut.refused());
        }
        tracing::debug!(error = %error.error(), reused, upstream = %site.upstream.authority, "no answer");
        // A kept connection that the upstream has closed meanwhile says nothing about the upstream; a
        // fresh one that breaks does.
        request = match error.take_message().or(again) {
            Some(request) if reused => request,
            _ => return Err(Refused::Broken),
        };
    }
}

/// A connection; one more try when the first is refused, as during a restart of the upstream.
pub(crate) async fn connect<L, M>(site: &Site, make: impl Fn() -> M) -> Result<L, Refused>
where
    M: Future<Output = std::io::Result<L>>,
{
    match make().await {
        Ok(link) => return Ok(link),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            tracing::debug!(%error, upstream = %site.upstream.authority, "not reached");
            return Err(Refused::Unreachable);
        }
        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
    }
    make().await.map_err(|error| {
        tracing::debug!(%error, upstream = %site.upstream.authority, "not reached");
        Refused::Unreachable
    })
}

/// The same request, without a body.
fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Waits at most `most` after the last piece of the upload.
async fn in_time<T>(most: Duration, upload: &Upload, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = std::pin::pin!(answer);
    let mut left = most;
    loop {
        match tokio::time::timeout(left, answer.as_mut()).await {
            Ok(answer) => return Some(answer),
            Err(_) => left = most.checked_sub(upload.quiet()).filter(|left| !left.is_zero())?,
        }
    }
}

/// How far the client's body has come.
struct Upload {
    begun: Instant,
    /// Milliseconds after `begun` of the last piece.
    last: AtomicU64,
    ended: AtomicBool,
}

impl Default for Upload {
    fn default() -> Upload {
        Upload { begun: Instant::now(), last: AtomicU64::new(0), ended: AtomicBool::new(false) }
    }
}

impl Upload {
    fn piece(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn quiet(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

/// A body whose progress is noted.
struct Watched<B> {
    body: B,
    upload: Arc<Upload>,
}

impl<B: http_body::Body<Data = Bytes, Error = BoxError> + Unpin> http_body::Body for Watched<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.upload.piece();
        if frame.is_none() || self.body.is_end_stream() {
            self.upload.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection lent to a response.
struct Lease {
    site: Arc<Site>,
    link: Option<Link>,
    upload: Arc<Upload>,
    _course: Course,
}

impl Lease {
    /// The response has been read to its end: the connection is good for another request, unless the
    /// client's body is still on its way.
    fn keep(&mut self) {
        if let Some(Link::One(link)) = self.link.take()
            && self.upload.ended.load(Ordering::Acquire)
        {
            self.site.links.keep(link);
        }
    }
}

/// The upstream's body on its way to the client. Dropped early, it ends its connection.
struct Download {
    body: Option<Incoming>,
    limits: Limits,
    patience: Patience,
    lease: Lease,
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.moved(0, &this.limits);
                if body.is_end_stream() {
                    this.lease.keep();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.lease.keep();
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(this.patience.poll_lost(&this.limits, cx));
                Poll::Ready(Some(Err(CutOff::Slow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}
