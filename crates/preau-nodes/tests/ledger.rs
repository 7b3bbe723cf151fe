//! The script and the gate's `Ledger` answer alike, on every server that is here: random asks, late ones,
//! silence, seats changed, a former node buried, memory lost.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use preau_nodes::SCRIPT;
use preau_testkit::Redis;
use preau_testkit::redis::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::{Connection, Value};
use support::Model;

const KEYS: [&str; 4] = ["{t}:leases", "{t}:watermarks", "{t}:seats", "{t}:notices"];
const START: u64 = 1_795_000_000_000;

/// A step of the story.
#[derive(Clone, Debug)]
enum Step {
    Round(Box<Words>),
    /// Milliseconds pass.
    Wait(u64),
    /// The store loses its memory.
    Forget,
    /// Another sixty nodes are there.
    Crowd,
}

/// What a node says, as the script takes it.
#[derive(Clone, Debug)]
struct Words {
    node: u64,
    number: Option<u64>,
    granted: u64,
    counts: [u32; 3],
    leaving: bool,
    watermarks: [u64; 4],
    former: Option<u64>,
    seats: (u32, u64),
    configured: u32,
    joining: bool,
    batches: Vec<Vec<u8>>,
}

fn seats() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0_u32..200, 2 => 0_u32..100_000, 2 => 0..=preau_gate::SEATS]
}

/// Node numbers that use all their bits, so that a store that rounds is caught.
fn node(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn words() -> impl Strategy<Value = Words> {
    let number = prop_oneof![8 => (1_u64..12).prop_map(Some), 1 => (u64::MAX - 3..=u64::MAX).prop_map(Some), 1 => Just(None)];
    let mark = prop_oneof![any::<u64>(), (0_u64..3).prop_map(|n| (1_795_000_000 << 32) + n), Just(0)];
    let who = (0_u64..5, number, 0_u64..12, prop::bool::weighted(0.15));
    let house =
        ((seats(), 0_u64..4), 90_u32..92, prop::bool::weighted(0.2), prop::option::weighted(0.2, 0_u64..5));
    let batches = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..3);
    (who, [seats(), seats(), seats()], [mark.clone(), mark.clone(), mark.clone(), mark], house, batches)
        .prop_map(
            |(
                (n, number, granted, leaving),
                counts,
                watermarks,
                (seats, configured, joining, former),
                batches,
            )| Words {
                node: node(n),
                number,
                granted,
                counts,
                leaving,
                watermarks,
                former: former.map(node),
                seats,
                configured,
                joining,
                batches,
            },
        )
}

fn story() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![6 => 0_u64..3_000, 2 => 4_000_u64..12_000, 1 => 500_000_u64..700_000];
    let step = prop_oneof![
        30 => words().prop_map(|words| Step::Round(Box::new(words))),
        10 => wait.prop_map(Step::Wait),
        1 => Just(Step::Forget),
        1 => Just(Step::Crowd),
    ];
    prop::collection::vec(step, 1..80)
}

impl Words {
    fn arguments(&self, cursor: &str) -> Vec<Vec<u8>> {
        let flag = |yes: bool| String::from(if yes { "1" } else { "0" });
        let [holds, seated, wanted] = self.counts.map(|count| count.to_string());
        let texts = [
            format!("{:016x}", self.node),
            self.number.map_or_else(String::new, |number| format!("{number:016x}")),
            format!("{:016x}", self.granted),
            holds,
            seated,
            wanted,
            flag(self.leaving),
            self.watermarks.iter().map(|mark| format!("{mark:016x}")).collect(),
            self.former.map_or_else(String::new, |former| format!("{former:016x}")),
            self.seats.0.to_string(),
            self.seats.1.to_string(),
            self.configured.to_string(),
            flag(self.joining),
            cursor.to_owned(),
            "3".to_owned(),
        ];
        texts.into_iter().map(String::into_bytes).chain(self.batches.clone()).collect()
    }
}

/// The script with a clock of ours, handed in as two more keys.
fn timed_script() -> String {
    let clock = "redis.call('TIME')";
    assert_eq!(SCRIPT.matches(clock).count(), 1);
    SCRIPT.replace(clock, "{ KEYS[5], KEYS[6] }")
}

fn ask_store(store: &mut Connection, script: &str, arguments: &[Vec<u8>], now: u64) -> Vec<Vec<u8>> {
    let mut call = redis::cmd("EVAL");
    call.arg(script).arg(6).arg(&KEYS).arg(now / 1_000).arg(now % 1_000 * 1_000 + 999).arg(arguments);
    let reply: Vec<Value> = call.query(store).expect("the script runs");
    let bytes = |value| match value {
        Value::BulkString(bytes) => bytes,
        other => panic!("not text: {other:?}"),
    };
    reply.into_iter().map(bytes).collect()
}

