//! Says what a file is, from its first bytes; the name only helps where content cannot tell.
//!
//! Files that cannot be imported are recognised as well, because "unknown format" helps nobody: STS_EDT
//! and EDT_STS differ by one swap of letters and travel in opposite directions.

use crate::aaf::Category;
use crate::csv_people::RowKind;
use crate::error::{Error, Unsupported};
use crate::oneroster::FileKind;
use crate::source::Member;
use crate::table::{decode_head, headers_of};
use crate::values::fold;
use crate::xml::{Document, Token};

/// What a member of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detected {
    /// AAF, secondary or primary.
    Aaf {
        /// Primary school, secondary school, or nothing that tells.
        primary: Option<bool>,
        /// Contains changes only.
        partial: bool,
        /// What its requests are about, if that could be seen.
        category: Option<Category>,
    },
    /// Generic CSV.
    Csv(RowKind),
    /// A file of a OneRoster set.
    OneRoster(FileKind),
    /// Recognised, not importable.
    Unsupported(Unsupported),
    /// Belongs to an export but holds no data (DTD, schema, read-me).
    Accessory,
    /// Not recognised.
    Unknown,
}

/// Recognises a member.
///
/// # Errors
/// An XML document that declares entities of its own is refused here already.
pub(crate) fn detect(member: &Member) -> Result<Detected, Error> {
    let base = member.base_name();
    let lower = base.to_lowercase();
    if lower.ends_with(".dtd")
        || lower.ends_with(".xsd")
        || lower.ends_with(".md5")
        || lower.ends_with(".sha256")
    {
        return Ok(Detected::Accessory);
    }
    let text = decode_head(&member.head);
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if start.starts_with('<') {
        return xml(member, &text);
    }
    if start.get(..15).is_some_and(|s| s.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return Ok(Detected::Unsupported(Unsupported::Timetable));
    }
    if start.starts_with('{') || start.starts_with('[') || looks_binary(&member.head) {
        return Ok(Detected::Unknown);
    }
    let headers = headers_of(&member.head);
    if let Some(kind) = FileKind::detect(base, &headers) {
        return Ok(Detected::OneRoster(kind));
    }
    Ok(RowKind::detect(base, &headers).map_or(Detected::Unknown, Detected::Csv))
}

fn xml(member: &Member, text: &str) -> Result<Detected, Error> {
    let root = match root(member) {
        Ok(root) => root,
        Err(refused @ Error::EntityDeclared { .. }) => return Err(refused),
        // Cut within its prologue: let the reader say what is wrong, if it is one of ours.
        Err(_) if text.contains("ficAlimMENESR") => "ficAlimMENESR".to_owned(),
        Err(_) => return Ok(Detected::Unknown),
    };
    Ok(match root.as_str() {
        "ficAlimMENESR" => aaf(member, text),
        "BEE_ELEVES" => Detected::Unsupported(Unsupported::SieclePupils),
        "BEE_RESPONSABLES" => Detected::Unsupported(Unsupported::SiecleGuardians),
        "STS_EDT" => Detected::Unsupported(Unsupported::StsEdt),
        "EDT_STS" => Detected::Unsupported(Unsupported::EdtSts),
        "ExportEDT" | "EXPORT_EDT" | "EDT" => Detected::Unsupported(Unsupported::Timetable),
        other if other.starts_with("BEE_") || other.starts_with("NOMENCLATURE") => {
            Detected::Unsupported(Unsupported::Siecle)
        }
        other if fold(other).contains("edt") && text.contains("<GrilleHoraire") => {
            Detected::Unsupported(Unsupported::Timetable)
        }
        "html" | "HTML" => Detected::Unsupported(Unsupported::Document),
        _ => Detected::Unknown,
    })
}

fn root(member: &Member) -> Result<String, Error> {
    let mut document = Document::new(member.head.as_slice(), &member.name)?;
    loop {
        match document.next()? {
            Token::Start => return Ok(document.name().to_owned()),
            Token::Finish => return Ok(String::new()),
            Token::Text | Token::End => {}
        }
    }
}

fn aaf(member: &Member, text: &str) -> Detected {
    let base = member.base_name();
    let words: Vec<String> = base.split(['_', '.', '-', ' ']).map(str::to_lowercase).collect();
    let word = |wanted: &str| words.iter().any(|w| w == wanted);
    let category = text
        .split_once("categorie")
        .and_then(|(_, after)| after.split_once("<value>"))
        .and_then(|(_, after)| after.split(['<', '&']).next())
        .and_then(|value| Category::from_value(value.trim()))
        .or_else(|| Category::from_file_name(base));
    // Attributes that only one family of files has; the name decides where the content shows none
    // (a file may begin with a deletion, and subjects look the same in both).
    let has = |marks: &[&str]| {
        marks.iter().any(|mark| text.contains(&format!("\"{mark}")) || text.contains(&format!("'{mark}")))
    };
    let named_primary = words.iter().any(|w| w.contains("1d"));
    let primary =
        if has(&["ENTPersonNom\"", "ENTPersonNom'", "ENTPersonPrenom", "ENTPersonCivilite", "ENTEcole"]) {
            Some(true)
        } else if has(&["sn\"", "sn'", "givenName", "ENTEtablissementUAI", "ENTStructureClasses", "street"]) {
            Some(false)
        } else {
            named_primary.then_some(true)
        };
    // A complete export may hold the word nowhere; changes betray a partial one.
    let partial = if word("complet") {
        false
    } else {
        word("delta") || text.contains("<modifyRequest") || text.contains("<deleteRequest")
    };
    Detected::Aaf { primary, partial, category }
}

fn looks_binary(head: &[u8]) -> bool {
    let utf16 = matches!(head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    !utf16 && head.iter().take(4096).any(|&b| b == 0)
}
