//! What a class does together, as numbered events and the state they add up to. Pure.
//!
//! `State::apply` is the only way in which a state changes, so that the same events always make the same
//! state, in whichever process and after whichever restart. `State::check` says beforehand whether an event
//! may follow; what stands in the store has been checked and is never refused again. What somebody may see
//! of a state is in [`view`], the parts that are more than a field in [`board`], [`document`], [`groups`], [`notes`],
//! [`poll`] and [`timer`].
//!
//! Invariant: nothing here knows who asks or whether they may; `policy` and the handlers do.

pub(super) mod board;
pub(super) mod document;
pub(super) mod groups;
pub(super) mod notes;
pub(super) mod poll;
pub(super) mod timer;
pub(super) mod view;

use crate::ids::{Millis, PersonId};
use crate::lesson::Role;
use board::Board;
use document::Shown;
use groups::{Group, Groups};
use notes::Lines;
use poll::{Poll, Question};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use timer::Timer;

/// Events that one lesson may have. A class of 35 that answers twenty polls and changes its mind has about
/// 1,500; beyond the bound the room says so and goes on as it is.
pub(super) const MOST_EVENTS: i64 = 20_000;
/// Further events for what ends something: a full room must not keep its door locked.
pub(super) const RESERVE: i64 = 1_000;
/// Polls of one lesson.
pub(super) const MOST_POLLS: usize = 40;
/// Private words of one lesson.
pub(super) const MOST_WORDS: usize = 500;
/// Longest private word, in characters; the page holds the same bound.
pub(super) const LONGEST_WORD: usize = 500;
/// People who may stand in the lobby at once.
pub(super) const MOST_IN_LOBBY: usize = 600;

/// Something that happened in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its place in the lesson: 1, 2, 3 …
    pub(super) number: i64,
    /// When, in milliseconds since the Unix epoch.
    pub(super) at: Millis,
    /// What.
    pub(super) what: What,
}

/// What can happen. The names are in the store: a variant may be added, and none renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum What {
    /// Nobody new gets in; those who were in come back.
    Locked {
        /// Those who were in.
        inside: BTreeSet<PersonId>,
    },
    /// Everybody of the class gets in again.
    Unlocked,
    /// Somebody stands before the locked door.
    Knocked {
        /// Who.
        person: PersonId,
        /// Under the name of the class list: nobody in the room knows them yet.
        name: String,
    },
    /// The teacher lets people in.
    Admitted {
        /// Whom.
        people: BTreeSet<PersonId>,
    },
    /// Whether pupils may write to the teacher alone.
    WordsSwitched {
        /// They may.
        open: bool,
    },
    /// A word between a pupil and the teachers, which nobody else reads.
    Said {
        /// The pupil it is from or for.
        pupil: PersonId,
        /// Who wrote it.
        from: PersonId,
        /// Their name.
        name: String,
        /// The word, at most [`LONGEST_WORD`] characters.
        text: String,
    },
    /// The timer begins, or begins anew.
    TimerStarted {
        /// How long, in milliseconds.
        length: Millis,
    },
    /// The timer stands still.
    TimerPaused,
    /// The timer goes on.
    TimerResumed,
    /// The timer is put away.
    TimerEnded,
    /// A question to the class; the event's number names it from then on.
    PollOpened(Question),
    /// Somebody answers, or changes their answer.
    PollAnswered {
        /// Which question.
        poll: i64,
        /// Who.
        person: PersonId,
        /// The places of the chosen answers, from 0.
        choices: BTreeSet<u8>,
    },
    /// No more answers.
    PollClosed {
        /// Which question.
        poll: i64,
    },
    /// Whether the class sees how it answered.
    PollShown {
        /// Which question.
        poll: i64,
        /// It does.
        shown: bool,
    },
    /// Whether pupils may write in the notes.
    NotesSwitched {
        /// They may.
        open: bool,
    },
    /// Somebody writes in the notes.
    NotesWritten {
        /// The lines that change, by their keys: what each becomes, or nothing when it goes.
        lines: BTreeMap<String, Option<String>>,
    },
    /// The class sits down in groups.
    GroupsOpened {
        /// The groups, numbered from 1.
        groups: Vec<Group>,
    },
    /// Somebody sits down elsewhere.
    GroupJoined {
        /// Who.
        person: PersonId,
        /// The number of the group; 0: with the class.
        group: u8,
    },
    /// The teacher tells all groups something.
    GroupsTold {
        /// What.
        text: String,
    },
    /// Everybody is called back.
    GroupsEnded,
    /// A document is shown to everybody.
    DocumentShown(Shown),
    /// The teacher turns to another page of it.
    DocumentTurned {
        /// From 1.
        page: u16,
    },
    /// The document is put away.
    DocumentClosed,
    /// Whether the board is before everybody.
    BoardSwitched {
        /// It is.
        open: bool,
    },
    /// Whether pupils may draw on the board.
    BoardLent {
        /// Who; none: all of them.
        person: Option<PersonId>,
        /// They may.
        may: bool,
    },
    /// Whether pupils' pages are the simple ones, for small children.
    ViewSimplified {
        /// They are.
        simple: bool,
    },
}

