//! Accepting connections, leading each to its path, and stopping without cutting anybody off.
//!
//! It knows sockets and handshakes, no requests. Invariant: every open connection is counted, and the
//! count is bounded; after the stop, nothing new is accepted and what is open may finish.

use crate::door::{Backend, Decision, Door, OtherProtocol};
use crate::heavy;
use crate::light::{Left, Light};
use crate::proxy_protocol::{self, ProxyHeader};
use crate::tls::Tls;
use crate::wire::Wire;
use crate::{Answer, Head, Limits, Peer, Refused, Trusted};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// What a listening socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// HTTP as it is: behind a load balancer that speaks TLS, or on one machine.
    Http,
    /// HTTP over TLS.
    Https,
    /// Sends browsers on to HTTPS, and answers the certificate authority.
    Redirect,
}

/// A listening socket and what is spoken there.
#[derive(Debug)]
pub struct Listen {
    /// The socket, bound and listening.
    pub socket: std::net::TcpListener,
    /// What it is for.
    pub kind: Kind,
    /// Whether connections from trusted addresses begin with a PROXY header. They must then: a sender
    /// that may choose could be spoken for by its own clients.
    pub proxy_protocol: bool,
}

impl Listen {
    /// Binds an address. `[::]` accepts IPv4 as well.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(address: SocketAddr, kind: Kind) -> io::Result<Listen> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.bind(&address.into())?;
        // The kernel caps it at net.core.somaxconn: at eight o'clock everybody connects in one second.
        socket.listen(4096)?;
        Ok(Listen { socket: socket.into(), kind, proxy_protocol: false })
    }

    /// The same socket once more: to serve on one and pass the other to a successor.
    ///
    /// # Errors
    /// The system's, when it has no more descriptors.
    pub fn duplicate(&self) -> io::Result<Listen> {
        let Listen { kind, proxy_protocol, .. } = *self;
        Ok(Listen { socket: self.socket.try_clone()?, kind, proxy_protocol })
    }
}

/// What the connections of one front share.
pub(crate) struct Shared<D, B> {
    pub(crate) door: D,
    pub(crate) backend: B,
    pub(crate) limits: Arc<Limits>,
    pub(crate) trusted: Trusted,
    tls: Option<Arc<Tls>>,
    other: OnceLock<Arc<dyn OtherProtocol>>,
    open: AtomicUsize,
    empty: Notify,
    pub(crate) stop: watch::Sender<bool>,
    /// The same once more, for a look at every request.
    stopping: AtomicBool,
}

/// A connection counted as open.
pub(crate) struct Open<D, B>(Arc<Shared<D, B>>);

impl<D, B> Open<D, B> {
    pub(crate) fn shared(&self) -> Arc<Shared<D, B>> {
        Arc::clone(&self.0)
    }
}

impl<D, B> Deref for Open<D, B> {
    type Target = Shared<D, B>;

    fn deref(&self) -> &Shared<D, B> {
        &self.0
    }
}

impl<D, B> Drop for Open<D, B> {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}

/// What a connection on the light path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Serve,
    Redirect,
}

impl<D: Door, B: Backend> Shared<D, B> {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Who speaks a protocol that begins with this byte.
    pub(crate) fn other(&self, first: u8) -> Option<Arc<dyn OtherProtocol>> {
        self.other.get().filter(|other| other.speaks(first)).cloned()
    }

    /// Whether a connection that last asked `since` ago is kept although nothing comes.
    pub(crate) fn lets_rest(&self, since: Duration) -> bool {
        let limits = &self.limits;
        since + limits.idle <= limits.rest
            && !self.is_stopping()
            && self.open.load(Ordering::Relaxed) <= limits.roomy
    }

