//! The timer on everybody's page. Nobody is told that a second has passed: a page knows the server's time and
//! when the timer ends, and computes the rest.

use crate::ids::Millis;
use serde::Serialize;

/// Shortest timer, in milliseconds.
pub(in crate::classroom) const SHORTEST: Millis = 5_000;
/// Longest timer, in milliseconds: a long test.
pub(in crate::classroom) const LONGEST: Millis = 4 * 3_600_000;

/// A timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::classroom) struct Timer {
    /// How long it was set for, in milliseconds.
    pub(in crate::classroom) length: Millis,
    #[serde(flatten)]
    state: Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Running {
    /// It ends then, in milliseconds since the Unix epoch.
    EndsAt(Millis),
    /// It stands still with so many milliseconds left.
    Left(Millis),
}

impl Timer {
    /// A timer of `length` that begins at `at`.
    pub(super) fn started(length: Millis, at: Millis) -> Timer {
        Timer { length, state: Running::EndsAt(at + length) }
    }

    /// Whether it runs, or has run out.
    pub(super) fn is_running(self) -> bool {
        matches!(self.state, Running::EndsAt(_))
    }

    /// Standing still since `at`.
    pub(super) fn paused(self, at: Millis) -> Timer {
        match self.state {
            Running::EndsAt(end) => Timer { state: Running::Left((end - at).max(0)), ..self },
            Running::Left(_) => self,
        }
    }

    /// Going on since `at`.
    pub(super) fn resumed(self, at: Millis) -> Timer {
        match self.state {
            Running::Left(left) => Timer { state: Running::EndsAt(at + left), ..self },
            Running::EndsAt(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_takes_nothing_away() {
        let timer = Timer::started(60_000, 1_000);
        let paused = timer.paused(21_000);
        assert_eq!(serde_json::json!({ "length": 60_000, "left": 40_000 }), serde_json::json!(paused));
        assert_eq!(paused.paused(30_000), paused, "a second pause is none");
        let again = paused.resumed(100_000);
        assert_eq!(serde_json::json!({ "length": 60_000, "ends_at": 140_000 }), serde_json::json!(again));
        assert_eq!(again.resumed(110_000), again);
        assert_eq!(serde_json::json!(again.paused(500_000))["left"], 0, "what has run out has nothing left");
    }
}
