//! Recurrences of other calendars: `FREQ=DAILY` and `FREQ=WEEKLY` with `INTERVAL`, `BYDAY`, `COUNT`,
//! `UNTIL`, `WKST` (RFC 5545 section 3.3.10). Pronote writes none; every lesson there has a date.
//!
//! Rules by month or year are not lessons and are refused with a notice. Occurrences follow the
//! local clock of the start's own zone. Expansion stops at a number of days whatever the rule says.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};

use super::value::{Stamp, read_stamp_text};
use crate::timetable::zone::SchoolZone;

/// A recurrence rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recurrence {
    /// Days between periods: 1 or 7, times the interval.
    weekly: bool,
    interval: i64,
    weekdays: Vec<Weekday>,
    week_start: Weekday,
    count: Option<u32>,
    until: Option<Stamp>,
}

/// The occurrences of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrences {
    /// Local starts in the zone of the first, in order, the first included.
    pub(super) starts: Vec<DateTime>,
    /// Whether the bound on days ended the rule.
    pub(super) cut: bool,
}

impl Recurrence {
    /// Reads an `RRULE` value; `None` when it is unreadable or of a kind that is not followed.
    pub(super) fn parse(text: &str, school: &SchoolZone) -> Option<Self> {
        let mut weekly = None;
        let mut rule = Self {
            weekly: true,
            interval: 1,
            weekdays: Vec::new(),
            week_start: Weekday::Monday,
            count: None,
            until: None,
        };
        for part in text.trim().split(';').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=')?;
            match key.trim().to_ascii_uppercase().as_str() {
                "FREQ" => {
                    weekly = Some(match value.trim().to_ascii_uppercase().as_str() {
                        "WEEKLY" => true,
                        "DAILY" => false,
                        _ => return None,
                    });
                }
                "INTERVAL" => rule.interval = value.trim().parse().ok().filter(|n| (1..=1000).contains(n))?,
                "COUNT" => rule.count = Some(value.trim().parse().ok().filter(|n| *n >= 1)?),
                "UNTIL" => rule.until = Some(read_stamp_text("UNTIL", value, None, school).ok()?.stamp),
                "BYDAY" => rule.weekdays = value.split(',').map(weekday).collect::<Option<Vec<_>>>()?,
                "WKST" => rule.week_start = weekday(value)?,
                key if key.starts_with("X-") => {}
                _ => return None,
            }
        }
        rule.weekly = weekly?;
        Some(rule)
    }

    /// The occurrences from `start` on, over at most `days` days. The start counts as the first even
    /// if the rule does not name its weekday.
    pub(super) fn occurrences(&self, start: &Stamp, school: &SchoolZone, days: u32) -> Occurrences {
        let first = start.local();
        let mut starts = vec![first];
        let wanted = self.count.map_or(usize::MAX, |count| count as usize);
        let mut cut = false;
        let last_day = first.date().checked_add(i64::from(days).days()).unwrap_or(Date::MAX);
        let mut day = first.date();
        while starts.len() < wanted {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            if self.is_past(start, day.to_datetime(first.time()), school) {
                break;
            }
            if day > last_day {
                cut = true;
                break;
            }
            if self.falls_on(first.date(), day) {
                starts.push(day.to_datetime(first.time()));
            }
        }
        Occurrences { starts, cut }
    }

    fn is_past(&self, start: &Stamp, local: DateTime, school: &SchoolZone) -> bool {
        match &self.until {
            None => false,
            Some(Stamp::Day(last)) => local.date() > *last,
            Some(until) => match (start.moved_to(local).instant(school), until.instant(school)) {
                (Some(at), Some(last)) => at.at > last.at,
                _ => true,
            },
        }
    }

    fn falls_on(&self, first: Date, day: Date) -> bool {
        let days = day.duration_since(first).as_hours() / 24;
        if !self.weekly {
            return days % self.interval == 0
                && (self.weekdays.is_empty() || self.weekdays.contains(&day.weekday()));
        }
        let on_weekday = if self.weekdays.is_empty() {
            day.weekday() == first.weekday()
        } else {
            self.weekdays.contains(&day.weekday())
        };
        // Weeks are counted between week starts, so that "every second week" means calendar weeks.
        let into_week = i64::from(first.weekday().since(self.week_start));
        on_weekday && ((days + into_week) / 7) % self.interval == 0
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.trim().to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn dates(rule: &str, start: Date, days: u32) -> (Vec<Date>, bool) {
        let school = SchoolZone::paris();
        let start = Stamp::Local(start.at(8, 0, 0, 0), school.clone());
        let found = Recurrence::parse(rule, &school).unwrap().occurrences(&start, &school, days);
        (found.starts.iter().map(|at| at.date()).collect(), found.cut)
    }

    #[test]
    fn weekly_with_count_and_interval() {
        let (found, cut) = dates("FREQ=WEEKLY;INTERVAL=2;COUNT=3", date(2026, 9, 7), 732);
        assert_eq!(found, [date(2026, 9, 7), date(2026, 9, 21), date(2026, 10, 5)]);
        assert!(!cut);
    }

    #[test]
    fn several_weekdays_every_second_calendar_week() {
        let (found, _) = dates("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=4", date(2026, 9, 10), 732);
        assert_eq!(found, [date(2026, 9, 10), date(2026, 9, 21), date(2026, 9, 24), date(2026, 10, 5)]);
    }

    #[test]
    fn until_is_included_whether_a_day_or_an_instant() {
        let expected = [date(2026, 10, 19), date(2026, 10, 26)];
        // 8 h 00 on 26 October is 7 h 00 UTC: clocks have gone back the night before.
        for until in ["20261026T070000Z", "20261026", "20261026T080000"] {
            assert_eq!(dates(&format!("FREQ=WEEKLY;UNTIL={until}"), date(2026, 10, 19), 732).0, expected);
        }
        assert_eq!(dates("FREQ=WEEKLY;UNTIL=20261026T065959Z", date(2026, 10, 19), 732).0, expected[..1]);
    }

    #[test]
    fn endless_rules_are_cut() {
        let (found, cut) = dates("FREQ=DAILY", date(2026, 9, 1), 10);
        assert_eq!((found.len(), cut), (11, true));
    }

    #[test]
    fn what_is_not_followed_is_refused() {
        let school = SchoolZone::paris();
        for rule in [
            "",
            "COUNT=3",
            "FREQ=MONTHLY",
            "FREQ=YEARLY;BYMONTH=5",
            "FREQ=WEEKLY;INTERVAL=0",
            "FREQ=WEEKLY;COUNT=0",
            "FREQ=WEEKLY;COUNT=-1",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;UNTIL=bientôt",
            "FREQ=WEEKLY;BYSETPOS=1",
            "n'importe quoi",
        ] {
            assert_eq!(Recurrence::parse(rule, &school), None, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn occurrences_are_bounded_ordered_and_at_the_same_hour(
            interval in 1_i64..10,
            mask in 0_u8..128,
            count in proptest::option::of(1_u32..300),
            offset in 0_i64..3_000,
            days in 0_u32..732,
        ) {
            let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let byday: Vec<_> = (0..7).filter(|bit| mask & (1 << bit) != 0).map(|bit| names[bit]).collect();
            let mut rule = format!("FREQ=WEEKLY;INTERVAL={interval}");
            if !byday.is_empty() { rule.push_str(&format!(";BYDAY={}", byday.join(","))); }
            if let Some(count) = count { rule.push_str(&format!(";COUNT={count}")); }
            let first = date(2020, 1, 1).checked_add(offset.days()).unwrap();
            let (found, _) = dates(&rule, first, days);
            prop_assert_eq!(found[0], first);
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(found.len() <= count.map_or(usize::MAX, |count| count as usize));
            prop_assert!(found.len() <= days as usize + 1);
            let names_of_day = |day: &Date| names[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap()];
            prop_assert!(byday.is_empty() || found[1..].iter().all(|day| byday.contains(&names_of_day(day))));
        }
    }
}
