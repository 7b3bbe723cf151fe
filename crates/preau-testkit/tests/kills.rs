//! The kill harness itself: it passes an honest server and catches one that lies.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use preau_testkit::kills::{self, Error, Number, Rounds};
use preau_testkit::{Program, Running};

fn ledger(folder: &tempfile::TempDir, manner: &str) -> Program {
    let file = folder.path().join("ledger").into_os_string();
    Program::new(env!("CARGO_BIN_EXE_testkit-ledger"), "listening on").args([file, manner.into()])
}

fn connect(server: &Running) -> io::Result<TcpStream> {
    let address = server.address().ok_or_else(|| io::Error::other("no address"))?;
    TcpStream::connect(address.trim_start_matches("http://"))
}

fn write(server: &Running, number: Number) -> bool {
    let send = || -> io::Result<String> {
        let mut stream = connect(server)?;
        stream.write_all(format!("+{number}\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    };
    send().is_ok_and(|answer| answer == "ok\n")
}

fn read_back(server: &Running) -> io::Result<BTreeSet<Number>> {
    let mut stream = connect(server)?;
    stream.write_all(b"?\n")?;
    let mut numbers = BTreeSet::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line == "end" {
            return Ok(numbers);
        }
        numbers.insert(line.parse().map_err(io::Error::other)?);
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn ten(seed: u64) -> Rounds {
    Rounds {
        kills: 10,
        between: (Duration::from_millis(2), Duration::from_millis(40)),
        ..Rounds::fifty(seed)
    }
}

#[test]
fn an_honest_server_passes_and_was_really_hit() {
    let folder = tempfile::tempdir().unwrap();
    let report = kills::run(&ledger(&folder, "honest"), ten(1), write, read_back).unwrap();
    assert!(report.acknowledged > 50, "{report:?}");
    assert!(report.hits >= 5, "{report:?}");
}

#[test]
fn a_server_that_acknowledges_before_it_writes_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    match kills::run(&ledger(&folder, "hasty"), ten(2), write, read_back) {
        Err(Error::Lost { lost, first, seed, .. }) => {
            assert_eq!((lost.first(), seed), (Some(&first), 2));
        }
        other => panic!("the lie was not caught: {other:?}"),
    }
}

#[test]
fn a_server_that_never_acknowledges_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let rounds = Rounds { kills: 2, ..ten(3) };
    let result = kills::run(&ledger(&folder, "honest"), rounds, |_, _| false, read_back);
    assert!(matches!(result, Err(Error::NothingWritten { kills: 2 })), "{result:?}");
}
