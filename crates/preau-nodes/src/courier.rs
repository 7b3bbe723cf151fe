//! What a node brings to a round and takes home from it: the sans-IO half of the carrier.
//!
//! Invariant: a round that failed leaves everything as it was, but for the number of the ask; the store may
//! have carried it out or not, and either is right.

use std::time::Duration;

use preau_gate::{Ask, Gate, Member, Moment, NodeId, Notice, SEATS};
use tokio::time::Instant;

use crate::nodes::Node;
use crate::outbox::Outbox;
use crate::report::{Refusal, Report};
use crate::wire::{Answer, BATCH, Round, Seats};

/// Notices sent in a round at most.
const SENT: usize = 64 * BATCH;
/// What was written this long ago must still be in the store, or it has lost its memory. Less than the ten
/// minutes for which it keeps notices.
const KEPT: Duration = Duration::from_secs(540);
/// Where the notices begin.
const BEGINNING: &str = "0-0";

/// The courier.
pub(crate) struct Courier {
    gate: Gate,
    member: Member,
    node: NodeId,
    former: Option<NodeId>,
    clock: Box<dyn Fn() -> Moment + Send + Sync>,
    started: Moment,
    outbox: Outbox,
    cursor: String,
    seats: Seats,
    configured: u32,
    joining: bool,
    /// The last notice written, and when.
    written: Option<(String, Instant)>,
    refused: Option<Refusal>,
    memory_lost: u32,
}

/// What is taken to a round.
pub(crate) struct Sheet {
    ask: Option<Ask>,
    notices: Vec<Notice>,
}

/// What came of a round.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// More is to be read at once.
    pub(crate) more: bool,
    /// The lease was renewed.
    pub(crate) granted: bool,
    /// The store knows that this node has left.
    pub(crate) left: bool,
}

impl Courier {
    pub(crate) fn new(node: Node) -> Courier {
        let Node { gate, member, seats, former, clock } = node;
        let configured = seats.min(SEATS);
        Courier {
            node: member.node(),
            gate,
            member,
            former,
            started: clock(),
            clock,
            outbox: Outbox::default(),
            cursor: BEGINNING.to_owned(),
            seats: Seats { number: configured, changed: 0 },
            configured,
            joining: true,
            written: None,
            refused: None,
            memory_lost: 0,
        }
    }

    /// Whose errands these are.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// Takes what the gate has to tell; whether the store is there or not.
    pub(crate) fn collect(&mut self) {
        self.outbox.add(self.gate.take_notices());
    }

    /// The operator changes the seats of the house.
    pub(crate) fn set_seats(&mut self, number: u32) {
        let now = self.member.clock((self.clock)()).unix_millis();
        self.seats = Seats { number: number.min(SEATS), changed: now.max(self.seats.changed + 1) };
    }

    /// The node is to leave.
    pub(crate) fn leave(&self) {
        self.member.leave();
    }

    /// What to take to a round now.
    pub(crate) fn prepare(&mut self) -> Sheet {
        let ask = self.member.ask(self.gate.watermarks(), (self.clock)());
        Sheet { ask, notices: self.outbox.take(SENT) }
    }

    /// The sheet as the store is told it.
    pub(crate) fn round<'a>(&'a self, sheet: &'a Sheet) -> Round<'a> {
        Round {
            node: self.node,
            ask: sheet.ask.as_ref(),
            seats: self.seats,
            configured: self.configured,
            joining: self.joining,
            former: self.former,
            cursor: &self.cursor,
            notices: &sheet.notices,
        }
    }

    /// The round failed.
    pub(crate) fn failed(&mut self, sheet: Sheet) {
        self.outbox.failed(sheet.notices);
    }

    /// The store has answered.
    pub(crate) fn answered(&mut self, sheet: Sheet, answer: Answer, now: Instant) -> Outcome {
        let own = (self.clock)();
        self.outbox.sent(sheet.notices, now);
        let lost = self.written.as_ref().is_some_and(|(written, at)| {
            now.duration_since(*at) < KEPT && position(&answer.last) < position(written)
        });
        if lost {
            self.memory_lost += 1;
            self.written = None;
        }
        if let Some(written) = answer.written {
            self.written = Some((written, now));
        }
        let mut outcome = Outcome { more: answer.more, ..Outcome::default() };
        match answer.grant {
            Some(Ok(grant)) => {
                self.refused = None;
                self.joining = false;
                // An operator may have spoken here since the round began.
                if answer.seats.changed >= self.seats.changed {
                    self.seats = answer.seats;
                }
                if let Some(watermarks) = self.member.granted(&grant, own) {
                    self.gate.adopt(&watermarks);
                }
                outcome.granted = true;
                outcome.left = sheet.ask.is_some_and(|ask| ask.leaving && ask.seated == 0);
            }
            Some(Err(refusal)) => self.refused = Some(refusal),
            None => {}
        }
        // After the grant: the first one sets the clock right.
        if !answer.notices.is_empty() {
            self.outbox.heard(&answer.notices);
            self.gate.hear(&answer.notices, self.member.clock(own));
        }
        if lost {
            self.outbox.tell_again();
        }
        self.cursor = answer.cursor;
        outcome
    }

    /// How the node stands.
    pub(crate) fn report(&self, trouble: Option<&str>, leaving: bool) -> Report {
        let own = (self.clock)();
        let membership = self.member.membership();
        let (unsent, given_up) = self.outbox.counts();
        Report {
            nodes: membership.nodes,
            seats: self.seats.number,
            lease: membership.lease,
            seated: membership.seated,
            severed_since: self.member.severed(own).then(|| membership.granted.unwrap_or(self.started)),
            trouble: trouble.map(str::to_owned),
            refused: self.refused,
            clock_ahead: membership.ahead,
            unsent,
            given_up,
            memory_lost: self.memory_lost,
            leaving,
        }
    }
}

/// Where an entry of a stream stands: "milliseconds-number".
fn position(id: &str) -> (u64, u64) {
    let part = |text: &str| text.parse().unwrap_or(0);
    id.split_once('-').map_or((0, 0), |(millis, number)| (part(millis), part(number)))
}
