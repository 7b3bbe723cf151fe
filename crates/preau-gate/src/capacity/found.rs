//! Capacity found: from what the upstreams bear to how many people may come in, and how fast.
//!
//! Work is counted in seconds of one place at an upstream (requests times base response time), for
//! a page that costs a hundred times another is not one request like it. A valve that is asked for
//! more than it can do shows how much it can do; what people who are in use of that is measured, and
//! so is what somebody who comes in needs for their first half minute. From these:
//!
//! > pace = (0.85 x work it can do - work of those who are in) / work of one who enters
//!
//! at the valve where this is least. The pace grows by a fifth in ten seconds at most, and is halved
//! at once when a valve saturates. While nothing has ever saturated, only the ramp and the
//! operator's ceiling bound it: what an upstream can do is not known before it has been asked.
//!
//! Invariant: seats and pace stay within the operator's bounds, and the cause names what bound them.

use std::time::Duration;

use super::line::ValveReading;
use super::{Capacity, Cause, Load, Reading};
use crate::time::Moment;

/// What the controller of people goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundRules {
    /// People in at once at most, the operator's word.
    pub ceiling: u32,
    /// People in at once at least, whatever is measured. Default 10.
    pub floor: u32,
    /// The share of what an upstream can do that is given away. Default 0.85: the rest is for bursts.
    pub give: f64,
    /// Pace at the start, people a second. Default 5.
    pub start_pace: f64,
    /// Least pace, people a second. Default 0.2: a queue that stands still looks broken.
    pub least_pace: f64,
    /// Growth of the pace in ten seconds at most. Default 0.2.
    pub growth: f64,
    /// Requests that somebody entering is taken to need, until it has been measured, in seconds of
    /// one place. Default 0.4: eight requests of 50 ms.
    pub entry_work: f64,
    /// What was measured at saturation is believed for this long. Default 10 min.
    pub evidence: Duration,
}

impl FoundRules {
    /// The usual rules under an operator's ceiling.
    pub const fn up_to(ceiling: u32) -> Self {
        Self {
            ceiling,
            floor: 10,
            give: 0.85,
            start_pace: 5.0,
            least_pace: 0.2,
            growth: 0.2,
            entry_work: 0.4,
            evidence: Duration::from_secs(600),
        }
    }
}

/// Where the controller gets its readings from: asked once a tick, it adds one for each valve.
pub trait ValveReport: Send {
    /// Adds the readings since it was last asked.
    fn report(&mut self, now: Moment, readings: &mut Vec<ValveReading>);
}

impl<F: FnMut(Moment, &mut Vec<ValveReading>) + Send> ValveReport for F {
    fn report(&mut self, now: Moment, readings: &mut Vec<ValveReading>) {
        self(now, readings);
    }
}

/// Valves watched at most; a site with more has lost count itself.
const VALVES: usize = 256;
/// Smoothing of what is measured: half of it is from the last seven seconds.
const SMOOTHING: f64 = 0.1;
/// Growth of what a valve is believed to do, a second, while it does all that is given away.
const CREEP: f64 = 0.001;
/// How near to what is given away counts as all of it.
const NEAR: f64 = 0.05;
/// One saturation is one event: no second halving within this span.
const ONE_EVENT: Duration = Duration::from_secs(5);

/// What is known of one valve.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Work it can do, seconds of one place a second; zero for unknown.
    can: f64,
    measured: Moment,
    /// Work done, on average.
    work: f64,
    /// Work of those who are in.
    settled: f64,
    /// Work of one who enters.
    entry: Option<f64>,
    saturated: bool,
}

/// The controller.
pub struct Found<R> {
    rules: FoundRules,
    valves: R,
    readings: Vec<ValveReading>,
    known: Vec<Known>,
    pace: f64,
    asked: Option<Moment>,
    halved: Moment,
}

impl<R: ValveReport> Found<R> {
    /// A controller that has seen nothing yet.
    pub const fn new(rules: FoundRules, valves: R) -> Self {
        Self {
            rules,
            valves,
            readings: Vec::new(),
            known: Vec::new(),
            pace: rules.start_pace,
            asked: None,
            halved: Moment::from_unix_millis(0),
        }
    }

