//! Documents over HTTP: what there is to show, who gets its bytes and when, and what is left.

use super::{Seat, lesson};
use crate::testing::TestSchool;
use http::StatusCode;
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7 trois pages";

/// Documents, from what there is to show to what is left of them; on both engines.
async fn the_documents(school: TestSchool) {
    let people = school.people;
    crate::homework::one_for_tests(&school).await;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    let base = format!("/lessons/{}/room/documents", people.lesson);
    let choice = teacher.client.get(&format!("{base}.json")).await.json();
    let given = &choice["documents"][0];
    assert_eq!((&given["name"], &given["homework"]), (&json!("Énoncé.pdf"), &json!(true)), "{choice}");
    let reply = teacher.client.post_files(&base, &[], &[("file", "../Fables.PDF", PDF)]).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let added = reply.json();
    assert_eq!((&added["name"], &added["homework"]), (&json!("Fables.pdf"), &json!(false)));
    let photo = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let refused = teacher.client.post_files(&base, &[], &[("file", "photo.pdf", photo)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "a photo is no PDF, whatever it is called");

    let address = |document: &Value| format!("{base}/{}", document["token"].as_str().expect("a token"));
    let (own, work) = (address(&added), address(given));
    assert_eq!(&teacher.client.get(&own).await.body[..], PDF);
    for foreign in [&own, &work] {
        assert_eq!(maelys.client.get(foreign).await.status, StatusCode::NOT_FOUND, "not shown yet");
    }
    let showing = |pages: u16| json!({ "token": added["token"], "pages": pages });
    for pages in [0, 301] {
        assert_eq!(teacher.act("/document", showing(pages)).await, StatusCode::CONFLICT, "{pages} pages");
    }
    assert_eq!(teacher.act("/document", json!({ "token": "x", "pages": 3 })).await, StatusCode::NOT_FOUND);
    assert_eq!(teacher.act("/document/page", json!({ "page": 1 })).await, StatusCode::CONFLICT);
    teacher.done("/document", showing(3)).await;
    // Whoever turns a page learns which event that is, and tells by it what is older.
    let turned = format!("/lessons/{}/room/document/page", people.lesson);
    let turned = teacher.client.post_json(&turned, &json!({ "page": 3 })).await;
    assert_eq!((turned.status, &turned.json()["number"]), (StatusCode::OK, &teacher.room().await["number"]));
    assert_eq!(teacher.act("/document/page", json!({ "page": 4 })).await, StatusCode::CONFLICT);
    assert_eq!(maelys.act("/document/page", json!({ "page": 1 })).await, StatusCode::NOT_FOUND);
    let shown = json!({ "token": added["token"], "name": "Fables.pdf", "pages": 3, "page": 3 });
    assert_eq!(maelys.view().await["document"], shown);
    let reply = maelys.client.get(&own).await;
    assert_eq!((reply.status, &reply.body[..]), (StatusCode::OK, PDF));
    let part = maelys.client.get_with(&own, &[("range", "bytes=1-3")]).await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &PDF[1..4]));
    assert_eq!(maelys.client.get_with(&work, &[("range", "bytes=1-3")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(maelys.client.get(&work).await.status, StatusCode::NOT_FOUND, "only what is shown");
    for (persona, person) in people.personas() {
        let inside = [people.pupil, people.classmate, people.teacher, people.counsellor, people.head];
        let expected = if inside.contains(&person) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(school.signed_in(person).get(&own).await.status, expected, "{persona}");
    }

    // A restart keeps the page, and a locked door keeps the document.
    let school = school.restarted();
    let (mut teacher, mut maelys) = (Seat::of(&school, people.teacher), Seat::of(&school, people.pupil));
    tom.client.moved_to(&school);
    assert_eq!(maelys.view().await["document"], shown);
    teacher.done("/lock", json!({ "locked": true })).await;
    assert_eq!(tom.client.get(&own).await.status, StatusCode::NOT_FOUND, "not before the door");
    teacher.done("/lock", json!({ "locked": false })).await;

    // What came with the work is shown as well; and what is removed is put away first.
    teacher.done("/document", json!({ "token": given["token"], "pages": 1 })).await;
    assert_eq!(maelys.client.get(&work).await.status, StatusCode::OK);
    assert_eq!(maelys.client.get(&own).await.status, StatusCode::NOT_FOUND, "no longer shown");
    let gone = format!("{base}/{}/removal", given["token"].as_str().expect("a token"));
    assert_eq!(teacher.client.post_json(&gone, &json!({})).await.status, StatusCode::NOT_FOUND, "the work's");
    teacher.done("/document", showing(3)).await;
    let gone = format!("{own}/removal");
    assert_eq!(maelys.client.post_json(&gone, &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(teacher.client.post_json(&gone, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert!(maelys.view().await.get("document").is_none());
    assert_eq!(teacher.client.get(&own).await.status, StatusCode::NOT_FOUND);
    teacher.done("/document/end", json!({})).await;
}

#[tokio::test]
async fn the_documents_on_sqlite() {
    the_documents(TestSchool::open()).await;
}

#[tokio::test]
async fn the_documents_on_postgresql() {
    the_documents(TestSchool::open_on_postgres()).await;
}
