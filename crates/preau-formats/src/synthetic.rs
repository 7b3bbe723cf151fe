//! Invented AAF exports of any size, for benchmarks, load tests and demonstrations.
//!
//! The same [`Population`] always gives the same bytes: nothing is random, and nobody in it exists (the
//! school numbers begin with 099, the academy is called ESSAI). The files look like the state's: one a
//! type, cut every few thousand requests, in a folder or a `.tgz`.

use jiff::civil::Date;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Requests a file; the state cuts its own files likewise.
const REQUESTS_PER_FILE: u32 = 5_000;

/// Pupils a class.
const CLASS_SIZE: u32 = 26;

/// Pupils for one teacher.
const PUPILS_PER_TEACHER: u32 = 12;

const FAMILIES: &[&str] = &[
    "ABELIA",
    "ALISIER",
    "AMARANTE",
    "ANCOLIE",
    "ASPHODELE",
    "AUBEPINE",
    "BALSAMINE",
    "BERGERONNETTE",
    "BOULEAU-BLANC",
    "BRUYÈRE",
    "CHARDONNERET",
    "CHÈVREFEUILLE",
    "CORMORAN",
    "D’ANÉMONE",
    "DE LA SAULAIE",
    "ÉGLANTIER",
    "FAUVETTE",
    "FOUGÈRE",
    "GENÉVRIER",
    "GLYCINE",
    "GRIVE",
    "HIRONDELLE",
    "HÊTRE",
    "JONQUILLE",
    "LAVANDIN",
    "LE NOISETIER",
    "MÉLÈZE",
    "MÉSANGE",
    "ŒILLET",
    "ORTOLAN",
    "PERVENCHE",
    "PINSON",
    "ROITELET",
    "SARRIETTE",
    "SITTELLE",
    "TAMARIS",
    "TROÈNE",
    "VERDIER",
    "VIORNE",
    "ZINNIA",
];

const FIRST_NAMES: &[&str] = &[
    "Adèle",
    "Aïcha",
    "Anaïs",
    "Aurèle",
    "Bérénice",
    "Célestin",
    "Chloé",
    "Côme",
    "Dounia",
    "Éloi",
    "Émile",
    "Farah",
    "Félicité",
    "Gaëtan",
    "Héloïse",
    "Inès",
    "Jean-Loup",
    "Kenza",
    "Léonie",
    "Maëlys",
    "Malo",
    "Naïm",
    "Noé",
    "Océane",
    "Paul",
    "Quitterie",
    "Raphaël",
    "Salomé",
    "Soizic",
    "Théo",
    "Ursule",
    "Valère",
    "Wassim",
    "Yaël",
    "Zoé",
];

const LEVELS: &[(&str, &str)] =
    &[("6", "10010012110"), ("5", "10110019110"), ("4", "10210019110"), ("3", "10310019110")];

const SUBJECTS: &[(&str, &str)] = &[
    ("020700", "FRANCAIS"),
    ("061300", "MATHEMATIQUES"),
    ("030201", "ANGLAIS LV1"),
    ("030602", "ESPAGNOL LV2"),
    ("043700", "HISTOIRE-GEOGRAPHIE"),
    ("062900", "SCIENCES DE LA VIE ET DE LA TERRE"),
    ("100100", "EDUCATION PHYSIQUE ET SPORTIVE"),
];

/// A population to invent.
#[derive(Debug, Clone)]
pub struct Population {
    /// How many pupils.
    pub pupils: u32,
    /// How many of them a school; at least 1.
    pub pupils_per_school: u32,
    /// The date in the file names.
    pub date: Date,
    /// The prefix of the file names.
    pub prefix: String,
}

/// What was written: what an import must find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Schools.
    pub schools: u64,
    /// Classes.
    pub classes: u64,
    /// Groups.
    pub groups: u64,
    /// Pupils.
    pub pupils: u64,
    /// Staff, teachers included.
    pub staff: u64,
    /// Guardians.
    pub guardians: u64,
    /// Relations between pupils and guardians.
    pub guardianships: u64,
}

impl Population {
    /// That many pupils in schools of 460, exported on 1 November 2026.
    pub fn new(pupils: u32) -> Self {
        Self {
            pupils,
            pupils_per_school: 460,
            date: Date::constant(2026, 11, 1),
            prefix: "ENTESSAI".to_owned(),
        }
    }

