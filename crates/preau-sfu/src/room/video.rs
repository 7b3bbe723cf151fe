//! Layers: what each receiver gets of each video, what publishers are told is wanted, and what the room
//! gives up when it costs too much.
//!
//! Three things limit a video on its way to one receiver: the wish (window size, quality), the room's step
//! on the ladder, and the receiver's share of their own link. The publisher is asked for what the first two
//! leave, not the third: a link that is narrow now may be wide again in a moment, and other receivers are
//! waiting for the high layer anyway.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::signal_response::Message as Response;

use super::Room;
use crate::allocate::{Allocation, Priority, Wish, allocate};
use crate::codec::Codec;
use crate::config::Links;
use crate::engine::{Engine, Shard};
use crate::event::EventKind;
use crate::grants::Source;
use crate::ids::{PartyKey, TrackKey};
use crate::ladder::{Cap, Load, Step};
use crate::sdp::Kind;
use crate::subscribe::Subscription;
use crate::track::PublishedTrack;
use crate::transport::Channel;

/// What one voice takes of a link, in bits a second, with headers and redundancy.
const VOICE: u64 = 90_000;

/// What every link is probed for at least, in bits a second: a camera in HD and a screen.
const LOOKED_FOR: u64 = 4_000_000;

/// Below these many pictures a second, a receiver gets only the base, or the middle, temporal layer:
/// cameras send about 30 in three layers.
const FEW_PICTURES: u32 = 9;
const SOME_PICTURES: u32 = 18;

/// Topic of the message that tells a class which pictures were given up.
const STEP_TOPIC: &str = "preau.step";

impl Room {
    /// What a subscriber may get of a track at most.
    fn cap(&self, track: &PublishedTrack) -> Cap {
        self.ladder.step().cap(track.source, track.leads)
    }

    /// Divides a receiver's link among the videos they receive.
    pub(super) fn divide(&mut self, key: PartyKey, shard: &mut Shard) {
        let now = shard.now;
        let Some(me) = self.participants.get(&key) else { return };
        let mut wishes = Vec::new();
        let mut settled = Vec::new();
        let mut voices = 0;
        for (track_key, subscription) in &me.reception.subscriptions {
            let Some(track) = self.tracks.get(track_key) else { continue };
            if !subscription.flows() || subscription.slot.is_none() || track.info.muted {
                continue;
            }
            if track.kind == Kind::Audio {
                voices += 1;
                continue;
            }
            let cap = self.cap(track);
            let temporal = temporal_limit(subscription.fps).min(cap.temporal);
            let rank = cap.rank.map(|rank| rank.min(track.rank_for(subscription.detail)));
            let layers = rank.map_or(Vec::new(), |rank| track.costs(rank, now));
            if layers.is_empty() {
                // Given up by the room; or nothing arrives yet, then the first packets should pass.
                settled.push((*track_key, rank, temporal));
                continue;
            }
            wishes.push(Wish {
                track: *track_key,
                priority: priority(track),
                layers,
                current: subscription.share.filter(|_| subscription.layer().is_some()),
            });
            settled.push((*track_key, rank, temporal));
        }
        let sound = voices * VOICE;
        let budget = me.width().map(|bits| bits.saturating_sub(sound));
        let allocation = allocate(budget, !me.reported.forbids(now), &wishes);
        let Some(me) = self.participants.get_mut(&key) else { return };
        for (track_key, rank, temporal) in settled {
            if let Some(subscription) = me.reception.subscriptions.get_mut(&track_key) {
                subscription.temporal = temporal;
                subscription.share = rank;
            }
        }
        for share in &allocation.shares {
            if let Some(subscription) = me.reception.subscriptions.get_mut(&share.track) {
                // Of a wish for less than the lowest layer, the lowest is what there is.
                subscription.share = share.rank;
            }
        }
        (me.given, me.wanted) = (allocation.given + sound, allocation.wanted + sound);
        self.aim(key, &allocation, sound, shard);
        self.tell_stream_states(key, shard);
    }

    /// Lets the link be probed for what is wanted and does not fit yet.
    fn aim(&mut self, key: PartyKey, allocation: &Allocation, sound: u64, shard: &mut Shard) {
        if shard.limits.links != Links::Probed {
            return;
        }
        let Some(me) = self.participants.get_mut(&key) else { return };
        let held_back = allocation.given < allocation.wanted;
        let next = if held_back { allocation.next + sound } else { 0 };
        // Something above, so that the link is known to carry a key frame, too. And never little: the
        // estimate follows what probes find, and a probe finds no more than it looks for.
        let all = ((allocation.wanted + sound) * 3 / 2).max(LOOKED_FOR);
        let moved = |before: u64, after: u64| before.abs_diff(after) > before / 10;
        if moved(me.aimed.0, next) || moved(me.aimed.1, all) {
            me.aimed = (next, all);
            self.touch_receiver(key, shard, |transport, sink| transport.aim(next, all, sink));
        }
    }

