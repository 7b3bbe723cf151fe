//! The signalling socket with a real client over TCP, and the media thread behind it.

use super::{Seat, at, open};
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::media::Newcomer;
use crate::lesson::{Attendance, Media, Rooms, room_of};
use crate::testing::TestSchool;
use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use lk::signal_request::Message as Say;
use lk::signal_response::Message as Told;
use preau_sfu::protocol as lk;
use prost::Message as _;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A LiveKit client without media.
pub(super) struct Line {
    socket: WebSocketStream<TcpStream>,
}

/// Nothing is given up, and nothing recorded.
fn ears(attendance: Arc<Heard>) -> crate::lesson::Ears {
    let restraint: crate::lesson::Restraint = Arc::new(|| preau_sfu::Step::Full);
    crate::lesson::Ears { attendance, recorder: Arc::new(Deaf), restraint }
}

/// Records nothing.
struct Deaf;

impl crate::lesson::Recorder for Deaf {
    fn hand(&self, _: LessonId, _: PersonId, _: bool, _: Millis) {}
    fn packet(&self, _: crate::lesson::Tapped, _: std::time::Instant) {}
    fn paused(&self, _: crate::ids::LessonId, _: &str) {}
    fn over(&self, _: crate::ids::LessonId) {}
    fn failed(&self, _: crate::ids::LessonId) {}
}

/// A client's first words, as base64url of a wrapped join request.
fn join_request() -> String {
    use base64::Engine as _;
    let wrapped = lk::WrappedJoinRequest {
        compression: lk::wrapped_join_request::Compression::None as i32,
        join_request: lk::JoinRequest::default().encode_to_vec(),
    };
    base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec())
}

/// Serves the school on a port of its own.
pub(super) async fn serve(school: &TestSchool) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = school.app.router.clone();
    tokio::spawn(crate::edge::serve(listener, router, std::future::pending()));
    address
}

pub(super) async fn connect(server: std::net::SocketAddr, token: &str) -> Result<Line, StatusCode> {
    let path = format!("/rtc/v1?access_token={token}&join_request={}", join_request());
    connect_at(server, &path).await
}

/// As native clients and older ones do, who open two peer connections.
async fn connect_two(server: std::net::SocketAddr, token: &str, rest: &str) -> Result<Line, StatusCode> {
    let path = format!("/rtc?access_token={token}&auto_subscribe=1&sdk=python&protocol=16{rest}");
    connect_at(server, &path).await
}

