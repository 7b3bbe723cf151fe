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
use crate::ticket::DeviceId;
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
}
