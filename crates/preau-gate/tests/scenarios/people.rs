//! The crowd: people, browsers and machines in front of the gate, and what is counted about them.
//!
//! It shares no code with the engine: its own generator of chance, its own arithmetic of time (seconds
//! as floating-point numbers, 0 being eight o'clock), its own queue of what happens next. It meets the
//! gate only through what a browser meets: cookies, verdicts, and the moment to ask again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use preau_gate::{
    Arrival, Claims, DeviceId, Gate, LessonId, Moment, Network, Scheduler, Secret, Standing, Verdict,
};

/// Eight o'clock on a Monday in Paris, in milliseconds since 1970.
const EIGHT: f64 = 1_795_417_200_000.0;

/// The moment `seconds` after eight o'clock.
pub fn clock(seconds: f64) -> Moment {
    Moment::from_unix_millis((EIGHT + seconds * 1e3) as u64)
}

pub const SECRET: [u8; 32] = [77; 32];

pub fn secret() -> Secret {
    Secret::new(SECRET)
}

/// Chance: a linear congruential generator with permuted output (PCG-XSH-RR, O'Neill 2014).
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self { state: seed.wrapping_add(0x1405_7b7e_f767_814f) };
        dice.roll();
        dice.roll();
        dice
    }

    pub fn roll(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (((old >> 18) ^ old) >> 27) as u32;
        mixed.rotate_right((old >> 59) as u32)
    }

    /// Evenly between 0 and 1.
    pub fn even(&mut self) -> f64 {
        f64::from(self.roll()) / 4_294_967_296.0
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.even()
    }

    pub fn yes(&mut self, share: f64) -> bool {
        self.even() < share
    }

    /// Waiting time until something that happens every `mean` seconds.
    pub fn pause(&mut self, mean: f64) -> f64 {
        -(1.0 - self.even()).ln() * mean
    }

    /// Bell-shaped: twelve even numbers less six.
    pub fn bell(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.even()).sum();
        mean + (sum - 6.0) * deviation
    }

    pub fn device(&mut self) -> DeviceId {
        let mut bytes = [0; 12];
        for chunk in bytes.chunks_exact_mut(4) {
            chunk.copy_from_slice(&self.roll().to_le_bytes());
        }
        DeviceId::new(bytes)
    }
}

/// What a visit came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// Let in.
    In,
    /// Told to come back after so many seconds.
    Later(f64),
}

/// A browser with its cookies.
#[derive(Clone, Default)]
pub struct Browser {
    pub session: Option<String>,
    pub ticket: Option<String>,
    pub mark: Option<String>,
    pub lesson: Option<LessonId>,
    pub network: Option<Network>,
    pub code: Option<String>,
    pub proof: Option<String>,
    /// What the last waiting page said.
    pub told: Option<preau_gate::Wait>,
}

impl Browser {
    pub fn visit(&mut self, gate: &Gate, dice: &mut Dice, at: f64) -> Seen {
        let arrival = Arrival {
            session: self.session.as_deref(),
            ticket: self.ticket.as_deref(),
            mark: self.mark.as_deref(),
            lesson_ends: None,
        };
        let claims = Claims {
            lesson: self.lesson,
            network: self.network,
            proof: self.proof.as_deref(),
            class_code: self.code.as_deref(),
        };
        match gate.judge(&arrival, &claims, || dice.device(), clock(at)) {
            Verdict::Admit(admission) => {
                if let Some(text) = admission.renewed {
                    self.session = Some(text.as_str().to_owned());
                    self.ticket = None;
                }
                Seen::In
            }
            Verdict::Wait(wait) => {
                if wait.forged {
                    self.ticket = None;
                }
                if let Some(text) = wait.ticket {
                    self.ticket = Some(text.as_str().to_owned());
                    self.proof = None;
                }
                self.told = Some(wait);
                Seen::Later(wait.interval.as_secs_f64())
            }
        }
    }

    pub fn leave(&mut self, gate: &Gate, at: f64) {
        if let Some(text) = self.session.take()
            && let Ok(session) = gate.read_session(&text, clock(at))
        {
            gate.release(&session, clock(at));
        }
    }

    /// Computes what the waiting page asks for. Really.
    pub fn compute(&mut self) {
        if let Some(challenge) = self.told.as_ref().and_then(|wait| wait.challenge) {
            self.proof = preau_gate::proof_text(challenge.text.as_str(), 0, u64::MAX);
        }
    }
}

/// Browsers on which people of the school signed in before: made on another gate of the same secret.
pub fn known(count: usize, standing: Standing, dice: &mut Dice) -> Vec<Browser> {
    let before = -3_000.0;
    let quota = Box::new(preau_gate::Quota(count as u32 + 1));
    let (gate, _scheduler) =
        Scheduler::open(preau_gate::Rules::default(), secret(), quota, None, clock(before)).expect("opens");
    (0..count)
        .map(|_| {
            let mut browser = Browser::default();
            assert_eq!(browser.visit(&gate, dice, before), Seen::In);
            let session =
                gate.read_session(&browser.session.take().expect("is in"), clock(before)).expect("a session");
            let mark = gate.recognise(&session, standing, clock(before)).expect("signs in").1;
            Browser { mark: Some(mark.as_str().to_owned()), ..Browser::default() }
        })
        .collect()
}

/// What happens next, in order of time.
#[derive(Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    count: u64,
}

impl Agenda {
    /// `who` is up at `at` (seconds after eight, possibly negative).
    pub fn note(&mut self, at: f64, who: usize) {
        self.count += 1;
        // Rounded up: nobody is up before their time.
        self.heap.push(Reverse((((at + 10_000.0) * 1e3).ceil() as u64, self.count, who)));
    }

    /// The next one up to `at`.
    pub fn next(&mut self, at: f64) -> Option<usize> {
        let until = ((at + 10_000.0) * 1e3) as u64;
        if self.heap.peek()?.0.0 > until {
            return None;
        }
        self.heap.pop().map(|entry| entry.0.2)
    }
}

/// Jain's index of fairness: 1 when all are equal (Jain, Chiu and Hawe 1984).
pub fn jain(parts: &[f64]) -> f64 {
    let (sum, squares) =
        parts.iter().fold((0.0, 0.0), |(sum, squares), part| (sum + part, squares + part * part));
    if squares == 0.0 { 0.0 } else { sum * sum / (parts.len() as f64 * squares) }
}

/// The value below which a share of the others lies.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds that this thread has spent on a processor, as Linux counts them.
pub fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A scenario's outcome: figures to print, and what did not hold.
#[derive(Default)]
pub struct Report {
    pub figures: Vec<String>,
    pub broken: Vec<String>,
    /// Parts of the scenario that are not looked at here, and why.
    pub left_out: Option<&'static str>,
}

impl Report {
    /// A figure and the bound it must keep.
    pub fn must(&mut self, holds: bool, figure: String) {
        if !holds {
            self.broken.push(figure.clone());
        }
        self.figures.push(figure);
    }

    pub fn also(&mut self, figure: String) {
        self.figures.push(figure);
    }
}

/// A span for the engine's interfaces.
pub fn span(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}
