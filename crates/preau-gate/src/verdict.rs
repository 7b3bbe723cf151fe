//! The verdict: what the gate says to one request, and what it needs to know for it.
//!
//! A verdict is an answer, not an action: setting cookies and writing pages is the caller's part.

use std::time::Duration;

use crate::draw::Rank;
use crate::estimate::RangeMinutes;
use crate::lanes::Lane;
use crate::networks::Network;
use crate::plan::LessonId;
use crate::rules::Rules;
use crate::session::{Session, SessionText};
use crate::ticket::{DeviceId, TicketText};
use crate::time::Moment;
use crate::toll::Challenge;

/// A request at the gate: what its cookies hold, unchecked, and what the timetable says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival<'a> {
    /// The session cookie.
    pub session: Option<&'a str>,
    /// The ticket cookie.
    pub ticket: Option<&'a str>,
    /// The device mark cookie.
    pub mark: Option<&'a str>,
    /// The end of the lesson that this device's holder is due in, when the caller knows one: it
    /// puts a known device into the lesson lane, and keeps its seat until the lesson is over.
    pub lesson_ends: Option<Moment>,
}

/// What is known or claimed of a request besides its cookies. Everything may be left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims<'a> {
    /// The lesson of the plan that the device's holder is due in, when the caller knows one. Counts
    /// for known devices only.
    pub lesson: Option<LessonId>,
    /// Where it comes from; used for unknown devices only.
    pub network: Option<Network>,
    /// An answer to the challenge of a ticket of the unknown lane.
    pub proof: Option<&'a str>,
    /// A class code as typed.
    pub class_code: Option<&'a str>,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Come in.
    Admit(Admission),
    /// Wait.
    Wait(Wait),
}

/// Let in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Admission {
    /// The session, checked.
    pub session: Session,
    /// When set, the session cookie to send; any ticket cookie may be cleared with it.
    pub renewed: Option<SessionText>,
}

/// Not yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// When set, the ticket cookie to send: its holder has just come to the queue.
    pub ticket: Option<TicketText>,
    /// The lane.
    pub lane: Lane,
    /// Who waits, for those who keep a list of who was present.
    pub device: DeviceId,
    /// Since when: proof of presence.
    pub arrived: Moment,
    /// The place, for the page to compare with the watermark of `/now`. Before the bell it shows
    /// the slot alone, the draw is secret until then.
    pub rank: Rank,
    /// Live people before this place, as estimated.
    pub people_before: u32,
    /// How long it may take.
    pub range_minutes: RangeMinutes,
    /// When to ask again, jitter included.
    pub interval: Duration,
    /// What is waited for before anything else: the bell at which the order will be drawn, or the
    /// moment at which access opens to one's lesson.
    pub opens_at: Option<Moment>,
    /// `opens_at` is a bell at which the order will be drawn.
    pub drawn_at_bell: bool,
    /// The turn has come, but no seat is free this second: the next one is.
    pub called: bool,
    /// What to compute meanwhile: without it (or a class code) one waits behind those who have.
    pub challenge: Option<Challenge>,
    /// The ticket shown was forged, or is so old that nobody can tell. There is no place behind this
    /// answer: clear the ticket cookie, and the next request gets one. Only with
    /// `Rules::refuse_forged`.
    pub forged: bool,
}

impl Wait {
    /// The cheapest answer there is, for those who send forgeries.
    pub(crate) fn forged(rules: &Rules, now: Moment) -> Self {
        Self {
            ticket: None,
            lane: Lane::Unknown,
            device: DeviceId::new([0; 12]),
            arrived: now,
            rank: Rank::default(),
            people_before: 0,
            range_minutes: RangeMinutes { low: 0, high: None },
            interval: rules.poll.0,
            opens_at: None,
            drawn_at_bell: false,
            called: false,
            challenge: None,
            forged: true,
        }
    }

    /// The place as sixteen hexadecimal digits, in the form `/now` uses.
    pub fn rank_text(&self) -> String {
        self.rank.to_string()
    }
}