    /// Changes the operator's floor and ceiling at run time; what has been learnt stays.
    pub fn set_bounds(&mut self, floor: u32, ceiling: u32) {
        (self.rules.floor, self.rules.ceiling) = (floor, ceiling);
    }

    /// What each valve is believed to bear, in places busy at once, in the order of their readings.
    pub fn work_borne(&self) -> impl Iterator<Item = f64> + '_ {
        self.known.iter().map(|known| known.can)
    }

    fn learn(&mut self, span: f64, load: Load, now: Moment) {
        self.known.resize(self.readings.len(), Known::default());
        for (known, reading) in self.known.iter_mut().zip(&self.readings) {
            let settled = reading.settled_work / span;
            let work = settled + reading.entering_work / span;
            known.settled += SMOOTHING * (settled - known.settled);
            if load.admitted > 0 {
                let entry = reading.entering_work / f64::from(load.admitted);
                let before = known.entry.unwrap_or(self.rules.entry_work);
                // Many entries at once say more than one.
                let weight = SMOOTHING * f64::from(load.admitted.min(10)) / 10.0;
                known.entry = Some(before + weight * (entry - before));
            }
            known.work += if known.work > 0.0 { SMOOTHING * (work - known.work) } else { work };
            // A second's work varies by chance, and seconds with more of it saturate more often: only
            // what is done on average says what can be done.
            if reading.saturated {
                let first =
                    known.measured == Moment::default() || now.since(known.measured) > self.rules.evidence;
                known.can = if first { known.work } else { known.can + SMOOTHING * (known.work - known.can) };
                known.measured = now;
            } else if known.can > 0.0 && known.work > known.can * (self.rules.give - NEAR) {
                // It does what was given away without being late: it may well do more than was thought.
                known.can = known.can.max(known.work) * (1.0 + CREEP * span);
            }
            known.saturated = reading.saturated;
        }
    }

    /// The least pace over all valves, and the valve.
    fn bound(&self, now: Moment) -> Option<(f64, u16)> {
        let of = |(known, reading): (&Known, &ValveReading)| {
            let believed = known.can > 0.0 && now.since(known.measured) <= self.rules.evidence;
            let entry = known.entry.unwrap_or(self.rules.entry_work).max(1e-3);
            believed.then(|| ((self.rules.give * known.can - known.settled) / entry, reading.valve))
        };
        self.known.iter().zip(&self.readings).filter_map(of).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// People in at once whom the valves bear, by what those who are in use now.
    fn seats(&self, load: Load, now: Moment) -> Option<(u32, u16)> {
        let of = |(known, reading): (&Known, &ValveReading)| {
            let believed = known.can > 0.0 && now.since(known.measured) <= self.rules.evidence;
            let each = known.settled / f64::from(load.seated.max(1));
            (believed && each > 0.0 && load.seated >= self.rules.floor)
                .then(|| ((self.rules.give * known.can / each) as u32, reading.valve))
        };
        self.known.iter().zip(&self.readings).filter_map(of).min_by_key(|seats| seats.0)
    }
}

