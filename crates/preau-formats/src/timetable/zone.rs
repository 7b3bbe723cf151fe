//! The school's time zone: from what the wall clock says to an instant and back.
//!
//! A timetable is written in local hours, and 8 h 00 stays 8 h 00 when the clocks change. The zone
//! comes from the bundled database, never from the machine, so that a school sees the same hours
//! wherever the server stands. A local time that the change to summer time skips becomes the hour
//! after; one that happens twice in October is the first of the two (RFC 5545 section 3.3.5).

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use thiserror::Error;

/// The zone a school's hours are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolZone(TimeZone);

/// A zone name that the bundled database does not know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown time zone \"{0}\": expected a name such as Europe/Paris or Indian/Reunion")]
pub struct UnknownZone(pub String);

/// A local time turned into an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The instant.
    pub at: Timestamp,
    /// Whether the local time does not exist, because clocks went forward over it.
    pub skipped: bool,
}

impl SchoolZone {
    /// Metropolitan France.
    ///
    /// # Panics
    /// Never: the database is compiled in, and a test asks it for this name.
    pub fn paris() -> Self {
        Self(TimeZone::get("Europe/Paris").expect("the bundled time zone database knows Europe/Paris"))
    }

    /// A zone by its IANA name, for the academies overseas.
    ///
    /// # Errors
    /// [`UnknownZone`] when the bundled database has no such name.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        TimeZone::get(name).map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }

    /// A zone that is already at hand.
    pub(crate) fn from_time_zone(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// The zone behind a `TZID` parameter. Besides IANA names it knows the vendor prefixes some
    /// calendars put before them and the Windows names met in French schools.
    pub(crate) fn from_tzid(tzid: &str) -> Option<Self> {
        let tzid = tzid.trim();
        let windows = match tzid {
            "Romance Standard Time" => Some("Europe/Paris"),
            "W. Europe Standard Time" => Some("Europe/Berlin"),
            "Central European Standard Time" => Some("Europe/Warsaw"),
            "Central Europe Standard Time" => Some("Europe/Budapest"),
            "GMT Standard Time" => Some("Europe/London"),
            "Greenwich Standard Time" | "GMT" | "Z" => Some("UTC"),
            _ => None,
        };
        if let Some(name) = windows {
            return Self::named(name).ok();
        }
        let direct = Self::named(tzid).ok();
        if direct.is_some() {
            return direct;
        }
        // "/freeassociation.sourceforge.net/Tzfile/Europe/Paris": the name is the end of the path.
        let mut cut = tzid;
        while let Some((_, rest)) = cut.split_once('/') {
            if let Ok(zone) = Self::named(rest) {
                return Some(zone);
            }
            cut = rest;
        }
        None
    }

    /// The instant of a local time, or `None` beyond the range of dates that exist.
    pub fn instant(&self, local: DateTime) -> Option<Instant> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        Some(Instant { at: ambiguous.compatible().ok()?, skipped })
    }

    /// The local time of an instant.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The local date of an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// The instant with its zone, for display.
    pub fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.0.clone())
    }
}

impl Default for SchoolZone {
    fn default() -> Self {
        Self::paris()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn eight_in_the_morning_has_two_offsets_over_the_year() {
        let zone = SchoolZone::paris();
        let winter = zone.instant(date(2026, 11, 2).at(8, 0, 0, 0)).unwrap();
        let summer = zone.instant(date(2026, 9, 7).at(8, 0, 0, 0)).unwrap();
        assert_eq!(winter.at.to_string(), "2026-11-02T07:00:00Z");
        assert_eq!(summer.at.to_string(), "2026-09-07T06:00:00Z");
        assert!(!winter.skipped && !summer.skipped);
    }

    #[test]
    fn the_hour_skipped_in_march_becomes_the_next_and_october_takes_the_first() {
        let zone = SchoolZone::paris();
        let march = zone.instant(date(2027, 3, 28).at(2, 30, 0, 0)).unwrap();
        assert!(march.skipped);
        assert_eq!(zone.local(march.at), date(2027, 3, 28).at(3, 30, 0, 0));
        let october = zone.instant(date(2026, 10, 25).at(2, 30, 0, 0)).unwrap();
        assert_eq!(october.at.to_string(), "2026-10-25T00:30:00Z");
        assert!(!october.skipped);
    }

    #[test]
    fn vendor_and_windows_names_are_known() {
        let paris = SchoolZone::paris();
        assert_eq!(SchoolZone::from_tzid("Europe/Paris"), Some(paris.clone()));
        assert_eq!(SchoolZone::from_tzid("Romance Standard Time"), Some(paris.clone()));
        assert_eq!(SchoolZone::from_tzid("/mozilla.org/20050126_1/Europe/Paris"), Some(paris));
        assert_eq!(SchoolZone::from_tzid("Atlantide/Centre"), None);
        assert!(SchoolZone::named("Indian/Reunion").is_ok());
        assert!(SchoolZone::named("../../etc/passwd").is_err());
    }
}
