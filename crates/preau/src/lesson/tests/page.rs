//! What the live page says of itself before its script takes over.

use super::at;
use crate::access::Profile;
use crate::school;
use crate::testing::TestSchool;

#[tokio::test]
async fn a_primary_school_has_the_simple_page_by_itself_and_a_college_does_not() {
    let school = TestSchool::open();
    let people = school.people;
    let usual = school.signed_in(people.pupil).get(&at(people.lesson, "")).await.text();
    assert!(usual.contains("id=\"simple\"") && !usual.contains("data-primary"), "{usual}");

    let (primary, class) = school.add(move |tx| {
        let primary = school::add_school(tx, "0590001A", "École des Tilleuls", "primary")?;
        let class = school::add_group(tx, primary, "class", "CP", "CP")?;
        school::tie(tx, people.teacher, primary, Profile::Teacher)?;
        school::tie(tx, people.pupil, primary, Profile::Pupil)?;
        school::enrol(tx, people.pupil, class)?;
        Ok((primary, class))
    });
    let lesson = school.lesson_in(primary, class, people.teacher, "Lecture", (5, 60), "normal");
    for person in [people.pupil, people.teacher] {
        let page = school.signed_in(person).get(&at(lesson, "")).await.text();
        assert!(page.contains("data-primary=\"yes\""), "{page}");
    }
}

#[tokio::test]
async fn captions_are_offered_only_where_the_operator_allows_them() {
    for allowed in [false, true] {
        let school = TestSchool::configured(|config| config.live.captions = allowed);
        let page = school.signed_in(school.people.teacher).get(&at(school.people.lesson, "")).await.text();
        assert_eq!(page.contains("data-captions-as=\"packets\""), allowed, "{page}");
        assert_eq!(page.contains("data-captions-as"), allowed);
    }
}
