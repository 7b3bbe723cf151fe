//! Permits: proofs that a rule was asked. Their fields are private to this module.

use super::{Action, Actor, Resource};
use crate::store::{Authorised, Authority};
use std::marker::PhantomData;
use thiserror::Error;

/// The seal of [`Authorised`]: only the permits below can carry it.
pub(crate) mod seal {
    /// Cannot be implemented outside `access`.
    pub trait Sealed {}
}

/// Why there is no permit.
#[derive(Debug, Error)]
pub enum Denied {
    /// It does not exist, or it is not for this actor. Nobody outside learns which.
    #[error("absent or not allowed")]
    Refused,
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] diesel::result::Error),
}

/// The proof that `actor` may do `A` to the resource it carries.
#[derive(Debug)]
pub struct Permit<R, A> {
    actor: Actor,
    resource: R,
    action: PhantomData<fn() -> A>,
}

impl<R: Resource, A: Action> Permit<R, A> {
    pub(super) fn granted(actor: Actor, resource: R) -> Self {
        Permit { actor, resource, action: PhantomData }
    }

    /// Who was permitted.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// To what.
    pub fn resource(&self) -> &R {
        &self.resource
    }

    /// To what, giving up the permit.
    pub fn into_resource(self) -> R {
        self.resource
    }
}

impl<R: Resource, A: Action> seal::Sealed for Permit<R, A> {}

impl<R: Resource, A: Action> Authorised for Permit<R, A> {
    fn authority(&self) -> Authority {
        Authority {
            actor: self.actor.label(),
            action: A::NAME,
            object_kind: R::KIND,
            object_id: self.resource.number(),
        }
    }
}

/// Work of the system itself, each kind by its name. The list is short on purpose and stands in the
/// committed access matrix: adding to it shows in a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemPermit {
    /// Keeping a secret or a snapshot that belongs to nobody.
    KeepSecret,
    /// An import applied from the command line by the operator.
    ImportFromCommandLine,
    /// Filling the demonstration school.
    FillDemo,
    /// A person proving who they are: sign-in, activation, sign-out. Nobody is signed in yet.
    SignIn,
    /// Writing down who was seen in a lesson or waiting for it.
    NotePresence,
    /// An operator's command (`preau admin`, the gate's console).
    Operator,
    /// What the gate does by itself: steps of the ladder.
    Gate,
    /// What recordings need while nobody asks: noting their files, ending them, deleting what is too old.
    Recorder,
    /// Deleting what a class wrote in a live lesson, once its time is over.
    Retention,
}

impl SystemPermit {
    /// Every one of them.
    pub const ALL: [SystemPermit; 9] = [
        SystemPermit::KeepSecret,
        SystemPermit::ImportFromCommandLine,
        SystemPermit::FillDemo,
        SystemPermit::SignIn,
        SystemPermit::NotePresence,
        SystemPermit::Operator,
        SystemPermit::Gate,
        SystemPermit::Recorder,
        SystemPermit::Retention,
    ];

    /// Its name in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            SystemPermit::KeepSecret => "keep_secret",
            SystemPermit::ImportFromCommandLine => "import_from_command_line",
            SystemPermit::FillDemo => "fill_demo",
            SystemPermit::SignIn => "sign_in",
            SystemPermit::NotePresence => "note_presence",
            SystemPermit::Operator => "operator",
            SystemPermit::Gate => "gate",
            SystemPermit::Recorder => "recorder",
            SystemPermit::Retention => "retention",
        }
    }
}

impl seal::Sealed for SystemPermit {}

impl Authorised for SystemPermit {
    fn authority(&self) -> Authority {
        Authority {
            actor: format!("system:{}", self.name()),
            action: self.name(),
            object_kind: "system",
            object_id: 0,
        }
    }
}
