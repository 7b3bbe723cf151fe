//! What somebody sees of a room: a JSON document for each role, and for each pupil what is theirs alone.
//!
//! A change is told as the difference of two views (a merge patch, RFC 7396). So there is one place that
//! decides what may be seen, [`State::view`]: nothing can be told that a fresh view would not show. A page
//! that applies the patches in their order has what a fresh view would give it; a test holds this for every
//! role. Nothing in a view is ever null.

use super::document::Shown;
use super::groups::{Group, Groups};
use super::notes::Lines;
use super::poll::Poll;
use super::timer::Timer;
use super::{State, What, Word};
use crate::ids::{Millis, PersonId};
use crate::lesson::Role;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::classroom) struct Viewer {
    /// In which part.
    pub(in crate::classroom) role: Role,
    /// Who.
    pub(in crate::classroom) person: PersonId,
}

/// What everybody of a role sees. Ids are texts: JavaScript's numbers are too short for them.
#[derive(Serialize)]
struct Common<'s> {
    locked: bool,
    words_open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<Timer>,
    polls: BTreeMap<i64, PollView<'s>>,
    notes_open: bool,
    notes: &'s Lines,
    /// The groups by their numbers, while the class sits in groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<GroupsView<'s>>,
    /// The document that everybody sees, and the teacher's page in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'s Shown>,
    /// The board, while it is before everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<BoardView>,
    /// Whether pupils' pages are the simple ones, where a teacher has chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    simple: Option<bool>,
    /// Who waits before the door; teachers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    lobby: Option<BTreeMap<String, Waiting<'s>>>,
    /// Private words of all pupils; teachers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<BTreeMap<i64, WordView<'s>>>,
}

#[derive(Serialize)]
struct GroupsView<'s> {
    list: BTreeMap<usize, GroupView<'s>>,
    /// What the teacher told all groups last.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<ToldView<'s>>,
}

#[derive(Serialize)]
struct ToldView<'s> {
    text: &'s str,
    at: Millis,
}

#[derive(Serialize)]
struct GroupView<'s> {
    name: &'s str,
    /// Who sits there; teachers only. Pupils see who is in the room with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<BTreeMap<String, bool>>,
}

impl<'s> GroupsView<'s> {
    fn of(groups: &'s Groups, role: Role) -> GroupsView<'s> {
        let members = |group: &Group| group.members.iter().map(|one| (one.to_string(), true)).collect();
        let view = |group: &'s Group| GroupView {
            name: &group.name,
            members: (role == Role::Teacher).then(|| members(group)),
        };
        GroupsView {
            list: groups.list.iter().enumerate().map(|(place, group)| (place + 1, view(group))).collect(),
            told: groups.told.as_ref().map(|(text, at)| ToldView { text, at: *at }),
        }
    }
}

#[derive(Serialize)]
struct BoardView {
    /// Whether pupils may draw …
    all: bool,
    /// … but for these, for whom it is the other way; teachers only. Pupils have theirs among what is their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    except: Option<BTreeMap<String, bool>>,
}

#[derive(Serialize)]
struct Waiting<'s> {
    name: &'s str,
    since: Millis,
}

#[derive(Serialize)]
struct WordView<'s> {
    pupil: String,
    from: String,
    name: &'s str,
    text: &'s str,
    at: Millis,
}

impl<'s> WordView<'s> {
    fn of(word: &'s Word) -> WordView<'s> {
        WordView {
            pupil: word.pupil.to_string(),
            from: word.from.to_string(),
            name: &word.name,
            text: &word.text,
            at: word.at,
        }
    }
}

#[derive(Serialize)]
struct PollView<'s> {
    question: &'s str,
    choices: &'s [String],
    several: bool,
    open: bool,
    shown: bool,
    /// How often each answer was chosen; only for teachers, and where the class sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Vec<usize>>,
    /// What is right; for the class once nobody can answer any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<&'s BTreeSet<u8>>,
    /// Who has answered, never what; teachers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<BTreeMap<String, bool>>,
}

impl<'s> PollView<'s> {
    fn of(poll: &'s Poll, role: Role) -> PollView<'s> {
        let teacher = role == Role::Teacher;
        PollView {
            question: &poll.asked.question,
            choices: &poll.asked.choices,
            several: poll.asked.several,
            open: poll.open,
            shown: poll.shown,
            counts: (teacher || poll.shown).then(|| poll.counts()),
            right: (teacher || (poll.shown && !poll.open)).then_some(&poll.asked.right),
            answered: teacher.then(|| poll.answers.keys().map(|one| (one.to_string(), true)).collect()),
        }
    }
}

/// What a pupil sees of their own.
#[derive(Serialize)]
struct Own<'s> {
    /// What they answered, by question.
    answers: BTreeMap<i64, &'s BTreeSet<u8>>,
    /// What they and the teachers wrote to one another.
    words: BTreeMap<i64, WordView<'s>>,
    /// The number of their group; 0 is the whole class.
    group: u8,
    /// Where they may draw on the board when others may not, or the other way.
    #[serde(skip_serializing_if = "Option::is_none")]
    apart: Option<bool>,
}

