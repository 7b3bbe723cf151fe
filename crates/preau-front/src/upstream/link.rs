//! Connections to one upstream: made, kept, taken again.
//!
//! Each serving thread has its own, so that a response wakes the thread that waits for it. It decides
//! nothing about requests. Invariant: a connection is kept only after a response has been read to its
//! end, and never longer than [`super::Upstream::kept`] unused.

use super::{Site, Speech, Upstream, UpstreamError};
use crate::Body;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt as _;
use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Context;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(0) };
}

/// This thread serves on its own, under this number, and keeps its own connections.
pub(crate) fn settle(number: usize) {
    PLACE.set(number);
}

/// A connection on which a request can be sent.
pub(super) enum Link {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

impl Link {
    pub(super) fn is_http2(&self) -> bool {
        matches!(self, Link::Two(_))
    }

    pub(super) async fn send(
        &mut self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Incoming>, TrySendError<http::Request<Body>>> {
        match self {
            Link::One(link) => link.try_send_request(request).await,
            Link::Two(link) => link.try_send_request(request).await,
        }
    }
}

struct Kept {
    link: http1::SendRequest<Body>,
    since: Instant,
}

/// A connection of which nobody holds more than the socket.
struct KeptPlain {
    stream: TcpStream,
    since: Instant,
}

#[derive(Default)]
struct Shelf {
    ones: Vec<Kept>,
    plain: Vec<KeptPlain>,
    two: Option<http2::SendRequest<Body>>,
    /// Somebody looks after this shelf.
    swept: bool,
}

impl Shelf {
    /// Closes what has lain here too long. The oldest lie in front.
    fn sweep(&mut self, kept: Duration, now: Instant) {
        let old = |since: Instant| now.saturating_duration_since(since) >= kept;
        let stale = self.ones.iter().take_while(|one| old(one.since)).count();
        self.ones.drain(..stale);
        let stale = self.plain.iter().take_while(|plain| old(plain.since)).count();
        self.plain.drain(..stale);
    }
}

/// All connections to one upstream.
pub(crate) struct Links {
    shelves: Vec<Mutex<Shelf>>,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    speech: Speech,
    connect: Duration,
    kept: Duration,
    pool: usize,
}

impl Links {
    pub(super) fn to(upstream: &Upstream) -> Result<Links, UpstreamError> {
        let host = upstream.authority.host();
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let tls = if upstream.secure {
            let mut config = match &upstream.tls {
                Some(config) => ClientConfig::clone(config),
                None => {
                    crate::tls::settle_provider();
                    ClientConfig::with_platform_verifier()?
                }
            };
            config.alpn_protocols = match upstream.speech {
                Speech::Http1 => vec![b"http/1.1".to_vec()],
                Speech::Http2 => vec![b"h2".to_vec()],
                Speech::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            };
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| UpstreamError::Address(upstream.authority.to_string()))?;
            Some((TlsConnector::from(Arc::new(config)), name))
        } else {
            None
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Links {
            shelves: (0..threads.max(1)).map(|_| Mutex::default()).collect(),
            host: host.to_owned(),
            port: upstream.authority.port_u16().unwrap_or(if upstream.secure { 443 } else { 80 }),
            tls,
            speech: upstream.speech,
            connect: upstream.connect,
            kept: upstream.kept,
            pool: upstream.pool,
        })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        let place = PLACE.get() % self.shelves.len();
        self.shelves[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kept connection, if a good one is there.
    pub(super) async fn take(&self) -> Option<Link> {
        loop {
            let mut kept = {
                let mut shelf = self.shelf();
                if shelf.two.as_ref().is_some_and(http2::SendRequest::is_closed) {
                    shelf.two = None;
                }
                if let Some(link) = &shelf.two {
                    return Some(Link::Two(link.clone()));
                }
                shelf.ones.pop()?
            };
            if kept.since.elapsed() >= self.kept || kept.link.is_closed() {
                continue;
            }
            // Its driver has the last response behind it, or will in a moment; else it has ended.
            if kept.link.is_ready() || kept.link.ready().await.is_ok() {
                return Some(Link::One(kept.link));
            }
        }
    }

    /// Keeps a connection whose response was read to its end.
    pub(super) fn keep(&self, link: http1::SendRequest<Body>) {
        if link.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut shelf = self.shelf();
        shelf.sweep(self.kept, now);
        if shelf.ones.len() + shelf.plain.len() < self.pool {
            shelf.ones.push(Kept { link, since: now });
        }
    }

    /// A kept connection for bytes, if a good one is there: one over which nothing has come since. From
    /// now on it wakes the task of `cx`.
    pub(crate) fn take_plain(&self, cx: &mut Context<'_>, now: Instant) -> Option<TcpStream> {
        loop {
            let KeptPlain { stream, since } = self.shelf().plain.pop()?;
            if now.saturating_duration_since(since) >= self.kept {
                continue;
            }
            if stream.poll_read_ready(cx).is_pending() {
                return Some(stream);
            }
            // Mostly the end; sometimes nothing but an old word of the system.
            match stream.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(stream),
                _ => {}
            }
        }
    }

