//! The shard's TCP connections: media for clients whose network lets no UDP through (RFC 6544).
//!
//! It accepts, reads and writes without ever waiting, and knows neither rooms nor framing: bytes go to the
//! engine in whatever pieces they come. Invariant: what one connection may hold back is bounded; who cannot
//! take a second's worth of media is cut off, because older media are worth nothing.

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use preau_sfu::StreamId;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

/// The waiting point's name for the listening socket; connections have all the numbers above it.
pub(super) const LISTENER: Token = Token(2);

/// Bytes that may wait for one connection: a second of everything a pupil watches (about 2 Mbit/s).
const UNSENT: usize = 256 * 1024;
/// Connections accepted in one turn, before looking at media and the clock again.
const ACCEPTS_A_TURN: usize = 64;
/// Pieces read in one turn, from all connections together.
const READS_A_TURN: usize = 256;
/// Longest piece read at once, in bytes: a dozen packets.
const PIECE: usize = 16 * 1024;

/// What came in.
pub(super) enum Came<'b> {
    /// Bytes.
    Bytes(StreamId, &'b [u8]),
    /// The end of a connection that the engine still knows.
    End(StreamId),
}

struct Connection {
    socket: TcpStream,
    id: StreamId,
    unsent: Vec<u8>,
}

/// The listening socket and its connections.
pub(super) struct Streams {
    listener: TcpListener,
    connections: HashMap<Token, Connection>,
    tokens: HashMap<StreamId, Token>,
    /// Connections that may have more to read. Readiness is told once, so it is remembered here.
    readable: BTreeSet<Token>,
    acceptable: bool,
    next: usize,
    piece: Vec<u8>,
}

impl Streams {
    /// Opens the port.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn open(listen: SocketAddr) -> io::Result<Streams> {
        Ok(Streams {
            listener: TcpListener::bind(listen)?,
            connections: HashMap::new(),
            tokens: HashMap::new(),
            readable: BTreeSet::new(),
            acceptable: false,
            next: LISTENER.0 + 1,
            piece: vec![0; PIECE],
        })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Lets the waiting point tell of newcomers.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut self.listener, LISTENER, Interest::READABLE)
    }

    /// Something is to be done on `token`. The end of a connection that could not be written to.
    pub(super) fn woken(&mut self, token: Token, writable: bool) -> Option<StreamId> {
        if token == LISTENER {
            self.acceptable = true;
            return None;
        }
        let connection = self.connections.get_mut(&token)?;
        self.readable.insert(token);
        if writable && connection.flush().is_err() {
            return self.forget(token);
        }
        None
    }

    /// Whether there may be something to accept or to read.
    pub(super) fn is_waiting(&self) -> bool {
        self.acceptable || !self.readable.is_empty()
    }

    /// Accepts newcomers; `name` gives each its number in the engine, or none when there are too many.
    pub(super) fn accept(
        &mut self,
        registry: &Registry,
        mut name: impl FnMut(SocketAddr) -> Option<StreamId>,
    ) {
        for _ in 0..ACCEPTS_A_TURN {
            if !self.acceptable {
                return;
            }
            let (mut socket, remote) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                        tracing::warn!(%error, "a media connection could not be accepted");
                    }
                    self.acceptable = error.kind() == ErrorKind::Interrupted;
                    continue;
                }
            };
            // Packets are small and must not wait for one another.
            let _ = socket.set_nodelay(true);
            let token = Token(self.next);
            if registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE).is_err() {
                continue;
            }
            let Some(id) = name(remote) else { continue };
            self.next = self.next.wrapping_add(1).max(LISTENER.0 + 1);
            self.tokens.insert(id, token);
            self.connections.insert(token, Connection { socket, id, unsent: Vec::new() });
        }
    }

    /// Reads what has come, a bounded number of pieces.
    pub(super) fn read(&mut self, mut take: impl FnMut(Came<'_>)) {
        for _ in 0..READS_A_TURN {
            let Some(token) = self.readable.pop_first() else { return };
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            match connection.socket.read(&mut self.piece) {
                Ok(length @ 1..) => {
                    take(Came::Bytes(connection.id, &self.piece[..length]));
                    self.readable.insert(token);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.readable.insert(token);
                }
                Ok(0) | Err(_) => {
                    if let Some(id) = self.forget(token) {
                        take(Came::End(id));
                    }
                }
            }
        }
    }

    /// Sends bytes; false when the connection is over because of it, and the engine must be told.
    pub(super) fn write(&mut self, id: StreamId, bytes: &[u8]) -> bool {
        // One that is gone already was told of.
        let Some(token) = self.tokens.get(&id).copied() else { return true };
        let Some(connection) = self.connections.get_mut(&token) else { return true };
        connection.unsent.extend_from_slice(bytes);
        let sent = connection.flush().is_ok() && connection.unsent.len() <= UNSENT;
        if !sent {
            self.forget(token);
        }
        sent
    }

    /// Closes a connection.
    pub(super) fn close(&mut self, id: StreamId) {
        if let Some(token) = self.tokens.get(&id).copied() {
            self.forget(token);
        }
    }

    /// Closes all of them: their engine is no more.
    pub(super) fn clear(&mut self) {
        self.connections.clear();
        self.tokens.clear();
        self.readable.clear();
    }

    fn forget(&mut self, token: Token) -> Option<StreamId> {
        let connection = self.connections.remove(&token)?;
        self.readable.remove(&token);
        self.tokens.remove(&connection.id);
        Some(connection.id)
    }
}

