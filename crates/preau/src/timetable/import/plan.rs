//! What a file (or the school's own slots) wants, compared with the lessons that are there. Pure.

use crate::ids::{GroupId, LessonId, Millis, PersonId, SubjectId};
use crate::timetable::LessonState;
use std::collections::{HashMap, HashSet};

/// The subject of a wanted lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::timetable) enum WantedSubject {
    /// None.
    None,
    /// One the school has.
    Known(SubjectId),
    /// One that comes with the file, by its place among the new ones.
    New(usize),
}

/// A lesson as a source wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::timetable) struct Wanted {
    /// What identifies it over successive exports.
    pub(in crate::timetable) key: String,
    /// First instant.
    pub(in crate::timetable) starts_at: Millis,
    /// First instant after it.
    pub(in crate::timetable) ends_at: Millis,
    /// What is taught.
    pub(in crate::timetable) subject: WantedSubject,
    /// What the source calls it.
    pub(in crate::timetable) label: String,
    /// Room.
    pub(in crate::timetable) room: String,
    /// What happens to it.
    pub(in crate::timetable) state: LessonState,
    /// The key of the lesson that takes its place.
    pub(in crate::timetable) replaced_by: Option<String>,
    /// The source's word on it.
    pub(in crate::timetable) note: String,
    /// Classes and groups, ascending.
    pub(in crate::timetable) groups: Vec<GroupId>,
    /// Teachers, ascending.
    pub(in crate::timetable) teachers: Vec<PersonId>,
}

/// A lesson as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::timetable) struct Existing {
    /// Its identifier.
    pub(in crate::timetable) id: LessonId,
    /// The source's key.
    pub(in crate::timetable) key: String,
    /// First instant.
    pub(in crate::timetable) starts_at: Millis,
    /// First instant after it.
    pub(in crate::timetable) ends_at: Millis,
    /// What is taught.
    pub(in crate::timetable) subject: Option<SubjectId>,
    /// What the source called it.
    pub(in crate::timetable) label: String,
    /// Room.
    pub(in crate::timetable) room: String,
    /// What happens to it.
    pub(in crate::timetable) state: LessonState,
    /// The lesson that takes its place.
    pub(in crate::timetable) replaced_by: Option<LessonId>,
    /// A word on it.
    pub(in crate::timetable) note: String,
    /// Classes and groups, ascending.
    pub(in crate::timetable) groups: Vec<GroupId>,
    /// Teachers without substitutes, ascending.
    pub(in crate::timetable) teachers: Vec<PersonId>,
    /// Changed by the head: sources leave it alone.
    pub(in crate::timetable) by_hand: bool,
    /// A roll, a live class or work hangs on it, or the head has declared it an exam.
    pub(in crate::timetable) hangs: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::timetable) struct Plan {
    /// Lessons to write.
    pub(in crate::timetable) add: Vec<Wanted>,
    /// Lessons to change.
    pub(in crate::timetable) change: Vec<(LessonId, Wanted)>,
    /// Lessons to remove: nothing hangs on them.
    pub(in crate::timetable) remove: Vec<LessonId>,
    /// Lessons that went but must stay, cancelled.
    pub(in crate::timetable) cancel: Vec<LessonId>,
    /// How many are as wanted.
    pub(in crate::timetable) same: usize,
    /// How many differ but were changed by hand, and stay so.
    pub(in crate::timetable) by_hand: usize,
    /// Identifiers of the lessons that are there, by key, for replacements.
    pub(in crate::timetable) ids: HashMap<String, LessonId>,
}

#[cfg(test)]
impl Plan {
    /// Whether applying it would change nothing.
    pub(in crate::timetable) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.change.is_empty() && self.remove.is_empty() && self.cancel.is_empty()
    }
}

/// Compares. `removable` says which lessons the source would have named if they still took place.
pub(in crate::timetable) fn compare(
    wanted: Vec<Wanted>,
    existing: &[Existing],
    removable: impl Fn(&Existing) -> bool,
) -> Plan {
    let by_key: HashMap<&str, &Existing> =
        existing.iter().map(|lesson| (lesson.key.as_str(), lesson)).collect();
    let mut plan = Plan {
        ids: existing.iter().map(|lesson| (lesson.key.clone(), lesson.id)).collect(),
        ..Plan::default()
    };
    let mut kept: HashSet<LessonId> = HashSet::new();
    for lesson in wanted {
        match by_key.get(lesson.key.as_str()) {
            None => plan.add.push(lesson),
            Some(there) => {
                kept.insert(there.id);
                if is_as_wanted(there, &lesson, &by_key) {
                    plan.same += 1;
                } else if there.by_hand {
                    plan.by_hand += 1;
                } else {
                    plan.change.push((there.id, lesson));
                }
            }
        }
    }
    for lesson in existing.iter().filter(|lesson| !kept.contains(&lesson.id) && removable(lesson)) {
        if lesson.by_hand {
            plan.by_hand += 1;
        } else if !lesson.hangs {
            plan.remove.push(lesson.id);
        } else if lesson.state != LessonState::Cancelled {
            plan.cancel.push(lesson.id);
        }
    }
    plan
}

