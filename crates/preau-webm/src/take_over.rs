//! A file that LiveKit's recorder (Egress) has written, written anew as one of ours.
//!
//! It puts Opus into Ogg and VP8 into WebM, each as it came, and a muted microphone leaves a hole in the times. Written
//! anew, every recording's files are alike: sound without holes, a list of places to jump to, a length. Nothing is
//! decoded. A file that breaks off is taken over up to there. Invariants: times begin at zero and never go back; no frame
//! is larger than one from the network may be.

use crate::assemble::Frame;
use crate::tape::{Line, length, micros};
use crate::vp8;
use crate::writer::{Media, WriteError, Writer};
use ogg::PacketReader;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::time::Duration;
use webm_iterable::WebmIterator;
use webm_iterable::matroska_spec::MatroskaSpec as Element;

/// Bytes of the largest frame: as for what comes from the network.
const LARGEST: usize = 8 * 1024 * 1024;
/// Packets on one page of Ogg at most (RFC 3533 has 255 pieces); more means a page that never ends.
const PAGE: usize = 255;
/// What Ogg begins with.
const OGG: &[u8] = b"OggS";

/// What was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From the first frame to the last.
    pub length: Duration,
    /// Bytes written.
    pub size: u64,
    /// The file broke off: what follows is missing.
    pub cut: bool,
}

/// Why a file could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// It holds no Opus in Ogg and no VP8 in WebM.
    #[error("the recorder's file cannot be read: {0}")]
    Strange(String),
    /// Ours could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<std::io::Error> for TakeOverError {
    fn from(error: std::io::Error) -> TakeOverError {
        TakeOverError::Write(error.into())
    }
}

/// Writes what `source` holds into `target`, a new file, but nothing that is later than `most`. None when there is
/// nothing to be heard or seen in it; `target` is then empty.
///
/// # Errors
/// [`TakeOverError`].
pub fn take_over(source: &File, target: &File, most: Duration) -> Result<Option<Taken>, TakeOverError> {
    let mut first = [0; 4];
    (&*source).seek(SeekFrom::Start(0))?;
    let read = (&*source).read(&mut first)?;
    (&*source).seek(SeekFrom::Start(0))?;
    if read == 0 {
        return Ok(None);
    }
    let mut copy = Copy { target, most, open: None };
    let cut = if first == *OGG { sound(source, &mut copy)? } else { pictures(source, &mut copy)? };
    let Some((writer, last)) = copy.open else { return Ok(None) };
    let size = writer.finish()?.metadata()?.len();
    Ok(Some(Taken { length: last, size, cut }))
}

/// What is being written.
struct Copy<'a> {
    target: &'a File,
    most: Duration,
    /// With the time of the last frame.
    open: Option<(Writer<&'a File>, Duration)>,
}

impl Copy<'_> {
    /// `false` when this frame, and so what follows, is too late.
    fn write(&mut self, frame: &Frame, media: Media) -> Result<bool, WriteError> {
        if frame.at > self.most {
            return Ok(false);
        }
        let (writer, last) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert((Writer::begin(self.target, media)?, Duration::ZERO)),
        };
        *last = frame.at;
        writer.write(frame)?;
        Ok(true)
    }
}

