//! Counters of an engine, and how good a participant's link is.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades() {
        let link = |loss, ms, up| Link { loss, round_trip: Some(Duration::from_millis(ms)), up };
        assert_eq!(link(0.0, 20, true).quality(), ConnectionQuality::Excellent);
        assert_eq!(link(0.05, 20, true).quality(), ConnectionQuality::Good);
        assert_eq!(link(0.0, 400, true).quality(), ConnectionQuality::Good);
        assert_eq!(link(0.2, 20, true).quality(), ConnectionQuality::Poor);
        assert_eq!(link(0.0, 20, false).quality(), ConnectionQuality::Lost);
        assert_eq!(link(0.0, 20, false).score(), 0.0);
    }
}
