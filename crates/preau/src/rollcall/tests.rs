//! The roll call over HTTP, as the people of the test school.

use super::store::entries;
use super::{
    Answer, CloseRegister, CorrectRegister, Progress, ReadRegister, Register, ReopenRegister, SaveRegister,
    missing_now, state_of,
};
use crate::access::Profile;
use crate::ids::{LessonId, PersonId};
use crate::presence::Kind;
use crate::school;
use crate::store::schema::{lesson, lesson_group, lesson_teacher};
use crate::testing::{AT_7_55, Client, MINUTE, Matrix, People, TestSchool};
use diesel::prelude::*;
use http::StatusCode;

/// The rows of this slice in the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let register = Register {
        lesson: people.lesson,
        school: people.school,
        teachers: vec![people.teacher],
        groups: vec![people.class_4a],
        subject: None,
        label: String::new(),
        starts_at: 0,
        ends_at: 1,
        cancelled: false,
        closed: None,
    };
    matrix.row::<Register, ReadRegister>("of a lesson of 4A", &register);
    matrix.row::<Register, SaveRegister>("of a lesson of 4A", &register);
    matrix.row::<Register, CloseRegister>("of a lesson of 4A", &register);
    matrix.row::<Register, CorrectRegister>("of a lesson of 4A", &register);
    matrix.row::<Register, ReopenRegister>("of a lesson of 4A", &register);
}

fn path(lesson: LessonId) -> String {
    format!("/lessons/{lesson}/register")
}

fn live(school: &TestSchool, who: PersonId, minutes: i64) {
    school.app.presence.note(school.people.lesson, who, Kind::Live, AT_7_55 + minutes * MINUTE);
}

fn answer(school: &TestSchool, who: PersonId) -> Option<Answer> {
    let lesson = school.people.lesson;
    school.ask(|conn| entries(conn, lesson)).get(&who).map(|entry| entry.answer)
}

/// The value of the field that the page shows for a pupil: what stands in `shown-…`.
fn shown(html: &str, who: PersonId) -> String {
    let name = format!("name=\"shown-{who}\" value=\"");
    let start = html.find(&name).unwrap_or_else(|| panic!("no line for {who} in {html}")) + name.len();
    html[start..].split('"').next().unwrap_or_default().to_owned()
}

/// The form as a browser would send it: everything as the page shows it, but for `changes` (pupil,
/// answer, minutes).
fn form(html: &str, changes: &[(PersonId, &str, &str)]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for part in html.split("name=\"shown-").skip(1) {
        let id = part.split('"').next().expect("an identifier");
        let was = part.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a value");
        let (mut state, mut minutes) = was.split_once('-').unwrap_or((was, ""));
        if let Some(change) = changes.iter().find(|(who, ..)| who.to_string() == id) {
            (state, minutes) = (change.1, change.2);
        }
        fields.push((format!("shown-{id}"), was.to_owned()));
        fields.push((format!("state-{id}"), state.to_owned()));
        fields.push((format!("late-{id}"), minutes.to_owned()));
    }
    fields
}

async fn send(client: &mut Client, path: &str, fields: &[(String, String)]) -> crate::testing::Reply {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.post(path, &fields).await
}

