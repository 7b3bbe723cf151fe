//! People, classes and groups: who belongs where, as the school's own files say.
//!
//! Others may ask for the facts that access rules are made of ([`facts_of`]) and for names
//! ([`GroupName`], [`group_names`]). Import lives in the sub-module `import`.

mod store;
pub mod views;

pub use store::{
    Group, GroupName, NewPerson, Pupil, SchoolLine, add_group, add_person, add_school, add_subject, enrol,
    facts_of, group_names, guard, person_name, pupils_of, school_line, subject_names, subjects_taught, teach,
};
pub use store::{GroupLine, SubjectLine, TeacherLine, formal_names, groups_of_school, school_by_uai, subjects_of, teachers_of};
