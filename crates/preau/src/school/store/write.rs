//! Writing people and classes one by one, for schools that are not imported (the demonstration, tests).

use crate::access::Profile;
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::store::Tx;
use crate::store::schema::{
    affiliation, class_group, enrolment, guardianship, person, school, subject, teaching,
};
use diesel::prelude::*;

/// A person to add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPerson<'a> {
    /// First name.
    pub given: &'a str,
    /// Family name.
    pub family: &'a str,
    /// "M." or "Mme"; empty for pupils.
    pub title: &'a str,
    /// `YYYY-MM-DD`.
    pub birth_date: Option<String>,
}

/// Adds a school.
///
/// # Errors
/// The engine's; a UAI exists once.
pub fn add_school(tx: &mut Tx<'_>, uai: &str, name: &str, kind: &str) -> QueryResult<SchoolId> {
    let id = SchoolId::fresh();
    diesel::insert_into(school::table)
        .values((school::id.eq(id), school::uai.eq(uai), school::name.eq(name), school::kind.eq(kind)))
        .execute(tx.conn())?;
    Ok(id)
}

/// Adds a class (`class`) or group (`group`).
///
/// # Errors
/// The engine's.
pub fn add_group(
    tx: &mut Tx<'_>,
    school: SchoolId,
    kind: &str,
    code: &str,
    level: &str,
) -> QueryResult<GroupId> {
    let id = GroupId::fresh();
    diesel::insert_into(class_group::table)
        .values((
            class_group::id.eq(id),
            class_group::school_id.eq(school),
            class_group::kind.eq(kind),
            class_group::code.eq(code),
            class_group::label.eq(code),
            class_group::grade_level.eq(level),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// Adds a subject with its hue, 0 to 11.
///
/// # Errors
/// The engine's: the code must be new in the school.
pub fn add_subject(
    tx: &mut Tx<'_>,
    school: SchoolId,
    code: &str,
    label: &str,
    hue: u8,
) -> QueryResult<SubjectId> {
    let id = SubjectId::fresh();
    diesel::insert_into(subject::table)
        .values((
            subject::id.eq(id),
            subject::school_id.eq(school),
            subject::code.eq(code),
            subject::label.eq(label),
            subject::hue.eq(i32::from(hue)),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// Adds a person and their tie to a school.
///
/// # Errors
/// The engine's.
pub fn add_person(
    tx: &mut Tx<'_>,
    new: &NewPerson<'_>,
    school: SchoolId,
    profile: Profile,
) -> QueryResult<PersonId> {
    let id = PersonId::fresh();
    diesel::insert_into(person::table)
        .values((
            person::id.eq(id),
            person::given_name.eq(new.given),
            person::family_name.eq(new.family),
            person::title.eq(new.title),
            person::birth_date.eq(&new.birth_date),
        ))
        .execute(tx.conn())?;
    diesel::insert_into(affiliation::table)
        .values((
            affiliation::person_id.eq(id),
            affiliation::school_id.eq(school),
            affiliation::profile.eq(profile.word()),
        ))
        .execute(tx.conn())?;
    Ok(id)
}

/// Ties a person to a school in one more way; whether the tie is new.
///
/// # Errors
/// The engine's.
pub fn tie(tx: &mut Tx<'_>, who: PersonId, school: SchoolId, profile: Profile) -> QueryResult<bool> {
    let there: i64 = affiliation::table
        .filter(affiliation::person_id.eq(who))
        .filter(affiliation::school_id.eq(school))
        .filter(affiliation::profile.eq(profile.word()))
        .count()
        .get_result(tx.conn())?;
    if there > 0 {
        return Ok(false);
    }
    diesel::insert_into(affiliation::table)
        .values((
            affiliation::person_id.eq(who),
            affiliation::school_id.eq(school),
            affiliation::profile.eq(profile.word()),
        ))
        .execute(tx.conn())?;
    Ok(true)
}

/// Puts a pupil into a class or group.
///
/// # Errors
/// The engine's.
pub fn enrol(tx: &mut Tx<'_>, pupil: PersonId, group: GroupId) -> QueryResult<()> {
    diesel::insert_into(enrolment::table)
        .values((enrolment::person_id.eq(pupil), enrolment::group_id.eq(group)))
        .execute(tx.conn())
        .map(|_| ())
}

/// Says who teaches what to whom.
///
/// # Errors
/// The engine's.
pub fn teach(
    tx: &mut Tx<'_>,
    teacher: PersonId,
    group: GroupId,
    subject: SubjectId,
    form_tutor: bool,
) -> QueryResult<()> {
    diesel::insert_into(teaching::table)
        .values((
            teaching::person_id.eq(teacher),
            teaching::group_id.eq(group),
            teaching::subject_id.eq(subject),
            teaching::form_tutor.eq(form_tutor),
        ))
        .execute(tx.conn())
        .map(|_| ())
}

/// Ties an adult to a pupil; `legal` makes them a legal guardian.
///
/// # Errors
/// The engine's.
pub fn guard(tx: &mut Tx<'_>, pupil: PersonId, adult: PersonId, link: &str, legal: bool) -> QueryResult<()> {
    diesel::insert_into(guardianship::table)
        .values((
            guardianship::pupil_id.eq(pupil),
            guardianship::guardian_id.eq(adult),
            guardianship::link.eq(link),
            guardianship::legal.eq(legal),
            guardianship::contact.eq(true),
        ))
        .execute(tx.conn())
        .map(|_| ())
}
