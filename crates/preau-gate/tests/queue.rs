//! The queue as a whole: properties over random mornings, and simulations with ghosts.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use std::collections::{BTreeMap, HashMap};

use crowd::{Browser, Chance, MORNING, open, open_with, overdraft, seconds};
use preau_gate::{Lane, Moment, Rules, Snapshot, Standing, Verdict};
use proptest::prelude::*;

/// A person of a random morning.
#[derive(Clone, Default)]
struct Person {
    browser: Browser,
    arrived: bool,
    /// In, and until when; `u64::MAX` for as long as the morning lasts.
    inside_until: Option<Moment>,
    in_lesson_until: Option<Moment>,
    rank: Option<preau_gate::Rank>,
    gone: bool,
    served: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(u8),
    Poll(u8),
    Leave(u8),
    Vanish(u8),
    Lesson(u8),
    Tick(u8),
    Quota(u8),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<u8>().prop_map(Step::Arrive),
        8 => any::<u8>().prop_map(Step::Poll),
        2 => any::<u8>().prop_map(Step::Leave),
        1 => any::<u8>().prop_map(Step::Vanish),
        1 => any::<u8>().prop_map(Step::Lesson),
        5 => (0_u8..20).prop_map(Step::Tick),
        1 => (0_u8..12).prop_map(Step::Quota),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Over any morning: no seat too many, no device twice, watermarks forward only, nobody put out
    /// of a lesson, places and sessions kept over restarts, and in the end everyone who stays is served.
    #[test]
    fn any_morning(quota in 0_u32..10, steps in prop::collection::vec(step(), 1..160), seed in any::<u64>()) {
        let mut chance = Chance::new(seed);
        let mut now = MORNING;
        let (mut gate, mut scheduler) = open(quota, now);
        let mut quota = quota;
        // A cut quota puts nobody out, so the bound is the largest one there was.
        let mut most = quota + overdraft(quota);
        let mut people = vec![Person::default(); 40];
        let mut watermarks = gate.status().lanes.map(|lane| lane.watermark);
        for step in steps {
            match step {
                Step::Arrive(who) | Step::Poll(who) => {
                    let person = &mut people[who as usize % 40];
                    if person.gone || (matches!(step, Step::Poll(_)) && !person.arrived) {
                        continue;
                    }
                    person.arrived = true;
                    let had_ticket = person.browser.ticket.clone();
                    let verdict = person.browser.asks(&gate, &mut chance, now);
                    match verdict {
                        Verdict::Admit(_) => {
                            person.served = true;
                            person.inside_until = Some(now + seconds(600));
                        }
                        Verdict::Wait(wait) => {
                            prop_assert!(
                                person.in_lesson_until.is_none_or(|until| until < now),
                                "put out of a lesson"
                            );
                            // A place is never lost, least of all by asking.
                            if let (Some(_), Some(rank)) = (&had_ticket, person.rank) && wait.ticket.is_none() {
                                prop_assert_eq!(rank, wait.rank);
                            }
                            if had_ticket.is_some() && person.inside_until.is_none() {
                                prop_assert!(wait.ticket.is_none(), "a waiting ticket was replaced");
                            }
                            person.rank = Some(wait.rank);
                        }
                    }
                }
                Step::Leave(who) => {
                    let person = &mut people[who as usize % 40];
                    if person.browser.session.is_some() {
                        person.browser.leaves(&gate, now);
                        person.in_lesson_until = None;
                    }
                }
                Step::Vanish(who) => people[who as usize % 40].gone = true,
                Step::Lesson(who) => {
                    let person = &mut people[who as usize % 40];
                    if let Some(text) = &person.browser.session {
                        let session = gate.read_session(text, now).unwrap();
                        if person.inside_until.is_some_and(|until| until > now)
                            && let Ok(text) = gate.keep_for_lesson(&session, now + seconds(1_800), now)
                        {
                            person.browser.session = Some(text.to_string());
                            person.in_lesson_until = Some(now + seconds(2_100));
                        }
                    }
                }
                Step::Tick(after) => {
                    now = now + seconds(u64::from(after));
                    scheduler.tick(now);
                }
                Step::Quota(seats) => {
                    quota = u32::from(seats);
                    most = most.max(quota + overdraft(quota));
                    scheduler.set_capacity(Box::new(preau_gate::Quota(quota)));
                    scheduler.tick(now);
                }
                Step::Restart => {
                    let text = scheduler.snapshot(now).to_json();
                    let snapshot = Snapshot::from_json(&text).unwrap();
                    now = now + seconds(1);
                    (gate, scheduler) = open_with(Rules::default(), quota, Some(&snapshot), now);
                }
            }
            let status = gate.status();
            for (lane, before) in status.lanes.iter().zip(&mut watermarks) {
                prop_assert!(lane.watermark >= *before, "{:?} moved back", lane.lane);
                *before = lane.watermark;
            }
            prop_assert!(status.taken <= most, "{} of {most} seats", status.taken);
        }

        // The rest of the day: people sit for a minute and leave; whoever stays gets in.
        scheduler.set_capacity(Box::new(preau_gate::Quota(2)));
        let mut seated_at: HashMap<usize, Moment> = HashMap::new();
        for _ in 0..3_000 {
            now = now + seconds(3);
            scheduler.tick(now);
            for (n, person) in people.iter_mut().enumerate() {
                if person.gone || !person.arrived {
                    continue;
                }
                match seated_at.get(&n) {
                    Some(since) if now.since(*since) >= seconds(60) => {
                        person.browser.leaves(&gate, now);
                        person.gone = true;
                    }
                    Some(_) => {
                        person.browser.enters(&gate, &mut chance, now);
                    }
                    None => {
                        if person.browser.enters(&gate, &mut chance, now) {
                            person.served = true;
                            seated_at.insert(n, now);
                        }
                    }
                }
            }
            if people.iter().all(|person| person.gone || !person.arrived) {
                break;
            }
        }
        for person in &people {
            prop_assert!(!person.arrived || person.gone, "somebody still waits at the end of the day");
        }
    }

