//! What can be wrong with a timetable file, said in French and in English.
//!
//! Two ranks. A [`TimetableError`] means that the file as a whole must not be used: applying the half
//! of a truncated export would erase the other half of a school's lessons. A [`Notice`] concerns one
//! line; the rest of the file stands. Messages name what, where and what to do, and quote at most a
//! short piece of the file.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::record::SourceFormat;

/// Why a file was refused as a whole.
#[derive(Debug, Error)]
pub enum TimetableError {
    /// The bytes could not be read at all.
    #[error("the file could not be read: {0}")]
    Io(#[from] std::io::Error),
    /// Not the format it was taken for.
    #[error("{}", .0.en())]
    WrongFormat(WrongFormat),
    /// The file stops before its end.
    #[error("line {line}: the file stops before its end; export it again")]
    Truncated {
        /// Last line read, from 1.
        line: u32,
    },
    /// The text is not in the encoding it claims.
    #[error("line {line}: the text is not valid {encoding}; export the file again or save it as UTF-8")]
    Encoding {
        /// Line, from 1.
        line: u32,
        /// Encoding that was expected.
        encoding: &'static str,
    },
    /// The file declares entities, which could make it swell or read other files.
    #[error("line {line}: the file declares entities of its own, which is refused for safety")]
    Entities {
        /// Line, from 1.
        line: u32,
    },
    /// The file is encrypted by its producer.
    #[error("the file is encrypted; in EDT, export the timetable as XML without encryption")]
    Encrypted,
    /// Broken structure.
    #[error("line {line}: the structure of the file is broken ({detail}); export it again")]
    Malformed {
        /// Line, from 1.
        line: u32,
        /// What the reader met.
        detail: String,
    },
    /// A single piece of the file is larger than anything legitimate.
    #[error("line {line}: a single element exceeds {limit} bytes")]
    ElementTooLong {
        /// Line where the reader gave up, from 1.
        line: u32,
        /// Bound, in bytes.
        limit: usize,
    },
    /// An indispensable part is absent or unreadable.
    #[error("the file lacks {what}")]
    Missing {
        /// Name of the part in the file's own vocabulary.
        what: &'static str,
    },
    /// More lessons than a school can have.
    #[error("the file describes more than {limit} lessons")]
    TooManyLessons {
        /// Bound on lessons.
        limit: usize,
    },
}

impl TimetableError {
    /// The sentence in French, for the person who gave the file.
    pub fn fr(&self) -> String {
        match self {
            Self::Io(error) => format!("Le fichier n'a pas pu être lu : {error}."),
            Self::WrongFormat(wrong) => wrong.fr(),
            Self::Truncated { line } => format!(
                "Ligne {line} : le fichier s'arrête avant sa fin. Refaites l'export, puis déposez le nouveau fichier."
            ),
            Self::Encoding { line, encoding } => format!(
                "Ligne {line} : le texte n'est pas du {encoding} valide. Refaites l'export, ou enregistrez le fichier en UTF-8."
            ),
            Self::Entities { line } => format!(
                "Ligne {line} : le fichier déclare ses propres entités XML, ce qui est refusé par sécurité."
            ),
            Self::Encrypted => {
                "Le fichier est chiffré. Dans EDT, exportez l'emploi du temps en XML sans chiffrement."
                    .to_owned()
            }
            Self::Malformed { line, detail } => {
                format!("Ligne {line} : la structure du fichier est abîmée ({detail}). Refaites l'export.")
            }
            Self::ElementTooLong { line, limit } => {
                format!(
                    "Ligne {line} : un seul élément dépasse {limit} octets. Vérifiez que c'est le bon fichier."
                )
            }
            Self::Missing { what } => format!(
                "Il manque au fichier : {what}. Vérifiez que l'export contient tout l'emploi du temps."
            ),
            Self::TooManyLessons { limit } => format!(
                "Le fichier décrit plus de {limit} séances, plus qu'un établissement ne peut en avoir. Vérifiez que c'est le bon fichier."
            ),
        }
    }

