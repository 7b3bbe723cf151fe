//! What the templates show. Everything that needs a rule or a date is worked out here, so that a
//! template only places words.

use super::model::{Fault, Homework, HomeworkId, WorkLine};
use super::pages::Entry;
use crate::access::{Actor, Child, Profile};
use crate::edge::{FormFields, Platform};
use crate::files::FileLine;
use crate::ids::{GroupId, SubjectId};
use crate::school::GroupName;
use crate::ui::{SelectOption, Shell};
use askama::Template;
use jiff::civil::Date;

/// The list: what is due, or the past lessons.
#[derive(Template)]
#[template(path = "homework/list.html")]
pub(super) struct ListPage<'a> {
    page: &'a Shell,
    days: Vec<Day>,
    groups: Vec<Narrow>,
    children: Vec<Narrow>,
    may_write: bool,
    may_tick: bool,
    past: bool,
    query: String,
}

/// A link that narrows the list.
pub(super) struct Narrow {
    label: String,
    href: String,
    current: bool,
}

/// The entries of one day under its heading.
pub(super) struct Day {
    heading: String,
    lines: Vec<Line>,
}

/// One entry of the list.
pub(super) struct Line {
    id: HomeworkId,
    title: String,
    hue: i32,
    text: String,
    hand_in: bool,
    done: bool,
}

impl<'a> ListPage<'a> {
    #[expect(
        clippy::too_many_arguments,
        reason = "a view takes what the page shows; a struct between would be a copy of this one"
    )]
    pub(super) fn new(
        page: &'a Shell,
        platform: &Platform,
        actor: &Actor,
        lines: Vec<WorkLine>,
        groups: Vec<GroupName>,
        narrowed: Option<GroupId>,
        child: Option<&Child>,
        past: bool,
    ) -> Self {
        let dates = page.dates(platform.zone());
        let today = platform.today();
        let pupil = actor.has(Profile::Pupil);
        let mut days: Vec<Day> = Vec::new();
        for line in lines {
            let heading = match (past, line.due) {
                (false, Some(due)) => dates.due(today, due),
                _ => dates.day(line.given_on),
            };
            let title = match (line.subject.as_str(), pupil || child.is_some()) {
                ("", _) => line.group_label,
                (subject, true) => subject.to_owned(),
                (subject, false) => format!("{subject} · {}", line.group_label),
            };
            let text = if past && !line.lesson_log.is_empty() { line.lesson_log } else { line.work };
            let entry =
                Line { id: line.id, title, hue: line.hue, text, hand_in: line.hand_in, done: line.done };
            match days.last_mut() {
                Some(day) if day.heading == heading => day.lines.push(entry),
                _ => days.push(Day { heading, lines: vec![entry] }),
            }
        }
        let suffix = if past { "&past=1" } else { "" };
        let groups = groups
            .into_iter()
            .map(|group| Narrow {
                href: format!("/homework?group={}{suffix}", group.id),
                current: narrowed == Some(group.id),
                label: group.label,
            })
            .collect();
        let children: Vec<Narrow> = actor
            .wards()
            .map(|ward| Narrow {
                href: format!("/homework?child={}{suffix}", ward.pupil),
                current: child.is_some_and(|shown| shown.pupil == ward.pupil),
                label: ward.name.clone(),
            })
            .collect();
        let query = match (narrowed, child) {
            (Some(group), _) => format!("group={group}"),
            (None, Some(child)) if children.len() > 1 => format!("child={}", child.pupil),
            _ => String::new(),
        };
        ListPage {
            page,
            days,
            groups,
            may_write: actor.has(Profile::Teacher),
            may_tick: pupil,
            children: if children.len() > 1 { children } else { Vec::new() },
            past,
            query,
        }
    }
}

/// One entry with its files and hand-ins.
#[derive(Template)]
#[template(path = "homework/entry.html")]
pub(super) struct EntryPage<'a> {
    page: &'a Shell,
    id: HomeworkId,
    title: String,
    hue: i32,
    given: String,
    due: Option<String>,
    lesson_log: String,
    work: String,
    files: Vec<FileRow>,
    may_tick: bool,
    done: bool,
    may_hand_in: bool,
    may_revise: bool,
    teaches: bool,
    done_count: i64,
    class_size: i64,
    handed_in: Vec<Handed>,
    missing: Vec<String>,
    own: Option<Handed>,
    hand_in: bool,
}

/// A file to open.
pub(super) struct FileRow {
    href: String,
    token: String,
    name: String,
    size: String,
}

/// What one pupil handed in.
pub(super) struct Handed {
    name: String,
    when: String,
    body: String,
    files: Vec<FileRow>,
}

