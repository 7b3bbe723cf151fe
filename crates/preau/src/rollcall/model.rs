//! The rules of the roll call. Pure: what was seen and what was chosen go in, answers come out.

use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::presence::Sighting;
use std::fmt;

/// Somebody first seen later than this after the beginning is late, in milliseconds. Five minutes:
/// a class needs them to come in.
pub const LATE_AFTER_MS: Millis = 5 * 60 * 1000;
/// Most minutes late that a form may say: longer than any lesson.
pub(super) const MOST_LATE: u16 = 600;

/// The register of one lesson as the rules see it; it exists for every lesson, begun or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The lesson.
    pub lesson: LessonId,
    /// The school.
    pub school: SchoolId,
    /// Who teaches this occurrence, substitutes included.
    pub teachers: Vec<PersonId>,
    /// The classes and groups it is for.
    pub groups: Vec<GroupId>,
    /// The subject, if one is named.
    pub subject: Option<SubjectId>,
    /// What the timetable calls it.
    pub label: String,
    /// Beginning.
    pub starts_at: Millis,
    /// End.
    pub ends_at: Millis,
    /// Whether the lesson does not take place.
    pub cancelled: bool,
    /// When and by whom it was closed.
    pub closed: Option<(Millis, PersonId)>,
}

/// What the register says of a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// There.
    Present,
    /// Came after the beginning.
    Late {
        /// By so many whole minutes.
        minutes: u16,
    },
    /// Not there.
    Absent,
}

impl Answer {
    /// The word in the database and in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Answer::Present => "present",
            Answer::Late { .. } => "late",
            Answer::Absent => "absent",
        }
    }

    /// The minutes late; 0 unless late.
    pub const fn minutes(self) -> u16 {
        match self {
            Answer::Late { minutes } => minutes,
            Answer::Present | Answer::Absent => 0,
        }
    }

    /// The answer for a word and minutes of the database.
    pub fn from_word(word: &str, minutes: u16) -> Option<Answer> {
        match word {
            "present" => Some(Answer::Present),
            "late" => Some(Answer::Late { minutes }),
            "absent" => Some(Answer::Absent),
            _ => None,
        }
    }
}

/// As the hidden field carries it that says what a form showed: `present`, `late-9`, `absent`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Late { minutes } => write!(f, "late-{minutes}"),
            other => f.write_str(other.word()),
        }
    }
}

impl Answer {
    /// Reads what [`Answer`] writes; anything else is nothing.
    pub(super) fn shown(text: &str) -> Option<Answer> {
        match text.strip_prefix("late-") {
            Some(minutes) => Some(Answer::Late { minutes: minutes.parse().ok()? }),
            None if text == "late" => None,
            None => Answer::from_word(text, 0),
        }
    }
}

/// What was chosen in a form. The minutes may be left to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Present,
    Late(Option<u16>),
    Absent,
}

impl Choice {
    /// Reads the two fields of a pupil; nothing when they cannot be read.
    pub(super) fn read(state: &str, minutes: &str) -> Option<Choice> {
        match state {
            "present" => Some(Choice::Present),
            "absent" => Some(Choice::Absent),
            "late" if minutes.is_empty() => Some(Choice::Late(None)),
            "late" => {
                let minutes: u16 = minutes.parse().ok()?;
                (1..=MOST_LATE).contains(&minutes).then_some(Choice::Late(Some(minutes)))
            }
            _ => None,
        }
    }

    /// Whether this is what the form showed, left as it was.
    fn leaves(self, shown: Answer) -> bool {
        match (self, shown) {
            (Choice::Present, Answer::Present) | (Choice::Absent, Answer::Absent) => true,
            (Choice::Late(chosen), Answer::Late { minutes }) => chosen.is_none_or(|chosen| chosen == minutes),
            _ => false,
        }
    }

    /// The answer; without minutes, those of the arrival that was seen, else until `now`.
    fn answer(self, proposal: Answer, starts_at: Millis, now: Millis) -> Answer {
        match self {
            Choice::Present => Answer::Present,
            Choice::Absent => Answer::Absent,
            Choice::Late(Some(minutes)) => Answer::Late { minutes },
            Choice::Late(None) => match proposal {
                Answer::Late { .. } => proposal,
                Answer::Present | Answer::Absent => {
                    Answer::Late { minutes: minutes_between(starts_at, now).max(1) }
                }
            },
        }
    }
}

/// What stands in the database for a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) answer: Answer,
    pub(super) noted_at: Millis,
    pub(super) noted_by: PersonId,
    /// Whether it was chosen after the closing.
    pub(super) corrected: bool,
}

/// The answer that what was seen suggests: absent when nothing was, late when it was more than
/// [`LATE_AFTER_MS`] after the beginning, present otherwise.
pub fn propose(starts_at: Millis, seen: Option<&Sighting>) -> Answer {
    match seen.and_then(Sighting::first) {
        None => Answer::Absent,
        Some(first) if first - starts_at > LATE_AFTER_MS => {
            Answer::Late { minutes: minutes_between(starts_at, first) }
        }
        Some(_) => Answer::Present,
    }
}

