//! The comparison: what the files say against what the store knows, written down as a plan.
//!
//! The plan has two parts. [`Plan`] is small and is kept as it is (schools, classes, counts, the first
//! changes, remarks); the changes of people, one JSON line each, lie in a file beside the scratch
//! database, so that memory stays bounded. Nothing is written to the store here.

mod dictionary;
mod people;

use super::ImportError;
use super::staged::{Remarks, Staged};
use super::state::{Change, Role};
use super::store::{self, Scratch};
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::Store;
use dictionary::Dictionary;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Changes shown one by one.
const SHOWN: usize = 200;
/// Removals stated one by one that need no confirmation even in a tiny school.
const FEW: u64 = 20;
/// Days after which the date of a file is remarked upon.
const STALE_DAYS: i64 = 7;

/// How an import is to be understood.
#[derive(Debug, Clone)]
pub struct Options {
    /// The school meant by files that name none: its national number.
    pub school: Option<String>,
    /// The only school whose people may change, when somebody imports for their own school.
    pub only: Option<SchoolId>,
    /// Today, where the schools are.
    pub today: Date,
    /// Takes files that are older than what was applied, or dated in the future.
    pub allow_date: bool,
}

/// A school to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SchoolWrite {
    pub(super) id: SchoolId,
    pub(super) new: bool,
    pub(super) uai: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) academy: String,
    pub(super) source_key: String,
}

/// A class or group to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GroupWrite {
    pub(super) id: GroupId,
    pub(super) new: bool,
    pub(super) school: SchoolId,
    pub(super) class: bool,
    pub(super) code: String,
    pub(super) label: String,
    pub(super) level: String,
    pub(super) source_key: String,
}

impl GroupWrite {
    /// The table's word.
    pub(super) fn kind(&self) -> &'static str {
        if self.class { "class" } else { "group" }
    }
}

/// A subject to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NewSubject {
    pub(super) id: SubjectId,
    pub(super) new: bool,
    pub(super) school: SchoolId,
    pub(super) code: String,
    pub(super) label: String,
    pub(super) hue: i32,
}

/// What happens to one person; a line of the plan's file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PersonOp {
    pub(super) id: PersonId,
    /// For somebody new: naming system and name.
    pub(super) named: Option<(String, String)>,
    pub(super) change: Change,
    /// Guardians whose ties follow from this change.
    pub(super) guardians: Vec<PersonId>,
}

/// How many of one kind of thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// New.
    pub added: u64,
    /// Changed.
    pub changed: u64,
    /// Removed.
    pub removed: u64,
    /// Found and left as they are.
    pub same: u64,
}

/// What happens to somebody or something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Added,
    Changed,
    Removed,
}

/// One change as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) event: Event,
    /// The kind of [`Plan::tallies`].
    pub(super) kind: String,
    pub(super) name: String,
    /// Classes before and after, when they differ or matter.
    pub(super) before: String,
    pub(super) after: String,
}

/// What an import would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub(super) schools: Vec<SchoolWrite>,
    pub(super) groups: Vec<GroupWrite>,
    pub(super) subjects: Vec<NewSubject>,
    pub(super) removed_groups: Vec<GroupId>,
    /// Schools the files are about, for the journal.
    pub(super) about: Vec<SchoolId>,
    /// By kind: `pupils`, `staff`, `guardians`, `guardianships`, `schools`, `classes`, `groups`, `subjects`.
    pub tallies: BTreeMap<String, Tally>,
    pub(super) shown: Vec<Shown>,
    pub(super) skipped: Remarks,
    pub(super) warnings: Remarks,
    /// People with a tie to the schools, before.
    pub(super) population: u64,
    /// Where the files come from, to compare dates.
    pub(super) source: String,
    /// The last import applied when this was worked out.
    pub(super) base_run: i64,
    pub(super) guarded: bool,
}

impl Plan {
    /// People added, changed, removed.
    pub fn people(&self) -> Tally {
        let mut all = Tally::default();
        for kind in ["pupils", "staff", "guardians"] {
            let one = self.tallies.get(kind).copied().unwrap_or_default();
            all.added += one.added;
            all.changed += one.changed;
            all.removed += one.removed;
            all.same += one.same;
        }
        all
    }

    /// Whether applying would change nothing at all.
    pub fn is_empty(&self) -> bool {
        self.tallies.values().all(|tally| tally.added + tally.changed + tally.removed == 0)
    }

    /// Whether so many would be removed that a person must confirm it.
    pub fn needs_confirmation(&self) -> bool {
        self.guarded
    }

    /// The share of the people who would be removed, in hundredths, rounded up.
    pub fn removed_percent(&self) -> u32 {
        let removed = self.people().removed;
        u32::try_from((removed * 100).div_ceil(self.population.max(1))).unwrap_or(100).min(100)
    }
}

