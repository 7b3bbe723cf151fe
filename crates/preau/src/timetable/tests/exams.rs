//! Exams: the head's word, what everybody reads of it, and what the gate makes of it.

use crate::ids::PersonId;
use crate::testing::{AT_7_55, Client, MINUTE, TestSchool};
use http::StatusCode;

async fn the_head_declares_an_exam(school: TestSchool) {
    let people = school.people;
    let path = format!("/lessons/{}", people.lesson);
    for (who, person) in people.personas().iter().filter(|(who, _)| *who != "head") {
        for form in ["exam", "exam/removal"] {
            let reply = school.signed_in(*person).post(&format!("{path}/{form}"), &[]).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{who}, {form}");
        }
    }
    assert!(!school.signed_in(people.head).get(&path).await.text().contains("/exam/removal"));
    assert!(!school.signed_in(people.teacher).get(&path).await.text().contains("/exam\""));
    let mut head = school.signed_in(people.head);
    let done = head.post(&format!("{path}/exam"), &[]).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, path.as_str()), "{}", done.text());
    assert!(head.get(&path).await.text().contains("/exam/removal\""));

    // Pupils, parents and the teacher read it wherever the lesson stands.
    for person in [people.pupil, people.guardian, people.teacher] {
        let page = school.signed_in(person).get(&path).await.text();
        assert!(page.contains("Épreuve") && page.contains("entrent en premier, dès 7 h 45"), "{page}");
        assert!(!page.contains("/exam\""), "{page}");
        assert!(school.signed_in(person).get("/").await.text().contains("Épreuve"));
        assert!(school.signed_in(person).get("/timetable").await.text().contains("Épreuve"));
        let kept = school.signed_in(person).get("/today/kept").await;
        assert!(kept.status != StatusCode::OK || kept.text().contains("Épreuve"));
    }
    assert!(!school.signed_in(people.other_teacher).get("/").await.text().contains("Épreuve"));

    // It stays when the lesson moves, and goes when the head says so; both stand in the journal.
    let when = [("date", "2026-11-23"), ("from", "09:05"), ("to", "10:00"), ("room", "108"), ("note", "")];
    head.post(&format!("{path}/move"), &when).await;
    let page = school.signed_in(people.pupil).get(&path).await.text();
    assert!(page.contains("dès 8 h 50"), "{page}");
    assert_eq!(head.post(&format!("{path}/exam/removal"), &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!school.signed_in(people.pupil).get(&path).await.text().contains("Épreuve"));
    let journal = school.ask(|conn| crate::store::journal_lines(conn, 0, 1_000));
    for action in ["exam.declare", "exam.withdraw"] {
        assert_eq!(journal.iter().filter(|line| line.entry.action == action).count(), 1, "{action}");
    }

    // What does not take place, or is over, becomes no exam.
    head.post(&format!("{path}/cancellation"), &[("note", "")]).await;
    let cancelled = head.post(&format!("{path}/exam"), &[]).await;
    assert_eq!(cancelled.status, StatusCode::CONFLICT);
    assert!(cancelled.text().contains("Rien n’a été changé"), "{}", cancelled.text());
    head.post(&format!("{path}/restoration"), &[]).await;
    school.clock.set(AT_7_55 + 125 * MINUTE);
    assert_eq!(head.post(&format!("{path}/exam"), &[]).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_head_declares_an_exam_on_sqlite() {
    the_head_declares_an_exam(TestSchool::open()).await;
}

#[tokio::test]
async fn the_head_declares_an_exam_on_postgresql() {
    the_head_declares_an_exam(TestSchool::open_on_postgres()).await;
}

/// A browser that is not kept waiting.
fn is_in(page: &str) -> bool {
    !page.contains("id=\"waiting\"")
}

/// This person's own device: signed in on it, as on any day.
async fn at_home(school: &TestSchool, person: PersonId) -> Client {
    let phc = crate::identity::hash_for_demo("soleil-42-plume").expect("hashed");
    let login: String = school.add(move |tx| {
        crate::identity::ensure_accounts(tx)?;
        crate::identity::set_password_for_demo(tx, person, &phc)?;
        use crate::store::schema::account;
        use diesel::prelude::*;
        account::table.find(person.get()).select(account::login).first(tx.conn())
    });
    let mut browser = school.anonymous();
    browser.get("/sign-in").await;
    let form = [("login", login.as_str()), ("password", "soleil-42-plume"), ("own", "1")];
    let done = browser.post("/sign-in", &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert!(browser.get("/").await.text().contains("Bonjour"));
    browser
}

/// Ten seats, eight of them taken, and thirteen lessons at ten past nine. Whether the pupil of 4A is in at
/// 8:56, and the pupil of 5B, and what the former read at 8:54.
async fn at_a_full_house(exam: bool) -> (bool, bool, String) {
    let school = TestSchool::configured(|config| config.gate.sessions = 10);
    let people = school.people;
    let (door, span) = (school.app.platform.door(), (75, 130));
    let mut pupil = at_home(&school, people.pupil).await;
    let mut other = at_home(&school, people.other_pupil).await;
    let sat = school.lesson(people.class_4a, people.teacher, "Brevet blanc", span, "normal");
    for n in 0..12 {
        school.lesson(people.class_5b, people.other_teacher, &format!("Cours {n}"), span, "normal");
    }
    if exam {
        let mut head = school.signed_in(people.head);
        let done = head.post(&format!("/lessons/{sat}/exam"), &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    }
    let pass_to = |minute: i64, second: i64| {
        while school.clock.now() < AT_7_55 + minute * MINUTE + second * 1_000 {
            school.clock.set(school.clock.now() + 1_000);
            door.turn();
        }
    };
    pass_to(54, 0);
    let mut strangers: Vec<Client> = (0..8).map(|_| school.anonymous()).collect();
    for stranger in &mut strangers {
        stranger.get("/sign-in").await;
        assert!(is_in(&stranger.get("/sign-in").await.text()));
    }
    door.announce(&super::super::bells::near(&school.app.platform).await.expect("read"));
    pass_to(59, 0);
    let told = pupil.get("/").await.text();
    other.get("/").await;
    pass_to(60, 30);
    let mut late = school.anonymous();
    assert!(!is_in(&late.get("/sign-in").await.text()), "nobody else takes the seats that are left");
    pass_to(61, 0);
    let other = is_in(&other.get("/").await.text());
    (is_in(&pupil.get("/").await.text()), other, told)
}

#[tokio::test]
async fn at_a_full_house_the_pupils_of_an_exam_come_in_while_others_wait() {
    let (pupil, other, told) = at_a_full_house(true).await;
    assert!(told.contains("ouvre à 8 h 55"), "{told}");
    assert!(pupil && !other);
    let (pupil, ..) = at_a_full_house(false).await;
    assert!(!pupil, "without the head's word 4A has no precedence");
}
