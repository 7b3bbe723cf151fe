//! The pulse: how late the threads are that serve, and what processor time this process uses.
//!
//! A valve measures a request from the moment this process has begun with it. What a request waits before,
//! in a socket's queue, because the threads have too much to do or do not get their processor, no valve can see:
//! a house on a small machine went down with all valves wide open and content. So the machine itself is read as
//! one more valve, in processor seconds, that is saturated when the threads come late. It knows no requests.
//! Invariant: nothing here waits, and a beat takes no longer than one short lock.

use super::lock;
use preau_gate::{LimitCause, ValveReading};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The number of this reading among those of the valves.
pub(super) const PROCESSOR: u16 = u16::MAX;
/// Threads that were later than this for most of the time have too much to do. A page is to be there within a
/// second, and a line that is so long most of the time is twice as long now and then.
const LATE: Duration = Duration::from_millis(600);
/// So long a line is wanted when there is more to do than can be done. One that is mostly empty is a processor that
/// mostly has nothing to do, and one that never is serves a third more pages a second, for it wakes up less.
const LINE: Duration = Duration::from_millis(200);
/// A thread says how late it is so often, and no sooner than it is there.
const BEAT: Duration = Duration::from_millis(100);
/// Less than this says nothing.
const SOON: Duration = Duration::from_millis(450);
/// Beats kept between two readings at most: a hundred threads' for a second.
const KEPT: usize = 1_000;

/// The pulse of the threads; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Beats>>);

#[derive(Default)]
struct Beats {
    /// Something has beaten.
    alive: bool,
    late: Vec<Duration>,
    read: Option<(Instant, Duration)>,
}

impl Pulse {
    /// A thread came so late.
    pub(super) fn beat(&self, late: Duration) {
        let mut beats = lock(&self.0);
        beats.alive = true;
        if beats.late.len() < KEPT {
            beats.late.push(late);
        }
    }

    /// What happened since the last reading, in processor seconds, shared out between those who have come in
    /// and those who enter as the work at the valves was. `None` the first time, soon after the last time, and where
    /// nothing beats.
    pub(super) fn read(&self, valves: &[ValveReading]) -> Option<ValveReading> {
        let (now, spent) = (Instant::now(), processor_time());
        let mut beats = lock(&self.0);
        let Some((since, before)) = beats.read else {
            beats.read = Some((now, spent));
            return None;
        };
        let span = now.saturating_duration_since(since);
        if span < SOON || !beats.alive {
            return None;
        }
        beats.read = Some((now, spent));
        let mut late = std::mem::take(&mut beats.late);
        drop(beats);
        Some(reading(median(&mut late, span), spent.saturating_sub(before), span, cores(), valves))
    }
}

fn reading(
    median: Duration,
    used: Duration,
    span: Duration,
    cores: u32,
    valves: &[ValveReading],
) -> ValveReading {
    let of = |work: fn(&ValveReading) -> f64| valves.iter().map(work).sum::<f64>();
    let (settled, entering) = (of(|valve| valve.settled_work), of(|valve| valve.entering_work));
    let part = if settled + entering > 0.0 { entering / (settled + entering) } else { 0.0 };
    let busy = used.as_secs_f64();
    let share = busy / span.as_secs_f64().max(1e-3);
    ValveReading {
        valve: PROCESSOR,
        // In hundredths of a processor.
        limit: cores.saturating_mul(100),
        cause: LimitCause::Steady,
        inflight: (share * 100.0) as u32,
        waiting: 0,
        served: valves.iter().map(|valve| valve.served).sum(),
        refused: 0,
        settled_work: busy * (1.0 - part),
        entering_work: busy * part,
        base: Duration::ZERO,
        median,
        saturated: median > LATE,
        // Nobody is refused for a burst here, only served a moment later.
        reserve: 0.0,
        most: Some(f64::from(cores)),
        ease: (1.0 - median.as_secs_f64() / LINE.as_secs_f64()).max(0.0),
        backlog: median.saturating_sub(LINE).as_secs_f64() * f64::from(cores),
    }
}

