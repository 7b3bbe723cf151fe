//! The school clock: the one drawing that returns everywhere, a thin dial that shows time truly.
//!
//! A [`ClockFace`] is a clock of sixty minutes: its hands show the present time, a warm arc runs from
//! now to the next bell, a thin outer arc is the lesson itself. Drawn by the macro `clock` of
//! `ui/components.html` with `pathLength="60"`, so that lengths are minutes and no trigonometry is
//! needed. It is decoration for eyes: the same facts always stand beside it as text.

use jiff::civil::Time;

/// What a drawn clock shows. Lengths and places are minutes on the dial (0 to 60), angles are degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockFace {
    /// Angle of the hour hand.
    pub hour_hand: u16,
    /// Angle of the minute hand.
    pub minute_hand: u16,
    /// Where the arc of what is left begins (the present minute), as an angle.
    pub left_from: u16,
    /// How many minutes are left until the next bell, at most 60; 0 draws no arc.
    pub left: u16,
    /// Where the lesson begins on the dial, as an angle.
    pub lesson_from: u16,
    /// How long the lesson is, at most 60 minutes.
    pub lesson: u16,
    /// Whether the lesson has begun.
    pub running: bool,
}

impl ClockFace {
    /// The face at `now` for a lesson of the same day. Before the lesson the warm arc runs to its
    /// beginning (none if that is more than an hour away), in the lesson to its end, afterwards there
    /// is none.
    pub fn of(now: Time, start: Time, end: Time) -> ClockFace {
        let (now_m, start_m, end_m) = (minutes(now), minutes(start), minutes(end));
        let running = now_m >= start_m && now_m < end_m;
        let bell = if running { end_m } else { start_m };
        let left = match bell.checked_sub(now_m) {
            Some(left) if left <= 60 => left,
            Some(_) if running => 60,
            _ => 0,
        };
        let lesson = end_m.saturating_sub(start_m).min(60);
        ClockFace { left, lesson, running, lesson_from: start_m % 60 * 6, ..ClockFace::bare(now) }
    }

    /// A clock without lesson and without arc, for an empty day.
    pub fn bare(now: Time) -> ClockFace {
        let now_m = minutes(now);
        ClockFace {
            hour_hand: now_m % 720 / 2,
            minute_hand: now_m % 60 * 6,
            left_from: now_m % 60 * 6,
            left: 0,
            lesson_from: 0,
            lesson: 0,
            running: false,
        }
    }
}

fn minutes(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn face(hour: i8, minute: i8) -> ClockFace {
        ClockFace::of(time(hour, minute, 0, 0), time(8, 0, 0, 0), time(8, 55, 0, 0))
    }

    #[test]
    fn five_minutes_before_the_bell() {
        let clock = face(7, 55);
        assert_eq!((clock.minute_hand, clock.hour_hand), (330, 237));
        assert_eq!((clock.left_from, clock.left, clock.running), (330, 5, false));
        assert_eq!((clock.lesson_from, clock.lesson), (0, 55));
    }

    #[test]
    fn in_the_lesson_the_arc_runs_to_its_end() {
        let clock = face(8, 40);
        assert_eq!((clock.left, clock.running), (15, true));
    }

    #[test]
    fn far_before_and_after_there_is_no_arc() {
        assert_eq!(face(6, 30).left, 0);
        assert_eq!(face(8, 55).left, 0);
        assert!(!face(8, 55).running);
        let long = ClockFace::of(time(8, 0, 0, 0), time(8, 0, 0, 0), time(9, 55, 0, 0));
        assert_eq!((long.left, long.lesson), (60, 60));
    }
}
