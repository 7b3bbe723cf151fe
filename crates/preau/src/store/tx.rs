//! A write in progress: it knows who writes, under which permit, and what to tell the journal.

use super::Conn;
use crate::ids::Millis;

/// Who may do what: what a permit amounts to once the decision is taken. Only `access` makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// `person:<id>` or `system:<task>`.
    pub(crate) actor: String,
    /// The action's name, for example `homework.publish`.
    pub(crate) action: &'static str,
    /// Kind of the resource that the permit is for.
    pub(crate) object_kind: &'static str,
    /// Its identifier.
    pub(crate) object_id: i64,
}

/// Anything that proves an [`Authority`]: a permit of `access`. The supertrait is private to this
/// crate's `access`, so that no slice can invent one.
pub trait Authorised: crate::access::permit_seal::Sealed {
    /// What the permit amounts to.
    fn authority(&self) -> Authority;
}

/// What a write does once it is committed (forget a cached value, wake a page).
type Afterwards = Box<dyn FnOnce() + Send>;

/// One write inside the writer's transaction, in a savepoint of its own.
pub struct Tx<'c> {
    conn: &'c mut Conn,
    authority: &'c Authority,
    now: Millis,
    pub(super) notes: Vec<Note>,
    pub(super) afterwards: Vec<Afterwards>,
}

/// A journal entry to be.
pub(super) struct Note {
    pub(super) action: &'static str,
    pub(super) object_kind: &'static str,
    pub(super) object_id: i64,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c mut Conn, authority: &'c Authority, now: Millis) -> Tx<'c> {
        Tx { conn, authority, now, notes: Vec::new(), afterwards: Vec::new() }
    }

    /// The connection to write on.
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// The instant this write happened at, by the writer's clock; the journal says the same.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Names the object that this write made or changed. Without a note the journal gets one entry
    /// for the permit's own resource; with notes it gets one for each of them instead.
    pub fn note(&mut self, object_kind: &'static str, object_id: i64) {
        let action = self.authority.action;
        self.note_as(action, object_kind, object_id);
    }

    /// Like [`Tx::note`], for a consequence that deserves an action of its own.
    pub fn note_as(&mut self, action: &'static str, object_kind: &'static str, object_id: i64) {
        self.notes.push(Note { action, object_kind, object_id });
    }

    /// Runs `hook` after the commit, and never if the write fails.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.afterwards.push(Box::new(hook));
    }

    /// The notes to write, at least one.
    pub(super) fn finish(mut self) -> (Vec<Note>, Vec<Afterwards>) {
        if self.notes.is_empty() {
            let Authority { action, object_kind, object_id, .. } = *self.authority;
            self.notes.push(Note { action, object_kind, object_id });
        }
        (self.notes, self.afterwards)
    }
}
