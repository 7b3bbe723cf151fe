//! The live page, the way into the room, and opening and ending it.

use super::model::{LiveLesson, Role, group_room};
use super::policy::{JoinLive, OpenLive, role_of};
use super::ticket::Bearer;
use super::{LessonState, Place, store, views};
use crate::access::{Action, Allows, Permit};
use crate::edge::{Caller, Refusal, Topic, html, json, see_other};
use crate::ids::LessonId;
use crate::school;
use crate::store::StoreError;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// Looks the lesson up and asks for the permit.
pub(super) async fn permit<A: Action + 'static>(
    state: &LessonState,
    caller: &Caller,
    id: LessonId,
) -> Result<Permit<LiveLesson, A>, Refusal>
where
    LiveLesson: Allows<A>,
{
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

/// What is done without a page to show: 204 for scripts, the live page for a form.
pub(super) fn done(headers: &HeaderMap, id: LessonId) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        see_other(&format!("/lessons/{id}/live"))
    } else {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// The names a page shows, and for whom.
pub(super) struct Names {
    pub(super) subject: String,
    pub(super) hue: i32,
    pub(super) with: String,
    /// Whether the school is one for small children.
    pub(super) primary: bool,
}

pub(super) async fn page(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let (lesson, role, names) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<LiveLesson, JoinLive> = actor.permit(conn, id)?;
            let role = role_of(&actor, permit.resource()).ok_or(Refusal::NotFound)?;
            let lesson = permit.into_resource();
            let subjects = school::subject_names(conn, lesson.school)?;
            let (subject, hue) = lesson
                .subject
                .and_then(|subject| subjects.get(&subject).cloned())
                .unwrap_or_else(|| (lesson.label.clone(), 0));
            let with = match role {
                Role::Pupil => {
                    let mut teachers = Vec::new();
                    for teacher in &lesson.teachers {
                        teachers.push(school::person_name(conn, *teacher)?);
                    }
                    teachers.join(", ")
                }
                Role::Teacher | Role::Visitor => {
                    let names = school::group_names(conn, &lesson.groups)?;
                    names.into_iter().map(|group| group.label).collect::<Vec<_>>().join(", ")
                }
            };
            let primary = school::is_primary(conn, lesson.school)?;
            Ok((lesson, role, Names { subject, hue, with, primary }))
        })
        .await?;
    let shell = caller.shell_titled(names.subject.clone());
    html(&views::LivePage::new(&shell, &state.platform, &lesson, role, names))
}

/// Where a teacher wishes to go; a wish of anybody else changes nothing.
#[derive(Deserialize)]
pub(super) struct Wish {
    group: Option<u8>,
}

/// The way into the room, for this person and a few minutes.
#[derive(Serialize)]
struct Entry {
    url: String,
    token: String,
    room: String,
    /// 0: the whole class.
    group: u8,
    identity: String,
    name: String,
    role: &'static str,
    opened: bool,
    allowed: super::Allowed,
}

pub(super) async fn entry(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, JoinLive> = permit(&state, &caller, id).await?;
    let (lesson, now) = (permit.resource(), state.platform.now());
    if !lesson.is_open(now) {
        // The page says that waiting here is noted.
        if lesson.is_within_hours(now) {
            state.attendance.waits(id, caller.person()?, now);
        }
        return closed(lesson.ask_again_in(now), false);
    }
    // After a restart nobody opens the lesson again, but everybody comes through here.
    state.stages.begin(id, lesson.closes_at(), now);
    let facts = caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    let role = role_of(caller.actor(), lesson).ok_or(Refusal::NotFound)?;
    let place = state.doorkeeper.place(lesson, facts.person, role, wish.group.unwrap_or(0)).await?;
    let Place::Room(group) = place else {
        state.attendance.waits(id, facts.person, now);
        return closed(LOBBY_ASKS_AGAIN, true);
    };
    let allowed = match role {
        Role::Teacher => super::Allowed::ALL,
        Role::Pupil => state.stages.allowed(id, facts.person),
        Role::Visitor => super::Allowed::default(),
    };
    let hand = state.stages.hand(id, facts.person);
    let bearer =
        Bearer { lesson: id, group, person: facts.person, name: facts.name.clone(), role, allowed, hand };
    let mut response = json(&Entry {
        url: match &state.platform.config().live.url {
            Some(cluster) => as_socket(cluster),
            None => socket_url(&state.platform.config().server.public_url, &headers),
        },
        token: state.tickets.mint(&bearer, now),
        room: group_room(id, group),
        group,
        identity: facts.person.to_string(),
        name: bearer.name,
        role: role.word(),
        opened: true,
        allowed,
    })?;
    // Nobody inside a lesson is ever put out.
    let gives = role == Role::Teacher;
    state.platform.door().keep_for_lesson(&caller, id.get(), lesson.ends_at, gives, &mut response);
    Ok(response)
}

