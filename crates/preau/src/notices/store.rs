//! The only SQL on notices and their receipts.

use super::model::{Draft, Notice, NoticeId, NoticeLine, Receipts, Share};
use super::policy::STAFF;
use crate::access::{Profile, Scope};
use crate::ids::{Millis, PersonId, SchoolId};
use crate::school;
use crate::store::schema::{affiliation, guardianship, notice, notice_read, person};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::HashSet;

/// Longest list a page shows.
const LONGEST_LIST: i64 = 100;
/// Most notices shown at the head of a page.
const MOST_LATEST: i64 = 5;

#[derive(Queryable)]
struct Row {
    id: NoticeId,
    school: SchoolId,
    author: PersonId,
    title: String,
    body: String,
    published_at: Millis,
    withdrawn_at: Option<Millis>,
}

/// One notice.
pub(super) fn find(conn: &mut Conn, id: NoticeId) -> QueryResult<Option<Notice>> {
    let row: Option<Row> = notice::table
        .find(id.get())
        .select((
            notice::id,
            notice::school_id,
            notice::author_id,
            notice::title,
            notice::body,
            notice::published_at,
            notice::withdrawn_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| {
        let Row { id, school, author, title, body, published_at, withdrawn_at } = row;
        Notice { id, school, author, title, body, published_at, withdrawn_at }
    }))
}

/// Publishes a notice and returns its identifier.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    school: SchoolId,
    author: PersonId,
    draft: &Draft,
    now: Millis,
) -> QueryResult<NoticeId> {
    let id = NoticeId::fresh();
    diesel::insert_into(notice::table)
        .values((
            notice::id.eq(id),
            notice::school_id.eq(school),
            notice::author_id.eq(author),
            notice::title.eq(&draft.title),
            notice::body.eq(&draft.body),
            notice::published_at.eq(now),
        ))
        .execute(tx.conn())?;
    tx.note("notice", id.get());
    Ok(id)
}

/// Writes a notice of the demonstration school, published at an hour of its choosing.
///
/// # Errors
/// The engine's.
pub fn insert_for_demo(
    tx: &mut Tx<'_>,
    school: SchoolId,
    author: PersonId,
    title: &str,
    body: &str,
    published_at: Millis,
) -> QueryResult<NoticeId> {
    insert(tx, school, author, &Draft { title: title.to_owned(), body: body.to_owned() }, published_at)
}

/// Takes a notice back. The first time counts.
pub(super) fn withdraw(tx: &mut Tx<'_>, id: NoticeId, now: Millis) -> QueryResult<()> {
    diesel::update(notice::table.find(id.get()).filter(notice::withdrawn_at.is_null()))
        .set(notice::withdrawn_at.eq(Some(now)))
        .execute(tx.conn())
        .map(|_| ())
}

/// How many notices the school has published since then, withdrawn ones included.
pub(super) fn published_since(conn: &mut Conn, school: SchoolId, since: Millis) -> QueryResult<i64> {
    notice::table
        .filter(notice::school_id.eq(school))
        .filter(notice::published_at.gt(since))
        .count()
        .get_result(conn)
}

/// Whether `who` has opened it.
pub(super) fn is_read(conn: &mut Conn, id: NoticeId, who: PersonId) -> QueryResult<bool> {
    let found: Option<Millis> =
        notice_read::table.find((id.get(), who.get())).select(notice_read::read_at).first(conn).optional()?;
    Ok(found.is_some())
}

