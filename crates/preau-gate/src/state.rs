//! State: what of the gate outlives a restart.
//!
//! Little does: the epoch of sessions, the watermarks, a coarse picture of the queue, and how many
//! seats were taken until when. Tickets and sessions are with their holders, and keys and draws
//! come from the secret, so that a gate restored from a snapshot a second old knows everyone's
//! place. Seats are restored as numbers and filled by their holders as they show their sessions.
//!
//! What a restart forgets: which tickets have been spent and who was out for re-entry. A spent
//! ticket can therefore get its device back in once more; it still gives one seat.

use serde::{Deserialize, Serialize};

use crate::draw::Rank;
use crate::lanes::{LANES, Lane};
use crate::time::Moment;

/// The format written here.
pub(crate) const FORMAT: u8 = 1;

/// Slots of a queue kept apart in a snapshot; neighbours are joined beyond that.
const SLOTS: usize = 512;

/// A lane's queue in a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    /// Which lane.
    pub lane: Lane,
    /// Everyone up to this place has been called.
    pub watermark: Rank,
    /// Share of waiting tickets believed live, 0 to 1.
    pub live_share: f64,
    /// Tickets not yet called: (slot in seconds since 1970, number).
    pub slots: Vec<(u32, u32)>,
}

/// Seats of one lane that end in the same minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatGroup {
    /// Which lane.
    pub lane: Lane,
    /// When they end if nothing is heard of their holders.
    pub ends: Moment,
    /// How many.
    pub seats: u32,
}

/// A slot shared by all who arrive before a bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The slot: the second at which it opens.
    pub slot: u32,
    /// The bell at which its order is drawn.
    pub bell: Moment,
}

/// What is written down every second or so, and read at the next start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of this format.
    pub format: u8,
    /// Epoch of sessions: those of another epoch are void.
    pub epoch: u8,
    /// When it was taken.
    pub saved: Moment,
    /// The message shown to all who wait.
    pub message: u16,
    /// The lanes, in order.
    pub lanes: Vec<LaneState>,
    /// Seats taken.
    pub seats: Vec<SeatGroup>,
    /// Slots shared before a bell.
    pub pools: Vec<Pool>,
}

/// A snapshot that cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not what this program writes, or cut short.
    #[error(
        "the gate's state is unreadable at line {line}, column {column}: {reason}. \
             Restore the file from a backup, or remove it to start with an empty queue"
    )]
    Unreadable {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader found.
        reason: String,
    },
    /// Written by another release.
    #[error("the gate's state has format {0}, this release reads format 1: start the release that wrote it")]
    Format(u8),
    /// Lanes missing or doubled.
    #[error("the gate's state must hold each of the four lanes once, in order; lane {0} is wrong")]
    Lanes(usize),
}

impl Snapshot {
    /// The snapshot as JSON, at most some 30 kB.
    pub fn to_json(&self) -> String {
        // Numbers, strings and lists: there is nothing in it that JSON could refuse.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// Says where the text stops making sense, and what to do about it.
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        let snapshot: Self = serde_json::from_str(text).map_err(|error| StateError::Unreadable {
            line: error.line(),
            column: error.column(),
            reason: error.to_string(),
        })?;
        snapshot.check()?;
        Ok(snapshot)
    }

    pub(crate) fn check(&self) -> Result<(), StateError> {
        if self.format != FORMAT {
            return Err(StateError::Format(self.format));
        }
        for (at, lane) in Lane::ALL.iter().enumerate() {
            if self.lanes.get(at).map(|state| state.lane) != Some(*lane) {
                return Err(StateError::Lanes(at));
            }
        }
        if self.lanes.len() > LANES { Err(StateError::Lanes(LANES)) } else { Ok(()) }
    }
}

/// Joins neighbouring slots until few enough are left. The later slot's number stands for both,
/// so that a restored queue never calls anyone before their place.
pub(crate) fn joined(slots: impl Iterator<Item = (u32, u32)>) -> Vec<(u32, u32)> {
    let slots: Vec<_> = slots.collect();
    let each = slots.len().div_ceil(SLOTS).max(1);
    slots
        .chunks(each)
        .filter_map(|chunk| Some((chunk.last()?.0, chunk.iter().map(|slot| slot.1).sum())))
        .collect()
}