/// Whole minutes, at most [`MOST_LATE`].
fn minutes_between(from: Millis, to: Millis) -> u16 {
    u16::try_from(((to - from) / 60_000).max(0)).unwrap_or(MOST_LATE).min(MOST_LATE)
}

/// A choice that still holds: "absent" does not once the pupil came after it was chosen.
fn holding(entry: Option<Entry>, seen: Option<&Sighting>) -> Option<Entry> {
    entry.filter(|entry| {
        let came_later = seen.and_then(Sighting::first).is_some_and(|first| first > entry.noted_at);
        !(entry.answer == Answer::Absent && came_later)
    })
}

/// The answer to show while the register is open: what was chosen, else what is suggested.
pub(super) fn standing(entry: Option<Entry>, starts_at: Millis, seen: Option<&Sighting>) -> Answer {
    holding(entry, seen).map_or_else(|| propose(starts_at, seen), |entry| entry.answer)
}

/// What a form says of one pupil: the answer it showed and what was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) shown: Option<Answer>,
    pub(super) choice: Choice,
}

/// What is to be written for a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) answer: Answer,
    /// Whether somebody chose it, now or before; otherwise it only follows what was seen.
    pub(super) by_hand: bool,
    /// Whether this very form chose it.
    pub(super) now: bool,
}

