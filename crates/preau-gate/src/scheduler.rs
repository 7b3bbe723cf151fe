//! The scheduler: the one who calls people in.
//!
//! Once a second or so it ends what has run out, counts who came, asks the capacity how many may
//! be in, deals the free seats to the lanes, and moves each lane's watermark so far that the
//! expected number of live people takes them. Then it publishes the new picture. It alone mutates
//! the queues; it is not on the path of any request.
//!
//! Invariants: watermarks only move forward; a ticket issued before the watermark reached it is
//! called no later than one issued after, within its lane; with seats coming free and ticks
//! coming in, every ticket is called.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::capacity::{Capacity, Load, Reading};
use crate::draw::{Rank, Seed};
use crate::estimate::{Depth, Pacer};
use crate::filter::Filter;
use crate::gate::{ARRIVAL_CELLS, Gate, Report, Shared};
use crate::keys::{Keys, Secret};
use crate::lanes::{Claim, Dealer, LANES, Lane};
use crate::networks::Networks;
use crate::plan::Lesson;
use crate::queue::Queue;
use crate::release::{Demand, Releaser};
use crate::rules::{Rules, RulesError, per_mille};
use crate::seats::Book;
use crate::state::{FORMAT, LaneState, Pool, Snapshot, StateError, joined};
use crate::time::Moment;
use crate::toll::{Crowd, Tollgate};
use crate::view::{LaneStatus, LaneView, Status, View, now_json};

/// Reports of waiting tickets that may be under way between two ticks; about 1 MB.
const REPORTS: usize = 32_768;

/// After a restart nobody is called for this long, so that those at the front, who ask every five
/// seconds, have been heard of and are called in order.
const SETTLING: Duration = Duration::from_secs(8);

/// A called ticket near the front asks within this span: the longest interval told there, with
/// jitter and a slow network. Who has not come by then is ever less likely to.
const PATIENCE: Duration = Duration::from_secs(15);

/// Seconds' worth of the pace that may be saved at the door: a tick may be a little late.
const DOOR: f64 = 1.1;

/// Why a gate cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The rules contradict themselves.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The snapshot cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// What one tick has counted.
#[derive(Clone, Copy, Debug)]
struct Counted {
    reading: Reading,
    /// Seats taken in all, and set aside for lessons.
    taken: u32,
    kept: u32,
    seated: [u32; LANES],
    standing_by: [u32; LANES],
    demand: Demand,
}

/// The scheduler. There is one for each gate; whoever owns it calls `tick` about once a second.
pub struct Scheduler {
    shared: Arc<Shared>,
    capacity: Box<dyn Capacity>,
    keys: Arc<Keys>,
    queues: [Queue; LANES],
    pacers: [Pacer; LANES],
    dealer: Dealer,
    reports: Receiver<Report>,
    pools: Vec<Pool>,
    message: u16,
    cap_unknown: bool,
    closed: [bool; LANES],
    releaser: Releaser,
    tollgate: Tollgate,
    /// Unknown tickets and seats asked for, a second, on average; and since the last tick.
    asked: f64,
    asked_now: f64,
    /// People who may still be let in by the pace.
    tokens: f64,
    /// Seats that walk-ins were offered at the last tick.
    offered: u32,
    ticked: Moment,
    /// The start, if people were waiting then.
    settling: Option<Moment>,
}