    /// Writes the files into a folder, which is created.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_folder(&self, folder: &Path) -> io::Result<Counts> {
        std::fs::create_dir_all(folder)?;
        self.write(&mut |name, content| std::fs::write(folder.join(name), content))
    }

    /// Writes the files into a `.tgz` archive.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_tgz(&self, path: &Path) -> io::Result<Counts> {
        let file = BufWriter::new(File::create(path)?);
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        let counts = self.write(&mut |name, content| {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, content)
        })?;
        archive.into_inner()?.finish()?.flush()?;
        Ok(counts)
    }

    fn schools(&self) -> u32 {
        self.pupils.div_ceil(self.pupils_per_school.max(1))
    }

    fn write(&self, put: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>) -> io::Result<Counts> {
        let mut counts =
            Counts { schools: self.schools().into(), pupils: self.pupils.into(), ..Counts::default() };
        let mut files = Files { population: self, put };
        files.each("EtabEducNat", self.schools(), &mut |out, school| {
            let classes = self.classes(school);
            counts.classes += u64::from(classes);
            counts.groups += u64::from(classes);
            self.structure(out, school);
        })?;
        files.each("MatiereEducNat", count(SUBJECTS), &mut |out, at| {
            let (code, label) = SUBJECTS[at as usize];
            let mut request = Add::new(out, "categorieMatiere", "MatEducNat", code);
            request.value("ENTMatJointure", code);
            request.value("ENTLibelleMatiere", label);
        })?;
        files.each("MefEducNat", count(LEVELS), &mut |out, at| {
            let (level, track) = LEVELS[at as usize];
            let mut request = Add::new(out, "categorieMef", "MefEducNat", track);
            request.value("ENTMefJointure", track);
            request.value("ENTLibelleMef", &format!("{level}EME"));
        })?;
        for school in 0..self.schools() {
            counts.staff += u64::from(self.staff_of(school));
        }
        let staff = u32::try_from(counts.staff).map_err(io::Error::other)?;
        let mut school = 0;
        let mut nth = 0;
        files.each("PersEducNat", staff, &mut |out, number| {
            if nth == self.staff_of(school) {
                school += 1;
                nth = 0;
            }
            self.staff(out, number, school, nth);
            nth += 1;
        })?;
        let families = family_of(self.pupils.saturating_sub(1)) + u32::from(self.pupils > 0);
        files.each("PersRelEleve", families, &mut |out, family| {
            for parent in 0..parents_of(family) {
                counts.guardians += 1;
                guardian(out, family, parent);
            }
        })?;
        files.each("Eleve", self.pupils, &mut |out, number| {
            counts.guardianships += u64::from(parents_of(family_of(number)));
            self.pupil(out, number);
        })?;
        Ok(counts)
    }

    fn pupils_of(&self, school: u32) -> u32 {
        let first = school * self.pupils_per_school.max(1);
        self.pupils.saturating_sub(first).min(self.pupils_per_school.max(1))
    }

    fn classes(&self, school: u32) -> u32 {
        self.pupils_of(school).div_ceil(CLASS_SIZE)
    }

    /// A head, a counsellor, and teachers.
    fn staff_of(&self, school: u32) -> u32 {
        2 + self.pupils_of(school).div_ceil(PUPILS_PER_TEACHER)
    }

    fn structure(&self, out: &mut String, school: u32) {
        let id = structure_id(school);
        let mut request = Add::new(out, "categorieStructure", "EtabEducNat", &id);
        request.value("ENTStructureJointure", &id);
        request.value("ENTStructureUAI", &uai(school));
        let family = pick(FAMILIES, school);
        request.value("ENTStructureNomCourant", &format!("CLG-{family} {school}-ac-ESSAI"));
        request.value("ENTStructureTypeStruct", "COLLEGE");
        request.value("ENTEtablissementContrat", "PU");
        request.value("street", "3 place des Essais");
        request.value("postalCode", "00000");
        request.value("l", "ESSAIVILLE");
        request.value("ENTServAcAcademie", "ESSAI");
        let classes: Vec<String> = (0..self.classes(school))
            .map(|class| {
                let (level, track) = LEVELS[class as usize % LEVELS.len()];
                format!("{}${level}EME {}${track}${level}EME", class_code(class), class / count(LEVELS) + 1)
            })
            .collect();
        request.values("ENTStructureClasses", &classes);
        let groups: Vec<String> = (0..self.classes(school))
            .map(|class| format!("{code}LV2$Espagnol LV2 {code}${code}", code = class_code(class)))
            .collect();
        request.values("ENTStructureGroupes", &groups);
    }

    fn staff(&self, out: &mut String, number: u32, school: u32, nth: u32) {
        let id = (60_000_000 + number).to_string();
        let structure = structure_id(school);
        let (family, given) = (pick(FAMILIES, number * 7 + 3), pick(FIRST_NAMES, number));
        let mut request = Add::new(out, "categoriePersonne", "PersEducNat", &id);
        request.value("ENTPersonJointure", &id);
        request.value(
            "ENTPersonDateNaissance",
            &format!("{:02}/{:02}/19{}", number % 28 + 1, number % 12 + 1, 65 + number % 30),
        );
        request.value("sn", family);
        request.value("givenName", given);
        request.value("personalTitle", if number.is_multiple_of(2) { "Mme" } else { "M." });
        request.value("mail", &format!("agent{number}@ac-essai.example"));
        request.value("ENTPersonStructRattach", &structure);
        let function = match nth {
            0 => "DIR$DIRECTION$D0010$CHEF D ETABLISSEMENT",
            1 => "EDU$EDUCATION$C0000$CONSEILLER PRINCIPAL D EDUCATION",
            _ => "ENS$ENSEIGNEMENT$L0202$LETTRES MODERNES",
        };
        let classes = self.classes(school);
        let taught: Vec<String> = if nth < 2 || classes == 0 {
            Vec::new()
        } else {
            let (subject, _) = SUBJECTS[nth as usize % SUBJECTS.len()];
            (0..5.min(classes))
                .map(|k| format!("{structure}${}${subject}", class_code((nth + k) % classes)))
                .collect()
        };
        request.values("ENTAuxEnsClassesMatieres", &taught);
        request.value("ENTAuxEnsGroupesMatieres", "");
        let tutored = nth.checked_sub(2).filter(|nth| *nth < classes);
        request.value(
            "ENTAuxEnsClassesPrincipal",
            &tutored.map(|class| format!("{structure}${}", class_code(class))).unwrap_or_default(),
        );
        request.value("ENTPersonFonctions", &format!("{structure}${function}"));
        request.value("PersEducNatPresenceDevantEleves", if nth < 2 { "N" } else { "O" });
    }

    fn pupil(&self, out: &mut String, number: u32) {
        let per_school = self.pupils_per_school.max(1);
        let school = number / per_school;
        let class = number % per_school / CLASS_SIZE;
        let (level, track) = LEVELS[class as usize % LEVELS.len()];
        let (structure, code) = (structure_id(school), class_code(class));
        let family = family_of(number);
        let id = (70_000_000 + number).to_string();
        let mut request = Add::new(out, "categoriePersonne", "Eleve", &id);
        request.value("ENTPersonJointure", &id);
        request.value("ENTEleveINE", &format!("{number:09}ZZ"));
        request.value("ENTEleveStructRattachId", &number.to_string());
        let birth = format!("{:02}/{:02}/201{}", number % 28 + 1, number % 12 + 1, 2 + number % 4);
        request.value("ENTPersonDateNaissance", &birth);
        request.value("ENTPersonNomPatro", pick(FAMILIES, family));
        request.value("sn", pick(FAMILIES, family));
        request.value("givenName", pick(FIRST_NAMES, number * 11 + family));
        request.values("ENTPersonAutresPrenoms", &[pick(FIRST_NAMES, number * 11 + family), "Camille"]);
        request.value("personalTitle", if number.is_multiple_of(2) { "Mlle" } else { "M." });
        let guardianships: Vec<String> = (0..parents_of(family))
            .map(|parent| {
                format!("{}${}${}$1$1$0", guardian_id(family, parent), 10 + 10 * parent, 1 - parent)
            })
            .collect();
        request.values("ENTElevePersRelEleve", &guardianships);
        request.value("ENTEleveBoursier", "N");
        request.value("ENTEleveRegime", "DEMI-PENSIONNAIRE DANS L'ETABLISSEMENT");
        request.value("ENTPersonAdresse", &format!("{} rue des Platanes$$$", family % 90 + 1));
        request.value("ENTPersonCodePostal", "00000");
        request.value("ENTPersonVille", "ESSAIVILLE");
        request.value("ENTPersonPays", "FRANCE");
        request.value("ENTEleveStatutEleve", "SCOLAIRE");
        request.value("ENTEleveMEF", track);
        request.value("ENTEleveLibelleMEF", &format!("{level}EME"));
        request.value("ENTEleveNivFormation", &format!("{level}EME"));
        request.values("ENTEleveCodeEnseignements", &["020700", "030602"]);
        request.value("ENTPersonStructRattach", &structure);
        request.value("ENTEleveDateEntreeClasses", &format!("{structure}$01/09/2026${code}"));
        request.value("ENTEleveDateSortieClasses", "");
        request.value("ENTEleveClasses", &format!("{structure}${code}"));
        let group = if number.is_multiple_of(2) { format!("{structure}${code}LV2") } else { String::new() };
        request.value("ENTEleveGroupes", &group);
    }
}

