//! What an import says about its input: where a record came from, what was skipped, what looked odd.
//!
//! Every remark exists as a value (so that it can be counted and stored) and as a sentence in French
//! and in English that names the place, what was expected and what stood there. Remarks never stop an
//! import; what stops it is in [`crate::error`].

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest piece of a file quoted in a message, in characters.
const QUOTE_CHARS: usize = 60;

/// A file and a line in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the person knows it, for instance `envoi.tgz/ENT_Complet_20261101_Eleve_0000.xml`.
    #[serde(with = "shared_text")]
    pub file: Arc<str>,
    /// Line number from 1; 0 when the remark is about the whole file.
    pub line: u64,
}

impl Place {
    /// A place in a file.
    pub fn new(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line }
    }

    /// The last part of the file's path: what people call the file.
    pub fn file_name(&self) -> &str {
        self.file.rsplit(['/', '\\']).next().unwrap_or(&self.file)
    }

    /// `ligne 42 de Eleve_0000.xml`, or the file's name alone.
    pub fn french(&self) -> String {
        if self.line == 0 {
            self.file_name().to_owned()
        } else {
            format!("ligne {} de {}", self.line, self.file_name())
        }
    }

    /// `line 42 of Eleve_0000.xml`, or the file's name alone.
    pub fn english(&self) -> String {
        if self.line == 0 {
            self.file_name().to_owned()
        } else {
            format!("line {} of {}", self.line, self.file_name())
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Places are made by the hundred thousand and share their file's name; this keeps the sharing out of
/// the stored form.
mod shared_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}

/// Shortens a piece of input for a message and makes control characters harmless.
pub(crate) fn quote(text: &str) -> String {
    let mut out: String =
        text.chars().take(QUOTE_CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(QUOTE_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// Why something was left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A thing has no identifier.
    NoIdentifier {
        /// The attribute or column that should hold it.
        expected: String,
    },
    /// A person has no family name.
    NoFamilyName {
        /// The attribute or column that should hold it.
        expected: String,
    },
    /// A mandatory value is missing.
    NoValue {
        /// The attribute or column that should hold it.
        expected: String,
    },
    /// A guardianship does not have its parts.
    GuardianshipParts {
        /// How many parts the grammar asks for.
        expected: u8,
        /// How many there were.
        found: usize,
        /// The value.
        value: String,
    },
    /// A composite value does not have the parts it needs.
    Composite {
        /// The attribute or column.
        attribute: String,
        /// The shape it should have.
        expected: String,
        /// The value.
        value: String,
    },
    /// A request is about a kind of thing this crate does not know.
    UnknownCategory {
        /// The category as written, or empty when there was none.
        value: String,
    },
    /// A row names a child that no pupil row bears.
    ChildNotFound {
        /// The child as written.
        value: String,
    },
    /// A row names a child that several pupil rows bear.
    ChildAmbiguous {
        /// The child as written.
        value: String,
    },
    /// A row has a role (or profile) this crate does not know.
    UnknownRole {
        /// The role as written.
        value: String,
    },
    /// A relation points to something that the files do not contain.
    UnknownReference {
        /// The attribute or column.
        attribute: String,
        /// The value.
        value: String,
    },
    /// Two rows bear the same identifier; the first one was kept.
    Duplicate {
        /// The identifier.
        value: String,
        /// Line of the row that was kept.
        first_line: u64,
    },
}

impl SkipReason {
    fn french(&self) -> String {
        match self {
            Self::NoIdentifier { expected } => {
                format!("identifiant manquant, attendu une valeur dans « {expected} », trouvé rien")
            }
            Self::NoFamilyName { expected } => {
                format!("nom de famille manquant, attendu une valeur dans « {expected} », trouvé rien")
            }
            Self::NoValue { expected } => {
                format!("valeur manquante, attendu une valeur dans « {expected} », trouvé rien")
            }
            Self::GuardianshipParts { expected, found, value } => format!(
                "lien avec un responsable illisible, attendu {expected} parties séparées par « $ », \
                 trouvé {found} : « {} »",
                quote(value)
            ),
            Self::Composite { attribute, expected, value } => format!(
                "valeur de « {attribute} » illisible, attendu « {expected} », trouvé « {} »",
                quote(value)
            ),
            Self::UnknownCategory { value } if value.is_empty() => "catégorie manquante, attendu \
                 categorieStructure, categoriePersonne, categorieMatiere ou categorieMef, trouvé rien"
                .to_owned(),
            Self::UnknownCategory { value } => format!(
                "catégorie inconnue, attendu EtabEducNat, MatEducNat, MefEducNat, Eleve, PersEducNat ou \
                 PersRelEleve, trouvé « {} »",
                quote(value)
            ),
            Self::ChildNotFound { value } => format!(
                "enfant introuvable, attendu un élève présent dans le fichier des élèves, trouvé « {} »",
                quote(value)
            ),
            Self::ChildAmbiguous { value } => format!(
                "enfant ambigu, attendu un seul élève de ce nom (ajoutez l'identifiant de l'enfant), \
                 trouvé plusieurs : « {} »",
                quote(value)
            ),
            Self::UnknownRole { value } => format!("rôle inconnu, trouvé « {} »", quote(value)),
            Self::UnknownReference { attribute, value } => format!(
                "« {attribute} » renvoie à un élément absent des fichiers, trouvé « {} »",
                quote(value)
            ),
            Self::Duplicate { value, first_line } => format!(
                "identifiant en double, déjà vu ligne {first_line} (première ligne gardée), trouvé « {} »",
                quote(value)
            ),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::NoIdentifier { expected } => {
                format!("identifier missing, expected a value in “{expected}”, found nothing")
            }
            Self::NoFamilyName { expected } => {
                format!("family name missing, expected a value in “{expected}”, found nothing")
            }
            Self::NoValue { expected } => {
                format!("value missing, expected a value in “{expected}”, found nothing")
            }
            Self::GuardianshipParts { expected, found, value } => format!(
                "unreadable link to a guardian, expected {expected} parts separated by “$”, found {found}: “{}”",
                quote(value)
            ),
            Self::Composite { attribute, expected, value } => {
                format!("unreadable value of “{attribute}”, expected “{expected}”, found “{}”", quote(value))
            }
            Self::UnknownCategory { value } if value.is_empty() => "category missing, expected \
                 categorieStructure, categoriePersonne, categorieMatiere or categorieMef, found nothing"
                .to_owned(),
            Self::UnknownCategory { value } => format!(
                "unknown category, expected EtabEducNat, MatEducNat, MefEducNat, Eleve, PersEducNat or \
                 PersRelEleve, found “{}”",
                quote(value)
            ),
            Self::ChildNotFound { value } => {
                format!("child not found, expected a pupil of the pupils' file, found “{}”", quote(value))
            }
            Self::ChildAmbiguous { value } => format!(
                "ambiguous child, expected one pupil of that name (add the child's identifier), found \
                 several: “{}”",
                quote(value)
            ),
            Self::UnknownRole { value } => format!("unknown role, found “{}”", quote(value)),
            Self::UnknownReference { attribute, value } => {
                format!(
                    "“{attribute}” points to something the files do not contain, found “{}”",
                    quote(value)
                )
            }
            Self::Duplicate { value, first_line } => format!(
                "duplicate identifier, already seen on line {first_line} (first row kept), found “{}”",
                quote(value)
            ),
        }
    }
}

/// Something that was left out of an import.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Skipped {
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: SkipReason,
}

impl Skipped {
    /// A sentence in plain French: place, what is wrong, what was expected, what stood there.
    pub fn message_fr(&self) -> String {
        format!("{} : {}", self.place.french(), self.reason.french())
    }

    /// The same in English.
    pub fn message_en(&self) -> String {
        format!("{}: {}", self.place.english(), self.reason.english())
    }
}

/// Something odd that was read nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// An attribute or element the grammar does not know; reported once a name.
    UnknownAttribute {
        /// Name as written.
        name: String,
        /// How often it was seen in all files.
        count: u64,
    },
    /// A column that no alias matches; its values are not imported.
    UnknownColumn {
        /// Header as written.
        name: String,
    },
    /// A date that is none; the field was left empty.
    BadDate {
        /// Attribute or column.
        attribute: String,
        /// Value as written.
        value: String,
    },
    /// A national school number that does not look like one; kept as written.
    BadUai {
        /// Value as written.
        value: String,
    },
    /// A code that this crate does not know; read as "other".
    UnknownCode {
        /// Attribute or column.
        attribute: String,
        /// Value as written.
        value: String,
    },
    /// An entity that is declared nowhere; kept as written.
    UnknownEntity {
        /// Its name.
        name: String,
        /// How often it was seen in the file.
        count: u64,
    },
    /// The text is not in the encoding it says it is.
    Encoding {
        /// What was declared or expected.
        declared: String,
        /// What the file was read as.
        used: String,
    },
    /// A legal code `2` in a file whose grammar does not settle its meaning: no right was granted.
    AmbiguousGuardian {
        /// The value.
        value: String,
    },
    /// A file in the folder or archive that is not part of the import.
    FileIgnored {
        /// Why.
        why: IgnoredFile,
    },
    /// A row has more or fewer cells than the header.
    RowLength {
        /// Cells in the header.
        expected: usize,
        /// Cells in the row.
        found: usize,
    },
    /// A small mistake of the file that could be put right without doubt.
    Repaired {
        /// What was repaired.
        what: String,
    },
}

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgnoredFile {
    /// Its content is of no known format.
    Unknown,
    /// It is empty.
    Empty,
    /// It is a timetable: imported on the timetable's page.
    Timetable,
    /// A SIECLE, STS or other export that is not imported here.
    OtherExport,
    /// An archive within an archive.
    NestedArchive,
    /// Its name tries to leave the archive, or is not a plain file.
    UnsafeName,
    /// OneRoster file this crate has no use for (results, line items, …).
    NotNeeded,
}

impl IgnoredFile {
    fn french(self) -> &'static str {
        match self {
            Self::Unknown => "format non reconnu",
            Self::Empty => "fichier vide",
            Self::Timetable => "emploi du temps, à importer depuis la page Emploi du temps",
            Self::OtherExport => "export SIECLE ou STS, qui ne s'importe pas ici",
            Self::NestedArchive => "archive dans une archive, à extraire d'abord",
            Self::UnsafeName => "nom de fichier dangereux ou lien",
            Self::NotNeeded => "fichier sans utilité pour cet import",
        }
    }

    fn english(self) -> &'static str {
        match self {
            Self::Unknown => "unknown format",
            Self::Empty => "empty file",
            Self::Timetable => "timetable, to be imported from the Timetable page",
            Self::OtherExport => "SIECLE or STS export, which is not imported here",
            Self::NestedArchive => "archive within an archive, extract it first",
            Self::UnsafeName => "dangerous file name or link",
            Self::NotNeeded => "file of no use to this import",
        }
    }
}

