//! A small pull reader over `quick-xml` for documents one does not trust.
//!
//! It knows lines, bounds every value, decodes the entities of HTML (AAF files use them without
//! declaring them) and refuses documents that declare entities of their own; nothing is ever expanded
//! or fetched. It is not a validating parser: the DTD is not read.

use crate::error::Error;
use crate::report::Place;
use crate::source::read_error;
use crate::text::{AllowancePassed, EncodingReport, TextReader};
use quick_xml::Reader;
use quick_xml::escape::{resolve_html5_entity, resolve_xml_entity};
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

/// Longest tag, text, comment or document type, in bytes. Real values stay under 1 kB.
const MAX_PIECE: usize = 256 * 1024;

/// Deepest nesting. The formats read here have five levels.
const MAX_DEPTH: usize = 64;

/// What the reader met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// An element begins; its local name is in [`Document::name`].
    Start,
    /// An element ends; its local name is in [`Document::name`].
    End,
    /// Text was appended to [`Document::text`].
    Text,
    /// The document ended where it may.
    Finish,
}

/// A document being read.
pub(crate) struct Document<R: Read> {
    reader: Reader<TextReader<R>>,
    file: Arc<str>,
    buffer: Vec<u8>,
    name: String,
    /// Attributes of the last start tag.
    attributes: Vec<(String, String)>,
    /// Text of the current element; cleared by whoever uses it.
    pub(crate) text: String,
    open: Vec<String>,
    pending_end: bool,
    started: bool,
    unknown_entities: BTreeMap<String, (u64, u64)>,
}

impl<R: Read> Document<R> {
    /// Starts reading.
    pub(crate) fn new(inner: R, file: &Arc<str>) -> Result<Self, Error> {
        let text = TextReader::xml(inner).map_err(|e| read_error(Place::new(file, 1), &e))?;
        let mut reader = Reader::from_reader(text);
        reader.config_mut().allow_dangling_amp = true;
        Ok(Self {
            reader,
            file: Arc::clone(file),
            buffer: Vec::new(),
            name: String::new(),
            attributes: Vec::new(),
            text: String::new(),
            open: Vec::new(),
            pending_end: false,
            started: false,
            unknown_entities: BTreeMap::new(),
        })
    }

    /// Local name of the last element that began or ended.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Value of an attribute of the last start tag.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Where the reader is.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.file, self.reader.get_ref().line())
    }

    /// Entities nobody declares: name, how often, first line.
    pub(crate) fn unknown_entities(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.unknown_entities.iter().map(|(name, (count, line))| (name.as_str(), *count, *line))
    }

    /// What was assumed about the encoding.
    pub(crate) fn encoding(&self) -> Option<EncodingReport> {
        self.reader.get_ref().report()
    }

    /// Reads on.
    ///
    /// # Errors
    /// XML that is not well formed, cut short, too long a piece, or an entity declaration.
    pub(crate) fn next(&mut self) -> Result<Token, Error> {
        if std::mem::take(&mut self.pending_end) {
            self.open.pop();
            return Ok(Token::End);
        }
        loop {
            self.buffer.clear();
            self.reader.get_mut().allow(MAX_PIECE);
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(e) => return Err(self.failure(&e)),
            };
            match event {
                Event::Start(ref tag) | Event::Empty(ref tag) => {
                    self.name.clear();
                    self.name.push_str(tag.local_name().as_ref());
                    self.attributes.clear();
                    for attribute in tag.html_attributes() {
                        let Ok(attribute) = attribute else { continue };
                        let name = attribute.key.local_name().as_ref().to_owned();
                        let value = decode_references(&attribute.value);
                        self.attributes.push((name, value));
                    }
                    self.started = true;
                    if self.open.len() >= MAX_DEPTH {
                        let message = format!("elements nested more than {MAX_DEPTH} deep");
                        return Err(Error::Xml { place: self.place(), message });
                    }
                    self.open.push(self.name.clone());
                    self.pending_end = matches!(event, Event::Empty(_));
                    return Ok(Token::Start);
                }
                Event::End(tag) => {
                    self.name.clear();
                    self.name.push_str(tag.local_name().as_ref());
                    self.open.pop();
                    return Ok(Token::End);
                }
                Event::Text(text) => {
                    self.text.push_str(&text.xml10_content());
                    if self.text.len() > MAX_PIECE {
                        return Err(Error::TooLong { place: self.place(), limit: MAX_PIECE });
                    }
                    return Ok(Token::Text);
                }
                Event::CData(text) => {
                    self.text.push_str(&text.xml10_content());
                    if self.text.len() > MAX_PIECE {
                        return Err(Error::TooLong { place: self.place(), limit: MAX_PIECE });
                    }
                    return Ok(Token::Text);
                }
                Event::GeneralRef(reference) => {
                    let name: &str = &reference;
                    if let Some(text) = resolve(name) {
                        self.text.push_str(&text);
                    } else {
                        let line = self.reader.get_ref().line();
                        self.text.push('&');
                        self.text.push_str(name);
                        self.text.push(';');
                        // A hostile file may invent a name a reference.
                        if self.unknown_entities.len() < 100 || self.unknown_entities.contains_key(name) {
                            self.unknown_entities.entry(name.to_owned()).or_insert((0, line)).0 += 1;
                        }
                    }
                    if self.text.len() > MAX_PIECE {
                        return Err(Error::TooLong { place: self.place(), limit: MAX_PIECE });
                    }
                    return Ok(Token::Text);
                }
                Event::DocType(declaration) => {
                    let upper = declaration.to_ascii_uppercase();
                    if upper.contains("<!ENTITY") {
                        return Err(Error::EntityDeclared { place: self.place() });
                    }
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => {
                    return match self.open.last() {
                        Some(element) => {
                            Err(Error::Truncated { place: self.place(), element: element.clone() })
                        }
                        None if !self.started => Err(Error::Xml {
                            place: self.place(),
                            message: "no element in the document".to_owned(),
                        }),
                        None => Ok(Token::Finish),
                    };
                }
            }
        }
    }

    fn failure(&self, error: &quick_xml::Error) -> Error {
        let place = self.place();
        match error {
            quick_xml::Error::Io(e) => {
                if e.get_ref().is_some_and(|inner| inner.is::<AllowancePassed>()) {
                    Error::TooLong { place, limit: MAX_PIECE }
                } else {
                    read_error(place, e)
                }
            }
            // The parser ran out of input within a tag or comment.
            quick_xml::Error::Syntax(_) => {
                let element = self.open.last().cloned().unwrap_or_default();
                Error::Truncated { place, element }
            }
            other => Error::Xml { place, message: other.to_string() },
        }
    }
}

/// The text a reference stands for: predefined, by number, or out of HTML.
fn resolve(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // 128 to 159 are control characters that software of Windows writes for its own letters.
        if let Ok(byte @ 0x80..=0x9f) = u8::try_from(code) {
            return Some(encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned());
        }
        return char::from_u32(code).map(String::from);
    }
    resolve_xml_entity(name).or_else(|| resolve_html5_entity(name)).map(str::to_owned)
}

/// Decodes the references of an attribute value; unknown ones stay as they are.
fn decode_references(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let decoded = rest.find(';').and_then(|end| Some((end, resolve(&rest[1..end])?)));
        match decoded {
            Some((end, text)) => {
                out.push_str(&text);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}
