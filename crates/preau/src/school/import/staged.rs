//! What was read from the files, before anything is compared: dictionaries in memory (schools, classes,
//! subjects), people and their relations in the scratch database.
//!
//! It knows no store. A thing stated twice is kept as it was stated last, with its last relations.

use super::ImportError;
use super::state::{Role, Slot, Whole};
use super::store::{Scratch, Side};
use jiff::civil::Date;
use preau_formats::model::{
    Action, Contact, Deletion, Entry, Field, Format, Group, GroupKind, Legal, Link, PersonName, Pupil,
    Record, Relation, School, SourceKey, Staff, StaffProfile, System,
};
use preau_formats::{ImportMeta, Item, Place};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};

/// Remarks kept word for word; beyond that they are only counted.
const REMARKS_KEPT: usize = 1_000;

/// A remark about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remark {
    pub(super) file: String,
    /// From 1; 0 when it is about the whole file.
    pub(super) line: u64,
    pub(super) french: String,
    pub(super) english: String,
}

/// Remarks of one sort.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remarks {
    pub(super) total: u64,
    pub(super) kept: Vec<Remark>,
}

impl Remarks {
    pub(super) fn add(&mut self, remark: impl FnOnce() -> Remark) {
        self.total += 1;
        if self.kept.len() < REMARKS_KEPT {
            self.kept.push(remark());
        }
    }
}

/// A tie as a file states it, with the file's own name of the school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedTie {
    /// Empty: the school one imports into.
    pub(super) school: String,
    pub(super) profile: String,
    pub(super) label: String,
}

/// One statement about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedPerson {
    /// Only a change: the person must be known already.
    pub(super) modify: bool,
    pub(super) values: Vec<(Slot, Option<String>)>,
    /// Absent: nothing is said about ties.
    pub(super) ties: Option<Vec<StagedTie>>,
    pub(super) whole: Whole,
    pub(super) file: String,
    pub(super) line: u64,
}

/// A bond as a file states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedBond {
    pub(super) bond: super::state::Bond,
    pub(super) ended: bool,
    pub(super) file: String,
    pub(super) line: u64,
}

/// A school as a file states it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedSchool {
    pub(super) uai: Option<String>,
    pub(super) name: Option<String>,
    pub(super) category: Option<String>,
    pub(super) academy: Option<String>,
}

/// A class or group as a file states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedGroup {
    pub(super) school: String,
    pub(super) class: bool,
    pub(super) code: String,
    pub(super) label: Option<String>,
    pub(super) level: Option<String>,
    pub(super) deleted: bool,
}

/// Which relations occur in the files at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) classes: bool,
    pub(super) groups: bool,
    pub(super) bonds: bool,
    pub(super) class_teachings: bool,
    pub(super) group_teachings: bool,
    pub(super) tutors: bool,
}

/// Everything but the people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) meta: ImportMeta,
    pub(super) schools: BTreeMap<String, StagedSchool>,
    pub(super) groups: BTreeMap<String, StagedGroup>,
    /// Labels by code.
    pub(super) subjects: BTreeMap<String, Option<String>>,
    pub(super) roles: BTreeSet<Role>,
    pub(super) seen: Seen,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) skipped: Remarks,
    pub(super) warnings: Remarks,
}

impl Staged {
    /// Whether keys of people carry the part of the file they stand in: generic tables number pupils,
    /// staff and parents each on their own.
    pub(super) fn keys_by_role(&self) -> bool {
        self.meta.format == Format::Csv
    }
}

/// Receives what is read.
pub(super) struct Stage<'s> {
    scratch: &'s mut Scratch,
    staged: Staged,
    today: Date,
    hasher: RandomState,
    known: HashSet<u64>,
}

impl<'s> Stage<'s> {
    pub(super) fn new(scratch: &'s mut Scratch, meta: ImportMeta, today: Date) -> Self {
        let staged = Staged {
            meta,
            schools: BTreeMap::new(),
            groups: BTreeMap::new(),
            subjects: BTreeMap::new(),
            roles: BTreeSet::new(),
            seen: Seen::default(),
            counts: BTreeMap::new(),
            skipped: Remarks::default(),
            warnings: Remarks::default(),
        };
        Stage { scratch, staged, today, hasher: RandomState::new(), known: HashSet::new() }
    }

