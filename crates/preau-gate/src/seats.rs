//! The book of seats: who is in, who was in a moment ago, and who stands at the door.
//!
//! This is the one place where a seat is given, so that no estimate elsewhere can give one too
//! many. It is asked when somebody comes in, once a minute for each session, and never for those
//! who wait their turn; a lock around it is therefore held rarely and briefly. It is not a list
//! of people: it knows devices.
//!
//! Invariants: a device holds at most one seat; seats taken never exceed the limit, save for the
//! overdraft (returning people and teachers) and for sessions from before a restart, which nobody
//! may take away; a seat inside a lesson ends only when its holder gives it up or is revoked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::draw::Rank;
use crate::filter::Filter;
use crate::kept::KeptSeats;
use crate::lanes::{LANES, Lane};
use crate::plan::LessonId;
use crate::rules::{Rules, per_mille};
use crate::seat::{Asked, Asker, Entered, Former, Notice, Presented, Seat, Standby, Way, Word};
use crate::session::Session;
use crate::state::SeatGroup;
use crate::ticket::{DeviceId, Ticket};
use crate::time::Moment;

/// A second claim of the same device within this span is the same person's second tab.
const SAME_CLAIM: Duration = Duration::from_secs(10);

/// Who stands by is forgotten after this much silence: three times the interval told at the front.
const STANDBY: Duration = Duration::from_secs(20);

/// People standing by that are kept in order; beyond that they still wait, in no order.
const STANDBYS: usize = 65_536;

/// Spent tickets remembered for each half of their two days; about 16 MB when full.
const SPENT: usize = 1_000_000;

/// Class codes counted; a school has fewer lessons a day.
const CODES: usize = 65_536;

/// Half the life of a ticket's key.
const SPENT_SPAN: Duration = Duration::from_secs(86_400);

/// Devices seated or revoked elsewhere that are remembered, for an hour; about 10 MB when full.
const ELSEWHERE: usize = 200_000;

/// See `ELSEWHERE`.
const ELSEWHERE_SPAN: Duration = Duration::from_secs(3_600);

/// News for the other nodes kept between two ticks; beyond, a copied session lives a little longer.
const NOTICES: usize = 65_536;

/// The book.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) limit: u32,
    /// People who may still come in by the pace. Those called a moment ago, when it was higher, stand by.
    pub(crate) allowed: f64,
    /// Seats that a lane may hold at most; people who come back are not kept out.
    pub(crate) caps: [u32; LANES],
    pub(crate) epoch: u8,
    started: Moment,
    filter: Arc<Filter>,
    seats: HashMap<DeviceId, Seat>,
    ends: BinaryHeap<Reverse<(Moment, DeviceId)>>,
    by_lane: [u32; LANES],
    former: HashMap<DeviceId, Former>,
    former_order: VecDeque<(Moment, DeviceId)>,
    standby: BTreeMap<(Rank, DeviceId), Standby>,
    /// Devices whose sessions from before the start must not be taken up again, and until when.
    revoked: HashMap<DeviceId, Moment>,
    spent: HashSet<u64>,
    spent_before: HashSet<u64>,
    spent_turn: Moment,
    /// Seats taken before a restart whose holders have not been heard of, by lane and end.
    absent: BTreeMap<(Moment, Lane), u32>,
    /// Seats set aside for lessons.
    pub(crate) lessons: KeptSeats,
    /// Seats taken by the narrow sub-lane.
    narrow: u32,
    /// Uses of class codes since the last turn of `spent`.
    codes: HashMap<u32, u32>,
    /// Devices that took a seat, or were revoked, on another node: when, and when it was heard.
    elsewhere: HashMap<DeviceId, (Moment, Moment)>,
    /// Devices that gave their seat back on whichever node by closing a page: which seat, by when it was taken, and
    /// when they left.
    gone: HashMap<DeviceId, (Moment, Moment)>,
    notices: Vec<Notice>,
    /// Tickets that came for their seat since the last tick.
    came: Vec<(Lane, Rank)>,
    admitted: [u32; LANES],
}

