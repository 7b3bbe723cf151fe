//! Mutated files: whatever is done to a file, a reader answers, and what it answers keeps its
//! promises. A quick stand-in for the fuzz targets under `fuzz/`, run with every test.

use std::collections::HashSet;

use preau_formats::timetable::{ReadOptions, Timetable, TimetableError, read_edt, read_ics};
use proptest::prelude::*;

const ICS: &[u8] = include_bytes!("fixtures/timetable/pronote.ics");
const EDT: &[u8] = include_bytes!("fixtures/timetable/edt.xml");

const RECURRING: &[u8] = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=Europe/Paris:20261012T080000\r\nDTEND;TZID=Europe/Paris:20261012T085500\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=12;UNTIL=20270101T000000Z\r\nEXDATE:20261026T080000\r\nRDATE:20261101T080000\r\nSUMMARY:Maths - 4A\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// One change to a file.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Insert(usize, &'static str),
}

const PIECES: [&str; 20] = [
    "\n",
    "\r\n ",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "\\",
    "&",
    "&#x110000;",
    "&#0;",
    ";",
    ":",
    "\"",
    "<",
    ">",
    "]]>",
    "99999999999999999999",
    "-1",
    "\u{FEFF}",
    "RRULE:FREQ=DAILY\r\n",
    "<Cours Jour=\"1\">",
    "é",
];

fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..4_000;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (at.clone(), 0_usize..60).prop_map(|(at, length)| Change::Cut(at, length)),
        (at.clone(), 0_usize..200).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at.clone(), at.clone()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at, 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, PIECES[piece])),
    ]
}

fn mutate(file: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        match *change {
            Change::Flip(at, byte) => bytes[at % length] ^= byte,
            Change::Cut(at, count) => {
                let at = at % length;
                bytes.drain(at..(at + count).min(length));
            }
            Change::Repeat(at, count) => {
                let at = at % length;
                let piece = bytes[at..(at + count).min(length)].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Swap(a, b) => bytes.swap(a % length, b % length),
            Change::Insert(at, piece) => {
                bytes.splice(at % length..at % length, piece.bytes());
            }
        }
    }
    bytes
}

fn check(answer: Result<Timetable, TimetableError>) -> Result<(), TestCaseError> {
    let timetable = match answer {
        Ok(timetable) => timetable,
        Err(error) => {
            prop_assert!(!error.fr().is_empty() && !error.en().is_empty());
            return Ok(());
        }
    };
    let mut keys = HashSet::new();
    for lesson in &timetable.lessons {
        prop_assert!(lesson.starts_at < lesson.ends_at);
        prop_assert!(lesson.line >= 1);
        prop_assert!(keys.insert(lesson.source_key.clone()), "{} twice", lesson.source_key);
        prop_assert!(lesson.subject.label.chars().count() <= 200);
    }
    for lesson in &timetable.lessons {
        for linked in lesson.replaces.iter().chain(&lesson.replaced_by) {
            prop_assert!(keys.contains(linked));
        }
    }
    prop_assert!(timetable.lessons.is_sorted_by_key(|lesson| lesson.starts_at));
    for holiday in &timetable.holidays {
        prop_assert!(holiday.first <= holiday.last);
    }
    for notice in &timetable.notices {
        prop_assert!(!notice.fr().is_empty() && !notice.en().is_empty() && notice.line >= 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn calendars(changes in proptest::collection::vec(change(), 1..12), recurring: bool) {
        let file = mutate(if recurring { RECURRING } else { ICS }, &changes);
        check(read_ics(file.as_slice(), &ReadOptions::named("x.ics")))?;
    }

    #[test]
    fn exports(changes in proptest::collection::vec(change(), 1..12)) {
        check(read_edt(mutate(EDT, &changes).as_slice(), &ReadOptions::named("x.xml")))?;
    }

    #[test]
    fn noise(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let options = ReadOptions::named("x");
        check(read_ics(bytes.as_slice(), &options))?;
        check(read_edt(bytes.as_slice(), &options))?;
        let lines = [b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n".as_slice(), &bytes, b"\r\nEND:VEVENT\r\nEND:VCALENDAR"].concat();
        check(read_ics(lines.as_slice(), &options))?;
    }
}
