//! Pupils: their classes and groups, and who is responsible for them.

use super::request::Request;
use super::school::track_key;
use super::{NamedGroup, Operation, Reader, Stated, codes, guardian};
use crate::error::Error;
use crate::model::{
    Enrolment, Field, GroupKind, GuardianRules, Guardianship, Legal, Link, Pupil, Record, Relation,
    SourceKey, System,
};
use crate::outlet::Outlet;
use crate::report::{Notice, Place, SkipReason};
use crate::values::date;
use jiff::civil::Date;
use std::collections::HashMap;

/// Attributes of the grammar of 2013 that name people by their identifier alone.
const OBSOLETE: &[&str] = &[
    "ENTElevePere",
    "ENTEleveMere",
    "ENTEleveParents",
    "ENTEleveAutoriteParentale",
    "ENTElevePersRelEleve1",
    "ENTElevePersRelEleve2",
];

/// What a pupil's request proves about the grammar of guardianships, if anything.
pub(super) fn rules_of(request: &Request) -> Option<GuardianRules> {
    let by_link = request
        .values("ENTElevePersRelEleve")
        .filter(|(value, _)| value.matches('$').count() == 5)
        .find_map(|(value, _)| codes::rules_of_link(value.split('$').nth(1)?));
    let obsolete = || {
        // Primary files use one of the names with a composite value, which proves nothing.
        let named = |name: &str| request.values(name).any(|(value, _)| !value.contains('$'));
        OBSOLETE.iter().any(|name| named(name)).then_some(GuardianRules::Ve1301)
    };
    by_link.or_else(obsolete)
}

impl Reader {
    pub(super) fn pupil(
        &mut self,
        request: &Request,
        key: SourceKey,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut stated = Stated::new(request);
        let Some(name) = guardian::name(&mut stated, outlet)? else { return Ok(()) };
        let subjects: Vec<SourceKey> = request
            .values("ENTEleveCodeEnseignements")
            .map(|(code, _)| SourceKey::new(System::Subject, code))
            .collect();
        if !subjects.is_empty() {
            stated.given.push(Field::Subjects);
        }
        let school = stated.text(Field::School, &["ENTPersonStructRattach"]);
        let level = stated.text(Field::GradeLevel, &["ENTEleveNivFormation", "ENTEleveNiveau"]);
        let pupil = Pupil {
            ine: stated.text(Field::Ine, &["ENTEleveINE"]),
            name,
            birth_date: stated.date(Field::BirthDate, "ENTPersonDateNaissance", outlet)?,
            school: school.map(|id| SourceKey::new(self.dialect.structure, id)),
            study_track: stated.clearable(Field::StudyTrack, &["ENTEleveMEF"]).map(track_key),
            grade_level: level,
            boarding: stated.text(Field::Boarding, &["ENTEleveRegime"]),
            subjects,
            contact: guardian::contact(&mut stated),
            username: None,
        };
        let classes = self.enrolments(request, &key, GroupKind::Class, outlet)?;
        let groups = self.enrolments(request, &key, GroupKind::Group, outlet)?;
        let guardianships = self.guardianships(request, &key, outlet)?;

        // A whole statement says who the pupil's classes and guardians are even when it names none; a
        // change replaces only what it names, and an empty value there says nothing.
        let whole = request.operation == Operation::Add;
        let mut replaces = Vec::new();
        if whole || !classes.is_empty() {
            replaces.push(Relation::Classes);
        }
        if whole || !groups.is_empty() {
            replaces.push(Relation::Groups);
        }
        if whole || !guardianships.is_empty() {
            replaces.push(Relation::Guardianships);
        }
        let how = stated.statement(replaces);
        outlet.entry(request.place(), Record::Pupil(key, pupil), how)?;
        for (enrolment, place) in classes.into_iter().chain(groups) {
            outlet.relation(place, Record::Enrolment(enrolment))?;
        }
        for (guardianship, place) in guardianships {
            outlet.relation(place, Record::Guardianship(guardianship))?;
        }
        Ok(())
    }

