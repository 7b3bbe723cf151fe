//! Nodes, a store and a bad network between them, in simulated time: partitions, delays, a store that stops
//! and comes back with and without its memory, a node that is killed, clocks that differ.
//!
//! The carrier is the real one, speaking Redis' protocol over turmoil's network; the store is a small host
//! that answers it from the gate's own `Ledger` (`support::Model`, which `ledger.rs` holds to the script). The
//! same seed gives the same story.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use preau_gate::{Gate, Member, Moment, NodeId, Rules, Scheduler, Secret, Snapshot};
use preau_nodes::{Carrier, Dial, Node, Nodes, NodesConfig, Report, SCRIPT};
use redis::Value;
use support::Model;
use support::crowd::{Chance, Crowd, Seen};
use tokio::io::AsyncWriteExt as _;
use turmoil::net::{TcpListener, TcpStream};

/// A step of the simulation, in milliseconds.
const STEP: u64 = 20;
const PORT: u16 = 6_379;
/// A Monday morning, 7:50 in Paris, in milliseconds.
const MORNING: u64 = 1_795_416_600_000;
const NAMES: [&str; 3] = ["first", "second", "third"];
const SEATS: u32 = 300;

/// Connections to the simulated store.
struct Simulated;

impl Dial for Simulated {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        TcpStream::connect(("store", PORT)).await
    }
}

/// The common store's memory, which may outlive its process or not.
#[derive(Default)]
struct Memory {
    model: Model,
    rounds: u64,
}

/// The store as a host: as much of Redis as a carrier needs.
async fn serve(memory: Arc<Mutex<Memory>>, time: Arc<AtomicU64>) -> turmoil::Result {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    // A process that has just started knows no script.
    let loaded = Arc::new(Mutex::new(HashSet::new()));
    loop {
        let (mut stream, _) = listener.accept().await?;
        let (memory, time, loaded) = (memory.clone(), time.clone(), loaded.clone());
        tokio::spawn(async move {
            let mut decoder = combine::stream::Decoder::new();
            while let Ok(command) = redis::parse_redis_value_async(&mut decoder, &mut stream).await {
                let reply = answer(&command, &memory, &loaded, MORNING + time.load(Ordering::Relaxed));
                if stream.write_all(&reply).await.is_err() {
                    break;
                }
            }
        });
    }
}