    /// The sentence in English.
    pub fn en(&self) -> String {
        self.to_string()
    }
}

/// The file is of another kind than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongFormat {
    /// Format the reader was asked for.
    pub expected: SourceFormat,
    /// What the file looks like.
    pub found: Found,
}

/// What a file looks like when it is not the expected format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No byte at all.
    Nothing,
    /// A web page, usually a sign-in page saved in place of the calendar.
    WebPage,
    /// A ZIP archive.
    Zip,
    /// Text in UTF-16.
    Utf16,
    /// An iCalendar file.
    Calendar,
    /// Some XML with this root element.
    Xml(String),
    /// Something else; its first characters.
    Text(String),
}

impl WrongFormat {
    fn fr(&self) -> String {
        let found = match &self.found {
            Found::Nothing => "Le fichier est vide.".to_owned(),
            Found::WebPage => "Le fichier est une page web, sans doute une page de connexion enregistrée à la place de l'emploi du temps.".to_owned(),
            Found::Zip => "Le fichier est une archive ZIP : décompressez-la d'abord.".to_owned(),
            Found::Utf16 => "Le fichier est en UTF-16 : enregistrez-le en UTF-8.".to_owned(),
            Found::Calendar => "Le fichier est un calendrier iCalendar.".to_owned(),
            Found::Xml(root) => format!("Le fichier est un document XML « {root} »."),
            Found::Text(start) => format!("Le fichier commence par « {start} »."),
        };
        format!("{found} Un fichier {} était attendu.", self.expected)
    }

    fn en(&self) -> String {
        let found = match &self.found {
            Found::Nothing => "the file is empty".to_owned(),
            Found::WebPage => "the file is a web page, probably a sign-in page saved by mistake".to_owned(),
            Found::Zip => "the file is a ZIP archive, unpack it first".to_owned(),
            Found::Utf16 => "the file is in UTF-16, save it as UTF-8".to_owned(),
            Found::Calendar => "the file is an iCalendar file".to_owned(),
            Found::Xml(root) => format!("the file is an XML document \"{root}\""),
            Found::Text(start) => format!("the file starts with \"{start}\""),
        };
        format!("{found}; expected: {}", self.expected)
    }
}

/// What a notice did to the element it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The element was left out.
    Skipped,
    /// The element was kept, with a doubt.
    Kept,
}

/// One remark on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Name of the file, as given by the caller.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Whether the element was left out.
    pub effect: Effect,
    /// What was found.
    pub kind: NoticeKind,
}

