//! The faces that a slice implements to say what it protects and by which rule.

use super::{Actor, Scope};
use crate::store::Conn;
use diesel::QueryResult;

/// Something done to a resource; declared with [`crate::action!`].
pub trait Action {
    /// The name in the journal and in the access matrix, `slice.verb`.
    const NAME: &'static str;
}

/// Something that is protected and found by an identifier.
pub trait Resource: Sized {
    /// Its identifier. On its own it is inert.
    type Id: Copy;
    /// Its kind in the journal and in the access matrix.
    const KIND: &'static str;

    /// Looks it up, with the facts that the rules need.
    ///
    /// # Errors
    /// The engine's.
    fn find(conn: &mut Conn, id: Self::Id) -> QueryResult<Option<Self>>;

    /// The number the journal shows for it.
    fn number(&self) -> i64;
}

/// The rule: a pure function of the actor's facts and the resource.
pub trait Allows<A: Action>: Resource {
    /// Whether `actor` may do `A` to `resource`.
    fn allows(actor: &Actor, resource: &Self) -> bool;
}

/// The rule for lists of a resource.
pub trait Lists<A: Action>: Resource {
    /// What `actor` may see of all of them.
    fn scope(actor: &Actor) -> Scope;
}
