//! The import over HTTP and on the command line.

use crate::testing::TestSchool;
use http::StatusCode;

/// A calendar with these events: (uid, begin, end in UTC, title, description).
fn calendar(events: &[(&str, &str, &str, &str, &str)]) -> String {
    let mut text = String::from(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Essai//FR\r\nX-CALSTART:20260831T000000Z\r\nX-CALEND:20270702T235959Z\r\n",
    );
    for (uid, from, to, title, about) in events {
        text += &format!(
            "BEGIN:VEVENT\r\nCATEGORIES:{title}\r\nUID:Cours-{uid}-1-20261101T195501Z-Index-Education\r\n\
             DTSTART:{from}\r\nDTEND:{to}\r\nSUMMARY:Cours\r\nDESCRIPTION:{about}\r\nEND:VEVENT\r\n"
        );
    }
    text + "END:VCALENDAR\r\n"
}

const FRENCH: &str = r"Matière : FRANCAIS\nProfesseur : HOUBLON S.\nClasse : 4A\nSalle : 204\n";
const LATIN: &str = r"Matière : LATIN\nProfesseur : INCONNU Z.\nClasse : 4A\n";
const ELSEWHERE: &str = r"Matière : LATIN\nProfesseur : HOUBLON S.\nClasse : 9Z\n";

fn two_lessons() -> String {
    calendar(&[
        ("1", "20261124T070000Z", "20261124T075500Z", "Cours", FRENCH),
        ("2", "20261124T080000Z", "20261124T085500Z", "Cours", LATIN),
        ("3", "20261124T090000Z", "20261124T095500Z", "Cours", ELSEWHERE),
    ])
}

async fn drop_and_apply(school: &TestSchool, text: &str) -> String {
    let mut admin = school.signed_in(school.people.local_admin);
    let preview = admin.post_files("/timetable/import", &[], &[("file", "edt.ics", text.as_bytes())]).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text());
    let applied = admin.post("/timetable/import/application", &[]).await;
    assert_eq!(
        (applied.status, applied.location()),
        (StatusCode::SEE_OTHER, "/timetable"),
        "{}",
        applied.text()
    );
    preview.text().replace(['\u{a0}', '\u{202f}'], " ")
}

async fn week_of_a_pupil(school: &TestSchool) -> String {
    school.signed_in(school.people.pupil).get("/timetable").await.text().replace('\u{a0}', " ")
}

async fn dropped_looked_at_applied(school: TestSchool) {
    let preview = drop_and_apply(&school, &two_lessons()).await;
    assert!(preview.contains("1 cours laissé de côté") && preview.contains("9Z"), "{preview}");
    assert!(preview.contains("Professeur inconnu dans l’établissement : INCONNU Z"), "{preview}");
    let week = week_of_a_pupil(&school).await;
    // The school's own subject was found although the file writes it without its cedilla.
    assert!(week.contains("salle 204") && week.contains("LATIN") && !week.contains("FRANCAIS"), "{week}");
    let teacher = school.signed_in(school.people.teacher).get("/timetable").await.text();
    assert!(teacher.contains("204") && !teacher.contains("LATIN"), "{teacher}");

    // A second time changes nothing.
    let mut head = school.signed_in(school.people.head);
    let again =
        head.post_files("/timetable/import", &[], &[("file", "edt.ics", two_lessons().as_bytes())]).await;
    assert!(again.text().contains("Tout est déjà à jour"), "{}", again.text());

    // The Latin lesson goes, the French one is cancelled by its source.
    let cancelled = calendar(&[
        ("1", "20261124T070000Z", "20261124T075500Z", "Cours - Cours annulé", FRENCH),
        ("4", "20261125T070000Z", "20261125T075500Z", "Cours", FRENCH),
    ]);
    drop_and_apply(&school, &cancelled).await;
    let week = week_of_a_pupil(&school).await;
    assert!(week.contains("annulé"), "{week}");
    // A calendar that names no Latin teacher removes the lesson without one: its class is in the file.
    assert!(!week.contains("LATIN"), "{week}");
}

