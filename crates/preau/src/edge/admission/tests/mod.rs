//! The gate over HTTP: who waits, keeps the place, gets in, and is told what. The clock is set by hand.

mod crowd;
mod leaving;
mod nodes;

use super::{Door, Entrance, Standing, Waiting, admission, gate_pages, lock};
use crate::edge::{
    Audience, Body, Caller, Cost, DeviceId, Platform, Routes, instant, security_headers, session_layer,
};
use crate::ids::Millis;
use crate::testing::{AT_7_55, Client, Reply, TestSchool};
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use http::{Method, Request, StatusCode, header};
use proptest::prelude::*;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// An ordinary page behind the gate; whoever is let in is sent to sign in, or sees it.
const PAGE: &str = "/homework";
/// 9:00 that day, when the first lessons have ended.
const AT_9_00: Millis = AT_7_55 + 65 * 60_000;

/// A school with so many seats, and its time.
struct Hall {
    school: TestSchool,
    platform: Platform,
    now: AtomicI64,
}

impl Hall {
    fn with(seats: u32) -> Hall {
        let school = TestSchool::configured(|config| config.gate.sessions = seats);
        Hall::of(school, AT_7_55)
    }

    fn of(school: TestSchool, now: Millis) -> Hall {
        Hall { platform: school.app.platform.clone(), school, now: AtomicI64::new(now) }
    }

    /// A second platform over the same school, whose door tells `waiting` of people.
    fn telling(self, waiting: Arc<dyn Waiting>) -> Hall {
        let of = &self.platform;
        let platform = Platform::new(of.config().clone(), of.store().clone(), of.clock().clone());
        let platform = platform.expect("a platform");
        platform.door().tell(waiting);
        Hall { platform, ..self }
    }

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn door(&self) -> &Door {
        self.platform().door()
    }

    /// So many seconds go by, the second hand turning.
    fn pass(&self, seconds: i64) {
        let step = if seconds > 120 { 10 } else { 1 };
        for _ in 0..seconds / step {
            self.school.clock.set(self.now.fetch_add(step * 1000, Ordering::Relaxed) + step * 1000);
            self.door().turn();
        }
    }

    /// A browser that is in and has shown its session.
    async fn inside(&self) -> Client {
        let mut client = self.school.anonymous();
        for _ in 0..2 {
            let reply = client.get(PAGE).await;
            assert!(is_in(&reply), "{}", reply.text());
        }
        client
    }

    /// What a sign-out does to the seat.
    fn release(&self, client: &Client) {
        let now = self.door().now();
        let gate = &self.door().0.gate;
        let session = gate.read_session(client.cookie("preau_gate").expect("is in"), now).expect("a session");
        assert!(gate.release(&session, now));
    }
}

fn is_in(reply: &Reply) -> bool {
    !reply.text().contains("id=\"waiting\"") && reply.status != StatusCode::SERVICE_UNAVAILABLE
}

/// The page with ordinary blanks where the typography puts narrow and unbreakable ones.
fn words(reply: &Reply) -> String {
    reply.text().replace(['\u{a0}', '\u{202f}'], " ")
}

