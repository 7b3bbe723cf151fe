//! The record: an append-only journal whose entries are chained by their hashes.
//!
//! What it is: the canonical form of an entry, the hash that ties it to its predecessor, and a
//! verifier that walks the chain and names the first entry that does not fit. What it is not: a
//! store. It reads no database and no clock, so that an auditor can link it alone.
//!
//! Invariant: `hash(n) = SHA-256(domain ‖ hash(n-1) ‖ canonical(entry n))`, with `hash(0)` all zeros
//! and sequence numbers 1, 2, 3… without a gap. Changing, removing, inserting or reordering any entry
//! therefore breaks the chain at that place. What a chain alone cannot show is that its *end* was cut
//! off; for that, compare the head with one that was noted elsewhere ([`Verifier::finish`]).
#![forbid(unsafe_code)]

mod chain;
mod entry;

pub use chain::{Fault, Head, Verifier};
pub use entry::{Digest, Entry};
