//! Properties of the comparison: whatever was and whatever is said, applying the difference gives what is
//! wanted, and saying it again changes nothing.

use super::state::{
    Bond, Change, Fields, PersonState, Reach, Relations, Role, Said, Slot, Tie, Whole, diff, wanted, without,
};
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn group() -> impl Strategy<Value = GroupId> {
    // Groups 1 to 4 lie in school 1, 5 to 8 in school 2; odd ones are classes.
    (1..9_i64).prop_map(GroupId::from_raw)
}

fn pair() -> impl Strategy<Value = (GroupId, SubjectId)> {
    (group(), (0..3_i64).prop_map(SubjectId::from_raw))
}

fn guardian() -> impl Strategy<Value = PersonId> {
    (1..6_i64).prop_map(PersonId::from_raw)
}

fn bond() -> impl Strategy<Value = Bond> {
    (any::<bool>(), any::<bool>()).prop_map(|(legal, contact)| Bond {
        link: "mother".to_owned(),
        legal,
        financial: false,
        contact,
        payment: false,
    })
}

fn tie(profiles: &'static [&'static str]) -> impl Strategy<Value = Tie> {
    ((1..3_i64), proptest::sample::select(profiles), "[a-z]{0,3}").prop_map(|(school, profile, label)| Tie {
        school: SchoolId::from_raw(school),
        profile: profile.to_owned(),
        label,
    })
}

fn text() -> impl Strategy<Value = String> {
    "[A-Za-zéÉ ';$\n]{0,8}"
}

fn value() -> impl Strategy<Value = (Slot, Option<String>)> {
    let slots = [
        Slot::Family,
        Slot::Given,
        Slot::Title,
        Slot::BirthDate,
        Slot::Email,
        Slot::Mobile,
        Slot::Phone,
        Slot::Lines,
        Slot::PostalCode,
        Slot::Town,
        Slot::Country,
    ];
    (proptest::sample::select(slots.to_vec()), option::of(text()))
}

fn state() -> impl Strategy<Value = PersonState> {
    let ties = vec(tie(&["pupil", "teacher", "head", "guardian", "local_admin"]), 0..4);
    let groups = btree_set(group(), 0..4);
    let teaches = btree_map(pair(), any::<bool>(), 0..4);
    let bonds = btree_map(guardian(), bond(), 0..3);
    (text(), any::<bool>(), ties, groups, teaches, bonds).prop_map(
        |(family, removed, ties, enrolled, teaches, bonds)| PersonState {
            fields: Fields { family, ..Fields::default() },
            removed,
            ties: ties.into_iter().map(|tie| ((tie.school, tie.profile.clone()), tie)).collect(),
            enrolled,
            teaches,
            bonds,
        },
    )
}

fn whole() -> impl Strategy<Value = Whole> {
    vec(any::<bool>(), 6).prop_map(|bits| Whole {
        classes: bits[0],
        groups: bits[1],
        bonds: bits[2],
        class_teachings: bits[3],
        group_teachings: bits[4],
        tutors: bits[5],
    })
}

fn said() -> impl Strategy<Value = Said> {
    let staff = option::of(vec(tie(&["teacher", "head"]), 0..3));
    let pupil = option::of(vec(tie(&["pupil"]), 0..2));
    let relations = (
        (btree_set(group(), 0..4), btree_set(group(), 0..2)),
        (btree_set(pair(), 0..4), btree_set(pair(), 0..2)),
        (btree_set(group(), 0..2), btree_set(group(), 0..2)),
        (btree_map(guardian(), bond(), 0..3), btree_map(guardian(), bond(), 0..2)),
    );
    (vec(value(), 0..6), staff, pupil, relations, whole()).prop_map(
        |(values, staff, pupil, (enrolled, teaches, tutors, bonds), whole)| {
            let mut said = Said { values, whole, ..Said::default() };
            // A file never ends in one breath what it states in the next.
            said.enrolled.end = enrolled.1.difference(&enrolled.0).copied().collect();
            said.teaches.end = teaches.1.difference(&teaches.0).copied().collect();
            said.tutors.end = tutors.1.difference(&tutors.0).copied().collect();
            said.bonds = Relations {
                end: bonds.1.into_iter().filter(|(id, _)| !bonds.0.contains_key(id)).collect(),
                add: bonds.0,
            };
            said.enrolled.add = enrolled.0;
            said.teaches.add = teaches.0;
            said.tutors.add = tutors.0;
            for (role, ties) in [(Role::Staff, staff), (Role::Pupil, pupil)] {
                if let Some(ties) = ties {
                    said.roles.insert(role);
                    said.ties.insert(role, ties);
                }
            }
            said
        },
    )
}

