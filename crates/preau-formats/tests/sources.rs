//! Archives, folders, and what people give by mistake or by malice.

#![allow(clippy::unwrap_used)]

mod support;

use preau_formats::model::Kind;
use preau_formats::report::{IgnoredFile, Notice};
use preau_formats::synthetic::Population;
use preau_formats::{Bound, Error, Import, Input, Limits, ReadError, Unsupported};
use std::io::Write;
use std::path::Path;
use support::{aaf, add_person, fixture, folder, import, import_files, import_within};

const PUPILS: &str = "ENT_Complet_20261101_Eleve_0000.xml";

fn zip(path: &Path, members: &[(&str, &[u8])]) {
    let mut writer = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
}

fn tgz(path: &Path, members: &[(&str, &[u8])]) {
    let file = std::fs::File::create(path).unwrap();
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::default()));
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the library itself refuses dangerous names.
        let bytes = name.as_bytes();
        header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

fn people() -> Vec<u8> {
    aaf(&add_person("Eleve", "1", &[("sn", &["ESSAI"]), ("givenName", &["Zoé"])]))
}

#[test]
fn the_same_school_in_every_wrapping() {
    let dir = tempfile::tempdir().unwrap();
    let population = Population::new(60);
    let counts = population.write_folder(&dir.path().join("dossier")).unwrap();
    population.write_tgz(&dir.path().join("envoi.tgz")).unwrap();
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(dir.path().join("dossier"))
        .unwrap()
        .map(|f| f.unwrap())
        .map(|f| (f.file_name().into_string().unwrap(), std::fs::read(f.path()).unwrap()))
        .collect();
    let members: Vec<(&str, &[u8])> = files.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect();
    zip(&dir.path().join("envoi.zip"), &members);
    let mut tar = tar::Builder::new(std::fs::File::create(dir.path().join("envoi.tar")).unwrap());
    tar.append_dir_all("sous/dossier", dir.path().join("dossier")).unwrap();
    tar.finish().unwrap();
    for name in ["dossier", "envoi.tgz", "envoi.zip", "envoi.tar"] {
        let outcome = import([dir.path().join(name)]).unwrap();
        assert_eq!(outcome.count(Kind::School), counts.schools, "{name}");
        assert_eq!(outcome.count(Kind::Group), counts.classes + counts.groups, "{name}");
        assert_eq!(outcome.count(Kind::Pupil), counts.pupils, "{name}");
        assert_eq!(outcome.count(Kind::Staff), counts.staff, "{name}");
        assert_eq!(outcome.count(Kind::Guardian), counts.guardians, "{name}");
        assert_eq!(outcome.count(Kind::Guardianship), counts.guardianships, "{name}");
        assert_eq!((outcome.summary.skipped, outcome.summary.warnings), (0, 0), "{name}");
        let kinds: Vec<Kind> = outcome.entries().map(|e| e.record.kind()).collect();
        let at = |kind| kinds.iter().position(|k| *k == kind).unwrap();
        for kind in [Kind::Staff, Kind::Guardian, Kind::Pupil] {
            assert!(at(Kind::School) < at(kind) && at(Kind::Subject) < at(kind), "{name}");
        }
    }
}

#[test]
fn single_files_memory_and_gzip() {
    let dir = folder(&[(PUPILS, &people())]);
    assert_eq!(import([dir.path().join(PUPILS)]).unwrap().count(Kind::Pupil), 1);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&people()).unwrap();
    let packed = dir.path().join("x.xml.gz");
    std::fs::write(&packed, gz.finish().unwrap()).unwrap();
    assert_eq!(import([&packed]).unwrap().count(Kind::Pupil), 1);
    let import = Import::open([Input::memory(people(), PUPILS)], Limits::default()).unwrap();
    assert_eq!(import.meta().files, [PUPILS]);
    let refused = import.read(|_| Err("no")).unwrap_err();
    assert!(matches!(refused, ReadError::Receiver("no")));
}

#[test]
fn dangerous_names_are_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let people = people();
    let members: Vec<(&str, &[u8])> = vec![
        ("../../etc/ENT_Complet_20261101_Eleve_0001.xml", &people),
        ("/abs_Eleve.xml", &people),
        ("C:\\Eleve.xml", &people),
        ("ok/Eleve.xml", &people),
        ("__MACOSX/._Eleve.xml", b"junk"),
    ];
    tgz(&dir.path().join("a.tgz"), &members);
    zip(&dir.path().join("a.zip"), &members);
    for name in ["a.tgz", "a.zip"] {
        let outcome = import([dir.path().join(name)]).unwrap();
        assert_eq!(outcome.count(Kind::Pupil), 1, "{name}");
        let unsafe_names = outcome
            .warnings()
            .into_iter()
            .filter(|w| w.notice == Notice::FileIgnored { why: IgnoredFile::UnsafeName })
            .count();
        assert_eq!(unsafe_names, 3, "{name}");
    }
}

