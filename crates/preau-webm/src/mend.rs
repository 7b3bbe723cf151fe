//! A file whose writer was cut off, finished afterwards: what is whole stays, what is not is cut off, and the file
//! gets its length and its places to jump to.
//!
//! It reads files of [`Writer`] only, whose parts lie where that one puts them. Anything else is refused and left
//! as it is.

use crate::writer::{Media, WriteError, Writer};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It was finished already, and is so long.
    Whole(Duration),
    /// It is finished now, and so long.
    Finished(Duration),
    /// Nothing in it can be played.
    Nothing,
}

/// Longest element that is looked into, in bytes: more than a cluster ever has.
const LONGEST: u64 = 64 * 1024 * 1024;

const EBML: u64 = 0x1a45_dfa3;
const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_a966;
const TRACKS: u64 = 0x1654_ae6b;
const CLUSTER: u64 = 0x1f43_b675;
const TIMESTAMP: u64 = 0xe7;
const SIMPLE_BLOCK: u64 = 0xa3;
const VOID: u64 = 0xec;
const SEEK_HEAD: u64 = 0x114d_9b74;

/// The name, the length of head, and the size of an element; none for a size that is not known yet.
struct Head {
    id: u64,
    head: u64,
    size: Option<u64>,
}

/// Reads an element's head from the beginning of `bytes`.
fn head(bytes: &[u8]) -> Option<Head> {
    let id_length = bytes.first()?.leading_zeros() as usize + 1;
    let id = number(bytes.get(..id_length.min(4))?);
    let size_bytes = bytes.get(id_length..)?;
    let size_length = size_bytes.first()?.leading_zeros() as usize + 1;
    let raw = number(size_bytes.get(..size_length.min(8))?);
    let mask = (1_u64 << (7 * size_length.min(8))) - 1;
    let size = (raw & mask != mask).then_some(raw & mask);
    Some(Head { id, head: (id_length + size_length) as u64, size })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Finishes a file of [`Writer`] that was cut off; the file is written to and may become shorter.
///
/// # Errors
/// [`WriteError::Element`] when it is no file of ours, [`WriteError::Io`] the disk's.
pub fn mend(mut file: &File, media: Media) -> Result<Mended, WriteError> {
    let stranger = || WriteError::Element("this is no recording of ours".into());
    let length = file.seek(SeekFrom::End(0))?;
    let mut at = 0;
    let next = |mut file: &File, at: u64| -> Result<Option<Head>, WriteError> {
        let mut bytes = [0; 12];
        file.seek(SeekFrom::Start(at))?;
        let mut read = 0;
        while read < bytes.len() {
            match file.read(&mut bytes[read..])? {
                0 => break,
                some => read += some,
            }
        }
        Ok(head(&bytes[..read]))
    };
    if length == 0 {
        return Ok(Mended::Nothing);
    }
    let ebml = next(file, at)?.filter(|head| head.id == EBML).ok_or_else(stranger)?;
    at += ebml.head + ebml.size.ok_or_else(stranger)?;
    let Some(segment) = next(file, at)? else { return Ok(Mended::Nothing) };
    if segment.id != SEGMENT || segment.head != 12 {
        return Err(stranger());
    }
    let content = at + segment.head;
    at = content;
    let (mut duration_at, mut begun) = (None, false);
    let (mut cues, mut last, mut good) = (Vec::new(), 0, at);
    let mut info_seen = false;
    while let Some(head) = next(file, at)? {
        let Some(size) = head.size.filter(|size| *size <= LONGEST && at + head.head + size <= length) else {
            break;
        };
        match head.id {
            INFO => info_seen = true,
            // The room for the length follows the information.
            VOID if info_seen && duration_at.is_none() => duration_at = Some(at),
            TRACKS => begun = true,
            CLUSTER if begun => {
                let mut body = vec![0; usize::try_from(size).unwrap_or(0)];
                file.seek(SeekFrom::Start(at + head.head))?;
                file.read_exact(&mut body)?;
                let Some(cluster) = cluster(&body) else { break };
                if cluster.key {
                    cues.push((cluster.begin, at - content));
                }
                last = cluster.last;
                good = at + head.head + size;
            }
            VOID | SEEK_HEAD => {}
            _ => break,
        }
        at += head.head + size;
    }
    if segment.size.is_some() {
        return Ok(Mended::Whole(Duration::from_millis(last)));
    }
    let Some(duration_at) = duration_at.filter(|_| good > content) else { return Ok(Mended::Nothing) };
    file.set_len(good)?;
    file.seek(SeekFrom::End(0))?;
    Writer::resume(file, media, (content, duration_at, good), cues, last)?.finish()?;
    Ok(Mended::Finished(Duration::from_millis(last)))
}

struct Cluster {
    begin: u64,
    last: u64,
    key: bool,
}

/// When a cluster begins and its last block is, in milliseconds; none when it is not one of ours.
fn cluster(mut body: &[u8]) -> Option<Cluster> {
    let (mut begin, mut last, mut key) = (None, 0, None);
    while !body.is_empty() {
        let head = head(body)?;
        let (from, size) = (usize::try_from(head.head).ok()?, usize::try_from(head.size?).ok()?);
        let content = body.get(from..from.checked_add(size)?)?;
        match head.id {
            TIMESTAMP => begin = Some(number(content)),
            SIMPLE_BLOCK => {
                // The number of the track takes one byte, the time two, the flags one.
                let &[_, high, low, flags] = content.first_chunk()?;
                let since = i16::from_be_bytes([high, low]);
                last = begin?.saturating_add_signed(since.into());
                key.get_or_insert(flags & 0x80 != 0);
            }
            _ => return None,
        }
        body = body.get(from + size..)?;
    }
    Some(Cluster { begin: begin?, last, key: key? })
}
