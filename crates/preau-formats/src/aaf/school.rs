//! Structures with the classes and groups they name, subjects, study tracks.

use super::request::Request;
use super::{Reader, Stated};
use crate::error::Error;
use crate::model::{
    Address, Field, Group, GroupKind, Record, School, SourceKey, StudyTrack, Subject, System,
};
use crate::outlet::Outlet;
use crate::report::{Notice, SkipReason};
use crate::values::is_uai;

impl Reader {
    pub(super) fn school(
        &mut self,
        request: &Request,
        key: SourceKey,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut stated = Stated::new(request);
        let uai =
            stated.text(Field::Uai, &["ENTStructureUAI", "ENTEtablissementUAI"]).map(|u| u.to_uppercase());
        if let Some(uai) = uai.as_deref().filter(|uai| !is_uai(uai)) {
            outlet.warn(request.place_of("ENTStructureUAI"), Notice::BadUai { value: uai.to_owned() })?;
        }
        let lines = stated.text(Field::AddressLines, &["street", "ENTStructureAdresse"]);
        let address = Address {
            lines: lines.map(|l| address_lines(&l)).unwrap_or_default(),
            postal_code: stated.text(Field::PostalCode, &["postalCode", "ENTStructureCodePostal"]),
            town: stated.text(Field::Town, &["l", "ENTStructureVille"]),
            country: None,
        };
        let school = School {
            uai,
            name: stated.text(Field::Label, &["ENTStructureNomCourant"]).map(|name| usual_name(&name)),
            category: stated.text(Field::Category, &["ENTStructureTypeStruct", "ENTStructureCodeTypeStruct"]),
            contract: stated.text(Field::Contract, &["ENTEtablissementContrat"]),
            academy: stated.text(Field::Academy, &["ENTServAcAcademie"]),
            siren: stated.text(Field::Siren, &["ENTStructureSIREN"]),
            address: Some(address).filter(|a| !a.is_empty()),
            phone: stated.text(Field::HomePhone, &["telephoneNumber", "ENTStructureTelephone"]),
            email: stated.text(Field::Email, &["ENTStructureMailSI", "ENTStructureEmail"]),
        };
        let how = stated.statement(Vec::new());
        outlet.entry(request.place(), Record::School(key.clone(), school), how)?;
        for (value, place) in request.values("ENTStructureClasses") {
            self.named_by_school(GroupKind::Class, &key, value, &place, outlet)?;
        }
        for (value, place) in request.values("ENTStructureGroupes") {
            self.named_by_school(GroupKind::Group, &key, value, &place, outlet)?;
        }
        Ok(())
    }

    /// A class `code$label$track$track label…` or a group `code$label$class$class…` of a school.
    fn named_by_school(
        &mut self,
        kind: GroupKind,
        school: &SourceKey,
        value: &str,
        place: &crate::report::Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let parts: Vec<&str> = value.split('$').map(str::trim).collect();
        let code = parts.first().copied().unwrap_or_default();
        if code.is_empty() {
            let (attribute, expected) = match kind {
                GroupKind::Class => ("ENTStructureClasses", "code$libellé$MEF$libellé du MEF"),
                GroupKind::Group => ("ENTStructureGroupes", "code$libellé$classe"),
            };
            let reason = SkipReason::Composite {
                attribute: attribute.to_owned(),
                expected: expected.to_owned(),
                value: value.to_owned(),
            };
            return outlet.skip(place.clone(), reason);
        }
        let label = parts.get(1).copied().filter(|label| !label.is_empty()).map(str::to_owned);
        let more = || parts.iter().skip(2).copied().filter(|part| !part.is_empty());
        let mut group =
            Group { kind, school: Some(school.clone()), code: code.to_owned(), label, ..Group::default() };
        let mut given = Vec::new();
        if group.label.is_some() {
            given.push(Field::Label);
        }
        match kind {
            GroupKind::Class => {
                // Codes and labels alternate, in either order depending on the export; a code has digits.
                group.study_tracks = more().filter(|part| is_track(part)).map(str::to_owned).collect();
                if !group.study_tracks.is_empty() {
                    given.push(Field::StudyTracks);
                }
            }
            GroupKind::Group => {
                group.classes = more()
                    .map(|class| SourceKey::new(self.dialect.class, format!("{}${class}", school.value)))
                    .collect();
                if !group.classes.is_empty() {
                    given.push(Field::Classes);
                }
            }
        }
        let key = SourceKey::new(self.dialect.group_system(kind), format!("{}${code}", school.value));
        self.state_group(key, group, place.clone(), given, outlet)
    }
}

pub(super) fn subject(request: &Request, key: SourceKey, outlet: &mut Outlet<'_>) -> Result<(), Error> {
    let mut stated = Stated::new(request);
    let subject = Subject { label: stated.text(Field::Label, &["ENTLibelleMatiere"]) };
    let how = stated.statement(Vec::new());
    outlet.entry(request.place(), Record::Subject(key, subject), how)
}

pub(super) fn study_track(request: &Request, key: SourceKey, outlet: &mut Outlet<'_>) -> Result<(), Error> {
    let mut stated = Stated::new(request);
    let track = StudyTrack {
        label: stated.text(Field::Label, &["ENTLibelleMef"]),
        statistical_code: stated.text(Field::StatisticalCode, &["ENTMEFSTAT11"]),
    };
    let how = stated.statement(Vec::new());
    outlet.entry(request.place(), Record::StudyTrack(key, track), how)
}

/// Key of a study track named by a pupil.
pub(super) fn track_key(code: String) -> SourceKey {
    SourceKey::new(System::StudyTrack, code)
}

fn is_track(part: &str) -> bool {
    (8..=11).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
}

/// Splits an address `line$line$line$line`.
pub(super) fn address_lines(value: &str) -> Vec<String> {
    value.split('$').map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The state appends the academy to a school's name (`CLG-DES TILLEULS-ac-ESSAI`) and may separate the
/// name's parts with `$`.
fn usual_name(value: &str) -> String {
    let name = match value.rfind("-ac-").or_else(|| value.rfind("-AC-")) {
        Some(at) if at > 0 => &value[..at],
        _ => value,
    };
    name.split('$').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn school_names_lose_their_academy() {
        assert_eq!(usual_name("CLG-DES TILLEULS-ac-ESSAI"), "CLG-DES TILLEULS");
        assert_eq!(usual_name("NOM$STRUCTURE$COURANT"), "NOM STRUCTURE COURANT");
        assert_eq!(usual_name("-ac-ESSAI"), "-ac-ESSAI");
    }
}
