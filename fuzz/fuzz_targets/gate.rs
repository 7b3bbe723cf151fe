//! Any three texts as the gate's cookies, and any text as its state. A house that is full, so that what
//! is admitted is admitted for what it showed; the texts of the house itself are among the seeds of the
//! mutator, by way of a splice: the first byte says which genuine text stands in which cookie, altered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_gate::{
    Arrival, DeviceId, Gate, Moment, Quota, Rules, Scheduler, Secret, Snapshot, Verdict,
};
use std::sync::OnceLock;

struct House {
    gate: Gate,
    now: Moment,
    session: String,
    ticket: String,
}

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let now = Moment::from_unix_seconds(1_795_000_000);
        let opened = Scheduler::open(Rules::default(), Secret::new([7; 32]), Box::new(Quota(1)), None, now);
        let (gate, _) = opened.expect("the default rules hold");
        let Verdict::Admit(inside) = gate.decide(&Arrival::default(), || DeviceId::new([1; 12]), now) else {
            unreachable!("the first finds a seat")
        };
        let Verdict::Wait(wait) = gate.decide(&Arrival::default(), || DeviceId::new([2; 12]), now) else {
            unreachable!("the second does not")
        };
        House {
            session: inside.renewed.map(|text| text.to_string()).unwrap_or_default(),
            ticket: wait.ticket.map(|text| text.to_string()).unwrap_or_default(),
            gate,
            now,
        }
    })
}

/// A genuine text with one character exchanged.
fn altered(genuine: &str, at: u8, by: u8) -> String {
    let mut bytes = genuine.as_bytes().to_vec();
    let at = usize::from(at) % bytes.len().max(1);
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    bytes[at] = ALPHABET[usize::from(by) % 64];
    String::from_utf8(bytes).unwrap_or_default()
}

fuzz_target!(|bytes: &[u8]| {
    let house = house();
    let [kind, at, by, rest @ ..] = bytes else { return };
    let texts: Vec<String> =
        rest.split(|byte| *byte == b'\n').map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let shown = |place: usize| texts.get(place).map(String::as_str);
    let own = match kind % 3 {
        0 => None,
        1 => Some(altered(&house.session, *at, *by)),
        _ => Some(altered(&house.ticket, *at, *by)),
    };
    let genuine = |text: &str| text == house.session || text == house.ticket;
    let session = own.as_deref().filter(|_| kind % 3 == 1).or(shown(0));
    let ticket = own.as_deref().filter(|_| kind % 3 == 2).or(shown(1));
    for text in [session, ticket].into_iter().flatten().filter(|text| !genuine(text)) {
        assert!(house.gate.read_session(text, house.now).is_err(), "a forged session: {text}");
        assert!(house.gate.read_ticket(text, house.now).is_err(), "a forged ticket: {text}");
    }
    let arrival = Arrival { session, ticket, mark: shown(2), lesson_ends: None };
    let verdict = house.gate.decide(&arrival, || DeviceId::new([3; 12]), house.now);
    if !session.is_some_and(genuine) {
        assert!(matches!(verdict, Verdict::Wait(_)), "a full house let somebody in: {arrival:?}");
    }
    if let Some(text) = shown(0)
        && let Ok(snapshot) = Snapshot::from_json(text)
    {
        let again = Snapshot::from_json(&snapshot.to_json());
        assert_eq!(again.ok(), Some(snapshot), "a state that is read is written the same");
    }
});
