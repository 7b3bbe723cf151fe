//! Turns bytes of any encoding French schools use into UTF-8, as a stream, counting lines.
//!
//! The encoding a file declares is a hint, not a fact: files said to be ISO-8859-15 hold the curly
//! quotes of Windows, files said to be UTF-8 hold a line pasted from elsewhere, and CSV files declare
//! nothing. So the reader decides at the first byte that is not ASCII, and a byte sequence that is
//! not UTF-8 in an UTF-8 file is read as Windows-1252 and counted, never dropped.
//!
//! Invariant: what comes out is valid UTF-8, and no more than the allowance set by
//! [`TextReader::allow`] can be buffered by a parser that waits for a delimiter.

use encoding_rs::{Encoding, ISO_8859_15, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, BufRead, Read};

/// Bytes read from below at a time.
const CHUNK: usize = 64 * 1024;

/// Where an XML declaration has to end.
const DECLARATION_BYTES: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Only ASCII so far; `Some` names the 8-bit encoding that was declared.
    Undecided(Option<&'static Encoding>),
    /// UTF-8, with Windows-1252 for what is not.
    Utf8,
    /// One byte a character.
    Single(&'static Encoding),
}

/// What the reader had to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodingReport {
    pub(crate) declared: String,
    pub(crate) used: &'static str,
}

/// The error a reader ends with when a parser asks for more than its allowance.
#[derive(Debug)]
pub(crate) struct AllowancePassed(pub(crate) usize);

impl std::fmt::Display for AllowancePassed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "value longer than {} bytes", self.0)
    }
}

impl std::error::Error for AllowancePassed {}

/// A reader of UTF-8 text that knows which line it is on.
pub(crate) struct TextReader<R> {
    inner: R,
    mode: Mode,
    /// UTF-16 is decoded by the library, which keeps the halves of characters between chunks.
    wide: Option<encoding_rs::Decoder>,
    declared: Option<String>,
    raw: Vec<u8>,
    ended: bool,
    out: Vec<u8>,
    out_at: usize,
    line: u64,
    allowance: usize,
    allowed: usize,
    repaired: u64,
    decided_against: bool,
    /// Whether this is an XML document, which has to say what it is written in.
    document: bool,
    primed: bool,
    /// Whether the last byte was a carriage return, and whether the last line is still open.
    after_return: bool,
    line_open: bool,
}

impl<R: Read> TextReader<R> {
    /// Reads a document without declaration (CSV).
    pub(crate) fn plain(inner: R) -> io::Result<Self> {
        let mut reader = Self::new(inner);
        reader.start()?;
        Ok(reader)
    }

    /// Reads an XML document. Its declaration is honoured and blanked out, so that no parser decodes
    /// a second time.
    pub(crate) fn xml(inner: R) -> io::Result<Self> {
        let mut reader = Self::new(inner);
        reader.document = true;
        reader.start()?;
        if reader.wide.is_none() {
            reader.take_declaration()?;
        }
        Ok(reader)
    }

    fn new(inner: R) -> Self {
        Self {
            inner,
            mode: Mode::Undecided(None),
            wide: None,
            declared: None,
            raw: Vec::new(),
            ended: false,
            out: Vec::new(),
            out_at: 0,
            line: 1,
            allowance: usize::MAX,
            allowed: usize::MAX,
            repaired: 0,
            decided_against: false,
            document: false,
            primed: false,
            after_return: false,
            line_open: false,
        }
    }

