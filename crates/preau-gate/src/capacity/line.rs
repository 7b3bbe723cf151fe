//! The line: requests that wait a moment for a free place at an upstream.
//!
//! A short line smooths bursts; a long one only makes everybody late. As long as the line empties
//! now and then, requests wait in the order they came, up to a second. Once it has not been empty
//! for a tenth of a second it stands: then the newest goes first (its asker is still there) and
//! whoever has waited more than fifty milliseconds is refused, so that what is served is served
//! in time. That is controlled delay with adaptive last-in-first-out, as Nichols and Jacobson
//! (ACM Queue 10(5), 2012) and Facebook (Maurer, ACM Queue 13(8), 2015) describe them.
//!
//! A refusal here is an answer ("in a moment again"), given before the upstream has seen anything.
//! Invariants: never more under way than the limit says; what is offered is let go or refused
//! exactly once; the line is bounded.

use std::collections::VecDeque;
use std::time::Duration;

use super::limit::{Limit, LimitCause, LimitRules, Outcome};
use crate::time::Moment;

/// What the line goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineRules {
    /// Longest wait while the line empties now and then. Default 1 s: what a page may take.
    pub relaxed: Duration,
    /// Longest wait in a line that stands. Default 50 ms.
    pub pressed: Duration,
    /// Not empty for this long, the line stands. Default 100 ms.
    pub standing: Duration,
    /// Requests that wait at most; 0 for no line at all. Default 1024.
    pub length: usize,
}

impl Default for LineRules {
    fn default() -> Self {
        Self {
            relaxed: Duration::from_secs(1),
            pressed: Duration::from_millis(50),
            standing: Duration::from_millis(100),
            length: 1_024,
        }
    }
}

/// What becomes of a request offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Send it on; say `finished` when it has come back.
    Go,
    /// It waits; a later call hands it out.
    Wait,
    /// Refuse it: the line is full.
    Refused,
}

/// A request that has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<T> {
    /// Send it on; say `finished` when it has come back.
    Go(T),
    /// Refuse it: it has waited too long.
    Refused(T),
}

/// A valve's state in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValveReading {
    /// Which upstream and class, as the caller numbers them.
    pub valve: u16,
    /// How many may be under way at once.
    pub limit: u32,
    /// Why that many.
    pub cause: LimitCause,
    /// Under way now.
    pub inflight: u32,
    /// In the line now.
    pub waiting: u32,
    /// Served since the last reading.
    pub served: u32,
    /// Refused since the last reading.
    pub refused: u32,
    /// Work done since the last reading for people who were in already: requests times base
    /// response time, in seconds of one place at the upstream.
    pub settled_work: f64,
    /// The same for people who have just come in.
    pub entering_work: f64,
    /// Response time when nothing stands in line.
    pub base: Duration,
    /// Response time lately.
    pub median: Duration,
    /// Whether more was asked than the upstream could take: somebody waited for most of the time, or
    /// more than one in twenty was refused.
    pub saturated: bool,
    /// The share of what it can do that is not given away, for bursts.
    pub reserve: f64,
    /// What it can do at the very most, where that is known: the cores of a processor.
    pub most: Option<f64>,
    /// How far from too late it is, from 0 (or not known) to 1: what it is believed to do grows the faster.
    pub ease: f64,
    /// Work that stands in line beyond what should, in seconds of one place: it is worked off before others come in.
    pub backlog: f64,
}

impl ValveReading {
    /// Demand against what can be done, for the ladder: above 1 when more was asked for than was
    /// served, below it the part of the limit in use; where there is a most, how long the line is.
    pub fn pressure(&self) -> f64 {
        if self.saturated {
            let asked = f64::from(self.served) + f64::from(self.refused) + f64::from(self.waiting);
            return (asked / f64::from(self.served.max(1))).max(1.0);
        }
        if self.most.is_some() {
            // All of it in use is as it should be; how far from too late it is says how much there is to do.
            return (1.0 - self.ease).min(0.99);
        }
        (f64::from(self.inflight) / f64::from(self.limit.max(1))).min(0.99)
    }
}

/// What a valve keeps back: a burst beyond that stands in line for a second at most and is then refused.
const RESERVE: f64 = 0.15;

#[derive(Clone, Copy, Debug)]
struct Standing<T> {
    what: T,
    since: Moment,
}

