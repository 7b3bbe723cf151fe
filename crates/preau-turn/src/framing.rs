//! Messages on a stream: where one ends and the next begins (RFC 8656 sections 3.1 and 12.5).
//!
//! A STUN message says its length, a piece of channel data too, and on a stream the latter is filled up to a multiple
//! of four. Invariant: whatever arrives, in whatever pieces, no more than [`LARGEST`] bytes wait for the rest.

use thiserror::Error;

/// Longest message, in bytes: a packet of media or of data with room for the wrapping. Browsers send 1,500.
pub const LARGEST: usize = 4_096;

/// The bytes are none of TURN's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Neither a STUN message nor channel data.
    #[error("a message that begins with {0:#04x}, which is neither STUN nor channel data")]
    Unknown(u8),
    /// Longer than any packet.
    #[error("a message of {0} bytes, of at most {LARGEST}")]
    Long(usize),
}

/// The first message of `bytes`: how long it is, and how many bytes of the stream it takes with what fills it up.
/// None while it is not whole.
///
/// # Errors
/// When it can never become one.
pub fn framed(bytes: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let [first, _, high, low, ..] = *bytes else {
        return match bytes.first() {
            Some(first) if first >> 6 > 1 => Err(FrameError::Unknown(*first)),
            _ => Ok(None),
        };
    };
    let said = usize::from(u16::from_be_bytes([high, low]));
    let (length, taken) = match first >> 6 {
        0 => (20 + said, 20 + said),
        1 => (4 + said, (4 + said).next_multiple_of(4)),
        _ => return Err(FrameError::Unknown(first)),
    };
    if taken > LARGEST {
        return Err(FrameError::Long(length));
    }
    Ok((bytes.len() >= taken).then_some((length, taken)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_those_of_the_standard() {
        assert_eq!(framed(&[]), Ok(None));
        assert_eq!(framed(&[0, 1, 0]), Ok(None));
        assert_eq!(framed(&[0; 20]), Ok(Some((20, 20))));
        assert_eq!(framed(&[0x40, 0, 0, 1, 9]), Ok(None));
        assert_eq!(framed(&[0x40, 0, 0, 1, 9, 0, 0, 0, 7]), Ok(Some((5, 8))));
        assert_eq!(
            framed(b"GET / HTTP/1.1"),
            Err(FrameError::Long(21_540)),
            "letters look like channel data"
        );
        assert_eq!(framed(&[0x80]), Err(FrameError::Unknown(0x80)));
        assert_eq!(framed(&[0, 1, 0xff, 0xff]), Err(FrameError::Long(65_555)));
    }

    proptest! {
        #[test]
        fn a_stream_in_any_pieces_gives_the_same_messages(
            messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8),
            cuts in prop::collection::vec(1_usize..30, 1..60),
        ) {
            let mut stream: Vec<u8> = Vec::new();
            let mut sent = Vec::new();
            for (channel, body) in messages {
                let mut one = if channel { vec![0x40, 0] } else { vec![0, 1] };
                one.extend_from_slice(&u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
                one.extend_from_slice(if channel { &[] } else { &[3; 16] });
                one.extend_from_slice(&body);
                stream.extend_from_slice(&one);
                if channel {
                    stream.resize(stream.len() + (one.len().next_multiple_of(4) - one.len()), 0);
                }
                sent.push(one);
            }
            let (mut held, mut got, mut at) = (Vec::new(), Vec::new(), 0);
            for cut in cuts.into_iter().chain([stream.len()]) {
                let to = (at + cut).min(stream.len());
                held.extend_from_slice(&stream[at..to]);
                at = to;
                while let Some((length, taken)) = framed(&held).unwrap() {
                    got.push(held[..length].to_vec());
                    held.drain(..taken);
                }
            }
            prop_assert_eq!(got, sent);
        }
    }
}
