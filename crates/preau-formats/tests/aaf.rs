//! AAF files, whole and partial, and the traps they hold.

#![allow(clippy::unwrap_used)]

mod support;

use jiff::civil::date;
use preau_formats::model::{
    Action, Field, GroupKind, GuardianRules, Kind, Legal, Link, Record, Relation, StaffProfile, System,
};
use preau_formats::report::{Notice, SkipReason};
use preau_formats::{Error, Format};
use support::{aaf, add_person, fixture, import, import_files};

const PUPILS: &str = "ENT_Complet_20261101_Eleve_0000.xml";

fn pupil_with(attributes: &[(&str, &[&str])]) -> String {
    let mut all: Vec<(&str, &[&str])> = vec![("sn", &["ESSAI"]), ("givenName", &["Zoé"])];
    all.extend_from_slice(attributes);
    add_person("Eleve", "1", &all)
}

#[test]
fn a_complete_export_is_read_whole() {
    let outcome = import([fixture("aaf2d-complet")]).unwrap();
    assert_eq!(outcome.meta.format, Format::Aaf2d);
    assert_eq!(outcome.meta.guardian_rules, GuardianRules::Current);
    assert!(outcome.meta.complete);
    assert_eq!(outcome.meta.file_date, Some(date(2026, 11, 1)));
    assert_eq!(outcome.meta.prefix.as_deref(), Some("ENTPREAU"));
    assert_eq!(outcome.summary.academies, ["ESSAI"]);
    let expected = [
        (Kind::School, 1),
        (Kind::Subject, 4),
        (Kind::StudyTrack, 2),
        (Kind::Group, 4),
        (Kind::Pupil, 3),
        (Kind::Staff, 4),
        (Kind::Guardian, 3),
        (Kind::Guardianship, 5),
        (Kind::Enrolment, 5),
        (Kind::Teaching, 4),
        (Kind::HeadTeacher, 1),
    ];
    for (kind, count) in expected {
        assert_eq!(outcome.count(kind), count, "{kind:?}");
    }
    assert!(outcome.skipped().is_empty() && outcome.warnings().is_empty());

    let Record::Pupil(key, pupil) = &outcome.entry(Kind::Pupil, "700001").record else { panic!() };
    assert_eq!(key.system, System::AafPerson);
    assert_eq!((pupil.name.family.as_str(), pupil.name.given.as_str()), ("VERDOYANT", "Maëlys"));
    assert_eq!(pupil.name.other_given, ["Maëlys", "Jeanne"]);
    assert_eq!(pupil.ine.as_deref(), Some("000000001AA"));
    assert_eq!(pupil.birth_date, Some(date(2013, 2, 3)));
    assert_eq!(pupil.study_track.as_ref().unwrap().value, "10210019110");
    assert_eq!(pupil.contact.address.as_ref().unwrap().lines, ["12 rue des Platanes", "Bât. B"]);
    assert_eq!(outcome.groups_of("700001"), ["9100$4A", "9100$4ESP1"]);

    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "700003").record else { panic!() };
    assert_eq!(pupil.ine, None, "an absent national number is no key");
    assert_eq!(outcome.guardianship("700003", "700003").link, Link::Oneself);

    let mother = outcome.guardianship("700001", "800001");
    assert_eq!((mother.link, mother.legal, mother.financial), (Link::Mother, Legal::Guardian, Some(true)));
    let family = outcome.guardianship("700002", "800001");
    assert_eq!((family.link, family.legal), (Link::Family, Legal::None));

    let Record::Group(_, class) = &outcome.entry(Kind::Group, "9100$4A").record else { panic!() };
    assert_eq!((class.kind, class.code.as_str()), (GroupKind::Class, "4A"));
    assert_eq!(class.label.as_deref(), Some("4EME A"));
    assert_eq!(class.study_tracks, ["20010010110"]);
    let Record::Group(_, group) = &outcome.entry(Kind::Group, "9100$4ESP1").record else { panic!() };
    assert_eq!(group.classes[0].value, "9100$4A");

    let profile = |id: &str| {
        let Record::Staff(_, staff) = &outcome.entry(Kind::Staff, id).record else { panic!() };
        (staff.profile(), staff.functions.len())
    };
    assert_eq!(profile("600001"), (StaffProfile::Teacher, 1));
    assert_eq!(profile("600002"), (StaffProfile::Teacher, 2));
    assert_eq!(profile("600003"), (StaffProfile::StudentLife, 1));
    assert_eq!(profile("600004"), (StaffProfile::Head, 1));
    let Record::School(_, school) = &outcome.entry(Kind::School, "9100").record else { panic!() };
    assert_eq!(school.name.as_deref(), Some("CLG-DES TILLEULS"));
    assert_eq!(school.uai.as_deref(), Some("0999901A"));
}

