//! Receiving: one participant's subscriptions, and the media sections they travel in.
//!
//! On `/rtc/v1` the client reserves receive sections ("slots") in its offers. A subscription waits
//! until a slot is free, occupies it, and when it ends the slot must be answered inactive once before
//! it carries another track; otherwise the browser does not notice the change.

use std::collections::BTreeMap;
use std::time::Instant;

use str0m::media::{Mid, Pt, Rid};

use crate::forward::{Position, Rebase, Vp8};
use crate::ids::TrackKey;
use crate::sdp::Kind;
use crate::track::Detail;

/// Clock rates of the two codecs, in Hz.
const OPUS_CLOCK: u32 = 48_000;
const VP8_CLOCK: u32 = 90_000;

/// A receive section of the client's offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: Kind,
    pub(crate) state: SlotState,
}

/// What a slot is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotState {
    Free,
    Carries(TrackKey),
    /// Its track is gone, but the client does not know yet.
    Retiring,
}

/// One participant's wish to receive one track, and how it is being fulfilled.
pub(crate) struct Subscription {
    pub(crate) kind: Kind,
    pub(crate) slot: Option<(Mid, Pt)>,
    pub(crate) paused: bool,
    pub(crate) detail: Detail,
    /// The layer being forwarded. None: nothing yet, waiting for a packet one can begin with.
    layer: Option<Option<Rid>>,
    rebase: Rebase,
}

/// What to do with a packet for one receiver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Forward it under this position.
    Send(Position),
    /// Not for this receiver.
    Drop,
    /// Not yet: this layer is wanted, but forwarding can only begin with a key frame.
    WantsKeyframe(Option<Rid>),
}

impl Subscription {
    pub(crate) fn new(kind: Kind) -> Subscription {
        let clock = match kind {
            Kind::Audio => OPUS_CLOCK,
            Kind::Video => VP8_CLOCK,
        };
        Subscription {
            kind,
            slot: None,
            paused: false,
            detail: Detail::Quality(2),
            layer: None,
            rebase: Rebase::new(clock),
        }
    }

    /// The layer being forwarded, if any.
    pub(crate) fn layer(&self) -> Option<Option<Rid>> {
        self.layer
    }

    /// Forgets where the stream stood: the next packets continue it as from another source. For
    /// pauses, in which time passed that the receiver did not see.
    pub(crate) fn interrupt(&mut self) {
        self.layer = None;
    }

    /// Judges an audio packet.
    pub(crate) fn audio(&mut self, packet: Position, now: Instant) -> Delivery {
        if self.paused {
            return Delivery::Drop;
        }
        if self.layer.is_none() {
            self.rebase.start(packet, now);
            self.layer = Some(None);
        }
        self.rebase.map(packet, now).map_or(Delivery::Drop, Delivery::Send)
    }

    /// Judges a video packet of layer `rid`, when `target` is the layer this receiver should get.
    pub(crate) fn video(
        &mut self,
        packet: Position,
        vp8: &Vp8,
        rid: Option<Rid>,
        target: Option<Rid>,
        now: Instant,
    ) -> Delivery {
        if self.paused {
            return Delivery::Drop;
        }
        if self.layer != Some(rid) {
            if rid != target {
                return Delivery::Drop;
            }
            if !vp8.keyframe {
                return Delivery::WantsKeyframe(rid);
            }
            self.rebase.start(packet, now);
            self.layer = Some(rid);
        }
        match self.rebase.map(packet, now) {
            Some(mut position) => {
                // A picture id keeps the width it came with.
                let wide = vp8.picture.is_none_or(|(_, wide)| wide);
                position.picture &= if wide { 0x7fff } else { 0x7f };
                Delivery::Send(position)
            }
            None => Delivery::Drop,
        }
    }

    /// Notes a padding packet of layer `rid`; returns a number to fill with an empty packet.
    pub(crate) fn padding(&mut self, sequence: u64, rid: Option<Rid>) -> Option<u64> {
        if self.paused || self.layer != Some(rid) { None } else { self.rebase.skip(sequence) }
    }
}

/// All subscriptions and slots of one participant.
#[derive(Default)]
pub(crate) struct Reception {
    pub(crate) subscriptions: BTreeMap<TrackKey, Subscription>,
    pub(crate) slots: Vec<Slot>,
    /// The client was asked for an offer that did not come yet.
    pub(crate) offer_requested: bool,
}

impl Reception {
    /// Registers a receive section of an offer.
    pub(crate) fn reserve(&mut self, mid: Mid, kind: Kind) {
        if !self.slots.iter().any(|slot| slot.mid == mid) {
            self.slots.push(Slot { mid, kind, state: SlotState::Free });
        }
    }

    /// Gives waiting subscriptions the free slots. Returns the tracks that now have one.
    pub(crate) fn assign(&mut self, payload_type: impl Fn(Kind) -> Option<Pt>) -> Vec<TrackKey> {
        let mut seated = Vec::new();
        for (key, subscription) in &mut self.subscriptions {
            if subscription.slot.is_some() {
                continue;
            }
            let Some(payload_type) = payload_type(subscription.kind) else { continue };
            let free = self
                .slots
                .iter_mut()
                .find(|slot| slot.kind == subscription.kind && slot.state == SlotState::Free);
            if let Some(slot) = free {
                slot.state = SlotState::Carries(*key);
                subscription.slot = Some((slot.mid, payload_type));
                seated.push(*key);
            }
        }
        seated
    }

