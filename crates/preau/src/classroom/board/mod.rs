//! The board: a Yjs document that pages change, and that the server merges, keeps and tells.
//!
//! `reader` lets only updates of a board pass · `sheet` merges them · `plain` what they come to as JSON · `store` keeps
//! them · `pages` handlers · `pointer` whose hand is where, told and never kept.
//! Who may draw, and whether the board is before everybody, are events of the room (`model::board`); what is
//! drawn is not: it is much, and whoever comes later needs only what came of it.
//!
//! Invariant: an update is merged and kept before anybody is told or its sender hears that it arrived; the memory is
//! never ahead of the store. Updates of a lesson are numbered, whichever process took them.

pub(super) mod pages;
mod plain;
pub(super) mod pointer;
mod reader;
mod sheet;
mod store;
#[cfg(test)]
pub(super) mod tests;

pub use plain::Things;
#[cfg(test)]
pub(super) use store::rows;
pub(super) use store::{forget, with_board_before};

use crate::access::Permit;
use crate::classroom::DrawOnBoard;
use crate::edge::{Platform, Refusal};
use crate::ids::{LessonId, Millis, PersonId};
use crate::lesson::LiveLesson;
use crate::store::{Conn, StoreError, Tx};
use diesel::QueryResult;
use sheet::{Sheet, Unmerged};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use store::Base;
use tokio::sync::OwnedMutexGuard;

/// Bytes of the largest update. A freehand line of five minutes has about half of it.
const LARGEST_UPDATE: usize = 128 * 1024;
/// Bytes of a board in the store: what was put together, and the updates since.
const LARGEST_BOARD: usize = 2 * 1024 * 1024;
/// After so many updates, or so many bytes of them, they are put together.
const MANY_UPDATES: usize = 256;
const MANY_BYTES: usize = 256 * 1024;
/// Boards kept in memory. Beyond it, those that nobody asks about at the moment are forgotten.
const BOARDS: usize = 500;
/// How often a board is read again when another process changes it meanwhile.
const LOOKS: usize = 3;

/// A change of a board.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// The board was empty before it.
    pub clean: bool,
    /// What changed.
    pub things: Things,
}

/// Who looks on while a board comes about, and keeps what is to be kept of it elsewhere.
pub trait Onlooker: Send + Sync {
    /// Something was drawn on the board of a lesson, at `at` (milliseconds since the Unix epoch). Called within the
    /// write that keeps it: both are kept, or neither.
    ///
    /// # Errors
    /// The engine's.
    fn drawn(&self, tx: &mut Tx<'_>, lesson: LessonId, at: Millis, drawing: &Drawing) -> QueryResult<()>;

    /// Whether what a class wrote in a lesson is still needed, though its time is over.
    ///
    /// # Errors
    /// The engine's.
    fn needs(&self, conn: &mut Conn, lesson: LessonId) -> QueryResult<bool>;
}

/// What lies on the board of a lesson, as the store has it.
///
/// # Errors
/// The engine's.
pub fn things_on_board(conn: &mut Conn, lesson: LessonId) -> QueryResult<Things> {
    let (base, updates) = store::after(conn, lesson, 0)?;
    let mut board = Board::default();
    if let Err(error) = board.take(base, updates) {
        tracing::error!(%lesson, %error, "a board that was kept cannot be read");
        return Ok(Things::new());
    }
    Ok(board.drawn.things())
}

/// All boards; cheap to clone.
#[derive(Clone)]
pub(super) struct Boards {
    platform: Platform,
    onlooker: Arc<dyn Onlooker>,
    boards: Arc<Mutex<HashMap<LessonId, Arc<tokio::sync::Mutex<Board>>>>>,
}

/// The board of a lesson, as the store has it.
#[derive(Default)]
struct Board {
    /// How often it was wiped.
    sheet: i64,
    /// Of the last update.
    number: i64,
    drawn: Sheet,
    /// Bytes of what the store has put together.
    base: usize,
    /// The updates since, to be told one by one.
    since: VecDeque<(i64, Vec<u8>)>,
    /// Their bytes.
    since_bytes: usize,
}

impl Board {
    /// Takes in what the store has; false where something between is missing.
    fn take(&mut self, base: Option<Base>, updates: Vec<(i64, Vec<u8>)>) -> Result<bool, Unmerged> {
        if let Some(base) = base {
            let mut drawn = Sheet::default();
            drawn.merge_kept(&base.body)?;
            *self = Board {
                sheet: base.sheet,
                number: base.number,
                drawn,
                base: base.body.len(),
                ..Board::default()
            };
        }
        for (number, update) in updates {
            if number != self.number + 1 {
                return Ok(false);
            }
            self.drawn.merge_kept(&update)?;
            self.keep(update);
        }
        Ok(true)
    }

