//! Typed identifiers. A name from a token, a name the server minted and a key that only lives
//! inside this process are different things and cannot be confused.

use std::borrow::Borrow;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The name of a room, as the token gives it.
    RoomName
);
text_id!(
    /// Who somebody is for the application (`sub` of the token). Unique within a room.
    Identity
);
text_id!(
    /// One stay of a participant in a room, minted by the engine (`PA_…`).
    ParticipantSid
);
text_id!(
    /// One published track, minted by the engine (`TR_…`).
    TrackSid
);

/// One signalling connection (one WebSocket). Never reused within an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// One stay of a participant, as a number: cheap to copy, never reused within an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartyKey(pub(crate) u64);

/// One published track, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TrackKey(pub(crate) u64);

/// One room, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoomKey(pub(crate) u64);

/// Mints every identifier of one engine.
///
/// Public identifiers are a keyed hash of a counter: nobody who lacks the seed can guess the next
/// one (a resume asks for one), yet a test that fixes the seed gets the same ones every time.
pub(crate) struct Mint {
    seed: [u8; 32],
    counter: u64,
}

/// Letters and digits without those that are easily mistaken for one another.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Characters after the prefix, as LiveKit's own server uses: about 69 bits.
const SID_LENGTH: usize = 12;

impl Mint {
    pub(crate) fn new(seed: [u8; 32]) -> Mint {
        Mint { seed, counter: 0 }
    }

    /// The next internal number, starting from 1.
    pub(crate) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A new public identifier with the given prefix (`PA_`, `TR_`, `RM_`).
    pub(crate) fn sid(&mut self, prefix: &str) -> String {
        let number = self.number();
        let mut sid = String::with_capacity(prefix.len() + SID_LENGTH);
        sid.push_str(prefix);
        // HMAC accepts a key of any length, so a 32-byte seed cannot be refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.seed) else { return sid };
        mac.update(prefix.as_bytes());
        mac.update(&number.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        sid.extend(digest.iter().take(SID_LENGTH).map(|byte| {
            let index = usize::from(*byte) % ALPHABET.len();
            char::from(ALPHABET[index])
        }));
        sid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_differ_and_repeat_only_with_the_same_seed() {
        let mut a = Mint::new([1; 32]);
        let mut b = Mint::new([1; 32]);
        let mut c = Mint::new([2; 32]);
        let first = a.sid("PA_");
        assert_eq!(first, b.sid("PA_"));
        assert_ne!(first, c.sid("PA_"));
        assert_ne!(first, a.sid("PA_"));
        assert_eq!(first.len(), 15);
    }
}
