//! The gate as requests see it: a signature, a look at the published picture, a verdict.
//!
//! A session is believed for a minute on its signature alone and a ticket whose turn has not come
//! is answered from the picture: neither takes a lock. Only somebody who takes, renews or gives up
//! a seat meets the book of seats. The gate performs no input or output, reads no clock and draws
//! no random numbers: all three are handed in.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::draw::{Rank, Seed};
use crate::estimate::RangeMinutes;
use crate::filter::Filter;
use crate::keys::{SealError, Secret};
use crate::lanes::{LANES, Lane};
use crate::rules::Rules;
use crate::seats::{Asked, Book, Entered, Presented, Way};
use crate::session::{Mark, MarkText, Session, SessionText, Standing};
use crate::ticket::{DeviceId, Ticket, TicketText};
use crate::time::Moment;
use crate::verdict::{Admission, Arrival, Verdict, Wait};
use crate::view::{Place, Status, View};

/// Seconds of arrivals that can be counted without the scheduler looking.
pub(crate) const ARRIVAL_CELLS: usize = 64;

/// The longest lesson a seat is kept for; anything beyond is a mistake in a timetable.
const LONGEST_LESSON: Duration = Duration::from_secs(12 * 3_600);

/// A sampled ticket was heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) lane: Lane,
    pub(crate) rank: Rank,
    pub(crate) class: u8,
    pub(crate) due: Moment,
}

/// What gate and scheduler share.
pub(crate) struct Shared {
    pub(crate) rules: Rules,
    pub(crate) secret: Secret,
    pub(crate) view: ArcSwap<View>,
    pub(crate) book: Mutex<Book>,
    pub(crate) filter: Arc<Filter>,
    /// Seats that newcomers may still take without a ticket before the next tick.
    pub(crate) open_seats: AtomicU32,
    /// Tickets issued, by lane and slot: slot in the upper half, number in the lower.
    pub(crate) arrivals: [[AtomicU64; ARRIVAL_CELLS]; LANES],
    pub(crate) heard: SyncSender<Heard>,
    pub(crate) lost: AtomicU64,
    pub(crate) epoch: AtomicU8,
}

impl Shared {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in the book panics half-way through a change; a poisoned lock is still good.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, lane: Lane, slot: u32) {
        let cell = &self.arrivals[lane.index()][slot as usize % ARRIVAL_CELLS];
        let fresh = (u64::from(slot) << 32) | 1;
        // The cell belongs to one slot at a time. A scheduler that has not looked for a minute
        // loses the older count, which costs precision of the estimate only.
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| {
            Some(if (seen >> 32) as u32 == slot { seen.saturating_add(1) } else { fresh })
        });
    }
}

/// The gate. Cheap to clone; all clones are one gate.
#[derive(Clone)]
pub struct Gate {
    shared: Arc<Shared>,
}

/// Why a session could not be kept for a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// The text is no session of this gate.
    #[error("not a session of this gate: {0}")]
    Session(#[from] SealError),
    /// Another session of this device counts now.
    #[error("this session has been superseded, revoked or ended: ask the gate for a verdict first")]
    Superseded,
    /// The lesson ends in the past, or more than twelve hours ahead.
    #[error("the lesson must end within the next twelve hours: check the timetable")]
    Lesson,
}

