//! What the application asks of the recorder that goes with a LiveKit server (LiveKit's Egress): to write down a track,
//! to stop, and how everything stands. One to one with LiveKit's own service, of which only this is used.
//!
//! A recorder is a service of its own, behind the server; the answers are the server's. Whoever calls is trusted: permits
//! were asked for before. What comes of it, the server's webhooks tell ([`super::Recorder::told`]).

use super::cluster::{Cluster, other, unreadable};
use super::control::RoomsResult;
use preau_sfu::protocol as lk;
use preau_sfu::token::ServiceClaims;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;

/// The path under which the methods lie.
const SERVICE: &str = "/twirp/livekit.Egress/";
/// How long a request may take: the server looks for a recorder that has time, and that one starts a process.
const PATIENCE: Duration = Duration::from_secs(20);

/// The recorder; cheap to clone.
#[derive(Clone)]
pub struct Egress(Arc<Cluster>);

impl Egress {
    pub(super) fn new(cluster: Arc<Cluster>) -> Egress {
        Egress(cluster)
    }

    /// Writes a track of a room into the file of that path, to which the recorder adds an ending.
    ///
    /// # Errors
    /// [`super::RoomsError::Cluster`]: no recorder is there, none has time, or it cannot.
    pub async fn start_track(&self, room: &str, track: &str, path: String) -> RoomsResult<lk::EgressInfo> {
        let file = lk::DirectFileOutput { filepath: path, disable_manifest: true, output: None };
        let request = lk::TrackEgressRequest {
            room_name: room.to_owned(),
            track_id: track.to_owned(),
            output: Some(lk::track_egress_request::Output::File(file)),
            ..Default::default()
        };
        self.ask("StartTrackEgress", &request).await
    }

    /// Ends one; one that is over by itself is no failure.
    ///
    /// # Errors
    /// [`super::RoomsError::Cluster`].
    pub async fn stop(&self, id: &str) -> RoomsResult<()> {
        let request = lk::StopEgressRequest { egress_id: id.to_owned() };
        match self.call::<lk::EgressInfo>("StopEgress", &request).await? {
            Ok(_) => Ok(()),
            Err((_, failure)) if matches!(failure.code.as_str(), "failed_precondition" | "not_found") => {
                Ok(())
            }
            Err((status, failure)) => Err(other(&failure, status)),
        }
    }

    /// All of a room that the server still knows of, those that are over included.
    ///
    /// # Errors
    /// [`super::RoomsError::Cluster`].
    pub async fn list(&self, room: &str) -> RoomsResult<Vec<lk::EgressInfo>> {
        let request = lk::ListEgressRequest { room_name: room.to_owned(), ..Default::default() };
        Ok(self.ask::<lk::ListEgressResponse>("ListEgress", &request).await?.items)
    }

    async fn ask<A: Message + Default>(&self, method: &str, request: &impl Message) -> RoomsResult<A> {
        self.call(method, request).await?.map_err(|(status, failure)| other(&failure, status))
    }

    async fn call<A: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> RoomsResult<Result<A, (u16, super::twirp::Failure)>> {
        let claims = ServiceClaims { room_record: true, ..Default::default() };
        let path = format!("{SERVICE}{method}");
        match self.0.ask(&path, &claims, request.encode_to_vec(), PATIENCE).await? {
            Ok(bytes) => match A::decode(bytes.as_slice()) {
                Ok(answer) => Ok(Ok(answer)),
                Err(error) => Err(unreadable(&error.to_string())),
            },
            Err((status, failure)) => Ok(Err((status, failure))),
        }
    }
}
