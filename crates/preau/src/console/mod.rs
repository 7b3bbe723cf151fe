//! The operator's console: what the gate sees and does, orders to it, and metrics, on an address of its own.
//!
//! It is no part of the school: nobody's account opens it, and it shows no person. Whoever may read the token
//! in the data folder may use it; the metrics need none. It answers for every house of the process: one
//! workspace, or the services behind `preau gate`. Invariant: an order is written into the journal of its
//! house before it takes effect, and comes from this console's own page or from somebody with the token.

mod answer;
pub mod command;
mod metrics;
mod page;
mod sight;
#[cfg(test)]
mod tests;
mod token;

use crate::config::Config;
use crate::edge::{Platform, serve as serve_sockets};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use token::Token;

/// What the console stands before.
struct Console {
    houses: Vec<(String, Platform)>,
    token: Token,
}

/// The folder of the console's token: where the gate's state lies.
pub fn folder(config: &Config) -> PathBuf {
    config.gate.state.parent().map(Path::to_owned).unwrap_or_default()
}

/// Opens the console at `address` for these houses, and goes on serving it in the background. The token is
/// made the first time, in `folder`.
///
/// # Errors
/// An address that cannot be listened on, a token that cannot be read or written.
pub async fn serve(
    address: SocketAddr,
    folder: &Path,
    houses: Vec<(String, Platform)>,
) -> anyhow::Result<SocketAddr> {
    let token = Token::open(folder)?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("the console cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    println!(
        "The gate's console: http://{bound} (user \"operator\", password in {})",
        token.path().display()
    );
    let console = Arc::new(Console { houses, token });
    let router = answer::router(console);
    tokio::spawn(async move {
        if let Err(error) = serve_sockets(listener, router, std::future::pending()).await {
            tracing::error!(%error, "the console has ended");
        }
    });
    Ok(bound)
}