async fn connect_at(server: std::net::SocketAddr, path: &str) -> Result<Line, StatusCode> {
    let stream = TcpStream::connect(server).await.expect("connected");
    let address = format!("ws://{server}{path}");
    match tokio_tungstenite::client_async(address, stream).await {
        Ok((socket, _)) => Ok(Line { socket }),
        Err(Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("{error}"),
    }
}

impl Line {
    /// The next frame, or nothing once the server has closed.
    async fn next(&mut self) -> Option<Told> {
        loop {
            let message =
                tokio::time::timeout(Duration::from_secs(10), self.socket.next()).await.expect("in time");
            match message {
                Some(Ok(Message::Binary(bytes))) => {
                    return lk::SignalResponse::decode(bytes).expect("a frame").message;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The first frame that `wanted` takes.
    pub(super) async fn until<T>(&mut self, wanted: impl Fn(Told) -> Option<T>) -> T {
        while let Some(frame) = self.next().await {
            if let Some(found) = wanted(frame) {
                return found;
            }
        }
        panic!("the server closed before");
    }

    pub(super) async fn say(&mut self, message: Say) {
        let bytes = lk::SignalRequest { message: Some(message) }.encode_to_vec();
        self.socket.send(Message::Binary(bytes.into())).await.expect("sent");
    }

    pub(super) async fn joined(&mut self) -> lk::JoinResponse {
        match self.next().await {
            Some(Told::Join(join)) => join,
            other => panic!("the first frame is {other:?}"),
        }
    }

    pub(super) async fn leave_reason(&mut self) -> lk::DisconnectReason {
        let leave = self.until(|frame| if let Told::Leave(leave) = frame { Some(leave) } else { None }).await;
        leave.reason()
    }
}

pub(super) async fn token(seat: &mut Seat) -> String {
    let (status, entry) = seat.entry().await;
    assert_eq!(status, StatusCode::OK);
    entry["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_client_joins_and_everybody_learns_who_is_there() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let mut at_desk = connect(server, &token(&mut teacher).await).await.expect("in");
    let welcome = at_desk.joined().await;
    assert_eq!(welcome.participant.expect("oneself").name, "Soizic Houblon");
    assert!(!welcome.subscriber_primary && welcome.ping_interval > 0);
    let mut in_class = connect(server, &token(&mut pupil).await).await.expect("in");
    let others = in_class.joined().await.other_participants;
    assert_eq!(others[0].identity, school.people.teacher.to_string());
    let news = |frame| match frame {
        Told::Update(update) => update.participants.into_iter().find(|one| one.name == "Maëlys Verdoyant"),
        _ => None,
    };
    let arrived = at_desk.until(news).await;
    assert_eq!(arrived.attributes["role"], "pupil");

    // A raised hand, the floor and its end reach both sides.
    pupil.act("/hand", json!({ "raised": true })).await;
    let raised = at_desk.until(news).await;
    assert_eq!(raised.attributes["hand"], "2026-11-23T06:55:00Z");
    let one = format!("/participants/{}/permission", school.people.pupil);
    teacher.act(&one, json!({ "microphone": true, "camera": false })).await;
    let permitted = at_desk
        .until(|frame| news(frame).filter(|one| one.permission.as_ref().is_some_and(|may| may.can_publish)))
        .await;
    let may = permitted.permission.expect("permission");
    assert_eq!(may.can_publish_sources, [lk::TrackSource::Microphone as i32]);
    assert!(!may.can_publish_data && !may.can_update_metadata);

    // Roll call hears of it.
    let sightings = school.app.presence.clone();
    sightings.flush().await.expect("written");
    let lesson = school.people.lesson;
    let seen = school
        .app
        .platform
        .store()
        .read::<_, crate::store::StoreError, _>(move |conn| Ok(crate::presence::sightings(conn, &[lesson])?))
        .await
        .expect("read");
    assert!(seen.contains_key(&(lesson, school.people.pupil)));
}

#[tokio::test]
async fn a_changed_client_may_not_send_more_than_its_grants() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let mut line = connect(server, &token(&mut pupil).await).await.expect("in");
    line.joined().await;
    line.say(Say::AddTrack(lk::AddTrackRequest {
        cid: "mine".into(),
        r#type: lk::TrackType::Audio as i32,
        source: lk::TrackSource::Microphone as i32,
        ..Default::default()
    }))
    .await;
    let answer = line
        .until(|frame| match frame {
            Told::RequestResponse(answer) => Some(answer.reason()),
            Told::TrackPublished(_) => panic!("published without a grant"),
            _ => None,
        })
        .await;
    assert_eq!(answer, lk::request_response::Reason::NotAllowed);
    line.say(Say::UpdateMetadata(lk::UpdateParticipantMetadata {
        name: "La Directrice".into(),
        ..Default::default()
    }))
    .await;
    let answer = line
        .until(|frame| if let Told::RequestResponse(answer) = frame { Some(answer.reason()) } else { None })
        .await;
    assert_eq!(answer, lk::request_response::Reason::NotAllowed);
}

#[tokio::test]
async fn bad_tokens_closed_lessons_and_removed_pupils_stay_outside() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let good = token(&mut pupil).await;
    let mut forged = good.clone();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    for bad in ["", "x", "a.b.c", forged.as_str()] {
        assert_eq!(connect(server, bad).await.err(), Some(StatusCode::UNAUTHORIZED), "{bad}");
    }
    let mut line = connect(server, &good).await.expect("in");
    line.joined().await;
    teacher.act(&format!("/participants/{}/removal", school.people.pupil), json!({})).await;
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(connect(server, &good).await.err(), Some(StatusCode::FORBIDDEN), "the old token is worthless");

    let mut classmate = Seat::of(&school, school.people.classmate);
    let classmates = token(&mut classmate).await;
    let mut line = connect(server, &classmates).await.expect("in");
    line.joined().await;
    teacher.act("/ending", json!({})).await;
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
    assert_eq!(connect(server, &classmates).await.err(), Some(StatusCode::FORBIDDEN), "the lesson is over");

    // The official client asks for the reason after a socket failed, from any origin.
    let validate = format!("/rtc/v1/validate?access_token={classmates}");
    let reply = school.anonymous().get(&validate).await;
    assert_eq!(
        (reply.status, &reply.headers["access-control-allow-origin"]),
        (StatusCode::FORBIDDEN, &"*".parse().expect("a value"))
    );
    teacher.act("/opening", json!({})).await;
    let reply = school.anonymous().get(&validate).await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, "success"));
    school.minutes_later(11);
    assert_eq!(connect(server, &classmates).await.err(), Some(StatusCode::UNAUTHORIZED), "it has run out");
    assert_eq!(connect_two(server, &classmates, "").await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn clients_with_two_connections_join_and_resume_and_are_held_to_the_same_rules() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let good = token(&mut pupil).await;
    let mut line = connect_two(server, &good, "").await.expect("in");
    let welcome = line.joined().await;
    assert!(welcome.subscriber_primary, "they receive on a connection of its own, which we offer");
    let me = welcome.participant.expect("oneself");

    // The socket breaks; within the window the same stay goes on.
    drop(line);
    let resume = format!("&reconnect=1&sid={}", me.sid);
    let mut line = connect_two(server, &good, &resume).await.expect("in");
    assert!(matches!(line.next().await, Some(Told::Reconnect(_))));
    // A stay that never was cannot be resumed: the client is told to join anew, and does.
    let mut stranger = connect_two(server, &good, "&reconnect=1&sid=PA_unknown").await.expect("in");
    let leave = stranger.until(|frame| if let Told::Leave(leave) = frame { Some(leave) } else { None }).await;
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);

    for path in ["/rtc/validate", "/rtc/v1/validate"] {
        let address = format!("{path}?access_token={good}");
        let reply = school.anonymous().get(&address).await;
        assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, "success"), "{path}");
    }
    teacher.act(&format!("/participants/{}/removal", school.people.pupil), json!({})).await;
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(connect_two(server, &good, "").await.err(), Some(StatusCode::FORBIDDEN));
    assert_eq!(connect_two(server, &good, &resume).await.err(), Some(StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn media_are_also_taken_over_tcp_under_the_same_number() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let config = crate::config::LiveConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        ..crate::config::LiveConfig::default()
    };
    let heard = Arc::new(Heard::default());
    let media = Media::start(&config, crate::edge::Clock::System, ears(heard)).expect("started");
    assert_eq!(media.addresses(), media.stream_addresses());
    let stream_address = media.stream_addresses()[0];
    // Who speaks something else is sent away; what is no packet of anybody's is not answered.
    let mut web = TcpStream::connect(stream_address).await.expect("connected");
    web.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), web.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty(), "{rest:?}");
    // A port that is taken is named with the key to change.
    let taken = crate::config::LiveConfig { listen_tcp: Some(stream_address), ..config };
    let heard = Arc::new(Heard::default());
    let error = Media::start(&taken, crate::edge::Clock::System, ears(heard)).err().expect("refused");
    assert!(format!("{error:#}").contains("live.listen_tcp: TCP 127.0.0.1:"), "{error:#}");
}