impl Book {
    pub(crate) fn new(started: Moment, epoch: u8, absent: &[SeatGroup], filter: Arc<Filter>) -> Self {
        Self {
            limit: 0,
            allowed: f64::INFINITY,
            caps: [u32::MAX; LANES],
            epoch,
            started,
            filter,
            seats: HashMap::new(),
            ends: BinaryHeap::new(),
            by_lane: [0; LANES],
            former: HashMap::new(),
            former_order: VecDeque::new(),
            standby: BTreeMap::new(),
            revoked: HashMap::new(),
            spent: HashSet::new(),
            spent_before: HashSet::new(),
            spent_turn: started,
            absent: absent.iter().map(|group| ((group.ends, group.lane), group.seats)).collect(),
            came: Vec::new(),
            admitted: [0; LANES],
            lessons: KeptSeats::default(),
            narrow: 0,
            codes: HashMap::new(),
            elsewhere: HashMap::new(),
            gone: HashMap::new(),
            notices: Vec::new(),
        }
    }

    /// Seats that anybody may take: neither taken nor set aside for a lesson.
    pub(crate) fn free(&self) -> u32 {
        self.limit.saturating_sub(self.taken()).saturating_sub(self.lessons.kept())
    }

    /// Seats taken, those of people not heard of since a restart included.
    pub(crate) fn taken(&self) -> u32 {
        self.by_lane.iter().sum::<u32>() + self.absent.values().sum::<u32>()
    }

    /// Seats taken, by lane.
    pub(crate) fn taken_by_lane(&self) -> [u32; LANES] {
        let mut taken = self.by_lane;
        for ((_, lane), seats) in &self.absent {
            taken[lane.index()] += seats;
        }
        taken
    }

    /// People standing by, by lane.
    pub(crate) fn standing_by(&self) -> [u32; LANES] {
        let mut by_lane = [0; LANES];
        for standby in self.standby.values() {
            by_lane[standby.lane.index()] += 1;
        }
        by_lane
    }

    /// What happened since the last tick: tickets that came, and people seated by lane.
    pub(crate) fn take_events(&mut self) -> (Vec<(Lane, Rank)>, [u32; LANES]) {
        (std::mem::take(&mut self.came), std::mem::take(&mut self.admitted))
    }

    /// A session shown again: signs it anew, or says why not.
    pub(crate) fn present(&mut self, session: &Session, rules: &Rules, now: Moment) -> Presented {
        if session.epoch != self.epoch {
            return Presented::Ended;
        }
        let device = session.device;
        if let Some(seat) = self.seats.get_mut(&device) {
            if session.seated < seat.seated {
                return Presented::Superseded;
            }
            seat.seated = session.seated;
            seat.renewed = now;
            seat.leaving = None;
            seat.held_until = seat.held_until.max(session.held_until);
            // Whoever shows the session has received it; its ticket has done its service.
            seat.provisional = false;
            seat.spent = None;
            return Presented::Seated(seat.session(device, self.epoch));
        }
        if self.elsewhere.get(&device).is_some_and(|(seated, _)| session.seated < *seated) {
            return Presented::Superseded;
        }
        if let Some((_, left)) =
            self.gone.get(&device).copied().filter(|(seated, _)| session.seated <= *seated)
        {
            self.leave_open(session, left, rules, now);
            return Presented::Ended;
        }
        // From before a restart, or from another node: the book does not know, the signature does.
        let before = session.seated < self.started;
        let known = self.revoked.contains_key(&device) || self.former.contains_key(&device);
        let good = !session.future(now) && session.ends(rules) > now && !known;
        if (before || rules.several_nodes) && good {
            if before {
                self.forget_absent(session, rules);
            }
            self.tell(Notice { device, at: session.seated, taken: now, word: Word::Seated }, rules);
            let seat = Seat {
                lane: session.lane,
                lesson: None,
                narrow: false,
                seated: session.seated,
                taken: now,
                waited: session.waited,
                renewed: now,
                held_until: session.held_until,
                leaving: None,
                provisional: false,
                spent: None,
                looked_at: now,
            };
            return Presented::Seated(self.put(device, seat, rules));
        }
        Presented::Ended
    }

    /// The way back of somebody who left on another node is open here as it is there.
    fn leave_open(&mut self, session: &Session, left: Moment, rules: &Rules, now: Moment) {
        if now.since(left) >= rules.reentry || self.former.contains_key(&session.device) {
            return;
        }
        let (lane, held_until) = (session.lane, session.held_until);
        let arrived = session.seated - session.waited;
        self.former.insert(session.device, Former { ended: left, lane, arrived, held_until, lesson: None });
        self.former_order.push_back((left, session.device));
    }

