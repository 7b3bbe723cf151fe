//! Handlers: they translate. Parse, ask for the permit, let the model decide, write, show.

use super::model::{Draft, Homework, HomeworkId, SubmissionId};
use super::policy::{HandIn, Publish, ReadHomework, ReadSubmission, Revise, TickDone};
use super::store::{self, Part};
use super::{HomeworkState, Submission, views};
use crate::access::{Permit, Profile};
use crate::edge::{Caller, FormFields, Refusal, html, read_multipart, see_other, see_other_with};
use crate::files::{self, OwnerKind};
use crate::ids::{GroupId, SubjectId};
use crate::school::{self, Group};
use crate::store::StoreError;
use axum::extract::{Multipart, Path, Query, State};
use axum::response::Response;
use http::HeaderMap;
use jiff::ToSpan as _;
use serde::Deserialize;

/// How far back the list of past lessons reaches, in days.
const PAST_DAYS: i32 = 30;

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    /// A class or group.
    group: Option<GroupId>,
    /// A child of the guardian who asks.
    child: Option<crate::ids::PersonId>,
    /// Anything: show the past lessons instead of what is due.
    past: Option<String>,
}

pub(super) async fn list(
    State(state): State<HomeworkState>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let today = state.platform.today();
    let past = query.past.is_some();
    let part = if past { Part::GivenSince(today - PAST_DAYS.days()) } else { Part::DueFrom(today) };
    let actor = caller.actor().clone();
    let child = actor.wards().find(|child| query.child.is_none_or(|asked| asked == child.pupil)).cloned();
    let ticks_of =
        if actor.has(Profile::Pupil) { actor.id() } else { child.as_ref().map(|child| child.pupil) };
    let mut scope = actor.scope::<Homework, ReadHomework>();
    if let (Some(child), false) = (&child, actor.has(Profile::Teacher)) {
        scope = crate::access::Scope::Groups(child.groups.clone());
    }
    let taught = actor.facts().map(|facts| facts.taught.clone()).unwrap_or_default();
    let (lines, groups) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let lines = store::list(conn, &scope, query.group, part, ticks_of)?;
            let groups = school::group_names(conn, &taught)?;
            Ok((lines, groups))
        })
        .await?;
    let shell = caller.shell("homework-title");
    html(&views::ListPage::new(
        &shell,
        &state.platform,
        &actor,
        lines,
        groups,
        query.group,
        child.as_ref(),
        past,
    ))
}

pub(super) async fn show(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
) -> Result<Response, Refusal> {
    let view = load_entry(&state, &caller, id).await?;
    let shell = caller.shell("homework-title");
    html(&views::EntryPage::new(&shell, &state.platform, caller.actor(), view))
}

/// Everything the page of one entry shows.
pub(super) struct Entry {
    pub(super) homework: Homework,
    pub(super) group_label: String,
    pub(super) subject: String,
    pub(super) hue: i32,
    pub(super) author: String,
    pub(super) files: Vec<files::FileLine>,
    pub(super) done: bool,
    pub(super) done_count: i64,
    pub(super) class: Vec<school::Pupil>,
    pub(super) submissions: Vec<(Submission, Vec<files::FileLine>)>,
}

async fn load_entry(state: &HomeworkState, caller: &Caller, id: HomeworkId) -> Result<Entry, Refusal> {
    let actor = caller.actor().clone();
    state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Homework, ReadHomework> = actor.permit(conn, id)?;
            let homework = permit.into_resource();
            let group = school::group_names(conn, &[homework.group])?.pop();
            let subjects = school::subject_names(conn, homework.school)?;
            let (subject, hue) =
                homework.subject.and_then(|subject| subjects.get(&subject).cloned()).unwrap_or_default();
            let author = school::person_name(conn, homework.author)?;
            let own_files = files::files_of(conn, OwnerKind::Homework, &[id.get()])?;
            let teaches = actor.teaches(homework.group);
            // Whose hand-ins: of the whole class for its teachers, of oneself, of one's children.
            let of = if teaches {
                None
            } else if actor.is_enrolled(homework.group) {
                Some(actor.id().into_iter().collect::<Vec<_>>())
            } else {
                Some(actor.wards().map(|child| child.pupil).collect())
            };
            let submissions = store::submissions(conn, id, of.as_deref())?;
            let owners: Vec<i64> = submissions.iter().map(|submission| submission.id.get()).collect();
            let handed = files::files_of(conn, OwnerKind::Submission, &owners)?;
            let submissions = submissions
                .into_iter()
                .map(|submission| {
                    let own = handed.iter().filter(|(owner, _)| *owner == submission.id.get());
                    (submission.clone(), own.map(|(_, file)| file.clone()).collect())
                })
                .collect();
            Ok(Entry {
                done: match actor.id() {
                    Some(person) => store::is_done(conn, id, person)?,
                    None => false,
                },
                done_count: if teaches { store::done_count(conn, id)? } else { 0 },
                class: if teaches { school::pupils_of(conn, homework.group)? } else { Vec::new() },
                group_label: group.map(|group| group.label).unwrap_or_default(),
                files: own_files.into_iter().map(|(_, file)| file).collect(),
                subject,
                hue,
                author,
                submissions,
                homework,
            })
        })
        .await
}

