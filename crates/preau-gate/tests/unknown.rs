//! The unknown lane under pressure: the toll, the class code, the narrow sub-lane, the networks.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use crowd::{Browser, Chance, MORNING, open_with, seconds};
use preau_gate::{
    Claims, Gate, Lane, LessonId, Moment, Network, Rules, Scheduler, Verdict, Wait, proof_text,
};

fn rules() -> Rules {
    Rules { toll_from: Some(20), ..Rules::default() }
}

/// A full house before which a flood of cookieless visitors asks for tickets until the toll is up.
fn under_pressure(seats: u32) -> (Gate, Scheduler, Vec<Browser>, Moment) {
    let mut chance = Chance::new(1);
    let (gate, mut scheduler) = open_with(rules(), seats, None, MORNING);
    let mut inside: Vec<Browser> = vec![Browser::default(); seats as usize];
    for browser in &mut inside {
        assert!(browser.enters(&gate, &mut chance, MORNING));
        assert!(browser.enters(&gate, &mut chance, MORNING));
    }
    let mut now = MORNING;
    for _ in 0..10 {
        for _ in 0..300 {
            Browser::default().waits(&gate, &mut chance, now);
        }
        now = now + seconds(1);
        scheduler.tick(now);
    }
    assert!(gate.status().toll_bits >= 18);
    (gate, scheduler, inside, now)
}

fn asks(browser: &mut Browser, gate: &Gate, claims: &Claims<'_>, now: Moment) -> Wait {
    let mut chance = Chance::new(now.unix_millis());
    match browser.asks_with(gate, claims, || chance.device(), now) {
        Verdict::Wait(wait) => wait,
        Verdict::Admit(_) => panic!("let in"),
    }
}

#[test]
fn who_pays_is_served_before_thousands_who_do_not() {
    let (gate, mut scheduler, mut inside, mut now) = under_pressure(20);
    let mut payer = Browser::default();
    let wait = asks(&mut payer, &gate, &Claims::default(), now);
    let challenge = wait.challenge.unwrap();
    let first = payer.ticket.clone();
    let proof = proof_text(challenge.text.as_str(), 0, u64::MAX).unwrap();
    now = now + seconds(6);
    scheduler.tick(now);
    let wait = asks(&mut payer, &gate, &Claims { proof: Some(&proof), ..Claims::default() }, now);
    assert!(wait.challenge.is_none() && wait.ticket.is_some(), "the toll is paid once");
    assert_ne!(payer.ticket, first);
    assert_eq!(
        gate.read_ticket(first.as_ref().unwrap(), now).unwrap().rank,
        wait.rank,
        "and keeps the place"
    );
    assert_eq!(wait.arrived, MORNING + seconds(10));

    // The proof is good for this ticket only.
    let mut other = Browser::default();
    asks(&mut other, &gate, &Claims::default(), now);
    assert!(
        asks(&mut other, &gate, &Claims { proof: Some(&proof), ..Claims::default() }, now)
            .challenge
            .is_some()
    );

    // Nobody has paid but one: when seats come free, the 3,000 before are passed over.
    for browser in inside.drain(..5) {
        browser.clone().leaves(&gate, now);
    }
    let mut admitted = None;
    for second in 0..30 {
        now = now + seconds(1);
        scheduler.tick(now);
        if admitted.is_none() && payer.enters(&gate, &mut Chance::new(2), now) {
            admitted = Some(second);
        }
    }
    assert!(admitted.is_some_and(|second| second < 20), "{admitted:?}");
    // The unpaid copy of the ticket is spent as well: who shows it is somebody new.
    let mut copy = Browser { ticket: first, ..Browser::default() };
    let device = gate.read_session(payer.session.as_ref().unwrap(), now).unwrap().device;
    gate.revoke(device, now);
    now = now + seconds(200);
    scheduler.tick(now);
    scheduler.tick(now + seconds(1));
    let mut chance = Chance::new(3);
    let shown = match copy.asks(&gate, &mut chance, now + seconds(1)) {
        Verdict::Admit(admission) => admission.session.device,
        Verdict::Wait(wait) => wait.device,
    };
    assert_ne!(shown, device);
}

#[test]
fn a_class_code_pays_as_well_and_not_for_everyone() {
    let (gate, _scheduler, _inside, now) = under_pressure(5);
    let code = gate.class_code(LessonId(4_711), now).to_lowercase();
    let claims = Claims { class_code: Some(&code), ..Claims::default() };
    let mut paid = 0;
    for _ in 0..100 {
        let mut browser = Browser::default();
        asks(&mut browser, &gate, &Claims::default(), now);
        paid += u32::from(asks(&mut browser, &gate, &claims, now).challenge.is_none());
    }
    assert_eq!(paid, 80, "a code on the street helps eighty");
    let wrong = Claims { class_code: Some("0000-0000-0000"), ..Claims::default() };
    let mut browser = Browser::default();
    asks(&mut browser, &gate, &Claims::default(), now);
    assert!(asks(&mut browser, &gate, &wrong, now).challenge.is_some());
}

