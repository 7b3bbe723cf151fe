//! The limit: how many requests of one class an upstream is given at once, found by watching it.
//!
//! One second's median response time is compared with the best it has been (the base). The
//! difference says how many requests stand in line inside the upstream rather than being worked
//! on (Brakmo and Peterson's TCP Vegas, 1994, with Little's law behind it); the limit grows while
//! that line is short and shrinks while it is long. A base that is too old (a slower disk, a
//! fuller table) would strangle the upstream for ever, so a response time that stays high for
//! twenty seconds leads to a probe: half the limit for three seconds, and what is measured then
//! is the new base. Nothing has to be installed at the upstream: time and outcome suffice.
//!
//! This is not a queue (`line.rs`) and decides nothing about people (`found.rs`).
//! Invariant: the limit stays between floor and ceiling, and its cause is always known.

use std::time::Duration;

use crate::time::Moment;

/// What the controller goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitRules {
    /// Never fewer at once than this. Default 4: enough to notice that an upstream has recovered.
    pub floor: u32,
    /// Never more at once, the operator's word. Default 1000.
    pub ceiling: u32,
    /// The first limit, before anything is known. Default 20.
    pub start: u32,
    /// Response times are judged at most this often. Default 1 s.
    pub window: Duration,
    /// A window with fewer samples than this waits for more, and moves no base. Default 20.
    pub samples: u32,
    /// A median above the base by this factor for `probe_after` asks for a new base. Default 1.3.
    pub probe_ratio: f64,
    /// See `probe_ratio`. Default 20 s.
    pub probe_after: Duration,
    /// How long half the limit is held to measure a base. Default 3 s.
    pub probe_span: Duration,
    /// No second probe within this span. Default 30 s.
    pub cool_down: Duration,
    /// A window in which more than this share of requests failed cuts the limit to seven tenths.
    /// Default 0.05: one failure in a hundred is somebody's bad luck.
    pub failed_share: f64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self {
            floor: 4,
            ceiling: 1_000,
            start: 20,
            window: Duration::from_secs(1),
            samples: 20,
            probe_ratio: 1.3,
            probe_after: Duration::from_secs(20),
            probe_span: Duration::from_secs(3),
            cool_down: Duration::from_secs(30),
            failed_share: 0.05,
        }
    }
}

/// How a request went, as far as the upstream is to be judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered, were it with a 404: the upstream did its work.
    Served,
    /// Answered with an error of its own (500s), too late, or not at all.
    Failed,
    /// The visitor went away, or it never reached the upstream: says nothing.
    Void,
}

/// Why a limit is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitCause {
    /// Nothing is known yet.
    Start,
    /// Fewer than half of the limit are in use: there is nothing to learn.
    Idle,
    /// Hardly anything stands in line inside: one step up.
    Rising,
    /// The line inside has its proper length.
    Steady,
    /// Too much stands in line inside: one step down.
    Falling,
    /// Half the limit for a moment, to measure the base.
    Probing,
    /// A new base has just been taken.
    Rebased,
    /// Too many requests failed.
    Failing,
    /// Nothing has come back for a while although much is under way.
    Silent,
    /// The operator's ceiling.
    Ceiling,
    /// The floor.
    Floor,
}

/// Response times kept of one window; more are thinned out evenly.
const KEPT: usize = 512;
/// A window with too few samples is judged all the same after this many windows.
const PATIENT_WINDOWS: u32 = 10;
/// Nothing came back for this long, or ten base times if that is longer: the upstream is silent.
const SILENCE: Duration = Duration::from_secs(3);
/// What failures and silence leave of the limit.
const CUT: f64 = 0.7;
/// What a probe gives back of the limit.
const RESTORED: f64 = 0.9;
/// A median this much below the base is a faster upstream; above it may be chance.
const FASTER: f64 = 0.75;
/// How far the base follows a median that is only a little shorter.
const DRIFT: f64 = 0.1;
/// Growth of one window while the limit is far from where it belongs (the slow start of Vegas).
const SEEKING: f64 = 0.25;

/// One controller. The caller says what is in flight; see `line.rs` for one that counts.
#[derive(Clone, Debug)]
pub struct Limit {
    rules: LimitRules,
    limit: f64,
    cause: LimitCause,
    /// Best median, in microseconds.
    base: Option<f64>,
    median: f64,
    times: Vec<u32>,
    stride: u32,
    seen: u32,
    failed: u32,
    opened: Option<Moment>,
    high_since: Option<Moment>,
    probe: Option<Probe>,
    cool_until: Moment,
    heard: Moment,
    /// Far from where it belongs: grows by a quarter at a time until something stands in line.
    seeking: bool,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    until: Moment,
    saved: f64,
}

