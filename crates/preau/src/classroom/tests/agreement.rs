//! What is told adds up to what would be shown, for every role and whatever happens; and nobody is shown what
//! is not theirs.

use crate::classroom::model::document::Shown;
use crate::classroom::model::groups::Group;
use crate::classroom::model::poll::Question;
use crate::classroom::model::view::{Tidings, Viewer, tidings};
use crate::classroom::model::{State, What};
use crate::ids::PersonId;
use crate::lesson::Role;
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Pupils 1 to 4.
const PUPILS: std::ops::RangeInclusive<i64> = 1..=4;

/// Everybody who may look at the room: the pupils, two teachers, a visitor.
fn viewers() -> Vec<Viewer> {
    PUPILS
        .map(|pupil| (Role::Pupil, pupil))
        .chain([(Role::Teacher, 11), (Role::Teacher, 12), (Role::Visitor, 21)])
        .map(|(role, person)| Viewer { role, person: PersonId::from_raw(person) })
        .collect()
}

fn pupil() -> impl Strategy<Value = PersonId> {
    PUPILS.prop_map(PersonId::from_raw)
}

fn pupils() -> impl Strategy<Value = BTreeSet<PersonId>> {
    proptest::collection::btree_set(pupil(), 0..4)
}

fn places() -> impl Strategy<Value = BTreeSet<u8>> {
    proptest::collection::btree_set(0_u8..4, 0..3)
}

fn question() -> impl Strategy<Value = Question> {
    (any::<bool>(), any::<bool>(), places()).prop_map(|(yes_or_no, several, right)| Question {
        question: "Combien ?".into(),
        choices: if yes_or_no { vec![] } else { ["un", "deux", "trois"].map(String::from).to_vec() },
        several,
        right,
    })
}

/// One to three groups in which nobody sits twice, as they are kept.
fn groups() -> impl Strategy<Value = Vec<Group>> {
    proptest::collection::vec((".{0,3}", pupils()), 1..4).prop_map(|groups| {
        let mut seated = BTreeSet::new();
        let mut group = |(name, members): (String, BTreeSet<PersonId>)| {
            let members: BTreeSet<PersonId> = members.difference(&seated).copied().collect();
            seated.extend(&members);
            Group { name, members }
        };
        groups.into_iter().map(&mut group).collect()
    })
}

fn what() -> impl Strategy<Value = What> {
    let poll = || 1_i64..30;
    prop_oneof![
        1 => pupils().prop_map(|inside| What::Locked { inside }),
        1 => Just(What::Unlocked),
        1 => pupil().prop_map(|person| What::Knocked { person, name: format!("Élève {person}") }),
        1 => pupils().prop_map(|people| What::Admitted { people }),
        1 => any::<bool>().prop_map(|open| What::WordsSwitched { open }),
        1 => (pupil(), any::<bool>()).prop_map(|(pupil, teacher)| What::Said {
            pupil,
            from: if teacher { PersonId::from_raw(11) } else { pupil },
            name: "Quelqu’un".into(),
            text: format!("secret de {pupil}"),
        }),
        1 => (5_000_i64..60_000).prop_map(|length| What::TimerStarted { length }),
        1 => Just(What::TimerPaused),
        1 => Just(What::TimerResumed),
        1 => Just(What::TimerEnded),
        3 => question().prop_map(What::PollOpened),
        5 => (poll(), pupil(), places())
            .prop_map(|(poll, person, choices)| What::PollAnswered { poll, person, choices }),
        2 => poll().prop_map(|poll| What::PollClosed { poll }),
        2 => (poll(), any::<bool>()).prop_map(|(poll, shown)| What::PollShown { poll, shown }),
        1 => any::<bool>().prop_map(|open| What::NotesSwitched { open }),
        2 => groups().prop_map(|groups| What::GroupsOpened { groups }),
        2 => (pupil(), 0_u8..4).prop_map(|(person, group)| What::GroupJoined { person, group }),
        1 => Just(What::GroupsTold { text: "Encore cinq minutes".into() }),
        1 => Just(What::GroupsEnded),
        2 => ("[ab]", 1_u16..4).prop_map(|(token, pages)| What::DocumentShown(Shown {
            name: format!("{token}.pdf"),
            token,
            pages,
            page: 1,
        })),
        3 => (0_u16..5).prop_map(|page| What::DocumentTurned { page }),
        1 => Just(What::DocumentClosed),
        2 => any::<bool>().prop_map(|open| What::BoardSwitched { open }),
        3 => (proptest::option::of(pupil()), any::<bool>())
            .prop_map(|(person, may)| What::BoardLent { person, may }),
        1 => any::<bool>().prop_map(|simple| What::ViewSimplified { simple }),
        2 => proptest::collection::btree_map("[a-c]", proptest::option::of("[é ]{0,3}"), 1..4)
            .prop_map(|lines| What::NotesWritten { lines }),
    ]
}

