//! What a list may contain (lock 4).

use crate::ids::{GroupId, PersonId, SchoolId};

/// The part of a table that an actor may see; a slice's `store.rs` turns it into a WHERE clause.
/// Nobody filters afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Nothing at all.
    Nothing,
    /// What belongs to these persons.
    Persons(Vec<PersonId>),
    /// What belongs to these classes and groups.
    Groups(Vec<GroupId>),
    /// What belongs to this school.
    School(SchoolId),
    /// What belongs to one of these schools.
    Schools(Vec<SchoolId>),
}
