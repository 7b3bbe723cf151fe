//! Scenarios 3 and 6: upstreams that are asked for too much, become slow, or lose half of themselves.
//!
//! An upstream here is a number of servers with a line in front that works the slower the longer the
//! line is. It is driven event by event; the gate's valves stand before it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex};

use preau_gate::{
    Capacity, Cause, Found, FoundRules, LimitRules, LineRules, Load, Moment, Offer, Outcome, Turn, Valve,
    ValveReading,
};

use crate::people::{Dice, Report, clock, span};

/// An answer within this is worth something.
const WORTH: f64 = 1.0;
/// Requests a second per server: 50 ms each.
const EACH: f64 = 20.0;

struct Backend {
    servers: u32,
    slower: f64,
    busy: u32,
    line: VecDeque<u32>,
    inside: u32,
}

/// A request on its way: when it came, and when it was sent on.
#[derive(Clone, Copy)]
struct Trip {
    came: f64,
    sent: f64,
}

struct World {
    now: f64,
    dice: Dice,
    valves: Vec<Arc<Mutex<Valve<u32>>>>,
    backends: Vec<Backend>,
    ends: BinaryHeap<Reverse<(u64, u32, usize)>>,
    trips: Vec<Trip>,
    good: Vec<u64>,
    refused: Vec<u64>,
}

impl World {
    fn new(servers: &[u32], seed: u64) -> Self {
        let valve = |_| Valve::new(LimitRules::default(), LineRules::default(), clock(0.0));
        Self {
            now: 0.0,
            dice: Dice::new(seed),
            valves: servers.iter().map(|n| Arc::new(Mutex::new(valve(n)))).collect(),
            backends: servers
                .iter()
                .map(|servers| Backend {
                    servers: *servers,
                    slower: 1.0,
                    busy: 0,
                    line: VecDeque::new(),
                    inside: 0,
                })
                .collect(),
            ends: BinaryHeap::new(),
            trips: Vec::new(),
            good: vec![0; servers.len()],
            refused: vec![0; servers.len()],
        }
    }

    /// What the backend could do at best, requests a second.
    fn can(&self, at: usize) -> f64 {
        f64::from(self.backends[at].servers) * EACH / self.backends[at].slower
    }

    fn ask(&mut self, at: usize) {
        let number = self.trips.len() as u32;
        self.trips.push(Trip { came: self.now, sent: self.now });
        let offer = self.valves[at].lock().unwrap().offer(number, clock(self.now));
        match offer {
            Offer::Go => self.send(at, number),
            Offer::Wait => {}
            Offer::Refused => self.refused[at] += 1,
        }
    }

    fn send(&mut self, at: usize, number: u32) {
        self.trips[number as usize].sent = self.now;
        self.backends[at].line.push_back(number);
        self.backends[at].inside += 1;
        self.start(at);
    }

    fn start(&mut self, at: usize) {
        let backend = &mut self.backends[at];
        while backend.busy < backend.servers {
            let Some(number) = backend.line.pop_front() else { return };
            backend.busy += 1;
            // Beyond three times what it can hold it spends its time on juggling.
            let fit = f64::from(3 * backend.servers);
            let juggle = (f64::from(backend.inside) / fit).max(1.0);
            let end = self.now + self.dice.pause(1.0 / EACH) * backend.slower * juggle;
            self.ends.push(Reverse(((end * 1e6) as u64, number, at)));
        }
    }

    fn turns(&mut self, at: usize, turns: Vec<Turn<u32>>) {
        for turn in turns {
            match turn {
                Turn::Go(number) => self.send(at, number),
                Turn::Refused(_) => self.refused[at] += 1,
            }
        }
    }

    /// Answers that are due before `until`.
    fn work(&mut self, until: f64) {
        while self.ends.peek().is_some_and(|end| end.0.0 as f64 / 1e6 <= until) {
            let Some(Reverse((end, number, at))) = self.ends.pop() else { return };
            self.now = self.now.max(end as f64 / 1e6);
            let trip = self.trips[number as usize];
            self.backends[at].busy -= 1;
            self.backends[at].inside -= 1;
            self.good[at] += u64::from(self.now - trip.came <= WORTH);
            let mut turns = Vec::new();
            let entering = number.is_multiple_of(20);
            let took = span(self.now - trip.sent);
            let valve = self.valves[at].clone();
            valve.lock().unwrap().finished(Outcome::Served, took, entering, clock(self.now), &mut turns);
            self.turns(at, turns);
            self.start(at);
        }
        self.now = until;
    }

    fn tick(&mut self) {
        for at in 0..self.valves.len() {
            let mut turns = Vec::new();
            self.valves[at].lock().unwrap().tick(clock(self.now), &mut turns);
            self.turns(at, turns);
            self.start(at);
        }
    }

