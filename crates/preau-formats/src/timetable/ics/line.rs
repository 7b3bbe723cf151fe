//! Content lines of RFC 5545 section 3.1, read one at a time in bounded memory.
//!
//! Why not a calendar library: those on offer hold the whole text, fail as a whole on one bad line
//! and do not say on which line an event began, while a school needs exactly that number. This
//! module is the grammar of one line and nothing else.
//!
//! Lines are unfolded as bytes and decoded afterwards, because writers fold in the middle of a UTF-8
//! character. A line beyond the bound is read to its end and dropped.

use std::io::BufRead;

/// One property: `NAME;PARAM=value:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    /// Line where it begins, from 1.
    pub(super) line: u32,
    /// Name in capitals.
    pub(super) name: String,
    /// Parameters: name in capitals, value without quotes.
    pub(super) params: Vec<(String, String)>,
    /// Value, still escaped.
    pub(super) value: String,
}

impl Property {
    /// The value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Splits a content line; `None` when it has no name or no colon.
    pub(super) fn parse(line: u32, text: &str) -> Option<Self> {
        let mut quoted = false;
        let mut pieces = Vec::new();
        let mut start = 0;
        let mut colon = None;
        for (at, c) in text.char_indices() {
            match c {
                '"' => quoted = !quoted,
                ';' if !quoted => {
                    pieces.push(&text[start..at]);
                    start = at + 1;
                }
                ':' if !quoted => {
                    colon = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let colon = colon?;
        pieces.push(&text[start..colon]);
        let mut pieces = pieces.into_iter();
        let name = pieces.next()?.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let params = pieces
            .filter_map(|piece| piece.split_once('='))
            .map(|(key, value)| (key.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned()))
            .collect();
        Some(Self { line, name: name.to_ascii_uppercase(), params, value: text[colon + 1..].to_owned() })
    }
}

/// An unfolded line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ContentLine {
    /// A line of text.
    Text {
        /// Line where it begins, from 1.
        number: u32,
        /// Its text.
        text: String,
        /// Whether it was not UTF-8 and was read as Windows-1252.
        recoded: bool,
    },
    /// A line beyond the bound, dropped.
    TooLong {
        /// Line where it begins, from 1.
        number: u32,
    },
}

/// Reads unfolded lines.
pub(super) struct ContentLines<R> {
    input: R,
    limit: usize,
    /// Physical lines read so far.
    read: u32,
    buffer: Vec<u8>,
}

impl<R: BufRead> ContentLines<R> {
    /// Lines of `input`, each at most `limit` bytes long.
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, read: 0, buffer: Vec::new() }
    }

    /// Number of the last physical line read.
    pub(super) fn line(&self) -> u32 {
        self.read
    }

    /// The next line that is not blank, or `None` at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<ContentLine>> {
        loop {
            self.buffer.clear();
            let number = self.read.saturating_add(1);
            let Some(mut fits) = self.read_physical()? else { return Ok(None) };
            while matches!(self.input.fill_buf()?.first(), Some(b' ' | b'\t')) {
                self.input.consume(1);
                fits &= self.read_physical()?.unwrap_or(true);
            }
            if !fits {
                return Ok(Some(ContentLine::TooLong { number }));
            }
            if self.buffer.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let (text, recoded) = match std::str::from_utf8(&self.buffer) {
                Ok(text) => (text.to_owned(), false),
                Err(_) => {
                    (encoding_rs::WINDOWS_1252.decode_without_bom_handling(&self.buffer).0.into_owned(), true)
                }
            };
            let text = if number == 1 { text.trim_start_matches('\u{FEFF}').to_owned() } else { text };
            return Ok(Some(ContentLine::Text { number, text, recoded }));
        }
    }

    /// Appends the rest of a physical line to the buffer, without its end. `None` at the end of the
    /// input; `Some(false)` when the bound was met and the rest was thrown away.
    fn read_physical(&mut self) -> std::io::Result<Option<bool>> {
        let mut any = false;
        let mut fits = true;
        loop {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                break;
            }
            any = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let piece = &available[..end.unwrap_or(available.len())];
            if self.buffer.len() + piece.len() <= self.limit {
                self.buffer.extend_from_slice(piece);
            } else {
                fits = false;
            }
            let used = end.map_or(available.len(), |at| at + 1);
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        while self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if any {
            self.read = self.read.saturating_add(1);
        }
        Ok(any.then_some(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], limit: usize) -> Vec<ContentLine> {
        // A buffer of three bytes makes every boundary fall in the middle of something.
        let mut lines = ContentLines::new(std::io::BufReader::with_capacity(3, input), limit);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn text(number: u32, text: &str) -> ContentLine {
        ContentLine::Text { number, text: text.into(), recoded: false }
    }

    #[test]
    fn folded_lines_keep_the_number_of_their_first() {
        let found = all(b"\xEF\xBB\xBFA:b\r\n c\r\n\td\r\n\r\nE:f\n  g\n", 100);
        assert_eq!(found, [text(1, "A:bcd"), text(5, "E:f g")]);
    }

    #[test]
    fn a_character_cut_by_a_fold_is_whole_again() {
        assert_eq!(all(b"A:\xC3\r\n \xA9t\xC3\xA9", 100), [text(1, "A:été")]);
    }

    #[test]
    fn other_encodings_are_read_and_told() {
        assert_eq!(
            all(b"A:\xE9t\xE9\n", 100),
            [ContentLine::Text { number: 1, text: "A:été".into(), recoded: true }]
        );
    }

    #[test]
    fn long_lines_are_dropped_whole_and_the_next_stands() {
        let mut input = b"A:".to_vec();
        input.extend_from_slice(&[b'x'; 500]);
        input.extend_from_slice(b"\r\n yyy\r\nB:c\r\n");
        assert_eq!(all(&input, 20), [ContentLine::TooLong { number: 1 }, text(3, "B:c")]);
    }

    #[test]
    fn properties_split_at_the_first_colon_outside_quotes() {
        let found = Property::parse(7, "dtstart;TZID=\"a:b;c\";x=y:2026:1").unwrap();
        assert_eq!(found.name, "DTSTART");
        assert_eq!(found.param("TZID"), Some("a:b;c"));
        assert_eq!(found.param("X"), Some("y"));
        assert_eq!(found.value, "2026:1");
        assert_eq!(Property::parse(1, "pas une ligne : du tout"), None);
        assert_eq!(Property::parse(1, ":x"), None);
        assert_eq!(Property::parse(1, "SANSVALEUR"), None);
    }
}
