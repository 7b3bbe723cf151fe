//! Who and what a file means: labels and names against the school's own directory. Pure.
//!
//! Comparison ignores case, accents, spaces and punctuation. A name that could mean two people means nobody:
//! a lesson in the wrong hands would let the wrong person into a class.

use super::{Wanted, WantedSubject};
use crate::ids::{GroupId, PersonId, SubjectId};
use crate::school::{GroupLine, SubjectLine, TeacherLine};
use crate::timetable::LessonState;
use crate::ui::Texts;
use preau_formats::timetable::{self as file, GroupKind, GroupName, LessonRecord, TeacherName};
use std::collections::{BTreeMap, HashMap};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// "4ème A" and "4EME A" are the same: letters and digits only, without case or accents.
fn normal(text: &str) -> String {
    text.nfkd()
        .filter(|sign| !is_combining_mark(*sign))
        .flat_map(char::to_lowercase)
        .filter(|sign| sign.is_alphanumeric())
        .collect()
}

/// The hue of a subject that a file brings, 0 to 11: always the same for the same name (FNV-1a).
pub(super) fn hue_of(label: &str) -> u8 {
    let hash = normal(label).bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) % 12) as u8
}

/// Why a lesson is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// None of its classes and groups exists here.
    UnknownGroups(String),
    /// No class is named, and none of its teachers exists here.
    UnknownTeachers(String),
    /// It names neither class nor teacher.
    Nobody,
}

impl Reason {
    /// The sentence.
    pub(super) fn text(&self, texts: &Texts) -> String {
        match self {
            Reason::UnknownGroups(names) => texts.with("timetable-skip-groups", "names", names),
            Reason::UnknownTeachers(names) => texts.with("timetable-skip-teachers", "names", names),
            Reason::Nobody => texts.get("timetable-skip-nobody").to_owned(),
        }
    }
}

/// A doubt about a lesson that was taken nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// A group does not exist here; the others do.
    UnknownGroup(String),
    /// A part of a class does not exist here; the whole class was taken.
    PartTakenAsClass(String),
    /// A teacher does not exist here.
    UnknownTeacher(String),
    /// Several teachers could be meant.
    AmbiguousTeacher(String),
}

impl Doubt {
    /// The sentence, with the number of lessons it is about.
    pub(super) fn text(&self, texts: &Texts, lessons: u32) -> String {
        let (key, name) = match self {
            Doubt::UnknownGroup(name) => ("timetable-doubt-group", name),
            Doubt::PartTakenAsClass(name) => ("timetable-doubt-part", name),
            Doubt::UnknownTeacher(name) => ("timetable-doubt-teacher", name),
            Doubt::AmbiguousTeacher(name) => ("timetable-doubt-ambiguous", name),
        };
        texts.with2(key, "name", name, "count", lessons)
    }
}

/// What a teacher's name was found to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    One(PersonId),
    None,
    Several,
}

/// The school's own names.
pub(super) struct Directory {
    classes: HashMap<String, GroupId>,
    groups: HashMap<String, GroupId>,
    teachers: HashMap<String, Vec<TeacherLine>>,
    by_code: HashMap<String, SubjectId>,
    by_label: HashMap<String, SubjectId>,
    new_subjects: Vec<(String, String)>,
    new_by_label: HashMap<String, usize>,
    doubts: BTreeMap<Doubt, u32>,
}

impl Directory {
    /// The directory of a school.
    pub(super) fn new(
        groups: Vec<GroupLine>,
        teachers: Vec<TeacherLine>,
        subjects: Vec<SubjectLine>,
    ) -> Directory {
        let mut directory = Directory {
            classes: HashMap::new(),
            groups: HashMap::new(),
            teachers: HashMap::new(),
            by_code: HashMap::new(),
            by_label: HashMap::new(),
            new_subjects: Vec::new(),
            new_by_label: HashMap::new(),
            doubts: BTreeMap::new(),
        };
        for group in groups {
            let names = if group.is_class { &mut directory.classes } else { &mut directory.groups };
            // A code outweighs a label that happens to be spelled the same.
            names.entry(normal(&group.label)).or_insert(group.id);
            names.insert(normal(&group.code), group.id);
        }
        for teacher in teachers {
            directory.teachers.entry(normal(&teacher.family)).or_default().push(teacher);
        }
        for subject in subjects {
            directory.by_code.insert(normal(&subject.code), subject.id);
            directory.by_label.insert(normal(&subject.label), subject.id);
        }
        directory
    }