/// Seconds after which a page in the lobby of a locked room asks again.
const LOBBY_ASKS_AGAIN: u32 = 4;

/// The room is not open, or its door is locked: when to ask again.
fn closed(seconds: u32, locked: bool) -> Result<Response, Refusal> {
    let mut response = match locked {
        true => json(&serde_json::json!({ "opened": true, "lobby": true }))?,
        false => json(&serde_json::json!({ "opened": false }))?,
    };
    *response.status_mut() = StatusCode::CONFLICT;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}

/// Where clients open their socket: the public address. One that was left at this machine says nothing of
/// how people reach it (a tunnel, another name for localhost), so then the address they used counts.
fn socket_url(public_url: &str, headers: &HeaderMap) -> String {
    let (scheme, place) = public_url.split_once("://").unwrap_or(("http", public_url));
    let place = place.trim_end_matches('/');
    let here = ["127.", "localhost", "[::1]"].iter().any(|name| place.starts_with(name));
    let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok()).filter(|_| here);
    as_socket(&format!("{scheme}://{}", asked.unwrap_or(place)))
}

/// A web address as one for sockets.
fn as_socket(address: &str) -> String {
    let address = address.trim_end_matches('/');
    address.strip_prefix("http").map_or_else(|| address.to_owned(), |rest| format!("ws{rest}"))
}

pub(super) async fn open(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, OpenLive> = permit(&state, &caller, id).await?;
    let (lesson, by, now) = (permit.resource(), caller.person()?, state.platform.now());
    if lesson.cancelled {
        return Err(Refusal::Rule("live-cancelled"));
    }
    if !lesson.is_within_hours(now) {
        return Err(Refusal::Rule("live-not-now"));
    }
    if !lesson.opened {
        let (changes, school) = (state.platform.changes().clone(), lesson.school);
        state.stages.begin(id, lesson.closes_at(), now);
        state
            .platform
            .store()
            .write::<_, StoreError, _>(&permit, move |tx| {
                store::open(tx, id, by, now)?;
                tx.after_commit(move || changes.tell(Topic::Live, school));
                Ok(())
            })
            .await?;
    }
    Ok(done(&headers, id))
}

pub(super) async fn end(
    State(state): State<LessonState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, OpenLive> = permit(&state, &caller, id).await?;
    let (now, school, changes) =
        (state.platform.now(), permit.resource().school, state.platform.changes().clone());
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            store::end(tx, id, now)?;
            tx.note_as("live.end", "live_room", id.get());
            tx.after_commit(move || changes.tell(Topic::Live, school));
            Ok(())
        })
        .await?;
    state.stages.end(id);
    for room in state.rooms.of_lesson(id).await? {
        state.rooms.delete_room(&room).await?;
    }
    Ok(done(&headers, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_follow_the_public_address() {
        let asked = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("ecole.example:8443"))]);
        assert_eq!(socket_url("https://preau.example/", &asked), "wss://preau.example");
        assert_eq!(socket_url("http://127.0.0.1:8000", &asked), "ws://ecole.example:8443");
        assert_eq!(socket_url("http://127.0.0.1:8000", &HeaderMap::new()), "ws://127.0.0.1:8000");
        assert_eq!(as_socket("wss://live.example/"), "wss://live.example");
    }
}