#[test]
fn relations_follow_their_person_directly() {
    let outcome = import([fixture("aaf2d-complet")]).unwrap();
    let mut owner = None;
    for entry in outcome.entries() {
        match &entry.record {
            Record::Enrolment(e) => assert_eq!(owner.as_ref(), Some(&e.pupil)),
            Record::Guardianship(g) => assert_eq!(owner.as_ref(), Some(&g.pupil)),
            Record::Teaching(t) => assert_eq!(owner.as_ref(), Some(&t.staff)),
            Record::HeadTeacher(h) => assert_eq!(owner.as_ref(), Some(&h.staff)),
            thing => owner = thing.key().cloned(),
        }
    }
}

#[test]
fn a_partial_export_states_changes_only() {
    let outcome = import([fixture("aaf2d-delta")]).unwrap();
    assert!(!outcome.meta.complete);
    let pupil = outcome.entry(Kind::Pupil, "700001");
    assert_eq!(pupil.action, Action::Modify);
    assert_eq!(pupil.given, []);
    assert_eq!(pupil.replaces, [Relation::Classes]);
    assert_eq!(outcome.groups_of("700001"), ["9100$3B"]);
    let entered = outcome.entries().find_map(|e| match &e.record {
        Record::Enrolment(e) => e.from,
        _ => None,
    });
    assert_eq!(entered, Some(date(2026, 11, 2)));

    let guardian = outcome.entry(Kind::Guardian, "800002");
    assert_eq!(guardian.given, [Field::Email, Field::Mobile], "the empty mobile is stated: it clears");
    let Record::Guardian(_, person) = &guardian.record else { panic!() };
    assert_eq!(person.contact.mobile, None);

    let deletions = outcome.deletions();
    assert_eq!((deletions.len(), deletions[0].kind), (1, Kind::Pupil));
    assert_eq!((deletions[0].key.value.as_str(), deletions[0].place.line), ("700002", 13));
}

#[test]
fn an_empty_value_clears_only_what_it_may() {
    let modification = |category: &str, names: &[&str]| {
        let all: String = names
            .iter()
            .map(|n| format!("<modification name=\"{n}\" operation=\"replace\"><value/></modification>\n"))
            .collect();
        format!(
            "<modifyRequest><operationalAttributes><attr name=\"categoriePersonne\"><value>{category}</value></attr></operationalAttributes><identifier><id>1</id></identifier><modifications>{all}</modifications></modifyRequest>"
        )
    };
    let pupil = modification(
        "Eleve",
        &[
            "sn",
            "givenName",
            "ENTEleveMEF",
            "ENTEleveClasses",
            "ENTElevePersRelEleve",
            "mail",
            "ENTPersonDateNaissance",
        ],
    );
    let guardian = modification(
        "PersRelEleve",
        &["sn", "mail", "homePhone", "mobile", "ENTPersonAdresse", "ENTPersonVille"],
    );
    let staff = modification(
        "PersEducNat",
        &[
            "ENTPersonFonctions",
            "ENTAuxEnsClassesMatieres",
            "ENTAuxEnsGroupesMatieres",
            "ENTAuxEnsClassesPrincipal",
        ],
    );
    let outcome =
        import_files(&[("ENT_Delta_20261102_Tout_0000.xml", &aaf(&(pupil + &guardian + &staff)))]).unwrap();
    let entry = outcome.entry(Kind::Pupil, "1");
    assert_eq!(
        (entry.given.as_slice(), entry.replaces.as_slice()),
        ([Field::StudyTrack].as_slice(), [].as_slice())
    );
    let entry = outcome.entry(Kind::Guardian, "1");
    assert_eq!(entry.given, [Field::AddressLines, Field::Town, Field::Mobile]);
    let entry = outcome.entry(Kind::Staff, "1");
    assert!(entry.given.is_empty());
    assert_eq!(entry.replaces, [Relation::ClassTeachings, Relation::GroupTeachings, Relation::HeadTeacher]);
}

