//! What a room gives up when the machine or its network card cannot carry everything, and in which order.
//!
//! Down the ladder: cameras lose their sharpness, then pupils' cameras go, then the screen gets slow, then
//! the lead's camera goes. Voices are never given up; nothing here can even say so. Each step up waits
//! until the pressure has been gone for a while, longer each time it came back too soon, so that a class
//! does not see its pictures flicker. It measures nothing itself and touches no packet.

use std::time::{Duration, Instant};

use crate::grants::Source;

/// Pressure must last this long before something is given up: a key frame for everybody is no trouble.
const PRESSED: Duration = Duration::from_secs(1);

/// After a step, the effect is awaited this long before the next one down.
const EFFECT: Duration = Duration::from_secs(2);

/// Pressure must be gone this long before something comes back.
const RELAXED: Duration = Duration::from_secs(10);

/// … and at most this long, however often it came back too soon.
const RELAXED_AT_MOST: Duration = Duration::from_secs(160);

/// A step down within this time after a step up means that the step up was too early.
const TOO_SOON: Duration = Duration::from_secs(30);

/// Below this share of the budget something may come back. A step gives back up to half of the bits, so
/// there must be room for it.
const LOW: f32 = 0.6;

/// What may be sent and spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Bits a second one room may send to all its participants together.
    pub room_bps: u64,
    /// Bits a second all rooms of the shard may send together: what the network card is good for.
    pub shard_bps: u64,
    /// Share of one core the shard's thread may be busy, 0 to 1. The owner measures it.
    pub cpu: f32,
}

impl Default for Budget {
    /// A lecture hall of 300 with a camera in HD and a screen; a network card of 2.5 Gbit/s.
    fn default() -> Budget {
        Budget { room_bps: 1_000_000_000, shard_bps: 2_250_000_000, cpu: 0.85 }
    }
}

/// How far down a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Step {
    /// Everything is sent as wished.
    #[default]
    Full,
    /// Cameras are sent in their middle layer at most.
    SmallCameras,
    /// Besides, cameras of those who do not lead the lesson are not sent.
    LeadCameraOnly,
    /// Besides, screens are sent with few pictures a second.
    SlowScreen,
    /// Besides, the lead's camera is not sent: voices and a slow screen remain.
    NoCamera,
}

impl Step {
    /// All steps, from the top down.
    pub const ALL: [Step; 5] =
        [Step::Full, Step::SmallCameras, Step::LeadCameraOnly, Step::SlowScreen, Step::NoCamera];

    /// The step's name in events and messages.
    pub fn name(self) -> &'static str {
        match self {
            Step::Full => "full",
            Step::SmallCameras => "small_cameras",
            Step::LeadCameraOnly => "lead_camera_only",
            Step::SlowScreen => "slow_screen",
            Step::NoCamera => "no_camera",
        }
    }

    fn below(self) -> Option<Step> {
        Step::ALL.into_iter().find(|step| *step > self)
    }

    fn above(self) -> Option<Step> {
        Step::ALL.into_iter().rev().find(|step| *step < self)
    }

    /// What a track of this source is held to. `leads` says whether its publisher leads the lesson.
    pub(crate) fn cap(self, source: Source, leads: bool) -> Cap {
        match source {
            Source::Microphone | Source::ScreenShareAudio => Cap::NONE,
            Source::ScreenShare if self >= Step::SlowScreen => Cap { rank: Some(0), temporal: 0 },
            Source::ScreenShare => Cap::NONE,
            Source::Camera | Source::Unknown => {
                let gone = self >= Step::NoCamera || (self >= Step::LeadCameraOnly && !leads);
                match self {
                    _ if gone => Cap::GONE,
                    Step::Full => Cap::NONE,
                    _ => Cap { rank: Some(1), ..Cap::NONE },
                }
            }
        }
    }
}

/// How far a track may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap {
    /// Highest layer, 0 to 2; None: not at all.
    pub(crate) rank: Option<u8>,
    /// Highest temporal layer.
    pub(crate) temporal: u8,
}

impl Cap {
    pub(crate) const NONE: Cap = Cap { rank: Some(2), temporal: u8::MAX };
    pub(crate) const GONE: Cap = Cap { rank: None, temporal: 0 };
}

/// What presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The room sends more than its share.
    Room,
    /// The shard sends more than the network card is good for.
    Network,
    /// The shard's thread has too much to do.
    Processor,
    /// The owner asks for it: something else on the machine has too much to do.
    House,
    /// Nothing any more: things come back.
    Relief,
}

/// How much is used, as shares of the budget: 1 is all of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) room: f32,
    pub(crate) network: f32,
    pub(crate) processor: f32,
}

