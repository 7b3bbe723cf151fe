//! Any bytes as the answer of an upstream, in any pieces. What is accepted has one end; what goes out is
//! the same however it came in, and ends with a last chunk only if the body did.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_front::framing::{End, Framer, Odd, read_response};
use preau_front::head::room;

/// What goes out, how much was taken, and whether the body has ended; fed in pieces of so many bytes.
fn passed(end: End, body: &[u8], piece: usize) -> (Vec<u8>, usize, Result<bool, Odd>) {
    let (mut framer, mut out, mut taken) = (Framer::new(end), Vec::new(), 0);
    for bytes in body.chunks(piece.max(1)) {
        match framer.pass(bytes, &mut out) {
            Ok(some) => {
                assert!(some <= bytes.len());
                assert!(some == bytes.len() || framer.is_done());
                taken += some;
            }
            Err(odd) => return (out, 0, Err(odd)),
        }
        if framer.is_done() {
            break;
        }
    }
    (out, taken, Ok(framer.is_done()))
}

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (to_head, piece, bytes) = input;
    let mut fields = room();
    let Ok(Some((head, length))) = read_response(bytes, &mut fields[..100], to_head) else { return };
    assert!(length <= bytes.len() && (100..=999).contains(&head.status));
    let named = |name: &str| head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
    assert!(lengths + codings <= 1);
    match head.end {
        End::Length(told) => assert_eq!((head.length, lengths), (Some(told), 1)),
        End::Chunks => assert_eq!(codings, 1),
        End::Close => assert!(lengths + codings == 0 && !head.keep_alive),
        End::Head => {}
    }
    let body = &bytes[length..];
    let whole = passed(head.end, body, usize::MAX);
    if head.end != End::Close {
        assert_eq!(passed(head.end, body, usize::from(piece)), whole);
        assert_eq!(passed(head.end, body, 1), whole);
    }
    if head.end == End::Chunks && whole.2 == Ok(true) {
        // Taken in once more, what went out goes out as it is.
        assert_eq!(passed(End::Chunks, &whole.0, 7), (whole.0.clone(), whole.0.len(), Ok(true)));
    }
});