    fn keep(&mut self, update: Vec<u8>) {
        self.number += 1;
        self.since_bytes += update.len();
        self.since.push_back((self.number, update));
    }

    /// The updates after the one of that number; none when it is too long ago, or has not been yet.
    fn since(&self, number: i64) -> Option<impl Iterator<Item = &[u8]>> {
        let first = self.number - i64::try_from(self.since.len()).unwrap_or(i64::MAX);
        (first..=self.number)
            .contains(&number)
            .then(|| self.since.iter().filter(move |(one, _)| *one > number).map(|(_, update)| &update[..]))
    }

    /// Whether the updates are to be put together with this one.
    fn is_long(&self, update: &[u8]) -> bool {
        self.since.len() + 1 >= MANY_UPDATES || self.since_bytes + update.len() >= MANY_BYTES
    }

    /// Everything, under the next number.
    fn put_together(&self) -> Base {
        Base { sheet: self.sheet, number: self.number + 1, body: self.drawn.whole() }
    }
}

/// The update that changes nothing. It stands in the place of what was put together, so that a process that is
/// behind collides with it.
const NOTHING: [u8; 2] = [0, 0];

impl Boards {
    pub(super) fn new(platform: Platform, onlooker: Arc<dyn Onlooker>) -> Boards {
        Boards { platform, onlooker, boards: Arc::default() }
    }

    pub(super) fn onlooker(&self) -> &Arc<dyn Onlooker> {
        &self.onlooker
    }

    /// Forgets what the memory has of a lesson's board.
    pub(super) fn forget(&self, lesson: LessonId) {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner).remove(&lesson);
    }

    /// The board of a lesson as it is now, for as long as the guard is held.
    async fn board(&self, lesson: LessonId) -> Result<OwnedMutexGuard<Board>, Refusal> {
        let board = {
            let mut boards = self.boards.lock().unwrap_or_else(PoisonError::into_inner);
            if boards.len() >= BOARDS && !boards.contains_key(&lesson) {
                boards.retain(|_, board| Arc::strong_count(board) > 1);
            }
            Arc::clone(boards.entry(lesson).or_default())
        };
        let mut board = board.lock_owned().await;
        for _ in 0..LOOKS {
            let known = board.number;
            let (base, updates) = self
                .platform
                .store()
                .read::<_, StoreError, _>(move |conn| Ok(store::after(conn, lesson, known)?))
                .await?;
            match board.take(base, updates) {
                Ok(true) => return Ok(board),
                // Another process put updates together between the two looks.
                Ok(false) => *board = Board::default(),
                Err(error) => {
                    *board = Board::default();
                    return Err(Refusal::Internal(format!("a board that was kept cannot be read: {error}")));
                }
            }
        }
        Err(Refusal::Busy { retry_after: 1 })
    }

