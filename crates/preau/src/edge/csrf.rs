//! Forged requests: every form carries a token bound to the session (or, before sign-in, the device).
//!
//! The token is masked with fresh bytes each time it is written, so that a compressed page does not
//! leak it bit by bit (BREACH, Gluck, Harris and Prado 2013).

use super::platform::sign;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

const LENGTH: usize = 16;

/// What this caller's tokens are made of.
#[derive(Debug, Clone, Copy)]
pub struct CsrfKey([u8; LENGTH]);

impl CsrfKey {
    /// The key for a session's or a device's bytes.
    pub(crate) fn derive(secret: &[u8; 32], bound_to: &[u8]) -> CsrfKey {
        let mut key = [0; LENGTH];
        key.copy_from_slice(&sign(secret, bound_to)[..LENGTH]);
        CsrfKey(key)
    }

    /// A token for a page.
    pub fn token(&self) -> String {
        let mut bytes = [0; 2 * LENGTH];
        // Without randomness the token is merely unmasked; it is no less bound.
        let _ = getrandom::fill(&mut bytes[..LENGTH]);
        for at in 0..LENGTH {
            bytes[LENGTH + at] = bytes[at] ^ self.0[at];
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether `token` was made for this caller.
    pub fn accepts(&self, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        if bytes.len() != 2 * LENGTH {
            return false;
        }
        let mut key = [0; LENGTH];
        for at in 0..LENGTH {
            key[at] = bytes[at] ^ bytes[LENGTH + at];
        }
        bool::from(key.ct_eq(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_each_time_and_fit_one_caller_only() {
        let (ours, other) = (CsrfKey::derive(&[7; 32], b"a"), CsrfKey::derive(&[7; 32], b"b"));
        let (first, second) = (ours.token(), ours.token());
        assert_ne!(first, second);
        assert!(ours.accepts(&first) && ours.accepts(&second));
        assert!(!other.accepts(&first));
        for bad in ["", "AAAA", &first[1..], "é"] {
            assert!(!ours.accepts(bad));
        }
    }
}
