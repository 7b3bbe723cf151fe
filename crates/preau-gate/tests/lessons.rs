//! Lessons before a bell: whole, in the plan's order, with seats set aside and given back.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use std::collections::HashMap;

use crowd::{Browser, Chance, MORNING, open, open_with, seconds};
use preau_gate::{
    Claims, DeviceId, Gate, Lesson, LessonId, Moment, Quota, Rules, Scheduler, Snapshot, Standing, Verdict,
};
use proptest::prelude::*;

/// 8:00; the morning begins twenty minutes before.
fn bell() -> Moment {
    MORNING + seconds(1_200)
}

fn lesson(id: u64, school: u64, people: u32) -> Lesson {
    Lesson { id: LessonId(id), school, begins: bell(), ends: bell() + seconds(3_300), people, exam: false }
}

/// Device marks for `count` people, made on a gate of the same secret that has room for all.
fn marks(count: usize, standing: Standing, seed: u64) -> Vec<(String, DeviceId)> {
    let mut chance = Chance::new(seed);
    let (gate, _scheduler) = open(count as u32 + 1, MORNING);
    (0..count)
        .map(|_| {
            let mut browser = Browser::default();
            assert!(browser.enters(&gate, &mut chance, MORNING));
            let session = gate.read_session(browser.session.as_ref().unwrap(), MORNING).unwrap();
            (gate.recognise(&session, standing, MORNING).unwrap().1.to_string(), session.device)
        })
        .collect()
}

struct Pupil {
    browser: Browser,
    lesson: LessonId,
    inside: Option<Moment>,
}

impl Pupil {
    fn asks(&mut self, gate: &Gate, now: Moment) -> Verdict {
        self.browser.claims(gate, &Claims { lesson: Some(self.lesson), ..Claims::default() }, now)
    }
}

/// Pupils of `lessons`, all of them with devices known to the gate.
fn pupils(lessons: &[Lesson], seed: u64) -> Vec<Pupil> {
    let total = lessons.iter().map(|lesson| lesson.people as usize).sum();
    let mut marks = marks(total, Standing::Known, seed).into_iter();
    lessons
        .iter()
        .flat_map(|lesson| std::iter::repeat_n(lesson.id, lesson.people as usize))
        .map(|lesson| {
            let mark = marks.next().map(|(mark, _)| mark);
            Pupil { browser: Browser { mark, ..Browser::default() }, lesson, inside: None }
        })
        .collect()
}

/// Everyone asks every five seconds from their arrival on, until they are in; who is in shows up
/// once a minute. Returns who was in at the bell, by lesson.
fn until_the_bell(
    gate: &Gate,
    scheduler: &mut Scheduler,
    pupils: &mut [Pupil],
    arrives: impl Fn(usize) -> u64,
    after: u64,
) -> HashMap<LessonId, u32> {
    for second in 0..1_200 + after {
        let now = MORNING + seconds(second);
        scheduler.tick(now);
        for (n, pupil) in pupils.iter_mut().enumerate() {
            let due = second >= arrives(n) && (second + n as u64).is_multiple_of(5);
            match pupil.inside {
                None if due => {
                    if let Verdict::Admit(_) = pupil.asks(gate, now) {
                        pupil.inside = Some(now);
                    }
                }
                Some(_) if (second + n as u64).is_multiple_of(50) => {
                    assert!(matches!(pupil.asks(gate, now), Verdict::Admit(_)), "put out before the lesson");
                }
                _ => {}
            }
        }
        assert!(gate.status().taken <= gate.status().seats + gate.status().seats / 20);
    }
    let mut seated = HashMap::new();
    for pupil in pupils.iter().filter(|pupil| pupil.inside.is_some()) {
        *seated.entry(pupil.lesson).or_insert(0) += 1;
    }
    seated
}

