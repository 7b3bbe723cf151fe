//! Generic CSV files: pupils, teachers, other staff, guests, parents, or one file of all with a profile
//! column.
//!
//! What a file holds is told by its columns first, by its name otherwise. Classes and groups are
//! stated when first named. A person without an identifier gets one made of name and birth date,
//! stable as long as these are. Guardianships follow the guardian, because the parents' file names the
//! children; without a column that says otherwise, the people of a parents' file are legal guardians.
//!
//! Files are read pupils first. What is kept in memory is a table of pupils' names (to find children
//! named without identifier) and of the identifiers seen, as 64-bit hashes.

use crate::csv_columns::{Column, Columns};
use crate::error::Error;
use crate::model::{
    Address, Contact, Enrolment, Field, Function, Group, GroupKind, Guardian, Guardianship, HeadTeacher,
    Legal, Link, PersonName, Pupil, Record, School, SourceKey, Staff, StaffProfile, Subject, System,
    Teaching,
};
use crate::outlet::{Outlet, Statement};
use crate::report::{Notice, Place, SkipReason};
use crate::table::Table;
use crate::values::{date, fold, is_uai, yes_no};
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::Arc;

/// What the rows of a file are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowKind {
    Pupil,
    /// Each row says what it is.
    Mixed,
    Teacher,
    Staff,
    Guest,
    Guardian,
}

impl RowKind {
    /// Recognises a table of people. `None` if it is none, or cannot be told.
    pub(crate) fn detect(base_name: &str, headers: &[String]) -> Option<Self> {
        let columns = Columns::new(headers);
        if !(columns.has(Column::Family) && columns.has(Column::Given)) {
            return None;
        }
        if columns.has(Column::ChildId) || columns.has(Column::ChildGiven) {
            return Some(Self::Guardian);
        }
        let by_name = Self::from_word(&fold(base_name));
        if columns.has(Column::Profile) && by_name.is_none() {
            return Some(Self::Mixed);
        }
        by_name.or_else(|| {
            if columns.has(Column::Ine) || columns.has(Column::StudyTrack) || columns.has(Column::Boarding) {
                Some(Self::Pupil)
            } else if columns.has(Column::Subject) || columns.has(Column::TutoredClass) {
                Some(Self::Teacher)
            } else if columns.has(Column::Function) {
                Some(if columns.has(Column::Class) { Self::Teacher } else { Self::Staff })
            } else if columns.has(Column::Class) {
                Some(Self::Pupil)
            } else {
                None
            }
        })
    }

    /// Looks for a word that names a profile, in a folded text.
    fn from_word(folded: &str) -> Option<Self> {
        let words: [(&[&str], Self); 5] = [
            (&["parent", "responsable", "relative", "guardian", "famille", "persrel"], Self::Guardian),
            (&["enseignant", "teacher", "prof"], Self::Teacher),
            (&["personnel", "staff", "administrat", "direction", "viescolaire", "aed", "cpe"], Self::Staff),
            (&["invite", "guest"], Self::Guest),
            (&["eleve", "pupil", "student", "apprenant"], Self::Pupil),
        ];
        words
            .into_iter()
            .find(|(names, _)| names.iter().any(|name| folded.contains(name)))
            .map(|(_, kind)| kind)
    }
}

/// A pupil found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    One(SourceKey),
    Several,
}

/// Reads a set of generic CSV files.
#[derive(Default)]
pub(crate) struct Reader {
    hasher: RandomState,
    seen: HashMap<u64, u64>,
    groups: HashSet<SourceKey>,
    schools: HashSet<String>,
    subjects: HashSet<SourceKey>,
    /// By family name, first name and class, and by the names alone.
    pupils: HashMap<u64, Named>,
}

/// A row with its columns: what the reading of one person needs.
struct Row<'t, R: Read> {
    table: &'t Table<R>,
    columns: &'t Columns,
    given: Vec<Field>,
}

