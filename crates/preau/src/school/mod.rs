//! People, classes and groups: who belongs where, as the school's own files say.
//!
//! Others may ask for the facts that access rules are made of ([`facts_of`]) and for names
//! ([`GroupName`], [`group_names`]). [`School`] and [`Group`] are the objects of permits.
//! The import of people and classes is the sub-module [`import`].

pub mod import;
mod store;
pub mod views;

pub use store::{
    Group, GroupLine, GroupName, NewPerson, Pupil, School, SchoolLine, SubjectLine, TeacherLine, add_group,
    add_person, add_school, add_subject, enrol, facts_of, formal_names, group_names, group_sizes,
    groups_of_pupils, groups_of_school, guard, is_primary, person_name, pupils_of, pupils_of_groups,
    school_by_uai, school_line, subject_names, subjects_of, subjects_taught, teach, teachers_of, tie,
};
