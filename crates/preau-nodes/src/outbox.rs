//! What this node has to tell the others: kept while the store is away, and once more for a while after it
//! was told, in case the store forgets.
//!
//! Of each device only the latest word is kept: the newest copy of a ticket wins, and who is told only of
//! that misses nothing. Bounded: beyond [`UNSENT`] devices the oldest word is given up and counted.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use preau_gate::{DeviceId, Notice};
use tokio::time::Instant;

/// Devices that may be waiting to be told of; about 12 MB when full. As many as the book of seats
/// remembers of other nodes.
const UNSENT: usize = 200_000;
/// What was told this long ago at most is told again to a store that has lost its memory. Longer than
/// Redis' usual snapshots lag when something moves (60 s).
const RECENT: Duration = Duration::from_secs(90);
/// Notices of that span at most; about 2 MB.
const RECENT_NOTICES: usize = 65_536;

/// The outbox.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    unsent: HashMap<DeviceId, Notice>,
    /// Devices in the order in which they came; one that stands twice counts at its first place.
    order: VecDeque<DeviceId>,
    recent: VecDeque<(Instant, Vec<Notice>)>,
    recent_notices: usize,
    given_up: u64,
}

impl Outbox {
    /// New words of the gate.
    pub(crate) fn add(&mut self, notices: impl IntoIterator<Item = Notice>) {
        for notice in notices {
            if self.unsent.insert(notice.device, notice).is_none() {
                self.order.push_back(notice.device);
            }
            if self.unsent.len() > UNSENT
                && let Some(oldest) = self.order.pop_front()
            {
                self.unsent.remove(&oldest);
                self.given_up += 1;
            }
        }
    }

    /// The oldest `most` words, to be sent. They come back with [`Outbox::failed`], or go with
    /// [`Outbox::sent`].
    pub(crate) fn take(&mut self, most: usize) -> Vec<Notice> {
        let count = most.min(self.order.len());
        let devices = self.order.drain(..count);
        devices.filter_map(|device| self.unsent.remove(&device)).collect()
    }

    /// They may not have arrived. Twice does no harm; a newer word of the same device stands.
    pub(crate) fn failed(&mut self, notices: Vec<Notice>) {
        for notice in notices.into_iter().rev() {
            if self.unsent.len() >= UNSENT {
                self.given_up += 1;
            } else if !self.unsent.contains_key(&notice.device) {
                self.unsent.insert(notice.device, notice);
                self.order.push_front(notice.device);
            }
        }
    }

    /// They are in the store.
    pub(crate) fn sent(&mut self, notices: Vec<Notice>, now: Instant) {
        if !notices.is_empty() {
            self.recent_notices += notices.len();
            self.recent.push_back((now, notices));
        }
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > RECENT || self.recent_notices > RECENT_NOTICES)
            && let Some((_, oldest)) = self.recent.pop_front()
        {
            self.recent_notices -= oldest.len();
        }
    }

    /// The store has lost its memory: what it was told lately is to be told again.
    pub(crate) fn tell_again(&mut self) {
        self.recent_notices = 0;
        for (_, notices) in std::mem::take(&mut self.recent).into_iter().rev() {
            self.failed(notices);
        }
    }

    /// Words not sent, and words given up since the start.
    pub(crate) fn counts(&self) -> (usize, u64) {
        (self.unsent.len(), self.given_up)
    }
}

#[cfg(test)]
mod tests {
    use preau_gate::Moment;

    use super::*;

    fn notice(device: u32, at: u64) -> Notice {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&device.to_be_bytes());
        Notice { device: DeviceId::new(bytes), at: Moment::from_unix_millis(at), revoked: false }
    }

    #[test]
    fn of_each_device_the_latest_word_goes_out_once() {
        let mut outbox = Outbox::default();
        outbox.add([notice(1, 10), notice(2, 20), notice(1, 30)]);
        let first = outbox.take(1);
        assert_eq!(first, [notice(1, 30)]);
        // While it was under way there was news; the attempt fails.
        outbox.add([notice(1, 40)]);
        outbox.failed(first);
        assert_eq!(outbox.take(9), [notice(2, 20), notice(1, 40)]);
        assert_eq!(outbox.take(9), []);
    }

    #[test]
    fn a_forgetful_store_is_told_again_what_is_recent() {
        let mut outbox = Outbox::default();
        let start = Instant::now();
        outbox.sent(vec![notice(1, 10)], start);
        outbox.sent(vec![notice(2, 20)], start + Duration::from_secs(80));
        outbox.sent(vec![notice(3, 30), notice(4, 40)], start + Duration::from_secs(100));
        outbox.add([notice(3, 50)]);
        outbox.tell_again();
        assert_eq!(outbox.take(9), [notice(2, 20), notice(4, 40), notice(3, 50)]);
        outbox.tell_again();
        assert_eq!(outbox.take(9), []);
    }

    #[test]
    fn it_is_bounded_and_counts_what_it_gives_up() {
        let mut outbox = Outbox::default();
        let many = UNSENT as u32 + 5;
        outbox.add((0..many).map(|device| notice(device, 1)));
        assert_eq!(outbox.counts(), (UNSENT, 5));
        assert_eq!(outbox.take(1), [notice(5, 1)]);
        outbox.failed(vec![notice(0, 1), notice(1, 1)]);
        assert_eq!(outbox.counts(), (UNSENT, 6));
        let start = Instant::now();
        outbox.sent((0..RECENT_NOTICES as u32).map(|device| notice(device, 1)).collect(), start);
        outbox.sent(vec![notice(0, 2)], start);
        assert_eq!(outbox.recent_notices, 1);
    }
}
