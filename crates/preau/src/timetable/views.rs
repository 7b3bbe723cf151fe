//! What the templates show: words, places and links, worked out beforehand.

use super::grid::{self, Span};
use super::import::ImportReport;
use super::lessons::{Shown, may_enter};
use super::model::{Lesson, LessonState, NamedLesson};
use super::slots::{LETTERS, Rules};
use super::store::Slot;
use super::week::{Week, Whose};
use super::words::{change_words, room_words};
use crate::access::{Actor, Profile};
use crate::edge::{Platform, instant};
use crate::ids::{Millis, PersonId};
use crate::recording;
use crate::ui::{ClockFace, Dates, SelectOption, Shell};
use askama::Template;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use preau_formats::timetable::weeks::Monday;
use std::fmt::Write as _;

/// A link among others.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) label: String,
    pub(super) current: bool,
}

/// A lesson of the week.
pub(super) struct Cell {
    id: String,
    href: String,
    name: String,
    hue: u8,
    detail: String,
    room: String,
    from: String,
    to: String,
    from_iso: String,
    change: String,
    cancelled: bool,
    exam: bool,
    past: bool,
}

/// A day of the week.
pub(super) struct Day {
    id: String,
    heading: String,
    short: String,
    today: bool,
    holiday: String,
    cells: Vec<Cell>,
}

/// An hour at the left of the grid.
pub(super) struct Hour {
    id: String,
    label: String,
}

/// A week of lessons: a list of days on a phone, a grid on a wide screen.
#[derive(Template)]
#[template(path = "timetable/week.html")]
pub(super) struct WeekPage<'a> {
    page: &'a Shell,
    heading: String,
    span: String,
    days: Vec<Day>,
    hours: Vec<Hour>,
    /// Where everything stands on the grid: rules for this page alone, under its nonce.
    style: String,
    previous: String,
    next: String,
    this_week: String,
    children: Vec<Link>,
    groups: Vec<SelectOption>,
    teachers: Vec<SelectOption>,
    own: Option<Link>,
    monday: String,
    manages: bool,
}

