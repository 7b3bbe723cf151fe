//! Where connections to the store come from: TCP, with TLS if the address says so.
//!
//! The TLS is the house's: rustls with aws-lc-rs, certificates always checked, by the system's authorities or
//! by the one that the configuration names.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use crate::address::Address;
use crate::config::ConfigError;

/// Opens connections to the store. Tests put a simulated network here.
pub trait Dial: Send + Sync {
    /// What it opens.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a connection. The caller watches the time and may drop the attempt.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Connections over TCP.
pub struct Tcp {
    host: Host<String>,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Tcp {
    /// To this address, with the authority in this PEM file, if there is one.
    pub(crate) fn new(address: &Address, authority: Option<&Path>) -> Result<Tcp, ConfigError> {
        let tls = if address.tls { Some(connector(&address.host, authority)?) } else { None };
        Ok(Tcp { host: address.host.clone(), port: address.port, tls })
    }
}

fn connector(
    host: &Host<String>,
    authority: Option<&Path>,
) -> Result<(TlsConnector, ServerName<'static>), ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match authority {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => builder.with_platform_verifier()?,
    };
    let name = match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|error| {
            ConfigError::Tls(rustls::Error::General(format!("no certificate can be for {name:?}: {error}")))
        })?,
        Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
        Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
    };
    Ok((TlsConnector::from(Arc::new(config.with_no_client_auth())), name))
}

fn roots(file: &Path) -> Result<RootCertStore, ConfigError> {
    let wrong = |why: String| ConfigError::File { name: "authority", path: file.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(roots)
}

impl Dial for Tcp {
    type Stream = Wire;

    async fn dial(&self) -> io::Result<Wire> {
        let stream = match &self.host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), self.port)).await,
            Host::Ipv4(address) => TcpStream::connect((*address, self.port)).await,
            Host::Ipv6(address) => TcpStream::connect((*address, self.port)).await,
        }?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some((connector, name)) => Wire::Tls(Box::new(connector.connect(name.clone(), stream).await?)),
            None => Wire::Plain(stream),
        })
    }
}

/// A connection over TCP.
#[derive(Debug)]
pub enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
