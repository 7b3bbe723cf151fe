//! Three clicks: drop, look, apply. For the local administrator, for their own school.

use super::apply::{Applicant, Followers};
use super::plan::{Event, Options, Plan, Shown};
use super::policy::ImportPeople;
use super::shelf::{Preview, Shelf};
use super::staged::Remark;
use super::{ImportError, Reading, report, upload};
use crate::access::{Permit, Profile};
use crate::edge::{
    Audience, Body, Caller, Cost, FormFields, NavEntry, Platform, Refusal, Routes, html, see_other,
    see_other_with,
};
use crate::ids::SchoolId;
use crate::school::School;
use crate::school::views::{
    ChangeKind, ImportChange, ImportCount, ImportDropPage, ImportPreviewPage, RemovalGuard, SkippedLine,
};
use crate::ui::Shell;
use axum::extract::{Multipart, Path, State};
use axum::response::Response;
use std::sync::Arc;
use tokio::sync::Semaphore;

const ADMINS: &[Profile] = &[Profile::LocalAdmin];
/// Imports read at the same time; the others wait.
const AT_ONCE: usize = 2;
/// Remarks shown on the page.
const REMARKS: usize = 100;
/// Kinds of things in the order of the page.
const KINDS: [&str; 8] =
    ["pupils", "staff", "guardians", "guardianships", "classes", "groups", "subjects", "schools"];

/// What the handlers need.
#[derive(Clone)]
pub struct ImportState {
    platform: Platform,
    followers: Followers,
    shelf: Shelf,
    turns: Arc<Semaphore>,
}

impl ImportState {
    /// The state, with what follows from people coming and going.
    pub fn new(platform: Platform, followers: Followers) -> ImportState {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        ImportState { platform, followers, shelf: Shelf::default(), turns }
    }

    /// Runs work that reads files and databases for seconds, away from the threads that answer pages.
    async fn long<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
    ) -> Result<Result<T, ImportError>, Refusal> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        done.await.map_err(|error| Refusal::Internal(format!("the import stopped: {error}")))
    }
}

/// The pages of the import.
pub fn routes(state: ImportState) -> Routes {
    let admins = Audience::Profiles(ADMINS);
    Routes::new()
        .nav(NavEntry { order: 80, href: "/import", key: "nav-import", profiles: ADMINS })
        .get("/import", admins, Cost::Page, drop_page)
        .post("/import", admins, Cost::Write, Body::Files(upload::LARGEST), look)
        .get("/import/{token}", admins, Cost::Page, preview)
        .post("/import/{token}/apply", admins, Cost::Write, Body::Form, apply)
        .post("/import/{token}/discard", admins, Cost::Write, Body::Form, discard)
        .with_state(state)
}

/// The permit for the caller's own school.
async fn permit(state: &ImportState, caller: &Caller) -> Result<Permit<School, ImportPeople>, Refusal> {
    let school: SchoolId = caller.actor().school_as(ADMINS).ok_or(Refusal::NotFound)?;
    let actor = caller.actor().clone();
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, school)?)).await
}

async fn drop_page(State(state): State<ImportState>, caller: Caller) -> Result<Response, Refusal> {
    permit(&state, &caller).await?;
    drop_with(&caller, "")
}

fn drop_with(caller: &Caller, error: &str) -> Result<Response, Refusal> {
    let page = caller.shell("import-title");
    let mebibytes = (upload::LARGEST / (1024 * 1024)) as i64;
    let largest = page.with("import-mebibytes", "count", mebibytes);
    html(&ImportDropPage { page: &page, path: "/import", error, largest: &largest })
}

async fn look(
    State(state): State<ImportState>,
    caller: Caller,
    form: Multipart,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let (school, person) = (permit.resource().id, caller.person()?);
    let folder = state.shelf.folder().map_err(refused)?;
    let inputs = upload::receive(form, folder.path()).await?;
    if inputs.is_empty() {
        return drop_with(&caller, caller.texts().get("import-nothing-dropped"));
    }
    let names: Vec<String> = inputs.iter().filter_map(|input| input.name.clone()).collect();
    let name = names.join(", ");
    let options = options(&state, school);
    let store = state.platform.store().clone();
    let made_at = state.platform.now();
    let outcome = state
        .long(move || {
            let reading = Reading::take(inputs, folder.path(), options.today)?;
            for at in 0..names.len() {
                // What was read lies in the scratch database; a file that stays goes with the folder.
                let _ = std::fs::remove_file(folder.path().join(format!("upload-{at}")));
            }
            let plan = reading.compare(&store, &options)?;
            let (reading, plan, folder) = (Arc::new(reading), Arc::new(plan), Arc::new(folder));
            Ok(Preview { person, school, name, made_at, reading, plan, folder })
        })
        .await?;
    match outcome {
        Ok(preview) => {
            let token = state.shelf.keep(preview).map_err(refused)?;
            Ok(see_other(&format!("/import/{token}")))
        }
        Err(error) if error.is_about_input() => drop_with(&caller, &report::french(&error)),
        Err(error) => Err(refused(error)),
    }
}

fn options(state: &ImportState, school: SchoolId) -> Options {
    Options { school: None, only: Some(school), today: state.platform.today(), allow_date: false }
}

/// The machine's own trouble; what is wrong with files is said on the page.
fn refused(error: ImportError) -> Refusal {
    match error {
        ImportError::Store(error) => error.into(),
        error => Refusal::Internal(error.to_string()),
    }
}

