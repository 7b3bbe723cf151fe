//! People at the gates: they come, wait with their tickets as told, sit, show their sessions now and then,
//! and leave. Their node may be taken from them; then they go to another with what they carry.
//!
//! Each visit is a real verdict. What is counted is the truth about people, not what gates think of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use preau_gate::{Arrival, DeviceId, Gate, Moment, Rank, Verdict};

/// A small generator (xorshift64*, Vigna 2014): the same numbers on every machine.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    pub fn device(&mut self) -> DeviceId {
        let (a, b) = (self.number().to_be_bytes(), self.number().to_be_bytes());
        DeviceId::new(std::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] }))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Inside { until: u64 },
    Gone,
}

struct Person {
    home: usize,
    state: State,
    session: Option<String>,
    ticket: Option<String>,
    rank: Option<Rank>,
}

/// What has been seen. Times are milliseconds since the start.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Seen {
    /// In at the moment, and at most.
    pub inside: u32,
    pub most: u32,
    /// Who has come and not been let in.
    pub waiting: u32,
    pub served: u32,
    /// Tickets shown and answered with another one; people inside sent back.
    pub tickets_lost: u32,
    pub put_out: u32,
    /// When each was let in, and their place, if they had one.
    pub admissions: Vec<(u64, Option<Rank>)>,
}

impl Seen {
    /// Of those who had a place, how many came in after somebody who stood more than `slack` seconds
    /// behind them.
    pub fn overtaken(&self, slack: u32) -> usize {
        let mut furthest = 0;
        let places = self.admissions.iter().filter_map(|(_, rank)| *rank).map(Rank::slot);
        places
            .filter(|slot| {
                furthest = furthest.max(*slot);
                slot + slack < furthest
            })
            .count()
    }

    /// How many came in between two times.
    pub fn admitted(&self, between: std::ops::Range<u64>) -> usize {
        self.admissions.iter().filter(|(at, _)| between.contains(at)).count()
    }
}

pub struct Crowd {
    people: Vec<Person>,
    agenda: BinaryHeap<Reverse<(u64, usize)>>,
    pub chance: Chance,
    stay: u64,
    /// How often somebody inside shows their session.
    show: u64,
    pub seen: Seen,
}

impl Crowd {
    /// People who come within `arrive` milliseconds from `from` on, each to one of `homes`, and stay for
    /// `stay` or so.
    pub fn new(
        seed: u64,
        people: usize,
        homes: usize,
        from: u64,
        arrive: u64,
        stay: u64,
        show: u64,
    ) -> Crowd {
        let mut chance = Chance::new(seed);
        let agenda = (0..people).map(|who| Reverse((from + chance.below(arrive), who))).collect();
        let person = |who| Person {
            home: who % homes,
            state: State::Waiting,
            session: None,
            ticket: None,
            rank: None,
        };
        let people = (0..people).map(person).collect();
        Crowd { people, agenda, chance, stay, show, seen: Seen::default() }
    }

    /// Those of one node go to others, as a balancer sends them.
    pub fn flee(&mut self, from: usize, to: &[usize]) {
        for person in self.people.iter_mut().filter(|person| person.home == from) {
            person.home = to[self.chance.below(to.len() as u64) as usize];
        }
    }

    /// One in `part` of all goes to this node from now on.
    pub fn come_back(&mut self, to: usize, part: usize) {
        self.people.iter_mut().skip(to).step_by(part).for_each(|person| person.home = to);
    }

    pub fn all_served(&self) -> bool {
        self.seen.served as usize == self.people.len()
    }

    /// Everybody whose time has come makes a visit. `gates` gives each node's gate and what it takes for the
    /// time.
    pub fn visit(&mut self, gates: impl Fn(usize) -> (Gate, Moment), t: u64) {
        while self.agenda.peek().is_some_and(|Reverse((at, _))| *at <= t) {
            let Some(Reverse((_, who))) = self.agenda.pop() else { break };
            let person = &mut self.people[who];
            let (gate, now) = gates(person.home);
            if let State::Inside { until } = person.state
                && until <= t
            {
                let session = person.session.take().expect("is in");
                // Whoever comes with a good session is known here, whichever node let them in.
                if let Ok(session) = gate.read_session(&session, now) {
                    gate.release(&session, now);
                }
                person.state = State::Gone;
                self.seen.inside -= 1;
                self.seen.served += 1;
                continue;
            }
            let arrival = Arrival {
                session: person.session.as_deref(),
                ticket: person.ticket.as_deref(),
                ..Arrival::default()
            };
            let chance = &mut self.chance;
            match gate.decide(&arrival, || chance.device(), now) {
                Verdict::Admit(admission) => {
                    if let Some(session) = admission.renewed {
                        person.session = Some(session.to_string());
                    }
                    let until = match person.state {
                        State::Inside { until } => until,
                        _ => {
                            let until = t + self.stay / 2 + self.chance.below(self.stay);
                            self.seen.waiting -= u32::from(person.ticket.is_some());
                            person.state = State::Inside { until };
                            person.ticket = None;
                            self.seen.inside += 1;
                            self.seen.most = self.seen.most.max(self.seen.inside);
                            self.seen.admissions.push((t, person.rank));
                            // The answer has arrived: the page asks for more at once.
                            self.agenda.push(Reverse((t + 500, who)));
                            continue;
                        }
                    };
                    let next = t + self.show / 2 + self.chance.below(self.show);
                    self.agenda.push(Reverse((next.min(until), who)));
                }
                Verdict::Wait(wait) => {
                    if let State::Inside { .. } = person.state {
                        self.seen.put_out += 1;
                        self.seen.inside -= 1;
                        person.state = State::Waiting;
                        person.session = None;
                    }
                    if let Some(ticket) = wait.ticket {
                        self.seen.tickets_lost += u32::from(person.ticket.is_some());
                        self.seen.waiting += u32::from(person.ticket.is_none());
                        person.ticket = Some(ticket.to_string());
                    }
                    person.rank = Some(wait.rank);
                    let interval = wait.interval.as_millis() as u64;
                    let jitter = self.chance.below(interval * 6 / 10);
                    self.agenda.push(Reverse((t + interval * 7 / 10 + jitter, who)));
                }
            }
        }
    }
}