    /// The answer of a listener that only sends on (RFC 9110 sections 15.4.2 and 15.4.9).
    pub(crate) fn redirect(&self, head: &Head<'_>) -> Answer {
        if let Some(token) = head.path().strip_prefix("/.well-known/acme-challenge/")
            && let Some(proof) = self.tls.as_ref().and_then(|tls| tls.challenges().proof(token))
        {
            return Answer::new(StatusCode::OK, Bytes::from(proof))
                .with(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        }
        if self.backend.site(head.host).is_none() {
            return self.door.refuse(Refused::Host, Some(head));
        }
        let port = self.tls.as_ref().map_or(443, |tls| tls.port());
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        let target = if head.target == "*" { "/" } else { head.target };
        let Ok(location) = HeaderValue::from_str(&format!("https://{}{port}{target}", head.host)) else {
            return self.door.refuse(Refused::Malformed, Some(head));
        };
        // 301 lets a POST become a GET; 308 does not, and old clients need it for nothing else.
        let status = match head.method {
            "GET" | "HEAD" => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::PERMANENT_REDIRECT,
        };
        let mut answer = Answer::new(status, Bytes::new()).with(header::LOCATION, location);
        answer.close = true;
        answer
    }
}

/// The front: a door, a backend, and everything between them and the network. Cheap to clone.
pub struct Front<D, B>(Arc<Shared<D, B>>);

impl<D, B> Clone for Front<D, B> {
    fn clone(&self) -> Front<D, B> {
        Front(Arc::clone(&self.0))
    }
}

impl<D: Door, B: Backend> Front<D, B> {
    /// Puts a front together. `tls` is needed for [`Kind::Https`] only.
    pub fn new(door: D, backend: B, limits: Limits, trusted: Trusted, tls: Option<Arc<Tls>>) -> Front<D, B> {
        Front(Arc::new(Shared {
            door,
            backend,
            limits: Arc::new(limits),
            trusted,
            tls,
            other: OnceLock::new(),
            open: AtomicUsize::new(0),
            empty: Notify::new(),
            stop: watch::Sender::new(false),
            stopping: AtomicBool::new(false),
        }))
    }

    /// Hands connections that begin as `other` knows them to it, from now on: the same ports serve both. Only the
    /// first one given counts.
    #[must_use]
    pub fn beside(self, other: Arc<dyn OtherProtocol>) -> Front<D, B> {
        let _ = self.0.other.set(other);
        self
    }

    /// The door.
    #[must_use]
    pub fn door(&self) -> &D {
        &self.0.door
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.0.backend
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Stops every [`Front::serve`] of this front: nothing new is accepted, requests finish, kept-alive
    /// connections are told to close with their next answer.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
        self.0.stop.send_replace(true);
    }

    /// Serves these sockets on the current runtime until [`Front::stop`], then drains for at most
    /// [`Limits::drain`]. Says how many connections were still open then.
    ///
    /// # Errors
    /// When a socket cannot be given to the runtime.
    pub async fn serve(&self, sockets: Vec<Listen>) -> io::Result<usize> {
        let mut loops = JoinSet::new();
        for Listen { socket, kind, proxy_protocol } in sockets {
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from_std(socket)?;
            loops.spawn(accept(Arc::clone(&self.0), listener, kind, proxy_protocol));
        }
        let beat = tokio::spawn(beat(Arc::clone(&self.0)));
        while loops.join_next().await.is_some() {}
        beat.abort();
        let empty = async {
            loop {
                let mut changed = std::pin::pin!(self.0.empty.notified());
                changed.as_mut().enable();
                if self.open() == 0 {
                    return;
                }
                changed.await;
            }
        };
        let _ = tokio::time::timeout(self.0.limits.drain, empty).await;
        Ok(self.open())
    }

