//! What a class does together over HTTP, as the people of the test school; documents in `documents`, the board in `board`, how long it is kept in `retention`; and that what
//! is told agrees with what is shown (`agreement`).

mod agreement;
mod board;
mod documents;
mod retention;

use super::{DrawOnBoard, LeadRoom, PartakeInRoom, WriteNotes};
use crate::ids::{LessonId, PersonId};
use crate::lesson::LiveLesson;
use crate::testing::{Client, Matrix, People, TestSchool};
use http::StatusCode;
use serde_json::{Value, json};

/// Rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let lesson = LiveLesson {
        id: people.lesson,
        school: people.school,
        starts_at: 0,
        ends_at: 1,
        cancelled: false,
        label: "Français".into(),
        subject: Some(people.french),
        groups: vec![people.class_4a],
        teachers: vec![people.teacher],
        removed: vec![],
        opened: true,
    };
    let after_removal = LiveLesson { removed: vec![people.pupil], ..lesson.clone() };
    let study_hall = LiveLesson { teachers: vec![], ..lesson.clone() };
    for (what, lesson) in [
        ("of French in 4A", lesson),
        ("of study hall in 4A", study_hall),
        ("of French in 4A, pupil sent out", after_removal),
    ] {
        matrix.row::<LiveLesson, LeadRoom>(what, &lesson);
        matrix.row::<LiveLesson, PartakeInRoom>(what, &lesson);
        matrix.row::<LiveLesson, WriteNotes>(what, &lesson);
        matrix.row::<LiveLesson, DrawOnBoard>(what, &lesson);
    }
}

/// Somebody with the French lesson of 4A.
struct Seat {
    client: Client,
    lesson: LessonId,
}

impl Seat {
    fn of(school: &TestSchool, person: PersonId) -> Seat {
        Seat { client: school.signed_in(person), lesson: school.people.lesson }
    }

    /// `POST /lessons/{id}/room{what}`.
    async fn act(&mut self, what: &str, document: Value) -> StatusCode {
        self.client.post_json(&format!("/lessons/{}/room{what}", self.lesson), &document).await.status
    }

    async fn done(&mut self, what: &str, document: Value) {
        assert_eq!(self.act(what, document).await, StatusCode::NO_CONTENT, "{what}");
    }

