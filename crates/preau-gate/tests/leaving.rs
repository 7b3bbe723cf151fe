//! Whoever closes the page makes room soon, and nobody who is still there loses anything by it.

#![allow(clippy::unwrap_used, reason = "a test that stops here has found what it looks for")]

mod crowd;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crowd::{At, Browser, Chance, MORNING, moment, open, open_with, overdraft, seconds};
use preau_gate::{Gate, Moment, Rules, Session, Verdict};
use proptest::prelude::*;

/// What the browser shows when a page is closed, and what it says afterwards.
trait Closes {
    fn session(&self, gate: &Gate, now: Moment) -> Session;
    fn closes(&self, gate: &Gate, now: Moment) -> bool {
        gate.leaving(&self.session(gate, now), now)
    }
}

impl Closes for Browser {
    fn session(&self, gate: &Gate, now: Moment) -> Session {
        gate.read_session(self.session.as_deref().unwrap(), now).unwrap()
    }
}

/// A house of one seat with somebody in it who has been seen twice, and somebody who waits.
fn one_in_one_waiting() -> (Gate, preau_gate::Scheduler, Chance, Browser, Browser) {
    let (gate, mut scheduler) = open(1, MORNING);
    let mut chance = Chance::new(1);
    let (mut inside, mut waiting) = (Browser::default(), Browser::default());
    scheduler.tick(MORNING);
    assert!(inside.enters(&gate, &mut chance, MORNING) && inside.enters(&gate, &mut chance, MORNING));
    waiting.waits(&gate, &mut chance, MORNING);
    (gate, scheduler, chance, inside, waiting)
}

#[test]
fn a_closed_page_makes_room_after_half_a_minute() {
    let (gate, mut scheduler, mut chance, inside, mut waiting) = one_in_one_waiting();
    assert!(inside.closes(&gate, MORNING + seconds(10)));
    for second in 11..40 {
        scheduler.tick(MORNING + seconds(second));
        assert_eq!(gate.status().taken, 1, "second {second}");
    }
    for second in 40..47 {
        scheduler.tick(MORNING + seconds(second));
    }
    assert!(waiting.enters(&gate, &mut chance, MORNING + seconds(47)));
}

#[test]
fn who_is_heard_of_again_stays_as_if_nothing_had_been_said() {
    let (gate, mut scheduler, mut chance, mut inside, mut waiting) = one_in_one_waiting();
    let before = inside.session(&gate, MORNING);
    // By a page; its session was fresh and is looked up all the same.
    assert!(inside.closes(&gate, MORNING + seconds(10)));
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(35)));
    // By another tab.
    assert!(inside.closes(&gate, MORNING + seconds(36)));
    let shown = inside.session(&gate, MORNING + seconds(38));
    inside.session = gate.stays(&shown, MORNING + seconds(38)).map(|text| text.to_string());
    for second in 0..600 {
        scheduler.tick(MORNING + seconds(second));
    }
    waiting.waits(&gate, &mut chance, MORNING + seconds(600));
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(600)));
    assert_eq!(inside.session(&gate, MORNING + seconds(600)).seated, before.seated, "the same seat");
}

/// Two nodes of one house with so many seats each, and what one tells the other.
fn two_nodes(seats: [u32; 2]) -> [(Gate, preau_gate::Scheduler); 2] {
    let rules = || Rules { several_nodes: true, ..Rules::default() };
    seats.map(|seats| {
        let (gate, mut scheduler) = open_with(rules(), seats, None, MORNING);
        scheduler.tick(MORNING + seconds(1));
        (gate, scheduler)
    })
}

fn tell(from: &Gate, to: &Gate, now: Moment) {
    to.hear(&from.take_notices(), now);
}

#[test]
fn a_page_closed_on_one_node_and_a_tab_open_on_another_are_one_seat_that_stays() {
    let [(a, mut on_a), (b, mut on_b)] = two_nodes([1, 1]);
    let mut chance = Chance::new(1);
    let mut tab = Browser::default();
    let at = |second: u64| MORNING + seconds(second);
    assert!(tab.enters(&a, &mut chance, at(10)) && tab.enters(&a, &mut chance, at(10)));
    tell(&a, &b, at(10));
    let before = tab.session(&a, at(10));
    assert!(tab.closes(&a, at(20)));
    tell(&a, &b, at(20));
    // Its signature is good for a minute; it is looked up all the same, and the first node hears of it.
    assert!(tab.enters(&b, &mut chance, at(25)));
    tell(&b, &a, at(25));
    for second in 26..80 {
        on_a.tick(at(second));
        on_b.tick(at(second));
        assert_eq!((a.status().taken, b.status().taken), (0, 1), "second {second}");
        tell(&a, &b, at(second));
        tell(&b, &a, at(second));
    }
    assert!(tab.enters(&b, &mut chance, at(80)));
    assert_eq!(tab.session(&b, at(80)).seated, before.seated, "the same seat");
}

