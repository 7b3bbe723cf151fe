//! `preau gate`: the gate in front of other services (Pronote, Moodle, anything on HTTP), which need nothing
//! installed and are not changed.
//!
//! `door` the decision on each request. Sockets, TLS and proxying are `preau-front`'s, queue and pages the
//! edge's; here they are put together and run until the process is asked to end. Each service has a queue,
//! a quota and cookies of its own: who waits for one does not stand in the way of another.
//!
//! Signals: SIGTERM finishes open requests and ends; SIGHUP reads the certificates anew; SIGUSR2 starts a
//! successor on the same sockets (a new version, a new configuration) and ends when it serves.

mod door;
#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::edge::{Clock, Platform};
use crate::store::Store;
use anyhow::Context as _;
use door::GateDoor;
use preau_front::tls::{Files, Tls};
use preau_front::{Front, Kind, Limits, Listen, Trusted, Upstream, Upstreams, handover};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A successor that does not serve by then is given up, and this process goes on.
const SUCCESSOR: Duration = Duration::from_secs(20);

/// A service behind the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The host name it answers for; none for all that nobody else answers for.
    pub host: Option<String>,
    /// `http://ADDRESS:PORT` or `https://NAME`.
    pub url: String,
}

impl std::str::FromStr for Service {
    type Err = String;

    /// `URL`, or `HOST=URL` where there are several.
    fn from_str(text: &str) -> Result<Service, String> {
        let (host, url) = match text.split_once('=') {
            Some((host, url)) if !host.contains('/') => (Some(host.to_ascii_lowercase()), url),
            _ => (None, text),
        };
        let named = |host: &String| {
            let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
            plain && !host.is_empty() && !host.starts_with('.')
        };
        if host.as_ref().is_some_and(|host| !named(host)) {
            return Err(format!(
                "{text:?}: before the = stands a host name, as in moodle.example.fr=http://10.0.0.5"
            ));
        }
        Upstream::new(url).map_err(|error| error.to_string())?;
        Ok(Service { host, url: url.to_owned() })
    }
}

/// What `preau gate` is told.
#[derive(Debug, Clone, Default)]
pub struct GatewayOptions {
    /// The services, at least one.
    pub services: Vec<Service>,
    /// Where plain HTTP is spoken.
    pub http: Vec<SocketAddr>,
    /// Where HTTPS is spoken; needs `certificate`.
    pub https: Vec<SocketAddr>,
    /// Where browsers are sent on to HTTPS.
    pub redirect: Vec<SocketAddr>,
    /// Chain and key in PEM files.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Networks whose word about a client's address is believed.
    pub trusted: Vec<String>,
    /// Whether connections from those begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Threads that serve; 0 for one a core.
    pub threads: usize,
}

/// Runs the gate until it is asked to end. `config_of` gives the configuration with its data in a folder of
/// this name, one for each service.
///
/// # Errors
/// Sockets, certificates, services or configuration that cannot be used, worded for an operator.
pub fn run(
    options: &GatewayOptions,
    config_of: impl Fn(&str) -> anyhow::Result<Config>,
) -> anyhow::Result<()> {
    let inherited = handover::inherited().context("sockets passed by a predecessor")?;
    let mut platforms = Vec::new();
    let mut upstreams = Vec::new();
    for service in &options.services {
        let platform = open(service, options, &config_of, Clock::System)?;
        let mut upstream = Upstream::new(&service.url)?;
        upstream.hosts = service.host.iter().cloned().collect();
        upstream.hidden_cookies = door::own_cookies(&platform);
        upstreams.push(upstream);
        platforms.push(platform);
    }
    let listens = if inherited.is_empty() { sockets(options)? } else { inherited };
    let files = options.certificate.clone().map(|(chain, key)| Files { chain, key });
    let tls = match &files {
        Some(files) => {
            let secure = listens.iter().find(|listen| listen.kind == Kind::Https);
            let port = secure.map_or(Ok(443), |listen| listen.socket.local_addr().map(|at| at.port()))?;
            Some(Arc::new(Tls::from_files(std::slice::from_ref(files), port)?))
        }
        None => None,
    };
    let trusted = Trusted::parse(options.trusted.iter().map(String::as_str))
        .map_err(|wrong| anyhow::anyhow!("{wrong:?} is no address or network, such as 10.0.0.0/8"))?;
    for platform in &platforms {
        platform.door().start().context("the gate cannot be started")?;
    }
    let backend = Upstreams::new(upstreams, Arc::new(()))?;
    let front =
        Front::new(GateDoor::new(platforms.clone()), backend, Limits::default(), trusted, tls.clone());
    let kept = listens.iter().map(Listen::duplicate).collect::<Result<Vec<_>, _>>()?;
    for listen in &listens {
        println!("Préau's gate listens on {} ({:?})", listen.socket.local_addr()?, listen.kind);
    }
    hear(&front, kept, tls, files)?;
    handover::ready()?;
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let left = front.serve_on_threads(listens, threads)?;
    if left > 0 {
        tracing::info!(left, "some connections were still open and are closed now");
    }
    for platform in &platforms {
        platform.door().turn();
    }
    Ok(())
}

