//! The filter: which sessions must be looked up although their signature is good.
//!
//! A session that was given up, revoked or superseded by a newer one keeps a valid signature for
//! up to a minute. The filter holds, for each of 32,768 groups of devices, the second of the last
//! such event in the group; a session signed no later than that is looked up in the book of seats.
//! It never forbids anything by itself, so that devices which share a group lose nothing but the
//! short cut, once. Reading it takes no lock.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ticket::DeviceId;
use crate::time::Moment;

/// Groups of devices; 128 kB in all.
const GROUPS: usize = 32_768;

/// The filter.
#[derive(Debug)]
pub(crate) struct Filter(Box<[AtomicU32]>);

impl Filter {
    /// A filter that lets every session from before `start` be looked up once, for that is how
    /// the book of seats learns after a restart who is there.
    pub(crate) fn new(start: Moment) -> Self {
        Self((0..GROUPS).map(|_| AtomicU32::new(start.unix_seconds())).collect())
    }

    fn group(&self, device: DeviceId) -> &AtomicU32 {
        &self.0[device.mixed() as usize % GROUPS]
    }

    /// From now on, sessions of `device` signed until `now` are looked up.
    pub(crate) fn raise(&self, device: DeviceId, now: Moment) {
        // Release pairs with the Acquire below: whoever sees the mark sees the book's new state.
        self.group(device).fetch_max(now.unix_seconds(), Ordering::Release);
    }

    /// Whether a session of `device` signed at `renewed` must be looked up.
    pub(crate) fn suspects(&self, device: DeviceId, renewed: Moment) -> bool {
        renewed.unix_seconds() <= self.group(device).load(Ordering::Acquire)
    }
}
