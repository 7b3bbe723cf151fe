//! EDT's XML export, read as a stream.
//!
//! The export defines a grid of places, subjects, rooms, teachers, classes with their parts, groups,
//! and then lessons that refer to them. Pupils are in it too and are passed over: people come from
//! the state's files. Definitions and lessons may stand in any order; lessons become dated ones only
//! at the end, when every definition is known.
//!
//! Invariants: entities are never expanded and a file that declares any is refused; an element, the
//! nesting and the number of definitions are bounded; a file that stops early is refused.

mod export;
mod input;

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;

use jiff::civil::{Date, Time};
use quick_xml::errors::SyntaxError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use self::export::{
    Course, Definitions, Expansion, GroupDefinition, MAX_PARTS, PartDefinition, PartKind, Place, Year,
};
use self::input::XmlInput;
use super::ReadOptions;
use super::problem::{Found, NoticeKind, Notices, TimetableError, WrongFormat};
use super::record::{Header, SourceFormat, SubjectName, TeacherName, Timetable};
use super::settle::settle;
use super::text::{IDENT_BYTES, describe_start, label, quote, tidy};
use super::weeks::{SchoolWeeks, WeekMask};

/// Deepest nesting; the export has four levels.
const MAX_DEPTH: usize = 32;

/// Whether an element name is the root of an EDT export.
pub(super) fn is_root(name: &str) -> bool {
    name.eq_ignore_ascii_case("ExportEDT") || name.eq_ignore_ascii_case("ExportEmploiDuTemps")
}

/// Reads an export.
///
/// # Errors
/// [`TimetableError`] when the file is no such export, is encrypted, stops early, is not well formed,
/// declares entities, lacks the year, the grid or the lessons, or exceeds a bound. Everything else
/// becomes a notice.
pub fn read_edt<R: BufRead>(input: R, options: &ReadOptions) -> Result<Timetable, TimetableError> {
    let (input, head) = XmlInput::open(input, options.limits.element_bytes)?;
    match describe_start(&head) {
        Found::Xml(_) | Found::Utf16 => {}
        // A comment longer than the beginning hides the root; the parser will find it.
        Found::Text(start) if start.starts_with('<') => {}
        found => return Err(TimetableError::WrongFormat(WrongFormat { expected: SourceFormat::Edt, found })),
    }
    let mut xml = Reader::from_reader(input);
    let mut export = Export::new(options);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        xml.get_mut().next_element();
        let line = xml.get_ref().line();
        let event = match xml.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(error) => return Err(refusal(error, line, xml.get_ref(), options)),
        };
        match event {
            Event::Start(element) => {
                let tag = export.element(&element, line)?;
                if export.open.len() >= MAX_DEPTH {
                    return Err(malformed(line, element.name().as_ref()));
                }
                export.open.push(tag);
            }
            Event::Empty(element) => {
                let tag = export.element(&element, line)?;
                export.leave(tag);
            }
            Event::End(element) => match export.open.pop() {
                Some(tag) => export.leave(tag),
                None => return Err(malformed(line, element.name().as_ref())),
            },
            Event::Text(text) => export.text(&text.xml10_content()),
            // An external subset is never fetched; an internal one could declare entities.
            Event::DocType(doctype) if doctype.contains('[') => {
                return Err(TimetableError::Entities { line });
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !export.open.is_empty() {
        return Err(TimetableError::Truncated { line: xml.get_ref().line() });
    }
    export.finish()
}

fn malformed(line: u32, detail: &str) -> TimetableError {
    TimetableError::Malformed { line, detail: quote(detail) }
}

fn refusal(
    error: quick_xml::Error,
    line: u32,
    input: &XmlInput<'_>,
    options: &ReadOptions,
) -> TimetableError {
    match error {
        _ if input.exceeded() => TimetableError::ElementTooLong { line, limit: options.limits.element_bytes },
        quick_xml::Error::Encoding(_) => TimetableError::Encoding { line, encoding: input.encoding() },
        quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup) => malformed(line, "<!"),
        // Everything else the grammar lacks is an end that never came.
        quick_xml::Error::Syntax(_) => TimetableError::Truncated { line },
        quick_xml::Error::Io(error) => TimetableError::Io(std::io::Error::new(error.kind(), error)),
        other => malformed(line, &other.to_string()),
    }
}

/// What an open element is, as far as its children need to know.
enum Tag {
    /// A class, by identifier: its parts are defined inside.
    Class(String),
    /// A group, by identifier: what it consists of is named inside.
    Group(String),
    /// A lesson.
    Course,
    /// The element that holds the school's code.
    School,
    /// Nothing inside matters.
    Ignored,
    /// Anything else.
    Other,
}

