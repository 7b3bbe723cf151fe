//! Sessions and marks: what someone carries once let in, and how a device is known again.
//!
//! A **session** says "this device has a seat". It is verified by its signature alone; the book of
//! seats is asked only once a minute, when the session is signed anew. Its 48 bytes, big-endian:
//!
//! | bytes | 1 | 1 | 1 | 1 | 6 | 2 | 4 | 4 | 12 | 16 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | | version | lane | flags | epoch | seated, ms | waited, s | renewed, s | held until, s | device | code |
//!
//! Flags: bits 0–1 the key's number, bit 2 "not yet returned": the seat falls free after a minute
//! unless the browser sends the session back, so that visitors who keep no cookie hold no seats.
//!
//! A **mark** (36 bytes, a year) says that somebody has signed in on this device, and whether it
//! was a teacher: the lane can be chosen before sign-in, without a database.
//!
//! Neither says who somebody is: that is the business of sign-in.

use std::time::Duration;

use crate::keys::{FUTURE, Keys, Purpose, SealError, Sealed, decode};
use crate::lanes::Lane;
use crate::rules::Rules;
use crate::ticket::{DeviceId, number};
use crate::time::Moment;

const VERSION: u8 = 1;
const PROVISIONAL: u8 = 4;
const SIZE: usize = 48;
const MARK_SIZE: usize = 36;

/// The text of a session.
pub type SessionText = Sealed<64>;

/// The text of a device mark.
pub type MarkText = Sealed<48>;

/// A genuine session: its holder has been let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The lane whose share the seat counts against.
    pub lane: Lane,
    /// Whose seat it is.
    pub device: DeviceId,
    /// When the seat was taken. Of two sessions of one device the later one counts.
    pub seated: Moment,
    /// How long its holder had waited when the seat was taken, in whole seconds (at most 18 h).
    pub waited: Duration,
    /// Kept at least until then whatever happens: end of the lesson and five minutes.
    pub held_until: Option<Moment>,
    pub(crate) renewed: Moment,
    pub(crate) provisional: bool,
    pub(crate) epoch: u8,
}

impl Session {
    /// When its holder came to the gate: proof of presence for the roll call.
    pub fn arrived(&self) -> Moment {
        self.seated - self.waited
    }

    /// Whether this session can be believed without asking the book of seats.
    pub(crate) fn fresh(&self, rules: &Rules, now: Moment) -> bool {
        !self.provisional && !self.future(now) && now < self.renewed + rules.refresh
    }

    /// Whether our clock has been set back since, or another node's runs ahead. Such a session is
    /// not believed, but not refused either: the book of seats knows.
    pub(crate) fn future(&self, now: Moment) -> bool {
        self.renewed > now + FUTURE
    }

    /// When the seat ends if nothing more is heard of its holder.
    pub(crate) fn ends(&self, rules: &Rules) -> Moment {
        if self.provisional {
            // Whoever has not sent the session back has not been seen inside a lesson either.
            return self.renewed + rules.first_hold;
        }
        (self.renewed + rules.refresh + rules.idle).max(self.held_until.unwrap_or_default())
    }

    pub(crate) fn seal(&self, keys: &Keys) -> SessionText {
        let mut body = [0_u8; SIZE];
        body[0] = VERSION;
        body[1] = self.lane as u8;
        body[2] = if self.provisional { PROVISIONAL } else { 0 };
        body[3] = self.epoch;
        body[4..10].copy_from_slice(&self.seated.unix_millis().to_be_bytes()[2..]);
        let waited = u16::try_from(self.waited.as_secs()).unwrap_or(u16::MAX);
        body[10..12].copy_from_slice(&waited.to_be_bytes());
        body[12..16].copy_from_slice(&self.renewed.unix_seconds().to_be_bytes());
        let held = self.held_until.unwrap_or_default();
        body[16..20].copy_from_slice(&held.unix_seconds().to_be_bytes());
        body[20..32].copy_from_slice(self.device.bytes());
        keys.seal(Purpose::Session, self.renewed, &mut body);
        Sealed::encode(&body)
    }

    pub(crate) fn open(text: &[u8], keys: &Keys, now: Moment) -> Result<Self, SealError> {
        let body: [u8; SIZE] = decode(text)?;
        if body[0] != VERSION {
            return Err(SealError::Version(body[0]));
        }
        keys.check(Purpose::Session, now, &body)?;
        if body[2] & !(PROVISIONAL | 3) != 0 {
            return Err(SealError::Field("flags"));
        }
        let renewed = Moment::from_unix_seconds(number(&body[12..16]));
        let held = number(&body[16..20]);
        let mut device = [0_u8; 12];
        device.copy_from_slice(&body[20..32]);
        Ok(Self {
            lane: Lane::from_number(body[1]).ok_or(SealError::Field("lane"))?,
            device: DeviceId::new(device),
            seated: Moment::from_unix_millis(number(&body[4..10])),
            waited: Duration::from_secs(number(&body[10..12])),
            held_until: (held > 0).then(|| Moment::from_unix_seconds(held)),
            renewed,
            provisional: body[2] & PROVISIONAL != 0,
            epoch: body[3],
        })
    }
}

/// How somebody is known before signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A teacher has signed in on this device.
    Teacher,
    /// Somebody else of the school has.
    Known,
}

impl Standing {
    /// The lane that this standing opens.
    pub const fn lane(self) -> Lane {
        match self {
            Self::Teacher => Lane::Teacher,
            Self::Known => Lane::Known,
        }
    }
}

/// A genuine device mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who last signed in here.
    pub standing: Standing,
    /// The device.
    pub device: DeviceId,
}

impl Mark {
    pub(crate) fn seal(&self, keys: &Keys, now: Moment) -> MarkText {
        let mut body = [0_u8; MARK_SIZE];
        body[0] = VERSION;
        body[1] = match self.standing {
            Standing::Teacher => 1,
            Standing::Known => 2,
        };
        body[4..8].copy_from_slice(&now.unix_seconds().to_be_bytes());
        body[8..20].copy_from_slice(self.device.bytes());
        keys.seal_mark(now, &mut body);
        Sealed::encode(&body)
    }

    pub(crate) fn open(text: &[u8], keys: &Keys, now: Moment) -> Result<Self, SealError> {
        let body: [u8; MARK_SIZE] = decode(text)?;
        if body[0] != VERSION {
            return Err(SealError::Version(body[0]));
        }
        keys.check_mark(now, &body)?;
        if Moment::from_unix_seconds(number(&body[4..8])) > now + FUTURE {
            return Err(SealError::Future);
        }
        let standing = match body[1] {
            1 => Standing::Teacher,
            2 => Standing::Known,
            _ => return Err(SealError::Field("standing")),
        };
        let mut device = [0_u8; 12];
        device.copy_from_slice(&body[8..20]);
        Ok(Self { standing, device: DeviceId::new(device) })
    }
}
