//! Keys: every signature of the gate comes from one secret.
//!
//! From the secret a key is derived for each purpose and each period (a UTC day for tickets,
//! sessions and draws; 128 days for device marks), so that a key that leaks opens one day and one
//! purpose only. The previous period's key is accepted as well, which is what lets a ticket live
//! over midnight. Several nodes with the same secret sign alike without talking to one another.
//!
//! This is not encryption: what a ticket says can be read by whoever holds it, never altered.
//!
//! Invariant: a text that `open` accepts was made by `seal` with the same secret and purpose, and
//! comparison takes the same time wherever a forgery first differs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::time::Moment;

pub(crate) type Signer = Hmac<Sha256>;

/// Bytes of the authentication code kept: half of HMAC-SHA256 (RFC 2104 section 5).
pub(crate) const CODE: usize = 16;

/// How far ahead of us the clock that stamped a ticket may run: nodes are never quite in step.
pub(crate) const FUTURE: Duration = Duration::from_secs(5);

/// Days that one key for device marks signs.
const MARK_PERIOD: u32 = 128;

/// Mark keys accepted: the current one and the three before it, a school year with room to spare.
const MARK_KEYS: u32 = 4;

/// The secret from which every signature of the gate is derived: 32 random bytes, the same on
/// every node and over restarts. Losing it voids all tickets; leaking it lets anyone forge them.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret from 32 bytes of a cryptographic random source.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn derive(&self, purpose: &str, period: u32) -> Signer {
        let code = signer(&self.0)
            .chain_update(b"preau gate v1 ")
            .chain_update(purpose.as_bytes())
            .chain_update(period.to_be_bytes())
            .finalize()
            .into_bytes();
        signer(&code.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// HMAC-SHA256 under a 32-byte key. RFC 2104 pads a short key with zeros to the block of 64 bytes;
/// doing so here picks the constructor that cannot fail.
pub(crate) fn signer(key: &[u8; 32]) -> Signer {
    let mut block = [0_u8; 64];
    block[..32].copy_from_slice(key);
    <Signer as KeyInit>::new(&block.into())
}

/// Why a text presented as a ticket, session or mark is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not as many characters as such a text has.
    #[error("a text of {found} characters where {expected} are expected")]
    Length {
        /// Characters presented.
        found: usize,
        /// Characters of a genuine text.
        expected: usize,
    },
    /// A character outside the base64url alphabet (RFC 4648 section 5).
    #[error("not base64url")]
    Encoding,
    /// A format of another release.
    #[error("format version {0} is unknown here")]
    Version(u8),
    /// Signed by nobody here, altered, or signed with a key that is no longer accepted.
    #[error("the signature does not match, or its key has expired")]
    Forged,
    /// Stamped more than five seconds ahead of our clock.
    #[error("stamped in the future")]
    Future,
    /// Genuine but past its time.
    #[error("expired")]
    Expired,
    /// A field holds a value that this release does not know.
    #[error("field {0} holds an unknown value")]
    Field(&'static str),
}

/// What a daily key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Ticket,
    Session,
    Draw,
    Toll,
    Code,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Session => "session",
            Self::Draw => "draw",
            Self::Toll => "toll",
            Self::Code => "class code",
        }
    }
}

struct Day {
    ticket: Signer,
    session: Signer,
    draw: Signer,
    toll: Signer,
    code: Signer,
}

/// The keys of yesterday, today and tomorrow, ready to use.
pub(crate) struct Keys {
    secret: Secret,
    first: u32,
    days: [Day; 3],
    mark_period: u32,
    marks: Vec<Signer>,
}

impl Keys {
    /// The keys around `now`; good for as long as `suits` says so, slower but right beyond.
    pub(crate) fn around(secret: &Secret, now: Moment) -> Self {
        let first = now.day().saturating_sub(1);
        let day = |n: u32| Day {
            ticket: secret.derive(Purpose::Ticket.name(), n),
            session: secret.derive(Purpose::Session.name(), n),
            draw: secret.derive(Purpose::Draw.name(), n),
            toll: secret.derive(Purpose::Toll.name(), n),
            code: secret.derive(Purpose::Code.name(), n),
        };
        let mark_period = now.day() / MARK_PERIOD;
        let marks =
            (0..MARK_KEYS).map(|back| secret.derive("mark", mark_period.wrapping_sub(back))).collect();
        let days = [day(first), day(first + 1), day(first + 2)];
        Self { secret: secret.clone(), first, days, mark_period, marks }
    }

    /// Whether these are still the keys to publish at `now`.
    pub(crate) fn suit(&self, now: Moment) -> bool {
        self.first == now.day().saturating_sub(1)
    }

    pub(crate) fn daily(&self, purpose: Purpose, day: u32) -> Signer {
        match self.days.get(day.wrapping_sub(self.first) as usize) {
            Some(keys) => match purpose {
                Purpose::Ticket => keys.ticket.clone(),
                Purpose::Session => keys.session.clone(),
                Purpose::Draw => keys.draw.clone(),
                Purpose::Toll => keys.toll.clone(),
                Purpose::Code => keys.code.clone(),
            },
            // The publisher is late or the clock has jumped: correct at the price of a derivation.
            None => self.secret.derive(purpose.name(), day),
        }
    }