    /// The lesson that a record means.
    ///
    /// # Errors
    /// Why nobody would see it.
    pub(super) fn wanted(&mut self, record: &LessonRecord) -> Result<Wanted, Reason> {
        let mut groups: Vec<GroupId> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        let mut doubts: Vec<Doubt> = Vec::new();
        for name in &record.groups {
            match self.group(name) {
                (found, doubt) if !found.is_empty() => {
                    groups.extend(found);
                    doubts.extend(doubt);
                }
                _ => unknown.push(&name.label),
            }
        }
        groups.sort_unstable();
        groups.dedup();
        if groups.is_empty() && !unknown.is_empty() {
            return Err(Reason::UnknownGroups(unknown.join(", ")));
        }
        doubts.extend(unknown.into_iter().map(|label| Doubt::UnknownGroup(label.to_owned())));
        let mut teachers: Vec<PersonId> = Vec::new();
        for name in &record.teachers {
            match self.teacher(name) {
                Found::One(person) => teachers.push(person),
                Found::None => doubts.push(Doubt::UnknownTeacher(written(name))),
                Found::Several => doubts.push(Doubt::AmbiguousTeacher(written(name))),
            }
        }
        teachers.sort_unstable();
        teachers.dedup();
        if groups.is_empty() && teachers.is_empty() {
            let names: Vec<String> = record.teachers.iter().map(|name| written(name)).collect();
            return Err(if names.is_empty() {
                Reason::Nobody
            } else {
                Reason::UnknownTeachers(names.join(", "))
            });
        }
        for doubt in doubts {
            *self.doubts.entry(doubt).or_default() += 1;
        }
        let label = record.subject.label.trim();
        Ok(Wanted {
            key: record.source_key.as_str().to_owned(),
            starts_at: record.starts_at.as_millisecond(),
            ends_at: record.ends_at.as_millisecond(),
            subject: self.subject(record),
            label: label.to_owned(),
            room: record.room.clone().unwrap_or_default(),
            state: match record.state {
                file::LessonState::Normal => LessonState::Normal,
                file::LessonState::Cancelled => LessonState::Cancelled,
                file::LessonState::Modified => LessonState::Modified,
                file::LessonState::Exceptional => LessonState::Exceptional,
            },
            replaced_by: record.replaced_by.as_ref().map(|key| key.as_str().to_owned()),
            note: match record.state {
                file::LessonState::Normal | file::LessonState::Cancelled => String::new(),
                _ => record.state_label.clone().unwrap_or_default(),
            },
            groups,
            teachers,
        })
    }

    fn group(&self, name: &GroupName) -> (Vec<GroupId>, Option<Doubt>) {
        let label = normal(&name.label);
        let (first, second) = match name.kind {
            GroupKind::Class => (&self.classes, &self.groups),
            GroupKind::Group | GroupKind::Part => (&self.groups, &self.classes),
        };
        if let Some(found) = first.get(&label).or_else(|| second.get(&label)) {
            return (vec![*found], None);
        }
        if name.kind != GroupKind::Part {
            return (Vec::new(), None);
        }
        let classes = name.classes.iter().filter_map(|class| self.classes.get(&normal(class)).copied());
        (classes.collect(), Some(Doubt::PartTakenAsClass(name.label.clone())))
    }

