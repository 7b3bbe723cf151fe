//! Any text as a session description: it is read without a panic, and naming its tracks keeps its sections.
#![no_main]

use libfuzzer_sys::fuzz_target;
use preau_sfu::codec::Codec;
use preau_sfu::sdp::{
    AudioHint, Label, count_sections, dress_audio, mids, name_tracks, prefer_codecs, sections,
};
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    let label = Label { stream: "PA_x|camera".to_owned(), track: "TR_y".to_owned() };
    let labels: BTreeMap<_, _> = mids(text).step_by(2).map(|mid| (mid.to_owned(), label.clone())).collect();
    let hint = AudioHint { redundant: true, pauses: true, stereo: true };
    let hints: BTreeMap<_, _> = mids(text).map(|mid| (mid.to_owned(), hint)).collect();
    let found = sections(text).len();
    assert!(found <= count_sections(text));
    let named = name_tracks(text, &labels);
    assert_eq!(count_sections(&named), count_sections(text));
    let dressed = dress_audio(&named, &hints);
    assert_eq!(count_sections(&dressed), count_sections(text));
    let codecs: BTreeMap<_, _> = mids(text).map(|mid| (mid.to_owned(), Codec::H264)).collect();
    assert_eq!(count_sections(&prefer_codecs(&dressed, &codecs)), count_sections(text));
});