impl What {
    /// The name of the act in the journal, which says that it was and never what was said.
    pub(super) fn act(&self) -> &'static str {
        match self {
            What::Locked { .. } => "room.lock",
            What::Unlocked => "room.unlock",
            What::Knocked { .. } => "room.knock",
            What::Admitted { .. } => "room.admit",
            What::WordsSwitched { .. } => "room.switch_words",
            What::Said { .. } => "room.say",
            What::TimerStarted { .. } | What::TimerPaused | What::TimerResumed | What::TimerEnded => {
                "room.time"
            }
            What::PollOpened(_) => "room.ask",
            What::PollAnswered { .. } => "room.answer",
            What::PollClosed { .. } => "room.close_poll",
            What::PollShown { .. } => "room.show_poll",
            What::NotesSwitched { .. } => "room.switch_notes",
            What::NotesWritten { .. } => "room.write_notes",
            What::GroupsOpened { .. } => "room.open_groups",
            What::GroupJoined { .. } => "room.seat",
            What::GroupsTold { .. } => "room.tell_groups",
            What::GroupsEnded => "room.end_groups",
            What::DocumentShown(_) => "room.show_document",
            What::DocumentTurned { .. } => "room.turn_page",
            What::DocumentClosed => "room.close_document",
            What::BoardSwitched { .. } => "room.switch_board",
            What::BoardLent { .. } => "room.lend_board",
            What::ViewSimplified { .. } => "room.simplify",
        }
    }

    /// Whether somebody belongs into another room after this.
    pub(super) fn moves_people(&self) -> bool {
        matches!(self, What::GroupsOpened { .. } | What::GroupJoined { .. } | What::GroupsEnded)
    }

    /// Those for whom this changes more than for others of their role, in a room that stood like this before.
    pub(super) fn concerns(&self, before: &State) -> Vec<PersonId> {
        match self {
            What::GroupJoined { person, .. } => vec![*person],
            What::GroupsOpened { groups } => {
                groups.iter().flat_map(|group| &group.members).copied().collect()
            }
            What::GroupsEnded => {
                let groups = before.groups.iter().flat_map(|groups| &groups.list);
                groups.flat_map(|group| &group.members).copied().collect()
            }
            What::Said { pupil, .. } => vec![*pupil],
            What::PollAnswered { person, .. } => vec![*person],
            _ => self.draws_apart(before),
        }
    }
}

/// A private word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) pupil: PersonId,
    pub(super) from: PersonId,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) at: Millis,
}

