//! What the register of a lesson shows: every pupil of the list, what was seen of them, and the answer
//! proposed from it. The teacher corrects and closes; until then nothing is said of anyone.

use super::Answer;
use super::model::{Entry, Register, standing};
use super::pages::Sheet;
use super::policy::{CorrectRegister, ReopenRegister, SaveRegister};
use crate::access::{Actor, Allows};
use crate::edge::{Platform, instant};
use crate::presence::{LONGEST_GAP_MS, Sighting};
use crate::ui::{Dates, Shell};
use askama::Template;

/// The register of one lesson. While it can be changed, the totals at its foot are counted by the style
/// sheet from the answers themselves, so that they follow every touch without a script.
#[derive(Debug, Template)]
#[template(path = "rollcall/register.html")]
pub struct RegisterPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The class or group.
    pub class: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// The subject's colour, 0 to 11.
    pub hue: i32,
    /// "lundi 23 novembre, 8 h 00 – 8 h 55".
    pub when: &'a str,
    /// The pupils in the order of the list.
    pub pupils: &'a [RegisterLine],
    /// The register's address; closing and reopening stand below it.
    pub path: &'a str,
    /// What may be done with it.
    pub mode: Mode,
    /// When and by whom it was closed: "Appel terminé à 8 h 06 par Soizic Houblon"; empty while it is open.
    pub closed: &'a str,
    /// Whether it may be given back to the teacher.
    pub may_reopen: bool,
}

/// What the person in front of the page may do with the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Fill it in, keep and close it.
    Fill,
    /// Correct it after the closing.
    Correct,
    /// Read it.
    Read,
}

impl RegisterPage<'_> {
    /// How many pupils stand as absent.
    pub fn absent(&self) -> usize {
        self.pupils.iter().filter(|pupil| pupil.answer == Answer::Absent).count()
    }

    /// How many pupils stand as late.
    pub fn late(&self) -> usize {
        self.pupils.iter().filter(|pupil| matches!(pupil.answer, Answer::Late { .. })).count()
    }

    /// How many pupils stand as present and in time.
    pub fn present(&self) -> usize {
        self.pupils.iter().filter(|pupil| pupil.answer == Answer::Present).count()
    }
}

/// One pupil of the register.
#[derive(Debug, Clone)]
pub struct RegisterLine {
    /// The pupil's identifier; the fields are named `state-<id>`, `late-<id>` and `shown-<id>`.
    pub id: String,
    /// First name and name.
    pub name: String,
    /// What was seen: "dans la classe depuis 7 h 57", "à l'entrée depuis 7 h 54", "pas vu".
    pub seen: String,
    /// What else to know: "a quitté la classe à 8 h 20", "corrigé à 9 h 02 par …"; empty for most.
    pub remark: String,
    /// The answer proposed or given.
    pub answer: Answer,
}

impl RegisterLine {
    /// The minutes for the form: empty unless late.
    pub fn minutes(&self) -> String {
        match self.answer {
            Answer::Late { minutes } => minutes.max(1).to_string(),
            Answer::Present | Answer::Absent => String::new(),
        }
    }
}

/// A register in words, ready for its page.
pub(super) struct Prepared {
    class: String,
    subject: String,
    hue: i32,
    when: String,
    lines: Vec<RegisterLine>,
    path: String,
    mode: Mode,
    closed: String,
    may_reopen: bool,
}

