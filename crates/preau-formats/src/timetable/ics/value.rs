//! Values of calendar properties: text, dates and times (RFC 5545 sections 3.3.4, 3.3.5, 3.3.11).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::super::problem::NoticeKind;
use super::super::text::quote;
use super::super::zone::{Instant, SchoolZone};
use super::line::Property;

/// Text with its escapes undone: `\n`, `\,`, `\;`, `\\`. An unknown escape keeps its letter.
pub(super) fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// A date or a time as a calendar writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// A whole day.
    Day(Date),
    /// A local time in a zone; UTC is a zone like another.
    Local(DateTime, SchoolZone),
}

/// A stamp and the zone name that could not be understood, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadStamp {
    pub(super) stamp: Stamp,
    pub(super) unknown_zone: Option<String>,
}

impl Stamp {
    /// Local date and time in the stamp's own zone; a day begins at midnight.
    pub(super) fn local(&self) -> DateTime {
        match self {
            Self::Day(date) => date.to_datetime(Time::midnight()),
            Self::Local(local, _) => *local,
        }
    }

    /// The instant; a whole day begins at midnight in the school's zone.
    pub(super) fn instant(&self, school: &SchoolZone) -> Option<Instant> {
        match self {
            Self::Day(date) => school.instant(date.to_datetime(Time::midnight())),
            Self::Local(local, zone) => zone.instant(*local),
        }
    }

    /// The same zone, another local time.
    pub(super) fn moved_to(&self, local: DateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(local.date()),
            Self::Local(_, zone) => Self::Local(local, zone.clone()),
        }
    }
}

/// Reads a property that holds one date or time.
pub(super) fn read_stamp(
    field: &'static str,
    property: &Property,
    school: &SchoolZone,
) -> Result<ReadStamp, NoticeKind> {
    read_stamp_text(field, &property.value, property.param("TZID"), school)
}

/// Reads `20260902`, `20260902T081500`, `20260902T081500Z`; seconds may be absent.
pub(super) fn read_stamp_text(
    field: &'static str,
    value: &str,
    tzid: Option<&str>,
    school: &SchoolZone,
) -> Result<ReadStamp, NoticeKind> {
    let value = value.trim();
    let unreadable = || NoticeKind::UnreadableDate(field, quote(value));
    let (day, clock) = match value.split_once(['T', 't']) {
        Some((day, clock)) => (day, Some(clock)),
        None => (value, None),
    };
    let date = read_date(day).ok_or_else(unreadable)?;
    if !(2000..=2099).contains(&date.year()) {
        return Err(NoticeKind::AbsurdDate(quote(day)));
    }
    let Some(clock) = clock else {
        return Ok(ReadStamp { stamp: Stamp::Day(date), unknown_zone: None });
    };
    let (clock, utc) = match clock.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, true),
        None => (clock, false),
    };
    let local = date.to_datetime(read_clock(clock).ok_or_else(unreadable)?);
    let mut unknown_zone = None;
    let zone = match tzid {
        _ if utc => SchoolZone::utc(),
        Some(tzid) => SchoolZone::from_tzid(tzid).unwrap_or_else(|| {
            unknown_zone = Some(quote(tzid));
            school.clone()
        }),
        None => school.clone(),
    };
    Ok(ReadStamp { stamp: Stamp::Local(local, zone), unknown_zone })
}

fn digits(text: &str, range: std::ops::Range<usize>) -> Option<i16> {
    let piece = text.get(range)?;
    piece.bytes().all(|byte| byte.is_ascii_digit()).then(|| piece.parse().ok())?
}

fn read_date(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let month = i8::try_from(digits(text, 4..6)?).ok()?;
    let day = i8::try_from(digits(text, 6..8)?).ok()?;
    Date::new(digits(text, 0..4)?, month, day).ok()
}