    /// Whether the device has a seat or had one a moment ago, or is let in by the way given.
    pub(crate) fn enter(&mut self, asker: &Asker, way: Way, rules: &Rules, now: Moment) -> Entered {
        if let Some(session) = self.back(asker, rules, now) {
            return Entered::Seated(session);
        }
        if self.former.get(&asker.device).is_some_and(|former| now.since(former.ended) < rules.reentry) {
            return Entered::Next;
        }
        let may = self.lesson_keeps(asker.lesson)
            || match way {
                Way::Open => self.free() > 0 && self.standby.is_empty() && !self.capped(asker.lane),
                Way::Back => self.teacher_may(asker.lane, rules),
                Way::Kept => false,
            };
        if may { Entered::Seated(self.seat(asker, rules, now)) } else { Entered::No }
    }

    /// Whether a lane holds all that it may.
    fn capped(&self, lane: Lane) -> bool {
        self.by_lane[lane.index()] >= self.caps[lane.index()]
    }

    /// Whether a seat is set aside for somebody of this lesson.
    fn lesson_keeps(&self, lesson: Option<LessonId>) -> bool {
        lesson.is_some_and(|lesson| self.lessons.kept_for(lesson) > 0) && self.taken() < self.limit
    }

    /// A called ticket asks for its seat.
    pub(crate) fn claim(
        &mut self,
        ticket: &Ticket,
        rank: Rank,
        asker: &Asker,
        rules: &Rules,
        now: Moment,
    ) -> Asked {
        if let Some(session) = self.back(asker, rules, now) {
            return Asked::Seated(session);
        }
        if self.spent.contains(&ticket.tag) || self.spent_before.contains(&ticket.tag) {
            return Asked::Spent;
        }
        // Who may not come in for such a reason must not stand in anybody's way at the door.
        if self.capped(asker.lane) || (asker.narrow && !self.narrow_may(rules)) {
            return Asked::Full;
        }
        let key = (rank, ticket.device);
        let stood_by = self.standby.contains_key(&key);
        if !stood_by {
            self.came.push((ticket.lane, rank));
        }
        let may = self.lesson_keeps(asker.lesson)
            || (self.allowed >= 1.0 && self.first_in_line(key))
            || self.teacher_may(ticket.lane, rules);
        if may {
            self.standby.remove(&key);
            self.spent.insert(ticket.tag);
            return Asked::Seated(self.seat(asker, rules, now));
        }
        if stood_by || self.standby.len() < STANDBYS {
            self.standby.insert(key, Standby { lane: ticket.lane, seen: now });
        }
        Asked::Full
    }

    /// Whether a free seat falls to this place, those standing by before it counted.
    fn first_in_line(&self, key: (Rank, DeviceId)) -> bool {
        let free = self.free() as usize;
        if free == 0 {
            return false;
        }
        self.standby.len() < free || self.standby.range(..key).take(free).count() < free
    }

    /// A lane's guarantee may be lent out when a teacher comes; a lesson must not wait for that.
    fn teacher_may(&self, lane: Lane, rules: &Rules) -> bool {
        let share = u32::from(rules.shares.permille(Lane::Teacher));
        let guaranteed = (u64::from(self.limit) * u64::from(share)).div_ceil(1_000);
        lane == Lane::Teacher
            && u64::from(self.by_lane[Lane::Teacher.index()]) < guaranteed
            && self.taken() < self.limit + rules.overdraft(self.limit)
    }

    /// The narrow sub-lane holds a fifth of the unknown lane's share, and one seat at least.
    fn narrow_may(&self, rules: &Rules) -> bool {
        self.narrow < (per_mille(self.limit, rules.shares.permille(Lane::Unknown)) / 5).max(1)
    }

    /// A class code is used: whether it may be, `most` times a day at most.
    pub(crate) fn use_code(&mut self, code: u32, most: u32) -> bool {
        if self.codes.len() >= CODES && !self.codes.contains_key(&code) {
            return false;
        }
        let used = self.codes.entry(code).or_insert(0);
        *used += 1;
        *used <= most
    }