    /// Tells a receiver which videos are paused for want of bandwidth, and which are back.
    fn tell_stream_states(&mut self, key: PartyKey, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let mut changed = Vec::new();
        for (track_key, subscription) in &mut me.reception.subscriptions {
            let paused = subscription.flows() && subscription.slot.is_some() && subscription.share.is_none();
            if std::mem::replace(&mut subscription.told_paused, paused) != paused {
                if paused {
                    subscription.interrupt();
                }
                changed.push((*track_key, paused));
            }
        }
        if changed.is_empty() {
            return;
        }
        let state = |(track_key, paused): &(TrackKey, bool)| {
            let track = self.tracks.get(track_key)?;
            let state = if *paused { lk::StreamState::Paused } else { lk::StreamState::Active };
            Some(lk::StreamStateInfo {
                participant_sid: self.sid_of(track.publisher)?.to_owned(),
                track_sid: track.sid.as_str().to_owned(),
                state: state as i32,
            })
        };
        let stream_states = changed.iter().filter_map(state).collect();
        self.tell(key, Response::StreamStateUpdate(lk::StreamStateUpdate { stream_states }), shard);
        for (track_key, paused) in changed {
            if !paused {
                self.request_keyframe(track_key, None, shard);
            }
        }
    }

    /// A receiver's link was measured.
    pub(super) fn estimated(&mut self, key: PartyKey, bits: u64, shard: &mut Shard) {
        let Some(me) = self.participants.get_mut(&key) else { return };
        let first = me.estimate.replace(bits).is_none();
        // More is seen to at the next look around; less at once, before queues grow.
        if first || bits < me.given {
            self.divide(key, shard);
        }
    }

