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

/// How many lessons that start near a cancelled one are considered as its replacement. A school has
/// far fewer at one time for one class; the bound keeps a hostile file from costing quadratic time.
const CANDIDATES: usize = 256;

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
    let mut links = Vec::new();
    let mut taken = HashSet::new();
    // The lessons are sorted, so candidates lie around the cancelled one: forward until they start
    // after its end, backward while there is hope of a longer lesson that began earlier.
    for (index, cancelled) in lessons.iter().enumerate() {
        if cancelled.state != LessonState::Cancelled {
            continue;
        }
        let forward = (index + 1..lessons.len())
            .take(CANDIDATES)
            .take_while(|other| lessons[*other].starts_at < cancelled.ends_at);
        let backward = (0..index).rev().take(CANDIDATES);
        let replacement = forward.chain(backward).find(|other| {
            let other_lesson = &lessons[*other];
            other_lesson.state != LessonState::Cancelled
                && !taken.contains(other)
                && other_lesson.starts_at < cancelled.ends_at
                && cancelled.starts_at < other_lesson.ends_at
                && stands_in(other_lesson, cancelled)
        });
        if let Some(other) = replacement {
            taken.insert(other);
            links.push((index, other));
        }
    }
    for (cancelled, other) in links {
        lessons[cancelled].replaced_by = Some(lessons[other].source_key.clone());
        lessons[other].replaces = Some(lessons[cancelled].source_key.clone());
    }
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
