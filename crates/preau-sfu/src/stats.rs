//! Counters of an engine, and how good a participant's link is.

use std::time::{Duration, Instant};

use livekit_protocol::ConnectionQuality;

use crate::config::Links;

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
    /// Of these, packets that did not go through str0m. Repairs are not counted.
    pub media_past: u64,
    /// Media packets handed to other shards, counted once for each shard.
    pub media_relayed: u64,
    /// Media packets handed to a recorder.
    pub tapped: u64,
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
    /// Tracks that are handed out for a recording.
    pub tapped: usize,
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

/// What a link is taken to carry before anything is known of it, in bits a second: a camera in HD and a
/// screen.
pub(crate) const FIRST_WIDTH: u64 = 3_000_000;

/// Loss above this share means that more is sent than the link carries …
const MUCH_LOSS: f32 = 0.10;

/// … and below this one it may carry more.
const LITTLE_LOSS: f32 = 0.02;

/// Loss above this share is heard in voices in spite of their redundancy.
const HARM: f32 = 0.20;

/// So many reports in a row must say so: one is of some fifty packets, and of those a link that loses a tenth, and
/// brings some late, now and then loses a fifth by chance. The picture went dark for ten seconds each time. Twice as
/// much is no chance.
const HARM_REPORTS: u32 = 2;

/// A round trip this much longer than the shortest of late means that packets queue up on the way.
const QUEUED: Duration = Duration::from_millis(250);

/// So many reports in a row must say so: reports themselves are late now and then.
const QUEUED_REPORTS: u32 = 2;

/// Share of what got through that is sent after it was too much: what queues up on the way must drain.
const DRAIN: f32 = 0.85;

/// What follows from less being sent is seen in reports after this long.
const SETTLING: Duration = Duration::from_millis(3_500);

/// Nothing is taken to carry less, in bits a second: from here, a quarter more is still something.
const LEAST: u64 = 100_000;

/// The shortest round trip is believed for so many reports; then the path may have changed.
const SHORTEST_REPORTS: u32 = 60;

/// After a link was found too narrow, it is not tried again for this long; twice as long each time it was
/// too early, up to the second.
const REST: Duration = Duration::from_secs(10);
const REST_AT_MOST: Duration = Duration::from_secs(120);

/// What a link carries, judged by what its receiver reports: losses and round trips. More is tried when
/// nothing is wrong, and taken back when it does not get through; what failed is left alone for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkWidth {
    trusted: bool,
    bits: Option<u64>,
    rest_until: Option<Instant>,
    rest: Duration,
    narrowed_at: Option<Instant>,
    /// So much was lost that voices suffer, until then.
    harmed_until: Option<Instant>,
    shortest: Option<Duration>,
    shortest_age: u32,
    queued: u32,
    harmful: u32,
}

impl LinkWidth {
    pub(crate) fn new(links: Links) -> LinkWidth {
        let trusted = links == Links::Trusted;
        LinkWidth {
            trusted,
            bits: (!trusted).then_some(FIRST_WIDTH),
            rest_until: None,
            rest: REST,
            narrowed_at: None,
            harmed_until: None,
            shortest: None,
            shortest_age: 0,
            queued: 0,
            harmful: 0,
        }
    }

    /// Takes a report: the share lost of `sent` bits a second, of `wanted` that would be sent to a link
    /// that carries everything, and how long a round trip took.
    pub(crate) fn report(
        &mut self,
        loss: f32,
        round_trip: Option<Duration>,
        sent: u64,
        wanted: u64,
        now: Instant,
    ) {
        if self.trusted {
            return;
        }
        let queues = self.queues(round_trip);
        self.harmful = if loss > HARM { self.harmful + 1 } else { 0 };
        if self.harmful >= HARM_REPORTS || loss >= 2.0 * HARM {
            self.harmed_until = Some(now + self.rest);
        }
        let carried = |share: f32| (sent as f64 * f64::from(share)) as u64;
        if loss > MUCH_LOSS || queues {
            // What is reported just after a step back was lost, or waits, from before it.
            if self.narrowed_at.is_some_and(|at| now.saturating_duration_since(at) < SETTLING) {
                return;
            }
            self.narrowed_at = Some(now);
            let early = self.rest_until.is_some_and(|until| now < until + self.rest * 2);
            self.rest = if early { (self.rest * 2).min(REST_AT_MOST) } else { REST };
            self.rest_until = Some(now + self.rest);
            let through = carried(DRAIN * (1.0 - loss));
            self.bits = Some(self.bits.map_or(through, |bits| bits.min(through)).max(LEAST));
        } else if loss < LITTLE_LOSS && self.rest_until.is_none_or(|until| now >= until) {
            // A quarter more each time, until everything fits.
            self.bits = self.bits.map(|bits| bits + bits / 4).filter(|bits| *bits < wanted * 2);
        }
    }

