//! The door: the gate as this application uses it.
//!
//! `preau-gate` knows queues and signatures; here it gets its cookies ([`layer`]), its pages
//! (`answer`, `pages`), its second hand ([`Door::start`]) and its memory over restarts (`kept`). The
//! decision stands before the session layer and touches no database: a crowd costs signatures only.
//!
//! One browser has one number: the device cookie of the edge and the number that tickets and sessions
//! of the gate carry are the same, so that who waited can be told from `known_device` later. The door
//! itself knows no person, no lesson and no slice; slices tell it what it must know
//! ([`Door::recognise`], [`Door::keep_for_lesson`], [`Door::release`]).
//!
//! Invariant: who is admitted holds a seat of the quota (or of the gate's small overdraft), and nobody
//! who is in a lesson is put out.

mod answer;
mod capacity;
mod code;
mod draws;
mod due;
mod fleet;
mod front;
mod kept;
mod layer;
mod leaving;
mod pages;
mod pulse;
mod shed;
mod steer;
#[cfg(test)]
mod tests;

use super::valves::Valves;
use super::{Caller, Clock, CookieJar, DeviceId, Kept, Platform, Secrets};
use crate::access::{Facts, Profile};
use crate::config::GateConfig;
use crate::ids::Millis;
use arc_swap::{ArcSwap, ArcSwapOption};
use axum::response::Response;
use capacity::{Configured, Readings, Typed};
use due::Near;
use fleet::{Fleet, Leased};
use http::header;
use jiff::tz::TimeZone;
use preau_gate::{Capacity, Gate, Lane, LessonId, Moment, Rules, Rung, Scheduler, Secret, Session};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use due::{DueKey, NearLesson};
pub use front::{Entry, Place, class_of, crowded, place, refusal, released};
pub use layer::{Entrance, admission};
pub use pages::gate_pages;
pub use preau_gate::Standing;
pub use shed::Shedding;
pub use steer::{LONGEST_MESSAGE, Order, OrderError, Orders, attend, follow, order};

pub(super) use layer::Unasked;

/// The cookie that holds the gate's session.
const SESSION: &str = "gate";
/// The cookie that holds the place in the queue.
const TICKET: &str = "ticket";
/// The cookie that says that somebody has signed in on this device.
const MARK: &str = "mark";
/// The cookie that says in which lessons the device's holder is due.
const DUE: &str = "due";
/// The cookie in which the waiting page's script leaves the proof it has computed.
const PROOF: &str = "proof";
/// The cookie that holds a class code as typed.
const CODE: &str = "code";
/// From how many strangers a second a proof of work may be asked of them.
const TOLL_FROM: u32 = 20;
/// The first requests after the seat was taken come within this span.
const JUST_IN: Duration = Duration::from_secs(10);
/// Sessions and tickets are signed with keys of a day and accepted for a second one at the most.
const DAY: u64 = 24 * 3600;

/// Who wants to know about people who wait: for the roll call, a place in the queue is presence.
/// `app` hands an implementation over.
pub trait Waiting: Send + Sync {
    /// Somebody waits, or has waited, on `device` since `since` and was seen there at `now`, in
    /// milliseconds since the Unix epoch. Called for devices on which somebody has signed in: while they
    /// wait, as often as their page asks again (5 s at the least), and once more when they come in. It
    /// must be quick and must not wait for a database.
    fn seen(&self, device: DeviceId, since: Millis, now: Millis);
}

/// The door; cheap to clone.
#[derive(Clone)]
pub struct Door(Arc<Parts>);

struct Parts {
    gate: Gate,
    scheduler: Mutex<Scheduler>,
    state: Mutex<kept::StateFile>,
    jar: CookieJar,
    clock: Clock,
    zone: TimeZone,
    opened: Moment,
    waiting: OnceLock<Arc<dyn Waiting>>,
    turning: AtomicBool,
    due_key: [u8; 32],
    near: ArcSwap<Near>,
    configured: Configured,
    orders: Arc<ArcSwap<Orders>>,
    valves: OnceLock<Arc<Valves>>,
    readings: Readings,
    shedding: Shedding,
    draws: Mutex<draws::Draws>,
    ill: AtomicBool,
    fleet: Option<Fleet>,
    pulse: pulse::Pulse,
    /// The queue's state with the answer that tells it.
    queue: ArcSwapOption<(Arc<str>, preau_front::Rendered)>,
}

