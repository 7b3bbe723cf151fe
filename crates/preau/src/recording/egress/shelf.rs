//! Files on both sides: where the recorder writes, and what becomes of it.
//!
//! The recorder writes `{folder}/{recording}/0001-microphone-{person}.ogg` (or `.webm`), with the name that it is
//! asked for; taken over, it is a file of the recording like any other. What was taken over is deleted there; what
//! cannot be read stays, until the recording is deleted.

use super::super::model::{RecordingId, Shows, Track, TrackName};
use super::super::tape::{PART, folder_of};
use preau_webm::{TakeOverError, take_over};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Both sides.
#[derive(Debug, Clone)]
pub(in crate::recording) struct Shelf {
    /// Where the recorder writes, as this process reaches it.
    pub(in crate::recording) theirs: PathBuf,
    /// The same, as the recorder does.
    pub(in crate::recording) seen: String,
    /// Where recordings lie.
    pub(in crate::recording) ours: PathBuf,
}

/// The name that the recorder is asked to give a file, without an ending.
pub(super) fn stem(name: TrackName) -> String {
    format!("{:04}-{}-{}", name.number, name.shows.word(), name.person)
}

/// The track of such a name.
fn named(stem: &str) -> Option<TrackName> {
    let mut parts = stem.split('-');
    let number = parts.next()?.parse().ok()?;
    let shows = Shows::from_word(parts.next()?)?;
    let name = TrackName { number, shows, person: parts.next()?.parse().ok()?, begins: 0 };
    (self::stem(name) == stem).then_some(name)
}

impl Shelf {
    /// The path that the recorder is asked to write to; it adds an ending.
    pub(super) fn path(&self, recording: RecordingId, name: TrackName) -> String {
        format!("{}/{recording}/{}", self.seen.trim_end_matches('/'), stem(name))
    }

    /// Makes the folders of a recording. The recorder is somebody else on this machine, or on another: it may do in its
    /// folder what it may do in the one above.
    pub(super) fn make(&self, recording: RecordingId) -> io::Result<()> {
        let place = folder_of(&self.theirs, recording);
        std::fs::create_dir_all(&place)?;
        std::fs::set_permissions(&place, std::fs::metadata(&self.theirs)?.permissions())?;
        std::fs::create_dir_all(folder_of(&self.ours, recording))
    }

    /// Removes the recorder's folder of a recording, if nothing is left in it.
    pub(super) fn clear(&self, recording: RecordingId) {
        // What could not be taken over stays, and was complained about.
        let _ = std::fs::remove_dir(folder_of(&self.theirs, recording));
    }

    /// Takes over what the recorder wrote for `name`, nothing of it later than `most`. None when there is nothing.
    pub(super) fn take(
        &self,
        recording: RecordingId,
        name: TrackName,
        most: Duration,
    ) -> Result<Option<Track>, TakeOverError> {
        let Some(source) = written(&folder_of(&self.theirs, recording), name)? else { return Ok(None) };
        let place = folder_of(&self.ours, recording);
        let partial = place.join(format!("{name}{PART}"));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&partial)?;
        let taken = match take_over(&File::open(&source)?, &file, most) {
            Ok(Some(taken)) => taken,
            other => {
                std::fs::remove_file(&partial)?;
                if other.is_ok() {
                    remove(&source);
                }
                return other.map(|_| None);
            }
        };
        file.sync_all()?;
        std::fs::rename(&partial, place.join(name.to_string()))?;
        remove(&source);
        let length = u64::try_from(taken.length.as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Track { name, length, size: taken.size, lost: taken.cut.into() }))
    }
}

/// The file that the recorder gave this name, with whatever ending.
fn written(folder: &Path, name: TrackName) -> io::Result<Option<PathBuf>> {
    let wanted = stem(name);
    for (found, path) in all(folder)? {
        if stem(found) == wanted {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What the recorder has written for a recording.
fn all(folder: &Path) -> io::Result<Vec<(TrackName, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).and_then(named);
        found.extend(name.map(|name| (name, path)));
    }
    found.sort_by_key(|(name, _)| name.number);
    Ok(found)
}

fn remove(source: &Path) {
    if let Err(error) = std::fs::remove_file(source) {
        tracing::warn!(file = %source.display(), %error, "what was taken over of the recorder could not be deleted there");
    }
}

/// Takes over what is left of a recording that nobody looked after any more. `began` says when each file's first frame
/// came, by its name without ending, where that is known (milliseconds since the recording began); otherwise when the
/// file was written says it about. Returns how many were taken over.
///
/// # Errors
/// The system's.
pub(in crate::recording) fn salvage(
    shelf: &Shelf,
    recording: RecordingId,
    recorded: i64,
    began: impl Fn(&str) -> Option<u64>,
) -> io::Result<usize> {
    let mut count = 0;
    for (name, path) in all(&folder_of(&shelf.theirs, recording))? {
        // What was being taken over when the process ended is done again.
        for entry in std::fs::read_dir(folder_of(&shelf.ours, recording))? {
            let entry = entry?.path();
            let text = entry.file_name().and_then(|name| name.to_str()).unwrap_or("");
            let ours = text.strip_suffix(PART).unwrap_or(text).parse::<TrackName>();
            if ours.is_ok_and(|ours| ours.number == name.number) {
                std::fs::remove_file(entry)?;
            }
        }
        let (known, written) = (began(&stem(name)), std::fs::metadata(&path)?.modified()?);
        let name = TrackName { begins: known.unwrap_or(0), ..name };
        match shelf.take(recording, name, Duration::MAX) {
            Ok(Some(track)) => {
                count += 1;
                if known.is_none() {
                    let ended = written.duration_since(UNIX_EPOCH).map_or(0, |at| at.as_millis());
                    let ended = i64::try_from(ended).unwrap_or(i64::MAX).saturating_sub(recorded);
                    let begins = u64::try_from(ended).unwrap_or(0).saturating_sub(track.length);
                    let place = folder_of(&shelf.ours, recording);
                    let better = TrackName { begins, ..name }.to_string();
                    std::fs::rename(place.join(name.to_string()), place.join(better))?;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "this file of the recorder is left as it is");
            }
        }
    }
    shelf.clear(recording);
    Ok(count)
}
