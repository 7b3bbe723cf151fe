//! The demonstration school: an invented collège with about 460 pupils in 19 classes, 40 teachers,
//! guardians, staff, work, notices, and a timetable in which a lesson is always in progress.
//!
//! `plan` invents (the same school every time), `fill` writes it once, `day` keeps lessons going around
//! the clock, `accounts` says how to sign in. All of it goes through the slices' own functions.

mod accounts;
mod day;
mod fill;
mod plan;
mod store;

pub use accounts::announce;
pub use day::keep_going;
pub use fill::fill;
