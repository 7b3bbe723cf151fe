//! Today of a pupil: one card, one button, the day, the work.

use super::moment::{AtTheDoor, pupil_at_the_door};
use super::pages::{Context, rendered};
use super::views::{BellCard, Door, LessonLine, LessonState, NoticeLine, PupilToday, SubjectLabel, WorkLine};
use crate::access::Profile;
use crate::edge::Refusal;
use crate::homework;
use crate::ids::{GroupId, SchoolId};
use crate::notices::{self, NoticeId};
use crate::timetable::{self, NamedLesson, current_or_next};
use crate::ui::ClockFace;
use jiff::ToSpan as _;
use std::sync::Arc;

/// How far ahead work is shown, in days.
const WORK_DAYS: i32 = 7;
/// Most pieces of work on the page.
const WORK_LINES: usize = 8;
/// Longest beginning of a work's text, in characters.
const WHAT_CHARS: usize = 140;

pub(super) async fn page(context: &Context<'_>) -> Result<String, Refusal> {
    let actor = context.caller.actor();
    let facts = actor.facts().ok_or(Refusal::SignInFirst)?;
    let school = actor.school_as(&[Profile::Pupil]).ok_or(Refusal::NotFound)?;
    let board = &context.state.board;
    let day = board.day(school, context.today).await?;
    let rooms = board.rooms(school, context.today).await?;
    let lessons = day.of_groups(&facts.enrolled);
    let due = due_soon(context, school, &facts.enrolled).await?;
    let (work, notices) = own_rows(context, school, due).await?;

    let next = next_of(&lessons, context.now);
    let bell = next.map(|named| {
        let at_door = pupil_at_the_door(&named.lesson, rooms.get(&named.lesson.id).copied(), context.now);
        (card(context, named, named.teacher(), door(context, named, at_door)), at_door)
    });
    let at_the_door = matches!(bell, Some((_, AtTheDoor::NotOpenedYet)));
    let lines: Vec<LessonLine> =
        lessons.iter().map(|named| line(context, named, next, named.teacher())).collect();
    let minute = context.minute(lessons.iter().map(|named| &named.lesson), at_the_door);
    Ok(rendered!(
        context,
        PupilToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            first_name: facts.name.split(' ').next().unwrap_or_default(),
            bell: bell.map(|(card, _)| card),
            lessons: &lines,
            work: &work,
            notices: &notices,
            minute: &minute,
        }
    ))
}

/// The lesson for the card.
pub(super) fn next_of<'n>(lessons: &[&'n NamedLesson], now: i64) -> Option<&'n NamedLesson> {
    let found = current_or_next(lessons.iter().map(|named| &named.lesson), now)?.id;
    lessons.iter().copied().find(|named| named.lesson.id == found)
}

/// The work of the next days for these groups, soonest first.
pub(super) async fn due_soon(
    context: &Context<'_>,
    school: SchoolId,
    groups: &[GroupId],
) -> Result<Vec<homework::WorkLine>, Refusal> {
    let until = context.today.saturating_add(WORK_DAYS.days());
    let mut due = Vec::new();
    for group in groups {
        let lines: Arc<Vec<homework::WorkLine>> =
            context.state.board.work(school, *group, context.today).await?;
        due.extend(lines.iter().filter(|line| line.due.is_some_and(|day| day <= until)).cloned());
    }
    due.sort_by_key(|line| (line.due, line.id));
    Ok(due)
}

/// Ticks and unread notices: the rows that are the person's own.
async fn own_rows(
    context: &Context<'_>,
    school: SchoolId,
    mut due: Vec<homework::WorkLine>,
) -> Result<(Vec<WorkLine>, Vec<NoticeLine>), Refusal> {
    let person = context.caller.person()?;
    due.truncate(WORK_LINES);
    let ids: Vec<_> = due.iter().map(|line| line.id).collect();
    let latest = context.state.board.notices(school).await?;
    let shown: Vec<NoticeId> = latest.iter().map(|notice| notice.id).collect();
    let (ticks, read) = if ids.is_empty() && shown.is_empty() {
        Default::default()
    } else {
        context
            .state
            .platform
            .store()
            .read::<_, Refusal, _>(move |conn| {
                Ok((homework::ticks(conn, &[person], &ids)?, notices::opened(conn, person, &shown)?))
            })
            .await?
    };
    let work = due
        .into_iter()
        .map(|line| WorkLine {
            href: format!("/homework/{}", line.id),
            done: ticks.contains(&(person, line.id)),
            subject: SubjectLabel {
                name: if line.subject.is_empty() { line.group_label } else { line.subject },
                hue: line.hue.rem_euclid(12) as u8,
            },
            what: beginning(&line.work),
            due: line.due.map(|day| context.dates.due(context.today, day)).unwrap_or_default(),
        })
        .collect();
    Ok((work, notice_lines(context, &latest, |id| read.contains(&id))))
}

