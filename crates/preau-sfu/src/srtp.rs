//! Sealing media packets (SRTP, RFC 3711) with the key that a connection's DTLS handshake agreed on.
//!
//! str0m seals what it sends; this is for what is sent past it (see `lane`), under the same key. The two never seal the
//! same number of the same stream, which is all that SRTP asks: a packet's nonce is made of stream and number.
//! Opening packets stays str0m's. It knows no networks and no rooms.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use str0m::crypto::dtls::SrtpProfile;

/// Bytes that the longest authentication tag adds to a packet.
pub(crate) const LONGEST_TAG: usize = 16;

/// What keys are derived for (RFC 3711 section 4.3.2).
const LABEL_ENCRYPTION: u8 = 0;
const LABEL_AUTHENTICATION: u8 = 1;
const LABEL_SALT: u8 = 2;

/// Bytes of the tag of AES-CM with HMAC-SHA1-80.
const SHORT_TAG: usize = 10;

/// What a handshake agreed on for the packets that this side sends (RFC 5764 section 4.2).
#[derive(Clone)]
pub(crate) struct Agreement {
    profile: SrtpProfile,
    key: Vec<u8>,
    salt: Vec<u8>,
}

impl Agreement {
    /// This side's part of the exported keying material: both keys, then both salts, the DTLS client's first. None
    /// when the profile is not known or the material has another length.
    pub(crate) fn ours(material: &[u8], profile: SrtpProfile, client: bool) -> Option<Agreement> {
        let (key, salt) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return None,
        };
        if material.len() != 2 * (key + salt) {
            return None;
        }
        let (keys, salts) = material.split_at(2 * key);
        let half = |both: &[u8], length: usize| {
            let from = if client { 0 } else { length };
            both[from..from + length].to_vec()
        };
        Some(Agreement { profile, key: half(keys, key), salt: half(salts, salt) })
    }

    /// A key of a session (RFC 3711 section 4.3.1, RFC 6188 for 256 bits): the beginning of AES in counter mode under
    /// the master key, from the master salt with the label in its eighth byte on.
    fn derive(&self, label: u8, length: usize) -> Option<Vec<u8>> {
        let algorithm: &cipher::Algorithm = if self.key.len() == 32 { &AES_256 } else { &AES_128 };
        let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, &self.key).ok()?).ok()?;
        let mut from = [0; 16];
        from[..self.salt.len()].copy_from_slice(&self.salt);
        from[7] ^= label;
        let mut derived = vec![0; length];
        key.less_safe_encrypt(&mut derived, EncryptionContext::Iv128(FixedLength::from(from))).ok()?;
        Some(derived)
    }
}

/// Seals packets.
pub(crate) enum Sealer {
    /// AES in Galois counter mode (RFC 7714).
    Galois { key: Box<LessSafeKey>, salt: [u8; 12] },
    /// AES in counter mode, and HMAC-SHA1 cut to 80 bits.
    Counter { key: Box<EncryptingKey>, salt: [u8; 14], authentication: Box<hmac::Key> },
}

impl Sealer {
    /// Derives the keys. None when the library refuses them, which it does for no length that [`Agreement`] lets
    /// through.
    pub(crate) fn new(agreement: &Agreement) -> Option<Sealer> {
        let key = agreement.derive(LABEL_ENCRYPTION, agreement.key.len())?;
        let salt = agreement.derive(LABEL_SALT, agreement.salt.len())?;
        let galois = |algorithm| {
            let key = Box::new(LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?));
            Some(Sealer::Galois { key, salt: salt.as_slice().try_into().ok()? })
        };
        match agreement.profile {
            SrtpProfile::AEAD_AES_128_GCM => galois(&AES_128_GCM),
            SrtpProfile::AEAD_AES_256_GCM => galois(&AES_256_GCM),
            SrtpProfile::AES128_CM_SHA1_80 => {
                let authentication = agreement.derive(LABEL_AUTHENTICATION, 20)?;
                Some(Sealer::Counter {
                    key: Box::new(EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &key).ok()?).ok()?),
                    salt: salt.as_slice().try_into().ok()?,
                    authentication: Box::new(hmac::Key::new(
                        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                        &authentication,
                    )),
                })
            }
            _ => None,
        }
    }

    /// Seals a packet in place, whose first `header` bytes stay readable. `index` is its number in its stream with
    /// the rollovers before it (RFC 3711 section 3.3.1): never twice the same with the same `ssrc`. False when it
    /// cannot be sealed and must not be sent.
    #[must_use]
    pub(crate) fn seal(&self, packet: &mut Vec<u8>, header: usize, ssrc: u32, index: u64) -> bool {
        let Some((head, body)) = packet.split_at_mut_checked(header) else { return false };
        match self {
            Sealer::Galois { key, salt } => {
                let nonce = Nonce::assume_unique_for_key(galois_nonce(salt, ssrc, index));
                let Ok(tag) = key.seal_in_place_separate_tag(nonce, Aad::from(&*head), body) else {
                    return false;
                };
                packet.extend_from_slice(tag.as_ref());
            }
            Sealer::Counter { key, salt, authentication } => {
                let from = EncryptionContext::Iv128(FixedLength::from(counter_start(salt, ssrc, index)));
                if key.less_safe_encrypt(body, from).is_err() {
                    return false;
                }
                let mut signature = hmac::Context::with_key(authentication);
                signature.update(packet);
                signature.update(&rollovers(index).to_be_bytes());
                packet.extend_from_slice(&signature.sign().as_ref()[..SHORT_TAG]);
            }
        }
        true
    }
}