/// Counts and shows what happens.
struct Account {
    tallies: BTreeMap<String, Tally>,
    shown: Vec<Shown>,
    skipped: Remarks,
    warnings: Remarks,
}

impl Account {
    fn tally(&mut self, kind: &str) -> &mut Tally {
        self.tallies.entry(kind.to_owned()).or_default()
    }

    fn note(&mut self, kind: &str, event: Event, shown: impl FnOnce() -> Shown) {
        let tally = self.tally(kind);
        match event {
            Event::Added => tally.added += 1,
            Event::Changed => tally.changed += 1,
            Event::Removed => tally.removed += 1,
        }
        if self.shown.len() < SHOWN {
            self.shown.push(shown());
        }
    }
}

/// The word for people named in this part of a file.
fn kind_of(role: Role) -> &'static str {
    match role {
        Role::Pupil => "pupils",
        Role::Staff => "staff",
        Role::Guardian => "guardians",
    }
}

/// Works the plan out and leaves the people's changes in `file`.
///
/// # Errors
/// Files that may not be imported by this person or now, and what the databases say.
pub(super) fn work_out(
    store: &Store,
    scratch: &mut Scratch,
    staged: &Staged,
    options: &Options,
    file: &Path,
) -> Result<Plan, ImportError> {
    store.read_blocking::<_, ImportError>(|conn| {
        let out = std::fs::File::create(file).map_err(|error| ImportError::Scratch(error.to_string()))?;
        let mut account = Account {
            tallies: [
                "pupils",
                "staff",
                "guardians",
                "guardianships",
                "schools",
                "classes",
                "groups",
                "subjects",
            ]
            .into_iter()
            .map(|kind| (kind.to_owned(), Tally::default()))
            .collect(),
            shown: Vec::new(),
            skipped: staged.skipped.clone(),
            warnings: staged.warnings.clone(),
        };
        let mut dictionary = Dictionary::build(conn, scratch, staged, options, &mut account)?;
        let runs = store::applied_runs(conn, 500)?;
        let source = dictionary.source(staged);
        check_date(staged, options, &source, &runs, &mut account)?;
        let mut sweep = people::Sweep {
            conn,
            scratch,
            staged,
            options,
            dictionary: &mut dictionary,
            account: &mut account,
            out: BufWriter::with_capacity(256 * 1024, out),
        };
        sweep.resolve()?;
        sweep.compare()?;
        sweep.find_missing()?;
        let population = sweep.population()?;
        sweep.out.flush().map_err(|error| ImportError::Scratch(error.to_string()))?;
        let Dictionary { school_writes, group_writes, subject_writes, removed_groups, about, .. } =
            dictionary;
        let Account { mut tallies, shown, skipped, warnings } = account;
        for subject in &subject_writes {
            let tally = tallies.entry("subjects".to_owned()).or_default();
            if subject.new { tally.added += 1 } else { tally.changed += 1 }
        }
        let mut plan = Plan {
            schools: school_writes,
            groups: group_writes,
            subjects: subject_writes,
            removed_groups,
            about,
            tallies,
            shown,
            skipped,
            warnings,
            population,
            source,
            base_run: runs.first().map_or(0, |run| run.id),
            guarded: false,
        };
        let removed = plan.people().removed;
        let many = removed * 20 > plan.population;
        plan.guarded = many && (staged.meta.complete || removed > FEW);
        Ok(plan)
    })
}

/// Files are applied in the order of their dates: an older one would undo what a newer one brought.
fn check_date(
    staged: &Staged,
    options: &Options,
    source: &str,
    runs: &[store::AppliedRun],
    account: &mut Account,
) -> Result<(), ImportError> {
    let Some(date) = staged.meta.file_date else { return Ok(()) };
    if options.allow_date {
        return Ok(());
    }
    let words: BTreeSet<&str> = source.split(' ').filter(|word| !word.is_empty()).collect();
    let last = runs
        .iter()
        .filter(|run| run.format == staged.meta.format.label())
        .filter(|run| run.source.split(' ').any(|word| words.contains(word)))
        .filter_map(|run| run.file_date.as_deref()?.parse::<Date>().ok())
        .max();
    if let Some(last) = last.filter(|last| date < *last) {
        return Err(ImportError::Older { file: date, applied: last });
    }
    let week = STALE_DAYS.days();
    if options.today.checked_add(week).is_ok_and(|limit| date > limit) {
        return Err(ImportError::Future { file: date });
    }
    if date.checked_add(week).is_ok_and(|limit| limit < options.today) {
        account.warnings.add(|| super::staged::Remark {
            file: staged.meta.files.first().cloned().unwrap_or_default(),
            line: 0,
            french: format!(
                "fichier daté du {} : plus de {STALE_DAYS} jours ; un export plus récent existe peut-être",
                date.strftime("%d/%m/%Y")
            ),
            english: format!(
                "the file is dated {date}, more than {STALE_DAYS} days ago; there may be a newer export"
            ),
        });
    }
    Ok(())
}
