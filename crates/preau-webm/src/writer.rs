//! The file: written as frames come, good up to its last cluster whenever it ends, and quick to jump about in once
//! it is finished.
//!
//! Frames are gathered into clusters of two seconds, each written at once. Room is left at the beginning for what
//! is only known at the end: how long the track is, where the list of places to jump to lies, and how large
//! everything is. A file whose writer was cut off lacks only these (the segment then has no size, which players take for a live one).
//! Formats: RFC 9559 (Matroska), the WebM guidelines, RFC 7845 section 5.1 (what stands before Opus).

use crate::assemble::Frame;
use crate::vp8::Size;
use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;
use webm_iterable::matroska_spec::{Master, MatroskaSpec as Element, SimpleBlock};
use webm_iterable::{WebmWriter, WriteOptions};

/// Frames of so long are written together: what a machine that goes down may lose.
const CLUSTER: Duration = Duration::from_secs(2);
/// Frames of so many bytes are written together at most.
const CLUSTER_BYTES: usize = 4 * 1024 * 1024;
/// Between two places to jump to lies at least this, so that the list of a whole day stays below a megabyte.
const CUES_APART: u64 = 2_000;
/// Places to jump to at most.
const CUES: usize = 50_000;
/// The only track of a file.
const TRACK: u64 = 1;
/// What an Opus decoder throws away at the beginning, in samples of 48 kHz: what encoders of browsers put there.
const PRE_SKIP: u16 = 312;
/// What an Opus decoder must have heard before it sounds right.
const PRE_ROLL: Duration = Duration::from_millis(80);
/// Bytes left for where everything lies.
const SEEK_ROOM: usize = 80;

/// Bytes that the length takes: its name, its size, and a number.
const DURATION_ROOM: u64 = 11;

mod id {
    pub(super) const VOID: u64 = 0xec;
    pub(super) const SEEK_HEAD: u64 = 0x114d_9b74;
    pub(super) const SEEK: u64 = 0x4dbb;
    pub(super) const SEEK_ID: u64 = 0x53ab;
    pub(super) const SEEK_POSITION: u64 = 0x53ac;
    pub(super) const INFO: u64 = 0x1549_a966;
    pub(super) const TRACKS: u64 = 0x1654_ae6b;
    pub(super) const CUES: u64 = 0x1c53_bb6b;
    pub(super) const DURATION: u64 = 0x4489;
}

/// What a track is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Speech or sound, as RFC 7587 sends it.
    Opus {
        /// 1, or 2 for both ears.
        channels: u8,
    },
    /// A picture, as RFC 7741 sends it; of this size at first.
    Vp8(Size),
}

impl Media {
    /// Whether it is to be seen.
    #[must_use]
    pub fn is_video(self) -> bool {
        matches!(self, Media::Vp8(_))
    }

    /// Ticks of its RTP time a second.
    #[must_use]
    pub fn clock(self) -> u32 {
        if self.is_video() { 90_000 } else { 48_000 }
    }
}

/// Why a file could not be written on.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk's, most likely: full.
    #[error("the recording could not be written: {0}")]
    Io(#[from] io::Error),
    /// An element that cannot be written as such: a mistake of ours.
    #[error("the recording's format: {0}")]
    Element(String),
}

/// Frames that have not been written yet.
#[derive(Default)]
struct Cluster {
    /// Milliseconds since the track began.
    begin: u64,
    /// Whether one can begin to play with its first frame.
    key: bool,
    bytes: usize,
    blocks: Vec<Element>,
}

/// Writes one track into one file.
pub struct Writer<F: Write + Seek> {
    file: F,
    elements: WebmWriter<Vec<u8>>,
    media: Media,
    /// Bytes written.
    written: u64,
    /// Where the size of the segment stands, and where its content begins.
    segment: (u64, u64),
    seek_at: u64,
    duration_at: u64,
    cluster: Option<Cluster>,
    /// Places to jump to: milliseconds, and bytes from the beginning of the segment's content.
    cues: Vec<(u64, u64)>,
    /// The last frame's time, in milliseconds.
    last: u64,
}

