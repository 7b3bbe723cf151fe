//! Any bytes as a table of pupils.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_formats::{Import, Input, Limits};
use std::convert::Infallible;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_files: 100, max_inflated: 16 * 1024 * 1024, max_ratio: 250 };
    match Import::open([Input::memory(bytes, "eleves.csv")], limits) {
        Ok(import) => {
            let _ = import.read(|_| Ok::<(), Infallible>(()));
        }
        Err(error) => assert!(!error.message_fr().is_empty()),
    }
});