#[test]
fn with_seats_for_half_half_of_the_lessons_are_whole_and_the_schools_share_them() {
    let lessons: Vec<Lesson> = (0..40).map(|n| lesson(n, n % 4, 24 + (n % 5) as u32)).collect();
    let mut pupils = pupils(&lessons, 1);
    let seats = pupils.len() as u32 / 2;
    let (gate, mut scheduler) = open(seats, MORNING);
    scheduler.set_lessons(&lessons, MORNING);
    // One in eight comes late; nobody comes before 7:46.
    let arrives = |n: usize| 360 + (n as u64 * 7_919) % 780 + if n.is_multiple_of(8) { 60 } else { 0 };
    let seated = until_the_bell(&gate, &mut scheduler, &mut pupils, arrives, 240);
    let whole = |lesson: &&Lesson| {
        f64::from(*seated.get(&lesson.id).unwrap_or(&0)) >= 0.95 * f64::from(lesson.people)
    };
    let usable = lessons.iter().filter(whole).count();
    let begun = seated.len();
    println!("{usable} whole lessons of {begun} begun, {} in of {seats} seats", seated.values().sum::<u32>());
    assert!(usable as f64 >= 0.95 * begun as f64, "{usable} of {begun}");
    assert!(usable >= 18, "{usable}");
    let by_school: Vec<usize> =
        (0..4).map(|school| lessons.iter().filter(|l| l.school == school).filter(whole).count()).collect();
    assert!(by_school.iter().all(|count| (3..=6).contains(count)), "{by_school:?}");
}

#[test]
fn each_pupil_is_told_when_access_opens_and_it_does() {
    let lessons: Vec<Lesson> = (0..10).map(|n| lesson(n, n, 10)).collect();
    let mut pupils = pupils(&lessons, 2);
    let (gate, mut scheduler) = open(60, MORNING);
    scheduler.set_lessons(&lessons, MORNING);
    let early = MORNING + seconds(290);
    scheduler.tick(early);
    let mut told = Vec::new();
    for pupil in &mut pupils {
        let Verdict::Wait(wait) = pupil.asks(&gate, early) else { panic!("too early") };
        let opens = wait.opens_at.unwrap();
        assert!(!wait.drawn_at_bell);
        assert_eq!(gate.lesson_opens(pupil.lesson), Some(opens));
        assert!(opens + seconds(900) >= bell() && opens + seconds(120) <= bell());
        told.push(opens);
    }
    let mut now = early;
    while now < bell() {
        now = now + seconds(1);
        scheduler.tick(now);
        for (pupil, opens) in pupils.iter_mut().zip(&told) {
            if pupil.inside.is_none() && matches!(pupil.asks(&gate, now), Verdict::Admit(_)) {
                pupil.inside = Some(now);
                assert!(now > *opens && now.since(*opens) <= seconds(3), "{:?} after", now.since(*opens));
            }
        }
    }
    // Sixty seats are six whole lessons, and no pupil of a seventh.
    assert_eq!(pupils.iter().filter(|pupil| pupil.inside.is_some()).count(), 60);
}