    /// Takes one item.
    ///
    /// # Errors
    /// The scratch database's.
    pub(super) fn receive(&mut self, item: Item) -> Result<(), ImportError> {
        match item {
            Item::Entry(entry) => self.entry(*entry),
            Item::Deletion(deletion) => self.deletion(deletion),
            Item::Skipped(skipped) => {
                self.staged
                    .skipped
                    .add(|| remark(&skipped.place, skipped.message_fr(), skipped.message_en()));
                Ok(())
            }
            Item::Warning(warning) => {
                self.staged
                    .warnings
                    .add(|| remark(&warning.place, warning.message_fr(), warning.message_en()));
                Ok(())
            }
        }
    }

    /// Everything was received.
    ///
    /// # Errors
    /// The scratch database's.
    pub(super) fn finish(mut self) -> Result<Staged, ImportError> {
        self.scratch.flush()?;
        let classes = self.staged.groups.values().filter(|group| group.class && !group.deleted).count();
        let groups = self.staged.groups.values().filter(|group| !group.class && !group.deleted).count();
        let counts = [
            ("schools", self.staged.schools.len() as u64),
            ("classes", classes as u64),
            ("groups", groups as u64),
            ("subjects", self.staged.subjects.len() as u64),
            ("pupils", self.scratch.count_people(Role::Pupil)?),
            ("staff", self.scratch.count_people(Role::Staff)?),
            ("guardians", self.scratch.count_people(Role::Guardian)?),
            ("guardianships", self.scratch.count_relations(Side::Bonds)?),
            ("enrolments", self.scratch.count_relations(Side::Enrolments)?),
            ("teachings", self.scratch.count_relations(Side::Teachings)?),
        ];
        self.staged.counts = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        Ok(self.staged)
    }

    /// The key of a person in the scratch database.
    fn key(&self, role: Role, key: &SourceKey) -> String {
        person_key(self.staged.keys_by_role(), role, &key.value)
    }

