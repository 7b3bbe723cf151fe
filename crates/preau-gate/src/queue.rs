//! The queue of one lane: how many wait, how many of them are still there, and how far to call.
//!
//! Nobody who waits is stored. The queue knows how many tickets each slot holds, and hears from a
//! sample of them: everyone while the queue is short, one in sixteen when it is long. From the
//! sample it estimates how many are live, and moves the watermark so far that the expected number
//! of live people takes the free seats. Ghosts (closed tabs, machines that keep no cookie) are
//! passed over at no cost; should one come back, its ticket is still good and is served next.
//!
//! This is not where seats are given: a wrong estimate costs order or seconds, never a seat too many.
//! Invariant: the watermark only ever moves forward.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::draw::Rank;
use crate::time::Moment;

/// Sampled tickets remembered per lane: sixteen times as many people may wait before the sample
/// grows coarser. About 10 MB.
const SAMPLES: usize = 262_144;

/// Slots remembered per lane: a day of seconds in which somebody came.
const SLOTS: usize = 86_400;

/// A wave calls at most this many tickets for each seat: should the sample be wrong about all of
/// them, the crowd at the door stays within bounds.
const CALLS_PER_SEAT: f64 = 32.0;

/// The classes of devices that report when the queue is long: one of sixteen.
const SPARSE: u8 = 15;

/// One ticket of the sample.
#[derive(Clone, Copy, Debug)]
struct Sample {
    class: u8,
    /// Silent beyond this moment, it is taken for a ghost.
    due: Moment,
}

/// Tickets called together.
#[derive(Clone, Copy, Debug)]
struct Wave {
    at: Moment,
    after: Rank,
    to: Rank,
    expected: f64,
    came: f64,
    /// People of it who were expected and have been given up; `None` where somebody else called them, whose pace
    /// they used.
    given_up: Option<f64>,
}

impl Wave {
    /// People of this wave who are still expected to come for a seat.
    fn outstanding(&self, now: Moment, patience: Duration, claim: Duration) -> f64 {
        let age = now.since(self.at);
        let missing = (self.expected - self.came).max(0.0);
        if age <= patience {
            missing
        } else if age >= claim {
            0.0
        } else {
            // Who has not come by now is ever less likely to.
            missing * (claim - age).as_secs_f64() / (claim - patience).as_secs_f64()
        }
    }
}

/// The queue of one lane, as the scheduler keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    watermark: Rank,
    /// Tickets not yet called, by slot.
    slots: BTreeMap<u32, u32>,
    samples: BTreeMap<Rank, Sample>,
    waves: VecDeque<Wave>,
    /// Share of live tickets when a slot has no sample of its own.
    live_share: f64,
    sparse: bool,
    /// Only tickets heard of count as live: under a toll, whoever has not paid it is silent.
    only_heard: bool,
    /// What the last survey found, kept up to date as people are called.
    standings: VecDeque<Standing>,
}

/// A slot with its live people, as estimated.
#[derive(Clone, Copy, Debug)]
struct Standing {
    slot: u32,
    after: Rank,
    live: f64,
    /// Every ticket of the slot is in the sample.
    complete: bool,
}

impl Queue {
    pub(crate) fn new(watermark: Rank, live_share: f64, slots: impl IntoIterator<Item = (u32, u32)>) -> Self {
        Self {
            watermark,
            slots: slots.into_iter().collect(),
            samples: BTreeMap::new(),
            waves: VecDeque::new(),
            live_share: live_share.clamp(0.02, 1.0),
            sparse: false,
            only_heard: false,
            standings: VecDeque::new(),
        }
    }

    pub(crate) fn watermark(&self) -> Rank {
        self.watermark
    }

    pub(crate) fn live_share(&self) -> f64 {
        self.live_share
    }

    /// Tickets not yet called, ghosts included.
    pub(crate) fn tickets(&self) -> u32 {
        self.slots.values().fold(0, |sum, tickets| sum.saturating_add(*tickets))
    }

    /// Whether tickets wait that are not of the second in which people still arrive: those of this second are
    /// called at the next turn, and whoever comes after them need not wait for that.
    pub(crate) fn stands(&self, now: Moment) -> bool {
        let second = now.unix_seconds();
        self.slots.iter().any(|(slot, tickets)| *slot != second && *tickets > 0)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.slots.iter().map(|(slot, tickets)| (*slot, *tickets))
    }

    /// The mask of device classes that report: a device does when its class and the mask are disjoint.
    pub(crate) fn reporting_mask(&self) -> u8 {
        if self.sparse { SPARSE } else { 0 }
    }

    /// Tickets were issued in `slot`.
    pub(crate) fn issued(&mut self, slot: u32, tickets: u32) {
        if slot < self.watermark.slot() {
            return;
        }
        *self.slots.entry(slot).or_insert(0) += tickets;
        if self.slots.len() > SLOTS {
            // More than a day of queue: the last two seconds are counted as one.
            if let Some((last, tickets)) = self.slots.pop_last()
                && let Some(mut entry) = self.slots.last_entry()
            {
                debug_assert!(last > *entry.key());
                *entry.get_mut() += tickets;
            }
        }
    }