    /// Lets `seconds` pass with so many requests a second for each upstream; what was answered in
    /// time, as a share of what it could have been.
    fn pass(&mut self, seconds: f64, rates: impl Fn(f64, usize) -> f64) -> Vec<f64> {
        let (from, before) = (self.now, self.good.clone());
        let most: Vec<f64> = (0..self.valves.len()).map(|at| self.can(at)).collect();
        let (mut could, mut slice) = (vec![0.0; most.len()], from);
        while slice < from + seconds - 1e-9 {
            slice += 0.02;
            let pace: Vec<f64> = (0..most.len()).map(|at| rates(slice, at)).collect();
            for at in 0..most.len() {
                could[at] += pace[at].min(most[at]) * 0.02;
            }
            // All arrivals together, each at the upstream that the dice say.
            let all: f64 = pace.iter().sum();
            let mut next = self.now + self.dice.pause(1.0 / all);
            while next < slice {
                self.work(next);
                let mut pick = self.dice.even() * all;
                let at = pace.iter().position(|rate| {
                    pick -= rate;
                    pick < 0.0
                });
                self.ask(at.unwrap_or(0));
                next += self.dice.pause(1.0 / all);
            }
            self.work(slice);
            self.tick();
        }
        (0..most.len()).map(|at| (self.good[at] - before[at]) as f64 / could[at].max(1.0)).collect()
    }
}

/// Scenario 6: every request needs the database; it becomes three times slower, then loses half of
/// its servers, then is well again. Asked for twice what it can do, all the time.
pub fn slow_database() -> Report {
    let mut report = Report::default();
    let mut world = World::new(&[60, 20], 6);
    let valves = world.valves.clone();
    let source = move |now: Moment, out: &mut Vec<ValveReading>| {
        out.extend(valves.iter().zip(0..).map(|(valve, at)| valve.lock().unwrap().read(at, now)));
    };
    let mut found = Found::new(FoundRules::up_to(5_000), source);
    world.pass(120.0, |_, _| 800.0);
    let phases =
        [("three times slower", 20, 3.0), ("half as many servers", 10, 1.0), ("well again", 20, 1.0)];
    for (name, servers, slower) in phases {
        (world.backends[1].servers, world.backends[1].slower) = (servers, slower);
        // A minute to find it, half a minute to show it, and on for as long as a change may last.
        let mut causes: BTreeMap<String, u32> = BTreeMap::new();
        let mut shares = Vec::new();
        for second in 0..180 {
            let share = world.pass(1.0, |_, _| 800.0)[1];
            let cause = found.read(Load { seated: 500, waiting: 5_000, admitted: 5 }, clock(world.now)).cause;
            *causes.entry(format!("{cause:?}")).or_default() += 1;
            if second >= 60 {
                shares.push(share);
            }
        }
        let first: f64 = shares[..30].iter().sum::<f64>() / 30.0 * 100.0;
        let rest: f64 = shares.iter().sum::<f64>() / shares.len() as f64 * 100.0;
        report.must(
            first >= 90.0 && rest >= 90.0,
            format!("{name}: {first:.0} % of capacity after a minute, {rest:.0} % after (>= 90)"),
        );
        let blamed =
            causes.iter().max_by_key(|entry| entry.1).map(|entry| entry.0.clone()).unwrap_or_default();
        report.must(
            blamed == format!("{:?}", Cause::Saturated(1)),
            format!("blamed {blamed}, valve 1 being the database's"),
        );
    }
    report.left_out = Some("which stage saturated first, as evidence, comes with triage");
    report
}

/// Scenario 3: the first upstream has the rush, the second is struck thirty times; neither is to
/// suffer from the other.
pub fn sixth_of_april() -> Report {
    let mut report = Report::default();
    let mut world = World::new(&[20, 20], 3);
    world.pass(60.0, |_, _| 200.0);
    let start = world.now;
    // Every twenty seconds, for five, the second one is asked for ten times what it can do.
    let struck = move |t: f64| (t - start) % 20.0 < 5.0;
    let rates = move |t: f64, at: usize| match at {
        0 => 900.0,
        _ if struck(t) => 4_000.0,
        _ => 200.0,
    };
    let shares = world.pass(600.0, rates);
    report
        .must(shares[0] >= 0.93, format!("rush on one: {:.1} % of its capacity (>= 93)", shares[0] * 100.0));
    report.must(
        shares[1] >= 0.90,
        format!("30 bursts on the other: {:.1} % of what it could do (>= 90)", shares[1] * 100.0),
    );
    let calm = world.pass(60.0, |_, _| 200.0);
    report.must(
        calm.iter().all(|share| *share >= 0.98),
        format!("afterwards {:.1} and {:.1} % (>= 98)", calm[0] * 100.0, calm[1] * 100.0),
    );
    report.left_out = Some("a verdict for each system, its shares and the counterfactual come with triage");
    report
}