    fn deletion(&mut self, deletion: Deletion) -> Result<(), ImportError> {
        use preau_formats::model::Kind;
        let role = match deletion.kind {
            Kind::Pupil => Role::Pupil,
            Kind::Staff => Role::Staff,
            Kind::Guardian => Role::Guardian,
            Kind::Group => {
                if let Some(group) = self.staged.groups.get_mut(&group_key(&deletion.key)) {
                    group.deleted = true;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let key = self.key(role, &deletion.key);
        self.scratch.delete_person(key, role)
    }

    fn entry(&mut self, entry: Entry) -> Result<(), ImportError> {
        let Entry { place, action, record, given, replaces } = entry;
        let ended = action == Action::Remove;
        let how = How { place, modify: action == Action::Modify, given, whole: whole(&replaces) };
        match record {
            Record::School(key, school) => self.school(key, school),
            Record::StudyTrack(..) => {}
            Record::Subject(key, subject) => {
                let label = self.staged.subjects.entry(key.value).or_default();
                *label = subject.label.or_else(|| label.take());
            }
            Record::Group(key, group) => self.group(key, group),
            Record::Pupil(key, pupil) => return self.pupil(&key, pupil, how),
            Record::Staff(key, staff) => return self.staff(&key, staff, how),
            Record::Guardian(key, guardian) => {
                let values = values(&how.given, &guardian.name, None, &guardian.contact);
                return self.person(Role::Guardian, &key, values, None, how);
            }
            Record::Guardianship(tie) => {
                self.staged.seen.bonds = true;
                let bond = super::state::Bond {
                    link: link_word(tie.link).to_owned(),
                    legal: tie.legal == Legal::Guardian,
                    financial: tie.financial == Some(true),
                    contact: tie.contact == Some(true) || tie.legal == Legal::InCharge,
                    payment: tie.payment == Some(true),
                };
                let file = how.place.file_name().to_owned();
                let bond = StagedBond { bond, ended, file, line: how.place.line };
                // A pupil of age answers for themselves under one and the same key.
                let guardian = if tie.link == Link::Oneself { Role::Pupil } else { Role::Guardian };
                let (pupil, guardian) =
                    (self.key(Role::Pupil, &tie.pupil), self.key(guardian, &tie.guardian));
                return self.scratch.add_bond(pupil, guardian, &bond);
            }
            Record::Enrolment(enrolment) => {
                let class = self.names_class(&enrolment.group);
                self.staged.seen.classes |= class;
                self.staged.seen.groups |= !class;
                // Somebody who has already left the class is no pupil of it.
                let left = enrolment.to.is_some_and(|day| day < self.today);
                if !left || ended {
                    let pupil = self.key(Role::Pupil, &enrolment.pupil);
                    return self.scratch.add_enrolment(pupil, group_key(&enrolment.group), ended);
                }
            }
            Record::Teaching(teaching) => {
                let class = self.names_class(&teaching.group);
                self.staged.seen.class_teachings |= class;
                self.staged.seen.group_teachings |= !class;
                let subject = teaching.subject.map(|key| key.value).unwrap_or_default();
                let staff = self.key(Role::Staff, &teaching.staff);
                return self.scratch.add_teaching(staff, group_key(&teaching.group), subject, ended);
            }
            Record::HeadTeacher(tutor) => {
                self.staged.seen.tutors = true;
                let staff = self.key(Role::Staff, &tutor.staff);
                return self.scratch.add_tutor(staff, group_key(&tutor.group), ended);
            }
        }
        Ok(())
    }

    /// Whether a relation names a class, as against a group.
    fn names_class(&self, group: &SourceKey) -> bool {
        self.staged.groups.get(&group_key(group)).is_some_and(|group| group.class)
    }

    fn school(&mut self, key: SourceKey, school: School) {
        let known = self.staged.schools.entry(key.value).or_default();
        let School { uai, name, category, academy, .. } = school;
        known.uai = uai.or_else(|| known.uai.take());
        known.name = name.or_else(|| known.name.take());
        known.category = category.or_else(|| known.category.take());
        known.academy = academy.or_else(|| known.academy.take());
    }

    fn group(&mut self, key: SourceKey, group: Group) {
        let Group { kind, school, code, label, grade_level, .. } = group;
        let value = group_key(&key);
        let known = self.staged.groups.entry(value).or_insert_with(|| StagedGroup {
            school: school.map(|key| key.value).unwrap_or_default(),
            class: kind == GroupKind::Class,
            code,
            label: None,
            level: None,
            deleted: false,
        });
        known.label = label.or_else(|| known.label.take());
        known.level = grade_level.or_else(|| known.level.take());
    }

    fn pupil(&mut self, key: &SourceKey, pupil: Pupil, how: How) -> Result<(), ImportError> {
        let stated = how.given.contains(&Field::School) || !how.modify;
        let tie = StagedTie {
            school: pupil.school.map(|key| key.value).unwrap_or_default(),
            profile: crate::access::Profile::Pupil.word().to_owned(),
            label: String::new(),
        };
        let values = values(&how.given, &pupil.name, pupil.birth_date, &pupil.contact);
        self.person(Role::Pupil, key, values, stated.then(|| vec![tie]), how)
    }

    fn staff(&mut self, key: &SourceKey, staff: Staff, how: How) -> Result<(), ImportError> {
        let stated = how.given.contains(&Field::Functions) || !how.modify;
        let home = staff.school.as_ref().map(|key| key.value.clone()).unwrap_or_default();
        let mut ties: Vec<StagedTie> = Vec::new();
        for function in &staff.functions {
            ties.push(StagedTie {
                school: function.school.as_ref().map(|key| key.value.clone()).unwrap_or_default(),
                profile: profile_word(function.profile, &function.code, function.label.as_deref()).to_owned(),
                label: function.discipline.clone().or_else(|| function.label.clone()).unwrap_or_default(),
            });
        }
        if ties.is_empty() {
            let profile = profile_word(staff.profile(), "", None).to_owned();
            ties.push(StagedTie { school: home, profile, label: String::new() });
        }
        let values = values(&how.given, &staff.name, staff.birth_date, &staff.contact);
        self.person(Role::Staff, key, values, stated.then_some(ties), how)
    }

    fn person(
        &mut self,
        role: Role,
        key: &SourceKey,
        values: Vec<(Slot, Option<String>)>,
        ties: Option<Vec<StagedTie>>,
        how: How,
    ) -> Result<(), ImportError> {
        self.staged.roles.insert(role);
        let key = self.key(role, key);
        if !self.known.insert(self.hasher.hash_one((&key, role))) && !how.modify {
            self.scratch.forget_relations(&key, role)?;
        }
        let file = how.place.file_name().to_owned();
        let person =
            StagedPerson { modify: how.modify, values, ties, whole: how.whole, file, line: how.place.line };
        self.scratch.add_person(key, role, &person)
    }
}

/// How a record is to be applied.
struct How {
    place: Place,
    modify: bool,
    given: Vec<Field>,
    whole: Whole,
}

/// The key under which the scratch database knows a person.
pub(super) fn person_key(by_role: bool, role: Role, value: &str) -> String {
    if !by_role {
        return value.to_owned();
    }
    let mark = match role {
        Role::Pupil => 'p',
        Role::Staff => 's',
        Role::Guardian => 'g',
    };
    format!("{mark}:{value}")
}

/// The key under which a class or group is known; the two may share a code.
fn group_key(key: &SourceKey) -> String {
    match key.system {
        System::AafGroup | System::Aaf1dGroup | System::CsvGroup => format!("g/{}", key.value),
        _ => key.value.clone(),
    }
}

fn remark(place: &Place, french: String, english: String) -> Remark {
    Remark { file: place.file_name().to_owned(), line: place.line, french, english }
}

fn whole(replaces: &[Relation]) -> Whole {
    let has = |relation| replaces.contains(&relation);
    Whole {
        classes: has(Relation::Classes),
        groups: has(Relation::Groups),
        bonds: has(Relation::Guardianships),
        class_teachings: has(Relation::ClassTeachings),
        group_teachings: has(Relation::GroupTeachings),
        tutors: has(Relation::HeadTeacher),
    }
}

/// The fields a record speaks about, in the shape the table has.
fn values(
    given: &[Field],
    name: &PersonName,
    birth_date: Option<Date>,
    contact: &Contact,
) -> Vec<(Slot, Option<String>)> {
    let said = |field: &[Field]| field.iter().any(|field| given.contains(field));
    let mut values = vec![(Slot::Family, Some(name.family.clone())), (Slot::Given, Some(name.given.clone()))];
    let mut add = |fields: &[Field], slot: Slot, value: Option<String>| {
        if said(fields) {
            values.push((slot, value));
        }
    };
    add(&[Field::Title], Slot::Title, name.title.clone());
    add(&[Field::BirthDate], Slot::BirthDate, birth_date.map(|day| day.to_string()));
    add(&[Field::Email], Slot::Email, contact.email.clone());
    let mobile = contact.mobile.clone().or_else(|| contact.mobile_sms.clone());
    add(&[Field::Mobile, Field::MobileSms], Slot::Mobile, mobile);
    let phone = contact.home_phone.clone().or_else(|| contact.work_phone.clone());
    add(&[Field::HomePhone, Field::WorkPhone], Slot::Phone, phone);
    let address = contact.address.clone().unwrap_or_default();
    let lines = (!address.lines.is_empty()).then(|| address.lines.join("\n"));
    add(&[Field::AddressLines], Slot::Lines, lines);
    add(&[Field::PostalCode], Slot::PostalCode, address.postal_code);
    add(&[Field::Town], Slot::Town, address.town);
    add(&[Field::Country], Slot::Country, address.country);
    values
}

fn link_word(link: Link) -> &'static str {
    match link {
        Link::Mother => "mother",
        Link::Father => "father",
        Link::Parent => "parent",
        Link::Sibling => "sibling",
        Link::Ascendant => "ascendant",
        Link::Family => "family",
        Link::Educator => "educator",
        Link::FosterCarer => "foster_carer",
        Link::Childminder => "childminder",
        Link::Tutor => "tutor",
        Link::ChildWelfare => "child_welfare",
        Link::Oneself => "oneself",
        Link::Other => "other",
    }
}

/// The application's profile. Files put counsellors (CPE) and supervisors (AED) into one class; the code
/// or the words of the function tell them apart, and a doubt gives the lesser rights.
fn profile_word(profile: StaffProfile, code: &str, label: Option<&str>) -> &'static str {
    use crate::access::Profile;
    let profile = match profile {
        StaffProfile::Head => Profile::Head,
        StaffProfile::Teacher => Profile::Teacher,
        StaffProfile::Librarian => Profile::Librarian,
        StaffProfile::Staff | StaffProfile::Guest => Profile::Staff,
        StaffProfile::StudentLife => {
            let words = format!("{code} {}", label.unwrap_or_default()).to_lowercase();
            let says =
                |known: &[&str]| words.split_whitespace().any(|w| known.iter().any(|k| w.starts_with(k)));
            if code.eq_ignore_ascii_case("EDU") || says(&["cpe", "conseill", "counsel"]) {
                Profile::Counsellor
            } else {
                Profile::Supervisor
            }
        }
    };
    profile.word()
}
