//! Handlers: they translate. Parse, ask for the permit, let the model decide, write, show.

use super::model::{Choice, Entry, Register, Reply, Settled, settle};
use super::policy::{CloseRegister, CorrectRegister, ReadRegister, ReopenRegister, SaveRegister};
use super::{Answer, RollcallState, store, views};
use crate::access::{Action, Allows, Permit};
use crate::edge::{Caller, FormFields, Platform, Refusal, Topic, html, see_other_with};
use crate::ids::{LessonId, Millis, PersonId, SchoolId};
use crate::presence::{self, Sighting};
use crate::school::{self, Pupil};
use crate::store::{Conn, StoreError, Tx};
use axum::extract::{Path, State};
use axum::response::Response;
use diesel::QueryResult;
use std::collections::HashMap;

/// Everything that the page of a register shows.
pub(super) struct Sheet {
    pub(super) register: Register,
    pub(super) class: String,
    pub(super) subject: String,
    pub(super) hue: i32,
    pub(super) pupils: Vec<Pupil>,
    pub(super) entries: HashMap<PersonId, Entry>,
    pub(super) seen: HashMap<PersonId, Sighting>,
    /// Names of those who closed or corrected.
    pub(super) authors: HashMap<PersonId, String>,
}

pub(super) async fn show(
    State(state): State<RollcallState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    // Asked before anything is written: a stranger's question costs no flush.
    permit::<ReadRegister>(&state, &caller, id).await?;
    state.presence.flush_for(id).await;
    let sheet = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Register, ReadRegister> = actor.permit(conn, id)?;
            Ok(load(conn, permit.into_resource())?)
        })
        .await?;
    refuse_cancelled(&sheet.register)?;
    let title = caller.texts().with("roll-title", "class", sheet.class.as_str());
    let shell = caller.shell_titled(title);
    let view = views::Prepared::new(&shell, &state.platform, caller.actor(), sheet);
    html(&view.page(&shell))
}

fn load(conn: &mut Conn, register: Register) -> QueryResult<Sheet> {
    let names = school::group_names(conn, &register.groups)?;
    let subjects = school::subject_names(conn, register.school)?;
    let named = register.subject.and_then(|subject| subjects.get(&subject).cloned());
    let (subject, hue) = named.unwrap_or_else(|| (register.label.clone(), 0));
    let pupils = school::pupils_of_groups(conn, &register.groups)?;
    let entries = store::entries(conn, register.lesson)?;
    let seen = seen_at(conn, register.lesson)?;
    let closed_by = register.closed.map(|(_, by)| by);
    let corrected_by = entries.values().filter(|entry| entry.corrected).map(|entry| entry.noted_by);
    let authors: Vec<PersonId> = closed_by.into_iter().chain(corrected_by).collect();
    let authors = school::formal_names(conn, &authors)?;
    let class = names.into_iter().map(|group| group.label).collect::<Vec<_>>().join(", ");
    Ok(Sheet { register, class, subject, hue, pupils, entries, seen, authors })
}

fn seen_at(conn: &mut Conn, lesson: LessonId) -> QueryResult<HashMap<PersonId, Sighting>> {
    let seen = presence::sightings(conn, &[lesson])?;
    Ok(seen.into_iter().map(|((_, person), sighting)| (person, sighting)).collect())
}

fn refuse_cancelled(register: &Register) -> Result<(), Refusal> {
    if register.cancelled { Err(Refusal::Rule("register-cancelled")) } else { Ok(()) }
}

