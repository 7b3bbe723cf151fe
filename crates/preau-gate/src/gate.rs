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

use crate::draw::{DrawRecord, Rank, Seed, to_hex};
use crate::estimate::RangeMinutes;
use crate::filter::Filter;
use crate::keys::{SealError, Secret};
use crate::lanes::{LANES, Lane};
use crate::networks::Networks;
use crate::plan::{LessonId, Planned};
use crate::rules::Rules;
use crate::seat::{Asked, Asker, Entered, Presented, Way};
use crate::seats::Book;
use crate::session::{Mark, MarkText, Session, SessionText, Standing};
use crate::state::Pool;
use crate::ticket::{DeviceId, Ticket, TicketText};
use crate::time::Moment;
use crate::toll;
use crate::verdict::{Admission, Arrival, Claims, Verdict, Wait};
use crate::view::{Place, Status, View};

/// Seconds of arrivals that can be counted without the scheduler looking.
pub(crate) const ARRIVAL_CELLS: usize = 64;

/// The longest lesson a seat is kept for; anything beyond is a mistake in a timetable.
const LONGEST_LESSON: Duration = Duration::from_secs(12 * 3_600);

/// A class code may be used this often a day: a large class, twice.
const CODE_USES: u32 = 80;

/// What requests leave for the scheduler.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// A sampled ticket was heard of.
    Heard { lane: Lane, rank: Rank, class: u8, due: Moment },
    /// A ticket was issued for a slot too far ahead for the table of arrivals.
    Far { lane: Lane, slot: u32 },
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
    pub(crate) reports: SyncSender<Report>,
    pub(crate) networks: Networks,
    pub(crate) lost: AtomicU64,
    pub(crate) epoch: AtomicU8,
    /// Watermarks of other nodes, as numbers, for the scheduler to adopt at its next tick.
    pub(crate) elsewhere: [AtomicU64; LANES],
}