    fn queues(&mut self, round_trip: Option<Duration>) -> bool {
        let Some(round_trip) = round_trip else { return false };
        self.shortest_age += 1;
        if self.shortest_age > SHORTEST_REPORTS || self.shortest.is_none_or(|shortest| round_trip <= shortest)
        {
            (self.shortest, self.shortest_age) = (Some(round_trip), 0);
        }
        let long = self.shortest.is_some_and(|shortest| round_trip > shortest + QUEUED);
        self.queued = if long { self.queued + 1 } else { 0 };
        self.queued >= QUEUED_REPORTS
    }

    /// Whether the link was found so narrow that no picture should be tried at this moment.
    pub(crate) fn forbids(&self, now: Instant) -> bool {
        self.harmed_until.is_some_and(|until| now < until)
    }

    /// Bits a second; None: no bound is known.
    pub(crate) fn bits(&self) -> Option<u64> {
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_narrows_and_its_absence_widens_after_a_rest() {
        let mut now = Instant::now();
        let second = Duration::from_secs(1);
        let mut width = LinkWidth::new(Links::Reported);
        width.report(0.05, None, 1_000_000, 1_000_000, now);
        assert_eq!(width.bits(), Some(FIRST_WIDTH));
        width.report(0.0, None, 1_000_000, 1_000_000, now);
        assert_eq!(width.bits(), None, "everything fits");
        width.report(0.4, None, 1_000_000, 1_000_000, now);
        let narrow = width.bits().unwrap();
        assert!((500_000..520_000).contains(&narrow) && width.forbids(now));
        // Just after it, reports tell of before. Later, more loss of less is narrower still, never wider.
        width.report(0.9, None, 600_000, 1_000_000, now);
        assert_eq!(width.bits(), Some(narrow));
        now += SETTLING;
        width.report(0.2, None, 900_000, 1_000_000, now);
        assert_eq!(width.bits(), Some(narrow));
        let mut waited = Vec::new();
        for _ in 0..3 {
            let begun = now;
            let before = width.bits();
            while width.bits() == before {
                now += second;
                width.report(0.0, None, 500_000, 1_000_000, now);
            }
            waited.push(now - begun);
            width.report(0.2, None, 700_000, 1_000_000, now);
        }
        assert!(waited.windows(2).all(|pair| pair[1] > pair[0]), "{waited:?}");
        for _ in 0..200 {
            now += second;
            width.report(0.0, None, 1_000_000, 1_000_000, now);
        }
        assert_eq!(width.bits(), None, "everything fits: there is no bound any more");
        assert!(!width.forbids(now));
    }

    #[test]
    fn a_fifth_lost_once_is_chance_and_twice_is_not() {
        let mut now = Instant::now();
        let mut width = LinkWidth::new(Links::Reported);
        let mut report = |width: &mut LinkWidth, loss: f32| {
            now += Duration::from_secs(1);
            width.report(loss, None, 1_000_000, 1_000_000, now);
            width.forbids(now)
        };
        let forbidden = [0.1, 0.25, 0.1, 0.25, 0.25].map(|loss| report(&mut width, loss));
        assert_eq!(forbidden, [false, false, false, false, true]);
        assert!(width.bits().is_some(), "it was found narrow before");
    }

    #[test]
    fn queues_on_the_way_narrow_before_anything_is_lost() {
        let mut now = Instant::now();
        let mut width = LinkWidth::new(Links::Reported);
        let mut report = |width: &mut LinkWidth, ms: u64| {
            now += Duration::from_secs(1);
            width.report(0.0, Some(Duration::from_millis(ms)), 2_000_000, 2_000_000, now);
        };
        for _ in 0..5 {
            report(&mut width, 40);
        }
        assert_eq!(width.bits(), None);
        report(&mut width, 600);
        assert_eq!(width.bits(), None, "one late report");
        report(&mut width, 700);
        assert_eq!(width.bits(), Some(1_700_000));
        // A path that is long for good is no queue.
        for _ in 0..200 {
            report(&mut width, 700);
        }
        assert_eq!(width.bits(), None);
    }

    #[test]
    fn a_trusted_link_is_never_narrow() {
        let mut width = LinkWidth::new(Links::Trusted);
        width.report(0.9, None, 1_000_000, 1_000_000, Instant::now());
        assert_eq!(width.bits(), None);
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
