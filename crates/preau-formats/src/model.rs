//! What every import format is translated into: neutral records about schools and people.
//!
//! The records say what a file says, nothing more: they are not the application's types, they know no
//! database and they are never merged here. Relations (a pupil's classes, guardians, a teacher's
//! lessons) are records of their own that follow the person they belong to, so that an importer can
//! stage one row a record and compare sets afterwards without holding anyone in memory.
//!
//! Invariant: a [`SourceKey`] is stable from one export to the next and unique within its
//! [`System`]; the same key may be seen twice in one import, in which case the last one wins.

pub use crate::keys::{SourceKey, System};

use crate::report::{Place, Skipped, Warning};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What kind of thing a record or a deletion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A [`School`].
    School,
    /// A [`StudyTrack`].
    StudyTrack,
    /// A [`Subject`].
    Subject,
    /// A [`Group`] (class or group).
    Group,
    /// A [`Pupil`].
    Pupil,
    /// A [`Staff`] member (teachers included).
    Staff,
    /// A [`Guardian`] or other contact of a pupil.
    Guardian,
    /// A [`Guardianship`].
    Guardianship,
    /// An [`Enrolment`].
    Enrolment,
    /// A [`Teaching`].
    Teaching,
    /// A [`HeadTeacher`].
    HeadTeacher,
}

/// A school (établissement).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct School {
    /// National number, seven digits and a letter, upper case; absent in files that do not know it.
    pub uai: Option<String>,
    /// Usual name, as written in the file.
    pub name: Option<String>,
    /// Type in words or as a code (`COLLEGE`, `CLG`), as written.
    pub category: Option<String>,
    /// Contract code (`PU` public, …), as written.
    pub contract: Option<String>,
    /// Academy, as written.
    pub academy: Option<String>,
    /// SIREN or SIRET, as written.
    pub siren: Option<String>,
    /// Post address.
    pub address: Option<Address>,
    /// Main phone number, as written.
    pub phone: Option<String>,
    /// Address of the school's mailbox.
    pub email: Option<String>,
}

/// A study track (MEF).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyTrack {
    /// Label, as written.
    pub label: Option<String>,
    /// The statistical code (MEFSTAT11), when given.
    pub statistical_code: Option<String>,
}

/// A subject (matière).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Label, as written.
    pub label: Option<String>,
}

/// Whether a [`Group`] is a class (division) or a group of pupils of one or several classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// A division: every pupil has one.
    #[default]
    Class,
    /// A part of a class, or pupils of several classes.
    Group,
}

/// A class or a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Class or group.
    pub kind: GroupKind,
    /// The school; absent in a CSV file, where it is the school one imports into.
    pub school: Option<SourceKey>,
    /// Short code, as the school says it (`4A`).
    pub code: String,
    /// Longer label, when it is known.
    pub label: Option<String>,
    /// Grade level in words, when it is known.
    pub grade_level: Option<String>,
    /// Subject taught to this group, where the format attaches one to it (OneRoster).
    pub subject: Option<SourceKey>,
    /// Study tracks (codes) attached to a class.
    pub study_tracks: Vec<String>,
    /// For a group: the classes its pupils come from.
    pub classes: Vec<SourceKey>,
}

/// The names of a person, as written in the file (trimmed, NFC).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonName {
    /// Family name in use.
    pub family: String,
    /// Usual first name; may be empty for an organisation that acts as a guardian.
    pub given: String,
    /// Family name at birth, when given and different in meaning from `family`.
    pub birth_family: Option<String>,
    /// All first names, when given.
    pub other_given: Vec<String>,
    /// Title as written (`Mme`, `M.`).
    pub title: Option<String>,
}

/// A postal address; every part as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Up to four lines, empty ones dropped.
    pub lines: Vec<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub town: Option<String>,
    /// Country.
    pub country: Option<String>,
}

impl Address {
    /// Whether the address says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.postal_code.is_none() && self.town.is_none() && self.country.is_none()
    }
}

/// Ways to reach a person; every part as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// E-mail address.
    pub email: Option<String>,
    /// Phone at home.
    pub home_phone: Option<String>,
    /// Phone at work.
    pub work_phone: Option<String>,
    /// Mobile phone.
    pub mobile: Option<String>,
    /// Mobile phone on which the person accepts short messages.
    pub mobile_sms: Option<String>,
    /// Postal address.
    pub address: Option<Address>,
    /// Whether the address may be handed to parents' associations.
    pub address_disclosure: Option<bool>,
}