fn answer(command: &Value, memory: &Mutex<Memory>, loaded: &Mutex<HashSet<Vec<u8>>>, now: u64) -> Vec<u8> {
    let Value::Array(words) = command else { panic!("no command: {command:?}") };
    let words: Vec<Vec<u8>> = words
        .iter()
        .map(|word| match word {
            Value::BulkString(word) => word.clone(),
            other => panic!("no word: {other:?}"),
        })
        .collect();
    let bulk = |bytes: &[u8]| [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    match words[0].to_ascii_uppercase().as_slice() {
        b"EVALSHA" if !loaded.lock().unwrap().contains(&words[1]) => {
            b"-NOSCRIPT No matching script.\r\n".to_vec()
        }
        b"EVALSHA" => {
            let mut memory = memory.lock().unwrap();
            memory.rounds += 1;
            assert_eq!(words[2], b"4");
            assert!(words[3..7].iter().all(|key| key.starts_with(b"{preau}:")));
            let parts = memory.model.round(&words[7..], now);
            let mut reply = format!("*{}\r\n", parts.len()).into_bytes();
            parts.iter().for_each(|part| reply.extend(bulk(part)));
            reply
        }
        b"SCRIPT" => {
            assert_eq!(words[2], SCRIPT.as_bytes());
            let hash = redis::Script::new(SCRIPT).get_hash().as_bytes().to_vec();
            loaded.lock().unwrap().insert(hash.clone());
            bulk(&hash)
        }
        other => panic!("the store knows no {}", other.escape_ascii()),
    }
}

/// A node's process.
struct Process {
    gate: Gate,
    scheduler: Scheduler,
    member: Member,
    nodes: Nodes,
    snapshot: Snapshot,
    alive: bool,
}

/// Everything there is.
struct World {
    sim: turmoil::Sim<'static>,
    time: Arc<AtomicU64>,
    memory: Arc<Mutex<Memory>>,
    processes: Vec<Process>,
    /// What each host is to run when it starts.
    carriers: Vec<Arc<Mutex<Option<Carrier>>>>,
    /// How wrong each node's clock is, in milliseconds.
    skews: [i64; 3],
    crowd: Crowd,
    /// How many were inside, second by second while people waited, since it was last looked at.
    inside: Vec<u32>,
    story: String,
}

impl World {
    fn new(seed: u64, skews: [i64; 3], delay: u64, crowd: Crowd) -> World {
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .tick_duration(Duration::from_millis(STEP))
            .simulation_duration(Duration::from_secs(100_000))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(delay))
            .tcp_capacity(65_536);
        let mut world = World {
            sim: builder.build(),
            time: Arc::default(),
            memory: Arc::default(),
            processes: Vec::new(),
            carriers: (0..3).map(|_| Arc::default()).collect(),
            skews,
            crowd,
            inside: Vec::new(),
            story: String::new(),
        };
        let (memory, time) = (world.memory.clone(), world.time.clone());
        world.sim.host("store", move || serve(memory.clone(), time.clone()));
        for (node, name) in NAMES.into_iter().enumerate() {
            let process = world.process(node, None);
            world.processes.push(process);
            let carrier = world.carriers[node].clone();
            world.sim.host(name, move || {
                let carrier = carrier.lock().unwrap().take();
                async move {
                    if let Some(carrier) = carrier {
                        carrier.run(Simulated).await;
                    }
                    Ok(())
                }
            });
        }
        world
    }

    /// A new process of a node, with what the last one wrote down.
    fn process(&mut self, node: usize, last: Option<(NodeId, Snapshot)>) -> Process {
        let (time, skew) = (self.time.clone(), self.skews[node]);
        let clock = move || own(time.load(Ordering::Relaxed), skew);
        let member = Member::new(NodeId(self.crowd.chance.number()));
        let rules = Rules { several_nodes: true, ..Rules::default() };
        let snapshot = last.as_ref().map(|(_, snapshot)| snapshot);
        let (gate, scheduler) =
            Scheduler::open(rules, Secret::new([42; 32]), Box::new(member.clone()), snapshot, clock())
                .unwrap();
        let snapshot = scheduler.snapshot(clock());
        let former = last.map(|(former, _)| former);
        let of_process =
            Node { gate: gate.clone(), member: member.clone(), seats: SEATS, former, clock: Box::new(clock) };
        let (nodes, carrier) = Nodes::prepare(&NodesConfig::default(), of_process).unwrap();
        *self.carriers[node].lock().unwrap() = Some(carrier);
        Process { gate, scheduler, member, nodes, snapshot, alive: true }
    }

    fn now(&self) -> u64 {
        self.time.load(Ordering::Relaxed)
    }

    /// What a node takes for the time.
    fn its_time(&self, node: usize) -> Moment {
        self.processes[node].member.clock(own(self.now(), self.skews[node]))
    }

    /// Time passes.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 1_000 / STEP {
            self.sim.step().unwrap();
            let t = self.time.fetch_add(STEP, Ordering::Relaxed) + STEP;
            let gates: Vec<_> =
                (0..3).map(|node| (self.processes[node].gate.clone(), self.its_time(node))).collect();
            self.crowd.visit(|node| gates[node].clone(), t);
            if t.is_multiple_of(1_000) {
                self.tick();
                if self.crowd.seen.waiting > 0 {
                    self.inside.push(self.crowd.seen.inside);
                }
            }
        }
    }

    fn tick(&mut self) {
        for node in 0..3 {
            let now = self.its_time(node);
            let process = &mut self.processes[node];
            if process.alive {
                process.scheduler.tick(now);
                process.snapshot = Snapshot::from_json(&process.scheduler.snapshot(now).to_json()).unwrap();
            }
        }
    }

    /// How many were inside on average, in thousandths of the seats, during so many seconds in which people
    /// waited. In the best of times nine in ten: who is called asks within some seconds.
    fn inside_during(&mut self, seconds: u64) -> u32 {
        self.inside.clear();
        self.pass(seconds);
        self.inside.iter().sum::<u32>() * 1_000 / SEATS / (self.inside.len() as u32).max(1)
    }

    fn kill(&mut self, node: usize) {
        self.sim.crash(NAMES[node]);
        self.processes[node].alive = false;
        let others: Vec<usize> = (0..3).filter(|other| *other != node).collect();
        self.crowd.flee(node, &others);
    }

    fn start_again(&mut self, node: usize) {
        let last = &self.processes[node];
        let last = Some((last.member.node(), Snapshot::from_json(&last.snapshot.to_json()).unwrap()));
        self.processes[node] = self.process(node, last);
        self.sim.bounce(NAMES[node]);
        // As `Nodes::joined` does where time is real: the doors open when the clock is right.
        while self.processes[node].nodes.report().nodes == 0 {
            self.pass(1);
        }
        self.crowd.come_back(node, 3);
    }

    fn stop_store(&mut self) {
        self.sim.crash("store");
    }

    fn start_store(&mut self, forgets: bool) {
        if forgets {
            self.memory.lock().unwrap().model.forget();
        }
        self.sim.bounce("store");
    }

    fn reports(&self) -> Vec<Report> {
        self.processes.iter().map(|process| process.nodes.report()).collect()
    }

    /// A line of the story, for whoever reads a failure, and to compare two runs.
    fn tell(&mut self, what: &str) {
        let Seen { inside, most, waiting, served, .. } = self.crowd.seen;
        let leases: Vec<u32> = self.reports().iter().map(|report| report.lease).collect();
        let rounds = self.memory.lock().unwrap().rounds;
        let t = self.now() / 1_000;
        writeln!(
            self.story,
            "{t:>5} s {what:<28} {inside} in ({most} at most), {waiting} wait, {served} served, leases {leases:?}, {rounds} rounds"
        )
        .unwrap();
    }

    /// What must hold of every story, at its end.
    fn judge(&self, out_of_order: usize) {
        let Seen { most, tickets_lost, put_out, ref admissions, .. } = self.crowd.seen;
        let story = &self.story;
        assert!(most * 100 <= SEATS * 105, "{most} were in at once, of {SEATS} seats\n{story}");
        assert_eq!((tickets_lost, put_out), (0, 0), "tickets not believed, people put out\n{story}");
        assert!(self.crowd.all_served(), "not everybody was served\n{story}");
        let overtaken = self.crowd.seen.overtaken(60);
        let share = overtaken * 1_000 / admissions.len();
        assert!(share <= out_of_order, "{overtaken} of {} out of order\n{story}", admissions.len());
    }
}

