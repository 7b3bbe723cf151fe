//! Any bytes given to the calendar reader: it answers, and its lessons end after they start.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_formats::timetable::{ReadOptions, read_ics};

fuzz_target!(|bytes: &[u8]| {
    match read_ics(bytes, &ReadOptions::named("fuzz.ics")) {
        Ok(timetable) => assert!(timetable.lessons.iter().all(|lesson| lesson.starts_at < lesson.ends_at)),
        Err(error) => assert!(!error.fr().is_empty()),
    }
});
