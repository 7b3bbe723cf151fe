//! The light path: a connection on which somebody waits.
//!
//! It reads heads, asks the door, and writes answers from memory. A request that passes goes on as bytes
//! ([`crate::relay`]) where that is possible; all others are handed over to [`crate::heavy`], with the
//! bytes read so far and the decision already made. It reads no body of a request. Invariant: while nothing
//! arrives, a connection holds no buffer; the one it reads into belongs to the thread.

mod away;

use crate::door::{Backend, Decision, Door, OtherProtocol};
use crate::head::{self, Fields, Framing, Head, Parsed, RawHead, host_of};
use crate::relay::{self, Exchange};
use crate::server::{Open, Role};
use crate::wire::{LINGER, Wire};
use crate::{Answer, Client, Limits, Peer, Refused};
use bytes::Bytes;
use http::Version;
use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// Answers of one connection that may lie unsent before its requests are left unread.
const UNSENT: usize = 32 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static WRITE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How a connection leaves the light path.
pub(crate) enum Left {
    /// It is over.
    Closed,
    /// To hyper: bytes read ahead, and what was decided about the first request in them.
    Over { ahead: Bytes, first: Option<Decision>, http2: bool },
    /// To somebody who speaks what its first bytes are.
    Beside { ahead: Bytes, other: Arc<dyn OtherProtocol> },
}

/// One waiting connection.
pub(crate) struct Light {
    pub(crate) wire: Wire,
    pub(crate) peer: Peer,
    /// Bytes of a head that is not whole yet.
    held: Vec<u8>,
    /// Answers that the other end has not taken yet, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// TLS holds something that the socket has not taken.
    unflushed: bool,
    due: Instant,
    state: State,
    role: Role,
    /// Whether a request has come.
    asked: bool,
    /// When the bytes came that are answered now: one look at the clock for all that is reckoned from it.
    read_at: Instant,
    /// A request that has gone on to an upstream; its head stands in front of what is held.
    away: Option<Box<Exchange>>,
}

/// What becomes of one request.
enum Next {
    /// Its answer lies there.
    Answered,
    /// Somebody else must carry out what was decided.
    Over(Decision),
    /// It has gone on.
    Away(Box<Exchange>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between requests.
    Idle,
    /// Part of a head has arrived.
    Head,
    /// The last answer has been written; what still arrives is thrown away.
    Last,
    /// Our side is closed.
    Linger,
}

impl Light {
    pub(crate) fn new<D: Door, B: Backend>(wire: Wire, peer: Peer, role: Role, open: &Open<D, B>) -> Light {
        let now = Instant::now();
        Light {
            wire,
            peer,
            held: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            unflushed: false,
            due: now + open.limits.idle,
            read_at: now,
            state: State::Idle,
            role,
            asked: false,
            away: None,
        }
    }

