//! The socket side: accept, bound what one connection may cost, stop without cutting anybody off.

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// A client that has not sent its whole head by then is cut off (slowloris).
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of head and buffer a connection may hold: cookies and a LiveKit join request (about 22 kB) fit.
const BUFFER: usize = 64 * 1024;
/// How long open requests may go on after the server was asked to stop; live sockets end then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves until `stop` completes, then lets open requests finish.
///
/// # Errors
/// The listener's, when it fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    // Every connection holds a copy of `open`; once all are gone, `closed` ends.
    let (open, mut closed) = mpsc::channel::<()>(1);
    let (stopping, asked) = watch::channel(false);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(BUFFER);
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: others may finish and free some.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let (open, mut asked) = (open.clone(), asked.clone());
        tokio::spawn(async move {
            let _open = open;
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                _ = asked.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    drop(open);
    let _ = stopping.send(true);
    if tokio::time::timeout(PATIENCE, closed.recv()).await.is_err() {
        tracing::info!("some connections were still open and are closed now");
    }
    Ok(())
}
