//! A restart under load, with real processes: nobody is refused, nobody is cut off.
#![allow(clippy::unwrap_used)]

use preau_testkit::Program;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A small service that answers and, at `/slow`, takes its time over it.
fn service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        if head.starts_with(b"GET /slow") {
                            thread::sleep(Duration::from_millis(1500));
                        }
                        head.clear();
                        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer").is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// One request on this connection; says whether it is kept. `None` when it broke before any answer.
fn ask(stream: &mut TcpStream, path: &str) -> Option<(String, bool)> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).ok()?;
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap().to_lowercase();
    let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    Some((String::from_utf8(body).unwrap(), !head.contains("connection: close")))
}

#[test]
fn nobody_notices_a_restart() {
    let upstream = service();
    let program = Program::new(env!("CARGO_BIN_EXE_front-bare"), "serving http://").args([
        "--http",
        "127.0.0.1:0",
        "--upstream",
        &format!("http://{upstream}"),
        "--threads",
        "2",
        "--drain",
        "30",
    ]);
    let mut first = program.start().unwrap();
    let ready = first.ready_line().to_owned();
    let address: SocketAddr = ready.split("http://").nth(1).unwrap().trim().parse().unwrap();

    let over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    // Crowd: some keep their connection, some make a new one for each request; some wait, some are in.
    let crowd: Vec<_> = (0..8)
        .map(|number| {
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            thread::spawn(move || {
                let path = if number % 2 == 0 { "/now" } else { "/page" };
                while !over.load(Ordering::Relaxed) {
                    let mut stream = TcpStream::connect(address).expect("nobody is refused");
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    let requests = if number < 4 { 1 } else { 200 };
                    for _ in 0..requests {
                        let (_, kept) = ask(&mut stream, path).expect("nobody is cut off");
                        answered.fetch_add(1, Ordering::Relaxed);
                        if !kept {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    // Somebody who sits in a page that takes long, across the restart; and somebody who waits silently.
    let sitting = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        ask(&mut stream, "/slow").expect("a request under way is finished").0
    });
    let mut waiting = TcpStream::connect(address).unwrap();
    assert!(ask(&mut waiting, "/now").unwrap().1);
    thread::sleep(Duration::from_millis(300));

    let kill = |signal: &str, pid: u32| {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    };
    kill("-USR2", first.pid());
    let begun = Instant::now();
    let successor: u32 = loop {
        let said = first.output();
        if let Some(line) = said.lines().find_map(|line| line.trim().strip_prefix("successor ")) {
            break line.trim().parse().unwrap();
        }
        assert!(!said.contains("no successor"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(60), "no successor: {said}");
        thread::sleep(Duration::from_millis(20));
    };
    // The successor is nobody's child any more: it must not survive us, whatever happens below.
    let _guard = Killed(successor);
    assert_ne!(successor, first.pid());

    // Who waited silently is answered by the old process once more and told to come anew.
    let (_, kept) = ask(&mut waiting, "/now").expect("who waits is not cut off");
    assert!(!kept);
    assert_eq!(sitting.join().unwrap(), "answer");
    let before = answered.load(Ordering::Relaxed);
    thread::sleep(Duration::from_millis(500));
    assert!(answered.load(Ordering::Relaxed) > before, "the crowd stands still");

    // The old process goes when it has nobody left.
    let begun = Instant::now();
    while first.ended().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the old process stays: {}", first.output());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(first.output().contains("0 connections were still open"), "{}", first.output());
    thread::sleep(Duration::from_millis(200));
    over.store(true, Ordering::Relaxed);
    for person in crowd {
        person.join().unwrap();
    }
    // The sockets are the successor's now.
    let mut stream = TcpStream::connect(address).unwrap();
    assert!(ask(&mut stream, "/page").is_some());
    assert!(answered.load(Ordering::Relaxed) > 100);
}

struct Killed(u32);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.0.to_string()]).status();
    }
}
