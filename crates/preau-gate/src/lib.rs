//! The gate: who may come in now, who waits, and in which order.
//!
//! On a morning when everyone comes at once, exactly as many are let in as can be served well. The
//! others get a ticket: a signed place in the queue that they carry themselves, so that waiting
//! costs the server nothing, reloading gains nothing, and a restart loses nobody.
//!
//! Two halves share one state. [`Gate`] answers requests: a signature and a look at a published
//! picture, without a lock for anyone who waits or is in. [`Scheduler`] moves the queue on once a
//! second. Neither does input or output, reads a clock or draws random numbers: the caller hands
//! in the moment and the randomness, so that eight in the morning can be tested at noon.
//!
//! This crate is not a web server and knows no people: pages, cookies and names are the
//! application's. Start reading at `gate.rs` (a request), then `scheduler.rs` (a tick), then
//! `seats.rs` (the only place where a seat is given).
//!
//! ```
//! use std::time::Duration;
//! use preau_gate::{Arrival, DeviceId, Moment, Quota, Rules, Scheduler, Secret, Verdict};
//!
//! let now = Moment::from_unix_seconds(1_795_000_000);
//! let secret = Secret::new([7; 32]); // 32 random bytes in earnest
//! let (gate, mut scheduler) = Scheduler::open(Rules::default(), secret, Box::new(Quota(1)), None, now)?;
//!
//! // The first visitor walks in, the second gets a ticket.
//! let first = gate.decide(&Arrival::default(), || DeviceId::new([1; 12]), now);
//! let second = gate.decide(&Arrival::default(), || DeviceId::new([2; 12]), now);
//! let (Verdict::Admit(admission), Verdict::Wait(wait)) = (first, second) else { unreachable!() };
//! assert_eq!(wait.people_before, 0);
//!
//! // The first one leaves; after the next tick the ticket opens the gate.
//! gate.release(&admission.session, now);
//! let later = now + Duration::from_secs(5);
//! scheduler.tick(later);
//! let ticket = wait.ticket.map(|text| text.to_string());
//! let arrival = Arrival { ticket: ticket.as_deref(), ..Arrival::default() };
//! assert!(matches!(gate.decide(&arrival, || DeviceId::new([3; 12]), later), Verdict::Admit(_)));
//! # Ok::<(), preau_gate::OpenError>(())
//! ```

mod atoms;
mod capacity;
mod draw;
mod estimate;
mod filter;
mod fleet;
mod gate;
mod kept;
mod keys;
mod ladder;
mod lanes;
mod member;
mod networks;
mod plan;
mod queue;
mod release;
mod rules;
mod scheduler;
mod seat;
mod seats;
mod session;
mod state;
mod ticket;
mod time;
mod toll;
mod verdict;
mod view;

pub use capacity::{
    Capacity, Cause, Found, FoundRules, Limit, LimitCause, LimitRules, LineRules, Load, Offer, Outcome,
    Quota, Reading, Turn, Valve, ValveReading, ValveReport,
};
pub use draw::{DrawError, DrawRecord, Rank, Seed, verify_draw};
pub use estimate::RangeMinutes;
pub use fleet::{Ask, Grant, Ledger, NODES, NodeId, SEATS};
pub use gate::{Gate, KeepError};
pub use keys::{SealError, Sealed, Secret};
pub use ladder::{Ladder, LadderRules, RUNGS, Rung, Step, Wish};
pub use lanes::{LANES, Lane, Shares, SharesError};
pub use member::{Member, Membership};
pub use networks::Network;
pub use plan::{Lesson, LessonId, Release};
pub use rules::{Rules, RulesError};
pub use scheduler::{OpenError, Scheduler};
pub use seat::{Notice, Word};
pub use session::{Mark, MarkText, Session, SessionText, Standing};
pub use state::{LaneState, Pool, SeatGroup, Snapshot, StateError};
pub use ticket::{DeviceId, Ticket, TicketText};
pub use time::Moment;
pub use toll::{Challenge, ChallengeText, TollError, proof_text};
pub use verdict::{Admission, Arrival, Claims, Verdict, Wait};
pub use view::{LaneStatus, Status};
