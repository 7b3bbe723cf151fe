//! The board over HTTP: who reads it, who draws, what is kept and how a page that missed something catches up.

use super::{Seat, lesson};
use crate::classroom::board::rows;
use crate::classroom::board::tests::{Pen, thing};
use crate::testing::{AT_7_55, TestSchool};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::{Value, json};

impl Seat {
    async fn board(&mut self, query: &str) -> (StatusCode, Value) {
        let reply = self.client.get(&format!("/lessons/{}/room/board.json{query}", self.lesson)).await;
        let body = if reply.status == StatusCode::OK { reply.json() } else { Value::Null };
        (reply.status, body)
    }

    /// Sends an update for a sheet; the status and the reason or the number.
    async fn draws(&mut self, sheet: i64, update: &[u8]) -> (StatusCode, Value) {
        let document = json!({ "sheet": sheet, "update": BASE64.encode(update) });
        let reply = self.client.post_json(&format!("/lessons/{}/room/board", self.lesson), &document).await;
        let status = reply.status;
        let said = if status == StatusCode::TOO_MANY_REQUESTS { Value::Null } else { reply.json() };
        (status, said)
    }

    async fn drawn(&mut self, sheet: i64, update: &[u8]) -> i64 {
        let (status, said) = self.draws(sheet, update).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        said["number"].as_i64().expect("a number")
    }
}

fn bytes(text: &Value) -> Vec<u8> {
    BASE64.decode(text.as_str().expect("base64")).expect("base64")
}

/// What is on the board that `seat` reads anew.
async fn seen(seat: &mut Seat) -> Vec<String> {
    let (status, board) = seat.board("").await;
    assert_eq!(status, StatusCode::OK);
    let page = Pen::new(1);
    page.takes(&bytes(&board["whole"]));
    page.sees()
}

const REFUSED: StatusCode = StatusCode::CONFLICT;

/// The board from its first line to its last; on both engines.
async fn the_board(school: TestSchool) {
    let people = school.people;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    let chalk = Pen::new(11);
    let line = chalk.draws("line", thing("freedraw", 1.0));
    assert_eq!(teacher.draws(0, &line).await.0, REFUSED, "it is not there yet");
    assert_eq!(maelys.board("").await.0, REFUSED);
    assert_eq!(maelys.act("/board/switch", json!({ "open": true })).await, StatusCode::NOT_FOUND);
    teacher.done("/board/switch", json!({ "open": true })).await;
    assert_eq!(maelys.view().await["board"], json!({ "all": false }));
    assert_eq!(teacher.drawn(0, &line).await, 1);
    assert_eq!(seen(&mut maelys).await, ["line"]);
    for (persona, person) in people.personas() {
        let inside = [people.pupil, people.classmate, people.teacher, people.counsellor, people.head];
        let expected = if inside.contains(&person) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(Seat::of(&school, person).board("").await.0, expected, "{persona}");
    }

    // A changed page that draws without being allowed to is refused, and with it again once that is taken back.
    let pencil = Pen::new(22);
    let word = pencil.draws("word", thing("text", 2.0));
    assert_eq!(maelys.draws(0, &word).await.0, REFUSED);
    let one = |may: bool| json!({ "person": people.pupil.to_string(), "may": may });
    teacher.done("/board/loan", one(true)).await;
    assert_eq!(maelys.view().await["me"]["apart"], true);
    assert!(tom.view().await["me"].get("apart").is_none(), "what is another's is not told");
    assert_eq!(maelys.drawn(0, &word).await, 2);
    let toms = Pen::new(33).draws("tom", thing("text", 2.0));
    assert_eq!(tom.draws(0, &toms).await.0, REFUSED, "only to one");
    teacher.done("/board/loan", json!({ "may": true })).await;
    assert_eq!(tom.drawn(0, &toms).await, 3);
    teacher.done("/board/loan", one(false)).await;
    assert_eq!(maelys.draws(0, &pencil.draws("word", thing("text", 3.0))).await.0, REFUSED, "taken back");
    assert_eq!(
        teacher.act("/board/loan", json!({ "person": "0", "may": true })).await,
        StatusCode::NOT_FOUND
    );
    let mut head = Seat::of(&school, people.head);
    assert_eq!(head.draws(0, &toms).await.0, StatusCode::NOT_FOUND, "who looks in does not draw");

    // Whoever stands before the door neither reads nor draws.
    teacher.done("/lock", json!({ "locked": true })).await;
    assert_eq!((tom.board("").await.0, tom.draws(0, &toms).await.0), (REFUSED, REFUSED));
    teacher.done("/lock", json!({ "locked": false })).await;

    // What was missed is asked for by its number; a number of another time gets everything.
    let (_, missed) = tom.board("?after=1&sheet=0").await;
    assert_eq!((&missed["number"], missed.get("whole")), (&json!(3), None));
    assert_eq!(missed["updates"], json!([BASE64.encode(&word), BASE64.encode(&toms)]));
    assert_eq!(tom.board("?after=3&sheet=0").await.1["updates"], json!([]));
    for ahead in ["?after=9&sheet=0", "?after=1&sheet=1", "?after=1"] {
        assert!(tom.board(ahead).await.1.get("whole").is_some(), "{ahead}");
    }

    // Nothing of this is lost with the process.
    let school = school.restarted();
    let (mut teacher, mut maelys, mut tom) = (
        Seat::of(&school, people.teacher),
        Seat::of(&school, people.pupil),
        Seat::of(&school, people.classmate),
    );
    assert_eq!(seen(&mut maelys).await, ["line", "tom", "word"]);
    assert_eq!(maelys.draws(0, &word).await.0, REFUSED, "rights neither");
    assert_eq!(teacher.drawn(0, &chalk.draws("arrow", thing("arrow", 4.0))).await, 4);

    // Something else takes its place, and gives it back.
    teacher.done("/board/switch", json!({ "open": false })).await;
    assert_eq!(tom.draws(0, &toms).await.0, REFUSED, "put away");
    assert_eq!(teacher.board("").await.0, StatusCode::OK, "its teacher reads it");
    teacher.done("/board/switch", json!({ "open": true })).await;
    assert_eq!(tom.draws(0, &toms).await.0, StatusCode::OK, "and all may again");

    // A new sheet.
    assert_eq!(maelys.act("/board/wiping", json!({})).await, StatusCode::NOT_FOUND);
    teacher.done("/board/wiping", json!({})).await;
    assert!(seen(&mut maelys).await.is_empty());
    assert_eq!(
        teacher.draws(0, &chalk.draws("late", thing("line", 5.0))).await.0,
        REFUSED,
        "of the old sheet"
    );
    let fresh = Pen::new(44).draws("new", thing("line", 6.0));
    assert_eq!(teacher.drawn(1, &fresh).await, 7);
    let school = school.restarted();
    let mut maelys = Seat::of(&school, people.pupil);
    assert_eq!(seen(&mut maelys).await, ["new"]);
    assert_eq!(maelys.board("?after=6&sheet=1").await.1["updates"], json!([BASE64.encode(&fresh)]));
}

