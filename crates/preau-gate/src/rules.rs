//! Rules: the spans and bounds the gate goes by, each with its reason.
//!
//! These are decisions about people, not tuning knobs, so they stand together and are checked
//! once, when the gate is put together.

use std::time::Duration;

use crate::lanes::Shares;
use crate::plan::Release;

/// What the gate goes by. `Rules::default()` is what a school wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// A session ends after this much silence outside lessons. Default 10 min.
    pub idle: Duration,
    /// A session that has a lesson ends this long after it. Default 5 min: time to note homework.
    pub after_lesson: Duration,
    /// Who said that they leave, by closing the page, and is not heard of within this span has left. Default 30 s:
    /// by then a page that follows has been loaded on a slow line and has said so.
    pub leaving: Duration,
    /// Who was in comes back without queuing within this span. Default 10 min.
    pub reentry: Duration,
    /// A session is signed anew this often, the only moment at which the book of seats is asked.
    /// It is also how exactly silence is measured. Default 1 min.
    pub refresh: Duration,
    /// A seat waits this long for the browser to send its session back. Default 60 s: a visitor
    /// who keeps no cookie holds a seat for a minute and no longer.
    pub first_hold: Duration,
    /// A called ticket has a seat set aside for it, for this long at most; afterwards it stays
    /// valid and is served before those not yet called. Default 60 s.
    pub claim: Duration,
    /// Shortest and longest interval at which a waiting page asks. Default 5 s and 300 s.
    pub poll: (Duration, Duration),
    /// Random part of that interval, in percent either way, so that pages do not ask in step.
    /// Default 30.
    pub jitter_percent: u8,
    /// Arrivals this long before a bell share one slot and draw their order at the bell, so that
    /// coming earlier gains nothing. Default 15 min. Applies to announced bells only.
    pub pool: Duration,
    /// What each lane is guaranteed.
    pub shares: Shares,
    /// Seats beyond the quota, in thousandths of it and at least one, for two cases only: someone
    /// who returns within `reentry`, and a teacher whose lane's guaranteed seats are lent out.
    /// Default 50.
    pub overdraft_permille: u16,
    /// A lane with at most this many waiters hears of every one; beyond, one in sixteen reports.
    /// Default 4096: at that length everybody reporting costs less than 300 requests a second.
    pub sample_all_up_to: u32,
    /// When lessons of the plan are let in.
    pub release: Release,
    /// Seats that exams may have set aside, in thousandths of the quota, while one is on; the rest of
    /// the time they are lent like any other. Default 300.
    pub exam_permille: u16,
    /// From how many unknown tickets a second a toll may be asked (it also takes four times as many as
    /// can be let in, or `cap_unknown`); 20 suits a school. `None` for never, the default: whoever
    /// turns it on must show the challenges and hand in the proofs.
    pub toll_from: Option<u32>,
    /// How long who has not paid the toll waits behind their place. Default 2 min.
    pub toll_delay: Duration,
    /// A forged ticket is answered with `Wait::forged` instead of a new place, which costs less than a
    /// poll. Default no: whoever turns it on must clear the cookie, or its holder waits for ever.
    pub refuse_forged: bool,
    /// Several nodes share secret, queue and people: sessions of another node are taken up. Default no.
    pub several_nodes: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            after_lesson: Duration::from_secs(300),
            leaving: Duration::from_secs(30),
            reentry: Duration::from_secs(600),
            refresh: Duration::from_secs(60),
            first_hold: Duration::from_secs(60),
            claim: Duration::from_secs(60),
            poll: (Duration::from_secs(5), Duration::from_secs(300)),
            jitter_percent: 30,
            pool: Duration::from_secs(900),
            shares: Shares::default(),
            overdraft_permille: 50,
            sample_all_up_to: 4096,
            release: Release::default(),
            exam_permille: 300,
            toll_from: None,
            toll_delay: Duration::from_secs(120),
            refuse_forged: false,
            several_nodes: false,
        }
    }
}

