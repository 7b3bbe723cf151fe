//! Nodes over a real Redis and a real Valkey, in real time: joining, seats, notices, lost memory, leaving;
//! who is let in with which password and certificate; and the gate's scenario 7, shortened.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use preau_gate::{
    Arrival, DeviceId, Gate, Lane, Member, Moment, NodeId, Rules, Scheduler, Secret, Snapshot, Standing,
    Verdict,
};
use preau_nodes::{Left, Node, Nodes, NodesConfig, Report};
use preau_testkit::Redis;
use preau_testkit::redis::Kind;
use support::crowd::{Chance, Crowd};

/// Nothing below is expected to take nearly as long; a busy machine may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn system() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Moment::from_unix_millis(since.as_millis() as u64)
}

/// A node with its second hand, which turns faster here.
struct Live {
    gate: Gate,
    member: Member,
    nodes: Option<Nodes>,
    ahead: Duration,
    snapshot: Arc<Mutex<Snapshot>>,
    stop: Arc<AtomicBool>,
    hand: Option<JoinHandle<()>>,
}

impl Live {
    fn start(number: u64, config: &NodesConfig, seats: u32, ahead: Duration, last: Option<&Live>) -> Live {
        let poll = (Duration::from_secs(1), Duration::from_secs(300));
        Live::with(Rules { poll, ..Rules::default() }, number, config, seats, ahead, last)
    }

