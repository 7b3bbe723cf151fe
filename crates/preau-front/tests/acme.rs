//! Certificates from a real authority: Let's Encrypt's test server, Pebble.
//!
//! Pebble is a Go program: `go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest`. It is looked for
//! in `PEBBLE`, in the path and where Go puts programs; without it these tests say so and prove nothing.
#![allow(clippy::unwrap_used)]

use preau_front::tls::Tls;
use preau_front::tls::acme::{Acme, AcmeError, Proof};
use preau_front::{Decision, Door, Front, Head, Kind, Limits, Listen, Pass, Trusted, Upstream, Upstreams};
use preau_testkit::{Program, Running, port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const NAME: &str = "ent.example";

fn pebble() -> Option<PathBuf> {
    let named = std::env::var_os("PEBBLE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let go = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin/pebble"));
    let found = named.into_iter().chain(std::env::split_paths(&path).map(|folder| folder.join("pebble")));
    let found = found.chain(go).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: Pebble is not installed, nothing is proved about ACME here");
    }
    found
}

/// A name server for which every name lies on this machine, over UDP and TCP (RFC 1035 section 4).
fn name_server() -> SocketAddr {
    // A port that is free in both.
    let (udp, tcp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut room = [0; 1500];
        while let Ok((length, asker)) = udp.recv_from(&mut room) {
            let _ = udp.send_to(&resolved(&room[..length]), asker);
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            while stream.read_exact(&mut length).is_ok() {
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut question).unwrap();
                let answer = resolved(&question);
                stream.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        }
    });
    address
}

/// The answer to one question, which ends after its name with a type and a class.
fn resolved(question: &[u8]) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let address = question[end - 4..end - 2] == [0, 1];
    let mut answer = question[..end].to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(address), 0, 0, 0, 0]);
    if address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    answer
}

struct Authority {
    directory: String,
    root: PathBuf,
    _running: Running,
}

/// Pebble, which looks for proofs on these ports, and answers on a certificate of its own.
fn authority(pebble: &Path, folder: &Path, https: u16, http: u16) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let root = file("root.pem", &issuer.as_ref().pem());
    let (chain, key) = (file("pebble.pem", &own.pem()), file("pebble.key", &key.serialize_pem()));
    let (listen, management) = (port::free_tcp().unwrap(), port::free_tcp().unwrap());
    let config = serde_json::json!({ "pebble": {
        "listenAddress": format!("127.0.0.1:{listen}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": chain, "privateKey": key, "httpPort": http, "tlsPort": https,
        "ocspResponderURL": "", "externalAccountBindingRequired": false,
        // The older way to say ninety days; the newer one follows.
        "certificateValidityPeriod": 7_776_000,
        "domainBlocklist": ["blocked.example"], "retryAfter": { "authz": 1, "order": 1 },
        "profiles": { "default": { "description": "ninety days", "validityPeriod": 7_776_000 } },
    }});
    let config = file("pebble.json", &config.to_string());
    let running = Program::new(pebble, "ACME directory available at")
        .args(["-config", config.to_str().unwrap(), "-dnsserver", &name_server().to_string()])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .start()
        .unwrap();
    // It says so a moment before it listens.
    while std::net::TcpStream::connect(("127.0.0.1", listen)).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    Authority { directory: format!("https://localhost:{listen}/dir"), root, _running: running }
}

struct Open;

impl Door for Open {
    fn decide(&self, _: &Head<'_>) -> Decision {
        Decision::Pass(Pass::default())
    }
}

/// A front with TLS and no certificate yet, and the ports of its two listeners.
fn front() -> (Arc<Tls>, u16, u16) {
    let listen = |kind| Listen::bind("127.0.0.1:0".parse().unwrap(), kind).unwrap();
    let (https, http) = (listen(Kind::Https), listen(Kind::Redirect));
    let port = |listen: &Listen| listen.socket.local_addr().unwrap().port();
    let (https_port, http_port) = (port(&https), port(&http));
    let tls = Arc::new(Tls::new(https_port).unwrap());
    let upstreams = Upstreams::new(vec![Upstream::new("http://127.0.0.1:9").unwrap()], Arc::new(())).unwrap();
    let front = Front::new(Open, upstreams, Limits::default(), Trusted::default(), Some(Arc::clone(&tls)));
    tokio::spawn(async move { front.serve(vec![https, http]).await });
    (tls, https_port, http_port)
}

/// The certificate that a client gets for this name, whoever has signed it.
async fn shown(port: u16, name: &'static str) -> Option<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Anybody);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from(name).unwrap(), stream).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone())
}

/// Believes any certificate: which one is shown is what the tests ask.
#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn acme(authority: &Authority, folder: &Path, proof: Proof) -> Acme {
    Acme {
        directory: authority.directory.clone(),
        contact: vec!["mailto:admin@ent.example".to_owned()],
        names: vec![NAME.to_owned()],
        folder: folder.join("acme"),
        proof,
        root: Some(authority.root.clone()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_ordered_kept_and_used() {
    let Some(pebble) = pebble() else { return };
    for proof in [Proof::TlsAlpn01, Proof::Http01] {
        let folder = tempfile::tempdir().unwrap();
        let (tls, https, http) = front();
        let authority = authority(&pebble, folder.path(), https, http);
        let acme = acme(&authority, folder.path(), proof);
        assert_eq!(shown(https, NAME).await, None);
        let renewal = acme.ensure(&tls, NAME).await.unwrap();
        let days = renewal.as_secs() / 86_400;
        assert!((59..=60).contains(&days), "{proof:?}: renewed in {days} days");
        let certificate = shown(https, NAME).await.expect("a certificate");
        assert!(preau_front::tls::Validity::of(&certificate).is_some());

        // After a restart it comes from the folder, which nobody else can read.
        use std::os::unix::fs::PermissionsExt as _;
        let kept = folder.path().join("acme/ent.example.pem");
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let (again, second, _) = front();
        acme.ensure(&again, NAME).await.unwrap();
        assert_eq!(shown(second, NAME).await, Some(certificate.clone()));

        // What cannot be read is ordered anew, with the same account.
        let account = fs::read(folder.path().join("acme/account.json")).unwrap();
        fs::write(&kept, "nonsense").unwrap();
        acme.ensure(&tls, NAME).await.unwrap();
        assert_ne!(shown(https, NAME).await, Some(certificate));
        assert_eq!(fs::read(folder.path().join("acme/account.json")).unwrap(), account);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_cannot_be_proved_changes_nothing() {
    let Some(pebble) = pebble() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (tls, https, http) = front();
    // The authority looks at a port where nobody is.
    let authority = authority(&pebble, folder.path(), port::free_tcp().unwrap(), http);
    let acme = acme(&authority, folder.path(), Proof::TlsAlpn01);
    let failed = tokio::time::timeout(Duration::from_secs(120), acme.ensure(&tls, NAME)).await.unwrap();
    assert!(matches!(failed, Err(AcmeError::Unproved { .. } | AcmeError::Authority(_))), "{failed:?}");
    let blocked = acme.ensure(&tls, "blocked.example").await;
    assert!(matches!(blocked, Err(AcmeError::Authority(_))), "{blocked:?}");
    assert_eq!(shown(https, NAME).await, None);
}