impl Connection {
    /// Hands over what the kernel takes now.
    fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let result = loop {
            if sent == self.unsent.len() {
                break Ok(());
            }
            match self.socket.write(&self.unsent[sent..]) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.unsent.drain(..sent);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream as Client;

    /// Accepts the one connection that has been made.
    fn accepted(streams: &mut Streams) -> Token {
        let poll = mio::Poll::new().expect("a waiting point");
        streams.acceptable = true;
        let engine = preau_sfu::EngineConfig {
            media_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 1))],
            start: std::time::Instant::now(),
            start_unix_ms: 0,
            seed: [1; 32],
            limits: preau_sfu::Limits::default(),
        };
        let mut engine = preau_sfu::Engine::new(engine).expect("an engine");
        // The connection is in the kernel's row before `connect` returns.
        streams.accept(poll.registry(), |remote| engine.stream_opened(remote, std::time::Instant::now()));
        *streams.connections.keys().next().expect("accepted")
    }

    #[test]
    fn who_does_not_take_a_second_of_media_is_cut_off() {
        let mut streams = Streams::open(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let _client = Client::connect(streams.local().expect("an address")).expect("connected");
        let token = accepted(&mut streams);
        let id = streams.connections[&token].id;
        let packet = [0; 1_200];
        let mut taken = 0;
        while streams.write(id, &packet) {
            taken += packet.len();
            assert!(taken < 64 * 1024 * 1024, "nothing bounds what waits");
        }
        assert!(taken > UNSENT && streams.connections.is_empty() && streams.tokens.is_empty());
        assert!(streams.write(id, &packet), "it is told of once");
    }

    #[test]
    fn bytes_come_in_and_the_end_is_told_once() {
        let mut streams = Streams::open(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let mut client = Client::connect(streams.local().expect("an address")).expect("connected");
        let token = accepted(&mut streams);
        let id = streams.connections[&token].id;
        client.write_all(&[7; 100]).expect("sent");
        drop(client);
        let (mut bytes, mut ends) = (0, 0);
        assert_eq!(streams.woken(token, false), None);
        while streams.is_waiting() {
            streams.read(|came| match came {
                Came::Bytes(from, piece) => {
                    assert_eq!(from, id);
                    bytes += piece.len();
                }
                Came::End(of) => {
                    assert_eq!(of, id);
                    ends += 1;
                }
            });
        }
        assert_eq!((bytes, ends, streams.connections.len()), (100, 1, 0));
    }
}
