//! One event under construction: the properties that matter, kept until its `END`.

use super::line::Property;

/// Most exception dates or added dates of one event.
pub(super) const MAX_DATES: usize = 1_000;

/// The properties of an event. Of a property given twice the first counts.
#[derive(Debug, Default)]
pub(super) struct RawEvent {
    /// Line of its `BEGIN`, from 1.
    pub(super) line: u32,
    pub(super) uid: Option<Property>,
    pub(super) start: Option<Property>,
    pub(super) end: Option<Property>,
    pub(super) duration: Option<Property>,
    pub(super) rule: Option<Property>,
    pub(super) recurrence_id: Option<Property>,
    pub(super) summary: Option<Property>,
    pub(super) description: Option<Property>,
    pub(super) location: Option<Property>,
    pub(super) categories: Option<Property>,
    pub(super) status: Option<Property>,
    /// `EXDATE` lines.
    pub(super) without: Vec<Property>,
    /// `RDATE` lines.
    pub(super) added: Vec<Property>,
    /// A line of the event was beyond the bound; the event is not to be trusted.
    pub(super) damaged: bool,
}

impl RawEvent {
    /// An event that begins on this line.
    pub(super) fn beginning(line: u32) -> Self {
        Self { line, ..Self::default() }
    }

    /// Keeps a property if it matters.
    pub(super) fn take(&mut self, property: Property) {
        let place = match property.name.as_str() {
            "UID" => &mut self.uid,
            "DTSTART" => &mut self.start,
            "DTEND" => &mut self.end,
            "DURATION" => &mut self.duration,
            "RRULE" => &mut self.rule,
            "RECURRENCE-ID" => &mut self.recurrence_id,
            "SUMMARY" => &mut self.summary,
            "DESCRIPTION" => &mut self.description,
            "LOCATION" => &mut self.location,
            "CATEGORIES" => &mut self.categories,
            "STATUS" => &mut self.status,
            "EXDATE" if self.without.len() < MAX_DATES => return self.without.push(property),
            "RDATE" if self.added.len() < MAX_DATES => return self.added.push(property),
            _ => return,
        };
        place.get_or_insert(property);
    }

    /// The value of an optional property, or nothing.
    pub(super) fn text(property: &Option<Property>) -> &str {
        property.as_ref().map_or("", |property| property.value.as_str())
    }
}

/// The identifier of an event without the moment of its export.
///
/// Pronote composes `Cours-40048-1-20261101T195501Z-Index-Education`; everything from the moment on
/// changes at each export and is dropped. Other identifiers stay as they are.
pub(super) fn stable_uid(uid: &str) -> &str {
    let uid = uid.trim();
    let mut from = 0;
    while let Some(dash) = uid[from..].find('-').map(|at| from + at) {
        if dash > 0 && is_moment(&uid[dash + 1..]) {
            return &uid[..dash];
        }
        from = dash + 1;
    }
    uid
}

/// Whether the text begins with a moment such as `20261101T195501Z`, up to a dash or the end.
fn is_moment(text: &str) -> bool {
    let moment = text.split('-').next().unwrap_or(text);
    let moment = moment.strip_suffix('Z').unwrap_or(moment).as_bytes();
    moment.len() == 15
        && moment[8] == b'T'
        && moment.iter().enumerate().all(|(at, byte)| at == 8 || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_export_is_dropped() {
        assert_eq!(stable_uid("Cours-40048-1-20261101T195501Z-Index-Education"), "Cours-40048-1");
        assert_eq!(stable_uid("Ferie-32-20261101T195501Z-Index-Education"), "Ferie-32");
        assert_eq!(stable_uid("Cours-7-20261101T195501"), "Cours-7");
        assert_eq!(stable_uid(" 3f2a@exemple.fr "), "3f2a@exemple.fr");
        assert_eq!(stable_uid("-20261101T195501Z"), "-20261101T195501Z");
        assert_eq!(stable_uid("a-20261101T19550éZ"), "a-20261101T19550éZ");
        assert_eq!(stable_uid(""), "");
    }
}