/// Something odd, and where it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Warning {
    /// Where (first).
    pub place: Place,
    /// What.
    pub notice: Notice,
}

impl Warning {
    /// A sentence in plain French.
    pub fn message_fr(&self) -> String {
        let what = match &self.notice {
            Notice::UnknownAttribute { name, count } => {
                format!("attribut inconnu « {} » ignoré ({count} fois)", quote(name))
            }
            Notice::UnknownColumn { name } => format!("colonne inconnue « {} » ignorée", quote(name)),
            Notice::BadDate { attribute, value } => format!(
                "date illisible dans « {attribute} », attendu jj/mm/aaaa, trouvé « {} » ; champ laissé vide",
                quote(value)
            ),
            Notice::BadUai { value } => {
                format!("code UAI douteux, attendu 7 chiffres et une lettre, trouvé « {} »", quote(value))
            }
            Notice::UnknownCode { attribute, value } => {
                format!("code inconnu dans « {attribute} », trouvé « {} », lu comme « autre »", quote(value))
            }
            Notice::UnknownEntity { name, count } => {
                format!("entité inconnue « &{}; » gardée telle quelle ({count} fois)", quote(name))
            }
            Notice::Encoding { declared, used } => {
                format!("encodage annoncé {}, lu comme {used}", quote(declared))
            }
            Notice::AmbiguousGuardian { value } => format!(
                "code légal 2 ambigu, aucun droit de responsable légal accordé, trouvé « {} »",
                quote(value)
            ),
            Notice::FileIgnored { why } => format!("fichier ignoré : {}", why.french()),
            Notice::RowLength { expected, found } => {
                format!("nombre de cellules inattendu, attendu {expected}, trouvé {found}")
            }
            Notice::Repaired { what } => format!("corrigé à la lecture : {}", quote(what)),
        };
        format!("{} : {what}", self.place.french())
    }

