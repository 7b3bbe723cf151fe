//! Bodies: what is sent, and the bounds on what is received.
//!
//! Nothing is collected: a body is passed on frame by frame. Invariant: a sender that sends too much, too
//! slowly or nothing at all for too long ends the exchange.

use crate::{Limits, Refused};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request to an upstream, or of a response to a client.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Option<Bytes>),
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Body {
        Body(Kind::Empty)
    }

    /// A body in memory.
    #[must_use]
    pub fn full(bytes: Bytes) -> Body {
        Body(if bytes.is_empty() { Kind::Empty } else { Kind::Full(Some(bytes)) })
    }

    /// A body that comes in pieces.
    pub fn stream<B>(body: B) -> Body
    where
        B: http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
    {
        Body(if body.is_end_stream() { Kind::Empty } else { Kind::Stream(UnsyncBoxBody::new(body)) })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Full(None) => true,
            Kind::Full(Some(_)) => false,
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

/// How long something has been waited for, counted only while it was.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    since: Option<Instant>,
    waited: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    bytes: u64,
}

impl Patience {
    /// Something came: `bytes` of it. False when it comes too slowly.
    pub(crate) fn moved(&mut self, bytes: usize, limits: &Limits) -> bool {
        self.bytes += bytes as u64;
        let Some(since) = self.since.take() else { return true };
        self.waited += since.elapsed();
        !limits.too_slow(self.bytes, self.waited)
    }

    /// Nothing came. Ready when that has lasted too long; wakes the task when it does.
    pub(crate) fn poll_lost(&mut self, limits: &Limits, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.since.is_none() {
            self.since = Some(now);
            let due = now + limits.stall;
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(due),
                None => self.alarm = Some(Box::pin(tokio::time::sleep_until(due))),
            }
        }
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// Why a body was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CutOff {
    #[error("the body stalled or came too slowly")]
    Slow,
    #[error("the body is larger than allowed")]
    TooLarge,
}

impl CutOff {
    /// How a request ends whose body was cut off.
    pub(crate) fn refused(self) -> Refused {
        match self {
            CutOff::Slow => Refused::Slow,
            CutOff::TooLarge => Refused::BodyTooLarge,
        }
    }

    /// Finds it among the causes of an error.
    pub(crate) fn among(error: &(dyn std::error::Error + 'static)) -> Option<CutOff> {
        let mut error = Some(error);
        while let Some(this) = error {
            if let Some(cut) = this.downcast_ref::<CutOff>() {
                return Some(*cut);
            }
            error = this.source();
        }
        None
    }
}

/// A body within bounds.
#[derive(Debug)]
pub(crate) struct Bounded<B> {
    body: B,
    limits: Limits,
    left: u64,
    patience: Patience,
}

impl<B> Bounded<B> {
    /// At most `most` bytes, not slower than `limits` say.
    pub(crate) fn new(body: B, most: u64, limits: Limits) -> Bounded<B> {
        Bounded { body, limits, left: most, patience: Patience::default() }
    }
}

impl<B> http_body::Body for Bounded<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.patience.poll_lost(&this.limits, cx));
                return Poll::Ready(Some(Err(CutOff::Slow.into())));
            }
        };
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            if !this.patience.moved(bytes, &this.limits) {
                return Poll::Ready(Some(Err(CutOff::Slow.into())));
            }
            match this.left.checked_sub(bytes as u64) {
                Some(left) => this.left = left,
                None => return Poll::Ready(Some(Err(CutOff::TooLarge.into()))),
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use std::convert::Infallible;

    #[tokio::test]
    async fn too_much_is_cut_off() {
        let body = Full::new(Bytes::from_static(b"12345"));
        let error = Bounded::new(body.clone(), 4, Limits::default()).collect().await.unwrap_err();
        assert_eq!(CutOff::among(&*error), Some(CutOff::TooLarge));
        let whole = Bounded::new(body, 5, Limits::default()).collect().await.unwrap();
        assert_eq!(whole.to_bytes(), "12345");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_trickles_are_cut_off() {
        let limits = Limits { stall: Duration::from_secs(5), ..Limits::default() };
        let (_kept, silent) = tokio::sync::mpsc::channel::<Bytes>(1);
        let error = Bounded::new(Trickle(silent), 100, limits.clone()).collect().await.unwrap_err();
        assert_eq!(CutOff::among(&*error), Some(CutOff::Slow));

        // A byte every four seconds never stalls for five, yet is slower than any rate.
        let (send, receive) = tokio::sync::mpsc::channel::<Bytes>(1);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(4)).await;
                if send.send(Bytes::from_static(b"x")).await.is_err() {
                    break;
                }
            }
        });
        let started = Instant::now();
        let trickle = Bounded::new(Trickle(receive), 1000, limits).collect().await;
        assert!(trickle.is_err());
        assert_eq!(started.elapsed(), Duration::from_secs(32));
    }

    struct Trickle(tokio::sync::mpsc::Receiver<Bytes>);

    impl http_body::Body for Trickle {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }
    }
}
