//! Dates, hours, waits and due days as people of the school write them.
//!
//! French writes "lundi 23 novembre", "8 h 05", "8 h 00 – 8 h 55", "dans 5 min", "pour demain, mardi
//! 24 novembre"; English "Monday 23 November", "8:05", "in 5 min". The words come from the translation
//! files; this module knows the arithmetic only, and the school's time zone. It never asks for the
//! present time: whoever calls says what "now" is. Blanks inside a date or an hour do not break.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::texts::{Lang, Texts};

const NO_BREAK: char = '\u{a0}';

/// Writes dates and hours in one language and one zone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dates {
    texts: &'static Texts,
    zone: TimeZone,
}

impl Dates {
    /// Dates in the language of `texts`, hours in `zone` (schools of mainland France: Europe/Paris).
    pub fn new(texts: &'static Texts, zone: TimeZone) -> Dates {
        Dates { texts, zone }
    }

    /// An instant on the school's wall clock.
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// "lundi 23 novembre"; the first of a month is "1er".
    pub fn day(&self, date: Date) -> String {
        let number = match (self.texts.lang(), date.day()) {
            (Lang::Fr, 1) => "1er".to_owned(),
            (_, day) => day.to_string(),
        };
        format!("{} {number}{NO_BREAK}{}", self.weekday(date.weekday()), self.month(date.month()))
    }

    /// "lundi 23 novembre 2026".
    pub fn day_and_year(&self, date: Date) -> String {
        format!("{} {}", self.day(date), date.year())
    }

    /// "lun. 23 nov.", for narrow columns.
    pub fn short_day(&self, date: Date) -> String {
        let weekday = self.texts.get(match date.weekday() {
            Weekday::Monday => "date-mon",
            Weekday::Tuesday => "date-tue",
            Weekday::Wednesday => "date-wed",
            Weekday::Thursday => "date-thu",
            Weekday::Friday => "date-fri",
            Weekday::Saturday => "date-sat",
            Weekday::Sunday => "date-sun",
        });
        format!("{weekday}{NO_BREAK}{}{NO_BREAK}{}", date.day(), self.short_month(date.month()))
    }

