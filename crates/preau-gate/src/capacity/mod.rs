//! Capacity: how many people may be in at once, how fast more may come, and who says so.
//!
//! Either an operator does, with a [`Quota`], or it is found by watching what the upstreams bear:
//! `limit.rs` finds how many requests one upstream takes at once, `line.rs` holds back what comes
//! beyond that for a moment, and `found.rs` turns both into a number of people. The scheduler asks
//! once a tick and shows number and cause as they stand.

mod found;
mod limit;
mod line;

pub use found::{Found, FoundRules, ValveReport};
pub use limit::{Limit, LimitCause, LimitRules, Outcome};
pub use line::{LineRules, Offer, Turn, Valve, ValveReading};

use crate::time::Moment;

/// What is known about the load when capacity is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Seats taken, those of unreturned and restored sessions included.
    pub seated: u32,
    /// Live people waiting, as estimated.
    pub waiting: u32,
    /// People let in since capacity was last asked for.
    pub admitted: u32,
}

/// Why the number of seats, or the pace, is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The operator typed it.
    Configured,
    /// As many as the operator allows; nothing has shown that they are too many.
    Ceiling,
    /// The pace is growing, or stands where nobody has asked for more.
    Ramp,
    /// What this valve has left over, less a reserve, bears no more.
    Headroom(u16),
    /// This valve has just been asked for more than it can do: the pace was halved.
    Saturated(u16),
    /// The least that the operator wants let in whatever is measured.
    Floor,
    /// A lease from the nodes' common store.
    Leased,
    /// The store cannot be reached: the last lease goes on.
    Severed,
}

/// A number of seats, a pace, and their cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// People who may be in at once.
    pub seats: u32,
    /// New people a second at most; `None` for as many as there are seats.
    pub pace: Option<f64>,
    /// Why.
    pub cause: Cause,
}

/// Says how many people may be in at once. Asked once a tick; lowering the number lets nobody new
/// in until enough have left, and puts nobody out.
pub trait Capacity: Send {
    /// The number of seats from now on.
    fn read(&mut self, load: Load, now: Moment) -> Reading;
}

/// A capacity typed by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(pub u32);

impl Capacity for Quota {
    fn read(&mut self, _: Load, _: Moment) -> Reading {
        Reading { seats: self.0, pace: None, cause: Cause::Configured }
    }
}