impl Shared {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in the book panics half-way through a change; a poisoned lock is still good.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, lane: Lane, slot: u32, now: Moment) {
        if slot > now.unix_seconds().saturating_add(ARRIVAL_CELLS as u32 / 2) {
            self.tell(Report::Far { lane, slot });
            return;
        }
        let cell = &self.arrivals[lane.index()][slot as usize % ARRIVAL_CELLS];
        let fresh = (u64::from(slot) << 32) | 1;
        // The cell belongs to one slot at a time. A scheduler that has not looked for a minute
        // loses the older count, which costs precision of the estimate only.
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| {
            Some(if (seen >> 32) as u32 == slot { seen.saturating_add(1) } else { fresh })
        });
    }

    fn tell(&self, report: Report) {
        if self.reports.try_send(report).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The gate. Cheap to clone; all clones are one gate.
#[derive(Clone)]
pub struct Gate {
    pub(crate) shared: Arc<Shared>,
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

/// What of a request is checked once and used in several places.
struct Request<'a> {
    claims: &'a Claims<'a>,
    /// The lesson it is due in, if the plan knows it.
    lesson: Option<&'a Planned>,
    held: Option<Moment>,
}

/// Somebody without a ticket that counts.
struct Newcomer {
    lane: Lane,
    device: DeviceId,
    /// Seen before: by a mark, or by a session that has ended.
    known: bool,
    /// Here since then, as an earlier ticket proves.
    since: Moment,
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
        self.judge(arrival, &Claims::default(), fresh, now)
    }

    /// The verdict on a request of which more is known or claimed than its cookies: the lesson its
    /// device is due in, where it comes from, a proof of work, a class code.
    pub fn judge(
        &self,
        arrival: &Arrival<'_>,
        claims: &Claims<'_>,
        fresh: impl FnOnce() -> DeviceId,
        now: Moment,
    ) -> Verdict {
        let shared = &*self.shared;
        let view = shared.view.load();
        let lesson = claims
            .lesson
            .and_then(|id| view.plan.get(id))
            .filter(|planned| planned.lesson.ends > now && planned.is_near(&shared.rules.release, now));
        let ends = arrival.lesson_ends.max(lesson.map(|planned| planned.lesson.ends));
        let held = self.held(ends, now);
        let request = Request { claims, lesson, held };
        let mut former = None;
        let mut copy = false;
        if let Some(session) = self.session_in(arrival.session, &view, now) {
            let fresh_enough = session.fresh(&shared.rules, now) && held <= session.held_until;
            if fresh_enough && !shared.filter.suspects(session.device, session.renewed) {
                return Verdict::Admit(Admission { session, renewed: None });
            }
            let asked = Session { held_until: session.held_until.max(held), ..session };
            let mut book = shared.book();
            match book.present(&asked, &shared.rules, now) {
                Presented::Seated(session) => {
                    if let Some(planned) = lesson {
                        book.join(session.device, planned.lesson.id);
                    }
                    drop(book);
                    return self.admit(&view, session);
                }
                // An older copy starts again as a stranger, or the two would oust each other forever.
                Presented::Superseded => copy = true,
                Presented::Ended => former = Some(session.device),
            }
        }
        let arrival = if copy { &Arrival::default() } else { arrival };
        let mut since = now;
        match arrival.ticket.map(|text| Ticket::open_any(text.as_bytes(), &view.keys, now)) {
            Some(Ok(ticket)) => match self.ticket_verdict(&view, ticket, &request, now) {
                Some(verdict) => return verdict,
                // Who waited elsewhere has been here since then.
                None if ticket.issued < now => since = ticket.issued,
                None => {}
            },
            Some(Err(SealError::Forged)) if shared.rules.refuse_forged => {
                return Verdict::Wait(Wait::forged(&shared.rules, now));
            }
            Some(Err(_)) | None => {}
        }
        let mark = arrival.mark.and_then(|text| Mark::open(text.as_bytes(), &view.keys, now).ok());
        let known = mark.map(|mark| mark.device).or(former);
        let lane = match mark {
            Some(Mark { standing: Standing::Teacher, .. }) => Lane::Teacher,
            Some(_) if held.is_some() => Lane::Lesson,
            Some(_) => Lane::Known,
            None => Lane::Unknown,
        };
        let newcomer = Newcomer { lane, device: known.unwrap_or_else(fresh), known: known.is_some(), since };
        self.newcomer(&view, &newcomer, &request, now)
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

    /// The verdict on a genuine ticket; `None` when it has served its turn, or when its holder is due
    /// in a lesson whose place is a better one.
    fn ticket_verdict(
        &self,
        view: &View,
        mut ticket: Ticket,
        request: &Request<'_>,
        now: Moment,
    ) -> Option<Verdict> {
        if request.lesson.is_some() && !ticket.planned && ticket.lane == Lane::Known {
            return None;
        }
        let rules = &self.shared.rules;
        let lesson =
            if ticket.planned { view.plan.at(ticket.rank).or(request.lesson) } else { request.lesson };
        let mut text = None;
        if ticket.lane == Lane::Unknown
            && !ticket.paid
            && let Some(paid) = self.pays(view, &ticket, request.claims, now)
        {
            ticket = paid;
            text = Some(ticket.seal(&view.keys));
        }
        let owes = view.owes(&ticket);
        let place = view.place(&ticket, now);
        let called = match place {
            Place::Drawn(rank) if owes => view.called_late(rank, rules),
            Place::Drawn(rank) => view.called(&ticket, rank, lesson, now),
            Place::Opening { .. } | Place::BeforeBell { .. } => false,
        };
        if called && !ticket.future(now) {
            let held = request.held.max(self.held(lesson.map(|planned| planned.lesson.ends), now));
            let asker = Asker {
                device: ticket.device,
                lane: ticket.lane,
                arrived: ticket.issued,
                held_until: held,
                lesson: lesson.map(|planned| planned.lesson.id),
                narrow: owes,
                spent: Some(ticket.tag),
            };
            let asked = self.shared.book().claim(&ticket, place.rank(), &asker, rules, now);
            match asked {
                Asked::Seated(session) => return Some(self.admit(view, session)),
                Asked::Spent => return None,
                // In the narrow sub-lane nobody is next.
                Asked::Full if owes => {}
                Asked::Full => return Some(Verdict::Wait(self.wait(view, &ticket, place, text, true, now))),
            }
        }
        let wait = self.wait(view, &ticket, place, text, false, now);
        self.report(view, &ticket, place, wait.interval, now);
        Some(Verdict::Wait(wait))
    }

    /// The ticket with its toll paid, if what comes with it pays: a proof of work, or a class code.
    fn pays(&self, view: &View, ticket: &Ticket, claims: &Claims<'_>, now: Moment) -> Option<Ticket> {
        let paid = Ticket { paid: true, ..*ticket };
        if claims.proof.is_some_and(|proof| toll::verify(&view.keys, ticket, proof.as_bytes(), now).is_ok()) {
            return Some(paid);
        }
        let code = toll::read_code(&view.keys, claims.class_code?, now)?;
        if !self.shared.book().use_code(code, CODE_USES) {
            return None;
        }
        // A teacher vouches for them: their network's crowd is held against them no longer.
        let slot = ticket.issued.unix_seconds();
        if ticket.drawn_at_bell || ticket.rank.slot() <= slot {
            return Some(paid);
        }
        let rank = Rank::new(slot, Seed::of_slot(&view.keys, slot).draw(ticket.device));
        Some(Ticket { paid: true, ..Ticket::waiting(ticket.lane, rank, ticket.issued, ticket.device) })
    }

    fn newcomer(&self, view: &View, newcomer: &Newcomer, request: &Request<'_>, now: Moment) -> Verdict {
        let shared = &*self.shared;
        let Newcomer { lane, device, known, since } = *newcomer;
        // While there are fewer seats than people due, the plan says whose turn it is.
        let planned = request.lesson.filter(|_| matches!(lane, Lane::Lesson | Lane::Teacher));
        let by_plan = planned.filter(|_| view.tight);
        let open = by_plan.is_none()
            && view.lane(lane).open
            && shared
                .open_seats
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seats| seats.checked_sub(1))
                .is_ok();
        let kept = planned.is_some_and(|planned| view.released(planned, now));
        let mut rank = None;
        if open || known || kept {
            let way = match (open, kept || by_plan.is_some()) {
                (true, _) => Way::Open,
                (_, true) => Way::Kept,
                _ => Way::Back,
            };
            let lesson = request.lesson.map(|planned| planned.lesson.id);
            let asker = Asker {
                device,
                lane,
                arrived: since,
                held_until: request.held,
                lesson,
                narrow: false,
                spent: None,
            };
            let entered = shared.book().enter(&asker, way, &shared.rules, now);
            match entered {
                Entered::Seated(session) => return self.admit(view, session),
                Entered::Next => rank = Some(view.lane(lane).watermark),
                Entered::No => {}
            }
        }
        match planned.filter(|_| lane == Lane::Lesson).or(by_plan) {
            Some(planned) if rank.is_none() => self.issue_planned(view, newcomer, planned, now),
            _ => self.issue(view, newcomer, rank, request.claims, now),
        }
    }

    /// Hands out a place of a lesson in the plan.
    fn issue_planned(&self, view: &View, newcomer: &Newcomer, planned: &Planned, now: Moment) -> Verdict {
        let seed = Seed::of_slot(&view.keys, planned.from.slot());
        let rank = planned.rank(&seed, newcomer.device);
        let ticket =
            Ticket { planned: true, ..Ticket::waiting(newcomer.lane, rank, newcomer.since, newcomer.device) };
        let text = ticket.seal(&view.keys);
        self.shared.book().lessons.waits(planned.lesson.id);
        Verdict::Wait(self.wait(view, &ticket, view.place(&ticket, now), Some(text), false, now))
    }

    /// Hands out a ticket: at the end of the queue, or at `rank` for somebody who is next.
    fn issue(
        &self,
        view: &View,
        newcomer: &Newcomer,
        rank: Option<Rank>,
        claims: &Claims<'_>,
        now: Moment,
    ) -> Verdict {
        let Newcomer { lane, device, since, .. } = *newcomer;
        let (mut slot, bell) = view.slot(lane, now);
        if let (None, Lane::Unknown, Some(network)) = (bell, lane, claims.network) {
            let earliest = u64::from(slot) * 1_000;
            slot = u32::try_from(self.shared.networks.place(network, earliest) / 1_000).unwrap_or(slot);
        }
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
        let ticket = Ticket { drawn_at_bell, ..Ticket::waiting(lane, shown, since, device) };
        let text = ticket.seal(&view.keys);
        let wait = self.wait(view, &ticket, place, Some(text), rank.is_some(), now);
        if rank.is_none() {
            self.shared.count(lane, slot, now);
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
        let exam = ticket.planned && view.plan.at(ticket.rank).is_some_and(|planned| planned.lesson.exam);
        Wait {
            ticket: text,
            lane: ticket.lane,
            device: ticket.device,
            arrived: ticket.issued,
            rank: match place {
                // Exams come in whatever the watermark: their pages ask the gate itself, and need not wait for it.
                Place::Drawn(_) | Place::Opening { .. } if exam => Rank::default(),
                Place::Drawn(rank) | Place::Opening { rank, .. } => rank,
                Place::BeforeBell { .. } => ticket.rank,
            },
            people_before: if called { 0 } else { forecast.people_before },
            range_minutes: forecast.range_minutes,
            interval: forecast.interval,
            opens_at: match place {
                Place::Drawn(_) => None,
                Place::BeforeBell { bell, .. } => Some(bell),
                Place::Opening { opens, .. } => Some(opens),
            },
            drawn_at_bell: matches!(place, Place::BeforeBell { .. }),
            called,
            challenge: view.owes(ticket).then(|| toll::challenge(&view.keys, ticket, view.toll, now)),
            forged: false,
        }
    }

    /// Tells the scheduler that a ticket of the sample is live.
    fn report(&self, view: &View, ticket: &Ticket, place: Place, interval: Duration, now: Moment) {
        if !view.samples(ticket) {
            return;
        }
        let class = ticket.device.class();
        // Half an interval and ten seconds of grace: a slow page is not a ghost.
        let due = now + interval + interval / 2 + Duration::from_secs(10);
        self.shared.tell(Report::Heard { lane: ticket.lane, rank: place.rank(), class, due });
    }

    /// A waiting page has asked `/now` and sent its ticket along: a sign of life, no claim.
    /// The ticket, if the text was one of this gate.
    pub fn heartbeat(&self, ticket: &str, now: Moment) -> Option<Ticket> {
        let view = self.shared.view.load();
        let ticket = Ticket::open(ticket.as_bytes(), &view.keys, now).ok()?;
        if !view.samples(&ticket) {
            return Some(ticket);
        }
        let place = view.place(&ticket, now);
        if place.rank() > view.queue_of(&ticket).watermark {
            let interval = view.interval(&self.shared.rules, &ticket, place, now);
            self.report(&view, &ticket, place, interval, now);
        }
        Some(ticket)
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

    /// A page of the holder was closed, as its browser says. Unless something is heard of them within
    /// `Rules::leaving` the seat is free then, and the way back open for the re-entry span; inside a lesson
    /// nothing happens at all. Whether the seat is about to be free.
    pub fn leaving(&self, session: &Session, now: Moment) -> bool {
        self.shared.book().leaving(session, &self.shared.rules, now)
    }

    /// The holder is there, although they said that they leave. Returns the session cookie to send; none
    /// when the seat is not theirs any more, which the next verdict settles.
    pub fn stays(&self, session: &Session, now: Moment) -> Option<SessionText> {
        let presented = self.shared.book().present(session, &self.shared.rules, now);
        match presented {
            Presented::Seated(session) => Some(session.seal(&self.shared.view.load().keys)),
            Presented::Superseded | Presented::Ended => None,
        }
    }

    /// Ends the session of a device for good, without a way back. Whether there was one.
    pub fn revoke(&self, device: DeviceId, now: Moment) -> bool {
        self.shared.book().leave(device, false, &self.shared.rules, now)
    }

    /// The holder is in a lesson of the plan: the seat counts for it, and is theirs until it has ended
    /// and five minutes more. Returns the session cookie to send.
    ///
    /// # Errors
    /// When the plan does not know the lesson or it is over, or another session of this device counts.
    pub fn join_lesson(
        &self,
        session: &Session,
        lesson: LessonId,
        now: Moment,
    ) -> Result<SessionText, KeepError> {
        let ends = self.shared.view.load().plan.get(lesson).map(|planned| planned.lesson.ends);
        let kept = self.keep_for_lesson(session, ends.ok_or(KeepError::Lesson)?, now)?;
        self.shared.book().join(session.device, lesson);
        Ok(kept)
    }

    /// The teacher of a lesson is there: seats are set aside for its pupils as soon as it opens.
    pub fn teacher_live(&self, lesson: LessonId) {
        self.shared.book().lessons.teacher_live(lesson);
    }

    /// When the access of a lesson in the plan opens: "votre accès ouvre à 7 h 52".
    pub fn lesson_opens(&self, lesson: LessonId) -> Option<Moment> {
        self.shared.view.load().plan.get(lesson).map(Planned::opens)
    }

    /// The code with which pupils of a lesson skip the toll of the unknown lane, for the teacher to
    /// read out: twelve letters, good for this UTC day and the next.
    pub fn class_code(&self, lesson: LessonId, now: Moment) -> String {
        toll::class_code(&self.shared.view.load().keys, lesson, now)
    }

    /// What to publish of a draw once its slot has closed, for `devices` in any order.
    pub fn draw_record(&self, slot: u32, devices: &[DeviceId], now: Moment) -> Option<DrawRecord> {
        let seed = self.draw_seed(slot, now)?;
        let mut order: Vec<_> = devices.iter().map(|device| (seed.draw(*device), device)).collect();
        order.sort_unstable();
        Some(DrawRecord {
            slot,
            commitment: to_hex(&seed.commitment()),
            seed: to_hex(seed.bytes()),
            order: order.iter().map(|(_, device)| to_hex(device.bytes())).collect(),
        })
    }

    /// The bells at which an order is or was drawn, of the last two days and announced ones.
    pub fn pools(&self) -> Vec<Pool> {
        self.shared.view.load().pools.clone()
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
