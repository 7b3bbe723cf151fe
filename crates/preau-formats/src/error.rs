//! What stops an import: input that cannot be read as a whole.
//!
//! Each error says what, where and what to do, in French and in English. A single bad row never ends
//! up here (see [`crate::report`]); a truncated or dangerous file always does, because a file of which
//! the end is missing cannot say who has left.

use crate::report::{Place, quote};
use std::path::PathBuf;
use thiserror::Error;

/// Why the input as a whole was refused.
#[derive(Debug, Error)]
pub enum Error {
    /// A path could not be opened or read.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Reading within a file failed half-way.
    #[error("{place}: {message}")]
    Read {
        /// File and line reached.
        place: Place,
        /// The reason, in English.
        message: String,
    },
    /// An archive is damaged.
    #[error("{file}: damaged archive: {message}")]
    Archive {
        /// The archive.
        file: String,
        /// The reason, in English.
        message: String,
    },
    /// An archive is protected by a password.
    #[error("{file}: encrypted archive")]
    Encrypted {
        /// The archive or member.
        file: String,
    },
    /// A file of a kind that has to be saved or exported otherwise.
    #[error("{file}: {what} cannot be imported")]
    Unsupported {
        /// The file.
        file: String,
        /// What it is.
        what: Unsupported,
    },
    /// A bound that protects the server was passed.
    #[error("{file}: more than {limit} {what}")]
    TooLarge {
        /// The file or archive.
        file: String,
        /// What there was too much of.
        what: Bound,
        /// The bound.
        limit: u64,
    },
    /// A line, value or record of the file is longer than any real one.
    #[error("{place}: value longer than {limit} bytes")]
    TooLong {
        /// File and line.
        place: Place,
        /// The bound in bytes.
        limit: usize,
    },
    /// The XML is not well formed.
    #[error("{place}: {message}")]
    Xml {
        /// File and line.
        place: Place,
        /// What the parser says, in English.
        message: String,
    },
    /// The file ends in the middle of an element.
    #[error("{place}: the file ends inside <{element}>")]
    Truncated {
        /// File and line of the end.
        place: Place,
        /// The innermost open element.
        element: String,
    },
    /// The file declares entities of its own.
    #[error("{place}: entity declaration refused")]
    EntityDeclared {
        /// File and line.
        place: Place,
    },
    /// The root element is not that of the format.
    #[error("{place}: expected <{expected}>, found <{found}>")]
    WrongRoot {
        /// File and line.
        place: Place,
        /// Root the format has.
        expected: &'static str,
        /// Root that was found.
        found: String,
    },
    /// A table lacks columns without which it cannot be read.
    #[error("{place}: missing column {column}")]
    MissingColumn {
        /// File and line of the header.
        place: Place,
        /// The column, by its usual name.
        column: String,
        /// The columns that were found.
        found: Vec<String>,
    },
    /// The files belong to several formats.
    #[error("files of several formats: {first} is {first_format}, {second} is {second_format}")]
    MixedFormats {
        /// One file.
        first: String,
        /// Its format.
        first_format: String,
        /// Another file.
        second: String,
        /// Its format.
        second_format: String,
    },
    /// Complete and partial exports were given together.
    #[error("complete export {complete} and partial export {partial} together")]
    MixedCompleteness {
        /// A file of the complete export.
        complete: String,
        /// A file of the partial export.
        partial: String,
    },
    /// A set of files lacks one without which it cannot be read.
    #[error("file {missing} is missing")]
    MissingFile {
        /// Its usual name.
        missing: &'static str,
    },
    /// Nothing in the input can be imported.
    #[error("nothing to import among {seen} files")]
    Nothing {
        /// How many files were looked at.
        seen: usize,
        /// Up to five of their names.
        names: Vec<String>,
    },
    /// The receiver of the records asked to stop. Only seen inside this crate: [`crate::Import::read`]
    /// turns it into the receiver's own error.
    #[error("stopped by the receiver")]
    Stopped,
}

/// What there can be too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Bytes once decompressed.
    InflatedBytes,
    /// Times the compressed size (a decompression bomb).
    Ratio,
    /// Files.
    Files,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InflatedBytes => "bytes once decompressed",
            Self::Ratio => "times its compressed size",
            Self::Files => "files",
        })
    }
}

