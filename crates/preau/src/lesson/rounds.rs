//! What the media thread sees to for the embedded engine, for the rooms of a LiveKit server: who is there
//! is noted, rooms that are over are closed, and nobody does more than the teacher allows now.
//!
//! A LiveKit server lets in whoever shows a token that has not run out, and knows nothing of a floor taken
//! back or a pupil sent out since it was minted. So what is and what should be are compared, when somebody
//! comes (`webhook`) and on a round every ten seconds. Invariant: after a round every room agrees with the
//! lesson, whatever was missed in between, a restart of this server included.

use super::model::{LiveLesson, Role, group_room, person_of, place_of};
use super::{LessonState, Place, RoomsError, store, ticket};
use crate::ids::{LessonId, Millis};
use crate::store::StoreError;
use preau_sfu::grants::Grants;
use preau_sfu::protocol as lk;
use std::time::Duration;
use thiserror::Error;

/// How often.
const ROUND: Duration = Duration::from_secs(10);

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
        let mut well = true;
        loop {
            tokio::time::sleep(ROUND).await;
            let round = self.round().await;
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
