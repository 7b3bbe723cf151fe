//! Recordings as they are: what a school allows, what a recording holds, why it ended. Pure.

use crate::ids::{Millis, PersonId, SchoolId};
use crate::lesson::LiveLesson;
use crate::typed_id;
use preau_sfu::grants::Source;
use std::fmt;
use std::str::FromStr;

typed_id!(
    /// One recording of a lesson.
    RecordingId
);

/// A day, in milliseconds.
pub(super) const DAY: Millis = 24 * 3_600_000;
/// Days that recordings are kept unless the head says otherwise.
pub(super) const USUAL_DAYS: i64 = 30;
/// Days that a head may choose.
pub(super) const DAYS: std::ops::RangeInclusive<i64> = 1..=365;
/// Files of one recording, at most. Each pause of a microphone begins a new one; what comes later is left out.
pub(super) const MOST_TRACKS: u32 = 1_000;
/// Recordings that a list shows, the latest.
pub(super) const LONGEST_LIST: i64 = 200;

/// What may be recorded in a school. Pupils' cameras and screens never are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum What {
    /// Nothing.
    #[default]
    Off,
    /// The teacher: voice, camera, screen.
    Teacher,
    /// The teacher, and the voices of pupils who have the floor.
    Voices,
}

impl What {
    /// Every choice, the one that records least first.
    pub const ALL: [What; 3] = [What::Off, What::Teacher, What::Voices];

    /// The word in the store, in forms and in documents.
    pub fn word(self) -> &'static str {
        match self {
            What::Off => "off",
            What::Teacher => "teacher",
            What::Voices => "voices",
        }
    }

    /// The choice of that word.
    pub fn from_word(word: &str) -> Option<What> {
        What::ALL.into_iter().find(|what| what.word() == word)
    }
}

/// A school's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Whose.
    pub school: SchoolId,
    /// What may be recorded.
    pub what: What,
    /// How many days recordings are kept.
    pub keep_days: i64,
}

impl Setting {
    /// Of a school whose head has chosen nothing yet.
    pub(super) fn usual(school: SchoolId) -> Setting {
        Setting { school, what: What::Off, keep_days: USUAL_DAYS }
    }
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its teacher ended it.
    Teacher,
    /// The lesson was over, or everybody had left.
    Lesson,
    /// It had lasted as long as one may.
    Length,
    /// The disk was full.
    Space,
    /// The school no longer allows it.
    Setting,
    /// The service was stopped or started anew.
    Restart,
    /// It could not be written.
    Failure,
}

impl Ending {
    const ALL: [Ending; 7] = [
        Ending::Teacher,
        Ending::Lesson,
        Ending::Length,
        Ending::Space,
        Ending::Setting,
        Ending::Restart,
        Ending::Failure,
    ];

    /// The word in the store and in documents.
    pub(super) fn word(self) -> &'static str {
        match self {
            Ending::Teacher => "teacher",
            Ending::Lesson => "lesson",
            Ending::Length => "length",
            Ending::Space => "space",
            Ending::Setting => "setting",
            Ending::Restart => "restart",
            Ending::Failure => "failure",
        }
    }

    /// The ending of that word.
    pub(super) fn from_word(word: &str) -> Option<Ending> {
        Ending::ALL.into_iter().find(|ending| ending.word() == word)
    }
}

/// A recording, with the lesson that its rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Which.
    pub id: RecordingId,
    /// Of what.
    pub lesson: LiveLesson,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: Millis,
    /// When it ended; none while it runs.
    pub ended_at: Option<Millis>,
    /// Why.
    pub ending: Option<Ending>,
    /// Whether pupils' voices were recorded.
    pub voices: bool,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingLine {
    /// Which.
    pub id: RecordingId,
    /// What the timetable calls the lesson.
    pub label: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: Millis,
    /// When it ended; none while it runs.
    pub ended_at: Option<Millis>,
    /// Bytes of its files.
    pub size: i64,
    /// When it will be deleted.
    pub kept_until: Millis,
}

/// What somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shows {
    Microphone,
    Camera,
    Screen,
    /// The sound of a screen.
    Sound,
}

impl Shows {
    const ALL: [Shows; 4] = [Shows::Microphone, Shows::Camera, Shows::Screen, Shows::Sound];

    pub(super) fn of(source: Source) -> Option<Shows> {
        match source {
            Source::Unknown => None,
            Source::Microphone => Some(Shows::Microphone),
            Source::Camera => Some(Shows::Camera),
            Source::ScreenShare => Some(Shows::Screen),
            Source::ScreenShareAudio => Some(Shows::Sound),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Shows::Microphone => "microphone",
            Shows::Camera => "camera",
            Shows::Screen => "screen",
            Shows::Sound => "sound",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Shows> {
        Shows::ALL.into_iter().find(|shows| shows.word() == word)
    }

    /// Whether it is to be seen, and not heard.
    pub(super) fn is_picture(self) -> bool {
        matches!(self, Shows::Camera | Shows::Screen)
    }

    /// What its files say they are.
    pub(super) fn media_type(self) -> &'static str {
        if self.is_picture() { "video/webm" } else { "audio/webm" }
    }
}

/// What a file's name says: enough to find its place again when nothing else is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrackName {
    /// Its place in the recording, from 1.
    pub(super) number: u32,
    pub(super) shows: Shows,
    pub(super) person: PersonId,
    /// Milliseconds since the recording began.
    pub(super) begins: u64,
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrackName { number, shows, person, begins } = self;
        write!(f, "{number:04}-{}-{person}-{begins}.webm", shows.word())
    }
}

impl FromStr for TrackName {
    type Err = ();

    fn from_str(text: &str) -> Result<TrackName, ()> {
        let mut parts = text.strip_suffix(".webm").ok_or(())?.split('-');
        let mut part = || parts.next().ok_or(());
        let name = TrackName {
            number: part()?.parse().map_err(|_| ())?,
            shows: Shows::from_word(part()?).ok_or(())?,
            person: part()?.parse().map_err(|_| ())?,
            begins: part()?.parse().map_err(|_| ())?,
        };
        // One file has one name.
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

/// A hand that went up or down while a lesson was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hand {
    /// Its place among those of the recording, from 1.
    pub(super) number: i64,
    /// Milliseconds since the Unix epoch.
    pub(super) at: Millis,
    pub(super) person: PersonId,
    pub(super) up: bool,
}

/// A file of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) name: TrackName,
    /// Milliseconds.
    pub(super) length: u64,
    /// Bytes.
    pub(super) size: u64,
    /// Packets that never came, or came when nobody had time for them.
    pub(super) lost: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_everything_and_only_one_way() {
        let name =
            TrackName { number: 12, shows: Shows::Screen, person: PersonId::from_raw(7), begins: 95_040 };
        assert_eq!(name.to_string(), "0012-screen-7-95040.webm");
        assert_eq!("0012-screen-7-95040.webm".parse(), Ok(name));
        for bad in
            ["", "12-screen-7-95040.webm", "0012-window-7-1.webm", "0012-screen-7-1.webm.part", "../x.webm"]
        {
            assert_eq!(bad.parse::<TrackName>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn words_and_choices_name_each_other() {
        for what in What::ALL {
            assert_eq!(What::from_word(what.word()), Some(what));
        }
        for ending in Ending::ALL {
            assert_eq!(Ending::from_word(ending.word()), Some(ending));
        }
        assert_eq!(What::from_word("all"), None);
    }
}
