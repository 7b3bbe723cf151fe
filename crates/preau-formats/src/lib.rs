//! Readers of the people formats that French schools are sent: AAF (secondary and primary), generic
//! CSV, OneRoster 1.1 and 1.2.
//!
//! [`Import::open`] takes files, folders and archives and says what they are; [`Import::read`] streams
//! neutral records ([`model`]) with the file and line they came from, together with what was skipped and
//! what looked odd ([`report`]), in French and English. Input that cannot be trusted as a whole
//! (truncated, malformed, dangerous) ends in one [`Error`] and nothing of it may be applied.
//!
//! This crate knows no database, no application type and no network; it never merges, resolves or
//! remembers people. Memory stays bounded by the number of schools, classes and subjects.
//!
//! ```no_run
//! use preau_formats::{Import, Item, Limits};
//!
//! let import = Import::open(["envoi.tgz"], Limits::default())?;
//! println!("{}", import.meta().format.label());
//! let summary = import.read(|item| -> Result<(), std::convert::Infallible> {
//!     match item {
//!         Item::Entry(entry) => println!("{} {:?}", entry.place, entry.record.kind()),
//!         Item::Deletion(deletion) => println!("{} gone", deletion.key),
//!         Item::Skipped(skipped) => println!("{}", skipped.message_fr()),
//!         Item::Warning(warning) => println!("{}", warning.message_fr()),
//!     }
//!     Ok(())
//! });
//! # Ok::<(), preau_formats::Error>(())
//! ```

mod aaf;
mod csv_columns;
mod csv_people;
mod detect;
pub mod error;
mod export;
mod import;
mod keys;
pub mod model;
mod oneroster;
mod outlet;
pub mod report;
mod source;
pub mod synthetic;
mod table;
mod text;
pub mod timetable;
mod values;
mod xml;

pub use error::{Bound, Error, Unsupported};
pub use export::csv_safe_cell;
pub use import::{Import, ReadError};
pub use model::{Format, GuardianRules, ImportMeta, Item};
pub use outlet::Summary;
pub use report::{Place, Skipped, Warning};
pub use source::{Content, Input, Limits};