    fn enrolments(
        &mut self,
        request: &Request,
        pupil: &SourceKey,
        kind: GroupKind,
        outlet: &mut Outlet<'_>,
    ) -> Result<Vec<(Enrolment, Place)>, Error> {
        let attributes: &[&str] = match kind {
            GroupKind::Class => &["ENTEleveClasses", "ENTPersonClasses"],
            GroupKind::Group => &["ENTEleveGroupes", "ENTPersonGroupes"],
        };
        let mut enrolments: Vec<(Enrolment, Place)> = Vec::new();
        let (from, to) = match kind {
            GroupKind::Class => (
                class_dates(request, "ENTEleveDateEntreeClasses"),
                class_dates(request, "ENTEleveDateSortieClasses"),
            ),
            GroupKind::Group => (HashMap::new(), HashMap::new()),
        };
        for &attribute in attributes {
            for (value, place) in request.values(attribute) {
                let Some(group) = self.group_of(kind, attribute, value, &place, outlet)? else { continue };
                if enrolments.iter().any(|(known, _)| known.group == group) {
                    continue;
                }
                let day = |days: &HashMap<(&str, &str), Date>| {
                    let named = NamedGroup::parse(value, self.dialect.primary)?;
                    days.get(&(named.structure, named.id)).copied()
                };
                let enrolment = Enrolment { pupil: pupil.clone(), group, from: day(&from), to: day(&to) };
                enrolments.push((enrolment, place));
            }
        }
        Ok(enrolments)
    }

    fn guardianships(
        &self,
        request: &Request,
        pupil: &SourceKey,
        outlet: &mut Outlet<'_>,
    ) -> Result<Vec<(Guardianship, Place)>, Error> {
        let mut found = Vec::new();
        for (value, place) in request.values("ENTElevePersRelEleve") {
            let parts: Vec<&str> = value.split('$').map(str::trim).collect();
            match parts.as_slice() {
                &[person, link, financial, legal, contact, payment] if !person.is_empty() => {
                    let legal = self.legal(legal, link, value, &place, outlet)?;
                    let guardianship = Guardianship {
                        pupil: pupil.clone(),
                        guardian: SourceKey::new(self.dialect.person, person),
                        link: self.link(link, "ENTElevePersRelEleve", &place, outlet)?,
                        legal,
                        financial: flag(financial),
                        contact: flag(contact),
                        payment: flag(payment),
                    };
                    found.push((guardianship, place));
                }
                _ => self.unreadable(6, value, place, outlet)?,
            }
        }
        let composite = !found.is_empty();
        for (value, place) in request.values("ENTEleveAutoriteParentale").filter(|(v, _)| v.contains('$')) {
            if let Some(guardianship) = self.primary_guardianship(pupil, value, &place, outlet)? {
                found.push((guardianship, place));
            }
        }
        if !composite {
            found.extend(self.obsolete_guardianships(request, pupil));
        }
        // Exports name the same person twice now and then, once with every flag set by default: the
        // statement that grants less is the one somebody entered.
        found.sort_by(|(a, _), (b, _)| a.guardian.cmp(&b.guardian).then(b.legal.cmp(&a.legal)));
        found.dedup_by(|(later, _), (first, _)| later.guardian == first.guardian);
        Ok(found)
    }

