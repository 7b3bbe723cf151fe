//! How the class's board came about while a lesson was recorded: what is kept of it, and what a player gets.
//!
//! A row holds what changed within a moment, so that a line that grows is not kept once for each time it was sent. The
//! more there is already, the longer a moment becomes; beyond [`MOST_BYTES`] nothing more is kept, and the player says so.
//! Invariants: a change stands in the write that keeps the board itself, so neither is without the other; a player
//! gets nothing that was not before the class while it was recorded.

use super::model::RecordingId;
use super::{Studio, store};
use crate::classroom::{Drawing, History, Onlooker, Things, things_on_board};
use crate::ids::{LessonId, Millis};
use crate::store::{Conn, Tx};
use diesel::QueryResult;
use serde::Serialize;

/// The length of a moment at the beginning, in milliseconds.
const MOMENT: Millis = 500;
/// With each so many bytes it grows by as much again.
const GROWTH: i64 = 1024 * 1024;
/// Bytes of the board of one recording.
const MOST_BYTES: i64 = 8 * 1024 * 1024;

/// What changed within a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    /// Its place, from 1.
    pub(super) number: i64,
    /// When its first change was, in milliseconds since the Unix epoch.
    pub(super) since: Millis,
    /// When its last one was.
    pub(super) at: Millis,
    /// Bytes of those before it.
    pub(super) before: i64,
    /// None: from here on nothing is kept.
    pub(super) drawing: Option<Drawing>,
}

/// What is to be written down.
#[derive(Debug, PartialEq)]
enum Next {
    Nothing,
    /// In the place of the last row.
    Change(Kept),
    Add(Kept),
}

/// The bytes that a row takes up.
pub(super) fn bytes_of(drawing: &Drawing) -> i64 {
    let text = serde_json::to_string(&drawing.things).unwrap_or_default();
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// What becomes of the rows when something is drawn.
fn next(last: Option<Kept>, at: Millis, drawing: &Drawing) -> Next {
    if drawing.things.is_empty() && !drawing.clean {
        return Next::Nothing;
    }
    let (number, before, at) = match last {
        Some(Kept { drawing: None, .. }) => return Next::Nothing,
        Some(Kept { number, since, before, drawing: Some(kept), at: latest }) => {
            // A clock that is set back does not turn the order round.
            let at = at.max(latest);
            if !drawing.clean && at - since < MOMENT * (1 + before / GROWTH) {
                let mut both = kept.clone();
                both.things.extend(drawing.things.clone());
                if before + bytes_of(&both) <= MOST_BYTES {
                    return Next::Change(Kept { number, since, at, before, drawing: Some(both) });
                }
            }
            (number, before + bytes_of(&kept), at)
        }
        None => (0, 0, at),
    };
    let fits = before + bytes_of(drawing) <= MOST_BYTES;
    let drawing = fits.then(|| drawing.clone());
    Next::Add(Kept { number: number + 1, since: at, at, before, drawing })
}

/// Keeps a change of the board of a lesson that is recorded.
fn keep(tx: &mut Tx<'_>, id: RecordingId, at: Millis, drawing: &Drawing) -> QueryResult<()> {
    let last = store::last_drawing(tx.conn(), id)?;
    match next(last, at, drawing) {
        Next::Nothing => Ok(()),
        Next::Change(row) => store::change_drawing(tx, id, &row),
        Next::Add(row) => store::add_drawing(tx, id, &row),
    }
}

/// Keeps the board as it is when a recording begins.
pub(super) fn begin(tx: &mut Tx<'_>, id: RecordingId, lesson: LessonId, at: Millis) -> QueryResult<()> {
    let things = things_on_board(tx.conn(), lesson)?;
    keep(tx, id, at, &Drawing { clean: false, things })
}

impl Onlooker for Studio {
    fn drawn(&self, tx: &mut Tx<'_>, lesson: LessonId, at: Millis, drawing: &Drawing) -> QueryResult<()> {
        // The store is asked and not the memory: another process may hold the recording.
        match store::running_of(tx.conn(), lesson)? {
            Some(id) => keep(tx, id, at, drawing),
            None => Ok(()),
        }
    }

    fn needs(&self, conn: &mut Conn, lesson: LessonId) -> QueryResult<bool> {
        store::is_recorded(conn, lesson)
    }
}

/// The board over a recording, as a player shows it. Times are milliseconds since the recording began.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Board {
    pub(super) steps: Vec<Step>,
    /// When it stops being kept, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Millis>,
}

