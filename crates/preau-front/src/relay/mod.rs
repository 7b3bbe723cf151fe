//! Forwarding as bytes: one request without a body, from the light path to an upstream that speaks plain
//! HTTP/1.1, and its answer back.
//!
//! What is said on either side is the same as by way of hyper (`tests/paths.rs` holds the two to each
//! other), at half the cost, and the connection stays on the light path. No body of a request, no TLS
//! towards the upstream, no other protocol: those go the other way. Invariants: a request is sent again
//! only from a kept connection to a fresh one, before the head of the answer, and every request here is
//! harmless (RFC 9110 section 9.2.1); a connection is kept only when its answer has ended, by its own
//! framing, with the last byte read; never more than one reading of a body lies here.

pub(crate) mod request;
mod response;

use crate::framing::{Framer, read_response};
use crate::head::{self, Parsed, RawHead};
use crate::upstream::{Course, Direct, Later, Links, Outcome, Site, connect};
use crate::{Limits, Pass, Peer, Refused, Seat};
use http::HeaderValue;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Read from an upstream at once.
const READING: usize = 64 * 1024;
/// The head of an answer, those before the last included.
const MOST_HEAD: usize = 64 * 1024;
/// Fields of an answer, as many as hyper takes.
const MOST_FIELDS: usize = 100;

thread_local! {
    static FROM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static TO: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What has become of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// A part of the answer; more will come.
    Part,
    /// All of it. Whether the client's connection ends with it.
    Whole { close: bool },
    /// No answer, and nothing has been said to the client.
    Failed(Refused),
    /// A part is out, and the rest will not come.
    Torn,
}

/// One request on its way.
pub(crate) struct Exchange {
    site: Arc<Site>,
    course: Course,
    pass: Pass,
    stage: Stage,
    link: Option<TcpStream>,
    /// The connection had been kept: the upstream may have closed it meanwhile.
    reused: bool,
    /// The head, sent up to `sent`.
    request: Vec<u8>,
    sent: usize,
    /// Bytes of the answer's head while it is not whole.
    held: Vec<u8>,
    framer: Framer,
    /// The upstream lets its connection go on.
    stays: bool,
    /// The client's connection ends with the answer.
    close: bool,
    /// Bytes of the client's head.
    pub(crate) asked: usize,
    to_head: bool,
    /// When waiting for the upstream is over.
    pub(crate) due: Instant,
    /// How the client takes the answer.
    pub(crate) taking: Taking,
}

enum Stage {
    /// In the line before the upstream.
    Waiting(Later),
    Begin,
    Connecting(Pin<Box<dyn Future<Output = Result<TcpStream, Refused>> + Send>>),
    Sending,
    Head,
    Body,
}

/// What an exchange must know of its connection.
pub(crate) struct Around<'a> {
    /// The client's head, as it came.
    pub(crate) asked: &'a [u8],
    pub(crate) peer: &'a Peer,
    pub(crate) limits: &'a Limits,
    pub(crate) stopping: bool,
    /// Tells the door that a session is over.
    pub(crate) release: &'a dyn Fn(&Seat) -> Vec<HeaderValue>,
}

impl Exchange {
    /// Begins one, if the upstream may have another request.
    pub(crate) fn begin(
        to: Direct<'_>,
        pass: Pass,
        raw: &RawHead<'_>,
        asked: usize,
        peer: &Peer,
    ) -> Result<Box<Exchange>, Refused> {
        let (course, later) = Course::begin(to.site, to.index, pass.class, to.gauge, pass.seat.as_ref())?;
        let mut request = TO.take();
        request.clear();
        request::write(&mut request, raw, peer, &to.site.upstream);
        let due = Instant::from_std(course.begun()) + to.site.upstream.head;
        Ok(Box::new(Exchange {
            site: Arc::clone(to.site),
            course,
            pass,
            stage: later.map_or(Stage::Begin, Stage::Waiting),
            link: None,
            reused: false,
            request,
            sent: 0,
            held: Vec::new(),
            framer: Framer::new(crate::framing::End::Head),
            stays: false,
            close: !raw.keep_alive,
            asked,
            to_head: raw.method == "HEAD",
            due,
            taking: Taking::default(),
        }))
    }