impl Scheduler {
    /// Puts a gate together, with an empty queue or with what a snapshot remembers, and ticks once.
    ///
    /// # Errors
    /// When the rules contradict themselves or the snapshot is not one of this release.
    pub fn open(
        rules: Rules,
        secret: Secret,
        mut capacity: Box<dyn Capacity>,
        snapshot: Option<&Snapshot>,
        now: Moment,
    ) -> Result<(Gate, Self), OpenError> {
        rules.check()?;
        if let Some(snapshot) = snapshot {
            snapshot.check()?;
        }
        let keys = Arc::new(Keys::around(&secret, now));
        let filter = Arc::new(Filter::new(now));
        let epoch = snapshot.map_or(0, |snapshot| snapshot.epoch);
        let absent = snapshot.map_or(&[][..], |snapshot| &snapshot.seats);
        let lanes = snapshot.map_or(&[][..], |snapshot| &snapshot.lanes);
        let queues: [Queue; LANES] = std::array::from_fn(|i| match lanes.get(i) {
            Some(lane) => Queue::new(lane.watermark, lane.live_share, lane.slots.iter().copied()),
            None => Queue::new(Rank::default(), 1.0, []),
        });
        let waiting = queues.iter().any(|queue| queue.tickets() > 0);
        let (sender, reports) = sync_channel(REPORTS);
        let reading = capacity.read(Load::default(), now);
        let pacers: [Pacer; LANES] = std::array::from_fn(|_| Pacer::default());
        let empty = View::empty(&rules, &keys, reading, now);
        let shared = Arc::new(Shared {
            secret,
            view: ArcSwap::from_pointee(empty),
            book: Mutex::new(Book::new(now, epoch, absent, filter.clone())),
            filter,
            open_seats: AtomicU32::new(0),
            arrivals: std::array::from_fn(|_| {
                std::array::from_fn::<_, ARRIVAL_CELLS, _>(|_| AtomicU64::new(0))
            }),
            reports: sender,
            networks: Networks::new(),
            lost: AtomicU64::new(0),
            epoch: AtomicU8::new(epoch),
            elsewhere: std::array::from_fn(|_| AtomicU64::new(0)),
            rules,
        });
        let mut scheduler = Self {
            shared: shared.clone(),
            capacity,
            keys,
            queues,
            pacers,
            dealer: Dealer::default(),
            reports,
            pools: snapshot.map_or_else(Vec::new, |snapshot| snapshot.pools.clone()),
            message: snapshot.map_or(0, |snapshot| snapshot.message),
            cap_unknown: false,
            closed: [false; LANES],
            releaser: Releaser::default(),
            tollgate: Tollgate::default(),
            asked: 0.0,
            asked_now: 0.0,
            tokens: f64::INFINITY,
            offered: 0,
            ticked: now,
            settling: waiting.then_some(now),
        };
        scheduler.tick(now);
        Ok((Gate::new(shared), scheduler))
    }

    /// Changes who says how many may be in, from the next tick on.
    pub fn set_capacity(&mut self, capacity: Box<dyn Capacity>) {
        self.capacity = capacity;
        // As if nobody had come for a while: a house that opens lets the first ones in at once.
        self.tokens = f64::INFINITY;
    }

    /// Shows a message to all who wait, by its number; 0 for none.
    pub fn set_message(&mut self, message: u16) {
        self.message = message;
    }

    /// While under attack: unknown devices hold their own share of the seats and borrow none.
    pub fn cap_unknown(&mut self, cap: bool) {
        self.cap_unknown = cap;
    }

    /// Closes lanes to newcomers, as the last rungs of the ladder ask for; who is in stays in, and who
    /// left a moment ago still comes back. Replaces what was closed before.
    pub fn close(&mut self, lanes: &[Lane]) {
        self.closed = Lane::ALL.map(|lane| lanes.contains(&lane));
    }

    /// Announces the lessons of the timetable, those already announced included; each of these keeps
    /// its place, however often this is called.
    pub fn set_lessons(&mut self, lessons: &[Lesson], now: Moment) {
        let keys = &self.keys;
        let seed = |slot| Seed::of_slot(keys, slot);
        let plan = self.releaser.plan.with(lessons, &self.shared.rules.release, seed, now);
        let release = &self.shared.rules.release;
        self.releaser.set_plan(plan, &mut self.shared.book().lessons, release, now);
    }

    /// The watermarks.
    pub fn watermarks(&self) -> [Rank; LANES] {
        std::array::from_fn(|i| self.queues[i].watermark())
    }

