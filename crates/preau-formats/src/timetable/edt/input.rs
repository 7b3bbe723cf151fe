//! The bytes of an XML file on their way to the parser: decoded, counted, bounded.
//!
//! The parser grows its buffer until a tag ends. Here each element gets a budget of bytes, beyond
//! which reading fails, so that an endless tag costs no more than the budget. Lines are counted as
//! the parser consumes them, which gives every element its line number.

use std::io::{self, BufRead, Cursor, Read};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::encoding::DecodingReader;

/// How many bytes of the beginning are looked at for the encoding.
const HEAD_BYTES: u64 = 1024;

/// Decoded, counted, bounded input.
pub(super) struct XmlInput<'a> {
    inner: Box<dyn BufRead + 'a>,
    encoding: &'static Encoding,
    line: u32,
    limit: usize,
    left: usize,
    exceeded: bool,
}

impl<'a> XmlInput<'a> {
    /// Wraps a file; `limit` is the most bytes one element may take. Returns the beginning, too.
    pub(super) fn open<R: BufRead + 'a>(mut input: R, limit: usize) -> io::Result<(Self, Vec<u8>)> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let encoding = encoding_of(&head);
        let skip = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let whole = Cursor::new(head[skip..].to_vec()).chain(input);
        let inner: Box<dyn BufRead + 'a> = if encoding == UTF_8 {
            // The parser itself checks UTF-8, element by element, and so knows the line at fault.
            Box::new(whole)
        } else {
            let mut decoded = DecodingReader::new(whole);
            // Before the first byte is read this cannot fail; UTF-16 is found by the reader itself.
            decoded.set_encoding(encoding);
            Box::new(decoded)
        };
        Ok((Self { inner, encoding, line: 1, limit, left: limit, exceeded: false }, head))
    }

    /// Line of the next byte, from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Name of the encoding the text is read in.
    pub(super) fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// Gives the next element a full budget.
    pub(super) fn next_element(&mut self) {
        self.left = self.limit;
    }

    /// Whether an element met its budget.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded
    }
}

impl BufRead for XmlInput<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.exceeded = true;
            return Err(io::Error::other("an element exceeds its bound"));
        }
        let available = self.inner.fill_buf()?;
        Ok(&available[..available.len().min(self.left)])
    }

    fn consume(&mut self, amount: usize) {
        // The inner buffer is not empty here, so this gives the bytes seen before and reads nothing.
        if let Ok(available) = self.inner.fill_buf() {
            let consumed = &available[..amount.min(available.len())];
            let lines = consumed.iter().filter(|byte| **byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        }
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

impl Read for XmlInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// The encoding of a file by its byte order mark, its shape or its declaration (XML 1.0, appendix F).
fn encoding_of(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    if head.starts_with(b"<\0") {
        return UTF_16LE;
    }
    if head.starts_with(b"\0<") {
        return UTF_16BE;
    }
    let declared = declaration(head).and_then(|declaration| {
        let after = &declaration[declaration.find("encoding")? + "encoding".len()..];
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let name = after[1..].split(quote).next()?;
        Encoding::for_label(name.as_bytes())
    });
    // A file that is readable as ASCII this far is not in UTF-16, whatever it declares.
    declared.filter(|encoding| encoding.is_ascii_compatible()).unwrap_or(UTF_8)
}

fn declaration(head: &[u8]) -> Option<&str> {
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let text = std::str::from_utf8(&head[..end]).ok()?.trim_start();
    text.starts_with("<?xml").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (String, &'static str) {
        let (mut input, _) = XmlInput::open(bytes, usize::MAX).unwrap();
        let mut text = String::new();
        input.read_to_string(&mut text).unwrap();
        (text, input.encoding())
    }

    #[test]
    fn encodings_are_found() {
        assert_eq!(read("\u{FEFF}<a>é</a>".as_bytes()), ("<a>é</a>".into(), "UTF-8"));
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(read(latin).0.ends_with("<a>é</a>"));
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain("<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(read(&utf16), ("<a>é</a>".into(), "UTF-16LE"));
        assert_eq!(read(b"<?xml version='1.0' encoding='UTF-16'?><a/>").1, "UTF-8");
        let padded = format!("<?xml version='1.0' {} encoding='latin1'?><a/>", " ".repeat(300));
        assert_eq!(read(padded.as_bytes()).1, "windows-1252");
    }

    #[test]
    fn lines_are_counted_and_an_element_meets_its_budget() {
        let (mut input, _) = XmlInput::open(&b"a\nb\ncccc"[..], 4).unwrap();
        let mut four = [0; 4];
        input.read_exact(&mut four).unwrap();
        assert_eq!(input.line(), 3);
        assert!(input.fill_buf().is_err());
        assert!(input.exceeded());
    }
}