impl<'a> EntryPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, actor: &Actor, entry: Entry) -> Self {
        let dates = page.dates(platform.zone());
        let today = platform.today();
        let homework = entry.homework;
        let teaches = actor.teaches(homework.group);
        let name_of = |pupil: crate::ids::PersonId| {
            let listed = entry.class.iter().find(|one| one.id == pupil).map(|one| one.name.clone());
            listed
                .or_else(|| actor.wards().find(|ward| ward.pupil == pupil).map(|ward| ward.name.clone()))
                .or_else(|| {
                    actor.facts().filter(|facts| facts.person == pupil).map(|facts| facts.name.clone())
                })
                .unwrap_or_default()
        };
        let mut handed_in: Vec<Handed> = Vec::new();
        let mut own = None;
        let mut seen = Vec::new();
        for (submission, files) in entry.submissions {
            seen.push(submission.pupil);
            let handed = Handed {
                name: name_of(submission.pupil),
                when: dates.moment(today, crate::edge::instant(submission.handed_in_at)),
                body: submission.body,
                files: files
                    .into_iter()
                    .map(|file| FileRow::new(page, "/homework/submissions/files/", file))
                    .collect(),
            };
            if actor.is(submission.pupil) { own = Some(handed) } else { handed_in.push(handed) }
        }
        let missing = if teaches && homework.hand_in {
            entry
                .class
                .iter()
                .filter(|pupil| !seen.contains(&pupil.id))
                .map(|pupil| pupil.name.clone())
                .collect()
        } else {
            Vec::new()
        };
        let enrolled = actor.is_enrolled(homework.group);
        let title = match entry.subject.as_str() {
            "" => entry.group_label,
            subject => format!("{subject} · {}", entry.group_label),
        };
        EntryPage {
            page,
            id: homework.id,
            title,
            hue: entry.hue,
            given: page.with2("homework-given", "day", dates.day(homework.given_on), "author", entry.author),
            due: homework.due.map(|due| dates.due(today, due)),
            may_tick: enrolled && !homework.work.is_empty(),
            may_hand_in: enrolled && homework.hand_in,
            may_revise: actor.is(homework.author),
            hand_in: homework.hand_in,
            lesson_log: homework.lesson_log,
            work: homework.work,
            files: entry.files.into_iter().map(|file| FileRow::new(page, "/homework/files/", file)).collect(),
            done: entry.done,
            teaches,
            done_count: entry.done_count,
            class_size: entry.class.len() as i64,
            handed_in,
            missing,
            own,
        }
    }
}

impl FileRow {
    fn new(page: &Shell, under: &str, file: FileLine) -> FileRow {
        let kibibytes = (file.size + 1023) / 1024;
        let size = if kibibytes < 1024 {
            page.with("file-size-kb", "size", kibibytes)
        } else {
            page.with("file-size-mb", "size", (kibibytes + 512) / 1024)
        };
        FileRow { href: format!("{under}{}", file.token), token: file.token, name: file.name, size }
    }
}

/// What stands in the form.
#[derive(Debug, Default, Clone)]
pub(super) struct Typed {
    group: Option<GroupId>,
    subject: Option<SubjectId>,
    due: String,
    lesson_log: String,
    work: String,
    hand_in: bool,
    fault: Option<Fault>,
}

impl Typed {
    /// Nothing yet, for this class or group.
    pub(super) fn for_group(group: Option<GroupId>) -> Typed {
        Typed { group, ..Typed::default() }
    }

    /// An entry as it is.
    pub(super) fn of(homework: &Homework) -> Typed {
        Typed {
            group: Some(homework.group),
            subject: homework.subject,
            due: homework.due.map(|due| due.to_string()).unwrap_or_default(),
            lesson_log: homework.lesson_log.clone(),
            work: homework.work.clone(),
            hand_in: homework.hand_in,
            fault: None,
        }
    }

    /// As it was typed, with what is wrong.
    pub(super) fn again(fields: &FormFields, fault: Fault) -> Typed {
        Typed {
            group: fields.parse("group").ok(),
            subject: fields.parse("subject").ok(),
            due: fields.text("due").to_owned(),
            lesson_log: fields.text("lesson_log").to_owned(),
            work: fields.text("work").to_owned(),
            hand_in: fields.ticked("hand_in"),
            fault: Some(fault),
        }
    }
}

/// The form to write or change an entry.
#[derive(Template)]
#[template(path = "homework/form.html")]
pub(super) struct FormPage<'a> {
    page: &'a Shell,
    action: String,
    removal: Option<String>,
    cancel: String,
    groups: Vec<SelectOption>,
    subjects: Vec<SelectOption>,
    typed: Typed,
    text_error: &'a str,
    due_error: &'a str,
    files: Vec<FileRow>,
    first_day: String,
}

impl<'a> FormPage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        id: Option<HomeworkId>,
        typed: Typed,
        groups: Vec<GroupName>,
        subjects: Vec<(SubjectId, String)>,
        files: Vec<FileLine>,
        today: Date,
    ) -> Self {
        let groups = groups
            .into_iter()
            .filter(|group| id.is_none() || typed.group == Some(group.id))
            .map(|group| SelectOption {
                value: group.id.to_string(),
                chosen: typed.group == Some(group.id),
                label: group.label,
            })
            .collect();
        let only = subjects.len() == 1;
        let subjects = subjects
            .into_iter()
            .map(|(subject, label)| SelectOption {
                value: subject.to_string(),
                chosen: typed.subject == Some(subject) || (only && typed.subject.is_none()),
                label,
            })
            .collect();
        let (text_error, due_error) = match typed.fault {
            None => ("", ""),
            Some(fault @ (Fault::Empty | Fault::TooLong)) => (page.texts.get(fault.key()), ""),
            Some(fault) => ("", page.texts.get(fault.key())),
        };
        FormPage {
            action: id.map_or_else(|| "/homework".to_owned(), |id| format!("/homework/{id}")),
            removal: id.map(|id| format!("/homework/{id}/removal")),
            cancel: id.map_or_else(|| "/homework".to_owned(), |id| format!("/homework/{id}")),
            groups,
            subjects,
            text_error,
            due_error,
            files: files.into_iter().map(|file| FileRow::new(page, "/homework/files/", file)).collect(),
            first_day: today.to_string(),
            typed,
            page,
        }
    }
}