fn guardian(out: &mut String, family: u32, parent: u32) {
    let id = guardian_id(family, parent);
    let mut request = Add::new(out, "categoriePersonne", "PersRelEleve", &id);
    request.value("ENTPersonJointure", &id);
    request.value("sn", pick(FAMILIES, family));
    request.value("givenName", pick(FIRST_NAMES, family * 2 + parent + 5));
    request.value("personalTitle", if parent == 0 { "Mme" } else { "M." });
    request.value("homePhone", "");
    request.value("ENTPersonAdresse", &format!("{} rue des Platanes$$$", family % 90 + 1));
    request.value("ENTPersonCodePostal", "00000");
    request.value("ENTPersonVille", "ESSAIVILLE");
    request.value("ENTPersonPays", "FRANCE");
    request.value("ENTPersonAdresseDiffusion", "N");
    request.value("mobile", &format!("+33 0 00 {:02} {:02} {:02}", family % 97, parent, family % 89));
    request.value("mail", &format!("famille{family}.{parent}@famille.example"));
}

/// Three families for four pupils: one of them has two children.
fn family_of(pupil: u32) -> u32 {
    pupil / 4 * 3 + (pupil % 4).saturating_sub(1)
}

fn parents_of(family: u32) -> u32 {
    if family.is_multiple_of(5) { 1 } else { 2 }
}