    /// A place called on another node is called here too. Places still to come are not touched.
    fn adopt(&mut self, now: Moment) {
        let second = now.unix_seconds();
        for (queue, elsewhere) in self.queues.iter_mut().zip(&self.shared.elsewhere) {
            let watermark = Rank::from_bits(elsewhere.load(Ordering::Relaxed));
            if watermark.slot() < second {
                queue.advance(watermark, now);
            }
        }
    }

    /// Announces bells. Who arrives in the quarter of an hour before one (`Rules::pool`) and must
    /// wait draws their place at the bell. Bells already announced keep their slot.
    pub fn set_bells(&mut self, bells: &[Moment], now: Moment) {
        let soonest = now.unix_seconds() + 1;
        let known = std::mem::take(&mut self.pools);
        let mut bells: Vec<Moment> = bells.iter().copied().filter(|bell| *bell > now).collect();
        bells.sort_unstable();
        bells.dedup();
        for bell in bells {
            let pool = known.iter().find(|pool| pool.bell == bell).copied().unwrap_or_else(|| {
                let opens = (bell - self.shared.rules.pool).unix_seconds();
                Pool { slot: opens.max(soonest), bell }
            });
            // Bells closer together than the span: the later slot opens when the earlier closes.
            let after = self.pools.last().map_or(0, |last| last.bell.unix_seconds());
            let slot = pool.slot.max(after);
            if Moment::from_unix_seconds(u64::from(slot)) < bell {
                self.pools.push(Pool { slot, bell });
            }
        }
        // A slot whose bell has rung stays known until no ticket of it can be valid any more.
        let rung = known.into_iter().filter(|pool| pool.bell <= now);
        self.pools.splice(0..0, rung.collect::<Vec<_>>());
    }

    /// Ends all sessions at once: the operator's last resort. Returns how many ended here.
    pub fn end_all_sessions(&mut self) -> usize {
        let mut book = self.shared.book();
        let ended = book.end_all();
        self.shared.epoch.store(book.epoch, Ordering::Release);
        ended
    }

