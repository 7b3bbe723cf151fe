//! The copy of the day that a device keeps: the lessons of the coming days and the work, to read while one
//! waits at the gate or when the platform does not answer.
//!
//! It is a page of its own, whole and without script, form, token or anything live. Only a device that its
//! owner has called their own is offered one: on a shared computer the next person would read it. Who keeps
//! it and shows it is a service worker (`web/src/worker.ts`); here it is said whose copy is good
//! ([`DAY`]), what is in it, and when a device may fetch one. Invariant: nothing is offered while the gate is
//! under pressure, and a browser at which nobody, or nobody on a device of their own, is signed in is told to
//! forget what it has.

use super::TodayState;
use super::moment::near_a_bell;
use super::pages::Role;
use super::pupil::subject;
use super::views::SubjectLabel;
use crate::access::{Actor, Scope};
use crate::edge::{Caller, Refusal, html, standalone_policy};
use crate::homework;
use crate::ids::{GroupId, Millis, PersonId};
use crate::timetable::{self, Lesson, NamedLesson};
use crate::ui::{ClockFace, Dates, Texts};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, header};
use jiff::ToSpan as _;
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

/// Where the copy is to be had.
pub(super) const PLACE: &str = "/today/kept";
/// On pages of the day: whose copy may stay on this device, as [`owner`] writes it; `none` for nobody's.
/// Pages without it (the waiting page above all) say nothing about that.
const DAY: HeaderName = HeaderName::from_static("preau-day");
/// On the copy: when it was written, in milliseconds since the Unix epoch.
const KEPT: HeaderName = HeaderName::from_static("preau-kept");

/// Days that a copy holds, today included: on a Friday, the Monday after a long week-end.
const DAYS: i32 = 8;
/// How far ahead work is written down, in days: as long as a device keeps a copy.
const WORK_DAYS: i32 = 14;
/// Most pieces of work of one pupil.
const WORK_MOST: usize = 40;
/// Longest text of a piece of work, in characters; the rest is on its own page.
const WORK_CHARS: usize = 600;
/// Seconds after which a page may fetch the copy: it is not part of coming in.
const SOON_S: u32 = 10;
/// The same around a bell, when everybody's page is fresh: most have gone on to their lesson by then.
const AFTER_THE_BELL_S: u32 = 300;

/// Whether this caller's day may be kept here, and in whose name: another session has another name, so that a
/// copy never outlives the change of person at a device.
pub(super) fn owner(caller: &Caller) -> Option<String> {
    let mark = caller.session().map(|session| session.mark).filter(|mark| mark.personal)?;
    kept_role(caller.actor())?;
    let mut hash = Sha256::new();
    hash.update(b"the day kept on a device");
    hash.update(mark.hash);
    Some(URL_SAFE_NO_PAD.encode(&hash.finalize()[..9]))
}

/// The page of which a copy is kept: of those who have a day of lessons, the most urgent.
fn kept_role(actor: &Actor) -> Option<Role> {
    let roles = Role::of(actor);
    roles.into_iter().find(|role| matches!(role, Role::Pupil | Role::Teacher | Role::Guardian))
}

/// Says on a page whose copy may stay on the device that shows it.
pub(super) fn mark(response: &mut Response, owner: Option<&str>) {
    let value = owner.and_then(|owner| HeaderValue::from_str(owner).ok());
    response.headers_mut().insert(DAY, value.unwrap_or(HeaderValue::from_static("none")));
}

/// After how many seconds a page about these lessons may fetch the copy; none under pressure, when what nobody
/// has asked for is not fetched.
pub(super) fn offered<'l>(
    state: &TodayState,
    lessons: impl IntoIterator<Item = &'l Lesson>,
    now: Millis,
) -> Option<u32> {
    state.platform.door().is_calm().then(|| if near_a_bell(lessons, now) { AFTER_THE_BELL_S } else { SOON_S })
}

/// The copy.
#[derive(Debug, Template)]
#[template(path = "today/kept.html")]
struct KeptPage<'a> {
    t: &'static Texts,
    school_name: &'a str,
    /// The clock at the moment of writing.
    face: ClockFace,
    /// No wait is shown on it.
    arc: Option<crate::edge::views::WaitArc>,
    /// "lundi 23 novembre à 7 h 40": when this was true.
    saved: &'a str,
    people: &'a [KeptPerson],
}

/// A person whose day it is: the reader, or a child of theirs.
#[derive(Debug)]
struct KeptPerson {
    /// The child's name; empty for the reader.
    name: String,
    days: Vec<KeptDay>,
    work: Vec<KeptWork>,
}

#[derive(Debug)]
struct KeptDay {
    /// "2026-11-23".
    date: String,
    /// "lundi 23 novembre".
    name: String,
    lessons: Vec<KeptLesson>,
}

#[derive(Debug)]
struct KeptLesson {
    from: String,
    to: String,
    subject: SubjectLabel,
    detail: String,
    cancelled: bool,
    exam: bool,
    change: String,
}

#[derive(Debug)]
struct KeptWork {
    /// The day it is due: "2026-11-24".
    date: String,
    /// "pour mardi 24 novembre": a day, since nobody knows when it will be read.
    due: String,
    subject: SubjectLabel,
    text: String,
    done: bool,
}