/// Rules that contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A span is too short to work with.
    #[error("{name} must be at least {least:?}, it is {found:?}: raise it")]
    TooShort {
        /// The rule.
        name: &'static str,
        /// What it is set to.
        found: Duration,
        /// The least that works.
        least: Duration,
    },
    /// A span is too long to work with.
    #[error("{name} must be at most {most:?}, it is {found:?}: lower it")]
    TooLong {
        /// The rule.
        name: &'static str,
        /// What it is set to.
        found: Duration,
        /// The most that works.
        most: Duration,
    },
    /// The shortest polling interval is longer than the longest.
    #[error("poll: the shortest interval ({0:?}) exceeds the longest ({1:?}): swap or correct them")]
    PollOrder(Duration, Duration),
    /// More jitter than interval.
    #[error("jitter_percent must be at most 90, it is {0}")]
    Jitter(u8),
    /// More for exams than there is.
    #[error("exam_permille must be at most 1000, it is {0}")]
    Exams(u16),
    /// More overdraft than the name allows.
    #[error("overdraft_permille must be at most 500, it is {0}")]
    Overdraft(u16),
}

impl Rules {
    /// Checks the rules against themselves.
    ///
    /// # Errors
    /// Names the first rule that cannot work, what it is and what would.
    pub fn check(&self) -> Result<(), RulesError> {
        let second = Duration::from_secs(1);
        let day = Duration::from_secs(86_400);
        for (name, found, least, most) in [
            ("refresh", self.refresh, second, self.idle),
            ("idle", self.idle, second, day),
            ("after_lesson", self.after_lesson, Duration::ZERO, day),
            ("leaving", self.leaving, second, self.idle),
            ("reentry", self.reentry, Duration::ZERO, day),
            ("first_hold", self.first_hold, second, day),
            ("claim", self.claim, second, day),
            ("poll (shortest)", self.poll.0, second, day),
            ("pool", self.pool, Duration::ZERO, day),
            ("toll_delay", self.toll_delay, Duration::ZERO, day),
            ("release (last)", self.release.last, Duration::ZERO, self.release.first),
            ("release (first)", self.release.first, Duration::ZERO, day),
            ("release (kept)", self.release.kept, Duration::ZERO, day),
            ("release (kept, exam)", self.release.kept_exam, Duration::ZERO, day),
        ] {
            if found < least {
                return Err(RulesError::TooShort { name, found, least });
            }
            if found > most {
                return Err(RulesError::TooLong { name, found, most });
            }
        }
        if self.poll.0 > self.poll.1 {
            return Err(RulesError::PollOrder(self.poll.0, self.poll.1));
        }
        if self.jitter_percent > 90 {
            return Err(RulesError::Jitter(self.jitter_percent));
        }
        if self.exam_permille > 1_000 {
            return Err(RulesError::Exams(self.exam_permille));
        }
        if self.overdraft_permille > 500 {
            return Err(RulesError::Overdraft(self.overdraft_permille));
        }
        Ok(())
    }

    /// Seats beyond a quota of `seats` that returning people and teachers may take.
    pub(crate) fn overdraft(&self, seats: u32) -> u32 {
        if seats == 0 || self.overdraft_permille == 0 {
            return 0;
        }
        per_mille(seats, self.overdraft_permille).max(1)
    }
}

/// `part` thousandths of `whole`, rounded down.
pub(crate) fn per_mille(whole: u32, part: u16) -> u32 {
    u32::try_from(u64::from(whole) * u64::from(part) / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_rules_hold_and_bad_ones_are_named() {
        assert_eq!(Rules::default().check(), Ok(()));
        let bad = Rules { refresh: Duration::from_secs(700), ..Rules::default() };
        let text = bad.check().map_err(|e| e.to_string());
        assert_eq!(text, Err("refresh must be at most 600s, it is 700s: lower it".to_owned()));
        let poll = (Duration::from_secs(9), Duration::from_secs(8));
        assert!(matches!(Rules { poll, ..Rules::default() }.check(), Err(RulesError::PollOrder(..))));
    }

    #[test]
    fn the_overdraft_is_one_seat_at_least_and_none_without_a_quota() {
        let rules = Rules::default();
        assert_eq!([0, 1, 20, 40, 1_000].map(|quota| rules.overdraft(quota)), [0, 1, 1, 2, 50]);
    }
}
