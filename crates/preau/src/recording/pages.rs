//! The list with the head's choice, one recording, and deleting it.

use super::model::{DAYS, Ending, Recording, RecordingId, Setting, What};
use super::policy::{DeleteRecording, SetRecording, WatchRecording};
use super::{RecordingState, contents, store, views};
use crate::access::{Actor, Allows, Permit, Profile};
use crate::edge::{Caller, FormFields, Refusal, html, see_other_with};
use crate::ids::{LessonId, SchoolId};
use crate::school;
use crate::store::StoreError;
use axum::extract::{Path, State};
use axum::response::Response;

/// The schools this actor is head of.
fn headed_by(actor: &Actor) -> Vec<SchoolId> {
    let ties = actor.facts().into_iter().flat_map(|facts| &facts.affiliations);
    ties.filter(|tie| tie.profile == Profile::Head).map(|tie| tie.school).collect()
}

pub(super) async fn list(State(state): State<RecordingState>, caller: Caller) -> Result<Response, Refusal> {
    list_page(&state, &caller, "").await
}

/// The list; `fault` says what was wrong with the head's choice.
async fn list_page(
    state: &RecordingState,
    caller: &Caller,
    fault: &'static str,
) -> Result<Response, Refusal> {
    let scope = caller.actor().scope::<Recording, WatchRecording>();
    let headed = headed_by(caller.actor());
    let (lines, settings) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let mut settings = Vec::new();
            for id in headed {
                if let Some(line) = school::school_line(conn, id)? {
                    settings.push((line.name, store::setting(conn, id)?));
                }
            }
            Ok((store::list(conn, &scope, None)?, settings))
        })
        .await?;
    let shell = caller.shell("recordings-title");
    html(&views::ListPage::new(&shell, &state.platform, lines, settings, fault))
}

pub(super) async fn set(
    State(state): State<RecordingState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let (actor, school) = (caller.actor().clone(), fields.parse::<SchoolId>("school")?);
    let permit: Permit<Setting, SetRecording> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, school)?)).await?;
    let what = What::from_word(fields.text("what"))
        .ok_or_else(|| Refusal::Malformed("field what is off, teacher or voices".into()))?;
    let Some(keep_days) = fields.text("days").parse().ok().filter(|days| DAYS.contains(days)) else {
        return list_page(&state, &caller, "recordings-fault-days").await;
    };
    let (setting, by) = (Setting { school, what, keep_days }, caller.person()?);
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| Ok(store::set(tx, setting, by)?))
        .await?;
    // What runs and is no longer allowed ends now, not with its lesson.
    let running: Vec<LessonId> = {
        let running = state.studio.running();
        let ours = running.iter().filter(|(_, one)| one.school == school);
        ours.filter(|(_, one)| what == What::Off || (one.voices && what == What::Teacher))
            .map(|(lesson, _)| *lesson)
            .collect()
    };
    for lesson in running {
        state.stop(lesson, Ending::Setting).await?;
    }
    Ok(see_other_with(&state.platform, "/recordings", "done.recording-set"))
}

pub(super) async fn show(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let shown = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Recording, WatchRecording> = actor.permit(conn, id)?;
            let recording = permit.into_resource();
            let tracks = store::tracks(conn, id)?;
            let subjects = school::subject_names(conn, recording.lesson.school)?;
            let named = recording.lesson.subject.and_then(|subject| subjects.get(&subject).cloned());
            let groups = school::group_names(conn, &recording.lesson.groups)?;
            Ok(views::Shown {
                may_delete: <Recording as Allows<DeleteRecording>>::allows(&actor, &recording),
                subject: named.map_or_else(|| recording.lesson.label.clone(), |(name, _)| name),
                class: groups.into_iter().map(|group| group.label).collect::<Vec<_>>().join(", "),
                length: contents::length_of(&tracks),
                lost: tracks.iter().map(|track| track.lost).sum(),
                setting: store::setting(conn, recording.lesson.school)?,
                files: tracks,
                recording,
            })
        })
        .await?;
    let shell = caller.shell_titled(shown.subject.clone());
    html(&views::PlaybackPage::new(&shell, &state.platform, &shown))
}

pub(super) async fn remove(
    State(state): State<RecordingState>,
    caller: Caller,
    Path(id): Path<RecordingId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<Recording, DeleteRecording> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let lesson = permit.resource().lesson.id;
    if state.studio.running().get(&lesson).is_some_and(|running| running.id == id) {
        return Err(Refusal::Rule("recording-still-runs"));
    }
    state.platform.store().write::<_, StoreError, _>(&permit, move |tx| Ok(store::remove(tx, id)?)).await?;
    state.discard(id).await;
    Ok(see_other_with(&state.platform, "/recordings", "done.recording-deleted"))
}