/// A pupil.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pupil {
    /// National pupil number; may be absent, never a key.
    pub ine: Option<String>,
    /// Names.
    pub name: PersonName,
    /// Date of birth.
    pub birth_date: Option<Date>,
    /// School of attachment.
    pub school: Option<SourceKey>,
    /// Study track (MEF).
    pub study_track: Option<SourceKey>,
    /// Grade level in words (`4EME`, `CE1`).
    pub grade_level: Option<String>,
    /// Boarding regime in words.
    pub boarding: Option<String>,
    /// Subjects followed (codes).
    pub subjects: Vec<SourceKey>,
    /// Ways to reach the pupil.
    pub contact: Contact,
    /// Login name in the source, if it gives one.
    pub username: Option<String>,
}

/// The profile a function gives to a member of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffProfile {
    /// Head or deputy head.
    Head,
    /// Teacher.
    Teacher,
    /// Librarian (documentaliste).
    Librarian,
    /// Student life: counsellors (CPE) and supervisors (AED).
    StudentLife,
    /// Any other staff.
    Staff,
    /// Somebody from outside, invited by the school.
    Guest,
}

/// One function of a member of staff, in one school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Where the function is held; absent in a CSV file.
    pub school: Option<SourceKey>,
    /// Code as written (`ENS`, `DIR`), or the label of a CSV file.
    pub code: String,
    /// Label as written.
    pub label: Option<String>,
    /// Discipline code.
    pub discipline_code: Option<String>,
    /// Discipline label.
    pub discipline: Option<String>,
    /// What the function makes of the person.
    pub profile: StaffProfile,
}

/// A member of staff: teacher, head, student life, other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// Names.
    pub name: PersonName,
    /// Date of birth.
    pub birth_date: Option<Date>,
    /// School of attachment (not necessarily where functions are held).
    pub school: Option<SourceKey>,
    /// Functions, one a school and kind; may be empty.
    pub functions: Vec<Function>,
    /// Whether the source says that the person stands in front of pupils.
    pub teaches: Option<bool>,
    /// Ways to reach the person.
    pub contact: Contact,
    /// Login name in the source, if it gives one.
    pub username: Option<String>,
}

impl Staff {
    /// The profile that gives the person most: head before teacher before librarian before student
    /// life before other staff. A person without function is a teacher if the source says that they
    /// stand in front of pupils, other staff otherwise.
    pub fn profile(&self) -> StaffProfile {
        let fallback = if self.teaches == Some(true) { StaffProfile::Teacher } else { StaffProfile::Staff };
        self.functions.iter().map(|f| f.profile).min().unwrap_or(fallback)
    }
}

/// A legal guardian or another contact of pupils. Whether it is one or the other is said by each
/// [`Guardianship`], never by the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    /// Names.
    pub name: PersonName,
    /// Ways to reach the person.
    pub contact: Contact,
    /// Login name in the source, if it gives one.
    pub username: Option<String>,
}

/// What a person is to a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Mother.
    Mother,
    /// Father.
    Father,
    /// A parent, without saying which.
    Parent,
    /// Brother or sister.
    Sibling,
    /// Grandparent or other ascendant.
    Ascendant,
    /// Another member of the family.
    Family,
    /// Educator.
    Educator,
    /// Foster carer.
    FosterCarer,
    /// Childminder.
    Childminder,
    /// Tutor.
    Tutor,
    /// Child welfare service (ASE).
    ChildWelfare,
    /// The pupil, of age, acts alone: pupil and guardian keys are the same.
    Oneself,
    /// Something else, or a code this crate does not know.
    Other,
}

/// What a person may decide for a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Legal {
    /// Legal guardian, with every right of a parent.
    Guardian,
    /// In charge of the pupil without being a legal guardian.
    InCharge,
    /// Only a contact.
    None,
}

