//! The only SQL of the import: the scratch database, what the store knows, what applying writes.

mod lookup;
mod scratch;
mod write;

pub(super) use lookup::{
    AppliedRun, GroupRow, SchoolRow, applied_runs, current, groups, people_called, people_of, population,
    schools, subjects, systems,
};
pub(super) use scratch::{Ref, Scratch, Side};
pub(super) use write::{
    RunLine, insert_people, insert_run, mark_removed, remove_groups, renew_guardian_ties, replace_bonds,
    replace_enrolments, replace_teachings, replace_ties, update_person, write_group, write_school,
    write_subjects,
};
