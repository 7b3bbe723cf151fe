//! The SQL that only the demonstration needs: lessons of its own making, notices, a few ticks.

use super::day::Planned;
use crate::access::Profile;
use crate::homework::HomeworkId;
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{
    account, affiliation, class_group, enrolment, homework_done, lesson, lesson_group, lesson_teacher,
    notice, person, teaching,
};
use crate::store::{Conn, Tx};
use diesel::prelude::*;

/// Where the demonstration's lessons come from, as the timetable notes it.
const SOURCE: &str = "demo";

/// The classes in order, each with its teachers in the order of the subjects.
pub(super) fn classes(
    conn: &mut Conn,
    school: SchoolId,
) -> QueryResult<Vec<(GroupId, String, Vec<(SubjectId, PersonId)>)>> {
    let groups: Vec<(GroupId, String)> = class_group::table
        .filter(class_group::school_id.eq(school))
        .filter(class_group::kind.eq("class"))
        .order(class_group::id)
        .select((class_group::id, class_group::label))
        .load(conn)?;
    groups
        .into_iter()
        .map(|(group, label)| {
            let taught = teaching::table
                .filter(teaching::group_id.eq(group))
                .order(teaching::subject_id)
                .select((teaching::subject_id, teaching::person_id))
                .load(conn)?;
            Ok((group, label, taught))
        })
        .collect()
}

/// Adds a lesson unless the class has one at that time.
pub(super) fn insert_lesson(tx: &mut Tx<'_>, school: SchoolId, planned: &Planned) -> QueryResult<()> {
    let key = format!("{}-{}", planned.group, planned.starts_at);
    let there: i64 = lesson::table
        .filter(lesson::school_id.eq(school))
        .filter(lesson::source.eq(SOURCE))
        .filter(lesson::source_key.eq(&key))
        .count()
        .get_result(tx.conn())?;
    if there > 0 {
        return Ok(());
    }
    let id = LessonId::fresh();
    diesel::insert_into(lesson::table)
        .values((
            lesson::id.eq(id),
            lesson::school_id.eq(school),
            lesson::starts_at.eq(planned.starts_at),
            lesson::ends_at.eq(planned.ends_at),
            lesson::subject_id.eq(planned.subject),
            lesson::label.eq(planned.label),
            lesson::room.eq(&planned.room),
            lesson::source.eq(SOURCE),
            lesson::source_key.eq(key),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(lesson_group::table)
        .values((
            lesson_group::lesson_id.eq(id),
            lesson_group::group_id.eq(planned.group),
            lesson_group::starts_at.eq(planned.starts_at),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(lesson_teacher::table)
        .values((
            lesson_teacher::lesson_id.eq(id),
            lesson_teacher::person_id.eq(planned.teacher),
            lesson_teacher::starts_at.eq(planned.starts_at),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Two notices of the head.
pub(super) fn insert_notices(tx: &mut Tx<'_>, school: SchoolId) -> QueryResult<()> {
    let head: PersonId = affiliation::table
        .filter(affiliation::school_id.eq(school))
        .filter(affiliation::profile.eq(Profile::Head.word()))
        .select(affiliation::person_id)
        .first(tx.conn())?;
    let now = tx.now();
    for (title, body, ago) in [
        (
            "Cours à distance lundi",
            "L’établissement est fermé lundi. Les cours ont lieu en ligne, aux heures habituelles : la page du jour montre le bouton pour entrer. L’appel est fait à chaque cours.",
            3_600_000,
        ),
        (
            "Conseil de classe des 3e",
            "Les conseils de classe des 3e ont lieu jeudi et vendredi à partir de 17 h.",
            86_400_000,
        ),
    ] {
        let published: Millis = now - ago;
        diesel::insert_into(notice::table)
            .values((
                notice::id.eq(crate::ids::next_id()),
                notice::school_id.eq(school),
                notice::author_id.eq(head),
                notice::title.eq(title),
                notice::body.eq(body),
                notice::published_at.eq(published),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Ticks a piece of work.
pub(super) fn tick(tx: &mut Tx<'_>, homework: HomeworkId, pupil: PersonId) -> QueryResult<()> {
    let now = tx.now();
    diesel::insert_into(homework_done::table)
        .values((
            homework_done::homework_id.eq(homework),
            homework_done::pupil_id.eq(pupil),
            homework_done::done_at.eq(now),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// An account as `--accounts` lists it.
pub(super) struct AccountLine {
    pub(super) person: PersonId,
    pub(super) role: String,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) class: String,
}

/// Everybody who has an account in the school. Pupils come with their class, teachers with the class
/// they have in front of them at `now`, and those who have one come first.
pub(super) fn accounts(conn: &mut Conn, school: SchoolId, now: Millis) -> QueryResult<Vec<AccountLine>> {
    let rows: Vec<(PersonId, String, String, String, String)> = account::table
        .inner_join(person::table.on(person::id.eq(account::person_id)))
        .inner_join(affiliation::table.on(affiliation::person_id.eq(account::person_id)))
        .filter(affiliation::school_id.eq(school))
        .order(account::person_id)
        .select((
            account::person_id,
            affiliation::profile,
            account::login,
            person::given_name,
            person::family_name,
        ))
        .load(conn)?;
    let classes: Vec<(PersonId, String)> = enrolment::table
        .inner_join(class_group::table.on(class_group::id.eq(enrolment::group_id)))
        .filter(class_group::school_id.eq(school))
        .filter(class_group::kind.eq("class"))
        .select((enrolment::person_id, class_group::label))
        .load(conn)?;
    let teaching_now: Vec<(PersonId, String)> = lesson_teacher::table
        .inner_join(lesson::table.on(lesson::id.eq(lesson_teacher::lesson_id)))
        .inner_join(lesson_group::table.on(lesson_group::lesson_id.eq(lesson::id)))
        .inner_join(class_group::table.on(class_group::id.eq(lesson_group::group_id)))
        .filter(lesson::school_id.eq(school))
        .filter(lesson::starts_at.le(now))
        .filter(lesson::ends_at.gt(now))
        .select((lesson_teacher::person_id, class_group::label))
        .load(conn)?;
    let classes: std::collections::HashMap<PersonId, String> =
        classes.into_iter().chain(teaching_now).collect();
    let mut lines: Vec<AccountLine> = rows
        .into_iter()
        .map(|(person, role, login, given, family)| AccountLine {
            person,
            role,
            login,
            name: format!("{given} {family}"),
            class: classes.get(&person).cloned().unwrap_or_default(),
        })
        .collect();
    lines.sort_by_key(|line| (line.role != "pupil" && line.class.is_empty(), line.person));
    Ok(lines)
}