/// How a room stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the last event; 0 before the first.
    pub(super) number: i64,
    /// Who is in and may come back while the door is locked; none while it is open.
    pub(super) locked: Option<BTreeSet<PersonId>>,
    /// Who stands before the locked door, by person: the name, and since when.
    pub(super) lobby: BTreeMap<PersonId, (String, Millis)>,
    /// Whether pupils may write to the teacher alone.
    pub(super) words_open: bool,
    /// Private words by the number of their event.
    pub(super) words: BTreeMap<i64, Word>,
    /// The timer, if one is set.
    pub(super) timer: Option<Timer>,
    /// Questions by the number of their event.
    pub(super) polls: BTreeMap<i64, Poll>,
    /// Whether pupils may write in the notes.
    pub(super) notes_open: bool,
    /// The notes.
    pub(super) notes: Lines,
    /// The groups, while the class sits in groups.
    pub(super) groups: Option<Groups>,
    /// The document that everybody sees.
    pub(super) document: Option<Shown>,
    /// The board.
    pub(super) board: Board,
    /// Whether pupils' pages are the simple ones; none as long as no teacher has chosen: the school decides.
    pub(super) simple: Option<bool>,
}

impl Default for State {
    /// A room in which nothing has happened yet: open, and pupils may write to their teacher.
    fn default() -> State {
        State {
            number: 0,
            locked: None,
            lobby: BTreeMap::new(),
            words_open: true,
            words: BTreeMap::new(),
            timer: None,
            polls: BTreeMap::new(),
            notes_open: false,
            notes: Lines::new(),
            groups: None,
            document: None,
            board: Board::default(),
            simple: None,
        }
    }
}

/// Why something may not happen now; a text key.
pub(super) type Rule = &'static str;

impl State {
    /// Whether a pupil may be in the room. The door is nothing to teachers and visitors.
    pub(super) fn admits(&self, pupil: PersonId) -> bool {
        self.locked.as_ref().is_none_or(|inside| inside.contains(&pupil))
    }

    /// The group that a pupil belongs to now; 0 is the whole class.
    pub(super) fn group_of(&self, pupil: PersonId) -> u8 {
        self.groups.as_ref().map_or(0, |groups| groups.of(pupil))
    }

    /// Whether somebody belongs into the room of this group now; 0 is the whole class. A pupil sits in one, a
    /// teacher goes to any that there is, and whoever visits the lesson stays with the class.
    pub(super) fn sits(&self, person: PersonId, role: Role, group: u8) -> bool {
        match role {
            Role::Pupil => self.group_of(person) == group,
            Role::Teacher => group == 0 || self.groups.as_ref().is_some_and(|groups| groups.has(group)),
            Role::Visitor => group == 0,
        }
    }

    /// Whether this document is before everybody.
    pub(super) fn shows(&self, token: &str) -> bool {
        self.document.as_ref().is_some_and(|shown| shown.token == token)
    }

    /// Whether `what` would change anything; what would not is not written down.
    pub(super) fn is_news(&self, what: &What) -> bool {
        match what {
            What::Locked { .. } => self.locked.is_none(),
            What::Unlocked => self.locked.is_some(),
            What::Knocked { person, .. } => !self.admits(*person) && !self.lobby.contains_key(person),
            What::Admitted { people } => people.iter().any(|one| !self.admits(*one)),
            What::WordsSwitched { open } => self.words_open != *open,
            What::TimerPaused => self.timer.is_some_and(|timer| timer.is_running()),
            What::TimerResumed => self.timer.is_some_and(|timer| !timer.is_running()),
            What::TimerEnded => self.timer.is_some(),
            What::PollAnswered { poll, person, choices } => {
                self.polls.get(poll).is_none_or(|poll| poll.answers.get(person) != Some(choices))
            }
            What::PollClosed { poll } => self.polls.get(poll).is_none_or(|poll| poll.open),
            What::PollShown { poll, shown } => self.polls.get(poll).is_none_or(|poll| poll.shown != *shown),
            What::NotesSwitched { open } => self.notes_open != *open,
            What::NotesWritten { lines } => {
                lines.iter().any(|(key, text)| self.notes.get(key) != text.as_ref())
            }
            What::GroupJoined { person, group } => self.group_of(*person) != *group,
            What::GroupsEnded => self.groups.is_some(),
            // Whoever shows again what is shown stays on the page where everybody is.
            What::DocumentShown(shown) => self.board.open || !self.shows(&shown.token),
            What::DocumentTurned { page } => {
                self.document.as_ref().is_none_or(|document| document.page != *page)
            }
            What::DocumentClosed => self.document.is_some(),
            What::BoardSwitched { open } => self.board.open != *open,
            What::BoardLent { person, may } => self.board.is_news(*person, *may),
            What::ViewSimplified { simple } => self.simple != Some(*simple),
            What::GroupsOpened { .. } | What::GroupsTold { .. } => true,
            What::Said { .. } | What::TimerStarted { .. } | What::PollOpened(_) => true,
        }
    }

