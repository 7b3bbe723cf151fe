//! What the templates of class lists show.

use super::model::{ClassLine, TeacherOfClass};
use crate::school::Pupil;
use crate::ui::Shell;
use askama::Template;

/// The classes and groups one may look into.
#[derive(Template)]
#[template(path = "classes/list.html")]
pub(super) struct ListPage<'a> {
    page: &'a Shell,
    classes: Vec<Line>,
    groups: Vec<Line>,
}

/// One class or group of the list.
pub(super) struct Line {
    href: String,
    label: String,
    size: String,
}

impl<'a> ListPage<'a> {
    pub(super) fn new(page: &'a Shell, lines: Vec<ClassLine>) -> Self {
        let (classes, groups): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.is_class);
        let line = |line: ClassLine| Line {
            href: format!("/classes/{}", line.id),
            size: page.with("class-size", "count", line.pupils),
            label: line.label,
        };
        ListPage {
            page,
            classes: classes.into_iter().map(line).collect(),
            groups: groups.into_iter().map(line).collect(),
        }
    }
}

/// One class or group.
#[derive(Template)]
#[template(path = "classes/class.html")]
pub(super) struct ClassPage<'a> {
    page: &'a Shell,
    /// The list as a file; empty when that is not offered.
    table: String,
    size: String,
    pupils: Vec<PupilLine>,
    teachers: Vec<TeacherLine>,
}

/// One pupil.
pub(super) struct PupilLine {
    name: String,
    /// Where a new password is made; empty when that is not offered.
    reset: String,
}

/// One teacher.
pub(super) struct TeacherLine {
    name: String,
    detail: String,
    tutor: bool,
}

impl<'a> ClassPage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        pupils: Vec<Pupil>,
        teachers: Vec<(String, TeacherOfClass)>,
        reset: bool,
        table: String,
    ) -> Self {
        ClassPage {
            page,
            table,
            size: page.with("class-size", "count", pupils.len()),
            pupils: pupils
                .into_iter()
                .map(|pupil| PupilLine {
                    reset: if reset { format!("/people/{}", pupil.id) } else { String::new() },
                    name: pupil.name,
                })
                .collect(),
            teachers: teachers
                .into_iter()
                .map(|(name, teacher)| TeacherLine {
                    name,
                    detail: teacher.subjects.join(", "),
                    tutor: teacher.tutor,
                })
                .collect(),
        }
    }
}
