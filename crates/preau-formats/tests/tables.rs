//! Generic CSV and OneRoster.

#![allow(clippy::unwrap_used)]

mod support;

use jiff::civil::date;
use preau_formats::model::{Action, GroupKind, Kind, Legal, Link, Record, StaffProfile, System};
use preau_formats::report::{Notice, SkipReason};
use preau_formats::{Error, Format};
use support::{fixture, import, import_files};

const PUPILS: &str = "externalid;Prénom*;Nom*;Classe;Date de naissance*;email\n\
    E1;Maëlys;VERDOYANT;4A;03/02/2013;\n\
    E2;Noé;D'ORSEILLE;4A;04/02/2013;noe@famille.example\n\
    E3;Zoé;DE LA GRANGE;3B;05/02/2012;\n";

fn pupil_name(outcome: &support::Outcome, id: &str) -> String {
    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, id).record else { panic!() };
    format!("{} {}", pupil.name.given, pupil.name.family)
}

#[test]
fn a_school_in_five_files() {
    let outcome = import_files(&[
        ("eleves.csv", PUPILS.as_bytes()),
        ("enseignants.csv", "id;nom;prenom;fonction;classe;classe;pp\nP1;HOUBLON;Soizic;Français;4A;3B;4A\n".as_bytes()),
        ("personnels.csv", "id;nom;prenom;fonction\nS1;NOISETIER;Ursule;CPE\nS2;LAVANDIN;Paul;Direction\n".as_bytes()),
        ("parents.csv", "id;nom;prenom;telephone portable;Childexternalid*;Childexternalid\nR1;VERDOYANT;Hortense;06;E1;E3\n".as_bytes()),
        ("invites.csv", "id;nom;prenom;classes\nG1;ORTOLAN;Claire;4A\n".as_bytes()),
    ])
    .unwrap();
    assert_eq!(outcome.meta.format, Format::Csv);
    assert!(outcome.skipped().is_empty() && outcome.warnings().is_empty(), "{:?}", outcome.warnings());
    for (kind, count) in [
        (Kind::Pupil, 3),
        (Kind::Staff, 4),
        (Kind::Guardian, 1),
        (Kind::Guardianship, 2),
        (Kind::Enrolment, 3),
        (Kind::Teaching, 3),
        (Kind::HeadTeacher, 1),
        (Kind::Group, 2),
        (Kind::Subject, 1),
    ] {
        assert_eq!(outcome.count(kind), count, "{kind:?}");
    }
    let profile = |id: &str| {
        let Record::Staff(_, staff) = &outcome.entry(Kind::Staff, id).record else { panic!() };
        staff.profile()
    };
    assert_eq!(profile("P1"), StaffProfile::Teacher);
    assert_eq!(profile("S1"), StaffProfile::StudentLife);
    assert_eq!(profile("S2"), StaffProfile::Head);
    assert_eq!(profile("G1"), StaffProfile::Guest);
    let guardianship = outcome.guardianship("E3", "R1");
    assert_eq!((guardianship.link, guardianship.legal), (Link::Parent, Legal::Guardian));
}

