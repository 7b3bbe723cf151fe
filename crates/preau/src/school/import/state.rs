//! What is known of a person, what a file says of them, and what follows from both. Pure: no database,
//! no file, no clock.
//!
//! Invariant: `diff(old, wanted(old, said))` applied to `old` gives `wanted(old, said)`, and a second
//! comparison finds nothing (the property tests of `state_tests`).

use crate::access::Profile;
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use preau_formats::model::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// In which of its parts a file speaks of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Role {
    Pupil,
    Staff,
    Guardian,
}

impl Role {
    pub(super) const ALL: [Role; 3] = [Role::Pupil, Role::Staff, Role::Guardian];

    pub(super) fn number(self) -> i32 {
        self as i32
    }

    pub(super) fn from_number(number: i32) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.number() == number)
    }

    /// Whether a tie of this profile comes from this part of a file. Ties that no file states (local
    /// administrators, authorities) belong to none and are never touched.
    pub(super) fn states(self, profile: Profile) -> bool {
        match profile {
            Profile::Pupil => self == Role::Pupil,
            Profile::Guardian => self == Role::Guardian,
            Profile::Teacher
            | Profile::Librarian
            | Profile::Supervisor
            | Profile::Counsellor
            | Profile::Head
            | Profile::Staff => self == Role::Staff,
            Profile::LocalAdmin | Profile::Authority => false,
        }
    }
}

/// A field of a person that files speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Slot {
    Family,
    Given,
    Title,
    BirthDate,
    Email,
    Mobile,
    Phone,
    /// Address lines, separated by line breaks.
    Lines,
    PostalCode,
    Town,
    Country,
}

/// The fields of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fields {
    pub(super) family: String,
    pub(super) given: String,
    pub(super) title: String,
    pub(super) birth_date: Option<String>,
    pub(super) email: Option<String>,
    pub(super) mobile: Option<String>,
    pub(super) phone: Option<String>,
    /// JSON, as the table keeps it.
    pub(super) address: Option<String>,
}

impl Fields {
    fn set(&mut self, slot: Slot, value: Option<&str>) {
        let owned = value.map(str::to_owned);
        match slot {
            // A person keeps their names: an empty one is a mistake of the file.
            Slot::Family => self.family = owned.unwrap_or_else(|| std::mem::take(&mut self.family)),
            Slot::Given => self.given = owned.unwrap_or_else(|| std::mem::take(&mut self.given)),
            Slot::Title => self.title = owned.unwrap_or_default(),
            Slot::BirthDate => self.birth_date = owned,
            Slot::Email => self.email = owned,
            Slot::Mobile => self.mobile = owned,
            Slot::Phone => self.phone = owned,
            Slot::Lines | Slot::PostalCode | Slot::Town | Slot::Country => self.set_address(slot, owned),
        }
    }

    fn set_address(&mut self, slot: Slot, value: Option<String>) {
        // What stands there was written below; something else is replaced.
        let kept = self.address.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mut address: Address = kept.unwrap_or_default();
        match slot {
            Slot::Lines => {
                address.lines = value.map(|v| v.lines().map(str::to_owned).collect()).unwrap_or_default();
            }
            Slot::PostalCode => address.postal_code = value,
            Slot::Town => address.town = value,
            _ => address.country = value,
        }
        self.address = if address.is_empty() { None } else { serde_json::to_string(&address).ok() };
    }
}

/// What a person is to a school.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Tie {
    pub(super) school: SchoolId,
    /// The database's word for the profile.
    pub(super) profile: String,
    /// The function in words.
    pub(super) label: String,
}

impl Tie {
    pub(super) fn profile(&self) -> Option<Profile> {
        Profile::from_word(&self.profile)
    }

    fn is_of(&self, role: Role) -> bool {
        self.profile().is_some_and(|profile| role.states(profile))
    }
}

/// What a guardian is to a pupil.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bond {
    pub(super) link: String,
    pub(super) legal: bool,
    pub(super) financial: bool,
    pub(super) contact: bool,
    pub(super) payment: bool,
}

/// Everything an import knows of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PersonState {
    pub(super) fields: Fields,
    /// Left, and not yet forgotten.
    pub(super) removed: bool,
    /// By school and profile.
    pub(super) ties: BTreeMap<(SchoolId, String), Tie>,
    pub(super) enrolled: BTreeSet<GroupId>,
    /// Form tutor or not, by class or group and subject (0: none named).
    pub(super) teaches: BTreeMap<(GroupId, SubjectId), bool>,
    /// For a pupil: who answers for them.
    pub(super) bonds: BTreeMap<PersonId, Bond>,
}

