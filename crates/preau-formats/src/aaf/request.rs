//! The grammar of AAF files: a list of requests that add, modify or delete one thing each.
//!
//! `ficAlimMENESR = (addRequest | modifyRequest | deleteRequest)*`; each request has operational
//! attributes (the category), an identifier and, but for deletions, named attributes with one or
//! more values. The reader is stricter than that nowhere: elements it does not know are noted and
//! passed over, and their order does not matter.

use crate::error::Error;
use crate::report::{Notice, Place};
use crate::values::clean;
use crate::xml::{Document, Token};
use std::io::Read;
use std::sync::Arc;

/// Root element of the format.
pub(crate) const ROOT: &str = "ficAlimMENESR";

/// Most bytes of values in one request. A structure with a thousand groups takes 100 kB.
const MAX_REQUEST: usize = 8 * 1024 * 1024;

/// Most attributes in one request; the grammar knows about forty for a pupil.
const MAX_ATTRIBUTES: usize = 2_000;

/// What a request wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Modify,
    Delete,
}

impl Operation {
    fn from_element(name: &str) -> Option<Self> {
        match name {
            "addRequest" => Some(Self::Add),
            "modifyRequest" => Some(Self::Modify),
            "deleteRequest" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// The kind of thing a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Structure,
    Subject,
    StudyTrack,
    Staff,
    Guardian,
    Pupil,
}

impl Category {
    /// Reads the value of `categorieStructure` and its like, or the type part of a file name.
    pub(crate) fn from_value(value: &str) -> Option<Self> {
        match value.to_ascii_lowercase().as_str() {
            "etabeducnat" => Some(Self::Structure),
            "mateducnat" | "matiereeducnat" => Some(Self::Subject),
            "mefeducnat" => Some(Self::StudyTrack),
            "perseducnat" => Some(Self::Staff),
            "persreleleve" => Some(Self::Guardian),
            "eleve" => Some(Self::Pupil),
            _ => None,
        }
    }

    /// Looks for the type in a file name such as `ENT_Complet_20261101_Eleve_0000.xml`.
    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        name.split(['_', '.', '-', ' ']).find_map(Self::from_value)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// The category as written; empty when there was none.
    pub(crate) category: String,
    /// The content of `identifier/id`.
    pub(crate) id: Option<String>,
    /// Line of the request's start tag.
    pub(crate) line: u64,
    file: Arc<str>,
    attributes: Vec<Attribute>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Attribute {
    name: String,
    line: u64,
    /// Values that say something, with their lines.
    values: Vec<(String, u64)>,
}

impl Request {
    fn new(operation: Operation, place: Place) -> Self {
        Self {
            operation,
            category: String::new(),
            id: None,
            line: place.line,
            file: place.file,
            attributes: Vec::new(),
            bytes: 0,
        }
    }

    /// Where the request starts.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.file, self.line)
    }

    /// Where an attribute starts, or the request if it has none of that name.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        Place::new(&self.file, self.find(name).map_or(self.line, |a| a.line))
    }

    /// Whether the attribute is there, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The first value of the first of these attributes that has one.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.find(name)?.values.first()).map(|(value, _)| value.as_str())
    }

    /// The first value, cleaned and owned.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        self.first(names).map(str::to_owned)
    }

    /// All values of an attribute with their places.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = (&str, Place)> {
        self.find(name)
            .into_iter()
            .flat_map(|a| &a.values)
            .map(|(value, line)| (value.as_str(), Place::new(&self.file, *line)))
    }

    /// Names and lines of the attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.attributes.iter().map(|a| (a.name.as_str(), a.line))
    }

    fn find(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    fn open(&mut self, name: String, line: u64) -> usize {
        // The grammar allows an attribute once; a repeated one adds its values.
        if let Some(at) = self.attributes.iter().position(|a| a.name == name) {
            return at;
        }
        self.bytes += name.len();
        self.attributes.push(Attribute { name, line, values: Vec::new() });
        self.attributes.len() - 1
    }
}

