//! What a class does together in the live lesson besides media: the locked door and its lobby, private words,
//! the timer, questions, reactions, notes, small groups, documents, the board.
//!
//! `model` events, the state they add up to, and what each role sees of it · `store` the events, kept ·
//! `book` the rooms in memory · `policy` who may do what · `happen` how something comes to happen and is told ·
//! `pages` the room as a document · `history` the same for a recording · `acts`, `polls`, `notes`, `groups`,
//! `documents` handlers · `retention` what is too old goes · `board` what is drawn, which is no event: merged and told apart from them.
//! The slice `lesson` asks [`Classrooms`] who may come in and where they sit, and knows nothing else of this.
//!
//! Invariant: an event is kept before anybody sees it; nobody is told what a fresh view of theirs would not
//! show; a page that applies what it is told, in order, shows what a fresh view would.

mod acts;
mod board;
mod book;
mod documents;
mod groups;
mod happen;
mod history;
mod model;
mod notes;
mod pages;
mod policy;
mod polls;
mod retention;
mod store;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use board::tests::{Pen, thing};
#[cfg(test)]
pub(crate) use tests::matrix;

pub use board::{Drawing, Onlooker, Things, things_on_board};
pub use book::Classrooms;
pub use documents::document_of;
pub use history::{History, history};
pub use policy::{DrawOnBoard, LeadRoom, PartakeInRoom, WriteNotes};

use crate::edge::{Body, Cost, Platform, Routes};
use crate::files::FileStore;
use crate::lesson::{HOLDERS, LessonState, PARTICIPANTS, Paces, Rooms};
use std::sync::Arc;

/// What the handlers need.
#[derive(Clone)]
pub struct ClassroomState {
    platform: Platform,
    classrooms: Classrooms,
    boards: board::Boards,
    rooms: Rooms,
    /// How fast pupils write and react.
    paces: Paces,
    /// Where documents lie.
    files: FileStore,
}

impl ClassroomState {
    /// Over the rooms of the live lessons; `onlooker` hears of what is drawn.
    pub fn new(
        platform: Platform,
        classrooms: Classrooms,
        live: &LessonState,
        files: FileStore,
        onlooker: Arc<dyn Onlooker>,
    ) -> ClassroomState {
        ClassroomState {
            boards: board::Boards::new(platform.clone(), onlooker),
            platform,
            classrooms,
            rooms: live.rooms().clone(),
            paces: Paces::default(),
            files,
        }
    }
}

/// The pages of this slice.
pub fn routes(state: ClassroomState) -> Routes {
    let upload = Body::Files(documents::largest_form(&state.files));
    Routes::new()
        .get("/lessons/{id}/room.json", PARTICIPANTS, Cost::Live, pages::room)
        .post("/lessons/{id}/room/lock", HOLDERS, Cost::Live, Body::Form, acts::lock)
        .post("/lessons/{id}/room/lobby", PARTICIPANTS, Cost::Live, Body::Form, acts::knock)
        .post("/lessons/{id}/room/admissions", HOLDERS, Cost::Live, Body::Form, acts::admit)
        .post("/lessons/{id}/room/reactions", PARTICIPANTS, Cost::Live, Body::Form, acts::react)
        .post("/lessons/{id}/room/words", PARTICIPANTS, Cost::Live, Body::Form, acts::say)
        .post("/lessons/{id}/room/words/switch", HOLDERS, Cost::Live, Body::Form, acts::switch_words)
        .post(
            "/lessons/{id}/room/participants/{identity}/words",
            HOLDERS,
            Cost::Live,
            Body::Form,
            acts::reply,
        )
        .post("/lessons/{id}/room/simplicity", HOLDERS, Cost::Live, Body::Form, acts::simplify)
        .post("/lessons/{id}/room/timer", HOLDERS, Cost::Live, Body::Form, acts::start_timer)
        .post("/lessons/{id}/room/timer/pause", HOLDERS, Cost::Live, Body::Form, acts::pause_timer)
        .post("/lessons/{id}/room/timer/end", HOLDERS, Cost::Live, Body::Form, acts::end_timer)
        .post("/lessons/{id}/room/polls", HOLDERS, Cost::Live, Body::Form, polls::open)
        .post("/lessons/{id}/room/polls/{poll}/answer", PARTICIPANTS, Cost::Live, Body::Form, polls::answer)
        .post("/lessons/{id}/room/polls/{poll}/closure", HOLDERS, Cost::Live, Body::Form, polls::close)
        .post("/lessons/{id}/room/polls/{poll}/results", HOLDERS, Cost::Live, Body::Form, polls::show)
        .post("/lessons/{id}/room/notes", PARTICIPANTS, Cost::Live, Body::Form, notes::write)
        .post("/lessons/{id}/room/notes/switch", HOLDERS, Cost::Live, Body::Form, notes::switch)
        .get("/lessons/{id}/room/documents.json", HOLDERS, Cost::Page, documents::list)
        .post("/lessons/{id}/room/documents", HOLDERS, Cost::Write, upload, documents::add)
        .get("/lessons/{id}/room/documents/{token}", PARTICIPANTS, Cost::Live, documents::file)
        .post(
            "/lessons/{id}/room/documents/{token}/removal",
            HOLDERS,
            Cost::Write,
            Body::Form,
            documents::remove,
        )
        .post("/lessons/{id}/room/document", HOLDERS, Cost::Live, Body::Form, documents::show)
        .post("/lessons/{id}/room/document/page", HOLDERS, Cost::Live, Body::Form, documents::turn)
        .post("/lessons/{id}/room/document/end", HOLDERS, Cost::Live, Body::Form, documents::close)
        .get("/lessons/{id}/room/board.json", PARTICIPANTS, Cost::Live, board::pages::read)
        .post("/lessons/{id}/room/board", PARTICIPANTS, Cost::Live, Body::Form, board::pages::draw)
        .post("/lessons/{id}/room/board/pointer", PARTICIPANTS, Cost::Live, Body::Form, board::pointer::point)
        .post("/lessons/{id}/room/board/wiping", HOLDERS, Cost::Live, Body::Form, board::pages::wipe)
        .post("/lessons/{id}/room/board/switch", HOLDERS, Cost::Live, Body::Form, board::pages::switch)
        .post("/lessons/{id}/room/board/loan", HOLDERS, Cost::Live, Body::Form, board::pages::lend)
        .get("/lessons/{id}/room/seating.json", HOLDERS, Cost::Page, groups::seating)
        .post("/lessons/{id}/room/groups", HOLDERS, Cost::Live, Body::Form, groups::open)
        .post("/lessons/{id}/room/groups/word", HOLDERS, Cost::Live, Body::Form, groups::tell)
        .post("/lessons/{id}/room/groups/end", HOLDERS, Cost::Live, Body::Form, groups::end)
        .post(
            "/lessons/{id}/room/participants/{identity}/group",
            HOLDERS,
            Cost::Live,
            Body::Form,
            groups::seat,
        )
        .with_state(state)
}
