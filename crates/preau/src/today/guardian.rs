//! Today of a guardian: a tile per child. Only legal guardianship counts; a contact sees no child.

use super::pages::{Context, rendered};
use super::pupil::{due_soon, face, next_of, notice_lines};
use super::views::{ChildTile, GuardianToday, NoticeLine};
use crate::access::Child;
use crate::edge::Refusal;
use crate::homework::{self, HomeworkId};
use crate::ids::{PersonId, SchoolId};
use crate::notices::{self, NoticeId};
use crate::school;
use crate::timetable::{Lesson, NamedLesson};
use crate::ui::ClockFace;

pub(super) async fn page(context: &Context<'_>) -> Result<String, Refusal> {
    let actor = context.caller.actor();
    let facts = actor.facts().ok_or(Refusal::SignInFirst)?;
    let person = facts.person;
    let children: Vec<&Child> = actor.wards().collect();
    let mut schools: Vec<SchoolId> = children.iter().map(|child| child.school).collect();
    schools.sort_unstable();
    schools.dedup();

    let mut days = Vec::new();
    let mut due = Vec::new();
    for child in &children {
        days.push(context.state.board.day(child.school, context.today).await?);
        due.push(due_soon(context, child.school, &child.groups).await?);
    }
    let mut notices = Vec::new();
    for school in &schools {
        notices.push(context.state.board.notices(*school).await?);
    }
    let shown: Vec<NoticeId> =
        notices.iter().flat_map(|notices| notices.iter().map(|notice| notice.id)).collect();
    let pupils: Vec<PersonId> = children.iter().map(|child| child.pupil).collect();
    let work: Vec<HomeworkId> = due.iter().flatten().map(|line| line.id).collect();
    let (ticks, read, classes, formal) = context
        .state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let mut classes = Vec::new();
            for school in schools {
                classes
                    .extend(school::groups_of_school(conn, school)?.into_iter().filter(|line| line.is_class));
            }
            let formal = school::formal_names(conn, &[person])?.remove(&person);
            Ok((
                homework::ticks(conn, &pupils, &work)?,
                notices::opened(conn, person, &shown)?,
                classes,
                formal,
            ))
        })
        .await?;

    let mut shown_lessons: Vec<&Lesson> = Vec::new();
    let mut tiles = Vec::new();
    for ((child, day), due) in children.iter().zip(&days).zip(&due) {
        let lessons = day.of_groups(&child.groups);
        shown_lessons.extend(lessons.iter().map(|named| &named.lesson));
        let next = next_of(&lessons, context.now);
        let class: Vec<&str> = classes
            .iter()
            .filter(|class| child.groups.contains(&class.id))
            .map(|class| class.label.as_str())
            .collect();
        let left = due.iter().filter(|line| !ticks.contains(&(child.pupil, line.id))).count();
        tiles.push(ChildTile {
            href: format!("/timetable?child={}", child.pupil),
            name: child.name.clone(),
            class: class.join(", "),
            now: whereabouts(context, &lessons, next),
            face: next
                .map_or_else(|| ClockFace::bare(context.time(context.now)), |named| face(context, named)),
            hue: next.map_or(0, |named| named.subject.hue),
            exam: next.is_some_and(|named| named.lesson.exam),
            work_left: u32::try_from(left).unwrap_or(u32::MAX),
            work_href: format!("/homework?child={}", child.pupil),
            to_justify: String::new(),
            justify_href: String::new(),
        });
    }
    let notices: Vec<NoticeLine> =
        notices.iter().flat_map(|notices| notice_lines(context, notices, |id| read.contains(&id))).collect();
    let minute = context.minute(shown_lessons, false);
    Ok(rendered!(
        context,
        GuardianToday {
            page: &context.shell,
            date: &context.dates.day(context.today),
            greeting_name: formal.as_deref().unwrap_or(&facts.name),
            children: &tiles,
            notices: &notices,
            report_absence_href: "",
            minute: &minute,
        }
    ))
}

/// Where the child is now, in words.
fn whereabouts(context: &Context<'_>, lessons: &[&NamedLesson], next: Option<&NamedLesson>) -> String {
    let texts = context.shell.texts;
    match next {
        Some(named) if named.lesson.runs_at(context.now) => texts.with2(
            "today-child-in",
            "subject",
            &named.subject.name,
            "hour",
            context.hour(named.lesson.ends_at),
        ),
        Some(named) => texts.with2(
            "today-child-next",
            "subject",
            &named.subject.name,
            "hour",
            context.hour(named.lesson.starts_at),
        ),
        None => match lessons
            .iter()
            .filter(|named| named.lesson.takes_place())
            .map(|named| named.lesson.ends_at)
            .max()
        {
            Some(ended) => texts.with("today-child-over", "hour", context.hour(ended)),
            None => texts.get("today-no-lessons").to_owned(),
        },
    }
}
