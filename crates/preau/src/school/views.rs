//! What the import shows in its three steps: drop a file, look at what would change, apply.

use askama::Template;

use crate::ui::Shell;

/// The first step: a file to drop.
#[derive(Debug, Template)]
#[template(path = "school/import_drop.html")]
pub struct ImportDropPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// Where the file is sent (multipart, field `file`, several allowed).
    pub path: &'a str,
    /// Why the last file was refused: which line, what was expected, what stood there; empty at first.
    pub error: &'a str,
    /// "500 Mo": the largest file accepted.
    pub largest: &'a str,
}

/// The second step: what would change, before anything does.
#[derive(Debug, Template)]
#[template(path = "school/import_preview.html")]
pub struct ImportPreviewPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The file's name as it was sent.
    pub file: &'a str,
    /// What kind of file it was taken for: "AAF, complet du 23 novembre 2026".
    pub kind: &'a str,
    /// Counts by kind of thing.
    pub counts: &'a [ImportCount],
    /// Who and what, at most a page of them; the rest is said in `more`.
    pub changes: &'a [ImportChange],
    /// How many changes are not listed.
    pub more: u64,
    /// Lines that were skipped, and why.
    pub skipped: &'a [SkippedLine],
    /// How many lines were skipped in all.
    pub skipped_total: u64,
    /// Lines that were taken although something about them looks odd, and what.
    pub warnings: &'a [SkippedLine],
    /// How many remarks there are in all.
    pub warnings_total: u64,
    /// Set when so many would be removed that a person must confirm it.
    pub guard: Option<RemovalGuard>,
    /// Where the decision is posted; the guard's box is named `confirm-removal`.
    pub apply_path: &'a str,
    /// Where the preview is thrown away.
    pub discard_path: &'a str,
}

impl ImportPreviewPage<'_> {
    /// Whether applying would change nothing at all.
    pub fn nothing_new(&self) -> bool {
        self.counts.iter().all(|c| c.added == 0 && c.changed == 0 && c.removed == 0)
    }
}

/// How many of one kind of thing.
#[derive(Debug, Clone)]
pub struct ImportCount {
    /// "Élèves", "Responsables", "Classes".
    pub label: String,
    /// New.
    pub added: u64,
    /// Changed.
    pub changed: u64,
    /// Removed.
    pub removed: u64,
    /// Found and left as they are.
    pub same: u64,
}

/// One change.
#[derive(Debug, Clone)]
pub struct ImportChange {
    /// What happens.
    pub kind: ChangeKind,
    /// Who or what.
    pub name: String,
    /// "Élève, 4A", "classe 3B → 4A".
    pub detail: String,
}

/// What happens to a person or a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It changes.
    Changed,
    /// It goes.
    Removed,
}

/// A line with a remark; line 0 is the whole file.
#[derive(Debug, Clone)]
pub struct SkippedLine {
    /// Which file of an archive.
    pub file: String,
    /// Line number, from 1.
    pub line: u64,
    /// What was expected and what stood there.
    pub reason: String,
}

/// Why a person must confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovalGuard {
    /// How many people would be removed.
    pub removed: u64,
    /// Their share of the school, in hundredths.
    pub percent: u32,
}
