//! The rooms of a LiveKit server: requests over Twirp with tokens of its key.
//!
//! It knows LiveKit's wire and nothing of lessons. Invariant: every request ends within the time it is given, and
//! what comes back is bounded; a server that does not answer is told as such, never waited for.

use super::control::{RoomService, RoomsError, RoomsResult};
use super::twirp::{self, Failure, Format};
use crate::edge::Clock;
use futures_util::future::BoxFuture;
use http::header;
use preau_sfu::control::{Command, ControlError, Reply};
use preau_sfu::token::{ServiceClaims, TokenKey};
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer, in bytes: the list of a lecture hall, many times over.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long a token of ours is good for, in seconds: the request, and clocks that differ.
const LIFETIME: u64 = 60;

/// A LiveKit server, or the balancer before several.
pub(super) struct Cluster {
    client: reqwest::Client,
    /// `http(s)://host:port`, without a final slash.
    base: String,
    key: TokenKey,
    clock: Clock,
}

impl Cluster {
    /// The server at `base`, to which we prove ourselves with `key`.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(super) fn new(base: String, key: TokenKey, clock: Clock) -> anyhow::Result<Cluster> {
        let client = reqwest::Client::builder()
            // The address is the operator's; nobody else may send us elsewhere with a token.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Cluster { client, base, key, clock })
    }

    async fn call(&self, command: Command) -> RoomsResult<Reply> {
        const FORMAT: Format = Format::Protobuf;
        let (method, message) = twirp::request(&command, FORMAT)
            .ok_or(ControlError::Invalid("a LiveKit server cannot be asked for this"))?;
        let path = format!("{}{}", twirp::SERVICE, method.name());
        match self.ask(&path, &twirp::needed(&command), message, PATIENCE).await? {
            Ok(bytes) => method.reply(FORMAT, &bytes).map_err(|error| unreadable(&error)),
            Err((status, failure)) => Err(understood(&command, failure, status)),
        }
    }

    /// Asks a service of the server, in protobuf, with a token that says `claims`. What it answers: bytes, or a failure
    /// of Twirp's with its status.
    pub(super) async fn ask(
        &self,
        path: &str,
        claims: &ServiceClaims,
        message: Vec<u8>,
        patience: Duration,
    ) -> RoomsResult<Result<Vec<u8>, (u16, Failure)>> {
        let now = u64::try_from(self.clock.now() / 1_000).unwrap_or(0);
        // A little in the past: its clock may be behind ours.
        let token = self.key.mint_service(claims, now.saturating_sub(10), LIFETIME);
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .timeout(patience)
            .header(header::CONTENT_TYPE, Format::Protobuf.content_type())
            .bearer_auth(token)
            .body(message);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let bytes = bounded(response).await?;
        if status.is_success() {
            return Ok(Ok(bytes));
        }
        let failure = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Failure::new("unknown", "an answer that is no error of Twirp's"));
        Ok(Err((status.as_u16(), failure)))
    }
}

/// An answer that is not what was asked for.
pub(super) fn unreadable(error: &str) -> RoomsError {
    RoomsError::Cluster(format!("gave an answer that cannot be read: {error}"))
}

impl RoomService for Arc<Cluster> {
    fn carry_out(&self, command: Command) -> BoxFuture<'_, RoomsResult<Reply>> {
        Box::pin(self.call(command))
    }
}

/// The error as the embedded engine would have given it.
fn understood(command: &Command, failure: Failure, status: u16) -> RoomsError {
    match failure.code.as_str() {
        "not_found" => RoomsError::Refused(match command {
            Command::DeleteRoom(message) => ControlError::NoRoom(message.room.clone()),
            Command::ListParticipants(message) => ControlError::NoRoom(message.room.clone()),
            Command::SendData(message) => ControlError::NoRoom(message.room.clone()),
            Command::UpdateRoomMetadata(message) => ControlError::NoRoom(message.room.clone()),
            Command::MutePublishedTrack(message) => ControlError::NoTrack(message.track_sid.clone()),
            _ => ControlError::NoParticipant(failure.msg),
        }),
        "invalid_argument" | "malformed" => {
            tracing::error!(status, msg = failure.msg, "the LiveKit server did not accept a request of ours");
            RoomsError::Refused(ControlError::Invalid("the LiveKit server did not accept the request"))
        }
        "unauthenticated" | "permission_denied" => RoomsError::Cluster(format!(
            "does not accept our key (check live.key, live.secret and both clocks): {}",
            failure.msg
        )),
        _ => other(&failure, status),
    }
}

/// A failure that says nothing more particular.
pub(super) fn other(failure: &Failure, status: u16) -> RoomsError {
    RoomsError::Cluster(format!("failed with {status} {}: {}", failure.code, failure.msg))
}

fn unreachable(error: &reqwest::Error) -> RoomsError {
    // The innermost reason says most ("connection refused"); the address is in the configuration.
    let mut reason: &dyn std::error::Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    RoomsError::Cluster(format!("cannot be reached: {reason}"))
}

async fn bounded(mut response: reqwest::Response) -> RoomsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if bytes.len() + piece.len() > LARGEST {
            return Err(RoomsError::Cluster(format!("gave an answer of more than {LARGEST} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
