//! How something comes to happen: it is checked against the room, kept, taken in, and told to the room.
//!
//! A packet that is lost does no harm: packets are numbered, and a page that misses one asks for it.

use super::ClassroomState;
use super::book::body_of;
use super::model::view::{Tidings, Viewer, tidings};
use super::model::{Event, Rule, State, What};
use super::store::{self, Kept};
use crate::access::{Action, Allows, Permit};
use crate::edge::{Caller, Refusal};
use crate::ids::{LessonId, PersonId};
use crate::lesson::{LiveLesson, Role, RoomsResult};
use crate::store::StoreError;
use diesel::result::{DatabaseErrorKind, Error as Fault};
use serde_json::json;

/// The topic of numbered changes, as the page knows it.
const TOPIC: &str = "preau.room";

impl ClassroomState {
    /// A permit for a lesson that is open; without it nothing happens.
    pub(super) async fn permit<A: Action + 'static>(
        &self,
        caller: &Caller,
        id: LessonId,
    ) -> Result<Permit<LiveLesson, A>, Refusal>
    where
        LiveLesson: Allows<A>,
    {
        let actor = caller.actor().clone();
        let permit: Permit<LiveLesson, A> =
            self.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
        if permit.resource().is_open(self.platform.now()) {
            Ok(permit)
        } else {
            Err(Refusal::Rule("live-closed"))
        }
    }

    /// Lets `what` happen, and returns the number of the last event then. What would change nothing is not
    /// written down again.
    ///
    /// # Errors
    /// [`Refusal::Rule`] when the room forbids it, the store's.
    pub(super) async fn happen<A: Action>(
        &self,
        permit: &Permit<LiveLesson, A>,
        what: What,
    ) -> Result<i64, Refusal> {
        self.happen_as(permit, |_| Ok(what)).await
    }

    /// The same for what depends on how the room stands at that moment.
    ///
    /// # Errors
    /// As [`ClassroomState::happen`].
    pub(super) async fn happen_as<A: Action>(
        &self,
        permit: &Permit<LiveLesson, A>,
        what: impl FnOnce(&State) -> Result<What, Rule>,
    ) -> Result<i64, Refusal> {
        let lesson = permit.resource().id;
        let mut live = self.classrooms.room(lesson).await?;
        let what = what(&live.state).map_err(Refusal::Rule)?;
        if !live.state.is_news(&what) {
            return Ok(live.state.number);
        }
        live.state.check(&what).map_err(Refusal::Rule)?;
        let (number, at, act) = (live.state.number + 1, self.platform.now(), what.act());
        let body = body_of(&what).map_err(|error| Refusal::Internal(error.to_string()))?;
        self.platform
            .store()
            .write::<_, StoreError, _>(permit, move |tx| {
                store::append(tx, lesson, number, at, &body)?;
                tx.note_as(act, "live_room", lesson.get());
                Ok(())
            })
            .await
            .map_err(taken)?;
        let before = live.take(Kept { number, at, what: Some(what.clone()) });
        let after = live.state.clone();
        // The rooms may take a while; nobody else waits for that.
        drop(live);
        let moves = what.moves_people();
        self.tell(lesson, &Event { number, at, what }, &before, &after).await;
        if moves {
            self.sort_out(lesson).await?;
        }
        Ok(number)
    }

    async fn tell(&self, lesson: LessonId, event: &Event, before: &State, after: &State) {
        let packet = |patch| {
            json!({ "number": event.number, "at": event.at, "patch": patch }).to_string().into_bytes()
        };
        let sent = match tidings(before, after, &event.what) {
            Tidings::All(patch) => self.rooms.tell_lesson(lesson, TOPIC, &packet(patch)).await,
            Tidings::Apart(apart) => {
                self.tell_apart(lesson, |present| {
                    let told = apart.among(present).into_iter();
                    told.map(|(people, patch)| (people, packet(patch))).collect()
                })
                .await
            }
        };
        if let Err(error) = sent {
            // It is kept: pages ask when they see the next number, and whenever they connect.
            tracing::warn!(%lesson, number = event.number, %error, "an event of a room was kept but not told");
        }
    }

    /// Pages have been told where their people sit now and go there; whoever does not is shown out.
    async fn sort_out(&self, lesson: LessonId) -> Result<(), Refusal> {
        // As it stands now: somebody else may have moved people in the meantime.
        let state = self.classrooms.room(lesson).await?.state.clone();
        self.rooms.sort_out(lesson, |person, role, group| state.sits(person, role, group)).await?;
        Ok(())
    }

    async fn tell_apart(
        &self,
        lesson: LessonId,
        packets: impl Fn(&[Viewer]) -> Vec<(Vec<PersonId>, Vec<u8>)>,
    ) -> RoomsResult<()> {
        let mut sent = Ok(());
        for room in self.rooms.of_lesson(lesson).await? {
            for (people, packet) in packets(&self.present_in(&room).await?) {
                let to = people.iter().map(ToString::to_string).collect();
                sent = sent.and(self.rooms.send_data_to(&room, TOPIC, packet, to).await.map(|_| ()));
            }
        }
        sent
    }

    /// Who is in the lesson's rooms now.
    pub(super) async fn present(&self, lesson: LessonId) -> RoomsResult<Vec<Viewer>> {
        let mut present = Vec::new();
        for room in self.rooms.of_lesson(lesson).await? {
            present.extend(self.present_in(&room).await?);
        }
        Ok(present)
    }

    async fn present_in(&self, room: &str) -> RoomsResult<Vec<Viewer>> {
        let there = self.rooms.list_participants(room).await?;
        Ok(there
            .iter()
            .filter_map(|one| {
                let role = one.attributes.get("role").and_then(|word| Role::from_word(word))?;
                Some(Viewer { role, person: one.identity.parse::<PersonId>().ok()? })
            })
            .collect())
    }
}

/// Another process was faster with the same number: asking again finds its event and goes on from there.
pub(super) fn taken(error: StoreError) -> Refusal {
    match error {
        StoreError::Query(Fault::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            Refusal::Busy { retry_after: 1 }
        }
        error => error.into(),
    }
}
