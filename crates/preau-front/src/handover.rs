//! Restarting without closing the door: listening sockets from the service manager, or from the process
//! that goes, and the words that both understand.
//!
//! Sockets are passed as systemd does (`LISTEN_FDS`, sd_listen_fds(3)), readiness is told as systemd wants
//! it (`READY=1` to `NOTIFY_SOCKET`, sd_notify(3)); a process that starts its own successor speaks the same
//! two protocols in systemd's place. It decides no moment and knows no connection. Invariant: from the
//! first start to the last stop there is always a process that accepts from the same sockets, so that
//! nobody who connects is refused.

use crate::{Kind, Listen};
use command_fds::{CommandFdExt as _, FdMapping};
use listenfd::ListenFd;
use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Where systemd is reached by a process that some other process has started.
const MANAGER: &str = "PREAU_NOTIFY_MANAGER";

/// Sockets that were listening before this process began.
///
/// Call it first thing in `main`: it takes the variables out of the environment.
///
/// # Errors
/// When something was passed that is no listening TCP socket, or has a name we do not know: `http`,
/// `https`, `redirect`, each also with `+proxy` for the PROXY protocol (`FileDescriptorName=` in the unit).
pub fn inherited() -> io::Result<Vec<Listen>> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    (0..passed.len())
        .map(|place| {
            let name = names.next().unwrap_or_default();
            let (kind, proxy_protocol) = meaning(name).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("socket {place} has the name \"{name}\""))
            })?;
            let socket = passed.take_tcp_listener(place)?.ok_or(io::ErrorKind::NotFound)?;
            Ok(Listen { socket, kind, proxy_protocol })
        })
        .collect()
}

fn meaning(name: &str) -> Option<(Kind, bool)> {
    let (kind, proxy_protocol) = match name.strip_suffix("+proxy") {
        Some(kind) => (kind, true),
        None => (name, false),
    };
    let kind = match kind {
        // Systemd's word for a socket without a name, and the usual case.
        "http" | "unknown" | "" => Kind::Http,
        "https" => Kind::Https,
        "redirect" => Kind::Redirect,
        _ => return None,
    };
    Some((kind, proxy_protocol))
}

fn name(listen: &Listen) -> &'static str {
    match (listen.kind, listen.proxy_protocol) {
        (Kind::Http, false) => "http",
        (Kind::Http, true) => "http+proxy",
        (Kind::Https, false) => "https",
        (Kind::Https, true) => "https+proxy",
        (Kind::Redirect, false) => "redirect",
        (Kind::Redirect, true) => "redirect+proxy",
    }
}

/// Tells whoever started us that we serve (`READY=1`). Says whether anybody wanted to know.
///
/// # Errors
/// When somebody wanted to know and cannot be reached.
pub fn ready() -> io::Result<bool> {
    tell("NOTIFY_SOCKET", "READY=1")
}

/// Tells the service manager which process is the main one from now on, when a successor has taken over.
fn tell_main(pid: u32) -> io::Result<bool> {
    let manager = if env::var_os(MANAGER).is_some() { MANAGER } else { "NOTIFY_SOCKET" };
    tell(manager, &format!("MAINPID={pid}\nREADY=1"))
}

fn tell(variable: &str, words: &str) -> io::Result<bool> {
    let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else { return Ok(false) };
    // An address that begins with @ has no place in the file system (unix(7)).
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(words.as_bytes(), &address)?;
    Ok(true)
}

/// Starts the process that takes over: `command` gets the sockets and is waited for until it says that it
/// serves. After that, stop and drain; the sockets stay open in the successor.
///
/// It blocks; call it from a thread of its own.
///
/// # Errors
/// When it cannot be started, ends, or does not get ready within `within`: it is killed then, and this
/// process should go on serving.
pub fn succeed(command: &mut Command, sockets: &[Listen], within: Duration) -> io::Result<Child> {
    let own = format!("preau-handover-{}-{:p}", std::process::id(), sockets);
    let ear = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(own.as_bytes())?)?;
    ear.set_read_timeout(Some(Duration::from_millis(50)))?;
    if env::var_os(MANAGER).is_none()
        && let Some(manager) = env::var_os("NOTIFY_SOCKET")
    {
        command.env(MANAGER, manager);
    }
    pass(command, sockets)?;
    command.env("NOTIFY_SOCKET", format!("@{own}"));
    let mut child = command.spawn()?;
    let begun = Instant::now();
    let mut words = [0; 256];
    let failure = loop {
        if let Ok(length) = ear.recv(&mut words)
            && words[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
        {
            if let Err(error) = tell_main(child.id()) {
                tracing::warn!(%error, "the service manager was not told of the new process");
            }
            return Ok(child);
        }
        if let Some(status) = child.try_wait()? {
            break io::Error::other(format!("the new process ended: {status}"));
        }
        if begun.elapsed() >= within {
            break io::Error::new(io::ErrorKind::TimedOut, "the new process did not get ready in time");
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    Err(failure)
}

/// Puts `command` in this process' place, with the sockets: for a program that cannot run twice at the same
/// time (its database, its media port). Between the two, whoever connects waits in the kernel. Returns only
/// when it has failed.
///
/// Everything that must be written down has to be: nothing of this process runs any more afterwards.
#[must_use]
pub fn replace(command: &mut Command, sockets: &[Listen]) -> io::Error {
    match pass(command, sockets) {
        Ok(()) => command.exec(),
        Err(error) => error,
    }
}

/// Gives `command` the sockets and says so in its environment.
fn pass(command: &mut Command, sockets: &[Listen]) -> io::Result<()> {
    let number = |place: usize| i32::try_from(3 + place).map_err(io::Error::other);
    let mut passed = Vec::new();
    for (place, listen) in sockets.iter().enumerate() {
        let parent_fd = OwnedFd::from(TcpListener::try_clone(&listen.socket)?);
        passed.push(FdMapping { parent_fd, child_fd: number(place)? });
    }
    let names: Vec<&str> = sockets.iter().map(name).collect();
    command
        .env("LISTEN_FDS", sockets.len().to_string())
        .env("LISTEN_FDNAMES", names.join(":"))
        // Without it the count is believed; with ours it would be taken for somebody else's.
        .env_remove("LISTEN_PID")
        .fd_mappings(passed)
        .map_err(io::Error::other)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_they_say() {
        for (kind, proxy_protocol) in
            [(Kind::Http, false), (Kind::Http, true), (Kind::Https, false), (Kind::Redirect, true)]
        {
            let mut listen = Listen::bind("127.0.0.1:0".parse().unwrap(), kind).unwrap();
            listen.proxy_protocol = proxy_protocol;
            assert_eq!(meaning(name(&listen)), Some((kind, proxy_protocol)));
        }
        assert_eq!(meaning("unknown"), Some((Kind::Http, false)));
        assert_eq!(meaning("gopher"), None);
    }

    #[test]
    fn a_successor_that_fails_is_told() {
        let listen = Listen::bind("127.0.0.1:0".parse().unwrap(), Kind::Http).unwrap();
        let error = succeed(&mut Command::new("false"), &[listen], Duration::from_secs(20)).unwrap_err();
        assert!(error.to_string().contains("ended"), "{error}");
    }

    #[test]
    fn a_successor_that_says_nothing_is_ended() {
        let listen = Listen::bind("127.0.0.1:0".parse().unwrap(), Kind::Http).unwrap();
        let mut command = Command::new("sleep");
        let error = succeed(command.arg("60"), &[listen], Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
