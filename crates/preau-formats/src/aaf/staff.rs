//! Staff: their functions, what they teach to whom, whose form tutor they are.

use super::request::Request;
use super::{NamedGroup, Reader, Stated, codes, guardian};
use crate::error::Error;
use crate::model::{
    Field, Function, GroupKind, HeadTeacher, Record, Relation, SourceKey, Staff, StaffProfile, System,
    Teaching,
};
use crate::outlet::Outlet;
use crate::report::SkipReason;
use crate::values::yes_no;
use std::collections::HashSet;

impl Reader {
    pub(super) fn staff(
        &mut self,
        request: &Request,
        key: SourceKey,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut stated = Stated::new(request);
        let Some(name) = guardian::name(&mut stated, outlet)? else { return Ok(()) };
        let functions = self.functions(request, outlet)?;
        if !functions.is_empty() {
            stated.given.push(Field::Functions);
        }
        let teaches = stated
            .text(Field::Teaches, &["PersEducNatPresenceDevantEleves", "ENTPersonCategorieEnseignant"])
            .and_then(|value| yes_no(&value));
        let school = stated.text(Field::School, &["ENTPersonStructRattach"]);
        let staff = Staff {
            name,
            birth_date: stated.date(Field::BirthDate, "ENTPersonDateNaissance", outlet)?,
            school: school.map(|id| SourceKey::new(self.dialect.structure, id)),
            functions,
            teaches,
            contact: guardian::contact(&mut stated),
            username: None,
        };
        // An empty value ends all teachings and all form tutoring.
        let named = |names: &[&str]| names.iter().any(|name| request.has(name));
        let mut replaces = Vec::new();
        if named(CLASS_ATTRIBUTES) {
            replaces.push(Relation::ClassTeachings);
        }
        if named(GROUP_ATTRIBUTES) {
            replaces.push(Relation::GroupTeachings);
        }
        if request.has("ENTAuxEnsClassesPrincipal") {
            replaces.push(Relation::HeadTeacher);
        }
        let how = stated.statement(replaces);
        // Groups named by this teacher alone are stated first, so that the relations follow directly.
        let classes = self.taught(request, GroupKind::Class, CLASS_ATTRIBUTES, outlet)?;
        let groups = self.taught(request, GroupKind::Group, GROUP_ATTRIBUTES, outlet)?;
        let mut tutored = Vec::new();
        for (value, place) in request.values("ENTAuxEnsClassesPrincipal") {
            let class =
                self.group_of(GroupKind::Class, "ENTAuxEnsClassesPrincipal", value, &place, outlet)?;
            tutored.extend(class.map(|group| (group, place)));
        }
        outlet.entry(request.place(), Record::Staff(key.clone(), staff), how)?;
        for (group, subject, place) in classes.into_iter().chain(groups) {
            let teaching = Teaching { staff: key.clone(), group, subject };
            outlet.relation(place, Record::Teaching(teaching))?;
        }
        for (group, place) in tutored {
            outlet.relation(place, Record::HeadTeacher(HeadTeacher { staff: key.clone(), group }))?;
        }
        Ok(())
    }

    fn taught(
        &mut self,
        request: &Request,
        kind: GroupKind,
        attributes: &[&str],
        outlet: &mut Outlet<'_>,
    ) -> Result<Vec<(SourceKey, Option<SourceKey>, crate::report::Place)>, Error> {
        let mut taught = Vec::new();
        let mut with_subject = HashSet::new();
        for &attribute in attributes {
            for (value, place) in request.values(attribute) {
                let Some(group) = self.group_of(kind, attribute, value, &place, outlet)? else { continue };
                let rest = NamedGroup::parse(value, self.dialect.primary).and_then(|named| named.rest);
                let subject = rest.map(|code| SourceKey::new(System::Subject, code));
                // The older attribute repeats the classes without subjects.
                if subject.is_none() && with_subject.contains(&group) {
                    continue;
                }
                if with_subject.insert(group.clone()) || subject.is_some() {
                    taught.push((group, subject, place));
                }
            }
        }
        Ok(taught)
    }

    fn functions(&self, request: &Request, outlet: &mut Outlet<'_>) -> Result<Vec<Function>, Error> {
        let mut functions = Vec::new();
        for (value, place) in request.values("ENTPersonFonctions") {
            let mut parts = value.split('$').map(str::trim);
            let school = parts.next().filter(|part| !part.is_empty());
            let code = parts.next().filter(|part| !part.is_empty());
            let (Some(school), Some(code)) = (school, code) else {
                let reason = SkipReason::Composite {
                    attribute: "ENTPersonFonctions".to_owned(),
                    expected: "structure$fonction$libellé$discipline$libellé".to_owned(),
                    value: value.to_owned(),
                };
                outlet.skip(place, reason)?;
                continue;
            };
            let mut next = || parts.next().filter(|part| !part.is_empty() && *part != "-").map(str::to_owned);
            functions.push(Function {
                school: Some(SourceKey::new(self.dialect.structure, school)),
                code: code.to_owned(),
                label: next(),
                discipline_code: next(),
                discipline: next(),
                profile: codes::profile(code),
            });
        }
        // Primary schools name their head by the school alone.
        for (school, _) in request.values("ENTEnsFonctionDir") {
            functions.push(Function {
                school: Some(SourceKey::new(self.dialect.structure, school)),
                code: "DIR".to_owned(),
                label: None,
                discipline_code: None,
                discipline: None,
                profile: StaffProfile::Head,
            });
        }
        Ok(functions)
    }
}

/// Attributes that say which classes somebody teaches, the more precise first.
const CLASS_ATTRIBUTES: &[&str] = &["ENTAuxEnsClassesMatieres", "ENTAuxEnsClasses", "ENTPersonClasses"];

/// The same for groups.
const GROUP_ATTRIBUTES: &[&str] = &["ENTAuxEnsGroupesMatieres", "ENTAuxEnsGroupes", "ENTPersonGroupes"];
