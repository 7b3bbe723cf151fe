//! One connection: messages in, datagrams out, and back.

use crate::credentials::{Credentials, Secret};
use crate::framing::{FrameError, LARGEST, framed};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};
use turn_server_proto::api::{SocketAllocateError, Transmit, TurnServerApi as _, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::types::prelude::DelayedTransmitBuild as _;
use turn_server_proto::types::stun::TransportType;
use turn_server_proto::types::{AddressFamily, Instant as ProtocolInstant};

/// By then somebody must have shown a password and asked for a way.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// What is not taken by then ends the connection.
pub const STALL: Duration = Duration::from_secs(10);
/// The name under which passwords are asked for (RFC 8489 section 9.2); no browser shows it.
const REALM: &str = "preau";
/// Bytes read from the connection at once.
const PIECE: usize = 4 * 1024;
/// Datagrams put into one write, when so many are there: a class speaks in bursts.
const BURST: usize = 64;

/// Where the media server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The address that browsers are told, and ask to reach.
    pub announced: SocketAddr,
    /// The socket's own address in this machine; unspecified if it listens on all.
    pub bound: SocketAddr,
}

impl Way {
    /// Where a datagram for it is sent, within the machine.
    fn inside(&self) -> SocketAddr {
        let ip = match (self.bound.ip(), self.announced.is_ipv4()) {
            (ip, _) if !ip.is_unspecified() => ip,
            (_, true) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (_, false) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        SocketAddr::new(ip, self.bound.port())
    }
}

/// How a connection ended.
#[derive(Debug, Error)]
pub enum Ended {
    /// The other end closed it, or it broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
    /// It spoke something else.
    #[error(transparent)]
    Foreign(#[from] FrameError),
    /// Nobody showed a password in time, or the way that was open ran out.
    #[error("nobody asked for a way in time, with a password that is good")]
    Idle,
    /// It took nothing any more.
    #[error("what was sent was not taken within {STALL:?}")]
    Stalled,
}

/// The relay of one media server; cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    secret: Secret,
    ways: Vec<Way>,
}

impl Relay {
    /// To these sockets of the media server.
    #[must_use]
    pub fn new(secret: Secret, ways: Vec<Way>) -> Relay {
        Relay { secret, ways }
    }

    /// What somebody who joins at `now` (since 1970-01-01 UTC) is given.
    #[must_use]
    pub fn issue(&self, now: Duration) -> Credentials {
        self.secret.issue(now)
    }

    /// Serves a connection from `client` until it ends. `ahead` has been read from it already; `now` is the time
    /// since 1970-01-01 UTC.
    pub async fn serve<S>(&self, stream: S, ahead: &[u8], client: SocketAddr, now: Duration) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // To the protocol each message is a datagram between two addresses, of which ours means nothing.
        let ours = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 443);
        let mut server = TurnServer::new(TransportType::Udp, ours, REALM.to_owned());
        for Credentials { username, password } in self.secret.good(now) {
            server.add_user(username, password);
        }
        let begun = Instant::now();
        let mut session =
            Session { relay: self, stream, server, client, ours, begun, way_out: None, unsent: Vec::new() };
        match session.run(ahead).await {
            Ok(ended) | Err(ended) => ended,
        }
    }
}

/// The socket that a browser was given.
struct WayOut {
    socket: UdpSocket,
    address: SocketAddr,
}

struct Session<'r, S> {
    relay: &'r Relay,
    stream: S,
    server: TurnServer,
    client: SocketAddr,
    ours: SocketAddr,
    begun: Instant,
    way_out: Option<WayOut>,
    /// Whole messages for the browser, not written yet.
    unsent: Vec<u8>,
}

