//! The only SQL on schools, people, classes and groups.

mod directory;
mod facts;
mod groups;
mod schools;
mod write;

pub use directory::{
    GroupLine, SubjectLine, TeacherLine, formal_names, groups_of_school, school_by_uai, subjects_of,
    teachers_of,
};
pub use facts::{SchoolLine, facts_of, is_primary, school_line};
pub use groups::{
    Group, GroupName, Pupil, group_names, group_sizes, groups_of_pupils, person_name, pupils_of,
    pupils_of_groups, subject_names, subjects_taught,
};
pub use schools::School;
pub use write::{NewPerson, add_group, add_person, add_school, add_subject, enrol, guard, teach, tie};