impl Limit {
    /// A controller that knows nothing yet.
    pub fn new(rules: LimitRules) -> Self {
        let limit = f64::from(rules.start.clamp(rules.floor, rules.ceiling.max(rules.floor)));
        Self {
            rules,
            limit,
            cause: LimitCause::Start,
            base: None,
            median: 0.0,
            times: Vec::with_capacity(KEPT),
            stride: 1,
            seen: 0,
            failed: 0,
            opened: None,
            high_since: None,
            probe: None,
            cool_until: Moment::default(),
            heard: Moment::default(),
            seeking: true,
        }
    }

    /// How many may be under way at once.
    pub fn limit(&self) -> u32 {
        self.limit.round() as u32
    }

    /// Why that many.
    pub const fn cause(&self) -> LimitCause {
        self.cause
    }

    /// The response time when nothing stands in line; `None` before the first full window.
    pub fn base(&self) -> Option<Duration> {
        self.base.map(|base| Duration::from_secs_f64(base / 1e6))
    }

    /// The last window's median response time.
    pub fn median(&self) -> Duration {
        Duration::from_secs_f64(self.median / 1e6)
    }

    /// Changes floor and ceiling at run time.
    pub fn set_bounds(&mut self, floor: u32, ceiling: u32) {
        (self.rules.floor, self.rules.ceiling) = (floor, ceiling.max(floor));
        self.bound(self.cause);
    }

    /// A request has come back after `time`; `inflight` were under way with it.
    pub fn finished(&mut self, outcome: Outcome, time: Duration, inflight: u32, now: Moment) {
        self.heard = now;
        if outcome == Outcome::Void {
            return;
        }
        let opened = *self.opened.get_or_insert(now);
        self.seen = self.seen.saturating_add(1);
        self.failed += u32::from(outcome == Outcome::Failed);
        // A failure that comes fast must not pass for a short response time.
        if outcome == Outcome::Served && self.seen.is_multiple_of(self.stride) {
            if self.times.len() >= KEPT {
                let mut odd = false;
                self.times.retain(|_| {
                    odd = !odd;
                    odd
                });
                self.stride = self.stride.saturating_mul(2);
            }
            self.times.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
        }
        let age = now.since(opened);
        let full = self.seen >= self.rules.samples;
        if age >= self.rules.window && (full || age >= self.rules.window * PATIENT_WINDOWS) {
            self.judge(full, inflight, now);
        }
    }

    /// Looks at what does not come back. About once a second.
    pub fn tick(&mut self, inflight: u32, now: Moment) {
        if inflight == 0 || self.heard == Moment::default() {
            self.heard = now;
            return;
        }
        let patience = SILENCE.max(Duration::from_secs_f64(self.base.unwrap_or(0.0) * 10.0 / 1e6));
        if now.since(self.heard) >= patience {
            // Once for each span of silence.
            self.heard = now;
            self.probe = None;
            self.limit *= CUT;
            self.seeking = true;
            self.bound(LimitCause::Silent);
        }
    }

    fn judge(&mut self, full: bool, inflight: u32, now: Moment) {
        let failing = f64::from(self.failed) > f64::from(self.seen) * self.rules.failed_share;
        let middle = self.times.len() / 2;
        let median = (!self.times.is_empty()).then(|| f64::from(*self.times.select_nth_unstable(middle).1));
        self.times.clear();
        (self.stride, self.seen, self.failed, self.opened) = (1, 0, 0, Some(now));
        if failing {
            self.probe = None;
            self.high_since = None;
            self.limit *= CUT;
            self.seeking = true;
            return self.bound(LimitCause::Failing);
        }
        let Some(median) = median.map(|median| median.max(1.0)) else { return };
        self.median = median;
        if let Some(probe) = self.probe {
            if now >= probe.until {
                self.probe = None;
                self.base = Some(median);
                self.limit = probe.saved * RESTORED;
                self.seeking = true;
                self.cool_until = now + self.rules.cool_down;
                self.bound(LimitCause::Rebased);
            }
            return;
        }
        let base = match self.base {
            Some(base) if !full => base,
            // Chance makes some medians short; a base that took the shortest of them would end far
            // below what the upstream does. Only a difference beyond chance is believed at once.
            Some(base) if median < base * FASTER => median,
            Some(base) => base - DRIFT * (base - median).max(0.0),
            None => median,
        };
        self.base = Some(base);
        if median > base * self.rules.probe_ratio {
            let since = *self.high_since.get_or_insert(now);
            if now.since(since) >= self.rules.probe_after && now >= self.cool_until {
                self.high_since = None;
                self.probe = Some(Probe { until: now + self.rules.probe_span, saved: self.limit });
                self.limit /= 2.0;
                return self.bound(LimitCause::Probing);
            }
        } else {
            self.high_since = None;
        }
        if f64::from(inflight) < self.limit / 2.0 {
            return self.bound(LimitCause::Idle);
        }
        let inside = self.limit * (1.0 - base / median);
        let step = self.limit.log10().max(1.0);
        self.seeking &= inside < step;
        let cause = if inside < 3.0 * step {
            self.limit += if self.seeking { step.max(self.limit * SEEKING) } else { step };
            LimitCause::Rising
        } else if inside > 6.0 * step {
            self.limit -= step;
            LimitCause::Falling
        } else {
            LimitCause::Steady
        };
        self.bound(cause);
    }