#[test]
fn any_separator_encoding_and_line_end() {
    let latin: Vec<u8> = PUPILS.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let bom = [b"\xef\xbb\xbf".as_slice(), PUPILS.as_bytes()].concat();
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(PUPILS.replace(';', "\t").encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let variants: [(&str, Vec<u8>); 7] = [
        ("utf-8", PUPILS.into()),
        ("bom", bom),
        ("latin", latin),
        ("utf-16", wide),
        ("commas", PUPILS.replace(';', ",").into()),
        ("windows lines", PUPILS.replace('\n', "\r\n").into()),
        ("announced", format!("sep=;\r\n{PUPILS}").into()),
    ];
    for (what, content) in variants {
        let outcome = import_files(&[("eleves.csv", &content)]).unwrap();
        assert_eq!(outcome.count(Kind::Pupil), 3, "{what}");
        assert_eq!(pupil_name(&outcome, "E1"), "Maëlys VERDOYANT", "{what}");
        let line = outcome.entry(Kind::Pupil, "E3").place.line;
        assert_eq!(line, if what == "announced" { 5 } else { 4 }, "{what}");
    }
}

#[test]
fn children_are_found_by_name_and_class() {
    let pupils =
        "Nom;Prénom;Classe;Né(e) le\nPINSON;Léa;4A;01/01/2013\nPINSON;Léa;3B;01/01/2012\nGRIVE;Paul;4A;\n";
    let parents = "Nom;Prénom;Nom enfant;Prénom enfant;Classe enfant;Responsable légal\n\
        PINSON;Anne;pinson;LEA;4a;oui\n\
        PINSON;Jean;PINSON;Léa;;oui\n\
        GRIVE;Ève;GRIVE;Paul;4A;non\n\
        MERLE;Guy;MERLE;Tom;4A;oui\n";
    let outcome =
        import_files(&[("parents.csv", parents.as_bytes()), ("eleves.csv", pupils.as_bytes())]).unwrap();
    assert_eq!((outcome.count(Kind::Guardian), outcome.count(Kind::Guardianship)), (4, 2));
    let reasons: Vec<_> = outcome.skipped();
    assert!(matches!(reasons[0].reason, SkipReason::ChildAmbiguous { .. }) && reasons[0].place.line == 3);
    assert!(reasons[1].message_fr().starts_with("ligne 5 de parents.csv : enfant introuvable"));
    let legal: Vec<Legal> = outcome
        .records(Kind::Guardianship)
        .into_iter()
        .map(|r| match r {
            Record::Guardianship(g) => g.legal,
            _ => unreachable!(),
        })
        .collect();
    assert_eq!(legal, [Legal::Guardian, Legal::None]);
    // A key made of names is the same whatever the row it stands in.
    assert_eq!(pupil_name(&outcome, "pinson.lea.2013-01-01"), "Léa PINSON");
}

#[test]
fn one_file_of_everybody() {
    let all = "Profil;Nom;Prénom;Classe;UAI;Établissement\n\
        Élève;GRIVE;Paul;4A;0999901a;Collège des Tilleuls\n\
        Enseignant;HOUBLON;Soizic;4A;0999901A;\n\
        Vie scolaire;PIC;Max;;0999901A;\n\
        Martien;X;Y;;;\n";
    let outcome = import_files(&[("export.csv", all.as_bytes())]).unwrap();
    assert_eq!(
        (outcome.count(Kind::Pupil), outcome.count(Kind::Staff), outcome.count(Kind::School)),
        (1, 2, 1)
    );
    assert!(matches!(&outcome.skipped()[0].reason, SkipReason::UnknownRole { value } if value == "Martien"));
    assert_eq!(outcome.records(Kind::School)[0].key().unwrap().value, "0999901A");
    assert_eq!(outcome.records(Kind::Group)[0].key().unwrap().value, "0999901A$4A");
}

#[test]
fn bad_rows_are_told_and_left_out() {
    let rows = "id;nom;prenom;classe;date de naissance;couleur\n\
        1;A;B;4A;pas une date;bleu\n\
        2;;B;4A;;\n\
        3;A;;4A;;\n\
        1;A;B;4A;;\n\
        5;A;B;4A;;;;;trop\n";
    let outcome = import_files(&[("eleves.csv", rows.as_bytes())]).unwrap();
    assert_eq!(outcome.count(Kind::Pupil), 2);
    let skipped = outcome.skipped();
    assert_eq!(
        skipped[0].message_fr(),
        "ligne 3 de eleves.csv : nom de famille manquant, attendu une valeur dans « Nom », trouvé rien"
    );
    assert!(matches!(skipped[1].reason, SkipReason::NoValue { .. }));
    assert!(matches!(skipped[2].reason, SkipReason::Duplicate { first_line: 2, .. }));
    let notices: Vec<&Notice> = outcome.warnings().into_iter().map(|w| &w.notice).collect();
    assert!(matches!(notices[0], Notice::UnknownColumn { name } if name == "couleur"));
    assert!(matches!(notices[1], Notice::BadDate { .. }));
    assert!(matches!(notices[2], Notice::RowLength { expected: 6, found: 9 }));
}

#[test]
fn one_roster_one_two() {
    let outcome = import([fixture("oneroster-1.2-preau.zip")]).unwrap();
    assert_eq!(outcome.meta.format, Format::OneRoster12);
    assert_eq!(outcome.count(Kind::Guardianship), 2, "each pair once, though both sides name it");
    assert_eq!(outcome.guardianship("700001", "800002").legal, Legal::Guardian);
    let Record::Group(_, class) = &outcome.entry(Kind::Group, "0999901A$4A").record else { panic!() };
    assert_eq!(class.kind, GroupKind::Class);
    assert_eq!(class.subject.as_ref().unwrap().value, "020700");
    assert_eq!(outcome.count(Kind::HeadTeacher), 1);
    let Record::School(key, school) = &outcome.entry(Kind::School, "0999901A").record else { panic!() };
    assert_eq!((key.system, school.uai.as_deref()), (System::OneRosterOrg, Some("0999901A")));
}

const ORGS: &str = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\ns1,,,Collège,school,0999901A,\nd1,,,District,district,,\n";
const CLASSES: &str = "sourcedId,status,title,courseSourcedId,classCode,classType,schoolSourcedId,termSourcedIds\nc1,,4A,,4A,Homeroom,s1,t1\nc2,tobedeleted,Old,,,scheduled,s1,t1\n";

#[test]
fn one_roster_one_one_has_roles_in_users() {
    let users = "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,agentSourcedIds\n\
        u1,,true,s1,student,zoe,Zoé,GRIVE,u2\n\
        u2,,true,s1,parent,eve,Ève,GRIVE,\n\
        u3,,true,s1,teacher,max,Max,PIC,\n\
        u4,tobedeleted,true,s1,student,x,X,Y,\n\
        u5,,true,s1,wizard,y,Y,Z,\n";
    let demographics = "sourcedId,status,birthDate,sex\nu1,,2013-02-03,female\n";
    let enrollments = "sourcedId,status,classSourcedId,schoolSourcedId,userSourcedId,role,primary\n\
        e1,,c1,s1,u1,student,\n\
        e2,,c1,s1,u3,teacher,true\n\
        e3,,c9,s1,u1,student,\n\
        e4,,c1,s1,u3,student,\n";
    let outcome = import_files(&[
        ("users.csv", users.as_bytes()),
        ("enrollments.csv", enrollments.as_bytes()),
        ("classes.csv", CLASSES.as_bytes()),
        ("orgs.csv", ORGS.as_bytes()),
        ("demographics.csv", demographics.as_bytes()),
    ])
    .unwrap();
    assert_eq!(outcome.meta.format, Format::OneRoster11);
    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "u1").record else { panic!() };
    assert_eq!(pupil.birth_date, Some(date(2013, 2, 3)));
    assert_eq!(outcome.guardianship("u1", "u2").link, Link::Parent);
    assert_eq!(outcome.count(Kind::School), 1, "a district is no school");
    assert_eq!((outcome.count(Kind::Enrolment), outcome.count(Kind::HeadTeacher)), (1, 1));
    let deleted: Vec<&str> = outcome.deletions().into_iter().map(|d| d.key.value.as_str()).collect();
    assert_eq!(deleted, ["c2", "u4"]);
    let skipped: Vec<String> = outcome.skipped().into_iter().map(|s| s.place.to_string()).collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
}

#[test]
fn one_roster_partial_ends_relations() {
    let manifest =
        "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.enrollments,delta\n";
    let enrollments = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role\ne1,tobedeleted,2026-11-02,c1,s1,u1,student\n";
    let outcome =
        import_files(&[("manifest.csv", manifest.as_bytes()), ("enrollments.csv", enrollments.as_bytes())])
            .unwrap();
    assert!(!outcome.meta.complete);
    assert_eq!(outcome.entries().next().unwrap().action, Action::Remove);
}

#[test]
fn a_table_without_its_columns_is_refused() {
    let error = import_files(&[
        ("users.csv", b"sourcedId,status,givenName,role\nu1,,Z,student\n".as_slice()),
        ("orgs.csv", ORGS.as_bytes()),
    ])
    .unwrap_err();
    assert!(matches!(&error, Error::MissingColumn { column, .. } if column == "familyName"));
    assert!(
        error.message_fr().starts_with("ligne 1 de users.csv : colonne manquante, attendu « familyName »")
    );
    let error = import_files(&[("orgs.csv", ORGS.as_bytes())]).unwrap_err();
    assert!(matches!(error, Error::MissingFile { missing: "users.csv" }));
}