#[tokio::test]
async fn the_same_person_has_one_seat() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let mut first = connect(server, &token(&mut pupil).await).await.expect("in");
    first.joined().await;
    let mut second = connect(server, &token(&mut pupil).await).await.expect("in");
    second.joined().await;
    assert_eq!(first.leave_reason().await, lk::DisconnectReason::DuplicateIdentity);
}

#[tokio::test]
async fn the_room_closes_for_everybody_when_its_time_is_over() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    // The room lives for 300 ms more: the clock of the school stands just before its end.
    open(&school).await;
    school.clock.set(crate::testing::AT_7_55 + 70 * crate::testing::MINUTE - 300);
    let mut pupil = Seat::of(&school, school.people.pupil);
    let mut line = connect(server, &token(&mut pupil).await).await.expect("in");
    line.joined().await;
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
}

#[derive(Default)]
struct Heard(Mutex<Vec<(&'static str, LessonId, PersonId)>>);

impl Attendance for Heard {
    fn joined(&self, lesson: LessonId, person: PersonId, _: Millis) {
        self.0.lock().expect("heard").push(("joined", lesson, person));
    }
    fn seen(&self, _: LessonId, _: PersonId, _: Millis) {}
    fn waits(&self, _: LessonId, _: PersonId, _: Millis) {}
    fn left(&self, lesson: LessonId, person: PersonId, _: Millis) {
        self.0.lock().expect("heard").push(("left", lesson, person));
    }
}

/// Lets somebody into a room, past the signalling.
async fn join(
    media: &Media,
    room: &str,
) -> (crate::lesson::shard::Line, tokio::sync::mpsc::Receiver<bytes::Bytes>) {
    let claims = preau_sfu::token::Claims {
        identity: "12".into(),
        name: "Tom".into(),
        room: room.into(),
        metadata: String::new(),
        attributes: Default::default(),
        grants: preau_sfu::grants::Grants::default(),
        issued_at: 0,
    };
    let (frames, outgoing) = tokio::sync::mpsc::channel(16);
    let admission = preau_sfu::Admission { claims, join: lk::JoinRequest::default() };
    let connections = preau_sfu::Connections::One;
    let closes_in = Duration::from_secs(60);
    let line = media
        .connect(Newcomer { admission, connections, closes_in, frames, relays: Vec::new() })
        .expect("asked");
    (line.await.expect("connected"), outgoing)
}

#[tokio::test]
async fn a_failure_of_an_engine_ends_its_rooms_and_no_others() {
    let config = crate::config::LiveConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        shards: 2,
        ..crate::config::LiveConfig::default()
    };
    let heard = Arc::new(Heard::default());
    let media = Media::start(&config, crate::edge::Clock::System, ears(heard.clone())).expect("started");
    let rooms = Rooms::embedded(media.clone());
    let addresses = media.addresses();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1]);
    let (before, mut outgoing) = join(&media, "lesson-7").await;
    let (elsewhere, mut others) = join(&media, "lesson-8").await;
    assert!(outgoing.recv().await.is_some() && others.recv().await.is_some());
    assert_ne!(before.shard(), elsewhere.shard());
    let names = |found: Vec<lk::Room>| found.into_iter().map(|room| room.name).collect::<Vec<_>>();
    let all = rooms.list_rooms(Vec::new()).await.expect("answers");
    assert_eq!(names(all), ["lesson-7", "lesson-8"], "of both shards");

    assert!(media.fail(&"lesson-7".into()) && !media.fail(&"lesson-9".into()));
    while outgoing.recv().await.is_some() {}
    // Its sockets have closed and its rooms are gone; the other's is as it was.
    assert_eq!(names(rooms.list_rooms(Vec::new()).await.expect("answers")), ["lesson-8"]);
    assert!(matches!(others.try_recv(), Err(tokio::sync::mpsc::error::TryRecvError::Empty) | Ok(_)));
    assert_eq!(rooms.list_participants("lesson-8").await.expect("answers").len(), 1);
    // The same ports serve again.
    let (after, mut outgoing) = join(&media, "lesson-7").await;
    assert_ne!(after, before);
    assert!(outgoing.recv().await.is_some());
    let mut lives = media.lives();
    lives.sort_unstable();
    assert_eq!((lives, media.addresses()), (vec![1, 2], addresses));
    let heard = heard.0.lock().expect("heard");
    assert_eq!(heard.iter().filter(|(what, ..)| *what == "joined").count(), 3);
}

