//! TLS: handshakes, certificates that change while connections go on, sessions resumed.
//!
//! rustls with aws-lc-rs; TLS 1.2 and 1.3. Certificates come from files ([`Files`]) or from a certificate
//! authority ([`acme`]). Invariant: replacing certificates touches no open connection, and a bad file
//! leaves the good certificate in place.

pub mod acme;
mod certificates;
mod validity;

pub use certificates::{CertificateError, Files};
pub use validity::Validity;

use arc_swap::ArcSwap;
use certificates::{Certificates, Resolver};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The protocol with which an authority asks for its proof (RFC 8737 section 6.2).
pub(crate) const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// Names the one cryptography that all of this process uses. rustls refuses to choose when a program
/// happens to contain two.
pub(crate) fn settle_provider() {
    // An application that has settled it before is right.
    let _ = aws_lc_rs::default_provider().install_default();
}

/// Proofs for a certificate authority, while it asks for them.
#[derive(Debug, Default)]
pub struct Challenges {
    tokens: Mutex<HashMap<String, String>>,
    names: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Challenges {
    /// What to answer for this token (RFC 8555 section 8.3).
    pub(crate) fn proof(&self, token: &str) -> Option<String> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Everything about TLS that connections share.
pub struct Tls {
    resolver: Arc<Resolver>,
    full: TlsAcceptor,
    lean: TlsAcceptor,
    port: u16,
}

impl Tls {
    /// TLS for the HTTPS listener that browsers reach at `port`, without any certificate yet.
    ///
    /// # Errors
    /// When the cryptography cannot be set up.
    pub fn new(port: u16) -> Result<Tls, rustls::Error> {
        let resolver = Arc::new(Resolver::default());
        let tickets = aws_lc_rs::Ticketer::new()?;
        let config = |protocols: &[&[u8]]| -> Result<TlsAcceptor, rustls::Error> {
            let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&resolver) as Arc<_>);
            // Sessions are resumed from tickets that the client holds: nothing is kept here for those who
            // have left, and both configurations take each other's.
            config.ticketer = Arc::clone(&tickets);
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Ok(TlsAcceptor::from(Arc::new(config)))
        };
        Ok(Tls {
            full: config(&[b"h2", b"http/1.1", ACME_PROTOCOL])?,
            lean: config(&[b"http/1.1", ACME_PROTOCOL])?,
            resolver,
            port,
        })
    }

    /// TLS with certificates from files.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn from_files(files: &[Files], port: u16) -> Result<Tls, CertificateError> {
        let tls = Tls::new(port)?;
        tls.load(files)?;
        Ok(tls)
    }

    /// Reads the certificates anew, for connections from now on. On an error nothing changes. Call it on
    /// SIGHUP, say.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn load(&self, files: &[Files]) -> Result<(), CertificateError> {
        let certificates = Certificates::read(files)?;
        self.resolver.files.store(Arc::new(certificates));
        Ok(())
    }

    /// Looks every `every` whether a file has changed, and loads all when one has; never ends.
    pub async fn watch(&self, files: Vec<Files>, every: Duration) {
        let mut known = certificates::stamps(&files);
        loop {
            tokio::time::sleep(every).await;
            let now = certificates::stamps(&files);
            if now == known {
                continue;
            }
            match self.load(&files) {
                Ok(()) => tracing::info!("certificates loaded anew"),
                // Half a pair may be there already: the next look sees the other half.
                Err(error) => tracing::error!(%error, "certificates not loaded; the old ones stay"),
            }
            known = now;
        }
    }

    /// Where proofs for an authority lie.
    #[must_use]
    pub fn challenges(&self) -> &Challenges {
        &self.resolver.challenges
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn install(&self, name: &str, key: CertifiedKey) {
        self.resolver.issued.rcu(|issued| {
            let mut issued = HashMap::clone(issued);
            issued.insert(name.to_ascii_lowercase(), Arc::new(key.clone()));
            issued
        });
    }

    /// The handshake. With `lean`, HTTP/2 is not offered.
    pub(crate) async fn accept(&self, stream: TcpStream, lean: bool) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = if lean { &self.lean } else { &self.full };
        acceptor.accept(stream).await
    }
}

/// Certificates by name, from the authority.
type Issued = ArcSwap<HashMap<String, Arc<CertifiedKey>>>;