    /// Serves on `threads` threads of their own, each with its own runtime, so that a request is handled
    /// from its first byte to its last without waking another thread. Ends like [`Front::serve`].
    ///
    /// # Errors
    /// The system's, when it gives no thread, socket or runtime.
    pub fn serve_on_threads(&self, sockets: Vec<Listen>, threads: usize) -> io::Result<usize> {
        let mut workers = Vec::new();
        let mut ready = Vec::new();
        for number in 0..threads.max(1) {
            // All threads accept from the same sockets: a thread's own (SO_REUSEPORT) would take the
            // connections that wait on it down with it at a restart.
            let own = sockets.iter().map(Listen::duplicate).collect::<io::Result<Vec<_>>>()?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .global_queue_interval(REMOTE)
                .enable_all()
                .build()?;
            ready.push((number, own, runtime));
        }
        drop(sockets);
        for (number, own, runtime) in ready {
            let front = self.clone();
            let work = move || {
                crate::upstream::settle(number);
                let left = runtime.block_on(front.serve(own));
                // Nothing may keep the process: what is still open is over.
                runtime.shutdown_timeout(Duration::from_millis(100));
                left
            };
            workers.push(std::thread::Builder::new().name(format!("front-{number}")).spawn(work)?);
        }
        let mut left = 0;
        for worker in workers {
            let ended = worker.join().map_err(|_| io::Error::other("a thread of the front has panicked"))?;
            left = left.max(ended?);
        }
        Ok(left)
    }
}

/// One in so many turns is for what another thread has woken (an answer of the database, a password computed), if
/// there is any: with tokio's one in 31 a busy thread left it lying for seconds, and the database looked slow.
const REMOTE: u32 = 4;

/// How often a thread tells how late it is.
const BEAT: Duration = Duration::from_millis(100);

/// Tells the door how late this thread is. Never ends.
async fn beat<D: Door, B: Backend>(shared: Arc<Shared<D, B>>) {
    loop {
        let due = tokio::time::Instant::now() + BEAT;
        tokio::time::sleep_until(due).await;
        // Whom a timer wakes comes first in the thread's line. Somebody new stands at its end: to be accepted,
        // to have a task, and to be read from.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        shared.door.late(due.elapsed());
    }
}

async fn accept<D: Door, B: Backend>(
    shared: Arc<Shared<D, B>>,
    listener: TcpListener,
    kind: Kind,
    proxy_protocol: bool,
) {
    let mut asked = shared.stop.subscribe();
    loop {
        let (stream, address) = tokio::select! {
            biased;
            () = told(&mut asked) => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others may finish and free some.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let already = shared.open.fetch_add(1, Ordering::AcqRel);
        let open = Open(Arc::clone(&shared));
        if already >= shared.limits.connections {
            tracing::debug!(already, "a connection too many was closed");
            continue;
        }
        let _ = stream.set_nodelay(true);
        let mut peer = Peer::of(address);
        peer.trusted = shared.trusted.has(address.ip());
        let believed = proxy_protocol && peer.trusted;
        if kind == Kind::Https || believed {
            tokio::spawn(prepare(stream, peer, kind, believed, open));
        } else {
            begin(Wire::Plain(stream), peer, kind, open);
        }
    }
}

/// Waits for the stop.
async fn told(asked: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could stop us: as good as a stop.
    let _ = asked.wait_for(|stop| *stop).await;
}

/// The PROXY header and the handshake; then a smaller task takes over.
async fn prepare<D: Door, B: Backend>(
    mut stream: TcpStream,
    mut peer: Peer,
    kind: Kind,
    believed: bool,
    open: Open<D, B>,
) {
    let prepared = async {
        if believed && let Some(client) = proxied(&mut stream).await? {
            peer.address = SocketAddr::new(client.ip().to_canonical(), client.port());
            // The balancer passed bytes on: what stands in the fields was written by its client.
            peer.trusted = open.trusted.has(client.ip());
        }
        if kind != Kind::Https {
            return Ok(Wire::Plain(stream));
        }
        let tls = open.tls.as_ref().ok_or_else(|| io::Error::other("no certificates"))?;
        peer.https = true;
        Ok(Wire::tls(tls.accept(stream, open.door.crowded()).await?))
    };
    match tokio::time::timeout(open.limits.handshake, prepared).await {
        // Asked by the certificate authority: the handshake was the answer (RFC 8737 section 3).
        Ok(Ok(wire)) if wire.is_challenge() => {}
        Ok(Ok(wire)) => begin(wire, peer, kind, open),
        Ok(Err::<_, io::Error>(error)) => {
            tracing::debug!(%error, client = %peer.address, "a connection did not come about");
        }
        Err(_) => tracing::debug!(client = %peer.address, "a connection was too slow to come about"),
    }
}

/// Reads the PROXY header and not a byte more.
async fn proxied(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "no PROXY header, or a broken one");
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        let seen = stream.peek(&mut room).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = bytes.len();
        bytes.extend_from_slice(&room[..seen]);
        match proxy_protocol::parse(&bytes) {
            ProxyHeader::Invalid => return Err(invalid()),
            // All of it belongs to the header, whose rest is still on its way.
            ProxyHeader::Partial => stream.read_exact(&mut room[..seen]).await?,
            ProxyHeader::Whole { client, length } => {
                stream.read_exact(&mut room[..length - before]).await?;
                return Ok(client);
            }
        };
    }
}

