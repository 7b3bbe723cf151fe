//! The plan: in which order whole lessons come in before a bell, and when each one's access opens.
//!
//! Half a class is no lesson, so at a bell the unit of admission is the lesson. The order comes from
//! the timetable, not from who is quickest: start-time fair queuing (Goyal, Vin and Cheng 1996) over
//! the schools with their pupils as weights, so that at any moment every school has about the same
//! part of its lessons in. The lessons are spread from a quarter of an hour to two minutes before
//! the bell; each pupil is told the minute. Exams come first and all at the beginning.
//!
//! A lesson's places are a range of ranks: the slot is the second at which it opens, the draw within
//! belongs to its pupils. A ticket therefore says by itself which lesson it is for. The plan knows no
//! seats (`seats.rs`) and no persons.
//!
//! Invariants: the same timetable and seed give the same plan on every node and after a restart; a
//! lesson that is in the plan keeps its place when others are added; ranges never overlap.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::draw::{Rank, Seed};
use crate::ticket::DeviceId;
use crate::time::Moment;

/// Lessons planned at most; more are left out, the latest first.
const LESSONS: usize = 262_144;

/// Bits of the draw that tell lessons of one second apart: 4096 of them.
const LESSON_BITS: u32 = 12;

/// Lessons are looked at this long before their release begins: who is early must not take a seat
/// out of turn.
const EARLY: Duration = Duration::from_secs(900);

/// How long a lesson stays in the plan after its end.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// A lesson's number, as the application counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LessonId(pub u64);

/// A lesson of the timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// Its number.
    pub id: LessonId,
    /// The number of its school.
    pub school: u64,
    /// Its bell.
    pub begins: Moment,
    /// Its end.
    pub ends: Moment,
    /// People expected, the teacher included.
    pub people: u32,
    /// An exam: it comes first, and its seats are set aside from the beginning.
    pub exam: bool,
}

/// When lessons are let in, relative to their bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The first lesson opens this long before the bell. Default 15 min.
    pub first: Duration,
    /// The last one opens this long before. Default 2 min. From then on, seats are set aside
    /// whether the teacher is there or not.
    pub last: Duration,
    /// Seats set aside and not taken are returned this long after the bell. Default 3 min.
    pub kept: Duration,
    /// The same for an exam. Default 15 min.
    pub kept_exam: Duration,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(900),
            last: Duration::from_secs(120),
            kept: Duration::from_secs(180),
            kept_exam: Duration::from_secs(900),
        }
    }
}

/// A lesson with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) lesson: Lesson,
    /// First and last place of its pupils.
    pub(crate) from: Rank,
    pub(crate) to: Rank,
}

impl Planned {
    /// "Your access opens at …"
    pub(crate) fn opens(&self) -> Moment {
        Moment::from_unix_seconds(u64::from(self.from.slot()))
    }

    /// Whether its release has begun or will soon.
    pub(crate) fn is_near(&self, release: &Release, now: Moment) -> bool {
        self.lesson.begins - release.first <= now + EARLY
    }

    /// The place of one device among the lesson's.
    pub(crate) fn rank(&self, seed: &Seed, device: DeviceId) -> Rank {
        Rank::new(self.from.slot(), self.from.draw() | (seed.draw(device) >> LESSON_BITS))
    }
}

/// The plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// In the order of their places.
    lessons: Vec<Planned>,
    by_id: HashMap<LessonId, usize>,
}