#[test]
fn seats_are_kept_once_the_teacher_is_there_and_returned_three_minutes_after_the_bell() {
    let lessons = [lesson(1, 1, 10), lesson(2, 1, 10)];
    let mut pupils = pupils(&lessons, 3);
    let (gate, mut scheduler) = open(12, MORNING);
    scheduler.set_lessons(&lessons, MORNING);
    // The plan is published with the first tick.
    scheduler.tick(MORNING + seconds(1));
    let first = if gate.lesson_opens(LessonId(1)) < gate.lesson_opens(LessonId(2)) { 1 } else { 2 };
    let open = gate.lesson_opens(LessonId(first)).unwrap();
    let mut now = open + seconds(3);
    scheduler.tick(now);
    scheduler.tick(now + seconds(1));
    assert!(gate.status().kept <= 2, "nobody is there: {}", gate.status().kept);
    gate.teacher_live(LessonId(first));
    now = now + seconds(2);
    scheduler.tick(now);
    assert!(gate.status().kept >= 10, "the teacher is: {}", gate.status().kept);
    // Strangers find two seats and no more.
    let mut chance = Chance::new(8);
    let strangers = (0..20).filter(|_| Browser::default().enters(&gate, &mut chance, now)).count();
    assert!(strangers <= 2, "{strangers}");
    // Seven of the ten come, at the last minute, and find their seats.
    now = bell() - seconds(5);
    scheduler.tick(now);
    let came = pupils.iter_mut().filter(|pupil| pupil.lesson == LessonId(first)).take(7);
    for pupil in came {
        assert!(matches!(pupil.asks(&gate, now), Verdict::Admit(_)));
    }
    scheduler.tick(now + seconds(1));
    assert!(gate.status().kept >= 3, "{}", gate.status().kept);
    // Three minutes after the bell the seats not taken go to the other lesson, and when that is over
    // to anybody.
    let kept_until = bell() + seconds(185);
    scheduler.tick(kept_until);
    scheduler.tick(kept_until + seconds(1));
    let strangers =
        (0..20).filter(|_| Browser::default().enters(&gate, &mut chance, kept_until + seconds(1)));
    assert!(strangers.count() <= 2, "ten are set aside for the other lesson, whose turn it is");
    let over = bell() + seconds(3_301);
    scheduler.tick(over);
    scheduler.tick(over + seconds(1));
    assert_eq!(gate.status().kept, 0);
    assert!(Browser::default().enters(&gate, &mut chance, over + seconds(1)));
}

#[test]
fn an_exam_comes_in_whoever_else_waits() {
    let mut lessons: Vec<Lesson> = (0..20).map(|n| lesson(n, n, 20)).collect();
    lessons[7].exam = true;
    let mut pupils = pupils(&lessons, 4);
    let (gate, mut scheduler) = open(100, MORNING);
    scheduler.set_lessons(&lessons, MORNING);
    scheduler.tick(MORNING);
    // Strangers have taken seventy seats before anyone looked.
    let mut chance = Chance::new(9);
    let mut strangers: Vec<Browser> = vec![Browser::default(); 70];
    assert!(strangers.iter_mut().all(|stranger| stranger.enters(&gate, &mut chance, MORNING)));
    let mut now = MORNING;
    for second in 0..1_150 {
        now = MORNING + seconds(second);
        scheduler.tick(now);
        if second.is_multiple_of(30) {
            strangers.iter_mut().for_each(|stranger| assert!(stranger.enters(&gate, &mut chance, now)));
        }
        // Everybody else asks every second; the exam's pupils come at the very end.
        for pupil in pupils.iter_mut().filter(|pupil| pupil.lesson != LessonId(7) && pupil.inside.is_none()) {
            if second > 300 && matches!(pupil.asks(&gate, now), Verdict::Admit(_)) {
                pupil.inside = Some(now);
            }
        }
    }
    for pupil in pupils.iter_mut().filter(|pupil| pupil.lesson == LessonId(7)) {
        assert!(matches!(pupil.asks(&gate, now), Verdict::Admit(_)), "an exam's seat was given away");
    }
}

