//! What is too old goes: from the database with an entry in the journal, then from the disk.

use super::model::RecordingId;
use super::tape::folder_of;
use super::{RecordingState, store};
use crate::access::SystemPermit;
use crate::store::StoreError;
use std::io::ErrorKind;
use std::time::Duration;

/// How often it is looked for.
const ROUND: Duration = Duration::from_secs(3_600);

impl RecordingState {
    /// Looks at once, then every hour, for ever.
    pub(super) async fn tidy_now_and_then(self) {
        loop {
            match self.tidy().await {
                Ok(0) => {}
                Ok(count) => tracing::info!(count, "recordings were deleted: their time is over"),
                Err(error) => tracing::error!(%error, "old recordings could not be looked for"),
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Deletes what is kept no longer; how many recordings that were.
    pub(super) async fn tidy(&self) -> Result<usize, StoreError> {
        let now = self.platform.now();
        let store = self.platform.store();
        let expired = store.read::<_, StoreError, _>(move |conn| Ok(store::expired(conn, now)?)).await?;
        for id in &expired {
            let id = *id;
            store
                .write::<_, StoreError, _>(&SystemPermit::Recorder, move |tx| {
                    store::remove(tx, id)?;
                    tx.note_as("recording.expire", "recording", id.get());
                    Ok(())
                })
                .await?;
            self.discard(id).await;
        }
        // Of lessons that were taken out of the timetable, or where the disk did not do as told.
        if self.studio.is_alone() {
            for id in self.strays().await {
                tracing::info!(recording = %id, "files of a recording that is no more are deleted");
                self.discard(id).await;
            }
        }
        Ok(expired.len())
    }

    /// Deletes a recording's files. A failure is logged; they are looked for again.
    pub(super) async fn discard(&self, id: RecordingId) {
        let mut places = vec![folder_of(&self.studio.0.bounds.folder, id)];
        // What could not be taken over of a LiveKit server's recorder.
        places.extend(self.studio.0.shelf.as_ref().map(|shelf| folder_of(&shelf.theirs, id)));
        for place in places {
            let gone = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(place)).await;
            match gone {
                Ok(Err(error)) if error.kind() != ErrorKind::NotFound => {
                    tracing::error!(recording = %id, %error, "the files of a deleted recording are still there");
                }
                _ => {}
            }
        }
    }
}