fn read_clock(text: &str) -> Option<Time> {
    let hour = i8::try_from(digits(text, 0..2)?).ok()?;
    let minute = i8::try_from(digits(text, 2..4)?).ok()?;
    let second = match text.len() {
        4 => 0,
        // A leap second is read as the one before.
        6 => i8::try_from(digits(text, 4..6)?).ok()?.min(if &text[4..6] == "60" { 59 } else { 60 }),
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// A `DURATION` in seconds: `PT55M`, `P1D`, `P1W`; `None` when it is none or negative.
pub(super) fn read_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let rest = text.strip_prefix('+').unwrap_or(text).strip_prefix(['P', 'p'])?;
    let mut seconds = 0_i64;
    let mut number = String::new();
    let mut in_time = false;
    let mut parts = 0;
    for c in rest.chars() {
        match c.to_ascii_uppercase() {
            digit if digit.is_ascii_digit() && number.len() < 6 => number.push(digit),
            'T' if number.is_empty() && !in_time => in_time = true,
            unit => {
                let value: i64 = number.parse().ok()?;
                number.clear();
                parts += 1;
                seconds += value
                    * match (unit, in_time) {
                        ('W', false) => 7 * 86_400,
                        ('D', false) => 86_400,
                        ('H', true) => 3_600,
                        ('M', true) => 60,
                        ('S', true) => 1,
                        _ => return None,
                    };
            }
        }
    }
    (number.is_empty() && parts > 0).then_some(seconds)
}

impl SchoolZone {
    /// Coordinated universal time, for stamps that end in `Z`.
    fn utc() -> Self {
        Self::from_time_zone(TimeZone::UTC)
    }
}

/// The bounds of the dates this reader accepts, as instants.
pub(super) fn is_plausible(at: Timestamp) -> bool {
    // 1999-12-31 and 2100-01-02 in seconds: a day of slack for zones on either side.
    (946_598_400..=4_102_531_200).contains(&at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(value: &str, tzid: Option<&str>) -> Result<String, NoticeKind> {
        let school = SchoolZone::paris();
        read_stamp_text("DTSTART", value, tzid, &school)
            .map(|read| read.stamp.instant(&school).unwrap().at.to_string())
    }

    #[test]
    fn the_four_ways_to_write_eight_o_clock() {
        for (value, tzid) in [
            ("20260902T060000Z", None),
            ("20260902T080000", None),
            ("20260902T080000", Some("Europe/Paris")),
            ("20260902T070000", Some("Europe/London")),
            ("20260902T0800", Some("Romance Standard Time")),
        ] {
            assert_eq!(stamp(value, tzid).unwrap(), "2026-09-02T06:00:00Z", "{value} {tzid:?}");
        }
        assert_eq!(stamp("20260902", None).unwrap(), "2026-09-01T22:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_told() {
        for value in
            ["", "2026-09-02", "20260231", "20260902T250000", "20260902T08", "2026090é", "20260902T0861"]
        {
            assert!(matches!(stamp(value, None), Err(NoticeKind::UnreadableDate("DTSTART", _))), "{value}");
        }
        assert!(matches!(stamp("19000101T080000Z", None), Err(NoticeKind::AbsurdDate(_))));
        assert!(matches!(stamp("99991231T080000Z", None), Err(NoticeKind::AbsurdDate(_))));
        assert!(stamp("20261231T235960Z", None).is_ok());
    }

    #[test]
    fn an_unknown_zone_falls_back_and_is_named() {
        let school = SchoolZone::paris();
        let read = read_stamp_text("DTSTART", "20260902T080000", Some("Mars/Olympus"), &school).unwrap();
        assert_eq!(read.unknown_zone.as_deref(), Some("Mars/Olympus"));
        assert_eq!(read.stamp.instant(&school).unwrap().at.to_string(), "2026-09-02T06:00:00Z");
    }

    #[test]
    fn durations() {
        assert_eq!(read_duration("PT55M"), Some(3_300));
        assert_eq!(read_duration("P1DT1H"), Some(90_000));
        assert_eq!(read_duration("P2W"), Some(1_209_600));
        for bad in ["", "P", "PT", "55M", "-PT55M", "P1M", "PT5", "PT99999999H"] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"a\, b\; c\nd\\e\"), "a, b; c\nd\\e");
        assert_eq!(unescape(r"&lt\;4A&gt\;"), "&lt;4A&gt;");
    }
}