#[test]
fn a_restart_before_the_bell_keeps_every_lessons_place() {
    let lessons: Vec<Lesson> = (0..20).map(|n| lesson(n, n % 3, 15)).collect();
    let mut pupils = pupils(&lessons, 5);
    let (gate, mut scheduler) = open(150, MORNING);
    scheduler.set_lessons(&lessons, MORNING);
    let mut now = MORNING + seconds(600);
    scheduler.tick(now);
    let before = pupils.iter_mut().map(|pupil| match pupil.asks(&gate, now) {
        Verdict::Wait(wait) => Some(wait.rank),
        Verdict::Admit(_) => None,
    });
    let before: Vec<_> = before.collect();
    scheduler.tick(now + seconds(1));
    let snapshot = Snapshot::from_json(&scheduler.snapshot(now).to_json()).unwrap();
    drop((gate, scheduler));
    now = now + seconds(20);
    let (gate, mut scheduler) = open_with(Rules::default(), 150, Some(&snapshot), now);
    // The timetable comes after the start, as it does from a database.
    scheduler.set_lessons(&lessons, MORNING);
    scheduler.tick(now);
    for (pupil, rank) in pupils.iter_mut().zip(before) {
        match (pupil.asks(&gate, now), rank) {
            (Verdict::Wait(wait), Some(rank)) => assert_eq!(wait.rank, rank),
            (Verdict::Admit(_), None) => {}
            // Its lesson was released meanwhile.
            (Verdict::Admit(_), Some(rank)) => assert!(rank.slot() <= now.unix_seconds()),
            (Verdict::Wait(_), None) => panic!("put out"),
        }
    }
}

#[test]
fn a_gate_that_begins_in_the_middle_of_lessons_sets_no_seats_aside_for_them() {
    let now = bell() + seconds(1_800);
    let (gate, mut scheduler) = open(40, now);
    let lessons: Vec<Lesson> = (0..20).map(|id| lesson(id, id % 4, 30)).collect();
    scheduler.set_lessons(&lessons, now);
    for second in 1..5 {
        scheduler.tick(now + seconds(second));
        assert_eq!(gate.status().kept, 0);
    }
    let arrival = preau_gate::Arrival::default();
    let verdict = gate.decide(&arrival, || DeviceId::new([9; 12]), now + seconds(5));
    assert!(matches!(verdict, Verdict::Admit(_)), "{verdict:?}");
}

#[test]
fn closed_lanes_take_in_nobody_new_and_put_nobody_out() {
    use preau_gate::Lane;
    let mut chance = Chance::new(6);
    let (gate, mut scheduler) = open(10, MORNING);
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, MORNING) && inside.enters(&gate, &mut chance, MORNING));
    scheduler.close(&[Lane::Unknown]);
    let mut now = MORNING;
    let mut waiting = Browser::default();
    for _ in 0..120 {
        now = now + seconds(1);
        scheduler.tick(now);
        assert!(inside.enters(&gate, &mut chance, now));
        assert!(!waiting.enters(&gate, &mut chance, now));
    }
    scheduler.close(&[]);
    for _ in 0..3 {
        now = now + seconds(1);
        scheduler.tick(now);
    }
    assert!(waiting.enters(&gate, &mut chance, now));
}