    /// The line of the next byte, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Lets at most `bytes` be consumed before the next call.
    pub(crate) fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
        self.allowed = bytes;
    }

    /// What had to be assumed against the declaration, if anything.
    pub(crate) fn report(&self) -> Option<EncodingReport> {
        let declared = self.declared.clone().unwrap_or_else(|| "UTF-8".to_owned());
        match self.mode {
            Mode::Utf8 if self.repaired > 0 => {
                Some(EncodingReport { declared, used: "UTF-8 et Windows-1252" })
            }
            Mode::Utf8 if self.decided_against => Some(EncodingReport { declared, used: "UTF-8" }),
            Mode::Single(encoding) if self.decided_against => {
                Some(EncodingReport { declared, used: encoding.name() })
            }
            _ => None,
        }
    }

    fn start(&mut self) -> io::Result<()> {
        self.fill_raw()?;
        let (wide, skip) = match self.raw.as_slice() {
            [0xff, 0xfe, ..] => (Some(UTF_16LE), 2),
            [0xfe, 0xff, ..] => (Some(UTF_16BE), 2),
            [b'<', 0, ..] => (Some(UTF_16LE), 0),
            [0, b'<', ..] => (Some(UTF_16BE), 0),
            [0xef, 0xbb, 0xbf, ..] => {
                self.mode = Mode::Utf8;
                (None, 3)
            }
            _ => (None, 0),
        };
        self.raw.drain(..skip);
        self.wide = wide.map(Encoding::new_decoder_without_bom_handling);
        Ok(())
    }

    fn take_declaration(&mut self) -> io::Result<()> {
        while self.raw.len() < DECLARATION_BYTES && !self.ended {
            self.fill_raw()?;
        }
        let start = self.raw.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
        let Some(tail) = self.raw.get(start..) else { return Ok(()) };
        if !tail.starts_with(b"<?xml") {
            return Ok(());
        }
        let Some(length) = tail.iter().take(DECLARATION_BYTES).position(|&b| b == b'>') else {
            return Ok(());
        };
        let declaration = String::from_utf8_lossy(&tail[..length]).into_owned();
        if let Some(label) = pseudo_attribute(&declaration, "encoding") {
            match Encoding::for_label(label.as_bytes()) {
                Some(e) if e == encoding_rs::UTF_8 || e == UTF_16LE || e == UTF_16BE => {
                    self.mode = Mode::Utf8;
                }
                Some(e) if e.is_single_byte() => {
                    if self.mode == Mode::Undecided(None) {
                        self.mode = Mode::Undecided(Some(e));
                    }
                }
                // An unknown label says nothing: decide by the bytes.
                _ => self.decided_against = true,
            }
            self.declared = Some(label);
        }
        for byte in &mut self.raw[..=start + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        Ok(())
    }

    fn fill_raw(&mut self) -> io::Result<()> {
        let before = self.raw.len();
        self.raw.resize(before + CHUNK, 0);
        let read = loop {
            match self.inner.read(&mut self.raw[before..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.raw.truncate(before + *read.as_ref().unwrap_or(&0));
        self.ended |= read? == 0;
        Ok(())
    }

    /// Decodes what is in `raw` into `out`; may leave the beginning of a character in `raw`.
    fn decode(&mut self) {
        self.out.clear();
        self.out_at = 0;
        self.decode_chunk();
        if !self.document {
            self.unify_lines();
        }
    }

    /// Makes every line of a table end in one line feed, the last one too: what ends a line is then
    /// counted once, whichever system wrote it.
    fn unify_lines(&mut self) {
        let mut after_return = self.after_return;
        self.out.retain_mut(|byte| {
            let half = std::mem::replace(&mut after_return, *byte == b'\r') && *byte == b'\n';
            if *byte == b'\r' {
                *byte = b'\n';
            }
            !half
        });
        self.after_return = after_return;
        if let Some(&last) = self.out.last() {
            self.line_open = last != b'\n';
        }
        if self.ended && std::mem::take(&mut self.line_open) {
            self.out.push(b'\n');
        }
    }

    fn decode_chunk(&mut self) {
        if let Some(decoder) = &mut self.wide {
            let mut text = String::with_capacity(self.raw.len() * 3 + 16);
            let _ = decoder.decode_to_string(&self.raw, &mut text, self.ended);
            self.out.append(&mut text.into_bytes());
            self.raw.clear();
            return;
        }
        if let Mode::Undecided(hint) = self.mode {
            let Some(first) = self.raw.iter().position(|b| !b.is_ascii()) else {
                self.out.append(&mut self.raw);
                return;
            };
            self.decide(hint, first);
        }
        match self.mode {
            Mode::Single(encoding) => {
                decode_single(encoding, &self.raw, &mut self.out);
                self.raw.clear();
            }
            Mode::Utf8 | Mode::Undecided(_) => self.decode_utf8(),
        }
    }

    /// The first byte that is not ASCII has come. Text in an 8-bit encoding is almost never valid
    /// UTF-8 by chance, so valid UTF-8 wins over whatever was declared.
    fn decide(&mut self, hint: Option<&'static Encoding>, first: usize) {
        let tail = &self.raw[first..];
        let utf8 = match std::str::from_utf8(tail) {
            Ok(_) => true,
            // Either a first character was fine, or the chunk ends within it.
            Err(e) => e.valid_up_to() > 0 || (e.error_len().is_none() && !self.ended),
        };
        self.mode = if utf8 { Mode::Utf8 } else { Mode::Single(hint.unwrap_or_else(|| guess_single(tail))) };
        self.decided_against |= self.document && utf8 == hint.is_some();
    }

    fn decode_utf8(&mut self) {
        let mut at = 0;
        loop {
            match std::str::from_utf8(&self.raw[at..]) {
                Ok(text) => {
                    self.out.extend_from_slice(text.as_bytes());
                    self.raw.clear();
                    return;
                }
                Err(e) => {
                    let bad = at + e.valid_up_to();
                    self.out.extend_from_slice(&self.raw[at..bad]);
                    if e.error_len().is_none() && !self.ended {
                        // The chunk ends within a character: the rest comes with the next one.
                        self.raw.drain(..bad);
                        return;
                    }
                    self.repaired += 1;
                    decode_single(WINDOWS_1252, &self.raw[bad..=bad], &mut self.out);
                    at = bad + 1;
                }
            }
        }
    }
}

impl<R: Read> Read for TextReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(buf.len());
        buf[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for TextReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.allowed == 0 {
            return Err(io::Error::other(AllowancePassed(self.allowance)));
        }
        while self.out_at >= self.out.len() {
            if self.ended && self.raw.is_empty() {
                return Ok(&[]);
            }
            // The first chunk was read to look for a declaration.
            if std::mem::replace(&mut self.primed, true) && !self.ended {
                self.fill_raw()?;
            }
            self.decode();
        }
        Ok(&self.out[self.out_at..])
    }

    fn consume(&mut self, n: usize) {
        let end = (self.out_at + n).min(self.out.len());
        self.line += self.out[self.out_at..end].iter().filter(|&&b| b == b'\n').count() as u64;
        self.out_at = end;
        self.allowed = self.allowed.saturating_sub(n);
    }
}

/// The bytes 0x80 to 0x9F are control characters in ISO-8859 and never occur in text; files that hold
/// them were written on Windows. They are read as Windows-1252 whatever the declaration.
fn decode_single(encoding: &'static Encoding, bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.iter().any(|b| (0x80..=0x9f).contains(b)) && encoding == ISO_8859_15 {
        for run in bytes.chunk_by(|a, b| (0x80..=0x9f).contains(a) == (0x80..=0x9f).contains(b)) {
            let encoding = if (0x80..=0x9f).contains(&run[0]) { WINDOWS_1252 } else { ISO_8859_15 };
            out.extend_from_slice(encoding.decode_without_bom_handling(run).0.as_bytes());
        }
    } else {
        out.extend_from_slice(encoding.decode_without_bom_handling(bytes).0.as_bytes());
    }
}

/// Windows-1252 and ISO-8859-15 differ, above 0x9F, in eight characters. Where they do, a name holds
/// `œ` and not a fraction; but the sample may hold both, and then Windows it is.
fn guess_single(sample: &[u8]) -> &'static Encoding {
    let windows = sample.iter().any(|b| (0x80..=0x9f).contains(b));
    let latin9 = sample.iter().any(|b| matches!(b, 0xbc..=0xbe | 0xa6 | 0xa8 | 0xb8));
    if latin9 && !windows { ISO_8859_15 } else { WINDOWS_1252 }
}