impl Door {
    /// Opens the door with the queue as the state file remembers it. A damaged file is put aside and
    /// the queue begins empty: tickets and sessions are with their holders and stay good.
    ///
    /// # Errors
    /// Rules that contradict themselves.
    pub(super) fn open(
        config: &GateConfig,
        secrets: &Secrets,
        clock: &Clock,
        zone: &TimeZone,
        jar: CookieJar,
    ) -> anyhow::Result<Door> {
        let now = moment(clock.now());
        let rules = Rules {
            idle: Duration::from_secs(u64::from(config.idle_minutes) * 60),
            toll_from: Some(TOLL_FROM),
            refuse_forged: true,
            several_nodes: config.nodes.is_some(),
            ..Rules::default()
        };
        let fleet = config.nodes.as_ref().map(|nodes| Fleet::new(nodes, &config.state));
        let (state, snapshot) = kept::StateFile::open(&config.state);
        let secret = Secret::new(secrets.key("gate"));
        let configured = Configured { ceiling: config.sessions, floor: config.floor.min(config.sessions) };
        let orders = Arc::new(ArcSwap::from_pointee(Orders::default()));
        let typed = Typed { configured, orders: Arc::clone(&orders) };
        let quota: Box<dyn Capacity> = match &fleet {
            Some(fleet) => Box::new(Leased { member: fleet.member.clone(), here: typed }),
            None => Box::new(typed),
        };
        let (gate, scheduler) = Scheduler::open(rules, secret, quota, snapshot.as_ref(), now)
            .map_err(|error| anyhow::anyhow!("[gate]: {error}"))?;
        Ok(Door(Arc::new(Parts {
            gate,
            scheduler: Mutex::new(scheduler),
            state: Mutex::new(state),
            jar,
            clock: clock.clone(),
            zone: zone.clone(),
            opened: now,
            waiting: OnceLock::new(),
            turning: AtomicBool::new(false),
            due_key: secrets.key("due"),
            near: ArcSwap::default(),
            configured,
            orders,
            valves: OnceLock::new(),
            readings: Readings::default(),
            shedding: Shedding::default(),
            draws: Mutex::default(),
            ill: AtomicBool::new(false),
            fleet,
            pulse: pulse::Pulse::default(),
            queue: ArcSwapOption::empty(),
        })))
    }

    /// Called once by `app`: who hears of people who wait.
    pub fn tell(&self, waiting: Arc<dyn Waiting>) {
        // A second call changes nothing, as with the platform's other parts.
        let _ = self.0.waiting.set(waiting);
    }

