//! What lies in the folder when the service starts: files that a crash left are finished.

use super::super::model::{RecordingId, Track, TrackName};
use super::track::PART;
use preau_webm::{Media, Mended, Size, WriteError, mend};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where the files of a recording lie.
pub(in crate::recording) fn folder_of(folder: &Path, recording: RecordingId) -> PathBuf {
    folder.join(recording.to_string())
}

/// The recordings of which something lies in the folder. What has another name is not ours and is left alone.
///
/// # Errors
/// The system's.
pub(in crate::recording) fn folders(folder: &Path) -> io::Result<Vec<RecordingId>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse::<RecordingId>().ok()));
    }
    Ok(found)
}

/// The files of one recording.
#[derive(Debug, Default)]
pub(in crate::recording) struct Rescued {
    /// All that can be played.
    pub(in crate::recording) tracks: Vec<Track>,
    /// How many of them had to be finished.
    pub(in crate::recording) mended: usize,
}

/// Finishes what was not finished in the folder of one recording, which nobody writes to, and says what there is.
///
/// # Errors
/// The system's.
pub(in crate::recording) fn rescue(folder: &Path) -> io::Result<Rescued> {
    let mut rescued = Rescued::default();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let text = entry.file_name();
        let Some(text) = text.to_str() else { continue };
        let partial = text.ends_with(PART);
        let Ok(name) = text.strip_suffix(PART).unwrap_or(text).parse::<TrackName>() else { continue };
        let file = File::options().read(true).write(true).open(entry.path())?;
        let media = match name.shows.is_picture() {
            true => Media::Vp8(Size { width: 0, height: 0 }),
            false => Media::Opus { channels: 2 },
        };
        let length = match mend(&file, media) {
            Ok(Mended::Whole(length) | Mended::Finished(length)) => length,
            Ok(Mended::Nothing) => {
                std::fs::remove_file(entry.path())?;
                continue;
            }
            Err(WriteError::Io(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(file = %entry.path().display(), %error, "this file is left as it is");
                continue;
            }
        };
        file.sync_all()?;
        let size = file.metadata()?.len();
        if partial {
            std::fs::rename(entry.path(), folder.join(name.to_string()))?;
            rescued.mended += 1;
        }
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        rescued.tracks.push(Track { name, length, size, lost: 0 });
    }
    rescued.tracks.sort_by_key(|track| track.name.number);
    Ok(rescued)
}
