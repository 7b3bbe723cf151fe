//! What names in the files stand for: schools, classes and groups, subjects. Built once an import; its
//! size is that of the schools concerned, not of their people.

use super::super::staged::{Remark, Staged, StagedGroup, person_key};
use super::super::state::{Reach, Role};
use super::super::store::{self, GroupRow, SchoolRow, Scratch};
use super::{Account, Event, GroupWrite, ImportError, NewSubject, Options, SchoolWrite, Shown};
use crate::ids::{GroupId, SchoolId, SubjectId};
use crate::store::Conn;
use preau_formats::Format;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The school that stands in for one that nobody has named, in an empty database.
const UNNAMED: &str = "~";

/// How people are called in the store: a naming system of the format, scoped to where its names are
/// unique.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    format: Format,
    /// The academy (AAF), the school (generic tables), nothing (OneRoster).
    scope: String,
}

impl Naming {
    fn scoped(&self, system: &str) -> String {
        if self.scope.is_empty() { system.to_owned() } else { format!("{system}@{}", self.scope) }
    }

    /// Naming system and name for a key of the scratch database.
    pub(super) fn person(&self, key: &str) -> (String, String) {
        let (system, value) = match self.format {
            Format::Aaf2d => ("aaf-person", key),
            Format::Aaf1d => ("aaf1d-person", key),
            Format::OneRoster11 | Format::OneRoster12 => ("one-roster-user", key),
            Format::Csv => match key.split_once(':') {
                Some(("p", value)) => ("csv-pupil", value),
                Some(("s", value)) => ("csv-staff", value),
                Some((_, value)) => ("csv-guardian", value),
                None => ("csv-guardian", key),
            },
        };
        (self.scoped(system), value.to_owned())
    }

    /// The naming systems of people named in these parts.
    pub(super) fn systems(&self, roles: &BTreeSet<Role>) -> Vec<String> {
        let by_role = self.format == Format::Csv;
        let systems: BTreeSet<String> =
            roles.iter().map(|role| self.person(&person_key(by_role, *role, "")).0).collect();
        systems.into_iter().collect()
    }

    fn school(&self, key: &str) -> String {
        let system = match self.format {
            Format::Aaf2d => "aaf-structure",
            Format::Aaf1d => "aaf1d-structure",
            Format::OneRoster11 | Format::OneRoster12 => "one-roster-org",
            // Tables name schools by their national number, which the store has already.
            Format::Csv => return String::new(),
        };
        format!("{}:{key}", self.scoped(system))
    }

    fn group(&self, key: &str) -> String {
        let system = match self.format {
            Format::Aaf2d => "aaf-class",
            Format::Aaf1d => "aaf1d-class",
            Format::OneRoster11 | Format::OneRoster12 => "one-roster-class",
            Format::Csv => "csv-class",
        };
        format!("{}:{key}", self.scoped(system))
    }
}

/// The academy by which persons of a state file are scoped.
fn academy(conn: &mut Conn, staged: &Staged, system: &str) -> Result<String, ImportError> {
    let named: BTreeSet<&str> =
        staged.schools.values().filter_map(|school| school.academy.as_deref()).collect();
    if !named.is_empty() {
        return Ok(named.into_iter().collect::<Vec<_>>().join("+"));
    }
    if !staged.schools.is_empty() {
        return Ok(String::new());
    }
    // A partial file may name no school: it is about the academy that is known here.
    let mut known = store::systems(conn, system)?;
    match (known.pop(), known.is_empty()) {
        (None, _) => Ok(String::new()),
        (Some(only), true) => Ok(only.split_once('@').map(|(_, scope)| scope.to_owned()).unwrap_or_default()),
        (Some(_), false) => Err(ImportError::AcademyUnknown),
    }
}

pub(super) struct Dictionary {
    pub(super) naming: Naming,
    schools: HashMap<String, SchoolId>,
    pub(super) home: Option<SchoolId>,
    groups: HashMap<String, GroupId>,
    labels: HashMap<GroupId, String>,
    subjects: HashMap<(SchoolId, String), (SubjectId, String)>,
    settled: HashSet<SubjectId>,
    pub(super) reach: Reach,
    pub(super) school_writes: Vec<SchoolWrite>,
    pub(super) group_writes: Vec<GroupWrite>,
    pub(super) subject_writes: Vec<NewSubject>,
    pub(super) removed_groups: Vec<GroupId>,
    pub(super) about: Vec<SchoolId>,
    uais: Vec<String>,
}

