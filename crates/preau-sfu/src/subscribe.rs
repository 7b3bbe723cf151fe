//! Receiving: one participant's subscriptions, and the media sections they travel in.
//!
//! On `/rtc/v1` the client reserves receive sections ("slots") in its offers. A subscription waits
//! until a slot is free, occupies it, and when it ends the slot must be answered inactive once before
//! it carries another track; otherwise the browser does not notice the change. On `/rtc` we make the
//! offers and the sections, and reuse those that fell silent by the same rule.

use std::collections::BTreeMap;
use std::time::Instant;

use str0m::media::{Mid, Rid};

use crate::codec::Shape;
use crate::forward::{Position, Rebase};
use crate::ids::TrackKey;
use crate::lane::Names;
use crate::sdp::Kind;
use crate::track::{Detail, LayerId};

/// Clock rates of sound and of every video codec, in Hz.
const OPUS_CLOCK: u32 = 48_000;
const VIDEO_CLOCK: u32 = 90_000;

/// A receive section of the client's offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: Kind,
    pub(crate) state: SlotState,
    /// It carried another track before.
    pub(crate) used: bool,
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
    /// The section it travels in.
    pub(crate) slot: Option<Mid>,
    /// The client knows that it does.
    pub(crate) open: bool,
    /// The receiver does not want it now.
    pub(crate) paused: bool,
    pub(crate) detail: Detail,
    /// Pictures a second the receiver wants at most; 0: all.
    pub(crate) fps: u32,
    /// The publisher lets this participant receive it.
    pub(crate) allowed: bool,
    /// Highest layer the link and the room's step leave; None: nothing can be sent now.
    pub(crate) share: Option<u8>,
    /// Highest temporal layer.
    pub(crate) temporal: u8,
    /// The receiver was told that it is paused for want of bandwidth.
    pub(crate) told_paused: bool,
    /// What the receiver calls the codec; looked up again when the publisher's coding changes.
    pub(crate) payload: Option<Payload>,
    /// The receiver was told that it does not know the codec.
    pub(crate) told_unknown: bool,
    /// What is being forwarded. None: nothing yet, waiting for a packet one can begin with.
    forwarded: Option<Forwarded>,
    rebase: Rebase,
}

/// A receiver's names for a stream's codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The publisher's coding for which they were looked up.
    pub(crate) version: u32,
    pub(crate) plain: Names,
    /// With RFC 2198 around it, if the receiver understands that.
    pub(crate) redundant: Option<Names>,
}

/// What of a video is being forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Forwarded {
    rid: Option<Rid>,
    spatial: u8,
    temporal: u8,
}

/// What to do with a packet for one receiver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Forward it under this position; `last_of_picture` says that nothing above follows.
    Send {
        /// Where it goes.
        position: Position,
        /// Nothing of this picture follows for this receiver, whatever its publisher says.
        last_of_picture: bool,
        /// A key frame would let the receiver have the layer it should have.
        wants_keyframe: bool,
    },
    /// Not for this receiver, but its number can no longer be taken out of the row.
    Fill(u64),
    /// Not for this receiver.
    Drop,
    /// Not yet: this layer is wanted, but forwarding can only begin with a key frame.
    WantsKeyframe,
}

impl Subscription {
    pub(crate) fn new(kind: Kind, allowed: bool) -> Subscription {
        let clock = match kind {
            Kind::Audio => OPUS_CLOCK,
            Kind::Video => VIDEO_CLOCK,
        };
        Subscription {
            kind,
            slot: None,
            open: false,
            paused: false,
            detail: Detail::Quality(2),
            fps: 0,
            allowed,
            share: Some(2),
            temporal: u8::MAX,
            told_paused: false,
            payload: None,
            told_unknown: false,
            forwarded: None,
            rebase: Rebase::new(clock),
        }
    }

    /// The stream being forwarded, if any.
    pub(crate) fn layer(&self) -> Option<Option<Rid>> {
        self.forwarded.map(|forwarded| forwarded.rid)
    }

