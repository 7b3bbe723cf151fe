//! Our media server as the application runs it (its threads, sockets and engines), behind a bare signalling socket:
//! no gate, no database, no lesson. What a process like this uses is what media cost.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use preau::config::LiveConfig;
use preau::edge::Clock;
use preau::ids::{LessonId, Millis, PersonId};
use preau::lesson::{Attendance, Ears, Media, Newcomer, Recorder, Tapped};
use preau_sfu::token::{Claims, TokenKey};
use preau_sfu::{Admission, Connections, Step, signal};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// What the parent waits for.
pub(crate) const READY: &str = "media are served";

struct Nobody;

impl Attendance for Nobody {
    fn joined(&self, _: LessonId, _: PersonId, _: Millis) {}
    fn seen(&self, _: LessonId, _: PersonId, _: Millis) {}
    fn waits(&self, _: LessonId, _: PersonId, _: Millis) {}
    fn left(&self, _: LessonId, _: PersonId, _: Millis) {}
}

impl Recorder for Nobody {
    fn hand(&self, _: LessonId, _: PersonId, _: bool, _: Millis) {}
    fn packet(&self, _: Tapped, _: Instant) {}
    fn paused(&self, _: LessonId, _: &str) {}
    fn over(&self, _: LessonId) {}
    fn failed(&self, _: LessonId) {}
}

#[derive(Clone)]
struct House {
    media: Media,
    key: TokenKey,
}

/// Serves until it is killed.
#[allow(clippy::disallowed_methods, reason = "a benchmark without pages: there is no edge here")]
pub(crate) fn run(address: SocketAddr, key: TokenKey) -> anyhow::Result<()> {
    let config = LiveConfig { listen: SocketAddr::new(address.ip(), 0), shards: 1, ..LiveConfig::default() };
    let ears =
        Ears { attendance: Arc::new(Nobody), recorder: Arc::new(Nobody), restraint: Arc::new(|| Step::Full) };
    let media = Media::start(&config, Clock::System, ears)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let router = Router::new().route("/rtc", get(open)).with_state(House { media, key });
        println!("{READY}");
        axum::serve(listener, router).await?;
        Ok(())
    })
}

async fn open(
    State(house): State<House>,
    Query(parameters): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let token = parameters.get("access_token").map_or("", String::as_str);
    match house.key.verify(token, now) {
        Ok(claims) => upgrade.on_upgrade(move |socket| talk(house.media, socket, claims, parameters)),
        Err(error) => (StatusCode::UNAUTHORIZED, error.to_string()).into_response(),
    }
}

async fn talk(media: Media, mut socket: WebSocket, claims: Claims, parameters: HashMap<String, String>) {
    let join = signal::decode_parameters(|name| parameters.get(name).map(String::as_str));
    let (frames, mut outgoing) = mpsc::channel(1_024);
    let newcomer = Newcomer {
        admission: Admission { claims, join },
        connections: Connections::Two,
        closes_in: Duration::from_secs(3_600),
        frames,
        relays: Vec::new(),
    };
    let Ok(line) = media.connect(newcomer) else { return };
    let Ok(line) = line.await else { return };
    loop {
        tokio::select! {
            frame = outgoing.recv() => {
                let Some(frame) = frame else { break };
                if socket.send(Message::Binary(frame)).await.is_err() {
                    break;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if media.frame(line, bytes).is_err() {
                        break;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    media.disconnect(line);
}