/// A change of it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) at: Millis,
    /// The board is empty before this.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) clean: bool,
    /// What changed: things by their ids, null where one was rubbed out.
    pub(super) things: Things,
}

/// What the class saw of the board from `from` to `to`. What became of it while it was put away is told when it comes
/// back, as it is then.
pub(super) fn seen(history: &History, rows: Vec<Kept>, (from, to): (Millis, Millis)) -> Board {
    let mut opens = history.changes.iter().filter_map(|(at, patch)| {
        let board = patch.get("board")?;
        Some((*at, !board.is_null()))
    });
    let mut coming = opens.next();
    let mut teller = Teller { open: history.view.get("board").is_some(), ..Teller::default() };
    for row in rows.into_iter().filter(|row| row.at < to) {
        while let Some((at, open)) = coming.filter(|(at, _)| *at <= row.at) {
            teller.switch(at - from, open);
            coming = opens.next();
        }
        teller.take(row.at - from, row.drawing);
    }
    while let Some((at, open)) = coming {
        teller.switch(at - from, open);
        coming = opens.next();
    }
    teller.board
}

/// Tells what happens to a board to somebody who sees it only while it is before the class.
#[derive(Default)]
struct Teller {
    open: bool,
    /// What lies on it.
    things: Things,
    /// Whether that is another than what was told.
    behind: bool,
    board: Board,
}

impl Teller {
    fn switch(&mut self, at: Millis, open: bool) {
        if open && self.behind {
            self.board.steps.push(Step { at, clean: true, things: self.things.clone() });
            self.behind = false;
        }
        self.open = open;
    }

