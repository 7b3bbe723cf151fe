//! Writes the demonstration school, once, in one transaction.

use super::plan::{self, SUBJECTS};
use super::{day, store};
use crate::access::{Profile, SystemPermit};
use crate::config::Config;
use crate::homework::{self, Homework, HomeworkId};
use crate::ids::{GroupId, PersonId, SchoolId, SubjectId};
use crate::school::{self, NewPerson};
use crate::store::{Store, StoreError, Tx};
use diesel::QueryResult;
use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};

/// The school's UAI: the department 099 does not exist.
pub(super) const UAI: &str = "0990001P";

/// A class with those who teach it, as the day's lessons need them.
pub(super) struct Class {
    pub(super) group: GroupId,
    pub(super) pupils: Vec<PersonId>,
    /// One teacher a subject, in the order of [`SUBJECTS`].
    pub(super) teachers: Vec<PersonId>,
}

/// Fills the school if it is not there yet, gives accounts to everybody, and puts lessons around now.
///
/// # Errors
/// The store's.
pub fn fill(store: &Store, config: &Config) -> anyhow::Result<()> {
    let zone = jiff::tz::TimeZone::get(&config.place.time_zone)?;
    let now = jiff::Timestamp::now().to_zoned(zone);
    let there = store.read_blocking::<_, StoreError>(|conn| Ok(school::school_by_uai(conn, UAI)?))?;
    if there.is_none() {
        println!("Filling the demonstration school…");
        let today = now.date();
        store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            Ok(everything(tx, today)?)
        })?;
    }
    super::accounts::ensure(store)?;
    day::put_lessons(store, &now)
}

fn everything(tx: &mut Tx<'_>, today: Date) -> QueryResult<()> {
    let id = school::add_school(tx, UAI, "Collège du Platane", "college")?;
    tx.note("school", id.get());
    let subjects = SUBJECTS
        .iter()
        .map(|subject| school::add_subject(tx, id, subject.code, subject.label, subject.hue))
        .collect::<QueryResult<Vec<_>>>()?;
    let teachers = teachers(tx, id)?;
    let classes = classes(tx, id, &subjects, &teachers, today)?;
    staff(tx, id)?;
    for (at, class) in classes.iter().enumerate() {
        work(tx, id, at, class, &subjects, today)?;
    }
    store::insert_notices(tx, id)
}

/// Forty teachers, by subject.
fn teachers(tx: &mut Tx<'_>, school: SchoolId) -> QueryResult<Vec<Vec<PersonId>>> {
    let mut index = 0;
    let mut all = Vec::new();
    for subject in &SUBJECTS {
        let mut those = Vec::new();
        for _ in 0..subject.teachers {
            let (title, given, family) = plan::teacher(index);
            let new = NewPerson { given, family, title, birth_date: None };
            those.push(school::add_person(tx, &new, school, Profile::Teacher)?);
            index += 1;
        }
        all.push(those);
    }
    Ok(all)
}