fn guardian_id(family: u32, parent: u32) -> String {
    (80_000_000 + family * 2 + parent).to_string()
}

fn structure_id(school: u32) -> String {
    (9_100 + school).to_string()
}

/// A number of the reserved shape: `099` and a counter, with the letter the checksum asks for.
fn uai(school: u32) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
    let number = 990_000 + school;
    let letter = LETTERS[number as usize % LETTERS.len()] as char;
    format!("{number:07}{letter}")
}

fn class_code(class: u32) -> String {
    let (level, _) = LEVELS[class as usize % LEVELS.len()];
    let nth = class / count(LEVELS);
    match u8::try_from(nth) {
        Ok(nth @ 0..=25) => format!("{level}{}", char::from(b'A' + nth)),
        _ => format!("{level}E{}", nth + 1),
    }
}

fn pick(list: &[&'static str], at: u32) -> &'static str {
    list[at as usize % list.len()]
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// Cuts what is written into files.
struct Files<'a> {
    population: &'a Population,
    put: &'a mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
}

impl Files<'_> {
    fn each(&mut self, kind: &str, total: u32, write: &mut dyn FnMut(&mut String, u32)) -> io::Result<()> {
        let Population { prefix, date, .. } = self.population;
        for (file, first) in (0..total.max(1)).step_by(REQUESTS_PER_FILE as usize).enumerate() {
            let mut out = String::from(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <!DOCTYPE ficAlimMENESR SYSTEM \"ficAlimMENESR.dtd\">\n<ficAlimMENESR>\n",
            );
            for number in first..total.min(first + REQUESTS_PER_FILE) {
                write(&mut out, number);
            }
            out.push_str("</ficAlimMENESR>\n");
            let name = format!("{prefix}_Complet_{}_{kind}_{file:04}.xml", date.strftime("%Y%m%d"));
            (self.put)(&name, out.as_bytes())?;
        }
        Ok(())
    }
}

/// An `addRequest` being written; complete when dropped.
struct Add<'a> {
    out: &'a mut String,
}

impl<'a> Add<'a> {
    fn new(out: &'a mut String, category: &str, value: &str, id: &str) -> Self {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<addRequest>\n<operationalAttributes><attr name=\"{category}\"><value>{value}</value></attr>\
             </operationalAttributes>\n<identifier><id>{id}</id></identifier>\n<attributes>"
        );
        Self { out }
    }

    fn value(&mut self, name: &str, value: &str) {
        self.values(name, &[value]);
    }

    fn values<S: AsRef<str>>(&mut self, name: &str, values: &[S]) {
        let _ = write!(self.out, "<attr name=\"{name}\">");
        if values.is_empty() {
            self.out.push_str("<value/>");
        }
        for value in values {
            match value.as_ref() {
                "" => self.out.push_str("<value/>"),
                value => {
                    let _ = write!(self.out, "<value>{}</value>", quick_xml::escape::escape(value));
                }
            }
        }
        self.out.push_str("</attr>\n");
    }
}

impl Drop for Add<'_> {
    fn drop(&mut self) {
        self.out.push_str("</attributes>\n</addRequest>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pupils_make_three_families() {
        let families: Vec<u32> = (0..9).map(family_of).collect();
        assert_eq!(families, [0, 0, 1, 2, 3, 3, 4, 5, 6]);
    }

    #[test]
    fn school_numbers_carry_their_checksum_letter() {
        assert!(crate::values::is_uai(&uai(0)));
        assert_ne!(uai(0), uai(1));
    }
}