impl Dictionary {
    pub(super) fn build(
        conn: &mut Conn,
        scratch: &mut Scratch,
        staged: &Staged,
        options: &Options,
        account: &mut Account,
    ) -> Result<Dictionary, ImportError> {
        let rows = store::schools(conn)?;
        let scope = match staged.meta.format {
            Format::Aaf2d => academy(conn, staged, "aaf-person")?,
            Format::Aaf1d => academy(conn, staged, "aaf1d-person")?,
            _ => String::new(),
        };
        let mut dictionary = Dictionary {
            naming: Naming { format: staged.meta.format, scope },
            schools: HashMap::new(),
            home: None,
            groups: HashMap::new(),
            labels: HashMap::new(),
            subjects: HashMap::new(),
            settled: HashSet::new(),
            reach: Reach::default(),
            school_writes: Vec::new(),
            group_writes: Vec::new(),
            subject_writes: Vec::new(),
            removed_groups: Vec::new(),
            about: Vec::new(),
            uais: Vec::new(),
        };
        dictionary.settle_schools(staged, options, &rows, account)?;
        if staged.meta.format == Format::Csv && staged.schools.len() <= 1 {
            let home = dictionary.home;
            let uai = dictionary.uai_of(home, &rows);
            dictionary.naming.scope = uai;
        }
        dictionary.settle_groups(conn, scratch, staged, account)?;
        let schools: Vec<SchoolId> = dictionary
            .reach
            .groups
            .values()
            .map(|(school, _)| *school)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        dictionary.subjects = store::subjects(conn, &schools)?;
        if staged.meta.complete {
            dictionary.reach.complete = staged.roles.clone();
        }
        Ok(dictionary)
    }

    fn uai_of(&self, school: Option<SchoolId>, rows: &[SchoolRow]) -> String {
        let Some(school) = school else { return String::new() };
        let written = self.school_writes.iter().find(|one| one.id == school).map(|one| one.uai.clone());
        written
            .or_else(|| rows.iter().find(|row| row.id == school).map(|row| row.uai.clone()))
            .unwrap_or_default()
    }

