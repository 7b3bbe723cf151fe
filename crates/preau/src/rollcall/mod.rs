//! The roll call. Here: the view of the register.

pub mod views;
