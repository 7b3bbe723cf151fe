//! What the gate of one house sees, as figures: for the page, for programs, for metrics.

use crate::edge::Platform;
use crate::edge::admission::Orders;
use preau_gate::{LimitCause, Rung, Status, ValveReading};
use serde::{Deserialize, Serialize};

/// One house at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sight {
    /// The house's name.
    pub(super) house: String,
    /// Seconds since the Unix epoch.
    pub(super) at: u64,
    /// Whether the scheduler has made its round in the last ten seconds.
    pub(super) moving: bool,
    /// Whether nobody new is let in because nobody answers behind the gate.
    pub(super) ill: bool,
    /// People who may be inside, why, and how fast new ones come in (people a second; none: as seats allow).
    pub(super) seats: u32,
    pub(super) cause: String,
    /// The valve that the cause speaks of.
    pub(super) cause_valve: Option<String>,
    pub(super) pace: Option<f64>,
    /// Seats taken, and set aside for lessons.
    pub(super) taken: u32,
    pub(super) set_aside: u32,
    /// Zero bits asked of strangers; 0 for no toll.
    pub(super) toll_bits: u8,
    pub(super) lanes: Vec<LaneSight>,
    pub(super) valves: Vec<ValveSight>,
    /// What is given up, the first given up first.
    pub(super) given_up: Vec<String>,
    pub(super) orders: Orders,
    /// How this node stands with the others, where there are several.
    pub(super) nodes: Option<NodesSight>,
}

/// This node among the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodesSight {
    pub(super) nodes: u16,
    /// Seats of the whole house, and of those this node's.
    pub(super) house_seats: u32,
    pub(super) lease: u32,
    /// Seconds since the common store last answered, if it does not.
    pub(super) severed_seconds: Option<u64>,
    pub(super) trouble: Option<String>,
    pub(super) clock_ahead_ms: Option<i64>,
}

/// One lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LaneSight {
    pub(super) lane: String,
    pub(super) seated: u32,
    pub(super) waiting: u32,
    pub(super) tickets: u32,
    pub(super) per_minute: u32,
    pub(super) watermark: String,
    pub(super) closed: bool,
}

/// One valve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ValveSight {
    pub(super) valve: String,
    pub(super) limit: u32,
    pub(super) cause: String,
    pub(super) inflight: u32,
    pub(super) waiting: u32,
    pub(super) served: u32,
    pub(super) refused: u32,
    pub(super) base_ms: f64,
    pub(super) median_ms: f64,
    pub(super) saturated: bool,
}

impl Sight {
    pub(super) fn of(house: &str, platform: &Platform) -> Sight {
        let door = platform.door();
        let status: Status = door.status();
        let orders = door.orders();
        let shedding = door.shedding();
        let lanes = status.lanes.iter().map(|lane| LaneSight {
            lane: lane.lane.name().to_owned(),
            seated: lane.seated,
            waiting: lane.waiting,
            tickets: lane.tickets,
            per_minute: lane.per_minute,
            watermark: lane.watermark.to_string(),
            closed: orders.stopped || orders.closed.iter().any(|name| name == lane.lane.name()),
        });
        let at = status.at.unix_millis() / 1000;
        let now = u64::try_from(platform.now()).unwrap_or(0) / 1000;
        let (cause, cause_valve) = door.cause();
        Sight {
            house: house.to_owned(),
            at,
            moving: now.saturating_sub(at) < 10,
            ill: door.is_ill(),
            seats: status.seats,
            cause: cause.to_owned(),
            cause_valve,
            pace: status.pace.map(|pace| (pace * 100.0).round() / 100.0),
            taken: status.taken,
            set_aside: status.kept,
            toll_bits: status.toll_bits,
            lanes: lanes.collect(),
            valves: door.valves().into_iter().map(|(name, reading)| ValveSight::of(name, &reading)).collect(),
            given_up: shedding.given_up().iter().map(|rung: &Rung| rung.name().to_owned()).collect(),
            orders,
            nodes: door.nodes().map(|report| NodesSight {
                nodes: report.nodes,
                house_seats: report.seats,
                lease: report.lease,
                severed_seconds: report
                    .severed_since
                    .map(|since| now.saturating_sub(since.unix_millis() / 1000)),
                trouble: report.trouble,
                clock_ahead_ms: report.clock_ahead,
            }),
        }
    }
}

impl ValveSight {
    fn of(valve: String, reading: &ValveReading) -> ValveSight {
        let millis = |span: std::time::Duration| (span.as_secs_f64() * 10_000.0).round() / 10.0;
        ValveSight {
            valve,
            limit: reading.limit,
            cause: limit_word(reading.cause).to_owned(),
            inflight: reading.inflight,
            waiting: reading.waiting,
            served: reading.served,
            refused: reading.refused,
            base_ms: millis(reading.base),
            median_ms: millis(reading.median),
            saturated: reading.saturated,
        }
    }
}

/// The word for a cause, in JSON and at the end of text keys.
const fn limit_word(cause: LimitCause) -> &'static str {
    match cause {
        LimitCause::Start => "start",
        LimitCause::Idle => "idle",
        LimitCause::Rising => "rising",
        LimitCause::Steady => "steady",
        LimitCause::Falling => "falling",
        LimitCause::Probing => "probing",
        LimitCause::Rebased => "rebased",
        LimitCause::Failing => "failing",
        LimitCause::Silent => "silent",
        LimitCause::Ceiling => "ceiling",
        LimitCause::Floor => "floor",
    }
}