#[test]
fn the_pace_bounds_admissions_whatever_is_free() {
    struct Paced;
    impl preau_gate::Capacity for Paced {
        fn read(&mut self, _: preau_gate::Load, _: Moment) -> preau_gate::Reading {
            preau_gate::Reading { seats: 1_000, pace: Some(2.0), cause: preau_gate::Cause::Ramp }
        }
    }
    let mut chance = Chance::new(7);
    let (gate, mut scheduler) = open(0, MORNING);
    scheduler.set_capacity(Box::new(Paced));
    let mut people = vec![Browser::default(); 400];
    let mut inside = 0_u64;
    for second in 1..=120 {
        let now = MORNING + seconds(second);
        scheduler.tick(now);
        let before = people.len();
        people.retain_mut(|browser| !browser.enters(&gate, &mut chance, now));
        inside += (before - people.len()) as u64;
        assert!(inside <= 2 * second + 6, "{inside} after {second} s");
    }
    assert!(inside >= 220, "{inside}");
    scheduler.set_capacity(Box::new(Quota(1_000)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Around any bell: no seat too many, none set aside that is not there, watermarks forward only,
    /// nobody put out of a lesson, and in the end everybody who stays is served.
    #[test]
    fn any_bell(
        sizes in prop::collection::vec((1_u32..9, 0_u64..3, any::<bool>()), 1..6),
        quota in 1_u32..30,
        steps in prop::collection::vec((0_u8..10, any::<u8>()), 1..200),
        seed in any::<u64>(),
    ) {
        let lessons: Vec<Lesson> = sizes
            .iter()
            .zip(0..)
            .map(|((people, school, exam), id)| Lesson { exam: *exam, ..lesson(id, *school, *people) })
            .collect();
        let mut pupils = pupils(&lessons, seed);
        let (mut gate, mut scheduler) = open(quota, MORNING);
        scheduler.set_lessons(&lessons, MORNING);
        scheduler.tick(MORNING);
        let most = quota + crowd::overdraft(quota);
        let mut now = MORNING + seconds(240);
        // Strangers are not to be given the pupils' numbers.
        let mut chance = Chance::new(!seed);
        let mut watermarks = gate.status().lanes.map(|lane| lane.watermark);
        for (step, who) in steps {
            let at = who as usize % pupils.len();
            let pupil = &mut pupils[at];
            match step {
                0..=3 => match pupil.asks(&gate, now) {
                    Verdict::Admit(admission) => {
                        // Shown twice, as by a page and its pictures; then inside the lesson.
                        pupil.asks(&gate, now);
                        if let Ok(text) = gate.join_lesson(&admission.session, pupil.lesson, now) {
                            pupil.browser.session = Some(text.to_string());
                            pupil.inside = Some(now);
                        }
                    }
                    Verdict::Wait(_) => prop_assert!(pupil.inside.is_none(), "put out of a lesson"),
                },
                4 if pupil.inside.is_some() => {
                    pupil.browser.leaves(&gate, now);
                    pupil.inside = None;
                }
                5 => gate.teacher_live(pupil.lesson),
                6 => {
                    Browser::default().asks(&gate, &mut chance, now);
                }
                7 if who.is_multiple_of(8) => {
                    let snapshot = Snapshot::from_json(&scheduler.snapshot(now).to_json()).unwrap();
                    now = now + seconds(1);
                    (gate, scheduler) = open_with(Rules::default(), quota, Some(&snapshot), now);
                    scheduler.set_lessons(&lessons, now);
                }
                _ => {
                    now = now + seconds(u64::from(who) / 8);
                    scheduler.tick(now);
                }
            }
            let status = gate.status();
            prop_assert!(status.taken <= most, "{} of {most}", status.taken);
            prop_assert!(status.kept <= status.seats.saturating_sub(status.taken) || status.kept == 0);
            for (lane, before) in status.lanes.iter().zip(&mut watermarks) {
                prop_assert!(lane.watermark >= *before, "{:?} moved back", lane.lane);
                *before = lane.watermark;
            }
        }
        // The rest of the morning: whoever is in leaves after a minute, whoever waits goes on asking.
        for pupil in pupils.iter_mut().filter(|pupil| pupil.inside.is_some()) {
            pupil.browser.leaves(&gate, now);
            pupil.inside = None;
        }
        let mut waiting = pupils;
        let mut inside: Vec<(Pupil, Moment)> = Vec::new();
        let end = bell() + seconds(3_200);
        while now < end && !waiting.is_empty() {
            now = now + seconds(3);
            scheduler.tick(now);
            let (stay, go): (Vec<_>, Vec<_>) =
                inside.into_iter().partition(|(_, since)| now.since(*since) < seconds(60));
            inside = stay;
            for (mut pupil, _) in go {
                pupil.browser.leaves(&gate, now);
            }
            for mut pupil in std::mem::take(&mut waiting) {
                match pupil.asks(&gate, now) {
                    Verdict::Admit(_) => {
                        pupil.asks(&gate, now);
                        inside.push((pupil, now));
                    }
                    Verdict::Wait(_) => waiting.push(pupil),
                }
            }
        }
        prop_assert!(waiting.is_empty(), "{} still wait when the lesson is over", waiting.len());
    }
}
