//! Homework over HTTP, as the people of the test school.

use super::model::{Homework, HomeworkId, Submission, SubmissionId};
use super::policy::{HandIn, Publish, ReadHomework, ReadSubmission, Revise, TickDone};
use crate::school::Group;
use crate::testing::{Matrix, People, TestSchool};
use http::StatusCode;
use jiff::civil::date;

const PHOTO: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// Publishes French homework for 4A, due on the 24th, with a file; returns its path.
async fn publish(school: &TestSchool) -> String {
    let people = school.people;
    let (group, subject) = (people.class_4a.to_string(), people.french.to_string());
    let reply = school
        .signed_in(people.teacher)
        .post_files(
            "/homework",
            &[
                ("group", &group),
                ("subject", &subject),
                ("lesson_log", "Lecture du chapitre 2"),
                ("work", "Exercice 3, page 41"),
                ("due", "2026-11-24"),
                ("hand_in", "on"),
            ],
            &[("files", "Énoncé.pdf", b"%PDF-1.7 exercice")],
        )
        .await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text());
    reply.location().to_owned()
}

fn first_link<'h>(html: &'h str, prefix: &str) -> &'h str {
    let start = html.find(prefix).unwrap_or_else(|| panic!("no {prefix} in {html}"));
    let rest = &html[start..];
    &rest[..rest.find('"').expect("a closing quote")]
}

/// This slice's rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let homework = Homework {
        id: HomeworkId::from_raw(1),
        school: people.school,
        group: people.class_4a,
        author: people.teacher,
        subject: None,
        given_on: date(2026, 11, 23),
        due: None,
        lesson_log: String::new(),
        work: "Exercice 3".into(),
        hand_in: true,
    };
    let submission = Submission {
        id: SubmissionId::from_raw(1),
        homework: homework.id,
        group: people.class_4a,
        pupil: people.pupil,
        body: String::new(),
        handed_in_at: 0,
    };
    let group = Group { id: people.class_4a, school: people.school, label: "4A".into() };
    matrix.list::<Homework, ReadHomework>();
    matrix.row::<Homework, ReadHomework>("of 4A", &homework);
    matrix.row::<Group, Publish>("4A", &group);
    matrix.row::<Homework, Revise>("of 4A, by its teacher", &homework);
    matrix.row::<Homework, TickDone>("of 4A", &homework);
    matrix.row::<Homework, HandIn>("of 4A, to be handed in", &homework);
    matrix.row::<Submission, HandIn>("of the pupil", &submission);
    matrix.row::<Submission, ReadSubmission>("of the pupil", &submission);
}

/// An entry for 4A that exists, for walks over routes.
pub(crate) async fn one_for_tests(school: &TestSchool) -> String {
    publish(school).await.rsplit('/').next().unwrap_or_default().to_owned()
}

