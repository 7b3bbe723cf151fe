//! A question to the class and what was answered.

use crate::ids::PersonId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest question, in characters.
pub(in crate::classroom) const LONGEST_QUESTION: usize = 300;
/// Longest answer to choose, in characters.
pub(in crate::classroom) const LONGEST_CHOICE: usize = 120;
/// Answers to choose from.
pub(in crate::classroom) const CHOICES: std::ops::RangeInclusive<usize> = 2..=6;

/// A question as it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Question {
    /// The words; may be empty, when the teacher asks aloud.
    pub(in crate::classroom) question: String,
    /// The answers to choose from. None: yes and no, in the words of each page's language.
    pub(in crate::classroom) choices: Vec<String>,
    /// Whether several may be chosen.
    #[serde(default)]
    pub(in crate::classroom) several: bool,
    /// The places of the right answers, from 0; none when there is nothing to be right about.
    #[serde(default)]
    pub(in crate::classroom) right: BTreeSet<u8>,
}

impl Question {
    /// The question without blanks around its words.
    ///
    /// # Errors
    /// The text key of what is wrong with it.
    pub(in crate::classroom) fn tidy(self) -> Result<Question, super::Rule> {
        let clean = |text: &str| text.replace('\0', "").trim().to_owned();
        let question = clean(&self.question);
        let choices: Vec<String> = self.choices.iter().map(|choice| clean(choice)).collect();
        if question.chars().count() > LONGEST_QUESTION
            || choices.iter().any(|choice| choice.is_empty() || choice.chars().count() > LONGEST_CHOICE)
            || !(choices.is_empty() || CHOICES.contains(&choices.len()))
            || choices.iter().collect::<BTreeSet<_>>().len() != choices.len()
        {
            return Err("room-bad-question");
        }
        let tidy = Question { question, choices, ..self };
        let one = !tidy.several || tidy.choices.is_empty();
        if tidy.right.iter().any(|place| usize::from(*place) >= tidy.count()) || (one && tidy.right.len() > 1)
        {
            return Err("room-bad-question");
        }
        Ok(Question { several: !one, ..tidy })
    }

    /// How many answers there are to choose from.
    pub(in crate::classroom) fn count(&self) -> usize {
        if self.choices.is_empty() { 2 } else { self.choices.len() }
    }
}

/// A question with what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::classroom) struct Poll {
    pub(in crate::classroom) asked: Question,
    /// Answers are taken.
    pub(in crate::classroom) open: bool,
    /// The class sees the counts, and after the closing what was right.
    pub(in crate::classroom) shown: bool,
    pub(in crate::classroom) answers: BTreeMap<PersonId, BTreeSet<u8>>,
}

impl Poll {
    /// A question that has just been asked.
    pub(super) fn new(asked: Question) -> Poll {
        Poll { asked, open: true, shown: false, answers: BTreeMap::new() }
    }

    /// How often each answer was chosen.
    pub(super) fn counts(&self) -> Vec<usize> {
        (0..self.asked.count())
            .map(|place| {
                let place = u8::try_from(place).unwrap_or(u8::MAX);
                self.answers.values().filter(|chosen| chosen.contains(&place)).count()
            })
            .collect()
    }

    /// Whether these answers may be given now.
    pub(super) fn check_answer(&self, choices: &BTreeSet<u8>) -> Result<(), super::Rule> {
        if !self.open {
            return Err("room-poll-closed");
        }
        let fits = !choices.is_empty()
            && (self.asked.several || choices.len() == 1)
            && choices.iter().all(|place| usize::from(*place) < self.asked.count());
        if fits { Ok(()) } else { Err("room-bad-answer") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(choices: &[&str], several: bool, right: &[u8]) -> Question {
        Question {
            question: " Combien ? ".into(),
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
            several,
            right: right.iter().copied().collect(),
        }
    }

    #[test]
    fn questions_have_two_to_six_different_answers_or_yes_and_no() {
        assert_eq!(asked(&[], true, &[0]).tidy().expect("good").count(), 2);
        assert!(!asked(&[], true, &[]).tidy().expect("good").several, "yes and no are one or the other");
        let good = asked(&[" a", "b ", "c"], true, &[0, 2]).tidy().expect("good");
        assert_eq!(
            (good.question.as_str(), good.choices.as_slice()),
            ("Combien ?", &["a", "b", "c"].map(String::from)[..])
        );
        for bad in [
            asked(&["a"], false, &[]),
            asked(&["a", " a"], false, &[]),
            asked(&["a", " "], false, &[]),
            asked(&["a", "b"], false, &[2]),
            asked(&["a", "b"], false, &[0, 1]),
            asked(&["1", "2", "3", "4", "5", "6", "7"], false, &[]),
            asked(&["a", &"é".repeat(LONGEST_CHOICE + 1)], false, &[]),
        ] {
            assert_eq!(bad.clone().tidy(), Err("room-bad-question"), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_fits_its_question_while_it_is_open() {
        let mut poll = Poll::new(asked(&["a", "b", "c"], false, &[]));
        let answer = |places: &[u8]| places.iter().copied().collect::<BTreeSet<u8>>();
        assert_eq!(poll.check_answer(&answer(&[2])), Ok(()));
        for bad in [&[][..], &[3], &[0, 1]] {
            assert_eq!(poll.check_answer(&answer(bad)), Err("room-bad-answer"));
        }
        poll.asked.several = true;
        assert_eq!(poll.check_answer(&answer(&[0, 1])), Ok(()));
        poll.answers.insert(PersonId::from_raw(1), answer(&[0, 1]));
        poll.answers.insert(PersonId::from_raw(2), answer(&[1]));
        assert_eq!(poll.counts(), [1, 2, 0]);
        poll.open = false;
        assert_eq!(poll.check_answer(&answer(&[0])), Err("room-poll-closed"));
    }
}
