//! Waiting connections: answers from memory, and the way over to the backend.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{Raw, ask, brisk, echo, front, get, to, upstream};
use preau_front::{Limits, OtherProtocol, Peer, Stream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_from_memory_on_one_connection() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    for _ in 0..3 {
        let got = client.ask(&get("/now?x=1")).await;
        assert_eq!((got.status, &*got.body), (200, "{}"));
        assert_eq!(got.field("content-type"), Some("application/json"));
        assert!(got.field("date").is_some() && got.field("connection").is_none());
    }
    client.send("HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.contains("content-length: 10000"), "{head}");
    let got = client.ask(&get("/wait-and-close")).await;
    assert_eq!((&*got.body, got.field("connection")), ("later", Some("close")));
    assert_eq!(client.rest().await, "");
    assert!(log.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order_however_many() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    // 3 MB of answers to a client that reads none of them yet, a forwarded request in between, and a head
    // in two pieces at the end.
    let many = get("/wait").repeat(300);
    let all = format!("{many}{}{}GET /now HT", get("/hello"), get("/now"));
    client.send(&all).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.send("TP/1.1\r\nHost: a\r\n\r\n").await;
    for number in 0..300 {
        assert_eq!(client.response().await.body.len(), 10_000, "{number}");
    }
    assert_eq!(client.response().await.body, "hello");
    assert_eq!(client.response().await.body, "{}");
    assert_eq!(client.response().await.body, "{}");
    assert_eq!(log.all().len(), 1);
    // Each was decided once, the one that changed paths too.
    assert_eq!(site.front.door().asked.load(Ordering::Relaxed), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_must_wait_is_answered_and_its_body_is_no_request() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    let inner = get("/hello");
    let form = format!("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    assert_eq!(client.ask(&form).await.body, "{}");
    assert_eq!(client.ask(&get("/now")).await.body, "{}");
    assert!(log.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_may_come_in_any_pieces() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    for byte in get("/now").bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.body, "{}");
    client.send("GET /hello HTTP/1.1\r\nHo").await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(client.ask("st: a\r\n\r\n").await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_are_cut_off_with_an_explanation() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    let mut client = Raw::to(site.address).await;
    let begun = Instant::now();
    client.send("GET /now HTTP/1.1\r\n").await;
    // Something arrives all the time, and it does not help.
    let (mut read, mut write) = client.stream.into_split();
    let trickle = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while write.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut text = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut read, &mut text).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(8));
    trickle.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_without_a_word() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    let mut silent = Raw::to(site.address).await;
    assert_eq!(silent.rest().await, "");
    // Also after requests, on both paths.
    let mut light = Raw::to(site.address).await;
    light.ask(&get("/now")).await;
    let mut heavy = Raw::to(site.address).await;
    heavy.ask(&get("/hello")).await;
    assert_eq!((light.rest().await, heavy.rest().await), (String::new(), String::new()));
    common::all_gone(&site.front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_before_may_rest_while_there_is_room() {
    let limits = Limits { rest: Duration::from_secs(60), roomy: 2, ..brisk() };
    let idle = limits.idle;
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], limits);
    let mut waiter = Raw::to(site.address).await;
    waiter.ask(&get("/now")).await;
    // Longer than whoever has asked nothing may stay.
    let mut silent = Raw::to(site.address).await;
    assert_eq!(silent.rest().await, "");
    tokio::time::sleep(idle).await;
    assert_eq!(waiter.ask(&get("/now")).await.status, 200);
    // More have come than there is room for: whoever rests makes way.
    let mut others = Vec::new();
    for _ in 0..3 {
        let mut other = Raw::to(site.address).await;
        other.ask(&get("/now")).await;
        others.push(other);
    }
    assert_eq!(waiter.rest().await, "");
    // So do those who rest when the front stops.
    while site.front.open() > 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    site.front.stop();
    common::all_gone(&site.front).await;
}

/// Says everything back, with what has been read of it before.
struct Echo;

impl OtherProtocol for Echo {
    fn speaks(&self, first: u8) -> bool {
        first == 0
    }

    fn serve(
        self: Arc<Self>,
        mut stream: Box<dyn Stream>,
        ahead: Bytes,
        _: Peer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let _ = stream.write_all(&ahead).await;
            let mut room = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut room).await {
                let _ = stream.write_all(&room[..length]).await;
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_lives_on_the_same_port() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits { drain: Duration::from_millis(300), ..brisk() });
    // Before somebody is there for it, it is a bad request like any other.
    let mut nobody = Raw::to(site.address).await;
    nobody.send("\0hello\r\n\r\n").await;
    assert!(nobody.rest().await.starts_with("HTTP/1.1 400 "));
    let _ = site.front.clone().beside(Arc::new(Echo));
    let mut other = TcpStream::connect(site.address).await.unwrap();
    let mut room = [0; 6];
    for piece in [b"\0hello", b" world"] {
        other.write_all(piece).await.unwrap();
        other.read_exact(&mut room).await.unwrap();
        assert_eq!(&room, piece);
    }
    // It counts as open, alone when nobody lingers any more.
    while site.front.open() != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(ask(site.address, &get("/now")).await.status, 200);
    // In the middle of HTTP it is a bad request.
    let mut client = Raw::to(site.address).await;
    client.ask(&get("/now")).await;
    client.send("\0hello\r\n\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    // When the front stops it may go on as long as everything else.
    site.front.stop();
    assert_eq!(other.read(&mut room).await.unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_heads_are_refused() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits { head_bytes: 9000, ..Limits::default() });
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", "c".repeat(10_000));
    assert_eq!(ask(site.address, &large).await.status, 431);
    // One line without end, and without a line end.
    assert_eq!(ask(site.address, &format!("GET /{}", "x".repeat(9000))).await.status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(150));
    assert_eq!(ask(site.address, &many).await.status, 431);
    // And on a connection that has left the light path.
    let mut client = Raw::to(site.address).await;
    client.ask(&get("/hello")).await;
    client.send(&large).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
    assert_eq!(log.all().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_closed() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits { connections: 2, ..Limits::default() });
    let mut first = Raw::to(site.address).await;
    let mut second = Raw::to(site.address).await;
    assert_eq!(first.ask(&get("/now")).await.status, 200);
    assert_eq!(second.ask(&get("/now")).await.status, 200);
    let mut third = Raw::to(site.address).await;
    assert_eq!(third.rest().await, "");
    drop(second);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ask(site.address, &get("/now")).await.status, 200);
}