/// Opus from Ogg (RFC 7845). Whether the file broke off.
fn sound(source: &File, copy: &mut Copy<'_>) -> Result<bool, TakeOverError> {
    let mut reader = PacketReader::new(BufReader::new(source));
    let mut next = || reader.read_packet();
    let head = match next() {
        Ok(Some(head)) if head.data.starts_with(b"OpusHead") && head.data.len() >= 19 => head.data,
        Ok(_) => return Err(TakeOverError::Strange("an Ogg file without Opus".into())),
        Err(error) => return Err(TakeOverError::Strange(error.to_string())),
    };
    let media = Media::Opus { channels: head[9].clamp(1, 2) };
    // What stands beside the sound (OpusTags).
    if !matches!(next(), Ok(Some(_))) {
        return Ok(true);
    }
    let (mut line, mut begin, mut page) = (Line::default(), None, Vec::new());
    loop {
        let packet = match next() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(!page.is_empty()),
            Err(_) => return Ok(true),
        };
        let (ends, granule) = (packet.last_in_page(), packet.absgp_page());
        if !packet.data.is_empty() && packet.data.len() <= LARGEST {
            page.push(packet.data);
        }
        if !ends && page.len() < PAGE {
            continue;
        }
        // A page says when it ends, in samples of 48 kHz.
        let end = i64::try_from(granule / 48 * 1_000 + granule % 48 * 1_000 / 48).unwrap_or(i64::MAX / 4);
        let mut at = end - page.iter().map(|packet| length(packet)).sum::<i64>();
        let begin = *begin.get_or_insert(at);
        for bytes in page.drain(..) {
            let sounds = length(&bytes);
            let micro = u64::try_from(at - begin).unwrap_or(0);
            at += sounds;
            let frame = Frame { at: Duration::from_micros(micro), key: true, bytes };
            let (arrived, mut all) = (micros(frame.at), Vec::new());
            line.place(frame, arrived, true, &mut |frame| all.push(frame));
            for frame in all {
                if !copy.write(&frame, media)? {
                    return Ok(false);
                }
            }
        }
    }
}

/// VP8 from WebM. Whether the file broke off.
fn pictures(source: &File, copy: &mut Copy<'_>) -> Result<bool, TakeOverError> {
    let mut elements = WebmIterator::new(BufReader::new(source), &[]);
    elements.set_max_allowable_tag_size(Some(LARGEST));
    // Nanoseconds of a tick; the track that is being described, and the one that is ours; where the cluster begins.
    let (mut scale, mut described, mut ours, mut cluster) = (1_000_000, 0, None, 0);
    let (mut begin, mut last, mut media) = (None, Duration::ZERO, None);
    for element in elements {
        let block = match element {
            Ok(Element::TimestampScale(ticks)) => {
                scale = ticks.max(1);
                continue;
            }
            Ok(Element::TrackNumber(number)) => {
                described = number;
                continue;
            }
            Ok(Element::CodecID(codec)) => {
                // GStreamer ends texts with a zero, which the format allows.
                if codec.trim_end_matches('\0') == "V_VP8" {
                    ours = Some(described);
                }
                continue;
            }
            Ok(Element::Timestamp(time)) => {
                cluster = time;
                continue;
            }
            Ok(Element::SimpleBlock(block) | Element::Block(block)) => block,
            Ok(_) => continue,
            Err(_) if ours.is_some() => return Ok(true),
            Err(error) => return Err(TakeOverError::Strange(error.to_string())),
        };
        let Some((since, picture)) = ours.and_then(|ours| of_block(ours, &block)) else { continue };
        let size = vp8::key_frame(picture);
        // Nothing can be shown before a key frame.
        let Some(now) = media.or(size.map(Media::Vp8)) else { continue };
        media = Some(now);
        let time = cluster.saturating_add_signed(since.into()).saturating_mul(scale);
        let time = Duration::from_nanos(time);
        let at = time.saturating_sub(*begin.get_or_insert(time)).max(last);
        last = at;
        let frame = Frame { at, key: size.is_some(), bytes: picture.to_vec() };
        if !copy.write(&frame, now)? {
            return Ok(false);
        }
    }
    match ours {
        Some(_) => Ok(false),
        None => Err(TakeOverError::Strange("neither Opus in Ogg nor VP8 in WebM".into())),
    }
}

/// The time since the cluster's and the frame of a block; none of another track's, and of several frames in one.
fn of_block(track: u64, block: &[u8]) -> Option<(i16, &[u8])> {
    let length = block.first()?.leading_zeros() as usize + 1;
    let (name, rest) = block.split_at_checked(length)?;
    let marked = name.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let (&[high, low, flags], frame) = rest.split_first_chunk()?;
    let alone = flags & 0x06 == 0 && length <= 8 && !frame.is_empty();
    (alone && marked ^ (1 << (7 * length)) == track).then_some((i16::from_be_bytes([high, low]), frame))
}
