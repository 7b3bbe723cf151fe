//! Documents shown page by page: what there is to show, showing it, turning its pages, and its bytes.
//!
//! A document is a PDF that a teacher put into the lesson, or one that was given out to the class with homework.
//! Invariant: its bytes go to the lesson's teachers, and to whoever else is in the lesson only while it is shown.

use super::ClassroomState;
use super::acts::{done, done_as};
use super::model::What;
use super::model::document::Shown;
use super::policy::LeadRoom;
use crate::access::{Actor, Permit};
use crate::edge::{Caller, Refusal, UploadLimits, json, read_multipart};
use crate::files::{self, FileLine, FileStore, Kind, OwnerKind, StoredFile};
use crate::homework;
use crate::ids::LessonId;
use crate::lesson::{Document, JoinLive, LiveLesson, Role, read_document, role_of};
use crate::store::Conn;
use axum::extract::{Multipart, Path, State};
use axum::response::Response;
use diesel::QueryResult;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// Documents of one lesson.
const MOST_DOCUMENTS: usize = 20;
/// What a form needs beside its file, in bytes.
const FORM_BYTES: usize = 64 * 1024;

/// Bytes of the largest form with a document.
pub(super) fn largest_form(files: &FileStore) -> usize {
    files.limits().file_bytes + FORM_BYTES
}

/// What there is to show, the lesson's own first.
#[derive(Serialize)]
struct Choice {
    documents: Vec<Offer>,
    /// Bytes of the largest document that may be added.
    largest: usize,
    /// Whether another may be added.
    more: bool,
}

#[derive(Serialize)]
struct Offer {
    token: String,
    name: String,
    /// Bytes.
    size: i64,
    /// Whether it was given out with homework; such a one is not removed here.
    homework: bool,
}

impl Offer {
    fn of(file: FileLine, homework: bool) -> Offer {
        Offer { token: file.token, name: file.name, size: file.size, homework }
    }
}

/// The documents that were put into the lesson.
fn own(conn: &mut Conn, lesson: LessonId) -> QueryResult<Vec<FileLine>> {
    let files = files::files_of(conn, OwnerKind::Lesson, &[lesson.get()])?;
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// Everything that this teacher may show in the lesson.
fn offers(conn: &mut Conn, actor: &Actor, lesson: &LiveLesson) -> QueryResult<Vec<Offer>> {
    let own = own(conn, lesson.id)?.into_iter().map(|file| Offer::of(file, false));
    let given = homework::given_out(conn, actor, &lesson.groups)?;
    // Names carry the ending of what the file is.
    let given = given.into_iter().filter(|file| file.name.ends_with(".pdf"));
    Ok(own.chain(given.map(|file| Offer::of(file, true))).collect())
}

impl ClassroomState {
    async fn offers(&self, caller: &Caller, lesson: &LiveLesson) -> Result<Vec<Offer>, Refusal> {
        let (actor, lesson) = (caller.actor().clone(), lesson.clone());
        self.platform.store().read::<_, Refusal, _>(move |conn| Ok(offers(conn, &actor, &lesson)?)).await
    }
}

pub(super) async fn list(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let documents = state.offers(&caller, permit.resource()).await?;
    let more = documents.iter().filter(|one| !one.homework).count() < MOST_DOCUMENTS;
    json(&Choice { documents, largest: state.files.limits().file_bytes, more })
}

/// Puts a PDF into the lesson; the answer is its token and name.
pub(super) async fn add(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    form: Multipart,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let limits = UploadLimits { files: 1, file_bytes: state.files.limits().file_bytes };
    let (_, uploads) = read_multipart(form, limits).await?;
    let upload = uploads.into_iter().next().ok_or_else(|| Refusal::Malformed("a file is expected".into()))?;
    if Kind::of(&upload.bytes).is_none_or(|kind| kind.ending != "pdf") {
        return Err(Refusal::Rule("room-not-pdf"));
    }
    let staged = [state.files.stage(upload).await?];
    let added = state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            if own(tx.conn(), id)?.len() >= MOST_DOCUMENTS {
                return Err(Refusal::Rule("room-many-documents"));
            }
            files::attach(tx, OwnerKind::Lesson, id.get(), &staged)?;
            tx.note_as("room.add_document", "live_room", id.get());
            own(tx.conn(), id)?.pop().ok_or_else(|| Refusal::Internal("a document was lost".into()))
        })
        .await?;
    json(&Offer::of(added, false))
}

pub(super) async fn remove(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, token)): Path<(LessonId, String)>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    if state.shows(id, &token).await? {
        state.happen(&permit, What::DocumentClosed).await?;
    }
    let gone = state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            let gone = files::detach(tx, OwnerKind::Lesson, id.get(), &token)?;
            if gone.is_empty() {
                return Err(Refusal::NotFound);
            }
            tx.note_as("room.remove_document", "live_room", id.get());
            Ok(gone)
        })
        .await?;
    for key in gone {
        state.files.discard(&key).await;
    }
    Ok(done())
}

/// Which document, and how many pages the teacher's page found in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Showing {
    token: String,
    pages: u16,
}

pub(super) async fn show(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Showing>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let Showing { token, pages } = read_document(document)?;
    let offers = state.offers(&caller, permit.resource()).await?;
    let name = offers.into_iter().find(|one| one.token == token).ok_or(Refusal::NotFound)?.name;
    state.happen(&permit, What::DocumentShown(Shown { token, name, pages, page: 1 })).await?;
    Ok(done())
}

/// A page, from 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turning {
    page: u16,
}

pub(super) async fn turn(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Turning>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    done_as(state.happen(&permit, What::DocumentTurned { page: read_document(document)?.page }).await?)
}

pub(super) async fn close(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::DocumentClosed).await?;
    Ok(done())
}

impl ClassroomState {
    /// Whether this document is before everybody now.
    async fn shows(&self, id: LessonId, token: &str) -> Result<bool, Refusal> {
        Ok(self.classrooms.room(id).await?.state.shows(token))
    }
}

/// The bytes of a document.
pub(super) async fn file(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path((id, token)): Path<(LessonId, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, JoinLive> = state.permit(&caller, id).await?;
    let lesson = permit.into_resource();
    let role = role_of(caller.actor(), &lesson).ok_or(Refusal::NotFound)?;
    let may = match role {
        Role::Teacher => {
            state.shows(id, &token).await?
                || state.offers(&caller, &lesson).await?.iter().any(|one| one.token == token)
        }
        Role::Pupil => {
            let person = caller.person()?;
            state.shows(id, &token).await? && state.classrooms.room(id).await?.state.admits(person)
        }
        Role::Visitor => state.shows(id, &token).await?,
    };
    if !may {
        return Err(Refusal::NotFound);
    }
    let file = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(document_of(conn, &lesson, &token)?))
        .await?
        .ok_or(Refusal::NotFound)?;
    state.files.send(&file, &headers).await
}

/// The file with this token, if it is the lesson's or was given out to one of its classes and groups. Whoever asks
/// has looked whether the caller may have it.
///
/// # Errors
/// The engine's.
pub fn document_of(conn: &mut Conn, lesson: &LiveLesson, token: &str) -> QueryResult<Option<StoredFile>> {
    if let Some(file) = files::file_by_token(conn, OwnerKind::Lesson, token)? {
        return Ok((file.owner == lesson.id.get()).then_some(file));
    }
    let given = homework::given_out_by_token(conn, token)?;
    Ok(given.filter(|(_, group)| lesson.groups.contains(group)).map(|(file, _)| file))
}