    /// The way back of a device that has a seat, or had one within the re-entry span.
    fn back(&mut self, asker: &Asker, rules: &Rules, now: Moment) -> Option<Session> {
        let Asker { device, held_until, .. } = *asker;
        if let Some(seat) = self.seats.get_mut(&device) {
            // The newest wins: an older copy of the session is superseded, unless both claims
            // come from one browser that opened two tabs.
            let again = now.since(seat.seated) >= SAME_CLAIM;
            if again {
                seat.waited = now.since(seat.seated - seat.waited);
                seat.seated = now;
                seat.taken = now;
                self.filter.raise(device, now);
            }
            seat.renewed = now;
            seat.leaving = None;
            seat.held_until = seat.held_until.max(held_until);
            let session = seat.session(device, self.epoch);
            if again {
                self.tell(Notice { device, at: now, taken: now, word: Word::Seated }, rules);
            }
            return Some(session);
        }
        let former = *self.former.get(&device)?;
        if now.since(former.ended) >= rules.reentry
            || self.taken() >= self.limit.saturating_add(rules.overdraft(self.limit))
        {
            return None;
        }
        self.former.remove(&device);
        let again = Asker {
            device,
            lane: former.lane,
            arrived: former.arrived,
            held_until: held_until.max(former.held_until),
            lesson: asker.lesson.or(former.lesson),
            narrow: false,
            spent: None,
        };
        Some(self.seat(&again, rules, now))
    }

    fn seat(&mut self, asker: &Asker, rules: &Rules, now: Moment) -> Session {
        self.admitted[asker.lane.index()] += 1;
        self.allowed -= 1.0;
        self.tell(Notice { device: asker.device, at: now, taken: now, word: Word::Seated }, rules);
        let seat = Seat {
            lane: asker.lane,
            lesson: asker.lesson,
            narrow: asker.narrow,
            seated: now,
            taken: now,
            waited: now.since(asker.arrived),
            renewed: now,
            held_until: asker.held_until,
            leaving: None,
            provisional: true,
            spent: asker.spent,
            looked_at: now,
        };
        self.put(asker.device, seat, rules)
    }

    /// Takes a seat out of all counts.
    fn uncount(&mut self, seat: &Seat) {
        self.by_lane[seat.lane.index()] -= 1;
        self.lessons.leave(seat.lesson);
        self.narrow -= u32::from(seat.narrow);
    }

    fn tell(&mut self, notice: Notice, rules: &Rules) {
        if rules.several_nodes && self.notices.len() < NOTICES {
            self.notices.push(notice);
        }
    }

    /// What the other nodes are to hear.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Another node says that a device is seated there, or revoked: what is older here is over. The
    /// holder loses nothing, their session is good wherever they go.
    pub(crate) fn hear(&mut self, notice: &Notice, now: Moment) {
        let device = notice.device;
        self.filter.raise(device, now);
        let revoked = notice.word == Word::Revoked;
        if revoked {
            self.revoked.insert(device, now + SPENT_SPAN);
        } else if self.elsewhere.len() < ELSEWHERE {
            let seen = self.elsewhere.entry(device).or_insert((notice.at, now));
            *seen = (seen.0.max(notice.at), now);
        }
        if notice.word == Word::Left {
            self.note_gone(device, notice.at, now);
        }
        // Of one session on two nodes, the one that took it up later has it: exactly one of them counts it.
        let later = (notice.at, notice.taken);
        if self.seats.get(&device).is_some_and(|seat| revoked || (seat.seated, seat.taken) < later)
            && let Some(seat) = self.seats.remove(&device)
        {
            self.uncount(&seat);
        }
        self.former.remove(&device);
    }

    /// A device has left the seat that it took at `seated`. Said twice, it left when it was said first.
    fn note_gone(&mut self, device: DeviceId, seated: Moment, now: Moment) {
        if self.gone.get(&device).map_or(self.gone.len() < ELSEWHERE, |known| known.0 < seated) {
            self.gone.insert(device, (seated, now));
        }
    }

    /// The holder of a seat is of this lesson: it counts for it from now on.
    pub(crate) fn join(&mut self, device: DeviceId, lesson: LessonId) {
        if let Some(seat) = self.seats.get_mut(&device)
            && seat.lesson != Some(lesson)
        {
            let before = seat.lesson.replace(lesson);
            self.lessons.leave(before);
            self.lessons.seat(Some(lesson));
        }
    }

    fn put(&mut self, device: DeviceId, mut seat: Seat, rules: &Rules) -> Session {
        let session = seat.session(device, self.epoch);
        seat.looked_at = session.ends(rules);
        if let Some(old) = self.seats.insert(device, seat) {
            self.uncount(&old);
        }
        self.by_lane[seat.lane.index()] += 1;
        self.lessons.seat(seat.lesson);
        self.narrow += u32::from(seat.narrow);
        self.ends.push(Reverse((session.ends(rules), device)));
        session
    }

