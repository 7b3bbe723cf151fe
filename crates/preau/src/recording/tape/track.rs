//! One track's file: packets in, WebM out.

use super::super::model::{Track, TrackName};
use crate::lesson::Tapped;
use preau_webm::{Arrival, Frame, Media, Tape, WriteError, Writer, key_frame};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

/// What a file is called while it is written, beyond its name.
pub(in crate::recording) const PART: &str = ".part";

/// A track, and its file as soon as there is something to write.
pub(super) struct TrackFile {
    folder: PathBuf,
    name: TrackName,
    tape: Tape,
    open: Option<Open>,
}

struct Open {
    writer: Writer<File>,
    path: PathBuf,
    /// Of the first frame and of the last, since the recording began.
    begins: Duration,
    last: Duration,
}

impl TrackFile {
    /// A track of which nothing has come yet.
    pub(super) fn new(folder: PathBuf, name: TrackName) -> TrackFile {
        let tape = if name.shows.is_picture() { Tape::pictures() } else { Tape::sound() };
        TrackFile { folder, name, tape, open: None }
    }

    pub(super) fn name(&self) -> TrackName {
        self.name
    }

    /// Whether nothing can be written before a key frame comes.
    pub(super) fn wants_key_frame(&self) -> bool {
        self.name.shows.is_picture() && self.tape.wants_key_frame()
    }

    /// Takes a packet in that came `at`, since the recording began.
    pub(super) fn packet(&mut self, packet: &Tapped, at: Duration) -> Result<(), WriteError> {
        let arrival = Arrival {
            sequence: packet.sequence,
            time: packet.timestamp,
            marker: packet.marker,
            payload: &packet.payload,
            at,
        };
        let mut frames = Vec::new();
        self.tape.take(arrival, |frame| frames.push(frame));
        frames.into_iter().try_for_each(|frame| self.write(frame))
    }

    fn write(&mut self, frame: Frame) -> Result<(), WriteError> {
        if self.open.is_none() {
            let media = match (self.name.shows.is_picture(), key_frame(&frame.bytes)) {
                (true, Some(size)) => Media::Vp8(size),
                // A picture's first frame is a key frame; anything else cannot be shown.
                (true, None) => return Ok(()),
                (false, _) => Media::Opus { channels: 2 },
            };
            self.name.begins = u64::try_from(frame.at.as_millis()).unwrap_or(u64::MAX);
            let path = self.folder.join(format!("{}{PART}", self.name));
            let file = File::options().write(true).create_new(true).open(&path)?;
            let writer = Writer::begin(file, media)?;
            self.open = Some(Open { writer, path, begins: frame.at, last: frame.at });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.last = frame.at;
        open.writer.write(&Frame { at: frame.at.saturating_sub(open.begins), ..frame })
    }

    /// Finishes the file and gives it its name; none when nothing was written.
    pub(super) fn finish(mut self) -> Result<Option<Track>, WriteError> {
        let mut frames = Vec::new();
        self.tape.end(|frame| frames.push(frame));
        for frame in frames {
            self.write(frame)?;
        }
        let lost = self.tape.lost();
        let Some(open) = self.open else { return Ok(None) };
        let file = open.writer.finish()?;
        file.sync_all()?;
        let size = file.metadata()?.len();
        std::fs::rename(&open.path, self.folder.join(self.name.to_string()))?;
        let length = u64::try_from(open.last.saturating_sub(open.begins).as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Track { name: self.name, length, size, lost }))
    }
}
