//! Those who help others into their accounts.

use super::*;
use crate::access::Resource as _;
use crate::identity::commands::{self, CommandError};
use crate::identity::{
    Account, FindPeople, ListAccounts, ManageOwn, PrintGuardianSheets, PrintSheets, ResetPassword,
};
use crate::school::Group;
use crate::store::Store;
use crate::testing::{AT_7_55, Matrix, People};
use http::StatusCode;

/// This slice's rows of the access matrix.
pub(crate) fn matrix(matrix: &mut Matrix, store: &Store, people: &People) {
    let account = |who: PersonId| {
        store
            .read_blocking::<_, StoreError>(|conn| Ok(Account::find(conn, who)?))
            .expect("read")
            .expect("an account")
    };
    matrix.row::<Account, ManageOwn>("of the pupil", &account(people.pupil));
    for (whose, who) in [
        ("of the pupil", people.pupil),
        ("of the guardian", people.guardian),
        ("of the teacher", people.teacher),
        ("of the head", people.head),
        ("of the authority", people.authority),
    ] {
        matrix.row::<Account, ResetPassword>(whose, &account(who));
    }
    matrix.list::<Account, FindPeople>();
    let group = Group { id: people.class_4a, school: people.school, label: "4A".into() };
    matrix.list::<Group, ListAccounts>();
    matrix.row::<Group, ListAccounts>("4A", &group);
    matrix.row::<Group, PrintSheets>("4A", &group);
    matrix.row::<Group, PrintGuardianSheets>("4A", &group);
}

#[tokio::test]
async fn a_teacher_gives_a_new_code_in_three_clicks() {
    let school = TestSchool::open();
    let people = school.people;
    give(&school, people.pupil, "maelys.verdoyant");
    let mut teacher = school.signed_in(people.teacher);
    let page = teacher.get("/people").await.text();
    let class = format!("/people/classes/{}", people.class_4a);
    assert!(page.contains(&class) && !page.contains(&people.class_5b.to_string()), "{page}");
    assert!(!page.contains("Chercher une personne"));
    let page = teacher.get(&class).await.text();
    assert!(page.contains("Maëlys Verdoyant") && page.contains("Tom Aubépine") && page.contains("À activer"));
    let path = format!("/people/{}/code", people.pupil);
    assert!(page.contains(&path));
    let sheet = teacher.post(&path, &[]).await.text();
    assert!(sheet.contains("maelys.verdoyant") && sheet.contains("mercredi 23 décembre 2026"), "{sheet}");
    assert!(sheet.contains("127.0.0.1:8000/activation"), "{sheet}");
    assert_eq!(codes(&sheet).len(), 1);
}