/// A limit with its line: one for each upstream and class of request. It is not shared between
/// threads; whoever does so puts it behind a lock, which is held for less than a microsecond.
#[derive(Clone, Debug)]
pub struct Valve<T> {
    limit: Limit,
    rules: LineRules,
    inflight: u32,
    line: VecDeque<Standing<T>>,
    last_empty: Moment,
    read: Moment,
    standing_for: Duration,
    looked: Moment,
    served: u32,
    refused: u32,
    settled: u32,
    entering: u32,
}

impl<T> Valve<T> {
    /// A valve that knows nothing of its upstream yet.
    pub fn new(limit: LimitRules, line: LineRules, now: Moment) -> Self {
        Self {
            limit: Limit::new(limit),
            rules: line,
            inflight: 0,
            line: VecDeque::new(),
            last_empty: now,
            read: now,
            standing_for: Duration::ZERO,
            looked: now,
            served: 0,
            refused: 0,
            settled: 0,
            entering: 0,
        }
    }

    /// The controller behind it.
    pub const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Changes floor and ceiling at run time.
    pub fn set_bounds(&mut self, floor: u32, ceiling: u32) {
        self.limit.set_bounds(floor, ceiling);
    }

    /// Under way now.
    pub const fn inflight(&self) -> u32 {
        self.inflight
    }

    /// A request arrives. With `Offer::Wait` the valve keeps `what` until a later call hands it out.
    pub fn offer(&mut self, what: T, now: Moment) -> Offer {
        self.look(now);
        if self.inflight < self.limit.limit() && self.line.is_empty() {
            self.inflight += 1;
            return Offer::Go;
        }
        if self.line.len() >= self.rules.length {
            self.refused += 1;
            return Offer::Refused;
        }
        self.line.push_back(Standing { what, since: now });
        Offer::Wait
    }

    /// A request that was sent on has come back, `time` after it was. `entering` marks requests of
    /// people let in within the last half minute. Who may go on now is added to `turns`.
    pub fn finished(
        &mut self,
        outcome: Outcome,
        time: Duration,
        entering: bool,
        now: Moment,
        turns: &mut Vec<Turn<T>>,
    ) {
        self.look(now);
        self.limit.finished(outcome, time, self.inflight, now);
        self.inflight = self.inflight.saturating_sub(1);
        if outcome == Outcome::Served {
            self.served += 1;
            *(if entering { &mut self.entering } else { &mut self.settled }) += 1;
        }
        self.advance(now, turns);
    }

    /// Time passes: refuses who has waited too long. Every 50 ms while anybody waits, else once a second.
    pub fn tick(&mut self, now: Moment, turns: &mut Vec<Turn<T>>) {
        self.look(now);
        self.limit.tick(self.inflight, now);
        self.advance(now, turns);
    }

    /// The asker of a waiting request has gone away.
    pub fn forget(&mut self, is: impl Fn(&T) -> bool) {
        self.line.retain(|standing| !is(&standing.what));
    }

    /// What happened since the last reading.
    pub fn read(&mut self, valve: u16, now: Moment) -> ValveReading {
        self.look(now);
        let base = self.limit.base().unwrap_or_default();
        let work = |requests: u32| f64::from(requests) * base.as_secs_f64();
        let span = now.since(self.read);
        let reading = ValveReading {
            valve,
            limit: self.limit.limit(),
            cause: self.limit.cause(),
            inflight: self.inflight,
            waiting: u32::try_from(self.line.len()).unwrap_or(u32::MAX),
            served: self.served,
            refused: self.refused,
            settled_work: work(self.settled),
            entering_work: work(self.entering),
            base,
            median: self.limit.median(),
            saturated: self.refused * 20 > self.served
                || (span > Duration::ZERO && self.standing_for * 2 > span),
            reserve: RESERVE,
            most: None,
            ease: 0.0,
            backlog: 0.0,
        };
        (self.served, self.refused, self.settled, self.entering) = (0, 0, 0, 0);
        (self.read, self.standing_for) = (now, Duration::ZERO);
        reading
    }

    fn stands(&self, now: Moment) -> bool {
        !self.line.is_empty() && now.since(self.last_empty) > self.rules.standing
    }

    /// Notes how long the line has stood, before anything changes.
    fn look(&mut self, now: Moment) {
        if self.stands(now) {
            self.standing_for += now.since(self.looked);
        }
        if self.line.is_empty() {
            self.last_empty = now;
        }
        self.looked = now;
    }