impl Prepared {
    pub(super) fn new(shell: &Shell, platform: &Platform, actor: &Actor, sheet: Sheet) -> Prepared {
        let dates = shell.dates(platform.zone());
        let register = &sheet.register;
        let starts = dates.local(instant(register.starts_at));
        let ends = dates.local(instant(register.ends_at));
        let when = format!("{}, {}", dates.day(starts.date()), dates.hours(starts.time(), ends.time()));
        let author = |id| sheet.authors.get(&id).map(String::as_str).unwrap_or_default();
        let closed = register.closed.map(|(at, by)| {
            let hour = dates.moment(platform.today(), instant(at));
            shell.with2("roll-closed-at", "moment", hour, "name", author(by))
        });
        let words = Words { shell, dates: &dates, register, now: platform.now() };
        let lines = sheet
            .pupils
            .iter()
            .map(|pupil| {
                let (entry, seen) = (sheet.entries.get(&pupil.id).copied(), sheet.seen.get(&pupil.id));
                let answer = match (entry, register.closed) {
                    (Some(entry), Some(_)) => entry.answer,
                    _ => standing(entry, register.starts_at, seen),
                };
                RegisterLine {
                    id: pupil.id.to_string(),
                    name: pupil.name.clone(),
                    seen: words.seen(seen),
                    remark: words.remark(answer, entry, seen, entry.map(|entry| author(entry.noted_by))),
                    answer,
                }
            })
            .collect();
        let is_closed = register.closed.is_some();
        let mode = match is_closed {
            false if <Register as Allows<SaveRegister>>::allows(actor, register) => Mode::Fill,
            true if <Register as Allows<CorrectRegister>>::allows(actor, register) => Mode::Correct,
            _ => Mode::Read,
        };
        Prepared {
            when,
            lines,
            path: format!("/lessons/{}/register", register.lesson),
            mode,
            closed: closed.unwrap_or_default(),
            may_reopen: is_closed && <Register as Allows<ReopenRegister>>::allows(actor, register),
            class: sheet.class,
            subject: sheet.subject,
            hue: sheet.hue,
        }
    }

    pub(super) fn page<'a>(&'a self, page: &'a Shell) -> RegisterPage<'a> {
        RegisterPage {
            page,
            class: &self.class,
            subject: &self.subject,
            hue: self.hue,
            when: &self.when,
            pupils: &self.lines,
            path: &self.path,
            mode: self.mode,
            closed: &self.closed,
            may_reopen: self.may_reopen,
        }
    }
}

/// Puts what was seen into words.
struct Words<'a> {
    shell: &'a Shell,
    dates: &'a Dates,
    register: &'a Register,
    now: crate::ids::Millis,
}

impl Words<'_> {
    fn hour(&self, at: crate::ids::Millis) -> String {
        self.dates.hour_at(instant(at))
    }

    fn seen(&self, seen: Option<&Sighting>) -> String {
        match seen.map(|seen| (seen.live, seen.waiting)) {
            Some((Some(live), _)) => self.shell.with("roll-seen-inside", "hour", self.hour(live.first)),
            Some((None, Some(waiting))) => {
                self.shell.with("roll-seen-gate", "hour", self.hour(waiting.first))
            }
            Some((None, None)) | None => self.shell.t("roll-not-seen").to_owned(),
        }
    }

    /// The most telling thing beside what was seen; one is enough on a phone.
    fn remark(
        &self,
        answer: Answer,
        entry: Option<Entry>,
        seen: Option<&Sighting>,
        author: Option<&str>,
    ) -> String {
        let shell = self.shell;
        if let (Some(entry), Some(author)) = (entry.filter(|entry| entry.corrected), author) {
            return shell.with2("roll-corrected", "hour", self.hour(entry.noted_at), "name", author);
        }
        let first = seen.and_then(Sighting::first);
        if answer == Answer::Absent && first.is_some() {
            return shell.t("roll-seen-all-the-same").to_owned();
        }
        if let Some(Sighting { live: Some(live), waiting: Some(waiting) }) = seen
            && waiting.first < live.first
            && live.first > self.register.starts_at
        {
            return shell.with("roll-waited", "hour", self.hour(waiting.first));
        }
        // Twice the gap: one word of the live room may have been lost.
        let until = self.now.min(self.register.ends_at);
        match seen.and_then(|seen| seen.live) {
            Some(live) if until - live.last > 2 * LONGEST_GAP_MS && live.last > self.register.starts_at => {
                shell.with("roll-left", "hour", self.hour(live.last))
            }
            _ => String::new(),
        }
    }
}