    fn teacher(&self, name: &TeacherName) -> Found {
        let Some(namesakes) = self.teachers.get(&normal(&name.family)) else { return Found::None };
        let fits = |line: &&TeacherLine| match (&name.given, &name.initial) {
            (Some(given), _) => normal(&line.given) == normal(given),
            (None, Some(initial)) => has_initials(&line.given, initial),
            (None, None) => true,
        };
        let mut found = namesakes.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(one), None) => Found::One(one.id),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => Found::None,
        }
    }

    fn subject(&mut self, record: &LessonRecord) -> WantedSubject {
        let label = normal(&record.subject.label);
        let code = record.subject.code.as_deref().map(normal).filter(|code| !code.is_empty());
        if let Some(found) = code.as_ref().and_then(|code| self.by_code.get(code)) {
            return WantedSubject::Known(*found);
        }
        if label.is_empty() {
            return WantedSubject::None;
        }
        if let Some(found) = self.by_label.get(&label).or_else(|| self.by_code.get(&label)) {
            return WantedSubject::Known(*found);
        }
        let new_subjects = &mut self.new_subjects;
        let place = *self.new_by_label.entry(label.clone()).or_insert_with(|| {
            let code = record.subject.code.clone().unwrap_or_else(|| format!("local:{label}"));
            new_subjects.push((code, record.subject.label.trim().to_owned()));
            new_subjects.len() - 1
        });
        WantedSubject::New(place)
    }

    /// What was doubted, with the number of lessons each doubt is about.
    pub(super) fn doubts(&self) -> impl Iterator<Item = (&Doubt, u32)> {
        self.doubts.iter().map(|(doubt, lessons)| (doubt, *lessons))
    }

    /// Code and label of the subjects that the file brings; [`WantedSubject::New`] counts in them.
    pub(super) fn into_new_subjects(self) -> Vec<(String, String)> {
        self.new_subjects
    }
}

/// "HOUBLON S." as the file wrote it.
fn written(name: &TeacherName) -> String {
    match name.given.as_ref().or(name.initial.as_ref()) {
        Some(first) => format!("{} {first}", name.family),
        None => name.family.clone(),
    }
}

/// Whether a first name begins with these initials: "J-M" and "Jean-Marie", "S" and "Soizic". A lone first
/// initial fits a double name as well.
fn has_initials(given: &str, initials: &str) -> bool {
    let firsts: Vec<String> = given
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(|part| normal(part).chars().take(1).collect())
        .collect();
    let asked: Vec<String> = initials
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .map(normal)
        .collect();
    if let [one] = asked.as_slice() {
        // "Ma." is more than an initial: the beginning of the name itself.
        return !one.is_empty() && normal(given).starts_with(one.as_str());
    }
    !asked.is_empty()
        && firsts.len() >= asked.len()
        && firsts.iter().zip(&asked).all(|(a, b)| b.starts_with(a.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teacher(given: &str, family: &str) -> TeacherLine {
        TeacherLine {
            id: PersonId::fresh(),
            given: given.into(),
            family: family.into(),
            formal: family.into(),
        }
    }

    fn named(family: &str, initial: Option<&str>) -> TeacherName {
        TeacherName { family: family.into(), given: None, initial: initial.map(str::to_owned) }
    }

    #[test]
    fn teachers_are_found_by_name_and_initial_and_never_guessed() {
        let (one, two) = (teacher("Soizic", "Houblon-Kerval"), teacher("Jean-Marie", "Lebrun"));
        let three = teacher("Jacques", "Lebrun");
        let ids = (one.id, two.id);
        let directory = Directory::new(Vec::new(), vec![one, two, three], Vec::new());
        assert_eq!(directory.teacher(&named("HOUBLON KERVAL", Some("S"))), Found::One(ids.0));
        assert_eq!(directory.teacher(&named("HOUBLON-KERVAL", Some("T"))), Found::None);
        assert_eq!(directory.teacher(&named("LEBRUN", Some("J-M"))), Found::One(ids.1));
        assert_eq!(directory.teacher(&named("Lebrun", Some("J"))), Found::Several);
        assert_eq!(directory.teacher(&named("Lebrun", None)), Found::Several);
        assert_eq!(directory.teacher(&named("Absent", None)), Found::None);
    }

    #[test]
    fn hues_are_stable_and_names_are_compared_without_accents() {
        assert_eq!(normal("4ème A"), normal("4EME-A"));
        assert_eq!(hue_of("Français"), hue_of("FRANCAIS"));
        assert!(["Maths", "Anglais", "EPS", "Latin"].into_iter().all(|label| hue_of(label) < 12));
    }
}
