//! EDT's XML export as a whole, and what goes wrong with it.

use preau_formats::timetable::{
    Found, GroupKind, LessonRecord, LessonState, NoticeKind, ReadOptions, SchoolZone, SourceFormat,
    Timetable, TimetableError, WrongFormat, read_edt, sniff,
};

const EXPORT: &str = include_str!("fixtures/timetable/edt.xml");

fn read(bytes: &[u8]) -> Result<Timetable, TimetableError> {
    read_edt(bytes, &ReadOptions::named("export.xml"))
}

fn local(lesson: &LessonRecord) -> String {
    let zone = SchoolZone::paris();
    format!(
        "{} {}",
        zone.local(lesson.starts_at).strftime("%F %R"),
        zone.local(lesson.ends_at).strftime("%R")
    )
}

fn kinds(timetable: &Timetable) -> Vec<&NoticeKind> {
    timetable.notices.iter().map(|notice| &notice.kind).collect()
}

/// An export with this body between the definitions and the end.
fn export(courses: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ExportEmploiDuTemps UAI="0999901A">
<AnneeScolaire DateDebut="2026-09-01" DateFin="2027-07-02" DatePremierJourSemaine1="2026-08-31"/>
<GrilleHoraire NombrePlacesParJour="4" DureePlace="30"><PlacesParJour>
<Place Numero="0" LibelleHeureDebut="8h00"/><Place Numero="1" LibelleHeureDebut="08:30"/>
<Place Numero="2" LibelleHeureDebut="09:00:00" LibelleHeureFin="09:25:00"/><Place Numero="3"/>
</PlacesParJour></GrilleHoraire>
<Cours>{courses}</Cours>
<Matieres><Matiere Ident="1" Code="SVT" Libelle="SCIENCES VIE &amp; TERRE"/></Matieres>
<Salles><Salle Ident="1" Nom="Labo 1"/><Salle Ident="2" Nom="Labo 2"/></Salles>
<Professeurs><Professeur Ident="1" Nom="PIVOINE" Prenom="Ang&eacute;lique"/><Professeur Ident="2" Nom="LORIOT"/></Professeurs>
<Classes><Classe Ident="1" Nom="4A"><PartieDeClasse Ident="1" Nom="gr1"/></Classe><Classe Ident="2" Nom="4B"><PartieDeClasse Ident="2" Nom="gr2"/></Classe></Classes>
<Groupes><Groupe Ident="1" Nom="4LAT"><PartieDeClasse Ident="1"/><PartieDeClasse Ident="2"/></Groupe></Groupes>
</ExportEmploiDuTemps>
"#
    )
}

fn course(attributes: &str, parts: &str) -> String {
    format!(
        r#"<Cours Numero="7" Jour="1" NumeroPlaceDebut="0" NombrePlaces="2" {attributes}><Matiere Ident="1"/>{parts}</Cours>"#
    )
}

#[test]
fn a_whole_export() {
    let found = read(EXPORT.as_bytes()).unwrap();
    assert_eq!(found.format, SourceFormat::Edt);
    assert!(found.notices.is_empty(), "{:?}", found.notices);
    // 43 weeks twice, and the 21 even weeks once.
    assert_eq!(found.lessons.len(), 43 + 43 + 21);

    let first = &found.lessons[0];
    assert_eq!(first.source_key.as_str(), "edt-1-s01");
    assert_eq!(local(first), "2026-08-31 08:00 08:55");
    assert_eq!((first.subject.label.as_str(), first.subject.code.as_deref()), ("FRANCAIS", Some("020700")));
    assert_eq!(
        (first.teachers[0].family.as_str(), first.teachers[0].given.as_deref()),
        ("HOUBLON-KERVAL", Some("Soizic"))
    );
    assert_eq!((first.groups[0].kind, first.groups[0].label.as_str()), (GroupKind::Class, "4A"));
    assert_eq!(first.room.as_deref(), Some("B12"));
    assert_eq!(first.line, 12);

    let cancelled: Vec<_> =
        found.lessons.iter().filter(|lesson| lesson.state == LessonState::Cancelled).collect();
    assert_eq!(cancelled.len(), 1);
    assert_eq!(local(cancelled[0]), "2026-11-03 10:05 11:55");
    assert_eq!(cancelled[0].source_key.as_str(), "edt-2-s10");
    assert_eq!(
        (cancelled[0].groups[0].label.as_str(), cancelled[0].groups[0].classes.as_slice()),
        ("4ESP1", ["4A".to_owned()].as_slice())
    );

    let fridays: Vec<_> = found.lessons.iter().filter(|lesson| lesson.line == 14).collect();
    assert_eq!(local(fridays[0]), "2026-09-11 13:30 14:25");
    assert_eq!(local(fridays[1]), "2026-09-25 13:30 14:25");
    assert_eq!(fridays[0].groups[0].kind, GroupKind::Part);
}

