//! The weeks of a school year: EDT's masks, and the rotation that French schools call week A and B.
//!
//! EDT writes the weeks in which something happens as one decimal number of 64 bits. Bit *n* stands
//! for week *n*, week 1 being the one that begins on `DatePremierJourSemaine1`; bit 0 is never used.
//! (A lesson of "week 10" has 2^10 = 1024; a year that starts on 31 August 2026 puts it in the week
//! of 2 November.) A school year thus has at most 63 weeks.
//!
//! Week A and week B are explicit sets of Mondays. They are never computed from the parity of the
//! ISO week number: after every holiday the school decides anew, and an odd week may well be a B.

use std::collections::BTreeSet;
use std::fmt;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use thiserror::Error;

use super::record::Holiday;

/// The last week a mask can hold.
pub const LAST_WEEK: u8 = 63;

/// A set of weeks of the school year, week 1 to [`LAST_WEEK`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WeekMask(u64);

/// A mask that is not a decimal number of 64 bits; holds the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is not a week mask: expected a whole number of at most 64 bits")]
pub struct UnreadableMask(pub String);

impl WeekMask {
    /// No week at all.
    pub const EMPTY: Self = Self(0);
    /// Every week.
    pub const ALL: Self = Self(!1);

    /// Reads the decimal form. A negative number is taken for the same 64 bits, since some writers
    /// treat the mask as signed. Bit 0 stands for no week and is dropped.
    ///
    /// # Errors
    /// [`UnreadableMask`] when the text is no such number.
    pub fn parse(text: &str) -> Result<Self, UnreadableMask> {
        let trimmed = text.trim();
        let bits = trimmed
            .parse::<u64>()
            .or_else(|_| trimmed.parse::<i64>().map(i64::cast_unsigned))
            .map_err(|_| UnreadableMask(trimmed.chars().take(40).collect()))?;
        Ok(Self::from_bits(bits))
    }

    /// The mask of these 64 bits, without bit 0.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & !1)
    }

    /// The 64 bits, as EDT writes them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The mask of these weeks; numbers that are no week are left out.
    pub fn from_weeks(weeks: impl IntoIterator<Item = u8>) -> Self {
        Self(
            weeks
                .into_iter()
                .filter(|week| (1..=LAST_WEEK).contains(week))
                .fold(0, |bits, week| bits | 1 << week),
        )
    }

    /// Whether the week (from 1) is in the set.
    pub const fn contains(self, week: u8) -> bool {
        week >= 1 && week <= LAST_WEEK && self.0 & (1 << week) != 0
    }

    /// The weeks, in order.
    pub fn weeks(self) -> impl Iterator<Item = u8> {
        (1..=LAST_WEEK).filter(move |week| self.contains(*week))
    }

    /// How many weeks.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether no week is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Weeks in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Weeks in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Weeks in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for WeekMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Turns week numbers into dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolWeeks {
    first_day: Date,
}

impl SchoolWeeks {
    /// Weeks counted from the one that begins on `first_day`.
    pub const fn starting(first_day: Date) -> Self {
        Self { first_day }
    }

    /// First day of week 1.
    pub const fn first_day(self) -> Date {
        self.first_day
    }

    /// The date of a day (1 to 7, counted from the week's first day) of a week (1 to [`LAST_WEEK`]).
    /// `None` outside these bounds.
    pub fn date(self, week: u8, day: u8) -> Option<Date> {
        if !(1..=LAST_WEEK).contains(&week) || !(1..=7).contains(&day) {
            return None;
        }
        let days = i64::from(week - 1) * 7 + i64::from(day - 1);
        self.first_day.checked_add(days.days()).ok()
    }

    /// The week (from 1) a date lies in, or `None` outside the year's 63 weeks.
    pub fn week_of(self, date: Date) -> Option<u8> {
        let days = date.duration_since(self.first_day).as_hours().div_euclid(24);
        let week = days.div_euclid(7) + 1;
        u8::try_from(week).ok().filter(|week| (1..=LAST_WEEK).contains(week))
    }
}

