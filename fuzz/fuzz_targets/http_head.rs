//! Any bytes as the head of a request. What is accepted has one framing and one host, and nothing in it
//! that another server could read as a second request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_front::head::{Framing, Parsed, parse, room};

fuzz_target!(|bytes: &[u8]| {
    let mut fields = room();
    let Parsed::Whole(head, length) = parse(bytes, &mut fields[..100], 32 * 1024) else { return };
    assert!(length <= bytes.len() && length <= 32 * 1024);
    let named = |name: &str| head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
    match head.framing {
        Framing::None => assert_eq!((lengths, codings), (0, 0)),
        Framing::Length(_) => assert_eq!((lengths, codings), (1, 0)),
        Framing::Chunked => assert_eq!((lengths, codings), (0, 1)),
    }
    assert!(named("host") <= 1);
    assert!(!head.authority.contains(['/', '@', ' ', '?', '#', '\\', '"', '\r', '\n']));
    assert!(head.target.starts_with('/') || head.target == "*");
    assert!(!["CONNECT", "TRACE"].contains(&head.method));
    for field in head.fields {
        assert!(!field.value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
});
