//! A request of a waiting connection that has gone on to an upstream, and the way its answer takes back.
//!
//! What is said to the upstream is [`crate::relay`]'s. Invariants: the client is listened to meanwhile, so
//! that somebody who leaves frees the upstream; nothing is read from the upstream while more than
//! [`UNSENT`] lies here for a client that does not take it.

use super::{Light, State, UNSENT, WRITE};
use crate::door::{Backend, Door};
use crate::head::{self, Fields, Head, Parsed, host_of};
use crate::relay::{Around, Came};
use crate::server::Open;
use crate::{Client, Refused};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

impl Light {
    /// Carries the answer until it is whole; an error means that the connection is over.
    pub(super) fn relay<D: Door, B: Backend>(
        &mut self,
        open: &Open<D, B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ()>> {
        let Some(mut exchange) = self.away.take() else { return Poll::Ready(Ok(())) };
        loop {
            let lay = self.unsent.len() - self.sent;
            let mut came = Poll::Pending;
            let room = lay <= UNSENT && !self.unflushed;
            if room {
                self.borrow_room();
                let around = Around {
                    asked: &self.held[..exchange.asked],
                    peer: &self.peer,
                    limits: &open.limits,
                    stopping: open.is_stopping(),
                    release: &|seat| open.door.release(seat),
                };
                came = exchange.poll(cx, &around, &mut self.unsent);
                if self.unsent.is_empty() {
                    WRITE.set(std::mem::take(&mut self.unsent));
                }
            }
            match came {
                Poll::Ready(Came::Part) | Poll::Pending => {}
                Poll::Ready(came) => {
                    self.away = None;
                    self.finish(open, came, exchange.asked);
                    return Poll::Ready(Ok(()));
                }
            }
            let lies = self.unsent.len() - self.sent;
            if self.owes() {
                if self.send(cx).is_err() {
                    return Poll::Ready(Err(()));
                }
                let left = self.unsent.len() - self.sent;
                let owes = self.owes();
                if exchange.taking.note(lies - left, owes, &open.limits).is_err() {
                    tracing::debug!(client = %self.peer.address, "somebody takes an answer too slowly");
                    return Poll::Ready(Err(()));
                }
                // There may be more; or there is room again, and the upstream has been left waiting.
                if came.is_ready() || !room && left <= UNSENT && !self.unflushed {
                    continue;
                }
            }
            // While the client is waited for, the upstream need not hurry.
            self.due = exchange.taking.due(&open.limits).unwrap_or(exchange.due);
            if self.listen(cx, exchange.asked + open.limits.head_bytes).is_err() {
                return Poll::Ready(Err(()));
            }
            self.away = Some(exchange);
            return Poll::Pending;
        }
    }

    /// What the client sends meanwhile waits for its turn; an error means that it has left.
    fn listen(&mut self, cx: &mut Context<'_>, most: usize) -> Result<(), ()> {
        while self.held.len() < most {
            let mut piece = [MaybeUninit::uninit(); 4096];
            let mut piece = ReadBuf::uninit(&mut piece);
            match Pin::new(&mut self.wire).poll_read(cx, &mut piece) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) if !piece.filled().is_empty() => {
                    self.held.extend_from_slice(piece.filled());
                }
                Poll::Ready(_) => return Err(()),
            }
        }
        Ok(())
    }

    /// Waiting is over: for the client, which ends the connection, or for the upstream.
    pub(super) fn overdue<D: Door, B: Backend>(&mut self, open: &Open<D, B>) -> Result<(), ()> {
        let Some(mut exchange) = self.away.take() else { return Ok(()) };
        if exchange.taking.due(&open.limits).is_some_and(|due| due <= Instant::now()) {
            return Err(());
        }
        let came = exchange.overdue();
        self.finish(open, came, exchange.asked);
        Ok(())
    }

    /// The exchange is over; its request had a head of so many bytes.
    fn finish<D: Door, B: Backend>(&mut self, open: &Open<D, B>, came: Came, asked: usize) {
        match came {
            Came::Whole { close } => {
                if close {
                    self.state = State::Last;
                }
            }
            Came::Failed(refused) => self.excuse(open, refused, asked),
            // What is out must not look whole.
            Came::Part | Came::Torn => self.state = State::Last,
        }
        if self.held.len() == asked {
            self.held = Vec::new();
        } else {
            self.held.drain(..asked);
        }
        self.due = Instant::now() + open.limits.idle;
    }

    /// Says why there is no answer, in the door's words.
    fn excuse<D: Door, B: Backend>(&mut self, open: &Open<D, B>, refused: Refused, asked: usize) {
        let held = std::mem::take(&mut self.held);
        let mut room = head::room();
        let fields = open.limits.fields.min(head::MOST_FIELDS);
        let parsed = head::parse(&held[..asked], &mut room[..fields], open.limits.head_bytes);
        // It has been understood before.
        let Parsed::Whole(raw, _) = parsed else {
            self.state = State::Last;
            return;
        };
        let host = host_of(raw.authority);
        let fields = Fields::Raw(raw.fields);
        let head = Head {
            method: raw.method,
            target: raw.target,
            host,
            site: open.backend.site(host).unwrap_or_default(),
            peer: &self.peer,
            client: Client::of(&self.peer, &open.trusted, fields),
            version: raw.version,
            fields,
        };
        let answer = open.door.refuse(refused, Some(&head));
        self.read_at = Instant::now();
        let head_only = raw.method == "HEAD";
        self.write(&answer, head_only, raw.keep_alive && !open.is_stopping());
        self.held = held;
    }
}
