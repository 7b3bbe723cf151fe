//! `preau gate`: the gate in front of other services (Pronote, Moodle, anything on HTTP), which need nothing
//! installed and are not changed.
//!
//! `door` the decision on each request. Sockets, TLS and proxying are `preau-front`'s, queue and pages the
//! edge's; here they are put together and run until the process is asked to end. Each service has a queue,
//! a quota and cookies of its own: who waits for one does not stand in the way of another.
//!
//! SIGUSR2 starts a successor on the same sockets (a new version, a new configuration); this process ends when
//! it serves. The other signals are `serving`'s.

mod bounded;
mod door;
mod health;
#[cfg(test)]
mod tests;

use crate::config::{Config, UpstreamConfig};
use crate::edge::admission;
use crate::edge::{Bounds, Clock, Platform, Valves};
use crate::serving::{Asked, Certificates, Listening, Signals, successor};
use crate::store::Store;
use anyhow::Context as _;
use bounded::Bounded;
use door::GateDoor;
use preau_front::{Front, Limits, Listen, Upstream, Upstreams, handover};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A successor that does not serve by then is given up, and this process goes on.
const SUCCESSOR: Duration = Duration::from_secs(20);

/// A service behind the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The operator's name for it, for folders, the console and metrics.
    pub name: Option<String>,
    /// The host names it answers for; none for all that nobody else answers for.
    pub hosts: Vec<String>,
    /// What else is set for it, its address included.
    pub own: UpstreamConfig,
}

impl Service {
    /// What the configuration says of a service.
    pub fn configured(name: &str, own: &UpstreamConfig) -> Service {
        Service { name: Some(name.to_owned()), hosts: own.hosts.clone(), own: own.clone() }
    }

    /// Its name, or the first it answers for.
    fn folder(&self) -> &str {
        self.name.as_deref().or(self.hosts.first().map(String::as_str)).unwrap_or("all")
    }

    fn upstream(&self, platform: &Platform) -> anyhow::Result<Upstream> {
        let mut upstream = Upstream::new(&self.own.url)?;
        upstream.hosts.clone_from(&self.hosts);
        upstream.hidden_cookies = door::own_cookies(platform);
        if let Some(seconds) = self.own.timeout_seconds {
            upstream.head = Duration::from_secs(seconds.into());
        }
        if let Some(mebibytes) = self.own.largest_mib {
            upstream.body = u64::from(mebibytes) * 1024 * 1024;
        }
        Ok(upstream)
    }
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
        let own = UpstreamConfig { url: url.to_owned(), ..UpstreamConfig::default() };
        Ok(Service { name: None, hosts: host.into_iter().collect(), own })
    }
}

/// What `preau gate` is told.
#[derive(Debug, Clone, Default)]
pub struct GatewayOptions {
    /// The services, at least one.
    pub services: Vec<Service>,
    /// Where people come in.
    pub listening: Listening,
    /// Where operators look and metrics are read; none for nowhere.
    pub console: Option<SocketAddr>,
    /// Threads that serve; 0 for one a core.
    pub threads: usize,
}

