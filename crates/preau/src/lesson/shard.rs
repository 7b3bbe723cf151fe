//! A thread that owns a room engine: one UDP socket with TCP connections beside it, one waiting point,
//! no locks.
//!
//! It feeds datagrams, streams, signalling frames, requests and the time to [`Engine`] and carries out what comes
//! back. It decides nothing about people. Nothing here waits on anybody: a client that cannot take its
//! frames is cut off (and resumes), a full socket buffer loses a packet as any network does.
//!
//! Invariant: a panic of the engine ends the rooms of this shard, never the process. The thread starts a
//! fresh engine on the same port, the sockets of all clients close, and the clients come back.

use super::Frames;
use super::homes::Home;
use super::media::{Ask, Ears, Newcomer};
use super::model::{lesson_of, person_of, place_of};
use super::streams::{Came, Streams};
use super::wire::Wire;
use crate::edge::Clock;
use crate::ids::Millis;
use mio::{Events, Poll, Token};
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::protocol as lk;
use preau_sfu::{
    Budget, ConnectionId, Engine, EngineConfig, EngineError, Event, EventKind, Limits, Output, RoomName,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

pub(super) const SOCKET: Token = Token(0);
pub(super) const BELL: Token = Token(1);

/// Requests served before looking at the socket and the clock again.
const ASKS_A_TURN: usize = 256;
/// Batches of datagrams taken before looking at requests and the clock again.
const BATCHES_A_TURN: usize = 8;
/// How often everybody present is reported to the attendance.
const ROUND: Duration = Duration::from_secs(10);
/// A shard that failed again within this time waits as long before it starts over.
const BREATH: Duration = Duration::from_millis(500);
/// How often the engine hears how busy this thread is.
const GAUGE: Duration = Duration::from_secs(1);
/// While packets come all the time they are taken this often, and not each by itself: waking up for one costs more than
/// handling it, and the packets of a picture then leave as one. Nobody hears or sees two milliseconds.
const SPACING: Duration = Duration::from_millis(2);
/// So many turns in a row, each soon after the last, are taken for that.
const DENSE: u32 = 4;
/// Things the waiting point tells of at once; the rest is told of in the next turn.
const EVENTS: usize = 256;

/// A signalling connection of one life of a shard's engine. Identifiers of connections begin anew with every
/// life; the number of the life keeps a late frame from reaching a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    shard: usize,
    life: u64,
    connection: ConnectionId,
}

impl Line {
    /// On which shard it is.
    pub(super) fn shard(self) -> usize {
        self.shard
    }
}

/// The network card that all shards share: each may send what the others leave, and its even share at least.
pub(super) struct Card {
    total: u64,
    /// What each shard sends, in bits a second.
    sent: Vec<AtomicU64>,
}

impl Card {
    /// A card for `total` bits a second and this many shards.
    pub(super) fn new(total: u64, shards: usize) -> Card {
        Card { total, sent: (0..shards.max(1)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Bits a second for all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Notes what a shard sends; what it may send.
    fn settle(&self, shard: usize, bps: u64) -> u64 {
        self.sent[shard].store(bps, Ordering::Relaxed);
        let others = self.sent.iter().enumerate().filter(|(other, _)| *other != shard);
        let others: u64 = others.map(|(_, sent)| sent.load(Ordering::Relaxed)).sum();
        self.total.saturating_sub(others).max(self.total / self.sent.len() as u64)
    }
}

/// Where clients reach the shard, and what its rooms may send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) datagrams: SocketAddr,
    pub(super) streams: SocketAddr,
    pub(super) budget: Budget,
}

/// What outlives the engine.
pub(super) struct Shard {
    pub(super) index: usize,
    pub(super) poll: Poll,
    pub(super) wire: Wire,
    pub(super) asks: Receiver<Ask>,
    pub(super) streams: Streams,
    pub(super) places: Places,
    pub(super) clock: Clock,
    pub(super) ears: Ears,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) lives: Arc<AtomicU64>,
    pub(super) card: Arc<Card>,
}

/// One life of the engine, with what belongs to it.
struct Life {
    number: u64,
    engine: Engine,
    clients: HashMap<ConnectionId, Frames>,
    rooms: HashMap<RoomName, Kept>,
    next_round: Instant,
    gauge: Gauge,
}

/// A room, from outside.
struct Kept {
    /// When it is over, whatever the people in it do; none when nobody said so.
    closes: Option<Instant>,
    /// Holds its place on this shard.
    _home: Arc<Home>,
}

/// How densely packets come.
#[derive(Default)]
struct Flow {
    /// When some came last.
    last: Option<Instant>,
    /// Turns in a row that had some, each soon after the one before.
    turns: u32,
}

impl Flow {
    /// Packets came.
    fn came(&mut self, now: Instant) {
        let soon = self.last.is_some_and(|last| now.saturating_duration_since(last) <= SPACING * 2);
        self.turns = if soon { self.turns.saturating_add(1) } else { 0 };
        self.last = Some(now);
    }