    fn bound(&mut self, cause: LimitCause) {
        let (floor, ceiling) = (f64::from(self.rules.floor), f64::from(self.rules.ceiling));
        self.cause = if self.limit >= ceiling && cause != LimitCause::Probing {
            LimitCause::Ceiling
        } else if self.limit <= floor && matches!(cause, LimitCause::Falling) {
            LimitCause::Floor
        } else {
            cause
        };
        self.limit = self.limit.clamp(floor, ceiling.max(floor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_unix_seconds(1_000_000);

    /// `windows` seconds in each of which 40 requests of `millis` come back.
    fn feed(limit: &mut Limit, from: Moment, windows: u64, millis: u64, inflight: u32) -> Moment {
        let mut now = from;
        for _ in 0..windows * 40 {
            now = now + Duration::from_millis(25);
            limit.finished(Outcome::Served, Duration::from_millis(millis), inflight, now);
        }
        now
    }

    #[test]
    fn it_rises_while_times_are_short_and_stays_when_little_is_under_way() {
        let mut limit = Limit::new(LimitRules::default());
        let now = feed(&mut limit, START, 20, 50, 40);
        // Until half of it would be unused.
        assert!((80..=101).contains(&limit.limit()), "{}", limit.limit());
        let before = limit.limit();
        feed(&mut limit, now, 20, 50, 3);
        assert_eq!((limit.limit(), limit.cause()), (before, LimitCause::Idle));
    }

    #[test]
    fn a_slower_upstream_is_probed_and_its_new_pace_becomes_the_base() {
        let mut limit = Limit::new(LimitRules::default());
        let mut now = feed(&mut limit, START, 5, 50, 20);
        let mut probed = false;
        for _ in 0..40 {
            now = feed(&mut limit, now, 1, 150, 20);
            probed |= limit.cause() == LimitCause::Probing;
        }
        assert!(probed);
        assert_eq!(limit.base(), Some(Duration::from_millis(150)));
        // Faster again: the base follows at once, without a probe.
        feed(&mut limit, now, 2, 60, 20);
        assert_eq!(limit.base(), Some(Duration::from_millis(60)));
    }

    #[test]
    fn failures_and_silence_cut_and_the_floor_holds() {
        let mut limit = Limit::new(LimitRules::default());
        let mut now = feed(&mut limit, START, 5, 50, 20);
        let before = limit.limit();
        for n in 0..41_u32 {
            now = now + Duration::from_millis(25);
            let outcome = if n % 10 == 0 { Outcome::Failed } else { Outcome::Served };
            limit.finished(outcome, Duration::from_millis(50), 20, now);
        }
        assert_eq!(limit.cause(), LimitCause::Failing);
        assert!(limit.limit() < before, "{} after {before}", limit.limit());
        for _ in 0..100 {
            now = now + Duration::from_secs(1);
            limit.tick(20, now);
        }
        assert_eq!((limit.limit(), limit.cause()), (4, LimitCause::Silent));
        limit.set_bounds(2, 3);
        assert_eq!(limit.limit(), 3);
    }

    #[test]
    fn failures_that_come_fast_do_not_pass_for_speed() {
        let mut limit = Limit::new(LimitRules { failed_share: 0.9, ..LimitRules::default() });
        let mut now = START;
        for n in 0..400_u32 {
            now = now + Duration::from_millis(25);
            let (outcome, millis) = if n % 2 == 0 { (Outcome::Failed, 1) } else { (Outcome::Served, 80) };
            limit.finished(outcome, Duration::from_millis(millis), 20, now);
        }
        assert_eq!(limit.base(), Some(Duration::from_millis(80)));
    }
}
