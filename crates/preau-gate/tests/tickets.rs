//! Tickets, sessions and marks against those who alter, swap, age or invent them.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use crowd::{Browser, Chance, MORNING, open, seconds};
use preau_gate::{
    Arrival, DeviceId, Gate, Moment, Quota, Rules, Scheduler, SealError, Secret, Standing, Verdict,
};
use proptest::prelude::*;

/// A full gate with a ticket, a session and a mark of different devices.
fn texts(now: Moment) -> (Gate, Scheduler, [String; 3]) {
    let mut chance = Chance::new(1);
    let (gate, scheduler) = open(1, now);
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, now));
    let read = gate.read_session(inside.session.as_ref().unwrap(), now).unwrap();
    let (session, mark) = gate.recognise(&read, Standing::Teacher, now).unwrap();
    let ticket = Browser::default().waits(&gate, &mut chance, now).ticket.unwrap();
    (gate, scheduler, [ticket.to_string(), session.to_string(), mark.to_string()])
}

#[test]
fn the_texts_have_the_promised_size_and_alphabet() {
    let (.., [ticket, session, mark]) = texts(MORNING);
    assert_eq!([ticket.len(), session.len(), mark.len()], [64, 64, 48]);
    let cookie = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!([&ticket, &session, &mark].iter().all(|text| text.chars().all(cookie)));
}

#[test]
fn every_single_altered_character_is_refused() {
    let (gate, _scheduler, [ticket, session, _]) = texts(MORNING);
    for (at, was) in ticket.char_indices() {
        for now in ['A', 'B', '_', '-', '9', 'z', '=', ' ', '+', '/'] {
            if now == was {
                continue;
            }
            let mut altered = ticket.clone();
            altered.replace_range(at..=at, &now.to_string());
            assert!(gate.read_ticket(&altered, MORNING).is_err(), "{at} {now}");
            assert!(gate.heartbeat(&altered, MORNING).is_none());
        }
    }
    for (at, was) in session.char_indices() {
        let mut altered = session.clone();
        altered.replace_range(at..=at, if was == 'A' { "B" } else { "A" });
        assert!(gate.read_session(&altered, MORNING).is_err(), "{at}");
    }
}

#[test]
fn a_text_serves_its_own_purpose_only() {
    let (gate, _scheduler, [ticket, session, mark]) = texts(MORNING);
    assert_eq!(gate.read_ticket(&session, MORNING), Err(SealError::Forged));
    assert_eq!(gate.read_session(&ticket, MORNING), Err(SealError::Forged));
    assert_eq!(gate.read_ticket(&mark, MORNING), Err(SealError::Length { found: 48, expected: 64 }));
    // A mark is no way in by itself, nor is a ticket shown as a session.
    let arrival = Arrival { session: Some(&ticket), mark: Some(&ticket), ..Arrival::default() };
    assert!(matches!(gate.decide(&arrival, || DeviceId::new([9; 12]), MORNING), Verdict::Wait(_)));
}

#[test]
fn another_gates_texts_are_worth_nothing() {
    let (.., [ticket, session, mark]) = texts(MORNING);
    let other = Secret::new([43; 32]);
    let (gate, _scheduler) =
        Scheduler::open(Rules::default(), other, Box::new(Quota(0)), None, MORNING).unwrap();
    let arrival =
        Arrival { session: Some(&session), ticket: Some(&ticket), mark: Some(&mark), lesson_ends: None };
    let Verdict::Wait(wait) = gate.decide(&arrival, || DeviceId::new([9; 12]), MORNING) else {
        panic!("forged its way in")
    };
    assert!(wait.ticket.is_some(), "starts as a newcomer");
    assert_eq!(wait.device, DeviceId::new([9; 12]));
}

#[test]
fn a_ticket_lives_over_midnight_and_not_over_two() {
    let day = seconds(86_400);
    let midnight = Moment::from_unix_seconds(1_795_416_600 / 86_400 * 86_400 + 86_400);
    let issued = midnight - seconds(1);
    let (gate, mut scheduler, [ticket, session, mark]) = texts(issued);
    for late in [seconds(0), seconds(1), seconds(3_600), day - seconds(1)] {
        let now = midnight + late;
        if late == day - seconds(1) {
            // Whether the scheduler has turned the keys or not makes no difference.
            scheduler.tick(now);
        }
        assert!(gate.read_ticket(&ticket, now).is_ok(), "{late:?}");
        assert!(gate.read_session(&session, now).is_ok(), "{late:?}");
    }
    for late in [day, day + seconds(1), day * 2, day * 3, day * 4, day * 40] {
        assert_eq!(gate.read_ticket(&ticket, midnight + late), Err(SealError::Forged), "{late:?}");
    }
    // A mark outlives the summer holidays, and a year.
    for (days, good) in [(0, true), (380, true), (520, false), (2_000, false)] {
        let now = issued + day * days;
        scheduler.tick(now);
        let arrival = Arrival { mark: Some(&mark), ..Arrival::default() };
        let verdict = gate.decide(&arrival, || DeviceId::new([9; 12]), now);
        let device = match verdict {
            Verdict::Admit(admission) => admission.session.device,
            Verdict::Wait(wait) => wait.device,
        };
        assert_eq!(device != DeviceId::new([9; 12]), good, "{days} days");
    }
}

#[test]
fn five_seconds_of_future_are_forgiven_and_no_more() {
    let (gate, _scheduler, [ticket, ..]) = texts(MORNING);
    assert!(gate.read_ticket(&ticket, MORNING - seconds(5)).is_ok());
    assert_eq!(gate.read_ticket(&ticket, MORNING - seconds(6)), Err(SealError::Future));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn noise_never_gets_in_and_never_panics(
        session in ".{0,80}", ticket in "[A-Za-z0-9_-]{60,68}", mark in "[A-Za-z0-9_-]{48}",
        flips in prop::collection::vec((0_usize..64, 0_u8..64), 1..6),
    ) {
        let (gate, _scheduler, [good, ..]) = texts(MORNING);
        let arrival = Arrival { session: Some(&session), ticket: Some(&ticket), mark: Some(&mark), lesson_ends: None };
        let verdict = gate.decide(&arrival, || DeviceId::new([9; 12]), MORNING);
        prop_assert!(matches!(verdict, Verdict::Wait(_)));

        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut altered = good.clone().into_bytes();
        for (at, to) in flips {
            altered[at] = alphabet[to as usize];
        }
        let altered = String::from_utf8(altered).unwrap();
        prop_assert_eq!(gate.read_ticket(&altered, MORNING).is_ok(), altered == good);
    }
}
