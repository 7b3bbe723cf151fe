//! Shedding: what is given up while more is asked for than can be done, and who is told.
//!
//! The order and the hysteresis are the engine's (`preau_gate::Ladder`); here every part that owns something
//! on a rung asks [`Shedding::permits`], and every step is kept for the journal and told to whoever shows it.
//! It measures nothing. Invariant: asking takes no lock.

use super::lock;
use preau_gate::{Ladder, LadderRules, Moment, RUNGS, Rung, Step};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps that wait to be written down; a database that is away for long loses the oldest.
const STEPS: usize = 256;

/// The ladder, shared.
pub struct Shedding {
    ladder: Mutex<Ladder>,
    height: AtomicUsize,
    steps: Mutex<VecDeque<Step>>,
}

impl Default for Shedding {
    fn default() -> Self {
        let ladder = Mutex::new(Ladder::new(LadderRules::default()));
        Shedding { ladder, height: AtomicUsize::new(0), steps: Mutex::default() }
    }
}

impl Shedding {
    /// Whether what stands on `rung` may be done now.
    pub fn permits(&self, rung: Rung) -> bool {
        self.height.load(Ordering::Relaxed) <= rung as usize
    }

    /// What is given up now, the first given up first.
    pub fn given_up(&self) -> &'static [Rung] {
        &Rung::ALL[..self.height.load(Ordering::Relaxed).min(RUNGS)]
    }

    /// Looks at the pressure once a second; whether something changed.
    pub(super) fn observe(&self, pressure: f64, now: Moment) -> bool {
        let mut ladder = lock(&self.ladder);
        let Some(step) = ladder.observe(pressure, now) else { return false };
        self.height.store(ladder.given_up().len(), Ordering::Relaxed);
        let (rung, given_up) = (step.rung.name(), step.given_up);
        tracing::warn!(rung, given_up, pressure, "a step of the ladder");
        let mut steps = lock(&self.steps);
        if steps.len() >= STEPS {
            steps.pop_front();
        }
        steps.push_back(step);
        true
    }

    /// The steps since the last call, to be written down.
    pub fn take_steps(&self) -> Vec<Step> {
        lock(&self.steps).drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_in_order_and_asked_about_without_a_lock() {
        let shedding = Shedding::default();
        assert!(Rung::ALL.iter().all(|rung| shedding.permits(*rung)));
        for second in 0..20 {
            shedding.observe(2.0, Moment::from_unix_seconds(1_000_000 + second));
        }
        let given_up = shedding.given_up();
        assert!(given_up.len() >= 3, "{given_up:?}");
        assert!(!shedding.permits(Rung::Analytics) && shedding.permits(Rung::NewLessons));
        let steps = shedding.take_steps();
        assert_eq!(steps.len(), given_up.len());
        assert!(steps.iter().zip(Rung::ALL).all(|(step, rung)| step.rung == rung && step.given_up));
        assert!(shedding.take_steps().is_empty());
    }
}
