//! Fills the test school, straight into the tables: the slices that would do it are what is tested.

use super::{MINUTE, People};
use crate::access::SystemPermit;
use crate::ids::{GroupId, LessonId, Millis, PersonId, SchoolId, SubjectId};
use crate::store::schema::{
    account, affiliation, class_group, enrolment, guardianship, lesson, lesson_group, lesson_teacher,
    live_room, person, presence, school, session, subject, teaching,
};
use crate::store::{Store, StoreError, Tx};
use diesel::prelude::*;

/// Far enough ahead for every test.
const NEVER: Millis = 4_102_444_800_000;

pub(super) fn fill(store: &Store, now: Millis) -> People {
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| Ok(people(tx, now)?))
        .expect("filled")
}

/// Opens a session and returns its token and hash.
pub(super) fn open_session(store: &Store, who: PersonId, personal: bool) -> (String, [u8; 32]) {
    use sha2::Digest as _;
    // 43 characters, as real tokens have.
    let token = format!("{:0>43}", crate::ids::next_id());
    let hash: [u8; 32] = sha2::Sha256::digest(token.as_bytes()).into();
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::SignIn, move |tx| {
            diesel::insert_into(session::table)
                .values((
                    session::token_hash.eq(hash.to_vec()),
                    session::person_id.eq(who),
                    session::device_id.eq("test"),
                    session::created_at.eq(0),
                    session::expires_at.eq(NEVER),
                    session::personal_device.eq(personal),
                ))
                .execute(tx.conn())?;
            Ok(())
        })
        .expect("a session");
    (token, hash)
}

fn people(tx: &mut Tx<'_>, now: Millis) -> QueryResult<People> {
    let home = a_school(tx, "0999901A", "Collège de l’Essai")?;
    let away = a_school(tx, "0999902B", "Collège d’Ailleurs")?;
    let class_4a = a_class(tx, home, "4A")?;
    let class_5b = a_class(tx, home, "5B")?;
    let class_away = a_class(tx, away, "4A")?;
    let french = a_subject(tx, home, "020700", "Français", 3)?;
    let spanish = a_subject(tx, home, "030602", "Espagnol LV2", 7)?;

    let pupil = somebody(tx, "Maëlys", "Verdoyant", home, "pupil")?;
    let classmate = somebody(tx, "Tom", "Aubépine", home, "pupil")?;
    let other_pupil = somebody(tx, "Noé", "Verdoyant", home, "pupil")?;
    let foreign_pupil = somebody(tx, "Lou", "Lointain", away, "pupil")?;
    for (who, group) in
        [(pupil, class_4a), (classmate, class_4a), (other_pupil, class_5b), (foreign_pupil, class_away)]
    {
        diesel::insert_into(enrolment::table)
            .values((enrolment::person_id.eq(who), enrolment::group_id.eq(group)))
            .execute(tx.conn())?;
    }
    let guardian = somebody(tx, "Hortense", "Verdoyant", home, "guardian")?;
    let contact = somebody(tx, "Célestin", "Verdoyant", home, "guardian")?;
    for (child, adult, legal) in
        [(pupil, guardian, true), (other_pupil, guardian, true), (pupil, contact, false)]
    {
        diesel::insert_into(guardianship::table)
            .values((
                guardianship::pupil_id.eq(child),
                guardianship::guardian_id.eq(adult),
                guardianship::link.eq("mother"),
                guardianship::legal.eq(legal),
            ))
            .execute(tx.conn())?;
    }
    let teacher = somebody(tx, "Soizic", "Houblon", home, "teacher")?;
    let other_teacher = somebody(tx, "Gaël", "Roitelet", home, "teacher")?;
    for (who, group, what) in [(teacher, class_4a, french), (other_teacher, class_5b, spanish)] {
        diesel::insert_into(teaching::table)
            .values((
                teaching::person_id.eq(who),
                teaching::group_id.eq(group),
                teaching::subject_id.eq(what),
                teaching::form_tutor.eq(true),
            ))
            .execute(tx.conn())?;
    }
    let lesson = a_lesson(tx, home, class_4a, teacher, french, "Français", now + 5 * MINUTE)?;
    let other_lesson =
        a_lesson(tx, home, class_5b, other_teacher, spanish, "Espagnol LV2", now + 5 * MINUTE)?;
    Ok(People {
        school: home,
        class_4a,
        class_5b,
        french,
        spanish,
        pupil,
        classmate,
        other_pupil,
        guardian,
        contact,
        teacher,
        other_teacher,
        supervisor: somebody(tx, "Awa", "Pervenche", home, "supervisor")?,
        counsellor: somebody(tx, "Jean", "Sureau", home, "counsellor")?,
        head: somebody(tx, "Odile", "Charme", home, "head")?,
        staff: somebody(tx, "Ali", "Genêt", home, "staff")?,
        local_admin: somebody(tx, "Rosa", "Bouleau", home, "local_admin")?,
        authority: somebody(tx, "Paul", "Hêtre", home, "authority")?,
        foreign_head: somebody(tx, "Ida", "Lointain", away, "head")?,
        foreign_pupil,
        lesson,
        other_lesson,
    })
}

