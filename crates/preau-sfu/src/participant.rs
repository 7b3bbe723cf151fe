//! One participant's stay in a room: who they are, how they are reached, what they send and receive.
//!
//! This is state and small questions about it. What happens between participants is the room's.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as lk;
use str0m::media::Mid;

use crate::config::Limits;
use crate::engine::Carrier;
use crate::event::Profile;
use crate::grants::Grants;
use crate::ids::{ConnectionId, Identity, ParticipantSid, PartyKey, TrackKey};
use crate::speakers::VoiceMeter;
use crate::stats::{Link, LinkWidth};
use crate::subscribe::Reception;
use crate::transport::{Leg, Transport};

/// A participant.
pub(crate) struct Participant {
    pub(crate) key: PartyKey,
    pub(crate) sid: ParticipantSid,
    pub(crate) identity: Identity,
    pub(crate) grants: Grants,
    /// What others are told. Its tracks and version are kept by [`crate::room::Room`].
    pub(crate) info: lk::ParticipantInfo,
    pub(crate) presence: Presence,
    pub(crate) legs: Legs,
    pub(crate) sending: Sending,
    pub(crate) reception: Reception,
    pub(crate) auto_subscribe: bool,
    /// Whether they lead the lesson, as the token says: their camera outlives others' when bandwidth is
    /// short.
    pub(crate) leads: bool,
    pub(crate) voice: VoiceMeter,
    pub(crate) link: Link,
    /// What the link to them carries, in bits a second, if that is measured.
    pub(crate) estimate: Option<u64>,
    /// The same, judged by what their receiver reports.
    pub(crate) reported: LinkWidth,
    /// Bits a second of what is being sent to them, and what their link is probed for: the next layer, and
    /// everything wanted.
    pub(crate) given: u64,
    /// … and of what would be sent if everything fitted.
    pub(crate) wanted: u64,
    pub(crate) aimed: (u64, u64),
    /// Sequence number of the last reliable data packet taken from them; 0 before the first.
    pub(crate) last_data: u32,
}

/// A participant's peer connections: one, or on `/rtc` two.
pub(crate) struct Legs {
    pub(crate) up: Limb,
    pub(crate) down: Option<Limb>,
}

/// One peer connection and how its datagrams are found.
pub(crate) struct Limb {
    pub(crate) transport: Transport,
    pub(crate) endpoints: Endpoints,
}

impl Legs {
    pub(crate) fn get_mut(&mut self, leg: Leg) -> Option<&mut Limb> {
        match leg {
            Leg::Up => Some(&mut self.up),
            Leg::Down => self.down.as_mut(),
        }
    }

    /// On which they receive.
    pub(crate) fn receiving(&self) -> Leg {
        if self.down.is_some() { Leg::Down } else { Leg::Up }
    }

    /// The connection on which they receive.
    pub(crate) fn receiver(&mut self) -> &mut Limb {
        self.down.as_mut().unwrap_or(&mut self.up)
    }
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
    /// Since when a resumed client is awaited to say which of our offers it knows.
    pub(crate) awaits_sync: Option<Instant>,
}

/// How datagrams find this participant.
#[derive(Default)]
pub(crate) struct Endpoints {
    pub(crate) ufrag: String,
    pub(crate) addresses: Vec<(Carrier, SocketAddr)>,
}

/// The tracks of one participant, as keys into the room's tracks.
#[derive(Default)]
pub(crate) struct Sending {
    /// Everything announced.
    pub(crate) tracks: Vec<TrackKey>,
    /// Those that have a section.
    pub(crate) sections: Vec<(Mid, TrackKey)>,
    /// Who may receive them.
    pub(crate) audience: Audience,
}

/// Whom a publisher lets receive its tracks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody.
    #[default]
    All,
    /// Only these.
    Some(Vec<Invitation>),
}

/// Somebody who may receive a publisher's tracks: all, or some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invitation {
    pub(crate) identity: String,
    pub(crate) sid: String,
    /// None: all tracks.
    pub(crate) tracks: Option<BTreeSet<String>>,
}

impl Audience {
    /// Reads a publisher's wish; entries beyond `limit` are left out, which only ever means fewer people.
    pub(crate) fn of(wish: &lk::SubscriptionPermission, limit: usize) -> Audience {
        if wish.all_participants {
            return Audience::All;
        }
        let invited = wish.track_permissions.iter().take(limit).map(|entry| Invitation {
            identity: entry.participant_identity.clone(),
            sid: entry.participant_sid.clone(),
            tracks: (!entry.all_tracks).then(|| entry.track_sids.iter().take(limit).cloned().collect()),
        });
        Audience::Some(invited.collect())
    }

    /// Whether somebody may receive a track.
    pub(crate) fn admits(&self, identity: &str, sid: &str, track: &str) -> bool {
        match self {
            Audience::All => true,
            Audience::Some(invited) => invited.iter().any(|entry| {
                let named = (!entry.identity.is_empty() && entry.identity == identity)
                    || (!entry.sid.is_empty() && entry.sid == sid);
                named && entry.tracks.as_ref().is_none_or(|tracks| tracks.contains(track))
            }),
        }
    }
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
    /// What the link to them carries, in bits a second, as far as anything is known.
    pub(crate) fn width(&self) -> Option<u64> {
        [self.estimate, self.reported.bits()].into_iter().flatten().min()
    }

    /// How they are described.
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            name: self.info.name.clone(),
            metadata: self.info.metadata.clone(),
            attributes: self.info.attributes.clone().into_iter().collect(),
            grants: self.grants.clone(),
        }
    }

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