#[test]
fn a_seat_given_back_on_one_node_is_a_way_back_on_every_node_and_no_more() {
    // With seats to lend for one, beside the one that is taken.
    let [(a, mut on_a), (b, mut on_b)] = two_nodes([2, 1]);
    let mut chance = Chance::new(2);
    let mut people: [Browser; 3] = Default::default();
    let at = |second: u64| MORNING + seconds(second);
    for (person, gate) in people.iter_mut().zip([&a, &a, &b]) {
        assert!(person.enters(gate, &mut chance, at(10)) && person.enters(gate, &mut chance, at(10)));
    }
    let [first, second, _] = &mut people;
    assert!(first.closes(&a, at(20)) && second.closes(&a, at(20)));
    for now in 21..60 {
        on_a.tick(at(now));
        on_b.tick(at(now));
        tell(&a, &b, at(now));
        tell(&b, &a, at(now));
    }
    assert_eq!((a.status().taken, b.status().taken), (0, 1));
    let before = first.session(&a, at(20));
    assert!(first.enters(&b, &mut chance, at(60)), "who was in a moment ago comes back");
    assert!(first.session(&b, at(60)).seated > before.seated, "to a seat of their own");
    assert!(!second.enters(&b, &mut chance, at(60)), "a signature alone is no seat");
    tell(&b, &a, at(60));
    // What is told once more, late, takes nothing from them.
    let said = preau_gate::Notice {
        device: before.device,
        at: before.seated,
        taken: before.seated,
        word: preau_gate::Word::Left,
    };
    b.hear(&[said], at(61));
    on_b.tick(at(62));
    assert_eq!(b.status().taken, 2);
    assert!(second.enters(&a, &mut chance, at(62)), "where there is room they are back at once");
}

#[test]
fn forty_reloads_are_one_seat() {
    let (gate, mut scheduler, mut chance, mut inside, mut waiting) = one_in_one_waiting();
    let before = inside.session(&gate, MORNING);
    for reload in 0..40 {
        let now = MORNING + seconds(3 * reload + 1);
        // The new page has been asked for when the old one is put away, and says so a moment later.
        assert!(inside.enters(&gate, &mut chance, now));
        assert!(inside.closes(&gate, now));
        scheduler.tick(now + seconds(1));
        let shown = inside.session(&gate, now);
        inside.session = gate.stays(&shown, now + seconds(2)).map(|text| text.to_string());
        assert_eq!(gate.status().taken, 1);
    }
    for second in 120..200 {
        scheduler.tick(MORNING + seconds(second));
    }
    waiting.waits(&gate, &mut chance, MORNING + seconds(200));
    assert_eq!(inside.session(&gate, MORNING + seconds(200)).seated, before.seated);
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(200)));
}

#[test]
fn a_lesson_does_not_end_with_a_page() {
    let (gate, mut scheduler, mut chance, mut inside, mut waiting) = one_in_one_waiting();
    let shown = inside.session(&gate, MORNING);
    let kept = gate.keep_for_lesson(&shown, MORNING + seconds(3_300), MORNING).unwrap();
    // Even a cookie from before the lesson does not end it.
    assert!(!gate.leaving(&shown, MORNING + seconds(5)));
    inside.session = Some(kept.to_string());
    assert!(!inside.closes(&gate, MORNING + seconds(10)));
    for second in 0..3_000 {
        scheduler.tick(MORNING + seconds(second));
    }
    waiting.waits(&gate, &mut chance, MORNING + seconds(3_000));
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(3_000)));
    // Said before the lesson was joined, it counts no more.
    let (gate, mut scheduler, mut chance, inside, mut waiting) = one_in_one_waiting();
    assert!(inside.closes(&gate, MORNING + seconds(1)));
    let shown = inside.session(&gate, MORNING + seconds(2));
    gate.keep_for_lesson(&shown, MORNING + seconds(3_300), MORNING + seconds(2)).unwrap();
    for second in 0..300 {
        scheduler.tick(MORNING + seconds(second));
    }
    waiting.waits(&gate, &mut chance, MORNING + seconds(300));
}

