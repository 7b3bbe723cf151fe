//! The contract of the store, held to on both engines: every test of this suite runs once on SQLite and
//! once on PostgreSQL, except where it says why not.
//!
//! It uses what slices use (`Store`, `Tx`, a permit) and looks from outside where a promise is about
//! what is on disk. What survives a `kill -9` is proven in `tests/kill.rs`.

mod batches;
mod chain;
mod engine;
mod faults;
mod interleavings;
mod readers;