pub(super) async fn new(
    State(state): State<HomeworkState>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let form = views::Typed::for_group(query.group);
    form_page(&state, &caller, None, form).await
}

pub(super) async fn edit(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
) -> Result<Response, Refusal> {
    let permit = permit_to_revise(&state, &caller, id).await?;
    let form = views::Typed::of(permit.resource());
    form_page(&state, &caller, Some(id), form).await
}

/// The form, empty, filled from an entry, or as it was typed with what is wrong.
async fn form_page(
    state: &HomeworkState,
    caller: &Caller,
    id: Option<HomeworkId>,
    typed: views::Typed,
) -> Result<Response, Refusal> {
    let facts = caller.actor().facts().cloned().ok_or(Refusal::SignInFirst)?;
    let school = caller.actor().school_as(&[Profile::Teacher]).ok_or(Refusal::NotFound)?;
    let (groups, subjects, files) = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let groups = school::group_names(conn, &facts.taught)?;
            let subjects = school::subjects_taught(conn, facts.person, school)?;
            let owners: Vec<i64> = id.into_iter().map(HomeworkId::get).collect();
            Ok((groups, subjects, files::files_of(conn, OwnerKind::Homework, &owners)?))
        })
        .await?;
    let shell = caller.shell(if id.is_some() { "homework-edit-title" } else { "homework-new-title" });
    let files = files.into_iter().map(|(_, file)| file).collect();
    html(&views::FormPage::new(&shell, id, typed, groups, subjects, files, state.platform.today()))
}

async fn permit_to_revise(
    state: &HomeworkState,
    caller: &Caller,
    id: HomeworkId,
) -> Result<Permit<Homework, Revise>, Refusal> {
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await
}

pub(super) async fn publish(
    State(state): State<HomeworkState>,
    caller: Caller,
    form: Multipart,
) -> Result<Response, Refusal> {
    let (fields, uploads) = read_multipart(form, state.files.limits().of_a_form()).await?;
    let group: GroupId = fields.parse("group")?;
    let actor = caller.actor().clone();
    let permit: Permit<Group, Publish> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, group)?)).await?;
    let draft = match read_draft(&state, &fields, None) {
        Ok(draft) => draft,
        Err(fault) => return form_page(&state, &caller, None, views::Typed::again(&fields, fault)).await,
    };
    let staged = state.files.stage_all(uploads).await?;
    let (author, school, given_on) = (caller.person()?, permit.resource().school, state.platform.today());
    let told = tell(&state, school);
    let id = state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            let id = store::insert(tx, school, group, author, given_on, &draft)?;
            files::attach(tx, OwnerKind::Homework, id.get(), &staged)?;
            tx.after_commit(told);
            Ok(id)
        })
        .await?;
    Ok(see_other_with(&state.platform, &format!("/homework/{id}"), "done.homework-published"))
}

fn read_draft(
    state: &HomeworkState,
    fields: &FormFields,
    before: Option<&Homework>,
) -> Result<Draft, super::model::Fault> {
    Draft::read(
        fields.parse::<SubjectId>("subject").ok().filter(|subject| subject.get() != 0),
        fields.text("due"),
        fields.text("lesson_log"),
        fields.text("work"),
        fields.ticked("hand_in"),
        state.platform.today(),
        before.and_then(|homework| homework.due),
    )
}

pub(super) async fn revise(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
    form: Multipart,
) -> Result<Response, Refusal> {
    let permit = permit_to_revise(&state, &caller, id).await?;
    let (fields, uploads) = read_multipart(form, state.files.limits().of_a_form()).await?;
    let draft = match read_draft(&state, &fields, Some(permit.resource())) {
        Ok(draft) => draft,
        Err(fault) => return form_page(&state, &caller, Some(id), views::Typed::again(&fields, fault)).await,
    };
    let dropped: Vec<String> = fields.all("drop_file").map(str::to_owned).collect();
    let staged = state.files.stage_all(uploads).await?;
    let most = state.files.limits().files;
    let told = tell(&state, permit.resource().school);
    let gone = state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            store::update(tx, id, &draft)?;
            let mut gone = Vec::new();
            for token in &dropped {
                gone.extend(files::detach(tx, OwnerKind::Homework, id.get(), token)?);
            }
            files::attach(tx, OwnerKind::Homework, id.get(), &staged)?;
            at_most(tx, OwnerKind::Homework, id.get(), most)?;
            tx.after_commit(told);
            Ok(gone)
        })
        .await?;
    discard(&state, gone).await;
    Ok(see_other_with(&state.platform, &format!("/homework/{id}"), "done.homework-revised"))
}

