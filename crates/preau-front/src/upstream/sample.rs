//! How requests fare at an upstream: what a controller of capacity feeds on.
//!
//! Counts and times, and the question whether one more may go. Invariant: each request that was let through to an upstream
//! gives exactly one sample, also when its client leaves before the answer.

use super::Site;
use crate::{Refused, Seat};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What became of a request at an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered with this status code.
    Status(u16),
    /// It did not answer.
    Failed(Refused),
    /// The client left first.
    Left,
}

/// One request at one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The site.
    pub site: usize,
    /// The class of request, as the door said.
    pub class: u8,
    /// From sending the request to the head of the response, or to the failure.
    pub latency: Duration,
    /// What became of it.
    pub outcome: Outcome,
    /// Requests at this upstream at that moment, this one included.
    pub inflight: u32,
}

/// Who says when a request may go to an upstream, and is told how it fared. Called on the threads that serve:
/// it must be quick.
pub trait Gauge: Send + Sync + 'static {
    /// A request of this class wants to go; `seat` is what the door gave it. At once, unless it says otherwise.
    fn enter(&self, site: usize, class: u8, seat: Option<&Seat>) -> Entry {
        let _ = (site, class, seat);
        Entry::Go(None)
    }

    /// One request has been answered, or has failed.
    fn sample(&self, sample: &Sample) {
        let _ = sample;
    }
}

impl Gauge for () {}

/// Whether a request may go.
pub enum Entry {
    /// Now.
    Go(Option<Box<dyn Turn>>),
    /// When this has come true; without a turn it is refused ([`Refused::Saturated`]).
    Later(Later),
    /// Not at all: [`Refused::Saturated`].
    Full,
}

/// A turn that will come, or not.
pub type Later = Pin<Box<dyn Future<Output = Option<Box<dyn Turn>>> + Send>>;

/// A request's turn at an upstream. Dropped unsaid, its sender has left.
pub trait Turn: Send {
    /// The head of the response is there after so long, or will not come.
    fn over(self: Box<Self>, outcome: Outcome, latency: Duration);
}

/// A request on its course; counts as inflight until dropped.
pub(crate) struct Course {
    site: Arc<Site>,
    gauge: Arc<dyn Gauge>,
    index: usize,
    class: u8,
    begun: Instant,
    told: bool,
    turn: Option<Box<dyn Turn>>,
}

impl Course {
    pub(crate) fn begin(
        site: &Arc<Site>,
        index: usize,
        class: u8,
        gauge: &Arc<dyn Gauge>,
        seat: Option<&Seat>,
    ) -> Result<(Course, Option<Later>), Refused> {
        let before = site.inflight.fetch_add(1, Ordering::Relaxed);
        let told = before >= site.most.load(Ordering::Relaxed);
        let entry = if told { Entry::Full } else { gauge.enter(index, class, seat) };
        let (site, gauge) = (Arc::clone(site), Arc::clone(gauge));
        // One refused here never reached the upstream: dropping it gives no sample.
        let mut course = Course { site, gauge, index, class, begun: Instant::now(), told: true, turn: None };
        match entry {
            Entry::Full => Err(Refused::Saturated),
            Entry::Later(later) => Ok((course, Some(later))),
            Entry::Go(turn) => {
                course.let_through(turn);
                Ok((course, None))
            }
        }
    }

    /// Its turn has come: from now on counts how long it takes.
    pub(crate) fn let_through(&mut self, turn: Option<Box<dyn Turn>>) {
        (self.turn, self.told, self.begun) = (turn, false, Instant::now());
    }

    /// Since when.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    pub(crate) fn tell(&mut self, outcome: Outcome) {
        self.tell_at(outcome, Instant::now());
    }

    /// Says how it fared; only the first word counts.
    pub(crate) fn tell_at(&mut self, outcome: Outcome, now: Instant) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let latency = now.saturating_duration_since(self.begun);
        if let Some(turn) = self.turn.take() {
            turn.over(outcome, latency);
        }
        self.gauge.sample(&Sample {
            site: self.index,
            class: self.class,
            latency,
            outcome,
            inflight: self.site.inflight.load(Ordering::Relaxed),
        });
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.tell(Outcome::Left);
        self.site.inflight.fetch_sub(1, Ordering::Relaxed);
    }
}
