//! A service behind the gate whose speed the scenario controls: so many workers, so long for each request, and
//! a line before them.

use preau_people::house::Fault;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<State>);

struct State {
    workers: AtomicU32,
    millis: AtomicU32,
    busy: AtomicU32,
    done: AtomicU64,
    free: Notify,
}

impl Service {
    /// Opens it within the present runtime; it ends with that.
    pub async fn open(workers: u32, millis: u32) -> Result<(Service, SocketAddr), Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = State {
            workers: AtomicU32::new(workers),
            millis: AtomicU32::new(millis),
            busy: AtomicU32::new(0),
            done: AtomicU64::new(0),
            free: Notify::new(),
        };
        let service = Service(Arc::new(state));
        let own = service.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = own.clone();
                tokio::spawn(async move { service.serve(stream).await });
            }
        });
        Ok((service, address))
    }

    /// From now on it has so many workers and takes so long.
    pub fn set(&self, workers: u32, millis: u32) {
        self.0.workers.store(workers, Ordering::Relaxed);
        self.0.millis.store(millis, Ordering::Relaxed);
        self.0.free.notify_waiters();
    }

    /// Requests answered since it was opened.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Requests a second that it can do.
    pub fn can(&self) -> f64 {
        f64::from(self.0.workers.load(Ordering::Relaxed)) * 1e3
            / f64::from(self.0.millis.load(Ordering::Relaxed).max(1))
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut seen = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
                seen.extend_from_slice(&piece[..read]);
            };
            let leaves = seen.starts_with(b"GET /leave");
            seen.drain(..end);
            self.work().await;
            let over = if leaves { "preau-session: ended\r\n" } else { "" };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n{over}content-length: 12\r\n\r\n<p>Bonjour.\n"
            );
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    async fn work(&self) {
        let state = &self.0;
        loop {
            let free = state.free.notified();
            if state.busy.load(Ordering::Relaxed) < state.workers.load(Ordering::Relaxed) {
                break;
            }
            // Whoever is woken looks again: workers may have become fewer.
            let _ = tokio::time::timeout(Duration::from_millis(20), free).await;
        }
        state.busy.fetch_add(1, Ordering::Relaxed);
        let millis = state.millis.load(Ordering::Relaxed);
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis.into())).await;
        }
        state.busy.fetch_sub(1, Ordering::Relaxed);
        state.done.fetch_add(1, Ordering::Relaxed);
        state.free.notify_one();
    }
}
