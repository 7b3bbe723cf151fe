//! People in front of the gate, for tests: browsers that keep cookies, poll as they are told, sit,
//! leave, or vanish. Virtual time, a seeded generator, no mocks: every step is a real verdict.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::time::Duration;

use preau_gate::{
    Arrival, Claims, DeviceId, Gate, Moment, Quota, Rules, Scheduler, Secret, Snapshot, Verdict, Wait,
};

/// A Monday morning, 7:50 in Paris.
pub const MORNING: Moment = Moment::from_unix_seconds(1_795_416_600);

pub const SECRET: Secret = Secret::new([42; 32]);

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Seconds of a simulated day, in order.
#[derive(Clone, Copy, PartialEq)]
pub struct At(pub f64);
impl Eq for At {}
impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The moment so many seconds into it.
pub fn moment(t: f64) -> Moment {
    Moment::from_unix_millis(1_795_000_000_000 + (t * 1e3) as u64)
}

/// A small generator (xorshift64*, Marsaglia 2003 / Vigna 2014): the same numbers on every machine.
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Evenly from 0 to 1.
    pub fn part(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.part() < probability
    }

    pub fn device(&mut self) -> DeviceId {
        let (a, b) = (self.number().to_be_bytes(), self.number().to_be_bytes());
        DeviceId::new(std::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] }))
    }
}

pub fn open(quota: u32, now: Moment) -> (Gate, Scheduler) {
    open_with(Rules::default(), quota, None, now)
}

pub fn open_with(rules: Rules, quota: u32, snapshot: Option<&Snapshot>, now: Moment) -> (Gate, Scheduler) {
    Scheduler::open(rules, SECRET, Box::new(Quota(quota)), snapshot, now).expect("the gate opens")
}

/// A browser's cookies.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    pub session: Option<String>,
    pub ticket: Option<String>,
    pub mark: Option<String>,
    pub lesson_ends: Option<Moment>,
}

impl Browser {
    /// One request; the cookies of the answer are kept.
    pub fn asks(&mut self, gate: &Gate, chance: &mut Chance, now: Moment) -> Verdict {
        self.asks_with(gate, &Claims::default(), || chance.device(), now)
    }

    /// One request of a device that is known already.
    pub fn claims(&mut self, gate: &Gate, claims: &Claims<'_>, now: Moment) -> Verdict {
        self.asks_with(gate, claims, || panic!("a known device needs no new number"), now)
    }

    pub fn asks_with(
        &mut self,
        gate: &Gate,
        claims: &Claims<'_>,
        fresh: impl FnOnce() -> DeviceId,
        now: Moment,
    ) -> Verdict {
        let arrival = Arrival {
            session: self.session.as_deref(),
            ticket: self.ticket.as_deref(),
            mark: self.mark.as_deref(),
            lesson_ends: self.lesson_ends,
        };
        let verdict = gate.judge(&arrival, claims, fresh, now);
        match &verdict {
            Verdict::Admit(admission) => {
                if let Some(session) = admission.renewed {
                    self.session = Some(session.to_string());
                    self.ticket = None;
                }
            }
            Verdict::Wait(wait) => {
                if let Some(ticket) = wait.ticket {
                    self.ticket = Some(ticket.to_string());
                }
            }
        }
        verdict
    }

    pub fn enters(&mut self, gate: &Gate, chance: &mut Chance, now: Moment) -> bool {
        matches!(self.asks(gate, chance, now), Verdict::Admit(_))
    }

    pub fn waits(&mut self, gate: &Gate, chance: &mut Chance, now: Moment) -> Wait {
        match self.asks(gate, chance, now) {
            Verdict::Wait(wait) => wait,
            Verdict::Admit(_) => panic!("was let in where it should have waited"),
        }
    }

    pub fn leaves(&mut self, gate: &Gate, now: Moment) -> bool {
        let session = self.session.take().expect("is in");
        gate.release(&gate.read_session(&session, now).expect("a session"), now)
    }
}

/// Seats that a quota may be exceeded by: returning people and teachers.
pub fn overdraft(quota: u32) -> u32 {
    if quota == 0 { 0 } else { (quota / 20).max(1) }
}
