//! A media server around the engine: one shard thread with one UDP socket, TCP connections for ICE on
//! the same port, and the signalling WebSocket. For trying clients, and the shape of what an application
//! needs around an [`Engine`]: a thread that owns it, fed through one bounded queue and one socket.
//!
//! It is not the product: no TLS, one fixed demonstration key, no admission, and `/admin` is open.
//!
//! ```text
//! cargo run -p preau-sfu --example serve -- 127.0.0.1:7880 127.0.0.1:7882 [folder with web files]
//! ```
//!
//! With `MEDIA=tcp` in the environment UDP packets are thrown away, to see ICE over TCP at work.
#![allow(clippy::disallowed_methods, reason = "an example without pages: there is no edge here")]
#![allow(clippy::result_large_err, reason = "a refusal is a whole HTTP response")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{SinkExt, StreamExt};
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::protocol as lk;
use preau_sfu::token::{Claims, TokenKey};
use preau_sfu::{
    Admission, ConnectionId, Connections, Engine, EngineConfig, Limits, Output, StreamId, signal,
};
use tokio::sync::{mpsc, oneshot};

/// Requests waiting for the shard, from all sockets together.
const QUEUE: usize = 1_024;

/// Frames waiting for one client. A client that cannot take them is disconnected, and resumes.
const FRAMES: usize = 256;

/// Datagrams taken from the socket before looking at the queue again.
const BATCH: usize = 64;

/// The longest sleep of the shard thread: how late a request from a socket may be looked at.
const NAP: Duration = Duration::from_millis(2);

type Frames = mpsc::Sender<Bytes>;

/// What sockets and requests ask of the shard.
enum Ask {
    Connect {
        admission: Box<Admission>,
        connections: Connections,
        frames: Frames,
        reply: oneshot::Sender<ConnectionId>,
    },
    StreamOpened {
        remote: SocketAddr,
        writer: TcpStream,
        reply: SyncSender<Option<StreamId>>,
    },
    StreamBytes {
        stream: StreamId,
        bytes: Vec<u8>,
    },
    StreamClosed {
        stream: StreamId,
    },
    Frame {
        connection: ConnectionId,
        bytes: Bytes,
    },
    Disconnect {
        connection: ConnectionId,
    },
    Control {
        command: Box<Command>,
        reply: oneshot::Sender<Result<Reply, ControlError>>,
    },
}

/// The shard thread's world.
struct Shard {
    engine: Engine,
    socket: UdpSocket,
    asks: Receiver<Ask>,
    clients: HashMap<ConnectionId, Frames>,
    streams: HashMap<StreamId, TcpStream>,
    no_udp: bool,
}