    fn take(&mut self, at: Millis, drawing: Option<Drawing>) {
        let Some(Drawing { clean, things }) = drawing else {
            self.board.until = Some(at);
            return;
        };
        if clean {
            self.things.clear();
        }
        for (id, thing) in &things {
            match thing.is_null() {
                true => self.things.remove(id),
                false => self.things.insert(id.clone(), thing.clone()),
            };
        }
        match self.open {
            true => self.board.steps.push(Step { at, clean, things }),
            false => self.behind = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn drawing(id: &str, thing: Value) -> Drawing {
        Drawing { clean: false, things: Things::from_iter([(id.to_owned(), thing)]) }
    }

    /// The rows that come of this.
    fn rows(drawn: &[(Millis, Drawing)]) -> Vec<Kept> {
        let mut rows: Vec<Kept> = Vec::new();
        for (at, drawing) in drawn {
            match next(rows.last().cloned(), *at, drawing) {
                Next::Nothing => {}
                Next::Change(row) => *rows.last_mut().expect("a row") = row,
                Next::Add(row) => rows.push(row),
            }
        }
        rows
    }

    fn fold(things: &mut Things, clean: bool, changes: &Things) {
        if clean {
            things.clear();
        }
        things.extend(changes.clone());
        things.retain(|_, thing| !thing.is_null());
    }

    /// What a player shows at a time.
    fn shown(board: &Board, at: Millis) -> Things {
        let mut things = Things::new();
        for step in board.steps.iter().filter(|step| step.at <= at) {
            fold(&mut things, step.clean, &step.things);
        }
        things
    }

    #[test]
    fn a_line_that_grows_is_kept_once_a_moment_and_a_wiped_board_by_itself() {
        let line = |x: i64| drawing("line", json!({ "x": x }));
        let wiped = Drawing { clean: true, things: Things::new() };
        let drawn =
            [(0, line(1)), (300, line(2)), (499, line(3)), (500, line(4)), (600, wiped), (700, line(5))];
        let kept = rows(&drawn);
        let times: Vec<_> = kept.iter().map(|row| (row.number, row.since, row.at)).collect();
        assert_eq!(times, [(1, 0, 499), (2, 500, 500), (3, 600, 700)]);
        assert_eq!(kept[0].drawing, Some(line(3)));
        assert_eq!(kept[2].drawing, Some(Drawing { clean: true, ..line(5) }));
        assert_eq!(kept[2].before, 2 * bytes_of(&line(1)));
        assert_eq!(next(kept.last().cloned(), 800, &Drawing::default()), Next::Nothing);
        let back = next(kept.last().cloned(), 10, &line(6));
        assert!(matches!(back, Next::Change(Kept { at: 700, .. })), "a clock set back: {back:?}");
    }

    #[test]
    fn there_is_a_most_and_it_is_said_where_it_was_reached() {
        let much = "x".repeat(100_000);
        let drawn: Vec<_> = (0..400).map(|number| (number * 10_000, drawing("text", json!(much)))).collect();
        let kept = rows(&drawn);
        let bytes: i64 = kept.iter().filter_map(|row| row.drawing.as_ref()).map(bytes_of).sum();
        assert!((MOST_BYTES - 200_000..=MOST_BYTES).contains(&bytes), "{bytes}");
        assert!(kept.last().is_some_and(|row| row.drawing.is_none()), "the last row says so");
        let at = kept.last().map(|row| row.at);
        let history = History { view: json!({ "board": { "all": false } }), changes: vec![] };
        assert_eq!(seen(&history, kept, (0, Millis::MAX)).until, at);
        // Near the end a moment is longer.
        let last =
            Kept { number: 9, since: 0, at: 0, before: 4 * GROWTH, drawing: Some(drawing("a", json!(1))) };
        assert!(matches!(next(Some(last.clone()), 2_499, &drawing("a", json!(2))), Next::Change(_)));
        assert!(matches!(next(Some(last), 2_500, &drawing("a", json!(2))), Next::Add(_)));
    }

    #[test]
    fn what_was_put_away_is_not_told() {
        let open = |open: bool| match open {
            true => json!({ "board": { "all": true } }),
            false => json!({ "board": null }),
        };
        let wiped = Drawing { clean: true, things: Things::new() };
        let kept = rows(&[(0, drawing("secret", json!(1))), (5_000, wiped), (6_000, drawing("a", json!(1)))]);
        let closed = History { view: json!({}), changes: vec![] };
        assert_eq!(seen(&closed, kept.clone(), (0, 10_000)), Board::default());
        let later = History { view: json!({}), changes: vec![(5_500, open(true)), (7_000, open(false))] };
        let board = seen(&later, kept, (0, 10_000));
        let times: Vec<_> = board.steps.iter().map(|step| (step.at, step.clean, step.things.len())).collect();
        assert_eq!(times, [(5_500, true, 0), (6_000, false, 1)], "never the secret");
    }

    proptest! {
        /// Whatever is drawn and whenever the board is put away: at every time at which it is before the class, a player
        /// shows it as it was at the last change of a moment that was over by then.
        #[test]
        fn a_player_shows_what_there_was(
            drawn in proptest::collection::vec((0_i64..400, 0_usize..4, 0_u8..12), 1..60),
            switches in proptest::collection::vec(0_i64..3_000, 0..8),
            begins_open in any::<bool>(),
        ) {
            let mut at = 0;
            let drawn: Vec<(Millis, Drawing)> = drawn.into_iter().map(|(pause, id, what)| {
                at += pause;
                let drawing = match what {
                    0 => Drawing { clean: true, things: Things::new() },
                    1..3 => drawing(["a", "b", "c", "d"][id], Value::Null),
                    _ => drawing(["a", "b", "c", "d"][id], json!({ "x": at })),
                };
                (at, drawing)
            }).collect();
            let mut open = begins_open;
            let mut when = 0;
            let changes: Vec<_> = switches.into_iter().map(|pause| {
                when += pause + 1;
                open = !open;
                (when, if open { json!({ "board": { "all": true } }) } else { json!({ "board": null }) })
            }).collect();
            let view = if begins_open { json!({ "board": { "all": true } }) } else { json!({}) };
            let kept = rows(&drawn);
            let history = History { view, changes };
            let board = seen(&history, kept.clone(), (0, Millis::MAX));
            for row in &kept {
                let is_open = history.changes.iter().rfind(|(when, _)| *when <= row.at)
                    .map_or(begins_open, |(_, patch)| !patch["board"].is_null());
                if is_open {
                    let mut there = Things::new();
                    for (_, drawing) in drawn.iter().filter(|(at, _)| *at <= row.at) {
                        fold(&mut there, drawing.clean, &drawing.things);
                    }
                    // Changes of the same millisecond may stand in the next row.
                    if kept.iter().filter(|one| (one.since..=one.at).contains(&row.at)).count() == 1 {
                        prop_assert_eq!(shown(&board, row.at), there);
                    }
                }
            }
            prop_assert!(board.steps.windows(2).all(|pair| pair[0].at <= pair[1].at));
        }
    }
}