    /// Tickets of one lane are called in the order of their places, over restarts as well.
    #[test]
    fn called_in_order(seed in any::<u64>(), quota in 1_u32..6, restarts in any::<bool>()) {
        let mut chance = Chance::new(seed);
        let mut now = MORNING;
        let (mut gate, mut scheduler) = open(quota, now);
        let mut inside: Vec<(Browser, Moment)> = Vec::new();
        let mut waiting: BTreeMap<(preau_gate::Rank, usize), Browser> = BTreeMap::new();
        let mut late = 0;
        for second in 0..1_200_usize {
            if second > 40 && waiting.is_empty() {
                break;
            }
            now = now + seconds(1);
            if second < 40 {
                let mut browser = Browser::default();
                match browser.asks(&gate, &mut chance, now) {
                    Verdict::Admit(_) => inside.push((browser, now)),
                    Verdict::Wait(wait) => { waiting.insert((wait.rank, second), browser); }
                }
            }
            if restarts && second % 90 == 89 {
                let snapshot = scheduler.snapshot(now);
                (gate, scheduler) = open_with(Rules::default(), quota, Some(&snapshot), now);
            }
            scheduler.tick(now);
            let (stay, go): (Vec<_>, Vec<_>) =
                inside.into_iter().partition(|(_, since)| now.since(*since) < seconds(20));
            inside = stay;
            for (mut browser, _) in go {
                browser.leaves(&gate, now);
            }
            for (browser, _) in &mut inside {
                prop_assert!(browser.enters(&gate, &mut chance, now));
            }
            // Everyone asks once a second, last come first, which must not help.
            let places: Vec<_> = waiting.keys().rev().copied().collect();
            let mut served = Vec::new();
            for place in places {
                let mut browser = waiting.remove(&place).unwrap();
                if browser.enters(&gate, &mut chance, now) {
                    served.push(place);
                    inside.push((browser, now));
                } else {
                    waiting.insert(place, browser);
                }
            }
            // Whoever was served now comes before all who still wait, but for one wave at the door.
            let first_waiting = waiting.keys().next().copied();
            late += served.iter().filter(|place| first_waiting.is_some_and(|first| first < **place)).count();
        }
        prop_assert!(waiting.is_empty(), "{} were never served", waiting.len());
        prop_assert_eq!(late, 0, "overtaken");
    }
}