async fn a_morning(school: &TestSchool) {
    let people = school.people;
    let register = path(people.lesson);
    live(school, people.pupil, 3);
    school.minutes_later(16);

    // Two clicks: the roll from today's page, and its end.
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&register).await.words();
    assert_eq!(
        (shown(&page, people.pupil), shown(&page, people.classmate)),
        ("present".into(), "absent".into())
    );
    assert!(page.contains("dans la classe depuis 7 h 58") && page.contains("pas encore vu"), "{page}");
    assert!(!page.contains("Noé"), "only pupils of the lesson's list");

    let missing = school.ask(|conn| missing_now(conn, people.school, AT_7_55 + 16 * MINUTE));
    assert_eq!((missing.expected, missing.seen, missing.registers, missing.registers_done), (3, 1, 2, 0));
    let names: Vec<&str> = missing.missing.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["Tom Aubépine", "Noé Verdoyant"]);
    assert_eq!((missing.missing[0].class.as_str(), missing.missing[0].confirmed), ("4A", false));

    let closed = send(&mut teacher, &format!("{register}/closure"), &form(&page, &[])).await;
    assert_eq!(
        (closed.status, closed.location()),
        (StatusCode::SEE_OTHER, register.as_str()),
        "{}",
        closed.text()
    );
    assert_eq!(answer(school, people.pupil), Some(Answer::Present));
    assert_eq!(answer(school, people.classmate), Some(Answer::Absent));
    let page = teacher.get(&register).await.words();
    assert!(page.contains("Appel terminé aujourd’hui à 8 h 11 par Soizic Houblon"), "{page}");
    assert!(!page.contains("<fieldset") && !page.contains("reopening"), "a teacher reads it now");
    let states = school.ask(|conn| state_of(conn, &[people.lesson, people.other_lesson]));
    assert_eq!((states[&people.lesson].progress, states[&people.lesson].present), (Progress::Done, 1));
    assert_eq!(
        (states[&people.other_lesson].progress, states[&people.other_lesson].expected),
        (Progress::ToDo, 1)
    );
    let missing = school.ask(|conn| missing_now(conn, people.school, AT_7_55 + 16 * MINUTE));
    assert!(missing.missing[0].confirmed && !missing.missing[1].confirmed);

    // Tom turns up at the office: student life corrects, and the page says who and when.
    school.minutes_later(40);
    let mut supervisor = school.signed_in(people.supervisor);
    let page = supervisor.get(&register).await.words();
    let corrected = send(&mut supervisor, &register, &form(&page, &[(people.classmate, "late", "32")])).await;
    assert_eq!(corrected.status, StatusCode::SEE_OTHER, "{}", corrected.text());
    assert_eq!(answer(school, people.classmate), Some(Answer::Late { minutes: 32 }));
    let entry = school.ask(|conn| entries(conn, people.lesson))[&people.classmate];
    assert_eq!(
        (entry.corrected, entry.noted_by, entry.noted_at),
        (true, people.supervisor, AT_7_55 + 40 * MINUTE)
    );
    assert!(!school.ask(|conn| entries(conn, people.lesson))[&people.pupil].corrected);
    let page = school.signed_in(people.head).get(&register).await.words();
    assert!(page.contains("corrigé à 8 h 35 par Awa Pervenche") && page.contains("Retard de 32"), "{page}");

    // The teacher can no longer change it, until somebody gives it back.
    let refused = send(&mut teacher, &register, &form(&page, &[])).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("déjà terminé"));
    let mut head = school.signed_in(people.head);
    assert_eq!(head.post(&format!("{register}/reopening"), &[]).await.status, StatusCode::SEE_OTHER);
    let page = teacher.get(&register).await.words();
    assert_eq!(shown(&page, people.classmate), "late-32", "what was noted stays");
    let again = send(&mut teacher, &format!("{register}/closure"), &form(&page, &[])).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert_eq!(answer(school, people.classmate), Some(Answer::Late { minutes: 32 }));
}

#[tokio::test]
async fn a_morning_on_sqlite() {
    a_morning(&TestSchool::open()).await;
}

#[tokio::test]
async fn a_morning_on_postgresql() {
    a_morning(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn whoever_came_after_the_page_was_opened_is_not_absent() {
    let school = TestSchool::open();
    let people = school.people;
    let register = path(people.lesson);
    school.minutes_later(6);
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&register).await.words();
    assert_eq!(shown(&page, people.classmate), "absent");
    live(&school, people.classmate, 14);
    school.minutes_later(20);
    let closed = send(&mut teacher, &format!("{register}/closure"), &form(&page, &[])).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER);
    assert_eq!(answer(&school, people.classmate), Some(Answer::Late { minutes: 9 }));
    assert_eq!(answer(&school, people.pupil), Some(Answer::Absent));
}

