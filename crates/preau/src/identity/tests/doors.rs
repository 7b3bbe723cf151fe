//! Coming in and going out.

use super::*;
use crate::store::{journal_lines, schema};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;

async fn in_and_out(school: &TestSchool) {
    give(school, school.people.pupil, "maelys.verdoyant");
    let mut browser = at_the_door(school).await;
    let reply = sign_in(&mut browser, " Maëlys.Verdoyant ", PASSWORD).await;
    assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/"), "{}", reply.text());
    // On a shared computer: until the browser closes.
    let cookie = set_cookie(&reply, "preau_session");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    let page = browser.get("/account").await.text();
    assert!(
        page.contains("Ton compte") && page.contains("maelys.verdoyant") && page.contains("Cet appareil")
    );
    assert_eq!(browser.get("/sign-in?next=/account").await.location(), "/account");

    let out = browser.post_bare("/sign-out", &[("csrf", &hidden(&page, "csrf"))]).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/signed-out"), "{}", out.text());
    assert_eq!(out.headers["clear-site-data"], "\"storage\"", "the day this browser kept goes as well");
    assert_eq!(browser.cookie("preau_session"), None);
    assert!(browser.get("/signed-out").await.text().contains("La session est fermée."));
    assert_eq!(browser.get("/account").await.location(), "/sign-in?next=/account");
    let actions: Vec<String> = school
        .app
        .platform
        .store()
        .read_blocking::<_, StoreError>(|conn| Ok(journal_lines(conn, 0, 1_000)?))
        .expect("read")
        .into_iter()
        .map(|line| line.entry.action)
        .filter(|action| action.starts_with("session."))
        .collect();
    assert_eq!(actions, ["session.open", "session.close"]);
}

#[tokio::test]
async fn in_and_out_on_sqlite() {
    in_and_out(&TestSchool::open()).await;
}

#[tokio::test]
async fn in_and_out_on_postgresql() {
    in_and_out(&TestSchool::open_on_postgres()).await;
}

#[tokio::test]
async fn known_and_unknown_names_read_and_cost_the_same() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut answers = Vec::new();
    for (login, password) in [
        ("maelys.verdoyant", "not the password"),
        ("nobody.atall", PASSWORD),
        // No password was ever chosen for this account.
        (school.people.classmate.to_string().as_str(), PASSWORD),
        ("maelys.verdoyant", ""),
        ("' OR '1'='1", "' OR '1'='1"),
        ("", ""),
        ("<script>alert(1)</script>", "<b>"),
        ("李", &"x".repeat(100_000)),
    ] {
        let mut browser = at_the_door(&school).await;
        let before = school.app.identity.passwords_checked();
        let reply = sign_in(&mut browser, login, password).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{login}");
        assert_eq!(school.app.identity.passwords_checked() - before, 1, "one hash for {login}");
        assert_eq!(set_cookie(&reply, "preau_session"), "");
        let page = reply.text();
        assert!(!page.contains("<script>alert") && !page.contains(PASSWORD), "{page}");
        // What differs by itself: the token, the name of the page's scripts, and what was typed as login.
        let (before, after) = page.split_once("name=\"login\" type=\"text\" value=\"").expect("the field");
        let (_, after) = after.split_once('"').expect("a closing quote");
        let answer = format!("{before}{after}").replace(&hidden(&page, "csrf"), "T");
        let nonce = page.split_once("nonce=\"").and_then(|(_, rest)| rest.split_once('"'));
        answers.push(match nonce {
            Some((nonce, _)) => answer.replace(nonce, "N"),
            None => answer,
        });
    }
    for (number, answer) in answers.iter().enumerate() {
        assert!(*answer == answers[0], "answer {number} differs: {answer}");
    }
    assert!(answers[0].contains("L’identifiant ou le mot de passe ne va pas"));
}

