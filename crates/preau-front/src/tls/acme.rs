//! Certificates from an authority, by ACME (RFC 8555): ordered, kept in a folder, renewed in time.
//!
//! One certificate for each name, so that a name that does not resolve holds up no other. Proof by
//! TLS-ALPN-01 (RFC 8737) on the HTTPS listener, or HTTP-01 on the redirecting one. It opens no socket of
//! its own for that. Invariants: a certificate that still holds is in use while another is ordered; after a
//! failure the authority is left alone for an hour at least, as its limits demand.

use super::certificates::{PemError, covers, from_pem};
use super::{Challenges, Tls, Validity};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivatePkcs8KeyDer, ServerName};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

/// The authority that most sites use.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How the authority is shown that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proof {
    /// In a handshake on port 443.
    #[default]
    TlsAlpn01,
    /// On port 80: for sites behind something else that speaks TLS.
    Http01,
}

/// What to order, from whom, and where to keep it.
#[derive(Debug, Clone)]
pub struct Acme {
    /// The authority's directory, such as [`LETS_ENCRYPT`].
    pub directory: String,
    /// Addresses the authority may write to: `mailto:admin@ent.example`.
    pub contact: Vec<String>,
    /// The names to have certificates for.
    pub names: Vec<String>,
    /// Where the account's key and the certificates are kept, readable by us alone.
    pub folder: PathBuf,
    /// How names are proved.
    pub proof: Proof,
    /// A PEM file with the root of the authority's own certificate, when the platform does not know it.
    pub root: Option<PathBuf>,
}

/// Why there is no (new) certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// The authority, or the way to it.
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    /// It could not make sure that the name is ours.
    #[error("the authority could not make sure of {name}: {status}")]
    Unproved {
        /// The name.
        name: String,
        /// What it said.
        status: String,
    },
    /// The folder.
    #[error("{path}: {source}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What came is not usable.
    #[error("the certificate for {name} cannot be used: {reason}")]
    Unusable {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
}

/// After a failure.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Between two looks at the calendar.
const LOOK: Duration = Duration::from_secs(12 * 3600);

impl Acme {
    /// Keeps certificates for all names in `tls`; never ends. Failures are logged: what holds goes on
    /// being used.
    pub async fn keep(&self, tls: &Tls) {
        loop {
            let mut next = LOOK;
            for name in &self.names {
                match self.ensure(tls, name).await {
                    Ok(renewal) => next = next.min(renewal),
                    Err(error) => {
                        tracing::error!(%name, %error, "no new certificate; trying again in an hour");
                        next = next.min(PATIENCE);
                    }
                }
            }
            tokio::time::sleep(next.max(Duration::from_secs(60))).await;
        }
    }

    /// Makes sure that `tls` has a certificate for this name: from the folder, or, when that is missing or
    /// more than two thirds of its time is over, from the authority. Says in how long to renew.
    ///
    /// # Errors
    /// See [`AcmeError`]. A certificate from the folder that still holds is in use even then.
    pub async fn ensure(&self, tls: &Tls, name: &str) -> Result<Duration, AcmeError> {
        let now = unix_now();
        let path = self.folder.join(format!("{name}.pem"));
        if let Ok(pem) = fs::read(&path)
            && let Ok((key, validity)) = usable(name, &pem)
            && now < validity.until
        {
            tls.install(name, key);
            if now < validity.renewal() {
                return Ok(seconds(validity.renewal() - now));
            }
        }
        let pem = self.order(tls, name).await?;
        let unusable = |reason| AcmeError::Unusable { name: name.to_owned(), reason };
        let (key, validity) = usable(name, pem.as_bytes()).map_err(unusable)?;
        write(&path, pem.as_bytes()).map_err(|source| AcmeError::Folder { path, source })?;
        tls.install(name, key);
        tracing::info!(%name, until = validity.until, "a new certificate is in use");
        Ok(seconds(validity.renewal() - now))
    }

