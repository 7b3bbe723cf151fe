//! How requests fare at an upstream: what a controller of capacity feeds on.
//!
//! Counts and times only; it controls nothing. Invariant: each request that was let through to an upstream
//! gives exactly one sample, also when its client leaves before the answer.

use super::Site;
use crate::Refused;
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

/// Who is told. Called on the threads that serve: it must be quick.
pub trait Gauge: Send + Sync + 'static {
    /// One request has been answered, or has failed.
    fn sample(&self, sample: &Sample);
}

impl Gauge for () {
    fn sample(&self, _: &Sample) {}
}

/// A request on its course; counts as inflight until dropped.
pub(crate) struct Course {
    site: Arc<Site>,
    gauge: Arc<dyn Gauge>,
    index: usize,
    class: u8,
    begun: Instant,
    told: bool,
}

impl Course {
    pub(crate) fn begin(
        site: &Arc<Site>,
        index: usize,
        class: u8,
        gauge: &Arc<dyn Gauge>,
    ) -> Result<Course, Refused> {
        let before = site.inflight.fetch_add(1, Ordering::Relaxed);
        let told = before >= site.most.load(Ordering::Relaxed);
        let (site, gauge) = (Arc::clone(site), Arc::clone(gauge));
        let course = Course { site, gauge, index, class, begun: Instant::now(), told };
        // One refused here never reached the upstream: dropping it gives no sample.
        if told { Err(Refused::Saturated) } else { Ok(course) }
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
        self.gauge.sample(&Sample {
            site: self.index,
            class: self.class,
            latency: now.saturating_duration_since(self.begun),
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
