//! The filter: which sessions must be looked up although their signature is good.
//!
//! A session that was given up, revoked or superseded by a newer one keeps a valid signature for
//! up to a minute. The filter holds, for each of 32,768 groups of devices, the second of the last
//! such event in the group; a session signed no later than that is looked up in the book of seats.
//! It never forbids anything by itself, so that devices which share a group lose nothing but the
//! short cut, once. Reading it takes no lock.

use crate::atoms::{AtomicU32, Ordering};
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
        &self.0[device.mixed() as usize % self.0.len()]
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

/// Every interleaving of giving a seat up and showing the session that had it.
#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering as Order};
    use loom::thread;

    use super::*;

    #[test]
    fn loom_who_sees_the_mark_sees_the_book() {
        loom::model(|| {
            let start = Moment::from_unix_seconds(1_000);
            let filter = Arc::new(Filter((0..1).map(|_| AtomicU32::new(start.unix_seconds())).collect()));
            // Stands for the book of seats, written before the mark is raised.
            let given_up = Arc::new(AtomicBool::new(false));
            let device = DeviceId::new([1; 12]);
            let now = Moment::from_unix_seconds(2_000);
            let (theirs, book) = (filter.clone(), given_up.clone());
            let leaving = thread::spawn(move || {
                book.store(true, Order::Relaxed);
                theirs.raise(device, now);
            });
            if filter.suspects(device, Moment::from_unix_seconds(1_500)) {
                assert!(given_up.load(Order::Relaxed));
            }
            leaving.join().unwrap();
            assert!(filter.suspects(device, now));
            assert!(!filter.suspects(device, Moment::from_unix_seconds(2_001)));
        });
    }
}
