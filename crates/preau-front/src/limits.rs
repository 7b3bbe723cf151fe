//! The bounds: how long each wait may last and how much each peer may hold.
//!
//! Plain numbers with defaults and their reasons. It is no configuration file: the application reads its
//! own and fills these in. Invariant: nothing in this crate waits or buffers without one of them.

use std::time::Duration;

/// Bounds towards clients. Bounds towards an upstream stand in [`crate::Upstream`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; the next one is closed at once (default 100,000).
    pub connections: usize,
    /// From the first byte of a request's head to its last (default 10 s): slowloris.
    pub head: Duration,
    /// From accepting a connection to the end of its PROXY header and TLS handshake (default 10 s).
    pub handshake: Duration,
    /// A connection without a request is closed after this (default 20 s), unless it may [`rest`](Limits::rest).
    pub idle: Duration,
    /// While there is room and nobody has told us to stop, a connection that has asked before is kept for this
    /// long after it last asked (default 80 s; looked at every `idle`): whoever waits and asks every minute need
    /// not connect each time, which costs more than the question.
    pub rest: Duration,
    /// Connections up to which there is room for those at rest (default 10,000: at 10 kB each under TLS, 100 MB).
    pub roomy: usize,
    /// Bytes of a request's head; more is refused with 431 (default 32 KiB: cookies, and the join
    /// request of a live lesson, which is about 22 kB).
    pub head_bytes: usize,
    /// Header fields of a request; more is refused with 431 (default 100).
    pub fields: usize,
    /// Requests that one HTTP/2 connection may have open at once (default 100, RFC 9113 section 6.5.2).
    pub streams: u32,
    /// A peer that takes or sends nothing of a body for this long is cut off (default 60 s).
    pub stall: Duration,
    /// Bytes a second that a peer must move on average while we wait for it (default 256)…
    pub rate: u32,
    /// …once we have waited for it this long in all (default 30 s).
    pub rate_after: Duration,
    /// How long requests, tunnels and idle connections may go on after the front was told to stop
    /// (default 30 s: longer than `idle`, so that nobody's kept-alive connection is torn).
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 100_000,
            head: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(20),
            rest: Duration::from_secs(80),
            roomy: 10_000,
            head_bytes: 32 * 1024,
            fields: 100,
            streams: 100,
            stall: Duration::from_secs(60),
            rate: 256,
            rate_after: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Has a peer that moved `bytes` while we waited `waited` for it in all been too slow?
    pub(crate) fn too_slow(&self, bytes: u64, waited: Duration) -> bool {
        waited > self.rate_after && (bytes as f64) < f64::from(self.rate) * waited.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_is_judged_after_a_while_only() {
        let limits = Limits::default();
        assert!(!limits.too_slow(0, Duration::from_secs(30)));
        assert!(limits.too_slow(0, Duration::from_secs(31)));
        assert!(limits.too_slow(255 * 40, Duration::from_secs(40)));
        assert!(!limits.too_slow(256 * 40, Duration::from_secs(40)));
    }

    #[test]
    fn draining_outlasts_an_idle_connection() {
        let limits = Limits::default();
        assert!(limits.drain > limits.idle);
    }
}
