//! Weekly slots entered by hand: "Mondays from 8 h 00 to 8 h 55, weeks A".
//!
//! A slot is a rule in local hours; [`WeeklySlot::occurrences`] turns it into dated lessons. What a
//! page shows is always the dated lesson, so that one occurrence can be moved or cancelled without
//! touching the rule.
//!
//! Invariants: an occurrence never lies in a holiday, its Monday is in the slot's rotation, and it
//! begins at the slot's local hour whatever the clocks do.

use jiff::civil::{Date, Time, Weekday};
use jiff::{Timestamp, ToSpan};
use thiserror::Error;

use super::record::Holiday;
use super::weeks::Rotation;
use super::zone::SchoolZone;

/// The longest range, in days, that a slot is expanded over: two school years.
pub const MAX_RANGE_DAYS: i64 = 2 * 366;

/// One hour of one weekday, in some or all weeks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeeklySlot {
    weekday: Weekday,
    starts: Time,
    ends: Time,
    rotation: Rotation,
}

/// One dated occurrence of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Local date.
    pub date: Date,
    /// First instant.
    pub starts_at: Timestamp,
    /// First instant after it; always later than `starts_at`.
    pub ends_at: Timestamp,
}

/// Why a slot cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SlotError {
    /// The end is not after the start.
    #[error("a slot must end after it starts")]
    EndNotAfterStart,
    /// The range ends before it begins.
    #[error("the last day ({last}) lies before the first ({first})")]
    RangeBackwards {
        /// First day asked for.
        first: Date,
        /// Last day asked for.
        last: Date,
    },
    /// The range exceeds [`MAX_RANGE_DAYS`].
    #[error("a range of {days} days exceeds two school years ({MAX_RANGE_DAYS} days)")]
    RangeTooLong {
        /// Days asked for.
        days: i64,
    },
}

impl SlotError {
    /// The sentence in French, for the person who entered the slot.
    pub fn fr(&self) -> String {
        match self {
            Self::EndNotAfterStart => "L'heure de fin doit être après l'heure de début.".to_owned(),
            Self::RangeBackwards { .. } => "Le dernier jour est avant le premier.".to_owned(),
            Self::RangeTooLong { days } => {
                format!("La période compte {days} jours, plus de deux années scolaires.")
            }
        }
    }
}

impl WeeklySlot {
    /// A slot on this weekday, from `starts` to `ends` in local time.
    ///
    /// # Errors
    /// [`SlotError::EndNotAfterStart`]: a slot lies within one day.
    pub fn new(weekday: Weekday, starts: Time, ends: Time, rotation: Rotation) -> Result<Self, SlotError> {
        if ends <= starts {
            return Err(SlotError::EndNotAfterStart);
        }
        Ok(Self { weekday, starts, ends, rotation })
    }

    /// Weekday.
    pub fn weekday(&self) -> Weekday {
        self.weekday
    }

    /// Local start.
    pub fn starts(&self) -> Time {
        self.starts
    }

    /// Local end.
    pub fn ends(&self) -> Time {
        self.ends
    }

