//! Session descriptions, golden: what is read from an offer, what is written into an answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use preau_sfu::codec::Codec;
use preau_sfu::sdp::{
    AudioHint, Flow, Kind, Label, count_sections, dress_audio, mids, name_tracks, prefer_codecs, sections,
    without_packet_numbers,
};

/// An offer as a browser writes it, cut to the lines that matter here.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3 4 5\r\n\
a=msid-semantic: WMS\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=msid:{stream} {track-a}\r\na=sendonly\r\n\
m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:4\r\na=msid:- track-b\r\na=sendrecv\r\n\
a=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\n\
m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:5\r\na=msid:- track-c\r\na=sendonly\r\n";

/// The answer our side produces before it is named.
const ANSWER: &str = "v=0\r\no=- 3 4 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n\
a=msid-semantic: WMS x\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n\
a=msid:aaa bbb\r\na=ssrc:11 cname:ccc\r\na=ssrc:11 msid:aaa bbb\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\n\
a=msid:ddd eee\r\na=ssrc-group:FID 21 22\r\na=ssrc:21 cname:fff\r\na=ssrc:21 msid:ddd eee\r\n\
a=ssrc:22 cname:fff\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=recvonly\r\n";

fn label(participant: &str, track: &str) -> Label {
    Label { stream: format!("{participant}|camera"), track: track.to_owned() }
}

#[test]
fn an_offer_is_read() {
    let mut text = String::new();
    for section in sections(OFFER) {
        let _ = writeln!(text, "{section:?}");
    }
    insta::assert_snapshot!(text);
    assert_eq!(count_sections(OFFER), 6);
}

#[test]
fn a_slot_in_use_carries_names_and_a_free_one_is_inactive() {
    let labels = BTreeMap::from([("0".to_owned(), label("PA_prof", "TR_voice"))]);
    insta::assert_snapshot!(name_tracks(ANSWER, &labels).replace('\r', ""));
}

#[test]
fn all_slots_in_use() {
    let labels = BTreeMap::from([
        ("0".to_owned(), label("PA_prof", "TR_voice")),
        ("1".to_owned(), label("PA_prof", "TR_film")),
    ]);
    insta::assert_snapshot!(name_tracks(ANSWER, &labels).replace('\r', ""));
}

#[test]
fn sections_that_receive_are_left_alone() {
    let named = name_tracks(ANSWER, &BTreeMap::new());
    assert!(named.ends_with("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=recvonly\r\n"));
    assert!(named.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"));
    assert_eq!(named.matches("a=inactive").count(), 2);
}

#[test]
fn odd_descriptions_are_survived() {
    assert!(sections("").is_empty());
    assert!(sections("m=audio").is_empty());
    let bare = sections("v=0\nm=audio 9 x 0\na=mid:7\n");
    assert_eq!((bare[0].mid, bare[0].kind, bare[0].flow), ("7", Kind::Audio, Flow::SendReceive));
    assert_eq!(name_tracks("", &BTreeMap::new()), "");
}

#[test]
fn a_microphone_s_section_says_how_to_send() {
    let answer = "v=0\r\ns=-\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:3\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:4\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:5\r\na=rtpmap:96 VP8/90000\r\n";
    let hint = |redundant, pauses, stereo| AudioHint { redundant, pauses, stereo };
    let dress = |hint| dress_audio(answer, &BTreeMap::from([("3".to_owned(), hint)]));
    assert_eq!(dress(hint(false, false, false)), answer, "nothing is asked for");
    let all = dress(hint(true, true, true));
    assert!(all.contains("m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:3\r\n"), "{all}");
    assert!(all.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;stereo=1\r\n"), "{all}");
    assert!(all.contains("a=fmtp:63 111/111\r\n"));
    assert!(all.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:4\r\n"), "other sections stay");
    assert_eq!(dress_audio(&all, &BTreeMap::from([("3".to_owned(), hint(true, true, true))])), all);
    // A browser wraps Opus as soon as redundancy stands before it; who wants none gets Opus first.
    let twice = answer.replace("111 63\r\na=mid:3", "63 111\r\na=mid:3");
    let plain = BTreeMap::from([("3".to_owned(), hint(false, false, false))]);
    assert_eq!(dress_audio(&twice, &plain), answer);
    assert_eq!(mids(&all).collect::<Vec<_>>(), ["3", "4", "5"]);
    // A section of pictures has no such wishes.
    assert_eq!(dress_audio(answer, &BTreeMap::from([("5".to_owned(), hint(true, true, true))])), answer);
}

#[test]
fn only_the_sections_meant_lose_the_numbers_of_packets() {
    let numbers = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
    let level = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    let offer = OFFER.replace("a=mid:", &format!("{level}{numbers}a=mid:"));
    let cut = without_packet_numbers(&offer, Flow::Receive);
    assert_eq!((offer.matches(numbers).count(), cut.matches(numbers).count()), (6, 4));
    assert_eq!(cut.matches(level).count(), 6);
    // What flows the other way stands as it stood.
    let from = |text: &str| text[text.find("m=application").unwrap_or(0)..].to_owned();
    assert_eq!(from(&cut), from(&offer));
    assert_eq!(sections(&cut), sections(&offer));
    assert_eq!(without_packet_numbers("", Flow::Send), "");
}

#[test]
fn a_camera_s_section_begins_with_the_codec_that_was_announced() {
    let answer = "v=0\r\ns=-\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 98\r\na=mid:3\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
a=rtpmap:102 H264/90000\r\na=rtpmap:103 rtx/90000\r\na=rtpmap:104 H264/90000\r\na=rtpmap:98 VP9/90000\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:4\r\na=rtpmap:111 opus/48000/2\r\n";
    let prefer = |mid: &str, codec| prefer_codecs(answer, &BTreeMap::from([(mid.to_owned(), codec)]));
    let with = |order: &str| answer.replace("96 97 102 103 104 98", order);
    // All profiles of it, in the order in which they stood; the lines that say what they are stay.
    assert_eq!(prefer("3", Codec::H264), with("102 104 96 97 103 98"));
    assert_eq!(prefer("3", Codec::Vp9), with("98 96 97 102 103 104"));
    assert_eq!(prefer("3", Codec::Vp8), answer);
    assert_eq!(prefer("3", Codec::Av1), answer, "what was not negotiated is not there to be preferred");
    assert_eq!(prefer("4", Codec::H264), answer, "sound has no such wish");
    assert_eq!(prefer_codecs("m=video", &BTreeMap::from([(String::new(), Codec::Vp8)])), "m=video");
}