impl<'a> WeekPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, actor: &Actor, week: &Week) -> Self {
        let dates = page.dates(platform.zone());
        let (now, today) = (platform.now(), platform.today());
        let time = |at: Millis| dates.local(instant(at)).time();
        let for_teacher = matches!(week.whose, Whose::Teacher(_))
            || (week.whose == Whose::Own && !actor.has(Profile::Pupil));
        let shown_days = match week.lessons.iter().map(|named| day_of(&dates, week.monday, named)).max() {
            Some(5) => 6,
            Some(6..) => 7,
            _ => 5,
        };
        let spans: Vec<Span> = week
            .lessons
            .iter()
            .map(|named| {
                let from = grid::minute_of(time(named.lesson.starts_at));
                let to = grid::minute_of(time(named.lesson.ends_at));
                Span {
                    day: day_of(&dates, week.monday, named),
                    from,
                    to: if to > from { to } else { 24 * 60 },
                }
            })
            .collect();
        let places = grid::place(&spans);
        let first = grid::first_minute(&spans);
        let mut style = String::new();
        let mut rule = |id: &str, row: i64, row_end: i64, column: usize, column_end: usize| {
            // Two lines of headings stand above; writing to a String cannot fail.
            let _ = write!(style, "#{id}{{grid-area:{}/{}/{}/{}}}", row + 1, column, row_end + 1, column_end);
        };
        for (named, place) in week.lessons.iter().zip(&places) {
            rule(
                &format!("l{}", named.lesson.id),
                place.row,
                place.row_end,
                place.column + 2,
                place.column_end + 2,
            );
        }
        let starts = spans.iter().zip(&week.lessons).map(|(span, named)| (span.from, named.lesson.starts_at));
        let mut hours = Vec::new();
        for (minute, at) in grid::beginnings(starts) {
            let row = grid::row(first, minute);
            rule(&format!("h{minute}"), row, row + 1, 1, 2);
            hours.push(Hour { id: format!("h{minute}"), label: dates.hour(time(at)) });
        }
        let mut days: Vec<Day> = (0..shown_days)
            .map(|offset| {
                let date = week.monday.saturating_add((offset as i64).days());
                let id = format!("d{offset}");
                rule(&id, 0, 1, offset * grid::DAY_COLUMNS + 2, (offset + 1) * grid::DAY_COLUMNS + 2);
                let holiday = week.holidays.iter().find(|holiday| holiday.contains(date));
                let holiday = holiday.map(|holiday| match holiday.label.as_str() {
                    "" => page.t("timetable-no-school").to_owned(),
                    label => label.to_owned(),
                });
                Day {
                    id,
                    heading: dates.day(date),
                    short: dates.short_day(date),
                    today: date == today,
                    holiday: holiday.unwrap_or_default(),
                    cells: Vec::new(),
                }
            })
            .collect();
        for (named, span) in week.lessons.iter().zip(&spans) {
            let lesson = &named.lesson;
            let starts = time(lesson.starts_at);
            let with = if for_teacher { named.class() } else { named.teacher() };
            if let Some(day) = days.get_mut(span.day) {
                day.cells.push(Cell {
                    id: format!("l{}", lesson.id),
                    href: format!("/lessons/{}", lesson.id),
                    name: named.subject.name.clone(),
                    hue: named.subject.hue,
                    detail: with,
                    room: room_words(page.texts, &lesson.room),
                    from: dates.hour(starts),
                    to: dates.hour(time(lesson.ends_at)),
                    from_iso: format!("{:02}:{:02}", starts.hour(), starts.minute()),
                    change: change_words(page.texts, named),
                    cancelled: lesson.state == LessonState::Cancelled,
                    exam: lesson.exam,
                    past: lesson.ends_at <= now,
                });
            }
        }
        let suffix = match week.whose {
            Whose::Own => String::new(),
            Whose::Child(child) => format!("&child={child}"),
            Whose::Group(group) => format!("&group={group}"),
            Whose::Teacher(teacher) => format!("&teacher={teacher}"),
        };
        let link = |days: i64| format!("/timetable?week={}{suffix}", week.monday.saturating_add(days.days()));
        let wards: Vec<_> = actor.wards().collect();
        let children = wards
            .iter()
            .map(|child| Link {
                href: format!("/timetable?child={}&week={}", child.pupil, week.monday),
                label: child.name.clone(),
                current: week.whose == Whose::Child(child.pupil),
            })
            .collect();
        let has_own =
            actor.has(Profile::Teacher) || actor.has(Profile::Pupil) || actor.has(Profile::Librarian);
        let several = has_own && (!week.groups.is_empty() || !week.teachers.is_empty() || !wards.is_empty());
        let last = week.monday.saturating_add((shown_days as i64 - 1).days());
        WeekPage {
            heading: heading(page, week, &wards),
            span: page.with2("timetable-week-span", "first", dates.day(week.monday), "last", dates.day(last)),
            days,
            hours,
            style,
            previous: link(-7),
            next: link(7),
            this_week: format!("/timetable?{}", suffix.trim_start_matches('&')),
            children: if wards.len() > 1 || has_own { children } else { Vec::new() },
            groups: options(week.groups.iter().map(|group| {
                (group.id.to_string(), group.label.clone(), week.whose == Whose::Group(group.id))
            })),
            teachers: options(week.teachers.iter().map(|teacher| {
                (teacher.id.to_string(), teacher.formal.clone(), week.whose == Whose::Teacher(teacher.id))
            })),
            own: several.then(|| Link {
                href: format!("/timetable?week={}", week.monday),
                label: page.t("timetable-own").to_owned(),
                current: week.whose == Whose::Own,
            }),
            monday: week.monday.to_string(),
            manages: actor.has(Profile::Head),
            page,
        }
    }
}

