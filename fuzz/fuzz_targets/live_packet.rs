//! Any bytes as media payloads, as redundant speech, and as a TCP stream of datagrams.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_sfu::codec::{Codec, inspect, primary_block};
use preau_sfu::framing::{Deframer, MAX_DATAGRAM, frame};

fuzz_target!(|bytes: &[u8]| {
    for codec in Codec::ALL {
        if let Some(shape) = inspect(codec, bytes) {
            assert!(!shape.keyframe || shape.begins, "a key frame begins a picture");
        }
    }
    if let Some(block) = primary_block(bytes) {
        assert!(block.len() < bytes.len());
    }
    // Cut anywhere, the same datagrams come out.
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut deframer = Deframer::default();
        let mut seen = Vec::new();
        for piece in pieces {
            if deframer.push(piece, |datagram| seen.push(datagram.to_vec())).is_err() {
                break;
            }
        }
        seen
    };
    let whole = read(&mut std::iter::once(bytes));
    let pieces = read(&mut bytes.chunks(3));
    assert_eq!(whole, pieces);
    assert!(whole.iter().all(|datagram| datagram.len() <= MAX_DATAGRAM));
    assert!(whole.iter().all(|datagram| frame(datagram).is_some()));
});
