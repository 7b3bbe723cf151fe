//! The live lesson over HTTP, as the people of the test school; its page (`page`), its sockets (`socket`), tokens that
//! were kept (`replayed`), and rooms from afar (`remote`).

mod page;
mod remote;
mod replayed;
mod socket;

use super::model::LiveLesson;
use super::policy::{JoinLive, ModerateLive, OpenLive, WriteLive};
use crate::ids::{LessonId, PersonId};
use crate::store::StoreError;
use crate::testing::{Client, Matrix, People, TestSchool};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

/// Rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let ordinary = lesson(people);
    let study_hall = LiveLesson { teachers: vec![], ..ordinary.clone() };
    let after_removal = LiveLesson { removed: vec![people.pupil], ..ordinary.clone() };
    for (what, lesson) in [
        ("of French in 4A", ordinary),
        ("of study hall in 4A", study_hall),
        ("of French in 4A, pupil sent out", after_removal),
    ] {
        matrix.row::<LiveLesson, OpenLive>(what, &lesson);
        matrix.row::<LiveLesson, ModerateLive>(what, &lesson);
        matrix.row::<LiveLesson, JoinLive>(what, &lesson);
        matrix.row::<LiveLesson, WriteLive>(what, &lesson);
    }
}

fn lesson(people: &People) -> LiveLesson {
    LiveLesson {
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
    }
}

fn at(lesson: LessonId, rest: &str) -> String {
    format!("/lessons/{lesson}/live{rest}")
}

/// A client with the path of the French lesson at hand.
struct Seat {
    client: Client,
    lesson: LessonId,
}

impl Seat {
    fn of(school: &TestSchool, person: PersonId) -> Seat {
        Seat { client: school.signed_in(person), lesson: school.people.lesson }
    }

    async fn entry(&mut self) -> (StatusCode, Value) {
        let reply = self.client.get(&at(self.lesson, ".json")).await;
        (reply.status, reply.json())
    }

    async fn act(&mut self, what: &str, document: Value) -> StatusCode {
        self.client.post_json(&at(self.lesson, what), &document).await.status
    }

    async fn claims(&mut self) -> Value {
        let (status, entry) = self.entry().await;
        assert_eq!(status, StatusCode::OK, "{entry}");
        claims(&entry)
    }
}

/// What the token of an entry says, unchecked.
fn claims(entry: &Value) -> Value {
    use base64::Engine as _;
    let token = entry["token"].as_str().expect("a token");
    let body = token.split('.').nth(1).expect("three parts");
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).expect("base64url");
    serde_json::from_slice(&body).expect("JSON")
}

async fn open(school: &TestSchool) -> Seat {
    let mut teacher = Seat::of(school, school.people.teacher);
    assert_eq!(teacher.act("/opening", json!({})).await, StatusCode::NO_CONTENT);
    teacher
}

