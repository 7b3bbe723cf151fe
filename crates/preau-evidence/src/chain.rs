//! The walk along the chain.

use crate::{Digest, Entry};
use thiserror::Error;

/// The end of a chain: how many entries it has and the hash of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Sequence number of the last entry; 0 for an empty journal.
    pub sequence: i64,
    /// Hash of the last entry; all zeros for an empty journal.
    pub hash: Digest,
}

impl Head {
    /// The head of an empty journal.
    pub const EMPTY: Head = Head { sequence: 0, hash: [0; 32] };

    /// The head after `entry`, which takes the next sequence number.
    pub fn append(&self, entry: &mut Entry) -> Head {
        entry.sequence = self.sequence + 1;
        Head { sequence: entry.sequence, hash: entry.hash_after(&self.hash) }
    }

    /// The hash in lower-case hexadecimal, as operators compare it.
    pub fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where a journal stops being believable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// A number was skipped or repeated: an entry was removed, inserted or moved.
    #[error("entry {found} stands where entry {expected} should: an entry was removed, added or moved")]
    Sequence {
        /// The number that should have come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// The entry does not give the hash that was written beside it.
    #[error("entry {sequence} does not match its hash: it, or the entry before it, was altered")]
    Altered {
        /// The first entry that does not fit.
        sequence: i64,
    },
    /// The chain is sound but does not end where it should.
    #[error(
        "the journal ends at entry {found}, but its head was noted at entry {expected}: its end was cut off, replaced or added to"
    )]
    End {
        /// Sequence number of the head that was noted.
        expected: i64,
        /// Sequence number of the last entry present.
        found: i64,
    },
}

/// Checks entries one after the other in constant memory.
#[derive(Debug)]
pub struct Verifier {
    head: Head,
}

impl Default for Verifier {
    fn default() -> Self {
        Verifier { head: Head::EMPTY }
    }
}

impl Verifier {
    /// Takes the next entry and the hash that stands beside it.
    ///
    /// # Errors
    /// The [`Fault`] at this entry. The verifier is of no further use after one.
    pub fn next(&mut self, entry: &Entry, written: &[u8]) -> Result<(), Fault> {
        let expected = self.head.sequence + 1;
        if entry.sequence != expected {
            return Err(Fault::Sequence { expected, found: entry.sequence });
        }
        let hash = entry.hash_after(&self.head.hash);
        if written != hash {
            return Err(Fault::Altered { sequence: entry.sequence });
        }
        self.head = Head { sequence: entry.sequence, hash };
        Ok(())
    }

    /// Ends the walk and compares it with a head that was noted beside the journal.
    ///
    /// # Errors
    /// [`Fault::End`] when the walk ended elsewhere than at `noted`.
    pub fn finish(self, noted: Option<Head>) -> Result<Head, Fault> {
        match noted {
            Some(noted) if noted != self.head => {
                Err(Fault::End { expected: noted.sequence, found: self.head.sequence })
            }
            _ => Ok(self.head),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn journal(texts: &[(String, i64)]) -> Vec<(Entry, Digest)> {
        let mut head = Head::EMPTY;
        texts
            .iter()
            .map(|(action, object_id)| {
                let mut entry = Entry {
                    sequence: 0,
                    at_ms: 1_700_000_000_000,
                    actor: "person:7".into(),
                    action: action.clone(),
                    object_kind: "homework".into(),
                    object_id: *object_id,
                };
                head = head.append(&mut entry);
                (entry, head.hash)
            })
            .collect()
    }

    fn verify(journal: &[(Entry, Digest)], noted: Option<Head>) -> Result<Head, Fault> {
        let mut verifier = Verifier::default();
        for (entry, hash) in journal {
            verifier.next(entry, hash)?;
        }
        verifier.finish(noted)
    }

    fn head_of(journal: &[(Entry, Digest)]) -> Head {
        journal.last().map_or(Head::EMPTY, |(entry, hash)| Head { sequence: entry.sequence, hash: *hash })
    }

    #[test]
    fn moving_text_between_fields_changes_the_hash() {
        let entry = |action: &str, kind: &str| Entry {
            sequence: 1,
            at_ms: 0,
            actor: "system:demo".into(),
            action: action.into(),
            object_kind: kind.into(),
            object_id: 0,
        };
        assert_ne!(entry("ab", "c").hash_after(&[0; 32]), entry("a", "bc").hash_after(&[0; 32]));
    }

    proptest! {
        #[test]
        fn an_untouched_journal_verifies(texts in prop::collection::vec((".{0,12}", any::<i64>()), 0..20)) {
            let journal = journal(&texts);
            prop_assert_eq!(verify(&journal, Some(head_of(&journal))), Ok(head_of(&journal)));
        }

        #[test]
        fn the_first_altered_entry_is_named(
            texts in prop::collection::vec(("[a-z]{1,8}", any::<i64>()), 1..20),
            pick in any::<prop::sample::Index>(),
        ) {
            let mut journal = journal(&texts);
            let at = pick.index(journal.len());
            journal[at].0.action.push('!');
            prop_assert_eq!(verify(&journal, None), Err(Fault::Altered { sequence: at as i64 + 1 }));
        }

        #[test]
        fn a_removed_entry_is_named(
            texts in prop::collection::vec(("[a-z]{1,8}", any::<i64>()), 2..20),
            pick in any::<prop::sample::Index>(),
        ) {
            let mut journal = journal(&texts);
            let noted = head_of(&journal);
            let at = pick.index(journal.len());
            journal.remove(at);
            prop_assert!(verify(&journal, Some(noted)).is_err());
        }

        #[test]
        fn rewriting_a_suffix_does_not_reach_the_noted_head(
            texts in prop::collection::vec(("[a-z]{1,8}", any::<i64>()), 1..20),
            pick in any::<prop::sample::Index>(),
        ) {
            let original = journal(&texts);
            let mut forged = texts.clone();
            let at = pick.index(forged.len());
            forged[at].0.push('!');
            let forged = journal(&forged);
            prop_assert!(verify(&forged, None).is_ok());
            prop_assert!(verify(&forged, Some(head_of(&original))).is_err());
        }
    }
}