fn reach() -> impl Strategy<Value = Reach> {
    (option::of(btree_set(1..3_i64, 0..3)), any::<bool>()).prop_map(|(schools, complete)| Reach {
        schools: schools.map(|all| all.into_iter().map(SchoolId::from_raw).collect()),
        complete: if complete { BTreeSet::from([Role::Staff, Role::Pupil]) } else { BTreeSet::new() },
        groups: (1..9_i64)
            .map(|id| (GroupId::from_raw(id), (SchoolId::from_raw((id - 1) / 4 + 1), id % 2 == 1)))
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn applying_the_difference_gives_what_is_wanted(old in option::of(state()), said in said(), reach in reach()) {
        let new = wanted(old.as_ref(), &said, &reach);
        let mut applied = old.clone().unwrap_or_default();
        diff(&applied, &new).apply(&mut applied);
        prop_assert_eq!(&applied, &new);
    }

    #[test]
    fn saying_it_again_changes_nothing(old in option::of(state()), said in said(), reach in reach()) {
        let once = wanted(old.as_ref(), &said, &reach);
        let twice = wanted(Some(&once), &said, &reach);
        prop_assert_eq!(diff(&once, &twice), Change::default());
    }

    #[test]
    fn what_is_out_of_reach_stays(old in state(), said in said(), mut reach in reach()) {
        reach.schools = Some([SchoolId::from_raw(1)].into());
        let new = wanted(Some(&old), &said, &reach);
        let elsewhere = |state: &PersonState| -> Vec<Tie> {
            state.ties.values().filter(|tie| tie.school.get() != 1).cloned().collect()
        };
        prop_assert_eq!(elsewhere(&old), elsewhere(&new));
        for group in old.enrolled.iter().filter(|group| group.get() > 4 && !said.enrolled.end.contains(group)) {
            prop_assert!(new.enrolled.contains(group));
        }
        // Ties that no file states are nobody's to take away.
        for (place, tie) in old.ties.iter().filter(|(_, tie)| tie.profile == "local_admin") {
            prop_assert_eq!(new.ties.get(place), Some(tie));
        }
    }

    #[test]
    fn whoever_leaves_keeps_nothing_within_reach(old in state(), reach in reach()) {
        let roles = BTreeSet::from(Role::ALL);
        let gone = without(&old, &roles, &reach);
        prop_assert_eq!(without(&gone, &roles, &reach), gone.clone());
        for tie in gone.ties.values() {
            prop_assert!(!reach.holds(tie.school) || tie.profile == "local_admin");
        }
        prop_assert_eq!(gone.removed, gone.removed || gone.ties.is_empty());
        prop_assert_eq!(&gone.fields, &old.fields);
    }
}

#[test]
fn one_part_of_an_address_changes_and_the_others_stay() {
    let mut said = Said { values: vec![(Slot::Lines, Some("1 rue\nBât. B".into()))], ..Said::default() };
    said.values.push((Slot::Town, Some("ESSAIVILLE".into())));
    let first = wanted(None, &said, &Reach::default());
    let moved = Said { values: vec![(Slot::Town, Some("AILLEURS".into()))], ..Said::default() };
    let second = wanted(Some(&first), &moved, &Reach::default());
    let address = second.fields.address.expect("an address");
    assert!(address.contains("Bât. B") && address.contains("AILLEURS"), "{address}");
    let cleared =
        Said { values: vec![(Slot::Lines, None), (Slot::Town, Some(String::new()))], ..Said::default() };
    assert_eq!(wanted(Some(&first), &cleared, &Reach::default()).fields.address, None);
}

#[test]
fn a_form_tutor_without_a_subject_belongs_to_the_class() {
    let class = GroupId::from_raw(1);
    let mut said = Said::default();
    said.tutors.add.insert(class);
    let none = SubjectId::from_raw(0);
    let state = wanted(None, &said, &Reach::default());
    assert_eq!(state.teaches.into_iter().collect::<Vec<_>>(), [((class, none), true)]);
    said.teaches.add.insert((class, SubjectId::from_raw(2)));
    let state = wanted(None, &said, &Reach::default());
    assert_eq!(state.teaches.into_iter().collect::<Vec<_>>(), [((class, SubjectId::from_raw(2)), true)]);
}
