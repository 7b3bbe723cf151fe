//! Today over HTTP, at the minutes that matter.

use crate::testing::{AT_7_55, Client, MINUTE, TestSchool};
use http::{Request, StatusCode, header};
use std::time::Duration;

/// The text of the lesson's card, up to the end of its section.
fn card(html: &str) -> &str {
    let start = html.find("<section class=\"bell").unwrap_or_else(|| panic!("no card in {html}"));
    let end = html[start..].find("</section>").expect("an end");
    &html[start..start + end]
}

async fn today(client: &mut Client) -> String {
    let reply = client.get("/").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.text().replace('\u{a0}', " ")
}

async fn a_morning(school: &TestSchool) {
    let people = school.people;
    school.lesson(people.class_4a, people.other_teacher, "Chorale", (65, 120), "normal");
    let mut pupil = school.signed_in(people.pupil);
    let mut teacher = school.signed_in(people.teacher);

    // 7:40: too early for pupils, the teacher may open.
    school.minutes_later(-15);
    let page = today(&mut pupil).await;
    assert!(card(&page).contains("La classe ouvre à 7 h 50"), "{page}");
    let page = today(&mut teacher).await;
    assert!(card(&page).contains("La classe peut s’ouvrir à partir de 7 h 45"), "{page}");

    // 7:55: five minutes to go, nobody has opened.
    school.minutes_later(0);
    let page = today(&mut pupil).await;
    assert!(page.contains("Bonjour Maëlys") && page.contains("lundi 23 novembre"), "{page}");
    let bell = card(&page);
    assert!(
        bell.contains("dans 5 min") && bell.contains("Français") && bell.contains("8 h 00 – 8 h 55"),
        "{bell}"
    );
    assert!(
        bell.contains("Soizic Houblon n’a pas encore ouvert la classe") && !bell.contains("Rejoindre"),
        "{bell}"
    );
    assert!(
        page.contains("data-next-change=\"2026-11-23T06:56:00Z\"") && page.contains("data-poll=\"15\""),
        "{page}"
    );
    let page = today(&mut teacher).await;
    let bell = card(&page);
    assert!(bell.contains("Ouvrir la classe 4A"), "{bell}");
    assert!(bell.contains(&format!("action=\"/lessons/{}/live/opening\"", people.lesson)), "{bell}");
    assert!(
        page.contains("0/2") && page.contains("élèves arrivés") && page.contains("Faire l’appel"),
        "{page}"
    );

    // The teacher opens: the pupil's button is there, and the first arrival is counted.
    school.set_room(people.lesson, people.teacher, false);
    let page = today(&mut pupil).await;
    assert!(card(&page).contains(&format!("href=\"/lessons/{}/live\"", people.lesson)), "{page}");
    assert!(card(&page).contains("Rejoindre"));
    school.note_presence(people.lesson, people.pupil, "live");
    assert!(today(&mut teacher).await.contains("1/2"));

    // 8:05: the lesson runs.
    school.minutes_later(10);
    let page = today(&mut pupil).await;
    assert!(card(&page).contains("encore 50 min") && card(&page).contains("Rejoindre"), "{page}");
    let page = today(&mut school.signed_in(people.guardian)).await;
    assert!(page.contains("Maëlys Verdoyant") && page.contains("Noé Verdoyant"), "{page}");
    assert!(
        page.contains("Français jusqu’à 8 h 55") && page.contains("Espagnol LV2 jusqu’à 8 h 55"),
        "{page}"
    );
    let page = today(&mut school.signed_in(people.counsellor)).await;
    assert!(
        page.contains("Tom Aubépine") && !page.contains("Maëlys") && page.contains("Noé Verdoyant"),
        "{page}"
    );
    let page = today(&mut school.signed_in(people.head)).await;
    assert!(page.contains("<dd>1<small>/2</small></dd>"), "{page}");
    assert!(page.contains("ouverte") && page.contains("pas ouverte"), "{page}");

    // 8:54: one minute left. 9:00: the next lesson begins. Then the day is over.
    school.minutes_later(59);
    assert!(card(&today(&mut pupil).await).contains("encore 1 min"));
    school.minutes_later(65);
    let page = today(&mut pupil).await;
    assert!(card(&page).contains("Chorale") && card(&page).contains("encore 55 min"), "{page}");
    school.minutes_later(121);
    let page = today(&mut pupil).await;
    assert!(!page.contains("class=\"bell") && page.contains("Les cours du jour sont finis"), "{page}");
    assert!(page.contains("data-next-change=\"\""), "{page}");
    let page = today(&mut teacher).await;
    assert!(page.contains("Appel de 4A à faire"), "{page}");
    let page = today(&mut school.signed_in(people.guardian)).await;
    assert!(page.contains("Journée finie à 9 h 55"), "{page}");
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
async fn nobody_sees_the_day_of_others() {
    let school = TestSchool::open();
    let people = school.people;
    let page = today(&mut school.signed_in(people.contact)).await;
    assert!(page.contains("Aucun enfant n’est rattaché") && !page.contains("Maëlys"), "{page}");
    let page = today(&mut school.signed_in(people.foreign_pupil)).await;
    assert!(page.contains("Pas de cours aujourd’hui") && !page.contains("Houblon"), "{page}");
    let page = today(&mut school.signed_in(people.foreign_head)).await;
    assert!(page.contains("Aucun cours à cette heure"), "{page}");
    let page = today(&mut school.signed_in(people.other_pupil)).await;
    assert!(page.contains("Espagnol") && !page.contains("Houblon"), "{page}");
    // A wish for a page that is not one's own shows one's own.
    let page = school.signed_in(people.pupil).get("/?as=head").await.text();
    assert!(page.contains("Bonjour Maëlys"), "{page}");
    for quiet in [people.staff, people.local_admin, people.authority] {
        let page = today(&mut school.signed_in(quiet)).await;
        assert!(page.contains("Que faire ici") && !page.contains("Verdoyant"), "{page}");
    }
    // The front door is the sign-in page itself; any other address leads there.
    let reply = school.anonymous().get("/").await;
    assert!(reply.status == StatusCode::OK && reply.text().contains("C’est par ici"), "{}", reply.text());
    let reply = school.anonymous().get("/today").await;
    assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, "/sign-in?next=/today"));
}