impl<R: Read> Row<'_, R> {
    fn get(&self, column: Column) -> Option<String> {
        self.columns.all(column).find_map(|at| self.table.cell(at))
    }

    fn text(&mut self, field: Field, column: Column) -> Option<String> {
        let value = self.get(column);
        if value.is_some() {
            self.given.push(field);
        }
        value
    }

    /// For fields that an empty cell clears, provided that the file has the column.
    fn clearable(&mut self, field: Field, column: Column) -> Option<String> {
        if self.columns.has(column) {
            self.given.push(field);
        }
        self.get(column)
    }

    /// All values of a repeated column; a cell may list several.
    fn list(&self, column: Column) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for cell in self.columns.all(column).filter_map(|at| self.table.cell(at)) {
            for value in cell.split(['|', ',', ';']).map(str::trim).filter(|value| !value.is_empty()) {
                if !values.iter().any(|known| known == value) {
                    values.push(value.to_owned());
                }
            }
        }
        values
    }

    fn name(&mut self) -> PersonName {
        PersonName {
            family: self.text(Field::FamilyName, Column::Family).unwrap_or_default(),
            given: self.text(Field::GivenName, Column::Given).unwrap_or_default(),
            birth_family: self.text(Field::BirthFamilyName, Column::BirthFamily),
            other_given: self.list(Column::OtherGiven),
            title: self.text(Field::Title, Column::Title),
        }
    }

    fn contact(&mut self) -> Contact {
        let lines = self.clearable(Field::AddressLines, Column::Address);
        let address = Address {
            lines: lines.into_iter().collect(),
            postal_code: self.clearable(Field::PostalCode, Column::PostalCode),
            town: self.clearable(Field::Town, Column::Town),
            country: self.clearable(Field::Country, Column::Country),
        };
        Contact {
            email: self.text(Field::Email, Column::Email),
            home_phone: self.text(Field::HomePhone, Column::HomePhone),
            work_phone: self.text(Field::WorkPhone, Column::WorkPhone),
            mobile: self.clearable(Field::Mobile, Column::Mobile),
            mobile_sms: None,
            address: Some(address).filter(|a| !a.is_empty()),
            address_disclosure: None,
        }
    }

    fn statement(&mut self) -> Statement {
        Statement { given: std::mem::take(&mut self.given), ..Statement::default() }
    }
}

impl Reader {
    /// Reads one file.
    pub(crate) fn read_file(
        &mut self,
        kind: RowKind,
        name: &Arc<str>,
        head: &[u8],
        reader: &mut dyn Read,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut table = Table::open(reader, head, name)?;
        let columns = Columns::new(table.headers());
        for (column, usual) in [(Column::Family, "Nom"), (Column::Given, "Prénom")] {
            if !columns.has(column) {
                let found = table.headers().to_vec();
                let place = table.header_place();
                return Err(Error::MissingColumn { place, column: usual.to_owned(), found });
            }
        }
        for header in columns.unknown(table.headers()) {
            outlet.warn(table.header_place(), Notice::UnknownColumn { name: header.to_owned() })?;
        }
        let width = table.headers().len();
        while table.next_row()? {
            let found = table.width();
            if found > width {
                outlet.warn(table.place(), Notice::RowLength { expected: width, found })?;
            }
            let row = Row { table: &table, columns: &columns, given: Vec::new() };
            self.row(kind, row, outlet)?;
        }
        if let Some(report) = table.encoding() {
            let notice = Notice::Encoding { declared: report.declared, used: report.used.to_owned() };
            outlet.warn(Place::new(name, 0), notice)?;
        }
        Ok(())
    }