fn own(t: u64, skew: i64) -> Moment {
    Moment::from_unix_millis((MORNING + t).saturating_add_signed(skew))
}

/// Three thousand people within four minutes, who stay half a minute to a minute and a half.
fn crowd(seed: u64) -> Crowd {
    Crowd::new(seed, 3_000, 3, 20_000, 240_000, 60_000, 20_000)
}

/// A morning in which everything goes wrong once, at moments and to nodes that the seed draws.
fn morning(seed: u64) -> (String, Seen) {
    let mut chance = Chance::new(seed);
    let skews = [0, 30_000, -(chance.below(20_000) as i64)];
    let mut world = World::new(seed, skews, 20 + chance.below(280), crowd(seed));
    world.pass(30);
    for (report, skew) in world.reports().iter().zip(skews) {
        assert_eq!((report.nodes, report.severed_since), (3, None), "{report:?}");
        let ahead = report.clock_ahead.expect("measured");
        assert!((ahead + skew).abs() < 300, "the clock is off by {skew} ms, told as {ahead}");
    }
    world.pass(60);
    world.tell("the house is full");

    let cut = chance.below(3) as usize;
    world.sim.partition(NAMES[cut], "store");
    let inside = world.inside_during(60 + chance.below(60));
    world.tell("one node was cut off");
    assert!(world.reports()[cut].severed_since.is_some());
    assert!(inside >= 800, "only {inside} per mille inside while a node was cut off\n{}", world.story);
    world.sim.repair(NAMES[cut], "store");
    world.pass(15);
    assert_eq!(world.reports()[cut].severed_since, None, "not healed\n{}", world.story);

    let killed = (cut + 1) % 3;
    world.kill(killed);
    world.pass(5 + chance.below(25));
    world.start_again(killed);
    world.tell("one node was killed");
    world.pass(40);

    world.stop_store();
    let inside = world.inside_during(30 + chance.below(30));
    world.tell("the store was away");
    assert!(world.reports().iter().all(|report| report.severed_since.is_some()));
    assert!(inside >= 700, "only {inside} per mille inside without the store\n{}", world.story);
    world.start_store(chance.below(2) == 0);
    world.pass(30);
    assert!(world.reports().iter().all(|report| report.severed_since.is_none()), "{}", world.story);

    world.memory.lock().unwrap().model.forget();
    world.tell("all memory is lost");
    let inside = world.inside_during(40);
    world.tell("learnt again");
    assert!(inside >= 700, "only {inside} per mille inside while the store learnt\n{}", world.story);
    for _ in 0..40 {
        if world.crowd.all_served() {
            break;
        }
        world.pass(30);
    }
    world.tell("the end");
    world.judge(15);
    (world.story.clone(), world.crowd.seen.clone())
}