    fn with(
        rules: Rules,
        number: u64,
        config: &NodesConfig,
        seats: u32,
        ahead: Duration,
        last: Option<&Live>,
    ) -> Live {
        let clock = move || system() + ahead;
        let member = Member::new(NodeId(number));
        let rules = Rules { several_nodes: true, ..rules };
        let kept = last.map(|last| last.snapshot.lock().unwrap().to_json());
        let kept = kept.map(|text| Snapshot::from_json(&text).unwrap());
        let secret = Secret::new([42; 32]);
        let (gate, mut scheduler) =
            Scheduler::open(rules, secret, Box::new(member.clone()), kept.as_ref(), clock()).unwrap();
        let former = last.map(|last| last.member.node());
        let node = Node { gate: gate.clone(), member: member.clone(), seats, former, clock: Box::new(clock) };
        let nodes = Nodes::start(config, node).unwrap();
        let snapshot = Arc::new(Mutex::new(scheduler.snapshot(clock())));
        let stop = Arc::new(AtomicBool::new(false));
        let (its_member, its_snapshot, its_stop) = (member.clone(), snapshot.clone(), stop.clone());
        let hand = std::thread::spawn(move || {
            while !its_stop.load(Ordering::Relaxed) {
                let now = its_member.clock(clock());
                scheduler.tick(now);
                *its_snapshot.lock().unwrap() = scheduler.snapshot(now);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Live { gate, member, nodes: Some(nodes), ahead, snapshot, stop, hand: Some(hand) }
    }

    fn now(&self) -> Moment {
        self.member.clock(system() + self.ahead)
    }

    fn report(&self) -> Report {
        self.nodes.as_ref().expect("alive").report()
    }

    /// As if killed: nothing more is said or done.
    fn kill(&mut self) {
        self.nodes = None;
        self.stop.store(true, Ordering::Relaxed);
        if let Some(hand) = self.hand.take() {
            hand.join().unwrap();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for something to become true.
fn until(what: &str, live: &[Live], mut yes: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !yes() {
        if begun.elapsed() > PATIENCE {
            let reports: Vec<Report> =
                live.iter().filter(|live| live.nodes.is_some()).map(Live::report).collect();
            panic!("{what}: not within {PATIENCE:?}; {reports:#?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn leases(live: &[Live]) -> Vec<u32> {
    live.iter().map(|live| live.report().lease).collect()
}

fn config(url: String) -> NodesConfig {
    NodesConfig { url, ..NodesConfig::default() }
}

#[test]
fn nodes_join_agree_on_seats_and_leave() {
    for kind in Kind::installed().unwrap_or_else(|error| panic!("{error}")) {
        let server = Redis::start_with(kind, |_| Vec::new(), &[]).unwrap();
        // Another house on the same server sees nothing of this one.
        let other = NodesConfig { prefix: "other".into(), ..config(server.url()) };
        let alone = [Live::start(9, &other, 7, Duration::ZERO, None)];
        let ahead = Duration::from_secs(30);
        let live = [(1, Duration::ZERO), (2, ahead)]
            .map(|(number, ahead)| Live::start(number, &config(server.url()), 90, ahead, None));
        until("two nodes share", &live, || leases(&live) == [45, 45]);
        until("a house alone", &alone, || leases(&alone) == [7]);
        let skew = live[1].report().clock_ahead.unwrap();
        assert!((skew + 30_000).abs() < 2_000, "{skew} ms");
        assert!(live[1].now().since(live[0].now()) < Duration::from_secs(2), "clocks are set right");

        live[1].nodes.as_ref().unwrap().set_seats(120);
        until("new seats everywhere", &live, || {
            leases(&live) == [60, 60] && live.iter().all(|live| live.report().seats == 120)
        });
        assert_eq!(alone[0].report().seats, 7);

        until("the doors are open", &live, || live[0].gate.forecast(Lane::Unknown).is_none());
        // Somebody is in on the first and comes to the second: the seat goes with them.
        let device = DeviceId::new([5; 12]);
        let Verdict::Admit(admission) = live[0].gate.decide(&Arrival::default(), || device, live[0].now())
        else {
            panic!("there is room")
        };
        let session = admission.renewed.unwrap().to_string();
        let taken = || live.iter().map(|live| live.gate.status().taken).collect::<Vec<_>>();
        until("in on the first", &live, || taken() == [1, 0]);
        let arrival = Arrival { session: Some(&session), ..Arrival::default() };
        let Verdict::Admit(moved) = live[1].gate.decide(&arrival, || device, live[1].now()) else {
            panic!("a good session")
        };
        assert_eq!(moved.session.device, device);
        until("in on the second", &live, || taken() == [0, 1]);

        // All is forgotten; nobody gets more than there is, and it comes back to what it was.
        server.cli(&["FLUSHALL"]).unwrap();
        until("learnt again", &live, || {
            let sum: u32 = leases(&live).iter().sum();
            assert!(sum <= 120, "{sum} seats are leased");
            let seats = server.cli(&["HGET", "{preau}:seats", "seats"]).unwrap();
            let nodes = server.cli(&["HLEN", "{preau}:leases"]).unwrap();
            seats == "120" && nodes == "3" && sum == 120
        });

        // A third joins with what it has in its configuration, which is what the others were started with.
        let third = Live::start(3, &config(server.url()), 90, Duration::ZERO, None);
        until("three share", &live, || third.report().lease >= 39 && third.report().seats == 120);
        // The one with somebody in leaves when they do.
        let leaver = std::thread::scope(|scope| {
            let leaving = scope.spawn(|| live[1].nodes.as_ref().unwrap().leave(PATIENCE));
            until("it is told to be leaving", &live, || live[1].report().leaving);
            std::thread::sleep(Duration::from_millis(2_500));
            assert!(!leaving.is_finished(), "somebody is still in");
            assert!(live[1].gate.release(&moved.session, live[1].now()));
            leaving.join().unwrap()
        });
        assert_eq!(leaver, Left::Empty);
        until("two are left", &live, || live[0].report().nodes == 2 && live[0].report().lease == 60);
        assert_eq!(third.nodes.as_ref().unwrap().leave(Duration::from_secs(20)), Left::Empty);
    }
}

/// A certificate for `127.0.0.1` and the authority that signed it, as files.
fn certificate(folder: &std::path::Path, name: &str) -> [String; 3] {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let put = |kind: &str, text: String| {
        let file = folder.join(format!("{name}-{kind}.pem"));
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    [put("authority", signed.pem()), put("certificate", leaf.pem()), put("key", key.serialize_pem())]
}

#[test]
fn only_who_knows_the_password_and_trusts_the_certificate_joins() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate_file, key] = certificate(folder.path(), "store");
    let [stranger, ..] = certificate(folder.path(), "stranger");
    for kind in Kind::installed().unwrap_or_else(|error| panic!("{error}")) {
        let options = |port: u16| {
            let port = port.to_string();
            let tls = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
            let files = [
                "--tls-cert-file",
                &certificate_file,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &authority,
            ];
            let user = ["--user", "node", "on", ">p@ss", "~{preau}:*", "+@all", "--user", "default", "off"];
            [&tls[..], &files, &user].concat().into_iter().map(str::to_owned).collect()
        };
        let server = Redis::start_with(kind, options, &[]).unwrap();
        let port = server.port();
        let with = |user: &str, authority: &str| NodesConfig {
            url: format!("rediss://{user}127.0.0.1:{port}/3"),
            authority: Some(authority.into()),
            ..NodesConfig::default()
        };
        let start = |config: &NodesConfig| [Live::start(1, config, 9, Duration::ZERO, None)];
        let joined = start(&with("node:p%40ss@", &authority));
        until("joined over TLS", &joined, || joined[0].report().severed_since.is_none());
        for (wrong, said) in [
            (with("node:guess@", &authority), "Password authentication failed"),
            (with("", &authority), "NOAUTH"),
            (with("node:p%40ss@", &stranger), "certificate"),
        ] {
            let out = start(&wrong);
            until(said, &out, || out[0].report().trouble.is_some_and(|trouble| trouble.contains(said)));
            let report = out[0].report();
            assert_eq!((report.lease, report.nodes, report.severed_since.is_some()), (0, 0, true));
        }
        let plain = start(&config(format!("redis://127.0.0.1:{port}")));
        until("no TLS", &plain, || plain[0].report().trouble.is_some());
    }
    let nobody = config(format!("redis://127.0.0.1:{}", preau_testkit::port::free_tcp().unwrap()));
    let out = [Live::start(1, &nobody, 9, Duration::ZERO, None)];
    until("nobody there", &out, || {
        out[0].report().trouble.is_some_and(|said| said.contains("cannot be reached"))
    });
    assert_eq!(out[0].nodes.as_ref().unwrap().leave(Duration::from_millis(300)), Left::Untold);
}

#[test]
fn a_gate_for_one_node_takes_no_part() {
    let (gate, _scheduler) = Scheduler::open(
        Rules::default(),
        Secret::new([42; 32]),
        Box::new(preau_gate::Quota(1)),
        None,
        system(),
    )
    .unwrap();
    let member = Member::new(NodeId(1));
    let node = Node { gate, member, seats: 1, former: None, clock: Box::new(system) };
    let error = Nodes::start(&NodesConfig::default(), node).unwrap_err().to_string();
    assert!(error.contains("several_nodes"), "{error}");
}

#[test]
fn a_revoked_session_is_void_on_every_node() {
    let server = Redis::start().unwrap_or_else(|error| panic!("{error}"));
    let live = [1, 2].map(|n| Live::start(n, &config(server.url()), 10, Duration::ZERO, None));
    until("two nodes share", &live, || leases(&live) == [5, 5]);
    until("the doors are open", &live, || live[0].gate.forecast(Lane::Unknown).is_none());
    let device = DeviceId::new([5; 12]);
    let Verdict::Admit(admission) = live[0].gate.decide(&Arrival::default(), || device, live[0].now()) else {
        panic!("there is room")
    };
    let (session, _) = live[0].gate.recognise(&admission.session, Standing::Known, live[0].now()).unwrap();
    let copy = session.to_string();
    let arrival = Arrival { session: Some(&copy), ..Arrival::default() };
    let is_in = |n: usize| {
        let fresh = || DeviceId::new([77; 12]);
        matches!(live[n].gate.decide(&arrival, fresh, live[n].now()), Verdict::Admit(a) if a.session.seated == admission.session.seated)
    };
    assert!(is_in(0) && is_in(1), "a good session goes everywhere");
    // Sessions are told apart by the millisecond of their seat: a new one in the same would be the old one.
    std::thread::sleep(Duration::from_millis(20));
    assert!(live[0].gate.revoke(device, live[0].now()) || live[1].gate.revoke(device, live[1].now()));
    until("void everywhere", &live, || !is_in(0) && !is_in(1));
}

/// The gate's rules with seconds for minutes.
fn quick() -> Rules {
    Rules {
        poll: (Duration::from_secs(1), Duration::from_secs(5)),
        refresh: Duration::from_secs(1),
        idle: Duration::from_secs(10),
        leaving: Duration::from_secs(2),
        reentry: Duration::from_secs(10),
        first_hold: Duration::from_secs(5),
        claim: Duration::from_secs(10),
        ..Rules::default()
    }
}

#[test]
fn a_closed_page_is_one_thing_on_every_node() {
    let server = Redis::start().unwrap_or_else(|error| panic!("{error}"));
    let minute = Duration::from_secs(60);
    let rules = || Rules { idle: minute, reentry: minute, ..quick() };
    let live = [1, 2].map(|n| Live::with(rules(), n, &config(server.url()), 10, Duration::ZERO, None));
    until("two nodes share", &live, || leases(&live) == [5, 5]);
    until("the doors are open", &live, || live[0].gate.forecast(Lane::Unknown).is_none());
    let asks = |n: usize, session: Option<&str>| {
        let arrival = Arrival { session, ..Arrival::default() };
        match live[n].gate.decide(&arrival, || DeviceId::new([5; 12]), live[n].now()) {
            Verdict::Admit(admission) => admission,
            Verdict::Wait(_) => panic!("there is room"),
        }
    };
    let taken = || live.iter().map(|live| live.gate.status().taken).collect::<Vec<_>>();
    let first = asks(0, None);
    let text = first.renewed.unwrap().to_string();
    // Shown once more, it has been received.
    let first = asks(0, Some(&text)).session;
    until("in on the first", &live, || taken() == [1, 0]);
    // A page is closed there, and another tab is open on the second node: the seat goes along, and stays.
    assert!(live[0].gate.leaving(&first, live[0].now()));
    let tab = asks(1, Some(&text));
    assert_eq!(tab.session.seated, first.seated);
    until("in on the second", &live, || taken() == [0, 1]);
    let begun = Instant::now();
    while begun.elapsed() < quick().leaving + Duration::from_secs(2) {
        assert_eq!(taken(), [0, 1], "somebody is there");
        std::thread::sleep(Duration::from_millis(100));
    }
    // That one is closed, too. Once it has stayed so, the session is a way back on the first node, no seat.
    let text = tab.renewed.unwrap().to_string();
    assert!(live[1].gate.leaving(&tab.session, live[1].now()));
    until("nobody is in", &live, || taken() == [0, 0]);
    until("the second node has said so", &live, || live[1].report().unsent == 0);
    // Nothing shows that the first has heard it; the nodes talk ten times a second.
    std::thread::sleep(Duration::from_secs(1));
    assert!(asks(0, Some(&text)).session.seated > first.seated, "back, on a seat of their own");
    until("in on the first again", &live, || taken() == [1, 0]);
}

/// Scenario 7 of docs/gate.md over a real store: one of three nodes is killed at the peak and comes back, the
/// store is stopped and started again without memory, and one clock runs half a minute ahead. Minutes are
/// seconds here; a store counts as gone after five of them, and learns for ten.
#[test]
fn scenario_seven_over_a_real_store() {
    const SEATS: u32 = 60;
    let server = Redis::start().unwrap_or_else(|error| panic!("{error}"));
    let config = config(server.url());
    let skews = [0, 30, 0].map(Duration::from_secs);
    let mut live: Vec<Live> =
        (0..3).map(|n| Live::with(quick(), n as u64 + 1, &config, SEATS, skews[n], None)).collect();
    until("three share", &live, || leases(&live) == [20; 3]);
    let mut crowd = Crowd::new(7, 420, 3, 0, 12_000, 6_000, 2_000);
    let mut chance = Chance::new(8);
    let begun = Instant::now();
    let (mut killed, mut back, mut stopped, mut started) = (false, false, false, false);
    let mut severed = [false; 3];
    let mut cut = 0..0;
    while !crowd.all_served() {
        let t = begun.elapsed().as_millis() as u64;
        assert!(t < 240_000, "{} of 420 served; {:?}", crowd.seen.served, leases(&live));
        if t > 10_000 && !killed {
            killed = true;
            live[0].kill();
            crowd.flee(0, &[1, 2]);
        }
        if t > 14_000 && !back {
            back = true;
            let number = 100 + chance.below(100);
            live[0] = Live::with(quick(), number, &config, SEATS, skews[0], Some(&live[0]));
            assert!(live[0].nodes.as_ref().unwrap().joined(PATIENCE), "{:?}", live[0].report());
            crowd.come_back(0, 3);
        }
        if t > 22_000 && !stopped {
            stopped = true;
            server.kill().unwrap();
            cut.start = t;
        }
        if stopped && !started {
            for (severed, live) in severed.iter_mut().zip(&live) {
                *severed |= live.report().severed_since.is_some();
            }
            if t > cut.start + 14_000 && severed == [true; 3] {
                started = true;
                server.start_again().unwrap();
                cut.end = t;
            }
        }
        crowd.visit(|n| (live[n].gate.clone(), live[n].now()), t);
        std::thread::sleep(Duration::from_millis(10));
    }
    let seen = &crowd.seen;
    assert!(started, "everybody was served before the store came back: make the crowd larger");
    assert_eq!((seen.tickets_lost, seen.put_out), (0, 0), "tickets not believed, people put out");
    assert!(seen.most * 100 <= SEATS * 105, "{} in at once, of {SEATS} seats", seen.most);
    // Once the house is full, and before anything happens.
    let whole = seen.admitted(3_000..10_000) as f64 / 7.0;
    let without = seen.admitted(cut.clone()) as f64 * 1e3 / (cut.end - cut.start) as f64;
    println!(
        "{} in at most, {} of {} out of order; {without:.1} people a second without the store, {whole:.1} with it",
        seen.most,
        seen.overtaken(10),
        seen.admissions.len()
    );
    assert!(without >= whole * 0.6, "{without} people a second without the store, {whole} with it");
    until("all together again", &live, || {
        live.iter().all(|live| live.report().severed_since.is_none() && live.report().nodes == 3)
    });
    let sum: u32 = leases(&live).iter().sum();
    assert!(sum <= SEATS, "{sum} seats are leased");
}