/// The relation between a pupil and a guardian or contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardianship {
    /// The pupil.
    pub pupil: SourceKey,
    /// The guardian or contact. May be absent from the import (or arrive later).
    pub guardian: SourceKey,
    /// What the person is to the pupil.
    pub link: Link,
    /// What the person may decide.
    pub legal: Legal,
    /// Pays the bills.
    pub financial: Option<bool>,
    /// Is to be called.
    pub contact: Option<bool>,
    /// Receives payments (grants).
    pub payment: Option<bool>,
}

/// A pupil belongs to a class or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The pupil.
    pub pupil: SourceKey,
    /// The class or group.
    pub group: SourceKey,
    /// First day, if it is known.
    pub from: Option<Date>,
    /// Last day, if it is known.
    pub to: Option<Date>,
}

/// A member of staff teaches a class or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teaching {
    /// The teacher.
    pub staff: SourceKey,
    /// The class or group.
    pub group: SourceKey,
    /// What is taught; several subjects are several records.
    pub subject: Option<SourceKey>,
}

/// A teacher is the form tutor (professeur principal) of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadTeacher {
    /// The teacher.
    pub staff: SourceKey,
    /// The class.
    pub group: SourceKey,
}

/// One thing or one relation. Things carry the key they are known by; relations are known by the
/// keys they join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// A school.
    School(SourceKey, School),
    /// A study track.
    StudyTrack(SourceKey, StudyTrack),
    /// A subject.
    Subject(SourceKey, Subject),
    /// A class or group.
    Group(SourceKey, Group),
    /// A pupil.
    Pupil(SourceKey, Pupil),
    /// A member of staff.
    Staff(SourceKey, Staff),
    /// A guardian or contact.
    Guardian(SourceKey, Guardian),
    /// Pupil and guardian.
    Guardianship(Guardianship),
    /// Pupil and class or group.
    Enrolment(Enrolment),
    /// Teacher, class or group, subject.
    Teaching(Teaching),
    /// Teacher and class.
    HeadTeacher(HeadTeacher),
}

impl Record {
    /// The kind of the record.
    pub fn kind(&self) -> Kind {
        match self {
            Self::School(..) => Kind::School,
            Self::StudyTrack(..) => Kind::StudyTrack,
            Self::Subject(..) => Kind::Subject,
            Self::Group(..) => Kind::Group,
            Self::Pupil(..) => Kind::Pupil,
            Self::Staff(..) => Kind::Staff,
            Self::Guardian(..) => Kind::Guardian,
            Self::Guardianship(..) => Kind::Guardianship,
            Self::Enrolment(..) => Kind::Enrolment,
            Self::Teaching(..) => Kind::Teaching,
            Self::HeadTeacher(..) => Kind::HeadTeacher,
        }
    }

    /// The key of a thing; `None` for a relation.
    pub fn key(&self) -> Option<&SourceKey> {
        match self {
            Self::School(key, _)
            | Self::StudyTrack(key, _)
            | Self::Subject(key, _)
            | Self::Group(key, _)
            | Self::Pupil(key, _)
            | Self::Staff(key, _)
            | Self::Guardian(key, _) => Some(key),
            Self::Guardianship(_) | Self::Enrolment(_) | Self::Teaching(_) | Self::HeadTeacher(_) => None,
        }
    }
}

/// A field that a source spoke about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// `name.family`
    FamilyName,
    /// `name.given`
    GivenName,
    /// `name.birth_family`
    BirthFamilyName,
    /// `name.other_given`
    OtherGivenNames,
    /// `name.title`
    Title,
    /// `birth_date`
    BirthDate,
    /// `ine`
    Ine,
    /// `school`
    School,
    /// `study_track`
    StudyTrack,
    /// `grade_level`
    GradeLevel,
    /// `boarding`
    Boarding,
    /// `subjects` of a pupil, `subject` of a group
    Subjects,
    /// `contact.email`, `email` of a school
    Email,
    /// `contact.home_phone`, `phone` of a school
    HomePhone,
    /// `contact.work_phone`
    WorkPhone,
    /// `contact.mobile`
    Mobile,
    /// `contact.mobile_sms`
    MobileSms,
    /// `contact.address.lines`, `address.lines` of a school
    AddressLines,
    /// `contact.address.postal_code`
    PostalCode,
    /// `contact.address.town`
    Town,
    /// `contact.address.country`
    Country,
    /// `contact.address_disclosure`
    AddressDisclosure,
    /// `functions`
    Functions,
    /// `teaches`
    Teaches,
    /// `username`
    Username,
    /// `uai`
    Uai,
    /// `name` of a school, `label` of a subject, track or group
    Label,
    /// `category` of a school
    Category,
    /// `contract`
    Contract,
    /// `academy`
    Academy,
    /// `siren`
    Siren,
    /// `statistical_code`
    StatisticalCode,
    /// `study_tracks` of a class
    StudyTracks,
    /// `classes` of a group
    Classes,
}