#[tokio::test]
async fn whoever_stays_is_sent_a_token_before_the_old_one_runs_out() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let old = token(&mut pupil).await;
    let one = format!("/participants/{}/permission", school.people.pupil);
    teacher.act(&one, json!({ "microphone": true, "camera": false })).await;
    // Beyond half of its life: the next one comes as soon as the client is in.
    school.minutes_later(6);
    let mut line = connect(server, &old).await.expect("in");
    let me = line.joined().await.participant.expect("oneself");
    let fresh =
        line.until(|frame| if let Told::RefreshToken(token) = frame { Some(token) } else { None }).await;
    drop(line);
    school.minutes_later(11);
    assert_eq!(connect(server, &old).await.err(), Some(StatusCode::UNAUTHORIZED), "it has run out");
    let resume = format!("&reconnect=1&sid={}", me.sid);
    let mut line = connect_two(server, &fresh, &resume).await.expect("in");
    assert!(matches!(line.next().await, Some(Told::Reconnect(_))), "the fresh one resumes the stay");
    let says = super::claims(&json!({ "token": fresh }));
    assert_eq!(says["video"]["canPublishSources"], json!(["microphone"]), "what is allowed by now");
    // It opens no more than any other.
    teacher.act(&format!("/participants/{}/removal", school.people.pupil), json!({})).await;
    assert_eq!(connect(server, &fresh).await.err(), Some(StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn the_page_carries_no_token() {
    let school = TestSchool::open();
    open(&school).await;
    let mut pupil = Seat::of(&school, school.people.pupil);
    let page = pupil.client.get(&at(school.people.lesson, "")).await.text();
    assert!(
        page.contains("Soizic Houblon")
            && page.contains("00 – 8")
            && page.contains("data-starts=\"2026-11-23T07:00:00Z\""),
        "{page}"
    );
    assert!(!page.contains("eyJ"), "the token comes from live.json, after its own permit");
}

#[tokio::test]
async fn a_group_is_a_room_of_its_own_and_its_lesson_is_attended() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let people = school.people;
    let mut pupil = Seat::of(&school, people.pupil);
    let to_the_class = token(&mut pupil).await;
    let room = format!("/lessons/{}/room", people.lesson);
    let groups = json!({ "groups": [{ "members": [people.pupil.to_string()] }] });
    let opened = teacher.client.post_json(&format!("{room}/groups"), &groups).await;
    assert_eq!(opened.status, StatusCode::NO_CONTENT);
    assert_eq!(
        connect(server, &to_the_class).await.err(),
        Some(StatusCode::FORBIDDEN),
        "they sit elsewhere now"
    );
    let mut line = connect(server, &token(&mut pupil).await).await.expect("in");
    assert_eq!(line.joined().await.room.expect("a room").name, format!("lesson-{}-1", people.lesson));
    let rooms = school.app.live.rooms();
    assert_eq!(rooms.of_lesson(people.lesson).await.expect("asked").len(), 1);
    // What the teacher does reaches them there.
    let allow = json!({ "microphone": true, "camera": false });
    assert_eq!(teacher.act("/permission", allow).await, StatusCode::NO_CONTENT);
    let may = |frame| match frame {
        Told::Update(update) => update.participants.into_iter().find_map(|one| one.permission),
        _ => None,
    };
    assert!(line.until(may).await.can_publish);
    school.app.presence.flush().await.expect("written");
    let seen = school.ask(move |conn| crate::presence::sightings(conn, &[people.lesson]));
    assert!(seen[&(people.lesson, people.pupil)].live.is_some(), "presence counts for the lesson");
    assert_eq!(teacher.act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
}

#[tokio::test]
async fn whoever_stays_where_they_no_longer_sit_is_shown_out() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let people = school.people;
    let mut pupil = Seat::of(&school, people.pupil);
    let enter = async |seat: &mut Seat| {
        let mut line = connect(server, &token(seat).await).await.expect("in");
        let room = line.joined().await.room.expect("a room").name;
        (line, room)
    };
    let mut act = async |what: &str, document| {
        let path = format!("/lessons/{}/room{what}", people.lesson);
        assert_eq!(teacher.client.post_json(&path, &document).await.status, StatusCode::NO_CONTENT, "{what}");
    };
    let removed = lk::DisconnectReason::ParticipantRemoved;
    let (mut line, room) = enter(&mut pupil).await;
    assert_eq!(room, room_of(people.lesson));
    let (mut classmate, _) = enter(&mut Seat::of(&school, people.classmate)).await;
    let first = json!({ "members": [people.pupil.to_string()] });
    act("/groups", json!({ "groups": [first, { "members": [] }] })).await;
    assert_eq!(line.leave_reason().await, removed, "they sit in a group now");
    let to_the_first = token(&mut pupil).await;
    let (mut line, room) = enter(&mut pupil).await;
    assert_eq!(room, format!("{}-1", room_of(people.lesson)));
    act(&format!("/participants/{}/group", people.pupil), json!({ "group": 2 })).await;
    assert_eq!(line.leave_reason().await, removed, "in another one");
    let refused = connect(server, &to_the_first).await.err();
    assert_eq!(refused, Some(StatusCode::FORBIDDEN), "what opened one group opens no other");
    let (mut line, room) = enter(&mut pupil).await;
    assert_eq!(room, format!("{}-2", room_of(people.lesson)));
    act("/groups/end", json!({})).await;
    assert_eq!(line.leave_reason().await, removed, "and with everybody else again");
    // A token of the second in which somebody was shown out opens that room no more; the next one does.
    school.minutes_later(1);
    let (mut line, room) = enter(&mut pupil).await;
    assert_eq!(room, room_of(people.lesson));
    // Who stayed with the class all the while was left alone: the next they hear is the end of the lesson.
    assert_eq!(teacher.act("/ending", json!({})).await, StatusCode::NO_CONTENT);
    for line in [&mut line, &mut classmate] {
        assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
    }
}

#[tokio::test]
async fn somebody_is_sent_out_of_a_group_as_out_of_the_class() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let people = school.people;
    let room = format!("/lessons/{}/room/groups", people.lesson);
    let groups = json!({ "groups": [{ "members": [people.pupil.to_string()] }] });
    assert_eq!(teacher.client.post_json(&room, &groups).await.status, StatusCode::NO_CONTENT);
    let way_in = token(&mut Seat::of(&school, people.pupil)).await;
    let mut line = connect(server, &way_in).await.expect("in");
    line.joined().await;
    let removal = format!("/participants/{}/removal", people.pupil);
    assert_eq!(teacher.act(&removal, json!({})).await, StatusCode::NO_CONTENT);
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(connect(server, &way_in).await.err(), Some(StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn a_token_from_before_the_door_was_locked_opens_nothing() {
    let school = TestSchool::open();
    let server = serve(&school).await;
    let mut teacher = open(&school).await;
    let people = school.people;
    let mut inside = connect(server, &token(&mut Seat::of(&school, people.pupil)).await).await.expect("in");
    inside.joined().await;
    let late = token(&mut Seat::of(&school, people.classmate)).await;
    let mut room = async |what: &str, document| {
        let path = format!("/lessons/{}/room{what}", people.lesson);
        assert_eq!(teacher.client.post_json(&path, &document).await.status, StatusCode::NO_CONTENT);
    };
    room("/lock", json!({ "locked": true })).await;
    assert_eq!(connect(server, &late).await.err(), Some(StatusCode::FORBIDDEN));
    // Who is in the room at that moment was in, although nothing of it is written down yet.
    let mut again = connect(server, &token(&mut Seat::of(&school, people.pupil)).await).await.expect("back");
    again.joined().await;
    room("/admissions", json!({ "person": people.classmate.to_string() })).await;
    connect(server, &late).await.expect("let in").joined().await;
}
