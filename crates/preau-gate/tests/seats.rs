//! Sessions and seats: who keeps one, who gives it up, who comes back, and who only copied.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use crowd::{Browser, Chance, MORNING, open, open_with, seconds};
use preau_gate::{Gate, KeepError, Moment, Rules, Scheduler, Snapshot, Standing, Verdict};

fn taken(gate: &Gate, scheduler: &mut Scheduler, now: Moment) -> u32 {
    scheduler.tick(now);
    gate.status().taken
}

/// A browser that is in and has shown its session once.
fn settled(gate: &Gate, chance: &mut Chance, now: Moment) -> Browser {
    let mut browser = Browser::default();
    assert!(browser.enters(gate, chance, now));
    assert!(browser.enters(gate, chance, now));
    browser
}

#[test]
fn a_quota_of_one_seats_one_and_the_second_gets_in_by_itself() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut second = Browser::default();
    let mut third = Browser::default();
    assert_eq!(second.waits(&gate, &mut chance, MORNING).people_before, 0);
    let mut now = MORNING + seconds(2);
    scheduler.tick(now);
    let wait = third.waits(&gate, &mut chance, now);
    assert_eq!(wait.people_before, 1);
    assert!(wait.ticket.is_some() && wait.range_minutes.high.is_some());
    // Reloading forty times keeps the place.
    let ticket = second.ticket.clone();
    for _ in 0..40 {
        let wait = second.waits(&gate, &mut chance, now);
        assert!(wait.ticket.is_none());
        assert_eq!(wait.arrived, MORNING);
    }
    assert_eq!(second.ticket, ticket);

    assert!(first.leaves(&gate, now));
    let (mut in_second, mut in_third) = (None, None);
    for _ in 0..120 {
        now = now + seconds(1);
        scheduler.tick(now);
        if in_second.is_none()
            && now.unix_seconds().is_multiple_of(5)
            && second.enters(&gate, &mut chance, now)
        {
            in_second = Some(now);
        }
        if in_third.is_none() && now.unix_seconds() % 5 == 2 && third.enters(&gate, &mut chance, now) {
            in_third = Some(now);
        }
    }
    assert!(in_second.unwrap().since(MORNING) < seconds(12));
    // The second one never showed its session again and loses the seat after a minute.
    assert!(in_third.unwrap().since(in_second.unwrap()) >= seconds(55));
}

#[test]
fn an_admission_tells_since_when_its_holder_was_there() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut second = Browser::default();
    second.waits(&gate, &mut chance, MORNING);
    let later = MORNING + seconds(90);
    first.enters(&gate, &mut chance, later - seconds(10));
    first.leaves(&gate, later - seconds(5));
    scheduler.tick(later - seconds(5));
    // It has been silent and is taken for a ghost, yet the ticket is good.
    scheduler.tick(later);
    let Verdict::Admit(admission) = second.asks(&gate, &mut chance, later) else { panic!("waits") };
    assert_eq!(admission.session.arrived(), MORNING);
    assert_eq!(admission.session.waited, seconds(90));
}

#[test]
fn ten_idle_minutes_end_a_session_and_less_do_not() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(5, MORNING);
    let mut browser = settled(&gate, &mut chance, MORNING);
    for minutes in [9, 18, 27] {
        let now = MORNING + seconds(minutes * 60);
        assert_eq!(taken(&gate, &mut scheduler, now), 1, "{minutes} minutes");
        assert!(browser.enters(&gate, &mut chance, now));
    }
    let last = MORNING + seconds(27 * 60);
    assert_eq!(taken(&gate, &mut scheduler, last + seconds(600)), 1);
    // Silence is measured to the minute.
    assert_eq!(taken(&gate, &mut scheduler, last + seconds(661)), 0);
}

#[test]
fn a_session_never_shown_again_ends_after_a_minute() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(50, MORNING);
    for _ in 0..80 {
        Browser::default().asks(&gate, &mut chance, MORNING);
    }
    assert_eq!(taken(&gate, &mut scheduler, MORNING + seconds(59)), 50);
    assert_eq!(taken(&gate, &mut scheduler, MORNING + seconds(61)), 0);
}

#[test]
fn inside_a_lesson_a_silent_pupil_stays_seated_until_five_minutes_after_it() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut pupil = settled(&gate, &mut chance, MORNING);
    let ends = MORNING + seconds(55 * 60);
    let session = gate.read_session(pupil.session.as_ref().unwrap(), MORNING).unwrap();
    pupil.session = Some(gate.keep_for_lesson(&session, ends, MORNING).unwrap().to_string());
    let mut waiting = Browser::default();
    for minute in 0..60 {
        let now = MORNING + seconds(minute * 60);
        assert_eq!(taken(&gate, &mut scheduler, now), 1, "minute {minute}");
        waiting.waits(&gate, &mut chance, now);
    }
    // A quota cut to nothing puts nobody out either.
    scheduler.set_capacity(Box::new(preau_gate::Quota(0)));
    let late = ends + seconds(4 * 60 + 59);
    scheduler.tick(late);
    assert!(pupil.clone().enters(&gate, &mut chance, late));
    assert_eq!(taken(&gate, &mut scheduler, late + seconds(1_000)), 0);
}