fn options(rows: impl Iterator<Item = (String, String, bool)>) -> Vec<SelectOption> {
    rows.map(|(value, label, chosen)| SelectOption { value, label, chosen }).collect()
}

fn heading(page: &Shell, week: &Week, wards: &[&crate::access::Child]) -> String {
    let whose = match week.whose {
        Whose::Own => None,
        Whose::Child(pupil) => {
            wards.iter().find(|child| child.pupil == pupil).map(|child| child.name.clone())
        }
        Whose::Group(id) => week.groups.iter().find(|group| group.id == id).map(|group| group.label.clone()),
        Whose::Teacher(id) => week.teachers.iter().find(|line| line.id == id).map(|line| line.formal.clone()),
    };
    match whose {
        Some(whose) => page.with("timetable-of", "whose", whose),
        None => page.t("timetable-title").to_owned(),
    }
}

/// The day of the week a lesson lies on, from 0; those of other weeks never come here.
fn day_of(dates: &Dates, monday: Date, named: &NamedLesson) -> usize {
    let date = dates.local(instant(named.lesson.starts_at)).date();
    usize::try_from((date - monday).get_days()).unwrap_or(0).min(6)
}

/// One piece of work on a lesson's page.
pub(super) struct Work {
    href: String,
    text: String,
    done: bool,
}

/// The page of one lesson.
#[derive(Template)]
#[template(path = "timetable/lesson.html")]
pub(super) struct LessonPage<'a> {
    page: &'a Shell,
    id: String,
    hue: u8,
    face: ClockFace,
    when: String,
    hours: String,
    class: String,
    teacher: String,
    room: String,
    change: String,
    cancelled: bool,
    exam: bool,
    /// What the gate does for an exam that is still to come; empty otherwise.
    exam_first: String,
    /// Whether the reader may declare it an exam, or take that back.
    declares: bool,
    work: Vec<Work>,
    recordings: Vec<recording::views::Line>,
    live: bool,
    register: bool,
    annotates: bool,
    changes: bool,
    note: String,
    bare_room: String,
    date_iso: String,
    from_iso: String,
    to_iso: String,
    teachers: Vec<SelectOption>,
    substituted: bool,
    week: String,
    /// For pupils at the entrance on devices that nobody knows; for the teacher of the day only.
    class_code: Option<String>,
}

impl<'a> LessonPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, actor: &Actor, shown: Shown) -> Self {
        let dates = page.dates(platform.zone());
        let named = &shown.lesson;
        let lesson = &named.lesson;
        let (starts, ends) = (dates.local(instant(lesson.starts_at)), dates.local(instant(lesson.ends_at)));
        let holds = actor.id().is_some_and(|person| lesson.is_held_by(person));
        let iso = |time: jiff::civil::Time| format!("{:02}:{:02}", time.hour(), time.minute());
        let substitute: Option<PersonId> =
            lesson.teachers.iter().find(|teacher| teacher.substitute).map(|teacher| teacher.person);
        let teachers = shown
            .teachers
            .iter()
            .filter(|line| !lesson.teachers.iter().any(|there| there.person == line.id && !there.substitute))
            .map(|line| (line.id.to_string(), line.formal.clone(), substitute == Some(line.id)));
        let none = ("0".to_owned(), page.t("timetable-no-substitute").to_owned(), substitute.is_none());
        LessonPage {
            id: lesson.id.to_string(),
            hue: named.subject.hue,
            face: ClockFace::of(
                if starts.date() == platform.today() {
                    dates.local(platform.instant()).time()
                } else {
                    starts.time()
                },
                starts.time(),
                ends.time(),
            ),
            class_code: (holds && starts.date() == platform.today())
                .then(|| platform.door().class_code(lesson.id.get())),
            when: dates.day(starts.date()),
            hours: dates.hours(starts.time(), ends.time()),
            class: named.class(),
            teacher: named.teacher(),
            room: room_words(page.texts, &lesson.room),
            change: change_words(page.texts, named),
            cancelled: !lesson.takes_place(),
            exam: lesson.exam,
            exam_first: exam_first(page, platform, lesson),
            declares: shown.declares && (lesson.exam || lesson.is_ahead(platform.now())),
            work: shown
                .work
                .iter()
                .map(|line| Work {
                    href: format!("/homework/{}", line.id),
                    text: line.work.clone(),
                    done: line.done,
                })
                .collect(),
            recordings: shown
                .recordings
                .into_iter()
                .map(|line| recording::views::line(page, platform, line))
                .collect(),
            live: may_enter(actor, lesson),
            register: (holds && actor.has(Profile::Teacher))
                || actor.is_in(lesson.school, super::policy::WHOLE_SCHOOL),
            annotates: holds,
            changes: !shown.teachers.is_empty(),
            note: lesson.note.clone(),
            bare_room: lesson.room.clone(),
            date_iso: starts.date().to_string(),
            from_iso: iso(starts.time()),
            to_iso: iso(ends.time()),
            teachers: options(std::iter::once(none).chain(teachers)),
            substituted: substitute.is_some(),
            week: format!("/timetable?week={}", starts.date()),
            page,
        }
    }
}

