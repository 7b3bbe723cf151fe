//! The lesson and its live classroom. Here: the view of the live page.

pub mod views;