#[test]
fn a_bad_morning_lets_nobody_in_too_many_and_stalls_nowhere() {
    for seed in [1, 2, 3, 4] {
        let (story, _) = morning(seed);
        println!("seed {seed}\n{story}");
    }
}

#[test]
fn the_same_seed_gives_the_same_morning() {
    assert_eq!(morning(5), morning(5));
}

#[test]
fn the_newest_copy_of_a_ticket_wins_on_every_node() {
    let mut world = World::new(7, [0, 30_000, -5_000], 50, Crowd::new(7, 0, 3, 0, 1, 1, 1));
    world.pass(20);
    // Somebody with a session copies it, and the copies claim seats on two nodes, one after the other.
    let enter = |world: &World, node: usize, session: Option<&str>, mark: Option<&str>| {
        let arrival = preau_gate::Arrival { session, mark, ..Default::default() };
        let fresh = || preau_gate::DeviceId::new([9; 12]);
        let (gate, now) = (&world.processes[node].gate, world.its_time(node));
        match gate.decide(&arrival, fresh, now) {
            preau_gate::Verdict::Admit(admission) => Some((admission.session, admission.renewed)),
            preau_gate::Verdict::Wait(_) => None,
        }
    };
    let (session, text) = enter(&world, 0, None, None).expect("there is room");
    let old = text.expect("a new session").to_string();
    world.pass(2);
    let (_, renewed) = enter(&world, 0, Some(&old), None).expect("its own session");
    let old = renewed.map_or(old, |text| text.to_string());
    let standing = preau_gate::Standing::Known;
    let (_, mark) = world.processes[0].gate.recognise(&session, standing, world.its_time(0)).unwrap();
    world.pass(30);
    assert_eq!(world.processes[0].gate.status().taken, 1);
    // The same device, on a node that is cut off at this moment.
    world.sim.partition(NAMES[1], "store");
    let (newest, text) = enter(&world, 1, None, Some(mark.as_str())).expect("there is room");
    assert_eq!((newest.device, newest.seated > session.seated), (session.device, true));
    let text = text.expect("a new session").to_string();
    world.pass(1);
    let newest = enter(&world, 1, Some(&text), None).unwrap().1.map_or(text, |text| text.to_string());
    world.pass(90);
    assert_eq!(world.processes[0].gate.status().taken, 1, "nobody has told it");
    world.sim.repair(NAMES[1], "store");
    world.pass(15);
    let taken = world.processes.iter().map(|process| process.gate.status().taken).collect::<Vec<_>>();
    assert_eq!(taken, [0, 1, 0], "only the newest counts");
    for node in [0, 2] {
        let (now, gate) = (world.its_time(node), &world.processes[node].gate);
        // An older copy is a stranger everywhere: what it gets is another seat, of another device.
        let other = preau_gate::DeviceId::new([node as u8; 12]);
        let arrival = preau_gate::Arrival { session: Some(&old), ..Default::default() };
        match gate.decide(&arrival, || other, now) {
            preau_gate::Verdict::Admit(admission) => assert_eq!(admission.session.device, other),
            preau_gate::Verdict::Wait(wait) => assert_eq!(wait.device, other),
        }
    }
    assert!(enter(&world, 2, Some(&newest), None).is_some_and(|(session, _)| session.device == DEVICE));
    const DEVICE: preau_gate::DeviceId = preau_gate::DeviceId::new([9; 12]);
}

#[test]
fn a_node_leaves_under_load_and_its_seats_go_to_the_others() {
    let mut world = World::new(8, [0, 0, 0], 50, crowd(8));
    world.pass(100);
    world.processes[0].nodes.begin_leaving(Duration::from_secs(300));
    // The balancer sends nobody new there, and those inside go on where they are.
    world.crowd.flee(0, &[1, 2]);
    world.pass(60);
    world.tell("one node leaves");
    assert!(world.reports()[0].leaving);
    world.pass(90);
    world.tell("it has left");
    assert_eq!(world.processes[0].nodes.left(), Some(preau_nodes::Left::Empty), "{}", world.story);
    assert_eq!(world.reports()[1].nodes, 2);
    let inside = world.inside_during(30);
    assert!(inside >= 800, "{inside} per mille inside\n{}", world.story);
    for _ in 0..20 {
        world.pass(30);
    }
    world.judge(15);
}