/// "Quand la plateforme est pleine, les élèves de cette épreuve entrent en premier, dès 7 h 45."
fn exam_first(page: &Shell, platform: &Platform, lesson: &Lesson) -> String {
    if !lesson.exam || !lesson.is_ahead(platform.now()) {
        return String::new();
    }
    let opens = platform.door().exam_opens(lesson.starts_at);
    page.with("timetable-exam-first", "hour", page.dates(platform.zone()).hour_at(instant(opens)))
}

/// The first step of an import.
#[derive(Template)]
#[template(path = "timetable/import_drop.html")]
pub(super) struct ImportDropPage<'a> {
    pub(super) page: &'a Shell,
    pub(super) error: &'a str,
}

/// How many of what.
pub(super) struct Count {
    label: &'static str,
    number: i64,
}

/// The second step: what would change.
#[derive(Template)]
#[template(path = "timetable/import_preview.html")]
pub(super) struct ImportPreviewPage<'a> {
    page: &'a Shell,
    file: &'a str,
    report: &'a ImportReport,
    counts: Vec<Count>,
}

impl<'a> ImportPreviewPage<'a> {
    pub(super) fn new(page: &'a Shell, file: &'a str, report: &'a ImportReport) -> Self {
        let count = |key: &'static str, number: usize| Count {
            label: page.texts.get(key),
            number: i64::try_from(number).unwrap_or(i64::MAX),
        };
        let counts = vec![
            count("timetable-count-lessons", report.lessons),
            count("timetable-count-added", report.added),
            count("timetable-count-changed", report.changed),
            count("timetable-count-removed", report.removed),
            count("timetable-count-cancelled", report.cancelled),
            count("timetable-count-same", report.same),
            count("timetable-count-by-hand", report.by_hand),
            count("timetable-count-subjects", report.subjects_added),
            count("timetable-count-holidays", report.holidays_added),
        ];
        ImportPreviewPage { page, file, report, counts }
    }
}

/// A slot in words.
pub(super) struct SlotLine {
    id: i64,
    hours: String,
    what: String,
    detail: String,
}

/// The slots of a weekday.
pub(super) struct SlotDay {
    heading: &'static str,
    slots: Vec<SlotLine>,
}

/// A week with its letter.
pub(super) struct WeekLine {
    monday: String,
    label: String,
    letter: &'static str,
}

/// A stretch of days without lessons.
pub(super) struct HolidayLine {
    label: String,
    span: String,
    first: String,
}

/// Slots, weeks A and B, holidays.
#[derive(Template)]
#[template(path = "timetable/slots.html")]
pub(super) struct SlotsPage<'a> {
    page: &'a Shell,
    days: Vec<SlotDay>,
    weekdays: Vec<SelectOption>,
    groups: Vec<SelectOption>,
    teachers: Vec<SelectOption>,
    subjects: Vec<SelectOption>,
    rotations: Vec<SelectOption>,
    weeks: Vec<WeekLine>,
    letters: [&'static str; 2],
    proposed: bool,
    holidays: Vec<HolidayLine>,
    first: String,
    last: String,
}