struct Export<'a> {
    options: &'a ReadOptions,
    notices: Notices,
    header: Header,
    root: Option<String>,
    first_week: Option<Date>,
    definitions: Definitions,
    defined: usize,
    open: Vec<Tag>,
    course: Option<Course>,
    courses: Vec<Course>,
    /// Whether the file has any lesson, readable or not.
    any_course: bool,
}

impl<'a> Export<'a> {
    fn new(options: &'a ReadOptions) -> Self {
        Self {
            options,
            notices: Notices::new(options.file.clone(), options.limits.notices),
            header: Header::default(),
            root: None,
            first_week: None,
            definitions: Definitions::default(),
            defined: 0,
            open: Vec::new(),
            course: None,
            courses: Vec::new(),
            any_course: false,
        }
    }

    fn element(&mut self, element: &BytesStart<'_>, line: u32) -> Result<Tag, TimetableError> {
        let name = element.local_name();
        let name = name.as_ref();
        if name == "CLES" || name == "EncryptedData" {
            return Err(TimetableError::Encrypted);
        }
        let fields = Fields::read(element, line)?;
        if self.root.is_none() {
            self.root = Some(quote(name));
            self.header.school = fields.label("UAI");
            return Ok(Tag::Other);
        }
        match self.open.last() {
            Some(Tag::Ignored | Tag::School) => return Ok(Tag::Ignored),
            Some(Tag::Course) => {
                self.participant(name, &fields, line);
                return Ok(Tag::Ignored);
            }
            Some(Tag::Group(group)) => {
                let group = group.clone();
                self.group_member(&group, name, &fields);
                return Ok(Tag::Ignored);
            }
            Some(Tag::Class(class)) => {
                if name == "PartieDeClasse" {
                    let class = class.clone();
                    self.define_part(&fields, Some(class), line)?;
                }
                return Ok(Tag::Ignored);
            }
            Some(Tag::Other) | None => {}
        }
        self.definition(name, &fields, line)
    }

    fn definition(&mut self, name: &str, fields: &Fields, line: u32) -> Result<Tag, TimetableError> {
        let ident = fields.ident("Ident");
        match name {
            "AnneeScolaire" => self.school_year(fields, line)?,
            "GrilleHoraire" => self.definitions.place_minutes = fields.number("DureePlace"),
            "Place" => self.place(fields, line)?,
            "UAI" => return Ok(Tag::School),
            "Matiere" => {
                let found = SubjectName { label: fields.text("Libelle"), code: fields.label("Code") };
                if let Some(ident) = ident {
                    self.count(line)?;
                    self.definitions.subjects.insert(ident, found);
                }
            }
            "Salle" => {
                if let Some(ident) = ident {
                    self.count(line)?;
                    self.definitions.rooms.insert(ident, fields.text("Nom"));
                }
            }
            "Professeur" => {
                let found =
                    TeacherName { family: fields.text("Nom"), given: fields.label("Prenom"), initial: None };
                if let Some(ident) = ident {
                    self.count(line)?;
                    self.definitions.teachers.insert(ident, Arc::new(found));
                }
            }
            "Classe" => {
                let Some(ident) = ident else { return Ok(Tag::Ignored) };
                self.count(line)?;
                self.definitions.classes.insert(ident.clone(), fields.text("Nom"));
                return Ok(Tag::Class(ident));
            }
            "PartieDeClasse" => self.define_part(fields, None, line)?,
            "Groupe" => {
                let Some(ident) = ident else { return Ok(Tag::Ignored) };
                self.count(line)?;
                let found = GroupDefinition { label: fields.text("Nom"), ..GroupDefinition::default() };
                self.definitions.groups.insert(ident.clone(), found);
                return Ok(Tag::Group(ident));
            }
            // The section and its lessons share a name; only a lesson has a place in the week.
            "Cours" if fields.has("Jour") || fields.has("NumeroPlaceDebut") => {
                self.any_course = true;
                self.course = self.course(fields, line);
                return Ok(if self.course.is_some() { Tag::Course } else { Tag::Ignored });
            }
            "Eleve" | "Personnel" | "Materiel" | "Absence" => return Ok(Tag::Ignored),
            _ => {}
        }
        Ok(Tag::Other)
    }

    /// Counts a definition against the bound.
    fn count(&mut self, line: u32) -> Result<(), TimetableError> {
        self.defined += 1;
        if self.defined > self.options.limits.lessons {
            return Err(malformed(line, &format!("> {} definitions", self.options.limits.lessons)));
        }
        Ok(())
    }