    /// Merges an update and keeps it; its number.
    async fn draw(
        &self,
        permit: &Permit<LiveLesson, DrawOnBoard>,
        (person, at): (PersonId, Millis),
        sheet: i64,
        update: Vec<u8>,
    ) -> Result<i64, Refusal> {
        let lesson = permit.resource().id;
        if update.len() > LARGEST_UPDATE {
            return Err(Refusal::Rule("room-board-full"));
        }
        let mut board = self.board(lesson).await?;
        if board.sheet != sheet {
            return Err(Refusal::Rule("room-board-behind"));
        }
        if board.base + board.since_bytes + update.len() > LARGEST_BOARD {
            return Err(Refusal::Rule("room-board-full"));
        }
        if let Err(error) = board.drawn.merge(&update) {
            // A part of it may be in: the next who asks makes the board anew. What the reader refused is not.
            if !matches!(error, Unmerged::Unsound(_)) {
                *board = Board::default();
            }
            return Err(match error {
                Unmerged::Unsound(error) => Refusal::Malformed(error.to_string()),
                Unmerged::Behind => Refusal::Rule("room-board-behind"),
                Unmerged::Full => Refusal::Rule("room-board-full"),
                Unmerged::Failed => {
                    tracing::error!(%lesson, %person, "an update of a board could not be merged");
                    Refusal::Malformed(error.to_string())
                }
            });
        }
        let together = board.is_long(&update).then(|| board.put_together());
        let (number, row) = (board.number + 1, update.clone());
        let base = together.as_ref().map(|together| together.body.len());
        let (drawing, onlooker) =
            (Drawing { clean: false, things: board.drawn.changes() }, Arc::clone(&self.onlooker));
        // Until the store says that it is kept, the memory would be ahead of it.
        let drawn = std::mem::take(&mut *board);
        self.platform
            .store()
            .write::<_, Refusal, _>(permit, move |tx| {
                keep(tx, lesson, number, (person, at), &row, together.as_ref())?;
                onlooker.drawn(tx, lesson, at, &drawing)?;
                tx.note_as("room.draw", "live_room", lesson.get());
                Ok(())
            })
            .await?;
        *board = drawn;
        match base {
            None => board.keep(update),
            Some(base) => {
                let drawn = std::mem::take(&mut board.drawn);
                *board = Board { sheet, number, drawn, base, ..Board::default() };
            }
        }
        Ok(number)
    }

    /// Wipes the board; the number and the sheet after that.
    async fn wipe<A: crate::access::Action>(
        &self,
        permit: &Permit<LiveLesson, A>,
        (person, at): (PersonId, Millis),
    ) -> Result<(i64, i64), Refusal> {
        let lesson = permit.resource().id;
        let mut board = self.board(lesson).await?;
        let base = Base { sheet: board.sheet + 1, number: board.number + 1, body: Sheet::default().whole() };
        let wiped =
            Board { sheet: base.sheet, number: base.number, base: base.body.len(), ..Board::default() };
        let onlooker = Arc::clone(&self.onlooker);
        self.platform
            .store()
            .write::<_, Refusal, _>(permit, move |tx| {
                keep(tx, lesson, base.number, (person, at), &NOTHING, Some(&base))?;
                onlooker.drawn(tx, lesson, at, &Drawing { clean: true, things: Things::new() })?;
                tx.note_as("room.wipe_board", "live_room", lesson.get());
                Ok(())
            })
            .await?;
        *board = wiped;
        Ok((board.number, board.sheet))
    }
}

/// Keeps an update under its number, and with it what the updates so far come to.
fn keep(
    tx: &mut Tx<'_>,
    lesson: LessonId,
    number: i64,
    by: (PersonId, Millis),
    update: &[u8],
    together: Option<&Base>,
) -> Result<(), Refusal> {
    // Another process was faster: asking again finds what it kept, and goes on from there.
    if store::last(tx.conn(), lesson)? != number - 1 {
        return Err(Refusal::Busy { retry_after: 1 });
    }
    store::append(tx, lesson, number, by, update).map_err(|error| super::happen::taken(error.into()))?;
    if let Some(together) = together {
        store::put_together(tx, lesson, together)?;
    }
    Ok(())
}