/// What a simulated morning comes to.
#[derive(Debug)]
struct Outcome {
    utilisation: f64,
    most_taken: u32,
    served: usize,
    staying: usize,
}

/// `people` arrive within `spread` seconds; `ghost` says for each whether it never asks again.
fn morning(
    people: usize,
    quota: u32,
    spread: u64,
    stay: f64,
    seed: u64,
    ghost: impl Fn(usize, &mut Chance) -> bool,
) -> Outcome {
    struct Waiting {
        browser: Browser,
        ghost: bool,
        asks_at: Moment,
    }
    let mut chance = Chance::new(seed);
    let (gate, mut scheduler) = open(quota, MORNING);
    let mut queue: Vec<Waiting> = Vec::new();
    let mut inside: Vec<(Browser, Moment, Moment)> = Vec::new();
    let (mut come, mut served, mut staying) = (0, 0, 0);
    let (mut used, mut measured, mut most_taken) = (0_u64, 0_u64, 0);
    for second in 0..40_000_u64 {
        let now = MORNING + seconds(second);
        let due = if second >= spread { people } else { people * second as usize / spread as usize };
        while come < due {
            let is_ghost = ghost(come, &mut chance);
            come += 1;
            let mut browser = Browser::default();
            match browser.asks(&gate, &mut chance, now) {
                Verdict::Admit(_) if is_ghost => {}
                Verdict::Admit(_) => {
                    served += 1;
                    staying += 1;
                    let until = now + seconds((-stay * (1.0 - chance.part()).ln()) as u64 + 1);
                    inside.push((browser, until, now + seconds(50)));
                }
                Verdict::Wait(wait) => {
                    staying += usize::from(!is_ghost);
                    queue.push(Waiting { browser, ghost: is_ghost, asks_at: now + wait.interval });
                }
            }
        }
        queue.retain(|waiting| !waiting.ghost);
        let mut still = Vec::with_capacity(queue.len());
        for mut waiting in queue {
            if waiting.asks_at <= now {
                match waiting.browser.asks(&gate, &mut chance, now) {
                    Verdict::Admit(_) => {
                        served += 1;
                        let until = now + seconds((-stay * (1.0 - chance.part()).ln()) as u64 + 1);
                        inside.push((waiting.browser, until, now + seconds(50)));
                        continue;
                    }
                    Verdict::Wait(wait) => waiting.asks_at = now + wait.interval,
                }
            }
            still.push(waiting);
        }
        queue = still;
        let mut stay_on = Vec::with_capacity(inside.len());
        for (mut browser, until, shows_at) in inside {
            if until <= now {
                browser.leaves(&gate, now);
            } else if shows_at <= now {
                assert!(browser.enters(&gate, &mut chance, now), "put out");
                stay_on.push((browser, until, now + seconds(300)));
            } else {
                stay_on.push((browser, until, shows_at));
            }
        }
        inside = stay_on;
        scheduler.tick(now);
        most_taken = most_taken.max(gate.status().taken);
        if come == people && queue.is_empty() {
            break;
        }
        // A gate is judged while somebody waits; the last few belong to no full house any more.
        if second >= spread.max(120) && queue.len() > quota as usize / 4 {
            measured += 1;
            used += inside.len() as u64;
        }
    }
    Outcome {
        utilisation: used as f64 / (measured.max(1) * u64::from(quota)) as f64,
        most_taken,
        served,
        staying,
    }
}

