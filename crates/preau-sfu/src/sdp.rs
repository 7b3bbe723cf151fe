//! Session descriptions as text (RFC 8866, RFC 8829): what an offer contains, and the names that an
//! answer must carry.
//!
//! On `/rtc/v1` only the client offers; it reserves receive sections beforehand. str0m answers them,
//! but cannot name a track on a section that the other side created, so the names are put into the
//! answer's text here. Nothing else is changed.
//!
//! The rule: a section that carries a track gets `a=msid:<participant>|<stream> <track>` (and the
//! same on its `a=ssrc` lines); a section that stands free is answered `inactive` and without names,
//! because a browser announces a track only when a section turns active.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::codec::Codec;

/// Longest name of a track that is looked at, in bytes; RFC 8830 allows 64 characters.
const NAME_BYTES: usize = 256;

/// Audio or video. Other sections (data channels) are not media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
}

/// Which way media flows in a section, as the writer of the description sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// `a=sendrecv`, also when nothing is said (RFC 8866 section 6.7).
    SendReceive,
    /// `a=sendonly`
    Send,
    /// `a=recvonly`
    Receive,
    /// `a=inactive`
    Inactive,
}

/// One media section of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// Its `a=mid`.
    pub mid: &'a str,
    /// Audio or video.
    pub kind: Kind,
    /// Direction.
    pub flow: Flow,
    /// The track id of `a=msid`, by which the client announced the track.
    pub track: Option<&'a str>,
}

/// The names under which a section's track appears to the receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// `<participant sid>|<stream>`
    pub stream: String,
    /// The track's sid.
    pub track: String,
}

/// What a publisher should do with a microphone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AudioHint {
    /// Send RFC 2198 redundancy.
    pub redundant: bool,
    /// Send nothing in silence (Opus DTX).
    pub pauses: bool,
    /// Send both channels.
    pub stereo: bool,
}

/// The mids of a description, of sections of any kind, in order.
pub fn mids(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter_map(|line| line.trim_end().strip_prefix("a=mid:"))
}

/// The audio and video sections of a description, in order. Sections without a mid are left out.
pub fn sections(sdp: &str) -> Vec<Section<'_>> {
    blocks(sdp).skip(1).filter_map(section).collect()
}

/// How many `m=` lines there are, of any kind.
pub fn count_sections(sdp: &str) -> usize {
    blocks(sdp).skip(1).count()
}

/// A header extension by which every packet is numbered across streams, so that its receiver reports on each
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
const PACKET_NUMBERS: &str = "transport-wide-cc-extensions";

/// Leaves the numbers of packets across streams out of the sections in which media flow like that: their receivers then
/// do not report on every packet, ten times a second and more, but once a second (RFC 3550), and each report costs
/// as much as sending a packet.
pub fn without_packet_numbers(sdp: &str, flow: Flow) -> String {
    let mut out = String::with_capacity(sdp.len());
    for block in blocks(sdp) {
        let concerned = section(block).is_some_and(|section| section.flow == flow);
        let lines = block.split_inclusive('\n');
        lines
            .filter(|line| !(concerned && line.starts_with("a=extmap:") && line.contains(PACKET_NUMBERS)))
            .for_each(|line| out.push_str(line));
    }
    out
}

