//! The valves: how many requests of each class are under way at once, found by watching them.
//!
//! A valve (`preau_gate::Valve`) knows how long requests take and how many may be under way; here it gets
//! its waiters, its clock and its second hand. One stands before each class of page of this application, or
//! before each class of request at a service behind the gate. It knows no page and no person. Invariant: a
//! request that was let through is given back exactly once, also when its sender leaves; who waits for a
//! place is let through or refused within a second.

use preau_front::Refused;
use preau_gate::{LimitRules, LineRules, Moment, Offer, Outcome, Turn, Valve, ValveReading};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often waiting requests are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Nobody waits longer for a place than this, whatever the second hand does.
const PATIENCE: Duration = Duration::from_secs(3);

/// Somebody in the line of a valve.
type Waiter = oneshot::Sender<bool>;

/// The valves, numbered from 0.
pub struct Valves {
    valves: Vec<Mutex<Valve<Waiter>>>,
    names: Vec<String>,
    /// Requests that wait in all lines; the second hand has nothing to do without.
    waiting: AtomicUsize,
    /// A clock that nobody sets back: response times are differences.
    begun: Instant,
}

/// What an operator allows a valve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests at once at least, whatever is measured.
    pub floor: u32,
    /// Requests at once at most.
    pub ceiling: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        let LimitRules { floor, ceiling, .. } = LimitRules::default();
        Bounds { floor, ceiling }
    }
}

/// What becomes of somebody who asks for a place.
pub enum Offered {
    /// It is there.
    Go(Under),
    /// It will come, or not.
    Later(Pin<Box<dyn Future<Output = Option<Under>> + Send>>),
    /// The line is full.
    Full,
}

/// A request under way.
pub struct Under {
    valves: Arc<Valves>,
    valve: usize,
    entering: bool,
    begun: Instant,
    told: bool,
}

impl Valves {
    /// A valve for each name; names are what consoles and metrics show.
    pub fn new(named: impl IntoIterator<Item = (String, Bounds)>) -> Arc<Valves> {
        let begun = Instant::now();
        let (mut valves, mut names) = (Vec::new(), Vec::new());
        for (name, Bounds { floor, ceiling }) in named {
            let start = LimitRules::default().start.clamp(floor.min(ceiling), ceiling);
            let rules = LimitRules { floor, ceiling, start, ..LimitRules::default() };
            valves.push(Mutex::new(Valve::new(rules, LineRules::default(), at(begun, begun))));
            names.push(name);
        }
        Arc::new(Valves { valves, names, waiting: AtomicUsize::new(0), begun })
    }

    /// The name of a valve.
    pub fn name(&self, valve: u16) -> &str {
        self.names.get(usize::from(valve)).map_or("?", String::as_str)
    }

    /// Asks for a place at `valve`. `entering`: for somebody who has just come in, whose first pages say what
    /// an admission costs. An unknown valve lets everybody through.
    pub fn offer(self: &Arc<Self>, valve: usize, entering: bool) -> Offered {
        let under =
            move |valves: Arc<Valves>, told| Under { valves, valve, entering, begun: Instant::now(), told };
        let Some(own) = self.valves.get(valve) else {
            return Offered::Go(under(Arc::clone(self), true));
        };
        let (go, heard) = oneshot::channel();
        let offer = lock(own).offer(go, self.now());
        match offer {
            Offer::Go => Offered::Go(under(Arc::clone(self), false)),
            Offer::Refused => Offered::Full,
            Offer::Wait => {
                let line = Line::join(self);
                Offered::Later(Box::pin(async move {
                    let heard = tokio::time::timeout(PATIENCE, heard).await;
                    matches!(heard, Ok(Ok(true))).then(|| under(Arc::clone(&line.0), false))
                }))
            }
        }
    }

    /// Takes a place at `valve`, waiting for one if the line is short; see [`Valves::offer`].
    ///
    /// # Errors
    /// [`Refused::Saturated`] when the line is full or moves too slowly.
    pub async fn enter(self: &Arc<Self>, valve: usize, entering: bool) -> Result<Under, Refused> {
        match self.offer(valve, entering) {
            Offered::Go(under) => Ok(under),
            Offered::Later(later) => later.await.ok_or(Refused::Saturated),
            Offered::Full => Err(Refused::Saturated),
        }
    }