/// RFC 7396, section 2, as the page does it.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// What each viewer of `present` is told of a step.
fn told(before: &State, after: &State, what: &What, present: &[Viewer]) -> Vec<(Viewer, Value)> {
    match tidings(before, after, what) {
        Tidings::All(patch) => present.iter().map(|viewer| (*viewer, patch.clone())).collect(),
        Tidings::Apart(apart) => {
            let groups = apart.among(present);
            let found = |viewer: &Viewer| {
                let mut patches = groups.iter().filter(|(people, _)| people.contains(&viewer.person));
                let patch = patches.next().expect("everybody is told").1.clone();
                assert!(patches.next().is_none(), "nobody is told twice");
                (*viewer, patch)
            };
            present.iter().map(found).collect()
        }
    }
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(fields) => fields.values().any(holds_null),
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_snapshot_and_what_is_told_after_it_is_a_fresh_snapshot(happenings in proptest::collection::vec(what(), 1..60)) {
        let mut state = State::default();
        let mut shown: Vec<(Viewer, Value)> =
            viewers().into_iter().map(|viewer| (viewer, state.view(viewer))).collect();
        for (index, what) in happenings.into_iter().enumerate() {
            if !state.is_news(&what) || state.check(&what).is_err() {
                continue;
            }
            let before = state.clone();
            state.apply(before.number + 1, 1_000 * index as i64, Some(&what));
            // In the room are those whom the door lets in; who is let in now takes a snapshot on arrival.
            let inside = |viewer: &Viewer, state: &State| viewer.role != Role::Pupil || state.admits(viewer.person);
            let present: Vec<Viewer> =
                viewers().into_iter().filter(|one| inside(one, &before) && inside(one, &state)).collect();
            let packets = told(&before, &state, &what, &present);
            for (viewer, view) in &mut shown {
                match packets.iter().find(|(one, _)| one == viewer) {
                    Some((_, patch)) => merge(view, patch),
                    None => *view = state.view(*viewer),
                }
                let fresh = state.view(*viewer);
                prop_assert_eq!(&*view, &fresh, "{:?} after {:?}", viewer, &what);
                prop_assert!(!holds_null(&fresh));
            }
        }
    }

    #[test]
    fn an_event_that_changes_nothing_is_no_news(happenings in proptest::collection::vec(what(), 1..40)) {
        let mut state = State::default();
        for what in happenings {
            let mut after = state.clone();
            after.apply(state.number + 1, 7, Some(&what));
            if !state.is_news(&what) {
                prop_assert_eq!(State { number: state.number, ..after }, state.clone());
            } else if state.check(&what).is_ok() {
                state = after;
            }
        }
    }

    #[test]
    fn what_is_kept_is_read_back(what in what()) {
        let body = serde_json::to_string(&what).expect("written");
        prop_assert_eq!(serde_json::from_str::<What>(&body).expect("read"), what);
    }

    #[test]
    fn no_pupil_sees_what_another_wrote_or_answered(happenings in proptest::collection::vec(what(), 1..60)) {
        let mut state = State::default();
        for what in happenings {
            if state.check(&what).is_ok() {
                let number = state.number + 1;
                state.apply(number, 0, Some(&what));
            }
        }
        for viewer in viewers().into_iter().filter(|one| one.role != Role::Teacher) {
            let view = state.view(viewer);
            let text = view.to_string();
            for other in PUPILS.map(PersonId::from_raw).filter(|other| *other != viewer.person) {
                prop_assert!(!text.contains(&format!("secret de {other}")), "{text}");
                prop_assert!(!text.contains(&format!("Élève {other}")), "the lobby is the teacher's: {text}");
            }
            for group in view["groups"]["list"].as_object().into_iter().flat_map(|list| list.values()) {
                prop_assert!(group.get("members").is_none(), "who sits where is the teacher's: {text}");
            }
            for (number, poll) in view["polls"].as_object().into_iter().flatten() {
                prop_assert!(poll.get("answered").is_none());
                let kept = &state.polls[&number.parse::<i64>().expect("a number")];
                prop_assert_eq!(poll.get("counts").is_some(), kept.shown);
                prop_assert_eq!(poll.get("right").is_some(), kept.shown && !kept.open);
            }
        }
    }
}