fn attribute(html: &str, name: &str) -> String {
    let start = html.find(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {html}"));
    html[start..].split('"').nth(1).expect("a value").to_owned()
}

fn set_cookies(reply: &Reply) -> Vec<String> {
    let all = reply.headers.get_all(header::SET_COOKIE).iter();
    all.map(|value| value.to_str().expect("a cookie").to_owned()).collect()
}

#[tokio::test]
async fn a_second_browser_waits_keeps_its_place_and_gets_in_when_the_first_leaves() {
    let hall = Hall::with(1);
    let first = hall.inside().await;
    let mut second = hall.school.anonymous();
    let reply = second.get(PAGE).await;
    assert_eq!(reply.status, StatusCode::OK);
    let html = words(&reply);
    assert!(
        html.contains("La place est gardée.") && html.contains("La présence est notée depuis 7 h 55"),
        "{html}"
    );
    assert!(html.contains("C’est presque le moment."), "{html}");
    let rank = attribute(&html, "data-rank");
    hall.pass(3);
    let mut third = hall.school.anonymous();
    let html = words(&third.get(PAGE).await);
    assert!(html.contains(">1</span> personne attend devant"), "{html}");
    assert!(attribute(&html, "data-rank") > rank);
    for _ in 0..20 {
        let again = second.get(PAGE).await;
        assert_eq!(attribute(&again.text(), "data-rank"), rank);
        assert_eq!(set_cookies(&again), Vec::<String>::new(), "the place is in the cookie it has");
    }
    hall.release(&first);
    hall.pass(6);
    assert!(is_in(&second.get(PAGE).await));
    assert!(second.cookie("preau_ticket").is_none() && second.cookie("preau_gate").is_some());
    assert!(is_in(&second.get(PAGE).await));
    assert!(!is_in(&third.get(PAGE).await));
}

#[tokio::test]
async fn who_is_silent_for_ten_minutes_makes_room_and_comes_back_without_queuing() {
    let hall = Hall::with(1);
    let mut first = hall.inside().await;
    let mut second = hall.school.anonymous();
    assert!(!is_in(&second.get(PAGE).await));
    for _ in 0..9 {
        hall.pass(60);
        assert!(!is_in(&second.get(PAGE).await));
    }
    hall.pass(130);
    assert!(is_in(&second.get(PAGE).await));
    // The overdraft is for those who were in a moment ago.
    assert!(is_in(&first.get(PAGE).await));
    assert!(is_in(&first.get(PAGE).await) && is_in(&second.get(PAGE).await));
    hall.pass(1);
    assert_eq!(hall.door().status().taken, 2);
}

#[tokio::test]
async fn places_and_seats_outlive_a_restart_without_goodbye() {
    let hall = Hall::with(1);
    let mut first = hall.inside().await;
    let mut second = hall.school.anonymous();
    let rank = attribute(&second.get(PAGE).await.text(), "data-rank");
    hall.pass(2);
    let mut third = hall.school.anonymous();
    let later = attribute(&third.get(PAGE).await.text(), "data-rank");
    assert!(later > rank);
    hall.pass(1);

    let now = hall.now.load(Ordering::Relaxed);
    let hall = Hall::of(hall.school.restarted(), now);
    first.moved_to(&hall.school);
    second.moved_to(&hall.school);
    third.moved_to(&hall.school);
    // Somebody new does not slip in before those who wait, although the new process has seen nobody.
    assert!(!is_in(&hall.school.anonymous().get(PAGE).await));
    assert!(is_in(&first.get(PAGE).await));
    assert_eq!(attribute(&third.get(PAGE).await.text(), "data-rank"), later);
    assert_eq!(attribute(&second.get(PAGE).await.text(), "data-rank"), rank);
    hall.release(&first);
    hall.pass(12);
    assert!(!is_in(&third.get(PAGE).await));
    assert!(is_in(&second.get(PAGE).await), "who waited first is called first");
}

#[tokio::test]
async fn a_damaged_state_file_keeps_nobody_out() {
    let hall = Hall::with(2);
    let mut first = hall.inside().await;
    hall.pass(1);
    let path = hall.platform().config().gate.state.clone();
    std::fs::write(&path, "{\"format\":").expect("damaged");
    let school = hall.school.restarted();
    first.moved_to(&school);
    assert!(is_in(&first.get(PAGE).await));
    assert!(is_in(&school.anonymous().get(PAGE).await));
    assert!(path.with_extension("json.damaged").exists());
}

#[tokio::test]
async fn forged_altered_and_old_tickets_go_to_the_end_of_the_queue() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let mut second = hall.school.anonymous();
    let rank = attribute(&second.get(PAGE).await.text(), "data-rank");
    let good = second.cookie("preau_ticket").expect("a ticket").to_owned();
    hall.pass(5);
    let altered = |at: usize| {
        let sign = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{sign}{}", &good[..at], &good[at + 1..])
    };
    let mut bad: Vec<String> = [0, 1, 5, 8, 20, 40, 63].into_iter().map(altered).collect();
    bad.extend([String::new(), "A".repeat(64), "é".repeat(32), good.repeat(100), format!("{good}A")]);
    for text in bad {
        let mut forger = hall.school.anonymous();
        forger.set_cookie("preau_ticket", &text);
        let mut reply = forger.get(PAGE).await;
        assert!(!is_in(&reply));
        assert_ne!(forger.cookie("preau_ticket"), Some(text.as_str()));
        if forger.cookie("preau_ticket").is_none_or(str::is_empty) {
            // A forgery costs its forger a round: the cookie is gone, the next request gets a place.
            reply = forger.get(PAGE).await;
        }
        assert!(attribute(&reply.text(), "data-rank") > rank, "{text:?}");
    }
    // A ticket shown as a session or a mark is worth nothing either.
    for name in ["preau_gate", "preau_mark"] {
        let mut forger = hall.school.anonymous();
        forger.set_cookie(name, &good);
        assert!(attribute(&forger.get(PAGE).await.text(), "data-rank") > rank);
    }
    // Three days on, the key of the ticket is gone.
    hall.school.clock.set(AT_7_55 + 3 * 86_400_000);
    hall.door().turn();
    let _inside = hall.inside().await;
    assert!(!is_in(&second.get(PAGE).await));
    let reply = second.get(PAGE).await;
    assert!(!is_in(&reply) && attribute(&reply.text(), "data-rank") > rank);
    assert_ne!(second.cookie("preau_ticket"), Some(good.as_str()));
}

