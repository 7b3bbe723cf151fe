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
/// second, and of a line that is so long most of the time one in a hundred is three to four times as long. With
/// 40 ms a simulated minute of twice too many people came to 80 % of what could be served, with 200 ms to 97 %
/// (preau-gate, tests/processor.rs): a line that is mostly empty is a processor that mostly has nothing to do.
const LATE: Duration = Duration::from_millis(200);
/// Nobody is refused for a burst here, only served a moment later: less is to be kept back.
const RESERVE: f64 = 0.03;
/// Fewer beats than this say nothing.
const FEW: usize = 4;
/// Beats kept between two readings at most: a hundred threads' for a second.
const KEPT: usize = 1_000;

/// The pulse of the threads; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Beats>>);

#[derive(Default)]
struct Beats {
    late: Vec<Duration>,
    read: Option<(Instant, Duration)>,
}

impl Pulse {
    /// A thread came so late.
    pub(super) fn beat(&self, late: Duration) {
        let beats = &mut lock(&self.0).late;
        if beats.len() < KEPT {
            beats.push(late);
        }
    }

    /// What happened since the last reading, in processor seconds, shared out between those who have come in
    /// and those who enter as the work at the valves was. `None` the first time, and where nothing beats.
    pub(super) fn read(&self, valves: &[ValveReading]) -> Option<ValveReading> {
        let (now, spent) = (Instant::now(), processor_time());
        let mut beats = lock(&self.0);
        let before = beats.read.replace((now, spent));
        let mut late = std::mem::take(&mut beats.late);
        drop(beats);
        let (since, used) = before?;
        let used = spent.saturating_sub(used);
        let span = now.saturating_duration_since(since);
        reading(&mut late, used, span, cores(), valves)
    }
}

fn reading(
    late: &mut [Duration],
    used: Duration,
    span: Duration,
    cores: u32,
    valves: &[ValveReading],
) -> Option<ValveReading> {
    if late.len() < FEW {
        return None;
    }
    let middle = late.len() / 2;
    let median = *late.select_nth_unstable(middle).1;
    let of = |work: fn(&ValveReading) -> f64| valves.iter().map(work).sum::<f64>();
    let (settled, entering) = (of(|valve| valve.settled_work), of(|valve| valve.entering_work));
    let part = if settled + entering > 0.0 { entering / (settled + entering) } else { 0.0 };
    let busy = used.as_secs_f64();
    let share = busy / span.as_secs_f64().max(1e-3);
    Some(ValveReading {
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
        reserve: RESERVE,
    })
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
        }
    }

    #[test]
    fn threads_that_are_late_most_of_the_time_have_too_much_to_do() {
        let ms = Duration::from_millis;
        let second = Duration::from_secs(1);
        let valves = [valve(0.03, 0.01), valve(0.0, 0.04)];
        let read = |late: &mut [Duration]| reading(late, ms(900), second, 2, &valves);
        let calm = read(&mut [ms(1), ms(300), ms(2), ms(1), ms(1)]).expect("beats");
        assert!(!calm.saturated && calm.median == ms(1));
        assert_eq!((calm.limit, calm.inflight, calm.served), (200, 90, 100));
        assert!((calm.settled_work - 0.3375).abs() < 1e-9 && (calm.entering_work - 0.5625).abs() < 1e-9);
        assert!(calm.pressure() < 1.0);
        let late = read(&mut [ms(280), ms(290), ms(2), ms(250), ms(270)]).expect("beats");
        assert!(late.saturated && late.pressure() >= 1.0);
        assert!(read(&mut [ms(500); 3]).is_none(), "three beats are chance");
        assert!(reading(&mut [ms(1); 9], ms(5), Duration::ZERO, 1, &[]).is_some(), "no time, no requests");
    }

    #[test]
    fn a_reading_begins_where_the_last_one_ended() {
        let pulse = Pulse::default();
        let beat = |times: usize| (0..times).for_each(|_| pulse.beat(Duration::from_millis(1)));
        beat(20);
        assert!(pulse.read(&[]).is_none(), "the first one has no beginning");
        beat(5);
        assert!(pulse.read(&[]).is_some());
        assert!(pulse.read(&[]).is_none(), "no beat since");
        beat(2 * KEPT);
        assert_eq!(lock(&pulse.0).late.len(), KEPT);
    }
}
