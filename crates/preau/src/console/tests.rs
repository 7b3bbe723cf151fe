//! The console over real sockets: who is let in, what orders do, what stays as it was.

use super::command;
use crate::config::Config;
use crate::edge::{Clock, Platform};
use crate::store::Store;
use crate::testing::AT_7_55;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

struct Site {
    _folder: tempfile::TempDir,
    config: Config,
    platform: Platform,
    at: SocketAddr,
}

async fn site() -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::in_folder(folder.path().to_owned());
    config.gate.sessions = 300;
    let store = Store::open(&config.store.url).expect("a store");
    let platform = Platform::new(config.clone(), store, Clock::at(AT_7_55)).expect("a platform");
    let houses = vec![("school".to_owned(), platform.clone())];
    let any = "127.0.0.1:0".parse().expect("an address");
    let at = super::serve(any, &super::folder(&config), houses).await.expect("a console");
    Site { _folder: folder, config, platform, at }
}

fn said(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("a connection");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn secret(site: &Site) -> String {
    super::token::Token::read(&super::folder(&site.config)).expect("a token").authorization()
}

fn get(site: &Site, path: &str) -> String {
    said(site.at, &format!("GET {path} HTTP/1.0\r\nAuthorization: {}\r\n\r\n", secret(site)))
}

fn form(site: &Site, fields: &str, more: &str) -> String {
    let (secret, length) = (secret(site), fields.len());
    said(
        site.at,
        &format!(
            "POST /order HTTP/1.0\r\nAuthorization: {secret}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             {more}Content-Length: {length}\r\n\r\n{fields}"
        ),
    )
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_more_than_metrics_without_the_token() {
    let site = site().await;
    for path in ["/", "/status.json", "/order"] {
        let answer = said(site.at, &format!("GET {path} HTTP/1.0\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.0 401 "), "{answer}");
    }
    let metrics = said(site.at, "GET /metrics HTTP/1.0\r\n\r\n");
    assert!(metrics.contains("preau_gate_seats{house=\"school\"} 300\n"), "{metrics}");
    assert!(metrics.contains("preau_gate_lane_waiting{house=\"school\",lane=\"unknown\"} 0\n"), "{metrics}");
    let page = get(&site, "/?orders");
    assert!(!page.contains("http-equiv=\"refresh\"") && page.contains("<textarea"), "nothing typed is lost");
    let page = get(&site, "/");
    assert!(page.contains("http-equiv=\"refresh\"") && !page.contains("<textarea"));
    assert!(page.starts_with("HTTP/1.0 200 ") && page.contains("place prise sur 300"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_written_down_and_in_force_at_once() {
    let site = site().await;
    let page = get(&site, "/");
    let key =
        page.split("name=\"key\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key");
    let answer = form(&site, &format!("key={key}&house=school&order=ceiling&value=120"), "");
    assert!(answer.starts_with("HTTP/1.0 303 "), "{answer}");
    site.platform.door().turn();
    assert_eq!(site.platform.door().status().seats, 120);
    let journal = site
        .platform
        .store()
        .read_blocking::<_, crate::store::StoreError>(|conn| Ok(crate::store::journal_lines(conn, 0, 1000)?));
    let journal = journal.expect("a journal");
    assert!(journal.iter().any(|line| format!("{line:?}").contains("gate.ceiling")), "{journal:?}");
    // Another node, or this one after a restart, reads it from the store.
    let store = Store::open(&site.config.store.url).expect("a store");
    let other = Platform::new(site.config.clone(), store, Clock::at(AT_7_55)).expect("a platform");
    crate::edge::admission::follow(&other).await.expect("read");
    other.door().turn();
    assert_eq!(other.door().status().seats, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_order_changes_nothing() {
    let site = site().await;
    let before = site.platform.door().orders();
    let page = get(&site, "/");
    let key =
        page.split("name=\"key\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a key");
    let wrong = [
        ("key=0&order=stop&value=on".to_owned(), ""),
        ("order=stop&value=on".to_owned(), ""),
        (format!("key={key}&order=stop&value=on"), "Sec-Fetch-Site: cross-site\r\n"),
        (format!("key={key}&order=ceiling&value=0"), ""),
        (format!("key={key}&order=ceiling&value=many"), ""),
        (format!("key={key}&order=close&value=vip"), ""),
        (format!("key={key}&order=stop&value=on&house=other"), ""),
        (format!("key={key}&order=message&value={}", "x".repeat(301)), ""),
        (format!("key={key}&order=reboot"), ""),
    ];
    for (fields, more) in wrong {
        let answer = form(&site, &fields, more);
        assert!(answer.starts_with("HTTP/1.0 400 "), "{fields}: {answer}");
        assert_eq!(site.platform.door().orders(), before, "{fields}");
    }
    let huge = form(&site, &"x".repeat(20_000), "");
    assert!(huge.starts_with("HTTP/1.0 413 "), "{huge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_the_same() {
    let site = site().await;
    let (config, at) = (site.config.clone(), Some(site.at));
    let platform = site.platform.clone();
    let ran = tokio::task::spawn_blocking(move || {
        let order = |text: &str| command::order(&config, at, None, &words(text));
        order("message Les cours commencent à 8 h 30.").expect("taken");
        order("close unknown").expect("taken");
        order("stop on").expect("taken");
        order("stop off").expect("taken");
        let error = order("stop perhaps").expect_err("no order").to_string();
        assert!(error.contains("on or off"), "{error}");
        let error = order("ceiling 0").expect_err("out of bounds").to_string();
        assert!(error.contains("between 1 and"), "{error}");
        command::status(&config, at, true).expect("answered");
        let error = command::status(&config, None, false).expect_err("nowhere").to_string();
        assert!(error.contains("--console"), "{error}");
    });
    ran.await.expect("no panic");
    let orders = platform.door().orders();
    assert_eq!(orders.message.as_deref(), Some("Les cours commencent à 8 h 30."));
    assert_eq!(orders.closed, ["unknown"]);
    assert!(!orders.stopped);
}
