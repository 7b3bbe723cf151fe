//! A board in memory: what was drawn, merged.

use super::plain::{Things, plain};
use super::reader::{self, ROOT, Unsound};
use serde_json::Value;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use yrs::updates::decoder::Decode as _;
use yrs::{
    Doc, Map as _, Observable as _, Out, ReadTxn as _, StateVector, Transact as _, TransactionMut, Update,
    WriteTxn as _,
};

/// Things on a board at once. A very full one has a thousand.
pub(super) const MOST_THINGS: u32 = 3_000;

/// Why an update was not merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unmerged {
    /// It is no update of a board.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// It builds on something that is not there.
    #[error("an update builds on something that the board does not have")]
    Behind,
    /// The board would have more than [`MOST_THINGS`].
    #[error("the board is full")]
    Full,
    /// The code that merges failed.
    #[error("an update could not be merged")]
    Failed,
}

/// What was drawn.
pub(super) struct Sheet {
    doc: Doc,
    /// The ids of what the last update changed.
    changed: Arc<Mutex<BTreeSet<String>>>,
}

impl Default for Sheet {
    fn default() -> Sheet {
        let (doc, changed) = (Doc::new(), Arc::<Mutex<BTreeSet<String>>>::default());
        let hears = Arc::clone(&changed);
        doc.get_or_insert_map(ROOT).observe("changed", move |txn, event| {
            let ids = event.keys(txn).keys().map(|id| id.to_string());
            hears.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        });
        Sheet { doc, changed }
    }
}

impl Sheet {
    fn ids_changed(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Ids are put in one by one or taken out together: a panic elsewhere leaves a set that is one.
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Merges an update. After an error the sheet may hold a part of it: it is to be made anew.
    ///
    /// # Errors
    /// [`Unmerged`].
    pub(super) fn merge(&mut self, update: &[u8]) -> Result<(), Unmerged> {
        let outline = reader::outline(update)?;
        self.ids_changed().clear();
        // The reader lets nothing through that is known to make the code below panic. Should something do it all
        // the same, one board is made anew, and the school goes on.
        let merged = catch_unwind(AssertUnwindSafe(|| {
            // A transaction commits when it is dropped. One that has panicked must not: a second panic on the way
            // out would end the process.
            let mut txn = ManuallyDrop::new(self.doc.transact_mut());
            let merged = Sheet::merge_read(&mut txn, update, &outline);
            drop(ManuallyDrop::into_inner(txn));
            merged
        }));
        merged.unwrap_or(Err(Unmerged::Failed))
    }

    fn merge_read(
        txn: &mut TransactionMut<'_>,
        update: &[u8],
        outline: &reader::Outline,
    ) -> Result<(), Unmerged> {
        let known = txn.state_vector();
        let clock = |client: u64| known.get(&yrs::block::ClientID::new(client));
        // What a writer adds follows what the writer has added.
        if outline.adds.iter().any(|(client, first, _)| *first > clock(*client)) {
            return Err(Unmerged::Behind);
        }
        let end = |client: u64| {
            let added = outline.adds.iter().find(|(writer, ..)| *writer == client);
            clock(client).max(added.map_or(0, |(.., end)| *end))
        };
        if outline.needs.iter().any(|(client, needed)| *needed >= end(*client)) {
            return Err(Unmerged::Behind);
        }
        let update = Update::decode_v1(update).map_err(|_| Unmerged::Failed)?;
        txn.apply_update(update).map_err(|_| Unmerged::Failed)?;
        if txn.has_missing_updates() {
            return Err(Unmerged::Behind);
        }
        if txn.get_or_insert_map(ROOT).len(txn) > MOST_THINGS {
            return Err(Unmerged::Full);
        }
        Ok(())
    }

    /// Merges what the store has, which has been merged before.
    ///
    /// # Errors
    /// [`Unmerged::Failed`].
    pub(super) fn merge_kept(&mut self, update: &[u8]) -> Result<(), Unmerged> {
        let update = Update::decode_v1(update).map_err(|_| Unmerged::Failed)?;
        self.doc.transact_mut().apply_update(update).map_err(|_| Unmerged::Failed)
    }

    /// Everything as one update.
    pub(super) fn whole(&self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    /// What the last update changed: the things as they are now, by their ids, and null where one is gone.
    pub(super) fn changes(&self) -> Things {
        let ids = self.ids_changed();
        let txn = self.doc.transact();
        let Some(map) = txn.get_map(ROOT) else { return Things::new() };
        ids.iter().map(|id| (id.clone(), map.get(&txn, id).map_or(Value::Null, of_map))).collect()
    }

    /// Every thing as it is now, by its id.
    pub(super) fn things(&self) -> Things {
        let txn = self.doc.transact();
        let Some(map) = txn.get_map(ROOT) else { return Things::new() };
        map.iter(&txn).map(|(id, value)| (id.to_owned(), of_map(value))).collect()
    }
}

/// The reader lets only plain objects into the map.
fn of_map(value: Out) -> Value {
    match value {
        Out::Any(any) => plain(&any),
        _ => Value::Null,
    }
}
