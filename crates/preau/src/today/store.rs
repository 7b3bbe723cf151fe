//! What today's pages read of others' tables: a few rows of the person who asks, or counts over the lessons
//! that run now. It only reads, in as few statements as the page has questions; the slices that own these
//! tables alone write them.

use super::board::{Room, Rooms};
use super::views::RegisterState;
use crate::homework::HomeworkId;
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId};
use crate::store::Conn;
use crate::store::schema::{
    enrolment, homework_done, lesson, live_room, notice, notice_read, person, presence, register,
    register_entry,
};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// How long an unread notice stays on the page: two weeks.
pub(super) const NOTICE_SHOWN_MS: Millis = 14 * 24 * 3_600_000;
/// Most notices of a school on the page.
const NOTICES: i64 = 5;

/// The live rooms of the lessons that begin within `[from, to)`.
pub(super) fn rooms(conn: &mut Conn, school: SchoolId, (from, to): (Millis, Millis)) -> QueryResult<Rooms> {
    let rows: Vec<(LessonId, Option<Millis>)> = live_room::table
        .inner_join(lesson::table.on(lesson::id.eq(live_room::lesson_id)))
        .filter(lesson::school_id.eq(school))
        .filter(lesson::starts_at.ge(from))
        .filter(lesson::starts_at.lt(to))
        .select((live_room::lesson_id, live_room::ended_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(lesson, ended)| (lesson, if ended.is_some() { Room::Ended } else { Room::Open }))
        .collect())
}

/// A notice to the school.
pub(super) struct Notice {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) published_at: Millis,
}

/// The newest notices of a school since an instant.
pub(super) fn notices(conn: &mut Conn, school: SchoolId, since: Millis) -> QueryResult<Vec<Notice>> {
    let rows: Vec<(i64, String, Millis, String, String, String)> = notice::table
        .inner_join(person::table.on(person::id.eq(notice::author_id)))
        .filter(notice::school_id.eq(school))
        .filter(notice::published_at.ge(since))
        .filter(notice::withdrawn_at.is_null())
        .order(notice::published_at.desc())
        .limit(NOTICES)
        .select((
            notice::id,
            notice::title,
            notice::published_at,
            person::title,
            person::given_name,
            person::family_name,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, title, published_at, polite, given, family)| Notice {
            id,
            title,
            author: if polite.is_empty() {
                format!("{given} {family}")
            } else {
                format!("{polite} {family}")
            },
            published_at,
        })
        .collect())
}

/// Which of these notices the person has read.
pub(super) fn notices_read(conn: &mut Conn, person: PersonId, notices: &[i64]) -> QueryResult<HashSet<i64>> {
    if notices.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<i64> = notice_read::table
        .filter(notice_read::person_id.eq(person))
        .filter(notice_read::notice_id.eq_any(notices.to_vec()))
        .select(notice_read::notice_id)
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Which of this work each of the pupils ticked.
pub(super) fn ticks(
    conn: &mut Conn,
    pupils: &[PersonId],
    work: &[HomeworkId],
) -> QueryResult<HashSet<(PersonId, HomeworkId)>> {
    if work.is_empty() || pupils.is_empty() {
        return Ok(HashSet::new());
    }
    let rows: Vec<(PersonId, HomeworkId)> = homework_done::table
        .filter(homework_done::pupil_id.eq_any(pupils.iter().map(|pupil| pupil.get()).collect::<Vec<_>>()))
        .filter(homework_done::homework_id.eq_any(work.iter().map(|work| work.get()).collect::<Vec<_>>()))
        .select((homework_done::pupil_id, homework_done::homework_id))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// A pupil expected in some lesson.
pub(super) struct Expected {
    pub(super) pupil: PersonId,
    pub(super) group: GroupId,
    pub(super) name: String,
}

/// The pupils of these classes and groups, by family name. A pupil of two of them comes twice.
pub(super) fn expected(conn: &mut Conn, groups: &[GroupId]) -> QueryResult<Vec<Expected>> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(PersonId, GroupId, String, String)> = enrolment::table
        .inner_join(person::table.on(person::id.eq(enrolment::person_id)))
        .filter(enrolment::group_id.eq_any(groups.iter().map(|group| group.get()).collect::<Vec<_>>()))
        .filter(person::removed_at.is_null())
        .order((person::family_name.asc(), person::given_name.asc(), person::id.asc()))
        .select((enrolment::person_id, enrolment::group_id, person::given_name, person::family_name))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(pupil, group, given, family)| Expected { pupil, group, name: format!("{given} {family}") })
        .collect())
}

/// What was seen and noted at some lessons.
#[derive(Default)]
pub(super) struct Seen {
    /// Who was in the room.
    pub(super) inside: HashSet<(LessonId, PersonId)>,
    /// Who was seen waiting in the gate.
    pub(super) waiting: HashSet<(LessonId, PersonId)>,
    /// Whom a roll call says absent.
    pub(super) absent: HashSet<(LessonId, PersonId)>,
    /// Whom a roll call says present or late.
    pub(super) present: HashSet<(LessonId, PersonId)>,
    /// How the roll calls stand; absent: not begun.
    pub(super) registers: HashMap<LessonId, RegisterState>,
}

impl Seen {
    /// Whether the pupil is known to be there: a closed or begun roll call outweighs what was seen.
    pub(super) fn is_there(&self, lesson: LessonId, pupil: PersonId) -> bool {
        let key = (lesson, pupil);
        !self.absent.contains(&key)
            && (self.present.contains(&key) || self.inside.contains(&key) || self.waiting.contains(&key))
    }

    /// How the roll call of a lesson stands.
    pub(super) fn register(&self, lesson: LessonId) -> RegisterState {
        self.registers.get(&lesson).copied().unwrap_or(RegisterState::ToDo)
    }
}

/// What was seen and noted at these lessons.
pub(super) fn seen(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<Seen> {
    let mut seen = Seen::default();
    if lessons.is_empty() {
        return Ok(seen);
    }
    let ids: Vec<i64> = lessons.iter().map(|lesson| lesson.get()).collect();
    let rows: Vec<(LessonId, PersonId, String)> = presence::table
        .filter(presence::lesson_id.eq_any(ids.clone()))
        .select((presence::lesson_id, presence::person_id, presence::kind))
        .load(conn)?;
    for (lesson, pupil, kind) in rows {
        if kind == "live" {
            seen.inside.insert((lesson, pupil));
        } else {
            seen.waiting.insert((lesson, pupil));
        }
    }
    let rows: Vec<(LessonId, Option<Millis>)> = register::table
        .filter(register::lesson_id.eq_any(ids.clone()))
        .select((register::lesson_id, register::closed_at))
        .load(conn)?;
    for (lesson, closed) in rows {
        let state = if closed.is_some() { RegisterState::Done } else { RegisterState::InProgress };
        seen.registers.insert(lesson, state);
    }
    if !seen.registers.is_empty() {
        let rows: Vec<(LessonId, PersonId, String)> = register_entry::table
            .filter(register_entry::lesson_id.eq_any(ids))
            .select((register_entry::lesson_id, register_entry::pupil_id, register_entry::state))
            .load(conn)?;
        for (lesson, pupil, state) in rows {
            if state == "absent" {
                seen.absent.insert((lesson, pupil));
            } else {
                seen.present.insert((lesson, pupil));
            }
        }
    }
    Ok(seen)
}