    /// Orders one certificate: the key and the chain, as PEM.
    async fn order(&self, tls: &Tls, name: &str) -> Result<String, AcmeError> {
        let account = self.account().await?;
        let names = [Identifier::Dns(name.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let unproved = |status: String| AcmeError::Unproved { name: name.to_owned(), status };
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                status => return Err(unproved(format!("{status:?}"))),
            }
            let kind = match self.proof {
                Proof::TlsAlpn01 => ChallengeType::TlsAlpn01,
                Proof::Http01 => ChallengeType::Http01,
            };
            let mut challenge = authorization
                .challenge(kind)
                .ok_or_else(|| unproved("it does not offer this kind of proof".to_owned()))?;
            let answer = challenge.key_authorization();
            let proof = match self.proof {
                Proof::Http01 => Shown::token(tls.challenges(), &challenge.token, answer.as_str()),
                Proof::TlsAlpn01 => Shown::name(tls.challenges(), name, answer.digest().as_ref())
                    .map_err(|error| unproved(error.to_string()))?,
            };
            // Shown until the order is decided, whatever becomes of it.
            shown.push(proof);
            challenge.set_ready().await?;
        }
        let retries = RetryPolicy::new().timeout(Duration::from_secs(90));
        match order.poll_ready(&retries).await? {
            OrderStatus::Ready => {}
            status => return Err(unproved(format!("{status:?}"))),
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&retries).await?;
        drop(shown);
        Ok(format!("{key}\n{chain}"))
    }

    /// The account of the folder, or a new one, which is kept there.
    async fn account(&self) -> Result<Account, AcmeError> {
        super::settle_provider();
        let builder = match &self.root {
            Some(root) => Account::builder_with_root(root)?,
            None => Account::builder()?,
        };
        let path = self.folder.join("account.json");
        let known = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        if let Some(kept) = known.filter(|kept| kept.directory == self.directory) {
            return Ok(builder.from_credentials(kept.credentials).await?);
        }
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) = builder.create(&new, self.directory.clone(), None).await?;
        let kept = Kept { directory: self.directory.clone(), credentials };
        serde_json::to_vec_pretty(&kept)
            .map_err(io::Error::other)
            .and_then(|text| write(&path, &text))
            .map_err(|source| AcmeError::Folder { path, source })?;
        Ok(account)
    }
}

/// The account as it is kept: another authority needs another one.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// A proof on display; taken down when dropped.
struct Shown<'c> {
    challenges: &'c Challenges,
    token: Option<String>,
    name: Option<String>,
}

impl<'c> Shown<'c> {
    fn token(challenges: &'c Challenges, token: &str, answer: &str) -> Shown<'c> {
        let mut tokens = challenges.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(token.to_owned(), answer.to_owned());
        Shown { challenges, token: Some(token.to_owned()), name: None }
    }

    /// A certificate for nothing else, with the proof in an extension (RFC 8737 section 3).
    fn name(challenges: &'c Challenges, name: &str, digest: &[u8]) -> Result<Shown<'c>, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let certificate = params.self_signed(&key)?;
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        // Not checked against its key as others are: the extension is critical and rustls does not know it.
        let signer = aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(der.into())
            .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
        let signed = CertifiedKey::new(vec![certificate.into()], signer);
        let name = name.to_ascii_lowercase();
        let mut names = challenges.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.clone(), Arc::new(signed));
        Ok(Shown { challenges, token: None, name: Some(name) })
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            self.challenges.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
        }
        if let Some(name) = &self.name {
            self.challenges.names.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
    }
}

fn usable(name: &str, pem: &[u8]) -> Result<(CertifiedKey, Validity), String> {
    let key = from_pem(pem, pem).map_err(|error: PemError| error.to_string())?;
    let server = ServerName::try_from(name).map_err(|error| error.to_string())?;
    if !covers(&key, &server) {
        return Err("it is for another name".to_owned());
    }
    let validity = key.end_entity_cert().ok().and_then(|der| Validity::of(der));
    validity.map(|validity| (key, validity)).ok_or_else(|| "its dates cannot be read".to_owned())
}

/// Replaces a file that only we may read.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn seconds(left: i64) -> Duration {
    Duration::from_secs(u64::try_from(left).unwrap_or(0))
}