#[test]
fn decompression_bombs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    // 100 MiB of elements that are nearly all blanks compress almost a thousandfold.
    let element = format!("<x a='{}'/>\n", " ".repeat(10_000));
    let mut bomb = b"<ficAlimMENESR><addRequest>".to_vec();
    bomb.extend(std::iter::repeat_n(element.as_bytes(), 10_000).flatten());
    zip(&dir.path().join("bomb.zip"), &[("Eleve.xml", &bomb)]);
    tgz(&dir.path().join("bomb.tgz"), &[("Eleve.xml", &bomb)]);
    drop(bomb);
    for name in ["bomb.zip", "bomb.tgz"] {
        let error = import([dir.path().join(name)]).unwrap_err();
        assert!(matches!(&error, Error::TooLarge { what: Bound::Ratio, .. }), "{name}: {error:?}");
    }
    let limits = Limits { max_inflated: 1_000, ..Limits::default() };
    zip(&dir.path().join("small.zip"), &[("Eleve.xml", &aaf(&" ".repeat(5_000)))]);
    let error = import_within([dir.path().join("small.zip")], limits).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { what: Bound::InflatedBytes, limit: 1_000, .. }), "{error:?}");
    let limits = Limits { max_files: 2, ..Limits::default() };
    zip(&dir.path().join("many.zip"), &[("a.xml", b"1"), ("b.xml", b"2"), ("c.xml", b"3")]);
    let error = import_within([dir.path().join("many.zip")], limits).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: Bound::Files, .. }));
}

#[test]
fn a_value_without_end_does_not_fill_memory() {
    let mut endless = b"<ficAlimMENESR><addRequest><identifier><id>".to_vec();
    endless.resize(8 * 1024 * 1024, b'x');
    assert!(matches!(import_files(&[(PUPILS, &endless)]), Err(Error::TooLong { .. })));
    let mut endless = b"<ficAlimMENESR><addRequest a='".to_vec();
    endless.resize(8 * 1024 * 1024, b'x');
    assert!(matches!(import_files(&[(PUPILS, &endless)]), Err(Error::TooLong { .. })));
    let mut many = b"<ficAlimMENESR><addRequest><identifier><id>".to_vec();
    many.extend(std::iter::repeat_n(b"&amp;".as_slice(), 1_000_000).flatten());
    assert!(matches!(import_files(&[(PUPILS, &many)]), Err(Error::TooLong { .. })));
    let deep = format!("<ficAlimMENESR>{}", "<a>".repeat(100_000));
    assert!(matches!(import_files(&[(PUPILS, deep.as_bytes())]), Err(Error::Xml { .. })));
}

#[test]
fn damaged_archives_are_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    Population::new(60).write_tgz(&dir.path().join("a.tgz")).unwrap();
    let whole = std::fs::read(dir.path().join("a.tgz")).unwrap();
    std::fs::write(dir.path().join("cut.tgz"), &whole[..whole.len() / 2]).unwrap();
    let error = import([dir.path().join("cut.tgz")]).unwrap_err();
    assert!(matches!(&error, Error::Archive { .. }), "{error:?}");
    assert!(error.message_fr().contains("archive abîmée"));
    std::fs::write(dir.path().join("cut.zip"), b"PK\x03\x04 nothing else").unwrap();
    assert!(matches!(import([dir.path().join("cut.zip")]), Err(Error::Archive { .. })));
}

#[test]
fn files_given_by_mistake_are_explained() {
    let refused = |name: &str, content: &[u8]| match import_files(&[(name, content)]) {
        Err(Error::Unsupported { what, .. }) => what,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(refused("a.xml", b"<?xml version='1.0'?><BEE_ELEVES/>"), Unsupported::SieclePupils);
    assert_eq!(refused("a.xml", b"<BEE_RESPONSABLES/>"), Unsupported::SiecleGuardians);
    assert_eq!(refused("a.xml", b"<!-- x --><STS_EDT/>"), Unsupported::StsEdt);
    assert_eq!(refused("a.xml", b"<EDT_STS/>"), Unsupported::EdtSts);
    assert_eq!(refused("a.pdf", b"%PDF-1.7"), Unsupported::Document);
    assert_eq!(refused("a.7z", b"7z\xbc\xaf\x27\x1c"), Unsupported::OtherArchive);
    assert_eq!(refused("a.xls", b"\xd0\xcf\x11\xe0"), Unsupported::Spreadsheet);
    for name in ["mesinformations.ics", "EXP_EDT_0999901A.xml"] {
        let error = import([fixture(name)]).unwrap_err();
        assert!(error.message_fr().contains("importez-le depuis la page Emploi du temps"));
    }
    let dir = tempfile::tempdir().unwrap();
    zip(&dir.path().join("a.xlsx"), &[("[Content_Types].xml", b"<Types/>")]);
    let error = import([dir.path().join("a.xlsx")]).unwrap_err();
    assert!(error.message_fr().contains("enregistrez chaque feuille au format CSV"));
    let error = import_files(&[("notes.txt", b"bonjour")]).unwrap_err();
    assert!(matches!(&error, Error::Nothing { seen: 1, names } if names == &["notes.txt"]), "{error:?}");
    assert!(matches!(import_files(&[]), Err(Error::Nothing { seen: 0, .. })));
    assert!(import(["/nulle/part"]).unwrap_err().message_fr().contains("introuvable"));
}

#[test]
fn a_timetable_among_the_people_is_left_aside() {
    let outcome =
        import_files(&[(PUPILS, &people()), ("edt.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n")]).unwrap();
    assert_eq!(outcome.count(Kind::Pupil), 1);
    assert_eq!(
        outcome.warnings()[0].message_fr(),
        "edt.ics : fichier ignoré : emploi du temps, à importer depuis la page Emploi du temps"
    );
}
