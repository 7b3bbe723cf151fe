//! How many bits a second something is, from a counter that only rises.

use std::time::{Duration, Instant};

/// Shortest time over which a rate is told.
const WINDOW: Duration = Duration::from_millis(900);

/// Turns a counter of bytes into bits a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    since: Instant,
    count: u64,
    rate: u64,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Meter {
        Meter { since: now, count: 0, rate: 0 }
    }

    /// Takes the counter's value now.
    pub(crate) fn roll(&mut self, now: Instant, count: u64) {
        let time = now.saturating_duration_since(self.since);
        if time >= WINDOW {
            let bits = count.saturating_sub(self.count).saturating_mul(8);
            self.rate = (bits as f64 / time.as_secs_f64()) as u64;
            self.since = now;
            self.count = count;
        }
    }

    /// Bits a second over the last window.
    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_a_second() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.roll(start + Duration::from_millis(300), 1_000_000);
        assert_eq!(meter.rate(), 0, "too early to tell");
        meter.roll(start + Duration::from_secs(2), 1_000_000);
        assert_eq!(meter.rate(), 4_000_000);
        meter.roll(start + Duration::from_secs(4), 1_000_000);
        assert_eq!(meter.rate(), 0);
    }
}
