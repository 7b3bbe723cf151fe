//! One lesson: who, where, when; the teacher's word on it; what the head changes.

use super::policy::{AnnotateLesson, ChangeLesson, DeclareExam, ReadLesson, WithdrawExam};
use super::{Lesson, NamedLesson, TimetableState, named, store, views};
use crate::access::{Action, Allows, Permit, Profile};
use crate::edge::{Caller, FormFields, Refusal, Topic, html, see_other_with};
use crate::homework;
use crate::ids::{LessonId, Millis, PersonId, SchoolId};
use crate::recording;
use crate::school;
use crate::store::{StoreError, Tx};
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::civil::{Date, Time};

/// Longest word on a lesson, in characters.
const LONGEST_NOTE: usize = 200;
/// Longest room, in characters.
const LONGEST_ROOM: usize = 60;

/// What the page of a lesson shows.
pub(super) struct Shown {
    pub(super) lesson: NamedLesson,
    pub(super) work: Vec<homework::WorkLine>,
    /// Those whom the head may name; empty for everybody else.
    pub(super) teachers: Vec<school::TeacherLine>,
    /// Those that the caller may watch.
    pub(super) recordings: Vec<recording::RecordingLine>,
    /// Whether the caller may declare it an exam, or take that back.
    pub(super) declares: bool,
}

pub(super) async fn show(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let zone = state.platform.zone();
    let shown = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Lesson, ReadLesson> = actor.permit(conn, id)?;
            let lesson = permit.into_resource();
            let teachers = if <Lesson as Allows<ChangeLesson>>::allows(&actor, &lesson) {
                school::teachers_of(conn, lesson.school)?
            } else {
                Vec::new()
            };
            let declares = <Lesson as Allows<DeclareExam>>::allows(&actor, &lesson);
            let day = crate::edge::instant(lesson.starts_at).to_zoned(zone).date();
            // Work due that day, in the groups of this lesson that the caller has a part in.
            let groups: Vec<_> = lesson
                .groups
                .iter()
                .copied()
                .filter(|group| {
                    actor.is_enrolled(*group)
                        || actor.guards_in(*group)
                        || actor.teaches(*group)
                        || actor.is_in(lesson.school, super::policy::WHOLE_SCHOOL)
                })
                .collect();
            let person = actor.id().unwrap_or(PersonId::from_raw(0));
            let mut work = homework::work_due(conn, &groups, person, day)?;
            let subject = named(conn, vec![lesson])?.pop().ok_or(Refusal::NotFound)?;
            work.retain(|line| {
                line.due == Some(day) && (line.subject.is_empty() || line.subject == subject.subject.name)
            });
            let recordings = recording::of_lesson(conn, &actor, id)?;
            Ok(Shown { lesson: subject, work, teachers, recordings, declares })
        })
        .await?;
    let title = shown.lesson.subject.name.clone();
    let shell = caller.shell_titled(title);
    html(&views::LessonPage::new(&shell, &state.platform, caller.actor(), shown))
}

async fn permit<A: Action + 'static>(
    state: &TimetableState,
    caller: &Caller,
    id: LessonId,
) -> Result<Permit<Lesson, A>, Refusal>
where
    Lesson: Allows<A>,
{
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

/// Writes with the permit, tells open pages, and returns to the lesson.
async fn write<A: Action + 'static>(
    state: &TimetableState,
    permit: Permit<Lesson, A>,
    work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> Result<Response, Refusal> {
    let (id, school, changes) =
        (permit.resource().id, permit.resource().school, state.platform.changes().clone());
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            work(tx)?;
            tx.after_commit(move || changes.tell(Topic::Timetable, school));
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, &format!("/lessons/{id}"), "done.timetable-lesson-changed"))
}

fn bounded(text: &str, longest: usize) -> Result<String, Refusal> {
    if text.chars().count() > longest {
        return Err(Refusal::Rule("timetable-note-too-long"));
    }
    Ok(text.to_owned())
}

