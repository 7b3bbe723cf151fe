//! Slots entered by hand, weeks A and B, holidays. Whatever changes here, the dated lessons of all slots are
//! laid out again in the same transaction; the past and what hangs on a lesson stay.

use super::import::compare;
use super::policy::{ManageTimetable, SchoolTimetable};
use super::store::{self, NewSlot, Slot};
use super::{TimetableState, views};
use crate::access::{Permit, Profile};
use crate::edge::{Caller, FormFields, Refusal, Topic, html, see_other_with};
use crate::ids::{GroupId, Millis, PersonId, SchoolId, SubjectId};
use crate::school::{self, GroupLine, SubjectLine, TeacherLine};
use crate::store::{StoreError, Tx};
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::civil::{Date, Time, Weekday, date};
use preau_formats::timetable::weeks::{Monday, propose_rotation};
use preau_formats::timetable::{Holiday, SchoolZone};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The letters of weeks.
pub(super) const LETTERS: [&str; 2] = ["A", "B"];
/// Most slots of a school: a large lycée has about 2,500.
const MOST_SLOTS: usize = 5_000;
/// Longest name of a holiday or a room, in characters.
const LONGEST: usize = 60;

/// Where the lessons of slots come from, in `lesson.source`.
const SOURCE: &str = "slot";

/// The school year around a day: 1 September to 10 July. Only a first proposal for forms.
pub(super) fn school_year(today: Date) -> (Date, Date) {
    let year = if today.month() >= 8 { today.year() } else { today.year() - 1 };
    (date(year, 9, 1), date(year + 1, 7, 10))
}

/// Everything the page shows.
pub(super) struct Rules {
    pub(super) slots: Vec<Slot>,
    pub(super) groups: Vec<GroupLine>,
    pub(super) teachers: Vec<TeacherLine>,
    pub(super) subjects: Vec<SubjectLine>,
    pub(super) rotations: Vec<(i64, String)>,
    pub(super) holidays: Vec<Holiday>,
    /// The letter of each week that has one.
    pub(super) weeks: BTreeMap<Monday, &'static str>,
    /// The weeks shown are a proposal that nobody has saved.
    pub(super) proposed: bool,
    pub(super) year: (Date, Date),
}

/// Whether a proposal is wished.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    propose: Option<String>,
}

async fn permit(
    state: &TimetableState,
    caller: &Caller,
) -> Result<Permit<SchoolTimetable, ManageTimetable>, Refusal> {
    let actor = caller.actor().clone();
    let school = actor.school_as(&[Profile::Head]).ok_or(Refusal::NotFound)?;
    state.platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, school)?)).await
}

pub(super) async fn show(
    State(state): State<TimetableState>,
    caller: Caller,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let school = permit(&state, &caller).await?.resource().school;
    let year = school_year(state.platform.today());
    let propose = wish.propose.is_some();
    let rules = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let holidays = store::holidays(conn, school)?;
            let rotations = store::rotations(conn, school)?;
            let sets = store::mondays(conn, school)?;
            let mut weeks = BTreeMap::new();
            if propose {
                let proposal = propose_rotation(year.0, year.1, LETTERS.len(), &holidays);
                for (letter, mondays) in LETTERS.into_iter().zip(proposal) {
                    weeks.extend(mondays.into_iter().map(|monday| (monday, letter)));
                }
            } else {
                for (id, label) in &rotations {
                    let Some(letter) = LETTERS.into_iter().find(|letter| letter == label) else { continue };
                    weeks.extend(sets.get(id).into_iter().flatten().map(|monday| (*monday, letter)));
                }
            }
            Ok(Rules {
                slots: store::slots(conn, school)?,
                groups: school::groups_of_school(conn, school)?,
                teachers: school::teachers_of(conn, school)?,
                subjects: school::subjects_of(conn, school)?,
                rotations,
                holidays,
                weeks,
                proposed: propose,
                year,
            })
        })
        .await?;
    html(&views::SlotsPage::new(&caller.shell("timetable-slots-title"), &state.platform, rules))
}

/// Lays all slots of a school out as dated lessons.
fn lay_out(tx: &mut Tx<'_>, school: SchoolId, zone: &SchoolZone, now: Millis) -> Result<(), StoreError> {
    let wanted = store::slots_as_lessons(tx.conn(), school, zone)?;
    let existing = store::existing(tx.conn(), school, SOURCE)?;
    let plan = compare(wanted, &existing, |lesson| lesson.starts_at >= now);
    Ok(store::apply(tx, school, SOURCE, &plan, &[])?)
}