#[tokio::test]
async fn only_the_class_its_teacher_and_visible_visitors_find_the_lesson() {
    let school = TestSchool::open();
    open(&school).await;
    let people = school.people;
    let inside: &[(PersonId, &str)] = &[
        (people.pupil, "pupil"),
        (people.classmate, "pupil"),
        (people.teacher, "teacher"),
        (people.counsellor, "visitor"),
        (people.head, "visitor"),
    ];
    for (persona, person) in people.personas() {
        let mut seat = Seat::of(&school, person);
        let role = inside.iter().find(|(one, _)| *one == person).map(|(_, role)| *role);
        let (status, entry) = seat.entry().await;
        let page = seat.client.get(&at(people.lesson, "")).await;
        match role {
            Some(role) => {
                assert_eq!((status, page.status), (StatusCode::OK, StatusCode::OK), "{persona}");
                assert_eq!(entry["role"], role, "{persona}");
                assert!(page.text().contains(&format!("data-role=\"{role}\"")), "{persona}");
            }
            None => {
                assert_eq!((status, page.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{persona}")
            }
        }
    }
    let anonymous = school.anonymous().get(&at(people.lesson, ".json")).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_say_the_real_name_and_exactly_what_is_allowed() {
    let school = TestSchool::open();
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let (_, entry) = pupil.entry().await;
    assert_eq!(entry["name"], "Maëlys Verdoyant");
    assert_eq!(entry["identity"], school.people.pupil.to_string());
    assert_eq!(entry["room"], format!("lesson-{}", school.people.lesson));
    assert_eq!(entry["allowed"], json!({ "microphone": false, "camera": false, "screen": false }));
    assert!(entry["url"].as_str().expect("an address").starts_with("ws://127.0.0.1"));
    let token = claims(&entry);
    assert_eq!(token["iss"], "preau");
    assert_eq!(token["exp"].as_u64().expect("exp") - token["nbf"].as_u64().expect("nbf"), 600);
    let video = &token["video"];
    for no in ["canPublish", "canPublishData", "canUpdateOwnMetadata", "hidden", "roomAdmin"] {
        assert_eq!(video[no], false, "{no}");
    }
    assert_eq!((&video["roomJoin"], &video["canSubscribe"]), (&json!(true), &json!(true)));

    let teachers = teacher.claims().await;
    assert_eq!(teachers["video"]["canPublish"], true);
    assert_eq!(
        teachers["video"]["canPublishSources"],
        json!(["camera", "microphone", "screen_share", "screen_share_audio"])
    );
    assert_eq!(teachers["attributes"]["role"], "teacher");

    let one = format!("/participants/{}/permission", school.people.pupil);
    assert_eq!(
        teacher.act(&one, json!({ "microphone": true, "camera": false })).await,
        StatusCode::NO_CONTENT
    );
    let allowed = pupil.claims().await;
    assert_eq!(allowed["video"]["canPublishSources"], json!(["microphone"]));
    let mut classmate = Seat::of(&school, school.people.classmate);
    assert_eq!(classmate.claims().await["video"]["canPublish"], false);

    assert_eq!(
        teacher.act("/permission", json!({ "microphone": false, "camera": true })).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(pupil.claims().await["video"]["canPublishSources"], json!(["camera"]));
    assert_eq!(classmate.claims().await["video"]["canPublishSources"], json!(["camera"]));
    let document = json!({ "microphone": true, "camera": false, "screen": true });
    assert_eq!(teacher.act(&one, document).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.claims().await["video"]["canPublishSources"], json!(["microphone", "screen_share"]));
    assert_eq!(classmate.claims().await["video"]["canPublishSources"], json!(["camera"]));
    let mut head = Seat::of(&school, school.people.head);
    assert_eq!(head.claims().await["video"]["canPublish"], false, "a visitor listens");
}

#[tokio::test]
async fn the_room_follows_the_clock() {
    let school = TestSchool::open();
    let mut teacher = Seat::of(&school, school.people.teacher);
    let mut pupil = Seat::of(&school, school.people.pupil);
    school.minutes_later(-11);
    assert_eq!(teacher.act("/opening", json!({})).await, StatusCode::CONFLICT, "more than a quarter before");
    school.minutes_later(-10);
    let reply = pupil.client.get(&at(pupil.lesson, ".json")).await;
    assert_eq!((reply.status, reply.json()), (StatusCode::CONFLICT, json!({ "opened": false })));
    assert_eq!(reply.headers[header::RETRY_AFTER], "5");
    assert_eq!(teacher.act("/opening", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.entry().await.0, StatusCode::OK);
    school.minutes_later(5 + 55 + 9);
    assert_eq!(pupil.entry().await.0, StatusCode::OK);
    school.minutes_later(5 + 55 + 10);
    assert_eq!(pupil.entry().await.0, StatusCode::CONFLICT, "ten minutes after the end");
    assert_eq!(teacher.act("/opening", json!({})).await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn waiting_at_the_door_is_noted_as_the_page_says() {
    let school = TestSchool::open();
    let mut pupil = Seat::of(&school, school.people.pupil);
    assert_eq!(pupil.entry().await.0, StatusCode::CONFLICT);
    school.app.presence.flush().await.expect("written");
    let lesson = school.people.lesson;
    let seen = school
        .app
        .platform
        .store()
        .read::<_, StoreError, _>(move |conn| Ok(crate::presence::sightings(conn, &[lesson])?))
        .await
        .expect("read");
    let sighting = seen.get(&(lesson, school.people.pupil)).expect("noted");
    assert!(sighting.waiting.is_some() && sighting.live.is_none());
}

#[tokio::test]
async fn the_end_closes_for_all_and_the_teacher_may_open_again() {
    let school = TestSchool::open();
    let mut changes = school.app.platform.changes().listen();
    let mut teacher = open(&school).await;
    assert_eq!(changes.try_recv().expect("told").topic, crate::edge::Topic::Live);
    let mut pupil = Seat::of(&school, school.people.pupil);
    assert_eq!(
        teacher.act("/permission", json!({ "microphone": true, "camera": true })).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(pupil.act("/ending", json!({})).await, StatusCode::NOT_FOUND);
    assert_eq!(teacher.act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(changes.try_recv().expect("told").topic, crate::edge::Topic::Live);
    assert_eq!(pupil.entry().await.0, StatusCode::CONFLICT);
    assert_eq!(opened(&school).await, []);
    let mut head = Seat::of(&school, school.people.head);
    assert_eq!(head.act("/opening", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(opened(&school).await, [school.people.lesson]);
    assert_eq!(pupil.claims().await["video"]["canPublish"], false, "what was allowed before is over");
}

async fn opened(school: &TestSchool) -> Vec<LessonId> {
    let (wanted, now) = ([school.people.lesson, school.people.other_lesson], school.app.platform.now());
    let found = school
        .app
        .platform
        .store()
        .read::<_, StoreError, _>(move |conn| Ok(super::opened(conn, &wanted, now)?))
        .await
        .expect("read");
    found.into_iter().collect()
}

#[tokio::test]
async fn a_form_without_script_opens_and_leads_to_the_room() {
    let school = TestSchool::open();
    let mut teacher = school.signed_in(school.people.teacher);
    let path = at(school.people.lesson, "/opening");
    let body = format!("csrf={}", teacher.csrf());
    let request = Request::post(&path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html,*/*")
        .body(axum::body::Body::from(body))
        .expect("a request");
    let reply = teacher.send(request).await;
    assert_eq!(
        (reply.status, reply.location()),
        (StatusCode::SEE_OTHER, at(school.people.lesson, "").as_str())
    );
    assert_eq!(opened(&school).await, [school.people.lesson]);
}

#[tokio::test]
async fn whoever_is_sent_out_stays_out() {
    let school = TestSchool::open();
    let people = school.people;
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, people.pupil);
    assert_eq!(pupil.entry().await.0, StatusCode::OK);
    let removal = |who: PersonId| format!("/participants/{who}/removal");
    for not_a_pupil in [people.head, people.teacher, people.other_pupil, people.guardian] {
        assert_eq!(teacher.act(&removal(not_a_pupil), json!({})).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(pupil.act(&removal(people.classmate), json!({})).await, StatusCode::NOT_FOUND);
    let long = json!({ "reason": "é".repeat(201) });
    assert_eq!(teacher.act(&removal(people.pupil), long).await, StatusCode::CONFLICT);
    assert_eq!(pupil.entry().await.0, StatusCode::OK, "nobody is sent out by half");
    assert_eq!(teacher.act(&removal(people.pupil), json!({})).await, StatusCode::NO_CONTENT);
    let why = json!({ "reason": " A insulté Tom " });
    assert_eq!(teacher.act(&removal(people.pupil), why).await, StatusCode::NO_CONTENT, "twice is once");
    for reader in [people.teacher, people.counsellor, people.head] {
        let kept = school.signed_in(reader).get(&at(people.lesson, "/removals")).await.json();
        assert_eq!(
            kept["removals"],
            json!([{
                "identity": people.pupil.to_string(),
                "name": "Maëlys Verdoyant",
                "reason": "A insulté Tom",
                "at": "2026-11-23T06:55:00Z",
            }])
        );
    }
    for other in [people.pupil, people.classmate, people.guardian, people.other_teacher, people.foreign_head]
    {
        let status = school.signed_in(other).get(&at(people.lesson, "/removals")).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    for (what, status) in [("", 404), (".json", 404), ("/messages", 404)] {
        assert_eq!(pupil.client.get(&at(people.lesson, what)).await.status.as_u16(), status, "{what}");
    }
    assert_eq!(pupil.act("/hand", json!({ "raised": true })).await, StatusCode::NOT_FOUND);
    assert_eq!(Seat::of(&school, people.classmate).entry().await.0, StatusCode::OK);
}

#[tokio::test]
async fn hands_are_of_pupils_and_stand_in_their_tokens() {
    let school = TestSchool::open();
    let mut pupil = Seat::of(&school, school.people.pupil);
    assert_eq!(pupil.act("/hand", json!({ "raised": true })).await, StatusCode::CONFLICT, "not open");
    let mut teacher = open(&school).await;
    assert_eq!(pupil.act("/hand", json!({ "raised": true })).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.claims().await["attributes"]["hand"], "2026-11-23T06:55:00Z");
    assert_eq!(pupil.act("/hand", json!({ "raised": "yes" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(teacher.act("/hand", json!({ "raised": true })).await, StatusCode::CONFLICT);
    let lower = format!("/participants/{}/hand", school.people.pupil);
    assert_eq!(teacher.act(&lower, json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.claims().await["attributes"]["hand"], "");
}

#[tokio::test]
async fn chat_is_kept_bounded_and_for_the_lesson_only() {
    let school = TestSchool::open();
    let people = school.people;
    let mut pupil = Seat::of(&school, people.pupil);
    assert_eq!(pupil.act("/messages", json!({ "text": "trop tôt" })).await, StatusCode::CONFLICT);
    let mut teacher = open(&school).await;
    assert_eq!(
        pupil.act("/messages", json!({ "text": " Bonjour <b>tous</b> '; DROP TABLE x; " })).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(pupil.act("/messages", json!({ "text": "  " })).await, StatusCode::BAD_REQUEST);
    assert_eq!(pupil.act("/messages", json!({ "texte": "x" })).await, StatusCode::BAD_REQUEST);
    assert_eq!(pupil.act("/messages", json!({ "text": "é".repeat(1_001) })).await, StatusCode::CONFLICT);
    assert_eq!(teacher.act("/messages", json!({ "text": "é".repeat(1_000) })).await, StatusCode::NO_CONTENT);
    let kept = pupil.client.get(&at(people.lesson, "/messages")).await.json();
    let first = &kept["messages"][0];
    assert_eq!(first["text"], "Bonjour <b>tous</b> '; DROP TABLE x;");
    assert_eq!(
        (&first["name"], &first["from"]),
        (&json!("Maëlys Verdoyant"), &json!(people.pupil.to_string()))
    );
    assert_eq!(first["at"], "2026-11-23T06:55:00Z");
    assert_eq!(kept["messages"].as_array().expect("a list").len(), 2);
    for _ in 0..4 {
        assert_eq!(pupil.act("/messages", json!({ "text": "encore" })).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(pupil.act("/messages", json!({ "text": "encore" })).await, StatusCode::TOO_MANY_REQUESTS);
    for stranger in [people.guardian, people.other_pupil, people.other_teacher, people.foreign_head] {
        let mut stranger = Seat::of(&school, stranger);
        assert_eq!(stranger.client.get(&at(people.lesson, "/messages")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(stranger.act("/messages", json!({ "text": "x" })).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(teacher.act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.client.get(&at(people.lesson, "/messages")).await.status, StatusCode::CONFLICT);
    assert_eq!(teacher.client.get(&at(people.lesson, "/messages")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_message_that_is_taken_out_is_gone_for_everybody() {
    let school = TestSchool::open();
    let people = school.people;
    let (mut teacher, mut pupil) = (open(&school).await, Seat::of(&school, people.pupil));
    for text in ["Bonjour", "Vilain mot"] {
        assert_eq!(pupil.act("/messages", json!({ "text": text })).await, StatusCode::NO_CONTENT);
    }
    let list = at(people.lesson, "/messages");
    let kept = teacher.client.get(&list).await.json();
    let removal = format!("/messages/{}/removal", kept["messages"][1]["id"].as_str().expect("a number"));
    for (persona, person) in people.personas().into_iter().filter(|(_, person)| *person != people.teacher) {
        let status = Seat::of(&school, person).act(&removal, json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{persona}");
    }
    let elsewhere = format!("/lessons/{}/live{removal}", people.other_lesson);
    assert_eq!(teacher.client.post_json(&elsewhere, &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(teacher.act(&removal, json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(teacher.act(&removal, json!({})).await, StatusCode::NOT_FOUND, "it is gone");
    for seat in [&mut teacher, &mut pupil] {
        let left = seat.client.get(&list).await.json();
        assert_eq!(left["messages"].as_array().expect("a list").len(), 1);
        assert_eq!(left["messages"][0]["text"], "Bonjour");
    }
}

#[tokio::test]
async fn only_who_holds_the_lesson_moderates() {
    let school = TestSchool::open();
    let people = school.people;
    open(&school).await;
    let documents = [
        ("/mute".to_owned(), json!({})),
        ("/permission".to_owned(), json!({ "microphone": true, "camera": true })),
        (format!("/participants/{}/mute", people.pupil), json!({})),
        (format!("/participants/{}/hand", people.pupil), json!({})),
        (format!("/participants/{}/permission", people.pupil), json!({ "microphone": true, "camera": true })),
        (format!("/participants/{}/removal", people.pupil), json!({})),
    ];
    for (persona, person) in people.personas() {
        if person == people.teacher {
            continue;
        }
        for (what, document) in &documents {
            let status = Seat::of(&school, person).act(what, document.clone()).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{persona} {what}");
        }
    }
    let mut pupil = Seat::of(&school, people.pupil);
    assert_eq!(pupil.claims().await["video"]["canPublish"], false);
    let mut teacher = Seat::of(&school, people.teacher);
    for (what, document) in documents {
        assert_eq!(teacher.act(&what, document).await, StatusCode::NO_CONTENT, "{what}");
    }
}

#[tokio::test]
async fn a_forged_act_does_nothing() {
    let school = TestSchool::open();
    let mut teacher = school.signed_in(school.people.teacher);
    let request = Request::post(at(school.people.lesson, "/opening"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(axum::body::Body::from("{}"))
        .expect("a request");
    assert_eq!(teacher.send(request).await.status, StatusCode::FORBIDDEN);
    assert_eq!(opened(&school).await, []);
}

#[tokio::test]
async fn a_whole_lesson_on_postgresql() {
    let school = TestSchool::open_on_postgres();
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    assert_eq!(pupil.act("/messages", json!({ "text": "Bonjour" })).await, StatusCode::NO_CONTENT);
    let kept = teacher.client.get(&at(teacher.lesson, "/messages")).await.json();
    assert_eq!(kept["messages"][0]["text"], "Bonjour");
    let removal = format!("/participants/{}/removal", school.people.pupil);
    assert_eq!(teacher.act(&removal, json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(pupil.entry().await.0, StatusCode::NOT_FOUND);
    assert_eq!(opened(&school).await, [school.people.lesson]);
    assert_eq!(teacher.act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(teacher.act("/opening", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(opened(&school).await, [school.people.lesson]);
}
