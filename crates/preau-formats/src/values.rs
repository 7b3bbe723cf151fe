//! Reading of single values that several formats share: cleaned text, dates, national numbers.

use jiff::civil::Date;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};

/// Cleans a value: control characters become blanks, blanks at the ends go, accents are composed.
/// Returns `None` when nothing is left.
pub(crate) fn clean(raw: &str) -> Option<String> {
    let text = raw.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    if text.is_empty() {
        return None;
    }
    let mut text = text.to_owned();
    if text.contains(char::is_control) {
        text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    }
    if !text.is_ascii() && !is_nfc(&text) {
        text = text.nfc().collect();
    }
    Some(text)
}

/// Lower case without accents, blanks or punctuation: how headers and names are compared.
pub(crate) fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .filter_map(|c| match c {
            'œ' => Some("oe".to_owned()),
            'æ' => Some("ae".to_owned()),
            'ø' => Some("o".to_owned()),
            c if c.is_alphanumeric() => Some(c.to_string()),
            _ => None,
        })
        .collect()
}

/// Reads a date as French software writes it (`dd/mm/yyyy`, also with dashes or dots), as ISO 8601
/// does (`yyyy-mm-dd`, with or without a time) or as eight digits (`yyyymmdd`). A year of two digits
/// is refused: it would be a guess.
pub(crate) fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let day = text.split(['T', ' ']).next().unwrap_or(text);
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty();
    if day.len() == 8 && digits(day) {
        return civil(&day[..4], &day[4..6], &day[6..]);
    }
    let mut parts = day.split(['/', '-', '.']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || ![first, second, third].into_iter().all(digits) {
        return None;
    }
    match (first.len(), third.len()) {
        (4, 1..=2) => civil(first, second, third),
        (1..=2, 4) => civil(third, second, first),
        _ => None,
    }
}

fn civil(year: &str, month: &str, day: &str) -> Option<Date> {
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (1900..=2200).contains(&date.year()).then_some(date)
}

/// Reads a yes or no: `O`, `OUI`, `1`, `TRUE`, `Y`… and their contraries.
pub(crate) fn yes_no(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "o" | "oui" | "1" | "true" | "vrai" | "y" | "yes" | "x" => Some(true),
        "n" | "non" | "0" | "false" | "faux" | "no" => Some(false),
        _ => None,
    }
}

/// Whether a text is shaped like a UAI: seven digits and a letter. The letter is a checksum over 23
/// letters, not verified here because test and foreign schools break it.
pub(crate) fn is_uai(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 8 && bytes[..7].iter().all(u8::is_ascii_digit) && bytes[7].is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_their_habits() {
        let expected = Some(Date::constant(2013, 2, 3));
        for text in ["03/02/2013", "3/2/2013", "2013-02-03", "03-02-2013", "20130203", "2013-02-03T10:00:00Z"]
        {
            assert_eq!(date(text), expected, "{text}");
        }
        for text in ["", "31/02/2013", "03/02/13", "2013", "aa/bb/cccc", "03/02/2013/4", "99999999"] {
            assert_eq!(date(text), None, "{text}");
        }
        assert_eq!(date("29/02/2012"), Some(Date::constant(2012, 2, 29)));
    }

    #[test]
    fn headers_fold() {
        assert_eq!(fold(" Prénom* "), "prenom");
        assert_eq!(fold("Date de naissance"), "datedenaissance");
        assert_eq!(fold("Sœur"), "soeur");
    }

    #[test]
    fn values_are_cleaned() {
        assert_eq!(clean(" \u{a0}\t"), None);
        assert_eq!(clean("Mae\u{308}lys ").as_deref(), Some("Maëlys"));
        assert_eq!(clean("a\u{0}b").as_deref(), Some("a b"));
    }

    #[test]
    fn national_school_numbers() {
        assert!(is_uai("0999901A"));
        assert!(!is_uai("0999901"));
        assert!(!is_uai("09é9901A"));
    }
}