impl Load {
    fn worst(self) -> (f32, Cause) {
        let mut worst = (self.room, Cause::Room);
        for other in [(self.network, Cause::Network), (self.processor, Cause::Processor)] {
            if other.0 > worst.0 {
                worst = other;
            }
        }
        worst
    }
}

/// A change of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) to: Step,
    pub(crate) cause: Cause,
}

/// One room's ladder.
#[derive(Debug)]
pub(crate) struct Ladder {
    /// What the room's own measurements ask for.
    step: Step,
    /// What the owner asks for, whatever is measured here.
    house: Step,
    pressed_since: Option<Instant>,
    relaxed_since: Option<Instant>,
    last_move: Option<Instant>,
    last_rise: Option<Instant>,
    patience: Duration,
}

impl Ladder {
    pub(crate) fn new() -> Ladder {
        Ladder {
            step: Step::Full,
            house: Step::Full,
            pressed_since: None,
            relaxed_since: None,
            last_move: None,
            last_rise: None,
            patience: RELAXED,
        }
    }

    pub(crate) fn step(&self) -> Step {
        self.step.max(self.house)
    }

    /// Takes a measurement, and what the owner asks for at least. Some when the step changes.
    pub(crate) fn observe(&mut self, load: Load, house: Step, now: Instant) -> Option<Move> {
        let before = self.step();
        self.house = house;
        let cause = self.weigh(load, now).map(|own| own.cause);
        let to = self.step();
        let ours = if to > before { Cause::House } else { Cause::Relief };
        (to != before).then(|| Move { to, cause: cause.unwrap_or(ours) })
    }

