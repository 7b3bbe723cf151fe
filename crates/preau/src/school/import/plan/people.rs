//! People, some hundred at a time: who the keys are, what changes, who is missing.

use super::super::staged::{Remark, Staged, StagedPerson};
use super::super::state::{self, PersonState, Reach, Role, Said, Tie, Whole};
use super::super::store::{self, Ref, Scratch};
use super::dictionary::Dictionary;
use super::{Account, Event, ImportError, Options, PersonOp, Shown, kind_of};
use crate::access::Profile;
use crate::ids::{PersonId, SchoolId};
use crate::store::Conn;
use preau_formats::report::SkipReason;
use preau_formats::{Format, Place, Skipped};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write;

/// People at a time.
const BATCH: i64 = 500;

/// Everything a sweep over the people needs.
pub(super) struct Sweep<'s, W: Write> {
    pub(super) conn: &'s mut Conn,
    pub(super) scratch: &'s mut Scratch,
    pub(super) staged: &'s Staged,
    pub(super) options: &'s Options,
    pub(super) dictionary: &'s mut Dictionary,
    pub(super) account: &'s mut Account,
    pub(super) out: W,
}

impl<W: Write> Sweep<'_, W> {
    /// Finds out who every key is: somebody known, somebody new, or nobody.
    pub(super) fn resolve(&mut self) -> Result<(), ImportError> {
        self.scratch.begin()?;
        self.scratch.fill_refs()?;
        let mut after = String::new();
        loop {
            let mut refs = self.scratch.refs(&after, BATCH)?;
            let (Some(first), Some(last)) = (refs.first(), refs.last()) else { break };
            let (first, last) = (first.key.clone(), last.key.clone());
            let people = self.scratch.people(&first, &last)?;
            self.find(&mut refs)?;
            let foreign = self.people_of_others(&refs)?;
            for one in &mut refs {
                let stated = people.get(&one.key);
                if foreign.contains(&one.id) {
                    self.leave_out(stated);
                    one.id = PersonId::from_raw(0);
                } else if !one.known {
                    match stated {
                        Some(stated) if stated.iter().any(|(_, person)| !person.modify) => {
                            one.id = PersonId::fresh();
                        }
                        Some(stated) => self.unknown_change(&one.key, stated),
                        None => {}
                    }
                } else if stated.is_none() && self.is_gone(&one.key) {
                    one.id = PersonId::from_raw(0);
                }
            }
            self.scratch.resolve(&refs)?;
            after = last;
        }
        self.scratch.index_refs()?;
        self.scratch.commit()
    }

    /// Looks the keys up in the store.
    fn find(&mut self, refs: &mut [Ref]) -> Result<(), ImportError> {
        let mut by_system: HashMap<String, Vec<(usize, String)>> = HashMap::new();
        for (at, one) in refs.iter().enumerate() {
            let (system, value) = self.dictionary.naming.person(&one.key);
            by_system.entry(system).or_default().push((at, value));
        }
        for (system, values) in by_system {
            let names: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
            let found = store::people_called(self.conn, &system, &names)?;
            for (at, value) in &values {
                if let (Some(id), Some(one)) = (found.get(value), refs.get_mut(*at)) {
                    one.id = *id;
                    one.known = true;
                }
            }
        }
        Ok(())
    }

    /// Whether a known person whom a complete export refers to without stating them has left: those who
    /// are only referred to are guardians, so the question is whether the export states guardians.
    fn is_gone(&self, key: &str) -> bool {
        let role = match (self.staged.keys_by_role(), key.split_once(':')) {
            (true, Some(("p", _))) => Role::Pupil,
            (true, Some(("s", _))) => Role::Staff,
            _ => Role::Guardian,
        };
        self.staged.meta.complete && self.staged.roles.contains(&role)
    }

    /// When somebody imports for one school: the people who belong to other schools and not to it. Their
    /// names, bonds and accounts are not this school's to change.
    fn people_of_others(&mut self, refs: &[Ref]) -> Result<HashSet<PersonId>, ImportError> {
        let Some(only) = self.options.only else { return Ok(HashSet::new()) };
        let known: Vec<PersonId> = refs.iter().filter(|one| one.known).map(|one| one.id).collect();
        let current = store::current(self.conn, &known)?;
        let foreign =
            |state: &PersonState| !state.ties.is_empty() && state.ties.values().all(|tie| tie.school != only);
        Ok(current.people.iter().filter(|(_, state)| foreign(state)).map(|(id, _)| *id).collect())
    }

    fn leave_out(&mut self, stated: Option<&Vec<(Role, StagedPerson)>>) {
        if let Some((_, person)) = stated.and_then(|stated| stated.first()) {
            let where_fr = format!("ligne {} de {}", person.line, person.file);
            let where_en = format!("line {} of {}", person.line, person.file);
            self.account.skipped.add(|| Remark {
                file: person.file.clone(),
                line: person.line,
                french: format!(
                    "{where_fr} : cette personne appartient à un autre établissement, qui seul peut la \
                     modifier ; demandez à l’académie"
                ),
                english: format!("{where_en}: this person belongs to another school and is left alone"),
            });
        }
    }

    fn unknown_change(&mut self, key: &str, stated: &[(Role, StagedPerson)]) {
        if let Some((_, person)) = stated.first() {
            let reason =
                SkipReason::UnknownReference { attribute: "identifier".to_owned(), value: key.to_owned() };
            self.skip(&person.file, person.line, reason);
        }
    }

    fn skip(&mut self, file: &str, line: u64, reason: SkipReason) {
        let skipped = Skipped { place: Place::new(&file.into(), line), reason };
        self.account.skipped.add(|| Remark {
            file: file.to_owned(),
            line,
            french: skipped.message_fr(),
            english: skipped.message_en(),
        });
    }

    /// Compares everybody the files name.
    pub(super) fn compare(&mut self) -> Result<(), ImportError> {
        let mut after = String::new();
        loop {
            let refs = self.scratch.refs(&after, BATCH)?;
            let (Some(first), Some(last)) = (refs.first(), refs.last()) else { return Ok(()) };
            let mut said = self.said(&first.key.clone(), &last.key.clone(), &refs)?;
            let known: Vec<PersonId> =
                refs.iter().filter(|one| one.known && one.id.get() != 0).map(|one| one.id).collect();
            let current = store::current(self.conn, &known)?;
            self.dictionary.reach.groups.extend(current.groups);
            for one in refs.iter().filter(|one| one.id.get() != 0) {
                let heard = said.remove(&one.key).unwrap_or_default();
                self.compare_one(one, current.people.get(&one.id), heard)?;
            }
            after = last.key.clone();
        }
    }

    /// What the files say of the people between two keys, with references resolved.
    fn said(&mut self, first: &str, last: &str, refs: &[Ref]) -> Result<HashMap<String, Heard>, ImportError> {
        let ids: HashMap<&str, PersonId> = refs.iter().map(|one| (one.key.as_str(), one.id)).collect();
        let mut all: HashMap<String, Heard> = HashMap::new();
        for (pupil, group, ended) in self.scratch.enrolments(first, last)? {
            let Some(group) = self.dictionary.group(&group) else { continue };
            let enrolled = &mut all.entry(pupil).or_default().said.enrolled;
            if ended { &mut enrolled.end } else { &mut enrolled.add }.insert(group);
        }
        for (staff, group, subject, ended) in self.scratch.teachings(first, last)? {
            let Some(group) = self.dictionary.group(&group) else { continue };
            let pair = (group, self.dictionary.subject(group, &subject, self.staged));
            let teaches = &mut all.entry(staff).or_default().said.teaches;
            if ended { &mut teaches.end } else { &mut teaches.add }.insert(pair);
        }
        for (staff, group, ended) in self.scratch.tutors(first, last)? {
            let Some(group) = self.dictionary.group(&group) else { continue };
            let tutors = &mut all.entry(staff).or_default().said.tutors;
            if ended { &mut tutors.end } else { &mut tutors.add }.insert(group);
        }
        for (pupil, guardian, id, bond) in self.scratch.bonds(first, last)? {
            let pupil_id = ids.get(pupil.as_str()).copied().unwrap_or(PersonId::from_raw(0));
            if id.get() == 0 || pupil_id.get() == 0 {
                let value = if id.get() == 0 { guardian } else { pupil };
                let attribute = bond_attribute(self.staged.meta.format).to_owned();
                self.skip(&bond.file, bond.line, SkipReason::UnknownReference { attribute, value });
                continue;
            }
            let heard = all.entry(pupil).or_default();
            // A file of guardians alone still says in full who answers for the pupils it names.
            heard.said.whole.bonds |= self.staged.meta.complete;
            let bonds = &mut heard.said.bonds;
            if bond.ended { &mut bonds.end } else { &mut bonds.add }.insert(id, bond.bond);
        }
        for (key, stated) in self.scratch.people(first, last)? {
            let heard = all.entry(key).or_default();
            for (role, person) in stated {
                self.hear(heard, role, person);
            }
        }
        for (key, role) in self.scratch.deletions(first, last)? {
            all.entry(key).or_default().deleted.insert(role);
        }
        Ok(all)
    }

    fn hear(&mut self, heard: &mut Heard, role: Role, person: StagedPerson) {
        let said = &mut heard.said;
        said.roles.insert(role);
        said.values.extend(person.values);
        said.whole = said.whole.or(person.whole);
        if self.staged.meta.complete {
            let seen = self.staged.seen;
            let guardians = self.staged.roles.contains(&Role::Guardian);
            let stated = match role {
                Role::Pupil => Whole {
                    classes: seen.classes,
                    groups: seen.groups,
                    bonds: seen.bonds || guardians,
                    ..Whole::default()
                },
                Role::Staff => Whole {
                    class_teachings: seen.class_teachings,
                    group_teachings: seen.group_teachings,
                    tutors: seen.tutors,
                    ..Whole::default()
                },
                Role::Guardian => Whole::default(),
            };
            said.whole = said.whole.or(stated);
            // Without anybody who answers for pupils in the files, nothing is said about who does.
            said.whole.bonds &= seen.bonds || guardians;
        }
        let Some(ties) = person.ties else { return };
        let of_class =
            said.enrolled.add.iter().next().and_then(|group| self.dictionary.reach.groups.get(group));
        let of_class = of_class.map(|(school, _)| *school);
        let mut found = Vec::new();
        for tie in ties {
            let school = self.dictionary.school(&tie.school);
            let school = if tie.school.is_empty() { school.or(of_class) } else { school };
            match school {
                Some(school) => found.push(Tie { school, profile: tie.profile, label: tie.label }),
                // Staff often work in a second school that the files are not about.
                None if role == Role::Pupil => {
                    let reason = SkipReason::UnknownReference {
                        attribute: "établissement".to_owned(),
                        value: tie.school,
                    };
                    self.skip(&person.file, person.line, reason);
                }
                None => {}
            }
        }
        said.ties.entry(role).or_default().extend(found);
    }

    fn compare_one(&mut self, one: &Ref, old: Option<&PersonState>, heard: Heard) -> Result<(), ImportError> {
        let mut new = state::wanted(old, &heard.said, &self.dictionary.reach);
        if !heard.deleted.is_empty() {
            new = state::without(&new, &heard.deleted, &self.dictionary.reach);
            if old.is_none_or(|old| old.removed) && new.removed {
                return Ok(());
            }
        }
        let kind = main_role(&heard.said.roles, old, &new);
        let empty = PersonState::default();
        let before = old.unwrap_or(&empty);
        self.write(one.id, (!one.known).then(|| self.dictionary.naming.person(&one.key)), kind, before, &new)
    }

    /// Writes the change of one person down, if there is one.
    fn write(
        &mut self,
        id: PersonId,
        named: Option<(String, String)>,
        role: Role,
        old: &PersonState,
        new: &PersonState,
    ) -> Result<(), ImportError> {
        let change = state::diff(old, new);
        self.tally_bonds(old, new);
        let kind = kind_of(role);
        if change.is_empty() && named.is_none() {
            self.account.tally(kind).same += 1;
            return Ok(());
        }
        let event = match (new.removed, named.is_some() || old.removed) {
            (true, _) => Event::Removed,
            (false, true) => Event::Added,
            (false, false) => Event::Changed,
        };
        let (before, after) = (self.classes(old), self.classes(new));
        self.account.note(kind, event, || Shown {
            event,
            kind: kind.to_owned(),
            name: format!("{} {}", new.fields.given, new.fields.family).trim().to_owned(),
            before,
            after,
        });
        let mut guardians: BTreeSet<PersonId> = BTreeSet::new();
        if change.bonds.is_some() || change.ties.is_some() || new.removed {
            guardians.extend(old.bonds.keys().chain(new.bonds.keys()));
        }
        let op = PersonOp { id, named, change, guardians: guardians.into_iter().collect() };
        serde_json::to_writer(&mut self.out, &op)
            .map_err(|error| error.to_string())
            .and_then(|()| self.out.write_all(b"\n").map_err(|error| error.to_string()))
            .map_err(ImportError::Scratch)
    }

    fn tally_bonds(&mut self, old: &PersonState, new: &PersonState) {
        let tally = self.account.tally("guardianships");
        for (guardian, bond) in &new.bonds {
            match old.bonds.get(guardian) {
                None => tally.added += 1,
                Some(before) if before != bond => tally.changed += 1,
                Some(_) => tally.same += 1,
            }
        }
        tally.removed += old.bonds.keys().filter(|guardian| !new.bonds.contains_key(guardian)).count() as u64;
    }

    /// The classes of a pupil in words.
    fn classes(&self, state: &PersonState) -> String {
        let reach: &Reach = &self.dictionary.reach;
        let classes =
            state.enrolled.iter().filter(|group| reach.groups.get(group).is_some_and(|(_, class)| *class));
        classes.map(|group| self.dictionary.label(*group)).collect::<Vec<_>>().join(", ")
    }

    /// After a complete export: those it should name and does not.
    pub(super) fn find_missing(&mut self) -> Result<(), ImportError> {
        let roles = self.dictionary.reach.complete.clone();
        let Some(schools) = self.dictionary.reach.schools.clone().filter(|_| !roles.is_empty()) else {
            return Ok(());
        };
        let mut schools: Vec<SchoolId> = schools.into_iter().collect();
        schools.sort_unstable();
        let profiles: Vec<&'static str> = Profile::ALL
            .into_iter()
            .filter(|profile| roles.iter().any(|role| role.states(*profile)))
            .map(Profile::word)
            .collect();
        let systems = self.dictionary.naming.systems(&roles);
        let mut done: HashSet<PersonId> = HashSet::new();
        for school in schools {
            let all = store::people_of(self.conn, school, &profiles, &systems)?;
            for found in all.chunks(2 * BATCH as usize) {
                let named = self.scratch.named(found)?;
                let missing: Vec<PersonId> =
                    found.iter().copied().filter(|id| !named.contains(id) && done.insert(*id)).collect();
                self.remove(&missing, &roles)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, missing: &[PersonId], roles: &BTreeSet<Role>) -> Result<(), ImportError> {
        let current = store::current(self.conn, missing)?;
        self.dictionary.reach.groups.extend(current.groups);
        for id in missing {
            let Some(old) = current.people.get(id) else { continue };
            let new = state::without(old, roles, &self.dictionary.reach);
            if new != *old {
                self.write(*id, None, main_role(&BTreeSet::new(), Some(old), &new), old, &new)?;
            }
        }
        Ok(())
    }

    /// How many people the schools have now; for partial exports, all schools.
    pub(super) fn population(&mut self) -> Result<u64, ImportError> {
        let schools: Vec<SchoolId> = match &self.dictionary.reach.schools {
            Some(schools) => schools.iter().copied().collect(),
            None => store::schools(self.conn)?.into_iter().map(|row| row.id).collect(),
        };
        Ok(store::population(self.conn, &schools)?.unsigned_abs())
    }
}

/// What was heard of one person.
#[derive(Default)]
struct Heard {
    said: Said,
    deleted: BTreeSet<Role>,
}

/// What a person is first of all.
fn main_role(stated: &BTreeSet<Role>, old: Option<&PersonState>, new: &PersonState) -> Role {
    let order = [Role::Staff, Role::Pupil, Role::Guardian];
    let tied = |state: &PersonState, role: Role| {
        state.ties.values().filter_map(Tie::profile).any(|profile| role.states(profile))
    };
    let is = |role: &Role| {
        stated.contains(role)
            || (stated.is_empty() && (old.is_some_and(|old| tied(old, *role)) || tied(new, *role)))
    };
    order.into_iter().find(is).unwrap_or(Role::Guardian)
}

/// Where a bond stands in a file of this format.
fn bond_attribute(format: Format) -> &'static str {
    match format {
        Format::Aaf2d => "ENTElevePersRelEleve",
        Format::Aaf1d => "ENTEleveAutoriteParentale",
        Format::Csv => "identifiant de l’enfant",
        Format::OneRoster11 | Format::OneRoster12 => "agentSourcedIds",
    }
}