fn a_school(tx: &mut Tx<'_>, uai: &str, name: &str) -> QueryResult<SchoolId> {
    let id = SchoolId::fresh();
    diesel::insert_into(school::table)
        .values((school::id.eq(id), school::uai.eq(uai), school::name.eq(name), school::kind.eq("college")))
        .execute(tx.conn())?;
    Ok(id)
}

fn a_class(tx: &mut Tx<'_>, school: SchoolId, code: &str) -> QueryResult<GroupId> {
    let id = GroupId::fresh();
    diesel::insert_into(class_group::table)
        .values((
            class_group::id.eq(id),
            class_group::school_id.eq(school),
            class_group::kind.eq("class"),
            class_group::code.eq(code),
            class_group::label.eq(code),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

fn a_subject(tx: &mut Tx<'_>, school: SchoolId, code: &str, label: &str, hue: i32) -> QueryResult<SubjectId> {
    let id = SubjectId::fresh();
    diesel::insert_into(subject::table)
        .values((
            subject::id.eq(id),
            subject::school_id.eq(school),
            subject::code.eq(code),
            subject::label.eq(label),
            subject::hue.eq(hue),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

fn somebody(
    tx: &mut Tx<'_>,
    given: &str,
    family: &str,
    school: SchoolId,
    profile: &str,
) -> QueryResult<PersonId> {
    let id = PersonId::fresh();
    diesel::insert_into(person::table)
        .values((person::id.eq(id), person::given_name.eq(given), person::family_name.eq(family)))
        .execute(tx.conn())?;
    diesel::insert_into(affiliation::table)
        .values((
            affiliation::person_id.eq(id),
            affiliation::school_id.eq(school),
            affiliation::profile.eq(profile),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(account::table)
        .values((account::person_id.eq(id), account::login.eq(format!("{id}")), account::created_at.eq(0)))
        .execute(tx.conn())?;
    Ok(id)
}

fn a_lesson(
    tx: &mut Tx<'_>,
    school: SchoolId,
    group: GroupId,
    teacher: PersonId,
    subject: SubjectId,
    label: &str,
    starts_at: Millis,
) -> QueryResult<LessonId> {
    let id = LessonId::fresh();
    diesel::insert_into(lesson::table)
        .values((
            lesson::id.eq(id),
            lesson::school_id.eq(school),
            lesson::starts_at.eq(starts_at),
            lesson::ends_at.eq(starts_at + 55 * MINUTE),
            lesson::subject_id.eq(subject),
            lesson::label.eq(label),
            lesson::source.eq("test"),
            lesson::source_key.eq(id.to_string()),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(lesson_group::table)
        .values((
            lesson_group::lesson_id.eq(id),
            lesson_group::group_id.eq(group),
            lesson_group::starts_at.eq(starts_at),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(lesson_teacher::table)
        .values((
            lesson_teacher::lesson_id.eq(id),
            lesson_teacher::person_id.eq(teacher),
            lesson_teacher::starts_at.eq(starts_at),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// A lesson of the test school, beyond the two that it opens with.
pub(super) fn insert_lesson(
    store: &Store,
    school: SchoolId,
    group: GroupId,
    teacher: PersonId,
    label: &str,
    (starts_at, ends_at): (Millis, Millis),
    state: &'static str,
) -> LessonId {
    let label = label.to_owned();
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            let none = SubjectId::from_raw(0);
            let id = a_lesson(tx, school, group, teacher, none, &label, starts_at)?;
            diesel::update(lesson::table.find(id.get()))
                .set((lesson::ends_at.eq(ends_at), lesson::state.eq(state)))
                .execute(tx.conn())?;
            Ok(id)
        })
        .expect("a lesson")
}

/// Cancels a lesson in favour of another.
pub(super) fn replace_lesson(store: &Store, old: LessonId, new: LessonId) {
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            diesel::update(lesson::table.find(old.get()))
                .set((lesson::state.eq("cancelled"), lesson::replaced_by.eq(new)))
                .execute(tx.conn())?;
            Ok(())
        })
        .expect("replaced");
}

/// Opens the live room of a lesson, or ends it.
pub(super) fn set_room(store: &Store, lesson: LessonId, by: PersonId, at: Millis, ended: bool) {
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            let ended = ended.then_some(at);
            diesel::delete(live_room::table.find(lesson.get())).execute(tx.conn())?;
            diesel::insert_into(live_room::table)
                .values((
                    live_room::lesson_id.eq(lesson),
                    live_room::opened_at.eq(at),
                    live_room::opened_by.eq(by),
                    live_room::ended_at.eq(ended),
                ))
                .execute(tx.conn())?;
            Ok(())
        })
        .expect("a room");
}

/// Notes that somebody was seen in a lesson.
pub(super) fn note_presence(store: &Store, lesson: LessonId, who: PersonId, kind: &'static str, at: Millis) {
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::NotePresence, move |tx| {
            diesel::insert_into(presence::table)
                .values((
                    presence::lesson_id.eq(lesson),
                    presence::person_id.eq(who),
                    presence::kind.eq(kind),
                    presence::first_seen_at.eq(at),
                    presence::last_seen_at.eq(at),
                ))
                .execute(tx.conn())?;
            Ok(())
        })
        .expect("noted");
}