/// A date that is a Monday; it names a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monday(Date);

/// A date that is not a Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is not a Monday")]
pub struct NotAMonday(pub Date);

impl Monday {
    /// The Monday of the week a date lies in.
    /// `None` only within a week of the calendar's first date, in the year -9999.
    pub fn of(date: Date) -> Option<Self> {
        let back = i64::from(date.weekday().to_monday_zero_offset());
        date.checked_sub(back.days()).ok().map(Self)
    }

    /// The date.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The Monday after, or `None` at the end of the calendar.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(7.days()).ok().map(Self)
    }

    /// The five days from Monday to Friday, or fewer at the end of the calendar.
    fn school_days(self) -> impl Iterator<Item = Date> {
        (0_i64..5).filter_map(move |day| self.0.checked_add(day.days()).ok())
    }
}

impl TryFrom<Date> for Monday {
    type Error = NotAMonday;

    fn try_from(date: Date) -> Result<Self, NotAMonday> {
        if date.weekday() == Weekday::Monday { Ok(Self(date)) } else { Err(NotAMonday(date)) }
    }
}

impl fmt::Display for Monday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In which weeks something takes place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Every week.
    #[default]
    EveryWeek,
    /// Only the weeks that begin on these Mondays.
    Only(BTreeSet<Monday>),
}

impl Rotation {
    /// Whether the week of this date is in the rotation.
    pub fn includes(&self, date: Date) -> bool {
        match self {
            Self::EveryWeek => true,
            Self::Only(mondays) => Monday::of(date).is_some_and(|monday| mondays.contains(&monday)),
        }
    }

    /// The rotation of a mask in a school year. Each week counts for the Monday of its first day.
    pub fn from_mask(mask: WeekMask, year: SchoolWeeks) -> Self {
        Self::Only(mask.weeks().filter_map(|week| year.date(week, 1)).filter_map(Monday::of).collect())
    }
}