#[tokio::test]
async fn nobody_gives_codes_beyond_their_reach() {
    let school = TestSchool::open();
    let people = school.people;
    let may = |who: PersonId| {
        let p = people;
        let mut allowed: Vec<PersonId> = Vec::new();
        if who == p.pupil || who == p.other_pupil {
            allowed.push(p.guardian);
        }
        if who == p.pupil || who == p.classmate {
            allowed.push(p.teacher);
        }
        if who == p.other_pupil {
            allowed.push(p.other_teacher);
        }
        let family = [p.pupil, p.classmate, p.other_pupil, p.guardian, p.contact];
        if family.contains(&who) {
            allowed.push(p.counsellor);
        }
        if who != p.foreign_head && who != p.foreign_pupil && who != p.authority {
            allowed.extend([p.head, p.local_admin].into_iter().filter(|carer| *carer != who));
        }
        if who == p.foreign_pupil {
            allowed.push(p.foreign_head);
        }
        allowed
    };
    for (persona, asking) in people.personas() {
        let mut client = school.signed_in(asking);
        for (whose, who) in people.personas() {
            let expected = if may(who).contains(&asking) { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(
                client.get(&format!("/people/{who}")).await.status,
                expected,
                "{persona} reads {whose}"
            );
            let reply = client.post(&format!("/people/{who}/code"), &[]).await;
            assert_eq!(reply.status, expected, "{persona} gives a code to {whose}");
        }
    }
}

#[tokio::test]
async fn sheets_are_printed_for_those_who_need_them() {
    let school = TestSchool::open();
    let people = school.people;
    give(&school, people.pupil, "maelys.verdoyant");
    let path = format!("/people/classes/{}/sheets", people.class_4a);
    // The form tutor of 4A: pupils, not guardians.
    let mut tutor = school.signed_in(people.teacher);
    let sheets = tutor.post(&path, &[("who", "pupils")]).await;
    assert_eq!(sheets.headers["cache-control"], "no-store");
    assert!(sheets.text().contains("Tom Aubépine") && !sheets.text().contains("maelys.verdoyant"));
    assert_eq!(codes(&sheets.text()).len(), 1);
    assert_eq!(codes(&tutor.post(&path, &[("who", "pupils"), ("all", "on")]).await.text()).len(), 2);
    assert_eq!(tutor.post(&path, &[("who", "guardians")]).await.status, StatusCode::NOT_FOUND);
    // The whole school's carers: guardians too, legal ones only, each with the child's name.
    for carer in [people.counsellor, people.head, people.local_admin] {
        let sheets = school.signed_in(carer).post(&path, &[("who", "guardians")]).await.text();
        assert_eq!(codes(&sheets).len(), 1, "{sheets}");
        assert!(sheets.contains("Hortense Verdoyant") && sheets.contains("<p>Maëlys</p>"), "{sheets}");
    }
    for stranger in
        [people.other_teacher, people.supervisor, people.pupil, people.guardian, people.foreign_head]
    {
        let reply = school.signed_in(stranger).post(&path, &[("who", "pupils")]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
    }
    for (number, code) in codes(&tutor.post(&path, &[("all", "on")]).await.text()).iter().enumerate() {
        let mut browser = school.anonymous();
        browser.get("/activation").await;
        let page = browser.post("/activation", &[("code", code)]).await.text();
        assert!(page.contains(["Tom Aubépine", "Maëlys Verdoyant"][number]), "{page}");
    }
}

#[tokio::test]
async fn people_are_found_by_parts_of_their_names_in_ones_own_school_only() {
    let school = TestSchool::open();
    let people = school.people;
    give(&school, people.pupil, "maelys.verdoyant");
    give(&school, people.guardian, "hortense.verdoyant");
    give(&school, people.foreign_pupil, "lou.verdoyant");
    let mut counsellor = school.signed_in(people.counsellor);
    let page = counsellor.get("/people?q=verdoy").await.text();
    assert!(page.contains("maelys.verdoyant") && page.contains("hortense.verdoyant"), "{page}");
    assert!(!page.contains("lou.verdoyant"), "{page}");
    assert!(counsellor.get("/people?q=Ma%C3%ABlys+VERD").await.text().contains("Une personne"));
    for nothing in ["%25", "_____", "%27%20OR%201%3D1", "%3Cscript%3E"] {
        let page = counsellor.get(&format!("/people?q={nothing}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text().contains("<script>") && !page.text().contains("maelys.verdoyant"));
    }
    let page = school.signed_in(people.teacher).get("/people?q=verdoy").await.text();
    assert!(!page.contains("maelys.verdoyant"), "teachers do not search the school");
}

#[tokio::test]
async fn a_guardian_helps_their_own_child() {
    let school = TestSchool::open();
    let people = school.people;
    let mut guardian = school.signed_in(people.guardian);
    let page = guardian.get("/account").await.text();
    assert!(page.contains("Vos enfants") && page.contains(&format!("/people/{}", people.pupil)), "{page}");
    assert_eq!(guardian.get(&format!("/people/{}", people.pupil)).await.status, StatusCode::OK);
    let page = school.signed_in(people.contact).get("/account").await.text();
    assert!(!page.contains(&people.pupil.to_string()));
}

#[tokio::test]
async fn a_school_begins_with_somebody_appointed() {
    use commands::{Appointed, Appointment};
    let school = TestSchool::open();
    let (store, config) = (school.app.platform.store().clone(), school.app.platform.config().clone());
    let issued = tokio::task::spawn_blocking(move || {
        let somebody = Appointed::Named { given: "Zoé".into(), family: "L’Écuyer".into() };
        let mut wish = Appointment { uai: "0350999z".into(), school_name: None, who: somebody };
        let nowhere = commands::appoint(&store, &config, &wish, AT_7_55).err();
        assert!(matches!(nowhere, Some(CommandError::NoSuchSchool(_))), "{nowhere:?}");
        wish.school_name = Some("Collège des Landes".into());
        let first = commands::appoint(&store, &config, &wish, AT_7_55).expect("appointed");
        // Again, by the login now: the same person, a new code.
        wish.who = Appointed::Login(first.login.clone());
        let second = commands::appoint(&store, &config, &wish, AT_7_55).expect("appointed again");
        assert_eq!(first.login, second.login);
        assert_ne!(first.code, second.code);
        wish.uai = "35' OR 1=1".into();
        assert!(matches!(commands::appoint(&store, &config, &wish, AT_7_55), Err(CommandError::NoUai(_))));
        second
    })
    .await
    .expect("no panic");
    assert_eq!((issued.name.as_str(), issued.login.as_str()), ("Zoé L’Écuyer", "zoe.lecuyer"));
    let mut browser = at_the_door(&school).await;
    let page = browser.post("/activation", &[("code", &issued.code)]).await.text();
    assert!(page.contains("Zoé L’Écuyer"), "{page}");
    let page = browser.post("/activation", &[("state", &hidden(&page, "state")), ("confirm", "yes")]).await;
    let state = hidden(&page.text(), "state");
    browser.post("/activation", &[("state", &state), ("password", PASSWORD), ("again", PASSWORD)]).await;
    sign_in(&mut browser, &issued.login, PASSWORD).await;
    let page = browser.get("/import").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("Collège des Landes"), "{}", page.text());
}

#[tokio::test]
async fn an_operator_can_always_help() {
    let school = TestSchool::open();
    give(&school, school.people.head, "odile.charme");
    let mut head = at_the_door(&school).await;
    sign_in(&mut head, "odile.charme", PASSWORD).await;
    let (store, config) = (school.app.platform.store().clone(), school.app.platform.config().clone());
    let (code, reset, unknown) = tokio::task::spawn_blocking(move || {
        (
            commands::code(&store, &config, "Odile.Charme", AT_7_55).expect("a code"),
            commands::reset(&store, &config, "odile.charme", AT_7_55).expect("a code"),
            commands::reset(&store, &config, "nobody; DROP TABLE account", AT_7_55).err(),
        )
    })
    .await
    .expect("no panic");
    assert_eq!((code.login.as_str(), code.name.as_str()), ("odile.charme", "Odile Charme"));
    assert!(matches!(unknown, Some(CommandError::NoSuchLogin(_))));
    let mut browser = at_the_door(&school).await;
    assert_eq!(sign_in(&mut browser, "odile.charme", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/activation", &[("code", &code.code)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/activation", &[("code", &reset.code)]).await.status, StatusCode::OK);
}
