//! The last step of every reader: unique keys, lessons in order, replacements recognised.
//!
//! A timetable program that cancels a lesson and puts another in its place exports both, at the same
//! hour. A pupil must see one. A cancelled lesson counts as replaced when a lesson that takes place
//! overlaps it and addresses at least the same pupils: half a class that gets another lesson does
//! not make the cancellation disappear for the other half.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::problem::{NoticeKind, Notices};
use super::record::{GroupKind, GroupName, LessonKey, LessonRecord, LessonState};

/// How many lessons under one name, nearest in time, are tried as the replacement of a cancelled one.
/// The bound keeps a hostile file from costing quadratic time.
const CANDIDATES: usize = 64;

/// Makes keys unique, sorts lessons by start and links replacements.
pub(crate) fn settle(lessons: &mut Vec<LessonRecord>, notices: &mut Notices) {
    lessons.sort_by(|a, b| a.starts_at.cmp(&b.starts_at).then_with(|| a.line.cmp(&b.line)));
    make_keys_unique(lessons, notices);
    link_replacements(lessons);
}

/// Keys that occur more than once get the start appended, all of them, so that the key of one does
/// not depend on whether another is still in the file. What then still collides is one lesson
/// written twice: the first stays.
fn make_keys_unique(lessons: &mut Vec<LessonRecord>, notices: &mut Notices) {
    let mut counts: HashMap<LessonKey, u32> = HashMap::with_capacity(lessons.len());
    for lesson in lessons.iter() {
        *counts.entry(lesson.source_key.clone()).or_default() += 1;
    }
    if counts.len() == lessons.len() {
        return;
    }
    for lesson in lessons.iter_mut() {
        if counts.get(&lesson.source_key).is_some_and(|count| *count > 1) {
            lesson.source_key = lesson.source_key.at(lesson.starts_at);
        }
    }
    let mut seen = HashSet::with_capacity(lessons.len());
    lessons.retain(|lesson| {
        let fresh = seen.insert(lesson.source_key.clone());
        if !fresh {
            notices.skipped(lesson.line, NoticeKind::Duplicate);
        }
        fresh
    });
}

fn link_replacements(lessons: &mut [LessonRecord]) {
    let index = index_by_name(lessons);
    let mut links = Vec::new();
    let mut taken = HashSet::new();
    for (at, cancelled) in lessons.iter().enumerate().filter(|(_, l)| l.state == LessonState::Cancelled) {
        let replacement =
            names_to_look_under(cancelled).filter_map(|name| index.get(&name)).find_map(|found| {
                // Lessons are sorted by start: the last that begin before the end are the ones to try.
                let end = found.partition_point(|other| lessons[*other].starts_at < cancelled.ends_at);
                found[..end].iter().rev().take(CANDIDATES).copied().find(|other| {
                    cancelled.starts_at < lessons[*other].ends_at
                        && !taken.contains(other)
                        && stands_in(&lessons[*other], cancelled)
                })
            });
        if let Some(other) = replacement {
            taken.insert(other);
            links.push((at, other));
        }
    }
    for (cancelled, other) in links {
        lessons[cancelled].replaced_by = Some(lessons[other].source_key.clone());
        lessons[other].replaces = Some(lessons[cancelled].source_key.clone());
    }
}

/// A name under which a lesson can be found: what kind of name, and its letters.
type Name = (NameKind, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum NameKind {
    Pupils,
    Teacher,
    Subject,
    /// Teacher or subject of a lesson that names no pupils.
    TeacherAlone,
    SubjectAlone,
}

/// The lessons that take place, by pupils, teachers and subject, each list in order of start.
fn index_by_name(lessons: &[LessonRecord]) -> HashMap<Name, Vec<usize>> {
    let mut index: HashMap<Name, Vec<usize>> = HashMap::new();
    if lessons.iter().all(|lesson| lesson.state != LessonState::Cancelled) {
        return index;
    }
    for (at, lesson) in lessons.iter().enumerate().filter(|(_, l)| l.state != LessonState::Cancelled) {
        let pupils = lesson.groups.iter().map(|group| name(NameKind::Pupils, &group.label));
        let personal = personal_names(lesson, NameKind::Teacher, NameKind::Subject);
        let alone = personal_names(lesson, NameKind::TeacherAlone, NameKind::SubjectAlone)
            .take_while(|_| lesson.groups.is_empty());
        for name in pupils.chain(personal).chain(alone) {
            index.entry(name).or_default().push(at);
        }
    }
    index
}

/// Whoever replaces a lesson addresses its first group or that group's first class. If one of the
/// two names no pupils, they share a teacher or the subject: see [`stands_in`].
fn names_to_look_under(cancelled: &LessonRecord) -> impl Iterator<Item = Name> {
    let first = cancelled.groups.first();
    let pupils = first.map(|group| name(NameKind::Pupils, &group.label));
    let class = first.and_then(|group| group.classes.first()).map(|class| name(NameKind::Pupils, class));
    let (teacher, subject) = match first {
        Some(_) => (NameKind::TeacherAlone, NameKind::SubjectAlone),
        None => (NameKind::Teacher, NameKind::Subject),
    };
    pupils.into_iter().chain(class).chain(personal_names(cancelled, teacher, subject))
}

fn personal_names(lesson: &LessonRecord, teacher: NameKind, subject: NameKind) -> impl Iterator<Item = Name> {
    let teachers = lesson.teachers.iter().map(move |found| name(teacher, &found.family));
    let label = Some(&lesson.subject.label).filter(|label| !label.is_empty());
    teachers.chain(label.map(|label| name(subject, label)))
}

fn name(kind: NameKind, text: &str) -> Name {
    (kind, letters(text).collect())
}

/// Whether `other` addresses at least the pupils of `cancelled`. When one of them names no pupils at
/// all (a personal calendar), the same teacher or the same subject decides.
fn stands_in(other: &LessonRecord, cancelled: &LessonRecord) -> bool {
    if other.groups.is_empty() || cancelled.groups.is_empty() {
        let same_teacher = other
            .teachers
            .iter()
            .any(|teacher| cancelled.teachers.iter().any(|t| same_label(&t.family, &teacher.family)));
        let same_subject =
            !other.subject.label.is_empty() && same_label(&other.subject.label, &cancelled.subject.label);
        return same_teacher || same_subject;
    }
    cancelled.groups.iter().all(|group| is_covered(group, &other.groups))
}

fn is_covered(group: &GroupName, by: &[Arc<GroupName>]) -> bool {
    let direct = by.iter().any(|other| other.kind == group.kind && same_label(&other.label, &group.label));
    let class_is_there = |class: &String| {
        by.iter().any(|other| other.kind == GroupKind::Class && same_label(&other.label, class))
    };
    direct || (!group.classes.is_empty() && group.classes.iter().all(class_is_there))
}

/// Labels are compared without case and without spaces: "4 A" is "4A".
fn same_label(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase)
}
