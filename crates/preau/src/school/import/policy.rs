//! Who may import. Pure; the table in `docs/access.md` is its source.

use crate::access::{Actor, Allows, Profile};
use crate::action;
use crate::school::School;

action!(
    /// Importing the people and classes of a school.
    ImportPeople = "school.import"
);

impl Allows<ImportPeople> for School {
    fn allows(actor: &Actor, school: &Self) -> bool {
        actor.is_in(school.id, &[Profile::LocalAdmin])
    }
}
