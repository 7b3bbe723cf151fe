//! Capacity found: from what the upstreams bear to how many people may come in, and how fast.
//!
//! Work is counted in seconds of one place at an upstream (requests times base response time), for
//! a page that costs a hundred times another is not one request like it. A valve that is asked for
//! more than it can do shows how much it can do; what people who are in use of that is measured, and
//! so is what somebody who comes in needs for their first half minute. From these:
//!
//! > pace = (work it can do - its reserve - work that has piled up - work of those who are in) / work of one who enters
//!
//! at the valve where this is least; the reserve is for bursts (0.15 of an upstream's work, nothing of
//! a processor's). The pace grows by a fifth in ten seconds at most once something is known, and is halved
//! at once when a valve saturates. While nothing has ever saturated, only the ramp and the
//! operator's ceiling bound it: what an upstream can do is not known before it has been asked.
//!
//! Invariant: seats and pace stay within the operator's bounds, and the cause names what bound them.

use std::collections::VecDeque;
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
    /// Pace at the start, people a second; without demand the pace comes back to it and grows no further.
    /// Default 5.
    pub start_pace: f64,
    /// While no valve has shown what it bears, and below half of what was too much the last time, the pace doubles
    /// in this time as long as it is used up (the slow start of RFC 5681): one that is ten times too low is found
    /// in a quarter of a minute, and one that has become too high by at most what came in within the few seconds
    /// until a valve says so. Default 5 s.
    pub doubling: Duration,
    /// Least pace, people a second. Default 0.2: a queue that stands still looks broken.
    pub least_pace: f64,
    /// Growth of the pace in ten seconds at most, once something is known. Default 0.2.
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
            start_pace: 5.0,
            doubling: Duration::from_secs(5),
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
/// Growth of what a valve is believed to do, a second, while it does all that is given away: slow at first,
/// near what was too much the last time, and with the square of the time since then, because what has become
/// better is to be found within a minute (as CUBIC grows, RFC 9438, section 4.1).
const CREEP: f64 = 0.001;
/// After so many seconds it is twice as much.
const KNEE: f64 = 7.0;
/// Growth a second while people wait for nothing else and it is known how far from too late the valve is: this much
/// when it is as far as can be. With half of it a simulated minute of twice too many people came to a
/// hundredth less, and with twice as much pages were late.
const EASY: f64 = 0.01;
/// As long as it is no more than so many times what it does.
const BEYOND: f64 = 1.5;
/// In one reading at most.
const STRIDE: f64 = 0.05;
/// How near to what is given away counts as all of it.
const NEAR: f64 = 0.05;
/// What stands in line and should not is to be worked off in so many seconds, before others come in. While a house is
/// saturated it does all it can, however long the line: without this nothing makes it shorter. In forty
/// simulated minutes of twice too many people the slowest page in a hundred was late in none; with 4 s in one of four.
const DRAIN: f64 = 1.0;
/// The same for those who enter: half of it is from the last half minute.
const ENTRY: f64 = 0.02;
/// What those who enter need is set against how many came in within this time: their work comes later than they do,
/// and a pace that has just been cut made them look dearer, and was cut again. With 30 s they look dearer for longer whenever the
/// pace grows.
const LAG: Duration = Duration::from_secs(10);
/// With fewer people let in a second than this, nothing is known of what they need.
const FEW: f64 = 0.05;
/// The part of a pace that counts as all of it.
const USED: f64 = 0.9;
/// One saturation is one event: no second halving within this span.
const ONE_EVENT: Duration = Duration::from_secs(5);
/// Halvings closer together than this are one story: those who are in still have to leave.
const EPISODE: Duration = Duration::from_secs(30);

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
    /// Work of those who have just come in, on average over the time for which they count as such.
    entering: f64,
    /// Work that is to be done before others come in.
    backlog: f64,
    saturated: bool,
}

