//! What this node has to tell the others: kept while the store is away, and once more for a while after it
//! was told, in case the store forgets.
//!
//! Of each device only the latest word is kept: the newest copy of a ticket wins, and who is told only of
//! that misses nothing. Bounded: beyond [`UNSENT`] devices the oldest word is given up and counted.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use preau_gate::{DeviceId, Notice, Word};
use tokio::time::Instant;

/// Devices that may be waiting to be told of; about 12 MB when full. As many as the book of seats
/// remembers of other nodes.
const UNSENT: usize = 200_000;
/// What was told this long ago at most is told again to a store that has lost its memory. Longer than
/// Redis' usual snapshots lag when something moves (60 s).
const RECENT: Duration = Duration::from_secs(90);
/// Notices of that span at most; about 6 MB.
const RECENT_NOTICES: usize = 65_536;

/// The outbox.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    unsent: HashMap<DeviceId, Notice>,
    /// Devices in the order in which they came; one that stands twice counts at its first place.
    order: VecDeque<DeviceId>,
    recent: HashMap<DeviceId, (Instant, Notice)>,
    recent_order: VecDeque<(Instant, DeviceId)>,
    given_up: u64,
}

impl Outbox {
    /// New words of the gate.
    pub(crate) fn add(&mut self, notices: impl IntoIterator<Item = Notice>) {
        for notice in notices {
            if self.unsent.insert(notice.device, notice).is_none() {
                self.order.push_back(notice.device);
            }
            while self.unsent.len() > UNSENT
                && let Some(oldest) = self.order.pop_front()
            {
                self.given_up += u64::from(self.unsent.remove(&oldest).is_some());
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
            } else if let Entry::Vacant(place) = self.unsent.entry(notice.device) {
                place.insert(notice);
                self.order.push_front(notice.device);
            }
        }
    }

    /// They are in the store.
    pub(crate) fn sent(&mut self, notices: Vec<Notice>, now: Instant) {
        for notice in notices {
            self.recent.insert(notice.device, (now, notice));
            self.recent_order.push_back((now, notice.device));
        }
        while let Some((at, device)) = self.recent_order.front().copied()
            && (now.duration_since(at) > RECENT || self.recent_order.len() > RECENT_NOTICES)
        {
            self.recent_order.pop_front();
            if self.recent.get(&device).is_some_and(|(sent, _)| *sent == at) {
                self.recent.remove(&device);
            }
        }
    }

    /// Others have said something about these devices: what this node has to say about an earlier or the same
    /// seat is out of date, and told again would take the seat from whoever has it now.
    pub(crate) fn heard(&mut self, notices: &[Notice]) {
        let outdated = |own: &Notice, heard: &Notice| {
            own.word != Word::Revoked && (own.at, own.taken) <= (heard.at, heard.taken)
        };
        for notice in notices {
            if self.unsent.get(&notice.device).is_some_and(|own| outdated(own, notice)) {
                self.unsent.remove(&notice.device);
            }
            if self.recent.get(&notice.device).is_some_and(|(_, own)| outdated(own, notice)) {
                self.recent.remove(&notice.device);
            }
        }
    }

    /// The store has lost its memory: what it was told lately is to be told again.
    pub(crate) fn tell_again(&mut self) {
        let order = std::mem::take(&mut self.recent_order);
        let mut recent = std::mem::take(&mut self.recent);
        let words = order.into_iter().filter_map(|(_, device)| recent.remove(&device));
        let words = words.map(|(_, notice)| notice).collect();
        self.failed(words);
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
        let at = Moment::from_unix_millis(at);
        Notice { device: DeviceId::new(bytes), at, taken: at, word: Word::Seated }
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
        outbox.sent(vec![notice(0, 2)], start + Duration::from_secs(1));
        assert_eq!((outbox.recent_order.len(), outbox.recent.len()), (RECENT_NOTICES, RECENT_NOTICES));
    }

    #[test]
    fn what_others_say_later_outdates_our_own_word() {
        let mut outbox = Outbox::default();
        let revoked = Notice { word: Word::Revoked, ..notice(3, 30) };
        outbox.sent(vec![notice(1, 10), notice(2, 20), revoked], Instant::now());
        outbox.add([notice(4, 40), notice(5, 50)]);
        outbox.heard(&[notice(1, 10), notice(2, 19), notice(3, 31), notice(4, 41)]);
        outbox.tell_again();
        assert_eq!(outbox.take(9), [notice(2, 20), revoked, notice(5, 50)]);
    }
}