    /// Ends a subscription. Returns the section that fell silent.
    pub(crate) fn end(&mut self, track: TrackKey) -> Option<(Mid, Kind)> {
        let subscription = self.subscriptions.remove(&track)?;
        let (mid, _) = subscription.slot?;
        for slot in self.slots.iter_mut().filter(|slot| slot.mid == mid) {
            slot.state = SlotState::Retiring;
        }
        Some((mid, subscription.kind))
    }

    /// After an answer in which retiring slots were inactive: they are free again.
    pub(crate) fn retired(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.state == SlotState::Retiring) {
            slot.state = SlotState::Free;
        }
    }

    /// Whether the client should offer again, and how many more audio and video sections it must
    /// reserve. None when all is as it should be.
    pub(crate) fn shortage(&self) -> Option<(u32, u32)> {
        let waiting =
            |kind| self.subscriptions.values().filter(|s| s.kind == kind && s.slot.is_none()).count();
        let spare = |kind| {
            self.slots
                .iter()
                .filter(|slot| slot.kind == kind && !matches!(slot.state, SlotState::Carries(_)))
                .count()
        };
        let lacking = |kind| u32::try_from(waiting(kind).saturating_sub(spare(kind))).unwrap_or(u32::MAX);
        let retiring = self.slots.iter().any(|slot| slot.state == SlotState::Retiring);
        let idle = waiting(Kind::Audio) + waiting(Kind::Video) == 0 && !retiring;
        (!idle).then(|| (lacking(Kind::Audio), lacking(Kind::Video)))
    }

    /// The track that travels in a section.
    pub(crate) fn carried(&self, mid: Mid) -> Option<TrackKey> {
        self.slots.iter().find(|slot| slot.mid == mid).and_then(|slot| match slot.state {
            SlotState::Carries(track) => Some(track),
            SlotState::Free | SlotState::Retiring => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanting(kinds: &[Kind]) -> Reception {
        let mut reception = Reception::default();
        for (index, kind) in kinds.iter().enumerate() {
            let subscription = Subscription::new(*kind);
            reception.subscriptions.insert(TrackKey(index as u64), subscription);
        }
        reception
    }

    #[test]
    fn slots_are_taken_retired_and_reused() {
        let pt = |_| Some(Pt::from(96));
        let mut reception = wanting(&[Kind::Audio, Kind::Video, Kind::Video]);
        assert_eq!(reception.shortage(), Some((1, 2)));
        reception.reserve("0".into(), Kind::Audio);
        reception.reserve("1".into(), Kind::Video);
        reception.reserve("1".into(), Kind::Video);
        assert_eq!(reception.assign(pt), vec![TrackKey(0), TrackKey(1)]);
        assert_eq!(reception.shortage(), Some((0, 1)));

        // The first video ends: its slot is spare, but must be answered inactive once.
        assert_eq!(reception.end(TrackKey(1)), Some(("1".into(), Kind::Video)));
        assert_eq!(reception.shortage(), Some((0, 0)));
        assert_eq!(reception.assign(pt), vec![]);
        reception.retired();
        assert_eq!(reception.assign(pt), vec![TrackKey(2)]);
        assert_eq!(reception.carried("1".into()), Some(TrackKey(2)));
        assert_eq!(reception.shortage(), None);
    }

    #[test]
    fn video_begins_with_a_key_frame_of_the_wanted_layer() {
        let now = Instant::now();
        let at = |sequence| Position { sequence, timestamp: 0, picture: 5, base_layer: 0 };
        let frame = |keyframe| Vp8 { picture: Some((5, true)), base_layer: None, keyframe };
        let (low, high) = (Some(Rid::from("q")), Some(Rid::from("f")));
        let mut video = Subscription::new(Kind::Video);
        assert_eq!(video.video(at(100), &frame(true), low, high, now), Delivery::Drop);
        assert_eq!(video.video(at(200), &frame(false), high, high, now), Delivery::WantsKeyframe(high));
        assert!(matches!(video.video(at(201), &frame(true), high, high, now), Delivery::Send(_)));
        // Lower is wanted: the high one goes on until the low one has a key frame.
        assert_eq!(video.video(at(101), &frame(false), low, low, now), Delivery::WantsKeyframe(low));
        assert!(matches!(video.video(at(202), &frame(false), high, low, now), Delivery::Send(_)));
        let Delivery::Send(first) = video.video(at(102), &frame(true), low, low, now) else {
            panic!("a key frame switches");
        };
        assert_eq!(first.sequence, 3);
        assert_eq!(video.video(at(203), &frame(false), high, low, now), Delivery::Drop);
        video.paused = true;
        assert_eq!(video.video(at(103), &frame(true), low, low, now), Delivery::Drop);
    }
}
