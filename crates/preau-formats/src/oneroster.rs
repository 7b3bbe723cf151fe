//! OneRoster CSV, versions 1.1 and 1.2 (1EdTech), in the lenient reading that real files need.
//!
//! Differences that matter: 1.1 puts the role into `users.csv`, 1.2 into `roles.csv`. Headers are
//! compared without case and with up to two letters wrong, because the published samples misspell them.
//! A homeroom class becomes a class, any other a group. Guardians are found through `agentSourcedIds`,
//! from either side. Academic sessions, results and resources are not read.
//!
//! What is kept in memory: organisations, courses and classes; of users, a role mask and perhaps a birth
//! date under a 64-bit hash.

mod columns;
mod people;

pub(crate) use columns::FileKind;

use crate::error::Error;
use crate::model::{
    Address, Enrolment, Field, Group, GroupKind, HeadTeacher, Kind, Record, School, SourceKey, Subject,
    System, Teaching,
};
use crate::outlet::{Outlet, Statement};
use crate::report::{Notice, Place, SkipReason};
use crate::table::Table;
use crate::values::{date, fold, is_uai};
use columns::Header;
use jiff::civil::Date;
use people::Roles;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::sync::Arc;

/// What `manifest.csv` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manifest {
    pub(crate) version: Option<String>,
    /// Some file holds changes only.
    pub(crate) partial: bool,
}

impl Manifest {
    /// Reads the manifest from the beginning of its file (it has some twenty short lines).
    pub(crate) fn parse(head: &[u8]) -> Self {
        let mut manifest = Self::default();
        for line in crate::table::decode_head(head).lines() {
            let mut cells = line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"').trim());
            let (Some(property), Some(value)) = (cells.next(), cells.next()) else { continue };
            match fold(property).as_str() {
                "onerosterversion" => manifest.version = Some(value.to_owned()),
                p if p.starts_with("file") && value.eq_ignore_ascii_case("delta") => manifest.partial = true,
                _ => {}
            }
        }
        manifest
    }
}

#[derive(Debug, Clone)]
struct Class {
    group: SourceKey,
    kind: GroupKind,
    subject: Option<SourceKey>,
}

#[derive(Debug, Clone)]
struct Course {
    title: Option<String>,
    subject_code: Option<String>,
}

/// Reads a OneRoster set, file by file in the order of [`FileKind`].
pub(crate) struct Reader {
    partial: bool,
    hasher: RandomState,
    courses: HashMap<String, Course>,
    classes: HashMap<String, Class>,
    subjects: HashSet<SourceKey>,
    roles: HashMap<u64, Roles>,
    births: HashMap<u64, Date>,
    pairs: HashSet<(u64, u64)>,
}

/// A row and its header.
struct Row<'t, R: Read> {
    table: &'t Table<R>,
    header: &'t Header,
}

impl<R: Read> Row<'_, R> {
    fn get(&self, name: &str) -> Option<String> {
        self.table.cell(self.header.position(name)?)
    }

    /// A cell that lists values.
    fn list(&self, name: &str) -> Vec<String> {
        let cell = self.get(name).unwrap_or_default();
        cell.split([',', ';', '|']).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned).collect()
    }

    fn place(&self) -> Place {
        self.table.place()
    }

    /// Whether the row says that its thing is gone.
    fn is_gone(&self) -> bool {
        // 1.0 wrote "inactive" for what is now "tobedeleted".
        self.get("status")
            .is_some_and(|status| matches!(fold(&status).as_str(), "tobedeleted" | "inactive" | "deleted"))
    }
}

impl Reader {
    pub(crate) fn new(partial: bool) -> Self {
        Self {
            partial,
            hasher: RandomState::new(),
            courses: HashMap::new(),
            classes: HashMap::new(),
            subjects: HashSet::new(),
            roles: HashMap::new(),
            births: HashMap::new(),
            pairs: HashSet::new(),
        }
    }

