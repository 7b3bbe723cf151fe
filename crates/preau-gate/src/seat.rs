//! A seat, who asks for one, and what becomes of it: the words of the book of seats (`seats.rs`).
//!
//! It only names; nothing here decides.

use std::time::Duration;

use crate::lanes::Lane;
use crate::plan::LessonId;
use crate::rules::Rules;
use crate::session::Session;
use crate::ticket::DeviceId;
use crate::time::Moment;

/// What one node tells the others about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which device.
    pub device: DeviceId,
    /// When it took its seat, or was revoked.
    pub at: Moment,
    /// When the node that says so gave it the seat, or took its session up from another node.
    pub taken: Moment,
    /// What has happened there.
    pub word: Word,
}

/// What a notice says of a device. All but the last say of that seat, too, that it is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It has its seat there.
    Seated,
    /// It has its seat there, and has closed a page: heard of elsewhere, its holder takes the seat along and keeps it.
    Leaving,
    /// The page stayed closed and the seat is given back: its holder returns like everybody who was in.
    Left,
    /// Its sessions are void.
    Revoked,
}

/// Who asks for a seat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) device: DeviceId,
    pub(crate) lane: Lane,
    /// Since when they have been here.
    pub(crate) arrived: Moment,
    pub(crate) held_until: Option<Moment>,
    pub(crate) lesson: Option<LessonId>,
    /// By the narrow sub-lane of those who have not paid the toll.
    pub(crate) narrow: bool,
    /// The ticket's number, if they come with one.
    pub(crate) spent: Option<u64>,
}

/// A seat taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) lane: Lane,
    pub(crate) lesson: Option<LessonId>,
    pub(crate) narrow: bool,
    pub(crate) seated: Moment,
    /// When this node gave it, or took the session up from another node.
    pub(crate) taken: Moment,
    pub(crate) waited: Duration,
    pub(crate) renewed: Moment,
    pub(crate) held_until: Option<Moment>,
    /// Its holder has closed the page: free from then on, unless they are heard of before.
    pub(crate) leaving: Option<Moment>,
    /// The browser has not sent the session back yet.
    pub(crate) provisional: bool,
    /// The ticket it was taken with, to be made good again if the browser never came back.
    pub(crate) spent: Option<u64>,
    /// Where the seat stands in the order of ends; it is looked at then, and moved on if renewed.
    pub(crate) looked_at: Moment,
}

impl Seat {
    /// When it is free if nothing more is heard of its holder.
    pub(crate) fn ends(&self, device: DeviceId, epoch: u8, rules: &Rules) -> Moment {
        self.leaving.unwrap_or_else(|| self.session(device, epoch).ends(rules))
    }

    pub(crate) fn session(&self, device: DeviceId, epoch: u8) -> Session {
        Session {
            lane: self.lane,
            device,
            seated: self.seated,
            waited: self.waited,
            held_until: self.held_until,
            renewed: self.renewed,
            provisional: self.provisional,
            epoch,
        }
    }
}

/// Somebody who was in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Former {
    pub(crate) ended: Moment,
    pub(crate) lane: Lane,
    pub(crate) arrived: Moment,
    pub(crate) held_until: Option<Moment>,
    pub(crate) lesson: Option<LessonId>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Standby {
    pub(crate) lane: Lane,
    pub(crate) seen: Moment,
}

/// What became of a presented session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Presented {
    /// Still seated; to be signed anew.
    Seated(Session),
    /// Its device has taken a seat since: a copy.
    Superseded,
    /// Ended, or not known here.
    Ended,
}

/// What became of a request for a seat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    Seated(Session),
    /// No seat this moment; the asker stands by.
    Full,
    /// The ticket had its seat already, and that is over.
    Spent,
}

/// What became of somebody without a ticket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entered {
    Seated(Session),
    /// Entitled to come back, but even the overdraft is used up: first in line.
    Next,
    No,
}

/// How a newcomer without a ticket may get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Only back in: as the holder of a seat, or within the re-entry span, or a teacher.
    Back,
    /// Through the open door: nobody is waiting.
    Open,
    /// To a seat set aside for their lesson, or not at all.
    Kept,
}
