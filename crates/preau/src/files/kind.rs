//! What a file is, and under which name it may be given out.

/// A kind of file that may be handed in or published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its media type (IANA), as sent to browsers.
    pub media_type: &'static str,
    /// Whether a browser may show it in place; everything else is downloaded.
    pub inline: bool,
    /// The ending its name must carry.
    pub ending: &'static str,
}

/// What is taken. No HTML, no SVG, no program: nothing that runs when it is opened from this site.
const KINDS: &[Kind] = &[
    Kind { media_type: "application/pdf", inline: true, ending: "pdf" },
    Kind { media_type: "image/jpeg", inline: true, ending: "jpg" },
    Kind { media_type: "image/png", inline: true, ending: "png" },
    Kind { media_type: "image/webp", inline: true, ending: "webp" },
    Kind { media_type: "image/gif", inline: true, ending: "gif" },
    Kind { media_type: "image/heif", inline: false, ending: "heic" },
    Kind { media_type: "audio/mpeg", inline: false, ending: "mp3" },
    Kind { media_type: "audio/m4a", inline: false, ending: "m4a" },
    Kind { media_type: "audio/ogg", inline: false, ending: "ogg" },
    Kind { media_type: "video/mp4", inline: false, ending: "mp4" },
    Kind { media_type: "video/webm", inline: false, ending: "webm" },
    Kind {
        media_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        inline: false,
        ending: "docx",
    },
    Kind {
        media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        inline: false,
        ending: "xlsx",
    },
    Kind {
        media_type: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        inline: false,
        ending: "pptx",
    },
    Kind { media_type: "application/vnd.oasis.opendocument.text", inline: false, ending: "odt" },
    Kind { media_type: "application/vnd.oasis.opendocument.spreadsheet", inline: false, ending: "ods" },
    Kind { media_type: "application/vnd.oasis.opendocument.presentation", inline: false, ending: "odp" },
];
const TEXT: Kind = Kind { media_type: "text/plain; charset=utf-8", inline: false, ending: "txt" };

impl Kind {
    /// The kind of these bytes, or nothing when it is not taken.
    pub fn of(bytes: &[u8]) -> Option<Kind> {
        match infer::get(bytes) {
            Some(found) => KINDS.iter().copied().find(|kind| kind.media_type == found.mime_type()),
            None => is_plain_text(bytes).then_some(TEXT),
        }
    }

    /// The kind that was stored under this media type.
    pub fn named(media_type: &str) -> Option<Kind> {
        KINDS.iter().copied().chain([TEXT]).find(|kind| kind.media_type == media_type)
    }
}

/// UTF-8 without control characters but line ends and tabs, and nothing a browser could take for a page.
fn is_plain_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    !text.is_empty()
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        && !text.trim_start().starts_with('<')
}

/// Longest name given out, in characters.
const LONGEST_NAME: usize = 100;

/// A name that is safe to store, to show and to put into a header: no path, no control character, no
/// direction mark, and the ending that fits what the file is.
pub fn safe_name(given: &str, kind: Kind) -> String {
    let base = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = base
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '<' | '>' | ':' | '|' | '?' | '*' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect();
    let stem = match clean.trim().rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 5 && ending.chars().all(|c| c.is_ascii_alphanumeric()) => {
            stem
        }
        _ => clean.trim(),
    };
    let stem: String = stem.trim_matches(['.', ' ']).chars().take(LONGEST_NAME).collect();
    let stem = if stem.is_empty() { "document".to_owned() } else { stem };
    format!("{stem}.{}", kind.ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    #[test]
    fn the_first_bytes_decide_not_the_name() {
        assert_eq!(Kind::of(PNG).map(|kind| kind.ending), Some("png"));
        assert_eq!(Kind::of(b"%PDF-1.7 rest").map(|kind| kind.ending), Some("pdf"));
        assert_eq!(Kind::of("Ma rédaction\n".as_bytes()).map(|kind| kind.ending), Some("txt"));
        for refused in [
            &b"<html><script>alert(1)</script>"[..],
            b" <svg onload=alert(1)>",
            b"MZ\x90\0\x03\0\0\0\x04",
            b"\x7fELF\x02\x01\x01\0",
            b"PK\x03\x04 not an office document",
            b"",
            b"\0\0\0",
        ] {
            assert_eq!(Kind::of(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn names_lose_paths_controls_and_false_endings() {
        let png = Kind::of(PNG).expect("known");
        for (given, safe) in [
            ("../../etc/passwd", "passwd.png"),
            ("C:\\temp\\photo.JPG", "photo.png"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie x.png"),
            ("rapport\u{202e}gnp.exe", "rapportgnp.png"),
            ("", "document.png"),
            ("...", "document.png"),
            ("Devoir n° 3", "Devoir n° 3.png"),
        ] {
            assert_eq!(safe_name(given, png), safe);
        }
        assert!(safe_name(&"x".repeat(5_000), png).chars().count() <= LONGEST_NAME + 4);
    }
}
