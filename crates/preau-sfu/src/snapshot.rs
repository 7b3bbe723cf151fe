//! A room as a snapshot, and how numbered events carry it on.
//!
//! Whoever wants to know a room asks once for a [`Snapshot`] and applies every [`Event`] after it. The
//! invariant, tested as a property: a snapshot with all later events applied equals a fresh snapshot.
//! Loudness, packet counts and other things that change without end are not part of it.

use std::collections::BTreeMap;

use crate::event::{Event, EventKind, Profile};
use crate::grants::Source;
use crate::ids::{Identity, ParticipantSid, RoomName, TrackSid};
use crate::ladder::Step;

/// A room at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The room.
    pub room: RoomName,
    /// Number of the last event contained.
    pub number: u64,
    /// The room's metadata.
    pub metadata: String,
    /// What is given up for want of bandwidth.
    pub step: Step,
    /// Who is there.
    pub participants: BTreeMap<Identity, Present>,
    /// The room is over.
    pub finished: bool,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// This stay.
    pub sid: ParticipantSid,
    /// How they are described.
    pub profile: Profile,
    /// Whether the signalling connection stands.
    pub here: bool,
    /// Whether media could ever flow.
    pub connected: bool,
    /// What they publish.
    pub tracks: BTreeMap<TrackSid, Published>,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What it shows.
    pub source: Source,
    /// Its name.
    pub name: String,
    /// Whether it is muted.
    pub muted: bool,
}

/// Events are missing in between: ask for a fresh snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {wanted} is missing, {got} came")]
pub struct Gap {
    /// The number that should have come.
    pub wanted: u64,
    /// The number that came.
    pub got: u64,
}

impl Snapshot {
    /// A room of which nothing is known yet.
    pub fn empty(room: RoomName) -> Snapshot {
        Snapshot {
            room,
            number: 0,
            metadata: String::new(),
            step: Step::Full,
            participants: BTreeMap::new(),
            finished: false,
        }
    }

    /// Carries the snapshot on. Events it already contains, and those of other rooms, change nothing.
    ///
    /// # Errors
    /// [`Gap`] when an event is missing; then nothing has changed.
    pub fn apply(&mut self, event: &Event) -> Result<(), Gap> {
        if event.room != self.room {
            return Ok(());
        }
        if self.finished && event.kind == EventKind::RoomStarted {
            // Another room of the same name.
            *self = Snapshot::empty(self.room.clone());
        }
        if event.number <= self.number {
            return Ok(());
        }
        let wanted = self.number + 1;
        if event.number != wanted {
            return Err(Gap { wanted, got: event.number });
        }
        self.number = event.number;
        self.change(&event.kind);
        Ok(())
    }

    fn change(&mut self, kind: &EventKind) {
        match kind {
            EventKind::RoomStarted | EventKind::RoomEmpty => {}
            EventKind::RoomFinished => self.finished = true,
            EventKind::RoomChanged { metadata } => self.metadata.clone_from(metadata),
            EventKind::StepChanged { step, .. } => self.step = *step,
            EventKind::ParticipantJoined { identity, sid, profile } => {
                let present = Present {
                    sid: sid.clone(),
                    profile: Profile::clone(profile),
                    here: true,
                    connected: false,
                    tracks: BTreeMap::new(),
                };
                self.participants.insert(identity.clone(), present);
            }
            EventKind::ParticipantChanged { identity, profile } => {
                self.with(identity, |present| present.profile = Profile::clone(profile));
            }
            EventKind::ParticipantConnected { identity, .. } => {
                self.with(identity, |present| present.connected = true);
            }
            EventKind::ParticipantLost { identity } => self.with(identity, |present| present.here = false),
            EventKind::ParticipantResumed { identity, .. } => {
                self.with(identity, |present| present.here = true);
            }
            EventKind::ParticipantLeft { identity, .. } => {
                self.participants.remove(identity);
            }
            EventKind::TrackPublished { identity, track, source, name, muted } => {
                let published = Published { source: *source, name: name.clone(), muted: *muted };
                self.with(identity, |present| {
                    present.tracks.insert(track.clone(), published);
                });
            }
            EventKind::TrackMuted { identity, track, muted } => self.with(identity, |present| {
                if let Some(published) = present.tracks.get_mut(track) {
                    published.muted = *muted;
                }
            }),
            EventKind::TrackUnpublished { identity, track } => self.with(identity, |present| {
                present.tracks.remove(track);
            }),
        }
    }

    fn with(&mut self, identity: &Identity, change: impl FnOnce(&mut Present)) {
        if let Some(present) = self.participants.get_mut(identity) {
            change(present);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64, kind: EventKind) -> Event {
        Event { room: "lecon".into(), number, unix_ms: 0, kind }
    }

    #[test]
    fn repeated_events_change_nothing_and_missing_ones_are_noticed() {
        let mut snapshot = Snapshot::empty("lecon".into());
        let changed = |metadata: &str| EventKind::RoomChanged { metadata: metadata.to_owned() };
        assert_eq!(snapshot.apply(&event(1, EventKind::RoomStarted)), Ok(()));
        assert_eq!(snapshot.apply(&event(2, changed("a"))), Ok(()));
        assert_eq!(snapshot.apply(&event(1, changed("old"))), Ok(()));
        assert_eq!(snapshot.metadata, "a");
        assert_eq!(snapshot.apply(&event(4, changed("b"))), Err(Gap { wanted: 3, got: 4 }));
        assert_eq!((snapshot.number, snapshot.metadata.as_str()), (2, "a"));
        assert_eq!(snapshot.apply(&event(3, EventKind::RoomFinished)), Ok(()));
        assert_eq!(snapshot.apply(&event(1, EventKind::RoomStarted)), Ok(()));
        assert!(!snapshot.finished && snapshot.metadata.is_empty());
    }
}
