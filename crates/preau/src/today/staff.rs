//! Today of those who look after the whole school: student life, head; and the desk of all others.

use super::pages::{Context, rendered};
use super::pupil::{subject, unread};
use super::views::{DeskToday, HeadToday, MissingPupil, SchoolLesson, StudentLifeToday};
use crate::access::Profile;
use crate::edge::Refusal;
use crate::ids::{LessonId, PersonId, SchoolId};
use crate::lesson::Room;
use crate::notices;
use crate::presence;
use crate::rollcall::{self, Progress};
use crate::timetable::NamedLesson;
use std::collections::HashSet;

/// How long before its beginning the head sees a lesson, when none runs.
const AHEAD_MS: i64 = 15 * 60_000;

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(super) async fn student_life(context: &Context<'_>) -> Result<String, Refusal> {
    let school = context
        .caller
        .actor()
        .school_as(&[Profile::Counsellor, Profile::Supervisor])
        .ok_or(Refusal::NotFound)?;
    let day = context.state.board.day(school, context.today).await?;
    let all = day.all();
    let (store, now) = (context.state.platform.store(), context.now);
    let roll = store.read::<_, Refusal, _>(move |conn| Ok(rollcall::missing_now(conn, school, now)?)).await?;
    let lines: Vec<MissingPupil> = roll
        .missing
        .iter()
        .map(|missing| {
            missing_line(context, all.iter().copied().find(|one| one.lesson.id == missing.lesson), missing)
        })
        .collect();
    let minute = context.minute(all.iter().map(|named| &named.lesson), roll.registers > 0);
    Ok(rendered!(
        context,
        StudentLifeToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            hour: &context.hour(context.now),
            seen: roll.seen,
            expected: roll.expected,
            registers_done: roll.registers_done,
            registers: roll.registers,
            missing: &lines,
            enter_href: "",
            minute: &minute,
        }
    ))
}

fn missing_line(
    context: &Context<'_>,
    named: Option<&NamedLesson>,
    missing: &rollcall::MissingPupil,
) -> MissingPupil {
    let subject = named.map_or(missing.lesson_label.as_str(), |named| named.subject.name.as_str());
    let teacher = missing.teachers.first().map_or("", String::as_str);
    MissingPupil {
        href: format!("/lessons/{}/register", missing.lesson),
        name: missing.name.clone(),
        class: missing.class.clone(),
        lesson: if teacher.is_empty() { subject.to_owned() } else { format!("{subject}, {teacher}") },
        since: context.hour(missing.since),
        confirmed: missing.confirmed,
        announced: false,
    }
}

pub(super) async fn head(context: &Context<'_>) -> Result<String, Refusal> {
    let school = context.caller.actor().school_as(&[Profile::Head]).ok_or(Refusal::NotFound)?;
    let day = context.state.board.day(school, context.today).await?;
    let rooms = context.state.board.rooms(school, context.today).await?;
    let all = day.all();
    let mut now: Vec<&NamedLesson> =
        all.iter().copied().filter(|named| named.lesson.runs_at(context.now)).collect();
    if now.is_empty() {
        let soon = context.now..=context.now + AHEAD_MS;
        now = all
            .iter()
            .copied()
            .filter(|named| named.lesson.takes_place() && soon.contains(&named.lesson.starts_at))
            .collect();
    }
    let asked: Vec<LessonId> = now.iter().map(|named| named.lesson.id).collect();
    let (states, seen) = context
        .state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            Ok((rollcall::state_of(conn, &asked)?, presence::sightings(conn, &asked)?))
        })
        .await?;
    let mut lines: Vec<SchoolLesson> = now
        .iter()
        .map(|named| {
            let state = states.get(&named.lesson.id).copied().unwrap_or_default();
            SchoolLesson {
                href: format!("/lessons/{}", named.lesson.id),
                class: named.class(),
                subject: subject(named),
                teacher: named.teacher(),
                exam: named.lesson.exam,
                open: rooms.get(&named.lesson.id) == Some(&Room::Open),
                present: state.present,
                expected: state.expected,
                register: state.progress,
            }
        })
        .collect();
    // What needs attention first: not open, then roll not called, then by class.
    lines.sort_by(|a, b| {
        let rank = |line: &SchoolLesson| (line.open, line.register == Progress::Done);
        rank(a).cmp(&rank(b)).then_with(|| a.class.cmp(&b.class))
    });
    let inside: HashSet<PersonId> =
        seen.iter().filter(|(_, seen)| seen.live.is_some()).map(|((_, pupil), _)| *pupil).collect();
    let waiting: HashSet<PersonId> =
        seen.keys().map(|(_, pupil)| *pupil).filter(|pupil| !inside.contains(pupil)).collect();
    let notices = unread(context, school).await?;
    let minute = context.minute(all.iter().map(|named| &named.lesson), !now.is_empty());
    Ok(rendered!(
        context,
        HeadToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            hour: &context.hour(context.now),
            open: count(lines.iter().filter(|line| line.open).count()),
            lessons_now: count(lines.len()),
            present: lines.iter().map(|line| line.present).sum(),
            expected: lines.iter().map(|line| line.expected).sum(),
            waiting: count(waiting.len()),
            lessons: &lines,
            notices: &notices,
            write_notice_href: "/notices/new",
            minute: &minute,
        }
    ))
}

/// The page of those who have no lessons of their own: what they can do here.
pub(super) async fn desk(context: &Context<'_>) -> Result<String, Refusal> {
    let facts = context.caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    // Not everybody with a desk reads the school's notices: the authority does not.
    let school: Option<SchoolId> = notices::schools_of(context.caller.actor()).first().copied();
    let notices = match school {
        Some(school) => unread(context, school).await?,
        None => Vec::new(),
    };
    let minute = context.minute([], false);
    Ok(rendered!(
        context,
        DeskToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            greeting_name: &facts.name,
            notices: &notices,
            minute: &minute,
        }
    ))
}