    /// Whether only tickets heard of count as live. What was heard before says nothing then.
    pub(crate) fn count_only_heard(&mut self, only: bool) {
        if only && !self.only_heard {
            self.samples.clear();
        }
        self.only_heard = only;
    }

    /// A ticket of the sample was heard of, and will be again by `due`.
    pub(crate) fn heard(&mut self, rank: Rank, class: u8, due: Moment) {
        if rank <= self.watermark {
            return;
        }
        if self.slots.range(rank.slot()..).next().is_none() {
            // A ticket from before a restart that the snapshot knew nothing of.
            self.slots.insert(rank.slot(), 1);
        }
        if let Some(sample) = self.samples.get_mut(&rank) {
            sample.due = sample.due.max(due);
        } else if self.samples.len() < SAMPLES {
            self.samples.insert(rank, Sample { class, due });
        }
    }

    /// The ticket at `rank` came for its seat.
    pub(crate) fn came(&mut self, rank: Rank) {
        if let Some(wave) = self.waves.iter_mut().rev().find(|wave| wave.after < rank && rank <= wave.to) {
            wave.came += 1.0;
        }
    }

    /// Forgets waves past their claim, and those that a clock set back has put into the future.
    pub(crate) fn forget_waves(&mut self, now: Moment, claim: Duration) {
        while self.waves.front().is_some_and(|wave| now.since(wave.at).max(wave.at.since(now)) >= claim) {
            self.waves.pop_front();
        }
    }

    /// Called people who are still expected to come for a seat.
    pub(crate) fn outstanding(&self, now: Moment, patience: Duration, claim: Duration) -> f64 {
        self.waves.iter().map(|wave| wave.outstanding(now, patience, claim)).sum()
    }

    /// Called people who have been given up since this was last asked; less than nothing when more came late than
    /// were given up. Ask before [`Queue::forget_waves`].
    pub(crate) fn given_up(&mut self, now: Moment, patience: Duration, claim: Duration) -> f64 {
        let of = |wave: &mut Wave| {
            let missing = (wave.expected - wave.came).max(0.0) - wave.outstanding(now, patience, claim);
            wave.given_up.as_mut().map_or(0.0, |known| missing - std::mem::replace(known, missing))
        };
        self.waves.iter_mut().map(of).sum()
    }

    /// Surveys the queue: who of the sample is live, how many therefore are in each slot, and
    /// whether the queue is long enough for a sparse sample. One pass over the sample.
    pub(crate) fn survey(&mut self, now: Moment, sample_all_up_to: u32) {
        let tickets = self.tickets();
        // Hysteresis: a queue that hovers around the bound must not switch at every tick.
        self.sparse = if self.sparse { tickets > sample_all_up_to / 2 } else { tickets > sample_all_up_to };
        let mask = self.reporting_mask();
        let mut samples = self.samples.iter().peekable();
        let (mut all_sampled, mut all_live) = (0_u32, 0_u32);
        self.standings.clear();
        for (&slot, &tickets) in &self.slots {
            let (mut sampled, mut live) = (0_u32, 0_u32);
            while let Some((rank, sample)) = samples.peek() {
                if rank.slot() > slot {
                    break;
                }
                // Slots may have been joined by a restart: what lies between counts with the later.
                if sample.class & mask == 0 {
                    sampled += 1;
                    live += u32::from(now <= sample.due);
                }
                samples.next();
            }
            (all_sampled, all_live) = (all_sampled + sampled, all_live + live);
            let unseen = f64::from(tickets.saturating_sub(sampled));
            // Two pseudo-observations at the lane's share keep a thin sample from running wild.
            let share = (f64::from(live) + 2.0 * self.live_share) / (f64::from(sampled) + 2.0);
            let part = if self.sparse { f64::from(SPARSE) + 1.0 } else { 1.0 };
            self.standings.push_back(Standing {
                slot,
                after: Rank::new(slot, 0).max(self.watermark),
                live: match self.only_heard {
                    true => (f64::from(live) * part).min(f64::from(tickets)),
                    false => f64::from(live) + unseen * share,
                },
                complete: sampled >= tickets || (self.only_heard && !self.sparse),
            });
        }
        if all_sampled >= 8 && !self.only_heard {
            let share = f64::from(all_live) / f64::from(all_sampled);
            self.live_share = (0.9 * self.live_share + 0.1 * share).clamp(0.02, 1.0);
        }
    }

    /// Live people in all, as of the last survey.
    pub(crate) fn live(&self) -> f64 {
        self.standings.iter().map(|standing| standing.live).sum()
    }

    /// The stretches of the queue with their live people, for publishing.
    pub(crate) fn stretches(&self) -> Vec<(Rank, Rank, f64)> {
        let end = |standing: &Standing| Rank::new(standing.slot, u32::MAX);
        self.standings.iter().map(|standing| (standing.after, end(standing), standing.live)).collect()
    }

    /// Live people in slots before `bound`: those who may be called.
    pub(crate) fn callable(&self, bound: u32) -> f64 {
        self.standings.iter().take_while(|standing| standing.slot < bound).map(|standing| standing.live).sum()
    }

