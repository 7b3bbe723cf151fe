//! Recordings of lessons that a LiveKit server carries: its recorder (Egress) writes a file for each track into a folder
//! that both reach, and what it wrote is taken over into files like those of the embedded engine's recordings.
//!
//! `plan` what is to be written, pure · `reel` one recording while it runs, pure · `desk` the task that asks and listens ·
//! `shelf` files. What differs for people: the recorder is a process of its own for each track, so it begins a few
//! seconds late, and what it holds is lost when it is killed. Invariants: a track is asked for only if it may be
//! recorded at that moment; nothing later than a recording's end is taken over, however late the recorder stops; what the
//! server should have told and did not is found out by asking.

mod desk;
mod plan;
mod reel;
mod shelf;
#[cfg(test)]
mod tests;

pub(super) use desk::{Begin, Begun, Desk, Ground, Note};
pub(super) use reel::Told;
pub(super) use shelf::{Shelf, salvage};
#[cfg(test)]
pub(super) use tests::pictures;
