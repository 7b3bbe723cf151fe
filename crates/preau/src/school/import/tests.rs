//! Imports on a real store, from files as they come, and the three clicks over HTTP.

use super::apply::Applicant;
use super::plan::Plan;
use super::{Followers, ImportError, Options, Reading, report};
use crate::access::SystemPermit;
use crate::ids::{GroupId, PersonId};
use crate::school;
use crate::store::{Store, StoreError};
use crate::testing::TestSchool;
use http::StatusCode;
use jiff::civil::{Date, date};
use preau_formats::Input;
use serde_json::Value;
use std::path::{Path, PathBuf};

const TODAY: Date = date(2026, 11, 3);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../preau-formats/tests/fixtures").join(name)
}

/// An empty store, and its folder.
fn empty_store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("preau.db").display());
    (Store::open(&url).expect("a store"), folder)
}

fn options() -> Options {
    Options { school: None, only: None, today: TODAY, allow_date: false }
}

/// Reads and compares.
fn look(store: &Store, inputs: Vec<Input>, options: &Options) -> Result<Value, ImportError> {
    let folder = tempfile::tempdir().expect("a folder");
    let reading = Reading::take(inputs, folder.path(), TODAY)?;
    let plan = reading.compare(store, options)?;
    Ok(report::document(&reading.staged, &plan, false))
}

/// Reads, compares and applies.
fn import_with(
    store: &Store,
    inputs: Vec<Input>,
    options: &Options,
    allow_removals: bool,
) -> Result<Value, ImportError> {
    let folder = tempfile::tempdir().expect("a folder");
    let reading = Reading::take(inputs, folder.path(), TODAY)?;
    let plan: Plan = reading.compare(store, options)?;
    let report = report::document(&reading.staged, &plan, true);
    let applicant = Applicant { person: 0, started_at: 0, allow_removals };
    let permit = SystemPermit::ImportFromCommandLine;
    reading.apply(store, &permit, plan, &crate::app::followers(), applicant)?;
    Ok(report)
}

fn import(store: &Store, inputs: Vec<Input>) -> Result<Value, ImportError> {
    import_with(store, inputs, &options(), false)
}

fn from(path: PathBuf) -> Vec<Input> {
    vec![Input::from(path)]
}

