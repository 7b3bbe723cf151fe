//! Small groups: for a while the class sits at several tables, each a room of its own.

use crate::ids::{Millis, PersonId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest name of a group, in characters.
const LONGEST_NAME: usize = 40;
/// Longest word to all groups, in characters.
pub(in crate::classroom) const LONGEST_TOLD: usize = 300;
/// Pupils of one group: nobody has a larger class.
const MOST_MEMBERS: usize = 600;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Group {
    /// What it is called; may be empty, when its number is name enough.
    #[serde(default)]
    pub(in crate::classroom) name: String,
    /// Its pupils.
    pub(in crate::classroom) members: BTreeSet<PersonId>,
}

/// The groups of a class, numbered from 1 as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::classroom) struct Groups {
    pub(in crate::classroom) list: Vec<Group>,
    /// What the teacher told all of them last.
    pub(in crate::classroom) told: Option<(String, Millis)>,
}

/// Groups as somebody asks for them, made tidy: nobody is in two.
///
/// # Errors
/// The text key of what is wrong with them.
pub(in crate::classroom) fn tidy(groups: Vec<Group>) -> Result<Vec<Group>, super::Rule> {
    if !(1..=usize::from(crate::lesson::MOST_GROUPS)).contains(&groups.len()) {
        return Err("room-bad-groups");
    }
    let mut seated = BTreeSet::new();
    for group in &groups {
        let twice = group.members.iter().any(|member| !seated.insert(*member));
        if twice || group.members.len() > MOST_MEMBERS || group.name.chars().count() > LONGEST_NAME {
            return Err("room-bad-groups");
        }
    }
    let name = |group: Group| Group { name: group.name.replace('\0', "").trim().to_owned(), ..group };
    Ok(groups.into_iter().map(name).collect())
}

impl Groups {
    /// Whether there is a group of that number; 0 is the class, which is always there.
    pub(in crate::classroom) fn has(&self, number: u8) -> bool {
        usize::from(number) <= self.list.len()
    }

    /// The number of somebody's group; 0 when they stay with the class.
    pub(in crate::classroom) fn of(&self, pupil: PersonId) -> u8 {
        let place = self.list.iter().position(|group| group.members.contains(&pupil));
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
    }

    /// Seats somebody elsewhere.
    pub(super) fn seat(&mut self, pupil: PersonId, number: u8) {
        for (place, group) in self.list.iter_mut().enumerate() {
            if place + 1 == usize::from(number) {
                group.members.insert(pupil);
            } else {
                group.members.remove(&pupil);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, members: &[i64]) -> Group {
        Group { name: name.into(), members: members.iter().map(|one| PersonId::from_raw(*one)).collect() }
    }

    #[test]
    fn nobody_sits_at_two_tables() {
        let tables = tidy(vec![group(" Rouge ", &[1, 2]), group("", &[3])]).expect("good");
        assert_eq!(tables[0].name, "Rouge");
        assert_eq!(tidy(vec![group("", &[1]), group("", &[1])]), Err("room-bad-groups"));
        assert_eq!(tidy(vec![]), Err("room-bad-groups"));
        assert_eq!(tidy(vec![group("", &[]); 13]), Err("room-bad-groups"));
        assert_eq!(tidy(vec![group(&"é".repeat(41), &[])]), Err("room-bad-groups"));
        let mut groups = Groups { list: tables, told: None };
        let (one, stranger) = (PersonId::from_raw(1), PersonId::from_raw(9));
        assert_eq!((groups.of(one), groups.of(stranger)), (1, 0));
        groups.seat(one, 2);
        assert_eq!(groups.of(one), 2);
        groups.seat(one, 0);
        assert_eq!(groups.of(one), 0);
        assert!(groups.has(0) && groups.has(2) && !groups.has(3));
    }
}