#[test]
fn entities_that_nobody_declared_are_decoded() {
    let requests = pupil_with(&[
        ("ENTPersonVille", &["Saint-Andr&eacute;&nbsp;&amp; C&#244;te &#xD4;me &#146;"]),
        ("mail", &["a&inconnue;b"]),
    ]);
    let outcome = import_files(&[(PUPILS, &aaf(&requests))]).unwrap();
    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "1").record else { panic!() };
    let town = pupil.contact.address.as_ref().unwrap().town.as_deref();
    assert_eq!(town, Some("Saint-André\u{a0}& Côte Ôme ’"));
    assert_eq!(pupil.contact.email.as_deref(), Some("a&inconnue;b"));
    assert!(
        matches!(&outcome.warnings()[0].notice, Notice::UnknownEntity { name, count: 1 } if name == "inconnue")
    );
}

#[test]
fn no_entity_is_ever_expanded() {
    let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE ficAlimMENESR [\n<!ENTITY a \"aaaaaaaaaa\">\n<!ENTITY b \"&a;&a;&a;&a;\">\n]>\n<ficAlimMENESR><addRequest/></ficAlimMENESR>";
    let error = import_files(&[(PUPILS, laughs.as_bytes())]).unwrap_err();
    assert!(matches!(&error, Error::EntityDeclared { place } if place.line == 5), "{error:?}");
    let external = "<!DOCTYPE ficAlimMENESR [ <!ENTITY x SYSTEM \"file:///etc/passwd\"> ]><ficAlimMENESR/>";
    assert!(matches!(import_files(&[(PUPILS, external.as_bytes())]), Err(Error::EntityDeclared { .. })));
    // A reference alone stays what it is.
    let outcome = import_files(&[(PUPILS, &aaf(&pupil_with(&[("mail", &["&x;"])])))]).unwrap();
    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "1").record else { panic!() };
    assert_eq!(pupil.contact.email.as_deref(), Some("&x;"));
}

#[test]
fn the_declaration_may_be_missing_or_wrong() {
    let bare = String::from_utf8(aaf(&pupil_with(&[]))).unwrap();
    let bare = bare.split_once("?>\n").unwrap().1;
    let outcome = import_files(&[(PUPILS, bare.as_bytes())]).unwrap();
    let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "1").record else { panic!() };
    assert_eq!(pupil.name.given, "Zoé");

    for label in ["ISO-8859-1", "ISO-8859-15", "windows-1252", "UTF-8"] {
        let (latin, _, _) = encoding_rs_latin(
            &bare.replace("<!DOCTYPE", &format!("<?xml version=\"1.0\" encoding=\"{label}\"?>\n<!DOCTYPE")),
        );
        let outcome = import_files(&[(PUPILS, &latin)]).unwrap();
        let Record::Pupil(_, pupil) = &outcome.entry(Kind::Pupil, "1").record else { panic!() };
        assert_eq!(pupil.name.given, "Zoé", "{label}");
        assert_eq!(outcome.warnings().len(), usize::from(label == "UTF-8"));
    }
}

/// Every character of the test is one byte in these encodings.
fn encoding_rs_latin(text: &str) -> (Vec<u8>, (), ()) {
    (text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(), (), ())
}

#[test]
fn code_two_is_read_by_the_version_of_the_file() {
    let guardianships = |values: &[&str]| {
        let outcome =
            import_files(&[(PUPILS, &aaf(&pupil_with(&[("ENTElevePersRelEleve", values)])))]).unwrap();
        let legal: Vec<Legal> = values
            .iter()
            .map(|value| outcome.guardianship("1", value.split('$').next().unwrap()).legal)
            .collect();
        (outcome.meta.guardian_rules, legal, outcome.warnings().len())
    };
    let old = guardianships(&["8$1$1$1$1$0", "9$2$0$2$1$0"]);
    assert_eq!(old, (GuardianRules::Ve1301, vec![Legal::Guardian, Legal::Guardian], 0));
    let new = guardianships(&["8$10$1$1$1$0", "9$20$0$2$1$0"]);
    assert_eq!(new, (GuardianRules::Current, vec![Legal::Guardian, Legal::InCharge], 0));
    // Contradictions grant nothing.
    let mixed = guardianships(&["8$1$1$1$1$0", "9$20$0$2$1$0"]);
    assert_eq!(mixed, (GuardianRules::Ve1301, vec![Legal::Guardian, Legal::InCharge], 1));
    let mixed = guardianships(&["8$10$1$1$1$0", "9$2$0$2$1$0"]);
    assert_eq!(mixed, (GuardianRules::Current, vec![Legal::Guardian, Legal::InCharge], 1));
}