async fn preview(
    State(state): State<ImportState>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let Some(kept) = find(&state, &caller, &token, permit.resource().id)? else {
        return Ok(see_other_with(&state.platform, "/import", "info.import-expired"));
    };
    let page = caller.shell("import-look-title");
    let plan = &kept.plan;
    let changes: Vec<ImportChange> = plan.shown.iter().map(|shown| change(&page, shown)).collect();
    let all: u64 = plan.tallies.values().map(|tally| tally.added + tally.changed + tally.removed).sum();
    let people = plan.people();
    html(&ImportPreviewPage {
        page: &page,
        file: &kept.name,
        kind: &kind(&page, &state, &kept.reading),
        counts: &counts(&page, plan),
        more: all.saturating_sub(changes.len() as u64),
        changes: &changes,
        skipped: &remarks(&plan.skipped.kept),
        skipped_total: plan.skipped.total,
        warnings: &remarks(&plan.warnings.kept),
        warnings_total: plan.warnings.total,
        guard: plan
            .needs_confirmation()
            .then(|| RemovalGuard { removed: people.removed, percent: plan.removed_percent() }),
        apply_path: &format!("/import/{token}/apply"),
        discard_path: &format!("/import/{token}/discard"),
    })
}

/// A preview of this person for the school they administer now.
fn find(
    state: &ImportState,
    caller: &Caller,
    token: &str,
    school: SchoolId,
) -> Result<Option<Preview>, Refusal> {
    let found = state.shelf.find(token, caller.person()?, state.platform.now());
    Ok(found.filter(|preview| preview.school == school))
}

/// "AAF 2D, complet du 1er novembre 2026".
fn kind(page: &Shell, state: &ImportState, reading: &Reading) -> String {
    let meta = &reading.staged.meta;
    let key = if meta.complete { "import-complete" } else { "import-partial" };
    let dated = meta.file_date.map(|date| page.dates(state.platform.zone()).day_and_year(date));
    page.with2(key, "format", meta.format.label(), "date", dated.unwrap_or_else(|| "none".to_owned()))
}

fn counts(page: &Shell, plan: &Plan) -> Vec<ImportCount> {
    KINDS
        .iter()
        .filter_map(|kind| {
            let tally = plan.tallies.get(*kind)?;
            let all = tally.added + tally.changed + tally.removed + tally.same;
            (all > 0).then(|| ImportCount {
                label: page.t(&format!("import-kind-{kind}")).to_owned(),
                added: tally.added,
                changed: tally.changed,
                removed: tally.removed,
                same: tally.same,
            })
        })
        .collect()
}

fn change(page: &Shell, shown: &Shown) -> ImportChange {
    let what = page.t(&format!("import-one-{}", shown.kind)).to_owned();
    let detail = match (shown.before.as_str(), shown.after.as_str()) {
        ("", "") => what,
        ("", one) | (one, "") => format!("{what}, {one}"),
        (before, after) if before == after => format!("{what}, {after}"),
        (before, after) => format!("{what}, {before} → {after}"),
    };
    let kind = match shown.event {
        Event::Added => ChangeKind::Added,
        Event::Changed => ChangeKind::Changed,
        Event::Removed => ChangeKind::Removed,
    };
    ImportChange { kind, name: shown.name.clone(), detail }
}

/// The place stands in a column of its own.
fn remarks(remarks: &[Remark]) -> Vec<SkippedLine> {
    let reason = |remark: &Remark| match remark.french.split_once(" : ") {
        Some((place, rest)) if place.starts_with("ligne ") || place == remark.file => rest.to_owned(),
        _ => remark.french.clone(),
    };
    remarks
        .iter()
        .take(REMARKS)
        .map(|remark| SkippedLine { file: remark.file.clone(), line: remark.line, reason: reason(remark) })
        .collect()
}

async fn apply(
    State(state): State<ImportState>,
    caller: Caller,
    Path(token): Path<String>,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let school = permit.resource().id;
    let Some(kept) = find(&state, &caller, &token, school)? else {
        return Ok(see_other_with(&state.platform, "/import", "info.import-expired"));
    };
    let back = format!("/import/{token}");
    let applicant = Applicant {
        person: caller.person()?.get(),
        started_at: kept.made_at,
        allow_removals: fields.ticked("confirm-removal"),
    };
    let (store, followers, options) =
        (state.platform.store().clone(), state.followers.clone(), options(&state, school));
    let outcome = state
        .long(move || {
            let plan = Plan::clone(&kept.plan);
            match kept.reading.apply(&store, &permit, plan, &followers, applicant) {
                Ok(()) => Ok(Done::Applied),
                // Nobody should have to send the file again because somebody else was faster.
                Err(ImportError::Meanwhile) => {
                    Ok(Done::LookAgain(Box::new(kept.reading.compare(&store, &options)?)))
                }
                Err(error) => Err(error),
            }
        })
        .await?;
    match outcome {
        Ok(Done::Applied) => {
            state.shelf.discard(&token);
            Ok(see_other_with(&state.platform, "/import", "done.import-applied"))
        }
        Ok(Done::LookAgain(plan)) => {
            state.shelf.renew(&token, *plan);
            Ok(see_other_with(&state.platform, &back, "info.import-meanwhile"))
        }
        Err(ImportError::Guard { .. }) => {
            Ok(see_other_with(&state.platform, &back, "problem.import-confirm"))
        }
        Err(error) if error.is_about_input() => drop_with(&caller, &report::french(&error)),
        Err(error) => Err(refused(error)),
    }
}

/// What became of the third click.
enum Done {
    Applied,
    LookAgain(Box<Plan>),
}

async fn discard(
    State(state): State<ImportState>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    if find(&state, &caller, &token, permit.resource().id)?.is_some() {
        state.shelf.discard(&token);
    }
    Ok(see_other_with(&state.platform, "/import", "info.import-discarded"))
}