fn csv(name: &str, text: &str) -> Input {
    Input::memory(text.as_bytes().to_vec(), name)
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn changes(report: &Value) -> (u64, u64, u64) {
    (count(report, "added"), count(report, "changed"), count(report, "removed"))
}

/// The person a file calls so.
fn person(store: &Store, system: &str, value: &str) -> PersonId {
    store
        .read_blocking::<_, StoreError>(|conn| Ok(super::store::people_called(conn, system, &[value])?))
        .expect("read")
        .remove(value)
        .unwrap_or_else(|| panic!("nobody is called {value}"))
}

fn facts(store: &Store, who: PersonId) -> Option<crate::access::Facts> {
    store.read_blocking::<_, StoreError>(|conn| Ok(school::facts_of(conn, who)?)).expect("read")
}

fn class(store: &Store, code: &str) -> GroupId {
    let rows = store
        .read_blocking::<_, StoreError>(|conn| {
            let schools: Vec<_> = super::store::schools(conn)?.into_iter().map(|row| row.id).collect();
            Ok(super::store::groups(conn, &schools, &[])?)
        })
        .expect("read");
    rows.into_iter().find(|row| row.kind == "class" && row.code == code).expect("a class").id
}

fn names(store: &Store, group: GroupId) -> Vec<String> {
    let pupils = store.read_blocking::<_, StoreError>(|conn| Ok(school::pupils_of(conn, group)?));
    pupils.expect("read").into_iter().map(|pupil| pupil.name).collect()
}

fn complete_then_again_then_delta(store: &Store) {
    let report = import(store, from(fixture("aaf2d-complet"))).expect("applied");
    for (name, number) in [
        ("schools", 1),
        ("pupils", 3),
        ("staff", 4),
        ("guardians", 3),
        ("guardianships", 5),
        ("classes", 2),
        ("groups", 2),
        ("skipped", 0),
    ] {
        assert_eq!(count(&report, name), number, "{name}: {report}");
    }
    assert_eq!(changes(&report), (10, 0, 0));
    let (maelys, adult) =
        (person(store, "aaf-person@ESSAI", "700001"), person(store, "aaf-person@ESSAI", "700003"));
    assert_eq!(names(store, class(store, "4A")), ["Maëlys VERDOYANT"]);
    let teacher = facts(store, person(store, "aaf-person@ESSAI", "600001")).expect("facts");
    assert_eq!(teacher.tutored, [class(store, "4A")]);
    assert_eq!(teacher.taught.len(), 2);
    let mother = facts(store, person(store, "aaf-person@ESSAI", "800001")).expect("facts");
    let child = mother.children.iter().find(|child| child.pupil == maelys).expect("a child");
    assert!(child.legal && !child.groups.is_empty());
    assert!(facts(store, adult).expect("facts").children.is_empty(), "nobody is their own child");
    let counsellor = facts(store, person(store, "aaf-person@ESSAI", "600003")).expect("facts");
    assert_eq!(counsellor.affiliations[0].profile, crate::access::Profile::Counsellor);

    let again = import(store, from(fixture("aaf2d-complet"))).expect("applied");
    assert_eq!(changes(&again), (0, 0, 0), "{again}");
    for (kind, tally) in again["by_kind"].as_object().expect("kinds") {
        let all = ["added", "changed", "removed"].map(|name| tally[name].as_u64().expect("a number"));
        assert_eq!(all, [0, 0, 0], "{kind}");
    }

    let delta = import(store, from(fixture("aaf2d-delta"))).expect("applied");
    assert_eq!(changes(&delta), (0, 2, 1), "{delta}");
    assert_eq!(names(store, class(store, "4A")), Vec::<String>::new());
    assert_eq!(names(store, class(store, "3B")), ["Zoé DE LA GRANGE", "Maëlys VERDOYANT"]);
    assert!(facts(store, person(store, "aaf-person@ESSAI", "700002")).is_none());
    let older = import(store, from(fixture("aaf2d-complet")));
    assert!(matches!(older, Err(ImportError::Older { .. })), "{older:?}");
    let back =
        import_with(store, from(fixture("aaf2d-complet")), &Options { allow_date: true, ..options() }, false);
    // The Complet knows nothing of the address that the Delta brought, and does not clear it.
    assert_eq!(changes(&back.expect("applied")), (1, 1, 0));
}

#[test]
fn a_complete_export_twice_and_its_delta_on_sqlite() {
    let (store, _folder) = empty_store();
    complete_then_again_then_delta(&store);
}

#[test]
fn a_complete_export_twice_and_its_delta_on_postgresql() {
    let cluster = preau_testkit::Postgres::shared().expect("a throw-away PostgreSQL");
    let database = cluster.database().expect("a database");
    complete_then_again_then_delta(&Store::open(database.url()).expect("a store"));
}

#[test]
fn oneroster_and_primary_schools_are_repeatable_too() {
    for name in ["oneroster-1.2-preau.zip", "aaf1d-complet"] {
        let (store, _folder) = empty_store();
        let first = import(&store, from(fixture(name))).expect("applied");
        assert!(count(&first, "added") > 0 && count(&first, "pupils") > 0, "{first}");
        let second = import(&store, from(fixture(name))).expect("applied");
        assert_eq!(changes(&second), (0, 0, 0), "{name}: {second}");
    }
}

/// A table of pupils `from..to`, all of 6A.
fn table(range: std::ops::Range<u32>) -> Input {
    let mut text = "Id;Nom;Prénom;Classe;Date de naissance\r\n".to_owned();
    for number in range {
        text += &format!("{number};FICTIF;Élève {number};6A;01/02/2015\r\n");
    }
    csv("eleves.csv", &text)
}

#[test]
fn mass_removal_waits_for_a_word_and_the_removed_can_come_back() {
    let (store, _folder) = empty_store();
    import(&store, vec![table(0..100)]).expect("applied");
    let few = import(&store, vec![table(0..95)]).expect("five of a hundred");
    assert_eq!(changes(&few), (0, 0, 5));
    let refused = import(&store, vec![table(0..40)]);
    assert!(matches!(refused, Err(ImportError::Guard { removed: 55, percent: 58 })), "{refused:?}");
    assert_eq!(names(&store, class(&store, "6A")).len(), 95, "nothing happened");
    let somebody = person(&store, "csv-pupil@~", "70");
    import_with(&store, vec![table(0..40)], &options(), true).expect("confirmed");
    assert_eq!(names(&store, class(&store, "6A")).len(), 40);
    assert!(facts(&store, somebody).is_none());
    let back = import(&store, vec![table(0..100)]).expect("applied");
    assert_eq!(changes(&back), (60, 0, 0));
    assert_eq!(person(&store, "csv-pupil@~", "70"), somebody, "the same person came back");
    assert!(facts(&store, somebody).is_some());
}

#[test]
fn tables_number_pupils_and_parents_each_on_their_own() {
    let (store, _folder) = empty_store();
    let pupils = csv("eleves.csv", "Id;Nom;Prénom;Classe\n1;VERDOYANT;Maëlys;4A\n2;AUBÉPINE;Tom;4A\n");
    let parents = csv("parents.csv", "Id;Nom;Prénom;Identifiant enfant\n1;VERDOYANT;Hortense;1\n");
    let report = import(&store, vec![pupils, parents]).expect("applied");
    assert_eq!(
        (count(&report, "pupils"), count(&report, "guardians"), count(&report, "guardianships")),
        (2, 1, 1)
    );
    let mother = facts(&store, person(&store, "csv-guardian@~", "1")).expect("facts");
    assert_eq!(mother.name, "Hortense VERDOYANT");
    assert_eq!(mother.children[0].name, "Maëlys VERDOYANT");
    // A file of pupils alone says nothing of parents: nobody loses them.
    let pupils = csv("eleves.csv", "Id;Nom;Prénom;Classe\n1;VERDOYANT;Maëlys;3A\n2;AUBÉPINE;Tom;4A\n");
    let report = import(&store, vec![pupils]).expect("applied");
    assert_eq!(changes(&report), (0, 1, 0), "{report}");
    assert_eq!(facts(&store, person(&store, "csv-guardian@~", "1")).expect("facts").children.len(), 1);
}

#[test]
fn what_looks_like_code_is_only_text() {
    let (store, _folder) = empty_store();
    let nasty =
        ["Robert'); DROP TABLE person;--", "=cmd|'/C calc'!A0", "\\\" OR 1=1", "<script>alert(1)</script>"];
    let mut text = "Id;Nom;Prénom;Classe\n".to_owned();
    for (number, name) in nasty.iter().enumerate() {
        text += &format!("{number};\"{}\";x;\"{}\"\n", name.replace('"', "\"\""), "6A';--");
    }
    import(&store, vec![csv("eleves.csv", &text)]).expect("applied");
    for (number, name) in nasty.iter().enumerate() {
        let who = facts(&store, person(&store, "csv-pupil@~", &number.to_string())).expect("facts");
        assert_eq!(who.name, format!("x {name}"));
    }
}

#[test]
fn input_that_cannot_be_trusted_changes_nothing() {
    let (store, _folder) = empty_store();
    import(&store, from(fixture("aaf2d-complet"))).expect("applied");
    let pupils = std::fs::read_to_string(fixture("aaf2d-complet/ENTPREAU_Complet_20261101_Eleve_0000.xml"));
    let pupils = pupils.expect("the fixture");
    let named = |text: String| vec![Input::memory(text.into_bytes(), "ENT_Complet_20261105_Eleve_0000.xml")];
    let head = "<?xml version=\"1.0\"?>\n<!DOCTYPE ficAlimMENESR [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n";
    let bad = [
        named(pupils[..pupils.len() / 2].to_owned()),
        named(format!("{head}<ficAlimMENESR>&b;</ficAlimMENESR>")),
        named("PK\u{3}\u{4} not a zip at all".to_owned()),
        vec![Input::memory(vec![0_u8; 4096], "zero.tgz")],
    ];
    for inputs in bad {
        let name = format!("{:?}", inputs[0].name);
        let error = import(&store, inputs).expect_err(&name);
        assert!(matches!(error, ImportError::Input(_)), "{name}: {error:?}");
        assert!(!report::french(&error).is_empty());
    }
    let again = look(&store, from(fixture("aaf2d-complet")), &options()).expect("compared");
    assert_eq!(changes(&again), (0, 0, 0));
}

#[test]
fn a_comparison_that_is_out_of_date_is_not_applied() {
    let (store, _folder) = empty_store();
    let folder = tempfile::tempdir().expect("a folder");
    let reading = Reading::take(vec![table(0..10)], folder.path(), TODAY).expect("read");
    let plan = reading.compare(&store, &options()).expect("compared");
    import(&store, vec![table(0..20)]).expect("applied");
    let applicant = Applicant { person: 0, started_at: 0, allow_removals: true };
    let late =
        reading.apply(&store, &SystemPermit::ImportFromCommandLine, plan, &Followers::default(), applicant);
    assert!(matches!(late, Err(ImportError::Meanwhile)), "{late:?}");
    assert_eq!(names(&store, class(&store, "6A")).len(), 20);
}

#[tokio::test]
async fn three_clicks_for_the_local_administrator() {
    let school = TestSchool::open();
    let mut admin = school.signed_in(school.people.local_admin);
    let page = admin.get("/import").await;
    assert_eq!(page.status, StatusCode::OK);
    let pupils = b"Id;Nom;Pr\xc3\xa9nom;Classe\n1;VERDOYANT;Lila;4A\n2;;Tom;4A\n";
    let sent = admin.post_files("/import", &[], &[("file", "eleves.csv", pupils)]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    let preview_path = sent.location().to_owned();
    let preview = admin.get(&preview_path).await.text();
    assert!(preview.contains("Lila VERDOYANT") && preview.contains("nom de famille manquant"), "{preview}");
    let before = school.signed_in(school.people.teacher).get("/homework").await.status;
    assert_eq!(before, StatusCode::OK);
    let list = names(school.app.platform.store(), school.people.class_4a);
    assert!(!list.contains(&"Lila VERDOYANT".to_owned()), "a preview changes nothing");

    // Nobody else has anything to do with it.
    for (name, who) in school.people.personas() {
        if who == school.people.local_admin {
            continue;
        }
        let mut other = school.signed_in(who);
        for path in ["/import", &preview_path] {
            assert_eq!(other.get(path).await.status, StatusCode::NOT_FOUND, "{name} {path}");
        }
        let apply = other.post(&format!("{preview_path}/apply"), &[]).await;
        assert_eq!(apply.status, StatusCode::NOT_FOUND, "{name}");
    }
    let applied = admin.post(&format!("{preview_path}/apply"), &[]).await;
    assert_eq!(
        (applied.status, applied.location()),
        (StatusCode::SEE_OTHER, "/import"),
        "{}",
        applied.text()
    );
    assert!(admin.get("/import").await.text().contains("L’import est appliqué"));
    let list = names(school.app.platform.store(), school.people.class_4a);
    assert!(list.contains(&"Lila VERDOYANT".to_owned()), "{list:?}");
    assert!(list.contains(&"Maëlys Verdoyant".to_owned()), "those who came otherwise stay: {list:?}");
    // The same again: nothing to apply.
    let sent = admin.post_files("/import", &[], &[("file", "eleves.csv", pupils)]).await;
    let preview = admin.get(sent.location()).await.text();
    assert!(preview.contains("Tout est déjà à jour"), "{preview}");
    let gone = admin.get(&preview_path).await;
    assert_eq!(gone.location(), "/import", "an applied preview is gone");
}

#[tokio::test]
async fn files_of_others_and_unreadable_files_are_refused_in_french() {
    let school = TestSchool::open();
    let mut admin = school.signed_in(school.people.local_admin);
    let structure =
        std::fs::read_to_string(fixture("aaf2d-complet/ENTPREAU_Complet_20261101_EtabEducNat_0000.xml"));
    let foreign = structure.expect("the fixture").replace("0999901A", "0999902B");
    let name = "ENT_Complet_20261123_EtabEducNat_0000.xml";
    let reply = admin.post_files("/import", &[], &[("file", name, foreign.as_bytes())]).await;
    assert!(reply.text().contains("un autre établissement (0999902B)"), "{}", reply.text());
    let truncated = &foreign.as_bytes()[..400];
    let reply = admin.post_files("/import", &[], &[("file", name, truncated)]).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.text().contains("ligne "), "{}", reply.text());
    let calendar = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n";
    let reply = admin.post_files("/import", &[], &[("file", "edt.ics", calendar)]).await;
    assert!(reply.text().contains("emploi du temps"), "{}", reply.text());
    let reply = admin.post_files("/import", &[], &[]).await;
    assert!(reply.text().contains("Aucun fichier"), "{}", reply.text());
}

#[tokio::test]
async fn a_school_cannot_take_another_schools_people() {
    let school = TestSchool::open();
    let store = school.app.platform.store().clone();
    // The academy imports both schools; somebody of 0999902B has an identifier of the state.
    let structure = |text: String| text.replace("0999901A", "0999902B").replace("9100", "9200");
    let read = |name: &str| {
        let path = fixture(&format!("aaf2d-complet/ENTPREAU_Complet_20261101_{name}_0000.xml"));
        std::fs::read_to_string(path).expect("the fixture")
    };
    let foreign: Vec<Input> = ["EtabEducNat", "Eleve", "PersRelEleve"]
        .iter()
        .map(|name| {
            Input::memory(structure(read(name)).into_bytes(), format!("ENT_Complet_20261101_{name}_0000.xml"))
        })
        .collect();
    let taken = tokio::task::spawn_blocking(move || import_with(&store, foreign, &options(), true)).await;
    taken.expect("no panic").expect("applied");
    // Now the administrator of 0999901A sends a file in which the same pupils are theirs.
    let mut admin = school.signed_in(school.people.local_admin);
    let files: Vec<(String, String)> = ["EtabEducNat", "Eleve", "PersRelEleve"]
        .iter()
        .map(|name| (format!("ENT_Complet_20261123_{name}_0000.xml"), read(name).replace("Maëlys", "Volée")))
        .collect();
    let files: Vec<(&str, &str, &[u8])> =
        files.iter().map(|(name, text)| ("file", name.as_str(), text.as_bytes())).collect();
    let sent = admin.post_files("/import", &[], &files).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    let preview = admin.get(sent.location()).await.text();
    assert!(preview.contains("appartient à un autre établissement"), "{preview}");
    assert!(!preview.contains("Volée"), "{preview}");
}
