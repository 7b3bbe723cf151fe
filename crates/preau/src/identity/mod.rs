//! Who people are: accounts, sign-in, sessions, activation codes, known devices.
//!
//! Others may use [`SessionCache`] (the edge finds callers through it).

mod session;
mod store;
pub mod views;

pub use session::SessionCache;