fn classes(
    tx: &mut Tx<'_>,
    school: SchoolId,
    subjects: &[SubjectId],
    teachers: &[Vec<PersonId>],
    today: Date,
) -> QueryResult<Vec<Class>> {
    // A school year is named after the year it begins in; it begins in September.
    let school_year = if today.month() >= 8 { today.year() } else { today.year() - 1 };
    let (mut pupil_index, mut guardian_index) = (0, 0);
    let mut classes = Vec::new();
    let mut last_guardians: Vec<PersonId> = Vec::new();
    for (at, plan) in plan::classes(school_year).into_iter().enumerate() {
        let group = school::add_group(tx, school, "class", &plan.code, plan.level)?;
        let own: Vec<PersonId> = teachers.iter().map(|those| those[at % those.len()]).collect();
        for (subject, teacher) in subjects.iter().zip(&own) {
            let form_tutor = SUBJECTS.len() > at
                && *teacher == own[at % own.len()]
                && *subject == subjects[at % own.len()];
            school::teach(tx, *teacher, group, *subject, form_tutor)?;
        }
        let mut pupils = Vec::new();
        for _ in 0..plan.pupils {
            let (given, family) = plan::name(pupil_index, 0);
            let born = format!("{}-{:02}-{:02}", plan.born, pupil_index % 12 + 1, pupil_index % 28 + 1);
            let new = NewPerson { given, family: &family, title: "", birth_date: Some(born) };
            let pupil = school::add_person(tx, &new, school, Profile::Pupil)?;
            school::enrol(tx, pupil, group)?;
            // Every fifth pupil is brother or sister of the one before, with the same guardians.
            if pupil_index % 5 != 4 || last_guardians.is_empty() {
                last_guardians = guardians(tx, school, &family, &mut guardian_index)?;
            }
            for (order, guardian) in last_guardians.iter().enumerate() {
                let link = if order == 0 { "mother" } else { "father" };
                school::guard(tx, pupil, *guardian, link, true)?;
            }
            pupils.push(pupil);
            pupil_index += 1;
        }
        classes.push(Class { group, pupils, teachers: own });
    }
    Ok(classes)
}

/// Two guardians for most, one for every fourth family.
fn guardians(
    tx: &mut Tx<'_>,
    school: SchoolId,
    family: &str,
    index: &mut usize,
) -> QueryResult<Vec<PersonId>> {
    let many = if *index % 4 == 3 { 1 } else { 2 };
    let mut those = Vec::new();
    for order in 0..many {
        let (title, given) = plan::guardian(*index, order == 1);
        let new = NewPerson { given, family, title, birth_date: None };
        those.push(school::add_person(tx, &new, school, Profile::Guardian)?);
    }
    *index += 1;
    Ok(those)
}

/// Everybody else who has something to do in the morning.
fn staff(tx: &mut Tx<'_>, school: SchoolId) -> QueryResult<()> {
    for (given, family, title, profile) in [
        ("Odile", "Charme", "Mme", Profile::Head),
        ("Jean", "Sureau", "M.", Profile::Counsellor),
        ("Awa", "Pervenche", "Mme", Profile::Supervisor),
        ("Basile", "Fusain", "M.", Profile::Supervisor),
        ("Clarisse", "Réséda", "Mme", Profile::Librarian),
        ("Rosa", "Bouleau", "Mme", Profile::LocalAdmin),
        ("Ali", "Genêt", "M.", Profile::Staff),
        ("Paul", "Hêtre", "M.", Profile::Authority),
    ] {
        school::add_person(tx, &NewPerson { given, family, title, birth_date: None }, school, profile)?;
    }
    Ok(())
}

/// The lesson log of the last days and work for the next ones.
fn work(
    tx: &mut Tx<'_>,
    school: SchoolId,
    at: usize,
    class: &Class,
    subjects: &[SubjectId],
    today: Date,
) -> QueryResult<()> {
    for (order, (code, log, task, hand_in)) in plan::WORK.iter().enumerate() {
        let Some(subject) = SUBJECTS.iter().position(|subject| subject.code == *code) else { continue };
        let given_on = today - ((order + at) as i32 % 4 + 1).days();
        let due = today + ((order * 2 + at) as i32 % 6).days();
        let homework = Homework {
            id: HomeworkId::from_raw(0),
            school,
            group: class.group,
            author: class.teachers[subject],
            subject: Some(subjects[subject]),
            given_on,
            due: (!task.is_empty()).then_some(due),
            lesson_log: (*log).to_owned(),
            work: (*task).to_owned(),
            hand_in: *hand_in,
        };
        let id = homework::insert_for_demo(tx, &homework)?;
        if order == 0 {
            // A third of the class has done it already.
            for pupil in class.pupils.iter().step_by(3) {
                store::tick(tx, id, *pupil)?;
            }
        }
    }
    Ok(())
}

/// Monday of the week of `day`.
pub(super) fn monday_of(day: &Zoned) -> Date {
    let date = day.date();
    date - i32::from(date.weekday().to_monday_zero_offset()).days()
}
