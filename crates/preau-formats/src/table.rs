//! Reading of separated tables (CSV) whose separator, encoding and headers one can only guess.
//!
//! Separator: `;`, `,`, tabulation or `|`, whichever the header uses most; a first line `sep=;` left
//! by spreadsheets is obeyed. Rows may be longer or shorter than the header. A quote that is never
//! closed cannot swallow the file: a record is bounded.

use crate::error::Error;
use crate::report::Place;
use crate::source::read_error;
use crate::text::{AllowancePassed, EncodingReport, TextReader};
use crate::values::clean;
use std::io::Read;
use std::sync::Arc;

/// Longest record, in bytes, read-ahead of the parser included.
const MAX_RECORD: usize = 256 * 1024;

/// Most columns.
const MAX_COLUMNS: usize = 500;

/// A table being read.
pub(crate) struct Table<R: Read> {
    reader: csv::Reader<TextReader<R>>,
    file: Arc<str>,
    headers: Vec<String>,
    header_line: u64,
    record: csv::StringRecord,
}

impl<R: Read> Table<R> {
    /// Reads the header. `head` is the beginning of the same content, for the separator.
    ///
    /// # Errors
    /// A stream that breaks off or a header beyond all measure. An empty table has no headers.
    pub(crate) fn open(inner: R, head: &[u8], file: &Arc<str>) -> Result<Self, Error> {
        let (delimiter, announced) = separator(&decode_head(head));
        let text = TextReader::plain(inner).map_err(|e| read_error(Place::new(file, 1), &e))?;
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let file = Arc::clone(file);
        let mut table =
            Self { reader, file, headers: Vec::new(), header_line: 1, record: csv::StringRecord::new() };
        if announced {
            table.advance()?;
        }
        while table.advance()? {
            if table.record.iter().any(|cell| clean(cell).is_some()) {
                table.header_line = table.line();
                table.headers =
                    table.record.iter().take(MAX_COLUMNS).map(|h| clean(h).unwrap_or_default()).collect();
                break;
            }
        }
        Ok(table)
    }

    /// The headers, cleaned; empty for a trailing separator.
    pub(crate) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Where the header is.
    pub(crate) fn header_place(&self) -> Place {
        Place::new(&self.file, self.header_line)
    }

    /// What was assumed about the encoding.
    pub(crate) fn encoding(&self) -> Option<EncodingReport> {
        self.reader.get_ref().report()
    }

    /// Reads the next row that is not blank.
    ///
    /// # Errors
    /// A stream that breaks off or a record beyond all measure.
    pub(crate) fn next_row(&mut self) -> Result<bool, Error> {
        while self.advance()? {
            if self.record.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where the current row is.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.file, self.line())
    }

    /// The cell of a column, cleaned.
    pub(crate) fn cell(&self, column: usize) -> Option<String> {
        self.record.get(column).and_then(clean)
    }

    /// How many cells the row has, trailing blank ones not counted.
    pub(crate) fn width(&self) -> usize {
        self.record
            .iter()
            .enumerate()
            .filter(|(_, cell)| !cell.trim().is_empty())
            .last()
            .map_or(0, |(at, _)| at + 1)
    }

    /// Line the row starts at. The parser counts blank lines as part of the row after them, so the
    /// line is found from the row's end, of which every line feed has been read.
    fn line(&self) -> u64 {
        let within: usize = self.record.iter().map(|cell| cell.bytes().filter(|&b| b == b'\n').count()).sum();
        self.reader.position().line().saturating_sub(1 + within as u64).max(1)
    }

    fn advance(&mut self) -> Result<bool, Error> {
        self.reader.get_mut().allow(MAX_RECORD);
        match self.reader.read_record(&mut self.record) {
            Ok(more) => Ok(more),
            Err(e) => {
                let place = Place::new(&self.file, self.reader.position().line());
                Err(match e.into_kind() {
                    csv::ErrorKind::Io(e)
                        if e.get_ref().is_some_and(|inner| inner.is::<AllowancePassed>()) =>
                    {
                        Error::TooLong { place, limit: MAX_RECORD }
                    }
                    csv::ErrorKind::Io(e) => read_error(place, &e),
                    other => Error::Read { place, message: format!("{other:?}") },
                })
            }
        }
    }
}

/// Decodes the beginning of a text file for a look at it.
pub(crate) fn decode_head(head: &[u8]) -> String {
    let mut text = String::new();
    if let Ok(mut reader) = TextReader::plain(head) {
        // The head may end within a character; the reader repairs that.
        let _ = reader.read_to_string(&mut text);
    }
    text
}

/// Headers of a table as its beginning shows them, for recognition.
pub(crate) fn headers_of(head: &[u8]) -> Vec<String> {
    let text = decode_head(head);
    let (delimiter, announced) = separator(&text);
    let mut lines = text.lines().skip(usize::from(announced)).filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return Vec::new() };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(first.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => record.iter().take(MAX_COLUMNS).map(|h| clean(h).unwrap_or_default()).collect(),
        _ => Vec::new(),
    }
}

/// The separator, and whether a first line announces it.
fn separator(text: &str) -> (u8, bool) {
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else { return (b';', false) };
    if let Some(announced) = first.trim().strip_prefix("sep=")
        && let [one] = announced.as_bytes()
    {
        return (*one, true);
    }
    let mut counts = [(b';', 0), (b',', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in first.bytes() {
        if byte == b'"' {
            quoted = !quoted;
        } else if !quoted && let Some((_, count)) = counts.iter_mut().find(|(d, _)| *d == byte) {
            *count += 1;
        }
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(delimiter, _)| *delimiter);
    (best, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_found() {
        assert_eq!(separator("a;b;c,d\n"), (b';', false));
        assert_eq!(separator("\"a;b;c\",d\n"), (b',', false));
        assert_eq!(separator("a\tb\n"), (b'\t', false));
        assert_eq!(separator("sep=|\na|b"), (b'|', true));
        assert_eq!(separator("alone"), (b';', false));
    }

    #[test]
    fn rows_keep_their_lines() {
        let content = "a;b\n\n1;\"two\nlines\"\n;;\n2;x\n";
        let file = Arc::from("t.csv");
        let mut table = Table::open(content.as_bytes(), content.as_bytes(), &file).unwrap();
        assert_eq!(table.headers(), ["a", "b"]);
        assert!(table.next_row().unwrap());
        assert_eq!((table.cell(0).as_deref(), table.place().line), (Some("1"), 3));
        assert!(table.next_row().unwrap());
        assert_eq!((table.cell(0).as_deref(), table.place().line), (Some("2"), 6));
        assert!(!table.next_row().unwrap());
    }

    #[test]
    fn an_open_quote_does_not_swallow_the_file() {
        let mut content = b"a;b\n1;\"open".to_vec();
        content.resize(3 * MAX_RECORD, b'x');
        let file = Arc::from("t.csv");
        let mut table = Table::open(content.as_slice(), &content[..100], &file).unwrap();
        assert!(matches!(table.next_row(), Err(Error::TooLong { .. })));
    }
}
