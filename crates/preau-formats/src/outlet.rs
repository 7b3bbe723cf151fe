//! The one way out of every reader: hands items to the receiver and counts them.
//!
//! Remarks that would repeat themselves (an unknown attribute of each pupil) are gathered here and
//! handed out once, at the end, with their count.

use crate::error::Error;
use crate::model::{Action, Deletion, Entry, Field, Item, Kind, Record, Relation, SourceKey};
use crate::report::{Notice, Place, SkipReason, Skipped, Warning};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Different names gathered at most; a hostile file may invent any number.
const MAX_GATHERED: usize = 1_000;

/// What was handed out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Entries that state or change something, a kind.
    pub entries: BTreeMap<Kind, u64>,
    /// Deletions, a kind.
    pub deletions: BTreeMap<Kind, u64>,
    /// Things left out.
    pub skipped: u64,
    /// Remarks.
    pub warnings: u64,
    /// Academies named by the schools, sorted.
    pub academies: Vec<String>,
}

impl Summary {
    /// Entries of one kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.entries.get(&kind).copied().unwrap_or(0)
    }
}

/// How an entry is to be applied; see [`Entry`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    pub(crate) action: Option<Action>,
    pub(crate) given: Vec<Field>,
    pub(crate) replaces: Vec<Relation>,
}

/// Receives everything a reader finds.
pub(crate) struct Outlet<'a> {
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
    summary: Summary,
    unknown: BTreeMap<String, (Place, u64)>,
}

impl<'a> Outlet<'a> {
    pub(crate) fn new(sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>) -> Self {
        Self { sink, summary: Summary::default(), unknown: BTreeMap::new() }
    }

    fn send(&mut self, item: Item) -> Result<(), Error> {
        match (self.sink)(item) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    /// States a thing as a whole or changes it.
    pub(crate) fn entry(&mut self, place: Place, record: Record, how: Statement) -> Result<(), Error> {
        *self.summary.entries.entry(record.kind()).or_default() += 1;
        if let Record::School(_, school) = &record
            && let Some(academy) = &school.academy
            && let Err(at) = self.summary.academies.binary_search(academy)
        {
            self.summary.academies.insert(at, academy.clone());
        }
        let Statement { action, given, replaces } = how;
        let action = action.unwrap_or(Action::Add);
        self.send(Item::Entry(Box::new(Entry { place, action, record, given, replaces })))
    }

    /// States that a relation has ended.
    pub(crate) fn ended(&mut self, place: Place, record: Record) -> Result<(), Error> {
        self.entry(place, record, Statement { action: Some(Action::Remove), ..Statement::default() })
    }

    /// States a relation.
    pub(crate) fn relation(&mut self, place: Place, record: Record) -> Result<(), Error> {
        self.entry(place, record, Statement::default())
    }

    pub(crate) fn delete(&mut self, place: Place, kind: Kind, key: SourceKey) -> Result<(), Error> {
        *self.summary.deletions.entry(kind).or_default() += 1;
        self.send(Item::Deletion(Deletion { place, kind, key }))
    }

    pub(crate) fn skip(&mut self, place: Place, reason: SkipReason) -> Result<(), Error> {
        self.summary.skipped += 1;
        self.send(Item::Skipped(Skipped { place, reason }))
    }

    pub(crate) fn warn(&mut self, place: Place, notice: Notice) -> Result<(), Error> {
        self.summary.warnings += 1;
        self.send(Item::Warning(Warning { place, notice }))
    }

    /// Notes a name the grammar does not know; it is reported once, at the end.
    pub(crate) fn unknown(&mut self, place: impl FnOnce() -> Place, name: &str) {
        if let Some((_, count)) = self.unknown.get_mut(name) {
            *count += 1;
        } else if self.unknown.len() < MAX_GATHERED {
            self.unknown.insert(name.to_owned(), (place(), 1));
        }
    }

    /// Hands out what was gathered.
    pub(crate) fn finish(mut self) -> Result<Summary, Error> {
        for (name, (place, count)) in std::mem::take(&mut self.unknown) {
            self.warn(place, Notice::UnknownAttribute { name, count })?;
        }
        Ok(self.summary)
    }
}