/// Tells caches and open pages, after the commit, that the work given in this school changed.
fn tell(state: &HomeworkState, school: crate::ids::SchoolId) -> impl FnOnce() + Send + 'static {
    let changes = state.platform.changes().clone();
    move || changes.tell(crate::edge::Topic::Work, school)
}

/// Refuses the write when more files would hang on the thing than are allowed.
fn at_most(tx: &mut crate::store::Tx<'_>, kind: OwnerKind, owner: i64, most: usize) -> Result<(), Refusal> {
    if files::files_of(tx.conn(), kind, &[owner])?.len() > most {
        return Err(Refusal::Rule("too-many-files"));
    }
    Ok(())
}

async fn discard(state: &HomeworkState, keys: Vec<String>) {
    for key in keys {
        state.files.discard(&key).await;
    }
}

pub(super) async fn remove(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
) -> Result<Response, Refusal> {
    let permit = permit_to_revise(&state, &caller, id).await?;
    let told = tell(&state, permit.resource().school);
    let gone = state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            let handed: Vec<i64> = store::submissions(tx.conn(), id, None)?
                .iter()
                .map(|submission| submission.id.get())
                .collect();
            let mut gone = files::detach_all(tx, OwnerKind::Homework, &[id.get()])?;
            gone.extend(files::detach_all(tx, OwnerKind::Submission, &handed)?);
            store::delete(tx, id)?;
            tx.note_as("homework.remove", "homework", id.get());
            tx.after_commit(told);
            Ok(gone)
        })
        .await?;
    discard(&state, gone).await;
    Ok(see_other_with(&state.platform, "/homework", "done.homework-removed"))
}

pub(super) async fn complete(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<Homework, TickDone> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let (pupil, done) = (caller.person()?, fields.ticked("done"));
    state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| Ok(store::set_done(tx, id, pupil, done)?))
        .await?;
    Ok(see_other(match fields.text("back") {
        // Only pages of ours that carry this form; an address from outside is never followed.
        "today" => "/",
        "list" => "/homework",
        _ => return Ok(see_other(&format!("/homework/{id}"))),
    }))
}

pub(super) async fn hand_in(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(id): Path<HomeworkId>,
    form: Multipart,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<Homework, HandIn> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let (fields, uploads) = read_multipart(form, state.files.limits().of_a_form()).await?;
    let body = fields.text("body").to_owned();
    if body.is_empty() && uploads.is_empty() {
        return Err(Refusal::Rule("hand-in-empty"));
    }
    if body.chars().count() > super::model::LONGEST_TEXT {
        return Err(Refusal::Rule("hand-in-too-long"));
    }
    let staged = state.files.stage_all(uploads).await?;
    let (pupil, most) = (caller.person()?, state.files.limits().files);
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            let submission = store::save_submission(tx, id, pupil, &body)?;
            files::attach(tx, OwnerKind::Submission, submission.get(), &staged)?;
            at_most(tx, OwnerKind::Submission, submission.get(), most)?;
            store::set_done(tx, id, pupil, true)?;
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, &format!("/homework/{id}"), "done.homework-handed-in"))
}

pub(super) async fn file(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let file = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let file = files::file_by_token(conn, OwnerKind::Homework, &token)?.ok_or(Refusal::NotFound)?;
            let _: Permit<Homework, ReadHomework> = actor.permit(conn, HomeworkId::from_raw(file.owner))?;
            Ok(file)
        })
        .await?;
    state.files.send(&file, &headers).await
}

pub(super) async fn submission_file(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let file = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let file = files::file_by_token(conn, OwnerKind::Submission, &token)?.ok_or(Refusal::NotFound)?;
            let _: Permit<Submission, ReadSubmission> =
                actor.permit(conn, SubmissionId::from_raw(file.owner))?;
            Ok(file)
        })
        .await?;
    state.files.send(&file, &headers).await
}

pub(super) async fn take_back(
    State(state): State<HomeworkState>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Refusal> {
    let (actor, wanted) = (caller.actor().clone(), token.clone());
    let permit: Permit<Submission, HandIn> = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let file =
                files::file_by_token(conn, OwnerKind::Submission, &wanted)?.ok_or(Refusal::NotFound)?;
            Ok(actor.permit(conn, SubmissionId::from_raw(file.owner))?)
        })
        .await?;
    let (owner, homework) = (permit.resource().id.get(), permit.resource().homework);
    let gone = state
        .platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            Ok(files::detach(tx, OwnerKind::Submission, owner, &token)?)
        })
        .await?;
    discard(&state, gone).await;
    Ok(see_other_with(&state.platform, &format!("/homework/{homework}"), "done.homework-taken-back"))
}