    fn row<R: Read>(
        &mut self,
        kind: RowKind,
        mut row: Row<'_, R>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let place = row.table.place();
        let kind = match kind {
            RowKind::Mixed => {
                let profile = row.get(Column::Profile).unwrap_or_default();
                match RowKind::from_word(&fold(&profile)) {
                    Some(kind) => kind,
                    None => return outlet.skip(place, SkipReason::UnknownRole { value: profile }),
                }
            }
            kind => kind,
        };
        let name = row.name();
        if name.family.is_empty() {
            return outlet.skip(place, SkipReason::NoFamilyName { expected: "Nom".to_owned() });
        }
        if name.given.is_empty() && kind != RowKind::Guardian {
            return outlet.skip(place, SkipReason::NoValue { expected: "Prénom".to_owned() });
        }
        let birth_date = self.birth_date(&mut row, outlet)?;
        let school = self.school(&row, outlet)?;
        let id = row.get(Column::Id).or_else(|| row.get(Column::Ine)).unwrap_or_else(|| {
            let tail = match birth_date {
                Some(day) => day.to_string(),
                None => row.get(Column::Email).or_else(|| row.get(Column::Class)).unwrap_or_default(),
            };
            format!("{}.{}.{}", fold(&name.family), fold(&name.given), tail.to_lowercase())
        });
        let hash = self.hasher.hash_one((&id, place.file.as_ref()));
        let first_line = *self.seen.entry(hash).or_insert(place.line);
        if first_line != place.line {
            return outlet.skip(place, SkipReason::Duplicate { value: id, first_line });
        }
        let key = SourceKey::new(System::CsvPerson, id);
        match kind {
            RowKind::Pupil | RowKind::Mixed => self.pupil(row, key, name, birth_date, school, outlet),
            RowKind::Guardian => self.guardian(row, key, name, outlet),
            RowKind::Teacher | RowKind::Staff | RowKind::Guest => {
                self.staff(kind, row, key, name, birth_date, school, outlet)
            }
        }
    }

    fn pupil<R: Read>(
        &mut self,
        mut row: Row<'_, R>,
        key: SourceKey,
        name: PersonName,
        birth_date: Option<Date>,
        school: Option<SourceKey>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let place = row.table.place();
        let classes = row.list(Column::Class);
        self.remember(&name, &classes, &key);
        let pupil = Pupil {
            ine: row.text(Field::Ine, Column::Ine),
            name,
            birth_date,
            school: school.clone(),
            study_track: row
                .clearable(Field::StudyTrack, Column::StudyTrack)
                .map(|code| SourceKey::new(System::StudyTrack, code)),
            grade_level: row.text(Field::GradeLevel, Column::Level),
            boarding: row.text(Field::Boarding, Column::Boarding),
            subjects: Vec::new(),
            contact: row.contact(),
            username: row.text(Field::Username, Column::Username),
        };
        let classes = self.groups(GroupKind::Class, classes, school.as_ref(), &place, outlet)?;
        let groups =
            self.groups(GroupKind::Group, row.list(Column::Group), school.as_ref(), &place, outlet)?;
        outlet.entry(place.clone(), Record::Pupil(key.clone(), pupil), row.statement())?;
        for group in classes.into_iter().chain(groups) {
            let enrolment = Enrolment { pupil: key.clone(), group, from: None, to: None };
            outlet.relation(place.clone(), Record::Enrolment(enrolment))?;
        }
        Ok(())
    }

    // A row, what was read of it already, and the way out: a type of their own would be read once.
    #[allow(clippy::too_many_arguments)]
    fn staff<R: Read>(
        &mut self,
        kind: RowKind,
        mut row: Row<'_, R>,
        key: SourceKey,
        name: PersonName,
        birth_date: Option<Date>,
        school: Option<SourceKey>,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let place = row.table.place();
        let mut subjects = row.list(Column::Subject);
        let mut functions = Vec::new();
        for label in row.list(Column::Function) {
            // Teachers' files put the subject under "fonction".
            let named = profile_of(&label);
            if named.is_none() && kind == RowKind::Teacher {
                subjects.push(label);
                continue;
            }
            functions.push(function(&label, named.unwrap_or(default_profile(kind)), school.clone()));
        }
        if functions.is_empty()
            || kind == RowKind::Teacher && functions.iter().all(|f| f.profile != StaffProfile::Teacher)
        {
            functions.insert(0, function(default_code(kind), default_profile(kind), school.clone()));
        }
        row.given.push(Field::Functions);
        let staff = Staff {
            name,
            birth_date,
            school: school.clone(),
            functions,
            teaches: (kind == RowKind::Teacher).then_some(true),
            contact: row.contact(),
            username: row.text(Field::Username, Column::Username),
        };
        let classes =
            self.groups(GroupKind::Class, row.list(Column::Class), school.as_ref(), &place, outlet)?;
        let groups =
            self.groups(GroupKind::Group, row.list(Column::Group), school.as_ref(), &place, outlet)?;
        let tutored =
            self.groups(GroupKind::Class, row.list(Column::TutoredClass), school.as_ref(), &place, outlet)?;
        let mut taught = Vec::new();
        for label in subjects {
            taught.push(self.subject(label, &place, outlet)?);
        }
        outlet.entry(place.clone(), Record::Staff(key.clone(), staff), row.statement())?;
        for group in classes.into_iter().chain(groups) {
            let mut teach = |subject| {
                let teaching = Teaching { staff: key.clone(), group: group.clone(), subject };
                outlet.relation(place.clone(), Record::Teaching(teaching))
            };
            if taught.is_empty() {
                teach(None)?;
            }
            for subject in &taught {
                teach(Some(subject.clone()))?;
            }
        }
        for group in tutored {
            outlet.relation(place.clone(), Record::HeadTeacher(HeadTeacher { staff: key.clone(), group }))?;
        }
        Ok(())
    }

