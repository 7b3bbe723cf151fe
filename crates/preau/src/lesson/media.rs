//! The handle on the shards: how sockets and pages reach the room engines.
//!
//! It starts the threads, knows on which of them a room lives ([`Homes`]), and puts requests into that one's bounded
//! queue. A shard that cannot follow is told about at once ([`MediaError::Busy`]) instead of by memory.
//! Invariant: a room is on one shard, so what ends a shard ends nothing else.

use super::homes::{Home, Homes};
use super::shard::{self, BELL, Card, Line, Places, SOCKET, Shard};
use super::streams::Streams;
use super::wire::Wire;
use super::{Attendance, Frames, Recorder};
use crate::config::LiveConfig;
use crate::edge::Clock;
use anyhow::Context as _;
use bytes::Bytes;
use mio::{Interest, Poll, Waker};
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::{Admission, Budget, Connections, RoomName, Step, protocol as lk};
use preau_turn::Way;
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

/// Somebody's signalling socket that is there.
pub struct Newcomer {
    /// Who, with which room; the token was verified.
    pub admission: Admission,
    /// How many peer connections they open.
    pub connections: Connections,
    /// How long the lesson's room may still live.
    pub closes_in: Duration,
    /// Where their frames go. Whoever lets it fill up is cut off.
    pub frames: Frames,
    /// Relays that they may come through.
    pub relays: Vec<lk::IceServer>,
}

/// What is asked of a shard.
pub(super) enum Ask {
    /// Somebody wants in.
    Connect { newcomer: Box<Newcomer>, home: Arc<Home>, reply: oneshot::Sender<Line> },
    /// A frame of theirs.
    Frame { line: Line, bytes: Bytes },
    /// The socket is gone.
    Disconnect { line: Line },
    /// The server asks something of a room, which it then holds in its place; or of all rooms.
    Control { command: Box<Command>, home: Option<Arc<Home>>, reply: oneshot::Sender<Answer> },
    /// Proves that a failure of the engine is survived. No build that is published knows it.
    #[cfg(any(test, debug_assertions))]
    Fail,
}

/// What an engine says to a request.
pub(super) type Answer = Result<Reply, ControlError>;

/// Whom the shard tells and asks besides its clients.
#[derive(Clone)]
pub struct Ears {
    /// Who is there.
    pub attendance: Arc<dyn Attendance>,
    /// What is said and shown where it is recorded.
    pub recorder: Arc<dyn Recorder>,
    /// What is to be given up.
    pub restraint: Restraint,
}

/// Asked once a second: what all lessons are to give up because the house as a whole is pressed.
pub type Restraint = Arc<dyn Fn() -> Step + Send + Sync>;

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

/// The embedded media server; cheap to clone. The threads end with the last clone.
#[derive(Clone)]
pub struct Media(Arc<Inner>);

struct Inner {
    shards: Vec<Handle>,
    homes: Homes,
    stopping: Arc<AtomicBool>,
}

/// One shard, from outside.
struct Handle {
    asks: SyncSender<Ask>,
    bell: Waker,
    places: Places,
    /// Where its UDP socket is in this machine.
    bound: SocketAddr,
    lives: Arc<AtomicU64>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        for shard in &self.shards {
            // Without a bell the thread still notices at its next timer.
            let _ = shard.bell.wake();
        }
    }
}

impl Media {
    /// Opens the ports and starts the threads.
    ///
    /// # Errors
    /// Worded for an operator: which address, and which key of the configuration to change.
    pub fn start(config: &LiveConfig, clock: Clock, ears: Ears) -> anyhow::Result<Media> {
        let count = config.shard_count();
        let (homes, stopping) = (Homes::new(usize::from(count)), Arc::new(AtomicBool::new(false)));
        let card = Arc::new(Card::new(u64::from(config.bandwidth_mbps) * 1_000_000, usize::from(count)));
        let mut media = Inner { shards: Vec::new(), homes, stopping: stopping.clone() };
        for index in 0..count {
            let (mut wire, mut streams) = open_ports(config, index)?;
            let public = |bound: SocketAddr| {
                SocketAddr::new(config.public_address.unwrap_or(bound.ip()), bound.port())
            };
            let places = Places {
                datagrams: public(wire.local()?),
                streams: public(streams.local()?),
                budget: Budget { shard_bps: card.total(), ..Budget::default() },
            };
            let bound = wire.local()?;
            let engine = shard::engine(places, clock.now())
                .context("live.public_address: set the address under which browsers reach this machine")?;
            let poll = Poll::new()?;
            poll.registry().register(wire.source(), SOCKET, Interest::READABLE)?;
            streams.register(poll.registry())?;
            let bell = Waker::new(poll.registry(), BELL)?;
            let (asks, queue) = sync_channel(QUEUE);
            let lives = Arc::new(AtomicU64::new(0));
            let shard = Shard {
                index: usize::from(index),
                poll,
                wire,
                streams,
                asks: queue,
                places,
                clock: clock.clone(),
                ears: ears.clone(),
                stopping: stopping.clone(),
                lives: lives.clone(),
                card: card.clone(),
            };
            std::thread::Builder::new()
                .name(format!("preau-live-{index}"))
                .spawn(move || shard.run(engine))?;
            media.shards.push(Handle { asks, bell, places, bound, lives });
        }
        Ok(Media(Arc::new(media)))
    }

