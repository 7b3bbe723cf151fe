//! Tickets: a place in the queue that its holder carries.
//!
//! A ticket is 48 bytes, 64 base64url characters, meant for a `__Host-` cookie. All that the gate
//! must know about someone who waits stands in it, so that waiting costs the gate no memory and a
//! restart loses nobody's place. The layout, big-endian:
//!
//! | bytes | 1 | 1 | 1 | 1 | 8 | 8 | 12 | 16 |
//! |---|---|---|---|---|---|---|---|---|
//! | | version | lane | flags | zero | rank | issued, ms | device | code |
//!
//! Flags: bits 0–1 the key's number, bit 2 "drawn at the bell" (the draw is left out and computed
//! by the gate, for showing it before the bell would invite drawing again), bit 3 "of a lesson in the
//! plan" (the slot is when its access opens), bit 4 "toll paid".
//!
//! A ticket is not a session: it opens nothing but the question whether its turn has come.
//! Invariant: what `open` returns was issued by this gate and altered nowhere.

use crate::draw::Rank;
use crate::estimate::mix;
use crate::keys::{FUTURE, Keys, Purpose, SealError, Sealed, decode};
use crate::lanes::Lane;
use crate::time::Moment;

const VERSION: u8 = 1;
const POOLED: u8 = 4;
const PLANNED: u8 = 8;
const PAID: u8 = 16;
const SIZE: usize = 48;

/// A device's number: random, handed out by us and signed, never a fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; 12]);

impl DeviceId {
    /// A device number from 12 bytes of a cryptographic random source.
    pub const fn new(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// Four bits that put devices into sixteen equal classes, for sampling.
    pub(crate) const fn class(self) -> u8 {
        self.0[11] & 15
    }

    /// A well-mixed number (the bytes are random already).
    pub(crate) const fn mixed(self) -> u64 {
        let b = self.0;
        u64::from_be_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
    }
}

impl std::fmt::Debug for DeviceId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// The text of a ticket.
pub type TicketText = Sealed<64>;

/// A genuine ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The lane in which its holder waits.
    pub lane: Lane,
    /// The place; for a ticket drawn at the bell only the slot is filled in.
    pub rank: Rank,
    /// Whether the number is drawn at the bell.
    pub drawn_at_bell: bool,
    /// Whether the place is one of a lesson in the plan: its slot is the second at which access opens.
    pub planned: bool,
    /// Whether the toll of the unknown lane has been paid for it.
    pub paid: bool,
    /// When it was issued: since when its holder has been here.
    pub issued: Moment,
    /// Whose it is.
    pub device: DeviceId,
    /// A number by which a spent ticket is remembered, whatever its flags have become.
    pub(crate) tag: u64,
}

impl Ticket {
    /// A ticket at a settled place.
    pub(crate) fn waiting(lane: Lane, rank: Rank, issued: Moment, device: DeviceId) -> Self {
        let tag = tag(rank, device);
        Self { lane, rank, drawn_at_bell: false, planned: false, paid: false, issued, device, tag }
    }

    pub(crate) fn seal(&self, keys: &Keys) -> TicketText {
        let mut body = [0_u8; SIZE];
        body[0] = VERSION;
        body[1] = self.lane as u8;
        for (holds, flag) in [(self.drawn_at_bell, POOLED), (self.planned, PLANNED), (self.paid, PAID)] {
            body[2] |= if holds { flag } else { 0 };
        }
        body[4..12].copy_from_slice(&self.rank.bits().to_be_bytes());
        body[12..20].copy_from_slice(&self.issued.unix_millis().to_be_bytes());
        body[20..32].copy_from_slice(self.device.bytes());
        keys.seal(Purpose::Ticket, self.issued, &mut body);
        Sealed::encode(&body)
    }

    /// A genuine ticket stamped by a clock that is not ahead of ours.
    pub(crate) fn open(text: &[u8], keys: &Keys, now: Moment) -> Result<Self, SealError> {
        let ticket = Self::open_any(text, keys, now)?;
        if ticket.future(now) { Err(SealError::Future) } else { Ok(ticket) }
    }

    /// Stamped more than five seconds ahead: our clock has been set back, or another node's is fast.
    pub(crate) fn future(&self, now: Moment) -> bool {
        self.issued > now + FUTURE
    }

    /// A genuine ticket, even one from the future: it opens nothing yet, but keeps its place.
    pub(crate) fn open_any(text: &[u8], keys: &Keys, now: Moment) -> Result<Self, SealError> {
        let body: [u8; SIZE] = decode(text)?;
        if body[0] != VERSION {
            return Err(SealError::Version(body[0]));
        }
        keys.check(Purpose::Ticket, now, &body)?;
        if body[3] != 0 || body[2] & !(POOLED | PLANNED | PAID | 3) != 0 {
            return Err(SealError::Field("flags"));
        }
        let issued = Moment::from_unix_millis(number(&body[12..20]));
        let mut device = [0_u8; 12];
        device.copy_from_slice(&body[20..32]);
        let (rank, device) = (Rank::from_bits(number(&body[4..12])), DeviceId(device));
        Ok(Self {
            lane: Lane::from_number(body[1]).ok_or(SealError::Field("lane"))?,
            rank,
            drawn_at_bell: body[2] & POOLED != 0,
            planned: body[2] & PLANNED != 0,
            paid: body[2] & PAID != 0,
            issued,
            device,
            tag: tag(rank, device),
        })
    }
}

/// Device and place, mixed: both are ours to give, so nobody can choose two that fall together.
fn tag(rank: Rank, device: DeviceId) -> u64 {
    mix(mix(number(&device.0[4..])) ^ mix(rank.bits() ^ (number(&device.0[..4]) << 32)))
}

/// A big-endian number of at most eight bytes.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
