//! Which tracks of a room are to be written: the embedded engine's rule, over what a LiveKit server says of who is there.

use super::super::model::Shows;
use crate::ids::PersonId;
use crate::lesson::{Role, Tap};
use preau_sfu::grants::Source;
use preau_sfu::protocol as lk;

/// A track that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its name in the room.
    pub(super) track: String,
    pub(super) person: PersonId,
    pub(super) shows: Shows,
}

/// All that are to be written of those who are in the class's room.
pub(super) fn wanted(present: &[lk::ParticipantInfo], voices: bool) -> Vec<Wanted> {
    let (wish, mut all) = (Tap { voices }, Vec::new());
    for one in present {
        // Recorders and tools of the operator are nobody of the school, and say no role.
        let role = one.attributes.get("role").and_then(|word| Role::from_word(word));
        let (Ok(person), Some(role)) = (one.identity.parse::<PersonId>(), role) else { continue };
        for track in &one.tracks {
            let source = Source::from_wire(track.source);
            let Some(shows) = Shows::of(source).filter(|_| wish.takes(source, role == Role::Teacher)) else {
                continue;
            };
            if fits(shows, &track.mime_type) {
                all.push(Wanted { track: track.sid.clone(), person, shows });
            }
        }
    }
    all
}

/// Whether a track of that type can be taken over as it is. Of one whose type is not told it is found out afterwards.
fn fits(shows: Shows, mime: &str) -> bool {
    let mime = mime.to_ascii_lowercase();
    match shows.is_picture() {
        true => matches!(mime.as_str(), "" | "video/vp8"),
        // Sound that is sent with redundancy is Opus, which is handed out without it.
        false => matches!(mime.as_str(), "" | "audio/opus" | "audio/red"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(identity: &str, role: &str, tracks: &[(Source, &str)]) -> lk::ParticipantInfo {
        let track = |(number, (source, mime)): (usize, &(Source, &str))| lk::TrackInfo {
            sid: format!("TR_{identity}_{number}"),
            source: source.on_the_wire(),
            mime_type: (*mime).to_owned(),
            ..Default::default()
        };
        lk::ParticipantInfo {
            identity: identity.to_owned(),
            attributes: [("role".to_owned(), role.to_owned())].into(),
            tracks: tracks.iter().enumerate().map(track).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn the_teacher_is_written_and_of_pupils_only_voices_where_they_may_be() {
        let everything = [
            (Source::Microphone, "audio/red"),
            (Source::Camera, "video/VP8"),
            (Source::ScreenShare, "video/VP8"),
            (Source::ScreenShareAudio, "audio/opus"),
        ];
        let present = [
            one("7", "teacher", &everything),
            one("12", "pupil", &everything),
            one("13", "visitor", &[]),
            one("EG_recorder", "teacher", &everything),
            one("14", "inventor", &everything),
        ];
        let shown = |voices| -> Vec<String> {
            let all = wanted(&present, voices).into_iter();
            all.map(|one| format!("{} {}", one.person, one.shows.word())).collect()
        };
        let teacher = ["7 microphone", "7 camera", "7 screen", "7 sound"];
        assert_eq!(shown(false), teacher);
        let mut with_voices = teacher.to_vec();
        with_voices.push("12 microphone");
        assert_eq!(shown(true), with_voices);
    }

    #[test]
    fn what_could_not_be_taken_over_is_not_asked_for() {
        let of = |source, mime| wanted(&[one("7", "teacher", &[(source, mime)])], true).len();
        for (source, mime, count) in [
            (Source::Camera, "video/H264", 0),
            (Source::Camera, "video/VP9", 0),
            (Source::Camera, "", 1),
            (Source::Microphone, "audio/PCMU", 0),
            (Source::Microphone, "", 1),
            (Source::Unknown, "video/VP8", 0),
        ] {
            assert_eq!(of(source, mime), count, "{source:?} {mime}");
        }
    }
}