#[test]
fn the_version_is_that_of_all_files_together() {
    // The first pupil proves nothing, the second file does.
    let first = add_person("Eleve", "1", &[("sn", &["A"]), ("ENTElevePersRelEleve", &["8$$0$2$1$0"])]);
    let second = add_person("Eleve", "2", &[("sn", &["B"]), ("ENTElevePersRelEleve", &["8$2$0$2$1$0"])]);
    let outcome = import_files(&[
        ("ENT_Complet_20131101_Eleve_0000.xml", &aaf(&first)),
        ("ENT_Complet_20131101_Eleve_0001.xml", &aaf(&second)),
    ])
    .unwrap();
    assert_eq!(outcome.meta.guardian_rules, GuardianRules::Ve1301);
    assert_eq!(outcome.guardianship("1", "8").legal, Legal::InCharge, "its own link proves nothing");
    assert_eq!(outcome.guardianship("2", "8").legal, Legal::Guardian);
}

#[test]
fn the_oldest_form_names_people_by_identifier() {
    let outcome = import_files(&[(
        PUPILS,
        &aaf(&pupil_with(&[
            ("ENTEleveParents", &["11", "12"]),
            ("ENTElevePere", &["11"]),
            ("ENTEleveMere", &["12"]),
            ("ENTEleveAutoriteParentale", &["12", "14"]),
            ("ENTElevePersRelEleve1", &["13"]),
            ("ENTEleveQualitePersRelEleve1", &["Responsable financier"]),
        ])),
    )])
    .unwrap();
    assert_eq!(outcome.meta.guardian_rules, GuardianRules::Ve1301);
    assert_eq!(outcome.count(Kind::Guardianship), 4);
    let link = |id: &str| {
        let g = outcome.guardianship("1", id);
        (g.link, g.legal, g.financial)
    };
    assert_eq!(link("11"), (Link::Father, Legal::None, None));
    assert_eq!(link("12"), (Link::Mother, Legal::Guardian, None));
    assert_eq!(link("13"), (Link::Other, Legal::None, Some(true)));
    assert_eq!(link("14"), (Link::Other, Legal::Guardian, None));
}

#[test]
fn a_guardianship_without_its_six_parts_is_skipped_and_told() {
    let values: &[&str] = &["8$10$1$1$1", "9$10$1$1$1$0$0", "$10$1$1$1$0", "10$20$0$1$1$0"];
    let outcome = import_files(&[(PUPILS, &aaf(&pupil_with(&[("ENTElevePersRelEleve", values)])))]).unwrap();
    assert_eq!(outcome.count(Kind::Guardianship), 1);
    let skipped = outcome.skipped();
    assert_eq!(skipped.len(), 3);
    assert_eq!(
        skipped[0].message_fr(),
        format!(
            "ligne 11 de {PUPILS} : lien avec un responsable illisible, attendu 6 parties séparées par « $ », trouvé 5 : « 8$10$1$1$1 »"
        )
    );
    assert_eq!(
        skipped[1].message_en(),
        format!(
            "line 11 of {PUPILS}: unreadable link to a guardian, expected 6 parts separated by “$”, found 7: “9$10$1$1$1$0$0”"
        )
    );
}

#[test]
fn unknown_attributes_are_told_once_with_their_count() {
    let requests: String = (0..3)
        .map(|n| add_person("Eleve", &n.to_string(), &[("sn", &["A"]), ("ENTEleveCouleur", &["bleu"])]))
        .collect();
    let outcome = import_files(&[(PUPILS, &aaf(&requests))]).unwrap();
    assert_eq!(outcome.count(Kind::Pupil), 3);
    let warnings = outcome.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].message_fr(),
        format!("ligne 10 de {PUPILS} : attribut inconnu « ENTEleveCouleur » ignoré (3 fois)")
    );
}

#[test]
fn classes_may_be_named_by_pupils_only() {
    let requests = pupil_with(&[("ENTEleveClasses", &["9100$6$$"]), ("ENTEleveGroupes", &["9100$6"])]);
    let outcome = import_files(&[(PUPILS, &aaf(&requests))]).unwrap();
    let groups = outcome.records(Kind::Group);
    assert_eq!(groups.len(), 2, "a class and a group of the same code are two");
    assert_ne!(groups[0].key(), groups[1].key());
}

