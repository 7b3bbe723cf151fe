//! The timetable: dated lessons of a school, who holds them, for whom, where, and what changed.
//!
//! Pages read occurrences, never rules: a weekly slot or a file is turned into dated lessons when it is
//! written ([`import`], slots), so that one lesson can be moved, cancelled or held by somebody else without
//! touching any rule. Others may ask for lessons ([`lessons_of_day`], [`lessons_between`], [`named`]), for
//! the one that counts now ([`current_or_next`]) and for permits on a [`Lesson`].
//!
//! Invariant: a lesson ends after it starts, and a cancelled lesson that another one replaces is not shown.

mod model;
mod policy;
mod store;
mod words;

pub use model::{Lesson, LessonState, LessonTeacher, NamedLesson, SubjectName, current_or_next, day_bounds};
pub use policy::{
    AnnotateLesson, ChangeLesson, ImportTimetable, ManageTimetable, ReadLesson, SchoolTimetable,
};
pub use words::{change_words, room_words};
pub use store::{lessons_between, lessons_of_day, named};
