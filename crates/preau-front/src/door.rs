//! The door: what the application decides about a request, and what the application answers itself.
//!
//! The front knows no schools, tickets or pages; whoever does implements [`Door`] (decisions) and, unless
//! requests go to other services, [`Backend`] (answers). Invariant: each request is decided exactly once,
//! whichever path it takes through this crate.

use crate::upstream::Direct;
use crate::{Answer, Body, Head, Peer, Refused, Rendered};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use std::any::Any;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It is answered at once, from memory: the page of those who wait, the state of the queue.
    Answer(Answer),
    /// The same, with one that many are given.
    Shared(Rendered),
    /// It goes on to the backend.
    Pass(Pass),
}

/// What goes with a request that passes.
#[derive(Debug, Default, Clone)]
pub struct Pass {
    /// Which class of request it is, for the samples: capacity differs between a page and a sign-in.
    pub class: u8,
    /// `Set-Cookie` fields to add to the response.
    pub cookies: Vec<HeaderValue>,
    /// What the door wants to find again, in [`Door::release`] or on the request.
    pub seat: Option<Seat>,
}

/// Something of the door's own that travels with a request.
#[derive(Clone)]
pub struct Seat(Arc<dyn Any + Send + Sync>);

impl Seat {
    /// Takes anything.
    pub fn new<T: Any + Send + Sync>(thing: T) -> Seat {
        Seat(Arc::new(thing))
    }

    /// Gives it back, if it is a `T`.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seat")
    }
}

/// Who decides. Called on the threads that serve sockets: an implementation must be quick and must not
/// wait for anything.
pub trait Door: Send + Sync + 'static {
    /// Decides about one request. Its body, if any, has not been read.
    fn decide(&self, head: &Head<'_>) -> Decision;

    /// The answer to a request that the front itself refuses. `head` is missing when there was none that
    /// could be understood.
    fn refuse(&self, refused: Refused, head: Option<&Head<'_>>) -> Answer {
        let _ = head;
        refused.plain()
    }

    /// The upstream says that the session this request belonged to is over: its seat is free. Gives
    /// cookies to set, so that the browser forgets its session.
    fn release(&self, seat: &Seat) -> Vec<HeaderValue> {
        let _ = seat;
        Vec::new()
    }

    /// Ten times a second on each thread that serves: how late it came to look at the clock. A thread that has
    /// too much to do, or that does not get its processor, is late for requests as well, and nothing that
    /// measures a request from its arrival in this process can see that.
    fn late(&self, by: Duration) {
        let _ = by;
    }

    /// Whether many wait at the moment. New TLS connections are then offered HTTP/1.1 only: an idle one
    /// holds less than half the memory of one over HTTP/2.
    fn crowded(&self) -> bool {
        false
    }
}

/// The bytes of a connection, whatever is under them.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A protocol beside HTTP on the same ports, told apart by its first byte (RFC 7983). What it does with its
/// connections is its own: no limit of this crate but the number of connections holds there.
pub trait OtherProtocol: Send + Sync + 'static {
    /// Whether a connection that begins with this byte is its. Asked before anything is read as HTTP, so it must
    /// not claim what a request may begin with (letters and line ends).
    fn speaks(&self, first: u8) -> bool;

    /// Serves a connection until it ends; dropped when the front stops and has drained. `ahead` has been read.
    fn serve(
        self: Arc<Self>,
        stream: Box<dyn Stream>,
        ahead: Bytes,
        peer: Peer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// How a request came, for the backend.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The other end of the connection.
    pub peer: Peer,
    /// Which site, as [`Backend::site`] said.
    pub site: usize,
}

/// Who answers what passes.
pub trait Backend: Send + Sync + 'static {
    /// Which site answers for this host name (no port, any case), if any.
    fn site(&self, host: &str) -> Option<usize>;

    /// Bytes that the body of a request to this site may have; counted while it is passed on.
    fn most_body(&self, site: usize) -> u64 {
        let _ = site;
        u64::MAX
    }

    /// The site as one to which requests can be forwarded as bytes, if it is.
    #[doc(hidden)]
    fn direct(&self, site: usize) -> Option<Direct<'_>> {
        let _ = site;
        None
    }

    /// Answers. A [`Released`] among the response's extensions ends the session.
    fn call(
        &self,
        request: Request<Body>,
        pass: &Pass,
        asked: Asked,
    ) -> impl Future<Output = Result<Response<Body>, Refused>> + Send;
}

/// Marks a response with which the upstream ended the session.
#[derive(Debug, Clone, Copy)]
pub struct Released;

/// Answers in this process: a service, such as a router, for every host name. The request carries
/// [`Peer`], and [`Seat`] if the door gave one, among its extensions.
#[derive(Debug, Clone)]
pub struct Local<S>(pub S);

impl<S, B> Backend for Local<S>
where
    S: hyper::service::Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<crate::BoxError>,
{
    fn site(&self, _: &str) -> Option<usize> {
        Some(0)
    }

    async fn call(
        &self,
        mut request: Request<Body>,
        pass: &Pass,
        asked: Asked,
    ) -> Result<Response<Body>, Refused> {
        request.extensions_mut().insert(asked.peer);
        if let Some(seat) = &pass.seat {
            request.extensions_mut().insert(seat.clone());
        }
        match self.0.call(request).await {
            Ok(response) => Ok(response.map(|body| Body::stream(body.map_err(Into::into)))),
            Err(never) => match never {},
        }
    }
}