impl Plan {
    /// The plan with `lessons`, those of this plan keeping their places. `seed` gives the seed of a
    /// slot, from which ties are drawn.
    pub(crate) fn with(
        &self,
        lessons: &[Lesson],
        release: &Release,
        seed: impl Fn(u32) -> Seed,
        now: Moment,
    ) -> Self {
        let mut taken: HashMap<u32, u32> = HashMap::new();
        let mut placed = Vec::with_capacity(lessons.len().min(LESSONS));
        let mut bells: BTreeMap<Moment, Vec<Lesson>> = BTreeMap::new();
        let mut seen = std::collections::HashSet::new();
        for lesson in lessons.iter().filter(|lesson| lesson.ends + REMEMBERED > now) {
            if seen.len() >= LESSONS || !seen.insert(lesson.id) {
                continue;
            }
            match self.get(lesson.id) {
                Some(old) if old.lesson.begins == lesson.begins && old.lesson.exam == lesson.exam => {
                    let used = taken.entry(old.from.slot()).or_insert(0);
                    *used = (*used).max((old.from.draw() >> (32 - LESSON_BITS)) + 1);
                    placed.push(Planned { lesson: *lesson, ..*old });
                }
                _ => bells.entry(lesson.begins).or_default().push(*lesson),
            }
        }
        for (begins, lessons) in bells {
            let seed = seed(begins.unix_seconds());
            let first = (begins - release.first).unix_seconds().max(now.unix_seconds() + 1);
            let last = (begins - release.last).unix_seconds().max(first);
            let people: u64 = lessons.iter().map(|lesson| u64::from(lesson.people)).sum();
            let mut before = 0_u64;
            for lesson in fair_order(lessons, &seed) {
                let part = u64::from(last - first) * before / people.max(1);
                // Exams open all at once, at the beginning.
                let mut slot = if lesson.exam { first } else { first + part as u32 };
                before += u64::from(lesson.people);
                let index = loop {
                    let used = taken.entry(slot).or_insert(0);
                    if *used < 1 << LESSON_BITS {
                        *used += 1;
                        break *used - 1;
                    }
                    slot += 1;
                };
                let from = index << (32 - LESSON_BITS);
                let to = from | (u32::MAX >> LESSON_BITS);
                placed.push(Planned { lesson, from: Rank::new(slot, from), to: Rank::new(slot, to) });
            }
        }
        placed.sort_by_key(|planned| planned.from);
        let by_id = placed.iter().enumerate().map(|(at, planned)| (planned.lesson.id, at)).collect();
        Self { lessons: placed, by_id }
    }

    pub(crate) fn get(&self, id: LessonId) -> Option<&Planned> {
        self.lessons.get(*self.by_id.get(&id)?)
    }

    /// The lesson to which a place belongs.
    pub(crate) fn at(&self, rank: Rank) -> Option<&Planned> {
        let next = self.lessons.partition_point(|planned| planned.to < rank);
        self.lessons.get(next).filter(|planned| planned.from <= rank)
    }

    /// All lessons in the order of their places.
    pub(crate) fn lessons(&self) -> &[Planned] {
        &self.lessons
    }

    /// The first lesson that is not wholly behind the watermark.
    pub(crate) fn first_after(&self, watermark: Rank) -> usize {
        self.lessons.partition_point(|planned| planned.to <= watermark)
    }
}