fn begin<D: Door, B: Backend>(wire: Wire, peer: Peer, kind: Kind, open: Open<D, B>) {
    let role = if kind == Kind::Redirect { Role::Redirect } else { Role::Serve };
    if wire.speaks_http2() {
        tokio::spawn(heavy::serve(wire, Bytes::new(), true, None, open, peer));
        return;
    }
    let light = Light::new(wire, peer, role, &open);
    tokio::spawn(wait(light, open));
}

/// Waits with somebody.
#[expect(clippy::manual_async_fn, reason = "it would keep each argument twice, and of this there are many")]
fn wait<D: Door, B: Backend>(mut light: Light, open: Open<D, B>) -> impl Future<Output = ()> + Send {
    async move {
        // Tasks of their own: this one is as small as a waiting connection should be.
        match light.run(&open).await {
            Left::Closed => {}
            Left::Over { ahead, first, http2 } => {
                tokio::spawn(over(light, open, ahead, first, http2));
            }
            Left::Beside { ahead, other } => {
                tokio::spawn(beside(light, open, ahead, other));
            }
        }
    }
}

/// Lets somebody else have a connection, until it ends or the front has drained.
async fn beside<D: Door, B: Backend>(
    light: Light,
    open: Open<D, B>,
    ahead: Bytes,
    other: Arc<dyn OtherProtocol>,
) {
    let mut asked = open.stop.subscribe();
    let drained = async {
        told(&mut asked).await;
        tokio::time::sleep(open.limits.drain).await;
    };
    tokio::select! {
        () = other.serve(Box::new(light.wire), ahead, light.peer) => {}
        () = drained => {}
    }
}

/// Leads a connection from the light path to the other.
async fn over<D: Door, B: Backend>(
    mut light: Light,
    open: Open<D, B>,
    ahead: Bytes,
    first: Option<Decision>,
    http2: bool,
) {
    if light.owes() && light.flush(&open.limits).await.is_err() {
        return;
    }
    let peer = light.peer;
    heavy::serve(light.wire, ahead, http2, first, open, peer).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pass, Upstream, Upstreams};

    struct Open;

    impl Door for Open {
        fn decide(&self, _: &Head<'_>) -> Decision {
            Decision::Pass(Pass::default())
        }
    }

    #[tokio::test]
    async fn a_waiting_connection_is_a_small_task() {
        let upstream = Upstream::new("http://127.0.0.1:9").unwrap();
        let upstreams = Upstreams::new(vec![upstream], Arc::new(())).unwrap();
        let front = Front::new(Open, upstreams, Limits::default(), Trusted::default(), None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let peer = Peer::of("192.0.2.1:1".parse().unwrap());
        front.0.open.fetch_add(1, Ordering::Relaxed);
        let open = super::Open(Arc::clone(&front.0));
        let light = Light::new(Wire::Plain(stream), peer, Role::Serve, &open);
        let task = size_of_val(&wait(light, open));
        // With what tokio adds this stays below 512 bytes; the socket's registration is the other half.
        assert!(task <= 400, "{task} bytes");
    }
}
