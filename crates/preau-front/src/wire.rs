//! The bytes of one connection: a socket, with TLS or without, and its guard.
//!
//! [`Guarded`] gives back what was read ahead and ends a connection whose other end takes nothing any
//! more. It understands no HTTP. Invariant: no write waits longer than [`Limits::stall`], and none for
//! ever at a trickle.

use crate::Limits;
use crate::body::Patience;
use bytes::{Buf as _, Bytes};
use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::TlsStream;

/// After the last answer: how long the other end may take to close before it is cut off.
pub(crate) const LINGER: Duration = Duration::from_secs(2);

/// A connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    /// Boxed: the state of TLS is some kilobytes, and a plain connection should not pay for it.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(crate) fn tls(stream: impl Into<TlsStream<TcpStream>>) -> Wire {
        Wire::Tls(Box::new(stream.into()))
    }

    /// Whether HTTP/2 was agreed upon in the handshake (RFC 7301).
    pub(crate) fn speaks_http2(&self) -> bool {
        match self {
            Wire::Plain(_) => false,
            Wire::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// Whether the handshake was a certificate authority's question (RFC 8737), after which nothing comes.
    pub(crate) fn is_challenge(&self) -> bool {
        match self {
            Wire::Plain(_) => false,
            Wire::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(crate::tls::ACME_PROTOCOL),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Wire::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Wire::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Wire::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}

/// A connection with its bytes read ahead and its bounds.
pub(crate) struct Guarded {
    wire: Wire,
    ahead: Bytes,
    limits: Arc<Limits>,
    patience: Patience,
    farewell: Option<Pin<Box<Sleep>>>,
    /// Dropped with the socket.
    _held: Box<dyn Any + Send>,
}

impl Guarded {
    pub(crate) fn new(wire: Wire, ahead: Bytes, limits: Arc<Limits>, held: Box<dyn Any + Send>) -> Guarded {
        Guarded { wire, ahead, limits, patience: Patience::default(), farewell: None, _held: held }
    }

    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing any more");
        match polled {
            Poll::Ready(Ok(done)) if !self.patience.moved(bytes(&done), &self.limits) => {
                Poll::Ready(Err(slow()))
            }
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                ready!(self.patience.poll_lost(&self.limits, cx));
                Poll::Ready(Err(slow()))
            }
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.wire).poll_read(cx, into);
        }
        let length = self.ahead.len().min(into.remaining());
        into.put_slice(&self.ahead[..length]);
        self.ahead.advance(length);
        if self.ahead.is_empty() {
            // Gives the memory back.
            self.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.wire).poll_write(cx, bytes);
        self.guard(cx, polled, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.wire).poll_write_vectored(cx, pieces);
        self.guard(cx, polled, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.wire).poll_flush(cx);
        self.guard(cx, polled, |()| 0)
    }

    /// Closes our side, then waits a moment for the other to close its own: a socket closed with bytes
    /// unread destroys the answer on its way (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.farewell.is_none() {
            let polled = Pin::new(&mut this.wire).poll_shutdown(cx);
            ready!(this.guard(cx, polled, |()| 0))?;
            this.farewell = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        let mut thrown_away = [0; 4096];
        // As many rounds as one wake-up should take; what is more waits for the next.
        for _ in 0..64 {
            let mut into = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut this.wire).poll_read(cx, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    return this
                        .farewell
                        .as_mut()
                        .map_or(Poll::Ready(()), |farewell| farewell.as_mut().poll(cx))
                        .map(Ok);
                }
            }
        }
        // Somebody who still sends this much is not listening.
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn what_was_read_ahead_comes_first() {
        let (mut near, far) = pair().await;
        near.write_all(b"cd").await.unwrap();
        near.shutdown().await.unwrap();
        let mut far = Guarded::new(Wire::Plain(far), Bytes::from_static(b"ab"), Arc::default(), Box::new(()));
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abcd");
    }

    #[tokio::test]
    async fn somebody_who_reads_nothing_is_left() {
        let (_near, far) = pair().await;
        let limits = Limits { stall: Duration::from_millis(50), ..Limits::default() };
        let mut far = Guarded::new(Wire::Plain(far), Bytes::new(), Arc::new(limits), Box::new(()));
        // More than the kernel's buffers take.
        let error = far.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
