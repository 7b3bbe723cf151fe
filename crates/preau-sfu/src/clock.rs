//! Turns the monotonic time the engine is given into the calendar time the protocol wants.
//!
//! It never reads a clock: the owner says once which calendar time an [`Instant`] corresponded to.

use std::time::Instant;

/// An anchor between monotonic and calendar time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    start_unix_ms: u64,
}

impl Clock {
    pub(crate) fn new(start: Instant, start_unix_ms: u64) -> Clock {
        Clock { start, start_unix_ms }
    }

    /// Milliseconds since 1970-01-01 UTC at `now`. Times before the anchor count as the anchor.
    pub(crate) fn unix_ms(&self, now: Instant) -> i64 {
        let elapsed = now.saturating_duration_since(self.start).as_millis();
        i64::try_from(u128::from(self.start_unix_ms) + elapsed).unwrap_or(i64::MAX)
    }
}