/// Files that are recognised only to say what to give instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// `BEE_ELEVES`: pupils out of SIECLE.
    SieclePupils,
    /// `BEE_RESPONSABLES`: guardians out of SIECLE.
    SiecleGuardians,
    /// Another SIECLE export.
    Siecle,
    /// `STS_EDT`: what STS sends down to the timetable.
    StsEdt,
    /// `EDT_STS`: what a timetable sends up to STS.
    EdtSts,
    /// A timetable (ICS or EDT XML).
    Timetable,
    /// An Excel or LibreOffice workbook.
    Spreadsheet,
    /// 7z or RAR.
    OtherArchive,
    /// PDF, Word or another document.
    Document,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SieclePupils => "a SIECLE pupils export (BEE_ELEVES)",
            Self::SiecleGuardians => "a SIECLE guardians export (BEE_RESPONSABLES)",
            Self::Siecle => "a SIECLE export",
            Self::StsEdt => "an STS_EDT file (STS to timetable)",
            Self::EdtSts => "an EDT_STS file (timetable to STS)",
            Self::Timetable => "a timetable",
            Self::Spreadsheet => "a spreadsheet workbook",
            Self::OtherArchive => "a 7z or RAR archive",
            Self::Document => "a document",
        })
    }
}

impl Unsupported {
    /// What the file is and what to give instead, in French.
    pub fn advice_fr(self) -> &'static str {
        match self {
            Self::SieclePupils | Self::SiecleGuardians | Self::Siecle => {
                "c'est un export SIECLE (base élèves), qui ne s'importe pas encore ici ; demandez l'export AAF \
                 de votre académie, ou fournissez les fichiers CSV élèves, parents, enseignants"
            }
            Self::StsEdt => {
                "c'est un fichier STS_EDT (de STS-Web vers le logiciel d'emploi du temps) : il ne contient \
                 pas les élèves et ne s'importe pas ici ; demandez l'export AAF de votre académie, ou fournissez \
                 des fichiers CSV"
            }
            Self::EdtSts => {
                "c'est un fichier EDT_STS (du logiciel d'emploi du temps vers STS-Web), à ne pas confondre \
                 avec STS_EDT : il remonte les services et ne s'importe pas ici ; pour l'emploi du temps, \
                 exportez EDT en XML ou en ICS"
            }
            Self::Timetable => "c'est un emploi du temps : importez-le depuis la page Emploi du temps",
            Self::Spreadsheet => {
                "c'est un classeur de tableur : ouvrez-le et enregistrez chaque feuille au format CSV"
            }
            Self::OtherArchive => "archive 7z ou RAR : refaites-la en .zip ou en .tgz",
            Self::Document => "ce document n'est pas un export : donnez un fichier XML, CSV, .zip ou .tgz",
        }
    }

    /// What the file is and what to give instead, in English.
    pub fn advice_en(self) -> &'static str {
        match self {
            Self::SieclePupils | Self::SiecleGuardians | Self::Siecle => {
                "this is a SIECLE export (pupil base), which cannot be imported here yet; ask your academy for \
                 the AAF export, or give the CSV files of pupils, parents and teachers"
            }
            Self::StsEdt => {
                "this is an STS_EDT file (from STS to the timetable software): it holds no pupils and is not \
                 imported here; ask your academy for the AAF export, or give CSV files"
            }
            Self::EdtSts => {
                "this is an EDT_STS file (from the timetable software to STS), not to be confused with STS_EDT: \
                 it reports services and is not imported here; for the timetable, export EDT as XML or ICS"
            }
            Self::Timetable => "this is a timetable: import it from the Timetable page",
            Self::Spreadsheet => "this is a spreadsheet workbook: open it and save each sheet as CSV",
            Self::OtherArchive => "7z or RAR archive: make it again as .zip or .tgz",
            Self::Document => "this document is not an export: give an XML, CSV, .zip or .tgz file",
        }
    }
}