#[tokio::test]
async fn what_is_saved_for_later_holds_and_the_rest_follows_the_arrivals() {
    let school = TestSchool::open();
    let people = school.people;
    let register = path(people.lesson);
    school.minutes_later(7);
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&register).await.words();
    let saved = send(&mut teacher, &register, &form(&page, &[(people.pupil, "late", "")])).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer(&school, people.pupil),
        Some(Answer::Late { minutes: 2 }),
        "until now, since it was not said"
    );
    assert_eq!(answer(&school, people.classmate), None, "nobody chose it");
    let states = school.ask(|conn| state_of(conn, &[people.lesson]));
    assert_eq!((states[&people.lesson].progress, states[&people.lesson].present), (Progress::InProgress, 1));
    school.app.presence.note(people.lesson, people.classmate, Kind::Waiting, AT_7_55 + 8 * MINUTE);
    school.minutes_later(15);
    let page = teacher.get(&register).await.words();
    assert_eq!(
        (shown(&page, people.pupil), shown(&page, people.classmate)),
        ("late-2".into(), "present".into())
    );
    assert!(page.contains("à l’entrée depuis 8 h 03"), "{page}");
}

#[tokio::test]
async fn a_form_sent_twice_is_one_and_a_different_one_is_refused() {
    let school = TestSchool::open();
    let people = school.people;
    let (register, closure) = (path(people.lesson), format!("{}/closure", path(people.lesson)));
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&register).await.words();
    let early = send(&mut teacher, &closure, &form(&page, &[])).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.text().contains("n’a pas commencé"));
    school.minutes_later(6);
    let fields = form(&page, &[(people.pupil, "present", "")]);
    for _ in 0..2 {
        assert_eq!(send(&mut teacher, &closure, &fields).await.status, StatusCode::SEE_OTHER);
    }
    let other = send(&mut teacher, &closure, &form(&page, &[(people.pupil, "late", "3")])).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(answer(&school, people.pupil), Some(Answer::Present));
}

#[tokio::test]
async fn nonsense_is_refused_and_strangers_to_the_list_are_left_out() {
    let school = TestSchool::open();
    let people = school.people;
    let register = path(people.lesson);
    school.minutes_later(10);
    let mut teacher = school.signed_in(people.teacher);
    let own = format!("state-{}", people.pupil);
    for (field, value) in
        [(own.as_str(), "'; DROP TABLE register"), ("state-x", "present"), ("state-", "present")]
    {
        let reply = teacher.post(&register, &[(field, value)]).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{field}={value}");
    }
    let late = format!("late-{}", people.pupil);
    let reply = teacher.post(&register, &[(&own, "late"), (&late, "9999")]).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert!(reply.text().contains("entre 1 et 600"));
    let other = format!("state-{}", people.other_pupil);
    let reply = teacher.post(&format!("{register}/closure"), &[(&own, "present"), (&other, "absent")]).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(answer(&school, people.other_pupil), None);
    assert_eq!(answer(&school, people.pupil), Some(Answer::Present));
    assert_eq!(answer(&school, people.classmate), Some(Answer::Absent), "left out of the form, not seen");
    let journal = school.ask(|conn| crate::store::journal_lines(conn, 0, 1_000));
    let closed = journal.iter().filter(|line| line.entry.action == "rollcall.close").count();
    assert_eq!(closed, 1);
}

