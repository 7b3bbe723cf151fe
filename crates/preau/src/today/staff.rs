//! Today of those who look after the whole school: student life, head; and the desk of all others.

use super::pages::{Context, rendered};
use super::pupil::{subject, unread};
use super::store::{self, Expected, Seen};
use super::views::{DeskToday, HeadToday, MissingPupil, RegisterState, SchoolLesson, StudentLifeToday};
use crate::access::Profile;
use crate::edge::Refusal;
use crate::ids::{GroupId, LessonId, PersonId, SchoolId};
use crate::timetable::{Lesson, NamedLesson};
use std::collections::HashSet;

/// How long before its beginning the head sees a lesson, when none runs.
const AHEAD_MS: i64 = 15 * 60_000;

/// Who is expected in these lessons, and what was seen and noted.
async fn roll_of(context: &Context<'_>, lessons: &[&NamedLesson]) -> Result<(Vec<Expected>, Seen), Refusal> {
    let ids: Vec<LessonId> = lessons.iter().map(|named| named.lesson.id).collect();
    let mut groups: Vec<GroupId> =
        lessons.iter().flat_map(|named| named.lesson.groups.iter().copied()).collect();
    groups.sort_unstable();
    groups.dedup();
    context
        .state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok((store::expected(conn, &groups)?, store::seen(conn, &ids)?)))
        .await
}

/// The pupils expected in one lesson, each once.
fn expected_in<'e>(lesson: &Lesson, expected: &'e [Expected]) -> Vec<&'e Expected> {
    let mut once: HashSet<PersonId> = HashSet::new();
    expected.iter().filter(|pupil| lesson.groups.contains(&pupil.group) && once.insert(pupil.pupil)).collect()
}

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
    let running: Vec<&NamedLesson> =
        all.iter().copied().filter(|named| named.lesson.runs_at(context.now)).collect();
    let (expected, seen) = roll_of(context, &running).await?;
    let (mut total, mut there, mut missing) = (HashSet::new(), HashSet::new(), Vec::new());
    for named in &running {
        for pupil in expected_in(&named.lesson, &expected) {
            total.insert(pupil.pupil);
            if seen.is_there(named.lesson.id, pupil.pupil) {
                there.insert(pupil.pupil);
            } else {
                missing.push((*named, pupil));
            }
        }
    }
    // Somebody of two groups that have lessons at once is in one of them.
    missing.retain(|(_, pupil)| !there.contains(&pupil.pupil));
    let mut lines: Vec<MissingPupil> =
        missing.into_iter().map(|(named, pupil)| missing_line(context, named, pupil, &seen)).collect();
    lines.sort_by(|a, b| a.class.cmp(&b.class));
    let done = running.iter().filter(|named| seen.register(named.lesson.id) == RegisterState::Done).count();
    let minute = context.minute(all.iter().map(|named| &named.lesson), !running.is_empty());
    Ok(rendered!(
        context,
        StudentLifeToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            hour: &context.hour(context.now),
            seen: count(there.len()),
            expected: count(total.len()),
            registers_done: count(done),
            registers: count(running.len()),
            missing: &lines,
            enter_href: "",
            minute: &minute,
        }
    ))
}

fn missing_line(context: &Context<'_>, named: &NamedLesson, pupil: &Expected, seen: &Seen) -> MissingPupil {
    let class = named.groups.iter().find(|group| group.id == pupil.group);
    let teacher = named.teacher();
    MissingPupil {
        href: format!("/lessons/{}/register", named.lesson.id),
        name: pupil.name.clone(),
        class: class.map(|group| group.label.clone()).unwrap_or_default(),
        lesson: if teacher.is_empty() {
            named.subject.name.clone()
        } else {
            format!("{}, {teacher}", named.subject.name)
        },
        since: context.hour(named.lesson.starts_at),
        confirmed: seen.absent.contains(&(named.lesson.id, pupil.pupil)),
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
    let (expected, seen) = roll_of(context, &now).await?;
    let mut lines: Vec<SchoolLesson> = now
        .iter()
        .map(|named| {
            let pupils = expected_in(&named.lesson, &expected);
            let present = pupils.iter().filter(|pupil| seen.is_there(named.lesson.id, pupil.pupil)).count();
            SchoolLesson {
                href: format!("/lessons/{}", named.lesson.id),
                class: named.class(),
                subject: subject(named),
                teacher: named.teacher(),
                open: rooms.get(&named.lesson.id) == Some(&super::board::Room::Open),
                present: count(present),
                expected: count(pupils.len()),
                register: seen.register(named.lesson.id),
            }
        })
        .collect();
    // What needs attention first: not open, then roll not called, then by class.
    lines.sort_by(|a, b| {
        let rank = |line: &SchoolLesson| (line.open, line.register == RegisterState::Done);
        rank(a).cmp(&rank(b)).then_with(|| a.class.cmp(&b.class))
    });
    let waiting: HashSet<PersonId> =
        seen.waiting.iter().filter(|key| !seen.inside.contains(key)).map(|(_, pupil)| *pupil).collect();
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
    let school: Option<SchoolId> = facts.affiliations.first().map(|tie| tie.school);
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