    /// Keeps a connection whose response was read to its end.
    pub(crate) fn keep_plain(site: &Arc<Site>, stream: TcpStream, now: Instant) {
        let links = &site.links;
        let mut shelf = links.shelf();
        if shelf.ones.len() + shelf.plain.len() >= links.pool {
            shelf.sweep(links.kept, now);
        }
        if shelf.ones.len() + shelf.plain.len() < links.pool {
            shelf.plain.push(KeptPlain { stream, since: now });
            if !std::mem::replace(&mut shelf.swept, true) {
                let place = PLACE.get() % links.shelves.len();
                tokio::spawn(look_after(Arc::downgrade(site), place, links.kept));
            }
        }
    }

    /// A new connection.
    pub(super) async fn make(&self) -> io::Result<Link> {
        let made = tokio::time::timeout(self.connect, self.dial()).await;
        made.unwrap_or_else(|_| Err(late()))
    }

    async fn stream(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A new connection for bytes.
    pub(crate) async fn make_plain(&self) -> io::Result<TcpStream> {
        tokio::time::timeout(self.connect, self.stream()).await.unwrap_or_else(|_| Err(late()))
    }

    async fn dial(&self) -> io::Result<Link> {
        let stream = self.stream().await?;
        match &self.tls {
            None => self.speak(TokioIo::new(stream), self.speech == Speech::Http2).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(TokioIo::new(stream), http2).await
            }
        }
    }

    async fn speak<I>(&self, io: I, http2: bool) -> io::Result<Link>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        if http2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(20));
            let (link, driver) = builder.handshake(io).await.map_err(io::Error::other)?;
            tokio::spawn(async move {
                if let Err(error) = driver.await {
                    tracing::debug!(%error, "a connection to an upstream ended");
                }
            });
            self.shelf().two = Some(link.clone());
            return Ok(Link::Two(link));
        }
        let mut builder = http1::Builder::new();
        builder.max_buf_size(64 * 1024);
        let (link, driver) = builder.handshake(io).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = driver.with_upgrades().await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
        Ok(Link::One(link))
    }
}

/// Closes the kept connections of one shelf when their time is over, until none is left: whoever keeps them
/// sees nothing of an upstream that has closed its end.
async fn look_after(site: Weak<Site>, place: usize, kept: Duration) {
    loop {
        // What is laid down just after a look is old by the next but one.
        tokio::time::sleep(kept.max(Duration::from_millis(100))).await;
        let Some(site) = site.upgrade() else { return };
        let Some(shelf) = site.links.shelves.get(place) else { return };
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.sweep(kept, Instant::now());
        if shelf.plain.is_empty() {
            shelf.swept = false;
            return;
        }
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no connection in time")
}