/// Start-time fair queuing with the schools' pupils as weights; ties are drawn. Exams first.
fn fair_order(lessons: Vec<Lesson>, seed: &Seed) -> Vec<Lesson> {
    let mut schools: BTreeMap<(bool, u64), (u64, Vec<Lesson>)> = BTreeMap::new();
    for lesson in lessons {
        let school = schools.entry((!lesson.exam, lesson.school)).or_default();
        school.0 += u64::from(lesson.people) + 1;
        school.1.push(lesson);
    }
    let mut order = Vec::new();
    for ((later, number), (weight, mut lessons)) in schools {
        // Within a school, and between schools that are equally far, chance decides, not the alphabet.
        lessons.sort_by_key(|lesson| (seed.number(b"lesson", lesson.id.0), lesson.id));
        let tie = seed.number(b"school", number);
        let mut done = 0_u64;
        for lesson in lessons {
            // The part of the school that comes before this lesson, as a fixed-point fraction.
            let start = (u128::from(done) << 32) / u128::from(weight);
            done += u64::from(lesson.people) + 1;
            order.push(((later, start, tie, number), lesson));
        }
    }
    order.sort_by_key(|(key, _)| *key);
    order.into_iter().map(|(_, lesson)| lesson).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BELL: Moment = Moment::from_unix_seconds(1_000_800);

    fn lesson(id: u64, school: u64, people: u32) -> Lesson {
        let ends = BELL + Duration::from_secs(3_300);
        Lesson { id: LessonId(id), school, begins: BELL, ends, people, exam: false }
    }

    fn seed(slot: u32) -> Seed {
        Seed::from_bytes([slot as u8; 32])
    }

    fn plan(lessons: &[Lesson]) -> Plan {
        Plan::default().with(lessons, &Release::default(), seed, BELL - Duration::from_secs(3_600))
    }

    #[test]
    fn lessons_open_between_a_quarter_of_an_hour_and_two_minutes_before() {
        let plan = plan(&(0..100).map(|n| lesson(n, n % 7, 25)).collect::<Vec<_>>());
        let opens: Vec<Duration> = plan.lessons().iter().map(|planned| BELL.since(planned.opens())).collect();
        assert_eq!(opens[0], Duration::from_secs(900));
        assert!(opens[99] >= Duration::from_secs(120) && opens[99] < Duration::from_secs(135));
        assert!(opens.windows(2).all(|two| two[0] >= two[1] && two[0] - two[1] <= Duration::from_secs(9)));
    }

    #[test]
    fn at_any_moment_each_school_has_about_the_same_part_in() {
        let mut lessons = Vec::new();
        for school in 0..30_u64 {
            // From 8 to 66 lessons a school.
            for n in 0..8 + 2 * school {
                lessons.push(lesson(school * 1_000 + n, school, 20 + (n % 15) as u32));
            }
        }
        let plan = plan(&lessons);
        let all = |school| lessons.iter().filter(|l| l.school == school).count() as f64;
        for tenth in 2..10 {
            let some = &plan.lessons()[..plan.lessons().len() * tenth / 10];
            let parts: Vec<f64> = (0..30)
                .map(|school| some.iter().filter(|p| p.lesson.school == school).count() as f64 / all(school))
                .collect();
            let (sum, squares): (f64, f64) = (parts.iter().sum(), parts.iter().map(|part| part * part).sum());
            let jain = sum * sum / (30.0 * squares);
            assert!(jain > 0.95, "{tenth} tenths: {jain}");
        }
    }

    #[test]
    fn exams_come_first() {
        let mut lessons: Vec<Lesson> = (0..50).map(|n| lesson(n, n % 5, 30)).collect();
        lessons[33].exam = true;
        lessons[44].exam = true;
        let plan = plan(&lessons);
        let first: Vec<u64> = plan.lessons()[..2].iter().map(|planned| planned.lesson.id.0).collect();
        assert!(first.contains(&33) && first.contains(&44));
        assert!(plan.lessons()[..2].iter().all(|planned| BELL.since(planned.opens()).as_secs() == 900));
    }

    proptest! {
        #[test]
        fn places_are_stable_apart_and_findable(
            first in prop::collection::vec((0_u64..400, 0_u64..9, 0_u32..40), 0..200),
            more in prop::collection::vec((0_u64..400, 0_u64..9, 0_u32..40), 0..200),
            device in any::<[u8; 12]>(),
        ) {
            let list = |of: &[(u64, u64, u32)]| of.iter().map(|(id, s, p)| lesson(*id, *s, *p)).collect::<Vec<_>>();
            let before = plan(&list(&first));
            let both: Vec<_> = first.iter().chain(&more).copied().collect();
            let after = before.with(&list(&both), &Release::default(), seed, BELL - Duration::from_secs(700));
            for planned in before.lessons() {
                prop_assert_eq!(after.get(planned.lesson.id).map(|p| p.from), Some(planned.from));
            }
            for two in after.lessons().windows(2) {
                prop_assert!(two[0].to < two[1].from);
            }
            for planned in after.lessons() {
                let rank = planned.rank(&seed(1), DeviceId::new(device));
                prop_assert!(planned.from <= rank && rank <= planned.to);
                prop_assert_eq!(after.at(rank).map(|found| found.lesson.id), Some(planned.lesson.id));
            }
        }
    }
}
