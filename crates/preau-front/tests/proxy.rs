//! The reverse proxy: what goes through, what does not, and what happens when the upstream misbehaves.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Raw, ask, brisk, echo, front, front_with, full, get, to, upstream};
use preau_front::{Limits, Outcome, Refused, Speech, Trusted, Upstream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn with(mut upstream: Upstream, change: impl FnOnce(&mut Upstream)) -> Upstream {
    change(&mut upstream);
    upstream
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_are_cleaned() {
    let (behind, log) = upstream(echo, false).await;
    let mut upstream = to(behind);
    upstream.hidden_cookies = vec!["gate".to_owned()];
    let site = front(vec![upstream], Limits::default());
    let got = ask(
        site.address,
        "GET /hello?a=b HTTP/1.1\r\nHost: Ent.Example\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
         Keep-Alive: 5\r\nTE: trailers\r\nProxy: http://evil\r\nUpgrade: h2c\r\nX-Forwarded-For: 1.2.3.4\r\n\
         X-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\n\
         Cookie: a=1; gate=2\r\nX-End: 7\r\n\r\n",
    )
    .await;
    assert_eq!((got.status, &*got.body), (200, "hello"));
    assert_eq!((got.field("x-hop"), got.field("connection"), got.field("x-end")), (None, None, Some("1")));
    assert_eq!(got.field("set-cookie"), Some("gate=1; Path=/"));
    let mut asked: Vec<String> = log.last().lines().map(str::to_owned).collect();
    assert_eq!(asked.remove(0), "GET /hello?a=b HTTP/1.1");
    asked.sort();
    assert_eq!(
        asked,
        [
            "cookie: a=1",
            "forwarded: for=127.0.0.1;host=\"Ent.Example\";proto=http",
            "host: Ent.Example",
            "x-end: 7",
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: Ent.Example",
            "x-forwarded-proto: http",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_in_both_directions() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("transfer-encoding: chunked"), "{head}");
    // The first piece is back before the last has been sent.
    assert_eq!(client.until("first\r\n").await, "5\r\nfirst\r\n");
    client.send("6\r\nsecond\r\n").await;
    assert_eq!(client.until("second\r\n").await, "6\r\nsecond\r\n");
    client.send("0\r\n\r\n").await;
    assert_eq!(client.rest().await, "0\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_goes_through_in_little_memory() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let client = Raw::to(site.address).await;
    let (mut read, mut write) = client.stream.into_split();
    let most = 200_usize << 20;
    let before = preau_testkit::Usage::own().unwrap().memory;
    let sending = tokio::spawn(async move {
        let head = format!("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {most}\r\n\r\n");
        write.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..most >> 20 {
            write.write_all(&piece).await.unwrap();
        }
        write
    });
    let (mut room, mut received, mut peak) = (vec![0; 1 << 16], 0, 0);
    while received < most {
        let length = read.read(&mut room).await.unwrap();
        assert!(length > 0, "closed after {received}");
        received += length;
        if received % 97 == 0 {
            peak = peak.max(preau_testkit::Usage::own().unwrap().memory);
        }
    }
    drop(sending.await.unwrap());
    // Client, front and upstream together; the body alone would be 200 MB.
    assert!(peak.saturating_sub(before) < 40 << 20, "{before} {peak}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_the_upstream_are_kept() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    for _ in 0..50 {
        assert_eq!(client.ask(&get("/hello")).await.body, "hello");
    }
    // The kept ones lie with the thread that used them; there are few threads.
    let threads = std::thread::available_parallelism().unwrap().get();
    assert!(log.connections.load(Ordering::Relaxed) <= threads + 1, "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_releases_a_session() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let got = ask(site.address, "GET /session-ends HTTP/1.1\r\nHost: a\r\nCookie: gate=x7\r\n\r\n").await;
    assert_eq!((&*got.body, got.field("preau-session")), ("bye", None));
    assert!(got.head.contains("gate=; Max-Age=0"), "{}", got.head);
    assert_eq!(*site.front.door().released.lock().unwrap(), ["seat of x7"]);
    // A client cannot do that for others, or for the upstream's ears.
    let asked = "GET /hello HTTP/1.1\r\nHost: a\r\nPreau-Session: ended\r\n\r\n";
    assert_eq!(ask(site.address, asked).await.field("preau-session"), None);
    assert_eq!(site.front.door().released.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_gives_one_sample() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    ask(site.address, &get("/hello")).await;
    ask(site.address, &get("/missing")).await;
    ask(site.address, &get("/now")).await;
    let samples = site.samples.0.lock().unwrap().clone();
    let outcomes: Vec<Outcome> = samples.iter().map(|sample| sample.outcome).collect();
    assert_eq!(outcomes, [Outcome::Status(200), Outcome::Status(404)]);
    assert!(samples.iter().all(|sample| sample.class == 7 && sample.inflight == 1 && sample.site == 0));
    assert_eq!(site.front.backend().inflight(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_lead_to_their_upstreams() {
    let (first, _) = upstream(|_| http::Response::new(full("one")), false).await;
    let (second, _) = upstream(|_| http::Response::new(full("two")), false).await;
    let named = |address, host: &str| with(to(address), |it| it.hosts = vec![host.to_owned()]);
    let site = front(vec![named(first, "one.example"), named(second, "two.example")], Limits::default());
    let asked = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(ask(site.address, &asked("ONE.example:8080")).await.body, "one");
    assert_eq!(ask(site.address, &asked("two.example")).await.body, "two");
    assert_eq!(ask(site.address, &asked("three.example")).await.status, 421);
    let absolute = "GET http://two.example/ HTTP/1.1\r\nHost: one.example\r\n\r\n";
    assert_eq!(ask(site.address, absolute).await.body, "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_may_speak_http2() {
    let (behind, log) = upstream(echo, true).await;
    let site = front(vec![with(to(behind), |it| it.speech = Speech::Http2)], Limits::default());
    let mut client = Raw::to(site.address).await;
    let form = "POST /echo?q HTTP/1.1\r\nHost: ent.example\r\nContent-Length: 4\r\n\r\nbody";
    assert_eq!(client.ask(form).await.body, "body");
    assert_eq!(client.ask(&get("/hello")).await.body, "hello");
    assert!(log.all()[0].starts_with("POST http://ent.example/echo?q HTTP/2.0"), "{:?}", log.all());
    assert!(log.connections.load(Ordering::Relaxed) <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_speak_http2() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let (mut sender, driver) = builder.handshake::<_, http_body_util::Full<bytes::Bytes>>(io).await.unwrap();
    tokio::spawn(driver);
    let request = |path: &str, body: &'static str| {
        http::Request::builder()
            .method(if body.is_empty() { "GET" } else { "POST" })
            .uri(format!("http://ent.example{path}"))
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes())))
            .unwrap()
    };
    use http_body_util::BodyExt as _;
    let mut said = Vec::new();
    for (path, body) in [("/now", ""), ("/hello", ""), ("/echo", "text"), ("/wait-and-close", "")] {
        sender.ready().await.unwrap();
        let response = sender.send_request(request(path, body)).await.unwrap();
        said.push(response.into_body().collect().await.unwrap().to_bytes());
    }
    assert_eq!(said, ["{}", "hello", "text", "later"]);
    let asked = log.all();
    assert!(asked[0].contains("GET /hello HTTP/1.1") && asked[0].contains("host: ent.example"), "{asked:?}");
    // Many fields of cookies become one line for HTTP/1.1.
    assert!(asked[0].contains("cookie: a=1; b=2"), "{asked:?}");
    // The answer that closes says goodbye.
    assert!(
        tokio::time::timeout(Duration::from_secs(10), async {
            while sender.ready().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .is_ok()
    );
}

/// An upstream that does to each connection, in order, what it is told.
async fn scripted(script: &'static [&'static str]) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        for lines in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            for line in lines.split('|') {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                seen.fetch_add(usize::from(!head.is_empty()), Ordering::Relaxed);
                match line {
                    "ok" => {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap()
                    }
                    "silent" => tokio::time::sleep(Duration::from_secs(30)).await,
                    "short" => {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap()
                    }
                    "noise" => stream.write_all(b"220 smtp.example ready\r\n\r\n").await.unwrap(),
                    "both" => {
                        let both = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
                        stream.write_all(both).await.unwrap();
                    }
                    _ => {}
                }
            }
        }
        std::future::pending::<()>().await;
    });
    (address, heads)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_sent_again_is_sent_again_once() {
    // A kept connection on which the upstream takes a request and hangs up instead of answering.
    let (behind, heads) = scripted(&["ok|hang up", "ok|hang up", "ok"]).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    assert_eq!(client.ask(&get("/")).await.body, "ok");
    assert_eq!(client.ask(&get("/")).await.body, "ok");
    assert_eq!(heads.load(Ordering::Relaxed), 3);
    // A form is never sent twice: nobody knows what became of the first.
    let (behind, heads) = scripted(&["ok|hang up", "ok"]).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    let form = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.ask(form).await.body, "ok");
    assert_eq!(client.ask(form).await.status, 502);
    assert_eq!(heads.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_connection_that_breaks_is_no_reason_to_try_again() {
    let (behind, heads) = scripted(&["hang up", "ok"]).await;
    let site = front(vec![to(behind)], Limits::default());
    assert_eq!(ask(site.address, &get("/")).await.status, 502);
    assert_eq!(heads.load(Ordering::Relaxed), 1);
    assert_eq!(ask(site.address, &get("/")).await.body, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_that_fail_are_told_apart() {
    let (nobody, _) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener.local_addr().unwrap(), drop(listener))
    };
    let site = front(vec![to(nobody)], Limits::default());
    let got = ask(site.address, &get("/")).await;
    assert_eq!(got.status, 502);
    assert!(got.body.contains("Le service ne répond pas"), "{}", got.body);
    assert_eq!(site.samples.0.lock().unwrap()[0].outcome, Outcome::Failed(Refused::Unreachable));

    let (silent, _) = scripted(&["silent"]).await;
    let site = front(vec![with(to(silent), |it| it.head = Duration::from_millis(200))], Limits::default());
    assert_eq!(ask(site.address, &get("/")).await.status, 504);

    let (noise, _) = scripted(&["noise"]).await;
    let site = front(vec![to(noise)], Limits::default());
    assert_eq!(ask(site.address, &get("/")).await.status, 502);

    // A body that ends too early must not look whole.
    let (short, _) = scripted(&["short"]).await;
    let site = front(vec![to(short)], Limits::default());
    let mut client = Raw::to(site.address).await;
    client.send(get("/")).await;
    // How much of it is out when the upstream breaks off is a matter of luck.
    let all = client.rest().await;
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_default();
    assert!(all.is_empty() || head.contains("content-length: 9"), "{all}");
    assert!("half".starts_with(body), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_framed_twice_does_not_reach_the_next_request() {
    let (behind, _) = scripted(&["both", "ok"]).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    let first = client.ask(&get("/")).await;
    assert!(first.status == 502 || first.body.is_empty(), "{first:?}");
    let second = client.ask(&get("/")).await;
    assert!(second.body == "ok" || second.status == 502, "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![with(to(behind), |it| it.body = 10)], brisk());
    let told = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n";
    assert_eq!(ask(site.address, told).await.status, 413);
    assert!(log.all().is_empty());
    let mut client = Raw::to(site.address).await;
    client.send("POST /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send("8\r\n12345678\r\n8\r\n12345678\r\n").await;
    let answer = client.rest().await;
    // The upstream may have answered before the ninth byte, or never hears of the end.
    assert!(answer.starts_with("HTTP/1.1 413 ") || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // A body that stops on its way.
    let mut client = Raw::to(site.address).await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123").await;
    let answer = client.rest().await;
    assert!(!answer.contains("1234"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_upstream_is_spared() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    site.front.backend().allow(0, 1);
    let mut busy = Raw::to(site.address).await;
    busy.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1").await;
    busy.until("\r\n\r\n").await;
    assert_eq!(site.front.backend().inflight(0), 1);
    let got = ask(site.address, &get("/hello")).await;
    assert_eq!((got.status, got.field("retry-after")), (503, Some("5")));
    busy.send("2").await;
    busy.until("2").await;
    drop(busy);
    for _ in 0..100 {
        if site.front.backend().inflight(0) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(site.address, &get("/hello")).await.status, 200);
    assert_eq!(log.all().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_leaves_is_noticed() {
    let (behind, _) = scripted(&["silent"]).await;
    let site = front(vec![to(behind)], Limits::default());
    let mut client = Raw::to(site.address).await;
    client.send(get("/")).await;
    while site.front.backend().inflight(0) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    while site.front.backend().inflight(0) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(site.samples.0.lock().unwrap()[0].outcome, Outcome::Left);
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_go_through_and_other_upgrades_do_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            head.contains("connection: upgrade\r\n") && head.contains("sec-websocket-key: abc"),
            "{head}"
        );
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst",
            )
            .await
            .unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let site = front(vec![to(behind)], brisk());
    let mut client = Raw::to(site.address).await;
    client
        .send("GET /rtc HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n")
        .await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: websocket"), "{head}");
    assert_eq!(client.exactly(5).await, "first");
    client.send("ping").await;
    assert_eq!(client.exactly(4).await, "ping");
    // It counts as open, and idle bounds of requests do not touch it.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    client.send("pong").await;
    assert_eq!(client.exactly(4).await, "pong");
    assert_eq!(site.front.open(), 1);

    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], Limits::default());
    let asked = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    assert_eq!(ask(site.address, asked).await.body, "hello");
    assert!(!log.last().contains("upgrade") && !log.last().contains("settings"), "{}", log.last());
    assert_eq!(ask(site.address, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_balancers_say_who_the_client_is() {
    let (behind, log) = upstream(echo, false).await;
    let trusted = || Trusted::parse(["127.0.0.0/8"]).unwrap();
    let site = front_with(vec![to(behind)], Limits::default(), trusted(), true);
    let asked = format!("PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n{}", get("/hello"));
    assert_eq!(ask(site.address, &asked).await.body, "hello");
    assert!(log.last().contains("x-forwarded-for: 203.0.113.9"), "{}", log.last());
    assert_eq!(site.front.door().clients.lock().unwrap().pop().unwrap(), "203.0.113.9 false");
    // In two pieces, version 2, and with a lie inside.
    let mut client = Raw::to(site.address).await;
    let mut block = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    block.extend([198, 51, 100, 7, 127, 0, 0, 1, 0x13, 0x88, 0, 80]);
    client.send(&block[..20]).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    client.send(&block[20..]).await;
    let got = client.ask("GET /hello HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n").await;
    assert_eq!(got.body, "hello");
    assert!(log.last().contains("x-forwarded-for: 198.51.100.7"), "{}", log.last());
    // A balancer that forgets the header, or sends nonsense, is not served.
    let mut client = Raw::to(site.address).await;
    client.send(get("/hello")).await;
    assert_eq!(client.rest().await, "");
    let before = log.all().len();

    // Fields of a trusted proxy are believed, and added to.
    let site = front_with(vec![to(behind)], Limits::default(), trusted(), false);
    let asked =
        "GET /hello HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n";
    ask(site.address, asked).await;
    assert_eq!(site.front.door().clients.lock().unwrap().pop().unwrap(), "203.0.113.9 true");
    assert!(log.last().contains("x-forwarded-for: 203.0.113.9, 127.0.0.1"), "{}", log.last());
    assert_eq!(log.all().len(), before + 1);

    // Somebody who is not trusted cannot begin with a PROXY header at all.
    let site = front_with(vec![to(behind)], Limits::default(), Trusted::default(), true);
    let asked = format!("PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n{}", get("/hello"));
    assert_eq!(ask(site.address, &asked).await.status, 505);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_cuts_nobody_off() {
    let (behind, _) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    let mut idle = Raw::to(site.address).await;
    idle.ask(&get("/now")).await;
    let mut kept = Raw::to(site.address).await;
    kept.ask(&get("/hello")).await;
    let mut busy = Raw::to(site.address).await;
    busy.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12").await;
    // Not a bare "12": the date of the answer may hold it too.
    busy.until("\r\n\r\n12").await;
    site.front.stop();
    // Who waits is answered once more and then sent to whoever has taken over.
    let got = idle.ask(&get("/now")).await;
    assert_eq!((&*got.body, got.field("connection")), ("{}", Some("close")));
    busy.send("34").await;
    assert_eq!(busy.until("34").await, "34");
    let got = kept.ask(&get("/hello")).await;
    assert_eq!((&*got.body, got.field("connection")), ("hello", Some("close")));
    assert_eq!((kept.rest().await, busy.rest().await), (String::new(), String::new()));
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(site.address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still accepting");
}
