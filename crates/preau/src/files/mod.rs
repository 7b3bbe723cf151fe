//! Files that hang on something: bytes in a folder or in S3 (`object_store`), a row beside them.
//!
//! A file is named in addresses by a token of 128 random bits only, and whoever serves it asks the
//! policy of what it hangs on first: this module serves nothing by itself. What a file *is* is read
//! from its first bytes, never believed from its name.
//!
//! Invariant: a row exists only for bytes that are stored. Bytes without a row (a write that failed
//! after the upload) are harmless and unreachable.

mod kind;
mod place;
mod store;

pub use kind::{Kind, safe_name};
pub use place::{FileLimits, FileStore, Staged};
pub use store::{FileLine, OwnerKind, StoredFile, attach, detach, detach_all, file_by_token, files_of};
