//! Scenario 7: three nodes share a house; one is killed at the peak, the store is cut off for five
//! minutes, and one clock runs half a minute ahead.

use preau_gate::{
    Ask, Gate, Grant, Ledger, Member, Moment, NodeId, Notice, Rank, Rules, Scheduler, Snapshot,
};

use crate::people::{Agenda, Browser, Dice, Report, Seen, clock, secret};

const SEATS: u32 = 900;
const PEOPLE: usize = 6_000;
const STAY: f64 = 240.0;

/// A node: its gate, its membership, and how wrong its clock is.
struct Node {
    gate: Gate,
    scheduler: Scheduler,
    member: Member,
    ahead: f64,
    alive: bool,
    snapshot: Snapshot,
}

/// Something on its way between a node and the store, or between nodes.
enum Letter {
    Ask(usize, Ask),
    Grant(usize, Grant),
    Notices(usize, Vec<Notice>),
}

fn rules() -> Rules {
    Rules { several_nodes: true, ..Rules::default() }
}

fn node(number: u64, ahead: f64, snapshot: Option<&Snapshot>, at: f64) -> Node {
    let member = Member::new(NodeId(number));
    let own = clock(at + ahead);
    let (gate, scheduler) =
        Scheduler::open(rules(), secret(), Box::new(member.clone()), snapshot, own).unwrap();
    let snapshot = scheduler.snapshot(own);
    Node { gate, scheduler, member, ahead, alive: true, snapshot }
}