    /// How long to let packets gather before they are looked at again; zero where each is looked at as it comes.
    fn pause(&self, now: Instant) -> Duration {
        let dense = self.last.filter(|_| self.turns >= DENSE);
        dense.map_or(Duration::ZERO, |last| (last + SPACING).saturating_duration_since(now))
    }
}

/// Measures how busy the thread is, and what it sends.
struct Gauge {
    since: Instant,
    /// Processor time of this thread at that moment, and …
    spent: Duration,
    /// … bytes sent until then.
    bytes: u64,
}

impl Gauge {
    fn start() -> Gauge {
        Gauge { since: Instant::now(), spent: processor_time(), bytes: 0 }
    }

    /// Since the last reading: the share of one core that the thread has taken, and the bits a second that it has
    /// sent, of which `bytes` is the sum so far.
    fn read(&mut self, now: Instant, bytes: u64) -> (f32, u64) {
        let spent = processor_time();
        let (used, passed) = (spent.saturating_sub(self.spent), now.saturating_duration_since(self.since));
        let sent = bytes.saturating_sub(self.bytes);
        (self.since, self.spent, self.bytes) = (now, spent, bytes);
        let passed = passed.as_secs_f64().max(f64::EPSILON);
        ((used.as_secs_f64() / passed) as f32, (sent as f64 * 8.0 / passed) as u64)
    }
}

/// Processor time that this thread has used so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Keeps this thread on one core, the shards on different ones as far as there are enough: what a shard knows of its
/// rooms stays in that core's cache.
#[cfg(target_os = "linux")]
fn stay_on_core(shard: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if cores.len() < 2 {
        return;
    }
    let mut own = CpuSet::new();
    own.set(cores[shard % cores.len()]);
    // Where it is not allowed the thread wanders, and works all the same.
    let _ = sched_setaffinity(None, &own);
}

#[cfg(not(target_os = "linux"))]
fn stay_on_core(_: usize) {}

/// An engine that answers under these addresses.
pub(super) fn engine(places: Places, now: Millis) -> Result<Engine, EngineError> {
    let mut seed = [0; 32];
    // Without randomness the identifiers of stays can be guessed; a stay can still only be resumed with
    // a token of the same person.
    let _ = getrandom::fill(&mut seed);
    let mut engine = Engine::new(EngineConfig {
        media_addresses: vec![places.datagrams],
        start: Instant::now(),
        start_unix_ms: u64::try_from(now).unwrap_or(0),
        seed,
        limits: Limits { budget: places.budget, ..Limits::default() },
    })?;
    engine.announce_streams(vec![places.streams])?;
    Ok(engine)
}

impl Shard {
    /// Runs until the application stops; `engine` is the first life.
    pub(super) fn run(mut self, engine: Engine) {
        stay_on_core(self.index);
        let mut next = Some(engine);
        let mut begun = Instant::now();
        while !self.stopping.load(Ordering::Acquire) {
            let fresh = match next.take() {
                Some(engine) => Ok(engine),
                None => crate::lesson::shard::engine(self.places, self.clock.now()),
            };
            let engine = match fresh {
                Ok(engine) => engine,
                Err(error) => {
                    tracing::error!(%error, "the room engine cannot start; trying again");
                    std::thread::sleep(BREATH);
                    continue;
                }
            };
            let mut life = Life {
                number: self.lives.fetch_add(1, Ordering::AcqRel) + 1,
                engine,
                clients: HashMap::new(),
                rooms: HashMap::new(),
                next_round: Instant::now() + ROUND,
                gauge: Gauge::start(),
            };
            // Connections of an earlier life mean nothing to this one.
            self.streams.clear();
            let ended = std::panic::catch_unwind(AssertUnwindSafe(|| self.live(&mut life)));
            if ended.is_ok() {
                return;
            }
            let (clients, rooms) = (life.clients.len(), life.rooms.len());
            tracing::error!(
                shard = self.index,
                life = life.number,
                clients,
                rooms,
                "a room engine failed; its rooms start over"
            );
            // It is gone, and whoever reckons with what it sent is told.
            self.card.settle(self.index, 0);
            for (lesson, _) in life.rooms.keys().filter_map(|room| place_of(room.as_str())) {
                self.ears.recorder.failed(lesson);
            }
            if begun.elapsed() < BREATH {
                std::thread::sleep(BREATH);
            }
            begun = Instant::now();
        }
    }

