//! Connections to one upstream: made, kept, taken again.
//!
//! Each serving thread has its own, so that a response wakes the thread that waits for it. It decides
//! nothing about requests. Invariant: a connection is kept only after a response has been read to its
//! end, and never longer than [`super::Upstream::kept`] unused.

use super::{Speech, Upstream, UpstreamError};
use crate::Body;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt as _;
use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

#[derive(Default)]
struct Shelf {
    ones: Vec<Kept>,
    two: Option<http2::SendRequest<Body>>,
}

/// All connections to one upstream.
pub(super) struct Links {
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
        // The oldest lie in front; nobody else would throw them away.
        let stale = shelf.ones.iter().take_while(|kept| now - kept.since >= self.kept).count();
        shelf.ones.drain(..stale);
        if shelf.ones.len() < self.pool {
            shelf.ones.push(Kept { link, since: now });
        }
    }

    /// A new connection.
    pub(super) async fn make(&self) -> io::Result<Link> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        let made = tokio::time::timeout(self.connect, self.dial()).await;
        made.unwrap_or_else(|_| Err(late()))
    }

    async fn dial(&self) -> io::Result<Link> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        stream.set_nodelay(true)?;
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