/// A set of relations of one person that a source states in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The pupil's enrolments in classes.
    Classes,
    /// The pupil's enrolments in groups.
    Groups,
    /// The pupil's guardianships.
    Guardianships,
    /// The teacher's teachings in classes.
    ClassTeachings,
    /// The teacher's teachings in groups.
    GroupTeachings,
    /// The classes of which the teacher is form tutor.
    HeadTeacher,
}

/// Whether an entry creates (or states again) a thing, changes parts of one that must exist, or ends a
/// relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The thing is stated as a whole; create it or compare it.
    Add,
    /// Only [`Entry::given`] and [`Entry::replaces`] are stated; the rest stays as it is.
    Modify,
    /// Relations only, in partial exports: this one relation has ended.
    Remove,
}

/// A record with where it came from and how to apply it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// File and line the record starts at.
    pub place: Place,
    /// Whole statement or change.
    pub action: Action,
    /// The record itself.
    pub record: Record,
    /// The fields the source stated. A stated field that is empty in the record is to be cleared;
    /// a field that is not listed says nothing. An empty value of the file is listed only for the
    /// fields that an empty value clears: mobile numbers, address, study track.
    pub given: Vec<Field>,
    /// The relations stated in full: those that exist and do not follow this entry have ended. The
    /// relation records follow their person directly, before any other person's.
    pub replaces: Vec<Relation>,
}

/// A thing that the source wants removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// File and line.
    pub place: Place,
    /// What kind of thing.
    pub kind: Kind,
    /// Which one.
    pub key: SourceKey,
}

/// What comes out of an import, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// A thing or a relation. Boxed: a pupil is much larger than the other items.
    Entry(Box<Entry>),
    /// Something to remove.
    Deletion(Deletion),
    /// Something that was left out, and why.
    Skipped(Skipped),
    /// Something worth telling; nothing was left out.
    Warning(Warning),
}

/// Which format a set of files was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// AAF for secondary schools (2D).
    Aaf2d,
    /// AAF for primary schools (1D).
    Aaf1d,
    /// Generic CSV files: pupils, teachers, staff, parents, guests.
    Csv,
    /// OneRoster 1.1 CSV.
    OneRoster11,
    /// OneRoster 1.2 CSV.
    OneRoster12,
}

impl Format {
    /// Name shown to people; the same in every language.
    pub fn label(self) -> &'static str {
        match self {
            Self::Aaf2d => "AAF 2D",
            Self::Aaf1d => "AAF 1D",
            Self::Csv => "CSV",
            Self::OneRoster11 => "OneRoster 1.1",
            Self::OneRoster12 => "OneRoster 1.2",
        }
    }
}

/// How the legal code `2` of a guardianship is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardianRules {
    /// Grammar of 2013 (VE1301; link codes 1 to 7): `2` is the second legal guardian.
    Ve1301,
    /// Newer grammar (link codes 10 to 90): `2` is somebody in charge, who has no parental right.
    /// Also used whenever the files give no proof of the older one: a right refused by mistake is
    /// repaired with a phone call, a right granted by mistake is not.
    Current,
}

/// What is known of a set of files before reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMeta {
    /// The format recognised.
    pub format: Format,
    /// How guardianship codes are read. Always [`GuardianRules::Current`] outside AAF.
    pub guardian_rules: GuardianRules,
    /// Whether the files state everybody (so that absentees have left) or only changes.
    pub complete: bool,
    /// Date of the export, from the file names; the latest if they differ.
    pub file_date: Option<Date>,
    /// Prefix of the file names (the project or academy that ordered the export).
    pub prefix: Option<String>,
    /// The files that will be read, in reading order.
    pub files: Vec<String>,
}