    /// What a restart needs to know; write it down about once a second.
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        let book = self.shared.book();
        Snapshot {
            format: FORMAT,
            epoch: book.epoch,
            saved: now,
            message: self.message,
            lanes: Lane::ALL
                .iter()
                .map(|lane| {
                    let queue = &self.queues[lane.index()];
                    LaneState {
                        lane: *lane,
                        watermark: queue.watermark(),
                        live_share: queue.live_share(),
                        slots: joined(queue.slots()),
                    }
                })
                .collect(),
            seats: book.groups(&self.shared.rules),
            pools: self.pools.clone(),
        }
    }

    /// The round: end, count, deal, call, publish. About once a second.
    pub fn tick(&mut self, now: Moment) {
        self.collect();
        let day = Duration::from_secs(2 * 86_400);
        self.pools.retain(|pool| now.since(pool.bell) < day);
        if !self.keys.suit(now) {
            self.keys = Arc::new(Keys::around(&self.shared.secret, now));
        }

        let claim = self.shared.rules.claim;
        let patience = PATIENCE.min(claim / 2);
        self.adopt(now);
        let mut given_up = 0.0;
        for queue in &mut self.queues {
            given_up += queue.given_up(now, patience, claim);
            queue.forget_waves(now, claim);
            queue.survey(now, self.shared.rules.sample_all_up_to);
        }
        let counted = self.count(now);
        let Counted { reading, taken, kept, seated, standing_by, demand } = counted;
        let span = now.since(self.ticked).as_secs_f64();
        self.ticked = now;
        let outstanding: [f64; LANES] =
            std::array::from_fn(|i| self.queues[i].outstanding(now, patience, claim));

        let spoken_for = f64::from(taken)
            + f64::from(kept)
            + f64::from(standing_by.iter().sum::<u32>())
            + outstanding.iter().sum::<f64>();
        let settling = self.settling.is_some_and(|start| start <= now && now.since(start) < SETTLING);
        let idle = if settling { 0 } else { (f64::from(reading.seats) - spoken_for + 1e-6).max(0.0) as u32 };
        let free = idle.min(self.paced(&reading, span, given_up));

        let callable: [f64; LANES] = std::array::from_fn(|i| self.queues[i].callable(self.bound(i, now)));
        let capped = self.shared.book().caps[Lane::Unknown.index()];
        let mut claims: [Claim; LANES] = std::array::from_fn(|i| Claim {
            held: seated[i] + standing_by[i] + outstanding[i].round() as u32,
            wanted: if self.closed[i] { 0 } else { (callable[i] - 1e-6).max(0.0).ceil() as u32 },
            cap: (i == Lane::Unknown.index()).then_some(capped),
        });
        let tight = kept.saturating_add(demand.promised).saturating_add(demand.coming) > idle + kept;
        let lesson = Lane::Lesson.index();
        let mut held_back = 0;
        if !self.closed[lesson] {
            let claim = &mut claims[lesson];
            claim.held = claim.held.saturating_add(kept).saturating_add(demand.promised);
            let saved = self.shared.book().lessons.saved;
            let due = demand.due.saturating_sub(saved).min(idle.saturating_sub(demand.promised));
            claim.wanted = claim.wanted.saturating_add(due);
            if tight {
                // Before a full bell the lessons' guarantee is not lent: it would not be back in time.
                let guarantee = self.shared.rules.shares.guarantees(reading.seats)[lesson];
                let owed = guarantee.saturating_sub(claim.held.saturating_add(claim.wanted));
                held_back = owed.min(demand.opening.saturating_sub(demand.due));
                claim.wanted = claim.wanted.saturating_add(held_back);
            }
        }
        let mut dealt = self.dealer.deal(&self.shared.rules.shares, reading.seats, free, &claims);
        let left = free - dealt.iter().sum::<u32>();
        dealt[lesson] = dealt[lesson].min(claims[lesson].wanted - held_back);
        self.tokens -= f64::from(dealt.iter().sum::<u32>());
        dealt[lesson] = self.release_lessons(dealt[lesson], &reading, now);
        for (i, seats) in dealt.into_iter().enumerate() {
            let bound = self.bound(i, now);
            self.queues[i].call(seats, bound, now);
            if claims[i].wanted == 0 && free > 0 && !self.closed[i] {
                self.queues[i].catch_up(bound);
            }
        }
        self.publish(&counted, left, tight, now);
    }

    /// How many may be let in by the pace. Who was called and has been given up has used none of it.
    fn paced(&mut self, reading: &Reading, span: f64, given_up: f64) -> u32 {
        let walked_in = self.offered.saturating_sub(self.shared.open_seats.load(Ordering::Relaxed));
        match reading.pace {
            Some(pace) => {
                // Two seconds' worth may be saved, so that a late tick loses nothing.
                let earned = (pace * span).min(pace * 2.0) + given_up;
                self.tokens = (self.tokens - f64::from(walked_in) + earned).min(pace.max(1.0) * 2.0);
                // At the door nearly nothing is saved: those called while the pace was higher come seconds later.
                let allowed = &mut self.shared.book().allowed;
                *allowed = (allowed.max(0.0) + pace * span).min((pace * DOOR).max(1.0));
                self.tokens.max(0.0) as u32
            }
            None => {
                self.tokens = f64::INFINITY;
                self.shared.book().allowed = f64::INFINITY;
                u32::MAX
            }
        }
    }

    fn release_lessons(&mut self, seats: u32, reading: &Reading, now: Moment) -> u32 {
        let queue = &mut self.queues[Lane::Lesson.index()];
        let lessons = &mut self.shared.book().lessons;
        let (to, left) = self.releaser.release(lessons, seats, reading.seats, queue.watermark(), now);
        if let Some(to) = to {
            queue.advance(to, now);
        }
        left
    }

    /// Takes in what requests have left for us.
    fn collect(&mut self) {
        // Reports first: whoever has reported is in the counts that are read afterwards.
        let reports: Vec<Report> = self.reports.try_iter().take(REPORTS).collect();
        let mut unknown = 0_u32;
        for (lane, cells) in Lane::ALL.iter().zip(&self.shared.arrivals) {
            for cell in cells {
                let seen = cell.swap(0, Ordering::Relaxed);
                if seen != 0 {
                    self.queues[lane.index()].issued((seen >> 32) as u32, seen as u32);
                    unknown += if *lane == Lane::Unknown { seen as u32 } else { 0 };
                }
            }
        }
        for report in reports {
            match report {
                Report::Heard { lane, rank, class, due } => self.queues[lane.index()].heard(rank, class, due),
                Report::Far { lane, slot } => {
                    self.queues[lane.index()].issued(slot, 1);
                    unknown += u32::from(lane == Lane::Unknown);
                }
            }
        }
        self.asked_now = f64::from(unknown);
    }

    /// Ends what has run out, sets seats aside, and counts.
    fn count(&mut self, now: Moment) -> Counted {
        let mut book = self.shared.book();
        book.expire(&self.shared.rules, now);
        let (came, admitted) = book.take_events();
        for (lane, rank) in came {
            self.queues[lane.index()].came(rank);
        }
        for (pacer, people) in self.pacers.iter_mut().zip(admitted) {
            pacer.admitted(people, now);
        }
        self.asked_now += f64::from(admitted[Lane::Unknown.index()]);
        self.asked_now /= now.since(self.ticked).as_secs_f64().max(0.5);
        self.asked += 0.2 * (self.asked_now - self.asked);
        let standing_by = book.standing_by();
        let live: f64 = self.queues.iter().map(|queue| queue.live()).sum();
        let waiting = live as u32 + standing_by.iter().sum::<u32>();
        let load = Load { seated: book.taken(), waiting, admitted: admitted.iter().sum() };
        let reading = self.capacity.read(load, now);
        book.limit = reading.seats;
        let unknown = per_mille(reading.seats, self.shared.rules.shares.permille(Lane::Unknown));
        book.caps = std::array::from_fn(|i| match (self.closed[i], self.cap_unknown) {
            (true, _) => 0,
            (false, true) if i == Lane::Unknown.index() => unknown.max(1),
            (false, _) => u32::MAX,
        });
        let taken = book.taken();
        let room = reading.seats.saturating_sub(taken);
        let watermark = self.queues[Lane::Lesson.index()].watermark();
        let rules = &self.shared.rules;
        let demand = self.releaser.keep(&mut book.lessons, rules, reading.seats, room, watermark, now);
        let kept = book.lessons.kept();
        Counted { reading, taken, kept, seated: book.taken_by_lane(), standing_by, demand }
    }

    /// The slot before which a lane's watermark must stay: people still arrive in it.
    fn bound(&self, lane: usize, now: Moment) -> u32 {
        let second = now.unix_seconds();
        let watermark = self.queues[lane].watermark().slot();
        if lane == Lane::Unknown.index()
            && let Some(last) = self.queues[lane].last_live_slot()
            && last > second
        {
            // Busy networks were put back to places to come: once everybody before has been called they come in
            // as fast as seats allow. Whoever comes next from a quiet network gets the place behind the
            // watermark, before all of theirs (start-time fair queuing: virtual time is that of who is served).
            return last.saturating_add(1);
        }
        if watermark >= second {
            // The clock was set back: places go on behind the watermark until it has caught up.
            return watermark.saturating_add(2);
        }
        let pool = self.pools.iter().find(|pool| pool.slot <= second && now < pool.bell);
        let bound = pool.map_or(second, |pool| pool.slot);
        if lane == Lane::Lesson.index() {
            let lesson = self.releaser.bound(self.queues[lane].watermark());
            return lesson.map_or(bound, |lesson| bound.min(lesson));
        }
        bound
    }

    fn publish(&mut self, counted: &Counted, left: u32, tight: bool, now: Moment) {
        let Counted { reading, taken, kept, seated, standing_by, .. } = *counted;
        let rules = &self.shared.rules;
        let claim = rules.claim;
        let live: [f64; LANES] = std::array::from_fn(|i| self.queues[i].live());
        let asking: u32 = Lane::ALL
            .iter()
            .filter(|l| live[l.index()] > 0.0)
            .map(|l| u32::from(rules.shares.permille(*l)))
            .sum();
        let fronts: [f64; LANES] = std::array::from_fn(|i| {
            let called = self.queues[i].outstanding(now, PATIENCE.min(claim / 2), claim);
            f64::from(standing_by[i]) + called
        });
        let served = self.pacers[Lane::Unknown.index()].pace(0.0).middle();
        let guarantee = rules.shares.guarantees(reading.seats)[Lane::Unknown.index()];
        let crowd = Crowd {
            asked: self.asked.max(self.asked_now),
            served,
            borrows: seated[Lane::Unknown.index()] >= guarantee.max(1),
        };
        let toll = rules.toll_from.map_or(0, |from| self.tollgate.turn(crowd, from, self.cap_unknown, now));
        self.queues[Lane::Unknown.index()].count_only_heard(toll > 0);
        let waiting: [f64; LANES] = std::array::from_fn(|i| {
            fronts[i] + self.queues[i].stretches().iter().map(|stretch| stretch.2).sum::<f64>()
        });
        let lanes: [LaneView; LANES] = std::array::from_fn(|i| {
            let queue = &self.queues[i];
            let share = f64::from(rules.shares.permille(Lane::ALL[i])) / f64::from(asking.max(1));
            let front = fronts[i];
            let unknown = i == Lane::Unknown.index();
            let mut stretches = queue.stretches();
            if i == Lane::Lesson.index() {
                let lessons = &self.shared.book().lessons;
                stretches.extend(self.releaser.stretches(queue.watermark(), lessons, now));
                stretches.sort_by_key(|stretch| stretch.1);
            }
            LaneView {
                watermark: queue.watermark(),
                depth: Depth::new(front, &stretches),
                pace: self.pacers[i].told(f64::from(reading.seats) * share.min(1.0)),
                asking: self.pacers[i].pace(f64::from(reading.seats) * share.min(1.0)),
                open: left > 0
                    && !queue.stands(now)
                    && !self.closed[i]
                    && !(unknown && (self.cap_unknown || toll > 0)),
                mask: queue.reporting_mask(),
            }
        });
        let status = Status {
            at: now,
            seats: reading.seats,
            cause: reading.cause,
            taken,
            lanes: std::array::from_fn(|i| LaneStatus {
                lane: Lane::ALL[i],
                seated: seated[i],
                standing_by: standing_by[i],
                // Those who are due for a lesson and have not come yet are on the way, and do not wait.
                waiting: waiting[i].round() as u32,
                tickets: self.queues[i].tickets(),
                watermark: lanes[i].watermark,
                per_minute: (lanes[i].pace.middle() * 60.0).round() as u32,
                open: lanes[i].open,
            }),
            reports_lost: 0,
            pace: reading.pace,
            kept,
            toll_bits: toll,
        };
        let view = View {
            keys: self.keys.clone(),
            now_json: now_json(rules, &status, self.message),
            lanes,
            pools: self.pools.clone(),
            plan: self.releaser.plan.clone(),
            tight,
            toll,
            status,
        };
        self.offered = left;
        self.shared.open_seats.store(left, Ordering::Relaxed);
        self.shared.view.store(Arc::new(view));
    }
}