/// Plays a story to the store and to the model.
fn play(store: &mut Connection, script: &str, story: &[Step]) -> Result<(), TestCaseError> {
    redis::cmd("FLUSHALL").exec(store).expect("flushed");
    let mut model = Model::default();
    let mut now = START;
    // Where each node has read up to: in the store, in the model.
    let mut cursors = std::collections::BTreeMap::new();
    let mut tell = |words: &Words, now: u64, model: &mut Model, store: &mut Connection| {
        let (there, here) = cursors.entry(words.node).or_insert(("0-0".to_owned(), "0-0".to_owned()));
        let mut said = ask_store(store, script, &words.arguments(there), now);
        let mut expected = model.round(&words.arguments(here), now);
        // The store names notices by its own time: compared is which, not what they are called.
        for at in [4, 5, 6] {
            let named = |bytes: &[u8]| !bytes.is_empty() && bytes != b"0-0";
            prop_assert_eq!(named(&said[at]), named(&expected[at]), "part {}", at);
        }
        *there = String::from_utf8(std::mem::take(&mut said[6])).unwrap();
        *here = String::from_utf8(std::mem::take(&mut expected[6])).unwrap();
        for at in [4, 5] {
            said[at].clear();
            expected[at].clear();
        }
        let text = |parts: &[Vec<u8>]| -> Vec<String> {
            parts.iter().map(|part| part.escape_ascii().to_string()).collect()
        };
        prop_assert_eq!(text(&said), text(&expected), "{:?} at {}", words, now);
        Ok(())
    };
    for step in story {
        match step {
            Step::Round(words) => tell(words, now, &mut model, store)?,
            Step::Wait(millis) => now += millis,
            Step::Forget => {
                // A new stream must not begin in the millisecond in which the old one ended: names of notices
                // would be given twice. No store loses its memory as fast.
                std::thread::sleep(std::time::Duration::from_millis(2));
                redis::cmd("FLUSHALL").exec(store).expect("flushed");
                model.forget();
            }
            Step::Crowd => {
                for n in 100..160 {
                    let words = Words {
                        node: node(n),
                        number: Some(now),
                        granted: 0,
                        counts: [0, 0, 1],
                        leaving: false,
                        watermarks: [0; 4],
                        former: None,
                        seats: (90, 0),
                        configured: 90,
                        joining: true,
                        batches: Vec::new(),
                    };
                    tell(&words, now, &mut model, store)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn script_and_ledger_grant_alike() {
    let script = timed_script();
    for kind in Kind::installed().unwrap_or_else(|error| panic!("{error}")) {
        let server = Redis::start_with(kind, |_| Vec::new(), &[]).unwrap();
        let client = redis::Client::open(server.url()).unwrap();
        let store = std::cell::RefCell::new(client.get_connection().unwrap());
        // Stories are drawn alike on every run; a failing one is printed, shortened.
        let mut runner = TestRunner::new_with_rng(
            Config { cases: 100, max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() },
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        );
        let played = runner.run(&story(), |story| play(&mut store.borrow_mut(), &script, &story));
        played.unwrap_or_else(|failure| panic!("{kind:?}: {failure}"));
    }
}

#[test]
fn what_is_kept_is_bounded_and_runs_out() {
    for kind in Kind::installed().unwrap_or_else(|error| panic!("{error}")) {
        let server = Redis::start_with(kind, |_| Vec::new(), &[]).unwrap();
        let mut store = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        let words = Words {
            node: 1,
            number: Some(1),
            granted: 0,
            counts: [0, 0, 10],
            leaving: false,
            watermarks: [0; 4],
            former: None,
            seats: (90, 0),
            configured: 90,
            joining: true,
            batches: vec![b"x".to_vec(); 600],
        };
        // With the server's own clock.
        for number in 1..40 {
            let words = Words { number: Some(number), ..words.clone() };
            let mut call = redis::cmd("EVAL");
            call.arg(SCRIPT).arg(4).arg(&KEYS).arg(words.arguments("0-0"));
            let reply: Vec<String> = call.query(&mut store).unwrap();
            let seconds: u64 = server.cli(&["TIME"]).unwrap().lines().next().unwrap().parse().unwrap();
            let said: u64 = reply[0].parse().unwrap();
            assert!(said.abs_diff(seconds * 1_000) < 5_000, "{said} is no time near {seconds}");
        }
        let length: usize = server.cli(&["XLEN", KEYS[3]]).unwrap().parse().unwrap();
        assert!((16_384..17_000).contains(&length), "{length} batches are kept");
        for (key, most) in KEYS.iter().zip([600_000_i64, 172_800_000, 2_678_400_000, 600_000]) {
            let left: i64 = server.cli(&["PTTL", key]).unwrap().parse().unwrap();
            assert!(left > most - 60_000 && left <= most, "{key} runs out in {left} ms");
        }
        assert_eq!(server.cli(&["DBSIZE"]).unwrap(), "4");
    }
}
