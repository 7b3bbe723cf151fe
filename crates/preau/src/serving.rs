//! From a configuration to sockets that serve: listening, certificates, signals, restarts. `preau serve` and
//! `preau gate` both stand on it.
//!
//! Signals: SIGTERM and SIGINT finish open requests and end; SIGHUP reads the certificates anew; SIGUSR2 puts
//! the program on disk in this one's place, on the same sockets. It knows no page and no queue. Invariant:
//! from the first start to the last stop, whoever connects is answered or waits in the kernel; nobody is
//! refused because of a restart.

use crate::config::{Config, TlsConfig};
use anyhow::Context as _;
use preau_front::tls::{Files, Tls, acme};
use preau_front::{Kind, Listen, Trusted, handover};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Where this process listens, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Listening {
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// HTTPS.
    pub https: Vec<SocketAddr>,
    /// Browsers are sent on to HTTPS here.
    pub redirect: Vec<SocketAddr>,
    /// Networks whose word about a client's address is believed.
    pub trusted: Vec<String>,
    /// Connections from those begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Certificates.
    pub tls: TlsConfig,
}

impl Listening {
    /// What the configuration says.
    pub fn of(config: &Config) -> Listening {
        let server = &config.server;
        Listening {
            http: vec![server.listen],
            https: server.https.clone(),
            redirect: server.redirect.clone(),
            trusted: server.trusted.clone(),
            proxy_protocol: server.proxy_protocol,
            tls: config.tls.clone(),
        }
    }

    /// The networks that may speak for others.
    ///
    /// # Errors
    /// Text that names none.
    pub fn trusted(&self) -> anyhow::Result<Trusted> {
        Trusted::parse(self.trusted.iter().map(String::as_str))
            .map_err(|wrong| anyhow::anyhow!("{wrong:?} is no address or network, such as 10.0.0.0/8"))
    }

    /// The sockets: those of a predecessor or of the service manager, if there are any, else our own.
    ///
    /// # Errors
    /// Addresses that cannot be listened on, or nothing to listen on.
    pub fn sockets(&self) -> anyhow::Result<Vec<Listen>> {
        let inherited = handover::inherited().context("sockets passed by a predecessor")?;
        if !inherited.is_empty() {
            return Ok(inherited);
        }
        let wanted = [(&self.http, Kind::Http), (&self.https, Kind::Https), (&self.redirect, Kind::Redirect)];
        let mut listens = Vec::new();
        for (addresses, kind) in wanted {
            for address in addresses {
                let mut listen =
                    Listen::bind(*address, kind).with_context(|| format!("cannot listen on {address}"))?;
                listen.proxy_protocol = self.proxy_protocol;
                listens.push(listen);
            }
        }
        anyhow::ensure!(!listens.is_empty(), "nowhere to listen: give --listen or --https");
        Ok(listens)
    }

    /// The certificates, if HTTPS is spoken on one of these sockets.
    ///
    /// # Errors
    /// No certificates, or files that cannot be used.
    pub fn certificates(&self, sockets: &[Listen]) -> anyhow::Result<Option<Certificates>> {
        let Some(secure) = sockets.iter().find(|listen| listen.kind == Kind::Https) else { return Ok(None) };
        let port = secure.socket.local_addr()?.port();
        if let (Some(chain), Some(key)) = (self.tls.chain.clone(), self.tls.key.clone()) {
            let files = Files { chain, key };
            let tls = Arc::new(Tls::from_files(std::slice::from_ref(&files), port)?);
            return Ok(Some(Certificates { tls, source: Source::Files(files) }));
        }
        anyhow::ensure!(
            !self.tls.names.is_empty(),
            "HTTPS needs a certificate: give --chain and --key, or [tls] names for one by ACME"
        );
        let order = acme::Acme {
            directory: self.tls.directory.clone().unwrap_or_else(|| acme::LETS_ENCRYPT.to_owned()),
            contact: self.tls.contact.clone(),
            names: self.tls.names.clone(),
            folder: self.tls.folder.clone(),
            proof: if self.tls.prove_on_http { acme::Proof::Http01 } else { acme::Proof::TlsAlpn01 },
            root: self.tls.authority_root.clone(),
        };
        Ok(Some(Certificates { tls: Arc::new(Tls::new(port)?), source: Source::Authority(Box::new(order)) }))
    }
}

/// Certificates and where they come from. Cheap to clone.
#[derive(Clone)]
pub struct Certificates {
    /// For the front.
    pub tls: Arc<Tls>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Files(Files),
    Authority(Box<acme::Acme>),
}

impl Certificates {
    /// Keeps certificates from an authority in force; those from files it leaves alone. Never ends.
    pub async fn keep(self) {
        match &self.source {
            Source::Files(_) => std::future::pending().await,
            Source::Authority(order) => order.keep(&self.tls).await,
        }
    }

    fn reload(&self) {
        let Source::Files(files) = &self.source else { return };
        match self.tls.load(std::slice::from_ref(files)) {
            Ok(()) => tracing::info!("certificates read anew"),
            Err(error) => tracing::error!(%error, "certificates not read: the old ones go on"),
        }
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To end.
    Stop,
    /// To make way for the program on disk.
    Replace,
}

/// The signals of an operator, caught from the moment this is made: one that comes before we listen would
/// otherwise end the process.
pub struct Signals {
    again: Signal,
    replace: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them; within a runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn catch() -> std::io::Result<Signals> {
        Ok(Signals {
            again: signal(SignalKind::hangup())?,
            replace: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one that ends this process' time; certificates are read anew meanwhile.
    pub async fn asked(&mut self, certificates: Option<&Certificates>) -> Asked {
        loop {
            tokio::select! {
                _ = self.again.recv() => {
                    if let Some(certificates) = certificates {
                        certificates.reload();
                    }
                }
                _ = self.replace.recv() => return Asked::Replace,
                _ = self.terminate.recv() => return Asked::Stop,
                _ = self.interrupt.recv() => return Asked::Stop,
            }
        }
    }
}

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Remembers where this program lies. Call it first thing: once the file has been replaced by a newer
/// version, the system no longer says.
pub fn remember_program() {
    if let Ok(program) = std::env::current_exe() {
        let _ = PROGRAM.set(program);
    }
}

/// This program as it lies on disk now, with the arguments this process was given.
///
/// # Errors
/// When its place was not remembered.
pub fn successor() -> std::io::Result<Command> {
    let program = PROGRAM.get().ok_or(std::io::ErrorKind::NotFound)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    Ok(command)
}
