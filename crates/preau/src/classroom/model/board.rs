//! Whether the board is before everybody, and who may draw on it. What is drawn is no matter of events: it is
//! much, and it merges ([`crate::classroom::board`]).

use super::{State, What};
use crate::ids::PersonId;
use crate::lesson::Role;
use std::collections::BTreeSet;

/// How the board stands. Rights outlive its being put away, so that a teacher may show a page in between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::classroom) struct Board {
    /// Whether it is before everybody.
    pub(in crate::classroom) open: bool,
    /// Whether pupils may draw …
    pub(in crate::classroom) all: bool,
    /// … but for these, for whom it is the other way.
    pub(in crate::classroom) except: BTreeSet<PersonId>,
}

impl Board {
    /// Whether a pupil may draw while it is open.
    pub(in crate::classroom) fn is_lent_to(&self, pupil: PersonId) -> bool {
        self.all != self.except.contains(&pupil)
    }

    /// Whether this would change anything.
    pub(super) fn is_news(&self, person: Option<PersonId>, may: bool) -> bool {
        match person {
            Some(person) => self.is_lent_to(person) != may,
            None => self.all != may || !self.except.is_empty(),
        }
    }

    /// Lets somebody draw, or all pupils, or takes that back.
    pub(super) fn lend(&mut self, person: Option<PersonId>, may: bool) {
        match person {
            None => {
                self.all = may;
                self.except.clear();
            }
            Some(person) if self.all == may => {
                self.except.remove(&person);
            }
            Some(person) => {
                self.except.insert(person);
            }
        }
    }
}

impl State {
    /// Whether somebody may draw on the board now: its teachers, and pupils in the room to whom it is lent.
    pub(in crate::classroom) fn may_draw(&self, person: PersonId, role: Role) -> bool {
        self.board.open
            && match role {
                Role::Teacher => true,
                Role::Pupil => self.admits(person) && self.board.is_lent_to(person),
                Role::Visitor => false,
            }
    }
}

impl What {
    /// Those whose right to draw is another one after this than what everybody's is.
    pub(super) fn draws_apart(&self, before: &State) -> Vec<PersonId> {
        match self {
            What::BoardLent { person: Some(person), .. } => vec![*person],
            What::BoardLent { person: None, .. } => before.board.except.iter().copied().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_lent_to_all_but_some_or_to_some() {
        let [maelys, tom] = [1, 2].map(PersonId::from_raw);
        let mut room = State::default();
        let mut number = 0;
        let mut happens = |room: &mut State, what: What| {
            assert!(room.is_news(&what), "{what:?}");
            number += 1;
            room.apply(number, 0, Some(&what));
            assert!(!room.is_news(&what), "{what:?}");
            [maelys, tom].map(|pupil| room.may_draw(pupil, Role::Pupil))
        };
        let lent = |person, may| What::BoardLent { person, may };
        assert!(!room.may_draw(maelys, Role::Teacher), "nobody draws on a closed board");
        assert_eq!(happens(&mut room, What::BoardSwitched { open: true }), [false, false]);
        assert!(room.may_draw(maelys, Role::Teacher) && !room.may_draw(maelys, Role::Visitor));
        assert_eq!(happens(&mut room, lent(Some(tom), true)), [false, true]);
        assert_eq!(happens(&mut room, lent(Some(tom), false)), [false, false]);
        assert_eq!(happens(&mut room, lent(None, true)), [true, true]);
        assert_eq!(happens(&mut room, lent(Some(tom), false)), [true, false]);
        assert_eq!(happens(&mut room, lent(None, true)), [true, true], "an exception is forgotten");
        assert_eq!(happens(&mut room, What::BoardSwitched { open: false }), [false, false]);
        assert_eq!(
            happens(&mut room, What::BoardSwitched { open: true }),
            [true, true],
            "put away for a while"
        );
        assert_eq!(happens(&mut room, What::Locked { inside: BTreeSet::from([tom]) }), [false, true]);
    }
}
