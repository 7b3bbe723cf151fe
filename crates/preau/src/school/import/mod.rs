//! Import of people and classes: read the files, compare, show, apply all or nothing.
//!
//! `staged` what was read (people lie in a scratch database, so that memory stays bounded) · `state` the
//! comparison of one person, pure · `plan` the comparison of everything · `apply` one write of the store ·
//! `report` what is said about it · `command` the command line · `pages` three clicks for the local
//! administrator · `shelf` previews waiting for the third click.
//!
//! Invariants: nothing reaches the store before everything was read and compared, and then in one
//! transaction; applying the same files again changes nothing; people, ties and classes that came from
//! elsewhere (by hand, from another kind of file) are never removed.

mod apply;
pub mod command;
mod pages;
mod plan;
mod policy;
mod report;
mod shelf;
mod staged;
mod state;
#[cfg(test)]
mod state_tests;
mod store;
#[cfg(test)]
mod tests;
mod upload;

pub use apply::Followers;
pub use pages::{ImportState, routes};
pub use plan::{Options, Plan, Tally};
pub use policy::ImportPeople;

use crate::store::StoreError;
use jiff::civil::Date;
use preau_formats::{Import, Input, Limits, ReadError};
use staged::{Stage, Staged};
use std::path::{Path, PathBuf};
use store::Scratch;
use thiserror::Error;

/// Why files are not imported. Nothing was changed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The files themselves.
    #[error("{}", .0.message_en())]
    Input(#[from] preau_formats::Error),
    /// The scratch files.
    #[error("the import's scratch files: {0}")]
    Scratch(String),
    /// The store, while waiting or committing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A statement.
    #[error("database: {0}")]
    Query(#[from] diesel::result::Error),
    /// Files that name no school, and several to choose from.
    #[error("the files name no school; say which one with --school UAI")]
    NoSchool,
    /// Somebody who may import for one school gave the file of another.
    #[error("the files are about another school: {named}")]
    ForeignSchool {
        /// The school found.
        named: String,
    },
    /// A partial file without schools, and people of several academies.
    #[error("the files do not say which academy they belong to, and several are known here")]
    AcademyUnknown,
    /// Older than what was applied.
    #[error("the file is dated {file}, older than the one applied last ({applied}); --allow-date takes it")]
    Older {
        /// Date of the file.
        file: Date,
        /// Date of the file applied last.
        applied: Date,
    },
    /// Dated in the future.
    #[error("the file is dated {file}, in the future; --allow-date takes it")]
    Future {
        /// Date of the file.
        file: Date,
    },
    /// Too many people would be removed and nobody confirmed it.
    #[error(
        "{removed} people ({percent} %) would be removed, more than 5 %: is the export complete? \
         --allow-removals applies it"
    )]
    Guard {
        /// People to remove.
        removed: u64,
        /// Their share, in hundredths.
        percent: u32,
    },
    /// Another import was applied since the comparison.
    #[error("another import was applied in the meantime; look again")]
    Meanwhile,
}

impl ImportError {
    /// Whether this is the doing of the files or of the person, not of the machine.
    pub fn is_about_input(&self) -> bool {
        !matches!(self, ImportError::Scratch(_) | ImportError::Store(_) | ImportError::Query(_))
    }
}

/// Files that were read, and the folder in which the scratch files lie.
#[derive(Debug)]
pub struct Reading {
    folder: PathBuf,
    staged: Staged,
}

impl Reading {
    /// Reads files, folders and archives; the scratch files go into `folder`, which the caller removes.
    ///
    /// # Errors
    /// [`ImportError::Input`] for what cannot be trusted as a whole.
    pub fn take(inputs: Vec<Input>, folder: &Path, today: Date) -> Result<Reading, ImportError> {
        let import = Import::open(inputs, Limits::default())?;
        let mut scratch = Scratch::open(&folder.join("scratch.db"))?;
        scratch.begin()?;
        let mut stage = Stage::new(&mut scratch, import.meta().clone(), today);
        match import.read(|item| stage.receive(item)) {
            Ok(_) => {}
            Err(ReadError::Import(error)) => return Err(error.into()),
            Err(ReadError::Receiver(error)) => return Err(error),
        }
        let staged = stage.finish()?;
        scratch.commit()?;
        Ok(Reading { folder: folder.to_owned(), staged })
    }

    /// Compares with the store.
    ///
    /// # Errors
    /// Files that may not be imported by this person or now, and what the databases say.
    pub fn compare(&self, store: &crate::store::Store, options: &Options) -> Result<Plan, ImportError> {
        let mut scratch = Scratch::open(&self.folder.join("scratch.db"))?;
        plan::work_out(store, &mut scratch, &self.staged, options, &self.changes())
    }

    /// Where the changes of people lie, one JSON line each.
    fn changes(&self) -> PathBuf {
        self.folder.join("changes.jsonl")
    }
}