    /// Whether media may be sent at all.
    pub(crate) fn flows(&self) -> bool {
        self.allowed && !self.paused
    }

    /// Whether it should travel and has no section yet.
    pub(crate) fn waits(&self) -> bool {
        self.allowed && self.slot.is_none()
    }

    /// Forgets where the stream stood: the next packets continue it as from another source. For
    /// pauses, in which time passed that the receiver did not see.
    pub(crate) fn interrupt(&mut self) {
        self.forwarded = None;
    }

    /// Judges an audio packet.
    pub(crate) fn audio(&mut self, packet: Position, now: Instant) -> Delivery {
        if !self.flows() {
            return Delivery::Drop;
        }
        if self.forwarded.is_none() {
            self.rebase.start(packet, now);
            self.forwarded = Some(Forwarded { rid: None, spatial: 0, temporal: 0 });
        }
        match self.rebase.map(packet, now) {
            Some(position) => Delivery::Send { position, last_of_picture: false, wants_keyframe: false },
            None => Delivery::Drop,
        }
    }

    /// Judges a video packet of stream `rid`, when `target` is the layer this receiver should get.
    pub(crate) fn video(
        &mut self,
        packet: Position,
        shape: &Shape,
        rid: Option<Rid>,
        target: LayerId,
        now: Instant,
    ) -> Delivery {
        if !self.flows() || self.share.is_none() {
            return Delivery::Drop;
        }
        let mut wants_keyframe = false;
        let mut forwarded = match self.forwarded {
            Some(forwarded) if forwarded.rid == rid => forwarded,
            _ if rid != target.rid => return Delivery::Drop,
            // Another stream: it can only be joined with a key frame.
            _ if !shape.keyframe => return Delivery::WantsKeyframe,
            _ => {
                self.rebase.start(packet, now);
                Forwarded { rid, spatial: target.spatial, temporal: self.temporal }
            }
        };
        if shape.begins {
            if rid == target.rid && forwarded.spatial != target.spatial {
                // A lower layer stands on its own; a higher one can only be joined with a key frame.
                if target.spatial < forwarded.spatial || shape.keyframe {
                    forwarded.spatial = target.spatial;
                } else {
                    wants_keyframe = true;
                }
            }
            // The same holds for temporal layers, which also have their own points to join.
            let between = shape.temporal > forwarded.temporal && shape.temporal <= self.temporal;
            let joins = shape.keyframe || (shape.joins_temporal && between);
            if self.temporal < forwarded.temporal || joins {
                forwarded.temporal = self.temporal;
            }
        }
        self.forwarded = Some(forwarded);
        if shape.spatial > forwarded.spatial || shape.temporal > forwarded.temporal {
            let picture = shape.begins && shape.temporal > forwarded.temporal;
            return match self.rebase.skip(packet.sequence, picture) {
                Some(sequence) => Delivery::Fill(sequence),
                None => Delivery::Drop,
            };
        }
        match self.rebase.map(packet, now) {
            Some(mut position) => {
                // A picture id keeps the width it came with.
                let wide = shape.picture.is_none_or(|(_, wide)| wide);
                position.picture &= if wide { 0x7fff } else { 0x7f };
                let last_of_picture = shape.ends_layer && shape.spatial == forwarded.spatial;
                Delivery::Send { position, last_of_picture, wants_keyframe }
            }
            None => Delivery::Drop,
        }
    }

    /// Notes a padding packet of stream `rid`; returns a number to fill with an empty packet.
    pub(crate) fn padding(&mut self, sequence: u64, rid: Option<Rid>) -> Option<u64> {
        if !self.flows() || self.layer() != Some(rid) { None } else { self.rebase.skip(sequence, false) }
    }
}