    /// Whether `what` may happen now.
    ///
    /// # Errors
    /// The text key of the reason.
    pub(super) fn check(&self, what: &What) -> Result<(), Rule> {
        let most = match what {
            What::Unlocked
            | What::Admitted { .. }
            | What::PollClosed { .. }
            | What::TimerEnded
            | What::GroupsEnded
            | What::DocumentClosed
            | What::BoardSwitched { open: false }
            | What::BoardLent { may: false, .. } => MOST_EVENTS + RESERVE,
            _ => MOST_EVENTS,
        };
        if self.number >= most {
            return Err("room-full");
        }
        match what {
            What::Knocked { .. } if self.lobby.len() >= MOST_IN_LOBBY => Err("room-full"),
            What::Said { from, pupil, .. } if from == pupil && !self.words_open => Err("room-words-closed"),
            What::Said { .. } if self.words.len() >= MOST_WORDS => Err("room-full"),
            What::PollOpened(_) if self.polls.len() >= MOST_POLLS => Err("room-full"),
            // One question at a time: a class looks at one thing.
            What::PollOpened(_) if self.polls.values().any(|poll| poll.open) => Err("room-poll-still-open"),
            What::PollAnswered { poll, choices, .. } => {
                self.polls.get(poll).ok_or("room-no-poll")?.check_answer(choices)
            }
            What::PollClosed { poll } | What::PollShown { poll, .. } => {
                self.polls.get(poll).map(|_| ()).ok_or("room-no-poll")
            }
            What::GroupsOpened { .. } if self.groups.is_some() => Err("room-groups-open"),
            What::GroupJoined { group, .. } => match &self.groups {
                Some(groups) if groups.has(*group) => Ok(()),
                _ => Err("room-no-group"),
            },
            What::GroupsTold { .. } if self.groups.is_none() => Err("room-no-group"),
            What::DocumentShown(shown) if !shown.is_sound() => Err("room-bad-document"),
            What::DocumentTurned { page } => match &self.document {
                Some(document) if document.has(*page) => Ok(()),
                _ => Err("room-no-page"),
            },
            _ => Ok(()),
        }
    }

