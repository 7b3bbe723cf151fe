//! The waiting page's proof of work, computed as its script does.
//!
//! Written from the page's own description (`web/src/waiting.ts`): a challenge is base64url of 24 bytes
//! (version, bits, second in four, two empty, sixteen to hash); SHA-256 of those sixteen and a nonce of eight
//! must begin with so many zero bits; the answer is version, bits, second, 0, nonce.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The answer to a challenge; none for what is no challenge, or for more bits than a telephone could do.
#[must_use]
pub fn answer(challenge: &str) -> Option<String> {
    let given = URL_SAFE_NO_PAD.decode(challenge).ok()?;
    let bits = u32::from(*given.get(1)?);
    if given.len() != 24 || bits > 30 {
        return None;
    }
    let nonce = (0_u64..).find(|nonce| {
        let hash = Sha256::new().chain_update(&given[8..]).chain_update(nonce.to_be_bytes()).finalize();
        let mut first = [0; 4];
        first.copy_from_slice(&hash[..4]);
        u32::from_be_bytes(first).leading_zeros() >= bits
    })?;
    let mut proof = given[..6].to_vec();
    proof.push(0);
    proof.extend_from_slice(&nonce.to_be_bytes());
    Some(URL_SAFE_NO_PAD.encode(proof))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_its_zero_bits() {
        let mut given = [7; 24];
        given[1] = 10;
        let text = answer(&URL_SAFE_NO_PAD.encode(given)).unwrap_or_default();
        let proof = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        assert_eq!((proof.len(), &proof[..6]), (15, &given[..6]));
        let hash = Sha256::new().chain_update(&given[8..]).chain_update(&proof[7..]).finalize();
        assert!(hash[0] == 0 && hash[1] < 64, "{hash:?}");
        assert_eq!(answer("AAAA"), None);
    }
}