/// A set of relations: what a file adds, what it ends, and whether it states the whole set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relations<T> {
    pub(super) add: T,
    pub(super) end: T,
}

impl<T: Default> Default for Relations<T> {
    fn default() -> Self {
        Relations { add: T::default(), end: T::default() }
    }
}

/// Sets that are stated in full: what exists and is not stated has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whole {
    pub(super) classes: bool,
    pub(super) groups: bool,
    pub(super) bonds: bool,
    pub(super) class_teachings: bool,
    pub(super) group_teachings: bool,
    pub(super) tutors: bool,
}

impl Whole {
    /// Either.
    pub(super) fn or(self, other: Whole) -> Whole {
        Whole {
            classes: self.classes || other.classes,
            groups: self.groups || other.groups,
            bonds: self.bonds || other.bonds,
            class_teachings: self.class_teachings || other.class_teachings,
            group_teachings: self.group_teachings || other.group_teachings,
            tutors: self.tutors || other.tutors,
        }
    }
}

/// What the files say of one person, with every reference resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Fields spoken about; `None` clears.
    pub(super) values: Vec<(Slot, Option<String>)>,
    /// Ties by the part of the file that states them; absent: nothing is said about them.
    pub(super) ties: BTreeMap<Role, Vec<Tie>>,
    /// Parts of the file in which the person is named.
    pub(super) roles: BTreeSet<Role>,
    pub(super) enrolled: Relations<BTreeSet<GroupId>>,
    pub(super) teaches: Relations<BTreeSet<(GroupId, SubjectId)>>,
    pub(super) tutors: Relations<BTreeSet<GroupId>>,
    pub(super) bonds: Relations<BTreeMap<PersonId, Bond>>,
    pub(super) whole: Whole,
}

/// How far the files' word reaches.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// Schools whose people the files may change; none: every school.
    pub(super) schools: Option<HashSet<SchoolId>>,
    /// Parts that the files state completely: who is not named in one has no tie of that kind any more.
    pub(super) complete: BTreeSet<Role>,
    /// Where a class or group is, and whether it is a class.
    pub(super) groups: HashMap<GroupId, (SchoolId, bool)>,
}

impl Reach {
    pub(super) fn holds(&self, school: SchoolId) -> bool {
        self.schools.as_ref().is_none_or(|schools| schools.contains(&school))
    }

    /// Whether the group is one the files may speak about, and a class. Unknown groups are left alone.
    fn group(&self, group: GroupId) -> Option<bool> {
        let (school, class) = self.groups.get(&group)?;
        self.holds(*school).then_some(*class)
    }
}

/// What the person should be.
pub(super) fn wanted(old: Option<&PersonState>, said: &Said, reach: &Reach) -> PersonState {
    let mut new = old.cloned().unwrap_or_default();
    if !said.roles.is_empty() {
        new.removed = false;
    }
    for (slot, value) in &said.values {
        new.fields.set(*slot, value.as_deref().filter(|value| !value.is_empty()));
    }
    wanted_ties(&mut new, said, reach);
    wanted_groups(&mut new, said, reach);
    if said.whole.bonds {
        new.bonds.clear();
    }
    new.bonds.extend(said.bonds.add.iter().map(|(guardian, bond)| (*guardian, bond.clone())));
    for guardian in said.bonds.end.keys() {
        new.bonds.remove(guardian);
    }
    new
}

fn wanted_ties(new: &mut PersonState, said: &Said, reach: &Reach) {
    // Ties of guardians follow from their bonds and are worked out when all bonds are written.
    for role in [Role::Pupil, Role::Staff] {
        let stated = said.ties.get(&role);
        if stated.is_some() || (reach.complete.contains(&role) && !said.roles.is_empty()) {
            new.ties.retain(|_, tie| !tie.is_of(role) || !reach.holds(tie.school));
        }
        for tie in stated.into_iter().flatten().filter(|tie| reach.holds(tie.school)) {
            new.ties.insert((tie.school, tie.profile.clone()), tie.clone());
        }
    }
}