    /// Weeks in which it takes place.
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// The occurrences from `first` to `last`, both included, in order.
    ///
    /// An occurrence that the change to summer time swallows whole (a slot within the skipped hour
    /// of a Sunday night) is left out, since no instant corresponds to it.
    ///
    /// # Errors
    /// [`SlotError::RangeBackwards`] and [`SlotError::RangeTooLong`].
    pub fn occurrences(
        &self,
        first: Date,
        last: Date,
        holidays: &[Holiday],
        zone: &SchoolZone,
    ) -> Result<Vec<Occurrence>, SlotError> {
        if last < first {
            return Err(SlotError::RangeBackwards { first, last });
        }
        let days = last.duration_since(first).as_hours() / 24 + 1;
        if days > MAX_RANGE_DAYS {
            return Err(SlotError::RangeTooLong { days });
        }
        let ahead =
            (self.weekday.to_monday_zero_offset() - first.weekday().to_monday_zero_offset()).rem_euclid(7);
        let mut next = first.checked_add(i64::from(ahead).days()).ok();
        let mut found = Vec::new();
        while let Some(date) = next.filter(|date| *date <= last) {
            next = date.checked_add(7.days()).ok();
            if !self.rotation.includes(date) || holidays.iter().any(|holiday| holiday.contains(date)) {
                continue;
            }
            let bounds =
                (zone.instant(date.to_datetime(self.starts)), zone.instant(date.to_datetime(self.ends)));
            if let (Some(start), Some(end)) = bounds
                && start.at < end.at
            {
                found.push(Occurrence { date, starts_at: start.at, ends_at: end.at });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timetable::weeks::{Monday, propose_rotation};
    use jiff::civil::{date, time};
    use proptest::prelude::*;

    fn monday_slot(rotation: Rotation) -> WeeklySlot {
        WeeklySlot::new(Weekday::Monday, time(8, 0, 0, 0), time(8, 55, 0, 0), rotation).unwrap()
    }

    fn toussaint() -> Holiday {
        Holiday { first: date(2026, 10, 17), last: date(2026, 11, 1), label: "Toussaint".into() }
    }

    #[test]
    fn mondays_of_an_autumn_keep_their_hour_and_skip_the_holiday() {
        let zone = SchoolZone::paris();
        let found = monday_slot(Rotation::EveryWeek)
            .occurrences(date(2026, 10, 5), date(2026, 11, 9), &[toussaint()], &zone)
            .unwrap();
        let dates: Vec<_> = found.iter().map(|occurrence| occurrence.date).collect();
        assert_eq!(dates, [date(2026, 10, 5), date(2026, 10, 12), date(2026, 11, 2), date(2026, 11, 9)]);
        assert_eq!(found[1].starts_at.to_string(), "2026-10-12T06:00:00Z");
        assert_eq!(found[2].starts_at.to_string(), "2026-11-02T07:00:00Z");
    }

    #[test]
    fn week_a_takes_only_its_mondays() {
        let sets = propose_rotation(date(2026, 9, 1), date(2027, 7, 2), 2, &[toussaint()]);
        let found = monday_slot(Rotation::Only(sets[1].clone()))
            .occurrences(date(2026, 9, 1), date(2026, 11, 8), &[toussaint()], &SchoolZone::paris())
            .unwrap();
        let dates: Vec<_> = found.iter().map(|occurrence| occurrence.date).collect();
        assert_eq!(dates, [date(2026, 9, 7), date(2026, 9, 21), date(2026, 10, 5), date(2026, 11, 2)]);
    }

    #[test]
    fn a_slot_swallowed_by_the_clock_is_left_out() {
        let slot = WeeklySlot::new(Weekday::Sunday, time(2, 0, 0, 0), time(3, 0, 0, 0), Rotation::EveryWeek)
            .unwrap();
        let found = slot.occurrences(date(2027, 3, 21), date(2027, 4, 4), &[], &SchoolZone::paris()).unwrap();
        let dates: Vec<_> = found.iter().map(|occurrence| occurrence.date).collect();
        assert_eq!(dates, [date(2027, 3, 21), date(2027, 4, 4)]);
    }

    #[test]
    fn impossible_slots_and_ranges_are_refused() {
        let eight = time(8, 0, 0, 0);
        assert_eq!(
            WeeklySlot::new(Weekday::Monday, eight, eight, Rotation::EveryWeek),
            Err(SlotError::EndNotAfterStart)
        );
        let slot = monday_slot(Rotation::EveryWeek);
        let zone = SchoolZone::paris();
        assert!(matches!(
            slot.occurrences(date(2026, 9, 2), date(2026, 9, 1), &[], &zone),
            Err(SlotError::RangeBackwards { .. })
        ));
        assert_eq!(
            slot.occurrences(date(2026, 1, 1), date(2028, 1, 3), &[], &zone),
            Err(SlotError::RangeTooLong { days: 733 })
        );
        assert_eq!(slot.occurrences(Date::MAX, Date::MAX, &[], &zone), Ok(Vec::new()));
    }

    fn weekday() -> impl Strategy<Value = Weekday> {
        (0_i8..7).prop_map(|offset| Weekday::from_monday_zero_offset(offset).unwrap())
    }

    proptest! {
        #[test]
        fn occurrences_keep_every_promise(
            weekday in weekday(),
            hour in 5_i8..20,
            minutes in 1_i64..180,
            start in 0_i64..9_000,
            length in 0_i64..MAX_RANGE_DAYS,
            weeks in proptest::collection::btree_set(0_i64..110, 0..40),
            every in any::<bool>(),
            offs in proptest::collection::vec((0_i64..700, 0_i64..20), 0..6),
        ) {
            let first = date(2015, 1, 1).checked_add(start.days()).unwrap();
            let last = first.checked_add(length.days()).unwrap();
            let base = Monday::of(first).unwrap().date();
            let rotation = if every {
                Rotation::EveryWeek
            } else {
                Rotation::Only(weeks.iter().map(|w| Monday::try_from(base.checked_add((w * 7).days()).unwrap()).unwrap()).collect())
            };
            let holidays: Vec<_> = offs.iter().map(|(from, days)| {
                let from = first.checked_add(from.days()).unwrap();
                Holiday { first: from, last: from.checked_add(days.days()).unwrap(), label: String::new() }
            }).collect();
            let starts = time(hour, 0, 0, 0);
            let ends = starts.checked_add(minutes.minutes()).unwrap();
            let zone = SchoolZone::paris();
            let slot = WeeklySlot::new(weekday, starts, ends, rotation.clone()).unwrap();
            let found = slot.occurrences(first, last, &holidays, &zone).unwrap();

            for occurrence in &found {
                prop_assert!(first <= occurrence.date && occurrence.date <= last);
                prop_assert_eq!(occurrence.date.weekday(), weekday);
                prop_assert!(rotation.includes(occurrence.date));
                prop_assert!(!holidays.iter().any(|h| h.contains(occurrence.date)));
                prop_assert_eq!(zone.local(occurrence.starts_at), occurrence.date.to_datetime(starts));
                prop_assert_eq!(zone.local(occurrence.ends_at), occurrence.date.to_datetime(ends));
            }
            // Nothing is forgotten either: a day by day count finds as many.
            let expected = (0..=length)
                .map(|day| first.checked_add(day.days()).unwrap())
                .filter(|day| day.weekday() == weekday && rotation.includes(*day))
                .filter(|day| !holidays.iter().any(|h| h.contains(*day)))
                .count();
            prop_assert_eq!(found.len(), expected);
        }
    }
}
