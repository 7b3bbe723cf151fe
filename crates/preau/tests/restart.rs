//! A new version in the place of the running one, on the same sockets: who sits goes on sitting, who waits
//! keeps the place, and nobody who connects meanwhile is refused.

use preau_testkit::{Program, Running};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PREAU: &str = env!("CARGO_BIN_EXE_preau");

/// A browser: keeps cookies, one connection a request.
#[derive(Default, Clone)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn get(&mut self, at: &str, path: &str) -> Result<(u16, String), std::io::Error> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let cookies = cookies.join("; ");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {at}\r\naccept: text/html\r\ncookie: {cookies}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        for line in head.lines() {
            let set = line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            if let Some((name, value)) =
                set.and_then(|(_, set)| set.split(';').next()).and_then(|pair| pair.split_once('='))
            {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok((head[9..12].parse().unwrap_or(0), body.to_owned()))
    }
}

fn rank(page: &str) -> Option<&str> {
    page.split("data-rank=\"").nth(1)?.split('"').next()
}

fn signal(running: &Running, name: &str) {
    let sent = Command::new("kill").args([name, &running.pid().to_string()]).status().expect("kill");
    assert!(sent.success());
}

#[test]
fn a_new_version_takes_over_without_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let running = Program::new(PREAU, "Préau listens on")
        .args([
            "serve".as_ref(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
            "--data".as_ref(),
            folder.path().as_os_str(),
        ])
        .env("PREAU_GATE__SESSIONS", "1")
        .env("PREAU_LIVE__LISTEN", "127.0.0.1:0")
        .ready_within(Duration::from_secs(60))
        .start()
        .expect("a server");
    let at = running.address().expect("an address").trim_start_matches("http://").to_owned();
    let (mut sits, mut waits) = (Browser::default(), Browser::default());
    // A house that has just opened may need a second before the first seat.
    let mut seated = false;
    for _ in 0..60 {
        let (status, page) = sits.get(&at, "/sign-in").expect("an answer");
        assert_eq!(status, 200);
        seated = rank(&page).is_none();
        if seated {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(seated, "nobody got in");
    let (_, page) = waits.get(&at, "/sign-in").expect("an answer");
    let place = rank(&page).expect("a place").to_owned();
    // The state is written once a second.
    std::thread::sleep(Duration::from_millis(2_500));

    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..3)
        .map(|_| {
            let (over, at) = (Arc::clone(&over), at.clone());
            std::thread::spawn(move || {
                let mut answers = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let (status, _) = Browser::default().get(&at, "/now").expect("nobody is refused");
                    assert_eq!(status, 200);
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    for round in 2..5 {
        signal(&running, "-USR2");
        // The old one stops, the new one opens the database; a connection in between waits in the kernel.
        let started = || running.output().matches("Préau listens on").count() == round;
        assert!((0..600).any(|_| started() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }));
        let (_, page) = waits.get(&at, "/sign-in").expect("an answer");
        assert_eq!(rank(&page), Some(&*place), "the place is the same");
        let (_, page) = sits.get(&at, "/sign-in").expect("an answer");
        assert_eq!(rank(&page), None, "who sits goes on sitting");
    }
    over.store(true, Ordering::Relaxed);
    for one in crowd {
        assert!(one.join().expect("nobody was refused") > 3);
    }
}
