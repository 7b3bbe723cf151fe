//! TLS with real handshakes: names, protocols, resumption, reload, redirection.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{Raw, TestDoor, ask, brisk, echo, to, upstream};
use preau_front::tls::{Files, Tls};
use preau_front::{Front, Kind, Limits, Listen, OtherProtocol, Peer, Stream, Trusted, Upstreams};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate of these names that vouches for itself, written to two files.
fn certificate(
    folder: &Path,
    label: &str,
    names: &[&str],
) -> (Files, rustls::pki_types::CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let files =
        Files { chain: folder.join(format!("{label}.pem")), key: folder.join(format!("{label}.key")) };
    fs::write(&files.chain, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    (files, certificate.into())
}

fn client(roots: &[&rustls::pki_types::CertificateDer<'static>], protocols: &[&str]) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add((*root).clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

async fn connect(
    address: SocketAddr,
    name: &'static str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Raw<TlsStream<TcpStream>>> {
    let stream = TcpStream::connect(address).await?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(ServerName::try_from(name).unwrap(), stream).await?;
    Ok(Raw { stream, ahead: Vec::new() })
}

struct Secure {
    https: SocketAddr,
    redirect: SocketAddr,
    tls: Arc<Tls>,
    front: Front<TestDoor, Upstreams>,
}

async fn secure(files: &[Files], limits: Limits) -> Secure {
    let (behind, _) = upstream(echo, false).await;
    // IPv6 that takes IPv4 as well.
    let listen = |kind| Listen::bind("[::]:0".parse().unwrap(), kind).unwrap();
    let (https, redirect) = (listen(Kind::Https), listen(Kind::Redirect));
    let port = |listen: &Listen| listen.socket.local_addr().unwrap().port();
    let tls = Arc::new(Tls::from_files(files, port(&https)).unwrap());
    let mut behind = to(behind);
    behind.hosts = vec!["a.example".to_owned(), "x.b.example".to_owned()];
    let upstreams = Upstreams::new(vec![behind], Arc::new(())).unwrap();
    let front =
        Front::new(TestDoor::default(), upstreams, limits, Trusted::default(), Some(Arc::clone(&tls)));
    let at = |listen: &Listen| SocketAddr::from(([127, 0, 0, 1], port(listen)));
    let (https_at, redirect_at) = (at(&https), at(&redirect));
    let serving = front.clone();
    tokio::spawn(async move { serving.serve(vec![https, redirect]).await });
    Secure { https: https_at, redirect: redirect_at, tls, front }
}

fn get(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_name_has_its_certificate_and_both_paths_work() {
    let folder = tempfile::tempdir().unwrap();
    let (first, a) = certificate(folder.path(), "a", &["a.example"]);
    let (second, b) = certificate(folder.path(), "b", &["*.b.example"]);
    let site = secure(&[first, second], Limits::default()).await;
    for (name, root) in [("a.example", &a), ("x.b.example", &b)] {
        let mut client = connect(site.https, name, &client(&[root], &["http/1.1"])).await.unwrap();
        assert_eq!(client.ask(&get(name, "/now")).await.body, "{}");
        assert_eq!(client.ask(&get(name, "/wait")).await.body.len(), 10_000);
        assert_eq!(client.ask(&get(name, "/hello")).await.body, "hello");
        assert_eq!(client.ask(&get(name, "/now")).await.body, "{}");
    }
    // IPv6, and the wrong certificate for a name that has none.
    let six = SocketAddr::new("::1".parse().unwrap(), site.https.port());
    assert!(connect(six, "a.example", &client(&[&a], &[])).await.is_ok());
    assert!(connect(site.https, "other.test", &client(&[&a, &b], &[])).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_agreed_upon() {
    let folder = tempfile::tempdir().unwrap();
    let (files, root) = certificate(folder.path(), "a", &["a.example"]);
    let site = secure(&[files], brisk()).await;
    let connected = connect(site.https, "a.example", &client(&[&root], &["h2", "http/1.1"])).await.unwrap();
    assert_eq!(connected.stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(connected.stream);
    let builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let (mut sender, driver) = builder.handshake(io).await.unwrap();
    let driver = tokio::spawn(driver);
    let request = http::Request::get("https://a.example/hello").body(String::new()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    // An idle connection is closed with a goodbye, not left for ever.
    tokio::time::timeout(std::time::Duration::from_secs(20), driver).await.unwrap().unwrap().unwrap();
    common::all_gone(&site.front).await;
}

/// Says the first bytes back.
struct Parrot;

impl OtherProtocol for Parrot {
    fn speaks(&self, first: u8) -> bool {
        first == 0
    }

    fn serve(
        self: Arc<Self>,
        mut stream: Box<dyn Stream>,
        ahead: Bytes,
        peer: Peer,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            assert!(peer.https);
            let _ = stream.write_all(&ahead).await;
            let _ = stream.shutdown().await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_found_inside_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (files, root) = certificate(folder.path(), "a", &["a.example"]);
    let site = secure(&[files], brisk()).await;
    let _ = site.front.clone().beside(Arc::new(Parrot));
    // Clients of such protocols agree on nothing in the handshake.
    let mut client = connect(site.https, "a.example", &client(&[&root], &[])).await.unwrap();
    client.send("\0hello").await;
    assert_eq!(client.rest().await, "\0hello");
    common::all_gone(&site.front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (files, root) = certificate(folder.path(), "a", &["a.example"]);
    let site = secure(&[files], Limits::default()).await;
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let mut store = RootCertStore::empty();
        store.add(root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = Arc::new(builder.with_root_certificates(store).with_no_client_auth());
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut client = connect(site.https, "a.example", &config).await.unwrap();
            // Tickets come after the handshake, with the first answer at the latest.
            assert_eq!(client.ask(&get("a.example", "/now")).await.body, "{}");
            kinds.push(client.stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed], "{versions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_used_and_old_connections_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (files, old) = certificate(folder.path(), "a", &["a.example"]);
    let site = secure(std::slice::from_ref(&files), Limits::default()).await;
    let mut before = connect(site.https, "a.example", &client(&[&old], &[])).await.unwrap();
    assert_eq!(before.ask(&get("a.example", "/now")).await.status, 200);

    // A broken file changes nothing.
    let good = fs::read(&files.key).unwrap();
    fs::write(&files.key, "nonsense").unwrap();
    let error = site.tls.load(std::slice::from_ref(&files)).unwrap_err().to_string();
    assert!(error.contains("a.key"), "{error}");
    fs::write(&files.key, good).unwrap();
    assert!(connect(site.https, "a.example", &client(&[&old], &[])).await.is_ok());

    // Found by itself when the files change.
    let (_, new) = certificate(folder.path(), "a", &["a.example"]);
    let (watched, tls) = (vec![files.clone()], Arc::clone(&site.tls));
    let watching =
        tokio::spawn(async move { tls.watch(watched, std::time::Duration::from_millis(20)).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let (_, newer) = certificate(folder.path(), "a", &["a.example"]);
    let config = client(&[&newer], &[]);
    for attempt in 0.. {
        if connect(site.https, "a.example", &config).await.is_ok() {
            break;
        }
        assert!(attempt < 200, "the new certificate was not found");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    watching.abort();
    assert!(connect(site.https, "a.example", &client(&[&old, &new], &[])).await.is_err());
    assert_eq!(before.ask(&get("a.example", "/hello")).await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_sent_on() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path(), "a", &["a.example"]);
    let site = secure(&[files], Limits::default()).await;
    let port = site.https.port();
    let got = ask(site.redirect, &get("a.example:80", "/path?x=y")).await;
    assert_eq!(got.status, 301);
    assert_eq!(got.field("location"), Some(&*format!("https://a.example:{port}/path?x=y")));
    let form = "POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\na=b";
    assert_eq!(ask(site.redirect, form).await.status, 308);
    // Not to names that are not ours.
    assert_eq!(ask(site.redirect, &get("evil.test", "/")).await.status, 421);
    assert_eq!(ask(site.redirect, &get("a.example", "/.well-known/acme-challenge/none")).await.status, 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_are_bounded_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path(), "a", &["a.example"]);
    let limits = Limits { handshake: std::time::Duration::from_millis(300), ..Limits::default() };
    let site = secure(&[files], limits).await;
    let mut silent = Raw::to(site.https).await;
    silent.send([0x16, 3, 1, 0, 200, 1]).await;
    assert_eq!(silent.rest().await, "");
    // Somebody who speaks HTTP to it is let go, too.
    let mut plain = Raw::to(site.https).await;
    plain.send(get("a.example", "/")).await;
    assert!(!plain.rest().await.contains("HTTP/1.1 200"));
    common::all_gone(&site.front).await;
}