/// All subscriptions and slots of one participant.
#[derive(Default)]
pub(crate) struct Reception {
    pub(crate) subscriptions: BTreeMap<TrackKey, Subscription>,
    pub(crate) slots: Vec<Slot>,
    /// On `/rtc/v1`: the client was asked for an offer that did not come yet.
    pub(crate) offer_requested: bool,
    /// On `/rtc`: we made an offer.
    pub(crate) begun: bool,
    /// On `/rtc`: what the offer that waits for its answer says.
    pub(crate) proposed: Proposal,
}

/// What an offer of ours proposes.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    /// Sections it adds.
    pub(crate) new: Vec<Mid>,
    /// Sections that fall silent with it.
    pub(crate) retiring: Vec<Mid>,
}

impl Reception {
    /// Registers a receive section of an offer.
    pub(crate) fn reserve(&mut self, mid: Mid, kind: Kind) {
        if !self.slots.iter().any(|slot| slot.mid == mid) {
            self.slots.push(Slot { mid, kind, state: SlotState::Free, used: false });
        }
    }

    /// Gives waiting subscriptions the free slots. Returns the tracks that now have one.
    pub(crate) fn assign(&mut self) -> Vec<TrackKey> {
        let mut seated = Vec::new();
        // Without permission a section stays free for somebody else's track.
        for (key, subscription) in self.subscriptions.iter_mut().filter(|(_, s)| s.waits()) {
            let free = self
                .slots
                .iter_mut()
                .find(|slot| slot.kind == subscription.kind && slot.state == SlotState::Free);
            if let Some(slot) = free {
                slot.state = SlotState::Carries(*key);
                subscription.slot = Some(slot.mid);
                seated.push(*key);
            }
        }
        seated
    }

    /// How many more sections of each kind are needed for what waits, beyond those that are free.
    pub(crate) fn missing(&self) -> Vec<Kind> {
        let mut missing = Vec::new();
        for kind in [Kind::Audio, Kind::Video] {
            let waiting = self.subscriptions.values().filter(|s| s.kind == kind && s.waits()).count();
            let free = self.slots.iter().filter(|s| s.kind == kind && s.state == SlotState::Free).count();
            missing.extend(std::iter::repeat_n(kind, waiting.saturating_sub(free)));
        }
        missing
    }

    /// Ends a subscription. Returns the section that fell silent.
    pub(crate) fn end(&mut self, track: TrackKey) -> Option<(Mid, Kind)> {
        let subscription = self.subscriptions.remove(&track)?;
        let mid = subscription.slot?;
        self.retire(mid);
        Some((mid, subscription.kind))
    }

    fn retire(&mut self, mid: Mid) {
        for slot in self.slots.iter_mut().filter(|slot| slot.mid == mid) {
            slot.state = SlotState::Retiring;
            slot.used = true;
        }
    }

