//! Scenario 1: eight o'clock, ten times as many as there are seats, all of them people of the school.

use std::collections::HashMap;

use preau_gate::{Lesson, LessonId, Quota, Rules, Scheduler, Standing};

use crate::people::{Agenda, Browser, Dice, Report, Seen, clock, jain, known, quantile, secret};

const SEATS: u32 = 2_000;
const SCHOOLS: u64 = 12;
const LESSONS: u64 = 700;
const OTHERS: usize = 1_100;
const LESSON_ENDS: f64 = 3_300.0;

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Pupil,
    Teacher,
    Other,
}

struct Person {
    browser: Browser,
    role: Role,
    lesson: Option<LessonId>,
    arrives: f64,
    inside: Option<f64>,
    until: f64,
    gone: bool,
    blocked: bool,
    told: Option<(f64, f64, f64)>,
}

/// The morning's lessons, of schools of very different size.
pub fn timetable(count: u64, schools: u64, dice: &mut Dice) -> Vec<Lesson> {
    (0..count)
        .map(|n| {
            // The first school is about ten times as large as the last.
            let at = dice.even();
            let school = (at * at * schools as f64) as u64;
            Lesson {
                id: LessonId(n),
                school,
                begins: clock(0.0),
                ends: clock(LESSON_ENDS),
                people: 23 + dice.roll() % 9,
                exam: false,
            }
        })
        .collect()
}

fn crowd(lessons: &[Lesson], dice: &mut Dice) -> Vec<Person> {
    let pupils: usize = lessons.iter().map(|lesson| lesson.people as usize - 1).sum();
    let mut pupils = known(pupils, Standing::Known, dice).into_iter();
    let mut teachers = known(lessons.len(), Standing::Teacher, dice).into_iter();
    let mut people = Vec::new();
    let mut add = |browser: Browser, role, lesson: Option<LessonId>, arrives: f64| {
        people.push(Person {
            browser: Browser { lesson, ..browser },
            role,
            lesson,
            arrives,
            inside: None,
            until: f64::INFINITY,
            gone: false,
            blocked: false,
            told: None,
        });
    };
    for lesson in lessons {
        let arrives = dice.bell(-480.0, 150.0).clamp(-1_400.0, 120.0);
        add(teachers.next().unwrap(), Role::Teacher, Some(lesson.id), arrives);
        for _ in 1..lesson.people {
            let pupil = pupils.next().unwrap();
            // One in twenty is ill; one in fifty comes ten minutes late.
            if dice.yes(0.05) {
                continue;
            }
            let late = if dice.yes(0.02) { 600.0 } else { 0.0 };
            add(pupil, Role::Pupil, Some(lesson.id), dice.bell(-240.0, 170.0).clamp(-1_400.0, 300.0) + late);
        }
    }
    let mut parents = known(OTHERS / 2, Standing::Known, dice).into_iter();
    for n in 0..OTHERS {
        let browser = if n % 2 == 0 { parents.next().unwrap() } else { Browser::default() };
        add(browser, Role::Other, None, dice.between(-1_200.0, 1_800.0));
    }
    people
}

