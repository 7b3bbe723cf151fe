//! Presence: who was seen at a lesson, in the live room or waiting in the gate, and when.
//!
//! `model` what was seen and how sightings add up · `log` collects them in memory and writes them in
//! batches · `store` the only SQL. The live room and the gate call [`PresenceLog`]; the roll call reads
//! [`sightings`]. It is no roll call: it says what was seen and never that somebody was absent.
//!
//! Invariant: a sighting taken is on disk a few seconds later, or stays in memory until it is, or is
//! refused aloud because memory is full; putting one in twice changes nothing.

mod log;
mod model;
mod store;
#[cfg(test)]
mod tests;

pub use log::{FLUSH_EVERY, MOST_PENDING, PresenceLog};
pub use model::{Kind, LONGEST_GAP_MS, Seen, Sighting};
pub use store::sightings;
