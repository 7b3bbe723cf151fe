//! Any bytes as a join request or a frame of a live client: they are read or refused, within the bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_sfu::grants::{Grants, allows};
use preau_sfu::signal::{decode_join, decode_parameters, decode_request};

/// What a frame may measure here; small, so that the bound is met.
const LIMIT: usize = 4_096;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = decode_join(text, LIMIT);
        let join = decode_parameters(|name| text.split_once(name).map(|(_, rest)| rest));
        assert!(join.participant_sid.len() <= 256);
    }
    if let Ok(request) = decode_request(bytes, LIMIT) {
        assert!(bytes.len() <= LIMIT);
        // Every request has an answer, whoever asks.
        let _ = allows(&Grants::default(), &request);
    }
});
