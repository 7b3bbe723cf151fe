//! Scenario 4: a third of those who wait give up, and in one third of the queue nine in ten were
//! never people at all.

use preau_gate::{Quota, Rules, Scheduler};

use crate::people::{Agenda, Browser, Dice, Report, Seen, clock, secret};

const PEOPLE: usize = 30_000;
const SEATS: u32 = 2_000;
/// Mean stay, seconds.
const STAY: f64 = 400.0;
/// They come within this span.
const SPREAD: f64 = 600.0;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Coming,
    Waiting,
    Inside { until: f64 },
    Gone,
}

pub fn ghosts() -> Report {
    let mut report = Report::default();
    for burst in [false, true] {
        one(burst, &mut report);
    }
    report
}

fn one(burst: bool, report: &mut Report) {
    let mut dice = Dice::new(if burst { 41 } else { 4 });
    let (gate, mut scheduler) =
        Scheduler::open(Rules::default(), secret(), Box::new(Quota(SEATS)), None, clock(0.0)).unwrap();
    let mut agenda = Agenda::default();
    let mut people: Vec<(Browser, State, bool)> = Vec::with_capacity(PEOPLE);
    for n in 0..PEOPLE {
        let crowd = burst && (PEOPLE / 4..PEOPLE * 6 / 10).contains(&n);
        let stays = dice.yes(0.7) && !(crowd && dice.yes(0.9));
        agenda.note(SPREAD * n as f64 / PEOPLE as f64, n);
        people.push((Browser::default(), State::Coming, stays));
    }
    let (mut inside, mut waiting, mut served, mut come) = (0_u32, 0_u32, 0_usize, 0_usize);
    let (mut used, mut measured, mut most, mut moved) = (0.0, 0.0, 0_u32, 0.0_f64);
    let (mut longest_pause, mut t) = (0.0_f64, 0.0);
    while t < 30_000.0 {
        while let Some(who) = agenda.next(t) {
            let (browser, state, stays) = &mut people[who];
            come += usize::from(*state == State::Coming);
            match *state {
                State::Inside { until } if until <= t => {
                    browser.leave(&gate, t);
                    *state = State::Gone;
                    inside -= 1;
                }
                State::Inside { until } => {
                    assert_eq!(browser.visit(&gate, &mut dice, t), Seen::In, "put out");
                    agenda.note(until.min(t + 200.0), who);
                }
                State::Coming | State::Waiting => match browser.visit(&gate, &mut dice, t) {
                    Seen::In => {
                        waiting -= u32::from(*state == State::Waiting);
                        if *stays {
                            let until = t + dice.pause(STAY).max(1.0);
                            *state = State::Inside { until };
                            (inside, served, moved) = (inside + 1, served + 1, t);
                            // The next page comes within the minute, as pages do.
                            agenda.note(until.min(t + dice.between(2.0, 40.0)), who);
                        } else {
                            *state = State::Gone;
                        }
                    }
                    Seen::Later(after) if *stays => {
                        waiting += u32::from(*state == State::Coming);
                        *state = State::Waiting;
                        agenda.note(t + after, who);
                    }
                    // Gone without a word: a closed tab, or a machine that keeps no cookie.
                    Seen::Later(_) => *state = State::Gone,
                },
                State::Gone => {}
            }
        }
        scheduler.tick(clock(t));
        let taken = gate.status().taken;
        most = most.max(taken);
        if t > 120.0 && waiting > SEATS / 4 {
            used += f64::from(inside);
            measured += 1.0;
            longest_pause = longest_pause.max(t - moved);
        }
        t += 1.0;
        if come == PEOPLE && waiting == 0 {
            break;
        }
    }
    let name = if burst { "ghosts in one third" } else { "30 % abandon" };
    let stayed = people.iter().filter(|(.., stays)| *stays).count();
    let utilisation = used / measured / f64::from(SEATS) * 100.0;
    let overshoot = f64::from(most) / f64::from(SEATS) * 100.0 - 100.0;
    report.must(utilisation >= 95.0, format!("{name}: {utilisation:.1} % used (>= 95)"));
    report.must(overshoot <= 8.0, format!("overshoot {overshoot:.1} % (<= 8)"));
    report.must(longest_pause < 30.0, format!("longest pause {longest_pause:.0} s (< 30)"));
    report.must(served == stayed, format!("{served} of {stayed} who stayed were served"));
}