impl Node {
    /// What the node takes for the time: its own clock, set right by the store's.
    fn time(&self, at: f64) -> Moment {
        self.member.clock(clock(at + self.ahead))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Inside { until: f64 },
    Gone,
}

struct Person {
    browser: Browser,
    state: State,
    home: usize,
    rank: Option<Rank>,
}

pub fn nodes() -> Report {
    let mut report = Report::default();
    let mut dice = Dice::new(7);
    let mut ledger = Ledger::new(SEATS);
    let mut nodes: Vec<Node> =
        [(1, 0.0), (2, 30.0), (3, 0.0)].map(|(n, ahead)| node(n, ahead, None, 0.0)).into();
    let mut letters: Vec<(f64, Letter)> = Vec::new();
    let mut agenda = Agenda::default();
    let mut people: Vec<Person> = Vec::new();
    for who in 0..PEOPLE {
        agenda.note(60.0 + dice.between(0.0, 240.0), who);
        people.push(Person { browser: Browser::default(), state: State::Waiting, home: who % 3, rank: None });
    }
    let (mut most, mut lost, mut put_out, mut served) = (0, 0, 0, 0);
    let (mut watermarks, mut back) = ([Rank::default(); 3], 0);
    let (mut overtaken, mut admissions) = (0, Vec::new());
    let mut rates = [0_u32; 2];
    let mut t = 0.0;
    while t < 6_000.0 && served < PEOPLE {
        let severed = (700.0..1_000.0).contains(&t);
        // Killed at the peak; the balancer sends its people elsewhere; back twenty seconds later.
        if t == 420.0 {
            nodes[0].alive = false;
            for person in people.iter_mut().filter(|person| person.home == 0) {
                person.home = 1 + (dice.roll() % 2) as usize;
            }
        }
        if t == 440.0 {
            let kept = Snapshot::from_json(&nodes[0].snapshot.to_json()).unwrap();
            nodes[0] = node(4, 0.0, Some(&kept), t);
            for person in people.iter_mut().step_by(3) {
                person.home = 0;
            }
        }
        while let Some(who) = agenda.next(t) {
            let person = &mut people[who];
            let node = &nodes[person.home];
            let now = (node.time(t).unix_millis() as f64 - clock(0.0).unix_millis() as f64) / 1e3;
            let held = person.browser.ticket.clone();
            match (person.browser.visit(&node.gate, &mut dice, now), person.state) {
                (Seen::In, State::Waiting) => {
                    let until = t + dice.pause(STAY).max(1.0);
                    person.state = State::Inside { until };
                    admissions.push((t, person.rank));
                    rates[0] += u32::from((400.0..700.0).contains(&t));
                    rates[1] += u32::from(severed);
                    agenda.note(until.min(t + dice.between(2.0, 30.0)), who);
                }
                (Seen::In, State::Inside { until }) if until <= t => {
                    person.browser.leave(&node.gate, now);
                    person.state = State::Gone;
                    served += 1;
                }
                (Seen::In, State::Inside { until }) => agenda.note(until.min(t + 100.0), who),
                (Seen::Later(after), state) => {
                    let wait = person.browser.told.unwrap();
                    // A ticket that is shown and answered with another one was not believed.
                    if held.is_some() && wait.ticket.is_some() && state == State::Waiting {
                        lost += 1;
                    }
                    if let State::Inside { .. } = state {
                        put_out += 1;
                        person.state = State::Waiting;
                    }
                    person.rank = Some(wait.rank);
                    agenda.note(t + after, who);
                }
                (Seen::In, State::Gone) => {}
            }
        }
        turn(&mut nodes, &mut letters, &mut dice, t);
        deliver(&mut nodes, &mut letters, &mut ledger, &mut dice, severed, t);
        for (node, before) in nodes.iter().zip(&mut watermarks) {
            let watermark = node.scheduler.watermarks()[3];
            back += u32::from(watermark < *before && t != 440.0);
            *before = watermark;
        }
        let taken: u32 = nodes.iter().filter(|node| node.alive).map(|node| node.gate.status().taken).sum();
        most = most.max(taken);
        t += 1.0;
    }
    // Order: who came in before somebody who had stood a minute or more before them.
    let mut highest = 0;
    for (_, rank) in &admissions {
        let Some(rank) = rank else { continue };
        overtaken += u32::from(rank.slot() + 60 < highest);
        highest = highest.max(rank.slot());
    }
    let over = f64::from(most) / f64::from(SEATS) * 100.0;
    report.must(lost == 0, format!("{lost} tickets not believed"));
    report.must(put_out == 0, format!("{put_out} put out"));
    report.must(served == PEOPLE, format!("{served} of {PEOPLE} served in {t:.0} s"));
    report.must(over <= 105.0, format!("admission {over:.1} % at most (<= 105)"));
    report.must(back == 0, format!("watermarks went back {back} times"));
    let late = f64::from(overtaken) / admissions.len() as f64 * 100.0;
    report.must(late <= 1.0, format!("{late:.2} % came in more than a minute out of order (<= 1)"));
    let (before, cut) = (f64::from(rates[0]) / 300.0, f64::from(rates[1]) / 300.0);
    report.must(
        cut >= before * 0.8,
        format!("{cut:.2} people a second while cut off, {before:.2} before (>= 80 %)"),
    );
    report
}

/// A second passes on every node.
fn turn(nodes: &mut [Node], letters: &mut Vec<(f64, Letter)>, dice: &mut Dice, t: f64) {
    for (at, node) in nodes.iter_mut().enumerate().filter(|(_, node)| node.alive) {
        let now = node.time(t);
        node.scheduler.tick(now);
        node.snapshot = node.scheduler.snapshot(now);
        let notices = node.gate.take_notices();
        if !notices.is_empty() {
            letters.push((t + dice.between(0.01, 0.3), Letter::Notices(at, notices)));
        }
        if let Some(ask) = node.member.ask(node.scheduler.watermarks(), clock(t + node.ahead)) {
            letters.push((t + dice.between(0.005, 0.2), Letter::Ask(at, ask)));
        }
    }
}

/// Letters arrive, one in fifty is lost, and while the store is cut off none passes.
fn deliver(
    nodes: &mut [Node],
    letters: &mut Vec<(f64, Letter)>,
    ledger: &mut Ledger,
    dice: &mut Dice,
    severed: bool,
    t: f64,
) {
    for _ in 0..2 {
        letters.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (at, letter) in std::mem::take(letters) {
            if at > t + 0.9 {
                letters.push((at, letter));
                continue;
            }
            if severed || dice.yes(0.02) {
                continue;
            }
            match letter {
                Letter::Ask(from, ask) => {
                    if let Some(grant) = ledger.renew(&ask, clock(at)) {
                        letters.push((at + dice.between(0.005, 0.2), Letter::Grant(from, grant)));
                    }
                }
                Letter::Grant(to, grant) if nodes[to].alive => {
                    let own = clock(at + nodes[to].ahead);
                    if let Some(watermarks) = nodes[to].member.granted(&grant, own) {
                        nodes[to].gate.adopt(&watermarks);
                    }
                }
                Letter::Notices(from, notices) => {
                    for (to, node) in nodes.iter_mut().enumerate() {
                        if to != from && node.alive {
                            let now = node.time(at);
                            node.gate.hear(&notices, now);
                        }
                    }
                }
                Letter::Grant(..) => {}
            }
        }
    }
}
