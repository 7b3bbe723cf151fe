//! Today of a teacher: open the class, see who arrives, call the roll.

use super::moment::{AtTheDoor, TEACHERS_BEFORE_MS, teacher_at_the_door};
use super::pages::{Context, rendered};
use super::pupil::{card, line, next_of, unread};
use super::views::{Arrivals, Door, LessonLine, TaskLine, TeacherToday};
use crate::access::Profile;
use crate::edge::Refusal;
use crate::ids::{LessonId, SchoolId};
use crate::rollcall::{self, Progress, RollState};
use crate::school;
use crate::timetable::NamedLesson;
use std::collections::HashMap;

pub(super) async fn page(context: &Context<'_>) -> Result<String, Refusal> {
    let facts = context.caller.actor().facts().ok_or(Refusal::SignInFirst)?;
    let person = facts.person;
    // Somebody may teach in two schools; the day is one.
    let mut schools: Vec<SchoolId> = facts
        .affiliations
        .iter()
        .filter(|tie| tie.profile == Profile::Teacher)
        .map(|tie| tie.school)
        .collect();
    schools.dedup();
    let mut days = Vec::new();
    for school in &schools {
        days.push((
            context.state.board.day(*school, context.today).await?,
            context.state.board.rooms(*school, context.today).await?,
        ));
    }
    let mut lessons: Vec<&NamedLesson> = days.iter().flat_map(|(day, _)| day.of_teacher(person)).collect();
    lessons.sort_by_key(|named| named.lesson.starts_at);
    let own: Vec<&NamedLesson> = lessons
        .iter()
        .copied()
        .filter(|named| named.lesson.acting_teachers().any(|who| who == person))
        .collect();
    let next = next_of(&own, context.now);

    let over: Vec<&NamedLesson> = own
        .iter()
        .copied()
        .filter(|named| named.lesson.takes_place() && named.lesson.ends_at <= context.now)
        .collect();
    let near = next.filter(|named| context.now >= named.lesson.starts_at - TEACHERS_BEFORE_MS);
    let asked: Vec<LessonId> = over.iter().copied().chain(near).map(|named| named.lesson.id).collect();
    let (rolls, formal) = context
        .state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let formal = school::formal_names(conn, &[person])?.remove(&person);
            Ok((rollcall::state_of(conn, &asked)?, formal))
        })
        .await?;

    let bell = next.map(|named| {
        let room = days.iter().find_map(|(_, rooms)| rooms.get(&named.lesson.id).copied());
        let at_door = teacher_at_the_door(&named.lesson, room, context.now);
        card(context, named, named.class(), door(context, named, at_door))
    });
    let arrivals = near.map(|named| {
        let state = rolls.get(&named.lesson.id).copied().unwrap_or_default();
        Arrivals {
            arrived: state.present,
            expected: state.expected,
            register_href: format!("/lessons/{}/register", named.lesson.id),
            register: state.progress,
        }
    });
    let lines: Vec<LessonLine> =
        lessons.iter().map(|named| line(context, named, next, named.class())).collect();
    let notices = match schools.first() {
        Some(school) => unread(context, *school).await?,
        None => Vec::new(),
    };
    // Arrivals trickle in around the bell: the page looks more often then.
    let minute = context.minute(lessons.iter().map(|named| &named.lesson), near.is_some());
    Ok(rendered!(
        context,
        TeacherToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            greeting_name: formal.as_deref().unwrap_or(&facts.name),
            bell,
            arrivals,
            lessons: &lines,
            tasks: &tasks(context, &over, &rolls),
            notices: &notices,
            write_work_href: "/homework/new",
            minute: &minute,
        }
    ))
}

/// Rolls of today that were not closed.
fn tasks(
    context: &Context<'_>,
    over: &[&NamedLesson],
    rolls: &HashMap<LessonId, RollState>,
) -> Vec<TaskLine> {
    over.iter()
        .filter(|named| {
            let done = rolls.get(&named.lesson.id).is_some_and(|roll| roll.progress == Progress::Done);
            !done && !named.lesson.groups.is_empty()
        })
        .map(|named| TaskLine {
            href: format!("/lessons/{}/register", named.lesson.id),
            label: context.shell.with("today-roll-left", "class", named.class()),
            detail: context.hours(named),
            icon: "list",
        })
        .collect()
}

fn door(context: &Context<'_>, named: &NamedLesson, at_door: AtTheDoor) -> Door {
    let texts = context.shell.texts;
    let id = named.lesson.id;
    match at_door {
        AtTheDoor::Enter => Door::Join { href: format!("/lessons/{id}/live") },
        AtTheDoor::NotOpenedYet => Door::Open {
            path: format!("/lessons/{id}/live/opening"),
            label: texts.with("today-open-class", "class", named.class()),
        },
        AtTheDoor::OpensAt(at) => {
            Door::Closed { note: texts.with("today-you-open-at", "hour", context.hour(at)) }
        }
        AtTheDoor::Ended => Door::Closed { note: texts.get("today-class-ended").to_owned() },
    }
}