pub(super) async fn annotate(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<AnnotateLesson>(&state, &caller, id).await?;
    let note = bounded(fields.text("note"), LONGEST_NOTE)?;
    write(&state, permit, move |tx| Ok(store::set_note(tx, id, &note)?)).await
}

pub(super) async fn cancel(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<ChangeLesson>(&state, &caller, id).await?;
    let note = bounded(fields.text("note"), LONGEST_NOTE)?;
    write(&state, permit, move |tx| Ok(store::set_cancelled(tx, id, true, &note)?)).await
}

pub(super) async fn restore(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit::<ChangeLesson>(&state, &caller, id).await?;
    write(&state, permit, move |tx| Ok(store::set_cancelled(tx, id, false, "")?)).await
}

pub(super) async fn move_to(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<ChangeLesson>(&state, &caller, id).await?;
    let span = span_of(&state, fields.text("date"), fields.text("from"), fields.text("to"))?;
    let (room, note) =
        (bounded(fields.text("room"), LONGEST_ROOM)?, bounded(fields.text("note"), LONGEST_NOTE)?);
    write(&state, permit, move |tx| Ok(store::move_lesson(tx, id, span, &room, &note)?)).await
}

pub(super) async fn declare_exam(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit::<DeclareExam>(&state, &caller, id).await?;
    if !permit.resource().is_ahead(state.platform.now()) {
        return Err(Refusal::Rule("timetable-exam-too-late"));
    }
    write(&state, permit, move |tx| Ok(store::set_exam(tx, id, true)?)).await
}

pub(super) async fn withdraw_exam(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit = permit::<WithdrawExam>(&state, &caller, id).await?;
    write(&state, permit, move |tx| Ok(store::set_exam(tx, id, false)?)).await
}

/// Date and hours as form fields send them, on the school's wall clock.
fn span_of(state: &TimetableState, date: &str, from: &str, to: &str) -> Result<(Millis, Millis), Refusal> {
    let unreadable = || Refusal::Rule("timetable-time-unreadable");
    let day: Date = date.parse().map_err(|_| unreadable())?;
    if !(2000..2100).contains(&day.year()) {
        return Err(unreadable());
    }
    let zone = state.platform.zone();
    let at = |text: &str| -> Result<Millis, Refusal> {
        let time: Time = text.parse().map_err(|_| unreadable())?;
        let at = zone.to_ambiguous_zoned(day.to_datetime(time)).compatible().map_err(|_| unreadable())?;
        Ok(at.timestamp().as_millisecond())
    };
    let span = (at(from)?, at(to)?);
    if span.1 <= span.0 {
        return Err(Refusal::Rule("timetable-ends-before-start"));
    }
    Ok(span)
}

pub(super) async fn substitute(
    State(state): State<TimetableState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit::<ChangeLesson>(&state, &caller, id).await?;
    let lesson = permit.resource().clone();
    let named = match fields.text("teacher") {
        "" | "0" => None,
        _ => Some(fields.parse::<PersonId>("teacher")?),
    };
    if let Some(person) = named {
        let school: SchoolId = lesson.school;
        let known = state
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| Ok(school::teachers_of(conn, school)?))
            .await?;
        if !known.iter().any(|line| line.id == person) {
            return Err(Refusal::NotFound);
        }
        let holds_already =
            lesson.teachers.iter().any(|teacher| teacher.person == person && !teacher.substitute);
        if holds_already {
            return Err(Refusal::Rule("timetable-already-holds"));
        }
    }
    write(&state, permit, move |tx| Ok(store::set_substitute(tx, &lesson, named)?)).await
}

/// Whether the page offers the live lesson: to those who may enter it.
pub(super) fn may_enter(actor: &crate::access::Actor, lesson: &Lesson) -> bool {
    lesson.takes_place()
        && (lesson.groups.iter().any(|group| actor.is_enrolled(*group))
            || actor.id().is_some_and(|person| lesson.is_held_by(person))
            || actor.is_in(lesson.school, &[Profile::Counsellor, Profile::Head]))
}