const WEEKDAYS: [Weekday; 6] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
];

impl<'a> SlotsPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, rules: Rules) -> Self {
        let dates = page.dates(platform.zone());
        let line = |Slot { id, slot }: &Slot| {
            let hour = |minute| super::store::time_of(minute).unwrap_or_default();
            let subject = rules.subjects.iter().find(|subject| Some(subject.id) == slot.subject);
            let group = rules.groups.iter().find(|group| group.id == slot.group);
            let teacher = rules.teachers.iter().find(|teacher| teacher.id == slot.teacher);
            let letter = rules.rotations.iter().find(|(rotation, _)| *rotation == slot.rotation);
            let mut parts: Vec<String> = Vec::new();
            parts.extend(teacher.map(|teacher| teacher.formal.clone()));
            parts.push(room_words(page.texts, &slot.room));
            parts.extend(letter.map(|(_, letter)| page.with("timetable-week-letter", "letter", letter)));
            parts.retain(|part| !part.is_empty());
            let what =
                [group.map(|group| group.label.as_str()), subject.map(|subject| subject.label.as_str())];
            SlotLine {
                id: *id,
                hours: dates.hours(hour(slot.starts_minute), hour(slot.ends_minute)),
                what: what.into_iter().flatten().collect::<Vec<_>>().join(" · "),
                detail: parts.join(" · "),
            }
        };
        let days = WEEKDAYS
            .into_iter()
            .map(|weekday| SlotDay {
                heading: dates.weekday(weekday),
                slots: rules.slots.iter().filter(|slot| slot.slot.weekday == weekday).map(line).collect(),
            })
            .filter(|day| !day.slots.is_empty())
            .collect();
        let mut weeks = Vec::new();
        let mut monday = Monday::of(rules.year.0);
        while let Some(this) = monday.filter(|monday| monday.date() <= rules.year.1) {
            weeks.push(WeekLine {
                monday: this.date().to_string(),
                label: dates.day_and_year(this.date()),
                letter: rules.weeks.get(&this).copied().unwrap_or_default(),
            });
            monday = this.next();
        }
        let every = ("0".to_owned(), page.t("timetable-every-week").to_owned(), true);
        let letters = rules.rotations.iter().map(|(id, letter)| {
            (id.to_string(), page.with("timetable-week-letter", "letter", letter), false)
        });
        let no_subject = ("0".to_owned(), page.t("timetable-no-subject").to_owned(), true);
        let subjects = rules.subjects.iter().map(|line| (line.id.to_string(), line.label.clone(), false));
        SlotsPage {
            days,
            weekdays: options(WEEKDAYS.into_iter().map(|weekday| {
                (
                    weekday.to_monday_one_offset().to_string(),
                    dates.weekday(weekday).to_owned(),
                    weekday == Weekday::Monday,
                )
            })),
            groups: options(rules.groups.iter().map(|line| (line.id.to_string(), line.label.clone(), false))),
            teachers: options(
                rules.teachers.iter().map(|line| (line.id.to_string(), line.formal.clone(), false)),
            ),
            subjects: options(std::iter::once(no_subject).chain(subjects)),
            rotations: options(std::iter::once(every).chain(letters)),
            weeks,
            letters: LETTERS,
            proposed: rules.proposed,
            holidays: rules
                .holidays
                .iter()
                .map(|holiday| HolidayLine {
                    label: holiday.label.clone(),
                    span: page.with2(
                        "timetable-week-span",
                        "first",
                        dates.day_and_year(holiday.first),
                        "last",
                        dates.day_and_year(holiday.last),
                    ),
                    first: holiday.first.to_string(),
                })
                .collect(),
            first: platform.today().to_string(),
            last: rules.year.1.to_string(),
            page,
        }
    }
}