fn wanted_groups(new: &mut PersonState, said: &Said, reach: &Reach) {
    let ends = |group: GroupId, classes: bool, groups: bool| match reach.group(group) {
        Some(true) => classes,
        Some(false) => groups,
        None => false,
    };
    let whole = said.whole;
    new.enrolled.retain(|group| !ends(*group, whole.classes, whole.groups));
    new.enrolled.extend(&said.enrolled.add);
    new.enrolled.retain(|group| !said.enrolled.end.contains(group));

    let mut tutored: BTreeSet<GroupId> =
        new.teaches.iter().filter(|(_, tutor)| **tutor).map(|((group, _), _)| *group).collect();
    tutored.retain(|group| !ends(*group, whole.tutors, whole.tutors));
    tutored.extend(&said.tutors.add);
    tutored.retain(|group| !said.tutors.end.contains(group));
    let mut taught: BTreeSet<(GroupId, SubjectId)> = new.teaches.keys().copied().collect();
    taught.retain(|(group, _)| !ends(*group, whole.class_teachings, whole.group_teachings));
    taught.extend(&said.teaches.add);
    taught.retain(|pair| !said.teaches.end.contains(pair));
    // A form tutor belongs to the class even when no file says what they teach there.
    for group in &tutored {
        if taught.range((*group, SubjectId::from_raw(0))..).next().is_none_or(|(next, _)| next != group) {
            taught.insert((*group, SubjectId::from_raw(0)));
        }
    }
    new.teaches = taught.into_iter().map(|pair| (pair, tutored.contains(&pair.0))).collect();
}

/// What the person is once files no longer name them in `roles`: ties, classes and bonds within reach
/// end; without any tie left the person is removed.
pub(super) fn without(old: &PersonState, roles: &BTreeSet<Role>, reach: &Reach) -> PersonState {
    let mut new = old.clone();
    new.ties.retain(|_, tie| !reach.holds(tie.school) || !roles.iter().any(|role| tie.is_of(*role)));
    if new.ties.is_empty() {
        return PersonState { fields: new.fields, removed: true, ..PersonState::default() };
    }
    let reached = |group: &GroupId| reach.group(*group).is_some();
    if roles.contains(&Role::Pupil) {
        new.enrolled.retain(|group| !reached(group));
        // Somebody who is no pupil anywhere has nobody who answers for them.
        if !new.ties.values().any(|tie| tie.is_of(Role::Pupil)) {
            new.bonds.clear();
        }
    }
    if roles.contains(&Role::Staff) {
        new.teaches.retain(|(group, _), _| !reached(group));
    }
    new
}

/// What has to be written to turn one state into another: whole sets, since a set is replaced in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) fields: Option<Fields>,
    pub(super) removed: Option<bool>,
    pub(super) ties: Option<Vec<Tie>>,
    pub(super) enrolled: Option<Vec<GroupId>>,
    pub(super) teaches: Option<Vec<(GroupId, SubjectId, bool)>>,
    pub(super) bonds: Option<Vec<(PersonId, Bond)>>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        *self == Change::default()
    }

    /// Carries the change out in memory; what the database does with it must amount to the same.
    #[cfg(test)]
    pub(super) fn apply(&self, state: &mut PersonState) {
        let Change { fields, removed, ties, enrolled, teaches, bonds } = self.clone();
        if let Some(fields) = fields {
            state.fields = fields;
        }
        if let Some(removed) = removed {
            state.removed = removed;
        }
        if let Some(ties) = ties {
            state.ties = ties.into_iter().map(|tie| ((tie.school, tie.profile.clone()), tie)).collect();
        }
        if let Some(enrolled) = enrolled {
            state.enrolled = enrolled.into_iter().collect();
        }
        if let Some(teaches) = teaches {
            state.teaches = teaches.into_iter().map(|(g, s, tutor)| ((g, s), tutor)).collect();
        }
        if let Some(bonds) = bonds {
            state.bonds = bonds.into_iter().collect();
        }
    }
}

/// The difference between two states.
pub(super) fn diff(old: &PersonState, new: &PersonState) -> Change {
    Change {
        fields: (old.fields != new.fields).then(|| new.fields.clone()),
        removed: (old.removed != new.removed).then_some(new.removed),
        ties: (old.ties != new.ties).then(|| new.ties.values().cloned().collect()),
        enrolled: (old.enrolled != new.enrolled).then(|| new.enrolled.iter().copied().collect()),
        teaches: (old.teaches != new.teaches).then(|| {
            new.teaches.iter().map(|((group, subject), tutor)| (*group, *subject, *tutor)).collect()
        }),
        bonds: (old.bonds != new.bonds)
            .then(|| new.bonds.iter().map(|(guardian, bond)| (*guardian, bond.clone())).collect()),
    }
}
