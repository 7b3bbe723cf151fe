//! What the media thread sees to for the embedded engine, for the rooms of a LiveKit server: who is there
//! is noted, rooms that are over are closed, and nobody does more than the teacher allows now. And for both: whoever
//! no longer holds or visits a lesson is put out of its rooms.
//!
//! A LiveKit server lets in whoever shows a token that has not run out, and knows nothing of a floor taken
//! back or a pupil sent out since it was minted. So what is and what should be are compared, when somebody
//! comes (`webhook`), when the timetable changes, and on a round every ten seconds. The embedded engine looks at every
//! way in itself, and only has to be told of those who are inside already. Invariant: after a round every room agrees
//! with the lesson, whatever was missed in between, a restart of this server included.

use super::model::{LiveLesson, Role, group_room, person_of, place_of};
use super::{LessonState, Place, RoomsError, role_of, store, ticket};
use crate::access::Actor;
use crate::edge::{Change, Topic};
use crate::ids::{LessonId, Millis, PersonId};
use crate::school;
use crate::store::StoreError;
use preau_sfu::grants::Grants;
use preau_sfu::protocol as lk;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// How often, with a LiveKit server.
const ROUND: Duration = Duration::from_secs(10);
/// How often with the embedded engine, where only a change by another process (an import from the command line) has
/// to be found out.
const EMBEDDED_ROUND: Duration = Duration::from_secs(60);

/// Why a round could not be finished.
#[derive(Debug, Error)]
pub(super) enum RoundError {
    /// The database's reason.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rooms' reason.
    #[error(transparent)]
    Rooms(#[from] RoomsError),
}

impl LessonState {
    /// Goes round for ever.
    pub(super) async fn go_round(self) {
        let mut changes = self.platform.changes().listen();
        let mut well = true;
        loop {
            let (pause, embedded) = match self.media {
                Some(_) => (EMBEDDED_ROUND, true),
                None => (ROUND, false),
            };
            // Who holds a lesson may have changed: that does not wait for the next round.
            let _ = timeout(pause, timetable_changed(&mut changes)).await;
            let round = if embedded { self.show_out().await } else { self.round().await };
            match &round {
                Ok(()) if well => {}
                Ok(()) => tracing::info!("the live rooms are looked after again"),
                // A long failure is one line, not one every ten seconds.
                Err(error) if well => tracing::error!(%error, "the live rooms cannot be looked after"),
                Err(error) => tracing::debug!(%error, "the live rooms still cannot be looked after"),
            }
            well = round.is_ok();
        }
    }

    /// Looks into every room of a lesson.
    pub(super) async fn round(&self) -> Result<(), RoundError> {
        for room in self.rooms.list_rooms(Vec::new()).await? {
            let Some((id, group)) = place_of(&room.name) else { continue };
            let now = self.platform.now();
            let Some(lesson) = self.find(id).await?.filter(|lesson| lesson.is_open(now)) else {
                tracing::info!(lesson = %id, "the time of a live room is over");
                self.stages.end(id);
                self.rooms.delete_room(&room.name).await?;
                continue;
            };
            for one in self.rooms.list_participants(&room.name).await? {
                if self.settle(&lesson, group, &one).await?
                    && let Some(person) = person_of(&one.identity)
                {
                    self.attendance.seen(id, person, now);
                }
            }
        }
        Ok(())
    }