    /// Finds out what of a track is wanted, and tells its publisher when that is news.
    pub(super) fn reconsider(&mut self, track_key: TrackKey, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key).filter(|track| track.live) else { return };
        let is_guest = self.annex.guests.contains_key(&track.publisher);
        // Sound from here is never switched off by anybody; from elsewhere it need not be carried.
        if track.kind == Kind::Audio && !is_guest {
            return;
        }
        let cap = self.cap(track);
        let here = track.subscribers.iter().filter_map(|subscriber| {
            let subscription = self.participants.get(subscriber)?.reception.subscriptions.get(&track_key)?;
            wanted_rank(subscription, track, cap)
        });
        let elsewhere = self.annex.shards.values().filter_map(|wanted| wanted.get(&track_key).copied());
        let recorder = self.tap_rank(track, cap.rank);
        let wanted = here.chain(elsewhere).chain(recorder).max();
        let now = shard.now;
        let Some(track) = self.tracks.get_mut(&track_key) else { return };
        if let Some(rank) = track.wanted.update(wanted, now) {
            if is_guest {
                self.relay_wanted(track_key, rank, shard);
            } else {
                self.tell_wanted(track_key, rank, shard);
            }
        }
    }

    /// Tells a publisher up to which layer a track is wanted.
    fn tell_wanted(&self, track_key: TrackKey, rank: Option<u8>, shard: &mut Shard) {
        let Some(track) = self.tracks.get(&track_key) else { return };
        let quality = |quality: lk::VideoQuality| lk::SubscribedQuality {
            quality: quality as i32,
            enabled: rank.is_some_and(|rank| i32::from(rank) >= quality as i32),
        };
        let qualities: Vec<_> =
            [lk::VideoQuality::Low, lk::VideoQuality::Medium, lk::VideoQuality::High].map(quality).into();
        let codec = Codec::from_name(&track.info.mime_type).unwrap_or(Codec::Vp8);
        let update = lk::SubscribedQualityUpdate {
            track_sid: track.sid.as_str().to_owned(),
            subscribed_qualities: qualities.clone(),
            subscribed_codecs: vec![lk::SubscribedCodec { codec: codec.short().to_owned(), qualities }],
        };
        self.tell(track.publisher, Response::SubscribedQualityUpdate(update), shard);
    }

    /// A publisher came back: what it may have missed is told again.
    pub(super) fn remind(&self, key: PartyKey, shard: &mut Shard) {
        let own = self.tracks.iter().filter(|(_, track)| track.publisher == key && track.live);
        for (track_key, track) in own {
            if let Some(rank) = track.wanted.told() {
                self.tell_wanted(*track_key, rank, shard);
            }
        }
    }

    /// The regular look at everything about video.
    pub(super) fn look_at_video(&mut self, shard: &mut Shard) {
        let now = shard.now;
        for track in self.tracks.values_mut().filter(|track| track.kind == Kind::Video) {
            track.measure(now);
        }
        self.climb(shard);
        let tracks: Vec<TrackKey> = self.tracks.keys().copied().collect();
        for track in tracks {
            self.reconsider(track, shard);
        }
        let receivers: Vec<PartyKey> = self
            .participants
            .values()
            .filter(|me| me.reception.subscriptions.values().any(|s| s.kind == Kind::Video))
            .map(|me| me.key)
            .collect();
        for key in receivers {
            self.divide(key, shard);
        }
    }

    /// Looks at the budget, and gives pictures up or back.
    fn climb(&mut self, shard: &mut Shard) {
        self.egress.roll(shard.now, self.inbox.bytes_out);
        let budget = shard.limits.budget;
        let share = |used: u64, allowed: u64| used as f32 / allowed.max(1) as f32;
        let load = Load {
            room: share(self.egress.rate(), budget.room_bps),
            network: share(shard.egress.rate(), budget.shard_bps),
            processor: shard.processor / budget.cpu.max(f32::EPSILON),
        };
        let Some(step) = self.ladder.observe(load, shard.house, shard.now) else { return };
        tracing::info!(
            room = %self.name,
            step = step.to.name(),
            cause = ?step.cause,
            room_share = load.room,
            network_share = load.network,
            processor_share = load.processor,
            "pictures are given up or come back"
        );
        self.event(EventKind::StepChanged { step: step.to, cause: step.cause }, shard);
        self.tell_step(step.to, &[], shard);
    }

    /// Tells somebody who has just come that the class sees less than everything.
    pub(super) fn tell_present_step(&mut self, key: PartyKey, shard: &mut Shard) {
        let step = self.ladder.step();
        let me = self.participants.get(&key).filter(|_| step != Step::Full);
        if let Some(sid) = me.map(|me| me.sid.as_str().to_owned()) {
            self.tell_step(step, &[sid], shard);
        }
    }

    /// Tells the class, or those of these stays, what they see less of.
    fn tell_step(&mut self, step: Step, sids: &[String], shard: &mut Shard) {
        let user = lk::UserPacket {
            payload: step.name().as_bytes().to_vec(),
            topic: Some(STEP_TOPIC.to_owned()),
            ..Default::default()
        };
        let packet = lk::DataPacket { value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
        self.deliver_here(None, Channel::Reliable, packet, sids, shard);
    }
}

impl Engine {
    /// How busy the shard's thread is, as a share of one core from 0 to 1, measured by its owner about
    /// once a second. Beyond its budget, rooms give up pictures.
    pub fn report_processor(&mut self, share: f32) {
        self.shard.processor = if share.is_finite() { share.max(0.0) } else { 0.0 };
    }

    /// Bits a second that the rooms of this shard may send together from now on, in place of the budget's: what
    /// shards that share a network card leave to one another.
    pub fn allow(&mut self, shard_bps: u64) {
        self.shard.limits.budget.shard_bps = shard_bps;
    }

    /// What the owner wants all rooms to give up at least, because something else on the machine is pressed; at
    /// their next measurement the rooms follow, and tell their classes.
    pub fn ask_to_give_up(&mut self, step: Step) {
        self.shard.house = step;
    }
}

fn wanted_rank(subscription: &Subscription, track: &PublishedTrack, cap: Cap) -> Option<u8> {
    if !subscription.flows() {
        return None;
    }
    if track.kind == Kind::Audio {
        // Sound has one layer, however large its window.
        return Some(2);
    }
    cap.rank.map(|rank| rank.min(track.rank_for(subscription.detail)))
}

fn priority(track: &PublishedTrack) -> Priority {
    match track.source {
        Source::ScreenShare => Priority::Screen,
        _ if track.leads => Priority::Lead,
        _ => Priority::Other,
    }
}

fn temporal_limit(fps: u32) -> u8 {
    match fps {
        0 => u8::MAX,
        1..FEW_PICTURES => 0,
        FEW_PICTURES..SOME_PICTURES => 1,
        _ => u8::MAX,
    }
}