    fn advance(&mut self, now: Moment, turns: &mut Vec<Turn<T>>) {
        let stands = self.stands(now);
        let patience = if stands { self.rules.pressed } else { self.rules.relaxed };
        while self.line.front().is_some_and(|first| now.since(first.since) > patience) {
            if let Some(late) = self.line.pop_front() {
                self.refused += 1;
                turns.push(Turn::Refused(late.what));
            }
        }
        while self.inflight < self.limit.limit() {
            let next = if stands { self.line.pop_back() } else { self.line.pop_front() };
            let Some(next) = next else { break };
            self.inflight += 1;
            turns.push(Turn::Go(next.what));
        }
        if self.line.is_empty() {
            self.last_empty = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_unix_seconds(1_000_000);

    fn after(millis: u64) -> Moment {
        START + Duration::from_millis(millis)
    }

    fn valve(at_once: u32, length: usize) -> Valve<u32> {
        let limit = LimitRules { floor: at_once, ceiling: at_once, start: at_once, ..LimitRules::default() };
        Valve::new(limit, LineRules { length, ..LineRules::default() }, START)
    }

    #[test]
    fn a_short_line_keeps_its_order_and_a_standing_one_turns_round() {
        let mut valve = valve(1, 10);
        let mut turns = Vec::new();
        assert_eq!(valve.offer(0, START), Offer::Go);
        assert_eq!([1, 2, 3].map(|n| valve.offer(n, after(n.into()))), [Offer::Wait; 3]);
        valve.finished(Outcome::Served, Duration::from_millis(40), false, after(40), &mut turns);
        assert_eq!(turns, [Turn::Go(1)]);
        // The line has not been empty for a tenth of a second: newest first, the late ones refused.
        turns.clear();
        valve.offer(4, after(190));
        valve.finished(Outcome::Served, Duration::from_millis(40), false, after(200), &mut turns);
        assert_eq!(turns, [Turn::Refused(2), Turn::Refused(3), Turn::Go(4)]);
        let reading = valve.read(7, after(300));
        assert_eq!(reading.refused, 2);
        assert!(reading.saturated && reading.pressure() >= 2.0, "{reading:?}");
        assert!(valve.read(7, after(400)).pressure() < 1.0);
    }

    #[test]
    fn a_full_line_refuses_at_once_and_who_goes_away_is_forgotten() {
        let mut valve = valve(1, 2);
        assert_eq!(
            [0, 1, 2, 3].map(|n| valve.offer(n, START)),
            [Offer::Go, Offer::Wait, Offer::Wait, Offer::Refused]
        );
        valve.forget(|n| *n == 1);
        let mut turns = Vec::new();
        valve.finished(Outcome::Void, Duration::ZERO, false, after(10), &mut turns);
        assert_eq!(turns, [Turn::Go(2)]);
    }

    proptest::proptest! {
        #[test]
        fn each_request_has_one_fate_and_the_limit_holds(
            steps in proptest::collection::vec((0_u8..4, 1_u64..80), 1..400), at_once in 1_u32..6,
        ) {
            let mut valve = valve(at_once, 8);
            let (mut now, mut next, mut away) = (START, 0_u32, 0_u32);
            let mut fate = std::collections::HashMap::new();
            let mut turns = Vec::new();
            for (step, millis) in steps {
                now = now + Duration::from_millis(millis);
                match step {
                    0 | 1 => {
                        next += 1;
                        match valve.offer(next, now) {
                            Offer::Go => { away += 1; proptest::prop_assert!(fate.insert(next, "go").is_none()); }
                            Offer::Refused => { proptest::prop_assert!(fate.insert(next, "no").is_none()); }
                            Offer::Wait => {}
                        }
                    }
                    2 if away > 0 => {
                        away -= 1;
                        valve.finished(Outcome::Served, Duration::from_millis(10), false, now, &mut turns);
                    }
                    _ => valve.tick(now, &mut turns),
                }
                for turn in turns.drain(..) {
                    let (n, what) = match turn {
                        Turn::Go(n) => { away += 1; (n, "go") }
                        Turn::Refused(n) => (n, "no"),
                    };
                    proptest::prop_assert!(fate.insert(n, what).is_none());
                }
                proptest::prop_assert!(away <= at_once);
                proptest::prop_assert_eq!(away, valve.inflight());
            }
            let waiting = valve.read(0, now).waiting;
            proptest::prop_assert_eq!(fate.len() as u32 + waiting, next);
        }
    }
}