impl<F: Write + Seek> Writer<F> {
    /// Begins a file at the place where `file` stands, which must be its beginning.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn begin(file: F, media: Media) -> Result<Writer<F>, WriteError> {
        let mut writer = Writer {
            file,
            elements: WebmWriter::new(Vec::new()),
            media,
            written: 0,
            segment: (0, 0),
            seek_at: 0,
            duration_at: 0,
            cluster: None,
            cues: Vec::new(),
            last: 0,
        };
        writer.put(&Element::Ebml(Master::Full(vec![
            Element::EbmlVersion(1),
            Element::EbmlReadVersion(1),
            Element::EbmlMaxIdLength(4),
            Element::EbmlMaxSizeLength(8),
            Element::DocType("webm".into()),
            Element::DocTypeVersion(4),
            Element::DocTypeReadVersion(2),
        ])))?;
        writer
            .elements
            .write_advanced(&Element::Segment(Master::Start), WriteOptions::is_unknown_sized_element())
            .map_err(element)?;
        // The beginning of the segment, whose size takes eight bytes, is written with what follows it.
        writer.raw(id::VOID, &[0; SEEK_ROOM - 2])?;
        writer.seek_at = writer.written - SEEK_ROOM as u64;
        writer.segment = (writer.seek_at - 8, writer.seek_at);
        writer.describe()?;
        Ok(writer)
    }

    /// A writer that goes on with a file: where the segment's content begins, where the room for its length lies and
    /// where it ends, the places to jump to and the last frame's time, in milliseconds.
    pub(crate) fn resume(
        file: F,
        media: Media,
        (content, duration_at, end): (u64, u64, u64),
        mut cues: Vec<(u64, u64)>,
        last: u64,
    ) -> Result<Writer<F>, WriteError> {
        let mut before = None;
        cues.retain(|(at, _)| {
            let apart = before.is_none_or(|before| at - before >= CUES_APART);
            before = if apart { Some(*at) } else { before };
            apart
        });
        cues.truncate(CUES);
        // What stands in the file already is not written again, only remembered to be there.
        let mut elements = WebmWriter::new(Vec::new());
        elements
            .write_advanced(&Element::Segment(Master::Start), WriteOptions::is_unknown_sized_element())
            .map_err(element)?;
        elements.write_raw(id::VOID, &[]).map_err(element)?;
        elements.get_mut().clear();
        Ok(Writer {
            file,
            elements,
            media,
            written: end,
            segment: (content - 8, content),
            seek_at: content,
            duration_at,
            cluster: None,
            cues,
            last,
        })
    }

    fn describe(&mut self) -> Result<(), WriteError> {
        self.put(&Element::Info(Master::Full(vec![
            // A millisecond.
            Element::TimestampScale(1_000_000),
            Element::MuxingApp("Preau".into()),
            Element::WritingApp("Preau".into()),
        ])))?;
        // As large as the length will be, which belongs into the information above: that is written anew.
        self.duration_at = self.written;
        self.raw(id::VOID, &[0; DURATION_ROOM as usize - 2])?;
        let mut entry = vec![
            Element::TrackNumber(TRACK),
            Element::TrackUID(TRACK),
            Element::FlagLacing(0),
            Element::TrackType(if self.media.is_video() { 1 } else { 2 }),
        ];
        match self.media {
            Media::Opus { channels } => entry.extend([
                Element::CodecID("A_OPUS".into()),
                Element::CodecPrivate(opus_head(channels)),
                Element::CodecDelay(u64::from(PRE_SKIP) * 1_000_000_000 / 48_000),
                Element::SeekPreRoll(PRE_ROLL.as_millis() as u64 * 1_000_000),
                Element::Audio(Master::Full(vec![
                    Element::SamplingFrequency(48_000.0),
                    Element::Channels(channels.into()),
                ])),
            ]),
            Media::Vp8(size) => entry.extend([
                Element::CodecID("V_VP8".into()),
                Element::Video(Master::Full(vec![
                    Element::PixelWidth(size.width.into()),
                    Element::PixelHeight(size.height.into()),
                ])),
            ]),
        }
        self.put(&Element::Tracks(Master::Full(vec![Element::TrackEntry(Master::Full(entry))])))
    }

    /// Adds a frame. One that is earlier than the last one is put beside it: times never go back.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        let at = u64::try_from(frame.at.as_millis()).unwrap_or(u64::MAX).max(self.last);
        self.last = at;
        let full = self.cluster.as_ref().is_some_and(|cluster| {
            let long = at - cluster.begin >= CLUSTER.as_millis() as u64;
            long || cluster.bytes + frame.bytes.len() > CLUSTER_BYTES || (frame.key && self.media.is_video())
        });
        if full {
            self.close_cluster()?;
        }
        let cluster =
            self.cluster.get_or_insert_with(|| Cluster { begin: at, key: frame.key, ..Cluster::default() });
        // Within a cluster's two seconds it always fits.
        let since = i16::try_from(at - cluster.begin).unwrap_or(i16::MAX);
        let block = SimpleBlock::new_uncheked(&frame.bytes, TRACK, since, false, None, false, frame.key);
        cluster.bytes += frame.bytes.len();
        cluster.blocks.push(block.into());
        Ok(())
    }

    fn close_cluster(&mut self) -> Result<(), WriteError> {
        let Some(cluster) = self.cluster.take() else { return Ok(()) };
        let apart = self.cues.last().is_none_or(|last| cluster.begin - last.0 >= CUES_APART);
        if cluster.key && apart && self.cues.len() < CUES {
            self.cues.push((cluster.begin, self.written - self.segment.1));
        }
        let mut content = vec![Element::Timestamp(cluster.begin)];
        content.extend(cluster.blocks);
        self.put(&Element::Cluster(Master::Full(content)))?;
        Ok(self.file.flush()?)
    }

    /// Bytes written so far, without what is still gathered.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what is left and what is only known now; gives the file back.
    ///
    /// # Errors
    /// [`WriteError`]; the file is then as good as one that was cut off.
    pub fn finish(mut self) -> Result<F, WriteError> {
        self.close_cluster()?;
        let cues_at = self.written - self.segment.1;
        let points = self.cues.iter().map(|(at, position)| {
            Element::CuePoint(Master::Full(vec![
                Element::CueTime(*at),
                Element::CueTrackPositions(Master::Full(vec![
                    Element::CueTrack(TRACK),
                    Element::CueClusterPosition(*position),
                ])),
            ]))
        });
        let points: Vec<Element> = points.collect();
        let tracks_at = self.duration_at + DURATION_ROOM - self.segment.1;
        let mut places = vec![(id::INFO, SEEK_ROOM as u64), (id::TRACKS, tracks_at)];
        if !points.is_empty() {
            self.put(&Element::Cues(Master::Full(points)))?;
            places.push((id::CUES, cues_at));
        }
        self.patch_places(&places)?;
        self.patch_duration()?;
        // Eight bytes, of which the first says that it is eight.
        let size = (self.written - self.segment.1) | (1 << 56);
        self.patch(self.segment.0, &size.to_be_bytes())?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.flush()?;
        Ok(self.file)
    }

    fn patch_places(&mut self, places: &[(u64, u64)]) -> Result<(), WriteError> {
        let mut list = Vec::new();
        for (what, at) in places {
            // The names of these take four bytes.
            let place =
                [raw(id::SEEK_ID, &what.to_be_bytes()[4..])?, raw(id::SEEK_POSITION, &at.to_be_bytes())?];
            list.extend(raw(id::SEEK, &place.concat())?);
        }
        let mut head = raw(id::SEEK_HEAD, &list)?;
        head.extend(raw(id::VOID, &vec![0; SEEK_ROOM - 2 - head.len()])?);
        self.patch(self.seek_at, &head)
    }

    /// The length goes behind the information, whose size then includes it.
    fn patch_duration(&mut self) -> Result<(), WriteError> {
        let frame = if self.media.is_video() { 33 } else { 20 };
        let length = (self.last + frame) as f64;
        let duration = raw(id::DURATION, &length.to_be_bytes())?;
        self.patch(self.duration_at, &duration)?;
        let size_at = self.seek_at + SEEK_ROOM as u64 + 4;
        let content = self.duration_at + duration.len() as u64 - size_at - 1;
        // One byte holds sizes below 127.
        let size = u8::try_from(content).ok().filter(|size| *size < 0x7f);
        let size = size.ok_or_else(|| WriteError::Element("the information is too long".into()))?;
        self.patch(size_at, &[0x80 | size])
    }

    fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.seek(SeekFrom::Start(at))?;
        Ok(self.file.write_all(bytes)?)
    }

    fn put(&mut self, what: &Element) -> Result<(), WriteError> {
        self.elements.write(what).map_err(element)?;
        self.flush()
    }

    fn raw(&mut self, id: u64, content: &[u8]) -> Result<(), WriteError> {
        self.elements.write_raw(id, content).map_err(element)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let bytes = self.elements.get_mut();
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)?;
        bytes.clear();
        Ok(())
    }
}

fn element(error: impl std::fmt::Display) -> WriteError {
    WriteError::Element(error.to_string())
}

/// One element with its content, alone.
fn raw(id: u64, content: &[u8]) -> Result<Vec<u8>, WriteError> {
    let mut writer = WebmWriter::new(Vec::new());
    writer.write_raw(id, content).map_err(element)?;
    writer.into_inner().map_err(element)
}

/// What stands before an Opus stream (RFC 7845, section 5.1).
fn opus_head(channels: u8) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([1, channels]);
    head.extend(PRE_SKIP.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    // No gain, and channels as they are.
    head.extend([0, 0, 0]);
    head
}