impl Error {
    /// What stopped the import, in plain French: what, where, what to do.
    pub fn message_fr(&self) -> String {
        match self {
            Self::Io { path, source } => format!(
                "{} : lecture impossible ({}) ; vérifiez que le fichier existe et que l'on peut le lire",
                path.display(),
                io_reason_fr(source)
            ),
            Self::Read { place, message } => {
                format!(
                    "{} : lecture interrompue ({message}) ; transférez le fichier à nouveau",
                    place.french()
                )
            }
            Self::Archive { file, message } => {
                format!("{file} : archive abîmée ({message}) ; transférez-la ou refaites-la")
            }
            Self::Encrypted { file } => {
                format!("{file} : archive protégée par un mot de passe ; extrayez-la d'abord")
            }
            Self::Unsupported { file, what } => format!("{file} : {}", what.advice_fr()),
            Self::TooLarge { file, what, limit } => match what {
                Bound::InflatedBytes => format!(
                    "{file} : contenu trop volumineux une fois décompressé, attendu au plus {limit} octets ; \
                     importez l'envoi en plusieurs fois"
                ),
                Bound::Ratio => format!(
                    "{file} : archive suspecte, le contenu fait plus de {limit} fois la taille compressée ; \
                     extrayez-la et donnez le dossier si vous la savez saine"
                ),
                Bound::Files => format!("{file} : trop de fichiers, attendu au plus {limit}"),
            },
            Self::TooLong { place, limit } => format!(
                "{} : valeur démesurée, attendu au plus {limit} octets ; le fichier est sans doute abîmé",
                place.french()
            ),
            Self::Xml { place, message } => format!(
                "{} : XML mal formé, attendu un document bien formé, trouvé une erreur ({}) ; demandez un nouvel \
                 export",
                place.french(),
                quote(message)
            ),
            Self::Truncated { place, element } => format!(
                "{} : fichier incomplet, attendu la fin de <{}>, trouvé la fin du fichier ; rien n'a été importé, \
                 transférez le fichier à nouveau",
                place.french(),
                quote(element)
            ),
            Self::EntityDeclared { place } => format!(
                "{} : le fichier déclare ses propres entités XML, ce qui est refusé par sécurité ; un export AAF \
                 n'en contient pas",
                place.french()
            ),
            Self::WrongRoot { place, expected, found } => format!(
                "{} : format inattendu, attendu l'élément <{expected}>, trouvé <{}>",
                place.french(),
                quote(found)
            ),
            Self::MissingColumn { place, column, found } => format!(
                "{} : colonne manquante, attendu « {column} », trouvé {}",
                place.french(),
                found.iter().map(|name| format!("« {} »", quote(name))).collect::<Vec<_>>().join(", ")
            ),
            Self::MixedFormats { first, first_format, second, second_format } => format!(
                "formats mélangés : {first} est au format {first_format}, {second} au format {second_format} ; \
                 importez-les séparément"
            ),
            Self::MixedCompleteness { complete, partial } => format!(
                "exports mélangés : {complete} est complet, {partial} ne contient que des changements ; importez \
                 d'abord le complet, puis l'autre"
            ),
            Self::MissingFile { missing } => {
                format!("fichier manquant : attendu {missing}, trouvé aucun fichier de ce nom")
            }
            Self::Nothing { seen: 0, .. } => "rien à importer : aucun fichier n'a été trouvé".to_owned(),
            Self::Nothing { seen, names } => format!(
                "rien à importer : aucun des {seen} fichiers n'est d'un format reconnu ({}) ; formats reconnus : \
                 AAF (XML, .tgz, .zip), CSV, OneRoster",
                names.join(", ")
            ),
            Self::Stopped => "lecture arrêtée".to_owned(),
        }
    }

    /// What stopped the import, in English: what, where, what to do.
    pub fn message_en(&self) -> String {
        match self {
            Self::Io { path, source } => format!(
                "{}: cannot be read ({source}); check that the file exists and may be read",
                path.display()
            ),
            Self::Read { place, message } => {
                format!("{}: reading broke off ({message}); transfer the file again", place.english())
            }
            Self::Archive { file, message } => {
                format!("{file}: damaged archive ({message}); transfer it or make it again")
            }
            Self::Encrypted { file } => format!("{file}: protected by a password; extract it first"),
            Self::Unsupported { file, what } => format!("{file}: {}", what.advice_en()),
            Self::TooLarge { .. } => format!("{self}; the input was refused to protect the server"),
            Self::TooLong { place, limit } => {
                format!("{}: value longer than {limit} bytes; the file is probably damaged", place.english())
            }
            Self::Xml { place, message } => format!(
                "{}: XML that is not well formed ({}); ask for a new export",
                place.english(),
                quote(message)
            ),
            Self::Truncated { place, element } => format!(
                "{}: incomplete file, expected the end of <{}>, found the end of the file; nothing was \
                 imported, transfer the file again",
                place.english(),
                quote(element)
            ),
            Self::EntityDeclared { place } => format!(
                "{}: the file declares XML entities of its own, which is refused for safety; an AAF export \
                 contains none",
                place.english()
            ),
            Self::WrongRoot { place, expected, found } => {
                format!("{}: expected the element <{expected}>, found <{}>", place.english(), quote(found))
            }
            Self::MissingColumn { place, column, found } => format!(
                "{}: missing column, expected “{column}”, found {}",
                place.english(),
                found.iter().map(|name| format!("“{}”", quote(name))).collect::<Vec<_>>().join(", ")
            ),
            Self::MixedFormats { .. } => format!("{self}; import them separately"),
            Self::MixedCompleteness { complete, partial } => format!(
                "{complete} is a complete export, {partial} holds only changes; import the complete one first, \
                 then the other"
            ),
            Self::MissingFile { missing } => {
                format!("file missing: expected {missing}, found none of that name")
            }
            Self::Nothing { seen: 0, .. } => "nothing to import: no file was found".to_owned(),
            Self::Nothing { seen, names } => format!(
                "nothing to import: none of the {seen} files is of a known format ({}); known formats: AAF (XML, \
                 .tgz, .zip), CSV, OneRoster",
                names.join(", ")
            ),
            Self::Stopped => "stopped by the receiver".to_owned(),
        }
    }
}

fn io_reason_fr(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "introuvable".to_owned(),
        std::io::ErrorKind::PermissionDenied => "accès refusé".to_owned(),
        _ => error.to_string(),
    }
}
