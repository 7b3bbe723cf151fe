//! Small groups: who sits where, a word to all of them, and calling everybody back.

use super::ClassroomState;
use super::acts::done;
use super::model::What;
use super::model::groups::{Group, LONGEST_TOLD, tidy};
use super::policy::LeadRoom;
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::{LessonId, PersonId};
use crate::lesson::{Document, LiveLesson, read_document};
use crate::school;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Whom there is to seat: the pupils of the lesson, and the groups that the school has of them.
#[derive(Serialize)]
struct Seating {
    pupils: Vec<Named>,
    groups: Vec<Ready>,
}

#[derive(Serialize)]
struct Named {
    id: String,
    name: String,
}

/// A group of the school with those of its pupils who are of this lesson.
#[derive(Serialize)]
struct Ready {
    name: String,
    members: Vec<String>,
}

pub(super) async fn seating(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let lesson = permit.into_resource();
    let seating = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let mut pupils = school::pupils_of_groups(conn, &lesson.groups)?;
            pupils.retain(|pupil| !lesson.removed.contains(&pupil.id));
            let ids: Vec<PersonId> = pupils.iter().map(|pupil| pupil.id).collect();
            let groups = school::groups_of_pupils(conn, &ids)?;
            let text = |members: Vec<PersonId>| members.iter().map(ToString::to_string).collect();
            Ok(Seating {
                pupils: pupils
                    .into_iter()
                    .map(|one| Named { id: one.id.to_string(), name: one.name })
                    .collect(),
                groups: groups
                    .into_iter()
                    .map(|(_, name, members)| Ready { name, members: text(members) })
                    .collect(),
            })
        })
        .await?;
    json(&seating)
}

/// Groups as a page asks for them; ids are texts there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    groups: Vec<WantedGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedGroup {
    #[serde(default)]
    name: String,
    members: BTreeSet<String>,
}

pub(super) async fn open(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Wanted>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let wanted = read_document(document)?.groups;
    let lesson = permit.resource().groups.clone();
    let known: BTreeMap<String, PersonId> = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(school::pupils_of_groups(conn, &lesson)?))
        .await?
        .into_iter()
        .map(|pupil| (pupil.id.to_string(), pupil.id))
        .collect();
    let group = |wanted: WantedGroup| {
        let members = wanted.members.iter().map(|one| known.get(one).copied()).collect::<Option<_>>();
        Some(Group { name: wanted.name, members: members? })
    };
    let groups = wanted.into_iter().map(group).collect::<Option<Vec<_>>>().ok_or(Refusal::NotFound)?;
    state.happen(&permit, What::GroupsOpened { groups: tidy(groups).map_err(Refusal::Rule)? }).await?;
    Ok(done())
}

/// Where somebody is to sit; 0: with the class.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seat {
    group: u8,
}

pub(super) async fn seat(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, identity)): Path<(LessonId, String)>,
    document: Document<Seat>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let person = state.pupil(&permit, &identity).await?;
    state.happen(&permit, What::GroupJoined { person, group: read_document(document)?.group }).await?;
    Ok(done())
}

/// Something to tell all groups.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Telling {
    text: String,
}

pub(super) async fn tell(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Telling>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let text = read_document(document)?.text.replace('\0', "").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::Malformed("text is empty".into()));
    }
    if text.chars().count() > LONGEST_TOLD {
        return Err(Refusal::Rule("room-word-too-long"));
    }
    state.happen(&permit, What::GroupsTold { text }).await?;
    Ok(done())
}

pub(super) async fn end(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::GroupsEnded).await?;
    Ok(done())
}