/// Leaves a receipt; the first one stays.
pub(super) fn mark_read(tx: &mut Tx<'_>, id: NoticeId, who: PersonId, now: Millis) -> QueryResult<()> {
    if !is_read(tx.conn(), id, who)? {
        diesel::insert_into(notice_read::table)
            .values((
                notice_read::notice_id.eq(id),
                notice_read::person_id.eq(who),
                notice_read::read_at.eq(now),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

type LineRow = (NoticeId, PersonId, String, Millis, Option<Millis>, Option<Millis>);

/// The notices inside `scope`, latest first, with the receipts of `who`. Withdrawn ones only of the schools
/// in `withdrawn_of`.
pub(super) fn list(
    conn: &mut Conn,
    scope: &Scope,
    who: PersonId,
    withdrawn_of: &[SchoolId],
) -> QueryResult<Vec<NoticeLine>> {
    let Scope::Schools(schools) = scope else { return Ok(Vec::new()) };
    let rows: Vec<LineRow> = notice::table
        .left_join(
            notice_read::table.on(notice_read::notice_id.eq(notice::id).and(notice_read::person_id.eq(who))),
        )
        .filter(notice::school_id.eq_any(schools.clone()))
        .filter(notice::withdrawn_at.is_null().or(notice::school_id.eq_any(withdrawn_of.to_vec())))
        .order((notice::published_at.desc(), notice::id.desc()))
        .select((
            notice::id,
            notice::author_id,
            notice::title,
            notice::published_at,
            notice::withdrawn_at,
            notice_read::read_at.nullable(),
        ))
        .limit(LONGEST_LIST)
        .load(conn)?;
    lines(conn, rows)
}

/// The latest notices of a school since an instant, at most five, for whoever is meant by them: whether
/// somebody has opened them is asked apart ([`opened`]). The caller says whose notices are for them:
/// [`super::schools_of`].
///
/// # Errors
/// The engine's.
pub fn latest(conn: &mut Conn, school: SchoolId, since: Millis) -> QueryResult<Vec<NoticeLine>> {
    let rows: Vec<LineRow> = notice::table
        .filter(notice::school_id.eq(school))
        .filter(notice::published_at.ge(since))
        .filter(notice::withdrawn_at.is_null())
        .order((notice::published_at.desc(), notice::id.desc()))
        .select((
            notice::id,
            notice::author_id,
            notice::title,
            notice::published_at,
            notice::withdrawn_at,
            None::<Millis>.into_sql::<diesel::sql_types::Nullable<diesel::sql_types::BigInt>>(),
        ))
        .limit(MOST_LATEST)
        .load(conn)?;
    lines(conn, rows)
}

/// Which of these notices `who` has opened or written.
///
/// # Errors
/// The engine's.
pub fn opened(conn: &mut Conn, who: PersonId, notices: &[NoticeId]) -> QueryResult<HashSet<NoticeId>> {
    if notices.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<i64> = notices.iter().map(|notice| notice.get()).collect();
    let rows: Vec<NoticeId> = notice::table
        .left_join(
            notice_read::table.on(notice_read::notice_id.eq(notice::id).and(notice_read::person_id.eq(who))),
        )
        .filter(notice::id.eq_any(ids))
        .filter(notice_read::read_at.is_not_null().or(notice::author_id.eq(who)))
        .select(notice::id)
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

fn lines(conn: &mut Conn, rows: Vec<LineRow>) -> QueryResult<Vec<NoticeLine>> {
    let authors: Vec<PersonId> = rows.iter().map(|row| row.1).collect();
    let authors = school::formal_names(conn, &authors)?;
    Ok(rows
        .into_iter()
        .map(|(id, author, title, published_at, withdrawn, read)| NoticeLine {
            id,
            title,
            author: authors.get(&author).cloned().unwrap_or_default(),
            published_at,
            read: read.is_some(),
            withdrawn: withdrawn.is_some(),
        })
        .collect())
}

/// How many of each kind have opened it. Somebody who is both (a teacher with a child in the school) counts
/// as staff.
pub(super) fn receipts(conn: &mut Conn, notice: &Notice) -> QueryResult<Receipts> {
    let readers: HashSet<PersonId> = notice_read::table
        .filter(notice_read::notice_id.eq(notice.id))
        .select(notice_read::person_id)
        .load(conn)?
        .into_iter()
        .collect();
    let words: Vec<&str> = STAFF.iter().map(|profile| profile.word()).collect();
    let staff = people(conn, notice.school, words)?;
    let pupils = people(conn, notice.school, vec![Profile::Pupil.word()])?;
    let mut families = people(conn, notice.school, vec![Profile::Guardian.word()])?;
    // A guardian whom the source names for a pupil only, and not for the school.
    let legal: Vec<PersonId> = guardianship::table
        .inner_join(affiliation::table.on(affiliation::person_id.eq(guardianship::pupil_id)))
        .inner_join(person::table.on(person::id.eq(guardianship::guardian_id)))
        .filter(affiliation::school_id.eq(notice.school))
        .filter(affiliation::profile.eq(Profile::Pupil.word()))
        .filter(guardianship::legal.eq(true))
        .filter(person::removed_at.is_null())
        .select(guardianship::guardian_id)
        .distinct()
        .load(conn)?;
    families.extend(legal);
    let share = |of: &HashSet<PersonId>| Share {
        read: count(of.iter().filter(|who| readers.contains(who)).count()),
        of: count(of.len()),
    };
    let families = families.difference(&staff).copied().collect();
    Ok(Receipts { pupils: share(&pupils), families: share(&families), staff: share(&staff) })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn people(conn: &mut Conn, school: SchoolId, profiles: Vec<&'static str>) -> QueryResult<HashSet<PersonId>> {
    let found: Vec<PersonId> = affiliation::table
        .inner_join(person::table.on(person::id.eq(affiliation::person_id)))
        .filter(affiliation::school_id.eq(school))
        .filter(affiliation::profile.eq_any(profiles))
        .filter(person::removed_at.is_null())
        .select(affiliation::person_id)
        .distinct()
        .load(conn)?;
    Ok(found.into_iter().collect())
}
