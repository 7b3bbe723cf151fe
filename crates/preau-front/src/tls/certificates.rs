//! Certificates from files, and which of all certificates a client gets.
//!
//! It speaks to no authority. Invariant: a pair is used only when the key belongs to the certificate; all
//! pairs of a load are good, or none is used.

use super::{ACME_PROTOCOL, Challenges, Issued};
use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Certificates of one name or several, as two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, the server's own certificate first.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read, or holds no such thing.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is not the certificate's, or of a kind unknown to us.
    #[error("{path}: {source}")]
    Pair {
        /// The certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The cryptography cannot be set up.
    #[error(transparent)]
    Setup(#[from] rustls::Error),
}

/// Pairs in the order they were given; the first is also for clients that name nobody.
#[derive(Debug, Default)]
pub(super) struct Certificates(Vec<Arc<CertifiedKey>>);

impl Certificates {
    pub(super) fn read(files: &[Files]) -> Result<Certificates, CertificateError> {
        files.iter().map(pair).map(|key| key.map(Arc::new)).collect::<Result<_, _>>().map(Certificates)
    }

    fn for_name(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = ServerName::try_from(name).ok()?;
        self.0.iter().find(|key| covers(key, &name))
    }
}

/// Whether a certificate is for this name, wildcards included (RFC 6125 section 6.4.3).
pub(super) fn covers(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    key.end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .is_ok_and(|certificate| rustls::client::verify_server_name(&certificate, name).is_ok())
}

fn pair(files: &Files) -> Result<CertifiedKey, CertificateError> {
    let bad = |path: &Path, reason: String| CertificateError::File { path: path.to_owned(), reason };
    let read = |path: &Path| fs::read(path).map_err(|error| bad(path, error.to_string()));
    from_pem(&read(&files.chain)?, &read(&files.key)?).map_err(|error| match error {
        PemError::Chain(reason) => bad(&files.chain, reason),
        PemError::Key(reason) => bad(&files.key, reason),
        PemError::Pair(source) => CertificateError::Pair { path: files.chain.clone(), source },
    })
}

/// What is wrong with a pair.
#[derive(Debug, thiserror::Error)]
pub(super) enum PemError {
    #[error("certificates: {0}")]
    Chain(String),
    #[error("private key: {0}")]
    Key(String),
    #[error(transparent)]
    Pair(rustls::Error),
}

pub(super) fn from_pem(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, PemError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| PemError::Chain(error.to_string()))?;
    if chain.is_empty() {
        return Err(PemError::Chain("no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| PemError::Key(error.to_string()))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(PemError::Pair)
}

/// What the files look like from outside.
pub(super) fn stamps(files: &[Files]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &PathBuf| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    files.iter().flat_map(|files| [stamp(&files.chain), stamp(&files.key)]).collect()
}

/// Chooses a certificate for each handshake.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    pub(super) files: ArcSwap<Certificates>,
    pub(super) issued: Issued,
    pub(super) challenges: Challenges,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        if hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_PROTOCOL)) {
            return self.challenges.certificate(&name?.to_ascii_lowercase());
        }
        let files = self.files.load();
        let issued = self.issued.load();
        // Names arrive in lower case from rustls; what was issued is stored so.
        let named = name.and_then(|name| issued.get(name).or_else(|| files.for_name(name)));
        // Somebody who names nobody, or somebody else, gets the first: the browser then says what is wrong.
        named.or_else(|| files.0.first()).or_else(|| issued.values().next()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn made(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_name_finds_its_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<Files> = [&["a.example", "b.example"][..], &["*.c.example"]]
            .iter()
            .enumerate()
            .map(|(index, names)| {
                let (chain, key) = made(names);
                let file = |kind: &str, text: String| {
                    let path = folder.path().join(format!("{index}.{kind}"));
                    fs::write(&path, text).unwrap();
                    path
                };
                Files { chain: file("pem", chain), key: file("key", key) }
            })
            .collect();
        let certificates = Certificates::read(&files).unwrap();
        let found = |name: &str| {
            let key = certificates.for_name(name)?;
            certificates.0.iter().position(|other| Arc::ptr_eq(key, other))
        };
        assert_eq!((found("b.example"), found("x.c.example")), (Some(0), Some(1)));
        assert_eq!((found("c.example"), found("x.y.c.example"), found("d.example")), (None, None, None));
    }

    #[test]
    fn a_wrong_key_is_refused() {
        let ((chain, key), (_, other)) = (made(&["a.example"]), made(&["a.example"]));
        assert!(from_pem(chain.as_bytes(), key.as_bytes()).is_ok());
        assert!(matches!(from_pem(chain.as_bytes(), other.as_bytes()), Err(PemError::Pair(_))));
        assert!(matches!(from_pem(b"", key.as_bytes()), Err(PemError::Chain(_))));
        assert!(matches!(from_pem(chain.as_bytes(), b"nothing"), Err(PemError::Key(_))));
    }
}
