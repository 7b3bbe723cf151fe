//! Applying a plan: one write, all or nothing, in one order: schools, classes, people, what joins them.
//!
//! The file of changes is read twice, because people refer to people: first everybody comes into being,
//! then their ties are written. Rows go in by some hundred at a time.

use super::plan::{PersonOp, Plan};
use super::state::{Bond, Fields, Tie};
use super::store as rows;
use super::{ImportError, Reading, report};
use crate::ids::{GroupId, Millis, PersonId, SubjectId};
use crate::store::{Authorised, Store, Tx};
use diesel::QueryResult;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows a statement. PostgreSQL takes 65,535 values in one, SQLite 32,766.
const ROWS: usize = 500;

/// What others do when people come and go. Identity and the session cache stand above this slice, so the
/// application hands them in.
#[derive(Clone)]
pub struct Followers {
    /// People who are new or came back, inside the write: they need accounts.
    pub joined: fn(&mut Tx<'_>, &[PersonId]) -> QueryResult<()>,
    /// People who left, inside the write: their sessions end.
    pub left: fn(&mut Tx<'_>, &[PersonId]) -> QueryResult<()>,
    /// After the commit: whatever is remembered about people is old.
    pub changed: Arc<dyn Fn() + Send + Sync>,
}

impl Default for Followers {
    /// Nobody follows.
    fn default() -> Self {
        Followers { joined: |_, _| Ok(()), left: |_, _| Ok(()), changed: Arc::new(|| {}) }
    }
}

/// Who applies, and when they began.
pub(super) struct Applicant {
    /// 0: the operator.
    pub(super) person: i64,
    pub(super) started_at: Millis,
    pub(super) allow_removals: bool,
}

impl Reading {
    /// Applies a plan of these files; call it from a thread that may block.
    ///
    /// # Errors
    /// [`ImportError::Guard`], [`ImportError::Meanwhile`], or the store's; nothing is changed then.
    pub(super) fn apply(
        &self,
        store: &Store,
        permit: &impl Authorised,
        plan: Plan,
        followers: &Followers,
        applicant: Applicant,
    ) -> Result<(), ImportError> {
        if plan.needs_confirmation() && !applicant.allow_removals {
            let (removed, percent) = (plan.people().removed, plan.removed_percent());
            return Err(ImportError::Guard { removed, percent });
        }
        let (changes, followers) = (self.changes(), followers.clone());
        let meta = self.staged.meta.clone();
        let text = report::document(&self.staged, &plan, true).to_string();
        store.write_blocking(permit, move |tx| {
            let last = rows::applied_runs(tx.conn(), 1)?.first().map_or(0, |run| run.id);
            if last != plan.base_run {
                return Err(ImportError::Meanwhile);
            }
            let mut work =
                Work { tx, changes, joined: Vec::new(), left: Vec::new(), guardians: BTreeSet::new() };
            work.things(&plan)?;
            work.people()?;
            work.relations()?;
            let Work { tx, joined, left, guardians, .. } = work;
            let guardians: Vec<PersonId> = guardians.into_iter().collect();
            for some in guardians.chunks(ROWS) {
                rows::renew_guardian_ties(tx, some)?;
            }
            for some in plan.removed_groups.chunks(ROWS) {
                rows::remove_groups(tx, some)?;
            }
            (followers.joined)(tx, &joined)?;
            (followers.left)(tx, &left)?;
            let run = rows::insert_run(
                tx,
                &rows::RunLine {
                    started_at: applicant.started_at,
                    started_by: applicant.person,
                    format: meta.format.label(),
                    complete: meta.complete,
                    file_date: meta.file_date.map(|date| date.to_string()),
                    source: &plan.source,
                    report: &text,
                },
            )?;
            tx.note("import_run", run);
            for school in &plan.about {
                tx.note_as("school.import", "school", school.get());
            }
            for person in &left {
                tx.note_as("person.remove", "person", person.get());
            }
            let changed = Arc::clone(&followers.changed);
            tx.after_commit(move || changed());
            Ok(())
        })
    }
}

struct Work<'w, 'c> {
    tx: &'w mut Tx<'c>,
    changes: PathBuf,
    joined: Vec<PersonId>,
    left: Vec<PersonId>,
    guardians: BTreeSet<PersonId>,
}

/// Reads the file of changes from its beginning.
fn each(path: &Path, mut take: impl FnMut(PersonOp) -> Result<(), ImportError>) -> Result<(), ImportError> {
    let broken = |error: &dyn std::fmt::Display| ImportError::Scratch(error.to_string());
    let file = File::open(path).map_err(|error| broken(&error))?;
    for line in BufReader::with_capacity(256 * 1024, file).lines() {
        let line = line.map_err(|error| broken(&error))?;
        take(serde_json::from_str(&line).map_err(|error| broken(&error))?)?;
    }
    Ok(())
}

impl Work<'_, '_> {
    /// Schools, classes, groups, subjects.
    fn things(&mut self, plan: &Plan) -> Result<(), ImportError> {
        for school in &plan.schools {
            rows::write_school(self.tx, school)?;
        }
        for group in &plan.groups {
            rows::write_group(self.tx, group)?;
        }
        rows::write_subjects(self.tx, &plan.subjects)?;
        Ok(())
    }

    /// Everybody who is new comes into being; those who are known change, leave or come back.
    fn people(&mut self) -> Result<(), ImportError> {
        let (tx, joined, left) = (&mut *self.tx, &mut self.joined, &mut self.left);
        let mut fresh: Vec<(PersonId, Fields)> = Vec::new();
        let mut names: Vec<(String, String, PersonId)> = Vec::new();
        let mut back: Vec<PersonId> = Vec::new();
        each(&self.changes, |op| {
            match (op.named, op.change.fields) {
                (Some((system, value)), fields) => {
                    fresh.push((op.id, fields.unwrap_or_default()));
                    names.push((system, value, op.id));
                    joined.push(op.id);
                }
                (None, Some(fields)) => rows::update_person(tx, op.id, &fields)?,
                (None, None) => {}
            }
            match op.change.removed {
                Some(true) => left.push(op.id),
                Some(false) => {
                    back.push(op.id);
                    joined.push(op.id);
                }
                None => {}
            }
            if fresh.len() == ROWS {
                rows::insert_people(tx, &fresh, &names)?;
                fresh.clear();
                names.clear();
            }
            Ok(())
        })?;
        if !fresh.is_empty() {
            rows::insert_people(tx, &fresh, &names)?;
        }
        for some in left.chunks(ROWS) {
            rows::mark_removed(tx, some, true)?;
        }
        for some in back.chunks(ROWS) {
            rows::mark_removed(tx, some, false)?;
        }
        Ok(())
    }

    /// What joins people to schools, classes and one another.
    fn relations(&mut self) -> Result<(), ImportError> {
        let guardians = &mut self.guardians;
        let mut known = Sets::default();
        let mut fresh = Sets { fresh: true, ..Sets::default() };
        let tx = &mut *self.tx;
        each(&self.changes, |op| {
            guardians.extend(op.guardians);
            let sets = if op.named.is_some() { &mut fresh } else { &mut known };
            sets.ties.extend(op.change.ties.map(|set| (op.id, set)));
            sets.enrolled.extend(op.change.enrolled.map(|set| (op.id, set)));
            sets.teaches.extend(op.change.teaches.map(|set| (op.id, set)));
            sets.bonds.extend(op.change.bonds.map(|set| (op.id, set)));
            sets.flush_when(tx, ROWS)
        })?;
        fresh.flush_when(tx, 1)?;
        known.flush_when(tx, 1)
    }
}

/// Sets waiting to be written.
#[derive(Default)]
struct Sets {
    /// These people are new: there is nothing to replace.
    fresh: bool,
    ties: Vec<(PersonId, Vec<Tie>)>,
    enrolled: Vec<(PersonId, Vec<GroupId>)>,
    teaches: Vec<(PersonId, Vec<(GroupId, SubjectId, bool)>)>,
    bonds: Vec<(PersonId, Vec<(PersonId, Bond)>)>,
}

impl Sets {
    fn flush_when(&mut self, tx: &mut Tx<'_>, most: usize) -> Result<(), ImportError> {
        if self.ties.len() >= most {
            rows::replace_ties(tx, &self.ties, self.fresh)?;
            self.ties.clear();
        }
        if self.enrolled.len() >= most {
            rows::replace_enrolments(tx, &self.enrolled, self.fresh)?;
            self.enrolled.clear();
        }
        if self.teaches.len() >= most {
            rows::replace_teachings(tx, &self.teaches, self.fresh)?;
            self.teaches.clear();
        }
        if self.bonds.len() >= most {
            rows::replace_bonds(tx, &self.bonds, self.fresh)?;
            self.bonds.clear();
        }
        Ok(())
    }
}
