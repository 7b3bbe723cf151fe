//! A front on loopback with a real upstream behind it, and clients that send exactly the bytes they are
//! given.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part of it")]

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use preau_front::{
    Answer, Decision, Door, Front, Gauge, Head, Kind, Limits, Listen, Pass, Sample, Seat, Trusted, Upstream,
    Upstreams,
};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the upstream has been asked: head lines, one request each.
#[derive(Debug, Default)]
pub struct Log {
    pub requests: Mutex<Vec<String>>,
    pub connections: AtomicUsize,
}

impl Log {
    pub fn all(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn last(&self) -> String {
        self.all().pop().expect("the upstream was asked")
    }
}

pub type Service = fn(Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, hyper::Error>>;

pub fn full(text: &str) -> UnsyncBoxBody<Bytes, hyper::Error> {
    Full::new(Bytes::from(text.to_owned())).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Echoes bodies, piece by piece; `/session-ends` releases the session; `/hello` says hello.
pub fn echo(request: Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, hyper::Error>> {
    match request.uri().path() {
        "/hello" => {
            let mut response = Response::new(full("hello"));
            let fields = response.headers_mut();
            fields.insert(header::CONNECTION, HeaderValue::from_static("x-hop"));
            fields.insert("x-hop", HeaderValue::from_static("1"));
            fields.insert("x-end", HeaderValue::from_static("1"));
            response
        }
        "/session-ends" => {
            let mut response = Response::new(full("bye"));
            response.headers_mut().insert("preau-session", HeaderValue::from_static("ended"));
            response
        }
        "/missing" => {
            let mut response = Response::new(full("no"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
        _ => Response::new(request.into_body().boxed_unsync()),
    }
}

/// An upstream on hyper, HTTP/1.1 or HTTP/2 by prior knowledge.
pub async fn upstream(service: Service, http2: bool) -> (SocketAddr, Arc<Log>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Arc::new(Log::default());
    let kept = Arc::clone(&log);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            kept.connections.fetch_add(1, Ordering::Relaxed);
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: Request<Incoming>| {
                let mut text = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
                for (name, value) in request.headers() {
                    text += &format!("{name}: {}\n", value.to_str().unwrap_or("?"));
                }
                kept.requests.lock().unwrap().push(text);
                let response = service(request);
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(async move {
                let io = TokioIo::new(stream);
                if http2 {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                } else {
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                }
            });
        }
    });
    (address, log)
}

/// Lets everybody in but `/now` and `/wait`; remembers samples and released seats.
#[derive(Default)]
pub struct TestDoor {
    pub asked: AtomicUsize,
    pub released: Mutex<Vec<String>>,
    pub clients: Mutex<Vec<String>>,
}

impl Door for TestDoor {
    fn decide(&self, head: &Head<'_>) -> Decision {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.clients.lock().unwrap().push(format!("{} {}", head.client.address, head.client.https));
        let json = HeaderValue::from_static("application/json");
        match head.path() {
            "/now" => Decision::Answer(
                Answer::new(StatusCode::OK, Bytes::from_static(b"{}")).with(header::CONTENT_TYPE, json),
            ),
            "/wait" => Decision::Answer(Answer::new(StatusCode::OK, Bytes::from(vec![b'w'; 10_000]))),
            "/wait-and-close" => {
                let mut answer = Answer::new(StatusCode::OK, Bytes::from_static(b"later"));
                answer.close = true;
                Decision::Answer(answer)
            }
            _ => Decision::Pass(Pass {
                class: 7,
                cookies: vec![HeaderValue::from_static("gate=1; Path=/")],
                seat: Some(Seat::new(format!("seat of {}", head.cookie("gate").unwrap_or("nobody")))),
            }),
        }
    }

    fn release(&self, seat: &Seat) -> Vec<HeaderValue> {
        self.released.lock().unwrap().push(seat.get::<String>().unwrap().clone());
        vec![HeaderValue::from_static("gate=; Max-Age=0")]
    }
}

#[derive(Default)]
pub struct Samples(pub Mutex<Vec<Sample>>);

impl Gauge for Samples {
    fn sample(&self, sample: &Sample) {
        self.0.lock().unwrap().push(*sample);
    }
}

pub type TestFront = Front<TestDoor, Upstreams>;

/// Short bounds, so that tests of them are short.
pub fn brisk() -> Limits {
    Limits {
        head: Duration::from_millis(600),
        idle: Duration::from_millis(800),
        rest: Duration::ZERO,
        stall: Duration::from_millis(800),
        drain: Duration::from_secs(5),
        ..Limits::default()
    }
}

pub struct Site {
    pub address: SocketAddr,
    pub front: TestFront,
    pub samples: Arc<Samples>,
}

/// Waits until every connection is counted as gone: a client knows of the end before the server has put its own down.
pub async fn all_gone(front: &TestFront) {
    let gone = async {
        while front.open() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("still open");
}

/// An upstream at this address; by way of hyper in the tests that run a second time for it.
pub fn to(address: SocketAddr) -> Upstream {
    let mut upstream = Upstream::new(&format!("http://{address}")).unwrap();
    upstream.direct = !module_path!().starts_with("by_hyper");
    upstream
}

/// A front before these upstreams.
pub fn front(upstreams: Vec<Upstream>, limits: Limits) -> Site {
    front_with(upstreams, limits, Trusted::default(), false)
}

pub fn front_with(upstreams: Vec<Upstream>, limits: Limits, trusted: Trusted, proxy_protocol: bool) -> Site {
    let samples = Arc::new(Samples::default());
    let upstreams = Upstreams::new(upstreams, Arc::clone(&samples) as Arc<_>).unwrap();
    let front = Front::new(TestDoor::default(), upstreams, limits, trusted, None);
    let mut listen = Listen::bind("127.0.0.1:0".parse().unwrap(), Kind::Http).unwrap();
    listen.proxy_protocol = proxy_protocol;
    let address = listen.socket.local_addr().unwrap();
    let serving = front.clone();
    tokio::spawn(async move { serving.serve(vec![listen]).await });
    Site { address, front, samples }
}

/// A client that sends what it is told.
pub struct Raw<S = TcpStream> {
    pub stream: S,
    pub ahead: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Got {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Got {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Raw {
    pub async fn to(address: SocketAddr) -> Raw {
        Raw { stream: TcpStream::connect(address).await.unwrap(), ahead: Vec::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The other end may have closed: then there is something to read about it.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    async fn more(&mut self) -> bool {
        let mut room = [0; 16 * 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), self.stream.read(&mut room));
        match read.await.expect("an answer in time") {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.ahead.extend_from_slice(&room[..length]);
                true
            }
        }
    }

    /// Reads up to and including `end`.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.ahead.windows(end.len()).position(|window| window == end.as_bytes()) {
                let rest = self.ahead.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.ahead, rest)).unwrap();
            }
            assert!(self.more().await, "closed after {:?}", String::from_utf8_lossy(&self.ahead));
        }
    }

    /// One response, with its body by `Content-Length` or in chunks.
    pub async fn response(&mut self) -> Got {
        let head = self.until("\r\n\r\n").await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut got = Got { status, head, body: String::new() };
        if got.field("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.until("\r\n").await;
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                let piece = self.exactly(size + 2).await;
                got.body += &piece[..size];
                if size == 0 {
                    return got;
                }
            }
        }
        let length = got.field("content-length").map_or(0, |length| length.parse().unwrap());
        got.body = self.exactly(length).await;
        got
    }

    pub async fn exactly(&mut self, length: usize) -> String {
        while self.ahead.len() < length {
            assert!(self.more().await, "closed early");
        }
        let rest = self.ahead.split_off(length);
        String::from_utf8(std::mem::replace(&mut self.ahead, rest)).unwrap()
    }

    /// Whatever still comes until the other end closes.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.ahead)).into_owned()
    }

    pub async fn ask(&mut self, request: &str) -> Got {
        self.send(request).await;
        self.response().await
    }
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, request: &str) -> Got {
    Raw::to(address).await.ask(request).await
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: ent.example\r\n\r\n")
}