fn pseudo_attribute(declaration: &str, name: &str) -> Option<String> {
    let after = &declaration[declaration.find(name)? + name.len()..];
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = &after[1..];
    Some(value[..value.find(quote)?].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, so that every boundary falls within something.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buf[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn plain(bytes: &[u8]) -> (String, Option<EncodingReport>) {
        let mut text = String::new();
        let mut reader = TextReader::plain(bytes).unwrap();
        reader.read_to_string(&mut text).unwrap();
        (text, reader.report())
    }

    fn xml(bytes: &[u8]) -> (String, Option<EncodingReport>) {
        let mut text = String::new();
        let mut reader = TextReader::xml(bytes).unwrap();
        reader.read_to_string(&mut text).unwrap();
        (text.trim().to_owned(), reader.report())
    }

    #[test]
    fn every_usual_encoding_of_a_table() {
        assert_eq!(plain("Maëlys".as_bytes()).0, "Maëlys\n");
        assert_eq!(plain(b"\xef\xbb\xbfMa\xc3\xablys").0, "Maëlys\n");
        assert_eq!(plain(b"Ma\xeblys").0, "Maëlys\n");
        assert_eq!(plain(b"c\x9cur d\x92or").0, "cœur d’or\n");
        assert_eq!(plain(b"s\xbdur").0, "sœur\n");
        let wide: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("Zoé".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(plain(&wide).0, "Zoé\n");
    }

    #[test]
    fn line_ends_are_unified_even_across_reads() {
        let mut text = String::new();
        TextReader::plain(Drip(b"a\r\nb\rc\n\r\nd")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nb\nc\n\nd\n");
    }

    #[test]
    fn characters_survive_any_chunking() {
        let mut text = String::new();
        TextReader::plain(Drip("é€😀\n".as_bytes())).unwrap().read_to_string(&mut text).unwrap();
        // A single byte cannot show which encoding it begins: the first one is only taken for UTF-8
        // because the stream goes on.
        assert_eq!(text, "é€😀\n");
    }

    #[test]
    fn declarations_are_honoured_unless_the_bytes_say_otherwise() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-15'?><a>s\xbdur</a>";
        assert_eq!(xml(latin), ("<a>sœur</a>".to_owned(), None));
        let windows_in_latin = b"<?xml version='1.0' encoding=\"ISO-8859-15\"?><a>s\xbdur d\x92or</a>";
        assert_eq!(xml(windows_in_latin).0, "<a>sœur d’or</a>");
        let utf8_said_latin = "<?xml version='1.0' encoding='ISO-8859-1'?><a>Zoé</a>".as_bytes();
        let (text, report) = xml(utf8_said_latin);
        assert_eq!((text.as_str(), report.unwrap().used), ("<a>Zoé</a>", "UTF-8"));
        let latin_said_utf8 = b"<?xml version='1.0' encoding='UTF-8'?><a>Zo\xe9</a>";
        let (text, report) = xml(latin_said_utf8);
        assert_eq!(text, "<a>Zoé</a>");
        assert!(report.is_some());
        assert_eq!(xml(b"<a>Zo\xe9</a>").0, "<a>Zoé</a>");
    }
}