/// A router over the platform of `hall` with handlers that do what sign-in, lessons and sign-out do,
/// and a count of the requests that came through the gate.
fn probe(hall: &Hall) -> (axum::Router, Arc<AtomicU32>) {
    async fn sign_in(State((platform, _)): State<Probe>, caller: Caller) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        platform.door().recognise(&caller, Standing::Known, &mut response);
        response
    }
    async fn join(State((platform, _)): State<Probe>, caller: Caller) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        platform.door().keep_for_lesson(&caller, 1, AT_9_00, false, &mut response);
        response
    }
    async fn sign_out(State((platform, _)): State<Probe>, caller: Caller) -> StatusCode {
        platform.door().release(&caller);
        StatusCode::NO_CONTENT
    }
    async fn who(State((_, count)): State<Probe>, caller: Caller) -> String {
        count.fetch_add(1, Ordering::Relaxed);
        caller.device().text()
    }
    type Probe = (Platform, Arc<AtomicU32>);
    let count = Arc::new(AtomicU32::new(0));
    let routes = Routes::new()
        .get("/in", Audience::Anyone, Cost::Page, sign_in)
        .get("/join", Audience::Anyone, Cost::Page, join)
        .get("/out", Audience::Anyone, Cost::Page, sign_out)
        .get("/who", Audience::Anyone, Cost::Page, who)
        .get("/signal", Audience::Anyone, Cost::Live, who)
        .post("/machine", Audience::Anyone, Cost::Write, Body::Machine(100), who)
        .post("/form", Audience::Anyone, Cost::Write, Body::Form, who)
        .with_state((hall.platform().clone(), count.clone()))
        .and(gate_pages(hall.platform().clone()));
    let (router, table, _) = routes.finish();
    let entrance = Entrance::new(hall.platform().clone(), &table);
    let router = router
        .layer(from_fn_with_state(hall.platform().clone(), session_layer))
        .layer(from_fn_with_state(entrance, admission))
        .layer(from_fn_with_state(hall.platform().clone(), security_headers));
    (router, count)
}

