//! The view: everything a request must know about the queue, as one immutable picture.
//!
//! The scheduler draws a new picture at every tick and swaps it in; requests read the current one
//! without a lock and never see a half-made change. It is at most a tick old, which is why no seat
//! is ever given from it alone.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::capacity::{Cause, Reading};
use crate::draw::{Rank, Seed};
use crate::estimate::{Depth, Pace, RangeMinutes, interval, mix};
use crate::keys::Keys;
use crate::lanes::{LANES, Lane};
use crate::plan::{Plan, Planned};
use crate::rules::Rules;
use crate::state::Pool;
use crate::ticket::Ticket;
use crate::time::Moment;

/// One lane as published.
#[derive(Clone, Debug)]
pub(crate) struct LaneView {
    pub(crate) watermark: Rank,
    pub(crate) depth: Depth,
    /// How fast it moves, as people are told.
    pub(crate) pace: Pace,
    /// The pace by which their pages ask.
    pub(crate) asking: Pace,
    /// Nobody waits and seats are free: newcomers need no ticket.
    pub(crate) open: bool,
    /// Device classes that report; see `Queue::reporting_mask`.
    pub(crate) mask: u8,
}

/// The picture.
pub(crate) struct View {
    pub(crate) keys: Arc<Keys>,
    pub(crate) lanes: [LaneView; LANES],
    pub(crate) pools: Vec<Pool>,
    pub(crate) plan: Arc<Plan>,
    /// More people are due in lessons than there are seats: the plan says whose turn it is.
    pub(crate) tight: bool,
    /// Zero bits asked of the unknown lane; 0 for no toll.
    pub(crate) toll: u8,
    pub(crate) now_json: Arc<str>,
    pub(crate) status: Status,
}

/// A lane in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneStatus {
    /// Which lane.
    pub lane: Lane,
    /// Seats taken.
    pub seated: u32,
    /// Called and at the door, without a seat this second.
    pub standing_by: u32,
    /// Live people waiting, those standing by included, as estimated.
    pub waiting: u32,
    /// Tickets not yet called, ghosts included.
    pub tickets: u32,
    /// Everyone up to this place has been called.
    pub watermark: Rank,
    /// People let in per minute, lately.
    pub per_minute: u32,
    /// Newcomers walk in without a ticket.
    pub open: bool,
}

/// The gate in figures, for the console and for metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// When this was true.
    pub at: Moment,
    /// People who may be in at once.
    pub seats: u32,
    /// Why that many.
    pub cause: Cause,
    /// Seats taken, those of people not heard of since a restart included.
    pub taken: u32,
    /// The lanes, in order.
    pub lanes: [LaneStatus; LANES],
    /// Reports of waiting tickets lost since the start because too many came at once. They cost
    /// precision of the estimate, nothing else.
    pub reports_lost: u64,
    /// New people a second at most, if anything but seats bounds them.
    pub pace: Option<f64>,
    /// Seats set aside for lessons.
    pub kept: u32,
    /// Zero bits asked of the unknown lane; 0 for no toll.
    pub toll_bits: u8,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// Its place is settled.
    Drawn(Rank),
    /// Its place will be drawn at the bell; the rank is the scheduler's to know.
    BeforeBell { bell: Moment, secret: Rank },
    /// Its lesson's access has not opened yet.
    Opening { opens: Moment, rank: Rank },
}

impl Place {
    pub(crate) const fn rank(self) -> Rank {
        match self {
            Self::Drawn(rank) | Self::BeforeBell { secret: rank, .. } | Self::Opening { rank, .. } => rank,
        }
    }
}

/// What a waiting page is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    pub(crate) people_before: u32,
    pub(crate) range_minutes: RangeMinutes,
    pub(crate) interval: Duration,
}

