//! `kill -9`, again and again, while teachers publish homework: every page that said "published" is
//! found afterwards, and the journal holds each time.
//!
//! The real server, over HTTP, with a real sign-in; looked at afterwards past the server. On PostgreSQL
//! the server is killed too, and once the database under a server that goes on.

mod browser;

use browser::Browser;
use diesel::prelude::*;
use preau::store::schema::homework;
use preau::store::{Store, StoreError};
use preau_testkit::kills::{self, Report, Rounds};
use preau_testkit::postgres::Durability;
use preau_testkit::{Postgres, Program, Running};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PREAU: &str = env!("CARGO_BIN_EXE_preau");

/// A demonstration school on a database, and a teacher of it who is signed in.
struct School {
    folder: tempfile::TempDir,
    url: String,
    teacher: Browser,
    csrf: String,
    group: String,
}

impl School {
    fn open(url: impl FnOnce(&Path) -> String) -> School {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = url(folder.path());
        let accounts = folder.path().join("accounts.json");
        let demo = program("demo", folder.path(), &url).args(["--accounts".as_ref(), accounts.as_os_str()]);
        let running = demo.ready_within(Duration::from_secs(120)).start().expect("the demonstration school");
        let address = running.address().expect("an address").to_owned();
        let list: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&accounts).expect("the accounts")).expect("a JSON list");
        let account = list
            .as_array()
            .and_then(|accounts| accounts.iter().find(|account| account["role"] == "teacher"))
            .expect("a teacher");
        let text = |key: &str| account[key].as_str().expect("a text").to_owned();

        let mut teacher = Browser::default();
        let form = teacher.get(&address, "/sign-in").expect("the form");
        let (csrf, login, password) = (form.csrf(), text("login"), text("password"));
        let fields = [("csrf", &*csrf), ("login", &*login), ("password", &*password), ("remember", "on")];
        let reply = teacher.post(&address, "/sign-in", &fields).expect("an answer");
        assert_eq!(reply.status, 303, "signed in: {}", reply.text);
        let form = teacher.get(&address, "/homework/new").expect("the form");
        assert_eq!(form.status, 200, "{}", form.text);
        let group = form
            .between("name=\"group\"", "</select>")
            .and_then(|select| {
                let mut options = select.split("value=\"").skip(1).filter_map(|rest| rest.split('"').next());
                options.find(|id| preau::ids::parse(id).is_ok())
            })
            .expect("a class to choose")
            .to_owned();
        let csrf = form.csrf();
        running.kill().expect("ended");
        School { folder, url, teacher, csrf, group }
    }

    fn server(&self) -> Program {
        program("serve", self.folder.path(), &self.url)
    }

    /// Publishes homework with a number; true when the server says that it is published.
    fn publish(&self, running: &Running, number: u64) -> bool {
        let text = format!("kill-{number}");
        let fields = [
            ("csrf", self.csrf.as_str()),
            ("group", self.group.as_str()),
            ("lesson_log", text.as_str()),
            ("work", ""),
            ("due", ""),
        ];
        let address = running.address().unwrap_or_default();
        match self.teacher.post_multipart(address, "/homework", &fields) {
            Ok(reply) if reply.status == 303 => true,
            Ok(reply) if reply.status >= 500 => false,
            Ok(reply) => panic!("the form was refused: {}", reply.text),
            Err(_) => false,
        }
    }

    /// Every number that the database holds, read past the server, and the journal walked.
    fn numbers(&self) -> Result<BTreeSet<u64>, String> {
        let verified = self.preau("evidence").arg("verify").output().map_err(|error| error.to_string())?;
        if !verified.status.success() {
            return Err(format!("{verified:?}"));
        }
        let store = Store::open_to_read(&self.url).map_err(|error| error.to_string())?;
        let texts: Vec<String> = store
            .read_blocking::<_, StoreError>(|conn| {
                Ok(homework::table
                    .filter(homework::lesson_log.like("kill-%"))
                    .select(homework::lesson_log)
                    .load(conn)?)
            })
            .map_err(|error| error.to_string())?;
        Ok(texts.iter().filter_map(|text| text.strip_prefix("kill-")?.parse().ok()).collect())
    }

    fn preau(&self, command: &str) -> Command {
        let mut preau = Command::new(PREAU);
        preau.arg(command).env("PREAU_STORE__URL", &self.url).current_dir(self.folder.path());
        preau
    }

    fn rounds(&self, rounds: Rounds) -> Report {
        kills::run(
            &self.server(),
            rounds,
            |running, number| self.publish(running, number),
            |_| self.numbers(),
        )
        .unwrap_or_else(|error| panic!("{error}"))
    }
}

fn program(command: &str, folder: &Path, url: &str) -> Program {
    Program::new(PREAU, "listens on http://")
        .args([command, "--listen", "127.0.0.1:0", "--data"])
        .args([folder])
        .env("PREAU_STORE__URL", url)
        .env("PREAU_LIVE__LISTEN", "127.0.0.1:0")
        .env("PREAU_LOG", "warn")
}

#[test]
fn fifty_kills_lose_nothing_on_sqlite() {
    let school = School::open(|folder| format!("sqlite:{}", folder.join("preau.db").display()));
    let report = school.rounds(Rounds {
        between: (Duration::from_millis(20), Duration::from_millis(250)),
        ..Rounds::fifty(2026)
    });
    // Rounds that hit no write under way prove nothing.
    assert!(report.hits >= 40 && report.acknowledged >= 200, "{report:?}");
    println!("{report:?}");
}

#[test]
fn kills_lose_nothing_on_postgres() {
    let cluster = Postgres::start(Durability::On).expect("PostgreSQL");
    let database = cluster.database().expect("a database");
    let school = School::open(|_| database.url().to_owned());
    let between = (Duration::from_millis(50), Duration::from_millis(400));
    let report = school.rounds(Rounds { kills: 8, writers: 4, between, seed: 7 });
    assert!(report.hits >= 6 && report.acknowledged >= 20, "{report:?}");
    println!("{report:?}");
}

#[test]
fn a_database_that_crashes_loses_nothing_and_the_server_goes_on() {
    let cluster = Postgres::start(Durability::On).expect("PostgreSQL");
    let database = cluster.database().expect("a database");
    let school = School::open(|_| database.url().to_owned());
    let running = school.server().start().expect("the server");
    let acknowledged = Mutex::new(BTreeSet::new());
    let (next, over) = (AtomicU64::new(1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if school.publish(&running, number) {
                        acknowledged.lock().expect("no panic").insert(number);
                    }
                }
            });
        }
        for _ in 0..3 {
            // The crash comes once there are ten acknowledged writes more, with four under way.
            let so_far = || acknowledged.lock().expect("no panic").len();
            let (enough, begun) = (so_far() + 10, Instant::now());
            while so_far() < enough && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if so_far() < enough {
                over.store(true, Ordering::Relaxed);
                panic!("the server does not write any more: {}", running.output());
            }
            cluster.kill().expect("killed");
            cluster.start_again().expect("recovered");
        }
        over.store(true, Ordering::Relaxed);
    });
    let held = school.numbers().expect("read back");
    let acknowledged = acknowledged.into_inner().expect("no panic");
    let lost: Vec<_> = acknowledged.difference(&held).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    println!("{} acknowledged over three crashes", acknowledged.len());
}
