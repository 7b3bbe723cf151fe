//! AAF: the state's directory export, for secondary (2D) and primary schools (1D).
//!
//! One request becomes one entry about a thing, followed by the relations that belong to it. Classes
//! and groups are stated when a structure names them, and also when only a pupil or a teacher does.
//! Nothing is resolved here: a pupil may name a guardian of another file, or of none.
//!
//! Order: structures, subjects and study tracks come before people when they have files of their own, as
//! in every real export. People come in the order staff, guardians, pupils, except from a tar archive,
//! where they come in the archive's order (it can only be read from its beginning). Relations may point
//! to things not seen yet, and whoever applies them must stage them first.
//!
//! Invariant: what is kept in memory is the set of class and group keys, never people.

mod codes;
mod guardian;
mod names;
mod pupil;
mod request;
mod school;
mod staff;

pub(crate) use request::Category;

use crate::error::Error;
use crate::model::{Action, Field, Format, Group, GroupKind, GuardianRules, Kind, Record, SourceKey, System};
use crate::outlet::{Outlet, Statement};
use crate::report::{Notice, Place, SkipReason};
use crate::source::Source;
use crate::values::date;
use jiff::civil::Date;
use request::{Event, Operation, Request, read_requests};
use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

/// Reads an AAF import.
pub(crate) struct Reader {
    dialect: Dialect,
    rules: GuardianRules,
    known_groups: HashSet<SourceKey>,
}

/// The differences between the two families of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dialect {
    structure: System,
    person: System,
    class: System,
    group: System,
    primary: bool,
}

impl Dialect {
    fn of(format: Format) -> Self {
        if format == Format::Aaf1d {
            Self {
                structure: System::Aaf1dStructure,
                person: System::Aaf1dPerson,
                class: System::Aaf1dClass,
                group: System::Aaf1dGroup,
                primary: true,
            }
        } else {
            Self {
                structure: System::AafStructure,
                person: System::AafPerson,
                class: System::AafClass,
                group: System::AafGroup,
                primary: false,
            }
        }
    }

    fn group_system(self, kind: GroupKind) -> System {
        match kind {
            GroupKind::Class => self.class,
            GroupKind::Group => self.group,
        }
    }
}

impl Reader {
    pub(crate) fn new(format: Format, rules: GuardianRules) -> Self {
        Self { dialect: Dialect::of(format), rules, known_groups: HashSet::new() }
    }

    /// Reads one file.
    pub(crate) fn read_file(
        &mut self,
        name: &Arc<str>,
        reader: &mut dyn Read,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let by_name = Category::from_file_name(name.rsplit('/').next().unwrap_or(name));
        read_requests(reader, name, &mut |event| match event {
            Event::Request(request) => self.apply(&request, by_name, outlet),
            Event::UnknownElement(element, place) => {
                outlet.unknown(|| place, &element);
                Ok(())
            }
            Event::Notice(notice, place) => outlet.warn(place, notice),
        })
    }

    fn apply(
        &mut self,
        request: &Request,
        by_name: Option<Category>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let category =
            if request.category.is_empty() { by_name } else { Category::from_value(&request.category) };
        let Some(category) = category else {
            let value = request.category.clone();
            return outlet.skip(request.place(), SkipReason::UnknownCategory { value });
        };
        for (name, line) in request.names() {
            if !names::is_known(category, name) {
                let place = request.place();
                outlet.unknown(|| Place { line, ..place }, name);
            }
        }
        let (kind, system, join) = match category {
            Category::Structure => (Kind::School, self.dialect.structure, "ENTStructureJointure"),
            Category::Subject => (Kind::Subject, System::Subject, "ENTMatJointure"),
            Category::StudyTrack => (Kind::StudyTrack, System::StudyTrack, "ENTMefJointure"),
            Category::Staff => (Kind::Staff, self.dialect.person, "ENTPersonJointure"),
            Category::Guardian => (Kind::Guardian, self.dialect.person, "ENTPersonJointure"),
            Category::Pupil => (Kind::Pupil, self.dialect.person, "ENTPersonJointure"),
        };
        // The two are equal in real files; other things refer to the jointure.
        let Some(id) = request.text(&[join]).or_else(|| request.id.clone()) else {
            return outlet.skip(request.place(), SkipReason::NoIdentifier { expected: join.to_owned() });
        };
        let key = SourceKey::new(system, id);
        if request.operation == Operation::Delete {
            return outlet.delete(request.place(), kind, key);
        }
        match category {
            Category::Structure => self.school(request, key, outlet),
            Category::Subject => school::subject(request, key, outlet),
            Category::StudyTrack => school::study_track(request, key, outlet),
            Category::Staff => self.staff(request, key, outlet),
            Category::Guardian => self.guardian(request, key, outlet),
            Category::Pupil => self.pupil(request, key, outlet),
        }
    }

