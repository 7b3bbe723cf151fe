//! Any bytes given to the reader of EDT exports: it answers, and its lessons end after they start.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_formats::timetable::{ReadOptions, read_edt};

fuzz_target!(|bytes: &[u8]| {
    match read_edt(bytes, &ReadOptions::named("fuzz.xml")) {
        Ok(timetable) => assert!(timetable.lessons.iter().all(|lesson| lesson.starts_at < lesson.ends_at)),
        Err(error) => assert!(!error.fr().is_empty()),
    }
});
