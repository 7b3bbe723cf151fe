//! What the integration tests share: fixtures, writing inputs, collecting what comes out.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use preau_formats::model::{Deletion, Entry, Guardianship, Kind, Record, SourceKey};
use preau_formats::{Error, Import, ImportMeta, Item, Limits, ReadError, Skipped, Summary, Warning};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// A fixture of this crate.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Everything an import gave.
#[derive(Debug)]
pub struct Outcome {
    pub meta: ImportMeta,
    pub summary: Summary,
    pub items: Vec<Item>,
}

impl Outcome {
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry.as_ref()),
            _ => None,
        })
    }

    pub fn records(&self, kind: Kind) -> Vec<&Record> {
        self.entries().map(|entry| &entry.record).filter(|record| record.kind() == kind).collect()
    }

    pub fn entry(&self, kind: Kind, value: &str) -> &Entry {
        self.entries()
            .find(|e| e.record.kind() == kind && e.record.key().is_some_and(|key| key.value == value))
            .unwrap_or_else(|| panic!("no {kind:?} {value}"))
    }

    pub fn guardianship(&self, pupil: &str, guardian: &str) -> &Guardianship {
        self.entries()
            .find_map(|e| match &e.record {
                Record::Guardianship(g) if g.pupil.value == pupil && g.guardian.value == guardian => Some(g),
                _ => None,
            })
            .unwrap_or_else(|| panic!("no guardianship {pupil} {guardian}"))
    }

    pub fn skipped(&self) -> Vec<&Skipped> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Item::Skipped(skipped) => Some(skipped),
                _ => None,
            })
            .collect()
    }

    pub fn warnings(&self) -> Vec<&Warning> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Item::Warning(warning) => Some(warning),
                _ => None,
            })
            .collect()
    }

    pub fn deletions(&self) -> Vec<&Deletion> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Item::Deletion(deletion) => Some(deletion),
                _ => None,
            })
            .collect()
    }

    pub fn count(&self, kind: Kind) -> u64 {
        self.summary.count(kind)
    }

    /// Classes or groups of a pupil, by value.
    pub fn groups_of(&self, pupil: &str) -> Vec<String> {
        self.entries()
            .filter_map(|e| match &e.record {
                Record::Enrolment(e) if e.pupil.value == pupil => Some(e.group.value.clone()),
                _ => None,
            })
            .collect()
    }
}

/// Opens and reads.
pub fn import<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Result<Outcome, Error> {
    import_within(paths, Limits::default())
}

/// Opens and reads within bounds of one's own.
pub fn import_within<P: Into<PathBuf>>(
    paths: impl IntoIterator<Item = P>,
    limits: Limits,
) -> Result<Outcome, Error> {
    let import = Import::open(paths.into_iter().map(Into::<PathBuf>::into), limits)?;
    let mut items = Vec::new();
    let summary = import
        .read(|item| {
            items.push(item);
            Ok::<(), Infallible>(())
        })
        .map_err(|error| match error {
            ReadError::Import(error) => error,
            ReadError::Receiver(never) => match never {},
        })?;
    Ok(Outcome { meta: import.meta().clone(), summary, items })
}

/// Writes files into a fresh folder.
pub fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// Imports files given by content.
pub fn import_files(files: &[(&str, &[u8])]) -> Result<Outcome, Error> {
    let dir = folder(files);
    import([dir.path()])
}

/// An AAF file around requests.
pub fn aaf(requests: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">\n<ficAlimMENESR>\n{requests}</ficAlimMENESR>\n")
        .into_bytes()
}

/// An `addRequest` for a person.
pub fn add_person(category: &str, id: &str, attributes: &[(&str, &[&str])]) -> String {
    let mut out = format!(
        "<addRequest>\n<operationalAttributes><attr name=\"categoriePersonne\"><value>{category}</value></attr></operationalAttributes>\n<identifier><id>{id}</id></identifier>\n<attributes>\n<attr name=\"ENTPersonJointure\"><value>{id}</value></attr>\n"
    );
    for (name, values) in attributes {
        out.push_str(&format!("<attr name=\"{name}\">"));
        for value in *values {
            out.push_str(&format!("<value>{value}</value>"));
        }
        out.push_str("</attr>\n");
    }
    out.push_str("</attributes>\n</addRequest>\n");
    out
}

/// A key's value.
pub fn value(key: &SourceKey) -> &str {
    &key.value
}
