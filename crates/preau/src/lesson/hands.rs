//! Raised hands in all the rooms of a lesson, for its teachers: a hand goes up in a group while they are in another.
//!
//! Whoever is in a room reads its hands from the people in it. Only where a lesson has several rooms its teachers
//! are told of all of them at once, in a packet without a sender.

use super::model::{LiveLesson, Role, place_of};
use super::policy::ModerateLive;
use super::{LessonState, RoomsResult, acts, pages};
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::LessonId;
use axum::extract::{Path, State};
use axum::response::Response;
use preau_sfu::protocol as lk;
use serde::Serialize;

/// The topic, as the page knows it.
const TOPIC: &str = "preau.hands";

/// The raised hands of a lesson, the first one first.
#[derive(Debug, Serialize)]
struct Hands {
    hands: Vec<Raised>,
}

/// A raised hand.
#[derive(Debug, Serialize)]
struct Raised {
    identity: String,
    name: String,
    /// RFC 3339 moment.
    since: String,
    /// Whose room it is; 0: of the whole class.
    group: u8,
}

/// Who is in a room.
type Present = (String, Vec<lk::ParticipantInfo>);

fn has_role(one: &lk::ParticipantInfo, role: Role) -> bool {
    one.attributes.get("role").map(String::as_str) == Some(role.word())
}

impl Hands {
    fn of(rooms: &[Present]) -> Hands {
        let mut hands: Vec<Raised> = rooms
            .iter()
            .filter_map(|(room, present)| Some((place_of(room)?.1, present)))
            .flat_map(|(group, present)| present.iter().filter_map(move |one| Raised::of(one, group)))
            .collect();
        // Moments are written alike, so their texts stand in their order.
        hands.sort_by(|one, other| (&one.since, &one.identity).cmp(&(&other.since, &other.identity)));
        Hands { hands }
    }
}

impl Raised {
    fn of(one: &lk::ParticipantInfo, group: u8) -> Option<Raised> {
        let since =
            one.attributes.get("hand").filter(|since| !since.is_empty() && has_role(one, Role::Pupil))?;
        Some(Raised { identity: one.identity.clone(), name: one.name.clone(), since: since.clone(), group })
    }
}

impl LessonState {
    async fn everybody(&self, lesson: LessonId) -> RoomsResult<Vec<Present>> {
        let mut rooms = Vec::new();
        for room in self.rooms.of_lesson(lesson).await? {
            let present = self.rooms.list_participants(&room).await?;
            rooms.push((room, present));
        }
        Ok(rooms)
    }

    /// Tells the lesson's teachers which hands are up, where they could not see them all.
    ///
    /// # Errors
    /// The rooms'.
    pub(super) async fn tell_hands(&self, lesson: LessonId) -> Result<(), Refusal> {
        if self.rooms.of_lesson(lesson).await?.len() < 2 {
            return Ok(());
        }
        let rooms = self.everybody(lesson).await?;
        let packet =
            serde_json::to_vec(&Hands::of(&rooms)).map_err(|error| Refusal::Internal(error.to_string()))?;
        for (room, present) in rooms {
            let teachers: Vec<String> = present
                .into_iter()
                .filter(|one| has_role(one, Role::Teacher))
                .map(|one| one.identity)
                .collect();
            if !teachers.is_empty() {
                self.rooms.send_data_to(&room, TOPIC, packet.clone(), teachers).await?;
            }
        }
        Ok(())
    }
}

/// All raised hands of the lesson, for a page that has just come.
pub(super) async fn list(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, ModerateLive> = pages::permit(&state, &caller, id).await?;
    acts::while_open(&state, permit.resource())?;
    json(&Hands::of(&state.everybody(id).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn hands_of_all_rooms_stand_in_one_line() {
        let one = |identity: &str, role: Role, hand: &str| lk::ParticipantInfo {
            identity: identity.into(),
            name: format!("N {identity}"),
            attributes: HashMap::from([
                ("role".to_owned(), role.word().to_owned()),
                ("hand".to_owned(), hand.to_owned()),
            ]),
            ..Default::default()
        };
        let rooms = [
            ("lesson-7".to_owned(), vec![one("1", Role::Teacher, ""), one("4", Role::Pupil, "")]),
            ("lesson-7-2".to_owned(), vec![one("5", Role::Pupil, "2026-11-23T07:05:00Z")]),
            (
                "lesson-7-1".to_owned(),
                vec![one("6", Role::Pupil, "2026-11-23T07:04:00Z"), one("3", Role::Visitor, "2026-11-23")],
            ),
        ];
        let line: Vec<_> = Hands::of(&rooms).hands.into_iter().map(|one| (one.identity, one.group)).collect();
        assert_eq!(line, [("6".to_owned(), 1), ("5".to_owned(), 2)]);
    }
}
