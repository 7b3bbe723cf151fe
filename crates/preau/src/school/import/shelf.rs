//! Previews between the second click and the third: what was read lies in a private folder of this
//! process until it is applied, thrown away, or an hour old. A restart empties the shelf; the person then
//! drops the file once more.
//!
//! Invariant: a preview is found by its unguessable token and only for the person who made it.

use super::plan::Plan;
use super::{ImportError, Reading};
use crate::ids::{Millis, PersonId, SchoolId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use tempfile::TempDir;

/// How long a preview waits, in milliseconds.
const KEPT_MS: Millis = 60 * 60 * 1_000;
/// Previews waiting at the most; the oldest gives way.
const MOST: usize = 64;

/// A comparison waiting for its third click.
#[derive(Clone)]
pub(super) struct Preview {
    pub(super) person: PersonId,
    pub(super) school: SchoolId,
    /// The files' names as they were sent.
    pub(super) name: String,
    pub(super) made_at: Millis,
    pub(super) reading: Arc<Reading>,
    pub(super) plan: Arc<Plan>,
    /// Goes with the last user of the preview.
    #[expect(dead_code, reason = "held so that the folder lives as long as the preview")]
    pub(super) folder: Arc<TempDir>,
}

/// The shelf; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<Inner>);

#[derive(Default)]
struct Inner {
    root: OnceLock<TempDir>,
    previews: Mutex<HashMap<String, Preview>>,
}

impl Shelf {
    /// A folder for one import, readable by this process' user alone.
    ///
    /// # Errors
    /// When the machine's folder for temporary files does not let us.
    pub(super) fn folder(&self) -> Result<TempDir, ImportError> {
        let failed = |error: std::io::Error| ImportError::Scratch(error.to_string());
        let root = match self.0.root.get() {
            Some(root) => root,
            None => {
                let fresh = tempfile::Builder::new().prefix("preau-imports-").tempdir().map_err(failed)?;
                self.0.root.get_or_init(|| fresh)
            }
        };
        tempfile::Builder::new().prefix("import-").tempdir_in(root.path()).map_err(failed)
    }

    fn previews(&self) -> MutexGuard<'_, HashMap<String, Preview>> {
        // A panic while the lock was held cannot leave a map of values half changed.
        self.0.previews.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps a preview and returns its token. An earlier one of the same person is thrown away.
    ///
    /// # Errors
    /// No randomness.
    pub(super) fn keep(&self, preview: Preview) -> Result<String, ImportError> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| ImportError::Scratch(error.to_string()))?;
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let mut previews = self.previews();
        let now = preview.made_at;
        previews.retain(|_, kept| kept.person != preview.person && now - kept.made_at < KEPT_MS);
        if previews.len() >= MOST
            && let Some(oldest) =
                previews.iter().min_by_key(|(_, kept)| kept.made_at).map(|(token, _)| token.clone())
        {
            previews.remove(&oldest);
        }
        previews.insert(token.clone(), preview);
        Ok(token)
    }

    /// The preview with this token, if this person made it and it is not too old.
    pub(super) fn find(&self, token: &str, person: PersonId, now: Millis) -> Option<Preview> {
        let mut previews = self.previews();
        previews.retain(|_, kept| now - kept.made_at < KEPT_MS);
        previews.get(token).filter(|kept| kept.person == person).cloned()
    }

    /// Puts a newer comparison of the same files in place.
    pub(super) fn renew(&self, token: &str, plan: Plan) {
        if let Some(kept) = self.previews().get_mut(token) {
            kept.plan = Arc::new(plan);
        }
    }

    /// Throws a preview away.
    pub(super) fn discard(&self, token: &str) {
        self.previews().remove(token);
    }
}
