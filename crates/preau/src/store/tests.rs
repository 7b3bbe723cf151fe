//! Contract of the store on one engine; `tests/contract.rs` runs the rest on both.