    /// "lundi".
    pub fn weekday(&self, weekday: Weekday) -> &'static str {
        self.texts.get(match weekday {
            Weekday::Monday => "date-monday",
            Weekday::Tuesday => "date-tuesday",
            Weekday::Wednesday => "date-wednesday",
            Weekday::Thursday => "date-thursday",
            Weekday::Friday => "date-friday",
            Weekday::Saturday => "date-saturday",
            Weekday::Sunday => "date-sunday",
        })
    }

    /// "8 h 05" (English "8:05"): hour without a leading nought, minutes always with two digits.
    pub fn hour(&self, time: Time) -> String {
        match self.texts.lang() {
            Lang::Fr => format!("{}{NO_BREAK}h{NO_BREAK}{:02}", time.hour(), time.minute()),
            Lang::En => format!("{}:{:02}", time.hour(), time.minute()),
        }
    }

    /// The hour of an instant, on the school's wall clock.
    pub fn hour_at(&self, at: Timestamp) -> String {
        self.hour(self.local(at).time())
    }

    /// "8 h 00 – 8 h 55".
    pub fn hours(&self, from: Time, to: Time) -> String {
        format!("{} –{NO_BREAK}{}", self.hour(from), self.hour(to))
    }

    /// A stretch of time in whole minutes: "5 min", "1 h", "1 h 20", "2 jours" from 48 hours on.
    pub fn length(&self, minutes: u32) -> String {
        let words = match (minutes / 60, minutes % 60) {
            (0, m) => self.texts.with("date-minutes", "count", m),
            (h, _) if h >= 48 => self.texts.with("date-days", "count", h / 24),
            (h, 0) => self.texts.with("date-hours", "count", h),
            (h, m) => self.texts.with2("date-hours-minutes", "hours", h, "minutes", format!("{m:02}")),
        };
        words.replace(' ', "\u{a0}")
    }

    /// Where an instant stands from now: "dans 5 min", "maintenant" (within 30 seconds), "il y a 2 min".
    /// Minutes are rounded up when they are still to come, so that nobody is told they have more time
    /// gone than is true, and down when they are past.
    pub fn relative(&self, now: Timestamp, at: Timestamp) -> String {
        let seconds = at.as_second() - now.as_second();
        if seconds.abs() < 30 {
            return self.texts.get("date-now").to_owned();
        }
        let minutes = |whole: u64| u32::try_from(whole).unwrap_or(u32::MAX);
        if seconds > 0 {
            self.texts.with("date-in", "length", self.length(minutes(seconds.unsigned_abs().div_ceil(60))))
        } else {
            let ago = minutes((seconds.unsigned_abs() / 60).max(1));
            self.texts.with("date-ago", "length", self.length(ago))
        }
    }

    /// A moment near today: "aujourd'hui à 8 h 05", "hier à 17 h 30", else "lundi 23 novembre à 8 h 05".
    pub fn moment(&self, today: Date, at: Timestamp) -> String {
        let local = self.local(at);
        let hour = self.hour(local.time());
        let day = match days_between(today, local.date()) {
            0 => self.texts.get("date-today").to_owned(),
            1 => self.texts.get("date-tomorrow").to_owned(),
            -1 => self.texts.get("date-yesterday").to_owned(),
            _ => self.day(local.date()),
        };
        self.texts.with2("date-moment", "day", day, "hour", hour)
    }

    /// When work is due, in words that stay true: "pour mardi 24 novembre".
    pub fn due_on(&self, date: Date) -> String {
        self.texts.with("date-due", "date", self.day(date))
    }

    /// When work is due: "pour aujourd'hui", "pour demain, mardi 24 novembre", "pour jeudi 26 novembre";
    /// the year is added when it is not today's.
    pub fn due(&self, today: Date, date: Date) -> String {
        let written = if today.year() == date.year() { self.day(date) } else { self.day_and_year(date) };
        match days_between(today, date) {
            0 => self.texts.get("date-due-today").to_owned(),
            1 => self.texts.with("date-due-tomorrow", "date", written),
            _ => self.texts.with("date-due", "date", written),
        }
    }

    fn month(&self, month: i8) -> &'static str {
        self.texts.get(match month {
            1 => "date-january",
            2 => "date-february",
            3 => "date-march",
            4 => "date-april",
            5 => "date-may",
            6 => "date-june",
            7 => "date-july",
            8 => "date-august",
            9 => "date-september",
            10 => "date-october",
            11 => "date-november",
            _ => "date-december",
        })
    }

    fn short_month(&self, month: i8) -> &'static str {
        self.texts.get(match month {
            1 => "date-jan",
            2 => "date-feb",
            3 => "date-mar",
            4 => "date-apr",
            5 => "date-may-short",
            6 => "date-jun",
            7 => "date-jul",
            8 => "date-aug",
            9 => "date-sep",
            10 => "date-oct",
            11 => "date-nov",
            _ => "date-dec",
        })
    }
}

