//! The handle on the shard: how sockets and pages reach the room engine.
//!
//! It starts the thread, and puts requests into its one bounded queue. A shard that cannot follow is told
//! about at once ([`MediaError::Busy`]) instead of by memory.

use super::shard::{self, BELL, Line, Places, SOCKET, Shard};
use super::streams::Streams;
use super::wire::Wire;
use super::{Attendance, Frames};
use crate::config::LiveConfig;
use crate::edge::Clock;
use anyhow::Context as _;
use bytes::Bytes;
use mio::{Interest, Poll, Waker};
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::{Admission, Budget, Connections};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::oneshot;

/// Requests that may wait for the shard, from all sockets and pages together: at 8:00 a few hundred
/// people connect within a second, and each sends a handful of frames.
const QUEUE: usize = 4_096;

/// What sockets and pages ask of the shard.
pub(super) enum Ask {
    /// Somebody's signalling socket is there.
    Connect {
        admission: Box<Admission>,
        connections: Connections,
        /// How long the lesson's room may still live.
        closes_in: Duration,
        frames: Frames,
        reply: oneshot::Sender<Line>,
    },
    /// A frame of theirs.
    Frame { line: Line, bytes: Bytes },
    /// The socket is gone.
    Disconnect { line: Line },
    /// The server asks something of a room.
    Control { command: Box<Command>, reply: oneshot::Sender<Result<Reply, ControlError>> },
    /// Proves that a failure of the engine is survived.
    #[cfg(test)]
    Fail,
}

/// Why the shard did not answer.
#[derive(Debug, Error)]
pub enum MediaError {
    /// More is waiting than the queue holds.
    #[error("the media thread has too much to do")]
    Busy,
    /// It failed while this was waiting, and is starting over.
    #[error("the media thread is starting over")]
    StartingOver,
}

/// The embedded media server; cheap to clone. The thread ends with the last clone.
#[derive(Clone)]
pub struct Media(Arc<Inner>);

struct Inner {
    asks: SyncSender<Ask>,
    bell: Waker,
    places: Places,
    stopping: Arc<AtomicBool>,
    lives: Arc<AtomicU64>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Without a bell the thread still notices at its next timer.
        let _ = self.bell.wake();
    }
}

impl Media {
    /// Opens the UDP port and starts the thread.
    ///
    /// # Errors
    /// Worded for an operator: which address, and which key of the configuration to change.
    pub fn start(
        config: &LiveConfig,
        clock: Clock,
        attendance: Arc<dyn Attendance>,
    ) -> anyhow::Result<Media> {
        let (mut wire, mut streams) = open_ports(config)?;
        let public =
            |bound: SocketAddr| SocketAddr::new(config.public_address.unwrap_or(bound.ip()), bound.port());
        let places = Places {
            datagrams: public(wire.local()?),
            streams: public(streams.local()?),
            budget: Budget { shard_bps: u64::from(config.bandwidth_mbps) * 1_000_000, ..Budget::default() },
        };
        let engine = shard::engine(places, clock.now())
            .context("live.public_address: set the address under which browsers reach this machine")?;
        let poll = Poll::new()?;
        poll.registry().register(wire.source(), SOCKET, Interest::READABLE)?;
        streams.register(poll.registry())?;
        let bell = Waker::new(poll.registry(), BELL)?;
        let (asks, queue) = sync_channel(QUEUE);
        let stopping = Arc::new(AtomicBool::new(false));
        let lives = Arc::new(AtomicU64::new(0));
        let shard = Shard {
            poll,
            wire,
            streams,
            asks: queue,
            places,
            clock,
            attendance,
            stopping: stopping.clone(),
            lives: lives.clone(),
        };
        std::thread::Builder::new().name("preau-live-0".into()).spawn(move || shard.run(engine))?;
        Ok(Media(Arc::new(Inner { asks, bell, places, stopping, lives })))
    }

    /// Where browsers send their media.
    pub fn address(&self) -> SocketAddr {
        self.0.places.datagrams
    }

    /// Where they send them when their network lets no UDP through: over TCP.
    pub fn stream_address(&self) -> SocketAddr {
        self.0.places.streams
    }

    /// How often the engine was started: 1 in a healthy process.
    pub fn lives(&self) -> u64 {
        self.0.lives.load(Ordering::Acquire)
    }

    /// Puts a request into the queue.
    pub(super) fn ask(&self, ask: Ask) -> Result<(), MediaError> {
        match self.0.asks.try_send(ask) {
            Ok(()) => {
                // The queue is looked at on every turn; the bell only ends a sleep.
                let _ = self.0.bell.wake();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(MediaError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(MediaError::StartingOver),
        }
    }

    /// Carries out a request of the server, or says why the engine refuses it.
    ///
    /// # Errors
    /// [`MediaError`].
    pub(super) async fn control(&self, command: Command) -> Result<Result<Reply, ControlError>, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Control { command: Box::new(command), reply })?;
        answer.await.map_err(|_| MediaError::StartingOver)
    }
}

/// Tries at finding a number that is free for UDP and TCP at once.
const TRIES: usize = 16;

/// Opens the UDP port, and the TCP port beside it: the same number unless the configuration says otherwise.
fn open_ports(config: &LiveConfig) -> anyhow::Result<(Wire, Streams)> {
    let mut attempt = 1;
    loop {
        let wire = Wire::open(config.listen).with_context(|| {
            format!(
                "live.listen: UDP {} cannot be opened; choose another port, or 0 for any free one",
                config.listen
            )
        })?;
        let listen = match config.listen_tcp {
            Some(listen) => listen,
            None => wire.local()?,
        };
        match Streams::open(listen) {
            Ok(streams) => return Ok((wire, streams)),
            // The system gave a number whose twin is taken: ask for another one.
            Err(error) if is_chance(config, &error) && attempt < TRIES => attempt += 1,
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("live.listen_tcp: TCP {listen} cannot be opened; choose another port")
                });
            }
        }
    }
}

fn is_chance(config: &LiveConfig, error: &io::Error) -> bool {
    config.listen.port() == 0 && config.listen_tcp.is_none() && error.kind() == ErrorKind::AddrInUse
}
