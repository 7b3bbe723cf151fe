//! Who may do what: actor, action, policy, permit, scope. Five locks, see `docs/access.md`.
//!
//! This module knows no slice. Each slice declares its resources ([`Resource`]), its actions
//! ([`Action`]) and its rules ([`Allows`], [`Lists`]) in its `policy.rs`, as pure functions of the
//! actor's facts. What comes out is a [`Permit`], the only key to [`crate::store::Store::write`], or a
//! [`Denied`], which looks the same for "absent" and for "not yours".

mod actor;
mod permit;
mod policy;
mod scope;

pub use actor::{Actor, Affiliation, Child, Facts, Profile};
pub(crate) use permit::seal as permit_seal;
pub use permit::{Denied, Permit, SystemPermit};
pub use policy::{Action, Allows, Lists, Resource};
pub use scope::Scope;

/// Declares an action: a type without values and its name in the journal.
#[macro_export]
macro_rules! action {
    ($(#[$doc:meta])* $name:ident = $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl $crate::access::Action for $name {
            const NAME: &'static str = $text;
        }
    };
}