/// What came.
enum Came {
    Bytes(usize),
    Datagram(usize, SocketAddr),
    Time,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn run(&mut self, ahead: &[u8]) -> Result<Ended, Ended> {
        let mut held = ahead.to_vec();
        let mut piece = vec![0; PIECE];
        let mut datagram = vec![0; LARGEST];
        loop {
            self.take(&mut held).await?;
            let due = self.settle().await?;
            self.write().await?;
            let deadline = match self.way_out {
                Some(_) => due,
                None if self.begun.elapsed() >= PATIENCE => return Ok(Ended::Idle),
                None => due.min(self.begun + PATIENCE),
            };
            let came = {
                let Session { stream, way_out, .. } = self;
                let from_peer = async {
                    match way_out {
                        Some(way) => way.socket.recv_from(&mut datagram).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    read = stream.read(&mut piece) => Came::Bytes(read?),
                    // An error here is about an earlier datagram (RFC 1122 section 4.1.3.3): the next may arrive.
                    got = from_peer => got.map_or(Came::Time, |(length, from)| Came::Datagram(length, from)),
                    () = sleep_until(deadline) => Came::Time,
                }
            };
            match came {
                Came::Bytes(0) => return Ok(Ended::Broken(io::ErrorKind::UnexpectedEof.into())),
                Came::Bytes(length) => held.extend_from_slice(&piece[..length]),
                Came::Datagram(length, from) => self.burst(&mut datagram, length, from),
                Came::Time => {}
            }
        }
    }

    fn now(&self) -> ProtocolInstant {
        ProtocolInstant::from_nanos(i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }

    /// Every whole message of what has arrived.
    async fn take(&mut self, held: &mut Vec<u8>) -> Result<(), Ended> {
        let mut at = 0;
        while let Some((length, taken)) = framed(&held[at..])? {
            let message = Transmit::new(&held[at..at + length], TransportType::Udp, self.client, self.ours);
            let out = self.server.recv(message, self.now()).map(|out| (out.to, out.data.build()));
            if let Some((to, bytes)) = out {
                self.send(to, &bytes).await;
            }
            at += taken;
        }
        held.drain(..at);
        Ok(())
    }

    /// To the browser, or on to the media server. Anything else is dropped: this relay leads nowhere else.
    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        if to == self.client {
            self.owe(bytes);
        } else if let Some((way, out)) = self.way_to(to).zip(self.way_out.as_ref()) {
            // What a full socket does not take is lost, as on the way.
            let _ = out.socket.send_to(bytes, way.inside()).await;
        } else {
            tracing::debug!(client = %self.client, %to, "a relayed packet leads elsewhere and is dropped");
        }
    }

    fn way_to(&self, announced: SocketAddr) -> Option<Way> {
        self.relay.ways.iter().find(|way| way.announced == announced).copied()
    }

    /// What the media server sends, and what else of it lies there.
    fn burst(&mut self, datagram: &mut [u8], length: usize, from: SocketAddr) {
        let mut next = Some((length, from));
        for _ in 0..BURST {
            let Some((length, from)) = next else { return };
            self.back(&datagram[..length], from);
            next = self.way_out.as_ref().and_then(|way| way.socket.try_recv_from(datagram).ok());
        }
        if let Some((length, from)) = next {
            self.back(&datagram[..length], from);
        }
    }

    fn back(&mut self, bytes: &[u8], from: SocketAddr) {
        let Some(way) = self.relay.ways.iter().find(|way| way.inside() == from) else { return };
        let Some(address) = self.way_out.as_ref().map(|out| out.address) else { return };
        let message = Transmit::new(bytes, TransportType::Udp, way.announced, address);
        let now = self.now();
        if let Some(out) = self.server.recv(message, now).filter(|out| out.to == self.client) {
            let bytes = out.data.build();
            self.owe(&bytes);
        }
    }

    /// Puts a message behind what the browser is to get.
    fn owe(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        // Channel data are filled up on a stream; a STUN message is a multiple of four anyway.
        self.unsent.resize(self.unsent.len().next_multiple_of(4), 0);
    }

    /// Does what the protocol asks for; says when it wants to look again.
    async fn settle(&mut self) -> Result<Instant, Ended> {
        loop {
            let polled = self.server.poll(self.now());
            let now = self.now();
            while let Some(out) = self.server.poll_transmit(now) {
                self.send(out.to, &out.data).await;
            }
            match polled {
                TurnServerPollRet::WaitUntil(at) => {
                    let nanos = u64::try_from(at.as_nanos()).unwrap_or(0);
                    return Ok(self.begun + Duration::from_nanos(nanos));
                }
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    let socket = self.allocate(allocation_transport, family).await;
                    self.server.allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        socket,
                        self.now(),
                    );
                }
                // The browser has given its way back, or its time has run out: so has the connection's.
                TurnServerPollRet::SocketClose { .. } => {
                    self.write().await?;
                    return Err(Ended::Idle);
                }
                // Ways over TCP are never given.
                TurnServerPollRet::TcpConnect { .. } | TurnServerPollRet::TcpClose { .. } => {}
            }
        }
    }

    async fn allocate(
        &mut self,
        transport: TransportType,
        family: AddressFamily,
    ) -> Result<SocketAddr, SocketAllocateError> {
        if self.way_out.is_some() || transport != TransportType::Udp {
            return Err(SocketAllocateError::InsufficientCapacity);
        }
        let fits = |way: &&Way| way.announced.is_ipv4() == (family == AddressFamily::IPV4);
        let way = self.relay.ways.iter().find(fits).ok_or(SocketAllocateError::AddressFamilyNotSupported)?;
        // In this machine: whatever happens, nothing leaves it.
        let socket = UdpSocket::bind(SocketAddr::new(way.inside().ip(), 0)).await;
        let opened = socket.and_then(|socket| Ok(WayOut { address: socket.local_addr()?, socket }));
        let out = opened.map_err(|error| {
            tracing::warn!(%error, "a relayed browser gets no socket");
            SocketAllocateError::InsufficientCapacity
        })?;
        let address = out.address;
        self.way_out = Some(out);
        Ok(address)
    }

    async fn write(&mut self) -> Result<(), Ended> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let writing = async {
            self.stream.write_all(&self.unsent).await?;
            self.stream.flush().await
        };
        timeout(STALL, writing).await.map_err(|_| Ended::Stalled)??;
        self.unsent.clear();
        Ok(())
    }
}
