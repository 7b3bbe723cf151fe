//! People, classes and groups: who belongs where, as the school's own files say.
//!
//! Others may ask for the facts that access rules are made of ([`facts_of`]) and for names
//! ([`GroupName`], [`group_names`]). [`School`] and [`Group`] are the objects of permits.
//! The import of people and classes is the sub-module [`import`].

pub mod import;
mod store;
pub mod views;

pub use store::{
    Group, GroupName, Pupil, School, SchoolLine, facts_of, group_names, person_name, pupils_of, school_line,
    subject_names, subjects_taught,
};
