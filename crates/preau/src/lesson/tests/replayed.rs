//! Tokens that somebody kept, or overheard, and shows again; and people who stay although their part is over.

use super::socket::{connect, serve, token};
use super::{Seat, open};
use crate::ids::PersonId;
use crate::testing::TestSchool;
use http::StatusCode;
use lk::signal_request::Message as Say;
use lk::signal_response::Message as Told;
use preau_sfu::protocol as lk;
use serde_json::json;

#[tokio::test]
async fn a_token_from_when_the_floor_was_given_does_not_give_it_again() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let pupil = school.people.pupil;
    let floor = format!("/participants/{pupil}/permission");
    let speaks = json!({ "microphone": true, "camera": false });
    assert_eq!(teacher.act(&floor, speaks).await, StatusCode::NO_CONTENT);
    let mut seat = Seat::of(&school, pupil);
    assert_eq!(seat.claims().await["video"]["canPublish"], true, "the token itself says so");
    let kept = token(&mut seat).await;
    // The floor is taken back while they are not there, so that no room can remember it.
    let silent = json!({ "microphone": false, "camera": false });
    assert_eq!(teacher.act(&floor, silent).await, StatusCode::NO_CONTENT);
    let mut line = connect(server, &kept).await.expect("in");
    let may = line.joined().await.participant.and_then(|me| me.permission).expect("a permission");
    assert!(!may.can_publish, "what holds now counts");
    let microphone = lk::AddTrackRequest {
        cid: "mine".into(),
        r#type: lk::TrackType::Audio as i32,
        source: lk::TrackSource::Microphone as i32,
        ..Default::default()
    };
    line.say(Say::AddTrack(microphone)).await;
    let answer = line.until(|frame| match frame {
        Told::RequestResponse(answer) => Some(answer.reason()),
        Told::TrackPublished(_) => panic!("published without a grant"),
        _ => None,
    });
    assert_eq!(answer.await, lk::request_response::Reason::NotAllowed);
}

#[tokio::test]
async fn whoever_shows_somebody_s_token_takes_their_seat_in_sight_of_them_and_no_second_one() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    open(&school).await;
    let overheard = token(&mut Seat::of(&school, school.people.pupil)).await;
    let mut own = connect(server, &overheard).await.expect("in");
    own.joined().await;
    let mut thief = connect(server, &overheard).await.expect("in");
    let welcome = thief.joined().await;
    assert!(welcome.other_participants.is_empty(), "one seat a person");
    assert_eq!(own.leave_reason().await, lk::DisconnectReason::DuplicateIdentity);
    // Their page says so, and asks for a way in: theirs is the session, so theirs is the next seat.
    let mut own =
        connect(server, &token(&mut Seat::of(&school, school.people.pupil)).await).await.expect("in");
    own.joined().await;
    assert_eq!(thief.leave_reason().await, lk::DisconnectReason::DuplicateIdentity);
}

#[tokio::test]
async fn a_substitute_who_is_withdrawn_is_put_out_and_their_token_opens_nothing() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut usual = connect(server, &token(&mut open(&school).await).await).await.expect("in");
    usual.joined().await;
    let people = school.people;
    let mut head = school.signed_in(people.head);
    let name = async |head: &mut crate::testing::Client, who: Option<PersonId>| {
        let who = who.map_or("0".to_owned(), |who| who.to_string());
        let path = format!("/lessons/{}/substitution", people.lesson);
        assert_eq!(head.post(&path, &[("teacher", &who)]).await.status, StatusCode::SEE_OTHER);
    };
    name(&mut head, Some(people.other_teacher)).await;
    let mut seat = Seat::of(&school, people.other_teacher);
    let kept = token(&mut seat).await;
    let mut line = connect(server, &kept).await.expect("in");
    line.joined().await;
    let mut visit = connect(server, &token(&mut Seat::of(&school, people.head)).await).await.expect("in");
    visit.joined().await;
    school.app.live.show_out().await.expect("looked");
    name(&mut head, None).await;
    school.app.live.show_out().await.expect("looked");
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(connect(server, &kept).await.err(), Some(StatusCode::FORBIDDEN), "nor does the token open");
    assert_eq!(seat.entry().await.0, StatusCode::NOT_FOUND, "nor does their page give another");
    // Whoever belongs there was left alone: the next they hear is the end of the lesson.
    assert_eq!(Seat::of(&school, people.teacher).act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    for line in [&mut usual, &mut visit] {
        assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
    }
}

#[tokio::test]
async fn the_change_itself_puts_out_whoever_no_longer_teaches() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    open(&school).await;
    school.app.live.keep_going();
    let people = school.people;
    let mut head = school.signed_in(people.head);
    let path = format!("/lessons/{}/substitution", people.lesson);
    head.post(&path, &[("teacher", &people.other_teacher.to_string())]).await;
    let mut line =
        connect(server, &token(&mut Seat::of(&school, people.other_teacher)).await).await.expect("in");
    line.joined().await;
    head.post(&path, &[("teacher", "0")]).await;
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
}