    /// The room as a snapshot.
    async fn room(&mut self) -> Value {
        let reply = self.client.get(&format!("/lessons/{}/room.json", self.lesson)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    async fn view(&mut self) -> Value {
        self.room().await["view"].clone()
    }

    /// What has happened since.
    async fn since(&mut self, number: i64) -> Value {
        self.client.get(&format!("/lessons/{}/room.json?after={number}", self.lesson)).await.json()
    }

    /// The way into the live room: the status and what was said.
    async fn entry(&mut self) -> (StatusCode, Value) {
        let reply = self.client.get(&format!("/lessons/{}/live.json", self.lesson)).await;
        (reply.status, reply.json())
    }
}

/// A school whose French lesson is on: its teacher, Maëlys, Tom.
async fn lesson(school: &TestSchool) -> (Seat, Seat, Seat) {
    let people = school.people;
    let mut teacher = Seat::of(school, people.teacher);
    let opening = format!("/lessons/{}/live/opening", people.lesson);
    assert_eq!(teacher.client.post_json(&opening, &json!({})).await.status, StatusCode::NO_CONTENT);
    (teacher, Seat::of(school, people.pupil), Seat::of(school, people.classmate))
}

#[tokio::test]
async fn only_those_of_the_lesson_see_the_room_and_only_while_it_is_open() {
    let school = TestSchool::open();
    let people = school.people;
    let mut early = Seat::of(&school, people.pupil);
    let path = format!("/lessons/{}/room.json", people.lesson);
    assert_eq!(early.client.get(&path).await.status, StatusCode::CONFLICT);
    assert_eq!(early.act("/lobby", json!({})).await, StatusCode::CONFLICT);
    let (mut teacher, ..) = lesson(&school).await;
    let inside = [people.pupil, people.classmate, people.teacher, people.counsellor, people.head];
    for (persona, person) in people.personas() {
        let status = school.signed_in(person).get(&path).await.status;
        let expected = if inside.contains(&person) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(status, expected, "{persona}");
    }
    let room = teacher.room().await;
    assert_eq!((&room["number"], &room["now"]), (&json!(0), &json!(crate::testing::AT_7_55)));
    assert_eq!(
        room["view"],
        json!({
            "locked": false, "words_open": true, "polls": {}, "lobby": {}, "words": {},
            "notes_open": false, "notes": {},
        })
    );
}

/// The door, from the first lock to the last; on both engines.
async fn the_door(school: TestSchool) {
    let people = school.people;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    school.note_presence(people.lesson, people.pupil, "live");
    teacher.done("/lock", json!({ "locked": true })).await;
    assert_eq!(maelys.entry().await.0, StatusCode::OK, "who was in comes back");
    let (status, said) = tom.entry().await;
    assert_eq!((status, said), (StatusCode::CONFLICT, json!({ "opened": true, "lobby": true })));
    assert_eq!(tom.view().await, json!({ "lobby": true }), "nothing of the room");
    for visitor in [people.head, people.teacher] {
        assert_eq!(Seat::of(&school, visitor).entry().await.0, StatusCode::OK);
    }

    tom.done("/lobby", json!({})).await;
    tom.done("/lobby", json!({})).await;
    maelys.done("/lobby", json!({})).await;
    let lobby = teacher.view().await["lobby"].clone();
    let toms = people.classmate.to_string();
    assert_eq!(lobby.as_object().expect("a map").len(), 1, "once, and only who stands outside: {lobby}");
    assert_eq!(lobby[&toms]["name"], "Tom Aubépine");
    assert!(maelys.view().await.get("lobby").is_none(), "only the teacher sees who waits");
    for act in ["/words", "/reactions"] {
        let document = if act == "/words" { json!({ "text": "x" }) } else { json!({ "sign": "yes" }) };
        assert_eq!(tom.act(act, document).await, StatusCode::CONFLICT, "whoever waits takes no part");
    }

    let live = format!("/lessons/{}/live", people.lesson);
    assert_eq!(
        tom.client.get(&format!("{live}/messages")).await.status,
        StatusCode::CONFLICT,
        "nor of the chat"
    );
    for (act, document) in [("messages", json!({ "text": "x" })), ("hand", json!({ "raised": true }))] {
        let status = tom.client.post_json(&format!("{live}/{act}"), &document).await.status;
        assert_eq!(status, StatusCode::CONFLICT, "{act}");
    }

    // Nothing of this is lost with the process.
    let school = school.restarted();
    let (mut teacher, mut tom) = (Seat::of(&school, people.teacher), Seat::of(&school, people.classmate));
    let after = teacher.room().await;
    assert_eq!((&after["number"], &after["view"]["locked"]), (&json!(2), &json!(true)));
    assert_eq!(tom.entry().await.0, StatusCode::CONFLICT);
    assert_eq!(
        teacher.act("/admissions", json!({ "person": people.other_pupil.to_string() })).await,
        StatusCode::NOT_FOUND
    );
    teacher.done("/admissions", json!({ "person": toms })).await;
    assert_eq!(tom.entry().await.0, StatusCode::OK);
    assert_eq!(tom.view().await["locked"], true);
    assert_eq!(teacher.view().await["lobby"], json!({}));
    teacher.done("/lock", json!({ "locked": false })).await;
    teacher.done("/lock", json!({ "locked": true })).await;
    assert_eq!(tom.entry().await.0, StatusCode::CONFLICT, "a new lock begins with those who are in");
    tom.done("/lobby", json!({})).await;
    teacher.done("/admissions", json!({})).await;
    assert_eq!(tom.entry().await.0, StatusCode::OK, "all at once");
}

#[tokio::test]
async fn the_door_on_sqlite() {
    the_door(TestSchool::open()).await;
}

#[tokio::test]
async fn the_door_on_postgresql() {
    the_door(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn a_page_that_missed_something_asks_for_it() {
    let school = TestSchool::open();
    let (mut teacher, mut maelys, _) = lesson(&school).await;
    teacher.done("/timer", json!({ "seconds": 60 })).await;
    school.clock.set(crate::testing::AT_7_55 + 20_000);
    teacher.done("/timer/pause", json!({ "paused": true })).await;
    teacher.done("/timer/pause", json!({ "paused": true })).await;
    let answer = maelys.since(1).await;
    assert_eq!(answer["number"], 2, "a second pause is none");
    let at = crate::testing::AT_7_55 + 20_000;
    assert_eq!(
        answer["events"],
        json!([{ "number": 2, "at": at, "patch": { "timer": { "ends_at": null, "left": 40_000 } } }])
    );
    assert!(answer.get("view").is_none());
    assert_eq!(maelys.since(2).await["events"], json!([]));
    let ahead = maelys.since(7).await;
    assert_eq!(ahead["view"]["timer"], json!({ "length": 60_000, "left": 40_000 }), "{ahead}");
    teacher.done("/timer/pause", json!({ "paused": false })).await;
    assert_eq!(maelys.view().await["timer"]["ends_at"], at + 40_000);
    teacher.done("/timer/end", json!({})).await;
    assert!(maelys.view().await.get("timer").is_none());
    for seconds in [0, 4, 4 * 3_600 + 1] {
        assert_eq!(teacher.act("/timer", json!({ "seconds": seconds })).await, StatusCode::CONFLICT);
    }
    assert_eq!(teacher.act("/timer", json!({ "seconds": -1 })).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_question_is_answered_counted_and_shown_when_the_teacher_wants() {
    let school = TestSchool::open();
    let people = school.people;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    let question = json!({ "question": "7 × 8 ?", "choices": ["54", "56"], "several": false, "right": [1] });
    teacher.done("/polls", question.clone()).await;
    assert_eq!(teacher.act("/polls", question).await, StatusCode::CONFLICT, "one at a time");
    let poll = &maelys.view().await["polls"]["1"];
    assert_eq!(
        *poll,
        json!({ "question": "7 × 8 ?", "choices": ["54", "56"], "several": false, "open": true, "shown": false })
    );
    maelys.done("/polls/1/answer", json!({ "choices": [0] })).await;
    maelys.done("/polls/1/answer", json!({ "choices": [1] })).await;
    tom.done("/polls/1/answer", json!({ "choices": [0] })).await;
    for bad in [json!([]), json!([0, 1]), json!([2])] {
        assert_eq!(tom.act("/polls/1/answer", json!({ "choices": bad })).await, StatusCode::CONFLICT);
    }
    assert_eq!(tom.act("/polls/9/answer", json!({ "choices": [0] })).await, StatusCode::CONFLICT);
    let mut head = Seat::of(&school, people.head);
    assert_eq!(head.act("/polls/1/answer", json!({ "choices": [0] })).await, StatusCode::NOT_FOUND);

    let seen = teacher.view().await["polls"]["1"].clone();
    assert_eq!((&seen["counts"], &seen["right"]), (&json!([1, 1]), &json!([1])));
    let answered = json!({ people.pupil.to_string(): true, people.classmate.to_string(): true });
    assert_eq!(seen["answered"], answered);
    let own = maelys.view().await;
    assert_eq!(own["me"]["answers"], json!({ "1": [1] }));
    assert!(own["polls"]["1"].get("counts").is_none());

    teacher.done("/polls/1/results", json!({ "shown": true })).await;
    let shown = tom.view().await["polls"]["1"].clone();
    assert_eq!(shown["counts"], json!([1, 1]));
    assert!(shown.get("right").is_none(), "while it is open nobody learns what is right");
    teacher.done("/polls/1/closure", json!({})).await;
    assert_eq!(tom.view().await["polls"]["1"]["right"], json!([1]));
    assert_eq!(tom.act("/polls/1/answer", json!({ "choices": [1] })).await, StatusCode::CONFLICT, "closed");
    teacher.done("/polls/1/results", json!({ "shown": false })).await;
    assert!(tom.view().await["polls"]["1"].get("counts").is_none());
    teacher.done("/polls", json!({ "question": "", "choices": [] })).await;
    assert_eq!(
        teacher.act("/polls", json!({ "question": "x", "choices": ["a"] })).await,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_private_word_is_between_a_pupil_and_the_teachers() {
    let school = TestSchool::open();
    let people = school.people;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    maelys.done("/words", json!({ "text": " Je n’entends <b>rien</b> " })).await;
    let to_her = format!("/participants/{}/words", people.pupil);
    teacher.done(&to_her, json!({ "text": "Je parle plus fort." })).await;
    let words = maelys.view().await["me"]["words"].clone();
    assert_eq!(
        (&words["1"]["text"], &words["1"]["name"]),
        (&json!("Je n’entends <b>rien</b>"), &json!("Maëlys Verdoyant"))
    );
    assert_eq!(words["2"]["from"], people.teacher.to_string());
    assert_eq!(teacher.view().await["words"]["1"]["pupil"], people.pupil.to_string());
    for other in [people.classmate, people.head] {
        assert!(!Seat::of(&school, other).room().await.to_string().contains("rien"), "nobody else reads it");
    }
    let missed = tom.since(0).await;
    assert_eq!(missed["events"][0]["patch"], json!({}), "nor hears of it: {missed}");
    for (seat, path) in [(&mut tom, to_her.as_str()), (&mut teacher, "/words")] {
        assert_eq!(seat.act(path, json!({ "text": "x" })).await, StatusCode::NOT_FOUND);
    }
    let to_nobody = format!("/participants/{}/words", people.other_pupil);
    assert_eq!(teacher.act(&to_nobody, json!({ "text": "x" })).await, StatusCode::NOT_FOUND);
    assert_eq!(maelys.act("/words", json!({ "text": " " })).await, StatusCode::BAD_REQUEST);
    assert_eq!(maelys.act("/words", json!({ "text": "é".repeat(501) })).await, StatusCode::CONFLICT);
    teacher.done("/words/switch", json!({ "open": false })).await;
    assert_eq!(maelys.act("/words", json!({ "text": "x" })).await, StatusCode::CONFLICT);
    teacher.done(&to_her, json!({ "text": "Plus tard." })).await;
    teacher.done("/words/switch", json!({ "open": true })).await;
    for _ in 0..3 {
        maelys.done("/words", json!({ "text": "encore" })).await;
    }
    assert_eq!(maelys.act("/words", json!({ "text": "encore" })).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn reactions_are_few_paced_and_kept_nowhere() {
    let school = TestSchool::open();
    let (mut teacher, mut maelys, _) = lesson(&school).await;
    for _ in 0..3 {
        maelys.done("/reactions", json!({ "sign": "clap" })).await;
    }
    assert_eq!(maelys.act("/reactions", json!({ "sign": "clap" })).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(maelys.act("/reactions", json!({ "sign": "rude" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(teacher.act("/reactions", json!({ "sign": "yes" })).await, StatusCode::NOT_FOUND, "a pupil's");
    assert_eq!(teacher.room().await["number"], 0);
}

/// The notes of two who write at once; on both engines.
async fn the_notes(school: TestSchool) {
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    let edit = |key: &str, was: Option<&str>, becomes: Option<&str>| {
        let mut edit = json!({ "key": key });
        edit.as_object_mut().expect("an object").extend(
            [("was", was), ("becomes", becomes)]
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))),
        );
        json!({ "edits": [edit] })
    };
    let first = edit("h", None, Some("Le chat dort"));
    assert_eq!(maelys.act("/notes", first.clone()).await, StatusCode::CONFLICT, "not yet");
    assert_eq!(teacher.act("/notes", first).await, StatusCode::OK);
    assert_eq!(tom.view().await["notes"], json!({ "h": "Le chat dort" }), "everybody reads");
    teacher.done("/notes/switch", json!({ "open": true })).await;
    let was = Some("Le chat dort");
    assert_eq!(maelys.act("/notes", edit("h", was, Some("Le gros chat dort"))).await, StatusCode::OK);
    assert_eq!(tom.act("/notes", edit("h", was, Some("Le chat dort bien"))).await, StatusCode::OK);
    assert_eq!(tom.act("/notes", edit("p", None, Some("Fin"))).await, StatusCode::OK);
    let school = school.restarted();
    let mut teacher = Seat::of(&school, school.people.teacher);
    let both = json!({ "h": "Le gros chat dort bien", "p": "Fin" });
    assert_eq!(teacher.view().await["notes"], both);
    let answer = teacher.since(4).await;
    assert_eq!(answer["events"][0]["patch"], json!({ "notes": { "p": "Fin" } }), "only what changed is told");
    let path = format!("/lessons/{}/room/notes", school.people.lesson);
    let same = teacher.client.post_json(&path, &edit("p", Some("Fin"), Some("Fin"))).await;
    assert_eq!(same.json(), json!({ "number": 5 }), "what changes nothing is no event");
    assert_eq!(teacher.act("/notes", edit("p", Some("Fin"), None)).await, StatusCode::OK);
    assert_eq!(teacher.view().await["notes"], json!({ "h": "Le gros chat dort bien" }));
    assert_eq!(teacher.act("/notes", edit("É", None, Some("x"))).await, StatusCode::CONFLICT);
    assert_eq!(teacher.act("/notes", json!({ "edits": "x" })).await, StatusCode::BAD_REQUEST);
    let mut head = Seat::of(&school, school.people.head);
    assert_eq!(head.act("/notes", edit("q", None, Some("x"))).await, StatusCode::NOT_FOUND);
    assert_eq!(head.view().await["notes"]["h"], "Le gros chat dort bien", "a visitor reads");
    let text = "x".repeat(900);
    for number in 0..8 {
        let page: Vec<Value> = (0..50)
            .map(|line| json!({ "key": format!("r{number}{}{}", line / 10, line % 10), "becomes": text }))
            .collect();
        let expected = if number < 7 { StatusCode::OK } else { StatusCode::CONFLICT };
        assert_eq!(teacher.act("/notes", json!({ "edits": page })).await, expected, "page {number}");
    }
}

#[tokio::test]
async fn the_notes_on_sqlite() {
    the_notes(TestSchool::open()).await;
}

#[tokio::test]
async fn the_notes_on_postgresql() {
    the_notes(TestSchool::open_on_postgres()).await;
}

/// Groups, from the first table to calling back; on both engines.
async fn the_groups(school: TestSchool) {
    let people = school.people;
    let (mut teacher, mut maelys, mut tom) = lesson(&school).await;
    let (maelys_, tom_) = (people.pupil.to_string(), people.classmate.to_string());
    let seating = teacher.client.get(&format!("/lessons/{}/room/seating.json", people.lesson)).await.json();
    let mut names: Vec<&str> =
        seating["pupils"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Maëlys Verdoyant", "Tom Aubépine"]);
    assert_eq!(teacher.act("/groups/end", json!({})).await, StatusCode::NO_CONTENT, "none is none");
    let twice = json!({ "groups": [{ "members": [maelys_] }, { "members": [maelys_] }] });
    assert_eq!(teacher.act("/groups", twice).await, StatusCode::CONFLICT);
    let stranger = json!({ "groups": [{ "members": [people.other_pupil.to_string()] }] });
    assert_eq!(teacher.act("/groups", stranger).await, StatusCode::NOT_FOUND);
    let good = json!({ "groups": [{ "name": "Rouge", "members": [maelys_] }, { "members": [] }] });
    teacher.done("/groups", good.clone()).await;
    assert_eq!(teacher.act("/groups", good).await, StatusCode::CONFLICT, "called back first");

    let room = |number: u8| format!("lesson-{}-{number}", people.lesson);
    let (_, entry) = maelys.entry().await;
    assert_eq!((&entry["room"], &entry["group"]), (&json!(room(1)), &json!(1)));
    assert_eq!(tom.entry().await.1["group"], 0, "who is in no group stays with the class");
    assert_eq!(maelys.view().await["me"]["group"], 1);
    assert_eq!(
        maelys.view().await["groups"],
        json!({ "list": { "1": { "name": "Rouge" }, "2": { "name": "" } } })
    );
    assert_eq!(teacher.view().await["groups"]["list"]["1"]["members"], json!({ maelys_.clone(): true }));
    let visit = |number: u8| format!("/lessons/{}/live.json?group={number}", people.lesson);
    for (wish, gets) in [(0, 0), (1, 1), (2, 2), (3, 0), (200, 0)] {
        assert_eq!(teacher.client.get(&visit(wish)).await.json()["group"], gets);
        assert_eq!(tom.client.get(&visit(wish)).await.json()["group"], 0, "a pupil's wish changes nothing");
    }
    let mut head = Seat::of(&school, people.head);
    assert_eq!(head.client.get(&visit(1)).await.json()["group"], 0, "whoever looks in stays with the class");
    assert!(head.view().await["groups"]["list"]["1"].get("members").is_none());
    teacher.done(&format!("/participants/{tom_}/group"), json!({ "group": 2 })).await;
    assert_eq!(tom.entry().await.1["room"], room(2));
    assert_eq!(
        teacher.act(&format!("/participants/{tom_}/group"), json!({ "group": 3 })).await,
        StatusCode::CONFLICT
    );
    let seat_of = |person: PersonId| format!("/participants/{person}/group");
    assert_eq!(
        teacher.act(&seat_of(people.other_pupil), json!({ "group": 1 })).await,
        StatusCode::NOT_FOUND,
        "not of this lesson"
    );
    for (text, status) in [
        (" ".to_owned(), StatusCode::BAD_REQUEST),
        ("é".repeat(301), StatusCode::CONFLICT),
        ("é".repeat(300), StatusCode::NO_CONTENT),
    ] {
        assert_eq!(teacher.act("/groups/word", json!({ "text": text })).await, status);
    }
    teacher.done("/groups/word", json!({ "text": " Encore cinq minutes " })).await;
    // The locked door stands before the groups as well.
    teacher.done("/lock", json!({ "locked": true })).await;
    let (status, entry) = tom.entry().await;
    assert_eq!((status, &entry["lobby"]), (StatusCode::CONFLICT, &json!(true)));
    teacher.done("/lock", json!({ "locked": false })).await;
    assert_eq!(tom.view().await["groups"]["told"]["text"], "Encore cinq minutes");

    let school = school.restarted();
    let (mut teacher, mut tom) = (Seat::of(&school, people.teacher), Seat::of(&school, people.classmate));
    assert_eq!(tom.entry().await.1["group"], 2, "also after a restart");
    teacher.done("/groups/end", json!({})).await;
    assert_eq!(tom.entry().await.1["group"], 0);
    let back = tom.since(3).await["events"].clone();
    assert_eq!(
        back.as_array().expect("a list").last().expect("one")["patch"],
        json!({ "groups": null, "me": { "group": 0 } })
    );
    assert_eq!(teacher.act("/groups/word", json!({ "text": "x" })).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_groups_on_sqlite() {
    the_groups(TestSchool::open()).await;
}

#[tokio::test]
async fn the_groups_on_postgresql() {
    the_groups(TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn the_journal_says_that_it_was_and_not_what_was_said() {
    let school = TestSchool::open();
    let (mut teacher, mut maelys, _) = lesson(&school).await;
    maelys.done("/words", json!({ "text": "Je suis malade" })).await;
    teacher.done("/polls", json!({ "question": "Ça va ?", "choices": [] })).await;
    maelys.done("/polls/2/answer", json!({ "choices": [1] })).await;
    let lesson = school.people.lesson;
    let lines: Vec<(String, String, i64)> = school
        .ask(|conn| crate::store::journal_lines(conn, 0, 1_000))
        .into_iter()
        .map(|line| line.entry)
        .filter(|entry| entry.action.starts_with("room."))
        .map(|entry| (entry.actor, entry.action, entry.object_id))
        .collect();
    let (pupil, teacher) =
        (format!("person:{}", school.people.pupil), format!("person:{}", school.people.teacher));
    let of = |actor: &String, act: &str| (actor.clone(), act.to_owned(), lesson.get());
    assert_eq!(lines, [of(&pupil, "room.say"), of(&teacher, "room.ask"), of(&pupil, "room.answer")]);
}

#[tokio::test]
async fn only_who_holds_the_lesson_leads_the_room() {
    let school = TestSchool::open();
    let people = school.people;
    lesson(&school).await;
    let acts = [
        ("/lock", json!({ "locked": true })),
        ("/admissions", json!({})),
        ("/words/switch", json!({ "open": false })),
        ("/timer", json!({ "seconds": 60 })),
        ("/timer/pause", json!({ "paused": true })),
        ("/timer/end", json!({})),
        ("/polls", json!({ "question": "x", "choices": [] })),
        ("/polls/1/closure", json!({})),
        ("/polls/1/results", json!({ "shown": true })),
        ("/notes/switch", json!({ "open": true })),
        ("/groups", json!({ "groups": [{ "members": [] }] })),
        ("/groups/word", json!({ "text": "x" })),
        ("/groups/end", json!({})),
        ("/participants/1/group", json!({ "group": 1 })),
    ];
    for (persona, person) in people.personas() {
        if person == people.teacher {
            continue;
        }
        for (what, document) in &acts {
            let status = Seat::of(&school, person).act(what, document.clone()).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{persona} {what}");
        }
    }
}