    fn weigh(&mut self, load: Load, now: Instant) -> Option<Move> {
        let (worst, cause) = load.worst();
        let lasts = |since: Option<Instant>, time: Duration| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= time)
        };
        if worst > 1.0 {
            self.relaxed_since = None;
            self.pressed_since.get_or_insert(now);
            let settled = self.last_move.is_none() || lasts(self.last_move, EFFECT);
            let to = self.step().below().filter(|_| settled && lasts(self.pressed_since, PRESSED))?;
            if self.last_rise.is_some() && !lasts(self.last_rise, TOO_SOON) {
                self.patience = (self.patience * 2).min(RELAXED_AT_MOST);
            }
            return Some(self.go(to, cause, now));
        }
        self.pressed_since = None;
        if worst > LOW {
            // Between the marks nothing moves: that is the hysteresis.
            self.relaxed_since = None;
            return None;
        }
        self.relaxed_since.get_or_insert(now);
        let Some(to) = self.step.above() else {
            if lasts(self.relaxed_since, RELAXED_AT_MOST) {
                self.patience = RELAXED;
            }
            return None;
        };
        if !lasts(self.relaxed_since, self.patience) {
            return None;
        }
        self.last_rise = Some(now);
        Some(self.go(to, Cause::Relief, now))
    }

    fn go(&mut self, to: Step, cause: Cause, now: Instant) -> Move {
        self.step = to;
        self.last_move = Some(now);
        (self.pressed_since, self.relaxed_since) = (None, None);
        Move { to, cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICK: Duration = Duration::from_millis(300);

    /// Feeds a constant load for a time; returns the moves with the moment of each.
    fn hold(ladder: &mut Ladder, load: Load, from: &mut Instant, time: Duration) -> Vec<(Move, Instant)> {
        let end = *from + time;
        let mut moves = Vec::new();
        while *from < end {
            *from += TICK;
            moves.extend(ladder.observe(load, Step::Full, *from).map(|step| (step, *from)));
        }
        moves
    }

    fn room(share: f32) -> Load {
        Load { room: share, ..Load::default() }
    }

    #[test]
    fn pressure_goes_down_step_by_step_and_relief_comes_back_slowly() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new();
        let moves = hold(&mut ladder, room(1.4), &mut now, Duration::from_secs(30));
        let steps: Vec<Step> = moves.iter().map(|(step, _)| step.to).collect();
        assert_eq!(steps, &Step::ALL[1..]);
        assert!(moves.windows(2).all(|pair| pair[1].1 - pair[0].1 >= EFFECT));
        // Between the marks nothing moves, however long.
        assert!(hold(&mut ladder, room(0.8), &mut now, Duration::from_secs(600)).is_empty());
        let begun = now;
        let moves = hold(&mut ladder, room(0.3), &mut now, Duration::from_secs(60));
        let steps: Vec<Step> = moves.iter().map(|(step, _)| step.to).collect();
        assert_eq!(steps, [Step::SlowScreen, Step::LeadCameraOnly, Step::SmallCameras, Step::Full]);
        assert!(moves[0].1 - begun >= RELAXED);
        assert!(moves.iter().all(|(step, _)| step.cause == Cause::Relief));
    }

    #[test]
    fn a_burst_is_no_pressure() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new();
        for _ in 0..100 {
            assert!(hold(&mut ladder, room(3.0), &mut now, TICK * 2).is_empty());
            assert!(hold(&mut ladder, room(0.5), &mut now, TICK).is_empty());
        }
    }

    #[test]
    fn what_comes_back_too_soon_waits_longer() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new();
        let mut waits = Vec::new();
        hold(&mut ladder, room(2.0), &mut now, Duration::from_millis(1500));
        assert_eq!(ladder.step(), Step::SmallCameras);
        for _ in 0..4 {
            // Without the cameras all is well; with them it is too much again.
            let begun = now;
            while ladder.step() == Step::SmallCameras {
                hold(&mut ladder, room(0.5), &mut now, TICK);
            }
            waits.push(now - begun);
            while ladder.step() == Step::Full {
                hold(&mut ladder, room(1.5), &mut now, TICK);
            }
        }
        assert!(waits.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2), "{waits:?}");
    }

    #[test]
    fn the_worst_of_three_decides_and_is_named() {
        let now = Instant::now();
        for (load, cause) in [
            (Load { network: 1.2, ..room(1.1) }, Cause::Network),
            (Load { processor: 1.3, ..room(1.1) }, Cause::Processor),
            (room(1.1), Cause::Room),
        ] {
            let mut ladder = Ladder::new();
            assert_eq!(ladder.observe(load, Step::Full, now), None);
            let step = ladder.observe(load, Step::Full, now + PRESSED).unwrap();
            assert_eq!((step.to, step.cause), (Step::SmallCameras, cause));
        }
    }

    #[test]
    fn the_order_of_what_is_given_up() {
        use Source::{Camera, Microphone, ScreenShare, ScreenShareAudio};
        let table: Vec<String> = Step::ALL
            .into_iter()
            .map(|step| {
                let rank = |source, leads| match step.cap(source, leads).rank {
                    Some(rank) => rank.to_string(),
                    None => "-".to_owned(),
                };
                format!(
                    "{} camera {}/{} screen {} voice {}{}",
                    step.name(),
                    rank(Camera, true),
                    rank(Camera, false),
                    rank(ScreenShare, true),
                    rank(Microphone, false),
                    rank(ScreenShareAudio, false),
                )
            })
            .collect();
        assert_eq!(
            table,
            [
                "full camera 2/2 screen 2 voice 22",
                "small_cameras camera 1/1 screen 2 voice 22",
                "lead_camera_only camera 1/- screen 2 voice 22",
                "slow_screen camera 1/- screen 0 voice 22",
                "no_camera camera -/- screen 0 voice 22",
            ]
        );
    }

    #[test]
    fn the_owner_asks_for_more_than_is_measured_and_gets_it_at_once() {
        let mut now = Instant::now();
        let mut ladder = Ladder::new();
        let down = ladder.observe(room(0.1), Step::LeadCameraOnly, now);
        assert_eq!(down, Some(Move { to: Step::LeadCameraOnly, cause: Cause::House }));
        assert_eq!(ladder.observe(room(0.1), Step::LeadCameraOnly, now + TICK), None);
        // What is measured goes on from there, and stays when the owner asks for nothing any more.
        now += TICK * 2;
        for _ in 0..20 {
            now += TICK;
            ladder.observe(room(2.0), Step::LeadCameraOnly, now);
        }
        assert_eq!(ladder.step(), Step::NoCamera);
        assert_eq!(ladder.observe(room(0.8), Step::Full, now), None);
        let mut calm = Ladder::new();
        assert!(calm.observe(room(0.1), Step::SmallCameras, now).is_some());
        let up = calm.observe(room(0.1), Step::Full, now + TICK);
        assert_eq!(up, Some(Move { to: Step::Full, cause: Cause::Relief }));
    }

    proptest! {
        #[test]
        fn it_moves_one_step_at_a_time_and_never_touches_a_voice(loads in prop::collection::vec(0f32..3.0, 1..400)) {
            let mut now = Instant::now();
            let mut ladder = Ladder::new();
            for share in loads {
                now += TICK * 4;
                let before = ladder.step();
                if let Some(step) = ladder.observe(room(share), Step::Full, now) {
                    prop_assert!(before.below() == Some(step.to) || before.above() == Some(step.to));
                }
                prop_assert_eq!(ladder.step().cap(Source::Microphone, false), Cap::NONE);
            }
        }
    }
}