#[test]
fn who_comes_back_within_ten_minutes_does_not_queue() {
    let (gate, mut scheduler, mut chance, mut inside, mut waiting) = one_in_one_waiting();
    assert!(inside.closes(&gate, MORNING + seconds(5)));
    for second in 0..60 {
        scheduler.tick(MORNING + seconds(second));
        waiting.asks(&gate, &mut chance, MORNING + seconds(second));
    }
    assert!(waiting.enters(&gate, &mut chance, MORNING + seconds(60)), "the seat has gone to the next one");
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(61)), "the overdraft is for such people");
}

#[test]
fn a_copy_speaks_for_nobody_else() {
    let (gate, mut scheduler, mut chance, mut inside, mut waiting) = one_in_one_waiting();
    let copy = inside.session(&gate, MORNING);
    // The device takes its seat anew, as in another tab that lost the cookie: the older copy counts no more.
    inside.session = None;
    let mark = gate.recognise(&copy, preau_gate::Standing::Known, MORNING).unwrap().1;
    inside.mark = Some(mark.to_string());
    assert!(inside.enters(&gate, &mut chance, MORNING + seconds(20)));
    assert!(!gate.leaving(&copy, MORNING + seconds(21)));
    for second in 0..120 {
        scheduler.tick(MORNING + seconds(second));
    }
    waiting.waits(&gate, &mut chance, MORNING + seconds(120));
}