    /// Looks into every room of a lesson for those who no longer hold or visit it.
    pub(super) async fn show_out(&self) -> Result<(), RoundError> {
        for room in self.rooms.list_rooms(Vec::new()).await? {
            let Some((id, _)) = place_of(&room.name) else { continue };
            let Some(lesson) = self.find(id).await? else { continue };
            for one in self.rooms.list_participants(&room.name).await? {
                let role = one.attributes.get("role").and_then(|word| Role::from_word(word));
                let (Some(person), Some(role)) = (person_of(&one.identity), role) else { continue };
                if !self.still(&lesson, person, role).await? {
                    self.put_out(&lesson, person, role, &room.name).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether somebody of the staff still takes the part they were let in for: the head may have withdrawn them, or they
    /// may have left the school. Pupils are sent out by name, and are not asked about here.
    pub(super) async fn still(
        &self,
        lesson: &LiveLesson,
        person: PersonId,
        role: Role,
    ) -> Result<bool, StoreError> {
        if role == Role::Pupil {
            return Ok(true);
        }
        let facts = self
            .platform
            .store()
            .read::<_, StoreError, _>(move |conn| Ok(school::facts_of(conn, person)?))
            .await?;
        let now = facts.and_then(|facts| role_of(&Actor::person(Arc::new(facts)), lesson));
        // Who visits, and was named to hold it meanwhile, may go on visiting.
        Ok(now == Some(role) || (role == Role::Visitor && now == Some(Role::Teacher)))
    }

    async fn put_out(
        &self,
        lesson: &LiveLesson,
        person: PersonId,
        role: Role,
        room: &str,
    ) -> Result<(), RoundError> {
        tracing::info!(
            lesson = %lesson.id, %person, role = role.word(),
            "somebody who no longer takes this part in the lesson is put out"
        );
        self.rooms.remove_participant(room, &person.to_string()).await?;
        Ok(())
    }

    /// Somebody has come into a room, as they were then.
    pub(super) async fn came(
        &self,
        (id, group): (LessonId, u8),
        one: &lk::ParticipantInfo,
        at: Millis,
    ) -> Result<(), RoundError> {
        let Some(person) = person_of(&one.identity) else { return Ok(()) };
        match self.find(id).await?.filter(|lesson| lesson.is_open(self.platform.now())) {
            Some(lesson) => {
                if self.settle(&lesson, group, one).await? {
                    self.attendance.joined(id, person, at);
                }
            }
            None => {
                self.rooms.remove_participant(&group_room(id, group), &one.identity).await?;
            }
        }
        Ok(())
    }

    /// Makes what somebody may do agree with the lesson; whether they belong there.
    async fn settle(
        &self,
        lesson: &LiveLesson,
        group: u8,
        one: &lk::ParticipantInfo,
    ) -> Result<bool, RoundError> {
        // Recorders and tools of the operator come with tokens of their own.
        let role = one.attributes.get("role").and_then(|word| Role::from_word(word));
        let (Some(person), Some(role)) = (person_of(&one.identity), role) else { return Ok(false) };
        let room = group_room(lesson.id, group);
        if role != Role::Teacher && lesson.removed.contains(&person) {
            tracing::info!(lesson = %lesson.id, %person, "somebody who was sent out came back and is removed");
            self.rooms.remove_participant(&room, &one.identity).await?;
            return Ok(false);
        }
        if !self.still(lesson, person, role).await? {
            self.put_out(lesson, person, role, &room).await?;
            return Ok(false);
        }
        if self.doorkeeper.place(lesson, person, role, group).await? != Place::Room(group) {
            // A token from before the door was locked, or from another group; their page finds the way by itself.
            self.rooms.remove_participant(&room, &one.identity).await?;
            return Ok(false);
        }
        let should = self.tickets.grants(role, self.stages.allowed(lesson.id, person));
        let is = one.permission.as_ref().map(|permission| Grants::default().with_permission(permission));
        let hand = ticket::hand_text(self.stages.hand(lesson.id, person));
        let raised = one.attributes.get("hand").map_or("", String::as_str);
        if is.as_ref() == Some(&should) && hand == raised {
            return Ok(true);
        }
        self.rooms
            .update_participant(lk::UpdateParticipantRequest {
                room,
                identity: one.identity.clone(),
                permission: Some(should.to_permission()),
                attributes: [("hand".to_owned(), hand)].into(),
                ..Default::default()
            })
            .await?;
        Ok(true)
    }

    async fn find(&self, id: LessonId) -> Result<Option<LiveLesson>, StoreError> {
        self.platform.store().read::<_, StoreError, _>(move |conn| Ok(store::find(conn, id)?)).await
    }
}

/// Returns when the timetable of some school has changed.
async fn timetable_changed(changes: &mut Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(change) if change.topic != Topic::Timetable => {}
            // Whoever missed some of them looks.
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
