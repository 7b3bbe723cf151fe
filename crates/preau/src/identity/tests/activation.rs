//! The first visit, with a code from paper.

use super::*;
use http::StatusCode;

const CHOSEN: &str = "quatre marrons luisants";

/// A new code for somebody, as the head gives it.
async fn code_for(school: &TestSchool, who: PersonId, fields: &[(&str, &str)]) -> String {
    let mut head = school.signed_in(school.people.head);
    let reply = head.post(&format!("/people/{who}/code"), fields).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.headers["cache-control"], "no-store");
    codes(&reply.text()).pop().expect("a code")
}

/// Types the code and says "that is me"; returns the state for the password.
async fn as_far_as_the_password(browser: &mut Client, code: &str) -> String {
    browser.get("/activation").await;
    let page = browser.post("/activation", &[("code", code)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let page = page.text();
    assert!(page.contains("Maëlys Verdoyant") && page.contains("Élève, 4A"), "{page}");
    let state = hidden(&page, "state");
    let page = browser.post("/activation", &[("state", &state), ("confirm", "yes")]).await.text();
    assert!(page.contains("maelys.verdoyant") && page.contains("Au moins 10 caractères"), "{page}");
    hidden(&page, "state")
}

async fn choose(browser: &mut Client, state: &str, password: &str, again: &str) -> Reply {
    browser.post("/activation", &[("state", state), ("password", password), ("again", again)]).await
}

async fn the_first_visit(school: &TestSchool) {
    let pupil = school.people.pupil;
    give(school, pupil, "maelys.verdoyant");
    let mut before = at_the_door(school).await;
    let code = code_for(school, pupil, &[]).await;
    // The old password stays valid as long as the code lies in the school bag.
    assert_eq!(sign_in(&mut before, "maelys.verdoyant", PASSWORD).await.status, StatusCode::SEE_OTHER);

    let mut browser = school.anonymous();
    let typed = code.to_lowercase().replace('-', " ");
    let state = as_far_as_the_password(&mut browser, &typed).await;
    for (password, again, words) in [
        ("court", "court", "trop court"),
        ("maelys.verdoyant", "maelys.verdoyant", "se devine trop vite"),
        (CHOSEN, "autre chose", "ne sont pas les mêmes"),
    ] {
        let reply = choose(&mut browser, &state, password, again).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(reply.text().contains(words), "{}", reply.text());
    }
    let done = choose(&mut browser, &state, CHOSEN, CHOSEN).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text().contains("Votre compte est prêt"), "{}", done.text());

    assert_eq!(before.get("/account").await.status, StatusCode::SEE_OTHER, "older sessions are over");
    let mut door = at_the_door(school).await;
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", CHOSEN).await.status, StatusCode::SEE_OTHER);

    // Used is used: neither the code nor the state opens anything again.
    let again = choose(&mut browser, &state, "encore autre chose", "encore autre chose").await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let reply = browser.post("/activation", &[("code", &code)]).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.text().contains("Ce code n’est pas connu ou ne vaut plus"));
}

#[tokio::test]
async fn the_first_visit_on_sqlite() {
    the_first_visit(&TestSchool::open()).await;
}

#[tokio::test]
async fn the_first_visit_on_postgresql() {
    the_first_visit(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn a_code_is_valid_for_thirty_days_and_a_visit_for_half_an_hour() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let code = code_for(&school, school.people.pupil, &[]).await;
    let mut browser = school.anonymous();
    let state = as_far_as_the_password(&mut browser, &code).await;
    school.minutes_later(31);
    assert_eq!(choose(&mut browser, &state, CHOSEN, CHOSEN).await.status, StatusCode::FORBIDDEN);
    school.minutes_later(30 * 24 * 60 - 1);
    let state = as_far_as_the_password(&mut browser, &code).await;
    school.minutes_later(30 * 24 * 60);
    assert_eq!(choose(&mut browser, &state, CHOSEN, CHOSEN).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/activation", &[("code", &code)]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_newer_code_replaces_the_older_one() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let first = code_for(&school, school.people.pupil, &[]).await;
    let second = code_for(&school, school.people.pupil, &[]).await;
    let mut browser = school.anonymous();
    browser.get("/activation").await;
    assert_eq!(browser.post("/activation", &[("code", &first)]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/activation", &[("code", &second)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_visit_belongs_to_the_browser_that_began_it() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let code = code_for(&school, school.people.pupil, &[]).await;
    let state = as_far_as_the_password(&mut school.anonymous(), &code).await;
    let mut other = school.anonymous();
    other.get("/activation").await;
    for forged in [state.as_str(), "", "AAAA", "' OR 1=1 --", "<script>"] {
        let reply = choose(&mut other, forged, CHOSEN, CHOSEN).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(!reply.text().contains("<script>alert") && !reply.text().contains("Votre compte est prêt"));
    }
}

#[tokio::test]
async fn typing_codes_at_random_is_slowed_down() {
    let school = TestSchool::open();
    let mut browser = school.anonymous();
    browser.get("/activation").await;
    for typed in ["", "BBBB-BBBB-BBBB", "' OR 1=1 --", "<b>x</b>"].iter().cycle().take(11) {
        let reply = browser.post("/activation", &[("code", typed)]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{typed}");
        assert!(!reply.text().contains("<b>x</b>"));
    }
    let reply = browser.post("/activation", &[("code", "BBBB-BBBB-BBBB")]).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(reply.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_stolen_password_can_be_blocked_at_once() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut thief = at_the_door(&school).await;
    sign_in(&mut thief, "maelys.verdoyant", PASSWORD).await;
    assert_eq!(thief.get("/account").await.status, StatusCode::OK);
    let code = code_for(&school, school.people.pupil, &[("block", "on")]).await;
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);
    let mut door = at_the_door(&school).await;
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", PASSWORD).await.status, StatusCode::FORBIDDEN);
    let state = as_far_as_the_password(&mut door, &code).await;
    assert_eq!(choose(&mut door, &state, CHOSEN, CHOSEN).await.status, StatusCode::OK);
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", CHOSEN).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn codes_lie_hashed_in_the_database() {
    use crate::store::schema::activation_code;
    let school = TestSchool::open();
    let code = code_for(&school, school.people.pupil, &[]).await.replace('-', "");
    let stored: Vec<Vec<u8>> = school
        .app
        .platform
        .store()
        .read_blocking::<_, StoreError>(|conn| {
            Ok(activation_code::table.select(activation_code::code_hash).load(conn)?)
        })
        .expect("read");
    assert_eq!(stored.len(), 1);
    assert_ne!(stored[0], code.as_bytes());
    use sha2::Digest as _;
    assert_ne!(stored[0], sha2::Sha256::digest(code.as_bytes()).to_vec(), "not even a bare hash");
}
