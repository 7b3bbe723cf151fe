//! Requests inside requests: whatever two servers could read in two ways ends at the front.
//!
//! Raw bytes, on a fresh connection (our own reader) and on one that hyper serves. The proof is at the
//! upstream: it must never see the inner request.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Raw, brisk, echo, front, get, to, upstream};
use std::time::Duration;

const INNER: &str = "GET /smuggled HTTP/1.1\r\nHost: ent.example\r\n\r\n";

fn attacks() -> Vec<String> {
    let length = INNER.len();
    let mut attacks = Vec::new();
    for fields in [
        // RFC 9112 section 11.2: both framings, in both orders.
        "Content-Length: 5\r\nTransfer-Encoding: chunked".to_owned(),
        "Transfer-Encoding: chunked\r\nContent-Length: 5".to_owned(),
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length: {length}, 0"),
        "Content-Length: +5".to_owned(),
        "Content-Length: -1".to_owned(),
        "Content-Length: 5 5".to_owned(),
        "Content-Length: 0x5".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        "Transfer-Encoding: chunked, identity".to_owned(),
        "Transfer-Encoding: identity".to_owned(),
        "Transfer-Encoding : chunked".to_owned(),
        "Transfer-Encoding\t: chunked".to_owned(),
        "Transfer-Encoding:\x0bchunked".to_owned(),
        // Obsolete line folding (RFC 9112 section 5.2).
        "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5".to_owned(),
        "Transfer-Encoding:\r\n chunked".to_owned(),
        "X: y\rTransfer-Encoding: chunked".to_owned(),
        "Foo\r\nTransfer-Encoding: chunked".to_owned(),
        "Content-Length: 5\0".to_owned(),
    ] {
        attacks.push(format!("POST /outer HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n0\r\n\r\n{INNER}"));
    }
    for chunks in [
        // Sizes that some read and some do not.
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5;ext\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
    ] {
        attacks.push(format!(
            "POST /outer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{INNER}"
        ));
    }
    // HTTP/1.0 knows no chunks.
    attacks.push(format!("POST /outer HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{INNER}"));
    attacks
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    for attack in attacks() {
        for warmed in [false, true] {
            let mut client = Raw::to(site.address).await;
            if warmed {
                assert_eq!(client.ask(&get("/hello")).await.body, "hello");
            }
            client.send(&attack).await;
            let answer = client.rest().await;
            // Refused, or answered once and closed; never a second answer.
            assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{attack:?} {warmed}: {answer}");
            let smuggled: Vec<String> =
                log.all().into_iter().filter(|asked| asked.contains("smuggled")).collect();
            assert!(smuggled.is_empty(), "{attack:?} {warmed}: {smuggled:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_connection_is_told_what_is_wrong() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    for attack in attacks().into_iter().take(20) {
        let mut client = Raw::to(site.address).await;
        client.send(&attack).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{attack:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert!(log.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_request_with_chunks_is_forwarded_and_then_the_connection_ends() {
    let (behind, log) = upstream(echo, false).await;
    let site = front(vec![to(behind)], brisk());
    let mut client = Raw::to(site.address).await;
    client
        .send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n{INNER}"
        ))
        .await;
    let got = client.response().await;
    assert_eq!((got.status, &*got.body, got.field("connection")), (200, "hello", Some("close")));
    assert_eq!(client.rest().await, "");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(log.all().len(), 1);
}