    /// Time passes: whoever has waited too long is refused.
    fn tick(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            (0..self.valves.len()).for_each(|valve| self.tick_one(valve));
        }
    }

    fn tick_one(&self, valve: usize) {
        let Some(own) = self.valves.get(valve) else { return };
        let mut turns = Vec::new();
        lock(own).tick(self.now(), &mut turns);
        self.call(valve, turns);
    }

    /// Starts the second hand of the lines; it ends with the last handle.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let valves = Arc::downgrade(self);
        let second_hand = move || {
            while let Some(valves) = valves.upgrade() {
                valves.tick();
                drop(valves);
                std::thread::sleep(LOOK);
            }
        };
        std::thread::Builder::new().name("valves".to_owned()).spawn(second_hand).map(drop)
    }

    /// What happened since the last reading, of every valve.
    pub fn read(&self, readings: &mut Vec<ValveReading>) {
        for (number, valve) in self.valves.iter().enumerate() {
            self.tick_one(number);
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            readings.push(lock(valve).read(number, self.now()));
        }
    }

    fn finished(&self, under: &Under, outcome: Outcome, time: Duration) {
        let Some(valve) = self.valves.get(under.valve) else { return };
        let mut turns = Vec::new();
        lock(valve).finished(outcome, time, under.entering, self.now(), &mut turns);
        self.call(under.valve, turns);
    }

    /// Tells waiters their turn. One who has left meanwhile gives the place back, to the next.
    fn call(&self, valve: usize, mut turns: Vec<Turn<Waiter>>) {
        while let Some(turn) = turns.pop() {
            let left = match turn {
                Turn::Go(waiter) => waiter.send(true).is_err(),
                Turn::Refused(waiter) => {
                    let _ = waiter.send(false);
                    false
                }
            };
            if left && let Some(valve) = self.valves.get(valve) {
                lock(valve).finished(Outcome::Void, Duration::ZERO, false, self.now(), &mut turns);
            }
        }
    }

    fn now(&self) -> Moment {
        at(self.begun, Instant::now())
    }
}

impl Under {
    /// The request was answered with this status code: 500 and above is a failure of whoever answered,
    /// but for 501 and 505, which say something about the request.
    pub fn answered(mut self, status: u16) {
        let failed = status >= 500 && status != 501 && status != 505;
        self.tell(if failed { Outcome::Failed } else { Outcome::Served });
    }

    /// It was not answered, and not because its sender left.
    pub fn failed(mut self) {
        self.tell(Outcome::Failed);
    }

    fn tell(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.told, true) {
            let valves = Arc::clone(&self.valves);
            valves.finished(self, outcome, self.begun.elapsed());
        }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.tell(Outcome::Void);
    }
}

/// Counts as waiting until dropped.
struct Line(Arc<Valves>);

impl Line {
    fn join(valves: &Arc<Valves>) -> Line {
        valves.waiting.fetch_add(1, Ordering::Relaxed);
        Line(Arc::clone(valves))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Moments of the valves count from an hour after the epoch, so that spans before the start exist.
fn at(begun: Instant, now: Instant) -> Moment {
    Moment::from_unix_seconds(3_600) + now.duration_since(begun)
}

fn lock(valve: &Mutex<Valve<Waiter>>) -> MutexGuard<'_, Valve<Waiter>> {
    // Nothing in a valve panics half-way through a change.
    valve.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at_once: u32) -> Arc<Valves> {
        Valves::new([("page".to_owned(), Bounds { floor: at_once, ceiling: at_once })])
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_a_place_is_given_back() {
        let valves = one(1);
        let first = valves.enter(0, false).await.expect("let through");
        let waiting = tokio::spawn({
            let valves = Arc::clone(&valves);
            async move { valves.enter(0, false).await.map(|under| under.answered(200)).is_ok() }
        });
        while valves.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        first.answered(200);
        assert!(waiting.await.expect("ended"));
        let mut readings = Vec::new();
        valves.read(&mut readings);
        assert_eq!((readings[0].served, readings[0].inflight, readings[0].waiting), (2, 0, 0));
    }

    #[tokio::test]
    async fn who_leaves_the_line_takes_no_place_along() {
        let valves = one(1);
        let first = valves.enter(0, false).await.expect("let through");
        let mut left = Box::pin(valves.enter(0, false));
        assert!(futures_util::poll!(&mut left).is_pending());
        drop(left);
        drop(first);
        let again = tokio::time::timeout(Duration::from_secs(5), valves.enter(0, false)).await;
        assert!(again.expect("in time").is_ok());
        assert_eq!(valves.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_line_that_stands_refuses() {
        let valves = one(1);
        valves.start().expect("a thread");
        let _held = valves.enter(0, false).await.expect("let through");
        assert_eq!(valves.enter(0, false).await.err(), Some(Refused::Saturated));
    }

    #[tokio::test]
    async fn an_unknown_valve_bounds_nothing() {
        let valves = one(1);
        let all = [valves.enter(7, false).await.is_ok(), valves.enter(7, false).await.is_ok()];
        assert_eq!(all, [true, true]);
    }
}