    /// Serves until the connection ends or somebody else must go on.
    pub(crate) async fn run<D: Door, B: Backend>(&mut self, open: &Open<D, B>) -> Left {
        let mut alarm = pin!(sleep_until(self.due));
        // Whether the alarm knows whom to wake: this is one task from beginning to end.
        let mut set = false;
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(left) = self.poll(open, cx) {
                    return Poll::Ready(left);
                }
                // The alarm is moved only when it rings or must ring earlier: most requests only move
                // `due` on, and a timer costs more than a request.
                if alarm.deadline() > self.due {
                    alarm.as_mut().reset(self.due);
                    set = false;
                }
                if set && !alarm.is_elapsed() {
                    return Poll::Pending;
                }
                // A task that has done its share is told to come back, and the alarm has not looked at it.
                let looks = tokio::task::coop::has_budget_remaining();
                if alarm.as_mut().poll(cx).is_pending() {
                    set = looks;
                    return Poll::Pending;
                }
                if Instant::now() < self.due {
                    alarm.as_mut().reset(self.due);
                    set = false;
                    continue;
                }
                if self.away.is_some() {
                    if self.overdue(open).is_err() {
                        return Poll::Ready(Left::Closed);
                    }
                    continue;
                }
                if self.state == State::Idle && self.asked && open.lets_rest(self.read_at.elapsed()) {
                    self.due = Instant::now() + open.limits.idle;
                    continue;
                }
                if self.state != State::Head {
                    return Poll::Ready(Left::Closed);
                }
                self.refuse(open, Refused::Slow);
            }
        })
        .await
    }

    fn poll<D: Door, B: Backend>(&mut self, open: &Open<D, B>, cx: &mut Context<'_>) -> Poll<Left> {
        loop {
            if self.away.is_some() && ready!(self.relay(open, cx)).is_err() {
                return Poll::Ready(Left::Closed);
            }
            if let Some(left) = ready!(READ.with_borrow_mut(|room| self.serve(open, cx, room))) {
                return Poll::Ready(left);
            }
        }
    }

    /// Answers until it must wait, or a request has gone on: then `None`.
    fn serve<D: Door, B: Backend>(
        &mut self,
        open: &Open<D, B>,
        cx: &mut Context<'_>,
        room: &mut Vec<u8>,
    ) -> Poll<Option<Left>> {
        let closed = Poll::Ready(Some(Left::Closed));
        if room.len() < open.limits.head_bytes {
            room.resize(open.limits.head_bytes, 0);
        }
        // What is held is put back in front of what arrives now.
        let mut filled = self.held.len();
        if room.len() < filled {
            room.resize(filled, 0);
        }
        room[..filled].copy_from_slice(&self.held);
        // A head that was not whole stays so until a line has ended.
        let mut worth_it = self.state != State::Head;
        loop {
            if self.send(cx).is_err() {
                return closed;
            }
            if self.unsent.len() <= UNSENT && matches!(self.state, State::Idle | State::Head) {
                if worth_it && filled > 0 {
                    let (used, left) = self.answer(open, &room[..filled]);
                    if self.away.is_some() {
                        self.held.clear();
                        self.held.extend_from_slice(&room[used..filled]);
                        return Poll::Ready(None);
                    }
                    room.copy_within(used..filled, 0);
                    filled -= used;
                    if let Some(left) = left {
                        return Poll::Ready(Some(left));
                    }
                    if self.send(cx).is_err() {
                        return closed;
                    }
                    if used > 0 && filled > 0 && self.state == State::Idle {
                        // More requests are there than answers were allowed to lie unsent.
                        continue;
                    }
                }
            } else if matches!(self.state, State::Last | State::Linger) {
                filled = 0;
            }
            if self.state == State::Last && self.unsent.is_empty() {
                match Pin::new(&mut self.wire).poll_shutdown(cx) {
                    Poll::Ready(Ok(())) => {
                        self.state = State::Linger;
                        self.due = Instant::now() + LINGER;
                    }
                    Poll::Ready(Err(_)) => return closed,
                    Poll::Pending => {}
                }
            }
            // Whoever does not take answers is not read from.
            let mut arrived = ReadBuf::new(&mut room[filled..]);
            let polled = if self.unsent.len() > UNSENT {
                Poll::Pending
            } else {
                Pin::new(&mut self.wire).poll_read(cx, &mut arrived)
            };
            match polled {
                Poll::Ready(Ok(())) if arrived.filled().is_empty() => return closed,
                Poll::Ready(Ok(())) => {
                    let new = arrived.filled();
                    worth_it = self.state == State::Idle || new.contains(&b'\n');
                    filled += new.len();
                    worth_it |= filled >= open.limits.head_bytes;
                }
                Poll::Ready(Err(_)) => return closed,
                Poll::Pending => {
                    if filled == 0 {
                        // Nothing is kept while nobody asks.
                        self.held = Vec::new();
                    } else {
                        self.held.clear();
                        self.held.extend_from_slice(&room[..filled]);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Answers what can be answered; says how many bytes that took.
    fn answer<D: Door, B: Backend>(&mut self, open: &Open<D, B>, bytes: &[u8]) -> (usize, Option<Left>) {
        let mut used = 0;
        self.read_at = Instant::now();
        if !self.asked
            && self.role == Role::Serve
            && let Some(other) = bytes.first().and_then(|first| open.other(*first))
        {
            return (0, Some(Left::Beside { ahead: Bytes::copy_from_slice(bytes), other }));
        }
        while used < bytes.len() && self.unsent.len() <= UNSENT {
            let rest = &bytes[used..];
            let mut room = head::room();
            let fields = open.limits.fields.min(head::MOST_FIELDS);
            match head::parse(rest, &mut room[..fields], open.limits.head_bytes) {
                Parsed::Partial => {
                    if self.state == State::Idle {
                        self.state = State::Head;
                        self.due = self.read_at + open.limits.head;
                    }
                    return (used, None);
                }
                Parsed::Http2 if self.role == Role::Serve => {
                    let ahead = Bytes::copy_from_slice(rest);
                    return (used, Some(Left::Over { ahead, first: None, http2: true }));
                }
                Parsed::Http2 => self.refuse(open, Refused::Version),
                Parsed::Refused(refused) => self.refuse(open, refused),
                Parsed::Whole(raw, length) => {
                    self.asked = true;
                    match self.ask(open, &raw, length) {
                        Next::Answered => {}
                        Next::Over(decision) => {
                            let ahead = Bytes::copy_from_slice(rest);
                            return (used, Some(Left::Over { ahead, first: Some(decision), http2: false }));
                        }
                        Next::Away(exchange) => {
                            self.state = State::Idle;
                            self.due = exchange.due;
                            self.away = Some(exchange);
                            return (used, None);
                        }
                    }
                    used += length;
                    if self.state != State::Last {
                        self.state = State::Idle;
                        self.due = self.read_at + open.limits.idle;
                    }
                }
            }
            if self.state == State::Last {
                return (bytes.len(), None);
            }
        }
        (used, None)
    }

    /// Answers one request, whose head has so many bytes, or says who must.
    fn ask<D: Door, B: Backend>(&mut self, open: &Open<D, B>, raw: &RawHead<'_>, length: usize) -> Next {
        let fields = Fields::Raw(raw.fields);
        let host = host_of(raw.authority);
        let mut head = Head {
            method: raw.method,
            target: raw.target,
            host,
            site: 0,
            peer: &self.peer,
            client: Client::of(&self.peer, &open.trusted, fields),
            version: raw.version,
            fields,
        };
        let head_only = raw.method == "HEAD";
        // HTTP/1.0 would have to be told that its connection stays; hardly anybody speaks it.
        let kept = raw.keep_alive && raw.version == Version::HTTP_11 && !open.is_stopping();
        // A body that nobody reads would be taken for the next request.
        let bodiless = matches!(raw.framing, Framing::None | Framing::Length(0));
        if self.role == Role::Redirect {
            let answer = open.redirect(&head);
            self.write(&answer, head_only, kept && bodiless);
            return Next::Answered;
        }
        let Some(site) = open.backend.site(host) else {
            let answer = open.door.refuse(Refused::Host, Some(&head));
            self.write(&answer, head_only, kept && bodiless);
            return Next::Answered;
        };
        head.site = site;
        match open.door.decide(&head) {
            Decision::Answer(answer) if bodiless => {
                self.write(&answer, head_only, kept);
                Next::Answered
            }
            Decision::Shared(rendered) if bodiless => {
                self.borrow_room();
                rendered.write(&mut self.unsent, head_only, kept, self.read_at.into_std());
                self.written(kept && !rendered.answer().close);
                Next::Answered
            }
            Decision::Pass(pass) if relay::request::fits(raw) => match open.backend.direct(site) {
                Some(to) => match Exchange::begin(to, pass, raw, length, &self.peer) {
                    Ok(exchange) => Next::Away(exchange),
                    Err(refused) => {
                        let answer = open.door.refuse(refused, Some(&head));
                        self.write(&answer, head_only, kept);
                        Next::Answered
                    }
                },
                None => Next::Over(Decision::Pass(pass)),
            },
            decision => Next::Over(decision),
        }
    }

    fn refuse<D: Door, B: Backend>(&mut self, open: &Open<D, B>, refused: Refused) {
        let answer = open.door.refuse(refused, None);
        // Also when nothing has come for long.
        self.read_at = Instant::now();
        self.write(&answer, false, false);
    }

    /// Puts an answer behind those that lie there.
    fn write(&mut self, answer: &Answer, head_only: bool, kept: bool) {
        self.borrow_room();
        answer.write(&mut self.unsent, head_only, kept, self.read_at.into_std());
        self.written(kept && !answer.close);
    }

    fn written(&mut self, kept: bool) {
        if !kept {
            self.state = State::Last;
        }
    }

    /// Most answers leave at once: they are written in the thread's buffer, which `send` gives back.
    fn borrow_room(&mut self) {
        if self.unsent.is_empty() {
            self.unsent = WRITE.take();
            self.unsent.clear();
        }
    }

    /// Sends what lies there, however long the other end takes within the bounds.
    pub(crate) async fn flush(&mut self, limits: &Limits) -> Result<(), ()> {
        let all = std::future::poll_fn(|cx| match self.send(cx) {
            Ok(()) if !self.owes() => Poll::Ready(Ok(())),
            Ok(()) => Poll::Pending,
            Err(()) => Poll::Ready(Err(())),
        });
        tokio::time::timeout(limits.stall, all).await.unwrap_or(Err(()))
    }

    /// Whether answers still lie there.
    pub(crate) fn owes(&self) -> bool {
        !self.unsent.is_empty() || self.unflushed
    }

    /// Sends what it can. What is left stays in `unsent`.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), ()> {
        if !self.owes() {
            return Ok(());
        }
        while self.sent < self.unsent.len() {
            match Pin::new(&mut self.wire).poll_write(cx, &self.unsent[self.sent..]) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(()),
                Poll::Ready(Ok(written)) => self.sent += written,
                Poll::Pending => {
                    // Somebody who never quite keeps up would otherwise make it grow for ever.
                    if self.sent >= UNSENT {
                        self.unsent.drain(..self.sent);
                        self.sent = 0;
                    }
                    return Ok(());
                }
            }
        }
        // TLS keeps what the socket did not take.
        match Pin::new(&mut self.wire).poll_flush(cx) {
            Poll::Ready(Ok(())) => self.unflushed = false,
            Poll::Ready(Err(_)) => return Err(()),
            Poll::Pending => self.unflushed = true,
        }
        self.sent = 0;
        if !self.unsent.is_empty() {
            self.unsent.clear();
            // The buffer goes back to the thread.
            WRITE.set(std::mem::take(&mut self.unsent));
        }
        Ok(())
    }
}