impl Shard {
    fn run(mut self) {
        let mut buffer = [0u8; 2048];
        loop {
            loop {
                match self.asks.try_recv() {
                    Ok(ask) => self.serve(ask),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let now = Instant::now();
            let wait = self.engine.deadline().map_or(NAP, |at| at.saturating_duration_since(now).min(NAP));
            if wait.is_zero() {
                self.engine.tick(now);
                self.carry_out();
            }
            // A blocking read of at least a microsecond: zero would mean "for ever".
            let _ = self.socket.set_read_timeout(Some(wait.max(Duration::from_micros(1))));
            for index in 0..BATCH {
                match self.socket.recv_from(&mut buffer) {
                    Ok((length, source)) => {
                        if !self.no_udp {
                            self.engine.datagram(source, &buffer[..length], Instant::now());
                        }
                        self.carry_out();
                    }
                    Err(_) => break,
                }
                if index == 0 {
                    let _ = self.socket.set_nonblocking(true);
                }
            }
            let _ = self.socket.set_nonblocking(false);
        }
    }

    fn serve(&mut self, ask: Ask) {
        let now = Instant::now();
        match ask {
            Ask::Connect { admission, connections, frames, reply } => {
                let connection = self.engine.connect_with(*admission, connections, now);
                self.clients.insert(connection, frames);
                let _ = reply.send(connection);
            }
            Ask::Frame { connection, bytes } => self.engine.frame(connection, &bytes, now),
            Ask::Disconnect { connection } => {
                self.clients.remove(&connection);
                self.engine.disconnect(connection, now);
            }
            Ask::StreamOpened { remote, writer, reply } => {
                let stream = self.engine.stream_opened(remote, now);
                if let Some(stream) = stream {
                    self.streams.insert(stream, writer);
                }
                let _ = reply.send(stream);
            }
            Ask::StreamBytes { stream, bytes } => self.engine.stream_bytes(stream, &bytes, now),
            Ask::StreamClosed { stream } => {
                self.streams.remove(&stream);
                self.engine.stream_closed(stream, now);
            }
            Ask::Control { command, reply } => {
                let _ = reply.send(self.engine.control(*command, now));
            }
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Datagram { destination, contents, .. } => {
                    // A full socket buffer loses a packet, as any network does.
                    let _ = self.socket.send_to(&contents, destination);
                }
                Output::StreamBytes { stream, bytes } => {
                    // The writer waits a moment at most (see `accept`); what it cannot write then ends it.
                    let broken =
                        self.streams.get_mut(&stream).is_some_and(|to| to.write_all(&bytes).is_err());
                    if broken {
                        self.streams.remove(&stream);
                        self.engine.stream_closed(stream, Instant::now());
                    }
                }
                Output::StreamClose { stream } => {
                    if let Some(writer) = self.streams.remove(&stream) {
                        let _ = writer.shutdown(std::net::Shutdown::Both);
                    }
                }
                // There is one shard.
                Output::Relay { .. } => {}
                Output::Frame { connection, bytes } => {
                    let full = self.clients.get(&connection).is_some_and(|to| to.try_send(bytes).is_err());
                    if full {
                        self.clients.remove(&connection);
                        self.engine.disconnect(connection, Instant::now());
                    }
                }
                Output::Close { connection } => {
                    self.clients.remove(&connection);
                }
                Output::Event(event) => tracing::info!(room = %event.room, "{:?}", event.kind),
                // Nobody records here.
                Output::Tapped(_) => {}
            }
        }
    }
}

#[derive(Clone)]
struct App {
    asks: SyncSender<Ask>,
    key: TokenKey,
    web: Option<PathBuf>,
}

type Parameters = HashMap<String, String>;

impl App {
    async fn ask(&self, ask: Ask) -> Result<(), Response> {
        // The queue is bounded: a shard that cannot follow is told about by a 503, not by memory.
        self.asks.try_send(ask).map_err(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
    }

    fn claims(&self, query: &Parameters, headers: &HeaderMap) -> Result<Claims, Response> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = query
            .get("access_token")
            .map(String::as_str)
            .or_else(|| bearer.and_then(|value| value.strip_prefix("Bearer ")))
            .ok_or_else(|| (StatusCode::UNAUTHORIZED, "no access token").into_response())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let refused = |error| (StatusCode::UNAUTHORIZED, format!("{error}")).into_response();
        self.key.verify(token, now).map_err(refused)
    }
}

async fn join(
    State(app): State<App>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Response> {
    let claims = app.claims(&query, &headers)?;
    let limit = Limits::default().frame_bytes;
    let bad = |message: String| (StatusCode::BAD_REQUEST, message).into_response();
    let parameter = query.get("join_request").ok_or_else(|| bad("no join_request".to_owned()))?;
    let join = signal::decode_join(parameter, limit).map_err(|error| bad(error.to_string()))?;
    let admission = Box::new(Admission { claims, join });
    let upgrade = upgrade.max_message_size(limit);
    Ok(upgrade.on_upgrade(move |socket| converse(app, socket, admission, Connections::One)))
}

/// The older protocol, with two peer connections.
async fn join_two(
    State(app): State<App>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Response> {
    let claims = app.claims(&query, &headers)?;
    let join = signal::decode_parameters(|name| query.get(name).map(String::as_str));
    let admission = Box::new(Admission { claims, join });
    let upgrade = upgrade.max_message_size(Limits::default().frame_bytes);
    Ok(upgrade.on_upgrade(move |socket| converse(app, socket, admission, Connections::Two)))
}

/// Accepts TCP connections for ICE; a thread each, which is enough for an example.
fn accept(listener: &TcpListener, asks: &SyncSender<Ask>) {
    for connection in listener.incoming() {
        let Ok(mut socket) = connection else { continue };
        let (Ok(remote), Ok(writer)) = (socket.peer_addr(), socket.try_clone()) else { continue };
        let _ = socket.set_nodelay(true);
        let _ = writer.set_write_timeout(Some(Duration::from_millis(50)));
        let asks = asks.clone();
        std::thread::spawn(move || {
            let (reply, answer) = sync_channel(1);
            if asks.send(Ask::StreamOpened { remote, writer, reply }).is_err() {
                return;
            }
            let Ok(Some(stream)) = answer.recv() else { return };
            let mut buffer = [0u8; 16 * 1024];
            while let Ok(length @ 1..) = socket.read(&mut buffer) {
                let bytes = buffer[..length].to_vec();
                if asks.send(Ask::StreamBytes { stream, bytes }).is_err() {
                    return;
                }
            }
            let _ = asks.send(Ask::StreamClosed { stream });
        });
    }
}

async fn converse(app: App, socket: WebSocket, admission: Box<Admission>, connections: Connections) {
    let (frames, mut outgoing) = mpsc::channel::<Bytes>(FRAMES);
    let (reply, connection) = oneshot::channel();
    if app.ask(Ask::Connect { admission, connections, frames, reply }).await.is_err() {
        return;
    }
    let Ok(connection) = connection.await else { return };
    let (mut to_client, mut from_client) = socket.split();
    loop {
        tokio::select! {
            frame = outgoing.recv() => match frame {
                Some(bytes) => {
                    if to_client.send(Message::Binary(bytes)).await.is_err() { break }
                }
                None => break,
            },
            message = from_client.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if app.ask(Ask::Frame { connection, bytes }).await.is_err() { break }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    let _ = to_client.close().await;
    let _ = app.asks.send(Ask::Disconnect { connection });
}

async fn validate(State(app): State<App>, Query(query): Query<Parameters>, headers: HeaderMap) -> Response {
    let answer = match app.claims(&query, &headers) {
        Ok(_) => "success".into_response(),
        Err(refusal) => refusal,
    };
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], answer).into_response()
}

/// `POST /admin/{what}?room&identity…`: moderation, for trying.
async fn admin(
    State(app): State<App>,
    Path(what): Path<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Response> {
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let flag = |name: &str| query.get(name).is_some_and(|value| value == "true");
    let (room, identity) = (text("room"), text("identity"));
    let command = match what.as_str() {
        "list" => Command::ListParticipants(lk::ListParticipantsRequest { room }),
        "mute" => Command::MutePublishedTrack(lk::MuteRoomTrackRequest {
            room,
            identity,
            track_sid: text("track"),
            muted: flag("muted"),
        }),
        "permit" => Command::UpdateParticipant(lk::UpdateParticipantRequest {
            room,
            identity,
            permission: Some(lk::ParticipantPermission {
                can_publish: flag("publish"),
                can_subscribe: flag("subscribe"),
                can_publish_data: flag("data"),
                ..Default::default()
            }),
            ..Default::default()
        }),
        "remove" => {
            Command::RemoveParticipant(lk::RoomParticipantIdentity { room, identity, ..Default::default() })
        }
        "send" => Command::SendData(lk::SendDataRequest {
            room,
            data: text("text").into_bytes(),
            topic: Some(text("topic")),
            ..Default::default()
        }),
        _ => return Err(StatusCode::NOT_FOUND.into_response()),
    };
    let (reply, answer) = oneshot::channel();
    app.ask(Ask::Control { command: Box::new(command), reply }).await?;
    match answer.await {
        Ok(Ok(reply)) => Ok(format!("{reply:#?}").into_response()),
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, error.to_string()).into_response()),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
}

/// Files of the folder given on the command line; names without a slash only.
async fn file(State(app): State<App>, Path(name): Path<String>) -> Response {
    let content_type = if name.ends_with(".html") { "text/html" } else { "text/javascript" };
    match app.web.filter(|_| !name.contains("..")).map(|folder| std::fs::read(folder.join(&name))) {
        Some(Ok(bytes)) => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        Some(Err(_)) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,str0m=warn".into()),
        )
        .init();
    let mut arguments = std::env::args().skip(1);
    let signalling: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:7880".to_owned()).parse()?;
    let media: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:7882".to_owned()).parse()?;
    let web = arguments.next().map(PathBuf::from);

    let socket = UdpSocket::bind(media)?;
    let mut seed = [0u8; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let listener = TcpListener::bind(media)?;
    let mut engine = Engine::new(EngineConfig {
        media_addresses: vec![socket.local_addr()?],
        start: Instant::now(),
        start_unix_ms: u64::try_from(unix.as_millis())?,
        seed,
        limits: Limits::default(),
    })?;
    engine.announce_streams(vec![listener.local_addr()?])?;
    let (asks, queue) = sync_channel(QUEUE);
    let no_udp = std::env::var("MEDIA").is_ok_and(|media| media == "tcp");
    let (clients, streams) = (HashMap::new(), HashMap::new());
    let shard = Shard { engine, socket, asks: queue, clients, streams, no_udp };
    let accepting = asks.clone();
    std::thread::spawn(move || accept(&listener, &accepting));
    std::thread::Builder::new().name("sfu-0".to_owned()).spawn(move || shard.run())?;

    let app = App { asks, key: TokenKey::new("devkey", "devsecret-devsecret-devsecret-0123"), web };
    let router = Router::new()
        .route("/rtc/v1", get(join))
        .route("/rtc/v1/validate", get(validate))
        .route("/rtc", get(join_two))
        .route("/rtc/validate", get(validate))
        .route("/admin/{what}", post(admin))
        .route("/web/{name}", get(file))
        .with_state(app);
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(signalling).await?;
        tracing::info!("signalling on {}, media on {media}", listener.local_addr()?);
        axum::serve(listener, router).await?;
        Ok(())
    })
}
