//! Capacity: how many people may be in at once, and who says so.
//!
//! Today an operator does, with a quota. The interface is the one a controller that measures
//! response times will fill in: it is told the load once a tick and answers with a number of
//! seats and the cause of that number, which the console shows as it stands.

use crate::time::Moment;

/// What is known about the load when capacity is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Seats taken, those of unreturned and restored sessions included.
    pub seated: u32,
    /// Live people waiting, as estimated.
    pub waiting: u32,
}

/// Why the number of seats is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The operator typed it.
    Configured,
}

/// A number of seats and its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// People who may be in at once.
    pub seats: u32,
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
        Reading { seats: self.0, cause: Cause::Configured }
    }
}
