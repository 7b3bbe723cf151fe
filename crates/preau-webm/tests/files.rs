//! Files are read back by a demuxer that shares no code with the writer.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

use matroska_demuxer::{Frame as Block, MatroskaFile, TrackType};
use preau_webm::{Frame, Media, Mended, Size, Writer, mend};
use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::Duration;

const VIDEO: Media = Media::Vp8(Size { width: 960, height: 540 });

/// Pictures, 25 a second, a key frame every four seconds.
fn pictures(seconds: u64) -> Vec<Frame> {
    (0..seconds * 25)
        .map(|number| Frame {
            at: Duration::from_millis(number * 40),
            key: number % 100 == 0,
            bytes: vec![number as u8; 100 + (number % 7) as usize],
        })
        .collect()
}

fn file(media: Media, frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::begin(Cursor::new(Vec::new()), media).unwrap();
    frames.iter().for_each(|frame| writer.write(frame).unwrap());
    writer.finish().unwrap().into_inner()
}

/// Milliseconds, whether it is a key frame, and content of every block from here on.
fn blocks(file: &mut MatroskaFile<Cursor<Vec<u8>>>) -> Vec<(u64, bool, Vec<u8>)> {
    let (mut block, mut all) = (Block::default(), Vec::new());
    while file.next_frame(&mut block).unwrap() {
        all.push((block.timestamp, block.is_keyframe.unwrap_or(false), std::mem::take(&mut block.data)));
    }
    all
}

#[test]
fn a_finished_file_says_what_it_is_and_can_be_jumped_about_in() {
    let frames = pictures(60);
    let mut read = MatroskaFile::open(Cursor::new(file(VIDEO, &frames))).unwrap();
    assert_eq!(read.ebml_header().doc_type(), "webm");
    assert_eq!(read.info().duration(), Some(59_960.0 + 33.0));
    let track = &read.tracks()[0];
    assert_eq!((track.track_type(), track.codec_id()), (TrackType::Video, "V_VP8"));
    let video = track.video().unwrap();
    assert_eq!((video.pixel_width().get(), video.pixel_height().get()), (960, 540));

    read.seek(30_000).unwrap();
    let rest = blocks(&mut read);
    assert_eq!((rest[0].0, rest.len()), (30_000, frames.len() - 750));
    read.seek(0).unwrap();
    let all = blocks(&mut read);
    assert_eq!(all.len(), frames.len());
    for (block, frame) in all.iter().zip(&frames) {
        assert_eq!((u128::from(block.0), block.1, &block.2), (frame.at.as_millis(), frame.key, &frame.bytes));
    }
}

#[test]
fn speech_is_described_for_its_decoder() {
    let frames: Vec<Frame> = (0..500_u64)
        .map(|number| Frame { at: Duration::from_millis(number * 20), key: true, bytes: vec![7; 60] })
        .collect();
    let read = MatroskaFile::open(Cursor::new(file(Media::Opus { channels: 2 }, &frames))).unwrap();
    let track = &read.tracks()[0];
    assert_eq!((track.track_type(), track.codec_id()), (TrackType::Audio, "A_OPUS"));
    assert_eq!(track.audio().unwrap().channels().get(), 2);
    assert_eq!((track.codec_delay(), track.seek_pre_roll()), (Some(6_500_000), Some(80_000_000)));
    let head = track.codec_private().unwrap();
    assert_eq!((&head[..8], head[9], head.len()), (&b"OpusHead"[..], 2, 19));
    assert_eq!(read.info().duration(), Some(10_000.0));
}

/// What lies on the disk when the machine goes down.
#[test]
fn a_file_that_was_cut_off_is_good_up_to_its_last_cluster() {
    let frames = pictures(20);
    let mut held = Cursor::new(Vec::new());
    let mut writer = Writer::begin(&mut held, VIDEO).unwrap();
    frames.iter().for_each(|frame| writer.write(frame).unwrap());
    drop(writer);
    let mut read = MatroskaFile::open(Cursor::new(held.into_inner())).unwrap();
    let kept = blocks(&mut read);
    assert!(kept.len() >= frames.len() - 51, "{} of {}", kept.len(), frames.len());
    assert!(kept.iter().zip(&frames).all(|(block, frame)| block.2 == frame.bytes));
}

#[test]
fn times_never_go_back_and_nothing_is_too_long() {
    let late = |at| Frame { at: Duration::from_millis(at), key: true, bytes: vec![1] };
    let mut read =
        MatroskaFile::open(Cursor::new(file(VIDEO, &[late(0), late(900), late(400), late(90_000_000)])))
            .unwrap();
    let times: Vec<u64> = blocks(&mut read).iter().map(|block| block.0).collect();
    assert_eq!(times, [0, 900, 900, 90_000_000]);
}

/// Writes `frames` and is cut off after so many bytes; then the file is finished.
fn mended(media: Media, frames: &[Frame], cut: impl Fn(u64) -> u64) -> (Mended, Vec<u8>) {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = Writer::begin(file.try_clone().unwrap(), media).unwrap();
    frames.iter().for_each(|frame| writer.write(frame).unwrap());
    drop(writer);
    file.set_len(cut(file.metadata().unwrap().len())).unwrap();
    let came = mend(&file, media).unwrap();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    (came, bytes)
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_finished_and_can_be_jumped_about_in() {
    let frames = pictures(20);
    for less in [0, 1, 77, 5_000, 20_000] {
        let (came, bytes) = mended(VIDEO, &frames, |length| length - less);
        let Mended::Finished(length) = came else { panic!("{less}: {came:?}") };
        let mut read = MatroskaFile::open(Cursor::new(bytes)).unwrap();
        assert_eq!(read.info().duration(), Some(length.as_millis() as f64 + 33.0), "{less}");
        read.seek(8_000).unwrap();
        assert_eq!(blocks(&mut read)[0].0, 8_000, "{less}");
        read.seek(0).unwrap();
        let kept = blocks(&mut read);
        assert_eq!(kept.last().unwrap().0, length.as_millis() as u64, "{less}");
        assert!(kept.iter().zip(&frames).all(|(block, frame)| block.2 == frame.bytes), "{less}");
    }
}

#[test]
fn what_holds_nothing_is_nothing_and_what_is_whole_stays() {
    let frames = pictures(4);
    for length in 0..400 {
        let file = tempfile::tempfile().unwrap();
        let mut writer = Writer::begin(file.try_clone().unwrap(), VIDEO).unwrap();
        frames.iter().for_each(|frame| writer.write(frame).unwrap());
        drop(writer);
        file.set_len(length).unwrap();
        let came = mend(&file, VIDEO);
        assert!(matches!(came, Ok(Mended::Nothing) | Err(_)), "{length}: {came:?}");
    }
    let mut file = tempfile::tempfile().unwrap();
    let bytes = self::file(VIDEO, &frames);
    file.write_all(&bytes).unwrap();
    assert_eq!(mend(&file, VIDEO).unwrap(), Mended::Whole(Duration::from_millis(3_960)));
    assert_eq!(file.metadata().unwrap().len(), bytes.len() as u64);
    let mut other = tempfile::tempfile().unwrap();
    other.write_all(b"something else altogether, long enough for a head").unwrap();
    assert!(mend(&other, VIDEO).is_err());
}
