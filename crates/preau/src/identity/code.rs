//! Activation codes: twelve symbols from paper, and the sealed state that carries a visitor from one
//! screen of the first visit to the next.
//!
//! A code is 55 random bits, valid for 30 days, used once. Only its HMAC is stored, under a key of the
//! platform, so that a copied table opens nothing. The state is not a secret of the server's: it says
//! which code was shown, and is sealed for one browser and half an hour.

use crate::edge::DeviceId;
use crate::ids::{Millis, PersonId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// No vowels (no word forms by accident), and nothing that looks like something else on paper.
const ALPHABET: &[u8; 24] = b"BCDFGHJKMPQRTVWXY2346789";
/// Symbols of a code.
const LENGTH: usize = 12;
/// Random bytes from here on would make some symbols likelier than others.
const FAIR: u8 = (256 / ALPHABET.len() * ALPHABET.len()) as u8;
/// How long the screens of a first visit may take, in milliseconds.
const STATE_KEPT: Millis = 30 * 60 * 1000;
/// Bytes of the state's seal.
const SEAL: usize = 16;

/// A code as it is printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ActivationCode([u8; LENGTH]);

impl ActivationCode {
    /// A new one.
    ///
    /// # Errors
    /// What the operating system says when it has no randomness.
    pub(super) fn fresh() -> Result<ActivationCode, getrandom::Error> {
        let mut symbols = [0; LENGTH];
        let mut filled = 0;
        while filled < LENGTH {
            let mut bytes = [0; 2 * LENGTH];
            getrandom::fill(&mut bytes)?;
            for byte in bytes.into_iter().filter(|byte| *byte < FAIR) {
                if filled < LENGTH {
                    symbols[filled] = ALPHABET[usize::from(byte) % ALPHABET.len()];
                    filled += 1;
                }
            }
        }
        Ok(ActivationCode(symbols))
    }

    /// Reads what somebody typed: capitals or not, with or without hyphens and blanks.
    pub(super) fn read(typed: &str) -> Option<ActivationCode> {
        if typed.len() > 100 {
            return None;
        }
        let symbols: Vec<u8> = typed
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '\u{2010}'..='\u{2015}'))
            .map(|c| u8::try_from(c.to_ascii_uppercase()).unwrap_or_default())
            .collect();
        let symbols: [u8; LENGTH] = symbols.try_into().ok()?;
        symbols.iter().all(|symbol| ALPHABET.contains(symbol)).then_some(ActivationCode(symbols))
    }

    /// `XXXX-XXXX-XXXX`, as it is printed.
    pub(super) fn shown(&self) -> String {
        let parts: Vec<_> = self.0.chunks(4).map(|four| String::from_utf8_lossy(four)).collect();
        parts.join("-")
    }

    /// What the database keeps of it.
    pub(super) fn hash(&self, key: &[u8; 32]) -> [u8; 32] {
        mac(key, &[b"code:", &self.0])
    }
}

/// Which code a visitor has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    /// Whose account the code opens.
    pub(super) person: PersonId,
    /// The stored form of the code.
    pub(super) code_hash: [u8; 32],
}

impl Visit {
    /// Text for a hidden field, for this browser, from now on.
    pub(super) fn seal(&self, key: &[u8; 32], device: DeviceId, now: Millis) -> String {
        let mut bytes = Vec::with_capacity(48 + SEAL);
        bytes.extend_from_slice(&self.person.get().to_be_bytes());
        bytes.extend_from_slice(&now.to_be_bytes());
        bytes.extend_from_slice(&self.code_hash);
        let seal = mac(key, &[b"visit:", &device.bytes(), &bytes]);
        bytes.extend_from_slice(&seal[..SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads it back; nothing when it was not sealed by us, for this browser, in the last half hour.
    pub(super) fn unseal(text: &str, key: &[u8; 32], device: DeviceId, now: Millis) -> Option<Visit> {
        let bytes: [u8; 48 + SEAL] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (said, seal) = bytes.split_at(48);
        let expected = mac(key, &[b"visit:", &device.bytes(), said]);
        if !bool::from(expected[..SEAL].ct_eq(seal)) {
            return None;
        }
        let person = PersonId::from_raw(i64::from_be_bytes(said[..8].try_into().ok()?));
        let since = Millis::from_be_bytes(said[8..16].try_into().ok()?);
        let code_hash = said[16..].try_into().ok()?;
        (0..STATE_KEPT).contains(&(now - since)).then_some(Visit { person, code_hash })
    }
}

/// HMAC-SHA256 (RFC 2104) of parts whose lengths are fixed by the first of them.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length, so this cannot fail.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mut mac| {
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const NOW: Millis = 1_795_416_900_000;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = ActivationCode::fresh().expect("a code");
        let shown = code.shown();
        assert_eq!(shown.len(), 14);
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('-', "")] {
            assert!(ActivationCode::read(&typed).is_some_and(|read| read == code), "{typed}");
        }
        for bad in
            ["", "AAAA-AAAA-AAAA", &shown[1..], &format!("{shown}B"), "é", "' OR 1=1 --", &"B".repeat(9_999)]
        {
            assert!(ActivationCode::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_symbol_comes_and_none_too_often() {
        let mut seen = [0_u32; 256];
        let mut codes = HashSet::new();
        for _ in 0..2_000 {
            let code = ActivationCode::fresh().expect("a code");
            assert!(codes.insert(code.0));
            code.0.iter().for_each(|symbol| seen[usize::from(*symbol)] += 1);
        }
        for symbol in ALPHABET {
            // 1000 expected, with a standard deviation of 31.
            assert!((800..1200).contains(&seen[usize::from(*symbol)]), "{}", char::from(*symbol));
        }
    }

    #[test]
    fn a_visit_is_for_one_browser_and_half_an_hour() {
        let (key, device) = ([3; 32], DeviceId::fresh());
        let visit = Visit { person: PersonId::from_raw(42), code_hash: [9; 32] };
        let text = visit.seal(&key, device, NOW);
        assert_eq!(Visit::unseal(&text, &key, device, NOW + STATE_KEPT - 1), Some(visit));
        assert_eq!(Visit::unseal(&text, &key, device, NOW + STATE_KEPT), None);
        assert_eq!(Visit::unseal(&text, &key, DeviceId::fresh(), NOW), None);
        assert_eq!(Visit::unseal(&text, &[4; 32], device, NOW), None);
        assert_eq!(Visit::unseal(&format!("B{}", &text[1..]), &key, device, NOW), None);
        assert_eq!(Visit::unseal("", &key, device, NOW), None);
    }
}