#[test]
fn nonsense_lesson_times_are_refused() {
    let mut chance = Chance::new(1);
    let (gate, _scheduler) = open(1, MORNING);
    let pupil = settled(&gate, &mut chance, MORNING);
    let session = gate.read_session(pupil.session.as_ref().unwrap(), MORNING).unwrap();
    for ends in [MORNING, MORNING - seconds(1), MORNING + seconds(13 * 3_600)] {
        assert_eq!(gate.keep_for_lesson(&session, ends, MORNING), Err(KeepError::Lesson));
    }
}

#[test]
fn who_left_comes_back_within_ten_minutes_even_when_it_is_full() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let session = gate.read_session(first.session.as_ref().unwrap(), MORNING).unwrap();
    let (session, mark) = gate.recognise(&session, Standing::Known, MORNING).unwrap();
    first.session = Some(session.to_string());
    first.mark = Some(mark.to_string());
    first.leaves(&gate, MORNING);
    scheduler.tick(MORNING);
    let mut second = settled(&gate, &mut chance, MORNING);
    assert!(!Browser::default().enters(&gate, &mut chance, MORNING));
    let back = MORNING + seconds(9 * 60);
    second.enters(&gate, &mut chance, back);
    scheduler.tick(back);
    // Known by the device mark: in, beyond the quota, and once only.
    assert!(first.enters(&gate, &mut chance, back));
    assert_eq!(taken(&gate, &mut scheduler, back), 2);
    assert!(!Browser::default().enters(&gate, &mut chance, back));

    // Known by the session of old; after ten minutes there is no such right.
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let old = first.clone();
    first.leaves(&gate, MORNING);
    scheduler.tick(MORNING);
    settled(&gate, &mut chance, MORNING);
    let late = MORNING + seconds(601);
    scheduler.tick(late);
    assert_eq!(gate.status().taken, 1);
    assert!(!old.clone().enters(&gate, &mut chance, late));

    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut old = first.clone();
    first.leaves(&gate, MORNING);
    scheduler.tick(MORNING);
    settled(&gate, &mut chance, MORNING);
    assert!(old.enters(&gate, &mut chance, MORNING + seconds(540)));
}

#[test]
fn a_copied_ticket_gives_one_seat_and_the_newest_holder_wins() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut original = Browser::default();
    original.waits(&gate, &mut chance, MORNING);
    first.leaves(&gate, MORNING);
    let mut copies: Vec<Browser> = vec![original.clone(); 500];
    let mut now = MORNING + seconds(5);
    scheduler.tick(now);
    for copy in &mut copies {
        now = now + seconds(11);
        assert!(copy.enters(&gate, &mut chance, now));
        scheduler.tick(now);
        assert_eq!(gate.status().taken, 1);
    }
    let inside =
        copies.iter_mut().map(|copy| copy.enters(&gate, &mut chance, now)).filter(|is_in| *is_in).count();
    assert_eq!(inside, 1);
    assert!(copies[499].enters(&gate, &mut chance, now));
    // Two tabs of one browser claim at the same moment and both stay in.
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut tab = Browser::default();
    tab.waits(&gate, &mut chance, MORNING);
    first.leaves(&gate, MORNING);
    now = MORNING + seconds(5);
    scheduler.tick(now);
    let mut other_tab = tab.clone();
    assert!(tab.enters(&gate, &mut chance, now));
    assert!(other_tab.enters(&gate, &mut chance, now + seconds(1)));
    assert!(tab.enters(&gate, &mut chance, now + seconds(20)));
    assert!(other_tab.enters(&gate, &mut chance, now + seconds(20)));
    assert_eq!(taken(&gate, &mut scheduler, now + seconds(20)), 1);
}

#[test]
fn a_spent_ticket_is_no_second_way_in() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut holder = Browser::default();
    holder.waits(&gate, &mut chance, MORNING);
    let kept = holder.clone();
    first.leaves(&gate, MORNING);
    let mut now = MORNING + seconds(5);
    scheduler.tick(now);
    assert!(holder.enters(&gate, &mut chance, now));
    assert!(holder.enters(&gate, &mut chance, now));
    let device = gate.read_session(holder.session.as_ref().unwrap(), now).unwrap().device;
    assert!(gate.revoke(device, now));
    scheduler.tick(now);
    settled(&gate, &mut chance, now);
    for _ in 0..100 {
        now = now + seconds(5);
        scheduler.tick(now);
        let wait = kept.clone().waits(&gate, &mut chance, now);
        assert!(wait.ticket.is_some() && wait.device != device, "queues anew, as a stranger");
    }
    // The session of the revoked device is worth nothing at once, although its signature is good.
    assert!(!holder.enters(&gate, &mut chance, now));
}

