//! How fast people may do what everybody in a room sees.

use crate::ids::{LessonId, Millis, PersonId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many at once, then one after every pause.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many at once.
    pub burst: i64,
    /// The time after which one more is allowed, in milliseconds.
    pub pause: Millis,
}

/// People kept in mind; beyond it, those whose allowance is whole again are forgotten.
const PEOPLE: usize = 20_000;

/// What somebody does in a lesson, by the word for it.
pub type Doing = (&'static str, LessonId);

/// When whose allowance is whole again. Cheap to clone.
#[derive(Clone, Default)]
pub struct Paces(Arc<Mutex<HashMap<(Doing, PersonId), Millis>>>);

impl Paces {
    /// Takes one from somebody's allowance at `now` (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// The seconds to wait, when there is none left.
    pub fn take(&self, doing: Doing, person: PersonId, pace: Pace, now: Millis) -> Result<(), u32> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= PEOPLE {
            paces.retain(|_, whole| *whole > now);
        }
        // The moment at which the allowance is whole again; each act moves it by one pause.
        let whole = paces.get(&(doing, person)).copied().unwrap_or(now).max(now);
        let (ahead, most) = (whole + pace.pause - now, pace.burst * pace.pause);
        if ahead > most {
            // Whole seconds, rounded up: coming back too early would only be refused again.
            return Err(u32::try_from((ahead - most + 999) / 1_000).unwrap_or(u32::MAX));
        }
        paces.insert((doing, person), whole + pace.pause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: LessonId = LessonId::from_raw(1);
    const TOM: PersonId = PersonId::from_raw(2);
    const INES: PersonId = PersonId::from_raw(3);

    #[test]
    fn five_messages_at_once_then_one_every_two_seconds() {
        let (paces, pace) = (Paces::default(), Pace { burst: 5, pause: 2_000 });
        let write = |who, now| paces.take(("message", LESSON), who, pace, now);
        for _ in 0..5 {
            assert_eq!(write(TOM, 0), Ok(()));
        }
        assert_eq!(write(TOM, 0), Err(2));
        assert_eq!(write(INES, 0), Ok(()));
        assert_eq!(
            paces.take(("reaction", LESSON), TOM, pace, 0),
            Ok(()),
            "one does not take from the other"
        );
        assert_eq!(write(TOM, 1_999), Err(1));
        assert_eq!(write(TOM, 2_000), Ok(()));
        assert_eq!(write(TOM, 2_000), Err(2));
    }

    #[test]
    fn those_who_have_been_quiet_make_room() {
        let (paces, pace) = (Paces::default(), Pace { burst: 1, pause: 1_000 });
        for number in 0..PEOPLE as i64 {
            assert_eq!(paces.take(("message", LESSON), PersonId::from_raw(number + 10), pace, 0), Ok(()));
        }
        assert_eq!(paces.take(("message", LESSON), TOM, pace, 2_000), Ok(()));
        assert_eq!(paces.0.lock().expect("whole").len(), 1);
    }
}
