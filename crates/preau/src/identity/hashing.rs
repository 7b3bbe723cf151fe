//! Argon2id (RFC 9106) on one thread: memory kept from one password to the next, PHC strings in and out.
//!
//! The parameters are those of the OWASP password storage sheet: 19 MiB, two passes, one lane. Passwords
//! are brought to Unicode normal form C first, so that an "é" typed on any keyboard is the same "é".
//! This module does not know who asks nor how many wait; that is `pool`.

use argon2::password_hash::{Output, ParamsString, PasswordHash, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// Memory a password costs, in KiB.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub(super) const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// Bytes of a salt (RFC 9106, section 3.1, recommends 16).
const SALT: usize = 16;
/// A stored hash that asks for more memory than this is damaged or hostile, and opens nothing.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
/// Nor one that asks for more passes than this.
const MOST_PASSES: u32 = 16;

/// Why a password could not be hashed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HashFault {
    /// The operating system gave no random salt.
    #[error("no randomness: {0}")]
    NoRandomness(String),
    /// The library refused the parameters, which are constants: a fault of this program.
    #[error("argon2: {0}")]
    Argon2(String),
}

/// Hashes and verifies, with 19 MiB of memory of its own once it was used.
#[derive(Default)]
pub(super) struct Hasher {
    blocks: Vec<Block>,
}

impl Hasher {
    /// The PHC string of `password` under a fresh salt.
    ///
    /// # Errors
    /// [`HashFault`]; neither is the person's fault.
    pub(super) fn hash(&mut self, password: &str) -> Result<String, HashFault> {
        let salt = random::<SALT>()?;
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).map_err(argon2_fault)?;
        let mut output = [0; OUTPUT];
        self.fill(Algorithm::Argon2id, Version::V0x13, &params, password, &salt, &mut output)
            .map_err(argon2_fault)?;
        written(&params, &salt, &output)
    }

    /// Whether `password` is the one behind the PHC string. An unreadable string fits no password.
    pub(super) fn verify(&mut self, password: &str, phc: &str) -> bool {
        self.check(password, phc).unwrap_or(false)
    }

    fn check(&mut self, password: &str, phc: &str) -> Result<bool, argon2::password_hash::Error> {
        let parsed = PasswordHash::new(phc)?;
        let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else { return Ok(false) };
        let params = Params::try_from(&parsed)?;
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() != LANES {
            return Ok(false);
        }
        let algorithm = Algorithm::try_from(parsed.algorithm)?;
        let version = match parsed.version {
            Some(number) => Version::try_from(number)?,
            None => Version::default(),
        };
        let mut salt_bytes = [0; 64];
        let salt = salt.decode_b64(&mut salt_bytes)?;
        let mut output = vec![0; expected.len()];
        self.fill(algorithm, version, &params, password, salt, &mut output)?;
        Ok(bool::from(output.ct_eq(expected.as_bytes())))
    }

    fn fill(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        password: &str,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), argon2::Error> {
        if self.blocks.len() < params.block_count() {
            self.blocks.resize(params.block_count(), Block::default());
        }
        let password: String = password.nfc().collect();
        Argon2::new(algorithm, version, params.clone()).hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            output,
            &mut self.blocks[..],
        )
    }
}

/// A PHC string that no password fits, with the costs of a real one: what is verified for a name that
/// does not exist.
///
/// # Errors
/// [`HashFault`].
pub(super) fn decoy() -> Result<String, HashFault> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).map_err(argon2_fault)?;
    written(&params, &random::<SALT>()?, &random::<OUTPUT>()?)
}

fn written(params: &Params, salt: &[u8], output: &[u8]) -> Result<String, HashFault> {
    let salt = SaltString::encode_b64(salt).map_err(argon2_fault)?;
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(argon2_fault)?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(output).map_err(argon2_fault)?),
    };
    Ok(phc.to_string())
}

fn argon2_fault(error: impl std::fmt::Display) -> HashFault {
    HashFault::Argon2(error.to_string())
}

fn random<const N: usize>() -> Result<[u8; N], HashFault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| HashFault::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_own_hash_only() {
        let mut hasher = Hasher::default();
        let phc = hasher.hash("le platane de la cour").expect("hashed");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(hasher.verify("le platane de la cour", &phc));
        assert!(!hasher.verify("le platane de la Cour", &phc));
        assert_ne!(phc, hasher.hash("le platane de la cour").expect("hashed"), "a salt of its own each time");
        for damaged in
            ["", "$", "x", &phc[..phc.len() - 2], "$argon2id$v=19$m=4000000000,t=2,p=1$c2FsdHNhbHQ$AAAA"]
        {
            assert!(!hasher.verify("le platane de la cour", damaged), "{damaged}");
        }
    }

    #[test]
    fn both_ways_of_writing_an_accent_are_one_password() {
        let mut hasher = Hasher::default();
        let phc = hasher.hash("\u{e9}t\u{e9} \u{e0} la cour").expect("hashed");
        assert!(hasher.verify("e\u{301}te\u{301} a\u{300} la cour", &phc));
    }

    #[test]
    fn hashes_of_the_reference_implementation_are_understood() {
        // From the argon2 program of phc-winner-argon2: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
        let reference =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let mut hasher = Hasher::default();
        assert!(hasher.verify("password", reference));
        assert!(!hasher.verify("differentpassword", reference));
    }

    #[test]
    fn nothing_fits_the_decoy_and_it_costs_the_same() {
        let decoy = decoy().expect("a decoy");
        assert!(decoy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!Hasher::default().verify("", &decoy));
    }
}
