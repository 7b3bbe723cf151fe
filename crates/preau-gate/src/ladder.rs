//! The ladder: what is given up, in which order, when there is more to do than can be done.
//!
//! What nobody misses goes first, what a lesson can do without next, and newcomers last; what a
//! lesson is made of is never given up. One rung is climbed at a time, when the pressure has stayed
//! high, and left again when it has stayed low for longer: a ladder that flutters would be worse
//! than none. Each step is an event, for the people it concerns and for the journal.
//!
//! It measures nothing and switches nothing off: whoever owns a feature asks `permits`.
//! Invariants: rungs are taken in order and left in reverse order, one at a time; between two
//! changes lies at least the span of the rules; what is not on the ladder is always permitted.

use std::time::Duration;

use crate::time::Moment;

/// A rung: what is not done while one stands on it or higher. In the order of giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Counting visits, fetching pages that nobody has asked for yet.
    Analytics = 0,
    /// Recordings and bulk downloads.
    Downloads = 1,
    /// Video in high resolution: standard remains.
    HighVideo = 2,
    /// Pupils' cameras.
    PupilCameras = 3,
    /// Search and history.
    Search = 4,
    /// More than five pictures a second of a shared screen.
    ScreenRate = 5,
    /// Teachers' cameras: slides and voice remain.
    TeacherCamera = 6,
    /// New people on unknown devices.
    NewUnknown = 7,
    /// New people on known devices.
    NewKnown = 8,
    /// New lessons.
    NewLessons = 9,
}

/// Number of rungs.
pub const RUNGS: usize = 10;

impl Rung {
    /// All rungs, the first given up first.
    pub const ALL: [Self; RUNGS] = [
        Self::Analytics,
        Self::Downloads,
        Self::HighVideo,
        Self::PupilCameras,
        Self::Search,
        Self::ScreenRate,
        Self::TeacherCamera,
        Self::NewUnknown,
        Self::NewKnown,
        Self::NewLessons,
    ];

    /// Its name in the journal, in metrics and as a key of texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analytics => "analytics",
            Self::Downloads => "downloads",
            Self::HighVideo => "high-video",
            Self::PupilCameras => "pupil-cameras",
            Self::Search => "search",
            Self::ScreenRate => "screen-rate",
            Self::TeacherCamera => "teacher-camera",
            Self::NewUnknown => "new-unknown",
            Self::NewKnown => "new-known",
            Self::NewLessons => "new-lessons",
        }
    }
}

/// What somebody wants to do, as far as the ladder is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Something that stands on a rung.
    May(Rung),
    /// Teacher's voice, handing in work, roll call, signing out, captions, the safety contact: never given up.
    Always,
}

/// What the ladder goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderRules {
    /// Pressure from which a rung is climbed, 1 being all that can be done. Default 1.0.
    pub high: f64,
    /// Pressure below which a rung is left. Default 0.8.
    pub low: f64,
    /// High for this long, and so long after the last change: one rung up. Default 3 s.
    pub climb: Duration,
    /// Low for this long, and so long after the last change: one rung down. Default 20 s: people
    /// should not see a camera come and go.
    pub descend: Duration,
    /// A rung of newcomers is left when the pressure has not been high for this long. Default 3 s: the pace already
    /// says how many may come in, and a house that is full and well never has a low pressure, so nobody would ever
    /// come in again.
    pub readmit: Duration,
}

impl Default for LadderRules {
    fn default() -> Self {
        Self {
            high: 1.0,
            low: 0.8,
            climb: Duration::from_secs(3),
            descend: Duration::from_secs(20),
            readmit: Duration::from_secs(3),
        }
    }
}

/// A change, to be announced and written down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Moment,
    /// What is given up or given back.
    pub rung: Rung,
    /// Given up, or given back.
    pub given_up: bool,
    /// The pressure that led to it; `None` when the operator did.
    pub pressure: Option<f64>,
}

/// The ladder.
#[derive(Clone, Debug)]
pub struct Ladder {
    rules: LadderRules,
    /// Rungs climbed, 0 to `RUNGS`.
    height: usize,
    /// The operator's word: not below, not above.
    pinned: (usize, usize),
    high_since: Option<Moment>,
    not_high_since: Option<Moment>,
    low_since: Option<Moment>,
    changed: Option<Moment>,
}

impl Ladder {
    /// A ladder with both feet on the ground.
    pub const fn new(rules: LadderRules) -> Self {
        Self {
            rules,
            height: 0,
            pinned: (0, RUNGS),
            high_since: None,
            not_high_since: None,
            low_since: None,
            changed: None,
        }
    }

    /// Whether something may be done now.
    pub fn permits(&self, wish: Wish) -> bool {
        match wish {
            Wish::Always => true,
            Wish::May(rung) => rung as usize >= self.height,
        }
    }

