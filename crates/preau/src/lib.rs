//! Préau: the application behind the one binary.
//!
//! `app` puts the parts together; every other module is a slice (a feature with its pages, rules and
//! tables) or one of the four floors that slices stand on: `edge`, `access`, `store`, `ui`. The plan
//! of the house is in `docs/architecture.md`.

pub mod about;
pub mod access;
pub mod app;
pub mod classes;
pub mod classroom;
pub mod config;
pub mod console;
pub mod demo;
pub mod edge;
pub mod evidence;
pub mod files;
pub mod gateway;
pub mod homework;
pub mod identity;
pub mod ids;
pub mod lesson;
pub mod notices;
pub mod presence;
pub mod recording;
pub mod rollcall;
pub mod school;
pub mod serving;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod timetable;
pub mod today;
pub mod ui;
