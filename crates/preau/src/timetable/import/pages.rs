//! The import in the browser: drop, look, apply.

use super::super::policy::{ImportTimetable, SchoolTimetable};
use super::super::{TimetableState, views};
use super::{Prepared, apply, prepare, read_file};
use crate::access::{Permit, Profile};
use crate::edge::{Caller, Refusal, Topic, UploadLimits, html, read_multipart, see_other, see_other_with};
use crate::ids::SchoolId;
use crate::ui::Lang;
use axum::extract::{Multipart, State};
use axum::response::Response;

/// Largest file through the browser, in bytes; larger ones go over the command line.
pub(in crate::timetable) const LARGEST: usize = 64 * 1024 * 1024;

/// The permit for the caller's own school.
async fn permit(
    state: &TimetableState,
    caller: &Caller,
) -> Result<Permit<SchoolTimetable, ImportTimetable>, Refusal> {
    let actor = caller.actor().clone();
    let school: SchoolId = actor.school_as(&[Profile::Head, Profile::LocalAdmin]).ok_or(Refusal::NotFound)?;
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, school)?)).await
}

pub(in crate::timetable) async fn drop_page(
    State(state): State<TimetableState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    permit(&state, &caller).await?;
    html(&views::ImportDropPage { page: &caller.shell("timetable-import-title"), error: "" })
}

pub(in crate::timetable) async fn look(
    State(state): State<TimetableState>,
    caller: Caller,
    form: Multipart,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let (_, uploads) = read_multipart(form, UploadLimits { files: 1, file_bytes: LARGEST }).await?;
    let shell = caller.shell("timetable-import-title");
    let Some(upload) = uploads.into_iter().next() else {
        let error = shell.texts.get("timetable-import-no-file");
        return html(&views::ImportDropPage { page: &shell, error });
    };
    let (bytes, name, zone) =
        (upload.bytes.clone(), upload.file_name.clone(), state.platform.config().place.time_zone.clone());
    // Tens of megabytes of XML take a second: not on a thread that answers others.
    let read = tokio::task::spawn_blocking(move || read_file(&bytes, &name, &zone))
        .await
        .map_err(|error| Refusal::Internal(error.to_string()))?;
    let timetable = match read {
        Ok(timetable) => timetable,
        Err(error) => {
            let error = if shell.lang() == Lang::Fr { error.fr() } else { error.en() };
            return html(&views::ImportDropPage { page: &shell, error: &error });
        }
    };
    let (school, texts) = (permit.resource().school, shell.texts);
    let prepared: Prepared = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(prepare(conn, school, &timetable, texts)?))
        .await?;
    state.staged.keep(caller.person()?, school, upload.file_name.clone(), upload.bytes, state.platform.now());
    html(&views::ImportPreviewPage::new(&shell, &upload.file_name, &prepared.report))
}

pub(in crate::timetable) async fn apply_staged(
    State(state): State<TimetableState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let person = caller.person()?;
    let school = permit.resource().school;
    let staged = state
        .staged
        .find(person, state.platform.now())
        .filter(|file| file.school == school)
        .ok_or(Refusal::Rule("timetable-preview-gone"))?;
    let zone = state.platform.config().place.time_zone.clone();
    let timetable = tokio::task::spawn_blocking(move || read_file(&staged.bytes, &staged.name, &zone))
        .await
        .map_err(|error| Refusal::Internal(error.to_string()))?
        .map_err(|error| Refusal::Internal(format!("a file that was shown cannot be read: {error}")))?;
    let (changes, texts) = (state.platform.changes().clone(), caller.texts());
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            // Compared anew inside the transaction: what was shown may be half an hour old.
            let prepared = prepare(tx.conn(), school, &timetable, texts)?;
            apply(tx, school, &prepared)?;
            tx.after_commit(move || changes.tell(Topic::Timetable, school));
            Ok(())
        })
        .await?;
    state.staged.forget(person);
    Ok(see_other_with(&state.platform, "/timetable", "done.timetable-imported"))
}

pub(in crate::timetable) async fn discard(
    State(state): State<TimetableState>,
    caller: Caller,
) -> Result<Response, Refusal> {
    permit(&state, &caller).await?;
    state.staged.forget(caller.person()?);
    Ok(see_other("/timetable/import"))
}
