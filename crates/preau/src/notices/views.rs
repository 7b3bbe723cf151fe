//! What the templates of notices show. Dates and counts are put into words here.

use super::model::{Fault, LONGEST_BODY, LONGEST_TITLE, Notice, NoticeLine, Receipts, Share};
use crate::edge::{FormFields, Platform, instant};
use crate::school::SchoolLine;
use crate::ui::{SelectOption, Shell};
use askama::Template;

/// The notices of one's schools.
#[derive(Template)]
#[template(path = "notices/list.html")]
pub(super) struct ListPage<'a> {
    page: &'a Shell,
    lines: Vec<Line>,
    may_write: bool,
}

/// One notice of the list.
pub(super) struct Line {
    href: String,
    title: String,
    detail: String,
    read: bool,
    withdrawn: bool,
}

impl<'a> ListPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, lines: Vec<NoticeLine>, may_write: bool) -> Self {
        let (dates, today) = (page.dates(platform.zone()), platform.today());
        let lines = lines
            .into_iter()
            .map(|line| Line {
                href: format!("/notices/{}", line.id),
                title: line.title,
                detail: page.with2(
                    "notice-by",
                    "name",
                    line.author,
                    "moment",
                    dates.moment(today, instant(line.published_at)),
                ),
                read: line.read,
                withdrawn: line.withdrawn,
            })
            .collect();
        ListPage { page, lines, may_write }
    }
}

/// One notice.
#[derive(Template)]
#[template(path = "notices/notice.html")]
pub(super) struct NoticePage<'a> {
    page: &'a Shell,
    title: String,
    body: String,
    detail: String,
    withdrawn: String,
    receipts: Vec<Receipt>,
    withdrawal: Option<String>,
    here: String,
}

/// "Élèves : 120 sur 460".
pub(super) struct Receipt {
    label: String,
    read: u32,
    of: u32,
}

impl<'a> NoticePage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        platform: &Platform,
        notice: Notice,
        author: String,
        receipts: Option<Receipts>,
    ) -> Self {
        let (dates, today) = (page.dates(platform.zone()), platform.today());
        let moment = dates.moment(today, instant(notice.published_at));
        let withdrawn = notice
            .withdrawn_at
            .map(|at| page.with("notice-withdrawn-at", "moment", dates.moment(today, instant(at))));
        let here = format!("/notices/{}", notice.id);
        let is_head = receipts.is_some();
        let receipts = receipts.map(|receipts| {
            [
                ("notice-read-by-staff", receipts.staff),
                ("notice-read-by-families", receipts.families),
                ("notice-read-by-pupils", receipts.pupils),
            ]
            .into_iter()
            .filter(|(_, share)| share.of > 0)
            .map(|(key, Share { read, of })| Receipt {
                label: page.with2(key, "count", read, "total", of),
                read,
                of,
            })
            .collect()
        });
        NoticePage {
            page,
            detail: page.with2("notice-by", "name", author, "moment", moment),
            withdrawal: (is_head && withdrawn.is_none()).then(|| format!("{here}/withdrawal")),
            withdrawn: withdrawn.unwrap_or_default(),
            receipts: receipts.unwrap_or_default(),
            title: notice.title,
            body: notice.body,
            here,
        }
    }
}

/// What stands in the form.
#[derive(Debug, Default, Clone)]
pub(super) struct Typed {
    school: String,
    title: String,
    body: String,
    fault: Option<Fault>,
}

impl Typed {
    /// As it was typed, with what is wrong.
    pub(super) fn again(fields: &FormFields, fault: Fault) -> Typed {
        Typed {
            school: fields.text("school").to_owned(),
            title: fields.text("title").to_owned(),
            body: fields.text("body").to_owned(),
            fault: Some(fault),
        }
    }
}

/// The form to write a notice.
#[derive(Template)]
#[template(path = "notices/form.html")]
pub(super) struct FormPage<'a> {
    page: &'a Shell,
    schools: Vec<SelectOption>,
    typed: Typed,
    title_error: &'a str,
    body_error: &'a str,
    title_bounds: String,
    body_bounds: String,
}

impl<'a> FormPage<'a> {
    pub(super) fn new(page: &'a Shell, schools: Vec<SchoolLine>, typed: Typed) -> Self {
        let (title_error, body_error) = match typed.fault {
            None => ("", ""),
            Some(fault) if fault.is_of_title() => (page.texts.get(fault.key()), ""),
            Some(fault) => ("", page.texts.get(fault.key())),
        };
        let schools = schools
            .into_iter()
            .map(|school| {
                let value = school.id.to_string();
                SelectOption { chosen: value == typed.school, value, label: school.name }
            })
            .collect();
        FormPage {
            page,
            schools,
            typed,
            title_error,
            body_error,
            title_bounds: format!("required maxlength=\"{LONGEST_TITLE}\""),
            body_bounds: format!("required maxlength=\"{LONGEST_BODY}\""),
        }
    }
}