/// Brings together what was chosen before, what the form says and what was seen meanwhile. A line that
/// the form leaves as it showed it is no choice: whoever came in since the page was opened counts.
pub(super) fn settle(
    entry: Option<Entry>,
    reply: Option<Reply>,
    starts_at: Millis,
    seen: Option<&Sighting>,
    now: Millis,
) -> Settled {
    let kept = holding(entry, seen);
    let proposal = propose(starts_at, seen);
    match reply {
        Some(reply) if !reply.shown.is_some_and(|shown| reply.choice.leaves(shown)) => {
            Settled { answer: reply.choice.answer(proposal, starts_at, now), by_hand: true, now: true }
        }
        _ => Settled {
            answer: kept.map_or(proposal, |entry| entry.answer),
            by_hand: kept.is_some(),
            now: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::Seen;
    use proptest::prelude::*;

    const MINUTE: Millis = 60_000;
    const EIGHT: Millis = 1_795_417_200_000;

    fn live(from: Millis) -> Sighting {
        Sighting { live: Some(Seen::at(EIGHT + from)), waiting: None }
    }

    fn waiting(from: Millis) -> Sighting {
        Sighting { live: None, waiting: Some(Seen::at(EIGHT + from)) }
    }

    fn entry(answer: Answer, at: Millis) -> Entry {
        Entry { answer, noted_at: EIGHT + at, noted_by: PersonId::from_raw(1), corrected: false }
    }

    #[test]
    fn late_begins_after_five_minutes() {
        assert_eq!(propose(EIGHT, None), Answer::Absent);
        assert_eq!(propose(EIGHT, Some(&live(-3 * MINUTE))), Answer::Present);
        assert_eq!(propose(EIGHT, Some(&live(5 * MINUTE))), Answer::Present);
        assert_eq!(propose(EIGHT, Some(&live(5 * MINUTE + 1))), Answer::Late { minutes: 5 });
        assert_eq!(propose(EIGHT, Some(&live(9 * MINUTE + 59_999))), Answer::Late { minutes: 9 });
    }

    #[test]
    fn a_place_in_the_queue_is_presence() {
        assert_eq!(propose(EIGHT, Some(&waiting(-6 * MINUTE))), Answer::Present);
        let both = Sighting { live: live(12 * MINUTE).live, waiting: waiting(-MINUTE).waiting };
        assert_eq!(propose(EIGHT, Some(&both)), Answer::Present);
    }

    #[test]
    fn an_old_form_does_not_unsee_who_came() {
        let untouched = Some(Reply { shown: Some(Answer::Absent), choice: Choice::Absent });
        let came = live(3 * MINUTE);
        let settled = settle(None, untouched, EIGHT, Some(&came), EIGHT + 6 * MINUTE);
        assert_eq!((settled.answer, settled.by_hand), (Answer::Present, false));
        let said = Some(Reply { shown: Some(Answer::Present), choice: Choice::Absent });
        let settled = settle(None, said, EIGHT, Some(&came), EIGHT + 6 * MINUTE);
        assert_eq!((settled.answer, settled.by_hand), (Answer::Absent, true));
    }

    #[test]
    fn absent_holds_until_the_pupil_comes() {
        let chosen = Some(entry(Answer::Absent, 6 * MINUTE));
        assert_eq!(standing(chosen, EIGHT, Some(&live(0))), Answer::Absent);
        assert_eq!(standing(chosen, EIGHT, Some(&live(14 * MINUTE))), Answer::Late { minutes: 14 });
        let chosen = Some(entry(Answer::Present, 6 * MINUTE));
        assert_eq!(standing(chosen, EIGHT, None), Answer::Present);
    }

    #[test]
    fn minutes_come_from_the_form_the_arrival_or_the_clock() {
        let late = |minutes| Some(Reply { shown: Some(Answer::Absent), choice: Choice::Late(minutes) });
        let settled = |minutes, seen: Option<&Sighting>| {
            settle(None, late(minutes), EIGHT, seen, EIGHT + 20 * MINUTE).answer
        };
        assert_eq!(settled(Some(7), None), Answer::Late { minutes: 7 });
        assert_eq!(settled(None, Some(&live(9 * MINUTE))), Answer::Late { minutes: 9 });
        assert_eq!(settled(None, None), Answer::Late { minutes: 20 });
    }

    #[test]
    fn fields_are_read_strictly() {
        assert_eq!(Choice::read("late", "12"), Some(Choice::Late(Some(12))));
        assert_eq!(Choice::read("late", ""), Some(Choice::Late(None)));
        for (state, minutes) in
            [("late", "0"), ("late", "601"), ("late", "-1"), ("late", "x"), ("", ""), ("gone", "")]
        {
            assert_eq!(Choice::read(state, minutes), None, "{state} {minutes}");
        }
        for answer in [Answer::Present, Answer::Absent, Answer::Late { minutes: 9 }] {
            assert_eq!(Answer::shown(&answer.to_string()), Some(answer));
        }
        assert_eq!(Answer::shown("late"), None);
    }

    prop_compose! {
        fn sightings()(live in prop::option::of(-3_600_000..3_600_000_i64),
                       waiting in prop::option::of(-3_600_000..3_600_000_i64)) -> Option<Sighting> {
            let seen = |at: i64| Seen::at(EIGHT + at);
            (live.is_some() || waiting.is_some())
                .then(|| Sighting { live: live.map(seen), waiting: waiting.map(seen) })
        }
    }

    fn answers() -> impl Strategy<Value = Answer> {
        prop_oneof![
            Just(Answer::Present),
            Just(Answer::Absent),
            (1..600_u16).prop_map(|minutes| Answer::Late { minutes })
        ]
    }

    fn choices() -> impl Strategy<Value = Choice> {
        prop_oneof![
            Just(Choice::Present),
            Just(Choice::Absent),
            prop::option::of(1..600_u16).prop_map(Choice::Late),
        ]
    }

    proptest! {
        #[test]
        fn who_was_seen_is_never_proposed_absent(seen in sightings()) {
            prop_assert_eq!(propose(EIGHT, seen.as_ref()) == Answer::Absent, seen.is_none());
        }

        #[test]
        fn earlier_is_never_later(at in 0..3_600_000_i64, by in 0..3_600_000_i64) {
            let (early, late) = (propose(EIGHT, Some(&live(at))), propose(EIGHT, Some(&live(at + by))));
            prop_assert!(early.minutes() <= late.minutes());
        }

        #[test]
        fn somebody_seen_is_absent_only_by_a_knowing_choice(
            seen in sightings(),
            before in prop::option::of((answers(), -600_000..3_600_000_i64)),
            shown in prop::option::of(answers()),
            choice in prop::option::of(choices()),
        ) {
            let kept = before.map(|(answer, at)| entry(answer, at));
            let reply = choice.map(|choice| Reply { shown, choice });
            let settled = settle(kept, reply, EIGHT, seen.as_ref(), EIGHT + 600_000);
            if let (Some(seen), Answer::Absent) = (seen, settled.answer) {
                let chosen_now = choice == Some(Choice::Absent) && shown != Some(Answer::Absent);
                let first = seen.first().expect("seen");
                let chosen_before = kept.is_some_and(|kept| kept.answer == Answer::Absent && kept.noted_at >= first);
                prop_assert!(settled.by_hand && (chosen_now || chosen_before));
            }
        }

        #[test]
        fn a_form_sent_back_as_it_was_changes_nothing(
            seen in sightings(),
            before in prop::option::of((answers(), -600_000..3_600_000_i64)),
        ) {
            let kept = before.map(|(answer, at)| entry(answer, at));
            let shown = standing(kept, EIGHT, seen.as_ref());
            let choice = Choice::read(shown.word(), &match shown { Answer::Late { minutes } => minutes.to_string(), _ => String::new() });
            prop_assume!(choice.is_some());
            let reply = choice.map(|choice| Reply { shown: Some(shown), choice });
            let settled = settle(kept, reply, EIGHT, seen.as_ref(), EIGHT + 600_000);
            prop_assert_eq!((settled.answer, settled.now), (shown, false));
        }
    }
}