    fn school_year(&mut self, fields: &Fields, line: u32) -> Result<(), TimetableError> {
        let read = |name: &str| match fields.get(name) {
            None => Ok(None),
            Some(text) => match read_date(text) {
                Some(date) => Ok(Some(date)),
                None => Err(malformed(line, &format!("{name}=\"{text}\""))),
            },
        };
        self.first_week = read("DatePremierJourSemaine1")?;
        self.header.first_day = read("DateDebut")?;
        self.header.last_day = read("DateFin")?;
        if let Some(date) = self.first_week.filter(|date| date.weekday() != jiff::civil::Weekday::Monday) {
            self.notices.kept(line, NoticeKind::WeekNotFromMonday(date.to_string()));
        }
        Ok(())
    }

    fn place(&mut self, fields: &Fields, line: u32) -> Result<(), TimetableError> {
        let Some(number) = fields.number("Numero") else {
            self.notices.skipped(line, NoticeKind::UnreadableNumber("Numero", fields.text("Numero")));
            return Ok(());
        };
        self.count(line)?;
        let notices = &mut self.notices;
        let mut time = |name: &'static str| {
            let text = fields.get(name).filter(|text| !text.trim().is_empty())?;
            let read = read_clock(text);
            if read.is_none() {
                notices.kept(line, NoticeKind::UnreadableDate(name, quote(text)));
            }
            read
        };
        let place = Place { starts: time("LibelleHeureDebut"), ends: time("LibelleHeureFin") };
        self.definitions.places.insert(number, place);
        Ok(())
    }

    fn define_part(
        &mut self,
        fields: &Fields,
        class: Option<String>,
        line: u32,
    ) -> Result<(), TimetableError> {
        if let Some(ident) = fields.ident("Ident") {
            self.count(line)?;
            self.definitions.parts.insert(ident, PartDefinition { label: fields.text("Nom"), class });
        }
        Ok(())
    }

    fn group_member(&mut self, group: &str, name: &str, fields: &Fields) {
        let Some(group) = self.definitions.groups.get_mut(group) else { return };
        let members = match name {
            "Classe" => &mut group.classes,
            "PartieDeClasse" => &mut group.parts,
            _ => return,
        };
        if members.len() < MAX_PARTS {
            members.extend(fields.ident("Ident"));
        }
    }

    fn course(&mut self, fields: &Fields, line: u32) -> Option<Course> {
        let mut number = |name: &'static str, range: std::ops::RangeInclusive<u32>| {
            let found = fields.number(name).filter(|number| range.contains(number));
            if found.is_none() {
                self.notices.skipped(line, NoticeKind::UnreadableNumber(name, fields.text(name)));
            }
            found
        };
        let day = u8::try_from(number("Jour", 1..=7)?).ok()?;
        let first_place = number("NumeroPlaceDebut", 0..=10_000)?;
        let places = number("NombrePlaces", 1..=500)?;
        Some(Course {
            line,
            number: fields.ident("Numero"),
            day,
            first_place,
            places,
            weeks: self.mask(fields, "Semaines", line),
            cancelled: self.mask(fields, "SemainesAnnulation", line).unwrap_or_default(),
            subject: None,
            parts: Vec::new(),
        })
    }

    /// A mask attribute; unreadable counts as no week and is told.
    fn mask(&mut self, fields: &Fields, name: &str, line: u32) -> Option<WeekMask> {
        let text = fields.get(name)?;
        Some(WeekMask::parse(text).unwrap_or_else(|unreadable| {
            self.notices.kept(line, NoticeKind::UnreadableMask(quote(&unreadable.0)));
            WeekMask::EMPTY
        }))
    }

    fn participant(&mut self, name: &str, fields: &Fields, line: u32) {
        let Some(ident) = fields.ident("Ident") else { return };
        let kind = match name {
            "Matiere" => {
                if let Some(course) = &mut self.course {
                    course.subject.get_or_insert(ident);
                }
                return;
            }
            "Professeur" => PartKind::Teacher,
            "Personnel" => PartKind::Staff,
            "Classe" => PartKind::Class,
            "PartieDeClasse" => PartKind::Part,
            "Groupe" => PartKind::Group,
            "Salle" => PartKind::Room,
            _ => return,
        };
        let mask = self.mask(fields, "Semaines", line);
        let Some(course) = &mut self.course else { return };
        if course.parts.len() < MAX_PARTS {
            course.parts.push((kind, ident, mask));
        } else if course.parts.len() == MAX_PARTS {
            self.notices.kept(line, NoticeKind::TooManyParts(MAX_PARTS));
        }
    }

    fn leave(&mut self, tag: Tag) {
        if matches!(tag, Tag::Course)
            && let Some(course) = self.course.take()
        {
            self.courses.push(course);
        }
    }

    fn text(&mut self, text: &str) {
        if matches!(self.open.last(), Some(Tag::School)) && self.header.school.is_none() {
            self.header.school = Some(label(text)).filter(|text| !text.is_empty());
        }
    }

    fn finish(mut self) -> Result<Timetable, TimetableError> {
        let root = self.root.unwrap_or_default();
        if self.first_week.is_none() && !is_root(&root) {
            let found = if root.is_empty() { Found::Nothing } else { Found::Xml(root) };
            return Err(TimetableError::WrongFormat(WrongFormat { expected: SourceFormat::Edt, found }));
        }
        let Some(first_week) = self.first_week else {
            return Err(TimetableError::Missing { what: "AnneeScolaire/@DatePremierJourSemaine1" });
        };
        if self.definitions.places.is_empty() {
            return Err(TimetableError::Missing { what: "GrilleHoraire/Place" });
        }
        if !self.any_course {
            return Err(TimetableError::Missing { what: "Cours" });
        }
        let year = Year {
            weeks: SchoolWeeks::starting(first_week),
            first: self.header.first_day,
            last: self.header.last_day,
        };
        let mut expansion = Expansion {
            definitions: &self.definitions,
            year,
            options: self.options,
            lessons: Vec::new(),
            known: HashMap::new(),
        };
        for course in &self.courses {
            expansion.add(course, &mut self.notices)?;
        }
        let mut lessons = expansion.lessons;
        settle(&mut lessons, &mut self.notices);
        let (notices, notices_left_out) = self.notices.finish();
        Ok(Timetable {
            format: SourceFormat::Edt,
            header: self.header,
            lessons,
            holidays: Vec::new(),
            notices,
            notices_left_out,
        })
    }
}