impl<R: ValveReport> Capacity for Found<R> {
    fn read(&mut self, load: Load, now: Moment) -> Reading {
        self.readings.clear();
        self.valves.report(now, &mut self.readings);
        self.readings.truncate(VALVES);
        let span = self.asked.map_or(Duration::from_secs(1), |asked| now.since(asked));
        self.asked = Some(now);
        let seconds = span.as_secs_f64().clamp(0.05, 10.0);
        self.learn(seconds, load, now);

        let grown = self.pace * (1.0 + self.rules.growth).powf(seconds / 10.0);
        let over =
            self.known.iter().zip(&self.readings).find(|(known, _)| known.saturated).map(|(_, r)| r.valve);
        let mut cause = Cause::Ramp;
        self.pace = grown;
        if let Some((bound, valve)) = self.bound(now)
            && bound < self.pace
        {
            (self.pace, cause) = (bound, Cause::Headroom(valve));
        }
        if let Some(valve) = over {
            if now.since(self.halved) >= ONE_EVENT {
                self.halved = now;
                self.pace = self.pace.min(grown / 2.0);
            } else {
                // Until the halving shows, no faster than it left us.
                self.pace = self.pace.min(grown / (1.0 + self.rules.growth).powf(seconds / 10.0));
            }
            cause = Cause::Saturated(valve);
        }
        // What brought it down to the least says more than that it is the least.
        self.pace = self.pace.max(self.rules.least_pace);
        // A pace beyond filling the house in a second means nothing, and would hide a later ramp.
        self.pace = self.pace.min(f64::from(self.rules.ceiling.max(1)));

        let mut seats = self.rules.ceiling;
        if let Some((borne, valve)) = self.seats(load, now)
            && borne < seats
        {
            seats = borne;
            if matches!(cause, Cause::Ramp) {
                cause = Cause::Headroom(valve);
            }
        }
        let floor = self.rules.floor.min(self.rules.ceiling);
        if seats < floor {
            (seats, cause) = (floor, Cause::Floor);
        }
        if seats == self.rules.ceiling && load.seated >= seats {
            cause = Cause::Ceiling;
        }
        Reading { seats, pace: Some(self.pace), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limit::LimitCause;
    use super::*;

    fn reading(settled: f64, entering: f64, saturated: bool) -> ValveReading {
        ValveReading {
            valve: 3,
            limit: 20,
            cause: LimitCause::Steady,
            inflight: 10,
            waiting: 0,
            served: 100,
            refused: 0,
            settled_work: settled,
            entering_work: entering,
            base: Duration::from_millis(50),
            median: Duration::from_millis(60),
            saturated,
        }
    }

    fn at(second: u64) -> Moment {
        Moment::from_unix_seconds(1_000_000 + second)
    }

    #[test]
    fn the_pace_grows_by_a_fifth_in_ten_seconds_and_is_halved_at_once() {
        let mut readings = vec![reading(2.0, 2.0, false); 41];
        readings[40] = reading(2.0, 2.0, true);
        let mut readings = readings.into_iter();
        let source = move |_: Moment, out: &mut Vec<ValveReading>| out.extend(readings.next());
        let mut found = Found::new(FoundRules::up_to(1_000), source);
        let load = Load { seated: 100, waiting: 500, admitted: 5 };
        let paces: Vec<f64> =
            (0..40).map(|second| found.read(load, at(second)).pace.unwrap_or_default()).collect();
        for (second, pace) in paces.iter().enumerate() {
            let most = 5.0 * 1.2_f64.powf((second + 1) as f64 / 10.0);
            assert!((pace - most).abs() < 1e-6, "{second}: {pace} {most}");
        }
        let after = found.read(load, at(40));
        assert_eq!(after.cause, Cause::Saturated(3));
        assert!(after.pace.unwrap_or_default() <= paces[39] / 2.0 * 1.02);
    }

    #[test]
    fn what_a_saturated_valve_bears_bounds_pace_and_seats() {
        let mut second = 0;
        let source = move |_: Moment, out: &mut Vec<ValveReading>| {
            second += 1;
            out.push(if second < 20 { reading(8.0, 2.0, true) } else { reading(7.0, 0.2, false) });
        };
        let mut found = Found::new(FoundRules::up_to(1_000), source);
        let load = Load { seated: 100, waiting: 500, admitted: 1 };
        let mut last = found.read(load, at(0));
        for second in 1..120 {
            last = found.read(load, at(second));
        }
        // Ten places are borne, 8.5 given away, seven in use for a hundred people.
        assert!((found.work_borne().next().unwrap_or_default() - 10.0).abs() < 0.2);
        assert!((115..=125).contains(&last.seats), "{last:?}");
        assert_eq!(last.cause, Cause::Headroom(3));
        assert!(last.pace.is_some_and(|pace| pace < 6.0), "{last:?}");
    }

    #[test]
    fn bounds_hold_whatever_is_measured() {
        let source = |_: Moment, out: &mut Vec<ValveReading>| out.push(reading(1e9, 1e9, true));
        let mut found = Found::new(FoundRules { floor: 10, ..FoundRules::up_to(50) }, source);
        for second in 0..200 {
            let read = found.read(Load { seated: 40, waiting: 1, admitted: 1 }, at(second));
            assert!((10..=50).contains(&read.seats));
            assert!((0.2..=50.0).contains(&read.pace.unwrap_or_default()), "{read:?}");
        }
    }
}