/// The rollover counter: how often the sixteen bits of a number have begun anew. 32 bits of them count.
fn rollovers(index: u64) -> u32 {
    (index >> 16) as u32
}

/// RFC 7714 section 8.1: two zero bytes, stream, rollovers, number, under the salt.
fn galois_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = *salt;
    let index = u64::from(rollovers(index)) << 16 | index & 0xffff;
    let numbers = (u128::from(ssrc) << 48 | u128::from(index)).to_be_bytes();
    for (byte, with) in nonce.iter_mut().zip(&numbers[4..]) {
        *byte ^= with;
    }
    nonce
}

/// RFC 3711 section 4.1.1: the salt, with the stream from the fifth byte on and the index up to the fourteenth.
fn counter_start(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut start = [0; 16];
    start[..14].copy_from_slice(salt);
    for (byte, with) in start[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= with;
    }
    for (byte, with) in start[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= with;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::crypto::{AeadAes128Gcm, AeadAes256Gcm, Aes128CmSha1_80};

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex");
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn keys_are_derived_as_in_the_standards_example() {
        // RFC 3711, appendix B.3.
        let agreement = Agreement {
            profile: SrtpProfile::AES128_CM_SHA1_80,
            key: bytes("E1F97A0D3E018BE0D64FA32C06DE4139"),
            salt: bytes("0EC675AD498AFEEBB6960B3AABE6"),
        };
        let derive = |label, length| agreement.derive(label, length).expect("a key");
        assert_eq!(derive(LABEL_ENCRYPTION, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derive(LABEL_SALT, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derive(LABEL_AUTHENTICATION, 20), bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_packet_is_sealed_as_in_the_standards_example() {
        // RFC 7714, section 16.1.1: AES-128-GCM with the session's key and salt given.
        let key = UnboundKey::new(&AES_128_GCM, &bytes("000102030405060708090a0b0c0d0e0f")).expect("a key");
        let salt = bytes("517569642070726f2071756f").try_into().expect("a salt");
        let sealer = Sealer::Galois { key: Box::new(LessSafeKey::new(key)), salt };
        let mut packet = bytes(
            "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
        );
        assert!(sealer.seal(&mut packet, 12, 0x5501_a0b2, 0xf17b));
        let sealed = bytes(
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf \
             8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        );
        assert_eq!(packet, sealed);
    }

    #[test]
    fn numbers_become_nonces_as_in_the_library_that_opens_them() {
        let (short, long) = ([7; 12], [9; 14]);
        for index in [0, 1, 0xffff, 0x1_0000, 0x12_3456_789a, u64::from(u32::MAX) << 16] {
            for ssrc in [0, 1, 0x5501_a0b2, u32::MAX] {
                let (roc, low) = (rollovers(index), index as u16);
                assert_eq!(galois_nonce(&short, ssrc, index), AeadAes128Gcm::rtp_iv(short, ssrc, roc, low));
                assert_eq!(galois_nonce(&short, ssrc, index), AeadAes256Gcm::rtp_iv(short, ssrc, roc, low));
                assert_eq!(counter_start(&long, ssrc, index), Aes128CmSha1_80::rtp_iv(long, ssrc, index));
            }
        }
    }

    #[test]
    fn each_side_takes_its_own_half() {
        let material: Vec<u8> = (0..56).collect();
        let side = |client| Agreement::ours(&material, SrtpProfile::AEAD_AES_128_GCM, client).expect("keys");
        assert_eq!((side(true).key, side(true).salt), ((0..16).collect(), (32..44).collect()));
        assert_eq!((side(false).key, side(false).salt), ((16..32).collect(), (44..56).collect()));
        assert!(Agreement::ours(&material[1..], SrtpProfile::AEAD_AES_128_GCM, true).is_none(), "too short");
        assert!(
            Agreement::ours(&material, SrtpProfile::AEAD_AES_256_GCM, true).is_none(),
            "another profile's"
        );
    }

    #[test]
    fn a_header_longer_than_the_packet_is_refused() {
        let material: Vec<u8> = (0..60).collect();
        let agreement = Agreement::ours(&material, SrtpProfile::AES128_CM_SHA1_80, true).expect("keys");
        let sealer = Sealer::new(&agreement).expect("a sealer");
        assert!(!sealer.seal(&mut vec![0; 11], 12, 1, 1));
        let mut whole = vec![0; 20];
        assert!(sealer.seal(&mut whole, 12, 1, 1));
        assert_eq!(whole.len(), 20 + SHORT_TAG);
    }
}