#[tokio::test]
async fn dropped_looked_at_applied_on_sqlite() {
    dropped_looked_at_applied(TestSchool::open()).await;
}

#[tokio::test]
async fn dropped_looked_at_applied_on_postgresql() {
    dropped_looked_at_applied(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn what_the_head_changed_stays() {
    let school = TestSchool::open();
    drop_and_apply(&school, &two_lessons()).await;
    let page = school.signed_in(school.people.teacher).get("/timetable").await.text();
    let at = page.rfind("href=\"/lessons/").expect("a lesson") + 6;
    let path = page[at..].split('"').next().expect("a path").to_owned();
    let mut head = school.signed_in(school.people.head);
    let done = head.post(&format!("{path}/cancellation"), &[("note", "Sortie au musée")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let moved = calendar(&[("1", "20261124T100000Z", "20261124T105500Z", "Cours", FRENCH)]);
    let preview = head.post_files("/timetable/import", &[], &[("file", "edt.ics", moved.as_bytes())]).await;
    assert_eq!(preview.status, StatusCode::OK);
    head.post("/timetable/import/application", &[]).await;
    let week = week_of_a_pupil(&school).await;
    assert!(week.contains("Sortie au musée") && week.contains("annulé"), "{week}");
}

#[tokio::test]
async fn bad_files_are_refused_with_a_reason() {
    let school = TestSchool::open();
    let mut admin = school.signed_in(school.people.local_admin);
    let cut = &two_lessons()[..300];
    for (bytes, reason) in [
        (&b""[..], "Le fichier est vide"),
        (b"<html><body>Connexion</body></html>", "page web"),
        (b"PK\x03\x04zip", "archive ZIP"),
        (cut.as_bytes(), "fin"),
        (b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><ExportEDT>&a;</ExportEDT>", "entités"),
    ] {
        let reply = admin.post_files("/timetable/import", &[], &[("file", "x", bytes)]).await;
        assert_eq!(reply.status, StatusCode::OK);
        let page = reply.text();
        assert!(page.contains("role=\"alert\"") && page.contains(reason), "{reason}: {page}");
    }
    let nothing = admin.post("/timetable/import/application", &[]).await;
    assert_eq!(nothing.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn only_head_and_local_admin_import() {
    let school = TestSchool::open();
    for (who, person) in school.people.personas() {
        let reply = school.signed_in(person).get("/timetable/import").await;
        let may = matches!(who, "head" | "local admin" | "foreign head");
        assert_eq!(reply.status, if may { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{who}");
    }
    // A file dropped by one school's head changes nothing of another's.
    let mut foreign = school.signed_in(school.people.foreign_head);
    let preview =
        foreign.post_files("/timetable/import", &[], &[("file", "x.ics", two_lessons().as_bytes())]).await;
    assert!(preview.text().contains("inconnu"), "{}", preview.text());
    foreign.post("/timetable/import/application", &[]).await;
    assert!(!week_of_a_pupil(&school).await.contains("LATIN"));
}

#[test]
fn the_command_line_previews_and_applies() {
    let school = TestSchool::open();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("edt.ics");
    std::fs::write(&file, two_lessons()).expect("written");
    let store = school.app.platform.store();
    let run = |uai: &str, apply: bool| super::command(store, "Europe/Paris", &file, uai, apply, true);
    run("0999901a", false).expect("a preview");
    run("0999901A", true).expect("applied");
    let unknown = run("0000000Z", true).expect_err("refused").to_string();
    assert!(unknown.contains("0000000Z"), "{unknown}");
    let gone = super::command(store, "Europe/Paris", &folder.path().join("no.ics"), "0999901A", true, false);
    assert!(gone.expect_err("refused").to_string().contains("cannot read"));
}