async fn permit<A>(
    state: &RollcallState,
    caller: &Caller,
    id: LessonId,
) -> Result<Permit<Register, A>, Refusal>
where
    A: Action + 'static,
    Register: Allows<A>,
{
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

/// What the form says of each pupil, by identifier. Lines without an answer are left out.
fn replies(fields: &FormFields) -> Result<HashMap<PersonId, Reply>, Refusal> {
    let mut replies = HashMap::new();
    for (pupil, state) in fields.prefixed("state-") {
        let unreadable = || Refusal::Malformed(format!("the answer for pupil {pupil:?} is not readable"));
        let id: PersonId = pupil.parse().map_err(|_| unreadable())?;
        let minutes = fields.text(&format!("late-{pupil}"));
        let choice = Choice::read(state, minutes).ok_or(if state == "late" {
            Refusal::Rule("register-minutes")
        } else {
            unreadable()
        })?;
        let shown = Answer::shown(fields.text(&format!("shown-{pupil}")));
        replies.insert(id, Reply { shown, choice });
    }
    Ok(replies)
}

/// The lines of the register as the form, what stands and what was seen make them. Only pupils of the
/// lesson's list have one, whatever the form says.
fn settled(
    tx: &mut Tx<'_>,
    register: &Register,
    replies: &HashMap<PersonId, Reply>,
    known: &HashMap<PersonId, Entry>,
    now: Millis,
) -> QueryResult<Vec<(PersonId, Settled)>> {
    let seen = seen_at(tx.conn(), register.lesson)?;
    let pupils = school::pupils_of_groups(tx.conn(), &register.groups)?;
    Ok(pupils
        .into_iter()
        .map(|pupil| {
            let (entry, reply) = (known.get(&pupil.id).copied(), replies.get(&pupil.id).copied());
            (pupil.id, settle(entry, reply, register.starts_at, seen.get(&pupil.id), now))
        })
        .collect())
}

/// Whether the register is closed now, inside the transaction that wants to change it.
fn is_closed(tx: &mut Tx<'_>, id: LessonId) -> QueryResult<bool> {
    Ok(store::find(tx.conn(), id)?.is_some_and(|register| register.closed.is_some()))
}

/// Tells open pages, once this write is committed.
fn tell(tx: &mut Tx<'_>, platform: &Platform, school: SchoolId) {
    let changes = platform.changes().clone();
    tx.after_commit(move || changes.tell(Topic::Register, school));
}

pub(super) async fn save(
    State(state): State<RollcallState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<SaveRegister>(&state, &caller, id).await?;
    if permit.resource().closed.is_some() {
        return correct(&state, &caller, id, &fields).await;
    }
    refuse_cancelled(permit.resource())?;
    let (replies, by, now) = (replies(&fields)?, caller.person()?, state.platform.now());
    state.presence.flush_for(id).await;
    let (register, platform) = (permit.resource().clone(), state.platform.clone());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            tell(tx, &platform, register.school);
            if is_closed(tx, id)? {
                return Err(Refusal::Rule("register-closed"));
            }
            let known = store::entries(tx.conn(), id)?;
            let mut lines = settled(tx, &register, &replies, &known, now)?;
            // What only follows from what was seen goes on following it.
            lines.retain(|(_, line)| line.by_hand);
            store::begin(tx, id, by, now)?;
            store::write(tx, id, &known, &lines, by, now, false)?;
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, &address(id), "done.register-saved"))
}

/// After the closing, only lines that this form changes are written, each with who and when.
async fn correct(
    state: &RollcallState,
    caller: &Caller,
    id: LessonId,
    fields: &FormFields,
) -> Result<Response, Refusal> {
    let permit = match permit::<CorrectRegister>(state, caller, id).await {
        Ok(permit) => permit,
        // The teacher of the lesson may know that it is closed.
        Err(Refusal::NotFound) => return Err(Refusal::Rule("register-closed")),
        Err(refusal) => return Err(refusal),
    };
    let (replies, by, now) = (replies(fields)?, caller.person()?, state.platform.now());
    let (register, platform) = (permit.resource().clone(), state.platform.clone());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            tell(tx, &platform, register.school);
            if !is_closed(tx, id)? {
                return Err(Refusal::Rule("register-reopened"));
            }
            let known = store::entries(tx.conn(), id)?;
            let mut lines = settled(tx, &register, &replies, &known, now)?;
            lines.retain(|(_, line)| line.now);
            store::write(tx, id, &known, &lines, by, now, true)?;
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, &address(id), "done.register-corrected"))
}

pub(super) async fn close(
    State(state): State<RollcallState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<CloseRegister>(&state, &caller, id).await?;
    refuse_cancelled(permit.resource())?;
    let (replies, by, now) = (replies(&fields)?, caller.person()?, state.platform.now());
    if now < permit.resource().starts_at {
        return Err(Refusal::Rule("register-too-early"));
    }
    state.presence.flush_for(id).await;
    let (register, platform) = (permit.resource().clone(), state.platform.clone());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            tell(tx, &platform, register.school);
            let known = store::entries(tx.conn(), id)?;
            let lines = settled(tx, &register, &replies, &known, now)?;
            if is_closed(tx, id)? {
                // The same form sent twice says nothing new; another answer must not be lost in silence.
                let same = lines.iter().all(|(pupil, line)| {
                    !line.now || known.get(pupil).is_some_and(|entry| entry.answer == line.answer)
                });
                return if same { Ok(()) } else { Err(Refusal::Rule("register-closed")) };
            }
            store::begin(tx, id, by, now)?;
            store::write(tx, id, &known, &lines, by, now, false)?;
            store::close(tx, id, by, now)?;
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, &address(id), "done.register-closed"))
}

pub(super) async fn reopen(
    State(state): State<RollcallState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit::<ReopenRegister>(&state, &caller, id).await?;
    let (school, platform) = (permit.resource().school, state.platform.clone());
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            tell(tx, &platform, school);
            Ok(store::reopen(tx, id)?)
        })
        .await?;
    Ok(see_other_with(&state.platform, &address(id), "done.register-reopened"))
}

fn address(id: LessonId) -> String {
    format!("/lessons/{id}/register")
}