#[tokio::test]
async fn cancelled_is_said_and_replaced_is_hidden() {
    let school = TestSchool::open();
    let people = school.people;
    let off = school.lesson(people.class_4a, people.teacher, "Latin", (65, 120), "cancelled");
    let old = school.lesson(people.class_4a, people.teacher, "Technologie", (125, 180), "normal");
    let new = school.lesson(people.class_4a, people.other_teacher, "Robotique", (125, 180), "exceptional");
    school.replace_lesson(old, new);
    school.minutes_later(62);
    let page = today(&mut school.signed_in(people.pupil)).await;
    assert!(page.contains(&format!("slot off hue-0\" href=\"/lessons/{off}\"")), "{page}");
    assert!(page.contains("Latin") && page.contains("annulé"), "{page}");
    assert!(!page.contains("Technologie") && page.contains("Cours exceptionnel"), "{page}");
    // The card passes over the cancelled lesson.
    assert!(card(&page).contains("Robotique") && card(&page).contains("10 h 00"), "{page}");
}

#[tokio::test]
async fn a_day_without_lessons_and_the_change_of_clocks() {
    let school = TestSchool::open();
    let people = school.people;
    // Sunday 22 November.
    school.clock.set(AT_7_55 - 24 * 60 * MINUTE);
    let page = today(&mut school.signed_in(people.pupil)).await;
    assert!(page.contains("Pas de cours aujourd’hui") && !page.contains("class=\"bell"), "{page}");
    // A lesson at 8:00 on Monday 26 October, the day after the clocks went back: 7:00 UTC.
    let eight = (1_792_998_000_000 - AT_7_55) / MINUTE;
    school.lesson(people.class_4a, people.teacher, "Rentrée", (eight, eight + 55), "normal");
    school.clock.set(1_792_998_000_000 - 5 * MINUTE);
    let page = today(&mut school.signed_in(people.pupil)).await;
    assert!(page.contains("lundi 26 octobre"), "{page}");
    assert!(card(&page).contains("8 h 00 – 8 h 55") && card(&page).contains("dans 5 min"), "{page}");
}

#[tokio::test]
async fn the_fragment_says_when_nothing_changed() {
    let school = TestSchool::open();
    let people = school.people;
    for person in [people.pupil, people.teacher] {
        let mut client = school.signed_in(person);
        let first = client.get("/today/fragment").await;
        assert!(first.text().trim_start().starts_with("<main id=\"today\""), "{}", first.text());
        let tag = first.headers[header::ETAG].clone();
        let again = |tag: &http::HeaderValue| {
            Request::get("/today/fragment")
                .header(header::IF_NONE_MATCH, tag.clone())
                .body(axum::body::Body::empty())
                .expect("a request")
        };
        assert_eq!(client.send(again(&tag)).await.status, StatusCode::NOT_MODIFIED);
        school.minutes_later(1);
        assert_eq!(client.send(again(&tag)).await.status, StatusCode::OK);
        school.minutes_later(0);
    }
}