#[test]
fn lessons_before_their_definitions_and_holes_in_the_grid() {
    let found = read(
        export(&course("", r#"<Professeur Ident="1" Semaines="4"/><Groupe Ident="1" Semaines="4"/>"#))
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(found.header.school.as_deref(), Some("0999901A"));
    let [lesson] = found.lessons.as_slice() else { panic!("{found:?}") };
    // The second place has a start and no end: its length gives it.
    assert_eq!(local(lesson), "2026-09-07 08:00 09:00");
    assert_eq!(lesson.subject.label, "SCIENCES VIE & TERRE");
    assert_eq!(lesson.teachers[0].given.as_deref(), Some("Angélique"));
    assert_eq!(lesson.groups[0].classes, ["4A", "4B"]);
}

#[test]
fn everyone_has_their_own_weeks() {
    // Week 2: teacher 1 with 4A in Labo 1. Week 3: teacher 2 with 4A and 4B in Labo 2. Week 4: only a
    // room is booked. Week 5 is cancelled and no longer in any mask.
    let parts = r#"<Professeur Ident="1" Semaines="4"/><Professeur Ident="2" Semaines="8"/>
        <Classe Ident="1" Semaines="12"/><Classe Ident="2" Semaines="8"/><Personnel Ident="9" Semaines="4"/>
        <Salle Ident="1" Semaines="20"/><Salle Ident="2" Semaines="8"/>"#;
    let found = read(export(&course(r#"SemainesAnnulation="32""#, parts)).as_bytes()).unwrap();
    let told: Vec<_> = found
        .lessons
        .iter()
        .map(|lesson| {
            let teachers: Vec<_> = lesson.teachers.iter().map(|teacher| teacher.family.as_str()).collect();
            let groups: Vec<_> = lesson.groups.iter().map(|group| group.label.as_str()).collect();
            (
                lesson.source_key.as_str(),
                lesson.state,
                teachers.join("+"),
                groups.join("+"),
                lesson.room.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("edt-7-s02", LessonState::Normal, "PIVOINE".into(), "4A".into(), Some("Labo 1")),
            ("edt-7-s03", LessonState::Normal, "LORIOT".into(), "4A+4B".into(), Some("Labo 2")),
            (
                "edt-7-s05",
                LessonState::Cancelled,
                "PIVOINE+LORIOT".into(),
                "4A+4B".into(),
                Some("Labo 1, Labo 2")
            ),
        ]
    );
    assert!(found.notices.is_empty(), "{:?}", found.notices);
}

#[test]
fn occurrences_share_what_they_name() {
    let found = read(EXPORT.as_bytes()).unwrap();
    let mondays: Vec<_> = found.lessons.iter().filter(|lesson| lesson.line == 12).collect();
    assert!(mondays.iter().all(|lesson| std::sync::Arc::ptr_eq(&lesson.groups[0], &mondays[0].groups[0])));
    assert!(
        mondays.iter().all(|lesson| std::sync::Arc::ptr_eq(&lesson.teachers[0], &mondays[0].teachers[0]))
    );
}

#[test]
fn a_replacement_hides_what_it_replaces() {
    let cancelled = course(r#"SemainesAnnulation="4""#, r#"<Classe Ident="1" Semaines="4"/>"#);
    let instead = course("", r#"<Classe Ident="1" Semaines="4"/>"#).replace(r#"Numero="7""#, r#"Numero="8""#);
    let found = read(export(&[cancelled, instead].concat()).as_bytes()).unwrap();
    assert_eq!(found.lessons.iter().filter(|lesson| lesson.is_shown()).count(), 1);
    assert_eq!(found.lessons[1].replaces.as_ref().unwrap().as_str(), "edt-7-s02");
}

#[test]
fn doubts_and_faults_of_single_lessons() {
    let class = r#"<Classe Ident="1" Semaines="4"/>"#;
    for (courses, expected, lessons) in [
        (
            course("", r#"<Classe Ident="1" Semaines="4"/><Professeur Ident="99" Semaines="4"/>"#),
            NoticeKind::UnknownReference("teacher", "99".into()),
            1,
        ),
        (course("", r#"<Salle Ident="1" Semaines="4"/>"#), NoticeKind::NobodyThere, 0),
        (course("", r#"<Classe Ident="1" Semaines="1"/>"#), NoticeKind::NoWeek, 0),
        (
            course("", r#"<Classe Ident="1" Semaines="4"/><Salle Ident="1" Semaines="beaucoup"/>"#),
            NoticeKind::UnreadableMask("beaucoup".into()),
            1,
        ),
        // Week 1 holds 31 August, before the first day; week 50 lies after the last.
        (
            course("", r#"<Classe Ident="1" Semaines="1125899906842630"/>"#),
            NoticeKind::WeeksOutsideYear(2),
            1,
        ),
        (
            course("", class).replace(r#"Jour="1""#, r#"Jour="9""#),
            NoticeKind::UnreadableNumber("Jour", "9".into()),
            0,
        ),
        (
            course("", class).replace(r#"NombrePlaces="2""#, ""),
            NoticeKind::UnreadableNumber("NombrePlaces", String::new()),
            0,
        ),
        (
            course("", class).replace(r#"NombrePlaces="2""#, r#"NombrePlaces="9""#),
            NoticeKind::UnknownReference("place", "8".into()),
            0,
        ),
        (
            course("", class)
                .replace(r#"NumeroPlaceDebut="0""#, r#"NumeroPlaceDebut="3""#)
                .replace(r#"NombrePlaces="2""#, r#"NombrePlaces="1""#),
            NoticeKind::NoStart,
            0,
        ),
    ] {
        let found = read(export(&courses).as_bytes()).unwrap();
        assert_eq!(kinds(&found), [&expected], "{courses}");
        assert_eq!(found.notices[0].line, 8, "{courses}");
        assert_eq!(found.lessons.len(), lessons, "{courses}");
        assert!(!found.notices[0].fr().is_empty() && !found.notices[0].en().is_empty());
    }
}

#[test]
fn indispensable_parts() {
    let missing = |text: String| match read(text.as_bytes()) {
        Err(TimetableError::Missing { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(EXPORT.replace("DatePremierJourSemaine1", "Autre")),
        "AnneeScolaire/@DatePremierJourSemaine1"
    );
    assert_eq!(missing(EXPORT.replace("<Place ", "<Endroit ")), "GrilleHoraire/Place");
    assert_eq!(missing(export("")), "Cours");
    let error = read(EXPORT.replace("2026-08-31", "lundi").as_bytes()).unwrap_err();
    assert!(error.fr().contains("Ligne 3") && error.fr().contains("lundi"), "{}", error.fr());
    let late = read(EXPORT.replace("2026-08-31", "2026-09-01").as_bytes()).unwrap();
    assert_eq!(kinds(&late), [&NoticeKind::WeekNotFromMonday("2026-09-01".into())]);
}

#[test]
fn files_that_are_something_else() {
    let found = |bytes: &[u8]| match read(bytes) {
        Err(TimetableError::WrongFormat(WrongFormat { found, .. })) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found(b""), Found::Nothing);
    assert_eq!(found(b"<html><body>"), Found::WebPage);
    assert_eq!(found(include_bytes!("fixtures/timetable/pronote.ics")), Found::Calendar);
    assert_eq!(found(b"<?xml version='1.0'?><EDT_STS><PARAMETRES/></EDT_STS>"), Found::Xml("EDT_STS".into()));
    let encrypted = b"<?xml version='1.0'?><Export><UAI>0999901A</UAI><CLES><CLE>x</CLE></CLES></Export>";
    assert!(matches!(read(encrypted), Err(TimetableError::Encrypted)));
    assert_eq!(sniff(EXPORT.as_bytes()), Some(SourceFormat::Edt));
    assert_eq!(sniff(include_bytes!("fixtures/timetable/pronote.ics")), Some(SourceFormat::Ics));
    assert_eq!(sniff(b"<a/>"), None);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let end = EXPORT.trim_end().len();
    for cut in (0..end).filter(|cut| EXPORT.is_char_boundary(*cut)) {
        match read(&EXPORT.as_bytes()[..cut]) {
            Err(TimetableError::Truncated { .. } | TimetableError::WrongFormat(_)) => {}
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(read(&EXPORT.as_bytes()[..end]).is_ok());
}

#[test]
fn entities_are_neither_expanded_nor_fetched() {
    let with = |doctype: &str, name: &str| {
        EXPORT
            .replace("<ExportEDT>", &format!("{doctype}<ExportEDT>"))
            .replace(r#"Libelle="FRANCAIS""#, &format!(r#"Libelle="{name}""#))
    };
    let laughs = r#"<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>"#;
    assert!(matches!(read(with(laughs, "&c;").as_bytes()), Err(TimetableError::Entities { line: 2 })));
    let outside = r#"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#;
    assert!(matches!(read(with(outside, "&x;").as_bytes()), Err(TimetableError::Entities { .. })));
    // A document type without entities is harmless: nothing is fetched, and the name stays as it is.
    let found = read(with(r#"<!DOCTYPE ExportEDT SYSTEM "file:///etc/passwd">"#, "&x;").as_bytes()).unwrap();
    assert_eq!(found.lessons[0].subject.label, "&x;");
}

#[test]
fn encodings() {
    let expected = read(EXPORT.as_bytes()).unwrap().lessons;
    let latin: Vec<u8> = EXPORT
        .replace("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    assert_eq!(read(&latin).unwrap().lessons, expected);
    let utf16: Vec<u8> =
        [0xFE, 0xFF].into_iter().chain(EXPORT.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    assert_eq!(read(&utf16).unwrap().lessons, expected);
    // Latin-1 that claims to be UTF-8 is refused at its line, rather than read with wrong names.
    let lying: Vec<u8> = EXPORT.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let error = read(&lying).unwrap_err();
    assert!(matches!(error, TimetableError::Encoding { line: 7, encoding: "UTF-8" }), "{error:?}");
}

#[test]
fn bounds_hold() {
    let huge = EXPORT.replace("FRANCAIS", &"F".repeat(300_000));
    assert!(matches!(read(huge.as_bytes()), Err(TimetableError::ElementTooLong { line: 5, limit: 262_144 })));
    let deep = "<a>".repeat(100_000);
    assert!(matches!(read(deep.as_bytes()), Err(TimetableError::Malformed { .. })));
    let mut options = ReadOptions::named("export.xml");
    options.limits.lessons = 60;
    assert!(matches!(
        read_edt(EXPORT.as_bytes(), &options),
        Err(TimetableError::TooManyLessons { limit: 60 })
    ));
    let crossed = EXPORT.replace("</Salles>", "</Matieres>");
    assert!(matches!(read(crossed.as_bytes()), Err(TimetableError::Malformed { line: 6, .. })));
}
