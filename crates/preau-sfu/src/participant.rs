//! One participant's stay in a room: who they are, how they are reached, what they send and receive.
//!
//! This is state and small questions about it. What happens between participants is the room's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as lk;
use str0m::media::Mid;

use crate::config::Limits;
use crate::grants::Grants;
use crate::ids::{ConnectionId, Identity, ParticipantSid, PartyKey, TrackKey};
use crate::speakers::VoiceMeter;
use crate::stats::Link;
use crate::subscribe::Reception;
use crate::transport::Transport;

/// A participant.
pub(crate) struct Participant {
    pub(crate) key: PartyKey,
    pub(crate) sid: ParticipantSid,
    pub(crate) identity: Identity,
    pub(crate) grants: Grants,
    /// What others are told. Its tracks and version are kept by [`crate::room::Room`].
    pub(crate) info: lk::ParticipantInfo,
    pub(crate) presence: Presence,
    pub(crate) transport: Transport,
    pub(crate) endpoints: Endpoints,
    pub(crate) sending: Sending,
    pub(crate) reception: Reception,
    pub(crate) auto_subscribe: bool,
    pub(crate) voice: VoiceMeter,
    pub(crate) link: Link,
}

/// The signalling side of a stay.
pub(crate) struct Presence {
    /// The signalling connection; None while it is broken and may come back.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) lost_at: Option<Instant>,
    pub(crate) heard_at: Instant,
    /// Departures that happened while the connection was broken: a list of who is there does not
    /// tell a client who no longer is.
    pub(crate) missed: Vec<lk::ParticipantInfo>,
}

/// How datagrams find this participant.
#[derive(Default)]
pub(crate) struct Endpoints {
    pub(crate) ufrag: String,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// The tracks of one participant, as keys into the room's tracks.
#[derive(Default)]
pub(crate) struct Sending {
    /// Everything announced.
    pub(crate) tracks: Vec<TrackKey>,
    /// Those that have a section.
    pub(crate) sections: Vec<(Mid, TrackKey)>,
}

impl Sending {
    pub(crate) fn carried(&self, mid: Mid) -> Option<TrackKey> {
        self.sections.iter().find(|(section, _)| *section == mid).map(|(_, track)| *track)
    }

    pub(crate) fn forget(&mut self, track: TrackKey) {
        self.tracks.retain(|key| *key != track);
        self.sections.retain(|(_, key)| *key != track);
    }
}

impl Participant {
    /// Applies a change of name, metadata and attributes: an empty name or metadata means no change,
    /// an attribute with an empty value is removed.
    ///
    /// # Errors
    /// What exceeds its bound; then nothing is changed.
    pub(crate) fn describe(
        &mut self,
        name: &str,
        metadata: &str,
        attributes: &HashMap<String, String>,
        limits: &Limits,
    ) -> Result<(), &'static str> {
        if name.len() > limits.name_bytes {
            return Err("the name is too long");
        }
        if metadata.len() > limits.metadata_bytes {
            return Err("the metadata are too long");
        }
        let mut merged = self.info.attributes.clone();
        for (key, value) in attributes {
            if value.is_empty() {
                merged.remove(key);
            } else {
                merged.insert(key.clone(), value.clone());
            }
        }
        let bytes: usize = merged.iter().map(|(key, value)| key.len() + value.len()).sum();
        if merged.len() > limits.attributes || bytes > limits.attribute_bytes {
            return Err("there are too many attributes, or they are too long");
        }
        self.info.attributes = merged;
        if !name.is_empty() {
            self.info.name = name.to_owned();
        }
        if !metadata.is_empty() {
            self.info.metadata = metadata.to_owned();
        }
        Ok(())
    }
}
