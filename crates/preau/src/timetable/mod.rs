//! The timetable: dated lessons of a school, who holds them, for whom, where, and what changed.
//!
//! Pages read occurrences, never rules: a weekly slot or a file is turned into dated lessons when it is
//! written (`slots`, `import`), so that one lesson can be moved, cancelled or held by somebody else without
//! touching any rule. Others may ask for lessons ([`lessons_of_day`], [`lessons_between`], [`named`]), for
//! the one that counts now ([`current_or_next`]) and for permits on a [`Lesson`].
//!
//! Invariant: a lesson ends after it starts, and a cancelled lesson that another one replaces is not shown.

mod bells;
mod grid;
mod import;
mod lessons;
mod model;
mod policy;
mod slots;
mod store;
#[cfg(test)]
mod tests;
mod views;
mod week;
mod words;

pub use bells::keep_gate_informed;
pub use import::{ImportReport, Remark, command, read_file};
pub use model::{Lesson, LessonState, LessonTeacher, NamedLesson, SubjectName, current_or_next, day_bounds};
pub use policy::{
    AnnotateLesson, ChangeLesson, DeclareExam, ImportTimetable, ManageTimetable, ReadLesson, SchoolTimetable,
    WithdrawExam,
};
pub use store::{lessons_between, lessons_of_day, named};
#[cfg(test)]
pub(crate) use tests::matrix;
pub use words::{change_words, room_words};

use crate::access::Profile;
use crate::edge::{Audience, Body, Cost, NavEntry, Platform, Routes};

/// Everybody who has a timetable to read.
const READERS: &[Profile] = &[
    Profile::Pupil,
    Profile::Guardian,
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
];
const IMPORTERS: &[Profile] = &[Profile::Head, Profile::LocalAdmin];
const HEADS: Audience = Audience::Profiles(&[Profile::Head]);

/// What the handlers need.
#[derive(Clone)]
pub struct TimetableState {
    platform: Platform,
    staged: import::Staged,
}

impl TimetableState {
    /// Without any file waiting.
    pub fn new(platform: Platform) -> TimetableState {
        TimetableState { platform, staged: import::Staged::default() }
    }
}

/// The pages of this slice.
pub fn routes(state: TimetableState) -> Routes {
    let readers = Audience::Profiles(READERS);
    let importers = Audience::Profiles(IMPORTERS);
    let file = Body::Files(import::pages::LARGEST + 64 * 1024);
    let teachers = Audience::Profiles(&[Profile::Teacher, Profile::Librarian]);
    Routes::new()
        .nav(NavEntry { order: 15, href: "/timetable", key: "nav-timetable", profiles: READERS })
        .nav(NavEntry {
            order: 80,
            href: "/timetable/import",
            key: "nav-timetable-import",
            profiles: &[Profile::LocalAdmin],
        })
        .get("/timetable", readers, Cost::Page, week::show)
        .get("/lessons/{id}", readers, Cost::Page, lessons::show)
        .post("/lessons/{id}/note", teachers, Cost::Write, Body::Form, lessons::annotate)
        .post("/lessons/{id}/cancellation", HEADS, Cost::Write, Body::Form, lessons::cancel)
        .post("/lessons/{id}/restoration", HEADS, Cost::Write, Body::Form, lessons::restore)
        .post("/lessons/{id}/move", HEADS, Cost::Write, Body::Form, lessons::move_to)
        .post("/lessons/{id}/exam", HEADS, Cost::Write, Body::Form, lessons::declare_exam)
        .post("/lessons/{id}/exam/removal", HEADS, Cost::Write, Body::Form, lessons::withdraw_exam)
        .post("/lessons/{id}/substitution", HEADS, Cost::Write, Body::Form, lessons::substitute)
        .get("/timetable/import", importers, Cost::Page, import::pages::drop_page)
        .post("/timetable/import", importers, Cost::Write, file, import::pages::look)
        .post(
            "/timetable/import/application",
            importers,
            Cost::Write,
            Body::Form,
            import::pages::apply_staged,
        )
        .post("/timetable/import/removal", importers, Cost::Write, Body::Form, import::pages::discard)
        .get("/timetable/slots", HEADS, Cost::Page, slots::show)
        .post("/timetable/slots", HEADS, Cost::Write, Body::Form, slots::add)
        .post("/timetable/slots/removal", HEADS, Cost::Write, Body::Form, slots::remove)
        .post("/timetable/rotations", HEADS, Cost::Write, Body::Form, slots::save_rotations)
        .post("/timetable/holidays", HEADS, Cost::Write, Body::Form, slots::add_holiday)
        .post("/timetable/holidays/removal", HEADS, Cost::Write, Body::Form, slots::remove_holiday)
        .with_state(state)
}
