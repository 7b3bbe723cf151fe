//! Week, lesson and slots over HTTP, as the people of the test school.

mod exams;

use super::policy::{
    AnnotateLesson, ChangeLesson, DeclareExam, ImportTimetable, ManageTimetable, ReadLesson, SchoolTimetable,
    WithdrawExam,
};
use super::{Lesson, LessonTeacher};
use crate::testing::{Matrix, People, TestSchool};
use http::StatusCode;

/// This slice's rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let lesson = Lesson {
        school: people.school,
        groups: vec![people.class_4a],
        teachers: vec![LessonTeacher { person: people.teacher, substitute: false }],
        ..super::model::lesson_at(0, 1, super::LessonState::Normal)
    };
    let timetable = SchoolTimetable { school: people.school };
    matrix.list::<Lesson, ReadLesson>();
    matrix.row::<Lesson, ReadLesson>("of 4A", &lesson);
    matrix.row::<Lesson, AnnotateLesson>("of 4A", &lesson);
    matrix.row::<Lesson, ChangeLesson>("of 4A", &lesson);
    matrix.row::<Lesson, DeclareExam>("of 4A", &lesson);
    matrix.row::<Lesson, WithdrawExam>("of 4A", &lesson);
    matrix.row::<SchoolTimetable, ManageTimetable>("of the school", &timetable);
    matrix.row::<SchoolTimetable, ImportTimetable>("of the school", &timetable);
}

