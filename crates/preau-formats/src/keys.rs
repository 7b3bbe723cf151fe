//! The names sources give to things, and the numberings these names belong to.
//!
//! Invariant: a value is unique within its [`System`], so that a pair of both can be a database key.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The naming system a [`SourceKey`] belongs to. Persons, classes and groups of one format have
/// systems of their own, so that a class and a group that share a code never collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// `ENTStructureJointure` of a secondary school file.
    AafStructure,
    /// `ENTPersonJointure` of a secondary school file; unique within one academy only.
    AafPerson,
    /// `structure$code` of a class named in a secondary school file.
    AafClass,
    /// `structure$code` of a group named in a secondary school file.
    AafGroup,
    /// `ENTStructureJointure` of a primary school file.
    Aaf1dStructure,
    /// `ENTPersonJointure` of a primary school file (another numbering than [`System::AafPerson`]).
    Aaf1dPerson,
    /// `structure$class id` of a primary school class.
    Aaf1dClass,
    /// `structure$group id` of a primary school group.
    Aaf1dGroup,
    /// Code of a subject in the national nomenclature (BCN), six characters, or a local code.
    Subject,
    /// Code of a study track (MEF), eleven characters.
    StudyTrack,
    /// The national number of a school (UAI: seven digits and a letter), upper case.
    Uai,
    /// Identifier column of a generic CSV file, or a key derived from name and birth date.
    CsvPerson,
    /// Class name in a generic CSV file, prefixed by `UAI$` when the row names its school.
    CsvClass,
    /// Group name in a generic CSV file, prefixed by `UAI$` when the row names its school.
    CsvGroup,
    /// Subject label of a generic CSV file, folded to upper case without accents.
    CsvSubject,
    /// `sourcedId` of a OneRoster organisation.
    OneRosterOrg,
    /// `sourcedId` of a OneRoster user.
    OneRosterUser,
    /// `sourcedId` of a OneRoster class.
    OneRosterClass,
    /// `sourcedId` of a OneRoster course.
    OneRosterCourse,
}

impl System {
    /// Short name for storage and logs, for instance `aaf-person`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AafStructure => "aaf-structure",
            Self::AafPerson => "aaf-person",
            Self::AafClass => "aaf-class",
            Self::AafGroup => "aaf-group",
            Self::Aaf1dStructure => "aaf1d-structure",
            Self::Aaf1dPerson => "aaf1d-person",
            Self::Aaf1dClass => "aaf1d-class",
            Self::Aaf1dGroup => "aaf1d-group",
            Self::Subject => "subject",
            Self::StudyTrack => "study-track",
            Self::Uai => "uai",
            Self::CsvPerson => "csv-person",
            Self::CsvClass => "csv-class",
            Self::CsvGroup => "csv-group",
            Self::CsvSubject => "csv-subject",
            Self::OneRosterOrg => "one-roster-org",
            Self::OneRosterUser => "one-roster-user",
            Self::OneRosterClass => "one-roster-class",
            Self::OneRosterCourse => "one-roster-course",
        }
    }
}

/// The name a source gives to a thing: a value within a naming system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceKey {
    /// Which numbering the value belongs to.
    pub system: System,
    /// The identifier itself, trimmed, never empty.
    pub value: String,
}

impl SourceKey {
    /// Pairs a system with a value.
    pub fn new(system: System, value: impl Into<String>) -> Self {
        Self { system, value: value.into() }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.system.as_str(), self.value)
    }
}