#[tokio::test]
async fn a_personal_device_is_remembered_for_thirty_days_and_a_shared_one_for_twelve_hours() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let (mut own, mut shared) = (at_the_door(&school).await, at_the_door(&school).await);
    let reply = own
        .post("/sign-in", &[("login", "maelys.verdoyant"), ("password", PASSWORD), ("remember", "on")])
        .await;
    assert!(set_cookie(&reply, "preau_session").ends_with("; Max-Age=2592000"), "{:?}", reply.headers);
    sign_in(&mut shared, "maelys.verdoyant", PASSWORD).await;
    school.minutes_later(12 * 60 - 1);
    assert_eq!(shared.get("/account").await.status, StatusCode::OK);
    school.minutes_later(12 * 60);
    assert_eq!(shared.get("/account").await.status, StatusCode::SEE_OTHER);
    school.minutes_later(30 * 24 * 60 - 1);
    assert_eq!(own.get("/account").await.status, StatusCode::OK);
    school.minutes_later(30 * 24 * 60);
    assert_eq!(own.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn on_tls_cookies_belong_to_the_host_and_never_travel_in_the_clear() {
    let school = TestSchool::configured(|config| config.server.public_url = "https://preau.example".into());
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut browser = school.anonymous();
    let door = browser.get("/sign-in").await;
    assert!(set_cookie(&door, "__Host-preau_device").contains("; Secure"));
    let csrf = hidden(&door.text(), "csrf");
    let fields = [("csrf", csrf.as_str()), ("login", "maelys.verdoyant"), ("password", PASSWORD)];
    let reply = browser.post_bare("/sign-in", &fields).await;
    let cookie = set_cookie(&reply, "__Host-preau_session");
    assert!(
        cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Secure") && !cookie.contains("Domain"),
        "{cookie}"
    );
    assert!(browser.get("/account").await.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn every_sign_in_makes_a_new_token_and_the_old_one_is_dead() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    give(&school, school.people.teacher, "soizic.houblon");
    let mut browser = at_the_door(&school).await;
    // A token that somebody planted opens nothing and is not taken up.
    browser.set_cookie("preau_session", &"A".repeat(43));
    let csrf = hidden(&browser.get("/sign-in").await.text(), "csrf");
    let fields = [("csrf", csrf.as_str()), ("login", "maelys.verdoyant"), ("password", PASSWORD)];
    assert_eq!(browser.post_bare("/sign-in", &fields).await.status, StatusCode::SEE_OTHER);
    let first = browser.cookie("preau_session").expect("a token").to_owned();
    assert_ne!(first, "A".repeat(43));
    let csrf = hidden(&browser.get("/account").await.text(), "csrf");
    let fields = [("csrf", csrf.as_str()), ("login", "soizic.houblon"), ("password", PASSWORD)];
    assert_eq!(browser.post_bare("/sign-in", &fields).await.status, StatusCode::SEE_OTHER);
    assert_ne!(browser.cookie("preau_session"), Some(first.as_str()));
    assert!(browser.get("/account").await.text().contains("Soizic Houblon"));
    let mut thief = school.anonymous();
    thief.set_cookie("preau_session", &first);
    assert_eq!(thief.get("/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn only_hashes_of_tokens_are_stored() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut browser = at_the_door(&school).await;
    sign_in(&mut browser, "maelys.verdoyant", PASSWORD).await;
    let token = browser.cookie("preau_session").expect("a token").as_bytes().to_vec();
    let stored: Vec<Vec<u8>> = school
        .app
        .platform
        .store()
        .read_blocking::<_, StoreError>(|conn| {
            Ok(schema::session::table.select(schema::session::token_hash).load(conn)?)
        })
        .expect("read");
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].len(), 32);
    assert_ne!(stored[0], token);
}

#[tokio::test]
async fn after_sign_in_nobody_is_sent_to_another_site() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    for (next, location) in [
        ("/homework?past=1", "/homework?past=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let mut browser = at_the_door(&school).await;
        let fields = [("login", "maelys.verdoyant"), ("password", PASSWORD), ("next", next)];
        let reply = browser.post("/sign-in", &fields).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, location), "{next:?}");
    }
    let page = school.anonymous().get("/sign-in?next=//evil.example").await.text();
    assert_eq!(hidden(&page, "next"), "");
}

