//! What the live lesson's page shows before its script takes over.
//!
//! The page is the frame of the classroom: six named places that the script fills (`#notices`,
//! `#stage`, `#pupils`, `#hands`, `#chat`, `#controls`), what it must know (attributes of `#live`) and
//! its sentences. Nothing in it grants anything: the token comes from `live.json`, after the permit.

use askama::Template;

use crate::today::SubjectLabel;
use crate::ui::Shell;

/// The live page of a lesson.
#[derive(Debug, Template)]
#[template(path = "lesson/live.html")]
pub struct LivePage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The lesson's identifier, as it stands in its path.
    pub lesson: &'a str,
    /// The subject.
    pub subject: SubjectLabel,
    /// Teacher for pupils, class for teachers.
    pub with: &'a str,
    /// "8 h 00 – 8 h 55".
    pub hours: &'a str,
    /// `teacher`, `pupil` or `visitor`.
    pub role: &'a str,
    /// Where `live.json` is: `/lessons/{id}/live.json`.
    pub live_url: &'a str,
    /// Planned beginning, RFC 3339.
    pub starts: &'a str,
    /// Planned end, RFC 3339.
    pub ends: &'a str,
    /// Where "leave" leads.
    pub home: &'a str,
    /// The script's sentences in JSON, see `ui::assets::script_words`.
    pub words: &'static str,
}
