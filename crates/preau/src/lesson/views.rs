//! What the live lesson's page shows before its script takes over.
//!
//! The page is the frame of the classroom: the named places that the script fills (`#notices`,
//! `#stage`, `#pupils`, `#hands`, `#chat`, `#controls` and others), what it must know (attributes of `#live`) and
//! its sentences. Nothing in it grants anything: the token comes from `live.json`, after the permit.

use super::model::{LiveLesson, Role};
use super::pages::Names;
use crate::config::{LiveConfig, LiveEngine};
use crate::edge::{Platform, instant};
use crate::ui::{Shell, assets};
use askama::Template;

/// The live page of a lesson.
#[derive(Debug, Template)]
#[template(path = "lesson/live.html")]
pub struct LivePage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The lesson's identifier, as it stands in its path.
    pub lesson: String,
    /// The subject.
    pub subject: String,
    /// The subject's place on the scale of colours, 0 to 11.
    pub hue: i32,
    /// Teacher for pupils, class for teachers.
    pub with: String,
    /// "8 h 00 – 8 h 55".
    pub hours: String,
    /// `teacher`, `pupil` or `visitor`.
    pub role: &'a str,
    /// Where `live.json` is: `/lessons/{id}/live.json`.
    pub live_url: String,
    /// Planned beginning, RFC 3339.
    pub starts: String,
    /// Planned end, RFC 3339.
    pub ends: String,
    /// Where "leave" leads.
    pub home: &'a str,
    /// Whether pupils' pages are the simple ones as long as no teacher says otherwise.
    pub simple: bool,
    /// Where what the script loads only when it is used lies, by name; JSON.
    pub parts: String,
    /// For how many days what is written is kept.
    pub keep_days: u32,
    /// How captions travel: `packets` or `streams`; empty where the platform does not allow them.
    pub captions_as: &'static str,
    /// The script's sentences in JSON, see `ui::assets::script_words`.
    pub words: &'static str,
}

impl<'a> LivePage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        platform: &Platform,
        lesson: &LiveLesson,
        role: Role,
        names: Names,
    ) -> LivePage<'a> {
        let dates = page.dates(platform.zone());
        let (starts, ends) = (instant(lesson.starts_at), instant(lesson.ends_at));
        LivePage {
            page,
            lesson: lesson.id.to_string(),
            subject: names.subject,
            hue: names.hue,
            with: names.with,
            hours: dates.hours(dates.local(starts).time(), dates.local(ends).time()),
            role: role.word(),
            live_url: format!("/lessons/{}/live.json", lesson.id),
            starts: starts.to_string(),
            ends: ends.to_string(),
            home: "/",
            simple: names.primary,
            parts: parts(),
            keep_days: platform.config().live.keep_days,
            captions_as: captions_as(&platform.config().live),
            words: assets::script_words("live", page.texts),
        }
    }
}

/// What writes captions, what draws documents with what some of them need, and the board with its fonts: see
/// `web/src/captions.ts`, `web/src/document.ts` and `web/src/board.ts`.
const PARTS: [&str; 12] = [
    "board.js",
    "board.css",
    "board-hand.woff2",
    "board-plain.woff2",
    "board-code.woff2",
    "captions.js",
    "document.js",
    "document-worker.js",
    "jbig2.wasm",
    "openjpeg.wasm",
    "FoxitDingbats.pfb",
    "FoxitSymbol.pfb",
];

/// A LiveKit server carries captions in packets of their own for its agents only.
fn captions_as(config: &LiveConfig) -> &'static str {
    match (config.captions, config.engine) {
        (false, _) => "",
        (true, LiveEngine::Embedded) => "packets",
        (true, LiveEngine::Livekit) => "streams",
    }
}

/// Where these are, as JSON, for a page that loads them when it needs them.
pub fn parts() -> String {
    let places: serde_json::Map<_, _> =
        PARTS.iter().map(|name| ((*name).to_owned(), assets::asset(name).into())).collect();
    serde_json::Value::Object(places).to_string()
}