    /// The class or group a value `structure$code` (primary: five parts) names. States the group if
    /// nothing has named it yet. `None` when the value was skipped.
    fn group_of(
        &mut self,
        kind: GroupKind,
        attribute: &str,
        value: &str,
        place: &Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<SourceKey>, Error> {
        let Some(named) = NamedGroup::parse(value, self.dialect.primary) else {
            let expected = if self.dialect.primary {
                "école$année$nom$identifiant$libellé"
            } else {
                "structure$code"
            };
            let reason = SkipReason::Composite {
                attribute: attribute.to_owned(),
                expected: expected.to_owned(),
                value: value.to_owned(),
            };
            outlet.skip(place.clone(), reason)?;
            return Ok(None);
        };
        let key = named.key(self.dialect.group_system(kind));
        if !self.known_groups.contains(&key) {
            let group = Group {
                kind,
                school: Some(SourceKey::new(self.dialect.structure, named.structure)),
                code: named.code.to_owned(),
                label: named.label.map(str::to_owned),
                ..Group::default()
            };
            let given = if group.label.is_some() { vec![Field::Label] } else { Vec::new() };
            self.state_group(key.clone(), group, place.clone(), given, outlet)?;
        }
        Ok(Some(key))
    }

    fn state_group(
        &mut self,
        key: SourceKey,
        group: Group,
        place: Place,
        given: Vec<Field>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        self.known_groups.insert(key.clone());
        outlet.entry(place, Record::Group(key, group), Statement { given, ..Statement::default() })
    }
}

/// A value that names a class or group.
#[derive(Debug, PartialEq, Eq)]
struct NamedGroup<'a> {
    structure: &'a str,
    /// What the key is made of.
    id: &'a str,
    /// What people call it.
    code: &'a str,
    label: Option<&'a str>,
    /// What follows (a subject, for instance).
    rest: Option<&'a str>,
}

impl<'a> NamedGroup<'a> {
    fn parse(value: &'a str, primary: bool) -> Option<Self> {
        let mut parts = value.split('$').map(str::trim);
        let structure = parts.next().filter(|s| !s.is_empty())?;
        if primary && value.matches('$').count() >= 3 {
            // School, year, name, identifier and, usually, label: names change, the identifier stays.
            let (name, id) = (parts.nth(1)?, parts.next()?);
            let label = parts.next().filter(|s| !s.is_empty());
            if id.is_empty() {
                return None;
            }
            let code = if name.is_empty() { label.unwrap_or(id) } else { name };
            return Some(Self { structure, id, code, label, rest: None });
        }
        let code = parts.next().filter(|s| !s.is_empty())?;
        let rest = parts.next().filter(|s| !s.is_empty());
        Some(Self { structure, id: code, code, label: None, rest })
    }

    fn key(&self, system: System) -> SourceKey {
        SourceKey::new(system, format!("{}${}", self.structure, self.id))
    }
}

/// Collects the fields a request states. An empty value is a statement only for the fields that an
/// empty value clears.
struct Stated<'r> {
    request: &'r Request,
    given: Vec<Field>,
}

impl<'r> Stated<'r> {
    fn new(request: &'r Request) -> Self {
        Self { request, given: Vec::new() }
    }

    /// The first value of these attributes.
    fn text(&mut self, field: Field, names: &[&str]) -> Option<String> {
        let value = self.request.text(names);
        if value.is_some() {
            self.given.push(field);
        }
        value
    }

    /// The same for a field that an empty value clears.
    fn clearable(&mut self, field: Field, names: &[&str]) -> Option<String> {
        let value = self.request.text(names);
        if value.is_some() || names.iter().any(|name| self.request.has(name)) {
            self.given.push(field);
        }
        value
    }

    /// A date; an unreadable one is reported and left out.
    fn date(&mut self, field: Field, name: &str, outlet: &mut Outlet<'_>) -> Result<Option<Date>, Error> {
        let Some(text) = self.request.first(&[name]) else { return Ok(None) };
        let day = date(text);
        match day {
            Some(_) => self.given.push(field),
            None => {
                let notice = Notice::BadDate { attribute: name.to_owned(), value: text.to_owned() };
                outlet.warn(self.request.place_of(name), notice)?;
            }
        }
        Ok(day)
    }

    fn statement(self, replaces: Vec<crate::model::Relation>) -> Statement {
        let action = (self.request.operation == Operation::Modify).then_some(Action::Modify);
        Statement { action, given: self.given, replaces }
    }
}

/// Finds out which grammar of guardianships a set of files follows: the first value that proves one
/// decides. Without proof it is the newer one, which grants less.
pub(crate) fn find_rules(source: &Source, pupils: &[usize]) -> Result<GuardianRules, Error> {
    let mut found = None;
    let read = source.read(pupils, &mut |member, reader| {
        read_requests(reader, &member.name, &mut |event| {
            if let Event::Request(request) = event {
                found = pupil::rules_of(&request);
            }
            if found.is_some() { Err(Error::Stopped) } else { Ok(()) }
        })
    });
    match read {
        Ok(()) | Err(Error::Stopped) => Ok(found.unwrap_or(GuardianRules::Current)),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_in_two_ways() {
        let class = NamedGroup::parse("9100$4A", false).unwrap();
        assert_eq!((class.structure, class.id, class.code, class.label), ("9100", "4A", "4A", None));
        let taught = NamedGroup::parse("9100$4A$020700", false).unwrap();
        assert_eq!(taught.rest, Some("020700"));
        let primary = NamedGroup::parse("9300$2026$CE1-CE2$55501$CE1-CE2 Mme Ulmaire", true).unwrap();
        assert_eq!((primary.id, primary.code), ("55501", "CE1-CE2"));
        assert_eq!(primary.label, Some("CE1-CE2 Mme Ulmaire"));
        for bad in ["", "$4A", "9100", "9100$", "9100$ "] {
            assert_eq!(NamedGroup::parse(bad, false), None, "{bad}");
        }
    }
}