    /// Reads roles and birth dates out of one file, before people are stated.
    pub(crate) fn prepare_file(
        &mut self,
        kind: FileKind,
        name: &Arc<str>,
        head: &[u8],
        reader: &mut dyn Read,
    ) -> Result<(), Error> {
        let mut table = Table::open(reader, head, name)?;
        let header = Header::new(table.headers());
        while table.next_row()? {
            let row = Row { table: &table, header: &header };
            match kind {
                FileKind::Users => self.note_role(row.get("sourcedId"), row.get("role")),
                FileKind::Roles if !row.is_gone() => {
                    self.note_role(row.get("userSourcedId"), row.get("role"));
                }
                FileKind::Demographics => {
                    let day = row.get("birthDate").and_then(|text| date(&text));
                    if let (Some(user), Some(day)) = (row.get("sourcedId"), day) {
                        self.births.insert(self.hasher.hash_one(user), day);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads one file.
    pub(crate) fn read_file(
        &mut self,
        kind: FileKind,
        name: &Arc<str>,
        head: &[u8],
        reader: &mut dyn Read,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut table = Table::open(reader, head, name)?;
        let header = Header::new(table.headers());
        for column in kind.mandatory() {
            if header.position(column).is_none() {
                let found = table.headers().to_vec();
                return Err(Error::MissingColumn {
                    place: table.header_place(),
                    column: (*column).to_owned(),
                    found,
                });
            }
        }
        for (written, meant) in header.repaired() {
            let notice = Notice::Repaired { what: format!("{written} = {meant}") };
            outlet.warn(table.header_place(), notice)?;
        }
        while table.next_row()? {
            let row = Row { table: &table, header: &header };
            let id_column = kind.mandatory().first().copied().unwrap_or("sourcedId");
            let Some(id) = row.get(id_column) else {
                outlet.skip(row.place(), SkipReason::NoIdentifier { expected: id_column.to_owned() })?;
                continue;
            };
            match kind {
                FileKind::Orgs => self.org(&row, id, outlet)?,
                FileKind::Courses => self.course(&row, id),
                FileKind::Classes => self.class(&row, id, outlet)?,
                FileKind::Users => self.user(&row, id, outlet)?,
                FileKind::Enrollments => self.enrollment(&row, outlet)?,
                FileKind::Manifest | FileKind::Roles | FileKind::Demographics | FileKind::NotNeeded => {}
            }
        }
        Ok(())
    }

    fn org<R: Read>(&mut self, row: &Row<'_, R>, id: String, outlet: &mut Outlet<'_>) -> Result<(), Error> {
        let key = SourceKey::new(System::OneRosterOrg, id.clone());
        if row.is_gone() {
            return outlet.delete(row.place(), Kind::School, key);
        }
        // Departments are taken for schools too: small exports have nothing else. What stands above a
        // school is no school.
        let category = row.get("type");
        let above = category.as_deref().map(fold).unwrap_or_default();
        if matches!(above.as_str(), "district" | "local" | "state" | "national") {
            return Ok(());
        }
        let identifier = row.get("identifier");
        let uai = [identifier, Some(id)].into_iter().flatten().map(|v| v.to_uppercase()).find(|v| is_uai(v));
        let school =
            School { uai, name: row.get("name"), category, address: None::<Address>, ..School::default() };
        let mut given = vec![Field::Category];
        if school.uai.is_some() {
            given.push(Field::Uai);
        }
        if school.name.is_some() {
            given.push(Field::Label);
        }
        outlet.entry(row.place(), Record::School(key, school), Statement { given, ..Statement::default() })
    }

    fn course<R: Read>(&mut self, row: &Row<'_, R>, id: String) {
        if !row.is_gone() {
            let subject_code = row.list("subjectCodes").into_iter().next().or_else(|| row.get("courseCode"));
            self.courses.insert(id, Course { title: row.get("title"), subject_code });
        }
    }

    fn class<R: Read>(&mut self, row: &Row<'_, R>, id: String, outlet: &mut Outlet<'_>) -> Result<(), Error> {
        let key = SourceKey::new(System::OneRosterClass, id.clone());
        if row.is_gone() {
            return outlet.delete(row.place(), Kind::Group, key);
        }
        let homeroom = row.get("classType").is_some_and(|kind| fold(&kind) == "homeroom");
        let kind = if homeroom { GroupKind::Class } else { GroupKind::Group };
        let subject = self.class_subject(row, outlet)?;
        let title = row.get("title");
        let code = row.get("classCode").or_else(|| title.clone()).unwrap_or_else(|| id.clone());
        let group = Group {
            kind,
            school: row.get("schoolSourcedId").map(|id| SourceKey::new(System::OneRosterOrg, id)),
            code,
            label: title,
            grade_level: row.list("grades").into_iter().next(),
            subject: subject.clone(),
            ..Group::default()
        };
        let mut given = vec![Field::Subjects];
        if group.label.is_some() {
            given.push(Field::Label);
        }
        if group.grade_level.is_some() {
            given.push(Field::GradeLevel);
        }
        let how = Statement { given, ..Statement::default() };
        outlet.entry(row.place(), Record::Group(key.clone(), group), how)?;
        self.classes.insert(id, Class { group: key, kind, subject });
        Ok(())
    }

    /// The subject of a class: its own code, its course's code, or the course itself.
    fn class_subject<R: Read>(
        &mut self,
        row: &Row<'_, R>,
        outlet: &mut Outlet<'_>,
    ) -> Result<Option<SourceKey>, Error> {
        let course_id = row.get("courseSourcedId");
        let course = course_id.as_ref().and_then(|id| self.courses.get(id)).cloned();
        let code = row
            .list("subjectCodes")
            .into_iter()
            .next()
            .or_else(|| course.as_ref().and_then(|course| course.subject_code.clone()));
        let label = row
            .list("subjects")
            .into_iter()
            .next()
            .or_else(|| course.as_ref().and_then(|course| course.title.clone()));
        let key = match (code, course_id) {
            (Some(code), _) => SourceKey::new(System::Subject, code),
            (None, Some(id)) if label.is_some() => SourceKey::new(System::OneRosterCourse, id),
            _ => return Ok(None),
        };
        if self.subjects.insert(key.clone()) {
            let given = if label.is_some() { vec![Field::Label] } else { Vec::new() };
            let how = Statement { given, ..Statement::default() };
            outlet.entry(row.place(), Record::Subject(key.clone(), Subject { label }), how)?;
        }
        Ok(Some(key))
    }

    fn enrollment<R: Read>(&mut self, row: &Row<'_, R>, outlet: &mut Outlet<'_>) -> Result<(), Error> {
        let place = row.place();
        let (Some(class_id), Some(user)) = (row.get("classSourcedId"), row.get("userSourcedId")) else {
            let expected = "classSourcedId, userSourcedId".to_owned();
            return outlet.skip(place, SkipReason::NoValue { expected });
        };
        if row.is_gone() && !self.partial {
            return Ok(());
        }
        let class = self.classes.get(&class_id).cloned();
        let group = match &class {
            Some(class) => class.group.clone(),
            // A partial export names classes it does not repeat.
            None if self.partial => SourceKey::new(System::OneRosterClass, class_id),
            None => {
                let attribute = "classSourcedId".to_owned();
                return outlet.skip(place, SkipReason::UnknownReference { attribute, value: class_id });
            }
        };
        let known = self.roles.get(&self.hasher.hash_one(&user)).copied();
        if known.is_none() && !self.partial {
            let attribute = "userSourcedId".to_owned();
            return outlet.skip(place, SkipReason::UnknownReference { attribute, value: user });
        }
        let role = row.get("role").unwrap_or_default();
        let person = SourceKey::new(System::OneRosterUser, user);
        let gone = row.is_gone();
        let mut state = |record| {
            if gone { outlet.ended(place.clone(), record) } else { outlet.relation(place.clone(), record) }
        };
        match fold(&role).as_str() {
            "student" | "learner" if known.is_none_or(Roles::is_pupil) => {
                let day = |name| row.get(name).and_then(|text| date(&text));
                let (from, to) = (day("beginDate"), day("endDate"));
                state(Record::Enrolment(Enrolment { pupil: person, group, from, to }))
            }
            "teacher" | "aide" | "instructor" | "administrator" if known.is_none_or(Roles::is_staff) => {
                let subject = class.as_ref().and_then(|class| class.subject.clone());
                let homeroom = class.is_some_and(|class| class.kind == GroupKind::Class);
                let primary = row.get("primary").and_then(|text| crate::values::yes_no(&text)) == Some(true);
                state(Record::Teaching(Teaching { staff: person.clone(), group: group.clone(), subject }))?;
                if homeroom && primary {
                    state(Record::HeadTeacher(HeadTeacher { staff: person, group }))?;
                }
                Ok(())
            }
            _ => outlet.skip(place, SkipReason::UnknownRole { value: role }),
        }
    }
}
