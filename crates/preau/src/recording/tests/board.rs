//! What the class was shown while it was recorded: the board as it came about, and the documents.

use super::*;
use crate::classroom::{Pen, thing};
use crate::ids::Millis;
use crate::testing::AT_7_55;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const PDF: &[u8] = b"%PDF-1.7 cinq pages";

async fn done(client: &mut Client, school: &TestSchool, what: &str, document: Value) {
    let reply = client.post_json(&format!("/lessons/{}/room{what}", school.people.lesson), &document).await;
    assert!(reply.status.is_success(), "{what}: {}", reply.text());
}

/// So many milliseconds after the recording begins, which is a while after the lesson did.
fn later(school: &TestSchool, milliseconds: Millis) {
    school.clock.set(AT_7_55 + 100 + milliseconds);
}

async fn what_was_shown(school: TestSchool) {
    let people = school.people;
    choose(&school, "teacher").await;
    let mut teacher = lesson(&school).await;
    let documents = format!("/lessons/{}/room/documents", people.lesson);
    let mut tokens = Vec::new();
    for name in ["Fables.pdf", "Corrigé.pdf"] {
        let added = teacher.post_files(&documents, &[], &[("file", name, PDF)]).await.json();
        tokens.push(added["token"].as_str().expect("a token").to_owned());
    }
    let mut pen = Pen::new(11);
    let draw = |update: Vec<u8>, sheet: i64| json!({ "sheet": sheet, "update": BASE64.encode(update) });
    done(&mut teacher, &school, "/board/switch", json!({ "open": true })).await;
    done(&mut teacher, &school, "/board", draw(pen.draws("before", thing("line", 1.0)), 0)).await;
    later(&school, 0);
    assert_eq!(act(&mut teacher, people.lesson, "beginning").await.status, StatusCode::NO_CONTENT);
    let (id, began) = (only(&school), Instant::now());
    for (at, x) in [(1_000, 2.0), (1_200, 3.0)] {
        later(&school, at);
        done(&mut teacher, &school, "/board", draw(pen.draws("line", thing("line", x)), 0)).await;
    }
    later(&school, 2_000);
    done(&mut teacher, &school, "/board/switch", json!({ "open": false })).await;
    later(&school, 2_500);
    done(&mut teacher, &school, "/board/wiping", json!({})).await;
    later(&school, 3_000);
    done(&mut teacher, &school, "/board/switch", json!({ "open": true })).await;
    later(&school, 3_500);
    pen = Pen::new(12);
    done(&mut teacher, &school, "/board", draw(pen.draws("new", thing("line", 4.0)), 1)).await;
    later(&school, 4_000);
    done(&mut teacher, &school, "/board/switch", json!({ "open": false })).await;
    done(&mut teacher, &school, "/document", json!({ "token": tokens[0], "pages": 5 })).await;
    later(&school, 4_500);
    done(&mut teacher, &school, "/document/page", json!({ "page": 3 })).await;
    teach(&school, began, 0, 6);
    assert_eq!(act(&mut teacher, people.lesson, "ending").await.status, StatusCode::NO_CONTENT);
    school.app.recordings.studio().finish().await;
    // What comes afterwards is no part of it.
    later(&school, 9_000);
    done(&mut teacher, &school, "/document", json!({ "token": tokens[1], "pages": 5 })).await;
    done(&mut teacher, &school, "/board/switch", json!({ "open": true })).await;
    done(&mut teacher, &school, "/board", draw(pen.draws("after", thing("line", 5.0)), 1)).await;

    let mut pupil = school.signed_in(people.pupil);
    let contents = pupil.get(&format!("/recordings/{id}/contents.json")).await.json();
    assert_eq!(contents["board"], true);
    assert_eq!(contents["room"]["board"], json!({ "all": false }));
    let turn = contents["changes"].as_array().and_then(|changes| changes.last()).expect("changes");
    assert_eq!(turn, &json!({ "at": 4_500, "patch": { "document": { "page": 3 } } }));
    let board = pupil.get(&format!("/recordings/{id}/board.json")).await.json();
    let steps: Vec<_> = board["steps"].as_array().expect("steps").iter().collect();
    let outline: Vec<_> = steps
        .iter()
        .map(|step| {
            let things = step["things"].as_object().expect("things");
            let places: Vec<_> =
                things.iter().map(|(id, thing)| (id.as_str(), thing["x"].as_f64())).collect();
            (step["at"].as_i64().expect("a time"), step["clean"] == true, places)
        })
        .collect();
    let expected = [
        (0, false, vec![("before", Some(1.0))]),
        (1_200, false, vec![("line", Some(3.0))]),
        (3_000, true, vec![]),
        (3_500, false, vec![("new", Some(4.0))]),
    ];
    assert_eq!(outline, expected);
    assert_eq!(steps[1]["things"]["line"]["points"], json!([[0, 1]]), "numbers are short");
    assert!(board.get("until").is_none());

    let shown = format!("/recordings/{id}/documents/{}", tokens[0]);
    assert_eq!(&pupil.get(&shown).await.body[..], PDF);
    let other = format!("/recordings/{id}/documents/{}", tokens[1]);
    assert_eq!(teacher.get(&other).await.status, StatusCode::NOT_FOUND, "it was not shown meanwhile");
    let inside = [people.pupil, people.classmate, people.teacher, people.head];
    for (persona, person) in people.personas() {
        let mut client = school.signed_in(person);
        let expected = if inside.contains(&person) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        for page in [&shown, &format!("/recordings/{id}/board.json")] {
            assert_eq!(client.get(page).await.status, expected, "{page} as {persona}");
        }
    }
    // A document that is taken out of the lesson is gone here as well; what was drawn goes with the recording.
    done(&mut teacher, &school, &format!("/documents/{}/removal", tokens[0]), json!({})).await;
    assert_eq!(pupil.get(&shown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(school.ask(|conn| store::drawings(conn, id)).len(), 4);
    assert_eq!(teacher.post(&format!("/recordings/{id}/removal"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(school.ask(|conn| store::drawings(conn, id)).is_empty());
    assert_eq!(pupil.get(&format!("/recordings/{id}/board.json")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_shown_on_sqlite() {
    what_was_shown(TestSchool::open()).await;
}

#[tokio::test]
async fn what_was_shown_on_postgresql() {
    what_was_shown(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn a_lesson_that_is_not_recorded_leaves_no_trace_of_how_its_board_came_about() {
    let school = TestSchool::open();
    let mut teacher = lesson(&school).await;
    let id = RecordingId::from_raw(one_for_tests(&school).parse().expect("a number"));
    done(&mut teacher, &school, "/board/switch", json!({ "open": true })).await;
    let update = BASE64.encode(Pen::new(1).draws("line", thing("line", 1.0)));
    done(&mut teacher, &school, "/board", json!({ "sheet": 0, "update": update })).await;
    assert!(school.ask(|conn| store::drawings(conn, id)).is_empty());
    let contents = teacher.get(&format!("/recordings/{id}/contents.json")).await.json();
    assert_eq!(contents["board"], false);
}