/// Whose lessons and work are read for one part of the copy.
struct Part {
    name: String,
    scope: Scope,
    /// The pupil whose work it is, with their classes and groups; none for a teacher.
    pupil: Option<(PersonId, Vec<GroupId>)>,
}

fn parts(actor: &Actor) -> Result<Vec<Part>, Refusal> {
    let facts = actor.facts().ok_or(Refusal::SignInFirst)?;
    Ok(match kept_role(actor).ok_or(Refusal::NotFound)? {
        Role::Guardian => actor
            .wards()
            .map(|child| Part {
                name: child.name.clone(),
                scope: Scope::Groups(child.groups.clone()),
                pupil: Some((child.pupil, child.groups.clone())),
            })
            .collect(),
        Role::Pupil => vec![Part {
            name: String::new(),
            scope: Scope::Groups(facts.enrolled.clone()),
            pupil: Some((facts.person, facts.enrolled.clone())),
        }],
        _ => vec![Part { name: String::new(), scope: Scope::Persons(vec![facts.person]), pupil: None }],
    })
}

/// The copy for the device that asks.
pub(super) async fn show(State(state): State<TodayState>, caller: Caller) -> Result<Response, Refusal> {
    let owner = owner(&caller).ok_or(Refusal::NotFound)?;
    let parts = parts(caller.actor())?;
    let (today, zone) = (state.platform.today(), state.platform.zone());
    let until = timetable::day_bounds(today.saturating_add(DAYS.days()), &zone).0;
    let from = timetable::day_bounds(today, &zone).0;
    let read = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let mut read = Vec::new();
            for part in parts {
                let mut lessons = timetable::lessons_between(conn, &part.scope, from, until)?;
                lessons.retain(Lesson::is_shown);
                let work = match &part.pupil {
                    Some((pupil, groups)) => homework::work_due(conn, groups, *pupil, today)?,
                    None => Vec::new(),
                };
                read.push((part, timetable::named(conn, lessons)?, work));
            }
            Ok(read)
        })
        .await?;

    let shell = caller.shell("today-title");
    let dates = shell.dates(zone);
    let texts = shell.texts;
    let people: Vec<KeptPerson> = read
        .into_iter()
        .map(|(part, lessons, work)| KeptPerson {
            days: days(texts, &dates, &lessons, part.pupil.is_none()),
            work: work_lines(&dates, today, work),
            name: part.name,
        })
        .collect();
    let now = dates.local(state.platform.instant());
    let saved = texts.with2("date-moment", "day", dates.day(now.date()), "hour", dates.hour(now.time()));
    let face = ClockFace::bare(now.time());
    let school_name = &shell.school_name;
    let page = KeptPage { t: texts, school_name, face, arc: None, saved: &saved, people: &people };
    let mut response = html(&page)?;
    mark(&mut response, Some(&owner));
    let headers = response.headers_mut();
    headers.insert(KEPT, HeaderValue::from(state.platform.now()));
    headers.insert(header::CONTENT_SECURITY_POLICY, standalone_policy());
    // The worker's shelf is the only place for it: that one is emptied when somebody signs out.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The lessons by day. `to_teacher`: the class is what the reader wants to know.
fn days(texts: &'static Texts, dates: &Dates, lessons: &[NamedLesson], to_teacher: bool) -> Vec<KeptDay> {
    let start = |named: &NamedLesson| dates.local(crate::edge::instant(named.lesson.starts_at));
    let mut days: Vec<KeptDay> = Vec::new();
    for named in lessons {
        let (starts, ends) = (start(named), dates.local(crate::edge::instant(named.lesson.ends_at)));
        let room = timetable::room_words(texts, &named.lesson.room);
        let with = if to_teacher { named.class() } else { named.teacher() };
        let parts: Vec<&str> = [with.as_str(), &room].into_iter().filter(|part| !part.is_empty()).collect();
        let line = KeptLesson {
            from: dates.hour(starts.time()),
            to: dates.hour(ends.time()),
            subject: subject(named),
            detail: parts.join(" · "),
            cancelled: !named.lesson.takes_place(),
            exam: named.lesson.exam,
            change: timetable::change_words(texts, named),
        };
        let date = starts.date().to_string();
        match days.last_mut().filter(|day| day.date == date) {
            Some(day) => day.lessons.push(line),
            None => days.push(KeptDay { date, name: dates.day(starts.date()), lessons: vec![line] }),
        }
    }
    days
}

fn work_lines(dates: &Dates, today: Date, mut work: Vec<homework::WorkLine>) -> Vec<KeptWork> {
    let until = today.saturating_add(WORK_DAYS.days());
    work.sort_by_key(|line| (line.due, line.id));
    work.into_iter()
        .filter_map(|line| {
            let day = line.due.filter(|day| *day <= until)?;
            Some(KeptWork {
                date: day.to_string(),
                due: dates.due_on(day),
                text: shortened(&line.work),
                subject: SubjectLabel {
                    name: if line.subject.is_empty() { line.group_label } else { line.subject },
                    hue: line.hue.rem_euclid(12) as u8,
                },
                done: line.done,
            })
        })
        .take(WORK_MOST)
        .collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WORK_CHARS) {
        Some((cut, _)) => format!("{}…", text[..cut].trim_end()),
        None => text.trim_end().to_owned(),
    }
}
