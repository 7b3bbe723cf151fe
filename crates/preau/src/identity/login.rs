//! Logins: `prenom.nom` in plain ASCII, made from names and read back from what people type.
//!
//! Pure; whether a login is taken is the store's business.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest part before or after the dot, in letters.
const LONGEST_PART: usize = 30;
/// Longest login that is looked up, in bytes: two parts, the dot and a number.
const LONGEST_TYPED: usize = 2 * LONGEST_PART + 12;
/// The login of somebody whose name has no letter that could be written in ASCII.
const NAMELESS: &str = "compte";

/// The login that a person of this name gets while it is free: `marie-anne.de-la-rochefoucauld`.
pub(super) fn login_of(given: &str, family: &str) -> String {
    let (given, family) = (part(given), part(family));
    match (given.is_empty(), family.is_empty()) {
        (false, false) => format!("{given}.{family}"),
        (true, true) => NAMELESS.to_owned(),
        _ => format!("{given}{family}"),
    }
}

/// The stored form of what somebody typed as their login, or nothing when it cannot be one. Capitals,
/// accents and blanks around it are forgiven.
pub(super) fn typed_login(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.len() > 4 * LONGEST_TYPED {
        return None;
    }
    let login = folded(typed, true);
    (!login.is_empty() && login.len() <= LONGEST_TYPED).then_some(login)
}

/// A word of a search over people, in the letters that logins are made of.
pub(super) fn searched(typed: &str) -> Vec<String> {
    typed.split_whitespace().take(4).map(|word| folded(word, true)).filter(|word| !word.is_empty()).collect()
}

/// Only the letters, in lower-case ASCII.
pub(super) fn letters(text: &str) -> String {
    folded(text, false).chars().filter(char::is_ascii_lowercase).collect()
}

fn part(name: &str) -> String {
    let mut part = folded(name, false);
    part.truncate(LONGEST_PART);
    part.trim_end_matches('-').to_owned()
}

/// Lower-case ASCII letters and digits; blanks and hyphens become one hyphen, apostrophes and marks go.
fn folded(text: &str, keep_dots: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let push_hyphen = |out: &mut String| {
        if !out.is_empty() && !out.ends_with(['-', '.']) {
            out.push('-');
        }
    };
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            'a'..='z' | '0'..='9' => out.push(letter),
            'A'..='Z' => out.push(letter.to_ascii_lowercase()),
            'œ' | 'Œ' => out.push_str("oe"),
            'æ' | 'Æ' => out.push_str("ae"),
            'ß' => out.push_str("ss"),
            'ø' | 'Ø' => out.push('o'),
            'ł' | 'Ł' => out.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
            'ı' => out.push('i'),
            '.' if keep_dots => out.push('.'),
            '-' | '\u{2010}'..='\u{2015}' | '_' | '.' => push_hyphen(&mut out),
            letter if letter.is_whitespace() => push_hyphen(&mut out),
            _ => {}
        }
    }
    out.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_logins() {
        for (given, family, login) in [
            ("Maëlys", "Verdoyant", "maelys.verdoyant"),
            ("Jean-Baptiste", "L’Héritier", "jean-baptiste.lheritier"),
            ("Marie-Anne", "de La Rochefoucauld", "marie-anne.de-la-rochefoucauld"),
            ("Œdipe", "ŁUKASZ", "oedipe.lukasz"),
            ("Zoé  ", " D' Arc", "zoe.d-arc"),
            ("Ngọc", "Nguyễn", "ngoc.nguyen"),
            ("J.-P.", "Martin", "j-p.martin"),
            ("李", "王", "compte"),
            ("", "Cher", "cher"),
            ("'; DROP TABLE account;--", "x", "drop-table-account.x"),
        ] {
            assert_eq!(login_of(given, family), login, "{given} {family}");
        }
        assert!(login_of(&"a".repeat(500), &"b".repeat(500)).len() <= LONGEST_TYPED);
    }

    #[test]
    fn typing_is_forgiven() {
        for typed in ["maelys.verdoyant", " Maëlys.Verdoyant ", "MAELYS.VERDOYANT"] {
            assert_eq!(typed_login(typed).as_deref(), Some("maelys.verdoyant"));
        }
        assert_eq!(typed_login("jean.martin.2").as_deref(), Some("jean.martin.2"));
        for nothing in ["", "  ", "%", "李", &"a".repeat(73), &"é".repeat(5_000)] {
            assert_eq!(typed_login(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_search_has_no_wildcards() {
        assert_eq!(searched("  Maë%_ Verd'oyant * "), ["mae", "verdoyant"]);
    }
}