#[tokio::test]
async fn a_pupil_of_two_groups_stands_there_once_and_a_full_class_fits() {
    let school = TestSchool::open();
    let people = school.people;
    let (first, second) = school.add(move |tx| {
        let group = school::add_group(tx, people.school, "group", "4AGR1", "4")?;
        school::enrol(tx, people.pupil, group)?;
        for count in 0..34 {
            let new = school::NewPerson {
                given: "Camille",
                family: &format!("Élève{count:02}"),
                ..Default::default()
            };
            let pupil = school::add_person(tx, &new, people.school, Profile::Pupil)?;
            school::enrol(tx, pupil, people.class_4a)?;
        }
        diesel::insert_into(lesson_group::table)
            .values((
                lesson_group::lesson_id.eq(people.lesson),
                lesson_group::group_id.eq(group),
                lesson_group::starts_at.eq(AT_7_55 + 5 * MINUTE),
            ))
            .execute(tx.conn())?;
        Ok((people.class_4a, group))
    });
    assert_ne!(first, second);
    school.minutes_later(10);
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get(&path(people.lesson)).await.words();
    assert_eq!(page.matches("<fieldset").count(), 36);
    assert!(page.contains("Appel de 4A, 4AGR1"), "{page}");
    assert!(page.len() < 64_000, "{} bytes", page.len());
    let closed = send(&mut teacher, &format!("{}/closure", path(people.lesson)), &form(&page, &[])).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER);
    assert_eq!(school.ask(|conn| entries(conn, people.lesson)).len(), 36);
    let missing = school.ask(|conn| missing_now(conn, people.school, AT_7_55 + 10 * MINUTE));
    assert_eq!((missing.expected, missing.seen, missing.registers_done), (37, 0, 1));
}

#[tokio::test]
async fn a_substitute_calls_the_roll_and_a_cancelled_lesson_has_none() {
    let school = TestSchool::open();
    let people = school.people;
    let register = path(people.lesson);
    let mut other = school.signed_in(people.other_teacher);
    assert_eq!(other.get(&register).await.status, StatusCode::NOT_FOUND);
    school.add(move |tx| {
        diesel::insert_into(lesson_teacher::table)
            .values((
                lesson_teacher::lesson_id.eq(people.lesson),
                lesson_teacher::person_id.eq(people.other_teacher),
                lesson_teacher::starts_at.eq(AT_7_55 + 5 * MINUTE),
                lesson_teacher::substitute.eq(true),
            ))
            .execute(tx.conn())
    });
    assert_eq!(other.get(&register).await.status, StatusCode::OK);
    school.minutes_later(10);
    school.add(move |tx| {
        diesel::update(lesson::table.find(people.lesson.get()))
            .set(lesson::state.eq("cancelled"))
            .execute(tx.conn())
    });
    for reply in [other.get(&register).await, other.post(&format!("{register}/closure"), &[]).await] {
        assert_eq!(reply.status, StatusCode::CONFLICT);
        assert!(reply.text().contains("n’a pas lieu"));
    }
    let missing = school.ask(|conn| missing_now(conn, people.school, AT_7_55 + 10 * MINUTE));
    assert_eq!((missing.registers, missing.expected), (1, 1));
}

#[tokio::test]
async fn each_right_is_what_the_table_says() {
    let school = TestSchool::open();
    let people = school.people;
    let register = path(people.lesson);
    school.minutes_later(10);
    let (reads, calls, reopens) = (
        [people.teacher, people.supervisor, people.counsellor, people.head],
        [people.teacher, people.supervisor, people.counsellor],
        [people.supervisor, people.counsellor, people.head],
    );
    for (persona, who) in people.personas() {
        let mut client = school.signed_in(who);
        let expected = |may: &[PersonId], done| if may.contains(&who) { done } else { StatusCode::NOT_FOUND };
        assert_eq!(client.get(&register).await.status, expected(&reads, StatusCode::OK), "{persona} reads");
        let saved = client.post(&register, &[]).await.status;
        assert_eq!(saved, expected(&calls, StatusCode::SEE_OTHER), "{persona} saves");
        let closed = client.post(&format!("{register}/closure"), &[]).await.status;
        assert_eq!(closed, expected(&calls, StatusCode::SEE_OTHER), "{persona} closes");
        let reopened = client.post(&format!("{register}/reopening"), &[]).await.status;
        assert_eq!(reopened, expected(&reopens, StatusCode::SEE_OTHER), "{persona} reopens");
        // For the next: open again.
        school.signed_in(people.head).post(&format!("{register}/reopening"), &[]).await;
    }
}
