//! RoomService over Twirp, asked by our own client over TCP; and a lesson on a LiveKit server as far as it can be
//! seen without one (with one: `make test-cluster`).

use super::socket::{Line, connect, serve, token};
use super::{Seat, at, claims, open};
use crate::config::{Config, LiveEngine};
use crate::lesson::cluster::Cluster;
use crate::lesson::{Rooms, room_of};
use crate::store::StoreError;
use crate::testing::{Client, Reply, TestSchool};
use axum::body::Body;
use http::{Request, StatusCode, header};
use lk::signal_response::Message as Told;
use preau_sfu::protocol as lk;
use preau_sfu::token::{ServiceClaims, TokenKey};
use serde_json::{Value, json};
use std::sync::Arc;

const SECRET: &str = "a secret of forty characters, for tests!";

fn key() -> TokenKey {
    TokenKey::new("APItests", SECRET)
}

fn shared_key(config: &mut Config) {
    config.live.key = Some("APItests".into());
    config.live.secret = Some(SECRET.into());
}

fn on_livekit(config: &mut Config) {
    shared_key(config);
    config.live.engine = LiveEngine::Livekit;
    // Nobody listens there: whatever would be asked of it fails.
    config.live.url = Some("ws://127.0.0.1:9".into());
}

/// Seconds since 1970 at the test school.
fn seconds(school: &TestSchool) -> u64 {
    u64::try_from(school.app.platform.now() / 1_000).expect("after 1970")
}

#[tokio::test]
async fn a_tool_sees_and_moderates_the_rooms_of_the_embedded_engine() {
    let school = TestSchool::configured(shared_key);
    let server = serve(&school).await;
    let base = format!("http://{server}");
    let rooms = Rooms::of(Arc::new(Cluster::new(base, key(), school.clock.clone()).expect("a client")));
    open(&school).await;
    let (room, pupil) = (room_of(school.people.lesson), school.people.pupil.to_string());
    assert_eq!(rooms.list_rooms(Vec::new()).await.expect("asked"), []);
    assert_eq!(rooms.list_participants(&room).await.expect("asked"), []);

    let mut seat = Seat::of(&school, school.people.pupil);
    let mut line = connect(server, &token(&mut seat).await).await.expect("in");
    line.joined().await;
    assert_eq!(rooms.list_rooms(Vec::new()).await.expect("asked")[0].name, room);
    assert_eq!(rooms.list_rooms(vec!["elsewhere".into()]).await.expect("asked"), []);
    let present = rooms.list_participants(&room).await.expect("asked");
    assert_eq!((present.len(), present[0].name.as_str()), (1, "Maëlys Verdoyant"));

    let permission =
        lk::ParticipantPermission { can_subscribe: true, can_publish: true, ..Default::default() };
    let update = |identity: &str| lk::UpdateParticipantRequest {
        room: room.clone(),
        identity: identity.to_owned(),
        permission: Some(permission.clone()),
        ..Default::default()
    };
    assert!(rooms.update_participant(update(&pupil)).await.expect("asked"));
    assert!(!rooms.update_participant(update("nobody")).await.expect("asked"), "an absent one is an answer");
    let allowed = |frame| match frame {
        Told::Update(update) => update.participants.into_iter().find_map(|one| one.permission),
        _ => None,
    };
    assert!(line.until(allowed).await.can_publish);
    let mute = lk::MuteRoomTrackRequest {
        room: room.clone(),
        identity: pupil.clone(),
        track_sid: "TR_none".into(),
        muted: true,
    };
    assert!(!rooms.mute_published_track(mute).await.expect("asked"));
    assert!(rooms.send_data(&room, "preau.chat", b"bonjour".to_vec()).await.expect("asked"));
    assert!(!rooms.send_data("elsewhere", "preau.chat", Vec::new()).await.expect("asked"));

    assert!(rooms.remove_participant(&room, &pupil).await.expect("asked"));
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::ParticipantRemoved);
    let mut teacher = Seat::of(&school, school.people.teacher);
    let mut line: Line = connect(server, &token(&mut teacher).await).await.expect("in");
    line.joined().await;
    assert!(rooms.delete_room(&room).await.expect("asked"));
    assert_eq!(line.leave_reason().await, lk::DisconnectReason::RoomDeleted);
    assert!(!rooms.delete_room(&room).await.expect("asked"));

    let stranger = TokenKey::new("APItests", "another secret of forty characters, too.");
    let rooms = Rooms::of(Arc::new(
        Cluster::new(format!("http://{server}"), stranger, school.clock.clone()).expect("a client"),
    ));
    let error = rooms.list_rooms(Vec::new()).await.expect_err("refused").to_string();
    assert!(error.contains("live.secret") && error.contains("signature"), "{error}");
    let nobody = Cluster::new("http://127.0.0.1:9".into(), key(), school.clock.clone()).expect("a client");
    let error =
        Rooms::of(Arc::new(nobody)).list_rooms(Vec::new()).await.expect_err("nobody there").to_string();
    assert!(error.contains("cannot be reached"), "{error}");
}