impl View {
    /// Before the first tick: nobody is in, nobody gets in.
    pub(crate) fn empty(rules: &Rules, keys: &Arc<Keys>, reading: Reading, now: Moment) -> Self {
        let status = Status {
            at: now,
            seats: reading.seats,
            cause: reading.cause,
            taken: 0,
            lanes: Lane::ALL.map(|lane| LaneStatus {
                lane,
                seated: 0,
                standing_by: 0,
                waiting: 0,
                tickets: 0,
                watermark: Rank::default(),
                per_minute: 0,
                open: false,
            }),
            reports_lost: 0,
            pace: reading.pace,
            kept: 0,
            toll_bits: 0,
        };
        let lanes = std::array::from_fn(|_| LaneView {
            watermark: Rank::default(),
            depth: Depth::default(),
            pace: Pace { slower: 0.0, faster: 0.0 },
            asking: Pace { slower: 0.0, faster: 0.0 },
            open: false,
            mask: 0,
        });
        Self {
            keys: keys.clone(),
            lanes,
            pools: Vec::new(),
            plan: Arc::default(),
            tight: false,
            toll: 0,
            now_json: now_json(rules, &status, 0),
            status,
        }
    }

    pub(crate) fn lane(&self, lane: Lane) -> &LaneView {
        &self.lanes[lane.index()]
    }

    /// The slot in which somebody arrives now, and the bell if it is shared.
    pub(crate) fn slot(&self, lane: Lane, now: Moment) -> (u32, Option<Moment>) {
        let second = now.unix_seconds();
        let pool = self.pools.iter().find(|pool| pool.slot <= second && now < pool.bell);
        // Behind the watermark there are no places, even when the clock has been set back.
        let least = self.lane(lane).watermark.slot().saturating_add(1);
        match pool {
            Some(pool) if pool.slot >= least => (pool.slot, Some(pool.bell)),
            _ => (second.max(least), None),
        }
    }

    pub(crate) fn place(&self, ticket: &Ticket, now: Moment) -> Place {
        if ticket.planned {
            let (rank, opens) = (ticket.rank, Moment::from_unix_seconds(u64::from(ticket.rank.slot())));
            return if now < opens { Place::Opening { opens, rank } } else { Place::Drawn(rank) };
        }
        if !ticket.drawn_at_bell {
            return Place::Drawn(ticket.rank);
        }
        let slot = ticket.rank.slot();
        let rank = Rank::new(slot, Seed::of_slot(&self.keys, slot).draw(ticket.device));
        match self.pools.iter().find(|pool| pool.slot == slot && now < pool.bell) {
            Some(pool) => Place::BeforeBell { bell: pool.bell, secret: rank },
            None => Place::Drawn(rank),
        }
    }

    /// Whether a lesson's turn has come. An exam's comes with the clock, whoever else waits.
    pub(crate) fn released(&self, planned: &Planned, now: Moment) -> bool {
        planned.to <= self.lane(Lane::Lesson).watermark || (planned.lesson.exam && planned.opens() <= now)
    }

    /// The lane whose watermark a ticket waits for: a teacher's place in a lesson is one of the lesson's.
    pub(crate) fn queue_of(&self, ticket: &Ticket) -> &LaneView {
        self.lane(if ticket.planned { Lane::Lesson } else { ticket.lane })
    }

    /// Whether a ticket's turn has come.
    pub(crate) fn called(&self, ticket: &Ticket, rank: Rank, lesson: Option<&Planned>, now: Moment) -> bool {
        rank <= self.queue_of(ticket).watermark || lesson.is_some_and(|planned| self.released(planned, now))
    }

    /// Whether the turn has come of somebody who has not paid the toll.
    pub(crate) fn called_late(&self, rank: Rank, rules: &Rules) -> bool {
        let delay = u32::try_from(rules.toll_delay.as_secs()).unwrap_or(u32::MAX);
        rank.slot().saturating_add(delay) <= self.lane(Lane::Unknown).watermark.slot()
    }

    /// Whether a ticket owes the toll.
    pub(crate) fn owes(&self, ticket: &Ticket) -> bool {
        self.toll > 0 && ticket.lane == Lane::Unknown && !ticket.paid
    }

