//! File formats of the school world, read without touching network, clock or database.
//!
//! Each reader turns bytes that somebody else's software wrote into plain records, and says line by
//! line what it could not use. Nothing here decides what happens to the records: previewing,
//! matching with known people and storing belong to the application.

pub mod timetable;
