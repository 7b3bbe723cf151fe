//! What the class saw of a room over some time, for whoever watches a recording of it.

use super::model::State;
use super::model::view::difference;
use super::store;
use crate::ids::{LessonId, Millis};
use crate::lesson::Role;
use crate::store::Conn;
use diesel::QueryResult;
use serde_json::Value;

/// A room as every pupil of the class saw it, with nothing that was only theirs: no private words, and answers only
/// where the class saw them.
#[derive(Debug)]
pub struct History {
    /// As it stood at the beginning.
    pub view: Value,
    /// How it changed: when, and a merge patch (RFC 7396).
    pub changes: Vec<(Millis, Value)>,
}

impl History {
    /// Whether this document was before the class at some time.
    #[must_use]
    pub fn shows(&self, token: &str) -> bool {
        self.steps().any(|view| view.pointer("/document/token").and_then(Value::as_str) == Some(token))
    }

    /// Whether the board was.
    #[must_use]
    pub fn has_board(&self) -> bool {
        self.steps().any(|view| view.get("board").is_some_and(|board| !board.is_null()))
    }

    /// The beginning, and what was different after each change.
    fn steps(&self) -> impl Iterator<Item = &Value> {
        std::iter::once(&self.view).chain(self.changes.iter().map(|(_, patch)| patch))
    }
}

/// What the class of a lesson saw from `from` to `to`, milliseconds since the Unix epoch.
///
/// # Errors
/// The engine's.
pub fn history(conn: &mut Conn, lesson: LessonId, (from, to): (Millis, Millis)) -> QueryResult<History> {
    let mut state = State::default();
    let mut begun: Option<Value> = None;
    let mut changes = Vec::new();
    let seen = |state: &State| state.common(Role::Pupil);
    let mut view = seen(&state);
    for event in store::after(conn, lesson, 0)?.into_iter().take_while(|event| event.at < to) {
        if event.at >= from && begun.is_none() {
            begun = Some(view.clone());
        }
        state.apply(event.number, event.at, event.what.as_ref());
        let before = std::mem::replace(&mut view, seen(&state));
        if event.at >= from && before != view {
            changes.push((event.at, difference(&before, &view)));
        }
    }
    Ok(History { view: begun.unwrap_or(view), changes })
}
