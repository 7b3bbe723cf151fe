//! The recorder: what the media thread hands over is written down by a thread of its own.
//!
//! `queue` what the two have between them · `reel` one recording's files · `track` one of them · `rescue` what a
//! crash left. Invariants: the media thread never waits, a packet for which there is no room is left out and counted;
//! a file is called `.part` until it is finished; what happens is told as [`Fact`]s, and nothing here knows the
//! database.

mod queue;
mod reel;
mod rescue;
mod track;

pub(super) use queue::{Begin, Tapes};
pub(super) use rescue::{folder_of, folders, rescue};
pub(super) use track::PART;

use super::model::{Ending, RecordingId, Track};
use crate::ids::LessonId;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;

/// Within which bounds it records.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// Where everything lies.
    pub(super) folder: PathBuf,
    /// How long one recording may last.
    pub(super) longest: Duration,
    /// Bytes that stay free on the disk.
    pub(super) least_free: u64,
}

impl Bounds {
    /// Whether there is room for more on the disk. Where that cannot be found out, there is none.
    pub(super) fn has_room(&self) -> bool {
        match free_space(&self.folder) {
            Ok(free) => free >= self.least_free,
            Err(error) => {
                tracing::error!(folder = %self.folder.display(), %error, "the folder of recordings cannot be used");
                false
            }
        }
    }
}

/// Bytes that may still be written to the disk of this folder.
fn free_space(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What came of recording.
#[derive(Debug)]
pub(super) enum Fact {
    /// A file is finished.
    Track { recording: RecordingId, track: Track },
    /// All files of a recording are finished.
    Ended { recording: RecordingId, lesson: LessonId, ending: Ending },
    /// A recording has ended, and not all of its files are finished: they are looked for at the next start.
    Left { recording: RecordingId, lesson: LessonId, ending: Ending },
    /// Something of a recording that runs is missing, and is tried again.
    Trouble { recording: RecordingId, lesson: LessonId },
    /// The room of a recording is over; so far the recording is not.
    Over { recording: RecordingId, lesson: LessonId },
    /// Everything that was to end has been told of.
    Done(oneshot::Sender<()>),
    /// A picture can only go on with a key frame.
    KeyFrame {
        lesson: LessonId,
        /// The track's name in the room.
        track: String,
    },
}