    fn guardian<R: Read>(
        &mut self,
        mut row: Row<'_, R>,
        key: SourceKey,
        name: PersonName,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let place = row.table.place();
        let link = row.get(Column::Link).map_or(Link::Parent, |text| link_of(&text));
        let legal = match row.get(Column::Legal) {
            Some(text) => legal_of(&text),
            None if row.columns.has(Column::Legal) => Legal::None,
            None => Legal::Guardian,
        };
        let guardian =
            Guardian { name, contact: row.contact(), username: row.text(Field::Username, Column::Username) };
        let children = self.children(&row, outlet)?;
        outlet.entry(place.clone(), Record::Guardian(key.clone(), guardian), row.statement())?;
        for pupil in children {
            let guardianship = Guardianship {
                pupil,
                guardian: key.clone(),
                link,
                legal,
                financial: None,
                contact: None,
                payment: None,
            };
            outlet.relation(place.clone(), Record::Guardianship(guardianship))?;
        }
        Ok(())
    }

    /// The children a row names, by identifier or by names.
    fn children<R: Read>(&self, row: &Row<'_, R>, outlet: &mut Outlet<'_>) -> Result<Vec<SourceKey>, Error> {
        let mut children: Vec<SourceKey> =
            row.list(Column::ChildId).into_iter().map(|id| SourceKey::new(System::CsvPerson, id)).collect();
        let given: Vec<usize> = row.columns.all(Column::ChildGiven).collect();
        let families: Vec<usize> = row.columns.all(Column::ChildFamily).collect();
        let classes: Vec<usize> = row.columns.all(Column::ChildClass).collect();
        if !children.is_empty() {
            return Ok(children);
        }
        for (nth, &at) in given.iter().enumerate() {
            let Some(given) = row.table.cell(at) else { continue };
            let cell = |columns: &[usize]| columns.get(nth).and_then(|&at| row.table.cell(at));
            let family = cell(&families).or_else(|| row.get(Column::Family)).unwrap_or_default();
            let class = cell(&classes);
            let described = match &class {
                Some(class) => format!("{given} {family} ({class})"),
                None => format!("{given} {family}"),
            };
            match self.pupils.get(&self.name_hash(&family, &given, class.as_deref())) {
                Some(Named::One(key)) if !children.contains(key) => children.push(key.clone()),
                Some(Named::One(_)) => {}
                Some(Named::Several) => {
                    outlet.skip(row.table.place(), SkipReason::ChildAmbiguous { value: described })?;
                }
                None => outlet.skip(row.table.place(), SkipReason::ChildNotFound { value: described })?,
            }
        }
        Ok(children)
    }

    fn remember(&mut self, name: &PersonName, classes: &[String], key: &SourceKey) {
        let names = [Some(name.family.as_str()), name.birth_family.as_deref()];
        for family in names.into_iter().flatten() {
            let mut remember = |hash: u64| {
                self.pupils
                    .entry(hash)
                    .and_modify(|known| {
                        if *known != Named::One(key.clone()) {
                            *known = Named::Several;
                        }
                    })
                    .or_insert_with(|| Named::One(key.clone()));
            };
            remember(name_hash(&self.hasher, family, &name.given, None));
            for class in classes {
                remember(name_hash(&self.hasher, family, &name.given, Some(class)));
            }
        }
    }

