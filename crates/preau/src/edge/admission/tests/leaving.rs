//! A closed page over HTTP: what it does to one's own seat, and to nobody else's.

use super::{Hall, PAGE, is_in, set_cookies};
use crate::testing::{Client, Reply};
use axum::body::Body;
use http::{Method, Request, StatusCode};

/// What the script says as a page is put away, or when it is there after all; `site` as the browser names it.
async fn says(browser: &mut Client, what: &str, site: &str) -> Reply {
    let request = Request::builder().method(Method::POST).uri(format!("/seat/{what}"));
    let request = request.header("sec-fetch-site", site).body(Body::empty()).expect("a request");
    let reply = browser.send(request).await;
    assert_eq!((reply.status, reply.body.len()), (StatusCode::NO_CONTENT, 0));
    reply
}

#[tokio::test]
async fn a_closed_page_makes_room_in_half_a_minute() {
    let hall = Hall::with(1);
    let mut first = hall.inside().await;
    let mut second = hall.school.anonymous();
    assert!(!is_in(&second.get(PAGE).await));
    assert_eq!(set_cookies(&says(&mut first, "departure", "same-origin").await), Vec::<String>::new());
    hall.pass(28);
    assert!(!is_in(&second.get(PAGE).await), "it waits half a minute");
    hall.pass(8);
    assert!(is_in(&second.get(PAGE).await));
    // Whoever opens the page again does not queue, with or without the cookie of the seat.
    assert!(is_in(&first.get(PAGE).await));
}

#[tokio::test]
async fn who_is_there_after_all_keeps_the_seat() {
    let hall = Hall::with(1);
    let mut first = hall.inside().await;
    let mut second = hall.school.anonymous();
    second.get(PAGE).await;
    // Another tab says so, and the seat's cookie is a new one.
    says(&mut first, "departure", "same-origin").await;
    hall.pass(20);
    let told = says(&mut first, "return", "same-origin").await;
    assert!(set_cookies(&told).iter().any(|cookie| cookie.starts_with("preau_gate=")), "{told:?}");
    hall.pass(60);
    assert!(!is_in(&second.get(PAGE).await));
    // Any page says it as well; forty reloads are one seat.
    for _ in 0..40 {
        says(&mut first, "departure", "same-origin").await;
        hall.pass(3);
        assert!(is_in(&first.get(PAGE).await));
    }
    hall.pass(60);
    assert!(!is_in(&second.get(PAGE).await) && is_in(&first.get(PAGE).await));
    assert_eq!(hall.door().status().taken, 1);
}

#[tokio::test]
async fn nobody_gives_up_somebody_elses_seat() {
    let hall = Hall::with(1);
    let mut first = hall.inside().await;
    let mut second = hall.school.anonymous();
    second.get(PAGE).await;
    // Without a seat, with a seat made up, and from another site with the cookie of the seat.
    says(&mut second, "departure", "same-origin").await;
    assert_eq!(set_cookies(&says(&mut second, "return", "same-origin").await), Vec::<String>::new());
    second.set_cookie("preau_gate", &"A".repeat(64));
    says(&mut second, "departure", "same-origin").await;
    for site in ["cross-site", "same-site"] {
        says(&mut first, "departure", site).await;
    }
    hall.pass(60);
    second.drop_cookie("preau_gate");
    assert!(!is_in(&second.get(PAGE).await) && is_in(&first.get(PAGE).await));
    // It takes no body.
    let large = Request::builder().method(Method::POST).uri("/seat/departure").header("content-length", "9");
    let refused = first.send(large.body(Body::from("too large")).expect("a request")).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}
