//! The only SQL on presence.

use super::model::{Kind, Seen, Sighting};
use crate::ids::{LessonId, Millis, PersonId};
use crate::store::schema::{enrolment, known_device, lesson, lesson_group, person, presence, session};
use crate::store::{Conn, Tx};
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// How long before a lesson begins somebody may wait for it, in milliseconds.
const AHEAD_MS: Millis = 30 * 60 * 1000;
/// Identifiers in one statement: well below what either engine takes.
const AT_ONCE: usize = 5_000;
/// Rows in one insert.
const ROWS_AT_ONCE: usize = 500;

type Key = (LessonId, PersonId, Kind);

/// Adds a batch to what is known. Sightings of lessons and people that are gone are left out.
pub(super) fn save(tx: &mut Tx<'_>, seen: &[(Key, Seen)], waiting: &[(String, Seen)]) -> QueryResult<()> {
    let mut all: HashMap<Key, Seen> = HashMap::new();
    let waiting = people_of(tx.conn(), waiting)?;
    for (key, seen) in seen.iter().copied().chain(awaited(tx.conn(), &waiting)?) {
        all.entry(key).and_modify(|before| *before = before.merge(seen)).or_insert(seen);
    }
    let lessons = existing_lessons(tx.conn(), all.keys().map(|key| key.0.get()).collect())?;
    let people = existing_people(tx.conn(), all.keys().map(|key| key.1.get()).collect())?;
    all.retain(|key, _| lessons.contains(&key.0) && people.contains(&key.1));
    let lessons: Vec<LessonId> = lessons.into_iter().collect();
    let known = rows(tx.conn(), &lessons)?;
    let mut fresh = Vec::new();
    for (key @ (lesson, person, kind), seen) in all {
        match known.get(&key) {
            Some(before) if before.merge(seen) == *before => {}
            Some(before) => {
                let merged = before.merge(seen);
                diesel::update(presence::table.find((lesson.get(), person.get(), kind.word())))
                    .set((
                        presence::first_seen_at.eq(merged.first),
                        presence::last_seen_at.eq(merged.last),
                        presence::stayed_ms.eq(merged.stayed),
                    ))
                    .execute(tx.conn())?;
            }
            None => fresh.push((
                presence::lesson_id.eq(lesson),
                presence::person_id.eq(person),
                presence::kind.eq(kind.word()),
                presence::first_seen_at.eq(seen.first),
                presence::last_seen_at.eq(seen.last),
                presence::stayed_ms.eq(seen.stayed),
            )),
        }
    }
    while !fresh.is_empty() {
        let some: Vec<_> = fresh.split_off(fresh.len().saturating_sub(ROWS_AT_ONCE));
        let insert = diesel::insert_into(presence::table).values(some);
        // Many rows in one statement are written differently for each engine.
        match tx.conn() {
            Conn::Sqlite(conn) => insert.execute(conn)?,
            Conn::Postgres(conn) => insert.execute(conn)?,
        };
    }
    Ok(())
}

