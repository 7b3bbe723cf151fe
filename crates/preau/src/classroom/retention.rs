//! How long what a class wrote is kept: chat, private words, answers, notes, the board, the reasons of removals.
//!
//! It goes together, so many days after the lesson (`live.keep_days`), with an entry in the journal that says so and
//! nothing of what was written. What a recording still shows stays until the recording goes.

use super::{ClassroomState, board, store};
use crate::access::SystemPermit;
use crate::ids::{LessonId, Millis};
use crate::lesson;
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often it is looked for.
const ROUND: Duration = Duration::from_secs(3_600);
/// Lessons looked at in one round, of each kind of what is kept.
const AT_ONCE: i64 = 5_000;
/// A day, in milliseconds.
const DAY: Millis = 24 * 3_600_000;

impl ClassroomState {
    /// Starts what goes on beside the requests; call it once, where a runtime runs.
    pub fn keep_going(&self) {
        tokio::spawn(self.clone().tidy_now_and_then());
    }

    /// Looks at once, then every hour, for ever.
    async fn tidy_now_and_then(self) {
        loop {
            match self.tidy().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "what was written in old lessons is deleted"),
                Err(error) => tracing::error!(%error, "old lessons could not be looked for"),
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Deletes what is kept no longer; of how many lessons that was.
    pub(super) async fn tidy(&self) -> Result<usize, StoreError> {
        let before = self.platform.now() - Millis::from(self.platform.config().live.keep_days) * DAY;
        let onlooker = self.boards.onlooker().clone();
        let over: Vec<LessonId> = self
            .platform
            .store()
            .read::<_, StoreError, _>(move |conn| {
                let mut over: BTreeSet<LessonId> = BTreeSet::new();
                over.extend(store::with_events_before(conn, before, AT_ONCE)?);
                over.extend(board::with_board_before(conn, before, AT_ONCE)?);
                over.extend(lesson::with_words_before(conn, before, AT_ONCE)?);
                let mut forgotten = Vec::new();
                for lesson in over {
                    if !onlooker.needs(conn, lesson)? {
                        forgotten.push(lesson);
                    }
                }
                Ok(forgotten)
            })
            .await?;
        for id in &over {
            let id = *id;
            self.platform
                .store()
                .write::<_, StoreError, _>(&SystemPermit::Retention, move |tx| {
                    store::forget(tx, id)?;
                    board::forget(tx, id)?;
                    lesson::forget_words(tx, id)?;
                    tx.note_as("room.expire", "live_room", id.get());
                    Ok(())
                })
                .await?;
            self.boards.forget(id);
            self.classrooms.forget(id);
        }
        Ok(over.len())
    }
}