/// How late somebody would most likely have been who came at any moment of the span. A beat that came a second late
/// stands for that second, in which ten that were in time would have come; what no beat stands for is a thread that
/// has not come back yet.
fn median(late: &mut Vec<Duration>, span: Duration) -> Duration {
    let covered: Duration = late.iter().map(|late| *late + BEAT).sum();
    late.push(span.saturating_sub(covered + BEAT));
    late.sort_unstable();
    let half = (covered.max(span) + BEAT) / 2;
    let mut sum = Duration::ZERO;
    let middle = late.iter().find(|late| {
        sum += **late + BEAT;
        sum >= half
    });
    middle.or(late.last()).copied().unwrap_or_default()
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Processor time that this process has used so far.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valve(settled_work: f64, entering_work: f64) -> ValveReading {
        ValveReading {
            valve: 0,
            limit: 20,
            cause: LimitCause::Steady,
            inflight: 1,
            waiting: 0,
            served: 50,
            refused: 0,
            settled_work,
            entering_work,
            base: Duration::from_millis(1),
            median: Duration::from_millis(1),
            saturated: false,
            reserve: 0.15,
            most: None,
            ease: 0.0,
            backlog: 0.0,
        }
    }

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_late_most_of_the_time_has_too_much_to_do() {
        let valves = [valve(0.03, 0.01), valve(0.0, 0.04)];
        let calm = reading(ms(1), ms(900), SECOND, 2, &valves);
        assert!(!calm.saturated && calm.median == ms(1) && calm.pressure() < 1.0);
        assert_eq!((calm.limit, calm.inflight, calm.served), (200, 90, 100));
        assert!((calm.settled_work - 0.3375).abs() < 1e-9 && (calm.entering_work - 0.5625).abs() < 1e-9);
        let late = reading(ms(601), ms(900), SECOND, 2, &valves);
        assert!(late.saturated && late.pressure() >= 1.0);
        assert!((late.backlog - 0.802).abs() < 1e-9 && late.ease == 0.0, "two processors work it off");
        let full = reading(ms(200), ms(900), SECOND, 2, &valves);
        assert!(!full.saturated && full.backlog == 0.0 && full.pressure() == 0.99);
        let idle = reading(ms(1), ms(5), Duration::ZERO, 1, &[]);
        assert!(idle.settled_work.is_finite() && idle.entering_work == 0.0, "no time, no requests");
    }

    #[test]
    fn a_second_of_lateness_weighs_as_much_as_ten_beats_in_time() {
        assert_eq!(median(&mut vec![ms(1); 10], SECOND), ms(1));
        assert_eq!(median(&mut vec![ms(1), ms(1), ms(1), ms(1), ms(500)], SECOND), ms(500));
        assert_eq!(median(&mut vec![ms(1), ms(1), ms(1), ms(1), ms(1), ms(300)], SECOND), ms(1));
        // It has not come back for most of the second.
        assert_eq!(median(&mut vec![ms(1), ms(1)], SECOND), ms(698));
        assert_eq!(median(&mut Vec::new(), SECOND), ms(900));
        // One of two threads in time, the other not.
        let both = [vec![ms(1); 10], vec![ms(400); 2]].concat();
        assert_eq!(median(&mut both.clone(), SECOND), ms(1));
    }

    #[test]
    fn a_reading_begins_where_the_last_one_ended() {
        let pulse = Pulse::default();
        let beat = |times: usize| (0..times).for_each(|_| pulse.beat(ms(1)));
        beat(20);
        assert!(pulse.read(&[]).is_none(), "the first one has no beginning");
        assert!(pulse.read(&[]).is_none(), "too soon");
        let long_ago = Instant::now().checked_sub(SECOND);
        lock(&pulse.0).read = long_ago.map(|then| (then, Duration::ZERO));
        assert!(pulse.read(&[]).is_some_and(|reading| reading.median == ms(1)));
        assert!(lock(&pulse.0).late.is_empty() && pulse.read(&[]).is_none());
        beat(2 * KEPT);
        assert_eq!(lock(&pulse.0).late.len(), KEPT);
        let silent = Pulse::default();
        lock(&silent.0).read = long_ago.map(|then| (then, Duration::ZERO));
        assert!(silent.read(&[]).is_none(), "nothing beats");
    }
}
