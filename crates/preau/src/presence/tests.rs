//! The log on a real store.