/// Who waits on these devices. Whoever opened a session there since the waiting began; else the only one
/// with a session there; else the only one whose account the device is known for. A device of several
/// people on which nobody has said who they are proves nobody's presence.
fn people_of(conn: &mut Conn, waiting: &[(String, Seen)]) -> QueryResult<Vec<(PersonId, Seen)>> {
    let mut found: HashMap<PersonId, Seen> = HashMap::new();
    for some in waiting.chunks(AT_ONCE) {
        let devices: Vec<&str> = some.iter().map(|(device, _)| device.as_str()).collect();
        let opened: Vec<(String, PersonId, Millis, Millis)> = session::table
            .filter(session::device_id.eq_any(devices.clone()))
            .order(session::created_at.asc())
            .select((session::device_id, session::person_id, session::created_at, session::expires_at))
            .load(conn)?;
        let known: Vec<(String, PersonId)> = known_device::table
            .filter(known_device::device_id.eq_any(devices))
            .select((known_device::device_id, known_device::person_id))
            .load(conn)?;
        let mut sessions: HashMap<&str, Vec<(PersonId, Millis, Millis)>> = HashMap::new();
        for (device, who, created, expires) in &opened {
            sessions.entry(device).or_default().push((*who, *created, *expires));
        }
        let mut accounts: HashMap<&str, Vec<PersonId>> = HashMap::new();
        for (device, who) in &known {
            accounts.entry(device).or_default().push(*who);
        }
        for (device, seen) in some {
            let device = device.as_str();
            let opened = || {
                let all = sessions.get(device).into_iter().flatten();
                all.filter(|(_, _, expires)| *expires > seen.first)
            };
            let since = opened().rfind(|(_, created, _)| *created >= seen.first).map(|(who, ..)| *who);
            let who = since
                .or_else(|| only(opened().map(|(who, ..)| *who)))
                .or_else(|| only(accounts.get(device).into_iter().flatten().copied()));
            if let Some(who) = who {
                found.entry(who).and_modify(|before| *before = before.merge(*seen)).or_insert(*seen);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The one person there is, if it is one.
fn only(mut people: impl Iterator<Item = PersonId>) -> Option<PersonId> {
    let first = people.next()?;
    people.all(|other| other == first).then_some(first)
}

/// What people in the gate wait for: lessons of theirs that run or begin soon.
fn awaited(conn: &mut Conn, waiting: &[(PersonId, Seen)]) -> QueryResult<Vec<(Key, Seen)>> {
    let mut found = Vec::new();
    for some in waiting.chunks(AT_ONCE) {
        let (Some(earliest), Some(latest)) =
            (some.iter().map(|(_, seen)| seen.first).min(), some.iter().map(|(_, seen)| seen.last).max())
        else {
            continue;
        };
        let who: Vec<PersonId> = some.iter().map(|(person, _)| *person).collect();
        let lessons: Vec<(PersonId, LessonId, Millis, Millis)> = enrolment::table
            .inner_join(lesson_group::table.on(lesson_group::group_id.eq(enrolment::group_id)))
            .inner_join(lesson::table.on(lesson::id.eq(lesson_group::lesson_id)))
            .filter(enrolment::person_id.eq_any(who))
            .filter(lesson_group::starts_at.le(latest + AHEAD_MS))
            .filter(lesson::ends_at.gt(earliest))
            .filter(lesson::state.ne("cancelled"))
            .select((enrolment::person_id, lesson::id, lesson::starts_at, lesson::ends_at))
            .distinct()
            .load(conn)?;
        let seen: HashMap<PersonId, Seen> = some.iter().copied().collect();
        found.extend(lessons.into_iter().filter_map(|(person, lesson, starts, ends)| {
            let seen = *seen.get(&person)?;
            let in_time = seen.last >= starts - AHEAD_MS && seen.first < ends;
            in_time.then_some(((lesson, person, Kind::Waiting), seen))
        }));
    }
    Ok(found)
}

fn existing_lessons(conn: &mut Conn, ids: HashSet<i64>) -> QueryResult<HashSet<LessonId>> {
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut found = HashSet::new();
    for some in ids.chunks(AT_ONCE) {
        let some: Vec<LessonId> =
            lesson::table.filter(lesson::id.eq_any(some.to_vec())).select(lesson::id).load(conn)?;
        found.extend(some);
    }
    Ok(found)
}

fn existing_people(conn: &mut Conn, ids: HashSet<i64>) -> QueryResult<HashSet<PersonId>> {
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut found = HashSet::new();
    for some in ids.chunks(AT_ONCE) {
        let some: Vec<PersonId> =
            person::table.filter(person::id.eq_any(some.to_vec())).select(person::id).load(conn)?;
        found.extend(some);
    }
    Ok(found)
}

fn rows(conn: &mut Conn, lessons: &[LessonId]) -> QueryResult<HashMap<Key, Seen>> {
    let mut found = HashMap::new();
    for some in lessons.chunks(AT_ONCE) {
        let rows: Vec<(LessonId, PersonId, String, Millis, Millis, Millis)> = presence::table
            .filter(presence::lesson_id.eq_any(some.to_vec()))
            .select((
                presence::lesson_id,
                presence::person_id,
                presence::kind,
                presence::first_seen_at,
                presence::last_seen_at,
                presence::stayed_ms,
            ))
            .load(conn)?;
        found.extend(rows.into_iter().filter_map(|(lesson, person, kind, first, last, stayed)| {
            Some(((lesson, person, Kind::from_word(&kind)?), Seen { first, last, stayed }))
        }));
    }
    Ok(found)
}

/// What was seen of everybody at these lessons, as far as it is written. The caller has established
/// whose lessons these are.
///
/// # Errors
/// The engine's.
pub fn sightings(
    conn: &mut Conn,
    lessons: &[LessonId],
) -> QueryResult<HashMap<(LessonId, PersonId), Sighting>> {
    let mut found: HashMap<(LessonId, PersonId), Sighting> = HashMap::new();
    for ((lesson, person, kind), seen) in rows(conn, lessons)? {
        let sighting = found.entry((lesson, person)).or_default();
        match kind {
            Kind::Live => sighting.live = Some(seen),
            Kind::Waiting => sighting.waiting = Some(seen),
        }
    }
    Ok(found)
}