/// The queue of one service.
fn open(
    service: &Service,
    options: &GatewayOptions,
    config_of: &impl Fn(&str) -> anyhow::Result<Config>,
    clock: Clock,
) -> anyhow::Result<Platform> {
    let mut config = config_of(service.host.as_deref().unwrap_or("all"))?;
    // Cookies are bound to the host and to TLS when that is how people come.
    let secure = !options.https.is_empty();
    let host = service.host.as_deref().unwrap_or("localhost");
    if config.server.public_url == Config::default().server.public_url {
        config.server.public_url = format!("{}://{host}", if secure { "https" } else { "http" });
    }
    let store = Store::open(&config.store.url)?;
    Platform::new(config, store, clock)
}

fn sockets(options: &GatewayOptions) -> anyhow::Result<Vec<Listen>> {
    let wanted =
        [(&options.http, Kind::Http), (&options.https, Kind::Https), (&options.redirect, Kind::Redirect)];
    let mut listens = Vec::new();
    for (addresses, kind) in wanted {
        for address in addresses {
            let mut listen =
                Listen::bind(*address, kind).with_context(|| format!("cannot listen on {address}"))?;
            listen.proxy_protocol = options.proxy_protocol;
            listens.push(listen);
        }
    }
    anyhow::ensure!(!listens.is_empty(), "nowhere to listen: give --listen or --https");
    anyhow::ensure!(
        options.https.is_empty() || options.certificate.is_some(),
        "--https needs --chain and --key, the certificate in PEM files"
    );
    Ok(listens)
}

/// Signals are heard on a thread of their own, with a runtime that does nothing else.
fn hear(
    front: &Front<GateDoor, Upstreams>,
    kept: Vec<Listen>,
    tls: Option<Arc<Tls>>,
    files: Option<Files>,
) -> anyhow::Result<()> {
    let front = front.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Caught from now on: one that comes before we listen would end the process.
    let guard = runtime.enter();
    let mut again = signal(SignalKind::hangup())?;
    let mut replace = signal(SignalKind::user_defined2())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    drop(guard);
    let listen = async move {
        loop {
            tokio::select! {
                _ = again.recv() => reload(tls.as_deref(), files.as_ref()),
                _ = replace.recv() => {
                    if succeeded(&kept) {
                        break;
                    }
                }
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        front.stop();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    Ok(())
}

fn reload(tls: Option<&Tls>, files: Option<&Files>) {
    let (Some(tls), Some(files)) = (tls, files) else { return };
    match tls.load(std::slice::from_ref(files)) {
        Ok(()) => tracing::info!("certificates read anew"),
        Err(error) => tracing::error!(%error, "certificates not read: the old ones go on"),
    }
}

/// Starts this program again on the same sockets; whether it serves.
fn succeeded(kept: &[Listen]) -> bool {
    let successor = std::env::current_exe().and_then(|program| {
        let mut command = std::process::Command::new(program);
        command.args(std::env::args_os().skip(1));
        handover::succeed(&mut command, kept, SUCCESSOR)
    });
    match successor {
        Ok(child) => {
            tracing::info!(process = child.id(), "a successor serves");
            true
        }
        Err(error) => {
            tracing::error!(%error, "no successor: this process goes on");
            false
        }
    }
}