/// Proposes week A, B… for a school year: the weeks that have at least one day of school take the
/// letters in turn, and a week of holiday takes none and does not break the turn. The school
/// corrects the sets by hand; only the sets count afterwards.
///
/// `letters` is 2 for A and B; 0 yields nothing. At most 106 weeks (two years) are considered.
pub fn propose_rotation(
    first: Date,
    last: Date,
    letters: usize,
    holidays: &[Holiday],
) -> Vec<BTreeSet<Monday>> {
    let mut sets = vec![BTreeSet::new(); letters];
    let mut turn = 0_usize;
    let mut week = Monday::of(first);
    for _ in 0..106 {
        let Some(monday) = week.filter(|monday| monday.date() <= last && letters > 0) else { break };
        let has_school = monday
            .school_days()
            .any(|day| first <= day && day <= last && !holidays.iter().any(|holiday| holiday.contains(day)));
        if has_school {
            sets[turn % letters].insert(monday);
            turn += 1;
        }
        week = monday.next();
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn bit_ten_is_the_tenth_week() {
        let year = SchoolWeeks::starting(date(2026, 8, 31));
        let mask = WeekMask::parse("1024").unwrap();
        assert_eq!(mask.weeks().collect::<Vec<_>>(), [10]);
        assert_eq!(year.date(10, 2), Some(date(2026, 11, 3)));
        assert_eq!(year.date(1, 1), Some(date(2026, 8, 31)));
    }

    #[test]
    fn a_whole_year_and_every_second_week_read_as_meant() {
        let year = WeekMask::parse("17592186044414").unwrap();
        assert_eq!(year, WeekMask::from_weeks(1..=43));
        let even = WeekMask::parse("5864062014804").unwrap();
        assert_eq!(even, WeekMask::from_weeks((2..=42).step_by(2)));
    }

    #[test]
    fn signed_masks_and_bit_zero() {
        assert_eq!(WeekMask::parse("-2").unwrap(), WeekMask::ALL);
        assert_eq!(WeekMask::parse(" 1 ").unwrap(), WeekMask::EMPTY);
        assert!(WeekMask::parse("0x10").is_err());
        assert!(WeekMask::parse("18446744073709551616").is_err());
        assert!(WeekMask::parse("").is_err());
    }

    #[test]
    fn days_and_weeks_out_of_bounds_have_no_date() {
        let year = SchoolWeeks::starting(date(2026, 8, 31));
        assert_eq!(year.date(0, 1), None);
        assert_eq!(year.date(64, 1), None);
        assert_eq!(year.date(1, 0), None);
        assert_eq!(year.date(1, 8), None);
        assert_eq!(year.week_of(date(2026, 8, 30)), None);
        assert_eq!(SchoolWeeks::starting(Date::MAX).date(2, 1), None);
    }

    #[test]
    fn a_proposed_rotation_does_not_follow_iso_parity() {
        let holidays =
            [Holiday { first: date(2026, 10, 17), last: date(2026, 11, 1), label: "Toussaint".into() }];
        let sets = propose_rotation(date(2026, 9, 1), date(2026, 12, 18), 2, &holidays);
        let monday = |y, m, d| Monday::try_from(date(y, m, d)).unwrap();
        assert!(sets[0].contains(&monday(2026, 8, 31)));
        assert!(sets[1].contains(&monday(2026, 9, 7)));
        // Seven weeks before the holiday: 12 October is an A, so the return on 2 November is a B.
        assert!(sets[0].contains(&monday(2026, 10, 12)));
        assert!(sets[1].contains(&monday(2026, 11, 2)));
        assert!(!sets.iter().any(|set| set.contains(&monday(2026, 10, 19))));
    }

    proptest! {
        #[test]
        fn a_mask_survives_its_decimal_form(bits: u64) {
            let mask = WeekMask::from_bits(bits);
            prop_assert_eq!(WeekMask::parse(&mask.to_string()), Ok(mask));
            prop_assert_eq!(WeekMask::from_weeks(mask.weeks()), mask);
            prop_assert_eq!(mask.weeks().count(), mask.len() as usize);
            prop_assert!(!mask.contains(0));
        }

        #[test]
        fn masks_behave_like_sets(a: u64, b: u64, week in 0_u8..=255) {
            let (a, b) = (WeekMask::from_bits(a), WeekMask::from_bits(b));
            prop_assert_eq!(a.union(b).contains(week), a.contains(week) || b.contains(week));
            prop_assert_eq!(a.intersection(b).contains(week), a.contains(week) && b.contains(week));
            prop_assert_eq!(a.without(b).contains(week), a.contains(week) && !b.contains(week));
            prop_assert_eq!(a.without(b).union(a.intersection(b)), a);
        }

        #[test]
        fn a_date_and_its_week_agree(start in 0_i64..20_000, week in 1_u8..=LAST_WEEK, day in 1_u8..=7) {
            let year = SchoolWeeks::starting(date(2000, 1, 1).checked_add(start.days()).unwrap());
            let found = year.date(week, day).unwrap();
            prop_assert_eq!(year.week_of(found), Some(week));
        }

        #[test]
        fn a_rotation_made_of_a_mask_holds_exactly_its_weeks(bits: u64, week in 1_u8..=LAST_WEEK, day in 1_u8..=7) {
            let year = SchoolWeeks::starting(date(2026, 8, 31));
            let mask = WeekMask::from_bits(bits);
            let rotation = Rotation::from_mask(mask, year);
            prop_assert_eq!(rotation.includes(year.date(week, day).unwrap()), mask.contains(week));
        }

        #[test]
        fn proposed_letters_never_share_a_week(start in 0_i64..3_000, weeks in 1_i64..60, letters in 1_usize..4) {
            let first = date(2020, 1, 1).checked_add(start.days()).unwrap();
            let last = first.checked_add((weeks * 7).days()).unwrap();
            let sets = propose_rotation(first, last, letters, &[]);
            let all: BTreeSet<_> = sets.iter().flatten().copied().collect();
            prop_assert_eq!(all.len(), sets.iter().map(BTreeSet::len).sum::<usize>());
            prop_assert!(all.iter().all(|monday| monday.date().weekday() == Weekday::Monday));
        }
    }
}