#[test]
fn ghosts_neither_jam_the_gate_nor_overfill_it() {
    for (name, burst) in [("30 % abandon", false), ("and 90 % ghosts in one third", true)] {
        for seed in [1, 2] {
            let people = 20_000;
            let outcome = morning(people, 1_000, 300, 400.0, seed, |who, chance| {
                let stays = if burst && (people / 4..people * 6 / 10).contains(&who) { 0.07 } else { 0.7 };
                !chance.happens(stays)
            });
            println!("{name}: {outcome:?}");
            assert!(outcome.utilisation >= 0.95, "{name}: {outcome:?}");
            assert!(outcome.most_taken <= 1_050, "{name}: {outcome:?}");
            assert_eq!(outcome.served, outcome.staying, "{name}: everyone who stays is served");
        }
    }
}

#[test]
fn a_small_school_fills_its_few_seats_as_well() {
    let outcome = morning(300, 20, 60, 120.0, 7, |_, chance| chance.happens(0.3));
    println!("{outcome:?}");
    assert!(outcome.utilisation >= 0.9, "{outcome:?}");
    assert!(outcome.most_taken <= 21);
    assert_eq!(outcome.served, outcome.staying);
}

#[test]
fn lanes_get_their_shares_when_all_ask_and_lend_what_they_do_not() {
    let mut chance = Chance::new(5);
    let (gate, mut scheduler) = open(100, MORNING);
    // Marks of known devices and teachers, made on an empty gate.
    let mark = |standing, chance: &mut Chance| {
        let mut browser = Browser::default();
        assert!(browser.enters(&gate, chance, MORNING));
        let session = gate.read_session(browser.session.as_ref().unwrap(), MORNING).unwrap();
        let (_, mark) = gate.recognise(&session, standing, MORNING).unwrap();
        gate.revoke(session.device, MORNING);
        Browser { mark: Some(mark.to_string()), ..Browser::default() }
    };
    let lesson = MORNING + seconds(7_200);
    let mut queue: Vec<Browser> = Vec::new();
    for n in 0..400 {
        queue.push(match n % 4 {
            0 => mark(Standing::Teacher, &mut chance),
            1 => Browser { lesson_ends: Some(lesson), ..mark(Standing::Known, &mut chance) },
            2 => mark(Standing::Known, &mut chance),
            _ => Browser::default(),
        });
        scheduler.tick(MORNING);
    }
    // Unknown visitors fill an idle house to the last seat.
    let mut strangers = vec![Browser::default(); 100];
    assert!(strangers.iter_mut().all(|stranger| stranger.enters(&gate, &mut chance, MORNING)));
    let mut now = MORNING;
    for _ in 0..2 {
        queue.iter_mut().for_each(|browser| {
            browser.asks(&gate, &mut chance, now);
        });
        now = now + seconds(1);
        scheduler.tick(now);
    }
    // They go, and everyone asks: each lane holds its share.
    for stranger in &mut strangers {
        stranger.leaves(&gate, now);
    }
    for _ in 0..30 {
        now = now + seconds(1);
        scheduler.tick(now);
        queue.iter_mut().for_each(|browser| {
            browser.asks(&gate, &mut chance, now);
        });
    }
    scheduler.tick(now);
    let status = gate.status();
    let seated = status.lanes.map(|lane| lane.seated);
    assert!((100..=105).contains(&status.taken), "{seated:?}");
    for (lane, share) in [(Lane::Teacher, 10), (Lane::Lesson, 60), (Lane::Known, 20), (Lane::Unknown, 10)] {
        assert!(seated[lane.index()].abs_diff(share) <= 5, "{seated:?}");
    }
}