    fn live(&mut self, life: &mut Life) {
        let mut events = Events::with_capacity(EVENTS);
        let mut readable = true;
        let mut flow = Flow::default();
        while !self.stopping.load(Ordering::Acquire) {
            let mut more = false;
            for served in 0..ASKS_A_TURN {
                match self.asks.try_recv() {
                    Ok(ask) => self.serve(life, ask),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
                more = served + 1 == ASKS_A_TURN;
            }
            for _ in 0..BATCHES_A_TURN {
                if !readable {
                    break;
                }
                readable = self.receive(life);
                if self.wire.arrived() > 0 {
                    flow.came(Instant::now());
                }
            }
            self.hear_streams(life);
            let wait = self.keep_time(life);
            let more = more || readable || self.streams.is_waiting();
            let mut wait = if more { Some(Duration::ZERO) } else { wait };
            let pause = flow.pause(Instant::now());
            if !pause.is_zero() && wait.is_none_or(|wait| !wait.is_zero()) {
                std::thread::sleep(wait.map_or(pause, |wait| wait.min(pause)));
                wait = Some(Duration::ZERO);
            }
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {
                    for event in &events {
                        match event.token() {
                            SOCKET => readable = true,
                            BELL => {}
                            stream => self.stream_woken(life, stream, event.is_writable()),
                        }
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "waiting for packets failed");
                    std::thread::sleep(BREATH);
                }
            }
        }
    }