    /// Moves the watermark until about `seats` live people are called, staying before slot `bound`.
    pub(crate) fn call(&mut self, seats: u32, bound: u32, now: Moment) {
        if seats == 0 {
            return;
        }
        let from = self.watermark;
        let mut left = f64::from(seats);
        // Who has not paid the toll is no crowd at the door, however many are called.
        let calls = if self.only_heard { f64::INFINITY } else { CALLS_PER_SEAT };
        let mut tickets_left = f64::from(seats) * calls;
        let mut expected = 0.0;
        while let Some(standing) = self.standings.front().copied() {
            if standing.slot >= bound || left < 1e-6 || tickets_left <= 0.0 {
                break;
            }
            let tickets = f64::from(self.slots.get(&standing.slot).copied().unwrap_or(0));
            if standing.live <= left + 1e-6 && tickets <= tickets_left {
                self.watermark = self.watermark.max(Rank::new(standing.slot, u32::MAX));
                self.slots.remove(&standing.slot);
                self.standings.pop_front();
                left -= standing.live;
                expected += standing.live;
                tickets_left -= tickets;
                continue;
            }
            let part = if standing.complete {
                self.call_counted(standing.slot, left.floor(), now)
            } else {
                self.call_evenly(&standing, left, tickets_left, tickets)
            };
            if let Some(front) = self.standings.front_mut() {
                front.live -= part;
                front.after = front.after.max(self.watermark);
            }
            expected += part;
            break;
        }
        if self.watermark > from {
            let keep = self.samples.split_off(&Rank::from_bits(self.watermark.bits().saturating_add(1)));
            self.samples = keep;
            self.waves.push_back(Wave {
                at: now,
                after: from,
                to: self.watermark,
                expected,
                came: 0.0,
                given_up: Some(0.0),
            });
        }
    }

    /// Within a slot of which every ticket is known: as far as the last live one that is called.
    fn call_counted(&mut self, slot: u32, seats: f64, now: Moment) -> f64 {
        let (mut called, mut live, mut to) = (0_u32, 0.0, None);
        for (at, (rank, sample)) in self.samples.range(..=Rank::new(slot, u32::MAX)).enumerate() {
            if live >= seats {
                break;
            }
            if now <= sample.due {
                live += 1.0;
                called = u32::try_from(at + 1).unwrap_or(u32::MAX);
                to = Some(*rank);
            }
        }
        if let Some(to) = to {
            self.watermark = self.watermark.max(to);
            self.take(slot, called);
        }
        live
    }

    /// Within a slot known by sample only: draws are even, so a part of the range is a part of the people.
    fn call_evenly(&mut self, standing: &Standing, seats: f64, most: f64, tickets: f64) -> f64 {
        let part = (seats / standing.live.max(1e-9)).min(most / tickets.max(1.0)).clamp(0.0, 1.0);
        let low = standing.after.draw();
        let to = f64::from(low) + part * f64::from(u32::MAX - low);
        // A float of a u32 is exact, so the cast only drops the fraction.
        self.watermark = self.watermark.max(Rank::new(standing.slot, to as u32));
        self.take(standing.slot, (tickets * part).round() as u32);
        standing.live * part
    }

    fn take(&mut self, slot: u32, tickets: u32) {
        if let Some(count) = self.slots.get_mut(&slot) {
            *count = count.saturating_sub(tickets);
            if *count == 0 {
                self.slots.remove(&slot);
            }
        }
    }

    /// The turn has come of everyone up to `rank`, by a plan that knows better than the sample.
    pub(crate) fn advance(&mut self, rank: Rank, now: Moment) {
        if rank <= self.watermark {
            return;
        }
        let from = self.watermark;
        self.watermark = rank;
        self.slots = self.slots.split_off(&rank.slot());
        let mut expected = 0.0;
        while let Some(standing) = self.standings.front().filter(|standing| standing.slot < rank.slot()) {
            expected += standing.live;
            self.standings.pop_front();
        }
        self.samples = self.samples.split_off(&Rank::from_bits(rank.bits().saturating_add(1)));
        if expected > 0.0 {
            self.waves.push_back(Wave {
                at: now,
                after: from,
                to: rank,
                expected,
                came: 0.0,
                given_up: None,
            });
        }
    }

    /// The last slot in which somebody live waits, as of the last survey.
    pub(crate) fn last_live_slot(&self) -> Option<u32> {
        self.standings.iter().rfind(|standing| standing.live >= 0.5).map(|standing| standing.slot)
    }

    /// Nobody live waits: the watermark catches up with `bound`, so that returning ghosts are served.
    pub(crate) fn catch_up(&mut self, bound: u32) {
        if bound == 0 {
            return;
        }
        self.watermark = self.watermark.max(Rank::new(bound - 1, u32::MAX));
        self.slots = self.slots.split_off(&bound);
        self.standings.retain(|standing| standing.slot >= bound);
        self.samples = self.samples.split_off(&Rank::new(bound, 0));
    }
}