#[tokio::test]
async fn work_is_shown_with_the_pupils_own_ticks() {
    let school = TestSchool::open();
    let people = school.people;
    let mut pupil = school.signed_in(people.pupil);
    assert!(today(&mut pupil).await.contains("Rien à faire pour l’instant"));
    let (group, subject) = (people.class_4a.to_string(), people.french.to_string());
    let fields = [
        ("group", group.as_str()),
        ("subject", &subject),
        ("work", "Exercice 3, page 41\nAu propre"),
        ("due", "2026-11-24"),
    ];
    let reply = school.signed_in(people.teacher).post_files("/homework", &fields, &[]).await;
    let path = reply.location().to_owned();
    let page = today(&mut pupil).await;
    assert!(
        page.contains("Exercice 3, page 41 …") && page.contains("pour demain, mardi 24 novembre"),
        "{page}"
    );
    assert!(!page.contains("Au propre") && !page.contains("tag done"), "{page}");
    assert!(today(&mut school.signed_in(people.guardian)).await.contains("1 travail à faire"));
    pupil.post(&format!("{path}/completion"), &[("done", "on")]).await;
    assert!(today(&mut pupil).await.contains("tag done"));
    assert!(!today(&mut school.signed_in(people.classmate)).await.contains("tag done"));
    assert!(!today(&mut school.signed_in(people.guardian)).await.contains("1 travail à faire"));
    assert!(!today(&mut school.signed_in(people.other_pupil)).await.contains("Exercice 3"));
}

#[tokio::test]
async fn an_open_page_is_told_to_look_again() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    let school = TestSchool::open();
    let people = school.people;
    let client = school.signed_in(people.pupil);
    let request = Request::get("/today/events")
        .header(
            header::COOKIE,
            format!("preau_session={}", client.cookie("preau_session").expect("signed in")),
        )
        .body(axum::body::Body::empty())
        .expect("a request");
    let Ok(response) = school.app.router.clone().oneshot(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    // A change of another school is not heard, one of the own school is.
    let elsewhere = crate::ids::SchoolId::from_raw(1);
    school.app.platform.changes().tell(crate::edge::Topic::Live, elsewhere);
    let quiet = tokio::time::timeout(Duration::from_millis(50), body.frame()).await;
    assert!(quiet.is_err());
    school.set_room(people.lesson, people.teacher, false);
    let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.expect("in time");
    let data = frame.expect("a frame").expect("no error").into_data().expect("data");
    assert_eq!(&data[..], b"data: changed\n\n");
}

fn field<'r>(reply: &'r crate::testing::Reply, name: &str) -> &'r str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The copy that a device of this client's would keep.
async fn copy(client: &mut Client) -> String {
    let reply = client.get("/today/kept").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.text()
}