#[test]
fn before_a_bell_order_is_drawn_and_everyone_can_check_it() {
    let mut chance = Chance::new(3);
    let (gate, mut scheduler) = open(1, MORNING);
    let bell = MORNING + seconds(600);
    scheduler.set_bells(&[bell], MORNING);
    scheduler.tick(MORNING);
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, MORNING));
    let mut waiting = Vec::new();
    let mut now = MORNING;
    let mut slot = None;
    for minute in 0..10 {
        now = MORNING + seconds(30 + minute * 60);
        inside.enters(&gate, &mut chance, now);
        scheduler.tick(now);
        let mut browser = Browser::default();
        let wait = browser.waits(&gate, &mut chance, now);
        assert_eq!(wait.opens_at, Some(bell));
        assert_eq!(wait.rank.draw(), 0, "nobody learns the draw before the bell");
        assert_eq!(*slot.get_or_insert(wait.rank.slot()), wait.rank.slot());
        assert!(u64::from(wait.range_minutes.low) * 60 <= bell.since(now).as_secs() + 60);
        waiting.push((browser, wait.device));
    }
    let slot = slot.unwrap();
    let commitment = gate.draw_commitment(slot);
    assert_eq!(gate.draw_seed(slot, now), None, "the seed stays secret until the bell");
    // A seat that comes free before the bell waits for the draw.
    inside.leaves(&gate, now);
    scheduler.tick(now + seconds(1));
    assert!(waiting.iter_mut().all(|(browser, _)| !browser.enters(&gate, &mut chance, now + seconds(1))));

    now = bell;
    let seed = gate.draw_seed(slot, now).unwrap();
    assert_eq!(seed.commitment(), commitment);
    for (browser, _) in &mut waiting {
        let wait = browser.waits(&gate, &mut chance, now);
        assert_eq!(wait.rank.draw(), seed.draw(wait.device));
        assert_eq!(wait.opens_at, None);
    }
    waiting.sort_by_key(|(_, device)| seed.draw(*device));
    let mut order = Vec::new();
    for _ in 0..400 {
        now = now + seconds(1);
        scheduler.tick(now);
        for (n, (browser, _)) in waiting.iter_mut().enumerate() {
            if !order.contains(&n) && browser.enters(&gate, &mut chance, now) {
                order.push(n);
                scheduler.tick(now);
                browser.leaves(&gate, now);
            }
        }
    }
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

#[test]
fn now_is_small_and_says_what_pages_need() {
    let mut chance = Chance::new(3);
    let (gate, mut scheduler) = open(1, MORNING);
    assert!(Browser::default().enters(&gate, &mut chance, MORNING));
    let wait = Browser::default().waits(&gate, &mut chance, MORNING);
    scheduler.set_message(65_535);
    scheduler.tick(MORNING + seconds(1));
    let text = gate.now_json();
    assert!(text.len() <= 200, "{} bytes", text.len());
    let now: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(now["t"], 1_795_416_601);
    assert_eq!(now["m"], 65_535);
    assert_eq!(now["a"], serde_json::json!([0, 0, 0, 1]));
    assert_eq!(now["p"], serde_json::json!([5, 300, 30]));
    assert_eq!(now["w"].as_array().unwrap().len(), 4);
    assert!(now["w"][3].as_str().unwrap() < wait.rank_text().as_str(), "its turn has not come");
}

#[test]
fn a_clock_set_back_neither_loses_a_place_nor_stops_the_queue() {
    let mut chance = Chance::new(3);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = Browser::default();
    assert!(first.enters(&gate, &mut chance, MORNING));
    let back = MORNING - seconds(3_600);
    scheduler.tick(back);
    let (mut second, mut third) = (Browser::default(), Browser::default());
    let place = second.waits(&gate, &mut chance, back).rank;
    assert!(place > gate.status().lanes[3].watermark);
    gate.revoke(gate.read_session(first.session.as_ref().unwrap(), MORNING).unwrap().device, back);
    let mut now = back;
    while !second.enters(&gate, &mut chance, now) {
        now = now + seconds(2);
        scheduler.tick(now);
        assert!(now < back + seconds(60), "the queue stands still");
    }
    assert!(third.waits(&gate, &mut chance, now).rank > place);
}