/// Splits before every `m=` line; the first piece is the session part.
fn blocks(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(sdp);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.find("\nm=") {
            Some(at) => {
                rest = Some(&text[at + 1..]);
                Some(&text[..at + 1])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

fn section(block: &str) -> Option<Section<'_>> {
    let kind = if block.starts_with("m=audio") {
        Kind::Audio
    } else if block.starts_with("m=video") {
        Kind::Video
    } else {
        return None;
    };
    let mut found = Section { mid: "", kind, flow: Flow::SendReceive, track: None };
    let closed = block.split_ascii_whitespace().nth(1) == Some("0");
    let mut bundled = false;
    for line in block.lines() {
        let line = line.trim_end();
        bundled |= line == "a=bundle-only";
        if let Some(mid) = line.strip_prefix("a=mid:") {
            found.mid = mid;
        } else if let Some(msid) = line.strip_prefix("a=msid:") {
            found.track = msid.split_ascii_whitespace().nth(1).filter(|name| name.len() <= NAME_BYTES);
        } else if let Some(flow) = flow(line) {
            found.flow = flow;
        }
    }
    if closed && !bundled {
        // Port 0 means the section is stopped, unless it only says "same port as the others" (RFC 8843).
        found.flow = Flow::Inactive;
    }
    (!found.mid.is_empty()).then_some(found)
}

fn flow(line: &str) -> Option<Flow> {
    match line {
        "a=sendrecv" => Some(Flow::SendReceive),
        "a=sendonly" => Some(Flow::Send),
        "a=recvonly" => Some(Flow::Receive),
        "a=inactive" => Some(Flow::Inactive),
        _ => None,
    }
}

/// Names the tracks in an answer: `labels` maps the mid of each section in use to its names.
pub fn name_tracks(answer: &str, labels: &BTreeMap<String, Label>) -> String {
    let mut out = String::with_capacity(answer.len() + labels.len() * 64);
    for (index, block) in blocks(answer).enumerate() {
        if index == 0 {
            for line in block.lines() {
                out.push_str(if line.starts_with("a=msid-semantic") {
                    "a=msid-semantic: WMS *"
                } else {
                    line
                });
                out.push_str("\r\n");
            }
        } else {
            name_block(block, labels, &mut out);
        }
    }
    out
}

fn name_block(block: &str, labels: &BTreeMap<String, Label>, out: &mut String) {
    let mid = block.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("");
    let label = labels.get(mid);
    let sends = block.lines().any(|line| line == "a=sendonly");
    for line in block.lines() {
        match label {
            None if sends && line == "a=sendonly" => out.push_str("a=inactive"),
            None if sends && (line.starts_with("a=ssrc") || line.starts_with("a=msid:")) => continue,
            Some(label) if line.starts_with("a=msid:") => {
                // Writing into a String cannot fail.
                let _ = write!(out, "a=msid:{} {}", label.stream, label.track);
            }
            Some(label) if line.starts_with("a=ssrc:") => match line.split_once(" msid:") {
                Some((before, _)) => {
                    let _ = write!(out, "{before} msid:{} {}", label.stream, label.track);
                }
                None => out.push_str(line),
            },
            None | Some(_) => out.push_str(line),
        }
        out.push_str("\r\n");
    }
}

/// Writes into an answer how its microphones should be sent: `hints` by mid. The preferred payload type
/// of an `m=` line stands first (RFC 8829 section 5.3.1), and Opus' wishes stand in its `a=fmtp` line
/// (RFC 7587 section 6.1). What is not to be redundant begins with Opus itself: browsers wrap it as soon as
/// redundancy stands before it, which is where str0m puts it.
pub fn dress_audio(answer: &str, hints: &BTreeMap<String, AudioHint>) -> String {
    let mut out = String::with_capacity(answer.len() + hints.len() * 32);
    for block in blocks(answer) {
        let mid = block.lines().find_map(|line| line.strip_prefix("a=mid:"));
        match mid.and_then(|mid| hints.get(mid)).filter(|_| block.starts_with("m=audio")) {
            Some(hint) => dress_block(block, *hint, &mut out),
            None => out.push_str(block),
        }
    }
    out
}

/// Writes into an answer which codec its cameras and screens should send: `codecs` by mid. Without it a browser sends the
/// first that both sides know, whatever it announced.
pub fn prefer_codecs(answer: &str, codecs: &BTreeMap<String, Codec>) -> String {
    let mut out = String::with_capacity(answer.len());
    for block in blocks(answer) {
        let mid = block.lines().find_map(|line| line.strip_prefix("a=mid:"));
        let codec = mid.and_then(|mid| codecs.get(mid)).filter(|_| block.starts_with("m=video"));
        let (Some(codec), Some((head, rest))) = (codec, block.split_once("\r\n")) else {
            out.push_str(block);
            continue;
        };
        let ours = |line: &&str| {
            let name = line.split_once(' ').and_then(|(_, name)| name.split('/').next());
            name.is_some_and(|name| name.eq_ignore_ascii_case(codec.short()))
        };
        let mapped = rest.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")).filter(ours);
        let payloads: Vec<&str> = mapped.filter_map(|line| line.split(' ').next()).collect();
        out.push_str(&first(head, |payload| payloads.contains(&payload)));
        out.push_str("\r\n");
        out.push_str(rest);
    }
    out
}

/// An `m=` line (`m=<kind> <port> <protocol> <payload types>`) with these payload types first.
fn first(line: &str, preferred: impl Fn(&str) -> bool) -> String {
    let mut fields = line.split(' ');
    let head: Vec<&str> = fields.by_ref().take(3).collect();
    let (before, after): (Vec<&str>, Vec<&str>) = fields.partition(|payload| preferred(payload));
    [head, before, after].concat().join(" ")
}

fn dress_block(block: &str, hint: AudioHint, out: &mut String) {
    let payload = |name: &str| {
        block.lines().find_map(|line| {
            let (number, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            codec.to_ascii_lowercase().starts_with(name).then(|| number.to_owned())
        })
    };
    let opus = payload("opus/");
    let preferred = payload("red/").filter(|_| hint.redundant).or_else(|| opus.clone());
    let parameters = opus.map(|opus| format!("a=fmtp:{opus} "));
    for (index, line) in block.lines().enumerate() {
        match (&preferred, &parameters) {
            (Some(preferred), _) if index == 0 => out.push_str(&first(line, |payload| payload == preferred)),
            (_, Some(parameters)) if line.starts_with(parameters.as_str()) => {
                out.push_str(line);
                for (wish, text) in [(hint.pauses, "usedtx=1"), (hint.stereo, "stereo=1")] {
                    if wish && !line.contains(text) {
                        out.push(';');
                        out.push_str(text);
                    }
                }
            }
            _ => out.push_str(line),
        }
        out.push_str("\r\n");
    }
}