async fn ask(client: &mut Client, method: &str, token: &str, kind: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(format!("/twirp/livekit.RoomService/{method}"))
        .header(header::CONTENT_TYPE, kind)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let reply: Reply = client.send(request).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn roomservice_asks_for_the_grant_and_speaks_json() {
    let school = TestSchool::configured(shared_key);
    open(&school).await;
    let now = seconds(&school);
    let mint = |claims: &ServiceClaims| key().mint_service(claims, now, 60);
    let room = room_of(school.people.lesson);
    let admin = mint(&ServiceClaims { room: room.clone(), room_admin: true, ..Default::default() });
    let lister = mint(&ServiceClaims { room_list: true, ..Default::default() });
    let mut pupil = Seat::of(&school, school.people.pupil);
    let of_pupil = token(&mut pupil).await;
    let mut client = school.anonymous();
    let list = json!({ "room": room }).to_string();
    const JSON: &str = "application/json";

    assert_eq!(ask(&mut client, "ListRooms", &lister, JSON, "{}").await.0, StatusCode::OK);
    for (method, token, kind, body, status, code) in [
        ("ListRooms", "", JSON, "{}", 401, "unauthenticated"),
        ("ListRooms", "x.y.z", JSON, "{}", 401, "unauthenticated"),
        ("ListRooms", &of_pupil, JSON, "{}", 403, "permission_denied"),
        ("ListRooms", &admin, JSON, "{}", 403, "permission_denied"),
        ("ListParticipants", &lister, JSON, &list, 403, "permission_denied"),
        ("ListParticipants", &of_pupil, JSON, &list, 403, "permission_denied"),
        ("ListParticipants", &admin, JSON, r#"{"room":"lesson-1"}"#, 403, "permission_denied"),
        ("ListParticipants", &admin, JSON, &list, 404, "not_found"),
        ("DeleteRoom", &admin, JSON, &list, 403, "permission_denied"),
        ("SendData", &admin, JSON, "{\"room\":7}", 400, "malformed"),
        ("CreateRoom", &admin, JSON, "{}", 404, "bad_route"),
        ("ListRooms", &lister, "text/plain", "{}", 404, "bad_route"),
    ] {
        let (found, answer) = ask(&mut client, method, token, kind, body).await;
        assert_eq!((found.as_u16(), &answer["code"]), (status, &json!(code)), "{method} {body} {answer}");
    }
    let late = key().mint_service(&ServiceClaims { room_list: true, ..Default::default() }, now - 61, 60);
    assert_eq!(ask(&mut client, "ListRooms", &late, JSON, "{}").await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = ask(&mut client, "SendData", &admin, JSON, &" ".repeat(200 * 1024)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "longer than any request of the service");
    // Without a key in the configuration nobody outside holds one.
    let closed = TestSchool::open();
    let mut client = closed.anonymous();
    assert_eq!(ask(&mut client, "ListRooms", &lister, JSON, "{}").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn on_a_livekit_server_the_way_in_is_its_address_with_its_key() {
    let school = TestSchool::configured(on_livekit);
    let mut teacher = open(&school).await;
    let (status, entry) = teacher.entry().await;
    assert_eq!((status, &entry["url"]), (StatusCode::OK, &json!("ws://127.0.0.1:9")));
    assert_eq!(claims(&entry)["iss"], "APItests");
    let way_in = entry["token"].as_str().expect("a token");
    assert!(key().verify(way_in, seconds(&school)).is_ok());
    for absent in ["/rtc", "/rtc/v1", "/rtc/v1/validate"] {
        assert_eq!(school.anonymous().get(absent).await.status, StatusCode::NOT_FOUND, "{absent}");
    }
    let page = teacher.client.get(&at(teacher.lesson, "")).await;
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("connect-src 'self' ws: wss: http://127.0.0.1:9;"), "{policy}");
    // What must be done in the room now says so; what can wait is kept.
    let one = format!("/participants/{}/permission", school.people.pupil);
    let status = teacher.act(&one, json!({ "microphone": true, "camera": false })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(teacher.act("/messages", json!({ "text": "Bonjour" })).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_a_livekit_server_tells_becomes_presence() {
    let school = TestSchool::configured(on_livekit);
    open(&school).await;
    let (lesson, pupil, classmate) = (school.people.lesson, school.people.pupil, school.people.classmate);
    let now = seconds(&school);
    let event = |what: &str, person: &str, created: u64| {
        json!({
            "event": what,
            "room": { "name": room_of(lesson), "sid": "RM_x", "inventedLater": {} },
            "participant": {
                "sid": "PA_x", "identity": person, "state": "ACTIVE", "kind": "STANDARD",
                "attributes": { "role": "pupil" },
                "permission": { "canSubscribe": true },
            },
            "id": "EV_x", "createdAt": created.to_string(),
        })
        .to_string()
    };
    let tell = async |body: &str, token: &str| {
        let request = Request::post("/livekit/webhook")
            .header(header::CONTENT_TYPE, "application/webhook+json")
            .header(header::AUTHORIZATION, token)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        school.anonymous().send(request).await.status
    };
    let joined = event("participant_joined", &pupil.to_string(), now - 60);
    let vouched = key().mint_for_body(joined.as_bytes(), now, 300);
    let forged = event("participant_joined", &classmate.to_string(), now - 60);
    for (body, token) in [
        (&joined, ""),
        (&forged, vouched.as_str()),
        (&joined, &TokenKey::new("APItests", "b".repeat(40)).mint_for_body(joined.as_bytes(), now, 300)),
        (&joined, &key().mint_for_body(joined.as_bytes(), now - 600, 300)),
    ] {
        assert_eq!(tell(body, token).await, StatusCode::UNAUTHORIZED, "{body}");
    }
    assert_eq!(tell(&joined, &vouched).await, StatusCode::OK);
    let left = event("participant_left", &pupil.to_string(), now);
    assert_eq!(tell(&left, &key().mint_for_body(left.as_bytes(), now, 300)).await, StatusCode::OK);
    // A recorder is nobody's presence, and what is not about people is nothing to us.
    for other in [event("participant_joined", "EG_recorder", now), event("track_published", "12", now)] {
        assert_eq!(tell(&other, &key().mint_for_body(other.as_bytes(), now, 300)).await, StatusCode::OK);
    }
    // What it tells of its recorder is vouched for like everything else.
    let file = include_str!("../../recording/tests/egress/complete.json");
    assert_eq!(tell(file, &vouched).await, StatusCode::UNAUTHORIZED);
    assert_eq!(tell(file, &key().mint_for_body(file.as_bytes(), now, 300)).await, StatusCode::OK);
    school.app.presence.flush().await.expect("written");
    let seen = school
        .app
        .platform
        .store()
        .read::<_, StoreError, _>(move |conn| Ok(crate::presence::sightings(conn, &[lesson])?))
        .await
        .expect("read");
    assert_eq!(seen.len(), 1);
    let live = seen[&(lesson, pupil)].live.expect("seen live");
    assert_eq!((live.stayed, live.last), (60_000, school.app.platform.now()));
}
