//! Any bytes at the beginning of a connection from a load balancer: a verdict on a part of them is never
//! taken back, and a header is never longer than what is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_front::proxy_protocol::{ProxyHeader, parse};

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    if let ProxyHeader::Whole { length, .. } = whole {
        assert!(length <= bytes.len());
        assert_eq!(parse(&bytes[..length]), whole);
    }
    for cut in 0..bytes.len().min(300) {
        match parse(&bytes[..cut]) {
            ProxyHeader::Partial => {}
            verdict => assert_eq!(verdict, whole),
        }
    }
});