    fn mark(&self, period: u32) -> Signer {
        match self.marks.get(self.mark_period.wrapping_sub(period) as usize) {
            Some(key) => key.clone(),
            None => self.secret.derive("mark", period),
        }
    }

    /// Signs `body`, whose third byte receives the key's number.
    pub(crate) fn seal<const N: usize>(&self, purpose: Purpose, now: Moment, body: &mut [u8; N]) {
        body[2] = (body[2] & 0xfc) | key_id(now.day());
        write_code(self.daily(purpose, now.day()), body);
    }

    /// Checks that `body` was sealed for `purpose` today, yesterday, or by a clock slightly ahead.
    pub(crate) fn check<const N: usize>(
        &self,
        purpose: Purpose,
        now: Moment,
        body: &[u8; N],
    ) -> Result<(), SealError> {
        let id = body[2] & 3;
        let today = now.day();
        let day = [today, today.wrapping_sub(1), (now + FUTURE).day()]
            .into_iter()
            .find(|day| key_id(*day) == id)
            .ok_or(SealError::Forged)?;
        check_code(self.daily(purpose, day), body)
    }

    /// Signs a device mark.
    pub(crate) fn seal_mark<const N: usize>(&self, now: Moment, body: &mut [u8; N]) {
        let period = now.day() / MARK_PERIOD;
        body[2] = (body[2] & 0xfc) | key_id(period);
        write_code(self.mark(period), body);
    }

    /// Checks a device mark: between 384 and 512 days are accepted.
    pub(crate) fn check_mark<const N: usize>(&self, now: Moment, body: &[u8; N]) -> Result<(), SealError> {
        let current = now.day() / MARK_PERIOD;
        let period = (0..MARK_KEYS)
            .map(|back| current.wrapping_sub(back))
            .find(|period| key_id(*period) == body[2] & 3)
            .ok_or(SealError::Forged)?;
        check_code(self.mark(period), body)
    }
}

/// Two bits that tell four consecutive periods apart.
fn key_id(period: u32) -> u8 {
    (period & 3) as u8
}

fn write_code<const N: usize>(key: Signer, body: &mut [u8; N]) {
    let code = key.chain_update(&body[..N - CODE]).finalize().into_bytes();
    body[N - CODE..].copy_from_slice(&code[..CODE]);
}

fn check_code<const N: usize>(key: Signer, body: &[u8; N]) -> Result<(), SealError> {
    // `verify_truncated_left` compares in constant time.
    key.chain_update(&body[..N - CODE])
        .verify_truncated_left(&body[N - CODE..])
        .map_err(|_| SealError::Forged)
}

/// A signed text of `L` base64url characters, fit for a cookie.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sealed<const L: usize>([u8; L]);

impl<const L: usize> Sealed<L> {
    pub(crate) fn encode(body: &[u8]) -> Self {
        let mut text = [b'A'; L];
        // The sizes of the formats match (3 bytes make 4 characters); a mismatch would be a
        // programming error that every test of this crate shows.
        let written = URL_SAFE_NO_PAD.encode_slice(body, &mut text);
        debug_assert_eq!(written.ok(), Some(L));
        Self(text)
    }

    /// The characters, all of them ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const L: usize> std::fmt::Display for Sealed<L> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl<const L: usize> std::fmt::Debug for Sealed<L> {
    /// Sealed texts are bearer credentials and have no place in a log.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sealed({L} characters)")
    }
}

/// The bytes behind a sealed text, nothing about them checked yet but their number.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Result<[u8; N], SealError> {
    const { assert!(N.is_multiple_of(3), "whole groups of four characters, without filling") };
    let expected = N / 3 * 4;
    if text.len() != expected {
        return Err(SealError::Length { found: text.len(), expected });
    }
    let mut body = [0_u8; N];
    // A ticket comes with every question of everybody who waits: four characters at a time, and one look at the end
    // whether all of them were of the alphabet.
    let mut strange = 0;
    for (three, four) in body.chunks_exact_mut(3).zip(text.chunks_exact(4)) {
        let bits = four.iter().fold(0_u32, |bits, character| {
            let value = SIX_BITS[usize::from(*character)];
            strange |= value;
            (bits << 6) | u32::from(value & 0x3f)
        });
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    if strange & STRANGE == 0 { Ok(body) } else { Err(SealError::Encoding) }
}

/// Marks a character outside the alphabet in [`SIX_BITS`].
const STRANGE: u8 = 0x80;
/// What each character stands for in base64url (RFC 4648 section 5).
static SIX_BITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut table = [STRANGE; 256];
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character at every place, against the library.
    #[test]
    fn a_text_is_read_as_the_library_reads_it() {
        let good = *b"AQMAAGsDup7IEiZEAAABogaQ-_ZZu3Un";
        for at in 0..good.len() {
            for character in 0..=255 {
                let mut text = good;
                text[at] = character;
                let known = URL_SAFE_NO_PAD.decode(text).ok();
                assert_eq!(decode::<24>(&text).ok().map(Vec::from), known, "{character} at {at}");
            }
        }
        assert_eq!(decode::<24>(&good[1..]), Err(SealError::Length { found: 31, expected: 32 }));
    }
}