#[tokio::test]
async fn a_form_without_its_token_signs_nobody_in_or_out() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut browser = at_the_door(&school).await;
    let foreign = at_the_door(&school).await.csrf();
    for csrf in ["", "AAAA", foreign.as_str()] {
        let fields = [("csrf", csrf), ("login", "maelys.verdoyant"), ("password", PASSWORD)];
        assert_eq!(browser.post_bare("/sign-in", &fields).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(school.app.identity.passwords_checked(), 0);
    let mut pupil = school.signed_in(school.people.pupil);
    for path in ["/sign-out", "/sign-out-everywhere", "/account/password", "/display"] {
        assert_eq!(
            pupil.post_bare(path, &[("csrf", &foreign)]).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    assert_eq!(pupil.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_guesses_waits_longer_and_longer_but_the_owner_still_gets_in() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut own = at_the_door(&school).await;
    assert_eq!(sign_in(&mut own, "maelys.verdoyant", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let page = own.get("/account").await.text();
    own.post_bare("/sign-out", &[("csrf", &hidden(&page, "csrf"))]).await;

    for login in ["maelys.verdoyant", "nobody.atall"] {
        for attempt in 0..6 {
            // A fresh browser each time: the account is counted, not the browser.
            let mut stranger = at_the_door(&school).await;
            let reply = sign_in(&mut stranger, login, "guess").await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "attempt {attempt}");
        }
        let before = school.app.identity.passwords_checked();
        let mut stranger = at_the_door(&school).await;
        let reply = sign_in(&mut stranger, login, PASSWORD).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "even the right password waits");
        assert_eq!(reply.headers["retry-after"], "1");
        assert!(reply.text().contains("Attendez une seconde"), "{}", reply.text());
        assert_eq!(school.app.identity.passwords_checked(), before, "nothing is hashed for who has to wait");
    }
    // The browser known to the account is counted apart.
    assert_eq!(sign_in(&mut own, "maelys.verdoyant", PASSWORD).await.status, StatusCode::SEE_OTHER);
    // One line in the journal for the account, none for the name that does not exist.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let lines = school
        .app
        .platform
        .store()
        .read_blocking::<_, StoreError>(|conn| Ok(journal_lines(conn, 0, 1_000)?))
        .expect("read");
    let guessing: Vec<i64> = lines
        .iter()
        .filter(|line| line.entry.action == "session.guessing")
        .map(|line| line.entry.object_id)
        .collect();
    assert_eq!(guessing, [school.people.pupil.get()]);
}

#[tokio::test]
async fn one_browser_that_tries_many_names_waits_too() {
    let school = TestSchool::open();
    let mut browser = at_the_door(&school).await;
    for name in 0..21 {
        let reply = sign_in(&mut browser, &format!("name.{name}"), "azerty").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(sign_in(&mut browser, "name.99", "azerty").await.status, StatusCode::TOO_MANY_REQUESTS);
    // Its neighbour in the same classroom is not concerned.
    let mut neighbour = at_the_door(&school).await;
    assert_eq!(sign_in(&mut neighbour, "name.99", "azerty").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn signing_out_everywhere_closes_every_session_at_once() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let (mut phone, mut desk) = (at_the_door(&school).await, at_the_door(&school).await);
    sign_in(&mut phone, "maelys.verdoyant", PASSWORD).await;
    sign_in(&mut desk, "maelys.verdoyant", PASSWORD).await;
    let mut other = school.signed_in(school.people.classmate);
    // All three stand in the cache.
    assert_eq!(desk.get("/account").await.status, StatusCode::OK);
    assert_eq!(other.get("/account").await.status, StatusCode::OK);
    let page = phone.get("/account").await.text();
    assert!(page.contains("Un autre appareil"));
    let reply = phone.post_bare("/sign-out-everywhere", &[("csrf", &hidden(&page, "csrf"))]).await;
    assert_eq!(reply.location(), "/signed-out?everywhere=1");
    for browser in [&mut phone, &mut desk] {
        assert_eq!(browser.get("/account").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(other.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_closes_the_other_sessions() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let (mut phone, mut desk) = (at_the_door(&school).await, at_the_door(&school).await);
    sign_in(&mut phone, "maelys.verdoyant", PASSWORD).await;
    sign_in(&mut desk, "maelys.verdoyant", PASSWORD).await;
    let csrf = hidden(&phone.get("/account").await.text(), "csrf");
    let ask = |current: &'static str, password: &'static str, again: &'static str| {
        [
            ("csrf".to_owned(), csrf.clone()),
            ("current".to_owned(), current.to_owned()),
            ("password".to_owned(), password.to_owned()),
            ("again".to_owned(), again.to_owned()),
        ]
    };
    const NEW: &str = "quatre marrons luisants";
    for (current, password, again, words) in [
        ("not it at all", NEW, NEW, "Ce n’est pas le mot de passe actuel."),
        (PASSWORD, "court", "court", "trop court"),
        (PASSWORD, "maelysverdoyant", "maelysverdoyant", "se devine trop vite"),
        (PASSWORD, NEW, "quatre marrons", "ne sont pas les mêmes"),
    ] {
        let fields = ask(current, password, again);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = phone.post_bare("/account/password", &fields).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        assert!(reply.text().contains(words), "{words}: {}", reply.text());
    }
    let before = phone.cookie("preau_session").expect("a token").to_owned();
    let fields = ask(PASSWORD, NEW, NEW);
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let reply = phone.post_bare("/account/password", &fields).await;
    assert_eq!(reply.location(), "/account", "{}", reply.text());
    assert_ne!(phone.cookie("preau_session"), Some(before.as_str()));
    assert!(phone.get("/account").await.text().contains("Le mot de passe est changé"));
    assert_eq!(desk.get("/account").await.status, StatusCode::SEE_OTHER);
    let mut door = at_the_door(&school).await;
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(sign_in(&mut door, "maelys.verdoyant", NEW).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn display_choices_are_kept_before_and_after_sign_in() {
    let school = TestSchool::open();
    let mut browser = at_the_door(&school).await;
    let reply = browser.post("/display", &[("lang", "en"), ("back", "/help")]).await;
    assert_eq!(reply.location(), "/help");
    browser.post("/display", &[("theme", "dark"), ("back", "//evil.example")]).await;
    let page = browser.get("/sign-in").await.text();
    assert!(
        page.contains("lang=\"en\" data-theme=\"dark\"") && page.contains("This is the way in"),
        "{page}"
    );
    browser.post("/display", &[("lang", "<b>"), ("theme", "<i>"), ("back", "")]).await;
    assert!(browser.get("/sign-in").await.text().contains("lang=\"en\" data-theme=\"auto\""));

    let mut pupil = school.signed_in(school.people.pupil);
    assert!(pupil.get("/account").await.text().contains("lang=\"fr\""));
    assert_eq!(
        pupil.post("/display", &[("spacing", "wide"), ("back", "/account")]).await.location(),
        "/account"
    );
    pupil.post("/display", &[("lang", "en"), ("back", "/account")]).await;
    assert!(
        pupil.get("/account").await.text().contains("lang=\"en\" data-theme=\"auto\" data-spacing=\"wide\"")
    );
}

/// Sixty-four sign-ins at once, and a page that is already open: it is answered before they are.
#[tokio::test]
async fn a_rush_at_the_door_does_not_keep_open_pages_waiting() {
    let school = TestSchool::configured(|config| config.identity.hashing_threads = 1);
    let mut rush = FuturesUnordered::new();
    for name in 0..64 {
        let mut browser = at_the_door(&school).await;
        rush.push(async move { sign_in(&mut browser, &format!("name.{name}"), "azerty").await.status });
    }
    let mut pupil = school.signed_in(school.people.pupil);
    let mut refused = 0;
    let page = async {
        // The rush is in the queue, as far as the queue goes.
        while school.app.identity.sign_ins_waiting() < 32 {
            tokio::task::yield_now().await;
        }
        let page = pupil.get("/account").await;
        (page.status, school.app.identity.sign_ins_waiting())
    };
    let mut page = std::pin::pin!(page);
    let mut seen = None;
    while refused < 64 {
        tokio::select! {
            answer = &mut page, if seen.is_none() => seen = Some((answer, refused)),
            Some(status) = rush.next() => {
                assert_eq!(status, StatusCode::FORBIDDEN);
                refused += 1;
            }
        }
    }
    let ((status, waiting), done) = seen.expect("the page came first");
    assert_eq!(status, StatusCode::OK);
    assert!(
        waiting > 0 && done < 32,
        "{done} sign-ins were answered before the page, {waiting} still waited"
    );
    assert_eq!(school.app.identity.passwords_checked(), 64);
}

#[tokio::test]
async fn a_full_queue_is_said_at_once_and_counts_against_nobody() {
    let school = TestSchool::configured(|config| {
        config.identity.hashing_threads = 1;
        config.identity.hashing_queue = 4;
    });
    give(&school, school.people.pupil, "maelys.verdoyant");
    let mut rush = FuturesUnordered::new();
    for _ in 0..16 {
        let mut browser = at_the_door(&school).await;
        rush.push(async move { sign_in(&mut browser, "maelys.verdoyant", PASSWORD).await });
    }
    let (mut inside, mut busy) = (0, 0);
    while let Some(reply) = rush.next().await {
        match reply.status {
            StatusCode::SEE_OTHER => inside += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(reply.headers.contains_key("retry-after"));
                assert!(reply.text().contains("Beaucoup de monde"), "{}", reply.text());
                busy += 1;
            }
            // Sixteen of one name at once look like guessing until the first has got in.
            StatusCode::TOO_MANY_REQUESTS => {}
            status => panic!("{status}"),
        }
    }
    assert!(inside >= 3 && busy >= 1, "{inside} inside, {busy} told to come back");
    let mut browser = at_the_door(&school).await;
    assert_eq!(sign_in(&mut browser, "maelys.verdoyant", PASSWORD).await.status, StatusCode::SEE_OTHER);
}
