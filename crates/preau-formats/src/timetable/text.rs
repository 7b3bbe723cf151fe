//! Small rules about text shared by the readers: entities, lengths, and what a file looks like.

use super::problem::Found;

/// The longest label kept, in characters. Real ones stay under 100.
pub(crate) const LABEL_CHARS: usize = 200;

/// The longest identifier accepted, in bytes.
pub(crate) const IDENT_BYTES: usize = 255;

/// A label fit for display: HTML character references resolved once, control characters and runs of
/// spaces (no-break ones included) reduced to single spaces, length bounded.
pub(crate) fn label(text: &str) -> String {
    tidy(&html_escape::decode_html_entities(text))
}

/// [`label`] for text whose references are already resolved.
pub(crate) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LABEL_CHARS * 4));
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > LABEL_CHARS * 4 {
            break;
        }
    }
    if out.chars().count() > LABEL_CHARS {
        out = out.chars().take(LABEL_CHARS - 1).collect();
        out.push('…');
    }
    out
}

/// The first characters of a text, for quoting it in a message.
pub(crate) fn quote(text: &str) -> String {
    let shown = tidy(text);
    if shown.chars().count() > 40 { shown.chars().take(39).chain(['…']).collect() } else { shown }
}

/// What a file looks like, from its first bytes.
pub(crate) fn describe_start(start: &[u8]) -> Found {
    if start.starts_with(b"PK\x03\x04") {
        return Found::Zip;
    }
    if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
        return Found::Utf16;
    }
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{FEFF}').trim_start();
    if text.is_empty() {
        return Found::Nothing;
    }
    if starts_with_ignoring_case(text, "BEGIN:VCALENDAR") {
        return Found::Calendar;
    }
    if starts_with_ignoring_case(text, "<!doctype html") || starts_with_ignoring_case(text, "<html") {
        return Found::WebPage;
    }
    if text.starts_with('<') {
        return match root_element(text) {
            Some(root) if root.eq_ignore_ascii_case("html") => Found::WebPage,
            Some(root) => Found::Xml(quote(root)),
            None => Found::Text(quote(text)),
        };
    }
    Found::Text(quote(text))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// The name of the first element after declarations and comments.
fn root_element(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->")?..];
        } else if !rest.starts_with(['?', '!']) {
            let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
            return Some(&rest[..end]).filter(|name| !name.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_once_and_spaces_reduced() {
        assert_eq!(label("SCIENCES VIE &amp; TERRE"), "SCIENCES VIE & TERRE");
        assert_eq!(label("&amp;lt;"), "&lt;");
        assert_eq!(label(" &lt;4A&gt;  gr\u{a0}1\t"), "<4A> gr 1");
        assert_eq!(label("D&eacute;tente & co &inconnue;"), "Détente & co &inconnue;");
        assert_eq!(label(&"é".repeat(1000)).chars().count(), LABEL_CHARS);
    }

    #[test]
    fn a_file_is_known_by_its_start() {
        assert_eq!(describe_start(b""), Found::Nothing);
        assert_eq!(describe_start("\u{FEFF}BEGIN:VCALENDAR\r\n".as_bytes()), Found::Calendar);
        assert_eq!(describe_start(b"<!DOCTYPE html><html>"), Found::WebPage);
        assert_eq!(describe_start(b"PK\x03\x04...."), Found::Zip);
        assert_eq!(
            describe_start(b"<?xml version=\"1.0\"?>\n<!-- <a> --><ExportEDT a='b'>"),
            Found::Xml("ExportEDT".into())
        );
        assert_eq!(describe_start(b"nom;prenom"), Found::Text("nom;prenom".into()));
        assert_eq!(describe_start(b"<"), Found::Text("<".into()));
    }
}
