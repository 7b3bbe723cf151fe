//! The carrier: goes to the store and back, for as long as the node lives.
//!
//! One round at a time on one connection. While the store is away it tries again with growing pauses; the
//! gate notices nothing but that its lease stays as it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::courier::Courier;
use crate::dial::Dial;
use crate::link::{Link, LinkError, Store};
use crate::nodes::Shared;
use crate::report::Left;

/// Rounds follow one another this closely at the most; notices wait as long.
const ROUND: Duration = Duration::from_millis(100);
/// With many nodes rounds are rarer, so that the store's ten minutes of notices stay few entries.
const ROUND_A_NODE: Duration = Duration::from_millis(40);
/// Rounds are at least this frequent: so often a node asks.
const ROUND_LONGEST: Duration = Duration::from_secs(1);
/// The first pause after a failure; it doubles up to the longest, give or take a quarter. The longest is
/// short enough that all nodes have asked within the ten seconds in which a store learns.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_LONGEST: Duration = Duration::from_secs(3);
/// Clocks further apart are worth a line in the log.
const SKEW: i64 = 500;

/// Carries between a node and the store. [`crate::Nodes::start`] gives it a thread of its own; whoever has a
/// runtime may run it as a task.
pub struct Carrier {
    courier: Courier,
    store: Store,
    shared: Arc<Shared>,
    link: Option<Link>,
    /// When to try again, after a failure.
    retry: Option<Instant>,
    /// When leaving ends.
    deadline: Option<Instant>,
    pause: Duration,
    chance: u64,
    trouble: Option<String>,
    joined: bool,
    skewed: bool,
}

impl Carrier {
    pub(crate) fn new(courier: Courier, store: Store, shared: Arc<Shared>) -> Carrier {
        let chance = courier.node().0 | 1;
        Carrier {
            courier,
            store,
            shared,
            link: None,
            retry: None,
            deadline: None,
            pause: PAUSE,
            chance,
            trouble: None,
            joined: false,
            skewed: false,
        }
    }

    /// Goes on until the node has left, or nobody holds its [`crate::Nodes`] any more.
    pub async fn run<D: Dial>(mut self, dial: D) {
        loop {
            let wish = self.shared.take_wish();
            if wish.stop {
                return;
            }
            if let Some(seats) = wish.seats {
                self.courier.set_seats(seats);
            }
            if let Some(limit) = wish.leave
                && self.deadline.is_none()
            {
                self.deadline = Some(Instant::now() + limit);
                self.courier.leave();
            }
            self.courier.collect();
            let outcome = match self.round(&dial).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.stumble(&error);
                    Default::default()
                }
            };
            let report = self.courier.report(self.trouble.as_deref(), self.deadline.is_some());
            let nodes = report.nodes;
            let left = if outcome.left {
                Some(Left::Empty)
            } else if self.deadline.is_some_and(|until| Instant::now() >= until) {
                let told = report.severed_since.is_none();
                Some(if told { Left::Seated(report.seated) } else { Left::Untold })
            } else {
                None
            };
            self.watch(&report);
            self.shared.publish(report);
            if let Some(left) = left {
                tracing::info!(?left, "this node has left the others");
                return self.shared.end(left);
            }
            if !outcome.more {
                let round = (ROUND_A_NODE * u32::from(nodes)).clamp(ROUND, ROUND_LONGEST);
                sleep(round).await;
            }
        }
    }

    /// A round, if the store is there.
    async fn round<D: Dial>(&mut self, dial: &D) -> Result<crate::courier::Outcome, LinkError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None if self.retry.is_some_and(|retry| Instant::now() < retry) => return Ok(Default::default()),
            None => self.store.link(dial).await?,
        };
        let sheet = self.courier.prepare();
        match link.round(&self.store, &self.courier.round(&sheet)).await {
            Ok(answer) => {
                self.link = Some(link);
                self.pause = PAUSE;
                self.trouble = None;
                Ok(self.courier.answered(sheet, answer, Instant::now()))
            }
            Err(error) => {
                self.courier.failed(sheet);
                Err(error)
            }
        }
    }

    fn stumble(&mut self, error: &LinkError) {
        let said = error.to_string();
        if self.trouble.as_ref() != Some(&said) {
            tracing::warn!(trouble = %said, "the nodes' common store");
        }
        self.trouble = Some(said);
        // Xorshift (Marsaglia 2003), so that nodes do not come back in step.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let part = 750 + (self.chance % 500) as u32;
        self.retry = Some(Instant::now() + self.pause * part / 1_000);
        self.pause = (self.pause * 2).min(PAUSE_LONGEST);
    }

    /// Writes into the log what an operator should hear of once.
    fn watch(&mut self, report: &crate::Report) {
        let joined = report.severed_since.is_none();
        if joined != self.joined {
            self.joined = joined;
            if joined {
                tracing::info!(nodes = report.nodes, lease = report.lease, "joined the other nodes");
            } else {
                tracing::warn!(lease = report.lease, "cut off from the other nodes: the lease goes on");
            }
        }
        let skewed = report.clock_ahead.is_some_and(|ahead| ahead.abs() > SKEW);
        if skewed && !self.skewed {
            let ahead = report.clock_ahead;
            tracing::warn!(
                ?ahead,
                "this machine's clock is not the store's (ms): corrected; is NTP running?"
            );
        }
        self.skewed = skewed;
    }
}