#[tokio::test]
async fn the_copy_to_keep_holds_the_coming_days_and_nothing_to_do_with() {
    let school = TestSchool::open();
    let people = school.people;
    // Tuesday at 8:00 another lesson, a cancelled one, and one after the days that are kept.
    let tuesday = 24 * 60;
    school.lesson(people.class_4a, people.other_teacher, "Chorale", (tuesday + 5, tuesday + 60), "normal");
    school.lesson(people.class_4a, people.teacher, "Latin", (tuesday + 65, tuesday + 120), "cancelled");
    school.lesson(people.class_4a, people.teacher, "Lointain", (9 * tuesday, 9 * tuesday + 55), "normal");
    let (group, subject) = (people.class_4a.to_string(), people.french.to_string());
    let work = "Lire <la> page 41\nApprendre le poème";
    let fields = [("group", group.as_str()), ("subject", &subject), ("work", work), ("due", "2026-11-24")];
    school.signed_in(people.teacher).post_files("/homework", &fields, &[]).await;

    let mut pupil = school.signed_in(people.pupil);
    let reply = pupil.get("/today/kept").await;
    let page = reply.text();
    assert!(page.contains("Enregistrée lundi 23 novembre à 7 h 55"), "{page}");
    assert!(page.contains("data-day=\"2026-11-23\"") && page.contains("data-day=\"2026-11-24\""), "{page}");
    assert!(
        page.contains("Français") && page.contains("Soizic Houblon") && page.contains("8 h 55"),
        "{page}"
    );
    assert!(page.contains("slot off\"><b>Latin") && page.contains("Chorale"), "{page}");
    assert!(!page.contains("Lointain") && !page.contains("Espagnol"), "{page}");
    // Words that are still true on another day; the text whole and escaped.
    assert!(page.contains("pour mardi 24 novembre") && !page.contains("demain"), "{page}");
    assert!(page.contains("Lire &#60;la&#62; page 41\nApprendre le poème"), "{page}");
    for live in ["<form", "csrf", "<script", "nonce", "<button", "src=", "http-equiv", "href=\"/"] {
        assert!(!page.contains(live), "{live} in {page}");
    }
    assert_eq!(field(&reply, "cache-control"), "no-store");
    assert_eq!(field(&reply, "preau-kept"), AT_7_55.to_string());
    assert!(field(&reply, "content-security-policy").contains("default-src 'none'; style-src 'sha256-"));
    assert!(page.len() < 16 * 1024, "{} bytes", page.len());

    let page = copy(&mut school.signed_in(people.teacher)).await;
    assert!(
        page.contains("4A") && page.contains("Votre journée") && !page.contains("Travail à faire"),
        "{page}"
    );
    assert!(!page.contains("Maëlys") && !page.contains("Espagnol"), "{page}");
    let page = copy(&mut school.signed_in(people.guardian)).await;
    assert!(page.contains("Maëlys Verdoyant") && page.contains("Noé Verdoyant"), "{page}");
    assert!(page.contains("Français") && page.contains("Espagnol LV2"), "{page}");
    let page = copy(&mut school.signed_in(people.other_pupil)).await;
    assert!(!page.contains("Français") && !page.contains("page 41"), "{page}");
}

#[tokio::test]
async fn only_a_device_of_ones_own_is_offered_a_copy() {
    let school = TestSchool::open();
    let people = school.people;
    let mut own = school.signed_in(people.pupil);
    let page = own.get("/").await;
    let owner = field(&page, "preau-day").to_owned();
    assert!(owner.len() == 12 && page.text().contains(&format!("data-owner=\"{owner}\"")), "{owner}");
    // At 7:55 everybody comes: the copy waits until they are in.
    assert!(page.text().contains("data-keep-after=\"300\""), "{}", page.text());
    school.minutes_later(12);
    assert!(own.get("/").await.text().contains("data-keep-after=\"10\""));
    assert_eq!(field(&own.get("/today/kept").await, "preau-day"), owner);
    // Another session, be it the same person's, has another name.
    let other = school.signed_in(people.pupil).get("/today").await;
    assert!(field(&other, "preau-day") != owner && field(&other, "preau-day") != "none");

    // A shared computer; nobody; pages full of other people's names.
    let mut shared = school.signed_in_at_shared_computer(people.pupil);
    let page = shared.get("/").await;
    assert!(field(&page, "preau-day") == "none" && !page.text().contains("data-owner"));
    assert_eq!(shared.get("/today/kept").await.status, StatusCode::NOT_FOUND);
    assert_eq!(field(&school.anonymous().get("/").await, "preau-day"), "none");
    for person in [people.head, people.counsellor, people.local_admin] {
        let mut client = school.signed_in(person);
        let page = client.get("/today").await;
        assert!(field(&page, "preau-day") == "none" && !page.text().contains("data-owner"));
        assert_eq!(client.get("/today/kept").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn under_pressure_no_copy_is_offered_and_the_waiting_page_says_nothing_about_it() {
    let school = TestSchool::configured(|config| config.gate.sessions = 1);
    let mut inside = school.signed_in(school.people.pupil);
    school.minutes_later(12);
    assert!(inside.get("/").await.text().contains("data-keep-after"));
    let waiting = school.anonymous().get("/").await;
    assert!(waiting.text().contains("id=\"waiting\"") && !waiting.headers.contains_key("preau-day"));
    school.app.platform.door().turn();
    let page = inside.get("/").await;
    assert!(page.text().contains("data-owner") && !page.text().contains("data-keep-after"));
}

#[tokio::test]
async fn the_worker_has_one_place_and_is_asked_about_rarely() {
    let school = TestSchool::open();
    let reply = school.anonymous().get("/worker.js").await;
    assert_eq!((reply.status, field(&reply, "cache-control")), (StatusCode::OK, "public, max-age=86400"));
    assert!(field(&reply, "content-type").starts_with("text/javascript"));
    assert!(!reply.headers.contains_key(header::SET_COOKIE));
    let tag = field(&reply, "etag").to_owned();
    let again = school.anonymous().get_with("/worker.js", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}
