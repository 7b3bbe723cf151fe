//! The only SQL on schools, people, classes and groups.

mod facts;
mod groups;

pub use facts::{SchoolLine, facts_of, school_line};
pub use groups::{
    Group, GroupName, Pupil, group_names, person_name, pupils_of, pupils_of_groups, subject_names, subjects_taught,
};
