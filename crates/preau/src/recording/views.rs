//! What the templates of recordings show. Dates, lengths and sizes are put into words here.

use super::model::{DAY, DAYS, Recording, RecordingLine, Setting, Track, What};
use crate::edge::{Platform, instant};
use crate::lesson::parts;
use crate::ui::{SelectOption, Shell};
use askama::Template;

/// All recordings that somebody may watch, and for heads what may be recorded.
#[derive(Template)]
#[template(path = "recording/list.html")]
pub(super) struct ListPage<'a> {
    page: &'a Shell,
    lines: Vec<Line>,
    settings: Vec<Choice>,
}

/// One recording of a list.
pub struct Line {
    /// Where it is.
    pub href: String,
    /// The lesson.
    pub title: String,
    /// When it was, and for how long it is kept.
    pub detail: String,
    /// It is being made.
    pub running: bool,
}

/// What a head chooses for one school.
pub(super) struct Choice {
    school: String,
    name: String,
    what: Vec<SelectOption>,
    days: String,
    days_bounds: String,
    fault: &'static str,
}

/// A line for the list, and for the page of a lesson.
pub fn line(page: &Shell, platform: &Platform, line: RecordingLine) -> Line {
    let (dates, today) = (page.dates(platform.zone()), platform.today());
    let moment = dates.moment(today, instant(line.started_at));
    let until = dates.day(dates.local(instant(line.kept_until)).date());
    let detail = match line.ended_at {
        None => moment,
        Some(ended) => {
            let minutes = u32::try_from((ended - line.started_at + 59_999) / 60_000).unwrap_or(0);
            let what = format!("{moment} · {} · {}", dates.length(minutes), size(page, line.size));
            page.with2("recordings-line", "what", what, "until", until)
        }
    };
    Line {
        href: format!("/recordings/{}", line.id),
        title: line.label,
        detail,
        running: line.ended_at.is_none(),
    }
}

/// Bytes in words: whole megabytes.
fn size(page: &Shell, bytes: i64) -> String {
    page.with("recordings-size", "size", (bytes + 999_999) / 1_000_000)
}

impl<'a> ListPage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        platform: &Platform,
        lines: Vec<RecordingLine>,
        settings: Vec<(String, Setting)>,
        fault: &'static str,
    ) -> Self {
        let choice = |(name, setting): (String, Setting)| Choice {
            school: setting.school.to_string(),
            name,
            what: What::ALL
                .into_iter()
                .map(|what| SelectOption {
                    value: what.word().to_owned(),
                    label: page
                        .t(match what {
                            What::Off => "recordings-what-off",
                            What::Teacher => "recordings-what-teacher",
                            What::Voices => "recordings-what-voices",
                        })
                        .to_owned(),
                    chosen: what == setting.what,
                })
                .collect(),
            days: setting.keep_days.to_string(),
            days_bounds: format!("required min=\"{}\" max=\"{}\"", DAYS.start(), DAYS.end()),
            fault: if fault.is_empty() { "" } else { page.texts.get(fault) },
        };
        ListPage {
            page,
            lines: lines.into_iter().map(|one| line(page, platform, one)).collect(),
            settings: settings.into_iter().map(choice).collect(),
        }
    }
}

/// What the page of a recording is made of.
pub(super) struct Shown {
    pub(super) recording: Recording,
    pub(super) files: Vec<Track>,
    pub(super) setting: Setting,
    pub(super) subject: String,
    pub(super) class: String,
    /// Milliseconds.
    pub(super) length: u64,
    /// Packets that are missing.
    pub(super) lost: u64,
    pub(super) may_delete: bool,
}

/// One recording, played back.
#[derive(Template)]
#[template(path = "recording/playback.html")]
pub(super) struct PlaybackPage<'a> {
    page: &'a Shell,
    id: String,
    lesson: String,
    class: String,
    when: String,
    kept_until: String,
    /// Still being made, or nothing came of it: then there is nothing to play.
    running: bool,
    empty: bool,
    /// What was recorded, and why it ended if not by its teacher or with its lesson.
    what: &'a str,
    ending: &'a str,
    length: u64,
    files: Vec<(String, String)>,
    /// What draws documents and the board.
    parts: String,
    removal: Option<String>,
}

impl<'a> PlaybackPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, shown: &Shown) -> Self {
        use super::model::Ending;
        let Shown { recording, setting, .. } = shown;
        let (dates, today) = (page.dates(platform.zone()), platform.today());
        let until = instant(recording.started_at + setting.keep_days * DAY);
        let ending = match recording.ending {
            Some(Ending::Length) => page.t("recording-ended-length"),
            Some(Ending::Space) => page.t("recording-ended-space"),
            Some(Ending::Setting) => page.t("recording-ended-setting"),
            Some(Ending::Restart) => page.t("recording-ended-restart"),
            Some(Ending::Failure) => page.t("recording-ended-failure"),
            Some(Ending::Teacher | Ending::Lesson) | None if shown.lost > 0 => page.t("recording-holes"),
            Some(Ending::Teacher | Ending::Lesson) | None => "",
        };
        let file = |track: &Track| {
            let name = page.t(match track.name.shows.word() {
                "camera" => "recording-camera",
                "screen" => "recording-screen",
                _ => "recording-voice",
            });
            let at = track.name.begins / 1_000;
            let label = format!("{name} ({}:{:02})", at / 60, at % 60);
            (format!("/recordings/{}/tracks/{}", recording.id, track.name.number), label)
        };
        PlaybackPage {
            page,
            id: recording.id.to_string(),
            lesson: recording.lesson.id.to_string(),
            class: shown.class.clone(),
            when: dates.moment(today, instant(recording.started_at)),
            kept_until: page.with("recording-kept-until", "date", dates.day(dates.local(until).date())),
            running: recording.ended_at.is_none(),
            empty: shown.files.is_empty(),
            what: page.t(if recording.voices { "recording-with-voices" } else { "recording-without-voices" }),
            ending,
            length: shown.length,
            files: shown.files.iter().map(file).collect(),
            parts: parts(),
            removal: shown.may_delete.then(|| format!("/recordings/{}/removal", recording.id)),
        }
    }
}