    /// Keeps the seat of an admitted session until `until`, and counts it against `lane` from now on.
    /// A seat that has just ended is taken up again: its holder stands before us, admitted.
    /// `None` for a copy that a later claim has superseded.
    pub(crate) fn keep(
        &mut self,
        session: &Session,
        lane: Lane,
        until: Option<Moment>,
        rules: &Rules,
        now: Moment,
    ) -> Option<Session> {
        let device = session.device;
        let old = self.seats.get(&device).copied();
        if session.epoch != self.epoch || old.is_some_and(|seat| session.seated < seat.seated) {
            return None;
        }
        if old.is_none() && session.seated < self.started {
            self.forget_absent(session, rules);
        }
        let seat = Seat {
            lane,
            lesson: old.and_then(|seat| seat.lesson),
            // Who has signed in is no longer a stranger in the narrow sub-lane.
            narrow: false,
            seated: old.map_or(session.seated, |seat| seat.seated),
            taken: old.map_or(now, |seat| seat.taken),
            waited: session.waited,
            renewed: now,
            held_until: session.held_until.max(until).max(old.and_then(|seat| seat.held_until)),
            leaving: None,
            provisional: false,
            spent: None,
            looked_at: now,
        };
        self.former.remove(&device);
        Some(self.put(device, seat, rules))
    }

    /// The holder of this session leaves. A copy that has been superseded cannot end the seat of
    /// the one that counts.
    pub(crate) fn release(&mut self, session: &Session, rules: &Rules, now: Moment) -> bool {
        match self.present(session, rules, now) {
            Presented::Seated(session) => {
                // On no node does the session given up open a way in any more.
                let notice = Notice { device: session.device, at: now, taken: now, word: Word::Seated };
                self.tell(notice, rules);
                self.leave(session.device, true, rules, now)
            }
            Presented::Superseded | Presented::Ended => false,
        }
    }

    /// The holder has closed a page and may be gone: free after `Rules::leaving`, unless they are heard of. What
    /// is heard is what the book hears, so the device's sessions are looked up again from now on. A lesson's seat
    /// stays as it is. Whether it is about to be free.
    pub(crate) fn leaving(&mut self, session: &Session, rules: &Rules, now: Moment) -> bool {
        if !matches!(self.present(session, rules, now), Presented::Seated(_)) {
            return false;
        }
        let device = session.device;
        let Some(seat) = self.seats.get_mut(&device) else { return false };
        if seat.held_until.is_some_and(|until| until > now) {
            return false;
        }
        let goes = now + rules.leaving;
        seat.leaving = Some(goes);
        self.filter.raise(device, now);
        // Looked at earlier than that anyway, it is put off then: one that says so again and again fills no list.
        if goes < seat.looked_at {
            seat.looked_at = goes;
            self.ends.push(Reverse((goes, device)));
        }
        // Another node would believe the signature for a minute and tell nobody that its holder is there.
        let notice = Notice { device, at: seat.seated, taken: seat.taken, word: Word::Leaving };
        self.tell(notice, rules);
        true
    }

    /// The holder leaves. With `back`, the way back stays open for the re-entry span.
    pub(crate) fn leave(&mut self, device: DeviceId, back: bool, rules: &Rules, now: Moment) -> bool {
        self.filter.raise(device, now);
        if !back {
            self.former.remove(&device);
            // Old sessions of this device may have been signed before our start, on this node or another.
            self.revoked.insert(device, now + SPENT_SPAN);
            self.tell(Notice { device, at: now, taken: now, word: Word::Revoked }, rules);
        }
        let Some(seat) = self.seats.remove(&device) else { return false };
        self.uncount(&seat);
        if seat.seated < self.started {
            self.revoked.insert(device, seat.session(device, self.epoch).ends(rules));
        }
        if back {
            // Who leaves by themselves is no longer held inside a lesson, but may return to it.
            let arrived = seat.seated - seat.waited;
            let held_until = seat.held_until;
            let former = Former { ended: now, lane: seat.lane, arrived, held_until, lesson: seat.lesson };
            self.former.insert(device, former);
            self.former_order.push_back((now, device));
        }
        true
    }

