//! The week: of a pupil, a child, a teacher, a class.

use super::model::day_bounds;
use super::policy::{ReadLesson, WHOLE_SCHOOL};
use super::{NamedLesson, TimetableState, lessons_between, named, store, views};
use crate::access::{Actor, Denied, Permit, Profile, Scope};
use crate::edge::{Caller, Refusal, html};
use crate::ids::{GroupId, PersonId, SchoolId};
use crate::school::{self, Group, GroupLine, TeacherLine};
use crate::store::Conn;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;

/// Which week, of whom.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WeekQuery {
    week: Option<String>,
    child: Option<PersonId>,
    group: Option<GroupId>,
    teacher: Option<PersonId>,
}

/// Whose week is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The caller's own.
    Own,
    /// A child's.
    Child(PersonId),
    /// A class's or group's.
    Group(GroupId),
    /// A teacher's.
    Teacher(PersonId),
}

/// Everything the page shows.
pub(super) struct Week {
    pub(super) monday: Date,
    pub(super) whose: Whose,
    pub(super) lessons: Vec<NamedLesson>,
    pub(super) holidays: Vec<preau_formats::timetable::Holiday>,
    pub(super) groups: Vec<GroupLine>,
    pub(super) teachers: Vec<TeacherLine>,
}

/// The Monday of the week that was asked for, else of today's; on a week-end the week that comes.
fn monday_of(asked: Option<&str>, today: Date) -> Date {
    let asked =
        asked.and_then(|text| text.parse::<Date>().ok()).filter(|day| (2000..2100).contains(&day.year()));
    let day = asked.unwrap_or_else(|| match today.weekday() {
        jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday => today.saturating_add(2.days()),
        _ => today,
    });
    day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days())
}

pub(super) async fn show(
    State(state): State<TimetableState>,
    caller: Caller,
    Query(query): Query<WeekQuery>,
) -> Result<Response, Refusal> {
    let monday = monday_of(query.week.as_deref(), state.platform.today());
    let (actor, zone) = (caller.actor().clone(), state.platform.zone());
    let week = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let (groups, teachers) = choices(conn, &actor)?;
            let (whose, scope) = scope_of(conn, &actor, &query, &groups)?;
            let (from, to) =
                (day_bounds(monday, &zone).0, day_bounds(monday.saturating_add(7.days()), &zone).0);
            let mut lessons = lessons_between(conn, &scope, from, to)?;
            if let (Whose::Teacher(person), Scope::School(_)) = (whose, &scope) {
                // The scope has decided what may be seen; this only narrows the page to one teacher.
                lessons.retain(|lesson| lesson.is_held_by(person));
            }
            lessons.retain(|lesson| lesson.is_shown());
            let school = lessons.first().map(|lesson| lesson.school).or_else(|| school_of(&actor));
            let holidays = match school {
                Some(school) => store::holidays(conn, school)?,
                None => Vec::new(),
            };
            Ok(Week { monday, whose, lessons: named(conn, lessons)?, holidays, groups, teachers })
        })
        .await?;
    let shell = caller.shell("timetable-title");
    html(&views::WeekPage::new(&shell, &state.platform, caller.actor(), &week))
}

fn school_of(actor: &Actor) -> Option<SchoolId> {
    let facts = actor.facts()?;
    facts
        .affiliations
        .first()
        .map(|tie| tie.school)
        .or_else(|| facts.children.first().map(|child| child.school))
}

/// The classes and teachers that the caller may choose from.
fn choices(conn: &mut Conn, actor: &Actor) -> Result<(Vec<GroupLine>, Vec<TeacherLine>), Refusal> {
    if let Some(school) = actor.school_as(WHOLE_SCHOOL) {
        return Ok((school::groups_of_school(conn, school)?, school::teachers_of(conn, school)?));
    }
    let taught = actor.facts().map(|facts| facts.taught.clone()).unwrap_or_default();
    if !actor.has(Profile::Teacher) || taught.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let names = school::group_names(conn, &taught)?;
    let lines = names.into_iter().map(|group| GroupLine {
        id: group.id,
        is_class: true,
        code: String::new(),
        label: group.label,
    });
    Ok((lines.collect(), Vec::new()))
}

/// Whose week, and what may be read for it.
fn scope_of(
    conn: &mut Conn,
    actor: &Actor,
    query: &WeekQuery,
    groups: &[GroupLine],
) -> Result<(Whose, Scope), Refusal> {
    if let Some(pupil) = query.child {
        let child = actor.wards().find(|child| child.pupil == pupil).ok_or(Refusal::NotFound)?;
        return Ok((Whose::Child(pupil), Scope::Groups(child.groups.clone())));
    }
    if let Some(group) = query.group {
        let permit: Result<Permit<Group, ReadLesson>, Denied> = actor.permit(conn, group);
        let group = permit?.into_resource();
        return Ok((Whose::Group(group.id), Scope::Groups(vec![group.id])));
    }
    if let Some(teacher) = query.teacher {
        if actor.is(teacher) {
            return Ok((Whose::Own, Scope::Persons(vec![teacher])));
        }
        let school = actor.school_as(WHOLE_SCHOOL).ok_or(Refusal::NotFound)?;
        return Ok((Whose::Teacher(teacher), Scope::School(school)));
    }
    let facts = actor.facts().ok_or(Refusal::SignInFirst)?;
    if actor.has(Profile::Teacher) || actor.has(Profile::Librarian) {
        return Ok((Whose::Own, Scope::Persons(vec![facts.person])));
    }
    if actor.has(Profile::Pupil) {
        return Ok((Whose::Own, Scope::Groups(facts.enrolled.clone())));
    }
    if let (Some(_), Some(first)) = (actor.school_as(WHOLE_SCHOOL), groups.first()) {
        return Ok((Whose::Group(first.id), Scope::Groups(vec![first.id])));
    }
    match actor.wards().next() {
        Some(child) => Ok((Whose::Child(child.pupil), Scope::Groups(child.groups.clone()))),
        None => Ok((Whose::Own, Scope::Nothing)),
    }
}
