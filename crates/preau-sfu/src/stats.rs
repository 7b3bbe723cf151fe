//! Counters of an engine, and how good a participant's link is.

use std::time::{Duration, Instant};

use livekit_protocol::ConnectionQuality;

/// What an engine counted since it started. Numbers of packets and messages, nothing personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Bytes in them.
    pub bytes_out: u64,
    /// Datagrams that belong to nobody we know.
    pub strangers: u64,
    /// Media packets received for a published track.
    pub media_in: u64,
    /// Media packets forwarded, counted once for each receiver.
    pub media_out: u64,
    /// Media packets handed to other shards, counted once for each shard.
    pub media_relayed: u64,
    /// Media packets dropped: no right to publish, no announced track, or the track is muted.
    pub media_refused: u64,
    /// Data packets forwarded, counted once for each receiver.
    pub data_out: u64,
    /// Data packets dropped: not allowed, too large, forged, or the receiver is full.
    pub data_refused: u64,
    /// Signalling requests refused by the grants.
    pub requests_refused: u64,
    /// Signalling frames that could not be read.
    pub frames_broken: u64,
}

/// How many things an engine holds: what must come back to nothing when everybody is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Rooms.
    pub rooms: usize,
    /// Participants in them, guests from other shards included.
    pub participants: usize,
    /// Published tracks.
    pub tracks: usize,
    /// Subscriptions to them.
    pub subscriptions: usize,
    /// Reports of peer connections that wait to be dealt with.
    pub waiting: usize,
    /// Network addresses known to be somebody's.
    pub addresses: usize,
    /// ICE names known to be somebody's.
    pub ice_names: usize,
    /// Signalling connections.
    pub connections: usize,
    /// Alarms, spent ones that still lie around included.
    pub timers: usize,
    /// Outputs that nobody has taken yet.
    pub outputs: usize,
    /// TCP connections.
    pub streams: usize,
}

/// How good a participant's link is, from the last reports.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Link {
    /// Worst share of packets lost, either way: 0 to 1.
    pub(crate) loss: f32,
    /// Share of what we sent that was lost, if the other side reported.
    pub(crate) sent_loss: Option<f32>,
    /// Round trip.
    pub(crate) round_trip: Option<Duration>,
    /// Whether the media connection stands.
    pub(crate) up: bool,
}

impl Link {
    /// The grade shown to people, with thresholds where speech begins to suffer.
    pub(crate) fn quality(&self) -> ConnectionQuality {
        let slow = |limit: u64| self.round_trip.is_some_and(|rtt| rtt > Duration::from_millis(limit));
        if !self.up {
            ConnectionQuality::Lost
        } else if self.loss > 0.08 || slow(600) {
            ConnectionQuality::Poor
        } else if self.loss > 0.03 || slow(300) {
            ConnectionQuality::Good
        } else {
            ConnectionQuality::Excellent
        }
    }

    /// The same as a number from 0 to 5, as clients expect beside the grade.
    pub(crate) fn score(&self) -> f32 {
        match self.quality() {
            ConnectionQuality::Lost => 0.0,
            ConnectionQuality::Poor => 1.5,
            ConnectionQuality::Good => 3.5,
            ConnectionQuality::Excellent => 5.0,
        }
    }
}

/// Loss above this share means that more is sent than the link carries …
const MUCH_LOSS: f32 = 0.10;

/// … and below this one it may carry more.
const LITTLE_LOSS: f32 = 0.02;

/// After a link was found too narrow, it is not tried again for this long; twice as long each time it was
/// too early, up to the second.
const REST: Duration = Duration::from_secs(10);
const REST_AT_MOST: Duration = Duration::from_secs(120);

/// What a link carries, judged by what its receiver reports as lost. The delay-based estimate sees
/// congestion sooner; this one also sees it when the feedback for that one is missing or thinned out by the
/// congestion itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LossCap {
    cap: Option<u64>,
    rest_until: Option<Instant>,
    rest: Duration,
}

impl LossCap {
    /// Takes a report: the share lost of `sent` bits a second, of `wanted` that would be sent to a link
    /// that carries everything.
    pub(crate) fn report(&mut self, loss: f32, sent: u64, wanted: u64, now: Instant) {
        let carried = |share: f32| (sent as f64 * f64::from(share)) as u64;
        if loss > MUCH_LOSS {
            let early = self.rest_until.is_some_and(|until| now < until + self.rest * 2);
            self.rest = if early { (self.rest * 2).min(REST_AT_MOST) } else { REST };
            self.rest_until = Some(now + self.rest);
            let through = carried(1.0 - loss);
            self.cap = Some(self.cap.map_or(through, |cap| cap.min(through)));
        } else if loss < LITTLE_LOSS && self.rest_until.is_none_or(|until| now >= until) {
            // A quarter more each time, until everything fits.
            self.cap = self.cap.map(|cap| cap + cap / 4).filter(|cap| *cap < wanted * 2);
        }
    }

    /// Bits a second; None: no bound is known.
    pub(crate) fn bits(&self) -> Option<u64> {
        self.cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_narrows_and_its_absence_widens_after_a_rest() {
        let mut now = Instant::now();
        let mut cap = LossCap::default();
        cap.report(0.05, 1_000_000, 1_000_000, now);
        assert_eq!(cap.bits(), None);
        cap.report(0.4, 1_000_000, 1_000_000, now);
        let narrow = cap.bits().unwrap();
        assert!((590_000..610_000).contains(&narrow));
        // More loss of less is narrower still, never wider.
        cap.report(0.2, 900_000, 1_000_000, now);
        assert_eq!(cap.bits(), Some(narrow));
        let mut waited = Vec::new();
        for _ in 0..3 {
            let begun = now;
            let before = cap.bits();
            while cap.bits() == before {
                now += Duration::from_secs(2);
                cap.report(0.0, 500_000, 1_000_000, now);
            }
            waited.push(now - begun);
            cap.report(0.2, 700_000, 1_000_000, now);
        }
        assert!(waited.windows(2).all(|pair| pair[1] > pair[0]), "{waited:?}");
        for _ in 0..200 {
            now += Duration::from_secs(2);
            cap.report(0.0, 1_000_000, 1_000_000, now);
        }
        assert_eq!(cap.bits(), None, "everything fits: there is no bound any more");
    }

    #[test]
    fn grades() {
        let link =
            |loss, ms, up| Link { loss, sent_loss: None, round_trip: Some(Duration::from_millis(ms)), up };
        assert_eq!(link(0.0, 20, true).quality(), ConnectionQuality::Excellent);
        assert_eq!(link(0.05, 20, true).quality(), ConnectionQuality::Good);
        assert_eq!(link(0.0, 400, true).quality(), ConnectionQuality::Good);
        assert_eq!(link(0.2, 20, true).quality(), ConnectionQuality::Poor);
        assert_eq!(link(0.0, 20, false).quality(), ConnectionQuality::Lost);
        assert_eq!(link(0.0, 20, false).score(), 0.0);
    }
}