    /// Takes an event in. One that this version does not understand still counts: `what` is then none.
    pub(super) fn apply(&mut self, number: i64, at: Millis, what: Option<&What>) {
        self.number = number;
        let Some(what) = what else { return };
        match what.clone() {
            What::Locked { inside } => {
                self.locked.get_or_insert(inside);
            }
            What::Unlocked => {
                self.locked = None;
                self.lobby.clear();
            }
            What::Knocked { person, name } => {
                if !self.admits(person) {
                    self.lobby.entry(person).or_insert((name, at));
                }
            }
            What::Admitted { people } => {
                self.lobby.retain(|person, _| !people.contains(person));
                if let Some(inside) = &mut self.locked {
                    inside.extend(people);
                }
            }
            What::WordsSwitched { open } => self.words_open = open,
            What::Said { pupil, from, name, text } => {
                self.words.insert(number, Word { pupil, from, name, text, at });
            }
            What::TimerStarted { length } => self.timer = Some(Timer::started(length, at)),
            What::TimerPaused => self.timer = self.timer.map(|timer| timer.paused(at)),
            What::TimerResumed => self.timer = self.timer.map(|timer| timer.resumed(at)),
            What::TimerEnded => self.timer = None,
            What::PollOpened(question) => {
                self.polls.insert(number, Poll::new(question));
            }
            What::PollAnswered { poll, person, choices } => {
                if let Some(poll) = self.polls.get_mut(&poll) {
                    poll.answers.insert(person, choices);
                }
            }
            What::PollClosed { poll } => {
                if let Some(poll) = self.polls.get_mut(&poll) {
                    poll.open = false;
                }
            }
            What::PollShown { poll, shown } => {
                if let Some(poll) = self.polls.get_mut(&poll) {
                    poll.shown = shown;
                }
            }
            What::GroupsOpened { groups } => self.groups = Some(Groups { list: groups, told: None }),
            What::GroupJoined { person, group } => {
                if let Some(groups) = &mut self.groups {
                    groups.seat(person, group);
                }
            }
            What::GroupsTold { text } => {
                if let Some(groups) = &mut self.groups {
                    groups.told = Some((text, at));
                }
            }
            What::GroupsEnded => self.groups = None,
            What::DocumentShown(shown) => {
                // One thing is before the class.
                self.board.open = false;
                if !self.shows(&shown.token) {
                    self.document = Some(shown);
                }
            }
            What::DocumentTurned { page } => {
                if let Some(document) = &mut self.document {
                    document.page = page;
                }
            }
            What::DocumentClosed => self.document = None,
            What::BoardSwitched { open } => self.board.open = open,
            What::BoardLent { person, may } => self.board.lend(person, may),
            What::ViewSimplified { simple } => self.simple = Some(simple),
            What::NotesSwitched { open } => self.notes_open = open,
            What::NotesWritten { lines } => {
                for (key, text) in lines {
                    match text {
                        Some(text) => self.notes.insert(key, text),
                        None => self.notes.remove(&key),
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_takes_nothing_new_but_what_ends_something() {
        let timer = What::TimerStarted { length: 60_000 };
        let open = State { number: MOST_EVENTS - 1, ..State::default() };
        assert_eq!(open.check(&timer), Ok(()));
        let full = State { number: MOST_EVENTS, ..State::default() };
        assert_eq!(full.check(&timer), Err("room-full"));
        assert_eq!(full.check(&What::Locked { inside: BTreeSet::new() }), Err("room-full"));
        assert_eq!(full.check(&What::Unlocked), Ok(()));
        assert_eq!(full.check(&What::TimerEnded), Ok(()));
        assert_eq!(full.check(&What::GroupsEnded), Ok(()));
        assert_eq!(full.check(&What::DocumentClosed), Ok(()));
        assert_eq!(full.check(&What::BoardLent { person: None, may: true }), Err("room-full"));
        assert_eq!(full.check(&What::BoardLent { person: None, may: false }), Ok(()));
        let over = State { number: MOST_EVENTS + RESERVE, ..State::default() };
        assert_eq!(over.check(&What::Unlocked), Err("room-full"));
    }

    #[test]
    fn a_pupil_sits_in_one_room_and_a_teacher_goes_about() {
        let [one, two] = [1, 2].map(PersonId::from_raw);
        let group = |member| Group { name: String::new(), members: BTreeSet::from([member]) };
        let opened = What::GroupsOpened { groups: vec![group(one)] };
        let mut room = State::default();
        let seats = |room: &State, person, role| [0, 1, 2].map(|group| room.sits(person, role, group));
        assert_eq!(seats(&room, one, Role::Pupil), [true, false, false]);
        assert_eq!(seats(&room, one, Role::Teacher), [true, false, false]);
        room.apply(1, 0, Some(&opened));
        assert_eq!(seats(&room, one, Role::Pupil), [false, true, false]);
        assert_eq!(seats(&room, two, Role::Pupil), [true, false, false]);
        assert_eq!(seats(&room, two, Role::Teacher), [true, true, false]);
        assert_eq!(seats(&room, two, Role::Visitor), [true, false, false]);
        room.apply(2, 0, Some(&What::GroupJoined { person: two, group: 1 }));
        assert_eq!(seats(&room, two, Role::Pupil), [false, true, false]);
        room.apply(3, 0, Some(&What::GroupsEnded));
        assert_eq!(seats(&room, two, Role::Pupil), [true, false, false]);
        assert_eq!(seats(&room, two, Role::Teacher), [true, false, false]);
    }
}