#[tokio::test]
async fn everybody_sees_their_own_week() {
    let school = TestSchool::open();
    let people = school.people;
    let page = |person, path: String| async move { school_page(person, path).await };
    async fn school_page(client: (crate::testing::Client, ()), path: String) -> (StatusCode, String) {
        let (mut client, ()) = client;
        let reply = client.get(&path).await;
        (reply.status, reply.text().replace('\u{a0}', " "))
    }
    let as_ = |person| (school.signed_in(person), ());
    let (_, own) = page(as_(people.pupil), "/timetable".into()).await;
    assert!(own.contains("du lundi 23 novembre au vendredi 27 novembre"), "{own}");
    assert!(own.contains("Soizic Houblon") && !own.contains("Espagnol"), "{own}");
    assert!(own.contains(&format!("#l{}{{grid-area:", people.lesson)), "{own}");
    let (_, next) = page(as_(people.pupil), "/timetable?week=2026-12-02".into()).await;
    assert!(next.contains("du lundi 30 novembre") && !next.contains("Houblon"), "{next}");
    let (_, own) = page(as_(people.teacher), "/timetable".into()).await;
    assert!(own.contains("4A") && !own.contains("Roitelet"), "{own}");
    let (_, class) = page(as_(people.counsellor), format!("/timetable?group={}", people.class_5b)).await;
    assert!(class.contains("Emploi du temps : 5B") && class.contains("Roitelet"), "{class}");
    let (_, held) = page(as_(people.head), format!("/timetable?teacher={}", people.teacher)).await;
    assert!(held.contains("Français") && held.contains("4A"), "{held}");
    let (_, child) = page(as_(people.guardian), format!("/timetable?child={}", people.other_pupil)).await;
    assert!(child.contains("Espagnol LV2") && child.contains("Maëlys Verdoyant"), "{child}");

    for (person, path) in [
        (people.contact, format!("/timetable?child={}", people.pupil)),
        (people.guardian, format!("/timetable?child={}", people.classmate)),
        (people.pupil, format!("/timetable?group={}", people.class_5b)),
        (people.teacher, format!("/timetable?group={}", people.class_5b)),
        (people.pupil, format!("/timetable?teacher={}", people.teacher)),
        (people.foreign_head, format!("/timetable?group={}", people.class_4a)),
        (people.staff, "/timetable".to_owned()),
        (people.local_admin, "/timetable".to_owned()),
    ] {
        let (status, _) = page(as_(person), path.clone()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (_, foreign) = page(as_(people.foreign_head), format!("/timetable?teacher={}", people.teacher)).await;
    assert!(!foreign.contains("Houblon"), "{foreign}");
}

#[tokio::test]
async fn a_lesson_is_shown_to_those_it_concerns() {
    let school = TestSchool::open();
    let people = school.people;
    let path = format!("/lessons/{}", people.lesson);
    for (who, person) in school.people.personas() {
        let status = school.signed_in(person).get(&path).await.status;
        let may = matches!(
            who,
            "pupil" | "classmate" | "guardian" | "teacher" | "supervisor" | "counsellor" | "head"
        );
        assert_eq!(status, if may { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{who}");
    }
    let page = school.signed_in(people.guardian).get(&path).await.text();
    assert!(!page.contains("/live\"") && !page.contains("/register\""), "{page}");
    let page = school.signed_in(people.pupil).get(&path).await.text();
    assert!(page.contains("/live\"") && !page.contains("/register\""), "{page}");
}

async fn the_head_changes_a_lesson(school: TestSchool) {
    let people = school.people;
    let path = format!("/lessons/{}", people.lesson);
    let mut head = school.signed_in(people.head);
    let substitute = people.other_teacher.to_string();
    for person in [people.teacher, people.counsellor, people.foreign_head, people.pupil] {
        let reply = school.signed_in(person).post(&format!("{path}/cancellation"), &[]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }

    let done = head.post(&format!("{path}/substitution"), &[("teacher", &substitute)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let page = school.signed_in(people.pupil).get("/").await.text();
    assert!(page.contains("Gaël Roitelet remplace Soizic Houblon"), "{page}");
    assert_eq!(school.signed_in(people.other_teacher).get(&path).await.status, StatusCode::OK);
    let usual = people.teacher.to_string();
    let twice = head.post(&format!("{path}/substitution"), &[("teacher", &usual)]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let stranger = people.pupil.to_string();
    let never = head.post(&format!("{path}/substitution"), &[("teacher", &stranger)]).await;
    assert_eq!(never.status, StatusCode::NOT_FOUND);
    head.post(&format!("{path}/substitution"), &[("teacher", "0")]).await;
    assert_eq!(school.signed_in(people.other_teacher).get(&path).await.status, StatusCode::NOT_FOUND);

    let when = [("date", "2026-11-23"), ("from", "09:05"), ("to", "10:00"), ("room", "108"), ("note", "")];
    let moved = head.post(&format!("{path}/move"), &when).await;
    assert_eq!(moved.status, StatusCode::SEE_OTHER, "{}", moved.text());
    let page = school.signed_in(people.pupil).get("/").await.text().replace('\u{a0}', " ");
    assert!(page.contains("9 h 05 – 10 h 00") && page.contains("salle 108"), "{page}");
    assert!(page.contains("Cours modifié"), "{page}");
    for bad in [("to", "09:00"), ("date", "hier"), ("from", "25:00")] {
        let mut fields = when.to_vec();
        fields.iter_mut().filter(|field| field.0 == bad.0).for_each(|field| field.1 = bad.1);
        assert_eq!(head.post(&format!("{path}/move"), &fields).await.status, StatusCode::CONFLICT, "{bad:?}");
    }

    head.post(&format!("{path}/cancellation"), &[("note", "Grève <des> bus")]).await;
    let page = school.signed_in(people.pupil).get("/").await.text();
    assert!(page.contains("annulé") && page.contains("Grève &#60;des&#62; bus"), "{page}");
    head.post(&format!("{path}/restoration"), &[]).await;
    assert!(!school.signed_in(people.pupil).get("/").await.text().contains("annulé"));

    let mut teacher = school.signed_in(people.teacher);
    teacher.post(&format!("{path}/note"), &[("note", "Apporter la flûte")]).await;
    assert!(school.signed_in(people.pupil).get(&path).await.text().contains("Apporter la flûte"));
    let long = "é".repeat(201);
    assert_eq!(teacher.post(&format!("{path}/note"), &[("note", &long)]).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_head_changes_a_lesson_on_sqlite() {
    the_head_changes_a_lesson(TestSchool::open()).await;
}

#[tokio::test]
async fn the_head_changes_a_lesson_on_postgresql() {
    the_head_changes_a_lesson(TestSchool::open_on_postgres()).await;
}

async fn slots_become_lessons(school: TestSchool) {
    let people = school.people;
    let mut head = school.signed_in(people.head);
    let (group, teacher, subject) =
        (people.class_4a.to_string(), people.teacher.to_string(), people.french.to_string());
    // Week A begins on 23 November, week B on the 30th; a holiday takes the first week of December.
    let weeks = [("week-2026-11-23", "A"), ("week-2026-11-30", "B"), ("week-2026-12-14", "A")];
    assert_eq!(head.post("/timetable/rotations", &weeks).await.status, StatusCode::SEE_OTHER);
    let page = head.get("/timetable/slots").await.text();
    let option = page.split("<option value=\"").find(|part| part.contains("Semaine A<")).expect("week A");
    let rotation = option.split('"').next().expect("a value").to_owned();
    let slot = [
        ("group", group.as_str()),
        ("teacher", &teacher),
        ("subject", &subject),
        ("weekday", "4"),
        ("from", "10:05"),
        ("to", "11:00"),
        ("rotation", &rotation),
        ("room", "12"),
        ("first", "2026-11-23"),
        ("last", "2026-12-18"),
    ];
    let added = head.post("/timetable/slots", &slot).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text());
    let mut pupil = school.signed_in(people.pupil);
    let mut shown = async |week: &str| {
        pupil.get(&format!("/timetable?week={week}")).await.text().replace('\u{a0}', " ").contains("10 h 05")
    };
    assert!(shown("2026-11-23").await && !shown("2026-11-30").await && shown("2026-12-14").await);
    let holiday = [("label", "Pont"), ("first", "2026-12-14"), ("last", "2026-12-18")];
    assert_eq!(head.post("/timetable/holidays", &holiday).await.status, StatusCode::SEE_OTHER);
    assert!(!shown("2026-12-14").await);
    head.post("/timetable/holidays/removal", &[("first", "2026-12-14")]).await;
    assert!(shown("2026-12-14").await);

    for (name, value, status) in [
        ("to", "10:00", StatusCode::CONFLICT),
        ("first", "2027-01-01", StatusCode::CONFLICT),
        ("teacher", "1", StatusCode::NOT_FOUND),
        ("weekday", "8", StatusCode::BAD_REQUEST),
    ] {
        let mut fields = slot.to_vec();
        fields.iter_mut().filter(|field| field.0 == name).for_each(|field| field.1 = value);
        assert_eq!(head.post("/timetable/slots", &fields).await.status, status, "{name}");
    }
    let page = head.get("/timetable/slots").await.text();
    let at = page.find("name=\"slot\" value=\"").expect("a slot") + "name=\"slot\" value=\"".len();
    let id = page[at..].split('"').next().expect("a number").to_owned();
    assert_eq!(
        school.signed_in(people.foreign_head).post("/timetable/slots/removal", &[("slot", &id)]).await.status,
        StatusCode::NOT_FOUND
    );
    head.post("/timetable/slots/removal", &[("slot", &id)]).await;
    assert!(!shown("2026-11-23").await);
    // A proposal alternates by itself and saves nothing.
    let page = head.get("/timetable/slots?propose=1").await.text();
    assert!(page.contains("Rien n’est encore enregistré"), "{page}");
}

#[tokio::test]
async fn slots_become_lessons_on_sqlite() {
    slots_become_lessons(TestSchool::open()).await;
}

#[tokio::test]
async fn slots_become_lessons_on_postgresql() {
    slots_become_lessons(TestSchool::open_on_postgres()).await;
}