#[tokio::test]
async fn the_board_on_sqlite() {
    the_board(TestSchool::open()).await;
}

#[tokio::test]
async fn the_board_on_postgresql() {
    the_board(TestSchool::open_on_postgres()).await;
}

/// Many updates are put together without losing one, also for a process that slept meanwhile; on both engines.
async fn a_long_board(school: TestSchool) {
    let people = school.people;
    let (mut teacher, ..) = lesson(&school).await;
    teacher.done("/board/switch", json!({ "open": true })).await;
    let pen = Pen::new(11);
    assert_eq!(teacher.drawn(0, &pen.draws("0", thing("line", 0.0))).await, 1);
    // Another process on the same database; the first one sleeps.
    let other = school.restarted();
    let mut elsewhere = Seat::of(&other, people.teacher);
    assert_eq!(seen(&mut elsewhere).await, ["0"]);
    for number in 1..300_i64 {
        other.clock.set(AT_7_55 + 250 * number);
        let update = pen.draws(&(number % 40).to_string(), thing("line", 1.5));
        assert_eq!(elsewhere.drawn(0, &update).await, number + 1);
    }
    let lesson = people.lesson;
    let rows = other.ask(move |conn| rows(conn, lesson));
    assert!(rows < 130, "{rows} updates are left");
    let (_, board) = elsewhere.board("?after=290&sheet=0").await;
    assert_eq!(board["updates"].as_array().map(Vec::len), Some(10), "the last ones one by one");
    assert!(elsewhere.board("?after=20&sheet=0").await.1.get("whole").is_some(), "the first ones no more");
    assert_eq!(seen(&mut teacher).await.len(), 40, "the first one wakes up");
    assert_eq!(teacher.drawn(0, &pen.draws("last", thing("line", 2.0))).await, 301);
    let again = other.restarted();
    assert_eq!(seen(&mut Seat::of(&again, people.teacher)).await.len(), 41);
}

#[tokio::test]
async fn a_long_board_on_sqlite() {
    a_long_board(TestSchool::open()).await;
}

