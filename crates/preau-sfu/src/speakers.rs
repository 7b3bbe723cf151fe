//! Who is speaking, from the loudness that clients write on every audio packet (RFC 6464).
//!
//! A participant counts as speaking when enough of the packets of one interval are loud. Levels are
//! smoothed and rounded, so that a room is told about changes and not about noise. It decides nothing
//! about forwarding.

/// Quieter than this is background, in dBov (RFC 6464: 0 is the loudest, −127 silence).
const LOUD_DBOV: i8 = -40;

/// Share of an interval's packets that must be loud.
const LOUD_SHARE: f32 = 0.4;

/// How fast the level follows: 1 jumps, 0 never moves.
const SMOOTHING: f32 = 0.5;

/// Steps in which a level is told. A change within a step is not worth a message to thirty people.
const LEVEL_STEPS: f32 = 8.0;

/// Measures one participant's voice.
#[derive(Debug, Clone, Default)]
pub struct VoiceMeter {
    packets: u32,
    loud_packets: u32,
    loudest: Option<i8>,
    level: f32,
    told: Voice,
}

/// How somebody sounds: what is told to the room.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Voice {
    /// 0 (silent) to 1, in eighths.
    pub level: f32,
    /// Whether they are speaking.
    pub active: bool,
}

impl VoiceMeter {
    /// Notes the level of one audio packet, in dBov: 0 down to −127.
    pub fn hear(&mut self, dbov: i8) {
        self.packets = self.packets.saturating_add(1);
        if dbov >= LOUD_DBOV {
            self.loud_packets = self.loud_packets.saturating_add(1);
        }
        self.loudest = Some(self.loudest.map_or(dbov, |loudest| loudest.max(dbov)));
    }

    /// Ends an interval. Some when the room should be told.
    pub fn close_interval(&mut self) -> Option<Voice> {
        let share = self.loud_packets as f32 / self.packets.max(1) as f32;
        let speaking = self.packets > 0 && share >= LOUD_SHARE;
        let heard = match self.loudest {
            Some(dbov) if speaking => 10f32.powf(f32::from(dbov) / 20.0),
            _ => 0.0,
        };
        self.level += (heard - self.level) * SMOOTHING;
        (self.packets, self.loud_packets, self.loudest) = (0, 0, None);

        let voice = Voice {
            // A speaker's level is never told as 0: clients sort by it and drop zeros.
            level: if speaking {
                (self.level * LEVEL_STEPS).ceil().min(LEVEL_STEPS) / LEVEL_STEPS
            } else {
                0.0
            },
            active: speaking,
        };
        let changed = voice != self.told;
        self.told = voice;
        changed.then_some(voice)
    }

    /// What the room was last told, for somebody who just arrived.
    pub fn told(&self) -> Voice {
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_told_once_and_silence_once() {
        let mut meter = VoiceMeter::default();
        assert_eq!(meter.close_interval(), None);
        for _ in 0..15 {
            meter.hear(-12);
        }
        let voice = meter.close_interval().unwrap();
        assert!(voice.active && voice.level > 0.0);
        // The same loudness again settles, and is then no news.
        let mut messages = 0;
        for _ in 0..20 {
            for _ in 0..15 {
                meter.hear(-12);
            }
            messages += usize::from(meter.close_interval().is_some());
        }
        assert!(messages <= 2, "{messages} messages for a steady voice");
        assert_eq!(meter.close_interval(), Some(Voice { level: 0.0, active: false }));
        assert_eq!(meter.close_interval(), None);
    }

    #[test]
    fn a_click_and_a_fan_are_no_speech() {
        let mut meter = VoiceMeter::default();
        meter.hear(-3);
        for _ in 0..14 {
            meter.hear(-70);
        }
        assert_eq!(meter.close_interval(), None);
        for _ in 0..15 {
            meter.hear(-45);
        }
        assert_eq!(meter.close_interval(), None);
    }
}
