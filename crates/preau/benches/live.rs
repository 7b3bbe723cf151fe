//! What sound and picture cost: the same people before our media server, LiveKit's and Janus.
//!
//! Each server has the first core to itself, its processor time is the kernel's count for the whole process
//! (signalling included), and packets are those of media, in and out. The people are ours (`live/people.rs`): WebRTC
//! over str0m, one thread and one socket on the second core, 50 packets of sound and 125 of 1,100-byte pictures a
//! second from whoever sends. The servers take turns, so that a busy machine is busy for all of them.
//!
//! Loads: *class*, one teacher and 29 pupils who look and listen; *hall*, one and 299; *seminar*, 30 who all speak,
//! five of them with a camera; *school*, 30 classes at once. What one core carries is reckoned from the share of it
//! that the school takes: this generator, which decrypts every packet, is busier than the server that it measures.
//!
//! `cargo bench -p preau --bench live [-- class|hall|seminar|school|ours|livekit|janus …]`. Janus serves no loopback
//! address, so all of it happens in a network namespace of its own; where that is not permitted, Janus is left out,
//! and said to be.

#[path = "live/janus.rs"]
mod janus;
#[path = "live/livekit.rs"]
mod livekit;
#[path = "live/network.rs"]
mod network;
#[path = "live/people.rs"]
mod people;
#[path = "live/serve.rs"]
mod serve;
#[path = "live/servers.rs"]
mod servers;

use anyhow::bail;
use network::Network;
use people::People;
use preau_people::house::stay_on;
use preau_testkit::bench::Measurement;
use servers::{Make, Server};
use std::process::Command;
use std::time::{Duration, Instant};
use str0m::media::MediaKind::{self, Audio, Video};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 3;
const PEOPLE_CORE: usize = 1;
/// Seconds of everybody's arrival at most, of waiting until everything flows at most, of its settling, and of counting.
const ARRIVAL: f64 = 90.0;
const FLOWING: f64 = 40.0;
const SETTLING: f64 = 8.0;
const COUNTING: f64 = 6.0;
/// The bench's own variable: whose first two bytes everybody's address has.
const NET: &str = "PREAU_BENCH_NET";

/// How many there are, and what they send.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    rooms: usize,
    people: usize,
    /// How many of each room speak, and how many of these are seen.
    voices: usize,
    cameras: usize,
}

const LOADS: [Load; 4] = [
    Load { name: "class", rooms: 1, people: 30, voices: 1, cameras: 1 },
    Load { name: "hall", rooms: 1, people: 300, voices: 1, cameras: 1 },
    Load { name: "seminar", rooms: 1, people: 30, voices: 30, cameras: 5 },
    Load { name: "school", rooms: 30, people: 30, voices: 1, cameras: 1 },
];

