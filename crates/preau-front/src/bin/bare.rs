//! A front with a door that lets everybody in: what remains when there is no gate.
//!
//! For tests that need real processes, and to try a proxy by hand. It has no queue and no pages. `/now`
//! and `/wait` are answered from memory, everything else goes to the upstream.
//!
//! ```text
//! front-bare --http 127.0.0.1:8080 [--https ADDRESS --chain FILE --key FILE] [--redirect ADDRESS]
//!            [--upstream http://127.0.0.1:9000] [--threads 2] [--drain SECONDS]
//! ```
//!
//! SIGHUP loads the certificates anew, SIGUSR2 starts a successor and drains, SIGTERM drains.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use preau_front::tls::{Files, Tls};
use preau_front::{
    Answer, Decision, Door, Front, Head, Kind, Limits, Listen, Pass, Trusted, Upstream, Upstreams, handover,
};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const NOW: &str = "{\"v\":1,\"at\":1795000000,\"lanes\":{\"known\":[120,35,4800],\"unknown\":[90,10,9000]},\"poll\":[5,300]}";

struct Bare {
    now: Answer,
    wait: Answer,
}

impl Door for Bare {
    fn decide(&self, head: &Head<'_>) -> Decision {
        match head.path() {
            "/now" => Decision::Answer(self.now.clone()),
            "/wait" => Decision::Answer(self.wait.clone()),
            _ => Decision::Pass(Pass::default()),
        }
    }
}

#[derive(Default)]
struct Arguments {
    sockets: Vec<(SocketAddr, Kind)>,
    files: Option<Files>,
    upstream: Option<String>,
    threads: usize,
    limits: Limits,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut given = Arguments { threads: 1, ..Arguments::default() };
    let (mut chain, mut key) = (None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match &*word {
            "--http" => given.sockets.push((value.parse()?, Kind::Http)),
            "--https" => given.sockets.push((value.parse()?, Kind::Https)),
            "--redirect" => given.sockets.push((value.parse()?, Kind::Redirect)),
            "--chain" => chain = Some(value.into()),
            "--key" => key = Some(value.into()),
            "--upstream" => given.upstream = Some(value),
            "--threads" => given.threads = value.parse()?,
            "--drain" => given.limits.drain = Duration::from_secs(value.parse()?),
            _ => return Err(format!("{word} is unknown").into()),
        }
    }
    given.files = chain.zip(key).map(|(chain, key)| Files { chain, key });
    Ok(given)
}

fn run() -> Result<(), Box<dyn Error>> {
    let inherited = handover::inherited()?;
    let given = arguments()?;
    let listens = if inherited.is_empty() {
        given.sockets.iter().map(|(address, kind)| Listen::bind(*address, *kind)).collect::<Result<_, _>>()?
    } else {
        inherited
    };
    let tls = match &given.files {
        Some(files) => {
            let secure = listens.iter().find(|listen| listen.kind == Kind::Https);
            let port = secure.map_or(Ok(443), |listen| listen.socket.local_addr().map(|at| at.port()))?;
            Some(Arc::new(Tls::from_files(std::slice::from_ref(files), port)?))
        }
        None => None,
    };
    let mut now = Answer::new(StatusCode::OK, Bytes::from_static(NOW.as_bytes()));
    now = now.with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    now = now.with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
    let page = format!("<!doctype html><title>Attente</title><p>{}</p>", "x".repeat(8000));
    let wait = Answer::new(StatusCode::OK, Bytes::from(page))
        .with(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let upstream = Upstream::new(given.upstream.as_deref().unwrap_or("http://127.0.0.1:9"))?;
    let upstreams = Upstreams::new(vec![upstream], Arc::new(()))?;
    let front =
        Front::new(Bare { now, wait }, upstreams, given.limits.clone(), Trusted::default(), tls.clone());

    let kept = listens.iter().map(Listen::duplicate).collect::<Result<Vec<_>, _>>()?;
    for listen in &listens {
        println!("{:?} on {}", listen.kind, listen.socket.local_addr()?);
    }
    signals(&front, kept, tls, given.files)?;
    println!("serving http://{}", listens.first().ok_or("nowhere to listen")?.socket.local_addr()?);
    handover::ready()?;
    let left = front.serve_on_threads(listens, given.threads)?;
    println!("{left} connections were still open");
    Ok(())
}

/// Signals are heard on a thread of their own, with a runtime that does nothing else.
fn signals(
    front: &Front<Bare, Upstreams>,
    kept: Vec<Listen>,
    tls: Option<Arc<Tls>>,
    files: Option<Files>,
) -> std::io::Result<()> {
    let front = front.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Caught from now on: one that comes before we listen would end the process.
    let guard = runtime.enter();
    let mut again = signal(SignalKind::hangup())?;
    let mut replace = signal(SignalKind::user_defined2())?;
    let mut end = signal(SignalKind::terminate())?;
    drop(guard);
    let hear = async move {
        loop {
            tokio::select! {
                _ = again.recv() => {
                    if let (Some(tls), Some(files)) = (&tls, &files) {
                        match tls.load(std::slice::from_ref(files)) {
                            Ok(()) => println!("certificates loaded"),
                            Err(error) => println!("certificates not loaded: {error}"),
                        }
                    }
                }
                _ = replace.recv() => {
                    let successor = std::env::current_exe().and_then(|program| {
                        let mut command = std::process::Command::new(program);
                        command.args(std::env::args().skip(1));
                        handover::succeed(&mut command, &kept, Duration::from_secs(20))
                    });
                    match successor {
                        Ok(child) => {
                            println!("successor {}", child.id());
                            break;
                        }
                        Err(error) => println!("no successor: {error}"),
                    }
                }
                _ = end.recv() => break,
            }
        }
        front.stop();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(hear)).map(drop)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("front-bare: {error}");
            ExitCode::FAILURE
        }
    }
}