impl State {
    /// The room as `viewer` may see it.
    pub(in crate::classroom) fn view(&self, viewer: Viewer) -> Value {
        if viewer.role != Role::Pupil {
            return self.common(viewer.role);
        }
        if !self.admits(viewer.person) {
            // Whoever stands before the door learns that it is locked, and nothing else.
            return serde_json::json!({ "lobby": true });
        }
        let mut view = self.common(Role::Pupil);
        if let Value::Object(fields) = &mut view {
            fields.insert("me".into(), self.own(viewer.person));
        }
        view
    }

    /// What everybody of a role sees, as far as they are in the room.
    pub(in crate::classroom) fn common(&self, role: Role) -> Value {
        let teacher = role == Role::Teacher;
        let lobby = || {
            self.lobby
                .iter()
                .map(|(person, (name, since))| (person.to_string(), Waiting { name, since: *since }))
                .collect()
        };
        let words = || self.words.iter().map(|(number, word)| (*number, WordView::of(word))).collect();
        document(&Common {
            locked: self.locked.is_some(),
            words_open: self.words_open,
            timer: self.timer,
            polls: self.polls.iter().map(|(number, poll)| (*number, PollView::of(poll, role))).collect(),
            notes_open: self.notes_open,
            notes: &self.notes,
            groups: self.groups.as_ref().map(|groups| GroupsView::of(groups, role)),
            document: self.document.as_ref(),
            board: self.board.open.then(|| BoardView {
                all: self.board.all,
                except: teacher
                    .then(|| self.board.except.iter().map(|one| (one.to_string(), true)).collect()),
            }),
            simple: self.simple,
            lobby: teacher.then(lobby),
            words: teacher.then(words),
        })
    }

    fn own(&self, pupil: PersonId) -> Value {
        document(&Own {
            answers: self
                .polls
                .iter()
                .filter_map(|(number, poll)| Some((*number, poll.answers.get(&pupil)?)))
                .collect(),
            words: self
                .words
                .iter()
                .filter(|(_, word)| word.pupil == pupil)
                .map(|(number, word)| (*number, WordView::of(word)))
                .collect(),
            group: self.group_of(pupil),
            apart: self.board.except.contains(&pupil).then_some(true),
        })
    }
}

/// Views are maps with texts for keys: nothing in them can fail to be written.
fn document(view: &impl Serialize) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}

/// The merge patch (RFC 7396) that makes `after` of `before`, both of them objects without nulls.
pub(in crate::classroom) fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return after.clone() };
    let mut patch = Map::new();
    for gone in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(gone.clone(), Value::Null);
    }
    for (key, now) in after {
        match before.get(key) {
            Some(then) if then == now => {}
            Some(then) if then.is_object() => {
                patch.insert(key.clone(), difference(then, now));
            }
            _ => {
                patch.insert(key.clone(), now.clone());
            }
        }
    }
    Value::Object(patch)
}

/// How a change is told.
#[derive(Debug)]
pub(in crate::classroom) enum Tidings<'s> {
    /// Everybody in the room is told the same.
    All(Value),
    /// Not everybody is.
    Apart(Apart<'s>),
}

/// A change that is not the same for everybody.
#[derive(Debug)]
pub(in crate::classroom) struct Apart<'s> {
    before: &'s State,
    after: &'s State,
    by_role: [(Role, Value); 3],
    concerned: Vec<PersonId>,
}

/// What is told of a change to whoever is in the room.
pub(in crate::classroom) fn tidings<'s>(before: &'s State, after: &'s State, what: &What) -> Tidings<'s> {
    let by_role = [Role::Teacher, Role::Pupil, Role::Visitor]
        .map(|role| (role, difference(&before.common(role), &after.common(role))));
    let concerned = what.concerns(before);
    let [(_, first), others @ ..] = &by_role;
    if concerned.is_empty() && others.iter().all(|(_, other)| other == first) {
        return Tidings::All(first.clone());
    }
    Tidings::Apart(Apart { before, after, by_role, concerned })
}

impl Apart<'_> {
    /// What each of `present` is told. An empty patch is told as well: pages count.
    pub(in crate::classroom) fn among(&self, present: &[Viewer]) -> Vec<(Vec<PersonId>, Value)> {
        let mut told: Vec<(Vec<PersonId>, Value)> = Vec::new();
        for viewer in present {
            let patch = self.patch_for(*viewer);
            match told.iter_mut().find(|(_, known)| *known == patch) {
                Some((people, _)) => people.push(viewer.person),
                None => told.push((vec![viewer.person], patch)),
            }
        }
        told
    }

    fn patch_for(&self, viewer: Viewer) -> Value {
        if viewer.role == Role::Pupil && self.concerned.contains(&viewer.person) {
            return difference(&self.before.view(viewer), &self.after.view(viewer));
        }
        let of_role = self.by_role.iter().find(|(role, _)| *role == viewer.role);
        of_role.map_or(Value::Null, |(_, patch)| patch.clone())
    }
}