/// The unread among a school's notices, as lines.
pub(super) fn notice_lines(
    context: &Context<'_>,
    latest: &[notices::NoticeLine],
    read: impl Fn(NoticeId) -> bool,
) -> Vec<NoticeLine> {
    latest
        .iter()
        .filter(|notice| !read(notice.id))
        .map(|notice| NoticeLine {
            href: format!("/notices/{}", notice.id),
            title: notice.title.clone(),
            detail: format!(
                "{}, {}",
                notice.author,
                context.dates.moment(context.today, crate::edge::instant(notice.published_at))
            ),
        })
        .collect()
}

/// The unread notices of a school for whoever asks.
pub(super) async fn unread(context: &Context<'_>, school: SchoolId) -> Result<Vec<NoticeLine>, Refusal> {
    let (person, latest) = (context.caller.person()?, context.state.board.notices(school).await?);
    let shown: Vec<NoticeId> = latest.iter().map(|notice| notice.id).collect();
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let store = context.state.platform.store();
    let read = store.read::<_, Refusal, _>(move |conn| Ok(notices::opened(conn, person, &shown)?)).await?;
    Ok(notice_lines(context, &latest, |id| read.contains(&id)))
}

fn beginning(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    match first.char_indices().nth(WHAT_CHARS) {
        Some((cut, _)) => format!("{}…", first[..cut].trim_end()),
        None if first.len() < text.trim_end().len() => format!("{first} …"),
        None => first.to_owned(),
    }
}

/// The card of a lesson; `with` is the teacher for pupils, the class for teachers.
pub(super) fn card(context: &Context<'_>, named: &NamedLesson, with: String, door: Door) -> BellCard {
    let lesson = &named.lesson;
    let now = context.now_timestamp();
    let when = if lesson.runs_at(context.now) {
        let left = u32::try_from((lesson.ends_at - context.now + 59_999) / 60_000).unwrap_or(0);
        context.shell.with("today-still", "length", context.dates.length(left))
    } else {
        context.dates.relative(now, crate::edge::instant(lesson.starts_at))
    };
    BellCard {
        face: face(context, named),
        when,
        subject: subject(named),
        with,
        hours: context.hours(named),
        room: timetable::room_words(context.shell.texts, &lesson.room),
        exam: lesson.exam,
        door,
    }
}

pub(super) fn face(context: &Context<'_>, named: &NamedLesson) -> ClockFace {
    ClockFace::of(
        context.time(context.now),
        context.time(named.lesson.starts_at),
        context.time(named.lesson.ends_at),
    )
}

pub(super) fn subject(named: &NamedLesson) -> SubjectLabel {
    SubjectLabel { name: named.subject.name.clone(), hue: named.subject.hue }
}

fn door(context: &Context<'_>, named: &NamedLesson, at_door: AtTheDoor) -> Door {
    let texts = context.shell.texts;
    match at_door {
        AtTheDoor::Enter => Door::Join { href: format!("/lessons/{}/live", named.lesson.id) },
        AtTheDoor::OpensAt(at) => {
            Door::Closed { note: texts.with("today-opens-at", "hour", context.hour(at)) }
        }
        AtTheDoor::NotOpenedYet if named.teachers.is_empty() => {
            Door::Closed { note: texts.get("today-nobody-opened-yet").to_owned() }
        }
        AtTheDoor::NotOpenedYet => {
            Door::Closed { note: texts.with("today-not-opened-yet", "teacher", named.teacher()) }
        }
        AtTheDoor::Ended => Door::Closed { note: texts.get("today-class-ended").to_owned() },
    }
}

/// A line of the day; `next` is the lesson on the card.
pub(super) fn line(
    context: &Context<'_>,
    named: &NamedLesson,
    next: Option<&NamedLesson>,
    with: String,
) -> LessonLine {
    let lesson = &named.lesson;
    let state = if !lesson.takes_place() {
        LessonState::Cancelled
    } else if lesson.ends_at <= context.now {
        LessonState::Past
    } else if next.is_some_and(|next| next.lesson.id == lesson.id) {
        LessonState::Here
    } else {
        LessonState::Ahead
    };
    let room = timetable::room_words(context.shell.texts, &lesson.room);
    let detail = if room.is_empty() || with.is_empty() {
        format!("{with}{room}")
    } else {
        format!("{with} · {room}")
    };
    let starts = context.time(lesson.starts_at);
    LessonLine {
        href: format!("/lessons/{}", lesson.id),
        subject: subject(named),
        detail,
        from: context.dates.hour(starts),
        to: context.hour(lesson.ends_at),
        from_iso: format!("{:02}:{:02}", starts.hour(), starts.minute()),
        state,
        exam: lesson.exam,
        change: timetable::change_words(context.shell.texts, named),
    }
}