#[test]
fn what_cannot_be_used_is_skipped_with_its_reason() {
    let no_name = add_person("Eleve", "1", &[("givenName", &["Zoé"])]);
    let odd = add_person("Robot", "2", &[("sn", &["A"])]);
    let no_id = add_person("Eleve", "", &[("sn", &["A"])]);
    let bad = add_person(
        "Eleve",
        "3",
        &[("sn", &["A"]), ("ENTEleveClasses", &["4A"]), ("ENTPersonDateNaissance", &["31/02/2013"])],
    );
    let outcome = import_files(&[(PUPILS, &aaf(&(no_name + &odd + &no_id + &bad)))]).unwrap();
    let reasons: Vec<&SkipReason> = outcome.skipped().into_iter().map(|s| &s.reason).collect();
    assert!(matches!(reasons[0], SkipReason::NoFamilyName { expected } if expected == "sn"));
    assert!(matches!(reasons[1], SkipReason::UnknownCategory { value } if value == "Robot"));
    assert!(matches!(reasons[2], SkipReason::NoIdentifier { .. }));
    assert!(matches!(reasons[3], SkipReason::Composite { value, .. } if value == "4A"));
    assert_eq!(outcome.count(Kind::Pupil), 1);
    assert!(matches!(&outcome.warnings()[0].notice, Notice::BadDate { value, .. } if value == "31/02/2013"));
}

#[test]
fn a_truncated_file_is_refused_with_its_line() {
    let whole = std::fs::read(fixture("aaf2d-complet/ENTPREAU_Complet_20261101_Eleve_0000.xml")).unwrap();
    for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 20, whole.len() - 3] {
        let error = import_files(&[(PUPILS, &whole[..cut])]).unwrap_err();
        let lines = whole[..cut].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        assert!(matches!(&error, Error::Truncated { place, .. } if place.line == lines), "{cut}: {error:?}");
        assert!(error.message_fr().contains(&format!("ligne {lines} de {PUPILS} : fichier incomplet")));
    }
}

#[test]
fn malformed_xml_is_refused_with_its_line() {
    let broken = aaf("<addRequest>\n<identifier><id>1</identifier>\n</addRequest>\n");
    let error = import_files(&[(PUPILS, &broken)]).unwrap_err();
    assert!(matches!(&error, Error::Xml { place, .. } if place.line == 5), "{error:?}");
}

#[test]
fn primary_schools_use_other_names_and_five_parts() {
    let outcome = import([fixture("aaf1d-complet")]).unwrap();
    assert_eq!(outcome.meta.format, Format::Aaf1d);
    let Record::Pupil(key, pupil) = &outcome.entry(Kind::Pupil, "710001").record else { panic!() };
    assert_eq!(key.system, System::Aaf1dPerson);
    assert_eq!((pupil.name.family.as_str(), pupil.name.given.as_str()), ("FAUVETTE", "Léo-Paul"));
    assert_eq!(pupil.grade_level.as_deref(), Some("CE1"));
    let Record::Group(_, class) = &outcome.entry(Kind::Group, "9300$55501").record else { panic!() };
    assert_eq!((class.code.as_str(), class.label.as_deref()), ("CE1-CE2", Some("CE1-CE2 Mme Ulmaire")));
    assert_eq!(outcome.groups_of("710001"), ["9300$55501"]);
    assert_eq!(outcome.guardianship("710001", "810001").legal, Legal::Guardian);
    let Record::Guardian(_, guardian) = &outcome.entry(Kind::Guardian, "810001").record else { panic!() };
    assert_eq!(guardian.contact.email.as_deref(), Some("a.fauvette@famille.example"));
}

#[test]
fn formats_and_kinds_of_export_do_not_mix() {
    let error = import([fixture("aaf2d-complet"), fixture("aaf1d-complet")]).unwrap_err();
    assert!(matches!(error, Error::MixedFormats { .. }));
    let error = import([fixture("aaf2d-complet"), fixture("aaf2d-delta")]).unwrap_err();
    assert!(matches!(error, Error::MixedCompleteness { .. }), "{error:?}");
    let error = import([fixture("aaf2d-complet"), fixture("oneroster-1.2-preau.zip")]).unwrap_err();
    assert!(error.message_fr().contains("importez-les séparément"));
}

#[test]
fn the_order_of_requests_does_not_change_what_is_stated() {
    let people = |order: &[u32]| {
        let requests: String = order
            .iter()
            .map(|n| {
                let class = format!("9100$4{}", n % 2);
                add_person("Eleve", &n.to_string(), &[("sn", &["A"]), ("ENTEleveClasses", &[&class])])
            })
            .collect();
        let outcome = import_files(&[(PUPILS, &aaf(&requests))]).unwrap();
        let mut records: Vec<String> = outcome.entries().map(|e| format!("{:?}", e.record)).collect();
        records.sort();
        records
    };
    assert_eq!(people(&[1, 2, 3, 4]), people(&[4, 2, 1, 3]));
}