#[tokio::test]
async fn whoever_waits_reaches_nothing_behind_the_gate() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let (router, count) = probe(&hall);
    let mut waiting = hall.school.at(router);
    // Not even the session layer with its database: these would be looked up there.
    waiting.set_cookie("preau_session", &"A".repeat(43));
    for path in ["/who", "/in", "/nowhere", "/who?x=/now"] {
        assert!(!is_in(&waiting.get(path).await), "{path}");
    }
    waiting.set_cookie("preau_ticket", "forged");
    assert!(!is_in(&waiting.get("/who").await));
    assert_eq!(waiting.post_bare("/form", &[("a", "b")]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(count.load(Ordering::Relaxed), 0);
    // What carries a proof of its own passes, and judges the proof itself.
    assert_eq!(waiting.get("/signal").await.status, StatusCode::OK);
    assert_eq!(waiting.post_bare("/machine", &[]).await.status, StatusCode::OK);
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn nobody_inside_a_lesson_is_put_out() {
    let hall = Hall::with(1);
    let (router, _) = probe(&hall);
    let mut pupil = hall.school.at(router);
    assert_eq!(pupil.get("/join").await.status, StatusCode::NO_CONTENT);
    let mut waiting = hall.school.anonymous();
    // Until 9:04 nothing is heard of the pupil's browser but media, which does not pass here.
    for _ in 0..69 {
        hall.pass(60);
        assert!(!is_in(&waiting.get(PAGE).await), "at {}", instant(hall.now.load(Ordering::Relaxed)));
    }
    assert_eq!(pupil.get("/who").await.status, StatusCode::OK);
    // Five minutes after the lesson and ten idle ones, the seat is free.
    for _ in 0..13 {
        hall.pass(60);
        waiting.get(PAGE).await;
    }
    assert!(is_in(&waiting.get(PAGE).await));
}

#[tokio::test]
async fn signing_out_makes_room_and_the_same_computer_comes_back() {
    let hall = Hall::with(1);
    let (router, _) = probe(&hall);
    let mut pupil = hall.school.at(router);
    pupil.get("/in").await;
    assert!(pupil.cookie("preau_mark").is_some());
    let mut waiting = hall.school.anonymous();
    assert!(!is_in(&waiting.get(PAGE).await));
    assert_eq!(pupil.get("/out").await.status, StatusCode::NO_CONTENT);
    hall.pass(5);
    assert!(is_in(&waiting.get(PAGE).await) && is_in(&waiting.get(PAGE).await));
    // The next pupil at that computer need not queue, whatever cookies a careful browser has dropped.
    pupil.drop_cookie("preau_gate");
    assert_eq!(pupil.get("/who").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_has_one_number_for_the_gate_and_for_the_school() {
    let hall = Hall::with(2);
    let (router, _) = probe(&hall);
    let mut browser = hall.school.at(router.clone());
    let device = browser.get("/who").await.text();
    let sealed = browser.cookie("preau_device").expect("a device").to_owned();
    let named = hall.platform().device(&sealed).expect("ours");
    assert_eq!(named.text(), device);
    let seat = hall.door().0.gate.read_session(browser.cookie("preau_gate").expect("in"), hall.door().now());
    assert_eq!(seat.expect("a session").device.bytes(), &named.bytes());
    // Without the gate's cookies it is still the same browser; without its own, the gate still knows it.
    browser.drop_cookie("preau_gate");
    assert_eq!(browser.get("/who").await.text(), device);
    browser.drop_cookie("preau_device");
    assert_eq!(browser.get("/who").await.text(), device);
    assert_eq!(browser.cookie("preau_device"), Some(sealed.as_str()));
    // A device cookie that is not ours names nobody.
    let mut forger = hall.school.at(router);
    forger.set_cookie("preau_device", &format!("{}A", &sealed[..sealed.len() - 1]));
    assert_ne!(forger.get("/who").await.text(), device);
}

/// Hears of people who wait.
#[derive(Default)]
struct Ears(Mutex<Vec<(String, Millis, Millis)>>);

impl Waiting for Ears {
    fn seen(&self, device: DeviceId, since: Millis, now: Millis) {
        lock(&self.0).push((device.text(), since, now));
    }
}

#[tokio::test]
async fn waiting_is_presence_for_known_devices_at_once_and_for_others_once_they_sign_in() {
    let ears = Arc::new(Ears::default());
    let hall = Hall::with(1).telling(ears.clone());
    let (router, _) = probe(&hall);
    let mut known = hall.school.at(router.clone());
    let device = known.get("/who").await.text();
    known.get("/in").await;
    assert!(lock(&ears.0).is_empty(), "nobody has waited");
    // Twenty-five minutes later somebody else is in, and both wait.
    hall.pass(25 * 60);
    let mut first = hall.school.at(router.clone());
    assert!(is_in(&first.get("/who").await) && is_in(&first.get("/who").await));
    let since = hall.now.load(Ordering::Relaxed);
    assert!(!is_in(&known.get("/who").await));
    let mut unknown = hall.school.at(router.clone());
    assert!(!is_in(&unknown.get("/who").await));
    assert_eq!(*lock(&ears.0), [(device.clone(), since, since)]);
    // Asking `/now` with the ticket is a sign of life as well.
    hall.pass(7);
    let ticket = known.cookie("preau_ticket").expect("a ticket").to_owned();
    let mut now = hall.school.at(router.clone());
    now.set_cookie("preau_ticket", &ticket);
    now.get("/now").await;
    assert_eq!(lock(&ears.0).last(), Some(&(device, since, since + 7_000)));
    hall.release(&first);
    hall.pass(5);
    assert!(is_in(&known.get("/who").await) && is_in(&known.get("/out").await));
    for _ in 0..15 {
        hall.pass(5);
        if is_in(&unknown.get("/who").await) {
            break;
        }
    }
    let device = unknown.get("/who").await.text();
    let heard = lock(&ears.0).len();
    unknown.get("/in").await;
    let all = lock(&ears.0);
    assert_eq!(all.len(), heard + 1);
    assert_eq!((&all[heard].0, all[heard].1), (&device, since));
    assert!(all[heard].2 > since);
}

#[tokio::test]
async fn a_pupil_who_was_signed_in_before_and_waits_is_seen_waiting_in_the_roll() {
    let hall = Hall::with(1);
    let first = hall.inside().await;
    let people = hall.school.people;
    // No mark on this device, but a session of the school from the evening before.
    let mut pupil = hall.school.signed_in(people.pupil);
    assert!(!is_in(&pupil.get(PAGE).await));
    let device =
        pupil.cookie("preau_device").and_then(|value| hall.platform().device(value)).expect("a device");
    hall.school.add(move |tx| {
        use crate::store::schema::session;
        use diesel::prelude::*;
        diesel::update(session::table.filter(session::person_id.eq(people.pupil)))
            .set(session::device_id.eq(device.text()))
            .execute(tx.conn())
    });
    hall.pass(90);
    assert!(!is_in(&pupil.get(PAGE).await));
    hall.release(&first);
    for _ in 0..15 {
        hall.pass(5);
        if is_in(&pupil.get(PAGE).await) {
            break;
        }
    }
    assert_eq!(pupil.get(PAGE).await.status, StatusCode::OK);
    hall.school.app.presence.flush().await.expect("written");
    let seen = hall.school.ask(|conn| crate::presence::sightings(conn, &[people.lesson]));
    let waited =
        seen.get(&(people.lesson, people.pupil)).and_then(|sighting| sighting.waiting).expect("seen");
    assert_eq!(waited.first, AT_7_55);
    assert!(waited.stayed >= 90_000, "{waited:?}");
}

#[tokio::test]
async fn with_one_seat_people_sign_in_and_out_one_after_the_other() {
    let hall = Hall::with(1);
    let pupil = hall.school.people.pupil;
    let phc = crate::identity::hash_for_demo("soleil-42-plume").expect("hashed");
    let login = hall.school.add(move |tx| {
        crate::identity::ensure_accounts(tx)?;
        crate::identity::set_password_for_demo(tx, pupil, &phc)?;
        use crate::store::schema::account;
        use diesel::prelude::*;
        account::table.find(pupil.get()).select(account::login).first::<String>(tx.conn())
    });
    let mut first = hall.school.anonymous();
    assert!(is_in(&first.get("/sign-in").await));
    let mut second = hall.school.anonymous();
    assert!(!is_in(&second.get("/sign-in").await), "the gate stands before sign-in");
    let tried = second.post("/sign-in", &[("login", &login), ("password", "soleil-42-plume")]).await;
    assert_eq!(tried.status, StatusCode::SERVICE_UNAVAILABLE, "no password is checked for those who wait");
    let done = first.post("/sign-in", &[("login", &login), ("password", "soleil-42-plume")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    assert!(first.cookie("preau_mark").is_some(), "the device is known from now on");
    assert_eq!(first.get(PAGE).await.status, StatusCode::OK);
    assert_eq!(first.post("/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    hall.pass(5);
    assert!(is_in(&second.get("/sign-in").await));
}

#[tokio::test]
async fn the_waiting_page_is_light_needs_no_script_and_speaks_both_languages() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let mut client = hall.school.anonymous();
    let reply =
        client.get_with(PAGE, &[("accept", "text/html"), ("accept-language", "en-GB,en;q=0.9")]).await;
    let html = words(&reply);
    assert!(html.contains("<html lang=\"en\">") && html.contains("Your place is kept."), "{html}");
    let head: usize = reply.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    assert!(head + reply.body.len() < 10_000, "{head} + {} bytes", reply.body.len());
    assert!(html.contains("<meta http-equiv=\"refresh\" content=\""));
    // Nothing is fetched but the page itself.
    assert!(!html.contains("src=") && !html.contains("url(") && html.matches("href=").count() == 1);
    assert_eq!(reply.headers["cache-control"], "no-store");
    // Its style may run under its own policy: the hash in the header is the style's.
    let style = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    let policy = reply.headers["content-security-policy"].to_str().expect("a policy");
    assert!(policy.contains(&super::answer::hash(style)), "{policy}");
    assert!(!policy.contains("unsafe-inline") && policy.contains("frame-ancestors 'none'"));
    // The page's outline for those who hear it: language, one heading, a main part, a live estimate.
    for part in ["<main id=\"waiting\"", "<h1>", "<title>", "role=\"status\"", "name=\"viewport\""] {
        assert_eq!(html.matches(part).count(), 1, "{part}");
    }
    assert!(
        html.split("<svg")
            .skip(1)
            .all(|svg| svg.split('>').next().is_some_and(|tag| tag.contains("aria-hidden")))
    );
    // A choice made before counts more than the browser's language.
    client.set_cookie("preau_display", "fr.auto.normal");
    let html = client.get_with(PAGE, &[("accept-language", "en")]).await.text();
    assert!(html.contains("<html lang=\"fr\">") && html.contains("environ toutes les"));
}

#[tokio::test]
async fn a_form_sent_while_waiting_is_told_that_nothing_was_saved() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let mut client = hall.school.anonymous();
    let form = Request::builder()
        .method(Method::POST)
        .uri("/homework/12/submission")
        .header(header::ACCEPT, "text/html,*/*;q=0.8")
        .header(header::REFERER, "http://127.0.0.1:8000/homework/12?from=today")
        .body(axum::body::Body::from("body=Mon+travail"))
        .expect("a request");
    let reply = client.send(form).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u32 = reply.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=300).contains(&seconds));
    let html = words(&reply);
    assert!(html.contains("n’a pas été enregistré") && html.contains("role=\"alert\""), "{html}");
    // The page goes on to the form's own page and never sends the form again by itself.
    assert!(html.contains(&format!("content=\"{seconds};url=/homework/12?from=today\"")), "{html}");
    assert_eq!(attribute(&html, "data-back"), "/homework/12?from=today");

    let json = client.get_with("/lessons/1/live.json", &[("accept", "application/json")]).await;
    assert_eq!(
        (json.status, &json.headers["content-type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"application/json".parse().expect("a type"))
    );
    let body: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!((&body["error"], &body["saved"]), (&"waiting".into(), &false.into()));
    assert!(body["retry_after"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
    let stream = client.get_with(PAGE, &[("accept", "text/event-stream")]).await;
    assert_eq!(stream.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn now_is_small_the_same_for_everybody_and_cacheable() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let mut waiting = hall.school.anonymous();
    waiting.get(PAGE).await;
    hall.pass(1);
    let of_waiting = waiting.get("/now").await;
    let of_stranger = hall.school.anonymous().get("/now").await;
    assert_eq!(of_waiting.body, of_stranger.body);
    assert!(of_waiting.body.len() <= 200, "{} bytes", of_waiting.body.len());
    for reply in [&of_waiting, &of_stranger] {
        assert_eq!(reply.headers["cache-control"], "public, max-age=1");
        assert_eq!(set_cookies(reply), Vec::<String>::new());
    }
    let now: serde_json::Value = serde_json::from_slice(&of_waiting.body).expect("JSON");
    assert_eq!(now["a"][3], 1, "{now}");
    assert_eq!(now["w"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn the_state_of_the_service_is_public_and_honest() {
    let hall = Hall::with(2);
    let _inside = (hall.inside().await, hall.inside().await);
    hall.school.anonymous().get(PAGE).await;
    hall.pass(1);
    let mut stranger = hall.school.anonymous();
    let page = stranger.get("/status").await;
    let html = words(&page);
    assert_eq!((page.status, set_cookies(&page).len()), (StatusCode::OK, 0));
    assert!(html.contains("2 personnes à l’intérieur") && html.contains("Pour 2 places"), "{html}");
    assert!(html.contains("1 personne attend") && html.contains("Préau répond."), "{html}");
    assert!(html.contains("aujourd’hui à 7 h 55") && html.contains("Pour qui arrive maintenant"), "{html}");
    let json = stranger.get("/status.json").await;
    let figures: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!(json.status, StatusCode::OK);
    assert_eq!(
        (&figures["inside"], &figures["seats"], &figures["waiting"]),
        (&2.into(), &2.into(), &1.into())
    );
    assert_eq!(figures["moving"], true);
    // The second hand stops: it is said.
    hall.school.clock.set(hall.now.load(Ordering::Relaxed) + 60_000);
    assert_eq!(stranger.get("/status.json").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(stranger.get("/status").await.text().contains("la file n’avance plus"));
    let empty = Hall::with(5);
    let html = empty.school.anonymous().get_with("/status", &[("accept-language", "en")]).await.text();
    assert!(html.contains("Nobody is waiting") && html.contains("You walk straight in."), "{html}");
}

#[tokio::test]
async fn on_tls_the_cookies_are_bound_to_the_host() {
    let school = TestSchool::configured(|config| {
        config.gate.sessions = 1;
        config.server.public_url = "https://ent.example".into();
    });
    let of_first = set_cookies(&school.anonymous().get(PAGE).await);
    let of_second = set_cookies(&school.anonymous().get(PAGE).await);
    assert!(of_first.iter().any(|cookie| cookie.starts_with("__Host-preau_gate=")), "{of_first:?}");
    assert!(of_second.iter().any(|cookie| cookie.starts_with("__Host-preau_ticket=")), "{of_second:?}");
    for cookie in of_first.iter().chain(&of_second).filter(|cookie| !cookie.contains("flash")) {
        assert!(
            cookie.contains("; Secure") && cookie.contains("; HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
    }
}

#[tokio::test]
async fn static_files_pass_and_stay_free_of_cookies() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let sheet = hall.school.anonymous().get(crate::ui::asset("app.css")).await;
    assert_eq!((sheet.status, set_cookies(&sheet).len()), (StatusCode::OK, 0));
}

#[test]
fn the_second_hand_turns_by_itself_and_stops_with_the_door() {
    let hall = Hall::with(1);
    hall.school.clock.set(AT_7_55 + 30_000);
    hall.door().start().expect("a thread");
    hall.door().start().expect("no second one");
    let turned =
        || hall.door().status().at.unix_millis() == u64::try_from(AT_7_55).expect("after 1970") + 30_000;
    for _ in 0..100 {
        if turned() && hall.platform().config().gate.state.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the queue did not move");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever people do, no more are let in than there are seats and the overdraft allows.
    #[test]
    fn never_more_inside_than_the_quota_and_its_overdraft(
        seats in 1_u32..6,
        steps in prop::collection::vec((0_usize..12, 0_u8..10, 0_i64..200), 1..80),
    ) {
        let hall = Hall::with(seats);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut people: Vec<Client> = (0..12).map(|_| hall.school.anonymous()).collect();
        let most = seats + 1;
        // When each was last let in; nobody loses a seat within a minute of that.
        let mut let_in = [None; 12];
        runtime.block_on(async {
            for (who, what, seconds) in steps {
                match what {
                    0 => {
                        let (gate, now) = (&hall.door().0.gate, hall.door().now());
                        let seat = people[who].cookie("preau_gate").and_then(|text| gate.read_session(text, now).ok());
                        if let_in[who].take().is_some() && let Some(seat) = seat {
                            gate.release(&seat, now);
                        }
                    }
                    1 => hall.pass(seconds),
                    2 => {
                        people[who] = hall.school.anonymous();
                        let_in[who] = None;
                    }
                    _ => {
                        let now = hall.now.load(Ordering::Relaxed);
                        let_in[who] = is_in(&people[who].get(PAGE).await).then_some(now);
                        hall.pass(1);
                    }
                }
                let now = hall.now.load(Ordering::Relaxed);
                let inside = let_in.iter().flatten().filter(|at| now - **at < 60_000).count();
                prop_assert!(inside <= most as usize, "{inside} of {seats}");
                prop_assert!(hall.door().status().taken <= most);
            }
            Ok(())
        })?;
    }
}