#[test]
fn without_a_script_one_waits_longer_and_is_served() {
    let (gate, mut scheduler, inside, mut now) = under_pressure(100);
    let mut quiet = Browser::default();
    asks(&mut quiet, &gate, &Claims::default(), now);
    for browser in &inside {
        browser.clone().leaves(&gate, now);
    }
    let mut chance = Chance::new(3);
    let mut served = None;
    for second in 0..600_u64 {
        now = now + seconds(1);
        // The flood goes on, so the toll stays.
        for _ in 0..100 {
            Browser::default().waits(&gate, &mut chance, now);
        }
        scheduler.tick(now);
        if served.is_none() && second.is_multiple_of(10) && quiet.enters(&gate, &mut chance, now) {
            served = Some(second);
        }
    }
    let served = served.unwrap();
    assert!((110..400).contains(&served), "after {served} s");
}

#[test]
fn the_narrow_sub_lane_stays_narrow() {
    let (gate, mut scheduler, inside, mut now) = under_pressure(200);
    let mut chance = Chance::new(4);
    // A flood that keeps its cookies and never pays.
    let mut flood: Vec<Browser> = vec![Browser::default(); 500];
    for browser in &mut flood {
        browser.waits(&gate, &mut chance, now);
    }
    for browser in &inside {
        gate.revoke(gate.read_session(browser.session.as_ref().unwrap(), now).unwrap().device, now);
    }
    for second in 0..400_u64 {
        now = now + seconds(1);
        for _ in 0..60 {
            Browser::default().waits(&gate, &mut chance, now);
        }
        scheduler.tick(now);
        for (n, browser) in flood.iter_mut().enumerate() {
            if (n as u64 + second).is_multiple_of(7) {
                browser.asks(&gate, &mut chance, now);
            }
        }
    }
    let seated = gate.status().lanes[Lane::Unknown.index()].seated;
    // A fifth of the lane's tenth of 200 seats.
    assert!((1..=4).contains(&seated), "{seated}");
}

#[test]
fn a_busy_network_waits_behind_quiet_ones_and_takes_what_nobody_else_wants() {
    let mut chance = Chance::new(5);
    let (gate, mut scheduler) = open_with(Rules::default(), 1, None, MORNING);
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, MORNING) && inside.enters(&gate, &mut chance, MORNING));
    let from = |n| Claims { network: Some(Network(n)), ..Claims::default() };
    let busy: Vec<Wait> =
        (0..2_000).map(|_| asks(&mut Browser::default(), &gate, &from(1), MORNING)).collect();
    let mut last = Browser::default();
    let hindmost = asks(&mut last, &gate, &from(1), MORNING);
    assert!(busy[..10].iter().all(|wait| wait.rank.slot() == MORNING.unix_seconds()));
    assert!(hindmost.rank.slot() >= MORNING.unix_seconds() + 1_980);
    let later = MORNING + seconds(60);
    scheduler.tick(later);
    let mut quiet = Browser::default();
    let wait = asks(&mut quiet, &gate, &from(2), later);
    assert!(wait.rank < hindmost.rank, "a minute later, and still before");
    // A known device is never asked where it comes from.
    let session = gate.read_session(inside.session.as_ref().unwrap(), later).unwrap();
    let (_, mark) = gate.recognise(&session, preau_gate::Standing::Known, later).unwrap();
    gate.revoke(session.device, later);
    let mut known = Browser { mark: Some(mark.to_string()), ..Browser::default() };
    let wait = asks(&mut known, &gate, &from(1), later);
    assert_eq!(wait.rank.slot(), later.unix_seconds());
    // Everyone else has gone: the hindmost need not wait until its place has come by the clock.
    let mut now = later;
    let mut served = false;
    for _ in 0..1_500 {
        now = now + seconds(1);
        scheduler.tick(now);
        if last.enters(&gate, &mut chance, now) {
            served = true;
            break;
        }
    }
    assert!(served && now < MORNING + seconds(1_500), "served {served} at {:?}", now.since(MORNING));
}

#[test]
fn a_network_that_waits_alone_comes_in_as_fast_as_seats_come_free_and_quiet_ones_before_it() {
    let mut chance = Chance::new(6);
    let (gate, mut scheduler) = open_with(Rules::default(), 1, None, MORNING);
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, MORNING) && inside.enters(&gate, &mut chance, MORNING));
    let from = |n| Claims { network: Some(Network(n)), ..Claims::default() };
    let mut crowd = vec![Browser::default(); 300];
    for browser in &mut crowd {
        asks(browser, &gate, &from(1), MORNING);
    }
    // Ten seats a second come free from now on: the last place of the network is five minutes away by the clock.
    let mut now = MORNING;
    for second in 1..=60 {
        now = now + seconds(1);
        scheduler.set_capacity(Box::new(preau_gate::Quota(1 + 10 * second)));
        scheduler.tick(now);
        crowd.retain_mut(|browser| !browser.enters(&gate, &mut chance, now));
        if second == 10 {
            assert!(crowd.len() > 150, "{}", crowd.len());
            let mut quiet = Browser::default();
            let place = asks(&mut quiet, &gate, &from(2), now).rank;
            let mut busy = Browser::default();
            assert!(place < asks(&mut busy, &gate, &from(1), now).rank);
            let before = place.slot() - now.unix_seconds();
            assert!(before < 120, "{before} s ahead of the clock: behind who is served, before who waits");
        }
    }
    assert!(crowd.is_empty(), "{} still wait after a minute", crowd.len());
}
