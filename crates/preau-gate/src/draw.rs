//! The draw: the order of those who arrive in the same second, or before the same bell.
//!
//! Ranking by the microsecond would reward the nearest network and the fastest machine. Instead
//! everyone of a slot (a second, or the quarter of an hour before a bell) draws a number:
//! HMAC(seed of the slot, device). No node has to ask another, and nobody can choose: the device
//! number is handed out by us, the seed is secret until the slot has closed. SHA-256 of the seed
//! can be published beforehand and the seed afterwards, so that anyone can recompute the draw.
//!
//! What this does not promise: whoever knows the gate's secret can compute seeds in advance.

use hmac::Mac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::keys::{Keys, Purpose, signer};
use crate::ticket::{DeviceId, number};
use crate::time::Moment;

/// A place in the order of a lane: the slot of arrival, then the number drawn within it.
/// The smaller comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rank(u64);

impl Rank {
    /// The place with this slot (seconds since 1970) and draw.
    pub const fn new(slot: u32, draw: u32) -> Self {
        Self(((slot as u64) << 32) | draw as u64)
    }

    /// The place written as a number; the order of numbers is the order of places.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The place as a number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Second of arrival (or second at which the shared slot before a bell opened).
    pub const fn slot(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Number drawn within the slot.
    pub const fn draw(self) -> u32 {
        self.0 as u32
    }
}

impl std::fmt::Display for Rank {
    /// Sixteen hexadecimal digits, so that comparing texts compares places.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

/// The seed of one slot. Knowing it lets anyone recompute that slot's draw, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed with these bytes, as published once its slot has closed.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to publish.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn of_slot(keys: &Keys, slot: u32) -> Self {
        let day = Moment::from_unix_seconds(u64::from(slot)).day();
        Self(keys.daily(Purpose::Draw, day).chain_update(slot.to_be_bytes()).finalize().into_bytes().into())
    }

    /// What to publish before the slot opens: SHA-256 of the seed (FIPS 180-4).
    pub fn commitment(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The number that `device` draws: the first four bytes of HMAC-SHA256(seed, device).
    pub fn draw(&self, device: DeviceId) -> u32 {
        let code = signer(&self.0).chain_update(device.bytes()).finalize().into_bytes();
        u32::from_be_bytes([code[0], code[1], code[2], code[3]])
    }

    /// A number drawn for something other than a device: the first eight bytes of
    /// HMAC-SHA256(seed, kind followed by the number, big-endian).
    pub(crate) fn number(&self, kind: &[u8], of: u64) -> u64 {
        let code = signer(&self.0).chain_update(kind).chain_update(of.to_be_bytes()).finalize().into_bytes();
        number(&code[..8])
    }
}

/// What is published about a draw once it is over: enough for anyone to recompute it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawRecord {
    /// The slot, in seconds since 1970.
    pub slot: u32,
    /// SHA-256 of the seed, as published before the slot opened; 64 hexadecimal digits.
    pub commitment: String,
    /// The seed, published after the bell; 64 hexadecimal digits.
    pub seed: String,
    /// Devices in the order in which they were called; 24 hexadecimal digits each.
    pub order: Vec<String>,
}

/// Why a published draw is not what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// Not the digits it should be.
    #[error("{0} must be {1} hexadecimal digits")]
    Digits(&'static str, usize),
    /// The seed was chosen after the commitment was published.
    #[error("the seed does not match the commitment: SHA-256 of the seed is {0}")]
    Commitment(String),
    /// Somebody stands before somebody who drew a smaller number.
    #[error("device {device} stands at place {place} with the draw {draw:08x}, after one with {before:08x}")]
    Order {
        /// The place, from 1.
        place: usize,
        /// Who stands there.
        device: String,
        /// What they drew.
        draw: u32,
        /// What the one before drew.
        before: u32,
    },
    /// A device stands there twice.
    #[error("device {0} stands in the order twice")]
    Twice(String),
}

/// Recomputes a published draw. Returns the number each device drew, in the order given.
///
/// # Errors
/// Names the first thing that does not agree.
pub fn verify_draw(record: &DrawRecord) -> Result<Vec<u32>, DrawError> {
    let seed = Seed(from_hex(&record.seed).ok_or(DrawError::Digits("the seed", 64))?);
    let commitment: [u8; 32] = from_hex(&record.commitment).ok_or(DrawError::Digits("the commitment", 64))?;
    if seed.commitment() != commitment {
        return Err(DrawError::Commitment(to_hex(&seed.commitment())));
    }
    let mut draws = Vec::with_capacity(record.order.len());
    let mut seen = std::collections::HashSet::new();
    for (at, device) in record.order.iter().enumerate() {
        let bytes = from_hex(device).ok_or(DrawError::Digits("a device", 24))?;
        if !seen.insert(bytes) {
            return Err(DrawError::Twice(device.clone()));
        }
        let draw = seed.draw(DeviceId::new(bytes));
        if let Some(before) = draws.last().copied().filter(|before| *before > draw) {
            return Err(DrawError::Order { place: at + 1, device: device.clone(), draw, before });
        }
        draws.push(draw);
    }
    Ok(draws)
}

/// Lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}

/// Exactly `N` bytes.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> DrawRecord {
        let seed = Seed::from_bytes([5; 32]);
        let mut devices: Vec<DeviceId> = (0..40_u8).map(|n| DeviceId::new([n; 12])).collect();
        devices.sort_by_key(|device| seed.draw(*device));
        DrawRecord {
            slot: 1_000_000,
            commitment: to_hex(&seed.commitment()),
            seed: to_hex(seed.bytes()),
            order: devices.iter().map(|device| to_hex(device.bytes())).collect(),
        }
    }

    #[test]
    fn an_honest_draw_is_confirmed_and_every_trick_is_named() {
        let honest = record();
        let draws = verify_draw(&honest).unwrap();
        assert!(draws.windows(2).all(|two| two[0] <= two[1]));
        let mut swapped = honest.clone();
        swapped.order.swap(3, 20);
        assert!(matches!(verify_draw(&swapped), Err(DrawError::Order { place: 5, .. })));
        let mut twice = honest.clone();
        twice.order.push(honest.order[0].clone());
        assert!(matches!(verify_draw(&twice), Err(DrawError::Twice(_))));
        let chosen = DrawRecord { seed: to_hex(&[6; 32]), ..honest.clone() };
        assert!(matches!(verify_draw(&chosen), Err(DrawError::Commitment(_))));
        let short = DrawRecord { seed: "aé".to_owned(), ..honest };
        assert_eq!(verify_draw(&short), Err(DrawError::Digits("the seed", 64)));
    }
}
