//! Asking after a service's health: a path of its own, every ten seconds.
//!
//! Three failures in a row and nobody new is let in; one answer, and the queue moves again. People's own
//! requests say as much, but only while somebody makes them. It forwards nothing for anybody. Invariant: a
//! service without such a path is never asked.

use crate::edge::Platform;
use http::Request;
use preau_front::{Asked, Backend as _, Body, Pass, Peer, Upstream, Upstreams};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How often.
const EVERY: Duration = Duration::from_secs(10);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many failures in a row are an illness.
const FAILURES: u32 = 3;

/// Asks for ever.
pub(super) async fn watch(path: String, mut upstream: Upstream, platform: Platform) {
    let host = upstream.hosts.first().cloned().unwrap_or_else(|| "localhost".to_owned());
    // Connections of its own: those of the serving threads belong to those.
    (upstream.hosts, upstream.pool) = (Vec::new(), 0);
    let upstreams = match Upstreams::new(vec![upstream], Arc::new(())) {
        Ok(upstreams) => upstreams,
        Err(error) => {
            tracing::error!(%error, "this service's health is not asked after");
            return;
        }
    };
    let mut failures = 0;
    loop {
        failures = if is_well(&upstreams, &host, &path).await { 0 } else { failures + 1 };
        platform.door().set_ill(failures >= FAILURES);
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether the service answers, and not with a failure of its own.
async fn is_well(upstreams: &Upstreams, host: &str, path: &str) -> bool {
    let request = Request::builder().uri(path).header(http::header::HOST, host).body(Body::empty());
    let Ok(request) = request else { return false };
    let peer = Peer::of(SocketAddr::from(([127, 0, 0, 1], 0)));
    let pass = Pass::default();
    let answer = upstreams.call(request, &pass, Asked { peer, site: 0 });
    matches!(tokio::time::timeout(PATIENCE, answer).await, Ok(Ok(response)) if response.status().as_u16() < 500)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn service(answer: &'static str) -> Upstreams {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 2048];
                let read = stream.read(&mut head).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&head[..read]).into_owned();
                assert!(asked.starts_with("GET /healthz HTTP/1.1\r\n"), "{asked}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let mut upstream = Upstream::new(&format!("http://{at}")).expect("an address");
        upstream.pool = 0;
        Upstreams::new(vec![upstream], Arc::new(())).expect("a backend")
    }

    #[tokio::test]
    async fn a_service_is_well_when_it_answers_and_does_not_fail() {
        for (answer, well) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", false),
            ("nonsense\r\n\r\n", false),
            ("", false),
        ] {
            let upstreams = service(answer).await;
            assert_eq!(is_well(&upstreams, "localhost", "/healthz").await, well, "{answer:?}");
        }
        let nobody = Upstream::new("http://127.0.0.1:1").expect("an address");
        let nobody = Upstreams::new(vec![nobody], Arc::new(())).expect("a backend");
        assert!(!is_well(&nobody, "localhost", "/healthz").await);
    }
}