/// Does something to the rules and lays them out, in one transaction.
async fn change(
    state: &TimetableState,
    permit: Permit<SchoolTimetable, ManageTimetable>,
    work: impl FnOnce(&mut Tx<'_>, SchoolId) -> Result<(), Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let (school, now, changes) =
        (permit.resource().school, state.platform.now(), state.platform.changes().clone());
    let zone = SchoolZone::named(&state.platform.config().place.time_zone).unwrap_or_default();
    state
        .platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            work(tx, school)?;
            lay_out(tx, school, &zone, now)?;
            tx.after_commit(move || changes.tell(Topic::Timetable, school));
            Ok(())
        })
        .await?;
    Ok(see_other_with(&state.platform, "/timetable/slots", "done.timetable-slots-changed"))
}

/// "08:05" as minutes since midnight.
fn minute(text: &str) -> Result<i32, Refusal> {
    let time: Time = text.parse().map_err(|_| Refusal::Rule("timetable-time-unreadable"))?;
    Ok(i32::from(time.hour()) * 60 + i32::from(time.minute()))
}

fn day(text: &str) -> Result<Date, Refusal> {
    let day: Date = text.parse().map_err(|_| Refusal::Rule("timetable-time-unreadable"))?;
    if (2000..2100).contains(&day.year()) { Ok(day) } else { Err(Refusal::Rule("timetable-time-unreadable")) }
}

/// Two days that make a stretch of at most two years.
fn stretch(fields: &FormFields) -> Result<(Date, Date), Refusal> {
    let (first, last) = (day(fields.text("first"))?, day(fields.text("last"))?);
    let days = (last - first).get_days();
    if !(0..731).contains(&days) {
        return Err(Refusal::Rule("timetable-stretch"));
    }
    Ok((first, last))
}

pub(super) async fn add(
    State(state): State<TimetableState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let (first, last) = stretch(&fields)?;
    let weekday = fields.parse::<i8>("weekday")?;
    let weekday = Weekday::from_monday_one_offset(weekday)
        .map_err(|_| Refusal::Malformed("weekday: 1 (Monday) to 7 expected".into()))?;
    let new = NewSlot {
        weekday,
        starts_minute: minute(fields.text("from"))?,
        ends_minute: minute(fields.text("to"))?,
        rotation: fields.parse::<i64>("rotation").unwrap_or(0),
        first,
        last,
        group: fields.parse::<GroupId>("group")?,
        teacher: fields.parse::<PersonId>("teacher")?,
        subject: fields.parse::<SubjectId>("subject").ok().filter(|subject| subject.get() != 0),
        room: fields.text("room").chars().take(LONGEST).collect(),
    };
    if new.ends_minute <= new.starts_minute {
        return Err(Refusal::Rule("timetable-ends-before-start"));
    }
    change(&state, permit, move |tx, school| {
        // What the form names must be of this school; a form of ours never names anything else.
        let conn = tx.conn();
        let known = school::groups_of_school(conn, school)?.iter().any(|group| group.id == new.group)
            && school::teachers_of(conn, school)?.iter().any(|teacher| teacher.id == new.teacher)
            && match new.subject {
                Some(wanted) => school::subjects_of(conn, school)?.iter().any(|subject| subject.id == wanted),
                None => true,
            }
            && (new.rotation == 0
                || store::rotations(conn, school)?.iter().any(|(id, _)| *id == new.rotation));
        if !known {
            return Err(Refusal::NotFound);
        }
        if store::slots(conn, school)?.len() >= MOST_SLOTS {
            return Err(Refusal::Rule("timetable-too-many-slots"));
        }
        store::insert_slot(tx, school, &new)?;
        Ok(())
    })
    .await
}

pub(super) async fn remove(
    State(state): State<TimetableState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let slot = fields.parse::<i64>("slot")?;
    change(&state, permit, move |tx, school| match store::delete_slot(tx, school, slot)? {
        0 => Err(Refusal::NotFound),
        _ => Ok(()),
    })
    .await
}

pub(super) async fn save_rotations(
    State(state): State<TimetableState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let mut sets: BTreeMap<&'static str, BTreeSet<Monday>> =
        LETTERS.into_iter().map(|letter| (letter, BTreeSet::new())).collect();
    for (monday, letter) in fields.prefixed("week-") {
        let monday =
            Monday::try_from(day(monday)?).map_err(|not| Refusal::Malformed(format!("week-…: {not}")))?;
        if let Some(mondays) = sets.get_mut(letter) {
            mondays.insert(monday);
        }
    }
    change(&state, permit, move |tx, school| {
        for (letter, mondays) in &sets {
            store::save_rotation(tx, school, letter, mondays)?;
        }
        Ok(())
    })
    .await
}

pub(super) async fn add_holiday(
    State(state): State<TimetableState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let (first, last) = stretch(&fields)?;
    let label: String = fields.text("label").chars().take(LONGEST).collect();
    change(&state, permit, move |tx, school| Ok(store::insert_holiday(tx, school, &label, first, last)?))
        .await
}

pub(super) async fn remove_holiday(
    State(state): State<TimetableState>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let permit = permit(&state, &caller).await?;
    let first = day(fields.text("first"))?;
    change(&state, permit, move |tx, school| Ok(store::delete_holiday(tx, school, first)?)).await
}
