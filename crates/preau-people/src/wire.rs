//! One browser's connection: HTTP/1.1, kept open between requests, opened again when the server has closed
//! it.
//!
//! It reaches loopback addresses only. A request is sent a second time when nothing of it was sent, or when
//! a kept connection broke before the answer and the request is a GET: as browsers do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

/// A person looks at an empty tab for this long, then gives it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody listens, or the connection broke.
    #[error("no connection: {0}")]
    Broken(String),
    /// No answer within half a minute.
    #[error("no answer within half a minute")]
    Silent,
    /// Not a loopback address.
    #[error("{0} is not this machine: people go nowhere else")]
    Elsewhere(SocketAddr),
}

/// A connection to one server.
#[derive(Debug)]
pub struct Wire {
    to: SocketAddr,
    from: Option<IpAddr>,
    sender: Option<SendRequest<Full<Bytes>>>,
    opened: u32,
}

impl Wire {
    /// To a server on a loopback address, from a given one if there is one. It opens with the first request.
    #[must_use]
    pub fn new(to: SocketAddr, from: Option<IpAddr>) -> Wire {
        Wire { to, from, sender: None, opened: 0 }
    }

    /// The server's address.
    #[must_use]
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// The address it comes from, if it was given one.
    #[must_use]
    pub fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// How many times it was opened.
    #[must_use]
    pub fn opened(&self) -> u32 {
        self.opened
    }

    /// Closes it, as the browser does when its tab is gone.
    pub fn close(&mut self) {
        self.sender = None;
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn send(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, Fault> {
        let answer = tokio::time::timeout(PATIENCE, self.ask(request)).await.unwrap_or(Err(Fault::Silent));
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn ask(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, Fault> {
        let again = (request.method() == Method::GET).then(|| request.clone());
        let kept = self.sender.as_ref().is_some_and(|sender| !sender.is_closed());
        match self.once(request).await {
            Ok(response) => whole(response).await,
            Err(Unsent::Back(request)) => match self.once(*request).await {
                Ok(response) => whole(response).await,
                Err(Unsent::Back(_)) => Err(Fault::Broken("closed at once".to_owned())),
                Err(Unsent::Lost(fault)) => Err(fault),
            },
            Err(Unsent::Lost(fault)) => match again.filter(|_| kept) {
                Some(request) => {
                    self.sender = None;
                    match self.once(request).await {
                        Ok(response) => whole(response).await,
                        Err(_) => Err(fault),
                    }
                }
                None => Err(fault),
            },
        }
    }

    async fn once(&mut self, request: Request<Bytes>) -> Result<Response<Incoming>, Unsent> {
        let sender = match self.sender.as_mut().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => {
                self.sender = Some(self.open().await.map_err(Unsent::Lost)?);
                self.opened += 1;
                let Some(sender) = self.sender.as_mut() else {
                    return Err(Unsent::Lost(Fault::Broken("not open".to_owned())));
                };
                sender
            }
        };
        if sender.ready().await.is_err() {
            self.sender = None;
            return Err(Unsent::Back(Box::new(request)));
        }
        let (parts, body) = request.into_parts();
        let kept = body.clone();
        match sender.try_send_request(Request::from_parts(parts, Full::new(body))).await {
            Ok(response) => Ok(response),
            Err(mut error) => {
                self.sender = None;
                match error.take_message() {
                    Some(request) => Err(Unsent::Back(Box::new(request.map(|_| kept)))),
                    None => Err(Unsent::Lost(Fault::Broken(error.error().to_string()))),
                }
            }
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, Fault> {
        if !self.to.ip().is_loopback() {
            return Err(Fault::Elsewhere(self.to));
        }
        let broken = |error: std::io::Error| Fault::Broken(error.to_string());
        let stream = match self.from {
            Some(from) => {
                let socket = TcpSocket::new_v4().map_err(broken)?;
                socket.bind(SocketAddr::new(from, 0)).map_err(broken)?;
                socket.connect(self.to).await.map_err(broken)?
            }
            None => TcpStream::connect(self.to).await.map_err(broken)?,
        };
        stream.set_nodelay(true).map_err(broken)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| Fault::Broken(error.to_string()))?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Why a request came to nothing.
enum Unsent {
    /// Nothing of it was sent: here it is.
    Back(Box<Request<Bytes>>),
    /// It may have been.
    Lost(Fault),
}

async fn whole(response: Response<Incoming>) -> Result<Response<Bytes>, Fault> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| Fault::Broken(error.to_string()))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
