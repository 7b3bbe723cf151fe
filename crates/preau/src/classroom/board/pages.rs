//! Reading the board, drawing on it, wiping it; showing it, and lending it to pupils.

use super::super::ClassroomState;
use super::super::acts::{Switch, done, too_fast};
use super::super::model::What;
use super::super::policy::{DrawOnBoard, LeadRoom};
use crate::access::Permit;
use crate::edge::{Caller, Refusal, json};
use crate::ids::LessonId;
use crate::lesson::{Document, JoinLive, LiveLesson, Pace, Role, read_document, role_of};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// The topic of numbered updates, as the page knows it.
const TOPIC: &str = "preau.board";
/// Bytes of the largest update that is told; of a larger one pages hear that it is there, and ask. A packet has 15 kB
/// at most (LiveKit's limit of what is sent reliably), and this is a third longer there.
const LARGEST_TOLD: usize = 9_000;
/// Twelve updates at once, then four a second: somebody who draws, seen by the others while they do.
const PACE: Pace = Pace { burst: 12, pause: 250 };

/// What a page has already.
#[derive(Deserialize)]
pub(in crate::classroom) struct Since {
    after: Option<i64>,
    sheet: Option<i64>,
}

/// The board: `whole`, or `updates` when they are few enough to be told one by one. Base64 of Yjs' version 1.
#[derive(Serialize)]
struct Drawn {
    sheet: i64,
    number: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    whole: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<Vec<String>>,
}

/// The board as it is. Its teachers read it at any time; everybody else while it is before the class.
pub(in crate::classroom) async fn read(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    Query(since): Query<Since>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<LiveLesson, JoinLive> =
        state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let role = role_of(caller.actor(), permit.resource()).ok_or(Refusal::NotFound)?;
    if role != Role::Teacher {
        if !permit.resource().is_open(state.platform.now()) {
            return Err(Refusal::Rule("live-closed"));
        }
        let room = state.classrooms.room(id).await?;
        if role == Role::Pupil && !room.state.admits(caller.person()?) {
            return Err(Refusal::Rule("room-locked"));
        }
        if !room.state.board.open {
            return Err(Refusal::Rule("room-board-closed"));
        }
    }
    let board = state.boards.board(id).await?;
    let known = since.after.filter(|_| since.sheet == Some(board.sheet));
    let updates = known.and_then(|number| board.since(number));
    let updates = updates.map(|updates| updates.map(|update| BASE64.encode(update)).collect::<Vec<_>>());
    let whole = updates.is_none().then(|| BASE64.encode(board.drawn.whole()));
    json(&Drawn { sheet: board.sheet, number: board.number, whole, updates })
}

/// What somebody drew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Drawing {
    /// The sheet that it was drawn on.
    sheet: i64,
    /// Base64 of an update, Yjs' version 1.
    update: String,
}

/// The number of an update.
#[derive(Serialize)]
struct Kept {
    number: i64,
}

/// An update as the room hears it.
#[derive(Serialize)]
struct Told {
    sheet: i64,
    number: i64,
    /// None: it is to be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<String>,
}

pub(in crate::classroom) async fn draw(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Drawing>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, DrawOnBoard> = state.permit(&caller, id).await?;
    let role = role_of(caller.actor(), permit.resource()).ok_or(Refusal::NotFound)?;
    let (person, now) = (caller.person()?, state.platform.now());
    let Drawing { sheet, update } = read_document(document)?;
    let bytes = BASE64.decode(&update).map_err(|_| Refusal::Malformed("update is no base64".into()))?;
    if !state.classrooms.room(id).await?.state.may_draw(person, role) {
        return Err(Refusal::Rule("room-board-closed"));
    }
    if let Err(seconds) = state.paces.take(("draw", id), person, PACE, now) {
        return Ok(too_fast(seconds));
    }
    let told = (bytes.len() <= LARGEST_TOLD).then_some(update);
    let number = state.boards.draw(&permit, (person, now), sheet, bytes).await?;
    state.tell_board(id, &Told { sheet, number, update: told }).await;
    json(&Kept { number })
}

impl ClassroomState {
    async fn tell_board(&self, id: LessonId, told: &Told) {
        let Ok(packet) = serde_json::to_vec(told) else { return };
        if let Err(error) = self.rooms.tell_lesson(id, TOPIC, &packet).await {
            // It is kept: pages ask when they see the next number, and whenever they connect.
            tracing::warn!(lesson = %id, number = told.number, %error, "a board was changed but not told");
        }
    }
}

pub(in crate::classroom) async fn wipe(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let by = (caller.person()?, state.platform.now());
    let (number, sheet) = state.boards.wipe(&permit, by).await?;
    state.tell_board(id, &Told { sheet, number, update: None }).await;
    Ok(done())
}

pub(in crate::classroom) async fn switch(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Switch>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    state.happen(&permit, What::BoardSwitched { open: read_document(document)?.open }).await?;
    Ok(done())
}

/// To whom the board is lent, or from whom it is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Loan {
    /// One pupil; without it, all of them.
    person: Option<String>,
    may: bool,
}

pub(in crate::classroom) async fn lend(
    State(state): State<ClassroomState>,
    caller: Caller,
    Path(id): Path<LessonId>,
    document: Document<Loan>,
) -> Result<Response, Refusal> {
    let permit: Permit<LiveLesson, LeadRoom> = state.permit(&caller, id).await?;
    let Loan { person, may } = read_document(document)?;
    let person = match person {
        Some(identity) => Some(state.pupil(&permit, &identity).await?),
        None => None,
    };
    state.happen(&permit, What::BoardLent { person, may }).await?;
    Ok(done())
}
