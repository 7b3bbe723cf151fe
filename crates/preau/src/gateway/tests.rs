//! The gate in front of a service, with real sockets: a second browser waits and gets in when the first leaves.

use super::bounded::Bounded;
use super::{Service, door::GateDoor, open};
use crate::config::Config;
use crate::edge::{Bounds, Clock, Valves};
use crate::testing::AT_7_55;
use preau_front::{Front, Kind, Limits, Listen, Trusted, Upstreams};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A service that answers every request with what it was asked, and ends the session on `/leave`.
fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            std::thread::spawn(move || {
                let mut seen = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(read) = stream.read(&mut piece) {
                    seen.extend_from_slice(&piece[..read]);
                    if read == 0 {
                        break;
                    }
                    let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&seen[..end]).into_owned();
                    seen.drain(..end + 4);
                    let leaves = if head.starts_with("GET /leave") { "preau-session: ended\r\n" } else { "" };
                    let answer =
                        format!("HTTP/1.1 200 OK\r\n{leaves}content-length: {}\r\n\r\n{head}", head.len());
                    if stream.write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// A browser: keeps cookies, one connection a request.
#[derive(Default)]
struct Browser {
    cookies: std::collections::BTreeMap<String, String>,
}

impl Browser {
    fn get(&mut self, at: SocketAddr, path: &str) -> (u16, String) {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(at).expect("a connection");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/html\r\ncookie: own=1; {}\r\nconnection: close\r\n\r\n",
            cookies.join("; ")
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        for line in head.lines() {
            if let Some(set) = line.strip_prefix("set-cookie: ") {
                let (name, value) =
                    set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
                if set.contains("Max-Age=0") {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        (head[9..12].parse().expect("a status"), body.to_owned())
    }
}

#[test]
fn a_service_that_knows_nothing_of_us_has_a_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::at(AT_7_55);
    let behind = service();
    let service: Service = format!("http://{behind}").parse().expect("an address");
    let config_of = |name: &str| {
        let mut config = Config::in_folder(folder.path().join(name));
        config.gate.sessions = 1;
        Ok(config)
    };
    let platform =
        open(&service, &super::GatewayOptions::default(), &config_of, clock.clone()).expect("a gate");
    let upstream = service.upstream(&platform).expect("an address");
    let valves = Valves::new(["reading", "doing"].map(|name| (name.to_owned(), Bounds::default())));
    let gauge = Arc::new(Bounded::new(vec![valves], clock.clone()));
    let backend = Upstreams::new(vec![upstream], gauge).expect("a backend");
    let door = GateDoor::new(vec![platform.clone()]);
    let front = Front::new(door, backend, Limits::default(), Trusted::default(), None);
    let listen = Listen::bind("127.0.0.1:0".parse().expect("an address"), Kind::Http).expect("a socket");
    let at = listen.socket.local_addr().expect("an address");
    let serving = {
        let front = front.clone();
        std::thread::spawn(move || front.serve_on_threads(vec![listen], 1))
    };

    let (mut first, mut second) = (Browser::default(), Browser::default());
    let (status, seen) = first.get(at, "/cours?id=3");
    assert_eq!(status, 200);
    assert!(seen.starts_with("GET /cours?id=3 HTTP/1.1"), "{seen}");
    assert!(first.cookies.contains_key("preau_gate"), "{:?}", first.cookies);
    let (_, seen) = first.get(at, "/again");
    assert!(
        seen.contains("own=1") && !seen.contains("preau_gate"),
        "our cookies are not the service's: {seen}"
    );

    let (status, page) = second.get(at, "/cours");
    assert_eq!(status, 200);
    assert!(page.contains("id=\"waiting\"") && page.len() < 10_000, "{page}");
    assert!(!page.contains("est notée"), "nobody writes presence down here: {page}");
    let ticket = second.cookies.get("preau_ticket").cloned().expect("a ticket");
    second.get(at, "/cours");
    assert_eq!(second.cookies.get("preau_ticket"), Some(&ticket), "a reload changes nothing");
    let (_, now) = second.get(at, "/now");
    assert!(now.len() <= 200 && now.starts_with('{'), "{now}");

    // The service says that the first one has left.
    first.get(at, "/leave");
    assert!(!first.cookies.contains_key("preau_gate"), "{:?}", first.cookies);
    // Five seconds later the one who waits is called.
    clock.set(AT_7_55 + 5_000);
    platform.door().turn();
    let (_, seen) = second.get(at, "/cours");
    assert!(seen.starts_with("GET /cours HTTP/1.1"), "{seen}");
    front.stop();
    serving.join().expect("no panic").expect("served");
}

#[test]
fn services_are_named_with_or_without_a_host() {
    let read = |text: &str| text.parse::<Service>();
    assert_eq!(read("http://127.0.0.1:9").map(|service| service.hosts), Ok(Vec::new()));
    let named = read("Moodle.example.fr=https://10.0.0.5:8443").expect("a service");
    assert_eq!(
        (named.hosts, named.own.url.as_str()),
        (vec!["moodle.example.fr".to_owned()], "https://10.0.0.5:8443")
    );
    for bad in ["", "127.0.0.1:9", "ftp://x", "http://x/path", "a b=http://x", "../x=http://x", "=http://x"] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