/// The attributes of an element, entities resolved once.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(element: &BytesStart<'_>, line: u32) -> Result<Self, TimetableError> {
        let mut found = Vec::new();
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| malformed(line, &error.to_string()))?;
            let value = html_escape::decode_html_entities(attribute.value.as_ref()).into_owned();
            found.push((attribute.key.local_name().as_ref().to_owned(), value));
        }
        Ok(Self(found))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A label, empty when there is none.
    fn text(&self, name: &str) -> String {
        self.get(name).map(tidy).unwrap_or_default()
    }

    fn label(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// An identifier: not empty, of bounded length.
    fn ident(&self, name: &str) -> Option<String> {
        let ident = self.get(name)?.trim();
        (!ident.is_empty() && ident.len() <= IDENT_BYTES).then(|| ident.to_owned())
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.trim().parse().ok()
    }
}

/// `2026-08-31`, with or without a time, or `31/08/2026`; years 2000 to 2099.
fn read_date(text: &str) -> Option<Date> {
    let day = text.trim().split(['T', ' ']).next()?;
    let mut pieces = day.split(['-', '/']);
    let (a, b, c) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let (year, day) = if a.len() == 4 { (a, c) } else { (c, a) };
    let date = Date::new(year.parse().ok()?, b.parse().ok()?, day.parse().ok()?).ok()?;
    (pieces.next().is_none() && (2000..=2099).contains(&date.year())).then_some(date)
}

/// `08:00:00`, `8:00`, `8h00`, `8 h`.
fn read_clock(text: &str) -> Option<Time> {
    let mut pieces = text.trim().split([':', 'h', 'H']).map(str::trim);
    let hour = pieces.next()?.parse().ok()?;
    let minute =
        pieces.next().map_or(Some(0), |text| if text.is_empty() { Some(0) } else { text.parse().ok() })?;
    let second = pieces.next().map_or(Some(0), |text| text.parse().ok())?;
    Time::new(hour, minute, second, 0).ok().filter(|_| pieces.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn dates_and_clocks_of_the_export() {
        for text in ["2026-08-31", "2026-08-31T00:00:00", "31/08/2026", " 2026-08-31 00:00 "] {
            assert_eq!(read_date(text), Some(date(2026, 8, 31)), "{text}");
        }
        for text in ["", "31 août", "2026-02-30", "1926-08-31", "2026-08-31-1", "é/é/é"] {
            assert_eq!(read_date(text), None, "{text}");
        }
        for text in ["08:00:00", "8:00", "8h00", "8 h", "08H"] {
            assert_eq!(read_clock(text), Some(time(8, 0, 0, 0)), "{text}");
        }
        for text in ["", "25:00", "8:0:0:0", "huit", "24:00"] {
            assert_eq!(read_clock(text), None, "{text}");
        }
    }
}