    /// Primary schools: `person$link$a$b$c`, in five parts. Sources disagree whether `a` is the
    /// parental authority or the financial charge (then `b` is the authority), so a right is granted
    /// only if both flags say so.
    fn primary_guardianship(
        &self,
        pupil: &SourceKey,
        value: &str,
        place: &Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<Guardianship>, Error> {
        let parts: Vec<&str> = value.split('$').map(str::trim).collect();
        let &[person, link, first, second, third] = parts.as_slice() else {
            self.unreadable(5, value, place.clone(), outlet)?;
            return Ok(None);
        };
        if person.is_empty() {
            self.unreadable(5, value, place.clone(), outlet)?;
            return Ok(None);
        }
        let legal = match (flag(first), flag(second)) {
            (Some(true), Some(true)) => Legal::Guardian,
            (Some(true), _) | (_, Some(true)) => {
                outlet.warn(place.clone(), Notice::AmbiguousGuardian { value: value.to_owned() })?;
                Legal::InCharge
            }
            _ => Legal::None,
        };
        Ok(Some(Guardianship {
            pupil: pupil.clone(),
            guardian: SourceKey::new(self.dialect.person, person),
            link: self.link(link, "ENTEleveAutoriteParentale", place, outlet)?,
            legal,
            financial: None,
            contact: flag(third).map(|third| third || flag(second) == Some(true)),
            payment: None,
        }))
    }

    /// The grammar of 2013 in its oldest form: people are named by identifier in several attributes,
    /// and those who hold parental authority once more.
    fn obsolete_guardianships(&self, request: &Request, pupil: &SourceKey) -> Vec<(Guardianship, Place)> {
        let mut found: Vec<(Guardianship, Place)> = Vec::new();
        for &attribute in OBSOLETE {
            for (person, place) in request.values(attribute).filter(|(value, _)| !value.contains('$')) {
                let guardian = SourceKey::new(self.dialect.person, person);
                if found.iter().any(|(known, _)| known.guardian == guardian) {
                    continue;
                }
                let link = match attribute {
                    "ENTElevePere" => Link::Father,
                    "ENTEleveMere" => Link::Mother,
                    "ENTEleveParents" => Link::Parent,
                    _ => Link::Other,
                };
                let authority =
                    request.values("ENTEleveAutoriteParentale").any(|(holder, _)| holder == person);
                let financial = [1, 2].into_iter().any(|n| {
                    request.first(&[&format!("ENTElevePersRelEleve{n}")]) == Some(person)
                        && request
                            .first(&[&format!("ENTEleveQualitePersRelEleve{n}")])
                            .is_some_and(|quality| quality.to_uppercase().contains("FINANCIER"))
                });
                let guardianship = Guardianship {
                    pupil: pupil.clone(),
                    guardian,
                    link,
                    legal: if authority { Legal::Guardian } else { Legal::None },
                    financial: financial.then_some(true),
                    contact: None,
                    payment: None,
                };
                found.push((guardianship, place));
            }
        }
        found
    }

    fn unreadable(
        &self,
        expected: u8,
        value: &str,
        place: Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let found = value.split('$').count();
        outlet.skip(place, SkipReason::GuardianshipParts { expected, found, value: value.to_owned() })
    }

    fn link(
        &self,
        code: &str,
        attribute: &str,
        place: &Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<Link, Error> {
        match codes::link(code) {
            Some(link) => Ok(link),
            None if code.is_empty() => Ok(Link::Other),
            None => {
                let notice = Notice::UnknownCode { attribute: attribute.to_owned(), value: code.to_owned() };
                outlet.warn(place.clone(), notice)?;
                Ok(Link::Other)
            }
        }
    }

    fn legal(
        &self,
        code: &str,
        link: &str,
        value: &str,
        place: &Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<Legal, Error> {
        match codes::legal(code, link, self.rules) {
            codes::LegalReading::Clear(legal) => Ok(legal),
            codes::LegalReading::Ambiguous => {
                outlet.warn(place.clone(), Notice::AmbiguousGuardian { value: value.to_owned() })?;
                Ok(Legal::InCharge)
            }
            codes::LegalReading::Unknown => {
                let attribute = "ENTElevePersRelEleve".to_owned();
                outlet.warn(place.clone(), Notice::UnknownCode { attribute, value: value.to_owned() })?;
                Ok(Legal::None)
            }
        }
    }
}

fn flag(part: &str) -> Option<bool> {
    match part {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// Reads `structure$date$class` values into a table by structure and class. Dates that are none are
/// dropped: entry and exit days are a comfort, the class list is what counts.
fn class_dates<'r>(request: &'r Request, attribute: &str) -> HashMap<(&'r str, &'r str), Date> {
    request
        .values(attribute)
        .filter_map(|(value, _)| {
            let mut parts = value.splitn(3, '$').map(str::trim);
            let (structure, day, class) = (parts.next()?, parts.next()?, parts.next()?);
            Some(((structure, class), date(day)?))
        })
        .collect()
}