    fn settle_schools(
        &mut self,
        staged: &Staged,
        options: &Options,
        rows: &[SchoolRow],
        account: &mut Account,
    ) -> Result<(), ImportError> {
        let by_uai: HashMap<&str, &SchoolRow> = rows.iter().map(|row| (row.uai.as_str(), row)).collect();
        let by_key: HashMap<&str, &SchoolRow> = rows
            .iter()
            .filter(|row| !row.source_key.is_empty())
            .map(|row| (row.source_key.as_str(), row))
            .collect();
        for (key, school) in &staged.schools {
            let source_key = self.naming.school(key);
            let by_number = school.uai.as_deref().and_then(|uai| by_uai.get(uai));
            let own = options.only.filter(|_| school.uai.is_none() && staged.schools.len() == 1);
            let row = by_number
                .or_else(|| {
                    by_key
                        .get(source_key.as_str())
                        .filter(|row| school.uai.is_none() || row.uai.starts_with(UNNAMED))
                })
                .copied()
                .or_else(|| own.and_then(|own| rows.iter().find(|row| row.id == own)));
            if let Some(only) = options.only
                && row.is_none_or(|row| row.id != only)
            {
                let named = school.uai.clone().or_else(|| school.name.clone()).unwrap_or_else(|| key.clone());
                return Err(ImportError::ForeignSchool { named });
            }
            let written = SchoolWrite {
                id: row.map_or_else(SchoolId::fresh, |row| row.id),
                new: row.is_none(),
                uai: school
                    .uai
                    .clone()
                    .or_else(|| row.map(|row| row.uai.clone()))
                    .unwrap_or_else(|| format!("{UNNAMED}{source_key}")),
                name: school
                    .name
                    .clone()
                    .or_else(|| row.map(|row| row.name.clone()))
                    .or_else(|| school.uai.clone())
                    .unwrap_or_else(|| key.clone()),
                kind: match &school.category {
                    Some(category) => school_kind(category).to_owned(),
                    None => row.map_or_else(|| "school".to_owned(), |row| row.kind.clone()),
                },
                academy: school
                    .academy
                    .clone()
                    .or_else(|| row.map(|row| row.academy.clone()))
                    .unwrap_or_default(),
                source_key: match row {
                    Some(row) if source_key.is_empty() => row.source_key.clone(),
                    _ => source_key,
                },
            };
            self.take_school(key, written, row, account);
        }
        // Schools that the files only refer to.
        for row in rows.iter().filter(|row| !row.source_key.is_empty()) {
            let prefix = self.naming.school("");
            if let Some(key) = row.source_key.strip_prefix(&prefix).filter(|_| !prefix.is_empty()) {
                self.schools.entry(key.to_owned()).or_insert(row.id);
            }
        }
        self.home = match (options.only, &options.school, self.about.as_slice()) {
            (Some(only), ..) => Some(only),
            (None, Some(uai), _) => Some(self.school_named(uai, rows, account)),
            (None, None, [only]) => Some(*only),
            (None, None, []) if staged.meta.format == Format::Csv => match rows {
                [only] => Some(only.id),
                [] => Some(self.school_named(UNNAMED, rows, account)),
                _ => return Err(ImportError::NoSchool),
            },
            _ => None,
        };
        if staged.schools.is_empty() {
            self.about.extend(self.home);
        }
        let reach: HashSet<SchoolId> = match options.only {
            Some(only) => HashSet::from([only]),
            None => self.about.iter().copied().chain(self.home).collect(),
        };
        self.reach.schools = (staged.meta.complete || options.only.is_some()).then_some(reach);
        Ok(())
    }

    fn take_school(
        &mut self,
        key: &str,
        written: SchoolWrite,
        row: Option<&SchoolRow>,
        account: &mut Account,
    ) {
        self.schools.insert(key.to_owned(), written.id);
        self.about.push(written.id);
        self.uais.push(written.uai.clone());
        let shown = |event| Shown {
            event,
            kind: "schools".to_owned(),
            name: written.name.clone(),
            before: row.map(|row| row.name.clone()).filter(|name| *name != written.name).unwrap_or_default(),
            after: written.uai.trim_start_matches(UNNAMED).to_owned(),
        };
        let same = row.is_some_and(|row| {
            (&row.uai, &row.name, &row.kind, &row.academy, &row.source_key)
                == (&written.uai, &written.name, &written.kind, &written.academy, &written.source_key)
        });
        match (row, same) {
            (None, _) => account.note("schools", Event::Added, || shown(Event::Added)),
            (Some(_), false) => account.note("schools", Event::Changed, || shown(Event::Changed)),
            (Some(_), true) => {
                account.tally("schools").same += 1;
                return;
            }
        }
        self.school_writes.push(written);
    }

    /// The school with this number, made when there is none.
    fn school_named(&mut self, uai: &str, rows: &[SchoolRow], account: &mut Account) -> SchoolId {
        if let Some(written) = self.school_writes.iter().find(|one| one.uai == uai) {
            return written.id;
        }
        if let Some(row) = rows.iter().find(|row| row.uai == uai) {
            return row.id;
        }
        let name = if uai == UNNAMED { "Établissement".to_owned() } else { uai.to_owned() };
        if uai == UNNAMED {
            account.warnings.add(|| Remark {
                file: String::new(),
                line: 0,
                french: "les fichiers ne nomment pas d’établissement : il en est créé un sans numéro"
                    .to_owned(),
                english: "the files name no school: one without a number is made (name it with --school UAI)"
                    .to_owned(),
            });
        }
        let id = SchoolId::fresh();
        let written = SchoolWrite {
            id,
            new: true,
            uai: uai.to_owned(),
            name,
            kind: "school".to_owned(),
            academy: String::new(),
            source_key: String::new(),
        };
        account.tally("schools").added += 1;
        self.school_writes.push(written);
        id
    }