    /// Whether signs of life of this ticket are counted. Lessons are counted by their roster, and who owes the toll
    /// is not called with the others.
    pub(crate) fn samples(&self, ticket: &Ticket) -> bool {
        ticket.device.class() & self.lane(ticket.lane).mask == 0 && !ticket.planned && !self.owes(ticket)
    }

    pub(crate) fn forecast(&self, rules: &Rules, ticket: &Ticket, place: Place, now: Moment) -> Forecast {
        let lane = self.queue_of(ticket);
        let (before, until_bell) = lane.ahead(ticket, place, now);
        let mut range = lane.pace.range(before);
        let bell_minutes = u16::try_from(until_bell.as_secs() / 60).unwrap_or(u16::MAX);
        range.low = range.low.saturating_add(bell_minutes);
        range.high = range.high.map(|high| high.saturating_add(bell_minutes));
        Forecast {
            people_before: before.round().clamp(0.0, f64::from(u32::MAX)) as u32,
            range_minutes: range,
            interval: self.interval(rules, ticket, place, now),
        }
    }

    /// When the holder of a ticket is to ask again: of a forecast, what a sign of life needs.
    pub(crate) fn interval(&self, rules: &Rules, ticket: &Ticket, place: Place, now: Moment) -> Duration {
        let lane = self.queue_of(ticket);
        let (before, until_bell) = lane.ahead(ticket, place, now);
        let spin = mix(ticket.device.mixed() ^ now.unix_millis());
        let seconds = lane.asking.expected_seconds(before) + until_bell.as_secs_f64();
        // Before a bell there is nothing to gain from asking more often than it approaches.
        interval(rules, before.max(until_bell.as_secs_f64()), seconds, spin)
    }
}

impl LaneView {
    /// People before a place, and how long it is until the bell or the opening that it waits for.
    fn ahead(&self, ticket: &Ticket, place: Place, now: Moment) -> (f64, Duration) {
        match place {
            Place::Drawn(rank) => (self.depth.before(rank), Duration::ZERO),
            // By then those before have their seats, if the plan holds.
            Place::Opening { opens, .. } => (0.0, opens.since(now)),
            // Nobody knows yet; the middle of the slot is everyone's expectation.
            Place::BeforeBell { bell, .. } => {
                (self.depth.before(Rank::new(ticket.rank.slot(), u32::MAX / 2)), bell.since(now))
            }
        }
    }
}

/// Largest rate and number of people that `/now` writes, so that it keeps its size.
const MOST_RATE: u32 = 99_999;
const MOST_AHEAD: u32 = 9_999_999;

/// The body of `GET /now`: at most 200 bytes, the same for everyone, cacheable for a second.
///
/// `t` time in seconds; per lane in the order teacher, lesson, known, unknown: `w` watermark (a
/// ticket whose rank text is not greater may claim its seat), `r` people let in per minute, `a`
/// live people waiting; `p` polling: shortest and longest interval in seconds, jitter in percent;
/// `m` number of the message shown to all who wait, 0 for none.
pub(crate) fn now_json(rules: &Rules, status: &Status, message: u16) -> Arc<str> {
    let list =
        |write: &dyn Fn(&LaneStatus) -> String| status.lanes.iter().map(write).collect::<Vec<_>>().join(",");
    let mut text = String::with_capacity(200);
    let (least, most) = rules.poll;
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"t":{},"w":[{}],"r":[{}],"a":[{}],"p":[{},{},{}],"m":{message}}}"#,
        status.at.unix_seconds(),
        list(&|lane| format!("\"{}\"", lane.watermark)),
        list(&|lane| lane.per_minute.min(MOST_RATE).to_string()),
        list(&|lane| lane.waiting.min(MOST_AHEAD).to_string()),
        least.as_secs().min(999),
        most.as_secs().min(999),
        rules.jitter_percent,
    );
    text.into()
}
