//! A tiny server for the tests of the kill harness: it keeps numbers in a file, one a line.
//!
//! `testkit-ledger FILE honest` acknowledges a number once it is in the file. `… FILE hasty`
//! acknowledges first and writes in batches, as a careless server would: the harness must catch it.
//! A line `+7` adds a number and is answered `ok`; a line `?` is answered by all numbers and `end`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Lines the hasty server holds back before it writes them.
const HELD_BACK: usize = 64;

struct Ledger {
    path: PathBuf,
    file: File,
    hasty: bool,
    held_back: Vec<u8>,
    lines: usize,
}

impl Ledger {
    fn add(&mut self, number: &str) -> io::Result<()> {
        if !self.hasty {
            return self.file.write_all(format!("{number}\n").as_bytes());
        }
        self.held_back.extend_from_slice(number.as_bytes());
        self.held_back.push(b'\n');
        self.lines += 1;
        if self.lines == HELD_BACK {
            self.file.write_all(&self.held_back)?;
            self.held_back.clear();
            self.lines = 0;
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(manner)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        return Err(io::Error::other("usage: testkit-ledger FILE honest|hasty"));
    };
    let file = OpenOptions::new().create(true).append(true).open(&path)?;
    let hasty = manner == "hasty";
    let ledger = Arc::new(Mutex::new(Ledger { path, file, hasty, held_back: Vec::new(), lines: 0 }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("listening on http://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, ledger) = (stream?, Arc::clone(&ledger));
        thread::spawn(move || converse(&stream, &ledger));
    }
    Ok(())
}

fn converse(mut stream: &TcpStream, ledger: &Mutex<Ledger>) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        match line.strip_prefix('+') {
            Some(number) => {
                ledger.add(number)?;
                stream.write_all(b"ok\n")?;
            }
            None => {
                let all = std::fs::read(&ledger.path)?;
                stream.write_all(&all)?;
                stream.write_all(b"end\n")?;
            }
        }
    }
    Ok(())
}