impl Gate {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The rules the gate goes by.
    pub fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// The verdict on a request. `fresh` is asked for a random device number (12 bytes of a
    /// cryptographic source) when somebody comes without one.
    ///
    /// Forged, altered and expired texts count as absent: who shows them is a newcomer.
    pub fn decide(&self, arrival: &Arrival<'_>, fresh: impl FnOnce() -> DeviceId, now: Moment) -> Verdict {
        let shared = &*self.shared;
        let view = shared.view.load();
        let held = self.held(arrival.lesson_ends, now);
        let mut former = None;
        let mut copy = false;
        if let Some(session) = self.session_in(arrival.session, &view, now) {
            let fresh_enough = session.fresh(&shared.rules, now) && held <= session.held_until;
            if fresh_enough && !shared.filter.suspects(session.device, session.renewed) {
                return Verdict::Admit(Admission { session, renewed: None });
            }
            let asked = Session { held_until: session.held_until.max(held), ..session };
            let presented = shared.book().present(&asked, &shared.rules, now);
            match presented {
                Presented::Seated(session) => return self.admit(&view, session),
                // An older copy starts again as a stranger, or the two would oust each other forever.
                Presented::Superseded => copy = true,
                Presented::Ended => former = Some(session.device),
            }
        }
        let arrival = if copy { &Arrival::default() } else { arrival };
        if let Some(text) = arrival.ticket
            && let Ok(ticket) = Ticket::open_any(text.as_bytes(), &view.keys, now)
            && let Some(verdict) = self.ticket_verdict(&view, &ticket, held, now)
        {
            return verdict;
        }
        let mark = arrival.mark.and_then(|text| Mark::open(text.as_bytes(), &view.keys, now).ok());
        self.newcomer(&view, mark, former, fresh, held, now)
    }

    fn session_in(&self, text: Option<&str>, view: &View, now: Moment) -> Option<Session> {
        let session = Session::open(text?.as_bytes(), &view.keys, now).ok()?;
        (session.epoch == self.shared.epoch.load(Ordering::Acquire)).then_some(session)
    }

    /// Until when a seat is kept for a lesson, unless the timetable talks nonsense.
    fn held(&self, lesson_ends: Option<Moment>, now: Moment) -> Option<Moment> {
        lesson_ends
            .filter(|end| *end > now && end.since(now) <= LONGEST_LESSON)
            .map(|end| end + self.shared.rules.after_lesson)
            // Sessions carry whole seconds; rounding keeps the two comparable.
            .map(|end| Moment::from_unix_seconds(u64::from(end.unix_seconds())))
    }

    fn admit(&self, view: &View, session: Session) -> Verdict {
        Verdict::Admit(Admission { session, renewed: Some(session.seal(&view.keys)) })
    }

    /// The verdict on a genuine ticket; `None` when it has served its turn.
    fn ticket_verdict(
        &self,
        view: &View,
        ticket: &Ticket,
        held: Option<Moment>,
        now: Moment,
    ) -> Option<Verdict> {
        let place = view.place(ticket, now);
        if let Place::Drawn(rank) = place
            && rank <= view.lane(ticket.lane).watermark
            && !ticket.future(now)
        {
            let asked = self.shared.book().claim(ticket, rank, held, &self.shared.rules, now);
            return match asked {
                Asked::Seated(session) => Some(self.admit(view, session)),
                Asked::Full => Some(Verdict::Wait(self.wait(view, ticket, place, None, true, now))),
                Asked::Spent => None,
            };
        }
        let wait = self.wait(view, ticket, place, None, false, now);
        self.report(view, ticket, place, wait.interval, now);
        Some(Verdict::Wait(wait))
    }