    fn name_hash(&self, family: &str, given: &str, class: Option<&str>) -> u64 {
        name_hash(&self.hasher, family, given, class)
    }

    fn birth_date<R: Read>(
        &self,
        row: &mut Row<'_, R>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<Date>, Error> {
        let Some(text) = row.get(Column::BirthDate) else { return Ok(None) };
        let day = date(&text);
        match day {
            Some(_) => row.given.push(Field::BirthDate),
            None => {
                let notice = Notice::BadDate { attribute: "Date de naissance".to_owned(), value: text };
                outlet.warn(row.table.place(), notice)?;
            }
        }
        Ok(day)
    }

    /// The school a row names, stated when first seen.
    fn school<R: Read>(
        &mut self,
        row: &Row<'_, R>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<SourceKey>, Error> {
        let Some(uai) = row.get(Column::SchoolNumber).map(|uai| uai.to_uppercase()) else { return Ok(None) };
        let key = SourceKey::new(System::Uai, uai.clone());
        if self.schools.insert(uai.clone()) {
            if !is_uai(&uai) {
                outlet.warn(row.table.place(), Notice::BadUai { value: uai.clone() })?;
            }
            let school = School { uai: Some(uai), name: row.get(Column::SchoolName), ..School::default() };
            let mut given = vec![Field::Uai];
            if school.name.is_some() {
                given.push(Field::Label);
            }
            let how = Statement { given, ..Statement::default() };
            outlet.entry(row.table.place(), Record::School(key.clone(), school), how)?;
        }
        Ok(Some(key))
    }

