//! Those who ask: wrk, handshakes one after the other, and connections that only wait.

use crate::Outcome;
use crate::peers::Served;
use preau_testkit::Usage;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName};

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one contestant is asked, once a round.
const SPAN: Duration = Duration::from_secs(2);

/// Requests answered.
pub(crate) fn wrk(address: SocketAddr, path: &str, header: &str) -> Outcome<u64> {
    let url = format!("http://{address}{path}");
    let span = format!("{}s", SPAN.as_secs());
    let output = Command::new("wrk").args(["-t1", "-c64", "-d", &span, "-H", header, &url]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Socket errors") {
        return Err(format!("wrk at {url}: {text}").into());
    }
    let line = text.lines().find(|line| line.contains(" requests in ")).ok_or_else(|| text.clone())?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}

fn client(root: &CertificateDer<'static>) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Nobody has been here before.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
) -> Outcome<StreamOwned<ClientConnection, TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from("bench.example")?)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Full TLS 1.3 handshakes, each with one small request, so that the tickets are sent too.
pub(crate) fn handshakes(address: SocketAddr, root: &CertificateDer<'static>) -> Outcome<u64> {
    let config = client(root)?;
    let begun = Instant::now();
    let mut done = 0;
    while begun.elapsed() < SPAN {
        let mut stream = connect(address, &config)?;
        ask(&mut stream)?;
        done += 1;
    }
    Ok(done)
}

fn ask(stream: &mut (impl std::io::Read + std::io::Write)) -> Outcome<()> {
    stream.write_all(b"GET /now HTTP/1.1\r\nHost: bench.example\r\n\r\n")?;
    let mut room = [0; 4096];
    let length = stream.read(&mut room)?;
    if !room[..length].starts_with(b"HTTP/1.1 200") {
        return Err(String::from_utf8_lossy(&room[..length]).into_owned().into());
    }
    Ok(())
}

/// Memory of the server for each of `count` connections that have asked once and wait.
fn idle<S>(served: &Served, count: usize, mut make: impl FnMut() -> Outcome<S>) -> Outcome<f64> {
    rlimit()?;
    // The first few make the server's buffers and tables grow.
    let mut held: Vec<S> = Vec::with_capacity(count + 200);
    for _ in 0..200 {
        held.push(make()?);
    }
    std::thread::sleep(Duration::from_millis(300));
    let before = Usage::of(served.pid())?.memory;
    for _ in 0..count {
        held.push(make()?);
    }
    std::thread::sleep(Duration::from_secs(1));
    let after = Usage::of(served.pid())?.memory;
    drop(held);
    Ok(after.saturating_sub(before) as f64 / count as f64)
}

pub(crate) fn idle_plain(served: &Served, address: SocketAddr, count: usize) -> Outcome<f64> {
    idle(served, count, || {
        let mut stream = TcpStream::connect(address)?;
        ask(&mut stream)?;
        Ok(stream)
    })
}

pub(crate) fn idle_tls(
    served: &Served,
    address: SocketAddr,
    root: &CertificateDer<'static>,
    count: usize,
) -> Outcome<f64> {
    let config = client(root)?;
    idle(served, count, || {
        let mut stream = connect(address, &config)?;
        ask(&mut stream)?;
        Ok(stream)
    })
}

/// As many descriptors as the system lets us have.
fn rlimit() -> Outcome<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(())
}