impl Load {
    fn kinds(self, number: usize) -> &'static [MediaKind] {
        match (number < self.voices, number < self.cameras) {
            (true, true) => &[Audio, Video],
            (true, false) => &[Audio],
            _ => &[],
        }
    }

    /// Streams that arrive somewhere.
    fn streams(self) -> usize {
        self.rooms * (self.voices + self.cameras) * (self.people - 1)
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    /// Microseconds of processor time a packet, in or out.
    cost: f64,
    /// Packets a second, and the share of the core that they took.
    rate: f64,
    share: f64,
    /// Milliseconds.
    p99: f64,
    /// Share of the packets that did not arrive, without those that this program was too slow for.
    loss: f64,
    /// Kilobytes a participant.
    memory: f64,
    /// Arrivals a second of processor time.
    joins: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    if let [serve, address] = arguments.as_slice()
        && serve == "--serve"
    {
        return serve::run(address.parse()?, servers::key());
    }
    let net = match std::env::var(NET) {
        Ok(net) if net == "10.77" => [10, 77],
        Ok(_) => [127, 77],
        Err(_) => return apart(&arguments),
    };
    stay_on(PEOPLE_CORE).map_err(|error| anyhow::anyhow!(error))?;
    let named = |name: &str, all: &[&str]| {
        arguments.iter().any(|one| one == name) || !arguments.iter().any(|one| all.contains(&one.as_str()))
    };
    let makes = [Make::Ours, Make::LiveKit, Make::Janus];
    let (make_names, load_names) = (makes.map(Make::name), LOADS.map(|load| load.name));
    let present: Vec<Make> = makes
        .into_iter()
        .filter(|make| named(make.name(), &make_names))
        .filter(|make| match make.absent(net) {
            Some(why) => {
                println!("{} is left out: {why}", make.name());
                false
            }
            None => true,
        })
        .collect();
    // A peer that once did not carry a load is not waited for again.
    let mut given_up: Vec<&str> = Vec::new();
    for load in LOADS.into_iter().filter(|load| named(load.name, &load_names)) {
        let mut outcomes: Vec<(Make, Vec<Outcome>)> =
            present.iter().map(|make| (*make, Vec::new())).collect();
        for run in 0..RUNS {
            for (make, outcomes) in &mut outcomes {
                if given_up.contains(&make.name()) {
                    continue;
                }
                match measure(load, *make, net) {
                    Ok(outcome) => {
                        println!("{} {} {}: {outcome:?}", load.name, run + 1, make.name());
                        outcomes.push(outcome);
                    }
                    Err(error) if *make == Make::Ours => return Err(error),
                    Err(error) => {
                        println!("{} {} {}: {error:#}; it is left out", load.name, run + 1, make.name());
                        given_up.push(make.name());
                    }
                }
            }
        }
        leave(load, &outcomes)?;
    }
    Ok(())
}

/// Runs this program again in a network of its own, or where it is if that is not permitted.
fn apart(arguments: &[String]) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    // A pair of which one end bears the address: there are kernels without dummy devices. Janus sends through the device
    // that bears its address and no other, so everybody else's addresses are that one's too.
    let net = "ip link set lo up && ip link add preau type veth peer name people && ip link set people up \
               && ip addr add 10.77.0.1/32 dev preau && ip link set preau up \
               && ip route add local 10.77.0.0/16 dev preau";
    let possible = |script: &str| {
        Command::new("unshare")
            .args(["--net", "sh", "-c", script])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let status = if possible(net) {
        let script = format!("{net} && exec \"$0\" \"$@\"");
        Command::new("unshare")
            .args(["--net", "sh", "-c", &script])
            .arg(own)
            .args(arguments)
            .env(NET, "10.77")
            .status()?
    } else {
        Command::new(own).args(arguments).env(NET, "127.77").status()?
    };
    if !status.success() {
        bail!("the benchmark ended with {status}");
    }
    Ok(())
}

/// How people signal to one make of server.
enum Classes {
    LiveKit(livekit::Classes),
    Janus(janus::Classes),
}

impl Classes {
    fn listen(&mut self, people: &mut People) -> anyhow::Result<()> {
        match self {
            Classes::LiveKit(classes) => classes.listen(people),
            Classes::Janus(classes) => classes.listen(people),
        }
    }

    fn wanted(&self) -> usize {
        match self {
            Classes::LiveKit(classes) => classes.wanted(),
            Classes::Janus(classes) => classes.wanted(),
        }
    }