    fn settle_groups(
        &mut self,
        conn: &mut Conn,
        scratch: &mut Scratch,
        staged: &Staged,
        account: &mut Account,
    ) -> Result<(), ImportError> {
        let named: Vec<String> = scratch
            .named_groups()?
            .into_iter()
            .filter(|key| !staged.groups.contains_key(key))
            .map(|key| self.naming.group(&key))
            .collect();
        let mut schools: BTreeSet<SchoolId> = self.about.iter().copied().chain(self.home).collect();
        schools.extend(staged.groups.values().filter_map(|group| self.school(&group.school)));
        let schools: Vec<SchoolId> = schools.into_iter().collect();
        let rows = store::groups(conn, &schools, &named)?;
        for row in &rows {
            self.reach.groups.insert(row.id, (row.school, row.kind == "class"));
            self.labels.insert(row.id, row.label.clone());
        }
        let by_key: HashMap<&str, &GroupRow> = rows
            .iter()
            .filter(|row| !row.source_key.is_empty())
            .map(|row| (row.source_key.as_str(), row))
            .collect();
        let by_code: HashMap<(SchoolId, &str, &str), &GroupRow> =
            rows.iter().map(|row| ((row.school, row.kind.as_str(), row.code.as_str()), row)).collect();
        let mut codes: BTreeMap<(String, bool, &str), u32> = BTreeMap::new();
        for group in staged.groups.values() {
            *codes.entry((group.school.clone(), group.class, group.code.as_str())).or_default() += 1;
        }
        let mut taken: HashSet<GroupId> = HashSet::new();
        for (key, group) in staged.groups.iter().filter(|(_, group)| !group.deleted) {
            let Some(school) = self.school(&group.school).filter(|school| self.reach.holds(*school)) else {
                continue;
            };
            let kind = if group.class { "class" } else { "group" };
            let shared =
                codes.get(&(group.school.clone(), group.class, group.code.as_str())).is_some_and(|n| *n > 1);
            // Two things of one name in one school are told apart by what the file calls them.
            let code = if shared { format!("{} #{key}", group.code) } else { group.code.clone() };
            let source_key = self.naming.group(key);
            let row = by_key
                .get(source_key.as_str())
                .filter(|row| row.school == school && row.kind == kind)
                .or_else(|| by_code.get(&(school, kind, code.as_str())))
                .copied()
                .filter(|row| taken.insert(row.id));
            self.take_group(key, group, school, code, source_key, row, staged.meta.format, account);
        }
        // In a partial export the classes it does not repeat are known by their name alone.
        for row in &rows {
            if let Some(key) = row.source_key.strip_prefix(&self.naming.group("")) {
                self.groups.entry(key.to_owned()).or_insert(row.id);
            }
        }
        if staged.meta.complete && staged.roles.contains(&Role::Pupil) {
            self.find_missing_groups(&rows, &taken, account);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one thing of the file beside one thing of the store")]
    fn take_group(
        &mut self,
        key: &str,
        group: &StagedGroup,
        school: SchoolId,
        code: String,
        source_key: String,
        row: Option<&GroupRow>,
        format: Format,
        account: &mut Account,
    ) {
        // The state's label of a class repeats its track ("4EME A"); what everybody says is its code.
        let said = if group.class && format == Format::Aaf2d { None } else { group.label.clone() };
        let written = GroupWrite {
            id: row.map_or_else(GroupId::fresh, |row| row.id),
            new: row.is_none(),
            school,
            class: group.class,
            label: said.unwrap_or_else(|| match row {
                Some(row) if format != Format::Aaf2d || !group.class => row.label.clone(),
                _ => group.code.clone(),
            }),
            level: group.level.clone().or_else(|| row.map(|row| row.level.clone())).unwrap_or_default(),
            code,
            source_key,
        };
        self.groups.insert(key.to_owned(), written.id);
        self.reach.groups.insert(written.id, (school, group.class));
        self.labels.insert(written.id, written.label.clone());
        let kind = if group.class { "classes" } else { "groups" };
        let same = row.is_some_and(|row| {
            row.removed_at.is_none()
                && (&row.code, &row.label, &row.level, &row.source_key)
                    == (&written.code, &written.label, &written.level, &written.source_key)
        });
        if same {
            account.tally(kind).same += 1;
            return;
        }
        let event =
            if row.is_none_or(|row| row.removed_at.is_some()) { Event::Added } else { Event::Changed };
        account.note(kind, event, || Shown {
            event,
            kind: kind.to_owned(),
            name: written.label.clone(),
            before: String::new(),
            after: String::new(),
        });
        self.group_writes.push(written);
    }

    /// Classes and groups that came from files of this kind and are no longer named.
    fn find_missing_groups(&mut self, rows: &[GroupRow], taken: &HashSet<GroupId>, account: &mut Account) {
        let prefix = self.naming.group("");
        for row in rows {
            let ours = row.source_key.starts_with(&prefix) && self.reach.holds(row.school);
            if ours && row.removed_at.is_none() && !taken.contains(&row.id) {
                let kind = if row.kind == "class" { "classes" } else { "groups" };
                account.note(kind, Event::Removed, || Shown {
                    event: Event::Removed,
                    kind: kind.to_owned(),
                    name: row.label.clone(),
                    before: String::new(),
                    after: String::new(),
                });
                self.removed_groups.push(row.id);
            }
        }
    }

    /// The school a file calls `key`; empty: the one imported into.
    pub(super) fn school(&self, key: &str) -> Option<SchoolId> {
        if key.is_empty() { self.home } else { self.schools.get(key).copied() }
    }

    /// The class or group a file calls `key`.
    pub(super) fn group(&self, key: &str) -> Option<GroupId> {
        self.groups.get(key).copied()
    }

    /// How a class or group is called, for the preview.
    pub(super) fn label(&self, group: GroupId) -> &str {
        self.labels.get(&group).map_or("", String::as_str)
    }

    /// The subject with this code in the school of `group`; 0 when none is named.
    pub(super) fn subject(&mut self, group: GroupId, code: &str, staged: &Staged) -> SubjectId {
        let none = SubjectId::from_raw(0);
        let Some((school, _)) = self.reach.groups.get(&group).copied().filter(|_| !code.is_empty()) else {
            return none;
        };
        let said = staged.subjects.get(code).cloned().flatten();
        let place = (school, code.to_owned());
        let (id, label, new) = match self.subjects.get(&place) {
            Some((id, _)) if self.settled.contains(id) => return *id,
            Some((id, label)) => (*id, label.clone(), false),
            None => (SubjectId::fresh(), String::new(), true),
        };
        self.settled.insert(id);
        let wanted = said.unwrap_or_else(|| if new { code.to_owned() } else { label.clone() });
        if new || wanted != label {
            let hue = hue_of(&wanted);
            let code = code.to_owned();
            self.subject_writes.push(NewSubject { id, new, school, code, label: wanted.clone(), hue });
        }
        self.subjects.insert(place, (id, wanted));
        id
    }

    /// Where the files come from: their prefix and their schools, as words.
    pub(super) fn source(&self, staged: &Staged) -> String {
        let prefix =
            staged.meta.prefix.as_deref().map(|prefix| format!("prefix:{}", prefix.replace(' ', "_")));
        prefix.into_iter().chain(self.uais.iter().cloned()).collect::<Vec<_>>().join(" ")
    }
}

/// One of the twelve colours, the same for the same subject in every school (FNV-1a).
fn hue_of(label: &str) -> i32 {
    let hash =
        label.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i32::try_from(hash % 12).unwrap_or(0)
}

/// The kind of school behind the state's many words.
fn school_kind(category: &str) -> &'static str {
    let word = category.to_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if has(&["COLLEGE", "COLLÈGE", "CLG"]) {
        "college"
    } else if has(&["PROFESSIONNEL", "LYCEE PRO", "LP"]) {
        "vocational_lycee"
    } else if has(&["LYCEE", "LYCÉE", "LYC"]) {
        "lycee"
    } else if has(&["ECOLE", "ÉCOLE", "ELEM", "MATERNEL"]) {
        "primary"
    } else {
        "school"
    }
}