/// What was found on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The line is not UTF-8 and was read as Windows-1252; said once a file.
    NotUtf8,
    /// The line exceeds this many bytes.
    LineTooLong(usize),
    /// The line has no property name; its first characters.
    UnreadableLine(String),
    /// An event without a start.
    NoStart,
    /// A date or time that is not one: name of the field, text.
    UnreadableDate(&'static str, String),
    /// A date outside the years 2000 to 2099.
    AbsurdDate(String),
    /// The end is not after the start.
    EndNotAfterStart,
    /// The lesson lasts this many hours.
    TooLong(i64),
    /// The lesson runs over midnight.
    CrossesMidnight,
    /// A time zone that is unknown; the school's zone was used.
    UnknownZone(String),
    /// A local time that the change of clocks skips; the hour after was used.
    SkippedByClock(String),
    /// An event that is no lesson: its category or title.
    NotALesson(String),
    /// A recurrence rule that is not understood.
    UnreadableRecurrence(String),
    /// A recurrence without a near end, cut after this many days.
    RecurrenceCut(u32),
    /// The same lesson a second time.
    Duplicate,
    /// The identifier is longer than any real one.
    IdentifierTooLong,
    /// More teachers, groups or exceptions than this in one lesson; the rest was ignored.
    TooManyParts(usize),
    /// A reference to something the file does not define: its kind and identifier.
    UnknownReference(&'static str, String),
    /// A number that is not one: name of the field, text.
    UnreadableNumber(&'static str, String),
    /// A week mask that is not a number: its text.
    UnreadableMask(String),
    /// The lesson takes place in no week.
    NoWeek,
    /// Only a room is reserved: nobody teaches or attends.
    NobodyThere,
    /// Some weeks lie outside the school year and were ignored: how many.
    WeeksOutsideYear(u32),
    /// The first week does not begin on a Monday.
    WeekNotFromMonday(String),
}

impl Notice {
    /// The sentence in French, without file and line.
    pub fn fr(&self) -> String {
        let text = match &self.kind {
            NoticeKind::NotUtf8 => {
                "le texte n'est pas en UTF-8, il a été lu comme du Windows-1252 ; vérifiez les accents"
                    .to_owned()
            }
            NoticeKind::LineTooLong(limit) => format!("la ligne dépasse {limit} octets"),
            NoticeKind::UnreadableLine(text) => format!("« {text} » n'est pas une ligne de calendrier"),
            NoticeKind::NoStart => "l'événement n'a pas de début".to_owned(),
            NoticeKind::UnreadableDate(field, text) => {
                format!("{field} : « {text} » n'est ni une date ni une heure")
            }
            NoticeKind::AbsurdDate(text) => format!("la date {text} est hors des années 2000 à 2099"),
            NoticeKind::EndNotAfterStart => "la fin n'est pas après le début".to_owned(),
            NoticeKind::TooLong(hours) => format!("la séance durerait {hours} heures"),
            NoticeKind::CrossesMidnight => "la séance passe minuit ; vérifiez l'heure".to_owned(),
            NoticeKind::UnknownZone(name) => {
                format!("fuseau horaire « {name} » inconnu, celui de l'établissement est utilisé")
            }
            NoticeKind::SkippedByClock(time) => format!(
                "{time} n'existe pas ce jour-là (passage à l'heure d'été), l'heure suivante est utilisée"
            ),
            NoticeKind::NotALesson(what) => format!("« {what} » n'est pas une séance"),
            NoticeKind::UnreadableRecurrence(rule) => format!("la répétition « {rule} » n'est pas comprise"),
            NoticeKind::RecurrenceCut(days) => {
                format!("la répétition est sans fin proche, elle est arrêtée après {days} jours")
            }
            NoticeKind::Duplicate => "cette séance figure déjà dans le fichier".to_owned(),
            NoticeKind::IdentifierTooLong => "l'identifiant est trop long".to_owned(),
            NoticeKind::TooManyParts(limit) => {
                format!("plus de {limit} éléments dans une séance, les suivants sont ignorés")
            }
            NoticeKind::UnknownReference(what, ident) => {
                format!("{} « {ident} » n'est pas défini dans le fichier", reference_fr(what))
            }
            NoticeKind::UnreadableNumber(field, text) => {
                format!("{field} : « {text} » n'est pas un nombre attendu")
            }
            NoticeKind::UnreadableMask(text) => format!("« {text} » n'est pas un masque de semaines"),
            NoticeKind::NoWeek => "la séance n'a lieu aucune semaine".to_owned(),
            NoticeKind::NobodyThere => "seule une salle est réservée, sans enseignant ni classe".to_owned(),
            NoticeKind::WeeksOutsideYear(count) => {
                format!("{count} semaine(s) hors de l'année scolaire sont ignorées")
            }
            NoticeKind::WeekNotFromMonday(date) => {
                format!("la première semaine commence le {date}, qui n'est pas un lundi")
            }
        };
        match self.effect {
            Effect::Skipped => format!("Ignoré : {text}."),
            Effect::Kept => format!("À vérifier : {text}."),
        }
    }

    /// The sentence in English, without file and line.
    pub fn en(&self) -> String {
        let text = match &self.kind {
            NoticeKind::NotUtf8 => {
                "the text is not UTF-8 and was read as Windows-1252; check the accents".to_owned()
            }
            NoticeKind::LineTooLong(limit) => format!("the line exceeds {limit} bytes"),
            NoticeKind::UnreadableLine(text) => format!("\"{text}\" is not a calendar line"),
            NoticeKind::NoStart => "the event has no start".to_owned(),
            NoticeKind::UnreadableDate(field, text) => {
                format!("{field}: \"{text}\" is neither a date nor a time")
            }
            NoticeKind::AbsurdDate(text) => format!("the date {text} lies outside the years 2000 to 2099"),
            NoticeKind::EndNotAfterStart => "the end is not after the start".to_owned(),
            NoticeKind::TooLong(hours) => format!("the lesson would last {hours} hours"),
            NoticeKind::CrossesMidnight => "the lesson runs over midnight; check its time".to_owned(),
            NoticeKind::UnknownZone(name) => format!("unknown time zone \"{name}\", the school's is used"),
            NoticeKind::SkippedByClock(time) => {
                format!("{time} does not exist that day (clocks go forward), the hour after is used")
            }
            NoticeKind::NotALesson(what) => format!("\"{what}\" is not a lesson"),
            NoticeKind::UnreadableRecurrence(rule) => format!("the recurrence \"{rule}\" is not understood"),
            NoticeKind::RecurrenceCut(days) => {
                format!("the recurrence has no near end and is cut after {days} days")
            }
            NoticeKind::Duplicate => "this lesson is already in the file".to_owned(),
            NoticeKind::IdentifierTooLong => "the identifier is too long".to_owned(),
            NoticeKind::TooManyParts(limit) => {
                format!("more than {limit} parts in one lesson, the rest is ignored")
            }
            NoticeKind::UnknownReference(what, ident) => {
                format!("the {what} \"{ident}\" is not defined in the file")
            }
            NoticeKind::UnreadableNumber(field, text) => {
                format!("{field}: \"{text}\" is not an expected number")
            }
            NoticeKind::UnreadableMask(text) => format!("\"{text}\" is not a week mask"),
            NoticeKind::NoWeek => "the lesson takes place in no week".to_owned(),
            NoticeKind::NobodyThere => "only a room is reserved, without teacher or class".to_owned(),
            NoticeKind::WeeksOutsideYear(count) => {
                format!("{count} week(s) outside the school year are ignored")
            }
            NoticeKind::WeekNotFromMonday(date) => {
                format!("the first week begins on {date}, which is not a Monday")
            }
        };
        match self.effect {
            Effect::Skipped => format!("Skipped: {text}."),
            Effect::Kept => format!("To check: {text}."),
        }
    }
}

fn reference_fr(what: &str) -> &str {
    match what {
        "subject" => "la matière",
        "teacher" => "l'enseignant",
        "staff member" => "le personnel",
        "class" => "la classe",
        "part of class" => "la partie de classe",
        "group" => "le groupe",
        "room" => "la salle",
        "place" => "la place de la grille horaire",
        other => other,
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.en())
    }
}

/// Collects notices up to a bound and counts the rest, so that a file of nothing but errors costs
/// no more memory than its bound.
#[derive(Debug)]
pub(crate) struct Notices {
    file: Arc<str>,
    limit: usize,
    kept: Vec<Notice>,
    left_out: u32,
}

impl Notices {
    pub(crate) fn new(file: Arc<str>, limit: usize) -> Self {
        Self { file, limit, kept: Vec::new(), left_out: 0 }
    }

    /// Notes that the element on this line was left out.
    pub(crate) fn skipped(&mut self, line: u32, kind: NoticeKind) {
        self.push(line, Effect::Skipped, kind);
    }

    /// Notes a doubt about an element that was kept.
    pub(crate) fn kept(&mut self, line: u32, kind: NoticeKind) {
        self.push(line, Effect::Kept, kind);
    }

    fn push(&mut self, line: u32, effect: Effect, kind: NoticeKind) {
        if self.kept.len() < self.limit {
            self.kept.push(Notice { file: Arc::clone(&self.file), line, effect, kind });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The notices kept, and how many were not.
    pub(crate) fn finish(self) -> (Vec<Notice>, u32) {
        (self.kept, self.left_out)
    }
}
