//! One recording while it runs: its tracks, by their names in the room.

use super::super::model::{MOST_TRACKS, RecordingId, Shows, TrackName};
use super::track::TrackFile;
use super::{Begin, Fact, folder_of};
use crate::ids::{LessonId, PersonId};
use crate::lesson::Tapped;
use preau_sfu::codec::Codec;
use preau_webm::WriteError;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two wishes for a key frame of one track: the engine throttles as well, but a wish is a request.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// One recording.
pub(super) struct Reel {
    pub(super) id: RecordingId,
    pub(super) lesson: LessonId,
    /// When it has lasted as long as it may.
    pub(super) until: Instant,
    began: Instant,
    folder: PathBuf,
    /// Files so far.
    files: u32,
    /// None: of a kind that is not recorded, which was noted once.
    tracks: HashMap<String, Option<Track>>,
}

struct Track {
    file: TrackFile,
    asked: Option<Instant>,
}

impl Reel {
    /// Makes its folder.
    pub(super) fn begin(begin: &Begin, folder: &Path, longest: Duration) -> std::io::Result<Reel> {
        let folder = folder_of(folder, begin.recording);
        std::fs::create_dir_all(&folder)?;
        Ok(Reel {
            id: begin.recording,
            lesson: begin.lesson,
            until: begin.began + longest,
            began: begin.began,
            folder,
            files: 0,
            tracks: HashMap::new(),
        })
    }

    /// Takes a packet in.
    pub(super) fn packet(
        &mut self,
        packet: &Tapped,
        at: Instant,
        tell: impl FnOnce(Fact),
    ) -> Result<(), WriteError> {
        let sid = packet.track.sid.as_str();
        if !self.tracks.contains_key(sid) {
            let track = self.recordable(packet).map(|file| Track { file, asked: None });
            self.tracks.insert(sid.to_owned(), track);
        }
        let Some(Some(track)) = self.tracks.get_mut(sid) else { return Ok(()) };
        track.file.packet(packet, at.saturating_duration_since(self.began))?;
        let due = track.asked.is_none_or(|asked| at.saturating_duration_since(asked) >= ASK_AGAIN);
        if due && track.file.wants_key_frame() {
            track.asked = Some(at);
            tell(Fact::KeyFrame { lesson: self.lesson, track: sid.to_owned() });
        }
        Ok(())
    }

    /// A new file for a track, unless it is of a kind that is not recorded.
    fn recordable(&mut self, packet: &Tapped) -> Option<TrackFile> {
        let about = &packet.track;
        let shows = Shows::of(about.source);
        let fits = shows.filter(|shows| match packet.codec {
            Codec::Opus => !shows.is_picture(),
            Codec::Vp8 => shows.is_picture(),
            Codec::H264 | Codec::Vp9 | Codec::Av1 => false,
        });
        // Tools of the operator are nobody of the school.
        let person: Option<PersonId> = about.identity.as_str().parse().ok();
        let (Some(shows), Some(person), true) = (fits, person, self.files < MOST_TRACKS) else {
            tracing::warn!(recording = %self.id, track = %about.sid, codec = ?packet.codec, "a track is not recorded");
            return None;
        };
        self.files += 1;
        Some(TrackFile::new(self.folder.clone(), TrackName { number: self.files, shows, person, begins: 0 }))
    }

    /// Nothing comes of a track for now: what there is of it is a file, and what comes later is another one.
    pub(super) fn pause(&mut self, sid: &str, tell: impl FnOnce(Fact)) {
        let Some(Some(track)) = self.tracks.remove(sid) else { return };
        let name = track.file.name();
        match track.file.finish() {
            Ok(Some(track)) => tell(Fact::Track { recording: self.id, track }),
            Ok(None) => {}
            // It keeps its name, and is looked at again at the next start.
            Err(error) => {
                tracing::error!(recording = %self.id, %name, %error, "a file could not be finished")
            }
        }
    }

    /// Nothing comes any more.
    pub(super) fn pause_all(&mut self, mut tell: impl FnMut(Fact)) {
        for sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.pause(&sid, &mut tell);
        }
    }
}