fn is_as_wanted(there: &Existing, wanted: &Wanted, by_key: &HashMap<&str, &Existing>) -> bool {
    let subject = match wanted.subject {
        WantedSubject::None => None,
        WantedSubject::Known(subject) => Some(subject),
        WantedSubject::New(_) => return false,
    };
    // A replacement that is not there yet will be: then this lesson changes too.
    let replaced_by = match &wanted.replaced_by {
        None => None,
        Some(key) => match by_key.get(key.as_str()) {
            Some(other) => Some(other.id),
            None => return false,
        },
    };
    (there.starts_at, there.ends_at, there.subject, there.state, there.replaced_by)
        == (wanted.starts_at, wanted.ends_at, subject, wanted.state, replaced_by)
        && (&there.label, &there.room, &there.note) == (&wanted.label, &wanted.room, &wanted.note)
        && there.groups == wanted.groups
        && there.teachers == wanted.teachers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wanted(key: u8, start: i64, room: u8) -> Wanted {
        Wanted {
            key: format!("k{key}"),
            starts_at: start,
            ends_at: start + 55,
            subject: WantedSubject::None,
            label: "Latin".into(),
            room: format!("B{room}"),
            state: LessonState::Normal,
            replaced_by: None,
            note: String::new(),
            groups: vec![GroupId::from_raw(1)],
            teachers: Vec::new(),
        }
    }

    /// What the database would hold after applying.
    fn applied(existing: &[Existing], plan: &Plan) -> Vec<Existing> {
        let of = |id, lesson: &Wanted, hangs| Existing {
            id,
            key: lesson.key.clone(),
            starts_at: lesson.starts_at,
            ends_at: lesson.ends_at,
            subject: None,
            label: lesson.label.clone(),
            room: lesson.room.clone(),
            state: lesson.state,
            replaced_by: None,
            note: lesson.note.clone(),
            groups: lesson.groups.clone(),
            teachers: lesson.teachers.clone(),
            by_hand: false,
            hangs,
        };
        let mut after: Vec<Existing> =
            existing.iter().filter(|lesson| !plan.remove.contains(&lesson.id)).cloned().collect();
        for lesson in &mut after {
            if let Some((_, new)) = plan.change.iter().find(|(id, _)| *id == lesson.id) {
                *lesson = of(lesson.id, new, lesson.hangs);
            }
            if plan.cancel.contains(&lesson.id) {
                lesson.state = LessonState::Cancelled;
            }
        }
        after.extend(plan.add.iter().map(|lesson| of(LessonId::fresh(), lesson, false)));
        after
    }

    fn timetable() -> impl Strategy<Value = Vec<Wanted>> {
        proptest::collection::btree_map(0_u8..20, (0_i64..50, 0_u8..3), 0..15).prop_map(|lessons| {
            lessons.into_iter().map(|(key, (start, room))| wanted(key, start, room)).collect()
        })
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing_and_what_hangs_stays(
            first in timetable(),
            second in timetable(),
            hanging in proptest::collection::vec(any::<bool>(), 20),
            hands in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let mut there = applied(&[], &compare(first, &[], |_| true));
            for (place, lesson) in there.iter_mut().enumerate() {
                lesson.hangs = hanging[place];
                lesson.by_hand = hands[place];
            }
            let plan = compare(second.clone(), &there, |_| true);
            let after = applied(&there, &plan);
            for lesson in &there {
                let still = after.iter().find(|other| other.id == lesson.id);
                prop_assert!(still.is_some() || !(lesson.hangs || lesson.by_hand));
                if lesson.by_hand {
                    prop_assert_eq!(still, Some(lesson));
                }
            }
            for lesson in &second {
                prop_assert!(after.iter().any(|other| other.key == lesson.key));
            }
            prop_assert!(compare(second, &after, |_| true).is_empty());
        }
    }
}