    /// Lets due timers run; returns how long nothing is due.
    fn keep_time(&mut self, life: &mut Life) -> Option<Duration> {
        let now = Instant::now();
        if life.engine.deadline().is_some_and(|at| at <= now) {
            life.engine.tick(now);
            self.carry_out(life);
        }
        if life.rooms.values().any(|room| room.closes.is_some_and(|at| at <= now)) {
            self.close_rooms(life, now);
        }
        if life.next_round <= now {
            life.next_round = now + ROUND;
            self.report_everybody(life, now);
        }
        if life.gauge.since + GAUGE <= now {
            let (share, bps) = life.gauge.read(now, life.engine.counters().bytes_out);
            life.engine.report_processor(share);
            // With nobody left there is no next reading: an idle shard holds nothing back from the others.
            let bps = if life.clients.is_empty() { 0 } else { bps };
            life.engine.allow(self.card.settle(self.index, bps));
            life.engine.ask_to_give_up((self.ears.restraint)());
        }
        let rooms = life.rooms.values().filter_map(|room| room.closes).min();
        // Without rooms nobody is there to be reported, and nothing wakes an idle server.
        let busy = !life.clients.is_empty();
        let (round, gauge) = (busy.then_some(life.next_round), busy.then_some(life.gauge.since + GAUGE));
        let next = [life.engine.deadline(), rooms, round, gauge].into_iter().flatten().min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Takes one batch of datagrams; whether there may be more.
    fn receive(&mut self, life: &mut Life) -> bool {
        let more = self.wire.receive();
        let now = Instant::now();
        for index in 0..self.wire.arrived() {
            let (source, bytes) = self.wire.datagram(index);
            life.engine.datagram(source, bytes, now);
        }
        self.carry_out(life);
        more
    }

    /// Accepts and reads TCP connections.
    fn hear_streams(&mut self, life: &mut Life) {
        if !self.streams.is_waiting() {
            return;
        }
        let now = Instant::now();
        self.streams.accept(self.poll.registry(), |remote| life.engine.stream_opened(remote, now));
        self.streams.read(|came| match came {
            Came::Bytes(stream, bytes) => life.engine.stream_bytes(stream, bytes, now),
            Came::End(stream) => life.engine.stream_closed(stream, now),
        });
        self.carry_out(life);
    }

    fn stream_woken(&mut self, life: &mut Life, token: Token, writable: bool) {
        if let Some(stream) = self.streams.woken(token, writable) {
            life.engine.stream_closed(stream, Instant::now());
        }
    }

    fn serve(&mut self, life: &mut Life, ask: Ask) {
        let now = Instant::now();
        match ask {
            Ask::Connect { newcomer, home, reply } => {
                let Newcomer { admission, connections, closes_in, frames, relays } = *newcomer;
                let room = admission.claims.room.clone();
                life.engine.announce_relays(relays);
                let connection = life.engine.connect_with(admission, connections, now);
                // Before the outputs are taken: the first frames are among them.
                life.clients.insert(connection, frames);
                life.rooms.insert(room, Kept { closes: Some(now + closes_in), _home: home });
                let _ = reply.send(Line { shard: self.index, life: life.number, connection });
            }
            Ask::Frame { line, bytes } if line.life == life.number => {
                life.engine.frame(line.connection, &bytes, now);
            }
            Ask::Disconnect { line } if line.life == life.number => {
                life.clients.remove(&line.connection);
                life.engine.disconnect(line.connection, now);
            }
            Ask::Frame { .. } | Ask::Disconnect { .. } => {}
            Ask::Control { command, home, reply } => {
                let created = match &*command {
                    Command::CreateRoom(request) => Some(RoomName::from(request.name.as_str())),
                    _ => None,
                };
                let answer = life.engine.control(*command, now);
                if let (Some(room), Some(home), Ok(_)) = (created, home, &answer) {
                    life.rooms.entry(room).or_insert(Kept { closes: None, _home: home });
                }
                let _ = reply.send(answer);
            }
            #[cfg(any(test, debug_assertions))]
            Ask::Fail => panic!("asked to fail"),
        }
        self.carry_out(life);
    }

    fn carry_out(&mut self, life: &mut Life) {
        while let Some(output) = life.engine.poll() {
            match output {
                Output::Datagram { destination, contents, .. } => self.wire.send(destination, contents),
                Output::Frame { connection, bytes } => {
                    let full = life.clients.get(&connection).is_some_and(|to| to.try_send(bytes).is_err());
                    if full {
                        life.clients.remove(&connection);
                        life.engine.disconnect(connection, Instant::now());
                    }
                }
                Output::Close { connection } => {
                    life.clients.remove(&connection);
                }
                Output::Event(event) => self.note(life, &event),
                Output::StreamBytes { stream, bytes } => {
                    if !self.streams.write(stream, &bytes) {
                        life.engine.stream_closed(stream, Instant::now());
                    }
                }
                Output::StreamClose { stream } => self.streams.close(stream),
                Output::Tapped(packet) => self.ears.recorder.packet(*packet, Instant::now()),
                // A lesson is on one shard.
                Output::Relay { .. } => {}
            }
        }
        self.wire.flush(|contents| life.engine.recycle(contents));
    }

    fn note(&self, life: &mut Life, event: &Event) {
        let Some(lesson) = lesson_of(event.room.as_str()) else { return };
        let at = self.clock.now();
        match &event.kind {
            EventKind::ParticipantJoined { identity, .. }
            | EventKind::ParticipantResumed { identity, .. } => {
                if let Some(person) = person_of(identity.as_str()) {
                    self.ears.attendance.joined(lesson, person, at);
                }
            }
            EventKind::ParticipantLeft { identity, reason, .. } => {
                tracing::debug!(%lesson, %identity, ?reason, "left the lesson");
                if let Some(person) = person_of(identity.as_str()) {
                    self.ears.attendance.left(lesson, person, at);
                }
            }
            EventKind::RoomFinished => {
                life.rooms.remove(&event.room);
                // Groups are rooms of their own, and are not recorded.
                if place_of(event.room.as_str()) == Some((lesson, 0)) {
                    self.ears.recorder.over(lesson);
                }
            }
            EventKind::TrackMuted { track, muted: true, .. } | EventKind::TrackUnpublished { track, .. } => {
                self.ears.recorder.paused(lesson, track.as_str());
            }
            _ => {}
        }
    }

    fn close_rooms(&mut self, life: &mut Life, now: Instant) {
        let over = |room: &Kept| room.closes.is_some_and(|at| at <= now);
        let due: Vec<RoomName> =
            life.rooms.iter().filter(|(_, kept)| over(kept)).map(|(room, _)| room.clone()).collect();
        for room in due {
            let delete = lk::DeleteRoomRequest { room: room.as_str().to_owned() };
            match life.engine.control(Command::DeleteRoom(delete), now) {
                Ok(_) | Err(ControlError::NoRoom(_)) => {}
                Err(error) => tracing::warn!(%room, %error, "a room that is over could not be closed"),
            }
            life.rooms.remove(&room);
        }
        self.carry_out(life);
    }

    fn report_everybody(&self, life: &mut Life, now: Instant) {
        let at = self.clock.now();
        let rooms: Vec<RoomName> = life.rooms.keys().cloned().collect();
        for room in rooms {
            let Some(lesson) = lesson_of(room.as_str()) else { continue };
            let list =
                Command::ListParticipants(lk::ListParticipantsRequest { room: room.as_str().to_owned() });
            if let Ok(Reply::Participants(present)) = life.engine.control(list, now) {
                for person in present.iter().filter_map(|one| person_of(&one.identity)) {
                    self.ears.attendance.seen(lesson, person, at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_gather_only_while_they_come_all_the_time() {
        let start = Instant::now();
        let at = |micros| start + Duration::from_micros(micros);
        let mut flow = Flow::default();
        assert_eq!(flow.pause(at(0)), Duration::ZERO);
        // A picture of five packets, and nothing for a while: each is passed on as it comes.
        for packet in 0..4 {
            flow.came(at(packet * 50));
            assert_eq!(flow.pause(at(packet * 50)), Duration::ZERO);
        }
        flow.came(at(20_000));
        assert_eq!(flow.pause(at(20_000)), Duration::ZERO);
        for turn in 0..4 {
            flow.came(at(21_000 + turn * 1_000));
        }
        assert_eq!(flow.pause(at(24_000)), SPACING);
        assert_eq!(flow.pause(at(25_500)), Duration::from_micros(500));
        assert_eq!(flow.pause(at(26_000)), Duration::ZERO, "nothing came: the next one wakes the thread");
        flow.came(at(40_000));
        assert_eq!(flow.pause(at(40_000)), Duration::ZERO, "it is quiet again");
    }

    #[test]
    fn shards_share_one_network_card() {
        let card = Card::new(1_000, 4);
        assert_eq!(card.settle(0, 100), 1_000, "the others are silent");
        assert_eq!(card.settle(1, 600), 900);
        assert_eq!(card.settle(0, 100), 400);
        assert_eq!(card.settle(2, 500), 300);
        assert_eq!(card.settle(3, 0), 250, "nobody is left with less than an even share");
        card.settle(1, 0);
        assert_eq!(card.settle(3, 0), 400);
    }
}