    /// What is given up now, the first first.
    pub fn given_up(&self) -> &'static [Rung] {
        const ALL: [Rung; RUNGS] = Rung::ALL;
        &ALL[..self.height.min(RUNGS)]
    }

    /// The operator holds the ladder: at least `least` rungs are given up, at most `most`.
    pub fn pin(&mut self, least: usize, most: usize) {
        let most = most.min(RUNGS);
        self.pinned = (least.min(most), most);
    }

    /// The pressure now: demand against what can be done, the worst of all that is watched. Not a
    /// number counts as no news. About once a second; at most one step a call.
    pub fn observe(&mut self, pressure: f64, now: Moment) -> Option<Step> {
        if self.height < self.pinned.0 {
            return Some(self.step(true, None, now));
        }
        if self.height > self.pinned.1 {
            return Some(self.step(false, None, now));
        }
        if pressure.is_nan() {
            return None;
        }
        let held = |since: &mut Option<Moment>, holds: bool| {
            if !holds {
                *since = None;
            }
            holds.then(|| now.since(*since.get_or_insert(now)))
        };
        let high = held(&mut self.high_since, pressure >= self.rules.high);
        let not_high = held(&mut self.not_high_since, pressure < self.rules.high);
        let low = held(&mut self.low_since, pressure < self.rules.low);
        let newcomers = self.height > Rung::NewUnknown as usize;
        let (calm, enough) =
            if newcomers { (not_high, self.rules.readmit) } else { (low, self.rules.descend) };
        let rested = |span| self.changed.is_none_or(|changed| now.since(changed) >= span);
        if high.is_some_and(|span| span >= self.rules.climb)
            && rested(self.rules.climb)
            && self.height < self.pinned.1
        {
            return Some(self.step(true, Some(pressure), now));
        }
        if calm.is_some_and(|span| span >= enough) && rested(enough) && self.height > self.pinned.0 {
            return Some(self.step(false, Some(pressure), now));
        }
        None
    }

    fn step(&mut self, up: bool, pressure: Option<f64>, now: Moment) -> Step {
        let at = if up { self.height } else { self.height - 1 };
        self.height = if up { self.height + 1 } else { self.height - 1 };
        self.changed = Some(now);
        Step { at: now, rung: Rung::ALL[at.min(RUNGS - 1)], given_up: up, pressure }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: u64) -> Moment {
        Moment::from_unix_seconds(1_000_000 + second)
    }

    #[test]
    fn everything_is_given_up_in_order_and_given_back_in_reverse() {
        let mut ladder = Ladder::new(LadderRules::default());
        let up: Vec<Rung> =
            (0..40).filter_map(|second| ladder.observe(1.5, at(second))).map(|s| s.rung).collect();
        assert_eq!(up, Rung::ALL);
        assert!(Rung::ALL.iter().all(|rung| !ladder.permits(Wish::May(*rung))));
        assert!(ladder.permits(Wish::Always));
        let steps: Vec<Step> = (40..400).filter_map(|second| ladder.observe(0.1, at(second))).collect();
        let mut down: Vec<Rung> = steps.iter().map(|step| step.rung).collect();
        down.reverse();
        assert_eq!(down, Rung::ALL);
        assert!(steps.iter().all(|step| !step.given_up && step.pressure == Some(0.1)));
        assert!(steps.windows(2).all(|two| {
            let rest = if two[1].rung >= Rung::NewUnknown { 3 } else { 20 };
            two[1].at.since(two[0].at) >= Duration::from_secs(rest)
        }));
        assert_eq!(ladder.given_up(), []);
    }

    #[test]
    fn newcomers_are_let_in_again_while_the_house_is_full_and_well() {
        let mut ladder = Ladder::new(LadderRules::default());
        (0..40).for_each(|second| {
            ladder.observe(1.5, at(second));
        });
        assert!(!ladder.permits(Wish::May(Rung::NewUnknown)));
        let steps: Vec<Step> = (40..600).filter_map(|second| ladder.observe(0.95, at(second))).collect();
        let rungs: Vec<Rung> = steps.iter().map(|step| step.rung).collect();
        assert_eq!(rungs, [Rung::NewLessons, Rung::NewKnown, Rung::NewUnknown]);
        assert!(steps.last().is_some_and(|last| last.at <= at(50)));
        assert!(!ladder.permits(Wish::May(Rung::TeacherCamera)), "it has not become less");
    }

    #[test]
    fn a_pressure_that_flutters_about_the_bound_changes_nothing() {
        let mut ladder = Ladder::new(LadderRules::default());
        let pressure = |second: u64| if second.is_multiple_of(2) { 1.2 } else { 0.7 };
        assert!((0..600).all(|second| ladder.observe(pressure(second), at(second)).is_none()));
        // Between the bounds one stays where one is.
        for second in 600..604 {
            ladder.observe(1.1, at(second));
        }
        assert_eq!(ladder.given_up(), [Rung::Analytics]);
        assert!((604..2_000).all(|second| ladder.observe(0.9, at(second)).is_none()));
    }

    #[test]
    fn the_operators_word_holds() {
        let mut ladder = Ladder::new(LadderRules::default());
        ladder.pin(2, 3);
        let steps: Vec<Step> = (0..60).filter_map(|second| ladder.observe(9.0, at(second))).collect();
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[0].pressure, None);
        assert!((60..600).filter_map(|second| ladder.observe(0.0, at(second))).count() == 1);
        assert_eq!(ladder.given_up(), [Rung::Analytics, Rung::Downloads]);
    }

    proptest! {
        #[test]
        fn one_rung_at_a_time_and_never_soon_after_another(pressures in prop::collection::vec(0.0_f64..2.0, 1..400)) {
            let mut ladder = Ladder::new(LadderRules::default());
            let mut last: Option<Step> = None;
            for (second, pressure) in pressures.into_iter().enumerate() {
                let before = ladder.given_up().len();
                let Some(step) = ladder.observe(pressure, at(second as u64)) else {
                    prop_assert_eq!(ladder.given_up().len(), before);
                    continue;
                };
                prop_assert_eq!(ladder.given_up().len(), if step.given_up { before + 1 } else { before - 1 });
                prop_assert_eq!(ladder.permits(Wish::May(step.rung)), !step.given_up);
                let rest = if step.given_up || step.rung >= Rung::NewUnknown { 3 } else { 20 };
                prop_assert!(last.is_none_or(|last| step.at.since(last.at) >= Duration::from_secs(rest)));
                last = Some(step);
            }
        }
    }
}