#[test]
fn the_span_is_one_of_the_rules() {
    let bad = Rules { leaving: seconds(0), ..Rules::default() };
    assert!(bad.check().unwrap_err().to_string().contains("leaving"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// People come, ask, close pages, are still there or not, join lessons, in any order.
    #[test]
    fn nobody_is_put_out_for_a_page_and_no_seat_is_given_twice(
        quota in 1_u32..12,
        steps in prop::collection::vec((0_u8..8, any::<u16>()), 1..400),
    ) {
        let (gate, mut scheduler) = open(quota, MORNING);
        let mut chance = Chance::new(u64::from(quota));
        let mut people = vec![Browser::default(); 16];
        // When each was heard of last and said last that they leave; until when a lesson keeps them.
        let mut seen: Vec<Option<(Moment, bool)>> = vec![None; 16];
        let mut lesson: Vec<Option<Moment>> = vec![None; 16];
        let mut now = MORNING;
        for (step, who) in steps {
            let at = usize::from(who) % people.len();
            match step {
                0..=2 => {
                    // Shown twice, as by a page and its pictures.
                    let inside = people[at].enters(&gate, &mut chance, now)
                        && people[at].enters(&gate, &mut chance, now);
                    if let Some((heard, left)) = seen[at] {
                        let span = if left { seconds(30) } else { seconds(600) };
                        let safe = now.since(heard) < span || lesson[at].is_some_and(|until| until > now);
                        prop_assert!(inside || !safe, "put out");
                    }
                    seen[at] = inside.then_some((now, false));
                    lesson[at] = lesson[at].filter(|_| inside);
                }
                3 | 4 if seen[at].is_some() => {
                    let left = people[at].closes(&gate, now);
                    prop_assert!(!(left && lesson[at].is_some_and(|until| until > now)), "left a lesson");
                    if left {
                        seen[at] = Some((now, true));
                    }
                }
                5 if seen[at].is_some() => {
                    let shown = people[at].session(&gate, now);
                    if let Some(text) = gate.stays(&shown, now) {
                        people[at].session = Some(text.to_string());
                        seen[at] = Some((now, false));
                    }
                }
                6 if who.is_multiple_of(3) && people[at].enters(&gate, &mut chance, now) => {
                    let ends = now + seconds(900);
                    let shown = people[at].session(&gate, now);
                    if let Ok(text) = gate.keep_for_lesson(&shown, ends, now) {
                        people[at].session = Some(text.to_string());
                        seen[at] = Some((now, false));
                        lesson[at] = Some(ends);
                    }
                }
                _ => {
                    now = now + seconds(u64::from(who) % 25);
                    scheduler.tick(now);
                }
            }
            prop_assert!(gate.status().taken <= quota + overdraft(quota));
        }
    }
}

/// What a busy half hour came to.
#[derive(Debug)]
struct HalfHour {
    served: usize,
    median_wait: f64,
    /// People who came back to a tab that they had left open, how many of them had to wait, and their mean wait.
    back: usize,
    kept_waiting: usize,
    mean_back: f64,
}

/// Three hundred seats; people look around for two and a half minutes. A fifth signs out, the others close the page.
/// `says`: the part of their browsers that says so. `tabs`: the part of them with a second tab, asleep, to which they
/// return within ten minutes.
fn half_hour(says: f64, tabs: f64) -> HalfHour {
    const UNTIL: f64 = 2_400.0;
    let (gate, mut scheduler) = open(300, moment(0.0));
    let mut chance = Chance::new(30);
    let pause = |chance: &mut Chance, mean: f64| -(1.0 - chance.part()).ln() * mean;
    let mut people: Vec<Browser> = Vec::new();
    let (mut came, mut until, mut returns): (Vec<f64>, Vec<Option<f64>>, Vec<Option<f64>>) =
        Default::default();
    let mut agenda: BinaryHeap<Reverse<(At, usize)>> = BinaryHeap::new();
    let mut at = 0.0;
    while at < UNTIL {
        at += pause(&mut chance, 1.0 / 1.5);
        agenda.push(Reverse((At(at), people.len())));
        people.push(Browser::default());
        came.push(at);
        until.push(None);
        returns.push(None);
    }
    let (mut waits, mut back, mut second) = (Vec::new(), Vec::new(), 0.0);
    let mut returned = 0;
    while let Some(Reverse((At(at), who))) = agenda.pop() {
        if at >= UNTIL {
            break;
        }
        while second <= at {
            scheduler.tick(moment(second));
            second += 1.0;
        }
        let (browser, now) = (&mut people[who], moment(at));
        if until[who].is_some_and(|until| until <= at) && returns[who].is_none() {
            if chance.happens(0.2) {
                browser.leaves(&gate, now);
                continue;
            }
            if chance.happens(says) {
                browser.closes(&gate, now);
            }
            if chance.happens(tabs) {
                let when = at + 60.0 + 500.0 * chance.part();
                returns[who] = Some(when);
                agenda.push(Reverse((At(when), who)));
            }
            continue;
        }
        match browser.asks(&gate, &mut chance, now) {
            Verdict::Admit(_) => {
                if let Some(when) = returns[who] {
                    returned += usize::from(when < UNTIL);
                    back.push(at - when);
                } else {
                    if until[who].is_none() {
                        waits.push(at - came[who]);
                        // Shown twice, as by a page and what it asks for.
                        assert!(browser.enters(&gate, &mut chance, now));
                    }
                    let end = *until[who].get_or_insert_with(|| at + pause(&mut chance, 150.0));
                    agenda.push(Reverse((At((at + pause(&mut chance, 20.0)).min(end.max(at + 0.1))), who)));
                }
            }
            Verdict::Wait(wait) => agenda.push(Reverse((At(at + wait.interval.as_secs_f64()), who))),
        }
    }
    waits.sort_by(f64::total_cmp);
    HalfHour {
        served: waits.len(),
        median_wait: waits[waits.len() / 2],
        back: returned,
        kept_waiting: back.iter().filter(|wait| **wait > 0.5).count(),
        mean_back: back.iter().sum::<f64>() / back.len().max(1) as f64,
    }
}

#[test]
fn in_a_rush_of_short_visits_the_hint_serves_many_more_and_keeps_no_open_tab_waiting() {
    for tabs in [0.1, 0.5] {
        let (without, with) = (half_hour(0.0, tabs), half_hour(0.7, tabs));
        println!("second tabs {tabs}: without {without:?}; with {with:?}");
        assert!(with.served as f64 >= 1.6 * without.served as f64);
        assert!(with.back > 100 && with.mean_back < 0.5, "they are back at once");
        assert!(with.median_wait < 0.7 * without.median_wait);
        assert_eq!(
            (without.kept_waiting, with.kept_waiting),
            (0, 0),
            "the seats beyond the quota are for them"
        );
    }
}
