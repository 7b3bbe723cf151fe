//! WebSockets: bytes in both directions, after both sides have agreed to change protocols.
//!
//! It reads no frames. Invariant: a tunnel on which nobody says anything ends.

use super::sample::Course;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes on their way, in each direction: a tunnel is idle most of the time.
const BUFFER: usize = 8 * 1024;

/// Carries bytes until one side ends, or neither has said anything for `idle`.
pub(super) async fn run(near: OnUpgrade, far: OnUpgrade, idle: Duration, _course: Course) {
    let (near, far) = match tokio::try_join!(near, far) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "a tunnel did not come about");
            return;
        }
    };
    let heard = AtomicU64::new(0);
    let mut near = Heard { io: TokioIo::new(near), heard: &heard };
    let mut far = Heard { io: TokioIo::new(far), heard: &heard };
    let mut carried =
        std::pin::pin!(tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER));
    let mut before = 0;
    loop {
        match tokio::time::timeout(idle, carried.as_mut()).await {
            Ok(ended) => {
                tracing::trace!(?ended, "a tunnel ended");
                return;
            }
            Err(_) => {
                let now = heard.load(Ordering::Relaxed);
                if now == before {
                    return;
                }
                before = now;
            }
        }
    }
}

/// Counts what is read.
struct Heard<'h> {
    io: TokioIo<Upgraded>,
    heard: &'h AtomicU64,
}

impl AsyncRead for Heard<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, into);
        if polled.is_ready() {
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Heard<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