    fn newcomer(
        &self,
        view: &View,
        mark: Option<Mark>,
        former: Option<DeviceId>,
        fresh: impl FnOnce() -> DeviceId,
        held: Option<Moment>,
        now: Moment,
    ) -> Verdict {
        let shared = &*self.shared;
        let lane = match mark {
            Some(Mark { standing: Standing::Teacher, .. }) => Lane::Teacher,
            Some(_) if held.is_some() => Lane::Lesson,
            Some(_) => Lane::Known,
            None => Lane::Unknown,
        };
        let known = mark.map(|mark| mark.device).or(former);
        let device = known.unwrap_or_else(fresh);
        let open = view.lane(lane).open
            && shared
                .open_seats
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seats| seats.checked_sub(1))
                .is_ok();
        let mut rank = None;
        if open || known.is_some() {
            let way = if open { Way::Open } else { Way::Back };
            let entered = shared.book().enter(device, lane, way, held, &shared.rules, now);
            match entered {
                Entered::Seated(session) => return self.admit(view, session),
                Entered::Next => rank = Some(view.lane(lane).watermark),
                Entered::No => {}
            }
        }
        self.issue(view, lane, device, rank, now)
    }

    /// Hands out a ticket: at the end of the queue, or at `rank` for somebody who is next.
    fn issue(&self, view: &View, lane: Lane, device: DeviceId, rank: Option<Rank>, now: Moment) -> Verdict {
        let (slot, bell) = view.slot(lane, now);
        let draw = || Rank::new(slot, Seed::of_slot(&view.keys, slot).draw(device));
        let (shown, place) = match (rank, bell) {
            (Some(rank), _) => (rank, Place::Drawn(rank)),
            (None, None) => {
                let rank = draw();
                (rank, Place::Drawn(rank))
            }
            (None, Some(bell)) => (Rank::new(slot, 0), Place::BeforeBell { bell, secret: draw() }),
        };
        let drawn_at_bell = matches!(place, Place::BeforeBell { .. });
        let ticket = Ticket { lane, rank: shown, drawn_at_bell, issued: now, device, tag: 0 };
        let text = ticket.seal(&view.keys);
        let wait = self.wait(view, &ticket, place, Some(text), rank.is_some(), now);
        if rank.is_none() {
            self.shared.count(lane, slot);
            self.report(view, &ticket, place, wait.interval, now);
        }
        Verdict::Wait(wait)
    }

    fn wait(
        &self,
        view: &View,
        ticket: &Ticket,
        place: Place,
        text: Option<TicketText>,
        called: bool,
        now: Moment,
    ) -> Wait {
        let forecast = view.forecast(&self.shared.rules, ticket, place, now);
        let opens_at = match place {
            Place::Drawn(_) => None,
            Place::BeforeBell { bell, .. } => Some(bell),
        };
        Wait {
            ticket: text,
            lane: ticket.lane,
            device: ticket.device,
            arrived: ticket.issued,
            rank: match place {
                Place::Drawn(rank) => rank,
                Place::BeforeBell { .. } => ticket.rank,
            },
            people_before: if called { 0 } else { forecast.people_before },
            range_minutes: forecast.range_minutes,
            interval: forecast.interval,
            opens_at,
            called,
        }
    }

    /// Tells the scheduler that a ticket of the sample is live.
    fn report(&self, view: &View, ticket: &Ticket, place: Place, interval: Duration, now: Moment) {
        let class = ticket.device.class();
        if class & view.lane(ticket.lane).mask != 0 {
            return;
        }
        let (Place::Drawn(rank) | Place::BeforeBell { secret: rank, .. }) = place;
        // Half an interval and ten seconds of grace: a slow page is not a ghost.
        let due = now + interval + interval / 2 + Duration::from_secs(10);
        if self.shared.heard.try_send(Heard { lane: ticket.lane, rank, class, due }).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A waiting page has asked `/now` and sent its ticket along: a sign of life, no claim.
    /// Whether the text was a ticket of this gate.
    pub fn heartbeat(&self, ticket: &str, now: Moment) -> bool {
        let view = self.shared.view.load();
        let Ok(ticket) = Ticket::open(ticket.as_bytes(), &view.keys, now) else { return false };
        let place = view.place(&ticket, now);
        let (Place::Drawn(rank) | Place::BeforeBell { secret: rank, .. }) = place;
        if rank > view.lane(ticket.lane).watermark {
            let forecast = view.forecast(&self.shared.rules, &ticket, place, now);
            self.report(&view, &ticket, place, forecast.interval, now);
        }
        true
    }

    /// The body of `GET /now`: JSON of at most 200 bytes, the same for everyone. `t` time in
    /// seconds; per lane in the order teacher, lesson, known, unknown: `w` watermark (a ticket whose
    /// rank text is not greater may claim its seat), `r` people let in per minute, `a` live people
    /// waiting; `p` shortest and longest polling interval in seconds and jitter in percent; `m` the
    /// message to all who wait, 0 for none.
    pub fn now_json(&self) -> Arc<str> {
        self.shared.view.load().now_json.clone()
    }

    /// The gate in figures, as of the last tick.
    pub fn status(&self) -> Status {
        let mut status = self.shared.view.load().status;
        status.reports_lost = self.shared.lost.load(Ordering::Relaxed);
        status
    }

    /// What somebody who comes to `lane` now may expect: people waiting before, and how long it may
    /// take. `None` while newcomers of that lane walk straight in.
    pub fn forecast(&self, lane: Lane) -> Option<(u32, RangeMinutes)> {
        let view = self.shared.view.load();
        let lane = view.lane(lane);
        let before = lane.depth.total();
        (!lane.open).then(|| (before.round().clamp(0.0, f64::from(u32::MAX)) as u32, lane.pace.range(before)))
    }

    /// Reads a session without judging it: whose it is, and since when.
    ///
    /// # Errors
    /// Says why the text is no session of this gate. A good one may still have ended.
    pub fn read_session(&self, text: &str, now: Moment) -> Result<Session, SealError> {
        Session::open(text.as_bytes(), &self.shared.view.load().keys, now)
    }

    /// Reads a ticket without judging it: whose it is, and since when they wait.
    ///
    /// # Errors
    /// Says why the text is no ticket of this gate.
    pub fn read_ticket(&self, text: &str, now: Moment) -> Result<Ticket, SealError> {
        Ticket::open(text.as_bytes(), &self.shared.view.load().keys, now)
    }

    /// Somebody has signed in: from now on the device is known, and the seat counts against its
    /// new lane. Returns the session and mark cookies to send; call it after an admission only.
    ///
    /// # Errors
    /// When another session of this device counts by now.
    pub fn recognise(
        &self,
        session: &Session,
        standing: Standing,
        now: Moment,
    ) -> Result<(SessionText, MarkText), KeepError> {
        let kept = self.shared.book().keep(session, standing.lane(), None, &self.shared.rules, now);
        let session = kept.ok_or(KeepError::Superseded)?;
        let view = self.shared.view.load();
        let mark = Mark { standing, device: session.device };
        Ok((session.seal(&view.keys), mark.seal(&view.keys, now)))
    }

    /// The holder is in a lesson: the seat is theirs until it has ended and five minutes more,
    /// however silent they are. Returns the session cookie to send.
    ///
    /// # Errors
    /// When the lesson's end makes no sense, or another session of this device counts by now.
    pub fn keep_for_lesson(
        &self,
        session: &Session,
        lesson_ends: Moment,
        now: Moment,
    ) -> Result<SessionText, KeepError> {
        let until = self.held(Some(lesson_ends), now).ok_or(KeepError::Lesson)?;
        let kept = self.shared.book().keep(session, session.lane, Some(until), &self.shared.rules, now);
        Ok(kept.ok_or(KeepError::Superseded)?.seal(&self.shared.view.load().keys))
    }

    /// The holder leaves early (sign-out, a closed page): the seat is free at the next tick, the
    /// way back is open for the re-entry span. Whether there was a seat.
    pub fn release(&self, session: &Session, now: Moment) -> bool {
        self.shared.book().release(session, &self.shared.rules, now)
    }

    /// Ends the session of a device for good, without a way back. Whether there was one.
    pub fn revoke(&self, device: DeviceId, now: Moment) -> bool {
        self.shared.book().leave(device, false, &self.shared.rules, now)
    }

    /// What to publish before `slot` opens, so that its draw can be checked afterwards.
    pub fn draw_commitment(&self, slot: u32) -> [u8; 32] {
        Seed::of_slot(&self.shared.view.load().keys, slot).commitment()
    }

    /// The seed of a slot once it has closed; `None` while anyone can still arrive in it.
    pub fn draw_seed(&self, slot: u32, now: Moment) -> Option<Seed> {
        let view = self.shared.view.load();
        let closed = view.pools.iter().find(|pool| pool.slot == slot).map_or_else(
            || now >= Moment::from_unix_seconds(u64::from(slot) + 1) + crate::keys::FUTURE,
            |pool| now >= pool.bell,
        );
        closed.then(|| Seed::of_slot(&view.keys, slot))
    }
}