    /// The same in English.
    pub fn message_en(&self) -> String {
        let what = match &self.notice {
            Notice::UnknownAttribute { name, count } => {
                format!("unknown attribute “{}” ignored ({count} times)", quote(name))
            }
            Notice::UnknownColumn { name } => format!("unknown column “{}” ignored", quote(name)),
            Notice::BadDate { attribute, value } => format!(
                "unreadable date in “{attribute}”, expected dd/mm/yyyy, found “{}”; field left empty",
                quote(value)
            ),
            Notice::BadUai { value } => {
                format!("doubtful UAI, expected 7 digits and a letter, found “{}”", quote(value))
            }
            Notice::UnknownCode { attribute, value } => {
                format!("unknown code in “{attribute}”, found “{}”, read as “other”", quote(value))
            }
            Notice::UnknownEntity { name, count } => {
                format!("unknown entity “&{};” kept as it is ({count} times)", quote(name))
            }
            Notice::Encoding { declared, used } => {
                format!("encoding said to be {}, read as {used}", quote(declared))
            }
            Notice::AmbiguousGuardian { value } => format!(
                "ambiguous legal code 2, no right of a legal guardian granted, found “{}”",
                quote(value)
            ),
            Notice::FileIgnored { why } => format!("file ignored: {}", why.english()),
            Notice::RowLength { expected, found } => {
                format!("unexpected number of cells, expected {expected}, found {found}")
            }
            Notice::Repaired { what } => format!("repaired while reading: {}", quote(what)),
        };
        format!("{}: {what}", self.place.english())
    }
}