    /// Goes on until something has come for the client, which is appended to `out`, or must be waited for.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        around: &Around<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Came> {
        loop {
            let went = match &mut self.stage {
                Stage::Waiting(later) => match ready!(later.as_mut().poll(cx)) {
                    Some(turn) => {
                        self.course.let_through(Some(turn));
                        self.due = Instant::from_std(self.course.begun()) + self.site.upstream.head;
                        self.stage = Stage::Begin;
                        continue;
                    }
                    None => Err(Refused::Saturated),
                },
                Stage::Begin => {
                    match self.site.links.take_plain(cx, self.course.begun()) {
                        Some(link) => {
                            (self.link, self.reused) = (Some(link), true);
                            self.stage = Stage::Sending;
                        }
                        None => self.connect(),
                    }
                    continue;
                }
                Stage::Connecting(connecting) => match ready!(connecting.as_mut().poll(cx)) {
                    Ok(link) => {
                        (self.link, self.reused) = (Some(link), false);
                        self.stage = Stage::Sending;
                        self.due = Instant::now() + self.site.upstream.head;
                        continue;
                    }
                    Err(refused) => Err(refused),
                },
                Stage::Sending => match ready!(self.send(cx)) {
                    Ok(()) => {
                        self.stage = Stage::Head;
                        continue;
                    }
                    Err(refused) => Err(refused),
                },
                Stage::Head => match ready!(self.read_head(cx, around, out)) {
                    Ok(None) => continue,
                    Ok(Some(came)) => Ok(came),
                    Err(refused) => Err(refused),
                },
                Stage::Body => return self.read_body(cx, out),
            };
            match went {
                Ok(came) => return Poll::Ready(came),
                // A kept connection that the upstream has closed meanwhile says nothing about the
                // upstream; a fresh one that breaks does.
                Err(_) if self.reused && self.write_again(around) => self.connect(),
                Err(refused) => return Poll::Ready(self.fail(refused)),
            }
        }
    }

    /// The upstream has let us wait too long.
    pub(crate) fn overdue(&mut self) -> Came {
        match self.stage {
            Stage::Body => Came::Torn,
            _ => self.fail(Refused::Overdue),
        }
    }

    fn fail(&mut self, refused: Refused) -> Came {
        self.course.tell(Outcome::Failed(refused));
        Came::Failed(refused)
    }

    fn connect(&mut self) {
        let site = Arc::clone(&self.site);
        (self.link, self.reused) = (None, false);
        // The connecting has bounds of its own.
        self.due = Instant::now()
            + self.site.upstream.head
            + 2 * self.site.upstream.connect
            + Duration::from_secs(1);
        self.stage =
            Stage::Connecting(Box::pin(async move { connect(&site, || site.links.make_plain()).await }));
    }

    /// The same head once more, from what the client sent.
    fn write_again(&mut self, around: &Around<'_>) -> bool {
        self.sent = 0;
        self.held.clear();
        self.request.clear();
        let mut room = head::room();
        let fields = around.limits.fields.min(head::MOST_FIELDS);
        let Parsed::Whole(raw, _) = head::parse(around.asked, &mut room[..fields], around.limits.head_bytes)
        else {
            return false;
        };
        request::write(&mut self.request, &raw, around.peer, &self.site.upstream);
        true
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        let Some(link) = &mut self.link else { return Poll::Ready(Err(Refused::Broken)) };
        while self.sent < self.request.len() {
            match ready!(Pin::new(&mut *link).poll_write(cx, &self.request[self.sent..])) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Refused::Broken)),
                Ok(sent) => self.sent += sent,
            }
        }
        // The buffer goes back to the thread.
        TO.set(std::mem::take(&mut self.request));
        Poll::Ready(Ok(()))
    }

    /// Reads once. `None` is the end of the connection.
    fn read<T>(
        &mut self,
        cx: &mut Context<'_>,
        then: impl FnOnce(&mut Exchange, Option<&[u8]>) -> T,
    ) -> Poll<Result<T, Refused>> {
        FROM.with_borrow_mut(|room| {
            room.resize(READING, 0);
            let mut came = ReadBuf::new(room);
            let Some(link) = &mut self.link else { return Poll::Ready(Err(Refused::Broken)) };
            if ready!(Pin::new(link).poll_read(cx, &mut came)).is_err() {
                return Poll::Ready(Err(Refused::Broken));
            }
            let came = came.filled();
            Poll::Ready(Ok(then(self, (!came.is_empty()).then_some(came))))
        })
    }

    fn read_head(
        &mut self,
        cx: &mut Context<'_>,
        around: &Around<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<Result<Option<Came>, Refused>> {
        let read = self.read(cx, |this, came| {
            let came = came.ok_or(Refused::Broken)?;
            if this.held.is_empty() {
                return this.understand(came, around, out);
            }
            let mut held = std::mem::take(&mut this.held);
            held.extend_from_slice(came);
            this.understand(&held, around, out)
        });
        read.map(|read| read.and_then(std::convert::identity))
    }

    /// The heads in these bytes, and what of the body is there already.
    fn understand(
        &mut self,
        bytes: &[u8],
        around: &Around<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Came>, Refused> {
        let mut rest = bytes;
        loop {
            let mut room = head::room();
            match read_response(rest, &mut room[..MOST_FIELDS], self.to_head).map_err(|_| Refused::Broken)? {
                None if rest.len() >= MOST_HEAD => return Err(Refused::Broken),
                None => {
                    self.held.extend_from_slice(rest);
                    return Ok(None);
                }
                // Nobody has asked for another protocol.
                Some((head, _)) if head.status == 101 => return Err(Refused::Broken),
                Some((head, taken)) if head.status < 200 => rest = &rest[taken..],
                Some((head, taken)) => {
                    let from = out.len();
                    let now = std::time::Instant::now();
                    let ended = response::ends_session(&head);
                    let seat = self.pass.seat.as_ref().filter(|_| ended);
                    let forget = seat.map(around.release).unwrap_or_default();
                    let cookies = self.pass.cookies.iter().chain(&forget);
                    self.close |= around.stopping;
                    if response::write(out, &head, cookies, self.close).is_err() {
                        out.truncate(from);
                        return Err(Refused::Broken);
                    }
                    self.course.tell_at(Outcome::Status(head.status), now);
                    (self.framer, self.stays) = (Framer::new(head.end), head.keep_alive);
                    self.stage = Stage::Body;
                    self.due = Instant::from_std(now) + self.site.upstream.stall;
                    return Ok(Some(self.pass_on(&rest[taken..], out, now)));
                }
            }
        }
    }

    fn read_body(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Came> {
        let read = ready!(self.read(cx, |this, came| {
            let now = std::time::Instant::now();
            this.due = Instant::from_std(now) + this.site.upstream.stall;
            match came {
                Some(came) => this.pass_on(came, out, now),
                None if this.framer.close(out).is_ok() => Came::Whole { close: this.close },
                None => Came::Torn,
            }
        }));
        Poll::Ready(read.unwrap_or(Came::Torn))
    }

    /// Bytes of the body, on to the client.
    fn pass_on(&mut self, bytes: &[u8], out: &mut Vec<u8>, now: std::time::Instant) -> Came {
        let Ok(taken) = self.framer.pass(bytes, out) else { return Came::Torn };
        if !self.framer.is_done() {
            return Came::Part;
        }
        // Whatever comes behind an answer belongs to nothing that we have asked.
        if let Some(link) = self.link.take().filter(|_| self.stays && taken == bytes.len()) {
            Links::keep_plain(&self.site, link, now);
        }
        Came::Whole { close: self.close }
    }
}

/// How long the client has been waited for, counted only while it was.
#[derive(Debug, Default)]
pub(crate) struct Taking {
    since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl Taking {
    /// It has taken so many bytes; others lie there still, or not.
    ///
    /// # Errors
    /// When it is too slow.
    pub(crate) fn note(&mut self, taken: usize, more: bool, limits: &Limits) -> Result<(), ()> {
        self.bytes += taken as u64;
        if let Some(since) = self.since.filter(|_| taken > 0 || !more) {
            self.waited += since.elapsed();
            self.since = None;
            if limits.too_slow(self.bytes, self.waited) {
                return Err(());
            }
        }
        if more && self.since.is_none() {
            self.since = Some(Instant::now());
        }
        Ok(())
    }

    /// Until when it must take something, if it is waited for.
    pub(crate) fn due(&self, limits: &Limits) -> Option<Instant> {
        self.since.map(|since| since + limits.stall)
    }
}
