//! Files of a recorder that writes Ogg and WebM, written anew and read back by a demuxer that shares no code with the
//! writer.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

use matroska_demuxer::{Frame as Block, MatroskaFile};
use ogg::{PacketWriteEndInfo, PacketWriter};
use preau_webm::{Frame, Media, Size, TakeOverError, Taken, Writer, take_over};
use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

/// 20 ms of speech, mono, wide band.
const SPEECH: [u8; 4] = [0x48, 1, 2, 3];
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// Speech, one page each fifth of a second, each beginning at these milliseconds.
fn ogg(pages: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = PacketWriter::new(&mut bytes);
    let mut head = b"OpusHead".to_vec();
    head.extend([1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]);
    writer.write_packet(head, 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    writer.write_packet(b"OpusTags".to_vec(), 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    for (number, at) in pages.iter().enumerate() {
        for packet in 0..10 {
            let end = match packet {
                9 if number + 1 == pages.len() => PacketWriteEndInfo::EndStream,
                9 => PacketWriteEndInfo::EndPage,
                _ => PacketWriteEndInfo::NormalPacket,
            };
            writer.write_packet(SPEECH.to_vec(), 7, end, (at + 200) * 48).unwrap();
        }
    }
    bytes
}

fn webm(seconds: u64) -> Vec<u8> {
    let mut file = tempfile::tempfile().unwrap();
    let size = Size { width: 320, height: 180 };
    let mut writer = Writer::begin(file.try_clone().unwrap(), Media::Vp8(size)).unwrap();
    for number in 0..seconds * 25 {
        let key = number % 50 == 0;
        let head = [u8::from(!key), 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0, number as u8];
        let at = Duration::from_millis(700 + number * 40);
        writer.write(&Frame { at, key, bytes: head.to_vec() }).unwrap();
    }
    writer.finish().unwrap();
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut file).unwrap();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    bytes
}

type Blocks = Vec<(u64, bool, Vec<u8>)>;

fn taken(bytes: &[u8], most: Duration) -> (Result<Option<Taken>, TakeOverError>, Blocks) {
    let (mut source, target) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    source.write_all(bytes).unwrap();
    let came = take_over(&source, &target, most);
    let blocks = if matches!(came, Ok(Some(_))) { blocks(target) } else { Vec::new() };
    (came, blocks)
}

fn blocks(mut file: File) -> Blocks {
    std::io::Seek::rewind(&mut file).unwrap();
    let mut file = MatroskaFile::open(file).unwrap();
    let (mut block, mut all) = (Block::default(), Vec::new());
    while file.next_frame(&mut block).unwrap() {
        all.push((block.timestamp, block.is_keyframe.unwrap_or(false), std::mem::take(&mut block.data)));
    }
    all
}

#[test]
fn sound_begins_at_zero_and_a_pause_in_it_is_silence() {
    // A page's time may begin anywhere; a microphone that is closed for two seconds leaves out ten pages.
    let pages: Vec<u64> = (0..20).chain(30..40).map(|page| 9_000 + page * 200).collect();
    let (came, blocks) = taken(&ogg(&pages), Duration::MAX);
    let came = came.unwrap().unwrap();
    assert_eq!((came.length.as_millis(), came.cut), (7_980, false));
    assert_eq!(blocks.len(), 8_000 / 20, "no hole");
    for (number, (at, _, bytes)) in blocks.iter().enumerate() {
        assert_eq!(*at, number as u64 * 20);
        let speaks = !(200..300).contains(&number);
        assert_eq!(bytes.as_slice(), if speaks { &SPEECH[..] } else { &SILENCE[..] }, "{number}");
    }
}

#[test]
fn nothing_later_than_the_end_is_taken_over() {
    let pages: Vec<u64> = (0..20).map(|page| page * 200).collect();
    let (came, blocks) = taken(&ogg(&pages), Duration::from_millis(1_500));
    assert_eq!(came.unwrap().unwrap().length.as_millis(), 1_500);
    assert_eq!(blocks.last().unwrap().0, 1_500);
    let (came, blocks) = taken(&webm(4), Duration::from_millis(1_500));
    assert_eq!((came.unwrap().unwrap().length.as_millis(), blocks.len()), (1_480, 38));
}

#[test]
fn pictures_keep_their_distances_and_begin_at_zero() {
    let (came, blocks) = taken(&webm(4), Duration::MAX);
    let came = came.unwrap().unwrap();
    assert_eq!((came.length.as_millis(), came.cut), (3_960, false));
    assert_eq!(blocks.len(), 100);
    for (number, (at, key, bytes)) in blocks.iter().enumerate() {
        assert_eq!((*at, *key, bytes[10]), (number as u64 * 40, number % 50 == 0, number as u8));
    }
}

#[test]
fn a_file_that_breaks_off_is_taken_over_up_to_there() {
    let pages: Vec<u64> = (0..20).map(|page| page * 200).collect();
    for whole in [ogg(&pages), webm(4)] {
        let (came, blocks) = taken(&whole[..whole.len() * 3 / 4], Duration::MAX);
        let came = came.unwrap().unwrap();
        assert!(came.cut && came.length.as_millis() > 2_000, "{came:?}");
        assert_eq!(u128::from(blocks.last().unwrap().0), came.length.as_millis());
        for length in 0..whole.len().min(600) {
            // Whatever comes of it, it is an answer.
            let _ = taken(&whole[..length], Duration::MAX);
        }
    }
}

#[test]
fn what_holds_nothing_is_nothing_and_a_stranger_is_refused() {
    assert_eq!(taken(b"", Duration::MAX).0.unwrap(), None);
    assert_eq!(taken(&ogg(&[]), Duration::MAX).0.unwrap(), None);
    for strange in [&b"RIFF and so on"[..], b"OggS", b"\0\0\0\x20ftypisom"] {
        assert!(matches!(taken(strange, Duration::MAX).0, Err(TakeOverError::Strange(_))), "{strange:?}");
    }
    let speech = {
        let file = tempfile::tempfile().unwrap();
        let mut writer = Writer::begin(file.try_clone().unwrap(), Media::Opus { channels: 1 }).unwrap();
        writer.write(&Frame { at: Duration::ZERO, key: true, bytes: SPEECH.to_vec() }).unwrap();
        writer.finish().unwrap();
        file
    };
    let target = tempfile::tempfile().unwrap();
    assert!(matches!(take_over(&speech, &target, Duration::MAX), Err(TakeOverError::Strange(_))));
}

/// What the multiplexers of the recorder itself write, which end texts with a zero and leave other things open.
#[test]
fn files_of_gstreamer_are_read() {
    let (came, blocks) = taken(include_bytes!("gstreamer/black.webm"), Duration::MAX);
    let came = came.unwrap().unwrap();
    assert_eq!((blocks.len(), came.length.as_millis(), came.cut), (30, 1_933, false));
    assert_eq!(blocks.iter().filter(|(_, key, _)| *key).count(), 2);
    let (came, blocks) = taken(include_bytes!("gstreamer/silence.ogg"), Duration::MAX);
    let came = came.unwrap().unwrap();
    assert!(!came.cut && (980..=1_020).contains(&came.length.as_millis()), "{came:?}");
    assert!(blocks.windows(2).all(|pair| pair[1].0 - pair[0].0 == 20));
}