/// The controller.
pub struct Found<R> {
    rules: FoundRules,
    valves: R,
    readings: Vec<ValveReading>,
    known: Vec<Known>,
    /// What growing and halving have led to.
    ramp: f64,
    /// Half of what was too much the last time: below it the ramp doubles again.
    threshold: f64,
    /// That, or less where a valve has less left over.
    pace: f64,
    asked: Option<Moment>,
    halved: Moment,
    /// The valve whose headroom bounds the pace.
    limiting: Option<u16>,
    /// People who are in, on average over the same span as what they need.
    seated: f64,
    /// People let in, a second, as the work of those who enter: on average, and later.
    admitted: f64,
    /// People let in lately, with the moment at which they were counted.
    recent: VecDeque<(Moment, u32)>,
}

impl<R: ValveReport> Found<R> {
    /// A controller that has seen nothing yet.
    pub const fn new(rules: FoundRules, valves: R) -> Self {
        Self {
            rules,
            valves,
            readings: Vec::new(),
            known: Vec::new(),
            ramp: rules.start_pace,
            threshold: 0.0,
            pace: rules.start_pace,
            asked: None,
            halved: Moment::from_unix_millis(0),
            limiting: None,
            seated: 0.0,
            admitted: 0.0,
            recent: VecDeque::new(),
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
        self.seated += SMOOTHING * (f64::from(load.seated) - self.seated);
        self.recent.push_back((now, load.admitted));
        while self.recent.front().is_some_and(|first| now.since(first.0) >= LAG || first.0 > now) {
            self.recent.pop_front();
        }
        let recent: f64 = self.recent.iter().map(|(_, people)| f64::from(*people)).sum();
        self.admitted += ENTRY * (recent / LAG.as_secs_f64() - self.admitted);
        for (known, reading) in self.known.iter_mut().zip(&self.readings) {
            let settled = reading.settled_work / span;
            let work = settled + reading.entering_work / span;
            known.settled += SMOOTHING * (settled - known.settled);
            known.entering += ENTRY * (reading.entering_work / span - known.entering);
            known.work += if known.work > 0.0 { SMOOTHING * (work - known.work) } else { work };
            // A second's work varies by chance, and seconds with more of it saturate more often: only
            // what is done on average says what can be done.
            if reading.saturated {
                let first =
                    known.measured == Moment::default() || now.since(known.measured) > self.rules.evidence;
                known.can = if first {
                    // The first time in a rush the average lags behind.
                    known.work.max(work)
                } else {
                    known.can + SMOOTHING * (known.work - known.can)
                };
                known.measured = now;
            } else if known.can > 0.0 && known.work > known.can * (1.0 - reading.reserve - NEAR) {
                // It does what was given away without being late: it may well do more than was thought.
                let calm = now.since(known.measured).as_secs_f64() / KNEE;
                let creep = CREEP * (1.0 + calm * calm) * span;
                known.can = known.can.max(known.work) * (1.0 + creep.min(STRIDE));
            }
            if !reading.saturated
                && load.waiting > 0
                && self.limiting == Some(reading.valve)
                && known.can < known.work * BEYOND
            {
                known.can *= 1.0 + EASY * reading.ease * span;
            }
            // Once half of what there is is in use, what those who are in need is known well enough to say how many
            // more there is room for: nobody has to be let in to find out.
            if let Some(most) = reading.most
                && (known.can == 0.0 || now.since(known.measured) > self.rules.evidence)
                && known.work > most / 2.0
            {
                (known.can, known.measured) = (most, now);
            }
            known.saturated = reading.saturated;
            known.backlog = reading.backlog;
        }
    }

    /// The ramp if nothing speaks against it. A pace that nobody has used says nothing about what is borne: it
    /// grows only with demand (as RFC 7661 has it for windows), lest a quiet hour end in a rush let in at once.
    fn grown(&self, seconds: f64, load: Load, now: Moment) -> f64 {
        let factor = if self.ramp < self.threshold || self.believed(now).next().is_none() {
            (seconds / self.rules.doubling.as_secs_f64().max(0.1)).exp2()
        } else {
            (1.0 + self.rules.growth).powf(seconds / 10.0)
        };
        let asked = load.waiting > 0 || f64::from(load.admitted) >= USED * self.pace * seconds;
        let used = asked && self.pace >= self.ramp * (1.0 - NEAR);
        let most = if used { f64::INFINITY } else { self.ramp.max(self.rules.start_pace) };
        (self.ramp * factor).min(most)
    }

    /// What one person who is in needs of a valve, on average: sums over the same seconds, lest a number of people
    /// that has just changed make it look dearer or cheaper than it is.
    fn each(&self, known: &Known) -> f64 {
        known.settled / self.seated.max(1.0)
    }

    /// What one person who enters needs of a valve. They are entering for half a minute: the work of this second
    /// is of people let in since then, whom this second's number says nothing of ([`LAG`]).
    fn entry(&self, known: &Known) -> f64 {
        let measured = self.admitted >= FEW;
        let entry = if measured { known.entering / self.admitted } else { self.rules.entry_work };
        entry.max(1e-4)
    }

    /// The valves of which it is known what they bear, each with what of that is given away.
    fn believed(&self, now: Moment) -> impl Iterator<Item = (&Known, f64, u16)> {
        let known = self.known.iter().zip(&self.readings);
        known
            .filter(move |(known, _)| known.can > 0.0 && now.since(known.measured) <= self.rules.evidence)
            .map(|(known, reading)| (known, known.can * (1.0 - reading.reserve), reading.valve))
    }

    /// The least pace over all valves, and the valve.
    fn bound(&self, load: Load, now: Moment) -> Option<(f64, u16)> {
        let of = |(known, given, valve): (&Known, f64, u16)| {
            let settled = self.each(known) * f64::from(load.seated);
            ((given - known.backlog / DRAIN - settled) / self.entry(known), valve)
        };
        self.believed(now).map(of).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// People in at once whom the valves bear, by what those who are in use now.
    fn seats(&self, load: Load, now: Moment) -> Option<(u32, u16)> {
        let of = |(known, given, valve): (&Known, f64, u16)| {
            let each = self.each(known);
            (each > 0.0 && load.seated >= self.rules.floor).then(|| ((given / each) as u32, valve))
        };
        self.believed(now).filter_map(of).min_by_key(|seats| seats.0)
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

        let before = self.ramp;
        let grown = self.grown(seconds, load, now);
        let over =
            self.known.iter().zip(&self.readings).find(|(known, _)| known.saturated).map(|(_, r)| r.valve);
        let mut cause = Cause::Ramp;
        self.ramp = grown;
        if let Some(valve) = over {
            if self.pace < before {
                // Those saturate it who are in; what is let in beside them is held back already.
                self.ramp = before;
            } else if now.since(self.halved) >= ONE_EVENT {
                if now.since(self.halved) >= EPISODE {
                    self.threshold = grown / 2.0;
                }
                self.halved = now;
                self.ramp = grown / 2.0;
            } else {
                // Until the halving shows, no faster than it left us.
                self.ramp = before;
            }
            cause = Cause::Saturated(valve);
        }
        // A pace beyond filling the house in a second means nothing, and would hide a later ramp. What brought
        // it down to the least says more than that it is the least.
        self.ramp = self.ramp.min(f64::from(self.rules.ceiling.max(1))).max(self.rules.least_pace);
        self.pace = self.ramp;
        self.limiting = None;
        if let Some((bound, valve)) = self.bound(load, now)
            && bound < self.pace
        {
            self.pace = bound.max(self.rules.least_pace);
            self.limiting = Some(valve);
            if over.is_none() {
                cause = Cause::Headroom(valve);
            }
        }

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
            reserve: 0.15,
            most: None,
            ease: 0.0,
            backlog: 0.0,
        }
    }

    fn at(second: u64) -> Moment {
        Moment::from_unix_seconds(1_000_000 + second)
    }

    #[test]
    fn the_pace_doubles_until_something_is_known_is_halved_at_once_and_grows_by_a_fifth_after() {
        let mut second = 0;
        let source = move |_: Moment, out: &mut Vec<ValveReading>| {
            second += 1;
            out.push(reading(200.0, 2.0, second == 21));
        };
        let mut found = Found::new(FoundRules::up_to(1_000), source);
        let load = Load { seated: 100, waiting: 500, admitted: 5 };
        let mut pace = |second| found.read(load, at(second)).pace.unwrap_or_default();
        let paces: Vec<f64> = (0..20).map(&mut pace).collect();
        for (second, pace) in paces.iter().enumerate() {
            let most = 5.0 * ((second + 1) as f64 / 5.0).exp2();
            assert!((pace - most).abs() < 1e-6, "{second}: {pace} {most}");
        }
        let halved = pace(20);
        assert!(halved <= paces[19] * 0.58, "{halved}");
        // The valve is believed to do 202 places, 171 of them are given away and 200 in use: nobody else.
        assert!(pace(21) <= 0.2 + 1e-9);
    }

    #[test]
    fn a_pace_that_nobody_uses_grows_no_further_than_where_it_began() {
        let source = |_: Moment, out: &mut Vec<ValveReading>| out.push(reading(1.0, 0.1, false));
        let mut found = Found::new(FoundRules::up_to(1_000), source);
        let quiet = Load { seated: 100, waiting: 0, admitted: 2 };
        assert!((0..600).all(|second| found.read(quiet, at(second)).pace == Some(5.0)));
        let used = Load { admitted: 5, ..quiet };
        assert!(found.read(used, at(600)).pace > Some(5.0));
        let more = found.read(Load { waiting: 1, ..quiet }, at(601)).pace;
        assert!(more > Some(6.0));
        assert_eq!(found.read(quiet, at(602)).pace, more);
    }

    /// An upstream of so many places; each person who is in needs `EACH` of one, and it is saturated when that is
    /// more than there are.
    struct House {
        places: f64,
        /// Who is in, by the second they leave; and the share of all places in use, by second.
        leave: Vec<(u64, f64)>,
        used: Vec<f64>,
    }

    const EACH: f64 = 0.25;

    impl House {
        fn seated(&self) -> f64 {
            self.leave.iter().map(|stay| stay.1).sum()
        }

        fn pass(&mut self, coming: f64, second: u64) -> ValveReading {
            self.leave.retain(|stay| stay.0 > second);
            // Stays of 4 to 36 seconds, 20 on average.
            self.leave.extend((0..9).map(|part| (second + 4 * (part + 1), coming / 9.0)));
            let asked = self.seated() * EACH;
            let done = asked.min(self.places);
            self.used.push(done / self.places);
            let entering = (coming * EACH).min(done);
            reading(done - entering, entering, asked > self.places)
        }

        fn used(&self, last: usize) -> f64 {
            self.used.iter().rev().take(last).sum::<f64>() / last as f64
        }
    }

    #[test]
    fn what_has_become_better_is_found_within_a_minute_and_what_has_become_worse_at_once() {
        use std::sync::{Arc, Mutex};
        let next = Arc::new(Mutex::new(reading(0.0, 0.0, false)));
        let source = {
            let next = Arc::clone(&next);
            move |_: Moment, out: &mut Vec<ValveReading>| out.extend(next.lock().ok().map(|read| *read))
        };
        let mut found = Found::new(FoundRules::up_to(100_000), source);
        let mut house = House { places: 40.0, leave: Vec::new(), used: Vec::new() };
        let mut read = Reading { seats: 100_000, pace: Some(5.0), cause: Cause::Ramp };
        let mut second = 0;
        for (places, seconds) in [(40.0, 60), (20.0, 60), (40.0, 60), (160.0, 180), (40.0, 60)] {
            house.places = places;
            for _ in 0..seconds + 60 {
                second += 1;
                let room = f64::from(read.seats) - house.seated();
                let coming = read.pace.unwrap_or_default().min(room).max(0.0);
                *next.lock().unwrap() = house.pass(coming, second);
                let load =
                    Load { seated: house.seated() as u32, waiting: 1_000, admitted: coming.round() as u32 };
                read = found.read(load, at(second));
            }
            let used = house.used(60);
            assert!(used >= 0.85, "{places} places: {used}");
        }
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
