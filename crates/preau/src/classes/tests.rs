//! Class lists over HTTP, as the people of the test school.

use super::ReadClassList;
use crate::school::{self, Group};
use crate::testing::{Matrix, People, TestSchool};
use http::StatusCode;

/// The rows of this slice in the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, people: &People) {
    let group = Group { id: people.class_4a, school: people.school, label: "4A".into() };
    matrix.list::<Group, ReadClassList>();
    matrix.row::<Group, ReadClassList>("4A", &group);
}

async fn lists(school: &TestSchool) {
    let people = school.people;
    school.add(move |tx| {
        let group = school::add_group(tx, people.school, "group", "ESP1", "4")?;
        school::enrol(tx, people.pupil, group)
    });
    let (own, other) = (format!("/classes/{}", people.class_4a), format!("/classes/{}", people.class_5b));

    let mut pupil = school.signed_in(people.pupil);
    let list = pupil.get("/classes").await.words();
    assert!(list.contains(&own) && list.contains("ESP1") && !list.contains(&other), "{list}");
    assert!(list.contains("2 élèves"), "{list}");
    let page = pupil.get(&own).await.words();
    assert!(
        page.contains("Tom Aubépine") && page.contains("Soizic Houblon") && page.contains("Français"),
        "{page}"
    );
    assert!(page.contains("professeur principal") && !page.contains("Nouveau mot de passe"), "{page}");

    let page = school.signed_in(people.teacher).get(&own).await.words();
    assert!(page.find("Tom Aubépine") < page.find("Maëlys Verdoyant"), "by family name");
    assert!(page.contains(&format!("href=\"/people/{}\"", people.classmate)), "{page}");
    assert!(!school.signed_in(people.supervisor).get(&own).await.words().contains("Nouveau mot de passe"));
    let list = school.signed_in(people.counsellor).get("/classes").await.words();
    assert!(list.contains(&own) && list.contains(&other) && list.contains("ESP1"));
    assert_eq!(list.matches("/classes/").count(), 3, "nothing of the other school: {list}");
    for who in [people.pupil, people.classmate, people.teacher, people.guardian, people.foreign_head] {
        assert_eq!(school.signed_in(who).get(&other).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn lists_on_sqlite() {
    lists(&TestSchool::open()).await;
}

#[tokio::test]
async fn lists_on_postgresql() {
    lists(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn each_right_is_what_the_table_says() {
    let school = TestSchool::open();
    let people = school.people;
    let own = format!("/classes/{}", people.class_4a);
    let readers = [
        people.pupil,
        people.classmate,
        people.teacher,
        people.supervisor,
        people.counsellor,
        people.head,
        people.local_admin,
    ];
    for (persona, who) in people.personas() {
        let status = school.signed_in(who).get(&own).await.status;
        let expected = if readers.contains(&who) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(status, expected, "{persona}");
    }
}

#[tokio::test]
async fn the_list_is_taken_along_as_a_table() {
    let school = TestSchool::open();
    let people = school.people;
    let table = format!("/classes/{}/pupils.csv", people.class_4a);
    let reply = school.signed_in(people.teacher).get(&table).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers["content-disposition"], "attachment; filename*=UTF-8''4A.csv");
    assert!(
        reply.text().contains("Nom;Prénom;Classe") && reply.text().contains("Verdoyant;Maëlys;4A"),
        "{}",
        reply.text()
    );
    for stranger in [people.pupil, people.guardian, people.foreign_head, people.other_teacher] {
        let status = school.signed_in(stranger).get(&table).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