#[test]
fn a_lost_answer_costs_neither_seat_nor_place() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(1, MORNING);
    let mut first = settled(&gate, &mut chance, MORNING);
    let mut unlucky = Browser::default();
    unlucky.waits(&gate, &mut chance, MORNING);
    first.leaves(&gate, MORNING);
    let mut now = MORNING + seconds(5);
    scheduler.tick(now);
    // The answer with the session never arrives; the browser still has its ticket.
    assert!(unlucky.clone().enters(&gate, &mut chance, now));
    now = now + seconds(30);
    scheduler.tick(now);
    assert!(unlucky.clone().enters(&gate, &mut chance, now));
    // Even after the seat has been given back the ticket is good.
    now = now + seconds(70);
    assert_eq!(taken(&gate, &mut scheduler, now), 0);
    assert!(unlucky.enters(&gate, &mut chance, now));
}

#[test]
fn a_teacher_gets_in_although_pupils_hold_every_seat() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(20, MORNING);
    let mut teacher = settled(&gate, &mut chance, MORNING);
    let session = gate.read_session(teacher.session.as_ref().unwrap(), MORNING).unwrap();
    teacher.mark = Some(gate.recognise(&session, Standing::Teacher, MORNING).unwrap().1.to_string());
    gate.revoke(session.device, MORNING);
    teacher.session = None;
    scheduler.tick(MORNING);
    for _ in 0..20 {
        settled(&gate, &mut chance, MORNING);
    }
    assert!(!Browser::default().enters(&gate, &mut chance, MORNING));
    assert!(teacher.enters(&gate, &mut chance, MORNING));
    assert_eq!(taken(&gate, &mut scheduler, MORNING), 21);
    assert_eq!(gate.status().lanes[0].seated, 1);
}

#[test]
fn ending_all_sessions_ends_all_sessions() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(3, MORNING);
    let mut inside: Vec<Browser> = (0..3).map(|_| settled(&gate, &mut chance, MORNING)).collect();
    scheduler.set_capacity(Box::new(preau_gate::Quota(0)));
    assert_eq!(scheduler.end_all_sessions(), 3);
    assert_eq!(taken(&gate, &mut scheduler, MORNING), 0);
    assert!(inside.iter_mut().all(|browser| !browser.enters(&gate, &mut chance, MORNING)));
}

#[test]
fn a_restart_loses_no_session_no_place_and_gives_no_seat_twice() {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open(10, MORNING);
    let mut inside: Vec<Browser> = (0..10).map(|_| settled(&gate, &mut chance, MORNING)).collect();
    let session = gate.read_session(inside[0].session.as_ref().unwrap(), MORNING).unwrap();
    let kept = gate.keep_for_lesson(&session, MORNING + seconds(3_000), MORNING).unwrap();
    inside[0].session = Some(kept.to_string());
    let mut waiting: Vec<Browser> = vec![Browser::default(); 6];
    for browser in &mut waiting {
        browser.waits(&gate, &mut chance, MORNING);
    }
    scheduler.tick(MORNING + seconds(1));
    let text = scheduler.snapshot(MORNING + seconds(1)).to_json();
    drop((gate, scheduler));

    let restart = MORNING + seconds(30);
    let snapshot = Snapshot::from_json(&text).unwrap();
    let (gate, mut scheduler) = open_with(Rules::default(), 10, Some(&snapshot), restart);
    assert_eq!(gate.status().taken, 10);
    for browser in &mut waiting {
        assert!(browser.waits(&gate, &mut chance, restart).ticket.is_none(), "keeps its ticket");
    }
    assert!(!Browser::default().enters(&gate, &mut chance, restart));
    for browser in &mut inside[..6] {
        assert!(browser.enters(&gate, &mut chance, restart));
    }
    assert_eq!(taken(&gate, &mut scheduler, restart + seconds(20)), 10);
    // Those who never come back free their seats when their sessions would have ended, save the lesson's.
    for minute in 1..=14 {
        let now = restart + seconds(60 * minute);
        scheduler.tick(now);
        for browser in &mut inside[..6] {
            assert!(browser.enters(&gate, &mut chance, now));
        }
    }
    assert_eq!(taken(&gate, &mut scheduler, restart + seconds(14 * 60)), 6);
    let silent = &mut inside[0];
    assert!(silent.enters(&gate, &mut chance, MORNING + seconds(3_200)));
}

#[test]
fn a_broken_snapshot_is_refused_with_place_and_remedy() {
    let (_gate, scheduler) = open(10, MORNING);
    let text = scheduler.snapshot(MORNING).to_json();
    let cut = Snapshot::from_json(&text[..text.len() / 2]).unwrap_err().to_string();
    assert!(cut.contains("line 1, column") && cut.contains("remove it"), "{cut}");
    let newer = Snapshot::from_json(&text.replace("\"format\":1", "\"format\":9")).unwrap_err().to_string();
    assert!(newer.contains("format 9"), "{newer}");
    let lanes = Snapshot::from_json(&text.replace("\"known\"", "\"teacher\"")).unwrap_err().to_string();
    assert!(lanes.contains("lane 2"), "{lanes}");
}
