//! How long what a class wrote is kept: until its time is over, and as long as a recording shows it.

use super::{Seat, lesson};
use crate::classroom::board::{rows, tests};
use crate::classroom::store;
use crate::ids::Millis;
use crate::lesson::said_between;
use crate::testing::{AT_7_55, TestSchool};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::json;

const DAY: Millis = 24 * 3_600_000;

/// How many messages, events and updates of the board are kept of the French lesson.
fn kept(school: &TestSchool) -> (usize, usize, i64) {
    let lesson = school.people.lesson;
    school.ask(|conn| {
        let said = said_between(conn, lesson, (0, Millis::MAX))?.len();
        Ok((said, store::after(conn, lesson, 0)?.len(), rows(conn, lesson)?))
    })
}

async fn what_was_written(school: TestSchool) {
    let people = school.people;
    let (mut teacher, mut maelys, _) = lesson(&school).await;
    let chat = format!("/lessons/{}/live/messages", people.lesson);
    let said = maelys.client.post_json(&chat, &json!({ "text": "Bonjour" })).await;
    assert_eq!(said.status, StatusCode::NO_CONTENT);
    maelys.done("/words", json!({ "text": "J’ai mal au ventre." })).await;
    teacher.done("/board/switch", json!({ "open": true })).await;
    let update = BASE64.encode(tests::Pen::new(1).draws("line", tests::thing("line", 1.0)));
    assert_eq!(teacher.act("/board", json!({ "sheet": 0, "update": update })).await, StatusCode::OK);
    let ending = format!("/lessons/{}/live/ending", people.lesson);
    assert_eq!(teacher.client.post_json(&ending, &json!({})).await.status, StatusCode::NO_CONTENT);
    let whole = kept(&school);
    assert_eq!(whole, (1, 2, 1));

    let together = school.app.together.clone();
    school.clock.set(AT_7_55 + 365 * DAY);
    assert_eq!(together.tidy().await.expect("tidied"), 0, "the lesson ended later than it began");
    assert_eq!(kept(&school), whole);
    let recording = crate::recording::one_for_tests(&school);
    school.clock.set(AT_7_55 + 366 * DAY);
    assert_eq!(together.tidy().await.expect("tidied"), 0, "a recording shows it");
    let mut head = school.signed_in(people.head);
    let removal = format!("/recordings/{recording}/removal");
    assert_eq!(head.post(&removal, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(together.tidy().await.expect("tidied"), 1);
    assert_eq!(kept(&school), (0, 0, 0));
    assert_eq!(together.tidy().await.expect("tidied"), 0, "once is enough");
    let mut teacher = Seat::of(&school, people.teacher);
    let board = teacher.client.get(&format!("/lessons/{}/room/board.json", people.lesson)).await.json();
    assert_eq!(board["number"], 0, "nor does the memory have it");
    let lines = school.ask(|conn| crate::store::journal_lines(conn, 0, 10_000));
    let line = lines.iter().rev().find(|line| line.entry.action == "room.expire").expect("a line");
    assert_eq!((line.entry.actor.as_str(), line.entry.object_id), ("system:retention", people.lesson.get()));
}

#[tokio::test]
async fn what_was_written_goes_after_its_time_on_sqlite() {
    what_was_written(TestSchool::open()).await;
}

#[tokio::test]
async fn what_was_written_goes_after_its_time_on_postgresql() {
    what_was_written(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn the_page_says_for_how_long_and_the_operator_chooses() {
    let school = TestSchool::configured(|config| config.live.keep_days = 30);
    let (mut teacher, ..) = lesson(&school).await;
    let page = teacher.client.get(&format!("/lessons/{}/live", school.people.lesson)).await;
    assert!(page.text().contains("data-keep-days=\"30\""));
}
