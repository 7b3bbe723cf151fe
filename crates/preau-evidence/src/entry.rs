//! One line of the journal and its canonical bytes.

use sha2::{Digest as _, Sha256};

/// A SHA-256 value.
pub type Digest = [u8; 32];

/// Separates these hashes from every other use of SHA-256 in Préau, and versions the form below.
const DOMAIN: &[u8] = b"preau/journal/v1\0";

/// Who did what on what, and when. It carries identifiers only, never content about a person, so that
/// the journal can outlive the erasure of what it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Place in the chain, from 1, without gaps.
    pub sequence: i64,
    /// Milliseconds since the Unix epoch, by the server's clock at the commit.
    pub at_ms: i64,
    /// `person:<id>` or `system:<task>`.
    pub actor: String,
    /// What was done, for example `homework.publish`.
    pub action: String,
    /// Kind of the object, for example `homework`.
    pub object_kind: String,
    /// The object's identifier.
    pub object_id: i64,
}

impl Entry {
    /// The hash of this entry after a predecessor with the hash `previous`.
    ///
    /// Every text is preceded by its length (64-bit, big-endian), so that no two different entries
    /// share canonical bytes.
    pub fn hash_after(&self, previous: &Digest) -> Digest {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(previous);
        hash.update(self.sequence.to_be_bytes());
        hash.update(self.at_ms.to_be_bytes());
        for text in [&self.actor, &self.action, &self.object_kind] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(self.object_id.to_be_bytes());
        hash.finalize().into()
    }
}