/// What the reader tells besides requests.
pub(crate) enum Event {
    Request(Box<Request>),
    /// An element the grammar does not know, or a remark about the text.
    UnknownElement(String, Place),
    Notice(Notice, Place),
}

/// Reads the requests of one file.
///
/// # Errors
/// XML that is not well formed or cut short, another root element, a request beyond all measure, or
/// whatever `visit` returns.
pub(crate) fn read_requests<R: Read>(
    reader: R,
    file: &Arc<str>,
    visit: &mut dyn FnMut(Event) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut document = Document::new(reader, file)?;
    let mut request: Option<Request> = None;
    // The attribute whose values are being read; `None` within operational attributes.
    let mut attribute: Option<usize> = None;
    let mut section = Section::Outside;
    let mut value_line = 0;
    loop {
        match document.next()? {
            Token::Finish => break,
            Token::Text => {}
            Token::Start => {
                document.text.clear();
                let place = document.place();
                match (document.depth(), document.name()) {
                    (1, ROOT) => {}
                    (1, other) => {
                        return Err(Error::WrongRoot { place, expected: ROOT, found: other.to_owned() });
                    }
                    (2, name) => match Operation::from_element(name) {
                        Some(operation) => request = Some(Request::new(operation, place)),
                        None => visit(Event::UnknownElement(format!("<{name}>"), place))?,
                    },
                    (_, "operationalAttributes") => section = Section::Operational,
                    (_, "identifier") => section = Section::Identifier,
                    (_, "attributes" | "modifications") => section = Section::Attributes,
                    (_, "attr" | "modification") => {
                        let name = document.attribute("name").map(str::trim).unwrap_or_default().to_owned();
                        if request.as_ref().is_some_and(|r| r.attributes.len() >= MAX_ATTRIBUTES) {
                            return Err(Error::TooLong { place, limit: MAX_REQUEST });
                        }
                        attribute = match (&mut request, section) {
                            (Some(request), Section::Attributes) => Some(request.open(name, place.line)),
                            _ => None,
                        };
                    }
                    (_, "value" | "id") => value_line = place.line,
                    (_, name) => visit(Event::UnknownElement(format!("<{name}>"), place))?,
                }
            }
            Token::End => {
                match (document.depth(), document.name()) {
                    (1, name) if Operation::from_element(name).is_some() => {
                        if let Some(request) = request.take() {
                            visit(Event::Request(Box::new(request)))?;
                        }
                        section = Section::Outside;
                    }
                    (_, "attr" | "modification") => attribute = None,
                    (_, "value" | "id") => {
                        if let Some(request) = &mut request {
                            request.bytes += document.text.len() + 1;
                            if request.bytes > MAX_REQUEST {
                                return Err(Error::TooLong { place: document.place(), limit: MAX_REQUEST });
                            }
                            take_value(request, section, attribute, &document.text, value_line);
                        }
                    }
                    _ => {}
                }
                document.text.clear();
            }
        }
    }
    for (name, count, line) in document.unknown_entities() {
        let notice = Notice::UnknownEntity { name: name.to_owned(), count };
        visit(Event::Notice(notice, Place::new(file, line)))?;
    }
    if let Some(report) = document.encoding() {
        let notice = Notice::Encoding { declared: report.declared, used: report.used.to_owned() };
        visit(Event::Notice(notice, Place::new(file, 0)))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Outside,
    Operational,
    Identifier,
    Attributes,
}

fn take_value(request: &mut Request, section: Section, attribute: Option<usize>, text: &str, line: u64) {
    let Some(value) = clean(text) else { return };
    match section {
        Section::Operational => {
            if request.category.is_empty() {
                request.category = value;
            }
        }
        Section::Identifier => request.id = request.id.take().or(Some(value)),
        Section::Attributes => {
            if let Some(attribute) = attribute.and_then(|at| request.attributes.get_mut(at)) {
                attribute.values.push((value, line));
            }
        }
        Section::Outside => {}
    }
}