#[tokio::test]
async fn a_long_board_on_postgresql() {
    a_long_board(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn what_is_no_drawing_is_refused_in_words_and_the_board_stays() {
    let school = TestSchool::open();
    let (mut teacher, ..) = lesson(&school).await;
    teacher.done("/board/switch", json!({ "open": true })).await;
    let pen = Pen::new(11);
    teacher.drawn(0, &pen.draws("kept", thing("line", 0.0))).await;
    let garbage: [&[u8]; 3] = [&[], &[1, 2, 3], &[0xff; 64]];
    for update in garbage {
        assert_eq!(teacher.draws(0, update).await.0, StatusCode::BAD_REQUEST, "{update:?}");
    }
    let no_base64 = json!({ "sheet": 0, "update": "é" });
    assert_eq!(teacher.act("/board", no_base64).await, StatusCode::BAD_REQUEST);
    let long = "x".repeat(130 * 1024);
    let heavy = Pen::new(12).draws(
        "heavy",
        yrs::Any::from(std::collections::HashMap::from([
            ("type".to_owned(), yrs::Any::from("text")),
            ("text".to_owned(), yrs::Any::from(long)),
        ])),
    );
    assert_eq!(teacher.draws(0, &heavy).await.0, REFUSED, "too much at once");
    pen.draws("lost", thing("line", 1.0));
    let gap = pen.draws("after", thing("line", 2.0));
    assert_eq!(teacher.draws(0, &gap).await.0, REFUSED, "something before it is missing");
    assert_eq!(seen(&mut teacher).await, ["kept"]);
    // Twelve at once; the clock of this school stands still.
    let mut fast = StatusCode::OK;
    let hand = Pen::new(13);
    for number in 0..12 {
        fast = teacher.draws(0, &hand.draws("fast", thing("line", f64::from(number)))).await.0;
    }
    assert_eq!(fast, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn only_who_may_draw_shows_where_their_hand_is_and_nothing_of_it_is_kept() {
    let school = TestSchool::open();
    let people = school.people;
    let (mut teacher, mut maelys, _) = lesson(&school).await;
    let at = |x: f64| json!({ "x": x, "y": -3.25 });
    assert_eq!(teacher.act("/board/pointer", at(1.0)).await, REFUSED, "there is no board");
    teacher.done("/board/switch", json!({ "open": true })).await;
    teacher.done("/board/pointer", at(1.0)).await;
    assert_eq!(maelys.act("/board/pointer", at(1.0)).await, REFUSED);
    teacher.done("/board/loan", json!({ "person": people.pupil.to_string(), "may": true })).await;
    maelys.done("/board/pointer", at(1.0)).await;
    teacher.done("/board/loan", json!({ "person": people.pupil.to_string(), "may": false })).await;
    assert_eq!(maelys.act("/board/pointer", at(1.0)).await, REFUSED, "taken back");
    let inside = [people.pupil, people.classmate, people.teacher];
    for (persona, person) in people.personas() {
        let status = Seat::of(&school, person).act("/board/pointer", at(1.0)).await;
        assert_eq!(status == StatusCode::NOT_FOUND, !inside.contains(&person), "{persona}: {status}");
    }
    let malformed = StatusCode::BAD_REQUEST;
    for bad in [at(1e7), json!({ "x": 1.0 }), json!({ "x": 1.0, "y": 2.0, "name": "Tom" })] {
        assert_eq!(teacher.act("/board/pointer", bad).await, malformed);
    }
    let (number, lines) = (teacher.room().await["number"].clone(), {
        let lines = school.ask(|conn| crate::store::journal_lines(conn, 0, 10_000));
        lines.len()
    });
    // The clock stands still: four of each, twelve of all together.
    let mut told = 0;
    while teacher.act("/board/pointer", at(2.0)).await == StatusCode::NO_CONTENT {
        told += 1;
    }
    assert_eq!(told, 2, "two before");
    teacher.done("/board/loan", json!({ "may": true })).await;
    assert_eq!(teacher.act("/board/pointer", at(2.0)).await, StatusCode::TOO_MANY_REQUESTS);
    school.clock.set(AT_7_55 + 1_000);
    teacher.done("/board/pointer", at(2.0)).await;
    let after = school.ask(|conn| crate::store::journal_lines(conn, 0, 10_000)).len();
    assert_eq!(after, lines + 1, "only the loan stands in the journal");
    assert_eq!(teacher.room().await["number"].as_i64(), number.as_i64().map(|number| number + 1));
    assert_eq!(teacher.board("").await.1["number"], 0);
}