    /// Starts the second hand: a thread of its own, so that the queue moves on however busy the
    /// requests keep the runtime. It ends with the last handle to the door. A second call does nothing.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub fn start(&self) -> std::io::Result<()> {
        if self.0.turning.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.join()?;
        let door = Arc::downgrade(&self.0);
        let second_hand = move || {
            while let Some(parts) = door.upgrade() {
                Door(parts).turn();
                std::thread::sleep(Duration::from_secs(1));
            }
        };
        std::thread::Builder::new().name("gate".to_owned()).spawn(second_hand).map(drop)
    }

    /// One round: who may come in now is called, and the state is written down if it has changed.
    /// [`Door::start`] does this every second; tests do it by hand.
    pub(crate) fn turn(&self) {
        let now = self.now();
        let snapshot = {
            let mut scheduler = lock(&self.0.scheduler);
            scheduler.tick(now);
            scheduler.snapshot(now)
        };
        self.weigh(now);
        lock(&self.0.state).keep(snapshot);
    }

    /// The lessons of the next half hour and those that run, with whom they concern: from now on they come
    /// in whole, in the order of the plan, and at each bell the others' order is drawn. Call it every
    /// minute; lessons that were announced keep their place.
    pub fn announce(&self, lessons: &[NearLesson]) {
        let now = self.now();
        let plan: Vec<_> = lessons.iter().map(|near| near.lesson).collect();
        // A draw is for a house that cannot hold all who are due: whoever comes to one with seats to spare
        // must not be made to wait for the bell.
        let due = plan.iter().map(|lesson| lesson.people).fold(0_u32, u32::saturating_add);
        let full = due > self.status().seats;
        let bells: Vec<Moment> = plan.iter().filter(|_| full).map(|lesson| lesson.begins).collect();
        let mut scheduler = lock(&self.0.scheduler);
        scheduler.set_lessons(&plan, now);
        scheduler.set_bells(&bells, now);
        drop(scheduler);
        self.0.near.store(Arc::new(Near::of(lessons)));
    }

    /// The lesson that the holder of a device comes for, as its cookies say.
    fn due_lesson(
        &self,
        platform: &Platform,
        device: Option<&str>,
        due: Option<&str>,
        now: Moment,
    ) -> Option<LessonId> {
        let near = self.0.near.load();
        if near.is_empty() {
            return None;
        }
        let device = platform.device(device?)?;
        near.lesson(&due::unseal(due?, &device.bytes(), &self.0.due_key), now)
    }

    /// The cookie that tells the gate tomorrow in which lesson the holder of a device is due: their classes
    /// and groups, or that they give lessons. None when the device says so already.
    pub(super) fn due_cookie(
        &self,
        seat: &Session,
        facts: &Facts,
        shown: Option<&str>,
    ) -> Option<http::HeaderValue> {
        let mut keys: Vec<DueKey> = facts.enrolled.iter().map(|group| DueKey::group(group.get())).collect();
        if facts.affiliations.iter().any(|tie| tie.profile == Profile::Teacher) {
            keys.push(DueKey::person(facts.person.get()));
        }
        if keys.is_empty() && shown.is_none() {
            return None;
        }
        let value = due::sealed(&keys, seat.device.bytes(), &self.0.due_key);
        let kept = Kept::Seconds(super::device::KEPT_SECONDS);
        (shown != Some(value.as_str())).then(|| self.0.jar.set(DUE, &value, kept))
    }

    /// When those who sit an exam that begins at `begins` may come in, whoever else waits.
    pub fn exam_opens(&self, begins: Millis) -> Millis {
        millis(moment(begins) - self.0.gate.rules().release.first)
    }

    /// The code that a teacher reads out to pupils on unknown devices: `XXXX-XXXX-XXXX`, good for today.
    pub fn class_code(&self, lesson: i64) -> String {
        self.0.gate.class_code(LessonId(lesson.unsigned_abs()), self.now())
    }

    /// Whoever answers behind the gate does not, as somebody who asked has found: until it does, nobody new is
    /// let in. Who is in stays in.
    pub fn set_ill(&self, ill: bool) {
        if self.0.ill.swap(ill, Ordering::Relaxed) != ill {
            tracing::warn!(ill, "the service behind the gate");
            self.close_lanes();
        }
    }

    /// Whether nobody new is let in because nobody answers.
    pub fn is_ill(&self) -> bool {
        self.0.ill.load(Ordering::Relaxed)
    }

    /// A thread that serves came so late to look at the clock; told ten times a second.
    pub fn late(&self, by: Duration) {
        self.0.pulse.beat(by);
    }

    /// Whether nobody waits and nothing is given up: only then may be fetched what nobody has asked for yet.
    pub fn is_calm(&self) -> bool {
        self.0.shedding.permits(Rung::Analytics) && !crowded(self)
    }

    /// What is given up now because too much is asked for.
    pub fn shedding(&self) -> &Shedding {
        &self.0.shedding
    }

    /// Somebody has signed in as `standing`: the device is known from now on, and its seat counts
    /// against its new lane. Cookies go into `response`. If they had to wait before, it is told now that
    /// it is known who they are: call it after the session was opened.
    pub fn recognise(&self, caller: &Caller, standing: Standing, response: &mut Response) {
        let Some(session) = caller.seat() else { return };
        let now = self.now();
        match self.0.gate.recognise(session, standing, now) {
            Ok((session, mark)) => {
                self.set(response, SESSION, session.as_str(), Kept::Seconds(DAY));
                self.set(response, MARK, mark.as_str(), Kept::Seconds(super::device::KEPT_SECONDS));
            }
            Err(error) => tracing::debug!(%error, "a device was not recognised at the gate"),
        }
        self.tell_of_wait(session);
    }

    /// The caller has joined a lesson that ends at `lesson_ends`: the seat is theirs until five minutes
    /// after it, however silent they are, and counts as one of the lesson's. `gives` says that it is the
    /// teacher: from now on seats are set aside for the pupils. Cookies go into `response`.
    pub fn keep_for_lesson(
        &self,
        caller: &Caller,
        lesson: i64,
        lesson_ends: Millis,
        gives: bool,
        response: &mut Response,
    ) {
        let lesson = LessonId(lesson.unsigned_abs());
        if gives {
            self.0.gate.teacher_live(lesson);
        }
        let Some(session) = caller.seat() else { return };
        let now = self.now();
        // The plan knows lessons of the next half hour only; somebody early keeps their seat all the same.
        let kept = self
            .0
            .gate
            .join_lesson(session, lesson, now)
            .or_else(|_| self.0.gate.keep_for_lesson(session, moment(lesson_ends), now));
        match kept {
            Ok(session) => self.set(response, SESSION, session.as_str(), Kept::Seconds(DAY)),
            Err(error) => tracing::debug!(%error, "a seat was not kept for a lesson"),
        }
    }

    /// The caller leaves (sign-out): the seat is free at the next turn. For ten minutes the same
    /// device gets back in without queuing, which is what the next pupil at a shared computer needs.
    pub fn release(&self, caller: &Caller) {
        if let Some(session) = caller.seat() {
            self.0.gate.release(session, self.now());
        }
    }

    /// The gate's own sight of itself, for consoles and tests.
    pub fn status(&self) -> preau_gate::Status {
        self.0.gate.status()
    }

    fn set(&self, response: &mut Response, name: &str, value: &str, kept: Kept) {
        response.headers_mut().append(header::SET_COOKIE, self.0.jar.set(name, value, kept));
    }

    /// Somebody with a session of the school comes through the gate: if they have just taken their
    /// seat, the time they waited for it is told. Later requests say nothing new.
    pub(super) fn comes_in(&self, seat: &Session) {
        if self.now().since(seat.seated) < JUST_IN {
            self.tell_of_wait(seat);
        }
    }

    fn tell_of_wait(&self, seat: &Session) {
        if seat.waited > Duration::ZERO {
            self.tell_of(seat.device, seat.arrived(), seat.seated);
        }
    }

    fn tell_of(&self, device: preau_gate::DeviceId, since: Moment, now: Moment) {
        if let Some(waiting) = self.0.waiting.get() {
            waiting.seen(DeviceId::of_gate(device), millis(since), millis(now));
        }
    }

    /// Tells of somebody in the queue, if the device is known: the holder of an unknown one is told of
    /// when they sign in, so that a crowd of strangers fills nobody's memory.
    fn tell_if_known(&self, lane: Lane, device: preau_gate::DeviceId, since: Moment, now: Moment) {
        if lane != Lane::Unknown {
            self.tell_of(device, since, now);
        }
    }

    /// Now, by the clock that all nodes share.
    fn now(&self) -> Moment {
        let own = moment(self.0.clock.now());
        self.0.fleet.as_ref().map_or(own, |fleet| fleet.member.clock(own))
    }
}

/// The policy of pages that stand by themselves, with a style and a script that are named by their hashes.
pub fn standalone_policy() -> http::HeaderValue {
    answer::POLICY.clone()
}

/// Nothing in the scheduler or the state file panics half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Before 1970 there were no gates.
fn moment(at: Millis) -> Moment {
    Moment::from_unix_millis(u64::try_from(at).unwrap_or(0))
}

fn millis(at: Moment) -> Millis {
    Millis::try_from(at.unix_millis()).unwrap_or(Millis::MAX)
}
