//! The only SQL on schools, people, classes and groups.

mod facts;
mod groups;
mod schools;

pub use facts::{SchoolLine, facts_of, school_line};
pub use groups::{
    Group, GroupName, Pupil, group_names, person_name, pupils_of, subject_names, subjects_taught,
};
pub use schools::School;