    /// A restored seat turns out to belong to somebody who is here: the one that ends with this
    /// session, or failing that another of its lane.
    fn forget_absent(&mut self, session: &Session, rules: &Rules) {
        let lane = session.lane;
        let own = (minute_after(session.ends(rules)), lane);
        let key = self
            .absent
            .get_key_value(&own)
            .map(|(key, _)| key)
            .or_else(|| self.absent.keys().find(|(_, of)| *of == lane))
            .or_else(|| self.absent.keys().next());
        if let Some(key) = key.copied()
            && let Some(seats) = self.absent.get_mut(&key)
        {
            *seats -= 1;
            if *seats == 0 {
                self.absent.remove(&key);
            }
        }
    }

    /// Ends what has run out.
    pub(crate) fn expire(&mut self, rules: &Rules, now: Moment) {
        while let Some(Reverse((end, device))) = self.ends.peek().copied() {
            if end > now {
                break;
            }
            self.ends.pop();
            // Renewals only note the new end on the seat; here it is looked at again.
            let Some(seat) = self.seats.get_mut(&device) else { continue };
            if seat.looked_at != end {
                continue;
            }
            let really = seat.ends(device, self.epoch, rules);
            if really > now {
                seat.looked_at = really;
                self.ends.push(Reverse((really, device)));
                continue;
            }
            let seat = *seat;
            if seat.provisional {
                // The answer may have been lost on its way: the ticket is good again.
                if let Some(tag) = seat.spent {
                    self.spent.remove(&tag);
                    self.spent_before.remove(&tag);
                }
                self.seats.remove(&device);
                self.uncount(&seat);
            } else {
                if seat.leaving.is_some() && rules.several_nodes {
                    // The session is good for minutes yet: on every node it now opens the way back, and no other.
                    self.note_gone(device, seat.seated, now);
                    let notice = Notice { device, at: seat.seated, taken: seat.taken, word: Word::Left };
                    self.tell(notice, rules);
                }
                self.leave(device, true, rules, now);
            }
        }
        while let Some((ended, device)) = self.former_order.front().copied() {
            if now.since(ended) < rules.reentry {
                break;
            }
            self.former_order.pop_front();
            if self.former.get(&device).is_some_and(|former| former.ended == ended) {
                self.former.remove(&device);
            }
        }
        // Either way: a clock set back must not keep somebody at the door for an hour.
        self.standby.retain(|_, standby| now.since(standby.seen).max(standby.seen.since(now)) < STANDBY);
        self.revoked.retain(|_, until| *until > now);
        if self.elsewhere.len() > ELSEWHERE / 2 {
            self.elsewhere.retain(|_, (_, heard)| now.since(*heard) < ELSEWHERE_SPAN);
        }
        if self.gone.len() > ELSEWHERE / 2 {
            self.gone.retain(|_, (_, left)| now.since(*left) < ELSEWHERE_SPAN);
        }
        while let Some((&(end, lane), _)) = self.absent.first_key_value() {
            if end > now {
                break;
            }
            self.absent.remove(&(end, lane));
        }
        if now.since(self.spent_turn) >= SPENT_SPAN || self.spent.len() >= SPENT {
            self.spent_before = std::mem::take(&mut self.spent);
            self.codes.clear();
            self.spent_turn = now;
        }
    }

    /// All sessions end: the operator's last resort. Returns how many there were.
    pub(crate) fn end_all(&mut self) -> usize {
        let ended = self.seats.len();
        self.epoch = self.epoch.wrapping_add(1);
        self.seats.clear();
        self.ends.clear();
        self.by_lane = [0; LANES];
        self.former.clear();
        self.former_order.clear();
        self.absent.clear();
        self.lessons.clear();
        self.narrow = 0;
        ended
    }

    /// Seats by lane and minute of their end, for a snapshot.
    pub(crate) fn groups(&self, rules: &Rules) -> Vec<SeatGroup> {
        let mut groups = self.absent.clone();
        for (device, seat) in &self.seats {
            let end = seat.ends(*device, self.epoch, rules);
            *groups.entry((minute_after(end), seat.lane)).or_insert(0) += 1;
        }
        groups.into_iter().map(|((ends, lane), seats)| SeatGroup { lane, ends, seats }).collect()
    }
}

/// The end of the minute in which `end` lies.
fn minute_after(end: Moment) -> Moment {
    Moment::from_unix_seconds(u64::from(end.unix_seconds()).div_ceil(60) * 60)
}