/// Whole days from `today` to `date`; beyond what fits, far enough to be neither today nor tomorrow.
fn days_between(today: Date, date: Date) -> i32 {
    today.until(date).map_or(i32::MAX, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;
    use crate::ui::texts::Form;

    fn french() -> Dates {
        Dates::new(Texts::of(Lang::Fr, Form::Vous), TimeZone::get("Europe/Paris").unwrap())
    }

    fn english() -> Dates {
        Dates::new(Texts::of(Lang::En, Form::Vous), TimeZone::get("Europe/Paris").unwrap())
    }

    fn spaced(text: String) -> String {
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn days_are_written_out() {
        assert_eq!(french().day(date(2026, 11, 23)), "lundi 23\u{a0}novembre");
        assert_eq!(spaced(french().day(date(2026, 12, 1))), "mardi 1er décembre");
        assert_eq!(spaced(english().day(date(2026, 12, 1))), "Tuesday 1 December");
        assert_eq!(spaced(french().day_and_year(date(2027, 2, 28))), "dimanche 28 février 2027");
        assert_eq!(spaced(french().short_day(date(2026, 8, 5))), "mer. 5 août");
        assert_eq!(spaced(english().short_day(date(2026, 5, 5))), "Tue 5 May");
    }

    #[test]
    fn hours_have_two_digit_minutes_and_do_not_break() {
        assert_eq!(french().hour(time(8, 5, 59, 0)), "8\u{a0}h\u{a0}05");
        assert_eq!(french().hour(time(8, 0, 0, 0)), "8\u{a0}h\u{a0}00");
        assert_eq!(english().hour(time(14, 5, 0, 0)), "14:05");
        assert_eq!(spaced(french().hours(time(8, 0, 0, 0), time(8, 55, 0, 0))), "8 h 00 – 8 h 55");
    }

    #[test]
    fn instants_follow_summer_and_winter_time() {
        let winter: Timestamp = "2026-11-23T07:00:00Z".parse().unwrap();
        let summer: Timestamp = "2026-06-23T06:00:00Z".parse().unwrap();
        assert_eq!(spaced(french().hour_at(winter)), "8 h 00");
        assert_eq!(spaced(french().hour_at(summer)), "8 h 00");
        let island = Dates::new(Texts::of(Lang::Fr, Form::Vous), TimeZone::get("Indian/Reunion").unwrap());
        assert_eq!(spaced(island.hour_at(winter)), "11 h 00");
    }

    #[test]
    fn waits_are_rounded_honestly() {
        let now: Timestamp = "2026-11-23T06:55:00Z".parse().unwrap();
        let at = |seconds: i64| Timestamp::from_second(now.as_second() + seconds).unwrap();
        let dates = french();
        assert_eq!(spaced(dates.relative(now, at(300))), "dans 5 min");
        assert_eq!(spaced(dates.relative(now, at(241))), "dans 5 min");
        assert_eq!(spaced(dates.relative(now, at(10))), "maintenant");
        assert_eq!(spaced(dates.relative(now, at(-45))), "il y a 1 min");
        assert_eq!(spaced(dates.relative(now, at(-179))), "il y a 2 min");
        assert_eq!(spaced(dates.relative(now, at(3600))), "dans 1 h");
        assert_eq!(spaced(dates.relative(now, at(4 * 3600 + 300))), "dans 4 h 05");
        assert_eq!(spaced(dates.relative(now, at(72 * 3600))), "dans 3 jours");
        assert_eq!(spaced(english().relative(now, at(-179))), "2 min ago");
        assert_eq!(spaced(english().relative(now, at(48 * 3600))), "in 2 days");
    }

    #[test]
    fn due_days_name_tomorrow() {
        let today = date(2026, 11, 23);
        assert_eq!(spaced(french().due(today, today)), "pour aujourd’hui");
        assert_eq!(spaced(french().due(today, date(2026, 11, 24))), "pour demain, mardi 24 novembre");
        assert_eq!(spaced(french().due(today, date(2026, 11, 26))), "pour jeudi 26 novembre");
        assert_eq!(spaced(french().due(today, date(2027, 1, 4))), "pour lundi 4 janvier 2027");
        assert_eq!(spaced(english().due(today, date(2026, 11, 24))), "for tomorrow, Tuesday 24 November");
    }

    #[test]
    fn moments_near_today_are_named() {
        let at: Timestamp = "2026-11-23T07:05:00Z".parse().unwrap();
        assert_eq!(spaced(french().moment(date(2026, 11, 23), at)), "aujourd’hui à 8 h 05");
        assert_eq!(spaced(french().moment(date(2026, 11, 24), at)), "hier à 8 h 05");
        assert_eq!(spaced(french().moment(date(2026, 11, 30), at)), "lundi 23 novembre à 8 h 05");
    }

    #[test]
    fn numbers_are_grouped_as_the_language_does() {
        assert_eq!(Texts::of(Lang::Fr, Form::Tu).number(12_450), "12\u{202f}450");
        assert_eq!(Texts::of(Lang::Fr, Form::Tu).number(-1_000_000), "−1\u{202f}000\u{202f}000");
        assert_eq!(Texts::of(Lang::En, Form::Tu).number(999), "999");
        assert_eq!(Texts::of(Lang::En, Form::Tu).number(12_450), "12,450");
    }
}