    /// Keys of classes or groups, stated when first seen.
    fn groups(
        &mut self,
        kind: GroupKind,
        codes: Vec<String>,
        school: Option<&SourceKey>,
        place: &Place,
        outlet: &mut Outlet<'_>,
    ) -> Result<Vec<SourceKey>, Error> {
        let mut keys = Vec::new();
        for code in codes {
            let system = match kind {
                GroupKind::Class => System::CsvClass,
                GroupKind::Group => System::CsvGroup,
            };
            let value = match school {
                Some(school) => format!("{}${code}", school.value),
                None => code.clone(),
            };
            let key = SourceKey::new(system, value);
            if self.groups.insert(key.clone()) {
                let group = Group { kind, school: school.cloned(), code, ..Group::default() };
                outlet.entry(place.clone(), Record::Group(key.clone(), group), Statement::default())?;
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn subject(&mut self, label: String, place: &Place, outlet: &mut Outlet<'_>) -> Result<SourceKey, Error> {
        let key = SourceKey::new(System::CsvSubject, fold(&label).to_uppercase());
        if self.subjects.insert(key.clone()) {
            let how = Statement { given: vec![Field::Label], ..Statement::default() };
            let subject = Subject { label: Some(label) };
            outlet.entry(place.clone(), Record::Subject(key.clone(), subject), how)?;
        }
        Ok(key)
    }
}

fn name_hash(hasher: &RandomState, family: &str, given: &str, class: Option<&str>) -> u64 {
    hasher.hash_one((fold(family), fold(given), class.map(fold)))
}

fn function(label: &str, profile: StaffProfile, school: Option<SourceKey>) -> Function {
    Function { school, code: label.to_owned(), label: None, discipline_code: None, discipline: None, profile }
}

fn default_profile(kind: RowKind) -> StaffProfile {
    match kind {
        RowKind::Teacher => StaffProfile::Teacher,
        RowKind::Guest => StaffProfile::Guest,
        _ => StaffProfile::Staff,
    }
}

fn default_code(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Teacher => "Enseignant",
        RowKind::Guest => "Invité",
        _ => "Personnel",
    }
}

/// The profile a function named in words gives; `None` if the words name none.
fn profile_of(label: &str) -> Option<StaffProfile> {
    let folded = fold(label);
    let has = |words: &[&str]| words.iter().any(|word| folded.contains(word));
    let is = |words: &[&str]| words.contains(&folded.as_str());
    // "Conseiller principal" and "professeur principal" are no principals: order matters.
    if is(&["cpe", "aed", "edu", "sur", "surveillant", "surveillante"])
        || has(&[
            "conseillerprincipal",
            "conseillereprincipale",
            "assistantdeducation",
            "assistanteducation",
            "viescolaire",
        ])
    {
        Some(StaffProfile::StudentLife)
    } else if is(&["doc", "cdi"]) || has(&["documentaliste", "librarian"]) {
        Some(StaffProfile::Librarian)
    } else if is(&["ens"]) || has(&["enseignant", "professeur", "teacher"]) {
        Some(StaffProfile::Teacher)
    } else if is(&["dir"])
        || has(&["direction", "directeur", "directrice", "principal", "proviseur", "chefdetablissement"])
    {
        Some(StaffProfile::Head)
    } else if is(&["aesh", "agent", "infirmier", "infirmiere", "secretaire", "gestionnaire", "personnel"])
        || has(&["secretariat", "intendan", "administrat", "psychologue", "assistantesociale"])
    {
        Some(StaffProfile::Staff)
    } else {
        None
    }
}

fn link_of(text: &str) -> Link {
    match fold(text).as_str() {
        "mere" | "mother" | "maman" => Link::Mother,
        "pere" | "father" | "papa" => Link::Father,
        "parent" | "parents" => Link::Parent,
        "tuteur" | "tutrice" | "tutor" => Link::Tutor,
        "frere" | "soeur" | "fratrie" | "sibling" => Link::Sibling,
        "grandpere" | "grandmere" | "grandparent" | "ascendant" => Link::Ascendant,
        "oncle" | "tante" | "famille" | "autremembredelafamille" => Link::Family,
        "educateur" | "educatrice" => Link::Educator,
        "assistantfamilial" | "assistantefamiliale" | "famillaccueil" | "familledaccueil" => {
            Link::FosterCarer
        }
        "assistantmaternel" | "assistantematernelle" | "nourrice" => Link::Childminder,
        "ase" | "aidesocialealenfance" => Link::ChildWelfare,
        "luimeme" | "ellememe" | "elevemajeur" => Link::Oneself,
        _ => Link::Other,
    }
}

fn legal_of(text: &str) -> Legal {
    let folded = fold(text);
    match yes_no(text) {
        Some(true) => Legal::Guardian,
        Some(false) => Legal::None,
        None if folded.starts_with("nonlegal") || folded.contains("contact") || folded.contains("sans") => {
            Legal::None
        }
        None if folded.contains("encharge") || folded == "2" => Legal::InCharge,
        None if folded.contains("legal") || folded.contains("autorite") => Legal::Guardian,
        None => Legal::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_in_words() {
        assert_eq!(profile_of("Conseiller principal d'éducation"), Some(StaffProfile::StudentLife));
        assert_eq!(profile_of("Professeur principal"), Some(StaffProfile::Teacher));
        assert_eq!(profile_of("Principale adjointe"), Some(StaffProfile::Head));
        assert_eq!(profile_of("Professeur documentaliste"), Some(StaffProfile::Librarian));
        assert_eq!(profile_of("Mathématiques"), None);
    }

    #[test]
    fn legal_words() {
        assert_eq!(legal_of("Oui"), Legal::Guardian);
        assert_eq!(legal_of("Responsable légal"), Legal::Guardian);
        assert_eq!(legal_of("2"), Legal::InCharge);
        assert_eq!(legal_of("Personne en charge"), Legal::InCharge);
        assert_eq!(legal_of("?"), Legal::None);
    }

    #[test]
    fn files_are_recognised_by_columns_then_name() {
        let headers = |text: &str| text.split(';').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            RowKind::detect("liste.csv", &headers("Nom;Prénom;Childexternalid")),
            Some(RowKind::Guardian)
        );
        assert_eq!(RowKind::detect("liste.csv", &headers("Nom;Prénom;Classe")), Some(RowKind::Pupil));
        assert_eq!(
            RowKind::detect("CSV_Enseignants.csv", &headers("Nom;Prénom;Classe")),
            Some(RowKind::Teacher)
        );
        assert_eq!(RowKind::detect("x.csv", &headers("Nom;Prénom;Profil")), Some(RowKind::Mixed));
        assert_eq!(RowKind::detect("x.csv", &headers("a;b")), None);
        assert_eq!(RowKind::detect("x.csv", &headers("Nom;Prénom")), None);
    }
}