/// Runs the gate until it is asked to end. `config_of` gives the configuration with its data in a folder of
/// this name, one for each service; `base` is the one for the gate as a whole.
///
/// # Errors
/// Sockets, certificates, services or configuration that cannot be used, worded for an operator.
pub fn run(
    options: &GatewayOptions,
    base: &Config,
    config_of: impl Fn(&str) -> anyhow::Result<Config>,
) -> anyhow::Result<()> {
    let listens = options.listening.sockets()?;
    let certificates = options.listening.certificates(&listens)?;
    let trusted = options.listening.trusted()?;
    let (mut platforms, mut upstreams, mut valves) = (Vec::new(), Vec::new(), Vec::new());
    for service in &options.services {
        let platform = open(service, options, &config_of, Clock::System)?;
        upstreams.push(service.upstream(&platform)?);
        valves.push(watch(service, &platform)?);
        platforms.push(platform);
    }
    let backend = Upstreams::new(upstreams, Arc::new(Bounded::new(valves, Clock::System)))?;
    let tls = certificates.as_ref().map(|certificates| Arc::clone(&certificates.tls));
    let front = Front::new(GateDoor::new(platforms.clone()), backend, Limits::default(), trusted, tls);
    let kept = listens.iter().map(Listen::duplicate).collect::<Result<Vec<_>, _>>()?;
    for listen in &listens {
        println!("Préau's gate listens on {} ({:?})", listen.socket.local_addr()?, listen.kind);
    }
    let stop = front.clone();
    hear(move || stop.stop(), kept, certificates, platforms.clone(), options, base)?;
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
        platform.door().finish();
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
    let mut config = config_of(service.folder())?;
    // Cookies are bound to the host and to TLS when that is how people come.
    let secure = !options.listening.https.is_empty();
    let host = service.hosts.first().map_or("localhost", String::as_str);
    if config.server.public_url == Config::default().server.public_url {
        config.server.public_url = format!("{}://{host}", if secure { "https" } else { "http" });
    }
    let own = &service.own;
    if let Some(nodes) = &mut config.gate.nodes {
        // Each service is a house of its own.
        nodes.prefix = format!("{}:{}", nodes.prefix, service.folder());
    }
    config.gate.sessions = own.sessions.unwrap_or(config.gate.sessions);
    config.gate.floor = own.floor.unwrap_or(config.gate.floor);
    let store = Store::open(&config.store.url)?;
    Platform::new(config, store, clock)
}

/// Starts a service's queue, and the valves that say how many it bears.
fn watch(service: &Service, platform: &Platform) -> anyhow::Result<Arc<Valves>> {
    let bounds =
        Bounds { ceiling: service.own.requests.unwrap_or(Bounds::default().ceiling), ..Bounds::default() };
    let name = service.folder();
    let valves = Valves::new([(format!("{name}: reading"), bounds), (format!("{name}: doing"), bounds)]);
    if platform.config().gate.find {
        platform.door().find_capacity(Arc::clone(&valves));
    }
    valves.start().context("the valves cannot be started")?;
    platform.door().start().context("the gate cannot be started")?;
    Ok(valves)
}

/// Signals are heard on a thread of their own, whose runtime also keeps certificates, follows the operator's
/// orders, asks after the services' health and serves the console.
fn hear(
    stop: impl FnOnce() + Send + 'static,
    kept: Vec<Listen>,
    certificates: Option<Certificates>,
    platforms: Vec<Platform>,
    options: &GatewayOptions,
    base: &Config,
) -> anyhow::Result<()> {
    let folder = crate::console::folder(base);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let mut signals = Signals::catch()?;
    drop(guard);
    let console = options.console;
    let mut asked_after = Vec::new();
    for (service, platform) in options.services.iter().zip(&platforms) {
        if let Some(path) = service.own.health.clone() {
            asked_after.push((path, service.upstream(platform)?, platform.clone()));
        }
    }
    let names: Vec<String> = options.services.iter().map(|service| service.folder().to_owned()).collect();
    let listen = async move {
        if let Some(certificates) = certificates.clone() {
            tokio::spawn(certificates.keep());
        }
        for platform in &platforms {
            tokio::spawn(admission::attend(platform.clone()));
        }
        for (path, upstream, platform) in asked_after {
            tokio::spawn(health::watch(path, upstream, platform));
        }
        if let Some(address) = console {
            let houses = names.into_iter().zip(platforms).collect();
            if let Err(error) = crate::console::serve(address, &folder, houses).await {
                tracing::error!(%address, %error, "no console");
            }
        }
        loop {
            if signals.asked(certificates.as_ref()).await == Asked::Stop || succeeded(&kept) {
                break;
            }
        }
        stop();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    Ok(())
}

/// Starts this program again on the same sockets; whether it serves.
fn succeeded(kept: &[Listen]) -> bool {
    match successor().and_then(|mut command| handover::succeed(&mut command, kept, SUCCESSOR)) {
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