    /// Whether something must change in a description: a track waits for a section, or a section has
    /// fallen silent and the client does not know yet.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == SlotState::Retiring)
            || self.subscriptions.values().any(Subscription::waits)
    }

    /// Sections that must be described as silent before they are used again.
    pub(crate) fn retiring(&self) -> Vec<Mid> {
        self.slots.iter().filter(|slot| slot.state == SlotState::Retiring).map(|slot| slot.mid).collect()
    }

    /// Our offer was answered. Returns the tracks that flow from now on.
    pub(crate) fn accepted(&mut self) -> Vec<TrackKey> {
        let proposed = std::mem::take(&mut self.proposed);
        for slot in self.slots.iter_mut().filter(|slot| proposed.retiring.contains(&slot.mid)) {
            if slot.state == SlotState::Retiring {
                slot.state = SlotState::Free;
            }
        }
        let closed = self.subscriptions.iter().filter(|(_, s)| s.slot.is_some() && !s.open);
        closed.map(|(key, _)| *key).collect()
    }

    /// Our offer never reached the client: what it added was never there.
    pub(crate) fn take_back(&mut self) {
        let proposed = std::mem::take(&mut self.proposed);
        self.slots.retain(|slot| !proposed.new.contains(&slot.mid));
        for subscription in self.subscriptions.values_mut() {
            if subscription.slot.is_some_and(|mid| proposed.new.contains(&mid)) {
                subscription.slot = None;
            }
        }
        // Sections that were to fall silent still must; those that were to carry a track again do so in
        // the next offer, which repeats every direction.
    }

    /// Takes the section from a subscription that goes on without media. Returns the section.
    pub(crate) fn release(&mut self, track: TrackKey) -> Option<(Mid, Kind)> {
        let subscription = self.subscriptions.get_mut(&track)?;
        subscription.interrupt();
        subscription.open = false;
        let (mid, kind) = (subscription.slot.take()?, subscription.kind);
        self.retire(mid);
        Some((mid, kind))
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
        let waiting = |kind| self.subscriptions.values().filter(|s| s.kind == kind && s.waits()).count();
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
            let subscription = Subscription::new(*kind, true);
            reception.subscriptions.insert(TrackKey(index as u64), subscription);
        }
        reception
    }

    #[test]
    fn slots_are_taken_retired_and_reused() {
        let mut reception = wanting(&[Kind::Audio, Kind::Video, Kind::Video]);
        assert_eq!(reception.shortage(), Some((1, 2)));
        assert_eq!(reception.missing(), [Kind::Audio, Kind::Video, Kind::Video]);
        reception.reserve("0".into(), Kind::Audio);
        reception.reserve("1".into(), Kind::Video);
        reception.reserve("1".into(), Kind::Video);
        assert_eq!(reception.assign(), vec![TrackKey(0), TrackKey(1)]);
        assert_eq!(reception.shortage(), Some((0, 1)));

        // The first video ends: its slot is spare, but must be answered inactive once.
        assert_eq!(reception.end(TrackKey(1)), Some(("1".into(), Kind::Video)));
        assert_eq!(reception.shortage(), Some((0, 0)));
        assert_eq!(reception.assign(), vec![]);
        reception.retired();
        assert_eq!(reception.assign(), vec![TrackKey(2)]);
        assert_eq!(reception.carried("1".into()), Some(TrackKey(2)));
        assert_eq!(reception.shortage(), None);
        assert!(!reception.is_unsettled());
    }

    #[test]
    fn what_is_not_allowed_takes_no_section() {
        let mut reception = wanting(&[Kind::Video, Kind::Video]);
        reception.reserve("0".into(), Kind::Video);
        reception.subscriptions.get_mut(&TrackKey(0)).unwrap().allowed = false;
        assert_eq!(reception.assign(), vec![TrackKey(1)]);
        assert_eq!(reception.shortage(), None);
    }

    fn at(sequence: u64) -> Position {
        Position { sequence, timestamp: 0, picture: 5, base_layer: 0 }
    }

    fn layer(rid: Option<&str>, spatial: u8) -> LayerId {
        LayerId { rid: rid.map(Rid::from), spatial }
    }

    fn number(delivery: &Delivery) -> Option<u64> {
        match delivery {
            Delivery::Send { position, .. } => Some(position.sequence),
            Delivery::Fill(_) | Delivery::Drop | Delivery::WantsKeyframe => None,
        }
    }

    #[test]
    fn video_begins_with_a_key_frame_of_the_wanted_layer() {
        let now = Instant::now();
        let frame = |keyframe| Shape { picture: Some((5, true)), keyframe, begins: true, ..Shape::default() };
        let (low, high) = (layer(Some("q"), 0), layer(Some("f"), 0));
        let mut video = Subscription::new(Kind::Video, true);
        assert_eq!(video.video(at(100), &frame(true), low.rid, high, now), Delivery::Drop);
        assert_eq!(video.video(at(200), &frame(false), high.rid, high, now), Delivery::WantsKeyframe);
        assert_eq!(number(&video.video(at(201), &frame(true), high.rid, high, now)), Some(1));
        // Lower is wanted: the high one goes on until the low one has a key frame.
        assert_eq!(video.video(at(101), &frame(false), low.rid, low, now), Delivery::WantsKeyframe);
        assert_eq!(number(&video.video(at(202), &frame(false), high.rid, low, now)), Some(2));
        assert_eq!(number(&video.video(at(102), &frame(true), low.rid, low, now)), Some(3));
        assert_eq!(video.video(at(203), &frame(false), high.rid, low, now), Delivery::Drop);
        video.paused = true;
        assert_eq!(video.video(at(103), &frame(true), low.rid, low, now), Delivery::Drop);
        video.paused = false;
        video.share = None;
        assert_eq!(video.video(at(104), &frame(true), low.rid, low, now), Delivery::Drop);
    }

    #[test]
    fn spatial_layers_fall_at_a_picture_and_rise_at_a_key_frame() {
        let now = Instant::now();
        let mut video = Subscription::new(Kind::Video, true);
        let mut sequence = 0;
        // A picture of three spatial layers, one packet each. Returns the layers sent, and whether the
        // last one is marked as the picture's end.
        let mut picture = |video: &mut Subscription, keyframe: bool, target: u8| {
            let mut sent = Vec::new();
            let mut wants = false;
            for spatial in 0..3 {
                sequence += 1;
                let begins = spatial == 0;
                let shape = Shape {
                    keyframe: keyframe && begins,
                    begins,
                    ends_layer: true,
                    spatial,
                    ..Shape::default()
                };
                match video.video(at(sequence), &shape, None, layer(None, target), now) {
                    Delivery::Send { position, last_of_picture, wants_keyframe } => {
                        sent.push((spatial, last_of_picture, position.sequence));
                        wants |= wants_keyframe;
                    }
                    Delivery::Drop => {}
                    other => panic!("{other:?}"),
                }
            }
            let layers: Vec<u8> = sent.iter().map(|(spatial, ..)| *spatial).collect();
            assert!(sent.last().is_some_and(|(_, last, _)| *last), "the last layer ends the picture");
            assert!(sent.iter().rev().skip(1).all(|(_, last, _)| !last));
            (layers, wants, sent.iter().map(|(.., number)| *number).collect::<Vec<_>>())
        };
        assert_eq!(picture(&mut video, true, 2), (vec![0, 1, 2], false, vec![1, 2, 3]));
        assert_eq!(picture(&mut video, false, 0), (vec![0], false, vec![4]));
        assert_eq!(picture(&mut video, false, 1), (vec![0], true, vec![5]), "a key frame is wanted");
        assert_eq!(picture(&mut video, true, 1), (vec![0, 1], false, vec![6, 7]));
    }

    #[test]
    fn temporal_layers_leave_whole_pictures_out() {
        let now = Instant::now();
        let mut video = Subscription::new(Kind::Video, true);
        let mut numbers = Vec::new();
        let mut pictures = Vec::new();
        for index in 0u16..40 {
            // The pattern 0 2 1 2; what is wanted falls to the base after 16 and rises again after 32.
            let temporal = [0, 2, 1, 2][usize::from(index % 4)];
            video.temporal = if (16..32).contains(&index) { 0 } else { u8::MAX };
            let shape = Shape {
                keyframe: index == 0,
                begins: true,
                picture: Some((100 + index, true)),
                temporal,
                joins_temporal: temporal == 1 || temporal == 0,
                ..Shape::default()
            };
            let packet =
                Position { sequence: u64::from(index), timestamp: 0, picture: 100 + index, base_layer: 0 };
            if let Delivery::Send { position, .. } = video.video(packet, &shape, None, layer(None, 0), now) {
                numbers.push(position.sequence);
                pictures.push(position.picture);
            }
        }
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        assert!(pictures.windows(2).all(|pair| pair[1] == pair[0] + 1), "{pictures:?}");
        // 16 whole, 4 of 16, then from the first point to join on: 33 is still left out, 34 joins.
        assert_eq!(numbers.len(), 16 + 4 + 7);
    }
}
