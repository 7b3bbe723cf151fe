//! Notices over HTTP, as the people of the test school.

use super::{
    Notice, NoticeBoard, NoticeId, PublishNotice, ReadNotice, ReadReceipts, WithdrawNotice, insert_for_demo,
    latest, opened,
};
use crate::ids::{PersonId, SchoolId};
use crate::store::Conn;
use crate::testing::{AT_7_55, Matrix, People, TestSchool};
use http::StatusCode;

/// The rows of this slice in the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let notice = Notice {
        id: NoticeId::from_raw(1),
        school: people.school,
        author: people.head,
        title: String::new(),
        body: String::new(),
        published_at: 0,
        withdrawn_at: None,
    };
    let withdrawn = Notice { withdrawn_at: Some(1), ..notice.clone() };
    matrix.list::<Notice, ReadNotice>();
    matrix.row::<Notice, ReadNotice>("of the school", &notice);
    matrix.row::<Notice, ReadNotice>("withdrawn", &withdrawn);
    matrix.row::<Notice, ReadReceipts>("of the school", &notice);
    matrix.row::<Notice, WithdrawNotice>("of the school", &notice);
    matrix.row::<NoticeBoard, PublishNotice>("of the school", &NoticeBoard { school: people.school });
}

/// A notice of the school that exists, for walks over routes.
pub(crate) fn one_for_tests(school: &TestSchool) -> String {
    let people = school.people;
    school
        .add(move |tx| insert_for_demo(tx, people.school, people.head, "Sortie", "Lundi", AT_7_55))
        .to_string()
}

async fn a_notice_from_writing_to_withdrawal(school: &TestSchool) {
    let people = school.people;
    let mut head = school.signed_in(people.head);
    let form = head.get("/notices/new").await.words();
    assert!(form.contains(&format!("name=\"school\" value=\"{}\"", people.school)), "{form}");
    let (own, text) =
        (people.school.to_string(), "Les cours ont lieu à distance.\n\nRestez <b>chez vous</b>.");
    let fields = [("school", own.as_str()), ("title", "Fermeture"), ("body", text)];
    let reply = head.post("/notices", &fields).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text());
    let path = reply.location().to_owned();

    let unread_by = |who| school.ask(move |conn| left_for(conn, people.school, who)).len();
    assert_eq!((unread_by(people.pupil), unread_by(people.head)), (1, 0), "its author knows it");
    for who in [people.pupil, people.guardian, people.teacher] {
        let mut reader = school.signed_in(who);
        let list = reader.get("/notices").await.words();
        assert!(list.contains("Fermeture") && list.contains("nouvelle"), "{list}");
        let page = reader.get(&path).await.words();
        assert!(page.contains("à distance") && !page.contains("<b>chez vous"), "{page}");
        assert!(!page.contains("withdrawal") && !page.contains("<progress"), "receipts are the head's");
        assert_eq!(reader.get(&path).await.status, StatusCode::OK, "twice is once");
        assert!(reader.get("/notices").await.words().contains("lue"));
    }
    assert_eq!(unread_by(people.pupil), 0);
    let page = head.get(&path).await.words();
    assert!(page.contains("Élèves : 1 sur 3") && page.contains("Familles : 1 sur 2"), "{page}");
    assert!(page.contains("Personnels : 1 sur 7"), "{page}");

    let gone = head.post(&format!("{path}/withdrawal"), &[]).await;
    assert_eq!((gone.status, gone.location()), (StatusCode::SEE_OTHER, "/notices"));
    assert_eq!(school.signed_in(people.pupil).get(&path).await.status, StatusCode::NOT_FOUND);
    assert!(!school.signed_in(people.pupil).get("/notices").await.words().contains("Fermeture"));
    assert_eq!(unread_by(people.classmate), 0);
    let page = head.get(&path).await.words();
    assert!(page.contains("a été retirée") && !page.contains("/withdrawal"), "{page}");
    assert!(head.get("/notices").await.words().contains("retirée"));
}

/// The latest notices of a school that somebody has neither written nor opened.
fn left_for(conn: &mut Conn, school: SchoolId, who: PersonId) -> diesel::QueryResult<Vec<NoticeId>> {
    let shown: Vec<NoticeId> = latest(conn, school, 0)?.iter().map(|line| line.id).collect();
    let done = opened(conn, who, &shown)?;
    Ok(shown.into_iter().filter(|id| !done.contains(id)).collect())
}

#[tokio::test]
async fn a_notice_from_writing_to_withdrawal_on_sqlite() {
    a_notice_from_writing_to_withdrawal(&TestSchool::open()).await;
}

#[tokio::test]
async fn a_notice_from_writing_to_withdrawal_on_postgresql() {
    a_notice_from_writing_to_withdrawal(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let school = TestSchool::open();
    let own = school.people.school.to_string();
    let mut head = school.signed_in(school.people.head);
    let reply =
        head.post("/notices", &[("school", &own), ("title", "Sortie \"du soir\""), ("body", " ")]).await;
    assert_eq!(reply.status, StatusCode::OK);
    let page = reply.text();
    assert!(page.contains("Écrivez le texte") && page.contains("du soir"), "{page}");
    assert!(!page.contains("value=\"Sortie \"du"), "{page}");
    assert!(!head.get("/notices").await.words().contains("Sortie"));
}

#[tokio::test]
async fn nobody_writes_to_another_school_and_nobody_floods_their_own() {
    let school = TestSchool::open();
    let people = school.people;
    let own = people.school.to_string();
    let fields = [("school", own.as_str()), ("title", "Titre"), ("body", "Texte")];
    for stranger in [people.foreign_head, people.teacher, people.pupil, people.local_admin] {
        assert_eq!(school.signed_in(stranger).post("/notices", &fields).await.status, StatusCode::NOT_FOUND);
    }
    let mut head = school.signed_in(people.head);
    for _ in 0..20 {
        assert_eq!(head.post("/notices", &fields).await.status, StatusCode::SEE_OTHER);
    }
    let reply = head.post("/notices", &fields).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(reply.text().contains("Trop d’annonces"));
    school.minutes_later(24 * 60 + 1);
    assert_eq!(head.post("/notices", &fields).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_fetched_on_a_guess_leaves_no_receipt() {
    let school = TestSchool::open();
    let people = school.people;
    let path = format!("/notices/{}", one_for_tests(&school));
    let mut pupil = school.signed_in(people.pupil);
    let request = http::Request::get(&path).header("sec-purpose", "prefetch").body(axum::body::Body::empty());
    assert_eq!(pupil.send(request.expect("a request")).await.status, StatusCode::OK);
    let left = || school.ask(|conn| left_for(conn, people.school, people.pupil)).len();
    assert_eq!(left(), 1);
    pupil.get(&path).await;
    assert_eq!(left(), 0);
}
