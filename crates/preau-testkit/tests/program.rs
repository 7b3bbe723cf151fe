//! A child process under guard: readiness, kill, restart, and an end that leaves nobody behind.
#![allow(clippy::unwrap_used, reason = "a test's helper may panic: that is how it fails")]

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use preau_testkit::Program;
use preau_testkit::program::Error;

/// Generous: a loaded machine is slow, and none of these tests waits this long unless it fails.
const LIMIT: Duration = Duration::from_secs(180);

fn shell(script: &str) -> Program {
    Program::new("/bin/sh", "ready").args(["-c", script]).ready_within(LIMIT)
}

fn alive(pid: u32) -> bool {
    // A zombie still has its folder in /proc, but no memory map left to read.
    std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| !maps.is_empty())
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn readiness_gives_the_address_and_the_output_is_kept() {
    let running = shell("echo one; echo 'ready at http://127.0.0.1:8123/, yes' >&2; exec sleep 60").start();
    let running = running.unwrap();
    assert_eq!(running.address(), Some("http://127.0.0.1:8123"));
    wait_until("both outputs are read", || running.output().contains("one"));
}

#[test]
fn a_program_that_ends_at_once_tells_why() {
    let error = shell("echo 'port 8000 is taken' >&2; exit 3").start().unwrap_err();
    assert!(matches!(&error, Error::Ended { status, .. } if status.code() == Some(3)), "{error}");
    assert!(error.to_string().contains("port 8000 is taken"), "{error}");
}

#[test]
fn a_silent_program_is_given_up_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 60", file.display());
    let error = shell(&script).ready_within(Duration::from_millis(300)).start().unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
    let pid: u32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    assert!(!alive(pid));
}

#[test]
fn a_missing_program_is_named() {
    let error = Program::new("/no/such/server", "ready").start().unwrap_err();
    assert!(error.to_string().starts_with("/no/such/server could not be started"), "{error}");
}

#[test]
fn kill_is_a_kill_and_the_same_program_starts_again() {
    let program = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let first = program.start().unwrap();
    let first_pid = first.pid();
    assert_eq!(first.kill().unwrap().signal(), Some(9));
    let second = program.start().unwrap();
    assert_ne!(second.pid(), first_pid);
    assert!(alive(second.pid()) && !alive(first_pid));
}

#[test]
fn an_orderly_end_and_a_stubborn_program() {
    let orderly = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done").start().unwrap();
    assert_eq!(orderly.terminate(LIMIT).unwrap().code(), Some(7));
    let stubborn = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done").start().unwrap();
    let pid = stubborn.pid();
    let error = stubborn.terminate(Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, Error::Stubborn { .. }), "{error}");
    assert!(!alive(pid));
}

#[test]
fn a_talkative_program_never_blocks() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo ready; exec sleep 60";
    let running = shell(script).start().unwrap();
    assert!(running.output().lines().count() <= 200);
    assert!(running.output().ends_with("ready"));
}

/// Kills a process that has started a server, and tells that server's number.
fn killed_test_process(what: &str, folder: &Path) -> u32 {
    let file = folder.join("pid");
    let mut mortal = Command::new(env!("CARGO_BIN_EXE_testkit-mortal")).arg(what).arg(&file).spawn().unwrap();
    wait_until("it has started its server", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    mortal.kill().unwrap();
    mortal.wait().unwrap();
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

#[test]
fn a_server_does_not_outlive_a_killed_test_process() {
    let folder = tempfile::tempdir().unwrap();
    let server = killed_test_process("server", folder.path());
    wait_until("the orphan is gone", || !alive(server));
}

#[test]
fn a_cluster_does_not_outlive_a_killed_test_process() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = killed_test_process("postgres", folder.path());
    wait_until("PostgreSQL is gone", || !alive(postgres));
}
