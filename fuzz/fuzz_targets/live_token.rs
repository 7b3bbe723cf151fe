//! Any text as an access token: without the secret nobody makes one that is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_sfu::token::TokenKey;

fuzz_target!(|text: &str| {
    let key = TokenKey::new("preau", "a secret that the fuzzer cannot know, of enough length");
    assert!(key.verify(text, 1_800_000_000).is_err());
});