    /// Where browsers send their media, shard by shard.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.shards.iter().map(|shard| shard.places.datagrams).collect()
    }

    /// The same, and where that is in this machine, for a relay.
    pub fn ways(&self) -> Vec<Way> {
        self.0
            .shards
            .iter()
            .map(|shard| Way { announced: shard.places.datagrams, bound: shard.bound })
            .collect()
    }

    /// Where they send them when their network lets no UDP through: over TCP, shard by shard.
    pub fn stream_addresses(&self) -> Vec<SocketAddr> {
        self.0.shards.iter().map(|shard| shard.places.streams).collect()
    }

    /// How often each shard's engine was started: 1 in a healthy process.
    pub fn lives(&self) -> Vec<u64> {
        self.0.shards.iter().map(|shard| shard.lives.load(Ordering::Acquire)).collect()
    }

    /// Lets somebody in; the line comes when their shard has taken them up.
    ///
    /// # Errors
    /// [`MediaError`].
    pub fn connect(&self, newcomer: Newcomer) -> Result<oneshot::Receiver<Line>, MediaError> {
        let home = self.0.homes.of(&newcomer.admission.claims.room);
        let (reply, line) = oneshot::channel();
        let shard = home.shard();
        self.ask(shard, Ask::Connect { newcomer: Box::new(newcomer), home, reply })?;
        Ok(line)
    }

    /// A frame arrives on a line.
    ///
    /// # Errors
    /// [`MediaError`]: then cut the line, for a frame was lost.
    pub fn frame(&self, line: Line, bytes: Bytes) -> Result<(), MediaError> {
        self.ask(line.shard(), Ask::Frame { line, bytes })
    }

    /// A line is over.
    pub fn disconnect(&self, line: Line) {
        // A shard too busy to hear this finds out by the silence.
        let _ = self.ask(line.shard(), Ask::Disconnect { line });
    }

    /// Carries out a request of the server, or says why the engine refuses it.
    ///
    /// # Errors
    /// [`MediaError`].
    pub(super) async fn control(&self, command: Command) -> Result<Answer, MediaError> {
        let Some(room) = command.room().map(RoomName::from) else {
            return self.everywhere(command).await;
        };
        let home = match &command {
            Command::CreateRoom(_) => Some(self.0.homes.of(&room)),
            _ => self.0.homes.find(&room),
        };
        let Some(home) = home else {
            return Ok(Err(ControlError::NoRoom(room.as_str().to_owned())));
        };
        let shard = home.shard();
        self.control_one(shard, command, Some(home)).await
    }

    /// Asks every shard, and lists the rooms of all of them, by name.
    async fn everywhere(&self, command: Command) -> Result<Answer, MediaError> {
        let mut rooms = Vec::new();
        for shard in 0..self.0.shards.len() {
            match self.control_one(shard, command.clone(), None).await? {
                Ok(Reply::Rooms(of_shard)) => rooms.extend(of_shard),
                other => return Ok(other),
            }
        }
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Ok(Reply::Rooms(rooms)))
    }

    async fn control_one(
        &self,
        shard: usize,
        command: Command,
        home: Option<Arc<Home>>,
    ) -> Result<Answer, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.ask(shard, Ask::Control { command: Box::new(command), home, reply })?;
        answer.await.map_err(|_| MediaError::StartingOver)
    }

    /// Puts a request into the queue of a shard.
    fn ask(&self, shard: usize, ask: Ask) -> Result<(), MediaError> {
        let Some(shard) = self.0.shards.get(shard) else { return Err(MediaError::StartingOver) };
        match shard.asks.try_send(ask) {
            Ok(()) => {
                // The queue is looked at on every turn; the bell only ends a sleep.
                let _ = shard.bell.wake();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(MediaError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(MediaError::StartingOver),
        }
    }

    /// Lets the shard of a room fail; false when nobody is in such a room.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn fail(&self, room: &RoomName) -> bool {
        self.0.homes.find(room).is_some_and(|home| self.ask(home.shard(), Ask::Fail).is_ok())
    }
}

/// Tries at finding a number that is free for UDP and TCP at once.
const TRIES: usize = 16;

/// Opens a shard's UDP port, and the TCP port beside it: the same number unless the configuration says otherwise.
fn open_ports(config: &LiveConfig, shard: u16) -> anyhow::Result<(Wire, Streams)> {
    let nth = |first: SocketAddr| {
        let port = if first.port() == 0 { 0 } else { first.port().saturating_add(shard) };
        SocketAddr::new(first.ip(), port)
    };
    let mut attempt = 1;
    loop {
        let listen = nth(config.listen);
        let wire = Wire::open(listen).with_context(|| {
            format!("live.listen: UDP {listen} cannot be opened; choose another port, or 0 for any free one")
        })?;
        let listen = match config.listen_tcp {
            Some(first) => nth(first),
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