async fn a_school_day(school: &TestSchool) {
    let people = school.people;
    let path = publish(school).await;

    let mut pupil = school.signed_in(people.pupil);
    let list = pupil.get("/homework").await.text();
    assert!(
        list.contains("Exercice 3, page 41") && list.contains("pour demain, mardi 24 novembre"),
        "{list}"
    );
    let page = pupil.get(&path).await.text();
    assert!(page.contains("Lecture du chapitre 2") && page.contains("Soizic Houblon"));
    let document = pupil.get(first_link(&page, "/homework/files/")).await;
    assert_eq!((document.status, &document.body[..]), (StatusCode::OK, &b"%PDF-1.7 exercice"[..]));
    assert_eq!(document.headers["content-type"], "application/pdf");
    // A download that was cut off goes on where it stopped, as long as it is the same file.
    let (tag, link) =
        (document.headers["etag"].to_str().expect("text").to_owned(), first_link(&page, "/homework/files/"));
    let rest = pupil.get_with(link, &[("range", "bytes=9-"), ("if-range", tag.as_str())]).await;
    assert_eq!((rest.status, &rest.body[..]), (StatusCode::PARTIAL_CONTENT, &b"exercice"[..]));
    assert_eq!(
        (&rest.headers["content-range"], &rest.headers["content-length"]),
        (&"bytes 9-16/17".parse().expect("a value"), &"8".parse().expect("a value"))
    );
    let beyond = pupil.get_with(link, &[("range", "bytes=17-")]).await;
    assert_eq!((beyond.status, beyond.body.len()), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
    assert_eq!(beyond.headers["content-range"], "bytes */17");
    let other = pupil.get_with(link, &[("range", "bytes=9-"), ("if-range", "\"another\"")]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 17));

    let ticked = pupil.post(&format!("{path}/completion"), &[("done", "on")]).await;
    assert_eq!(ticked.status, StatusCode::SEE_OTHER);
    let handed = pupil
        .post_files(&format!("{path}/submission"), &[("body", "Voici")], &[("files", "cahier.png", PHOTO)])
        .await;
    assert_eq!(handed.status, StatusCode::SEE_OTHER, "{}", handed.text());

    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&path).await.text();
    assert!(page.contains("Maëlys Verdoyant") && page.contains("Voici"), "{page}");
    assert!(page.contains("Pas encore rendu") && page.contains("Tom Aubépine"));
    let photo = first_link(&page, "/homework/submissions/files/").to_owned();
    assert_eq!(teacher.get(&photo).await.body, PHOTO);
    assert_eq!(school.signed_in(people.guardian).get(&photo).await.status, StatusCode::OK);
    for stranger in [people.classmate, people.contact, people.other_teacher, people.head, people.foreign_head]
    {
        assert_eq!(school.signed_in(stranger).get(&photo).await.status, StatusCode::NOT_FOUND);
    }
    assert!(school.signed_in(people.guardian).get("/homework").await.text().contains("Exercice 3"));
    assert!(!school.signed_in(people.contact).get("/homework").await.text().contains("Exercice 3"));
    assert!(!school.signed_in(people.foreign_head).get("/homework").await.text().contains("Exercice 3"));

    let gone = teacher.post(&format!("{path}/removal"), &[]).await;
    assert_eq!(gone.location(), "/homework");
    assert_eq!(pupil.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(teacher.get(&photo).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_school_day_on_sqlite() {
    a_school_day(&TestSchool::open()).await;
}

#[tokio::test]
async fn a_school_day_on_postgresql() {
    a_school_day(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let school = TestSchool::open();
    let people = school.people;
    let mut teacher = school.signed_in(people.teacher);
    let group = people.class_4a.to_string();
    let reply =
        teacher.post_files("/homework", &[("group", &group), ("work", "Lire <b>tout</b>")], &[]).await;
    assert_eq!(reply.status, StatusCode::OK);
    let page = reply.text();
    assert!(page.contains("Indiquez pour quel jour"), "{page}");
    assert!(page.contains("Lire &#60;b&#62;tout") || page.contains("Lire &lt;b&gt;tout"), "{page}");

    let other = people.class_5b.to_string();
    let reply = teacher.post_files("/homework", &[("group", &other), ("lesson_log", "x")], &[]).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_could_run_is_refused_and_nothing_is_saved() {
    let school = TestSchool::open();
    let people = school.people;
    let mut teacher = school.signed_in(people.teacher);
    let group = people.class_4a.to_string();
    for bytes in [&b"<html><script>alert(1)</script>"[..], b"MZ\x90\0\x03\0"] {
        let fields = [("group", group.as_str()), ("lesson_log", "Séance")];
        let reply = teacher.post_files("/homework", &fields, &[("files", "../../x.pdf", bytes)]).await;
        assert_eq!(reply.status, StatusCode::CONFLICT);
        assert!(reply.text().contains("Ce type de fichier"));
    }
    assert!(!teacher.get("/homework?past=1").await.text().contains("Séance</small>"));
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let school = TestSchool::open();
    let path = publish(&school).await;
    let mut pupil = school.signed_in(school.people.pupil);
    for fields in [&[("done", "on")][..], &[("done", "on"), ("csrf", "AAAA")]] {
        let reply = pupil.post_bare(&format!("{path}/completion"), fields).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    let foreign = school.signed_in(school.people.classmate).csrf();
    let reply = pupil.post_bare(&format!("{path}/completion"), &[("done", "on"), ("csrf", &foreign)]).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_is_signed_in_goes_to_the_door() {
    let school = TestSchool::open();
    let reply = school.anonymous().get("/homework?past=1").await;
    assert_eq!(
        (reply.status, reply.location()),
        (StatusCode::SEE_OTHER, "/sign-in?next=/homework%3Fpast%3D1")
    );
}