pub fn eight_o_clock() -> Report {
    let mut dice = Dice::new(8);
    let lessons = timetable(LESSONS, SCHOOLS, &mut dice);
    let mut people = crowd(&lessons, &mut dice);
    let (gate, mut scheduler) =
        Scheduler::open(Rules::default(), secret(), Box::new(Quota(SEATS)), None, clock(-1_500.0)).unwrap();
    scheduler.set_lessons(&lessons, clock(-1_500.0));
    let mut agenda = Agenda::default();
    for (n, person) in people.iter().enumerate() {
        agenda.note(person.arrives, n);
    }
    let (mut inside, mut evicted, mut most) = (0_u32, 0_u32, 0_u32);
    let (mut used, mut measured) = (0.0, 0.0);
    let mut errors = Vec::new();
    let mut present = HashMap::new();
    let mut t = -1_500.0;
    while t < LESSON_ENDS {
        while let Some(who) = agenda.next(t) {
            let person = &mut people[who];
            if person.gone {
                continue;
            }
            if person.inside.is_some() && t >= person.until {
                person.browser.leave(&gate, t);
                person.gone = true;
                inside -= 1;
                continue;
            }
            match person.browser.visit(&gate, &mut dice, t) {
                Seen::In if person.inside.is_none() => {
                    inside += 1;
                    person.inside = Some(t);
                    if let Some((told_at, low, high)) = person.told {
                        let (waited, middle) = (t - told_at, f64::midpoint(low, high));
                        if waited > 120.0 && high.is_finite() {
                            errors.push((middle - waited).abs() / waited);
                        }
                    }
                    agenda.note(t + dice.between(1.0, 20.0), who);
                }
                Seen::In => {
                    let text = person.browser.session.clone().unwrap();
                    let session = gate.read_session(&text, clock(t)).unwrap();
                    match (person.role, person.lesson) {
                        (Role::Other, _) if person.until.is_infinite() => {
                            person.until = t + dice.between(200.0, 900.0);
                            agenda.note((t + 250.0).min(person.until), who);
                        }
                        (Role::Other, _) => agenda.note((t + 250.0).min(person.until), who),
                        (role, Some(lesson)) => {
                            if role == Role::Teacher {
                                gate.teacher_live(lesson);
                            }
                            if let Ok(kept) = gate.join_lesson(&session, lesson, clock(t)) {
                                person.browser.session = Some(kept.as_str().to_owned());
                            }
                            // Some listen for twenty minutes without touching anything.
                            agenda.note(t + dice.between(60.0, 1_300.0), who);
                        }
                        (_, None) => {}
                    }
                }
                Seen::Later(after) => {
                    if person.inside.is_some() {
                        evicted += 1;
                    }
                    let wait = person.browser.told.unwrap();
                    person.blocked = wait.forged;
                    if person.told.is_none() && wait.opens_at.is_none() && person.role == Role::Other {
                        let high =
                            wait.range_minutes.high.map_or(f64::INFINITY, |high| f64::from(high) * 60.0);
                        person.told = Some((t, f64::from(wait.range_minutes.low) * 60.0, high));
                    }
                    // People reload, whatever the page says.
                    let patience = if dice.yes(0.1) { dice.between(1.0, 8.0) } else { after };
                    agenda.note(t + patience, who);
                }
            }
        }
        scheduler.tick(clock(t));
        most = most.max(gate.status().taken);
        if t >= 180.0 {
            used += f64::from(inside);
            measured += 1.0;
        }
        if (t - 300.0).abs() < 0.5 {
            for person in people.iter().filter(|person| person.inside.is_some()) {
                if let Some(lesson) = person.lesson {
                    let entry: &mut (u32, bool) = present.entry(lesson).or_insert((0, false));
                    entry.0 += 1;
                    entry.1 |= person.role == Role::Teacher;
                }
            }
        }
        t += 1.0;
    }
    judge(&lessons, &people, &present, Measured { used: used / measured, most, evicted, errors })
}

struct Measured {
    used: f64,
    most: u32,
    evicted: u32,
    errors: Vec<f64>,
}

fn judge(
    lessons: &[Lesson],
    people: &[Person],
    present: &HashMap<LessonId, (u32, bool)>,
    mut measured: Measured,
) -> Report {
    let mut report = Report::default();
    let goodput = measured.used / f64::from(SEATS) * 100.0;
    report.must(
        goodput >= 93.0,
        format!("{} people, goodput {goodput:.1} % of {SEATS} seats (>= 93)", people.len()),
    );
    report.must(measured.evicted == 0, format!("{} put out", measured.evicted));
    let over = f64::from(measured.most) / f64::from(SEATS) * 100.0 - 100.0;
    report.must(over <= 5.0, format!("admission error {over:.1} % (<= 5)"));
    let usable = |lesson: &&Lesson| {
        let (count, teacher) = present.get(&lesson.id).copied().unwrap_or_default();
        teacher && f64::from(count) >= 0.8 * f64::from(lesson.people)
    };
    let whole = lessons.iter().filter(usable).count();
    let begun = present.len();
    report.must(
        whole as f64 >= 0.95 * begun as f64,
        format!("{whole} of {begun} lessons begun are usable (>= 95 %)"),
    );
    let part = |school: u64| {
        let of = |lesson: &&Lesson| lesson.school == school;
        let all: u32 = lessons.iter().filter(of).map(|lesson| lesson.people).sum();
        let seated: u32 =
            lessons.iter().filter(of).filter_map(|lesson| present.get(&lesson.id)).map(|entry| entry.0).sum();
        f64::from(seated) / f64::from(all.max(1))
    };
    let parts: Vec<f64> = (0..SCHOOLS).map(part).collect();
    let fairness = jain(&parts);
    report.must(fairness > 0.95, format!("Jain over schools {fairness:.3} (> 0.95)"));
    let blocked = people.iter().filter(|person| person.blocked).count();
    report.must(blocked == 0, format!("{blocked} blocked"));
    let error = quantile(&mut measured.errors, 0.5) * 100.0;
    let told = measured.errors.len();
    report.must(error < 20.0, format!("the others' estimate off by {error:.0} % (median of {told}, < 20)"));
    report.left_out = Some("verdict \"rush or under-sized\" and the attack's share come with triage");
    report
}