    /// Turns until `done`, or so many seconds; whether it was done.
    fn until(
        &mut self,
        people: &mut People,
        seconds: f64,
        done: impl Fn(&Classes, &People) -> bool,
    ) -> anyhow::Result<bool> {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < end {
            for _ in 0..32 {
                people.turn();
            }
            self.listen(people)?;
            if done(self, people) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn measure(load: Load, make: Make, net: [u8; 2]) -> anyhow::Result<Outcome> {
    let server: Server = make.start(net)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut people = People::new(Network::open(net)?);
    let handle = runtime.handle().clone();
    let mut classes = match make {
        Make::Janus => Classes::Janus(janus::Classes::new(server.address, handle)),
        _ => Classes::LiveKit(livekit::Classes::new(server.address, servers::key(), handle)),
    };
    let idle = server.usage()?;
    for room in 0..load.rooms {
        for number in 0..load.people {
            let kinds = load.kinds(number);
            match &mut classes {
                Classes::LiveKit(classes) => classes.join(&mut people, &format!("room-{room}"), kinds),
                Classes::Janus(classes) => classes.join(&mut people, room, kinds),
            }
        }
    }
    let all = load.rooms * load.people;
    if !classes.until(&mut people, ARRIVAL, |classes, people| people.connected() >= classes.wanted())? {
        let (connected, wanted, missing) = (people.connected(), classes.wanted(), people.missing());
        bail!("only {connected} of {wanted} connections came about; not {missing:?}");
    }
    let full = server.usage()?;
    people.sending = true;
    let wanted = load.streams();
    if !classes.until(&mut people, FLOWING, |_, people| people.losses().0 >= wanted)? {
        let (sound, pictures) = people.streams();
        bail!("of {wanted} streams only {sound} of sound and {pictures} of pictures arrive");
    }
    // Key frames and negotiations of the beginning are over, and so is the feeling of the way: a link of which nothing is
    // known gets 3 Mbit/s of us, and a quarter more every second.
    classes.until(&mut people, SETTLING, |_, _| false)?;
    people.count_anew();
    let (before, missed, begun) = (server.usage()?, people.missed(), Instant::now());
    classes.until(&mut people, COUNTING, |_, _| false)?;
    let (seconds, after) = (begun.elapsed().as_secs_f64(), server.usage()?);
    let missed = people.missed() - missed;
    let (streams, expected, lost) = people.losses();
    if streams < wanted {
        bail!("only {streams} of {wanted} streams went on");
    }
    let cpu = after.cpu_since(&before).as_secs_f64();
    let packets = (people.tally.sent + people.tally.received) as f64;
    people.tally.delays.sort_by(f32::total_cmp);
    let delays = &people.tally.delays;
    let p99 = delays.get(delays.len() * 99 / 100).copied().unwrap_or(f32::NAN);
    if missed > 0 {
        println!("{missed} datagrams were too fast for this program");
    }
    Ok(Outcome {
        cost: cpu * 1e6 / packets,
        rate: packets / seconds,
        share: cpu / seconds,
        p99: f64::from(p99),
        loss: lost.saturating_sub(missed) as f64 / expected as f64,
        memory: after.memory.saturating_sub(idle.memory) as f64 / 1024.0 / all as f64,
        joins: all as f64 / full.cpu_since(&idle).as_secs_f64(),
    })
}

/// A figure of an outcome.
type Figure = fn(&Outcome) -> f64;

fn leave(load: Load, outcomes: &[(Make, Vec<Outcome>)]) -> anyhow::Result<()> {
    let figures: &[(&str, &str, Figure)] = match load.name {
        "class" => &[("live_cpu_per_packet_class_us", "us", |one| one.cost)],
        "hall" => &[
            ("live_cpu_per_packet_us", "us", |one| one.cost),
            ("live_forward_p99_ms", "ms", |one| one.p99),
            ("live_memory_per_participant_kb", "kB", |one| one.memory),
            ("live_joins_per_second", "joins/CPU-s", |one| one.joins),
        ],
        "seminar" => &[
            ("live_cpu_per_packet_seminar_us", "us", |one| one.cost),
            ("live_forward_seminar_p99_ms", "ms", |one| one.p99),
        ],
        _ => &[
            ("live_30x30_loss", "share", |one| one.loss),
            ("live_30x30_packets_per_core", "packets/s", |one| one.rate / one.share),
        ],
    };
    for (name, unit, figure) in figures {
        let of = |make: Make| {
            let runs = outcomes.iter().find(|(one, _)| *one == make).map(|(_, runs)| runs);
            runs.into_iter().flatten().map(figure).collect::<Vec<f64>>()
        };
        if of(Make::Ours).is_empty() {
            continue;
        }
        let mut result = Measurement::of(name, unit, &of(Make::Ours));
        for make in [Make::LiveKit, Make::Janus] {
            let theirs = of(make);
            if !theirs.is_empty() {
                result = result.peer(make.name(), Measurement::of(name, unit, &theirs).value);
            }
        }
        println!("{name}: {} {unit} {:?}", result.value, result.peers);
        result.leave()?;
    }
    Ok(())
}
